//! Matroska and WebM: elements of id, size and payload (RFC 8794, RFC 9559). `Info` has the duration, `Cues` is the
//! index; a `SeekHead` near the front says where they are.

use std::time::Duration;

use super::{Facts, Missing, READ_LEN_MAX, Step, Window, index_range, playing_time};

/// Where the walk stands. First the EBML header, then the Segment's children in order until the media begins, then the
/// places that a SeekHead named.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    at: u64,
    /// The Segment's payload; nothing until it was found.
    segment: Option<Segment>,
    /// Places a SeekHead named and the walk has not passed, of elements not known yet.
    visits: Vec<u64>,
    /// Whether the walk now goes from visit to visit.
    visiting: bool,
    seek_heads_read: u8,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    start: u64,
    end: u64,
}

/// A first SeekHead, and one at the end that muxers write when the first has no room left.
const SEEK_HEADS_MAX: u8 = 2;

/// Places visited: of Info, Cues and the second SeekHead, with some room for one that is named twice.
const VISITS_MAX: usize = 8;

/// An id of four bytes and a size of eight.
const HEADER_LEN_MAX: u64 = 12;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;

/// Whether a file begins with an EBML header.
pub(super) fn is_one(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(&EBML.to_be_bytes())
}

impl Walk {
    /// Looks at one element. Every step either moves `at` forward by at least the two bytes of a header or takes a visit,
    /// of which there are few.
    pub(super) fn step(&mut self, window: &Window<'_>, facts: &mut Facts) -> Result<Step, Missing> {
        let Some(segment) = self.segment else {
            return self.step_to_segment(window);
        };
        if facts.duration.is_some() && facts.index.is_some() {
            return Ok(Step::End);
        }
        let header = if self.at < segment.end { window.read(self.at, HEADER_LEN_MAX)? } else { &[] };
        let Some(element) = Element::parse(header, self.at, segment.end) else {
            return Ok(self.next_visit());
        };
        match element.id {
            CUES => facts.index = Some(index_range(self.at, element.end)),
            INFO => {
                let payload = window.read(element.payload, element.payload_len_read())?;
                facts.duration = facts.duration.or(duration(payload));
            }
            SEEK_HEAD if self.seek_heads_read < SEEK_HEADS_MAX => {
                let payload = window.read(element.payload, element.payload_len_read())?;
                self.seek_heads_read += 1;
                self.read_seek_head(payload, segment);
            }
            _ => {}
        }
        if self.visiting || element.id == CLUSTER || element.is_endless {
            return Ok(self.next_visit());
        }
        self.at = element.end;
        Ok(Step::Next)
    }

    /// The EBML header comes first; a Void may stand before the Segment.
    fn step_to_segment(&mut self, window: &Window<'_>) -> Result<Step, Missing> {
        if self.at >= window.file_len {
            return Ok(Step::End);
        }
        let header = window.read(self.at, HEADER_LEN_MAX)?;
        let Some(element) = Element::parse(header, self.at, window.file_len) else {
            return Ok(Step::End);
        };
        if element.id == SEGMENT {
            self.segment = Some(Segment { start: element.payload, end: element.end });
            self.at = element.payload;
        } else if element.is_endless {
            return Ok(Step::End);
        } else {
            self.at = element.end;
        }
        Ok(Step::Next)
    }

    fn next_visit(&mut self) -> Step {
        self.visiting = true;
        match self.visits.pop() {
            Some(at) => {
                self.at = at;
                Step::Next
            }
            None => Step::End,
        }
    }

    /// Remembers where Info, Cues and another SeekHead are said to be, relative to the Segment's payload.
    fn read_seek_head(&mut self, payload: &[u8], segment: Segment) {
        for (id, seek) in Children(payload) {
            if id != SEEK {
                continue;
            }
            let (mut target, mut position) = (None, None);
            for (id, value) in Children(seek) {
                match id {
                    SEEK_ID => target = unsigned(value),
                    SEEK_POSITION => position = unsigned(value),
                    _ => {}
                }
            }
            let is_wanted =
                target.is_some_and(|id| [INFO, CUES, SEEK_HEAD].iter().any(|&wanted| u64::from(wanted) == id));
            let at = position.and_then(|position| segment.start.checked_add(position)).filter(|&at| at < segment.end);
            // What lies behind was seen already.
            if let Some(at) = at.filter(|&at| is_wanted && at > self.at)
                && self.visits.len() < VISITS_MAX
            {
                self.visits.push(at);
            }
        }
    }
}

struct Element {
    id: u32,
    payload: u64,
    /// First byte after the element; never behind the end of what holds it.
    end: u64,
    /// Its size is unknown (a live recording), so nothing that follows can be found.
    is_endless: bool,
}

impl Element {
    /// An element that is cut off by the end of what holds it is taken as reaching to there.
    fn parse(header: &[u8], at: u64, end: u64) -> Option<Self> {
        let (id, size, header_len) = id_and_size(header)?;
        let payload = at.checked_add(header_len).filter(|&payload| payload <= end)?;
        let element_end = size.and_then(|size| payload.checked_add(size)).unwrap_or(end).min(end);
        Some(Self { id, payload, end: element_end, is_endless: size.is_none() })
    }

    /// Info and SeekHead are a few hundred bytes; of a longer one the beginning is read.
    fn payload_len_read(&self) -> u64 {
        (self.end - self.payload).min(READ_LEN_MAX)
    }
}

/// The elements in a payload that is at hand; ends at the first that is cut off.
struct Children<'a>(&'a [u8]);

impl<'a> Iterator for Children<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, size, header_len) = id_and_size(self.0)?;
        let rest = self.0.get(usize::try_from(header_len).ok()?..)?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(size?).ok()?)?;
        self.0 = rest;
        Some((id, payload))
    }
}

/// RFC 8794, sections 4 to 6: the leading zeros of the first byte tell the length. An id keeps the bit that ends them, a
/// size does not, and a size of all ones is unknown. Returns id, size and the bytes of both.
fn id_and_size(bytes: &[u8]) -> Option<(u32, Option<u64>, u64)> {
    let (id, id_len) = variable_int(bytes, 4)?;
    let (size, size_len) = variable_int(bytes.get(id_len..)?, 8)?;
    let marker = 1u64 << (7 * size_len);
    let size = size & (marker - 1);
    Some((u32::try_from(id).ok()?, (size != marker - 1).then_some(size), (id_len + size_len) as u64))
}

fn variable_int(bytes: &[u8], len_max: usize) -> Option<(u64, usize)> {
    let len = bytes.first()?.leading_zeros() as usize + 1;
    let bytes = bytes.get(..len).filter(|_| len <= len_max)?;
    Some((big_endian(bytes), len))
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| big_endian(bytes))
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// `Info`: Duration is a float in units of TimestampScale, which is nanoseconds and a million of them unless it says.
fn duration(info: &[u8]) -> Option<Duration> {
    let (mut scale, mut duration) = (1_000_000, None);
    for (id, value) in Children(info) {
        match id {
            TIMESTAMP_SCALE => scale = unsigned(value)?,
            DURATION => {
                duration = match value.len() {
                    4 => value.first_chunk().map(|bytes| f64::from(f32::from_be_bytes(*bytes))),
                    8 => value.first_chunk().map(|bytes| f64::from_be_bytes(*bytes)),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    #[allow(clippy::cast_precision_loss)] // Scales are round numbers far below 2^53.
    playing_time(duration? * (scale as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{probe, sparse};
    use super::super::{Container, INDEX_LEN_MAX};
    use super::*;
    use crate::units::ByteRange;

    fn id_bytes(id: u32) -> Vec<u8> {
        id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect()
    }

    /// An element whose size takes eight bytes, so that positions are easy to add up.
    fn header(id: u32, size: u64) -> Vec<u8> {
        [id_bytes(id), (size | 1 << 56).to_be_bytes().to_vec()].concat()
    }

    fn element(id: u32, payload: &[u8]) -> Vec<u8> {
        [header(id, payload.len() as u64), payload.to_vec()].concat()
    }

    fn endless(id: u32) -> Vec<u8> {
        [id_bytes(id), vec![0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()
    }

    fn info(duration: f64) -> Vec<u8> {
        element(INFO, &element(DURATION, &duration.to_be_bytes()))
    }

    fn seek_head(targets: &[(u32, u64)]) -> Vec<u8> {
        let seeks: Vec<u8> = targets
            .iter()
            .flat_map(|(id, position)| {
                element(
                    SEEK,
                    &[element(SEEK_ID, &id_bytes(*id)), element(SEEK_POSITION, &position.to_be_bytes())].concat(),
                )
            })
            .collect();
        element(SEEK_HEAD, &seeks)
    }

    fn file(children: &[Vec<u8>]) -> Vec<u8> {
        [element(EBML, b"whatever"), element(SEGMENT, &children.concat())].concat()
    }

    /// EBML header of 20 bytes, Segment header of 12.
    const SEGMENT_START: u64 = 32;
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn info_and_cues_before_the_media() {
        let info = info(60_000.0);
        let cues = element(CUES, &[5; 30]);
        let start = SEGMENT_START + info.len() as u64;
        let (facts, reads, _) = probe(&file(&[info, cues, element(CLUSTER, &[0; 100])]));
        assert_eq!((facts.container, facts.duration), (Container::Matroska, Some(MINUTE)));
        assert_eq!((facts.index, reads), (Some(ByteRange::new(start, start + 42)), 1));
    }

    #[test]
    fn cues_at_the_end_are_found_through_the_seek_head() {
        let media_len = 30_000_000_000;
        let tail = seek_head(&[(INFO, 0), (CUES, 0)]).len() as u64 + info(0.0).len() as u64;
        let cues_at = tail + 12 + media_len;
        let head = [seek_head(&[(INFO, tail - info(0.0).len() as u64), (CUES, cues_at)]), info(60_000.0)].concat();
        let segment_len = cues_at + 12 + 5_000_000;
        let parts = [
            (0, element(EBML, b"whatever")),
            (20, header(SEGMENT, segment_len)),
            (SEGMENT_START, head),
            (SEGMENT_START + tail, header(CLUSTER, media_len)),
            (SEGMENT_START + cues_at, header(CUES, 5_000_000)),
        ];
        let (facts, reads, bytes) = sparse(SEGMENT_START + segment_len, &parts);
        assert_eq!(facts.duration, Some(MINUTE));
        let start = SEGMENT_START + cues_at;
        assert_eq!(facts.index, Some(ByteRange::new(start, start + 5_000_012)));
        assert_eq!(reads, 2);
        assert!(bytes < 70_000, "{bytes}");
    }

    #[test]
    fn a_second_seek_head_is_followed_once() {
        let first_len = seek_head(&[(SEEK_HEAD, 0)]).len() as u64;
        let cluster = element(CLUSTER, &[0; 100]);
        let second_at = first_len + cluster.len() as u64;
        let second_len = seek_head(&[(SEEK_HEAD, 0), (CUES, 0), (INFO, 0)]).len() as u64;
        let cues = element(CUES, &[5; 30]);
        let (cues_at, info_at) = (second_at + second_len, second_at + second_len + cues.len() as u64);
        let second = seek_head(&[(SEEK_HEAD, second_at), (CUES, cues_at), (INFO, info_at)]);
        let (facts, ..) = probe(&file(&[seek_head(&[(SEEK_HEAD, second_at)]), cluster, second, cues, info(60_000.0)]));
        assert_eq!(facts.duration, Some(MINUTE));
        assert_eq!(facts.index.map(|range| range.start), Some(SEGMENT_START + cues_at));
    }

    #[test]
    fn scales_floats_and_short_sizes() {
        let scaled = element(
            INFO,
            &[element(TIMESTAMP_SCALE, &[0x0f, 0x42, 0x40]), element(DURATION, &60_000f32.to_be_bytes())].concat(),
        );
        assert_eq!(probe(&file(&[scaled])).0.duration, Some(MINUTE));
        let micros = element(
            INFO,
            &[element(DURATION, &6e7f64.to_be_bytes()), element(TIMESTAMP_SCALE, &1000u16.to_be_bytes())].concat(),
        );
        assert_eq!(probe(&file(&[micros])).0.duration, Some(MINUTE));
        // Sizes of one byte, as most files have them.
        let short = [
            &b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x90\x15\x49\xa9\x66\x8b\x44\x89\x88"[..],
            &60_000f64.to_be_bytes(),
        ]
        .concat();
        assert_eq!(probe(&short).0.duration, Some(MINUTE));
    }

    #[test]
    fn a_live_recording_has_a_segment_without_end() {
        let file = [element(EBML, b""), endless(SEGMENT), info(60_000.0), endless(CLUSTER), vec![0; 100]].concat();
        let (facts, reads, _) = probe(&file);
        assert_eq!((facts.duration, facts.index, reads), (Some(MINUTE), None, 1));
    }

    #[test]
    fn durations_that_are_none() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(probe(&file(&[info(wrong)])).0.duration, None, "{wrong}");
        }
        for wrong in [&[0u8; 5][..], &[], &[1; 9]] {
            assert_eq!(probe(&file(&[element(INFO, &element(DURATION, wrong))])).0.duration, None);
        }
        let scale = element(TIMESTAMP_SCALE, &[0]);
        let zero = element(INFO, &[scale, element(DURATION, &1f64.to_be_bytes())].concat());
        assert_eq!(probe(&file(&[zero])).0.duration, None);
    }

    #[test]
    fn seek_heads_that_lie_lead_nowhere() {
        let places = [(CUES, u64::MAX), (INFO, 1 << 40), (CUES, 0), (INFO, 3), (SEEK_HEAD, 0)];
        let (facts, ..) = probe(&file(&[seek_head(&places), element(CLUSTER, &[0; 50])]));
        assert_eq!((facts.duration, facts.index), (None, None));
        // A thousand places, all inside: only a few are visited.
        let many: Vec<(u32, u64)> = (0..1_000).map(|number| (CUES, 40_000 + 4_096 * number)).collect();
        let parts = [(0, [element(EBML, b"whatever"), header(SEGMENT, 1 << 30), seek_head(&many)].concat())];
        let (_, reads, _) = sparse(1 << 30, &parts);
        assert!(reads <= 2 + u32::try_from(VISITS_MAX).unwrap(), "{reads}");
    }

    #[test]
    fn a_huge_index_is_cut() {
        let parts = [(0, [element(EBML, b"whatever"), header(SEGMENT, 1 << 40), header(CUES, 1 << 39)].concat())];
        let (facts, ..) = sparse(1 << 40, &parts);
        assert_eq!(facts.index, Some(ByteRange::new(SEGMENT_START, SEGMENT_START + INDEX_LEN_MAX)));
    }

    #[test]
    fn a_file_of_nothing_but_elements_is_given_up() {
        let (facts, reads, _) = probe(&file(&vec![element(0xec, &[]); 50_000]));
        assert_eq!((facts.duration, reads), (None, 1));
        let (facts, reads, _) = probe(&file(&vec![element(0xec, &[0; 70_000]); 100]));
        assert_eq!((facts.duration, reads), (None, super::super::READS_MAX));
    }
}
