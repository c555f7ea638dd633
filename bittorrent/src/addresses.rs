//! Which addresses we dial, and which of our own we tell.
//!
//! A magnet or a peer can name any address. Dialled without a thought, it turns this machine into a probe of its own
//! network: the router's page, a printer, a service that only listens on loopback. Pure, but for [`own_networks`].

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

#[cfg(test)]
mod tests {
    use super::*;

    fn own(networks: &[&str]) -> OwnNetworks {
        OwnNetworks::new(networks.iter().map(|network| {
            let (ip, prefix_len) = network.split_once('/').unwrap();
            OwnAddress { ip: ip.parse().unwrap(), prefix_len: prefix_len.parse().unwrap() }
        }))
    }

    /// A laptop at home, with a tunnel.
    fn home() -> OwnNetworks {
        own(&["127.0.0.1/8", "::1/128", "192.168.1.20/24", "10.8.0.2/32", "fe80::1/64", "fd12::5/64", "2001:db8::5/64"])
    }

    fn stranger(addr: &str) -> Result<(), Refused> {
        may_dial(addr.parse().unwrap(), NamedBy::Stranger, &home())
    }

    #[test]
    fn what_strangers_may_name() {
        let table = [
            ("93.184.216.34:6881", Ok(())),
            ("[2606:2800::1]:6881", Ok(())),
            ("93.184.216.34:0", Err(Refused::PortZero)),
            ("0.0.0.0:80", Err(Refused::Unspecified)),
            ("0.1.2.3:80", Err(Refused::Unspecified)),
            ("[::]:80", Err(Refused::Unspecified)),
            ("127.0.0.1:80", Err(Refused::Loopback)),
            ("127.255.0.9:80", Err(Refused::Loopback)),
            ("[::1]:80", Err(Refused::Loopback)),
            ("169.254.169.254:80", Err(Refused::LinkLocal)),
            ("[fe80::2]:80", Err(Refused::LinkLocal)),
            ("[febf::2]:80", Err(Refused::LinkLocal)),
            ("224.0.0.1:80", Err(Refused::Multicast)),
            ("239.255.255.250:1900", Err(Refused::Multicast)),
            ("[ff02::1]:80", Err(Refused::Multicast)),
            ("255.255.255.255:80", Err(Refused::Broadcast)),
            ("240.0.0.1:80", Err(Refused::Reserved)),
            ("[::7f00:1]:80", Err(Refused::Reserved)),
            // Private networks of others.
            ("10.0.0.1:80", Err(Refused::Private)),
            ("172.16.0.1:80", Err(Refused::Private)),
            ("172.31.255.1:80", Err(Refused::Private)),
            ("192.168.0.1:80", Err(Refused::Private)),
            ("100.64.0.1:80", Err(Refused::Private)),
            ("100.127.0.1:80", Err(Refused::Private)),
            ("[fc00::1]:80", Err(Refused::Private)),
            ("[fd12:0:0:1::1]:80", Err(Refused::Private)),
            ("[fec0::1]:80", Err(Refused::Private)),
            // Their neighbours are public.
            ("9.255.255.255:80", Ok(())),
            ("11.0.0.0:80", Ok(())),
            ("172.15.0.1:80", Ok(())),
            ("172.32.0.1:80", Ok(())),
            ("192.167.0.1:80", Ok(())),
            ("192.169.0.1:80", Ok(())),
            ("100.63.0.1:80", Ok(())),
            ("100.128.0.1:80", Ok(())),
            ("128.0.0.1:80", Ok(())),
            ("169.253.0.1:80", Ok(())),
            ("223.255.255.255:80", Ok(())),
            // Our own.
            ("192.168.1.77:80", Ok(())),
            ("192.168.1.20:80", Ok(())),
            ("192.168.1.255:80", Err(Refused::Broadcast)),
            ("10.8.0.2:80", Ok(())),
            ("10.8.0.3:80", Err(Refused::Private)),
            ("[fd12::77]:80", Ok(())),
            // IPv4 within IPv6 is judged as IPv4.
            ("[::ffff:127.0.0.1]:80", Err(Refused::Loopback)),
            ("[::ffff:10.0.0.1]:80", Err(Refused::Private)),
            ("[::ffff:192.168.1.77]:80", Ok(())),
            ("[::ffff:0.0.0.0]:80", Err(Refused::Unspecified)),
            ("[::ffff:93.184.216.34]:80", Ok(())),
        ];
        for (addr, expected) in table {
            assert_eq!(stranger(addr), expected, "{addr}");
        }
    }

    #[test]
    fn what_peers_may_name() {
        let table = [
            ("93.184.216.34:6881", "198.51.100.1", Ok(())),
            ("93.184.216.34:6881", "127.0.0.1", Ok(())),
            ("93.184.216.34:1023", "198.51.100.1", Err(Refused::ServicePort)),
            ("93.184.216.34:1024", "198.51.100.1", Ok(())),
            ("93.184.216.34:0", "198.51.100.1", Err(Refused::PortZero)),
            ("127.0.0.1:0", "127.0.0.1", Err(Refused::PortZero)),
            ("127.0.0.1:6881", "198.51.100.1", Err(Refused::Loopback)),
            ("127.0.0.1:6881", "192.168.1.77", Err(Refused::Loopback)),
            ("127.0.0.1:6881", "127.0.0.1", Ok(())),
            ("[::1]:6881", "127.0.0.1", Ok(())),
            ("[::ffff:127.0.0.1]:6881", "198.51.100.1", Err(Refused::Loopback)),
            ("192.168.1.77:6881", "198.51.100.1", Err(Refused::Private)),
            ("192.168.1.77:6881", "192.168.1.30", Ok(())),
            ("192.168.1.255:6881", "192.168.1.30", Err(Refused::Broadcast)),
            ("10.0.0.1:6881", "192.168.1.30", Err(Refused::Private)),
            ("169.254.1.1:6881", "192.168.1.30", Err(Refused::LinkLocal)),
            ("224.0.0.1:6881", "127.0.0.1", Err(Refused::Multicast)),
            ("0.0.0.0:6881", "127.0.0.1", Err(Refused::Unspecified)),
        ];
        for (addr, by, expected) in table {
            let verdict = may_dial_named_by_peer(addr.parse().unwrap(), by.parse().unwrap(), &home());
            assert_eq!(verdict, expected, "{addr} named by {by}");
        }
    }

    #[test]
    fn what_the_user_and_the_room_may_name() {
        let table = [
            ("127.0.0.1:80", Ok(())),
            ("[::1]:80", Ok(())),
            ("10.0.0.1:80", Ok(())),
            ("169.254.1.1:80", Ok(())),
            ("[fe80::2]:80", Ok(())),
            ("[::ffff:127.0.0.1]:80", Ok(())),
            ("127.0.0.1:0", Err(Refused::PortZero)),
            ("0.0.0.0:80", Err(Refused::Unspecified)),
            ("[::]:80", Err(Refused::Unspecified)),
            ("[::ffff:0.0.0.0]:80", Err(Refused::Unspecified)),
            ("224.0.0.1:80", Err(Refused::Multicast)),
            ("[ff02::1]:80", Err(Refused::Multicast)),
            ("255.255.255.255:80", Err(Refused::Broadcast)),
        ];
        for (addr, expected) in table {
            assert_eq!(may_dial(addr.parse().unwrap(), NamedBy::User, &home()), expected, "{addr}");
        }
    }

    #[test]
    fn which_trackers_may_be_asked() {
        use NamedBy::{Stranger, User};
        let table = [
            ("http://h/x", "93.184.216.34:80", Stranger, Ok(())),
            ("http://h/announce", "127.0.0.1:80", Stranger, Ok(())),
            ("http://h/announce.php", "10.0.0.1:80", Stranger, Ok(())),
            ("http://h/announce/key", "192.168.1.77:80", Stranger, Ok(())),
            ("http://h/reboot", "192.168.1.77:80", Stranger, Err(Refused::NotAnnounce)),
            ("http://h/x", "[::1]:80", Stranger, Err(Refused::NotAnnounce)),
            ("http://h/announce?reboot=1", "127.0.0.1:80", Stranger, Err(Refused::NotAnnounce)),
            ("http://h/announce/../x", "127.0.0.1:80", Stranger, Err(Refused::NotAnnounce)),
            ("http://h/announce/%2e%2e/x", "127.0.0.1:80", Stranger, Err(Refused::NotAnnounce)),
            ("http://h/announce", "169.254.169.254:80", Stranger, Err(Refused::LinkLocal)),
            ("http://h/announce", "0.0.0.0:80", Stranger, Err(Refused::Unspecified)),
            ("http://h/announce", "[::ffff:169.254.1.1]:80", Stranger, Err(Refused::LinkLocal)),
            ("https://h/x", "[fd12::77]:443", Stranger, Err(Refused::NotAnnounce)),
            ("udp://h:1/announce", "127.0.0.1:1", Stranger, Ok(())),
            ("udp://h:1", "127.0.0.1:1", Stranger, Err(Refused::NotAnnounce)),
            ("udp://h:1", "93.184.216.34:1", Stranger, Ok(())),
            ("udp://h:1", "192.168.1.77:1", User, Ok(())),
            ("http://h/x?y=1", "127.0.0.1:80", User, Ok(())),
            ("http://h/x", "0.0.0.0:80", User, Err(Refused::Unspecified)),
        ];
        for (url, addr, named_by, expected) in table {
            let tracker = TrackerUrl::parse(url).unwrap();
            assert_eq!(may_announce(addr.parse().unwrap(), named_by, &tracker, &home()), expected, "{url} {addr}");
        }
    }

    #[test]
    fn a_tunnel_that_carries_everything_makes_no_neighbours() {
        let own = own(&["10.8.0.2/0", "fd00::2/0"]);
        let dial = |addr: &str| may_dial(addr.parse().unwrap(), NamedBy::Stranger, &own);
        assert_eq!(dial("10.8.0.3:80"), Err(Refused::Private));
        assert_eq!(dial("[fd00::3]:80"), Err(Refused::Private));
        assert_eq!(dial("10.8.0.2:80"), Ok(()), "our own address");
    }

    #[test]
    fn networks_of_two_have_no_broadcast_address() {
        let own = own(&["10.0.0.0/31"]);
        assert_eq!(may_dial("10.0.0.1:80".parse().unwrap(), NamedBy::Stranger, &own), Ok(()));
    }

    #[test]
    fn a_prefix_longer_than_an_address_matches_only_itself() {
        let own = own(&["10.0.0.1/200"]);
        assert!(own.contains("10.0.0.1".parse().unwrap()));
        assert!(!own.contains("10.0.0.0".parse().unwrap()));
        assert_eq!(may_dial("10.0.0.1:80".parse().unwrap(), NamedBy::Stranger, &own), Ok(()));
    }

    #[test]
    fn own_addresses_are_told_public_ones_first() {
        let temporary: IpAddr = "2001:db8::aaaa".parse().unwrap();
        let at_home = ["10.8.0.2:6881", "192.168.1.20:6881", "[fd12::5]:6881"];
        let told = |towards: &[IpAddr]| -> Vec<_> {
            advertised(6881, &home(), towards).iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(&[temporary]), [&["[2001:db8::5]:6881"], &at_home[..]].concat(), "of the network that is used");
        assert_eq!(told(&[]), at_home, "there is no way to the world");
        // A tunnel or a router leads there; where the public address leads nobody knows.
        assert_eq!(told(&["192.168.1.20".parse().unwrap(), "fd12::5".parse().unwrap()]), at_home);
        let alone = own(&["127.0.0.1/8", "169.254.3.3/16", "fe80::1/64"]);
        assert_eq!(advertised(6881, &alone, &[temporary]), []);
    }

    #[test]
    fn the_same_house_is_told_of_no_tunnel_and_no_public_address() {
        let told: Vec<_> = for_the_same_house(6881, &home()).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["192.168.1.20:6881", "[fd12::5]:6881"]);
        assert_eq!(for_the_same_house(6881, &own(&["93.184.216.34/24", "127.0.0.1/8", "fe80::1/64"])), []);
    }

    #[test]
    fn few_addresses_are_told_and_none_twice() {
        let many: Vec<_> = (0..40).map(|n| format!("93.184.{}.1/24", n % 20)).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let all: Vec<IpAddr> = own(&many).addresses.iter().map(|own| own.ip).collect();
        let mut told = advertised(1, &own(&many), &all);
        assert_eq!(told.len(), ADVERTISED_MAX);
        told.dedup();
        assert_eq!(told.len(), ADVERTISED_MAX);
    }

    #[test]
    fn this_machine_can_be_asked() {
        let networks = own_networks().unwrap();
        assert!(networks.addresses.iter().all(|own| !own.ip.is_loopback()), "{networks:?}");
    }
}
