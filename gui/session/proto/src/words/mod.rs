//! Everything that a person is told in words, in each [`Language`]: sentences of all languages stand side by side.
//!
//! Here are the codes of the engine, the server and the call, in one table. Each says what happened, what it means for the person,
//! and one thing that helps, with the names of this room in place. What the engine or the server said itself follows as a detail: it
//! is another's text, so it is cleaned and cut. `plain` are notices without a code, `deeds` what not everybody may do, `happenings` the
//! lines between those of the chat.

mod call;
mod deeds;
mod engine;
mod happenings;
mod language;
mod names;
mod plain;
mod server;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use engine_proto::error::ErrorCode;
use engine_proto::words::printable;
use signal_proto::error::Code;

pub use crate::in_both;
use crate::limits::DETAIL_CHARS_MAX;
use crate::view::{Action, Level, Notice};

pub(crate) use deeds::{Deed, not_allowed};
pub(crate) use happenings::{Happening, Moved, why_it_ends};
pub use language::Language;
pub(crate) use names::{somebody, the_film};
pub(crate) use plain::Plain;

/// A code of any of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnyCode {
    /// The engine's: E001 to E010.
    Engine(ErrorCode),
    /// The server's: S001 to S015.
    Server(Code),
    /// The call's: W001 to W003.
    Call(CallCode),
}

/// Why a call does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallCode {
    /// This program or machine has no calls.
    W001,
    /// The camera or the microphone cannot be had.
    W002,
    /// No way to the other was found.
    W003,
}

/// What is known of the room when something goes wrong; what is not known is left out of the sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The person's language.
    pub language: Language,
    /// The host's name.
    pub host_name: Option<&'a str>,
    /// The server as people know it: `share.example`.
    pub server: Option<&'a str>,
    /// The room's code as people write it.
    pub room: Option<&'a str>,
    /// The film's name.
    pub film: Option<&'a str>,
    /// With whom the call is.
    pub other: Option<&'a str>,
    /// The film is shared from this machine.
    pub sharing: bool,
    /// The room was entered before: what plays goes on playing.
    pub in_room: bool,
    /// When it is tried again by itself.
    pub retry_in: Option<Duration>,
    /// What the engine or the server said; another's text.
    pub detail: Option<&'a str>,
}

/// What a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// How grave it is.
    pub level: Level,
    /// What happened; no full stop.
    pub title: String,
    /// What it means, and what is being done about it: whole sentences.
    pub text: String,
    /// What helps.
    pub action: Action,
}

/// The table.
pub fn words(code: AnyCode, context: &Context<'_>) -> Words {
    let words = match code {
        AnyCode::Engine(code) => engine::words(code, context),
        AnyCode::Server(code) => server::words(code, context),
        AnyCode::Call(code) => call::words(code, context),
    };
    match context.detail.and_then(|detail| told_beside(code, detail)) {
        Some(detail) => {
            let told = &words.text;
            // In whatever language it was said.
            Words {
                text: in_both!(context.language, "{told} Details: {detail}", "{told} Genaueres: {detail}"),
                ..words
            }
        }
        None => words,
    }
}

/// The same as a notice.
pub fn notice(key: u64, code: AnyCode, context: &Context<'_>) -> Notice {
    let Words { level, title, text, action } = words(code, context);
    Notice { key, level, code: Some(code.to_string()), title, text, action: Some(action) }
}

impl AnyCode {
    /// Every code, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        let calls = [CallCode::W001, CallCode::W002, CallCode::W003];
        let engine = ErrorCode::ALL.into_iter().map(Self::Engine);
        engine.chain(Code::ALL.into_iter().map(Self::Server)).chain(calls.into_iter().map(Self::Call))
    }
}

impl fmt::Display for AnyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(code) => code.fmt(f),
            Self::Server(code) => code.fmt(f),
            Self::Call(code) => fmt::Debug::fmt(code, f),
        }
    }
}

impl From<ErrorCode> for AnyCode {
    fn from(code: ErrorCode) -> Self {
        Self::Engine(code)
    }
}

impl From<Code> for AnyCode {
    fn from(code: Code) -> Self {
        Self::Server(code)
    }
}

impl From<CallCode> for AnyCode {
    fn from(code: CallCode) -> Self {
        Self::Call(code)
    }
}

/// What is worth telling of what was said: nothing if it only says in general what the code means.
fn told_beside(code: AnyCode, detail: &str) -> Option<String> {
    let general = match code {
        AnyCode::Engine(code) => code.words().title,
        AnyCode::Server(code) => code.title(),
        AnyCode::Call(_) => "",
    };
    let detail = one_line(detail, DETAIL_CHARS_MAX);
    let bare = detail.trim_end_matches('.');
    (!bare.is_empty() && bare != general).then(|| format!("{bare}."))
}

fn one_line(text: &str, chars_max: usize) -> String {
    // A space for each run of white space; a text of any length is only read as far as it is shown.
    let words = text.split_whitespace().take(chars_max).map(|word| printable(word, chars_max));
    printable(&words.collect::<Vec<_>>().join(" "), chars_max)
}
