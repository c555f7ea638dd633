//! Rooms of the local network: no server was set up anywhere, and nobody has to type an address.
//!
//! Whoever hosts has the server inside the app ([`EmbeddedServer`]) and announces the room by multicast DNS ([`Announcement`],
//! RFC 6762 and 6763); whoever joins looks for it ([`find()`]) before the configured server is asked ([`resolve()`]). What is heard
//! that way is strangers' words: `record` makes a [`LanRoom`] of it or nothing.

mod announce;
mod embedded;
mod find;
pub mod limits;
mod record;
mod resolve;

pub use announce::Announcement;
pub use embedded::{EmbeddedError, EmbeddedServer};
pub use find::find;
pub use record::LanRoom;
pub use resolve::{Resolved, resolve};

/// The network takes no part in multicast DNS, or the system does not allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rooms on the local network cannot be announced or found: {0}")]
pub struct LanError(String);

impl From<mdns_sd::Error> for LanError {
    fn from(error: mdns_sd::Error) -> Self {
        Self(error.to_string())
    }
}

/// As rooms are called among services (RFC 6763, section 7).
const SERVICE: &str = "_sharestream._tcp.local.";
