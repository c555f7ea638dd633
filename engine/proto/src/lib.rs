//! The engine's contract, and the state machine behind it, without a socket, a file or a clock.
//!
//! A front end writes commands, one JSON object a line, and reads events in the same form ([`ipc`]). [`app::App`] decides
//! what each command and each fact about a torrent leads to; the crate `sharestream-engine` carries it out. A front end in
//! the same process uses the same enums without the JSON.
//!
//! # The contract of the state machine
//! ```text
//! handle_input(now, input)   commands, facts about torrents, the end of input: one door
//! handle_timeout(now)        call when poll_timeout's instant has come
//! poll_output()              events to print and effects to carry out; drain to None before waiting
//! poll_timeout()             when to come back, and why
//! ```

pub mod app;
pub mod error;
pub mod flags;
pub mod infohash;
pub mod ipc;
pub mod limits;
pub mod routes;
pub mod trackers;
pub mod words;
