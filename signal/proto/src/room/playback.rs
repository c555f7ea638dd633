//! Playing in step: who moves the anchor, what waits for whom, and what each kind of client is told of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Room, Said};
use crate::error::Problem;
use crate::ids::{ActionId, ParticipantId};
use crate::payload::Payload;
use crate::playback::{Cause, PlaybackState, start_delay};
use crate::roles::Power;
use crate::sync::gate;
use crate::time::{MediaTime, Rate, ServerTime};

/// What plays once everybody is ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wish {
    position: MediaTime,
    cause: Cause,
}

/// A start that is told to clients that play at once, when it is time for each.
#[derive(Clone, Debug)]
pub(super) struct HeldPlay {
    /// What `sync-play` will carry.
    pub(super) told: Value,
    /// Not told if something else came of it meanwhile.
    pub(super) seq: u64,
    pub(super) due: Vec<(Instant, ParticipantId)>,
}

/// What the room calls its own actions; when a plan's client echoes one, it is no wish of anybody.
const OWN_ACTIONS: [&str; 3] = ["wait-", "correct-", "room-"];

impl HeldPlay {
    /// When somebody is told next.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.iter().map(|(at, _)| *at).min()
    }
}

impl Room {
    pub(super) fn on_play(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        time: MediaTime,
        action: ActionId,
    ) -> Result<Option<Payload>, Problem> {
        if !self.is_wish(who, &action)? {
            return Ok(None);
        }
        let wish = Wish { position: time, cause: Cause::of(who, action) };
        match self.anchor.state {
            PlaybackState::Playing => return Ok(Some(self.start(now, wish, "sync-play"))),
            PlaybackState::Waiting => {
                self.anchor.wait(self.server_now(now), time, wish.cause.clone());
                self.wish = Some(wish);
                self.say_state(now);
            }
            PlaybackState::Paused => {
                self.wish = Some(wish);
                self.gate.handle_input(now, gate::Input::Play);
                self.follow_gate(now);
            }
        }
        // All were ready: the answer says the start, as the event does.
        let start_at = (self.anchor.state == PlaybackState::Playing).then_some(self.anchor.at);
        Ok(Some(self.moved(now, start_at).into()))
    }

    pub(super) fn on_pause(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        time: MediaTime,
        action: ActionId,
    ) -> Result<Option<Payload>, Problem> {
        if !self.is_wish(who, &action)? {
            return Ok(None);
        }
        Ok(Some(self.stand(now, time, Cause::of(who, action))))
    }

    pub(super) fn on_seek(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        time: MediaTime,
        action: ActionId,
    ) -> Result<Option<Payload>, Problem> {
        if !self.is_wish(who, &action)? {
            return Ok(None);
        }
        let cause = Cause::of(who, action);
        self.gate.handle_input(now, gate::Input::Sought);
        // While it plays or waits, a seek is a start again, and the gate says at once whether it waits.
        let told = match self.gate.poll_output() {
            Some(gate::Output::Go { .. }) => {
                let told = self.start(now, Wish { position: time, cause }, "sync-seek");
                self.sought_seq = self.anchor.seq;
                told
            }
            Some(gate::Output::Hold { deadline, .. } | gate::Output::StillWaiting { deadline, .. }) => {
                self.held = None;
                self.anchor.wait(self.server_now(now), time, cause.clone());
                self.sought_seq = self.anchor.seq;
                self.wish = Some(Wish { position: time, cause });
                let told = Payload::from(self.moved(now, None));
                self.say_to_all(Said::new("sync-seek", told.clone()));
                self.say_waiting(now, deadline);
                told
            }
            Some(gate::Output::Excused(_)) | None => {
                self.anchor.pause(self.server_now(now), time, cause);
                self.sought_seq = self.anchor.seq;
                let told = Payload::from(self.moved(now, None));
                self.say_to_all(Said::new("sync-seek", told.clone()));
                self.say_state(now);
                told
            }
        };
        Ok(Some(told))
    }

    pub(super) fn on_set_rate(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        rate: Rate,
        action: ActionId,
    ) -> Result<Option<Payload>, Problem> {
        if !self.is_wish(who, &action)? {
            return Ok(None);
        }
        self.anchor.set_rate(self.server_now(now), rate, Cause::of(who, action));
        self.keep_held();
        Ok(Some(self.say_state(now)))
    }

    pub(super) fn on_start_anyway(&mut self, now: Instant, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Control)?;
        self.gate.handle_input(now, gate::Input::StartAnyway);
        Ok(None)
    }

    pub(super) fn on_ready_state(&mut self, now: Instant, who: &ParticipantId, order: (u64, u64), ready: bool) {
        let (epoch, seq) = order;
        // What it says of another film, or of a place before the last seek, is stale.
        if epoch == self.anchor.epoch && seq >= self.sought_seq {
            self.gate.handle_input(now, gate::Input::Ready(who.clone(), ready));
        }
    }

    /// Does what the gate has decided since.
    pub(super) fn follow_gate(&mut self, now: Instant) {
        while let Some(output) = self.gate.poll_output() {
            match output {
                gate::Output::Go { .. } => {
                    if let Some(wish) = self.wish.take() {
                        self.start(now, wish, "sync-play");
                    }
                }
                gate::Output::Hold { deadline, stalled, .. } => {
                    let server_now = self.server_now(now);
                    if stalled {
                        let action = format!("room-{}", self.anchor.seq + 1);
                        let position = self.anchor.position_at(server_now);
                        self.wish = Some(Wish { position, cause: Cause::room(action) });
                    }
                    let Some(wish) = self.wish.clone() else { continue };
                    self.held = None;
                    self.anchor.wait(server_now, wish.position, wish.cause);
                    self.say_waiting(now, deadline);
                }
                gate::Output::StillWaiting { deadline, .. } => {
                    self.deadline = Some(self.server_time_of(now, deadline));
                    self.say_state(now);
                }
                gate::Output::Excused(who) => {
                    let mut told = self.state(now);
                    told["without"] = json!([who.as_str()]);
                    self.say_where(Said::new("room-state", told), |_, member| member.knows_sync());
                }
            }
        }
    }

    /// Starts that are due go out, unless something else came of them.
    pub(super) fn release_held(&mut self, now: Instant) {
        let seq = self.anchor.seq;
        let Some(held) = self.held.as_mut().filter(|held| held.seq == seq) else { return self.held = None };
        let due: BTreeSet<ParticipantId> = held.due.extract_if(.., |(at, _)| *at <= now).map(|(_, to)| to).collect();
        let told = held.told.clone();
        if held.due.is_empty() {
            self.held = None;
        }
        if !due.is_empty() {
            self.say_where(Said::new("sync-play", told), |who, _| due.contains(who));
        }
    }

    /// Somebody came while a start is scheduled: a client that plays at once hears of it when it is time.
    pub(super) fn hold_play_for(&mut self, now: Instant, who: &ParticipantId) {
        let server_now = self.server_now(now);
        let Some(start_at) = self.anchor.starts_at(server_now) else { return };
        let Some(member) = self.members.get(who).filter(|member| !member.knows_sync()) else { return };
        let due = (now + server_now.until(start_at).saturating_sub(member.rtt / 2), who.clone());
        match self.held.as_mut().filter(|held| held.seq == self.anchor.seq) {
            Some(held) => {
                // Whoever comes by another connection was to hear of it on the last one.
                held.due.retain(|(_, to)| to != who);
                held.due.push(due);
            }
            None => {
                let told = self.moved(now, Some(start_at));
                self.held = Some(HeldPlay { told, seq: self.anchor.seq, due: vec![due] });
            }
        }
    }

    /// The anchor has another number and the start that is scheduled stays: who plays at once still hears of it.
    pub(super) fn keep_held(&mut self) {
        if let Some(held) = &mut self.held {
            held.seq = self.anchor.seq;
            held.told["seq"] = self.anchor.seq.into();
            held.told["epoch"] = self.anchor.epoch.into();
            held.told["rate"] = self.anchor.rate.get().into();
        }
    }

    /// The room itself stops the film.
    pub(super) fn pause_by_room(&mut self, now: Instant, why: &str) {
        if self.anchor.state != PlaybackState::Paused {
            let position = self.anchor.position_at(self.server_now(now));
            self.stand(now, position, Cause::room(format!("room-{why}-{}", self.anchor.seq + 1)));
        }
    }

    /// Nothing is about to play any more.
    pub(super) fn forget_plans(&mut self) {
        self.wish = None;
        self.deadline = None;
        self.held = None;
        self.ask_reports_at = None;
    }

    /// Tells those who know how what the room does now.
    pub(super) fn say_state(&mut self, now: Instant) -> Payload {
        let told = Payload::from(self.state(now));
        self.say_where(Said::new("room-state", told.clone()), |_, member| member.knows_sync());
        told
    }

    /// `playback-snapshot`: where the film is now. For a client that plays at once, a start to come is no playing yet.
    pub(super) fn snapshot(&self, now: Instant, who: &ParticipantId) -> Value {
        let server_now = self.server_now(now);
        let waits_for_starts = self.members.get(who).is_some_and(super::Member::knows_sync);
        let is_to_come = self.anchor.starts_at(server_now).is_some();
        let playing = self.anchor.state == PlaybackState::Playing && (waits_for_starts || !is_to_come);
        json!({ "playback": {
            "time": self.anchor.position_at(server_now).seconds(),
            "type": if playing { "play" } else { "pause" },
            "at": server_now.unix_ms(),
            "seq": self.anchor.seq,
            "epoch": self.anchor.epoch,
            "rate": self.anchor.rate.get(),
            "startAt": self.anchor.starts_at(server_now).map(ServerTime::unix_ms),
            "duration": self.duration(),
            "waitingOn": self.waiting_on(now),
        }})
    }

    /// Whether an action is one: by somebody who may, for the first time, and no echo of what the room did itself.
    fn is_wish(&mut self, who: &ParticipantId, action: &ActionId) -> Result<bool, Problem> {
        if OWN_ACTIONS.iter().any(|own| action.starts_with(own)) {
            return Ok(false);
        }
        self.check(who, Power::Control)?;
        Ok(self.members.get_mut(who).is_some_and(|member| member.is_new_action(action)))
    }

    /// Moves the anchor to a start that reaches everybody in time, and tells them.
    fn start(&mut self, now: Instant, wish: Wish, name: &'static str) -> Payload {
        self.forget_plans();
        let (mut here, mut slowest) = (0, Duration::ZERO);
        for member in self.members.values().filter(|member| member.is_here()) {
            here += 1;
            slowest = slowest.max(member.rtt);
        }
        let delay = start_delay((here > 1).then_some(slowest));
        let start_at = self.server_now(now).plus(delay);
        self.anchor.play(wish.position, start_at, wish.cause);
        self.ask_reports_at = Some(now + super::talk::REPORTS_EVERY);
        let told = self.moved(now, Some(start_at));
        let said = Said::new(name, told.clone());
        let answer = said.payload.clone();
        // A seek is told to everybody at once; who plays at once hears of a start when it is time.
        let at_once = name == "sync-seek" || delay.is_zero();
        self.say_where(said, |_, member| at_once || member.knows_sync());
        if !at_once {
            let slow = self.members.iter().filter(|(_, member)| member.is_here() && !member.knows_sync());
            let due: Vec<_> =
                slow.map(|(to, member)| (now + delay.saturating_sub(member.rtt / 2), to.clone())).collect();
            self.held = (!due.is_empty()).then_some(HeldPlay { told, seq: self.anchor.seq, due });
        }
        self.say_state(now);
        answer
    }

    /// Moves the anchor to where the film stands, and tells everybody.
    fn stand(&mut self, now: Instant, position: MediaTime, cause: Cause) -> Payload {
        self.forget_plans();
        self.anchor.pause(self.server_now(now), position, cause);
        self.gate.handle_input(now, gate::Input::Stopped);
        let told = Payload::from(self.moved(now, None));
        self.say_to_all(Said::new("sync-pause", told.clone()));
        self.say_state(now);
        told
    }

    /// Tells that the room waits, in each client's words.
    fn say_waiting(&mut self, now: Instant, deadline: Instant) {
        self.deadline = Some(self.server_time_of(now, deadline));
        self.say_state(now);
        let mut told = self.moved(now, None);
        told["actionId"] = format!("wait-{}", self.anchor.seq).into();
        self.say_where(Said::new("sync-pause", told), |_, member| !member.knows_sync());
    }

    /// What `sync-play`, `sync-pause` and `sync-seek` carry.
    pub(super) fn moved(&self, now: Instant, start_at: Option<ServerTime>) -> Value {
        let mut told = json!({
            "time": self.anchor.position.seconds(),
            "actionId": self.anchor.action_id.shown(),
            "seq": self.anchor.seq,
            "epoch": self.anchor.epoch,
            "by": self.anchor.by.as_ref().map(ParticipantId::as_str),
            "rate": self.anchor.rate.get(),
            "timestamp": self.server_now(now).unix_ms(),
        });
        if let Some(start_at) = start_at {
            told["startAt"] = start_at.unix_ms().into();
        }
        told
    }

    fn state(&self, now: Instant) -> Value {
        let server_now = self.server_now(now);
        let state = match self.anchor.state {
            PlaybackState::Playing => "playing",
            PlaybackState::Paused => "paused",
            PlaybackState::Waiting => "waiting",
        };
        json!({
            "state": state,
            "waitingOn": self.waiting_on(now),
            "deadline": self.deadline.map(ServerTime::unix_ms),
            "time": self.anchor.position_at(server_now).seconds(),
            "at": server_now.unix_ms(),
            "seq": self.anchor.seq,
            "epoch": self.anchor.epoch,
            "rate": self.anchor.rate.get(),
            "startAt": self.anchor.starts_at(server_now).map(ServerTime::unix_ms),
            "actionId": self.anchor.action_id.shown(),
            "by": self.anchor.by.as_ref().map(ParticipantId::as_str),
        })
    }

    fn waiting_on(&self, now: Instant) -> Vec<String> {
        match self.anchor.state {
            PlaybackState::Waiting => self.gate.waiting_on(now).iter().map(|who| who.as_str().to_owned()).collect(),
            PlaybackState::Playing | PlaybackState::Paused => Vec::new(),
        }
    }

    fn server_time_of(&self, now: Instant, at: Instant) -> ServerTime {
        self.server_now(now).plus(at.saturating_duration_since(now))
    }
}
