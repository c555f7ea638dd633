//! What the person wants, and whether they may.

use std::time::Duration;

use serde_json::json;
use signal_proto::roles::Role;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::{MediaTime, Rate};

use crate::participant::{Input, Output, SignalNews};
use crate::player::{Command, Event};
use crate::testing::{Desk, join, setup};
use crate::view::RoomState;
use crate::wish::{Control, Wish};
use crate::words::Language;

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

fn says(desk: &mut Desk) -> Vec<(&'static str, serde_json::Value)> {
    let said = |output: Output| match output {
        Output::Say(say) => Some((say.name, say.payload)),
        _ => None,
    };
    desk.take().into_iter().filter_map(said).collect()
}

#[test]
fn a_viewer_may_not_and_is_told_who_may() {
    let wishes = [
        (Wish::Play, "play"),
        (Wish::Pause, "pause"),
        (Wish::Seek(at(5.0)), "jump in the film"),
        (Wish::SetRate(Rate::ONE), "change the speed"),
        (Wish::StartAnyway, "start the film"),
        (Wish::Share("/x".into()), "choose the film"),
        (Wish::ClearFilm, "end the film"),
        (Wish::Lock(true), "lock the room"),
        (Wish::SetControl(Control::Everyone), "give control"),
        (Wish::SetWaiting(WaitPolicy::Flow), "set how the room waits"),
        (Wish::PauseWithoutHost(true), "set what happens without the host"),
        (Wish::EndRoom, "end the room"),
    ];
    for (wish, what) in wishes {
        let mut desk = Desk::with_film("viewer");
        desk.wish(wish.clone());
        desk.run(500);
        assert_eq!(says(&mut desk), [], "{wish:?}");
        assert_eq!(desk.view().notices[0].title, format!("Only the host can {what}"));
    }
}

#[test]
fn what_is_said_of_a_wish_goes_by_itself() {
    let told = |desk: &Desk| desk.view().notices.iter().map(|notice| notice.title.clone()).collect::<Vec<_>>();
    let mut desk = Desk::in_room("host");
    desk.wish(Wish::Play);
    assert_eq!(told(&desk), ["There is no film yet"]);
    desk.run(3_000);
    desk.wish(Wish::UndoSeek);
    desk.run(4_900);
    assert_eq!(told(&desk), ["There is no seek to undo"], "the newer one has its own time");
    desk.run(200);
    assert_eq!(told(&desk), [""; 0]);
    let mut desk = Desk::with_film("viewer");
    desk.wish(Wish::Pause);
    assert_eq!(told(&desk), ["Only the host can pause"]);
    desk.run(5_100);
    assert_eq!(told(&desk), [""; 0]);
}

#[test]
fn a_german_is_told_everything_in_german() {
    let mut options = setup(join());
    options.language = Language::German;
    let mut desk = Desk::entered(options, "viewer");
    desk.film();
    desk.wish(Wish::Pause);
    assert_eq!(desk.view().notices[0].title, "Nur der Host kann den Film anhalten");
    let pause = json!({"time": 5.0, "actionId": "a", "seq": 3, "epoch": 1, "by": "ana", "rate": 1, "timestamp": 1});
    desk.hear("sync-pause", pause);
    let lines: Vec<String> = desk.view().chat.into_iter().map(|item| item.text).collect();
    assert_eq!(lines, ["Du bist im Raum ABC1-2345", "Ana teilt film", "Ana hat bei 0:05 angehalten"]);
    desk.input(Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(2)) }));
    assert_eq!(desk.view().notices[0].title, "share.example:3001 ist nicht erreichbar");
}

#[test]
fn control_is_given_to_all_or_to_some() {
    for (rules, may) in [
        (json!({"controlMode": "everyone", "policy": {}}), true),
        (json!({"controlMode": "chosen", "participants": ["bea"], "policy": {}}), true),
        (json!({"controlMode": "chosen", "participants": ["ana"], "policy": {}}), false),
        (json!({"controlMode": "host", "policy": {}}), false),
    ] {
        let mut desk = Desk::with_film("viewer");
        desk.hear("room-updated", rules.clone());
        assert_eq!(desk.view().may_control, may, "{rules}");
        desk.wish(Wish::Play);
        assert_eq!(desk.said("sync-play").len(), usize::from(may));
    }
    let mut cohost = Desk::with_film("cohost");
    cohost.wish(Wish::Play);
    assert_eq!(cohost.said("sync-play").len(), 1);
    cohost.wish(Wish::Lock(true));
    assert_eq!(says(&mut cohost), [], "the room is the host's");
}

#[test]
fn the_player_obeys_the_room_and_not_the_wish() {
    let mut desk = Desk::with_film("host");
    desk.wish(Wish::TogglePlay);
    let said = says(&mut desk);
    let [("sync-play", payload)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(payload["time"], 0.0);
    assert!(payload["actionId"].as_str().unwrap().starts_with("abc-"));
    desk.run(400);
    assert_eq!(desk.told(), [], "it waits for the room's word");
    desk.state("playing", 0.0, 2, Some(100), &[]);
    desk.run(150);
    assert_eq!(desk.told(), [Command::Play]);
    desk.wish(Wish::TogglePlay);
    assert_eq!(says(&mut desk)[0].0, "sync-pause");
}

#[test]
fn dragging_is_one_seek_and_steps_add_up() {
    let mut desk = Desk::with_film("host");
    for place in [10.0, 20.0, 30.0] {
        desk.wish(Wish::Seek(at(place)));
        desk.run(100);
    }
    assert_eq!(says(&mut desk), [], "the handle is still held");
    desk.run(150);
    let said = desk.said("sync-seek");
    assert_eq!((said.len(), &said[0]["time"]), (1, &json!(30.0)));
    desk.wish(Wish::SeekBy(5.0));
    desk.wish(Wish::SeekBy(5.0));
    desk.wish(Wish::SeekBy(1_000.0));
    desk.run(250);
    assert_eq!(desk.said("sync-seek")[0]["time"], 100.0, "not beyond the end");
}

#[test]
fn the_last_seek_is_undone() {
    let mut desk = Desk::with_film("host");
    desk.state("paused", 25.0, 2, None, &[]);
    desk.wish(Wish::UndoSeek);
    assert_eq!(desk.view().notices[0].title, "There is no seek to undo");
    let seek = json!({"time": 70.0, "actionId": "a", "seq": 3, "epoch": 1, "by": "bea", "rate": 1, "timestamp": 1});
    desk.hear("sync-seek", seek);
    desk.take();
    desk.wish(Wish::UndoSeek);
    desk.run(250);
    assert_eq!(desk.said("sync-seek")[0]["time"], 25.0);
}

#[test]
fn hosts_tools_say_what_the_contract_names() {
    let ana = signal_proto::ids::ParticipantId::parse("ana").unwrap();
    for (wish, name, payload) in [
        (Wish::SetControl(Control::Everyone), "set-control-mode", json!({"mode": "everyone"})),
        (Wish::SetControl(Control::Host), "set-control-mode", json!({"mode": "host"})),
        (
            Wish::SetControl(Control::Chosen(vec![ana.clone()])),
            "set-control-mode",
            json!({"mode": "chosen", "participants": ["ana"]}),
        ),
        (Wish::SetRole(ana.clone(), Role::Cohost), "set-role", json!({"id": "ana", "role": "cohost"})),
        (Wish::Kick(ana), "kick", json!({"id": "ana"})),
        (Wish::Lock(true), "lock-room", json!({"locked": true})),
        (Wish::SetWaiting(WaitPolicy::Flow), "set-policy", json!({"wait": "flow"})),
        (Wish::PauseWithoutHost(true), "set-policy", json!({"hostLeft": "pause"})),
        (Wish::EndRoom, "end-room", json!({})),
        (Wish::ClearFilm, "media-cleared", json!({})),
        (Wish::StartAnyway, "start-anyway", json!({})),
        (Wish::WatchReports(true), "watch-reports", json!({"on": true})),
    ] {
        let mut desk = Desk::with_film("host");
        desk.wish(wish);
        let said = says(&mut desk);
        assert_eq!(said, [(name, payload.clone())]);
        let heard = signal_proto::event::parse_client(name, Some(&payload));
        assert!(heard.is_ok_and(|event| event.is_some()), "{name} {payload}");
    }
}

#[test]
fn without_a_server_the_film_obeys_its_own_and_the_room_hears_when_it_is_back() {
    let mut desk = Desk::with_film("host");
    desk.state("playing", 10.0, 5, None, &[]);
    desk.run(10);
    desk.player(Event::Sought(at(10.1)));
    desk.run(500);
    desk.take();
    desk.input(Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(2)) }));
    desk.run(2_000);
    assert_eq!(desk.told(), [], "it plays on");
    desk.wish(Wish::Pause);
    assert_eq!(desk.told(), [Command::Pause]);
    let place = desk.view().playback.room_position;
    assert!((place - 12.5).abs() < 0.1, "{place}");
    desk.run(3_000);
    desk.input(Input::Signal(SignalNews::Connected));
    desk.take();
    desk.enter("host");
    let said = desk.said("sync-pause");
    assert_eq!(said.len(), 1, "the last wish is the room's");
    assert!((said[0]["time"].as_f64().unwrap() - place).abs() < 0.1);
}

#[test]
fn a_wait_without_a_server_ends_when_it_was_to_and_the_room_forms_again_playing() {
    let mut desk = Desk::with_film("viewer");
    desk.state("waiting", 20.0, 5, None, &["bea"]);
    desk.run(10);
    desk.player(Event::Sought(at(20.0)));
    desk.run(4_000);
    desk.take();
    let lost = || Input::Signal(SignalNews::Lost { why: "gone".into(), retry_in: Some(Duration::from_secs(2)) });
    desk.input(lost());
    desk.run(5_000);
    // Tried again, in vain.
    desk.input(lost());
    desk.run(5_500);
    assert_eq!(desk.told(), [], "somebody may still become ready");
    assert_eq!(desk.view().playback.state, RoomState::Waiting);
    desk.run(700);
    assert!(desk.told().contains(&Command::Play));
    let view = desk.view();
    assert_eq!((view.playback.state, view.playback.waiting_on.len()), (RoomState::Playing, 0));
    let place = view.playback.room_position;
    assert!((20.0..21.0).contains(&place), "{place}");
    desk.take();
    desk.input(Input::Signal(SignalNews::Connected));
    let snapshot = &desk.said("join-room")[0]["snapshot"];
    assert_eq!((&snapshot["seq"], &snapshot["playing"]), (&json!(5), &json!(true)));

    // The server is back before that: the room that it forms plays, too.
    let mut desk = Desk::with_film("viewer");
    desk.state("waiting", 20.0, 5, None, &["bea"]);
    desk.input(lost());
    desk.run(1_000);
    desk.take();
    desk.input(Input::Signal(SignalNews::Connected));
    let snapshot = &desk.said("join-room")[0]["snapshot"];
    assert_eq!((&snapshot["playing"], &snapshot["position"]), (&json!(true), &json!(20.0)));
    // One that lives says itself when it is over.
    desk.enter("viewer");
    desk.state("waiting", 20.0, 5, None, &["bea"]);
    desk.player(Event::Sought(at(20.0)));
    desk.take();
    desk.run(30_000);
    assert!(!desk.told().contains(&Command::Play));
}

#[test]
fn sound_tracks_and_subtitles_are_ones_own() {
    let mut desk = Desk::with_film("viewer");
    for (wish, command) in [
        (Wish::SetVolume(2.0), Command::SetVolume(1.0)),
        (Wish::SetMuted(true), Command::SetMuted(true)),
        (Wish::SetSubtitleDelay(0.5), Command::SetSubtitleDelay(0.5)),
        (Wish::AddSubtitles("/a.srt".into()), Command::AddSubtitles("/a.srt".into())),
    ] {
        desk.wish(wish);
        assert_eq!(desk.told(), [command]);
    }
    assert_eq!((desk.view().playback.volume, desk.view().playback.muted), (1.0, true));
}
