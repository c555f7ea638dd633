//! Rooms through the signalling server's own port: who comes, goes, hosts and controls, and what the others hear of it.

use serde_json::{Value, json};
use tests::guest::{Guest, WAYS, Way, joining};
use tests::signal::Server;

/// Bounds of addresses and rates would count all of a test's guests together.
const UNLIMITED: [&str; 2] = ["-limits", "off"];

const MAGNET: &str = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";

/// A room of these people, the first its host; the code and everybody's answer.
fn room<const N: usize>(server: &Server, names: [&str; N]) -> (String, [(Guest, Value); N]) {
    let mut code = String::new();
    let people = names.map(|name| {
        let mut guest = Guest::connect(server, Way::WebSocket);
        let answer = if code.is_empty() { guest.create(name, &json!({})) } else { guest.join(&code, name, &json!({})) };
        code = text(&answer["room"]["code"]);
        (guest, answer)
    });
    (code, people)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// What brings somebody back as who they were.
fn token(answer: &Value) -> Value {
    json!({ "sessionToken": answer["sessionToken"] })
}

#[test]
fn a_room_is_made_joined_and_left_by_every_transport() {
    let server = Server::start(&UNLIMITED);
    for way in WAYS {
        let (mut ann, mut bea) = (Guest::connect(&server, way), Guest::connect(&server, way));
        let made = ann.create("Ann", &json!({}));
        let code = text(&made["room"]["code"]);
        assert_eq!(made["room"]["role"], "host", "{way:?}: {made}");
        assert_eq!((&made["peerId"], &made["participantId"]), (&json!(ann.peer_id()), &json!("ann")), "{way:?}");
        let swarm = |answer: &Value| (text(&answer["swarm"]["key"]), text(&answer["swarm"]["self"]));
        assert_eq!((swarm(&made).0.len(), swarm(&made).1.len()), (32, 40), "16 and 20 bytes in hexadecimal");
        let joined = bea.join(&code, "Bea", &json!({}));
        assert_eq!(joined["room"]["role"], "viewer", "{way:?}: {joined}");
        assert_eq!(swarm(&made).0, swarm(&joined).0, "the room's");
        assert_ne!(swarm(&made).1, swarm(&joined).1, "each their own");
        assert_eq!(ann.wait_for("participant-joined", |_| true)["id"], "bea", "{way:?}");
        bea.emit("chat-message", &json!({ "text": "hello" }));
        assert_eq!(ann.wait_for("chat-message", |_| true)["sender"], "Bea", "{way:?}");
        bea.emit("leave-room", &json!({}));
        assert_eq!(ann.wait_for("participant-left", |_| true)["id"], "bea", "{way:?}");
    }
}

#[test]
fn who_comes_late_hears_everything_in_the_contracts_order() {
    let server = Server::start(&UNLIMITED);
    let (code, [(mut ann, _)]) = room(&server, ["Ann"]);
    ann.ask("torrent-magnet", &json!({ "magnetURI": MAGNET, "streamPath": "film.mp4", "name": "A film" }));
    ann.ask("movie-loaded", &json!({ "name": "A film", "duration": 7200.5 }));
    let played = ann.ask("sync-play", &json!({ "time": 125.5, "actionId": "1" }));
    assert!(played["startAt"].is_i64(), "the answer says the start, as the event does: {played}");
    assert_eq!(ann.wait_for("sync-play", |_| true), played);
    ann.ask("chat-message", &json!({ "text": "first" }));
    let mut bea = Guest::connect(&server, Way::Polling);
    bea.join(&code.to_lowercase(), "Bea", &json!({}));
    let heard = bea.rest();
    let names: Vec<&str> = heard.iter().map(|event| event.name.as_str()).collect();
    let order =
        ["room-joined", "participant-list", "torrent-magnet", "movie-loaded", "playback-snapshot", "chat-history"];
    assert_eq!(names, order);
    assert_eq!(heard[1].payload["participants"].as_array().map(Vec::len), Some(2));
    assert_eq!(heard[2].payload["magnetURI"], MAGNET);
    assert_eq!(heard[3].payload["duration"], 7200.5);
    let playback = &heard[4].payload["playback"];
    assert_eq!(playback["type"], "play");
    assert!(playback["time"].as_f64().is_some_and(|time| time >= 125.5), "where the film is now: {playback}");
    assert_eq!(heard[5].payload["messages"][0]["text"], "first");
}

#[test]
fn who_is_away_for_long_has_left_and_who_is_back_in_time_is_the_same() {
    let patient = Server::start(&UNLIMITED);
    let (code, [(mut ann, _), (bea, joined)]) = room(&patient, ["Ann", "Bea"]);
    bea.vanish();
    let away = ann.wait_for("participant-updated", |_| true);
    assert_eq!((&away["id"], &away["away"]), (&json!("bea"), &json!(true)));
    let mut thief = Guest::connect(&patient, Way::WebSocket);
    let claimed = thief.join(&code, "Bea", &json!({}));
    assert_eq!(claimed["participantId"], "bea~2", "a name alone makes nobody somebody else");
    let mut bea = Guest::connect(&patient, Way::Polling);
    let back = bea.join(&code, "Bea", &token(&joined));
    assert_eq!(back["participantId"], "bea");
    assert_eq!(ann.wait_for("participant-updated", |_| true)["away"], false);
    assert!(!ann.names().contains(&"participant-left"));

    let hasty = Server::start(&["-limits", "off", "-away-grace", "200ms"]);
    let (_, [(mut ann, _), (bea, _)]) = room(&hasty, ["Ann", "Bea"]);
    bea.vanish();
    assert_eq!(ann.wait_for("participant-left", |_| true)["id"], "bea");
    let heard: Vec<String> = ann.rest().into_iter().map(|event| event.name).collect();
    assert_eq!(heard, ["room-created", "participant-joined", "participant-updated"]);
}

#[test]
fn a_host_that_stays_away_is_replaced_and_may_claim_the_room_back() {
    let server = Server::start(&["-limits", "off", "-host-grace", "1s"]);
    let (code, [(ann, made), (mut bea, _), (mut cem, _)]) = room(&server, ["Ann", "Bea", "Cem"]);
    ann.vanish();
    assert_eq!(bea.wait_for("host-away", |_| true), json!({ "id": "ann", "grace": 1 }));
    let changed = json!({ "id": "bea", "previous": "ann", "reason": "away" });
    for guest in [&mut bea, &mut cem] {
        assert_eq!(guest.wait_for("host-changed", |_| true), changed, "the one who was here longest");
    }
    assert!(text(&bea.wait_for("session-token", |_| true)["sessionToken"]).len() > 50, "a new role, a new token");
    let mut ann = Guest::connect(&server, Way::WebSocket);
    assert_eq!(ann.join(&code, "Ann", &token(&made))["room"]["role"], "cohost");
    assert_eq!(cem.refused("claim-host", &json!({})), "S008", "only the first host may");
    ann.emit("claim-host", &json!({}));
    let changed = json!({ "id": "ann", "previous": "bea", "reason": "claimed" });
    assert_eq!(cem.wait_for("host-changed", |_| true), changed);
}

#[test]
fn a_host_that_is_back_in_time_is_host_and_nobody_else_becomes_it() {
    let server = Server::start(&UNLIMITED);
    let (code, [(ann, made), (mut bea, _)]) = room(&server, ["Ann", "Bea"]);
    ann.vanish();
    bea.wait_for("host-away", |_| true);
    let mut forger = Guest::connect(&server, Way::WebSocket);
    let forged = text(&made["sessionToken"]).replacen('e', "f", 1);
    let joined = forger.join(&code, "Ann", &json!({ "sessionToken": forged }));
    assert_eq!((&joined["room"]["role"], &joined["participantId"]), (&json!("viewer"), &json!("ann~2")));
    let mut ann = Guest::connect(&server, Way::Upgrade);
    assert_eq!(ann.join(&code, "Ann", &token(&made))["room"]["role"], "host");
    bea.settle();
    assert!(!bea.names().contains(&"host-changed"));
    // A second connection with the same token takes the place over, and the first is told and closed.
    let mut again = Guest::connect(&server, Way::WebSocket);
    assert_eq!(again.join(&code, "Ann", &token(&made))["room"]["role"], "host");
    assert_eq!(ann.wait_for("room-closing", |_| true)["in"], 0);
    ann.wait_end();
}

#[test]
fn control_is_the_hosts_until_the_host_gives_it() {
    let server = Server::start(&UNLIMITED);
    let (_, [(mut ann, _), (mut bea, _), (mut cem, _)]) = room(&server, ["Ann", "Bea", "Cem"]);
    let controls = [
        ("sync-play", json!({ "time": 1, "actionId": "a" })),
        ("sync-pause", json!({ "time": 1, "actionId": "b" })),
        ("sync-seek", json!({ "time": 1, "actionId": "c" })),
        ("sync-correct", json!({ "roomCode": "X", "playbackTime": 1, "playing": true, "actionId": "d" })),
        ("set-rate", json!({ "rate": 1.5, "actionId": "e" })),
        ("torrent-magnet", json!({ "magnetURI": MAGNET })),
        ("movie-loaded", json!({ "name": "A film", "duration": 60 })),
        ("media-cleared", json!({})),
        ("start-anyway", json!({})),
    ];
    let manages = [
        ("set-control-mode", json!({ "mode": "everyone" })),
        ("set-role", json!({ "id": "bea", "role": "host" })),
        ("kick", json!({ "id": "cem" })),
        ("lock-room", json!({ "locked": true })),
        ("set-policy", json!({ "wait": "flow" })),
        ("end-room", json!({})),
    ];
    cem.rest();
    for (name, payload) in controls.iter().chain(&manages) {
        assert_eq!(bea.refused(name, payload), "S008", "{name}");
    }
    assert_eq!(cem.rest(), [], "nothing has changed");

    ann.ask("set-control-mode", &json!({ "mode": "chosen", "participants": ["bea"] }));
    assert_eq!(cem.wait_for("room-updated", |_| true)["controlMode"], "chosen");
    for (name, payload) in &controls {
        let answer = bea.ask(name, payload);
        assert_ne!(answer["success"], false, "{name}: {answer}");
    }
    assert_eq!(cem.refused(controls[0].0, &controls[0].1), "S008");
    for (name, payload) in &manages {
        assert_eq!(bea.refused(name, payload), "S008", "{name} is the host's alone");
    }
    ann.ask("set-control-mode", &json!({ "mode": "everyone" }));
    let again = json!({ "time": 2, "actionId": "of-cem" });
    assert_eq!(cem.ask("sync-seek", &again)["by"], "cem");
    ann.ask("set-control-mode", &json!({ "mode": "host" }));
    assert_eq!(bea.refused("sync-pause", &again), "S008");
    ann.ask("set-role", &json!({ "id": "bea", "role": "cohost" }));
    assert_eq!(bea.ask("sync-pause", &again)["by"], "bea");
}

#[test]
fn an_action_counts_once_and_is_heard_by_all_the_sender_too() {
    let server = Server::start(&UNLIMITED);
    let (_, [(mut ann, _), (mut bea, _)]) = room(&server, ["Ann", "Bea"]);
    bea.rest();
    let seek = json!({ "time": 300, "actionId": "1699999999999" });
    ann.emit("sync-seek", &seek);
    ann.emit("sync-seek", &seek);
    ann.emit("sync-pause", &json!({ "time": 301, "actionId": "1700000000000" }));
    let told = bea.wait_for("sync-pause", |_| true);
    assert_eq!((&told["by"], &told["time"]), (&json!("ann"), &json!(301.0)));
    assert_eq!(ann.wait_for("sync-pause", |_| true), told);
    let seeks = |guest: &Guest| guest.names().iter().filter(|name| **name == "sync-seek").count();
    assert_eq!((seeks(&ann), seeks(&bea)), (1, 1));
}

#[test]
fn who_is_removed_stays_out() {
    let server = Server::start(&UNLIMITED);
    let (code, [(mut ann, _), (mut bea, joined), (mut cem, _)]) = room(&server, ["Ann", "Bea", "Cem"]);
    ann.ask("kick", &json!({ "id": "bea" }));
    assert_eq!(bea.wait_for("error", |_| true)["code"], "S007");
    bea.wait_end();
    assert_eq!(cem.wait_for("participant-left", |_| true)["id"], "bea");
    let mut bea = Guest::connect(&server, Way::WebSocket);
    assert_eq!(bea.refused("join-room", &joining(&code, "Bea", &token(&joined))), "S007", "the token is void");
    assert_eq!(bea.wait_for("room-joined", |_| true)["success"], false);
    assert_eq!(bea.refused("join-room", &joining(&code, "Bea", &json!({}))), "S007");
}

#[test]
fn a_locked_room_lets_in_who_belongs_there() {
    let server = Server::start(&UNLIMITED);
    let (code, [(mut ann, _), (bea, joined)]) = room(&server, ["Ann", "Bea"]);
    ann.ask("lock-room", &json!({ "locked": true }));
    bea.vanish();
    let mut cem = Guest::connect(&server, Way::WebSocket);
    assert_eq!(cem.refused("join-room", &joining(&code, "Cem", &json!({}))), "S006");
    let mut bea = Guest::connect(&server, Way::WebSocket);
    bea.join(&code, "Bea", &token(&joined));
    ann.ask("lock-room", &json!({ "locked": false }));
    cem.join(&code, "Cem", &json!({}));
    ann.emit("end-room", &json!({}));
    for guest in [&mut ann, &mut bea, &mut cem] {
        assert_eq!(guest.wait_for("room-closing", |_| true)["in"], 0);
    }
    assert_eq!(cem.refused("join-room", &joining(&code, "Cem", &json!({}))), "S002", "it is no more");
}

#[test]
fn each_pair_of_a_call_has_one_who_begins_and_what_they_say_is_relayed_as_it_is() {
    let server = Server::start(&UNLIMITED);
    let (_, people) = room(&server, ["Ann", "Bea", "Cem"]);
    let [mut ann, mut bea, mut cem] = people.map(|(guest, _)| guest);
    for guest in [&mut ann, &mut bea, &mut cem] {
        guest.ask("ready-for-connection", &json!({}));
    }
    let mut begins = Vec::new();
    for guest in [&mut ann, &mut bea, &mut cem] {
        for event in guest.rest().iter().filter(|event| event.name == "start-webrtc") {
            let pair = (guest.peer_id().to_owned(), text(&event.payload["peerId"]));
            begins.push((pair, event.payload["initiator"] == true));
        }
    }
    assert_eq!(begins.len(), 6, "each of three pairs is told twice");
    for ((one, other), initiator) in &begins {
        let back = begins.iter().find(|(pair, _)| *pair == (other.clone(), one.clone()));
        assert_eq!(back.map(|(_, initiator)| !*initiator), Some(*initiator), "exactly one begins");
    }
    let to = bea.peer_id().to_owned();
    for (name, field, body) in [
        ("offer", "offer", json!({ "type": "offer", "sdp": "v=0\r\n" })),
        ("answer", "answer", json!({ "type": "answer", "sdp": "v=0\r\n" })),
        ("ice-candidate", "candidate", json!({ "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0 })),
    ] {
        ann.emit(name, &json!({ field: body, "to": to }));
        let told = bea.wait_for(name, |_| true);
        assert_eq!(told, json!({ field: body, "from": ann.peer_id(), "fromParticipant": "ann" }));
    }
    assert!(!cem.rest().iter().any(|event| event.name == "offer"), "nobody else hears it");
    let gone = ann.peer_id().to_owned();
    ann.vanish();
    assert_eq!(bea.wait_for("peer-left", |_| true), json!({ "peerId": gone, "id": "ann" }));
}

#[test]
fn two_rooms_know_nothing_of_each_other() {
    let server = Server::start(&UNLIMITED);
    let (_, [(mut ann, _), (mut bea, _)]) = room(&server, ["Ann", "Bea"]);
    let (_, [(mut dan, _), (mut eve, _)]) = room(&server, ["Dan", "Eve"]);
    dan.rest();
    eve.rest();
    ann.ask("torrent-magnet", &json!({ "magnetURI": MAGNET }));
    ann.ask("sync-play", &json!({ "time": 5, "actionId": "p" }));
    bea.ask("chat-message", &json!({ "text": "here" }));
    let offer = json!({ "offer": { "type": "offer", "sdp": "x" }, "to": eve.peer_id() });
    assert_eq!(ann.refused("offer", &offer), "S014", "nobody of that name in this room");
    assert_eq!(ann.refused("kick", &json!({ "id": "eve" })), "S014");
    assert_eq!((dan.rest(), eve.rest()), (vec![], vec![]));
    assert_eq!((server.health()["rooms"].as_u64(), server.health()["participants"].as_u64()), (Some(2), Some(4)));
    drop((ann, bea));
    eve.ask("chat-message", &json!({ "text": "still here" }));
    assert_eq!(dan.wait_for("chat-message", |_| true)["text"], "still here");
}
