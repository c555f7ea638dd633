//! Why a setting cannot be, in words that never hold its value, which may be a secret.

use std::fmt;

use super::Source;
use crate::in_both;
use crate::limits::{OUTPUTS_MAX, SETTING_LEN_MAX};
use crate::server_url::ServerUrlError;
use crate::words::Language;

/// What a setting would have to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// The address of a server.
    Server(ServerUrlError),
    /// Text.
    NoText,
    /// Some text, and not too much.
    Length,
    /// Text of at most so many characters.
    Characters(usize),
    /// Text without control characters.
    Lines,
    /// The address of a relay.
    Relay,
    /// Yes or no.
    Flag,
    /// A whole number from 0.
    Count,
    /// A port's number.
    Port,
    /// Seconds from one to the other.
    Seconds(f64, f64),
    /// Offsets by the names of outputs.
    Offsets,
    /// A number from one to the other.
    Factor(f64, f64),
    /// One of these.
    Choice(Vec<&'static str>),
}

/// A setting that cannot be: it is left as if it had not been said.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", self.words(Language::English))]
pub struct BadSetting {
    /// Where it was said.
    pub said_in: Source,
    /// What it is called there.
    pub name: &'static str,
    /// What it must be.
    pub why: Wrong,
}

/// Why one setting was not changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingRefused {
    /// Nothing is called that.
    #[error("there is no setting of that name")]
    Unknown,
    /// It cannot be that.
    #[error("{0}")]
    Wrong(#[from] Wrong),
}

impl BadSetting {
    /// The sentence, without a full stop.
    pub fn words(&self, l: Language) -> String {
        let (name, why) = (self.name, self.why.words(l));
        match self.said_in {
            Source::File => in_both!(l, "the setting `{name}` {why}", "die Einstellung `{name}` {why}"),
            Source::Variable => in_both!(l, "the variable `{name}` {why}", "die Variable `{name}` {why}"),
        }
    }
}

impl SettingRefused {
    /// For beside the field that was changed.
    pub fn words(&self, l: Language) -> String {
        match self {
            Self::Unknown => {
                l.of("there is no setting of that name", "eine Einstellung dieses Namens gibt es nicht").into()
            }
            Self::Wrong(why) => why.words(l),
        }
    }
}

impl Wrong {
    /// What comes after the setting's name: "must be …".
    pub fn words(&self, l: Language) -> String {
        match self {
            Self::Server(error) => {
                let german = german_server(*error);
                in_both!(l, "is no server's address: {error}", "ist keine Adresse eines Servers: {german}")
            }
            Self::NoText => in_both!(l, "must be text", "muss Text sein"),
            Self::Length => {
                in_both!(l, "must have 1 to {SETTING_LEN_MAX} bytes", "muss 1 bis {SETTING_LEN_MAX} Bytes lang sein")
            }
            Self::Characters(max) => {
                in_both!(l, "must have at most {max} characters", "darf höchstens {max} Zeichen haben")
            }
            Self::Lines => in_both!(l, "must be on one line", "muss in einer Zeile stehen"),
            Self::Relay => in_both!(l, "must begin with turn: or turns:", "muss mit turn: oder turns: anfangen"),
            Self::Flag => in_both!(l, "must be true or false", "muss true oder false sein"),
            Self::Count => in_both!(
                l,
                "must be a whole number from 0; 0 is no limit",
                "muss eine ganze Zahl ab 0 sein; 0 heißt: unbegrenzt"
            ),
            Self::Port => in_both!(l, "must be a number from 1 to 65535", "muss eine Zahl von 1 bis 65535 sein"),
            Self::Seconds(from, to) => {
                in_both!(
                    l,
                    "must be seconds from {from} to {to}",
                    "muss eine Zahl von Sekunden von {from} bis {to} sein"
                )
            }
            Self::Offsets => in_both!(
                l,
                "must be an object of at most {OUTPUTS_MAX} outputs' names with seconds",
                "muss ein Objekt aus höchstens {OUTPUTS_MAX} Namen von Ausgängen mit Sekunden sein"
            ),
            Self::Factor(from, to) => {
                let (von, bis) = (l.number(&from.to_string()), l.number(&to.to_string()));
                in_both!(l, "must be a number from {from} to {to}", "muss eine Zahl von {von} bis {bis} sein")
            }
            Self::Choice(names) => {
                let names = names.join(", ");
                in_both!(l, "must be one of {names}", "muss eins davon sein: {names}")
            }
        }
    }
}

/// The English of it is its `Display`.
const fn german_server(error: ServerUrlError) -> &'static str {
    match error {
        ServerUrlError::Empty => "da steht nichts; sie sieht aus wie share.example oder http://192.168.1.20:3001",
        ServerUrlError::TooLong => "sie ist zu lang",
        ServerUrlError::Scheme => "sie beginnt mit https://, http://, wss:// oder ws:// oder ist nur ein Name",
        ServerUrlError::Credentials => "darin stehen weder Benutzername noch Passwort",
        ServerUrlError::Host => {
            "das ist weder ein Name noch eine IP-Adresse; ein Name besteht aus Buchstaben, Ziffern, Bindestrichen und Punkten, und IPv6 \
             steht in eckigen Klammern"
        }
        ServerUrlError::Port => "ein Port ist eine Zahl von 1 bis 65535",
        ServerUrlError::More => "sie besteht aus einem Namen und vielleicht einem Port, dahinter kommt nichts",
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

impl std::error::Error for Wrong {}
