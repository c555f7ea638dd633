//! What a face of the app holds: [`Session`] to want things with, and to see the room by.

use std::path::PathBuf;
use std::sync::Arc;

use session_proto::participant::{End, Setup};
use session_proto::view::{ChatItem, Notice, View};
use session_proto::wish::Wish;
use sharestream_engine::Config as EngineConfig;
use smol::channel::{Receiver, Sender};

use crate::clock::Clock;
use crate::player::Player;

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

/// A person in a room. Dropping it leaves without a goodbye; [`Wish::Leave`] says one.
#[derive(Debug)]
pub struct Session {
    wishes: Sender<Wish>,
    updates: Receiver<Update>,
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
    /// The way in. Full: the session is busy, and whoever sends waits.
    pub fn wishes(&self) -> &Sender<Wish> {
        &self.wishes
    }

    /// The way out; closed after [`Update::Ended`]. It holds a thousand updates: read it.
    pub fn updates(&self) -> &Receiver<Update> {
        &self.updates
    }
}
