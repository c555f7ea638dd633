//! Playing in step, as the server orders it.

use super::*;

/// A host, a viewer that knows scheduled starts, a viewer that knows the plan alone; all with a film and ready.
fn cinema() -> (Scene, String) {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.connect(3);
    scene.enter(3, with(planner("pia"), json!({ "code": code })));
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:aa" }));
    for (socket, rtt) in [(1, 20), (2, 400), (3, 100)] {
        scene.input(Input::RoundTrip(SocketKey(socket), Duration::from_millis(rtt)));
    }
    ready(&mut scene, 1, true);
    ready(&mut scene, 2, true);
    scene.forget_all();
    (scene, code)
}

fn ready(scene: &mut Scene, socket: u64, ready: bool) {
    let known = scene
        .last(1, "room-state")
        .map_or((1, 1), |state| (state["epoch"].as_u64().unwrap(), state["seq"].as_u64().unwrap()));
    scene.say(socket, "ready-state", json!({ "epoch": known.0, "seq": known.1, "ready": ready }));
}

fn action(time: f64, id: &str) -> Value {
    json!({ "time": time, "actionId": id })
}

#[test]
fn a_start_is_scheduled_for_the_slowest_and_told_to_all() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(12.5, "p1"));
    let told = scene.last(2, "sync-play").unwrap();
    assert_eq!((&told["time"], &told["actionId"], &told["by"]), (&json!(12.5), &json!("p1"), &json!("ann")));
    let ahead = told["startAt"].as_i64().unwrap() - told["timestamp"].as_i64().unwrap();
    assert_eq!(ahead, 600, "one and a half times the slowest round trip");
    assert_eq!(scene.last(1, "sync-play"), Some(told.clone()), "the sender too");
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "playing");

    assert_eq!(scene.heard(3, "sync-play"), 0, "who plays at once hears it later");
    scene.pass(Duration::from_millis(549));
    assert_eq!(scene.heard(3, "sync-play"), 0);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.last(3, "sync-play"), Some(told));
    assert_eq!(scene.heard(3, "room-state"), 0);
}

#[test]
fn the_answer_is_what_the_event_says() {
    let (mut scene, _) = cinema();
    for (name, time) in [("sync-play", 3.0), ("sync-play", 4.0), ("sync-seek", 50.0), ("sync-pause", 51.0)] {
        let answer = scene.ask(1, name, action(time, &format!("{name} {time}")));
        assert_eq!(scene.last(2, name), Some(answer.clone()));
        assert_eq!(answer["startAt"].is_i64(), name == "sync-play", "{name}: {answer}");
        ready(&mut scene, 1, true);
        ready(&mut scene, 2, true);
    }
}

#[test]
fn a_plans_client_that_comes_during_a_start_starts_with_the_others() {
    for name in ["sync-play", "sync-seek"] {
        let (mut scene, code) = cinema();
        if name == "sync-seek" {
            // A seek that waits for nobody is a start, too, and everybody hears of it at once.
            scene.say(1, "set-spectating", json!({ "on": true }));
            scene.say(2, "set-spectating", json!({ "on": true }));
            scene.say(1, "sync-play", action(1.0, "p"));
            scene.pass(S);
        }
        scene.forget_all();
        scene.say(1, name, action(10.0, "s"));
        scene.pass(Duration::from_millis(200));
        scene.connect(4);
        scene.enter(4, with(planner("pip"), json!({ "code": code })));
        let playback = scene.last(4, "playback-snapshot").unwrap()["playback"].clone();
        assert_eq!((&playback["type"], &playback["time"]), (&json!("pause"), &json!(10.0)), "{name}");
        scene.join(5, "dan", &code);
        let playback = scene.last(5, "playback-snapshot").unwrap()["playback"].clone();
        assert_eq!((&playback["type"], playback["startAt"].is_i64()), (&json!("play"), true), "who knows when");
        scene.pass(Duration::from_millis(399));
        assert_eq!(scene.heard(4, "sync-play"), 0, "{name}");
        scene.pass(Duration::from_millis(1));
        let told = scene.last(4, "sync-play").unwrap();
        assert_eq!((&told["time"], &told["actionId"]), (&json!(10.0), &json!("s")), "{name}");
        assert_eq!(scene.heard(3, "sync-play"), usize::from(name == "sync-play"), "{name}");
        scene.pass(S * 2);
        assert_eq!(scene.heard(4, "sync-play"), 1, "{name}");
    }
}

#[test]
fn a_plans_client_that_comes_again_during_a_start_hears_of_it_once() {
    let (mut scene, code) = cinema();
    scene.connect(4);
    let joined = scene.enter(4, with(planner("pip"), json!({ "code": code })));
    scene.say(1, "sync-play", action(10.0, "s"));
    scene.input(Input::RoundTrip(SocketKey(4), Duration::from_millis(300)));
    scene.connect(5);
    scene.enter(5, with(planner("pip"), json!({ "code": code, "sessionToken": joined["sessionToken"] })));
    scene.pass(S);
    assert_eq!((scene.heard(4, "sync-play"), scene.heard(5, "sync-play")), (0, 1));
}

#[test]
fn an_action_may_be_called_by_a_number_and_is_told_as_it_came() {
    let (mut scene, _) = cinema();
    for (name, id) in
        [("sync-pause", json!(1_699_999_999_999_u64)), ("sync-seek", json!(2.5)), ("sync-pause", json!("7"))]
    {
        scene.say(1, name, json!({ "time": 5, "actionId": id }));
        scene.say(1, name, json!({ "time": 5, "actionId": id }));
        assert_eq!((scene.heard(2, name), &scene.last(2, name).unwrap()["actionId"]), (1, &id), "{name}");
        scene.forget(2);
    }
    scene.say(1, "sync-correct", json!({ "playbackTime": 5, "playing": true, "actionId": 8 }));
    assert_eq!(scene.last(2, "sync-correct").unwrap()["actionId"], 8);
}

#[test]
fn alone_it_starts_at_once() {
    let mut scene = Scene::new();
    scene.create(1, "ann");
    scene.say(1, "sync-play", action(1.0, "p"));
    let told = scene.last(1, "sync-play").unwrap();
    assert_eq!(told["startAt"], told["timestamp"]);
}

#[test]
fn a_pause_is_at_once_and_takes_back_what_was_not_told_yet() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.say(1, "sync-pause", action(10.0, "q"));
    assert_eq!(scene.last(3, "sync-pause").unwrap()["actionId"], "q");
    scene.pass(S * 3);
    assert_eq!(scene.heard(3, "sync-play"), 0);
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "paused");
}

#[test]
fn an_action_sent_twice_is_done_once() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(S * 5);
    scene.say(1, "sync-play", action(10.0, "p"));
    assert_eq!(scene.heard(2, "sync-play"), 1);
}

#[test]
fn the_snapshot_says_where_it_is_now() {
    let (mut scene, code) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(Duration::from_millis(600) + S * 5);
    scene.join(4, "late", &code);
    let playback = scene.last(4, "playback-snapshot").unwrap()["playback"].clone();
    assert_eq!((&playback["type"], &playback["time"]), (&json!("play"), &json!(15.0)));
}

#[test]
fn a_seek_waits_for_those_who_watched_and_then_plays_under_its_own_name() {
    let (mut scene, code) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(S * 5);
    scene.join(4, "late", &code);
    scene.forget_all();
    scene.say(1, "sync-seek", action(300.0, "s"));
    let state = scene.last(2, "room-state").unwrap();
    assert_eq!((&state["state"], &state["waitingOn"]), (&json!("waiting"), &json!(["ann", "bea"])));
    assert_eq!(scene.heard(2, "sync-seek") + scene.heard(3, "sync-seek") + scene.heard(4, "sync-seek"), 3);
    let hold = scene.last(3, "sync-pause").unwrap()["actionId"].clone();
    assert!(hold.as_str().unwrap().starts_with("wait-"));
    assert_eq!(scene.ask(3, "sync-pause", json!({ "time": 300, "actionId": hold })), json!({ "success": true }));

    scene.say(2, "ready-state", json!({ "epoch": 1, "seq": 0, "ready": true }));
    assert_eq!(scene.last(2, "room-state").unwrap()["waitingOn"], json!(["ann", "bea"]), "of before the seek");
    ready(&mut scene, 2, true);
    assert_eq!(scene.last(1, "room-state").unwrap()["waitingOn"], json!(["ann"]));
    ready(&mut scene, 1, true);
    let told = scene.last(2, "sync-play").unwrap();
    assert_eq!((&told["actionId"], &told["time"]), (&json!("s"), &json!(300.0)));
    scene.pass(S * 2);
    assert_eq!(scene.last(3, "sync-play").unwrap()["actionId"], "s");
}

#[test]
fn a_wait_ends_by_its_deadline_or_when_the_host_will_not_wait() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(S * 2);
    scene.forget_all();
    scene.say(1, "sync-seek", action(60.0, "s"));
    let state = scene.last(2, "room-state").unwrap();
    assert_eq!(state["deadline"].as_i64().unwrap() - state["at"].as_i64().unwrap(), 15_000);
    scene.say(1, "start-anyway", json!({}));
    assert_eq!(scene.last(2, "sync-play").unwrap()["actionId"], "s");
    scene.say(1, "sync-seek", action(90.0, "t"));
    scene.pass(S * 15);
    assert_eq!(scene.last(2, "sync-play").unwrap()["actionId"], "t");
}

#[test]
fn a_stall_stops_a_small_room_for_a_while_and_it_goes_on_from_there() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(Duration::from_millis(600) + S * 10);
    ready(&mut scene, 2, false);
    scene.pass(Duration::from_millis(700));
    let state = scene.last(1, "room-state").unwrap();
    assert_eq!((&state["state"], &state["waitingOn"]), (&json!("waiting"), &json!(["bea"])));
    assert_eq!(state["time"], 20.7);
    assert_eq!(scene.heard(3, "sync-pause"), 1);
    ready(&mut scene, 2, true);
    assert_eq!(scene.last(1, "sync-play").unwrap()["time"], 20.7);
}

#[test]
fn another_film_begins_at_its_beginning_and_the_same_one_does_not() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(10.0, "p"));
    scene.pass(S * 2);
    let again = json!({ "magnetURI": "magnet:?xt=urn:btih:AA&tr=x", "name": "A" });
    scene.say(1, "torrent-magnet", again);
    let same = scene.last(2, "torrent-magnet").unwrap();
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "playing");
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:bb" }));
    let other = scene.last(2, "torrent-magnet").unwrap();
    assert_eq!(other["epoch"].as_u64(), same["epoch"].as_u64().map(|epoch| epoch + 1));
    let state = scene.last(2, "room-state").unwrap();
    assert_eq!((&state["state"], &state["time"]), (&json!("paused"), &json!(0.0)));
    assert_eq!(scene.heard(1, "torrent-magnet"), 0, "the sender knows");
}

#[test]
fn a_client_may_play_first_and_share_then() {
    let mut scene = Scene::new();
    let (code, _) = scene.create(1, "ann");
    scene.join(2, "bea", &code);
    scene.say(1, "sync-play", action(30.0, "p"));
    scene.pass(S * 2);
    scene.say(1, "torrent-magnet", json!({ "magnetURI": "magnet:?xt=urn:btih:aa" }));
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "playing");
    scene.say(1, "media-cleared", json!({}));
    assert_eq!(scene.last(2, "room-state").unwrap()["state"], "paused");
    assert_eq!(scene.heard(2, "media-cleared"), 1);
}

#[test]
fn clocks_are_probed_and_reports_relayed_to_whoever_controls() {
    let (mut scene, code) = cinema();
    let answer = scene.ask(2, "sync-check", json!({ "roomCode": code, "t0": 123.5, "n": 4 }));
    assert_eq!((&answer["t0"], &answer["n"], &answer["t1"]), (&json!(123.5), &json!(4), &json!(1_700_000_000_000_i64)));
    assert_eq!(scene.heard(1, "sync-check"), 0, "its sender's alone");
    scene.say(1, "sync-check", json!({ "roomCode": code }));
    assert_eq!(scene.last(3, "sync-check").unwrap()["roomCode"], json!(code));
    let report = json!({ "roomCode": code, "playbackTime": 5, "playing": true, "drift": 0.02, "ahead": 8.5, "seq": 2 });
    scene.say(2, "sync-report", report.clone());
    let told = scene.last(1, "sync-report").unwrap();
    assert_eq!((&told["participantId"], &told["ahead"], &told["drift"]), (&json!("bea"), &json!(8.5), &json!(0.02)));
    assert_eq!(scene.heard(3, "sync-report"), 0);
    scene.say(3, "watch-reports", json!({ "on": true }));
    scene.say(2, "sync-report", report);
    assert_eq!(scene.heard(3, "sync-report"), 1);
}

#[test]
fn while_it_plays_everybody_is_asked_where_they_are() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(0.0, "p"));
    scene.pass(S * 16);
    assert_eq!(scene.heard(3, "sync-check"), 3);
    scene.say(1, "sync-pause", action(15.0, "q"));
    scene.pass(S * 20);
    assert_eq!(scene.heard(3, "sync-check"), 3);
}

#[test]
fn a_plans_client_that_is_far_off_is_brought_back_now_and_then() {
    let (mut scene, _) = cinema();
    scene.say(1, "sync-play", action(0.0, "p"));
    scene.pass(Duration::from_millis(600) + S * 10);
    let report = |at: f64| json!({ "playbackTime": at, "playing": true });
    scene.say(3, "sync-report", report(9.0));
    assert_eq!(scene.heard(3, "sync-correct"), 0, "near enough");
    scene.say(3, "sync-report", report(5.0));
    scene.say(3, "sync-report", report(5.0));
    assert_eq!(scene.heard(3, "sync-correct"), 1);
    let at = scene.last(3, "sync-correct").unwrap()["playbackTime"].as_f64().unwrap();
    assert!((at - 10.05).abs() < 1e-9, "where it is when it arrives: {at}");
    scene.say(2, "sync-report", report(5.0));
    assert_eq!(scene.heard(2, "sync-correct"), 0, "who knows the clock helps themselves");
}

#[test]
fn the_rooms_speed_moves_the_anchor() {
    let (mut scene, code) = cinema();
    scene.say(1, "sync-play", action(0.0, "p"));
    scene.pass(Duration::from_millis(600) + S * 10);
    let state = scene.ask(1, "set-rate", json!({ "rate": 2.0, "actionId": "r" }));
    assert_eq!((&state["rate"], &state["time"]), (&json!(2.0), &json!(10.0)));
    scene.pass(S * 5);
    scene.join(4, "late", &code);
    assert_eq!(scene.last(4, "playback-snapshot").unwrap()["playback"]["time"], 20.0);
    assert_eq!(scene.ask(1, "set-rate", json!({ "rate": 3, "actionId": "x" }))["code"], "S013");
}

#[test]
fn spectators_gate_nothing() {
    let (mut scene, _) = cinema();
    scene.say(2, "set-spectating", json!({ "on": true }));
    assert_eq!(scene.last(1, "participant-updated").unwrap()["spectating"], true);
    scene.say(1, "sync-play", action(0.0, "p"));
    ready(&mut scene, 2, false);
    scene.pass(S * 5);
    assert_eq!(scene.last(1, "room-state").unwrap()["state"], "playing");
}
