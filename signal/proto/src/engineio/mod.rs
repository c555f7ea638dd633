//! Engine.IO, protocol 4: a connection over polling or WebSocket, kept alive, upgraded from one to the other.
//!
//! [`packet`] is what travels, [`session`] the connection's state, [`exchange`] what goes into that and comes out of it, [`query`] what a
//! request's address says.

pub mod exchange;
pub mod packet;
pub mod query;
pub mod session;

pub use exchange::{CloseReason, Input, Output, Timing, Wake};
pub use packet::{Frame, Message, Packet, PacketError};
pub use query::{Query, RequestError, Transport};
pub use session::Session;
