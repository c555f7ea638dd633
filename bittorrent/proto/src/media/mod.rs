//! Looks into a media file for its duration and its index, reading as little as possible.
//!
//! The duration sizes a torrent's pieces ([`crate::create::piece_len`]) and turns positions into bytes; the index
//! (`moov`, `Cues`) is what a player reads before anything else. Nothing is decoded. The bytes are a stranger's: every
//! walk is bounded in elements and requests, whatever they say.
//!
//! ```text
//! while let Some(range) = probe.next_range() { probe.handle(range, &read(range)) }
//! probe.facts()
//! ```

mod isobmff;
mod matroska;

use std::time::Duration;

use crate::units::{ByteLen, ByteRange};

/// Bytes asked for at once, at most.
pub const READ_LEN_MAX: u64 = 64 * 1024;

/// Reads of one probe; 3 MiB at worst. A file in order needs fewer than five, and an MP4 may have one for each box.
const READS_MAX: u32 = 48;

/// Boxes or elements looked at in one probe.
const ELEMENTS_MAX: u32 = 256;

/// Bytes read where only a header is needed: the elements after it are often small and come along.
const READ_LEN_USUAL: u64 = 4 * 1024;

/// What is known about a media file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The container, by its first bytes.
    pub container: Container,
    /// Playing time, when the file says so. Never zero.
    pub duration: Option<Duration>,
    /// Where the index lies in the file, at most [`INDEX_LEN_MAX`] of it.
    pub index: Option<ByteRange>,
}

/// Bytes of an index that are worth fetching ahead of the film: a feature film's is 1 to 10 MiB.
pub const INDEX_LEN_MAX: u64 = 64 * 1024 * 1024;

/// How a media file is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Container {
    /// MP4, M4V, M4A, MOV (ISO/IEC 14496-12).
    IsoBmff,
    /// Matroska and WebM (RFC 9559).
    Matroska,
    /// Anything else.
    #[default]
    Unknown,
}

/// One look into one file. The caller reads what [`Probe::next_range`] names, hands it to [`Probe::handle`], and repeats
/// until there is no next range.
#[derive(Clone, Debug)]
pub struct Probe {
    file_len: u64,
    walk: Walk,
    /// Invariant: lies in the file, holds 1 to [`READ_LEN_MAX`] bytes; nothing once the probe has ended.
    wanted: Option<ByteRange>,
    facts: Facts,
    reads_left: u32,
    elements_left: u32,
}

impl Probe {
    /// Begins with a file of that length.
    pub fn new(file_len: ByteLen) -> Self {
        let file_len = file_len.get();
        let wanted = (file_len > 0).then(|| ByteRange::new(0, file_len.min(READ_LEN_MAX)));
        Self {
            file_len,
            walk: Walk::Start,
            wanted,
            facts: Facts::default(),
            reads_left: READS_MAX,
            elements_left: ELEMENTS_MAX,
        }
    }

    /// The bytes to read next, [`READ_LEN_MAX`] at most; nothing when the probe has ended.
    pub fn next_range(&self) -> Option<ByteRange> {
        self.wanted
    }

    /// Takes the bytes of `range`, which must be the last [`Probe::next_range`]; another is ignored. Fewer bytes than it
    /// names mean that the file could not be read to its end, and end the probe.
    pub fn handle(&mut self, range: ByteRange, bytes: &[u8]) {
        if self.wanted != Some(range) {
            return;
        }
        self.wanted = None;
        self.reads_left -= 1;
        if bytes.len() != range.len().as_usize() {
            return;
        }
        let window = Window { start: range.start, bytes, file_len: self.file_len };
        while self.elements_left > 0 {
            self.elements_left -= 1;
            let step = match &mut self.walk {
                Walk::Start => {
                    let Some(walk) = Walk::of(window.bytes) else { return };
                    self.facts.container = walk.container();
                    self.walk = walk;
                    Ok(Step::Next)
                }
                Walk::IsoBmff(walk) => walk.step(&window, &mut self.facts),
                Walk::Matroska(walk) => walk.step(&window, &mut self.facts),
            };
            match step {
                Ok(Step::Next) => {}
                Ok(Step::End) => return,
                Err(Missing(range)) => {
                    self.wanted = (self.reads_left > 0 && !range.is_empty()).then_some(range);
                    return;
                }
            }
        }
    }

    /// What is known; all of it once [`Probe::next_range`] is empty.
    pub fn facts(&self) -> Facts {
        self.facts
    }
}

#[derive(Clone, Debug)]
enum Walk {
    Start,
    IsoBmff(isobmff::Walk),
    Matroska(matroska::Walk),
}

impl Walk {
    fn of(first_bytes: &[u8]) -> Option<Self> {
        if isobmff::is_one(first_bytes) {
            Some(Self::IsoBmff(isobmff::Walk::default()))
        } else if matroska::is_one(first_bytes) {
            Some(Self::Matroska(matroska::Walk::default()))
        } else {
            None
        }
    }

    fn container(&self) -> Container {
        match self {
            Self::Start => Container::Unknown,
            Self::IsoBmff(_) => Container::IsoBmff,
            Self::Matroska(_) => Container::Matroska,
        }
    }
}

/// How a walk goes on after looking at one element.
enum Step {
    /// At another element; the same bytes may hold it.
    Next,
    /// Everything is found, or nothing more can be.
    End,
}

/// Bytes that are needed and not at hand; never more than [`READ_LEN_MAX`].
struct Missing(ByteRange);

/// The bytes at hand.
struct Window<'a> {
    start: u64,
    bytes: &'a [u8],
    file_len: u64,
}

impl Window<'_> {
    /// The `len` bytes at `at`, fewer where the file ends; nothing past its end.
    fn read(&self, at: u64, len: u64) -> Result<&[u8], Missing> {
        let wanted = ByteRange::new(at, at.saturating_add(len.min(READ_LEN_MAX))).intersect(self.file());
        let from = wanted.start.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let found = from.and_then(|from| self.bytes.get(from..)?.get(..wanted.len().as_usize()));
        found.ok_or_else(|| {
            let generous = ByteRange::new(at, at.saturating_add(READ_LEN_USUAL.max(wanted.len().get())));
            Missing(generous.intersect(self.file()))
        })
    }

    fn file(&self) -> ByteRange {
        ByteRange::new(0, self.file_len)
    }
}

/// `seconds` as a playing time, when they can be one. A year is more than any media.
fn playing_time(seconds: f64) -> Option<Duration> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero() && *duration < YEAR)
}

/// The index as a range of the file, cut to what is worth fetching.
fn index_range(start: u64, end: u64) -> ByteRange {
    ByteRange::new(start, end.min(start.saturating_add(INDEX_LEN_MAX)))
}

const _: () = assert!(READ_LEN_USUAL <= READ_LEN_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads the whole probe from memory; returns its facts, how many reads it took and how many bytes.
    pub(super) fn probe(file: &[u8]) -> (Facts, u32, u64) {
        probe_sparse(file.len() as u64, |range| {
            file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
        })
    }

    pub(super) fn probe_sparse(len: u64, read: impl Fn(ByteRange) -> Vec<u8>) -> (Facts, u32, u64) {
        let mut probe = Probe::new(ByteLen::new(len));
        let (mut reads, mut bytes) = (0, 0);
        while let Some(range) = probe.next_range() {
            assert!(!range.is_empty() && range.len().get() <= READ_LEN_MAX && range.end <= len, "{range:?}");
            reads += 1;
            assert!(reads <= READS_MAX);
            bytes += range.len().get();
            probe.handle(range, &read(range));
        }
        (probe.facts(), reads, bytes)
    }

    /// A file of which only some places hold anything: `parts` at their positions, zeros elsewhere.
    pub(super) fn sparse(len: u64, parts: &[(u64, Vec<u8>)]) -> (Facts, u32, u64) {
        probe_sparse(len, |range| {
            let mut bytes = vec![0; range.len().as_usize()];
            for (at, part) in parts {
                for (offset, byte) in part.iter().enumerate() {
                    let place = at + offset as u64;
                    if range.contains(place) {
                        bytes[usize::try_from(place - range.start).unwrap()] = *byte;
                    }
                }
            }
            bytes
        })
    }

    #[test]
    fn other_files_are_unknown() {
        for file in [&b""[..], b"x", b"RIFF....AVI LIST", &[0x47; 400], &[0; 100_000], b"ID3\x03 and more"] {
            let (facts, reads, _) = probe(file);
            assert_eq!(facts, Facts::default());
            assert!(reads <= 1);
        }
    }

    #[test]
    fn bytes_nobody_asked_for_are_ignored_and_short_ones_end_the_probe() {
        let mut probe = Probe::new(ByteLen::new(100));
        let range = probe.next_range().unwrap();
        probe.handle(ByteRange::new(1, 5), b"ftyp");
        assert_eq!(probe.next_range(), Some(range));
        probe.handle(range, b"\0\0\0\x10ftyp");
        assert_eq!(probe.next_range(), None);
        assert_eq!(probe.facts(), Facts::default());
        probe.handle(range, &[0; 100]);
        assert_eq!(probe.next_range(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_the_probe(
            head in prop_oneof![Just(&b"\0\0\0\x08ftyp"[..]), Just(&b"\x1a\x45\xdf\xa3\x80"[..]), Just(&b""[..])],
            tail in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            probe(&[head, &tail].concat());
        }

        #[test]
        fn any_elements_end_the_probe(
            matroska: bool,
            parts in proptest::collection::vec((0usize..20, any::<u8>(), any::<u32>()), 0..60),
            file_len in 0u64..1 << 50,
        ) {
            // Familiar ids with sizes from anywhere, repeated over a huge file: the walk meets them again and again.
            const IDS: [&[u8]; 20] = [
                b"ftyp", b"moov", b"mvhd", b"mdat", b"free", b"moof", b"\0\0\0\x01", b"\0\0\0\0", b"\0\0\0\x20", b"\xff",
                b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x4d\xbb", b"\x53\xab", b"\x53\xac", b"\x15\x49\xa9\x66",
                b"\x2a\xd7\xb1", b"\x44\x89", b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75",
            ];
            let mut file = if matroska { b"\x1a\x45\xdf\xa3\x80".to_vec() } else { b"\0\0\0\x08ftyp".to_vec() };
            for (id, size, bytes) in &parts {
                file.extend(IDS[*id]);
                file.push(*size);
                file.extend(&bytes.to_be_bytes()[..usize::from(size % 5)]);
            }
            probe_sparse(file_len, |range| {
                (range.start..range.end).map(|at| file[usize::try_from(at % file.len() as u64).unwrap()]).collect()
            });
        }
    }
}
