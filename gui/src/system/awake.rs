//! The screen does not go dark while a film runs.

use smol::channel::{Receiver, Sender, bounded};

/// Keeps the screen on, or lets it be. Ends with the value.
pub(crate) struct Awake {
    wanted: Sender<bool>,
}

/// Only the newest counts; one more than that may be under way.
const WANTED_MAX: usize = 4;

impl Awake {
    /// Lets it be.
    pub(crate) fn new() -> Self {
        let (wanted, wanted_out) = bounded(WANTED_MAX);
        // The desktop is asked over D-Bus, which may take a while.
        let run = move || keep(&wanted_out);
        if let Err(error) = std::thread::Builder::new().name("awake".to_owned()).spawn(run) {
            log::warn!("the screen may go dark: {error}");
        }
        Self { wanted }
    }

    /// From now on.
    pub(crate) fn set(&self, on: bool) {
        // Full: the desktop hangs, and then nothing can be done about it.
        let _ = self.wanted.try_send(on);
    }
}

fn keep(wanted: &Receiver<bool>) {
    let mut held = None;
    let mut told = false;
    while let Ok(on) = wanted.recv_blocking() {
        if on == held.is_some() {
            continue;
        }
        if !on {
            held = None;
            continue;
        }
        let asked = keepawake::Builder::default()
            .display(true)
            .idle(true)
            .reason("A film runs")
            .app_name("ShareStream")
            .app_reverse_domain("org.sharestream.ShareStream")
            .create();
        match asked {
            Ok(awake) => held = Some(awake),
            // Once is enough: a machine without a desktop has no such thing.
            Err(error) if !told => {
                told = true;
                log::info!("the screen may go dark: {error}");
            }
            Err(_) => {}
        }
    }
}
