//! The one queue of a world: what happens next, and when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Names an event that waits, to cancel it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EventId {
    at: Instant,
    sequence: u64,
}

impl EventId {
    /// When the event is due.
    pub const fn at(self) -> Instant {
        self.at
    }
}

/// Events in the order of (time, sequence): of two for one instant, the one pushed first happens first.
///
/// It owns the clock, because time passes only by taking an event out. A search tree rather than a heap: cancelling
/// is then a removal, and the bound counts only what will happen.
#[derive(Debug)]
pub struct EventQueue<E> {
    clock: Clock,
    events: BTreeMap<EventId, E>,
    events_max: usize,
    sequence_next: u64,
}

impl<E> EventQueue<E> {
    /// An empty queue of at most `events_max` events.
    pub const fn new(clock: Clock, events_max: usize) -> Self {
        Self { clock, events: BTreeMap::new(), events_max, sequence_next: 0 }
    }

    /// Adds an event for an instant; one that has passed means now.
    ///
    /// # Panics
    /// When the queue is full: something schedules without end, and the run is worth nothing.
    pub fn push_at(&mut self, at: Instant, event: E) -> EventId {
        assert!(self.events.len() < self.events_max, "more than {} events wait", self.events_max);
        let id = EventId { at: at.max(self.clock.now()), sequence: self.sequence_next };
        self.sequence_next += 1;
        self.events.insert(id, event);
        id
    }

    /// Adds an event for `delay` from now.
    ///
    /// # Panics
    /// As [`EventQueue::push_at`].
    pub fn push_after(&mut self, delay: Duration, event: E) -> EventId {
        self.push_at(self.clock.now() + delay, event)
    }

    /// Takes back an event; `None` when it has happened or was cancelled.
    pub fn cancel(&mut self, id: EventId) -> Option<E> {
        self.events.remove(&id)
    }

    /// The next event, and the clock moves to it.
    pub fn pop(&mut self) -> Option<E> {
        let (id, event) = self.events.pop_first()?;
        self.clock.advance_to(id.at);
        Some(event)
    }

    /// The next event that is due at `end` or before.
    pub fn pop_until(&mut self, end: Instant) -> Option<E> {
        if self.next_at()? > end {
            return None;
        }
        self.pop()
    }

    /// Lets time pass up to `to`, or up to the next event when that comes first.
    pub fn advance_to(&mut self, to: Instant) {
        let to = self.next_at().map_or(to, |next| next.min(to));
        self.clock.advance_to(to.max(self.clock.now()));
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.events.first_key_value().map(|(id, _)| id.at)
    }

    /// The clock.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.clock.now()
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing more will happen.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::base;
    use bittorrent_proto::rng::Rng;

    fn queue<E>(events_max: usize) -> EventQueue<E> {
        EventQueue::new(Clock::new(base()), events_max)
    }

    #[test]
    fn events_come_by_time_then_by_sequence() {
        for seed in 0..50 {
            let mut rng = Rng::new(seed);
            let mut queue = queue(1000);
            let mut expected: Vec<(u64, u64)> = (0..500).map(|sequence| (rng.below(40), sequence)).collect();
            for &(millis, sequence) in &expected {
                queue.push_after(Duration::from_millis(millis), (millis, sequence));
            }
            expected.sort_unstable();
            let mut got = Vec::new();
            while let Some(event) = queue.pop() {
                assert_eq!(queue.clock().elapsed(), Duration::from_millis(event.0), "seed {seed}");
                got.push(event);
            }
            assert_eq!(got, expected, "seed {seed}");
        }
    }

    #[test]
    fn a_cancelled_event_does_not_happen() {
        let mut queue = queue(10);
        let first = queue.push_after(Duration::from_secs(1), "first");
        let second = queue.push_after(Duration::from_secs(1), "second");
        assert_eq!(queue.cancel(first), Some("first"));
        assert_eq!(queue.cancel(first), None);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.pop(), Some("second"));
        assert_eq!(queue.cancel(second), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn time_stops_at_the_end_asked_for_and_never_jumps_an_event() {
        let mut queue = queue(10);
        let end = queue.now() + Duration::from_secs(2);
        queue.push_after(Duration::from_secs(2), "at the end");
        queue.push_after(Duration::from_secs(3), "later");
        assert_eq!(queue.pop_until(end), Some("at the end"));
        assert_eq!(queue.pop_until(end), None);
        queue.advance_to(end + Duration::from_secs(9));
        assert_eq!(queue.clock().elapsed(), Duration::from_secs(3), "the event at 3 s holds time back");
    }

    #[test]
    fn what_is_pushed_for_the_past_happens_now() {
        let mut queue = queue(10);
        let past = queue.now();
        queue.push_after(Duration::from_secs(1), "one");
        queue.pop();
        let id = queue.push_at(past, "two");
        assert_eq!(id.at(), queue.now());
        assert_eq!(queue.pop(), Some("two"));
        assert_eq!(queue.clock().elapsed(), Duration::from_secs(1));
    }

    #[test]
    #[should_panic(expected = "more than 2 events wait")]
    fn the_queue_is_bounded() {
        let mut queue = queue(2);
        for _ in 0..3 {
            queue.push_after(Duration::ZERO, ());
        }
    }
}
