//! Whole torrents against each other.

mod blame;
mod duplicates;
mod memory;
mod parting;
mod small_disk;

use std::net::SocketAddr;
use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::ext::ExtHandshake;
use crate::layout::RawBlock;
use crate::peer::PeerKey;
use crate::peer_id::PeerId;
use crate::policy::connector::NamedBy;
use crate::testing::{Swarm, film};
use crate::torrent::{Begin, CloseReason, Event, Input, Output, ReaderChange};
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
    let closed = &swarm.hosts[leech].closed;
    assert!(matches!(closed[..], [CloseReason::Misbehaved(PeerMisbehaved::CorruptPiece(_))]), "{closed:?}");
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
fn who_begins_paused_serves_what_is_here_and_asks_for_nothing_before_it_may() {
    let (content, metainfo) = film(1_000_000, PIECE);
    let count = metainfo.layout.piece_count();
    let mut swarm = Swarm::new(metainfo);
    let (seed, viewer, paused) = (swarm.seed(&content), swarm.leech(true), swarm.prepared());
    swarm.hosts[paused].disk[..PIECE as usize].copy_from_slice(&content[..PIECE as usize]);
    let mut have = Bitfield::new_empty(count);
    have.set(0);
    let (ever, wanted) = (have.clone(), Bitfield::new_full(count));
    swarm.input(paused, Input::Begin(Begin { have, ever, wanted, fetch_rest: true, paused: true, hints: Vec::new() }));
    swarm.connect(paused, seed);
    swarm.connect(viewer, paused);
    swarm.open_reader(paused, 1, 0);
    assert!(swarm.run(MINUTE, has(viewer, 0)));
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[paused].torrent.have().unwrap().count_ones(), 1, "not even for a reader");
    swarm.input(paused, Input::Pause(false));
    assert!(swarm.run(MINUTE, is_done(paused)));
    assert_eq!(swarm.hosts[paused].disk, content);
}

#[test]
fn who_does_not_serve_fetches_all_the_same() {
    let (content, metainfo) = film(2_000_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    swarm.serves = false;
    let metered = swarm.leech(true);
    swarm.serves = true;
    swarm.connect(metered, seed);
    assert!(swarm.run(MINUTE, is_done(metered)));
    swarm.hosts[seed].frozen = true;
    // Of those who come now, nobody else has anything.
    let (knows, asks) = (swarm.leech(true), swarm.magnet(infohash));
    swarm.connect(knows, metered);
    swarm.connect(asks, metered);
    swarm.run(MINUTE * 2, |_| false);
    assert_eq!(swarm.hosts[knows].torrent.have().unwrap().count_ones(), 0, "everybody is choked");
    assert!(swarm.hosts[asks].torrent.metainfo().is_none(), "metadata is refused");
    let closed = &swarm.hosts[metered].closed;
    assert!(
        closed.iter().all(|reason| *reason == CloseReason::Redundant),
        "nobody is sent away for asking: {closed:?}"
    );
    assert_eq!(swarm.hosts[metered].torrent.peer_count(), 2);
}

#[test]
fn silent_connections_are_kept_alive_and_dead_ones_end() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    // Nobody reads, so nothing is fetched.
    let (one, other) = (swarm.seed(&content), swarm.leech(false));
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

#[test]
fn everybody_who_was_named_is_dialed_in_the_end() {
    let (_, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let (now, torrent) = (swarm.now, &mut swarm.hosts[leech].torrent);
    let addrs: Vec<SocketAddr> = (1..=30).map(|port| SocketAddr::from(([198, 51, 100, 7], port))).collect();
    torrent.handle_input(now, Input::Addresses { addrs: &addrs, named_by: NamedBy::Stranger });
    let mut connected = 0;
    while let Some(output) = torrent.poll_output() {
        let Output::Dial(addr) = output else { continue };
        connected += 1;
        let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([connected; 20]) };
        let peer = PeerKey(connected.into());
        torrent.handle_input(now, Input::Connected { peer, addr, incoming: false, handshake });
    }
    assert_eq!(usize::from(connected), addrs.len());
}

/// A leecher that dialed `HOME` while whoever lives there called from another port: both connections are made.
fn dialed_who_calls(id: PeerId) -> Swarm {
    let (_, metainfo) = film(500_000, PIECE);
    let handshake = Handshake { reserved: Reserved::ours(), infohash: metainfo.infohash, peer_id: id };
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    swarm.input(leech, Input::Addresses { addrs: &[home()], named_by: NamedBy::User });
    let calls_from = SocketAddr::from(([198, 51, 100, 7], 50_000));
    for (peer, addr, incoming) in [(CALLED_US, calls_from, true), (WE_DIALED, home(), false)] {
        swarm.input(leech, Input::Connected { peer, addr, incoming, handshake });
        let listens = ExtHandshake { port: Some(home().port()), ..ExtHandshake::ours() };
        say(&mut swarm, leech, peer, Message::Extended { id: 0, payload: &listens.encode() });
    }
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 1);
    swarm
}

const CALLED_US: PeerKey = PeerKey(1);
const WE_DIALED: PeerKey = PeerKey(2);

fn home() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 6881))
}

/// Whether the leecher dials anybody in the next minute.
fn dials(swarm: &mut Swarm) -> bool {
    let torrent = &mut swarm.hosts[0].torrent;
    torrent.handle_timeout(swarm.now + MINUTE);
    std::iter::from_fn(|| torrent.poll_output()).any(|output| matches!(output, Output::Dial(_)))
}

#[test]
fn who_is_connected_is_not_dialed_whichever_connection_stayed() {
    for (id, stays, goes) in [([0; 20], CALLED_US, WE_DIALED), ([255; 20], WE_DIALED, CALLED_US)] {
        let mut swarm = dialed_who_calls(PeerId::new(id));
        let peers = swarm.hosts[0].torrent.snapshot(swarm.now).peers;
        assert_eq!(peers[0].key, stays, "{goes:?} goes");
        assert!(!dials(&mut swarm), "{stays:?}");
        swarm.input(0, Input::Disconnected(stays));
        assert!(dials(&mut swarm), "{stays:?}");
    }
}

#[test]
fn who_never_said_where_it_listens_is_dialed_where_it_was_found() {
    let (_, metainfo) = film(500_000, PIECE);
    let handshake =
        Handshake { reserved: Reserved::ours(), infohash: metainfo.infohash, peer_id: PeerId::new([0; 20]) };
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    swarm.input(leech, Input::Addresses { addrs: &[home()], named_by: NamedBy::User });
    let calls_from = SocketAddr::from(([198, 51, 100, 7], 50_000));
    for (peer, addr, incoming) in [(CALLED_US, calls_from, true), (WE_DIALED, home(), false)] {
        swarm.input(leech, Input::Connected { peer, addr, incoming, handshake });
    }
    assert!(!dials(&mut swarm));
    swarm.input(leech, Input::Disconnected(CALLED_US));
    assert!(dials(&mut swarm));
}

fn flooded() -> [CloseReason; 1] {
    [CloseReason::Misbehaved(PeerMisbehaved::Flood)]
}

#[test]
fn chatter_that_serves_nothing_ends() {
    let (mut swarm, seed, peer) = seed_and_guest();
    for _ in 0..2000 {
        say(&mut swarm, seed, peer, Message::Interested);
    }
    assert!(swarm.hosts[seed].closed.is_empty());
    say(&mut swarm, seed, peer, Message::Interested);
    assert_eq!(swarm.hosts[seed].closed, flooded());
}

#[test]
fn requests_that_are_refused_are_counted() {
    let (content, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let host = swarm.with(vec![0; content.len()], Bitfield::new_empty(8), false);
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    let peer = PeerKey(77);
    swarm.input(host, Input::Connected { peer, addr, incoming: true, handshake });
    say(&mut swarm, host, peer, Message::Interested);
    let asks = Message::Request(RawBlock { piece: 3, offset: 0, len: 16_384 });
    for _ in 0..2000 {
        say(&mut swarm, host, peer, asks);
    }
    assert!(swarm.hosts[host].closed.is_empty(), "a choke refuses a whole queue, and that is no crime");
    say(&mut swarm, host, peer, asks);
    assert_eq!(swarm.hosts[host].closed, flooded());
}

#[test]
fn asking_and_taking_back_without_end_ends() {
    let (mut swarm, seed, peer) = seed_and_guest();
    say(&mut swarm, seed, peer, Message::Interested);
    let block = RawBlock { piece: 3, offset: 0, len: 16_384 };
    for _ in 0..8000 {
        say(&mut swarm, seed, peer, Message::Request(block));
        say(&mut swarm, seed, peer, Message::Cancel(block));
    }
    // What the two sides said at first cost something too.
    assert_eq!(swarm.hosts[seed].closed, flooded());
}

#[test]
fn greetings_repeat_a_few_times_and_metadata_has_one_size() {
    let (mut swarm, seed, peer) = seed_and_guest();
    for _ in 0..17 {
        say(&mut swarm, seed, peer, Message::Extended { id: 0, payload: b"de" });
    }
    assert_eq!(swarm.hosts[seed].closed, flooded());
    let (mut swarm, seed, peer) = seed_and_guest();
    for payload in [&b"d13:metadata_sizei9ee"[..], b"d13:metadata_sizei0ee", b"d13:metadata_sizei10ee"] {
        say(&mut swarm, seed, peer, Message::Extended { id: 0, payload });
    }
    assert!(swarm.hosts[seed].closed.is_empty());
    say(&mut swarm, seed, peer, Message::Extended { id: 0, payload: b"d13:metadata_sizei11ee" });
    assert_eq!(swarm.hosts[seed].closed, [CloseReason::Misbehaved(PeerMisbehaved::MetadataMismatch)]);
}

#[test]
fn metadata_is_not_asked_for_without_end() {
    let (mut swarm, seed, peer) = seed_and_guest();
    say(&mut swarm, seed, peer, Message::Extended { id: 0, payload: b"d1:md11:ut_metadatai2eee" });
    for _ in 0..3000 {
        say(&mut swarm, seed, peer, Message::Extended { id: 2, payload: b"d8:msg_typei0e5:piecei0ee" });
    }
    assert_eq!(swarm.hosts[seed].closed, flooded());
}

#[test]
fn who_unchokes_only_to_choke_is_left_alone_for_a_while() {
    let (content, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    let peer = PeerKey(77);
    swarm.input(leech, Input::Connected { peer, addr, incoming: true, handshake });
    say(&mut swarm, leech, peer, Message::HaveAll);
    let asked = |swarm: &Swarm| swarm.hosts[leech].torrent.snapshot(swarm.now).peers[0].inflight;
    for flap in 0..5 {
        say(&mut swarm, leech, peer, Message::Unchoke);
        assert!(asked(&swarm) > 0, "flap {flap}");
        say(&mut swarm, leech, peer, Message::Choke);
    }
    say(&mut swarm, leech, peer, Message::Unchoke);
    assert_eq!(asked(&swarm), 0, "it had its chances");
    // Another one serves meanwhile.
    let honest = swarm.seed(&content);
    swarm.connect(leech, honest);
    assert!(swarm.run(Duration::from_secs(20), is_done(leech)));
    assert!(swarm.hosts[leech].closed.is_empty());
}

#[test]
fn after_its_rest_a_flapping_peer_is_asked_again() {
    let (_, metainfo) = film(500_000, PIECE);
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    let peer = PeerKey(77);
    swarm.input(leech, Input::Connected { peer, addr, incoming: true, handshake });
    say(&mut swarm, leech, peer, Message::HaveAll);
    for _ in 0..5 {
        say(&mut swarm, leech, peer, Message::Unchoke);
        say(&mut swarm, leech, peer, Message::Choke);
    }
    say(&mut swarm, leech, peer, Message::Unchoke);
    let asked = |swarm: &Swarm| swarm.hosts[leech].torrent.snapshot(swarm.now).peers[0].inflight > 0;
    assert!(!swarm.run(Duration::from_secs(29), asked));
    assert!(swarm.run(Duration::from_secs(2), asked));
}

fn guest(swarm: &mut Swarm, host: usize, number: u8) {
    let infohash = swarm.hosts[host].torrent.infohash();
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([number; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, number], 6881));
    swarm.input(host, Input::Connected { peer: PeerKey(1000 + u32::from(number)), addr, incoming: true, handshake });
}

#[test]
fn who_calls_cannot_take_every_place() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (leech, seed) = (swarm.leech(true), swarm.seed(&content));
    (0..100).for_each(|number| guest(&mut swarm, leech, number + 100));
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 45, "of 60");
    assert!(swarm.hosts[leech].closed.iter().all(|reason| *reason == CloseReason::Full));
    swarm.connect(leech, seed);
    assert!(swarm.run(MINUTE, is_done(leech)));
}

#[test]
fn who_came_for_nothing_gives_way_after_a_while() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let seed = swarm.seed(&content);
    (0..60).for_each(|number| guest(&mut swarm, seed, number + 100));
    assert_eq!(swarm.hosts[seed].torrent.peer_count(), 60);
    let viewer = swarm.leech(true);
    swarm.connect(viewer, seed);
    assert_eq!(swarm.hosts[seed].closed, [CloseReason::Full], "the others might still say what they want");
    swarm.run(Duration::from_secs(11), |_| false);
    swarm.connect(viewer, seed);
    assert!(swarm.run(MINUTE, is_done(viewer)));
}
