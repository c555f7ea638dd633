//! One connection: what was said, what was promised, what is owed.
//!
//! [`PeerSession`] keeps both sides' flags, the requests in flight and the peer's requests that wait for us, and checks
//! every message against the rules. It decides nothing: whom to unchoke and what to ask for come from
//! [`crate::torrent::Torrent`].

pub(crate) mod allowance;
mod inflight;
mod knowledge;
mod session;
mod uploads;

pub use inflight::{Arrival, Inflight, Request};
pub use session::{PeerEvent, PeerSession, SessionConfig};
pub use uploads::{UploadRun, Uploads};

/// A connection's number within its torrent. The driver counts them up; none is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerKey(pub u32);
