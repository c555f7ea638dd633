//! The contract on stdin and stdout: every command, everything that can be wrong with one, flags, ports, leaving.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::{ALONE, Engine};
use tests::film::random_file;
use tests::{SOON, http, scratch, within};

/// The contract promises three seconds; the rest is for a machine that runs everything else at the same time.
const LEAVING: Duration = Duration::from_secs(6);

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn ready_comes_first_and_names_version_and_ports() {
    let mut engine = Engine::start(&[]);
    let ready = engine.history()[0].clone();
    assert_eq!(ready["event"], "ready", "nothing comes before it");
    assert!(ready["version"].is_string());
    assert_eq!(ready["httpPort"], engine.http_port());
    assert_eq!(ready["listenPort"], engine.listen_port());
    engine.quit();
}

#[test]
fn a_bad_line_is_answered_and_the_engine_goes_on() {
    let mut engine = Engine::start(&[]);
    let not_objects: [&[u8]; 8] =
        [b"no json", b"{", b"[]", b"\"cmd\"", b"7", b"null", b"{\"cmd\":\"quit\"", b"{\"cmd\":\"\xff\xfe\"}"];
    for line in not_objects {
        engine.send_bytes(&[line, b"\n"].concat());
        let error = engine.wait_for("error", SOON, |_| true);
        assert_eq!(error["code"], "E010", "{}: {error}", String::from_utf8_lossy(line));
        assert_ne!(error["message"].as_str().unwrap(), "");
        assert!(error.get("infoHash").is_none(), "{error}");
        engine.status();
    }
    assert_eq!(count(&mut engine, "error"), not_objects.len(), "one answer a line");
    engine.quit();
}

#[test]
fn a_refusal_names_the_field() {
    let mut engine = Engine::start(&[]);
    let magnet = format!("magnet:?xt=urn:btih:{UNKNOWN}");
    let refused = [
        (json!({}), "cmd"),
        (json!({ "cmd": 5 }), "cmd"),
        (json!({ "cmd": "dance" }), "dance"),
        (json!({ "cmd": "Seed" }), "Seed"),
        (json!({ "cmd": "seed" }), "filePath"),
        (json!({ "cmd": "seed", "filePath": 7 }), "filePath"),
        (json!({ "cmd": "seed", "filePath": "/film", "trackerUrl": ["x"] }), "trackerUrl"),
        (json!({ "cmd": "seed", "filePath": "/film", "private": "yes" }), "private"),
        (json!({ "cmd": "seed", "filePath": "/film", "name": {} }), "name"),
        (json!({ "cmd": "add" }), "magnetURI"),
        (json!({ "cmd": "add", "magnetURI": true }), "magnetURI"),
        (json!({ "cmd": "add", "torrentFile": 1 }), "torrentFile"),
        (json!({ "cmd": "add", "magnetURI": magnet, "peers": "127.0.0.1:1" }), "peers"),
        (json!({ "cmd": "add", "magnetURI": magnet, "peers": ["127.0.0.1"] }), "peers"),
        (json!({ "cmd": "add", "magnetURI": magnet, "peers": ["127.0.0.1:99999"] }), "peers"),
        (json!({ "cmd": "add", "magnetURI": magnet, "file": {} }), "file"),
        (json!({ "cmd": "add", "magnetURI": magnet, "fetch": "sometimes" }), "fetch"),
        (json!({ "cmd": "add", "magnetURI": magnet, "room": "mine" }), "room"),
        (json!({ "cmd": "stop", "infoHash": "short" }), "infoHash"),
        (json!({ "cmd": "stop", "infoHash": 1 }), "infoHash"),
        (json!({ "cmd": "stop", "deleteData": "yes" }), "deleteData"),
        (json!({ "cmd": "limit", "maxUpload": -1 }), "maxUpload"),
        (json!({ "cmd": "limit", "maxDownload": "1M" }), "maxDownload"),
        (json!({ "cmd": "playhead", "position": 1, "duration": 2, "playing": true }), "infoHash"),
        (json!({ "cmd": "playhead", "infoHash": UNKNOWN, "duration": 2, "playing": true }), "position"),
        (json!({ "cmd": "playhead", "infoHash": UNKNOWN, "position": 1, "playing": true }), "duration"),
        (json!({ "cmd": "playhead", "infoHash": UNKNOWN, "position": 1, "duration": 2 }), "playing"),
    ];
    for (id, (command, named)) in (0u64..).zip(refused) {
        let error = engine.refused(command.clone(), id);
        assert_eq!(error["code"], "E010", "{command}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(named), "{command}: {message:?} does not name {named}");
        assert_eq!(error["retryable"], false, "{error}");
    }
    engine.quit();
}

#[test]
fn an_unknown_infohash_is_refused() {
    let mut engine = Engine::start(&[]);
    let playhead = json!({ "cmd": "playhead", "infoHash": UNKNOWN, "position": 1, "duration": 2, "playing": true });
    for (id, command) in (0..).zip([json!({ "cmd": "stop", "infoHash": UNKNOWN }), playhead]) {
        let error = engine.refused(command, id);
        assert_eq!(error["code"], "E010");
        assert!(error["message"].as_str().unwrap().contains(UNKNOWN), "{error}");
    }
    engine.quit();
}

#[test]
fn a_line_of_more_than_a_mebibyte_is_one_error() {
    let mut engine = Engine::start(&[]);
    engine.send_bytes(&vec![b'x'; 3 << 20]);
    engine.send_bytes(b"\n");
    let error = engine.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E010");
    engine.status();
    assert_eq!(count(&mut engine, "error"), 1);
    // One that is just long enough is read.
    let padding = "p".repeat((1 << 20) - 100);
    engine.send(&json!({ "cmd": "status", "id": 1, "padding": padding }));
    assert_eq!(engine.answer(&json!(1))["event"], "status");
    engine.quit();
}

#[test]
fn lines_may_end_in_carriage_returns_and_come_in_pieces() {
    let mut engine = Engine::start(&[]);
    engine.send_bytes(b"{\"cmd\":\"status\",\"id\":1}\r\n{\"cmd\":\"sta");
    assert_eq!(engine.answer(&json!(1))["event"], "status");
    engine.send_bytes(b"tus\",\"id\":2}\n{\"cmd\":\"status\",\"id\":3}\n");
    assert_eq!(engine.answer(&json!(2))["event"], "status");
    assert_eq!(engine.answer(&json!(3))["event"], "status");
    assert_eq!(count(&mut engine, "error"), 0);
    engine.quit();
}

#[test]
fn an_answer_repeats_the_id_whatever_scalar_it_is() {
    let mut engine = Engine::start(&[]);
    for id in [json!(1), json!(-7), json!(1.5), json!("ä\n"), json!(""), json!(true), json!(false), Value::Null] {
        engine.send(&json!({ "cmd": "status", "id": id }));
        assert_eq!(engine.answer(&id)["event"], "status", "id {id}");
    }
    engine.send(&json!({ "cmd": "status" }));
    let plain = engine.wait_for("status", SOON, |_| true);
    assert!(plain.get("id").is_none(), "{plain}");
    engine.quit();
}

#[test]
fn seeding_answers_with_its_id_and_all_the_plan_promises() {
    let folder = scratch();
    let path = folder.path().join("my film.mp4");
    random_file(&path, 700_000, 1);
    let mut engine = Engine::start(&[]);
    // As in the plan: with the tracker of a room that happens not to run.
    engine
        .send(&json!({ "cmd": "seed", "filePath": path, "trackerUrl": "ws://localhost:3001/", "id": "s", "more": 1 }));
    let seeding = engine.wait_for("seeding", SOON, |_| true);
    assert_eq!(seeding["id"], "s");
    assert_eq!(seeding["name"], "my film.mp4");
    assert_eq!(seeding["length"], 700_000);
    assert_eq!(seeding["serverUrl"], format!("http://localhost:{}/my%20film.mp4", engine.http_port()));
    let infohash = seeding["infoHash"].as_str().unwrap().to_owned();
    assert!(infohash.len() == 40 && infohash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{infohash}");
    let magnet = seeding["magnetURI"].as_str().unwrap();
    assert!(magnet.starts_with("magnet:?"), "{magnet}");
    assert!(magnet.contains(&format!("xt=urn:btih:{infohash}")), "{magnet}");
    assert!(magnet.contains("dn=my"), "{magnet}");
    assert!(!magnet.contains("localhost") && !magnet.contains("127.0.0.1"), "no loopback address leaves: {magnet}");

    engine.send(&json!({ "cmd": "limit", "maxUpload": 1_000_000, "maxDownload": 0 }));
    engine.send(&json!({ "cmd": "playhead", "infoHash": infohash, "position": 1.5, "duration": 60, "playing": true }));
    let status = engine.status();
    assert!(status.to_string().contains(&infohash), "{status}");
    engine.send(&json!({ "cmd": "stop", "id": "x" }));
    let stopped = engine.wait_for("stopped", SOON, |_| true);
    assert_eq!((&stopped["infoHash"], &stopped["id"]), (&json!(infohash), &json!("x")));
    assert_eq!(count(&mut engine, "error"), 0);
    engine.quit();
}

#[test]
fn stop_without_a_torrent_is_one_bare_stopped() {
    let mut engine = Engine::start(&[]);
    engine.send(&json!({ "cmd": "stop" }));
    let stopped = engine.wait_for("stopped", SOON, |_| true);
    assert_eq!(stopped, json!({ "event": "stopped" }));
    engine.status();
    assert_eq!(count(&mut engine, "stopped"), 1);
    engine.quit();
}

#[test]
fn what_cannot_be_seeded_says_why() {
    let folder = scratch();
    let empty = folder.path().join("empty.mkv");
    fs::write(&empty, b"").unwrap();
    let missing = folder.path().join("missing.mkv");
    let mut engine = Engine::start(&[]);
    let error = engine.refused(json!({ "cmd": "seed", "filePath": missing }), 1);
    assert_eq!(error["code"], "E005");
    assert!(error["message"].as_str().unwrap().contains("missing.mkv"), "the path is named: {error}");
    let error = engine.refused(json!({ "cmd": "seed", "filePath": empty }), 2);
    assert_eq!(error["code"], "E003", "{error}");
    let error = engine.refused(json!({ "cmd": "add", "torrentFile": missing }), 3);
    assert_eq!(error["code"], "E005", "{error}");
    engine.quit();
}

#[test]
fn what_is_no_magnet_or_torrent_is_refused() {
    let folder = scratch();
    let rubbish = folder.path().join("rubbish.torrent");
    fs::write(&rubbish, b"d8:announce3:abce").unwrap();
    let mut engine = Engine::start(&[]);
    let magnets = [
        "",
        "film.mp4",
        "http://example.org/film.torrent",
        "magnet:",
        "magnet:?dn=film",
        "magnet:?xt=urn:btih:",
        "magnet:?xt=urn:btih:0123",
        "magnet:?xt=urn:btih:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "magnet:?xt=urn:sha1:0123456789abcdef0123456789abcdef01234567",
    ];
    for (id, magnet) in (0..).zip(magnets) {
        let error = engine.refused(json!({ "cmd": "add", "magnetURI": magnet }), id);
        assert_eq!(error["code"], "E003", "{magnet:?}: {error}");
    }
    let error = engine.refused(json!({ "cmd": "add", "torrentFile": rubbish }), 99);
    assert_eq!(error["code"], "E003", "{error}");
    engine.quit();
}

#[test]
fn the_end_of_stdin_is_the_end() {
    let mut engine = Engine::start(&[]);
    engine.close_stdin();
    assert_eq!(engine.wait_exit(LEAVING).code(), Some(0));

    let mut engine = Engine::spawn(&ALONE);
    engine.send(&json!({ "cmd": "quit" }));
    engine.close_stdin();
    assert_eq!(engine.wait_exit(SOON).code(), Some(0), "commands sent before it is ready count");
}

#[test]
fn a_last_line_without_a_line_feed_counts() {
    let mut engine = Engine::start(&[]);
    engine.send_bytes(b"{\"cmd\":\"status\",\"id\":\"last\"}");
    engine.close_stdin();
    assert_eq!(engine.answer(&json!("last"))["event"], "status");
    assert_eq!(engine.wait_exit(LEAVING).code(), Some(0));
}

#[test]
fn sigterm_leaves_cleanly_with_torrents_running() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 500_000, 2);
    let mut engine = Engine::start(&[]);
    engine.seed(&path);
    // One that waits for metadata nobody has.
    engine.send(&json!({ "cmd": "add", "magnetURI": format!("magnet:?xt=urn:btih:{UNKNOWN}") }));
    engine.status();
    engine.terminate();
    assert_eq!(engine.wait_exit(LEAVING).code(), Some(0));
}

#[test]
fn flags_take_one_dash_or_two_and_either_form() {
    for form in ["-http-port P", "--http-port P", "-http-port=P", "--http-port=P"] {
        let port = tests::free_port();
        let wanted = form.replace('P', &port.to_string());
        let mut arguments: Vec<&str> = wanted.split(' ').collect();
        arguments.extend(&ALONE[1..]);
        let data_dir = scratch();
        arguments.extend(["-data-dir", data_dir.path().to_str().unwrap()]);
        let engine = Engine::start_plain(&arguments);
        assert_eq!(engine.http_port(), port, "{form}");
        engine.quit();
    }
}

#[test]
fn a_flag_that_does_not_exist_ends_before_anything_is_said() {
    for arguments in [["-no-such-flag", "1"], ["-http-port", "many"], ["-dht", "perhaps"]] {
        let mut engine = Engine::spawn(&arguments);
        let status = engine.wait_exit(SOON);
        assert!(status.code().is_some_and(|code| code != 0), "{arguments:?}: {status}");
        assert!(engine.history().is_empty(), "stdout stays empty");
        assert!(engine.log().contains(arguments[0].trim_start_matches('-')), "stderr names it: {}", engine.log());
    }
}

#[test]
fn what_is_not_built_yet_is_said_once_and_off_is_silent() {
    let mut engine = Engine::start(&[]);
    engine.status();
    assert_eq!(count(&mut engine, "info"), 0, "off is always accepted: {:?}", engine.history());
    engine.quit();
    let data_dir = scratch();
    let mut engine = Engine::start_in(data_dir.path(), &["-webrtc=on"]);
    let info = engine.wait_for("info", SOON, |_| true);
    assert!(info["message"].as_str().unwrap().to_lowercase().contains("webrtc"), "{info}");
    engine.quit();
}

#[test]
fn taken_ports_are_stepped_around() {
    let taken_http = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_peers = TcpListener::bind("0.0.0.0:0").unwrap();
    let (http, peers) = (taken_http.local_addr().unwrap().port(), taken_peers.local_addr().unwrap().port());
    let data_dir = scratch();
    let mut engine =
        Engine::start_in(data_dir.path(), &[&format!("-http-port={http}"), &format!("-listen-port={peers}")]);
    assert!(engine.http_port() != http && engine.listen_port() != peers);
    engine.wait_for("info", SOON, |info| info["message"].as_str().is_some_and(|text| text.contains(&http.to_string())));
    let path = data_dir.path().join("film.mkv");
    let content = random_file(&path, 1000, 3);
    let seeding = engine.seed(&path);
    assert_eq!(http::get(seeding["serverUrl"].as_str().unwrap()).body, content, "serverUrl tells the port in use");
    engine.quit();
}

#[test]
fn logs_go_to_stderr_or_their_file_and_never_to_stdout() {
    let folder = scratch();
    let data_dir = folder.path().join("data");
    let cache = folder.path().join("cache");
    let arguments = [ALONE.as_slice(), &["-data-dir", data_dir.to_str().unwrap()]].concat();
    let mut engine = Engine::spawn_with(&arguments, &[("DEBUG", Path::new("true")), ("LOG_LEVEL", Path::new("debug"))]);
    engine.wait_for("ready", SOON, |_| true);
    engine.quit();

    let log = folder.path().join("engine.log");
    let arguments = [&arguments[..], &["-log-level", "debug", "-log-file", log.to_str().unwrap()]].concat();
    let mut engine = Engine::spawn_with(&arguments, &[("XDG_CACHE_HOME", &cache)]);
    engine.wait_for("ready", SOON, |_| true);
    let film = folder.path().join("film.mkv");
    random_file(&film, 100_000, 5);
    engine.seed(&film);
    engine.send(&json!({ "cmd": "quit" }));
    assert!(engine.wait_exit(LEAVING).success());
    assert_eq!(engine.log(), "");
    let first = fs::read_to_string(&log).unwrap();
    assert!(levels(&first).contains("DEBUG") && first.lines().all(is_entry), "{first}");
    // A second run writes on behind the first.
    let mut engine = Engine::spawn(&arguments);
    engine.wait_for("ready", SOON, |_| true);
    engine.quit();
    let both = fs::read_to_string(&log).unwrap();
    assert!(both.len() > first.len() && both.starts_with(&first), "{both}");
    // One that cannot be opened is said where there is somebody to read it, and the engine runs.
    let nowhere = folder.path().join("none/engine.log");
    let arguments =
        [&ALONE[..], &["-data-dir", data_dir.to_str().unwrap(), "-log-file", nowhere.to_str().unwrap()]].concat();
    let mut engine = Engine::spawn(&arguments);
    engine.wait_for("ready", SOON, |_| true);
    engine.send(&json!({ "cmd": "quit" }));
    assert!(engine.wait_exit(LEAVING).success());
    assert!(
        engine.log().contains("cannot open the log file") && engine.log().contains("none/engine.log"),
        "{}",
        engine.log()
    );
}

/// The levels that entries of a log have.
fn levels(log: &str) -> BTreeSet<String> {
    log.lines().filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned)).collect()
}

/// A time, a level, and where it came from.
fn is_entry(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(3).collect();
    matches!(words[..], [time, _, from] if time.ends_with('Z') && time.contains('T') && from.ends_with(':'))
}

#[test]
fn how_much_is_logged_is_the_flags_then_log_level_then_debug() {
    let folder = scratch();
    let film = folder.path().join("film.mkv");
    random_file(&film, 100_000, 6);
    let data_dir = folder.path().join("data");
    /// Flags, environment, and the finest level that is logged.
    type Row = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    let table: [Row; 8] = [
        (&[], &[], "INFO"),
        (&[], &[("DEBUG", "true")], "DEBUG"),
        (&[], &[("DEBUG", "false")], "INFO"),
        (&[], &[("LOG_LEVEL", "debug")], "DEBUG"),
        (&[], &[("LOG_LEVEL", "error"), ("DEBUG", "true")], ""),
        (&[], &[("LOG_LEVEL", "nonsense"), ("DEBUG", "true")], "DEBUG"),
        (&["-log-level", "off"], &[("LOG_LEVEL", "trace"), ("DEBUG", "true")], ""),
        (&["-log-level=debug"], &[("LOG_LEVEL", "error")], "DEBUG"),
    ];
    for (flags, environment, finest) in table {
        let arguments = [ALONE.as_slice(), &["-data-dir", data_dir.to_str().unwrap()], flags].concat();
        let environment: Vec<(&str, &Path)> =
            environment.iter().map(|(name, value)| (*name, Path::new(value))).collect();
        let mut engine = Engine::spawn_with(&arguments, &environment);
        engine.wait_for("ready", SOON, |_| true);
        engine.seed(&film);
        engine.send(&json!({ "cmd": "quit" }));
        assert!(engine.wait_exit(LEAVING).success());
        let (log, order) = (engine.log(), ["TRACE", "DEBUG", "INFO"]);
        let found = order.into_iter().find(|level| levels(&log).contains(*level)).unwrap_or_default();
        assert_eq!(found, finest, "{flags:?} {environment:?}: {log}");
        assert!(log.lines().all(is_entry), "{log}");
    }
}

#[test]
fn status_is_served_over_http_too() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 400_000, 4);
    let mut engine = Engine::start(&[]);
    let infohash = engine.seed(&path)["infoHash"].as_str().unwrap().to_owned();
    let base = format!("http://localhost:{}", engine.http_port());
    let response = http::get(&format!("{base}/-/status"));
    assert_eq!(response.head.status, 200);
    let status: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(status["event"], "status");
    assert!(status.to_string().contains(&infohash), "{status}");
    let metrics = http::get(&format!("{base}/-/metrics"));
    assert_eq!(metrics.head.status, 200);
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.lines().any(|line| line.starts_with("# TYPE ")), "Prometheus text: {text}");
    for figure in ["room_members{", "proofs_refused_total{", "pieces_given_up_total{"] {
        let line = text.lines().find(|line| line.starts_with(&format!("sharestream_{figure}")));
        assert!(line.is_some_and(|line| line.ends_with(" 0") && line.contains(&infohash)), "{figure}: {text}");
    }
    within(SOON, "the disk is measured", || {
        let text = String::from_utf8(http::get(&format!("{base}/-/metrics")).body).unwrap();
        let figure = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let reserve = figure("sharestream_disk_reserve_bytes ")?;
        let reserve_max = 1 << 30;
        assert!(figure("sharestream_disk_free_bytes ") > Some(0) && (1..=reserve_max).contains(&reserve), "{text}");
        Some(())
    });
    assert_eq!(http::get(&format!("{base}/-/nothing")).head.status, 404);
    assert_eq!(http::get(&format!("{base}/nothing.mkv")).head.status, 404);
    engine.quit();
}

fn count(engine: &mut Engine, name: &str) -> usize {
    engine.history().iter().filter(|event| event["event"] == name).count()
}
