//! What must hold at every moment of an evening, and what is measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use session_proto::participant::Wake;

use super::evening::Profile;

/// The contract's bounds of waiting, and a moment for the message to be on its way.
const WAIT_MAX: Duration = Duration::from_millis(15_100);
/// The room may say its place again a little earlier than it was, by rounding.
const BACK_MAX: f64 = 0.05;
/// Changes of rate a minute that people do not notice.
const RATE_CHANGES_MAX: usize = 6;
/// A reason to be woken comes not so often in so little time with nothing in between.
const SAME_WAKES_MAX: u32 = 20;

/// What was seen, to compare with what is promised.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Differences between pairs that play in step, in seconds, four times a second.
    pub drifts: Vec<f64>,
    /// Differences between pairs a second after a start that was scheduled.
    pub starts: Vec<f64>,
    /// Waits of the room.
    pub waits: u32,
    /// Changes of rate by all players, and minutes of playing.
    pub rate_changes: u32,
    /// Events, for comparing two runs of one seed.
    pub trace: u64,
}

impl Numbers {
    /// Adds another evening's.
    pub fn add(&mut self, other: &Self) {
        self.drifts.extend(&other.drifts);
        self.starts.extend(&other.starts);
        self.waits += other.waits;
        self.rate_changes += other.rate_changes;
        self.trace ^= other.trace;
    }

    /// That part of the values is below it, in milliseconds.
    pub fn percentile(values: &[f64], per_mille: usize) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(f64::NAN, |value| value * 1000.0)
    }

    /// A line to compare with others.
    pub fn line(&self, profile: Profile) -> String {
        let drift = |per_mille| Self::percentile(&self.drifts, per_mille);
        let far = self.drifts.iter().filter(|drift| **drift > 0.6).count();
        let share = ratio(far, self.drifts.len()) * 100.0;
        format!(
            "{profile:?}: drift p50 {:.0} p95 {:.0} p99 {:.0} ms, above 600 ms {share:.2} %; start p50 {:.0} p95 {:.0} ms; {} samples, {} starts, {} waits",
            drift(500),
            drift(950),
            drift(990),
            Self::percentile(&self.starts, 500),
            Self::percentile(&self.starts, 950),
            self.drifts.len(),
            self.starts.len(),
            self.waits,
        )
    }
}

/// Watches an evening.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) numbers: Numbers,
    /// Since when the room has waited, for which anchor.
    waiting: Option<(Instant, Value)>,
    /// The room's last word: its order, action, place, moment and rate.
    last: Option<(Value, f64, Instant, f64, bool)>,
    rates: BTreeMap<usize, Vec<Instant>>,
    anchored: Option<Instant>,
    wakes: BTreeMap<usize, (Wake, Instant, u32)>,
}

impl Rules {
    /// The server says where the room is.
    pub(super) fn room_state(&mut self, now: Instant, state: &Value) -> Result<(), String> {
        let waits = state["state"] == "waiting";
        if waits {
            if state["waitingOn"].as_array().is_none_or(Vec::is_empty) {
                return Err(format!("the room waits for nobody: {state}"));
            }
            let (deadline, at) = (state["deadline"].as_i64(), state["at"].as_i64());
            let left = deadline.zip(at).map(|(deadline, at)| deadline - at);
            if left.is_none_or(|left| left > i64::try_from(WAIT_MAX.as_millis()).unwrap_or(i64::MAX)) {
                return Err(format!("a wait without a deadline: {state}"));
            }
        }
        let key = Value::from(vec![state["epoch"].clone(), state["actionId"].clone()]);
        match (&self.waiting, waits) {
            (Some((since, known)), true) if *known == key => {
                if now - *since > WAIT_MAX {
                    return Err(format!("it waits since {:?}: {state}", now - *since));
                }
            }
            (_, true) => {
                self.numbers.waits += 1;
                self.waiting = Some((now, key));
            }
            (_, false) => self.waiting = None,
        }
        self.place(now, state)
    }

    /// The place may go back by somebody's wish alone.
    fn place(&mut self, now: Instant, state: &Value) -> Result<(), String> {
        let (time, rate) = (state["time"].as_f64().unwrap_or_default(), state["rate"].as_f64().unwrap_or(1.0));
        let action = Value::from(vec![state["epoch"].clone(), state["actionId"].clone()]);
        let runs = state["state"] == "playing";
        // Until a start that is scheduled it stands.
        let starts_in =
            state["startAt"].as_i64().zip(state["at"].as_i64()).map_or(0, |(start, at)| (start - at).max(0));
        let since = now + Duration::from_millis(u64::try_from(starts_in).unwrap_or_default());
        let is_rooms = state["actionId"].as_str().is_some_and(|action| action.starts_with("room-"));
        if let Some((last, place, began, speed, ran)) = &self.last {
            let same = *last == action || is_rooms;
            let expected = place + if *ran { now.saturating_duration_since(*began).as_secs_f64() * speed } else { 0.0 };
            if same && !is_rooms && time < place - BACK_MAX {
                return Err(format!("the place went back by itself from {place} to {time}: {state}"));
            }
            // The room's own actions leave it where it is.
            if is_rooms && *last != action && (time - expected).abs() > 2.0 && !self.was_forgotten(state) {
                return Err(format!("the room moved itself from {expected} to {time}: {state}"));
            }
            if *last != action {
                self.anchored = Some(now);
            }
        }
        self.last = Some((action, time, since, rate, runs));
        Ok(())
    }

    /// A room that was formed again goes by a member's memory.
    fn was_forgotten(&self, state: &Value) -> bool {
        state["actionId"].as_str().is_some_and(|action| action.starts_with("room-again"))
    }

    /// The server forgot the room; what it says next is a member's memory.
    pub(super) fn forget(&mut self) {
        (self.waiting, self.last) = (None, None);
    }

    /// When the room moved last.
    pub(super) const fn anchored(&self) -> Option<Instant> {
        self.anchored
    }

    /// A player was told another rate.
    pub(super) fn rate_change(&mut self, now: Instant, seat: usize) -> Result<(), String> {
        self.numbers.rate_changes += 1;
        // Those that go with an anchor are the room's.
        if self.anchored.is_some_and(|at| now - at < Duration::from_secs(2)) {
            return Ok(());
        }
        let changes = self.rates.entry(seat).or_default();
        changes.retain(|at| now - *at < Duration::from_secs(60));
        changes.push(now);
        if changes.len() > RATE_CHANGES_MAX + 2 {
            return Err(format!("seat {seat}: {} changes of rate in a minute", changes.len()));
        }
        Ok(())
    }

    /// Somebody is woken for a reason.
    pub(super) fn wake(&mut self, now: Instant, seat: usize, wake: Wake) -> Result<(), String> {
        let (known, since, count) = self.wakes.entry(seat).or_insert((wake, now, 0));
        if *known == wake && now - *since < Duration::from_millis(10) {
            *count += 1;
            if *count > SAME_WAKES_MAX {
                return Err(format!("seat {seat} is woken for {wake:?} again and again"));
            }
        } else {
            (*known, *since, *count) = (wake, now, 0);
        }
        Ok(())
    }
}

fn ratio(part: usize, all: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if all == 0 { 0.0 } else { float(part) / float(all) }
}
