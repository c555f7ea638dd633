//! What processes of one server write to each other: events of people on their way to the room's owner, and what they are told on
//! the way back. JSON, since a room's events are; between processes of one version only.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NodeId;
use crate::ids::{ParticipantId, RoomKey, SocketId, SocketKey};

/// Several items for one process, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    /// Who writes.
    pub(super) from: NodeId,
    /// Counts letters from one to another, from 1: one that comes twice is read once, one that is lost is noticed.
    pub(super) number: u64,
    pub(super) items: Vec<Item>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Item {
    /// To the owner: somebody asks to come into a room.
    Door { key: RoomKey, who: Remote, said: Said },
    /// To the owner: a member says something.
    Say { key: RoomKey, socket: SocketKey, said: Said },
    /// To the owner: the way to a member and back.
    RoundTrip { socket: SocketKey, rtt: Duration },
    /// To the owner: a connection is lost, or went to another room.
    Gone { key: RoomKey, socket: SocketKey, leaves: bool },
    /// To a new owner: these members are connected here.
    Attach { key: RoomKey, people: Vec<(ParticipantId, Remote)> },
    /// From the owner: one message for each of these.
    Tell { to: Vec<SocketKey>, text: String },
    /// From the owner: the acknowledgement of what a connection said.
    Ack { socket: SocketKey, ack: u64, text: String },
    /// From the owner: end a connection.
    Close { socket: SocketKey },
    /// From the owner: somebody is in a room now, or in none.
    Placed { socket: SocketKey, place: Option<(RoomKey, ParticipantId)> },
    /// From the owner: what somebody said at the door is answered.
    Answered { socket: SocketKey },
    /// From who is no owner: whoever asks for this room asks the store again.
    NotHere { key: RoomKey },
    /// From the owner: this connection is nobody's here.
    Unseated { key: RoomKey, socket: SocketKey },
}

/// A connection that another process holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Remote {
    pub(super) socket: SocketKey,
    pub(super) peer_id: SocketId,
    pub(super) from: IpAddr,
}

/// An event of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) name: String,
    pub(super) payload: Option<Value>,
    pub(super) ack: Option<u64>,
}
