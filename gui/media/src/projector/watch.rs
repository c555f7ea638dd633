//! Whether a film that runs really goes on. Sound servers under load have told of times hours away, and a pipeline follows its clock:
//! it stands, or runs to the end of the film in a moment. Whoever keeps it in step seeks then, so it is watched over seeks. Pure.

use std::time::{Duration, Instant};

use crate::limits::{ASTRAY_MAX, ASTRAY_TIMES_MAX, DISTRUSTED_AFTER, SLEPT_AFTER, STOOD_MAX, WATCH_EVERY};

/// Looks at it once a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Where it was, then, and everything was well.
    well: Option<(Duration, Instant)>,
    next: Option<Instant>,
    /// It runs since then, and was there, or has come there since.
    run: Option<(Duration, Instant)>,
    /// For so long it ran lately and came nowhere.
    stood: Duration,
    /// It was put right so often.
    times: u32,
}

impl Watch {
    /// It stands, waits or is sought, and had come to `at`: nothing is expected.
    pub(super) fn rest(&mut self, now: Instant, at: Option<Duration>) {
        self.forget_if_slept(now);
        if let Some(at) = at {
            self.walk(now, at);
        }
        if let Some((_, since)) = self.run.take() {
            self.stood += now.saturating_duration_since(since);
        }
        (self.well, self.next) = (None, None);
    }

    /// It runs, from `at`.
    pub(super) fn begin(&mut self, now: Instant, at: Option<Duration>) {
        if self.next.is_none() {
            self.next = Some(now + WATCH_EVERY);
            self.run = at.map(|at| (at, now));
        }
    }

    /// It is expected to run.
    pub(super) const fn runs(&self) -> bool {
        self.run.is_some()
    }

    /// Its device's clock was wrong so often that it had better go by another.
    pub(super) const fn distrusts(&self) -> bool {
        self.times >= DISTRUSTED_AFTER
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// A film that runs at that rate says that it is `at`. Where it should be, if that is far away.
    pub(super) fn look(&mut self, now: Instant, at: Duration, rate: f64) -> Option<Duration> {
        if self.next.is_none_or(|next| now < next) {
            return None;
        }
        if self.forget_if_slept(now) {
            self.begin(now, Some(at));
            return None;
        }
        self.next = Some(now + WATCH_EVERY);
        self.walk(now, at);
        if let Some((from, since)) = self.run {
            let ran = now.saturating_duration_since(since);
            if self.stood + ran >= STOOD_MAX {
                return self.put_right(from + ran.mul_f64(rate));
            }
        }
        let Some(expected) = self.expected(now, rate) else {
            self.well = Some((at, now));
            return None;
        };
        let apart = at.abs_diff(expected);
        if apart < WATCH_EVERY / 2 {
            self.well = Some((at, now));
        }
        self.judge(apart, expected)
    }

    /// It says that it has come to its end, after the picture that was shown there and then. The same.
    pub(super) fn on_end(
        &mut self,
        now: Instant,
        end: Duration,
        shown: (Duration, Instant),
        rate: f64,
    ) -> Option<Duration> {
        let (at, when) = shown;
        let expected = at + now.saturating_duration_since(when).mul_f64(rate);
        self.judge(end.saturating_sub(expected), expected)
    }

    /// Nobody looked for a long time: this process or machine slept, and the film with it. Whoever keeps it in step brings it there.
    fn forget_if_slept(&mut self, now: Instant) -> bool {
        let slept = self.next.is_some_and(|next| now > next + SLEPT_AFTER);
        if slept {
            *self = Self { times: self.times, ..Self::default() };
        }
        slept
    }

    fn expected(&self, now: Instant, rate: f64) -> Option<Duration> {
        self.well.map(|(at, when)| at + now.saturating_duration_since(when).mul_f64(rate))
    }

    /// It has come to `at`: an eighth of the time that went by is getting somewhere, at the slowest rate there is.
    fn walk(&mut self, now: Instant, at: Duration) {
        let Some((from, since)) = self.run else { return };
        if at.saturating_sub(from) > now.saturating_duration_since(since) / 8 {
            (self.run, self.stood) = (Some((at, now)), Duration::ZERO);
        }
    }

    fn judge(&mut self, apart: Duration, expected: Duration) -> Option<Duration> {
        if apart < ASTRAY_MAX { None } else { self.put_right(expected) }
    }

    /// A film that goes astray again and again is left alone: nothing better can be done.
    fn put_right(&mut self, expected: Duration) -> Option<Duration> {
        if self.times >= ASTRAY_TIMES_MAX {
            return None;
        }
        *self = Self { times: self.times + 1, ..Self::default() };
        Some(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks once a second at a film that is then at these places; where it was said to have gone astray.
    fn looked(watch: &mut Watch, from: Instant, places: &[u32]) -> Vec<(usize, Duration)> {
        watch.begin(from, places.first().map(|&at| SECOND * at));
        let mut found = Vec::new();
        for (number, &at) in places.iter().enumerate() {
            let now = watch.poll_timeout().unwrap_or(from);
            found.extend(watch.look(now, SECOND * at, 1.0).map(|expected| (number, expected)));
            watch.begin(now, Some(SECOND * at));
        }
        found
    }

    #[test]
    fn a_film_that_goes_on_is_well_at_any_place() {
        let mut watch = Watch::default();
        assert!(looked(&mut watch, Instant::now(), &[100, 101, 102, 103, 104, 105, 106, 107]).is_empty());
        // Somebody has sought.
        watch.rest(Instant::now(), None);
        assert!(looked(&mut watch, Instant::now(), &[7, 8, 9, 10, 11, 12]).is_empty());
    }

    #[test]
    fn one_that_stands_or_leaps_is_to_be_where_it_would_be() {
        let from = Instant::now();
        assert_eq!(looked(&mut Watch::default(), from, &[5, 6, 7, 7, 7, 7]), [(5, 10 * SECOND)]);
        assert_eq!(looked(&mut Watch::default(), from, &[5, 6, 3600]), [(2, 7 * SECOND)]);
        assert_eq!(looked(&mut Watch::default(), from, &[500, 501, 0]), [(2, 502 * SECOND)]);
    }

    #[test]
    fn seeks_do_not_hide_that_it_stands() {
        let mut watch = Watch::default();
        let mut now = Instant::now();
        let mut sought = |watch: &mut Watch, to: u32, ran: Duration, came: Duration| {
            watch.begin(now, Some(SECOND * to));
            let due = now + WATCH_EVERY;
            let found = watch.look(due, SECOND * to + came, 1.0);
            now += ran;
            watch.rest(now, Some(SECOND * to + came));
            found
        };
        let (ran, nowhere) = (Duration::from_millis(1200), Duration::ZERO);
        assert_eq!(sought(&mut watch, 10, ran, nowhere), None);
        assert_eq!(sought(&mut watch, 12, ran, nowhere), None);
        assert_eq!(sought(&mut watch, 14, ran, nowhere), Some(15 * SECOND));
        assert!(!watch.distrusts(), "a clock is wrong once");
        // Somebody who only likes to seek.
        for to in 20..40 {
            assert_eq!(sought(&mut watch, to, ran, ran), None);
        }
        for to in 40..43 {
            sought(&mut watch, to, ran, nowhere);
        }
        assert!(watch.distrusts());
    }

    #[test]
    fn a_film_that_slept_with_its_process_is_where_it_was() {
        let mut watch = Watch::default();
        let from = Instant::now();
        assert!(looked(&mut watch, from, &[5, 6, 7, 8]).is_empty());
        let woke = watch.poll_timeout().unwrap() + 20 * SECOND;
        assert_eq!(watch.look(woke, 9 * SECOND, 1.0), None);
        assert!(looked(&mut watch, woke, &[9, 10, 11, 12]).is_empty());
        // It is sought at once.
        let woke = watch.poll_timeout().unwrap() + 20 * SECOND;
        watch.rest(woke, Some(13 * SECOND));
        assert!(looked(&mut watch, woke, &[33, 34, 35, 36]).is_empty());
        // And its device fails later on.
        let later = watch.poll_timeout().unwrap();
        assert_eq!(looked(&mut watch, later, &[37, 37, 37, 37]).len(), 1);
    }

    #[test]
    fn an_end_comes_when_its_time_has_come() {
        let now = Instant::now();
        let mut watch = Watch::default();
        // The pictures end before the sound does.
        assert_eq!(watch.on_end(now + 60 * SECOND, 100 * SECOND, (40 * SECOND, now), 1.0), None);
        assert_eq!(watch.on_end(now + SECOND, 100 * SECOND, (99 * SECOND, now), 1.0), None);
        assert_eq!(watch.on_end(now + SECOND, 100 * SECOND, (40 * SECOND, now), 1.0), Some(41 * SECOND));
    }

    #[test]
    fn it_is_put_right_some_times_and_no_more() {
        let now = Instant::now();
        let mut watch = Watch::default();
        let mut astray = || watch.on_end(now, 100 * SECOND, (SECOND, now), 1.0).is_some();
        let times = (0..20).filter(|_| astray()).count();
        assert_eq!(times, usize::try_from(ASTRAY_TIMES_MAX).unwrap());
    }
}
