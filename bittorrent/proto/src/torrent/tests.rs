//! Whole torrents against each other.

use std::net::SocketAddr;
use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::layout::RawBlock;
use crate::peer::PeerKey;
use crate::peer_id::PeerId;
use crate::testing::{Swarm, film};
use crate::torrent::{CloseReason, Event, Input, ReaderChange};
use crate::wire::{Handshake, Message, Reserved};

const PIECE: u32 = 65_536;
const MINUTE: Duration = Duration::from_secs(60);

fn is_done(host: usize) -> impl Fn(&Swarm) -> bool {
    move |swarm| swarm.hosts[host].torrent.is_done()
}

fn has(host: usize, piece: u32) -> impl Fn(&Swarm) -> bool {
    move |swarm| swarm.hosts[host].torrent.have().is_some_and(|have| have.get(piece))
}

#[test]
fn a_film_goes_from_one_to_another() {
    let (content, metainfo) = film(1_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
    let done = swarm.hosts[leech].events.iter().filter(|event| matches!(event, Event::Done)).count();
    assert_eq!(done, 1);
}

#[test]
fn a_magnet_is_enough() {
    let (content, metainfo) = film(3_000_000, 16_384);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.magnet(infohash));
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
}

#[test]
fn the_first_byte_takes_few_round_trips() {
    let (content, metainfo) = film(1_000_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.magnet(infohash));
    let start = swarm.now;
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, |swarm| swarm.hosts[leech].torrent.have().is_some_and(|have| have.count_ones() > 0)));
    // One way each: handshakes cross; metadata asked; it comes; blocks asked; they come.
    let round_trips = (swarm.now - start).as_millis() / 20;
    assert!(round_trips <= 3, "{round_trips} round trips after the handshake");
}

#[test]
fn several_seeds_and_leeches_share() {
    let (content, metainfo) = film(4_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    let leeches: Vec<usize> = (0..4).map(|_| swarm.leech(true)).collect();
    for (at, &leech) in leeches.iter().enumerate() {
        swarm.connect(leech, seed);
        leeches[..at].iter().for_each(|&other| swarm.connect(leech, other));
    }
    assert!(swarm.run(MINUTE, |swarm| leeches.iter().all(|&leech| swarm.hosts[leech].torrent.is_done())));
    for leech in leeches {
        assert_eq!(swarm.hosts[leech].disk, content);
    }
}

#[test]
fn a_reader_gets_its_piece_first() {
    let (content, metainfo) = film(20_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, has(leech, 3)));
    swarm.open_reader(leech, 1, 200 * u64::from(PIECE));
    let before = swarm.hosts[leech].torrent.have().unwrap().count_ones();
    assert!(swarm.run(MINUTE, has(leech, 200)));
    let came_before = swarm.hosts[leech].torrent.have().unwrap().count_ones() - before;
    assert!(came_before < 20, "{came_before} other pieces came before the one somebody waits for");
}

#[test]
fn as_needed_fetches_what_is_read_and_no_more() {
    let (content, metainfo) = film(20_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(false));
    swarm.connect(leech, seed);
    assert!(!swarm.run(Duration::from_secs(5), |swarm| swarm.hosts[leech].torrent.have().unwrap().count_ones() > 0));
    swarm.open_reader(leech, 1, 100 * u64::from(PIECE));
    assert!(swarm.run(MINUTE, has(leech, 100)));
    swarm.reader(leech, 1, ReaderChange::Closed);
    swarm.run(MINUTE, |_| false);
    assert!(swarm.hosts[leech].torrent.have().unwrap().count_ones() < 200);
    assert!(!swarm.hosts[leech].torrent.have().unwrap().get(0));
}

#[test]
fn thirty_two_readers_are_all_served() {
    let (content, metainfo) = film(20_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(false));
    swarm.connect(leech, seed);
    for reader in 0..32 {
        swarm.open_reader(leech, reader, reader * 9 * u64::from(PIECE));
    }
    for reader in 0..32 {
        assert!(swarm.run(MINUTE, has(leech, reader * 9)), "reader {reader}");
    }
}

#[test]
fn a_lone_liar_is_found_out_and_nothing_of_it_is_kept() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (liar, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.hosts[liar].corrupts.insert(0);
    swarm.connect(leech, liar);
    swarm.run(MINUTE, |_| false);
    assert!(swarm.hosts[leech].torrent.have().unwrap().is_empty());
    assert!(swarm.hosts[leech].disk.iter().all(|byte| *byte == 0));
    let reason = CloseReason::Misbehaved(PeerMisbehaved::CorruptPiece(
        swarm.hosts[leech].torrent.metainfo().unwrap().layout.piece(0).unwrap(),
    ));
    assert!(
        matches!(swarm.hosts[leech].closed[..], [CloseReason::Misbehaved(PeerMisbehaved::CorruptPiece(_))]),
        "{reason:?}"
    );
}

#[test]
fn beside_a_liar_the_film_still_arrives() {
    let (content, metainfo) = film(2_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (liar, honest, leech) = (swarm.seed(&content), swarm.seed(&content), swarm.leech(true));
    swarm.hosts[liar].corrupts.insert(0);
    swarm.connect(leech, liar);
    swarm.connect(leech, honest);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
    assert!(
        swarm.hosts[leech].closed.iter().all(|reason| matches!(reason, CloseReason::Misbehaved(_))),
        "only the liar is closed"
    );
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 1);
}

#[test]
fn a_frozen_peer_does_not_hold_the_film_up() {
    let (content, metainfo) = film(4_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (freezes, other, leech) = (swarm.seed(&content), swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, freezes);
    swarm.connect(leech, other);
    assert!(swarm.run(MINUTE, has(leech, 1)));
    swarm.hosts[freezes].frozen = true;
    swarm.open_reader(leech, 1, 0);
    assert!(swarm.run(Duration::from_secs(10), is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
}

#[test]
fn the_last_blocks_do_not_wait_for_a_frozen_peer() {
    let (content, metainfo) = film(1_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (freezes, other, leech) = (swarm.seed(&content), swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, freezes);
    swarm.connect(leech, other);
    // Both hold requests when one freezes, and nobody reads.
    assert!(swarm.run(MINUTE, |swarm| swarm.hosts[leech].received > 100_000));
    swarm.hosts[freezes].frozen = true;
    assert!(swarm.run(Duration::from_secs(4), is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
}

#[test]
fn the_only_peer_may_be_slow_to_answer() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.delay = Duration::from_millis(2_500);
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE * 5, is_done(leech)));
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 1);
}

#[test]
fn a_connection_lost_in_the_middle_loses_nothing() {
    let (content, metainfo) = film(4_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    for _ in 0..5 {
        swarm.connect(leech, seed);
        let here = swarm.hosts[leech].torrent.have().unwrap().count_ones();
        swarm.run(MINUTE, |swarm| swarm.hosts[leech].torrent.have().unwrap().count_ones() > here + 5);
        let key = swarm.hosts[leech].torrent.snapshot(swarm.now).peers[0].key;
        swarm.disconnect(leech, key);
        swarm.input(leech, Input::Disconnected(key));
    }
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
}

#[test]
fn two_connections_to_one_peer_become_one() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, seed);
    swarm.connect(seed, leech);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 1);
    assert_eq!(swarm.hosts[seed].torrent.peer_count(), 1);
    let duplicate = CloseReason::Unsupported(PeerUnsupported::Duplicate);
    assert!(swarm.hosts.iter().flat_map(|host| &host.closed).all(|reason| *reason == duplicate));
}

#[test]
fn what_is_here_already_is_not_fetched_again() {
    let (content, metainfo) = film(1_000_000, PIECE);
    let count = metainfo.layout.piece_count();
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    let mut have = Bitfield::new_full(count);
    have.clear(7);
    let mut disk = content.clone();
    disk[7 * PIECE as usize..8 * PIECE as usize].fill(0);
    let leech = swarm.with(disk, have, true);
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
    assert!(swarm.hosts[leech].received < 2 * PIECE as usize);
}

#[test]
fn nobody_to_fetch_from_is_said() {
    let (_, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let lonely = swarm.magnet(infohash);
    swarm.run(Duration::from_secs(19), |_| false);
    assert!(swarm.hosts[lonely].events.is_empty());
    swarm.run(Duration::from_secs(45), |_| false);
    assert!(matches!(swarm.hosts[lonely].events[..], [Event::NoPeers, Event::NoMetadata]));
}

#[test]
fn a_pause_stops_asking_and_nothing_is_lost() {
    let (content, metainfo) = film(4_000_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, has(leech, 5)));
    swarm.input(leech, Input::Pause(true));
    swarm.run(Duration::from_secs(5), |_| false);
    let here = swarm.hosts[leech].torrent.have().unwrap().count_ones();
    swarm.run(Duration::from_secs(50), |_| false);
    assert_eq!(swarm.hosts[leech].torrent.have().unwrap().count_ones(), here);
    swarm.input(leech, Input::Pause(false));
    assert!(swarm.run(MINUTE, is_done(leech)));
    assert_eq!(swarm.hosts[leech].disk, content);
}

#[test]
fn silent_connections_are_kept_alive_and_dead_ones_end() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (one, other) = (swarm.seed(&content), swarm.seed(&content));
    swarm.connect(one, other);
    swarm.run(MINUTE * 20, |_| false);
    assert_eq!(swarm.hosts[one].torrent.peer_count(), 1);
    swarm.hosts[other].frozen = true;
    swarm.run(MINUTE * 5, |_| false);
    assert_eq!(swarm.hosts[one].torrent.peer_count(), 0);
}

#[test]
fn who_asks_without_end_and_never_reads_is_dropped() {
    let (content, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    swarm.hosts[seed].unread = true;
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    let peer = PeerKey(77);
    swarm.input(seed, Input::Connected { peer, addr, incoming: true, handshake });
    let mut asks = Vec::new();
    for _ in 0..10_000 {
        Message::Request(RawBlock { piece: 0, offset: 0, len: 16_384 }).encode(&mut asks);
        Message::Request(RawBlock { piece: 0, offset: 16_384, len: 16_384 }).encode(&mut asks);
    }
    for _ in 0..20 {
        swarm.input(seed, Input::Received { peer, bytes: &asks });
    }
    assert_eq!(swarm.hosts[seed].closed, [CloseReason::Misbehaved(PeerMisbehaved::Flood)]);
    assert_eq!(swarm.hosts[seed].torrent.peer_count(), 0);
}

/// A seed that a peer of ours talks to in plain messages.
fn seed_and_guest() -> (Swarm, usize, PeerKey) {
    let (content, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    let peer = PeerKey(77);
    swarm.input(seed, Input::Connected { peer, addr, incoming: true, handshake });
    (swarm, seed, peer)
}

fn say(swarm: &mut Swarm, host: usize, peer: PeerKey, message: Message<'_>) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    swarm.input(host, Input::Received { peer, bytes: &bytes });
}

#[test]
fn a_late_bitfield_may_add_and_not_take_back() {
    let (mut swarm, seed, peer) = seed_and_guest();
    say(&mut swarm, seed, peer, Message::HaveNone);
    say(&mut swarm, seed, peer, Message::Have(1));
    say(&mut swarm, seed, peer, Message::Bitfield(&[0b0110_0000]));
    assert_eq!(swarm.hosts[seed].torrent.snapshot(swarm.now).peers[0].pieces, 2);
    say(&mut swarm, seed, peer, Message::Bitfield(&[0b1111_1111]));
    assert!(swarm.hosts[seed].torrent.snapshot(swarm.now).peers[0].is_seed);
    assert!(swarm.hosts[seed].closed.is_empty());
    say(&mut swarm, seed, peer, Message::Bitfield(&[0b1111_1110]));
    assert_eq!(swarm.hosts[seed].closed, [CloseReason::Misbehaved(PeerMisbehaved::BitfieldLate)]);
}

#[test]
fn have_all_comes_once() {
    let (mut swarm, seed, peer) = seed_and_guest();
    say(&mut swarm, seed, peer, Message::HaveAll);
    say(&mut swarm, seed, peer, Message::HaveAll);
    assert_eq!(swarm.hosts[seed].closed, [CloseReason::Misbehaved(PeerMisbehaved::BitfieldLate)]);
}
