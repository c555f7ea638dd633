//! Our own client and its room in a terminal, with the real server.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;
use tests::guest::{Guest, Way};
use tests::process::Program;
use tests::signal::Server;
use tests::{SOON, free_port, scratch, within};

/// `sharestream-room` with what a person types into it.
struct Room(Program);

impl Room {
    fn open(server: &Server, name: &str, code: Option<&str>) -> Self {
        static BINARY: OnceLock<PathBuf> = OnceLock::new();
        let binary = BINARY.get_or_init(tests::signal::room_binary);
        Self(Program::start(Command::new(binary).arg(server.url("")).arg(name).args(code)))
    }

    fn types(&mut self, line: &str) {
        writeln!(self.0.stdin(), "{line}").expect("it reads");
    }

    /// Waits until it has printed this.
    fn shows(&self, what: &str) -> String {
        within(2 * SOON, &format!("{what:?} in\n{}", self.0.stdout.text()), || {
            let text = self.0.stdout.text();
            text.contains(what).then_some(text)
        })
    }

    /// The code of its room, as it is told to people.
    fn code(&self) -> String {
        within(SOON, "the room's code", || {
            let text = self.0.stdout.text();
            let is_code = |word: &&str| {
                word.len() == 9
                    && word.as_bytes()[4] == b'-'
                    && word.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())
            };
            text.split_whitespace().map(|word| word.trim_matches(['.', ',', ':', ';'])).find(is_code).map(str::to_owned)
        })
    }
}

#[test]
fn two_terminals_play_and_talk() {
    let server = Server::start(&[]);
    let mut host = Room::open(&server, "Ann", None);
    let code = host.code();
    let mut viewer = Room::open(&server, "Bea", Some(&code));
    host.shows("Bea");
    host.types("seek 72");
    host.types("play");
    viewer.types("hello there");
    host.shows("hello there");
    // Alone with its words: where the film is by the room's clock.
    within(SOON, "the viewer is where the host sought", || {
        viewer.types("where");
        viewer.0.stdout.text().contains("1:1").then_some(())
    });
    viewer.types("quit");
    assert!(viewer.0.wait(SOON).is_some_and(|status| status.success()));
    within(SOON, "one is left", || (server.health()["participants"] == 1).then_some(()));
}

#[test]
fn a_terminal_comes_back_to_its_room_after_the_server_was_killed() {
    let (port, folder) = (free_port(), scratch());
    let flags = ["-state-dir", folder.path().to_str().expect("temporary folders have plain names")];
    let server = Server::start_on(port, &flags, &[]);
    let mut host = Room::open(&server, "Ann", None);
    let code = host.code();
    server.kill();
    let server = Server::start_on(port, &flags, &[]);
    within(2 * SOON, "the room is there again", || (server.health()["participants"] == 1).then_some(()));
    let mut guest = Guest::connect(&server, Way::WebSocket);
    let joined = guest.join(&code, "Bea", &json!({}));
    let people = joined["room"]["participants"].as_array().expect("a room has people");
    let ann = people.iter().find(|person| person["name"] == "Ann").expect("she is back");
    assert_eq!((&joined["room"]["host"], &ann["role"]), (&ann["id"], &json!("host")), "{joined}");
    host.types("still me");
    assert_eq!(guest.wait_for("chat-message", |_| true)["sender"], "Ann");
}
