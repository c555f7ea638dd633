//! The contract: commands in, events out, a JSON object a line each.
//!
//! Reading a command is done by hand, field by field, so that a refusal names the field. Unknown fields are ignored.

mod command;
mod event;
mod fields;
mod lines;
mod parse;

pub use command::{
    Add, AddSource, Command, Fetch, FileChoice, Limit, PeerAddr, PeerAddrError, Playhead, Room, Seed, Stop,
};
pub use event::{
    Added, Counts, Done, Error, Event, Figures, FileEntry, Hashing, Info, NatState, PeerStatus, Progress, Ready,
    Seeding, State, Status, Stopped, TorrentStatus,
};
pub use lines::{LineDecoder, LineTooLong};
pub use parse::{Refusal, parse_line};

use serde::{Deserialize, Deserializer, Serialize};

/// The front end's mark on a command, repeated by the events that answer it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// `null`, which is a value like any other here.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(String),
}

/// A command with its mark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// What is to be done.
    #[serde(flatten)]
    pub command: Command,
    /// The mark; `None` when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
}

/// An event with the mark of the command it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// The mark; `None` for what answers no command, or one without a mark.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { command, id: None }
    }
}

impl From<Event> for Message {
    fn from(event: Event) -> Self {
        Self { event, id: None }
    }
}

impl Message {
    /// The line to print, with its line feed.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("maps have string keys and no writer is involved");
        line.push('\n');
        line
    }
}

impl Request {
    /// The line to send, with its line feed.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("maps have string keys and no writer is involved");
        line.push('\n');
        line
    }
}

/// `null` is a mark, where `Option` alone would read it as none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RequestId>, D::Error> {
    RequestId::deserialize(deserializer).map(Some)
}
