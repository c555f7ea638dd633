//! Time as rooms know it: the server's clock, places in a film, speeds. The only file that converts them.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::limits::{FILM_LEN_MAX, RATE_MAX, RATE_MIN};

/// A moment on the server's clock: Unix milliseconds at its start plus monotonic time, so it never steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerTime(i64);

/// How long ago a moment of one process is, in microseconds, for another; negative when it is yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ago(i64);

/// Moments of rooms are not further off: nothing gets that old.
const AGO_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Gives [`ServerTime`] for a monotonic moment.
#[derive(Clone, Copy, Debug)]
pub struct ServerClock {
    started: Instant,
    started_unix_ms: i64,
}

/// A place in a film, in seconds from its beginning: finite, not negative, at most [`FILM_LEN_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct MediaTime(f64);

/// How fast a film plays: 1 is as it was made. From [`RATE_MIN`] to [`RATE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Rate(f64);

impl ServerTime {
    /// From milliseconds since 1970.
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Later by that much, to the millisecond.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Earlier by that much, to the millisecond.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Later by so many milliseconds; earlier when they are negative.
    pub const fn plus_millis(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; negative when it is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long from here until `later`; nothing when that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.millis_since(self)).unwrap_or(0))
    }

    /// Seconds from `earlier` to here; negative when it is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        seconds_of_millis(self.millis_since(earlier))
    }
}

impl Ago {
    /// How long before `now` a moment is.
    pub fn of(now: Instant, at: Instant) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(if at > now { -micros(at - now) } else { micros(now - at) })
    }

    /// The moment that was or will be so long before `now - age`.
    pub fn before(self, now: Instant, age: Duration) -> Instant {
        let span = Duration::from_micros(self.0.unsigned_abs()).min(AGO_MAX);
        let age = age.min(AGO_MAX);
        // A clock of the system may begin when it does; nothing is known to be earlier then.
        let back = |by: Duration| now.checked_sub(by).unwrap_or(now);
        match (self.0 < 0, span.checked_sub(age)) {
            (true, Some(ahead)) => now + ahead,
            (true, None) => back(age - span),
            (false, _) => back(span + age),
        }
    }
}

impl ServerClock {
    /// A clock that showed `unix_ms` at `started`.
    pub const fn new(started: Instant, unix_ms: i64) -> Self {
        Self { started, started_unix_ms: unix_ms }
    }

    /// What it shows at `now`.
    pub fn at(&self, now: Instant) -> ServerTime {
        ServerTime(self.started_unix_ms).plus(now.saturating_duration_since(self.started))
    }
}

impl MediaTime {
    /// The beginning.
    pub const ZERO: Self = Self(0.0);

    /// From seconds that somebody sent, or `None` if no film has such a place.
    pub fn new(seconds: f64) -> Option<Self> {
        (seconds.is_finite() && seconds >= 0.0 && seconds <= FILM_LEN_MAX.as_secs_f64()).then_some(Self(seconds))
    }

    /// From seconds that we computed: what is outside becomes the nearest that is not.
    pub fn saturating(seconds: f64) -> Self {
        if seconds.is_nan() { Self::ZERO } else { Self(seconds.clamp(0.0, FILM_LEN_MAX.as_secs_f64())) }
    }

    /// Seconds from the beginning.
    pub const fn seconds(self) -> f64 {
        self.0
    }

    /// Further by so many seconds; back when they are negative.
    pub fn plus(self, seconds: f64) -> Self {
        Self::saturating(self.0 + seconds)
    }

    /// The earlier of two.
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

impl Rate {
    /// As it was made.
    pub const ONE: Self = Self(1.0);

    /// From what somebody sent, or `None` if rooms cannot play so fast or slowly.
    pub fn new(rate: f64) -> Option<Self> {
        (RATE_MIN..=RATE_MAX).contains(&rate).then_some(Self(rate))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for MediaTime {
    /// `1:02:03`, `2:03`: as players show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from_secs_f64(self.0).as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 { write!(f, "{hours}:{minutes:02}:{seconds:02}") } else { write!(f, "{minutes}:{seconds:02}") }
    }
}

/// Seconds of a number of milliseconds.
pub(crate) fn seconds_of_millis(ms: i64) -> f64 {
    // Exact below 2^53 ms, 285,000 years.
    #[expect(clippy::cast_precision_loss, reason = "exact below 285,000 years")]
    let ms = ms as f64;
    ms / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock_follows_monotonic_time() {
        let started = crate::testing::start();
        let clock = ServerClock::new(started, 1_700_000_000_000);
        assert_eq!(clock.at(started).unix_ms(), 1_700_000_000_000);
        let later = clock.at(started + Duration::from_millis(1_234));
        assert_eq!(later.unix_ms(), 1_700_000_001_234);
        assert_eq!(later.millis_since(clock.at(started)), 1_234);
        assert_eq!(clock.at(started).until(later), Duration::from_millis(1_234));
        assert_eq!(later.until(clock.at(started)), Duration::ZERO);
        assert!((later.seconds_since(clock.at(started)) - 1.234).abs() < 1e-9);
    }

    #[test]
    fn no_place_outside_a_film() {
        for bad in [f64::NAN, f64::INFINITY, -0.001, -1e300, 1e300] {
            assert_eq!(MediaTime::new(bad), None, "{bad}");
        }
        assert_eq!(MediaTime::new(7_200.5).map(MediaTime::seconds), Some(7_200.5));
        assert_eq!(MediaTime::saturating(f64::NAN), MediaTime::ZERO);
        assert_eq!(MediaTime::ZERO.plus(-5.0), MediaTime::ZERO);
        assert_eq!(MediaTime::saturating(f64::INFINITY).seconds(), FILM_LEN_MAX.as_secs_f64());
    }

    #[test]
    fn places_read_like_a_players() {
        assert_eq!(MediaTime::saturating(63.9).to_string(), "1:03");
        assert_eq!(MediaTime::saturating(3_723.0).to_string(), "1:02:03");
    }

    #[test]
    fn speeds_have_bounds() {
        for bad in [0.0, 0.49, 2.01, -1.0, f64::NAN] {
            assert_eq!(Rate::new(bad), None, "{bad}");
        }
        assert_eq!(Rate::new(1.25).map(Rate::get), Some(1.25));
    }
}
