//! What the server says, and what follows from it.

use std::time::Instant;

use signal_proto::error::Code;
use signal_proto::event::{Moved as MovedTo, Participant as Member, Refusal, Rules, ServerEvent, Snapshot};
use signal_proto::ids::ParticipantId;
use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::roles::Role;
use signal_proto::time::{MediaTime, ServerTime};

use super::Participant;
use super::io::{End, Output};
use super::notices::Subject;
use super::play::Doing;
use super::timers::Wake;
use crate::player::Command;
use crate::words::{Deed, Happening, Moved, the_film, why_it_ends};

impl Participant {
    pub(super) fn hear(&mut self, now: Instant, event: ServerEvent) {
        match event {
            ServerEvent::RoomCreated(Ok(entered)) | ServerEvent::RoomJoined(Ok(entered)) => {
                self.on_entered(now, *entered);
            }
            ServerEvent::RoomCreated(Err(refusal)) if self.door.creates => self.on_refused_entry(now, &refusal),
            ServerEvent::RoomJoined(Err(refusal)) if !self.door.creates => self.on_refused_entry(now, &refusal),
            // Of what was asked before.
            ServerEvent::RoomCreated(Err(_)) | ServerEvent::RoomJoined(Err(_)) => {}
            ServerEvent::SessionToken(token) => self.keep(token),
            ServerEvent::ParticipantList(list) => self.people.replace(list),
            ServerEvent::ParticipantJoined(member) => self.on_joined(now, member),
            ServerEvent::ParticipantUpdated(member) => self.on_updated(now, member),
            ServerEvent::ParticipantLeft { id, reason } => self.on_left(now, &id, reason.as_deref()),
            ServerEvent::HostAway { id, grace } => {
                let name = self.name_of(&id);
                self.happened(now, &Happening::HostLost { name: &name, seconds: grace.as_secs() });
            }
            ServerEvent::HostChanged { id, .. } => self.on_host_changed(now, id),
            ServerEvent::RoomUpdated(rules) => self.on_rules(now, rules),
            ServerEvent::RoomClosing { within, reason } => {
                let why = why_it_ends(reason.as_deref(), self.setup.language);
                if within.is_zero() {
                    self.keep_place(now);
                    self.end(End::RoomEnded(why));
                } else {
                    self.happened(now, &Happening::Ends { seconds: within.as_secs(), why: &why });
                }
            }
            ServerEvent::ServerRestarting { retry_after } => {
                self.notice(Subject::Server, Code::S012.into(), "", Some(retry_after));
            }
            ServerEvent::TorrentMagnet(film) => {
                self.on_film_shared(now, &film.magnet, film.name.as_deref(), film.by.as_ref());
            }
            ServerEvent::MovieLoaded(news) => {
                if let Some(film) = &mut self.film {
                    film.duration = film.duration.or(news.duration);
                }
            }
            ServerEvent::MediaCleared { by, .. } => self.on_film_cleared(now, by.as_ref()),
            ServerEvent::SubtitleShared(subtitle) => self.on_subtitles_shared(now, &subtitle),
            ServerEvent::PlaybackSnapshot(snapshot) => self.on_snapshot(now, snapshot),
            ServerEvent::RoomState(state) => {
                self.waiting_on = state.waiting_on;
                self.deadline = state.deadline;
                for id in &state.without {
                    let name = self.name_of(id);
                    self.happened(now, &Happening::Without { name: &name });
                }
                self.anchored = Some(state.anchor.order());
                self.on_anchor(now, state.anchor);
                self.tell_ready(now);
            }
            ServerEvent::SyncPlay(moved) => self.on_moved(now, moved, PlaybackState::Playing, Moved::Played),
            ServerEvent::SyncPause(moved) => self.on_moved(now, moved, PlaybackState::Paused, Moved::Paused),
            ServerEvent::SyncSeek(moved) => {
                self.before_seek = Some(MediaTime::saturating(self.room_place(now)));
                self.people.forget_readiness();
                let state = self.play.anchor.as_ref().map_or(PlaybackState::Paused, |anchor| anchor.state);
                self.on_moved(now, moved, state, Moved::Jumped);
            }
            ServerEvent::SyncCorrect { time, playing, .. } => {
                // A server that keeps anchors corrects by them; this is the word of one that does not.
                if self.anchored.is_none() {
                    let state = if playing { PlaybackState::Playing } else { PlaybackState::Paused };
                    self.on_unanchored(now, time, state);
                }
            }
            ServerEvent::ClockAnswer(answer) => self.on_clock(now, answer),
            ServerEvent::ReportWanted => self.report(now),
            ServerEvent::SyncReport { id, report, .. } => {
                if let Some(known) = self.people.get_mut(&id) {
                    known.report = Some(report);
                }
            }
            ServerEvent::ReadyState { id, ready, ahead, .. } => {
                if let Some(known) = self.people.get_mut(&id) {
                    known.ready = Some((ready, ahead));
                }
            }
            ServerEvent::ChatMessage(line) => self.on_chat_line(now, line),
            ServerEvent::ChatHistory(lines) => lines.into_iter().for_each(|line| self.on_chat_line(now, line)),
            ServerEvent::Error(refusal) => self.on_error(now, &refusal),
            // Calls are not this program's yet.
            ServerEvent::StartWebrtc { .. }
            | ServerEvent::Relayed(_)
            | ServerEvent::CallState { .. }
            | ServerEvent::PeerLeft { .. }
            | ServerEvent::IceServers { .. } => {}
        }
    }

    fn on_joined(&mut self, now: Instant, member: Member) {
        let (id, name) = (member.id.clone(), member.name.clone());
        if self.people.put(member).is_none() && id != self.door.id {
            self.happened(now, &Happening::Joined { name: &name });
            // They were not told what was said before, and are about to ask for it.
            self.said_ready = None;
            self.timers.set_by(Wake::Ready, now + TOLD_AGAIN_AFTER);
        }
    }

    fn on_updated(&mut self, now: Instant, member: Member) {
        if member.id == self.door.id {
            self.door.role = member.role;
        }
        let (name, away, role, mine) = (member.name.clone(), member.away, member.role, member.id == self.door.id);
        let Some(before) = self.people.put(member).filter(|_| !mine) else { return };
        if before.away != away {
            let (name, lost) = (&name, away);
            self.happened(now, &if lost { Happening::LostConnection { name } } else { Happening::Back { name } });
        } else if before.role != role && role != Role::Host {
            self.happened(now, &Happening::Role { name: &name, role });
        }
    }

    fn on_left(&mut self, now: Instant, id: &ParticipantId, reason: Option<&str>) {
        let Some(known) = self.people.remove(id) else { return };
        let name = &known.member.name;
        let removed = reason == Some("removed");
        self.happened(now, &if removed { Happening::Removed { name } } else { Happening::Left { name } });
    }

    fn on_host_changed(&mut self, now: Instant, id: ParticipantId) {
        let name = self.name_of(&id);
        if id == self.door.id {
            self.door.role = Role::Host;
            self.happened(now, &Happening::YouHost);
        } else {
            if self.door.role == Role::Host {
                self.door.role = Role::Cohost;
            }
            self.happened(now, &Happening::Host { name: &name });
        }
        self.door.host = Some(id);
    }

    fn on_rules(&mut self, now: Instant, rules: Rules) {
        let (control, locked) = (rules.control.clone(), rules.locked);
        let before = self.door.rules.replace(rules);
        if before.as_ref().map(|before| &before.control) != Some(&control) {
            self.happened(now, &Happening::Control(&control));
        }
        if before.is_some_and(|before| before.locked != locked) {
            self.happened(now, &if locked { Happening::Locked } else { Happening::Unlocked });
        }
    }

    /// Another film, or the same told again.
    fn on_film_shared(&mut self, now: Instant, magnet: &str, name: Option<&str>, by: Option<&ParticipantId>) {
        let name = name.unwrap_or(the_film(self.setup.language));
        let told = super::film::Film::of_room(now, magnet, name);
        if let Some(film) = &self.film {
            let is_same = film.magnet() == Some(magnet) || (told.infohash.is_some() && film.infohash == told.infohash);
            if is_same {
                return;
            }
        }
        // One's own film that is not shared yet goes on being read: it becomes the room's when it is.
        if self.film.as_ref().is_some_and(|film| film.is_own() && film.url.is_none() && !film.failed) {
            return;
        }
        self.drop_film(now);
        if let Some(by) = by.filter(|by| **by != self.door.id) {
            let by = self.name_of(by);
            self.happened(now, &Happening::Shares { by: Some(&by), film: &told.name });
        }
        self.film = Some(told);
        self.forget_playing();
        self.ask_engine(now);
    }

    fn on_film_cleared(&mut self, now: Instant, by: Option<&ParticipantId>) {
        if self.film.is_some() {
            let by = by.map(|id| self.name_of(id));
            self.happened(now, &Happening::FilmEnded { by: by.as_deref() });
        }
        self.drop_film(now);
        self.forget_playing();
    }

    /// The film is over for this machine: the player is closed, the engine stops.
    pub(super) fn drop_film(&mut self, now: Instant) {
        self.keep_place(now);
        self.forget_place();
        self.forget_subtitles();
        if let Some(film) = self.film.take().filter(|film| film.asked) {
            let delete_data = self.setup.deletes_films && !film.is_own();
            let stop = engine_proto::ipc::Stop { infohash: film.infohash, delete_data };
            self.output(Output::Engine(engine_proto::ipc::Command::Stop(stop)));
        }
        self.output(Output::Player(Command::Unload));
        self.release_held(now);
        for subject in [Subject::Film, Subject::Supply, Subject::Disk, Subject::Player] {
            self.clear_notice(subject);
        }
        self.timers.stop(Wake::Looking);
        self.timers.stop(Wake::Playhead);
        self.timers.stop(Wake::Start);
    }

    /// What was known of playing the film before says nothing of this one.
    pub(super) fn forget_playing(&mut self) {
        self.play.forget_player();
        self.people.forget_readiness();
        (self.before_seek, self.said_ready, self.goes_anyway) = (None, None, false);
        if self.play.part == crate::view::Part::CatchingUp {
            self.play.part = crate::view::Part::InStep;
        }
        self.choosing = false;
        self.joined_late = None;
    }

    fn on_snapshot(&mut self, now: Instant, snapshot: Snapshot) {
        self.waiting_on = snapshot.waiting_on;
        if let Some(film) = &mut self.film {
            film.duration = film.duration.or(snapshot.duration);
        }
        let state = if snapshot.playing { PlaybackState::Playing } else { PlaybackState::Paused };
        match snapshot.anchor {
            Some(anchor) => {
                // What the server tells to who comes in is so, whatever was known before.
                self.anchored = Some(anchor.order());
                self.play.anchor = None;
                self.on_anchor(now, anchor);
            }
            None => self.on_unanchored(now, snapshot.time, state),
        }
        self.choose_late_join(now);
        self.tell_ready(now);
    }

    fn on_moved(&mut self, now: Instant, moved: MovedTo, state: PlaybackState, how: Moved) {
        let by = moved.anchor.as_ref().and_then(|anchor| anchor.by.clone());
        let is_news = moved
            .anchor
            .as_ref()
            .is_none_or(|anchor| self.play.anchor.as_ref().is_none_or(|known| known.order() < anchor.order()));
        if let Some(by) = by.filter(|_| is_news) {
            let by = (by != self.door.id).then(|| self.name_of(&by));
            self.happened(now, &Happening::Moved { by: by.as_deref(), how, to: moved.time });
        }
        match moved.anchor {
            Some(anchor) => {
                self.anchored = Some(anchor.order());
                self.on_anchor(now, anchor);
            }
            None => self.on_unanchored(now, moved.time, state),
        }
        self.tell_ready(now);
    }

    /// The word of a server that keeps no anchors: it is so now.
    fn on_unanchored(&mut self, now: Instant, time: MediaTime, state: PlaybackState) {
        let at = self.play.server_now(now);
        let known = self.play.anchor.clone().unwrap_or_else(|| Anchor::new(at));
        self.set_anchor(now, Anchor { state, position: time, at, seq: known.seq + 1, ..known });
    }

    fn on_clock(&mut self, now: Instant, answer: signal_proto::sync::clock::Answer) {
        let before = self.play.clock.server_time(now);
        self.play.clock.handle_answer(now, answer);
        let after = self.play.clock.server_time(now);
        let moved = match (before, after) {
            (Some(before), Some(after)) => after.millis_since(before).abs() > CLOCK_STEP_MS,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        // A start that is planned is planned anew by the better clock.
        if moved && matches!(self.play.doing, Doing::Starting | Doing::Free | Doing::Standing) {
            self.direct(now);
        }
    }

    fn on_error(&mut self, now: Instant, refusal: &Refusal) {
        let code = refusal.code;
        if self.entering {
            // Our servers say it in the answer, too; others say nothing else.
            if !self.door.was_inside {
                self.on_refused_entry(now, refusal);
            }
            return;
        }
        match code {
            Some(Code::S007) => {
                self.keep_place(now);
                self.end(End::Removed);
            }
            Some(Code::S008) => self.notice_not_allowed(now, Deed::That),
            // The answer to the message itself says so, too.
            Some(Code::S010) => self.notice(Subject::Wish, Code::S010.into(), &refusal.message, refusal.wait),
            Some(code) => self.notice(Subject::Wish, code.into(), &refusal.message, refusal.wait),
            None => self.notice(Subject::Wish, Code::S013.into(), &refusal.message, refusal.wait),
        }
        if self.notices.stands(Subject::Wish) {
            self.timers.set(Wake::Notice, now + crate::limits::NOTICE_OF_A_WISH);
        }
    }

    /// Seconds until a moment of the server's.
    pub(super) fn seconds_until(&self, now: Instant, at: ServerTime) -> f64 {
        self.play.server_now(now).until(at).as_secs_f64()
    }
}

/// Somebody who comes hears after so long whether the others are ready.
const TOLD_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// A better measurement of the clock that differs by more is worth planning a start anew.
const CLOCK_STEP_MS: i64 = 3;
