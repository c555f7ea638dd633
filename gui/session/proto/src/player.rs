//! What a player is told and what it tells: one contract for mpv, for the window's own player and for models of players.
//!
//! What is shown of a player is what it said itself, never what it was told.

use std::time::{Duration, Instant};

use serde::Serialize;
use signal_proto::time::MediaTime;

/// What a player is told. It begins with it at once and says by an [`Event`] what came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open the film at `url` and stand at `start` with its frame shown; answered by [`Event::Opened`] or [`Event::Failed`].
    /// What was open before is closed. A player that was closed by its user comes back by it.
    Load {
        /// Of the engine's local server.
        url: String,
        /// Where to begin.
        start: MediaTime,
        /// For the title of a window.
        title: String,
    },
    /// Close the film; nothing is said of it any more.
    Unload,
    /// Run from where it stands.
    Play,
    /// Stand.
    Pause,
    /// Go there, to the exact frame, and go on running or standing; answered by [`Event::Sought`]. A later one replaces it.
    Seek(MediaTime),
    /// So fast from now on, without a gap where it can: 1 is as it was made.
    SetRate(f64),
    /// Where is it? Answered by [`Event::Position`].
    AskPosition,
    /// From 0 to 1.
    SetVolume(f64),
    /// No sound, whatever the volume.
    SetMuted(bool),
    /// That track of its kind, or none.
    SelectTrack(TrackKind, Option<u32>),
    /// Subtitles from a file or address.
    AddSubtitles(String),
    /// Subtitles so much later; negative is earlier. Seconds.
    SetSubtitleDelay(f64),
    /// So many pictures on, or back, while it stands; answered by [`Event::Sought`].
    StepFrame(i32),
    /// Words over the picture for a few seconds, where a player can.
    ShowText(String),
}

/// What a player tells, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The film is open, and a frame is shown.
    Opened {
        /// Its length, when the player knows it.
        duration: Option<MediaTime>,
        /// What can be chosen.
        tracks: Vec<Track>,
    },
    /// What can be chosen, or what is chosen, is another.
    Tracks(Vec<Track>),
    /// It runs or stands from now on. Waiting for bytes is not standing: see [`Event::Buffering`].
    Running(bool),
    /// Its user did something with the player itself, in its own window or by a media key. The player has not done it, or has
    /// undone it: what comes of a wish is the room's to say.
    Wished(PlayerWish),
    /// It waits for bytes, or no longer.
    Buffering(bool),
    /// The answer to [`Command::AskPosition`].
    Position(Sample),
    /// A seek that was asked for has ended with a frame shown.
    Sought(MediaTime),
    /// It cannot seek there; it is where it was.
    SeekFailed,
    /// Its sound goes to the output of that name from now on.
    Output(String),
    /// The film's last frame was shown; it stands there.
    Ended,
    /// The film cannot be played here.
    Failed(Failure),
    /// The player is gone: its user closed the window, or it crashed. The next [`Command::Load`] brings it back.
    Closed {
        /// It was not its user's wish.
        crashed: bool,
    },
}

/// Where a player is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The picture and sound that are out at `taken`.
    pub at: MediaTime,
    /// On the session's clock.
    pub taken: Instant,
    /// Frames come: it neither stands nor waits for bytes nor seeks.
    pub moving: bool,
}

/// What somebody wants of a film by the player's own keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlayerWish {
    /// That it runs.
    Play,
    /// That it stands.
    Pause,
    /// That it is there.
    Seek(MediaTime),
    /// That it is so many seconds further, or back.
    SeekBy(f64),
}

/// Why a film does not play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no decoder for this.
    NoDecoder {
        /// As its makers call it: "H.265".
        codec: String,
    },
    /// The player's program is not there or does not start.
    NoPlayer {
        /// What was tried, and what the system said.
        why: String,
    },
    /// The address cannot be read, or holds no film.
    Unreadable {
        /// In the player's words, cleaned.
        why: String,
    },
}

/// A track of a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Track {
    /// What it is.
    pub kind: TrackKind,
    /// Its number among those of its kind, from 1.
    pub id: u32,
    /// A language's tag.
    pub language: Option<String>,
    /// What the film calls it; cleaned.
    pub title: Option<String>,
    /// The codec's short name.
    pub codec: Option<String>,
    /// It is the one that plays.
    pub selected: bool,
}

/// Kinds of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Words.
    Subtitle,
}

/// What is known of a kind of player before it plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// How far its rate can change while it plays, without a gap: 0.05 for ±5 %; 0 if it cannot.
    pub live_rate_max: f64,
    /// The pitch stays while the rate changes so.
    pub keeps_pitch: bool,
    /// How long it takes from being told to play to the first new frame, before that was measured.
    pub start_latency: Duration,
}
