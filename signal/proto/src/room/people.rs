//! Coming, being away, coming back, leaving.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::json;

use super::{Entrant, Member, Output, Past, Room, Said};
use crate::error::{Code, Problem};
use crate::event::RoomSnapshot;
use crate::ids::{ParticipantId, SocketId, SocketKey};
use crate::payload::{self, ObjectWriter, Payload};
use crate::playback::PlaybackState;
use crate::roles::{ControlMode, Role};
use crate::sync::gate;
use crate::token::Claims;

/// The oldest version of the contract that a client may say it knows (`capabilities.version`).
const VERSION_MIN: u64 = 1;

/// About what an answer to somebody who comes in has beside the list of people: room for it is made at once.
const WELCOME_LEN_GUESS: usize = 1024;

/// How somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coming {
    /// Nobody knows them.
    New,
    /// A member who was away, or comes by another connection.
    Back,
}

impl Room {
    /// Lets somebody in: the one who creates the room, a stranger, or by a token that was verified somebody who was here.
    /// Says the participant's id, and the answer that they get.
    ///
    /// # Errors
    /// S005 full, S006 locked, S007 removed by the host, S009 too old; nothing has changed then.
    pub fn handle_join(
        &mut self,
        now: Instant,
        entrant: &Entrant,
        claims: Option<&Claims>,
        snapshot: Option<&RoomSnapshot>,
    ) -> Result<(ParticipantId, Payload), Problem> {
        // A token of an earlier room of this code says nothing here.
        let claims = claims.filter(|claims| claims.room_id == self.id);
        self.check_entrance(entrant, claims)?;
        let returning = claims.map(|claims| &claims.participant);
        let is_former = |(id, member): &(&ParticipantId, &Member)| {
            member.socket() == Some(entrant.socket) && Some(*id) != returning
        };
        // One connection is one person: it leaves as whom it was.
        if let Some(former) = self.members.iter().find(is_former).map(|(id, _)| id.clone()) {
            self.leave(now, &former);
        }
        if let Some(snapshot) = snapshot.filter(|_| claims.is_some()) {
            self.believe(now, snapshot);
        }
        let founding = self.arrivals == 0 && !self.is_formed_again();
        let host_before = self.host().map(|(id, _)| id.clone());
        let (id, coming) = match claims {
            Some(claims) => (claims.participant.clone(), self.come_back(now, entrant, claims)),
            None => (self.come_new(now, entrant, founding), Coming::New),
        };
        if let Some(snapshot) = snapshot.filter(|_| self.is_formed_again() && self.role_of(&id) == Some(Role::Host)) {
            // Only a host removes people, so only a host's memory of it counts.
            snapshot.kicked.iter().filter(|kicked| **kicked != id).for_each(|kicked| {
                self.expel(now, kicked);
            });
        }
        let is_host_here = self.host().is_some_and(|(_, member)| member.is_here());
        self.empty_since = None;
        if self.anchor.state == PlaybackState::Playing && self.ask_reports_at.is_none() {
            self.ask_reports_at = Some(now + super::talk::REPORTS_EVERY);
        }
        if !is_host_here && self.heir_at.is_none() {
            self.heir_at = Some(now + self.setting.host_grace);
        } else if is_host_here {
            self.heir_at = None;
        }
        let answer = self.welcome(now, &id, founding);
        if let Some(member) = self.members.get(&id) {
            let said = match coming {
                Coming::New => Said::new("participant-joined", member.shown().clone()),
                Coming::Back => Said::new("participant-updated", member.shown().clone()),
            };
            self.say_to_others(&id, said);
        }
        if let Some(previous) = host_before.filter(|before| *before != id && self.role_of(&id) == Some(Role::Host)) {
            let told = json!({ "id": id.as_str(), "previous": previous.as_str(), "reason": "returned" });
            self.say_to_others(&id, Said::new("host-changed", told));
        }
        self.follow_gate(now);
        Ok((id, answer))
    }

    /// A member's connection is gone. They may be back.
    pub fn handle_lost(&mut self, now: Instant, who: &ParticipantId, socket: SocketKey) {
        let Some(member) = self.members.get_mut(who).filter(|member| member.socket() == Some(socket)) else { return };
        let is_host = member.role() == Role::Host;
        let grace = if is_host { self.setting.host_grace } else { self.setting.away_grace };
        member.lose_connection(now + grace);
        self.drop_from_call(who);
        self.gate.handle_input(now, gate::Input::Left(who.clone()));
        if let Some(member) = self.members.get(who) {
            self.say_to_others(who, Said::new("participant-updated", member.shown().clone()));
        }
        if is_host {
            self.heir_at = Some(now + grace);
            self.say_to_others(who, Said::new("host-away", json!({ "id": who.as_str(), "grace": grace.as_secs() })));
            self.pause_for_host(now);
        }
        self.look_whether_empty(now);
        self.follow_gate(now);
    }

    /// A member counts as away, and another process of the server has had its connection all the while. Says whether that is so.
    pub fn handle_return(&mut self, now: Instant, who: &ParticipantId, socket: SocketKey, peer_id: &SocketId) -> bool {
        let is_it = |member: &&mut Member| !member.is_here() && member.peer_id() == peer_id;
        let Some(member) = self.members.get_mut(who).filter(is_it) else { return false };
        member.regain_connection(socket);
        let (is_host, says_ready, shown) = (member.role() == Role::Host, member.knows_sync(), member.shown().clone());
        self.gate.handle_input(now, gate::Input::Joined { who: who.clone(), says_ready });
        self.empty_since = None;
        if is_host {
            self.heir_at = None;
        }
        self.say_to_others(who, Said::new("participant-updated", shown));
        self.follow_gate(now);
        true
    }

    /// A member leaves for good, by their own wish.
    pub(super) fn leave(&mut self, now: Instant, who: &ParticipantId) {
        let was_host = self.role_of(who) == Some(Role::Host);
        self.remove(now, who, json!({ "id": who.as_str() }));
        if was_host {
            self.pause_for_host(now);
            self.choose_heir(now, Some(who), "left");
        }
        self.look_whether_empty(now);
    }

    /// Takes a member out; the others are told.
    pub(super) fn remove(&mut self, now: Instant, who: &ParticipantId, told: impl Into<Payload>) {
        self.drop_from_call(who);
        let Some(member) = self.members.remove(who) else { return };
        self.outputs.extend(member.socket().map(Output::Out));
        self.past.insert(who.clone(), Past { role: member.role(), founder: member.founder });
        self.gate.handle_input(now, gate::Input::Left(who.clone()));
        self.say_to_all(Said::new("participant-left", told));
    }

    /// Who was away for longer than the grace has left.
    pub(super) fn drop_away(&mut self, now: Instant) {
        let gone = |member: &Member| member.away_until.is_some_and(|at| at <= now);
        let over: Vec<ParticipantId> =
            self.members.iter().filter(|(_, member)| gone(member)).map(|(who, _)| who.clone()).collect();
        for who in over {
            let was_host = self.role_of(&who) == Some(Role::Host);
            self.remove(now, &who, json!({ "id": who.as_str() }));
            if was_host {
                self.choose_heir(now, Some(&who), "away");
            }
        }
    }

    /// Tells a member its token for the role it has now.
    pub(super) fn new_token(&mut self, now: Instant, who: &ParticipantId) {
        let token = self.token(now, who);
        self.say(who, Said::new("session-token", json!({ "sessionToken": token })));
    }

    fn check_entrance(&self, entrant: &Entrant, claims: Option<&Claims>) -> Result<(), Problem> {
        let id = claims.map_or(&entrant.id, |claims| &claims.participant);
        if self.kicked.contains(id) {
            return Err(Code::S007.into());
        }
        if entrant.capabilities.version.is_some_and(|version| version < VERSION_MIN) {
            return Err(Code::S009.into());
        }
        // Who belongs here finds their place.
        if claims.is_some() {
            return Ok(());
        }
        if self.locked {
            return Err(Code::S006.into());
        }
        if self.members.len() >= self.setting.members_max {
            return Err(Code::S005.into());
        }
        Ok(())
    }

    fn come_new(&mut self, now: Instant, entrant: &Entrant, founding: bool) -> ParticipantId {
        // A name that somebody has, or had and may come back to with a token, is another's.
        let is_taken = |id: &ParticipantId| self.members.contains_key(id) || self.past.contains(id);
        let mut id = entrant.id.clone();
        let mut number = 2;
        while is_taken(&id) {
            id = entrant.id.numbered(number);
            number += 1;
        }
        let role = if founding { Role::Host } else { Role::Viewer };
        self.enter(now, &id, entrant, role, founding, None);
        id
    }

    fn come_back(&mut self, now: Instant, entrant: &Entrant, claims: &Claims) -> Coming {
        let id = &claims.participant;
        // What the room knows beats what a token says.
        let known = self.members.get(id).map(|member| Past { role: member.role(), founder: member.founder });
        let past = known.or_else(|| self.past.remove(id));
        // Where nothing was forgotten, who is not known was forgotten among very many, and its token may be an old one.
        let claimed = Past { role: claims.role, founder: claims.role == Role::Host };
        let stranger = Past { role: Role::Viewer, founder: false };
        let believed = past.unwrap_or(if self.is_formed_again() { claimed } else { stranger });
        let arrival = self.members.get(id).map(|member| member.arrival);
        let role = self.role_on_return(now, id, believed.role, claims.issue);
        self.issue = self.issue.max(claims.issue);
        self.drop_from_call(id);
        let mut actions = VecDeque::new();
        let coming = if let Some(mut former) = self.members.remove(id) {
            actions = std::mem::take(&mut former.actions);
            if let Some(socket) = former.socket().filter(|socket| *socket != entrant.socket) {
                let said = Said::new("room-closing", json!({ "in": 0, "reason": "you joined from elsewhere" }));
                self.outputs.push_back(Output::Emit { to: vec![socket], said });
                self.outputs.extend([Output::Out(socket), Output::Close(socket)]);
            }
            Coming::Back
        } else {
            Coming::New
        };
        self.enter(now, id, entrant, role, believed.founder, arrival);
        if let Some(member) = self.members.get_mut(id) {
            // What was sent before the connection broke may be sent once more now.
            member.actions = actions;
        }
        coming
    }

    /// The role somebody gets who comes back with a token.
    fn role_on_return(&mut self, now: Instant, id: &ParticipantId, believed: Role, issue: u64) -> Role {
        if believed != Role::Host {
            return believed;
        }
        let other = self.host().map(|(other, _)| other.clone()).filter(|other| other != id);
        match (other, self.formed_by) {
            (None, formed_by) => {
                self.formed_by = formed_by.map(|_| issue);
                Role::Host
            }
            // Of several hosts that remember a forgotten room, the one named last is right.
            (Some(other), Some(formed_by)) if issue > formed_by => {
                self.formed_by = Some(issue);
                self.demote(now, &other);
                Role::Host
            }
            (Some(_), _) => Role::Cohost,
        }
    }

    fn enter(
        &mut self,
        now: Instant,
        id: &ParticipantId,
        entrant: &Entrant,
        role: Role,
        founder: bool,
        arrival: Option<u64>,
    ) {
        let arrival = arrival.unwrap_or(self.arrivals);
        self.arrivals += 1;
        let mut member = Member::new(id.clone(), entrant.clone(), role, arrival);
        member.founder = founder;
        let says_ready = member.knows_sync();
        self.members.insert(id.clone(), member);
        self.gate.handle_input(now, gate::Input::Joined { who: id.clone(), says_ready });
    }

    fn token(&mut self, now: Instant, who: &ParticipantId) -> String {
        self.issue += 1;
        let claims = Claims {
            room: self.code.clone(),
            room_id: self.id,
            participant: who.clone(),
            role: self.role_of(who).unwrap_or(Role::Viewer),
            issue: self.issue,
            expires: self.server_now(now).plus(self.setting.room_max_age),
        };
        self.setting.signer.sign(&claims)
    }

    /// Everything somebody needs who has just come in, in the contract's order.
    fn welcome(&mut self, now: Instant, who: &ParticipantId, founding: bool) -> Payload {
        let signer = &self.setting.signer;
        let swarm = json!({ "key": hex(&signer.swarm_key(self.id)), "self": hex(&signer.swarm_self(self.id, who)) });
        let ice = self.setting.ice.servers_for(who, self.server_now(now));
        let token = self.token(now, who);
        let people = payload::list(self.members.values().map(Member::shown));
        let answer = ObjectWriter::sized(people.len() + WELCOME_LEN_GUESS)
            .field("success", true)
            .encoded("room", &self.shown_to(who, &people))
            .field("participantId", who.as_str())
            .field("sessionToken", token)
            .field("peerId", self.members.get(who).map(|member| member.peer_id().as_str()))
            .field("iceServers", ice)
            .field("swarm", swarm)
            .end();
        let answer = Payload::encoded(answer);
        let renewal = self.setting.ice.renewal(now);
        if let Some(member) = self.members.get_mut(who) {
            member.ice_due = renewal;
        }
        let name = if founding { "room-created" } else { "room-joined" };
        self.say(who, Said::new(name, answer.clone()));
        if !founding {
            let list = ObjectWriter::sized(people.len() + 32).encoded("participants", &people).end();
            self.say(who, Said::new("participant-list", Payload::encoded(list)));
            self.show_film(who);
            let snapshot = self.snapshot(now, who);
            self.say(who, Said::new("playback-snapshot", snapshot));
            let messages = payload::list(self.chat.iter());
            let history = ObjectWriter::sized(messages.len() + 16).encoded("messages", &messages).end();
            self.say(who, Said::new("chat-history", Payload::encoded(history)));
            self.warn_of_end(now, who);
            self.hold_play_for(now, who);
        }
        answer
    }

    /// The room as its members are told it, for one of them.
    fn shown_to(&self, who: &ParticipantId, people: &str) -> String {
        let shown = ObjectWriter::sized(people.len() + WELCOME_LEN_GUESS)
            .field("code", self.code.as_str())
            .field("host", self.host().map(|(id, _)| id.as_str()))
            .field("role", self.role_of(who).unwrap_or(Role::Viewer).as_str())
            .encoded("participants", people)
            .field("controlMode", self.mode.as_str())
            .field("locked", self.locked)
            .field("policy", self.policy_shown());
        let shown = match &self.mode {
            ControlMode::Chosen(chosen) => {
                shown.field("chosen", chosen.iter().map(ParticipantId::as_str).collect::<Vec<_>>())
            }
            ControlMode::Host | ControlMode::Everyone => shown,
        };
        shown.end()
    }

    pub(super) fn look_whether_empty(&mut self, now: Instant) {
        if self.empty_since.is_none() && !self.members.values().any(Member::is_here) {
            self.empty_since = Some(now);
            self.ask_reports_at = None;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
