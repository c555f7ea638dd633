//! The view: everything a person sees, from what is known.

use std::time::Instant;

use signal_proto::ids::ParticipantId;
use signal_proto::playback::PlaybackState;
use signal_proto::roles::ControlMode;
use signal_proto::time::MediaTime;

use super::Participant;
use super::notices::shown_code;
use super::people::Known;
use super::play::Doing;
use crate::limits::CHAT_SHOWN_MAX;
use crate::view::{
    ChatItem, Correction, Film, Part, Person, PersonState, Phase, Playback, RoomState, Rules, Server, View,
};

/// Further back than this is worth telling, in seconds.
const BEHIND: f64 = 1.0;

impl Participant {
    /// The room as this person sees it now.
    pub fn view(&self, now: Instant) -> View {
        View {
            phase: self.door.phase,
            code: self.door.code.as_ref().map(shown_code),
            me: self.door.was_inside.then(|| self.door.id.as_str().to_owned()),
            role: self.door.was_inside.then_some(self.door.role),
            may_control: self.may_control(),
            may_manage: self.may_manage(),
            server: Server {
                connected: self.door.connected,
                retry_in: self.door.retry_at.map(|at| at.saturating_duration_since(now).as_secs_f64()),
                rtt: self.play.clock.delay().map(|delay| delay.as_secs_f64()),
            },
            rules: self.rules_shown(),
            people: self.people_shown(now),
            film: self.film_shown(now),
            playback: self.playback_shown(now),
            resume: self.resume_offered(),
            chat: self.chat_shown(),
            held_back: self.chat.held_count(),
            notices: self.notices.shown(),
        }
    }

    fn chat_shown(&self) -> Vec<ChatItem> {
        let mut chat: Vec<ChatItem> = self.chat.items().rev().take(CHAT_SHOWN_MAX).cloned().collect();
        chat.reverse();
        chat
    }

    /// How far in the room one is.
    pub const fn phase(&self) -> Phase {
        self.door.phase
    }

    fn rules_shown(&self) -> Option<Rules> {
        self.door.rules.as_ref().map(|rules| Rules {
            control: match rules.control {
                ControlMode::Host => "host",
                ControlMode::Everyone => "everyone",
                ControlMode::Chosen(_) => "chosen",
            },
            locked: rules.locked,
            waiting: rules.policy.wait.as_str(),
            pauses_without_host: rules.policy.host_left == signal_proto::event::HostLeft::Pause,
        })
    }

    fn people_shown(&self, now: Instant) -> Vec<Person> {
        let mut people: Vec<Person> = self.people.iter().map(|known| self.person(now, known)).collect();
        people.sort_by(|a, b| {
            let key = |person: &Person| (!person.me, person.role, person.name.to_lowercase(), person.id.clone());
            key(a).cmp(&key(b))
        });
        people
    }

    fn person(&self, now: Instant, known: &Known) -> Person {
        let member = &known.member;
        let me = member.id == self.door.id;
        let report = known.report.as_ref();
        let number = |name: &str| report.and_then(|report| report.more.get(name)).and_then(serde_json::Value::as_f64);
        let (drift, ahead, rtt, position) = if me {
            let ahead = self.supply(now).map(|supply| supply.ahead.min(supply.left).as_secs_f64());
            let rtt = self.play.clock.delay().map(|delay| delay.as_secs_f64());
            (self.play.drift(), ahead, rtt, self.play.player_place(now))
        } else {
            let ahead = known.ready.and_then(|(_, ahead)| ahead).or_else(|| number("ahead"));
            let rtt = number("rtt").map(|millis| millis / 1000.0);
            (report.and_then(|report| report.drift), ahead, rtt, report.map(|report| report.time.seconds()))
        };
        Person {
            id: member.id.as_str().to_owned(),
            name: member.name.clone(),
            role: if me { self.door.role } else { member.role },
            me,
            in_call: member.in_call,
            may_control: self.controls(&member.id, member.role),
            state: if me { self.own_state(now) } else { self.state_of(known) },
            drift,
            ahead,
            rtt,
            position,
        }
    }

    fn own_state(&self, now: Instant) -> PersonState {
        match self.play.part {
            Part::Spectating => return PersonState::Spectating,
            Part::CatchingUp => return PersonState::CatchingUp,
            Part::InStep | Part::Choosing => {}
        }
        if self.film.is_none() {
            return PersonState::Here;
        }
        let ahead = self.supply(now).map(|supply| supply.ahead.min(supply.left).as_secs_f64());
        if self.play.player.buffering || self.play.unreachable || !self.is_ready(now) {
            return PersonState::Buffering { percent: ahead.map(percent_of_need) };
        }
        if !self.play.room_runs(now) {
            return PersonState::Ready;
        }
        match self.play.drift() {
            Some(drift) if drift < -BEHIND => PersonState::Behind { seconds: -drift },
            Some(_) | None => PersonState::InStep,
        }
    }

    fn state_of(&self, known: &Known) -> PersonState {
        let member = &known.member;
        if member.away {
            return PersonState::Away;
        }
        if member.spectating {
            return PersonState::Spectating;
        }
        if self.film.is_none() {
            return PersonState::Here;
        }
        let report = known.report.as_ref();
        let ahead = known.ready.and_then(|(_, ahead)| ahead);
        if report.is_some_and(|report| report.buffering) || known.ready.is_some_and(|(ready, _)| !ready) {
            return PersonState::Buffering { percent: ahead.map(percent_of_need) };
        }
        let drift = report.and_then(|report| report.drift);
        let is_playing = report.is_some_and(|report| report.playing);
        let rate = report.and_then(|report| report.more.get("rate")).and_then(serde_json::Value::as_f64);
        match (drift, rate) {
            (_, Some(rate)) if rate >= self.play.speed() * super::play::CATCH_UP_RATE - 0.01 => PersonState::CatchingUp,
            (Some(drift), _) if drift < -BEHIND => PersonState::Behind { seconds: -drift },
            (Some(_), _) if is_playing => PersonState::InStep,
            _ if known.ready.is_some_and(|(ready, _)| ready) => PersonState::Ready,
            _ => PersonState::Here,
        }
    }

    fn film_shown(&self, now: Instant) -> Option<Film> {
        let film = self.film.as_ref()?;
        let ahead = self.supply(now).map_or(0.0, |supply| supply.ahead.min(supply.left).as_secs_f64());
        Some(Film {
            name: film.name.clone(),
            info_hash: film.infohash.map(|infohash| infohash.to_string()),
            url: film.url.clone(),
            shared_here: film.is_own(),
            stage: film.stage(now, self.play.player.open),
            duration: film.duration.map(MediaTime::seconds),
            length: film.length,
            downloaded: if film.is_complete() { 1.0 } else { film.figures.downloaded },
            download_rate: film.figures.speed,
            upload_rate: film.figures.upload_speed,
            upload_capacity: film.figures.upload_capacity,
            peers: film.figures.peers,
            ranges: film.ranges(),
            ahead,
            forecast: self.forecast(now),
            tracks: film.tracks.clone(),
        })
    }

    fn playback_shown(&self, now: Instant) -> Playback {
        let play = &self.play;
        let server_now = play.server_now(now);
        let anchor = play.anchor.as_ref();
        let start = anchor.and_then(|anchor| anchor.starts_at(server_now));
        let state = match anchor.map(|anchor| anchor.state) {
            _ if self.film.is_none() => RoomState::Empty,
            None | Some(PlaybackState::Paused) => RoomState::Paused,
            Some(PlaybackState::Waiting) => RoomState::Waiting,
            Some(PlaybackState::Playing) if start.is_some() => RoomState::Starting,
            Some(PlaybackState::Playing) => RoomState::Playing,
        };
        let end = self.film.as_ref().and_then(|film| film.duration).map_or(f64::MAX, MediaTime::seconds);
        let name = |id: &ParticipantId| self.name_of(id);
        let waits = state == RoomState::Waiting;
        let nudge = play.nudge();
        Playback {
            state,
            room_position: play.room_place(now).min(end),
            position: play.player_place(now).map(|place| place.min(end)),
            running: play.player.running,
            buffering: play.player.buffering,
            stalls: play.player.stalls,
            rate: play.speed(),
            drift: play.drift(),
            correction: match play.doing {
                Doing::Seeking { .. } if play.room_runs(now) => Correction::Seeking,
                Doing::Running { .. } if nudge.abs() > 0.001 => Correction::Nudging { by: nudge },
                Doing::Free | Doing::Standing | Doing::Seeking { .. } | Doing::Starting | Doing::Running { .. } => {
                    Correction::None
                }
            },
            part: if self.choosing && play.part == Part::InStep { Part::Choosing } else { play.part },
            waiting_on: if waits { self.waiting_on.iter().map(name).collect() } else { Vec::new() },
            waits_for_me: waits && self.own_id().is_some_and(|me| self.waiting_on.contains(me)),
            waits_for: self.deadline.filter(|_| waits).map(|at| self.seconds_until(now, at)),
            starts_in: start.map(|at| self.seconds_until(now, at)),
            ended: play.player.ended,
            output: play.output.clone(),
            output_offset: play.output_offset,
            volume: play.player.volume,
            muted: play.player.muted,
        }
    }
}

/// Of the five seconds that are needed before it goes on.
fn percent_of_need(ahead: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
    let percent = (ahead / 5.0 * 100.0).clamp(0.0, 100.0) as u8;
    percent
}
