//! The program as a front end meets it: JSON lines in, JSON lines out, and a clean end.
#![allow(clippy::unwrap_used)] // helpers outside of test functions are test code too

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running engine.
struct Engine {
    child: Child,
    commands: Option<ChildStdin>,
    events: BufReader<ChildStdout>,
}

impl Engine {
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sharestream-engine"))
            .args(["-http-port", "0", "--listen-port=0", "-log-level", "off", "-data-dir"])
            .arg(data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        let events = BufReader::new(child.stdout.take().unwrap());
        Self { child, commands, events }
    }

    fn line(&mut self, line: &str) {
        self.commands.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn send(&mut self, command: &Value) {
        self.line(&command.to_string());
    }

    /// The next event.
    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The next event of that name; others pass by.
    fn event_named(&mut self, name: &str) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name {
                return event;
            }
            assert_ne!(event["event"], "error", "{event}");
        }
    }

    /// Everything it still says, and its exit code.
    fn end(mut self) -> (Vec<Value>, Option<i32>) {
        drop(self.commands.take());
        let mut rest = String::new();
        self.events.read_to_string(&mut rest).unwrap();
        let events = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (events, self.child.wait().unwrap().code())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It has ended already, except when a test failed.
        let _ = self.child.kill();
    }
}

/// Bytes of a small film.
fn film(folder: &Path) -> (String, Vec<u8>) {
    let path = folder.join("a film.mp4");
    let bytes: Vec<u8> = (0..300_000u32).map(|index| (index % 251).to_le_bytes()[0]).collect();
    std::fs::write(&path, &bytes).unwrap();
    (path.to_str().unwrap().to_owned(), bytes)
}

/// The body that the local server gives.
fn get(url: &str) -> (String, Vec<u8>) {
    let rest = url.strip_prefix("http://localhost:").unwrap();
    let (port, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

#[test]
fn ready_then_quit() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(folder.path());
    let ready = engine.event();
    assert_eq!((&ready["event"], &ready["version"]), (&json!("ready"), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(ready["httpPort"].as_u64().unwrap() > 0 && ready["listenPort"].is_u64());
    engine.line(r#"{"cmd":"quit"}"#);
    assert_eq!(engine.end(), (vec![], Some(0)));
}

#[test]
fn closing_stdin_is_quitting_and_a_last_line_needs_no_feed() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(folder.path());
    engine.event_named("ready");
    engine.commands.as_mut().unwrap().write_all(br#"{"cmd":"stop","id":1}"#).unwrap();
    assert_eq!(engine.end(), (vec![json!({"event": "stopped", "id": 1})], Some(0)));
}

#[test]
fn bad_commands_do_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(folder.path());
    engine.event_named("ready");
    let missing = folder.path().join("none.mp4");
    let empty = folder.path().join("empty.mp4");
    std::fs::write(&empty, b"").unwrap();
    for (command, code, word) in [
        (json!("nonsense"), "E010", "JSON object"),
        (json!({"cmd": "fly"}), "E010", "fly"),
        (json!({"cmd": "seed"}), "E010", "filePath"),
        (json!({"cmd": "seed", "filePath": missing}), "E005", "none.mp4"),
        (json!({"cmd": "seed", "filePath": empty}), "E003", "empty.mp4"),
        (json!({"cmd": "add", "magnetURI": "http://example.org/"}), "E003", "magnet"),
        (json!({"cmd": "add", "torrentFile": missing}), "E005", "none.mp4"),
        (json!({"cmd": "add", "torrentFile": empty}), "E003", "empty.mp4"),
    ] {
        engine.send(&command);
        let error = engine.event();
        assert_eq!((&error["event"], &error["code"]), (&json!("error"), &json!(code)), "{command} gave {error}");
        assert!(error["message"].as_str().unwrap().contains(word), "{command} gave {error}");
    }
    engine.line(&"x".repeat(2 * 1024 * 1024));
    assert_eq!(engine.event()["code"], "E010");
    engine.line(r#"{"cmd":"status","id":"s"}"#);
    let status = engine.event();
    assert_eq!((&status["event"], &status["id"], &status["torrents"]), (&json!("status"), &json!("s"), &json!([])));
    assert_eq!(engine.end(), (vec![], Some(0)));
}

#[test]
fn a_seeded_film_is_served_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = film(folder.path());
    let mut engine = Engine::start(folder.path());
    engine.event_named("ready");
    engine.send(&json!({"cmd": "seed", "filePath": path, "id": 1}));
    let seeding = engine.event_named("seeding");
    assert_eq!(
        (&seeding["name"], &seeding["length"], &seeding["id"]),
        (&json!("a film.mp4"), &json!(300_000), &json!(1))
    );
    let magnet = seeding["magnetURI"].as_str().unwrap();
    let infohash = seeding["infoHash"].as_str().unwrap();
    assert!(
        magnet.contains(infohash) && magnet.contains("dn=a%20film.mp4") && !magnet.contains("127.0.0.1"),
        "{magnet}"
    );
    let url = seeding["serverUrl"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/a%20film.mp4"), "{url}");
    let (head, body) = get(&url);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("video/mp4"), "{head}");
    assert!(body == bytes, "{} bytes", body.len());
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
    let (_, status) = get(&format!("http://localhost:{port}/-/status"));
    let status: Value = serde_json::from_slice(&status).unwrap();
    assert_eq!(status["torrents"][0]["infoHash"], infohash);
    let (_, metrics) = get(&format!("http://localhost:{port}/-/metrics"));
    assert!(String::from_utf8(metrics).unwrap().contains("sharestream_torrents 1"));
    engine.send(&json!({"cmd": "stop", "infoHash": infohash}));
    assert_eq!(engine.event_named("stopped")["infoHash"], infohash);
    assert!(get(&url).0.starts_with("HTTP/1.1 404"));
    assert_eq!(engine.end().1, Some(0));
}

#[cfg(unix)]
#[test]
fn sigterm_says_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = film(folder.path());
    let mut engine = Engine::start(folder.path());
    engine.event_named("ready");
    engine.send(&json!({"cmd": "seed", "filePath": path}));
    let seeding = engine.event_named("seeding");
    let killed = Command::new("kill").arg("-TERM").arg(engine.child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let commands = engine.commands.take(); // stdin stays open: the signal alone has to do
    let stopped = engine.event_named("stopped");
    assert_eq!(stopped["infoHash"], seeding["infoHash"]);
    let (rest, code) = engine.end();
    assert!(!rest.iter().any(|event| event["event"] == "stopped"), "{rest:?}");
    assert_eq!(code, Some(0));
    drop(commands);
}

#[test]
fn words_of_the_command_line() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sharestream-engine"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, _) = run(&["--version"]);
    assert_eq!((code, out.trim()), (Some(0), concat!("sharestream-engine ", env!("CARGO_PKG_VERSION"))));
    let (code, out, _) = run(&["--help"]);
    assert!(code == Some(0) && out.contains("-http-port"), "{out}");
    let (code, out, error) = run(&["-http-port", "x"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(error.contains("expected PORT"), "{error}");
}

#[test]
fn a_stop_close_behind_swallows_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(dir.path());
    let commands = [
        json!({"cmd": "seed", "filePath": dir.path().join("nothing.mp4"), "id": "seed"}),
        json!({"cmd": "add", "magnetURI": "magnet:?xt=urn:btih:nothing", "id": "add"}),
        json!({"cmd": "quit"}),
    ];
    engine.line(&commands.map(|command| command.to_string()).join("\n"));
    let (said, code) = engine.end();
    let code_for = |id: &str| said.iter().find(|event| event["id"] == id).map(|event| event["code"].clone());
    assert_eq!(code_for("seed"), Some(json!("E005")), "{said:?}");
    assert_eq!(code_for("add"), Some(json!("E003")), "{said:?}");
    assert_eq!(code, Some(0));
}
