//! What did not happen in time: peers that fall silent, blocks that are late.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Event, Peer, Phase, SILENCE_TOLD_AFTER, Torrent, Wake};
use crate::error::PeerMisbehaved;
use crate::peer::PeerKey;
use crate::policy::requester::{self, Candidate};
use crate::units::{BlockIndex, PieceIndex};

/// How often late blocks are looked for while somebody waits.
pub(super) const HEDGE_EVERY: Duration = Duration::from_millis(100);

/// Stalls that come one after the other are looked at together.
const STALLS_LOOKED_EVERY: Duration = Duration::from_millis(50);

impl Peer {
    pub(super) fn candidate(&self, now: Instant, key: PeerKey) -> Candidate {
        Candidate {
            peer: key,
            queue: self.session.inflight.bytes(),
            room: self.room(now),
            rate: self.session.downloaded.rate(now),
            srtt: self.session.rtt.srtt(),
            rttvar: self.session.rtt.rttvar(),
        }
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled_until.is_some()
    }

    /// How long it may stay silent while it owes blocks.
    fn stalled_after(&self) -> Duration {
        requester::stalled_after(self.session.downloaded.rate(self.session.last_block))
    }

    /// How many more requests it takes now.
    pub(super) fn room(&self, now: Instant) -> usize {
        if self.session.peer_choking || self.refused_until.is_some_and(|until| now < until) {
            return 0;
        }
        let depth = if self.is_stalled() { 1 } else { self.session.depth(now) };
        depth.saturating_sub(self.session.inflight.len())
    }
}

impl Torrent {
    pub(super) fn set_stall_timer(&mut self) {
        let owes = |peer: &Peer| {
            let after = if peer.is_stalled() { requester::DROPPED_AFTER } else { peer.stalled_after() };
            (!peer.session.inflight.is_empty()).then(|| peer.session.last_block + after)
        };
        let due = self.peers.values().flat_map(|peer| [owes(peer), peer.stalled_until]).flatten();
        let due = due.chain(self.silence_due()).min();
        let not_before = self.stalls_looked_at.map(|at| at + STALLS_LOOKED_EVERY);
        self.timers.set_or_cancel(Wake::Stall, due.map(|due| not_before.map_or(due, |at| due.max(at))));
    }

    /// Peers that owe blocks and send none lose them to others for a while, and in the end their connection.
    pub(super) fn on_stall(&mut self, now: Instant) {
        self.stalls_looked_at = Some(now);
        for peer in self.peers.values_mut().filter(|peer| peer.stalled_until.is_some_and(|until| until <= now)) {
            peer.stalled_until = None;
            peer.session.pipeline.restart(now);
        }
        let silent: Vec<(PeerKey, Duration)> = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.session.inflight.is_empty())
            .map(|(key, peer)| (*key, peer, now.saturating_duration_since(peer.session.last_block)))
            .filter(|(_, peer, silent)| *silent >= peer.stalled_after())
            .map(|(key, _, silent)| (key, silent))
            .collect();
        for (key, silent) in silent {
            if silent >= requester::DROPPED_AFTER {
                self.punish(now, key, PeerMisbehaved::Silent);
            } else {
                self.on_peer_stalled(now, key);
            }
        }
        if self.silence_due().is_some_and(|due| due <= now) {
            self.silence_told = true;
            self.tell(Event::Silence);
        }
        self.hungry.extend(self.peers.keys());
        self.set_stall_timer();
    }

    /// When it is to be told that nobody sends anything: the network may be gone, and connections do not know it yet.
    fn silence_due(&self) -> Option<Instant> {
        let is_owed = self.peers.values().any(|peer| !peer.session.inflight.is_empty());
        // `last_block` also moves when somebody is asked who owed nothing: before that there was nothing to wait for.
        let heard = self.peers.values().map(|peer| peer.session.last_received.max(peer.session.last_block)).max();
        heard.filter(|_| is_owed && !self.silence_told).map(|heard| heard + SILENCE_TOLD_AFTER)
    }

    fn on_peer_stalled(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| !peer.is_stalled()) else { return };
        let rest = requester::STALL_REST_MIN.saturating_mul(1 << peer.stalls.min(8)).min(requester::STALL_REST_MAX);
        peer.stalled_until = Some(now + rest);
        (peer.stalls, peer.stalled_at) = (peer.stalls.saturating_add(1), Some(now));
        let owed: Vec<PieceIndex> = peer.session.inflight.iter().map(|request| request.block.piece).collect();
        // Only what another could send is taken away; a slow peer that alone has something keeps it.
        let lively = |piece: PieceIndex| {
            self.peers.values().any(|peer| !peer.is_stalled() && !peer.session.peer_choking && peer.session.has(piece))
        };
        let replaceable: BTreeSet<PieceIndex> = owed.into_iter().filter(|piece| lively(*piece)).collect();
        self.cancel_where(key, |block| replaceable.contains(&block.piece));
        self.free_sole_sources(key);
    }

    /// Asks a second peer for blocks that are late, where somebody waits for them or they are the last ones.
    pub(super) fn on_hedge(&mut self, now: Instant) {
        let (waiting, endgame) = (self.readers.is_anyone_waiting(), self.is_endgame());
        let Phase::Active(active) = &mut self.phase else { return };
        if !(waiting || endgame) || active.paused {
            return;
        }
        self.timers.set(Wake::Hedge, now + HEDGE_EVERY);
        // A peer that alone may send a piece and keeps some of it back has had its turn.
        let withheld: Vec<PieceIndex> = active
            .store
            .open_pieces()
            .filter_map(|(piece, open)| Some((piece, self.peers.get(&open.sole_source?)?)))
            .filter(|(piece, peer)| {
                let mut asked = peer.session.inflight.iter().filter(|request| request.block.piece == *piece);
                asked.any(|request| now.saturating_duration_since(request.sent_at) >= requester::STALLED_AFTER)
            })
            .map(|(piece, _)| piece)
            .collect();
        withheld.into_iter().for_each(|piece| active.store.share(piece));
        let urgent: BTreeSet<PieceIndex> = active.demand.urgent.iter().map(|demand| demand.piece).collect();
        let late: Vec<(PieceIndex, BlockIndex)> = active
            .store
            .open_pieces()
            .filter(|(piece, _)| endgame || urgent.contains(piece))
            .filter(|(_, open)| open.sole_source.is_none())
            .flat_map(|(piece, open)| {
                open.requested().filter(|(_, count)| *count == 1).map(move |(index, _)| (piece, index))
            })
            .collect();
        for (piece, index) in late {
            let Some(block) = active.store.layout().block(piece, index) else { continue };
            let holder = self.peers.iter().find_map(|(key, peer)| {
                peer.session.inflight.sent_at(block).map(|sent_at| (*key, sent_at, peer.candidate(now, *key)))
            });
            let Some((holder, sent_at, first)) = holder else { continue };
            let age = now.saturating_duration_since(sent_at);
            let second = self
                .peers
                .iter()
                .filter(|(key, peer)| **key != holder && !peer.is_stalled() && peer.session.has(piece))
                .map(|(key, peer)| peer.candidate(now, *key))
                .filter(|candidate| candidate.room > 0 && requester::is_worth_hedging(age, &first, candidate))
                .min_by_key(Candidate::eta);
            let Some(second) = second else { continue };
            if !active.hedges.take(block.len) {
                return;
            }
            if let Some(peer) = self.peers.get_mut(&second.peer) {
                active.ask(now, peer, block);
                self.talkative.insert(second.peer);
            }
        }
    }
}
