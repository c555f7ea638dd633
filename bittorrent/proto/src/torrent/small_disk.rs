//! A bounded disk: pieces go to make room for those that readers need next.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Active, DiskJob, Output, Phase, Torrent};
use crate::bitfield::Bitfield;
use crate::limits::{DISK_PIECES_MIN, EVICTED_AHEAD_MAX};
use crate::peer::PeerKey;
use crate::policy::eviction;
use crate::store::PieceState;
use crate::units::{ByteLen, PieceIndex};

impl Torrent {
    pub(super) fn on_disk_limit(&mut self, limit: Option<ByteLen>) {
        self.disk_limit = limit;
        if let Some(active) = self.active_mut() {
            active.bound_disk(limit);
        }
        self.demand_changed();
    }

    /// Gives up as many pieces as the next ones need room, or as are too many.
    pub(super) fn make_room(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        let Some(pieces_max) = active.store.pieces_max() else { return };
        if active.demand.is_due(now, &self.readers) {
            active.refresh_demand(now, &self.readers);
        }
        let Some((readers, plan)) = &active.plan else { return };
        let is_missing = |piece| matches!(active.store.state(piece), PieceState::Missing);
        let listed = active.demand.urgent.iter().chain(&active.demand.soon);
        let waiting = listed.filter(|demand| is_missing(demand.piece)).take(EVICTED_AHEAD_MAX).count();
        // Room for a few more than the next, or an eighth of a small disk.
        let wanted = waiting.min((pieces_max as usize / 8).max(1));
        let (used, leaving) = (active.store.pieces_on_disk(), active.store.leaving());
        let missing = (used + wanted).saturating_sub(pieces_max as usize + leaving);
        if missing == 0 {
            return;
        }
        let held: BTreeSet<PieceIndex> =
            self.peers.values().flat_map(|peer| peer.session.uploads.pieces_being_read()).collect();
        let layout = active.store.layout().clone();
        let is_held = |piece| layout.piece(piece).is_some_and(|piece| held.contains(&piece));
        let victims = eviction::victims(active.store.have(), plan, readers, missing, is_held);
        // What was begun for a place that readers have left takes room as well, and may never be finished.
        let strayed: Vec<PieceIndex> = active
            .store
            .open_pieces()
            .map(|(piece, _)| piece)
            .filter(|piece| !plan.kept.get(piece.get()))
            .take(missing - victims.len())
            .collect();
        victims.into_iter().filter_map(|piece| layout.piece(piece)).for_each(|piece| self.give_up(piece));
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for piece in strayed {
            keys.iter().for_each(|key| self.cancel_where(*key, |block| block.piece == piece));
            let Some(active) = self.active_mut() else { return };
            if active.store.abandon(piece) {
                active.make_pickable(piece);
                self.outputs.push_back(Output::Forget(piece));
            }
        }
    }

    /// BEP 54: peers hear that a piece is no longer here before it goes. Requests of theirs for it are refused.
    fn give_up(&mut self, piece: PieceIndex) {
        let Some(active) = self.active_mut() else { return };
        if !active.store.evict(piece) {
            return;
        }
        self.given_up += 1;
        for (key, peer) in &mut self.peers {
            if !peer.session.is_seed() {
                peer.session.send_dont_have(piece);
            }
            for block in peer.session.uploads.drop_piece(piece) {
                peer.session.reject(block);
            }
            self.talkative.insert(*key);
        }
        self.outputs.push_back(Output::Disk(DiskJob::Evict(piece)));
    }

    /// A piece's room is free, or could not be freed: then the disk knows no holes, and no bound can be kept on it.
    pub(super) fn on_evicted(&mut self, piece: PieceIndex, freed: bool) {
        let Some(active) = self.active_mut() else { return };
        active.store.evicted(piece);
        active.make_pickable(piece);
        if !freed {
            active.bound_disk(None);
        }
        self.demand_changed();
        // Who had nothing but what was here may have this, which is to be asked for again.
        self.update_interests();
    }
}

impl Active {
    /// On a bounded disk, what an earlier run had and gave up counts as having been here.
    pub(super) fn remember(&mut self, ever: &Bitfield) {
        if self.store.pieces_max().is_some() {
            ever.iter_ones().for_each(|piece| {
                self.ever.set(piece);
            });
            let lacking = self.wanted.iter_ones().filter(|piece| !self.ever.get(*piece)).count();
            self.lacking = u32::try_from(lacking).unwrap_or(u32::MAX);
        }
    }

    pub(super) fn bound_disk(&mut self, limit: Option<ByteLen>) {
        let piece_len = u64::from(self.store.layout().piece_len_max());
        let pieces = limit.map(|limit| u32::try_from(limit.get() / piece_len).unwrap_or(u32::MAX).max(DISK_PIECES_MIN));
        self.store.set_pieces_max(pieces.filter(|pieces| *pieces < self.wanted.count_ones()));
        self.plan = None;
        self.demand.stale = true;
    }
}
