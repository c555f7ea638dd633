//! What the person wants: whether they may, and what is said to whom for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal_proto::ids::ParticipantId;
use signal_proto::playback::{Cause, PlaybackState};
use signal_proto::time::{MediaTime, Rate};

use super::Participant;
use super::io::{End, Output};
use super::notices::Subject;
use super::timers::Wake;
use crate::limits::OUTPUT_OFFSET_MAX;
use crate::player::Command;
use crate::view::Part;
use crate::wish::{Control, Wish};
use crate::words::{Deed, Plain};

/// A seek goes out when the user has not moved the handle for so long.
const SEEK_DEBOUNCE: Duration = Duration::from_millis(200);

/// What somebody who may wanted of the film while the server was gone; the last one is said when it is back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Offline {
    Play,
    Pause,
    Seek,
}

impl Participant {
    pub(super) fn on_wish(&mut self, now: Instant, wish: Wish) {
        self.changed = true;
        match wish {
            Wish::Play => self.wish_play(now),
            Wish::Pause => self.wish_pause(now),
            Wish::TogglePlay if self.plays_for_me() => self.wish_pause(now),
            Wish::TogglePlay => self.wish_play(now),
            Wish::Seek(to) => self.wish_seek(now, to),
            Wish::SeekBy(seconds) => {
                let from = self.pending_seek.unwrap_or_else(|| MediaTime::saturating(self.own_place(now)));
                self.wish_seek(now, from.plus(seconds));
            }
            Wish::UndoSeek => match self.before_seek {
                Some(back) => self.wish_seek(now, back),
                None => self.say_plainly(now, Plain::NoSeekToUndo),
            },
            Wish::Resume(goes_on) => self.answer_resume(now, goes_on),
            Wish::StepFrame(frames) => self.step(frames),
            Wish::SetRate(rate) => self.wish_rate(now, rate),
            Wish::StartAnyway => self.if_may(now, Deed::StartFilm, |this| this.say("start-anyway", json!({}))),
            Wish::Ready => self.wish_ready(now),
            Wish::Spectate(on) => self.spectate(now, on),
            Wish::JoinFilm(how) => self.join_film(now, how),
            Wish::Say(text) => self.say_in_chat(now, &text),
            Wish::SpoilerSafe(on) => self.set_spoiler_safe(now, on),
            Wish::RetrySaying(key) => self.retry_saying(key),
            Wish::Share(path) => self.if_may(now, Deed::ChooseFilm, |this| this.share(now, &path)),
            Wish::ClearFilm => self.if_may(now, Deed::EndFilm, |this| this.say("media-cleared", json!({}))),
            Wish::OpenPlayer => {
                self.play.player.closed = false;
                self.clear_notice(Subject::Player);
                if self.closed_by_user {
                    self.closed_by_user = false;
                    self.spectate(now, false);
                }
                self.open_player(now);
            }
            Wish::SetVolume(volume) => {
                self.play.player.volume = volume.clamp(0.0, 1.0);
                self.output(Output::Player(Command::SetVolume(self.play.player.volume)));
            }
            Wish::SetMuted(muted) => {
                self.play.player.muted = muted;
                self.output(Output::Player(Command::SetMuted(muted)));
            }
            Wish::SelectTrack(kind, id) => self.output(Output::Player(Command::SelectTrack(kind, id))),
            Wish::AddSubtitles(path) => self.output(Output::Player(Command::AddSubtitles(path))),
            Wish::ShareSubtitles(path) => self.share_subtitles(now, &path),
            Wish::SetSubtitleDelay(delay) => self.output(Output::Player(Command::SetSubtitleDelay(delay))),
            Wish::SetOutputOffset(offset) => self.set_output_offset(now, offset),
            Wish::WatchReports(on) => self.say("watch-reports", json!({ "on": on })),
            Wish::SetControl(control) => self.set_control(now, control),
            Wish::SetRole(id, role) => {
                let payload = json!({"id": id.as_str(), "role": role.as_str()});
                self.manage(now, Deed::GiveRoles, "set-role", payload);
            }
            Wish::Kick(id) => {
                let payload = json!({"id": id.as_str()});
                self.manage(now, Deed::RemoveSomebody, "kick", payload);
                if self.door.kicked.len() < signal_proto::limits::ROOM_MEMBERS_MAX && self.may_manage() {
                    self.door.kicked.push(id);
                }
            }
            Wish::Lock(locked) => self.manage(now, Deed::LockRoom, "lock-room", json!({ "locked": locked })),
            Wish::SetWaiting(wait) => {
                self.manage(now, Deed::SetWaiting, "set-policy", json!({"wait": wait.as_str()}));
            }
            Wish::PauseWithoutHost(pause) => {
                let word = if pause { "pause" } else { "continue" };
                self.manage(now, Deed::SetWithoutHost, "set-policy", json!({ "hostLeft": word }));
            }
            Wish::ClaimHost => self.say("claim-host", json!({})),
            Wish::RetryServer if !self.door.connected => self.output(Output::RetryServer),
            Wish::RetryServer => {}
            Wish::Dismiss(key) => self.dismiss(key),
            Wish::Leave => self.leave(now),
            Wish::EndRoom => {
                self.manage(now, Deed::EndRoom, "end-room", json!({}));
                if self.may_manage() && !self.is_inside() {
                    self.end(End::Left);
                }
            }
        }
    }

    pub(super) fn may_manage(&self) -> bool {
        self.door.role == signal_proto::roles::Role::Host
    }

    /// By this person's own eyes the film runs, or is about to.
    fn plays_for_me(&self) -> bool {
        match self.play.part {
            Part::Spectating | Part::CatchingUp => self.play.player.told_running,
            Part::InStep | Part::Choosing => self
                .play
                .anchor
                .as_ref()
                .is_some_and(|anchor| matches!(anchor.state, PlaybackState::Playing | PlaybackState::Waiting)),
        }
    }

    /// Where this person is, in seconds.
    fn own_place(&self, now: Instant) -> f64 {
        match self.play.part {
            Part::Spectating | Part::CatchingUp => self.play.player_place(now).unwrap_or_default(),
            Part::InStep | Part::Choosing => self.room_place(now),
        }
    }

    fn wish_play(&mut self, now: Instant) {
        if self.play.part == Part::Spectating {
            return self.tell_running(true);
        }
        if self.film.is_none() {
            return self.say_plainly(now, Plain::NoFilm);
        }
        self.if_may(now, Deed::Play, |this| {
            let time = this.room_place(now);
            this.move_film(now, Offline::Play, time);
        });
    }

    fn wish_pause(&mut self, now: Instant) {
        if self.play.part == Part::Spectating {
            return self.tell_running(false);
        }
        self.if_may(now, Deed::Pause, |this| {
            let time = this.room_place(now);
            this.move_film(now, Offline::Pause, time);
        });
    }

    fn wish_seek(&mut self, now: Instant, to: MediaTime) {
        let end = self.film.as_ref().and_then(|film| film.duration);
        let to = end.map_or(to, |end| to.min(end));
        if self.play.part == Part::Spectating {
            self.play.player.at = None;
            return self.output(Output::Player(Command::Seek(to)));
        }
        self.if_may(now, Deed::Jump, |this| {
            this.pending_seek = Some(to);
            this.timers.set(Wake::Seek, now + SEEK_DEBOUNCE);
        });
    }

    /// The user has let go of the handle.
    pub(super) fn seek_timeout(&mut self, now: Instant) {
        if let Some(to) = self.pending_seek.take() {
            self.move_film(now, Offline::Seek, to.seconds());
        }
    }

    /// Moves the film for everybody; without a server for oneself, and for everybody when it is back.
    pub(super) fn move_film(&mut self, now: Instant, what: Offline, time: f64) {
        if self.is_inside() {
            let name = match what {
                Offline::Play => "sync-play",
                Offline::Pause => "sync-pause",
                Offline::Seek => "sync-seek",
            };
            let action = self.action();
            return self.say(name, json!({"time": time, "actionId": action}));
        }
        let Some(mut anchor) = self.play.anchor.clone() else { return };
        let server_now = self.play.server_now(now);
        let action = self.action();
        let (place, cause) = (MediaTime::saturating(time), Cause::of(&self.door.id, action));
        match what {
            Offline::Play => anchor.play(place, server_now, cause),
            Offline::Pause => anchor.pause(server_now, place, cause),
            Offline::Seek if anchor.state == PlaybackState::Playing => anchor.play(place, server_now, cause),
            Offline::Seek => anchor.pause(server_now, place, cause),
        }
        // The room's own count goes on where it was: this anchor is nobody else's.
        anchor.seq -= 1;
        self.offline = Some(what);
        self.set_anchor(now, anchor);
    }

    /// The server is gone while the room waits: nobody says that all are ready, but the wait has an end.
    pub(super) fn wait_without_server(&mut self, now: Instant) {
        let waits = self.play.anchor.as_ref().is_some_and(|anchor| anchor.state == PlaybackState::Waiting);
        if let Some(deadline) = self.deadline.filter(|_| waits) {
            self.timers.set(Wake::Waited, self.play.instant_of(now, deadline));
        }
    }

    /// By the server's clock, so everybody does so at one moment.
    pub(super) fn start_without_server(&mut self, now: Instant) {
        let waiting = self.play.anchor.clone().filter(|anchor| anchor.state == PlaybackState::Waiting);
        let (Some(mut anchor), Some(deadline)) = (waiting, self.deadline.take()) else { return };
        let action = self.action();
        let cause = Cause::of(&self.door.id, action);
        anchor.play(anchor.position, deadline, cause);
        // As of a wish: this anchor is nobody else's.
        anchor.seq -= 1;
        self.waiting_on.clear();
        self.set_anchor(now, anchor);
    }

    /// What was wanted while the server was gone.
    pub(super) fn say_offline_wish(&mut self, now: Instant) {
        let Some(what) = self.offline.take().filter(|_| self.may_control()) else { return };
        let time = self.room_place(now);
        self.move_film(now, what, time);
        if what == Offline::Seek && self.play.room_runs(now) {
            self.move_film(now, Offline::Play, time);
        }
    }

    fn wish_rate(&mut self, now: Instant, rate: Rate) {
        self.if_may(now, Deed::ChangeSpeed, |this| {
            if this.is_inside() {
                let action = this.action();
                this.say("set-rate", json!({"rate": rate.get(), "actionId": action}));
            } else {
                this.say_plainly(now, Plain::NoSpeedNow);
            }
        });
    }

    /// "I go anyway", or in step again at once.
    fn wish_ready(&mut self, now: Instant) {
        self.play.player.closed = false;
        if self.play.part != Part::InStep {
            self.spectate(now, false);
        }
        self.goes_anyway = true;
        self.play.restart_clock(now);
        self.rejoin(now);
        self.tell_ready(now);
    }

    fn spectate(&mut self, now: Instant, on: bool) {
        let before = self.play.part == Part::Spectating;
        if on {
            self.play.part = Part::Spectating;
            self.play.doing = super::play::Doing::Free;
            self.timers.stop(Wake::Start);
            let rate = self.play.speed();
            self.tell_rate(rate);
        } else {
            self.rejoin(now);
        }
        if before != on {
            self.say("set-spectating", json!({ "on": on }));
            self.said_ready = None;
            self.tell_ready(now);
        }
    }

    /// The player is gone by its user's wish: nobody waits for them.
    pub(super) fn spectate_without_player(&mut self, now: Instant) {
        self.closed_by_user = self.play.part != Part::Spectating;
        self.spectate(now, true);
    }

    fn set_output_offset(&mut self, now: Instant, offset: f64) {
        self.play.set_output_offset(now, offset.clamp(-OUTPUT_OFFSET_MAX, OUTPUT_OFFSET_MAX));
        self.direct(now);
    }

    fn set_control(&mut self, now: Instant, control: Control) {
        let payload = match control {
            Control::Host => json!({"mode": "host"}),
            Control::Everyone => json!({"mode": "everyone"}),
            Control::Chosen(who) => {
                let who: Vec<&str> = who.iter().map(ParticipantId::as_str).collect();
                json!({"mode": "chosen", "participants": who})
            }
        };
        self.manage(now, Deed::GiveControl, "set-control-mode", payload);
    }

    fn manage(&mut self, now: Instant, deed: Deed, name: &'static str, payload: Value) {
        if self.may_manage() { self.say(name, payload) } else { self.notice_not_allowed(now, deed) }
    }

    pub(super) fn if_may(&mut self, now: Instant, deed: Deed, does: impl FnOnce(&mut Self)) {
        if self.may_control() { does(self) } else { self.notice_not_allowed(now, deed) }
    }

    /// A name for an action that no other has.
    pub(super) fn action(&mut self) -> String {
        self.actions += 1;
        format!("{:x}-{}", self.setup.nonce, self.actions)
    }
}
