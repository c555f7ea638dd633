//! Every error code, provoked in a running engine through what any front end has: commands, flags, files, peers.
//!
//! They run side by side, so the one that takes a minute of nothing is what all of them take.

use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use engine_proto::error::ErrorCode;
use serde_json::{Value, json};
use tests::disk::SmallDisk;
use tests::engine::{ALONE, Engine, binary};
use tests::film::random_file;
use tests::metafile::Metafile;
use tests::process::Program;
use tests::seeder::{Manners, Seeder};
use tests::tracker::Tracker;
use tests::{SOON, http, scratch};

const UNKNOWN: &str = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";

/// A minute without metadata is what the contract says, and a busy machine takes a little more.
const METADATA_MISSED: Duration = Duration::from_secs(100);

#[test]
fn every_code_comes_from_the_engine_or_from_its_front_end() {
    for code in ErrorCode::ALL {
        match code {
            // "Not found" and "not started in time" are told by whoever looks for the engine and waits for `ready`.
            ErrorCode::E001 | ErrorCode::E002 => {}
            ErrorCode::E003 => not_a_torrent(),
            ErrorCode::E004 => no_peers(),
            ErrorCode::E005 => not_to_be_opened(),
            ErrorCode::E006 => disk_full(),
            ErrorCode::E007 => no_port(),
            ErrorCode::E008 => source_changed(),
            ErrorCode::E009 => damaged_again_and_again(),
            ErrorCode::E010 => refused(),
        }
    }
}

#[test]
fn a_tracker_that_refuses_is_e004_with_its_reason() {
    let tracker = Tracker::start();
    tracker.refuse("closed on Mondays");
    let mut engine = Engine::start(&[]);
    engine.send(&json!({ "cmd": "add", "magnetURI": UNKNOWN, "trackerUrl": tracker.url() }));
    let error = engine.wait_for("error", SOON, |event| says(event, "closed on Mondays"));
    check(&error, ErrorCode::E004);
}

#[test]
fn details_that_do_not_come_are_e004_after_a_minute_and_it_goes_on_trying() {
    let metafile = Metafile::new("film.mkv", vec![7; 100_000], 65_536);
    // Speaks no extension, so it has no details to give: a peer, and nothing to learn from it.
    let source = Seeder::start(&metafile, Manners::default());
    let mut engine = Engine::start(&[]);
    engine.send(&json!({ "cmd": "add", "magnetURI": metafile.magnet(""), "peers": [source.peer_address()] }));
    let error = engine.wait_for("error", METADATA_MISSED, |event| says(event, "60 s"));
    check(&error, ErrorCode::E004);
    assert_eq!(engine.status()["torrents"][0]["state"], "metadata", "it goes on trying");
}

fn not_a_torrent() {
    let mut engine = Engine::start(&[]);
    check(&engine.refused(json!({ "cmd": "add", "magnetURI": "magnet:?dn=film" }), 1), ErrorCode::E003);
}

fn no_peers() {
    let mut engine = Engine::start(&[]);
    engine.send(&json!({ "cmd": "add", "magnetURI": UNKNOWN }));
    let error = engine.wait_for("error", SOON, |event| says(event, "No peers"));
    check(&error, ErrorCode::E004);
}

fn not_to_be_opened() {
    let folder = scratch();
    let mut engine = Engine::start(&[]);
    let error = engine.refused(json!({ "cmd": "seed", "filePath": folder.path().join("none.mkv") }), 1);
    check(&error, ErrorCode::E005);
    assert!(says(&error, "none.mkv"), "{error}");
    // A data folder that is a file: nothing can be written below it.
    let metafile = Metafile::new("film.mkv", vec![7; 100_000], 65_536);
    let torrent = metafile.write(folder.path(), None);
    let source = Seeder::start(&metafile, Manners::default());
    let data_dir = folder.path().join("data");
    fs::write(&data_dir, b"a file").expect("a temporary folder takes files");
    let mut engine = Engine::start_in(&data_dir, &[]);
    engine.send(&json!({ "cmd": "add", "torrentFile": torrent, "peers": [source.peer_address()] }));
    let error = engine.wait_for("error", SOON, |_| true);
    check(&error, ErrorCode::E005);
    engine.status();
}

fn disk_full() {
    let Some(disk) = SmallDisk::mount(4 << 20) else { return };
    let metafile = Metafile::new("film.mkv", vec![7; 6 << 20], 65_536);
    let folder = scratch();
    let torrent = metafile.write(folder.path(), None);
    let mut engine = Engine::start_in(disk.path(), &[]);
    engine.send(&json!({ "cmd": "add", "torrentFile": torrent, "peers": [] }));
    let error = engine.wait_for("error", SOON, |_| true);
    check(&error, ErrorCode::E006);
    assert!(says(&error, "bytes are missing"), "{error}");
}

/// A machine whose ports are all taken: the one asked for, the usual ones, and those that the system would choose from.
#[cfg(target_os = "linux")]
#[test]
fn no_port_for_peers_is_e007() {
    use tests::net::{Addresses, Network};
    let Some(mut network) = Network::new() else { return };
    let host = network.host(Addresses::All);
    host.inside(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001").expect("a network of our own");
        let take = |port: u16| std::net::TcpListener::bind(("0.0.0.0", port)).expect("nobody else is here");
        let taken: Vec<_> = (6881..=6889).chain(40_000..=40_001).map(take).collect();
        let mut engine = Engine::spawn(&["-listen-port=6885", "-dht=off", "-lsd=off", "-upnp=off"]);
        let error = engine.wait_for("error", SOON, |_| true);
        check(&error, ErrorCode::E007);
        assert!(says(&error, "no port for peers") && says(&error, "6885"), "{error}");
        assert_eq!(engine.wait_exit(SOON).code(), Some(1));
        drop(taken);
    });
}

/// Without descriptors there is no socket, whatever port is asked for. How many the start takes before that is tried out.
fn no_port() {
    let data_dir = scratch();
    let start = |descriptors: u32| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(binary()).args(ALONE);
        let mut program = Program::start(command.arg("-data-dir").arg(data_dir.path()));
        program.close_stdin();
        let first = program.stdout.wait(0, Instant::now() + SOON)?;
        let event: Value = serde_json::from_slice(&first).ok().filter(|event: &Value| event["event"] == "error")?;
        Some((event, program.wait(SOON)))
    };
    let (error, status) = (4..16).find_map(start).expect("some number is enough to speak and too few to listen");
    check(&error, ErrorCode::E007);
    assert!(says(&error, "port"), "{error}");
    assert_eq!(status.and_then(|status| status.code()), Some(1));
}

fn source_changed() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 500_000, 1);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&path);
    random_file(&path, 500_001, 2);
    let (_, mut body) = http::open(seeding["serverUrl"].as_str().expect("a URL"), &[]);
    // It ends early, perhaps with a reset.
    drop(body.read_to_end(&mut Vec::new()));
    let error = engine.wait_for("error", SOON, |_| true);
    check(&error, ErrorCode::E008);
    assert!(says(&error, "film.mkv"), "{error}");
}

/// Everybody who has the piece lies about it.
fn damaged_again_and_again() {
    let metafile = Metafile::new("film.mkv", vec![7; 16_384], 16_384);
    let folder = scratch();
    let torrent = metafile.write(folder.path(), None);
    // Each at an address of its own: whoever lied is not asked again, nor anybody at its address.
    let liar = |number: u8| {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 10 + number));
        Seeder::start_at(ip, &metafile, Manners::corrupting(&metafile, &[0]))
    };
    let liars: Vec<Seeder> = (0..5).map(liar).collect();
    let peers: Vec<String> = liars.iter().map(Seeder::peer_address).collect();
    let mut engine = Engine::start(&[]);
    engine.send(&json!({ "cmd": "add", "torrentFile": torrent, "peers": peers }));
    let error = engine.wait_for("error", SOON, |_| true);
    check(&error, ErrorCode::E009);
    assert!(says(&error, "Piece 0") && says(&error, "banned"), "{error}");
}

fn refused() {
    let mut engine = Engine::start(&[]);
    check(&engine.refused(json!({ "cmd": "dance" }), 1), ErrorCode::E010);
}

fn says(event: &Value, words: &str) -> bool {
    event["message"].as_str().is_some_and(|message| message.contains(words))
}

fn check(error: &Value, code: ErrorCode) {
    assert_eq!(error["event"], "error", "{error}");
    assert_eq!(error["code"], code.to_string(), "{error}");
    assert_eq!(error["retryable"], code.retryable(), "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
}
