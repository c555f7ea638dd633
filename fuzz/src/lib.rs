//! One body a parser that reads what strangers send. A body takes any bytes at all and panics when a promise breaks:
//! round trips, bounds, and agreement with a simpler second implementation.
//!
//! `cargo fuzz run NAME --features libfuzzer` searches; `cargo test` replays the corpora and a few thousand mutations of them.

mod ipc;
mod media;
mod mse;
mod range;
mod signal;
mod torrent;
mod wire;

pub use ipc::jsonlines;
pub use media::media;
pub use mse::mse;
pub use range::range;
pub use signal::{engineio, socketio};
pub use torrent::{bencode, magnet, metainfo};
pub use wire::{extension, wire};

/// A body: any bytes are a case.
pub type Body = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Body); 11] = [
    ("bencode", bencode),
    ("engineio", engineio),
    ("extension", extension),
    ("jsonlines", jsonlines),
    ("magnet", magnet),
    ("media", media),
    ("metainfo", metainfo),
    ("mse", mse),
    ("range", range),
    ("socketio", socketio),
    ("wire", wire),
];

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
