//! A signalling server that ends, as it should or by accident, and rooms that go on with the next one.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::guest::{Guest, WAYS, Way, joining, open_polling, packets};
use tests::http::{self, Connection};
use tests::scratch;
use tests::signal::Server;

const MAGNET: &str = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";

/// A drained server has ended after this.
const DRAINED: Duration = Duration::from_secs(5);

fn flags(folder: &Path) -> [&str; 4] {
    ["-limits", "off", "-state-dir", folder.to_str().expect("temporary folders have plain names")]
}

/// What a client remembers of a room: at this place of this film, playing, as of `order`.
fn snapshot(order: (u64, u64), position: f64) -> Value {
    json!({
        "epoch": order.0, "seq": order.1, "playing": true, "position": position, "age": 0, "magnet": MAGNET,
        "movie": { "name": "A film", "duration": 7200 },
    })
}

fn back(joined: &Value, snapshot: &Value) -> Value {
    json!({ "sessionToken": joined["sessionToken"], "snapshot": snapshot })
}

#[test]
fn sigterm_tells_every_room_and_ends_well_within_five_seconds() {
    let mut server = Server::start(&["-limits", "off"]);
    let mut guests: Vec<Guest> = Vec::new();
    for way in WAYS {
        let mut host = Guest::connect(&server, way);
        let code = host.create("Ann", &json!({}))["room"]["code"].clone();
        let mut viewer = Guest::connect(&server, way);
        viewer.join(code.as_str().expect("a code"), "Bea", &json!({}));
        guests.extend([host, viewer]);
    }
    // Neither connections that say nothing nor half a request may hold it up.
    let silent = TcpStream::connect(("127.0.0.1", server.port())).expect("it accepts");
    let mut half = TcpStream::connect(("127.0.0.1", server.port())).expect("it accepts");
    std::io::Write::write_all(&mut half, b"GET /health HTTP/1.1\r\nHost:").expect("it reads");
    let begun = Instant::now();
    server.terminate();
    for guest in &mut guests {
        let told = guest.wait_for("server-restarting", |_| true);
        assert!(told["retryAfter"].as_u64().is_some_and(|seconds| seconds > 0), "{told}");
        guest.wait_end();
    }
    let status = server.wait_exit(DRAINED);
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(begun.elapsed() < DRAINED, "{:?}", begun.elapsed());
    drop((silent, half));
}

#[test]
fn who_polls_hears_why_it_was_ended_also_between_two_polls() {
    let mut server = Server::start(&["-limits", "off"]);
    let mut ann = Guest::connect(&server, Way::WebSocket);
    let code = ann.create("Ann", &json!({}))["room"]["code"].clone();
    let url = server.url("/socket.io/");
    // Two that have joined and have not polled since.
    let mut pollers = ["Bea", "Cem"].map(|name| {
        let mut connection = Connection::open(&url);
        let (sid, _) = open_polling(&mut connection, &url);
        let polling = format!("{url}?EIO=4&transport=polling&sid={sid}");
        let join = joining(code.as_str().expect("a code"), name, &json!({}));
        let body = format!("40\x1e42{}", json!(["join-room", join]));
        assert_eq!(http::post(&polling, body.as_bytes()).head.status, 200);
        ann.wait_for("participant-joined", |told| told["name"] == name);
        (connection, polling)
    });
    let mut last_words = |number: usize| {
        let (connection, polling) = &mut pollers[number];
        connection.send("GET", polling, &[]);
        packets(&connection.receive("GET").body)
    };
    ann.ask("kick", &json!({ "id": "bea" }));
    let heard = last_words(0);
    assert!(heard.iter().any(|packet| packet.starts_with(r#"42["error","#) && packet.contains("S007")), "{heard:?}");
    assert_eq!(heard.last().map(String::as_str), Some("1"));
    server.terminate();
    ann.wait_for("server-restarting", |_| true);
    let heard = last_words(1);
    assert!(heard.iter().any(|packet| packet.starts_with(r#"42["server-restarting","#)), "{heard:?}");
    assert_eq!(heard.last().map(String::as_str), Some("1"));
    assert!(server.wait_exit(DRAINED).success());
}

#[test]
fn after_sigkill_a_room_forms_again_under_its_code_from_what_its_people_remember() {
    let folder = scratch();
    let server = Server::start(&flags(folder.path()));
    let port = server.port();
    let mut ann = Guest::connect(&server, Way::WebSocket);
    let made = ann.create("Ann", &json!({ "requestedCode": "Film-Night" }));
    let mut bea = Guest::connect(&server, Way::Polling);
    let joined = bea.join("filmnight", "Bea", &json!({}));
    server.kill();
    ann.wait_end();
    bea.wait_end();

    let server = Server::start_on(port, &flags(folder.path()), &[]);
    let mut stranger = Guest::connect(&server, Way::WebSocket);
    let asked = joining("FILMNIGHT", "Cem", &json!({ "snapshot": snapshot((1, 99), 0.0) }));
    assert_eq!(stranger.refused("join-room", &asked), "S002", "a memory without a token is nobody's");
    // The viewer is there first, and remembers less than the host.
    let mut bea = Guest::connect(&server, Way::Polling);
    let again = bea.join("FILMNIGHT", "Bea", &back(&joined, &snapshot((1, 3), 40.0)));
    assert_eq!((&again["room"]["code"], &again["room"]["role"]), (&json!("FILMNIGHT"), &json!("viewer")));
    assert_eq!(bea.wait_for("torrent-magnet", |_| true)["magnetURI"], MAGNET);
    let mut ann = Guest::connect(&server, Way::WebSocket);
    let again = ann.join("FILMNIGHT", "Ann", &back(&made, &snapshot((1, 5), 600.0)));
    assert_eq!((&again["participantId"], &again["room"]["role"]), (&json!("ann"), &json!("host")));
    assert_eq!(again["swarm"], made["swarm"], "the engines' swarm is the same");
    let playback = ann.wait_for("playback-snapshot", |_| true)["playback"].clone();
    let time = playback["time"].as_f64().expect("a place");
    assert!((600.0..660.0).contains(&time), "the later memory stands: {playback}");
    assert_eq!((&playback["epoch"], &playback["type"]), (&json!(1), &json!("play")));
    stranger.join("FILMNIGHT", "Cem", &json!({}));
    assert_eq!(stranger.wait_for("movie-loaded", |_| true)["duration"], 7200.0);
    // The room's own state beats a memory from then on.
    let paused = ann.ask("sync-pause", &json!({ "time": 700, "actionId": "p" }));
    assert!(paused["seq"].as_u64() > Some(5), "{paused}");
    bea.vanish();
    let mut bea = Guest::connect(&server, Way::Upgrade);
    bea.join("FILMNIGHT", "Bea", &back(&joined, &snapshot((1, 4), 40.0)));
    let playback = bea.wait_for("playback-snapshot", |_| true)["playback"].clone();
    assert_eq!((&playback["time"], &playback["type"]), (&json!(700.0), &json!("pause")));
}

#[test]
fn without_the_key_a_token_is_nobodys_and_the_host_makes_the_room_anew() {
    let server = Server::start(&["-limits", "off"]);
    let port = server.port();
    let mut ann = Guest::connect(&server, Way::WebSocket);
    let made = ann.create("Ann", &json!({}));
    let code = made["room"]["code"].as_str().expect("a code");
    server.kill();
    let server = Server::start_on(port, &["-limits", "off"], &[]);
    let mut ann = Guest::connect(&server, Way::WebSocket);
    let asked = joining(code, "Ann", &back(&made, &snapshot((1, 5), 600.0)));
    assert_eq!(ann.refused("join-room", &asked), "S002");
    assert_eq!(ann.create("Ann", &json!({ "requestedCode": code }))["room"]["code"], code);
}

#[test]
fn a_drained_server_keeps_its_key_for_the_next_one_as_a_secret_does() {
    let folder = scratch();
    let secret = [("SECRET", "of the test")];
    let kept = flags(folder.path());
    for (flags, environment) in [(kept.as_slice(), [].as_slice()), (&["-limits", "off"], &secret)] {
        let mut server = Server::start_with(flags, environment);
        let mut ann = Guest::connect(&server, Way::WebSocket);
        let made = ann.create("Ann", &json!({}));
        let code = made["room"]["code"].as_str().expect("a code");
        server.terminate();
        assert!(server.wait_exit(DRAINED).success());
        let server = Server::start_with(flags, environment);
        let mut ann = Guest::connect(&server, Way::WebSocket);
        let again = ann.join(code, "Ann", &back(&made, &snapshot((1, 5), 600.0)));
        assert_eq!(again["room"]["role"], "host");
        assert!(!server.log().contains("of the test"), "no secret in a log");
    }
}
