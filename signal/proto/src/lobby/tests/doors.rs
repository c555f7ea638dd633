//! Coming in: codes, refusals, tokens, what one is told; being away; leaving.

use super::*;

#[test]
fn who_creates_a_room_is_its_host_and_told_everything() {
    let mut scene = Scene::new();
    scene.connect(1);
    let created = scene.ask(1, "create-room", with(person("ann"), json!({ "requestedCode": "my-room" })));
    assert_eq!(created["room"]["code"], "MYROOM");
    assert_eq!((&created["room"]["role"], &created["room"]["host"]), (&json!("host"), &json!("ann")));
    assert_eq!((&created["participantId"], &created["peerId"]), (&json!("ann"), &json!("peer01")));
    assert_eq!(created["swarm"]["key"].as_str().unwrap().len(), 32);
    assert_eq!(created["swarm"]["self"].as_str().unwrap().len(), 40);
    assert_eq!(created["room"]["participants"][0]["name"], "ANN");
    assert_eq!(scene.all(1), [("room-created".to_owned(), created)]);
    assert_eq!(scene.lobby.totals(), Totals { rooms: 1, participants: 1, sockets: 1 });
}

#[test]
fn who_joins_hears_of_the_room_in_order_and_the_others_of_them() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.say(
        1,
        "torrent-magnet",
        json!({ "magnetURI": "magnet:?xt=urn:btih:aa", "streamPath": "a.mp4", "name": "A" }),
    );
    scene.say(1, "movie-loaded", json!({ "name": "A", "duration": 60.5 }));
    scene.say(1, "chat-message", json!({ "text": "hello" }));
    let shown = format!("{}-{}", &code[..4].to_lowercase(), &code[4..]);
    let joined = scene.join(2, "bea", &shown);
    assert_eq!((&joined["room"]["code"], &joined["room"]["role"]), (&json!(code), &json!("viewer")));
    let order =
        ["room-joined", "participant-list", "torrent-magnet", "movie-loaded", "playback-snapshot", "chat-history"];
    let snapshot = scene.last(2, "playback-snapshot").unwrap();
    assert_eq!((&snapshot["playback"]["type"], &snapshot["playback"]["duration"]), (&json!("pause"), &json!(60.5)));
    assert_eq!(scene.last(2, "chat-history").unwrap()["messages"][0]["text"], "hello");
    assert_eq!(scene.names(2), order);
    let news = scene.last(1, "participant-joined").unwrap();
    assert_eq!((&news["id"], &news["peerId"], &news["away"]), (&json!("bea"), &json!("peer02"), &json!(false)));
}

#[test]
fn refusals_are_told_three_ways() {
    let mut scene = Scene::new();
    scene.connect(1);
    let answer = scene.enter(1, with(person("ann"), json!({ "code": "NOROOM12" })));
    assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("S002")));
    let heard = scene.all(1);
    assert_eq!(heard[0].0, "error");
    assert_eq!((heard[0].1["code"].as_str(), heard[0].1["retryable"].as_bool()), (Some("S002"), Some(false)));
    assert_eq!(heard[1], ("room-joined".to_owned(), answer));
}

#[test]
fn codes_are_unique_compared_folded_and_never_told_apart_by_failing() {
    let mut scene = Scene::new();
    scene.connect(1);
    scene.ask(1, "create-room", with(person("ann"), json!({ "requestedCode": "LOLO" })));
    scene.connect(2);
    let taken = scene.ask(2, "create-room", with(person("bea"), json!({ "requestedCode": "10-10" })));
    assert_eq!(taken["code"], "S004");
    let malformed = scene.ask(2, "create-room", with(person("bea"), json!({ "requestedCode": "a!" })));
    assert_eq!(malformed["code"], "S003");
    let unknown = scene.enter(2, with(person("bea"), json!({ "code": "ABCD1234" })));
    let nonsense = scene.enter(2, with(person("bea"), json!({ "code": "?" })));
    assert_eq!(unknown, nonsense);
    assert_eq!(scene.enter(2, with(person("bea"), json!({ "code": "1o1o" })))["success"], true);
}

#[test]
fn guessing_is_slow_for_one_address_and_for_nobody_else() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.connect_from(2, "203.0.113.1");
    let guess = |number: u32| with(person("eve"), json!({ "code": format!("GUESS{number}") }));
    for number in 0..10 {
        assert_eq!(scene.enter(2, guess(number))["code"], "S002");
    }
    let slowed = scene.enter(2, guess(11));
    assert_eq!(slowed["code"], "S010");
    assert!(slowed["wait"].as_f64().unwrap() > 5.0);
    assert_eq!(scene.join(3, "bea", &code)["success"], true);
    scene.pass(S * 7);
    assert_eq!(scene.enter(2, guess(12))["code"], "S002");
}

#[test]
fn only_a_token_that_is_good_passes_by_those_who_guess() {
    let mut scene = Scene::new();
    let (old, stale) = scene.create(1, "ann");
    scene.say(1, "end-room", json!({}));
    scene.ask(1, "create-room", with(person("ann"), json!({ "requestedCode": old })));
    scene.connect_from(2, "203.0.113.1");
    let good = scene.enter(2, with(person("bea"), json!({ "code": old })))["sessionToken"].clone();
    let void = scene.join(3, "cem", &old)["sessionToken"].clone();
    scene.say(1, "kick", json!({ "id": "cem" }));
    scene.say(2, "leave-room", json!({}));
    let mut come = |token: &Value, code: &str, more: Value| {
        scene.enter(2, with(with(person("eve"), json!({ "code": code, "sessionToken": token })), more))["code"].clone()
    };
    for _ in 0..9 {
        assert_eq!(come(&void, &old, json!({})), "S007");
    }
    assert_eq!(come(&"forged".into(), "GUESS", json!({})), "S002");
    let memory = json!({ "snapshot": { "epoch": 1, "seq": 1, "playing": false, "position": 1, "age": 0 } });
    for (what, token) in [("of an earlier room", stale.into()), ("of somebody removed", void), ("forged", json!("x"))] {
        assert_eq!(come(&token, &old, json!({})), "S010", "{what}");
        assert_eq!(come(&token, &old, memory.clone()), "S010", "{what}, with a memory");
    }
    assert_eq!(come(&good, "GUESS", json!({})), "S010", "for another code");
    assert_eq!(come(&good, &old, json!({})), Value::Null, "its bearer is no guesser");
}

#[test]
fn of_many_who_left_the_first_are_forgotten() {
    let mut scene = Scene::with(|config| config.limited = false);
    let (code, _) = scene.create(1, "host");
    let mut come_and_go = |socket: u64, name: &str| {
        let joined = scene.join(socket, name, &code);
        scene.say(1, "set-role", json!({ "id": name, "role": "cohost" }));
        scene.say(socket, "leave-room", json!({}));
        scene.forget_all();
        joined["sessionToken"].clone()
    };
    let first = come_and_go(2, "zoe");
    (0..255).for_each(|number| drop(come_and_go(10 + number, &format!("guest{number}"))));
    let late = come_and_go(3, "abe");
    come_and_go(4, "cem");
    let mut back = |socket: u64, token: &Value| {
        let joined = scene.enter(socket, with(person("x"), json!({ "code": code, "sessionToken": token })));
        joined["room"]["role"].clone()
    };
    assert_eq!(back(3, &late), "cohost");
    assert_eq!(back(2, &first), "viewer", "nobody knows any more");
}

#[test]
fn a_full_or_locked_room_keeps_its_own_people() {
    let mut scene = Scene::with(|config| config.setting.members_max = 2);
    let (code, _) = scene.create(1, "ann");
    let joined = scene.join(2, "bea", &code);
    assert_eq!(scene.join(3, "cem", &code)["code"], "S005");
    scene.say(1, "lock-room", json!({ "locked": true }));
    assert_eq!(scene.last(2, "room-updated").unwrap()["locked"], true);
    scene.say(2, "leave-room", json!({}));
    assert_eq!(scene.join(3, "cem", &code)["code"], "S006");
    let token = joined["sessionToken"].clone();
    let back = scene.enter(2, with(person("bea"), json!({ "code": code, "sessionToken": token })));
    assert_eq!(back["success"], true, "{back}");
}

#[test]
fn a_name_is_nobodys_proof() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    let impostor = scene.join(2, "ann", &code);
    assert_eq!((&impostor["participantId"], &impostor["room"]["role"]), (&json!("ann~2"), &json!("viewer")));
    scene.lose(1);
    scene.pass(S * 61);
    let again = scene.join(3, "ann", &code);
    assert_eq!(again["participantId"], "ann~3", "a name somebody may come back to is taken");
}

#[test]
fn a_token_brings_back_the_same_person_from_any_connection() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    let joined = scene.join(2, "bea", &code);
    scene.forget_all();
    scene.lose(2);
    assert_eq!(scene.last(1, "participant-updated").unwrap()["away"], true);
    scene.pass(S * 9);
    scene.connect(3);
    let back = scene.enter(3, with(person("other"), json!({ "code": code, "sessionToken": joined["sessionToken"] })));
    assert_eq!((&back["participantId"], &back["peerId"]), (&json!("bea"), &json!("peer03")));
    assert_eq!(scene.last(1, "participant-updated").unwrap()["away"], false);
    assert_eq!((scene.heard(1, "participant-left"), scene.heard(1, "participant-joined")), (0, 0));

    scene.connect(4);
    scene.enter(4, with(person("bea"), json!({ "code": code, "sessionToken": back["sessionToken"] })));
    assert_eq!(scene.closed, [3], "the older connection gives way");
    assert_eq!(scene.lobby.totals().participants, 2);
}

#[test]
fn forged_expired_and_others_tokens_are_strangers() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    let (other, _) = scene.create(2, "bea");
    scene.connect(3);
    let forged = format!("{}A", &token[..token.len() - 1]);
    for (code, token) in [(&code, &forged), (&other, &token)] {
        let joined = scene.enter(3, with(person("eve"), json!({ "code": code, "sessionToken": token })));
        assert_eq!((&joined["participantId"], &joined["room"]["role"]), (&json!("eve"), &json!("viewer")));
    }
}

#[test]
fn away_for_too_long_is_gone_but_the_token_still_knows_the_way() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    let joined = scene.join(2, "bea", &code);
    scene.say(1, "set-role", json!({ "id": "bea", "role": "cohost" }));
    let token = scene.last(2, "session-token").unwrap()["sessionToken"].clone();
    assert_ne!(token, joined["sessionToken"]);
    scene.lose(2);
    scene.pass(S * 11);
    assert_eq!(scene.heard(1, "participant-left"), 1);
    scene.connect(3);
    let old = joined["sessionToken"].clone();
    let back = scene.enter(3, with(person("bea"), json!({ "code": code, "sessionToken": old })));
    assert_eq!(back["room"]["role"], "cohost", "what the room knows beats an old token");
    assert_eq!(scene.heard(1, "participant-joined"), 2);
}

#[test]
fn leaving_is_told_at_once_and_ends_what_one_may_say() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    assert_eq!(scene.ask(2, "leave-room", json!({})), json!({ "success": true }));
    assert_eq!(scene.last(1, "participant-left").unwrap(), json!({ "id": "bea" }));
    assert_eq!(scene.ask(2, "chat-message", json!({ "text": "hi" }))["code"], "S008");
    assert_eq!(scene.heard(1, "chat-message"), 0);
}

#[test]
fn another_room_is_another_place() {
    let mut scene = Scene::new();
    let (first, _) = scene.create(1, "ann");
    let (second, _) = scene.create(2, "bea");
    scene.join(3, "cem", &first);
    let moved = scene.enter(3, with(person("cem"), json!({ "code": second })));
    assert_eq!(moved["success"], true);
    assert_eq!(scene.heard(1, "participant-left"), 1);
    assert_eq!(scene.lobby.totals(), Totals { rooms: 2, participants: 3, sockets: 3 });
    let again = scene.enter(3, with(person("cem"), json!({ "code": second })));
    assert_eq!(again["participantId"], "cem", "asked twice is the same person");
    assert_eq!(scene.lobby.totals().participants, 3);
}

#[test]
fn rooms_of_one_address_are_bounded() {
    let mut scene = Scene::new();
    for socket in 0..20 {
        scene.connect_from(socket, "2001:db8::1");
        assert_eq!(scene.ask(socket, "create-room", person("ann"))["success"], true);
    }
    scene.connect_from(20, "2001:db8::2");
    assert_eq!(scene.ask(20, "create-room", person("ann"))["code"], "S005");
    scene.say(0, "end-room", json!({}));
    assert_eq!(scene.ask(20, "create-room", person("ann"))["success"], true);
}

#[test]
fn an_empty_room_waits_and_ends() {
    let mut scene = Scene::new();
    let (code, token) = scene.create(1, "ann");
    scene.lose(1);
    scene.pass(S * 1700);
    scene.connect(2);
    let back = scene.enter(2, with(person("ann"), json!({ "code": code, "sessionToken": token })));
    assert_eq!(back["room"]["role"], "host");
    scene.lose(2);
    scene.pass(S * 1801);
    assert_eq!(scene.lobby.totals(), Totals::default());
    assert_eq!(scene.join(3, "bea", &code)["code"], "S002");
    assert_eq!(scene.lobby.poll_timeout(), None);
}

#[test]
fn a_room_gets_no_older_than_a_day_and_says_so_before() {
    let mut scene = Scene::new();
    scene.create(1, "ann");
    scene.pass(S * (24 * 3600 - 119));
    assert_eq!(scene.last(1, "room-closing").unwrap()["in"], 120);
    scene.pass(S * 120);
    assert_eq!(scene.last(1, "room-closing").unwrap()["in"], 0);
    assert_eq!(scene.lobby.totals(), Totals { rooms: 0, participants: 0, sockets: 1 });
}

#[test]
fn who_comes_when_the_room_is_about_to_end_is_warned_as_the_others_were() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.pass(S * (24 * 3600 - 121));
    scene.join(2, "bea", &code);
    assert_eq!(scene.heard(2, "room-closing"), 0, "nobody is warned yet");
    scene.pass(S * 61);
    scene.join(3, "cem", &code);
    assert_eq!(scene.last(3, "room-closing").unwrap()["in"], 60);
    assert_eq!(scene.names(3).last().unwrap(), "room-closing", "after everything else");
    assert_eq!(scene.heard(2, "room-closing"), 1, "once is enough");
}

#[test]
fn who_says_nothing_of_its_client_is_shown_to_say_nothing() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    for (socket, capabilities) in [(2, None), (3, Some(json!(null))), (4, Some(json!({})))] {
        let mut person = json!({ "participantId": format!("p{socket}"), "name": "P", "code": code });
        capabilities.into_iter().for_each(|it| person["capabilities"] = it);
        scene.connect(socket);
        assert_eq!(scene.enter(socket, person)["success"], true);
        assert_eq!(scene.last(1, "participant-joined").unwrap()["capabilities"], json!({}));
    }
}

#[test]
fn a_server_that_forgot_forms_the_room_again_from_what_its_people_know() {
    let mut scene = Scene::new();
    let (code, host) = scene.create(1, "ann");
    let viewer = scene.join(2, "bea", &code);
    scene.restart();
    let snapshot = |seq: u64, position: f64| {
        json!({
            "epoch": 1, "seq": seq, "playing": true, "position": position, "age": 2000,
            "magnet": "magnet:?xt=urn:btih:aa", "movie": { "name": "A", "duration": 600 },
        })
    };
    scene.connect(3);
    let only = scene.enter(3, with(person("bea"), json!({ "code": code, "sessionToken": viewer["sessionToken"] })));
    assert_eq!(only["code"], "S002", "without a snapshot there is nothing to form it from");
    let first = json!({ "code": code, "sessionToken": viewer["sessionToken"], "snapshot": snapshot(5, 50.0) });
    let formed = scene.enter(3, with(person("bea"), first));
    assert_eq!((&formed["room"]["code"], &formed["room"]["role"]), (&json!(code), &json!("viewer")));
    assert_eq!(formed["swarm"]["key"], viewer["swarm"]["key"], "the swarm goes on under its key");
    let playback = scene.last(3, "playback-snapshot").unwrap()["playback"].clone();
    assert_eq!((&playback["type"], &playback["time"]), (&json!("play"), &json!(52.0)));

    scene.connect(4);
    let later = json!({ "code": code, "sessionToken": host, "snapshot": snapshot(6, 60.0) });
    let back = scene.enter(4, with(person("ann"), later));
    assert_eq!(back["room"]["role"], "host");
    assert_eq!(scene.last(4, "playback-snapshot").unwrap()["playback"]["time"], 62.0, "the later one stands");
    assert_eq!(scene.last(4, "movie-loaded").unwrap()["duration"], 600.0);
}

#[test]
fn a_draining_server_says_when_to_come_back_and_lets_nobody_in() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.input(Input::Drain { retry_after: S * 5 });
    assert_eq!(scene.last(1, "server-restarting").unwrap()["retryAfter"], 5);
    assert_eq!(scene.join(2, "bea", &code)["code"], "S012");
}

#[test]
fn nobody_brings_a_server_down() {
    let mut scene = Scene::new();
    scene.create(1, "ann");
    for payload in [json!(null), json!([]), json!(5), json!({ "time": "x" }), json!({ "time": -1, "actionId": "a" })] {
        let answer = scene.ask(1, "sync-play", payload);
        assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("S013")));
    }
    scene.say(1, "no-such-event", json!({}));
    scene.say(99, "chat-message", json!({ "text": "from nowhere" }));
    scene.lose(99);
    for _ in 0..2000 {
        scene.say(1, "chat-message", json!({ "text": "spam" }));
    }
    assert_eq!(scene.last(1, "error").unwrap()["code"], "S010");
    assert!(scene.closed.contains(&1), "a flood that goes on is cut");
}
