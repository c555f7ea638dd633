//! Every bound of a simulated world, with what it costs. Passing one is a finding, not a reason to raise it.

use std::time::Duration;

/// Events waiting at once. About 100 bytes each: 100 MiB, which a sound run is far from.
pub const EVENTS_MAX: usize = 1 << 20;

/// Things that may happen in one world without time moving on. A swarm's start takes thousands, a loop takes all.
pub const EVENTS_PER_INSTANT_MAX: u32 = 100_000;

/// Least time from a wake of one host to the second after it for the same reason, when nothing happened in between.
pub const WAKE_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Bytes a host may hand over for one connection before the network takes them: what a driver would hold in memory.
pub const OUTBOX_LEN_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a connection's send buffer, near what Linux gives a TCP socket before it grows it.
pub const SEND_BUFFER_LEN: usize = 256 * 1024;

/// Bytes of one direction that may be on their way at once: fills 100 MB/s over 40 ms.
pub const WINDOW_LEN: usize = 4 * 1024 * 1024;

/// Bytes that arrive in one read, at most.
pub const CHUNK_LEN_MAX: usize = 16 * 1024;

/// Jobs a disk holds, running ones included.
pub const DISK_JOBS_MAX: usize = 1024;

/// Bytes a player asks for at once.
pub const PLAYER_READ_LEN: u64 = 64 * 1024;

/// How long it takes until nobody answering a dial counts as nobody there.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

const _: () = assert!(WINDOW_LEN >= CHUNK_LEN_MAX, "one chunk always fits the window");
const _: () = assert!(EVENTS_MAX > EVENTS_PER_INSTANT_MAX as usize, "a loop is named as one before the queue is full");
const _: () = assert!(SEND_BUFFER_LEN >= CHUNK_LEN_MAX, "one chunk always fits the send buffer");
