//! From a room's [`View`] to what the window draws. Nothing is decided here.

mod chat;
mod film;
mod people;

use session::proto::player::TrackKind;
use session::proto::view::{Level, Notice, Part, PersonState, View};
use session::proto::words::Language;
use slint::{ComponentHandle as _, SharedString};
use ui::{AppWindow, Chat, ChatRow, NoticeRow, PersonRow, Player, Room, Span, TrackRow};

use super::rows::Rows;
use super::words;

pub(super) use film::hover;

/// Notices that are drawn at once; the gravest come first.
const NOTICES_SHOWN: usize = 3;

/// The lists of the room's screen.
pub(super) struct Shown {
    people: Rows<PersonRow>,
    ticks: Rows<PersonRow>,
    notices: Rows<NoticeRow>,
    chat: Rows<ChatRow>,
    ranges: Rows<Span>,
    audio: Rows<TrackRow>,
    subtitles: Rows<TrackRow>,
    pub(super) toasts: Rows<SharedString>,
}

impl Shown {
    /// Gives the window its lists.
    pub(super) fn new(app: &AppWindow) -> Self {
        let shown = Self {
            people: Rows::new(),
            ticks: Rows::new(),
            notices: Rows::new(),
            chat: Rows::new(),
            ranges: Rows::new(),
            audio: Rows::new(),
            subtitles: Rows::new(),
            toasts: Rows::new(),
        };
        let (room, player) = (app.global::<Room>(), app.global::<Player>());
        room.set_people(shown.people.model());
        room.set_notices(shown.notices.model());
        room.set_toasts(shown.toasts.model());
        player.set_ticks(shown.ticks.model());
        player.set_ranges(shown.ranges.model());
        player.set_audio(shown.audio.model());
        player.set_subtitles(shown.subtitles.model());
        app.global::<Chat>().set_lines(shown.chat.model());
        shown
    }

    /// The room as it is now.
    pub(super) fn view(&self, app: &AppWindow, language: Language, view: &View) {
        self.room(&app.global::<Room>(), language, view);
        self.people.show(view.people.iter().map(|person| people::row(language, person, view)).collect());
        self.ticks.show(people::ticks(language, view));
        self.chat.show(view.chat.iter().map(chat::row).collect());
        self.ranges.show(film::ranges(view));
        self.audio.show(film::tracks(language, view, TrackKind::Audio));
        self.subtitles.show(film::tracks(language, view, TrackKind::Subtitle));
        film::show(&app.global::<Player>(), language, view);
    }

    /// Nothing of a room.
    pub(super) fn clear(&self, app: &AppWindow) {
        self.view(app, Language::English, &View::default());
        let player = app.global::<Player>();
        player.set_has_picture(false);
        player.set_cue(SharedString::new());
        player.set_decoder(SharedString::new());
        app.global::<Chat>().set_unread(0);
    }

    fn room(&self, room: &Room<'_>, language: Language, view: &View) {
        room.set_code(view.code.clone().unwrap_or_default().into());
        room.set_film(view.film.as_ref().map(|film| words::clean(&film.name)).unwrap_or_default().into());
        let (server, mood) = words::server(language, &view.server, &view.playback);
        room.set_server(server.into());
        room.set_server_mood(mood);
        room.set_may_control(view.may_control);
        room.set_may_manage(view.may_manage);
        room.set_own_film(view.film.as_ref().is_some_and(|film| film.shared_here));
        room.set_has_film(view.film.is_some());
        room.set_spectating(view.playback.part == Part::Spectating);
        room.set_may_start_anyway(view.may_control && !view.playback.waiting_on.is_empty());
        room.set_ready(view.people.iter().any(|person| person.me && person.state == PersonState::Ready));
        if let Some(rules) = &view.rules {
            room.set_control_choice(match rules.control {
                "host" => 0,
                "everyone" => 1,
                _ => -1,
            });
            room.set_waiting_choice(match rules.waiting {
                "wait" => 1,
                "flow" => 2,
                _ => 0,
            });
            room.set_locked(rules.locked);
            room.set_pauses_without_host(rules.pauses_without_host);
        }
        let lasting = view.notices.iter().filter(|notice| !is_passing(notice));
        self.notices.show(lasting.take(NOTICES_SHOWN).map(|notice| notice_row(language, notice)).collect());
    }
}

/// It is worth a line that goes by itself, and no card.
pub(super) fn is_passing(notice: &Notice) -> bool {
    notice.level == Level::Info && notice.code.is_none()
}

fn notice_row(language: Language, notice: &Notice) -> NoticeRow {
    NoticeRow {
        key: key(notice.key),
        level: match notice.level {
            Level::Error => 0,
            Level::Warning => 1,
            Level::Info => 2,
        },
        title: words::clean(&notice.title).into(),
        text: words::clean(&notice.text).into(),
        code: notice.code.clone().unwrap_or_default().into(),
        action: words::action(language, notice).into(),
    }
}

/// Slint's whole numbers have 32 bits; the session counts from 0.
fn key(key: u64) -> i32 {
    i32::try_from(key).unwrap_or(i32::MAX)
}
