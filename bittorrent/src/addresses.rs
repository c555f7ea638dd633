//! Which addresses we dial, and which of our own we tell.
//!
//! A magnet or a peer can name any address. Dialled without a thought, it turns this machine into a probe of its own
//! network: the router's page, a printer, a service that only listens on loopback. Pure, but for [`own_networks`].

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::tracker::TrackerUrl;

/// Addresses told to others at most, so that a magnet stays short enough for a chat message.
pub(crate) const ADVERTISED_MAX: usize = 8;

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Below 1024 and named by a peer only.
    #[error("a port of other services than peers")]
    ServicePort,
    /// Nobody listens there.
    #[error("port 0")]
    PortZero,
    /// `0.0.0.0/8` or `::`, which the system takes for this machine.
    #[error("an unspecified address")]
    Unspecified,
    /// Names a group, not a peer.
    #[error("a multicast address")]
    Multicast,
    /// Everybody on a network.
    #[error("a broadcast address")]
    Broadcast,
    /// This machine.
    #[error("a loopback address")]
    Loopback,
    /// `169.254.0.0/16` or `fe80::/10`.
    #[error("a link-local address")]
    LinkLocal,
    /// A private network that this machine is not in.
    #[error("an address of a private network that is not ours")]
    Private,
    /// `240.0.0.0/4`, and IPv6 below `::ffff:0:0` that is neither loopback nor unspecified: routed nowhere.
    #[error("a reserved address")]
    Reserved,
    /// A tracker on a local network that only a stranger names, at another path than `/announce`.
    #[error("a local address at another path than /announce, which only you or the room may name")]
    NotAnnounce,
}

/// The networks that this machine's interfaces are in, loopback left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnNetworks {
    addresses: Vec<OwnAddress>,
}

/// An address of this machine and its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnAddress {
    /// The address.
    pub(crate) ip: IpAddr,
    /// Leading bits that all addresses of its network share.
    pub(crate) prefix_len: u8,
}

/// Asks the system for this machine's networks. They change when a cable is pulled or a laptop wakes: ask again then.
pub(crate) fn own_networks() -> io::Result<OwnNetworks> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(OwnNetworks::new(interfaces.into_iter().map(|interface| match interface.addr {
        if_addrs::IfAddr::V4(v4) => OwnAddress { ip: v4.ip.into(), prefix_len: v4.prefixlen },
        if_addrs::IfAddr::V6(v6) => OwnAddress { ip: v6.ip.into(), prefix_len: v6.prefixlen },
    })))
}

/// The same, and none when the system does not say.
pub(crate) fn own_networks_or_none() -> OwnNetworks {
    own_networks().unwrap_or_else(|error| {
        log::warn!("cannot list this machine's addresses: {error}");
        OwnNetworks::default()
    })
}

/// Whether an address may be dialled, by who named it: what only a magnet, a torrent, a public tracker or a peer names is a
/// [`NamedBy::Stranger`]'s.
pub(crate) fn may_dial(addr: SocketAddr, named_by: NamedBy, own: &OwnNetworks) -> Result<(), Refused> {
    if addr.port() == 0 {
        return Err(Refused::PortZero);
    }
    let ip = addr.ip().to_canonical();
    match Kind::of(ip) {
        Kind::Unspecified => Err(Refused::Unspecified),
        Kind::Multicast => Err(Refused::Multicast),
        Kind::Broadcast => Err(Refused::Broadcast),
        Kind::Global => Ok(()),
        // The user and the room mean what they say.
        Kind::Loopback | Kind::LinkLocal | Kind::Private | Kind::Reserved if named_by.is_trusted() => Ok(()),
        Kind::Loopback => Err(Refused::Loopback),
        Kind::LinkLocal => Err(Refused::LinkLocal),
        Kind::Reserved => Err(Refused::Reserved),
        Kind::Private if own.is_broadcast(ip) => Err(Refused::Broadcast),
        Kind::Private if own.contains(ip) => Ok(()),
        Kind::Private => Err(Refused::Private),
    }
}

/// Whether an address may be dialed that a peer at `by` named (BEP 11): one that leads anywhere, or one of the same kind of
/// network as that peer's own. Peers do not listen on the ports of other services, which are those below 1024.
pub(crate) fn may_dial_named_by_peer(addr: SocketAddr, by: IpAddr, own: &OwnNetworks) -> Result<(), Refused> {
    if (1..PEER_PORT_MIN).contains(&addr.port()) {
        return Err(Refused::ServicePort);
    }
    match (Kind::of(addr.ip().to_canonical()), Kind::of(by.to_canonical())) {
        // It can only be on this machine, too.
        (Kind::Loopback, Kind::Loopback) if addr.port() != 0 => Ok(()),
        (Kind::Private, Kind::Private) => may_dial(addr, NamedBy::Stranger, own),
        (Kind::Private, _) => Err(Refused::Private),
        (
            Kind::Global
            | Kind::Unspecified
            | Kind::Multicast
            | Kind::Broadcast
            | Kind::Loopback
            | Kind::LinkLocal
            | Kind::Reserved,
            _,
        ) => may_dial(addr, NamedBy::Stranger, own),
    }
}

/// The first port that peers are believed to listen on.
const PEER_PORT_MIN: u16 = 1024;

/// Whether a tracker may be asked at this address. One that the user or the room named: as a peer. One that a stranger
/// named: never a link-local one, and on local networks only where a tracker's path stands and nothing else is said, because
/// a request to anything else there may be a command to a router or a printer.
pub(crate) fn may_announce(
    addr: SocketAddr,
    named_by: NamedBy,
    url: &TrackerUrl,
    own: &OwnNetworks,
) -> Result<(), Refused> {
    let path = url.path();
    let is_trackers = path.starts_with("/announce") && !path.contains("..") && !path.contains('%');
    match (may_dial(addr, named_by, own), named_by) {
        (refused_or_not, NamedBy::User | NamedBy::Room) => refused_or_not,
        (Ok(()) | Err(Refused::Loopback | Refused::Private), NamedBy::Member | NamedBy::Stranger) if is_local(addr) => {
            if is_trackers && url.query().is_none() {
                Ok(())
            } else {
                Err(Refused::NotAnnounce)
            }
        }
        (refused_or_not, NamedBy::Member | NamedBy::Stranger) => refused_or_not,
    }
}

/// Whether the address leads no further than this machine and its private networks.
pub(crate) fn is_local(addr: SocketAddr) -> bool {
    Kind::of(addr.ip().to_canonical()) != Kind::Global
}

/// Our own addresses that a peer elsewhere may reach, with the port we listen on, for a magnet's `x.pe` (BEP 9): public
/// ones first, then private ones for peers in the same house; at most [`ADVERTISED_MAX`]. Of the public ones those in the
/// networks of `towards_the_world`, the addresses that the system itself uses there: of others nobody knows where they lead.
pub(crate) fn advertised(listen_port: u16, own: &OwnNetworks, towards_the_world: &[IpAddr]) -> Vec<SocketAddr> {
    let leads_here = |own: &&OwnAddress| {
        towards_the_world.iter().any(|ip| own.ip == *ip || (Kind::of(*ip) == Kind::Global && own.shares_network(*ip)))
    };
    let of_kind = |kind: Kind| own.addresses.iter().filter(move |own| Kind::of(own.ip) == kind);
    of_kind(Kind::Global)
        .filter(leads_here)
        .chain(of_kind(Kind::Private))
        .map(|own| own.ip)
        .take(ADVERTISED_MAX)
        .map(|ip| SocketAddr::new(ip, listen_port))
        .collect()
}

/// All of ours that somebody may reach.
pub(crate) fn reachable(own: &OwnNetworks) -> BTreeSet<IpAddr> {
    let ips = own.addresses.iter().map(|own| own.ip);
    ips.filter(|ip| matches!(Kind::of(*ip), Kind::Global | Kind::Private)).collect()
}

/// Our own address of each family that a peer behind the same router may reach, with the port we listen on (BEP 7).
/// Of several the one in the largest network: a tunnel has one address or two.
pub(crate) fn for_the_same_house(listen_port: u16, own: &OwnNetworks) -> Vec<SocketAddr> {
    let of_family = |v6: bool| {
        let private = own.addresses.iter().filter(|own| own.ip.is_ipv6() == v6 && Kind::of(own.ip) == Kind::Private);
        private.min_by_key(|own| own.prefix_len).map(|own| SocketAddr::new(own.ip, listen_port))
    };
    [of_family(false), of_family(true)].into_iter().flatten().collect()
}

impl OwnNetworks {
    /// Sorted and without repetition, so that the same machine always says the same.
    pub(crate) fn new(addresses: impl IntoIterator<Item = OwnAddress>) -> Self {
        let mut addresses: Vec<_> = addresses
            .into_iter()
            .map(|own| OwnAddress { ip: own.ip.to_canonical(), ..own })
            .filter(|own| !matches!(Kind::of(own.ip), Kind::Loopback | Kind::Unspecified))
            .collect();
        addresses.sort();
        addresses.dedup();
        Self { addresses }
    }

    /// Whether the address is one of ours or in a network of ours.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.ip == ip || own.shares_network(ip))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Whether the address is this machine's.
    pub(crate) fn is_this_machine(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.ip == ip)
    }

    /// Whether it is the address of everybody in a network of ours: all bits after the prefix set, IPv4 only.
    fn is_broadcast(&self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        self.addresses.iter().any(|own| {
            // A network of one or two addresses has no broadcast address (RFC 3021).
            let host_bits = u32::MAX.checked_shr(u32::from(own.prefix_len)).filter(|_| own.prefix_len < 31);
            own.shares_network(IpAddr::V4(ip)) && host_bits.is_some_and(|bits| ip.to_bits() & bits == bits)
        })
    }
}

impl OwnAddress {
    fn shares_network(self, ip: IpAddr) -> bool {
        // No private network is larger than 10.0.0.0/8 or fc00::/7. A shorter prefix is a tunnel that carries everything,
        // which makes nobody on it a neighbour.
        const PREFIX_LEN_MIN: u8 = 7;
        if self.prefix_len < PREFIX_LEN_MIN {
            return false;
        }
        match (self.ip, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix_len)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differ = a.to_bits() ^ b.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix_len)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What an address is for (the IANA registries of special-purpose addresses), as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unspecified,
    Multicast,
    Broadcast,
    Loopback,
    LinkLocal,
    Private,
    Reserved,
    Global,
}

impl Kind {
    /// Of a canonical address: an IPv4 one is never wrapped in IPv6.
    const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    const fn of_v4(ip: Ipv4Addr) -> Self {
        match ip.octets() {
            [0, ..] => Self::Unspecified,
            [127, ..] => Self::Loopback,
            [169, 254, ..] => Self::LinkLocal,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [224..=239, ..] => Self::Multicast,
            [255, 255, 255, 255] => Self::Broadcast,
            [240..=255, ..] => Self::Reserved,
            [_, ..] => Self::Global,
        }
    }

    const fn of_v6(ip: Ipv6Addr) -> Self {
        match ip.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // IPv4 written in an old way ("compatible", RFC 4291, section 2.5.5.1), which some systems still route.
            [0, 0, 0, 0, 0, 0, _, _] => Self::Reserved,
            [0xff00..=0xffff, ..] => Self::Multicast,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            // Unique local (RFC 4193), and what was site-local before it (RFC 3879).
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::Private,
            [_, ..] => Self::Global,
        }
    }
}
