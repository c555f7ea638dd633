//! The player follows the room: what it is told at each moment, and why.
//!
//! The anchor says where the room is. A player that stands is put there and started at the very moment the room is at its place;
//! one that runs is left to the [`SyncController`]. Nothing here is anybody's wish: it never says anything to the room.

use std::time::{Duration, Instant};

use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::sync::clock::RoomClock;
use signal_proto::sync::controller::{Device, Input as Drift, Output as Correct, Position, SyncController};
use signal_proto::time::{MediaTime, ServerTime};

use super::Participant;
use super::io::{Output, Setup};
use super::notices::Subject;
use super::timers::Wake;
use crate::player::{Command, Sample};
use crate::settings::Offsets;
use crate::view::Part;
use crate::wish::LateJoin;
use crate::words::Plain;

/// A standing player this far from where it belongs is put there before a start: two pictures of a film of 50 a second.
const STAND_TOLERANCE: f64 = 0.04;
/// Further than this it is put there in any case.
const STAND_MAX: f64 = 0.25;
/// A running player this far from the room jumped, or the room did: it is brought there at once.
const JUMP: f64 = 0.6;
/// A start that is so late is made good by the rate.
const LATE_MAX: Duration = Duration::from_millis(150);
/// A player that stands ahead of the room waits for it no longer than that; further ahead it seeks back.
const HOLD_MAX: Duration = Duration::from_secs(5);
/// Brought to the running room, a player aims so far beyond what a seek takes, and starts when the room is there.
const ALIGN_MARGIN: Duration = Duration::from_millis(120);
/// After so many attempts to meet the running room it plays from where it is, and the controller does the rest.
const ALIGN_TRIES: u32 = 3;
/// What a seek takes before one was measured, and the most that is planned for.
const SEEK_LATENCY_FIRST: Duration = Duration::from_millis(250);
const SEEK_LATENCY_MAX: Duration = Duration::from_secs(2);
/// What opening a film takes, as a plan for where to open one that runs.
const OPEN_LATENCY: Duration = Duration::from_millis(700);
/// The longest that a player is believed to take from "play" to the first picture.
const START_LATENCY_MAX: f64 = 0.5;
/// How much faster the film plays until the room is met.
pub(super) const CATCH_UP_RATE: f64 = 1.15;
/// A player that crashed is opened again after so long.
const REOPEN_AFTER: Duration = Duration::from_secs(2);

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

    fn instant_of(&self, now: Instant, time: ServerTime) -> Instant {
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

    /// The room said where it is. What is older than what is known says nothing.
    pub(super) fn on_anchor(&mut self, now: Instant, anchor: Anchor) {
        if self.play.anchor.as_ref().is_some_and(|known| anchor.order() < known.order()) {
            return;
        }
        if self.play.clock.delay().is_none() && self.play.anchor.is_none() {
            self.play.rough = (now, anchor.at);
        }
        self.set_anchor(now, anchor);
    }

    /// The room is there from now on, by its own word or, without a server, by ours.
    pub(super) fn set_anchor(&mut self, now: Instant, anchor: Anchor) {
        let is_same = self.play.anchor.as_ref().is_some_and(|known| is_same_course(known, &anchor));
        self.play.anchor = Some(anchor.clone());
        self.changed = true;
        if is_same {
            return;
        }
        self.note_course(&anchor);
        self.play.tries = 0;
        self.play.unreachable = false;
        self.play.player.ended = false;
        self.play.player.stepped = false;
        self.play.controller.handle_input(now, Drift::Anchor(anchor));
        self.follow_controller(now);
        if matches!(self.play.doing, Doing::Seeking { .. }) {
            // It may be on its way to a place that is not the room's any more.
            self.play.doing = Doing::Free;
            self.play.player.at = None;
        }
        self.direct(now);
        self.keep_place(now);
    }

    /// Tells the player what follows from where the room is and where it is itself.
    pub(super) fn direct(&mut self, now: Instant) {
        self.timers.stop(Wake::Start);
        let is_ours = self.play.player.open && self.play.part == Part::InStep;
        let Some(anchor) = self.play.anchor.clone().filter(|_| is_ours) else { return };
        if matches!(self.play.doing, Doing::Seeking { .. }) {
            return;
        }
        match anchor.state {
            PlaybackState::Paused | PlaybackState::Waiting => {
                self.tell_running(false);
                let tolerance = if anchor.state == PlaybackState::Waiting { STAND_TOLERANCE } else { STAND_MAX };
                if self.play.player.stepped || !self.put(now, anchor.position, tolerance) {
                    self.play.doing = Doing::Standing;
                }
            }
            PlaybackState::Playing => {
                let server_now = self.play.server_now(now);
                match anchor.starts_at(server_now) {
                    Some(start) => self.prepare_start(now, &anchor, self.play.instant_of(now, start)),
                    None if self.play.player.told_running => self.keep_running(now),
                    None => self.start_with_the_room(now, &anchor),
                }
            }
        }
    }

    /// Before a scheduled start: to its place if that can be done in time, then the timer.
    fn prepare_start(&mut self, now: Instant, anchor: &Anchor, start: Instant) {
        self.tell_running(false);
        let left = start.saturating_duration_since(now);
        let has_time = left > self.play.seek_latency + ALIGN_MARGIN / 2;
        let tolerance = if has_time { STAND_TOLERANCE } else { STAND_MAX };
        if !self.put(now, anchor.position, tolerance) {
            self.start_with_the_room(now, anchor);
        }
    }

    /// The player stands and the room runs, or is about to: it starts when the room is where it is.
    fn start_with_the_room(&mut self, now: Instant, anchor: &Anchor) {
        let Some(place) = self.play.player_place(now) else { return self.align(now) };
        let ahead = (place - self.play.output_offset - anchor.position.seconds()) / anchor.rate.get();
        let meets = anchor.at.plus_millis(millis(ahead - self.play.start_latency));
        let server_now = self.play.server_now(now);
        let late = server_now.millis_since(meets);
        if late >= 0 && Duration::from_millis(late.unsigned_abs()) <= LATE_MAX || self.play.tries >= ALIGN_TRIES {
            return self.run(now, false);
        }
        if late < 0 && server_now.until(meets) <= HOLD_MAX.max(server_now.until(anchor.at) + LATE_MAX) {
            self.play.doing = Doing::Starting;
            let at = self.play.instant_of(now, meets);
            return self.timers.set(Wake::Start, at);
        }
        self.align(now);
    }

    /// The player runs and the room does: the controller keeps them together, unless one of them has jumped.
    fn keep_running(&mut self, now: Instant) {
        let room = self.room_place(now) + self.play.output_offset;
        if self.play.player_place(now).is_some_and(|place| (place - room).abs() > JUMP) {
            self.align(now);
        } else {
            self.play.doing = Doing::Running { unmeasured: false };
        }
    }

    /// Sends the player a little ahead of the running room, to start when that is there.
    fn align(&mut self, now: Instant) {
        let end = self.film.as_ref().and_then(|film| film.duration);
        let room = self.room_place(now);
        if let Some(end) = end.filter(|end| room >= end.seconds()) {
            self.tell_running(false);
            self.put(now, end, STAND_MAX);
            return;
        }
        self.play.tries += 1;
        // Each attempt that came too late shows that a seek takes longer here.
        let lead = (self.play.seek_latency + ALIGN_MARGIN * self.play.tries).as_secs_f64() * self.play.speed();
        self.tell_running(false);
        self.seek(now, MediaTime::saturating(room + lead + self.play.output_offset), false);
    }

    /// Puts a standing player there unless it is; says whether it had to.
    fn put(&mut self, now: Instant, place: MediaTime, tolerance: f64) -> bool {
        let place = place.plus(self.play.output_offset);
        // Frames of a film have a length: a player that stands shows the one before.
        let is_there = self.play.player_place(now).is_some_and(|at| (at - place.seconds()).abs() <= tolerance);
        if !is_there {
            self.seek(now, place, false);
        }
        !is_there
    }

    fn seek(&mut self, now: Instant, to: MediaTime, corrects: bool) {
        let end = self.film.as_ref().and_then(|film| film.duration);
        let to = end.map_or(to, |end| to.min(end));
        self.play.doing = Doing::Seeking { since: now, to, corrects };
        self.play.player.at = None;
        self.play.player.ended = false;
        self.output(Output::Player(Command::Seek(to)));
        self.changed = true;
    }

    /// From now on it runs with the room.
    pub(super) fn run(&mut self, now: Instant, on_the_instant: bool) {
        self.play.tries = 0;
        if let Some(at) = self.play.player.at.as_mut().filter(|at| !at.moving) {
            // Until it says so itself: its first picture comes after what a start takes.
            let first = now + Duration::from_secs_f64(self.play.start_latency);
            *at = Sample { taken: first, moving: true, ..*at };
        }
        self.play.doing = Doing::Running { unmeasured: on_the_instant };
        self.tell_running(true);
        if let Some(anchor) = self.play.anchor.clone() {
            self.play.controller.handle_input(now, Drift::Anchor(anchor));
            self.follow_controller(now);
        }
    }

    pub(super) fn tell_running(&mut self, running: bool) {
        if self.play.player.told_running != running {
            self.play.player.told_running = running;
            self.output(Output::Player(if running { Command::Play } else { Command::Pause }));
        }
    }

    pub(super) fn tell_rate(&mut self, rate: f64) {
        if (self.play.player.rate - rate).abs() > f64::EPSILON {
            self.play.player.rate = rate;
            self.output(Output::Player(Command::SetRate(rate)));
        }
    }

    /// Looks at the pictures around the place where the room stands.
    pub(super) fn step(&mut self, frames: i32) {
        let is_ours = self.play.player.open && self.play.part != Part::CatchingUp;
        if is_ours && !self.play.player.told_running && matches!(self.play.doing, Doing::Standing | Doing::Free) {
            self.play.player.stepped = true;
            self.output(Output::Player(Command::StepFrame(frames)));
        }
    }

    /// The player said that a seek is over.
    pub(super) fn on_sought(&mut self, now: Instant, at: MediaTime) {
        let moving = self.play.player.told_running;
        self.play.player.at = Some(Sample { at, taken: now, moving });
        let Doing::Seeking { since, corrects, .. } = self.play.doing else { return self.direct(now) };
        let took = now.saturating_duration_since(since);
        self.play.seek_latency = ((self.play.seek_latency + took) / 2).min(SEEK_LATENCY_MAX);
        if corrects {
            self.play.controller.handle_input(now, Drift::Seeked { took });
        }
        self.play.doing = Doing::Free;
        self.direct(now);
    }

    /// The player cannot seek there: it plays from where it is.
    pub(super) fn on_seek_failed(&mut self, now: Instant) {
        self.play.tries = ALIGN_TRIES;
        self.play.doing = Doing::Free;
        if self.play.player.at.is_none() {
            self.output(Output::Player(Command::AskPosition));
        }
        match self.play.anchor.as_ref().map(|anchor| anchor.state) {
            Some(PlaybackState::Playing) => self.direct(now),
            Some(PlaybackState::Paused | PlaybackState::Waiting) => self.play.doing = Doing::Standing,
            None => {}
        }
    }

    /// The player said where it is.
    pub(super) fn on_position(&mut self, now: Instant, sample: Sample) {
        self.play.player.at = Some(sample);
        match self.play.part {
            Part::CatchingUp => return self.meet_the_room(now),
            Part::Spectating => return,
            Part::InStep | Part::Choosing => {}
        }
        match self.play.doing {
            Doing::Running { .. } | Doing::Standing => {}
            Doing::Free | Doing::Seeking { .. } | Doing::Starting => return,
        }
        let server_now = self.play.server_now(sample.taken);
        let room = self.play.anchor.as_ref().map_or(0.0, |anchor| anchor.position_at(server_now).seconds());
        let end = self.film.as_ref().and_then(|film| film.duration);
        if end.is_some_and(|end| room >= end.seconds() - STAND_MAX) {
            // Beyond the film's end nobody can be in step.
            return;
        }
        let position = Position {
            server_now,
            at: sample.at,
            moving: sample.moving && !self.play.player.buffering,
            ahead_of_room: self.film.as_ref().map_or(Duration::ZERO, |film| film.ahead(room)),
        };
        self.play.controller.handle_input(now, Drift::Position(position));
        self.learn_start();
        self.follow_controller(now);
        let correcting = self.play.is_correcting();
        self.play.clock.set_correcting(now, correcting);
    }

    /// The first drift after a start on the instant is what the start was wrong by.
    fn learn_start(&mut self) {
        let Doing::Running { unmeasured: true } = self.play.doing else { return };
        let Some(drift) = self.play.controller.drift() else { return };
        self.play.doing = Doing::Running { unmeasured: false };
        if drift.abs() < START_LATENCY_MAX {
            let latency = self.play.start_latency - drift / self.play.speed() / 2.0;
            self.play.start_latency = latency.clamp(0.0, START_LATENCY_MAX);
        }
    }

    /// Does what the controller wants.
    pub(super) fn follow_controller(&mut self, now: Instant) {
        while let Some(output) = self.play.controller.poll_output() {
            let is_ours = self.play.player.open && self.play.part == Part::InStep;
            match output {
                Correct::AskPosition if self.play.player.open => self.output(Output::Player(Command::AskPosition)),
                Correct::SetRate(rate) if is_ours => {
                    self.tell_rate(rate);
                    self.changed = true;
                }
                Correct::Seek(to) if is_ours => {
                    // It goes a little further and starts on the instant, since no seek takes as long as the one before.
                    let is_running = matches!(self.play.doing, Doing::Running { .. });
                    let margin = if is_running { ALIGN_MARGIN.as_secs_f64() * self.play.speed() } else { 0.0 };
                    self.tell_running(false);
                    self.play.unreachable = false;
                    self.seek(now, to.plus(margin), true);
                }
                Correct::Buffering if is_ours => self.play.unreachable = true,
                Correct::Widened => self.notice_plain(Subject::Sync, Plain::KeptLessClosely),
                Correct::AskPosition | Correct::SetRate(_) | Correct::Seek(_) | Correct::Buffering => {}
            }
        }
    }

    pub(super) fn sample_timeout(&mut self, now: Instant) {
        self.play.controller.handle_timeout(now);
        self.follow_controller(now);
    }

    /// Opens the film where the room is, or where this viewer wants to begin.
    pub(super) fn open_player(&mut self, now: Instant) {
        self.timers.stop(Wake::Player);
        let Some(film) = &self.film else { return };
        let Some(url) = film.url.clone().filter(|_| !self.play.player.closed && !film.failed) else { return };
        let title = film.name.clone();
        let start = match self.play.part {
            Part::CatchingUp => MediaTime::ZERO,
            Part::InStep | Part::Choosing | Part::Spectating => {
                let lead = if self.play.room_runs(now) { OPEN_LATENCY.as_secs_f64() * self.play.speed() } else { 0.0 };
                let place = MediaTime::saturating(self.room_place(now) + lead + self.play.output_offset);
                film.duration.map_or(place, |end| place.min(end))
            }
        };
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        self.play.player = Seen { loading: Some(start), volume, muted, rate: 1.0, ..Seen::default() };
        self.play.doing = Doing::Free;
        self.play.tries = 0;
        self.output(Output::Player(Command::Load { url, start, title }));
        self.changed = true;
    }

    /// A frame of the film is shown.
    pub(super) fn on_opened(&mut self, now: Instant) {
        self.play.player.open = true;
        // It stands where it was told to open the film.
        let start = self.play.player.loading.take();
        self.play.player.at = start.map(|at| Sample { at, taken: now, moving: false });
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        if volume < 1.0 {
            self.output(Output::Player(Command::SetVolume(volume)));
        }
        if muted {
            self.output(Output::Player(Command::SetMuted(true)));
        }
        self.play.doing = Doing::Free;
        match self.play.part {
            Part::InStep | Part::Choosing => {
                let rate = self.play.controller.rate();
                self.tell_rate(rate);
                self.output(Output::Player(Command::AskPosition));
                if let Some(anchor) = self.play.anchor.clone() {
                    self.play.controller.handle_input(now, Drift::Anchor(anchor));
                    self.follow_controller(now);
                }
                self.direct(now);
            }
            Part::CatchingUp => self.catch_up(),
            Part::Spectating => self.output(Output::Player(Command::AskPosition)),
        }
    }

    pub(super) fn on_closed(&mut self, now: Instant, crashed: bool) {
        let (volume, muted) = (self.play.player.volume, self.play.player.muted);
        self.play.player = Seen { closed: !crashed, volume, muted, rate: 1.0, ..Seen::default() };
        self.play.doing = Doing::Free;
        self.timers.stop(Wake::Start);
        if crashed {
            self.timers.set(Wake::Player, now + REOPEN_AFTER);
        }
    }

    /// The film is not open any more.
    pub(super) fn on_player_failed(&mut self, now: Instant, opens_again: bool) {
        self.play.forget_player();
        self.timers.stop(Wake::Start);
        if opens_again {
            self.timers.set(Wake::Player, now + REOPEN_AFTER);
        }
    }

    /// How somebody who came while the film ran takes part in it.
    pub(super) fn join_film(&mut self, now: Instant, how: LateJoin) {
        match how {
            LateJoin::Ask => self.choosing = true,
            LateJoin::Now => {
                self.choosing = false;
                self.rejoin(now);
            }
            LateJoin::FromStart => {
                self.choosing = false;
                self.play.part = Part::CatchingUp;
                self.timers.stop(Wake::Start);
                if self.play.player.open {
                    self.tell_running(false);
                    self.output(Output::Player(Command::Seek(MediaTime::ZERO)));
                    self.play.player.at = None;
                    self.catch_up();
                }
            }
        }
        self.changed = true;
    }

    /// In step from now on.
    pub(super) fn rejoin(&mut self, now: Instant) {
        self.play.part = Part::InStep;
        self.play.doing = Doing::Free;
        self.play.tries = 0;
        if self.play.player.open {
            let rate = self.play.controller.rate();
            self.tell_rate(rate);
            if let Some(anchor) = self.play.anchor.clone() {
                self.play.controller.handle_input(now, Drift::Anchor(anchor));
                self.follow_controller(now);
            }
            self.direct(now);
        }
    }

    fn catch_up(&mut self) {
        self.play.doing = Doing::Free;
        let rate = self.play.speed() * CATCH_UP_RATE;
        self.tell_rate(rate);
        self.tell_running(true);
    }

    /// Somebody who catches up is there.
    fn meet_the_room(&mut self, now: Instant) {
        let room = self.room_place(now) + self.play.output_offset;
        if self.play.player_place(now).is_some_and(|place| place >= room - STAND_TOLERANCE) {
            self.rejoin(now);
            self.changed = true;
        }
    }
}

/// Two anchors that put the film at the same places at the same moments, to a few milliseconds: one told again.
fn is_same_course(known: &Anchor, told: &Anchor) -> bool {
    let is_same = known.order() == told.order() && known.state == told.state && known.rate == told.rate;
    let there = known.position_at(told.at);
    let to_come = known.at > told.at && known.state == PlaybackState::Playing;
    is_same && !to_come && (there.seconds() - told.position.seconds()).abs() < 0.005
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a film, in milliseconds")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
