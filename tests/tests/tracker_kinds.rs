//! A room's rendezvous and trackers through TLS: found, asked, believed within reason.

use std::path::Path;

use serde_json::{Value, json};
use tests::certificates::Authority;
use tests::engine::{ALONE, Engine};
use tests::film::random_file;
use tests::tracker::{Announce, Tracker};
use tests::{SOON, scratch, within};

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef01234567";

fn says(event: &Value, words: &str) -> bool {
    event["message"].as_str().is_some_and(|message| message.contains(words))
}

fn announced(tracker: &Tracker, event: &str) -> Announce {
    let seen = || tracker.announces().into_iter().find(|seen| seen.event == event);
    within(SOON, &format!("an announce `{event}`"), seen)
}

fn add(engine: &mut Engine, tracker: &str) {
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}");
    engine.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": tracker }));
}

/// An engine that trusts whoever is in that file.
fn trusting(authority: &Path) -> Engine {
    let mut engine = Engine::spawn_with(&ALONE, &[("SSL_CERT_FILE", authority)]);
    engine.wait_for("ready", SOON, |_| true);
    engine
}

#[test]
fn two_engines_find_each_other_through_a_rendezvous_alone() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 900_000, 1);
    for offered in [true, false] {
        let tracker = Tracker::start();
        if offered {
            let (announce, websocket) = (tracker.url(), tracker.websocket_url());
            tracker.offer(&json!({ "announce": announce, "websocket": websocket, "dht": [], "stun": [] }).to_string());
        }
        let (mut host, mut viewer) = (Engine::start(&[]), Engine::start(&[]));
        host.send(&json!({ "cmd": "seed", "filePath": path, "trackerUrl": tracker.websocket_url() }));
        let seeding = host.wait_for_or_error("seeding", SOON, |_| true);
        host.wait_for("info", SOON, |event| says(event, "ws://") && says(event, "works"));
        let magnet = format!("magnet:?xt=urn:btih:{}", seeding["infoHash"].as_str().unwrap());
        viewer.add(json!({ "magnetURI": magnet, "trackerUrl": tracker.websocket_url() }));
        viewer.wait_for_or_error("done", SOON, |_| true);
        let has_private_address = tests::own_address().to_string();
        let started = announced(&tracker, "started");
        let is_private = ["10.", "192.168.", "172."].iter().any(|net| has_private_address.starts_with(net));
        assert!(
            !is_private || !started.local.is_empty(),
            "the room is told where the same house finds us: {started:?}"
        );
        viewer.send(&json!({ "cmd": "stop" }));
        viewer.wait_for("stopped", SOON, |_| true);
        let left = |port: u16| tracker.announces().iter().any(|seen| seen.port == port && seen.event == "stopped");
        within(SOON, "the viewer's farewell", || left(viewer.listen_port()).then_some(()));
        let host_port = host.listen_port();
        host.quit();
        assert!(left(host_port), "told before the process is gone");
        viewer.quit();
    }
}

#[test]
fn a_rendezvous_is_believed_within_reason() {
    let (room, trap) = (Tracker::start(), Tracker::start());
    let reboot = trap.url().replace("/announce", "/reboot");
    for (offer, at_room) in [
        ("no json".to_owned(), true),
        (json!({ "announce": reboot }).to_string(), true),
        (json!({ "announce": "udp://127.0.0.1:53" }).to_string(), true),
        (json!({ "announce": trap.url() }).to_string(), false),
    ] {
        room.offer(&offer);
        let before = (room.announces().len(), trap.announces().len());
        let mut engine = Engine::start(&[]);
        add(&mut engine, &room.websocket_url());
        engine.wait_for("info", SOON, |event| says(event, "works"));
        engine.quit();
        let after = (room.announces().len(), trap.announces().len());
        assert_eq!((after.0 > before.0, after.1 > before.1), (at_room, !at_room), "{offer}");
    }
    assert!(trap.targets().iter().all(|target| target.starts_with("/announce?")), "{:?}", trap.targets());
}

#[test]
fn a_refusing_rendezvous_is_e004_in_its_words() {
    let room = Tracker::start();
    room.refuse("this room is full");
    let mut engine = Engine::start(&[]);
    add(&mut engine, &room.websocket_url());
    let error = engine.wait_for("error", SOON, |event| says(event, "this room is full"));
    assert_eq!((&error["code"], &error["infoHash"]), (&json!("E004"), &json!(UNKNOWN)));
    engine.quit();
}

#[test]
fn https_and_wss_with_a_certificate_of_a_trusted_authority() {
    let folder = scratch();
    let authority = Authority::new("ours");
    let trusted = authority.write(folder.path());
    for rendezvous in [false, true] {
        let tracker = Tracker::start_secure(authority.server("127.0.0.1", 2100));
        let mut engine = trusting(&trusted);
        let url = if rendezvous { tracker.websocket_url() } else { tracker.url() };
        add(&mut engine, &url);
        engine.wait_for("info", SOON, |event| says(event, &url) && says(event, "works"));
        assert_eq!(announced(&tracker, "started").infohash, UNKNOWN);
        engine.quit();
        assert_eq!(announced(&tracker, "stopped").infohash, UNKNOWN);
    }
}

#[test]
fn certificates_that_are_not_in_order_are_said_in_words() {
    let folder = scratch();
    let authority = Authority::new("ours");
    let trusted = authority.write(folder.path());
    for (server, words) in [
        (Authority::new("theirs").server("127.0.0.1", 2100), "signed by nobody this system trusts"),
        (authority.server("other.example", 2100), "made for another name than 127.0.0.1"),
        (authority.server("127.0.0.1", 2021), "has expired"),
    ] {
        let tracker = Tracker::start_secure(server);
        let mut engine = trusting(&trusted);
        add(&mut engine, &tracker.url());
        engine.wait_for("info", SOON, |event| says(event, words));
        engine.quit();
        assert_eq!(tracker.targets(), [""; 0]);
    }
    let plain = Tracker::start();
    let mut engine = trusting(&trusted);
    add(&mut engine, &plain.url().replace("http://", "https://"));
    engine.wait_for("info", SOON, |event| says(event, "does not speak TLS"));
    engine.quit();
}

#[test]
fn tls_is_not_left_by_a_redirect() {
    let folder = scratch();
    let authority = Authority::new("ours");
    let (secure, plain) = (Tracker::start_secure(authority.server("127.0.0.1", 2100)), Tracker::start());
    secure.say(&format!("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {}\r\n\r\n", plain.url()));
    let mut engine = trusting(&authority.write(folder.path()));
    add(&mut engine, &secure.url());
    engine.wait_for("info", SOON, |event| says(event, "it leads from https:// to http://"));
    engine.quit();
    assert_eq!(plain.targets(), [""; 0]);
}

#[test]
fn a_packed_answer_is_refused_in_words() {
    let tracker = Tracker::start();
    tracker.say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f.");
    let mut engine = Engine::start(&[]);
    add(&mut engine, &tracker.url());
    engine.wait_for("info", SOON, |event| says(event, "packed"));
    engine.quit();
}

#[test]
fn a_name_that_leads_to_loopback_is_judged_by_where_it_leads() {
    let tracker = Tracker::start();
    let named = tracker.url().replace("127.0.0.1", "localhost");
    let mut engine = Engine::start(&[]);
    let reboot = named.replace("/announce", "/reboot");
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}&tr={reboot}");
    engine.send(&json!({ "cmd": "add", "magnetURI": magnet }));
    engine.wait_for("info", SOON, |event| says(event, "is not asked") && says(event, "only you or the room"));
    engine.quit();
    assert_eq!(tracker.targets(), [""; 0]);
}
