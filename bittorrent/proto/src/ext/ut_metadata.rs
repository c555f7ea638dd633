//! Messages about metadata (BEP 9, "extension message"): the info dictionary, cut into pieces of 16 KiB. Fetching it is
//! [`super::MetadataFetch`]'s.

use std::ops::Range;
use std::time::Instant;

use crate::bencode::{Bounds, Value, encode_dict, parse_prefix};
use crate::error::PeerMisbehaved;
use crate::limits::{METADATA_PIECE_LEN, METADATA_SERVE_WINDOW, METADATA_SERVES_MAX};

/// What goes after the extension's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataMessage<'a> {
    /// Asks for a piece.
    Request {
        /// Claimed number.
        piece: u32,
    },
    /// A piece.
    Data {
        /// Claimed number.
        piece: u32,
        /// Bytes of the whole metadata, as claimed.
        total_size: u32,
        /// The piece; at most [`METADATA_PIECE_LEN`] bytes.
        payload: &'a [u8],
    },
    /// Will not send a piece.
    Reject {
        /// Claimed number.
        piece: u32,
    },
    /// A type that BEP 9 does not know; it asks to ignore them.
    Unknown,
}

impl<'a> MetadataMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`PeerMisbehaved::ExtensionMalformed`] when it is no dictionary or lacks what its type needs, and
    /// [`PeerMisbehaved::MetadataMismatch`] for a payload longer than any piece.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PeerMisbehaved> {
        // BEP 9: a data message's piece stands after the dictionary, not in it.
        let (dict, used) = parse_prefix(bytes, Bounds::EXTENSION).map_err(|_| PeerMisbehaved::ExtensionMalformed)?;
        let int = |key: &str| dict.get(key).and_then(Value::as_int).ok_or(PeerMisbehaved::ExtensionMalformed);
        let number = |key: &str| u32::try_from(int(key)?).map_err(|_| PeerMisbehaved::ExtensionMalformed);
        match int("msg_type")? {
            REQUEST => Ok(Self::Request { piece: number("piece")? }),
            DATA => {
                let payload = &bytes[used..];
                if payload.len() > METADATA_PIECE_LEN as usize {
                    return Err(PeerMisbehaved::MetadataMismatch);
                }
                Ok(Self::Data { piece: number("piece")?, total_size: number("total_size")?, payload })
            }
            REJECT => Ok(Self::Reject { piece: number("piece")? }),
            _ => Ok(Self::Unknown),
        }
    }

    /// The bytes to send. [`MetadataMessage::Unknown`] is never ours, and becomes an empty dictionary.
    pub fn encode(&self) -> Vec<u8> {
        let dict = |kind: i64, piece: u32, total_size: Option<u32>| {
            encode_dict(|dict| {
                dict.emit_pair(b"msg_type", kind)?;
                dict.emit_pair(b"piece", piece)?;
                total_size.map_or(Ok(()), |size| dict.emit_pair(b"total_size", size))
            })
        };
        match *self {
            Self::Request { piece } => dict(REQUEST, piece, None),
            Self::Data { piece, total_size, payload } => {
                let mut bytes = dict(DATA, piece, Some(total_size));
                bytes.extend_from_slice(payload);
                bytes
            }
            Self::Reject { piece } => dict(REJECT, piece, None),
            Self::Unknown => encode_dict(|_| Ok(())),
        }
    }
}

/// Answers one peer's requests, each piece [`METADATA_SERVES_MAX`] times in [`METADATA_SERVE_WINDOW`] on average.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetadataServe {
    window_start: Option<Instant>,
    /// Pieces sent since then.
    served: u32,
}

impl MetadataServe {
    /// Nothing sent yet.
    pub const fn new() -> Self {
        Self { window_start: None, served: 0 }
    }

    /// The answer to a request: the piece, or a reject when it does not exist, we lack the metadata (`None`), or the
    /// peer has had its share. `metadata` is verified: nothing else may be sent.
    pub fn answer<'m>(&mut self, now: Instant, piece: u32, metadata: Option<&'m [u8]>) -> MetadataMessage<'m> {
        let start = *self.window_start.get_or_insert(now);
        if now.saturating_duration_since(start) >= METADATA_SERVE_WINDOW {
            *self = Self { window_start: Some(now), served: 0 };
        }
        let Some((total_size, payload)) = metadata.and_then(|metadata| {
            let total_size = u32::try_from(metadata.len()).ok()?;
            let range = piece_range(total_size, piece)?;
            Some((total_size, metadata.get(range.start as usize..range.end as usize)?))
        }) else {
            return MetadataMessage::Reject { piece };
        };
        if self.served >= METADATA_SERVES_MAX.saturating_mul(piece_count(total_size)) {
            return MetadataMessage::Reject { piece };
        }
        self.served += 1;
        MetadataMessage::Data { piece, total_size, payload }
    }
}

/// How many pieces metadata of that size has.
pub(super) const fn piece_count(total_size: u32) -> u32 {
    total_size.div_ceil(METADATA_PIECE_LEN)
}

/// Where a piece lies, when it exists.
pub(super) fn piece_range(total_size: u32, piece: u32) -> Option<Range<u32>> {
    let start = piece.checked_mul(METADATA_PIECE_LEN).filter(|&start| start < total_size)?;
    Some(start..total_size.min(start.saturating_add(METADATA_PIECE_LEN)))
}

const REQUEST: i64 = 0;
const DATA: i64 = 1;
const REJECT: i64 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Where time begins: nothing depends on when that is.
    #[expect(clippy::disallowed_methods, reason = "an instant has no other origin")]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_examples_of_bep_9_are_read_and_written() {
        let examples = [
            (MetadataMessage::Request { piece: 0 }, &b"d8:msg_typei0e5:piecei0ee"[..]),
            (
                MetadataMessage::Data { piece: 0, total_size: 34_256, payload: b"xxxx" },
                b"d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxx",
            ),
            (MetadataMessage::Reject { piece: 7 }, b"d8:msg_typei2e5:piecei7ee"),
        ];
        for (message, bytes) in examples {
            assert_eq!(message.encode().escape_ascii().to_string(), bytes.escape_ascii().to_string());
            assert_eq!(MetadataMessage::decode(bytes), Ok(message));
        }
    }

    #[test]
    fn order_and_strange_keys_do_not_matter_and_unknown_types_are_left() {
        let bytes = b"d10:total_sizei9e5:piecei0e1:x3:abc8:msg_typei1ee123456789";
        let expected = MetadataMessage::Data { piece: 0, total_size: 9, payload: b"123456789" };
        assert_eq!(MetadataMessage::decode(bytes), Ok(expected));
        assert_eq!(MetadataMessage::decode(b"d8:msg_typei3ee"), Ok(MetadataMessage::Unknown));
        assert_eq!(MetadataMessage::decode(b"d8:msg_typei-1ee"), Ok(MetadataMessage::Unknown));
        assert_eq!(MetadataMessage::Unknown.encode(), b"de");
    }

    #[test]
    fn what_lacks_its_parts_is_refused() {
        let broken: &[&[u8]] = &[
            b"",
            b"de",
            b"le",
            b"i0e",
            b"d8:msg_typei0ee",
            b"d8:msg_typei0e5:piecei-1ee",
            b"d8:msg_typei0e5:piecei4294967296ee",
            b"d8:msg_type1:05:piecei0ee",
            b"d8:msg_typei1e5:piecei0eexxxx",
            b"d8:msg_typei1e5:piecei0e10:total_sizei-9eexxxx",
            b"d8:msg_typei0e5:piecei0e",
        ];
        for bytes in broken {
            let read = MetadataMessage::decode(bytes);
            assert_eq!(read, Err(PeerMisbehaved::ExtensionMalformed), "{}", bytes.escape_ascii());
        }
        let dict = b"d8:msg_typei1e5:piecei0e10:total_sizei99999ee";
        let data = |len: usize| [&dict[..], &vec![0; len]].concat();
        assert!(MetadataMessage::decode(&data(16_384)).is_ok());
        assert_eq!(MetadataMessage::decode(&data(16_385)), Err(PeerMisbehaved::MetadataMismatch));
    }

    #[test]
    fn pieces_are_served_three_times_in_ten_minutes() {
        let metadata: Vec<u8> = (0..20_000u32).map(|at| at.to_le_bytes()[0]).collect();
        let mut serve = MetadataServe::new();
        let now = epoch();
        let data =
            |piece, range: Range<usize>| MetadataMessage::Data { piece, total_size: 20_000, payload: &metadata[range] };
        let some = Some(metadata.as_slice());
        for _ in 0..3 {
            assert_eq!(serve.answer(now, 0, some), data(0, 0..16_384));
            assert_eq!(serve.answer(now, 1, some), data(1, 16_384..20_000));
            // What does not exist costs nothing of the share.
            assert_eq!(serve.answer(now, 2, some), MetadataMessage::Reject { piece: 2 });
            assert_eq!(serve.answer(now, u32::MAX, some), MetadataMessage::Reject { piece: u32::MAX });
            assert_eq!(serve.answer(now, 0, None), MetadataMessage::Reject { piece: 0 });
        }
        assert_eq!(serve.answer(now, 0, some), MetadataMessage::Reject { piece: 0 });
        let later = now + METADATA_SERVE_WINDOW;
        assert_eq!(serve.answer(later - Duration::from_nanos(1), 0, some), MetadataMessage::Reject { piece: 0 });
        assert_eq!(serve.answer(later, 0, some), data(0, 0..16_384));
    }

    proptest! {
        #[test]
        fn pieces_tile_the_metadata(total_size in 1u32..100_000) {
            let mut end = 0;
            for piece in 0..piece_count(total_size) {
                let range = piece_range(total_size, piece).unwrap();
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end - range.start <= METADATA_PIECE_LEN && !range.is_empty());
                end = range.end;
            }
            prop_assert_eq!(end, total_size);
            prop_assert_eq!(piece_range(total_size, piece_count(total_size)), None);
        }

        #[test]
        fn noise_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _read = MetadataMessage::decode(&bytes);
            bytes.splice(0..0, *b"d8:msg_typei1e5:piecei0e10:total_sizei99ee");
            let read = MetadataMessage::decode(&bytes);
            prop_assert!(matches!(read, Ok(MetadataMessage::Data { piece: 0, total_size: 99, .. })), "{read:?}");
        }
    }
}
