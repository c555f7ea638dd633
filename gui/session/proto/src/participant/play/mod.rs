//! The player follows the room: what it is told at each moment, and why.
//!
//! The anchor says where the room is. A player that stands is put there and started at the very moment the room is at its place;
//! one that runs is left to the [`SyncController`]. Nothing here is anybody's wish: it never says anything to the room.

mod follow;
mod late;
mod measure;
mod opening;
mod tell;

use std::time::{Duration, Instant};

use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::sync::clock::RoomClock;
use signal_proto::sync::controller::{Device, Input as Drift, SyncController};
use signal_proto::time::{MediaTime, ServerTime};

use crate::participant::Participant;
use crate::participant::io::Setup;
use crate::player::Sample;
use crate::settings::Offsets;
use crate::view::Part;

pub(super) use late::CATCH_UP_RATE;

/// A standing player this far from where it belongs is put there before a start: two pictures of a film of 50 a second.
const STAND_TOLERANCE: f64 = 0.04;
/// Further than this it is put there in any case.
const STAND_MAX: f64 = 0.25;
/// Brought to the running room, a player aims so far beyond what a seek takes, and starts when the room is there.
const ALIGN_MARGIN: Duration = Duration::from_millis(120);
/// After so many attempts to meet the running room it plays from where it is, and the controller does the rest.
const ALIGN_TRIES: u32 = 3;
/// What a seek takes before one was measured, and the most that is planned for.
const SEEK_LATENCY_FIRST: Duration = Duration::from_millis(250);
const SEEK_LATENCY_MAX: Duration = Duration::from_secs(2);

/// Where the room is, where the player is, and what is being done about it.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) clock: RoomClock,
    /// The server's time as it was last heard, until the clock has an answer.
    rough: (Instant, ServerTime),
    /// Where the room is, once it said so.
    pub(super) anchor: Option<Anchor>,
    controller: SyncController,
    pub(super) part: Part,
    pub(super) doing: Doing,
    pub(super) player: Seen,
    seek_latency: Duration,
    /// From telling the player to play to its first new picture, in seconds.
    start_latency: f64,
    /// Attempts to meet the running room.
    tries: u32,
    /// The room's place cannot be reached: its bytes are not here.
    pub(super) unreachable: bool,
    live_rate_max: f64,
    offsets: Offsets,
    /// Where the sound goes, once the player said so.
    pub(super) output: Option<String>,
    /// Of that output.
    pub(super) output_offset: f64,
    pub(super) weak: bool,
}

/// The player, by its own word, and what it was told last.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// A film is open and a frame was shown.
    pub(super) open: bool,
    /// It was told to open one, there.
    pub(super) loading: Option<MediaTime>,
    pub(super) running: bool,
    pub(super) told_running: bool,
    pub(super) buffering: bool,
    /// How often it had to wait for bytes while the room ran.
    pub(super) stalls: u32,
    pub(super) at: Option<Sample>,
    pub(super) ended: bool,
    /// Its user looks at pictures beside the room's place, until the room moves.
    stepped: bool,
    /// Its user closed it.
    pub(super) closed: bool,
    pub(super) volume: f64,
    pub(super) muted: bool,
    rate: f64,
}

/// What is being done with the player.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doing {
    /// Nothing: it has no film, or does as its user likes.
    Free,
    /// It stands with the room.
    Standing,
    /// It was sent somewhere and has not said that it is there.
    Seeking {
        since: Instant,
        to: MediaTime,
        /// The controller asked for it.
        corrects: bool,
    },
    /// It stands, and starts when its timer says so.
    Starting,
    /// It runs with the room.
    Running {
        /// It was started on the instant, and how exactly has not been measured.
        unmeasured: bool,
    },
}

impl Play {
    pub(super) fn new(now: Instant, setup: &Setup) -> Self {
        let live_rate_max = setup.player.live_rate_max;
        let device = Device { weak: setup.weak, live_rate_max, output_offset: setup.offsets.of(None) };
        Self {
            clock: RoomClock::new(now),
            rough: (now, ServerTime::from_unix_ms(0)),
            anchor: None,
            controller: SyncController::new(now, device),
            part: if setup.spectating { Part::Spectating } else { Part::InStep },
            doing: Doing::Free,
            player: Seen { volume: 1.0, rate: 1.0, ..Seen::default() },
            seek_latency: SEEK_LATENCY_FIRST,
            start_latency: setup.player.start_latency.as_secs_f64(),
            tries: 0,
            unreachable: false,
            live_rate_max,
            offsets: setup.offsets.clone(),
            output: None,
            output_offset: setup.offsets.of(None),
            weak: setup.weak,
        }
    }

    /// The server's time: by its clock's probes, or roughly, by what it said last.
    pub(super) fn server_now(&self, now: Instant) -> ServerTime {
        let (at, told) = self.rough;
        self.clock.server_time(now).unwrap_or_else(|| told.plus(now.saturating_duration_since(at)))
    }

    /// What was measured of the clock may be wrong: it is measured anew, and goes on as it was until then.
    pub(super) fn restart_clock(&mut self, now: Instant) {
        self.rough = (now, self.server_now(now));
        self.clock.restart(now);
    }

    pub(super) fn instant_of(&self, now: Instant, time: ServerTime) -> Instant {
        self.clock.instant_of(now, time).unwrap_or_else(|| now + self.server_now(now).until(time))
    }

    /// Where the room is now, in seconds.
    pub(super) fn room_place(&self, now: Instant) -> f64 {
        let server_now = self.server_now(now);
        self.anchor.as_ref().map_or(0.0, |anchor| anchor.position_at(server_now).seconds())
    }

    /// The film runs in the room, and a scheduled start has come.
    pub(super) fn room_runs(&self, now: Instant) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| {
            anchor.state == PlaybackState::Playing && anchor.starts_at(self.server_now(now)).is_none()
        })
    }

    pub(super) fn is_seeking(&self) -> bool {
        matches!(self.doing, Doing::Seeking { .. })
    }

    pub(super) fn speed(&self) -> f64 {
        self.anchor.as_ref().map_or(1.0, |anchor| anchor.rate.get())
    }

    /// Where the player is now, in seconds, if it said so since it was last moved.
    pub(super) fn player_place(&self, now: Instant) -> Option<f64> {
        let Sample { at, taken, moving } = self.player.at?;
        let passed = if moving { now.saturating_duration_since(taken).as_secs_f64() * self.player.rate } else { 0.0 };
        Some(at.seconds() + passed)
    }

    /// Seconds ahead of the room, when that has a meaning.
    pub(super) fn drift(&self) -> Option<f64> {
        matches!(self.doing, Doing::Running { .. }).then(|| self.controller.drift()).flatten()
    }

    /// The part by which the rate differs from the room's.
    pub(super) fn nudge(&self) -> f64 {
        self.controller.rate() / self.speed() - 1.0
    }

    pub(super) fn is_correcting(&self) -> bool {
        self.controller.is_correcting()
    }

    /// The rate the player was told.
    pub(super) const fn told_rate(&self) -> f64 {
        self.player.rate
    }

    /// The sound leaves the speakers so much later than the player says, in seconds; others, if it is somewhere else one day, do not.
    pub(super) fn set_output_offset(&mut self, now: Instant, offset: f64) {
        match &self.output {
            Some(output) => self.offsets.set(output, offset),
            None => self.offsets.usual = offset,
        }
        self.mend_output_offset(now);
    }

    /// The sound goes there from now on. True: it is later or earlier there than it was.
    pub(super) fn set_output(&mut self, now: Instant, output: String) -> bool {
        self.output = Some(output);
        self.mend_output_offset(now)
    }

    fn mend_output_offset(&mut self, now: Instant) -> bool {
        let offset = self.offsets.of(self.output.as_deref());
        if (offset - self.output_offset).abs() < f64::EPSILON {
            return false;
        }
        self.output_offset = offset;
        let device = Device { weak: self.weak, live_rate_max: self.live_rate_max, output_offset: offset };
        self.controller = SyncController::new(now, device);
        if let Some(anchor) = self.anchor.clone() {
            self.controller.handle_input(now, Drift::Anchor(anchor));
        }
        true
    }

    /// The player has no film any more.
    pub(super) fn forget_player(&mut self) {
        let Seen { volume, muted, closed, .. } = self.player;
        self.player = Seen { volume, muted, closed, rate: 1.0, ..Seen::default() };
        self.doing = Doing::Free;
        self.tries = 0;
        self.unreachable = false;
    }

    /// When the player's position is wanted next.
    pub(super) fn next_sample(&self) -> Option<Instant> {
        let is_wanted = self.player.open && !matches!(self.doing, Doing::Seeking { .. });
        is_wanted.then(|| self.controller.poll_timeout()).flatten().map(|(at, _)| at)
    }
}

impl Participant {
    /// Where the room is now, in seconds.
    pub(super) fn room_place(&self, now: Instant) -> f64 {
        self.play.room_place(now)
    }
}
