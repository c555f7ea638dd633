//! Every bound of the server, with what it costs.

use std::time::Duration;

/// Bytes of a chunk, the unit in which a body is read and written. One a connection waits in the socket's queue, so
/// all connections together hold [`Limits::connections`] × 256 KiB at worst.
pub const CHUNK_LEN: usize = 256 * 1024;

/// Chunks kept for reuse when nobody needs them: 8 MiB.
pub const CHUNKS_KEPT_MAX: usize = 32;

/// Chunks of one body in a row before the other connections have their turn.
pub const CHUNKS_IN_A_ROW_MAX: usize = 4;

/// Bytes of a request's head; longer is answered 431. Players send under 1 KiB. Also the size of hyper's buffers, so
/// that at most one chunk of a body waits for the socket.
pub const REQUEST_HEAD_LEN_MAX: usize = 16 * 1024;

/// Header fields of a request; more are answered 431. This is hyper's own bound, which is cheaper than setting one.
pub const HEADER_COUNT_MAX: usize = 100;

/// Bytes a client may send ahead, as pipelined requests, while an answer waits for its source. They are read only to
/// see the end of the connection behind them; a client that sends more is cut off. 16 KiB a connection.
pub const SENT_AHEAD_LEN_MAX: usize = 16 * 1024;

/// Port numbers tried until one is free in both address families.
pub const PORT_TRIES_MAX: usize = 16;

/// Pause after a failed accept. Out of file descriptors is the usual reason, and it needs somebody to close one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bounds that a user of the crate may want otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once, both address families together. Further ones wait in the system's queue until one
    /// closes. A waiting one costs about 10 KiB, one with a body under way a chunk more.
    pub connections: usize,
    /// How long a request's head may take; also how long a connection may idle between two requests.
    pub head_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, head_deadline: Duration::from_secs(10) }
    }
}

const _: () = assert!(REQUEST_HEAD_LEN_MAX >= 8192, "hyper takes no smaller buffer");
const _: () = assert!(CHUNK_LEN > REQUEST_HEAD_LEN_MAX, "one chunk fills hyper's queue, so a second is not read early");
