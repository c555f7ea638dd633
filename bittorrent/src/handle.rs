//! What a front end holds of a running torrent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::{Metainfo, MetainfoError};
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::units::{ByteRange, BytesPerSec, FileIndex, PieceIndex};

use smol::channel::{Receiver, Sender, bounded};

use crate::shared::{Shared, lock};
use crate::stream::TorrentStream;
use crate::swarm::Command;

/// A running torrent, seen from any thread. Clones share it; dropping them all does not stop it.
#[derive(Clone)]
pub struct TorrentHandle {
    shared: Arc<Shared>,
    commands: Sender<Command>,
}

/// What happened to a torrent. The channel holds 64; a front end that does not read them loses the oldest but never
/// stops the torrent.
#[derive(Clone, Debug)]
pub enum TorrentEvent {
    /// The info dictionary is known and the film chosen: [`TorrentHandle::metainfo`] and [`TorrentHandle::film`] answer.
    Metadata,
    /// Every byte of the chosen file (of all, with [`crate::FileChoice::All`]) is verified and written. Once.
    Done,
    /// What became of a tracker; each outcome is told once.
    Tracker {
        /// Its address, without a query.
        url: String,
        /// What became of it.
        outcome: TrackerOutcome,
    },
    /// Something to tell the person; the torrent goes on.
    Trouble(Trouble),
    /// The torrent cannot go on.
    Failed(Failure),
}

/// How a tracker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackerOutcome {
    /// It answered.
    Works,
    /// It cannot be asked; it is tried again now and then, if it is a tracker at all. Why, in words.
    Fails(String),
    /// Trackers of that scheme are not built; told once a scheme.
    NotYet(&'static str),
}

/// What a person should know; the torrent goes on trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody to fetch from for 20 s.
    NoPeers,
    /// No info dictionary after 60 s.
    NoMetadata,
    /// A tracker does not want this torrent or us.
    TrackerRefused {
        /// Its address, without a query.
        url: String,
        /// In its own words.
        reason: String,
    },
    /// Addresses that the magnet named were refused: loopback, private networks that are not ours.
    AddressesRefused(Vec<SocketAddr>),
    /// The disk is full; fetching pauses until there is room for this many bytes.
    DiskFull {
        /// Bytes missing.
        missing: u64,
    },
    /// The disk has room again.
    DiskHasRoom,
    /// A piece failed its check again and again.
    PieceKeepsFailing {
        /// The piece.
        piece: PieceIndex,
        /// Peers banned for it.
        banned: u32,
    },
}

/// Why a torrent ended by itself.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The info dictionary matches the infohash and is refused all the same.
    #[error("this torrent cannot be used: {0}")]
    Metainfo(#[from] MetainfoError),
    /// [`crate::FileChoice`] names no file of the torrent.
    #[error("the torrent has no such file: {0}")]
    NoSuchFile(String),
    /// The download folder cannot be written.
    #[error("cannot write {path}: {reason}")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The seeded file changed or vanished; not one altered byte is served.
    #[error("{path} changed while it was shared")]
    SourceChanged {
        /// Which file.
        path: PathBuf,
    },
}

/// What a torrent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TorrentState {
    /// Asking peers for the info dictionary.
    Metadata,
    /// Fetching.
    Downloading,
    /// Everything wanted is here.
    Seeding,
    /// Waiting for room on the disk.
    Paused,
    /// Ended by a [`Failure`].
    Error,
}

/// A moment of a torrent. Figures are of the chosen file.
#[derive(Clone, Debug, PartialEq)]
pub struct TorrentStats {
    /// What it is doing.
    pub state: TorrentState,
    /// Bytes ever verified.
    pub downloaded_bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
    /// From all peers.
    pub download_rate: BytesPerSec,
    /// To all peers.
    pub upload_rate: BytesPerSec,
    /// Payload sent since the start.
    pub uploaded_bytes: u64,
    /// What the uplink was measured to carry; 0 before it was ever busy.
    pub upload_capacity: BytesPerSec,
    /// Connections that are through the handshake.
    pub peers: u32,
    /// Those that have everything.
    pub seeds: u32,
    /// Verified ranges of the file, merged, ascending; at most 512 (the smallest gaps closed by leaving out the shortest).
    pub ranges: Vec<ByteRange>,
    /// Verified without a gap from the playhead on.
    pub ahead_bytes: u64,
    /// Each connection.
    pub peer_list: Vec<PeerStats>,
}

/// A moment of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStats {
    /// Its address.
    pub addr: SocketAddr,
    /// Its program, as it says.
    pub client: String,
    /// From it.
    pub download_rate: BytesPerSec,
    /// To it.
    pub upload_rate: BytesPerSec,
    /// Bytes of payload from it.
    pub downloaded_bytes: u64,
    /// Bytes of payload to it.
    pub uploaded_bytes: u64,
    /// 0.0–1.0 of the torrent that it has.
    pub progress: f64,
    /// We refuse its requests for now.
    pub am_choking: bool,
    /// We want something it has.
    pub am_interested: bool,
    /// It refuses ours.
    pub peer_choking: bool,
    /// It wants something of ours.
    pub peer_interested: bool,
    /// It connected to us.
    pub incoming: bool,
    /// Requests of ours that it has not answered.
    pub inflight: u32,
}

/// What the player knows and reads alone cannot tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playhead {
    /// Where it plays, in bytes of the file.
    pub position: u64,
    /// Bytes a second of playing.
    pub rate: BytesPerSec,
    /// Whether time passes.
    pub playing: bool,
}

impl TorrentHandle {
    pub(crate) const fn new(shared: Arc<Shared>, commands: Sender<Command>) -> Self {
        Self { shared, commands }
    }

    pub(crate) fn subscribe(&self) -> Receiver<TorrentEvent> {
        self.shared.subscribe()
    }

    pub(crate) fn tell(&self, event: &TorrentEvent) {
        self.shared.tell(event);
    }

    /// Whether it was neither stopped nor ended by a [`Failure`].
    pub fn is_alive(&self) -> bool {
        self.shared.ended().is_none()
    }

    /// Which torrent.
    pub fn infohash(&self) -> Infohash {
        self.shared.infohash
    }

    /// The metainfo, once known.
    pub fn metainfo(&self) -> Option<Arc<Metainfo>> {
        self.shared.known.get().map(|known| known.metainfo.clone())
    }

    /// The chosen file, once known.
    pub fn film(&self) -> Option<FileIndex> {
        self.shared.known.get().map(|known| known.film)
    }

    /// Bytes of this run that were read from the disk and hashed to see what of the torrent is here already. Nearly none
    /// where resume data could be believed.
    pub fn checked_bytes(&self) -> u64 {
        self.shared.known.get().map_or(0, |known| known.storage.checked_bytes())
    }

    /// The latest moment; refreshed every second while anything moves, and at every event.
    pub fn stats(&self) -> Arc<TorrentStats> {
        self.shared.stats()
    }

    /// Waits until the figures are others than `seen`, which came from [`TorrentHandle::stats`] or from here.
    pub async fn stats_after(&self, seen: &Arc<TorrentStats>) -> Arc<TorrentStats> {
        self.shared.stats_after(seen).await
    }

    /// A stream over one file, which waits for bytes that are not here and makes them urgent. `None` before the
    /// metadata is known or for no such file.
    pub fn open(&self, file: FileIndex) -> Option<TorrentStream> {
        TorrentStream::open(self.shared.clone(), file)
    }

    /// Says where the film plays.
    pub fn set_playhead(&self, playhead: Playhead) {
        *lock(&self.shared.playhead) = Some(playhead);
        self.shared.attention.notify(1);
    }

    /// More addresses that the user or the room gave; they may be loopback or private. A torrent that ended stays ended.
    pub async fn add_peers(&self, addrs: Vec<SocketAddr>) {
        let infohash = self.shared.infohash;
        // A client that is shutting down has no use for them.
        let _ = self.commands.send(Command::Addresses { infohash, addrs, named_by: NamedBy::User }).await;
    }

    /// Ends the torrent; with `delete_data`, what was downloaded is removed (never a seeded file). Open streams end early.
    pub async fn stop(&self, delete_data: bool) {
        let (over, ended) = bounded(1);
        let stop = Command::Stop { infohash: self.shared.infohash, delete_data, over };
        // A client that is shutting down stops it anyway.
        if self.commands.send(stop).await.is_ok() {
            let _ = ended.recv().await;
        }
    }
}
