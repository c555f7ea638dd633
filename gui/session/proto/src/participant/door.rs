//! Into the room, back into it, and out of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal_proto::error::Code;
use signal_proto::event::{Entered, Refusal, Rules, Secret, Swarm};
use signal_proto::ids::{ParticipantId, RoomCode};
use signal_proto::playback::PlaybackState;
use signal_proto::roles::{ControlMode, Role};
use signal_proto::time::MediaTime;

use super::io::{Answer, End, Entry, Output, Say, Setup, SignalNews, Ticket};
use super::notices::Subject;
use super::timers::Wake;
use super::{Participant, film};
use crate::player::Command;
use crate::view::{Notice, Part, Phase};
use crate::wish::LateJoin;
use crate::words::Happening;

/// The version of the contract that we speak.
const VERSION: u64 = 1;
/// What we know of playing in step: docs/sync.md.
const SYNC: u64 = 2;

/// A server that says nothing to who asks for a room is asked again on another connection.
const ENTER_PATIENCE: Duration = Duration::from_secs(10);
/// A room that a server forgot is asked for again so often,
const FORGOTTEN_RETRY: Duration = Duration::from_secs(3);
/// and so long, since its host may be about to form it again.
const FORGOTTEN_PATIENCE: Duration = Duration::from_secs(75);
/// A goodbye is waited for so long.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);
/// In rooms up to this size everybody hears how everybody is: what that costs grows with the square.
const REPORTS_ROOM_MAX: usize = 8;
/// What has no known fate goes out again once the history had the time to arrive.
const HISTORY_PATIENCE: Duration = Duration::from_millis(500);

/// One's own place in the room.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) phase: Phase,
    pub(super) connected: bool,
    /// When the server is tried again.
    pub(super) retry_at: Option<Instant>,
    pub(super) was_inside: bool,
    pub(super) code: Option<RoomCode>,
    pub(super) id: ParticipantId,
    pub(super) token: Option<Secret>,
    old_token: Option<String>,
    pub(super) role: Role,
    pub(super) host: Option<ParticipantId>,
    pub(super) swarm: Option<Swarm>,
    pub(super) rules: Option<Rules>,
    /// A new room was asked for, not an existing one.
    pub(super) creates: bool,
    /// The server does not know the room any more.
    forgotten_since: Option<Instant>,
    /// A goodbye is on its way.
    goodbye: Option<Ticket>,
    pub(super) leaving: Option<End>,
    /// Removed people, for a server that forgot the room.
    pub(super) kicked: Vec<ParticipantId>,
}

impl Door {
    pub(super) fn new(setup: &Setup) -> Self {
        let code = match &setup.entry {
            Entry::Create { code } => code.clone(),
            Entry::Join { code } => Some(code.clone()),
        };
        Self {
            phase: Phase::Connecting,
            connected: false,
            retry_at: None,
            was_inside: false,
            code,
            id: setup.participant.clone(),
            token: None,
            old_token: setup.token.clone(),
            role: Role::Viewer,
            host: None,
            swarm: None,
            rules: None,
            creates: false,
            forgotten_since: None,
            goodbye: None,
            leaving: None,
            kicked: Vec::new(),
        }
    }
}

impl Participant {
    /// In the room, and the server is there.
    pub(super) fn is_inside(&self) -> bool {
        self.door.phase == Phase::InRoom && self.door.connected && !self.entering
    }

    pub(super) fn own_id(&self) -> Option<&ParticipantId> {
        Some(&self.door.id)
    }

    /// Whether this person may move the film.
    pub(super) fn may_control(&self) -> bool {
        self.controls(&self.door.id, self.door.role)
    }

    pub(super) fn controls(&self, id: &ParticipantId, role: Role) -> bool {
        let by_mode = match self.door.rules.as_ref().map(|rules| &rules.control) {
            Some(ControlMode::Everyone) => true,
            Some(ControlMode::Chosen(chosen)) => chosen.contains(id),
            Some(ControlMode::Host) | None => false,
        };
        by_mode || role != Role::Viewer
    }

    pub(super) fn on_signal(&mut self, now: Instant, news: SignalNews) {
        match news {
            SignalNews::Connected => {
                self.door.connected = true;
                self.door.retry_at = None;
                self.clear_notice(Subject::Server);
                if self.door.leaving.is_some() {
                    self.over();
                } else {
                    self.greet(now);
                }
            }
            SignalNews::Lost { why, retry_in } => self.on_lost(now, &why, retry_in),
            SignalNews::Heard(event) => self.hear(now, *event),
            SignalNews::NotUnderstood(words) => log::warn!("the server said what no server of ours says: {words}"),
            SignalNews::Answered(ticket, answer) => self.on_answer(now, ticket, &answer),
        }
        self.changed = true;
    }

    /// The server knows nothing of a new connection; the token brings our place and role back.
    fn greet(&mut self, now: Instant) {
        self.entering = true;
        if !self.door.was_inside {
            self.door.phase = Phase::Entering;
        }
        // A new process with its old token knows nothing, and yet the room forms again by it.
        let is_known = self.door.was_inside || self.door.old_token.is_some();
        let snapshot = is_known.then(|| self.snapshot(now));
        self.play.restart_clock(now);
        self.timers.set(Wake::Enter, now + ENTER_PATIENCE);
        let mut payload = json!({
            "participantId": self.door.id.as_str(),
            "name": self.setup.name,
            "capabilities": {"nativePlayback": true, "version": VERSION, "sync": SYNC},
        });
        self.door.creates = matches!(self.setup.entry, Entry::Create { .. }) && self.door.token.is_none();
        match self.door.code.clone() {
            Some(code) if !self.door.creates => {
                payload["code"] = json!(code.as_str());
                if let Some(token) = self.door.token.as_ref().map(Secret::as_str).or(self.door.old_token.as_deref()) {
                    payload["sessionToken"] = json!(token);
                }
                if let Some(snapshot) = snapshot {
                    payload["snapshot"] = snapshot;
                }
                self.say("join-room", payload);
            }
            code => {
                if let Some(code) = code {
                    payload["requestedCode"] = json!(code.as_str());
                }
                self.say("create-room", payload);
            }
        }
    }

    /// What we remember of the room: out of that and our token it forms again where it was forgotten.
    fn snapshot(&self, now: Instant) -> Value {
        let Some(anchor) = &self.play.anchor else {
            return json!({"epoch": 0, "seq": 0, "playing": false, "position": 0.0, "age": 0});
        };
        let mut snapshot = json!({
            "epoch": anchor.epoch, "seq": anchor.seq, "age": 0,
            // Who waited wanted it to play: nobody would start it in the room that forms again.
            "playing": anchor.state != PlaybackState::Paused,
            "position": self.room_place(now),
        });
        if let Some(film) = &self.film {
            if let Some(magnet) = film.magnet() {
                snapshot["magnet"] = json!(magnet);
            }
            snapshot["movie"] = json!({"name": film.name, "duration": film.duration.map(MediaTime::seconds)});
        }
        if !self.door.kicked.is_empty() {
            snapshot["kicked"] = self.door.kicked.iter().map(|id| json!(id.as_str())).collect();
        }
        snapshot
    }

    fn on_lost(&mut self, now: Instant, why: &str, retry_in: Option<Duration>) {
        self.door.connected = false;
        self.entering = false;
        self.timers.stop(Wake::Enter);
        self.door.retry_at = retry_in.map(|pause| now + pause);
        self.chat.lost_connection();
        self.wait_without_server(now);
        if self.door.leaving.is_some() {
            return self.over();
        }
        self.notice(Subject::Server, Code::S001.into(), why, retry_in);
        if retry_in.is_none() {
            let notice = self.refusal_notice(Code::S001, why);
            self.end(End::Refused(notice));
        }
    }

    /// In: for the first time or again.
    pub(super) fn on_entered(&mut self, now: Instant, entered: Entered) {
        let is_first = !self.door.was_inside;
        self.door.phase = Phase::InRoom;
        self.door.was_inside = true;
        self.door.forgotten_since = None;
        self.entering = false;
        self.timers.stop(Wake::Enter);
        self.timers.stop(Wake::Waited);
        self.clear_notice(Subject::Room);
        self.door.code = Some(entered.room.code);
        self.door.role = entered.room.role;
        self.door.host = entered.room.host;
        if let Some(id) = entered.id {
            self.door.id = id;
        }
        if let Some(token) = entered.session_token {
            self.keep(token);
        }
        if entered.room.rules.is_some() {
            self.door.rules = entered.room.rules;
        }
        self.people.replace(entered.room.participants);
        if self.play.part == Part::Spectating {
            self.say("set-spectating", json!({"on": true}));
        }
        if self.people.len() <= REPORTS_ROOM_MAX {
            self.say("watch-reports", json!({"on": true}));
        }
        if is_first {
            let code = self.door.code.as_ref().map(super::notices::shown_code).unwrap_or_default();
            self.happened(now, &Happening::Entered { code: &code });
        } else {
            self.happened(now, &Happening::ServerBack);
        }
        self.take_swarm(now, entered.swarm);
        if is_first && let Some(path) = self.setup.film.take() {
            self.share(now, &path);
        }
        self.tell_film();
        self.tell_subtitles();
        self.said_ready = None;
        self.tell_ready(now);
        self.timers.set(Wake::Chat, now + HISTORY_PATIENCE);
        self.say_offline_wish(now);
    }

    /// The swarm's key is new: whatever ran without it or with another is told.
    fn take_swarm(&mut self, now: Instant, swarm: Option<Swarm>) {
        if swarm == self.door.swarm {
            return;
        }
        self.door.swarm = swarm;
        if let Some(film) = self.film.as_mut().filter(|film| film.asked) {
            let infohash = film.infohash;
            film.asked = false;
            self.output(Output::Engine(engine_proto::ipc::Command::Stop(engine_proto::ipc::Stop {
                infohash,
                delete_data: false,
            })));
        }
        self.restart_subtitles();
        self.ask_engine(now);
    }

    pub(super) fn keep(&mut self, token: Secret) {
        if let Some(code) = &self.door.code {
            let (code, token) = (code.as_str().to_owned(), token.as_str().to_owned());
            self.output(Output::Keep { code, token });
        }
        self.door.token = Some(token);
    }

    /// The answer to asking for a room was no.
    pub(super) fn on_refused_entry(&mut self, now: Instant, refusal: &Refusal) {
        let code = refusal.code;
        if let Some(wait) = refusal.wait.filter(|_| matches!(code, Some(Code::S010 | Code::S012 | Code::S005))) {
            self.notice(Subject::Room, code.unwrap_or(Code::S010).into(), &refusal.message, Some(wait));
            return self.timers.set(Wake::Enter, now + wait);
        }
        let is_forgotten = self.door.was_inside && code == Some(Code::S002);
        if !is_forgotten {
            let notice = self.refusal_notice(code.unwrap_or(Code::S013), &refusal.message);
            return self.end(End::Refused(notice));
        }
        let since = *self.door.forgotten_since.get_or_insert(now);
        if self.door.role == Role::Host {
            // Its key is another one, so no token is worth anything: the host makes the room anew under its code.
            self.door.token = None;
            self.door.old_token = None;
            self.setup.entry = Entry::Create { code: self.door.code.clone() };
            return self.greet(now);
        }
        if now.saturating_duration_since(since) > FORGOTTEN_PATIENCE {
            let notice = self.refusal_notice(Code::S002, &refusal.message);
            return self.end(End::Refused(notice));
        }
        self.door.token = None;
        self.door.old_token = None;
        self.notice(Subject::Room, Code::S011.into(), "", Some(FORGOTTEN_RETRY));
        self.timers.set(Wake::Enter, now + FORGOTTEN_RETRY);
    }

    /// The time for an answer, or for another attempt, has come.
    pub(super) fn enter_timeout(&mut self, now: Instant) {
        if !self.door.connected {
            return;
        }
        if self.door.forgotten_since.is_some() || self.notices.stands(Subject::Room) {
            if matches!(self.setup.entry, Entry::Create { .. }) && self.door.was_inside && self.door.role != Role::Host
            {
                self.setup.entry = Entry::Join { code: self.door.code.clone().expect("who was inside knows the code") };
            }
            self.greet(now);
        } else {
            let detail = self.setup.language.of("It does not answer.", "Er antwortet nicht.");
            self.notice(Subject::Server, Code::S001.into(), detail, None);
            self.output(Output::RetryServer);
        }
    }

    fn refusal_notice(&self, code: Code, message: &str) -> Notice {
        let words = self.words(code.into(), message, None);
        Notice {
            key: 0,
            level: words.level,
            code: Some(code.to_string()),
            title: words.title,
            text: words.text,
            action: Some(words.action),
        }
    }

    /// The film that this machine shares is told to a server that may not know it.
    pub(super) fn tell_film(&mut self) {
        let Some(film) = self.film.as_ref().filter(|film| film.is_own()) else { return };
        let Some(magnet) = film.magnet().filter(|_| self.may_control()) else { return };
        let magnet = json!({"magnetURI": magnet, "streamPath": film.name, "name": film.name});
        let loaded = film.duration.map(|duration| json!({"name": film.name, "duration": duration.seconds()}));
        self.say("torrent-magnet", magnet);
        if let Some(loaded) = loaded {
            self.say("movie-loaded", loaded);
        }
    }

    /// Says goodbye, and leaves when it was heard.
    pub(super) fn leave(&mut self, now: Instant) {
        if self.door.leaving.is_some() {
            return;
        }
        self.door.leaving = Some(End::Left);
        self.keep_place(now);
        self.output(Output::Player(Command::Unload));
        if !self.is_inside() {
            return self.over();
        }
        let ticket = self.ticket();
        self.door.goodbye = Some(ticket);
        self.output(Output::Say(Say { name: "leave-room", payload: json!({}), ticket: Some(ticket) }));
        self.timers.set(Wake::Goodbye, now + GOODBYE_PATIENCE);
    }

    fn on_answer(&mut self, now: Instant, ticket: Ticket, answer: &Answer) {
        if self.door.goodbye == Some(ticket) {
            return self.over();
        }
        if !self.on_chat_answer(now, ticket, answer) {
            log::debug!("an answer that nobody waits for");
        }
    }

    /// It is over by one's own wish, or by what is known already.
    pub(super) fn over(&mut self) {
        let why = self.door.leaving.take().unwrap_or(End::Left);
        self.end(why);
    }

    pub(super) fn end(&mut self, why: End) {
        if self.door.phase == Phase::Ended {
            return;
        }
        self.door.phase = Phase::Ended;
        self.timers = super::timers::Timers::default();
        self.output(Output::Player(Command::Unload));
        self.stop_engine();
        self.output(Output::LeaveServer);
        self.output(Output::Changed);
        self.output(Output::Ended(why));
    }

    /// Without a goodbye: the others see this participant away.
    pub(super) fn let_go(&mut self, now: Instant) {
        self.keep_place(now);
        self.door.phase = Phase::Ended;
        self.timers = super::timers::Timers::default();
        self.stop_engine();
    }

    /// Nobody is here any more to watch; what was downloaded goes, if that is wished. What is shared from here never does.
    fn stop_engine(&mut self) {
        self.forget_subtitles();
        if let Some(film) = self.film.as_ref().filter(|film| film.asked) {
            let delete_data = self.setup.deletes_films && !film.is_own();
            let stop = engine_proto::ipc::Stop { infohash: film.infohash, delete_data };
            self.output(Output::Engine(engine_proto::ipc::Command::Stop(stop)));
        }
    }

    /// A new film of the room; how somebody takes part who has just come while it ran.
    pub(super) fn choose_late_join(&mut self, now: Instant) {
        let runs = self.play.room_runs(now) && self.room_place(now) > film::LATE_AFTER;
        if self.joined_late.replace(runs).is_none() && runs {
            self.join_film(now, self.setup.late_join);
        }
        if !runs && self.setup.late_join == LateJoin::Ask {
            self.choosing = false;
        }
    }
}
