//! A person in a room, joined to the world: the server's client, the engine, a player, and the clock.
//!
//! What is decided is decided in [`session_proto`]; here it is carried out. Every face of the app drives this one crate: the
//! terminal, `--headless`, the window, tests and benchmarks.

pub mod clock;
pub mod doctor;
pub mod engine_link;
pub mod lan;
pub mod limits;
mod places;
pub mod player;
mod run;
mod session;
pub mod settings;
mod signal;
mod sleep;

pub use ::signal::qr;
pub use session::{EngineChoice, Options, Session, StartError, Update};
pub use session_proto as proto;
