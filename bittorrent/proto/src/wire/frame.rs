//! Cuts the bytes of a connection into messages (BEP 3: "length prefix").
//!
//! A frame that lies whole in the read buffer is borrowed from it; only one that its end cuts is copied. The length of
//! a frame is held against the bound of its kind before a byte of it is kept.

use std::ops::RangeInclusive;

use super::message::{Message, id};
use crate::error::PeerMisbehaved;
use crate::limits::{FRAME_EXTENDED_LEN_MAX, FRAME_UNKNOWN_LEN_MAX, PIECE_COUNT_MAX};
use crate::units::BLOCK_LEN;

/// The bounds that depend on the torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Bytes of a bitfield.
    pub bitfield_len_max: u32,
}

impl FrameLimits {
    /// For a torrent of that many pieces.
    pub const fn for_pieces(piece_count: u32) -> Self {
        Self { bitfield_len_max: piece_count.div_ceil(8) }
    }
}

impl Default for FrameLimits {
    /// For a torrent whose metadata is still to come.
    fn default() -> Self {
        Self::for_pieces(PIECE_COUNT_MAX)
    }
}

/// Turns bytes into messages, however they are cut.
///
/// Invariant: between calls either nothing is pending, or `tail` holds the beginning of one frame, or a frame of an
/// unknown kind is being skipped.
#[derive(Debug)]
pub struct FrameDecoder {
    limits: FrameLimits,
    /// The beginning of a frame that the end of the input cut, from its length field on.
    tail: Vec<u8>,
    /// The frame in `tail` was handed out by the last call; the borrow is over, so it can go.
    tail_spent: bool,
    /// Bytes to come of a frame of an unknown kind.
    skipping: Option<Skip>,
}

impl FrameDecoder {
    /// For the bytes after the handshake.
    pub const fn new(limits: FrameLimits) -> Self {
        Self { limits, tail: Vec::new(), tail_spent: false, skipping: None }
    }

    /// Once the metadata is known, a bitfield has a length of its own.
    pub const fn set_piece_count(&mut self, piece_count: u32) {
        self.limits = FrameLimits::for_pieces(piece_count);
    }

    /// The next message, taken from the front of `input` and from what was kept of earlier input. After `None` the
    /// input is used up.
    ///
    /// # Errors
    /// [`PeerMisbehaved::FrameLength`] or [`PeerMisbehaved::FrameTooLong`] for a length that the kind of message cannot
    /// have. The connection is beyond repair then.
    #[inline]
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Option<Message<'a>>, PeerMisbehaved> {
        if !self.tail.is_empty() || self.skipping.is_some() {
            return self.next_pending(input);
        }
        self.next_in(input)
    }

    /// Bytes kept of a frame that is not whole yet.
    pub fn buffered(&self) -> usize {
        if self.tail_spent { 0 } else { self.tail.len() }
    }

    /// The next message while nothing is pending.
    #[inline]
    fn next_in<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Message<'i>>, PeerMisbehaved> {
        match self.limits.measure(input)? {
            Measure::Keep { frame_len } => {
                if let Some((frame, rest)) = input.split_at_checked(frame_len) {
                    *input = rest;
                    return Message::decode(&frame[LEN_BYTES..]).map(Some);
                }
            }
            Measure::Skip(skip) => return Ok(self.skip(skip, input)),
            Measure::Cut => {}
        }
        self.tail.extend_from_slice(input);
        *input = &[];
        Ok(None)
    }

    #[cold]
    fn next_pending<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Option<Message<'a>>, PeerMisbehaved> {
        if self.tail_spent {
            self.drop_tail();
            return self.next_in(input);
        }
        if let Some(skip) = self.skipping.take() {
            return Ok(self.skip(skip, input));
        }
        // First what is missing of the header, since only that tells how much more may be kept. The length comes alone:
        // after that of a keep-alive the next frame begins.
        self.fill_to(LEN_BYTES, input);
        let mut measured = self.limits.measure(&self.tail)?;
        if let Measure::Cut = measured {
            self.fill_to(HEADER_LEN, input);
            measured = self.limits.measure(&self.tail)?;
        }
        match measured {
            Measure::Cut => Ok(None),
            Measure::Skip(skip) => {
                let skip = Skip { left: skip.left.saturating_sub(self.tail.len()), ..skip };
                self.drop_tail();
                Ok(self.skip(skip, input))
            }
            Measure::Keep { frame_len } => {
                self.fill_to(frame_len, input);
                if self.tail.len() < frame_len {
                    return Ok(None);
                }
                self.tail_spent = true;
                Message::decode(&self.tail[LEN_BYTES..]).map(Some)
            }
        }
    }

    /// Moves bytes from the input until the tail is `len` long or the input is used up.
    fn fill_to(&mut self, len: usize, input: &mut &[u8]) {
        let missing = len.saturating_sub(self.tail.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        // Grows by doubling, so a length that is only claimed costs nothing.
        self.tail.extend_from_slice(taken);
        *input = rest;
    }

    fn skip<'i>(&mut self, skip: Skip, input: &mut &'i [u8]) -> Option<Message<'i>> {
        if let Some((_, rest)) = input.split_at_checked(skip.left) {
            *input = rest;
            return Some(Message::Unknown { id: skip.id });
        }
        self.skipping = Some(Skip { left: skip.left - input.len(), ..skip });
        *input = &[];
        None
    }

    fn drop_tail(&mut self) {
        self.tail_spent = false;
        if self.tail.capacity() > TAIL_CAPACITY_KEPT {
            self.tail = Vec::new();
        } else {
            self.tail.clear();
        }
    }
}

impl FrameLimits {
    /// How long the frame is that begins with these bytes, when they tell.
    #[inline]
    fn measure(self, bytes: &[u8]) -> Result<Measure, PeerMisbehaved> {
        let Some((len, body)) = bytes.split_first_chunk::<LEN_BYTES>() else { return Ok(Measure::Cut) };
        let len = u32::from_be_bytes(*len);
        if len == 0 {
            return Ok(Measure::Keep { frame_len: LEN_BYTES });
        }
        let Some(&id) = body.first() else { return Ok(Measure::Cut) };
        let frame_len = LEN_BYTES.saturating_add(len as usize);
        match self.len_allowed(id) {
            Some(allowed) => {
                check_len(id, len, allowed)?;
                Ok(Measure::Keep { frame_len })
            }
            None => {
                check_len(id, len, 1..=FRAME_UNKNOWN_LEN_MAX)?;
                Ok(Measure::Skip(Skip { id, left: frame_len }))
            }
        }
    }

    /// What the length field of that kind of message can say; `None` for kinds nobody knows.
    #[inline]
    const fn len_allowed(self, id: u8) -> Option<RangeInclusive<u32>> {
        Some(match id {
            id::PIECE => 9..=9 + BLOCK_LEN,
            id::CHOKE | id::UNCHOKE | id::INTERESTED | id::NOT_INTERESTED | id::HAVE_ALL | id::HAVE_NONE => 1..=1,
            id::HAVE | id::SUGGEST | id::ALLOWED_FAST => 5..=5,
            id::REQUEST | id::CANCEL | id::REJECT => 13..=13,
            id::PORT => 3..=3,
            // Too short a bitfield is for the bitfield's own rule to name.
            id::BITFIELD => 1..=self.bitfield_len_max.saturating_add(1),
            id::EXTENDED => 2..=FRAME_EXTENDED_LEN_MAX,
            _ => return None,
        })
    }
}

#[inline]
fn check_len(id: u8, len: u32, allowed: RangeInclusive<u32>) -> Result<(), PeerMisbehaved> {
    let (min, max) = allowed.into_inner();
    if len < min || (len > max && min == max) {
        return Err(PeerMisbehaved::FrameLength { id, len });
    }
    if len > max {
        return Err(PeerMisbehaved::FrameTooLong { id, len, max });
    }
    Ok(())
}

/// What the beginning of a frame tells about it.
enum Measure {
    /// Not enough to tell.
    Cut,
    /// A frame of that many bytes, length field included.
    Keep { frame_len: usize },
    /// A frame to pass over.
    Skip(Skip),
}

/// A frame that is passed over.
#[derive(Clone, Copy, Debug)]
struct Skip {
    id: u8,
    /// Bytes to go.
    left: usize,
}

/// Bytes of the length field.
const LEN_BYTES: usize = 4;

/// Bytes that tell the length and the kind.
const HEADER_LEN: usize = LEN_BYTES + 1;

/// A tail for blocks is kept from block to block; one that held a bitfield of a quarter megabyte is given back.
const TAIL_CAPACITY_KEPT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::super::message::tests::EXAMPLES;
    use super::*;
    use proptest::prelude::*;

    const LIMITS: FrameLimits = FrameLimits { bitfield_len_max: 40 };

    /// Messages as bytes and the error at the end, if any, when the input comes in these chunks.
    type Decoded = (Vec<Vec<u8>>, Option<PeerMisbehaved>);

    fn owned(message: Message<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        bytes
    }

    fn decode<'c>(limits: FrameLimits, chunks: impl IntoIterator<Item = &'c [u8]>) -> Decoded {
        let mut decoder = FrameDecoder::new(limits);
        let mut messages = Vec::new();
        for mut input in chunks {
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(message)) => messages.push(owned(message)),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
                assert_eq!(decoder.buffered(), 0, "something is kept beside a whole message");
            }
            assert!(input.is_empty(), "input left after None");
            let bound = LEN_BYTES + FRAME_EXTENDED_LEN_MAX as usize;
            assert!(decoder.buffered() < bound, "{} bytes kept", decoder.buffered());
        }
        (messages, None)
    }

    /// The same, by the book: everything in one piece, nothing clever.
    fn model(mut bytes: &[u8]) -> Decoded {
        let mut messages = Vec::new();
        loop {
            if bytes.len() < 4 {
                return (messages, None);
            }
            let len = u32::from_be_bytes(bytes[..4].try_into().unwrap());
            if len > 0 && bytes.len() < 5 {
                return (messages, None);
            }
            let mut unknown = false;
            if len > 0 {
                let id = bytes[4];
                let (min, max) = match id {
                    0..=3 | 14 | 15 => (1, 1),
                    4 | 13 | 17 => (5, 5),
                    5 => (1, 41),
                    6 | 8 | 16 => (13, 13),
                    7 => (9, 16_393),
                    9 => (3, 3),
                    20 => (2, 65_536),
                    _ => {
                        unknown = true;
                        (1, 65_536)
                    }
                };
                if len > max && max > min {
                    return (messages, Some(PeerMisbehaved::FrameTooLong { id, len, max }));
                }
                if len < min || len > max {
                    return (messages, Some(PeerMisbehaved::FrameLength { id, len }));
                }
            }
            let len = len as usize;
            if bytes.len() < 4 + len {
                return (messages, None);
            }
            messages.push(if unknown { vec![0, 0, 0, 1, bytes[4]] } else { bytes[..4 + len].to_vec() });
            bytes = &bytes[4 + len..];
        }
    }

    #[test]
    fn every_kind_comes_through_byte_by_byte_and_at_once() {
        let stream: Vec<u8> = EXAMPLES.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let expected: Vec<Vec<u8>> = EXAMPLES.iter().map(|(_, bytes)| bytes.to_vec()).collect();
        assert_eq!(decode(LIMITS, [stream.as_slice()]), (expected.clone(), None));
        assert_eq!(decode(LIMITS, stream.chunks(1)), (expected, None));
    }

    #[test]
    fn every_length_rule_holds_by_itself() {
        // Kind, shortest length, longest length.
        let rules = [
            (0, 1, 1),
            (1, 1, 1),
            (2, 1, 1),
            (3, 1, 1),
            (4, 5, 5),
            (5, 1, 41),
            (6, 13, 13),
            (7, 9, 16_393),
            (8, 13, 13),
            (9, 3, 3),
            (13, 5, 5),
            (14, 1, 1),
            (15, 1, 1),
            (16, 13, 13),
            (17, 5, 5),
            (20, 2, FRAME_EXTENDED_LEN_MAX),
            (10, 1, FRAME_UNKNOWN_LEN_MAX),
            (21, 1, FRAME_UNKNOWN_LEN_MAX),
            (255, 1, FRAME_UNKNOWN_LEN_MAX),
        ];
        let header = |len: u32, id: u8| [len.to_be_bytes().as_slice(), &[id]].concat();
        for (id, min, max) in rules {
            for len in [min, max] {
                let frame = [header(len, id), vec![0; len as usize - 1]].concat();
                assert_eq!(decode(LIMITS, [frame.as_slice()]).0.len(), 1, "kind {id}, {len} bytes");
            }
            // The header alone is enough to refuse.
            for len in [max + 1, u32::MAX] {
                let refused = if min == max {
                    PeerMisbehaved::FrameLength { id, len }
                } else {
                    PeerMisbehaved::FrameTooLong { id, len, max }
                };
                assert_eq!(decode(LIMITS, [header(len, id).as_slice()]), (vec![], Some(refused)));
                assert_eq!(decode(LIMITS, header(len, id).chunks(1)), (vec![], Some(refused)));
            }
            if min > 1 {
                let refused = PeerMisbehaved::FrameLength { id, len: min - 1 };
                assert_eq!(decode(LIMITS, [header(min - 1, id).as_slice()]), (vec![], Some(refused)));
            }
        }
    }

    #[test]
    fn a_bitfield_is_bounded_by_the_piece_count_once_that_is_known() {
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        let longest = PIECE_COUNT_MAX / 8;
        let mut frame = Vec::new();
        Message::Bitfield(&vec![0xff; longest as usize]).encode(&mut frame);
        assert!(
            matches!(decoder.next(&mut frame.as_slice()), Ok(Some(Message::Bitfield(bits))) if bits.len() == 262_144)
        );
        decoder.set_piece_count(9);
        let refused = PeerMisbehaved::FrameTooLong { id: 5, len: 1 + longest, max: 3 };
        assert_eq!(decoder.next(&mut frame.as_slice()), Err(refused));
        let mut fits: &[u8] = b"\0\0\0\x03\x05\xff\x80";
        assert_eq!(decoder.next(&mut fits), Ok(Some(Message::Bitfield(b"\xff\x80"))));
    }

    #[test]
    fn a_whole_frame_is_borrowed_and_a_cut_one_kept() {
        let mut stream = Vec::new();
        for piece in 0..4 {
            Message::Piece { piece, offset: 0, data: &[7; 16_384] }.encode(&mut stream);
        }
        let mut decoder = FrameDecoder::new(LIMITS);
        let (first, second) = stream.split_at(40_000);
        let mut input = first;
        for _ in 0..2 {
            let Ok(Some(Message::Piece { data, .. })) = decoder.next(&mut input) else { panic!("no piece") };
            assert!(first.as_ptr_range().contains(&data.as_ptr()), "copied");
        }
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert_eq!(decoder.buffered(), 40_000 - 2 * (13 + 16_384));
        let mut input = second;
        for piece in 2..4 {
            let next = decoder.next(&mut input).unwrap();
            assert_eq!(next, Some(Message::Piece { piece, offset: 0, data: &[7; 16_384] }));
        }
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert_eq!(decoder.buffered(), 0);
    }

    #[test]
    fn an_unknown_kind_is_passed_over_without_being_kept() {
        let mut decoder = FrameDecoder::new(LIMITS);
        let frame = [&[0, 1, 0, 0, 99][..], &vec![1; 65_535], &[0, 0, 0, 1, 2]].concat();
        let (first, second) = frame.split_at(30_000);
        let mut input = first;
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert_eq!((decoder.buffered(), input.len()), (0, 0));
        let mut input = second;
        assert_eq!(decoder.next(&mut input), Ok(Some(Message::Unknown { id: 99 })));
        assert_eq!(decoder.next(&mut input), Ok(Some(Message::Interested)));
    }

    #[test]
    fn a_large_tail_is_given_back() {
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        let mut frame = Vec::new();
        Message::Bitfield(&[0xff; 200_000]).encode(&mut frame);
        let (mut first, mut second) = frame.split_at(190_000);
        assert_eq!(decoder.next(&mut first), Ok(None));
        assert!(matches!(decoder.next(&mut second), Ok(Some(Message::Bitfield(_)))));
        assert_eq!(decoder.next(&mut second), Ok(None));
        assert_eq!(decoder.tail.capacity(), 0);
    }

    /// Mostly frames that are right, some of unknown kinds, some broken, some noise.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let example = (0..EXAMPLES.len()).prop_map(|at| EXAMPLES[at].1.to_vec());
        let sized = (0u8..24, prop_oneof![0usize..60, 16_370usize..16_400]).prop_map(|(id, len)| {
            let len_field = u32::try_from(len + 1).unwrap();
            [&len_field.to_be_bytes()[..], &[id], &vec![id; len]].concat()
        });
        let noise = proptest::collection::vec(any::<u8>(), 0..12);
        let part = prop_oneof![12 => example, 3 => sized, 1 => noise];
        proptest::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_changes_nothing(
            stream in stream(),
            cuts in proptest::collection::vec(prop_oneof![1usize..8, 1usize..20_000], 1..40),
        ) {
            let expected = model(&stream);
            prop_assert_eq!(&decode(LIMITS, [stream.as_slice()]), &expected);
            let mut chunks = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            prop_assert_eq!(&decode(LIMITS, chunks), &expected);
        }

        #[test]
        fn noise_is_decoded_as_the_model_does(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 1usize..9) {
            prop_assert_eq!(decode(LIMITS, bytes.chunks(cut)), model(&bytes));
            let small: Vec<u8> = bytes.iter().map(|byte| byte % 22 * u8::from(byte % 3 == 0)).collect();
            prop_assert_eq!(decode(LIMITS, small.chunks(cut)), model(&small));
        }
    }
}
