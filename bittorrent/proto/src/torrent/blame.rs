//! Pieces that were wrong: fetched again so that somebody can be blamed, liars ended by proof alone, what they sent forgotten.
//! What is fetched again is as little as the proof needs.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Instant;

use super::{Active, Event, Output, Phase, Torrent};
use crate::error::PeerMisbehaved;
use crate::peer::PeerKey;
use crate::units::PieceIndex;

/// Connections of proven liars that are remembered, 4 bytes each: pieces with a part of theirs may be on their way to a hash.
const LIARS_MAX: usize = 1024;

impl Torrent {
    /// A piece did not match. One sender: it lied. Several: what each sent is noted, and the piece is asked of one peer alone,
    /// but for what that one sent of it already. If it is right then, what was noted tells who lied; if not, that one did.
    /// Where a liar is known to have had a part in it, only its part is asked for again.
    pub(super) fn on_corrupt(&mut self, now: Instant, piece: PieceIndex, data: Vec<u8>) {
        let Some(active) = self.active_mut() else { return };
        let senders = active.store.senders(piece).to_vec();
        let layout = active.store.layout().clone();
        let lone = senders.first().copied().filter(|first| senders.iter().all(|sender| sender == first));
        if lone.is_none() {
            active.evidence.record(&layout, piece, &data, &senders);
        }
        let times = active.failures.entry(piece).and_modify(|times| *times += 1).or_insert(1);
        let times = *times;
        active.demand.stale = true;
        if let Some(liar) = lone {
            self.note_liar(liar);
        }
        let has_liar = senders.iter().any(|sender| self.liars.contains(sender));
        let next = if has_liar { None } else { self.next_on_parole(piece, &senders) };
        let Phase::Active(active) = &mut self.phase else { return };
        let liars = &self.liars;
        let kept = match next {
            Some(next) => active.said_by(piece, &data, &senders, |peer| peer == next),
            None if has_liar => active.said_by(piece, &data, &senders, |peer| !liars.contains(&peer)),
            None => Vec::new(),
        };
        active.store.failed_in_part(piece, data, &kept);
        active.make_pickable(piece);
        if let Some(next) = next {
            active.rarity.remove(piece.get());
            active.store.set_sole_source(piece, next);
        }
        match lone {
            Some(liar) => self.punish(now, liar, PeerMisbehaved::CorruptPiece(piece)),
            None if has_liar => {}
            None => self.strike(&senders),
        }
        self.hungry.extend(self.peers.keys());
        self.tell(Event::Failed { piece, times, banned: self.banned });
    }

    fn strike(&mut self, senders: &[PeerKey]) {
        let senders: BTreeSet<PeerKey> = senders.iter().copied().collect();
        for sender in senders {
            if let Some(peer) = self.peers.get_mut(&sender) {
                peer.strikes = peer.strikes.saturating_add(1);
            }
        }
    }

    /// Chooses the one peer that a failed piece is asked of: among those that can send it now, whoever was in the fewest
    /// failures before, then whoever sent most of it, by chance among equals. Of nobody else anything is kept, so that all
    /// of the next try is one peer's word. If there is nobody, whoever comes may send it.
    fn next_on_parole(&mut self, piece: PieceIndex, senders: &[PeerKey]) -> Option<PeerKey> {
        let sent = |key: PeerKey| senders.iter().filter(|sender| **sender == key).count();
        let able: Vec<(PeerKey, (u32, Reverse<usize>))> = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.session.peer_choking && !peer.is_stalled() && peer.session.has(piece))
            .map(|(key, peer)| (*key, (peer.strikes, Reverse(sent(*key)))))
            .collect();
        let best = able.iter().map(|(_, merit)| *merit).min();
        let able: Vec<PeerKey> =
            able.into_iter().filter(|(_, merit)| Some(*merit) == best).map(|(key, _)| key).collect();
        let turn = usize::try_from(self.rng.below(able.len() as u64)).unwrap_or(0);
        able.get(turn).copied()
    }

    fn note_liar(&mut self, liar: PeerKey) {
        if self.liars.len() < LIARS_MAX {
            self.liars.insert(liar);
        }
    }

    /// A piece is right: whoever sent other bytes for it before is found out.
    pub(super) fn blame(&mut self, now: Instant, piece: PieceIndex, data: &[u8]) {
        let Some(active) = self.active_mut() else { return };
        let layout = active.store.layout().clone();
        for (liar, block) in active.evidence.judge(&layout, piece, data) {
            // One that left is gone with its number. Should it come back, it is found out by what it sends then.
            if self.peers.contains_key(&liar) {
                self.note_liar(liar);
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
    /// Who of those for whom `counts` holds sent each block of a wrong piece, now or in an earlier try of it.
    fn said_by(
        &self,
        piece: PieceIndex,
        data: &[u8],
        senders: &[PeerKey],
        counts: impl Fn(PeerKey) -> bool,
    ) -> Vec<Option<PeerKey>> {
        let before = self.evidence.said_before(self.store.layout(), piece, data, &counts);
        let now = senders.iter().map(|sender| Some(*sender).filter(|sender| counts(*sender)));
        now.zip(before).map(|(now, before)| now.or(before)).collect()
    }

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
