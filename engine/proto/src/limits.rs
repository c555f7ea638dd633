//! Every bound of the contract, with what it costs.

use std::time::Duration;

/// Bytes of a command line, without its line feed. The longest honest command is an `add` with some hundred peers.
pub const LINE_LEN_MAX: usize = 1024 * 1024;

/// Addresses in `peers` of one `add`. More than a torrent ever connects to at once.
pub const PEERS_GIVEN_MAX: usize = 1000;

/// Torrents at once. Each holds a few MiB and up to 60 connections.
pub const TORRENTS_MAX: usize = 200;

/// Characters of a front end's own text that are repeated in an error message.
pub const QUOTED_CHARS_MAX: usize = 80;

/// `progress` comes at most this often for a torrent.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// `hashing` comes at most this often for a torrent: five a second.
pub const HASHING_EVERY: Duration = Duration::from_millis(200);

/// How long `quit` waits for torrents to say goodbye. The process is to be gone within 3 s.
pub const QUIT_PATIENCE: Duration = Duration::from_millis(1300);

/// Verified ranges in one `progress`. At two numbers of 12 digits a range, 15 kB a line at worst.
pub const RANGES_MAX: usize = 512;

const _: () = assert!(QUIT_PATIENCE.as_millis() < 3000, "the engine promises to be gone within 3 s");
