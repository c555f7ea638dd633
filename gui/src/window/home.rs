//! The first screen: a film to host, an invitation to follow, rooms of this network and of the last days.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session::proto::in_both;
use session::proto::invite::{Invite, InviteError};
use session::proto::server_url::ServerUrl;
use session::proto::settings::RecentFilm;
use session::proto::wish::Wish;
use session::proto::words::Language;
use signal_proto::ids::RoomCode;
use slint::{ComponentHandle as _, SharedString};
use smol::Timer;
use ui::{App, AppWindow, Dialog, Home, RoomRow, Screen};

use super::desk::Desk;
use super::rows::Rows;
use super::seat::{enter, spawn};
use super::wire::on;
use super::{local_time, words};
use crate::args::Task;

/// Rooms of the network are asked for so often while the first screen is seen, for so long.
const ASK_EVERY: Duration = Duration::from_secs(8);
const ASK_FOR: Duration = Duration::from_millis(1_500);

/// A clip to try the app with; made of mathematics and nobody's.
const CLIP: &[u8] = include_bytes!("../../assets/try-it.webm");

/// What the field of the first screen holds.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Nothing,
    Invitation(Invite),
    Film(PathBuf),
    /// And why it is neither.
    Neither(String),
}

pub(super) fn wire(app: &AppWindow, desk: &Rc<Desk>) {
    let home = app.global::<Home>();
    on!(home, on_edited, desk, |desk, text| understand(&desk, &text));
    on!(home, on_go, desk, |desk, text| go(&desk, &text));
    on!(home, on_enter, desk, |desk, link| go(&desk, &link));
    on!(home, on_host, desk, |desk| choose_film(&desk));
    on!(home, on_picture, desk, |desk| choose_picture(&desk));
    on!(home, on_try_it, desk, |desk| try_it(&desk));
    on!(home, on_forget, desk, |desk, link| forget(&desk, &link));
}

/// What was recent, and what is near, from now on.
pub(super) fn begin(desk: &Rc<Desk>) {
    refresh(desk);
    let desk = Rc::clone(desk);
    spawn(async move {
        let rows = Rows::new();
        desk.app().global::<Home>().set_nearby(rows.model());
        loop {
            let Some(app) = desk.app.upgrade() else { return };
            if app.global::<App>().get_screen() == Screen::Home && app.window().is_visible() {
                let found = smol::unblock(|| smol::block_on(session::lan::find(None, ASK_FOR))).await;
                let language = desk.language();
                // A network without multicast has no such rooms; the doctor says so.
                rows.show(found.unwrap_or_default().iter().map(|room| near(language, room)).collect());
            }
            Timer::after(ASK_EVERY).await;
        }
    });
}

fn near(language: Language, room: &session::lan::LanRoom) -> RoomRow {
    let (name, code) = (words::clean(&room.host_name), room.code.to_string());
    RoomRow {
        title: in_both!(language, "{name}'s room, on this network", "Raum von {name}, in diesem Netz").into(),
        detail: code.clone().into(),
        link: code.into(),
    }
}

/// Shows the rooms that one was in lately, and the films that one shared.
pub(super) fn refresh(desk: &Desk) {
    let Some(home) = &desk.home else { return };
    let language = desk.language();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (recent, notes) = home.recent();
    for note in notes {
        log::warn!("{note}");
    }
    let (rooms, films) = (Rows::new(), Rows::new());
    rooms.show(recent.rooms().iter().map(|room| row(language, room, now)).collect());
    films.show(recent.films().iter().map(|film| film_row(language, film, now)).collect());
    let app = desk.app();
    app.global::<Home>().set_recent(rooms.model());
    app.global::<Home>().set_films(films.model());
}

fn days_ago(language: Language, when: u64, now: u64) -> String {
    match local_time::days_ago(when, now) {
        0 => language.of("today", "heute").to_owned(),
        1 => language.of("yesterday", "gestern").to_owned(),
        days => in_both!(language, "{days} days ago", "vor {days} Tagen"),
    }
}

/// Whether it is still there is seen when it is chosen: a disk that is gone would keep the window waiting.
fn film_row(language: Language, film: &RecentFilm, now: u64) -> RoomRow {
    let (path, when) = (Path::new(&film.path), days_ago(language, film.when, now));
    let name = |part: Option<&OsStr>| words::clean(&part.unwrap_or_default().to_string_lossy());
    RoomRow {
        title: name(path.file_name()).into(),
        detail: format!("{} · {when}", name(path.parent().and_then(Path::file_name))).into(),
        link: film.path.as_str().into(),
    }
}

fn row(language: Language, room: &session::proto::settings::Recent, now: u64) -> RoomRow {
    let when = days_ago(language, room.when, now);
    let host = room.server.split_once("://").map_or(room.server.as_str(), |(_, host)| host);
    RoomRow {
        title: words::clean(&room.code).into(),
        detail: format!("{} · {when}", words::clean(host)).into(),
        link: link(room).into(),
    }
}

/// As one would paste it.
fn link(room: &session::proto::settings::Recent) -> String {
    let code = RoomCode::parse(&room.code);
    let server = ServerUrl::parse(&room.server).ok();
    code.map_or_else(|| room.code.clone(), |code| Invite::new(code, server).app_link())
}

fn forget(desk: &Rc<Desk>, link: &str) {
    let Some(home) = &desk.home else { return };
    if let Err(error) = home.change_recent(|recents| {
        if let Ok(Invite { code, server: Some(server), .. }) = Invite::parse(link) {
            recents.forget(&server, &code);
        } else {
            recents.forget_film(link);
        }
    }) {
        desk.toast(error.to_string());
    }
    refresh(desk);
}

fn read(language: Language, text: &str) -> Entry {
    let text = text.trim();
    if text.is_empty() {
        return Entry::Nothing;
    }
    // A path is one that is there, or one that can be nothing else.
    let path = text.strip_prefix("file://").unwrap_or(text);
    if Path::new(path).is_absolute() && !text.starts_with("//") {
        return match Path::new(path).exists() {
            true => Entry::Film(path.into()),
            false => Entry::Neither(language.of("There is no such file.", "Diese Datei gibt es nicht.").to_owned()),
        };
    }
    match Invite::parse(text) {
        Ok(invite) => Entry::Invitation(invite),
        Err(InviteError::Empty) => Entry::Nothing,
        Err(error) => Entry::Neither(capital(&error.to_string())),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn understand(desk: &Desk, text: &str) {
    let language = desk.language();
    let entry = read(language, text);
    let home = desk.app();
    let home = home.global::<Home>();
    home.set_can_go(matches!(entry, Entry::Invitation(_) | Entry::Film(_)));
    home.set_understood(
        match entry {
            Entry::Nothing => String::new(),
            Entry::Film(path) => {
                let name = words::clean(&path.file_name().unwrap_or_default().to_string_lossy());
                in_both!(
                    language,
                    "The film {name}: opens a room for it.",
                    "Der Film {name}: ein Raum für ihn wird geöffnet."
                )
            }
            Entry::Invitation(invite) => where_it_leads(desk, language, &invite),
            Entry::Neither(why) => why,
        }
        .into(),
    );
}

fn where_it_leads(desk: &Desk, language: Language, invite: &Invite) -> String {
    let code = &invite.code;
    let host = |url: &session::proto::server_url::ServerUrl| {
        let url = url.signal();
        url.split_once("://").map_or(url.clone(), |(_, host)| host.trim_end_matches('/').to_owned())
    };
    let named = invite.server.as_ref().map(host);
    let configured = desk.state.borrow().settings.server.as_ref().map(host);
    match (named, configured) {
        (Some(server), _) => in_both!(language, "The room {code} at {server}.", "Der Raum {code} bei {server}."),
        (None, Some(server)) => {
            in_both!(
                language,
                "The room {code}: on this network, or at {server}.",
                "Der Raum {code}: in diesem Netz oder bei {server}."
            )
        }
        (None, None) => in_both!(language, "The room {code}, on this network.", "Der Raum {code}, in diesem Netz."),
    }
}

/// Follows whatever was typed, pasted, chosen or given by another start of the app.
pub(super) fn go(desk: &Rc<Desk>, text: &str) {
    let language = desk.language();
    match read(language, text) {
        Entry::Nothing => {}
        Entry::Invitation(invite) => enter(desk, Task::Join { invite }),
        Entry::Film(path) => share(desk, path.display().to_string()),
        Entry::Neither(why) => desk.toast(why),
    }
}

/// It is among the films of the last days from now on.
fn remember(desk: &Rc<Desk>, film: &str) {
    let Some(home) = &desk.home else { return };
    let Ok(path) = std::path::absolute(film) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if let Err(error) = home.change_recent(|recents| recents.add_film(path.display().to_string(), now)) {
        log::warn!("the film is not remembered: {error}");
    }
    refresh(desk);
}

/// What the app was started for, by a desktop or a command line.
pub(super) fn enter_at_start(desk: &Rc<Desk>, task: Task) {
    if let Task::Host { film, .. } = &task {
        remember(desk, film);
    }
    enter(desk, task);
}

/// A film for the room that one is in, or for a new one.
pub(super) fn share(desk: &Rc<Desk>, film: String) {
    remember(desk, &film);
    host(desk, film);
}

fn host(desk: &Rc<Desk>, film: String) {
    if desk.in_room() {
        return desk.wish(Wish::Share(film));
    }
    enter(desk, Task::Host { film, code: None });
}

pub(super) fn choose_film(desk: &Rc<Desk>) {
    let desk = Rc::clone(desk);
    spawn(async move {
        match crate::system::picker::film(desk.language()).await {
            Ok(Some(path)) => share(&desk, path.display().to_string()),
            Ok(None) => {}
            Err(gone) => {
                log::info!("{gone}");
                desk.app().global::<App>().set_dialog(Dialog::Path);
            }
        }
    });
}

pub(super) fn choose_subtitles(desk: &Rc<Desk>) {
    let desk = Rc::clone(desk);
    spawn(async move {
        match crate::system::picker::subtitles(desk.language()).await {
            Ok(Some(path)) => super::drops::offer_subtitles(&desk, &path),
            Ok(None) => {}
            Err(gone) => desk.toast(gone.to_string()),
        }
    });
}

fn choose_picture(desk: &Rc<Desk>) {
    let desk = Rc::clone(desk);
    spawn(async move {
        match crate::system::picker::picture(desk.language()).await {
            Ok(Some(path)) => read_picture(&desk, path).await,
            Ok(None) => {}
            Err(gone) => desk.toast(gone.to_string()),
        }
    });
}

/// A picture of a QR code, from the picker or dropped.
pub(super) async fn read_picture(desk: &Rc<Desk>, path: PathBuf) {
    match smol::unblock(move || crate::system::qr_picture::read(&path)).await {
        Ok(text) => {
            let app = desk.app();
            app.global::<Home>().set_entry(SharedString::from(&text));
            understand(desk, &text);
        }
        Err(error) => desk.toast(capital(&error.to_string())),
    }
}

/// A room for oneself alone, with a clip that is in the app.
fn try_it(desk: &Rc<Desk>) {
    let folder = desk.home.as_ref().map_or_else(std::env::temp_dir, |home| home.folder().to_owned());
    let clip = folder.join("ShareStream sample.webm");
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&clip, CLIP));
    match written {
        Ok(()) => host(desk, clip.display().to_string()),
        Err(error) => {
            let path = clip.display();
            desk.toast(in_both!(
                desk.language(),
                "The clip cannot be written to {path}: {error}",
                "Der Ausschnitt kann nicht nach {path} geschrieben werden: {error}"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_takes_everything() {
        let of = |text: &str| read(Language::English, text);
        assert_eq!(of("  "), Entry::Nothing);
        assert!(matches!(of("abc1 2345"), Entry::Invitation(invite) if invite.code.to_string() == "ABC1-2345"));
        assert!(
            matches!(of("https://share.example/j/ABC1-2345"), Entry::Invitation(invite) if invite.server.is_some())
        );
        assert_eq!(of("/"), Entry::Film("/".into()));
        assert_eq!(of("file:///"), Entry::Film("/".into()));
        assert!(matches!(of("/no/such/film.mkv"), Entry::Neither(why) if why.contains("no such file")));
        assert!(matches!(of("!"), Entry::Neither(_)));
    }
}
