//! Where a film was left is kept, and offered once; what was downloaded goes when that is wished.

use engine_proto::ipc;
use serde_json::json;
use signal_proto::time::MediaTime;

use crate::participant::{Input, Output};
use crate::player::Event;
use crate::settings::Place;
use crate::testing::{Desk, INFOHASH, MAGNET, join, setup};
use crate::view::Resume;
use crate::wish::Wish;

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place")
}

fn place(at: f64) -> Place {
    Place { info_hash: INFOHASH, at, duration: 100.0 }
}

/// A host whose film was left there at an earlier time.
fn left_at(seconds: f64) -> Desk {
    let mut desk = Desk::in_room("host");
    desk.hear("torrent-magnet", json!({"magnetURI": MAGNET, "name": "film", "by": "ana", "epoch": 1}));
    desk.snapshot(0.0, false, 1);
    desk.added();
    let wants = desk.take().into_iter().filter(|output| *output == Output::WantPlace(INFOHASH)).count();
    assert_eq!(wants, 1, "asked once a film");
    desk.input(Input::Place(place(seconds)));
    assert_eq!(desk.view().resume, None, "not before it is open");
    desk.progress(&[(0, 1_000)], ipc::State::Seeding);
    desk.opened();
    desk.run(1_000);
    desk.take();
    desk
}

fn kept(desk: &mut Desk) -> Vec<f64> {
    let kept = |output: Output| match output {
        Output::KeepPlace(place) => Some(place),
        _ => None,
    };
    let kept: Vec<Place> = desk.take().into_iter().filter_map(kept).collect();
    assert!(kept.iter().all(|place| place.info_hash == INFOHASH && place.duration == 100.0), "{kept:?}");
    kept.into_iter().map(|place| place.at).collect()
}

fn near(places: &[f64], expected: &[f64]) {
    let is_near = |(place, expected): (&f64, &f64)| (place - expected).abs() < 0.5;
    assert!(places.len() == expected.len() && places.iter().zip(expected).all(is_near), "{places:?}, not {expected:?}");
}

/// The room plays from there, and the player obeys.
fn play_from(desk: &mut Desk, mut place: f64, seq: u64, seconds: u32) -> f64 {
    desk.state("playing", place, seq, None, &[]);
    desk.run(10);
    desk.player(Event::Running(true));
    for _ in 0..seconds * 4 {
        desk.run(250);
        place += 0.25;
        desk.position(place, true);
    }
    place
}

#[test]
fn whoever_may_is_asked_once_and_the_room_goes_on_there() {
    let mut desk = left_at(45.0);
    assert_eq!(desk.view().resume, Some(Resume { at: 45.0 }));
    desk.wish(Wish::Resume(true));
    let said = desk.said("sync-seek");
    assert_eq!((said.len(), said[0]["time"].as_f64()), (1, Some(45.0)));
    assert_eq!(desk.view().resume, None);
    desk.wish(Wish::Resume(true));
    assert_eq!(desk.said("sync-seek").len(), 0, "it was answered");
}

#[test]
fn no_leaves_the_film_at_its_start() {
    let mut desk = left_at(45.0);
    desk.wish(Wish::Resume(false));
    assert_eq!((desk.take(), desk.view().resume), (vec![], None));
    desk.hear("participant-joined", json!({"id": "cem", "name": "Cem"}));
    desk.run(5_000);
    assert_eq!(desk.view().resume, None, "nobody is asked twice");
}

#[test]
fn what_was_hardly_begun_or_nearly_over_is_not_offered() {
    for (seconds, offered) in [(9.0, false), (10.0, true), (89.0, true), (90.0, false), (99.0, false)] {
        assert_eq!(left_at(seconds).view().resume.is_some(), offered, "{seconds}");
    }
}

#[test]
fn who_may_not_move_the_film_is_not_asked_unless_they_are_given_control() {
    let mut desk = Desk::with_film("viewer");
    desk.input(Input::Place(place(45.0)));
    assert_eq!(desk.view().resume, None);
    desk.wish(Wish::Resume(true));
    assert_eq!(desk.said("sync-seek").len(), 0);
    desk.hear("room-updated", json!({"controlMode": "everyone", "policy": {}}));
    assert_eq!(desk.view().resume, Some(Resume { at: 45.0 }));
}

#[test]
fn a_film_that_moves_or_moved_before_one_came_is_not_resumed() {
    let mut desk = left_at(45.0);
    desk.state("waiting", 0.0, 2, None, &["ana"]);
    assert_eq!(desk.view().resume, None);
    desk.state("paused", 0.0, 3, None, &[]);
    assert_eq!(desk.view().resume, None, "not even when it is back at its start");

    // The room's place is heard before its film.
    let mut desk = Desk::in_room("host");
    desk.snapshot(30.0, false, 4);
    desk.hear("torrent-magnet", json!({"magnetURI": MAGNET, "name": "film", "by": "ana", "epoch": 1}));
    desk.added();
    desk.input(Input::Place(place(45.0)));
    desk.opened();
    assert_eq!(desk.view().resume, None);
}

#[test]
fn another_films_place_is_nothing() {
    let mut desk = Desk::with_film("host");
    let info_hash = engine_proto::infohash::Infohash([7; 20]);
    desk.input(Input::Place(Place { info_hash, ..place(45.0) }));
    assert_eq!(desk.view().resume, None);
}

#[test]
fn a_place_is_kept_while_it_plays_at_pauses_jumps_and_the_end() {
    let mut desk = left_at(45.0);
    desk.run(60_000);
    near(&kept(&mut desk), &[]);
    let place = play_from(&mut desk, 0.0, 2, 35);
    near(&kept(&mut desk), &[10.0, 20.0, 30.0]);
    desk.state("paused", place, 3, None, &[]);
    near(&kept(&mut desk), &[35.0]);
    desk.player(Event::Running(false));
    desk.run(60_000);
    near(&kept(&mut desk), &[]);
    desk.state("paused", 70.0, 4, None, &[]);
    near(&kept(&mut desk), &[70.0]);
    desk.player(Event::Sought(at(70.0)));
    desk.state("paused", 3.0, 5, None, &[]);
    near(&kept(&mut desk), &[]);
    desk.player(Event::Sought(at(3.0)));
    let place = play_from(&mut desk, 3.0, 6, 12);
    near(&kept(&mut desk), &[13.0]);
    desk.wish(Wish::Leave);
    near(&kept(&mut desk), &[place]);
}

#[test]
fn a_film_that_never_moved_keeps_the_place_of_before() {
    let mut desk = left_at(45.0);
    desk.wish(Wish::Leave);
    near(&kept(&mut desk), &[]);
}

#[test]
fn a_program_that_is_ended_keeps_the_place_too_and_says_no_goodbye() {
    let mut desk = left_at(45.0);
    let place = play_from(&mut desk, 0.0, 2, 15);
    desk.take();
    desk.input(Input::LetGo);
    let outputs = desk.take();
    assert!(!outputs.iter().any(|output| matches!(output, Output::Say(_) | Output::LeaveServer)), "{outputs:?}");
    let kept = outputs.iter().any(|output| matches!(output, Output::KeepPlace(kept) if (kept.at - place).abs() < 0.5));
    assert!(kept, "{outputs:?}");
    desk.run(60_000);
    assert_eq!(desk.take(), []);
}

/// What the engine was told to stop, and whether what it downloaded goes.
fn stopped(desk: &mut Desk) -> Vec<bool> {
    let stop = |output: Output| match output {
        Output::Engine(ipc::Command::Stop(stop)) => Some(stop.delete_data),
        _ => None,
    };
    desk.take().into_iter().filter_map(stop).collect()
}

#[test]
fn a_film_is_deleted_when_the_room_is_left_if_that_is_set() {
    for deletes_films in [true, false] {
        let mut options = setup(join());
        options.deletes_films = deletes_films;
        let mut desk = Desk::entered(options.clone(), "viewer");
        desk.film();
        desk.wish(Wish::Leave);
        assert_eq!(stopped(&mut desk), [false; 0], "not before the goodbye");
        desk.run(2_000);
        assert_eq!(stopped(&mut desk), [deletes_films]);

        let mut desk = Desk::entered(options.clone(), "viewer");
        desk.film();
        desk.hear("media-cleared", json!({"by": "ana", "epoch": 2}));
        assert_eq!(stopped(&mut desk), [deletes_films], "another film takes its place");

        let mut desk = Desk::entered(options.clone(), "viewer");
        desk.film();
        desk.input(Input::LetGo);
        assert_eq!(stopped(&mut desk), [deletes_films]);

        options.film = Some("/films/film.mkv".into());
        let mut own = Desk::entered(options, "host");
        own.seeding();
        own.wish(Wish::Leave);
        own.run(2_000);
        assert_eq!(stopped(&mut own), [false], "one's own file is never touched");
    }
}
