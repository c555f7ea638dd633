//! Virtual time: [`Instant`]s that move only when an event is due.
//!
//! The standard library has no `Instant` but that of the machine, so a run starts from one base that its caller took.
//! Nothing depends on which: reports and traces say how long after the base something happened.

use std::time::{Duration, Instant};

/// What time it is in a simulated world. Only [`crate::events::EventQueue`] moves it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    now: Instant,
}

impl Clock {
    /// A clock that stands at `base`.
    pub const fn new(base: Instant) -> Self {
        Self { base, now: base }
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Time since the start of the run.
    pub fn elapsed(&self) -> Duration {
        self.since_start(self.now)
    }

    /// How long after the start `instant` is; zero for one before it.
    pub fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    /// The instant so long after the start.
    pub fn at(&self, since_start: Duration) -> Instant {
        self.base + since_start
    }

    /// Moves on.
    ///
    /// # Panics
    /// When `to` is in the past.
    pub(crate) fn advance_to(&mut self, to: Instant) {
        assert!(to >= self.now, "time went back by {:?}", self.now - to);
        self.now = to;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The machine's time, once: where a test's run starts.
    pub(crate) fn base() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a base to count from; no test depends on which")]
        Instant::now()
    }

    #[test]
    fn time_is_what_events_say() {
        let mut clock = Clock::new(base());
        assert_eq!(clock.elapsed(), Duration::ZERO);
        clock.advance_to(clock.at(Duration::from_secs(3)));
        assert_eq!(clock.elapsed(), Duration::from_secs(3));
        assert_eq!(clock.since_start(clock.now() + Duration::from_secs(1)), Duration::from_secs(4));
    }

    #[test]
    #[should_panic(expected = "time went back")]
    fn time_does_not_go_back() {
        let mut clock = Clock::new(base());
        let past = clock.now();
        clock.advance_to(past + Duration::from_secs(1));
        clock.advance_to(past);
    }
}
