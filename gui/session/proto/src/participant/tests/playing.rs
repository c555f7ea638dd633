//! The player follows the room.

use serde_json::json;
use signal_proto::time::MediaTime;

use crate::participant::{Input, Setup};
use crate::player::{Command, Event, Failure, PlayerWish};
use crate::settings::Offsets;
use crate::testing::{Desk, join, setup};
use crate::view::{Correction, Part, PersonState, RoomState};
use crate::wish::{LateJoin, Wish};
use engine_proto::ipc::State;

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

fn only_seek(told: &[Command]) -> f64 {
    match told {
        [.., Command::Seek(to)] => to.seconds(),
        _ => panic!("no seek at the end of {told:?}"),
    }
}

/// The player obeys perfectly for so long.
fn play_along(desk: &mut Desk, mut place: f64, seconds: u32) -> f64 {
    for _ in 0..seconds * 4 {
        desk.run(250);
        place += 0.25;
        desk.position(place, true);
    }
    place
}

#[test]
fn opens_the_film_and_says_that_it_is_ready() {
    let mut desk = Desk::in_room("viewer");
    desk.hear("torrent-magnet", json!({"magnetURI": crate::testing::MAGNET, "name": "film", "by": "ana"}));
    desk.snapshot(0.0, false, 1);
    desk.added();
    let told = desk.told();
    assert!(
        matches!(&told[..], [.., Command::Load { url, start, .. }] if url.ends_with("film.mkv") && *start == at(0.0)),
        "{told:?}"
    );
    desk.opened();
    desk.run(100);
    assert!(desk.said("ready-state").iter().all(|said| said["ready"] == false), "nothing is here");
    desk.progress(&[(0, 60)], State::Downloading);
    let said = desk.said("ready-state");
    assert_eq!((&said[0]["ready"], &said[0]["epoch"], &said[0]["seq"]), (&json!(true), &json!(1), &json!(1)));
    assert_eq!(desk.view().people[0].state, PersonState::Ready);
}

#[test]
fn who_shares_a_film_is_told_of_the_room_by_its_state_alone_and_says_that_it_is_ready() {
    let mut options = setup(crate::participant::Entry::Create { code: None });
    options.film = Some("/films/film.mkv".into());
    let mut desk = Desk::entered(options, "host");
    desk.seeding();
    desk.state("paused", 0.0, 1, None, &[]);
    desk.opened();
    let said = desk.said("ready-state");
    assert_eq!(said.last().map(|said| said["ready"].clone()), Some(json!(true)), "{said:?}");
    desk.hear("participant-joined", json!({"id": "cem", "name": "Cem"}));
    desk.run(1_100);
    assert_eq!(desk.said("ready-state").len(), 1, "who comes later hears it, too");
}

#[test]
fn each_output_is_as_late_as_it_was_set() {
    let mut offsets = Offsets::all(0.0);
    offsets.set("Headphones", 0.3);
    let mut desk = Desk::entered(Setup { offsets, ..setup(join()) }, "viewer");
    desk.film();
    let seek = |desk: &mut Desk, to: f64, seq| {
        desk.state("paused", to, seq, None, &[]);
        desk.run(300);
        let sought = only_seek(&desk.told());
        desk.player(Event::Sought(at(sought)));
        sought
    };
    assert_eq!((seek(&mut desk, 20.0, 2), desk.view().playback.output), (20.0, None));
    desk.player(Event::Output("Speakers".into()));
    assert_eq!(seek(&mut desk, 30.0, 3), 30.0);
    desk.player(Event::Output("Headphones".into()));
    let told = desk.view().playback;
    assert_eq!((told.output.as_deref(), told.output_offset), (Some("Headphones"), 0.3));
    assert!((only_seek(&desk.told()) - 30.3).abs() < 1e-9, "at once, where it stands");
    desk.player(Event::Sought(at(30.3)));
    desk.wish(Wish::SetOutputOffset(0.1));
    assert!((seek(&mut desk, 40.0, 4) - 40.1).abs() < 1e-9);
    desk.player(Event::Output("Speakers".into()));
    assert_eq!(seek(&mut desk, 50.0, 5), 50.0, "what was set for one is not set for another");
}

#[test]
fn a_scheduled_start_is_met_on_the_instant() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 0.0, 2, Some(600), &[]);
    assert_eq!(desk.view().playback.state, RoomState::Starting);
    desk.run(598);
    assert_eq!(desk.told(), [], "not a moment too early");
    desk.run(3);
    assert_eq!(desk.told(), [Command::Play]);
    desk.player(Event::Running(true));
    let place = play_along(&mut desk, 0.0, 3);
    assert_eq!(desk.told(), [], "in step there is nothing to correct");
    assert!(desk.view().playback.drift.unwrap().abs() < 0.02, "{:?} at {place}", desk.view().playback);
    assert_eq!(desk.view().people[0].state, PersonState::InStep);
}

#[test]
fn a_player_that_stands_elsewhere_is_put_there_before_a_start() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 50.0, 2, Some(1_000), &[]);
    assert_eq!(only_seek(&desk.told()), 50.0);
    desk.run(200);
    desk.player(Event::Sought(at(50.0)));
    desk.run(790);
    assert_eq!(desk.told(), []);
    desk.run(20);
    assert_eq!(desk.told(), [Command::Play]);
}

#[test]
fn one_that_stands_a_little_ahead_starts_as_much_later() {
    let mut desk = Desk::with_film("viewer");
    desk.position(0.03, false);
    desk.state("playing", 0.0, 2, Some(600), &[]);
    desk.run(625);
    assert_eq!(desk.told(), []);
    desk.run(10);
    assert_eq!(desk.told(), [Command::Play]);
}

#[test]
fn a_pause_is_at_once_and_a_seek_of_the_room_is_followed() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 0.0, 2, None, &[]);
    desk.run(10);
    desk.player(Event::Running(true));
    let place = play_along(&mut desk, 0.0, 2);
    desk.take();
    desk.state("paused", place, 3, None, &[]);
    assert_eq!(desk.told(), [Command::Pause]);
    desk.state("paused", 80.0, 4, None, &[]);
    assert_eq!(desk.told(), [Command::Seek(at(80.0))]);
    desk.player(Event::Sought(at(80.0)));
    desk.position(80.0, false);
    desk.run(3_000);
    assert_eq!(desk.told(), [], "it stands there");
}

#[test]
fn who_comes_to_a_running_film_meets_it_on_the_instant() {
    let mut desk = Desk::in_room("viewer");
    desk.hear("torrent-magnet", json!({"magnetURI": crate::testing::MAGNET, "name": "film", "by": "ana"}));
    desk.snapshot(30.0, true, 7);
    desk.added();
    desk.progress(&[(0, 1_000)], State::Seeding);
    let told = desk.told();
    let Some(Command::Load { start, .. }) = told.last() else { panic!("{told:?}") };
    assert!(start.seconds() > 30.3, "{start}: opening takes a while");
    let start = start.seconds();
    desk.run(300);
    desk.player(Event::Opened { duration: MediaTime::new(100.0), tracks: Vec::new() });
    desk.position(start, false);
    desk.player(Event::Sought(at(start)));
    assert_eq!(desk.told(), [], "the room is not there yet");
    let room = desk.view().playback.room_position;
    desk.run_seconds(start - room + 0.005);
    assert_eq!(desk.told(), [Command::Play]);
}

#[test]
fn far_from_the_room_it_is_brought_there_and_starts_when_the_room_is_there() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 0.0, 2, None, &[]);
    desk.run(10);
    desk.player(Event::Running(true));
    play_along(&mut desk, 0.0, 4);
    desk.take();
    // Three seconds behind, in two positions of the last three.
    for _ in 0..2 {
        desk.run(250);
        let room = desk.view().playback.room_position;
        desk.position(room - 3.0, true);
    }
    let told = desk.told();
    let to = only_seek(&told);
    assert_eq!(told[0], Command::Pause);
    let room = desk.view().playback.room_position;
    assert!(to > room + 0.2 && to < room + 1.0, "a little ahead: {to} of {room}");
    assert_eq!(desk.view().playback.correction, Correction::Seeking);
    desk.run(150);
    desk.player(Event::Sought(at(to)));
    assert_eq!(desk.told(), []);
    desk.run_seconds(to - room - 0.145);
    assert_eq!(desk.told(), [Command::Play]);
}

#[test]
fn a_stall_is_told_and_is_nobodys_wish() {
    let mut desk = Desk::with_film("host");
    desk.state("playing", 0.0, 2, None, &[]);
    desk.run(10);
    play_along(&mut desk, 0.0, 1);
    desk.progress(&[(0, 100)], State::Downloading);
    desk.take();
    desk.player(Event::Buffering(true));
    let outputs = desk.take();
    let said: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            crate::participant::Output::Say(say) => Some((say.name, say.payload["ready"].clone())),
            _ => None,
        })
        .collect();
    assert_eq!(said, [("ready-state", json!(false))]);
    assert!(matches!(desk.view().people[0].state, PersonState::Buffering { .. }));
    desk.run(5_000);
    assert!(desk.said("sync-pause").is_empty());
    desk.progress(&[(0, 500)], State::Downloading);
    desk.player(Event::Buffering(false));
    assert_eq!(desk.said("ready-state").last().unwrap()["ready"], true);
}

#[test]
fn a_spectator_is_told_nothing_and_waited_for_by_nobody() {
    let mut desk = Desk::with_film("viewer");
    desk.wish(Wish::Spectate(true));
    assert_eq!(desk.said("set-spectating"), [json!({"on": true})]);
    desk.state("playing", 50.0, 2, None, &[]);
    desk.run(3_000);
    desk.state("paused", 10.0, 3, None, &[]);
    assert_eq!(desk.told(), []);
    desk.wish(Wish::Play);
    assert_eq!(desk.told(), [Command::Play], "for oneself alone");
    desk.wish(Wish::Ready);
    let outputs = desk.take();
    let back = outputs.iter().any(|output| matches!(output, crate::participant::Output::Say(say) if say.name == "set-spectating" && say.payload["on"] == false));
    assert!(back, "one key returns");
    assert_eq!(desk.view().playback.part, Part::InStep);
}

#[test]
fn catching_up_from_the_start_ends_where_the_room_is() {
    let mut options = setup(join());
    options.late_join = LateJoin::FromStart;
    let mut desk = Desk::entered(options, "viewer");
    desk.hear("torrent-magnet", json!({"magnetURI": crate::testing::MAGNET, "name": "film", "by": "ana"}));
    desk.snapshot(20.0, true, 7);
    desk.added();
    desk.progress(&[(0, 1_000)], State::Seeding);
    let told = desk.told();
    assert!(matches!(told.last(), Some(Command::Load { start, .. }) if start.seconds() == 0.0), "{told:?}");
    desk.opened();
    assert_eq!(desk.told(), [Command::SetRate(1.15), Command::Play]);
    assert_eq!(desk.view().people[0].state, PersonState::CatchingUp);
    desk.run(1_000);
    desk.position(1.15, true);
    assert_eq!(desk.told(), []);
    let room = desk.view().playback.room_position;
    desk.position(room, true);
    assert_eq!(desk.told(), [Command::SetRate(1.0)], "it is there");
    assert_eq!(desk.view().playback.part, Part::InStep);
}

#[test]
fn who_is_asked_watches_with_the_others_meanwhile() {
    let mut options = setup(join());
    options.late_join = LateJoin::Ask;
    let mut desk = Desk::entered(options, "viewer");
    desk.hear("torrent-magnet", json!({"magnetURI": crate::testing::MAGNET, "name": "film", "by": "ana"}));
    desk.snapshot(20.0, true, 7);
    assert_eq!(desk.view().playback.part, Part::Choosing);
    desk.wish(Wish::JoinFilm(LateJoin::Now));
    assert_eq!(desk.view().playback.part, Part::InStep);
}

#[test]
fn keys_in_the_players_window_are_wishes() {
    let mut desk = Desk::with_film("viewer");
    desk.player(Event::Wished(PlayerWish::Play));
    let outputs = desk.take();
    assert!(!outputs.iter().any(|output| matches!(output, crate::participant::Output::Say(_))), "{outputs:?}");
    let view = desk.view();
    assert_eq!(view.notices[0].title, "Only the host can play");
    desk.run(6_000);
    assert!(desk.view().notices.is_empty(), "it goes by itself");
    let mut host = Desk::with_film("host");
    host.player(Event::Wished(PlayerWish::Play));
    assert_eq!(host.said("sync-play").len(), 1);
}

#[test]
fn a_player_that_crashed_comes_back_and_one_that_was_closed_waits_to_be_asked() {
    let mut desk = Desk::with_film("viewer");
    desk.player(Event::Closed { crashed: true });
    desk.run(2_100);
    assert!(matches!(desk.told()[..], [Command::Load { .. }]));
    desk.opened();
    desk.take();
    desk.player(Event::Closed { crashed: false });
    desk.run(60_000);
    let outputs = desk.take();
    assert!(!outputs.iter().any(|output| matches!(output, crate::participant::Output::Player(_))), "{outputs:?}");
    assert_eq!(desk.view().people[0].state, PersonState::Spectating, "nobody waits for it");
    desk.wish(Wish::OpenPlayer);
    assert!(matches!(desk.told().last(), Some(Command::Load { .. })));
    assert_eq!(desk.view().playback.part, Part::InStep);
}

#[test]
fn a_film_whose_stream_broke_off_is_opened_again_and_one_that_never_opened_is_not() {
    let mut desk = Desk::with_film("viewer");
    let failed = || Event::Failed(Failure::Unreadable { why: "refused".into() });
    desk.player(failed());
    assert!(desk.view().notices.iter().any(|notice| notice.title == "The film's stream broke off"));
    desk.run(1_900);
    assert_eq!(desk.told(), [], "nothing is told to a player without a film");
    desk.run(200);
    assert!(matches!(desk.told()[..], [Command::Load { .. }]));
    desk.player(failed());
    assert!(desk.view().notices.iter().any(|notice| notice.title == "The film cannot be played here"));
    desk.run(60_000);
    assert_eq!(desk.told(), []);
}

#[test]
fn after_a_sleep_the_clock_is_measured_anew_and_the_room_is_met() {
    let mut desk = Desk::with_film("viewer");
    desk.state("playing", 0.0, 2, None, &[]);
    desk.run(10);
    desk.player(Event::Running(true));
    play_along(&mut desk, 0.0, 2);
    desk.take();
    // The process was stopped: its player stood, the room went on.
    desk.now += std::time::Duration::from_secs(20);
    desk.input(Input::Woke);
    for _ in 0..4 {
        desk.run(250);
        desk.position(2.0, true);
    }
    let to = only_seek(&desk.told());
    assert!(to > 22.0, "{to}");
}

#[test]
fn an_older_anchor_says_nothing_and_the_same_again_changes_nothing() {
    let mut desk = Desk::with_film("viewer");
    desk.state("paused", 60.0, 9, None, &[]);
    desk.player(Event::Sought(at(60.0)));
    desk.take();
    desk.state("playing", 5.0, 8, None, &[]);
    assert_eq!(desk.view().playback.room_position, 60.0);
    desk.state("paused", 60.0, 9, None, &[]);
    assert_eq!(desk.told(), []);
}

#[test]
fn the_host_pauses_the_room_at_the_films_end_and_a_viewer_does_not() {
    for (role, said) in [("host", 1), ("viewer", 0)] {
        let mut desk = Desk::with_film(role);
        desk.state("playing", 99.5, 2, None, &[]);
        desk.player(Event::Sought(at(99.5)));
        desk.run(600);
        desk.player(Event::Ended);
        assert_eq!(desk.said("sync-pause").len(), said, "{role}");
        assert!(desk.view().playback.ended);
    }
}

#[test]
fn one_knows_that_the_room_waits_for_oneself() {
    let mut desk = Desk::with_film("viewer");
    desk.state("waiting", 10.0, 2, None, &["ana", "bea"]);
    let view = desk.view();
    assert_eq!(
        (view.playback.waiting_on.as_slice(), view.playback.waits_for_me),
        (&["Ana".into(), "Bea".into()][..], true)
    );
    assert_eq!(view.others_waited_for(), ["Ana"]);
    desk.state("waiting", 10.0, 3, None, &["ana"]);
    let view = desk.view();
    assert_eq!((view.others_waited_for(), view.playback.waits_for_me), (vec!["Ana"], false));
    desk.state("playing", 10.0, 4, None, &[]);
    assert!(desk.view().others_waited_for().is_empty());
}

#[test]
fn the_engines_figures_are_in_the_view() {
    let mut desk = Desk::with_film("viewer");
    desk.progress(&[(0, 250), (500, 600)], State::Downloading);
    let film = desk.view().film.expect("there is one");
    assert_eq!((film.download_rate, film.upload_rate, film.upload_capacity, film.peers), (20, 30, 40, 1));
    assert_eq!(film.ranges, [(0.0, 0.25), (0.5, 0.6)]);
}
