//! Every bound of the client, with what it costs.

use std::time::Duration;

/// Events that wait for the program; when they are full nothing more is read, and TCP makes the server wait.
pub(crate) const EVENTS_QUEUED_MAX: usize = 256;
/// What the program wants sent and is not yet; the sender waits. At most 64 KiB each.
pub(crate) const COMMANDS_QUEUED_MAX: usize = 64;
/// Finding, reaching and greeting a server, TLS included.
pub(crate) const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// A server that takes nothing for so long is gone.
pub(crate) const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// The goodbye may take so long.
pub(crate) const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// The pause before the first new attempt; each further one is twice as long.
pub(crate) const BACK_OFF_MIN: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
pub(crate) const BACK_OFF_MAX: Duration = Duration::from_secs(15);
/// A connection that held so long was a good one: the pauses begin anew.
pub(crate) const GOOD_AFTER: Duration = Duration::from_secs(15);
/// For the whole answer to a GET, once there is a connection.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(8);
/// Bytes of it with its head; `/health` and `/rendezvous` have some hundred.
pub(crate) const ANSWER_LEN_MAX: usize = 64 * 1024;
/// Headers of it.
pub(crate) const ANSWER_HEADERS_MAX: usize = 64;
