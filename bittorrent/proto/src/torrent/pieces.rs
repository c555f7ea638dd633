//! What becomes of blocks that come: kept, checked, told to everybody.

use std::time::{Duration, Instant};

use super::{DiskDone, DiskJob, Event, Output, Phase, Torrent, Wake};
use crate::peer::PeerKey;
use crate::store::Stored;
use crate::units::{BlockInfo, PieceIndex};
use crate::wire::Message;

/// A peer that kept its word this long after a stall has a clean record.
const STALLS_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

impl Torrent {
    pub(super) fn on_block(&mut self, now: Instant, key: PeerKey, block: BlockInfo, data: &[u8], requested: bool) {
        let Phase::Active(active) = &mut self.phase else { return };
        self.downloaded.record(now, block.len);
        active.hedges.received(block.len);
        if std::mem::take(&mut self.silence_told) {
            self.outputs.push_back(Output::Event(Event::SilenceOver));
        }
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.stalled_until = None;
        if peer.stalled_at.is_some_and(|at| now.saturating_duration_since(at) >= STALLS_FORGOTTEN_AFTER) {
            (peer.stalls, peer.stalled_at) = (0, None);
        }
        self.hungry.insert(key);
        match active.store.receive(block, data, key) {
            Stored::Duplicate => {}
            Stored::Kept { prefix_grew, complete, asked_of } => {
                active.rarity.remove(block.piece.get());
                if prefix_grew {
                    self.outputs.push_back(Output::Hash(block.piece));
                }
                if complete && let Some(data) = active.store.start_hashing(block.piece) {
                    self.outputs.push_back(Output::Disk(DiskJob::Verify { piece: block.piece, data }));
                }
                if asked_of > u8::from(requested) {
                    self.cancel_elsewhere(key, block);
                }
            }
        }
    }

    /// A block came; whoever else was asked for it need not send it.
    fn cancel_elsewhere(&mut self, from: PeerKey, block: BlockInfo) {
        for (key, peer) in self.peers.iter_mut().filter(|(key, _)| **key != from) {
            if peer.session.cancel(block) {
                self.talkative.insert(*key);
                self.hungry.insert(*key);
            }
        }
    }

    pub(super) fn on_disk(&mut self, now: Instant, done: DiskDone) {
        match done {
            DiskDone::Verified { piece, data } => self.on_verified(now, piece, data),
            DiskDone::Corrupt { piece, data } => self.on_corrupt(now, piece, data),
            DiskDone::WriteFailed { piece, data } => {
                let Some(active) = self.active_mut() else { return };
                active.store.failed(piece, data);
                active.make_pickable(piece);
                active.demand.stale = true;
            }
            DiskDone::Evicted(piece) => self.on_evicted(piece, true),
            DiskDone::NotEvicted(piece) => self.on_evicted(piece, false),
            DiskDone::Read { peer, run, data } => self.on_run_read(now, peer, &run, Some(&data)),
            DiskDone::ReadFailed { peer, run } => self.on_run_read(now, peer, &run, None),
        }
    }

    fn on_verified(&mut self, now: Instant, piece: PieceIndex, data: Vec<u8>) {
        self.blame(now, piece, &data);
        let Some(active) = self.active_mut() else { return };
        if !active.store.verified(piece, data) {
            return;
        }
        active.failures.remove(&piece);
        if active.ever.set(piece.get()) && active.wanted.get(piece.get()) {
            active.lacking -= 1;
        }
        let bounded = active.store.pieces_max().is_some();
        self.tell(Event::Verified(piece));
        for (key, peer) in &mut self.peers {
            // Who could not hear later that it is gone does not hear of it, nor who has everything.
            if !bounded || (peer.session.ext.lt_donthave.is_some() && !peer.session.is_seed()) {
                peer.session.send(Message::Have(piece.get()));
                self.talkative.insert(*key);
            }
        }
        // Memory was freed: somebody may have waited for it.
        self.hungry.extend(self.peers.keys());
        self.check_done(now);
    }

    pub(super) fn check_done(&mut self, now: Instant) {
        let Some(active) = self.active_mut() else { return };
        if active.lacking > 0 || active.done_told {
            return;
        }
        active.done_told = true;
        self.tell(Event::Done);
        if self.is_upload_only() {
            for (key, peer) in &mut self.peers {
                peer.session.send_upload_only();
                self.talkative.insert(*key);
            }
            self.part_later(now);
        }
        self.timers.cancel(Wake::NoPeers);
        self.update_interests();
    }
}
