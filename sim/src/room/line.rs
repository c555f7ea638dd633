//! A connection as TCP gives it: ordered, delayed, and a lost packet keeps all behind it waiting until it was sent again.

use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;

use crate::rng::{duration_between, jitter};

/// How a machine is connected to the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineKind {
    /// One way.
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// One message in so many is lost and sent again; 0 for none.
    pub(super) loss_one_in: u64,
}

/// One direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    kind: LineKind,
    last: Instant,
}

impl Line {
    pub(super) const fn new(kind: LineKind, now: Instant) -> Self {
        Self { kind, last: now }
    }

    /// When what is sent now arrives.
    pub(super) fn arrival(&mut self, now: Instant, rng: &mut Rng) -> Instant {
        let mut at = now + self.kind.delay + jitter(rng, self.kind.jitter);
        if self.kind.loss_one_in > 0 && rng.below(self.kind.loss_one_in) == 0 {
            at += duration_between(rng, Duration::from_millis(200), Duration::from_millis(400));
        }
        self.last = self.last.max(at);
        self.last
    }
}
