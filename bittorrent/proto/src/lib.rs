//! The BitTorrent protocol as pure state machines.
//!
//! Nothing here opens a socket or a file, reads a clock or draws randomness: time is an argument, randomness a
//! seeded [`rng::Rng`], bytes come in and go out as values. The crate `bittorrent` drives it on smol.
//!
//! # Vocabulary
//! A *torrent* is cut into *pieces*, each with a SHA-1 in the metainfo; a piece travels in *blocks* of 16 KiB.
//! An *infohash* names a torrent. *Choke* and *interested* are each one bit a side and connection. A *reader* is
//! somebody who waits for bytes at a position; its *deadlines* are what the picker works for.
//!
//! # The contract of every state machine
//! ```text
//! handle_input(now, input)   everything that happens comes in by this one door
//! handle_timeout(now)        call when poll_timeout's instant has come
//! poll_output()              drain to None before waiting
//! poll_timeout()             when to come back, and why
//! ```
//!
//! # BEPs
//! | BEP | what | where |
//! | --- | --- | --- |
//! | 3 | the protocol, metainfo | [`wire`], [`metainfo`] |
//! | 6 | fast extension | [`wire`], [`peer`] |
//! | 9 | metadata from peers, magnets | [`ext`], [`magnet`] |
//! | 10 | extension protocol | [`ext`] |
//! | 11 | peer exchange | [`ext`], [`torrent`] |
//! | 20 | peer ids | [`peer_id`] |
//! | 3, 7, 12, 23, 24 | HTTP trackers | [`tracker`] |
//! | 47 | pad files are read as zeros | [`metainfo`] |
//! | none | message stream encryption | [`mse`] |

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "in tests an instant has no other origin"))]

pub mod bencode;
pub mod bitfield;
pub mod blame;
pub mod create;
pub mod error;
pub mod ext;
pub mod infohash;
pub mod layout;
pub mod limits;
pub mod magnet;
pub mod media;
pub mod metainfo;
pub mod mse;
pub mod paths;
pub mod peer;
pub mod peer_id;
pub mod policy;
pub mod rate;
pub mod reader;
pub mod resume;
pub mod rng;
pub mod room;
pub mod store;
#[cfg(test)]
mod testing;
pub mod torrent;
pub mod tracker;
pub mod units;
pub mod wire;
