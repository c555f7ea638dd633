//! The state of one connection, and the rules its messages must keep.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::allowance::Allowances;
use super::inflight::{Arrival, Inflight};
use super::knowledge::{EarlySet, Knowledge};
use super::uploads::Uploads;
use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::ext::{self, ExtHandshake, MetadataMessage, PexMessage};
use crate::layout::{RawBlock, TorrentLayout};
use crate::limits::{INFLIGHT_MAX, METADATA_SIZES_CHANGED_MAX, REQQ_DEFAULT, UNREQUESTED_BYTES_MAX};
use crate::peer_id::PeerId;
use crate::policy::pipeline::Pipeline;
use crate::rate::{RateMeter, RttEstimator};
use crate::units::{BLOCK_LEN, BlockInfo, ByteLen, PieceIndex};
use crate::wire::{Message, Reserved};

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

    /// Takes in one message.
    pub fn on_message<'a>(
        &mut self,
        now: Instant,
        message: Message<'a>,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        self.last_received = now;
        let event = self.take_in(now, message, layout)?;
        self.allowances.charge(now, &message, event.as_ref())?;
        let was_seed = self.have().is_some_and(|have| have.count_ones() + 1 == have.len());
        if was_seed && matches!(event, Some(PeerEvent::DontHave(_))) {
            self.allowances.charge_recount(now)?;
        }
        Ok(event)
    }

    fn take_in<'a>(
        &mut self,
        now: Instant,
        message: Message<'a>,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        match message {
            Message::KeepAlive | Message::Port(_) | Message::Unknown { .. } => Ok(None),
            Message::Choke => {
                self.peer_choking = true;
                Ok(Some(PeerEvent::Choked { lost: self.inflight.drop_all() }))
            }
            Message::Unchoke => {
                self.peer_choking = false;
                Ok(Some(PeerEvent::Unchoked))
            }
            Message::Interested => {
                self.peer_interested = true;
                Ok(Some(PeerEvent::Interested))
            }
            Message::NotInterested => {
                self.peer_interested = false;
                Ok(Some(PeerEvent::NotInterested))
            }
            Message::Have(index) => self.on_have(index, layout),
            Message::Bitfield(bits) => self.on_have_set(EarlySet::Bits(bits.to_vec()), layout),
            Message::HaveAll => self.need_fast().and_then(|()| self.on_have_set(EarlySet::All, layout)),
            Message::HaveNone => self.need_fast().and_then(|()| self.on_have_set(EarlySet::Nothing, layout)),
            // Both are hints that a picker driven by deadlines has no use for; their piece is checked all the same.
            Message::Suggest(index) | Message::AllowedFast(index) => {
                self.need_fast()?;
                layout.map_or(Ok(None), |layout| layout.check_piece(index).map(|_| None))
            }
            Message::Request(raw) => self.on_request(now, raw, layout),
            Message::Cancel(raw) => self.on_cancel(raw, layout),
            Message::Piece { piece, offset, data } => self.on_piece(now, piece, offset, data, layout),
            Message::Reject(raw) => self.on_reject(raw, layout),
            Message::Extended { id, payload } => self.on_extended(id, payload, layout),
        }
    }

    fn need_fast(&self) -> Result<(), PeerMisbehaved> {
        if self.fast { Ok(()) } else { Err(PeerMisbehaved::FastNotAgreed) }
    }

    fn on_have<'a>(
        &mut self,
        index: u32,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        // BEP 3 and 6: once single pieces are spoken of, the time for a bitfield is over.
        self.may_send_bitfield = false;
        let Some(layout) = layout else {
            self.knowledge.have_early(index)?;
            return Ok(None);
        };
        let piece = layout.check_piece(index)?;
        self.knowledge.resolve(layout.piece_count())?;
        let new = self.knowledge.bits_mut().is_some_and(|bits| bits.set(index));
        Ok(new.then_some(PeerEvent::Have(piece)))
    }

    fn on_have_set<'a>(
        &mut self,
        set: EarlySet,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        if !self.may_send_bitfield {
            return self.on_late_have_set(&set, layout);
        }
        self.may_send_bitfield = false;
        // A connection made while the piece count was known has an empty set already; it is replaced.
        self.knowledge = Knowledge::new();
        self.knowledge.set_early(set);
        let Some(layout) = layout else { return Ok(None) };
        self.knowledge.resolve(layout.piece_count())?;
        Ok(Some(PeerEvent::HaveSet))
    }

    /// BEP 3 allows a bitfield only at first. aria2 says "have none" then, and sends bitfields later in place of many haves;
    /// one that takes nothing back does no harm.
    fn on_late_have_set<'a>(
        &mut self,
        set: &EarlySet,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        let EarlySet::Bits(wire) = set else { return Err(PeerMisbehaved::BitfieldLate) };
        let (Some(layout), Some(before)) = (layout, self.knowledge.bits_mut()) else {
            self.knowledge.set_early(set.clone());
            return Ok(None);
        };
        let now = Bitfield::from_wire(wire, layout.piece_count())?;
        if before.next_not_in(0, &now).is_some() {
            return Err(PeerMisbehaved::BitfieldLate);
        }
        Ok(Some(PeerEvent::HaveSetAgain { before: std::mem::replace(before, now) }))
    }

    fn on_request<'a>(
        &mut self,
        now: Instant,
        raw: RawBlock,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        let Some(layout) = layout else {
            // We have announced nothing, so nothing can be asked of us.
            self.reject_raw(raw);
            return self.allowances.charge_refused(now).map(|()| None);
        };
        // Nobody asks for more than 16 KiB any more; BEP 6 gives a way to say no without closing.
        if raw.len > BLOCK_LEN && self.fast {
            self.reject_raw(raw);
            return self.allowances.charge_refused(now).map(|()| None);
        }
        Ok(Some(PeerEvent::Request(layout.check_block(raw)?)))
    }

    fn on_cancel<'a>(
        &mut self,
        raw: RawBlock,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        let Some(layout) = layout else { return Ok(None) };
        let block = layout.check_block(raw)?;
        Ok(self.uploads.cancel(block).then_some(PeerEvent::RequestCancelled(block)))
    }

    fn on_piece<'a>(
        &mut self,
        now: Instant,
        piece: u32,
        offset: u32,
        data: &'a [u8],
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        let layout = layout.ok_or(PeerMisbehaved::UnrequestedBlock)?;
        let len = ByteLen::new(data.len() as u64);
        let block = layout.check_block(RawBlock { piece, offset, len: len.as_u32() })?;
        let alone = self.inflight.len() == 1;
        let arrival = self.inflight.arrived(block);
        match arrival {
            Arrival::Requested(sent_at) => {
                self.downloaded.record(now, len);
                self.last_block = now;
                // Only a request that stood alone measures the path; others measure the queue before them.
                if alone || self.rtt.srtt().is_none() {
                    self.rtt.sample(now.saturating_duration_since(sent_at));
                }
                self.pipeline.on_block(now, self.downloaded.rate(now), self.rtt.srtt());
            }
            Arrival::Cancelled => self.downloaded.record(now, len),
            Arrival::Unrequested => {
                self.unrequested += len;
                if self.unrequested > UNREQUESTED_BYTES_MAX {
                    return Err(PeerMisbehaved::UnrequestedBlock);
                }
                return Ok(None);
            }
        }
        Ok(Some(PeerEvent::Block { block, data, requested: arrival != Arrival::Cancelled }))
    }

    fn on_reject<'a>(
        &mut self,
        raw: RawBlock,
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        self.need_fast()?;
        let block = layout.ok_or(PeerMisbehaved::UnrequestedReject)?.check_block(raw)?;
        match self.inflight.arrived(block) {
            Arrival::Requested(_) => Ok(Some(PeerEvent::Rejected(block))),
            Arrival::Cancelled => Ok(None),
            // BEP 6 calls for a close. A client that answers our cancel twice costs us 17 bytes, so it counts as noise.
            Arrival::Unrequested => {
                self.unrequested += ByteLen::new(17);
                if self.unrequested > UNREQUESTED_BYTES_MAX {
                    return Err(PeerMisbehaved::UnrequestedReject);
                }
                Ok(None)
            }
        }
    }

    fn on_extended<'a>(
        &mut self,
        id: u8,
        payload: &'a [u8],
        layout: Option<&TorrentLayout>,
    ) -> Result<Option<PeerEvent<'a>>, PeerMisbehaved> {
        if !self.extensions {
            return Err(PeerMisbehaved::ExtensionMalformed);
        }
        match id {
            ext::HANDSHAKE_ID => {
                self.on_ext_handshake(ExtHandshake::decode(payload)?)?;
                Ok(Some(PeerEvent::ExtHandshake))
            }
            ext::UT_METADATA_ID => Ok(Some(PeerEvent::Metadata(MetadataMessage::decode(payload)?))),
            ext::UT_PEX_ID => Ok(Some(PeerEvent::Pex(PexMessage::decode(payload)?))),
            ext::UPLOAD_ONLY_ID => {
                self.ext.upload_only = payload.first().is_some_and(|&byte| byte != 0);
                Ok(self.ext.upload_only.then_some(PeerEvent::UploadOnly))
            }
            ext::LT_DONTHAVE_ID => {
                let index =
                    payload.try_into().map(u32::from_be_bytes).map_err(|_| PeerMisbehaved::ExtensionMalformed)?;
                let Some(layout) = layout else { return Ok(None) };
                let piece = layout.check_piece(index)?;
                let had = self.knowledge.bits_mut().is_some_and(|bits| bits.clear(index));
                Ok(had.then_some(PeerEvent::DontHave(piece)))
            }
            // We named no other id, and an id we turned off may still be on its way (BEP 10).
            _ => Ok(None),
        }
    }

    fn on_ext_handshake(&mut self, newer: ExtHandshake) -> Result<(), PeerMisbehaved> {
        // The infohash decides the size: one of two different ones is a lie. Zero is how some say "not known yet".
        let known = |size: Option<u32>| size.filter(|size| *size != 0);
        if let (Some(before), Some(now)) = (known(self.ext.metadata_size), known(newer.metadata_size))
            && before != now
        {
            self.sizes_changed += 1;
            if self.sizes_changed > METADATA_SIZES_CHANGED_MAX {
                return Err(PeerMisbehaved::MetadataMismatch);
            }
        }
        self.ext.merge(newer);
        Ok(())
    }

    /// Says what we have, right after the handshakes. `None` while the piece count is unknown to us.
    pub fn send_have_set(&mut self, have: Option<&Bitfield>) {
        match have {
            Some(have) if self.fast && have.is_full() => self.send(Message::HaveAll),
            Some(have) if have.count_ones() > 0 => {
                let wire = have.to_wire();
                self.send(Message::Bitfield(&wire));
            }
            // BEP 3: a bitfield of nothing may be left out. BEP 6: one of the three must come.
            Some(_) | None if self.fast => self.send(Message::HaveNone),
            Some(_) | None => {}
        }
    }

    /// Sends the extension handshake.
    pub fn send_ext_handshake(&mut self, handshake: &ExtHandshake) {
        if self.extensions {
            let payload = handshake.encode();
            self.send(Message::Extended { id: ext::HANDSHAKE_ID, payload: &payload });
        }
    }

    /// Sends a metadata message under the id the peer chose. False when it does not speak ut_metadata.
    pub fn send_metadata(&mut self, message: MetadataMessage<'_>) -> bool {
        let Some(id) = self.ext.ut_metadata else { return false };
        let payload = message.encode();
        self.send(Message::Extended { id, payload: &payload });
        true
    }

    /// Says which peers came and went, under the id the peer chose. False when it does not speak ut_pex.
    pub fn send_pex(&mut self, message: &PexMessage) -> bool {
        let Some(id) = self.ext.ut_pex else { return false };
        let payload = message.encode();
        self.send(Message::Extended { id, payload: &payload });
        true
    }

    /// It names a peer. False when it has named too many.
    pub fn may_name(&mut self, now: Instant) -> bool {
        self.allowances.may_name(now)
    }

    /// Says that we no longer have a piece (BEP 54). A peer that does not know the message goes on asking, and is refused.
    pub fn send_dont_have(&mut self, piece: PieceIndex) {
        if let Some(id) = self.ext.lt_donthave {
            self.send(Message::Extended { id, payload: &piece.get().to_be_bytes() });
        }
    }

    /// Says that we want nothing more, to a peer that knows the message (BEP 21).
    pub fn send_upload_only(&mut self) {
        if let Some(id) = self.ext.upload_only_id {
            self.send(Message::Extended { id, payload: &[1] });
        }
    }

    /// Refuses its requests from now on. Returns what will not be answered; with the fast extension each is rejected.
    pub fn choke(&mut self) {
        self.am_choking = true;
        self.send(Message::Choke);
        for block in self.uploads.drop_all() {
            self.reject(block);
        }
    }

    /// Takes its requests from now on.
    pub fn unchoke(&mut self) {
        self.am_choking = false;
        self.send(Message::Unchoke);
    }

    /// Says whether we want something of it, when that changed.
    pub fn set_interested(&mut self, interested: bool) {
        if self.am_interested != interested {
            self.am_interested = interested;
            self.send(if interested { Message::Interested } else { Message::NotInterested });
        }
    }

    /// Asks for a block.
    pub fn request(&mut self, now: Instant, block: BlockInfo) {
        // The stall clock starts with the first request after a pause, not with the last block before it.
        if self.inflight.is_empty() {
            self.last_block = now;
        }
        self.inflight.push(block, now);
        self.send(Message::Request(block.into()));
    }

    /// Takes a request back. False when it was not in flight.
    pub fn cancel(&mut self, block: BlockInfo) -> bool {
        let was_inflight = self.inflight.cancel(block);
        if was_inflight {
            self.send(Message::Cancel(block.into()));
        }
        was_inflight
    }

    /// Refuses a request that was wrong to ask, as often as a peer may ask for what it does not get.
    ///
    /// # Errors
    /// [`PeerMisbehaved::Flood`] when it asked too often.
    pub fn refuse(&mut self, now: Instant, block: BlockInfo) -> Result<(), PeerMisbehaved> {
        self.reject(block);
        self.allowances.charge_refused(now)
    }

    /// Counts a request for metadata that was refused as [`PeerSession::refuse`] does.
    ///
    /// # Errors
    /// [`PeerMisbehaved::Flood`] when it asked too often.
    pub fn metadata_refused(&mut self, now: Instant) -> Result<(), PeerMisbehaved> {
        self.allowances.charge_refused(now)
    }

    /// It choked us while it owed blocks. False when it does that so often that asking it is a waste.
    pub fn may_choke(&mut self, now: Instant) -> bool {
        self.allowances.may_choke(now)
    }

    /// Says no to a request: with the fast extension in words, without it by silence.
    pub fn reject(&mut self, block: BlockInfo) {
        self.reject_raw(block.into());
    }

    fn reject_raw(&mut self, raw: RawBlock) {
        if self.fast {
            self.send(Message::Reject(raw));
        }
    }

    /// Queues any message.
    pub fn send(&mut self, message: Message<'_>) {
        message.encode(&mut self.out);
    }

    /// What gathered to be sent, oldest first.
    pub fn take_outgoing(&mut self, now: Instant) -> Option<Bytes> {
        if self.out.is_empty() {
            return None;
        }
        self.last_sent = now;
        Some(self.out.split().freeze())
    }
}
