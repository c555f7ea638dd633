//! The first screen, the doctor, and who made all this.

use ui::Home;

use super::*;

#[test]
fn the_field_says_what_it_understood() {
    let rig = Rig::new();
    let field = rig.named("Code, link or path of a film");
    for (typed, understood, goes) in [
        ("abc1 2345", "The room ABC1-2345, on this network.", true),
        ("https://share.example/j/ABC1-2345", "The room ABC1-2345 at share.example.", true),
        ("/no/film.mkv", "There is no such file.", false),
        ("", "", false),
    ] {
        field.set_accessible_value(typed);
        let home = rig.app.global::<Home>();
        assert_eq!((home.get_understood().as_str(), home.get_can_go()), (understood, goes), "{typed}");
    }
    let film = rig.folder.path().join("Film.mkv");
    std::fs::write(&film, "").unwrap();
    field.set_accessible_value(film.to_str().unwrap());
    assert!(rig.app.global::<Home>().get_can_go());
}

#[test]
fn screens_lead_to_one_another_and_back() {
    let rig = Rig::new();
    for (button, screen, title) in [
        ("Settings", Screen::Settings, "Settings"),
        ("About", Screen::About, "About ShareStream"),
        ("Connection help", Screen::Doctor, "Connection help"),
    ] {
        rig.press(button);
        assert_eq!(rig.screen(), screen);
        assert!(rig.has(title));
        for (role, name) in rig.operable() {
            assert!(!name.trim().is_empty(), "a {role:?} without a name in {title}");
        }
        rig.press("Back");
        assert_eq!(rig.screen(), Screen::Home);
    }
    let rig = Rig::in_room(evening());
    rig.press("Settings");
    rig.press("Back");
    assert_eq!(rig.screen(), Screen::Room, "back is where one was");
}

#[test]
fn rooms_of_the_last_days_are_offered_and_forgotten() {
    let rig = Rig::new();
    std::fs::write(
        rig.folder.path().join("recent.json"),
        r#"{"rooms": [{"code": "ABC12345", "server": "https://share.example", "name": "Ana", "when": 1}]}"#,
    )
    .unwrap();
    super::super::home::refresh(&rig.desk);
    let forget = rig.labels().into_iter().find(|label| label.starts_with("Forget ")).expect("a room to forget");
    rig.press(&forget);
    assert!(!rig.has(&forget));
}

#[test]
fn a_film_that_a_desktop_starts_the_app_with_is_among_them() {
    let rig = Rig::new();
    let film = rig.folder.path().join("Double-clicked.mkv").display().to_string();
    super::super::home::enter_at_start(&rig.desk, crate::args::Task::Host { film, code: None });
    assert!(rig.labels().iter().any(|label| label.starts_with("Double-clicked.mkv, ")));
}

#[test]
fn films_of_the_last_days_are_offered_again() {
    let rig = Rig::new();
    let film = rig.folder.path().join("A film.mkv");
    std::fs::write(&film, b"a film").unwrap();
    super::super::home::share(&rig.desk, film.display().to_string());
    let offered = rig.labels().into_iter().find(|label| label.starts_with("A film.mkv, ")).expect("it is offered");
    assert!(offered.ends_with(" · today"), "{offered}");
    rig.press("Forget A film.mkv");
    assert!(!rig.has(&offered));
    let kept = std::fs::read_to_string(rig.folder.path().join("recent.json")).unwrap();
    assert!(!kept.contains("A film"), "{kept}");
}
