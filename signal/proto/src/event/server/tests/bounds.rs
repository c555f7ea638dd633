//! What is too long, too much, or means nothing.

use super::*;
use crate::limits::{
    ACTION_ID_LEN_MAX, CAPABILITIES_LEN_MAX, CHAT_CHARS_MAX, CHAT_KEPT, DELAY_TOLD_MAX, ICE_SERVERS_MAX,
    ICE_TEXT_LEN_MAX, ICE_URLS_MAX, MAGNET_LEN_MAX, MEMBERS_TOLD_MAX, NAME_CHARS_MAX, PARTICIPANT_ID_LEN_MAX,
    SDP_LEN_MAX, TITLE_CHARS_MAX, TOKEN_LEN_MAX, WORDS_CHARS_MAX,
};

#[test]
fn what_is_as_long_as_it_may_be_is_taken_and_no_longer() {
    let letters = |count: usize| json!("x".repeat(count));
    let listed = |one: Value| move |count: usize| json!(vec![one.clone(); count]);
    let person = listed(json!({ "id": "b", "name": "B" }));
    let everything = everything();
    let payload_of = |name: &str| everything.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let line = payload_of("chat-message");
    let bound = |name: &str, place: &str, most: usize, make: &dyn Fn(usize) -> Value| {
        let mut payload = payload_of(name);
        *payload.pointer_mut(place).unwrap() = make(most);
        read(name, &payload);
        *payload.pointer_mut(place).unwrap() = make(most + 1);
        assert!(refused(name, &payload).message.contains(field_of(place)), "{name} {place}");
    };
    bound("room-joined", "/sessionToken", TOKEN_LEN_MAX, &letters);
    bound("room-joined", "/room/code", 32, &letters);
    bound("room-joined", "/room/participants", MEMBERS_TOLD_MAX, &person);
    bound("room-joined", "/room/chosen", 64, &listed(json!("b")));
    bound("room-joined", "/swarm/key", 32, &|count| json!("0".repeat(count)));
    bound("session-token", "/sessionToken", TOKEN_LEN_MAX, &letters);
    bound("participant-list", "/participants", MEMBERS_TOLD_MAX, &person);
    bound("participant-joined", "/id", PARTICIPANT_ID_LEN_MAX, &letters);
    bound("participant-joined", "/peerId", PARTICIPANT_ID_LEN_MAX, &letters);
    bound("participant-joined", "/name", NAME_CHARS_MAX, &|count| json!("ä".repeat(count)));
    bound("participant-joined", "/capabilities", CAPABILITIES_LEN_MAX, &|count| json!({ "": "x".repeat(count - 7) }));
    bound("room-closing", "/reason", WORDS_CHARS_MAX, &letters);
    bound("error", "/message", WORDS_CHARS_MAX, &letters);
    bound("error", "/hint", WORDS_CHARS_MAX, &letters);
    bound("torrent-magnet", "/magnetURI", MAGNET_LEN_MAX, &|count| json!(format!("magnet:?{}", "x".repeat(count - 8))));
    bound("movie-loaded", "/name", TITLE_CHARS_MAX, &letters);
    bound("subtitle-shared", "/name", TITLE_CHARS_MAX, &letters);
    bound("room-state", "/waitingOn", MEMBERS_TOLD_MAX, &listed(json!("b")));
    bound("room-state", "/without", MEMBERS_TOLD_MAX, &listed(json!("b")));
    bound("sync-play", "/actionId", ACTION_ID_LEN_MAX, &letters);
    bound("offer", "/offer", SDP_LEN_MAX, &|count| json!({ "": "x".repeat(count - 7) }));
    bound("ice-servers", "/iceServers", ICE_SERVERS_MAX, &listed(json!({ "urls": "stun:s" })));
    bound("ice-servers", "/iceServers/1/urls", ICE_URLS_MAX, &listed(json!("stun:s")));
    bound("ice-servers", "/iceServers/0/urls", ICE_TEXT_LEN_MAX, &letters);
    bound("ice-servers", "/iceServers/1/urls/0", ICE_TEXT_LEN_MAX, &letters);
    bound("ice-servers", "/iceServers/1/credential", ICE_TEXT_LEN_MAX, &letters);
    bound("ice-servers", "/iceServers/1/username", ICE_TEXT_LEN_MAX, &letters);
    bound("chat-message", "/text", CHAT_CHARS_MAX, &letters);
    bound("chat-history", "/messages", CHAT_KEPT, &listed(line));
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for (name, payload) in [
        ("sync-play", json!({ "time": -1, "actionId": "1" })),
        ("sync-play", json!({ "time": 1e9, "actionId": "1" })),
        ("sync-play", json!({ "time": 1, "actionId": "1", "rate": 3 })),
        ("sync-play", json!({ "time": 1, "actionId": "1", "timestamp": 1.5 })),
        ("sync-play", json!({ "time": 1, "actionId": "1", "seq": -1 })),
        ("playback-snapshot", json!({ "playback": { "time": 1, "type": "seek" } })),
        ("room-state", json!({ "state": "asleep", "time": 1, "at": 1, "seq": 1, "epoch": 1 })),
        ("participant-joined", json!({ "id": "", "name": "B" })),
        ("participant-joined", json!({ "id": "a\nb", "name": "B" })),
        ("participant-joined", json!({ "id": "b", "name": "B", "role": "king" })),
        ("peer-left", json!({ "peerId": "" })),
        ("torrent-magnet", json!({ "magnetURI": "http://x" })),
        ("room-joined", json!({ "success": true, "room": { "code": "?", "role": "host" } })),
        ("room-updated", json!({ "controlMode": "nobody", "policy": {} })),
        ("server-restarting", json!({ "retryAfter": -1 })),
        ("session-token", json!({ "sessionToken": ["t"] })),
    ] {
        refused(name, &payload);
    }
    let mut entered = everything().swap_remove(0).1;
    for key in ["0".repeat(31), "g".repeat(32), "+1".repeat(16), "ä".repeat(16)] {
        entered["swarm"]["key"] = json!(key);
        assert!(refused("room-created", &entered).message.contains("`key`"), "{key}");
    }
}

#[test]
fn no_server_makes_anybody_wait_for_longer_than_clocks_count() {
    for (told, expected) in
        [(json!(0), Duration::ZERO), (json!(1e300), DELAY_TOLD_MAX), (json!(u64::MAX), DELAY_TOLD_MAX)]
    {
        let event = read("server-restarting", &json!({ "retryAfter": told }));
        assert_eq!(event, ServerEvent::ServerRestarting { retry_after: expected });
    }
}
