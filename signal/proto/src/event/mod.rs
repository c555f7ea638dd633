//! What clients and servers say, as checked values: a name and one payload object become a [`ClientEvent`] or a
//! [`ServerEvent`], or a refusal (S013) that names the field.
//!
//! Names and fields are as they travel. A payload may repeat its name as `event`; fields that we do not know are
//! passed over, and so are whole events that we do not know.

mod client;
mod fields;
mod parse;
mod server;

pub use client::{Capabilities, ClientEvent, FilmNews, HostLeft, Mode, Relay, RelayKind, Report, RoomSnapshot};
pub use fields::cleaned;
pub use parse::parse_client;
pub use server::{
    ChatLine, Entered, FilmShared, IceServer, Moved, Participant, Policy, Refusal, Relayed, RoomShown, RoomState,
    Rules, Secret, ServerEvent, Snapshot, Subtitle, Swarm, parse_server,
};
