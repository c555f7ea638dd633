//! What mpv says, line by line.

use std::time::Instant;

use engine_proto::words::printable;
use serde_json::{Value, json};
use signal_proto::time::MediaTime;

use super::tracks::{codec_words, tracks};
use super::{Asked, Film, Load, Mpv, Open};
use crate::limits::{DETAIL_CHARS_MAX, NAME_CHARS_MAX, TRACKS_MAX};
use crate::player::{Event, Failure, PlayerWish, Sample};

/// An end that is further from the film's is the end of what could be read, in seconds, if mpv complained of something.
const END_NEAR: f64 = 2.0;
/// How mpv says that there is no decoder, with the codec's name between that and a quote.
const NO_DECODER: &str = "Failed to initialize a decoder for codec '";

impl Mpv {
    /// Takes in a line of mpv's. What is no line of its protocol says nothing.
    pub fn handle_line(&mut self, now: Instant, line: &str) {
        let Ok(said) = serde_json::from_str::<Value>(line) else { return };
        if let Some(name) = said["event"].as_str() {
            self.on_event(name, &said);
        } else if let Some(number) = said["request_id"].as_u64()
            && let Some(asked) = self.asked.remove(&number)
        {
            let is_good = said["error"] == "success";
            self.on_answer(now, number, asked, is_good.then(|| &said["data"]));
        }
    }

    fn on_event(&mut self, name: &str, said: &Value) {
        match name {
            "property-change" => self.on_property(said["name"].as_str().unwrap_or_default(), &said["data"]),
            "seek" => self.on_seek_begins(),
            "playback-restart" => self.on_restart(),
            "start-file" => self.on_start_file(said["playlist_entry_id"].as_u64()),
            "end-file" => self.on_end_file(said),
            "log-message" => self.on_trouble(said),
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
                if let Film::Open(open) = &mut self.film {
                    let is_news = !open.ended && data.as_bool() == Some(true);
                    open.ended = data.as_bool() == Some(true);
                    if is_news {
                        self.ask(json!(["get_property", "time-pos"]), Asked::End);
                    }
                }
            }
            "core-idle" => self.idle = data.as_bool() != Some(false),
            _ => {}
        }
    }

    /// Pause changed: by our word, or by somebody else's, which is undone and a wish.
    fn on_pause(&mut self, paused: bool) {
        if !matches!(self.film, Film::Open(_)) {
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

    /// mpv turns to a film: the one that was asked for last, if it has its number.
    const fn on_start_file(&mut self, entry: Option<u64>) {
        if let Film::Opening { load, .. } = &mut self.film
            && let Load::Taken(taken) = *load
        {
            let is_it = match (taken, entry) {
                (Some(taken), Some(entry)) => taken == entry,
                (None, _) | (_, None) => true,
            };
            if is_it {
                *load = Load::Begun;
            }
        }
    }

    fn on_end_file(&mut self, said: &Value) {
        let is_it = match self.film {
            Film::None => false,
            Film::Opening { load, .. } => load == Load::Begun,
            Film::Open(_) => true,
        };
        if is_it && said["reason"] == "error" {
            let why = said["file_error"].as_str().unwrap_or("it cannot be opened");
            self.fail_to_read(why);
        }
    }

    /// mpv complains. What it cannot decode is not shown to anybody, though its sound might be played.
    fn on_trouble(&mut self, said: &Value) {
        let text = said["text"].as_str().unwrap_or_default().trim();
        let is_ours = matches!(self.film, Film::Opening { load: Load::Begun, .. } | Film::Open(_));
        if !is_ours || text.is_empty() {
            return;
        }
        if let Some(rest) = text.strip_prefix(NO_DECODER).filter(|_| said["prefix"] == "vd") {
            let codec = codec_words(&printable(rest.split('\'').next().unwrap_or_default(), NAME_CHARS_MAX));
            return self.fail(Failure::NoDecoder { codec });
        }
        self.trouble.get_or_insert_with(|| printable(text, DETAIL_CHARS_MAX));
    }

    fn fail_to_read(&mut self, why: &str) {
        let why = self.trouble.take().map_or_else(|| why.to_owned(), |trouble| format!("{why} ({trouble})"));
        self.fail(Failure::Unreadable { why: printable(&why, DETAIL_CHARS_MAX) });
    }

    /// mpv is at the end of what it can read: of the film, or of a stream that broke off.
    fn on_end(&mut self, now: Instant, place: Option<MediaTime>) {
        let Film::Open(Open { ended: true, seek: None, known, .. }) = &mut self.film else { return };
        *known = (place.unwrap_or(known.0), now);
        let left = self.duration.zip(place).map_or(0.0, |(end, at)| end.seconds() - at.seconds());
        if left > END_NEAR && self.trouble.is_some() {
            return self.fail_to_read("the stream broke off");
        }
        self.tell(Event::Ended);
        // It stands there, whatever is sought next.
        self.running = false;
        self.tell_running(false);
    }

    /// A key of mpv's window.
    fn on_key(&mut self, args: &Value) {
        let word = |at: usize| args[at].as_str().unwrap_or_default();
        if word(0) != "sharestream" || !matches!(self.film, Film::Open(_)) {
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
    fn on_answer(&mut self, now: Instant, number: u64, asked: Asked, data: Option<&Value>) {
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
            Asked::Load => self.on_load_answer(number, data),
            Asked::Seek => self.on_seek_answer(number, data.is_some()),
            Asked::Place { sent, by_sound: true } if place.is_none() => {
                // A film without sound has only pictures.
                let asked = Asked::Place { sent: now.max(sent), by_sound: false };
                self.ask(json!(["get_property", "time-pos"]), asked);
            }
            Asked::Place { sent, .. } => self.on_place(now, sent, place),
            Asked::Duration => self.duration = data.and_then(Value::as_f64).and_then(MediaTime::new),
            Asked::Tracks => {
                self.tracks = data.map(|list| tracks(list, TRACKS_MAX)).unwrap_or_default();
                if matches!(self.film, Film::Open(_)) {
                    self.tell(Event::Tracks(self.tracks.clone()));
                }
            }
            Asked::Opened => self.on_opened(now, place),
            Asked::Arrived(number) => self.on_arrived(now, number, place),
            Asked::Strayed => self.on_strayed(now, place),
            Asked::End => self.on_end(now, place),
        }
    }

    fn on_load_answer(&mut self, number: u64, data: Option<&Value>) {
        if let Film::Opening { load, .. } = &mut self.film
            && *load == Load::Asked(number)
        {
            match data {
                Some(data) => *load = Load::Taken(data["playlist_entry_id"].as_u64()),
                None => self.fail_to_read("it cannot be opened"),
            }
        }
    }

    fn on_place(&mut self, now: Instant, sent: Instant, place: Option<MediaTime>) {
        let Film::Open(open) = &mut self.film else { return };
        let is_settled = open.seek.is_none() && !open.strayed;
        if let Some(at) = place.filter(|_| is_settled) {
            // It was there at some moment between question and answer.
            let taken = sent + now.saturating_duration_since(sent) / 2;
            open.known = (at, taken);
            let moving = self.running && !self.idle && !self.buffering;
            self.tell(Event::Position(Sample { at, taken, moving }));
        }
    }
}
