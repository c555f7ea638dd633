//! Not more often than.

use std::time::{Duration, Instant};

/// Lets something through at once, then at most once a period; what comes between is due when the period is over.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    every: Duration,
    /// The earliest next time; `None` before the first.
    next: Option<Instant>,
    waiting: bool,
}

impl Pace {
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, next: None, waiting: false }
    }

    /// Something is there to be said. True: say it now. False: it is due at [`Pace::due`].
    pub(super) fn offer(&mut self, now: Instant) -> bool {
        self.waiting = self.next.is_some_and(|next| now < next);
        if !self.waiting {
            self.next = Some(now + self.every);
        }
        !self.waiting
    }

    /// It was said regardless of the pace.
    pub(super) fn said(&mut self, now: Instant) {
        self.waiting = false;
        self.next = Some(now + self.every);
    }

    /// When to offer again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next.filter(|_| self.waiting)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // The start of virtual time has to come from somewhere.
    use super::*;

    #[test]
    fn first_at_once_then_once_a_period() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(second);
        assert_eq!(pace.due(), None);
        assert!(pace.offer(start));
        assert_eq!(pace.due(), None);
        assert!(!pace.offer(start + second / 2));
        assert_eq!(pace.due(), Some(start + second));
        assert!(pace.offer(start + second));
        pace.said(start + second * 3);
        assert!(!pace.offer(start + second * 3));
    }
}
