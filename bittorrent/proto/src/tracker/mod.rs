//! Trackers: who is asked for peers, when, and what is said and heard (BEP 3, 7, 12, 23, 24).
//!
//! [`url`] reads addresses of trackers and refuses those that are traps, [`http`] writes the question and reads the
//! answer, [`tiers`] decides whom to ask and when. Sockets, names and the addresses they lead to are the driver's.

pub mod http;
pub mod tiers;
pub mod url;

pub use http::{Announce, AnnounceEvent, AnswerError, Peers};
pub use tiers::Tiers;
pub use url::{TrackerUrl, TrackerUrlError};
