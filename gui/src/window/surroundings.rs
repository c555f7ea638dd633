//! What lies around the window and follows the film: its title, the screen that must not go dark, the desktop's media keys, and
//! other starts of the app.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use session::proto::view::{RoomState, View};
use session::proto::wish::Wish;
use signal_proto::time::MediaTime;
use slint::ComponentHandle as _;
use smol::channel::Receiver;

use super::desk::Desk;
use super::seat::spawn;
use super::words;
use crate::system::awake::Awake;
#[cfg(target_os = "linux")]
use crate::system::media_keys::{MediaKeys, Shown, Wanted};

/// What the desktop is told.
pub(super) struct Surroundings {
    awake: Awake,
    is_awake: RefCell<bool>,
    #[cfg(target_os = "linux")]
    media_keys: MediaKeys,
    #[cfg(target_os = "linux")]
    shown: RefCell<Shown>,
}

impl Surroundings {
    pub(super) fn new() -> Self {
        Self {
            awake: Awake::new(),
            is_awake: RefCell::new(false),
            #[cfg(target_os = "linux")]
            media_keys: MediaKeys::start(),
            #[cfg(target_os = "linux")]
            shown: RefCell::new(Shown::default()),
        }
    }

    fn stay_awake(&self, on: bool) {
        if self.is_awake.replace(on) != on {
            self.awake.set(on);
        }
    }
}

/// From now on: what other starts were asked for, and what media keys want.
pub(super) fn begin(desk: &Rc<Desk>, calls: Option<Receiver<String>>) {
    if let Some(calls) = calls {
        let desk = Rc::clone(desk);
        spawn(async move {
            while let Ok(word) = calls.recv().await {
                raise(&desk);
                super::home::go(&desk, &word);
            }
        });
    }
    #[cfg(target_os = "linux")]
    {
        crate::system::scheme::register();
        let wanted = desk.surroundings.media_keys.wanted();
        let desk = Rc::clone(desk);
        spawn(async move {
            while let Ok(wanted) = wanted.recv().await {
                obey(&desk, wanted);
            }
        });
    }
}

fn raise(desk: &Desk) {
    use slint::winit_030::WinitWindowAccessor as _;
    let app = desk.app();
    app.window().set_minimized(false);
    app.window().with_winit_window(slint::winit_030::winit::window::Window::focus_window);
}

#[cfg(target_os = "linux")]
fn obey(desk: &Rc<Desk>, wanted: Wanted) {
    match wanted {
        Wanted::PlayPause => desk.wish(Wish::TogglePlay),
        Wanted::Play => desk.wish(Wish::Play),
        Wanted::Pause => desk.wish(Wish::Pause),
        Wanted::SeekBy(seconds) => desk.wish(Wish::SeekBy(seconds)),
        Wanted::SeekTo(seconds) => desk.wish(Wish::Seek(MediaTime::saturating(seconds))),
        Wanted::Volume(volume) => desk.wish(Wish::SetVolume(volume)),
        Wanted::Raise => raise(desk),
        Wanted::Quit => super::seat::close(desk),
    }
}

/// As the room is now.
pub(super) fn follow(desk: &Desk, view: &View) {
    let title = match &view.film {
        Some(film) => format!("{} — ShareStream", words::clean(&film.name)),
        None => "ShareStream".to_owned(),
    };
    desk.app().set_window_title(title.into());
    let playing = matches!(view.playback.state, RoomState::Playing | RoomState::Starting);
    // Who waits for the others wants to see it go on.
    desk.surroundings.stay_awake(playing || view.playback.state == RoomState::Waiting);
    #[cfg(target_os = "linux")]
    {
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let shown = Shown {
            title: view.film.as_ref().map(|film| words::clean(&film.name)),
            playing,
            position: seconds(view.playback.position.unwrap_or_default().floor()),
            length: view.film.as_ref().and_then(|film| film.duration).map(seconds),
            may_control: view.may_control,
            volume: view.playback.volume,
            rate: view.playback.rate,
        };
        if *desk.surroundings.shown.borrow() != shown {
            desk.surroundings.media_keys.show(shown.clone());
            desk.surroundings.shown.replace(shown);
        }
    }
}

/// There is no room any more.
pub(super) fn rest(desk: &Desk) {
    follow(desk, &View::default());
}
