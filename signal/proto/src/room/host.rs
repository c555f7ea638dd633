//! Whose room it is: the host's absence, heirs, and getting it back.

use std::time::Instant;

use serde_json::json;

use super::{Member, Room, Said};
use crate::error::{Code, Problem};
use crate::event::HostLeft;
use crate::ids::ParticipantId;
use crate::payload::Payload;
use crate::roles::Role;

impl Room {
    pub(super) fn host(&self) -> Option<(&ParticipantId, &Member)> {
        self.members.iter().find(|(_, member)| member.role() == Role::Host)
    }

    /// The grace is over and no host is here.
    pub(super) fn on_heir_due(&mut self, now: Instant) {
        self.heir_at = None;
        let host = self.host().map(|(id, member)| (id.clone(), member.is_here()));
        match host {
            Some((_, true)) => {}
            Some((previous, false)) => {
                // Its own grace ends at the same moment; should another grace be longer, it counts as gone all the same.
                self.remove(now, &previous, json!({ "id": previous.as_str() }));
                self.choose_heir(now, Some(&previous), "away");
            }
            None => self.choose_heir(now, None, "away"),
        }
    }

    /// The one who was here longest inherits, cohosts before viewers. Nobody here: the room waits.
    pub(super) fn choose_heir(&mut self, now: Instant, previous: Option<&ParticipantId>, reason: &str) {
        self.heir_at = None;
        let here = self.members.iter().filter(|(_, member)| member.is_here());
        let heir = here.min_by_key(|(_, member)| (member.role(), member.arrival)).map(|(id, _)| id.clone());
        if let Some(heir) = heir {
            self.promote(now, &heir, previous, reason);
        }
    }

    pub(super) fn on_claim_host(&mut self, now: Instant, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        let may = self.members.get(who).is_some_and(|member| member.founder && member.role() == Role::Cohost);
        if !may {
            return Err(Problem::new(Code::S008, "only the room's first host, as its cohost, may claim it back"));
        }
        let previous = self.host().map(|(id, _)| id.clone());
        if let Some(previous) = &previous {
            self.demote(now, previous);
        }
        self.promote(now, who, previous.as_ref(), "claimed");
        Ok(None)
    }

    /// Makes a member host and tells everybody. There must be no other host.
    pub(super) fn promote(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        previous: Option<&ParticipantId>,
        reason: &str,
    ) {
        debug_assert!(self.host().is_none_or(|(host, _)| host == who), "a room has one host");
        self.give_role(now, who, Role::Host);
        self.heir_at = None;
        // What the room decides itself, no remembered host changes.
        self.formed_by = self.formed_by.map(|_| u64::MAX);
        let told = json!({ "id": who.as_str(), "previous": previous.map(ParticipantId::as_str), "reason": reason });
        self.say_to_all(Said::new("host-changed", told));
    }

    /// A host that is none any more helps the new one.
    pub(super) fn demote(&mut self, now: Instant, who: &ParticipantId) {
        self.give_role(now, who, Role::Cohost);
    }

    pub(super) fn give_role(&mut self, now: Instant, who: &ParticipantId, role: Role) {
        let Some(member) = self.members.get_mut(who).filter(|member| member.role() != role) else { return };
        member.set_role(role);
        let shown = member.shown().clone();
        self.say_to_all(Said::new("participant-updated", shown));
        self.new_token(now, who);
    }

    /// The film stops for an absent host only where the room chose so.
    pub(super) fn pause_for_host(&mut self, now: Instant) {
        match self.host_left {
            HostLeft::Continue => {}
            HostLeft::Pause => self.pause_by_room(now, "host-left"),
        }
    }
}
