//! The signalling server `sharestream-signal`: rooms that keep a film in step, on Socket.IO; trackers and STUN for engines.
//!
//! [`serve`] is the whole server on a listener of yours, so that another program can have it inside. Below it, [`Site`] and
//! [`Hub`] serve any [`App`] over Engine.IO. The protocols and every decision are in `signal-proto`; here are sockets and time.
//!
//! One thread does everything: what one person says arrives everywhere in the order it was said.

mod check;
mod cluster;
mod config;
pub mod limits;
pub mod listen;
pub mod logging;
pub mod qr;
mod rooms;
pub mod secret;
mod server;

mod stun;
mod transport;
mod web;

pub use check::check;
pub use config::{Config, ConfigError, Invocation, RedisUrl, Secret, help};
pub use server::{ServeError, serve, serve_until};
pub use transport::{App, Deed, Hub, Numbers};
pub use web::{Network, NetworkError, Origins, Site, host};

/// The version of program and library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
