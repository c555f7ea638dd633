//! Playing in step, both sides of it: [`clock`] and [`controller`] are a client's, [`gate`] is the room's, [`readiness`] is what
//! a client says to the gate. Prose: docs/sync.md.

pub mod clock;
pub mod controller;
pub mod gate;
pub mod readiness;
