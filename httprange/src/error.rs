//! What can go wrong, by whose fault.

use std::io;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port could be had on loopback.
    #[error("no port could be bound on 127.0.0.1: {0}")]
    Bind(#[source] io::Error),
    /// The system gave no thread.
    #[error("no thread for the local server: {0}")]
    Thread(#[source] io::Error),
}

/// Why a request is not answered: it did not come from a player on this machine. The client hears 403 and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// RFC 9112, section 3.2: every request has one `Host`. Without it a rebound name could not be told.
    #[error("no host, or several")]
    HostMissing,
    /// The name is not a loopback one: DNS rebinding.
    #[error("a host that is not loopback")]
    HostForeign,
    /// Another site's script asks.
    #[error("an origin that is not this server")]
    OriginForeign,
    /// Another site's page embeds or links.
    #[error("a fetch from another site")]
    SiteForeign,
}

/// Why a body ended before its announced length. The connection is cut: what is missing is never padded.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The source failed.
    #[error("the source failed: {0}")]
    Source(#[source] io::Error),
    /// The source is shorter than its resource said.
    #[error("the source ended {missing} bytes early")]
    EndedEarly {
        /// Bytes of the range that were not there.
        missing: u64,
    },
    /// The source did not go where it was sent, or claims to have read more than it was given room for.
    #[error("the source broke the contract of its traits")]
    SourceBroken,
    /// The client closed the connection, so nobody waits for the source any more.
    #[error("the client is gone")]
    ClientGone,
}
