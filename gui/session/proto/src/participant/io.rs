//! What goes into a participant and what comes out.

use std::time::Duration;

use engine_proto::error::Problem;
use engine_proto::infohash::Infohash;
use engine_proto::ipc;
use serde_json::Value;
use signal_proto::event::ServerEvent;
use signal_proto::ids::{ParticipantId, RoomCode};

use crate::player;
use crate::settings::{Offsets, Place};
use crate::view::{ChatItem, Notice};
use crate::wish::{LateJoin, Wish};
use crate::words::Language;

/// Who somebody is and what they come for.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// In which the person is told everything.
    pub language: Language,
    /// Shown to the others.
    pub name: String,
    /// Their public name; the server may append a number.
    pub participant: ParticipantId,
    /// The room.
    pub entry: Entry,
    /// What brings an earlier place in that room back.
    pub token: Option<String>,
    /// A file or folder to share as soon as the room is there.
    pub film: Option<String>,
    /// Where engines of the room find one another: the server's address, as `trackerUrl`.
    pub rendezvous: String,
    /// Random, so that no two runs name two actions alike.
    pub nonce: u64,
    /// It is a slow machine: wider bands, and more is fetched before a start.
    pub weak: bool,
    /// How much later than the player says the sound leaves the speakers.
    pub offsets: Offsets,
    /// What the player can do.
    pub player: player::Traits,
    /// How to take part in a film that runs already.
    pub late_join: LateJoin,
    /// What was downloaded is deleted when the room is left or has another film.
    pub deletes_films: bool,
    /// What others say of a place in the film is shown when one's own player is there.
    pub spoiler_safe: bool,
    /// Only to watch: nobody waits for this participant.
    pub spectating: bool,
}

/// How a room is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A new one, under that code if it is free.
    Create {
        /// `None`: the server draws one.
        code: Option<RoomCode>,
    },
    /// An existing one.
    Join {
        /// Its code.
        code: RoomCode,
    },
}

/// What happens to a participant.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The person wants something.
    Wish(Wish),
    /// Of the server.
    Signal(SignalNews),
    /// Of the engine.
    Engine(EngineNews),
    /// Of the player.
    Player(player::Event),
    /// The answer to [`Output::WantPlace`], if a place is known.
    Place(Place),
    /// The program goes without a goodbye; nothing is said to the server any more.
    LetGo,
    /// The machine slept, or its clock stood still otherwise: what was measured before means nothing now.
    Woke,
}

/// What is heard of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalNews {
    /// There is a connection, on which nothing has been said.
    Connected,
    /// There is none.
    Lost {
        /// Why; cleaned.
        why: String,
        /// When it is tried again; `None`: never.
        retry_in: Option<Duration>,
    },
    /// It says something.
    Heard(Box<ServerEvent>),
    /// It said something that is none of its events; with words for the log.
    NotUnderstood(String),
    /// It answered what was said with a ticket, or did not.
    Answered(Ticket, Answer),
}

/// Marks what is said to the server and wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What came of what was said with a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The server's answer.
    Said(Value),
    /// It never went out.
    NotSent,
    /// Nobody knows whether it arrived: the connection was lost, or no answer came in time.
    Unknown,
}

/// What is heard of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineNews {
    /// It runs, and knows of nothing.
    Up,
    /// It says something.
    Event(Box<ipc::Event>),
    /// It does not run.
    Down {
        /// E001, E002 or E007, with its words.
        problem: Problem,
        /// When it is started again; `None`: never.
        retry_in: Option<Duration>,
    },
}

/// What a participant wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Say something to the server.
    Say(Say),
    /// Say goodbye to the server, and connect no more.
    LeaveServer,
    /// Try the server again now instead of when it was planned.
    RetryServer,
    /// Command the engine.
    Engine(ipc::Command),
    /// Command the player.
    Player(player::Command),
    /// The view is another one.
    Changed,
    /// Somebody said something, something happened, or a line went on its way: the same key is the same line.
    Said(ChatItem),
    /// Something is wrong or worth knowing that was not before.
    Noticed(Notice),
    /// The token that brings this participant's place back, for a program that starts anew.
    Keep {
        /// The room's code.
        code: String,
        /// Secret.
        token: String,
    },
    /// Where was this film left? Answered by [`Input::Place`].
    WantPlace(Infohash),
    /// The film is left there, should it be over now.
    KeepPlace(Place),
    /// It is over; nothing comes after.
    Ended(End),
}

/// An event for the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Say {
    /// Its name.
    pub name: &'static str,
    /// Its object.
    pub payload: Value,
    /// Set if its answer is wanted.
    pub ticket: Option<Ticket>,
}

/// Why it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The person left.
    Left,
    /// The room ended; with the reason as words.
    RoomEnded(String),
    /// The host removed the person.
    Removed,
    /// The room was never entered; the notice says why.
    Refused(Notice),
}
