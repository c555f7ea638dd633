//! Encrypted streams: when they are used, and who may have keys made.
//!
//! The policy. Who calls us chooses: plaintext and MSE are both answered, told apart by their first bytes. Whom we call
//! is greeted in plaintext, and once more encrypted if it hangs up on that: stock clients can be told to take nothing
//! else. A torrent that prefers encryption does it the other way round, and falls back to plaintext once. What an address took
//! is remembered for its next dial ([`crate::greetings`]). In an encrypted
//! handshake we offer both methods; asked to choose, a torrent that prefers encryption takes RC4, others plaintext.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::mse::{Exchange, Exchanged};
use bittorrent_proto::peer_id::PeerId;
use smol::Timer;
use smol::lock::Mutex;

use crate::config::Encryption;
use crate::greetings::Greetings;
use crate::handshake::{self, Greeted, HandshakeError};
use crate::pool::{Lane, Pool};

/// Keys made for who calls us: this many at once, then 8 a second. Each costs two exponentiations, 2 ms on a small board.
const EXCHANGES_BURST: u32 = 16;
const EXCHANGE_EVERY: Duration = Duration::from_millis(125);

/// How a dialed peer is greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    Plain,
    Encrypted,
}

impl Greeting {
    const fn other(self) -> Self {
        match self {
            Self::Plain => Self::Encrypted,
            Self::Encrypted => Self::Plain,
        }
    }
}

/// Connects, greets as the torrent prefers, and the other way once if that may be the reason for a refusal.
pub(crate) async fn dial(
    addr: SocketAddr,
    infohash: Infohash,
    peer_id: PeerId,
    encryption: Encryption,
    exchanges: &KeyExchanges,
    greetings: &Greetings,
) -> Result<Greeted, HandshakeError> {
    let preferred = match encryption {
        Encryption::Allowed => Greeting::Plain,
        Encryption::Preferred => Greeting::Encrypted,
    };
    let first = greetings.known(Instant::now(), addr).unwrap_or(preferred);
    let second = first.other();
    match handshake::dial(addr, infohash, peer_id, first, exchanges).await {
        Err(error) if may_be_the_greeting(first, &error) => {
            log::debug!("{infohash}: {addr} refuses a greeting ({first:?}): {error}");
            greetings.forget(addr);
            let greeted = handshake::dial(addr, infohash, peer_id, second, exchanges).await?;
            greetings.remember(Instant::now(), addr, second);
            Ok(greeted)
        }
        outcome => outcome,
    }
}

/// Whether a failure may mean that the other side wants the other greeting.
fn may_be_the_greeting(greeting: Greeting, error: &HandshakeError) -> bool {
    match error {
        // Who wants encryption hangs up on plaintext, at once.
        HandshakeError::Io(error) => matches!(
            error.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::WriteZero
        ),
        // Who has never heard of encryption may also wait for more, or answer with its own handshake.
        HandshakeError::Timeout
        | HandshakeError::Encryption(_)
        | HandshakeError::Misbehaved(PeerMisbehaved::NotBitTorrent) => greeting == Greeting::Encrypted,
        HandshakeError::Unreachable(_) | HandshakeError::Misbehaved(_) | HandshakeError::Unknown => false,
    }
}

/// Makes keys on the pool's threads, for strangers at a pace.
pub(crate) struct KeyExchanges {
    pool: Pool,
    /// Held by whoever is next, so that the others wait in a row; one that gives up leaves the row and has taken nothing.
    pace: Mutex<Pace>,
}

impl KeyExchanges {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, pace: Mutex::new(Pace { full_at: None }) }
    }

    /// For who calls us: waits for its turn.
    pub(crate) async fn run_in_turn(&self, exchange: Exchange) -> Exchanged {
        let mut pace = self.pace.lock().await;
        let pause = pace.pause(Instant::now());
        if !pause.is_zero() {
            Timer::after(pause).await;
        }
        pace.take(Instant::now());
        drop(pace);
        self.run(exchange).await
    }

    /// For whom we call: dials are bounded already.
    pub(crate) async fn run(&self, exchange: Exchange) -> Exchanged {
        // Before a picture there is a connection; at this pace it keeps no read waiting.
        self.pool.run(Lane::Read, move || exchange.run()).await
    }
}

/// How soon another key may be made.
struct Pace {
    /// When the whole burst is there again.
    full_at: Option<Instant>,
}

impl Pace {
    fn pause(&self, now: Instant) -> Duration {
        let full_at = self.full_at.unwrap_or(now).max(now) + EXCHANGE_EVERY;
        full_at.saturating_duration_since(now).saturating_sub(EXCHANGE_EVERY * EXCHANGES_BURST)
    }

    fn take(&mut self, now: Instant) {
        self.full_at = Some(self.full_at.unwrap_or(now).max(now) + EXCHANGE_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_at_a_pace() {
        let (mut pace, now) = (Pace { full_at: None }, Instant::now());
        for _ in 0..EXCHANGES_BURST {
            assert!(pace.pause(now).is_zero());
            pace.take(now);
        }
        assert_eq!(pace.pause(now), EXCHANGE_EVERY);
        assert_eq!(pace.pause(now), EXCHANGE_EVERY, "asking takes nothing");
        assert!(pace.pause(now + EXCHANGE_EVERY).is_zero());
        pace.take(now + EXCHANGE_EVERY);
        assert_eq!(pace.pause(now + EXCHANGE_EVERY), EXCHANGE_EVERY);
    }

    #[test]
    fn a_hang_up_is_worth_another_greeting_and_a_closed_port_is_not() {
        let io = |kind: ErrorKind| HandshakeError::Io(kind.into());
        for greeting in [Greeting::Plain, Greeting::Encrypted] {
            assert!(may_be_the_greeting(greeting, &io(ErrorKind::UnexpectedEof)));
            assert!(may_be_the_greeting(greeting, &io(ErrorKind::ConnectionReset)));
            assert!(!may_be_the_greeting(greeting, &HandshakeError::Unreachable(ErrorKind::ConnectionRefused.into())));
            assert!(!may_be_the_greeting(greeting, &PeerMisbehaved::WrongInfohash.into()));
        }
        assert!(!may_be_the_greeting(Greeting::Plain, &HandshakeError::Timeout));
        assert!(may_be_the_greeting(Greeting::Encrypted, &HandshakeError::Timeout));
    }
}
