//! What the window has in hand: the person's settings, the room they are in, and the lists that are drawn.
//!
//! It lives on the window's thread. What may take a while is done on threads of its own, and what comes of it arrives here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use session::proto::settings::Settings;
use session::proto::view::View;
use session::proto::wish::Wish;
use session::proto::words::Language;
use session::settings::{Home, Loaded};
use slint::{ComponentHandle as _, SharedString, Timer, Weak};
use smol::channel::Sender;
use ui::{App, AppWindow, Chat, Screen};

use super::film::Stage;
use super::keys::Style;
use super::prefs;
use super::remote::Remote;
use super::show::Shown;
use super::surroundings::Surroundings;
use crate::args::{Args, Task};
use crate::entrance::Entrance;
use crate::headless::Teller;

/// A line that goes by itself is seen for that long.
const TOAST_FOR: Duration = Duration::from_secs(4);

/// Lines of that kind at once; the oldest goes.
const TOASTS_MAX: usize = 3;

/// The window, as its parts see it.
pub(super) struct Desk {
    pub(super) app: Weak<AppWindow>,
    pub(super) args: Args,
    pub(super) home: Option<Home>,
    pub(super) shown: Shown,
    pub(super) stage: Stage,
    pub(super) surroundings: Surroundings,
    pub(super) state: RefCell<State>,
    /// With `--lines`, in a room.
    pub(super) teller: RefCell<Option<Teller>>,
    /// Rooms that were begun: what comes of an earlier one is not shown any more.
    pub(super) generation: Cell<u64>,
    /// The invitation came by itself when the room opened, and goes by itself when the film begins.
    pub(super) invites_until_it_plays: Cell<bool>,
    /// Of a kiosk that is in a room.
    pub(super) remote: RefCell<Option<Remote>>,
}

/// What changes.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) language: Language,
    pub(super) keys: Style,
    pub(super) room: Option<Seat>,
    /// Into the room, as long as there is one.
    pub(super) wishes: Option<Sender<Wish>>,
    pub(super) view: Arc<View>,
    /// What to do when the room is left.
    pub(super) after: After,
    pub(super) entering: bool,
    /// What this line was measured to carry to others, bytes a second; 0 before it was ever busy.
    pub(super) upload_capacity: u64,
    toasts: Vec<(u64, String)>,
    toasts_ever: u64,
}

/// A room that one is in.
pub(super) struct Seat {
    pub(super) entrance: Entrance,
    pub(super) invited: bool,
}

/// What comes when a room is left.
pub(super) enum After {
    /// The first screen.
    Home,
    /// The window closes.
    Quit,
    /// Another room.
    Enter(Task),
}

impl Desk {
    pub(super) fn new(app: &AppWindow, args: Args) -> Rc<Self> {
        let home = args.settings.as_deref().map(Home::at).or_else(Home::system);
        let desk = Rc::new(Self {
            app: app.as_weak(),
            args,
            home,
            shown: Shown::new(app),
            stage: Stage::new(app),
            surroundings: Surroundings::new(),
            state: RefCell::new(State {
                settings: Settings::default(),
                language: Language::English,
                keys: Style::Own,
                room: None,
                wishes: None,
                view: Arc::new(View::default()),
                after: After::Home,
                entering: false,
                upload_capacity: 0,
                toasts: Vec::new(),
                toasts_ever: 0,
            }),
            teller: RefCell::new(None),
            generation: Cell::new(0),
            invites_until_it_plays: Cell::new(false),
            remote: RefCell::new(None),
        });
        desk.shown.clear(app);
        desk
    }

    /// The window, for as long as it is there.
    pub(super) fn app(&self) -> AppWindow {
        self.app.upgrade().expect("the window outlives what its event loop runs")
    }

    pub(super) fn language(&self) -> Language {
        self.state.borrow().language
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.state.borrow().view)
    }

    /// One is in a room, or on the way into it.
    pub(super) fn in_room(&self) -> bool {
        self.state.borrow().wishes.is_some()
    }

    /// What is set now, with what is to be said about it.
    pub(super) fn load(&self) -> Option<Loaded> {
        self.home.as_ref().map(Home::load)
    }

    /// Wants something of the room; without one, nothing happens.
    pub(super) fn wish(&self, wish: Wish) {
        let state = self.state.borrow();
        let Some(wishes) = &state.wishes else { return };
        // Full: the session is busy with thousands of wishes; one more changes nothing. Closed: it is over, and says so itself.
        if let Err(error) = wishes.try_send(wish) {
            log::warn!("a wish was lost: {error}");
        }
    }

    /// Says something in passing.
    pub(super) fn toast(self: &Rc<Self>, words: impl Into<String>) {
        let number = {
            let mut state = self.state.borrow_mut();
            state.toasts_ever += 1;
            let number = state.toasts_ever;
            state.toasts.push((number, words.into()));
            let over = state.toasts.len().saturating_sub(TOASTS_MAX);
            state.toasts.drain(..over);
            number
        };
        self.draw_toasts();
        let desk = Rc::clone(self);
        Timer::single_shot(TOAST_FOR, move || {
            desk.state.borrow_mut().toasts.retain(|(which, _)| *which != number);
            desk.draw_toasts();
        });
    }

    /// What was said in passing, and what the session says in passing.
    pub(super) fn draw_toasts(&self) {
        let state = self.state.borrow();
        let passing = state.view.notices.iter().filter(|notice| super::show::is_passing(notice));
        let passing = passing.map(|notice| super::words::clean(&notice.title));
        let own = state.toasts.iter().map(|(_, words)| words.clone());
        self.shown.toasts.show(own.chain(passing).map(SharedString::from).collect());
    }

    /// Draws the room as it is.
    pub(super) fn draw(&self) {
        let (language, view) = (self.language(), self.view());
        let app = self.app();
        self.shown.view(&app, language, &view);
        prefs::show_output(&app, &self.state.borrow().settings, view.playback.output.as_deref());
        self.draw_toasts();
    }

    /// Shows a screen, and lets the keys go where they belong there.
    pub(super) fn open(&self, screen: Screen) {
        let app = self.app();
        let in_room = self.in_room();
        // "Back" leads where one came from.
        let screen = if screen == Screen::Home && in_room { Screen::Room } else { screen };
        app.global::<App>().set_screen(screen);
        if screen == Screen::Room {
            app.global::<Chat>().set_writing(false);
        }
        app.invoke_listen();
    }
}
