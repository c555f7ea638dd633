//! Who has what, and whom we want something of.

use super::{Phase, Torrent};
use crate::bitfield::Bitfield;
use crate::peer::PeerKey;
use crate::units::PieceIndex;

impl Torrent {
    pub(super) fn on_peer_have(&mut self, key: PeerKey, piece: PieceIndex) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let is_seed = peer.session.is_seed();
        match &mut self.phase {
            Phase::Active(active) if peer.counted && is_seed => {
                // Its last piece made it a seed, and seeds are not counted: everything before it goes.
                let have = peer.session.have().into_iter().flat_map(Bitfield::iter_ones);
                have.filter(|had| *had != piece.get()).for_each(|had| active.rarity.have_removed(had));
                peer.counted = false;
            }
            Phase::Active(active) if peer.counted => active.rarity.have_added(piece.get()),
            Phase::Active(_) => self.count_availability(key),
            Phase::Metadata(_) | Phase::Preparing(_) | Phase::Refused => {}
        }
        self.update_interest(key);
        self.hungry.insert(key);
    }

    pub(super) fn on_peer_dont_have(&mut self, key: PeerKey, piece: PieceIndex) {
        let Some(peer) = self.peers.get(&key) else { return };
        if !peer.counted {
            self.count_availability(key);
        } else if let Phase::Active(active) = &mut self.phase {
            active.rarity.have_removed(piece.get());
        }
        self.cancel_where(key, |block| block.piece == piece);
        self.free_sole_sources(key);
    }

    /// What a peer has is known as a whole now; before, it was known to have nothing.
    pub(super) fn on_have_set(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.counted = false;
        }
        self.count_availability(key);
        self.update_interest(key);
        self.hungry.insert(key);
    }

    /// Counts what a peer has, once storage is ready. Seeds are not counted: they make nothing rarer than anything else.
    pub(super) fn count_availability(&mut self, key: PeerKey) {
        let Phase::Active(active) = &mut self.phase else { return };
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let Some(have) = peer.session.have().filter(|have| !peer.counted && !have.is_full()) {
            have.iter_ones().for_each(|piece| active.rarity.have_added(piece));
            peer.counted = true;
        }
    }

    /// A peer that had `had` is gone, or has other pieces from now on.
    pub(super) fn uncount(&mut self, key: PeerKey, had: &Bitfield) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let (true, Phase::Active(active)) = (std::mem::take(&mut peer.counted), &mut self.phase) {
            had.iter_ones().for_each(|piece| active.rarity.have_removed(piece));
        }
    }

    pub(super) fn update_interests(&mut self) {
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        keys.into_iter().for_each(|key| self.update_interest(key));
    }

    pub(super) fn update_interest(&mut self, key: PeerKey) {
        let Phase::Active(active) = &self.phase else { return };
        let Some(peer) = self.peers.get_mut(&key) else { return };
        // Sticky: once interested, until nothing is wanted any more. Some clients hold toggling against us.
        let wants_anything = active.lacking > 0 || !self.readers.is_empty();
        let has_something = |have: &Bitfield| have.next_not_in(0, active.store.have()).is_some();
        let interested =
            wants_anything && (peer.session.am_interested || peer.session.have().is_some_and(has_something));
        if interested != peer.session.am_interested {
            peer.session.set_interested(interested);
            self.talkative.insert(key);
        }
    }
}
