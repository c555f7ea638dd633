//! What Engine.IO 4 and Socket.IO 5 ask of a server, in the order of their own test suites, against the echo servers of
//! `signal/examples/protocol_fixture.rs`: pings every 300 ms, 200 ms for the answer, 1 s for CONNECT.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::guest::packets;
use tests::http::{self, Connection, Response};
use tests::signal::Fixture;
use tests::websocket::{Heard, WebSocket};
use tests::{SOON, within};

const PING_EVERY: Duration = Duration::from_millis(300);
const PING_PATIENCE: Duration = Duration::from_millis(200);
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

const ENGINE: &str = "/engine.io/?EIO=4&transport=";
const SOCKET: &str = "/socket.io/?EIO=4&transport=";

/// A session that polls.
struct Polling {
    url: String,
}

impl Polling {
    fn open(fixture: &Fixture, path: &str) -> Self {
        let url = fixture.url(&format!("{path}polling"));
        let answer = http::get(&url);
        assert_eq!(answer.head.status, 200);
        Self { url: format!("{url}&sid={}", sid(&text(&answer))) }
    }

    fn post(&self, body: &str) -> Response {
        http::post(&self.url, body.as_bytes())
    }

    fn say(&self, body: &str) {
        let answer = self.post(body);
        assert_eq!((answer.head.status, text(&answer).as_str()), (200, "ok"), "{body}");
    }

    /// What the next GET brings. Pings are answered, and not shown.
    fn hear(&self) -> Vec<String> {
        loop {
            let answer = http::get(&self.url);
            assert_eq!(answer.head.status, 200, "{}", text(&answer));
            let mut heard = packets(&answer.body);
            if heard.iter().any(|packet| packet == "2") {
                self.say("3");
                heard.retain(|packet| packet != "2");
            }
            if !heard.is_empty() {
                return heard;
            }
        }
    }

    fn is_over(&self) -> bool {
        http::get(&self.url).head.status == 400
    }
}

/// A WebSocket whose handshake is done.
fn socket(fixture: &Fixture, path: &str) -> WebSocket {
    let mut socket = WebSocket::open(&fixture.url(&format!("{path}websocket")));
    sid(&socket.text());
    socket
}

/// What comes next. Pings are answered, and not shown.
fn hear(socket: &mut WebSocket) -> Heard {
    loop {
        match socket.hear(SOON) {
            Heard::Text(text) if text == "2" => socket.say("3"),
            other => return other,
        }
    }
}

fn said(packet: &str) -> Heard {
    Heard::Text(packet.to_owned())
}

/// The session's id, of a handshake that is as it must be.
fn sid(open: &str) -> String {
    let handshake: Value = serde_json::from_str(open.strip_prefix('0').expect("a handshake")).expect("of JSON");
    let fields = ["pingInterval", "pingTimeout", "maxPayload"].map(|field| handshake[field].as_u64());
    assert_eq!(fields, [Some(300), Some(200), Some(1_000_000)], "{handshake}");
    handshake["sid"].as_str().expect("with an id").to_owned()
}

fn text(answer: &Response) -> String {
    String::from_utf8(answer.body.clone()).expect("an answer is text")
}

#[test]
fn a_handshake_names_what_may_be_changed_to_and_refuses_what_it_does_not_know() {
    let fixture = Fixture::start();
    let answer = http::get(&fixture.url("/engine.io/?EIO=4&transport=polling"));
    assert!(text(&answer).contains(r#""upgrades":["websocket"]"#), "{}", text(&answer));
    assert!(answer.head.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let mut socket = WebSocket::open(&fixture.url("/engine.io/?transport=websocket&t=x&EIO=4"));
    let open = socket.text();
    assert!(open.contains(r#""upgrades":[]"#), "{open}");
    let refused = [
        ("", 0),
        ("EIO=4", 0),
        ("EIO=4&transport=abc", 0),
        ("EIO=4&transport=polling&sid=unknown", 1),
        ("transport=polling", 5),
        ("EIO=abc&transport=polling", 5),
        ("EIO=3&transport=polling", 5),
    ];
    for (query, code) in refused {
        let answer = http::get(&fixture.url(&format!("/engine.io/?{query}")));
        let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.head.status, &said["code"]), (400, &json!(code)), "{query}: {said}");
        assert!(said["message"].is_string(), "{query}");
        let url = fixture.url(&format!("/engine.io/?{}", query.replace("polling", "websocket")));
        let refused = WebSocket::try_open(&url, &[]).map(drop);
        assert_eq!(refused.map_err(|answer| answer.head.status), Err(400), "{query}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer =
            http::request(method, &fixture.url("/engine.io/?EIO=4&transport=polling"), &[("Content-Length", "0")]);
        assert_eq!((answer.head.status, text(&answer).contains(r#""code":2"#)), (400, true), "{method}");
    }
}

#[test]
fn pings_are_answered_or_the_connection_ends() {
    let fixture = Fixture::start();
    let begun = Instant::now();
    let mut awake = socket(&fixture, ENGINE);
    let mut asleep = socket(&fixture, ENGINE);
    for count in 1..=3 {
        assert_eq!(awake.hear(SOON), said("2"));
        awake.say("3");
        assert!(begun.elapsed() >= PING_EVERY * count, "one every 300 ms");
    }
    assert_eq!(asleep.hear(SOON), said("2"));
    asleep.closed();
    assert!(begun.elapsed() >= PING_EVERY + PING_PATIENCE);
    awake.say("4still");
    assert_eq!(hear(&mut awake), said("4still"));

    let begun = Instant::now();
    let awake = Polling::open(&fixture, ENGINE);
    for count in 1..=2 {
        assert_eq!(text(&http::get(&awake.url)), "2");
        awake.say("3");
        assert!(begun.elapsed() >= PING_EVERY * count, "one every 300 ms");
    }
    let begun = Instant::now();
    let asleep = Polling::open(&fixture, ENGINE);
    assert_eq!(text(&http::get(&asleep.url)), "2");
    within(SOON, "the session that answers no ping is over", || asleep.is_over().then_some(()));
    assert!(begun.elapsed() >= PING_EVERY + PING_PATIENCE);
}

#[test]
fn who_closes_is_gone() {
    let fixture = Fixture::start();
    let polling = Polling::open(&fixture, ENGINE);
    let mut waiting = Connection::open(&polling.url);
    waiting.send("GET", &polling.url, &[]);
    // The GET that waits is let go with a noop; should it come after the close, there is nothing to wait for any more.
    polling.say("1");
    let answer = waiting.receive("GET");
    assert!(answer.head.status == 400 || text(&answer) == "6", "{}: {}", answer.head.status, text(&answer));
    assert!(polling.is_over());
    let mut closed = socket(&fixture, ENGINE);
    closed.say("1");
    closed.closed();
}

#[test]
fn messages_come_back_over_polling_however_they_are_packed() {
    let fixture = Fixture::start();
    let polling = Polling::open(&fixture, ENGINE);
    polling.say("4hello");
    assert_eq!(polling.hear(), ["4hello"]);
    polling.say("4test1\x1e4test2\x1e4test3");
    assert_eq!(polling.hear(), ["4test1", "4test2", "4test3"]);
    polling.say("4h\u{20ac}llo\x1ebAQIDBA==\x1e4");
    assert_eq!(polling.hear(), ["4h\u{20ac}llo", "bAQIDBA==", "4"]);
    // A GET that waits gets what comes.
    let mut waiting = Connection::open(&polling.url);
    waiting.send("GET", &polling.url, &[]);
    polling.say("4later");
    let answer = waiting.receive("GET");
    let heard = if text(&answer) == "2" { polling.hear().concat() } else { text(&answer) };
    assert_eq!(heard, "4later");
    for body in ["abc", "", "4a\x1e", "b%%%", "0{}", "5"] {
        let polling = Polling::open(&fixture, ENGINE);
        let status = polling.post(body).head.status;
        // A packet that has a form and no place here is read before its session ends.
        assert_eq!(status, if body.starts_with(['0', '5']) { 200 } else { 400 }, "{body:?}");
        assert!(polling.is_over(), "{body:?}");
    }
}

#[test]
fn two_requests_of_a_kind_at_once_end_the_session() {
    let fixture = Fixture::start();
    let polling = Polling::open(&fixture, ENGINE);
    let mut gets = [Connection::open(&polling.url), Connection::open(&polling.url)];
    gets.iter_mut().for_each(|get| get.send("GET", &polling.url, &[]));
    let mut statuses = gets.map(|mut get| get.receive("GET").head.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "the first is let go, the second refused");
    assert!(polling.is_over());

    let polling = Polling::open(&fixture, ENGINE);
    let mut first = Connection::open(&polling.url);
    // Its body begins, so it is under way when the second comes.
    first.send_body("POST", &polling.url, &[("Content-Length", "7")], b"4hel");
    let second = within(SOON, "the second POST is refused", || {
        let answer = polling.post("4second");
        (answer.head.status == 400).then_some(answer)
    });
    assert!(text(&second).contains(r#""code":3"#), "while there was a session: {}", text(&second));
    first.send_raw(b"lo!");
    assert_eq!(first.receive("POST").head.status, 400);
    assert!(polling.is_over());
}

#[test]
fn messages_come_back_over_a_websocket_text_and_bytes() {
    let fixture = Fixture::start();
    let mut echo = socket(&fixture, ENGINE);
    for text in ["4hello", "4h\u{20ac}llo", "4"] {
        echo.say(text);
        assert_eq!(hear(&mut echo), said(text));
    }
    let large = format!("4{}", "x".repeat(999_999));
    echo.say(&large);
    assert_eq!(hear(&mut echo), said(&large), "as long as maxPayload allows");
    for bytes in [[1, 2, 3, 4].as_slice(), &[], &[0xff; 70_000]] {
        echo.say_bytes(bytes);
        assert_eq!(hear(&mut echo), Heard::Binary(bytes.to_vec()));
    }
    // Protocol 4: the server pings; a client that does as well is not answered, and not ended.
    echo.say("2");
    echo.say("4after");
    assert_eq!(hear(&mut echo), said("4after"));
    for packet in ["abc", "", "0{}"] {
        let mut broken = socket(&fixture, ENGINE);
        broken.say(packet);
        broken.closed();
    }
}

#[test]
fn a_session_moves_to_a_websocket_and_loses_nothing() {
    let fixture = Fixture::start();
    let polling = Polling::open(&fixture, ENGINE);
    let to_socket = polling.url.replace("transport=polling", "transport=websocket");
    let mut waiting = Connection::open(&polling.url);
    waiting.send("GET", &polling.url, &[]);
    let mut moved = WebSocket::open(&to_socket);
    moved.say("2probe");
    assert_eq!(moved.text(), "3probe");
    // The GET that waits is let go, so that the client can say that it moves.
    let released = text(&waiting.receive("GET"));
    assert!(released == "6" || released == "2", "{released}");
    polling.say("4before");
    if released == "2" {
        polling.say("3");
    }
    let second = WebSocket::try_open(&to_socket, &[]).map(drop);
    assert_eq!(second.map_err(|answer| answer.head.status), Err(400), "one is enough");
    moved.say("5");
    assert_eq!(hear(&mut moved), said("4before"));
    moved.say("4hello");
    assert_eq!(hear(&mut moved), said("4hello"));
    assert!(polling.is_over(), "a GET of a session that moved");
    assert_eq!(polling.post("4late").head.status, 400);
    let third = WebSocket::try_open(&to_socket, &[]).map(drop);
    assert_eq!(third.map_err(|answer| answer.head.status), Err(400), "it has one");
    moved.say("4and");
    assert_eq!(hear(&mut moved), said("4and"), "none of that disturbed it");

    let polling = Polling::open(&fixture, ENGINE);
    let mut failed = WebSocket::open(&polling.url.replace("transport=polling", "transport=websocket"));
    failed.say("4too early");
    failed.closed();
    polling.say("4hello");
    assert_eq!(polling.hear(), ["4hello"], "a WebSocket that fails costs nothing");
}

#[test]
fn namespaces_are_granted_with_what_the_client_says_of_itself() {
    let fixture = Fixture::start();
    let granted = |heard: Heard, namespace: &str| {
        let Heard::Text(text) = heard else { panic!("{heard:?}") };
        let data = text.strip_prefix(&format!("40{namespace}")).unwrap_or_else(|| panic!("{text}"));
        let data: Value = serde_json::from_str(data).expect("an object");
        assert!(data["sid"].is_string() && data.as_object().map(serde_json::Map::len) == Some(1), "{data}");
    };
    for (said_on, auth) in [("", "{}"), (r#"{"token":"123"}"#, r#"{"token":"123"}"#)] {
        let mut main = socket(&fixture, SOCKET);
        main.say(&format!("40{said_on}"));
        granted(hear(&mut main), "");
        assert_eq!(hear(&mut main), said(&format!(r#"42["auth",{auth}]"#)));
        main.say(&format!("40/custom,{said_on}"));
        granted(hear(&mut main), "/custom,");
        assert_eq!(hear(&mut main), said(&format!(r#"42/custom,["auth",{auth}]"#)));
        main.say("40/random");
        assert_eq!(hear(&mut main), said(r#"44/random,{"message":"Invalid namespace"}"#));
    }
    let mut other = socket(&fixture, SOCKET);
    other.say("40/custom");
    granted(hear(&mut other), "/custom,");
    let begun = Instant::now();
    let mut silent = socket(&fixture, SOCKET);
    assert_eq!(hear(&mut silent), said("1"));
    silent.closed();
    assert!(begun.elapsed() >= CONNECT_PATIENCE, "a second for CONNECT");
    for packet in ["4abc", "4", r#"42["message"]"#, r#"42/custom,["message"]"#] {
        let mut broken = socket(&fixture, SOCKET);
        broken.say(packet);
        broken.closed();
    }
}

/// In the main namespace.
fn connected(fixture: &Fixture) -> WebSocket {
    let mut main = socket(fixture, SOCKET);
    main.say("40");
    assert!(matches!(hear(&mut main), Heard::Text(text) if text.starts_with("40{")));
    assert_eq!(hear(&mut main), said(r#"42["auth",{}]"#));
    main
}

#[test]
fn who_leaves_one_namespace_stays_in_the_other() {
    let fixture = Fixture::start();
    let mut both = connected(&fixture);
    both.say("40/custom,");
    assert!(matches!(hear(&mut both), Heard::Text(text) if text.starts_with("40/custom,")));
    assert_eq!(hear(&mut both), said(r#"42/custom,["auth",{}]"#));
    both.say("41/custom,");
    both.say(r#"42["message","message to main namespace"]"#);
    assert_eq!(hear(&mut both), said(r#"42["message-back","message to main namespace"]"#));
    both.say("40/custom,");
    assert!(matches!(hear(&mut both), Heard::Text(text) if text.starts_with("40/custom,")), "and may come back");
    assert_eq!(hear(&mut both), said(r#"42/custom,["auth",{}]"#));
    both.say("41");
    both.say(r#"42/custom,["message",1]"#);
    assert_eq!(hear(&mut both), said(r#"42/custom,["message-back",1]"#));
    both.say(r#"42["message",1]"#);
    both.closed();
}

#[test]
fn events_and_acknowledgements_carry_json_and_bytes_as_they_are() {
    let fixture = Fixture::start();
    let mut echo = connected(&fixture);
    echo.say(r#"42["message",1,"2",{"3":[true]}]"#);
    assert_eq!(hear(&mut echo), said(r#"42["message-back",1,"2",{"3":[true]}]"#));
    echo.say(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#);
    assert_eq!(hear(&mut echo), said(r#"43456[1,"2",{"3":[false]}]"#));
    let (one, two) = (r#"{"_placeholder":true,"num":0}"#, r#"{"_placeholder":true,"num":1}"#);
    let (first, second) = ([1, 2, 3].as_slice(), [4, 5, 6].as_slice());
    let exchanges = [
        (format!(r#"452-["message",{one},{two}]"#), format!(r#"452-["message-back",{one},{two}]"#)),
        (format!(r#"452-789["message-with-ack",{one},{two}]"#), format!("462-789[{one},{two}]")),
    ];
    for (asked, answered) in exchanges {
        echo.say(&asked);
        echo.say_bytes(first);
        echo.say_bytes(second);
        let Heard::Text(text) = hear(&mut echo) else { panic!("a text first") };
        let fields = |text: &str| {
            let (head, list) = text.split_at(text.find('[').expect("a list"));
            (head.to_owned(), serde_json::from_str::<Value>(list).expect("of JSON"))
        };
        assert_eq!(fields(&text), fields(&answered));
        assert_eq!(hear(&mut echo), Heard::Binary(first.to_vec()));
        assert_eq!(hear(&mut echo), Heard::Binary(second.to_vec()));
    }
    for packet in
        ["42{}", "42abc", "42[]", "421\"message\"", r#"45["message"]"#, "45abc", r#"450-{}"#, r#"42["connect"]"#]
    {
        let mut broken = connected(&fixture);
        broken.say(packet);
        broken.closed();
    }
    // The same over polling, where bytes travel as base64 of their own packet.
    let polling = Polling::open(&fixture, SOCKET);
    polling.say("40");
    let mut heard = polling.hear();
    polling.say(&format!("451-[\"message\",{one}]\x1ebAQID"));
    while heard.len() < 4 {
        heard.extend(polling.hear());
    }
    assert_eq!(heard[3], "bAQID");
    assert!(heard[2].starts_with(r#"451-["message-back","#), "{heard:?}");
}
