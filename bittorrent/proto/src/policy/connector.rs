//! Whom to dial, and when again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Dials under way at once.
const DIALING_MAX: usize = 8;

/// Addresses remembered. A magnet names 32, a room a few.
const KNOWN_MAX: usize = 512;

/// The wait after the first failed dial; it doubles with each.
const BACK_OFF_MIN: Duration = Duration::from_secs(1);

/// Addresses that the user or the room gave are never given up.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Failed dials after which an address that nobody vouched for is forgotten.
const FAILURES_MAX: u32 = 6;

/// Who named an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamedBy {
    /// The user or the room: kept for good.
    User,
    /// A magnet, a torrent or a peer.
    Stranger,
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
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting {
        until: Instant,
    },
    Dialing,
    Connected,
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
        let room = self.known.len() < KNOWN_MAX;
        let known = self.known.get_mut(&addr);
        match known {
            Some(known) if named_by == NamedBy::User => {
                // Given again by hand: worth a try at once.
                known.named_by = NamedBy::User;
                if let State::Waiting { until } = &mut known.state {
                    *until = now;
                }
            }
            Some(_) => {}
            None if room => {
                self.known.insert(addr, Known { named_by, failures: 0, state: State::Waiting { until: now } });
            }
            None => {}
        }
    }

    /// The next address to dial now, which counts as being dialed from here on. `connected` counts every connection.
    pub fn next_dial(&mut self, now: Instant, connected: usize) -> Option<SocketAddr> {
        let dialing = self.known.values().filter(|known| known.state == State::Dialing).count();
        if dialing >= DIALING_MAX || connected + dialing >= self.peers_max {
            return None;
        }
        let due = |known: &Known| matches!(known.state, State::Waiting { until } if until <= now);
        let (addr, known) = self
            .known
            .iter_mut()
            .filter(|(_, known)| due(known))
            .min_by_key(|(addr, known)| (known.failures, **addr))?;
        known.state = State::Dialing;
        Some(*addr)
    }

    /// When the next address is worth dialing.
    pub fn next_due(&self) -> Option<Instant> {
        self.known
            .values()
            .filter_map(|known| match known.state {
                State::Waiting { until } => Some(until),
                State::Dialing | State::Connected | State::Banned => None,
            })
            .min()
    }

    /// A dial failed.
    pub fn failed(&mut self, now: Instant, addr: SocketAddr) {
        self.wait(now, addr);
    }

    /// A dial led to a connection.
    pub fn connected(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.state = State::Connected;
            known.failures = 0;
        }
    }

    /// A connection that we dialed ended.
    pub fn disconnected(&mut self, now: Instant, addr: SocketAddr) {
        self.wait(now, addr);
    }

    /// Never again.
    pub fn ban(&mut self, addr: SocketAddr) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.state = State::Banned;
        }
    }

    /// How many connections a torrent may have.
    pub const fn peers_max(&self) -> usize {
        self.peers_max
    }

    fn wait(&mut self, now: Instant, addr: SocketAddr) {
        let Some(known) = self.known.get_mut(&addr) else { return };
        if known.state == State::Banned {
            return;
        }
        let back_off = BACK_OFF_MIN.saturating_mul(1 << known.failures.min(8)).min(BACK_OFF_MAX);
        known.failures += 1;
        known.state = State::Waiting { until: now + back_off };
        if known.named_by == NamedBy::Stranger && known.failures >= FAILURES_MAX {
            self.known.remove(&addr);
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
        let dials = std::iter::from_fn(|| connector.next_dial(now, 0)).count();
        assert_eq!(dials, DIALING_MAX);
        let mut full = Connector::new(3);
        (1..=20).for_each(|port| full.add(now, addr(port), NamedBy::Stranger));
        assert_eq!(std::iter::from_fn(|| full.next_dial(now, 2)).count(), 1);
    }

    #[test]
    fn waits_longer_each_time_and_forgets_strangers() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::Stranger);
        for failure in 0..FAILURES_MAX {
            assert_eq!(connector.next_dial(now, 0), Some(addr(1)), "attempt {failure}");
            connector.failed(now, addr(1));
            assert_eq!(connector.next_dial(now, 0), None);
            now = connector.next_due().unwrap_or(now);
        }
        assert_eq!(connector.next_due(), None, "forgotten");
    }

    #[test]
    fn what_the_user_gave_is_never_given_up() {
        let mut now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::User);
        for _ in 0..50 {
            assert_eq!(connector.next_dial(now, 0), Some(addr(1)));
            connector.failed(now, addr(1));
            let next = connector.next_due().unwrap();
            assert!(next - now <= BACK_OFF_MAX);
            now = next;
        }
        connector.failed(now, addr(1));
        connector.add(now, addr(1), NamedBy::User);
        assert_eq!(connector.next_due(), Some(now), "given again: tried at once");
    }

    #[test]
    fn the_banned_are_not_dialed() {
        let now = Instant::now();
        let mut connector = Connector::new(60);
        connector.add(now, addr(1), NamedBy::User);
        connector.next_dial(now, 0);
        connector.connected(addr(1));
        connector.ban(addr(1));
        connector.disconnected(now, addr(1));
        connector.add(now, addr(1), NamedBy::User);
        assert_eq!(connector.next_dial(now, 0), None);
    }
}
