//! One member of a room.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::event::Capabilities;
use crate::ids::{ParticipantId, SocketId, SocketKey};
use crate::roles::Role;

/// Actions remembered by their ids, so that one that is sent twice is done once.
const ACTIONS_KEPT: usize = 256;

/// From this on a client knows scheduled starts, readiness and probes of the clock.
const SYNC_LEVEL: u64 = 2;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) capabilities: Capabilities,
    /// The connection; `None` while away.
    pub(super) socket: Option<SocketKey>,
    /// The connection's public name, also of the last one.
    pub(super) peer_id: SocketId,
    /// Its place in the order of coming, kept over an absence.
    pub(super) arrival: u64,
    pub(super) away_until: Option<Instant>,
    /// The room's first host, who may claim it back.
    pub(super) founder: bool,
    pub(super) in_call: bool,
    pub(super) spectates: bool,
    pub(super) watches_reports: bool,
    pub(super) rtt: Duration,
    pub(super) corrected_at: Option<Instant>,
    pub(super) ice_due: Option<Instant>,
    pub(super) actions: VecDeque<String>,
}

impl Member {
    pub(super) fn new(
        name: String,
        role: Role,
        capabilities: Capabilities,
        socket: SocketKey,
        peer_id: SocketId,
        arrival: u64,
    ) -> Self {
        Self {
            name,
            role,
            capabilities,
            socket: Some(socket),
            peer_id,
            arrival,
            away_until: None,
            founder: false,
            in_call: false,
            spectates: false,
            watches_reports: false,
            rtt: Duration::ZERO,
            corrected_at: None,
            ice_due: None,
            actions: VecDeque::new(),
        }
    }

    pub(super) const fn knows_sync(&self) -> bool {
        self.capabilities.sync >= SYNC_LEVEL
    }

    pub(super) const fn is_here(&self) -> bool {
        self.socket.is_some()
    }

    /// Whether an action is new; from now on it is not.
    pub(super) fn is_new_action(&mut self, action_id: &str) -> bool {
        if self.actions.iter().any(|known| known == action_id) {
            return false;
        }
        self.actions.push_back(action_id.to_owned());
        if self.actions.len() > ACTIONS_KEPT {
            self.actions.pop_front();
        }
        true
    }

    /// As every list and update shows it.
    pub(super) fn shown(&self, id: &ParticipantId) -> Value {
        let mut shown = json!({
            "id": id.as_str(),
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
        shown
    }
}
