//! A machine's clock: ahead by something, and a little too fast or too slow.

use std::time::{Duration, Instant};

/// What a machine shows at a moment of the world's.
#[derive(Clone, Copy, Debug)]
pub(super) struct SkewedClock {
    pub(super) base: Instant,
    pub(super) ahead: Duration,
    /// Millionths too fast.
    pub(super) ppm: i32,
}

impl SkewedClock {
    pub(super) fn shown(&self, at: Instant) -> Instant {
        let passed = at.saturating_duration_since(self.base);
        let skew = passed * self.ppm.unsigned_abs() / 1_000_000;
        let shown = self.base + self.ahead + passed;
        if self.ppm < 0 { shown - skew } else { shown + skew }
    }

    /// The world's moment at which it shows that, to the microsecond, and not before: a timer that comes early comes again at once.
    pub(super) fn when(&self, shown: Instant) -> Instant {
        let passed = shown.saturating_duration_since(self.base + self.ahead);
        let skew = passed * self.ppm.unsigned_abs() / 1_000_000;
        let guess = self.base + if self.ppm < 0 { passed + skew } else { passed - skew };
        // The skew is of the time that passes here, and not of that over there.
        guess + shown.saturating_duration_since(self.shown(guess)) + Duration::from_micros(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same_moment() {
        let base = crate::clock::tests::base();
        for ppm in [-100, 0, 100] {
            let clock = SkewedClock { base, ahead: Duration::from_secs(5), ppm };
            let at = base + Duration::from_secs(300);
            let back = clock.when(clock.shown(at));
            assert!(back >= at && back - at < Duration::from_micros(50), "{ppm}: {:?}", back - at);
        }
    }
}
