//! The player is brought to where the room is, and started at the very moment the room is there.

use std::time::{Duration, Instant};

use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::sync::controller::Input as Drift;
use signal_proto::time::MediaTime;

use super::{ALIGN_MARGIN, ALIGN_TRIES, Doing, STAND_MAX, STAND_TOLERANCE};
use crate::participant::Participant;
use crate::participant::timers::Wake;
use crate::player::Sample;
use crate::view::Part;

/// A running player this far from the room jumped, or the room did: it is brought there at once.
const JUMP: f64 = 0.6;
/// A start that is so late is made good by the rate.
const LATE_MAX: Duration = Duration::from_millis(150);
/// A player that stands ahead of the room waits for it no longer than that; further ahead it seeks back.
const HOLD_MAX: Duration = Duration::from_secs(5);

impl Participant {
    /// The room said where it is. What is older than what is known says nothing.
    pub(in crate::participant) fn on_anchor(&mut self, now: Instant, anchor: Anchor) {
        if self.play.anchor.as_ref().is_some_and(|known| anchor.order() < known.order()) {
            return;
        }
        if self.play.clock.delay().is_none() && self.play.anchor.is_none() {
            self.play.rough = (now, anchor.at);
        }
        self.set_anchor(now, anchor);
    }

    /// The room is there from now on, by its own word or, without a server, by ours.
    pub(in crate::participant) fn set_anchor(&mut self, now: Instant, anchor: Anchor) {
        let is_same = self.play.anchor.as_ref().is_some_and(|known| is_same_course(known, &anchor));
        self.play.anchor = Some(anchor.clone());
        self.changed = true;
        if is_same {
            return;
        }
        self.note_course(&anchor);
        self.play.tries = 0;
        self.play.unreachable = false;
        self.play.player.ended = false;
        self.play.player.stepped = false;
        self.play.controller.handle_input(now, Drift::Anchor(anchor));
        self.follow_controller(now);
        if matches!(self.play.doing, Doing::Seeking { .. }) {
            // It may be on its way to a place that is not the room's any more.
            self.play.doing = Doing::Free;
            self.play.player.at = None;
        }
        self.direct(now);
        self.keep_place(now);
    }

    /// Tells the player what follows from where the room is and where it is itself.
    pub(in crate::participant) fn direct(&mut self, now: Instant) {
        self.timers.stop(Wake::Start);
        let is_ours = self.play.player.open && self.play.part == Part::InStep;
        let Some(anchor) = self.play.anchor.clone().filter(|_| is_ours) else { return };
        if matches!(self.play.doing, Doing::Seeking { .. }) {
            return;
        }
        match anchor.state {
            PlaybackState::Paused | PlaybackState::Waiting => {
                self.tell_running(false);
                let tolerance = if anchor.state == PlaybackState::Waiting { STAND_TOLERANCE } else { STAND_MAX };
                if self.play.player.stepped || !self.put(now, anchor.position, tolerance) {
                    self.play.doing = Doing::Standing;
                }
            }
            PlaybackState::Playing => {
                let server_now = self.play.server_now(now);
                match anchor.starts_at(server_now) {
                    Some(start) => self.prepare_start(now, &anchor, self.play.instant_of(now, start)),
                    None if self.play.player.told_running => self.keep_running(now),
                    None => self.start_with_the_room(now, &anchor),
                }
            }
        }
    }

    /// Before a scheduled start: to its place if that can be done in time, then the timer.
    fn prepare_start(&mut self, now: Instant, anchor: &Anchor, start: Instant) {
        self.tell_running(false);
        let left = start.saturating_duration_since(now);
        let has_time = left > self.play.seek_latency + ALIGN_MARGIN / 2;
        let tolerance = if has_time { STAND_TOLERANCE } else { STAND_MAX };
        if !self.put(now, anchor.position, tolerance) {
            self.start_with_the_room(now, anchor);
        }
    }

    /// The player stands and the room runs, or is about to: it starts when the room is where it is.
    fn start_with_the_room(&mut self, now: Instant, anchor: &Anchor) {
        let Some(place) = self.play.player_place(now) else { return self.align(now) };
        let ahead = (place - self.play.output_offset - anchor.position.seconds()) / anchor.rate.get();
        let meets = anchor.at.plus_millis(millis(ahead - self.play.start_latency));
        let server_now = self.play.server_now(now);
        let late = server_now.millis_since(meets);
        if late >= 0 && Duration::from_millis(late.unsigned_abs()) <= LATE_MAX || self.play.tries >= ALIGN_TRIES {
            return self.run(now, false);
        }
        if late < 0 && server_now.until(meets) <= HOLD_MAX.max(server_now.until(anchor.at) + LATE_MAX) {
            self.play.doing = Doing::Starting;
            let at = self.play.instant_of(now, meets);
            return self.timers.set(Wake::Start, at);
        }
        self.align(now);
    }

    /// The player runs and the room does: the controller keeps them together, unless one of them has jumped.
    fn keep_running(&mut self, now: Instant) {
        let room = self.room_place(now) + self.play.output_offset;
        if self.play.player_place(now).is_some_and(|place| (place - room).abs() > JUMP) {
            self.align(now);
        } else {
            self.play.doing = Doing::Running { unmeasured: false };
        }
    }

    /// Sends the player a little ahead of the running room, to start when that is there.
    fn align(&mut self, now: Instant) {
        let end = self.film.as_ref().and_then(|film| film.duration);
        let room = self.room_place(now);
        if let Some(end) = end.filter(|end| room >= end.seconds()) {
            self.tell_running(false);
            self.put(now, end, STAND_MAX);
            return;
        }
        self.play.tries += 1;
        // Each attempt that came too late shows that a seek takes longer here.
        let lead = (self.play.seek_latency + ALIGN_MARGIN * self.play.tries).as_secs_f64() * self.play.speed();
        self.tell_running(false);
        self.seek(now, MediaTime::saturating(room + lead + self.play.output_offset), false);
    }

    /// Puts a standing player there unless it is; says whether it had to.
    fn put(&mut self, now: Instant, place: MediaTime, tolerance: f64) -> bool {
        let place = place.plus(self.play.output_offset);
        // Frames of a film have a length: a player that stands shows the one before.
        let is_there = self.play.player_place(now).is_some_and(|at| (at - place.seconds()).abs() <= tolerance);
        if !is_there {
            self.seek(now, place, false);
        }
        !is_there
    }

    /// From now on it runs with the room.
    pub(in crate::participant) fn run(&mut self, now: Instant, on_the_instant: bool) {
        self.play.tries = 0;
        if let Some(at) = self.play.player.at.as_mut().filter(|at| !at.moving) {
            // Until it says so itself: its first picture comes after what a start takes.
            let first = now + Duration::from_secs_f64(self.play.start_latency);
            *at = Sample { taken: first, moving: true, ..*at };
        }
        self.play.doing = Doing::Running { unmeasured: on_the_instant };
        self.tell_running(true);
        if let Some(anchor) = self.play.anchor.clone() {
            self.play.controller.handle_input(now, Drift::Anchor(anchor));
            self.follow_controller(now);
        }
    }
}

/// Two anchors that put the film at the same places at the same moments, to a few milliseconds: one told again.
fn is_same_course(known: &Anchor, told: &Anchor) -> bool {
    let is_same = known.order() == told.order() && known.state == told.state && known.rate == told.rate;
    let there = known.position_at(told.at);
    let to_come = known.at > told.at && known.state == PlaybackState::Playing;
    is_same && !to_come && (there.seconds() - told.position.seconds()).abs() < 0.005
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a film, in milliseconds")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
