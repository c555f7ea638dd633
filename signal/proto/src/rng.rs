//! Randomness as an input: a generator that is secret as long as its seed is.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of a counter. A driver seeds it from the operating system, a test with anything.
///
/// Room codes and socket ids must not be guessed from others that one has seen, so a statistical generator would not do.
#[derive(Clone)]
pub struct Rng {
    seed: [u8; 32],
    counter: u64,
}

impl Rng {
    /// The stream of that seed.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// The next random bytes, 32 at most.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32, "one block is enough for everything we draw") };
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.seed).expect("HMAC takes a key of any length");
        mac.update(&self.counter.to_le_bytes());
        self.counter += 1;
        let block = mac.finalize().into_bytes();
        let mut bytes = [0; N];
        bytes.copy_from_slice(&block[..N]);
        bytes
    }

    /// A number in `0..bound`, evenly; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(u64::from_le_bytes(self.bytes())) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rng").field("drawn", &self.counter).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_stream_and_no_repetition() {
        let draw = |seed| {
            std::iter::repeat_with({
                let mut rng = Rng::new([seed; 32]);
                move || rng.bytes::<16>()
            })
            .take(50)
            .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut sorted = draw(1);
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 50);
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let (mut rng, mut seen) = (Rng::new([7; 32]), [false; 5]);
        for _ in 0..200 {
            seen[usize::try_from(rng.below(5)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(rng.below(0), 0);
        assert!(!format!("{rng:?}").contains('7'), "the seed is a secret");
    }
}
