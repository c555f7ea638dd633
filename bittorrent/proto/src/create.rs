//! Making a torrent: how long its pieces are, and its info dictionary once they are hashed.
//!
//! Reading and hashing the files is the driver's part.

use std::time::Duration;

use bendy::encoding::{SingleItemEncoder, ToBencode};
use bytes::Bytes;

use crate::bencode;
use crate::limits::PIECE_LEN_MAX;
use crate::metainfo::{Metainfo, MetainfoError};
use crate::paths;
use crate::units::ByteLen;

/// Playing time of a piece, at most. A viewer starts, and goes on after a seek, when one piece is whole; shorter ones
/// would only cost more hashes and more "have" messages. The power of two below it leaves more than half of it.
pub const PIECE_TIME_MAX: Duration = Duration::from_millis(400);

/// The shortest piece: four blocks, so that several peers can work on one.
pub const PIECE_LEN_LEAST: u32 = 64 * 1024;

/// The longest piece that playing time asks for. At 400 ms it is a film of 10 Mbit/s; a richer one has shorter pieces in
/// time, which only helps.
pub const PIECE_LEN_MOST: u32 = 512 * 1024;

/// More pieces than this make the pieces longer: 640 KiB of hashes that a viewer fetches before the first frame.
pub const PIECE_COUNT_WANTED: u64 = 32_768;

/// What a film of unknown duration is taken to last.
const DURATION_ASSUMED: Duration = Duration::from_secs(90 * 60);

/// Bytes of a piece for media of that size: a power of two, and never more than can be fetched.
pub fn piece_len(total: ByteLen, duration: Option<Duration>) -> u32 {
    let duration = duration.filter(|duration| !duration.is_zero()).unwrap_or(DURATION_ASSUMED);
    let bytes = u128::from(total.get()) * PIECE_TIME_MAX.as_nanos() / duration.as_nanos();
    let mut len = PIECE_LEN_LEAST;
    while len < PIECE_LEN_MOST && u128::from(len) * 2 <= bytes {
        len *= 2;
    }
    while len < PIECE_LEN_MAX && total.get().div_ceil(u64::from(len)) > PIECE_COUNT_WANTED {
        len *= 2;
    }
    len
}

/// What goes into a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// One file, called like the torrent.
    File(ByteLen),
    /// Files in a folder called like the torrent, in the order they are hashed.
    Folder(Vec<NewFile>),
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Components from inside the folder.
    pub path: Vec<String>,
    /// Its bytes.
    pub len: ByteLen,
}

/// The torrent of these contents. `hashes` are the pieces' SHA-1, one after another: every file's bytes in order, cut
/// at each `piece_len`.
///
/// Names are written as [`paths`] makes them safe, so that what others save is called as it is here; the driver finds
/// its own files by their index. The flag of BEP 27 is never set: it would switch off metadata exchange and hole
/// punching in stock clients.
///
/// # Errors
/// What [`Metainfo::from_info`] refuses: no bytes, too many pieces or files, a hash too few.
pub fn metainfo(name: &str, contents: &Contents, piece_len: u32, hashes: &[u8]) -> Result<Metainfo, MetainfoError> {
    let name = paths::component_or_underscore(name.as_bytes());
    let contents = match contents {
        Contents::File(len) => Contents::File(*len),
        Contents::Folder(files) => Contents::Folder(safe_files(files)?),
    };
    let info = bencode::encode_dict(|info| {
        match &contents {
            Contents::File(len) => info.emit_pair(b"length", len.get())?,
            Contents::Folder(files) => info.emit_pair(b"files", files)?,
        }
        info.emit_pair(b"name", name)?;
        info.emit_pair(b"piece length", piece_len)?;
        info.emit_pair_with(b"pieces", |pieces| pieces.emit_bytes(hashes))
    });
    Metainfo::from_info(Bytes::from(info))
}

fn safe_files(files: &[NewFile]) -> Result<Vec<NewFile>, MetainfoError> {
    let mut files: Vec<NewFile> = files
        .iter()
        .map(|file| {
            let mut path: Vec<String> = file.path.iter().filter_map(|name| paths::component(name.as_bytes())).collect();
            if path.is_empty() {
                path.push(paths::component_or_underscore(b""));
            }
            NewFile { path, len: file.len }
        })
        .collect();
    paths::make_unique(files.iter_mut().map(|file| &mut file.path))?;
    Ok(files)
}

/// An entry of `files` (BEP 3).
impl ToBencode for NewFile {
    const MAX_DEPTH: usize = 2;

    fn encode(&self, encoder: SingleItemEncoder<'_>) -> Result<(), bendy::encoding::Error> {
        encoder.emit_dict(|mut file| {
            file.emit_pair(b"length", self.len.get())?;
            file.emit_pair(b"path", &self.path)
        })
    }
}

const _: () = assert!(PIECE_LEN_LEAST.is_power_of_two() && PIECE_LEN_MOST.is_power_of_two());
const _: () = assert!(PIECE_LEN_MAX.is_power_of_two() && PIECE_LEN_MOST <= PIECE_LEN_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infohash::Infohash;
    use crate::layout::{LayoutError, TorrentLayout};
    use crate::units::PieceIndex;
    use proptest::prelude::*;

    const MIB: u64 = 1024 * 1024;

    fn hours(hours: u64) -> Option<Duration> {
        Some(Duration::from_secs(hours * 3600))
    }

    #[test]
    fn piece_lengths_follow_the_media() {
        let cases = [
            // 2 Mbit/s: 0.26 s a piece.
            (ByteLen::new(900_000_000), hours(1), 64 * 1024),
            // 5 Mbit/s: 0.21 s.
            (ByteLen::new(2_250_000_000), hours(1), 128 * 1024),
            // 6 Mbit/s: 0.35 s.
            (ByteLen::new(2_700_000_000), hours(1), 256 * 1024),
            // 25 Mbit/s would like more than the most.
            (ByteLen::new(11_250_000_000), hours(1), 512 * 1024),
            // 40 GiB are 81,920 pieces of 512 KiB: raised until they are at most 32,768.
            (ByteLen::new(40 * 1024 * MIB), hours(2), 2 * 1024 * 1024),
            // A day of speech: few bytes a second, and still not too many pieces.
            (ByteLen::new(4 * 1024 * MIB), hours(100), 128 * 1024),
            // Unknown: as if it were a film.
            (ByteLen::new(700 * MIB), None, 64 * 1024),
            (ByteLen::new(4 * 1024 * MIB), None, 256 * 1024),
            (ByteLen::new(4 * 1024 * MIB), Some(Duration::ZERO), 256 * 1024),
            (ByteLen::new(1), Some(Duration::from_nanos(1)), 512 * 1024),
            (ByteLen::new(1), Some(Duration::MAX), 64 * 1024),
            (ByteLen::new(u64::MAX), None, PIECE_LEN_MAX),
        ];
        for (total, duration, expected) in cases {
            assert_eq!(piece_len(total, duration), expected, "{total} bytes in {duration:?}");
        }
    }

    #[test]
    fn a_single_file_is_canonical() {
        let made = metainfo("fi:lm.mkv", &Contents::File(ByteLen::new(20)), 16_384, &[b'h'; 20]).unwrap();
        assert_eq!(
            &made.info[..],
            b"d6:lengthi20e4:name9:fi_lm.mkv12:piece lengthi16384e6:pieces20:hhhhhhhhhhhhhhhhhhhhe"
        );
        assert!(made.single_file && !made.private);
    }

    #[test]
    fn what_cannot_be_fetched_is_not_made() {
        let made = |contents: Contents, piece_len, hashes: usize| metainfo("x", &contents, piece_len, &vec![0; hashes]);
        assert_eq!(made(Contents::File(ByteLen::ZERO), 16_384, 0), Err(MetainfoError::Layout(LayoutError::Empty)));
        assert_eq!(made(Contents::Folder(Vec::new()), 16_384, 0), Err(MetainfoError::FilesMissing));
        assert_eq!(
            made(Contents::File(ByteLen::new(1)), 16_384, 40),
            Err(MetainfoError::HashCount { expected: 1, got: 2 })
        );
        assert_eq!(made(Contents::File(ByteLen::new(1)), 0, 20), Err(MetainfoError::PieceLenInvalid));
    }

    fn file() -> impl Strategy<Value = NewFile> {
        (proptest::collection::vec("(\\PC{0,12}|con|\\.\\.|[ab]\\.mkv|z{239,241}|nul\\.y{240})", 0..4), 0u64..100_000)
            .prop_map(|(path, len)| NewFile { path, len: ByteLen::new(len) })
    }

    proptest! {
        #[test]
        fn what_is_made_reads_back_the_same(
            name in "\\PC{0,20}",
            files in proptest::collection::vec(file(), 1..10),
            piece_len_log in 14u32..18,
        ) {
            let lens: Vec<u64> = files.iter().map(|file| file.len.get()).collect();
            prop_assume!(lens.iter().any(|&len| len > 0));
            let piece_len = 1 << piece_len_log;
            let layout = TorrentLayout::new(piece_len, &lens).unwrap();
            let hash = |piece: PieceIndex| *Infohash::of(&piece.get().to_be_bytes()).as_bytes();
            let hashes: Vec<u8> = layout.pieces().flat_map(hash).collect();
            let made = metainfo(&name, &Contents::Folder(files), piece_len, &hashes).unwrap();
            prop_assert_eq!(&made.layout, &layout);
            prop_assert!(!made.private && !made.single_file);
            for piece in layout.pieces() {
                prop_assert_eq!(*made.piece_hash(piece), hash(piece));
            }
            prop_assert_eq!(Metainfo::from_torrent(&made.to_torrent()), Ok(made.clone()));
            // Names in the info dictionary are those we show: making it again from them changes nothing.
            let again = made.files.iter().map(|file| NewFile { path: file.path.clone(), len: file.len }).collect();
            let again = metainfo(&made.name, &Contents::Folder(again), piece_len, &hashes).unwrap();
            prop_assert_eq!(again.infohash, made.infohash);
        }

        #[test]
        fn piece_lengths_are_powers_of_two_within_bounds(total in 1u64..1 << 48, secs in proptest::option::of(0u64..1 << 40)) {
            let len = piece_len(ByteLen::new(total), secs.map(Duration::from_secs));
            prop_assert!(len.is_power_of_two() && (PIECE_LEN_LEAST..=PIECE_LEN_MAX).contains(&len));
            prop_assert!(len == PIECE_LEN_MAX || total.div_ceil(u64::from(len)) <= PIECE_COUNT_WANTED);
        }
    }
}
