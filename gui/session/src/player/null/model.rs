//! Where a model of a player is, what it has read, and when it runs dry: time and bytes come in as arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use session_proto::player::{Command, Event, Sample, Track, TrackKind};
use signal_proto::time::MediaTime;

use super::{BYTES_PER_SECOND, NullModel};

/// A player reads so far ahead, in seconds of film.
const AHEAD_MAX: f64 = 8.0;
/// After a stall it goes on with so much ahead.
const GOES_ON_WITH: f64 = 2.0;
/// A picture needs so much of the film behind its place.
const PICTURE: f64 = 0.2;
/// How often it looks at itself while it runs.
const TICK: Duration = Duration::from_millis(50);
/// And while it has nothing to do.
const REST: Duration = Duration::from_secs(60);

impl NullModel {
    /// The byte of a place in a film of that length.
    pub(super) fn byte_of(&self, place: f64, length: u64) -> u64 {
        let duration = self.duration_of(length);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
        let byte = (place.clamp(0.0, duration) / duration * float(length)) as u64;
        byte
    }

    fn duration_of(&self, length: u64) -> f64 {
        self.duration.map_or_else(|| float(length) / float(BYTES_PER_SECOND), |duration| duration.as_secs_f64())
    }
}

/// What it wants to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Need {
    /// What it reads already, or nothing.
    Nothing,
    /// The film from that second on.
    From(f64),
}

/// A player without pictures.
pub(super) struct Model {
    kind: NullModel,
    url: String,
    length: u64,
    duration: f64,
    /// Where it is at `since`.
    place: f64,
    since: Instant,
    running: bool,
    rate: f64,
    /// What was read without a gap, in seconds of film.
    read: (f64, f64),
    /// All up to the end was read.
    at_end: bool,
    need: Need,
    opening: bool,
    /// A picture of that place is shown then, and not before it was read.
    seeking: Option<(f64, Instant)>,
    starts: Option<Instant>,
    stalled: bool,
    /// A stall of its own lasts until then.
    own_stall: Option<Instant>,
    next_own_stall: Option<Instant>,
    ended: bool,
    chance: u64,
    events: VecDeque<Event>,
}

impl Model {
    pub(super) const fn new(kind: NullModel, now: Instant) -> Self {
        Self {
            kind,
            url: String::new(),
            length: 0,
            duration: 0.0,
            place: 0.0,
            since: now,
            running: false,
            rate: 1.0,
            read: (0.0, 0.0),
            at_end: false,
            need: Need::Nothing,
            opening: false,
            seeking: None,
            starts: None,
            stalled: false,
            own_stall: None,
            next_own_stall: None,
            ended: false,
            chance: kind.seed | 1,
            events: VecDeque::new(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What is to be read; asked once.
    pub(super) fn need(&mut self) -> Need {
        std::mem::replace(&mut self.need, Need::Nothing)
    }

    /// Bytes of the film, once known.
    pub(super) fn length(&self) -> Option<u64> {
        (self.length > 0).then_some(self.length)
    }

    /// A film is being opened: nothing of it was read before.
    pub(super) const fn is_opening(&self) -> bool {
        self.opening
    }

    /// A stream from that byte on is there.
    pub(super) fn opened(&mut self, first_byte: u64, length: u64) {
        self.length = length;
        self.duration = self.kind.duration_of(length);
        let first = float(first_byte) / float(length) * self.duration;
        self.read = (first, first);
        self.at_end = false;
    }

    /// The film cannot be read.
    pub(super) fn forget(&mut self) {
        (self.opening, self.seeking, self.running, self.starts) = (false, None, false, None);
    }

    pub(super) fn read(&mut self, len: usize) {
        let len = u64::try_from(len).unwrap_or_default();
        self.read.1 += float(len) / float(self.length.max(1)) * self.duration;
    }

    /// The stream has ended; says whether that is the film's end.
    pub(super) fn stream_ended(&mut self) -> bool {
        self.at_end = self.read.1 >= self.duration - PICTURE;
        if self.at_end {
            // A sum of parts is not always the whole.
            self.read.1 = self.duration;
        }
        self.at_end
    }

    /// It reads on from where it was cut.
    pub(super) fn stream_broke(&mut self) {
        self.need = Need::From(self.read.1);
    }

    /// It wants more bytes now.
    pub(super) fn is_hungry(&self, now: Instant) -> bool {
        !self.at_end && self.read.1 < self.now_at(now).max(self.read.0) + AHEAD_MAX
    }

    pub(super) fn handle_command(&mut self, now: Instant, command: Command) {
        self.settle(now);
        match command {
            Command::Load { url, start, .. } => {
                (self.url, self.length) = (url, 0);
                (self.running, self.rate, self.stalled, self.ended, self.starts) = (false, 1.0, false, false, None);
                self.opening = true;
                self.place = start.seconds();
                self.seek(now, start.seconds(), true);
            }
            Command::Unload => self.forget(),
            Command::Play => {
                self.starts = Some(now + self.kind.start_latency);
                self.events.push_back(Event::Running(true));
            }
            Command::Pause => {
                self.starts = None;
                self.running = false;
                self.events.push_back(Event::Running(false));
            }
            Command::Seek(to) => self.seek(now, to.seconds(), false),
            // A picture lasts the 24th part of a second.
            Command::StepFrame(frames) => {
                let to = self.now_at(now) + f64::from(frames) / 24.0;
                self.seek(now, to.max(0.0), false);
            }
            Command::SetRate(rate) if !self.kind.ignores_rate => self.rate = rate,
            Command::AskPosition => {
                if self.seeking.is_none() && !self.opening {
                    let at = MediaTime::saturating(self.place);
                    let moving = self.running && !self.stalled;
                    self.events.push_back(Event::Position(Sample { at, taken: now, moving }));
                }
            }
            Command::SetRate(_)
            | Command::SetVolume(_)
            | Command::SetMuted(_)
            | Command::SelectTrack(..)
            | Command::AddSubtitles(_)
            | Command::SetSubtitleDelay(_)
            | Command::ShowText(_) => {}
        }
    }

    /// Looks at itself: pictures that are there, starts that are due, bytes that are not.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
        if let Some((to, due)) = self.seeking
            && now >= due
            && (self.read.1 >= to + PICTURE || self.at_end)
            && self.duration > 0.0
        {
            self.seeking = None;
            self.place = to.min(self.duration);
            self.since = now;
            if std::mem::take(&mut self.opening) {
                let duration = MediaTime::new(self.duration);
                let video =
                    Track { kind: TrackKind::Video, id: 1, language: None, title: None, codec: None, selected: true };
                self.events.push_back(Event::Opened { duration, tracks: vec![video] });
            } else {
                self.events.push_back(Event::Sought(MediaTime::saturating(self.place)));
            }
        }
        if self.starts.is_some_and(|starts| now >= starts) && !self.opening {
            (self.starts, self.running, self.since) = (None, true, now);
            self.next_own_stall = (self.kind.stall_max > Duration::ZERO).then(|| now + self.draw(10.0, 50.0));
        }
        if self.running && self.seeking.is_none() {
            self.look_at_bytes(now);
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Instant {
        let seek = self.seeking.map(|(_, due)| due.max(now + TICK / 10));
        let tick = self.running.then(|| now + TICK);
        [seek, self.starts, tick].into_iter().flatten().min().unwrap_or(now + REST)
    }

    fn look_at_bytes(&mut self, now: Instant) {
        if self.place >= self.duration && self.at_end && !self.ended {
            (self.ended, self.running) = (true, false);
            self.events.push_back(Event::Ended);
            return;
        }
        if self.next_own_stall.is_some_and(|at| now >= at) {
            self.own_stall = Some(now + self.draw(0.0, self.kind.stall_max.as_secs_f64()));
            self.next_own_stall = Some(now + self.draw(10.0, 50.0));
        }
        let own = self.own_stall.is_some_and(|until| now < until);
        let ahead = self.read.1 - self.place;
        let dry = !self.at_end && ahead < if self.stalled { GOES_ON_WITH } else { TICK.as_secs_f64() };
        let stalled = own || dry;
        if stalled != self.stalled {
            self.stalled = stalled;
            self.events.push_back(Event::Buffering(stalled));
        }
    }

    fn seek(&mut self, now: Instant, to: f64, opens: bool) {
        let (from, upto) = (self.kind.seek_latency.0.as_secs_f64(), self.kind.seek_latency.1.as_secs_f64());
        let latency = self.draw(from, upto);
        self.seeking = Some((to, now + latency));
        self.ended = false;
        if self.stalled {
            self.stalled = false;
            self.events.push_back(Event::Buffering(false));
        }
        let is_read = to >= self.read.0 && to + PICTURE <= self.read.1;
        if opens || !is_read {
            self.need = Need::From(to);
            self.read = (to, to);
            self.at_end = false;
        }
    }

    /// Where it is now becomes where it is.
    fn settle(&mut self, now: Instant) {
        self.place = self.now_at(now);
        self.since = now;
    }

    fn now_at(&self, now: Instant) -> f64 {
        if !self.running || self.stalled || self.seeking.is_some() {
            return self.place;
        }
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        let place = self.place + passed * self.rate * (1.0 + f64::from(self.kind.ppm) / 1e6);
        // It cannot be where it has not read.
        place.min(self.duration).min(self.read.1.max(self.place))
    }

    /// Between two numbers of seconds, by chance (xorshift).
    fn draw(&mut self, from: f64, to: f64) -> Duration {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let part = float(self.chance >> 40) / float(1 << 24);
        Duration::from_secs_f64(from + (to - from).max(0.0) * part)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 8 PiB")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
