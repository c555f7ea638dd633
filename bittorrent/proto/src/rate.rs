//! How fast bytes pass, how fast they may, and how long an answer takes.
//!
//! Integers only, so that one seed gives one trace on every machine.

use std::time::{Duration, Instant};

use crate::units::{ByteLen, BytesPerSec};

/// Counts bytes and knows their rate of the last two seconds or so.
///
/// Time is cut into ticks of an eighth of a second. A tick that is over moves the rate by a sixteenth towards its own;
/// the first sixteen count alike, so that a new connection's rate is right at once. Costs 48 bytes and allocates
/// nothing; recording is an addition but for the first in a tick.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateMeter {
    total: u64,
    /// When the current tick began. Nothing was recorded while it is `None`.
    tick_start: Option<Instant>,
    /// Bytes of the current tick.
    tick_bytes: u64,
    /// Bytes a tick, times [`FRACTION`].
    per_tick: u64,
    /// Ticks that made `per_tick`, at most [`TICKS_AVERAGED`]; none while it is zero, so that what comes after silence
    /// is averaged from its own beginning.
    ticks: u64,
}

impl RateMeter {
    /// Nothing has passed.
    pub const fn new() -> Self {
        Self { total: 0, tick_start: None, tick_bytes: 0, per_tick: 0, ticks: 0 }
    }

    /// That many bytes have just passed.
    pub fn record(&mut self, now: Instant, bytes: ByteLen) {
        self.catch_up(now);
        self.tick_bytes = self.tick_bytes.saturating_add(bytes.get());
        self.total = self.total.saturating_add(bytes.get());
    }

    /// Averaged over about two seconds, falling to zero while nothing passes.
    pub fn rate(&self, now: Instant) -> BytesPerSec {
        let mut here = *self;
        here.catch_up(now);
        if here.ticks == 0 {
            // Not an eighth of a second old: what came is a lower bound of what the tick will bring.
            return BytesPerSec::new(here.tick_bytes.saturating_mul(TICKS_PER_SEC));
        }
        BytesPerSec::new(here.per_tick.saturating_mul(TICKS_PER_SEC) / FRACTION)
    }

    /// Everything that was ever recorded.
    pub const fn total(&self) -> ByteLen {
        ByteLen::new(self.total)
    }

    /// Closes the ticks that are over.
    fn catch_up(&mut self, now: Instant) {
        let start = *self.tick_start.get_or_insert(now);
        let elapsed = now.saturating_duration_since(start);
        if elapsed < TICK {
            return;
        }
        let over = elapsed.as_nanos() / TICK.as_nanos();
        let over = u32::try_from(over).unwrap_or(u32::MAX);
        self.tick_start = start.checked_add(TICK.saturating_mul(over)).or(Some(now));
        self.close_tick();
        // At most a few hundred rounds: silence takes a sixteenth each time, and rounds down.
        for _ in 1..over {
            if self.per_tick == 0 {
                break;
            }
            self.close_tick();
        }
    }

    fn close_tick(&mut self) {
        let seen = self.tick_bytes.saturating_mul(FRACTION);
        self.tick_bytes = 0;
        self.ticks = (self.ticks + 1).min(TICKS_AVERAGED);
        // Rounds towards `seen`, so that silence ends at zero.
        self.per_tick = if seen >= self.per_tick {
            self.per_tick + (seen - self.per_tick) / self.ticks
        } else {
            self.per_tick - (self.per_tick - seen).div_ceil(self.ticks)
        };
        if self.per_tick == 0 {
            self.ticks = 0;
        }
    }
}

/// A limit on bytes a second, with bursts up to a size.
///
/// Invariant: `filled` is at most the burst, in millionths of a byte: a rate times microseconds needs no rounding.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    rate: Option<BytesPerSec>,
    burst: ByteLen,
    filled: u64,
    filled_at: Option<Instant>,
}

impl TokenBucket {
    /// Full. A `rate` of `None` lets everything pass, one of zero nothing.
    pub const fn new(rate: Option<BytesPerSec>, burst: ByteLen) -> Self {
        Self { rate, burst, filled: burst.get().saturating_mul(MICRO), filled_at: None }
    }

    /// The limit in force.
    pub const fn rate(&self) -> Option<BytesPerSec> {
        self.rate
    }

    /// Changes the limit; what was saved up until now stays.
    pub fn set_rate(&mut self, now: Instant, rate: Option<BytesPerSec>) {
        self.fill(now);
        self.rate = rate;
    }

    /// Takes what may pass now of the bytes that want to: at most `wanted`, perhaps nothing.
    pub fn take_up_to(&mut self, now: Instant, wanted: ByteLen) -> ByteLen {
        self.fill(now);
        match self.rate {
            None => wanted,
            Some(BytesPerSec::ZERO) => ByteLen::ZERO,
            Some(_) => {
                let taken = wanted.get().min(self.filled / MICRO);
                self.filled -= taken * MICRO;
                ByteLen::new(taken)
            }
        }
    }

    /// Returns bytes that were taken and did not pass after all.
    pub fn give_back(&mut self, unused: ByteLen) {
        self.filled = self.filled.saturating_add(unused.get().saturating_mul(MICRO)).min(self.full());
    }

    /// When `amount` may pass at once; an amount above the burst counts as the burst. `None` for never, at rate zero.
    pub fn ready_at(&self, now: Instant, amount: ByteLen) -> Option<Instant> {
        let Some(rate) = self.rate else { return Some(now) };
        if rate == BytesPerSec::ZERO {
            return None;
        }
        let mut here = *self;
        here.fill(now);
        let missing = amount.get().saturating_mul(MICRO).min(self.full()).saturating_sub(here.filled);
        if missing == 0 {
            return Some(now);
        }
        // Counted from the last whole microsecond that was filled up to, not from `now`.
        here.filled_at?.checked_add(Duration::from_micros(missing.div_ceil(rate.get())))
    }

    fn full(&self) -> u64 {
        self.burst.get().saturating_mul(MICRO)
    }

    fn fill(&mut self, now: Instant) {
        let since = *self.filled_at.get_or_insert(now);
        let micros = u64::try_from(now.saturating_duration_since(since).as_micros()).unwrap_or(u64::MAX);
        // Without a limit the bucket is full, and a limit that comes later starts so.
        let gained = self.rate.map_or(u64::MAX, |rate| rate.get().saturating_mul(micros));
        self.filled = self.filled.saturating_add(gained).min(self.full());
        self.filled_at = since.checked_add(Duration::from_micros(micros)).or(Some(now));
    }
}

/// How long an answer takes, and how much that varies (RFC 6298, section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RttEstimator {
    smoothed: Option<Smoothed>,
}

impl RttEstimator {
    /// Nothing measured yet.
    pub const fn new() -> Self {
        Self { smoothed: None }
    }

    /// An answer came after that long.
    pub fn sample(&mut self, rtt: Duration) {
        self.smoothed = Some(match self.smoothed {
            // RFC 6298, (2.2).
            None => Smoothed { srtt: rtt, rttvar: rtt / 2 },
            // RFC 6298, (2.3): the variation first, against the old mean; alpha is 1/8, beta 1/4.
            Some(Smoothed { srtt, rttvar }) => {
                Smoothed { rttvar: weighted(rttvar, 3, srtt.abs_diff(rtt)), srtt: weighted(srtt, 7, rtt) }
            }
        });
    }

    /// The mean, recent samples counting more; `None` before the first.
    pub fn srtt(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| smoothed.srtt)
    }

    /// The mean distance from the mean; `None` before the first sample.
    pub fn rttvar(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| smoothed.rttvar)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Smoothed {
    srtt: Duration,
    rttvar: Duration,
}

/// `weight` parts of the old value and one of the new.
fn weighted(old: Duration, weight: u32, new: Duration) -> Duration {
    old.saturating_mul(weight).saturating_add(new) / (weight + 1)
}

const TICKS_PER_SEC: u64 = 8;
const TICK: Duration = Duration::from_millis(125);

/// Two seconds.
const TICKS_AVERAGED: u64 = 16;

/// Binary places behind the point, so that slow rates do not round to nothing.
const FRACTION: u64 = 256;

const MICRO: u64 = 1_000_000;

const _: () = assert!(TICK.as_millis() * TICKS_PER_SEC as u128 == 1000);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    /// Where time begins: nothing depends on when that is.
    #[expect(clippy::disallowed_methods, reason = "an instant has no other origin")]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Records `rate` in blocks of 16 KiB for `time`, and gives the end.
    fn flow(meter: &mut RateMeter, start: Instant, rate: u64, time: Duration) -> Instant {
        let step = BytesPerSec::new(rate).time_for(ByteLen::new(16_384));
        let mut now = start;
        while now < start + time {
            meter.record(now, ByteLen::new(16_384));
            now += step;
        }
        now
    }

    fn assert_near(rate: BytesPerSec, expected: u64) {
        let (low, high) = (expected - expected / 8, expected + expected / 8);
        assert!((low..=high).contains(&rate.get()), "{rate:?}, {expected} expected");
    }

    #[test]
    fn a_steady_flow_is_measured_from_its_first_half_second() {
        let start = epoch();
        let mut meter = RateMeter::new();
        let now = flow(&mut meter, start, MIB, ms(500));
        assert_near(meter.rate(now), MIB);
        let now = flow(&mut meter, now, MIB, ms(5000));
        assert_near(meter.rate(now), MIB);
        assert!(meter.total().get() >= 5 * MIB);
    }

    #[test]
    fn a_change_shows_within_a_few_seconds_and_silence_ends_at_zero() {
        let start = epoch();
        let mut meter = RateMeter::new();
        // Ten silent seconds first, as while choked.
        meter.record(start, ByteLen::ZERO);
        let now = flow(&mut meter, start + ms(10_000), MIB, ms(500));
        assert_near(meter.rate(now), MIB);
        let now = flow(&mut meter, now, MIB, ms(4000));
        let now = flow(&mut meter, now, 4 * MIB, ms(5000));
        assert_near(meter.rate(now), 4 * MIB);
        let fading = meter.rate(now + ms(2000)).get();
        assert!((MIB..2 * MIB).contains(&fading), "{fading}: a third is left after two seconds");
        assert_eq!(meter.rate(now + ms(60_000)), BytesPerSec::ZERO);
        // After that silence a new flow counts from its own start.
        let now = flow(&mut meter, now + ms(60_000), MIB, ms(500));
        assert_near(meter.rate(now), MIB);
    }

    #[test]
    fn the_first_bytes_count_at_once_and_time_may_stand_still() {
        let now = epoch() + ms(1000);
        let mut meter = RateMeter::new();
        assert_eq!(meter.rate(now), BytesPerSec::ZERO);
        meter.record(now, ByteLen::new(1000));
        assert_eq!(meter.rate(now), BytesPerSec::new(8000));
        meter.record(now - ms(500), ByteLen::new(1000));
        assert_eq!(meter.rate(now - ms(500)), BytesPerSec::new(16_000));
        meter.record(now, ByteLen::new(u64::MAX));
        assert_eq!(meter.total(), ByteLen::new(u64::MAX));
        meter.rate(now + Duration::from_secs(u64::from(u32::MAX)));
    }

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let now = epoch();
        let mut bucket = TokenBucket::new(Some(BytesPerSec::new(1000)), ByteLen::new(500));
        assert_eq!(bucket.take_up_to(now, ByteLen::new(400)), ByteLen::new(400));
        assert_eq!(bucket.take_up_to(now, ByteLen::new(400)), ByteLen::new(100));
        assert_eq!(bucket.take_up_to(now, ByteLen::new(400)), ByteLen::ZERO);
        assert_eq!(bucket.ready_at(now, ByteLen::new(200)), Some(now + ms(200)));
        assert_eq!(bucket.ready_at(now, ByteLen::new(9000)), Some(now + ms(500)), "the burst is all there ever is");
        assert_eq!(bucket.take_up_to(now + ms(200), ByteLen::new(400)), ByteLen::new(200));
        bucket.give_back(ByteLen::new(50));
        assert_eq!(bucket.ready_at(now + ms(200), ByteLen::new(50)), Some(now + ms(200)));
        bucket.give_back(ByteLen::new(u64::MAX));
        assert_eq!(bucket.take_up_to(now + ms(200), ByteLen::new(9000)), ByteLen::new(500));
    }

    #[test]
    fn no_limit_passes_everything_and_zero_nothing() {
        let now = epoch();
        let mut bucket = TokenBucket::new(None, ByteLen::new(10));
        assert_eq!(bucket.take_up_to(now, ByteLen::new(1 << 40)), ByteLen::new(1 << 40));
        assert_eq!(bucket.ready_at(now, ByteLen::new(1 << 40)), Some(now));
        bucket.set_rate(now, Some(BytesPerSec::ZERO));
        assert_eq!(bucket.take_up_to(now + ms(9000), ByteLen::new(1)), ByteLen::ZERO);
        assert_eq!(bucket.ready_at(now, ByteLen::new(1)), None);
        bucket.set_rate(now + ms(9000), Some(BytesPerSec::new(10)));
        assert_eq!(bucket.rate(), Some(BytesPerSec::new(10)));
        assert_eq!(bucket.take_up_to(now + ms(9000), ByteLen::new(20)), ByteLen::new(10));
        assert_eq!(bucket.take_up_to(now + ms(10_000), ByteLen::new(20)), ByteLen::new(10));
    }

    #[test]
    fn round_trips_follow_rfc_6298() {
        let mut rtt = RttEstimator::new();
        assert_eq!((rtt.srtt(), rtt.rttvar()), (None, None));
        rtt.sample(ms(80));
        assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(80)), Some(ms(40))));
        rtt.sample(ms(160));
        assert_eq!((rtt.srtt(), rtt.rttvar()), (Some(ms(90)), Some(ms(50))));
        rtt.sample(Duration::MAX);
        assert!(rtt.srtt() > Some(ms(90)));
    }

    proptest! {
        #[test]
        fn a_bucket_never_passes_more_than_rate_and_burst(
            rate in 1u64..10_000_000,
            burst in 0u64..1_000_000,
            takes in proptest::collection::vec((0u64..3_000_000, 0u64..2_000_000), 1..60),
        ) {
            let start = epoch();
            let mut now = start;
            let mut bucket = TokenBucket::new(Some(BytesPerSec::new(rate)), ByteLen::new(burst));
            let mut passed = 0;
            for (nanos, wanted) in takes {
                now += Duration::from_nanos(nanos * 100);
                passed += bucket.take_up_to(now, ByteLen::new(wanted)).get();
                let allowed = u128::from(burst) + u128::from(rate) * (now - start).as_nanos() / 1_000_000_000;
                prop_assert!(u128::from(passed) <= allowed, "{passed} of {allowed}");
            }
            // At the instant it names, and not a microsecond earlier, it holds what was asked for.
            let amount = ByteLen::new(burst / 2 + 1).min(ByteLen::new(burst));
            let ready = bucket.ready_at(now, amount).unwrap();
            let mut then = bucket;
            prop_assert_eq!(then.take_up_to(ready, amount), amount);
            if ready > now + Duration::from_micros(2) {
                let mut early = bucket;
                prop_assert!(early.take_up_to(ready - Duration::from_micros(2), amount) < amount);
            }
        }

        #[test]
        fn a_meter_never_exceeds_the_fastest_tick_and_survives_any_clock(
            steps in proptest::collection::vec((0u64..400, any::<bool>(), 0u64..1 << 32), 1..80),
        ) {
            let mut now = epoch() + Duration::from_secs(3600);
            let mut meter = RateMeter::new();
            let mut total = 0;
            for (millis, back, bytes) in steps {
                now = if back { now - ms(millis) } else { now + ms(millis) };
                meter.record(now, ByteLen::new(bytes));
                total += bytes;
                prop_assert!(meter.rate(now).get() <= total * TICKS_PER_SEC);
            }
            prop_assert_eq!(meter.total().get(), total);
        }
    }
}
