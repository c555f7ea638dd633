//! A world in one thread: virtual time, links, disks and players around the real protocol cores.
//!
//! There is no executor and no thread: one queue of events, ordered by (time, sequence). What happens next is a
//! function of the code, the seed and the [`plan`], so a failure is replayed by its seed alone.
//!
//! ```text
//!  Plan ──steps──► World ──Input──► Host (a protocol core and what its driver would add)
//!                    │  ◄─Output──
//!                    ├── Link   bytes between two hosts, delayed, paced, cut anywhere
//!                    ├── Disk   jobs that take their time
//!                    └── check  what must hold after every event
//! ```
//!
//! [`world::World`] knows nothing of torrents: it is generic over [`host::Host`]. The hosts of each protocol live
//! beside that trait.

pub mod check;
pub mod clock;
pub mod disk;
pub mod events;
pub mod film;
pub mod host;
pub mod limits;
pub mod link;
mod pipe;
pub mod plan;
pub mod player;
mod rate;
pub mod report;
pub mod rng;
pub mod room;
pub mod shaper;
pub mod swarm;
pub mod world;
