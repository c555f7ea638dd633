//! Engine.IO over hyper's connections: any number of sessions in front of one [`App`].
//!
//! [`Hub`] owns the sessions and does what they and the app want done; [`websocket`] moves frames, [`outbox`] holds those that
//! wait. One thread does everything, so what one sender says arrives in the order it was said.

mod alarm;
mod app;
pub(crate) mod bell;
mod hub;
pub(crate) mod outbox;
mod polling;
pub(crate) mod websocket;

pub use app::{App, Deed};
pub use hub::{Hub, Numbers};
