//! Bounds of rooms on the local network, and what they cost.

use std::time::Duration;

/// How long a room is looked for on the local network before the configured server is asked: the second in which nobody may repeat
/// an answer that somebody else just had (RFC 6762, section 6), one more question, and the 120 ms that an answer to it may take.
pub const FIND_PATIENCE: Duration = Duration::from_millis(1400);

/// The question goes out this often meanwhile: wireless networks lose multicast packets, and repeat none.
pub const ASKED_EVERY: Duration = Duration::from_millis(250);

/// Rooms that are shown, whatever the network claims to have.
pub const ROOMS_MAX: usize = 32;

/// Addresses of one room that are kept: a machine has its cable, its radio and perhaps a tunnel.
pub const ADDRESSES_MAX: usize = 8;

/// Characters of a host's name that are shown, as on a server.
pub const HOST_NAME_CHARS_MAX: usize = 64;

/// Bytes of a host's name that are announced: an entry of TXT has 255 with its key (RFC 6763, section 6.1).
pub const HOST_NAME_LEN_MAX: usize = 200;

/// Characters of a version that are kept.
pub const VERSION_CHARS_MAX: usize = 32;

/// For an address on one's own network to take a connection.
pub const KNOCK_PATIENCE: Duration = Duration::from_millis(700);

/// For the goodbye of an announcement to go out.
pub const WITHDRAW_PATIENCE: Duration = Duration::from_secs(1);
