//! Rates to the nanosecond. The protocol's own units count microseconds, which would let a paced stream drift.

use std::time::Duration;

use bittorrent_proto::units::BytesPerSec;

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// The first nanosecond at which `bytes` are through. The rate is not zero.
pub(crate) fn time_for(rate: BytesPerSec, bytes: u64) -> Duration {
    debug_assert!(rate > BytesPerSec::ZERO, "nothing passes at no rate");
    let nanos = (u128::from(bytes) * NANOS_PER_SEC).div_ceil(u128::from(rate.get().max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Whole bytes that are through after `time`.
pub(crate) fn bytes_in(rate: BytesPerSec, time: Duration) -> u64 {
    let bytes = u128::from(rate.get()).saturating_mul(time.as_nanos()) / NANOS_PER_SEC;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_through_exactly_then() {
        for (rate, bytes) in [(1, 1), (3, 1), (1_000_003, 77_777), (125_000_000, 1), (u64::MAX, 5)] {
            let rate = BytesPerSec::new(rate);
            let time = time_for(rate, bytes);
            assert!(bytes_in(rate, time) >= bytes, "{bytes} at {rate:?}");
            assert!(bytes_in(rate, time - Duration::from_nanos(1)) < bytes, "{bytes} at {rate:?}");
        }
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(time_for(BytesPerSec::new(1), u64::MAX), Duration::from_nanos(u64::MAX));
        assert_eq!(bytes_in(BytesPerSec::new(u64::MAX), Duration::MAX), u64::MAX);
    }
}
