//! Ctrl-C, SIGTERM and a terminal that goes: the room hears a goodbye, and the program is gone in time.

use std::time::Duration;

use async_signal::{Signal, Signals};
use futures_lite::StreamExt as _;
use session::proto::wish::Wish;
use smol::channel::Sender;

/// After a signal the program is gone in that time, whatever hangs.
const GONE_WITHIN: Duration = Duration::from_millis(2_800);

/// What shells report of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// From now on a signal is the wish to leave; a second one ends the program at once.
pub(crate) fn leave_on_signal(wishes: Sender<Wish>) {
    on_signal(move || {
        // A session that is over has left already.
        let _ = wishes.send_blocking(Wish::Leave);
    });
}

/// Does that at a signal, and sees to it that the program ends; a second one ends it at once.
pub(crate) fn on_signal(leave: impl FnOnce() + Send + 'static) {
    let watch = move || {
        let mut signals = match signals() {
            Ok(signals) => signals,
            Err(error) => return log::warn!("signals end the program without a goodbye: {error}"),
        };
        if smol::block_on(signals.next()).is_some() {
            leave_in_time();
            leave();
        }
        if smol::block_on(signals.next()).is_some() {
            crate::terminal::restore();
            std::process::exit(EXIT_INTERRUPTED);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("signals".to_owned()).spawn(watch) {
        log::warn!("signals end the program without a goodbye: {error}");
    }
}

/// Ends the program after a while, if it has not ended.
pub(crate) fn leave_in_time() {
    let guard = || {
        std::thread::sleep(GONE_WITHIN);
        log::warn!("something held on for too long");
        crate::terminal::restore();
        std::process::exit(0);
    };
    if let Err(error) = std::thread::Builder::new().name("exit guard".to_owned()).spawn(guard) {
        log::warn!("no guard for the end: {error}");
    }
}

/// Elsewhere than on Unix there is only Ctrl-C.
fn signals() -> std::io::Result<Signals> {
    if cfg!(unix) { Signals::new([Signal::Int, Signal::Term, Signal::Hup]) } else { Signals::new([Signal::Int]) }
}
