//! What the player is told: where to, whether it runs, how fast.

use std::time::Instant;

use signal_proto::time::MediaTime;

use super::Doing;
use crate::participant::Participant;
use crate::participant::io::Output;
use crate::player::Command;
use crate::view::Part;

impl Participant {
    pub(super) fn seek(&mut self, now: Instant, to: MediaTime, corrects: bool) {
        let end = self.film.as_ref().and_then(|film| film.duration);
        let to = end.map_or(to, |end| to.min(end));
        self.play.doing = Doing::Seeking { since: now, to, corrects };
        self.play.player.at = None;
        self.play.player.ended = false;
        self.output(Output::Player(Command::Seek(to)));
        self.changed = true;
    }

    pub(in crate::participant) fn tell_running(&mut self, running: bool) {
        if self.play.player.told_running != running {
            self.play.player.told_running = running;
            self.output(Output::Player(if running { Command::Play } else { Command::Pause }));
        }
    }

    pub(in crate::participant) fn tell_rate(&mut self, rate: f64) {
        if (self.play.player.rate - rate).abs() > f64::EPSILON {
            self.play.player.rate = rate;
            self.output(Output::Player(Command::SetRate(rate)));
        }
    }

    /// Looks at the pictures around the place where the room stands.
    pub(in crate::participant) fn step(&mut self, frames: i32) {
        let is_ours = self.play.player.open && self.play.part != Part::CatchingUp;
        if is_ours && !self.play.player.told_running && matches!(self.play.doing, Doing::Standing | Doing::Free) {
            self.play.player.stepped = true;
            self.output(Output::Player(Command::StepFrame(frames)));
        }
    }
}
