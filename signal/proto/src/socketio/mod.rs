//! Socket.IO, protocol 5: events, acknowledgements and binary attachments over Engine.IO messages.
//!
//! [`packet`] is what travels and how it is written, [`decode`] reads it within bounds, [`session`] is one connection's
//! namespaces and acknowledgements, for a server; [`client`] is one connection of ours to such a server.

pub mod client;
pub mod decode;
pub mod packet;
pub mod session;

pub use decode::{DecodeError, Decoder};
pub use packet::{Args, Packet, ack_message, event_message};
pub use session::{Input, Output, Session, Wake};
