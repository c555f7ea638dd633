//! A film is opened in the player, and what holds when the player has it, lost it or is gone.

use std::time::{Duration, Instant};

use signal_proto::sync::controller::Input as Drift;
use signal_proto::time::MediaTime;

use super::{Doing, Seen};
use crate::participant::Participant;
use crate::participant::io::Output;
use crate::participant::timers::Wake;
use crate::player::{Command, Sample};
use crate::view::Part;

/// What opening a film takes, as a plan for where to open one that runs.
const OPEN_LATENCY: Duration = Duration::from_millis(700);
/// A player that crashed is opened again after so long.
const REOPEN_AFTER: Duration = Duration::from_secs(2);

impl Participant {
    /// Opens the film where the room is, or where this viewer wants to begin.
    pub(in crate::participant) fn open_player(&mut self, now: Instant) {
        self.timers.stop(Wake::Player);
        let Some(film) = &self.film else { return };
        let Some(url) = film.url.clone().filter(|_| !self.play.player.closed && !film.failed) else { return };
        let title = film.name.clone();
        let start = match self.play.part {
            Part::CatchingUp => MediaTime::ZERO,
            Part::InStep | Part::Choosing | Part::Spectating => {
                let lead = if self.play.room_runs(now) { OPEN_LATENCY.as_secs_f64() * self.play.speed() } else { 0.0 };
                let place = MediaTime::saturating(self.room_place(now) + lead + self.play.output_offset);
                film.duration.map_or(place, |end| place.min(end))
            }
        };
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        self.play.player = Seen { loading: Some(start), volume, muted, rate: 1.0, ..Seen::default() };
        self.play.doing = Doing::Free;
        self.play.tries = 0;
        self.output(Output::Player(Command::Load { url, start, title }));
        self.changed = true;
    }

    /// A frame of the film is shown.
    pub(in crate::participant) fn on_opened(&mut self, now: Instant) {
        self.play.player.open = true;
        // It stands where it was told to open the film.
        let start = self.play.player.loading.take();
        self.play.player.at = start.map(|at| Sample { at, taken: now, moving: false });
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        if volume < 1.0 {
            self.output(Output::Player(Command::SetVolume(volume)));
        }
        if muted {
            self.output(Output::Player(Command::SetMuted(true)));
        }
        self.play.doing = Doing::Free;
        match self.play.part {
            Part::InStep | Part::Choosing => {
                let rate = self.play.controller.rate();
                self.tell_rate(rate);
                self.output(Output::Player(Command::AskPosition));
                if let Some(anchor) = self.play.anchor.clone() {
                    self.play.controller.handle_input(now, Drift::Anchor(anchor));
                    self.follow_controller(now);
                }
                self.direct(now);
            }
            Part::CatchingUp => self.catch_up(),
            Part::Spectating => self.output(Output::Player(Command::AskPosition)),
        }
    }

    pub(in crate::participant) fn on_closed(&mut self, now: Instant, crashed: bool) {
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        self.play.player = Seen { closed: !crashed, volume, muted, rate: 1.0, ..Seen::default() };
        self.play.doing = Doing::Free;
        self.timers.stop(Wake::Start);
        if crashed {
            self.timers.set(Wake::Player, now + REOPEN_AFTER);
        }
    }

    /// The film is not open any more.
    pub(in crate::participant) fn on_player_failed(&mut self, now: Instant, opens_again: bool) {
        self.play.forget_player();
        self.timers.stop(Wake::Start);
        if opens_again {
            self.timers.set(Wake::Player, now + REOPEN_AFTER);
        }
    }
}
