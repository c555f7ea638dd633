//! What lies over a room, and asks.

use session::proto::view::{Part, Playback};
use session::proto::wish::LateJoin;
use ui::{Dialog, Room};

use super::super::asked;
use super::*;

fn over(dialog: Dialog) -> Rig {
    let rig = Rig::in_room(evening());
    rig.app.global::<App>().set_dialog(dialog);
    mock_elapsed_time(Duration::from_millis(300));
    rig
}

fn dialog(rig: &Rig) -> Dialog {
    rig.app.global::<App>().get_dialog()
}

#[test]
fn leaving_is_asked_and_ending_too() {
    let rig = over(Dialog::Leave);
    rig.press("Cancel");
    assert_eq!((rig.wished(), dialog(&rig)), (vec![], Dialog::None));
    rig.press("Leave the room");
    assert!(rig.has("The film is on this computer: the others can go on only as far as they have it."));
    rig.app.global::<Room>().set_lan(true);
    assert!(rig.has("The room is on this computer: it ends for everybody when you leave."));
    let mut guest = evening();
    guest.may_manage = false;
    guest.film.as_mut().unwrap().shared_here = false;
    rig.shows(guest);
    assert!(rig.has("The others go on watching."));
    rig.press("Leave");
    assert_eq!((rig.wished(), dialog(&rig)), (vec![Wish::Leave], Dialog::None));
    let rig = over(Dialog::EndRoom);
    rig.press("End the room");
    assert_eq!(rig.wished(), [Wish::EndRoom]);
}

#[test]
fn an_invitation_is_shown_and_copied() {
    let rig = over(Dialog::Invite);
    assert!(rig.has("Code ABC1-2345"));
    rig.app.global::<Room>().set_web_link("https://share.example/j/ABC1-2345".into());
    rig.press("Copy link");
    assert!(rig.has("Copied"));
    mock_elapsed_time(Duration::from_secs(5));
    assert!(!rig.has("Copied"), "it goes by itself");
    rig.press("Close");
    assert_eq!(dialog(&rig), Dialog::None);
}

#[test]
fn an_invitation_that_came_by_itself_goes_when_the_film_begins() {
    let rig = over(Dialog::Invite);
    let stands = Playback::default();
    asked::ask(&rig.desk, &stands, &evening());
    assert_eq!(dialog(&rig), Dialog::Invite, "somebody called for it");
    rig.desk.invites_until_it_plays.set(true);
    asked::ask(&rig.desk, &evening().playback, &evening());
    assert_eq!(dialog(&rig), Dialog::Invite, "it played before");
    asked::ask(&rig.desk, &stands, &evening());
    assert_eq!(dialog(&rig), Dialog::None);
    rig.app.global::<App>().set_dialog(Dialog::Invite);
    asked::ask(&rig.desk, &stands, &evening());
    assert_eq!(dialog(&rig), Dialog::Invite, "only once");
}

#[test]
fn whoever_comes_late_is_asked_once() {
    let rig = Rig::in_room(evening());
    let mut view = evening();
    view.playback.part = Part::Choosing;
    asked::ask(&rig.desk, &Playback::default(), &view);
    rig.shows(view.clone());
    assert_eq!(dialog(&rig), Dialog::Late);
    rig.press("From the start");
    assert_eq!(rig.wished(), [Wish::JoinFilm(LateJoin::FromStart)]);
    asked::ask(&rig.desk, &view.playback, &view);
    assert_eq!(dialog(&rig), Dialog::None, "not again before the answer is known");
}

#[test]
fn dropped_subtitles_are_for_oneself_or_for_the_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("film.srt");
    let path = file.display().to_string();
    for (button, wish) in
        [("For me", Wish::AddSubtitles(path.clone())), ("Share with the room", Wish::ShareSubtitles(path.clone()))]
    {
        let rig = Rig::in_room(evening());
        super::super::drops::dropped(&rig.desk, &file);
        mock_elapsed_time(Duration::from_millis(300));
        assert_eq!(dialog(&rig), Dialog::Subtitles);
        rig.press(button);
        assert_eq!((rig.wished(), dialog(&rig)), (vec![wish], Dialog::None));
    }
}

#[test]
fn every_dialog_has_names_and_a_way_out() {
    for which in [
        Dialog::Invite,
        Dialog::Keys,
        Dialog::Leave,
        Dialog::EndRoom,
        Dialog::Resume,
        Dialog::Late,
        Dialog::Subtitles,
        Dialog::Kick,
        Dialog::Path,
    ] {
        let rig = over(which);
        for (role, name) in rig.operable() {
            assert!(!name.trim().is_empty(), "a {role:?} without a name in {which:?}");
        }
        rig.press("Close");
        assert_eq!(dialog(&rig), Dialog::None, "{which:?}");
    }
}
