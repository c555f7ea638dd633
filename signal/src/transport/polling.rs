//! The answers that HTTP requests of a polling session wait for.

use std::rc::Rc;

use signal_proto::engineio::PacketError;
use signal_proto::ids::SocketKey;
use smol::channel::{Receiver, Sender, bounded};

use super::app::App;
use super::hub::Hub;

/// The slot of one waiting request. The hub fills it once.
pub(crate) type Slot<T> = Sender<Result<T, PacketError>>;

/// A GET that waits. If its client goes away first, the session hears of it.
pub(crate) struct Poll<A: App> {
    pub(super) hub: Rc<Hub<A>>,
    pub(super) socket: SocketKey,
    pub(super) answer: Receiver<Result<String, PacketError>>,
    pub(super) answered: bool,
}

impl<A: App> Poll<A> {
    /// The body, or why it is refused.
    pub(crate) async fn wait(mut self) -> Result<String, PacketError> {
        let answer = self.answer.recv().await;
        self.answered = true;
        // A hub that goes has nothing more to say.
        answer.unwrap_or(Err(PacketError::Type))
    }
}

impl<A: App> Drop for Poll<A> {
    fn drop(&mut self) {
        if !self.answered {
            self.hub.lost_poll(self.socket);
        }
    }
}

pub(super) fn slot<T>() -> (Slot<T>, Receiver<Result<T, PacketError>>) {
    bounded(1)
}

/// Fills a slot; whoever waited may have gone.
pub(super) fn fill<T>(slot: Option<Slot<T>>, answer: Result<T, PacketError>) {
    if let Some(slot) = slot {
        let _ = slot.try_send(answer);
    }
}
