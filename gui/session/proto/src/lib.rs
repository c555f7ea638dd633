//! A person in a room, without sockets, players or a screen.
//!
//! [`participant::Participant`] takes in what the server, the engine, the player and the person say, and says what to do with each;
//! [`view::View`] is the whole room as that person sees it. The window, the terminal, programs and tests drive this one thing.
//!
//! # The contract of the state machine
//! ```text
//! handle_input(now, input)   what happened: one door
//! handle_timeout(now)        call when poll_timeout's instant has come
//! poll_output()              what to do; drain to None before waiting
//! poll_timeout()             when to come back, and why
//! ```

pub mod invite;
pub mod limits;
pub mod mpv;
pub mod participant;
pub mod player;
pub mod server_url;
pub mod settings;
pub mod view;
pub mod wish;
pub mod words;

#[cfg(test)]
mod testing;
