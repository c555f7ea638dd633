//! The engine's decisions, in virtual time: lines in, events and effects out.
#![allow(clippy::disallowed_methods)] // The start of virtual time has to come from somewhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::ipc::{Command, Counts, Figures, PeerStatus, State};

mod ending;
mod failing;
mod promises;

const ONE: Infohash = Infohash([0x11; 20]);
const TWO: Infohash = Infohash([0x22; 20]);
const SECOND: Duration = Duration::from_secs(1);

/// An app and its virtual time.
struct Bench {
    app: App,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { app: App::new(setup()), now: Instant::now() };
        assert_eq!(bench.names(), ["ready"]);
        bench
    }

    #[allow(clippy::needless_pass_by_value)] // so that tests read `line(json!(..))`
    fn line(&mut self, line: Value) {
        self.app.handle_input(self.now, Input::Line(line.to_string().into_bytes()));
    }

    fn fact(&mut self, torrent: TorrentKey, fact: Fact) {
        self.app.handle_input(self.now, Input::Fact { torrent, fact });
    }

    /// Lets time pass, timeouts included.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((due, _)) = self.app.poll_timeout().filter(|(due, _)| *due <= end) {
            self.now = self.now.max(due);
            self.app.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn drain(&mut self) -> (Vec<Value>, Vec<Effect>) {
        let (mut events, mut effects) = (Vec::new(), Vec::new());
        while let Some(output) = self.app.poll_output() {
            match output {
                Output::Event(message) => events.push(serde_json::from_str(&message.to_line()).unwrap()),
                Output::Effect(effect) => effects.push(effect),
            }
        }
        (events, effects)
    }

    fn events(&mut self) -> Vec<Value> {
        self.drain().0
    }

    /// Names of the events, for the shape of a conversation.
    fn names(&mut self) -> Vec<String> {
        self.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    /// The torrent that was told to start, and nothing else.
    fn started(&mut self) -> TorrentKey {
        match self.drain().1.as_slice() {
            [Effect::Start { torrent, .. }] => *torrent,
            other => panic!("{other:?}"),
        }
    }

    fn add(&mut self, id: &str) -> TorrentKey {
        self.line(json!({"cmd": "add", "magnetURI": "magnet:?x", "id": id}));
        self.started()
    }

    /// A torrent whose film of 1000 bytes is known.
    fn running(&mut self, infohash: Infohash) -> TorrentKey {
        let key = self.add("a");
        self.fact(key, Fact::Accepted(infohash));
        self.fact(key, Fact::Details(film("film.mp4")));
        self.drain();
        key
    }
}

fn setup() -> Setup {
    Setup { version: "1".into(), http_port: 42069, http_port_asked: 42069, listen_port: 6881, ..Setup::default() }
}

fn film(name: &str) -> Details {
    let file = DetailFile { index: 0, path: name.into(), length: 1000, media: true };
    Details { name: name.into(), files: vec![file], film: 0, magnet_uri: "magnet:?film".into() }
}

fn stats(downloaded_bytes: u64, peers: u32) -> Fact {
    let figures =
        Figures { downloaded_bytes, total_bytes: 1000, peers, state: State::Downloading, ..Figures::default() };
    Fact::Stats(Snapshot { figures, peers: Vec::new(), counts: Counts::default() })
}

fn problem(code: ErrorCode) -> Problem {
    Problem::new(code, "it broke")
}

#[test]
fn ready_tells_of_taken_ports_and_wishes() {
    let setup = Setup { http_port: 5, listen_port: 7, listen_port_asked: 6, notes: vec!["no DHT".into()], ..setup() };
    let mut bench = Bench { app: App::new(setup), now: Instant::now() };
    let events = bench.events();
    assert_eq!(events[0], json!({"event": "ready", "version": "1", "httpPort": 5, "listenPort": 7}));
    assert!(events[1]["message"].as_str().unwrap().contains("42069"));
    assert!(events[2]["message"].as_str().unwrap().contains("on 7"));
    assert_eq!(events[3]["message"], "no DHT");
    assert_eq!(events.len(), 4);
}

#[test]
fn seeding_a_file() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "seed", "filePath": "/films/a film.mp4", "id": 7}));
    let key = bench.started();
    bench.fact(key, Fact::Hashing(0.25));
    assert_eq!(bench.events(), [json!({"event": "hashing", "name": "a film.mp4", "progress": 0.25, "id": 7})]);
    bench.fact(key, Fact::Accepted(ONE));
    bench.fact(key, Fact::Details(film("a film.mp4")));
    let (events, effects) = bench.drain();
    let url = "http://localhost:42069/a%20film.mp4";
    let files = json!([{"index": 0, "path": "a film.mp4", "length": 1000, "media": true, "serverUrl": url}]);
    assert_eq!(
        events,
        [json!({"event": "seeding", "name": "a film.mp4", "magnetURI": "magnet:?film", "serverUrl": url,
                "infoHash": ONE, "length": 1000, "files": files, "id": 7})]
    );
    assert_eq!(effects, [Effect::Publish { torrent: key, paths: vec![("/a film.mp4".into(), 0)] }]);
    bench.fact(key, Fact::Done);
    assert_eq!(bench.names(), [""; 0], "one's own film is not told to be done");
    bench.fact(key, stats(1000, 3));
    let progress = &bench.events()[0];
    assert_eq!((&progress["downloaded"], &progress["peers"]), (&json!(1.0), &json!(3)));
}

#[test]
fn hashing_at_most_five_a_second_and_never_backwards() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "seed", "filePath": "film"}));
    let key = bench.started();
    let mut last = -1.0;
    let mut count = 0;
    for step in 0..200u32 {
        // Hashing threads report out of order.
        bench.fact(key, Fact::Hashing(f64::from(step ^ 1) / 200.0));
        bench.pass(Duration::from_millis(10));
        for event in bench.events() {
            let progress = event["progress"].as_f64().unwrap();
            assert!(progress >= last, "{progress} after {last}");
            last = progress;
            count += 1;
        }
    }
    assert!((10..=11).contains(&count), "{count} in two seconds");
    bench.fact(key, Fact::Hashing(0.999));
    bench.pass(SECOND);
    assert_eq!(bench.events()[0]["progress"], 0.999, "the last word is said too");
}

#[test]
fn adding_a_magnet() {
    let mut bench = Bench::new();
    let key = bench.add("me");
    bench.fact(key, Fact::Accepted(ONE));
    assert_eq!(
        bench.events(),
        [json!({"event": "info", "message": "Fetching video details", "infoHash": ONE, "id": "me"})]
    );
    bench.fact(key, Fact::Details(film("film.mp4")));
    let added = &bench.events()[0];
    assert_eq!((&added["event"], &added["id"], &added["length"]), (&json!("added"), &json!("me"), &json!(1000)));
    bench.fact(key, stats(450, 5));
    let progress = &bench.events()[0];
    assert_eq!((&progress["downloaded"], &progress["peers"]), (&json!(0.45), &json!(5)));
    assert_eq!((&progress["id"], &progress["infoHash"]), (&Value::Null, &json!(ONE)));
}

#[test]
fn progress_once_a_second_while_anything_changes() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    let mut told = 0;
    for step in 0..40 {
        bench.fact(key, stats(step, 1));
        bench.pass(Duration::from_millis(100));
        told += bench.names().len();
    }
    assert!((4..=5).contains(&told), "{told} in four seconds");
    bench.pass(SECOND);
    bench.drain();
    for _ in 0..5 {
        bench.fact(key, stats(39, 1));
        bench.pass(SECOND);
    }
    assert_eq!(bench.names(), [""; 0], "nothing changed");
    bench.fact(key, stats(39, 2));
    assert_eq!(bench.names(), ["progress"]);
}

#[test]
fn completion_is_told_at_once_and_once() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    bench.fact(key, stats(999, 1));
    assert!(bench.events()[0]["downloaded"].as_f64().unwrap() < 1.0);
    bench.fact(key, Fact::Done);
    let events = bench.events();
    assert_eq!(events[0]["downloaded"], 1.0);
    assert_eq!(events[0]["state"], "seeding");
    assert_eq!(events[1], json!({"event": "done", "infoHash": ONE}));
    bench.fact(key, Fact::Done);
    bench.fact(key, stats(998, 1));
    bench.pass(SECOND);
    let events = bench.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["downloaded"], 1.0, "never back");
}

#[test]
fn completion_by_figures_is_not_told_twice() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    bench.fact(key, stats(10, 1));
    assert_eq!(bench.names(), ["progress"]);
    let figures = Figures { downloaded_bytes: 1000, state: State::Seeding, ..Figures::default() };
    bench.fact(key, Fact::Stats(Snapshot { figures, peers: Vec::new(), counts: Counts::default() }));
    assert_eq!(bench.events()[0]["downloaded"], 1.0, "without waiting for the second to pass");
    bench.fact(key, Fact::Done);
    assert_eq!(bench.names(), ["done"]);
}

#[test]
fn a_torrent_done_before_its_files_are_known() {
    let mut bench = Bench::new();
    let key = bench.add("a");
    bench.fact(key, Fact::Accepted(ONE));
    bench.fact(key, Fact::Done);
    bench.fact(key, Fact::Details(film("film.mp4")));
    assert_eq!(bench.names(), ["info", "added", "progress", "done"]);
}

#[test]
fn a_file_of_a_folder() {
    let mut bench = Bench::new();
    let key = bench.add("a");
    bench.fact(key, Fact::Accepted(ONE));
    bench.drain();
    let file = |index, path: &str, length| DetailFile { index, path: path.into(), length, media: false };
    // File 1 is a pad file (BEP 47), which nobody is shown.
    let files = vec![file(0, "a.srt", 5), file(2, "sub/b.mkv", 1000)];
    let details = Details { name: "F".into(), files, film: 1, magnet_uri: String::new() };
    bench.fact(key, Fact::Details(details));
    let (events, effects) = bench.drain();
    assert_eq!((&events[0]["name"], &events[0]["length"]), (&json!("b.mkv"), &json!(1000)));
    assert_eq!(events[0]["serverUrl"], "http://localhost:42069/b.mkv");
    assert_eq!(events[0]["files"][0]["serverUrl"], "http://localhost:42069/F/a.srt");
    assert_eq!(events[0]["files"][1]["serverUrl"], events[0]["serverUrl"]);
    let paths = vec![("/F/a.srt".into(), 0), ("/b.mkv".into(), 2), ("/F/sub/b.mkv".into(), 2)];
    assert_eq!(effects, [Effect::Publish { torrent: key, paths }]);
}

#[test]
fn details_that_make_no_sense_are_ignored() {
    let mut bench = Bench::new();
    let key = bench.add("a");
    bench.fact(key, Fact::Details(film("early")));
    bench.fact(key, Fact::Accepted(ONE));
    bench.fact(key, Fact::Details(Details { film: 1, ..film("x") }));
    assert_eq!(bench.names(), ["info"]);
}

#[test]
fn two_torrents_of_one_name() {
    let mut bench = Bench::new();
    bench.running(ONE);
    let key = bench.add("b");
    bench.fact(key, Fact::Accepted(TWO));
    bench.fact(key, Fact::Details(film("film.mp4")));
    let events = bench.events();
    assert_eq!(events[1]["serverUrl"], format!("http://localhost:42069/{TWO}/film.mp4"));
}

#[test]
fn the_same_torrent_twice_is_one() {
    let mut bench = Bench::new();
    let one = bench.running(ONE);
    let again = bench.add("again");
    bench.fact(again, Fact::Accepted(ONE));
    let (events, effects) = bench.drain();
    assert_eq!((&events[0]["event"], &events[0]["id"]), (&json!("added"), &json!("again")));
    assert_eq!((events.len(), effects), (1, vec![Effect::Forget(again)]));
    bench.fact(again, Fact::Done);
    assert_eq!(bench.names(), [""; 0], "a forgotten key says nothing");
    bench.fact(one, Fact::Done);
    assert_eq!(bench.names(), ["progress", "done"]);
}

#[test]
fn adding_what_one_seeds_is_done_at_once() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "seed", "filePath": "film.mp4"}));
    let seed = bench.started();
    bench.fact(seed, Fact::Accepted(ONE));
    bench.fact(seed, Fact::Details(film("film.mp4")));
    bench.drain();
    let add = bench.add("x");
    bench.fact(add, Fact::Accepted(ONE));
    assert_eq!(bench.names(), ["added", "progress", "done"]);
}

#[test]
fn bad_lines_are_told_and_nothing_ends() {
    let mut bench = Bench::new();
    bench.app.handle_input(bench.now, Input::Line(b"{".to_vec()));
    bench.app.handle_input(bench.now, Input::Line(b"\xff".to_vec()));
    bench.app.handle_input(bench.now, Input::Line(b"  ".to_vec()));
    bench.app.handle_input(bench.now, Input::LineTooLong);
    bench.line(json!({"cmd": "dance", "id": [1]}));
    bench.line(json!({"cmd": "seed", "id": "s"}));
    let events = bench.events();
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|event| event["code"] == "E010" && event["retryable"] == false));
    assert_eq!(events[4]["id"], "s");
    bench.line(json!({"cmd": "status"}));
    assert_eq!(bench.names(), ["status"]);
}

#[test]
fn status_has_everything() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    bench.line(json!({"cmd": "seed", "filePath": "dir/other.mkv"}));
    let other = bench.started();
    bench.fact(other, Fact::Hashing(0.5));
    let peer = PeerStatus {
        addr: "10.0.0.2:6881".parse().unwrap(),
        client: "test".into(),
        speed: 1,
        upload_speed: 2,
        downloaded_bytes: 3,
        uploaded_bytes: 4,
        progress: 0.5,
        am_choking: false,
        am_interested: true,
        peer_choking: false,
        peer_interested: true,
        incoming: true,
        encrypted: false,
        inflight: 5,
        member: false,
        member_id: None,
    };
    let figures = Figures { peers: 1, downloaded_bytes: 10, ..Figures::default() };
    let counts = Counts { proofs_refused: 2, pieces_given_up: 3 };
    bench.fact(key, Fact::Stats(Snapshot { figures, peers: vec![peer], counts }));
    bench.drain();
    bench.line(json!({"cmd": "status", "id": true}));
    let status = &bench.events()[0];
    let counted = (&status["torrents"][0]["proofsRefused"], &status["torrents"][0]["piecesGivenUp"]);
    assert_eq!(counted, (&json!(2), &json!(3)));
    assert_eq!(
        (&status["httpPort"], &status["listenPort"], &status["id"]),
        (&json!(42069), &json!(6881), &json!(true))
    );
    assert_eq!((&status["dhtNodes"], &status["nat"]), (&json!(0), &json!("unknown")));
    let film = &status["torrents"][0];
    assert_eq!(
        (&film["infoHash"], &film["name"], &film["downloaded"]),
        (&json!(ONE), &json!("film.mp4"), &json!(0.01))
    );
    assert_eq!(film["magnetURI"], "magnet:?film");
    assert_eq!((&film["peerList"][0]["addr"], &film["peerList"][0]["inflight"]), (&json!("10.0.0.2:6881"), &json!(5)));
    let hashing = &status["torrents"][1];
    assert_eq!(
        (&hashing["name"], &hashing["state"], &hashing["hashing"]),
        (&json!("other.mkv"), &json!("hashing"), &json!(0.5))
    );
}

#[test]
fn limits_change_one_by_one() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "limit", "maxUpload": 5000, "id": 1}));
    let (events, effects) = bench.drain();
    assert_eq!(effects, [Effect::SetLimits { upload: 5000, download: 0 }]);
    assert_eq!((&events[0]["event"], &events[0]["id"]), (&json!("info"), &json!(1)));
    bench.line(json!({"cmd": "limit", "maxDownload": 7}));
    assert_eq!(bench.drain().1, [Effect::SetLimits { upload: 5000, download: 7 }]);
    assert_eq!((bench.app.status().max_upload, bench.app.status().max_download), (5000, 7));
}

#[test]
fn the_playhead_in_bytes() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    for (position, bytes) in [(0.0, 0), (25.0, 250), (1e300, 1000)] {
        bench.line(
            json!({"cmd": "playhead", "infoHash": ONE, "position": position, "duration": 100.0, "playing": true}),
        );
        let expected = Effect::Playhead { torrent: key, position: bytes, rate: 10, playing: true };
        assert_eq!(bench.drain(), (vec![], vec![expected]));
    }
    for (infohash, duration) in [(TWO, 100.0), (ONE, 1e300)] {
        bench.line(
            json!({"cmd": "playhead", "infoHash": infohash, "position": 1, "duration": duration, "playing": true}),
        );
        assert_eq!(bench.events()[0]["code"], "E010");
    }
    let early = bench.add("x");
    bench.fact(early, Fact::Named("from the magnet".into()));
    bench.fact(early, Fact::Accepted(TWO));
    assert_eq!(bench.app.status().torrents[1].name, "from the magnet");
    bench.drain();
    bench.line(json!({"cmd": "playhead", "infoHash": TWO, "position": 1, "duration": 2, "playing": true}));
    assert_eq!(bench.events()[0]["code"], "E010");
}

#[test]
fn a_rooms_terms_reach_the_driver() {
    let mut bench = Bench::new();
    let room = json!({"key": "0f".repeat(16), "self": "aB".repeat(20)});
    bench.line(json!({"cmd": "add", "magnetURI": "m", "private": true, "room": room, "allowStock": false}));
    bench.line(json!({"cmd": "seed", "filePath": "f"}));
    let terms: Vec<Terms> = std::iter::from_fn(|| bench.app.poll_output())
        .filter_map(|output| match output {
            Output::Effect(Effect::Start { what: Start::Add { terms, .. } | Start::Seed { terms, .. }, .. }) => {
                Some(terms)
            }
            Output::Effect(_) | Output::Event(_) => None,
        })
        .collect();
    let room = crate::ipc::Room { key: [0x0f; 16], member: [0xab; 20] };
    let closed = Terms { private: Some(true), room: Some(room), allow_stock: false };
    assert_eq!(terms, [closed, Terms { private: None, room: None, allow_stock: true }]);
}

#[test]
fn too_many_torrents() {
    let mut bench = Bench::new();
    for _ in 0..crate::limits::TORRENTS_MAX {
        bench.line(json!({"cmd": "add", "magnetURI": "m"}));
    }
    assert_eq!(bench.names(), [""; 0]);
    bench.line(json!({"cmd": "add", "magnetURI": "m", "id": 5}));
    let event = &bench.events()[0];
    assert_eq!((&event["code"], &event["id"]), (&json!("E010"), &json!(5)));
}
