//! A connection as a driver keeps it: the handshakes (BEP 3), and then bytes.

use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::wire::Handshake;

use crate::host::HostId;

/// Both handshakes together; a slower peer is holding the place for nothing.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who is at the other end.
    pub(super) peer: HostId,
    state: State,
    /// Bytes of our handshake that the network has not taken: the core knows nothing of them.
    handshake_unwritten: usize,
}

#[derive(Debug)]
enum State {
    /// Their handshake is not here.
    Shaking {
        heard: Vec<u8>,
        until: Instant,
    },
    Open(PeerKey),
}

/// What bytes that came mean.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// Part of a handshake.
    Incomplete,
    /// A whole handshake, and what came behind it.
    Handshake(Handshake, &'a [u8]),
    /// For the core.
    Bytes(PeerKey, &'a [u8]),
}

impl Connection {
    /// Connected; nothing was said.
    pub(super) fn new(now: Instant, peer: HostId) -> Self {
        let state = State::Shaking { heard: Vec::new(), until: now + HANDSHAKE_TIMEOUT };
        Self { peer, state, handshake_unwritten: 0 }
    }

    /// Its number, once the handshakes are through.
    pub(super) const fn key(&self) -> Option<PeerKey> {
        match &self.state {
            State::Shaking { .. } => None,
            State::Open(key) => Some(*key),
        }
    }

    /// When the other end has taken too long to say who it is.
    pub(super) const fn handshake_until(&self) -> Option<Instant> {
        match &self.state {
            State::Shaking { until, .. } => Some(*until),
            State::Open(_) => None,
        }
    }

    /// Takes in bytes.
    ///
    /// # Errors
    /// When what came first is no handshake.
    pub(super) fn hear<'a>(&mut self, bytes: &'a [u8]) -> Result<Heard<'a>, PeerMisbehaved> {
        let heard = match &mut self.state {
            State::Open(key) => return Ok(Heard::Bytes(*key, bytes)),
            State::Shaking { heard, .. } => heard,
        };
        let (handshake, rest) = bytes.split_at(bytes.len().min(Handshake::LEN - heard.len()));
        heard.extend_from_slice(handshake);
        let Ok(whole) = <&[u8; Handshake::LEN]>::try_from(heard.as_slice()) else { return Ok(Heard::Incomplete) };
        Handshake::decode(whole).map(|handshake| Heard::Handshake(handshake, rest))
    }

    /// The handshakes are through.
    pub(super) fn open(&mut self, key: PeerKey) {
        self.state = State::Open(key);
    }

    /// Our handshake goes out.
    pub(super) const fn said_handshake(&mut self) {
        self.handshake_unwritten = Handshake::LEN;
    }

    /// The network took so many bytes; says how many of them are the core's.
    pub(super) fn written(&mut self, bytes: usize) -> usize {
        let ours = bytes.min(self.handshake_unwritten);
        self.handshake_unwritten -= ours;
        bytes - ours
    }
}
