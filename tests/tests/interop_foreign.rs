//! Torrents that other programs made: hybrids, padding, private ones, tiers of trackers, names that are awkward.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::libtorrent::{LibTorrent, Version};
use tests::makers::{Extra, mktorrent, transmission_create};
use tests::tracker::Tracker;
use tests::{SOON, http, own_address, scratch, within};

/// A folder of somebody's, with the content of each of its files.
struct Folder {
    home: TempDir,
    name: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Folder {
    fn new(name: &'static str, files: &[(&'static str, usize)]) -> Self {
        let home = scratch();
        let write = |(path, len): &(&'static str, usize)| {
            (*path, random_file(&home.path().join(name).join(path), *len, *len as u64))
        };
        let files = files.iter().map(write).collect();
        Self { home, name, files }
    }

    fn path(&self) -> PathBuf {
        self.home.path().join(self.name)
    }

    fn torrent(&self) -> PathBuf {
        self.home.path().join("made.torrent")
    }

    /// Every file as the engine serves it.
    fn is_served(&self, added: &Value) {
        let listed = added["files"].as_array().expect("`added` lists the files");
        assert_eq!(listed.len(), self.files.len(), "padding is no file: {added}");
        for (path, content) in &self.files {
            // By length: a name that some system does not allow is another one here.
            let entry = listed.iter().find(|entry| entry["length"] == content.len());
            let entry = entry.unwrap_or_else(|| panic!("{path} is not listed in {added}"));
            let url = entry["serverUrl"].as_str().expect("every file has a URL");
            assert_same(&http::get(url).body, content, path);
        }
    }

    fn is_in(&self, folder: &Path) {
        for (path, content) in &self.files {
            let copy = fs::read(folder.join(self.name).join(path)).expect("every file was written");
            assert_same(&copy, content, path);
        }
    }
}

/// None is a whole number of pieces long.
const SERIES: [(&str, usize); 4] =
    [("one.mkv", 1_500_001), ("two.mkv", 2_700_003), ("extra/notes.txt", 17), ("z.srt", 33_000)];

#[test]
fn a_hybrid_with_padding_comes_from_libtorrent_and_goes_to_it() {
    // Some programs leave an empty file out of what they make; libtorrent does not.
    let series = Folder::new("Series", &[SERIES.as_slice(), &[("extra/empty", 0)]].concat());
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed_as(Version::Both, &series.path(), 64 << 10, &series.torrent());
    let raw = fs::read(series.torrent()).unwrap();
    let holds = |word: &[u8]| raw.windows(word.len()).any(|window| window == word);
    assert!(holds(b"4:attr1:p") && holds(b"9:file tree") && holds(b"6:pieces"), "this is a padded hybrid");
    assert!(seeding.magnet.contains("btih:") && seeding.magnet.contains("btmh:"), "{}", seeding.magnet);

    let peers = [seeder.peer_address()];
    let mut by_file = Engine::start(&[]);
    let added = by_file.add(json!({ "torrentFile": series.torrent(), "peers": peers, "file": "*" }));
    assert_eq!((&added["name"], &added["infoHash"]), (&json!("two.mkv"), &json!(seeding.infohash)));
    series.is_served(&added);
    by_file.wait_for("done", SOON, |_| true);

    let mut by_magnet = Engine::start(&[]);
    let added = by_magnet.add(json!({ "magnetURI": seeding.magnet, "peers": peers, "file": "*" }));
    series.is_served(&added);
    by_magnet.wait_for("done", SOON, |_| true);

    drop(seeder);
    let (copy, mut leecher) = (scratch(), LibTorrent::start());
    leecher.add(series.torrent().to_str().unwrap(), copy.path(), &[by_magnet.peer_address()]);
    leecher.wait_done();
    series.is_in(copy.path());
    let (copy, mut leecher) = (scratch(), LibTorrent::start());
    leecher.add(&seeding.magnet, copy.path(), &[by_file.peer_address()]);
    leecher.wait_done();
    series.is_in(copy.path());
}

#[test]
fn version_2_alone_is_refused_in_words() {
    let series = Folder::new("Series", &SERIES);
    let seeding = LibTorrent::start().seed_as(Version::Two, &series.path(), 64 << 10, &series.torrent());
    assert!(!seeding.magnet.contains("btih:"), "{}", seeding.magnet);
    let mut engine = Engine::start(&[]);
    let commands = [
        json!({ "cmd": "add", "torrentFile": series.torrent() }),
        json!({ "cmd": "add", "magnetURI": seeding.magnet }),
    ];
    for (id, command) in (1..).zip(commands) {
        let error = engine.refused(command, id);
        assert_eq!(error["code"], "E003", "{error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("version 2")), "{error}");
    }
    engine.quit();
}

#[test]
fn a_private_torrent_is_announced_to_its_own_trackers_alone() {
    let series = Folder::new("Series", &SERIES);
    let (own, other) = (Tracker::start(), Tracker::start());
    let extra = Extra { trackers: &[&own.url()], private: true };
    transmission_create(&series.path(), &series.torrent(), extra);
    let mut seeder = LibTorrent::start();
    seeder.add(series.torrent().to_str().unwrap(), series.home.path(), &[]);
    let mut engine = Engine::start(&[]);
    let peers = [seeder.peer_address()];
    let command = json!({ "torrentFile": series.torrent(), "peers": peers, "trackerUrl": other.url(), "file": "*" });
    series.is_served(&engine.add(command));
    within(SOON, "the torrent's own tracker hears that it is complete", || {
        let port = engine.listen_port();
        own.announces().iter().any(|seen| seen.port == port && seen.event == "completed").then_some(())
    });
    assert!(other.targets().is_empty(), "another tracker was asked: {:?}", other.targets());
}

#[test]
fn the_next_tier_is_asked_when_the_first_is_dead() {
    let series = Folder::new("Series", &SERIES);
    let tracker = Tracker::start();
    // The engine takes no loopback addresses from a tracker that only a torrent names.
    tracker.see_everyone_as(own_address());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{closed}/announce");
    mktorrent(&series.path(), &series.torrent(), Extra { trackers: &[&dead, &tracker.url()], private: false });
    let mut seeder = LibTorrent::start();
    seeder.add(series.torrent().to_str().unwrap(), series.home.path(), &[]);
    within(SOON, "the seeder is with the tracker", || {
        tracker.announces().iter().any(|seen| seen.port == seeder.port() && seen.left == Some(0)).then_some(())
    });
    let mut engine = Engine::start(&[]);
    series.is_served(&engine.add(json!({ "torrentFile": series.torrent(), "file": "*" })));
}

#[test]
fn one_file_of_several_is_fetched_by_number_or_path() {
    let series = Folder::new("Series", &SERIES);
    let mut seeder = LibTorrent::start();
    seeder.seed_as(Version::Both, &series.path(), 64 << 10, &series.torrent());
    let peers = [seeder.peer_address()];
    let (path, content) = &series.files[0];
    let mut engine = Engine::start(&[]);
    let listed = engine.add(json!({ "torrentFile": series.torrent(), "peers": [], "fetch": "asNeeded" }));
    let entry = listed["files"].as_array().unwrap().iter().find(|entry| entry["path"].as_str() == Some("one.mkv"));
    let entry = entry.unwrap_or_else(|| panic!("{listed}"));
    for file in [entry["index"].clone(), entry["path"].clone()] {
        let mut viewer = Engine::start(&[]);
        let added = viewer.add(json!({ "torrentFile": series.torrent(), "peers": peers, "file": file }));
        assert_eq!((&added["name"], &added["length"]), (&json!(path), &json!(content.len())));
        let done = viewer.wait_for("progress", SOON, |event| event["downloaded"] == 1.0);
        assert_eq!(done["totalBytes"], content.len(), "{done}");
        viewer.wait_for("done", SOON, |_| true);
        assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, content, path);
    }
    let refused = json!({ "cmd": "add", "torrentFile": series.torrent(), "file": "three.mkv" });
    let mut viewer = Engine::start(&[]);
    let error = viewer.refused(refused, 7);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("three.mkv")), "{error}");
}

#[test]
fn awkward_names_are_served() {
    const NAMES: [(&str, usize); 8] = [
        ("50% off? #1 & more.mkv", 200_001),
        ("日本語 – déjà vu.mkv", 90_001),
        ("de\u{301}ja\u{300}.mkv", 80_001),
        ("two  spaces/ inside.mkv", 70_001),
        ("dots../more....mkv", 60_001),
        ("'quotes\" and `ticks`.mkv", 50_001),
        ("plus+plus;semicolon=1.mkv", 40_001),
        ("-dash.mkv", 30_001),
    ];
    type Maker = fn(&Path, &Path, Extra<'_>);
    for make in [transmission_create as Maker, mktorrent as Maker] {
        let series = Folder::new("Odd [names] 100%", &NAMES);
        let tracker = Tracker::start();
        make(&series.path(), &series.torrent(), Extra { trackers: &[&tracker.url()], private: false });
        let mut seeder = LibTorrent::start();
        seeder.add(series.torrent().to_str().unwrap(), series.home.path(), &[]);
        let mut engine = Engine::start(&[]);
        let peers = [seeder.peer_address()];
        series.is_served(&engine.add(json!({ "torrentFile": series.torrent(), "peers": peers, "file": "*" })));
        engine.wait_for("done", SOON, |_| true);
    }
}
