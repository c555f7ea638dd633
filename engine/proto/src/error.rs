//! The error codes, in one table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something failed, in a form a program can branch on. The words for people are in the event's `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    /// The front end did not find the engine's program.
    E001,
    /// The front end waited too long for `ready`.
    E002,
    /// Not a torrent, not a magnet, or one that must not be used.
    E003,
    /// The network does not give what is needed; the engine goes on trying.
    E004,
    /// A file cannot be opened.
    E005,
    /// The disk is full.
    E006,
    /// No port could be bound.
    E007,
    /// The shared file changed or vanished.
    E008,
    /// A piece keeps failing its check.
    E009,
    /// A command was refused.
    E010,
}

/// What the table says of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorWords {
    /// What happened, in a few words.
    pub title: &'static str,
    /// What a person can do about it.
    pub advice: &'static str,
    /// Whether the same thing may work later without a change: the engine goes on trying, or the front end may.
    pub retryable: bool,
}

/// Something failed; becomes an `error` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub code: ErrorCode,
    /// What and why, for people.
    pub message: String,
}

impl Problem {
    /// A problem with its words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl ErrorCode {
    /// Every code, in order.
    pub const ALL: [Self; 10] = [
        Self::E001,
        Self::E002,
        Self::E003,
        Self::E004,
        Self::E005,
        Self::E006,
        Self::E007,
        Self::E008,
        Self::E009,
        Self::E010,
    ];

    /// The table.
    pub const fn words(self) -> ErrorWords {
        match self {
            Self::E001 => ErrorWords {
                title: "The engine was not found",
                advice: "Install sharestream-engine beside the app, or give its path with --engine.",
                retryable: false,
            },
            Self::E002 => ErrorWords {
                title: "The engine did not start in time",
                advice: "Try again; if it happens often, start the engine in a terminal and read what it says.",
                retryable: true,
            },
            Self::E003 => ErrorWords {
                title: "This is not a torrent that can be used",
                advice: "Ask for the link again and copy all of it.",
                retryable: false,
            },
            Self::E004 => ErrorWords {
                title: "Nobody who has the film can be reached",
                advice: "Check that the host is online and shares it; the engine goes on trying.",
                retryable: true,
            },
            Self::E005 => ErrorWords {
                title: "A file cannot be opened",
                advice: "Check that it is where the message says and that you may read it.",
                retryable: false,
            },
            Self::E006 => ErrorWords {
                title: "The disk is full",
                advice: "Free some space; the download goes on by itself.",
                retryable: true,
            },
            Self::E007 => ErrorWords {
                title: "No network port could be opened",
                advice: "Close the program that uses it, or choose another with -http-port or -listen-port.",
                retryable: true,
            },
            Self::E008 => ErrorWords {
                title: "The shared file changed",
                advice: "Share it again: it is another film now.",
                retryable: false,
            },
            Self::E009 => ErrorWords {
                title: "A part of the film arrives damaged again and again",
                advice: "Wait for other people who have it; the damaged part is fetched anew.",
                retryable: true,
            },
            Self::E010 => ErrorWords {
                title: "The engine did not understand",
                advice: "This is a mistake of the program that sent the command; the message says which.",
                retryable: false,
            },
        }
    }

    /// Whether the same thing may work later without a change.
    pub const fn retryable(self) -> bool {
        self.words().retryable
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_its_place() {
        for (index, code) in ErrorCode::ALL.into_iter().enumerate() {
            // Exhaustive, so that a new code does not compile until it has a place in ALL.
            let place = match code {
                ErrorCode::E001 => 0,
                ErrorCode::E002 => 1,
                ErrorCode::E003 => 2,
                ErrorCode::E004 => 3,
                ErrorCode::E005 => 4,
                ErrorCode::E006 => 5,
                ErrorCode::E007 => 6,
                ErrorCode::E008 => 7,
                ErrorCode::E009 => 8,
                ErrorCode::E010 => 9,
            };
            assert_eq!(index, place);
            assert_eq!(code.to_string(), format!("E{:03}", index + 1));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"E{:03}\"", index + 1));
            let words = code.words();
            assert!(words.title.len() > 10, "{code} has a title");
            assert!(!words.title.ends_with('.'), "{code}'s title is no sentence");
            assert!(words.advice.len() > 20 && words.advice.ends_with('.'), "{code} has advice");
        }
    }

    #[test]
    fn what_goes_on_trying_is_retryable() {
        let retryable: Vec<_> = ErrorCode::ALL.into_iter().filter(|code| code.retryable()).collect();
        let expected = [ErrorCode::E002, ErrorCode::E004, ErrorCode::E006, ErrorCode::E007, ErrorCode::E009];
        assert_eq!(retryable, expected);
    }
}
