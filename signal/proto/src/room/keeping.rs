//! A room as text, so that another process of the server can go on with it: everything a room knows, with moments as how long ago
//! they were, since clocks of two processes have nothing in common.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::film::Film;
use super::playback::{HeldPlay, Wish};
use super::remembered::Remembered;
use super::{Entrant, Member, Past, Room, Setting};
use crate::event::{Capabilities, HostLeft};
use crate::ids::{ActionId, ParticipantId, RoomCode, SocketId, SocketKey};
use crate::limits::{KICKED_MAX, PAST_MAX};
use crate::payload::Payload;
use crate::playback::{Anchor, PlaybackState};
use crate::roles::{ControlMode, Role};
use crate::sync::gate::{Gate, KeptGate, WaitPolicy};
use crate::time::{Ago, MediaTime, Rate};
use crate::token::RoomId;

/// Counts changes of the form. Another one is not read: processes of two versions do not share rooms.
const VERSION: u32 = 1;

/// Text that is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a room as this version keeps it")]
pub struct NoRoom;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    code: RoomCode,
    id: RoomId,
    born: Ago,
    members: Vec<KeptMember>,
    arrivals: u64,
    /// In the order in which they are forgotten.
    past: Vec<(ParticipantId, Past)>,
    kicked: Vec<ParticipantId>,
    heir_at: Option<Ago>,
    empty_since: Option<Ago>,
    issue: u64,
    formed_by: Option<u64>,
    believed: (u64, u64),
    mode: ControlMode,
    locked: bool,
    wait: WaitPolicy,
    host_left: HostLeft,
    film: Option<Film>,
    subtitles: VecDeque<(String, String)>,
    anchor: KeptAnchor,
    gate: KeptGate,
    wish: Option<Wish>,
    sought_seq: u64,
    /// Milliseconds until then.
    deadline: Option<i64>,
    held: Option<KeptPlay>,
    ask_reports_at: Option<Ago>,
    chat: VecDeque<String>,
    chat_numbered: u64,
    closing_told: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptMember {
    id: ParticipantId,
    name: String,
    role: Role,
    capabilities: Capabilities,
    here: bool,
    peer_id: SocketId,
    in_call: bool,
    spectates: bool,
    arrival: u64,
    away_until: Option<Ago>,
    founder: bool,
    watches_reports: bool,
    rtt: Duration,
    corrected_at: Option<Ago>,
    ice_due: Option<Ago>,
    actions: VecDeque<ActionId>,
}

#[derive(Serialize, Deserialize)]
struct KeptAnchor {
    epoch: u64,
    seq: u64,
    state: PlaybackState,
    position: MediaTime,
    /// Milliseconds from then to the moment of keeping; negative for a start that is scheduled.
    age: i64,
    rate: Rate,
    action_id: ActionId,
    by: Option<ParticipantId>,
}

#[derive(Serialize, Deserialize)]
struct KeptPlay {
    told: Value,
    seq: u64,
    due: Vec<(Ago, ParticipantId)>,
}

impl Room {
    /// Everything this room knows, for [`Room::restore`] there or here. Outputs must have been taken.
    pub fn keep(&self, now: Instant) -> String {
        let server_now = self.server_now(now);
        let ago = |at: Instant| Ago::of(now, at);
        let kept = Kept {
            version: VERSION,
            code: self.code.clone(),
            id: self.id,
            born: ago(self.born),
            members: self.members.iter().map(|(id, member)| member.keep(now, id)).collect(),
            arrivals: self.arrivals,
            past: self.past.in_order().map(|(who, past)| (who.clone(), *past)).collect(),
            kicked: self.kicked.in_order().map(|(who, ())| who.clone()).collect(),
            heir_at: self.heir_at.map(ago),
            empty_since: self.empty_since.map(ago),
            issue: self.issue,
            formed_by: self.formed_by,
            believed: self.believed,
            mode: self.mode.clone(),
            locked: self.locked,
            wait: self.wait,
            host_left: self.host_left,
            film: self.film.clone(),
            subtitles: self.subtitles.iter().map(|(key, told)| (key.clone(), told.as_str().to_owned())).collect(),
            anchor: KeptAnchor {
                epoch: self.anchor.epoch,
                seq: self.anchor.seq,
                state: self.anchor.state,
                position: self.anchor.position,
                age: server_now.millis_since(self.anchor.at),
                rate: self.anchor.rate,
                action_id: self.anchor.action_id.clone(),
                by: self.anchor.by.clone(),
            },
            gate: self.gate.keep(now),
            wish: self.wish.clone(),
            sought_seq: self.sought_seq,
            deadline: self.deadline.map(|deadline| deadline.millis_since(server_now)),
            held: self.held.as_ref().map(|held| KeptPlay {
                told: held.told.clone(),
                seq: held.seq,
                due: held.due.iter().map(|(at, who)| (ago(*at), who.clone())).collect(),
            }),
            ask_reports_at: self.ask_reports_at.map(ago),
            chat: self.chat.iter().map(|told| told.as_str().to_owned()).collect(),
            chat_numbered: self.chat_numbered,
            closing_told: self.closing_told,
        };
        serde_json::to_string(&kept).expect("all keys of its maps are text")
    }

    /// A room as it was kept, `age` before now. Whoever was here then is here by the connection that `socket_of` gives.
    ///
    /// # Errors
    /// [`NoRoom`] for what another version wrote, or nobody.
    pub fn restore(
        now: Instant,
        setting: Arc<Setting>,
        text: &str,
        age: Duration,
        mut socket_of: impl FnMut(&ParticipantId, &SocketId) -> SocketKey,
    ) -> Result<Self, NoRoom> {
        let kept: Kept = serde_json::from_str(text).map_err(|_| NoRoom)?;
        if kept.version != VERSION {
            return Err(NoRoom);
        }
        let server_then = setting.clock.at(now).minus(age);
        let at = |ago: Ago| ago.before(now, age);
        let mut room = Self::new(now, setting, kept.code, kept.id);
        room.born = at(kept.born);
        room.members = kept
            .members
            .into_iter()
            .map(|member| {
                let socket = member.here.then(|| socket_of(&member.id, &member.peer_id));
                (member.id.clone(), Member::restore(now, age, member, socket))
            })
            .collect::<BTreeMap<_, _>>();
        room.arrivals = kept.arrivals;
        room.past = Remembered::from_order(PAST_MAX, kept.past);
        room.kicked = Remembered::from_order(KICKED_MAX, kept.kicked.into_iter().map(|who| (who, ())));
        room.heir_at = kept.heir_at.map(at);
        room.empty_since = kept.empty_since.map(at);
        room.issue = kept.issue;
        room.formed_by = kept.formed_by;
        room.believed = kept.believed;
        room.mode = kept.mode;
        room.locked = kept.locked;
        room.wait = kept.wait;
        room.host_left = kept.host_left;
        room.film = kept.film;
        room.subtitles = kept.subtitles.into_iter().map(|(key, told)| (key, Payload::encoded(told))).collect();
        room.anchor = Anchor {
            epoch: kept.anchor.epoch,
            seq: kept.anchor.seq,
            state: kept.anchor.state,
            position: kept.anchor.position,
            at: server_then.plus_millis(-kept.anchor.age),
            rate: kept.anchor.rate,
            action_id: kept.anchor.action_id,
            by: kept.anchor.by,
        };
        room.gate = Gate::restore(kept.gate, at);
        room.wish = kept.wish;
        room.sought_seq = kept.sought_seq;
        room.deadline = kept.deadline.map(|ms| server_then.plus_millis(ms));
        room.held = kept.held.map(|held| HeldPlay {
            told: held.told,
            seq: held.seq,
            due: held.due.into_iter().map(|(due, who)| (at(due), who)).collect(),
        });
        room.ask_reports_at = kept.ask_reports_at.map(at);
        room.chat = kept.chat.into_iter().map(Payload::encoded).collect();
        room.chat_numbered = kept.chat_numbered;
        room.closing_told = kept.closing_told;
        Ok(room)
    }
}

impl Member {
    fn keep(&self, now: Instant, id: &ParticipantId) -> KeptMember {
        let ago = |at: Instant| Ago::of(now, at);
        KeptMember {
            id: id.clone(),
            name: self.name().to_owned(),
            role: self.role(),
            capabilities: self.capabilities().clone(),
            here: self.is_here(),
            peer_id: self.peer_id().clone(),
            in_call: self.is_in_call(),
            spectates: self.is_spectating(),
            arrival: self.arrival,
            away_until: self.away_until.map(ago),
            founder: self.founder,
            watches_reports: self.watches_reports,
            rtt: self.rtt,
            corrected_at: self.corrected_at.map(ago),
            ice_due: self.ice_due.map(ago),
            actions: self.actions.clone(),
        }
    }

    fn restore(now: Instant, age: Duration, kept: KeptMember, socket: Option<SocketKey>) -> Self {
        let at = |ago: Ago| ago.before(now, age);
        let entrant = Entrant {
            id: kept.id.clone(),
            name: kept.name,
            capabilities: kept.capabilities,
            socket: socket.unwrap_or(SocketKey(u64::MAX)),
            peer_id: kept.peer_id,
        };
        let mut member = Self::new(kept.id, entrant, kept.role, kept.arrival);
        if socket.is_none() {
            member.lose_connection(kept.away_until.map_or(now, at));
        }
        member.away_until = kept.away_until.map(at);
        if kept.in_call {
            member.set_in_call(true);
        }
        if kept.spectates {
            member.set_spectating(true);
        }
        member.founder = kept.founder;
        member.watches_reports = kept.watches_reports;
        member.rtt = kept.rtt;
        member.corrected_at = kept.corrected_at.map(at);
        member.ice_due = kept.ice_due.map(at);
        member.actions = kept.actions;
        member
    }
}
