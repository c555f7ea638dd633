//! `sharestream --headless`: rooms of real processes, as programs drive them.

use std::time::Duration;

use serde_json::{Value, json};
use tests::app::App;
use tests::film::{Clip, Container};
use tests::scratch;
use tests::signal::Server;

/// A film of half a minute, and where it lies.
fn film() -> (tempfile::TempDir, String) {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    Clip { container: Container::Mkv, seconds: 40, bits_per_second: 500_000 }.make(&path);
    let path = path.display().to_string();
    (folder, path)
}

fn complete(view: &Value) -> bool {
    view["film"]["stage"]["is"] == "complete"
}

fn in_step(view: &Value) -> bool {
    view["playback"]["state"] == "playing" && view["playback"]["drift"].as_f64().is_some_and(|drift| drift.abs() < 0.2)
}

fn shows(view: &Value, code: &str) -> bool {
    view["notices"].as_array().is_some_and(|notices| notices.iter().any(|notice| notice["code"] == code))
}

#[test]
fn a_room_at_home_needs_nothing_but_the_apps() {
    let (_folder, film) = film();
    let mut host = App::host("Ana", &film, &["--player", "null"]);
    let link = host.link();
    let mut viewer = App::join("Bea", &link, &["--player", "null"]);
    viewer.sees("the film", complete);
    host.sees("both", |view| view["people"].as_array().is_some_and(|people| people.len() == 2));
    host.send(&json!({"cmd": "play"}));
    for person in [&mut host, &mut viewer] {
        person.sees("it plays in step", in_step);
    }
    viewer.send(&json!({"cmd": "say", "text": "hello"}));
    host.hears("said", |said| said["text"] == "hello" && said["from"] == "Bea");
    viewer.send(&json!({"cmd": "pause"}));
    viewer.hears("noticed", |notice| notice["title"] == "Only the host can pause");
    host.send(&json!({"cmd": "pause"}));
    viewer.sees("the pause", |view| view["playback"]["running"] == false && view["playback"]["state"] == "paused");
    viewer.leaves();
    host.sees("that it is alone", |view| view["people"].as_array().is_some_and(|people| people.len() == 1));
    host.leaves();
}

#[test]
fn each_way_out_is_clean() {
    let server = Server::start(&[]);
    let (_folder, film) = film();
    let url = server.url("");
    let mut host = App::host("Ana", &film, &["--server", &url, "--player", "none"]);
    host.sees("the film", complete);
    let code = host.code();
    let mut by_signal = App::join("Bea", &code, &["--server", &url, "--player", "null"]);
    by_signal.sees("the film", complete);
    by_signal.terminate();
    assert!(by_signal.exit(Duration::from_secs(3)).success());
    host.hears("said", |said| said["text"] == "Bea left");
    let mut by_stdin = App::join("Cem", &code, &["--server", &url, "--player", "null"]);
    by_stdin.sees("the room", |view| view["phase"] == "inRoom");
    by_stdin.close_stdin();
    assert!(by_stdin.exit(Duration::from_secs(3)).success());
    host.hears("said", |said| said["text"] == "Cem left");
    let mut ended = App::join("Dan", &code, &["--server", &url, "--player", "null"]);
    ended.sees("the room", |view| view["phase"] == "inRoom");
    host.send(&json!({"cmd": "endRoom"}));
    ended.hears("ended", |told| told["why"] == "roomEnded");
    assert!(ended.exit(Duration::from_secs(3)).success());
}

#[test]
fn what_cannot_be_is_said_with_its_exit_code() {
    let server = Server::start(&[]);
    let url = server.url("");
    for (arguments, code, words) in [
        (&["host"][..], 2, "Name a film"),
        (&["join", "!"], 2, "code"),
        (&["host", "x", "--wings"], 2, "--wings"),
        (&["join", "NOSUCHROOM", "--server", &url, "--player", "none"], 1, "(S002)"),
        (&["join", "NOSUCHROOM", "--player", "none"], 1, "No room NOSUCHROOM"),
    ] {
        let mut app = App::start("Bea", arguments, &[]);
        assert_eq!(app.exit(Duration::from_secs(20)).code(), Some(code), "{arguments:?}");
        assert!(app.stderr().contains(words), "{arguments:?}: {}", app.stderr());
    }
    let mut host = App::host("Ana", "/nowhere/film.mkv", &["--server", &url, "--player", "none"]);
    host.sees("that there is no file", |view| shows(view, "E005"));
    for (bad, about) in [(json!({"cmd": "fly"}), "fly"), (json!({"cmd": "seek"}), "`to`"), (json!([1]), "object")] {
        host.send(&bad);
        host.hears("error", |error| {
            error["code"] == "E010" && error["message"].as_str().is_some_and(|message| message.contains(about))
        });
    }
    let (_folder, film) = film();
    host.send(&json!({"cmd": "share", "path": film}));
    host.sees("another film", complete);
    host.leaves();
}

#[test]
fn a_server_that_goes_and_comes_is_told_and_nothing_stops() {
    let server = Server::start(&["-secret", "a secret of this test, which is long"]);
    let port = server.port();
    let (_folder, film) = film();
    let url = server.url("");
    let mut host = App::host("Ana", &film, &["--server", &url, "--player", "null"]);
    let link = host.link();
    let mut viewer = App::join("Bea", &link, &["--player", "null"]);
    viewer.sees("the film", complete);
    host.send(&json!({"cmd": "play"}));
    viewer.sees("it plays in step", in_step);
    drop(server);
    let view = viewer.sees("that the server is gone", |view| shows(view, "S001"));
    assert_eq!(view["playback"]["running"], true, "{view}");
    viewer.send(&json!({"cmd": "say", "text": "still here"}));
    let _server = Server::start_on(port, &["-secret", "a secret of this test, which is long"], &[]);
    for person in [&mut host, &mut viewer] {
        person.sees("that it is back", |view| {
            !shows(view, "S001") && view["people"].as_array().is_some_and(|people| people.len() == 2)
        });
        person.sees("it plays in step", in_step);
    }
    host.hears("said", |said| said["text"] == "still here" && said["from"] == "Bea");
    assert!(!host.told.iter().any(|told| told["text"].as_str().is_some_and(|text| text.contains("paused"))));
}

#[test]
fn the_engine_as_a_program_of_its_own() {
    let (_folder, film) = film();
    let engine = tests::engine::binary().display().to_string();
    let mut host = App::host("Ana", &film, &["--player", "none", "--engine", &engine]);
    let link = host.link();
    host.sees("the film", complete);
    let mut viewer = App::join("Bea", &link, &["--player", "null", "--engine", &engine]);
    viewer.sees("the film", complete);
    let mut lost = App::join("Cem", &link, &["--player", "none", "--engine", "/nowhere/engine"]);
    lost.sees("that there is no engine", |view| shows(view, "E001"));
    lost.leaves();
    viewer.leaves();
    host.leaves();
}

#[test]
fn nothing_secret_is_in_the_log() {
    let server = Server::start(&[]);
    let (_folder, film) = film();
    let url = server.url("");
    let settings = scratch();
    let folder = settings.path().display().to_string();
    let log = settings.path().join("log").display().to_string();
    let flags = ["--server", &url, "--player", "null", "--log-level", "trace", "--log-file", &log];
    let mut host = App::host("Ana", &film, &flags);
    let code = host.code();
    host.sees("the film", complete);
    host.send(&json!({"cmd": "say", "text": "my secret line"}));
    host.hears("said", |said| said["text"] == "my secret line" && said["delivery"] == "sent");
    host.leaves();
    let said = std::fs::read_to_string(&log).expect("it was written");
    assert!(said.len() > 100, "{said}");
    for secret in ["my secret line", "magnet:?", "sessionToken", "\"key\""] {
        assert!(!said.contains(secret), "{secret} of room {code} in {folder}: {said}");
    }
}
