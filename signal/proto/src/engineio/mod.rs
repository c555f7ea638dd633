//! Engine.IO, protocol 4: a connection over polling or WebSocket, kept alive, upgraded from one to the other.
//!
//! [`packet`] is what travels, [`session`] the connection's state, [`query`] what a request's address says.

pub mod packet;
pub mod query;
pub mod session;

pub use packet::{Frame, Message, Packet, PacketError};
pub use query::{Query, RequestError, Transport};
pub use session::{CloseReason, Input, Output, Session, Timing, Wake};
