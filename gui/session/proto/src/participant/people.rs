//! Who is in the room, and what they told of themselves.

use std::collections::BTreeMap;

use signal_proto::event::{Participant as Member, Report};
use signal_proto::ids::ParticipantId;

use crate::limits::PEOPLE_MAX;

/// Everybody in the room.
#[derive(Debug, Default)]
pub(super) struct People(BTreeMap<ParticipantId, Known>);

/// Somebody, and their last word.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) member: Member,
    pub(super) report: Option<Report>,
    /// Whether they can play, and the seconds they have ahead.
    pub(super) ready: Option<(bool, Option<f64>)>,
}

impl People {
    /// These are all; what is known of those who stay is kept.
    pub(super) fn replace(&mut self, list: Vec<Member>) {
        let mut before = std::mem::take(&mut self.0);
        for member in list.into_iter().take(PEOPLE_MAX) {
            let known = before.remove(&member.id);
            let (report, ready) = known.map_or((None, None), |known| (known.report, known.ready));
            self.0.insert(member.id.clone(), Known { member, report, ready });
        }
    }

    /// Somebody came or is shown otherwise; says how they were known before.
    pub(super) fn put(&mut self, member: Member) -> Option<Member> {
        if let Some(known) = self.0.get_mut(&member.id) {
            return Some(std::mem::replace(&mut known.member, member));
        }
        if self.0.len() < PEOPLE_MAX {
            self.0.insert(member.id.clone(), Known { member, report: None, ready: None });
        }
        None
    }

    pub(super) fn remove(&mut self, id: &ParticipantId) -> Option<Known> {
        self.0.remove(id)
    }

    pub(super) fn get(&self, id: &ParticipantId) -> Option<&Known> {
        self.0.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &ParticipantId) -> Option<&mut Known> {
        self.0.get_mut(id)
    }

    pub(super) fn name(&self, id: &ParticipantId) -> Option<&str> {
        self.0.get(id).map(|known| known.member.name.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Another film, or another place in it: what was said of readiness is about something else.
    pub(super) fn forget_readiness(&mut self) {
        self.0.values_mut().for_each(|known| known.ready = None);
    }
}
