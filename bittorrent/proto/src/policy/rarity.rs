//! The pieces nobody works on yet, ordered by how few peers have them.
//!
//! Peers that have everything are only counted: they change no order. Every update is a handful of swaps, so a `have` costs
//! the same in a torrent of a hundred pieces and of two million.

use crate::bitfield::Bitfield;
use crate::rng::Rng;

/// Probes of one pick before it falls back to a search by words, so that a peer with little of ours stays cheap.
const PROBES_MAX: usize = 512;

/// Not in the order.
const ABSENT: u32 = u32::MAX;

/// Pickable pieces by availability, ties in random order.
///
/// Invariant: `order[position[p]] == p` for every pickable piece, and bucket `a` of `order` (pieces that `a` partial peers
/// have) is `starts[a]..starts[a + 1]`, the last one up to the end.
#[derive(Clone, Debug)]
pub struct Rarity {
    /// Peers that have the piece but not everything.
    availability: Vec<u16>,
    order: Vec<u32>,
    position: Vec<u32>,
    starts: Vec<usize>,
    pickable: Bitfield,
}

impl Rarity {
    /// Nothing is pickable and nobody has anything.
    pub fn new(piece_count: u32) -> Self {
        let count = piece_count as usize;
        Self {
            availability: vec![0; count],
            order: Vec::new(),
            position: vec![ABSENT; count],
            starts: vec![0],
            pickable: Bitfield::new_empty(piece_count),
        }
    }

    /// Makes pieces pickable, their order shuffled.
    pub fn extend(&mut self, pieces: impl Iterator<Item = u32>, rng: &mut Rng) {
        let mut pieces: Vec<u32> = pieces.collect();
        rng.shuffle(&mut pieces);
        for piece in pieces {
            self.insert(piece);
        }
    }

    /// How many pieces could be picked.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is left to pick.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Peers that have the piece but not everything.
    pub fn availability(&self, piece: u32) -> u16 {
        self.availability[piece as usize]
    }

    /// Makes a piece pickable.
    pub fn insert(&mut self, piece: u32) {
        if !self.pickable.set(piece) {
            return;
        }
        let bucket = usize::from(self.availability[piece as usize]);
        self.grow_to(bucket);
        // A hole is opened at the end of its bucket by moving the first piece of each later bucket to that bucket's end.
        let mut hole = self.order.len();
        self.order.push(piece);
        for later in (bucket + 1..self.starts.len()).rev() {
            let start = self.starts[later];
            if start < hole {
                self.put(hole, self.order[start]);
                hole = start;
            }
            self.starts[later] += 1;
        }
        self.put(hole, piece);
    }

    /// Makes a piece not pickable: somebody works on it, or it is here.
    pub fn remove(&mut self, piece: u32) {
        if !self.pickable.clear(piece) {
            return;
        }
        let bucket = usize::from(self.availability[piece as usize]);
        // The hole travels to the end: each bucket gives its last piece to the hole.
        let mut hole = self.position[piece as usize] as usize;
        for at in bucket..self.starts.len() {
            let last = self.end_of(at) - 1;
            if last != hole {
                self.put(hole, self.order[last]);
                hole = last;
            }
            if at > bucket {
                self.starts[at] -= 1;
            }
        }
        self.position[piece as usize] = ABSENT;
        self.order.pop();
    }

    /// One more partial peer has the piece.
    pub fn have_added(&mut self, piece: u32) {
        let bucket = usize::from(self.availability[piece as usize]);
        if bucket == usize::from(u16::MAX) {
            return;
        }
        self.availability[piece as usize] += 1;
        if !self.pickable.get(piece) {
            return;
        }
        self.grow_to(bucket + 1);
        // It becomes the first of the next bucket: swap with the last of its own.
        let last = self.starts[bucket + 1] - 1;
        self.swap(self.position[piece as usize] as usize, last);
        self.starts[bucket + 1] = last;
    }

    /// One partial peer less has the piece.
    pub fn have_removed(&mut self, piece: u32) {
        let bucket = usize::from(self.availability[piece as usize]);
        if bucket == 0 {
            return;
        }
        self.availability[piece as usize] -= 1;
        if !self.pickable.get(piece) {
            return;
        }
        // It becomes the last of the bucket before: swap with the first of its own.
        let first = self.starts[bucket];
        self.swap(self.position[piece as usize] as usize, first);
        self.starts[bucket] = first + 1;
    }

    /// The rarest pickable piece of a peer. `peer_is_seed`: the peer has everything and was not counted.
    pub fn pick(&self, peer_have: &Bitfield, peer_is_seed: bool) -> Option<u32> {
        // What no partial peer has, a partial peer does not have.
        let first = if peer_is_seed { 0 } else { self.starts.get(1).copied().unwrap_or(self.order.len()) };
        let found = self.order[first..].iter().take(PROBES_MAX).find(|piece| peer_have.get(**piece));
        match found {
            Some(piece) => Some(*piece),
            None if self.order.len() - first > PROBES_MAX => self.pick_in_order(peer_have, 0),
            None => None,
        }
    }

    /// The first pickable piece of a peer from `from` on, and from the start when there is none behind it.
    pub fn pick_in_order(&self, peer_have: &Bitfield, from: u32) -> Option<u32> {
        let next = |from: u32| {
            let mut at = self.pickable.next_one(from);
            while let Some(piece) = at {
                if peer_have.get(piece) {
                    return Some(piece);
                }
                // Skips whole stretches the peer does not have.
                at = peer_have.next_one(piece + 1).and_then(|had| self.pickable.next_one(had));
            }
            None
        };
        next(from).or_else(|| if from > 0 { next(0) } else { None })
    }

    fn end_of(&self, bucket: usize) -> usize {
        self.starts.get(bucket + 1).copied().unwrap_or(self.order.len())
    }

    fn grow_to(&mut self, bucket: usize) {
        while self.starts.len() <= bucket {
            self.starts.push(self.order.len());
        }
    }

    fn put(&mut self, at: usize, piece: u32) {
        self.order[at] = piece;
        // Positions are below the piece count, which is a u32.
        self.position[piece as usize] = u32::try_from(at).unwrap_or(ABSENT);
    }

    fn swap(&mut self, a: usize, b: usize) {
        let (piece_a, piece_b) = (self.order[a], self.order[b]);
        self.put(a, piece_b);
        self.put(b, piece_a);
    }

    #[cfg(test)]
    fn check(&self) {
        assert_eq!(self.order.len(), self.pickable.count_ones() as usize);
        for (at, piece) in self.order.iter().enumerate() {
            assert_eq!(self.position[*piece as usize] as usize, at);
            let bucket = usize::from(self.availability[*piece as usize]);
            assert!(
                self.starts[bucket] <= at && at < self.end_of(bucket),
                "piece {piece} at {at} in {bucket}: {:?}",
                self.starts
            );
        }
        assert!(self.starts.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, prop_assert_eq, prop_oneof, proptest};

    #[test]
    fn the_rarest_comes_first() {
        let mut rarity = Rarity::new(4);
        rarity.extend(0..4, &mut Rng::new(1));
        for (piece, peers) in [(0, 3), (1, 1), (2, 2), (3, 0)] {
            for _ in 0..peers {
                rarity.have_added(piece);
            }
        }
        let all = Bitfield::new_full(4);
        assert_eq!(rarity.pick(&all, true), Some(3), "only seeds have it");
        assert_eq!(rarity.pick(&all, false), Some(1));
        rarity.remove(1);
        assert_eq!(rarity.pick(&all, false), Some(2));
        rarity.insert(1);
        rarity.have_removed(1);
        assert_eq!(rarity.availability(1), 0);
        rarity.check();
    }

    #[test]
    fn in_order_wraps_around() {
        let mut rarity = Rarity::new(10);
        rarity.extend([1, 2, 8].into_iter(), &mut Rng::new(1));
        let all = Bitfield::new_full(10);
        assert_eq!(rarity.pick_in_order(&all, 3), Some(8));
        assert_eq!(rarity.pick_in_order(&all, 9), Some(1));
        let mut some = Bitfield::new_empty(10);
        some.set(2);
        assert_eq!(rarity.pick_in_order(&some, 0), Some(2));
        assert_eq!(rarity.pick_in_order(&some, 3), Some(2));
        some.clear(2);
        assert_eq!(rarity.pick_in_order(&some, 0), None);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u32),
        Remove(u32),
        Add(u32),
        Take(u32),
    }

    fn op() -> impl Strategy<Value = Op> {
        let piece = 0u32..24;
        prop_oneof![
            piece.clone().prop_map(Op::Insert),
            piece.clone().prop_map(Op::Remove),
            piece.clone().prop_map(Op::Add),
            piece.prop_map(Op::Take),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(ops in proptest::collection::vec(op(), 0..300)) {
            let mut rarity = Rarity::new(24);
            let mut model = [(false, 0u16); 24];
            for op in ops {
                match op {
                    Op::Insert(piece) => { rarity.insert(piece); model[piece as usize].0 = true; }
                    Op::Remove(piece) => { rarity.remove(piece); model[piece as usize].0 = false; }
                    Op::Add(piece) => { rarity.have_added(piece); model[piece as usize].1 += 1; }
                    Op::Take(piece) => {
                        rarity.have_removed(piece);
                        model[piece as usize].1 = model[piece as usize].1.saturating_sub(1);
                    }
                }
                rarity.check();
                let rarest = model.iter().filter(|(pickable, _)| *pickable).map(|(_, peers)| *peers).min();
                let picked = rarity.pick(&Bitfield::new_full(24), true).map(|piece| model[piece as usize].1);
                prop_assert_eq!(picked, rarest);
            }
        }
    }
}
