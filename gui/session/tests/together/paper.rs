//! A player that shows nothing and obeys at once; where it is follows from its clock.

use std::time::{Duration, Instant};

use session::player::Player;
use session::proto::player::{Command, Event, Sample, Track, TrackKind, Traits};
use signal_proto::time::MediaTime;
use smol::channel::{Receiver, Sender, unbounded};

/// Seconds of every film.
pub(crate) const DURATION: f64 = 90.0;

pub(crate) struct PaperPlayer {
    events: Sender<Event>,
    heard: Receiver<Event>,
    place: f64,
    since: Option<Instant>,
    rate: f64,
}

impl PaperPlayer {
    pub(crate) fn new() -> Self {
        let (events, heard) = unbounded();
        Self { events, heard, place: 0.0, since: None, rate: 1.0 }
    }

    fn now(&self) -> f64 {
        self.place + self.since.map_or(0.0, |since| since.elapsed().as_secs_f64() * self.rate)
    }

    fn stop_at(&mut self, place: f64, running: bool) {
        self.place = place;
        self.since = running.then(Instant::now);
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more.
        let _ = self.events.try_send(event);
    }
}

impl Player for PaperPlayer {
    fn traits(&self) -> Traits {
        Traits { live_rate_max: 0.05, keeps_pitch: true, start_latency: Duration::ZERO }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Load { start, .. } => {
                self.stop_at(start.seconds(), false);
                self.rate = 1.0;
                self.tell(Event::Opened { duration: MediaTime::new(DURATION), tracks: Vec::new() });
            }
            Command::Play => {
                self.stop_at(self.now(), true);
                self.tell(Event::Running(true));
            }
            Command::Pause => {
                self.stop_at(self.now(), false);
                self.tell(Event::Running(false));
            }
            Command::Seek(to) => {
                self.stop_at(to.seconds(), self.since.is_some());
                self.tell(Event::Sought(to));
            }
            Command::SetRate(rate) => {
                self.stop_at(self.now(), self.since.is_some());
                self.rate = rate;
            }
            Command::AskPosition => {
                let at = MediaTime::saturating(self.now());
                self.tell(Event::Position(Sample { at, taken: Instant::now(), moving: self.since.is_some() }));
            }
            Command::AddSubtitles(path) => {
                let track = Track {
                    kind: TrackKind::Subtitle,
                    id: 1,
                    language: None,
                    title: Some(path),
                    codec: None,
                    selected: true,
                };
                self.tell(Event::Tracks(vec![track]));
            }
            Command::Unload
            | Command::SetVolume(_)
            | Command::SetMuted(_)
            | Command::SelectTrack(..)
            | Command::StepFrame(_)
            | Command::SetSubtitleDelay(_)
            | Command::ShowText(_) => {}
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.heard.clone()
    }
}
