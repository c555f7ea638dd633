//! The window, driven as a person or a screen reader drives it, without a display: what it shows and what it asks for.

mod dialogs;
mod first_screen;
mod room;
mod settings;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementQuery, mock_elapsed_time};
use session::proto::player::{Track, TrackKind};
use session::proto::view::{
    ChatItem, Delivery, Film, Forecast, Person, PersonState, Phase, Playback, RoomState, Rules, Server, Stage, View,
};
use session::proto::wish::Wish;
use signal_proto::roles::Role;
use slint::{ComponentHandle as _, PhysicalSize};
use smol::channel::{Receiver, bounded};
use tempfile::TempDir;
use ui::{App, AppWindow, Player, Screen};

use super::desk::Desk;
use super::{acts, keys, prefs, wire};

thread_local! {
    /// One to a thread.
    static BACKEND: () = i_slint_backend_testing::init_no_event_loop();
}

/// A window without a display, with settings of its own.
struct Rig {
    app: AppWindow,
    desk: Rc<Desk>,
    wishes: Receiver<Wish>,
    folder: TempDir,
}

impl Rig {
    /// On its first screen.
    fn new() -> Self {
        BACKEND.with(|()| ());
        let folder = tempfile::tempdir().expect("a folder");
        let words = ["--settings", folder.path().to_str().expect("a plain path")].map(str::to_owned);
        let Ok(crate::args::Invocation::Window(None, args)) = crate::args::parse(&words) else { panic!("it opens") };
        let app = AppWindow::new().expect("a window without a display");
        let desk = Desk::new(&app, *args);
        prefs::take_over(&desk);
        wire::all(&app, &desk);
        app.window().set_size(PhysicalSize::new(1280, 720));
        app.show().expect("it is shown nowhere");
        let (_, wishes) = bounded(1);
        Self { app, desk, wishes, folder }
    }

    /// In a room.
    fn in_room(view: View) -> Self {
        let mut rig = Self::new();
        let (wishes_in, wishes) = bounded(64);
        rig.desk.state.borrow_mut().wishes = Some(wishes_in);
        rig.wishes = wishes;
        rig.shows(view);
        rig.desk.open(Screen::Room);
        rig
    }

    /// The room changes.
    fn shows(&self, view: View) {
        self.desk.state.borrow_mut().view = Arc::new(view);
        self.desk.draw();
        mock_elapsed_time(Duration::from_millis(300));
    }

    /// What was asked of the room since the last time.
    fn wished(&self) -> Vec<Wish> {
        std::iter::from_fn(|| self.wishes.try_recv().ok()).collect()
    }

    /// What has that name for a screen reader.
    fn named(&self, label: &str) -> ElementHandle {
        let found = ElementHandle::find_by_accessible_label(&self.app, label).next();
        found.unwrap_or_else(|| panic!("nothing is called {label:?}; there is {:?}", self.labels()))
    }

    fn has(&self, label: &str) -> bool {
        ElementHandle::find_by_accessible_label(&self.app, label).next().is_some()
    }

    /// As a click or a key on it does.
    fn press(&self, label: &str) {
        // As any movement of the mouse does.
        self.app.global::<Player>().set_controls(true);
        self.named(label).invoke_accessible_default_action();
        mock_elapsed_time(Duration::from_millis(300));
    }

    /// One of a few.
    fn choose(&self, label: &str) {
        let all = ElementQuery::from_root(&self.app).match_accessible_role(AccessibleRole::RadioButton).find_all();
        let found = all.iter().find(|element| element.accessible_label().is_some_and(|name| name == label));
        found.unwrap_or_else(|| panic!("no choice is called {label}")).invoke_accessible_default_action();
    }

    /// A key of the window.
    fn key(&self, text: &str) -> bool {
        acts::press(&self.desk, keys::Pressed { text, ctrl: false, shift: false, alt: false })
    }

    /// Everything that a screen reader can name.
    fn labels(&self) -> Vec<String> {
        let all = ElementQuery::from_root(&self.app).match_descendants().find_all();
        let labels = all.iter().filter_map(|element| element.accessible_label().map(|label| label.to_string()));
        labels.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What can be operated, and how it is called.
    fn operable(&self) -> Vec<(AccessibleRole, String)> {
        let all = ElementQuery::from_root(&self.app).match_descendants().find_all();
        let roles = [
            AccessibleRole::Button,
            AccessibleRole::Slider,
            AccessibleRole::Switch,
            AccessibleRole::Tab,
            AccessibleRole::RadioButton,
            AccessibleRole::ListItem,
            AccessibleRole::TextInput,
        ];
        let named = |element: &ElementHandle| {
            let role = element.accessible_role().filter(|role| roles.contains(role))?;
            Some((role, element.accessible_label().map(|label| label.to_string()).unwrap_or_default()))
        };
        all.iter().filter_map(named).collect()
    }

    fn screen(&self) -> Screen {
        self.app.global::<App>().get_screen()
    }
}

/// A room in the middle of a film, with its host, whose window this is, and one other.
pub(super) fn evening() -> View {
    View {
        phase: Phase::InRoom,
        code: Some("ABC1-2345".into()),
        me: Some("ana".into()),
        role: Some(Role::Host),
        may_control: true,
        may_manage: true,
        server: Server { connected: true, retry_in: None, rtt: Some(0.01) },
        rules: Some(Rules { control: "everyone", locked: false, waiting: "auto", pauses_without_host: false }),
        people: vec![
            person("ana", Role::Host, PersonState::InStep),
            person("bea", Role::Viewer, PersonState::Behind { seconds: 3.0 }),
        ],
        film: Some(film()),
        playback: Playback {
            state: RoomState::Playing,
            room_position: 30.0,
            position: Some(30.0),
            running: true,
            rate: 1.0,
            drift: Some(0.01),
            volume: 0.8,
            ..Playback::default()
        },
        chat: vec![said(1, None, "Bea joined"), said(2, Some("Bea"), "Look, the dragon!")],
        ..View::default()
    }
}

pub(super) fn person(id: &str, role: Role, state: PersonState) -> Person {
    let mut name = id.to_owned();
    name[..1].make_ascii_uppercase();
    Person {
        id: id.into(),
        name,
        role,
        me: id == "ana",
        in_call: false,
        may_control: true,
        state,
        drift: Some(-0.02),
        ahead: Some(40.0),
        rtt: Some(0.041),
        position: Some(29.0),
    }
}

fn film() -> Film {
    let track = |kind, id, language: &str, selected| Track {
        kind,
        id,
        language: Some(language.to_owned()),
        title: None,
        codec: None,
        selected,
    };
    Film {
        name: "Sintel.mkv".into(),
        info_hash: None,
        url: None,
        shared_here: true,
        stage: Stage::Arriving,
        duration: Some(120.0),
        length: 1_000_000,
        downloaded: 0.5,
        download_rate: 100_000,
        upload_rate: 0,
        upload_capacity: 0,
        peers: 1,
        ranges: vec![(0.0, 0.5), (0.9, 1.0)],
        ahead: 30.0,
        forecast: Forecast::PlaysThrough,
        tracks: vec![
            track(TrackKind::Video, 1, "", true),
            track(TrackKind::Audio, 1, "en", true),
            track(TrackKind::Audio, 2, "de", false),
            track(TrackKind::Subtitle, 1, "en", false),
            track(TrackKind::Subtitle, 2, "de", false),
        ],
    }
}

fn said(key: u64, from: Option<&str>, text: &str) -> ChatItem {
    ChatItem {
        key,
        from: from.map(str::to_owned),
        mine: false,
        text: text.into(),
        at: Some(0),
        film_time: Some(12.0),
        delivery: Delivery::Sent,
    }
}
