//! One member of a room.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Entrant;
use crate::event::Capabilities;
use crate::ids::{ActionId, ParticipantId, SocketId, SocketKey};
use crate::payload::Payload;
use crate::roles::Role;

/// Actions remembered by their ids, so that one that is sent twice is done once.
const ACTIONS_KEPT: usize = 256;

/// From this on a client knows scheduled starts, readiness and probes of the clock.
const SYNC_LEVEL: u64 = 2;

#[derive(Debug)]
pub(super) struct Member {
    id: ParticipantId,
    name: String,
    role: Role,
    capabilities: Capabilities,
    /// The connection; `None` while away.
    socket: Option<SocketKey>,
    /// The connection's public name, also of the last one.
    peer_id: SocketId,
    in_call: bool,
    spectates: bool,
    /// As every list and update shows it. Invariant: it says what the fields above do. Whoever comes in is told of everybody, so it
    /// is encoded when something changes.
    shown: Payload,
    /// Its place in the order of coming, kept over an absence.
    pub(super) arrival: u64,
    pub(super) away_until: Option<Instant>,
    /// The room's first host, who may claim it back.
    pub(super) founder: bool,
    pub(super) watches_reports: bool,
    pub(super) rtt: Duration,
    pub(super) corrected_at: Option<Instant>,
    pub(super) ice_due: Option<Instant>,
    pub(super) actions: VecDeque<ActionId>,
}

impl Member {
    pub(super) fn new(id: ParticipantId, entrant: Entrant, role: Role, arrival: u64) -> Self {
        let mut member = Self {
            id,
            name: entrant.name,
            role,
            capabilities: entrant.capabilities,
            socket: Some(entrant.socket),
            peer_id: entrant.peer_id,
            in_call: false,
            spectates: false,
            shown: Payload::encoded(""),
            arrival,
            away_until: None,
            founder: false,
            watches_reports: false,
            rtt: Duration::ZERO,
            corrected_at: None,
            ice_due: None,
            actions: VecDeque::new(),
        };
        member.show();
        member
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    pub(super) const fn socket(&self) -> Option<SocketKey> {
        self.socket
    }

    pub(super) const fn peer_id(&self) -> &SocketId {
        &self.peer_id
    }

    pub(super) const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(super) const fn is_spectating(&self) -> bool {
        self.spectates
    }

    pub(super) const fn is_in_call(&self) -> bool {
        self.in_call
    }

    /// As every list and update shows it.
    pub(super) const fn shown(&self) -> &Payload {
        &self.shown
    }

    pub(super) const fn knows_sync(&self) -> bool {
        self.capabilities.sync >= SYNC_LEVEL
    }

    pub(super) const fn is_here(&self) -> bool {
        self.socket.is_some()
    }

    /// Whether an action is new; from now on it is not.
    pub(super) fn is_new_action(&mut self, action_id: &ActionId) -> bool {
        if self.actions.contains(action_id) {
            return false;
        }
        self.actions.push_back(action_id.clone());
        if self.actions.len() > ACTIONS_KEPT {
            self.actions.pop_front();
        }
        true
    }

    pub(super) fn set_role(&mut self, role: Role) {
        self.role = role;
        self.show();
    }

    pub(super) fn set_in_call(&mut self, in_call: bool) {
        self.in_call = in_call;
        self.show();
    }

    pub(super) fn set_spectating(&mut self, spectates: bool) {
        self.spectates = spectates;
        self.show();
    }

    /// The connection is gone; it counts as here again when a new one comes, as another `Member`.
    pub(super) fn lose_connection(&mut self, away_until: Instant) {
        (self.socket, self.away_until) = (None, Some(away_until));
        self.show();
    }

    /// The person is here again by a connection that another process kept.
    pub(super) fn regain_connection(&mut self, socket: SocketKey) {
        (self.socket, self.away_until) = (Some(socket), None);
        self.show();
    }

    fn show(&mut self) {
        let mut shown = json!({
            "id": self.id.as_str(),
            "name": self.name,
            "role": self.role.as_str(),
            "peerId": self.peer_id.as_str(),
            "capabilities": self.capabilities.shown,
            "away": !self.is_here(),
        });
        if self.in_call {
            shown["inCall"] = true.into();
        }
        if self.spectates {
            shown["spectating"] = true.into();
        }
        self.shown = shown.into();
    }
}
