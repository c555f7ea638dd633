use serde_json::json;

use super::*;
use crate::error::{Code, Problem};
use crate::event::RelayKind;
use crate::ids::RoomCode;
use crate::playback::PlaybackState;
use crate::roles::Role;

mod bounds;

fn read(name: &str, payload: &Value) -> ServerEvent {
    match parse_server(name, Some(payload)) {
        Ok(Some(event)) => event,
        other => panic!("{name} {payload}: {other:?}"),
    }
}

fn refused(name: &str, payload: &Value) -> Problem {
    match parse_server(name, Some(payload)) {
        Err(problem) => problem,
        other => panic!("{name} {payload} is taken: {other:?}"),
    }
}

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap()
}

fn time(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).unwrap()
}

/// One sound payload of each event, all of its fields there.
fn everything() -> Vec<(&'static str, Value)> {
    let bea = json!({
        "id": "bea~2", "name": "Bea", "role": "cohost", "peerId": "s2", "capabilities": { "sync": 2, "version": 1 },
        "away": true, "inCall": true, "spectating": true,
    });
    let line = json!({
        "id": "msg_1", "senderId": "bea", "sender": "Bea", "senderRole": "viewer", "text": "hi",
        "timestamp": 1_699_999_999_999_i64, "clientId": "c1", "mediaTime": 12.5,
    });
    let policy = json!({ "wait": "flow", "hostLeft": "pause" });
    let ice = json!([{ "urls": "stun:s" }, { "urls": ["turn:t"], "username": "u", "credential": "p" }]);
    let entered = json!({
        "success": true, "participantId": "bea~2", "sessionToken": "t", "peerId": "s2", "iceServers": ice,
        "room": {
            "code": "ABC12345", "host": "ann", "role": "viewer", "participants": [bea], "controlMode": "chosen",
            "chosen": ["bea"], "locked": true, "policy": policy,
        },
        "swarm": { "key": "00112233445566778899aabbccddeeff", "self": "AA".repeat(20) },
    });
    let moved = json!({
        "time": 125.5, "actionId": "1", "seq": 7, "epoch": 2, "by": "bea", "rate": 1.5, "timestamp": 1000,
        "startAt": 1300,
    });
    let state = json!({
        "state": "waiting", "waitingOn": ["bea"], "deadline": 16_000, "time": 5, "at": 1000, "seq": 7, "epoch": 2,
        "rate": 1.5, "startAt": null, "actionId": "1", "by": null, "without": ["cem"],
    });
    let report = json!({
        "roomCode": "ABC12345", "participantId": "bea", "playbackTime": 125.5, "playing": true, "timestamp": 1000,
        "buffering": true, "drift": -0.5, "at": 1000, "epoch": 2, "seq": 7, "ahead": 8.5, "rate": 1, "rtt": 40,
        "ready": true,
    });
    let playback = json!({
        "time": 125.5, "type": "play", "at": 1000, "seq": 7, "epoch": 2, "rate": 1.5, "startAt": 1300,
        "duration": 7200.5, "waitingOn": [],
    });
    let description = json!({ "from": "s2", "fromParticipant": "bea", "offer": {}, "answer": {}, "candidate": {} });
    vec![
        ("room-created", entered.clone()),
        ("room-joined", entered),
        ("session-token", json!({ "sessionToken": "t" })),
        ("participant-list", json!({ "participants": [bea] })),
        ("participant-joined", bea.clone()),
        ("participant-updated", bea),
        ("participant-left", json!({ "id": "bea", "reason": "removed" })),
        ("host-away", json!({ "id": "ann", "grace": 60 })),
        ("host-changed", json!({ "id": "bea", "previous": "ann", "reason": "away" })),
        ("room-updated", json!({ "controlMode": "chosen", "participants": ["bea"], "locked": true, "policy": policy })),
        ("room-closing", json!({ "in": 120, "reason": "too old" })),
        ("server-restarting", json!({ "retryAfter": 3 })),
        (
            "torrent-magnet",
            json!({ "magnetURI": "magnet:?a", "streamPath": "a.mp4", "name": "A", "epoch": 2, "by": "ann" }),
        ),
        ("movie-loaded", json!({ "name": "A", "duration": 7200.5 })),
        ("media-cleared", json!({ "by": "ann", "epoch": 3 })),
        ("subtitle-shared", json!({ "magnet": "magnet:?s", "name": "S", "language": "pt-BR", "by": "ann" })),
        ("playback-snapshot", json!({ "playback": playback })),
        ("room-state", state),
        ("sync-play", moved.clone()),
        ("sync-pause", moved.clone()),
        ("sync-seek", moved),
        ("sync-correct", json!({ "roomCode": "X", "playbackTime": 125.5, "playing": true, "actionId": "1" })),
        ("sync-check", json!({ "roomCode": "X", "timestamp": 1002, "t0": 5.5, "t1": 1001, "n": 3 })),
        ("sync-report", report),
        ("ready-state", json!({ "id": "bea", "ready": false, "ahead": 1.5, "forecast": { "stalls": 2 } })),
        ("start-webrtc", json!({ "peerId": "s2", "id": "bea", "initiator": true })),
        ("offer", description.clone()),
        ("answer", description.clone()),
        ("ice-candidate", description),
        ("call-state", json!({ "id": "bea", "peerId": "s2", "audio": true, "video": false, "screen": true })),
        ("peer-left", json!({ "peerId": "s2", "id": "bea" })),
        ("ice-servers", json!({ "iceServers": ice, "ttl": 3600 })),
        ("chat-message", line.clone()),
        ("chat-history", json!({ "messages": [line] })),
        (
            "error",
            json!({ "message": "m", "code": "S010", "retryable": true, "hint": "h", "wait": 1.5, "success": false }),
        ),
    ]
}

/// Section 6.2 of the plan: a server that says only this is understood.
#[test]
fn a_server_that_knows_only_the_plan_is_understood() {
    let created = json!({ "event": "room-created", "success": true, "room": { "code": "ABC12345", "host": "flutter_1", "role": "host" } });
    let ServerEvent::RoomCreated(Ok(entered)) = read("room-created", &created) else { panic!("created") };
    assert_eq!((entered.room.code, entered.room.role), (RoomCode::parse("ABC12345").unwrap(), Role::Host));
    assert_eq!((entered.room.host, entered.id, entered.session_token), (Some(id("flutter_1")), None, None));
    assert_eq!((entered.room.rules, entered.swarm, entered.ice_servers), (None, None, Vec::new()));
    let joined = json!({ "success": true, "room": { "code": "ABC12345", "role": "viewer" } });
    assert!(
        matches!(read("room-joined", &joined), ServerEvent::RoomJoined(Ok(entered)) if entered.room.host.is_none())
    );

    let list = json!({ "participants": [{ "id": "host_123", "name": "Host", "role": "host" }] });
    let ServerEvent::ParticipantList(people) = read("participant-list", &list) else { panic!("a list") };
    assert_eq!((people[0].role, people[0].away, &people[0].peer), (Role::Host, false, &None));
    let ServerEvent::ParticipantJoined(guest) =
        read("participant-joined", &json!({ "id": "viewer_456", "name": "Guest" }))
    else {
        panic!("somebody")
    };
    assert_eq!((guest.role, guest.name.as_str()), (Role::Viewer, "Guest"));

    let moved = json!({ "time": 125.5, "actionId": "1699999999999" });
    let expected = Moved { time: time(125.5), action_id: "1699999999999".into(), anchor: None };
    assert_eq!(read("sync-play", &moved), ServerEvent::SyncPlay(expected.clone()));
    assert_eq!(read("sync-pause", &moved), ServerEvent::SyncPause(expected.clone()));
    assert_eq!(read("sync-seek", &moved), ServerEvent::SyncSeek(expected));
    let snapshot = json!({ "playback": { "time": 125.5, "type": "play" } });
    let expected = Snapshot { time: time(125.5), playing: true, anchor: None, duration: None, waiting_on: Vec::new() };
    assert_eq!(read("playback-snapshot", &snapshot), ServerEvent::PlaybackSnapshot(expected));
    let check = json!({ "roomCode": "ABC12345", "timestamp": 1_699_999_999_999_i64 });
    assert_eq!(read("sync-check", &check), ServerEvent::ReportWanted);

    let offer = json!({ "from": "socket_id_123", "offer": { "type": "offer", "sdp": "..." } });
    let ServerEvent::Relayed(relayed) = read("offer", &offer) else { panic!("relayed") };
    assert_eq!((relayed.kind, relayed.id, &relayed.body), (RelayKind::Offer, None, &offer["offer"]));
    let error = json!({ "message": "Room not found" });
    let expected =
        Refusal { message: "Room not found".to_owned(), code: None, retryable: None, hint: None, wait: None };
    assert_eq!(read("error", &error), ServerEvent::Error(expected));
    for (name, payload) in [
        ("participant-left", json!({ "id": "viewer_456" })),
        ("torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:...", "streamPath": "video.mp4", "name": "M" })),
        ("movie-loaded", json!({ "name": "My Movie", "duration": 7200.5 })),
        ("media-cleared", json!({})),
        (
            "sync-report",
            json!({ "roomCode": "A", "participantId": "v", "playbackTime": 1.5, "playing": true, "timestamp": 5 }),
        ),
        ("sync-correct", json!({ "roomCode": "A", "playbackTime": 125.5, "playing": true, "actionId": "1" })),
        ("start-webrtc", json!({ "peerId": "socket_id_123", "initiator": true })),
        ("peer-left", json!({ "peerId": "socket_id_123" })),
        (
            "chat-message",
            json!({ "id": "msg_123", "senderId": "v", "sender": "Guest", "senderRole": "viewer", "text": "Hello!", "timestamp": 1 }),
        ),
    ] {
        read(name, &payload);
    }
}

#[test]
fn all_of_every_event_is_read() {
    for (name, payload) in everything() {
        read(name, &payload);
    }
    assert_eq!(parse_server("no-such-event", Some(&json!(1))), Ok(None));
    assert_eq!(parse_server("no-such-event", Some(&json!({ "x": 1 }))), Ok(None));
}

/// Every place in a payload, as the keys and numbers that lead there.
fn places(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let own = format!("/{key}");
        let deeper = places(value).into_iter().map(|place| format!("{own}{place}")).collect::<Vec<_>>();
        std::iter::once(own).chain(deeper).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(list) => list.iter().enumerate().flat_map(|(at, value)| below(&at.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The last key on the way, which a refusal names.
fn field_of(place: &str) -> &str {
    place.rsplit('/').find(|key| key.parse::<usize>().is_err()).unwrap()
}

/// What events carry for older clients, for other events, or for people who read along.
fn is_unread(name: &str, place: &str) -> bool {
    match field_of(place) {
        "roomCode" | "t0" | "stalls" => true,
        "success" => name == "error",
        // Any small JSON will do.
        "forecast" => true,
        field @ ("offer" | "answer" | "candidate") => !name.ends_with(field),
        _ => false,
    }
}

#[test]
fn a_field_of_another_kind_is_refused_by_its_name() {
    let mut tried = 0;
    for (name, payload) in everything() {
        for place in places(&payload).into_iter().filter(|place| !is_unread(name, place)) {
            let mut wrong = payload.clone();
            let value = wrong.pointer_mut(&place).unwrap();
            *value = match value {
                Value::Number(_) | Value::Bool(_) => json!("x"),
                // An action may be called by a number.
                Value::String(_) if place == "/actionId" => json!([]),
                Value::String(_) | Value::Array(_) | Value::Object(_) => json!(7),
                Value::Null => json!(true),
            };
            let problem = refused(name, &wrong);
            let field = format!("`{}`", field_of(&place));
            assert!(problem.message.starts_with(name) && problem.message.contains(&field), "{place}: {problem:?}");
            assert!(problem.code == Code::S013 && problem.message.len() < 200);
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried} places");
    for wrong in [json!([]), json!("x"), json!(1)] {
        assert!(refused("sync-play", &wrong).message.contains("one object"));
    }
}

/// Null counts as absent; and only so much must be there.
#[test]
fn what_may_be_missing() {
    for (name, payload) in everything() {
        let mut must = Vec::new();
        for field in payload.as_object().unwrap().keys() {
            let (mut absent, mut null) = (payload.clone(), payload.clone());
            absent.as_object_mut().unwrap().remove(field);
            null[field] = Value::Null;
            let result = parse_server(name, Some(&absent));
            assert_eq!(parse_server(name, Some(&null)), result, "{name} {field}");
            if let Err(problem) = result {
                assert!(problem.message.contains(field.as_str()), "{problem:?}");
                must.push(field.as_str());
            }
        }
        let expected: &[&str] = match name {
            "room-created" | "room-joined" => &["room", "success"],
            "session-token" => &["sessionToken"],
            "participant-list" => &["participants"],
            "participant-joined" | "participant-updated" => &["id", "name"],
            "participant-left" | "host-away" | "host-changed" => &["id"],
            "room-updated" => &["controlMode", "policy"],
            "room-closing" => &["in"],
            "server-restarting" => &["retryAfter"],
            "torrent-magnet" => &["magnetURI"],
            "movie-loaded" => &["name"],
            "subtitle-shared" => &["magnet", "name"],
            "playback-snapshot" => &["playback"],
            "room-state" => &["at", "epoch", "seq", "state", "time"],
            "sync-play" | "sync-pause" | "sync-seek" => &["actionId", "time"],
            "sync-correct" => &["actionId", "playbackTime", "playing"],
            "sync-check" => &["t1", "timestamp"],
            "sync-report" => &["participantId", "playbackTime", "playing"],
            "ready-state" => &["id", "ready"],
            "start-webrtc" => &["initiator", "peerId"],
            "offer" => &["from", "offer"],
            "answer" => &["answer", "from"],
            "ice-candidate" => &["candidate", "from"],
            "call-state" => &["audio", "id", "peerId", "video"],
            "peer-left" => &["peerId"],
            "ice-servers" => &["iceServers"],
            "chat-message" => &["id", "sender", "senderId", "senderRole", "text", "timestamp"],
            "chat-history" => &["messages"],
            "media-cleared" | "error" => &[],
            other => panic!("{other} is in no table"),
        };
        assert_eq!(must, expected, "{name}");
    }
}

#[test]
fn anchors_are_what_the_fields_say() {
    let full = json!({
        "time": 125.5, "actionId": "1", "seq": 7, "epoch": 2, "by": "bea", "rate": 1.5, "timestamp": 1000,
        "startAt": 1300,
    });
    let anchor = |name: &str, payload: &Value| match read(name, payload) {
        ServerEvent::SyncPlay(moved) | ServerEvent::SyncPause(moved) | ServerEvent::SyncSeek(moved) => moved.anchor,
        other => panic!("{other:?}"),
    };
    let played = anchor("sync-play", &full).unwrap();
    assert_eq!((played.order(), played.state, played.position), ((2, 7), PlaybackState::Playing, time(125.5)));
    assert_eq!((played.at.unix_ms(), played.rate.get(), played.action_id), (1300, 1.5, "1".into()));
    assert_eq!(played.by, Some(id("bea")));
    let sought = anchor("sync-seek", &full).unwrap();
    assert_eq!((sought.state, sought.at.unix_ms()), (PlaybackState::Playing, 1300), "a seek that starts");
    let paused = anchor("sync-pause", &full).unwrap();
    assert_eq!((paused.state, paused.at.unix_ms()), (PlaybackState::Paused, 1000), "a pause does not start");
    let without = |field: &str| {
        let mut payload = full.clone();
        payload.as_object_mut().unwrap().remove(field);
        payload
    };
    let sought = anchor("sync-seek", &without("startAt")).unwrap();
    assert_eq!((sought.state, sought.at.unix_ms()), (PlaybackState::Paused, 1000), "a seek that stands");
    assert_eq!(anchor("sync-play", &without("startAt")).unwrap().at.unix_ms(), 1000);
    assert_eq!(anchor("sync-play", &without("rate")).unwrap().rate.get(), 1.0);
    for field in ["seq", "epoch"] {
        assert_eq!(anchor("sync-play", &without(field)), None, "no anchor without {field}");
    }
}

#[test]
fn a_probes_answer_is_told_from_a_question() {
    let expected = Answer { n: 3, t1: ServerTime::from_unix_ms(1001), timestamp: ServerTime::from_unix_ms(1002) };
    let answer = json!({ "roomCode": "X", "timestamp": 1002, "t0": 5.5, "t1": 1001, "n": 3 });
    assert_eq!(read("sync-check", &answer), ServerEvent::ClockAnswer(expected));
    assert_eq!(read("sync-check", &json!({})), ServerEvent::ReportWanted);
}

#[test]
fn refusals_have_their_code_if_we_know_it() {
    let told =
        json!({ "success": false, "message": "a\u{202e}b\u{7}", "code": "S006", "retryable": true, "wait": 1.5 });
    let ServerEvent::RoomJoined(Err(refusal)) = read("room-joined", &told) else { panic!("refused") };
    assert_eq!((refusal.message.as_str(), refusal.code, refusal.retryable), ("ab", Some(Code::S006), Some(true)));
    assert_eq!((refusal.wait, refusal.hint), (Some(Duration::from_millis(1500)), None));
    let newer = read("error", &json!({ "message": "m", "code": "S999" }));
    assert!(matches!(newer, ServerEvent::Error(refusal) if refusal.code.is_none()));
    assert!(matches!(read("error", &json!({})), ServerEvent::Error(refusal) if refusal.message.is_empty()));
}

#[test]
fn what_people_see_is_cleaned() {
    let told = json!({ "id": "b", "name": " \u{1b}[2JB\u{202e}ea\n" });
    let ServerEvent::ParticipantJoined(guest) = read("participant-joined", &told) else { panic!("somebody") };
    assert_eq!(guest.name, "[2JBea");
    let told = json!({ "id": "b", "name": "\u{7}" });
    assert!(
        matches!(read("participant-joined", &told), ServerEvent::ParticipantJoined(guest) if guest.name.is_empty())
    );
}
