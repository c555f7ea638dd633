//! `join CODE` without a server: the local network for a second, else the configured server.

use futures_lite::future;
use signal_proto::ids::RoomCode;
use smol::channel::bounded;
use smol::net::TcpStream;
use smol::{Executor, Task, Timer};

use super::find;
use super::limits::{FIND_PATIENCE, KNOCK_PATIENCE};
use super::record::{LanRoom, server_url};

/// Where a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// On this network.
    Lan {
        /// As it was announced.
        room: LanRoom,
        /// The one of its addresses that answered.
        server: String,
    },
    /// On the configured server, if anywhere.
    Configured(String),
    /// Not on this network, and no server is configured.
    Nowhere {
        /// It was announced on this network, but none of its addresses takes a connection: a firewall at the host is the usual
        /// reason.
        announced: Option<LanRoom>,
    },
}

/// Looks for a room. It takes no longer than [`FIND_PATIENCE`] and [`KNOCK_PATIENCE`] together.
pub async fn resolve(code: &RoomCode, configured: Option<&str>) -> Resolved {
    let rooms = find(Some(code), FIND_PATIENCE).await.unwrap_or_else(|error| {
        log::info!("{error}");
        Vec::new()
    });
    let announced = rooms.into_iter().next();
    if let Some(room) = announced.clone()
        && let Some(server) = first_to_answer(&room).await
    {
        return Resolved::Lan { room, server };
    }
    match configured {
        Some(server) => Resolved::Configured(server.to_owned()),
        None => Resolved::Nowhere { announced },
    }
}

/// All are tried at once: of a machine's addresses some are on networks that this one is not on.
async fn first_to_answer(room: &LanRoom) -> Option<String> {
    let executor = Executor::new();
    let (sender, answers) = bounded(room.addresses.len().max(1));
    let knocks: Vec<Task<()>> = room
        .addresses
        .iter()
        .map(|address| {
            let (address, sender) = (*address, sender.clone());
            executor.spawn(async move {
                if TcpStream::connect(address).await.is_ok() {
                    // As many fit as there are addresses.
                    let _ = sender.try_send(address);
                }
            })
        })
        .collect();
    drop(sender);
    let first = async { answers.recv().await.ok().map(server_url) };
    let late = async {
        Timer::after(KNOCK_PATIENCE).await;
        None
    };
    let first = executor.run(future::or(first, late)).await;
    drop(knocks);
    first
}
