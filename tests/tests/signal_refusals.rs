//! What the signalling server refuses, with which code, and how much of something it takes.

use serde_json::{Value, json};
use tests::guest::{Guest, Way, entrance, joining};
use tests::signal::Server;

const UNLIMITED: [&str; 2] = ["-limits", "off"];

fn host(server: &Server) -> (Guest, String) {
    let mut ann = Guest::connect(server, Way::WebSocket);
    let made = ann.create("Ann", &json!({}));
    (ann, made["room"]["code"].as_str().expect("a code").to_owned())
}

/// Another guest in that room.
fn viewer(server: &Server, code: &str, name: &str) -> Guest {
    let mut guest = Guest::connect(server, Way::WebSocket);
    guest.join(code, name, &json!({}));
    guest
}

#[test]
fn the_door_says_why_not() {
    let server = Server::start(&["-limits", "off", "-max-room", "2"]);
    let mut ann = Guest::connect(&server, Way::WebSocket);
    for code in ["abc", "a_b_c_d", "ünïcödé", &"x".repeat(33)] {
        let asked = entrance("Ann", &json!({ "requestedCode": code }));
        assert_eq!(ann.refused("create-room", &asked), "S003", "{code:?}");
        assert_eq!(ann.wait_for("room-created", |_| true)["success"], false);
    }
    let made = ann.create("Ann", &json!({ "requestedCode": "Film-Night-0" }));
    assert_eq!(made["room"]["code"], "FILMNIGHT0", "what was asked for, upper case, without hyphens");
    let mut bea = Guest::connect(&server, Way::WebSocket);
    let taken = entrance("Bea", &json!({ "requestedCode": "film nightO" }));
    assert_eq!(bea.refused("create-room", &taken), "S004", "O and 0 are one");

    // Unknown and malformed codes are not told apart.
    let words: Vec<Value> = ["ABCD1234", "!", &"x".repeat(40)]
        .iter()
        .map(|code| {
            let answer = bea.ask("join-room", &joining(code, "Bea", &json!({})));
            bea.wait_for("room-joined", |_| true);
            answer
        })
        .collect();
    assert_eq!(words[0]["code"], "S002");
    assert!(words.iter().all(|answer| *answer == words[0]), "{words:?}");
    assert!(words[0]["message"].is_string() && words[0]["hint"].is_string() && words[0]["retryable"] == false);

    let old = joining("filmnight0", "Bea", &json!({ "capabilities": { "version": 0 } }));
    assert_eq!(bea.refused("join-room", &old), "S009");
    bea.join("f1lm-n1ghtO", "Bea", &json!({}));
    let mut cem = Guest::connect(&server, Way::Polling);
    assert_eq!(cem.refused("join-room", &joining("FILMNIGHT0", "Cem", &json!({}))), "S005");
}

#[test]
fn what_is_of_the_wrong_kind_or_too_long_is_refused_and_changes_nothing() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server);
    let mut bea = viewer(&server, &code, "Bea");
    bea.rest();
    let long = |len: usize| "x".repeat(len);
    let magnet = |len: usize| format!("magnet:?{}", "x".repeat(len - 8));
    let offer = |len: usize| json!({ "to": "bea", "offer": { "sdp": "x".repeat(len - 10) } });
    let refused = [
        ("sync-play", json!(null)),
        ("sync-play", json!([1])),
        ("sync-play", json!("now")),
        ("sync-play", json!({ "time": 1 })),
        ("sync-play", json!({ "time": "1", "actionId": "a" })),
        ("sync-play", json!({ "time": -1, "actionId": "a" })),
        ("sync-play", json!({ "time": 1e300, "actionId": "a" })),
        ("sync-play", json!({ "time": 1, "actionId": long(129) })),
        ("sync-play", json!({ "time": 1, "actionId": { "deep": [] } })),
        ("set-rate", json!({ "rate": 2.1, "actionId": "a" })),
        ("set-rate", json!({ "rate": 0.4, "actionId": "a" })),
        ("chat-message", json!({})),
        ("chat-message", json!({ "text": "" })),
        ("chat-message", json!({ "text": "\u{202e}\u{7}\n" })),
        ("chat-message", json!({ "text": long(2001) })),
        ("torrent-magnet", json!({ "magnetURI": "http://example.org/" })),
        ("torrent-magnet", json!({ "magnetURI": magnet(4097) })),
        ("movie-loaded", json!({ "name": "A film", "duration": "long" })),
        ("offer", offer(32 * 1024 + 1)),
        ("offer", json!({ "to": "bea", "offer": "v=0" })),
        ("set-control-mode", json!({ "mode": "nobody" })),
        ("set-role", json!({ "id": "bea", "role": "king" })),
        ("lock-room", json!({ "locked": 1 })),
        ("create-room", entrance("Ann", &json!({ "name": long(65) }))),
        ("create-room", entrance("Ann", &json!({ "participantId": long(121) }))),
        ("create-room", entrance("Ann", &json!({ "capabilities": { "x": long(512) } }))),
        ("join-room", joining(&code, "Ann", &json!({ "sessionToken": long(1025) }))),
        ("join-room", joining(&code, "Ann", &json!({ "snapshot": { "epoch": -1 } }))),
    ];
    for (name, payload) in &refused {
        assert_eq!(ann.refused(name, payload), "S013", "{name} {:.80}", payload.to_string());
    }
    assert_eq!(bea.rest(), []);
    for (name, payload) in [
        ("chat-message", json!({ "text": long(2000) })),
        ("torrent-magnet", json!({ "magnetURI": magnet(4096) })),
        ("offer", offer(32 * 1024)),
    ] {
        assert_ne!(ann.ask(name, &payload)["success"], false, "{name}");
        bea.wait_for(name, |_| true);
    }
    // What hides the direction of a text is taken out of it; what is unknown is nobody's business.
    ann.emit("chat-message", &json!({ "text": "a\u{202e}b\u{0}c" }));
    assert_eq!(bea.wait_for("chat-message", |_| true)["text"], "abc");
    ann.emit("of-a-later-version", &json!({ "deep": { "er": [1, 2, 3] } }));
    ann.emit("sync-play", &json!({ "event": "sync-play", "time": 1, "actionId": "a" }));
    bea.wait_for("sync-play", |told| told["actionId"] == "a");
}

#[test]
fn what_needs_a_room_or_somebody_in_it_says_so() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server);
    let mut bea = Guest::connect(&server, Way::WebSocket);
    for name in ["ready-for-connection", "leave-room", "get-ice-servers", "claim-host", "media-cleared"] {
        assert_eq!(bea.refused(name, &json!({})), "S008", "{name}");
    }
    bea.join(&code, "Bea", &json!({}));
    for (name, payload) in [
        ("kick", json!({ "id": "nobody" })),
        ("set-role", json!({ "id": "nobody", "role": "viewer" })),
        ("answer", json!({ "to": "nobody", "answer": {} })),
        ("start-webrtc", json!({ "peerId": "nobody", "initiator": true })),
    ] {
        assert_eq!(ann.refused(name, &payload), "S014", "{name}");
    }
    assert_eq!(ann.refused("kick", &json!({ "id": "ann" })), "S008", "nobody removes themselves");
}

#[test]
fn the_ninth_in_a_call_is_told_that_it_is_full() {
    let server = Server::start(&UNLIMITED);
    let (mut ann, code) = host(&server);
    let mut others: Vec<Guest> = (0..8).map(|number| viewer(&server, &code, &format!("Guest{number}"))).collect();
    ann.ask("ready-for-connection", &json!({}));
    let mut last = others.pop().expect("eight");
    for guest in &mut others {
        assert_ne!(guest.ask("ready-for-connection", &json!({}))["success"], false);
    }
    assert_eq!(last.refused("ready-for-connection", &json!({})), "S015");
    ann.emit("leave-call", &json!({}));
    last.wait_for("peer-left", |told| told["id"] == "ann");
    assert_ne!(last.ask("ready-for-connection", &json!({}))["success"], false, "somebody left");
}

#[test]
fn too_much_at_once_is_refused_aloud_and_taken_again_later() {
    let server = Server::start(&[]);
    let (mut ann, code) = host(&server);
    let mut bea = viewer(&server, &code, "Bea");
    bea.rest();
    for number in 0..40 {
        ann.emit("sync-seek", &json!({ "time": number, "actionId": number.to_string() }));
    }
    ann.settle();
    let heard = bea.rest().iter().filter(|event| event.name == "sync-seek").count();
    let refusals: Vec<Value> =
        ann.rest().into_iter().filter(|event| event.name == "error").map(|event| event.payload).collect();
    assert_eq!(heard + refusals.len(), 40, "nothing is silently lost");
    assert!((20..40).contains(&heard), "a burst of 20, then 10 a second: {heard}");
    let mut wait = 0.0_f64;
    for refusal in &refusals {
        assert_eq!((&refusal["code"], &refusal["retryable"]), (&json!("S010"), &json!(true)));
        wait = refusal["wait"].as_f64().expect("it says how long");
        assert!(wait > 0.0 && wait <= 0.1, "{wait}");
    }
    // As long as it said, and it is taken.
    std::thread::sleep(std::time::Duration::from_secs_f64(wait));
    assert_ne!(ann.ask("sync-seek", &json!({ "time": 1, "actionId": "later" }))["success"], false);
    bea.wait_for("sync-seek", |told| told["actionId"] == "later");

    let answers: Vec<Value> = (0..8).map(|_| ann.ask("chat-message", &json!({ "text": "x" }))).collect();
    assert!(answers[..5].iter().all(|answer| answer["code"].is_null()), "{answers:?}");
    assert!(answers.iter().any(|answer| answer["code"] == "S010"), "five in five seconds: {answers:?}");
    let candidate = json!({ "to": "bea", "candidate": {} });
    for _ in 0..300 {
        ann.emit("ice-candidate", &candidate);
    }
    ann.settle();
    let signaled = bea.rest().iter().filter(|event| event.name == "ice-candidate").count();
    assert_eq!(signaled, 300, "calls have a bound of their own");
}

#[test]
fn a_flood_is_cut_and_the_room_goes_on() {
    let server = Server::start(&[]);
    let (mut ann, code) = host(&server);
    let mut flooder = viewer(&server, &code, "Bea");
    let mut cem = viewer(&server, &code, "Cem");
    let flood = format!("42{}", json!(["chat-message", { "text": "again" }]));
    // Far beyond the 500 refusals that are borne; it ends sooner where the connection does.
    for _ in 0..20_000 {
        if !flooder.try_send(&flood) {
            break;
        }
    }
    flooder.wait_end();
    cem.wait_for("participant-updated", |told| told["id"] == "bea" && told["away"] == true);
    assert_ne!(ann.ask("chat-message", &json!({ "text": "quiet again" }))["success"], false);
    cem.wait_for("chat-message", |told| told["text"] == "quiet again");
}

#[test]
fn guessing_codes_is_slow_and_belonging_somewhere_is_not() {
    let server = Server::start(&[]);
    let (mut ann, code) = host(&server);
    let mut bea = Guest::connect(&server, Way::WebSocket);
    let token = bea.join(&code, "Bea", &json!({}))["sessionToken"].clone();
    bea.vanish();
    let mut guesser = Guest::connect(&server, Way::WebSocket);
    for number in 0..10 {
        assert_eq!(guesser.refused("join-room", &joining(&format!("GUESS{number}"), "X", &json!({}))), "S002");
    }
    let answer = guesser.ask("join-room", &joining("GUESS10", "X", &json!({})));
    assert_eq!(answer["code"], "S010");
    assert!(answer["wait"].as_f64().is_some_and(|wait| wait > 0.0), "{answer}");
    assert_eq!(guesser.refused("join-room", &joining(&code, "X", &json!({}))), "S010", "a right guess, too");
    let mut bea = Guest::connect(&server, Way::Polling);
    bea.join(&code, "Bea", &json!({ "sessionToken": token }));
    ann.wait_for("participant-updated", |told| told["id"] == "bea" && told["away"] == false);
}

#[test]
fn an_address_has_twenty_rooms() {
    let server = Server::start(&[]);
    let mut hosts: Vec<Guest> = (0..20).map(|_| host(&server).0).collect();
    let mut more = Guest::connect(&server, Way::WebSocket);
    assert_eq!(more.refused("create-room", &entrance("Ann", &json!({}))), "S005");
    hosts[0].ask("end-room", &json!({}));
    more.create("Ann", &json!({}));
}
