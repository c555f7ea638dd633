//! Who may connect: bounds a machine, a network and in all, and who is banned.
//!
//! The core decides how many peers a torrent has and when one misbehaves; this is for what only the whole client sees.
//! Strangers' networks are bounded, so that one landlord of addresses cannot take every place. Loopback, the networks this
//! machine is in and the addresses that the user or the room named are not: many peers may share one of those.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::peer_id::PeerId;

use crate::addresses::OwnNetworks;

/// Incoming connections whose handshake is not through; the oldest gives way to a newer one.
pub(crate) const HALF_OPEN_MAX: usize = 32;

/// The same for one address that is not this machine's own.
const HALF_OPEN_PER_IP_MAX: usize = 4;

/// Connections of all torrents together, each a socket and two tasks; more when the user wants more for one torrent.
const CONNECTIONS_MAX: usize = 200;

/// One place in so many of those is kept for connections that we dial.
const DIALED_SHARE: usize = 5;

/// Connections to one stranger's network: an IPv4 /24 or an IPv6 /56, which is what one customer usually has.
const NETWORK_MAX: usize = 5;

/// Connections accepted at once, and how long one more takes after that: 50 a second. The system queues the others.
const ACCEPTS_BURST: u32 = 64;
const ACCEPT_EVERY: Duration = Duration::from_millis(20);

/// Entries of the list of the banned, some 60 bytes each; then the one that ends first is forgotten.
const BANNED_MAX: usize = 4096;

/// How long who broke the protocol is kept out. Who sent data that is not the film's is kept out for good.
const BAN: Duration = Duration::from_secs(60);

/// Addresses the user named that are remembered.
const NAMED_MAX: usize = 4096;

/// How often this machine's networks are looked up anew.
const OWN_ASKED_EVERY: Duration = Duration::from_secs(60);

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it is banned")]
    Banned,
    #[error("too many connections of its address wait for their handshake")]
    HalfOpen,
    #[error("too many connections to its network")]
    Network,
    #[error("there are as many connections as allowed")]
    Full,
}

/// The gate of one client.
pub(crate) struct Gate {
    state: RefCell<State>,
    connections_max: usize,
    look_up: fn() -> OwnNetworks,
}

#[derive(Default)]
struct State {
    half_open: BTreeMap<IpAddr, usize>,
    networks: BTreeMap<IpAddr, usize>,
    open: usize,
    named: BTreeSet<IpAddr>,
    banned: BTreeMap<Banned, Until>,
    own: OwnNetworks,
    own_asked: Option<Instant>,
    accepts_full_at: Option<Instant>,
}

/// An address, and the peer when others may be behind the same address.
type Banned = (IpAddr, Option<PeerId>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Instant(Instant),
    Always,
}

/// A connection whose handshake is under way; dropping it ends the count.
pub(crate) struct Knock {
    gate: Rc<Gate>,
    ip: IpAddr,
}

/// A connection that was taken; dropping it frees the place.
pub(crate) struct Place {
    gate: Rc<Gate>,
    ip: IpAddr,
    peer_id: PeerId,
}

impl Gate {
    /// `look_up` lists the networks of this machine.
    pub(crate) fn new(peers_max: usize, look_up: fn() -> OwnNetworks) -> Self {
        Self { state: RefCell::default(), connections_max: CONNECTIONS_MAX.max(peers_max), look_up }
    }

    /// The user or the room named that address.
    pub(crate) fn name(&self, ip: IpAddr) {
        let mut state = self.state.borrow_mut();
        if state.named.len() < NAMED_MAX {
            state.named.insert(ip.to_canonical());
        }
    }

    /// How long to wait before the next connection is accepted.
    pub(crate) fn pace(&self, now: Instant) -> Duration {
        let mut state = self.state.borrow_mut();
        let full_at = state.accepts_full_at.unwrap_or(now).max(now) + ACCEPT_EVERY;
        state.accepts_full_at = Some(full_at);
        full_at.saturating_duration_since(now).saturating_sub(ACCEPT_EVERY * ACCEPTS_BURST)
    }

    /// Whether as many handshakes are under way as may be.
    pub(crate) fn is_crowded(&self) -> bool {
        self.state.borrow().half_open.values().sum::<usize>() >= HALF_OPEN_MAX
    }

    /// Somebody connected to us and said nothing yet.
    pub(crate) fn knock(self: &Rc<Self>, now: Instant, ip: IpAddr) -> Result<Knock, Refusal> {
        let ip = ip.to_canonical();
        self.check(now, ip, None, true)?;
        let mut state = self.state.borrow_mut();
        let shared = is_shared(&state, ip);
        let all: usize = state.half_open.values().sum();
        let of_ip = state.half_open.entry(ip).or_default();
        if all >= HALF_OPEN_MAX || (!shared && *of_ip >= HALF_OPEN_PER_IP_MAX) {
            return Err(Refusal::HalfOpen);
        }
        *of_ip += 1;
        Ok(Knock { gate: self.clone(), ip })
    }

    /// Whether an address is worth dialing now.
    pub(crate) fn may_dial(&self, now: Instant, ip: IpAddr) -> Result<(), Refusal> {
        self.check(now, ip.to_canonical(), None, false)
    }

    /// A handshake is through.
    pub(crate) fn enter(
        self: &Rc<Self>,
        now: Instant,
        ip: IpAddr,
        peer_id: PeerId,
        incoming: bool,
    ) -> Result<Place, Refusal> {
        let ip = ip.to_canonical();
        self.check(now, ip, Some(peer_id), incoming)?;
        let mut state = self.state.borrow_mut();
        state.open += 1;
        *state.networks.entry(network(ip)).or_default() += 1;
        Ok(Place { gate: self.clone(), ip, peer_id })
    }

    fn check(&self, now: Instant, ip: IpAddr, peer_id: Option<PeerId>, incoming: bool) -> Result<(), Refusal> {
        let mut state = self.state.borrow_mut();
        self.refresh(&mut state, now);
        let is_banned = |who: Banned| match state.banned.get(&who) {
            Some(Until::Always) => true,
            Some(Until::Instant(until)) => now < *until,
            None => false,
        };
        if is_banned((ip, None)) || peer_id.is_some_and(|peer_id| is_banned((ip, Some(peer_id)))) {
            return Err(Refusal::Banned);
        }
        let kept = if incoming { self.connections_max / DIALED_SHARE } else { 0 };
        if state.open >= self.connections_max - kept {
            return Err(Refusal::Full);
        }
        let of_network = state.networks.get(&network(ip)).copied().unwrap_or(0);
        let bounded = !is_shared(&state, ip) && !state.own.contains(ip);
        if bounded && of_network >= NETWORK_MAX { Err(Refusal::Network) } else { Ok(()) }
    }

    fn refresh(&self, state: &mut State, now: Instant) {
        if state.own_asked.is_none_or(|asked| now.saturating_duration_since(asked) >= OWN_ASKED_EVERY) {
            state.own_asked = Some(now);
            state.own = (self.look_up)();
        }
    }
}

/// Whether many peers may be behind that address: this machine's own, or one that was named, where friends share a house.
fn is_shared(state: &State, ip: IpAddr) -> bool {
    ip.is_loopback() || state.named.contains(&ip) || state.own.is_this_machine(ip)
}

/// The first address of its network.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 72))),
    }
}

impl Place {
    /// The peer broke a rule, and its connection ends.
    pub(crate) fn punish(&self, now: Instant, misbehaved: PeerMisbehaved) {
        let until = match misbehaved {
            PeerMisbehaved::CorruptPiece(_) | PeerMisbehaved::CorruptBlock(_) | PeerMisbehaved::CorruptMetadata => {
                Until::Always
            }
            // It may have lost its network, or took another torrent for ours.
            PeerMisbehaved::Silent | PeerMisbehaved::WrongInfohash => return,
            PeerMisbehaved::NotBitTorrent
            | PeerMisbehaved::PieceOutOfRange { .. }
            | PeerMisbehaved::BlockOutOfPiece { .. }
            | PeerMisbehaved::FrameTooLong { .. }
            | PeerMisbehaved::FrameLength { .. }
            | PeerMisbehaved::BitfieldLength { .. }
            | PeerMisbehaved::BitfieldSpareBits
            | PeerMisbehaved::BitfieldLate
            | PeerMisbehaved::FastNotAgreed
            | PeerMisbehaved::UnrequestedBlock
            | PeerMisbehaved::UnrequestedReject
            | PeerMisbehaved::ExtensionMalformed
            | PeerMisbehaved::MetadataMismatch
            | PeerMisbehaved::Flood => Until::Instant(now + BAN),
        };
        let mut state = self.gate.state.borrow_mut();
        let who = (self.ip, is_shared(&state, self.ip).then_some(self.peer_id));
        let before = state.banned.get(&who).copied();
        state.banned.insert(who, before.map_or(until, |before| before.max(until)));
        if state.banned.len() > BANNED_MAX
            && let Some(first) = state.banned.iter().min_by_key(|(_, until)| **until).map(|(who, _)| *who)
        {
            state.banned.remove(&first);
        }
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        count_down(&mut self.gate.state.borrow_mut().half_open, self.ip);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.state.borrow_mut();
        state.open -= 1;
        count_down(&mut state.networks, network(self.ip));
    }
}

fn count_down(counts: &mut BTreeMap<IpAddr, usize>, ip: IpAddr) {
    if let Some(count) = counts.get_mut(&ip) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::OwnAddress;

    fn gate() -> Rc<Gate> {
        let own = || {
            let ip = IpAddr::from([192, 168, 1, 5]);
            OwnNetworks::new([OwnAddress { ip, prefix_len: 24 }])
        };
        Rc::new(Gate::new(60, own))
    }

    fn id(number: usize) -> PeerId {
        let mut id = [b'x'; 20];
        id[..8].copy_from_slice(&number.to_be_bytes());
        PeerId::new(id)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many connections from these addresses are taken.
    fn taken(gate: &Rc<Gate>, ips: impl Iterator<Item = IpAddr>) -> usize {
        let now = Instant::now();
        let places: Vec<Place> =
            ips.enumerate().filter_map(|(number, ip)| gate.enter(now, ip, id(number), true).ok()).collect();
        places.len()
    }

    #[test]
    fn a_strangers_network_has_five_places() {
        let v4 = |last: u8| IpAddr::from([198, 51, 100, last]);
        assert_eq!(taken(&gate(), (0..50).map(v4)), NETWORK_MAX);
        let v6 = |host: u16| IpAddr::from([0x2001, 0xdb8, 1, 0x4200 + (host & 0xff), 0, 0, 0, host]);
        assert_eq!(taken(&gate(), (0..50).map(v6)), NETWORK_MAX);
        let mapped = |last: u8| ip(&format!("::ffff:198.51.100.{last}"));
        assert_eq!(taken(&gate(), (0..50).map(mapped)), NETWORK_MAX);
    }

    #[test]
    fn loopback_and_own_networks_and_who_was_named_are_not_bounded() {
        assert_eq!(taken(&gate(), (0..50).map(|_| ip("127.0.0.1"))), 50);
        assert_eq!(taken(&gate(), (0..50).map(|last| IpAddr::from([192, 168, 1, last]))), 50);
        let gate = gate();
        gate.name(ip("198.51.100.7"));
        assert_eq!(taken(&gate, (0..50).map(|_| ip("198.51.100.7"))), 50);
        assert_eq!(taken(&gate, (0..50).map(|_| ip("198.51.100.8"))), NETWORK_MAX);
    }

    #[test]
    fn all_places_are_bounded_and_some_kept_for_dials() {
        let (gate, now) = (gate(), Instant::now());
        let enter = |number, incoming| gate.enter(now, ip("127.0.0.1"), id(number), incoming);
        let mut places: Vec<Place> = (0..500).filter_map(|number| enter(number, true).ok()).collect();
        assert_eq!(places.len(), CONNECTIONS_MAX - CONNECTIONS_MAX / DIALED_SHARE);
        places.extend((500..1000).filter_map(|number| enter(number, false).ok()));
        assert_eq!(places.len(), CONNECTIONS_MAX);
        assert_eq!(gate.may_dial(now, ip("127.0.0.1")), Err(Refusal::Full));
        places.clear();
        assert!(gate.may_dial(now, ip("127.0.0.1")).is_ok(), "places come back");
        assert!(gate.state.borrow().networks.is_empty());
    }

    #[test]
    fn handshakes_under_way_are_bounded() {
        let (gate, now) = (gate(), Instant::now());
        let of_one: Vec<Knock> = (0..50).filter_map(|_| gate.knock(now, ip("198.51.100.7")).ok()).collect();
        assert_eq!(of_one.len(), HALF_OPEN_PER_IP_MAX);
        let local: Vec<Knock> = (0..50).filter_map(|_| gate.knock(now, ip("127.0.0.1")).ok()).collect();
        assert_eq!(of_one.len() + local.len(), HALF_OPEN_MAX);
        assert!(gate.is_crowded());
        drop((of_one, local));
        assert!(gate.knock(now, ip("198.51.100.7")).is_ok());
        assert!(gate.state.borrow().half_open.values().all(|count| *count == 0));
    }

    #[test]
    fn who_lied_stays_out_and_who_blundered_comes_back() {
        let (gate, now) = (gate(), Instant::now());
        let (liar, clumsy) = (ip("198.51.100.7"), ip("203.0.113.7"));
        gate.enter(now, liar, id(1), true).unwrap_or_else(|_| panic!()).punish(now, PeerMisbehaved::CorruptMetadata);
        let place = gate.enter(now, clumsy, id(2), true).unwrap_or_else(|_| panic!());
        place.punish(now, PeerMisbehaved::Flood);
        let later = now + BAN;
        assert_eq!(gate.knock(now, liar).err(), Some(Refusal::Banned));
        assert_eq!(gate.knock(now, clumsy).err(), Some(Refusal::Banned));
        assert_eq!(gate.knock(later, liar).err(), Some(Refusal::Banned));
        assert!(gate.knock(later, clumsy).is_ok());
        let silent = gate.enter(now, ip("192.0.2.1"), id(3), true).unwrap_or_else(|_| panic!());
        silent.punish(now, PeerMisbehaved::Silent);
        assert!(gate.knock(now, ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn on_a_shared_address_only_the_peer_is_banned() {
        let (gate, now) = (gate(), Instant::now());
        gate.name(ip("198.51.100.7"));
        for shared in ["127.0.0.1", "192.168.1.5", "198.51.100.7"].map(ip) {
            let place = gate.enter(now, shared, id(1), true).unwrap_or_else(|_| panic!());
            place.punish(now, PeerMisbehaved::CorruptMetadata);
            assert_eq!(gate.enter(now, shared, id(1), false).err(), Some(Refusal::Banned));
            assert!(gate.knock(now, shared).is_ok());
            assert!(gate.enter(now, shared, id(2), true).is_ok());
        }
    }

    #[test]
    fn the_list_of_the_banned_is_bounded() {
        let (gate, now) = (gate(), Instant::now());
        for number in 0..BANNED_MAX + 10 {
            let place = gate.enter(now, ip("127.0.0.1"), id(number), true).unwrap_or_else(|_| panic!());
            place.punish(now, PeerMisbehaved::Flood);
        }
        assert_eq!(gate.state.borrow().banned.len(), BANNED_MAX);
    }

    #[test]
    fn accepting_has_a_pace() {
        let (gate, now) = (gate(), Instant::now());
        assert!((0..ACCEPTS_BURST).all(|_| gate.pace(now).is_zero()));
        assert_eq!(gate.pace(now), ACCEPT_EVERY);
        assert!(gate.pace(now + Duration::from_secs(60)).is_zero());
    }
}
