//! A terminal that tells each key as it is pressed, and is itself again afterwards, whatever happens.

#[cfg(unix)]
mod system {
    use std::sync::Mutex;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// As it was.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Lets go of it.
    pub(crate) struct Raw;

    /// Keys come one by one from now on, unseen; Ctrl-C stays a signal.
    pub(crate) fn begin() -> Option<Raw> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).ok()?;
        *BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(before);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
        }));
        Some(Raw)
    }

    /// The terminal is as it was.
    pub(crate) fn restore() {
        let before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(before) = before {
            // A terminal that went needs nothing.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            restore();
        }
    }
}

#[cfg(not(unix))]
mod system {
    /// There is none on this system.
    pub(crate) struct Raw;

    /// Lines alone are printed here.
    pub(crate) fn begin() -> Option<Raw> {
        None
    }

    /// Nothing was changed.
    pub(crate) fn restore() {}
}

pub(crate) use system::{begin, restore};
