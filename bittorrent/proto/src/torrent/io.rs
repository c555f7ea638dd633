//! What goes into a torrent and what comes out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::bitfield::Bitfield;
use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::metainfo::{Metainfo, MetainfoError};
use crate::peer::{PeerKey, UploadRun};
use crate::policy::connector::NamedBy;
use crate::reader::{ReaderId, Slack};
use crate::units::{ByteLen, ByteRange, BytesPerSec, PieceIndex};
use crate::wire::Handshake;

/// Everything that can happen to a torrent.
#[derive(Debug)]
pub enum Input<'a> {
    /// Addresses to dial; whether they may be dialed at all was decided before.
    Addresses {
        /// Where.
        addrs: &'a [SocketAddr],
        /// Who says so.
        named_by: NamedBy,
    },
    /// A dial that [`Output::Dial`] asked for came to nothing.
    DialFailed(SocketAddr),
    /// A connection whose handshakes are through.
    Connected {
        /// A number never used before.
        peer: PeerKey,
        /// The other end.
        addr: SocketAddr,
        /// It connected to us.
        incoming: bool,
        /// What it sent.
        handshake: Handshake,
    },
    /// Bytes came, cut anywhere.
    Received {
        /// From whom.
        peer: PeerKey,
        /// What.
        bytes: &'a [u8],
    },
    /// Bytes of [`Output::Send`] left for the socket.
    Written {
        /// To whom.
        peer: PeerKey,
        /// How many.
        len: usize,
    },
    /// A connection ended, by the other end or the network.
    Disconnected(PeerKey),
    /// A connection ended because this machine lost the address it was made from.
    AddressLost(PeerKey),
    /// The answer to [`Output::Disk`].
    Disk(DiskDone),
    /// Storage is ready: begin. Comes once, after the metadata is known.
    Begin(Begin),
    /// A stream was opened, moved or closed.
    Reader(ReaderId, ReaderChange),
    /// What the player says of its appetite.
    PlaybackRate(Option<BytesPerSec>),
    /// Bytes of the torrent that the disk may hold, in whole pieces; `None` for no bound.
    DiskLimit(Option<ByteLen>),
    /// The disk has no room: stop asking for more, or go on.
    Pause(bool),
}

/// How a torrent begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// What is verified already.
    pub have: Bitfield,
    /// What was verified in earlier runs and may be gone since. Counts where the disk is bounded; elsewhere it is fetched anew.
    pub ever: Bitfield,
    /// The pieces of the chosen files.
    pub wanted: Bitfield,
    /// Whether all that is wanted is fetched, or only what readers need.
    pub fetch_rest: bool,
    /// Whether to wait for [`Input::Pause`] before anything is asked for.
    pub paused: bool,
    /// Ranges worth having early, with standing deadlines.
    pub hints: Vec<(ByteRange, Slack)>,
}

/// What a stream did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderChange {
    /// It was opened over a file of the torrent.
    Opened {
        /// The file, as bytes of the torrent.
        file: ByteRange,
        /// Where it starts to read, as a byte of the torrent.
        position: u64,
    },
    /// It reads here now.
    Moved {
        /// As a byte of the torrent.
        position: u64,
        /// The byte is not here and somebody waits for it.
        waiting: bool,
    },
    /// It is gone.
    Closed,
}

/// What a torrent wants done or known.
#[derive(Debug)]
pub enum Output {
    /// Connect to that address.
    Dial(SocketAddr),
    /// A peer names others (BEP 11): those that may be dialed come back as [`Input::Addresses`].
    Named {
        /// Where that peer is.
        by: IpAddr,
        /// Whom it names; ports are never 0.
        addrs: Vec<SocketAddr>,
        /// What its word counts.
        named_by: NamedBy,
    },
    /// Send these bytes.
    Send {
        /// To whom.
        peer: PeerKey,
        /// What; blocks are slices of what was read from disk.
        bytes: Bytes,
    },
    /// End that connection. The peer is forgotten already.
    Close {
        /// Which.
        peer: PeerKey,
        /// Why, for the log.
        reason: CloseReason,
    },
    /// More of a piece's beginning is here: hash on while the bytes are hot (see [`super::Torrent::contiguous`]).
    Hash(PieceIndex),
    /// Some of a piece's beginning was thrown away: what was hashed of it is worth nothing.
    Forget(PieceIndex),
    /// Work for the disk.
    Disk(DiskJob),
    /// Something to know.
    Event(Event),
}

/// Why we end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// It broke a rule.
    #[error(transparent)]
    Misbehaved(#[from] PeerMisbehaved),
    /// It is no use to us.
    #[error(transparent)]
    Unsupported(#[from] PeerUnsupported),
    /// There are as many connections as allowed.
    #[error("there are as many connections as allowed")]
    Full,
    /// Neither side wants anything of the other (BEP 21).
    #[error("neither side wants anything of the other")]
    Redundant,
    /// It was told we have nothing while we looked at the disk; a new connection tells it all at once.
    #[error("it must hear anew what is here")]
    Outdated,
}

/// Work for the disk; each is answered by one [`DiskDone`].
#[derive(Debug)]
pub enum DiskJob {
    /// Check a piece against its hash, and write it if it is right.
    Verify {
        /// Which.
        piece: PieceIndex,
        /// All its bytes.
        data: Vec<u8>,
    },
    /// Read a run of blocks for a peer.
    Read {
        /// For whom.
        peer: PeerKey,
        /// What.
        run: UploadRun,
    },
    /// Make a piece unreadable for everybody, then give its room back.
    Evict(PieceIndex),
}

/// What the disk did. Buffers come back to be used again.
#[derive(Debug)]
pub enum DiskDone {
    /// The piece is right and written.
    Verified {
        /// Which.
        piece: PieceIndex,
        /// Its buffer.
        data: Vec<u8>,
    },
    /// The piece does not match its hash; nothing was written.
    Corrupt {
        /// Which.
        piece: PieceIndex,
        /// Its buffer.
        data: Vec<u8>,
    },
    /// The piece could not be written.
    WriteFailed {
        /// Which.
        piece: PieceIndex,
        /// Its buffer.
        data: Vec<u8>,
    },
    /// A run was read.
    Read {
        /// For whom.
        peer: PeerKey,
        /// What.
        run: UploadRun,
        /// Its bytes.
        data: Bytes,
    },
    /// A piece's room is free.
    Evicted(PieceIndex),
    /// A piece's room cannot be given back: the disk knows no holes in files.
    NotEvicted(PieceIndex),
    /// A run could not be read.
    ReadFailed {
        /// For whom.
        peer: PeerKey,
        /// What.
        run: UploadRun,
    },
}

/// Something to know about a torrent.
#[derive(Clone, Debug)]
pub enum Event {
    /// The info dictionary came from peers. The torrent waits for [`Input::Begin`].
    Metadata(Arc<Metainfo>),
    /// The info dictionary came, matches the infohash, and is refused.
    MetadataRefused(MetainfoError),
    /// A piece is verified and written.
    Verified(PieceIndex),
    /// A piece did not match its hash.
    Failed {
        /// Which.
        piece: PieceIndex,
        /// How often that happened to this piece.
        times: u32,
        /// Peers banned in this torrent so far.
        banned: u32,
    },
    /// Everything wanted is here. Once.
    Done,
    /// A member of the room is here, and proved it. Once.
    MemberHere,
    /// The number of connections changed.
    PeersChanged,
    /// Nobody to fetch from for 20 s.
    NoPeers,
    /// Peers owe blocks, and for 20 s none has sent anything at all.
    Silence,
    /// After that somebody sends again.
    SilenceOver,
    /// No info dictionary for 60 s.
    NoMetadata,
}
