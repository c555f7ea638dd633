//! A peer with two connections or two addresses.

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
