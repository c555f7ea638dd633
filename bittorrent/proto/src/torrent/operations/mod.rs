//! Random operations on a torrent: bytes choose what happens next, and after each step the torrent's invariants, what it
//! says on every wire and what it asks of the disk are checked against a simple model. For tests and `fuzz/`.

mod wire;
mod world;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use self::world::World;
use super::Input;

/// Operations of one run at most.
const STEPS_MAX: usize = 3000;

/// Runs what `bytes` say from `now` on, and returns the kinds of input that a torrent got meanwhile.
///
/// # Panics
/// When the torrent breaks a promise.
pub fn operations(now: Instant, bytes: &[u8]) -> BTreeSet<&'static str> {
    let mut dice = Dice { bytes, at: 0 };
    let mut world = World::new(now, &mut dice);
    for _ in 0..STEPS_MAX {
        if dice.is_used_up() {
            break;
        }
        world.step(&mut dice);
    }
    world.kinds
}

/// What a step is, by name. New kinds of input belong into [`World::step`].
const fn kind(input: &Input<'_>) -> &'static str {
    match input {
        Input::Addresses { .. } => "addresses",
        Input::DialFailed(_) => "dial failed",
        Input::Connected { .. } => "connected",
        Input::Received { .. } => "received",
        Input::Written { .. } => "written",
        Input::Disconnected(_) => "disconnected",
        Input::AddressLost(_) => "address lost",
        Input::Disk(_) => "disk",
        Input::Begin(_) => "begin",
        Input::Reader(..) => "reader",
        Input::PlaybackRate(_) => "playback rate",
        Input::DiskLimit(_) => "disk limit",
        Input::Pause(_) => "pause",
    }
}

/// Chance, read from the case.
struct Dice<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Dice<'_> {
    const fn is_used_up(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte; zero after the last.
    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    fn number(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// Mostly an index that exists, sometimes one past it, sometimes any number.
    fn index(&mut self, count: u32) -> u32 {
        match self.below(24) {
            22 => count,
            23 => self.number(),
            _ => u32::from(self.byte()) % count,
        }
    }

    /// Mostly moments, sometimes minutes.
    fn time(&mut self) -> Duration {
        let units = u64::from(self.byte());
        match self.below(8) {
            0..=3 => Duration::from_millis(units),
            4..=6 => Duration::from_millis(units * 20),
            _ => Duration::from_secs(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    const KINDS: [&str; 13] = [
        "address lost",
        "addresses",
        "begin",
        "connected",
        "dial failed",
        "disconnected",
        "disk",
        "disk limit",
        "pause",
        "playback rate",
        "reader",
        "received",
        "written",
    ];

    #[test]
    fn hundreds_of_long_runs_keep_every_promise() {
        let mut seen = BTreeSet::new();
        for seed in 0..400 {
            let mut bytes = vec![0; 6000];
            Rng::new(seed).fill(&mut bytes);
            let run = std::panic::catch_unwind(|| operations(Instant::now(), &bytes));
            seen.extend(run.unwrap_or_else(|panic| {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic)
            }));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), KINDS, "every kind of input occurs");
    }

    proptest! {
        #[test]
        fn short_runs_keep_every_promise(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
            operations(Instant::now(), &bytes);
        }
    }
}
