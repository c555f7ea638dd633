//! Where a film is and how fast it goes: seeks, steps, rates, and the answer to "where is it?".

use std::time::{Duration, Instant};

use super::film::{Film, Phase};
use crate::event::{Event, Sample};
use crate::limits::{LIVE_STEP_MAX, RATE_MAX, RATE_MIN, STILL_AFTER};
use crate::seeks::{End, Seek};

/// How fast it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) wished: f64,
    /// Of the last seek.
    pub(super) base: f64,
    /// As it is now.
    pub(super) live: f64,
}

impl Default for Rate {
    fn default() -> Self {
        Self { wished: 1.0, base: 1.0, live: 1.0 }
    }
}

/// Pictures of a film that does not say how long one lasts.
const FRAME: Duration = Duration::from_millis(40);

impl Film {
    pub(super) fn seek(&mut self, to: Duration) {
        if self.phase != Phase::Open {
            // Opened there, or brought there when it is open.
            self.start = to;
            return;
        }
        let to = self.within(to);
        if let Some(seek) = self.seeks.ask(Instant::now(), to) {
            self.begin(seek);
        }
    }

    pub(super) fn set_rate(&mut self, rate: f64) {
        if rate.is_finite() {
            self.rate.wished = rate.clamp(RATE_MIN, RATE_MAX);
            self.mend_rate();
        }
    }

    pub(super) fn ask_position(&mut self) {
        self.asked = true;
        self.answer_position();
    }

    /// Steps are exact seeks: sound and subtitles come along.
    pub(super) fn step(&mut self, by: i32) {
        let Some(shown) = self.pipeline.shutter.last().filter(|_| self.phase == Phase::Open && !self.wished) else {
            return;
        };
        let from = self.seeks.target().unwrap_or(shown.at);
        let lasts = shown.lasts.unwrap_or(FRAME).max(Duration::from_millis(1));
        // A bit into the frame, so that rounding does not lead to the one before.
        let inside = lasts / 8;
        let number = (from + inside).div_duration_f64(lasts).floor();
        let number = (number + f64::from(by.signum())).max(0.0);
        self.seek(lasts.mul_f64(number) + inside);
    }

    pub(super) fn on_seek_end(&mut self, is_good: bool) {
        match self.seeks.end(Instant::now()) {
            End::Nothing => {}
            End::Next(next) => self.begin(next),
            End::Last(seek) => {
                if seek.is_told {
                    let at = self.pipeline.position().unwrap_or(seek.to);
                    self.tell(if is_good { Event::Sought(at) } else { Event::SeekFailed });
                }
                self.mend_rate();
                self.answer_position();
            }
        }
    }

    pub(super) fn begin(&mut self, seek: Seek) {
        self.rest();
        match self.pipeline.seek(seek.to, self.rate.wished) {
            Ok(()) => {
                self.ended = false;
                self.on_rate_of_seek();
            }
            Err(error) => {
                log::info!("no seek to {:?}: {error}", seek.to);
                self.on_seek_end(false);
            }
        }
    }

    /// The film goes as fast as it was sought.
    pub(super) fn on_rate_of_seek(&mut self) {
        (self.rate.base, self.rate.live) = (self.rate.wished, self.rate.wished);
        self.pipeline.set_pace(1.0);
    }

    /// Brings the rate to what is wished, unless a seek will.
    pub(super) fn mend_rate(&mut self) {
        let Rate { wished, base, live } = self.rate;
        #[expect(clippy::float_cmp, reason = "set from one another")]
        let is_right = wished == live;
        if is_right || self.phase != Phase::Open || self.seeks.is_busy() {
            return;
        }
        if (wished - base).abs() <= LIVE_STEP_MAX {
            self.pipeline.set_pace(wished / base);
            self.rate.live = wished;
            return;
        }
        self.seek_in_place();
    }

    /// Reads the film again from where it is, or goes where it is going.
    pub(super) fn seek_in_place(&mut self) {
        let here = self.pipeline.position().unwrap_or_default();
        if let Some(seek) = self.seeks.ask_again(Instant::now(), here) {
            self.begin(seek);
        }
    }

    /// Seconds of film a second.
    pub(super) const fn live_rate(&self) -> f64 {
        self.rate.live
    }

    pub(super) fn answer_position(&mut self) {
        if !self.asked || self.phase != Phase::Open || self.seeks.is_busy() {
            return;
        }
        let Some(at) = self.pipeline.position() else { return };
        let taken = (self.clock)();
        self.asked = false;
        let moving = self.is_moving(Instant::now());
        self.tell(Event::Position(Sample { at, taken, moving }));
    }

    /// Its clock runs and pictures come. A film without pictures has only its clock.
    fn is_moving(&self, now: Instant) -> bool {
        let Some(since) = self.playing_since.filter(|_| self.buffering.is_none() && !self.ended) else { return false };
        let Some(shown) = self.pipeline.shutter.last() else { return true };
        // Some films show a picture for seconds.
        let patience = shown.lasts.map_or(STILL_AFTER, |lasts| STILL_AFTER.max(lasts * 4));
        now.saturating_duration_since(shown.when.max(since)) < patience
    }

    /// A place at which there is a picture.
    pub(super) fn within(&self, to: Duration) -> Duration {
        let lasts = self.pipeline.shutter.last().and_then(|shown| shown.lasts).unwrap_or(FRAME);
        self.duration.map_or(to, |duration| to.min(duration.saturating_sub(lasts)))
    }
}
