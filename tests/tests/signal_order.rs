//! The signalling server's promise of order: what one sender says arrives everywhere as it was said, all of it, and nobody waits
//! for who does not read.

use serde_json::json;
use tests::guest::{Guest, WAYS, Way, entrance, joining, open_polling};
use tests::http::{self, Connection};
use tests::signal::Server;
use tests::websocket::{Heard, WebSocket};
use tests::{SOON, within};

const UNLIMITED: [&str; 2] = ["-limits", "off"];

/// Events of one sender. All of them together are less than the 1 MiB that may wait for one reader: nobody is slow here.
const EVENTS: usize = 5000;

fn host(server: &Server, way: Way) -> (Guest, String) {
    let mut ann = Guest::connect(server, way);
    let made = ann.create("Ann", &json!({}));
    (ann, made["room"]["code"].as_str().expect("a code").to_owned())
}

fn chat(text: &str) -> String {
    format!("42{}", json!(["chat-message", { "text": text }]))
}

/// What somebody has heard said since, in order; all of it, up to `last`.
fn said_until(guest: &mut Guest, last: &str) -> Vec<String> {
    let told = guest.wait_for("chat-message", |told| told["text"] == last);
    let before = guest.rest();
    let texts = before.into_iter().filter(|event| event.name == "chat-message").map(|event| event.payload);
    texts.chain([told]).map(|told| told["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn five_thousand_events_reach_nine_readers_by_every_transport_in_their_order() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server, Way::WebSocket);
    let mut readers: Vec<Guest> = (0..9)
        .map(|number| {
            let mut reader = Guest::connect(&server, WAYS[number % WAYS.len()]);
            reader.join(&code, &format!("Reader{number}"), &json!({}));
            reader
        })
        .collect();
    for number in 0..EVENTS {
        ann.send(&chat(&number.to_string()));
    }
    let expected: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    let last = expected.last().expect("there are some");
    for reader in readers.iter_mut().chain([&mut ann]) {
        assert_eq!(said_until(reader, last), expected);
    }
}

#[test]
fn who_speaks_by_polling_is_heard_in_order_too() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server, Way::Polling);
    let mut bea = Guest::connect(&server, Way::WebSocket);
    bea.join(&code, "Bea", &json!({}));
    let expected: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    for some in expected.chunks(500) {
        let packets: Vec<String> = some.iter().map(|text| chat(text)).collect();
        ann.send(&packets.join("\x1e"));
    }
    assert_eq!(said_until(&mut bea, &expected[EVENTS - 1]), expected);
}

#[test]
fn what_is_said_while_the_transport_changes_arrives_once_and_in_order() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server, Way::WebSocket);
    let url = server.url("/socket.io/");
    let mut gets = Connection::open(&url);
    let (sid, _) = open_polling(&mut gets, &url);
    let polling = format!("{url}?EIO=4&transport=polling&sid={sid}");
    let join = format!("42{}", json!(["join-room", joining(&code, "Bea", &json!({}))]));
    assert_eq!(http::post(&polling, format!("40\x1e{join}").as_bytes()).head.status, 200);
    ann.wait_for("participant-joined", |_| true);

    let mut heard = String::new();
    let mut next = 0;
    let mut speak = |count: usize| {
        for _ in 0..count {
            ann.send(&chat(&next.to_string()));
            next += 1;
        }
        // They are all with the server.
        ann.settle();
    };
    let mut poll = |heard: &mut String| {
        gets.send("GET", &polling, &[]);
        *heard += &String::from_utf8(gets.receive("GET").body).expect("a body is UTF-8");
    };
    speak(3);
    poll(&mut heard);
    let mut socket = WebSocket::open(&format!("{url}?EIO=4&transport=websocket&sid={sid}"));
    speak(3);
    socket.say("2probe");
    assert_eq!(socket.text(), "3probe");
    speak(3);
    // A poll after the probe is ended by a noop, or brings what waited before it.
    poll(&mut heard);
    speak(3);
    socket.say("5");
    speak(3);
    while !heard.contains(r#""text":"14""#) {
        heard += &socket.text();
    }
    let texts: Vec<usize> = heard
        .match_indices(r#""text":""#)
        .map(|(at, found)| {
            let rest = &heard[at + found.len()..];
            rest[..rest.find('"').expect("a text ends")].parse().expect("a number")
        })
        .collect();
    assert_eq!(texts, (0..15).collect::<Vec<_>>());
}

#[test]
fn what_follows_connect_at_once_is_not_lost() {
    let server = Server::start(&UNLIMITED);
    let create = format!("42{}", json!(["create-room", entrance("Ann", &json!({ "requestedCode": "AT-ONCE" }))]));
    // In one write, so that the server has it all before it answers anything.
    let mut socket = WebSocket::open(&server.url("/socket.io/?EIO=4&transport=websocket"));
    let frames: Vec<u8> = ["40", &create, &chat("first")]
        .iter()
        .flat_map(|packet| tests::websocket::frame(tests::websocket::opcode::TEXT, true, packet.as_bytes()))
        .collect();
    socket.send_raw(&frames).expect("the server reads");
    for expected in ["0{", "40{", r#"42["room-created","#, r#"42["chat-message","#] {
        let said = socket.text();
        assert!(said.starts_with(expected), "{expected}: {said}");
    }
    let url = server.url("/socket.io/");
    let mut gets = Connection::open(&url);
    let (sid, _) = open_polling(&mut gets, &url);
    let polling = format!("{url}?EIO=4&transport=polling&sid={sid}");
    let join = format!("42{}", json!(["join-room", joining("atonce", "Bea", &json!({}))]));
    assert_eq!(http::post(&polling, format!("40\x1e{join}\x1e{}", chat("second")).as_bytes()).head.status, 200);
    within(SOON, "the room hears who came by polling", || {
        let Heard::Text(said) = socket.hear(SOON) else { panic!("the connection ended") };
        (said.starts_with(r#"42["chat-message","#) && said.contains("second")).then_some(())
    });
}

#[test]
fn who_does_not_read_is_cut_and_nobody_waits_for_them() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server, Way::WebSocket);
    let mut bea = Guest::connect(&server, Way::Polling);
    bea.join(&code, "Bea", &json!({}));
    // One reads nothing of its WebSocket, one never polls.
    let mut deaf = WebSocket::open(&server.url("/socket.io/?EIO=4&transport=websocket"));
    let join = |name: &str| format!("42{}", json!(["join-room", joining(&code, name, &json!({}))]));
    deaf.say("40");
    deaf.say(&join("Deaf"));
    let url = server.url("/socket.io/");
    let mut gets = Connection::open(&url);
    let (sid, _) = open_polling(&mut gets, &url);
    let polling = format!("{url}?EIO=4&transport=polling&sid={sid}");
    assert_eq!(http::post(&polling, format!("40\x1e{}", join("Lazy")).as_bytes()).head.status, 200);
    for name in ["deaf", "lazy"] {
        ann.wait_for("participant-joined", |told| told["id"] == name);
    }
    // Large, and to those two alone, until they are cut; small ones to all between. What the system's buffers hold comes first.
    let mut said = Vec::new();
    let is_away = |ann: &Guest, name: &str| {
        ann.heard("participant-updated").any(|told| told["id"] == name && told["away"] == true)
    };
    let body = json!({ "sdp": "x".repeat(30_000) });
    for number in 0..2000 {
        let cut: Vec<bool> = ["deaf", "lazy"].iter().map(|name| is_away(&ann, name)).collect();
        if cut == [true, true] {
            break;
        }
        for (name, is_cut) in ["deaf", "lazy"].iter().zip(cut) {
            if !is_cut {
                ann.emit("offer", &json!({ "to": name, "offer": body }));
            }
        }
        said.push(number.to_string());
        ann.send(&chat(&number.to_string()));
        ann.settle();
    }
    assert!(is_away(&ann, "deaf") && is_away(&ann, "lazy"), "after {} MB", said.len() * 30 / 1000);
    assert_eq!(server.metric("cut_slow_total"), 2);
    let last = said.last().expect("something was said").clone();
    assert_eq!(said_until(&mut bea, &last), said);
    assert_eq!(said_until(&mut ann, &last), said);
    // What was on its way may still come; then the connection is over.
    assert_eq!(deaf.closed(), None, "cut, not closed: it would not read the goodbye either");
    assert_eq!(http::get(&polling).head.status, 400, "the session is no more");
}

#[test]
fn a_hundred_connections_come_and_go_and_leave_nothing_behind() {
    let server = Server::start(&["-limits", "off", "-away-grace", "0s", "-host-grace", "0s", "-room-idle", "0s"]);
    let mut guests: Vec<Guest> = Vec::new();
    for round in 0..100 {
        // Who polls is only missed by the ping they do not answer, in 45 s.
        let way = if round % 2 == 0 { Way::WebSocket } else { Way::Upgrade };
        guests.push(host(&server, way).0);
    }
    assert_eq!((server.health()["rooms"].as_u64(), server.metric("connections")), (Some(100), 100));
    guests.clear();
    within(SOON, "all rooms and connections are over", || {
        (server.health()["rooms"] == 0 && server.metric("connections") == 0).then_some(())
    });
}
