//! Which piece next, for one peer.
//!
//! Three sources, in this order: what readers need, nearest deadline first; what was begun and can be finished; and the
//! rest of the film. The rest goes rarest first while there is anybody to trade with, and in the film's own order, from
//! where it is read, while all peers have everything: then rarity says nothing, and what comes next is what will be watched
//! next. Does not know how fast peers are: see [`super::requester`]. Prose: docs/streaming.md.

use crate::bitfield::Bitfield;
use crate::limits::OPEN_PIECES_BYTES_MAX;
use crate::peer::PeerKey;
use crate::policy::rarity::Rarity;
use crate::reader::Demand;
use crate::store::{PieceState, Store};
use crate::units::PieceIndex;

/// Everything a pick looks at.
#[derive(Debug)]
pub struct View<'a> {
    /// What is here and what is open.
    pub store: &'a Store,
    /// What readers need, nearest first, from the first entry that is not fully asked for.
    pub demand: &'a [Demand],
    /// The rest, by availability.
    pub rarity: &'a Rarity,
    /// Whether the rest is fetched at all.
    pub fetch_rest: bool,
    /// `Some(piece)`: the rest goes in order from there; `None`: rarest first.
    pub in_order_from: Option<u32>,
    /// Pieces that are shared out block by block: a slow peer must not take a block of them just because it is free.
    pub shared_out: &'a [Demand],
}

impl View<'_> {
    fn is_shared_out(&self, piece: PieceIndex) -> bool {
        self.shared_out.iter().any(|demand| demand.piece == piece)
    }
}

/// The peer a pick is for.
#[derive(Clone, Copy, Debug)]
pub struct Picker<'a> {
    /// Which.
    pub peer: PeerKey,
    /// What it has.
    pub have: &'a Bitfield,
    /// It has everything.
    pub is_seed: bool,
}

/// Where a pick came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A reader has a deadline for it.
    Demand,
    /// It was begun.
    Begun,
    /// The rest of the film.
    Rest,
}

impl Picker<'_> {
    /// The next piece with a block to ask this peer for.
    pub fn pick(&self, view: &View<'_>) -> Option<(PieceIndex, Source)> {
        self.demanded(view)
            .map(|piece| (piece, Source::Demand))
            .or_else(|| self.begun(view).map(|piece| (piece, Source::Begun)))
            .or_else(|| self.rest(view).map(|piece| (piece, Source::Rest)))
    }

    /// Whether a block of the piece may be asked of this peer.
    pub fn may_ask(&self, store: &Store, piece: PieceIndex) -> bool {
        self.have.get(piece.get())
            && match store.state(piece) {
                PieceState::Missing => store.disk_has_room(),
                PieceState::Partial(open) => {
                    open.has_unrequested() && open.sole_source.is_none_or(|source| source == self.peer)
                }
                PieceState::Hashing | PieceState::Have | PieceState::Leaving => false,
            }
    }

    fn demanded(&self, view: &View<'_>) -> Option<PieceIndex> {
        let opens_another = |piece| matches!(view.store.state(piece), PieceState::Missing);
        let has_room = has_room(view.store);
        let mut demanded = view.demand.iter().map(|demand| demand.piece);
        demanded.find(|piece| self.may_ask(view.store, *piece) && (has_room || !opens_another(*piece)))
    }

    fn begun(&self, view: &View<'_>) -> Option<PieceIndex> {
        let mut open = view.store.open_pieces().filter(|(_, open)| open.has_unrequested()).map(|(piece, _)| piece);
        open.find(|piece| self.may_ask(view.store, *piece) && !view.is_shared_out(*piece))
    }

    fn rest(&self, view: &View<'_>) -> Option<PieceIndex> {
        if !view.fetch_rest || !has_room(view.store) {
            return None;
        }
        let picked = match view.in_order_from {
            Some(from) => view.rarity.pick_in_order(self.have, from),
            None => view.rarity.pick(self.have, self.is_seed),
        };
        picked.and_then(|piece| view.store.layout().piece(piece)).filter(|piece| !view.is_shared_out(*piece))
    }
}

/// A piece takes memory from its first block until it is written. One may always be open, however long. Pieces that were
/// begun and that nobody sends any more do not stand in the way, up to a bound of their own.
fn has_room(store: &Store) -> bool {
    let (piece_len, moving) = (u64::from(store.layout().piece_len_max()), store.moving_bytes());
    (moving == 0 || moving + piece_len <= OPEN_PIECES_BYTES_MAX) && store.memory_has_room()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::layout::TorrentLayout;
    use crate::reader::Slack;
    use crate::rng::Rng;
    use crate::units::BlockIndex;

    /// A situation drawn in characters, one a piece.
    struct Situation {
        store: Store,
        rarity: Rarity,
        demand: Vec<Demand>,
        peer: Bitfield,
    }

    /// `have`: `.` missing, `o` open with blocks left, `r` all its blocks asked for, `X` here. `avail`: partial peers that
    /// have it. `want`: digits are the order of deadlines, `.` none. `peer`: `x` it has.
    fn situation(have: &str, avail: &str, want: &str, peer: &str) -> Situation {
        let count = u32::try_from(have.len()).unwrap();
        let layout = Arc::new(TorrentLayout::new(32_768, &[u64::from(count) * 32_768]).unwrap());
        let (mut here, mut peer_have) = (Bitfield::new_empty(count), Bitfield::new_empty(count));
        let mut rarity = Rarity::new(count);
        let marks = (0u32..).zip(have.chars()).zip(avail.chars()).zip(want.chars()).zip(peer.chars());
        let mut demand = Vec::new();
        let mut open = Vec::new();
        for ((((index, have), avail), want), peer) in marks {
            for _ in 0..avail.to_digit(10).unwrap() {
                rarity.have_added(index);
            }
            let piece = layout.piece(index).unwrap();
            match have {
                'X' => {
                    here.set(index);
                }
                '.' => rarity.extend(std::iter::once(index), &mut Rng::new(1)),
                mark => open.push((piece, if mark == 'r' { 2 } else { 1 })),
            }
            if let Some(order) = want.to_digit(10) {
                demand.push(Demand { slack: Slack(i64::from(order)), piece, urgent: false });
            }
            if peer == 'x' {
                peer_have.set(index);
            }
        }
        demand.sort_by_key(|demand| demand.slack);
        let mut store = Store::new(layout.clone(), here);
        for (piece, blocks) in open {
            for index in 0..blocks {
                store.request(layout.block(piece, BlockIndex::new(index)).unwrap());
            }
        }
        Situation { store, rarity, demand, peer: peer_have }
    }

    impl Situation {
        fn pick(&self, in_order_from: Option<u32>) -> Option<(u32, Source)> {
            let view = View {
                store: &self.store,
                demand: &self.demand,
                rarity: &self.rarity,
                fetch_rest: true,
                in_order_from,
                shared_out: &[],
            };
            let picker = Picker { peer: PeerKey(1), have: &self.peer, is_seed: self.peer.is_full() };
            picker.pick(&view).map(|(piece, source)| (piece.get(), source))
        }
    }

    #[test]
    fn deadlines_come_before_everything() {
        let drawn = situation("..o.X...", "11111111", ".2..011.", "xxxxxxxx");
        assert_eq!(drawn.pick(None), Some((5, Source::Demand)));
        // The peer lacks the two nearest, so it works on the third.
        let drawn = situation("..o.X...", "11111111", ".2..011.", "xxxx...x");
        assert_eq!(drawn.pick(None), Some((1, Source::Demand)));
    }

    #[test]
    fn what_was_begun_is_finished() {
        let drawn = situation(".r.o.", "00000", ".....", "xxxxx");
        assert_eq!(drawn.pick(None), Some((3, Source::Begun)));
        let drawn = situation(".r.o.", "21212", ".....", "xx..x");
        assert!(matches!(drawn.pick(None), Some((0 | 4, Source::Rest))));
    }

    #[test]
    fn the_rest_is_rarest_first_or_in_order() {
        let drawn = situation("....X.", "321111", "......", "xxx.xx");
        assert!(matches!(drawn.pick(None), Some((2 | 5, Source::Rest))));
        assert_eq!(drawn.pick(Some(1)), Some((1, Source::Rest)));
        assert_eq!(drawn.pick(Some(3)), Some((5, Source::Rest)));
    }

    #[test]
    fn nothing_to_ask_for_is_said() {
        let drawn = situation("Xr.", "111", "01.", "xx.");
        assert_eq!(drawn.pick(None), None);
    }

    #[test]
    fn a_piece_under_suspicion_is_for_one_peer_alone() {
        let mut drawn = situation("o", "1", "0", "x");
        let piece = drawn.store.layout().piece(0).unwrap();
        drawn.store.set_sole_source(piece, PeerKey(2));
        assert_eq!(drawn.pick(None), None);
        drawn.store.set_sole_source(piece, PeerKey(1));
        assert_eq!(drawn.pick(None), Some((0, Source::Demand)));
    }
}
