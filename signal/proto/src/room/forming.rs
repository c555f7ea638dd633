//! Rooms begin: by somebody who creates one, or anew from what members know of one that the server forgot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Capabilities, HostLeft, RoomSnapshot};
use crate::ids::{ParticipantId, RoomCode, SocketId, SocketKey};
use crate::playback::{Anchor, Cause, PlaybackState};
use crate::roles::ControlMode;
use crate::room::film::Film;
use crate::sync::gate::{self, Gate, WaitPolicy};
use crate::time::Rate;
use crate::token::RoomId;

use super::{Room, Setting};

/// A snapshot older than this is not worth playing on from: the film is paused where it was.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(600);

/// Somebody at the door.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// Its own name for itself.
    pub id: ParticipantId,
    /// Shown to people.
    pub name: String,
    /// What its client can do.
    pub capabilities: Capabilities,
    /// Its connection.
    pub socket: SocketKey,
    /// The connection's public name.
    pub peer_id: SocketId,
}

impl Room {
    /// An empty room.
    pub fn new(now: Instant, setting: Arc<Setting>, code: RoomCode, id: RoomId) -> Self {
        let anchor = Anchor::new(setting.clock.at(now));
        Self {
            setting,
            code,
            id,
            born: now,
            members: BTreeMap::new(),
            arrivals: 0,
            past: BTreeMap::new(),
            kicked: BTreeSet::new(),
            heir_at: None,
            empty_since: Some(now),
            issue: 0,
            formed_by: None,
            mode: ControlMode::default(),
            locked: false,
            wait: WaitPolicy::default(),
            host_left: HostLeft::default(),
            film: None,
            subtitles: VecDeque::new(),
            anchor,
            gate: Gate::new(WaitPolicy::default()),
            wish: None,
            sought_seq: 0,
            deadline: None,
            held: Vec::new(),
            ask_reports_at: None,
            chat: VecDeque::new(),
            chat_numbered: 0,
            closing_told: false,
            over: false,
            outputs: VecDeque::new(),
        }
    }

    /// A room that the server forgot, as one of its members remembers it. The member still has to come in.
    pub fn form_again(
        now: Instant,
        setting: Arc<Setting>,
        code: RoomCode,
        id: RoomId,
        snapshot: &RoomSnapshot,
    ) -> Self {
        let mut room = Self::new(now, setting, code, id);
        room.formed_by = Some(0);
        room.believe(now, snapshot);
        room
    }

    /// Whether this room was forgotten once and goes by what members remember.
    pub(super) const fn is_formed_again(&self) -> bool {
        self.formed_by.is_some()
    }

    /// Takes over what a member remembers, if it is later than what is known.
    pub(super) fn believe(&mut self, now: Instant, snapshot: &RoomSnapshot) {
        if !self.is_formed_again() || snapshot.order <= self.anchor.order() {
            return;
        }
        let server_now = self.server_now(now);
        let age = Duration::from_millis(snapshot.age_ms);
        let plays = snapshot.playing && age <= SNAPSHOT_AGE_MAX;
        let seconds = if snapshot.playing { age.min(SNAPSHOT_AGE_MAX).as_secs_f64() } else { 0.0 };
        self.anchor = Anchor {
            epoch: snapshot.order.0,
            seq: snapshot.order.1,
            state: if plays { PlaybackState::Playing } else { PlaybackState::Paused },
            position: snapshot.position.plus(seconds),
            at: server_now,
            rate: Rate::ONE,
            action_id: String::new(),
            by: Cause::room("").by,
        };
        self.sought_seq = snapshot.order.1;
        self.kicked.extend(snapshot.kicked.iter().cloned());
        if let Some(magnet) = &snapshot.magnet {
            let movie = snapshot.movie.clone();
            let name = movie.as_ref().map(|movie| movie.name.clone());
            self.film = Some(Film { magnet: Some(magnet.clone()), stream_path: None, name, movie });
            self.gate.handle_input(now, gate::Input::FilmNamed);
        }
        if plays {
            // It runs already, for people who are already watching: nobody is waited for.
            self.gate.handle_input(now, gate::Input::Play);
            while self.gate.poll_output().is_some() {}
            self.ask_reports_at = Some(now + super::talk::REPORTS_EVERY);
        }
    }
}
