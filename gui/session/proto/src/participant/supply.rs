//! The engine: the film is shared or fetched through it, and what it tells becomes what is known of the film.

use std::time::{Duration, Instant};

use engine_proto::error::ErrorCode;
use engine_proto::ipc::{self, Add, AddSource, Command, Event, Fetch, FileChoice, Playhead, Room, Seed};
use serde_json::json;
use signal_proto::time::MediaTime;

use super::Participant;
use super::film::{Film, Source};
use super::io::{EngineNews, Output};
use super::notices::Subject;
use super::timers::Wake;
use crate::words::Happening;

/// After so long without anybody who has the film, a person is told what that may mean.
const LOOKING_PATIENCE: Duration = Duration::from_secs(20);
/// The engine is told where the player is so often.
const PLAYHEAD_EVERY: Duration = Duration::from_secs(1);

impl Participant {
    /// Shares a file or folder of this machine as the room's film.
    pub(super) fn share(&mut self, now: Instant, path: &str) {
        self.drop_film(now);
        self.film = Some(Film::own(now, path));
        self.forget_playing();
        self.ask_engine(now);
    }

    /// Tells the engine of the film, once both are there. A room's engines need the room's key first.
    pub(super) fn ask_engine(&mut self, now: Instant) {
        let room = self.door.swarm.as_ref().map(|swarm| Room { key: swarm.key, member: swarm.own });
        if !self.engine_up || !self.door.was_inside {
            return;
        }
        let Some(film) = self.film.as_mut().filter(|film| !film.asked && !film.failed) else { return };
        film.asked = true;
        film.since = now;
        let (tracker_url, private) = (Some(self.setup.rendezvous.clone()), Some(true));
        let command = match &film.source {
            Source::Own { path, .. } => Command::Seed(Seed {
                file_path: path.clone(),
                tracker_url,
                name: None,
                private,
                room,
                allow_stock: None,
            }),
            Source::Room { magnet } => Command::Add(Add {
                source: AddSource::Magnet(magnet.clone()),
                tracker_url,
                peers: Vec::new(),
                file: FileChoice::Largest,
                private,
                room,
                allow_stock: None,
                fetch: Fetch::All,
            }),
        };
        if !film.is_own() {
            self.timers.set(Wake::Looking, now + LOOKING_PATIENCE);
        }
        self.output(Output::Engine(command));
    }

    pub(super) fn on_engine(&mut self, now: Instant, news: EngineNews) {
        self.changed = true;
        match news {
            EngineNews::Up => {
                self.engine_up = true;
                self.clear_notice(Subject::Engine);
                if let Some(film) = &mut self.film {
                    film.asked = false;
                }
                self.subtitles_unknown_to_engine();
                self.ask_engine(now);
                self.ask_for_subtitles();
            }
            EngineNews::Down { problem, retry_in } => {
                self.engine_up = false;
                if let Some(film) = &mut self.film {
                    film.asked = false;
                }
                self.subtitles_unknown_to_engine();
                self.notice(Subject::Engine, problem.code.into(), &problem.message, retry_in);
            }
            EngineNews::Event(event) => self.on_engine_event(now, *event),
        }
    }

    fn on_engine_event(&mut self, now: Instant, event: Event) {
        if self.on_subtitles_event(now, &event) {
            return;
        }
        match event {
            Event::Hashing(hashing) => {
                if let Some(film) = self.film.as_mut().filter(|film| film.is_own()) {
                    let since = film.hashing.map_or(now, |(_, since)| since);
                    film.hashing = Some((hashing.progress, since));
                }
            }
            Event::Seeding(seeding) => self.on_seeding(now, seeding),
            Event::Added(added) => {
                let Some(film) = self.film.as_mut().filter(|film| !film.is_own()) else { return };
                if film.infohash.is_some_and(|infohash| infohash != added.infohash) {
                    return;
                }
                film.infohash = Some(added.infohash);
                film.name = added.name;
                film.length = added.length;
                self.clear_notice(Subject::Supply);
                self.timers.stop(Wake::Looking);
                self.want_place();
                self.take_url(now, added.server_url);
            }
            Event::Progress(progress) => {
                let Some(film) = self.film.as_mut().filter(|film| film.infohash == Some(progress.infohash)) else {
                    return;
                };
                film.figures = progress.figures;
                if film.length == 0 {
                    film.length = film.figures.total_bytes;
                }
                if film.figures.state != ipc::State::Paused {
                    self.clear_notice(Subject::Disk);
                }
                if self.film.as_ref().is_some_and(|film| film.figures.peers > 0) {
                    self.clear_notice(Subject::Supply);
                }
                self.tell_ready(now);
            }
            Event::Done(done) => {
                if let Some(name) = self.film_of(done.infohash).map(|film| film.name.clone()) {
                    self.clear_notice(Subject::Supply);
                    self.happened(now, &Happening::AllHere { film: &name });
                    self.tell_ready(now);
                }
            }
            Event::Error(error) => self.on_engine_error(&error),
            Event::Info(info) => log::info!("the engine: {}", info.message),
            Event::Ready(_) | Event::Stopped(_) | Event::Status(_) => {}
        }
    }

    fn film_of(&self, infohash: engine_proto::infohash::Infohash) -> Option<&Film> {
        self.film.as_ref().filter(|film| film.infohash == Some(infohash))
    }

    fn on_seeding(&mut self, now: Instant, seeding: ipc::Seeding) {
        let Some(film) = self.film.as_mut().filter(|film| film.is_own()) else { return };
        let is_first = film.url.is_none();
        film.infohash = Some(seeding.infohash);
        film.name = seeding.name;
        film.length = seeding.length;
        if let Source::Own { magnet, .. } = &mut film.source {
            *magnet = Some(seeding.magnet_uri);
        }
        self.want_place();
        self.take_url(now, seeding.server_url);
        if is_first && self.is_inside() {
            let name = self.film.as_ref().map(|film| film.name.clone()).unwrap_or_default();
            self.happened(now, &Happening::Shares { by: None, film: &name });
            self.tell_film();
        }
        // They waited for the film to be read.
        self.ask_for_subtitles();
    }

    /// The film can be played from there; a player that has it from elsewhere opens it anew.
    fn take_url(&mut self, now: Instant, url: String) {
        let Some(film) = &mut self.film else { return };
        if film.url.as_ref() != Some(&url) || !(self.play.player.open || self.play.player.loading.is_some()) {
            film.url = Some(url);
            self.open_player(now);
        }
        self.timers.set_by(Wake::Playhead, now + PLAYHEAD_EVERY);
    }

    fn on_engine_error(&mut self, error: &ipc::Error) {
        let is_about_it = error.infohash.is_none()
            || self.film.as_ref().is_some_and(|film| film.infohash.is_none() || film.infohash == error.infohash);
        if !is_about_it {
            return log::info!("the engine, of another torrent: {} ({})", error.message, error.code);
        }
        let (subject, is_fatal) = match error.code {
            ErrorCode::E001 | ErrorCode::E002 | ErrorCode::E007 | ErrorCode::E010 => (Subject::Engine, false),
            ErrorCode::E003 | ErrorCode::E005 | ErrorCode::E008 => (Subject::Film, true),
            ErrorCode::E004 | ErrorCode::E009 => (Subject::Supply, false),
            ErrorCode::E006 => (Subject::Disk, false),
        };
        if let Some(film) = self.film.as_mut().filter(|_| is_fatal) {
            film.failed = true;
            self.ask_for_subtitles();
        }
        self.notice(subject, error.code.into(), &error.message, None);
    }

    /// Nobody who has the film was found for long.
    pub(super) fn looking_timeout(&mut self) {
        let lacks = self.film.as_ref().is_some_and(|film| film.url.is_none() && !film.failed);
        if lacks && !self.notices.stands(Subject::Supply) {
            self.notice(Subject::Supply, ErrorCode::E004.into(), "", None);
        }
    }

    /// The engine fetches what the player needs next.
    pub(super) fn tell_playhead(&mut self, now: Instant) {
        let Some(film) = self.film.as_ref().filter(|film| film.asked) else { return };
        let (Some(infohash), Some(duration)) = (film.infohash, film.duration) else {
            return self.timers.set(Wake::Playhead, now + PLAYHEAD_EVERY);
        };
        let opens = self.play.player.loading.map(MediaTime::seconds);
        let place = self.play.player_place(now).or(opens).unwrap_or_else(|| self.room_place(now));
        let playhead = Playhead {
            infohash,
            position: place.clamp(0.0, duration.seconds()),
            duration: duration.seconds(),
            playing: self.play.player.told_running,
        };
        if playhead.duration > 0.0 && !film.is_complete() {
            self.output(Output::Engine(Command::Playhead(playhead)));
        }
        self.timers.set(Wake::Playhead, now + PLAYHEAD_EVERY);
    }

    /// The player knows how long the film is; who shares it tells the room.
    pub(super) fn tell_duration(&mut self) {
        let Some(film) = self.film.as_ref().filter(|film| film.is_own()) else { return };
        let Some(duration) = film.duration.filter(|_| self.is_inside() && self.may_control()) else { return };
        self.say("movie-loaded", json!({"name": film.name, "duration": duration.seconds()}));
    }
}
