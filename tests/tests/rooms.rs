//! Private torrents of a room, across processes: members find and serve one another, everybody else gets nothing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::attacker::{Attacker, BITFIELD, EXTENDED, HAVE_ALL, INTERESTED, REQUEST, block};
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::libtorrent::LibTorrent;
use tests::{SOON, http, scratch, within};

const FILM_LEN: usize = 1_500_000;

/// What waits for a stranger is over after five seconds; this is when it surely is.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

fn room(key: &str, member: &str) -> Value {
    json!({ "key": key.repeat(16), "self": member.repeat(20) })
}

fn film_in(folder: &Path, name: &str, seed: u64) -> (PathBuf, Vec<u8>) {
    let path = folder.join(name);
    let content = random_file(&path, FILM_LEN, seed);
    (path, content)
}

/// Seeds a film of its own in a private room, and returns the `seeding` event.
fn host(engine: &mut Engine, film: &Path, more: &Value) -> Value {
    let mut command = json!({ "cmd": "seed", "filePath": film, "private": true, "room": room("0a", "01") });
    merge(&mut command, more);
    engine.send(&command);
    engine.wait_for_or_error("seeding", SOON, |_| true)
}

fn merge(command: &mut Value, more: &Value) {
    for (name, value) in more.as_object().expect("fields") {
        command[name] = value.clone();
    }
}

fn magnet(seeding: &Value) -> String {
    format!("magnet:?xt=urn:btih:{}", seeding["infoHash"].as_str().expect("an infohash"))
}

fn member(peers: &[String], seeding: &Value, name: &str) -> Value {
    json!({ "magnetURI": magnet(seeding), "peers": peers, "private": true, "room": room("0a", name) })
}

fn raw_infohash(seeding: &Value) -> [u8; 20] {
    let hex = seeding["infoHash"].as_str().expect("an infohash");
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
}

/// The ports that an engine's status says its members listen at, or were called from.
fn members(engine: &mut Engine) -> Vec<Value> {
    let peers = engine.status()["torrents"][0]["peerList"].as_array().expect("a list").clone();
    peers.into_iter().filter(|peer| peer["member"] == true).collect()
}

#[test]
fn the_third_finds_the_second_by_peer_exchange_alone() {
    let folder = scratch();
    let (film, content) = film_in(folder.path(), "film.mkv", 1);
    let (mut first, mut second, mut third) = (Engine::start(&[]), Engine::start(&[]), Engine::start(&[]));
    let seeding = host(&mut first, &film, &json!({}));
    let peers = [first.peer_address()];
    second.add(member(&peers, &seeding, "02"));
    second.wait_for("done", SOON, |_| true);
    // The third wants something: who has everything dials nobody.
    first.send(&json!({ "cmd": "limit", "maxUpload": 20_000 }));
    let added = third.add(member(&peers, &seeding, "03"));
    let names = within(SOON, "the third is connected to both", || {
        let mut names: Vec<String> =
            members(&mut third).iter().map(|peer| peer["self"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        (names.len() == 2).then_some(names)
    });
    assert_eq!(names, ["01".repeat(20), "02".repeat(20)]);
    assert!(members(&mut third).iter().all(|peer| peer["encrypted"] == true), "members speak encrypted");
    assert_same(&http::get(added["serverUrl"].as_str().expect("a URL")).body, &content, "in a room");
    let said = third
        .history()
        .iter()
        .filter(|event| event["event"] == "info")
        .filter(|event| event["message"].as_str().is_some_and(|message| message.contains("member of the room")));
    assert_eq!(said.count(), 1);
    [first, second, third].into_iter().for_each(Engine::quit);
}

#[test]
fn with_pex_off_nobody_is_found_by_it() {
    let folder = scratch();
    let (film, _) = film_in(folder.path(), "film.mkv", 2);
    let (mut first, mut second, mut third) = (Engine::start(&["-pex=off"]), Engine::start(&[]), Engine::start(&[]));
    let seeding = host(&mut first, &film, &json!({}));
    let peers = [first.peer_address()];
    second.add(member(&peers, &seeding, "02"));
    third.add(member(&peers, &seeding, "03"));
    third.wait_for("done", SOON, |_| true);
    assert_eq!(members(&mut third).len(), 1);
    [first, second, third].into_iter().for_each(Engine::quit);
}

#[test]
fn a_stock_stranger_that_knows_the_address_gets_nothing() {
    let (folder, downloads) = (scratch(), scratch());
    let (film, _) = film_in(folder.path(), "film.mkv", 3);
    let mut engine = Engine::start(&[]);
    let seeding = host(&mut engine, &film, &json!({}));
    let mut stranger = LibTorrent::start();
    stranger.add(&magnet(&seeding), downloads.path(), &[engine.peer_address()]);
    assert_nothing_is_served(&mut engine);
    assert!(std::fs::read_dir(downloads.path()).expect("a folder").next().is_none(), "not even a name");
    engine.quit();
}

/// For longer than anybody has to show who it is, no peer is counted and no byte goes out.
fn assert_nothing_is_served(engine: &mut Engine) {
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        let torrent = engine.status()["torrents"][0].clone();
        assert_eq!((&torrent["peers"], &torrent["uploadedBytes"]), (&json!(0), &json!(0)));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_stock_client_that_was_named_is_served_unless_members_alone_are() {
    let (folder, torrents) = (scratch(), scratch());
    for (seed, allow) in [(4, true), (5, false)] {
        let (film, content) = film_in(folder.path(), &format!("film{seed}.mkv"), seed);
        let mut stock = LibTorrent::start();
        let torrent = torrents.path().join(format!("{seed}.torrent"));
        let seeded = stock.seed(&film, 16_384, &torrent);
        let mut viewer = Engine::start(&[]);
        let mut add = json!({ "cmd": "add", "torrentFile": torrent, "peers": [stock.peer_address()] });
        merge(&mut add, &json!({ "private": true, "room": room("0a", "02"), "allowStock": allow }));
        viewer.send(&add);
        let added = viewer.wait_for_or_error("added", SOON, |_| true);
        assert_eq!(added["infoHash"], seeded.infohash);
        if allow {
            assert_same(&http::get(added["serverUrl"].as_str().expect("a URL")).body, &content, "from stock");
        } else {
            assert_nothing_is_served(&mut viewer);
            assert_eq!(viewer.status()["torrents"][0]["downloadedBytes"], 0);
        }
        viewer.quit();
    }
}

#[test]
fn a_wrong_key_gets_nothing() {
    let folder = scratch();
    let (film, _) = film_in(folder.path(), "film.mkv", 6);
    let (mut engine, mut stranger) = (Engine::start(&[]), Engine::start(&[]));
    let seeding = host(&mut engine, &film, &json!({}));
    let mut wrong = member(&[engine.peer_address()], &seeding, "02");
    merge(&mut wrong, &json!({ "cmd": "add", "room": room("0b", "02") }));
    stranger.send(&wrong);
    assert_nothing_is_served(&mut engine);
    assert!(stranger.history().iter().all(|event| event["event"] != "added"), "not even the details");
    engine.quit();
    stranger.quit();
}

#[test]
fn who_calls_hears_a_greeting_and_nothing_of_the_torrent() {
    let folder = scratch();
    let (film, _) = film_in(folder.path(), "film.mkv", 7);
    let mut engine = Engine::start(&[]);
    let seeding = host(&mut engine, &film, &json!({}));
    let infohash = raw_infohash(&seeding);
    let mut attacker = Attacker::dial(&engine.peer_address(), infohash, 1).expect("it listens");
    // Another pair's proof: of the right shape, and never ours.
    let replayed =
        [b"d1:md6:ut_pexi1ee1:pi6999e7:ss_roomd1:h32:".as_slice(), &[9; 32], b"1:s20:", &[2; 20], b"1:vi1eee"];
    attacker.say(EXTENDED, &[&[0], &replayed.concat()[..]].concat()).expect("it hears");
    attacker.say(HAVE_ALL, &[]).expect("it hears");
    attacker.say(INTERESTED, &[]).expect("it hears");
    attacker.say(REQUEST, &block(0, 0, 16_384)).expect("it hears");
    let (id, greeting) = attacker.hear().expect("a greeting");
    let text = greeting.escape_ascii().to_string();
    assert_eq!((id, greeting[0]), (EXTENDED, 0));
    assert!(!text.contains("metadata_size") && !text.contains("ss_room") && !text.contains("1:pi"), "{text}");
    let mut kinds = Vec::new();
    while let Ok((id, _)) = attacker.hear() {
        kinds.push(id);
    }
    // Refused requests (BEP 6), and the end of the connection.
    assert!(kinds.iter().all(|id| *id == 16), "{kinds:?}");
    assert!(!kinds.contains(&BITFIELD));
    engine.quit();
}

#[test]
fn a_flood_of_peer_exchange_is_ended_and_leads_nowhere() {
    let folder = scratch();
    let (film, _) = film_in(folder.path(), "film.mkv", 8);
    let (mut host, mut engine) = (Engine::start(&[]), Engine::start(&[]));
    let seeding = host.seed(&film);
    // A public torrent: whoever comes may name peers.
    let victim = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = victim.local_addr().expect("an address").port();
    victim.set_nonblocking(true).expect("a socket");
    engine.send(&json!({ "cmd": "limit", "maxDownload": 30_000 }));
    engine.add(json!({ "magnetURI": magnet(&seeding), "peers": [host.peer_address()] }));
    let mut attacker = Attacker::dial(&engine.peer_address(), raw_infohash(&seeding), 2).expect("it listens");
    attacker.say(EXTENDED, b"\0d1:md6:ut_pexi1eee").expect("it hears");
    let named: Vec<u8> = [([0, 0, 0, 0], port), ([224, 0, 0, 1], port), ([10, 99, 0, 1], port), ([127, 0, 0, 1], 0)]
        .into_iter()
        .flat_map(|(ip, port): ([u8; 4], u16)| [&ip[..], &port.to_be_bytes()].concat())
        .collect();
    let message = [b"\x01d5:added24:".as_slice(), &named, b"7:dropped6:", &[127, 0, 0, 1], &port.to_be_bytes(), b"e"];
    let message = message.concat();
    // How many it takes is in the limits; here only that it ends.
    for _ in 0..20 {
        if attacker.say(EXTENDED, &message).is_err() {
            break;
        }
    }
    assert!(attacker.is_hung_up(REFUSED_WITHIN));
    let dialed = victim.accept();
    assert!(dialed.is_err(), "who is gone is no candidate: {dialed:?}");
    assert_eq!(engine.status()["torrents"][0]["peers"], 1, "the honest one");
    [host, engine].into_iter().for_each(Engine::quit);
}
