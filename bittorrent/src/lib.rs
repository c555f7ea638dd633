//! BitTorrent on smol: sockets, disk and timers around [`bittorrent_proto`].
//!
//! [`Client`] owns one thread, `swarm`, on which every torrent and connection lives; [`TorrentHandle`] is what other
//! threads hold of a torrent; [`TorrentStream`] reads a file of it as `AsyncRead + AsyncSeek` and waits for bytes that
//! are still on their way.

mod addresses;
mod client;
mod config;
mod connection;
mod handle;
mod handshake;
mod hash;
mod listener;
mod pool;
mod prepare;
mod report;
mod seed;
mod shared;
mod storage;
mod stream;
mod swarm;
mod throttle;
mod torrent_task;

pub use client::{Client, StartError, TorrentError};
pub use config::{AddRequest, ClientConfig, Fetch, FileChoice, SeedRequest, TorrentSource};
pub use handle::{Failure, PeerStats, Playhead, TorrentEvent, TorrentHandle, TorrentState, TorrentStats, Trouble};
pub use stream::TorrentStream;
