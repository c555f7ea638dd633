//! What readers need: kept as a list, told to peers as cancels when somebody seeks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::slow::HEDGE_EVERY;
use super::{Active, DemandList, Phase, ReaderChange, Torrent, Wake};
use crate::peer::PeerKey;
use crate::policy::eviction;
use crate::reader::{Demand, Movement, ReaderId, Readers, Slack};
use crate::store::{PieceState, Store};
use crate::units::PieceIndex;

/// The list of demands is made anew at least this often while anybody reads, as deadlines draw nearer by themselves.
const DEMAND_LISTED_EVERY: Duration = Duration::from_millis(500);

/// The slack of what has no deadline.
const NO_HURRY: Slack = Slack(i64::MAX);

/// What is needed later than this gives way when somebody seeks.
const KEPT_AT_SEEK: Slack = Slack(30_000_000);

impl DemandList {
    pub(super) fn refresh(
        &mut self,
        now: Instant,
        readers: &Readers,
        store: &Store,
        plan: Option<&eviction::Plan>,
        fetch_rest: bool,
    ) {
        let incomplete = |piece| match store.state(piece) {
            PieceState::Missing | PieceState::Partial(_) => true,
            PieceState::Hashing | PieceState::Have | PieceState::Leaving => false,
        };
        let mut all = readers.demand(now, store.layout(), incomplete);
        if let Some(plan) = plan {
            // On a bounded disk nothing is fetched that it would have to give up before it is read.
            all.retain(|demand| plan.kept.get(demand.piece.get()));
        }
        (self.urgent, self.soon) = all.into_iter().partition(|demand| demand.urgent);
        if let Some(plan) = plan.filter(|_| fetch_rest) {
            let listed: BTreeSet<PieceIndex> =
                self.urgent.iter().chain(&self.soon).map(|demand| demand.piece).collect();
            let rest = plan.ahead.iter().filter_map(|piece| store.layout().piece(*piece));
            let rest = rest.filter(|piece| incomplete(*piece) && !listed.contains(piece));
            self.soon.extend(rest.map(|piece| Demand { slack: NO_HURRY, piece, urgent: false }));
        }
        (self.urgent_done, self.soon_done) = (0, 0);
        self.listed_at = Some(now);
        self.stale = false;
    }

    pub(super) fn is_due(&self, now: Instant, readers: &Readers) -> bool {
        self.stale
            || (!readers.is_empty()
                && self.listed_at.is_none_or(|at| now.saturating_duration_since(at) >= DEMAND_LISTED_EVERY))
    }

    /// Passes over what is fully asked for at the front, so that looking for the next one does not start there each time.
    pub(super) fn advance(&mut self, store: &Store) {
        let skip = |list: &[Demand], from: usize| {
            list.iter().skip(from).take_while(|demand| !store.is_wanting(demand.piece)).count()
        };
        self.urgent_done += skip(&self.urgent, self.urgent_done);
        self.soon_done += skip(&self.soon, self.soon_done);
    }

    /// Something before the marks may be asked for again.
    pub(super) fn rewind(&mut self) {
        (self.urgent_done, self.soon_done) = (0, 0);
    }

    pub(super) fn needs(&self, piece: PieceIndex, within: Slack) -> bool {
        let in_list = |list: &[Demand]| list.iter().any(|demand| demand.piece == piece && demand.slack <= within);
        in_list(&self.urgent) || in_list(&self.soon)
    }
}

impl Active {
    /// Lists what readers need anew, and what the disk has room for, if that is bounded.
    pub(super) fn refresh_demand(&mut self, now: Instant, readers: &Readers) {
        let made = self.store.pieces_max().map(|pieces_max| {
            let layout = self.store.layout();
            let at = readers.positions(now).into_iter().filter_map(|position| layout.piece_at(position));
            let mut at: Vec<u32> = at.map(PieceIndex::get).collect();
            if at.is_empty() {
                // Players close one stream and open the next: until then the last place counts, and at first the beginning.
                let last = readers.lead_position().and_then(|position| layout.piece_at(position)).map(PieceIndex::get);
                at = match (&self.plan, last) {
                    (_, Some(last)) => vec![last],
                    (Some((before, _)), None) => before.clone(),
                    (None, None) => self.wanted.next_one(0).into_iter().collect(),
                };
            }
            let plan = eviction::plan(&at, &self.wanted, pieces_max);
            (at, plan)
        });
        self.plan = made;
        let plan = self.plan.as_ref().map(|(_, plan)| plan);
        self.demand.refresh(now, readers, &self.store, plan, self.fetch_rest);
    }
}

impl Torrent {
    pub(super) fn on_reader(&mut self, now: Instant, id: ReaderId, change: ReaderChange) {
        let seek = match change {
            ReaderChange::Opened { file, position } => {
                self.readers.open(now, id, file, position);
                // The film may be here, and this another file.
                self.timers.set_if_idle(Wake::Dial, now);
                true
            }
            ReaderChange::Moved { position, waiting } => {
                self.readers.moved(now, id, position, waiting) == Movement::Jump
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
        self.update_interests();
        if self.readers.is_anyone_waiting() {
            self.timers.set_if_idle(Wake::Hedge, now + HEDGE_EVERY);
        }
        self.timers.set_or_cancel(Wake::Demand, self.readers.next_change(now));
    }

    /// Somebody needs bytes nobody was asked for: requests for what is far from every reader are taken back.
    fn give_way(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        active.refresh_demand(now, &self.readers);
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
        self.timers.set_if_idle(Wake::Hedge, now + HEDGE_EVERY);
    }
}
