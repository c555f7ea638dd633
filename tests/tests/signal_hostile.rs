//! Clients that mean harm to the signalling server by what they say: each is refused or cut, and a room beside them goes on as if
//! nothing were.

use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::scene::Scene;
use tests::websocket::{Heard, WebSocket, frame, head, opcode};

#[test]
fn what_is_no_socket_io_is_refused_with_its_reason_and_the_connection_ends() {
    let mut scene = Scene::new(&[]);
    let deep = |levels: usize| format!(r#"42["x",{}{}]"#, "[".repeat(levels), "]".repeat(levels));
    let malformed = [
        // JSON that is none, and JSON that no stack would bear.
        "42".to_owned(),
        "42{}".to_owned(),
        "42[]".to_owned(),
        "42[1]".to_owned(),
        r#"42["x""#.to_owned(),
        r#"42["x"]]"#.to_owned(),
        r#"42["x",1e999]"#.to_owned(),
        r#"42["x","\ud800"]"#.to_owned(),
        deep(17),
        deep(30_000),
        format!(r#"42["x",{}"#, r#"{"a":"#.repeat(10_000)),
        // Reserved names, unknown kinds, packets out of place.
        r#"42["connect"]"#.to_owned(),
        r#"42["disconnect"]"#.to_owned(),
        "4".to_owned(),
        "47".to_owned(),
        "4x".to_owned(),
        "40[]".to_owned(),
        "40\"auth\"".to_owned(),
        r#"44{"message":"no"}"#.to_owned(),
        "41[]".to_owned(),
        format!("40/{},", "n".repeat(65)),
        // Numbers of acknowledgements.
        "43[1]".to_owned(),
        "4399999999999999999999[1]".to_owned(),
        format!(r#"42{}["x"]"#, "9".repeat(40)),
        // Attachments: too many, uncounted, and placeholders that stand for none.
        r#"45["x"]"#.to_owned(),
        r#"45-["x"]"#.to_owned(),
        r#"451-["x"]"#.to_owned(),
        r#"4517-["x"]"#.to_owned(),
        r#"459999999999999999999-["x"]"#.to_owned(),
        r#"45-1-["x"]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":1}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":-1}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":0.5}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true}]"#.to_owned(),
        r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#.to_owned(),
        r#"42["x",{"_placeholder":true,"num":0}]"#.to_owned(),
    ];
    for packet in malformed {
        let mut socket = scene.socket(true);
        socket.say(&packet);
        let told = socket.text();
        assert!(told.starts_with(r#"42["error","#) && told.contains("S013"), "{packet:.60}: {told}");
        assert_eq!(socket.closed(), Some(1000), "{packet:.60}");
        scene.goes_on();
    }
    // More than an event may have, and less than a message: that one is refused, and no more.
    let mut socket = scene.socket(true);
    socket.say(&format!(r#"42["x","{}"]"#, "x".repeat(70_000)));
    assert!(socket.text().contains("S013"));
    socket.say(r#"420["get-ice-servers"]"#);
    assert!(socket.text().contains("S008"), "it is still served");
    let polling = scene.polling();
    assert_eq!(http::post(&polling, deep(30_000).as_bytes()).head.status, 200, "it was Engine.IO");
    let last = http::get(&polling);
    assert!(last.head.status == 400 || last.body.ends_with(b"1"), "{}", String::from_utf8_lossy(&last.body));
}

#[test]
fn attachments_come_when_they_were_announced_and_are_counted_in() {
    let mut scene = Scene::new(&[]);
    let one = r#"451-["x",{"_placeholder":true,"num":0}]"#;
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say(r#"42["x"]"#);
    assert!(socket.text().contains("S013"), "text in place of an attachment");
    assert_eq!(socket.closed(), Some(1000));
    let mut socket = scene.socket(true);
    socket.say_bytes(b"nobody announced this");
    assert!(socket.text().contains("S013"));
    assert_eq!(socket.closed(), Some(1000));
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say_bytes(&[0; 66_000]);
    assert!(socket.text().contains("S013"), "longer than an event");
    assert_eq!(socket.closed(), Some(1000));
    // An honest one is an event that nobody knows, and no offence; an answer to what was never asked neither.
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say_bytes(b"bytes");
    socket.say("4399[]");
    socket.say("40/elsewhere,");
    assert_eq!(socket.text(), r#"44/elsewhere,{"message":"Invalid namespace"}"#);
    socket.say(r#"420["get-ice-servers"]"#);
    assert!(socket.text().contains("S008"), "it is still served");
    scene.goes_on();
}

#[test]
fn who_speaks_before_connect_or_no_engine_io_is_closed() {
    let mut scene = Scene::new(&[]);
    for packet in ["42[\"chat-message\",{}]", "41", "", "9", "x", "0{}", "6x5", "\u{0}", "40/nowhere,", "4\u{fffd}"] {
        let mut socket = scene.socket(false);
        socket.say(packet);
        if packet == "41" || packet.starts_with("40/") {
            // Nothing that ends a connection; but one that never connects ends by its time.
            continue;
        }
        assert!(socket.closed().is_some(), "{packet:?}");
    }
    let mut socket = scene.socket(true);
    socket.say("40");
    assert_eq!(socket.closed(), Some(1000), "connected twice");
    let mut socket = scene.socket(true);
    socket.say("5");
    assert_eq!(socket.closed(), Some(1000), "there is nothing to change to");
    scene.goes_on();
}

#[test]
fn frames_that_break_the_rules_of_websocket_end_the_connection() {
    let mut scene = Scene::new(&[]);
    let text = |first: u8| {
        let mut bytes = frame(opcode::TEXT, true, b"2");
        bytes[0] = first;
        bytes
    };
    let whole = "x".repeat(100_001);
    let part = |kind, last| frame(kind, last, &[b'x'; 60_000]);
    let broken = [
        ("more than a message may have", frame(opcode::TEXT, true, whole.as_bytes()), Some(1009)),
        ("the same in bytes", frame(opcode::BINARY, true, whole.as_bytes()), Some(1009)),
        ("a length that no memory has", [head(opcode::TEXT, true, true, 1 << 62), vec![0; 4]].concat(), Some(1009)),
        ("a length of 64 bits", [head(opcode::BINARY, true, true, u64::MAX), vec![0; 4]].concat(), Some(1009)),
        ("too much in parts", [part(opcode::TEXT, false), part(opcode::CONTINUATION, false)].concat(), Some(1009)),
        ("no mask", [head(opcode::TEXT, true, false, 2), b"40".to_vec()].concat(), Some(1002)),
        ("reserved bits", text(0xf1), Some(1002)),
        ("a kind that does not exist", text(0x83), Some(1002)),
        ("a ping in parts", text(0x09), Some(1002)),
        ("a long ping", frame(opcode::PING, true, &[0; 126]), Some(1002)),
        ("the end of nothing", text(0x80), Some(1002)),
        ("a beginning within a message", [text(0x01), text(0x01)].concat(), Some(1002)),
        ("text that is none", frame(opcode::TEXT, true, &[0xff, 0xfe]), Some(1002)),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Some(1002)),
    ];
    for (what, bytes, code) in broken {
        let mut socket = scene.socket(true);
        // It may close before it has read all of it.
        drop(socket.send_raw(&bytes));
        let closed = socket.closed();
        assert!(code.is_none() || closed == code, "{what}: {closed:?}");
        scene.goes_on();
    }
    let mut socket = scene.socket(true);
    socket.send_raw(&part(opcode::TEXT, false)[..1000]).expect("it reads");
    drop(socket);
    scene.goes_on();
}

#[test]
fn a_stranger_cannot_speak_for_another_or_outside_a_room() {
    let mut scene = Scene::new(&[]);
    let mut socket = scene.socket(true);
    // Engine.IO's session ids are secrets; what others are told is another name.
    let public = scene.ann.peer_id().to_owned();
    let asked = format!("{}&sid={public}", scene.url("polling"));
    assert_eq!(http::get(&asked).head.status, 400);
    assert_eq!(http::post(&asked, b"41").head.status, 400);
    let asked = format!("{}&sid={public}", scene.url("websocket"));
    let refused = WebSocket::try_open(&asked, &[]).map(drop);
    assert_eq!(refused.map_err(|answer| answer.head.status), Err(400));
    socket.say(&format!("42{}", json!(["offer", { "to": public, "offer": {} }])));
    assert!(socket.text().contains("S008"), "in no room");
    socket.say(&format!("42{}", json!(["end-room", {}])));
    assert!(socket.text().contains("S008"));
    assert_eq!(socket.hear(Duration::from_millis(1)), Heard::Nothing);
    scene.goes_on();
}
