//! Sessions with everything real but the players: a server, engines that exchange a film, rooms, chat, and playing in step.

mod codes;
mod paper;
mod scene;

use std::time::Duration;

use session::proto::participant::End;
use session::proto::view::{Delivery, PersonState, RoomState, Stage};
use session::proto::wish::{Control, LateJoin, Wish};
use signal_proto::time::MediaTime;

use scene::Scene;

fn at(seconds: f64) -> MediaTime {
    MediaTime::new(seconds).expect("a place in a film")
}

#[test]
fn two_watch_a_film_that_only_one_has() {
    let scene = Scene::new();
    let host = scene.host("Ana");
    let code = host.code();
    let viewer = scene.join("Bea", &code);
    host.sees("two people", |view| view.people.len() == 2);
    viewer.sees("all of the film", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
    host.sees("that both are ready", |view| view.people.iter().all(|person| person.state == PersonState::Ready));

    host.wants(Wish::Play);
    for person in [&host, &viewer] {
        person.sees("it plays in step", |view| {
            view.playback.state == RoomState::Playing && view.playback.drift.is_some_and(|drift| drift.abs() < 0.1)
        });
    }
    viewer.wants(Wish::Pause);
    viewer.sees("that it may not", |view| view.notices.iter().any(|notice| notice.title == "Only the host can pause"));

    host.wants(Wish::SetControl(Control::Everyone));
    viewer.sees("that it may", |view| view.may_control);
    viewer.wants(Wish::Seek(at(40.0)));
    for person in [&host, &viewer] {
        person.sees("it plays from there in step", |view| {
            let there = view.playback.position.is_some_and(|place| place > 40.5);
            there && view.playback.drift.is_some_and(|drift| drift.abs() < 0.1)
        });
    }
    viewer.wants(Wish::Pause);
    for person in [&host, &viewer] {
        person.sees("it stands", |view| view.playback.state == RoomState::Paused && !view.playback.running);
    }
    let places = [&host, &viewer].map(|person| person.view().playback.position.unwrap_or_default());
    assert!((places[0] - places[1]).abs() < 0.3, "{places:?}");

    viewer.wants(Wish::Say("good film".into()));
    host.sees("the line", |view| {
        view.chat.iter().any(|item| item.text == "good film" && item.from.as_deref() == Some("Bea"))
    });
    viewer.sees("that it arrived", |view| {
        view.chat.iter().any(|item| item.text == "good film" && item.delivery == Delivery::Sent)
    });
    assert_eq!(viewer.leaves(), End::Left);
    host.sees("that it is alone", |view| view.people.len() == 1);
    assert_eq!(host.leaves(), End::Left);
}

#[test]
fn a_late_one_joins_without_disturbing_and_a_restarted_server_finds_everybody_again() {
    let mut scene = Scene::new();
    let host = scene.host("Ana");
    host.sees("its film", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
    host.wants(Wish::Play);
    host.sees("it plays", |view| view.playback.position.is_some_and(|place| place > 6.0));
    let late = scene.join_with("Bea", &host.code(), |setup| setup.late_join = LateJoin::Now);
    late.sees("it is in step", |view| view.playback.drift.is_some_and(|drift| drift.abs() < 0.1));
    assert!(!host.heard("paused") && !host.heard("jumped"), "the room was not disturbed: {:?}", host.view().chat);

    scene.restart_server(Duration::from_secs(1));
    for person in [&host, &late] {
        person.sees("the server is gone, and it plays", |view| !view.server.connected && view.playback.running);
    }
    late.wants(Wish::Say("still here".into()));
    for person in [&host, &late] {
        person.sees("the server is back", |view| view.server.connected && view.people.len() == 2);
        person.sees("it plays in step", |view| {
            view.playback.state == RoomState::Playing && view.playback.drift.is_some_and(|drift| drift.abs() < 0.1)
        });
    }
    host.sees("what was said meanwhile, once", |view| {
        view.chat.iter().filter(|item| item.text == "still here").count() == 1
    });
    assert!(host.view().may_manage, "the host is the host");
    assert!(!host.heard("paused"), "{:?}", host.view().chat);
}

#[test]
fn what_cannot_be_is_said_in_words() {
    let scene = Scene::new();
    let stranger = scene.join("Bea", "NOSUCHROOM");
    let End::Refused(notice) = stranger.ends() else { panic!("refused") };
    assert_eq!(notice.code.as_deref(), Some("S002"));
    let host = scene.host_with("Ana", |setup| setup.film = Some("/nowhere/film.mkv".into()));
    host.sees("that the file is not there", |view| {
        view.notices.iter().any(|notice| notice.code.as_deref() == Some("E005") && notice.text.contains("film.mkv"))
    });
    host.sees("the film's state", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Failed));
    host.wants(Wish::Share(scene.film()));
    host.sees("another file", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
}

#[test]
fn the_film_goes_on_without_its_host_and_another_becomes_host() {
    let scene = Scene::with(|config| config.host_grace = Duration::from_secs(2));
    let host = scene.host("Ana");
    let viewer = scene.join("Bea", &host.code());
    viewer.sees("all of the film", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
    host.sees("that both are ready", |view| view.people.iter().all(|person| person.state == PersonState::Ready));
    host.wants(Wish::Play);
    viewer.sees("it plays", |view| view.playback.running);
    let code = host.code();
    host.vanishes();
    viewer.sees("it is host", |view| view.may_manage && view.may_control);
    assert!(viewer.view().playback.running, "nobody's film stops because of it");
    let third = scene.join("Cem", &code);
    third.sees("all of the film, from the one who is left", |view| {
        view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete)
    });
    viewer.wants(Wish::Pause);
    third.sees("it stands", |view| view.playback.state == RoomState::Paused);
}

#[test]
fn a_server_that_lost_its_key_gets_the_room_anew_from_its_host() {
    let mut scene = Scene::new();
    let host = scene.host("Ana");
    let code = host.code();
    let viewer = scene.join("Bea", &code);
    viewer.sees("all of the film", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
    scene.forget_key();
    scene.restart_server(Duration::from_millis(500));
    for person in [&host, &viewer] {
        person.sees("the server is gone", |view| !view.server.connected);
    }
    for person in [&host, &viewer] {
        person.sees("both are in the room again", |view| {
            view.server.connected && view.people.len() == 2 && view.code.as_deref() == Some(&code)
        });
        person.sees("the film is there", |view| {
            view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete && film.duration.is_some())
        });
    }
    host.sees("both are ready", |view| view.people.iter().all(|person| person.state == PersonState::Ready));
    host.wants(Wish::Play);
    viewer.sees("it plays", |view| view.playback.running);
}

#[test]
fn a_film_goes_on_where_its_host_left_it() {
    let scene = Scene::new();
    let host = scene.host("Ana");
    host.sees("its film", |view| view.film.as_ref().is_some_and(|film| film.duration.is_some()));
    assert_eq!(host.view().resume, None, "it was never watched");
    host.wants(Wish::Seek(at(30.0)));
    host.sees("it is there", |view| view.playback.position.is_some_and(|place| (place - 30.0).abs() < 0.1));
    assert_eq!(host.leaves(), End::Left);
    let host = scene.host("Ana");
    let view = host.sees("the question", |view| view.resume.is_some());
    assert!((view.resume.expect("seen").at - 30.0).abs() < 0.1, "{:?}", view.resume);
    host.wants(Wish::Resume(true));
    host.sees("it is there again, and nothing is asked", |view| {
        view.playback.room_position > 29.0 && view.playback.position.is_some() && view.resume.is_none()
    });
}

#[test]
fn what_a_viewer_downloaded_goes_with_the_room_if_that_is_set_and_the_hosts_file_stays() {
    let scene = Scene::new();
    let host = scene.host_with("Ana", |setup| {
        setup.film = Some(scene.film());
        setup.deletes_films = true;
    });
    let code = host.code();
    let complete =
        |view: &session::proto::view::View| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete);
    let keeps = scene.join("Bea", &code);
    let deletes = scene.join_with("Cem", &code, |setup| setup.deletes_films = true);
    let vanishes = scene.join_with("Dan", &code, |setup| setup.deletes_films = true);
    for viewer in [&keeps, &deletes, &vanishes] {
        viewer.sees("all of the film", complete);
    }
    assert!(scene.downloaded("Cem") > 1_000_000, "it was on the disk");
    assert_eq!((keeps.leaves(), deletes.leaves()), (End::Left, End::Left));
    vanishes.vanishes();
    assert_eq!(host.leaves(), End::Left);
    assert_eq!((scene.downloaded("Cem"), scene.downloaded("Dan")), (0, 0));
    assert!(scene.downloaded("Bea") > 1_000_000, "who keeps films has it");
    assert!(std::path::Path::new(&scene.film()).exists());
}

#[test]
fn subtitles_of_one_are_everybodys_also_of_who_comes_later() {
    let scene = Scene::new();
    let words = b"1\n00:00:01,000 --> 00:00:04,000\nGuten Abend\n";
    let path = scene.file("film.de.srt", words);
    let host = scene.host("Ana");
    let code = host.code();
    let viewer = scene.join("Bea", &code);
    let complete = |view: &session::proto::view::View| {
        view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete && film.duration.is_some())
    };
    viewer.sees("all of the film", complete);
    viewer.wants(Wish::ShareSubtitles(path));
    viewer.sees("them itself", |view| subtitles(view).is_some());
    let late = scene.join("Cem", &code);
    for person in [&host, &late] {
        let view = person.sees("the subtitles", |view| subtitles(view).is_some());
        let address = subtitles(&view).expect("seen");
        assert_eq!(scene::fetch(&address), words, "what the player is given is the file: {address}");
        assert!(person.heard("Bea shared the subtitles film.de.srt"), "{:?}", view.chat);
        assert!(complete(&person.view()), "the film is the film");
    }
}

/// Where a player of paper was told to find subtitles.
fn subtitles(view: &session::proto::view::View) -> Option<String> {
    view.film.as_ref()?.tracks.iter().find_map(|track| track.title.clone())
}
