//! mpv over its JSON IPC, without the socket: commands in, lines out; lines in, events out.
//!
//! mpv has a window of its own, whose keys are bound to wishes ([`KEYS`]), with controls under the mouse that act by themselves. What
//! happens to pause and place without our word is undone and told as a wish: **echo suppression by the expected state** (pause in
//! `incoming`, places in `places`). A stall (`paused-for-cache`) is never a pause.

mod incoming;
mod places;
mod tracks;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::time::MediaTime;

use crate::limits::PLAYER_ANSWERS_MAX;
use crate::player::{Command, Event, Failure, TrackKind};

/// Keys of mpv's window, as its `input.conf` takes them: what moves the film is a wish of the room's, the rest is one's own.
pub const KEYS: &str = "\
SPACE script-message sharestream toggle
k script-message sharestream toggle
p script-message sharestream toggle
PLAYPAUSE script-message sharestream toggle
PLAY script-message sharestream play
PAUSE script-message sharestream pause
LEFT script-message sharestream by -5
RIGHT script-message sharestream by 5
Ctrl+LEFT script-message sharestream by -10
Ctrl+RIGHT script-message sharestream by 10
j script-message sharestream by -10
l script-message sharestream by 10
HOME script-message sharestream to 0
UP add volume 5
DOWN add volume -5
WHEEL_UP add volume 5
WHEEL_DOWN add volume -5
m cycle mute
f cycle fullscreen
MBTN_LEFT_DBL cycle fullscreen
ESC set fullscreen no
v cycle sub-visibility
c cycle sub
# cycle audio
z add sub-delay -0.1
x add sub-delay 0.1
q quit
CLOSE_WIN quit
";

/// What mpv tells of by itself, with the number of each: its place in the list and one.
/// What a picture lasts, in seconds, where the film does not say.
const FRAME: f64 = 1.0 / 24.0;

const OBSERVED: [&str; 4] = ["pause", "paused-for-cache", "eof-reached", "core-idle"];

/// What a request was for. The number of a film or a seek says whether the answer is still of use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Nothing hangs on its answer.
    Nothing,
    Pause,
    /// A film was taken, under a number of mpv's.
    Load,
    /// A seek was taken, or refused.
    Seek,
    /// Where is it? By the sound, or by the picture.
    Place {
        sent: Instant,
        by_sound: bool,
    },
    /// How long is it?
    Duration,
    /// What can be chosen?
    Tracks,
    /// Where is it, after opening?
    Opened,
    /// Where is it, after that seek?
    Arrived(u64),
    /// Where is it, after a seek that was not ours?
    Strayed,
    /// Where is it, at what mpv takes for the film's end?
    End,
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A line for mpv, with its line feed.
    Line(String),
    /// For whoever holds the player.
    Event(Event),
}

/// One mpv, from its start to its end.
#[derive(Debug, Default)]
pub struct Mpv {
    outputs: VecDeque<Output>,
    asked: BTreeMap<u64, Asked>,
    numbered: u64,
    film: Film,
    /// What it was told last.
    told_running: bool,
    /// What was told of it last.
    running: bool,
    buffering: bool,
    idle: bool,
    /// Requests to pause or play without an answer.
    pausing: u32,
    rate: f64,
    duration: Option<MediaTime>,
    tracks: Vec<crate::player::Track>,
    /// The first that mpv complained of since the film was asked for.
    trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Film {
    #[default]
    None,
    Opening {
        start: MediaTime,
        load: Load,
    },
    Open(Open),
}

/// How far mpv is with a film. Until it begins, what it says is of the film before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Load {
    /// By the request of that number.
    Asked(u64),
    /// As that entry of its playlist; not every mpv says which.
    Taken(Option<u64>),
    Begun,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Open {
    seek: Option<Seek>,
    /// Somebody else sought, and no picture has come yet.
    strayed: bool,
    /// It is at its end.
    ended: bool,
    /// Where it was known to be, and when.
    known: (MediaTime, Instant),
}

/// A seek of ours that is not over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seek {
    to: MediaTime,
    /// Of the request; a later one replaces it.
    number: u64,
    /// mpv took it: what begins from now on is this one.
    taken: bool,
    begun: bool,
    tries: u32,
    /// It undoes somebody else's, and nobody waits for its end.
    undoes: bool,
}

impl Mpv {
    /// An mpv that was just started, idle.
    pub fn new() -> Self {
        let mut mpv = Self { idle: true, rate: 1.0, ..Self::default() };
        for (number, name) in (1_u64..).zip(OBSERVED) {
            mpv.order(json!(["observe_property", number, name]));
        }
        mpv.order(json!(["request_log_messages", "error"]));
        mpv
    }

    /// Does what the player is told.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Load { url, start, title } => self.load(&url, start, &title),
            Command::Unload => {
                self.film = Film::None;
                self.order(json!(["stop"]));
            }
            Command::Play => self.tell_running(true),
            Command::Pause => self.tell_running(false),
            Command::Seek(to) => {
                match &mut self.film {
                    Film::None => {}
                    // Sought when it is open.
                    Film::Opening { start, .. } => *start = to,
                    Film::Open(_) => self.seek(to, 0, false),
                }
            }
            Command::SetRate(rate) => {
                self.rate = rate;
                self.set("speed", json!(rate));
            }
            Command::AskPosition => {
                // The sound's clock is exact to half a millisecond; a picture's time stands still until the next picture.
                let by_sound = self.running && !self.idle;
                let name = if by_sound { "audio-pts" } else { "time-pos" };
                self.ask(json!(["get_property", name]), Asked::Place { sent: now, by_sound });
            }
            Command::SetVolume(volume) => self.set("volume", json!((volume * 100.0).clamp(0.0, 100.0))),
            Command::SetMuted(muted) => self.set("mute", json!(muted)),
            Command::SelectTrack(kind, id) => {
                let name = match kind {
                    TrackKind::Video => "vid",
                    TrackKind::Audio => "aid",
                    TrackKind::Subtitle => "sid",
                };
                self.set(name, id.map_or_else(|| json!("no"), |id| json!(id)));
                self.ask(json!(["get_property", "track-list"]), Asked::Tracks);
            }
            Command::AddSubtitles(path) => {
                self.order(json!(["sub-add", path, "select"]));
                self.ask(json!(["get_property", "track-list"]), Asked::Tracks);
            }
            Command::StepFrame(frames) => {
                // mpv's own frame-step runs for a moment, which would be told as a wish to play.
                if let Film::Open(open) = &self.film
                    && !self.running
                {
                    let to = open.known.0.seconds() + f64::from(frames) * FRAME;
                    self.seek(MediaTime::saturating(to.max(0.0)), 0, false);
                }
            }
            Command::SetSubtitleDelay(delay) => self.set("sub-delay", json!(delay)),
            Command::ShowText(text) => self.order(json!(["show-text", text, 4_000])),
        }
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// It was asked much and answered nothing: it hangs.
    pub fn is_deaf(&self) -> bool {
        self.asked.len() > PLAYER_ANSWERS_MAX
    }

    fn load(&mut self, url: &str, start: MediaTime, title: &str) {
        (self.told_running, self.running, self.buffering) = (false, false, false);
        (self.rate, self.duration, self.trouble) = (1.0, None, None);
        self.tracks.clear();
        self.ask(json!(["set_property", "pause", true]), Asked::Pause);
        self.pausing += 1;
        self.set("speed", json!(1.0));
        self.set("force-media-title", json!(title));
        self.set("start", json!(format!("{:.3}", start.seconds())));
        let number = self.ask(json!(["loadfile", url, "replace"]), Asked::Load);
        self.film = Film::Opening { start, load: Load::Asked(number) };
    }

    fn tell_running(&mut self, running: bool) {
        self.told_running = running;
        self.pausing += 1;
        self.ask(json!(["set_property", "pause", !running]), Asked::Pause);
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        self.order(json!(["set_property", name, value]));
    }

    /// Sends what needs no answer.
    fn order(&mut self, command: impl Into<Value>) {
        self.ask(command, Asked::Nothing);
    }

    /// Sends a request; its number.
    fn ask(&mut self, command: impl Into<Value>, asked: Asked) -> u64 {
        let command: Value = command.into();
        self.numbered += 1;
        if asked != Asked::Nothing {
            self.asked.insert(self.numbered, asked);
        }
        let line = json!({"command": command, "request_id": self.numbered});
        self.outputs.push_back(Output::Line(format!("{line}\n")));
        self.numbered
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn fail(&mut self, failure: Failure) {
        self.film = Film::None;
        self.order(json!(["stop"]));
        self.tell(Event::Failed(failure));
    }
}

#[cfg(test)]
mod tests;
