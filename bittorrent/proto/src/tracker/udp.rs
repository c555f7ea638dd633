//! One announce to one address of a UDP tracker (BEP 15, BEP 41): connect, announce, answer; lost datagrams are repeated.
//!
//! Each announce gets a connection id of its own: ids live 60 s, and no tracker is asked more often than that. The socket
//! is the driver's, and hands in only what comes from the address that was asked.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::TrackerUrl;
use super::http::{
    Announce, AnnounceEvent, AnswerError, INTERVAL_MAX, INTERVAL_MIN, LEFT_UNKNOWN, PEERS_MAX, PEERS_WANTED, Peers,
    text,
};
use crate::rng::Rng;

/// Bytes of a datagram that are read: [`PEERS_MAX`] IPv6 peers fit.
pub const DATAGRAM_LEN_MAX: usize = 20 + 18 * PEERS_MAX;

/// The first wait for an answer; it doubles with each repetition. BEP 15 says 15 s, up to an hour in all, which nobody who
/// wants to see a film waits for. A tracker that fails rests by the rules of [`super::tiers`].
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);

/// All of it. A connection id is good for 60 s, so it never runs out in between.
pub const PATIENCE: Duration = Duration::from_secs(15);

const _: () = assert!(PATIENCE.as_secs() < 60, "BEP 15: a connection id is good for one minute");

/// BEP 15, "connect request": the protocol's mark, in place of an id.
const PROTOCOL_ID: u64 = 0x0417_2710_1980;

const ACTION_CONNECT: u32 = 0;
const ACTION_ANNOUNCE: u32 = 1;
const ACTION_ERROR: u32 = 3;

/// BEP 41: an option of path and query; 255 bytes fit in one.
const OPTION_URL_DATA: u8 = 2;

/// Bytes of path and query that are sent; addresses have 2 KiB at most.
const URL_DATA_LEN_MAX: usize = 4 * 1024;

/// What is to be done, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the tracker.
    Send(Vec<u8>),
    /// It answered; the exchange is over.
    Answered(Peers),
    /// It refused ([`AnswerError::Refused`]), or what it sent as an answer is none. The exchange is over.
    Failed(AnswerError),
    /// It did not answer in time. The exchange is over.
    Silent,
}

/// Why [`UdpAnnounce::poll_timeout`] wants a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// An answer is late: ask again, or give up.
    Answer,
}

/// One announce to one address.
#[derive(Clone, Debug)]
pub struct UdpAnnounce {
    rng: Rng,
    announce: Announce,
    url_data: Vec<u8>,
    v6: bool,
    gives_up_at: Instant,
    state: State,
    output: Option<Output>,
}

#[derive(Clone, Debug)]
enum State {
    Asking {
        /// What an announce carries; `None` while it is being asked for.
        connection_id: Option<u64>,
        transaction: u32,
        repeats: u32,
        again_at: Instant,
    },
    Over,
}

impl UdpAnnounce {
    /// Asks for a connection id at once. `v6`: the socket's family, which decides how long a peer's address is.
    pub fn new(now: Instant, rng: Rng, url: &TrackerUrl, announce: Announce, v6: bool) -> Self {
        let mut url_data = url.target().into_bytes();
        url_data.truncate(URL_DATA_LEN_MAX);
        let state = State::Over;
        let mut exchange = Self { rng, announce, url_data, v6, gives_up_at: now + PATIENCE, state, output: None };
        exchange.ask(now, None);
        exchange
    }

    /// Takes in a datagram from the address that was asked. What belongs to no question of ours is ignored: anybody can
    /// write that sender's address on a datagram, but not guess a transaction.
    pub fn handle_input(&mut self, now: Instant, datagram: &[u8]) {
        let State::Asking { connection_id, transaction, .. } = self.state else { return };
        let Some((action, rest)) = read_u32(datagram) else { return };
        let Some((answered, rest)) = read_u32(rest) else { return };
        if answered != transaction {
            return;
        }
        match (action, connection_id) {
            (ACTION_ERROR, _) => self.end(Output::Failed(AnswerError::Refused(text(rest)))),
            (ACTION_CONNECT, None) => {
                let Some(id) = rest.first_chunk() else { return self.end(Output::Failed(AnswerError::NoDatagram)) };
                self.ask(now, Some(u64::from_be_bytes(*id)));
            }
            (ACTION_ANNOUNCE, Some(_)) => {
                let answer =
                    read_peers(rest, self.v6).map_or(Output::Failed(AnswerError::NoDatagram), Output::Answered);
                self.end(answer);
            }
            (_, _) => {}
        }
    }

    /// Does what [`UdpAnnounce::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Asking { .. } if now >= self.gives_up_at => self.end(Output::Silent),
            State::Asking { connection_id, transaction, repeats, again_at } if now >= again_at => {
                self.send(now, connection_id, transaction, repeats + 1);
            }
            State::Asking { .. } | State::Over => {}
        }
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub const fn poll_output(&mut self) -> Option<Output> {
        self.output.take()
    }

    /// When to call [`UdpAnnounce::handle_timeout`], and why; `None` when it is over.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        match self.state {
            State::Asking { again_at, .. } => Some((again_at.min(self.gives_up_at), Wake::Answer)),
            State::Over => None,
        }
    }

    fn ask(&mut self, now: Instant, connection_id: Option<u64>) {
        let transaction = u32::try_from(self.rng.below(1 << 32)).expect("a number below 2³² is a u32");
        self.send(now, connection_id, transaction, 0);
    }

    fn send(&mut self, now: Instant, connection_id: Option<u64>, transaction: u32, repeats: u32) {
        let datagram = match connection_id {
            None => connect(transaction),
            Some(id) => self.announce(id, transaction),
        };
        // Doubled twice at most before the patience ends.
        let again_at = now + ANSWER_PATIENCE.saturating_mul(1 << repeats.min(8));
        self.state = State::Asking { connection_id, transaction, repeats, again_at };
        self.output = Some(Output::Send(datagram));
    }

    fn end(&mut self, output: Output) {
        self.state = State::Over;
        self.output = Some(output);
    }

    /// BEP 15, "announce request", and BEP 41's option behind it.
    fn announce(&self, connection_id: u64, transaction: u32) -> Vec<u8> {
        let Announce { infohash, peer_id, port, uploaded, downloaded, left, event, key, .. } = &self.announce;
        let (event, wanted) = match event {
            // BEP 15 has no number for a partial seed.
            None | Some(AnnounceEvent::Paused) => (0_u32, PEERS_WANTED),
            Some(AnnounceEvent::Completed) => (1, PEERS_WANTED),
            Some(AnnounceEvent::Started) => (2, PEERS_WANTED),
            Some(AnnounceEvent::Stopped) => (3, 0),
        };
        let mut datagram = Vec::with_capacity(98 + self.url_data.len() + 2 * self.url_data.len().div_ceil(255));
        datagram.extend(connection_id.to_be_bytes());
        datagram.extend(ACTION_ANNOUNCE.to_be_bytes());
        datagram.extend(transaction.to_be_bytes());
        datagram.extend(infohash.as_bytes());
        datagram.extend(peer_id.as_bytes());
        for amount in [*downloaded, left.unwrap_or(LEFT_UNKNOWN), *uploaded] {
            datagram.extend(amount.to_be_bytes());
        }
        datagram.extend(event.to_be_bytes());
        // Our address: the one that this datagram comes from.
        datagram.extend([0; 4]);
        datagram.extend(key.to_be_bytes());
        datagram.extend(wanted.to_be_bytes());
        datagram.extend(port.to_be_bytes());
        for chunk in self.url_data.chunks(255) {
            let len = u8::try_from(chunk.len()).expect("a chunk has at most 255 bytes");
            datagram.extend([OPTION_URL_DATA, len]);
            datagram.extend(chunk);
        }
        datagram
    }
}

/// BEP 15, "connect request".
fn connect(transaction: u32) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(16);
    datagram.extend(PROTOCOL_ID.to_be_bytes());
    datagram.extend(ACTION_CONNECT.to_be_bytes());
    datagram.extend(transaction.to_be_bytes());
    datagram
}

/// BEP 15, "IPv4 announce response" behind the transaction: interval, leechers, seeders, peers. A cut peer is none.
fn read_peers(rest: &[u8], v6: bool) -> Option<Peers> {
    let (interval, rest) = read_u32(rest)?;
    let (_leechers, rest) = read_u32(rest)?;
    let (_seeders, rest) = read_u32(rest)?;
    let port = |bytes: &[u8; 2]| u16::from_be_bytes(*bytes);
    let peer = |entry: &[u8]| {
        let (ip, bytes) = entry.split_last_chunk::<2>().expect("an entry has six or eighteen bytes");
        let ip = match <[u8; 4]>::try_from(ip) {
            Ok(v4) => IpAddr::from(v4),
            Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?).to_canonical(),
        };
        Some(SocketAddr::new(ip, port(bytes)))
    };
    let addrs = rest.chunks_exact(if v6 { 18 } else { 6 }).filter_map(peer);
    let interval = Duration::from_secs(u64::from(interval)).clamp(INTERVAL_MIN, INTERVAL_MAX);
    Some(Peers {
        interval,
        interval_min: INTERVAL_MIN,
        addrs: addrs.filter(|addr| addr.port() != 0).take(PEERS_MAX).collect(),
        warning: None,
        tracker_id: None,
        external_ip: None,
    })
}

fn read_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests;
