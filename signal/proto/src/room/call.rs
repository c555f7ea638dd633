//! Calls: who is in it, who calls whom, and the signalling between them, which nobody reads.

use std::time::Instant;

use serde_json::json;

use super::{Room, Said};
use crate::error::{Code, Problem};
use crate::event::Relay;
use crate::ids::ParticipantId;
use crate::limits::CALL_MAX;
use crate::payload::Payload;

impl Room {
    /// Joins the call: each pair is told of the other, and one of the two to begin.
    pub(super) fn on_ready_for_connection(&mut self, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        let others: Vec<ParticipantId> = self
            .members
            .iter()
            .filter(|(id, member)| *id != who && member.is_in_call())
            .map(|(id, _)| id.clone())
            .collect();
        // Eight in all.
        if others.len() + 1 > CALL_MAX {
            return Err(Code::S015.into());
        }
        let Some(member) = self.members.get_mut(who) else { return Ok(None) };
        let own = member.peer_id().clone();
        if !member.is_in_call() {
            member.set_in_call(true);
            let shown = member.shown().clone();
            self.say_to_all(Said::new("participant-updated", shown));
        }
        for other in others {
            let Some(theirs) = self.members.get(&other).map(|member| member.peer_id().clone()) else { continue };
            let begin = |peer: &str, id: &ParticipantId, initiator: bool| json!({ "peerId": peer, "id": id.as_str(), "initiator": initiator });
            self.say(who, Said::new("start-webrtc", begin(theirs.as_str(), &other, own < theirs)));
            self.say(&other, Said::new("start-webrtc", begin(own.as_str(), who, theirs < own)));
        }
        Ok(None)
    }

    pub(super) fn on_start_webrtc(
        &mut self,
        who: &ParticipantId,
        to: &str,
        initiator: bool,
    ) -> Result<Option<Payload>, Problem> {
        let to = self.member_named(to)?;
        let own = self.peer_id_of(who);
        let told = json!({ "peerId": own, "id": who.as_str(), "initiator": initiator });
        self.say(&to, Said::new("start-webrtc", told));
        Ok(None)
    }

    pub(super) fn on_relay(&mut self, who: &ParticipantId, relay: Relay) -> Result<Option<Payload>, Problem> {
        let to = self.member_named(&relay.to)?;
        let mut told = json!({ "from": self.peer_id_of(who), "fromParticipant": who.as_str() });
        told[relay.kind.field()] = relay.body;
        self.say(&to, Said::new(relay.kind.name(), told));
        Ok(None)
    }

    pub(super) fn on_call_state(
        &mut self,
        who: &ParticipantId,
        audio: bool,
        video: bool,
        screen: bool,
    ) -> Result<Option<Payload>, Problem> {
        let peer = self.peer_id_of(who);
        let told = json!({ "id": who.as_str(), "peerId": peer, "audio": audio, "video": video, "screen": screen });
        let told = Payload::from(told);
        self.say_to_others(who, Said::new("call-state", told.clone()));
        Ok(Some(told))
    }

    pub(super) fn on_leave_call(&mut self, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        if let Some(shown) = self.drop_from_call(who) {
            self.say_to_all(Said::new("participant-updated", shown));
        }
        Ok(None)
    }

    /// Takes a member out of the call; the others' ends of it are told. Says how the member is shown now, if it was in it.
    pub(super) fn drop_from_call(&mut self, who: &ParticipantId) -> Option<Payload> {
        let member = self.members.get_mut(who).filter(|member| member.is_in_call())?;
        member.set_in_call(false);
        let (shown, peer) = (member.shown().clone(), member.peer_id().clone());
        self.say_to_others(who, Said::new("peer-left", json!({ "peerId": peer.as_str(), "id": who.as_str() })));
        Some(shown)
    }

    /// Servers for a member's calls, with fresh credentials.
    pub(super) fn give_ice(&mut self, now: Instant, who: &ParticipantId) -> Option<Payload> {
        let servers = self.setting.ice.servers_for(who, self.server_now(now));
        let told = Payload::from(json!({ "iceServers": servers, "ttl": self.setting.ice.ttl.as_secs() }));
        let renewal = self.setting.ice.renewal(now);
        self.members.get_mut(who)?.ice_due = renewal;
        self.say(who, Said::new("ice-servers", told.clone()));
        Some(told)
    }

    /// Credentials that run out soon are replaced.
    pub(super) fn renew_ice(&mut self, now: Instant) {
        let due: Vec<ParticipantId> = self
            .members
            .iter()
            .filter(|(_, member)| member.ice_due.is_some_and(|at| at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for who in due {
            if self.members.get(&who).is_some_and(super::Member::is_here) {
                self.give_ice(now, &who);
            } else if let Some(member) = self.members.get_mut(&who) {
                // Whoever comes back gets new ones then.
                member.ice_due = None;
            }
        }
    }

    /// A member of this room that is here, by either of its ids.
    fn member_named(&self, name: &str) -> Result<ParticipantId, Problem> {
        let is_it =
            |id: &ParticipantId, member: &super::Member| id.as_str() == name || member.peer_id().as_str() == name;
        let found = self.members.iter().find(|(id, member)| is_it(id, member) && member.is_here());
        found.map(|(id, _)| id.clone()).ok_or_else(|| Code::S014.into())
    }

    fn peer_id_of(&self, who: &ParticipantId) -> &str {
        self.members.get(who).map_or("", |member| member.peer_id().as_str())
    }
}
