//! Bounds of the doctor, and what they cost.

use std::time::Duration;

/// Checks that wait to be read: more than there are topics.
pub const CHECKS_MAX: usize = 32;

/// For the player's program to say its version and what it decodes with; a cold disk needs seconds.
pub const PLAYER_PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of what it says.
pub const PLAYER_SAYS_LEN_MAX: u64 = 64 * 1024;

/// For a WebSocket and Socket.IO's handshake on it.
pub const WEBSOCKET_PATIENCE: Duration = Duration::from_secs(10);

/// Round trips that are measured, and how long each may take.
pub const ROUND_TRIPS: u32 = 5;
/// See [`ROUND_TRIPS`].
pub const ROUND_TRIP_PATIENCE: Duration = Duration::from_secs(3);

/// A question of STUN is sent anew this long after the one before, as datagrams get lost (RFC 8489, section 6.2.1, begins with
/// 500 ms and doubles; three in all are enough here).
pub const STUN_SENT_AGAIN: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(1500)];

/// Servers that are asked by STUN.
pub const STUN_SERVERS_MAX: usize = 4;

/// For a server's name to become an address.
pub const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// For this machine to reach itself by its address on the network.
pub const OWN_REACH_PATIENCE: Duration = Duration::from_secs(2);

/// Characters of what another program or the system said.
pub const WORDS_CHARS_MAX: usize = 200;
