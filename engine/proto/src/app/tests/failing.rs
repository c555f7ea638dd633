//! What cannot start, and what cannot go on.

use super::*;

#[test]
fn a_failed_torrent_makes_room_for_a_new_try() {
    let mut bench = Bench::new();
    let one = bench.running(ONE);
    bench.fact(one, Fact::Failed(problem(ErrorCode::E008)));
    bench.drain();
    let again = bench.add("again");
    bench.fact(again, Fact::Accepted(ONE));
    let (_, effects) = bench.drain();
    let expected = [Effect::Withdraw(one), Effect::Stop { torrent: one, delete_data: false }, Effect::Forget(again)];
    assert_eq!(effects, expected);
    bench.fact(one, Fact::Stopped);
    let (events, effects) = bench.drain();
    assert_eq!(events, [json!({"event": "stopped", "infoHash": ONE})]);
    let [Effect::Start { torrent, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    bench.fact(*torrent, Fact::Accepted(ONE));
    bench.fact(*torrent, Fact::Details(film("film.mp4")));
    assert_eq!(bench.events()[1]["id"], "again");
}

#[test]
fn seeding_a_changed_file_again_replaces_the_old_torrent() {
    let mut bench = Bench::new();
    let seed = json!({"cmd": "seed", "filePath": "film.mp4"});
    bench.line(seed.clone());
    let old = bench.started();
    bench.fact(old, Fact::Accepted(ONE));
    bench.fact(old, Fact::Details(film("film.mp4")));
    bench.fact(old, Fact::Failed(problem(ErrorCode::E008)));
    bench.drain();
    bench.line(seed);
    assert_eq!(bench.drain().1, [Effect::Withdraw(old), Effect::Stop { torrent: old, delete_data: false }]);
    bench.fact(old, Fact::Stopped);
    let (events, effects) = bench.drain();
    assert_eq!(events, [json!({"event": "stopped", "infoHash": ONE})]);
    let [Effect::Start { torrent, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    bench.fact(*torrent, Fact::Accepted(TWO));
    bench.fact(*torrent, Fact::Details(film("film.mp4")));
    assert_eq!(bench.events()[0]["serverUrl"], "http://localhost:42069/film.mp4", "the old URL leads to the new film");
}

#[test]
fn what_never_starts_is_an_error_with_the_mark() {
    let mut bench = Bench::new();
    let key = bench.add("x");
    bench.fact(key, Fact::Refused(problem(ErrorCode::E003)));
    assert_eq!(
        bench.events(),
        [json!({"event": "error", "message": "it broke", "code": "E003", "retryable": false, "id": "x"})]
    );
    bench.line(json!({"cmd": "stop"}));
    assert_eq!(bench.events(), [json!({"event": "stopped"})], "nothing is left of it");
}

#[test]
fn what_fails_before_it_was_added_is_cleared_away() {
    let mut bench = Bench::new();
    let key = bench.add("x");
    bench.fact(key, Fact::Accepted(ONE));
    bench.drain();
    bench.fact(key, Fact::Failed(problem(ErrorCode::E003)));
    let (events, effects) = bench.drain();
    assert_eq!(
        (&events[0]["code"], &events[0]["id"], &events[0]["infoHash"]),
        (&json!("E003"), &json!("x"), &json!(ONE))
    );
    assert_eq!(effects[1], Effect::Stop { torrent: key, delete_data: false });
    bench.line(json!({"cmd": "stop"}));
    assert_eq!(bench.events(), [json!({"event": "stopped"})]);
    bench.fact(key, Fact::Stopped);
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn what_fails_later_stays_until_it_is_stopped() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    bench.fact(key, Fact::Failed(problem(ErrorCode::E008)));
    let (events, effects) = bench.drain();
    assert_eq!((&events[0]["event"], &events[0]["code"]), (&json!("error"), &json!("E008")));
    assert_eq!((&events[1]["event"], &events[1]["state"]), (&json!("progress"), &json!("error")));
    assert_eq!(effects, [Effect::Withhold { torrent: key, reason: "it broke".into() }]);
    bench.fact(key, Fact::Failed(problem(ErrorCode::E008)));
    assert_eq!(bench.names(), [""; 0], "told once");
    let status = bench.app.status();
    assert_eq!(
        (status.torrents[0].error.as_deref(), status.torrents[0].figures.state),
        (Some("it broke"), State::Error)
    );
    bench.line(json!({"cmd": "stop"}));
    bench.fact(key, Fact::Stopped);
    assert_eq!(bench.events(), [json!({"event": "stopped", "infoHash": ONE})]);
}

#[test]
fn trouble_is_told_and_it_goes_on() {
    let mut bench = Bench::new();
    let key = bench.running(ONE);
    bench.fact(key, Fact::Told(Err(problem(ErrorCode::E004))));
    bench.fact(key, Fact::Told(Ok("found somebody".into())));
    let events = bench.events();
    assert_eq!(
        (&events[0]["code"], &events[0]["retryable"], &events[0]["infoHash"]),
        (&json!("E004"), &json!(true), &json!(ONE))
    );
    assert_eq!(events[1], json!({"event": "info", "message": "found somebody", "infoHash": ONE}));
    bench.fact(key, Fact::Done);
    assert_eq!(bench.names(), ["progress", "done"]);
}
