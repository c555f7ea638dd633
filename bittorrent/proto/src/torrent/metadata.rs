//! The info dictionary: fetched from peers when only the infohash is known, given to peers when it is here (BEP 9).

use std::sync::Arc;
use std::time::Instant;

use super::{Event, Phase, Torrent, Wake};
use crate::error::PeerMisbehaved;
use crate::ext::{MetadataMessage, MetadataProgress};
use crate::metainfo::Metainfo;
use crate::peer::PeerKey;

impl Torrent {
    pub(super) fn on_ext_handshake(&mut self, now: Instant, key: PeerKey) {
        if !self.look_at_proof(now, key) {
            return;
        }
        self.learn_listen_port(now, key);
        self.exchange_peers(now);
        self.part_later(now);
        let Some(peer) = self.peers.get(&key) else { return };
        if let (Phase::Metadata(fetch), Some(size), Some(_)) =
            (&mut self.phase, peer.session.ext.metadata_size, peer.session.ext.ut_metadata)
        {
            fetch.handle_peer(key, size);
            self.ask_for_metadata(now);
        }
    }

    pub(super) fn on_metadata(
        &mut self,
        now: Instant,
        key: PeerKey,
        message: MetadataMessage<'_>,
    ) -> Result<(), PeerMisbehaved> {
        match message {
            MetadataMessage::Request { piece } => self.answer_metadata(now, key, piece)?,
            MetadataMessage::Data { piece, total_size, payload } => {
                let Phase::Metadata(fetch) = &mut self.phase else { return Ok(()) };
                match fetch.handle_data(key, piece, total_size, payload)? {
                    MetadataProgress::Pending => {}
                    MetadataProgress::Done(info) => self.on_info(now, Metainfo::from_info(info)),
                }
            }
            MetadataMessage::Reject { piece } => {
                if let Phase::Metadata(fetch) = &mut self.phase {
                    fetch.handle_reject(now, key, piece);
                }
            }
            MetadataMessage::Unknown => {}
        }
        self.ask_for_metadata(now);
        Ok(())
    }

    pub(super) fn ask_for_metadata(&mut self, now: Instant) {
        let Phase::Metadata(fetch) = &mut self.phase else { return };
        fetch.handle_timeout(now);
        while let Some((key, piece)) = fetch.poll_request(now) {
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.session.send_metadata(MetadataMessage::Request { piece });
                self.talkative.insert(key);
            }
        }
        self.timers.set_or_cancel(Wake::Metadata, fetch.poll_timeout().map(|(at, _)| at));
    }

    pub(super) fn forget_metadata_peer(&mut self, now: Instant, key: PeerKey) {
        if let Phase::Metadata(fetch) = &mut self.phase {
            fetch.handle_gone(key);
            self.ask_for_metadata(now);
        }
    }

    fn answer_metadata(&mut self, now: Instant, key: PeerKey, piece: u32) -> Result<(), PeerMisbehaved> {
        let info = self.metainfo().map(|metainfo| metainfo.info.clone());
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let answer = peer.metadata_allowance.answer(now, piece, info.as_deref().filter(|_| self.config.serves));
        peer.session.send_metadata(answer);
        if matches!(answer, MetadataMessage::Reject { .. }) { peer.session.metadata_refused(now) } else { Ok(()) }
    }

    /// The info dictionary is here, and matches the infohash.
    fn on_info(&mut self, now: Instant, metainfo: Result<Metainfo, crate::metainfo::MetainfoError>) {
        self.timers.cancel(Wake::Metadata);
        self.timers.cancel(Wake::NoMetadata);
        let metainfo = match metainfo {
            Ok(metainfo) => Arc::new(metainfo),
            Err(refused) => {
                self.phase = Phase::Refused;
                self.timers.cancel(Wake::NoPeers);
                self.tell(Event::MetadataRefused(refused));
                return;
            }
        };
        let piece_count = metainfo.layout.piece_count();
        let is_private = metainfo.private;
        self.phase = Phase::Preparing(metainfo.clone());
        self.tell(Event::Metadata(metainfo));
        // What peers said of pieces before could not be checked; now it can.
        let mut liars = Vec::new();
        for (key, peer) in &mut self.peers {
            peer.decoder.set_piece_count(piece_count);
            if let Err(misbehaved) = peer.session.set_piece_count(piece_count) {
                liars.push((*key, misbehaved));
            }
        }
        for (key, misbehaved) in liars {
            self.punish(now, key, misbehaved);
        }
        self.tell_unproven_piece_count(now, piece_count);
        if is_private {
            self.turn_private(now);
        }
    }
}
