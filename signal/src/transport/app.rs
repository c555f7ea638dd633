//! What stands behind Engine.IO.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use signal_proto::engineio::Message;
use signal_proto::ids::{SocketId, SocketKey};

/// A server of messages. It is called on one thread, and says by [`App::poll_output`] what it wants done.
pub trait App {
    /// Somebody connected.
    fn on_open(&mut self, now: Instant, socket: SocketKey, sid: &SocketId, from: IpAddr);
    /// Somebody says something.
    fn on_message(&mut self, now: Instant, socket: SocketKey, message: Message);
    /// A ping of ours was answered after so long.
    fn on_round_trip(&mut self, now: Instant, socket: SocketKey, round_trip: Duration);
    /// A connection is gone. Nothing of it follows.
    fn on_close(&mut self, now: Instant, socket: SocketKey);
    /// The moment that [`App::poll_timeout`] named has come.
    fn handle_timeout(&mut self, now: Instant);
    /// When to come back.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next thing to do. Drained to `None` after every call.
    fn poll_output(&mut self) -> Option<Deed>;
}

/// What an app wants done.
#[derive(Debug)]
pub enum Deed {
    /// Sends one message to each of these.
    Send {
        /// To whom.
        to: Vec<SocketKey>,
        /// What.
        message: Message,
    },
    /// Ends a connection after what was sent.
    Close(SocketKey),
}
