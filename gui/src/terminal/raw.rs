//! A terminal that tells each key as it is pressed, and is itself again afterwards, whatever happens.

#[cfg(unix)]
mod system {
    use std::sync::{Mutex, PoisonError};

    use async_signal::{Signal, Signals};
    use futures_lite::StreamExt as _;
    use rustix::process::{getpid, kill_process};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use smol::channel::{Receiver, bounded};

    use super::Told;

    /// As it was.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Lets go of it.
    pub(crate) struct Raw;

    /// Keys come one by one from now on, unseen; Ctrl-C stays a signal.
    pub(crate) fn begin() -> Option<Raw> {
        enter()?;
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
        }));
        Some(Raw)
    }

    fn enter() -> Option<()> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        Some(())
    }

    /// The terminal is as it was.
    pub(crate) fn restore() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            // A terminal that went needs nothing.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        }
    }

    /// What the terminal tells beside keys.
    pub(crate) fn told() -> Receiver<Told> {
        let (told_in, told) = bounded(4);
        let watch = move || {
            let mut signals = match Signals::new([Signal::Tstp, Signal::Winch]) {
                Ok(signals) => signals,
                Err(error) => return log::warn!("Ctrl-Z leaves the terminal as it is: {error}"),
            };
            while let Some(Ok(signal)) = smol::block_on(signals.next()) {
                let told = if matches!(signal, Signal::Tstp) { Told::Suspend } else { Told::Resized };
                if told_in.send_blocking(told).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("terminal".to_owned()).spawn(watch) {
            log::warn!("Ctrl-Z leaves the terminal as it is: {error}");
        }
        told
    }

    /// Stops here, with the terminal as it was, until the shell lets the program go on.
    pub(crate) fn suspend() {
        restore();
        if let Err(error) = kill_process(getpid(), rustix::process::Signal::STOP) {
            log::warn!("the program does not stop: {error}");
        }
        // From here on it goes on. A terminal that went needs nothing.
        let _ = enter();
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            restore();
        }
    }
}

#[cfg(not(unix))]
mod system {
    use smol::channel::{Receiver, bounded};

    use super::Told;

    /// There is none on this system.
    pub(crate) struct Raw;

    /// Lines alone are printed here.
    pub(crate) fn begin() -> Option<Raw> {
        None
    }

    /// Nothing was changed.
    pub(crate) fn restore() {}

    /// Nothing is told.
    pub(crate) fn told() -> Receiver<Told> {
        bounded(1).1
    }

    /// Nothing to go back to.
    pub(crate) fn suspend() {}
}

/// What a terminal tells beside keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Ctrl-Z.
    Suspend,
    /// It has another size.
    Resized,
}

pub(crate) use system::{begin, restore, suspend, told};
