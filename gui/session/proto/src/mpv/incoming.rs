//! What mpv says, line by line.

use std::time::Instant;

use engine_proto::words::printable;
use serde_json::Value;
use signal_proto::time::MediaTime;

use super::tracks::tracks;
use super::{Asked, Film, Mpv};
use crate::limits::DETAIL_CHARS_MAX;
use crate::player::{Event, Failure, PlayerWish, Sample};

/// mpv shows the picture at or after a place; one that is further away is of a seek before.
const ARRIVED_NEAR: f64 = 0.5;
/// A place that changes by more than that while nothing was sought was sought by somebody else.
const TRACKS_MAX: usize = 128;

impl Mpv {
    /// Takes in a line of mpv's. What is no line of its protocol says nothing.
    pub fn handle_line(&mut self, now: Instant, line: &str) {
        let Ok(said) = serde_json::from_str::<Value>(line) else { return };
        if let Some(name) = said["event"].as_str() {
            self.on_event(name, &said);
        } else if let Some(asked) = said["request_id"].as_u64().and_then(|id| self.asked.remove(&id)) {
            let is_good = said["error"] == "success";
            self.on_answer(now, asked, is_good.then(|| &said["data"]));
        }
    }

    fn on_event(&mut self, name: &str, said: &Value) {
        match name {
            "property-change" => self.on_property(said["name"].as_str().unwrap_or_default(), &said["data"]),
            "playback-restart" => {
                let is_awaited = matches!(self.film, Film::Opening { .. } | Film::Open { seeking: Some(_), .. });
                if is_awaited {
                    self.send(serde_json::json!(["get_property", "time-pos"]), Asked::Arrived);
                }
            }
            "end-file" => self.on_end_file(said),
            "client-message" => self.on_key(&said["args"]),
            // Others are of no use here, and newer ones may come.
            _ => {}
        }
    }

    fn on_property(&mut self, name: &str, data: &Value) {
        match name {
            "pause" => self.on_pause(data.as_bool() == Some(true)),
            "paused-for-cache" => {
                let buffering = data.as_bool() == Some(true);
                if buffering != self.buffering {
                    self.buffering = buffering;
                    self.tell(Event::Buffering(buffering));
                }
            }
            "eof-reached" => {
                if let Film::Open { ended, .. } = &mut self.film {
                    let is_news = !*ended && data.as_bool() == Some(true);
                    *ended = data.as_bool() == Some(true);
                    if is_news {
                        self.running = false;
                        self.tell(Event::Ended);
                    }
                }
            }
            "core-idle" => self.idle = data.as_bool() != Some(false),
            "duration" => self.duration = data.as_f64().and_then(MediaTime::new),
            "track-list" => self.tracks = tracks(data, TRACKS_MAX),
            _ => {}
        }
    }

    /// Pause changed: by our word, or by somebody else's, which is undone and a wish.
    fn on_pause(&mut self, paused: bool) {
        if !matches!(self.film, Film::Open { .. }) {
            return;
        }
        if paused != self.told_running {
            if self.running != self.told_running {
                self.running = self.told_running;
                self.tell(Event::Running(self.running));
            }
            return;
        }
        // While a word of ours is on its way, what it says is of before.
        if self.pausing == 0 {
            self.tell(Event::Wished(if paused { PlayerWish::Pause } else { PlayerWish::Play }));
            let running = self.told_running;
            self.tell_running(running);
        }
    }

    fn on_end_file(&mut self, said: &Value) {
        if matches!(self.film, Film::None) || said["reason"] != "error" {
            return;
        }
        let why = said["file_error"].as_str().unwrap_or("it cannot be opened");
        let codec = self.tracks.iter().find_map(|track| track.codec.clone());
        self.fail(match (why, codec) {
            ("no audio or video data played", Some(codec)) => Failure::NoDecoder { codec },
            (why, _) => Failure::Unreadable { why: printable(why, DETAIL_CHARS_MAX) },
        });
    }

    /// A key of mpv's window.
    fn on_key(&mut self, args: &Value) {
        let word = |at: usize| args[at].as_str().unwrap_or_default();
        if word(0) != "sharestream" || !matches!(self.film, Film::Open { .. }) {
            return;
        }
        match word(1) {
            "toggle" => self.tell(Event::Wished(if self.told_running { PlayerWish::Pause } else { PlayerWish::Play })),
            "play" => self.tell(Event::Wished(PlayerWish::Play)),
            "pause" => self.tell(Event::Wished(PlayerWish::Pause)),
            "by" => {
                if let Some(by) = word(2).parse().ok().filter(|by: &f64| by.is_finite()) {
                    self.tell(Event::Wished(PlayerWish::SeekBy(by)));
                }
            }
            "to" => {
                if let Some(to) = word(2).parse().ok().and_then(MediaTime::new) {
                    self.tell(Event::Wished(PlayerWish::Seek(to)));
                }
            }
            _ => {}
        }
    }

    /// `data` is `None` for a refusal.
    fn on_answer(&mut self, now: Instant, asked: Asked, data: Option<&Value>) {
        let place = data.and_then(Value::as_f64).map(MediaTime::saturating);
        match asked {
            Asked::Nothing => {}
            Asked::Pause => {
                self.pausing = self.pausing.saturating_sub(1);
                // Its own change may have been told before, or never, if it changed nothing.
                if self.pausing == 0 {
                    self.on_pause(!self.told_running);
                }
            }
            Asked::Seek if data.is_none() => {
                if let Film::Open { seeking, .. } = &mut self.film
                    && seeking.take().is_some()
                {
                    self.tell(Event::SeekFailed);
                }
            }
            Asked::Seek => {}
            Asked::Place { sent, by_sound: true } if place.is_none() => {
                // A film without sound has only pictures.
                self.send(
                    serde_json::json!(["get_property", "time-pos"]),
                    Asked::Place { sent: now.max(sent), by_sound: false },
                );
            }
            Asked::Place { sent, .. } => {
                let is_settled = matches!(self.film, Film::Open { seeking: None, .. });
                if let Some(at) = place.filter(|_| is_settled) {
                    // It was there at some moment between question and answer.
                    let taken = sent + now.saturating_duration_since(sent) / 2;
                    let moving = self.running && !self.idle && !self.buffering;
                    self.tell(Event::Position(Sample { at, taken, moving }));
                }
            }
            Asked::Arrived => self.on_arrived(place),
        }
    }

    /// A picture is shown after opening or a seek.
    fn on_arrived(&mut self, place: Option<MediaTime>) {
        match self.film {
            Film::Opening { start } => {
                self.film = Film::Open { seeking: None, ended: false };
                let at = place.unwrap_or(start);
                self.tell(Event::Opened { duration: self.duration, tracks: self.tracks.clone() });
                if (at.seconds() - start.seconds()).abs() > ARRIVED_NEAR {
                    // It could not begin there; where it is, is told by its answer.
                    self.tell(Event::SeekFailed);
                }
            }
            Film::Open { seeking: Some(to), ended } => {
                let at = place.unwrap_or(to);
                if (at.seconds() - to.seconds()).abs() <= ARRIVED_NEAR || ended {
                    self.film = Film::Open { seeking: None, ended };
                    self.tell(Event::Sought(at));
                }
            }
            Film::Open { seeking: None, .. } | Film::None => {}
        }
    }
}
