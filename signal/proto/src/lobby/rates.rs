//! How much one connection, and one address, may do in how long.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::error::{Code, Problem};

/// A token bucket: `burst` at once, `per_second` on average.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

/// What one connection may do.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    everything: Bucket,
    playback: Bucket,
    chat: Bucket,
    signaling: Bucket,
    /// What was refused: a flood that goes on empties it.
    patience: Bucket,
}

/// An event was one too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    /// What the client is told.
    pub(super) problem: Problem,
    /// It goes on and on: the connection ends.
    pub(super) is_flood: bool,
}

impl Bucket {
    pub(super) const fn new(now: Instant, per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, tokens: burst, at: now }
    }

    /// Takes one, or says how long until there is one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second))
    }

    /// How long until there is one to take; nothing is taken.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Duration> {
        self.take(now)?;
        self.tokens += 1.0;
        Ok(())
    }

    /// Nothing was taken for long: forgetting it changes nothing.
    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens >= self.burst
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = since.mul_add(self.per_second, self.tokens).min(self.burst);
        self.at = now;
    }
}

impl Rates {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            everything: Bucket::new(now, 200.0, 800.0),
            playback: Bucket::new(now, 10.0, 20.0),
            chat: Bucket::new(now, 1.0, 5.0),
            signaling: Bucket::new(now, 100.0, 600.0),
            patience: Bucket::new(now, 5.0, 500.0),
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, now: Instant, name: &str) -> Result<(), TooMuch> {
        let own = match name {
            "sync-play" | "sync-pause" | "sync-seek" | "sync-correct" | "set-rate" => Some(&mut self.playback),
            "chat-message" => Some(&mut self.chat),
            "offer" | "answer" | "ice-candidate" | "start-webrtc" => Some(&mut self.signaling),
            _ => None,
        };
        let result = self.everything.take(now).and_then(|()| own.map_or(Ok(()), |bucket| bucket.take(now)));
        result.map_err(|wait| {
            let problem = Problem { wait: Some(wait), ..Problem::from(Code::S010) };
            TooMuch { problem, is_flood: self.patience.take(now).is_err() }
        })
    }
}

/// Whom an address is counted as: one IPv4 address, or one IPv6 network, since a household has a whole /64.
pub(super) fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::start;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let now = start();
        let mut bucket = Bucket::new(now, 2.0, 3.0);
        assert!((0..3).all(|_| bucket.take(now).is_ok()));
        assert_eq!(bucket.take(now), Err(Duration::from_millis(500)));
        assert_eq!(bucket.look(now + Duration::from_millis(500)), Ok(()));
        assert_eq!(bucket.take(now + Duration::from_millis(500)), Ok(()));
        assert!(!bucket.is_full(now + Duration::from_secs(1)));
        assert!(bucket.is_full(now + Duration::from_secs(3)));
    }

    #[test]
    fn each_kind_has_its_own_and_all_share_one() {
        let now = start();
        let allowed = |name: &str| {
            let mut rates = Rates::new(now);
            (0..2000).take_while(|_| rates.count(now, name).is_ok()).count()
        };
        assert_eq!(allowed("sync-play"), 20);
        assert_eq!(allowed("chat-message"), 5);
        assert_eq!(allowed("ice-candidate"), 600);
        assert_eq!(allowed("anything"), 800);
    }

    #[test]
    fn a_flood_that_goes_on_is_one() {
        let now = start();
        let mut rates = Rates::new(now);
        let floods = (0..1200).filter(|_| rates.count(now, "chat-message").is_err_and(|much| much.is_flood)).count();
        assert!(floods > 0);
        let mut rates = Rates::new(now);
        let impatient = (0..100).any(|_| rates.count(now, "chat-message").is_err_and(|much| much.is_flood));
        assert!(!impatient, "a child on the keyboard");
    }

    #[test]
    fn a_household_is_one() {
        let counted = |text: &str| counted_as(text.parse().unwrap()).to_string();
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
