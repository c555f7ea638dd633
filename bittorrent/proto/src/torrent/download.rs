//! Fetching: what to ask whom for, what becomes of what comes.
//!
//! Everything happens on events: a block that came, a reader that moved, a peer that unchoked. Timers are only for what
//! did not happen in time.

use std::time::{Duration, Instant};

use super::slow::HEDGE_EVERY;
use super::{Active, Begin, CloseReason, DemandList, Output, Peer, Phase, Torrent, Wake};
use crate::bitfield::Bitfield;
use crate::limits::CHOKES_REST;
use crate::peer::PeerKey;
use crate::policy::picker::{Picker, View};
use crate::policy::rarity::Rarity;
use crate::policy::requester::{self, HedgeBudget};
use crate::store::{PieceState, Store};
use crate::units::{BlockIndex, BlockInfo, PieceIndex};
use crate::wire::Message;

/// Pieces that a peer is told of one by one. With more here, a new connection and its bitfield are shorter.
const HAVES_AT_ONCE_MAX: usize = 10_000;

/// A peer that rejected a block is asked again after this long.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Torrent {
    pub(super) fn on_begin(&mut self, now: Instant, begin: Begin) {
        let Phase::Preparing(metainfo) = &self.phase else { return };
        let metainfo = metainfo.clone();
        let layout = std::sync::Arc::new(metainfo.layout.clone());
        let mut rarity = Rarity::new(layout.piece_count());
        let missing: Vec<u32> = begin.wanted.iter_ones().filter(|piece| !begin.have.get(*piece)).collect();
        rarity.extend(missing.iter().copied(), &mut self.rng);
        self.readers.set_hints(if begin.fetch_rest { begin.hints } else { Vec::new() });
        self.phase = Phase::Active(Box::new(Active {
            metainfo,
            ever: begin.have.clone(),
            plan: None,
            store: Store::new(layout, begin.have),
            rarity,
            wanted: begin.wanted,
            lacking: u32::try_from(missing.len()).unwrap_or(u32::MAX),
            fetch_rest: begin.fetch_rest,
            demand: DemandList { stale: true, ..DemandList::default() },
            hedges: HedgeBudget::default(),
            failures: std::collections::BTreeMap::new(),
            evidence: crate::blame::Evidence::default(),
            done_told: false,
            paused: begin.paused,
        }));
        let limit = self.disk_limit;
        if let Some(active) = self.active_mut() {
            active.bound_disk(limit);
            active.remember(&begin.ever);
        }
        // What is too much goes before anybody hears of it.
        self.make_room(now);
        let here: Vec<u32> = self.have().into_iter().flat_map(Bitfield::iter_ones).collect();
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for key in keys {
            // These peers were told "nothing" while the metadata was on its way.
            if here.len() > HAVES_AT_ONCE_MAX {
                self.close(key, CloseReason::Outdated);
                self.forget(now, key);
                continue;
            }
            self.count_availability(key);
            if let Some(peer) = self.peers.get_mut(&key) {
                here.iter().for_each(|piece| peer.session.send(Message::Have(*piece)));
                self.talkative.insert(key);
            }
            self.update_interest(key);
            self.hungry.insert(key);
        }
        self.check_done(now);
        self.dial(now);
    }

    /// Takes back a peer's requests for which `which` holds.
    pub(super) fn cancel_where(&mut self, key: PeerKey, which: impl Fn(BlockInfo) -> bool) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let blocks: Vec<BlockInfo> =
            peer.session.inflight.iter().map(|request| request.block).filter(|block| which(*block)).collect();
        for block in &blocks {
            peer.session.cancel(*block);
        }
        if !blocks.is_empty() {
            self.talkative.insert(key);
            self.hungry.insert(key);
            self.release(&blocks);
        }
    }

    /// These blocks are not coming from the peer they were asked of.
    pub(super) fn release(&mut self, blocks: &[BlockInfo]) {
        let Phase::Active(active) = &mut self.phase else { return };
        for block in blocks {
            active.store.unrequest(*block);
            active.make_pickable(block.piece);
        }
        if !blocks.is_empty() {
            active.demand.rewind();
            self.hungry.extend(self.peers.keys());
        }
    }

    pub(super) fn on_peer_choked(&mut self, now: Instant, key: PeerKey, lost: &[BlockInfo]) {
        // A peer that takes requests only to drop them keeps every block from arriving; it is left alone for a while.
        if let Some(peer) = self.peers.get_mut(&key).filter(|_| !lost.is_empty())
            && !peer.session.may_choke(now)
        {
            self.rest_from_asking(now, key, CHOKES_REST);
        }
        self.release(lost);
        // A piece that only it might be asked for must not wait for its mood.
        self.free_sole_sources(key);
        self.hungry.remove(&key);
    }

    pub(super) fn on_rejected(&mut self, now: Instant, key: PeerKey, block: BlockInfo) {
        self.release(&[block]);
        self.free_sole_sources(key);
        // Not at once of the same peer, which said no.
        self.rest_from_asking(now, key, RETRY_AFTER);
    }

    /// A peer is not asked for a while, or for longer when that was decided before.
    fn rest_from_asking(&mut self, now: Instant, key: PeerKey, rest: Duration) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.refused_until = peer.refused_until.max(Some(now + rest));
        self.set_retry_timer(now);
    }

    /// The rest of some peer is over.
    pub(super) fn on_retry(&mut self, now: Instant) {
        self.hungry.extend(self.peers.keys());
        self.set_retry_timer(now);
    }

    fn set_retry_timer(&mut self, now: Instant) {
        let rests = self.peers.values().filter_map(|peer| peer.refused_until).filter(|until| *until > now);
        self.timers.set_or_cancel(Wake::Retry, rests.min());
    }

    pub(super) fn free_sole_sources(&mut self, gone: PeerKey) {
        let Phase::Active(active) = &mut self.phase else { return };
        for piece in active.store.free_sole_source(gone) {
            active.make_pickable(piece);
        }
        active.demand.rewind();
        self.hungry.extend(self.peers.keys());
    }

    /// Asks for everything that can be asked for.
    pub(super) fn fill(&mut self, now: Instant) {
        self.make_room(now);
        let Phase::Active(active) = &mut self.phase else { return };
        // Peers were told that nothing is wanted; a piece that was begun for a reader that left stays as it is.
        let wants_nothing = active.lacking == 0 && self.readers.is_empty();
        if active.paused || self.hungry.is_empty() || wants_nothing || active.store.have().is_full() {
            self.hungry.clear();
            return;
        }
        if active.demand.is_due(now, &self.readers) {
            active.refresh_demand(now, &self.readers);
        }
        active.demand.advance(&active.store);
        self.fill_urgent(now);
        for key in std::mem::take(&mut self.hungry) {
            self.fill_peer(now, key);
        }
        if self.is_endgame() {
            self.timers.set_if_idle(Wake::Hedge, now + HEDGE_EVERY);
        }
        self.set_stall_timer();
    }

    /// All that is left was asked for: one slow peer must not hold up the end.
    pub(super) fn is_endgame(&self) -> bool {
        self.active().is_some_and(|active| active.fetch_rest && active.lacking > 0 && active.rarity.is_empty())
    }

    /// Shares the blocks of urgent pieces out, nearest deadline first, each to the peer that would deliver it first.
    fn fill_urgent(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        let urgent: Vec<PieceIndex> =
            active.demand.urgent.iter().skip(active.demand.urgent_done).map(|demand| demand.piece).collect();
        'pieces: for piece in urgent {
            let mut from = BlockIndex::new(0);
            while let Some(block) = active.store.next_unrequested(piece, from) {
                let owners = self.peers.iter().filter(|(key, peer)| {
                    let picker = peer.session.have().map(|have| Picker { peer: **key, have, is_seed: have.is_full() });
                    !peer.session.peer_choking && picker.is_some_and(|picker| picker.may_ask(&active.store, piece))
                });
                // A stalled peer is asked for what is urgent only when nobody else has it.
                let any_lively = owners.clone().any(|(_, peer)| !peer.is_stalled());
                let candidates = owners.filter(|(_, peer)| !(any_lively && peer.is_stalled()));
                let Some(key) = requester::choose(candidates.map(|(key, peer)| peer.candidate(now, *key))) else {
                    break;
                };
                let opens = matches!(active.store.state(piece), PieceState::Missing);
                while opens && !active.store.memory_has_room() {
                    let Some(victim) = active.least_needed(piece) else { continue 'pieces };
                    self.talkative.extend(active.let_go(victim, &mut self.peers));
                    self.outputs.push_back(Output::Forget(victim));
                }
                let Some(peer) = self.peers.get_mut(&key) else { break };
                active.ask(now, peer, block);
                self.talkative.insert(key);
                from = BlockIndex::new(block.index().get() + 1);
            }
        }
        active.demand.advance(&active.store);
    }

    /// Fills one peer's pipeline.
    fn fill_peer(&mut self, now: Instant, key: PeerKey) {
        let in_order_from = self.in_order_from();
        let any_lively = self.peers.values().any(|peer| !peer.is_stalled() && !peer.session.peer_choking);
        let Phase::Active(active) = &mut self.phase else { return };
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.is_stalled() && any_lively {
            return;
        }
        // What is urgent and only waits for its queue to shorten must not find other things put before it.
        let urgent = active.demand.urgent.iter().skip(active.demand.urgent_done);
        let is_needed = |have: &Bitfield| {
            let picker = Picker { peer: key, have, is_seed: have.is_full() };
            urgent.clone().any(|demand| picker.may_ask(&active.store, demand.piece))
        };
        if peer.session.have().is_some_and(is_needed) && peer.candidate(now, key).is_buried() {
            return;
        }
        let mut room = peer.room(now);
        while room > 0 {
            active.demand.advance(&active.store);
            let Some(have) = peer.session.have() else { return };
            let view = View {
                store: &active.store,
                demand: &active.demand.soon[active.demand.soon_done..],
                rarity: &active.rarity,
                // On a bounded disk the rest is in the list of demands, as far as there is room.
                fetch_rest: active.fetch_rest && active.store.pieces_max().is_none(),
                in_order_from,
                shared_out: &active.demand.urgent,
            };
            let picker = Picker { peer: key, have, is_seed: have.is_full() };
            let Some((piece, _)) = picker.pick(&view) else { return };
            active.rarity.remove(piece.get());
            let mut from = BlockIndex::new(0);
            while room > 0
                && let Some(block) = active.store.next_unrequested(piece, from)
            {
                active.ask(now, peer, block);
                room -= 1;
                from = BlockIndex::new(block.index().get() + 1);
            }
            self.talkative.insert(key);
        }
    }

    /// While every peer has everything the rest goes in the film's order, from where it is read.
    fn in_order_from(&self) -> Option<u32> {
        if self.peers.values().any(|peer| peer.counted) {
            return None;
        }
        let active = self.active()?;
        let read_at = self.readers.lead_position().and_then(|position| active.store.layout().piece_at(position));
        let read_at = read_at.map_or(0, PieceIndex::get);
        // What is urgent there is shared out, so the rest begins behind it.
        let urgent = active.demand.urgent.iter().map(|demand| demand.piece.get());
        let behind = urgent.filter(|piece| *piece >= read_at).max().map_or(read_at, |last| last + 1);
        Some(if behind < active.store.layout().piece_count() { behind } else { read_at })
    }
}

impl Active {
    pub(super) fn ask(&mut self, now: Instant, peer: &mut Peer, block: BlockInfo) {
        self.store.request(block);
        self.rarity.remove(block.piece.get());
        peer.session.request(now, block);
    }

    /// A piece nobody works on any more can be picked again, if it is wanted.
    pub(super) fn make_pickable(&mut self, piece: PieceIndex) {
        if self.wanted.get(piece.get()) && matches!(self.store.state(piece), PieceState::Missing) {
            self.rarity.insert(piece.get());
        }
    }
}
