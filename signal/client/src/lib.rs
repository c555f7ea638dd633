//! A client of the signalling server for our own programs: Socket.IO over WebSocket on smol.
//!
//! [`Client::connect`] gives a [`Client`] to speak with and [`Events`] to hear with. A lost connection is made again with
//! growing pauses until the client is dropped or the server refuses. The server knows a new connection from nothing: whoever
//! is in a room answers each [`Event::Connected`] by `join-room` with the session token.
//!
//! [`get()`] asks a server for `/health` or `/rendezvous` in the same way.
//!
//! The protocol is `signal_proto::socketio::client`; here are sockets, TLS, time and chance.

mod address;
mod back_off;
mod client;
mod connection;
mod dial;
mod get;
mod limits;
mod tls;

pub use address::AddressError;
pub use client::{AckError, Client, EmitError, Event, Events, Options, Trust};
pub use connection::LostReason;
pub use dial::DialError;
pub use get::{Answer, GetError, get};
pub use signal_proto::socketio::client::Lost;
pub use tls::TlsError;
