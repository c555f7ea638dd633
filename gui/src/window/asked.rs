//! Questions that a room puts to the person: how to join a film that runs, and whether to go on where they stopped.

use std::rc::Rc;

use session::proto::view::{Part, View};
use slint::ComponentHandle as _;
use ui::{App, Dialog};

use super::desk::Desk;

/// Puts the question that has come up; takes away the one that is settled.
pub(super) fn ask(desk: &Rc<Desk>, before: Part, view: &View) {
    let app = desk.app();
    let app = app.global::<App>();
    let choosing = view.playback.part == Part::Choosing;
    if choosing && before != Part::Choosing {
        app.set_dialog(Dialog::Late);
    } else if !choosing && app.get_dialog() == Dialog::Late {
        app.set_dialog(Dialog::None);
    }
}
