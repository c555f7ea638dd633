//! Instruments that see and hear several players at one moment: what people in a room really get, not what players report.
//!
//! A film carries its frame's number in every picture and a tone at every second ([`film`], [`timecode`]). All windows stand on
//! one virtual screen ([`display`]) whose memory is read 250 times a second ([`watch`]): one reading is one moment. All sound
//! goes into one recording, a channel a player ([`sound`]). [`stage`] gives players their places in both. What follows of that is computed afterwards ([`trace`], [`figures`]).

pub mod display;
pub mod figures;
pub mod film;
pub mod sound;
pub mod stage;
pub mod timecode;
pub mod trace;
pub mod watch;
