//! Which pieces (or blocks) somebody has: one bit each, searched a machine word at a time.
//!
//! The order of the wire (BEP 3, "bitfield": the high bit of byte 0 is piece 0) exists only in
//! [`Bitfield::from_wire`] and [`Bitfield::to_wire`].

use std::fmt;
use std::ops::Range;

use crate::error::PeerMisbehaved;

/// A fixed number of bits, with the number of ones at hand.
///
/// Invariant: bit `i` is bit `i % 64` of word `i / 64`, counted from the lowest; bits at and after `len` are zero;
/// `ones` is how many are set.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitfield {
    words: Vec<u64>,
    len: u32,
    ones: u32,
}

impl Bitfield {
    /// `len` bits, none set.
    pub fn new_empty(len: u32) -> Self {
        Self { words: vec![0; len.div_ceil(WORD_BITS) as usize], len, ones: 0 }
    }

    /// `len` bits, all set.
    pub fn new_full(len: u32) -> Self {
        let mut words = vec![u64::MAX; len.div_ceil(WORD_BITS) as usize];
        if let Some(last) = words.last_mut() {
            *last = last_word_mask(len);
        }
        Self { words, len, ones: len }
    }

    /// What a bitfield message carries, for a torrent of `len` pieces.
    ///
    /// # Errors
    /// BEP 3, "bitfield": exactly ⌈len / 8⌉ bytes, or [`PeerMisbehaved::BitfieldLength`]; spare bits zero, or
    /// [`PeerMisbehaved::BitfieldSpareBits`].
    pub fn from_wire(bytes: &[u8], len: u32) -> Result<Self, PeerMisbehaved> {
        let expected = len.div_ceil(8);
        if bytes.len() != expected as usize {
            let got = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            return Err(PeerMisbehaved::BitfieldLength { expected, got });
        }
        let words: Vec<u64> = bytes.chunks(8).map(word_from_wire).collect();
        let spare = words.last().is_some_and(|last| last & !last_word_mask(len) != 0);
        if spare {
            return Err(PeerMisbehaved::BitfieldSpareBits);
        }
        // At most `len` bits are set, so the sum fits.
        let ones = words.iter().map(|word| word.count_ones()).sum();
        Ok(Self { words, len, ones })
    }

    /// ⌈len / 8⌉ bytes as a bitfield message carries them, spare bits zero.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.reverse_bits().to_be_bytes()).collect();
        bytes.truncate(self.len.div_ceil(8) as usize);
        bytes
    }

    /// How many bits there are, set or not.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the bit is set; bits that do not exist are not.
    pub fn get(&self, index: u32) -> bool {
        self.words.get(place(index).0).is_some_and(|word| word & place(index).1 != 0)
    }

    /// Sets the bit. True when that changed it; a bit that does not exist stays as it is.
    pub fn set(&mut self, index: u32) -> bool {
        if index >= self.len || self.get(index) {
            return false;
        }
        let (word, bit) = place(index);
        self.words[word] |= bit;
        self.ones += 1;
        true
    }

    /// Clears the bit. True when that changed it.
    pub fn clear(&mut self, index: u32) -> bool {
        if !self.get(index) {
            return false;
        }
        let (word, bit) = place(index);
        self.words[word] &= !bit;
        self.ones -= 1;
        true
    }

    /// How many bits are set; counted as they change.
    pub const fn count_ones(&self) -> u32 {
        self.ones
    }

    /// Whether every bit is set.
    pub const fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// Whether no bit is set.
    pub const fn is_empty(&self) -> bool {
        self.ones == 0
    }

    /// The first bit at or after `from` that is set.
    pub fn next_one(&self, from: u32) -> Option<u32> {
        self.find(from, |_, word| word)
    }

    /// The first bit at or after `from` that is not set.
    pub fn next_zero(&self, from: u32) -> Option<u32> {
        self.find(from, |_, word| !word)
    }

    /// The first bit at or after `from` that is set here and not in `other`: what a peer has and we lack. Bits that
    /// `other` is too short for count as not set there.
    pub fn next_not_in(&self, from: u32, other: &Self) -> Option<u32> {
        self.find(from, |at, word| word & !other.words.get(at).copied().unwrap_or(0))
    }

    /// Every set bit, in order.
    pub fn iter_ones(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.next_one(0), |&last| self.next_one(last + 1))
    }

    /// The set bits as ranges that neither touch nor overlap, in order.
    pub fn runs(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        std::iter::successors(self.run_from(0), |last| self.run_from(last.end))
    }

    fn run_from(&self, from: u32) -> Option<Range<u32>> {
        let start = self.next_one(from)?;
        Some(start..self.next_zero(start).unwrap_or(self.len))
    }

    /// The first bit at or after `from` that is one after each word went through `change(place, word)`.
    fn find(&self, from: u32, change: impl Fn(usize, u64) -> u64) -> Option<u32> {
        if from >= self.len {
            return None;
        }
        let (first, bit) = place(from);
        let mut at = first;
        // Bits before `from` in its own word do not count.
        let mut word = change(at, *self.words.get(at)?) & !(bit - 1);
        while word == 0 {
            at += 1;
            word = change(at, *self.words.get(at)?);
        }
        // There are at most 2^26 words, since `len` is a u32. Inverted spare bits may be found: they are not bits.
        let index = u32::try_from(at).ok()?.checked_mul(WORD_BITS)?.checked_add(word.trailing_zeros())?;
        (index < self.len).then_some(index)
    }
}

impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: ", self.ones, self.len)?;
        f.debug_list().entries(self.runs().take(RUNS_SHOWN)).finish()
    }
}

const WORD_BITS: u32 = u64::BITS;

/// Runs that a debug line shows; a bitfield has up to a million.
const RUNS_SHOWN: usize = 16;

const fn place(index: u32) -> (usize, u64) {
    ((index / WORD_BITS) as usize, 1 << (index % WORD_BITS))
}

/// The bits of the last word that exist when there are `len` bits; all of them when the word is full.
const fn last_word_mask(len: u32) -> u64 {
    match len % WORD_BITS {
        0 => u64::MAX,
        used => (1 << used) - 1,
    }
}

/// At most eight bytes of the wire, missing ones as zeros.
fn word_from_wire(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..chunk.len()].copy_from_slice(chunk);
    u64::from_be_bytes(bytes).reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bits: &[bool]) -> Bitfield {
        let mut field = Bitfield::new_empty(u32::try_from(bits.len()).unwrap());
        for (index, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            field.set(u32::try_from(index).unwrap());
        }
        field
    }

    #[test]
    fn the_high_bit_of_byte_0_is_piece_0() {
        let field = Bitfield::from_wire(&[0b1000_0001, 0b0100_0000], 10).unwrap();
        assert_eq!(field.iter_ones().collect::<Vec<_>>(), [0, 7, 9]);
        assert_eq!(field.to_wire(), [0b1000_0001, 0b0100_0000]);
        assert_eq!(format!("{field:?}"), "3 of 10: [0..1, 7..8, 9..10]");
    }

    #[test]
    fn wrong_lengths_and_spare_bits_are_refused() {
        let wrong = |got| Err(PeerMisbehaved::BitfieldLength { expected: 2, got });
        assert_eq!(Bitfield::from_wire(&[0xff], 9), wrong(1));
        assert_eq!(Bitfield::from_wire(&[], 9), wrong(0));
        assert_eq!(Bitfield::from_wire(&[0xff, 0x80, 0], 9), wrong(3));
        assert_eq!(Bitfield::from_wire(&[0, 0x40], 9), Err(PeerMisbehaved::BitfieldSpareBits));
        assert_eq!(Bitfield::from_wire(&[0, 0x01], 9), Err(PeerMisbehaved::BitfieldSpareBits));
        assert_eq!(Bitfield::from_wire(&[0xff, 0x80], 9), Ok(Bitfield::new_full(9)));
        assert!(Bitfield::from_wire(&[0xff; 8], 64).unwrap().is_full());
    }

    #[test]
    fn bits_that_do_not_exist_stay_unset() {
        let mut field = Bitfield::new_full(70);
        assert!(!field.get(70));
        assert!(!field.set(70));
        assert!(!field.clear(u32::MAX));
        assert!(!field.get(u32::MAX));
        assert_eq!(field.count_ones(), 70);
        assert_eq!(field.next_one(70), None);
        assert_eq!(field.next_zero(0), None);
        assert_eq!(field.next_zero(u32::MAX), None);
    }

    #[test]
    fn a_field_of_no_bits_is_full_and_empty() {
        let field = Bitfield::new_full(0);
        assert!(field.is_full());
        assert!(field.is_empty());
        assert_eq!(Bitfield::from_wire(&[], 0), Ok(field.clone()));
        assert_eq!(field.to_wire(), [0_u8; 0]);
        assert_eq!(field.next_one(0), None);
        assert_eq!(field.runs().next(), None);
    }

    #[test]
    fn a_shorter_other_counts_as_unset() {
        assert_eq!(Bitfield::new_full(200).next_not_in(0, &Bitfield::new_full(65)), Some(65));
        assert_eq!(Bitfield::new_full(65).next_not_in(0, &Bitfield::new_full(200)), None);
    }

    proptest! {
        #[test]
        fn it_is_a_vec_of_bools(
            mut model in proptest::collection::vec(any::<bool>(), 0..300),
            changes in proptest::collection::vec((0u32..310, any::<bool>()), 0..200),
        ) {
            let mut field = of(&model);
            for (index, value) in changes {
                let old = model.get_mut(index as usize);
                let expected = old.as_ref().is_some_and(|old| **old != value);
                let changed = if value { field.set(index) } else { field.clear(index) };
                prop_assert_eq!(changed, expected);
                if let Some(old) = old {
                    *old = value;
                }
            }
            prop_assert_eq!(field.len() as usize, model.len());
            prop_assert_eq!(field.count_ones() as usize, model.iter().filter(|bit| **bit).count());
            prop_assert_eq!(field.is_full(), model.iter().all(|bit| *bit));
            prop_assert_eq!(field.is_empty(), !model.contains(&true));
            for index in 0..310 {
                prop_assert_eq!(field.get(index), model.get(index as usize).copied().unwrap_or(false));
            }
            let ones: Vec<u32> = (0..field.len()).filter(|index| model[*index as usize]).collect();
            prop_assert_eq!(field.iter_ones().collect::<Vec<_>>(), ones);
            prop_assert_eq!(Bitfield::from_wire(&field.to_wire(), field.len()), Ok(field));
        }

        #[test]
        fn searches_find_what_a_walk_finds(
            bits in proptest::collection::vec((any::<bool>(), any::<bool>()), 0..300),
            sparse in any::<bool>(),
            from in 0u32..320,
        ) {
            // Sparse fields cross words without a hit.
            let bits: Vec<_> =
                bits.iter().enumerate().map(|(at, &(a, b))| (a && (!sparse || at % 97 == 3), b)).collect();
            let here: Vec<bool> = bits.iter().map(|both| both.0).collect();
            let there: Vec<bool> = bits.iter().map(|both| both.1).collect();
            let (field, other) = (of(&here), of(&there));
            let walk = |hit: &dyn Fn(usize) -> bool| (from..field.len()).find(|index| hit(*index as usize));
            prop_assert_eq!(field.next_one(from), walk(&|at| here[at]));
            prop_assert_eq!(field.next_zero(from), walk(&|at| !here[at]));
            prop_assert_eq!(field.next_not_in(from, &other), walk(&|at| here[at] && !there[at]));
        }

        #[test]
        fn runs_are_merged_and_complete(bits in proptest::collection::vec(any::<bool>(), 0..300)) {
            let field = of(&bits);
            let runs: Vec<_> = field.runs().collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!(runs.iter().all(|run| !run.is_empty()));
            prop_assert_eq!(runs.into_iter().flatten().collect::<Vec<_>>(), field.iter_ones().collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40), len in 0u32..300) {
            if let Ok(field) = Bitfield::from_wire(&bytes, len) {
                prop_assert_eq!(field.to_wire(), bytes);
            }
        }
    }
}
