//! How long to wait before the next attempt.

use std::time::Duration;

use crate::limits::{BACK_OFF_MAX, BACK_OFF_MIN};

/// Pauses of 0.5 s to 15 s, each twice the one before, shortened by chance so that a restarted server is not asked by all at
/// once.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// The next pause: `chance`, any number, takes off up to a half, though never below the least.
    pub(crate) fn next(&mut self, chance: u32) -> Duration {
        let whole = BACK_OFF_MIN.saturating_mul(1 << self.failures.min(8)).min(BACK_OFF_MAX);
        self.failures = self.failures.saturating_add(1);
        let part = f64::from(chance) / f64::from(u32::MAX);
        whole.mul_f64(part.mul_add(-0.5, 1.0)).max(BACK_OFF_MIN)
    }

    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Attempts that failed since the last good connection.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_fifteen_seconds() {
        let mut back_off = BackOff::default();
        let pauses: Vec<u128> = (0..7).map(|_| back_off.next(0).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        back_off.reset();
        assert_eq!(back_off.next(0), BACK_OFF_MIN);
    }

    #[test]
    fn chance_takes_off_up_to_a_half() {
        let mut back_off = BackOff::default();
        assert_eq!(back_off.next(u32::MAX), BACK_OFF_MIN, "never below the least");
        assert_eq!(back_off.next(u32::MAX).as_millis(), 500);
        assert_eq!(back_off.next(u32::MAX).as_millis(), 1000);
        (0..100).for_each(|_| assert!(back_off.next(u32::MAX) >= BACK_OFF_MIN));
        assert_eq!(back_off.next(u32::MAX).as_millis(), 7500);
    }
}
