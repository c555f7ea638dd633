//! A sound device takes a while to begin. PulseAudio's time even runs on while nothing plays yet, and when something does, begins
//! anew: a film would stand for as long as it waited for its start. After that, each start takes a millisecond. So the device
//! begins before anybody waits for it: the film's first moments are played to nobody, between its first picture and its being open.

use std::time::{Duration, Instant};

use super::film::{Film, Phase};
use crate::limits::{COOLING_MAX, WARM_AFTER, WARMING_LOOK_EVERY, WARMING_MAX};

/// A device on its way, or on its way back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warming {
    /// The device plays when the film has come so far.
    to: Duration,
    /// Not waited for any longer.
    until: Instant,
    next: Instant,
}

impl Film {
    /// The device begins.
    pub(super) fn warm_up(&mut self) {
        let now = Instant::now();
        self.phase = Phase::Warming;
        self.warming = Some(Warming {
            to: self.pipeline.position().unwrap_or_default() + WARM_AFTER,
            until: now + WARMING_MAX,
            next: now + WARMING_LOOK_EVERY,
        });
        self.pipeline.shutter.close();
        self.apply_volume();
        self.pipeline.set_state(gst::State::Playing);
    }

    pub(super) fn warm(&mut self, now: Instant) {
        let Some(Warming { to, until, .. }) = self.warming.filter(|warming| warming.next <= now) else { return };
        let is_over = now >= until;
        match self.phase {
            Phase::Warming if is_over || self.pipeline.position() >= Some(to) => self.cool_down(),
            Phase::Cooling if is_over => self.begin_at_start(),
            Phase::Warming | Phase::Cooling => {
                self.warming = Some(Warming { to, until, next: now + WARMING_LOOK_EVERY });
            }
            Phase::Opening | Phase::Starting | Phase::Open => self.warming = None,
        }
    }

    /// The device plays: back to the beginning, as soon as the film stands.
    pub(super) fn cool_down(&mut self) {
        let now = Instant::now();
        self.phase = Phase::Cooling;
        self.warming = Some(Warming { to: Duration::MAX, until: now + COOLING_MAX, next: now + COOLING_MAX });
        self.pipeline.set_state(gst::State::Paused);
    }

    pub(super) fn warming_due(&self) -> Option<Instant> {
        self.warming.map(|warming| warming.next)
    }
}
