//! A film goes a little faster or slower because its clock does.
//!
//! GStreamer has an event for that (`INSTANT_RATE_CHANGE`), which some demuxers refuse, and with which a seek or a change of state
//! that comes in the middle of it waits for ever: the sinks answer it on their own threads by way of the whole pipeline, whose
//! lock the seek holds. A clock's calibration is a number that whoever waits reads: pictures are shown by it, and sinks of sound
//! make as many samples of it as it says.

use gst::prelude::*;

/// What a pipeline's clock is made of.
#[derive(Debug)]
pub(crate) struct Pace {
    /// For films without sound, and devices that lie: the system's own clock is everybody's.
    own: gst::Clock,
    /// No device's clock is trusted.
    pub(crate) own_only: bool,
    rate: f64,
}

/// Rates are told in so many parts.
const PARTS: u32 = 10_000;

impl Pace {
    /// As fast as time.
    pub(crate) fn new() -> Self {
        Self { own: gst::glib::Object::new::<gst::SystemClock>().upcast(), own_only: false, rate: 1.0 }
    }

    /// Before it runs: a clock that is this pipeline's alone.
    pub(crate) fn choose_clock(&self, pipeline: &gst::Pipeline) {
        if self.own_only || !has_device(pipeline) {
            pipeline.use_clock(Some(&self.own));
        }
    }

    /// So much faster than the film's own rate, from now on. A pipeline that has no clock yet gets it when it runs.
    pub(crate) fn set(&mut self, rate: f64, pipeline: &gst::Pipeline) {
        self.rate = rate;
        self.keep(pipeline);
    }

    /// A pipeline that runs again may have another clock.
    pub(crate) fn keep(&self, pipeline: &gst::Pipeline) {
        if let Some(clock) = pipeline.clock() {
            calibrate(&clock, self.rate);
        }
    }
}

/// A device that plays sound gives it its clock.
pub(crate) fn has_device(pipeline: &gst::Pipeline) -> bool {
    pipeline.auto_clock();
    let system: gst::Clock = gst::SystemClock::obtain();
    pipeline.provide_clock().is_some_and(|clock| clock != system)
}

/// The clock goes on from what it shows now.
fn calibrate(clock: &gst::Clock, rate: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are small and positive")]
    let parts = (rate * f64::from(PARTS)).round() as u64;
    let (_, _, old, of) = clock.calibration();
    let of_now = u64::from(PARTS);
    if old * of_now != parts * of {
        clock.set_calibration(clock.internal_time(), clock.time(), parts, of_now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_faster_does_not_jump() {
        gst::init().unwrap();
        let pace = Pace::new();
        let clock = &pace.own;
        let before = clock.time();
        calibrate(clock, 1.02);
        let after = clock.time();
        assert!(after >= before && after - before < gst::ClockTime::from_mseconds(500), "{before} {after}");
        let (internal, external, parts, of) = clock.calibration();
        assert_eq!((parts, of), (10_200, 10_000));
        let later = clock.adjust_unlocked(internal + gst::ClockTime::from_seconds(100));
        assert_eq!(later, external + gst::ClockTime::from_seconds(102));
        assert_ne!(*clock, gst::SystemClock::obtain().upcast::<gst::Clock>());
    }
}
