//! Players: whatever shows a film at an address, told and heard in the words of [`session_proto::player`].

mod mpv;
mod none;
mod null;

use session_proto::player::{Command, Event, Traits};
use smol::channel::Receiver;

pub use mpv::{MpvOptions, MpvPlayer};
pub use none::NoPlayer;
pub use null::{BYTES_PER_SECOND, NullModel, NullPlayer};

/// What plays a film.
///
/// It lives on threads or tasks of its own, which end when it is dropped.
pub trait Player: Send {
    /// What it can do.
    fn traits(&self) -> Traits;

    /// Begins to do it and returns at once; what comes of it is an event.
    fn command(&mut self, command: Command);

    /// What it tells, in order. Closed when nothing more can come.
    fn events(&self) -> Receiver<Event>;
}
