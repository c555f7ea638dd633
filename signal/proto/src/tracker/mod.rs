//! Trackers: who is in which swarm. [`http`] answers BEP 3's announces and scrapes, [`websocket`] relays WebTorrent's offers and
//! answers and brings engines together whose NATs need it. Peers of one kind are of no use to the other, so each has its swarms.
//! [`rendezvous()`] says where both are.

use std::fmt;

pub mod http;
pub mod limits;
mod rendezvous;
pub mod swarm;
pub mod websocket;

pub use rendezvous::rendezvous;

/// Which torrent: SHA-1 of its info dictionary (BEP 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Infohash(pub [u8; 20]);

/// Which peer, as it calls itself (BEP 20).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub [u8; 20]);

impl fmt::Debug for Infohash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Infohash({})", hex(&self.0))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", hex(&self.0))
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
