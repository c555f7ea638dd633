//! Rooms that form again, and people who come again.

use super::*;

/// What somebody remembers of a room.
fn memory(order: (u64, u64), playing: bool, position: f64) -> Value {
    json!({ "epoch": order.0, "seq": order.1, "playing": playing, "position": position, "age": 0, "magnet": "magnet:?xt=urn:btih:aa" })
}

/// A room of a host, a viewer and another, which the server forgets; their tokens.
fn forgotten() -> (Scene, String, [Value; 3]) {
    let mut scene = Scene::new();
    let (code, host) = scene.create(1, "ann");
    let viewers = [2, 3].map(|socket| scene.join(socket, if socket == 2 { "bea" } else { "cem" }, &code));
    scene.restart();
    let [bea, cem] = viewers.map(|joined| joined["sessionToken"].clone());
    (scene, code, [host.into(), bea, cem])
}

fn back(scene: &mut Scene, socket: u64, name: &str, code: &str, token: &Value, snapshot: &Value) -> Value {
    scene.connect(socket);
    scene.enter(socket, with(person(name), json!({ "code": code, "sessionToken": token, "snapshot": snapshot })))
}

#[test]
fn a_later_memory_is_told_to_who_came_with_an_earlier_one() {
    let (mut scene, code, [host, bea, _]) = forgotten();
    back(&mut scene, 2, "bea", &code, &bea, &memory((1, 5), true, 50.0));
    scene.forget_all();
    back(&mut scene, 1, "ann", &code, &host, &memory((1, 6), false, 61.0));
    assert_eq!(scene.last(2, "sync-pause").unwrap()["time"], 61.0);
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "paused");
    assert_eq!(scene.last(2, "torrent-magnet").unwrap()["magnetURI"], "magnet:?xt=urn:btih:aa");
}

#[test]
fn a_later_memory_of_a_playing_film_waits_for_nobody() {
    let (mut scene, code, [host, bea, _]) = forgotten();
    back(&mut scene, 2, "bea", &code, &bea, &memory((1, 5), false, 50.0));
    scene.forget_all();
    back(&mut scene, 1, "ann", &code, &host, &memory((1, 6), true, 61.0));
    assert_eq!(scene.last(2, "sync-play").unwrap()["time"], 61.0);
    scene.pass(S * 20);
    assert_eq!(scene.heard(2, "sync-play"), 1, "it was under way all the time");
    assert!(scene.heard(2, "sync-check") >= 3, "and is asked for reports");
}

#[test]
fn once_the_room_lives_no_memory_moves_it() {
    let (mut scene, code, [host, bea, _]) = forgotten();
    back(&mut scene, 1, "ann", &code, &host, &memory((1, 5), false, 50.0));
    scene.say(1, "sync-pause", json!({ "time": 70, "actionId": "p" }));
    scene.forget_all();
    back(&mut scene, 2, "bea", &code, &bea, &memory((9, 900), true, 5.0));
    assert_eq!(scene.heard(1, "sync-play"), 0);
    assert_eq!(scene.last(2, "playback-snapshot").unwrap()["playback"]["time"], 70.0);
}

#[test]
fn anchors_are_counted_on_when_a_later_film_was_remembered_with_fewer() {
    let (mut scene, code, [host, bea, _]) = forgotten();
    back(&mut scene, 2, "bea", &code, &bea, &memory((1, 50), false, 50.0));
    back(&mut scene, 1, "ann", &code, &host, &memory((2, 7), false, 3.0));
    let playback = scene.last(1, "playback-snapshot").unwrap()["playback"].clone();
    assert_eq!((&playback["epoch"], &playback["seq"], &playback["time"]), (&json!(2), &json!(50), &json!(3.0)));
}

#[test]
fn a_memory_of_more_than_there_can_be_is_refused() {
    let (mut scene, code, [host, ..]) = forgotten();
    for order in [(u64::MAX, 1), (1, u64::MAX), ((1 << 48) + 1, 1)] {
        assert_eq!(back(&mut scene, 1, "ann", &code, &host, &memory(order, false, 1.0))["code"], "S013", "{order:?}");
    }
    let latest = 1 << 48;
    assert_eq!(back(&mut scene, 1, "ann", &code, &host, &memory((latest, latest), false, 1.0))["success"], true);
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:bb" }));
    assert_eq!(scene.ask(1, "media-cleared", json!({}))["epoch"], latest + 2);
}

#[test]
fn only_a_hosts_memory_removes_people() {
    let (mut scene, code, [host, bea, cem]) = forgotten();
    let removing = |seq, who: &str| with(memory((1, seq), false, 1.0), json!({ "kicked": [who] }));
    back(&mut scene, 2, "bea", &code, &bea, &removing(9, "ann"));
    assert_eq!(back(&mut scene, 3, "cem", &code, &cem, &memory((1, 2), false, 1.0))["success"], true);
    // An earlier anchor, and all the same the host's word.
    let returned = back(&mut scene, 1, "ann", &code, &host, &removing(3, "cem"));
    assert_eq!(returned["room"]["role"], "host", "a viewer cannot shut the host out");
    assert_eq!(scene.last(3, "error").unwrap()["code"], "S007");
    assert_eq!(scene.closed, [3]);
    assert_eq!(scene.last(2, "participant-left").unwrap()["id"], "cem");
    assert_eq!(back(&mut scene, 4, "cem", &code, &cem, &memory((1, 2), false, 1.0))["code"], "S007");
}

#[test]
fn of_two_remembered_hosts_the_later_is_one_and_all_hear_it() {
    let mut scene = Scene::new();
    let (code, first) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.join(3, "cem", &code);
    scene.say(1, "set-role", json!({ "id": "bea", "role": "host" }));
    let second = scene.last(2, "session-token").unwrap()["sessionToken"].clone();
    scene.restart();
    let formed = back(&mut scene, 1, "ann", &code, &first.into(), &memory((1, 5), false, 5.0));
    assert_eq!(formed["room"]["role"], "host");
    scene.forget_all();
    let back = back(&mut scene, 2, "bea", &code, &second, &memory((1, 5), false, 5.0));
    assert_eq!((&back["room"]["role"], &back["room"]["host"]), (&json!("host"), &json!("bea")));
    assert_eq!(scene.last(1, "host-changed").unwrap(), json!({ "id": "bea", "previous": "ann", "reason": "returned" }));
    assert_eq!(scene.ask(1, "lock-room", json!({ "locked": true }))["code"], "S008");
}

#[test]
fn a_host_that_the_room_chose_itself_stays_host() {
    let (mut scene, code, [host, bea, _]) = forgotten();
    back(&mut scene, 2, "bea", &code, &bea, &memory((1, 5), false, 5.0));
    scene.pass(S * 61);
    assert_eq!(scene.last(2, "host-changed").unwrap()["id"], "bea");
    let late = back(&mut scene, 1, "ann", &code, &host, &memory((1, 5), false, 5.0));
    assert_eq!(late["room"]["role"], "cohost");
    scene.say(1, "claim-host", json!({}));
    assert_eq!(scene.last(2, "host-changed").unwrap()["id"], "ann");
}

#[test]
fn what_is_sent_again_after_a_broken_connection_is_done_once() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    scene.say(1, "sync-pause", json!({ "time": 5, "actionId": "once" }));
    scene.lose(1);
    scene.connect(2);
    scene.enter(2, with(person("ann"), json!({ "code": code, "sessionToken": token })));
    scene.say(2, "sync-pause", json!({ "time": 5, "actionId": "once" }));
    assert_eq!(scene.heard(2, "sync-pause"), 0);
    scene.say(2, "sync-pause", json!({ "time": 5, "actionId": "twice" }));
    assert_eq!(scene.heard(2, "sync-pause"), 1);
}

#[test]
fn a_scheduled_start_reaches_a_plans_client_through_a_first_magnet_and_another_speed() {
    for (name, change) in [
        ("torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:aa" })),
        ("set-rate", json!({ "rate": 1.5, "actionId": "r" })),
    ] {
        let mut scene = Scene::new();
        let (code, _) = scene.create(1, "ann");
        scene.connect(2);
        scene.enter(2, with(planner("pia"), json!({ "code": code })));
        scene.say(1, "sync-play", json!({ "time": 5, "actionId": "p" }));
        let changed = scene.ask(1, name, change);
        assert_eq!(scene.heard(2, "sync-play"), 0, "{name}");
        scene.pass(S);
        let told = scene.last(2, "sync-play").unwrap();
        assert_eq!((&told["time"], &told["epoch"]), (&json!(5.0), &changed["epoch"]), "{name}");
    }
}

#[test]
fn reports_are_asked_for_while_somebody_is_here() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    scene.say(1, "sync-play", json!({ "time": 5, "actionId": "p" }));
    scene.lose(1);
    scene.pass(S * 30);
    scene.connect(2);
    scene.enter(2, with(person("ann"), json!({ "code": code, "sessionToken": token })));
    scene.pass(S * 11);
    assert_eq!(scene.heard(2, "sync-check"), 2);
}

#[test]
fn credentials_that_never_live_do_not_keep_the_server_awake() {
    let mut scene = Scene::with(|config| {
        config.setting.ice.turn = vec!["turn:turn.example".to_owned()];
        config.setting.ice.turn_auth = TurnAuth::Secret(b"s".to_vec());
        config.setting.ice.ttl = Duration::ZERO;
    });
    scene.create(1, "ann");
    scene.pass(S * 10);
    assert_eq!(scene.heard(1, "ice-servers"), 10);
}

#[test]
fn a_connection_that_comes_as_another_person_leaves_as_the_first() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.forget_all();
    let joined = scene.enter(2, with(person("cem"), json!({ "code": code })));
    assert_eq!(joined["participantId"], "cem");
    assert_eq!(joined["room"]["participants"].as_array().unwrap().len(), 2);
    assert_eq!(scene.names(1), ["participant-left", "participant-joined"]);
    let own = ["room-joined", "participant-list", "playback-snapshot", "chat-history"];
    assert_eq!(scene.names(2), own, "nothing of its own coming and going");
    assert_eq!(scene.lobby.totals().participants, 2);
    scene.say(2, "chat-message", json!({ "text": "hello" }));
    assert_eq!(scene.last(1, "chat-message").unwrap()["senderId"], "cem");
}
