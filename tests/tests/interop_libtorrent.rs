//! libtorrent, the most common engine of all, on the other side: as seeder and as leecher.

use std::fs;
use std::thread;

use serde_json::json;
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes, random_file, sparse_file};
use tests::libtorrent::LibTorrent;
use tests::{SOON, http, own_address, scratch};

#[test]
fn we_take_a_film_by_torrent_file_in_pieces_of_every_size() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    // No multiple of any piece length, so that the last piece and its last block are short.
    let content = random_file(&path, 9_437_189, 1);
    for piece_len in [16 << 10, 64 << 10, 1 << 20, 4 << 20] {
        let mut seeder = LibTorrent::start();
        let torrent = folder.path().join("film.torrent");
        let seeding = seeder.seed(&path, piece_len, &torrent);
        let mut viewer = Engine::start(&[]);
        let added = viewer.add(json!({ "torrentFile": torrent, "peers": [seeder.peer_address()] }));
        assert_eq!(added["infoHash"], seeding.infohash);
        assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, &format!("{piece_len}"));
        viewer.wait_for("done", SOON, |_| true);
        viewer.quit();
    }
}

#[test]
fn we_take_a_film_by_magnet_with_peers_of_the_command() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 3_000_001, 2);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&path, 32 << 10, &folder.path().join("film.torrent"));
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": seeding.magnet, "peers": [seeder.peer_address()] }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "by magnet");
    viewer.wait_for("done", SOON, |_| true);
}

#[test]
fn we_take_a_film_from_the_peer_a_magnet_names() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 500_001, 3);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&path, 32 << 10, &folder.path().join("film.torrent"));
    let magnet = format!("{}&x.pe={}:{}", seeding.magnet, own_address(), seeder.port());
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": magnet }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "through x.pe");
}

#[test]
fn a_magnet_cannot_make_us_dial_loopback() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 200_001, 4);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&path, 32 << 10, &folder.path().join("film.torrent"));
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let magnet = format!("{}&x.pe={}", seeding.magnet, target.local_addr().unwrap());
    let mut viewer = Engine::start(&[]);
    // The peer of the command is dialled, so by the time its film is here the magnet's would have been, too.
    let added = viewer.add(json!({ "magnetURI": magnet, "peers": [seeder.peer_address()] }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "from the peer of the command");
    target.set_nonblocking(true).unwrap();
    assert!(target.accept().is_err(), "a service of this machine was dialled because a magnet said so");
}

#[test]
fn we_take_a_folder() {
    let folder = scratch();
    let root = folder.path().join("Series");
    let files = [("one.mkv", 900_001), ("two.mkv", 1_200_003), ("extra/notes.txt", 17), ("poster.jpg", 30_000)];
    let contents = files.map(|(name, len)| (name, random_file(&root.join(name), len, len as u64)));
    let mut seeder = LibTorrent::start();
    let torrent = folder.path().join("series.torrent");
    seeder.seed(&root, 64 << 10, &torrent);
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": [seeder.peer_address()], "file": "*" }));
    assert_eq!((&added["name"], &added["length"]), (&json!("two.mkv"), &json!(1_200_003)));
    let listed = added["files"].as_array().unwrap();
    for (name, content) in &contents {
        let entry = listed.iter().find(|entry| entry["path"].as_str().is_some_and(|path| path.ends_with(name)));
        let entry = entry.unwrap_or_else(|| panic!("{name} is not listed in {added}"));
        assert_same(&http::get(entry["serverUrl"].as_str().unwrap()).body, content, name);
    }
    viewer.wait_for("done", SOON, |_| true);
}

#[test]
fn it_takes_a_film_from_us_by_magnet() {
    let (source, copy) = (scratch(), scratch());
    let path = source.path().join("film.mkv");
    let content = random_file(&path, 5_000_003, 5);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&path);
    let mut leecher = LibTorrent::start();
    leecher.add(seeding["magnetURI"].as_str().unwrap(), copy.path(), &[engine.peer_address()]);
    leecher.wait_done();
    assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "libtorrent's copy");
    engine.wait_for("progress", SOON, |event| event["uploadedBytes"].as_u64() >= Some(5_000_003));
}

#[test]
fn it_takes_a_folder_from_us() {
    let (source, copy) = (scratch(), scratch());
    let root = source.path().join("Série 1");
    let files = [("eins.mkv", 800_001), ("zwei.mkv", 70_001), ("unter/drei.srt", 33)];
    let contents = files.map(|(name, len)| (name, random_file(&root.join(name), len, len as u64)));
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&root);
    let mut leecher = LibTorrent::start();
    leecher.add(seeding["magnetURI"].as_str().unwrap(), copy.path(), &[engine.peer_address()]);
    leecher.wait_done();
    for (name, content) in &contents {
        assert_same(&fs::read(copy.path().join("Série 1").join(name)).unwrap(), content, name);
    }
}

#[test]
fn it_passes_a_film_on_from_one_of_us_to_another() {
    let folder = scratch();
    let (path, copy) = (folder.path().join("film.mkv"), scratch());
    let content = random_file(&path, 4_000_001, 6);
    let mut host = Engine::start(&["-max-upload=3M"]);
    let seeding = host.seed(&path);
    let magnet = seeding["magnetURI"].as_str().unwrap();
    let mut middle = LibTorrent::start();
    middle.add(magnet, copy.path(), &[host.peer_address()]);
    let mut viewer = Engine::start(&[]);
    // It serves pieces while it still lacks others: `have` messages and partial bitfields, both ways.
    let added = viewer.add(json!({ "magnetURI": magnet, "peers": [middle.peer_address()] }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "through the middle");
    middle.wait_done();
}

#[test]
fn more_than_65536_pieces() {
    const LEN: u64 = (66_000 << 14) + 5;
    let folder = scratch();
    let path = folder.path().join("long.mkv");
    let places = [0, 123_456_789, 640_000_000, LEN - 65_536];
    sparse_file(&path, LEN, &places);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&path, 16 << 10, &folder.path().join("long.torrent"));
    assert_eq!(seeding.piece_count, 66_001);
    let mut viewer = Engine::start(&[]);
    // 1.3 MB of metadata from the peer, and a bitfield of 8 KiB.
    let peers = [seeder.peer_address()];
    let added = viewer.add(json!({ "magnetURI": seeding.magnet, "peers": peers, "fetch": "asNeeded" }));
    assert_eq!(added["length"], LEN);
    let url = added["serverUrl"].as_str().unwrap();
    thread::scope(|scope| {
        for at in places {
            scope.spawn(move || {
                assert_same(&http::get_range(url, at, at + 65_536), &random_bytes(65_536, at), "a place");
            });
        }
    });
    assert_eq!(http::get_range(url, 900_000_000, 900_000_100), [0; 100]);
}
