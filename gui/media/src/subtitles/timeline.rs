//! Subtitles in the order of their time.

use std::time::Duration;

use super::Cue;
use crate::limits::{CUES_MAX, LINES_MAX};

/// A subtitle with its time in the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) start: Duration,
    pub(crate) end: Duration,
    pub(crate) cue: Cue,
}

/// All that is known of one track.
///
/// Invariant: ordered by start; those that start together keep the order they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeline {
    cues: Vec<Timed>,
    /// No subtitle stays longer: how far back one that is shown can have started.
    longest: Duration,
}

impl Timeline {
    pub(crate) fn new(mut cues: Vec<Timed>) -> Self {
        cues.truncate(CUES_MAX);
        cues.sort_by_key(|timed| timed.start);
        let longest = cues.iter().map(|timed| timed.end.saturating_sub(timed.start)).max().unwrap_or_default();
        Self { cues, longest }
    }

    /// One more, unless it is there: a film's own come again after seeks.
    pub(crate) fn insert(&mut self, timed: Timed) {
        let from = self.cues.partition_point(|other| other.start < timed.start);
        let upto = self.cues.partition_point(|other| other.start <= timed.start);
        if self.cues.len() < CUES_MAX && !self.cues[from..upto].contains(&timed) {
            self.longest = self.longest.max(timed.end.saturating_sub(timed.start));
            self.cues.insert(upto, timed);
        }
    }

    /// What is shown then: all whose time it is, one below the other.
    pub(crate) fn at(&self, at: Duration) -> Option<Cue> {
        let mut lines: Vec<_> = self.around(at).flat_map(|timed| timed.cue.lines.iter().cloned()).collect();
        lines.truncate(LINES_MAX);
        (!lines.is_empty()).then_some(Cue { lines })
    }

    /// When something else is shown, after that.
    pub(crate) fn next_change(&self, after: Duration) -> Option<Duration> {
        let next = self.cues.get(self.cues.partition_point(|timed| timed.start <= after)).map(|timed| timed.start);
        self.around(after).map(|timed| timed.end).chain(next).min()
    }

    fn around(&self, at: Duration) -> impl Iterator<Item = &Timed> {
        let begun = &self.cues[..self.cues.partition_point(|timed| timed.start <= at)];
        let first = begun.partition_point(|timed| timed.start + self.longest <= at);
        begun[first..].iter().filter(move |timed| timed.end > at)
    }

    #[cfg(test)]
    pub(crate) fn cues(&self) -> &[Timed] {
        &self.cues
    }
}
