//! What a world asks of those who live in it: a protocol core, and what its driver would add.
//!
//! The four verbs are those of every state machine, with one door in and one way out, so a host is mostly a
//! translation: network and disk to the core's input, the core's output to [`Output`].

pub mod peer;

use std::fmt::{self, Debug, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use bittorrent_proto::units::{ByteLen, BytesPerSec};
use bytes::Bytes;

use crate::disk::{DiskConfig, Done};
use crate::link::{Ending, Side};

/// Somebody in a world.
pub trait Host {
    /// What its disk is asked to do. The host carries it out itself when it comes back as [`Input::Disk`].
    type Job;
    /// Why it wants to be woken.
    type Wake: Copy + PartialEq + Debug;

    /// Everything that happens to it.
    fn handle_input(&mut self, now: Instant, input: Input<Self::Job>);

    /// Called when [`Host::poll_timeout`]'s instant has come.
    fn handle_timeout(&mut self, now: Instant);

    /// What it wants; drained to `None` after every call of the two above.
    fn poll_output(&mut self) -> Option<Output<Self::Job>>;

    /// When to call [`Host::handle_timeout`], and why.
    fn poll_timeout(&self) -> Option<(Instant, Self::Wake)>;

    /// Its own rules, checked after everything that happens to it.
    ///
    /// # Errors
    /// The rule that does not hold, in words.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// What happens to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<J> {
    /// A connection is open; this end may send.
    Connected {
        /// The name of this end of it.
        conn: ConnId,
        /// Who is at the other end.
        peer: HostId,
    },
    /// Nobody answered a dial.
    DialFailed {
        /// Who was called.
        peer: HostId,
    },
    /// Bytes arrived, cut anywhere.
    Bytes {
        /// On which connection.
        conn: ConnId,
        /// Never empty.
        bytes: Bytes,
    },
    /// The network took over so many bytes of what was sent, in order. What [`Output::Send`] gave and this has not
    /// named is what the driver still holds.
    Written {
        /// On which connection.
        conn: ConnId,
        /// How many, not zero.
        bytes: usize,
    },
    /// The connection is over. Nothing follows on it; what this end sends on it goes nowhere.
    Ended {
        /// Which.
        conn: ConnId,
        /// How.
        ending: Ending,
    },
    /// A job had its time on the disk.
    Disk(Done<J>),
}

impl<J> Input<J> {
    /// The connection it is about.
    pub const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Connected { conn, .. }
            | Self::Bytes { conn, .. }
            | Self::Written { conn, .. }
            | Self::Ended { conn, .. } => Some(*conn),
            Self::DialFailed { .. } | Self::Disk(_) => None,
        }
    }
}

/// What a host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<J> {
    /// Call somebody. Answered by [`Input::Connected`] or [`Input::DialFailed`].
    Dial {
        /// Whom.
        peer: HostId,
    },
    /// Bytes for the other end. Held for the network, up to [`crate::limits::OUTBOX_LEN_MAX`] a connection.
    Send {
        /// On which connection.
        conn: ConnId,
        /// In the order they shall arrive.
        bytes: Bytes,
    },
    /// Stop or go on reading. The other end is held up while this one does not read.
    Reading {
        /// Which connection.
        conn: ConnId,
        /// Whether to read.
        reading: bool,
    },
    /// End a connection. No input follows for it; what the network has not taken over is dropped.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// A job for the disk. Answered by [`Input::Disk`].
    Disk {
        /// What.
        job: J,
        /// How many bytes it moves.
        len: ByteLen,
    },
}

/// A host's name and place, the same when it leaves and comes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(u32);

impl HostId {
    /// The host of that number.
    ///
    /// # Panics
    /// Above 65 535: addresses and traces count on it.
    pub const fn new(number: u32) -> Self {
        assert!(number <= 0xffff, "more hosts than addresses");
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Where it listens, for protocols that speak of addresses: each host is in a /24 of its own.
    pub const fn address(self) -> SocketAddr {
        let [_, _, high, low] = self.0.to_be_bytes();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, high, low, 1)), Self::PORT)
    }

    /// Whose address that is; `None` for one that no host has.
    pub const fn from_address(address: SocketAddr) -> Option<Self> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        let [10, high, low, 1] = ip.octets() else { return None };
        if address.port() != Self::PORT {
            return None;
        }
        Some(Self(u32::from_be_bytes([0, 0, high, low])))
    }

    const PORT: u16 = 6881;
}

impl Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.0)
    }
}

/// One end of a connection. Never used twice in a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId {
    pub(crate) link: u64,
    dialed: bool,
}

impl ConnId {
    pub(crate) const fn new(link: u64, side: Side) -> Self {
        Self { link, dialed: matches!(side, Side::Dialer) }
    }

    /// Which end it is.
    pub const fn side(self) -> Side {
        if self.dialed { Side::Dialer } else { Side::Acceptor }
    }

    /// A number of its own, for protocols that name connections by numbers.
    pub const fn get(self) -> u64 {
        self.link * 2 + self.dialed as u64
    }
}

/// What a host's machine and line are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// What all its connections share on the way out; `None` for no bound but each link's.
    pub uplink: Option<BytesPerSec>,
    /// What all its connections share on the way in.
    pub downlink: Option<BytesPerSec>,
    /// Whether others can call it. Behind most home routers they cannot.
    pub accepts: bool,
    /// Its disk.
    pub disk: DiskConfig,
}

impl Default for HostConfig {
    /// Reachable, bounded only by its links, on a fast disk.
    fn default() -> Self {
        Self { uplink: None, downlink: None, accepts: true, disk: DiskConfig::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_hosts() {
        for number in [0, 1, 255, 256, 65_535] {
            let host = HostId::new(number);
            assert_eq!(HostId::from_address(host.address()), Some(host));
        }
        for strange in ["10.0.0.2:6881", "10.0.0.1:6882", "11.0.0.1:6881", "[::1]:6881"] {
            assert_eq!(HostId::from_address(strange.parse().unwrap()), None, "{strange}");
        }
    }

    #[test]
    #[should_panic(expected = "more hosts than addresses")]
    fn hosts_are_bounded_by_addresses() {
        HostId::new(65_536);
    }

    #[test]
    fn the_ends_of_a_connection_have_names_of_their_own() {
        let names: std::collections::BTreeSet<u64> =
            (0..10).flat_map(|link| Side::ALL.map(|side| ConnId::new(link, side).get())).collect();
        assert_eq!(names.len(), 20);
        for side in Side::ALL {
            assert_eq!(ConnId::new(4, side).side(), side);
        }
    }
}
