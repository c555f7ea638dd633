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
    let told =
        |towards: &[IpAddr]| -> Vec<_> { advertised(6881, &home(), towards).iter().map(ToString::to_string).collect() };
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
