//! Ctrl-C and SIGTERM.

use std::process::exit;
use std::time::Duration;

use async_signal::{Signal, Signals};
use futures_lite::StreamExt as _;

use crate::Commands;

/// The engine promises to be gone within 3 s. Should it hang, on a front end that does not read, say, the process ends
/// without it.
const PATIENCE: Duration = Duration::from_millis(2800);

/// What shells report of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Quits the engine at the first signal, from a thread of its own. A second signal ends the process at once.
pub fn quit_on_signal(commands: Commands) {
    let listening = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = match signals() {
            Ok(signals) => signals,
            Err(error) => return log::warn!("signals cannot be waited for: {error}"),
        };
        let mut next = || smol::block_on(signals.next());
        if next().is_some() {
            log::info!("told to stop by a signal");
            leave_in_time();
            commands.quit();
            if next().is_some() {
                exit(EXIT_INTERRUPTED);
            }
        }
    });
    if let Err(error) = listening {
        log::warn!("no thread for signals: {error}");
    }
}

/// Ends the process with success when it has not ended by itself in time.
pub fn leave_in_time() {
    let guard = std::thread::Builder::new().name("exit guard".to_owned()).spawn(|| {
        std::thread::sleep(PATIENCE);
        log::warn!("the engine did not end in time; leaving without it");
        exit(0);
    });
    if let Err(error) = guard {
        log::warn!("no thread to guard the exit: {error}");
    }
}

/// Elsewhere than on Unix there is only Ctrl-C.
fn signals() -> std::io::Result<Signals> {
    if cfg!(unix) { Signals::new([Signal::Int, Signal::Term, Signal::Hup]) } else { Signals::new([Signal::Int]) }
}
