//! Pieces that were wrong: fetched again so that somebody can be blamed, liars ended by proof alone, what they sent forgotten.

use std::time::Instant;

use super::{Active, Event, Output, Torrent};
use crate::error::PeerMisbehaved;
use crate::peer::PeerKey;
use crate::units::PieceIndex;

impl Torrent {
    /// A piece did not match. One sender: it lied. Several: what each sent is noted, and the piece is fetched again from one
    /// peer alone. If it is right then, what was noted tells who lied; if not, that one did.
    pub(super) fn on_corrupt(&mut self, now: Instant, piece: PieceIndex, data: Vec<u8>) {
        let Some(active) = self.active_mut() else { return };
        let mut senders = active.store.senders(piece).to_vec();
        let layout = active.store.layout().clone();
        let lone = senders.iter().all(|sender| Some(sender) == senders.first());
        if !lone {
            active.evidence.record(&layout, piece, &data, &senders);
        }
        active.store.failed(piece, data);
        let times = active.failures.entry(piece).and_modify(|times| *times += 1).or_insert(1);
        let times = *times;
        active.make_pickable(piece);
        active.demand.stale = true;
        senders.sort_unstable();
        senders.dedup();
        if let [liar] = senders[..] {
            self.punish(now, liar, PeerMisbehaved::CorruptPiece(piece));
        } else {
            for sender in senders {
                if let Some(peer) = self.peers.get_mut(&sender) {
                    peer.strikes = peer.strikes.saturating_add(1);
                }
            }
            self.put_on_parole(piece);
        }
        self.hungry.extend(self.peers.keys());
        self.tell(Event::Failed { piece, times, banned: self.banned });
    }

    /// Chooses the one peer that a failed piece is asked of: among those that can send it now, whoever was in the fewest
    /// failures, by chance among equals. So the piece is likely right the next time, and then everything is known. If there
    /// is nobody, whoever comes may send it.
    fn put_on_parole(&mut self, piece: PieceIndex) {
        let able = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.session.peer_choking && !peer.is_stalled() && peer.session.has(piece))
            .map(|(key, peer)| (*key, peer.strikes));
        let able: Vec<(PeerKey, u32)> = able.collect();
        let fewest = able.iter().map(|(_, strikes)| *strikes).min();
        let able: Vec<PeerKey> =
            able.into_iter().filter(|(_, strikes)| Some(*strikes) == fewest).map(|(key, _)| key).collect();
        let turn = usize::try_from(self.rng.below(able.len() as u64)).unwrap_or(0);
        if let (Some(active), Some(next)) = (self.active_mut(), able.get(turn)) {
            active.rarity.remove(piece.get());
            active.store.set_sole_source(piece, *next);
        }
    }

    /// A piece is right: whoever sent other bytes for it before is found out.
    pub(super) fn blame(&mut self, now: Instant, piece: PieceIndex, data: &[u8]) {
        let Some(active) = self.active_mut() else { return };
        let layout = active.store.layout().clone();
        for (liar, block) in active.evidence.judge(&layout, piece, data) {
            // One that left is gone with its number. Should it come back, it is found out by what it sends then.
            if self.peers.contains_key(&liar) {
                self.punish(now, liar, PeerMisbehaved::CorruptBlock(block));
            }
        }
    }

    /// Nothing that a liar sent is worth keeping: its blocks of open pieces are asked for again.
    pub(super) fn forget_blocks_of(&mut self, liar: PeerKey) {
        let Some(active) = self.active_mut() else { return };
        let cut = active.forget_blocks_of(liar);
        self.outputs.extend(cut.into_iter().map(Output::Forget));
        self.hungry.extend(self.peers.keys());
    }
}

impl Active {
    /// Returns the pieces whose beginnings are shorter now.
    fn forget_blocks_of(&mut self, liar: PeerKey) -> Vec<PieceIndex> {
        let forgotten = self.store.forget_sender(liar);
        for (piece, _) in &forgotten {
            self.make_pickable(*piece);
        }
        self.demand.rewind();
        forgotten.into_iter().filter(|(_, cut)| *cut).map(|(piece, _)| piece).collect()
    }
}
