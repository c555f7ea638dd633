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

/// Cancelled requests a peer may still answer; a block that comes for one of them is welcome. Eight seeks in one round trip.
pub const CANCELLED_REMEMBERED_MAX: usize = 8 * INFLIGHT_MAX;

/// Silence after which a keep-alive is sent. Peers close after two minutes of nothing (BEP 3).
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(100);

/// Silence of a peer after which it is gone.
pub const PEER_SILENCE_MAX: Duration = Duration::from_secs(150);

const _: () = assert!(FRAME_EXTENDED_LEN_MAX > METADATA_PIECE_LEN + 1024, "a metadata piece fits an extension message");
const _: () = assert!(PIECE_LEN_MAX.is_multiple_of(BLOCK_LEN));
const _: () = assert!(KEEP_ALIVE_EVERY.as_secs() < 120, "stock clients close after 120 s of silence");

/// Blocks and rejects nobody asked for, by bytes, before a peer is dropped: four blocks that crossed on the way.
pub const UNREQUESTED_BYTES_MAX: crate::units::ByteLen = crate::units::ByteLen::new(64 * 1024);

/// Memory for pieces that are being fetched, hashed and written. Four times what is in flight to one fast peer, so that
/// the disk may lag behind for a moment. A piece longer than this is fetched alone; an urgent one is fetched regardless.
pub const OPEN_PIECES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Memory of all pieces of a torrent that are open, hashed and written, be anything of them on its way or not. Those that
/// rest were begun for a place that somebody has left; an urgent piece takes their room, and waits when there is none.
pub const OPEN_PIECES_BYTES_HARD_MAX: u64 = 4 * OPEN_PIECES_BYTES_MAX;

const _: () =
    assert!(OPEN_PIECES_BYTES_HARD_MAX >= 2 * PIECE_LEN_MAX as u64, "a piece is fetched while one is written");

/// Digests of blocks that are kept to find out who sent the wrong ones: 28 bytes each, 112 KiB; 64 MiB of wrong pieces.
pub const EVIDENCE_BLOCKS_MAX: usize = 4096;

/// Failures of one piece that are kept so. One that keeps failing must not take the room of others.
pub const EVIDENCE_TRIES_MAX: usize = 4;

/// Pieces that a bounded disk may always hold: less would stop a film whose limit is a slip of the pen.
pub const DISK_PIECES_MIN: u32 = 4;

/// Pieces for which room is made at once, before they are asked for.
pub const EVICTED_AHEAD_MAX: usize = 8;

/// What a peer may claim to queue (BEP 10, `reqq`); libtorrent's own claim, and far above [`INFLIGHT_MAX`].
pub const REQQ_MAX: u32 = 2000;

/// Characters of a peer's client name that are kept for display.
pub const CLIENT_NAME_CHARS_MAX: usize = 64;

/// Sizes of the same metadata that are fetched side by side when peers disagree; each may cost [`METADATA_LEN_MAX`].
pub const METADATA_CANDIDATES_MAX: usize = 4;

/// Metadata requests in flight to one peer. Most info dictionaries fit four pieces, so one round trip fetches them.
pub const METADATA_INFLIGHT_MAX: usize = 4;

/// After that long without an answer, a metadata piece is asked of a second peer too.
pub const METADATA_SLOW_AFTER: Duration = Duration::from_secs(2);

/// After that long without an answer, a metadata request counts as lost, and its peer rests as long again.
pub const METADATA_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a peer that rejected a metadata request is left alone.
pub const METADATA_REJECT_REST: Duration = Duration::from_secs(60);

/// Metadata pieces nobody asked for, before a peer is dropped. They are passed over.
pub const METADATA_UNSOLICITED_MAX: u32 = 64;

/// How often a peer gets the whole metadata from us in each [`METADATA_SERVE_WINDOW`]; more is rejected.
pub const METADATA_SERVES_MAX: u32 = 3;

/// See [`METADATA_SERVES_MAX`].
pub const METADATA_SERVE_WINDOW: Duration = Duration::from_secs(600);

const _: () = assert!(METADATA_SLOW_AFTER.as_secs() < METADATA_REQUEST_TIMEOUT.as_secs());

/// Bytes that wait for one peer's socket, everything counted. A peer that asks for more and does not read is dropped.
pub const SEND_QUEUED_MAX: crate::units::ByteLen = crate::units::ByteLen::new(4 * 1024 * 1024);

/// Messages of a peer that bring no data and ask for none, at once; see [`CONTROL_REFILL`]. New `have`s are free, four
/// cancels count as one, a bitfield as ten.
pub const CONTROL_BURST: u32 = 2000;

/// How long a quarter of such a message takes to be allowed again: 400 messages a second.
pub const CONTROL_REFILL: Duration = Duration::from_micros(625);

/// Requests that were refused, at once: we choke it, we have no such piece, its queue is full. A choke refuses a whole
/// queue, and what was on its way comes on top.
pub const REQUESTS_REFUSED_MAX: u32 = 2000;

/// How long one takes to be allowed again: 50 a second, a full queue every ten seconds.
pub const REQUESTS_REFUSED_REFILL: Duration = Duration::from_millis(20);

/// Extension handshakes of a connection, at once. One is usual; BEP 10 allows more when something changed.
pub const EXT_HANDSHAKES_MAX: u32 = 16;

/// How long one takes to be allowed again.
pub const EXT_HANDSHAKES_REFILL: Duration = Duration::from_secs(30);

/// How often a peer may name another metadata size than before.
pub const METADATA_SIZES_CHANGED_MAX: u32 = 1;

/// Chokes that took requests of ours with them, at once. Stock clients give slots anew every ten seconds.
pub const CHOKES_MAX: u32 = 4;

/// How long one takes to be allowed again.
pub const CHOKES_REFILL: Duration = Duration::from_secs(8);

/// How long a peer that chokes more often than that is not asked.
pub const CHOKES_REST: Duration = Duration::from_secs(30);

/// One place in so many is kept for peers that we dial while there is something to fetch: those that the user or the room
/// named are among them, and strangers who call must not keep them out.
pub const DIALED_SHARE: usize = 4;

/// Peers in each list of a peer exchange message (BEP 11), ours and others'; what is beyond is passed over.
pub const PEX_PEERS_MAX: usize = 50;

/// How often we send one to a peer (BEP 11).
pub const PEX_EVERY: Duration = Duration::from_secs(60);

/// Peer exchange messages of a peer at once; libtorrent allows as many. More is a flood.
pub const PEX_MESSAGES_MAX: u32 = 6;

/// How long one takes to be allowed again. BEP 11 has a minute; clocks drift.
pub const PEX_MESSAGES_REFILL: Duration = Duration::from_secs(45);

/// Addresses that one peer may name at once; further ones are passed over.
pub const PEX_NAMED_MAX: u32 = 200;

/// How long one takes to be allowed again: 200 an hour.
pub const PEX_NAMED_REFILL: Duration = Duration::from_secs(18);

/// Addresses that all peers of a torrent may name at once, so that a crowd cannot fill the table either.
pub const PEX_INTAKE_MAX: u32 = 100;

/// How long one takes to be allowed again: 100 a minute.
pub const PEX_INTAKE_REFILL: Duration = Duration::from_millis(600);

/// How long a connection that has to show something first may take to do so: a proof, or the port of a named address.
pub const PROOF_PATIENCE: Duration = Duration::from_secs(5);

/// Connections that may be in that state, a torrent; the oldest gives way. Each costs a session of a few kB.
pub const UNPROVEN_MAX: usize = 16;

/// How long a peer that called us and moved nothing is safe from giving its place to the next one.
pub const IDLE_GUEST_AFTER: Duration = Duration::from_secs(10);

/// How long a peer stays that wants nothing of us, nor we of it.
pub const REDUNDANT_AFTER: Duration = Duration::from_secs(10);

/// Bytes of a padding of the encrypted handshake (MSE); who sends a longer one, or no end of it, is closed.
pub const MSE_PAD_LEN_MAX: usize = 512;

/// Bytes of payload that may come inside the encrypted handshake. Clients put their handshake of 68 bytes there.
pub const MSE_FIRST_PAYLOAD_LEN_MAX: usize = 1024;

/// Bytes kept while the encrypted handshake waits for the key exchange or the torrent: all that a peer can send before it
/// must wait for us, 1.6 KiB, and some.
pub const MSE_PENDING_LEN_MAX: usize = 4096;

// A proof of membership comes before that, or never.
const _: () = assert!(REDUNDANT_AFTER.as_secs() > PROOF_PATIENCE.as_secs());

const _: () = assert!(MSE_PENDING_LEN_MAX >= 96 + 2 * MSE_PAD_LEN_MAX + 20 + 20 + 16 + MSE_FIRST_PAYLOAD_LEN_MAX);

/// Memory of one connection at worst, in bytes, when a torrent has so many pieces: all that waits for its socket, a cut
/// frame, what it has, and what either side asked for. A driver's own buffers come on top; docs/limits.md adds them up.
pub const fn connection_memory_max(piece_count: u32) -> u64 {
    let bitfield = piece_count as u64 / 8 + 1;
    let cut_frame = if bitfield > FRAME_EXTENDED_LEN_MAX as u64 { bitfield } else { FRAME_EXTENDED_LEN_MAX as u64 };
    let requests = (UPLOADS_QUEUED_MAX + INFLIGHT_MAX + CANCELLED_REMEMBERED_MAX) as u64;
    // A buffer that grows has up to twice its length.
    SEND_QUEUED_MAX.get() + 2 * cut_frame + bitfield + requests * ENTRY_LEN + CONNECTION_REST
}

/// Memory of one torrent at worst, in bytes, with so many connections and pieces: theirs, open pieces, spare buffers, the
/// order of rarity (10 bytes a piece), digests of failed pieces, and what is verified, wanted and was here before.
pub const fn torrent_memory_max(connections: u64, piece_count: u32) -> u64 {
    let pieces = piece_count as u64 * 10 + 4 * (piece_count as u64 / 8 + 1);
    connections * connection_memory_max(piece_count)
        + OPEN_PIECES_BYTES_HARD_MAX
        + SPARE_BUFFERS_BYTES_MAX
        + pieces
        + EVIDENCE_BLOCKS_MAX as u64 * ENTRY_LEN
}

/// Buffers of finished pieces that a torrent keeps for the next ones: eight of at most 4 MiB.
pub const SPARE_BUFFERS_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Bytes that an entry of a queue or table takes, with what its table needs for itself.
const ENTRY_LEN: u64 = 64;

/// Bytes of a connection beside its queues: a session, rates, and the few hundred addresses that it was told of.
const CONNECTION_REST: u64 = 32 * 1024;

// Sixty connections and a film of 65,536 pieces: the figure of docs/limits.md.
const _: () = assert!(torrent_memory_max(60, 65_536) <= 359 * 1024 * 1024);
