//! What clients make of what they are told is what the room means. That they read all of it, every scene checks.

use super::*;
use crate::event::{Moved, RoomState, Rules, Snapshot};
use crate::playback::{Anchor, PlaybackState};
use crate::roles::ControlMode;
use crate::room::IceSetting;

fn moved(event: ServerEvent) -> Anchor {
    match event {
        ServerEvent::SyncPlay(moved) | ServerEvent::SyncPause(moved) | ServerEvent::SyncSeek(moved) => {
            let Moved { time, action_id, anchor } = moved;
            let anchor = anchor.expect("our server keeps anchors");
            assert_eq!((anchor.position, &anchor.action_id), (time, &action_id));
            anchor
        }
        other => panic!("{other:?}"),
    }
}

fn state(scene: &Scene, socket: u64) -> RoomState {
    match scene.last_read(socket, "room-state") {
        ServerEvent::RoomState(state) => state,
        other => panic!("{other:?}"),
    }
}

fn snapshot(scene: &Scene, socket: u64) -> Snapshot {
    match scene.last_read(socket, "playback-snapshot") {
        ServerEvent::PlaybackSnapshot(snapshot) => snapshot,
        other => panic!("{other:?}"),
    }
}

fn rules_on_joining(scene: &Scene, socket: u64) -> Rules {
    match scene.last_read(socket, "room-joined") {
        ServerEvent::RoomJoined(Ok(entered)) => entered.room.rules.expect("our server has rules"),
        other => panic!("{other:?}"),
    }
}

/// Ann and Bea, who know scheduled starts, with a film that Bea is not ready for.
fn two() -> (Scene, String) {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:aa" }));
    scene.say(1, "movie-loaded", json!({ "name": "A", "duration": 600 }));
    scene.say(1, "ready-state", json!({ "epoch": 1, "seq": 1, "ready": true }));
    (scene, code)
}

fn action(time: f64, id: &str) -> Value {
    json!({ "time": time, "actionId": id })
}

#[test]
fn every_event_about_playing_says_the_same_anchor() {
    let (mut scene, code) = two();
    scene.say(1, "sync-play", action(60.0, "p"));
    let waiting = state(&scene, 2);
    assert_eq!((waiting.anchor.state, waiting.anchor.position.seconds()), (PlaybackState::Waiting, 60.0));
    assert_eq!(waiting.waiting_on, [ParticipantId::parse("bea").unwrap()]);
    let left = waiting.deadline.unwrap().millis_since(scene.lobby.server_time(scene.now));
    assert_eq!(left, 15_000);
    scene.join(3, "cem", &code);
    let snapshot_waiting = snapshot(&scene, 3);
    assert_eq!(snapshot_waiting.anchor.unwrap().state, PlaybackState::Waiting);
    assert_eq!((snapshot_waiting.playing, snapshot_waiting.waiting_on), (false, waiting.waiting_on));

    scene.say(2, "ready-state", json!({ "epoch": 1, "seq": waiting.anchor.seq, "ready": true }));
    let started = moved(scene.last_read(2, "sync-play"));
    assert_eq!(started, state(&scene, 2).anchor);
    assert_eq!(started.starts_at(scene.lobby.server_time(scene.now)), Some(started.at), "it is scheduled");
    assert_eq!(started.by, ParticipantId::parse("ann"));

    scene.pass(S * 10);
    scene.say(1, "set-rate", json!({ "rate": 2.0, "actionId": "r" }));
    scene.pass(S * 7);
    scene.join(4, "dan", &code);
    let now = scene.lobby.server_time(scene.now);
    let (late, known) = (snapshot(&scene, 4), state(&scene, 2).anchor);
    let anchor = late.anchor.unwrap();
    assert_eq!((anchor.order(), anchor.rate, anchor.state), (known.order(), known.rate, PlaybackState::Playing));
    let apart = anchor.position_at(now).seconds() - known.position_at(now).seconds();
    assert!(apart.abs() < 0.002, "{apart}");
    assert!((late.time.seconds() - (60.0 + 9.7 + 14.0)).abs() < 1e-6, "the scheduled start took 300 ms");
    assert_eq!(late.duration.map(crate::time::MediaTime::seconds), Some(600.0));

    scene.say(1, "sync-pause", action(84.0, "q"));
    assert_eq!(moved(scene.last_read(4, "sync-pause")), state(&scene, 4).anchor);
    scene.say(1, "sync-seek", action(30.0, "s"));
    assert_eq!(moved(scene.last_read(4, "sync-seek")), state(&scene, 4).anchor);
}

#[test]
fn a_seek_while_it_plays_stands_until_all_are_ready_or_starts_on_its_instant() {
    let (mut scene, _) = two();
    scene.say(1, "sync-play", action(0.0, "p"));
    scene.say(1, "start-anyway", json!({}));
    scene.pass(S * 5);
    scene.say(1, "sync-seek", action(100.0, "s"));
    let (sought, waiting) = (moved(scene.last_read(2, "sync-seek")), state(&scene, 2).anchor);
    assert_eq!((sought.state, waiting.state), (PlaybackState::Paused, PlaybackState::Waiting));
    assert_eq!((sought.position, sought.order()), (waiting.position, waiting.order()));

    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.connect(2);
    scene.enter(2, with(planner("pia"), json!({ "code": code })));
    scene.say(1, "sync-play", action(0.0, "p"));
    scene.pass(S * 5);
    scene.say(1, "sync-seek", action(100.0, "s"));
    let sought = moved(scene.last_read(1, "sync-seek"));
    assert_eq!((sought.state, &sought), (PlaybackState::Playing, &state(&scene, 1).anchor));
}

#[test]
fn who_controls_is_told_to_who_comes_later_too() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    assert_eq!(rules_on_joining(&scene, 2).control, ControlMode::Host);
    scene.say(1, "set-control-mode", json!({ "mode": "chosen", "participants": ["bea"] }));
    scene.say(1, "lock-room", json!({ "locked": false }));
    scene.join(3, "cem", &code);
    let rules = rules_on_joining(&scene, 3);
    assert_eq!(rules.control, ControlMode::Chosen([ParticipantId::parse("bea").unwrap()].into()));
    assert_eq!(scene.last_read(2, "room-updated"), ServerEvent::RoomUpdated(rules));
}

#[test]
fn servers_for_calls_and_the_swarm_are_read_and_kept_out_of_logs() {
    let mut scene = Scene::with(|config| {
        config.setting.ice = IceSetting {
            stun: vec!["stun:s.example".to_owned()],
            turn: vec!["turn:t.example".to_owned(), "turns:t.example".to_owned()],
            turn_auth: TurnAuth::Secret(b"relay".to_vec()),
            ttl: S * 600,
        };
    });
    let (code, _) = scene.create(1, "ann");
    let answer = scene.join(2, "bea", &code);
    // The acknowledgement carries the same as the event.
    let read = parse_server("room-joined", Some(&answer)).unwrap().unwrap();
    assert_eq!(read, scene.last_read(2, "room-joined"));
    let ServerEvent::RoomJoined(Ok(entered)) = read else { panic!("in: {answer}") };
    assert_eq!(entered.session_token.as_ref().unwrap().as_str(), answer["sessionToken"]);
    assert_eq!(entered.ice_servers[0].urls, ["stun:s.example"]);
    let turn = &entered.ice_servers[1];
    assert_eq!(turn.username.as_deref(), answer["iceServers"][1]["username"].as_str());
    assert_eq!(turn.credential.as_ref().unwrap().as_str(), answer["iceServers"][1]["credential"]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let swarm = entered.swarm.as_ref().unwrap();
    assert_eq!(json!({ "key": hex(&swarm.key), "self": hex(&swarm.own) }), answer["swarm"]);
    let shown = format!("{entered:?}");
    for secret in [&answer["sessionToken"], &answer["iceServers"][1]["credential"], &answer["swarm"]["key"]] {
        assert!(!shown.contains(secret.as_str().unwrap()), "{shown}");
    }

    scene.pass(S * 480);
    let ServerEvent::IceServers { servers, ttl } = scene.last_read(2, "ice-servers") else { panic!("renewed") };
    assert_eq!((servers.len(), ttl), (2, Some(S * 600)));
    assert_ne!(servers[1], entered.ice_servers[1], "with fresh credentials");
}
