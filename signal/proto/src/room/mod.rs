//! A room: who is in it, what they watch, where they are in it, and who may change that.
//!
//! This file holds the state, the doors and the timers. Coming and going is in `people`, its order of heirs in `host`, the film in
//! `film`, playing in step in `playback`, chat and reports in `talk`, calls in `call`, what hosts change in `manage`; `forming`
//! makes rooms, new ones and those that a server forgot.

mod call;
mod film;
mod forming;
mod host;
mod keeping;
mod manage;
mod member;
mod people;
mod playback;
mod remembered;
mod setting;
mod talk;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use forming::Entrant;
pub use keeping::NoRoom;
pub use setting::{IceSetting, Setting, TurnAuth};

use crate::error::{Code, Problem};
use crate::event::{ClientEvent, HostLeft};
use crate::ids::{ParticipantId, RoomCode, SocketKey};
use crate::payload::Payload;
use crate::playback::Anchor;
use crate::roles::{ControlMode, Power, Role};
use crate::sync::gate::{Gate, WaitPolicy};
use crate::time::ServerTime;
use crate::token::{Claims, RoomId};
use film::Film;
use member::Member;
use playback::{HeldPlay, Wish};
use remembered::Remembered;

/// People are warned so long before an old room ends.
const CLOSING_WARNED: Duration = Duration::from_secs(120);
const TOO_OLD: &str = "the room is older than rooms may get";

/// A room with somebody in it, or waiting for them.
#[derive(Debug)]
pub struct Room {
    setting: Arc<Setting>,
    code: RoomCode,
    id: RoomId,
    born: Instant,
    members: BTreeMap<ParticipantId, Member>,
    /// Counts members as they come: who was here longest.
    arrivals: u64,
    past: Remembered<Past>,
    kicked: Remembered<()>,
    /// When a room without its host gets another.
    heir_at: Option<Instant>,
    /// Since when nobody is connected.
    empty_since: Option<Instant>,
    /// Counts tokens.
    issue: u64,
    /// The issue of the token that made a forgotten room's host; `None` for a room that was never forgotten.
    formed_by: Option<u64>,
    /// The anchor that members' memories led to; another one is the living room's own.
    believed: (u64, u64),
    mode: ControlMode,
    locked: bool,
    wait: WaitPolicy,
    host_left: HostLeft,
    film: Option<Film>,
    /// By their magnets.
    subtitles: VecDeque<(String, Payload)>,
    anchor: Anchor,
    gate: Gate,
    /// What plays once the gate opens.
    wish: Option<Wish>,
    /// The anchor of the last seek or film: readiness for an earlier one is stale.
    sought_seq: u64,
    /// When a wait is over, for telling.
    deadline: Option<ServerTime>,
    held: Option<HeldPlay>,
    ask_reports_at: Option<Instant>,
    chat: VecDeque<Payload>,
    chat_numbered: u64,
    closing_told: bool,
    over: bool,
    outputs: VecDeque<Output>,
}

/// What is remembered of somebody who left.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Past {
    role: Role,
    founder: bool,
}

/// What a room wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send an event.
    Emit {
        /// To whom, in the order of their ids.
        to: Vec<SocketKey>,
        /// What.
        said: Said,
    },
    /// This connection is in no room any more.
    Out(SocketKey),
    /// And is to be closed, once what was sent is with it.
    Close(SocketKey),
}

/// An event with its one payload object.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Its name.
    pub name: &'static str,
    /// What it carries.
    pub payload: Payload,
}

/// Why a room wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// Somebody is away for too long.
    Away,
    /// Another host is due.
    Heir,
    /// A wait, or a stall's grace, is over.
    Gate,
    /// A start is due for those who play at once.
    HeldPlay,
    /// Everybody's report is asked for.
    Reports,
    /// Credentials run out.
    Ice,
    /// The room is too old, or empty for too long.
    End,
}

impl Room {
    /// Takes in an event of a member; the answer is for its acknowledgement. `None`: it was done, there is no more to say.
    ///
    /// # Errors
    /// [`Problem`] when the member may not, or it makes no sense now; nothing has changed then.
    pub fn handle_event(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        event: ClientEvent,
    ) -> Result<Option<Payload>, Problem> {
        if !self.members.contains_key(who) {
            return Err(Problem::new(Code::S008, "you are in no room"));
        }
        let answer = match event {
            ClientEvent::CreateRoom { .. } | ClientEvent::JoinRoom { .. } => {
                debug_assert!(false, "the lobby makes and enters rooms");
                Ok(None)
            }
            ClientEvent::LeaveRoom => {
                self.leave(now, who);
                Ok(None)
            }
            ClientEvent::TorrentMagnet { magnet, stream_path, name } => {
                self.on_magnet(now, who, magnet, stream_path, name)
            }
            ClientEvent::MovieLoaded(news) => self.on_movie_loaded(now, who, news),
            ClientEvent::MediaCleared => self.on_media_cleared(now, who),
            ClientEvent::SyncPlay(time, action) => self.on_play(now, who, time, action),
            ClientEvent::SyncPause(time, action) => self.on_pause(now, who, time, action),
            ClientEvent::SyncSeek(time, action) => self.on_seek(now, who, time, action),
            ClientEvent::SetRate(rate, action) => self.on_set_rate(now, who, rate, action),
            ClientEvent::StartAnyway => self.on_start_anyway(now, who),
            ClientEvent::ReadyState { epoch, seq, ready, ahead, forecast } => {
                self.on_ready_state(now, who, (epoch, seq), ready);
                self.show_readiness(who, ready, ahead, forecast.as_ref());
                Ok(None)
            }
            ClientEvent::SyncCheck { probe } => self.on_sync_check(now, who, probe),
            ClientEvent::SyncReport(report) => self.on_sync_report(now, who, report),
            ClientEvent::SyncCorrect { time, playing, action_id } => {
                self.on_sync_correct(who, time, playing, &action_id)
            }
            ClientEvent::WatchReports(on) => self.on_watch_reports(who, on),
            ClientEvent::SetSpectating(on) => self.on_set_spectating(now, who, on),
            ClientEvent::StartWebrtc { to, initiator } => self.on_start_webrtc(who, &to, initiator),
            ClientEvent::Relay(relay) => self.on_relay(who, relay),
            ClientEvent::ReadyForConnection => self.on_ready_for_connection(who),
            ClientEvent::CallState { audio, video, screen } => self.on_call_state(who, audio, video, screen),
            ClientEvent::LeaveCall => self.on_leave_call(who),
            ClientEvent::GetIceServers => Ok(self.give_ice(now, who)),
            ClientEvent::SubtitleShared { magnet, name, language } => {
                self.on_subtitle(who, &magnet, &name, language.as_deref())
            }
            ClientEvent::ChatMessage { text, client_id, media_time } => {
                self.on_chat(now, who, &text, client_id, media_time)
            }
            ClientEvent::ClaimHost => self.on_claim_host(now, who),
            ClientEvent::SetControlMode(mode) => self.on_set_control_mode(who, mode),
            ClientEvent::SetRole(other, role) => self.on_set_role(now, who, &other, role),
            ClientEvent::Kick(other) => self.on_kick(now, who, &other),
            ClientEvent::LockRoom(locked) => self.on_lock(who, locked),
            ClientEvent::SetPolicy(wait, host_left) => self.on_set_policy(now, who, wait, host_left),
            ClientEvent::EndRoom => self.on_end_room(who),
        };
        self.follow_gate(now);
        answer
    }

    /// The round trip to a member, as the server's own pings measure it.
    pub fn handle_round_trip(&mut self, who: &ParticipantId, rtt: Duration) {
        if let Some(member) = self.members.get_mut(who) {
            member.rtt = rtt;
        }
    }

    /// Does what [`Room::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.drop_away(now);
        if self.heir_at.is_some_and(|at| at <= now) {
            self.on_heir_due(now);
        }
        if self.gate.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.gate.handle_timeout(now);
        }
        self.follow_gate(now);
        self.release_held(now);
        if self.ask_reports_at.is_some_and(|at| at <= now) {
            self.ask_for_reports(now);
        }
        self.renew_ice(now);
        self.look_at_age(now);
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Room::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        if self.over {
            return None;
        }
        let of_members = self.members.values().flat_map(|member| {
            let away = member.away_until.map(|at| (at, Wake::Away));
            away.into_iter().chain(member.ice_due.map(|at| (at, Wake::Ice)))
        });
        let end = match self.empty_since {
            Some(since) => (since + self.setting.room_idle).min(self.end_of_age()),
            None if self.closing_told => self.end_of_age(),
            None => self.end_of_age() - CLOSING_WARNED.min(self.setting.room_max_age),
        };
        let others = [
            self.heir_at.map(|at| (at, Wake::Heir)),
            self.gate.poll_timeout().map(|(at, _)| (at, Wake::Gate)),
            self.held.as_ref().and_then(HeldPlay::due_at).map(|at| (at, Wake::HeldPlay)),
            self.ask_reports_at.map(|at| (at, Wake::Reports)),
            Some((end, Wake::End)),
        ];
        of_members.chain(others.into_iter().flatten()).min()
    }

    /// It has ended: forget it.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Everybody here is told that the server goes and comes back.
    pub fn handle_drain(&mut self, retry_after: Duration) {
        self.say_to_all(Said::new("server-restarting", json!({ "retryAfter": retry_after.as_secs() })));
    }

    /// Its code.
    pub const fn code(&self) -> &RoomCode {
        &self.code
    }

    /// Which of all rooms that ever had this code.
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// Whether a token's bearer has a place here: it is of this room, not of an earlier one, and the host did not remove them.
    pub fn has_place_for(&self, claims: &Claims) -> bool {
        claims.room_id == self.id && !self.kicked.contains(&claims.participant)
    }

    /// Members, those who are away too.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Where the film is, and since when.
    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// A member's connection, while it is here.
    pub(crate) fn socket_of(&self, who: &ParticipantId) -> Option<SocketKey> {
        self.members.get(who).and_then(Member::socket)
    }

    /// A member's role.
    pub fn role_of(&self, who: &ParticipantId) -> Option<Role> {
        self.members.get(who).map(Member::role)
    }

    /// Whether a member may, and the problem to tell if not.
    fn check(&self, who: &ParticipantId, power: Power) -> Result<(), Problem> {
        let role = self.role_of(who).unwrap_or(Role::Viewer);
        if self.mode.allows(power, who, role) {
            return Ok(());
        }
        Err(Problem::new(
            Code::S008,
            match power {
                Power::Control => "only the host and those the host chose may do this",
                Power::Manage => "only the host may do this",
            },
        ))
    }

    fn server_now(&self, now: Instant) -> ServerTime {
        self.setting.clock.at(now)
    }

    fn end_of_age(&self) -> Instant {
        self.born + self.setting.room_max_age
    }

    fn look_at_age(&mut self, now: Instant) {
        if self.over {
            return;
        }
        if now >= self.end_of_age() {
            return self.end(TOO_OLD);
        }
        if self.empty_since.is_some_and(|since| now >= since + self.setting.room_idle) {
            return self.end("nobody is here any more");
        }
        if !self.closing_told && now + CLOSING_WARNED >= self.end_of_age() {
            self.closing_told = true;
            self.say_to_all(self.closing(now));
        }
    }

    /// Somebody who comes when the others have been warned is warned, too.
    fn warn_of_end(&mut self, now: Instant, who: &ParticipantId) {
        if self.closing_told {
            self.say(who, self.closing(now));
        }
    }

    fn closing(&self, now: Instant) -> Said {
        let left = self.end_of_age().saturating_duration_since(now).as_secs();
        Said::new("room-closing", json!({ "in": left, "reason": TOO_OLD }))
    }

    /// The room is no more; its members' connections stay.
    fn end(&mut self, reason: &str) {
        self.say_to_all(Said::new("room-closing", json!({ "in": 0, "reason": reason })));
        for member in std::mem::take(&mut self.members).into_values() {
            self.outputs.extend(member.socket().map(Output::Out));
        }
        self.over = true;
    }

    fn say(&mut self, who: &ParticipantId, said: Said) {
        if let Some(socket) = self.members.get(who).and_then(Member::socket) {
            self.outputs.push_back(Output::Emit { to: vec![socket], said });
        }
    }

    fn say_to_all(&mut self, said: Said) {
        self.say_where(said, |_, _| true);
    }

    fn say_to_others(&mut self, but: &ParticipantId, said: Said) {
        self.say_where(said, |who, _| who != but);
    }

    fn say_where(&mut self, said: Said, fit: impl Fn(&ParticipantId, &Member) -> bool) {
        let fit = |(who, member): (&ParticipantId, &Member)| member.socket().filter(|_| fit(who, member));
        let to: Vec<SocketKey> = self.members.iter().filter_map(fit).collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Emit { to, said });
        }
    }
}

impl Said {
    /// An event.
    pub fn new(name: &'static str, payload: impl Into<Payload>) -> Self {
        Self { name, payload: payload.into() }
    }
}
