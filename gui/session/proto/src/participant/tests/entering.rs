//! Into the room, back into it, out of it.

use std::time::Duration;

use serde_json::json;
use signal_proto::ids::RoomCode;

use crate::participant::{Answer, End, EngineNews, Entry, Input, Output, SignalNews};
use crate::testing::{Desk, join, setup};
use crate::view::Phase;
use crate::wish::Wish;

fn lost(desk: &mut Desk, retry_in: Option<Duration>) {
    desk.input(Input::Signal(SignalNews::Lost { why: "the line broke".into(), retry_in }));
}

fn ended(desk: &mut Desk) -> Option<End> {
    desk.take().into_iter().find_map(|output| match output {
        Output::Ended(end) => Some(end),
        _ => None,
    })
}

#[test]
fn asks_for_its_room_with_what_it_can_do_and_keeps_the_token() {
    let mut desk = Desk::new(setup(join()));
    assert_eq!(desk.view().phase, Phase::Connecting);
    desk.input(Input::Signal(SignalNews::Connected));
    let asked = desk.said("join-room");
    assert_eq!(asked.len(), 1);
    assert_eq!((&asked[0]["code"], &asked[0]["capabilities"]["sync"]), (&json!("ABC12345"), &json!(2)));
    assert_eq!(asked[0].get("sessionToken"), None);
    desk.enter("viewer");
    let kept =
        desk.take().into_iter().any(|output| matches!(output, Output::Keep { ref token, .. } if token == "token"));
    assert!(kept);
    let view = desk.view();
    assert_eq!((view.phase, view.code.as_deref(), view.me.as_deref()), (Phase::InRoom, Some("ABC1-2345"), Some("bea")));
    let names: Vec<&str> = view.people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["Bea", "Ana"], "oneself first");
    assert!(!view.may_control);
}

#[test]
fn a_new_process_with_an_old_token_forms_the_room_again() {
    let mut options = setup(join());
    options.token = Some("old".into());
    let mut desk = Desk::new(options);
    desk.input(Input::Signal(SignalNews::Connected));
    let asked = &desk.said("join-room")[0];
    assert_eq!((&asked["sessionToken"], &asked["snapshot"]["seq"]), (&json!("old"), &json!(0)));
}

#[test]
fn creates_a_room_under_a_code_of_its_own() {
    let code = RoomCode::parse("MYROOM");
    let mut desk = Desk::new(setup(Entry::Create { code }));
    desk.input(Input::Signal(SignalNews::Connected));
    assert_eq!(desk.said("create-room")[0]["requestedCode"], "MYROOM");
    desk.hear("room-created", json!({"success": false, "code": "S004", "message": "taken"}));
    let Some(End::Refused(notice)) = ended(&mut desk) else { panic!("refused") };
    assert_eq!(notice.code.as_deref(), Some("S004"));
    assert_eq!(desk.participant.poll_timeout(), None, "it is over");
}

#[test]
fn comes_back_by_its_token_and_tells_what_it_knows_of_the_room() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 40.0, 5, None, &[]);
    desk.run(2_000);
    lost(&mut desk, Some(Duration::from_secs(3)));
    let view = desk.view();
    assert!(!view.server.connected);
    assert_eq!(view.notices.first().and_then(|notice| notice.code.clone()).as_deref(), Some("S001"));
    assert_eq!(view.phase, Phase::InRoom, "the room is not left by that");
    desk.run(3_000);
    desk.take();
    desk.input(Input::Signal(SignalNews::Connected));
    let asked = &desk.said("join-room")[0];
    assert_eq!(asked["sessionToken"], "token");
    let snapshot = &asked["snapshot"];
    assert_eq!((&snapshot["epoch"], &snapshot["seq"], &snapshot["playing"]), (&json!(1), &json!(5), &json!(true)));
    let place = snapshot["position"].as_f64().unwrap();
    assert!((place - 45.0).abs() < 0.1, "{place}: it went on by itself");
    assert!(snapshot["magnet"].as_str().unwrap().starts_with("magnet:?"));
    assert!(desk.view().notices.is_empty(), "the server is there");
}

#[test]
fn a_room_that_the_server_forgot_is_made_anew_by_its_host_and_awaited_by_others() {
    let forgotten = json!({"success": false, "code": "S002", "message": "no such room"});
    let mut host = Desk::with_film("host");
    lost(&mut host, Some(Duration::from_secs(1)));
    host.input(Input::Signal(SignalNews::Connected));
    host.take();
    host.hear("room-joined", forgotten.clone());
    assert_eq!(host.said("create-room")[0]["requestedCode"], "ABC12345");

    let mut viewer = Desk::with_film("viewer");
    lost(&mut viewer, Some(Duration::from_secs(1)));
    viewer.input(Input::Signal(SignalNews::Connected));
    viewer.hear("room-joined", forgotten.clone());
    viewer.take();
    viewer.run(3_100);
    assert_eq!(viewer.said("join-room").len(), 1, "it asks again");
    viewer.hear("room-joined", forgotten.clone());
    for _ in 0..30 {
        viewer.run(3_100);
        viewer.hear("room-joined", forgotten.clone());
    }
    let Some(End::Refused(notice)) = ended(&mut viewer) else { panic!("not for ever") };
    assert_eq!(notice.code.as_deref(), Some("S002"));
}

#[test]
fn who_is_refused_hears_why_and_who_is_told_to_wait_waits() {
    for code in ["S002", "S006", "S007", "S009"] {
        let mut desk = Desk::new(setup(join()));
        desk.input(Input::Signal(SignalNews::Connected));
        desk.hear("room-joined", json!({"success": false, "code": code, "message": "no"}));
        let Some(End::Refused(notice)) = ended(&mut desk) else { panic!("{code}") };
        assert_eq!(notice.code.as_deref(), Some(code));
        assert!(notice.title.len() > 8 && notice.text.len() > 8, "{notice:?}");
    }
    let mut desk = Desk::new(setup(join()));
    desk.input(Input::Signal(SignalNews::Connected));
    desk.take();
    desk.hear("room-joined", json!({"success": false, "code": "S010", "message": "slow down", "wait": 4.0}));
    desk.run(3_900);
    assert_eq!(desk.said("join-room").len(), 0);
    desk.run(200);
    assert_eq!(desk.said("join-room").len(), 1);
}

#[test]
fn a_server_that_does_not_answer_is_tried_on_another_connection() {
    let mut desk = Desk::new(setup(join()));
    desk.input(Input::Signal(SignalNews::Connected));
    desk.run(10_100);
    assert!(desk.take().contains(&Output::RetryServer));
    assert_eq!(desk.view().notices[0].code.as_deref(), Some("S001"));
}

#[test]
fn leaving_waits_for_the_goodbye_but_not_long() {
    let mut desk = Desk::with_film("viewer");
    desk.wish(Wish::Leave);
    let outputs = desk.take();
    let ticket = outputs.iter().find_map(|output| match output {
        Output::Say(say) if say.name == "leave-room" => say.ticket,
        _ => None,
    });
    desk.input(Input::Signal(SignalNews::Answered(ticket.expect("asked"), Answer::Said(json!({})))));
    let outputs = desk.take();
    assert!(outputs.contains(&Output::LeaveServer));
    assert_eq!(outputs.last(), Some(&Output::Ended(End::Left)));

    let mut desk = Desk::with_film("viewer");
    desk.wish(Wish::Leave);
    desk.run(1_100);
    assert_eq!(ended(&mut desk), Some(End::Left), "a server that says nothing is not waited for");
    let mut desk = Desk::new(setup(join()));
    desk.wish(Wish::Leave);
    assert_eq!(ended(&mut desk), Some(End::Left), "nor one that was never there");
}

#[test]
fn the_host_removes_and_the_room_ends() {
    let mut desk = Desk::with_film("viewer");
    desk.hear("error", json!({"code": "S007", "message": "removed"}));
    assert_eq!(ended(&mut desk), Some(End::Removed));
    let mut desk = Desk::with_film("viewer");
    desk.hear("room-closing", json!({"in": 120, "reason": "a day is over"}));
    assert_eq!(ended(&mut desk), None, "not yet");
    desk.hear("room-closing", json!({"in": 0, "reason": "a day is over"}));
    assert_eq!(ended(&mut desk), Some(End::RoomEnded("a day is over".into())));
}

#[test]
fn the_engine_is_told_of_the_film_once_it_and_the_rooms_key_are_there() {
    let mut options = setup(Entry::Create { code: None });
    options.film = Some("/films/film.mkv".into());
    let mut desk = Desk::new(options);
    desk.input(Input::Signal(SignalNews::Connected));
    desk.enter("host");
    let commands = |desk: &mut Desk| {
        let command = |output: Output| match output {
            Output::Engine(command) => Some(serde_json::to_value(command).unwrap()),
            _ => None,
        };
        desk.take().into_iter().filter_map(command).collect::<Vec<_>>()
    };
    assert!(commands(&mut desk).is_empty(), "there is no engine yet");
    desk.input(Input::Engine(EngineNews::Up));
    let told = commands(&mut desk);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["cmd"], &told[0]["filePath"]), (&json!("seed"), &json!("/films/film.mkv")));
    assert_eq!(told[0]["room"]["key"], "00".repeat(16));
    let problem = engine_proto::error::Problem::new(engine_proto::error::ErrorCode::E002, "too slow");
    desk.input(Input::Engine(EngineNews::Down { problem, retry_in: Some(Duration::from_secs(1)) }));
    assert_eq!(desk.view().notices[0].code.as_deref(), Some("E002"));
    desk.input(Input::Engine(EngineNews::Up));
    assert_eq!(commands(&mut desk).len(), 1, "an engine that comes back knows of nothing");
    assert!(desk.view().notices.is_empty());
}
