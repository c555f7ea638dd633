//! Who came while the film ran: into step at once, or from the start and a little faster until the room is met.

use std::time::Instant;

use signal_proto::sync::controller::Input as Drift;
use signal_proto::time::MediaTime;

use super::{Doing, STAND_TOLERANCE};
use crate::participant::Participant;
use crate::participant::io::Output;
use crate::participant::timers::Wake;
use crate::player::Command;
use crate::view::Part;
use crate::wish::LateJoin;

/// How much faster the film plays until the room is met.
pub(in crate::participant) const CATCH_UP_RATE: f64 = 1.15;

impl Participant {
    /// How somebody who came while the film ran takes part in it.
    pub(in crate::participant) fn join_film(&mut self, now: Instant, how: LateJoin) {
        match how {
            LateJoin::Ask => self.choosing = true,
            LateJoin::Now => {
                self.choosing = false;
                self.rejoin(now);
            }
            LateJoin::FromStart => {
                self.choosing = false;
                self.play.part = Part::CatchingUp;
                self.timers.stop(Wake::Start);
                if self.play.player.open {
                    self.tell_running(false);
                    self.output(Output::Player(Command::Seek(MediaTime::ZERO)));
                    self.play.player.at = None;
                    self.catch_up();
                }
            }
        }
        self.changed = true;
    }

    /// In step from now on.
    pub(in crate::participant) fn rejoin(&mut self, now: Instant) {
        self.play.part = Part::InStep;
        self.play.doing = Doing::Free;
        self.play.tries = 0;
        if self.play.player.open {
            let rate = self.play.controller.rate();
            self.tell_rate(rate);
            if let Some(anchor) = self.play.anchor.clone() {
                self.play.controller.handle_input(now, Drift::Anchor(anchor));
                self.follow_controller(now);
            }
            self.direct(now);
        }
    }

    pub(super) fn catch_up(&mut self) {
        self.play.doing = Doing::Free;
        let rate = self.play.speed() * CATCH_UP_RATE;
        self.tell_rate(rate);
        self.tell_running(true);
    }

    /// Somebody who catches up is there.
    pub(super) fn meet_the_room(&mut self, now: Instant) {
        let room = self.room_place(now) + self.play.output_offset;
        if self.play.player_place(now).is_some_and(|place| place >= room - STAND_TOLERANCE) {
            self.rejoin(now);
            self.changed = true;
        }
    }
}
