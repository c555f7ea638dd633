//! How far players are apart: what a trace says, as numbers.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use super::trace::Trace;

/// How often the distance is taken.
const EVERY: Duration = Duration::from_millis(50);

/// Apart by more than that is out of step, in thousandths of a second.
pub const OUT_OF_STEP_MS: f64 = 600.0;

/// Distances, in thousandths of a second.
#[derive(Clone, Debug, Default)]
pub struct Distances {
    sorted: Vec<f64>,
}

impl Distances {
    /// Of these.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.iter_mut().for_each(|value| *value = value.abs());
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The one below which so many hundredths lie; 0 without any.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(0.0)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.percentile(100)
    }

    /// Hundredths of them that are out of step.
    pub fn out_of_step_percent(&self) -> f64 {
        let within = self.sorted.partition_point(|&distance| distance <= OUT_OF_STEP_MS);
        let count = |items: usize| f64::from(u32::try_from(items).unwrap_or(u32::MAX));
        100.0 * count(self.sorted.len() - within) / count(self.sorted.len()).max(1.0)
    }

    /// For other programs.
    pub fn json(&self) -> Value {
        json!({
            "samples": self.count(), "p50": self.percentile(50), "p95": self.percentile(95),
            "p99": self.percentile(99), "max": self.max(), "outOfStepPercent": self.out_of_step_percent(),
        })
    }
}

/// How far each two of these windows are apart, 20 times a second, whenever at least half of them run: first minus second,
/// in thousandths of a second. One that stands while the others run is farther and farther apart.
pub fn apart(traces: &[Trace], windows: &[usize], during: &Range<Duration>) -> Vec<f64> {
    let mut values = Vec::new();
    let mut at = during.start;
    while at < during.end {
        let running = windows.iter().filter(|&&window| traces[window].runs(at)).count();
        if running * 2 >= windows.len() {
            for (place, &one) in windows.iter().enumerate() {
                for &other in &windows[place + 1..] {
                    let times = traces[one].film_time(at).zip(traces[other].film_time(at));
                    values.extend(times.map(|(one, other)| (one - other) * 1000.0));
                }
            }
        }
        at += EVERY;
    }
    values
}

/// From the first of these windows to start during that time to the last: none, unless all of them do.
pub fn start_spread(traces: &[Trace], windows: &[usize], during: &Range<Duration>) -> Option<Duration> {
    let first = |window: &usize| traces[*window].starts().into_iter().find(|start| during.contains(start));
    let starts: Option<Vec<Duration>> = windows.iter().map(first).collect();
    let starts = starts?;
    Some(*starts.iter().max()? - *starts.iter().min()?)
}

/// When this window was, after that moment, within so many thousandths of a second of another one that runs, and stayed so
/// for two seconds.
pub fn in_step(one: &Trace, other: &Trace, after: Duration, until: Duration, within_ms: f64) -> Option<Duration> {
    let mut since = None;
    let mut at = after;
    while at < until {
        let apart = one.film_time(at).zip(other.film_time(at)).map(|(one, other)| (one - other).abs() * 1000.0);
        let holds = one.runs(at) && other.runs(at) && apart.is_some_and(|apart| apart <= within_ms);
        // A hiccup of a picture or two in one of them is none of being out of step.
        let hiccup = apart.is_some_and(|apart| apart <= within_ms) && since.is_some();
        since = if holds || hiccup { since.or(Some(at)) } else { None };
        if let Some(since) = since.filter(|&since| at - since >= Duration::from_secs(2)) {
            return Some(since);
        }
        at += EVERY;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Stands at `first` until it runs.
    fn running(first: u16, from_ms: u64, frames: u16) -> Trace {
        let mut trace = Trace::default();
        trace.push(ms(0), Some(first));
        (1..=frames).for_each(|frame| trace.push(ms(from_ms + u64::from(frame) * 1000 / 60), Some(first + frame)));
        trace
    }

    #[test]
    fn percentiles_of_a_hundred() {
        let distances = Distances::new((1..=100).map(|value| -f64::from(value) * 10.0).collect());
        let of = [50, 95, 99, 100].map(|percent| distances.percentile(percent));
        assert_eq!(of, [510.0, 960.0, 1000.0, 1000.0]);
        assert!((distances.out_of_step_percent() - 40.0).abs() < 1e-9);
        assert_eq!(Distances::default().max(), 0.0);
    }

    #[test]
    fn two_films_a_known_time_apart_measure_as_that() {
        let traces = [running(600, 1000, 300), running(606, 1000, 300), running(600, 1050, 300)];
        let apart_ms = |one, other| Distances::new(apart(&traces, &[one, other], &(ms(1500)..ms(5000))));
        assert!((apart_ms(0, 1).percentile(50) - 100.0).abs() < 1.5);
        assert!((apart_ms(0, 2).percentile(50) - 50.0).abs() < 1.5);
        assert_eq!(start_spread(&traces, &[0, 1, 2], &(ms(500)..ms(9000))), Some(ms(50)));
        assert_eq!(start_spread(&traces, &[0, 1, 2], &(ms(1040)..ms(9000))), None);
        assert!(apart(&traces, &[0, 1], &(ms(0)..ms(900))).is_empty(), "nothing runs");
    }

    #[test]
    fn who_stands_while_another_runs_is_ever_farther_away() {
        let traces = [running(0, 1000, 300), running(0, 90_000, 1)];
        assert!(Distances::new(apart(&traces, &[0, 1], &(ms(1000)..ms(5000)))).max() > 3900.0);
    }

    #[test]
    fn in_step_begins_when_it_stays() {
        let one = running(0, 1000, 600);
        let mut late = running(300, 2000, 40);
        (0..300).for_each(|frame| late.push(ms(4000 + u64::from(frame) * 1000 / 60), Some(180 + frame)));
        let met = in_step(&late, &one, ms(0), ms(9000), 40.0).expect("they meet");
        assert!((3950..4100).contains(&met.as_millis()), "{met:?}");
        assert_eq!(in_step(&late, &one, ms(0), ms(3900), 40.0), None);
    }
}
