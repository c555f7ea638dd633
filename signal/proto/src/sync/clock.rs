//! The room's clock as a client knows it: the server's, by probes.
//!
//! A probe and its answer give an offset and the delay it was measured over; the offset of the least delay is the least wrong,
//! since what a packet waited in queues is all that can make it wrong.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::time::ServerTime;

/// So many answers are kept.
const KEPT: usize = 16;
/// The best is looked for among so many of the latest.
const WINDOW: usize = 8;
/// When so many in a row all took [`LONGER`] than the best, the path got longer.
const LONGER_RUN: usize = 4;
/// Three halves of the best delay.
const LONGER: (u32, u32) = (3, 2);

/// Probes on joining, and how far apart.
const FIRST_PROBES: u32 = 5;
const FIRST_EVERY: Duration = Duration::from_millis(200);
/// Probes later on.
const EVERY: Duration = Duration::from_secs(10);
/// Probes while drift is being corrected.
const EVERY_CORRECTING: Duration = Duration::from_secs(5);

/// Probes on their way; older ones are taken for lost.
const UNANSWERED_MAX: usize = 8;
/// An answer later than that says nothing.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// A client's view of the server's clock.
#[derive(Clone, Debug)]
pub struct RoomClock {
    /// Local milliseconds count from here.
    origin: Instant,
    next_probe: Instant,
    /// Probes left of those on joining.
    first_left: u32,
    correcting: bool,
    numbered: u64,
    unanswered: VecDeque<(u64, Instant)>,
    samples: VecDeque<Sample>,
}

/// A question for the server's time: `sync-check {t0, n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its number; the answer repeats it.
    pub n: u64,
    /// Local milliseconds, for whoever reads along.
    pub t0: i64,
}

/// The server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which probe.
    pub n: u64,
    /// When the server received it.
    pub t1: ServerTime,
    /// When the server answered.
    pub timestamp: ServerTime,
}

/// What one probe told, in microseconds: a difference of two clocks has no better type.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Server's clock minus local.
    offset: i64,
    delay: i64,
}

impl RoomClock {
    /// A client that joins now: it probes at once.
    pub const fn new(now: Instant) -> Self {
        Self {
            origin: now,
            next_probe: now,
            first_left: FIRST_PROBES,
            correcting: false,
            numbered: 0,
            unanswered: VecDeque::new(),
            samples: VecDeque::new(),
        }
    }

    /// The machine slept, or the connection is another one: what was measured may be wrong now.
    pub fn restart(&mut self, now: Instant) {
        self.next_probe = now;
        self.first_left = FIRST_PROBES;
        self.unanswered.clear();
        self.samples.clear();
    }

    /// Drift is being corrected, or no longer: the clock is wanted more exactly.
    pub fn set_correcting(&mut self, now: Instant, correcting: bool) {
        self.correcting = correcting;
        if correcting {
            self.next_probe = self.next_probe.min(now + EVERY_CORRECTING);
        }
    }

    /// Takes in an answer. One that nobody waits for is ignored.
    pub fn handle_answer(&mut self, now: Instant, answer: Answer) {
        let Some(place) = self.unanswered.iter().position(|(n, _)| *n == answer.n) else { return };
        let Some((_, asked)) = self.unanswered.remove(place) else { return };
        let there = now.saturating_duration_since(asked);
        if there > ANSWER_PATIENCE {
            return;
        }
        let (t0, t3) = (self.local_micros(asked), self.local_micros(now));
        let (t1, t2) = (answer.t1.unix_ms().saturating_mul(1000), answer.timestamp.unix_ms().saturating_mul(1000));
        // ((t1 − t0) + (t2 − t3)) / 2, without the sum overflowing on nonsense.
        let offset = (t1.saturating_sub(t0) / 2).saturating_add(t2.saturating_sub(t3) / 2);
        // The server's clock has whole milliseconds, so a quick path may seem to take less than nothing.
        let delay = t3.saturating_sub(t0).saturating_sub(t2.saturating_sub(t1)).max(0);
        self.samples.push_back(Sample { offset, delay });
        if self.samples.len() > KEPT {
            self.samples.pop_front();
        }
        self.forget_a_shorter_path();
    }

    /// The next probe, if one is due. Drain to `None` before waiting.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        if now < self.next_probe {
            return None;
        }
        self.first_left = self.first_left.saturating_sub(1);
        self.next_probe = now
            + match (self.first_left, self.correcting) {
                (1.., _) => FIRST_EVERY,
                (0, true) => EVERY_CORRECTING,
                (0, false) => EVERY,
            };
        self.numbered += 1;
        self.unanswered.push_back((self.numbered, now));
        if self.unanswered.len() > UNANSWERED_MAX {
            self.unanswered.pop_front();
        }
        Some(Probe { n: self.numbered, t0: self.local_micros(now) / 1000 })
    }

    /// When the next probe is due.
    pub const fn poll_timeout(&self) -> Instant {
        self.next_probe
    }

    /// The server's time, once one probe was answered.
    pub fn server_time(&self, now: Instant) -> Option<ServerTime> {
        let offset = self.best()?.offset;
        let micros = self.local_micros(now).saturating_add(offset);
        Some(ServerTime::from_unix_ms(micros.div_euclid(1000)))
    }

    /// The local moment at which the server's clock shows `time`; now if that is past.
    pub fn instant_of(&self, now: Instant, time: ServerTime) -> Option<Instant> {
        let offset = self.best()?.offset;
        let micros = time.unix_ms().saturating_mul(1000).saturating_sub(offset).saturating_sub(self.local_micros(now));
        Some(now + Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    /// The delay that the offset was measured over; half of it is how wrong it can be.
    pub fn delay(&self) -> Option<Duration> {
        self.best().map(|sample| Duration::from_micros(u64::try_from(sample.delay).unwrap_or(0)))
    }

    fn best(&self) -> Option<Sample> {
        self.samples.iter().rev().take(WINDOW).min_by_key(|sample| sample.delay).copied()
    }

    /// When the latest all took much longer than the best, the best is of a path that is no more.
    fn forget_a_shorter_path(&mut self) {
        let Some(best) = self.best() else { return };
        let bound = best.delay.saturating_mul(LONGER.0.into()) / i64::from(LONGER.1);
        let longer = self.samples.iter().rev().take_while(|sample| sample.delay > bound).count();
        if longer >= LONGER_RUN {
            self.samples.drain(..self.samples.len() - longer);
        }
    }

    fn local_micros(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server whose clock is ahead of the local one, behind a path with two delays.
    struct Path {
        origin: Instant,
        ahead_ms: i64,
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    impl Path {
        fn server(&self, at: Instant) -> ServerTime {
            ServerTime::from_unix_ms(self.ahead_ms).plus(at - self.origin)
        }

        /// One probe over that path; returns when its answer came.
        fn probe(&self, clock: &mut RoomClock, now: Instant, there: Duration, back: Duration) -> Instant {
            let probe = clock.poll_probe(now).expect("one is due");
            let t1 = self.server(now + there);
            clock.handle_answer(now + there + back, Answer { n: probe.n, t1, timestamp: t1 });
            now + there + back
        }

        fn error_ms(&self, clock: &RoomClock, now: Instant) -> i64 {
            clock.server_time(now).expect("answered").millis_since(self.server(now))
        }
    }

    fn start() -> (Instant, RoomClock, Path) {
        let origin = crate::testing::start();
        (origin, RoomClock::new(origin), Path { origin, ahead_ms: 1_700_000_000_000 })
    }

    #[test]
    fn five_probes_on_joining_then_every_ten_seconds() {
        let (origin, mut clock, _) = start();
        let mut at = Vec::new();
        for _ in 0..7 {
            let due = clock.poll_timeout();
            at.push((due - origin).as_millis());
            assert!(clock.poll_probe(due).is_some());
            assert_eq!(clock.poll_probe(due), None, "one at a time");
        }
        assert_eq!(at, [0, 200, 400, 600, 800, 10_800, 20_800]);
        clock.set_correcting(origin + ms(20_900), true);
        assert_eq!(clock.poll_timeout(), origin + ms(25_900));
    }

    #[test]
    fn nothing_is_known_before_an_answer() {
        let (origin, mut clock, _) = start();
        assert_eq!((clock.server_time(origin), clock.delay()), (None, None));
        let probe = clock.poll_probe(origin).unwrap();
        let answer = Answer { n: probe.n + 1, t1: ServerTime::from_unix_ms(5), timestamp: ServerTime::from_unix_ms(5) };
        clock.handle_answer(origin, answer);
        assert_eq!(clock.server_time(origin), None, "an answer to no probe");
        clock.handle_answer(origin + ms(5_001), Answer { n: probe.n, ..answer });
        assert_eq!(clock.server_time(origin), None, "too late to say anything");
    }

    #[test]
    fn an_even_path_gives_the_exact_time_and_a_moment_for_it() {
        let (origin, mut clock, path) = start();
        let now = path.probe(&mut clock, origin, ms(40), ms(40));
        assert_eq!(path.error_ms(&clock, now), 0);
        assert_eq!(clock.delay(), Some(ms(80)));
        let later = path.server(now + ms(700));
        assert_eq!(clock.instant_of(now, later), Some(now + ms(700)));
        assert_eq!(clock.instant_of(now, path.server(origin)), Some(now), "the past is now");
    }

    #[test]
    fn the_quickest_of_the_last_eight_counts() {
        let (_, mut clock, path) = start();
        for (there, back) in [(90, 10), (30, 30), (200, 20)] {
            let due = clock.poll_timeout();
            path.probe(&mut clock, due, ms(there), ms(back));
        }
        assert_eq!(clock.delay(), Some(ms(60)));
        assert_eq!(path.error_ms(&clock, clock.poll_timeout()), 0);
    }

    #[test]
    fn a_path_that_got_longer_is_believed_after_four() {
        let (_, mut clock, path) = start();
        for _ in 0..6 {
            let due = clock.poll_timeout();
            path.probe(&mut clock, due, ms(20), ms(20));
        }
        for longer in 1..=4 {
            assert_eq!(clock.delay(), Some(ms(40)), "before {longer}");
            let due = clock.poll_timeout();
            path.probe(&mut clock, due, ms(80), ms(80));
        }
        assert_eq!(clock.delay(), Some(ms(160)));
    }

    #[test]
    fn after_a_sleep_it_begins_anew() {
        let (_, mut clock, path) = start();
        let due = clock.poll_timeout();
        let now = path.probe(&mut clock, due, ms(5), ms(5));
        clock.restart(now + ms(3_600_000));
        assert_eq!(clock.server_time(now), None);
        assert_eq!(clock.poll_timeout(), now + ms(3_600_000));
    }

    proptest! {
        /// Whatever the path does, the error is at most half of the delay that is reported, and a millisecond of rounding.
        #[test]
        fn the_error_is_at_most_half_the_delay(delays in prop::collection::vec((0_u64..400, 0_u64..400), 1..30)) {
            let (_, mut clock, path) = start();
            let mut now = clock.poll_timeout();
            for (there, back) in delays {
                let due = clock.poll_timeout().max(now);
                now = path.probe(&mut clock, due, ms(there), ms(back));
            }
            let bound = i64::try_from(clock.delay().unwrap().as_millis()).unwrap() / 2 + 2;
            prop_assert!(path.error_ms(&clock, now).abs() <= bound);
        }

        /// A server that sends nonsense harms nothing but its own room's step.
        #[test]
        fn nonsense_never_panics(t1: i64, t2: i64, wait in 0_u64..10_000) {
            let (origin, mut clock, _) = start();
            let n = clock.poll_probe(origin).unwrap().n;
            let answer = Answer { n, t1: ServerTime::from_unix_ms(t1), timestamp: ServerTime::from_unix_ms(t2) };
            clock.handle_answer(origin + ms(wait), answer);
            let _ = (clock.server_time(origin), clock.delay());
            let _ = clock.instant_of(origin, ServerTime::from_unix_ms(0));
        }
    }
}
