//! A peer with two connections or two addresses, and a seed that gets another one.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, number], 6881))
}

/// Somebody with nothing who was told of these addresses.
fn told_of(numbers: &[u8]) -> (Swarm, usize) {
    let (_, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let addrs: Vec<SocketAddr> = numbers.iter().map(|number| address(*number)).collect();
    swarm.input(leech, Input::Addresses { addrs: &addrs, named_by: NamedBy::Stranger });
    (swarm, leech)
}

/// A connection with the peer of that id at that address.
fn connect(swarm: &mut Swarm, host: usize, key: u32, addr: SocketAddr, id: u8, incoming: bool) {
    let infohash = swarm.hosts[host].torrent.infohash();
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([id; 20]) };
    swarm.input(host, Input::Connected { peer: PeerKey(key), addr, incoming, handshake });
}

fn keys(swarm: &Swarm, host: usize) -> Vec<u32> {
    swarm.hosts[host].torrent.snapshot(swarm.now).peers.iter().map(|peer| peer.key.0).collect()
}

#[test]
fn the_other_address_of_a_peer_waits_for_the_end_of_that_peer() {
    let (mut swarm, leech) = told_of(&[1, 2, 3]);
    connect(&mut swarm, leech, 1, address(1), 1, false);
    connect(&mut swarm, leech, 2, address(2), 1, false);
    connect(&mut swarm, leech, 3, address(3), 3, false);
    assert_eq!(keys(&swarm, leech), [1, 3]);
    swarm.hosts[leech].dialed.clear();
    swarm.input(leech, Input::Disconnected(PeerKey(3)));
    swarm.run(SECOND * 5, |_| false);
    assert_eq!(swarm.hosts[leech].dialed, [address(3)], "who left, and not the other address of who is here");
    swarm.input(leech, Input::Disconnected(PeerKey(1)));
    swarm.run(SECOND * 5, |_| false);
    assert_eq!(swarm.hosts[leech].dialed[1..], [address(2), address(1)]);
}

#[test]
fn the_address_that_a_better_connection_replaced_is_not_dialed() {
    let (mut swarm, leech) = told_of(&[1]);
    // Its id is lower than ours, so what it dialed stays.
    connect(&mut swarm, leech, 1, address(1), 0, false);
    connect(&mut swarm, leech, 2, address(9), 0, true);
    assert_eq!(keys(&swarm, leech), [2]);
    swarm.hosts[leech].dialed.clear();
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[leech].dialed, []);
    swarm.input(leech, Input::Disconnected(PeerKey(2)));
    swarm.run(SECOND * 2, |_| false);
    assert_eq!(swarm.hosts[leech].dialed, [address(1)]);
}

#[test]
fn who_calls_from_another_address_takes_its_place_as_soon_as_the_old_connection_is_quiet() {
    // The old one was dialed by us or not, of a peer with a lower id than ours or a higher.
    for (incoming, id) in [(true, 0), (true, 255), (false, 0), (false, 255)] {
        for (waited, from, moved) in [(1, 9, false), (3, 9, true), (3, 1, false), (11, 1, true)] {
            let (mut swarm, leech) = told_of(&[]);
            connect(&mut swarm, leech, 1, address(1), id, incoming);
            swarm.run(SECOND * waited, |_| false);
            connect(&mut swarm, leech, 2, SocketAddr::new(address(from).ip(), 50_000), id, true);
            // What the two sides dialed at once is decided by the ids alone, until the old one is quiet elsewhere.
            let crossed = !incoming && (from == 1 || waited == 1);
            let newer = if crossed { id == 0 } else { moved };
            assert_eq!(keys(&swarm, leech), [if newer { 2 } else { 1 }], "{incoming} {id} {waited} {from}");
        }
    }
}

#[test]
fn who_still_talks_keeps_its_place() {
    let (mut swarm, leech) = told_of(&[]);
    connect(&mut swarm, leech, 1, address(1), 1, true);
    for _ in 0..20 {
        swarm.run(SECOND, |_| false);
        say(&mut swarm, leech, PeerKey(1), Message::KeepAlive);
    }
    connect(&mut swarm, leech, 2, address(9), 1, true);
    assert_eq!(keys(&swarm, leech), [1], "whoever knows its id cannot push it out");
}

/// A seed that this peer called, which listens where it is.
fn called(said: &[u8]) -> (Swarm, usize) {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    connect(&mut swarm, seed, 1, SocketAddr::new(address(1).ip(), 50_000), 1, true);
    let listens = ExtHandshake { port: Some(6881), ..ExtHandshake::ours() };
    say(&mut swarm, seed, PeerKey(1), Message::HaveNone);
    say(&mut swarm, seed, PeerKey(1), Message::Extended { id: 0, payload: &listens.encode() });
    say(&mut swarm, seed, PeerKey(1), Message::Extended { id: crate::ext::UPLOAD_ONLY_ID, payload: said });
    (swarm, seed)
}

#[test]
fn a_seed_that_lost_its_address_calls_its_viewers_back_and_nobody_else() {
    let (mut swarm, seed) = called(&[0]);
    swarm.input(seed, Input::AddressLost(PeerKey(1)));
    swarm.run(SECOND * 2, |_| false);
    assert_eq!(swarm.hosts[seed].dialed, [address(1)]);
    swarm.input(seed, Input::DialFailed(address(1)));
    swarm.run(SECOND * 5, |_| false);
    assert_eq!(swarm.hosts[seed].dialed, [address(1); 2], "more than once");
    // It is there, and leaves by itself: then it finds us, if it wants.
    connect(&mut swarm, seed, 2, address(1), 1, false);
    assert_eq!(keys(&swarm, seed), [2]);
    swarm.run(MINUTE, |_| false);
    swarm.input(seed, Input::Disconnected(PeerKey(2)));
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[seed].dialed.len(), 2);

    let (mut swarm, seed) = called(&[0]);
    swarm.input(seed, Input::Disconnected(PeerKey(1)));
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[seed].dialed, [], "the peer left, and not we");
    let (mut swarm, seed) = called(&[1]);
    swarm.input(seed, Input::AddressLost(PeerKey(1)));
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[seed].dialed, [], "it wanted nothing");
}

#[test]
fn a_viewer_that_is_gone_for_good_is_called_for_a_while() {
    let (mut swarm, seed) = called(&[0]);
    swarm.input(seed, Input::AddressLost(PeerKey(1)));
    for _ in 0..600 {
        let before = swarm.hosts[seed].dialed.len();
        swarm.run(SECOND, |_| false);
        if swarm.hosts[seed].dialed.len() > before {
            swarm.input(seed, Input::DialFailed(address(1)));
        }
    }
    assert!((6..=8).contains(&swarm.hosts[seed].dialed.len()), "{}", swarm.hosts[seed].dialed.len());
}
