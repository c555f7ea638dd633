//! aria2 and transmission as anybody runs them, told of peers by a tracker.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::metafile::Metafile;
use tests::stock::{Aria2, Transmission};
use tests::tracker::Tracker;
use tests::{SOON, http, own_address, scratch};

const FILM_LEN: usize = 600_001;

#[test]
fn aria2_takes_a_film_from_us() {
    let (source, copy, tracker) = (scratch(), scratch(), Tracker::start());
    let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 1);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&source.path().join("film.mkv"));
    let infohash = seeding["infoHash"].as_str().unwrap();
    tracker.register(infohash, SocketAddr::from((Ipv4Addr::LOCALHOST, engine.listen_port())));
    Aria2::leech(&magnet(infohash, &tracker), copy.path()).must_finish(SOON);
    assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "aria2's copy");
}

#[test]
fn we_take_a_film_from_aria2() {
    let (source, tracker) = (scratch(), Tracker::start());
    let metafile = Metafile::new("film.mkv", random_file(&source.path().join("film.mkv"), FILM_LEN, 2), 32 << 10);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Aria2::seed(&torrent, source.path());
    wait_seeding(&tracker, seeder.port());
    we_take(&metafile, seeder.port());
}

#[test]
fn transmission_takes_a_film_from_us() {
    let (source, copy, tracker) = (scratch(), scratch(), Tracker::start());
    let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 3);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&source.path().join("film.mkv"));
    let infohash = seeding["infoHash"].as_str().unwrap();
    tracker.register(infohash, SocketAddr::new(own_address(), engine.listen_port()));
    let leecher = Transmission::leech(&magnet(infohash, &tracker), copy.path());
    leecher.wait_done(SOON);
    assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "transmission's copy");
}

#[test]
fn we_take_a_film_from_transmission() {
    let (source, tracker) = (scratch(), Tracker::start());
    let metafile = Metafile::new("film.mkv", random_file(&source.path().join("film.mkv"), FILM_LEN, 4), 32 << 10);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Transmission::seed(&torrent, source.path());
    wait_seeding(&tracker, seeder.port());
    we_take(&metafile, seeder.port());
}

/// By magnet, so that the metadata comes from the stock client as well.
fn we_take(metafile: &Metafile, port: u16) {
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": metafile.magnet(""), "peers": [format!("127.0.0.1:{port}")] }));
    let url = added["serverUrl"].as_str().expect("added carries a URL");
    assert_same(&http::get(url).body, &metafile.content, "our copy");
    viewer.wait_for("done", SOON, |_| true);
}

fn wait_seeding(tracker: &Tracker, port: u16) {
    tests::within(SOON, "the stock client announces that it has everything", || {
        tracker.announces().iter().any(|announce| announce.port == port && announce.left == Some(0)).then_some(())
    });
}

fn magnet(infohash: &str, tracker: &Tracker) -> String {
    format!("magnet:?xt=urn:btih:{infohash}&dn=film.mkv&tr={}", tracker.url())
}
