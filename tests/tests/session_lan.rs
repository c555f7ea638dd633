//! Rooms of the local network: machines with a network of their own between them, and multicast DNS as it is.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use session::lan::limits::{FIND_PATIENCE, ROOMS_MAX};
use session::lan::{Announcement, EmbeddedServer, LanRoom, Resolved, find, resolve};
use signal_proto::ids::RoomCode;
use tests::net::{Addresses, Host, Network};
use tests::{SOON, http, within};

const SERVICE: &str = "_sharestream._tcp.local.";

/// An announcement asks for a second whether its name is free, and two cores run other tests.
const ANNOUNCED: Duration = Duration::from_secs(20);

fn code(text: &str) -> RoomCode {
    RoomCode::parse(text).expect("a code")
}

/// A machine that hosts a room.
fn host_room(host: &Host, room: &str) -> (EmbeddedServer, Announcement) {
    host.inside(|| {
        let config = signal::Config { port: 3001, ..signal::Config::default() };
        let server = EmbeddedServer::start(config).expect("a server");
        let announcement = Announcement::start(&code(room), "Ana\u{202e}", server.port()).expect("multicast DNS");
        (server, announcement)
    })
}

fn find_there(host: &Host, room: Option<&str>, patience: Duration) -> Vec<LanRoom> {
    let wanted = room.map(code);
    host.inside(|| smol::block_on(find(wanted.as_ref(), patience)).expect("multicast DNS"))
}

fn resolve_there(host: &Host, room: &str, configured: Option<&str>) -> Resolved {
    host.inside(|| smol::block_on(resolve(&code(room), configured)))
}

#[test]
fn a_room_is_found_by_its_code_from_another_machine_and_is_gone_with_its_host() {
    let Some(mut network) = Network::new() else { return };
    let (ana, bea) = (network.host(Addresses::All), network.host(Addresses::All));
    let (server, announcement) = host_room(&ana, "ABC1-2345");
    assert_eq!(server.port(), 3001);
    let told = ana.inside(|| server.urls());
    assert_eq!(told[..2], [format!("http://{}:3001", ana.private()), format!("http://{}:3001", ana.public())]);

    // As people may write it.
    let found = find_there(&bea, Some("abci 2345"), ANNOUNCED);
    let [room] = &found[..] else { panic!("one room: {found:?}") };
    assert_eq!((room.code.to_string(), room.host_name.as_str()), ("ABC1-2345".to_owned(), "Ana"));
    assert_eq!(room.version, env!("CARGO_PKG_VERSION"));
    let addresses: Vec<IpAddr> = room.addresses.iter().map(|address| address.ip()).collect();
    assert_eq!(addresses, [ana.private()], "the one that looks public is not believed");

    let answer = resolve_there(&bea, "ABC12345", Some("https://rooms.example"));
    let Resolved::Lan { server: url, .. } = answer else { panic!("{answer:?}") };
    let health = bea.inside(|| http::get(&format!("{url}/health")));
    assert_eq!(health.head.status, 200);

    let configured = Resolved::Configured("https://rooms.example".to_owned());
    assert_eq!(resolve_there(&bea, "OTHER", Some("https://rooms.example")), configured, "another room's code");
    assert_eq!(resolve_there(&bea, "OTHER", None), Resolved::Nowhere { announced: None });

    // Whoever has heard of it hears of its end long before the record is too old, which takes two minutes.
    let (daemon, events) = bea.inside(|| {
        let daemon = ServiceDaemon::new().expect("multicast DNS");
        let events = daemon.browse(SERVICE).expect("a search");
        (daemon, events)
    });
    let wait = |what: &str, is: fn(&ServiceEvent) -> bool| {
        let deadline = Instant::now() + SOON;
        while let Ok(event) = events.recv_deadline(deadline) {
            if is(&event) {
                return;
            }
        }
        panic!("not within {SOON:?}: {what}");
    };
    wait("the room is seen", |event| matches!(event, ServiceEvent::ServiceResolved(_)));
    drop(announcement);
    wait("the room is gone", |event| matches!(event, ServiceEvent::ServiceRemoved(..)));
    drop(daemon.shutdown());
    assert_eq!(find_there(&bea, Some("ABC12345"), FIND_PATIENCE), []);
}

#[test]
fn a_room_of_the_same_machine_is_found_without_any_network() {
    let Some(mut network) = Network::new() else { return };
    let alone = network.host(Addresses::All);
    network.plug(&alone, false);
    let (_server, _announcement) = host_room(&alone, "HOME");
    let found = find_there(&alone, Some("HOME"), ANNOUNCED);
    let [room] = &found[..] else { panic!("one room: {found:?}") };
    assert_eq!(room.addresses[0].ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    assert!(matches!(resolve_there(&alone, "HOME", None), Resolved::Lan { .. }));
}

#[test]
fn an_empty_network_is_given_up_in_time_and_a_dead_address_too() {
    let Some(mut network) = Network::new() else { return };
    let (ana, bea) = (network.host(Addresses::All), network.host(Addresses::All));
    assert_eq!(find_there(&bea, None, FIND_PATIENCE), []);

    // Announced, and nobody listens there.
    let announcement = ana.inside(|| Announcement::start(&code("DEAD"), "Ana", 3001).expect("multicast DNS"));
    find_there(&bea, Some("DEAD"), ANNOUNCED);
    let answer = resolve_there(&bea, "DEAD", None);
    assert!(matches!(&answer, Resolved::Nowhere { announced: Some(room) } if room.host_name == "Ana"), "{answer:?}");
    assert_eq!(resolve_there(&bea, "DEAD", Some("http://s")), Resolved::Configured("http://s".to_owned()));
    drop(announcement);
    assert_eq!(resolve_there(&bea, "DEAD", None), Resolved::Nowhere { announced: None }, "taken back");
}

#[test]
fn hostile_neighbours_are_not_believed_and_do_not_hide_a_room() {
    let Some(mut network) = Network::new() else { return };
    let (ana, bea, eve) = (network.host(Addresses::All), network.host(Addresses::All), network.host(Addresses::All));
    let _liars = eve.inside(|| {
        let daemon = ServiceDaemon::new().expect("multicast DNS");
        let register = |name: &str, ip: &str, port: u16, code: &str, shown: &str| {
            let text = [("code", code), ("name", shown)];
            let machine = format!("{name}.local.");
            let service = ServiceInfo::new(SERVICE, name, &machine, ip, port, &text[..]).expect("a service");
            daemon.register(service).expect("a daemon");
        };
        let own = eve.private().to_string();
        register("no-code", &own, 80, "../../etc", "Ana");
        register("no-port", &own, 0, "EVIL1", "Ana");
        register("elsewhere", &eve.public().to_string(), 80, "EVIL2", "Ana");
        register("long", &own, 80, &"A".repeat(200), "Ana");
        register("turned", &own, 80, "EVIL3", "\u{202e}\u{1b}[31mana");
        for number in 0..2 * ROOMS_MAX {
            register(&format!("many-{number}"), &own, 80, &format!("MANY{number:03}"), "Ana");
        }
        daemon
    });
    let (_server, _announcement) = host_room(&ana, "GOOD");
    let noise = eve.inside(|| {
        let socket = UdpSocket::bind((eve.private(), 0)).expect("a socket");
        let headers: [&[u8]; 5] = [
            &[],
            &[0; 12],
            // An answer that claims 65,535 records of each kind and has none.
            &[0, 0, 0x84, 0, 255, 255, 255, 255, 255, 255, 255, 255],
            // A name that points to itself.
            &[0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 120, 0, 2, 0xc0, 12],
            &[0xff; 1400],
        ];
        for _ in 0..20 {
            for packet in headers {
                socket.send_to(packet, (Ipv4Addr::new(224, 0, 0, 251), 5353)).expect("a datagram");
            }
        }
        socket
    });
    let found = find_there(&bea, Some("GOOD"), ANNOUNCED);
    assert_eq!(found.len(), 1, "{found:?}");
    drop(noise);

    let all = within(SOON, "the liars are heard, too", || {
        let all = find_there(&bea, None, Duration::from_secs(3));
        (all.len() == ROOMS_MAX).then_some(all)
    });
    let names: BTreeSet<&str> = all.iter().map(|room| room.host_name.as_str()).collect();
    assert!(names.is_subset(&BTreeSet::from(["Ana", "[31mana"])), "{names:?}");
    for room in &all {
        assert!(room.addresses.iter().all(|at| at.port() != 0 && [eve.private(), ana.private()].contains(&at.ip())));
        assert!(!["EVIL1", "EVIL2"].contains(&room.code.as_str()), "{room:?}");
    }
    let turned = find_there(&bea, Some("EVIL3"), ANNOUNCED);
    assert_eq!(turned[0].host_name, "[31mana");
}
