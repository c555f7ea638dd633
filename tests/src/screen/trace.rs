//! What one window showed, and when.

use std::ops::Range;
use std::time::Duration;

use super::film::FRAME_RATE;

/// The pictures of one window in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    steps: Vec<Step>,
}

/// From then on the window showed this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Since the watch began.
    pub at: Duration,
    /// `None`: nothing, or no picture of our film.
    pub frame: Option<u16>,
}

/// A window that shows one picture for longer than that stands: eight pictures' time.
const STANDS_AFTER: Duration = Duration::from_millis(133);

/// One that stood for longer than that and then runs has started; what is shorter is a hiccup.
const STOOD_MIN: Duration = Duration::from_millis(250);

/// The same for a picture that came by a seek: fast players stand there only for as long as the room takes to agree.
const STOOD_AFTER_SEEK_MIN: Duration = Duration::from_millis(50);

/// A picture further on than that is a seek and no late picture.
const SKIP_MAX: u16 = FRAME_RATE / 3;

impl Trace {
    /// The window shows this now; nothing is kept when it did before.
    pub fn push(&mut self, at: Duration, frame: Option<u16>) {
        if self.steps.last().is_none_or(|last| last.frame != frame) {
            self.steps.push(Step { at, frame });
        }
    }

    /// All of it.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Where the film was then, in seconds. Between two pictures the time since the earlier one counts, but never more than
    /// a picture's.
    pub fn film_time(&self, at: Duration) -> Option<f64> {
        let step = self.step(at)?;
        let frame = step.frame?;
        let since = (at - step.at).as_secs_f64().min(1.0 / f64::from(FRAME_RATE));
        Some(f64::from(frame) / f64::from(FRAME_RATE) + if self.runs(at) { since } else { 0.0 })
    }

    /// Its pictures moved on then: one after that moment follows soon, and one before it came shortly before.
    pub fn runs(&self, at: Duration) -> bool {
        let next = self.steps.partition_point(|step| step.at <= at);
        let (Some(before), Some(after)) = (next.checked_sub(1).map(|last| self.steps[last]), self.steps.get(next))
        else {
            return false;
        };
        after.at - before.at < STANDS_AFTER && is_next(before.frame, after.frame)
    }

    /// Each moment at which it began to run after it had stood.
    pub fn starts(&self) -> Vec<Duration> {
        let start = |four: &[Step]| {
            let [earlier, before, first, second] = four else { return None };
            let runs = is_next(before.frame, first.frame) && is_next(first.frame, second.frame);
            let sought = earlier.frame.is_some() && before.frame.is_some() && !is_next(earlier.frame, before.frame);
            let stood = first.at - before.at > if sought { STOOD_AFTER_SEEK_MIN } else { STOOD_MIN };
            (runs && stood && second.at - first.at < STANDS_AFTER).then_some(first.at)
        };
        // The first picture of all has none before it. What covered a picture for a moment did not move it.
        let nothing = Step { at: Duration::ZERO, frame: None };
        let mut steps: Vec<Step> = std::iter::once(nothing).chain(self.readable()).collect();
        steps.dedup_by_key(|step| step.frame);
        steps.windows(4).filter_map(start).collect()
    }

    /// Each seek that was seen: when, and how many seconds the film jumped.
    pub fn jumps(&self, during: &Range<Duration>) -> Vec<(Duration, f64)> {
        let jump = |pair: &[Step]| {
            let [before, after] = pair else { return None };
            let (from, to) = (before.frame?, after.frame?);
            let by = (f64::from(to) - f64::from(from)) / f64::from(FRAME_RATE);
            (during.contains(&after.at) && !is_next(before.frame, after.frame)).then_some((after.at, by))
        };
        self.readable().windows(2).filter_map(jump).collect()
    }

    /// Pictures shown during that time, and those left out between them.
    pub fn shown_and_missing(&self, during: &Range<Duration>) -> (u32, u32) {
        let (mut shown, mut missing) = (0, 0);
        for pair in self.readable().windows(2) {
            let [before, after] = pair else { continue };
            let (Some(from), Some(to)) = (before.frame, after.frame) else { continue };
            if during.contains(&after.at) && is_next(before.frame, after.frame) {
                shown += 1;
                missing += u32::from(to - from - 1);
            }
        }
        (shown, missing)
    }

    /// The most pictures one after another that were left out during that time.
    pub fn missing_in_a_row(&self, during: &Range<Duration>) -> u16 {
        let readable = self.readable();
        let missing = readable.windows(2).filter(|pair| during.contains(&pair[1].at)).filter_map(|pair| {
            let (from, to) = (pair[0].frame?, pair[1].frame?);
            is_next(Some(from), Some(to)).then(|| to - from - 1)
        });
        missing.max().unwrap_or_default()
    }

    /// The longest that one picture stood during that time.
    pub fn longest_still(&self, during: &Range<Duration>) -> Duration {
        let readable = self.readable();
        let still = readable.windows(2).filter(|pair| during.contains(&pair[0].at)).map(|pair| pair[1].at - pair[0].at);
        still.max().unwrap_or_default()
    }

    fn readable(&self) -> Vec<Step> {
        self.steps.iter().copied().filter(|step| step.frame.is_some()).collect()
    }

    fn step(&self, at: Duration) -> Option<Step> {
        let next = self.steps.partition_point(|step| step.at <= at);
        next.checked_sub(1).map(|last| self.steps[last])
    }
}

/// A later picture of a film that runs.
fn is_next(before: Option<u16>, after: Option<u16>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    after > before && after - before <= SKIP_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Each pair: when, in thousandths, and which frame.
    fn trace(steps: &[(u64, u16)]) -> Trace {
        let mut trace = Trace::default();
        steps.iter().for_each(|&(at, frame)| trace.push(ms(at), Some(frame)));
        trace
    }

    #[test]
    fn a_running_film_is_between_its_pictures() {
        let trace = trace(&[(1000, 60), (1016, 61), (1020, 61), (1033, 62)]);
        assert_eq!(trace.film_time(ms(999)), None);
        assert_eq!(trace.film_time(ms(1000)), Some(1.0));
        let between = trace.film_time(ms(1010)).expect("a picture");
        assert!((between - 1.010).abs() < 1e-9, "{between}");
        let end = trace.film_time(ms(9000)).expect("the last picture");
        assert!((end - 62.0 / 60.0).abs() < 1e-9, "it stands: {end}");
        assert!(trace.runs(ms(1020)) && !trace.runs(ms(1040)) && !trace.runs(ms(10)));
    }

    #[test]
    fn what_covers_a_picture_for_a_moment_does_not_hide_its_start() {
        let mut trace = trace(&[(0, 5), (16, 6), (30, 400)]);
        trace.push(ms(60), None);
        for (at, frame) in [(160, 400), (350, 401), (366, 402)] {
            trace.push(ms(at), Some(frame));
        }
        assert_eq!(trace.starts(), [ms(350)]);
    }

    #[test]
    fn pictures_that_were_left_out_are_counted() {
        let trace = trace(&[(0, 5), (16, 6), (50, 8), (66, 9), (116, 12), (1000, 400)]);
        let all = ms(0)..ms(9999);
        assert_eq!(trace.shown_and_missing(&all), (4, 3));
        assert_eq!(trace.missing_in_a_row(&all), 2);
        assert_eq!(trace.missing_in_a_row(&(ms(0)..ms(60))), 1);
    }

    #[test]
    fn a_start_is_after_standing_and_a_hiccup_is_none() {
        let trace = trace(&[(0, 5), (1000, 6), (1016, 7), (1200, 8), (1216, 9), (3000, 400), (4000, 401), (4016, 402)]);
        assert_eq!(trace.starts(), [ms(1000), ms(4000)]);
        let all = ms(0)..ms(9999);
        let jumps = trace.jumps(&all);
        assert_eq!(jumps.len(), 1);
        assert!((jumps[0].1 - 391.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn missing_pictures_are_counted_and_seeks_are_not() {
        let trace = trace(&[(0, 5), (16, 6), (50, 8), (66, 9), (90, 500), (106, 501)]);
        assert_eq!(trace.shown_and_missing(&(ms(0)..ms(999))), (4, 1));
        assert_eq!(trace.shown_and_missing(&(ms(60)..ms(80))), (1, 0));
        assert_eq!(trace.longest_still(&(ms(0)..ms(999))), ms(34));
    }

    #[test]
    fn a_window_without_a_picture_has_no_time() {
        let mut trace = trace(&[(0, 5)]);
        trace.push(ms(20), None);
        trace.push(ms(40), Some(7));
        assert_eq!(trace.film_time(ms(30)), None);
        assert_eq!(trace.steps().len(), 3);
        assert!(trace.film_time(ms(40)).is_some());
    }
}
