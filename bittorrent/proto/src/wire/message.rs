//! The messages of peers (BEP 3, "peer messages"; BEP 5, 6 and 10) as a type, and their bytes.

use bytes::BufMut;

use crate::error::PeerMisbehaved;
use crate::layout::RawBlock;
use crate::units::BlockInfo;

/// Bytes before a block's data in a piece message: length, id, piece, offset.
pub const PIECE_HEADER_LEN: usize = 13;

/// One message. What it claims is not checked against any torrent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Nothing, sent so that a silent connection is not closed.
    KeepAlive,
    /// The sender will not answer requests.
    Choke,
    /// The sender will answer requests.
    Unchoke,
    /// The receiver has something that the sender wants.
    Interested,
    /// The receiver has nothing that the sender wants.
    NotInterested,
    /// The sender has that piece now.
    Have(u32),
    /// What the sender has; for [`crate::bitfield::Bitfield::from_wire`].
    Bitfield(&'a [u8]),
    /// Asks for a block.
    Request(RawBlock),
    /// A block.
    Piece {
        /// Claimed piece.
        piece: u32,
        /// Claimed offset in the piece, in bytes.
        offset: u32,
        /// The block.
        data: &'a [u8],
    },
    /// Takes a request back.
    Cancel(RawBlock),
    /// The sender's DHT node listens on that UDP port (BEP 5).
    Port(u16),
    /// The sender would like to be asked for that piece (BEP 6).
    Suggest(u32),
    /// The sender has every piece (BEP 6).
    HaveAll,
    /// The sender has no piece (BEP 6).
    HaveNone,
    /// The sender will not answer that request (BEP 6).
    Reject(RawBlock),
    /// The sender answers requests for that piece even while it chokes (BEP 6).
    AllowedFast(u32),
    /// A message of an extension (BEP 10).
    Extended {
        /// 0 for the handshake, otherwise as the receiver's handshake assigned.
        id: u8,
        /// What the extension defines.
        payload: &'a [u8],
    },
    /// A message of a kind that nobody here knows. Its payload was skipped.
    Unknown {
        /// The kind.
        id: u8,
    },
}

impl<'a> Message<'a> {
    /// Reads what stands after the length field: the id and the payload, or nothing for a keep-alive.
    ///
    /// # Errors
    /// [`PeerMisbehaved::FrameLength`] when the payload does not fit the id.
    pub fn decode(body: &'a [u8]) -> Result<Self, PeerMisbehaved> {
        let Some((&id, payload)) = body.split_first() else { return Ok(Self::KeepAlive) };
        let message = match id {
            id::CHOKE => bare(payload, Self::Choke),
            id::UNCHOKE => bare(payload, Self::Unchoke),
            id::INTERESTED => bare(payload, Self::Interested),
            id::NOT_INTERESTED => bare(payload, Self::NotInterested),
            id::HAVE => number(payload).map(Self::Have),
            id::BITFIELD => Some(Self::Bitfield(payload)),
            id::REQUEST => block(payload).map(Self::Request),
            id::PIECE => piece(payload),
            id::CANCEL => block(payload).map(Self::Cancel),
            id::PORT => payload.try_into().ok().map(u16::from_be_bytes).map(Self::Port),
            id::SUGGEST => number(payload).map(Self::Suggest),
            id::HAVE_ALL => bare(payload, Self::HaveAll),
            id::HAVE_NONE => bare(payload, Self::HaveNone),
            id::REJECT => block(payload).map(Self::Reject),
            id::ALLOWED_FAST => number(payload).map(Self::AllowedFast),
            id::EXTENDED => payload.split_first().map(|(&id, payload)| Self::Extended { id, payload }),
            id => Some(Self::Unknown { id }),
        };
        let len = || u32::try_from(body.len()).unwrap_or(u32::MAX);
        message.ok_or_else(|| PeerMisbehaved::FrameLength { id, len: len() })
    }

    /// Appends the whole frame, length field included.
    pub fn encode(&self, out: &mut impl BufMut) {
        match *self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => put_head(out, id::CHOKE, 0),
            Self::Unchoke => put_head(out, id::UNCHOKE, 0),
            Self::Interested => put_head(out, id::INTERESTED, 0),
            Self::NotInterested => put_head(out, id::NOT_INTERESTED, 0),
            Self::Have(piece) => put_number(out, id::HAVE, piece),
            Self::Bitfield(bits) => {
                put_head(out, id::BITFIELD, bits.len());
                out.put_slice(bits);
            }
            Self::Request(block) => put_block(out, id::REQUEST, block),
            Self::Piece { piece, offset, data } => {
                put_head(out, id::PIECE, 8 + data.len());
                out.put_u32(piece);
                out.put_u32(offset);
                out.put_slice(data);
            }
            Self::Cancel(block) => put_block(out, id::CANCEL, block),
            Self::Port(port) => {
                put_head(out, id::PORT, 2);
                out.put_u16(port);
            }
            Self::Suggest(piece) => put_number(out, id::SUGGEST, piece),
            Self::HaveAll => put_head(out, id::HAVE_ALL, 0),
            Self::HaveNone => put_head(out, id::HAVE_NONE, 0),
            Self::Reject(block) => put_block(out, id::REJECT, block),
            Self::AllowedFast(piece) => put_number(out, id::ALLOWED_FAST, piece),
            Self::Extended { id, payload } => {
                put_head(out, id::EXTENDED, 1 + payload.len());
                out.put_u8(id);
                out.put_slice(payload);
            }
            Self::Unknown { id } => put_head(out, id, 0),
        }
    }
}

/// What goes before a block's data, so that the data itself is sent from where it was read to.
pub fn piece_header(block: BlockInfo) -> [u8; PIECE_HEADER_LEN] {
    let mut header = [0; PIECE_HEADER_LEN];
    let mut out = header.as_mut_slice();
    put_head(&mut out, id::PIECE, 8 + block.len.as_usize());
    out.put_u32(block.piece.get());
    out.put_u32(block.offset.get());
    header
}

/// The first byte after the length field.
pub(super) mod id {
    pub(crate) const CHOKE: u8 = 0;
    pub(crate) const UNCHOKE: u8 = 1;
    pub(crate) const INTERESTED: u8 = 2;
    pub(crate) const NOT_INTERESTED: u8 = 3;
    pub(crate) const HAVE: u8 = 4;
    pub(crate) const BITFIELD: u8 = 5;
    pub(crate) const REQUEST: u8 = 6;
    pub(crate) const PIECE: u8 = 7;
    pub(crate) const CANCEL: u8 = 8;
    pub(crate) const PORT: u8 = 9;
    pub(crate) const SUGGEST: u8 = 13;
    pub(crate) const HAVE_ALL: u8 = 14;
    pub(crate) const HAVE_NONE: u8 = 15;
    pub(crate) const REJECT: u8 = 16;
    pub(crate) const ALLOWED_FAST: u8 = 17;
    pub(crate) const EXTENDED: u8 = 20;
}

fn bare<'a>(payload: &[u8], message: Message<'a>) -> Option<Message<'a>> {
    payload.is_empty().then_some(message)
}

fn number(payload: &[u8]) -> Option<u32> {
    payload.try_into().ok().map(u32::from_be_bytes)
}

fn block(payload: &[u8]) -> Option<RawBlock> {
    let (piece, rest) = payload.split_first_chunk()?;
    let (offset, len) = rest.split_first_chunk()?;
    Some(RawBlock { piece: u32::from_be_bytes(*piece), offset: u32::from_be_bytes(*offset), len: number(len)? })
}

fn piece(payload: &[u8]) -> Option<Message<'_>> {
    let (piece, rest) = payload.split_first_chunk()?;
    let (offset, data) = rest.split_first_chunk()?;
    Some(Message::Piece { piece: u32::from_be_bytes(*piece), offset: u32::from_be_bytes(*offset), data })
}

fn put_head(out: &mut impl BufMut, id: u8, payload_len: usize) {
    let len = u32::try_from(payload_len + 1).expect("what we send is a block, a bitfield or a small dictionary");
    out.put_u32(len);
    out.put_u8(id);
}

fn put_number(out: &mut impl BufMut, id: u8, number: u32) {
    put_head(out, id, 4);
    out.put_u32(number);
}

fn put_block(out: &mut impl BufMut, id: u8, block: RawBlock) {
    put_head(out, id, 12);
    out.put_u32(block.piece);
    out.put_u32(block.offset);
    out.put_u32(block.len);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::layout::TorrentLayout;
    use crate::units::BlockIndex;

    pub(crate) const BLOCK: RawBlock = RawBlock { piece: 1, offset: 0x4000, len: 0x4000 };

    /// One of each, with the bytes that BEP 3, 5, 6 and 10 give it.
    pub(crate) const EXAMPLES: &[(Message<'static>, &[u8])] = &[
        (Message::KeepAlive, b"\0\0\0\0"),
        (Message::Choke, b"\0\0\0\x01\0"),
        (Message::Unchoke, b"\0\0\0\x01\x01"),
        (Message::Interested, b"\0\0\0\x01\x02"),
        (Message::NotInterested, b"\0\0\0\x01\x03"),
        (Message::Have(0x0102_0304), b"\0\0\0\x05\x04\x01\x02\x03\x04"),
        (Message::Bitfield(b"\xff\x80"), b"\0\0\0\x03\x05\xff\x80"),
        (Message::Request(BLOCK), b"\0\0\0\x0d\x06\0\0\0\x01\0\0\x40\0\0\0\x40\0"),
        (Message::Piece { piece: 2, offset: 0x4000, data: b"xyz" }, b"\0\0\0\x0c\x07\0\0\0\x02\0\0\x40\0xyz"),
        (Message::Cancel(BLOCK), b"\0\0\0\x0d\x08\0\0\0\x01\0\0\x40\0\0\0\x40\0"),
        (Message::Port(0x1ae1), b"\0\0\0\x03\x09\x1a\xe1"),
        (Message::Suggest(7), b"\0\0\0\x05\x0d\0\0\0\x07"),
        (Message::HaveAll, b"\0\0\0\x01\x0e"),
        (Message::HaveNone, b"\0\0\0\x01\x0f"),
        (Message::Reject(BLOCK), b"\0\0\0\x0d\x10\0\0\0\x01\0\0\x40\0\0\0\x40\0"),
        (Message::AllowedFast(7), b"\0\0\0\x05\x11\0\0\0\x07"),
        (Message::Extended { id: 0, payload: b"de" }, b"\0\0\0\x04\x14\0de"),
        (Message::Unknown { id: 21 }, b"\0\0\0\x01\x15"),
    ];

    #[test]
    fn every_kind_is_written_and_read() {
        for (message, bytes) in EXAMPLES {
            let mut out = Vec::new();
            message.encode(&mut out);
            assert_eq!(out, *bytes, "{message:?}");
            assert_eq!(Message::decode(&bytes[4..]), Ok(*message));
        }
    }

    #[test]
    fn a_payload_that_does_not_fit_its_kind_is_refused() {
        for (message, bytes) in EXAMPLES {
            let body = &bytes[4..];
            let longer = [body, &[0][..]].concat();
            let shorter = &body[..body.len().saturating_sub(1)];
            match message {
                // Any length is some message of these.
                Message::KeepAlive | Message::Bitfield(_) | Message::Unknown { .. } => continue,
                Message::Piece { .. } => assert!(Message::decode(&body[..8]).is_err()),
                Message::Extended { .. } => assert!(Message::decode(&body[..1]).is_err()),
                Message::Choke
                | Message::Unchoke
                | Message::Interested
                | Message::NotInterested
                | Message::HaveAll
                | Message::HaveNone => {}
                Message::Have(_)
                | Message::Request(_)
                | Message::Cancel(_)
                | Message::Port(_)
                | Message::Suggest(_)
                | Message::Reject(_)
                | Message::AllowedFast(_) => assert!(Message::decode(shorter).is_err(), "{message:?}"),
            }
            if !matches!(message, Message::Piece { .. } | Message::Extended { .. }) {
                let refused = PeerMisbehaved::FrameLength { id: body[0], len: u32::try_from(longer.len()).unwrap() };
                assert_eq!(Message::decode(&longer), Err(refused));
            }
        }
    }

    #[test]
    fn a_piece_header_is_the_start_of_its_message() {
        let layout = TorrentLayout::new(32_768, &[40_000]).unwrap();
        let block = layout.block(layout.last_piece(), BlockIndex::new(0)).unwrap();
        let data = vec![7; block.len.as_usize()];
        let mut whole = Vec::new();
        Message::Piece { piece: 1, offset: 0, data: &data }.encode(&mut whole);
        assert_eq!([piece_header(block).as_slice(), &data].concat(), whole);
    }
}
