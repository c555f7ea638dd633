//! What a server's events carry.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::error::Code;
use crate::event::client::{Capabilities, HostLeft, RelayKind};
use crate::ids::{ActionId, ParticipantId, RoomCode, SocketId};
use crate::playback::Anchor;
use crate::roles::{ControlMode, Role};
use crate::sync::gate::WaitPolicy;
use crate::time::{MediaTime, ServerTime};

/// What somebody is told who is in a room from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Entered {
    /// The room.
    pub room: RoomShown,
    /// Who one is there: the server may have appended a number.
    pub id: Option<ParticipantId>,
    /// Brings one back as the same, from any connection.
    pub session_token: Option<Secret>,
    /// One's own connection, as others know it.
    pub peer: Option<SocketId>,
    /// What calls go through.
    pub ice_servers: Vec<IceServer>,
    /// The room's swarm, for the engine.
    pub swarm: Option<Swarm>,
}

/// A room, as its members are told it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomShown {
    /// Its code.
    pub code: RoomCode,
    /// One's own role.
    pub role: Role,
    /// Whose room it is; `None` also while nobody is.
    pub host: Option<ParticipantId>,
    /// Everybody in it, oneself too.
    pub participants: Vec<Participant>,
    /// What the host set.
    pub rules: Option<Rules>,
}

/// A room's swarm and one's own place in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Swarm {
    /// Proves to other engines that one belongs to the room. The same for all its members, and secret.
    pub key: [u8; 16],
    /// Who one is to other engines.
    pub own: [u8; 20],
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Unique in the room.
    pub id: ParticipantId,
    /// Shown to people; cleaned.
    pub name: String,
    /// Who comes to a server that does not say is a viewer.
    pub role: Role,
    /// Their connection, the last one while they are away.
    pub peer: Option<SocketId>,
    /// What their client can do.
    pub capabilities: Capabilities,
    /// Their connection is lost, and they may be back.
    pub away: bool,
    /// They are in the call.
    pub in_call: bool,
    /// They only watch: nobody waits for them.
    pub spectating: bool,
}

/// What the host of a room set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who controls playback.
    pub control: ControlMode,
    /// Nobody new comes in.
    pub locked: bool,
    /// How the room behaves by itself.
    pub policy: Policy,
}

/// How a room behaves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether it waits for who stalls.
    pub wait: WaitPolicy,
    /// Whether it pauses when the host leaves.
    pub host_left: HostLeft,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people; cleaned.
    pub message: String,
    /// For programs; `None` also for a code that we do not know.
    pub code: Option<Code>,
    /// Whether the same may work later.
    pub retryable: Option<bool>,
    /// What a person can do; cleaned.
    pub hint: Option<String>,
    /// When to try again.
    pub wait: Option<Duration>,
}

/// A film that is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilmShared {
    /// Begins with `magnet:?`.
    pub magnet: String,
    /// The file within.
    pub stream_path: Option<String>,
    /// The film's name; cleaned.
    pub name: Option<String>,
    /// The count of films.
    pub epoch: Option<u64>,
    /// Who shared it; `None` for somebody who came later.
    pub by: Option<ParticipantId>,
}

/// A file of subtitles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtitle {
    /// A torrent of its own.
    pub magnet: String,
    /// Shown to people; cleaned.
    pub name: String,
    /// A language's tag.
    pub language: Option<String>,
    /// Who shared it.
    pub by: Option<ParticipantId>,
}

/// Somebody played, paused or sought.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Where the film is from then on.
    pub time: MediaTime,
    /// What its sender called it; one's own action comes back by it.
    pub action_id: ActionId,
    /// The same as an anchor, which says when, too; `None` from a server that keeps none.
    pub anchor: Option<Anchor>,
}

/// Where the film is.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// There.
    pub time: MediaTime,
    /// Whether it plays.
    pub playing: bool,
    /// The same as an anchor, which says when, too; `None` from a server that keeps none.
    pub anchor: Option<Anchor>,
    /// How long the film is.
    pub duration: Option<MediaTime>,
    /// Who is not ready, while the room waits.
    pub waiting_on: Vec<ParticipantId>,
}

/// What a room does.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    /// Where the film is and since when, with the room's speed.
    pub anchor: Anchor,
    /// Who is not ready, while the room waits.
    pub waiting_on: Vec<ParticipantId>,
    /// When it goes on without them.
    pub deadline: Option<ServerTime>,
    /// Who is not waited for any more, from now on.
    pub without: Vec<ParticipantId>,
}

/// WebRTC signalling of one other participant.
#[derive(Clone, Debug, PartialEq)]
pub struct Relayed {
    /// Which event.
    pub kind: RelayKind,
    /// From which connection.
    pub from: SocketId,
    /// The same, by its own name.
    pub id: Option<ParticipantId>,
    /// The event's own object, within `SDP_LEN_MAX`.
    pub body: Value,
}

/// A server for calls, as WebRTC takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses of it, unread.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<Secret>,
}

/// A line of chat.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatLine {
    /// The server's name for it.
    pub id: String,
    /// Who said it.
    pub sender: ParticipantId,
    /// What they were called then; cleaned.
    pub sender_name: String,
    /// What they were then.
    pub sender_role: Role,
    /// Cleaned.
    pub text: String,
    /// When.
    pub timestamp: ServerTime,
    /// The sender's own mark.
    pub client_id: Option<String>,
    /// Where in the film.
    pub media_time: Option<MediaTime>,
}

/// Text that belongs in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Swarm { .. }")
    }
}
