//! Messages of the other end: what each means, and which rules it must keep.

use std::time::Instant;

use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::ext::{self, ExtHandshake, MetadataMessage, PexMessage};
use crate::layout::{RawBlock, TorrentLayout};
use crate::limits::{METADATA_SIZES_CHANGED_MAX, UNREQUESTED_BYTES_MAX};
use crate::peer::inflight::Arrival;
use crate::peer::knowledge::{EarlySet, Knowledge};
use crate::units::{BLOCK_LEN, ByteLen};
use crate::wire::Message;

use super::{PeerEvent, PeerSession};

impl PeerSession {
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
}
