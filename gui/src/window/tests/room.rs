//! The room's screen: the film's controls, people, chat, notices, keys.

use session::proto::invite::Invite;
use session::proto::view::{Action, Level, Notice};
use session::proto::wish::Control;
use signal_proto::ids::ParticipantId;
use signal_proto::sync::gate::WaitPolicy;
use signal_proto::time::{MediaTime, Rate};
use slint::SharedString;
use slint::platform::Key;
use ui::{Chat, Dialog, Menu, Room};

use super::super::remote;
use super::*;

fn at(seconds: f64) -> MediaTime {
    MediaTime::saturating(seconds)
}

#[test]
fn every_key_asks_for_what_it_says() {
    let rig = Rig::in_room(evening());
    let special = |key: Key| SharedString::from(key).to_string();
    let subtitle = |id| Wish::SelectTrack(TrackKind::Subtitle, id);
    for (key, wish) in [
        (" ".to_owned(), Wish::TogglePlay),
        ("k".into(), Wish::TogglePlay),
        (special(Key::LeftArrow), Wish::SeekBy(-5.0)),
        (special(Key::RightArrow), Wish::SeekBy(5.0)),
        ("j".into(), Wish::SeekBy(-10.0)),
        ("l".into(), Wish::SeekBy(10.0)),
        (special(Key::Home), Wish::Seek(at(0.0))),
        (special(Key::End), Wish::Seek(at(120.0))),
        ("5".into(), Wish::Seek(at(60.0))),
        ("m".into(), Wish::SetMuted(true)),
        ("v".into(), subtitle(Some(1))),
        ("c".into(), subtitle(Some(1))),
        ("#".into(), Wish::SelectTrack(TrackKind::Audio, Some(2))),
        ("x".into(), Wish::SetSubtitleDelay(0.1)),
        ("z".into(), Wish::SetSubtitleDelay(0.0)),
        ("]".into(), Wish::SetRate(Rate::new(1.1).unwrap())),
        (special(Key::Backspace), Wish::SetRate(Rate::ONE)),
        (",".into(), Wish::StepFrame(-1)),
        (".".into(), Wish::StepFrame(1)),
        ("i".into(), Wish::WatchReports(true)),
        ("r".into(), Wish::Ready),
    ] {
        assert!(rig.key(&key), "{key}");
        assert_eq!(rig.wished(), [wish], "{key}");
    }
    assert!(rig.key(&special(Key::UpArrow)));
    assert!(matches!(rig.wished()[..], [Wish::SetVolume(volume)] if (volume - 0.85).abs() < 1e-6));
    assert!(!rig.key("ö"));
}

#[test]
fn keys_of_the_window_itself() {
    let rig = Rig::in_room(evening());
    let (window, room) = (rig.app.global::<App>(), rig.app.global::<Room>());
    let escape = SharedString::from(Key::Escape);
    rig.key("f");
    assert!(window.get_full_screen());
    rig.key("t");
    assert!(room.get_theatre());
    rig.key(&escape);
    assert!(!window.get_full_screen() && room.get_theatre(), "one step at a time");
    rig.key(&escape);
    assert!(!room.get_theatre());
    rig.key("?");
    assert_eq!(window.get_dialog(), Dialog::Keys);
    assert!(!rig.key(" "), "behind a dialog nothing moves");
    rig.key(&escape);
    assert_eq!(window.get_dialog(), Dialog::None);
    rig.key(&SharedString::from(Key::Return));
    assert!(rig.app.global::<Chat>().get_writing());
    assert_eq!(rig.wished(), []);
}

#[test]
fn buttons_of_the_film() {
    let rig = Rig::in_room(evening());
    rig.press("Pause");
    rig.press("Mute");
    rig.named("Place in the film").set_accessible_value("0.5");
    rig.named("Place in the film").invoke_accessible_increment_action();
    assert_eq!(rig.wished(), [Wish::TogglePlay, Wish::SetMuted(true), Wish::Seek(at(60.0)), Wish::SeekBy(5.0)]);
    rig.named("Volume").set_accessible_value("0.5");
    assert_eq!(rig.wished(), [Wish::SetVolume(0.5)]);
    assert_eq!(rig.named("Place in the film").accessible_value().unwrap(), "30 seconds of 2 minutes 0");
}

#[test]
fn menus_of_the_film() {
    let rig = Rig::in_room(evening());
    rig.press("Sound tracks");
    rig.press("German");
    assert_eq!(rig.wished(), [Wish::SelectTrack(TrackKind::Audio, Some(2))]);
    assert_eq!(rig.app.global::<Player>().get_menu(), Menu::None);
    rig.press("Subtitles");
    rig.press("German");
    rig.press("Subtitles");
    rig.press("None");
    rig.press("Subtitles");
    rig.press("Subtitles later");
    assert_eq!(
        rig.wished(),
        [
            Wish::SelectTrack(TrackKind::Subtitle, Some(2)),
            Wish::SelectTrack(TrackKind::Subtitle, None),
            Wish::SetSubtitleDelay(0.1)
        ]
    );
    rig.press("Picture");
    rig.press("Stretch");
    rig.press("Speed for the room, now 1×");
    rig.press("1.25×");
    assert_eq!(rig.wished(), [Wish::SetRate(Rate::new(1.25).unwrap())]);
}

#[test]
fn who_may_not_control_is_not_offered_it() {
    let mut view = evening();
    (view.may_control, view.may_manage) = (false, false);
    let rig = Rig::in_room(view);
    assert_eq!(rig.named("Place in the film").accessible_enabled(), Some(false));
    rig.press("People and chat");
    assert!(!rig.has("End the room for everybody"));
    // The key is heard all the same: the room says in words why nothing moves.
    rig.key(" ");
    assert_eq!(rig.wished(), [Wish::TogglePlay]);
}

#[test]
fn the_host_looks_after_people() {
    let rig = Rig::in_room(evening());
    rig.press("People, 2");
    let bea = || ParticipantId::parse("bea").unwrap();
    rig.press("What to do with Bea");
    rig.press("Make cohost");
    assert_eq!(rig.wished(), [Wish::SetRole(bea(), Role::Cohost)]);
    rig.press("What to do with Bea");
    rig.press("Remove from the room");
    assert_eq!(rig.wished(), [], "it is asked first");
    rig.press("Remove");
    assert_eq!(rig.wished(), [Wish::Kick(bea())]);
    rig.choose("Host");
    rig.press("Go on");
    rig.press("Nobody new comes in");
    rig.press("Pause when the host leaves");
    assert_eq!(
        rig.wished(),
        [
            Wish::SetControl(Control::Host),
            Wish::SetWaiting(WaitPolicy::Flow),
            Wish::Lock(true),
            Wish::PauseWithoutHost(true)
        ]
    );
    assert!(rig.has("Bea, , 3 s behind"));
}

#[test]
fn chat_is_said_sent_again_and_leads_to_its_scene() {
    let mut view = evening();
    view.chat.push(ChatItem { delivery: Delivery::Failed, mine: true, ..said(7, Some("Ana"), "Hello?") });
    let rig = Rig::in_room(view);
    assert!(rig.has("Bea: Look, the dragon!") && rig.has("Bea joined"));
    rig.press("Retry");
    rig.press("Go to 0:12");
    assert_eq!(rig.wished(), [Wish::RetrySaying(7), Wish::Seek(at(12.0))]);
    rig.named("Message").set_accessible_value("Yes!");
    rig.press("Send");
    assert_eq!(rig.wished(), [Wish::Say("Yes!".into())]);
    assert_eq!(rig.app.global::<Chat>().get_draft(), "");
}

#[test]
fn notices_say_what_helps_and_do_it() {
    let notice = |key, level, code: Option<&str>, action| Notice {
        key,
        level,
        code: code.map(str::to_owned),
        title: format!("Trouble {key}"),
        text: "It is so.".into(),
        action: Some(action),
    };
    let mut view = evening();
    view.notices = vec![
        notice(1, Level::Error, Some("S001"), Action::Retry),
        notice(2, Level::Warning, None, Action::StartAnyway),
    ];
    let rig = Rig::in_room(view);
    assert!(rig.has("Trouble 1. It is so."));
    rig.press("Retry");
    rig.press("Start anyway");
    rig.press("Dismiss: Trouble 2");
    assert_eq!(rig.wished(), [Wish::RetryServer, Wish::StartAnyway, Wish::Dismiss(2)]);
    // What is only said in passing is a line, and no card with buttons.
    let mut view = evening();
    view.notices = vec![Notice { action: None, ..notice(3, Level::Info, None, Action::Wait) }];
    rig.shows(view);
    assert!(rig.has("Trouble 3") && !rig.has("Dismiss: Trouble 3"));
}

#[test]
fn everything_that_can_be_operated_has_a_name() {
    let rig = Rig::in_room(evening());
    for (tab, truth) in [("People, 2", false), ("Chat", true)] {
        rig.press(tab);
        rig.app.global::<Room>().set_truth(truth);
        let all = rig.operable();
        assert!(all.len() > 15, "{all:?}");
        for (role, name) in all {
            assert!(!name.trim().is_empty(), "a {role:?} without a name, beside {tab}");
        }
    }
}

#[test]
fn every_wait_is_drawn() {
    let rig = Rig::in_room(View::default());
    assert!(rig.has("Entering the room…"));
    let mut view = evening();
    view.film.as_mut().unwrap().stage = Stage::Looking { since: 12.0 };
    view.people[1].role = Role::Host;
    view.people[0].role = Role::Viewer;
    rig.shows(view);
    assert!(rig.has("Looking for Bea's computer… 12 s"));
    let mut view = evening();
    view.playback.waiting_on = vec!["Bea".into()];
    view.playback.state = RoomState::Waiting;
    rig.shows(view);
    assert!(rig.has("Waiting for Bea"));
    rig.press("Start anyway");
    assert_eq!(rig.wished(), [Wish::StartAnyway]);
}

#[test]
fn a_kiosk_shows_its_code_until_somebody_comes() {
    let mut alone = evening();
    alone.people.truncate(1);
    alone.playback.running = false;
    let rig = Rig::in_room(alone);
    assert!(!rig.has("Code ABC1-2345"));
    rig.app.global::<App>().set_kiosk(true);
    mock_elapsed_time(Duration::from_millis(300));
    assert!(rig.has("Code ABC1-2345"));
    rig.shows(View { playback: Playback { running: false, ..evening().playback }, ..evening() });
    assert!(!rig.has("Code ABC1-2345"));
}

#[test]
fn a_phone_that_read_the_code_off_a_kiosk_becomes_cohost_once() {
    let standing = || View { playback: Playback { running: false, ..evening().playback }, ..evening() };
    let rig = Rig::in_room(standing());
    rig.app.global::<App>().set_kiosk(true);
    let invite = Invite::parse("https://share.example/j/ABC1-2345").expect("an invitation");
    remote::offer(&rig.desk, &invite);
    mock_elapsed_time(Duration::from_millis(300));
    assert!(rig.has("A QR code for a phone that controls this") && !rig.has("Code ABC1-2345"));

    let seen = |rig: &Rig, id: &str, role| {
        let mut view = standing();
        view.role = Some(role);
        let phone = Person { id: id.to_owned(), ..view.people[1].clone() };
        view.people.push(phone);
        remote::admit(&rig.desk, &view);
    };
    let ticket = |rig: &Rig| rig.desk.remote.borrow().as_ref().expect("there is one").ticket().to_owned();
    let first = ticket(&rig);
    assert_eq!(first.len(), 16);
    for stranger in ["remote-", "remote-0123456789abcdef", &first, &format!("remote-{first}~2")] {
        seen(&rig, stranger, Role::Host);
        assert_eq!((rig.wished(), ticket(&rig)), (vec![], first.clone()), "{stranger}");
    }
    let phone = format!("remote-{first}");
    seen(&rig, &phone, Role::Host);
    assert_eq!(rig.wished(), [Wish::SetRole(ParticipantId::parse(&phone).expect("an id"), Role::Cohost)]);
    let second = ticket(&rig);
    assert_ne!(first, second);
    seen(&rig, &phone, Role::Host);
    assert_eq!((rig.wished(), ticket(&rig)), (vec![], second.clone()), "a ticket is good for one");
    // In a room of others it gives nobody anything.
    seen(&rig, &format!("remote-{second}"), Role::Viewer);
    assert_eq!(rig.wished(), []);
    assert_ne!(ticket(&rig), second);

    remote::withdraw(&rig.desk);
    mock_elapsed_time(Duration::from_millis(300));
    assert!(!rig.has("A QR code for a phone that controls this"));
    // Without a server there is no page for phones.
    remote::offer(&rig.desk, &Invite::parse("ABC1-2345").expect("a code"));
    assert!(rig.desk.remote.borrow().is_none());
}

#[test]
fn the_last_of_many_messages_is_seen() {
    let mut view = evening();
    let line = view.chat.last().expect("somebody said something").clone();
    view.chat =
        (0..60).map(|key| ChatItem { key, text: format!("Line {key} of a long evening"), ..line.clone() }).collect();
    let rig = Rig::in_room(view);
    rig.app.global::<Room>().set_tab(1);
    // It is laid out by one look, and moved before the next.
    for _ in 0..3 {
        rig.labels();
        mock_elapsed_time(Duration::from_millis(100));
    }
    let last =
        rig.labels().into_iter().find(|label| label.ends_with("Line 59 of a long evening")).expect("it is there");
    let place = rig.named(&last).absolute_position();
    assert!((100.0..700.0).contains(&place.y), "{place:?}");
}
