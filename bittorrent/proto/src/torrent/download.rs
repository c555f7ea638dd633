//! Fetching: what to ask whom for, what becomes of what comes.
//!
//! Everything happens on events: a block that came, a reader that moved, a peer that unchoked. Timers are only for what
//! did not happen in time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Active, Begin, DemandList, DiskDone, DiskJob, Event, Output, Peer, Phase, ReaderChange, Torrent, Wake};
use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::peer::PeerKey;
use crate::policy::picker::{Picker, View};
use crate::policy::rarity::Rarity;
use crate::policy::requester::{self, Candidate, HedgeBudget};
use crate::reader::{Movement, ReaderId, Readers, Slack};
use crate::store::{PieceState, Store, Stored};
use crate::units::{BlockIndex, BlockInfo, PieceIndex};
use crate::wire::Message;

/// The list of demands is made anew at least this often while anybody reads, as deadlines draw nearer by themselves.
const DEMAND_LISTED_EVERY: Duration = Duration::from_millis(500);

/// What is needed later than this gives way when somebody seeks.
const KEPT_AT_SEEK: Slack = Slack(30_000_000);

/// A peer that rejected a block is asked again after this long.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How often late blocks are looked for while somebody waits.
const HEDGE_EVERY: Duration = Duration::from_millis(100);

impl DemandList {
    fn refresh(&mut self, now: Instant, readers: &Readers, store: &Store) {
        let incomplete = |piece| match store.state(piece) {
            PieceState::Missing | PieceState::Partial(_) => true,
            PieceState::Hashing | PieceState::Have => false,
        };
        let all = readers.demand(now, store.layout(), incomplete);
        (self.urgent, self.soon) = all.into_iter().partition(|demand| demand.urgent);
        (self.urgent_done, self.soon_done) = (0, 0);
        self.listed_at = Some(now);
        self.stale = false;
    }

    fn is_due(&self, now: Instant, readers: &Readers) -> bool {
        self.stale
            || (!readers.is_empty()
                && self.listed_at.is_none_or(|at| now.saturating_duration_since(at) >= DEMAND_LISTED_EVERY))
    }

    /// Passes over what is fully asked for at the front, so that looking for the next one does not start there each time.
    fn advance(&mut self, store: &Store) {
        let skip = |list: &[crate::reader::Demand], from: usize| {
            list.iter().skip(from).take_while(|demand| !store.is_wanting(demand.piece)).count()
        };
        self.urgent_done += skip(&self.urgent, self.urgent_done);
        self.soon_done += skip(&self.soon, self.soon_done);
    }

    /// Something before the marks may be asked for again.
    fn rewind(&mut self) {
        (self.urgent_done, self.soon_done) = (0, 0);
    }

    fn needs(&self, piece: PieceIndex, within: Slack) -> bool {
        let in_list =
            |list: &[crate::reader::Demand]| list.iter().any(|demand| demand.piece == piece && demand.slack <= within);
        in_list(&self.urgent) || in_list(&self.soon)
    }
}

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

    /// How many more requests it takes now.
    fn room(&self, now: Instant) -> usize {
        if self.session.peer_choking {
            return 0;
        }
        let depth = if self.is_stalled() { 1 } else { self.session.depth(now) };
        depth.saturating_sub(self.session.inflight.len())
    }
}

impl Torrent {
    pub(super) fn on_begin(&mut self, now: Instant, begin: Begin) {
        let Phase::Preparing(metainfo) = &self.phase else { return };
        let metainfo = metainfo.clone();
        let layout = std::sync::Arc::new(metainfo.layout.clone());
        let mut rarity = Rarity::new(layout.piece_count());
        let missing: Vec<u32> = begin.wanted.iter_ones().filter(|piece| !begin.have.get(*piece)).collect();
        rarity.extend(missing.iter().copied(), &mut self.rng);
        self.readers.set_hints(if begin.fetch_rest { begin.hints } else { Vec::new() });
        let here: Vec<u32> = begin.have.iter_ones().collect();
        self.phase = Phase::Active(Box::new(Active {
            metainfo,
            store: Store::new(layout, begin.have),
            rarity,
            wanted: begin.wanted,
            lacking: u32::try_from(missing.len()).unwrap_or(u32::MAX),
            fetch_rest: begin.fetch_rest,
            demand: DemandList { stale: true, ..DemandList::default() },
            hedges: HedgeBudget::default(),
            failures: std::collections::BTreeMap::new(),
            done_told: false,
            paused: false,
        }));
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for key in keys {
            self.count_availability(key);
            // These peers were told "nothing" while the metadata was on its way.
            if let Some(peer) = self.peers.get_mut(&key) {
                here.iter().for_each(|piece| peer.session.send(Message::Have(*piece)));
            }
            self.update_interest(key);
            self.hungry.insert(key);
        }
        self.check_done();
        self.dial(now);
    }

    pub(super) fn on_reader(&mut self, now: Instant, id: ReaderId, change: ReaderChange) {
        let seek = match change {
            ReaderChange::Opened { file, position } => {
                self.readers.open(now, id, file, position);
                true
            }
            ReaderChange::Moved { position, waiting } => {
                self.readers.moved(now, id, position, waiting) == Movement::Jump && waiting
            }
            ReaderChange::Closed => {
                self.readers.close(id);
                false
            }
        };
        self.demand_changed();
        if seek {
            self.give_way(now);
        }
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        keys.into_iter().for_each(|key| self.update_interest(key));
        if self.readers.is_anyone_waiting() {
            self.timers.set_if_idle(Wake::Hedge, now + HEDGE_EVERY);
        }
        self.timers.set_or_cancel(Wake::Demand, self.readers.next_change(now));
    }

    pub(super) fn on_pause(&mut self, now: Instant, paused: bool) {
        let Some(active) = self.active_mut() else { return };
        active.paused = paused;
        if paused {
            let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
            for key in keys {
                self.cancel_where(key, |_| true);
            }
        }
        self.hungry.extend(self.peers.keys());
        self.timers.set_if_idle(Wake::Dial, now);
    }

    /// Somebody needs bytes nobody was asked for: requests for what is far from every reader are taken back.
    fn give_way(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        active.demand.refresh(now, &self.readers, &active.store);
        active.demand.advance(&active.store);
        if active.demand.urgent_done == active.demand.urgent.len() {
            return;
        }
        let far: BTreeSet<PieceIndex> = active
            .store
            .open_pieces()
            .filter(|(piece, open)| !open.is_half_here() && !active.demand.needs(*piece, KEPT_AT_SEEK))
            .map(|(piece, _)| piece)
            .collect();
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        for key in keys {
            self.cancel_where(key, |block| far.contains(&block.piece));
        }
    }

    /// Takes back a peer's requests for which `which` holds.
    fn cancel_where(&mut self, key: PeerKey, which: impl Fn(BlockInfo) -> bool) {
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

    pub(super) fn on_lost(&mut self, key: PeerKey, lost: &[BlockInfo]) {
        self.release(lost);
        self.hungry.remove(&key);
    }

    pub(super) fn on_rejected(&mut self, now: Instant, key: PeerKey, block: BlockInfo) {
        self.release(&[block]);
        // Not at once of the same peer, which said no.
        self.hungry.remove(&key);
        self.timers.set_if_idle(Wake::Retry, now + RETRY_AFTER);
    }

    pub(super) fn free_sole_sources(&mut self, gone: PeerKey) {
        let Phase::Active(active) = &mut self.phase else { return };
        for piece in active.store.free_sole_source(gone) {
            active.make_pickable(piece);
        }
        active.demand.rewind();
    }

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

    pub(super) fn uncount_availability(&mut self, peer: &Peer) {
        if let (true, Phase::Active(active), Some(have)) = (peer.counted, &mut self.phase, peer.session.have()) {
            have.iter_ones().for_each(|piece| active.rarity.have_removed(piece));
        }
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

    pub(super) fn on_block(&mut self, now: Instant, key: PeerKey, block: BlockInfo, data: &[u8], requested: bool) {
        let Phase::Active(active) = &mut self.phase else { return };
        self.downloaded.record(now, block.len);
        active.hedges.received(block.len);
        let Some(peer) = self.peers.get_mut(&key) else { return };
        peer.stalled_until = None;
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
            DiskDone::Verified { piece, data } => self.on_verified(piece, data),
            DiskDone::Corrupt { piece, data } => self.on_corrupt(now, piece, data),
            DiskDone::WriteFailed { piece, data } => {
                let Some(active) = self.active_mut() else { return };
                active.store.failed(piece, data);
                active.make_pickable(piece);
                active.demand.stale = true;
            }
            DiskDone::Read { peer, run, data } => self.on_run_read(now, peer, &run, Some(&data)),
            DiskDone::ReadFailed { peer, run } => self.on_run_read(now, peer, &run, None),
        }
    }

    fn on_verified(&mut self, piece: PieceIndex, data: Vec<u8>) {
        let Some(active) = self.active_mut() else { return };
        if !active.store.verified(piece, data) {
            return;
        }
        active.failures.remove(&piece);
        if active.wanted.get(piece.get()) {
            active.lacking -= 1;
        }
        self.tell(Event::Verified(piece));
        self.tell_everyone(Message::Have(piece.get()));
        // Memory was freed: somebody may have waited for it.
        self.hungry.extend(self.peers.keys());
        self.check_done();
    }

    pub(super) fn check_done(&mut self) {
        let Some(active) = self.active_mut() else { return };
        if active.lacking > 0 || active.done_told {
            return;
        }
        active.done_told = true;
        self.tell(Event::Done);
        self.timers.cancel(Wake::NoPeers);
        let keys: Vec<PeerKey> = self.peers.keys().copied().collect();
        keys.into_iter().for_each(|key| self.update_interest(key));
    }

    /// A piece did not match. One sender: it lied. Several: the piece is fetched again from one of them alone, so that next
    /// time there is one to blame.
    fn on_corrupt(&mut self, now: Instant, piece: PieceIndex, data: Vec<u8>) {
        let Some(active) = self.active_mut() else { return };
        let senders = active.store.failed(piece, data);
        let times = active.failures.entry(piece).and_modify(|times| *times += 1).or_insert(1);
        let times = *times;
        active.make_pickable(piece);
        active.demand.stale = true;
        if let [liar] = senders[..] {
            self.punish(now, liar, PeerMisbehaved::CorruptPiece(piece));
        } else {
            let turn = self.rng.below(senders.len() as u64);
            let next = usize::try_from(turn).ok().and_then(|turn| senders.get(turn)).copied();
            if let (Some(active), Some(next)) = (self.active_mut(), next) {
                active.rarity.remove(piece.get());
                active.store.set_sole_source(piece, next);
            }
            // It may have left meanwhile.
            if let Some(next) = next.filter(|next| !self.peers.contains_key(next)) {
                self.free_sole_sources(next);
            }
        }
        self.hungry.extend(self.peers.keys());
        self.tell(Event::Failed { piece, times, banned: self.banned });
    }

    /// Asks for everything that can be asked for.
    pub(super) fn fill(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        if active.paused || self.hungry.is_empty() {
            self.hungry.clear();
            return;
        }
        if active.demand.is_due(now, &self.readers) {
            active.demand.refresh(now, &self.readers, &active.store);
        }
        active.demand.advance(&active.store);
        self.fill_urgent(now);
        for key in std::mem::take(&mut self.hungry) {
            self.fill_peer(now, key);
        }
        self.set_stall_timer();
    }

    /// Shares the blocks of urgent pieces out, nearest deadline first, each to the peer that would deliver it first.
    fn fill_urgent(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        let urgent: Vec<PieceIndex> =
            active.demand.urgent.iter().skip(active.demand.urgent_done).map(|demand| demand.piece).collect();
        for piece in urgent {
            let mut from = BlockIndex::new(0);
            while let Some(block) = active.store.next_unrequested(piece, from) {
                let owners = self.peers.iter().filter(|(key, peer)| {
                    let picker = peer.session.have().map(|have| Picker { peer: **key, have, is_seed: have.is_full() });
                    !peer.session.peer_choking && picker.is_some_and(|picker| picker.may_ask(&active.store, piece))
                });
                // A stalled peer is asked for what is urgent only when nobody else has it.
                let any_lively = owners.clone().any(|(_, peer)| !peer.is_stalled());
                let candidates = owners.filter(|(_, peer)| !(any_lively && peer.is_stalled()));
                let chosen = requester::choose(candidates.map(|(key, peer)| peer.candidate(now, *key)));
                let Some(peer) = chosen.and_then(|key| self.peers.get_mut(&key).map(|peer| (key, peer))) else { break };
                active.ask(now, peer.1, block);
                self.talkative.insert(peer.0);
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
        let mut room = peer.room(now);
        while room > 0 {
            active.demand.advance(&active.store);
            let Some(have) = peer.session.have() else { return };
            let view = View {
                store: &active.store,
                demand: &active.demand.soon[active.demand.soon_done..],
                rarity: &active.rarity,
                fetch_rest: active.fetch_rest,
                in_order_from,
                shared_out: &active.demand.urgent,
            };
            let picker = Picker { peer: key, have, is_seed: have.is_full() };
            let Some((piece, _)) = picker.pick(&view) else { return };
            active.rarity.remove(piece.get());
            let mut from = BlockIndex::new(0);
            while room > 0 && let Some(block) = active.store.next_unrequested(piece, from) {
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
        Some(read_at.map_or(0, PieceIndex::get))
    }

    fn set_stall_timer(&mut self) {
        let owes = |peer: &Peer| {
            let after = if peer.is_stalled() { requester::DROPPED_AFTER } else { requester::STALLED_AFTER };
            (!peer.session.inflight.is_empty()).then(|| peer.session.last_block + after)
        };
        let due = self.peers.values().flat_map(|peer| [owes(peer), peer.stalled_until]).flatten().min();
        self.timers.set_or_cancel(Wake::Stall, due);
    }

    /// Peers that owe blocks and send none lose them to others for a while, and in the end their connection.
    pub(super) fn on_stall(&mut self, now: Instant) {
        for peer in self.peers.values_mut().filter(|peer| peer.stalled_until.is_some_and(|until| until <= now)) {
            peer.stalled_until = None;
            peer.session.pipeline.restart(now);
        }
        let silent: Vec<(PeerKey, Duration)> = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.session.inflight.is_empty())
            .map(|(key, peer)| (*key, now.saturating_duration_since(peer.session.last_block)))
            .filter(|(_, silent)| *silent >= requester::STALLED_AFTER)
            .collect();
        for (key, silent) in silent {
            if silent >= requester::DROPPED_AFTER {
                self.punish(now, key, PeerMisbehaved::Silent);
            } else {
                self.on_peer_stalled(now, key);
            }
        }
        self.hungry.extend(self.peers.keys());
        self.set_stall_timer();
    }

    fn on_peer_stalled(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key).filter(|peer| !peer.is_stalled()) else { return };
        let rest = requester::STALL_REST_MIN.saturating_mul(1 << peer.stalls.min(8)).min(requester::STALL_REST_MAX);
        peer.stalled_until = Some(now + rest);
        peer.stalls += 1;
        let owed: Vec<PieceIndex> = peer.session.inflight.iter().map(|request| request.block.piece).collect();
        // Only what another could send is taken away; a slow peer that alone has something keeps it.
        let lively = |piece: PieceIndex| {
            self.peers.values().any(|peer| {
                !peer.is_stalled() && !peer.session.peer_choking && peer.session.has(piece)
            })
        };
        let replaceable: BTreeSet<PieceIndex> = owed.into_iter().filter(|piece| lively(*piece)).collect();
        self.cancel_where(key, |block| replaceable.contains(&block.piece));
        self.free_sole_sources(key);
    }

    /// Asks a second peer for blocks that are late, where somebody waits for them or they are the last ones.
    pub(super) fn on_hedge(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        let waiting = self.readers.is_anyone_waiting();
        if !waiting || active.paused {
            return;
        }
        self.timers.set(Wake::Hedge, now + HEDGE_EVERY);
        let late: Vec<(PieceIndex, BlockIndex)> = active
            .demand
            .urgent
            .iter()
            .filter_map(|demand| active.store.open_piece(demand.piece).map(|open| (demand.piece, open)))
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

impl Active {
    fn ask(&mut self, now: Instant, peer: &mut Peer, block: BlockInfo) {
        self.store.request(block);
        self.rarity.remove(block.piece.get());
        peer.session.request(now, block);
    }

    /// A piece nobody works on any more can be picked again, if it is wanted.
    fn make_pickable(&mut self, piece: PieceIndex) {
        if self.wanted.get(piece.get()) && matches!(self.store.state(piece), PieceState::Missing) {
            self.rarity.insert(piece.get());
        }
    }

}
