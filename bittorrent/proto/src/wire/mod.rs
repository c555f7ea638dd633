//! The bytes between two peers (BEP 3, 6, 10): the handshake, then frames that each hold a message.
//!
//! [`Handshake`] comes once; [`FrameDecoder`] cuts what follows into [`Message`]s that borrow from the read buffer.
//! What the messages mean, and when they are allowed, is [`crate::peer`]'s; numbers in them are as claimed, and become
//! pieces and blocks through [`crate::layout::TorrentLayout`].

mod frame;
mod handshake;
mod message;

pub use frame::{FrameDecoder, FrameLimits};
pub use handshake::{Handshake, Reserved};
pub use message::{Message, PIECE_HEADER_LEN, piece_header};
