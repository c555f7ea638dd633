//! Asks the world, and says what it saw. Each question is bounded in time and concludes nothing.

mod disk;
mod network;
mod player;
mod server;
mod stun;

use std::future::Future;
use std::time::Duration;

use engine_proto::words::printable;
use futures_lite::future;
use signal_proto::event::cleaned;
use smol::Timer;

pub(super) use disk::disk;
pub(super) use network::{ipv6, port};
pub(super) use player::player;
pub(super) use server::{rendezvous, server, websocket};
pub(super) use stun::stun;

use super::limits::WORDS_CHARS_MAX;

/// `None` when it takes longer.
async fn within<T>(patience: Duration, what: impl Future<Output = T>) -> Option<T> {
    let late = async {
        Timer::after(patience).await;
        None
    };
    future::or(async { Some(what.await) }, late).await
}

/// What the system or another program said.
fn words(said: &impl ToString) -> String {
    printable(&cleaned(&said.to_string()), WORDS_CHARS_MAX)
}
