//! `stop`, `quit`, and what waits for them.

use super::*;

#[test]
fn stop_one_stop_all_stop_none() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "stop", "id": 1}));
    assert_eq!(bench.events(), [json!({"event": "stopped", "id": 1})]);
    let (one, two) = (bench.running(ONE), bench.running(TWO));
    bench.line(json!({"cmd": "stop", "infoHash": ONE, "deleteData": true, "id": 2}));
    let (events, effects) = bench.drain();
    assert_eq!(events, [json!(null); 0]);
    assert_eq!(effects, [Effect::Withdraw(one), Effect::Stop { torrent: one, delete_data: true }]);
    bench.line(json!({"cmd": "stop", "id": 3}));
    assert_eq!(bench.drain().1, [Effect::Withdraw(two), Effect::Stop { torrent: two, delete_data: false }]);
    bench.fact(two, Fact::Stopped);
    bench.fact(one, Fact::Stopped);
    assert_eq!(
        bench.events(),
        [
            json!({"event": "stopped", "infoHash": TWO, "id": 3}),
            json!({"event": "stopped", "infoHash": ONE, "id": 2}),
            json!({"event": "stopped", "infoHash": ONE, "id": 3}),
        ]
    );
    bench.line(json!({"cmd": "stop", "infoHash": ONE}));
    let event = &bench.events()[0];
    assert_eq!((&event["event"], &event["code"]), (&json!("error"), &json!("E010")));
}

#[test]
fn stopping_while_hashing() {
    let mut bench = Bench::new();
    bench.line(json!({"cmd": "seed", "filePath": "film"}));
    let key = bench.started();
    bench.line(json!({"cmd": "stop"}));
    bench.drain();
    bench.fact(key, Fact::Hashing(0.5));
    bench.fact(key, Fact::Accepted(ONE));
    bench.fact(key, Fact::Stopped);
    assert_eq!(bench.events(), [json!({"event": "stopped"})]);
}

#[test]
fn stopping_what_was_refused_meanwhile() {
    let mut bench = Bench::new();
    let key = bench.add("x");
    bench.line(json!({"cmd": "stop"}));
    bench.drain();
    bench.fact(key, Fact::Refused(problem(ErrorCode::E005)));
    let events = bench.events();
    // Whoever asked for it hears why it never began, whatever came after.
    assert_eq!((&events[0]["code"], &events[0]["id"]), (&json!("E005"), &json!("x")));
    assert_eq!(events[1..], [json!({"event": "stopped"})]);
}

#[test]
fn a_new_torrent_waits_for_one_that_stops() {
    let mut bench = Bench::new();
    let one = bench.running(ONE);
    bench.line(json!({"cmd": "stop"}));
    bench.drain();
    bench.line(json!({"cmd": "seed", "filePath": "again"}));
    assert_eq!(bench.drain().1, []);
    bench.fact(one, Fact::Stopped);
    let (events, effects) = bench.drain();
    assert_eq!(events.len(), 1);
    assert!(matches!(effects.as_slice(), [Effect::Start { .. }]), "{effects:?}");
}

#[test]
fn stopping_what_waits() {
    let mut bench = Bench::new();
    let one = bench.running(ONE);
    bench.line(json!({"cmd": "stop"}));
    bench.line(json!({"cmd": "seed", "filePath": "again"}));
    bench.drain();
    bench.line(json!({"cmd": "stop", "id": 9}));
    assert_eq!(bench.events(), [json!({"event": "stopped", "id": 9})]);
    bench.fact(one, Fact::Stopped);
    let (events, effects) = bench.drain();
    assert_eq!((events.len(), effects.len()), (2, 0), "both stops are answered: {events:?}");
}

#[test]
fn quitting_with_nothing_to_stop() {
    for input in [Input::EndOfInput, Input::Signal, Input::Request(Command::Quit.into())] {
        let mut bench = Bench::new();
        bench.app.handle_input(bench.now, input);
        assert_eq!(bench.drain(), (vec![], vec![Effect::Quit]));
        bench.line(json!({"cmd": "status"}));
        assert_eq!(bench.drain(), (vec![], vec![]), "nothing comes after it");
        assert_eq!(bench.app.poll_timeout(), None);
    }
}

#[test]
fn quitting_waits_for_goodbyes() {
    let mut bench = Bench::new();
    let (one, two) = (bench.running(ONE), bench.running(TWO));
    bench.line(json!({"cmd": "quit", "id": "q"}));
    bench.drain();
    bench.app.handle_input(bench.now, Input::EndOfInput);
    bench.line(json!({"cmd": "add", "magnetURI": "m"}));
    let (events, effects) = bench.drain();
    assert_eq!((&events[0]["code"], effects.len()), (&json!("E010"), 0));
    bench.fact(one, Fact::Stopped);
    assert_eq!(bench.drain(), (vec![json!({"event": "stopped", "infoHash": ONE, "id": "q"})], vec![]));
    bench.fact(two, Fact::Stopped);
    assert_eq!(bench.drain(), (vec![json!({"event": "stopped", "infoHash": TWO, "id": "q"})], vec![Effect::Quit]));
}

#[test]
fn quitting_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    bench.running(ONE);
    bench.app.handle_input(bench.now, Input::Signal);
    bench.drain();
    assert_eq!(bench.app.poll_timeout().unwrap().1, Wake::QuitPatience);
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.drain(), (vec![json!({"event": "stopped", "infoHash": ONE})], vec![Effect::Quit]));
}
