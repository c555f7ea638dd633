//! The form of a resume file: what is written, and what of it is a resume file when it is read.
//!
//! A bencoded dictionary with the keys `bitfield`, `checksum`, `files`, `infohash`, `pieces`, `resting` and `version`, and in
//! version 2 `ever`: written when pieces were given up, and version 1 otherwise. A file is a list of its length in the torrent and, when it was there, its size on the disk and its time of change in
//! nanoseconds. `checksum` is the SHA-1 of the same dictionary without that key. There is one encoding of each content, and
//! only that one is read, so not one altered byte goes unseen.

use crate::bencode::{self, BencodeError, Bounds, Value};
use crate::bitfield::Bitfield;
use crate::infohash::Infohash;
use crate::layout::TorrentLayout;
use crate::units::FileIndex;

use super::{Resume, Stamp};

/// Why a resume file is not believed. All is hashed again then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// Torn, or something else altogether.
    #[error("not bencode: {0}")]
    Bencode(#[from] BencodeError),
    /// Made by another version of this program.
    #[error("of another version")]
    Version,
    /// A key is missing, or its value is of another kind.
    #[error("`{0}` is missing or wrong")]
    Field(&'static str),
    /// The infohash, the number of pieces or the files' lengths are of another torrent.
    #[error("of another torrent")]
    OtherTorrent,
    /// Altered after it was written.
    #[error("its checksum is wrong")]
    Checksum,
}

/// The bytes to write.
pub fn encode(infohash: Infohash, layout: &TorrentLayout, resume: &Resume) -> Vec<u8> {
    let body = encode_with(infohash, layout, resume, None);
    let checksum = sha1_smol::Sha1::from(body).digest().bytes();
    encode_with(infohash, layout, resume, Some(&checksum))
}

/// What was written for this torrent.
///
/// # Errors
/// What makes it no resume file of ours for this torrent.
pub fn decode(bytes: &[u8], infohash: Infohash, layout: &TorrentLayout) -> Result<Resume, ResumeError> {
    let bounds = Bounds { bytes: len_max(layout), depth: 3, tokens: 18 + 4 * layout.file_count() };
    let root = bencode::parse(bytes, bounds)?;
    let int = |key: &'static str| root.get(key).and_then(Value::as_int).ok_or(ResumeError::Field(key));
    let string = |key: &'static str| root.get(key).and_then(Value::as_bytes).ok_or(ResumeError::Field(key));
    let version = int("version")?;
    if version != VERSION && version != VERSION_EVER {
        return Err(ResumeError::Version);
    }
    if string("infohash")? != infohash.as_bytes() || int("pieces")? != i64::from(layout.piece_count()) {
        return Err(ResumeError::OtherTorrent);
    }
    let bits = |key: &'static str| {
        Bitfield::from_wire(string(key)?, layout.piece_count()).map_err(|_| ResumeError::Field(key))
    };
    let verified = bits("bitfield")?;
    let ever = if version == VERSION_EVER { bits("ever")? } else { verified.clone() };
    if verified.next_not_in(0, &ever).is_some() {
        return Err(ResumeError::Field("ever"));
    }
    let files = root.get("files").and_then(Value::as_list).ok_or(ResumeError::Field("files"))?;
    if files.len() != layout.file_count() {
        return Err(ResumeError::OtherTorrent);
    }
    let stamps = (0..).zip(files).map(|(index, file)| stamp(file, FileIndex(index), layout));
    let resume = Resume { at_rest: int("resting")? == 1, verified, ever, stamps: stamps.collect::<Result<_, _>>()? };
    // Encoded anew, it is the same to the last byte, or something of it is not what was written.
    if encode(infohash, layout, &resume) == bytes { Ok(resume) } else { Err(ResumeError::Checksum) }
}

/// Bytes of the longest resume file that there can be for this torrent. A longer file is none.
pub fn len_max(layout: &TorrentLayout) -> usize {
    // A file is three integers of at most 22 bytes in a list of 2; all keys and the other values take less than 256.
    256 + 2 * layout.piece_count().div_ceil(8) as usize + 68 * layout.file_count()
}

const VERSION: i64 = 1;

/// With pieces that were given up.
const VERSION_EVER: i64 = 2;

fn encode_with(infohash: Infohash, layout: &TorrentLayout, resume: &Resume, checksum: Option<&[u8; 20]>) -> Vec<u8> {
    bencode::encode_dict(|root| {
        if let Some(checksum) = checksum {
            root.emit_pair_with(b"checksum", |value| value.emit_bytes(checksum))?;
        }
        let gave_up = resume.ever != resume.verified;
        root.emit_pair(b"version", if gave_up { VERSION_EVER } else { VERSION })?;
        if gave_up {
            root.emit_pair_with(b"ever", |value| value.emit_bytes(&resume.ever.to_wire()))?;
        }
        root.emit_pair_with(b"infohash", |value| value.emit_bytes(infohash.as_bytes()))?;
        root.emit_pair(b"pieces", layout.piece_count())?;
        root.emit_pair(b"resting", u8::from(resume.at_rest))?;
        root.emit_pair_with(b"bitfield", |value| value.emit_bytes(&resume.verified.to_wire()))?;
        root.emit_pair_with(b"files", |value| {
            value.emit_list(|files| {
                for (index, stamp) in (0..).zip(&resume.stamps) {
                    files.emit_list(|file| {
                        file.emit_int(len_of(FileIndex(index), layout))?;
                        if let Some(stamp) = stamp {
                            file.emit_int(stamp.size)?;
                            file.emit_int(stamp.modified_ns)?;
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
        })
    })
}

fn stamp(file: &Value<'_>, index: FileIndex, layout: &TorrentLayout) -> Result<Option<Stamp>, ResumeError> {
    let wrong = ResumeError::Field("files");
    let numbers: Option<Vec<i64>> = file.as_list().and_then(|list| list.iter().map(Value::as_int).collect());
    let (len, stamp) = match numbers.as_deref() {
        Some(&[len]) => (len, None),
        Some(&[len, size, modified_ns]) => {
            (len, Some(Stamp { size: u64::try_from(size).map_err(|_| wrong)?, modified_ns }))
        }
        Some(_) | None => return Err(wrong),
    };
    if u64::try_from(len) == Ok(len_of(index, layout)) { Ok(stamp) } else { Err(ResumeError::OtherTorrent) }
}

fn len_of(file: FileIndex, layout: &TorrentLayout) -> u64 {
    layout.file_range(file).map_or(0, |range| range.len().get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INFOHASH: Infohash = Infohash::new([7; 20]);

    fn stamps() -> impl Strategy<Value = Option<Stamp>> {
        // A size is an i64 at most, as the system's own `off_t` is.
        proptest::option::of((0..=i64::MAX as u64, any::<i64>()))
            .prop_map(|stamp| stamp.map(|(size, modified_ns)| Stamp { size, modified_ns }))
    }

    prop_compose! {
        fn resumes()(
            files in proptest::collection::vec((0u64..400_000, stamps()), 1..8),
            first in 1u64..400_000,
            bits in any::<u64>(),
            given_up in prop_oneof![Just(0), any::<u64>()],
            at_rest in any::<bool>(),
        ) -> (TorrentLayout, Resume) {
            let lens: Vec<u64> = std::iter::once(first).chain(files.iter().skip(1).map(|file| file.0)).collect();
            let layout = TorrentLayout::new(16_384, &lens).unwrap();
            let mut verified = Bitfield::new_empty(layout.piece_count());
            for piece in layout.pieces().filter(|piece| bits >> (piece.get() % 64) & 1 == 1) {
                verified.set(piece.get());
            }
            let mut resume = Resume::new(at_rest, verified, files.into_iter().map(|file| file.1).collect());
            for piece in layout.pieces().filter(|piece| given_up >> (piece.get() % 64) & 1 == 1) {
                resume.ever.set(piece.get());
            }
            (layout, resume)
        }
    }

    fn one() -> (TorrentLayout, Resume) {
        let layout = TorrentLayout::new(16_384, &[40_000, 0, 70_000]).unwrap();
        let mut verified = Bitfield::new_empty(layout.piece_count());
        [0, 1, 6].iter().for_each(|piece| assert!(verified.set(*piece)));
        let stamp = Stamp { size: 40_000, modified_ns: 1_790_000_000_123_456_789 };
        (layout, Resume::new(true, verified, vec![Some(stamp), None, None]))
    }

    fn gave_up() -> (TorrentLayout, Resume) {
        let (layout, mut resume) = one();
        assert!(resume.ever.set(4));
        (layout, resume)
    }

    #[test]
    fn any_altered_byte_is_refused() {
        for (layout, resume) in [one(), gave_up()] {
            let bytes = encode(INFOHASH, &layout, &resume);
            for at in 0..bytes.len() {
                for other in (0..=255).filter(|other| *other != bytes[at]) {
                    let mut altered = bytes.clone();
                    altered[at] = other;
                    assert!(decode(&altered, INFOHASH, &layout).is_err(), "byte {at} as {other}");
                }
            }
        }
    }

    #[test]
    fn a_torn_or_longer_file_is_refused() {
        let (layout, resume) = one();
        let bytes = encode(INFOHASH, &layout, &resume);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], INFOHASH, &layout).is_err(), "{len} bytes");
        }
        let longer = [bytes.as_slice(), b"e"].concat();
        assert!(matches!(decode(&longer, INFOHASH, &layout), Err(ResumeError::Bencode(_))));
    }

    #[test]
    fn another_torrents_file_is_refused() {
        let (layout, resume) = one();
        let bytes = encode(INFOHASH, &layout, &resume);
        assert_eq!(decode(&bytes, Infohash::new([8; 20]), &layout), Err(ResumeError::OtherTorrent));
        // As many pieces, other files; and other pieces.
        for (piece_len, lens) in [(16_384, [40_001, 0, 69_999]), (32_768, [40_000, 0, 70_000])] {
            let other = TorrentLayout::new(piece_len, &lens).unwrap();
            assert_eq!(decode(&bytes, INFOHASH, &other), Err(ResumeError::OtherTorrent), "{lens:?}");
        }
        let one_file = TorrentLayout::new(16_384, &[110_000]).unwrap();
        assert!(decode(&bytes, INFOHASH, &one_file).is_err());
    }

    #[test]
    fn files_of_the_first_version_are_read_and_still_written_where_nothing_was_given_up() {
        let (layout, resume) = one();
        let mut old = b"d8:bitfield1:\xc2".to_vec();
        old.extend(b"5:fileslli40000ei40000ei1790000000123456789eeli0eeli70000eee8:infohash20:");
        old.extend([7; 20]);
        old.extend(b"6:piecesi7e7:restingi1e7:versioni1ee");
        let old = String::from_utf8_lossy(&old).into_owned();
        let bytes = encode(INFOHASH, &layout, &resume);
        let checksum = bytes.windows(11).position(|window| window == b"8:checksum2").unwrap();
        // Without its checksum it is what earlier versions wrote.
        let bare = [&bytes[..checksum], &bytes[checksum + 10 + 3 + 20..]].concat();
        assert_eq!(String::from_utf8_lossy(&bare), old);
        assert_eq!(decode(&bytes, INFOHASH, &layout), Ok(resume));
    }

    #[test]
    fn pieces_that_were_given_up_are_remembered() {
        let (layout, resume) = gave_up();
        let bytes = encode(INFOHASH, &layout, &resume);
        assert!(bytes.windows(11).any(|window| window == b"7:versioni2"));
        assert_eq!(decode(&bytes, INFOHASH, &layout), Ok(resume.clone()));
        let nothing = Resume { verified: Bitfield::new_empty(7), ..resume.clone() };
        assert_eq!(decode(&encode(INFOHASH, &layout, &nothing), INFOHASH, &layout), Ok(nothing));
        let less = Resume { ever: Bitfield::new_empty(7), ..resume };
        let contradiction = decode(&encode(INFOHASH, &layout, &less), INFOHASH, &layout);
        assert_eq!(contradiction, Err(ResumeError::Field("ever")), "what is here was here");
    }

    #[test]
    fn another_version_is_left_alone() {
        let (layout, _) = one();
        let later = b"d7:versioni3ee";
        assert_eq!(decode(later, INFOHASH, &layout), Err(ResumeError::Version));
        assert_eq!(decode(b"de", INFOHASH, &layout), Err(ResumeError::Field("version")));
    }

    #[test]
    fn the_longest_there_is_fits_its_bound() {
        let lens = [1 << 46, 1 << 46, 1 << 46];
        let layout = TorrentLayout::new(1 << 27, &lens).unwrap();
        let stamp = Some(Stamp { size: i64::MAX as u64, modified_ns: i64::MIN });
        let ever = Bitfield::new_full(layout.piece_count());
        let verified = Bitfield::new_empty(layout.piece_count());
        let resume = Resume { at_rest: true, verified, ever, stamps: vec![stamp; 3] };
        let bytes = encode(INFOHASH, &layout, &resume);
        assert!(bytes.len() <= len_max(&layout), "{} bytes", bytes.len());
        assert_eq!(decode(&bytes, INFOHASH, &layout), Ok(resume));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read((layout, resume) in resumes()) {
            let bytes = encode(INFOHASH, &layout, &resume);
            prop_assert!(bytes.len() <= len_max(&layout));
            prop_assert_eq!(decode(&bytes, INFOHASH, &layout), Ok(resume));
        }

        #[test]
        fn several_altered_bytes_are_refused(
            (layout, resume) in resumes(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let bytes = encode(INFOHASH, &layout, &resume);
            let mut altered = bytes.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                altered[at] = byte;
            }
            prop_assume!(altered != bytes);
            prop_assert!(decode(&altered, INFOHASH, &layout).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let (layout, _) = one();
            prop_assert!(decode(&bytes, INFOHASH, &layout).is_err());
        }
    }
}
