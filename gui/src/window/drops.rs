//! What is dropped on the window: a film, subtitles, a picture of an invitation.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use session::proto::in_both;
use session::proto::wish::Wish;
use slint::winit_030::{EventResult, WinitWindowAccessor as _, winit::event::WindowEvent};
use slint::{ComponentHandle as _, SharedString};
use ui::{App, AppWindow, Dialog, Home, Room};

use super::desk::Desk;
use super::seat::spawn;
use super::{home, words};

/// Listens for it.
pub(super) fn watch(app: &AppWindow, desk: &Rc<Desk>) {
    let desk = Rc::clone(desk);
    app.window().on_winit_window_event(move |_, event| {
        match event {
            WindowEvent::HoveredFile(path) => hover(&desk, Some(path)),
            WindowEvent::HoveredFileCancelled => hover(&desk, None),
            WindowEvent::DroppedFile(path) => {
                hover(&desk, None);
                dropped(&desk, path);
            }
            _ => {}
        }
        EventResult::Propagate
    });
}

fn hover(desk: &Desk, path: Option<&PathBuf>) {
    let words = path.map(|path| {
        let name = words::clean(&path.file_name().unwrap_or_default().to_string_lossy());
        match kind(path) {
            Kind::Film => in_both!(desk.language(), "Share {name}", "{name} teilen"),
            Kind::Subtitles => in_both!(desk.language(), "Subtitles from {name}", "Untertitel aus {name}"),
            Kind::Picture => in_both!(desk.language(), "The invitation in {name}", "Die Einladung in {name}"),
        }
    });
    desk.app().global::<Home>().set_dropping(words.unwrap_or_default().into());
}

/// Does what fits it.
pub(super) fn dropped(desk: &Rc<Desk>, path: &Path) {
    match kind(path) {
        Kind::Film => home::share(desk, path.display().to_string()),
        Kind::Subtitles => offer_subtitles(desk, path),
        Kind::Picture => {
            let (desk, path) = (Rc::clone(desk), path.to_owned());
            spawn(async move { home::read_picture(&desk, path).await });
        }
    }
}

/// Asks for whom they are.
pub(super) fn offer_subtitles(desk: &Rc<Desk>, path: &Path) {
    if desk.view().film.is_none() {
        return desk.toast(desk.language().of("Subtitles need a film first", "Untertitel brauchen erst einen Film"));
    }
    *desk.stage.offered.borrow_mut() = Some(path.to_owned());
    let app = desk.app();
    let name = words::clean(&path.file_name().unwrap_or_default().to_string_lossy());
    app.global::<Room>().set_dropped(SharedString::from(name));
    app.global::<App>().set_dialog(Dialog::Subtitles);
}

/// They are for the room, or for oneself.
pub(super) fn take_subtitles(desk: &Rc<Desk>, shared: bool) {
    let Some(path) = desk.stage.offered.borrow_mut().take() else { return };
    let path = path.display().to_string();
    desk.wish(if shared { Wish::ShareSubtitles(path) } else { Wish::AddSubtitles(path) });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Film,
    Subtitles,
    Picture,
}

/// By its name; what it really is shows when it is opened.
fn kind(path: &Path) -> Kind {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "srt" | "vtt" | "ass" | "ssa" => Kind::Subtitles,
        "png" | "jpg" | "jpeg" => Kind::Picture,
        _ => Kind::Film,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_name() {
        let of = |name: &str| kind(Path::new(name));
        assert_eq!(of("a/Film.MKV"), Kind::Film);
        assert_eq!(of("a/folder"), Kind::Film);
        assert_eq!(of("Film.en.SRT"), Kind::Subtitles);
        assert_eq!(of("invite.jpeg"), Kind::Picture);
    }
}
