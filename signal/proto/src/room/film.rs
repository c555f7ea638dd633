//! What is watched: the film, its news, its subtitles.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Room, Said};
use crate::error::Problem;
use crate::event::FilmNews;
use crate::ids::ParticipantId;
use crate::limits::SUBTITLES_MAX;
use crate::payload::Payload;
use crate::playback::{Cause, PlaybackState};
use crate::roles::Power;
use crate::sync::gate;

/// A film, as far as somebody told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Film {
    pub(super) magnet: Option<String>,
    pub(super) stream_path: Option<String>,
    pub(super) name: Option<String>,
    pub(super) movie: Option<FilmNews>,
}

impl Room {
    pub(super) fn on_magnet(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        magnet: String,
        stream_path: Option<String>,
        name: Option<String>,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Control)?;
        let before = self.film.as_ref().and_then(|film| film.magnet.as_deref()).map(torrent_of);
        let is_another = before.as_ref().is_some_and(|before| *before != torrent_of(&magnet));
        let is_first = before.is_none();
        let movie = self.film.take().and_then(|film| film.movie).filter(|_| !is_another);
        self.film = Some(Film { magnet: Some(magnet), stream_path, name, movie });
        if is_another {
            self.begin_film(now, Cause::of(who, "film"), true);
        } else if is_first {
            // A client may play first and share then: what moves already goes on.
            self.anchor.epoch += 1;
            self.anchor.seq += 1;
            self.keep_held();
            self.name_film(now);
        }
        let told = self.magnet_told(who.as_str());
        self.say_to_others(who, Said::new("torrent-magnet", told.clone()));
        if is_another || is_first {
            self.say_state(now);
        }
        Ok(Some(told))
    }

    pub(super) fn on_movie_loaded(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        news: FilmNews,
    ) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Control)?;
        let is_first = self.film.is_none();
        let film = self.film.get_or_insert(Film { magnet: None, stream_path: None, name: None, movie: None });
        let told = movie_told(&news);
        film.movie = Some(news);
        if is_first {
            self.name_film(now);
        }
        self.say_to_others(who, Said::new("movie-loaded", told.clone()));
        Ok(Some(told))
    }

    pub(super) fn on_media_cleared(&mut self, now: Instant, who: &ParticipantId) -> Result<Option<Payload>, Problem> {
        self.check(who, Power::Control)?;
        self.film = None;
        self.subtitles.clear();
        self.begin_film(now, Cause::of(who, "cleared"), false);
        let told = Payload::from(json!({ "by": who.as_str(), "epoch": self.anchor.epoch }));
        self.say_to_others(who, Said::new("media-cleared", told.clone()));
        self.say_state(now);
        Ok(Some(told))
    }

    pub(super) fn on_subtitle(
        &mut self,
        who: &ParticipantId,
        magnet: &str,
        name: &str,
        language: Option<&str>,
    ) -> Result<Option<Payload>, Problem> {
        let told = json!({ "magnet": magnet, "name": name, "language": language, "by": who.as_str() });
        let told = Payload::from(told);
        self.subtitles.retain(|(kept, _)| kept != magnet);
        self.subtitles.push_back((magnet.to_owned(), told.clone()));
        if self.subtitles.len() > SUBTITLES_MAX {
            self.subtitles.pop_front();
        }
        self.say_to_all(Said::new("subtitle-shared", told.clone()));
        Ok(Some(told))
    }

    /// Somebody who comes later hears of the film as those did who were here.
    pub(super) fn show_film(&mut self, who: &ParticipantId) {
        let Some(film) = &self.film else { return };
        let magnet = film.magnet.is_some().then(|| Said::new("torrent-magnet", self.magnet_told("")));
        let movie = film.movie.as_ref().map(|movie| Said::new("movie-loaded", movie_told(movie)));
        let subtitles = self.subtitles.iter().map(|(_, told)| Said::new("subtitle-shared", told.clone()));
        let all: Vec<Said> = magnet.into_iter().chain(movie).chain(subtitles).collect();
        all.into_iter().for_each(|said| self.say(who, said));
    }

    /// How long the film is, once somebody said so.
    pub(super) fn duration(&self) -> Option<f64> {
        Some(self.film.as_ref()?.movie.as_ref()?.duration?.seconds())
    }

    /// Another film, or none: from its beginning, and nobody is ready.
    fn begin_film(&mut self, now: Instant, cause: Cause, present: bool) {
        self.anchor.new_film(self.server_now(now), cause);
        self.forget_plans();
        self.sought_seq = self.anchor.seq;
        self.gate.handle_input(now, gate::Input::Film { present });
    }

    /// What the room does already concerns a film from now on.
    fn name_film(&mut self, now: Instant) {
        let input = match self.anchor.state {
            PlaybackState::Paused => gate::Input::Film { present: true },
            PlaybackState::Playing | PlaybackState::Waiting => gate::Input::FilmNamed,
        };
        self.gate.handle_input(now, input);
    }

    fn magnet_told(&self, by: &str) -> Payload {
        let film = self.film.as_ref();
        let mut told = json!({
            "magnetURI": film.and_then(|film| film.magnet.as_deref()),
            "streamPath": film.and_then(|film| film.stream_path.as_deref()),
            "name": film.and_then(|film| film.name.as_deref()),
            "epoch": self.anchor.epoch,
        });
        if !by.is_empty() {
            told["by"] = by.into();
        }
        told.into()
    }
}

fn movie_told(news: &FilmNews) -> Payload {
    json!({ "name": news.name, "duration": news.duration.map(crate::time::MediaTime::seconds) }).into()
}

/// What of a magnet says which torrent it is: its infohashes, in lower case. The rest is names and hints.
fn torrent_of(magnet: &str) -> Vec<String> {
    let query = magnet.strip_prefix("magnet:?").unwrap_or(magnet);
    let mut topics: Vec<String> = query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| *name == "xt" || name.starts_with("xt."))
        .map(|(_, topic)| topic.to_ascii_lowercase().replace("%3a", ":"))
        .collect();
    topics.sort();
    if topics.is_empty() { vec![query.to_owned()] } else { topics }
}
