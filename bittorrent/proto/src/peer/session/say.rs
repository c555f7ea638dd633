//! What is said to the other end; it gathers until it is taken.

use std::time::Instant;

use bytes::Bytes;

use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::ext::{self, ExtHandshake, MetadataMessage, PexMessage};
use crate::layout::RawBlock;
use crate::units::{BlockInfo, PieceIndex};
use crate::wire::Message;

use super::PeerSession;

impl PeerSession {
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

    /// Says no to a request: with the fast extension in words, without it by silence.
    pub fn reject(&mut self, block: BlockInfo) {
        self.reject_raw(block.into());
    }

    pub(super) fn reject_raw(&mut self, raw: RawBlock) {
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
