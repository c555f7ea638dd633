//! MP4 and its relatives: boxes of size, type and payload (ISO/IEC 14496-12, 4.2). The index is `moov`, which stands at
//! the front or after all the media; its `mvhd` has the duration.

use std::time::Duration;

use super::{Facts, Missing, Step, Window, index_range, playing_time};

/// Where the walk stands: at top level, or inside `moov`.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    at: u64,
    moov_end: Option<u64>,
}

/// Whether a file begins with a box that such files begin with.
pub(super) fn is_one(first_bytes: &[u8]) -> bool {
    let kind = first_bytes.get(4..8).unwrap_or_default();
    matches!(kind, b"ftyp" | b"styp" | b"moov" | b"moof" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot")
}

impl Walk {
    /// Looks at the box at `at`, by its header only. `at` grows with every step: a box has 8 bytes at least.
    pub(super) fn step(&mut self, window: &Window<'_>, facts: &mut Facts) -> Result<Step, Missing> {
        let end = self.moov_end.unwrap_or(window.file_len);
        if self.at >= end {
            return Ok(Step::End);
        }
        let Some(found) = Header::parse(window.read(self.at, HEADER_LEN_MAX)?, self.at, end) else {
            return Ok(Step::End);
        };
        match &found.kind {
            b"moov" if self.moov_end.is_none() => {
                facts.index = Some(index_range(self.at, found.end));
                self.moov_end = Some(found.end);
                self.at = found.payload;
            }
            b"mvhd" if self.moov_end.is_some() => {
                let len = MVHD_LEN_READ.min(found.end - found.payload);
                facts.duration = movie_duration(window.read(found.payload, len)?);
                return Ok(Step::End);
            }
            _ => self.at = found.end,
        }
        Ok(Step::Next)
    }
}

/// Size, type, and the 64-bit size that may follow.
const HEADER_LEN_MAX: u64 = 16;

/// The part of `mvhd` that ends with the duration in version 1.
const MVHD_LEN_READ: u64 = 32;

struct Header {
    kind: [u8; 4],
    /// First byte after the header.
    payload: u64,
    /// First byte after the box; never behind the end of what holds it.
    end: u64,
}

impl Header {
    fn parse(bytes: &[u8], at: u64, end: u64) -> Option<Self> {
        let size = u32::from_be_bytes(*bytes.first_chunk()?);
        let kind = *bytes.get(4..)?.first_chunk()?;
        let (header_len, size) = match size {
            // The box reaches to the end of the file.
            0 => (8, end - at),
            1 => (16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)),
            size => (8, u64::from(size)),
        };
        let box_end = at.checked_add(size).filter(|&box_end| size >= header_len && box_end <= end)?;
        Some(Self { kind, payload: at + header_len, end: box_end })
    }
}

/// `mvhd` (8.2.2): version and flags, two times, timescale, duration; all ones stand for an unknown duration, and
/// zero for one that only the fragments have.
fn movie_duration(payload: &[u8]) -> Option<Duration> {
    let (timescale, duration) = match payload.first()? {
        0 => {
            let duration = u32::from_be_bytes(*payload.get(16..)?.first_chunk()?);
            (payload.get(12..)?, (duration != u32::MAX).then_some(u64::from(duration))?)
        }
        1 => {
            let duration = u64::from_be_bytes(*payload.get(24..)?.first_chunk()?);
            (payload.get(20..)?, (duration != u64::MAX).then_some(duration)?)
        }
        _ => return None,
    };
    let timescale = u32::from_be_bytes(*timescale.first_chunk()?);
    // Beyond 2^53 ticks the rounding is far below what a duration is used for. A timescale of zero gives no finite time.
    #[allow(clippy::cast_precision_loss)]
    playing_time(duration as f64 / f64::from(timescale))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{probe, sparse};
    use super::super::{Container, INDEX_LEN_MAX};
    use super::*;
    use crate::units::ByteRange;

    fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, payload].concat()
    }

    fn large_header(kind: &[u8; 4], size: u64) -> Vec<u8> {
        [&1u32.to_be_bytes()[..], kind, &size.to_be_bytes()].concat()
    }

    fn mvhd_0(timescale: u32, duration: u32) -> Vec<u8> {
        let times = [0; 12];
        boxed(b"mvhd", &[&times[..], &timescale.to_be_bytes(), &duration.to_be_bytes(), &[0; 80]].concat())
    }

    fn mvhd_1(timescale: u32, duration: u64) -> Vec<u8> {
        let version_and_times = [&[1, 0, 0, 0][..], &[0; 16]].concat();
        boxed(b"mvhd", &[&version_and_times[..], &timescale.to_be_bytes(), &duration.to_be_bytes(), &[0; 80]].concat())
    }

    fn ftyp() -> Vec<u8> {
        boxed(b"ftyp", b"isom\0\0\x02\0")
    }

    fn moov(mvhd: &[u8]) -> Vec<u8> {
        boxed(b"moov", &[mvhd, &boxed(b"trak", &[7; 50])].concat())
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn moov_at_the_front() {
        let moov = moov(&mvhd_0(1_000, 60_000));
        let (facts, reads, _) = probe(&[ftyp(), moov.clone(), boxed(b"mdat", &[1; 1_000])].concat());
        assert_eq!((facts.container, facts.duration), (Container::IsoBmff, Some(MINUTE)));
        assert_eq!(facts.index, Some(ByteRange::new(16, 16 + moov.len() as u64)));
        assert_eq!(reads, 1);
    }

    #[test]
    fn moov_at_the_end_behind_a_large_mdat() {
        let moov = moov(&mvhd_1(90_000, 60 * 90_000));
        let mdat_len = 50_000_000_000;
        let at = 16 + mdat_len;
        let parts = [(0, ftyp()), (16, large_header(b"mdat", mdat_len)), (at, moov.clone())];
        let (facts, reads, bytes) = sparse(at + moov.len() as u64, &parts);
        assert_eq!(facts.duration, Some(MINUTE));
        assert_eq!(facts.index, Some(ByteRange::new(at, at + moov.len() as u64)));
        assert_eq!(reads, 2);
        assert!(bytes < 70_000, "{bytes}");
    }

    #[test]
    fn mvhd_need_not_come_first() {
        let moov = boxed(b"moov", &[boxed(b"udta", &[0; 70_000]), mvhd_0(1, 60)].concat());
        assert_eq!(probe(&[ftyp(), moov].concat()).0.duration, Some(MINUTE));
    }

    #[test]
    fn a_last_box_may_reach_to_the_end() {
        let mut moov = moov(&mvhd_0(1, 60));
        moov[..4].copy_from_slice(&[0; 4]);
        let file = [ftyp(), moov].concat();
        let (facts, ..) = probe(&file);
        assert_eq!((facts.duration, facts.index), (Some(MINUTE), Some(ByteRange::new(16, file.len() as u64))));
        let to_the_end = [ftyp(), [&[0; 4], &b"mdat"[..], &[0; 100]].concat()].concat();
        assert_eq!(probe(&to_the_end).0.index, None);
    }

    #[test]
    fn durations_that_are_none() {
        let unknown = [
            mvhd_0(1_000, 0),
            mvhd_0(1_000, u32::MAX),
            mvhd_0(0, 1_000),
            mvhd_0(0, 0),
            mvhd_1(1_000, u64::MAX),
            mvhd_1(1, u64::MAX - 1),
            boxed(b"mvhd", &[0; 10]),
            boxed(b"mvhd", &[]),
            boxed(b"mvhd", &[2; 100]),
        ];
        for mvhd in unknown {
            let (facts, ..) = probe(&[ftyp(), moov(&mvhd)].concat());
            assert_eq!(facts.duration, None, "{mvhd:?}");
            assert!(facts.index.is_some());
        }
    }

    #[test]
    fn sizes_that_lie_end_the_walk() {
        let moov = moov(&mvhd_0(1, 60));
        for header in [
            vec![0, 0, 0, 7, b'f', b'r', b'e', b'e'],
            large_header(b"free", 15),
            large_header(b"free", 0),
            large_header(b"free", u64::MAX),
            large_header(b"free", u64::MAX - 15),
            vec![0xff, 0xff, 0xff, 0xff, b'f', b'r', b'e', b'e'],
        ] {
            assert_eq!(probe(&[ftyp(), header, moov.clone()].concat()).0.index, None);
        }
        // A child that is larger than the moov it stands in.
        let child = boxed(b"moov", &[&[0, 0, 1, 0][..], b"udta"].concat());
        assert_eq!(probe(&[ftyp(), child, mvhd_0(1, 60)].concat()).0.duration, None);
        // An mvhd outside of moov.
        assert_eq!(probe(&[ftyp(), mvhd_0(1, 60)].concat()).0.duration, None);
    }

    #[test]
    fn a_file_of_nothing_but_boxes_is_given_up() {
        let (facts, reads, _) = probe(&boxed(b"free", &[]).repeat(100_000));
        assert_eq!((facts.container, facts.index), (Container::IsoBmff, None));
        assert_eq!(reads, 1);
        // Each box ends beyond what was read.
        let (facts, reads, _) = probe(&boxed(b"free", &vec![0; 70_000]).repeat(100));
        assert_eq!((facts.index, reads), (None, super::super::READS_MAX));
    }

    #[test]
    fn a_huge_index_is_cut() {
        let parts = [(0, ftyp()), (16, large_header(b"moov", 1 << 40))];
        let (facts, ..) = sparse(16 + (1 << 40), &parts);
        assert_eq!(facts.index, Some(ByteRange::new(16, 16 + INDEX_LEN_MAX)));
    }
}
