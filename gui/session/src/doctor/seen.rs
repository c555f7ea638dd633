//! What was seen of each thing, before anything is concluded of it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sharestream_engine::DiskRoom;
use sharestream_signal_client::{DialError, GetError};

/// Of the player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlayerSeen {
    /// It does not start.
    Missing { why: String },
    /// It starts and says nothing, or nothing that a player of that name says.
    Strange,
    /// It says what it is.
    Found {
        version: String,
        /// The interfaces to graphics chips that it was built with.
        interfaces: BTreeSet<String>,
        /// The system has a device that decodes; `None` where that cannot be told.
        device: Option<bool>,
    },
}

/// Of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiskSeen {
    pub(super) folder: PathBuf,
    pub(super) room: Option<DiskRoom>,
    /// A file was made and deleted, or why not.
    pub(super) writable: Result<(), String>,
}

/// Of the engine's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortSeen {
    pub(super) wanted: u16,
    /// The one that the engine would take, and whether it is the wanted one.
    pub(super) got: Option<u16>,
    /// This machine's address on its network.
    pub(super) own: Option<IpAddr>,
    pub(super) tcp: Reach,
    pub(super) udp: Reach,
}

/// Whether the machine reached itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    NotTried,
    Yes,
    No { why: String },
}

/// Of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv6Seen {
    /// An address that is good everywhere.
    pub(super) global: bool,
    /// The system knows a way to the world.
    pub(super) route: bool,
}

/// Of what can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UplinkSeen {
    pub(super) uplink: Option<u64>,
    pub(super) film_rate: u64,
    pub(super) viewers: u32,
}

/// Of the server, by its `/health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerSeen {
    NotConfigured,
    Failed(GetError),
    /// A web server of another kind.
    Other {
        status: u16,
    },
    Ours {
        version: String,
        secure: bool,
    },
}

/// Of the server's `/rendezvous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RendezvousSeen {
    NotTried,
    Failed(GetError),
    /// It names no tracker.
    Strange,
    Found {
        /// `HOST:PORT`.
        stun: Vec<String>,
    },
}

impl RendezvousSeen {
    /// Who answers STUN.
    pub(super) fn stun(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::NotTried | Self::Failed(_) | Self::Strange => &[][..],
            Self::Found { stun } => stun,
        };
        named.iter().map(String::as_str)
    }
}

/// Of a WebSocket at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WebSocketSeen {
    NotTried,
    Failed(DialError),
    /// It was opened, and then not what it should be.
    Broken {
        why: String,
    },
    Open {
        /// Those that were answered.
        round_trips: Vec<Duration>,
    },
}

/// Of the address outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StunSeen {
    /// This machine's addresses.
    pub(super) own: BTreeSet<IpAddr>,
    /// The port of the socket that asked.
    pub(super) port: u16,
    /// Who was asked, and as what the question was seen there.
    pub(super) answers: Vec<(SocketAddr, Option<SocketAddr>)>,
}
