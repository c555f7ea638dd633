//! The numbers of a run on one line, and how to run it again.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::rng::Seed;

/// What a run is judged by: `seed 7: startup 1.200 s, stalls 0, trace 3f…`.
#[derive(Clone, Debug)]
pub struct Report {
    seed: Seed,
    /// In the order they were added: lines of many seeds stand under each other.
    numbers: Vec<(&'static str, String)>,
}

impl Report {
    /// An empty line for that run.
    pub const fn new(seed: Seed) -> Self {
        Self { seed, numbers: Vec::new() }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: impl Display) -> Self {
        self.numbers.push((name, value.to_string()));
        self
    }

    /// Adds a time in seconds; a dash for one that never came.
    #[must_use]
    pub fn time(self, name: &'static str, value: impl Into<Option<Duration>>) -> Self {
        let text = value.into().map_or_else(|| "-".to_owned(), |time| format!("{:.3} s", time.as_secs_f64()));
        self.number(name, text)
    }

    /// Adds the middle and the worst but a hundredth of some times.
    #[must_use]
    pub fn times(self, names: (&'static str, &'static str), values: &[Duration]) -> Self {
        self.time(names.0, percentile(values, 50)).time(names.1, percentile(values, 99))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}:", self.seed.get())?;
        let mut separator = "";
        for (name, value) in &self.numbers {
            write!(f, "{separator} {name} {value}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// The least of `values` that `percent` of them do not exceed; `None` of none.
pub fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The line that a failure ends with.
pub fn replay_line(bin: &str, seed: Seed) -> String {
    format!("replay: cargo run -p sim --bin {bin} -- --seed {}", seed.get())
}

/// Prints [`replay_line`] when the run it stands beside panics.
#[derive(Debug)]
pub struct ReplayOnPanic {
    bin: &'static str,
    seed: Seed,
}

impl ReplayOnPanic {
    /// Keep it until the run is over.
    #[must_use]
    pub const fn new(bin: &'static str, seed: Seed) -> Self {
        Self { bin, seed }
    }
}

impl Drop for ReplayOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", replay_line(self.bin, self.seed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line() {
        let seconds: Vec<Duration> = (1..=200).map(Duration::from_secs).collect();
        let report = Report::new(Seed::new(7))
            .time("startup", Duration::from_millis(1200))
            .number("stalls", 0)
            .times(("seek p50", "seek p99"), &seconds)
            .time("end", None);
        let line = "seed 7: startup 1.200 s, stalls 0, seek p50 100.000 s, seek p99 198.000 s, end -";
        assert_eq!(report.to_string(), line);
    }

    #[test]
    fn percentiles_of_few() {
        assert_eq!(percentile(&[], 50), None);
        let one = [Duration::from_secs(4)];
        for percent in [0, 50, 100] {
            assert_eq!(percentile(&one, percent), Some(one[0]));
        }
        let two = [Duration::from_secs(9), Duration::from_secs(4)];
        assert_eq!(percentile(&two, 50), Some(two[1]));
        assert_eq!(percentile(&two, 51), Some(two[0]));
    }

    #[test]
    fn a_failure_says_how_to_see_it_again() {
        assert_eq!(replay_line("swarm", Seed::new(42)), "replay: cargo run -p sim --bin swarm -- --seed 42");
    }
}
