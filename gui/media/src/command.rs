//! What a player can be told.

use std::time::Duration;

/// What a player can be told. Nothing is answered at once: an [`Event`](crate::Event) tells what came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open the film at `url` and stand at `start` with its frame shown; answered by [`Event::Opened`](crate::Event::Opened) or
    /// [`Event::Failed`](crate::Event::Failed). What was open before is closed.
    Load {
        /// `http://`, `file://`, or a path.
        url: String,
        /// Where to begin.
        start: Duration,
        /// What it is called, for the log.
        title: String,
    },
    /// Close the film; nothing is said of it any more.
    Unload,
    /// Run from where it stands.
    Play,
    /// Stand.
    Pause,
    /// Go there, to the exact frame, and go on running or standing; answered by [`Event::Sought`](crate::Event::Sought). A later
    /// one replaces it.
    Seek(Duration),
    /// So fast from now on: 1 is as it was made. Without a gap if it is a small step, with the sound's pitch kept if it is a large one.
    SetRate(f64),
    /// Where is it? Answered by [`Event::Position`](crate::Event::Position), after a seek that is under way.
    AskPosition,
    /// From 0 to 1, as loudness is felt.
    SetVolume(f64),
    /// No sound, whatever the volume.
    SetMuted(bool),
    /// That track of its kind, or none. Pictures cannot be switched off.
    SelectTrack(TrackKind, Option<u32>),
    /// Subtitles from a path, or a `file://` or `http://` address; they are another track, and selected.
    AddSubtitles(String),
    /// Subtitles so many seconds later; negative is earlier.
    SetSubtitleDelay(f64),
    /// One frame on (positive) or back, while it stands; answered by [`Event::Sought`](crate::Event::Sought).
    StepFrame(i32),
}

/// Kinds of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Words.
    Subtitle,
}
