//! Plays a film with GStreamer: pictures and subtitles go out by functions, sound to the system, commands come in, events go out.
//!
//! [`Player`] is all there is to hold. Its thread owns a `Projector`, which says what to do and tells what came of it; `Pipeline` is
//! the only place that builds something of GStreamer's. Nothing here knows rooms, torrents or windows.
//!
//! A seek is always to the exact picture. A small change of rate is made without a gap (the pitch goes with it), a large one by a seek
//! (the pitch stays). Waiting for bytes is told as that, and never as a pause.

mod command;
mod event;
mod failure;
mod frame;
mod hearing;
mod limits;
mod missing;
mod outfit;
mod pace;
mod pipeline;
mod player;
mod projector;
mod seeks;
mod sound;
mod subtitles;
mod tracks;
mod words;

pub use command::{Command, TrackKind};
pub use event::{Event, Failure, Sample, Track};
pub use frame::Frame;
pub use limits::LIVE_RATE_MAX;
pub use outfit::{Outfit, outfit};
pub use player::{Options, Player};
pub use sound::{Sound, sound_outputs};
pub use subtitles::{Cue, Line, Span};
