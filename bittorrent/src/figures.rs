//! A moment of a torrent in figures, and what a player adds to them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use bittorrent_proto::room::MemberId;
use bittorrent_proto::units::{ByteRange, BytesPerSec};

use crate::storage::Room;

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
    /// Proofs of membership that did not hold, since the start.
    pub proofs_refused: u32,
    /// Pieces that the disk's limit made give up, since the start.
    pub pieces_given_up: u64,
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
    /// Everything that is said is encrypted (MSE with RC4), not only the handshake.
    pub encrypted: bool,
    /// Requests of ours that it has not answered.
    pub inflight: u32,
    /// Who of the room it is, once it proved that.
    pub member: Option<MemberId>,
}

/// How full the disk is that downloads lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that may still be written by anybody.
    pub free: u64,
    /// Bytes of these that downloads leave free.
    pub reserve: u64,
}

impl DiskRoom {
    /// Of the disk that a folder lies on, or will lie on when it is made.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let room = Room::of(folder).map_err(io::Error::other)?;
        Ok(Self { free: room.free, reserve: room.reserve })
    }
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
