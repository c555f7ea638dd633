//! Engine to engine, and from there to a player: what is seeded arrives, byte for byte, while it is still arriving.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{SOON, http, scratch};

#[test]
fn a_film_arrives_byte_for_byte_and_the_figures_keep_their_promises() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 9_000_001, 1);
    let (mut seeder, mut viewer) = (Engine::start(&["-max-upload=4M"]), Engine::start(&[]));
    let seeding = seeder.seed(&path);
    let added = viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] }));
    assert_eq!(added["infoHash"], seeding["infoHash"]);
    assert_eq!((&added["name"], &added["length"]), (&json!("film.mkv"), &json!(9_000_001)));
    assert_eq!(added["files"].as_array().map(Vec::len), Some(1));

    let url = added["serverUrl"].as_str().unwrap();
    assert_same(&http::get(url).body, &content, "over HTTP, while it arrived");
    let done = viewer.wait_for("done", SOON, |_| true);
    assert_eq!(done["infoHash"], seeding["infoHash"]);
    viewer.status();
    check_progress(viewer.history(), 9_000_001);
    viewer.quit();
    seeder.quit();
}

#[test]
fn many_readers_share_one_download() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 6_000_000, 2);
    let (mut seeder, mut viewer) = (Engine::start(&["-max-upload=4M"]), Engine::start(&[]));
    let seeding = seeder.seed(&path);
    let added = viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] }));
    let url = added["serverUrl"].as_str().unwrap();
    thread::scope(|scope| {
        for reader in 0..32u64 {
            let content = &content;
            scope.spawn(move || {
                // Each begins somewhere else, as viewers and probing players do.
                let first = reader * 180_000;
                let bytes = http::get_range(url, first, 6_000_000);
                assert_same(&bytes, &content[usize::try_from(first).unwrap()..], &format!("reader {reader}"));
            });
        }
    });
    viewer.wait_for("done", SOON, |_| true);
    let sent = seeder.wait_for("progress", SOON, |event| event["uploadedBytes"].as_u64() >= Some(6_000_000));
    assert!(sent["uploadedBytes"].as_u64() < Some(6_600_000), "one download for 32 readers: {sent}");
}

#[test]
fn a_seek_does_not_wait_for_what_lies_before() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_file(&folder.path().join("film.mkv"), 8_000_000, 3), 65_536);
    let torrent = metafile.write(folder.path(), None);
    let source =
        Seeder::start(&metafile, Manners { block_takes: std::time::Duration::from_millis(4), ..Manners::default() });
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": [source.peer_address()], "fetch": "asNeeded" }));
    let bytes = http::get_range(added["serverUrl"].as_str().unwrap(), 6_000_000, 6_050_000);
    assert_same(&bytes, &metafile.content[6_000_000..6_050_000], "after a seek");
    let fetched: u64 = source.served().iter().map(|served| u64::from(served.len)).sum();
    assert!(fetched < 6_000_000, "only what was asked for, and what follows: {fetched} bytes");
}

#[test]
fn a_folder_with_names_of_the_world_arrives_whole() {
    let folder = scratch();
    let root = folder.path().join("Séance – 映画");
    let files = [
        ("Teil 1/фильм & co #1+2.mkv", 2_000_003, 1),
        ("Teil 1/постер 100%.jpg", 40_000, 2),
        ("zwei.mp4", 700_000, 3),
        ("ein عنوان.srt", 999, 4),
        ("leer.txt", 0, 5),
    ];
    let contents = files.map(|(name, len, seed)| (name, random_file(&root.join(name), len, seed)));
    let (mut seeder, mut viewer) = (Engine::start(&[]), Engine::start(&[]));
    let seeding = seeder.seed(&root);
    assert_eq!(seeding["length"], 2_000_003, "the largest media file is the one to play");
    let magnet = &seeding["magnetURI"];
    let added = viewer.add(json!({ "magnetURI": magnet, "peers": [seeder.peer_address()], "file": "*" }));
    let listed = added["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.len(), "{added}");
    for (name, content) in &contents {
        let entry = listed.iter().find(|entry| entry["path"].as_str().is_some_and(|path| path.ends_with(name)));
        let entry = entry.unwrap_or_else(|| panic!("{name} is not listed in {added}"));
        assert_eq!(entry["length"], content.len());
        assert_eq!(entry["media"], name.ends_with(".mkv") || name.ends_with(".mp4"), "{entry}");
        if !content.is_empty() {
            assert_same(&http::get(entry["serverUrl"].as_str().unwrap()).body, content, name);
        }
    }
    viewer.wait_for("done", SOON, |_| true);
}

#[test]
fn of_a_folder_only_the_chosen_file_is_fetched() {
    let folder = scratch();
    let root = folder.path().join("Series");
    random_file(&root.join("one.mkv"), 1_500_000, 1);
    let two = random_file(&root.join("two.mkv"), 1_000_000, 2);
    let mut seeder = Engine::start(&[]);
    let seeding = seeder.seed(&root);
    for choice in [json!("two.mkv"), json!(1)] {
        let mut viewer = Engine::start(&[]);
        let magnet = &seeding["magnetURI"];
        let added = viewer.add(json!({ "magnetURI": magnet, "peers": [seeder.peer_address()], "file": choice }));
        assert_eq!((&added["name"], &added["length"]), (&json!("two.mkv"), &json!(1_000_000)), "{choice}");
        assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &two, "two.mkv");
        viewer.wait_for("done", SOON, |_| true);
        viewer.status();
        check_progress(viewer.history(), 1_000_000);
    }
    let mut viewer = Engine::start(&[]);
    viewer
        .send(&json!({ "cmd": "add", "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()], "file": 9 }));
    assert_eq!(viewer.wait_for("error", SOON, |_| true)["code"], "E010", "there is no tenth file");
}

#[test]
fn http_answers_as_players_expect() {
    let folder = scratch();
    let path = folder.path().join("film.mp4");
    let content = random_file(&path, 300_000, 4);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&path);
    let url = seeding["serverUrl"].as_str().unwrap();

    let head = http::request("HEAD", url, &[]).head;
    assert_eq!((head.status, head.content_length()), (200, Some(300_000)));
    assert_eq!(head.header("content-type"), Some("video/mp4"));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    let etag = head.header("etag").expect("a strong ETag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");

    let ranges = [("bytes=0-0", 0..1), ("bytes=299999-", 299_999..300_000), ("bytes=-5", 299_995..300_000)];
    for (asked, expected) in ranges.into_iter().chain([("bytes=10-999999999", 10..300_000)]) {
        let response = http::request("GET", url, &[("Range", asked)]);
        assert_eq!(response.head.status, 206, "{asked}");
        let said = format!("bytes {}-{}/300000", expected.start, expected.end - 1);
        assert_eq!(response.head.header("content-range"), Some(said.as_str()), "{asked}");
        assert_same(&response.body, &content[expected], asked);
    }
    let past = http::request("GET", url, &[("Range", "bytes=300000-")]).head;
    assert_eq!((past.status, past.header("content-range")), (416, Some("bytes */300000")));
    let current = http::request("GET", url, &[("Range", "bytes=1-2"), ("If-Range", &etag)]);
    assert_eq!(current.head.status, 206);
    let outdated = http::request("GET", url, &[("Range", "bytes=1-2"), ("If-Range", "\"other\"")]);
    assert_eq!((outdated.head.status, outdated.body.len()), (200, 300_000));
    let posted = http::request("POST", url, &[("Content-Length", "0")]).head;
    assert_eq!(posted.status, 405);
    assert!(posted.header("allow").is_some_and(|allow| allow.contains("GET") && allow.contains("HEAD")), "{posted:?}");

    // Two requests on one connection, the second sent before the first is answered.
    let mut connection = http::Connection::open(url);
    connection.send("GET", url, &[("Range", "bytes=0-9")]);
    connection.send("GET", url, &[("Range", "bytes=10-19")]);
    assert_same(&connection.receive("GET").body, &content[..10], "first of the pipeline");
    assert_same(&connection.receive("GET").body, &content[10..20], "second of the pipeline");
    engine.quit();
}

#[test]
fn a_web_page_gets_nothing() {
    let folder = scratch();
    let path = folder.path().join("film.mp4");
    random_file(&path, 1000, 5);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&path);
    let url = seeding["serverUrl"].as_str().unwrap();
    let port = engine.http_port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        assert_eq!(http::request("GET", url, &[("Host", &host)]).head.status, 200, "{host}");
    }
    let pages = [
        ("Host", "evil.example".to_owned()),
        ("Host", format!("evil.example:{port}")),
        ("Host", format!("localhost.evil.example:{port}")),
        ("Origin", "http://evil.example".to_owned()),
        ("Origin", "null".to_owned()),
        ("Sec-Fetch-Site", "cross-site".to_owned()),
    ];
    for (name, value) in pages {
        for target in [url, &format!("http://localhost:{port}/-/status")] {
            let response = http::request("GET", target, &[(name, &value)]);
            assert_eq!(response.head.status, 403, "{name}: {value}");
        }
    }
    engine.quit();
}

#[test]
fn stopped_data_is_found_again_and_deleted_when_asked() {
    let folder = scratch();
    let data = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 3_000_000, 6);
    let mut seeder = Engine::start(&[]);
    let seeding = seeder.seed(&path);
    let command = json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] });
    let infohash = &seeding["infoHash"];
    let mut viewer = Engine::start_in(data.path(), &[]);
    let added = viewer.add(command.clone());
    viewer.wait_for("done", SOON, |_| true);
    viewer.send(&json!({ "cmd": "stop", "infoHash": infohash }));
    assert_eq!(&viewer.wait_for("stopped", SOON, |_| true)["infoHash"], infohash);
    assert_eq!(http::get(added["serverUrl"].as_str().unwrap()).head.status, 404, "what is stopped is not served");
    assert!(largest_file(data.path()) >= 3_000_000, "the data stays");

    // From here on nobody has the film but the disk.
    seeder.quit();
    let added = viewer.add(command.clone());
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "found again");
    viewer.quit();

    let mut viewer = Engine::start_in(data.path(), &[]);
    let added = viewer.add(command);
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "found by another process");
    viewer.send(&json!({ "cmd": "stop", "infoHash": infohash, "deleteData": true }));
    viewer.wait_for("stopped", SOON, |_| true);
    assert!(largest_file(data.path()) < 100_000, "deleteData deletes");
    viewer.quit();
    assert_same(&fs::read(&path).unwrap(), &content, "nobody touches the seeded file");
}

#[test]
fn deleting_never_deletes_what_was_seeded() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 500_000, 7);
    let mut engine = Engine::start(&[]);
    engine.seed(&path);
    engine.send(&json!({ "cmd": "stop", "deleteData": true }));
    engine.wait_for("stopped", SOON, |_| true);
    engine.quit();
    assert_same(&fs::read(&path).unwrap(), &content, "the host's own file");
}

#[test]
fn a_file_that_changed_is_not_served() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, 2_000_000, 8);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&path);
    let url = seeding["serverUrl"].as_str().unwrap();
    assert_same(&http::get(url).body, &content, "as it was");
    random_file(&path, 2_000_000, 9);
    let (head, mut body) = http::open(url, &[]);
    let mut bytes = Vec::new();
    // It may end early, even with a reset: it must not end with other bytes.
    drop(body.read_to_end(&mut bytes));
    if head.status == 200 {
        assert_same(&bytes, &content[..bytes.len()], "before the end");
    } else {
        assert_eq!(head.status, 503);
    }
    let error = engine.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E008");
    assert!(error["message"].as_str().unwrap().contains("film.mkv"), "{error}");
    assert_eq!(http::get(url).head.status, 503);
    engine.quit();
}

#[test]
fn the_same_film_twice_is_one_torrent_and_two_of_one_name_are_two() {
    let folder = scratch();
    let (first, second) = (folder.path().join("a/film.mkv"), folder.path().join("b/film.mkv"));
    let contents = [random_file(&first, 300_000, 10), random_file(&second, 300_000, 11)];
    let mut engine = Engine::start(&[]);
    let urls = [engine.seed(&first), engine.seed(&second)].map(|event| event["serverUrl"].as_str().unwrap().to_owned());
    assert_ne!(urls[0], urls[1]);
    for (url, content) in urls.iter().zip(&contents) {
        assert_same(&http::get(url).body, content, url);
    }
    engine.send(&json!({ "cmd": "stop" }));
    engine.wait_for("stopped", SOON, |_| true);
    engine.wait_for("stopped", SOON, |_| true);
    engine.quit();
}

/// What the contract says of `progress` and `done`.
fn check_progress(events: &[Value], total: u64) {
    let (mut downloaded, mut complete, mut done) = (0.0, false, 0);
    for event in events {
        if event["event"] == "done" {
            assert!(complete, "exactly 1.0 comes before done");
            done += 1;
        }
        if event["event"] != "progress" || event["totalBytes"] == 0 {
            continue;
        }
        let share = event["downloaded"].as_f64().expect("a number");
        assert!((downloaded..=1.0).contains(&share), "from {downloaded} to {event}");
        downloaded = share;
        complete |= event["downloaded"] == 1.0;
        assert_eq!(event["totalBytes"], total);
        for field in ["speed", "peers", "downloadedBytes", "uploadSpeed", "uploadedBytes", "seeds", "aheadBytes"] {
            assert!(event[field].is_u64(), "{field} of {event}");
        }
        let ranges: Vec<(u64, u64)> = serde_json::from_value(event["ranges"].clone()).expect("pairs of numbers");
        assert!(ranges.iter().all(|range| range.0 < range.1 && range.1 <= total), "{event}");
        assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "merged and in order: {event}");
        let here: u64 = ranges.iter().map(|range| range.1 - range.0).sum();
        assert!(here <= event["downloadedBytes"].as_u64().expect("a number"), "{event}");
    }
    assert!(complete);
    assert_eq!(done, 1, "done comes once");
}

/// Bytes of the largest file below a folder.
fn largest_file(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let len = |entry: fs::DirEntry| {
        let metadata = entry.metadata().expect("nobody deletes it meanwhile");
        if metadata.is_dir() { largest_file(&entry.path()) } else { metadata.len() }
    };
    entries.map(len).max().unwrap_or(0)
}
