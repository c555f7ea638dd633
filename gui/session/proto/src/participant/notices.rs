//! What is wrong now: one notice a subject, so that an old one never stands beside the new.

use std::time::{Duration, Instant};

use super::Participant;
use super::io::Output;
use super::timers::Wake;
use crate::limits::{NOTICE_OF_A_WISH, NOTICES_MAX};
use crate::view::Notice;
use crate::words::{AnyCode, Context, Deed, Plain, Words, not_allowed, words};

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
                language: self.setup.language,
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

    /// Something that has no code.
    pub(super) fn notice_plain(&mut self, subject: Subject, plain: Plain<'_>) {
        let words = plain.words(self.setup.language);
        self.raise_words(subject, words);
    }

    fn raise_words(&mut self, subject: Subject, words: Words) {
        let Words { level, title, text, action } = words;
        self.raise(subject, Notice { key: 0, level, code: None, title, text, action: Some(action) });
    }

    pub(super) fn clear_notice(&mut self, subject: Subject) {
        self.changed |= self.notices.clear(subject);
    }

    pub(super) fn dismiss(&mut self, key: u64) {
        self.notices.list.retain(|(_, notice)| notice.key != key);
        self.changed = true;
    }

    /// What came of what the person wanted, for a few seconds.
    pub(super) fn say_plainly(&mut self, now: Instant, plain: Plain<'_>) {
        self.notice_plain(Subject::Wish, plain);
        self.timers.set(Wake::Notice, now + NOTICE_OF_A_WISH);
    }

    /// "Only the host can pause": for a few seconds.
    pub(super) fn notice_not_allowed(&mut self, now: Instant, deed: Deed) {
        let words = not_allowed(deed, self.door.host.is_some(), self.setup.language);
        self.raise_words(Subject::Wish, words);
        self.timers.set(Wake::Notice, now + NOTICE_OF_A_WISH);
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
