//! How many requests to keep in flight to a peer.
//!
//! Enough that the path never runs dry, and no more: everything in the pipe when the viewer seeks arrives before what the
//! viewer wants. A new peer starts small and grows by one a block, as TCP does, until its rate stops growing; from then on
//! the depth is what half a second and one round trip carry. Prose: docs/streaming.md.

use std::time::{Duration, Instant};

use crate::units::{BLOCK_LEN, BytesPerSec};

/// Requests to a peer of which nothing is known.
const DEPTH_AT_START: usize = 4;

/// Below two, every block costs a round trip.
const DEPTH_MIN: usize = 2;

/// How much of the peer's time its queue may hold.
const QUEUE_TIME: Duration = Duration::from_millis(500);

/// A rate that grew by less than a tenth has stopped growing.
const GROWTH_PERCENT_MIN: u64 = 110;

/// Growth is judged this often, or every second round trip if that is longer.
const GROWTH_CHECKED_EVERY: Duration = Duration::from_millis(250);

/// The depth of one peer's pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// `Some(depth)` while it still grows.
    growing: Option<usize>,
    checked_at: Instant,
    checked_rate: BytesPerSec,
}

impl Pipeline {
    /// For a new connection.
    pub const fn new(now: Instant) -> Self {
        Self { growing: Some(DEPTH_AT_START), checked_at: now, checked_rate: BytesPerSec::ZERO }
    }

    /// Starts small again: the peer fell silent, and is tried anew.
    pub fn restart(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A block came that was asked for.
    pub fn on_block(&mut self, now: Instant, rate: BytesPerSec, srtt: Option<Duration>) {
        let Some(depth) = &mut self.growing else { return };
        *depth += 1;
        let every = GROWTH_CHECKED_EVERY.max(srtt.unwrap_or_default() * 2);
        if now.saturating_duration_since(self.checked_at) < every {
            return;
        }
        if rate.get() * 100 < self.checked_rate.get() * GROWTH_PERCENT_MIN {
            self.growing = None;
        }
        self.checked_at = now;
        self.checked_rate = rate;
    }

    /// How many requests may be in flight, before the peer's own bound.
    pub fn depth(&self, rate: BytesPerSec, srtt: Option<Duration>) -> usize {
        let carried = rate.bytes_in(QUEUE_TIME + srtt.unwrap_or_default()).get().div_ceil(u64::from(BLOCK_LEN));
        let carried = usize::try_from(carried).unwrap_or(usize::MAX).max(DEPTH_MIN);
        self.growing.unwrap_or(carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_while_the_rate_grows_and_then_follows_it() {
        let start = Instant::now();
        let mut pipeline = Pipeline::new(start);
        assert_eq!(pipeline.depth(BytesPerSec::ZERO, None), DEPTH_AT_START);
        for blocks in 1..=20u32 {
            pipeline.on_block(start + Duration::from_millis(10) * blocks, BytesPerSec::new(100_000), None);
        }
        assert_eq!(pipeline.depth(BytesPerSec::ZERO, None), DEPTH_AT_START + 20);
        for blocks in 1..=200u32 {
            pipeline.on_block(start + Duration::from_millis(10) * blocks, BytesPerSec::new(1_000_000), None);
        }
        let depth = pipeline.depth(BytesPerSec::new(1_000_000), Some(Duration::from_millis(100)));
        assert_eq!(depth, 37, "0.6 s of 1 MB/s in blocks of 16 KiB");
    }

    #[test]
    fn a_slow_peer_keeps_two() {
        let start = Instant::now();
        let mut pipeline = Pipeline::new(start);
        for blocks in 1..=9u32 {
            pipeline.on_block(start + Duration::from_secs(1) * blocks, BytesPerSec::new(10_000), None);
        }
        assert_eq!(pipeline.depth(BytesPerSec::new(10_000), None), DEPTH_MIN);
    }
}
