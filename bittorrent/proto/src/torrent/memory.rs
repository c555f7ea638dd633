//! A bounded memory for open pieces: what was begun for places that readers have left gives way to what they need now.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Active, Peer};
use crate::peer::PeerKey;
use crate::reader::Demand;
use crate::units::{BlockInfo, PieceIndex};

impl Active {
    /// The open piece that can best be spared for an urgent one: of which nothing is on its way, and that nobody needs or
    /// needs last. One that is on its way is spared only when it is not urgent itself.
    pub(super) fn least_needed(&self, urgent: PieceIndex) -> Option<PieceIndex> {
        let listed = self.demand.urgent.iter().chain(&self.demand.soon);
        let demands: BTreeMap<PieceIndex, &Demand> = listed.map(|demand| (demand.piece, demand)).collect();
        let deadline = demands.get(&urgent).map(|demand| demand.slack);
        let spared = self.store.open_pieces().filter_map(|(piece, open)| {
            let (demand, resting) = (demands.get(&piece), open.is_resting());
            let is_later = demand.is_none_or(|demand| Some(demand.slack) > deadline);
            let may_go = if resting { is_later } else { demand.is_none_or(|demand| !demand.urgent) };
            let slack = demand.map_or(i64::MAX, |demand| demand.slack.0);
            may_go.then_some((resting, slack, Reverse(piece)))
        });
        spared.max().map(|(_, _, piece)| piece.0)
    }

    /// Throws an open piece away and takes back what was asked of it. Returns whom something was taken back from.
    pub(super) fn let_go(&mut self, piece: PieceIndex, peers: &mut BTreeMap<PeerKey, Peer>) -> Vec<PeerKey> {
        let mut told = Vec::new();
        for (key, peer) in peers {
            let asked = peer.session.inflight.iter().map(|request| request.block);
            let asked: Vec<BlockInfo> = asked.filter(|block| block.piece == piece).collect();
            for block in &asked {
                peer.session.cancel(*block);
                self.store.unrequest(*block);
            }
            if !asked.is_empty() {
                told.push(*key);
            }
        }
        self.store.abandon(piece);
        self.make_pickable(piece);
        told
    }
}
