//! Trackers: who is asked for peers, when, and what is said and heard (BEP 3, 7, 12, 15, 23, 24, 41).
//!
//! [`url`] reads addresses of trackers and refuses those that are traps, [`http`] writes the question and reads the
//! answer, [`udp`] is the same in datagrams, [`rendezvous`] is what a room's server offers, [`tiers`] decides whom to ask
//! and when. Sockets, names and the addresses they lead to are the driver's.

pub mod http;
pub mod rendezvous;
pub mod tiers;
pub mod udp;
pub mod url;

pub use http::{Announce, AnnounceEvent, AnswerError, Peers};
pub use rendezvous::Rendezvous;
pub use tiers::Tiers;
pub use udp::UdpAnnounce;
pub use url::{Scheme, TrackerUrl, TrackerUrlError};
