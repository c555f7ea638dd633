//! The clock of a session: the machine's monotonic one, unless a test wants another.
//!
//! Participants on one machine share its clock, and then nothing is proved about clocks. `SHARESTREAM_CLOCK=OFFSET_MS,PPM` gives a
//! program a clock of its own: so much ahead, and so many millionths too fast.

use std::time::{Duration, Instant};

/// Gives the session's time. Copies show the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    ahead: Duration,
    ppm: i32,
}

/// No clock is worse than that: a thousandth.
const PPM_MAX: i32 = 1_000;

/// Why text is no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a clock is OFFSET_MS,PPM: milliseconds it is ahead, from 0, and millionths it is fast, from -{PPM_MAX} to {PPM_MAX}"
)]
pub struct NotAClock;

impl Clock {
    /// The machine's own.
    pub fn system() -> Self {
        Self { origin: Instant::now(), ahead: Duration::ZERO, ppm: 0 }
    }

    /// One that is ahead by that much and too fast by so many millionths.
    pub fn skewed(ahead: Duration, ppm: i32) -> Self {
        Self { origin: Instant::now(), ahead, ppm: ppm.clamp(-PPM_MAX, PPM_MAX) }
    }

    /// From `OFFSET_MS,PPM`.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(text: &str) -> Result<Self, NotAClock> {
        let (ahead, ppm) = text.split_once(',').ok_or(NotAClock)?;
        let ahead = ahead.trim().parse().map_err(|_| NotAClock)?;
        let ppm: i32 = ppm.trim().parse().map_err(|_| NotAClock)?;
        if ppm.abs() > PPM_MAX {
            return Err(NotAClock);
        }
        Ok(Self::skewed(Duration::from_millis(ahead), ppm))
    }

    /// What it shows now.
    pub fn now(&self) -> Instant {
        self.shown(Instant::now())
    }

    /// What it shows at a moment of the machine's.
    pub fn shown(&self, at: Instant) -> Instant {
        let passed = at.saturating_duration_since(self.origin);
        let skew = passed / 1_000_000 * self.ppm.unsigned_abs();
        let shown = self.origin + self.ahead + passed;
        if self.ppm < 0 { shown.checked_sub(skew).unwrap_or(shown) } else { shown + skew }
    }

    /// How long the machine waits until this clock shows that; nothing when it is past.
    pub fn until(&self, shown: Instant) -> Duration {
        let left = shown.saturating_duration_since(self.now());
        let skew = left / 1_000_000 * self.ppm.unsigned_abs();
        if self.ppm < 0 { left + skew } else { left.saturating_sub(skew) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_clock_is_ahead_and_drifts() {
        let clock = Clock::skewed(Duration::from_secs(3), 100);
        let shown = |seconds: u64| clock.shown(clock.origin + Duration::from_secs(seconds)) - clock.origin;
        assert_eq!(shown(0), Duration::from_secs(3));
        assert_eq!(shown(1000), Duration::from_millis(1_003_100));
        let slow = Clock::skewed(Duration::ZERO, -100);
        assert_eq!(slow.shown(slow.origin + Duration::from_secs(1000)) - slow.origin, Duration::from_millis(999_900));
    }

    #[test]
    fn text_becomes_a_clock_or_says_what_one_is() {
        let clock = Clock::parse("250, -80").expect("a clock");
        assert_eq!((clock.ahead, clock.ppm), (Duration::from_millis(250), -80));
        for bad in ["", "5", "a,1", "1,b", "-1,0", "1,1001", "1,-1001"] {
            assert_eq!(Clock::parse(bad).err(), Some(NotAClock), "{bad:?}");
        }
    }
}
