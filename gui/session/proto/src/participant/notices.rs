//! What is wrong now: one notice a subject, so that an old one never stands beside the new.

use std::time::{Duration, Instant};

use super::Participant;
use super::io::Output;
use crate::limits::NOTICES_MAX;
use crate::player::Failure;
use crate::view::{Action, Level, Notice};
use crate::words::{AnyCode, Context, Words, words};

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// The server's connection.
    Server,
    /// The room, and one's place in it.
    Room,
    /// The engine's program.
    Engine,
    /// The film's file, or its details.
    Film,
    /// Those who have the film.
    Supply,
    /// The disk.
    Disk,
    /// The player.
    Player,
    /// Staying in step.
    Sync,
    /// What the person wanted last.
    Wish,
}

/// What stands.
#[derive(Debug, Default)]
pub(super) struct Notices {
    list: Vec<(Subject, Notice)>,
    keys: u64,
}

impl Notices {
    /// The gravest first.
    pub(super) fn shown(&self) -> Vec<Notice> {
        let mut shown: Vec<Notice> = self.list.iter().map(|(_, notice)| notice.clone()).collect();
        shown.sort_by_key(|notice| notice.level);
        shown
    }

    pub(super) fn stands(&self, subject: Subject) -> bool {
        self.list.iter().any(|(about, _)| *about == subject)
    }

    /// Gone, if it stood; says whether it did.
    fn clear(&mut self, subject: Subject) -> bool {
        let before = self.list.len();
        self.list.retain(|(about, _)| *about != subject);
        before != self.list.len()
    }

    /// Stands from now on; `Some` if it is news and not the same in other words.
    fn raise(&mut self, subject: Subject, mut notice: Notice) -> Option<Notice> {
        let known = self.list.iter_mut().find(|(about, _)| *about == subject);
        if let Some((_, known)) = known
            && known.code == notice.code
            && known.title == notice.title
            && subject != Subject::Wish
        {
            known.text = notice.text;
            return None;
        }
        self.clear(subject);
        if self.list.len() >= NOTICES_MAX {
            self.list.sort_by_key(|(_, notice)| notice.level);
            self.list.pop();
        }
        self.keys += 1;
        notice.key = self.keys;
        self.list.push((subject, notice.clone()));
        Some(notice)
    }
}

impl Participant {
    /// A code of the table, with what was said of it.
    pub(super) fn notice(&mut self, subject: Subject, code: AnyCode, detail: &str, retry_in: Option<Duration>) {
        let Words { level, title, text, action } = self.words(code, detail, retry_in);
        let code = Some(code.to_string());
        self.raise(subject, Notice { key: 0, level, code, title, text, action: Some(action) });
    }

    pub(super) fn words(&self, code: AnyCode, detail: &str, retry_in: Option<Duration>) -> Words {
        let host = self.door.host.as_ref().and_then(|id| self.people.get(id)).map(|known| known.member.name.as_str());
        let room = self.door.code.as_ref().map(shown_code);
        words(
            code,
            &Context {
                host_name: host,
                server: Some(server_name(&self.setup.rendezvous)),
                room: room.as_deref(),
                film: self.film.as_ref().map(|film| film.name.as_str()),
                other: None,
                sharing: self.film.as_ref().is_some_and(super::film::Film::is_own),
                in_room: self.door.was_inside,
                retry_in,
                detail: Some(detail).filter(|detail| !detail.is_empty()),
            },
        )
    }

    pub(super) fn notice_plain(&mut self, subject: Subject, level: Level, title: &str, text: &str, action: Action) {
        let (title, text) = (title.to_owned(), text.to_owned());
        self.raise(subject, Notice { key: 0, level, code: None, title, text, action: Some(action) });
    }

    pub(super) fn clear_notice(&mut self, subject: Subject) {
        self.changed |= self.notices.clear(subject);
    }

    pub(super) fn dismiss(&mut self, key: u64) {
        self.notices.list.retain(|(_, notice)| notice.key != key);
        self.changed = true;
    }

    /// Staying so close to the room is too much for this device.
    pub(super) fn notice_widened(&mut self) {
        self.notice_plain(
            Subject::Sync,
            Level::Info,
            "This device is kept less closely in step",
            "It had to jump several times within a minute, so small differences are left alone now. You may hear the others a little earlier or later.",
            Action::Dismiss,
        );
    }

    pub(super) fn notice_player(&mut self, failure: &Failure) {
        let (title, text, action) = match failure {
            Failure::NoDecoder { codec } => (
                format!("This computer cannot play {codec}"),
                "The others go on without you seeing it. A player with that codec helps: on Debian and Ubuntu, install mpv from the system's packages.".to_owned(),
                Action::Install,
            ),
            Failure::NoPlayer { why } => (
                "The player does not start".to_owned(),
                format!("You can still chat, and the film goes on arriving. Install mpv, then try again. Details: {why}"),
                Action::Install,
            ),
            Failure::Unreadable { why } => (
                "The film cannot be played here".to_owned(),
                format!("It may be damaged or no film at all. Ask the host to check the file. Details: {why}"),
                Action::AskHost,
            ),
        };
        self.notice_plain(Subject::Player, Level::Error, &title, &text, action);
    }

    fn raise(&mut self, subject: Subject, notice: Notice) {
        self.changed = true;
        if let Some(news) = self.notices.raise(subject, notice) {
            self.output(Output::Noticed(news));
        }
    }
}

/// `ABC1-2345`: eight symbols in two groups; a code that somebody chose stays as it is.
pub(super) fn shown_code(code: &signal_proto::ids::RoomCode) -> String {
    let code = code.as_str();
    match code.split_at_checked(signal_proto::limits::CODE_DRAWN_LEN / 2) {
        Some((first, second)) if second.len() == first.len() => format!("{first}-{second}"),
        Some(_) | None => code.to_owned(),
    }
}

/// `share.example` of `wss://share.example:3001/`.
fn server_name(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// How long somebody is left alone with a notice about what they wanted.
pub(super) const WISH_NOTICE: Duration = Duration::from_secs(5);

impl Participant {
    /// "Only the host can pause": for a few seconds.
    pub(super) fn notice_not_allowed(&mut self, now: Instant, what: &str) {
        let who = if self.door.host.is_some() { "the host" } else { "a host" };
        self.notice_plain(
            Subject::Wish,
            Level::Info,
            &format!("Only {who} can {what}"),
            "Ask for control in the chat; the host can give it to you or to everyone.",
            Action::AskHost,
        );
        self.wish_notice_until = Some(now + WISH_NOTICE);
    }
}
