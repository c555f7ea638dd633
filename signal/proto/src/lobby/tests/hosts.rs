//! Whose room it is, and who may do what in it.

use super::*;

#[test]
fn viewers_control_nothing_and_change_nothing() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.forget_all();
    let refused = [
        ("sync-play", json!({ "time": 1, "actionId": "a" })),
        ("sync-pause", json!({ "time": 1, "actionId": "a" })),
        ("sync-seek", json!({ "time": 1, "actionId": "a" })),
        ("sync-correct", json!({ "playbackTime": 1, "playing": true, "actionId": "a" })),
        ("torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:bb" })),
        ("movie-loaded", json!({ "name": "B" })),
        ("media-cleared", json!({})),
        ("start-anyway", json!({})),
        ("set-rate", json!({ "rate": 1.5, "actionId": "a" })),
        ("sync-check", json!({})),
        ("set-control-mode", json!({ "mode": "everyone" })),
        ("set-role", json!({ "id": "bea", "role": "host" })),
        ("kick", json!({ "id": "ann" })),
        ("lock-room", json!({ "locked": true })),
        ("set-policy", json!({ "wait": "flow" })),
        ("end-room", json!({})),
        ("claim-host", json!({})),
    ];
    for (name, payload) in refused {
        let answer = scene.ask(2, name, payload);
        assert_eq!((name, &answer["code"]), (name, &json!("S008")));
    }
    assert_eq!(scene.all(1), [], "the host hears nothing of it");
}

#[test]
fn who_controls_is_the_hosts_to_say() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.join(3, "cem", &code);
    let seek = |n: u32| json!({ "time": n, "actionId": n.to_string() });
    scene.say(1, "set-control-mode", json!({ "mode": "chosen", "participants": ["cem"] }));
    assert_eq!(scene.last(2, "room-updated").unwrap()["participants"], json!(["cem"]));
    assert_eq!(scene.ask(2, "sync-seek", seek(1))["code"], "S008");
    assert_eq!(scene.ask(3, "sync-seek", seek(2))["by"], "cem");
    scene.say(1, "set-control-mode", json!({ "mode": "everyone" }));
    assert_eq!(scene.ask(2, "sync-seek", seek(3))["by"], "bea");
    scene.say(1, "set-control-mode", json!({ "mode": "host" }));
    scene.say(1, "set-role", json!({ "id": "bea", "role": "cohost" }));
    assert_eq!(scene.last(3, "participant-updated").unwrap()["role"], "cohost");
    assert_eq!(scene.ask(2, "sync-seek", seek(4))["by"], "bea");
    assert_eq!(scene.ask(1, "set-role", json!({ "id": "nobody", "role": "viewer" }))["code"], "S014");
    assert_eq!(scene.ask(1, "set-role", json!({ "id": "ann", "role": "viewer" }))["code"], "S008");
}

#[test]
fn a_host_that_is_back_in_time_is_host() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.lose(1);
    assert_eq!(scene.last(2, "host-away").unwrap(), json!({ "id": "ann", "grace": 60 }));
    scene.pass(S * 59);
    scene.connect(3);
    let back = scene.enter(3, with(person("ann"), json!({ "code": code, "sessionToken": token })));
    assert_eq!(back["room"]["role"], "host");
    scene.pass(S * 120);
    assert_eq!((scene.heard(2, "host-changed"), scene.heard(2, "participant-left")), (0, 0));
}

#[test]
fn the_cohost_inherits_before_who_was_here_longer_and_the_first_host_may_claim_it_back() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.join(3, "cem", &code);
    scene.say(1, "set-role", json!({ "id": "cem", "role": "cohost" }));
    scene.lose(1);
    scene.pass(S * 61);
    let changed = scene.last(2, "host-changed").unwrap();
    assert_eq!(changed, json!({ "id": "cem", "previous": "ann", "reason": "away" }));
    assert_eq!(scene.heard(2, "participant-left"), 1);

    scene.connect(4);
    let back = scene.enter(4, with(person("ann"), json!({ "code": code, "sessionToken": token })));
    assert_eq!((&back["room"]["role"], &back["room"]["host"]), (&json!("cohost"), &json!("cem")));
    scene.say(4, "claim-host", json!({}));
    let changed = scene.last(2, "host-changed").unwrap();
    assert_eq!(changed, json!({ "id": "ann", "previous": "cem", "reason": "claimed" }));
    assert_eq!(scene.last(3, "participant-updated").unwrap()["role"], "host");
    assert_eq!(scene.ask(3, "claim-host", json!({}))["code"], "S008", "cem was never the first host");
}

#[test]
fn a_host_that_leaves_is_followed_at_once() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.join(3, "cem", &code);
    scene.say(1, "leave-room", json!({}));
    let changed = scene.last(3, "host-changed").unwrap();
    assert_eq!(changed, json!({ "id": "bea", "previous": "ann", "reason": "left" }));
}

#[test]
fn somebody_new_alone_in_a_room_becomes_host_after_the_grace() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.lose(1);
    scene.pass(S * 120);
    let joined = scene.join(2, "bea", &code);
    assert_eq!(joined["room"]["role"], "viewer");
    scene.pass(S * 59);
    assert_eq!(scene.heard(2, "host-changed"), 0);
    scene.pass(S * 2);
    assert_eq!(scene.last(2, "host-changed").unwrap()["id"], "bea");
}

#[test]
fn the_film_goes_on_without_its_host_unless_the_room_chose_otherwise() {
    for (choice, pauses) in [("continue", 0), ("pause", 1)] {
        let mut scene = Scene::new();
        let (code, _) = scene.create(1, "ann");
        scene.join(2, "bea", &code);
        scene.say(1, "set-policy", json!({ "hostLeft": choice }));
        scene.say(1, "sync-play", json!({ "time": 5, "actionId": "a" }));
        scene.pass(S * 10);
        scene.lose(1);
        assert_eq!(scene.heard(2, "sync-pause"), pauses, "{choice}");
    }
}

#[test]
fn who_is_removed_hears_why_and_stays_out() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    let joined = scene.join(2, "bea", &code);
    assert_eq!(scene.ask(1, "kick", json!({ "id": "ann" }))["code"], "S008");
    scene.say(1, "kick", json!({ "id": "bea" }));
    assert_eq!(scene.last(2, "error").unwrap()["code"], "S007");
    assert_eq!(scene.closed, [2]);
    assert_eq!(scene.last(1, "participant-left").unwrap()["id"], "bea");
    scene.connect(3);
    let token = with(person("bea"), json!({ "code": code, "sessionToken": joined["sessionToken"] }));
    assert_eq!(scene.enter(3, token)["code"], "S007");
    assert_eq!(scene.enter(3, with(person("bea"), json!({ "code": code })))["code"], "S007");
    assert_eq!(scene.enter(3, with(person("dan"), json!({ "code": code })))["success"], true);
}

#[test]
fn an_ended_room_is_over_for_all() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.say(1, "end-room", json!({}));
    for socket in [1, 2] {
        assert_eq!(scene.last(socket, "room-closing").unwrap()["in"], 0);
    }
    assert_eq!(scene.lobby.totals(), Totals { rooms: 0, participants: 0, sockets: 2 });
    assert_eq!(scene.ask(2, "chat-message", json!({ "text": "hello?" }))["code"], "S008");
}

#[test]
fn a_room_given_away_is_the_others() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.say(1, "set-role", json!({ "id": "bea", "role": "host" }));
    assert_eq!(scene.last(2, "host-changed").unwrap(), json!({ "id": "bea", "previous": "ann", "reason": "given" }));
    assert_eq!(scene.ask(1, "lock-room", json!({ "locked": true }))["code"], "S008");
    assert_eq!(scene.ask(2, "lock-room", json!({ "locked": true }))["locked"], true);
}
