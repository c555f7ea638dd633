//! Rooms begin: by somebody who creates one, or anew from what members know of one that the server forgot.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Capabilities, HostLeft, RoomSnapshot};
use crate::ids::{ParticipantId, RoomCode, SocketId, SocketKey};
use crate::limits::{KICKED_MAX, PAST_MAX};
use crate::playback::{Anchor, PlaybackState};
use crate::roles::ControlMode;
use crate::room::film::Film;
use crate::sync::gate::{self, Gate, WaitPolicy};
use crate::time::Rate;
use crate::token::RoomId;

use super::remembered::Remembered;
use super::{Room, Said, Setting};

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
            past: Remembered::up_to(PAST_MAX),
            kicked: Remembered::up_to(KICKED_MAX),
            heir_at: None,
            empty_since: Some(now),
            issue: 0,
            formed_by: None,
            believed: (0, 0),
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
            held: None,
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
        room.believed = room.anchor.order();
        room.believe(now, snapshot);
        room
    }

    /// Whether this room was forgotten once and goes by what members remember.
    pub(super) const fn is_formed_again(&self) -> bool {
        self.formed_by.is_some()
    }

    /// Takes over what a member remembers, if it is later than what others remembered, and nobody has moved the film since:
    /// what a living room does itself beats memories.
    pub(super) fn believe(&mut self, now: Instant, snapshot: &RoomSnapshot) {
        let is_alive = self.believed != self.anchor.order();
        if !self.is_formed_again() || is_alive || snapshot.order <= self.believed {
            return;
        }
        let server_now = self.server_now(now);
        let age = Duration::from_millis(snapshot.age_ms);
        let plays = snapshot.playing && age <= SNAPSHOT_AGE_MAX;
        let seconds = if snapshot.playing { age.min(SNAPSHOT_AGE_MAX).as_secs_f64() } else { 0.0 };
        // A later film may have been told of with an earlier anchor; anchors are counted on all the same.
        let seq = snapshot.order.1.max(self.anchor.seq);
        self.forget_plans();
        self.anchor = Anchor {
            epoch: snapshot.order.0,
            seq,
            state: if plays { PlaybackState::Playing } else { PlaybackState::Paused },
            position: snapshot.position.plus(seconds),
            at: server_now,
            rate: Rate::ONE,
            action_id: format!("room-again-{seq}").into(),
            by: None,
        };
        (self.believed, self.sought_seq) = (self.anchor.order(), seq);
        let movie = snapshot.movie.clone();
        let is_film = snapshot.magnet.is_some() || movie.is_some();
        let name = movie.as_ref().map(|movie| movie.name.clone());
        self.film = is_film.then(|| Film { magnet: snapshot.magnet.clone(), stream_path: None, name, movie });
        self.gate
            .handle_input(now, if is_film { gate::Input::FilmNamed } else { gate::Input::Film { present: false } });
        if plays {
            // It runs already, for people who are already watching: nobody is waited for.
            self.gate.handle_input(now, gate::Input::Play);
            self.gate.handle_input(now, gate::Input::StartAnyway);
            self.ask_reports_at = Some(now + super::talk::REPORTS_EVERY);
        } else {
            self.gate.handle_input(now, gate::Input::Stopped);
        }
        while self.gate.poll_output().is_some() {}
        self.tell_memory(now, plays);
    }

    /// Who is here already, by an earlier memory, goes on from the later one.
    fn tell_memory(&mut self, now: Instant, plays: bool) {
        let here: Vec<ParticipantId> = self.members.keys().cloned().collect();
        here.iter().for_each(|who| self.show_film(who));
        let told = self.moved(now, None);
        self.say_to_all(Said::new(if plays { "sync-play" } else { "sync-pause" }, told));
        self.say_state(now);
    }
}
