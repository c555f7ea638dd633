//! The signalling server's protocols and decisions, without a socket, a thread or a clock.
//!
//! From the wire up: [`engineio`] keeps a connection alive over polling or WebSocket, [`socketio`] puts events and
//! acknowledgements on it, [`event`] makes checked values of what clients say, and what the server says is a [`payload`].
//! [`playback`] says where a room is in its film, [`sync`] keeps people there, [`roles`] and [`token`] say who may and who
//! is who; [`tracker`] and [`turn_credentials`] serve what does not go through rooms.
//!
//! # The contract of the state machines
//! ```text
//! handle_input(now, input)   what arrived, and what is to be sent: one door
//! handle_timeout(now)        call when poll_timeout's instant has come
//! poll_output()              what to send and what happened; drain to None before waiting
//! poll_timeout()             when to come back, and why
//! ```

pub mod cluster;
pub mod engineio;
pub mod error;
pub mod event;
pub mod ids;
pub mod json;
pub mod limits;
pub mod lobby;
pub mod payload;
pub mod playback;
pub mod rng;
pub mod roles;
pub mod room;
pub mod socketio;
pub mod stun;
pub mod sync;
pub mod time;
pub mod token;
pub mod tracker;
pub mod turn_credentials;

#[cfg(test)]
mod testing;
