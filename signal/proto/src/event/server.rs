//! Server to client.

mod parse;
mod read;
mod shapes;

use serde_json::Value;
use std::time::Duration;

pub use parse::parse_server;
pub use shapes::{
    ChatLine, Entered, FilmShared, IceServer, Moved, Participant, Policy, Refusal, Relayed, RoomShown, RoomState,
    Rules, Secret, Snapshot, Subtitle, Swarm,
};

use super::client::{FilmNews, Report};
use crate::ids::{ActionId, ParticipantId, SocketId};
use crate::sync::clock::Answer;
use crate::time::{MediaTime, ServerTime};

/// An event of a server, its sizes and kinds checked. What only newer servers say is `None` or empty from an older one.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerEvent {
    /// `room-created`: the answer to `create-room`.
    RoomCreated(Result<Box<Entered>, Refusal>),
    /// `room-joined`: the answer to `join-room`.
    RoomJoined(Result<Box<Entered>, Refusal>),
    /// `session-token`: the token for a new role. The one before it is void.
    SessionToken(Secret),
    /// `participant-list`: everybody in the room.
    ParticipantList(Vec<Participant>),
    /// `participant-joined`.
    ParticipantJoined(Participant),
    /// `participant-updated`: somebody is shown otherwise than before.
    ParticipantUpdated(Participant),
    /// `participant-left`.
    ParticipantLeft {
        /// Who.
        id: ParticipantId,
        /// `removed`, if it was not their own wish.
        reason: Option<String>,
    },
    /// `host-away`: the host's connection is lost.
    HostAway {
        /// The host.
        id: ParticipantId,
        /// So long the room waits before it gets another.
        grace: Duration,
    },
    /// `host-changed`.
    HostChanged {
        /// The host from now on.
        id: ParticipantId,
        /// And before.
        previous: Option<ParticipantId>,
        /// One word; newer servers may have others than `away`, `left`, `given`, `claimed`, `returned`.
        reason: Option<String>,
    },
    /// `room-updated`: what the host set.
    RoomUpdated(Rules),
    /// `room-closing`: the room ends.
    RoomClosing {
        /// In so long; zero is now.
        within: Duration,
        /// Why, for people.
        reason: Option<String>,
    },
    /// `server-restarting`.
    ServerRestarting {
        /// When to come back.
        retry_after: Duration,
    },
    /// `torrent-magnet`: the film.
    TorrentMagnet(FilmShared),
    /// `movie-loaded`: what is known of the film.
    MovieLoaded(FilmNews),
    /// `media-cleared`: there is no film any more.
    MediaCleared {
        /// Whose wish it was.
        by: Option<ParticipantId>,
        /// The count of films from now on.
        epoch: Option<u64>,
    },
    /// `subtitle-shared`.
    SubtitleShared(Subtitle),
    /// `playback-snapshot`: where the film is, for somebody who has just come.
    PlaybackSnapshot(Snapshot),
    /// `room-state`: where the film is and what is waited for, on every change of it.
    RoomState(RoomState),
    /// `sync-play`.
    SyncPlay(Moved),
    /// `sync-pause`.
    SyncPause(Moved),
    /// `sync-seek`. Where its anchor has no start, the film stands; a [`ServerEvent::RoomState`] says whether it waits.
    SyncSeek(Moved),
    /// `sync-correct`: where to be, for who is far from it.
    SyncCorrect {
        /// There.
        time: MediaTime,
        /// Playing or paused.
        playing: bool,
        /// The correction's name.
        action_id: ActionId,
    },
    /// `sync-check` with a number: the answer to a probe of the clock.
    ClockAnswer(Answer),
    /// `sync-check` without one: everybody is to send their `sync-report`.
    ReportWanted,
    /// `sync-report` of somebody else.
    SyncReport {
        /// Whose.
        id: ParticipantId,
        /// What their player does.
        report: Report,
        /// When; the server's clock, or that of a client that knows only the plan.
        timestamp: Option<ServerTime>,
    },
    /// `ready-state` of somebody else.
    ReadyState {
        /// Whose.
        id: ParticipantId,
        /// Whether they can play.
        ready: bool,
        /// Seconds verified ahead of them.
        ahead: Option<f64>,
        /// What their client expects of its line, as it says it.
        forecast: Option<Value>,
    },
    /// `start-webrtc`.
    StartWebrtc {
        /// With whom.
        peer: SocketId,
        /// The same, by their own name.
        id: Option<ParticipantId>,
        /// Whether we are to make the offer.
        initiator: bool,
    },
    /// `offer`, `answer`, `ice-candidate`.
    Relayed(Relayed),
    /// `call-state` of somebody else.
    CallState {
        /// Whose.
        id: ParticipantId,
        /// The same, by their connection.
        peer: SocketId,
        /// Whether the microphone is on.
        audio: bool,
        /// Whether the camera is on.
        video: bool,
        /// Whether the screen is shared.
        screen: bool,
    },
    /// `peer-left`: somebody is out of the call.
    PeerLeft {
        /// Their connection.
        peer: SocketId,
        /// The same, by their own name.
        id: Option<ParticipantId>,
    },
    /// `ice-servers`: fresh servers for calls.
    IceServers {
        /// These, instead of all before.
        servers: Vec<IceServer>,
        /// How long their credentials are valid.
        ttl: Option<Duration>,
    },
    /// `chat-message`, one's own too.
    ChatMessage(ChatLine),
    /// `chat-history`: the last of what was said before one came, the oldest first.
    ChatHistory(Vec<ChatLine>),
    /// `error`.
    Error(Refusal),
}

#[cfg(test)]
mod tests;
