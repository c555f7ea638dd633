//! HTTP: one port for Engine.IO, trackers, health and pages.
//!
//! [`site`] knows what answers which path, [`host`](site::host) accepts and serves. A request becomes an answer in [`routes`], in
//! [`engineio`] for sessions; an upgrade is carried out after hyper has let go of the connection.

mod connection;
mod engineio;
mod language;
mod metrics;
mod origins;
mod pages;
mod peer;
mod respond;
mod routes;
mod site;
mod trackers;

pub use origins::Origins;
pub use peer::{Network, NetworkError};
pub(crate) use routes::Services;
pub use site::{Site, host};
pub(crate) use trackers::Trackers;
