//! What the player says of itself: where it is, how long a seek took, how exactly it started.

use std::time::{Duration, Instant};

use signal_proto::playback::PlaybackState;
use signal_proto::sync::controller::{Input as Drift, Output as Correct, Position};
use signal_proto::time::MediaTime;

use super::{ALIGN_MARGIN, ALIGN_TRIES, Doing, SEEK_LATENCY_MAX, STAND_MAX};
use crate::participant::Participant;
use crate::participant::io::Output;
use crate::participant::notices::Subject;
use crate::player::{Command, Sample};
use crate::view::Part;
use crate::words::Plain;

/// The longest that a player is believed to take from "play" to the first picture.
const START_LATENCY_MAX: f64 = 0.5;

impl Participant {
    /// The player said that a seek is over.
    pub(in crate::participant) fn on_sought(&mut self, now: Instant, at: MediaTime) {
        let moving = self.play.player.told_running;
        self.play.player.at = Some(Sample { at, taken: now, moving });
        let Doing::Seeking { since, corrects, .. } = self.play.doing else { return self.direct(now) };
        let took = now.saturating_duration_since(since);
        self.play.seek_latency = ((self.play.seek_latency + took) / 2).min(SEEK_LATENCY_MAX);
        if corrects {
            self.play.controller.handle_input(now, Drift::Seeked { took });
        }
        self.play.doing = Doing::Free;
        self.direct(now);
    }

    /// The player cannot seek there: it plays from where it is.
    pub(in crate::participant) fn on_seek_failed(&mut self, now: Instant) {
        self.play.tries = ALIGN_TRIES;
        self.play.doing = Doing::Free;
        if self.play.player.at.is_none() {
            self.output(Output::Player(Command::AskPosition));
        }
        match self.play.anchor.as_ref().map(|anchor| anchor.state) {
            Some(PlaybackState::Playing) => self.direct(now),
            Some(PlaybackState::Paused | PlaybackState::Waiting) => self.play.doing = Doing::Standing,
            None => {}
        }
    }

    /// The player said where it is.
    pub(in crate::participant) fn on_position(&mut self, now: Instant, sample: Sample) {
        self.play.player.at = Some(sample);
        match self.play.part {
            Part::CatchingUp => return self.meet_the_room(now),
            Part::Spectating => return,
            Part::InStep | Part::Choosing => {}
        }
        match self.play.doing {
            Doing::Running { .. } | Doing::Standing => {}
            Doing::Free | Doing::Seeking { .. } | Doing::Starting => return,
        }
        let server_now = self.play.server_now(sample.taken);
        let room = self.play.anchor.as_ref().map_or(0.0, |anchor| anchor.position_at(server_now).seconds());
        let end = self.film.as_ref().and_then(|film| film.duration);
        if end.is_some_and(|end| room >= end.seconds() - STAND_MAX) {
            // Beyond the film's end nobody can be in step.
            return;
        }
        let position = Position {
            server_now,
            at: sample.at,
            moving: sample.moving && !self.play.player.buffering,
            ahead_of_room: self.film.as_ref().map_or(Duration::ZERO, |film| film.ahead(room)),
        };
        self.play.controller.handle_input(now, Drift::Position(position));
        self.learn_start();
        self.follow_controller(now);
        let correcting = self.play.is_correcting();
        self.play.clock.set_correcting(now, correcting);
    }

    /// The first drift after a start on the instant is what the start was wrong by.
    fn learn_start(&mut self) {
        let Doing::Running { unmeasured: true } = self.play.doing else { return };
        let Some(drift) = self.play.controller.drift() else { return };
        self.play.doing = Doing::Running { unmeasured: false };
        if drift.abs() < START_LATENCY_MAX {
            let latency = self.play.start_latency - drift / self.play.speed() / 2.0;
            self.play.start_latency = latency.clamp(0.0, START_LATENCY_MAX);
        }
    }

    /// Does what the controller wants.
    pub(in crate::participant) fn follow_controller(&mut self, now: Instant) {
        while let Some(output) = self.play.controller.poll_output() {
            let is_ours = self.play.player.open && self.play.part == Part::InStep;
            match output {
                Correct::AskPosition if self.play.player.open => self.output(Output::Player(Command::AskPosition)),
                Correct::SetRate(rate) if is_ours => {
                    self.tell_rate(rate);
                    self.changed = true;
                }
                Correct::Seek(to) if is_ours => {
                    // It goes a little further and starts on the instant, since no seek takes as long as the one before.
                    let is_running = matches!(self.play.doing, Doing::Running { .. });
                    let margin = if is_running { ALIGN_MARGIN.as_secs_f64() * self.play.speed() } else { 0.0 };
                    self.tell_running(false);
                    self.play.unreachable = false;
                    self.seek(now, to.plus(margin), true);
                }
                Correct::Buffering if is_ours => self.play.unreachable = true,
                Correct::Widened => self.notice_plain(Subject::Sync, Plain::KeptLessClosely),
                Correct::AskPosition | Correct::SetRate(_) | Correct::Seek(_) | Correct::Buffering => {}
            }
        }
    }

    pub(in crate::participant) fn sample_timeout(&mut self, now: Instant) {
        self.play.controller.handle_timeout(now);
        self.follow_controller(now);
    }
}
