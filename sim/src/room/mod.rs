//! Rooms in virtual time: the real [`signal_proto::lobby::Lobby`], the real [`session_proto::participant::Participant`]s, and between
//! them lines with delay, jitter and loss, clocks that are wrong, players that are slow, and an evening on which anything happens.
//!
//! | file | what |
//! | --- | --- |
//! | `line.rs` | a connection's two directions |
//! | `clock.rs` | a machine's clock |
//! | `player.rs`, `engine.rs` | models of what a participant commands |
//! | `seat.rs` | one machine: a participant, its player, engine and clock |
//! | `evening.rs` | the plan, drawn from a seed |
//! | `world/` | the queue of what happens, and the server: what is said (`wires.rs`), done (`steps.rs`) and really so (`truth.rs`) |
//! | `rules.rs` | what must hold, and what is measured |

mod clock;
mod engine;
mod evening;
mod line;
mod player;
mod rules;
mod seat;
mod world;

pub use evening::Profile;
pub use rules::Numbers;
pub use world::run;
