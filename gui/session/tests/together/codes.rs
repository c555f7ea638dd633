//! Codes of the server and the engine that can be provoked by doing something, each as the person sees it.

use session::proto::participant::End;
use session::proto::view::{Notice, Stage, View};
use session::proto::wish::Wish;
use signal_proto::ids::{ParticipantId, RoomCode};
use signal_proto::roles::Role;

use crate::scene::Scene;

/// What is seen has words and one thing to do.
fn is_told(notice: &Notice, code: &str) {
    assert_eq!(notice.code.as_deref(), Some(code));
    assert!(notice.title.len() > 8 && notice.text.ends_with(['.', '?']), "{notice:?}");
    assert!(notice.action.is_some(), "{notice:?}");
}

fn shows(view: &View, code: &str) -> bool {
    view.notices.iter().any(|notice| notice.code.as_deref() == Some(code))
}

#[test]
fn doors_that_stay_shut() {
    let scene = Scene::with(|config| config.room_max = 2);
    let host = scene.host("Ana");
    let code = host.code();
    host.wants(Wish::Lock(true));
    host.sees("that it is locked", |view| view.rules.as_ref().is_some_and(|rules| rules.locked));
    let End::Refused(notice) = scene.join("Bea", &code).ends() else { panic!("locked") };
    is_told(&notice, "S006");
    host.wants(Wish::Lock(false));
    let viewer = scene.join("Bea", &code);
    viewer.sees("the room", |view| view.people.len() == 2);
    let full = scene.join("Cem", &code);
    match full.ends_or_sees(|view| shows(view, "S005")) {
        Some(End::Refused(notice)) => is_told(&notice, "S005"),
        Some(end) => panic!("{end:?}"),
        None => {}
    }
    let bea = ParticipantId::parse("Bea-1").expect("an id");
    host.wants(Wish::Kick(bea));
    assert_eq!(viewer.ends(), End::Removed, "S007");
    let End::Refused(notice) = scene.join("Bea", &code).ends() else { panic!("removed") };
    is_told(&notice, "S007");
    let taken = scene.create("Dan", RoomCode::parse(&code.replace('-', "")).expect("a code"));
    let End::Refused(notice) = taken.ends() else { panic!("taken") };
    is_told(&notice, "S004");
}

#[test]
fn nobody_of_that_name() {
    let scene = Scene::new();
    let host = scene.host("Ana");
    host.code();
    host.wants(Wish::SetRole(ParticipantId::parse("nobody").expect("an id"), Role::Cohost));
    let view = host.sees("that there is nobody", |view| shows(view, "S014"));
    is_told(view.notices.iter().find(|notice| notice.code.as_deref() == Some("S014")).expect("seen"), "S014");
}

#[test]
fn a_film_that_is_none_and_one_that_changes() {
    let scene = Scene::new();
    let empty = scene.file("empty.mkv", b"");
    let host = scene.host_with("Ana", |setup| setup.film = Some(empty));
    let view = host.sees("that it is no film", |view| shows(view, "E003"));
    is_told(view.notices.first().expect("seen"), "E003");
    host.wants(Wish::Share(scene.film()));
    host.sees("the film", |view| view.film.as_ref().is_some_and(|film| film.stage == Stage::Complete));
    host.sees("no trouble", |view| view.notices.is_empty());
    std::fs::write(scene.film(), b"another film").expect("it can be written");
    let late = scene.join("Bea", &host.code());
    let view = host.sees("that it changed", |view| shows(view, "E008"));
    is_told(view.notices.iter().find(|notice| notice.code.as_deref() == Some("E008")).expect("seen"), "E008");
    late.sees("that nobody has it", |view| shows(view, "E004"));
}
