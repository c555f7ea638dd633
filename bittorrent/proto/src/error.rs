//! What went wrong, by whose fault.
//!
//! [`PeerMisbehaved`] ends a connection and may end in a ban: the peer broke a rule. [`PeerUnsupported`] ends it
//! politely: the peer is right but cannot be talked to. Errors of documents live beside their parsers.

use crate::units::{BlockInfo, PieceIndex};

/// A rule that a peer broke. Each variant names the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerMisbehaved {
    /// BEP 3, handshake: the first 20 bytes are fixed.
    #[error("its handshake is not BitTorrent's")]
    NotBitTorrent,
    /// BEP 3, handshake: the infohash must be the one we asked for.
    #[error("it answered with another infohash")]
    WrongInfohash,
    /// BEP 3: piece numbers are below the piece count.
    #[error("piece {index} of {piece_count}")]
    PieceOutOfRange {
        /// What the message said.
        index: u32,
        /// How many there are.
        piece_count: u32,
    },
    /// BEP 3: a block lies inside its piece, holds something, and is at most 16 KiB.
    #[error("block of {len} bytes at {offset} of {piece:?}")]
    BlockOutOfPiece {
        /// The piece.
        piece: PieceIndex,
        /// Claimed offset.
        offset: u32,
        /// Claimed length.
        len: u32,
    },
    /// A frame longer than its kind can be; refused before a byte of it is kept.
    #[error("a message of kind {id} and {len} bytes, {max} at most")]
    FrameTooLong {
        /// Message id.
        id: u8,
        /// Length field.
        len: u32,
        /// The bound for that id.
        max: u32,
    },
    /// A message whose length does not fit its kind.
    #[error("a message of kind {id} with {len} bytes")]
    FrameLength {
        /// Message id.
        id: u8,
        /// Length field.
        len: u32,
    },
    /// BEP 3: a bitfield has one bit a piece, padded to a byte.
    #[error("a bitfield of {got} bytes, {expected} expected")]
    BitfieldLength {
        /// ⌈pieces / 8⌉.
        expected: u32,
        /// What came.
        got: u32,
    },
    /// BEP 3: the spare bits at a bitfield's end are zero.
    #[error("spare bits set in its bitfield")]
    BitfieldSpareBits,
    /// BEP 3 and 6: bitfield, have all or have none come once, before anything about single pieces.
    #[error("a bitfield at the wrong time")]
    BitfieldLate,
    /// BEP 6: its messages need both sides to have set the bit.
    #[error("a message of the fast extension without the fast extension")]
    FastNotAgreed,
    /// BEP 3: a block comes only when asked for.
    #[error("blocks nobody asked for")]
    UnrequestedBlock,
    /// BEP 6: a reject answers a request.
    #[error("rejected what was not requested")]
    UnrequestedReject,
    /// BEP 10: an extension message is a bencoded dictionary.
    #[error("an extension message that cannot be read")]
    ExtensionMalformed,
    /// BEP 9: lengths and piece numbers of metadata fit what was announced.
    #[error("metadata that does not fit its announced size")]
    MetadataMismatch,
    /// BEP 9: the metadata hashes to the infohash; this peer alone sent all of it.
    #[error("metadata that is not the infohash's")]
    CorruptMetadata,
    /// More messages than any client has a use for.
    #[error("too many messages that serve nothing")]
    Flood,
    /// The piece did not match its hash, and this peer alone sent it.
    #[error("{0:?} was corrupt")]
    CorruptPiece(PieceIndex),
    /// The piece failed with this block in it, and passed with another.
    #[error("{0:?} was corrupt")]
    CorruptBlock(BlockInfo),
    /// Nothing came for longer than keep-alives allow.
    #[error("silent for too long")]
    Silent,
}

/// A peer that is right, and still no use to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerUnsupported {
    /// Its handshake carries our own peer id.
    #[error("that peer is this engine itself")]
    Ourselves,
    /// It broke a rule before.
    #[error("that peer broke the rules before")]
    Banned,
    /// The torrent is a room's, and it neither proved to be a member nor stands at an address that was named.
    #[error("that peer is no member of the room")]
    NotMember,
    /// A connection to that peer exists.
    #[error("already connected to that peer")]
    Duplicate,
}
