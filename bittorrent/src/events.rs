//! What a torrent tells its front end: news, trouble, and why it ended.

use std::net::SocketAddr;
use std::path::PathBuf;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::MetainfoError;
use bittorrent_proto::units::PieceIndex;

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
    /// A member of the room is here, and proved it. Once.
    MemberHere,
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
    /// It answers again, after its failure was told.
    WorksAgain,
    /// It does not want this torrent or us: why, in its own words.
    Refuses(String),
    /// It cannot be asked; it is tried again now and then, if it is a tracker at all. Why, in words.
    Fails(String),
    /// It is not asked, or no more: the torrent is private and has trackers of its own (BEP 27).
    NotItsOwn,
    /// Trackers for browsers, by scheme, are not built; told once a scheme.
    NotYet(&'static str),
}

/// What a person should know; the torrent goes on trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody to fetch from for 20 s.
    NoPeers,
    /// Peers are connected, and for 20 s none has sent anything: the network may be gone.
    Silence,
    /// After that somebody sends again.
    SilenceOver,
    /// No info dictionary after 60 s.
    NoMetadata,
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
    /// A file of the download cannot be written or read.
    #[error("{reason}")]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What was tried, and the system's words.
        reason: String,
    },
    /// The seeded file changed or vanished; not one altered byte is served.
    #[error("{path} changed while it was shared")]
    SourceChanged {
        /// Which file.
        path: PathBuf,
    },
}

/// What happens to a client that is about no torrent that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// An earlier download was deleted.
    Removed(Removed),
}

/// A download that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Which.
    pub infohash: Infohash,
    /// The torrent's name.
    pub name: String,
    /// Bytes that it took of the disk.
    pub bytes: u64,
    /// Why.
    pub why: Why,
}

/// Why a download was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody used it for 14 days.
    Unused,
    /// It was the one unused for longest when the disk ran short of room.
    Room,
}
