//! What a player tells, in order.

use std::time::{Duration, Instant};

use crate::command::TrackKind;

/// What a player tells, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The film is open, and a frame is shown.
    Opened {
        /// Its length, when it is known.
        duration: Option<Duration>,
        /// What can be chosen.
        tracks: Vec<Track>,
    },
    /// What can be chosen, or is chosen, has changed.
    Tracks(Vec<Track>),
    /// It runs or stands from now on. Waiting for bytes is not standing: see [`Event::Buffering`].
    Running(bool),
    /// It waits for bytes, or no longer.
    Buffering(bool),
    /// The answer to [`Command::AskPosition`](crate::Command::AskPosition).
    Position(Sample),
    /// A seek that was asked for has ended with a frame shown, there.
    Sought(Duration),
    /// It cannot seek there; it is where it was.
    SeekFailed,
    /// The film's last frame was shown; it stands there. [`Event::Running`] with `false` follows.
    Ended,
    /// The film cannot be played here.
    Failed(Failure),
    /// The film plays, but without its sound, pictures or subtitles: nothing here decodes them.
    Missing {
        /// What is not played.
        kind: TrackKind,
        /// As people call it: "AC-3 sound".
        codec: String,
        /// The package that decodes it, as Debian calls it; empty if there is none.
        help: String,
    },
    /// Which decoder makes the pictures.
    Decoder {
        /// GStreamer's element: "avdec_h264".
        name: String,
        /// It is a part of the machine made for that.
        hardware: bool,
    },
    /// Pictures came too late and were not shown.
    Late {
        /// So many since the film was opened.
        frames: u64,
    },
    /// Sound goes there from now on: one of [`sound_outputs`](crate::sound_outputs). Outputs that have no names are not told of.
    Output {
        /// As the system calls it.
        name: String,
    },
    /// There is no device to play sound on, or it went away: the film plays without.
    NoSoundDevice,
    /// Subtitles that were added cannot be read.
    NoSubtitles {
        /// The file's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Where a player is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The picture and sound that are out at `taken`.
    pub at: Duration,
    /// By the clock of [`Options`](crate::Options).
    pub taken: Instant,
    /// Frames come: it neither stands nor waits for bytes.
    pub moving: bool,
}

/// Why a film does not play.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no decoder for this.
    #[error("nothing here decodes {codec}")]
    NoDecoder {
        /// As people call it: "H.265 video".
        codec: String,
        /// The package that decodes it, as Debian calls it.
        help: String,
    },
    /// The address cannot be read, or holds no film.
    #[error("the film cannot be read: {why}")]
    Unreadable {
        /// In GStreamer's words, cleaned.
        why: String,
    },
    /// GStreamer does not start, or lacks a part that every film needs.
    #[error("nothing here plays films: {why}")]
    NoPlayer {
        /// What the system said.
        why: String,
    },
}

/// A track of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// What it is.
    pub kind: TrackKind,
    /// Its number among those of its kind, from 1.
    pub id: u32,
    /// A language's tag.
    pub language: Option<String>,
    /// What the film calls it, or the name of the file it came from; cleaned.
    pub title: Option<String>,
    /// The codec's name.
    pub codec: Option<String>,
    /// It is the one that plays.
    pub selected: bool,
}
