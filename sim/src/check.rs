//! What must hold whatever happens: small checkers that a world or a host feeds, and the trace of a run.

use std::fmt::{self, Debug};
use std::time::{Duration, Instant};

use bittorrent_proto::units::ByteRange;

use crate::film::Film;

/// A rule that a run broke. Each variant names the rule; the seed replays it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A reason to wake leads to something, or comes back later.
    #[error("woken for {reason} again after {after:?}, and nothing happened in between")]
    WakeWithoutProgress {
        /// The `Wake`, as it prints.
        reason: String,
        /// Time between the two.
        after: Duration,
    },
    /// Time moves on.
    #[error("{count} things happened at one instant, {at:?} into the run")]
    TimeStands {
        /// How many.
        count: u32,
        /// Since the start.
        at: Duration,
    },
    /// What only grows does not shrink.
    #[error("{what} fell from {from} to {to}")]
    WentBack {
        /// What was watched.
        what: &'static str,
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Nobody is ever served a byte that is not the film's.
    #[error("byte {at} is not the film's")]
    WrongByte {
        /// Its place in the film.
        at: u64,
    },
    /// Nobody is served more than the film has.
    #[error("bytes {range:?} reach past the end of the film, {film_len}")]
    PastTheEnd {
        /// What was served.
        range: ByteRange,
        /// What there is.
        film_len: u64,
    },
    /// Something had to happen in time.
    #[error("{what} did not happen within {bound:?}")]
    Late {
        /// What.
        what: String,
        /// In how long.
        bound: Duration,
    },
    /// A host never holds more unsent bytes for a connection than its driver would keep.
    #[error("host {host} holds {len} unsent bytes for one connection")]
    OutboxFull {
        /// Whose.
        host: u32,
        /// How many.
        len: usize,
    },
    /// A host never has more disk jobs under way than its driver's queue holds.
    #[error("host {host} has more disk jobs than fit the queue")]
    DiskFull {
        /// Whose.
        host: u32,
    },
    /// A rule of the host's own.
    #[error("host {host}: {rule}")]
    Host {
        /// Whose.
        host: u32,
        /// What it said.
        rule: String,
    },
    /// A rule broken in a step of the plan.
    #[error("{description}: {violation}")]
    InStep {
        /// The step.
        description: String,
        /// The rule.
        violation: Box<Violation>,
    },
}

/// Liveness of one state machine: no reason to wake fires twice without progress within a bound.
#[derive(Debug)]
pub struct Liveness<W> {
    interval_min: Duration,
    /// What fired since the last progress and no longer ago than the interval.
    fired: Vec<(W, Instant)>,
}

impl<W: Copy + PartialEq + Debug> Liveness<W> {
    /// A reason may come back after `interval_min` even when nothing happened: clocks tick.
    pub const fn new(interval_min: Duration) -> Self {
        Self { interval_min, fired: Vec::new() }
    }

    /// The machine is woken.
    ///
    /// # Errors
    /// When it was for that reason a moment ago, and nothing happened since.
    pub fn observe_wake(&mut self, now: Instant, reason: W) -> Result<(), Violation> {
        self.fired.retain(|(_, at)| now.saturating_duration_since(*at) < self.interval_min);
        if let Some((_, at)) = self.fired.iter().find(|(earlier, _)| *earlier == reason) {
            let after = now.saturating_duration_since(*at);
            return Err(Violation::WakeWithoutProgress { reason: format!("{reason:?}"), after });
        }
        self.fired.push((reason, now));
        Ok(())
    }

    /// Something came in or went out.
    pub fn observe_progress(&mut self) {
        self.fired.clear();
    }
}

/// A number that only grows: verified pieces, a playhead without seeks.
#[derive(Debug)]
pub struct Monotone<T> {
    what: &'static str,
    last: Option<T>,
}

impl<T: Copy + PartialOrd + Debug> Monotone<T> {
    /// Watches `what`.
    pub const fn new(what: &'static str) -> Self {
        Self { what, last: None }
    }

    /// Its value of now.
    ///
    /// # Errors
    /// When it fell.
    pub fn observe(&mut self, value: T) -> Result<(), Violation> {
        let before = self.last.replace(value);
        match before {
            Some(before) if value < before => {
                Err(Violation::WentBack { what: self.what, from: format!("{before:?}"), to: format!("{value:?}") })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Compares what a reader was served with the film, and counts it.
#[derive(Debug)]
pub struct ServedBytes {
    film: Film,
    served: u64,
}

impl ServedBytes {
    /// Against that film.
    pub const fn new(film: Film) -> Self {
        Self { film, served: 0 }
    }

    /// A reader got `bytes` for the place `offset`.
    ///
    /// # Errors
    /// When they are not the film's.
    pub fn observe(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Violation> {
        let range = ByteRange::new(offset, offset.saturating_add(bytes.len() as u64));
        let film_len = self.film.len().get();
        if range.end > film_len {
            return Err(Violation::PastTheEnd { range, film_len });
        }
        let expected = self.film.bytes(range);
        // Whole slices first: they are equal in every run but a broken one, and hundreds of MiB are compared.
        if bytes != expected {
            let equal = bytes.iter().zip(&expected).take_while(|(served, of_film)| served == of_film).count();
            return Err(Violation::WrongByte { at: offset + equal as u64 });
        }
        self.served += bytes.len() as u64;
        Ok(())
    }

    /// Bytes served, a byte twice when it was served twice.
    pub const fn served(&self) -> u64 {
        self.served
    }
}

/// A hash over everything that happened: the same seed gives the same, or the run is not a function of its seed.
#[derive(Clone, Default)]
pub struct TraceHash(sha1_smol::Sha1);

impl TraceHash {
    /// Something happened: when since the start, what, to whom (numbers), with which bytes.
    pub fn record(&mut self, at: Duration, what: &str, numbers: &[u64], payload: &[u8]) {
        self.0.update(&at.as_nanos().to_le_bytes());
        // Every part says its length first, so that two different events never hash alike.
        self.0.update(&(what.len() as u64).to_le_bytes());
        self.0.update(what.as_bytes());
        self.0.update(&(numbers.len() as u64).to_le_bytes());
        for number in numbers {
            self.0.update(&number.to_le_bytes());
        }
        self.0.update(&(payload.len() as u64).to_le_bytes());
        self.0.update(payload);
    }

    /// The hash so far, in hexadecimal.
    pub fn digest(&self) -> String {
        self.0.digest().to_string()
    }
}

impl Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({})", self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::base;
    use crate::rng::Seed;
    use bittorrent_proto::units::ByteLen;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_wake_needs_progress_or_time_before_it_comes_again() {
        let start = base();
        let mut liveness = Liveness::new(10 * MS);
        liveness.observe_wake(start, 'a').unwrap();
        liveness.observe_wake(start, 'b').unwrap();
        liveness.observe_progress();
        liveness.observe_wake(start, 'a').unwrap();
        liveness.observe_wake(start + 10 * MS, 'a').unwrap();
        let again = liveness.observe_wake(start + 19 * MS, 'a');
        assert_eq!(again, Err(Violation::WakeWithoutProgress { reason: "'a'".into(), after: 9 * MS }));
    }

    #[test]
    fn other_wakes_are_no_progress() {
        let start = base();
        let mut liveness = Liveness::new(10 * MS);
        liveness.observe_wake(start, 'a').unwrap();
        liveness.observe_wake(start + MS, 'b').unwrap();
        assert!(liveness.observe_wake(start + 2 * MS, 'a').is_err());
    }

    #[test]
    fn what_only_grows_may_stay_and_not_fall() {
        let mut pieces = Monotone::new("verified pieces");
        for count in [0, 3, 3, 7] {
            pieces.observe(count).unwrap();
        }
        let fell = Violation::WentBack { what: "verified pieces", from: "7".into(), to: "6".into() };
        assert_eq!(pieces.observe(6), Err(fell));
    }

    #[test]
    fn served_bytes_are_the_films() {
        let film = Film::new(Seed::new(1), ByteLen::new(1000));
        let mut served = ServedBytes::new(film);
        served.observe(990, &film.bytes(ByteRange::new(990, 1000))).unwrap();
        served.observe(0, &film.bytes(ByteRange::new(0, 100))).unwrap();
        assert_eq!(served.served(), 110);

        let mut wrong = film.bytes(ByteRange::new(500, 600));
        wrong[42] ^= 1;
        assert_eq!(served.observe(500, &wrong), Err(Violation::WrongByte { at: 542 }));
        let past = Violation::PastTheEnd { range: ByteRange::new(999, 1001), film_len: 1000 };
        assert_eq!(served.observe(999, &[0, 0]), Err(past));
        assert!(served.observe(u64::MAX, &[0]).is_err());
        assert_eq!(served.served(), 110);
    }

    #[test]
    fn traces_differ_in_every_part() {
        let hash = |events: &[(Duration, &str, &[u64], &[u8])]| {
            let mut trace = TraceHash::default();
            for (at, what, numbers, payload) in events {
                trace.record(*at, what, numbers, payload);
            }
            trace.digest()
        };
        let traces = [
            hash(&[]),
            hash(&[(MS, "bytes", &[1, 2], b"ab")]),
            hash(&[(2 * MS, "bytes", &[1, 2], b"ab")]),
            hash(&[(MS, "byte", &[1, 2], b"ab")]),
            hash(&[(MS, "bytes", &[1], b"ab")]),
            hash(&[(MS, "bytes", &[1, 2], b"ac")]),
            hash(&[(MS, "bytes", &[1, 2], b"a"), (MS, "bytes", &[1, 2], b"b")]),
        ];
        let distinct: std::collections::BTreeSet<_> = traces.iter().collect();
        assert_eq!(distinct.len(), traces.len());
        assert_eq!(hash(&[(MS, "bytes", &[1, 2], b"ab")]), traces[1]);
    }
}
