//! Drift: keeps one player at the room's place, by a gentle rate when little is wrong and by a seek when much is.
//!
//! Whether the player plays or stands is not decided here: the anchor says so, and the participant obeys it. Every number is a
//! starting value of docs/sync.md; a weak device gets wider bands, not more corrections.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::playback::{Anchor, PlaybackState};
use crate::time::{MediaTime, ServerTime};

/// Positions that the median is taken of: one wild one in three changes nothing.
const MEDIAN_OF: usize = 3;

/// An error is to be gone in about so long, and a nudge is chosen at most so often.
const NUDGE_FOR: Duration = Duration::from_secs(10);
/// The strongest nudge, whatever the player can do: more is heard.
const NUDGE_MAX: f64 = 0.05;
/// Nudges are whole steps of this.
const NUDGE_STEP: f64 = 0.01;
/// When a nudge's effect is looked at, at the earliest; a weak device is looked at seldom, and the median must be of positions after it.
const NUDGE_CHECK_AFTER: Duration = Duration::from_millis(500);
/// And not before it should have moved the film by so many seconds: players' positions jitter by about half of it.
const NUDGE_CHECK_SHIFT: f64 = 0.02;
/// Less than this part of what a nudge should have done: it was in vain.
const NUDGE_EFFECT_MIN: f64 = 0.25;
/// So often in a row: the player ignores rates.
const NUDGES_IN_VAIN_MAX: u32 = 3;

/// Changes of rate a minute that people do not notice.
const RATE_CHANGES_MAX: usize = 6;
const RATE_CHANGES_WITHIN: Duration = Duration::from_secs(60);

/// How long a seek takes before the first was measured, and the longest that is planned for.
const SEEK_LATENCY_FIRST: Duration = Duration::from_millis(250);
const SEEK_LATENCY_MAX: Duration = Duration::from_secs(2);
/// A seek goes only where so much is verified.
const SEEK_AHEAD: Duration = Duration::from_secs(3);
/// After a seek a player needs a while until its position means something.
const SEEK_COOL_DOWN: Duration = Duration::from_secs(3);
/// A seek that does not end is taken for ended.
const SEEK_PATIENCE: Duration = Duration::from_secs(10);
/// So many seeks in so long: the device cannot keep such bands.
const SEEKS_MAX: usize = 3;
const SEEKS_WITHIN: Duration = Duration::from_secs(60);
/// Bands grow to four times theirs at most.
const WIDENING_MAX: f64 = 4.0;

/// What is known of the player and its device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Device {
    /// It is a slow machine: wider bands, fewer looks.
    pub weak: bool,
    /// How far its rate can change while it plays, without a seek: 0.02 for ±2 %; 0 for one that cannot.
    pub live_rate_max: f64,
    /// How much later than the position says the sound leaves the speakers, in seconds; the user's setting.
    pub output_offset: f64,
}

/// What happens to a controller.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The room's anchor, on joining and whenever it moved.
    Anchor(Anchor),
    /// The answer to [`Output::AskPosition`].
    Position(Position),
    /// The player has ended a seek that was asked for and shows a frame.
    Seeked {
        /// From asking to the frame.
        took: Duration,
    },
}

/// Where the player is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// The server's clock at the same moment.
    pub server_now: ServerTime,
    /// The player's position then.
    pub at: MediaTime,
    /// Frames come: it neither stands nor buffers.
    pub moving: bool,
    /// How much of the film is verified without a gap from the room's place on; [`Duration::MAX`] when that reaches its end.
    pub ahead_of_room: Duration,
}

/// What a controller wants done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// Say where the player is.
    AskPosition,
    /// Play at this rate; the room's speed is in it.
    SetRate(f64),
    /// Go there, exactly.
    Seek(MediaTime),
    /// The room's place cannot be reached yet: its bytes are not here.
    Buffering,
    /// This device cannot stay so close to the room; it will be kept less closely. For the user.
    Widened,
}

/// Why a controller wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// To look at the position.
    Sample,
}

/// Keeps one player in step. Errors are positive when the player is ahead of the room.
#[derive(Clone, Debug)]
pub struct SyncController {
    device: Device,
    anchor: Option<Anchor>,
    errors: VecDeque<f64>,
    doing: Doing,
    next_sample: Instant,
    /// The nudge in force; 0 is none.
    nudge: f64,
    /// Nudges do nothing to this player, in this film.
    deaf: bool,
    /// So many looks in a row found a nudge without effect.
    nudges_in_vain: u32,
    rate_changes: VecDeque<Instant>,
    seeks: VecDeque<Instant>,
    seek_latency: Duration,
    widening: f64,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    /// Just started, sought or joined.
    Settling,
    Holding,
    Nudging {
        chosen: Instant,
        /// The error when the nudge was chosen, until its effect was looked at.
        from: Option<f64>,
    },
    Seeking {
        since: Instant,
    },
    Cooling {
        until: Instant,
    },
}

/// In seconds.
struct Bands {
    settle: f64,
    hold: f64,
    nudge: f64,
    paused: f64,
}

impl SyncController {
    /// A controller that knows no anchor yet.
    pub const fn new(now: Instant, device: Device) -> Self {
        Self {
            device,
            anchor: None,
            errors: VecDeque::new(),
            doing: Doing::Settling,
            next_sample: now,
            nudge: 0.0,
            deaf: false,
            nudges_in_vain: 0,
            rate_changes: VecDeque::new(),
            seeks: VecDeque::new(),
            seek_latency: SEEK_LATENCY_FIRST,
            widening: 1.0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Anchor(anchor) => self.on_anchor(now, anchor),
            Input::Position(position) => self.on_position(now, position),
            Input::Seeked { took } => {
                // Half of what was learned stays, so that one slow seek is not believed wholly.
                self.seek_latency = ((self.seek_latency + took) / 2).min(SEEK_LATENCY_MAX);
                self.sought(now);
            }
        }
    }

    /// Does what [`SyncController::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.next_sample {
            self.next_sample = now + self.sample_every();
            self.outputs.push_back(Output::AskPosition);
        }
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`SyncController::handle_timeout`], and why; `None` while there is no anchor.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.anchor.as_ref().map(|_| (self.next_sample, Wake::Sample))
    }

    /// The error in seconds, positive when the player is ahead, once it was seen three times since the last jump.
    pub fn drift(&self) -> Option<f64> {
        if self.errors.len() < MEDIAN_OF {
            return None;
        }
        let mut sorted: Vec<f64> = self.errors.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(MEDIAN_OF / 2).copied()
    }

    /// Whether something is being corrected, for which the clock should be known more exactly.
    pub const fn is_correcting(&self) -> bool {
        match self.doing {
            Doing::Holding => false,
            Doing::Settling | Doing::Nudging { .. } | Doing::Seeking { .. } | Doing::Cooling { .. } => true,
        }
    }

    /// The rate that the player was told, the room's speed in it.
    pub fn rate(&self) -> f64 {
        self.anchor.as_ref().map_or(1.0, |anchor| anchor.rate.get()) * (1.0 + self.nudge)
    }

    fn on_anchor(&mut self, now: Instant, anchor: Anchor) {
        let before = self.anchor.replace(anchor);
        let is_new_film = before.as_ref().map(|before| before.epoch) != self.anchor.as_ref().map(|anchor| anchor.epoch);
        let rate_changed = before.as_ref().map(|before| before.rate) != self.anchor.as_ref().map(|anchor| anchor.rate);
        if is_new_film {
            self.deaf = false;
            self.nudges_in_vain = 0;
            self.widening = 1.0;
            self.seeks.clear();
        }
        self.errors.clear();
        self.doing = Doing::Settling;
        if self.nudge != 0.0 || (rate_changed && before.is_some()) {
            self.set_nudge(now, 0.0);
        }
        self.next_sample = self.next_sample.min(now + self.sample_every());
    }

    fn on_position(&mut self, now: Instant, position: Position) {
        let Some(anchor) = &self.anchor else { return };
        let room = anchor.position_at(position.server_now);
        let runs = anchor.state == PlaybackState::Playing && anchor.starts_at(position.server_now).is_none();
        let speed = anchor.rate.get();
        match self.doing {
            Doing::Seeking { since } if now.saturating_duration_since(since) < SEEK_PATIENCE => return,
            Doing::Seeking { .. } => return self.sought(now),
            Doing::Cooling { until } if now < until => return,
            Doing::Cooling { .. } => self.doing = Doing::Settling,
            Doing::Settling | Doing::Holding | Doing::Nudging { .. } => {}
        }
        let error = position.at.seconds() - room.seconds() - self.device.output_offset;
        self.errors.push_back(error);
        if self.errors.len() > MEDIAN_OF {
            self.errors.pop_front();
        }
        let Some(error) = self.drift() else { return };
        if !runs {
            return self.stand_exactly(now, room, error);
        }
        if !position.moving {
            // It buffers: that is neither drift nor mended by a rate, but by going to the room once its bytes are here.
            if error.abs() > self.bands().nudge {
                self.seek_or_wait(now, room, speed, position.ahead_of_room);
            }
            return;
        }
        self.correct(now, room, speed, error, position.ahead_of_room);
    }

    /// A film that stands has no clock to follow: it is put where it belongs, once.
    fn stand_exactly(&mut self, now: Instant, room: MediaTime, error: f64) {
        if self.nudge != 0.0 {
            self.set_nudge(now, 0.0);
        }
        if error.abs() > self.bands().paused {
            self.begin_seek(now, room.plus(self.device.output_offset));
        } else {
            self.doing = Doing::Settling;
        }
    }

    fn correct(&mut self, now: Instant, room: MediaTime, speed: f64, error: f64, ahead: Duration) {
        let bands = self.bands();
        if error.abs() > bands.nudge && self.seek_or_wait(now, room, speed, ahead) {
            return;
        }
        match self.doing {
            Doing::Nudging { chosen, from } => self.go_on_nudging(now, error, chosen, from),
            Doing::Settling if error.abs() <= bands.settle => self.doing = Doing::Holding,
            Doing::Holding if error.abs() <= bands.hold => {}
            Doing::Settling | Doing::Holding => self.begin_nudge(now, error),
            Doing::Seeking { .. } | Doing::Cooling { .. } => {}
        }
    }

    /// Goes to the room's place if enough is verified there; says whether it does.
    fn seek_or_wait(&mut self, now: Instant, room: MediaTime, speed: f64, ahead: Duration) -> bool {
        if ahead < self.seek_latency + SEEK_AHEAD {
            self.outputs.push_back(Output::Buffering);
            return false;
        }
        let target = room.plus(self.device.output_offset + self.seek_latency.as_secs_f64() * speed);
        self.begin_seek(now, target);
        true
    }

    fn begin_seek(&mut self, now: Instant, target: MediaTime) {
        if self.nudge != 0.0 {
            self.set_nudge(now, 0.0);
        }
        self.doing = Doing::Seeking { since: now };
        self.outputs.push_back(Output::Seek(target));
        self.seeks.push_back(now);
        self.seeks.retain(|at| now.saturating_duration_since(*at) < SEEKS_WITHIN);
        if self.seeks.len() >= SEEKS_MAX && self.widening < WIDENING_MAX {
            self.widening *= 2.0;
            self.seeks.clear();
            self.outputs.push_back(Output::Widened);
        }
    }

    fn sought(&mut self, now: Instant) {
        self.errors.clear();
        self.doing = Doing::Cooling { until: now + SEEK_COOL_DOWN };
    }

    fn begin_nudge(&mut self, now: Instant, error: f64) {
        self.rate_changes.retain(|at| now.saturating_duration_since(*at) < RATE_CHANGES_WITHIN);
        let strongest = self.device.live_rate_max.min(NUDGE_MAX);
        if self.deaf || strongest < NUDGE_STEP {
            self.doing = Doing::Holding;
            return;
        }
        // One change is kept for the way back.
        if self.rate_changes.len() + 2 > RATE_CHANGES_MAX {
            return;
        }
        let steps =
            (error.abs() / NUDGE_FOR.as_secs_f64() / NUDGE_STEP).round().clamp(1.0, (strongest / NUDGE_STEP).floor());
        let nudge = -error.signum() * steps * NUDGE_STEP;
        if (nudge - self.nudge).abs() > f64::EPSILON {
            self.set_nudge(now, nudge);
        }
        self.doing = Doing::Nudging { chosen: now, from: Some(error) };
    }

    fn go_on_nudging(&mut self, now: Instant, error: f64, chosen: Instant, from: Option<f64>) {
        let since = now.saturating_duration_since(chosen);
        let should_have = self.nudge * since.as_secs_f64();
        let looked = NUDGE_CHECK_AFTER.max(self.sample_every() * 3);
        let is_time = since >= looked && should_have.abs() >= NUDGE_CHECK_SHIFT;
        if let Some(before) = from.filter(|_| is_time) {
            if (error - before) / should_have < NUDGE_EFFECT_MIN {
                return self.nudged_in_vain(now, error);
            }
            self.nudges_in_vain = 0;
            self.doing = Doing::Nudging { chosen, from: None };
        }
        // It overshoots once the nudge pushes away from the room.
        let is_there = error.abs() <= self.bands().settle / 2.0 || (error * self.nudge) > 0.0;
        if is_there {
            self.set_nudge(now, 0.0);
            self.doing = Doing::Holding;
        } else if since >= NUDGE_FOR {
            // Should no more changes be left in this minute, the one in force goes on.
            self.doing = Doing::Nudging { chosen: now, from: None };
            self.begin_nudge(now, error);
        }
    }

    /// One look alone proves nothing: a player that stumbles loses more than a nudge wins.
    fn nudged_in_vain(&mut self, now: Instant, error: f64) {
        self.nudges_in_vain += 1;
        if self.nudges_in_vain < NUDGES_IN_VAIN_MAX {
            self.doing = Doing::Nudging { chosen: now, from: Some(error) };
        } else {
            self.deaf = true;
            self.set_nudge(now, 0.0);
            self.doing = Doing::Holding;
        }
    }

    fn set_nudge(&mut self, now: Instant, nudge: f64) {
        self.nudge = nudge;
        self.rate_changes.push_back(now);
        self.outputs.push_back(Output::SetRate(self.rate()));
    }

    const fn sample_every(&self) -> Duration {
        if self.device.weak { Duration::from_millis(500) } else { Duration::from_millis(250) }
    }

    fn bands(&self) -> Bands {
        let (settle, hold, nudge, paused) =
            if self.device.weak { (0.1, 0.25, 1.5, 0.5) } else { (0.04, 0.05, 0.6, 0.25) };
        let wider = self.widening;
        Bands { settle: settle * wider, hold: hold * wider, nudge: nudge * wider, paused: paused * wider }
    }
}

#[cfg(test)]
mod tests;
