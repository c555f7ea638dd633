//! A film that needs no memory: every byte is a function of the seed and its place.

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::{ByteLen, ByteRange};

use crate::rng::{Part, Seed};

/// The bytes that everybody should end up with.
#[derive(Clone, Copy, Debug)]
pub struct Film {
    key: u64,
    len: ByteLen,
}

impl Film {
    /// The film of that seed.
    pub fn new(seed: Seed, len: ByteLen) -> Self {
        Self { key: seed.stream(Part::Film).next_u64(), len }
    }

    /// Its length.
    pub const fn len(&self) -> ByteLen {
        self.len
    }

    /// Whether it is no film at all.
    pub fn is_empty(&self) -> bool {
        self.len == ByteLen::ZERO
    }

    /// The bytes from `offset` on, as many as fit `bytes`; zeros past the end.
    pub fn fill(&self, offset: u64, bytes: &mut [u8]) {
        let mut at = offset;
        let mut rest = &mut *bytes;
        while !rest.is_empty() {
            let within = usize::try_from(at % 8).expect("below eight");
            let (word, after) = rest.split_at_mut(rest.len().min(8 - within));
            word.copy_from_slice(&self.word(at / 8)[within..within + word.len()]);
            at += word.len() as u64;
            rest = after;
        }
        let end = self.len.get().saturating_sub(offset);
        if let Ok(end) = usize::try_from(end)
            && let Some(beyond) = bytes.get_mut(end..)
        {
            beyond.fill(0);
        }
    }

    /// The bytes of a range, in a buffer of their own.
    pub fn bytes(&self, range: ByteRange) -> Vec<u8> {
        let mut bytes = vec![0; range.len().as_usize()];
        self.fill(range.start, &mut bytes);
        bytes
    }

    fn word(&self, index: u64) -> [u8; 8] {
        Rng::new(self.key ^ index.wrapping_mul(0xd134_2543_de82_ef95)).next_u64().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_is_the_part_of_the_whole() {
        let film = Film::new(Seed::new(3), ByteLen::new(1000));
        let whole = film.bytes(ByteRange::new(0, 1000));
        let mut rng = Rng::new(1);
        for _ in 0..500 {
            let start = rng.below(1001);
            let end = start + rng.below(1001 - start);
            let (from, to) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
            assert_eq!(film.bytes(ByteRange::new(start, end)), whole[from..to], "{start}..{end}");
        }
    }

    #[test]
    fn past_the_end_are_zeros() {
        let film = Film::new(Seed::new(3), ByteLen::new(10));
        assert!(!film.is_empty());
        let bytes = film.bytes(ByteRange::new(5, 40));
        assert!(bytes[..5].iter().any(|&byte| byte != 0));
        assert_eq!(bytes[5..], [0; 30]);
        assert_eq!(film.bytes(ByteRange::new(90, 95)), [0; 5]);
    }

    #[test]
    fn films_differ_and_do_not_repeat_a_piece() {
        let one = Film::new(Seed::new(1), ByteLen::new(1 << 20)).bytes(ByteRange::new(0, 1 << 16));
        let two = Film::new(Seed::new(2), ByteLen::new(1 << 20)).bytes(ByteRange::new(0, 1 << 16));
        assert_ne!(one, two);
        let mut words: Vec<&[u8]> = one.chunks(8).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 1 << 13);
    }
}
