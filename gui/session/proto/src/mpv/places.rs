//! Where mpv is: the ends of our seeks, and seeks that were not ours.
//!
//! mpv folds seeks into one another and says only that one begins (`seek`) and that a picture is shown (`playback-restart`). So a
//! seek of ours is over when it was taken, began after that, and the picture is near where it was meant to be.

use std::time::Instant;

use serde_json::json;
use signal_proto::time::MediaTime;

use super::{Asked, Film, Load, Mpv, Open, Seek};
use crate::player::{Event, PlayerWish};

/// mpv shows the picture at or after a place; one further away is of another seek. Less than that is no wish either: choosing a
/// track makes mpv seek to where it is.
const NEAR: f64 = 0.5;
/// A seek that ended elsewhere is sent so often.
const TRIES_MAX: u32 = 2;

impl Mpv {
    /// Sends a seek; `tries` were made before.
    pub(super) fn seek(&mut self, to: MediaTime, tries: u32, undoes: bool) {
        let number = self.ask(json!(["seek", to.seconds(), "absolute+exact"]), Asked::Seek);
        if let Film::Open(open) = &mut self.film {
            open.seek = Some(Seek { to, number, taken: false, begun: false, tries: tries + 1, undoes });
            (open.strayed, open.ended) = (false, false);
        }
    }

    /// mpv took a seek, or cannot.
    pub(super) fn on_seek_answer(&mut self, number: u64, is_taken: bool) {
        let Film::Open(open) = &mut self.film else { return };
        let Some(seek) = open.seek.as_mut().filter(|seek| seek.number == number) else { return };
        seek.taken = true;
        if !is_taken {
            let undoes = seek.undoes;
            open.seek = None;
            if !undoes {
                self.tell(Event::SeekFailed);
            }
        }
    }

    /// A seek begins: ours, or somebody else's.
    pub(super) const fn on_seek_begins(&mut self) {
        let Film::Open(open) = &mut self.film else { return };
        match &mut open.seek {
            Some(seek) => seek.begun = seek.taken,
            None => open.strayed = true,
        }
    }

    /// A picture is shown after opening or a seek: where?
    pub(super) fn on_restart(&mut self) {
        let asked = match self.film {
            Film::Opening { load: Load::Begun, .. } => {
                self.ask(json!(["get_property", "duration"]), Asked::Duration);
                self.ask(json!(["get_property", "track-list"]), Asked::Tracks);
                Asked::Opened
            }
            Film::Open(Open { seek: Some(Seek { number, begun: true, .. }), .. }) => Asked::Arrived(number),
            Film::Open(Open { seek: None, strayed: true, .. }) => Asked::Strayed,
            Film::Open(_) | Film::Opening { .. } | Film::None => return,
        };
        self.ask(json!(["get_property", "time-pos"]), asked);
    }

    pub(super) fn on_opened(&mut self, now: Instant, place: Option<MediaTime>) {
        let Film::Opening { start, load: Load::Begun } = self.film else { return };
        let at = place.unwrap_or(start);
        self.film = Film::Open(Open { seek: None, strayed: false, ended: false, known: (at, now) });
        self.tell(Event::Opened { duration: self.duration, tracks: self.tracks.clone() });
        if !self.is_near(at, start) {
            // It could not begin there, or was sent elsewhere meanwhile.
            self.seek(start, TRIES_MAX - 1, false);
        }
    }

    /// The picture after that seek of ours is at `place`.
    pub(super) fn on_arrived(&mut self, now: Instant, number: u64, place: Option<MediaTime>) {
        let Film::Open(open) = &mut self.film else { return };
        let Some(seek) = open.seek.filter(|seek| seek.number == number) else { return };
        let at = place.unwrap_or(seek.to);
        open.known = (at, now);
        open.seek = None;
        if self.is_near(at, seek.to) {
            if !seek.undoes {
                self.tell(Event::Sought(at));
            }
            return;
        }
        if seek.undoes {
            // Whoever sought has gone on seeking: a slider is being dragged.
            self.tell(Event::Wished(PlayerWish::Seek(at)));
        }
        if seek.tries < TRIES_MAX {
            self.seek(seek.to, seek.tries, seek.undoes);
        } else if !seek.undoes {
            self.tell(Event::SeekFailed);
        }
    }

    /// Somebody else sought to `place`: it is undone, and a wish. What lies between where it was and where it can be by now was
    /// nobody's wish.
    pub(super) fn on_strayed(&mut self, now: Instant, place: Option<MediaTime>) {
        let (running, rate) = (self.running, self.rate);
        let Film::Open(open) = &mut self.film else { return };
        open.strayed = false;
        let Some(at) = place.filter(|_| open.seek.is_none()) else { return };
        let (from, since) = open.known;
        let passed = if running { now.saturating_duration_since(since).as_secs_f64() * rate } else { 0.0 };
        if (from.seconds() - NEAR..from.seconds() + passed + NEAR).contains(&at.seconds()) {
            return;
        }
        self.tell(Event::Wished(PlayerWish::Seek(at)));
        self.seek(from.plus(passed), 0, true);
    }

    /// Beyond the film's end is its end.
    fn is_near(&self, at: MediaTime, meant: MediaTime) -> bool {
        let meant = self.duration.map_or(meant, |end| meant.min(end));
        (at.seconds() - meant.seconds()).abs() <= NEAR
    }
}
