//! Serves any seekable byte source over HTTP Range (RFC 9110, section 14), on loopback only.
//!
//! A player asks for `http://localhost:PORT/film.mkv` and seeks with `Range`; a [`Library`] says what lies at a path,
//! and a source that is not complete yet simply makes its reader wait. Nothing here knows where the bytes come from.
//!
//! # The way of a request
//! ```text
//! server      sockets, one thread, bounded connections
//! guard       may this be a player, or is it a web page that reached for us?     (pure)
//! path        the target, decoded for the library
//! plan        method, conditions and range -> status, headers, which bytes       (pure; range and etag do the parts)
//! body        seeks, reads, hands out pooled chunks; cut short, never padded
//! ```
//! The head of an answer needs only the resource's length, so it is sent at once; the body alone waits. While it
//! waits the connection is watched: a client that closes takes its source with it at once.
//!
//! # Not here
//! No directory index, no redirects, no CORS, no caching dates, no `multipart/byteranges`: of several ranges the first
//! that can be served is (RFC 9110, section 14.2, allows it).

pub mod body;
pub mod error;
pub mod etag;
pub mod guard;
pub mod library;
pub mod limits;
pub mod mime;
pub mod path;
pub mod plan;
pub mod range;
pub mod server;

mod connection;
mod listen;
mod wire;

pub use error::StartError;
pub use library::{FileResource, Found, Library};
pub use limits::Limits;
pub use path::url_path;
pub use server::Server;
