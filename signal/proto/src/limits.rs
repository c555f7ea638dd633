//! Every bound of the signalling core, with what it costs.

use std::time::Duration;

/// Bytes of one Engine.IO packet or polling body that a client may send (`maxPayload` of the handshake).
pub const PAYLOAD_LEN_MAX: usize = 100_000;

/// Packets in one polling body. Each is at least two bytes, so a body could hold 50,000 empty ones.
pub const PAYLOAD_PACKETS_MAX: usize = 1024;

/// Packets in the answer to one poll; Python's client takes no more, and what is left comes with the next.
pub const POLLED_PACKETS_MAX: usize = 16;

/// Bytes of one Socket.IO event, attachments included.
pub const MESSAGE_LEN_MAX: usize = 64 * 1024;

/// Bytes that wait for a client that polls. One that leaves more unread is cut, so that it never slows its room.
pub const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// How deep a client's JSON may nest. The deepest honest event has four levels; serde_json itself stops at 128.
pub const JSON_DEPTH_MAX: usize = 16;

/// Attachments of one binary event. No event of ours has one; stock clients may send some.
pub const ATTACHMENTS_MAX: usize = 16;

/// Bytes of a namespace's name.
pub const NAMESPACE_LEN_MAX: usize = 64;

/// Namespaces that one connection may be in.
pub const NAMESPACES_MAX: usize = 8;

/// Acknowledgements that we wait for on one connection; the oldest is given up.
pub const ACKS_WAITING_MAX: usize = 256;

/// A ping every so often.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);

/// So long after a ping without an answer a connection is dead: 45 s after the last sign of life.
pub const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// From a WebSocket beside the polling to its taking over. One that does not is closed, and another may be tried.
pub const UPGRADE_PATIENCE: Duration = Duration::from_secs(10);

/// From the server's end of a session to the poll that takes what was still to be said. Honest clients poll again within a round trip.
pub const LEAVE_PATIENCE: Duration = Duration::from_secs(3);

/// From the connection to the Socket.IO CONNECT.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of one message that a client takes from a server: a hundred of the longest chat messages are 800 kB.
pub const SERVER_MESSAGE_LEN_MAX: usize = 2 * 1024 * 1024;

/// A client waits at least so long for a server's ping, whatever the handshake says.
pub const SERVER_PING_MIN: Duration = Duration::from_secs(1);
/// A client waits at most so long for a server's ping, whatever the handshake says.
pub const SERVER_PING_MAX: Duration = Duration::from_secs(120);

/// Symbols of a room code that a client asks for.
pub const CODE_LEN_MIN: usize = 4;
/// See [`CODE_LEN_MIN`].
pub const CODE_LEN_MAX: usize = 32;

/// Symbols of a code that we draw: 40 bits, so a guess hits one of 10,000 rooms with a chance of 1 in 10⁸.
pub const CODE_DRAWN_LEN: usize = 8;

/// Bytes of a participant's id, the appended `~2` included.
pub const PARTICIPANT_ID_LEN_MAX: usize = 128;

/// The longest film: a week.
pub const FILM_LEN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// The latest film and anchor that a snapshot may speak of. JavaScript counts to 2⁵³, so a room goes on counting for long.
pub const ORDER_MAX: u64 = 1 << 48;

/// How slowly a room may play.
pub const RATE_MIN: f64 = 0.5;
/// How fast a room may play.
pub const RATE_MAX: f64 = 2.0;

/// A start is scheduled at least so far ahead, so that one lost packet does not make somebody late.
pub const START_DELAY_MIN: Duration = Duration::from_millis(300);
/// A start is scheduled at most so far ahead, however slow somebody's line is.
pub const START_DELAY_MAX: Duration = Duration::from_millis(1500);

/// Bytes of a session token; ours have about 250.
pub const TOKEN_LEN_MAX: usize = 1024;

/// Characters of a person's name.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of a film's or a subtitle's name.
pub const TITLE_CHARS_MAX: usize = 256;
/// Characters of a chat message.
pub const CHAT_CHARS_MAX: usize = 2000;
/// Bytes of a magnet link.
pub const MAGNET_LEN_MAX: usize = 4096;
/// Bytes of the JSON that holds a session description or a candidate.
pub const SDP_LEN_MAX: usize = 32 * 1024;
/// Bytes of a path within a torrent.
pub const PATH_LEN_MAX: usize = 1024;
/// Bytes of an `actionId`, a `clientId` or a language's tag.
pub const ACTION_ID_LEN_MAX: usize = 128;
/// Bytes of JSON that a client says of itself; each list of participants repeats them.
pub const CAPABILITIES_LEN_MAX: usize = 512;
/// Participants chosen to control, at once.
pub const CHOSEN_MAX: usize = 64;

/// Members that a client takes of a server that has larger rooms; 3 MB of them.
pub const MEMBERS_TOLD_MAX: usize = 4096;
/// Characters of a server's words for people: a message, a hint, a reason.
pub const WORDS_CHARS_MAX: usize = 512;
/// Servers for calls that a client takes.
pub const ICE_SERVERS_MAX: usize = 16;
/// Addresses of one of them.
pub const ICE_URLS_MAX: usize = 64;
/// Bytes of an address of a server for calls, of a name and of a password there.
pub const ICE_TEXT_LEN_MAX: usize = 512;
/// The longest that a server tells a client to wait: a year.
pub const DELAY_TOLD_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Members of a room; each change of one is told to all.
pub const ROOM_MEMBERS_MAX: usize = 64;
/// People in a call: everybody sends to everybody.
pub const CALL_MAX: usize = 8;
/// Chat that is kept for those who come later: 200 kB of the longest.
pub const CHAT_KEPT: usize = 100;
/// Subtitles that are kept for those who come later.
pub const SUBTITLES_MAX: usize = 16;
/// People that left and whose role a room remembers, so that an old token does not bring an old role back. The first are forgotten.
pub const PAST_MAX: usize = 256;
/// People that a room remembers to have removed; the first are forgotten.
pub const KICKED_MAX: usize = 1024;

/// Rooms of one server; each waiting empty one is about 2 kB.
pub const ROOMS_MAX: usize = 100_000;
/// Rooms that one address may have open.
pub const ROOMS_PER_ADDRESS_MAX: usize = 20;
/// Addresses whose failures are remembered, 64 bytes each.
pub const ADDRESSES_MAX: usize = 10_000;

/// Bytes of a STUN request that is read: what passes every IPv6 network in one piece. Honest ones have about 100.
pub const STUN_LEN_MAX: usize = 1280;
/// Bytes that a STUN answer may be longer than its request. With IP's and UDP's headers, 68 bytes get 92 (IPv6), 48 get 60 (IPv4).
pub const STUN_GROWTH_MAX: usize = 24;

/// A process of a cluster counts as dead so long after its last renewal: how long at most its rooms wait for another owner.
pub const LEASE: Duration = Duration::from_secs(3);
/// An owner stops so much before its lease ends, for clocks that run at different speeds.
pub const LEASE_MARGIN: Duration = Duration::from_millis(500);
/// A lease is renewed so often: two may fail.
pub const LEASE_RENEWED: Duration = Duration::from_millis(800);
/// It is looked so often whether processes live that one has to do with.
pub const LOOK_FOR_DEAD: Duration = Duration::from_millis(400);
/// After a takeover, members have so long to be named by the process that holds their connection, before they count as away.
pub const GHOST_GRACE: Duration = Duration::from_millis(2500);
/// Messages that wait for such a member.
pub const GHOST_MESSAGES_MAX: usize = 256;
/// A room where people only chat is kept so often; after anything else at once. 200 kB with the longest chat.
pub const KEEP_PAUSE: Duration = Duration::from_millis(500);
/// Events of one connection that wait while its room's owner is looked for: 4 MiB of the longest.
pub const EVENTS_WAITING_MAX: usize = 64;
/// Items of other processes that wait while the store is asked for a room.
pub const LETTERS_WAITING_MAX: usize = 1024;
/// Whoever asks for a room is told S012 when its owner was not found for so long.
pub const LOOKUP_PATIENCE: Duration = Duration::from_secs(6);
/// A member whose room has no owner for so long is cut, to come back with its token.
pub const ADRIFT_PATIENCE: Duration = Duration::from_secs(15);
/// A process remembers a room that it had to give up for so long.
pub const KEPT_FOR: Duration = Duration::from_secs(600);

const _: () = assert!(LEASE_RENEWED.as_millis() * 3 < LEASE.as_millis() - LEASE_MARGIN.as_millis());
const _: () = assert!(SDP_LEN_MAX < MESSAGE_LEN_MAX, "a description fits an event");
const _: () = assert!(MESSAGE_LEN_MAX < PAYLOAD_LEN_MAX, "an event fits a packet");
const _: () = assert!(CODE_DRAWN_LEN >= CODE_LEN_MIN && CODE_DRAWN_LEN <= CODE_LEN_MAX);
