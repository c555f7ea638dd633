//! One seek at a time: while one runs, the latest of those asked for waits.

use std::time::{Duration, Instant};

use crate::limits::SEEK_PATIENCE;

/// Where to, and whether somebody waits for the answer. The player itself seeks to where it is for a rate or a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seek {
    pub(crate) to: Duration,
    pub(crate) is_told: bool,
}

/// What runs and what waits. Invariant: nothing waits while nothing runs.
#[derive(Debug, Default)]
pub(crate) struct Seeks {
    running: Option<(Seek, Instant)>,
    waiting: Option<Seek>,
}

impl Seeks {
    /// Somebody wants to be elsewhere. Some: it is to be begun now.
    pub(crate) fn ask(&mut self, now: Instant, to: Duration) -> Option<Seek> {
        self.push(now, Seek { to, is_told: true })
    }

    /// The player has to seek where it is, at `here`, or where it is going.
    pub(crate) fn ask_again(&mut self, now: Instant, here: Duration) -> Option<Seek> {
        let to = self.target().unwrap_or(here);
        self.push(now, Seek { to, is_told: false })
    }

    /// Where it is going.
    pub(crate) fn target(&self) -> Option<Duration> {
        self.waiting.or_else(|| self.running.map(|(seek, _)| seek)).map(|seek| seek.to)
    }

    /// One runs.
    pub(crate) const fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// The one that ran has ended, well or not: that one, if it was the last, or else the next, which is to be begun now.
    pub(crate) fn end(&mut self, now: Instant) -> End {
        match (self.running.take(), self.waiting.take()) {
            (None, _) => End::Nothing,
            (Some((ended, _)), None) => End::Last(ended),
            (Some(_), Some(next)) => {
                self.running = Some((next, now));
                End::Next(next)
            }
        }
    }

    /// There are none any more. True: somebody waits for the answer.
    pub(crate) fn clear(&mut self) -> bool {
        let running = self.running.take().is_some_and(|(seek, _)| seek.is_told);
        self.waiting.take().map_or(running, |waiting| waiting.is_told)
    }

    /// When the one that waits has waited long enough.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let (_, since) = self.running?;
        self.waiting.map(|_| since + SEEK_PATIENCE)
    }

    /// The one that waited for too long, to be begun now over the other.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Seek> {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return None;
        }
        let next = self.waiting.take()?;
        self.running = Some((next, now));
        Some(next)
    }

    fn push(&mut self, now: Instant, seek: Seek) -> Option<Seek> {
        let Some((running, _)) = self.running else {
            self.running = Some((seek, now));
            return Some(seek);
        };
        // Whoever waits for one that is replaced is answered by what replaces it.
        let is_told = seek.is_told || running.is_told || self.waiting.is_some_and(|waiting| waiting.is_told);
        self.waiting = Some(Seek { to: seek.to, is_told });
        None
    }
}

/// What comes after a seek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// None ran.
    Nothing,
    /// It was the last.
    Last(Seek),
    /// This one is begun.
    Next(Seek),
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn told(seconds: u64) -> Seek {
        Seek { to: at(seconds), is_told: true }
    }

    #[test]
    fn of_many_the_first_and_the_last_are_done() {
        let (mut seeks, now) = (Seeks::default(), Instant::now());
        assert_eq!(seeks.ask(now, at(1)), Some(told(1)));
        assert_eq!(seeks.ask(now, at(2)), None);
        assert_eq!(seeks.ask(now, at(3)), None);
        assert_eq!(seeks.target(), Some(at(3)));
        assert_eq!(seeks.end(now), End::Next(told(3)));
        assert_eq!(seeks.end(now), End::Last(told(3)));
        assert_eq!(seeks.end(now), End::Nothing);
        assert!(!seeks.is_busy());
    }

    #[test]
    fn the_players_own_goes_where_one_goes_already_and_keeps_its_answer() {
        let (mut seeks, now) = (Seeks::default(), Instant::now());
        assert_eq!(seeks.ask_again(now, at(7)), Some(Seek { to: at(7), is_told: false }));
        assert_eq!(seeks.end(now), End::Last(Seek { to: at(7), is_told: false }));
        seeks.ask(now, at(1));
        assert_eq!(seeks.ask_again(now, at(9)), None);
        assert_eq!(seeks.end(now), End::Next(told(1)));
    }

    #[test]
    fn one_that_runs_long_keeps_nobody_waiting() {
        let (mut seeks, now) = (Seeks::default(), Instant::now());
        seeks.ask(now, at(1));
        assert_eq!(seeks.poll_timeout(), None);
        seeks.ask(now, at(2));
        let due = seeks.poll_timeout().unwrap();
        assert_eq!(seeks.handle_timeout(now), None);
        assert_eq!(seeks.handle_timeout(due), Some(told(2)));
        assert_eq!(seeks.end(due), End::Last(told(2)));
    }
}
