//! A stock mpv as a player: one process, spoken to over its JSON IPC on a Unix socket. What is said is [`session_proto::mpv`].
//!
//! Measured with mpv 0.35 and a film of 25 pictures a second: 30 to 45 ms from "play" to the first new picture, 15 to 50 ms for an
//! exact seek in a local file, and a position by the sound's clock that is exact to half a millisecond (by the picture: to 12 ms).

mod process;

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use session_proto::player::{Command, Event, Traits};
use smol::channel::{Receiver, Sender, TrySendError, bounded};

use super::Player;
use crate::clock::Clock;
use crate::limits::{PLAYER_COMMANDS_MAX, PLAYER_EVENTS_MAX};

/// How mpv is started.
#[derive(Clone, Debug)]
pub struct MpvOptions {
    /// Its program.
    pub program: PathBuf,
    /// Flags beside ours: a geometry, `--vo=null --ao=null` for no window and no sound.
    pub flags: Vec<String>,
    /// The session's clock, by which positions are told.
    pub clock: Clock,
}

/// mpv. It starts with the first film, and is gone when this is dropped.
#[derive(Debug)]
pub struct MpvPlayer {
    commands: Option<Sender<Command>>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Default for MpvOptions {
    fn default() -> Self {
        Self { program: PathBuf::from("mpv"), flags: Vec::new(), clock: Clock::system() }
    }
}

impl MpvOptions {
    /// Neither window nor sound.
    #[must_use]
    pub fn unseen(mut self) -> Self {
        self.flags.extend(["--vo=null", "--ao=null"].map(str::to_owned));
        self
    }
}

impl MpvPlayer {
    /// An mpv that is not started yet.
    pub fn new(options: MpvOptions) -> Self {
        let (commands, commands_out) = bounded(PLAYER_COMMANDS_MAX);
        let (events_in, events) = bounded(PLAYER_EVENTS_MAX);
        let run = move || smol::block_on(process::run(options, commands_out, events_in));
        let thread = std::thread::Builder::new().name("mpv".to_owned()).spawn(run);
        // Without a thread its events are closed, and nothing plays.
        let thread = thread.inspect_err(|error| log::error!("no thread for the player: {error}")).ok();
        Self { commands: Some(commands), events, thread }
    }
}

impl Player for MpvPlayer {
    fn traits(&self) -> Traits {
        Traits { live_rate_max: 0.05, keeps_pitch: true, start_latency: Duration::from_millis(35) }
    }

    fn command(&mut self, command: Command) {
        let Some(commands) = &self.commands else { return };
        match commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => log::error!("mpv does not take commands; lost: {command:?}"),
            Err(TrySendError::Closed(_)) => log::debug!("a command for a player that is gone"),
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.events.clone()
    }
}

impl Drop for MpvPlayer {
    fn drop(&mut self) {
        self.commands = None;
        self.events.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the player's thread had panicked");
        }
    }
}
