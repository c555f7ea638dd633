//! A participant at a desk: what it says and does for what it hears.

mod entering;
mod playing;
mod resuming;
mod spoilers;
mod subtitles;
mod talking;
mod told;
mod wishing;
