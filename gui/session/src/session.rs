//! What a face of the app holds: [`Session`] to want things with, and to see the room by.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use session_proto::participant::{End, Setup};
use session_proto::view::{ChatItem, Notice, View};
use session_proto::wish::Wish;
use sharestream_engine::Config as EngineConfig;
use sharestream_signal_client::AddressError;
use smol::channel::{Receiver, Sender, bounded};

use crate::clock::Clock;
use crate::limits::{UPDATES_MAX, WISHES_MAX};
use crate::player::Player;
use crate::run;
use crate::settings::Home;
use crate::signal::Signal;

/// What a session is made of.
pub struct Options {
    /// Who comes, and for what.
    pub setup: Setup,
    /// The server's address: `http(s)://HOST[:PORT]` or `ws(s)://HOST[:PORT]`.
    pub server: String,
    /// The engine.
    pub engine: EngineChoice,
    /// What shows the film.
    pub player: Box<dyn Player>,
    /// Where it is kept how far films were watched; `None`: nowhere.
    pub home: Option<Home>,
    /// [`Clock::system`], unless it is a test of clocks.
    pub clock: Clock,
}

/// Where the engine runs.
#[derive(Clone, Debug)]
pub enum EngineChoice {
    /// In this process.
    InProcess(EngineConfig),
    /// As a program of its own, over its JSON lines; started again when it ends by itself.
    Program {
        /// Its path.
        path: PathBuf,
        /// Its flags.
        flags: Vec<String>,
        /// What it says of itself goes there.
        log: Option<PathBuf>,
    },
}

/// A person in a room. Dropping it leaves without a goodbye, and waits until engine and player are gone; [`Wish::Leave`] says one.
#[derive(Debug)]
pub struct Session {
    wishes: Sender<Wish>,
    updates: Receiver<Update>,
    thread: Option<JoinHandle<()>>,
}

/// Why a session does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server's address is none.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What there is to show.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The room as it is now; at most ten a second, the newest only.
    View(Arc<View>),
    /// A line of chat or of what happened, or a line that went on its way: the same key is the same line.
    Said(ChatItem),
    /// Something is wrong or worth knowing that was not before.
    Noticed(Notice),
    /// The secret token that brings this place back; for a program that starts anew.
    Keep {
        /// The room's code.
        code: String,
        /// Secret.
        token: String,
    },
    /// It is over; the last update.
    Ended(End),
}

impl Session {
    /// Begins: the engine and the way to the server at once, the player when there is a film.
    ///
    /// # Errors
    /// When the server's address is none. That nobody is there is said by the view and its notices, and tried again.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let (wishes, wishes_out) = bounded(WISHES_MAX);
        let (updates_in, updates) = bounded(UPDATES_MAX);
        let signal = Signal::connect(&options.server)?;
        let session = std::thread::Builder::new().name("session".to_owned());
        let thread = session.spawn(move || {
            smol::block_on(run::run(options, signal, wishes_out, updates_in));
        })?;
        Ok(Self { wishes, updates, thread: Some(thread) })
    }

    /// The way in. Full: the session is busy, and whoever sends waits.
    pub fn wishes(&self) -> &Sender<Wish> {
        &self.wishes
    }

    /// The way out; closed after [`Update::Ended`]. It holds a thousand updates: read it.
    pub fn updates(&self) -> &Receiver<Update> {
        &self.updates
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.wishes.close();
        self.updates.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the session's thread had panicked");
        }
    }
}
