//! Questions that a room puts to the person: how to join a film that runs, and whether to go on where they stopped.

use std::rc::Rc;

use session::proto::view::{Part, Playback, RoomState, View};
use slint::ComponentHandle as _;
use ui::{App, Dialog};

use super::desk::Desk;

/// Puts the question that has come up; takes away the one that is settled, and an invitation when the film begins.
pub(super) fn ask(desk: &Rc<Desk>, before: &Playback, view: &View) {
    let app = desk.app();
    let app = app.global::<App>();
    let choosing = view.playback.part == Part::Choosing;
    let begins = before.state != RoomState::Playing && view.playback.state == RoomState::Playing;
    // Nobody called for it, and it would lie over the film.
    if begins && desk.invites_until_it_plays.take() && app.get_dialog() == Dialog::Invite {
        app.set_dialog(Dialog::None);
    }
    if choosing && before.part != Part::Choosing {
        app.set_dialog(Dialog::Late);
    } else if !choosing && app.get_dialog() == Dialog::Late {
        app.set_dialog(Dialog::None);
    }
}
