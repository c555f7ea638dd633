//! One body a parser that reads what strangers send, and one each for what can happen to a torrent and to rooms. A body takes any bytes at all and panics when a promise breaks:
//! round trips, bounds, and agreement with a simpler second implementation.
//!
//! `cargo fuzz run NAME --features libfuzzer` searches; `cargo test` replays the corpora and a few thousand mutations of them.

#![recursion_limit = "256"]

mod ipc;
mod lobby;
mod media;
mod mse;
mod range;
mod signal;
mod torrent;
mod wire;

pub use ipc::jsonlines;
pub use lobby::lobby;
pub use media::media;
pub use mse::mse;
pub use range::range;
pub use signal::{engineio, server_event, socketio, stun};
pub use torrent::{bencode, magnet, metainfo};
pub use wire::{extension, wire};

/// A body: any bytes are a case.
pub type Body = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Body); 15] = [
    ("bencode", bencode),
    ("engineio", engineio),
    ("extension", extension),
    ("jsonlines", jsonlines),
    ("lobby", lobby),
    ("magnet", magnet),
    ("media", media),
    ("metainfo", metainfo),
    ("mse", mse),
    ("operations", operations),
    ("range", range),
    ("server_event", server_event),
    ("socketio", socketio),
    ("stun", stun),
    ("wire", wire),
];

/// A torrent and everything that can happen to it: see [`bittorrent_proto::torrent::operations`].
pub fn operations(bytes: &[u8]) {
    // Nothing depends on when it is, only on how much time goes by.
    bittorrent_proto::torrent::operations::operations(std::time::Instant::now(), bytes);
}

/// Cuts bytes at places that the bytes themselves choose, as a network would.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let (piece, after) = rest.split_at(rest.len().min(usize::from(first % 23) + 1));
        rest = after;
        Some(piece)
    })
}
