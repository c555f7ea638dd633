//! Clients of others, unchanged, in rooms of ours: the official JavaScript client, Python's, and npm's tracker client; and the page for
//! phones, in a browser without a screen.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tests::process::Program;
use tests::signal::Server;
use tests::stock_tracker;

/// A script's whole scenario is a second or two.
const SCENARIO: Duration = Duration::from_secs(40);

#[test]
fn the_official_client_over_websocket() {
    javascript("websocket");
}

#[test]
fn the_official_client_over_polling() {
    javascript("polling");
}

#[test]
fn the_official_client_from_polling_to_websocket() {
    javascript("polling,websocket");
}

#[test]
fn pythons_client_over_each_transport() {
    let server = Server::start(&[]);
    let python = std::env::var("SHARESTREAM_PYTHON").expect("./test says where Python's packages are");
    for transports in ["websocket", "polling", "polling,websocket"] {
        let script = script("python/rooms.py");
        passes(Command::new(&python).arg(script).args([&server.url(""), transports]), transports);
    }
    assert_eq!(server.metric("cut_malformed_total"), 0, "{}", server.log());
}

#[test]
fn npms_tracker_client_over_http_and_websocket() {
    let server = Server::start(&[]);
    let authority = format!("127.0.0.1:{}", server.port());
    let script = script("node/tracker_client.mjs");
    passes(
        Command::new("node").arg(script).arg(stock_tracker::installed("bittorrent-tracker")).arg(authority),
        "tracker",
    );
    assert!(server.metric("tracker_announces_total") >= 3);
    assert_eq!(server.metric("tracker_peers"), 1, "the WebSockets' peers left with them, the stopped one before");
}

#[test]
fn a_phone_moves_the_film_from_a_page_of_the_server() {
    // Pages of others may not, its own may.
    let server = Server::start(&["-cors", "https://elsewhere.example"]);
    let script = script("node/remote.mjs");
    let folder = stock_tracker::installed("jsdom");
    passes(Command::new("node").arg(script).arg(folder).arg(server.url("")), "remote");
    assert_eq!(server.metric("cut_malformed_total"), 0, "{}", server.log());
}

fn javascript(transports: &str) {
    let server = Server::start(&[]);
    let mut command = Command::new("node");
    command.arg(script("node/rooms.mjs")).arg(stock_tracker::installed("socket.io-client"));
    passes(command.args([&server.url(""), transports]), transports);
    assert_eq!(server.metric("cut_malformed_total"), 0, "{}", server.log());
}

fn passes(command: &mut Command, what: &str) {
    let mut program = Program::start(command);
    let status = program.wait(SCENARIO);
    let said = program.stderr.text();
    assert!(status.is_some_and(|status| status.success()), "{what}: {status:?}\n{said}");
}

fn script(name: &str) -> PathBuf {
    tests::built::package_dir().join(name)
}
