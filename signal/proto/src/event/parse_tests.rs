use serde_json::json;

use super::*;

#[allow(clippy::needless_pass_by_value, reason = "the cases read better with their payload in place")]
fn read(name: &str, payload: Value) -> Result<Option<ClientEvent>, Problem> {
    parse_client(name, Some(&payload))
}

fn refusal(name: &str, payload: Value) -> String {
    let problem = read(name, payload).expect_err("refused");
    assert_eq!(problem.code, Code::S013, "{}", problem.message);
    problem.message
}

#[test]
fn what_a_plain_client_sends_is_read() {
    let me = json!({"event": "create-room", "participantId": "flutter_1", "name": "Host", "capabilities": {"nativePlayback": true}, "requestedCode": "MYROOM"});
    let Ok(Some(ClientEvent::CreateRoom { name, capabilities, requested_code, .. })) = read("create-room", me) else {
        panic!("read")
    };
    assert_eq!((name.as_str(), capabilities.sync), ("Host", 0));
    assert_eq!(requested_code, RoomCode::parse("myroom"));
    for (name, payload) in [
        ("join-room", json!({"code": "ABC12345", "participantId": "b", "name": "Bea"})),
        ("torrent-magnet", json!({"magnetURI": "magnet:?xt=urn:btih:x", "streamPath": "a.mp4", "name": "A"})),
        ("movie-loaded", json!({"name": "A", "duration": 7200.5})),
        ("sync-play", json!({"time": 125.5, "actionId": "1"})),
        ("sync-pause", json!({"time": 125.5, "actionId": "1"})),
        ("sync-seek", json!({"time": 300, "actionId": "1"})),
        ("sync-seek", json!({"time": 300, "actionId": 1_699_999_999_999_u64})),
        ("sync-check", json!({"roomCode": "ABC12345"})),
        ("sync-report", json!({"playbackTime": 1.5, "playing": true})),
        ("sync-correct", json!({"playbackTime": 1.5, "playing": true, "actionId": "1"})),
        ("start-webrtc", json!({"peerId": "s", "initiator": true})),
        ("offer", json!({"offer": {"type": "offer", "sdp": "v"}, "to": "s"})),
        ("answer", json!({"answer": {"type": "answer", "sdp": "v"}, "to": "s"})),
        ("ice-candidate", json!({"candidate": {"candidate": "c"}, "to": "s"})),
        ("chat-message", json!({"text": "hi"})),
        ("ready-state", json!({"epoch": 1, "seq": 2, "ready": true})),
        ("set-rate", json!({"rate": 1.25, "actionId": "1"})),
        ("call-state", json!({"audio": true, "video": false})),
        ("subtitle-shared", json!({"magnet": "magnet:?x", "name": "s"})),
        ("set-control-mode", json!({"mode": "chosen", "participants": ["b"]})),
        ("set-role", json!({"id": "b", "role": "cohost"})),
        ("kick", json!({"id": "b"})),
        ("lock-room", json!({"locked": true})),
        ("set-policy", json!({"wait": "flow"})),
        ("watch-reports", json!({"on": true})),
        ("set-spectating", json!({"on": false})),
    ] {
        assert!(matches!(read(name, payload), Ok(Some(_))), "{name}");
    }
    for name in [
        "leave-room",
        "media-cleared",
        "start-anyway",
        "ready-for-connection",
        "leave-call",
        "get-ice-servers",
        "claim-host",
        "end-room",
    ] {
        assert!(matches!(parse_client(name, None), Ok(Some(_))), "{name}");
    }
    assert_eq!(read("no-such-event", json!({"x": 1})), Ok(None));
    assert_eq!(read("no-such-event", json!([1])), Ok(None));
}

#[test]
fn refusals_name_the_field() {
    for (name, payload, field) in [
        ("sync-play", json!({"actionId": "1"}), "`time`"),
        ("sync-play", json!({"time": "5", "actionId": "1"}), "`time`"),
        ("sync-play", json!({"time": -1, "actionId": "1"}), "`time`"),
        ("sync-seek", json!({"time": 1e300, "actionId": "1"}), "`time`"),
        ("sync-play", json!({"time": 1}), "`actionId`"),
        ("sync-play", json!({"time": 1, "actionId": "x".repeat(ACTION_ID_LEN_MAX + 1)}), "`actionId`"),
        ("sync-play", json!({"time": 1, "actionId": {"id": 1}}), "`actionId`"),
        ("set-rate", json!({"rate": 1, "actionId": [1]}), "`actionId`"),
        ("chat-message", json!({"text": "\u{202e}\u{7}  "}), "`text`"),
        ("chat-message", json!({"text": "x".repeat(CHAT_CHARS_MAX + 1)}), "`text`"),
        ("join-room", json!({"participantId": "b", "name": "Bea"}), "`code`"),
        ("join-room", json!({"code": "ABCD", "participantId": "", "name": "Bea"}), "`participantId`"),
        ("join-room", json!({"code": "ABCD", "participantId": "b", "name": "x".repeat(NAME_CHARS_MAX + 1)}), "`name`"),
        ("join-room", json!({"code": "ABCD", "participantId": "b", "name": "B", "snapshot": {"epoch": 1}}), "`seq`"),
        (
            "create-room",
            json!({"participantId": "b", "name": "B", "capabilities": {"x": "x".repeat(CAPABILITIES_LEN_MAX)}}),
            "`capabilities`",
        ),
        ("torrent-magnet", json!({"magnetURI": "http://x"}), "`magnetURI`"),
        ("torrent-magnet", json!({"magnetURI": format!("magnet:?{}", "x".repeat(MAGNET_LEN_MAX))}), "`magnetURI`"),
        ("offer", json!({"offer": {"sdp": "x".repeat(SDP_LEN_MAX)}, "to": "s"}), "`offer`"),
        ("offer", json!({"offer": "sdp", "to": "s"}), "`offer`"),
        ("ice-candidate", json!({"candidate": {}}), "`to`"),
        ("set-rate", json!({"rate": 2.5, "actionId": "1"}), "`rate`"),
        ("set-control-mode", json!({"mode": "nobody"}), "`mode`"),
        ("set-control-mode", json!({"mode": "chosen", "participants": vec!["b"; CHOSEN_MAX + 1]}), "`participants`"),
        ("set-policy", json!({"wait": "never"}), "`wait`"),
        ("set-role", json!({"id": "b", "role": "king"}), "`role`"),
    ] {
        let message = refusal(name, payload);
        assert!(message.contains(field) && message.starts_with(name), "{message}");
        assert!(message.len() < 200, "nothing is repeated: {message}");
    }
    for payload in [json!([]), json!("x"), json!(1)] {
        assert!(refusal("leave-room", payload).contains("one object"));
    }
}

#[test]
fn codes_are_refused_apart_when_asked_for_and_alike_when_guessed() {
    let create = json!({"participantId": "b", "name": "B", "requestedCode": "a"});
    assert_eq!(read("create-room", create).expect_err("refused").code, Code::S003);
    let join = json!({"code": "?", "participantId": "b", "name": "B"});
    assert!(matches!(read("join-room", join), Ok(Some(ClientEvent::JoinRoom { code: None, .. }))));
}

#[test]
fn what_people_see_is_cleaned() {
    let said = read("chat-message", json!({"text": " a\u{202e}b\u{0}c\n "})).unwrap();
    assert!(matches!(said, Some(ClientEvent::ChatMessage { text, .. }) if text == "abc"));
}

#[test]
fn a_probe_is_told_from_a_question_by_its_number() {
    let probe = read("sync-check", json!({"roomCode": "X", "t0": 5.5, "n": 3}));
    assert_eq!(probe, Ok(Some(ClientEvent::SyncCheck { probe: Some((5.5, 3)) })));
    assert_eq!(read("sync-check", json!({})), Ok(Some(ClientEvent::SyncCheck { probe: None })));
}
