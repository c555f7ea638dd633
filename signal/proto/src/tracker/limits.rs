//! Every bound of the trackers, with what it costs.

use std::time::Duration;

/// Swarms that a tracker keeps; 10,000 of one peer each are about 4 MB.
pub const SWARMS_MAX: usize = 10_000;
/// Peers of one swarm.
pub const SWARM_PEERS_MAX: usize = 1_000;
/// Peers given in one answer; about what others' trackers give at most.
pub const PEERS_GIVEN_MAX: usize = 82;
/// Peers given to somebody who does not say how many.
pub const PEERS_GIVEN: usize = 50;
/// How often peers are to announce themselves.
pub const INTERVAL: Duration = Duration::from_secs(120);
/// And not more often.
pub const INTERVAL_MIN: Duration = Duration::from_secs(15);
/// Two announces missed, and a peer is gone.
pub const FORGETS_AFTER: Duration = Duration::from_secs(300);
/// Bytes of an announce's or scrape's query.
pub const QUERY_LEN_MAX: usize = 8 * 1024;
/// Torrents that one scrape may name.
pub const SCRAPE_HASHES_MAX: usize = 64;

/// Bytes of one message of the WebTorrent tracker: ten offers of usual size.
pub const MESSAGE_LEN_MAX: usize = 128 * 1024;
/// How deep its JSON nests: `{offers: [{offer: {sdp}}]}` is four.
pub const MESSAGE_DEPTH_MAX: usize = 8;
/// Offers of one announce that are relayed.
pub const OFFERS_MAX: usize = 10;
/// Bytes of the JSON of one offer or answer.
pub const DESCRIPTION_LEN_MAX: usize = 32 * 1024;
/// Torrents that one WebSocket may be a peer of.
pub const TORRENTS_PER_SOCKET_MAX: usize = 50;
/// Engines that one announce is brought together with.
pub const PUNCHES_MAX: usize = 8;

const _: () = assert!(FORGETS_AFTER.as_secs() > 2 * INTERVAL.as_secs());
const _: () = assert!(PEERS_GIVEN <= PEERS_GIVEN_MAX);
