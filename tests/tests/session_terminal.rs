//! `sharestream` in a terminal: what a person there sees, and what their keys do.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::app::{App, binary};
use tests::film::{Clip, Container};
use tests::process::Program;
use tests::terminal::Terminal;
use tests::{SOON, scratch};

fn film() -> (tempfile::TempDir, String) {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    Clip { container: Container::Mkv, seconds: 40, bits_per_second: 2_000_000 }.make(&path);
    let path = path.display().to_string();
    (folder, path)
}

fn complete(view: &Value) -> bool {
    view["film"]["stage"]["is"] == "complete"
}

/// The link of the line that tells it.
fn link(line: &str) -> String {
    line.rsplit(' ').next().expect("a line has words").to_owned()
}

#[test]
fn a_host_moves_the_film_and_keeps_house() {
    let (_folder, film) = film();
    let mut host = Terminal::start((80, 24), "Ana", &["host", &film]);
    host.shows("The room is open. Its code:");
    let link = link(&host.shows("Others come in with: sharestream join http://"));
    host.shows("on this network, with the code alone");
    let mut viewer = App::join("Bea", &link, &["--player", "null"]);
    viewer.sees("the film", complete);
    host.shows("* Bea joined");
    host.types(" ");
    host.shows("You played at 0:00");
    viewer.sees("that it plays", |view| view["playback"]["running"] == true);
    host.types("i");
    host.shows("drift ");
    host.types("\x1b[1;5C");
    viewer.sees("a jump", |view| view["playback"]["roomPosition"].as_f64().is_some_and(|place| place > 10.0));
    host.types("tGr\u{fc}\u{df}e\r");
    viewer.hears("said", |said| said["text"] == "Gr\u{fc}\u{df}e" && said["from"] == "Ana");
    viewer.send(&json!({"cmd": "say", "text": "and \u{1b}[2J back"}));
    assert!(!host.shows("<Bea> and ").contains("\u{1b}[2J"), "what others write commands no terminal");
    host.types("qn");
    host.types("?");
    host.shows("play or pause");
    host.types("t/kick be\r");
    viewer.hears("ended", |told| told["why"] == "removed");
    assert_eq!(viewer.exit(Duration::from_secs(5)).code(), Some(1));
    assert!(viewer.stderr().contains("(S007)"), "{}", viewer.stderr());
    host.shows("Bea was removed");
    // Alone or not yet, that leaves.
    host.types("ql");
    assert_eq!(host.ends(), 0);
}

#[test]
fn a_viewer_sees_what_happens_and_may_not_move_the_film() {
    let (_folder, film) = film();
    let mut host = App::host("Ana", &film, &["--player", "null"]);
    let link = host.link();
    let mut viewer = Terminal::start((40, 12), "Bea", &["join", &link]);
    viewer.shows("All here");
    viewer.types("k");
    viewer.shows("! Only the host can play");
    host.send(&json!({"cmd": "play"}));
    viewer.shows("Ana played at 0:00");
    viewer.shows("playing");
    viewer.types("k");
    viewer.shows("! Only the host can pause");
    host.send(&json!({"cmd": "endRoom"}));
    viewer.shows("The room ended");
    assert_eq!(viewer.ends(), 0);
}

#[test]
fn ctrl_c_leaves_and_what_cannot_be_is_said() {
    let (_folder, film) = film();
    let mut host = Terminal::start((80, 24), "Ana", &["host", &film]);
    host.shows("Shared from here");
    host.types("\u{3}");
    assert_eq!(host.ends(), 0);
    let mut lost = Terminal::start((80, 24), "Bea", &["join", "NOSUCHROOM"]);
    lost.shows("No room NOSUCHROOM on this network");
    assert_eq!(lost.ends(), 1);
    let mut nothing = Terminal::start((80, 24), "Ana", &["host", "/nowhere/film.mkv"]);
    nothing.shows("(E005): t, /share FILE");
    nothing.types(&format!("t/share {film}\r"));
    nothing.shows("Shared from here");
    nothing.types("q");
    assert_eq!(nothing.ends(), 0);
}

#[test]
fn without_a_terminal_lines_are_printed() {
    let (_folder, film) = film();
    let settings = scratch();
    let folder = settings.path().display().to_string();
    let mut command = Command::new(binary());
    command.args(["host", &film, "--name", "Ana", "--player", "null", "--settings", &folder, "--data-dir", &folder]);
    command.args(["--listen-port", "0", "--http-port", "0"]).env_remove("SERVER_URL");
    let mut host = Program::start(&mut command);
    host.close_stdin();
    let deadline = std::time::Instant::now() + SOON;
    let mut read = 0;
    while !host.stdout.text().contains("Shared from here") {
        assert!(host.stdout.wait(read, deadline).is_some(), "{}\n{}", host.stdout.text(), host.stderr.text());
        read += 1;
    }
    host.terminate();
    assert!(host.wait(Duration::from_secs(5)).is_some_and(|status| status.success()), "{}", host.stdout.text());
    let shown = host.stdout.text();
    assert!(shown.contains("The room is open. Its code:  ") && !shown.contains('\u{1b}'), "{shown}");
}
