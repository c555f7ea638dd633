//! Chance, drawn from the seed: one stream a part of the world, and the draws that plans are made of.
//!
//! Integers only: a logarithm may differ in its last bit from one machine to another, and a replay would with it.

use std::time::Duration;

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::BytesPerSec;

/// What a run is named by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed of that number.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number, as a replay takes it.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// A stream of its own for a part, whatever the other parts draw and however many there are.
    pub fn stream(self, part: Part) -> Rng {
        let tag = match part {
            Part::Plan => 0,
            Part::Links => 1,
            Part::Film => 2,
            Part::Crashes => 3,
            Part::Disk(host) => (1 << 32) | u64::from(host),
            Part::Host(host) => (2 << 32) | u64::from(host),
        };
        // Both are mixed first, as neighbouring seeds and neighbouring tags are the usual case.
        Rng::new(Rng::new(self.0).next_u64() ^ Rng::new(!tag).next_u64())
    }
}

/// Who draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The plan: peers, rates, faults.
    Plan,
    /// Jitter and chunk boundaries.
    Links,
    /// The film's bytes.
    Film,
    /// What crashes leave of what was being written.
    Crashes,
    /// The disk of the host of that number.
    Disk(u32),
    /// The protocol core of the host of that number.
    Host(u32),
}

/// A rate in `low..=high`, any doubling as likely as any other: peers differ by factors, not by amounts.
pub fn rate_log_uniform(rng: &mut Rng, low: BytesPerSec, high: BytesPerSec) -> BytesPerSec {
    let (low, high) = (low.get().max(1), high.get().max(1));
    let (start, end) = (log2_fixed(low), log2_fixed(high));
    let drawn = start + rng.below(end.saturating_sub(start) + 1);
    BytesPerSec::new(exp2_fixed(drawn).clamp(low, high.max(low)))
}

/// A duration in `low..=high`, evenly, to the nanosecond.
pub fn duration_between(rng: &mut Rng, low: Duration, high: Duration) -> Duration {
    low + jitter(rng, high.saturating_sub(low))
}

/// A duration in `0..=spread`, evenly. Draws nothing when there is no spread.
pub fn jitter(rng: &mut Rng, spread: Duration) -> Duration {
    if spread.is_zero() {
        return Duration::ZERO;
    }
    let nanos = u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX - 1);
    Duration::from_nanos(rng.below(nanos.saturating_add(1)))
}

/// A number in `low..=high`, evenly.
pub fn number_between(rng: &mut Rng, low: u64, high: u64) -> u64 {
    low + rng.below(high.saturating_sub(low).saturating_add(1))
}

/// Bits of the fraction in a fixed-point logarithm.
const FRACTION_BITS: u32 = 32;

/// The logarithm to base two, its fraction taken as straight between powers of two: off by 0.09 at most, and
/// exactly undone by [`exp2_fixed`] up to the bits it drops.
fn log2_fixed(value: u64) -> u64 {
    let whole = value.ilog2();
    let mantissa = u128::from(value - (1 << whole)) << FRACTION_BITS >> whole;
    (u64::from(whole) << FRACTION_BITS) + u64::try_from(mantissa).expect("a mantissa is below one: 32 bits")
}

fn exp2_fixed(log: u64) -> u64 {
    let whole = log >> FRACTION_BITS;
    let fraction = u128::from(log & ((1 << FRACTION_BITS) - 1));
    let value = (1u128 << whole) + ((fraction << whole) >> FRACTION_BITS);
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_stream_of_its_own() {
        let parts = [Part::Plan, Part::Links, Part::Film, Part::Disk(0), Part::Disk(1), Part::Host(0), Part::Host(1)];
        let mut firsts = Vec::new();
        for seed in 0..20 {
            for part in parts {
                firsts.push(Seed::new(seed).stream(part).next_u64());
            }
        }
        let drawn = firsts.len();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), drawn);
        assert_eq!(Seed::new(4).stream(Part::Host(9)).next_u64(), Seed::new(4).stream(Part::Host(9)).next_u64());
    }

    #[test]
    fn log_uniform_rates_give_every_doubling_its_share() {
        let mut rng = Rng::new(1);
        let (low, high) = (BytesPerSec::new(1 << 10), BytesPerSec::new(1 << 20));
        let mut per_doubling = [0u32; 10];
        for _ in 0..10_000 {
            let rate = rate_log_uniform(&mut rng, low, high);
            assert!(rate >= low && rate <= high);
            let doubling = usize::try_from(rate.get().ilog2() - 10).unwrap();
            per_doubling[doubling.min(9)] += 1;
        }
        // 1000 each; six standard deviations are 180.
        assert!(per_doubling.iter().all(|count| (820..1180).contains(count)), "{per_doubling:?}");
    }

    #[test]
    fn a_range_of_one_rate_or_a_wrong_one_gives_its_low_end() {
        let mut rng = Rng::new(1);
        let rate = BytesPerSec::new(1_000_003);
        assert_eq!(rate_log_uniform(&mut rng, rate, rate), rate);
        assert_eq!(rate_log_uniform(&mut rng, rate, BytesPerSec::new(5)), rate);
        assert_eq!(rate_log_uniform(&mut rng, BytesPerSec::ZERO, BytesPerSec::ZERO), BytesPerSec::new(1));
        let top = BytesPerSec::new(u64::MAX);
        assert!(rate_log_uniform(&mut rng, top, top) == top);
    }

    #[test]
    fn durations_reach_both_ends_and_nothing_beyond() {
        let mut rng = Rng::new(1);
        let (low, high) = (Duration::from_nanos(5), Duration::from_nanos(8));
        let drawn: std::collections::BTreeSet<_> =
            (0..200).map(|_| duration_between(&mut rng, low, high).as_nanos()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [5, 6, 7, 8]);
        assert_eq!(duration_between(&mut rng, high, low), high);
        let numbers: std::collections::BTreeSet<_> = (0..100).map(|_| number_between(&mut rng, 1, 3)).collect();
        assert_eq!(numbers.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn no_spread_draws_nothing() {
        let mut rng = Rng::new(1);
        assert_eq!(jitter(&mut rng, Duration::ZERO), Duration::ZERO);
        assert_eq!(rng.next_u64(), Rng::new(1).next_u64());
    }
}
