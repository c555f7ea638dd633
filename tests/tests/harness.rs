//! The harness against the world, without the engine: when these fail, look here before blaming the engine.

use std::fs;
use std::net::SocketAddr;

use tests::film::{assert_same, random_bytes, random_file};
use tests::libtorrent::LibTorrent;
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::stock::{Aria2, Transmission};
use tests::tracker::Tracker;
use tests::{SOON, own_address, scratch};

const PIECE_LEN: usize = 32 * 1024;

#[test]
fn libtorrent_takes_a_file_from_the_hand_written_seeder() {
    let folder = scratch();
    let metafile = Metafile::new("film.bin", random_bytes(300_001, 1), PIECE_LEN);
    let seeder = Seeder::start(&metafile, Manners::default());
    let torrent = metafile.write(folder.path(), None);
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), folder.path(), &[seeder.peer_address()]);
    leecher.wait_done();
    assert_same(&fs::read(folder.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
    assert_eq!(seeder.served().iter().map(|served| served.len as usize).sum::<usize>(), 300_001);
}

#[test]
fn libtorrent_hangs_up_on_a_liar_and_takes_the_rest_elsewhere() {
    let folder = scratch();
    let metafile = Metafile::new("film.bin", random_bytes(300_001, 2), PIECE_LEN);
    let liar = Seeder::start(&metafile, Manners::corrupting(&metafile, &[3]));
    let honest = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), folder.path(), &[liar.peer_address(), honest.peer_address()]);
    liar.wait_served(3, SOON);
    liar.wait_dropped(1, SOON);
    honest.open_gate();
    leecher.wait_done();
    assert_same(&fs::read(folder.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
}

#[test]
fn libtorrent_seeds_to_libtorrent_by_magnet() {
    let (source, copy) = (scratch(), scratch());
    let content = random_file(&source.path().join("film.bin"), 500_000, 3);
    let (mut seeder, mut leecher) = (LibTorrent::start(), LibTorrent::start());
    let seeding = seeder.seed(&source.path().join("film.bin"), 16_384, &source.path().join("film.torrent"));
    assert_eq!(seeding.piece_count, 31);
    leecher.add(&seeding.magnet, copy.path(), &[seeder.peer_address()]);
    leecher.wait_done();
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &content, "libtorrent's copy");
}

#[test]
fn aria2_seeds_to_aria2_through_the_tracker() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let metafile = Metafile::new("film.bin", random_file(&source.path().join("film.bin"), 200_000, 4), PIECE_LEN);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Aria2::seed(&torrent, source.path());
    tests::within(SOON, "aria2 announces itself as complete", || {
        tracker.announces().iter().find(|announce| announce.port == seeder.port() && announce.left == Some(0)).cloned()
    });
    Aria2::leech(torrent.to_str().unwrap(), copy.path()).must_finish(SOON);
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &metafile.content, "aria2's copy");
}

#[test]
fn transmission_seeds_to_libtorrent() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let metafile = Metafile::new("film.bin", random_file(&source.path().join("film.bin"), 200_000, 5), PIECE_LEN);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Transmission::seed(&torrent, source.path());
    tests::within(SOON, "transmission announces itself as complete", || {
        tracker.announces().iter().find(|announce| announce.port == seeder.port() && announce.left == Some(0)).cloned()
    });
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), copy.path(), &[format!("127.0.0.1:{}", seeder.port())]);
    leecher.wait_done();
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
}

#[test]
fn transmission_takes_a_file_from_libtorrent_through_the_tracker() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let content = random_file(&source.path().join("film.bin"), 200_000, 6);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&source.path().join("film.bin"), 32_768, &source.path().join("film.torrent"));
    tracker.register(&seeding.infohash, SocketAddr::new(own_address(), seeder.port()));
    let leecher = Transmission::leech(&format!("{}&tr={}", seeding.magnet, tracker.url()), copy.path());
    leecher.wait_done(SOON);
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &content, "transmission's copy");
}

#[test]
fn clips_are_of_the_size_and_shape_they_claim() {
    use tests::film::{Clip, Container};
    let folder = scratch();
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let path = folder.path().join("clip");
        let rate = Clip { container, seconds: 4, bits_per_second: 2_000_000 }.make(&path);
        assert!((200_000..400_000).contains(&rate), "{container:?}: {rate} bytes a second");
    }
}
