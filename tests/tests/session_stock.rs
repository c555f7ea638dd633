//! Clients written from the plan alone, in one room with ours: they host and join, and are served as docs/sync.md says.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::app::App;
use tests::engine::Engine;
use tests::film::{Clip, Container};
use tests::process::Program;
use tests::signal::Server;
use tests::{SOON, scratch, stock_tracker};

/// The official JavaScript client as a person.
struct Stock {
    program: Program,
    read: usize,
    heard: Vec<Value>,
}

impl Stock {
    fn start(server: &Server, words: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.arg(tests::built::package_dir().join("node/plan_host.mjs"));
        command.arg(stock_tracker::installed("socket.io-client")).arg(server.url("")).args(words);
        Self { program: Program::start(&mut command), read: 0, heard: Vec::new() }
    }

    fn says(&mut self, name: &str, payload: &Value) {
        writeln!(self.program.stdin(), "{}", json!([name, payload])).expect("it listens");
    }

    /// The first event of that name that is so, from the first that was heard on.
    fn hears(&mut self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        let mut looked = 0;
        loop {
            for heard in self.heard.iter().skip(looked) {
                if heard["event"] == name && is_so(&heard["payload"]) {
                    return heard.clone();
                }
            }
            looked = self.heard.len();
            let line = self.program.stdout.wait(self.read, deadline);
            let line =
                line.unwrap_or_else(|| panic!("never heard {name}: {:?}\n{}", self.heard, self.program.stderr.text()));
            self.read += 1;
            self.heard.push(serde_json::from_slice(&line).expect("JSON"));
        }
    }
}

fn film() -> (tempfile::TempDir, String) {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    Clip { container: Container::Mkv, seconds: 40, bits_per_second: 500_000 }.make(&path);
    let path = path.display().to_string();
    (folder, path)
}

fn in_step(view: &Value) -> bool {
    view["playback"]["state"] == "playing" && view["playback"]["drift"].as_f64().is_some_and(|drift| drift.abs() < 0.2)
}

#[test]
fn a_host_of_the_plan_leads_our_viewer() {
    let server = Server::start(&[]);
    let (folder, path) = film();
    // Its engine is driven by the plan's commands, too.
    let mut engine = Engine::start(&[]);
    engine.send(&json!({"cmd": "seed", "filePath": path, "trackerUrl": server.url("/").replace("http", "ws")}));
    let seeding = engine.wait_for("seeding", SOON, |_| true);
    let mut host = Stock::start(&server, &["host"]);
    let code = host.hears("room-created", |_| true)["payload"]["room"]["code"].as_str().expect("a code").to_owned();
    host.says(
        "torrent-magnet",
        &json!({"magnetURI": seeding["magnetURI"], "streamPath": "film.mkv", "name": "A film"}),
    );
    host.says("movie-loaded", &json!({"name": "A film", "duration": 40.0}));

    let mut viewer = App::join("Bea", &code, &["--server", &server.url(""), "--player", "unseen"]);
    viewer.sees("all of the film", |view| view["film"]["stage"]["is"] == "complete");
    host.says("sync-play", &json!({"time": 5.0, "actionId": "1"}));
    viewer.sees("it plays from there, in step", |view| {
        in_step(view) && view["playback"]["position"].as_f64().is_some_and(|place| place > 5.0)
    });
    host.says("sync-seek", &json!({"time": 20.0, "actionId": "2"}));
    viewer.sees("it plays from there, in step", |view| {
        in_step(view) && view["playback"]["position"].as_f64().is_some_and(|place| place > 20.0)
    });
    // What it hears of our viewer is the plan's.
    host.says("sync-check", &json!({ "roomCode": code }));
    host.hears("sync-report", |payload| payload["playbackTime"].is_number() && payload["playing"].is_boolean());
    host.says("sync-pause", &json!({"time": 22.5, "actionId": "3"}));
    viewer.sees("it stands there", |view| {
        let place = view["playback"]["position"].as_f64().unwrap_or_default();
        view["playback"]["running"] == false && (place - 22.5).abs() < 0.3
    });
    host.says("chat-message", &json!({"text": "hello from the plan"}));
    viewer.hears("said", |said| said["text"] == "hello from the plan" && said["from"] == "Planner");
    viewer.send(&json!({"cmd": "say", "text": "hello back"}));
    host.hears("chat-message", |payload| payload["text"] == "hello back" && payload["sender"] == "Bea");
    viewer.leaves();
    host.hears("participant-left", |_| true);
    drop(folder);
}

#[test]
fn a_viewer_of_the_plan_follows_our_host_and_holds_nobody_up() {
    let server = Server::start(&[]);
    let (_folder, path) = film();
    let mut host = App::host("Ana", &path, &["--server", &server.url(""), "--player", "unseen"]);
    let code = host.code();
    host.sees("the film", |view| view["film"]["stage"]["is"] == "complete");
    let mut ours = App::join("Bea", &code, &["--server", &server.url(""), "--player", "unseen"]);
    ours.sees("the film", |view| view["film"]["stage"]["is"] == "complete");
    let mut guest = Stock::start(&server, &["join", &code.replace('-', "")]);
    guest.hears("room-joined", |payload| payload["success"] == true);
    guest.hears("torrent-magnet", |payload| {
        payload["magnetURI"].as_str().is_some_and(|magnet| magnet.starts_with("magnet:?"))
    });
    guest.hears("movie-loaded", |payload| {
        payload["duration"].as_f64().is_some_and(|duration| (duration - 40.0).abs() < 60.0)
    });
    host.sees("all three", |view| view["people"].as_array().is_some_and(|people| people.len() == 3));

    let asked = Instant::now();
    host.send(&json!({"cmd": "play"}));
    let play = guest.hears("sync-play", |_| true);
    assert!(play["payload"]["time"].is_number() && play["payload"]["actionId"].is_string(), "{play}");
    assert!(asked.elapsed() < Duration::from_secs(10), "nobody waits for a client that never says it is ready");
    // It is told when the others start, and not when the start is planned.
    let started = ours.sees("it plays", |view| view["playback"]["running"] == true);
    assert!(started["playback"]["position"].as_f64().unwrap_or_default() < 3.0, "{started}");
    host.send(&json!({"cmd": "pause"}));
    guest.hears("sync-pause", |payload| payload["time"].is_number());
    host.send(&json!({"cmd": "seek", "to": 30.0}));
    guest.hears("sync-seek", |payload| payload["time"] == 30.0);
    // What it may not do changes nothing.
    guest.says("sync-play", &json!({"time": 1.0, "actionId": "mine"}));
    guest.hears("error", |payload| payload["code"] == "S008");
    assert_eq!(host.view()["playback"]["state"], "paused");
    ours.leaves();
    host.leaves();
}
