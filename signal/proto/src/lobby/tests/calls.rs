//! Calls and chat.

use super::*;

fn three() -> (Scene, String) {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.join(3, "cem", &code);
    scene.forget_all();
    (scene, code)
}

#[test]
fn each_pair_has_exactly_one_that_begins() {
    let (mut scene, _) = three();
    for socket in [3, 1, 2] {
        scene.say(socket, "ready-for-connection", json!({}));
    }
    let mut begun = Vec::new();
    for socket in 1..=3 {
        for (name, told) in scene.all(socket) {
            if name == "start-webrtc" {
                begun.push((socket, told["peerId"].as_str().unwrap().to_owned(), told["initiator"].as_bool().unwrap()));
            }
        }
    }
    assert_eq!(begun.len(), 6);
    for (socket, peer, initiator) in begun {
        assert_eq!(initiator, format!("peer{socket:02}") < peer, "the smaller id begins");
    }
}

#[test]
fn signalling_is_relayed_unread_within_the_room_only() {
    let (mut scene, _) = three();
    scene.create(9, "eve");
    let sdp = json!({ "type": "offer", "sdp": "v=0\r\nä" });
    scene.say(1, "offer", json!({ "offer": sdp, "to": "peer02", "from": "peer03" }));
    let told = scene.last(2, "offer").unwrap();
    assert_eq!((&told["offer"], &told["from"], &told["fromParticipant"]), (&sdp, &json!("peer01"), &json!("ann")));
    scene.say(2, "answer", json!({ "answer": { "type": "answer", "sdp": "x" }, "to": "ann" }));
    assert_eq!(scene.last(1, "answer").unwrap()["from"], "peer02", "by either id");
    scene.say(2, "ice-candidate", json!({ "candidate": { "candidate": "c", "sdpMid": "0" }, "to": "peer01" }));
    assert_eq!(scene.last(1, "ice-candidate").unwrap()["candidate"]["sdpMid"], "0");
    assert_eq!(scene.ask(9, "offer", json!({ "offer": sdp, "to": "peer01" }))["code"], "S014");
    assert_eq!(scene.heard(1, "offer"), 0);
    scene.say(3, "start-webrtc", json!({ "peerId": "peer01", "initiator": true }));
    let told = scene.last(1, "start-webrtc").unwrap();
    assert_eq!((&told["peerId"], &told["initiator"]), (&json!("peer03"), &json!(true)));
}

#[test]
fn leaving_a_call_by_any_way_is_told() {
    let (mut scene, _) = three();
    for socket in 1..=3 {
        scene.say(socket, "ready-for-connection", json!({}));
    }
    scene.say(2, "call-state", json!({ "audio": true, "video": false }));
    let told = scene.last(1, "call-state").unwrap();
    assert_eq!((&told["id"], &told["audio"], &told["screen"]), (&json!("bea"), &json!(true), &json!(false)));
    scene.say(2, "leave-call", json!({}));
    assert_eq!(scene.last(1, "peer-left").unwrap(), json!({ "peerId": "peer02", "id": "bea" }));
    assert_eq!(scene.last(1, "participant-updated").unwrap().get("inCall"), None);
    scene.lose(3);
    assert_eq!(scene.last(1, "peer-left").unwrap()["id"], "cem");
    scene.say(1, "leave-call", json!({}));
    scene.say(1, "leave-call", json!({}));
    assert_eq!(scene.heard(2, "peer-left"), 2, "cem's and ann's, once each");
}

#[test]
fn the_ninth_in_a_call_is_refused() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "p1");
    for socket in 2..=9 {
        scene.join(socket, &format!("p{socket}"), &code);
    }
    for socket in 1..=8 {
        assert_eq!(scene.ask(socket, "ready-for-connection", json!({}))["success"], true);
    }
    assert_eq!(scene.ask(9, "ready-for-connection", json!({}))["code"], "S015");
    assert_eq!(scene.ask(8, "ready-for-connection", json!({}))["success"], true, "who is in it stays in it");
}

#[test]
fn credentials_are_renewed_before_they_run_out() {
    let mut scene = Scene::with(|config| {
        config.setting.ice.turn = vec!["turn:t.example:3478".into()];
        config.setting.ice.turn_auth = TurnAuth::Secret(b"s".to_vec());
    });
    scene.connect(1);
    let created = scene.ask(1, "create-room", person("ann"));
    let username = created["iceServers"][0]["username"].as_str().unwrap().to_owned();
    assert_eq!(username, "1700003600:ann");
    scene.pass(S * (2880 - 1));
    assert_eq!(scene.heard(1, "ice-servers"), 0);
    scene.pass(S);
    let told = scene.last(1, "ice-servers").unwrap();
    assert_eq!((&told["ttl"], &told["iceServers"][0]["username"]), (&json!(3600), &json!("1700006480:ann")));
    assert_eq!(scene.ask(1, "get-ice-servers", json!({}))["ttl"], 3600);
}

#[test]
fn chat_is_everybodys_and_kept_for_who_comes_later() {
    let (mut scene, code) = three();
    scene.say(2, "chat-message", json!({ "text": " hi \u{202e}there\u{7} ", "clientId": "c1", "mediaTime": 5.5 }));
    let told = scene.last(2, "chat-message").unwrap();
    assert_eq!(
        (&told["text"], &told["sender"], &told["senderRole"]),
        (&json!("hi there"), &json!("BEA"), &json!("viewer"))
    );
    assert_eq!((&told["clientId"], &told["mediaTime"]), (&json!("c1"), &json!(5.5)));
    assert_eq!(scene.last(1, "chat-message"), Some(told));
    for number in 0..120 {
        scene.pass(S);
        scene.say(1, "chat-message", json!({ "text": number.to_string() }));
    }
    scene.join(4, "late", &code);
    let history = scene.last(4, "chat-history").unwrap()["messages"].clone();
    assert_eq!((history.as_array().unwrap().len(), &history[0]["text"]), (100, &json!("20")));
    assert_eq!(scene.ask(1, "chat-message", json!({ "text": "x".repeat(2001) }))["code"], "S013");
}

#[test]
fn subtitles_are_kept_for_who_comes_later() {
    let (mut scene, code) = three();
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:aa" }));
    scene.say(2, "subtitle-shared", json!({ "magnet": "magnet:?xt=urn:btih:cc", "name": "German", "language": "de" }));
    assert_eq!(scene.last(2, "subtitle-shared").unwrap()["by"], "bea");
    scene.join(4, "late", &code);
    assert_eq!(scene.last(4, "subtitle-shared").unwrap()["name"], "German");
}
