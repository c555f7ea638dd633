//! What a person is told of each code of the engine, the server and the call, in one table.
//!
//! Each says what happened, what it means for the person, and one thing that helps, with the names of this room in place.
//! What the engine or the server said itself follows as a detail: it is another's text, so it is cleaned and cut.

mod call;
mod engine;
mod server;

use std::fmt;
use std::time::Duration;

use engine_proto::error::ErrorCode;
use engine_proto::words::printable;
use signal_proto::error::Code;

use crate::limits::{DETAIL_CHARS_MAX, NAME_CHARS_MAX};
use crate::view::{Action, Level, Notice};

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
        Some(detail) => Words { text: format!("{} Details: {detail}", words.text), ..words },
        None => words,
    }
}

/// The same as a notice.
pub fn notice(key: u64, code: AnyCode, context: &Context<'_>) -> Notice {
    let Words { level, title, text, action } = words(code, context);
    Notice { key, level, code: Some(code.to_string()), title, text, action: Some(action) }
}

impl Context<'_> {
    /// `Ana`, or `the host`.
    fn host(&self) -> String {
        named(self.host_name).unwrap_or_else(|| "the host".to_owned())
    }

    /// `share.example`, or `the server`.
    fn server(&self) -> String {
        named(self.server).unwrap_or_else(|| "the server".to_owned())
    }

    /// `“Film.mkv”`, or `the film`.
    fn film(&self) -> String {
        named(self.film).map_or_else(|| "the film".to_owned(), |name| format!("“{name}”"))
    }

    /// `Bea`, or `the others`.
    fn other(&self) -> String {
        named(self.other).unwrap_or_else(|| "the others".to_owned())
    }

    /// ` Next try in 5 s.`, or nothing.
    fn next_try(&self) -> String {
        // Rounded up: "in 0 s" would be no time at all.
        let seconds = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.retry_in.map(|wait| format!(" Next try in {} s.", seconds(wait).max(1))).unwrap_or_default()
    }
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

/// The same at the beginning of a sentence: `the film` becomes `The film`, while a name stays as it is written.
fn sentence(text: &str) -> String {
    text.strip_prefix("the ").map_or_else(|| text.to_owned(), |rest| format!("The {rest}"))
}

/// Another's name, on one line and cut; `None` when nothing is left of it.
fn named(name: Option<&str>) -> Option<String> {
    let name = one_line(name?, NAME_CHARS_MAX);
    (!name.is_empty()).then_some(name)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KNOWN: Context<'_> = Context {
        host_name: Some("Ana"),
        server: Some("share.example"),
        room: Some("ABC1-2345"),
        film: Some("Film.mkv"),
        other: Some("Bea"),
        sharing: false,
        in_room: true,
        retry_in: Some(Duration::from_millis(4_200)),
        detail: None,
    };

    #[test]
    fn every_code_has_words_of_its_own() {
        for sharing in [false, true] {
            for context in [Context::default(), KNOWN].map(|context| Context { sharing, ..context }) {
                let (mut titles, mut texts) = (BTreeSet::new(), BTreeSet::new());
                for code in AnyCode::all() {
                    let Words { title, text, .. } = words(code, &context);
                    assert!(title.len() > 10 && !title.ends_with('.'), "{code}: {title}");
                    assert!(text.len() > 20 && text.ends_with('.'), "{code}: {text}");
                    for shown in [&title, &text] {
                        let begins_well = shown.starts_with(|c: char| c.is_uppercase() || c == '“');
                        assert!(begins_well || shown.starts_with("share.example"), "{code}: {shown}");
                        assert!(!shown.to_lowercase().contains("went wrong"), "{code}: {shown}");
                        assert!(!shown.contains(&code.to_string()) && !shown.contains("  "), "{code}: {shown}");
                    }
                    assert!(titles.insert(title) && texts.insert(text), "{code} has another's words");
                }
                assert_eq!(titles.len(), 28);
            }
        }
    }

    #[test]
    fn codes_are_written_as_everywhere() {
        let all: Vec<String> = AnyCode::all().map(|code| code.to_string()).collect();
        assert_eq!((all[0].as_str(), all[9].as_str()), ("E001", "E010"));
        assert_eq!((all[10].as_str(), all[24].as_str()), ("S001", "S015"));
        assert_eq!(all[25..], ["W001", "W002", "W003"]);
    }

    #[test]
    fn names_are_in_place() {
        let told = |code: AnyCode| words(code, &KNOWN);
        assert_eq!(told(ErrorCode::E004.into()).title, "We can't reach Ana's computer");
        assert_eq!(told(ErrorCode::E004.into()).action, Action::Doctor);
        assert_eq!(told(Code::S001.into()).title, "Can't reach share.example");
        assert!(told(Code::S001.into()).text.ends_with("when the server is back. Next try in 5 s."));
        assert_eq!(told(Code::S002.into()).title, "There is no room ABC1-2345 on share.example");
        assert_eq!(told(CallCode::W003.into()).title, "Can't connect your call with Bea");
        assert_eq!(words(CallCode::W003.into(), &Context::default()).title, "Can't connect your call with the others");
        assert!(!words(Code::S001.into(), &Context::default()).text.contains("Next try"));
    }

    #[test]
    fn who_shares_is_told_something_else() {
        let sharing = Context { sharing: true, ..KNOWN };
        for code in [ErrorCode::E003, ErrorCode::E004, ErrorCode::E008] {
            assert_ne!(words(code.into(), &sharing).title, words(code.into(), &KNOWN).title, "{code}");
        }
        assert_eq!(words(ErrorCode::E008.into(), &sharing).action, Action::ChooseFile);
        assert_eq!(words(ErrorCode::E008.into(), &KNOWN).action, Action::AskHost);
    }

    #[test]
    fn anothers_words_are_a_detail_and_cannot_act() {
        let with = |detail| words(Code::S013.into(), &Context { detail: Some(detail), ..KNOWN }).text;
        assert!(with("`text` is too long.").ends_with(" Details: `text` is too long."));
        let plain = words(Code::S013.into(), &KNOWN).text;
        assert_eq!(with(Code::S013.title()), plain, "what only repeats the code is left out");
        assert_eq!(with(" \n "), plain);
        let hostile = with("a\u{1b}[2J\nb\u{202e}c");
        assert!(!hostile.contains(|c: char| c.is_control() || c == '\u{202e}'), "{hostile}");
        let long = with(&"x".repeat(100_000));
        assert!(long.chars().count() < plain.chars().count() + DETAIL_CHARS_MAX + 20, "{}", long.len());
        let named = words(ErrorCode::E004.into(), &Context { host_name: Some("A\u{7}\n\u{202e}na"), ..KNOWN }).title;
        assert!(!named.contains(|c: char| c.is_control() || c == '\u{202e}'), "{named}");
        let nameless = words(ErrorCode::E004.into(), &Context { host_name: Some("  "), ..KNOWN }).title;
        assert_eq!(nameless, "We can't reach the host's computer");
    }

    #[test]
    fn a_notice_carries_the_small_code() {
        let notice = notice(7, Code::S010.into(), &KNOWN);
        assert_eq!((notice.key, notice.code.as_deref(), notice.action), (7, Some("S010"), Some(Action::Wait)));
    }
}
