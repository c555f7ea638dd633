//! Every bound of the server's sockets, with what it costs. Those of rooms and protocols are in `signal_proto::limits`.

use std::time::Duration;

/// Bytes of a request's head. Also the size of hyper's buffers, one a connection while it speaks HTTP.
pub const HEAD_LEN_MAX: usize = 16 * 1024;
/// A request's head must be there so long after the connection, or after the request before it.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// And its body so long after the head.
pub const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once, when `-max-clients` says nothing else; an idle one in a room costs about 15 kB.
pub const CLIENTS_MAX: usize = 10_000;
/// Connections beyond that bound which are accepted to be told so; more wait in the system's queue.
pub const TURNED_AWAY_MAX: usize = 64;
/// Pause after a failed accept. Out of file descriptors is the usual reason, and it needs somebody to close one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes that wait for a WebSocket. A client that leaves more unread is cut, so that it never slows its room.
pub const OUTBOX_LEN_MAX: usize = 1024 * 1024;
/// Bytes read from a WebSocket at once; allocated for each, so it is small.
pub const READ_BUFFER_LEN: usize = 2 * 1024;
/// Bytes joined to one write.
pub const WRITE_BUFFER_LEN: usize = 16 * 1024;
/// Messages of one WebSocket in a row before the others have their turn.
pub const MESSAGES_IN_A_ROW: usize = 32;
/// A closed WebSocket's other side has so long to say that it heard.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// A WebSocket at the tracker that says nothing is closed: two announces and a bit.
pub const TRACKER_PATIENCE: Duration = Duration::from_secs(300);

/// Clients are told to come back so long after a restart.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);
/// What waits for clients has so long to reach them at the end; a second is left for closing.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(3);

/// And what was ordered of Redis by then so long to be carried out.
pub const FINISH_PATIENCE: Duration = Duration::from_millis(700);

/// Bytes of a UDP packet that is looked at; STUN requests have 20 to about 100.
pub const DATAGRAM_LEN_MAX: usize = 1500;

/// Orders to Redis, and answers from there, that wait. Letters are the largest: 64 kB of somebody's call, so 256 MB that nobody
/// reaches; usually a few kB.
pub const CLUSTER_ORDERS_MAX: usize = 4096;
/// An order that could not be carried out for so long is dropped: it is asked again, or its loss is noticed.
pub const CLUSTER_ORDER_AGE_MAX: Duration = Duration::from_millis(1500);
/// For Redis to answer; above the wait for letters.
pub const CLUSTER_PATIENCE: Duration = Duration::from_secs(2);
/// Letters that one process's stream holds, about.
pub const CLUSTER_LETTERS_MAX: usize = 10_000;
/// Redis forgets a room so long after it was kept last; its owner keeps it while it lives.
pub const CLUSTER_ROOM_KEPT: Duration = Duration::from_secs(25 * 3600);
