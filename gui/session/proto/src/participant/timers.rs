//! When a participant wants to be woken, and why: one table.

use std::collections::BTreeMap;
use std::time::Instant;

/// Why a participant wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A probe of the room's clock is due.
    Probe,
    /// The player's position is to be looked at.
    Sample,
    /// The film starts.
    Start,
    /// A wait is over of which there is no server to say so.
    Waited,
    /// The user has stopped dragging.
    Seek,
    /// Nobody who has the film was found for long.
    Looking,
    /// The engine is told where the player is.
    Playhead,
    /// The room hears how far from ready one is.
    Ready,
    /// The room is asked for again.
    Enter,
    /// A message is tried again.
    Chat,
    /// The goodbye has had its time.
    Goodbye,
    /// The player is opened again.
    Player,
    /// Where the film is, is kept.
    Place,
    /// Messages are held back: has their place come?
    Held,
    /// What was said of the last wish has stood long enough.
    Notice,
}

/// The table. A reason has one moment.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeMap<Wake, Instant>);

impl Timers {
    /// Wakes at that moment for that reason, instead of when it was to be.
    pub(super) fn set(&mut self, wake: Wake, at: Instant) {
        self.0.insert(wake, at);
    }

    /// Wakes at that moment, unless it is to be earlier.
    pub(super) fn set_by(&mut self, wake: Wake, at: Instant) {
        let entry = self.0.entry(wake).or_insert(at);
        *entry = (*entry).min(at);
    }

    pub(super) fn stop(&mut self, wake: Wake) {
        self.0.remove(&wake);
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<(Instant, Wake)> {
        self.0.iter().map(|(wake, at)| (*at, *wake)).min()
    }

    /// A reason whose moment has come, once.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Wake> {
        let (at, wake) = self.next()?;
        if at > now {
            return None;
        }
        self.0.remove(&wake);
        Some(wake)
    }
}
