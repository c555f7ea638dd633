//! The codes of what can go wrong in a room, in one table.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// Why something failed, in a form a program can branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The server cannot be reached; only clients say so.
    S001,
    /// No such room: unknown, malformed or expired, which a guesser cannot tell apart.
    S002,
    /// A requested code that no room can have.
    S003,
    /// The code is another room's.
    S004,
    /// The room is full, or an address has too many.
    S005,
    /// The room is locked.
    S006,
    /// Removed by the host.
    S007,
    /// Not allowed in this role.
    S008,
    /// The client is too old (`capabilities.version`).
    S009,
    /// Too much at once.
    S010,
    /// The host is away.
    S011,
    /// The server is restarting.
    S012,
    /// A message was refused: malformed or oversized.
    S013,
    /// No such participant.
    S014,
    /// The call is full.
    S015,
}

/// A refusal, which becomes an `error` event and a negative acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub code: Code,
    /// What and why, for people; never a stranger's text unescaped.
    pub message: String,
    /// When the same thing may be tried again.
    pub wait: Option<Duration>,
}

impl Problem {
    /// A problem with words of its own.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), wait: None }
    }

    /// What an `error` event carries: `wait` is in seconds.
    pub fn shown(&self) -> Value {
        let mut shown = json!({
            "message": self.message,
            "code": self.code.to_string(),
            "retryable": self.code.retryable(),
            "hint": self.code.hint(),
        });
        if let Some(wait) = self.wait {
            shown["wait"] = json!(wait.as_secs_f64());
        }
        shown
    }

    /// The answer to an event that was refused: the same, and that it was no success.
    pub fn answer(&self) -> Value {
        let mut answer = self.shown();
        answer["success"] = false.into();
        answer
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Self; 15] = [
        Self::S001,
        Self::S002,
        Self::S003,
        Self::S004,
        Self::S005,
        Self::S006,
        Self::S007,
        Self::S008,
        Self::S009,
        Self::S010,
        Self::S011,
        Self::S012,
        Self::S013,
        Self::S014,
        Self::S015,
    ];

    /// From the wire: `S002`. `None` for a code of a newer server.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.to_string() == text)
    }

    /// What happened, in a few words, then what a person can do, and whether the same may work later without a change.
    const fn words(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::S001 => ("The server cannot be reached", "Check the connection; the app goes on trying.", true),
            Self::S002 => ("There is no such room", "Check the code with the person who sent it.", false),
            Self::S003 => ("This cannot be a room's code", "Use 4 to 32 letters, digits and hyphens.", false),
            Self::S004 => ("Another room has this code", "Choose another code, or none.", false),
            Self::S005 => ("The room is full", "Ask the host to make place.", true),
            Self::S006 => ("The room is locked", "Ask the host to open it.", true),
            Self::S007 => ("The host removed you from the room", "Ask the host to invite you again.", false),
            Self::S008 => ("You may not do this here", "Ask the host for control.", false),
            Self::S009 => ("This app is too old for the room", "Update the app.", false),
            Self::S010 => ("That was too much at once", "Wait a moment and try again.", true),
            Self::S011 => ("The host is away", "Wait until the host comes back.", true),
            Self::S012 => ("The server is restarting", "The app comes back by itself.", true),
            Self::S013 => ("The server refused a message", "The message says which part of it was wrong.", false),
            Self::S014 => ("There is no such participant", "They may have left.", false),
            Self::S015 => ("The call is full", "Wait until somebody leaves the call.", true),
        }
    }

    /// What happened, in a few words.
    pub const fn title(self) -> &'static str {
        self.words().0
    }

    /// What a person can do about it.
    pub const fn hint(self) -> &'static str {
        self.words().1
    }

    /// Whether the same thing may work later without a change.
    pub const fn retryable(self) -> bool {
        self.words().2
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_its_place() {
        for (number, code) in (1..).zip(Code::ALL) {
            assert_eq!(code.to_string(), format!("S{number:03}"));
            assert_eq!(Code::parse(&code.to_string()), Some(code));
            assert!(code.title().len() > 10 && !code.title().ends_with('.'), "{code} has a title");
            assert!(code.hint().len() > 10 && code.hint().ends_with('.'), "{code} has advice");
        }
        assert_eq!((Code::parse("S016"), Code::parse("s001"), Code::parse("")), (None, None, None));
        let retryable: Vec<_> = Code::ALL.into_iter().filter(|code| code.retryable()).collect();
        assert_eq!(retryable, [Code::S001, Code::S005, Code::S006, Code::S010, Code::S011, Code::S012, Code::S015]);
    }
}
