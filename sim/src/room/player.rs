//! A model of a player: it takes its time to start and to seek, jitters, stalls, drifts, and some are deaf to rates.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use session_proto::player::{Command, Event, Sample};
use signal_proto::time::MediaTime;

use super::clock::SkewedClock;
use crate::rng::duration_between;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// What kind of player it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlayerKind {
    pub(super) start_latency: Duration,
    pub(super) seek_latency: (Duration, Duration),
    /// A position is wrong by up to so much.
    pub(super) position_jitter: Duration,
    /// Its own clock is so many millionths too fast.
    pub(super) ppm: i32,
    pub(super) deaf: bool,
}

/// A player.
#[derive(Debug)]
pub(super) struct Player {
    kind: PlayerKind,
    duration: f64,
    open: bool,
    place: f64,
    since: Instant,
    running: bool,
    rate: f64,
    stalled: bool,
    ended: bool,
    /// What it is about to do.
    due: Vec<(Instant, Due)>,
    stalls_until: Option<Instant>,
    pub(super) events: VecDeque<Event>,
    /// It began to run at these moments of the world.
    pub(super) started: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Due {
    Open(f64),
    Seek(f64),
    Start,
}

impl Player {
    pub(super) const fn new(kind: PlayerKind, duration: f64, now: Instant) -> Self {
        Self {
            kind,
            duration,
            open: false,
            place: 0.0,
            since: now,
            running: false,
            rate: 1.0,
            stalled: false,
            ended: false,
            due: Vec::new(),
            stalls_until: None,
            events: VecDeque::new(),
            started: None,
        }
    }

    pub(super) const fn is_deaf(&self) -> bool {
        self.kind.deaf
    }

    /// Where it really is, while frames come.
    pub(super) fn moving_at(&self, now: Instant) -> Option<f64> {
        let seeks = self.due.iter().any(|(_, due)| matches!(due, Due::Seek(_) | Due::Open(_)));
        (self.open && self.running && !self.stalled && !seeks).then(|| self.at(now))
    }

    pub(super) fn command(&mut self, now: Instant, clock: &SkewedClock, command: &Command, rng: &mut Rng) {
        self.settle(now);
        match command {
            Command::Load { start, .. } => {
                self.open = false;
                self.running = false;
                (self.rate, self.stalled, self.ended) = (1.0, false, false);
                self.due = vec![(now + duration_between(rng, MS(150), MS(900)), Due::Open(start.seconds()))];
            }
            Command::Unload => {
                (self.open, self.running) = (false, false);
                self.due.clear();
            }
            Command::Play if self.open => {
                self.due.retain(|(_, due)| *due != Due::Start);
                self.due.push((now + self.kind.start_latency, Due::Start));
            }
            Command::Pause if self.open => {
                self.due.retain(|(_, due)| *due != Due::Start);
                self.running = false;
                self.events.push_back(Event::Running(false));
            }
            Command::Seek(to) if self.open => {
                self.due.retain(|(_, due)| !matches!(due, Due::Seek(_)));
                let takes = duration_between(rng, self.kind.seek_latency.0, self.kind.seek_latency.1);
                self.due.push((now + takes, Due::Seek(to.seconds())));
            }
            Command::SetRate(rate) if !self.kind.deaf => self.rate = *rate,
            Command::AskPosition if self.open => {
                let seeks = self.due.iter().any(|(_, due)| matches!(due, Due::Seek(_)));
                if !seeks {
                    let moving = self.running && !self.stalled;
                    let spread = self.kind.position_jitter;
                    let wrong = if moving { jittered(rng, spread) } else { 0.0 };
                    let at = MediaTime::saturating(self.place + wrong);
                    self.events.push_back(Event::Position(Sample { at, taken: clock.shown(now), moving }));
                }
            }
            Command::Play
            | Command::Pause
            | Command::Seek(_)
            | Command::SetRate(_)
            | Command::AskPosition
            | Command::SetVolume(_)
            | Command::SetMuted(_)
            | Command::SelectTrack(..)
            | Command::AddSubtitles(_)
            | Command::StepFrame(_)
            | Command::SetSubtitleDelay(_)
            | Command::ShowText(_) => {}
        }
    }

    /// It has no bytes, or its machine does something else, until then.
    pub(super) fn stall(&mut self, until: Instant) {
        self.stalls_until = Some(until);
    }

    /// `ahead`: how much of the film lies verified before it, in seconds.
    pub(super) fn handle_timeout(&mut self, now: Instant, ahead: impl Fn(f64) -> f64) {
        self.settle(now);
        let mut due: Vec<(Instant, Due)> = self.due.extract_if(.., |(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        for (_, due) in due {
            match due {
                // A picture needs bytes.
                Due::Open(to) | Due::Seek(to) if ahead(to) < 0.2 => self.due.push((now + MS(100), due)),
                Due::Open(to) => {
                    (self.open, self.place) = (true, to);
                    let duration = MediaTime::new(self.duration);
                    self.events.push_back(Event::Opened { duration, tracks: Vec::new() });
                }
                Due::Seek(to) => {
                    self.place = to.min(self.duration);
                    self.ended = false;
                    self.events.push_back(Event::Sought(MediaTime::saturating(self.place)));
                }
                Due::Start => {
                    self.running = true;
                    self.started = Some(now);
                    self.events.push_back(Event::Running(true));
                }
            }
        }
        if !self.running {
            return;
        }
        if self.place >= self.duration && !self.ended {
            (self.ended, self.running) = (true, false);
            self.events.push_back(Event::Ended);
            return;
        }
        let own = self.stalls_until.is_some_and(|until| now < until);
        let needs = if self.stalled { 2.0 } else { 0.1 };
        let dry = ahead(self.place) < needs;
        let stalled = own || dry;
        if stalled != self.stalled {
            self.stalled = stalled;
            self.events.push_back(Event::Buffering(stalled));
        }
    }

    /// Where it waits for bytes: a read of theirs is what an engine fetches first.
    pub(super) fn wants(&self) -> Option<f64> {
        self.due.iter().find_map(|(_, due)| match due {
            Due::Open(to) | Due::Seek(to) => Some(*to),
            Due::Start => None,
        })
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let due = self.due.iter().map(|(at, _)| *at).min();
        let tick = (self.open && self.running).then(|| now + MS(100));
        [due, tick].into_iter().flatten().min()
    }

    fn settle(&mut self, now: Instant) {
        self.place = self.at(now);
        self.since = now;
    }

    fn at(&self, now: Instant) -> f64 {
        if !self.running || self.stalled {
            return self.place;
        }
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        (self.place + passed * self.rate * (1.0 + f64::from(self.kind.ppm) / 1e6)).min(self.duration)
    }
}

/// Up to so much too much or too little.
fn jittered(rng: &mut Rng, spread: Duration) -> f64 {
    let micros = u64::try_from(spread.as_micros()).unwrap_or_default();
    let drawn = rng.below(2 * micros + 1);
    Duration::from_micros(drawn).as_secs_f64() - spread.as_secs_f64()
}
