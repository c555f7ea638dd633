//! Client to server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{ActionId, ParticipantId, RoomCode};
use crate::roles::Role;
use crate::sync::gate::WaitPolicy;
use crate::time::{MediaTime, Rate};

/// An event of a client, its sizes and kinds checked. Whether it is allowed is the room's to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// `create-room`.
    CreateRoom {
        /// The client's own name for itself.
        participant: ParticipantId,
        /// Shown to people; cleaned, never empty.
        name: String,
        /// What the client can do.
        capabilities: Capabilities,
        /// The code it would like.
        requested_code: Option<RoomCode>,
    },
    /// `join-room`.
    JoinRoom {
        /// `None` for what no room can be called, which is answered as an unknown code is.
        code: Option<RoomCode>,
        /// The client's own name for itself.
        participant: ParticipantId,
        /// Shown to people; cleaned, never empty.
        name: String,
        /// What the client can do.
        capabilities: Capabilities,
        /// Who it was before, if signed by us.
        session_token: Option<String>,
        /// What it knows of the room, should the server have forgotten it.
        snapshot: Option<RoomSnapshot>,
    },
    /// `leave-room`.
    LeaveRoom,
    /// `torrent-magnet`.
    TorrentMagnet {
        /// Begins with `magnet:?`.
        magnet: String,
        /// The file within.
        stream_path: Option<String>,
        /// The film's name.
        name: Option<String>,
    },
    /// `movie-loaded`.
    MovieLoaded(FilmNews),
    /// `media-cleared`.
    MediaCleared,
    /// `sync-play`.
    SyncPlay(MediaTime, ActionId),
    /// `sync-pause`.
    SyncPause(MediaTime, ActionId),
    /// `sync-seek`.
    SyncSeek(MediaTime, ActionId),
    /// `sync-check`: a probe of the clock (`t0`, `n`), or a question for everybody's report when neither is given.
    SyncCheck {
        /// The client's clock as it sent, milliseconds, and the probe's number.
        probe: Option<(f64, u64)>,
    },
    /// `sync-report`.
    SyncReport(Report),
    /// `sync-correct`.
    SyncCorrect {
        /// Where everybody is to be.
        time: MediaTime,
        /// Playing or paused.
        playing: bool,
        /// Once only.
        action_id: ActionId,
    },
    /// `ready-state`.
    ReadyState {
        /// Which film.
        epoch: u64,
        /// Which anchor the client speaks of.
        seq: u64,
        /// Whether it can play from there.
        ready: bool,
        /// Seconds verified ahead.
        ahead: Option<f64>,
        /// What the client expects of its line, as it says it.
        forecast: Option<Value>,
    },
    /// `set-rate`.
    SetRate(Rate, ActionId),
    /// `start-anyway`.
    StartAnyway,
    /// `watch-reports`.
    WatchReports(bool),
    /// `set-spectating`.
    SetSpectating(bool),
    /// `start-webrtc`, to that peer.
    StartWebrtc {
        /// A socket's or a participant's id.
        to: String,
        /// Whether the receiver is to make the offer.
        initiator: bool,
    },
    /// `offer`, `answer`, `ice-candidate`.
    Relay(Relay),
    /// `ready-for-connection`: joins the call.
    ReadyForConnection,
    /// `call-state`.
    CallState {
        /// Whether the microphone is on.
        audio: bool,
        /// Whether the camera is on.
        video: bool,
        /// Whether the screen is shared.
        screen: bool,
    },
    /// `leave-call`.
    LeaveCall,
    /// `get-ice-servers`.
    GetIceServers,
    /// `subtitle-shared`.
    SubtitleShared {
        /// A torrent of its own.
        magnet: String,
        /// Shown to people.
        name: String,
        /// A language's tag.
        language: Option<String>,
    },
    /// `chat-message`.
    ChatMessage {
        /// Cleaned, never empty.
        text: String,
        /// The sender's own mark.
        client_id: Option<String>,
        /// Where in the film it was written.
        media_time: Option<MediaTime>,
    },
    /// `claim-host`.
    ClaimHost,
    /// `set-control-mode`; the participants are those of [`Mode::Chosen`].
    SetControlMode(Mode),
    /// `set-role`.
    SetRole(ParticipantId, Role),
    /// `kick`.
    Kick(ParticipantId),
    /// `lock-room`.
    LockRoom(bool),
    /// `set-policy`; what is not given stays.
    SetPolicy(Option<WaitPolicy>, Option<HostLeft>),
    /// `end-room`.
    EndRoom,
}

/// What a client says it can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// 2 and more: knows scheduled starts, readiness and clock probes.
    pub sync: u64,
    /// The client's version of the contract.
    pub version: Option<u64>,
    /// All that it said, an object of at most `CAPABILITIES_LEN_MAX` bytes of JSON, for the others to see.
    pub shown: Value,
}

/// What `movie-loaded` tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmNews {
    /// The film's name.
    pub name: String,
    /// Its length, when it is known.
    pub duration: Option<MediaTime>,
}

/// What a participant's player does.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Where it is.
    pub time: MediaTime,
    /// Whether it plays.
    pub playing: bool,
    /// Whether it waits for bytes.
    pub buffering: bool,
    /// Seconds that it differs from the anchor by.
    pub drift: Option<f64>,
    /// What else it tells of itself, for whoever watches over the room: `at`, `epoch`, `seq`, `ahead`, `rate`, `rtt`, `ready`.
    pub more: Map<String, Value>,
}

/// WebRTC signalling for one other participant, which we do not read.
#[derive(Clone, Debug, PartialEq)]
pub struct Relay {
    /// Which event.
    pub kind: RelayKind,
    /// A socket's or a participant's id.
    pub to: String,
    /// The event's own object, within `SDP_LEN_MAX`.
    pub body: Value,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    /// `offer`.
    Offer,
    /// `answer`.
    Answer,
    /// `ice-candidate`.
    IceCandidate,
}

/// What a member knows of a room that the server may have forgotten. A claim: the room's own state beats it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomSnapshot {
    /// Which film, and which anchor.
    pub order: (u64, u64),
    /// Whether it was playing.
    pub playing: bool,
    /// Where it was.
    pub position: MediaTime,
    /// Milliseconds since.
    pub age_ms: u64,
    /// The film's magnet.
    pub magnet: Option<String>,
    /// What `movie-loaded` told of it.
    pub movie: Option<FilmNews>,
    /// Who was removed.
    pub kicked: Vec<ParticipantId>,
}

/// Who controls, as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Host and cohosts.
    Host,
    /// Everybody.
    Everyone,
    /// These as well.
    Chosen(Vec<ParticipantId>),
}

/// What happens to the film when the host leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HostLeft {
    /// It goes on.
    #[default]
    Continue,
    /// It pauses.
    Pause,
}

impl Default for Capabilities {
    /// Of a client that says nothing of itself.
    fn default() -> Self {
        Self { sync: 0, version: None, shown: Value::Object(Map::new()) }
    }
}

impl RelayKind {
    /// The event's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::IceCandidate => "ice-candidate",
        }
    }

    /// The field that holds what is relayed.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::IceCandidate => "candidate",
        }
    }
}
