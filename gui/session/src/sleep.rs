//! Notices that the machine or this process slept: what was measured before means nothing then.

use std::time::{Duration, Instant, SystemTime};

use crate::limits::SLEPT;

/// Two clocks that are compared. The monotonic one may stand still while a machine sleeps, the other does not.
#[derive(Debug)]
pub(crate) struct SleepWatch {
    last: Instant,
    last_wall: SystemTime,
}

impl SleepWatch {
    pub(crate) fn new() -> Self {
        Self { last: Instant::now(), last_wall: SystemTime::now() }
    }

    /// Whether there was a sleep since the last call; the loop wanted to be back by `wanted` at the latest.
    pub(crate) fn slept(&mut self, wanted: Instant) -> bool {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let slept =
            is_sleep(now - self.last, wall.duration_since(self.last_wall).ok(), now.saturating_duration_since(wanted));
        (self.last, self.last_wall) = (now, wall);
        slept
    }
}

/// `wall`: none when that clock was set back.
fn is_sleep(monotonic: Duration, wall: Option<Duration>, late: Duration) -> bool {
    late > SLEPT || wall.is_some_and(|wall| wall.saturating_sub(monotonic) > SLEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_process_that_was_stopped_comes_late_and_a_machine_that_slept_has_lost_time() {
        assert!(!is_sleep(MS(250), Some(MS(250)), MS(3)));
        assert!(is_sleep(MS(20_000), Some(MS(20_000)), MS(19_800)), "stopped");
        assert!(is_sleep(MS(250), Some(MS(3_600_000)), MS(3)), "asleep");
        assert!(!is_sleep(MS(250), None, MS(3)), "a clock that was set back is no sleep");
    }
}
