//! The client: one thread that owns every torrent and connection.

use std::net::SocketAddr;
use std::path::PathBuf;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::units::BytesPerSec;
use smol::channel::Receiver;

use crate::config::{AddRequest, ClientConfig, SeedRequest};
use crate::handle::{TorrentEvent, TorrentHandle};

/// A BitTorrent client. Clones share it; [`Client::shutdown`] ends it.
#[derive(Clone)]
pub struct Client {}

/// Why no client could start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No TCP port could be bound.
    #[error("no port for peers could be opened, neither {preferred} nor any other: {source}")]
    Port {
        /// The one asked for.
        preferred: u16,
        /// The system's words.
        source: std::io::Error,
    },
    /// The thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Why a torrent could not start.
#[derive(Debug, thiserror::Error)]
pub enum TorrentError {
    /// The file or folder cannot be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Nothing in it to share.
    #[error("{path} holds no bytes to share")]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A name that cannot travel in a torrent (not UTF-8), or too many files.
    #[error("{path} cannot be shared: {reason}")]
    Unfit {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It changed while it was hashed.
    #[error("{path} changed while it was read")]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// [`crate::FileChoice`] names no file of the torrent.
    #[error("the torrent has no such file: {0}")]
    NoSuchFile(String),
    /// The client is shutting down.
    #[error("the engine is stopping")]
    Stopping,
}

impl Client {
    /// Binds the port and starts the thread `swarm`.
    pub fn start(_config: ClientConfig) -> Result<Self, StartError> {
        unimplemented!()
    }

    /// The port that peers reach.
    pub fn listen_port(&self) -> u16 {
        unimplemented!()
    }

    /// Our own addresses that others may reach, for `x.pe`; never loopback.
    pub fn advertised(&self) -> Vec<SocketAddr> {
        unimplemented!()
    }

    /// Hashes a file or folder and shares it. Dropping the future stops the hashing. Already shared: the same torrent
    /// again, with a channel of its own.
    pub async fn seed(&self, _request: SeedRequest) -> Result<(TorrentHandle, Receiver<TorrentEvent>), TorrentError> {
        unimplemented!()
    }

    /// Fetches a torrent. Data of an earlier run is found and checked. Already running: the same torrent again, given the
    /// new addresses.
    pub async fn add(&self, _request: AddRequest) -> Result<(TorrentHandle, Receiver<TorrentEvent>), TorrentError> {
        unimplemented!()
    }

    /// A running torrent.
    pub fn torrent(&self, _infohash: Infohash) -> Option<TorrentHandle> {
        unimplemented!()
    }

    /// New limits for all torrents together, effective at once.
    pub fn set_limits(&self, _upload: Option<BytesPerSec>, _download: Option<BytesPerSec>) {
        unimplemented!()
    }

    /// Stops every torrent and ends the thread.
    pub async fn shutdown(&self) {
        unimplemented!()
    }
}
