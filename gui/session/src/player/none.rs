//! No player at all: for machines that only share.

use std::time::Duration;

use session_proto::player::{Command, Event, Traits};
use smol::channel::{Receiver, Sender, bounded};

use super::Player;

/// Obeys nothing and tells nothing.
#[derive(Debug)]
pub struct NoPlayer {
    _events: Sender<Event>,
    heard: Receiver<Event>,
}

impl Default for NoPlayer {
    fn default() -> Self {
        let (events, heard) = bounded(1);
        Self { _events: events, heard }
    }
}

impl Player for NoPlayer {
    fn traits(&self) -> Traits {
        Traits { live_rate_max: 0.0, keeps_pitch: true, start_latency: Duration::ZERO }
    }

    fn command(&mut self, _: Command) {}

    fn events(&self) -> Receiver<Event> {
        self.heard.clone()
    }
}
