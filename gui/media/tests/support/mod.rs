//! Films whose pixels say where they are, somebody who watches them, and a server that can stall.
#![allow(dead_code, unused_imports, reason = "each file of tests uses a part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod films;
mod server;
mod watcher;

pub(crate) use films::{FPS, Films, make, place_of, source};
pub(crate) use server::Server;
pub(crate) use watcher::{Seen, Watcher};
