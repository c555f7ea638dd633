//! When a viewer is ready, and how long it will play before it runs dry: what a client tells the room's gate.

use std::time::Duration;

/// Verified ahead of the playhead before a start; a weak device gets twice of it.
const AHEAD_MIN: Duration = Duration::from_secs(5);
const AHEAD_MIN_WEAK: Duration = Duration::from_secs(10);

/// Rates waver: the film is forecast to need so much more than its average.
const BITRATE_MARGIN: f64 = 1.1;

/// What a viewer has of the film and gets of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supply {
    /// Playing time that is verified without a gap from the playhead on.
    pub ahead: Duration,
    /// Playing time from the playhead to the film's end.
    pub left: Duration,
    /// Bytes of the film behind the playhead that are not here.
    pub missing: u64,
    /// Bytes a second that the film needs on average.
    pub bitrate: f64,
    /// Bytes a second that arrive.
    pub rate: f64,
    /// The room's speed.
    pub speed: f64,
}

/// What will come of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forecast {
    /// It plays to the end.
    PlaysThrough,
    /// It runs dry.
    RunsDry {
        /// After so much time of playing from now.
        after: Duration,
        /// It would play through if it waited so long first; `None` when nothing arrives.
        wait: Option<Duration>,
    },
}

/// What else a viewer's readiness depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// A slow machine.
    pub weak: bool,
    /// The frame at the playhead is decoded.
    pub first_frame: bool,
    /// The viewer would rather start now than wait for the forecast.
    pub goes_anyway: bool,
}

/// Whether a viewer can start.
pub fn is_ready(viewer: Viewer, supply: &Supply) -> bool {
    let enough = if viewer.weak { AHEAD_MIN_WEAK } else { AHEAD_MIN };
    let has_enough = supply.ahead >= enough.min(supply.left);
    viewer.first_frame && has_enough && (viewer.goes_anyway || forecast(supply) == Forecast::PlaysThrough)
}

/// Whether the film will play through from here at the present rate.
pub fn forecast(supply: &Supply) -> Forecast {
    let needs = (supply.bitrate * BITRATE_MARGIN).max(0.0);
    let speed = if supply.speed > 0.0 { supply.speed } else { 1.0 };
    let rate = supply.rate.max(0.0);
    let missing = bytes(supply.missing);
    let (ahead, left) = (supply.ahead.as_secs_f64(), supply.left.as_secs_f64());
    // While it plays, it eats `needs · speed` a second of what is ahead and `rate` comes in.
    let shrinks = needs.mul_add(speed, -rate);
    let lasts = if shrinks <= 0.0 { f64::INFINITY } else { ahead * needs / shrinks };
    let arrives_in = if missing <= 0.0 { 0.0 } else { missing / rate };
    if supply.missing == 0 || ahead >= left || lasts >= arrives_in.min(left / speed) {
        return Forecast::PlaysThrough;
    }
    // The last byte must be there when it is played.
    let wait = (rate > 0.0).then(|| seconds(arrives_in - left / speed));
    Forecast::RunsDry { after: seconds(lasts), wait }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

fn bytes(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact below 8 PiB")]
    let bytes = count as f64;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// An hour of film at 1 MB/s of which a minute is here.
    fn supply() -> Supply {
        Supply { ahead: S * 60, left: S * 3600, missing: 3_540_000_000, bitrate: 1e6, rate: 2e6, speed: 1.0 }
    }

    fn viewer() -> Viewer {
        Viewer { weak: false, first_frame: true, goes_anyway: false }
    }

    #[test]
    fn more_comes_than_is_played() {
        assert_eq!(forecast(&supply()), Forecast::PlaysThrough);
        assert_eq!(forecast(&Supply { missing: 0, rate: 0.0, ..supply() }), Forecast::PlaysThrough);
        let end = Supply { ahead: S * 20, left: S * 20, missing: 5, rate: 0.0, ..supply() };
        assert_eq!(forecast(&end), Forecast::PlaysThrough, "what is missing lies behind");
    }

    #[test]
    fn less_comes_than_is_played() {
        let slow = Supply { rate: 0.55e6, ..supply() };
        let Forecast::RunsDry { after, wait } = forecast(&slow) else { panic!("it runs dry") };
        assert_eq!(after.as_secs(), 120, "a minute ahead lasts two when half of what is eaten comes in");
        // 3,540 MB at 0.55 MB/s take 6,436 s, the film 3,600.
        assert_eq!(wait.map(|wait| wait.as_secs()), Some(2836));
        assert_eq!(
            forecast(&Supply { rate: 0.0, ..supply() }),
            Forecast::RunsDry { after: S * 60, wait: None },
            "nothing comes"
        );
        let fast = Forecast::RunsDry { after: S * 30, wait: None };
        assert_eq!(forecast(&Supply { rate: 0.0, speed: 2.0, ..supply() }), fast);
    }

    #[test]
    fn a_nearly_whole_film_plays_through_on_a_slow_line() {
        let late = Supply { ahead: S * 3000, left: S * 3600, missing: 600_000_000, rate: 0.5e6, ..supply() };
        assert_eq!(forecast(&late), Forecast::PlaysThrough);
    }

    #[test]
    fn ready_needs_a_frame_some_seconds_and_a_good_forecast() {
        assert!(is_ready(viewer(), &supply()));
        assert!(!is_ready(Viewer { first_frame: false, ..viewer() }, &supply()));
        assert!(!is_ready(viewer(), &Supply { ahead: S * 4, ..supply() }));
        assert!(!is_ready(Viewer { weak: true, ..viewer() }, &Supply { ahead: S * 9, ..supply() }));
        assert!(is_ready(viewer(), &Supply { ahead: S * 2, left: S * 2, missing: 0, ..supply() }), "the rest is here");
        let slow = Supply { rate: 1e5, ..supply() };
        assert!(!is_ready(viewer(), &slow));
        assert!(is_ready(Viewer { goes_anyway: true, ..viewer() }, &slow));
    }

    #[test]
    fn nonsense_gives_an_answer() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let _ = forecast(&Supply { bitrate: bad, rate: bad, speed: bad, ..supply() });
        }
    }
}
