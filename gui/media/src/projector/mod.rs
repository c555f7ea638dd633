//! What is done with the film: commands and GStreamer's messages in, events out. On the player's thread.
//!
//! `Projector` holds what outlives a film (volume, delay), [`Film`] one film from its opening to its end.

mod captions;
mod choice;
mod film;
mod messages;
mod moving;
mod output;
#[cfg(test)]
mod tests;
mod warming;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::channel::Sender;

use crate::command::Command;
use crate::event::{Event, Failure};
use crate::failure;
use crate::frame::Shutter;
use crate::limits::WHY_CHARS_MAX;
use crate::pipeline::{Bell, Pipeline};
use crate::player::Options;
use crate::sound::{self, Sound};
use crate::words::printable;
use captions::Captions;
use film::{Film, Outcome};

/// Everything behind a [`Player`](crate::Player).
pub(crate) struct Projector {
    options: Options,
    events: Sender<Event>,
    bell: Bell,
    volume: f64,
    muted: bool,
    subtitle_delay: f64,
    film: Option<Film>,
}

impl Projector {
    pub(crate) fn new(options: Options, events: Sender<Event>, bell: Bell) -> Self {
        Self { options, events, bell, volume: 1.0, muted: false, subtitle_delay: 0.0, film: None }
    }

    pub(crate) fn handle_command(&mut self, command: Command) {
        match command {
            Command::Load { url, start, title } => {
                log::debug!("opens {title:?}");
                self.unload();
                self.load(&url, start);
            }
            Command::Unload => self.unload(),
            Command::SetVolume(volume) => {
                self.volume = volume.clamp(0.0, 1.0);
                self.set_volume();
            }
            Command::SetMuted(muted) => {
                self.muted = muted;
                self.set_volume();
            }
            Command::Play => self.with_film(Film::play),
            Command::Pause => self.with_film(Film::pause),
            Command::Seek(to) => self.with_film(|film| film.seek(to)),
            Command::SetRate(rate) => self.with_film(|film| film.set_rate(rate)),
            Command::AskPosition => self.with_film(Film::ask_position),
            Command::StepFrame(by) => self.with_film(|film| film.step(by)),
            Command::SelectTrack(kind, id) => self.with_film(|film| film.select(kind, id)),
            Command::AddSubtitles(address) => {
                let bell = self.bell.clone();
                self.with_film(|film| film.add_subtitles(address, &bell));
            }
            Command::SetSubtitleDelay(seconds) => {
                if seconds.is_finite() {
                    self.subtitle_delay = seconds;
                    self.with_film(|film| film.set_subtitle_delay(seconds));
                }
            }
        }
    }

    /// Takes in what GStreamer said.
    pub(crate) fn handle_messages(&mut self) {
        while let Some(message) = self.film.as_ref().and_then(Film::poll_message) {
            self.with_film(|film| film.handle_message(&message));
        }
        self.with_film(Film::look_at_tracks);
        self.with_film(Film::caption);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.with_film(|film| film.handle_timeout(now));
        self.with_film(Film::caption);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.film.as_ref().and_then(Film::poll_timeout)
    }

    fn load(&mut self, url: &str, start: Duration) {
        match self.open(url, &self.options.sound) {
            Ok((pipeline, is_heard)) => {
                if !is_heard && self.options.sound != Sound::Silent {
                    self.tell(Event::NoSoundDevice);
                }
                let captions = Captions::new(Arc::clone(&self.options.cues), self.subtitle_delay);
                let clock = Arc::clone(&self.options.clock);
                self.film = Some(Film::new(pipeline, captions, url.to_owned(), start, clock));
                self.set_volume();
                self.with_film(Film::open);
            }
            Err(failure) => self.tell(Event::Failed(failure)),
        }
    }

    fn open(&self, url: &str, to: &Sound) -> Result<(Pipeline, bool), Failure> {
        let no_player = |why: &str| Failure::NoPlayer { why: printable(why, WHY_CHARS_MAX) };
        gst::init().map_err(|error| no_player(error.message()))?;
        let uri = uri(url)?;
        let (sink, is_heard) = sound::sink(to).map_err(|error| no_player(&error.message))?;
        let shutter = Arc::new(Shutter::new(Arc::clone(&self.options.frames)));
        let pipeline = Pipeline::new(&uri, &sink, shutter, &self.bell).map_err(|error| no_player(&error.message))?;
        Ok((pipeline, is_heard))
    }

    fn unload(&mut self) {
        self.film = None;
    }

    /// Does something with the film, if there is one, and tells what came of it.
    fn with_film(&mut self, what: impl FnOnce(&mut Film)) {
        let Some(film) = &mut self.film else { return };
        what(film);
        while let Some(outcome) = film.poll_outcome() {
            match outcome {
                Outcome::Tell(event) => tell(&self.events, event),
                Outcome::Failed(error) => {
                    let failure = failure::failure(&error, film.missing());
                    self.unload();
                    return self.tell(Event::Failed(failure));
                }
                Outcome::SoundLost => {
                    self.tell(Event::NoSoundDevice);
                    return self.open_again(None, &Sound::Silent);
                }
                Outcome::Astray(place) => return self.open_again(Some(place), &self.options.sound.clone()),
            }
        }
    }

    /// In a new pipeline, at that place or where it is.
    fn open_again(&mut self, place: Option<Duration>, sound: &Sound) {
        let Some(mut film) = self.film.take() else { return };
        let url = film.url().to_owned();
        match film.move_to(place, || self.open(&url, sound).map(|(pipeline, _)| pipeline)) {
            Ok(()) => {
                self.film = Some(film);
                self.set_volume();
                self.with_film(Film::open);
            }
            Err(failure) => self.tell(Event::Failed(failure)),
        }
    }

    fn set_volume(&mut self) {
        if let Some(film) = &mut self.film {
            // Loudness is felt like the cube root of the factor.
            film.set_volume(self.volume.powi(3), self.muted);
        }
    }

    fn tell(&self, event: Event) {
        tell(&self.events, event);
    }
}

/// Whoever does not listen makes the thread wait; whoever has gone is told nothing.
fn tell(events: &Sender<Event>, event: Event) {
    log::debug!("tells {event:?}");
    let _ = events.send_blocking(event);
}

/// An address as it is, a path as an address.
fn uri(url: &str) -> Result<String, Failure> {
    if url.contains("://") {
        return Ok(url.to_owned());
    }
    let path = std::path::absolute(url).map_err(|error| Failure::Unreadable { why: error.to_string() })?;
    let uri = gst::glib::filename_to_uri(path, None);
    uri.map(String::from).map_err(|error| Failure::Unreadable { why: printable(error.message(), WHY_CHARS_MAX) })
}
