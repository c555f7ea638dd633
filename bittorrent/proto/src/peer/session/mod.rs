//! The state of one connection, and the rules its messages must keep.

mod hear;
mod say;

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;

use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::ext::{ExtHandshake, MetadataMessage, PexMessage};
use crate::limits::{INFLIGHT_MAX, REQQ_DEFAULT};
use crate::peer::allowance::Allowances;
use crate::peer::inflight::Inflight;
use crate::peer::knowledge::Knowledge;
use crate::peer::uploads::Uploads;
use crate::peer_id::PeerId;
use crate::policy::pipeline::Pipeline;
use crate::rate::{RateMeter, RttEstimator};
use crate::units::{BlockInfo, ByteLen, PieceIndex};
use crate::wire::Reserved;

/// What is known of a connection when its handshake is through.
#[derive(Clone, Copy, Debug)]
pub struct SessionConfig {
    /// The other end.
    pub addr: SocketAddr,
    /// It connected to us.
    pub incoming: bool,
    /// Its id.
    pub peer_id: PeerId,
    /// Its reserved bits; ours are [`Reserved::ours`].
    pub reserved: Reserved,
}

/// One connection.
///
/// Messages go in by [`PeerSession::on_message`], which returns what they mean at once instead of queueing it: a block's
/// data is borrowed from the read buffer and must not be copied twice. What is to be sent gathers in a buffer that
/// [`PeerSession::take_outgoing`] empties.
#[derive(Debug)]
pub struct PeerSession {
    config: SessionConfig,
    fast: bool,
    extensions: bool,
    /// We refuse its requests.
    pub am_choking: bool,
    /// We want something it has.
    pub am_interested: bool,
    /// It refuses ours.
    pub peer_choking: bool,
    /// It wants something of ours.
    pub peer_interested: bool,
    knowledge: Knowledge,
    may_send_bitfield: bool,
    /// What it said in its extension handshakes, merged.
    pub ext: ExtHandshake,
    /// Our requests.
    pub inflight: Inflight,
    /// Its requests.
    pub uploads: Uploads,
    /// How many requests may be in flight.
    pub pipeline: Pipeline,
    /// Payload from it.
    pub downloaded: RateMeter,
    /// Payload to it.
    pub uploaded: RateMeter,
    /// From request to block, when its queue was empty before.
    pub rtt: RttEstimator,
    /// When anything last came.
    pub last_received: Instant,
    /// When anything was last sent.
    pub last_sent: Instant,
    /// When a block last came.
    pub last_block: Instant,
    unrequested: ByteLen,
    allowances: Allowances,
    /// How often it named another metadata size than before.
    sizes_changed: u32,
    out: BytesMut,
}

/// What a message means to the torrent.
#[derive(Debug)]
pub enum PeerEvent<'a> {
    /// It refuses our requests from now on; these were in flight and are lost.
    Choked {
        /// What was asked for.
        lost: Vec<BlockInfo>,
    },
    /// It takes requests.
    Unchoked,
    /// It wants something of ours.
    Interested,
    /// It wants nothing.
    NotInterested,
    /// It has one more piece.
    Have(PieceIndex),
    /// What it has is known as a whole: see [`PeerSession::have`].
    HaveSet,
    /// It has more than it said at first; this is what was known of it.
    HaveSetAgain {
        /// A part of what [`PeerSession::have`] says now.
        before: Bitfield,
    },
    /// It no longer has a piece (BEP 54).
    DontHave(PieceIndex),
    /// It asks for a block; nothing was decided about it.
    Request(BlockInfo),
    /// It takes a request back, which still waited.
    RequestCancelled(BlockInfo),
    /// A block came that was asked for, now or before it was cancelled.
    Block {
        /// Which.
        block: BlockInfo,
        /// Its bytes, as long as the block says.
        data: &'a [u8],
        /// It was still in flight.
        requested: bool,
    },
    /// It will not answer this request.
    Rejected(BlockInfo),
    /// It wants nothing more (BEP 21).
    UploadOnly,
    /// Its extension handshake came, first or again.
    ExtHandshake,
    /// It speaks about metadata (BEP 9).
    Metadata(MetadataMessage<'a>),
    /// It speaks of other peers (BEP 11).
    Pex(PexMessage),
}

impl PeerSession {
    /// A connection whose handshakes are through.
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        let ours = Reserved::ours();
        Self {
            config,
            fast: ours.fast() && config.reserved.fast(),
            extensions: ours.extensions() && config.reserved.extensions(),
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            knowledge: Knowledge::new(),
            may_send_bitfield: true,
            ext: ExtHandshake::default(),
            inflight: Inflight::default(),
            uploads: Uploads::default(),
            pipeline: Pipeline::new(now),
            downloaded: RateMeter::new(),
            uploaded: RateMeter::new(),
            rtt: RttEstimator::new(),
            last_received: now,
            last_sent: now,
            last_block: now,
            unrequested: ByteLen::ZERO,
            allowances: Allowances::new(),
            sizes_changed: 0,
            out: BytesMut::new(),
        }
    }

    /// Address, direction, id and reserved bits.
    pub const fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// Both sides speak the fast extension (BEP 6).
    pub const fn is_fast(&self) -> bool {
        self.fast
    }

    /// Both sides speak the extension protocol (BEP 10).
    pub const fn has_extensions(&self) -> bool {
        self.extensions
    }

    /// What it has, once the piece count is known.
    pub fn have(&self) -> Option<&Bitfield> {
        self.knowledge.bits()
    }

    /// It has everything.
    pub fn is_seed(&self) -> bool {
        self.have().is_some_and(Bitfield::is_full)
    }

    /// It has that piece.
    pub fn has(&self, piece: PieceIndex) -> bool {
        self.have().is_some_and(|have| have.get(piece.get()))
    }

    /// How many requests may be in flight to it now.
    pub fn depth(&self, now: Instant) -> usize {
        let reqq = self.ext.reqq.map_or(REQQ_DEFAULT, |reqq| reqq as usize).max(1);
        self.pipeline.depth(self.downloaded.rate(now), self.rtt.srtt()).min(reqq).min(INFLIGHT_MAX)
    }

    /// The piece count is known now: what was said before is checked against it.
    pub fn set_piece_count(&mut self, piece_count: u32) -> Result<(), PeerMisbehaved> {
        self.knowledge.resolve(piece_count)
    }

    /// It names a peer. False when it has named too many.
    pub fn may_name(&mut self, now: Instant) -> bool {
        self.allowances.may_name(now)
    }

    /// It choked us while it owed blocks. False when it does that so often that asking it is a waste.
    pub fn may_choke(&mut self, now: Instant) -> bool {
        self.allowances.may_choke(now)
    }
}
