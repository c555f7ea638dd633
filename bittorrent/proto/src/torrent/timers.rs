//! A torrent's timers: one small table.

use std::collections::BTreeMap;
use std::time::Instant;

/// Why a torrent wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Wake {
    /// Slots are given anew.
    ChokeRound,
    /// Somebody may have been silent, or we to somebody.
    Silence,
    /// A peer owes blocks and sends none.
    Stall,
    /// A block somebody waits for may be late.
    Hedge,
    /// A peer that rejected something may be asked again.
    Retry,
    /// An address is worth dialing.
    Dial,
    /// A metadata request may be late.
    Metadata,
    /// A reader falls idle or asleep.
    Demand,
    /// A peer that has to show who it is took too long.
    Proof,
    /// A peer may be told which others came and went.
    Exchange,
    /// A peer and we want nothing of each other.
    Part,
    /// There has been nobody to fetch from for too long.
    NoPeers,
    /// There has been no info dictionary for too long.
    NoMetadata,
}

/// When each reason is due.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    due: BTreeMap<Wake, Instant>,
}

impl Timers {
    /// Sets or moves a timer.
    pub fn set(&mut self, wake: Wake, at: Instant) {
        self.due.insert(wake, at);
    }

    /// Sets a timer if it is not running.
    pub fn set_if_idle(&mut self, wake: Wake, at: Instant) {
        self.due.entry(wake).or_insert(at);
    }

    /// Sets or stops a timer.
    pub fn set_or_cancel(&mut self, wake: Wake, at: Option<Instant>) {
        match at {
            Some(at) => self.set(wake, at),
            None => self.cancel(wake),
        }
    }

    /// Stops a timer.
    pub fn cancel(&mut self, wake: Wake) {
        self.due.remove(&wake);
    }

    /// The next timer.
    pub fn next(&self) -> Option<(Instant, Wake)> {
        self.due.iter().map(|(wake, at)| (*at, *wake)).min()
    }

    /// Takes one timer that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Wake> {
        let (at, wake) = self.next()?;
        if at > now {
            return None;
        }
        self.due.remove(&wake);
        Some(wake)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_once() {
        let now = Instant::now();
        let mut timers = Timers::default();
        timers.set(Wake::Stall, now + Duration::from_secs(2));
        timers.set(Wake::Dial, now + Duration::from_secs(1));
        timers.set_if_idle(Wake::Dial, now);
        assert_eq!(timers.next(), Some((now + Duration::from_secs(1), Wake::Dial)));
        assert_eq!(timers.take_due(now), None);
        assert_eq!(timers.take_due(now + Duration::from_secs(3)), Some(Wake::Dial));
        assert_eq!(timers.take_due(now + Duration::from_secs(3)), Some(Wake::Stall));
        assert_eq!(timers.take_due(now + Duration::from_secs(3)), None);
    }
}
