//! Where a film was left: kept while it is watched, and offered when it is opened again, before it moves.

use std::time::{Duration, Instant};

use engine_proto::infohash::Infohash;
use signal_proto::playback::{Anchor, PlaybackState};
use signal_proto::time::MediaTime;

use super::Participant;
use super::io::Output;
use super::timers::Wake;
use super::wishes::Offline;
use crate::settings::{Place, WATCHED_MIN};
use crate::view::{self, Part};
use crate::words::Deed;

/// While a film plays, its place is kept so often: what a crash costs, and a write of a small file.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// Two places that are nearer are one, in seconds.
const SAME_PLACE: f64 = 1.0;
/// A film that stands so near to its start has not moved, in seconds.
const AT_START: f64 = 0.5;

/// What is known of the film's place of an earlier time.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// The film whose place was asked for.
    asked: Option<Infohash>,
    kept: Option<Place>,
    /// It moved, or the person has answered: nothing is offered any more.
    settled: bool,
    /// The film has been moved, so where it is means something.
    moved: bool,
    /// What was said last.
    said: Option<Place>,
}

impl Participant {
    /// Asks where the film was left, once its torrent is known.
    pub(super) fn want_place(&mut self) {
        let Some(infohash) = self.film.as_ref().and_then(|film| film.infohash) else { return };
        if self.resume.asked != Some(infohash) {
            self.resume.asked = Some(infohash);
            self.output(Output::WantPlace(infohash));
        }
    }

    /// The film was left there.
    pub(super) fn on_place(&mut self, place: Place) {
        let is_this = self.film.as_ref().is_some_and(|film| film.infohash == Some(place.info_hash));
        if is_this {
            self.resume.kept = Some(place);
            self.changed = true;
        }
    }

    /// Another film, or none.
    pub(super) fn forget_place(&mut self) {
        self.resume = Resume::default();
        self.timers.stop(Wake::Place);
    }

    /// The room is there: a film that has moved is not resumed any more.
    pub(super) fn note_course(&mut self, anchor: &Anchor) {
        if !is_at_start(anchor) {
            self.resume.settled = true;
            self.resume.moved = true;
        }
    }

    /// What the person is asked, while it has a meaning: once a film, and only whoever may move it.
    pub(super) fn resume_offered(&self) -> Option<view::Resume> {
        let asks = !self.resume.settled && !self.has_moved() && self.may_control();
        let asks = asks && self.play.player.open && self.play.part == Part::InStep;
        let place = self.resume.kept.filter(|place| asks && self.is_inside() && place.is_worth_resuming())?;
        Some(view::Resume { at: place.at })
    }

    /// The person's answer.
    pub(super) fn answer_resume(&mut self, now: Instant, goes_on: bool) {
        let Some(view::Resume { at }) = self.resume_offered() else { return };
        self.resume.settled = true;
        if goes_on {
            self.if_may(now, Deed::Jump, |this| this.move_film(now, Offline::Seek, at));
        }
    }

    /// The player runs or stands from now on, by its own word.
    pub(super) fn keep_place_while(&mut self, now: Instant, running: bool) {
        if running {
            self.timers.set_by(Wake::Place, now + KEEP_EVERY);
        } else {
            self.timers.stop(Wake::Place);
            self.keep_place(now);
        }
    }

    pub(super) fn place_timeout(&mut self, now: Instant) {
        self.keep_place(now);
        if self.play.player.running {
            self.timers.set(Wake::Place, now + KEEP_EVERY);
        }
    }

    /// Says where this person is in the film. What was hardly begun keeps the place of before.
    pub(super) fn keep_place(&mut self, now: Instant) {
        let by_oneself = self.play.part == Part::Spectating;
        if !(self.play.player.open && (self.has_moved() || by_oneself)) {
            return;
        }
        let Some(film) = &self.film else { return };
        let Some((info_hash, duration)) = film.infohash.zip(film.duration.map(MediaTime::seconds)) else { return };
        // One that is on its way says no place: it goes where the room is.
        let at = self.play.player_place(now).unwrap_or_else(|| self.room_place(now)).min(duration);
        let place = Place { info_hash, at, duration };
        if at < WATCHED_MIN || self.resume.said.is_some_and(|said| (said.at - at).abs() < SAME_PLACE) {
            return;
        }
        self.resume.said = Some(place);
        self.output(Output::KeepPlace(place));
    }

    /// The room was somewhere else than at the film's start, or is.
    fn has_moved(&self) -> bool {
        self.resume.moved || self.play.anchor.as_ref().is_none_or(|anchor| !is_at_start(anchor))
    }
}

fn is_at_start(anchor: &Anchor) -> bool {
    anchor.state == PlaybackState::Paused && anchor.position.seconds() < AT_START
}
