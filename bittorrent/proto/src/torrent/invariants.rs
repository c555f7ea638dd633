//! What holds of a torrent after each of its verbs; for tests and fuzzing.

use std::collections::BTreeMap;

use super::{Active, Peer, Phase, Torrent};
use crate::limits::{INFLIGHT_MAX, SEND_QUEUED_MAX, UPLOADS_QUEUED_MAX};
use crate::peer::PeerKey;
use crate::store::PieceState;
use crate::units::BlockInfo;

impl Torrent {
    /// Panics when the state contradicts itself or a bound of [`crate::limits`]. Call it after a verb.
    pub fn check_invariants(&self) {
        assert!(self.peers.len() <= self.connector.peers_max(), "{} connections", self.peers.len());
        assert!(self.talkative.is_empty(), "what was said was handed out");
        for (key, peer) in &self.peers {
            peer.check_invariants(*key);
        }
        match &self.phase {
            Phase::Metadata(_) | Phase::Preparing(_) | Phase::Refused => {
                assert!(self.peers.values().all(|peer| peer.session.inflight.is_empty() && !peer.counted));
            }
            Phase::Active(active) => {
                assert!(self.hungry.is_empty(), "everybody was asked for what there was");
                active.store.check_invariants();
                active.check_counts(&self.peers);
                active.check_requests(&self.peers);
            }
        }
    }
}

impl Peer {
    fn check_invariants(&self, key: PeerKey) {
        let session = &self.session;
        assert!(session.inflight.len() <= INFLIGHT_MAX, "{key:?} owes {} blocks", session.inflight.len());
        assert!(self.send_queued <= SEND_QUEUED_MAX, "{key:?} has {:?} waiting", self.send_queued);
        assert!(session.uploads.len() <= UPLOADS_QUEUED_MAX, "{key:?} has {} requests", session.uploads.len());
        assert!(!session.am_choking || session.uploads.is_empty(), "{key:?} is choked, and served");
        if session.peer_choking {
            assert!(session.inflight.is_empty(), "{key:?} chokes us, and is asked");
        }
        let bytes = session.inflight.iter().map(|request| request.block.len).fold(Default::default(), |a, b| a + b);
        assert_eq!(session.inflight.bytes(), bytes, "{key:?}");
    }
}

impl Active {
    fn check_counts(&self, peers: &BTreeMap<PeerKey, Peer>) {
        let lacking = self.wanted.iter_ones().filter(|piece| !self.ever.get(*piece)).count();
        assert_eq!(self.lacking as usize, lacking, "pieces that are wanted and were never here");
        let here = self.store.have().next_not_in(0, &self.ever);
        assert_eq!(here, None, "here, and never was");
        assert!(!self.done_told || lacking == 0, "done, with {lacking} lacking");
        let layout = self.store.layout();
        let pickable = layout
            .pieces()
            .filter(|piece| self.wanted.get(piece.get()) && matches!(self.store.state(*piece), PieceState::Missing));
        assert_eq!(self.rarity.len(), pickable.count(), "pieces to pick from");
        for piece in layout.pieces() {
            let partial = peers.values().filter(|peer| peer.counted && peer.session.has(piece)).count();
            assert_eq!(usize::from(self.rarity.availability(piece.get())), partial, "owners of {piece:?}");
        }
        for (key, peer) in peers {
            let uncounted = peer.session.have().filter(|have| !have.is_full()).map_or(0, |have| have.count_ones());
            assert!(peer.counted || uncounted == 0, "{key:?} has {uncounted} pieces that do not count");
            assert!(!peer.counted || !peer.session.is_seed(), "{key:?} has everything, and makes pieces rarer");
        }
    }

    fn check_requests(&self, peers: &BTreeMap<PeerKey, Peer>) {
        let mut asked: BTreeMap<BlockInfo, u8> = BTreeMap::new();
        for (key, peer) in peers {
            let mut own = std::collections::BTreeSet::new();
            for request in peer.session.inflight.iter() {
                let block = request.block;
                assert!(own.insert(block), "{key:?} is asked for {block:?} twice");
                assert!(peer.session.has(block.piece), "{key:?} is asked for what it does not have: {block:?}");
                *asked.entry(block).or_default() += 1;
            }
            assert!(!self.paused || own.is_empty(), "{key:?} is asked during a pause");
        }
        for (block, count) in &asked {
            assert_eq!(self.store.asked_of(*block), *count, "peers asked for {block:?}");
        }
        let noted: usize =
            self.store.open_pieces().flat_map(|(_, open)| open.requested()).map(|(_, count)| usize::from(count)).sum();
        assert_eq!(noted, asked.values().map(|count| usize::from(*count)).sum::<usize>(), "requests in flight");
        for (piece, open) in self.store.open_pieces() {
            let alone = open.sole_source;
            assert!(alone.is_none_or(|key| peers.contains_key(&key)), "{piece:?} waits for {alone:?}, who is gone");
        }
    }
}
