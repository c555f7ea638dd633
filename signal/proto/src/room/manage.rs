//! What hosts change: who controls, who has which role, who must go, and how the room behaves.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Output, Room, Said};
use crate::error::{Code, Problem};
use crate::event::{HostLeft, Mode};
use crate::ids::ParticipantId;
use crate::payload::Payload;
use crate::roles::{ControlMode, Power, Role};
use crate::sync::gate::{self, WaitPolicy};

impl Room {
    pub(super) fn on_set_control_mode(&mut self, who: &ParticipantId, mode: Mode) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        self.mode = match mode {
            Mode::Host => ControlMode::Host,
            Mode::Everyone => ControlMode::Everyone,
            Mode::Chosen(chosen) => ControlMode::Chosen(chosen.into_iter().collect()),
        };
        Ok(Some(self.say_updated()))
    }

    pub(super) fn on_set_role(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        other: &ParticipantId,
        role: Role,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        if !self.members.contains_key(other) {
            return Err(Code::S014.into());
        }
        match (role, other == who) {
            (Role::Host, true) => {}
            (Role::Cohost | Role::Viewer, true) => {
                return Err(Problem::new(Code::S008, "a room has a host: give the room to somebody first"));
            }
            (Role::Host, false) => {
                self.demote(now, who);
                self.promote(now, other, Some(who), "given");
            }
            (Role::Cohost | Role::Viewer, false) => self.give_role(now, other, role),
        }
        Ok(self.members.get(other).map(|member| member.shown().clone()))
    }

    pub(super) fn on_kick(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        other: &ParticipantId,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        if other == who {
            return Err(Problem::new(Code::S008, "you cannot remove yourself: leave, or end the room"));
        }
        if !self.members.contains_key(other) && !self.past.contains(other) {
            return Err(Code::S014.into());
        }
        Ok(Some(self.expel(now, other)))
    }

    /// Somebody must go, and stays out.
    pub(super) fn expel(&mut self, now: Instant, other: &ParticipantId) -> Payload {
        let socket = self.members.get(other).and_then(super::Member::socket);
        self.say(other, Said::new("error", Problem::from(Code::S007).shown()));
        let told = Payload::from(json!({ "id": other.as_str(), "reason": "removed" }));
        self.remove(now, other, told.clone());
        self.past.remove(other);
        self.kicked.insert(other.clone(), ());
        self.outputs.extend(socket.map(Output::Close));
        told
    }

    pub(super) fn on_lock(&mut self, who: &ParticipantId, locked: bool) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        self.locked = locked;
        Ok(Some(self.say_updated()))
    }

    pub(super) fn on_set_policy(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        wait: Option<WaitPolicy>,
        host_left: Option<HostLeft>,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        self.wait = wait.unwrap_or(self.wait);
        self.host_left = host_left.unwrap_or(self.host_left);
        self.gate.handle_input(now, gate::Input::Policy(self.wait));
        Ok(Some(self.say_updated()))
    }

    pub(super) fn on_end_room(&mut self, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Manage)?;
        self.end("the host ended the room");
        Ok(None)
    }

    pub(super) fn policy_shown(&self) -> Value {
        let host_left = match self.host_left {
            HostLeft::Continue => "continue",
            HostLeft::Pause => "pause",
        };
        json!({ "wait": self.wait.as_str(), "hostLeft": host_left })
    }

    fn say_updated(&mut self) -> Payload {
        let mut told =
            json!({ "controlMode": self.mode.as_str(), "locked": self.locked, "policy": self.policy_shown() });
        if let ControlMode::Chosen(chosen) = &self.mode {
            told["participants"] = chosen.iter().map(|id| Value::from(id.as_str())).collect();
        }
        let told = Payload::from(told);
        self.say_to_all(Said::new("room-updated", told.clone()));
        told
    }
}
