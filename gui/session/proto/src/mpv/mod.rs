//! mpv over its JSON IPC, without the socket: commands in, lines out; lines in, events out.
//!
//! mpv has a window of its own, whose keys are bound to wishes ([`KEYS`]), and other programs may speak to it, too. What happens to
//! pause and place without our word is undone and told as a wish: **echo suppression by the expected state**. A stall
//! (`paused-for-cache`) is never a pause.

mod incoming;
mod tracks;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::time::MediaTime;

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
const OBSERVED: [&str; 6] = ["pause", "paused-for-cache", "eof-reached", "track-list", "core-idle", "duration"];

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Nothing hangs on its answer.
    Nothing,
    Pause,
    /// A seek was taken, or refused.
    Seek,
    /// Where is it? By the sound, or by the picture.
    Place {
        sent: Instant,
        by_sound: bool,
    },
    /// Where is it, after a seek or on opening?
    Arrived,
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
    duration: Option<MediaTime>,
    tracks: Vec<crate::player::Track>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Film {
    #[default]
    None,
    Opening {
        start: MediaTime,
    },
    Open {
        /// Where it is being sent.
        seeking: Option<MediaTime>,
        /// It is at its end.
        ended: bool,
    },
}

impl Mpv {
    /// An mpv that was just started, idle.
    pub fn new() -> Self {
        let mut mpv = Self { idle: true, ..Self::default() };
        for (number, name) in (1_u64..).zip(OBSERVED) {
            mpv.send(json!(["observe_property", number, name]), Asked::Nothing);
        }
        mpv
    }

    /// Does what the player is told.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Load { url, start, title } => self.load(&url, start, &title),
            Command::Unload => {
                self.film = Film::None;
                self.send(json!(["stop"]), Asked::Nothing);
            }
            Command::Play => self.tell_running(true),
            Command::Pause => self.tell_running(false),
            Command::Seek(to) => {
                if let Film::Open { seeking, ended } = &mut self.film {
                    (*seeking, *ended) = (Some(to), false);
                }
                self.send(json!(["seek", to.seconds(), "absolute+exact"]), Asked::Seek);
            }
            Command::SetRate(rate) => self.set("speed", json!(rate)),
            Command::AskPosition => {
                // The sound's clock is exact to half a millisecond; a picture's time stands still until the next picture.
                let by_sound = self.running && !self.idle;
                let name = if by_sound { "audio-pts" } else { "time-pos" };
                self.send(json!(["get_property", name]), Asked::Place { sent: now, by_sound });
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
            }
            Command::AddSubtitles(path) => self.send(json!(["sub-add", path, "select"]), Asked::Nothing),
            Command::SetSubtitleDelay(delay) => self.set("sub-delay", json!(delay)),
            Command::ShowText(text) => self.send(json!(["show-text", text, 4_000]), Asked::Nothing),
        }
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn load(&mut self, url: &str, start: MediaTime, title: &str) {
        self.film = Film::Opening { start };
        self.told_running = false;
        self.running = false;
        self.buffering = false;
        self.duration = None;
        self.send(json!(["set_property", "pause", true]), Asked::Pause);
        self.pausing += 1;
        self.set("speed", json!(1.0));
        self.set("force-media-title", json!(title));
        self.set("start", json!(format!("{:.3}", start.seconds())));
        self.send(json!(["loadfile", url, "replace"]), Asked::Nothing);
    }

    fn tell_running(&mut self, running: bool) {
        self.told_running = running;
        self.pausing += 1;
        self.send(json!(["set_property", "pause", !running]), Asked::Pause);
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        self.send(json!(["set_property", name, value]), Asked::Nothing);
    }

    fn send(&mut self, command: impl Into<Value>, asked: Asked) {
        let command: Value = command.into();
        self.numbered += 1;
        if asked != Asked::Nothing {
            self.asked.insert(self.numbered, asked);
        }
        let line = json!({"command": command, "request_id": self.numbered});
        self.outputs.push_back(Output::Line(format!("{line}\n")));
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn fail(&mut self, failure: Failure) {
        self.film = Film::None;
        self.tell(Event::Failed(failure));
    }
}

#[cfg(test)]
mod tests;
