//! Whom to dial, and when again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::peer_id::PeerId;

/// Dials under way at once.
const DIALING_MAX: usize = 8;

/// Addresses remembered. A magnet names 32, a room a few.
const KNOWN_MAX: usize = 512;

/// The wait after the first failed dial; it doubles with each.
const BACK_OFF_MIN: Duration = Duration::from_secs(1);

/// The host of a film that closed its lid is dialed within this time of opening it.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// And an address that nobody vouched for and that failed this often, within the next.
const FAILURES_MAX: u32 = 8;
const BACK_OFF_MAX_LATER: Duration = Duration::from_secs(300);

/// With this many addresses known, one that nobody vouched for and that keeps failing is forgotten.
const CROWDED: usize = KNOWN_MAX / 2;

/// A connection that lasted this long was a good one: what failed before is forgotten.
const LASTING: Duration = Duration::from_secs(30);

/// How often a seed that changed networks dials each peer that it lost by that: for two minutes.
const CALLS_BACK_MAX: u32 = 8;

/// Whom to dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Whoever may have something.
    Anybody,
    /// Who wanted something of us when we lost our address, and cannot know where we are now.
    CallsBack,
}

/// Who named an address, whose word counts most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NamedBy {
    /// The user: kept for good.
    User,
    /// The room's rendezvous: kept for good.
    Room,
    /// A peer that proved to be a member of the room. Who answers there has to prove it, too.
    Member,
    /// A magnet, a torrent, a public tracker or a peer.
    Stranger,
}

impl NamedBy {
    /// Whether the user or the room answers for the address. It is never given up then, and may be local.
    pub const fn is_trusted(self) -> bool {
        match self {
            Self::User | Self::Room => true,
            Self::Member | Self::Stranger => false,
        }
    }
}

/// Addresses and what became of them.
#[derive(Clone, Debug)]
pub struct Connector {
    known: BTreeMap<SocketAddr, Known>,
    peers_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    named_by: NamedBy,
    failures: u32,
    /// Dials left for a peer that lost us.
    calls_back: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting {
        until: Instant,
    },
    Dialing,
    Connected,
    /// It led to a peer that we are connected to by another address.
    Duplicate {
        of: PeerId,
    },
    /// It broke the protocol, or is this engine itself.
    Banned,
}

impl Connector {
    /// Nobody is known yet.
    pub const fn new(peers_max: usize) -> Self {
        Self { known: BTreeMap::new(), peers_max }
    }

    /// Learns an address.
    pub fn add(&mut self, now: Instant, addr: SocketAddr, named_by: NamedBy) {
        let is_new = !self.known.contains_key(&addr);
        let room = self.known.len() < KNOWN_MAX || (is_new && named_by < NamedBy::Stranger && self.evict(named_by));
        match self.known.get_mut(&addr) {
            Some(known) if named_by == NamedBy::User || named_by < known.named_by => {
                // Given again by hand, or by somebody who knows better: worth a try at once.
                known.named_by = known.named_by.min(named_by);
                if matches!(known.state, State::Waiting { .. } | State::Duplicate { .. }) {
                    known.state = State::Waiting { until: now };
                }
            }
            Some(_) => {}
            None if room => {
                let state = State::Waiting { until: now };
                self.known.insert(addr, Known { named_by, failures: 0, calls_back: 0, state });
            }
            None => {}
        }
    }

    /// Makes room for an address whose namer counts for more: of the others, the one goes that failed most often.
    fn evict(&mut self, for_one_of: NamedBy) -> bool {
        let of_strangers =
            self.known.iter().filter(|(_, known)| known.named_by > for_one_of && !known.named_by.is_trusted());
        let waiting =
            of_strangers.filter(|(_, known)| matches!(known.state, State::Waiting { .. } | State::Duplicate { .. }));
        let worst = waiting.max_by_key(|(addr, known)| (known.named_by, known.failures, **addr)).map(|(addr, _)| *addr);
        worst.is_some_and(|addr| self.known.remove(&addr).is_some())
    }

    /// The next address to dial now, which counts as being dialed from here on. `connected` counts every connection.
    pub fn next_dial(&mut self, now: Instant, connected: usize, wanted: Wanted) -> Option<SocketAddr> {
        let dialing = self.known.values().filter(|known| known.state == State::Dialing).count();
        if dialing >= DIALING_MAX || connected + dialing >= self.peers_max {
            return None;
        }
        let due = |known: &Known| known.is(wanted) && matches!(known.state, State::Waiting { until } if until <= now);
        let (addr, known) = self
            .known
            .iter_mut()
            .filter(|(_, known)| due(known))
            .min_by_key(|(addr, known)| (known.named_by, known.failures, **addr))?;
        known.state = State::Dialing;
        Some(*addr)
    }

    /// When the next address is worth dialing.
    pub fn next_due(&self, wanted: Wanted) -> Option<Instant> {
        self.known
            .values()
            .filter(|known| known.is(wanted))
            .filter_map(|known| match known.state {
                State::Waiting { until } => Some(until),
                State::Dialing | State::Connected | State::Duplicate { .. } | State::Banned => None,
            })
            .min()
    }

    /// The peer there lost us by a move of ours: it is dialed again also by who wants nothing of it.
    pub fn call_back(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.calls_back = CALLS_BACK_MAX;
        }
    }

    /// The peer there wants nothing any more.
    pub fn leave(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.calls_back = 0;
        }
    }

    /// A dial failed. Nothing changes when the peer called us in the meantime.
    pub fn failed(&mut self, now: Instant, addr: SocketAddr) {
        if self.known.get(&addr).is_some_and(|known| known.state == State::Dialing) {
            self.wait(now, addr);
        }
    }

    /// A dial led to a connection.
    pub fn connected(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr).filter(|known| known.state != State::Banned) {
            known.state = State::Connected;
        }
    }

    /// That address leads to a peer that we are connected to by another one: it is not dialed before that peer is gone.
    pub fn duplicate(&mut self, addr: SocketAddr, of: PeerId) {
        if let Some(known) = self.known.get_mut(&addr).filter(|known| known.state != State::Banned) {
            known.state = State::Duplicate { of };
        }
    }

    /// A connection to that address ended.
    pub fn disconnected(&mut self, now: Instant, addr: SocketAddr, lasted: Duration) {
        if let Some(known) = self.known.get_mut(&addr).filter(|_| lasted >= LASTING) {
            (known.failures, known.calls_back) = (0, 0);
        }
        self.wait(now, addr);
    }

    /// That peer is gone: other addresses of it may be worth dialing now.
    pub fn free_duplicates(&mut self, now: Instant, gone: PeerId) {
        for known in self.known.values_mut().filter(|known| known.state == State::Duplicate { of: gone }) {
            known.state = State::Waiting { until: now + BACK_OFF_MIN };
        }
    }

    /// Never again.
    pub fn ban(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.state = State::Banned;
        }
    }

    /// Who named that address, if anybody did.
    pub fn named_by(&self, addr: SocketAddr) -> Option<NamedBy> {
        self.known.get(&addr).map(|known| known.named_by)
    }

    /// Forgets whom only strangers named and nobody is connected to (BEP 27: they are no source of peers).
    pub fn forget_strangers(&mut self) {
        self.known.retain(|_, known| {
            known.named_by < NamedBy::Stranger || matches!(known.state, State::Connected | State::Banned)
        });
    }

    /// How many connections a torrent may have.
    pub const fn peers_max(&self) -> usize {
        self.peers_max
    }

    fn wait(&mut self, now: Instant, addr: SocketAddr) {
        let crowded = self.known.len() >= CROWDED;
        let Some(known) = self.known.get_mut(&addr) else { return };
        if known.state == State::Banned {
            return;
        }
        let given_up = !known.named_by.is_trusted() && known.failures >= FAILURES_MAX;
        let back_off_max = if given_up { BACK_OFF_MAX_LATER } else { BACK_OFF_MAX };
        let back_off = BACK_OFF_MIN.saturating_mul(1 << known.failures.min(9)).min(back_off_max);
        known.failures = known.failures.saturating_add(1);
        known.calls_back = known.calls_back.saturating_sub(1);
        known.state = State::Waiting { until: now + back_off };
        if given_up && crowded {
            self.known.remove(&addr);
        }
    }
}

impl Known {
    const fn is(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Anybody => true,
            Wanted::CallsBack => self.calls_back > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 1], port))
    }

    #[test]
    fn dials_are_bounded() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        (1..=20).for_each(|port| connector.add(now, addr(port), NamedBy::Stranger));
        let dials = std::iter::from_fn(|| connector.next_dial(now, 0, Wanted::Anybody)).count();
        assert_eq!(dials, DIALING_MAX);
        let mut full = Connector::new(3);
        (1..=20).for_each(|port| full.add(now, addr(port), NamedBy::Stranger));
        assert_eq!(std::iter::from_fn(|| full.next_dial(now, 2, Wanted::Anybody)).count(), 1);
    }

    #[test]
    fn the_user_comes_before_strangers() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::Stranger);
        connector.add(now, addr(2), NamedBy::User);
        assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), Some(addr(2)));
    }

    #[test]
    fn the_room_comes_before_its_members_and_both_before_strangers() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        let order = [NamedBy::User, NamedBy::Room, NamedBy::Member, NamedBy::Stranger];
        for (port, named_by) in (1..=4).rev().zip(order) {
            connector.add(now, addr(port), named_by);
        }
        let dialed: Vec<_> =
            std::iter::from_fn(|| connector.next_dial(now, 0, Wanted::Anybody)).map(|addr| addr.port()).collect();
        assert_eq!(dialed, [4, 3, 2, 1]);
        connector.add(now, addr(2), NamedBy::Room);
        connector.add(now, addr(4), NamedBy::Stranger);
        assert_eq!(connector.named_by(addr(2)), Some(NamedBy::Room), "the better word counts");
        assert_eq!(connector.named_by(addr(4)), Some(NamedBy::User), "and a worse one takes nothing back");
        connector.forget_strangers();
        assert_eq!(connector.named_by(addr(1)), None);
        assert_eq!(connector.named_by(addr(2)), Some(NamedBy::Room));
    }

    #[test]
    fn a_host_that_was_away_is_found_again() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::Stranger);
        let mut longest = Duration::ZERO;
        for failure in 0..50 {
            assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), Some(addr(1)), "attempt {failure}");
            connector.failed(now, addr(1));
            assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), None);
            let next = connector.next_due(Wanted::Anybody).unwrap();
            longest = longest.max(next - now);
            now = next;
        }
        assert_eq!(longest, BACK_OFF_MAX_LATER);
    }

    #[test]
    fn in_a_crowd_who_keeps_failing_is_forgotten() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        let crowd = u16::try_from(CROWDED).unwrap();
        (1..=crowd).for_each(|port| connector.add(now, addr(port), NamedBy::Stranger));
        for _ in 0..=FAILURES_MAX {
            while let Some(dialed) = connector.next_dial(now, 0, Wanted::Anybody) {
                connector.failed(now, dialed);
            }
            now += BACK_OFF_MAX_LATER;
        }
        assert!(connector.known.len() < CROWDED);
    }

    #[test]
    fn the_other_address_of_a_peer_is_dialed_when_the_first_is_lost() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::Stranger);
        connector.add(now, addr(2), NamedBy::Stranger);
        assert!(
            connector.next_dial(now, 0, Wanted::Anybody).is_some()
                && connector.next_dial(now, 0, Wanted::Anybody).is_some()
        );
        connector.connected(addr(1));
        let (peer, other) = (PeerId::new([1; 20]), PeerId::new([2; 20]));
        connector.duplicate(addr(2), peer);
        connector.free_duplicates(now, other);
        assert_eq!(connector.next_due(Wanted::Anybody), None, "somebody else left");
        connector.disconnected(now, addr(1), Duration::from_secs(100));
        connector.free_duplicates(now, peer);
        let later = connector.next_due(Wanted::Anybody).unwrap();
        assert_eq!(later, now + BACK_OFF_MIN);
        let dialed = [connector.next_dial(later, 0, Wanted::Anybody), connector.next_dial(later, 0, Wanted::Anybody)];
        assert!(dialed.contains(&Some(addr(2))));
    }

    #[test]
    fn the_user_finds_room_among_strangers() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        (1..=1000).for_each(|port| connector.add(now, addr(port), NamedBy::Stranger));
        assert_eq!(connector.known.len(), KNOWN_MAX);
        connector.add(now, addr(2000), NamedBy::User);
        assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), Some(addr(2000)));
        assert_eq!(connector.known.len(), KNOWN_MAX);
    }

    #[test]
    fn what_the_user_gave_is_never_given_up() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::User);
        for _ in 0..50 {
            assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), Some(addr(1)));
            connector.failed(now, addr(1));
            let next = connector.next_due(Wanted::Anybody).unwrap();
            assert!(next - now <= BACK_OFF_MAX);
            now = next;
        }
        connector.failed(now, addr(1));
        connector.add(now, addr(1), NamedBy::User);
        assert_eq!(connector.next_due(Wanted::Anybody), Some(now), "given again: tried at once");
    }

    #[test]
    fn who_called_while_we_dialed_is_not_dialed_again() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::User);
        connector.next_dial(now, 0, Wanted::Anybody);
        connector.connected(addr(1));
        connector.failed(now, addr(1));
        assert_eq!(connector.next_due(Wanted::Anybody), None, "a connection to it is open");
        connector.disconnected(now, addr(1), Duration::ZERO);
        assert!(connector.next_due(Wanted::Anybody).is_some());
    }

    #[test]
    fn the_banned_are_not_dialed() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::User);
        connector.next_dial(now, 0, Wanted::Anybody);
        connector.connected(addr(1));
        connector.ban(addr(1));
        connector.disconnected(now, addr(1), Duration::ZERO);
        connector.add(now, addr(1), NamedBy::User);
        assert_eq!(connector.next_dial(now, 0, Wanted::Anybody), None);
    }

    #[test]
    fn who_lost_us_is_called_back_for_a_while_by_who_wants_nothing() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        (1..=3).for_each(|port| connector.add(now, addr(port), NamedBy::Stranger));
        connector.connected(addr(1));
        connector.disconnected(now, addr(1), LASTING);
        connector.call_back(addr(1));
        connector.call_back(addr(9));
        let began = now;
        let mut dials = 0;
        while let Some(due) = connector.next_due(Wanted::CallsBack) {
            now = due;
            assert_eq!(connector.next_dial(now, 0, Wanted::CallsBack), Some(addr(1)));
            assert_eq!(connector.next_dial(now, 0, Wanted::CallsBack), None, "nobody else");
            connector.failed(now, addr(1));
            dials += 1;
        }
        assert_eq!(dials, CALLS_BACK_MAX);
        assert!((100..130).contains(&(now - began).as_secs()), "{:?}", now - began);
        connector.call_back(addr(2));
        connector.leave(addr(2));
        assert_eq!(connector.next_due(Wanted::CallsBack), None);
        assert!(connector.next_due(Wanted::Anybody).is_some());
    }
}
