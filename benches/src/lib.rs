//! What the benches share: how long they measure, and torrents to measure with.
//!
//! `cargo bench -p benches` runs them all in about four minutes, `cargo bench -p benches --bench wire -- haves` some of one;
//! `-- --quick` after either is sooner done and less exact.
//! They measure processor time of pure code: no socket, no disk, no clock of ours. A number is worth something only
//! beside another one of the same machine.

use std::sync::Arc;
use std::time::Duration;

use bittorrent_proto::create::{Contents, metainfo};
use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::units::ByteLen;
use bytes::BytesMut;
use criterion::Criterion;

use bittorrent_proto::wire::Message;

/// Pieces of the torrents below: at 64 KiB each, a film of 4 GiB.
pub const PIECE_COUNT: u32 = 65_536;

/// Bytes of such a piece.
pub const PIECE_LEN: u32 = 64 * 1024;

/// What one read of a socket brings at most; the driver's own number.
pub const READ_LEN: usize = 256 * 1024;

/// Bytes of a block (BEP 3 as practised).
pub const BLOCK_LEN: usize = 16 * 1024;

/// Short, because the code under test does the same every time: a fifth of a second to warm up, one to measure.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args()
}

/// The geometry of [`film`].
pub fn layout() -> TorrentLayout {
    TorrentLayout::new(PIECE_LEN, &[film_len()]).expect("a film of 4 GiB is a torrent")
}

/// A film of [`PIECE_COUNT`] pieces whose hashes are all zero: nothing here checks them.
pub fn film() -> Arc<Metainfo> {
    let hashes = vec![0; PIECE_COUNT as usize * 20];
    let contents = Contents::File(ByteLen::new(film_len()));
    Arc::new(metainfo("film.mkv", &contents, PIECE_LEN, &hashes).expect("a film of 4 GiB is a torrent"))
}

fn film_len() -> u64 {
    u64::from(PIECE_COUNT) * u64::from(PIECE_LEN)
}

/// `count` piece messages of one whole block each, one after another.
pub fn piece_messages(count: u32) -> Vec<u8> {
    let block = vec![0x5a; BLOCK_LEN];
    let mut bytes = BytesMut::new();
    for piece in 0..count {
        Message::Piece { piece, offset: 0, data: &block }.encode(&mut bytes);
    }
    bytes.to_vec()
}
