use std::time::Duration;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::units::BytesPerSec;
use bittorrent_proto::wire::{Handshake, Reserved};
use bytes::Bytes;

use super::storage::Verdict;
use super::*;
use crate::check::Violation;
use crate::clock::tests::base;
use crate::film::Film;
use crate::host::HostConfig;
use crate::link::{LinkConfig, Side};
use crate::player::PlayerConfig;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const SEEDER: HostId = HostId::new(0);
const LEECHER: HostId = HostId::new(1);
const SEED: Seed = Seed::new(5);

fn release() -> Release {
    Release::new(Film::new(SEED, ByteLen::new(500_000)), 32_768)
}

fn world() -> World<Peer> {
    World::new(base(), SEED, LinkConfig::default())
}

fn join(world: &mut World<Peer>, id: HostId, config: PeerConfig) {
    let peer = Peer::new(world.clock().now(), id, SEED, config);
    world.join(id, peer, HostConfig::default()).unwrap();
}

fn viewer() -> ViewerConfig {
    let player = PlayerConfig {
        bitrate: BytesPerSec::new(50_000),
        film_len: ByteLen::new(500_000),
        prebuffer: SECOND,
        rebuffer: 2 * SECOND,
        read_ahead: 5 * SECOND,
    };
    ViewerConfig { player, tells_rate: true, reopens: false }
}

/// A peer that hears what the test says, without a world around it.
struct Alone {
    peer: Peer,
    now: Instant,
    outputs: Vec<Output<Job>>,
}

impl Alone {
    fn new(config: PeerConfig) -> Self {
        let now = base();
        let mut alone = Self { peer: Peer::new(now, SEEDER, SEED, config), now, outputs: Vec::new() };
        alone.drain();
        alone
    }

    fn input(&mut self, input: Input<Job>) {
        self.peer.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.peer.poll_output()));
    }

    fn said(&self, conn: ConnId) -> Vec<u8> {
        let said = self.outputs.iter().filter_map(|output| match output {
            Output::Send { conn: to, bytes } if *to == conn => Some(bytes.clone()),
            _ => None,
        });
        said.flatten().collect()
    }

    fn has_closed(&self, conn: ConnId) -> bool {
        self.outputs.iter().any(|output| matches!(output, Output::Close { conn: closed } if *closed == conn))
    }
}

fn handshake(infohash: Infohash) -> Bytes {
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([9; 20]) };
    Bytes::copy_from_slice(&handshake.encode())
}

#[test]
fn who_calls_speaks_first_and_who_is_called_answers() {
    let mut alone = Alone::new(PeerConfig::seeder(release()));
    let (dialed, accepted) = (ConnId::new(1, Side::Dialer), ConnId::new(2, Side::Acceptor));
    for conn in [dialed, accepted] {
        alone.input(Input::Connected { conn, peer: LEECHER });
    }
    assert_eq!(alone.said(dialed).len(), Handshake::LEN);
    assert_eq!(alone.said(accepted).len(), 0);
    let hello = handshake(release().metainfo().infohash);
    for byte in hello.chunks(1) {
        alone.input(Input::Bytes { conn: accepted, bytes: Bytes::copy_from_slice(byte) });
    }
    assert!(alone.said(accepted).len() > Handshake::LEN, "the core speaks as well");
    assert_eq!(alone.peer.core().peer_count(), 1);
}

#[test]
fn what_the_network_took_of_the_handshake_is_not_the_cores() {
    let mut connection = Connection::new(base(), LEECHER);
    connection.said_handshake();
    assert_eq!([connection.written(60), connection.written(20), connection.written(7)], [0, 12, 7]);
}

#[test]
fn strangers_are_refused() {
    for bytes in [handshake(Infohash::new([1; 20])), Bytes::from_static(&[b'x'; 68])] {
        let mut alone = Alone::new(PeerConfig::seeder(release()));
        let conn = ConnId::new(1, Side::Acceptor);
        alone.input(Input::Connected { conn, peer: LEECHER });
        alone.input(Input::Bytes { conn, bytes });
        assert!(alone.has_closed(conn));
        assert_eq!(alone.peer.core().peer_count(), 0);
    }
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    let mut alone = Alone::new(PeerConfig::seeder(release()));
    let conn = ConnId::new(1, Side::Acceptor);
    alone.input(Input::Connected { conn, peer: LEECHER });
    let is_handshake = |(_, wake): &(Instant, PeerWake)| *wake == PeerWake::Handshake;
    let (at, _) = alone.peer.poll_timeout().filter(is_handshake).unwrap();
    assert_eq!(at, alone.now + connection::HANDSHAKE_TIMEOUT);
    alone.peer.handle_timeout(at);
    alone.drain();
    assert!(alone.has_closed(conn));
    assert!(!alone.peer.poll_timeout().is_some_and(|next| is_handshake(&next)));
}

#[test]
fn a_magnet_becomes_the_film() {
    let mut world = world();
    join(&mut world, SEEDER, PeerConfig::seeder(release()));
    join(&mut world, LEECHER, PeerConfig::leecher(release(), vec![SEEDER]));
    world.run_until_done("the film", 10 * SECOND, |world| world.host(LEECHER).unwrap().is_done()).unwrap();
    let leecher = world.host(LEECHER).unwrap();
    assert_eq!(leecher.kept(), ByteLen::new(500_000));
    assert_eq!(
        leecher.storage.read(ByteRange::new(0, 500_000)).unwrap(),
        release().film().bytes(ByteRange::new(0, 500_000))
    );
}

#[test]
fn a_lone_liar_gives_nothing_that_is_kept_and_is_blamed() {
    let mut world = world();
    join(&mut world, SEEDER, PeerConfig { corrupts_one_in: Some(1), ..PeerConfig::seeder(release()) });
    join(&mut world, LEECHER, PeerConfig::leecher(release(), vec![SEEDER]));
    world.run_for(30 * SECOND).unwrap();
    let leecher = world.host(LEECHER).unwrap();
    assert_eq!(leecher.kept(), ByteLen::ZERO);
    assert!(leecher.closes().iter().any(|(who, why)| *who == SEEDER && matches!(why, CloseReason::Misbehaved(_))));
}

#[test]
fn a_viewer_sees_the_film() {
    for reopens in [false, true] {
        let mut world = world();
        join(&mut world, SEEDER, PeerConfig::seeder(release()));
        let viewer = ViewerConfig { reopens, ..viewer() };
        let watches =
            PeerConfig { viewer: Some(viewer), fetch_rest: false, ..PeerConfig::leecher(release(), vec![SEEDER]) };
        join(&mut world, LEECHER, watches);
        world.run_for(3 * SECOND).unwrap();
        world.with_host(LEECHER, |peer, now| peer.seek(now, 400_000)).unwrap();
        world.with_host(LEECHER, |peer, now| peer.seek(now, 20_000)).unwrap();
        world.run_for(30 * SECOND).unwrap();
        let numbers = world.host(LEECHER).unwrap().player().unwrap().numbers().clone();
        assert!(numbers.ended);
        assert_eq!(numbers.stalls, 0);
        assert!(
            world.host(LEECHER).unwrap().core().snapshot(world.clock().now()).lead_position.is_none(),
            "stream closed"
        );
    }
}

#[test]
fn a_failing_disk_holds_everything_up_and_nothing_is_lost() {
    let mut world = world();
    join(&mut world, SEEDER, PeerConfig::seeder(release()));
    join(&mut world, LEECHER, PeerConfig { viewer: Some(viewer()), ..PeerConfig::leecher(release(), vec![SEEDER]) });
    world.set_disk_failing(LEECHER, true);
    world.run_for(20 * SECOND).unwrap();
    assert_eq!(world.host(LEECHER).unwrap().kept(), ByteLen::ZERO);
    world.set_disk_failing(LEECHER, false);
    world.run_for(60 * SECOND).unwrap();
    assert!(world.host(LEECHER).unwrap().player().unwrap().numbers().ended);
}

#[test]
fn a_byte_that_is_not_the_films_ends_the_run() {
    let mut world = world();
    join(&mut world, SEEDER, PeerConfig::seeder(release()));
    join(&mut world, LEECHER, PeerConfig { viewer: Some(viewer()), ..PeerConfig::leecher(release(), vec![SEEDER]) });
    let broken = world.run_until_done("a wrong byte", 10 * SECOND, |_| false);
    assert!(matches!(broken, Err(Violation::Late { .. })), "an honest run breaks no rule: {broken:?}");

    // The same with a disk that rots under the player.
    let mut world = self::world();
    join(&mut world, SEEDER, PeerConfig::seeder(release()));
    join(&mut world, LEECHER, PeerConfig { viewer: Some(viewer()), ..PeerConfig::leecher(release(), vec![SEEDER]) });
    world.run_for(SECOND).unwrap();
    world.with_host(LEECHER, |peer, _| peer.storage.rot()).unwrap();
    let broken = world.run_for(20 * SECOND);
    assert!(matches!(&broken, Err(Violation::Host { rule, .. }) if rule.contains("is not the film's")), "{broken:?}");
}

#[test]
fn a_piece_that_is_called_verified_and_is_not_there_ends_the_run() {
    let mut alone = Alone::new(PeerConfig::leecher(release(), vec![]));
    let piece = release().metainfo().layout.last_piece();
    alone.peer.on_event(&Event::Verified(piece));
    assert!(alone.peer.check().unwrap_err().contains("is not on the disk"));
}

#[test]
fn what_is_not_on_the_disk_cannot_be_read_and_is_not_written_twice() {
    let mut storage = Storage::new(base(), release(), Original::OneIn(2, 0).pieces(release().piece_count()));
    let layout = &release().metainfo().layout.clone();
    let (first, second) = (layout.piece(0).unwrap(), layout.piece(1).unwrap());
    let both = ByteRange::new(32_000, 33_000);
    assert!(storage.has(first) && !storage.has(second));
    assert!(storage.read(both).is_err());
    let data = release().piece(second);
    storage.hash_on(second, &data[..20_000]);
    assert_eq!(storage.verify(base(), second, &data), Ok(Verdict::Written));
    assert_eq!(storage.read(both).unwrap(), release().film().bytes(both));
    assert!(storage.verify(base(), second, &data).is_err());
    // A core that changes what it said is there fails the piece.
    let third = layout.piece(3).unwrap();
    storage.hash_on(third, &data[..20_000]);
    assert_eq!(storage.verify(base(), third, &release().piece(third)), Ok(Verdict::Corrupt));
    assert_eq!(storage.verify(base(), third, &release().piece(third)), Ok(Verdict::Written));
}
