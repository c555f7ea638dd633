//! What makes bytes take time: a rate that everybody who passes shares, first come, first served.

use std::time::Instant;

use bittorrent_proto::units::BytesPerSec;

use crate::rate::time_for;

/// One rate. Exact over any number of bytes: the time of each is counted from the start of its busy period, so no
/// rounding adds up.
#[derive(Clone, Debug)]
pub struct Shaper {
    rate: BytesPerSec,
    busy_since: Instant,
    /// Bytes let through or promised since then.
    passed: u64,
    free_at: Instant,
}

impl Shaper {
    /// Lets `rate` through.
    ///
    /// # Panics
    /// At a rate of zero: a link that stands still is stalled, which says for how long.
    pub fn new(now: Instant, rate: BytesPerSec) -> Self {
        assert!(rate > BytesPerSec::ZERO, "a rate of zero; stall the link instead");
        Self { rate, busy_since: now, passed: 0, free_at: now }
    }

    /// Puts `bytes` behind all that came before; says when the last of them is through.
    pub fn pass(&mut self, now: Instant, bytes: u64) -> Instant {
        if now > self.free_at {
            self.busy_since = now;
            self.passed = 0;
        }
        self.passed += bytes;
        self.free_at = self.busy_since + time_for(self.rate, self.passed);
        self.free_at
    }

    /// Another rate from here on; what was promised stays.
    ///
    /// # Panics
    /// As [`Shaper::new`].
    pub fn set_rate(&mut self, now: Instant, rate: BytesPerSec) {
        *self = Self::new(now.max(self.free_at), rate);
    }

    /// The rate of now.
    pub const fn rate(&self) -> BytesPerSec {
        self.rate
    }
}

/// Names a shaper that several links share: a host's line to the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ShaperId(usize);

/// The shared shapers of a world. None is ever removed: a host brings two at most.
#[derive(Debug, Default)]
pub struct Shapers(Vec<Shaper>);

impl Shapers {
    /// Takes one in.
    pub fn add(&mut self, shaper: Shaper) -> ShaperId {
        self.0.push(shaper);
        ShaperId(self.0.len() - 1)
    }

    /// The shaper of that name.
    ///
    /// # Panics
    /// With a name of another world.
    pub fn shaper_mut(&mut self, id: ShaperId) -> &mut Shaper {
        &mut self.0[id.0]
    }

    /// Passes all of `path` at once; says when the slowest is done.
    pub fn pass(&mut self, path: &[ShaperId], now: Instant, bytes: u64) -> Instant {
        path.iter().fold(now, |done, &id| self.shaper_mut(id).pass(now, bytes).max(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::base;
    use std::time::Duration;

    #[test]
    fn many_small_pieces_take_as_long_as_one_large() {
        let start = base();
        // 7 bytes take 2.3 ns and a bit: rounding each would cost a thousand nanoseconds over these.
        let mut shaper = Shaper::new(start, BytesPerSec::new(3_000_000_000));
        let mut done = start;
        for _ in 0..3_000 {
            done = shaper.pass(done, 7);
        }
        assert_eq!(done, start + Duration::from_nanos(7_000));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let start = base();
        let mut shaper = Shaper::new(start, BytesPerSec::new(1000));
        let later = start + Duration::from_secs(60);
        assert_eq!(shaper.pass(later, 500), later + Duration::from_millis(500));
        assert_eq!(shaper.pass(later, 500), later + Duration::from_secs(1), "behind the first");
    }

    #[test]
    fn a_new_rate_holds_for_what_comes_next() {
        let start = base();
        let mut shaper = Shaper::new(start, BytesPerSec::new(1000));
        shaper.pass(start, 1000);
        shaper.set_rate(start, BytesPerSec::new(10));
        assert_eq!(shaper.pass(start, 10), start + Duration::from_secs(2));
        assert_eq!(shaper.rate(), BytesPerSec::new(10));
    }

    #[test]
    fn a_path_is_as_slow_as_its_slowest_part() {
        let start = base();
        let mut shapers = Shapers::default();
        let fast = shapers.add(Shaper::new(start, BytesPerSec::new(1000)));
        let slow = shapers.add(Shaper::new(start, BytesPerSec::new(10)));
        assert_eq!(shapers.pass(&[fast, slow], start, 10), start + Duration::from_secs(1));
        assert_eq!(shapers.pass(&[fast], start, 990), start + Duration::from_secs(1));
        assert_eq!(shapers.pass(&[], start, 990), start);
    }

    #[test]
    #[should_panic(expected = "a rate of zero")]
    fn no_rate_is_refused() {
        Shaper::new(base(), BytesPerSec::ZERO);
    }
}
