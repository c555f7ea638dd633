//! HTTP trackers: engines that find each other through one with nothing else, and what trackers may do to an engine.

use std::path::Path;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::film::random_file;
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::tracker::{Announce, Tracker};
use tests::{SOON, scratch, within};

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef01234567";

/// The first announce of that torrent, port and event.
fn announced(tracker: &Tracker, infohash: &str, port: u16, event: &str) -> Announce {
    within(SOON, &format!("an announce `{event}` of port {port}"), || {
        tracker
            .announces()
            .into_iter()
            .find(|seen| seen.infohash == infohash && seen.port == port && seen.event == event)
    })
}

fn seed(engine: &mut Engine, path: &Path, tracker: &str) -> String {
    engine.send(&json!({ "cmd": "seed", "filePath": path, "trackerUrl": tracker }));
    let seeding = engine.wait_for_or_error("seeding", SOON, |_| true);
    seeding["infoHash"].as_str().expect("`seeding` carries the infohash").to_owned()
}

fn says(event: &Value, words: &str) -> bool {
    event["message"].as_str().is_some_and(|message| message.contains(words))
}

#[test]
fn two_engines_find_each_other_through_a_tracker_alone() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 900_000, 1);
    for lists in [false, true] {
        let tracker = Tracker::start();
        if lists {
            tracker.answer_with_lists();
        }
        let (mut host, mut viewer) = (Engine::start(&[]), Engine::start(&[]));
        let infohash = seed(&mut host, &path, &tracker.url());
        host.wait_for("info", SOON, |event| says(event, "works"));
        let (host_port, viewer_port) = (host.listen_port(), viewer.listen_port());
        assert_eq!(announced(&tracker, &infohash, host_port, "started").left, Some(0), "a seed lacks nothing");
        let magnet = format!("magnet:?xt=urn:btih:{infohash}");
        viewer.add(json!({ "magnetURI": magnet, "trackerUrl": tracker.url() }));
        viewer.wait_for_or_error("done", SOON, |_| true);
        let started = announced(&tracker, &infohash, viewer_port, "started");
        assert!(started.left.is_some_and(|left| left > 0), "who knows nothing is no seed: {started:?}");
        assert_eq!(announced(&tracker, &infohash, viewer_port, "completed").left, Some(0));
        viewer.send(&json!({ "cmd": "stop" }));
        viewer.wait_for("stopped", SOON, |_| true);
        announced(&tracker, &infohash, viewer_port, "stopped");
        // Told before the process is gone, so nothing is waited for.
        host.quit();
        let gone = tracker.announces().into_iter().any(|seen| seen.port == host_port && seen.event == "stopped");
        assert!(gone, "{:?}", tracker.announces());
        viewer.quit();
    }
}

#[test]
fn who_fetched_one_file_of_two_is_a_partial_seed_and_parts_from_the_host() {
    let folder = scratch();
    let film = folder.path().join("films");
    std::fs::create_dir(&film).unwrap();
    random_file(&film.join("long.mkv"), 900_000, 4);
    random_file(&film.join("short.mkv"), 400_000, 5);
    let tracker = Tracker::start();
    let (mut host, mut viewer) = (Engine::start(&[]), Engine::start(&[]));
    let infohash = seed(&mut host, &film, &tracker.url());
    let magnet = format!("magnet:?xt=urn:btih:{infohash}");
    viewer.add(json!({ "magnetURI": magnet, "trackerUrl": tracker.url() }));
    viewer.wait_for_or_error("done", SOON, |_| true);
    let port = viewer.listen_port();
    let paused = announced(&tracker, &infohash, port, "paused");
    assert!(paused.left.is_some_and(|left| left > 300_000), "the other file is not here: {paused:?}");
    for engine in [&mut host, &mut viewer] {
        within(SOON, "nobody is connected any more", || (engine.status()["torrents"][0]["peers"] == 0).then_some(()));
    }
    viewer.send(&json!({ "cmd": "stop" }));
    announced(&tracker, &infohash, port, "stopped");
    assert!(tracker.announces().iter().all(|seen| seen.port != port || seen.event != "completed"));
    viewer.quit();
    host.quit();
}

#[test]
fn a_redirect_is_followed_and_a_rendezvous_without_a_path_is_asked_at_announce() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 100_000, 2);
    let tracker = Tracker::start();
    let mut engine = Engine::start(&[]);
    let infohash = seed(&mut engine, &path, &tracker.redirecting_url());
    announced(&tracker, &infohash, engine.listen_port(), "started");
    assert!(tracker.targets()[0].starts_with("/moved/announce?info_hash="), "{:?}", tracker.targets());

    let mut other = Engine::start(&[]);
    let bare = tracker.url().strip_suffix("/announce").unwrap().to_owned();
    let infohash = seed(&mut other, &path, &bare);
    announced(&tracker, &infohash, other.listen_port(), "started");
    engine.quit();
    other.quit();
}

#[test]
fn a_refusal_is_told_with_its_reason_and_once() {
    let tracker = Tracker::start();
    tracker.refuse("no such film here");
    let mut engine = Engine::start(&[]);
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}");
    engine.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": tracker.url() }));
    let error = engine.wait_for("error", SOON, |event| says(event, "no such film here"));
    assert_eq!((&error["code"], &error["infoHash"]), (&json!("E004"), &json!(UNKNOWN)));
    engine.quit();
}

#[test]
fn a_tracker_that_is_gone_is_told() {
    let gone = Tracker::start().url();
    let mut engine = Engine::start(&[]);
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}");
    engine.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": gone }));
    engine.wait_for("info", SOON, |event| says(event, "cannot be asked") && says(event, &gone));
    engine.quit();
}

#[test]
fn a_magnet_names_a_local_tracker_only_at_its_own_path() {
    let tracker = Tracker::start();
    let base = tracker.url().strip_suffix("/announce").unwrap().to_owned();
    let mut engine = Engine::start(&[]);
    for trap in ["/reboot", "/announce%3Freboot=1", "/announce/../reboot"] {
        let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={base}{trap}");
        engine.send(&json!({ "cmd": "add", "magnetURI": magnet }));
        engine.wait_for("info", SOON, |event| says(event, "is not asked") && says(event, "only you or the room"));
        engine.send(&json!({ "cmd": "stop" }));
        engine.wait_for("stopped", SOON, |_| true);
    }
    assert_eq!(tracker.targets(), [""; 0]);
    let redirecting = tracker.redirecting_url();
    engine.send(&json!({ "cmd": "add", "magnetURI": format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={redirecting}") }));
    engine.wait_for("info", SOON, |event| says(event, "is not asked"));
    assert_eq!(tracker.targets(), [""; 0]);
    engine.send(&json!({ "cmd": "stop" }));
    engine.wait_for("stopped", SOON, |_| true);

    engine.send(&json!({ "cmd": "add", "magnetURI": format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={}", tracker.url()) }));
    announced(&tracker, UNKNOWN, engine.listen_port(), "started");
    engine.quit();
}

#[test]
fn what_a_local_tracker_of_a_stranger_names_is_not_dialed_and_the_rooms_is() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", tests::film::random_bytes(300_000, 3), 65_536);
    let seeder = Seeder::start(&metafile, Manners::default());
    let tracker = Tracker::start();
    let torrent = metafile.write(folder.path(), Some(&tracker.url()));
    tracker.register(&metafile.infohash_hex(), seeder.peer_address().parse().unwrap());
    let mut engine = Engine::start(&[]);
    engine.add(json!({ "torrentFile": torrent }));
    engine.wait_for("info", SOON, |event| says(event, "works"));
    assert_eq!(engine.status()["torrents"][0]["peers"].as_array().map_or(0, Vec::len), 0);

    let mut of_the_room = Engine::start(&[]);
    of_the_room.add(json!({ "torrentFile": torrent, "trackerUrl": tracker.url() }));
    of_the_room.wait_for_or_error("done", SOON, |_| true);
    engine.quit();
    of_the_room.quit();
}

#[test]
fn trackers_for_browsers_are_said_to_be_missing_once() {
    let mut engine = Engine::start(&[]);
    let trackers = "&tr=ws://a.example/&tr=ws://b.example/&tr=wss://c.example/";
    engine.send(&json!({ "cmd": "add", "magnetURI": format!("magnet:?xt=urn:btih:{UNKNOWN}{trackers}") }));
    engine.wait_for("info", SOON, |event| says(event, "(ws://)"));
    engine.wait_for("info", SOON, |event| says(event, "(wss://)"));
    engine.status();
    let told = engine.history().iter().filter(|event| says(event, "not there yet")).count();
    assert_eq!(told, 2);
    engine.quit();
}

#[test]
fn private_leaves_a_magnets_trackers_alone() {
    let (room, public) = (Tracker::start(), Tracker::start());
    let mut engine = Engine::start(&[]);
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={}", public.url());
    engine.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": room.url(), "private": true }));
    announced(&room, UNKNOWN, engine.listen_port(), "started");
    engine.quit();
    assert_eq!(public.targets(), [""; 0]);
}

#[test]
fn a_room_is_the_default_with_a_rendezvous_and_no_public_tracker() {
    let (room, local) = (Tracker::start(), Tracker::start());
    for (more, asked) in [("", false), ("&tr=http://t.invalid/announce", true)] {
        let mut engine = Engine::start(&[]);
        let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={}{more}", local.url());
        engine.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": room.url() }));
        let port = engine.listen_port();
        announced(&room, UNKNOWN, port, "started");
        if asked {
            announced(&local, UNKNOWN, port, "started");
        }
        engine.quit();
        assert_eq!(local.targets().is_empty(), !asked);
    }
}

/// An engine that has this film of a private torrent (BEP 27), and gives its details to who asks.
fn holder(metafile: &Metafile, folder: &Path) -> Engine {
    let seeder = Seeder::start(metafile, Manners::default());
    let torrent = metafile.write(folder, None);
    let mut engine = Engine::start(&[]);
    engine.add(json!({ "torrentFile": torrent, "peers": [seeder.peer_address()] }));
    engine.wait_for_or_error("done", SOON, |_| true);
    engine
}

#[test]
fn a_magnet_that_turns_out_to_be_private_goes_by_its_own_trackers_from_then_on() {
    let folder = scratch();
    let metafile = Metafile::new_private("film.mkv", tests::film::random_bytes(300_000, 9), 65_536);
    let host = holder(&metafile, folder.path());
    let infohash = metafile.infohash_hex();
    for (said, names_own, stays) in [(None, true, false), (Some(true), true, true), (None, false, true)] {
        let (own, rooms) = (Tracker::start(), Tracker::start());
        let mut viewer = Engine::start(&[]);
        let port = viewer.listen_port();
        let magnet = metafile.magnet(&if names_own { format!("&tr={}", own.url()) } else { String::new() });
        let mut add = json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": rooms.url() });
        if let Some(private) = said {
            add["private"] = json!(private);
        }
        viewer.send(&add);
        announced(&rooms, &infohash, port, "started");
        assert_eq!(own.targets(), [""; 0], "nobody knows yet, and the room is all there is");
        // The same again, with somebody who has the details.
        add["peers"] = json!([host.peer_address()]);
        viewer.send(&add);
        viewer.wait_for_or_error("done", SOON, |_| true);
        if !stays {
            announced(&rooms, &infohash, port, "stopped");
            announced(&own, &infohash, port, "started");
            viewer.wait_for("info", SOON, |event| says(event, "has trackers of its own") && says(event, &rooms.url()));
            let asked = rooms.announces().len();
            viewer.send(&add);
            viewer.wait_for("info", SOON, |event| says(event, "has trackers of its own"));
            viewer.quit();
            announced(&own, &infohash, port, "stopped");
            assert_eq!((asked, rooms.announces().len()), (2, 2), "it began and left: {:?}", rooms.announces());
            continue;
        }
        announced(&rooms, &infohash, port, "completed");
        viewer.quit();
        announced(&rooms, &infohash, port, "stopped");
        assert_eq!(own.targets(), [""; 0], "{said:?}");
    }
    host.quit();
}
