//! Every bound of the protocol core, with what it costs. `docs/limits.md` has the table for users.

use std::time::Duration;

use crate::units::BLOCK_LEN;

/// Bytes of a torrent. Far above any film; keeps every sum of offsets inside a u64.
pub const TORRENT_LEN_MAX: u64 = 1 << 48;

/// Pieces of a torrent. A bitfield of 256 KiB a peer at worst.
pub const PIECE_COUNT_MAX: u32 = 1 << 21;

/// Bytes of a piece that is fetched. A piece is held in memory until it is verified.
pub const PIECE_LEN_MAX: u32 = 32 * 1024 * 1024;

/// Bytes of a `.torrent` file.
pub const TORRENT_FILE_LEN_MAX: usize = 10_000_000;

/// Bytes of an info dictionary fetched from peers (BEP 9). Two million pieces would need 40 MiB; such torrents load from
/// a `.torrent` file only when they fit [`TORRENT_FILE_LEN_MAX`].
pub const METADATA_LEN_MAX: u32 = 8 * 1024 * 1024;

/// Bytes of one metadata piece (BEP 9).
pub const METADATA_PIECE_LEN: u32 = 16 * 1024;

/// Bytes of a frame of a kind nobody knows; it is skipped. A longer one ends the connection.
pub const FRAME_UNKNOWN_LEN_MAX: u32 = 64 * 1024;

/// Bytes of an extension message, its two id bytes included.
pub const FRAME_EXTENDED_LEN_MAX: u32 = 64 * 1024;

/// Bytes of an extension handshake that is read; a longer one is misbehaviour.
pub const EXT_HANDSHAKE_LEN_MAX: usize = 16 * 1024;

/// A peer's requests that wait for us, in blocks; more are rejected (BEP 6) or dropped. 500 × 12 bytes a peer.
pub const UPLOADS_QUEUED_MAX: usize = 500;

/// Our requests that wait for a peer, in blocks: 4 MiB in flight.
pub const INFLIGHT_MAX: usize = 256;

/// What a peer that does not say (BEP 10, `reqq`) is trusted to queue.
pub const REQQ_DEFAULT: usize = 250;

/// Cancelled requests a peer may still answer; a block that comes for one of them is welcome.
pub const CANCELLED_REMEMBERED_MAX: usize = 512;

/// Silence after which a keep-alive is sent. Peers close after two minutes of nothing (BEP 3).
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(100);

/// Silence of a peer after which it is gone.
pub const PEER_SILENCE_MAX: Duration = Duration::from_secs(150);

const _: () = assert!(FRAME_EXTENDED_LEN_MAX > METADATA_PIECE_LEN + 1024, "a metadata piece fits an extension message");
const _: () = assert!(PIECE_LEN_MAX.is_multiple_of(BLOCK_LEN));
const _: () = assert!(KEEP_ALIVE_EVERY.as_secs() < 120, "stock clients close after 120 s of silence");
