//! Where pieces, blocks and files lie: the arithmetic of a torrent, in one place.

use crate::error::PeerMisbehaved;
use crate::limits::{PIECE_COUNT_MAX, TORRENT_LEN_MAX};
use crate::units::{BLOCK_LEN, BlockIndex, BlockInfo, BlockOffset, ByteLen, ByteRange, FileIndex, PieceIndex};

/// The geometry of a torrent: its length, its piece length, and where each file begins.
///
/// Invariant: there is at least one piece, every piece but the last is `piece_len` long, and the files, in order and
/// without a gap, cover `0..total_len`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorrentLayout {
    piece_len: u32,
    total_len: u64,
    piece_count: u32,
    files: Vec<ByteRange>,
}

/// A block as it stands in a message, before anybody checked that it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawBlock {
    /// Claimed piece.
    pub piece: u32,
    /// Claimed offset in the piece.
    pub offset: u32,
    /// Claimed length; for a piece message, the length of its data.
    pub len: u32,
}

impl From<BlockInfo> for RawBlock {
    fn from(block: BlockInfo) -> Self {
        Self { piece: block.piece.get(), offset: block.offset.get(), len: block.len.as_u32() }
    }
}

/// Part of a piece that lies in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSlice {
    /// The file.
    pub file: FileIndex,
    /// The bytes of the file.
    pub range: ByteRange,
    /// Where they lie, counted from the start of the range that was asked for.
    pub at: u64,
}

/// Why no layout can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A piece length of nothing.
    #[error("the piece length is zero")]
    PieceLenZero,
    /// All files together hold no byte.
    #[error("the torrent holds no bytes")]
    Empty,
    /// Longer than [`TORRENT_LEN_MAX`].
    #[error("the torrent is larger than {TORRENT_LEN_MAX} bytes")]
    TooLarge,
    /// More pieces than [`PIECE_COUNT_MAX`].
    #[error("{0} pieces; at most {PIECE_COUNT_MAX} are supported")]
    TooManyPieces(u64),
}

impl TorrentLayout {
    /// The layout of files of these lengths, cut into pieces of `piece_len` bytes.
    pub fn new(piece_len: u32, file_lens: &[u64]) -> Result<Self, LayoutError> {
        if piece_len == 0 {
            return Err(LayoutError::PieceLenZero);
        }
        let mut files = Vec::with_capacity(file_lens.len());
        let mut total_len = 0u64;
        for &len in file_lens {
            let end = total_len.checked_add(len).filter(|&end| end <= TORRENT_LEN_MAX).ok_or(LayoutError::TooLarge)?;
            files.push(ByteRange::new(total_len, end));
            total_len = end;
        }
        if total_len == 0 {
            return Err(LayoutError::Empty);
        }
        let pieces = total_len.div_ceil(u64::from(piece_len));
        let piece_count = u32::try_from(pieces)
            .ok()
            .filter(|&count| count <= PIECE_COUNT_MAX)
            .ok_or(LayoutError::TooManyPieces(pieces))?;
        Ok(Self { piece_len, total_len, piece_count, files })
    }

    /// Bytes of all files.
    pub const fn total_len(&self) -> ByteLen {
        ByteLen::new(self.total_len)
    }

    /// Bytes of every piece but the last.
    pub const fn piece_len_max(&self) -> u32 {
        self.piece_len
    }

    /// How many pieces; at least one.
    pub const fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Every piece, in order.
    pub fn pieces(&self) -> impl DoubleEndedIterator<Item = PieceIndex> + ExactSizeIterator + use<> {
        (0..self.piece_count).map(PieceIndex::new)
    }

    /// The piece of that number, when there is one.
    pub fn piece(&self, index: u32) -> Option<PieceIndex> {
        (index < self.piece_count).then(|| PieceIndex::new(index))
    }

    /// The last piece.
    pub fn last_piece(&self) -> PieceIndex {
        PieceIndex::new(self.piece_count - 1)
    }

    /// The piece that holds the byte at `position`, when there is such a byte.
    pub fn piece_at(&self, position: u64) -> Option<PieceIndex> {
        if position >= self.total_len {
            return None;
        }
        // `position < total_len`, so the quotient is below the piece count, which is a u32.
        u32::try_from(position / u64::from(self.piece_len)).ok().map(PieceIndex::new)
    }

    /// The pieces that hold any byte of `range`.
    pub fn pieces_of(&self, range: ByteRange) -> impl DoubleEndedIterator<Item = PieceIndex> + use<> {
        let range = range.intersect(ByteRange::new(0, self.total_len));
        let (first, end) = if range.is_empty() {
            (0, 0)
        } else {
            let len = u64::from(self.piece_len);
            // Both quotients are at most the piece count, which is a u32.
            let end = u32::try_from(range.end.div_ceil(len)).unwrap_or(self.piece_count);
            (u32::try_from(range.start / len).unwrap_or(end), end)
        };
        (first..end).map(PieceIndex::new)
    }

    /// Bytes of that piece.
    pub fn piece_len(&self, piece: PieceIndex) -> ByteLen {
        self.piece_range(piece).len()
    }

    /// Where the piece lies in the torrent.
    pub fn piece_range(&self, piece: PieceIndex) -> ByteRange {
        let start = u64::from(piece.get()) * u64::from(self.piece_len);
        ByteRange::new(start, (start + u64::from(self.piece_len)).min(self.total_len))
    }

    /// How many blocks the piece has; at least one.
    pub fn block_count(&self, piece: PieceIndex) -> u32 {
        self.piece_len(piece).as_u32().div_ceil(BLOCK_LEN)
    }

    /// The piece's block of that number, when it has one.
    pub fn block(&self, piece: PieceIndex, index: BlockIndex) -> Option<BlockInfo> {
        let piece_len = self.piece_len(piece).as_u32();
        let offset = index.get().checked_mul(BLOCK_LEN).filter(|&offset| offset < piece_len)?;
        Some(BlockInfo {
            piece,
            offset: BlockOffset::new(offset),
            len: ByteLen::from(BLOCK_LEN.min(piece_len - offset)),
        })
    }

    /// Every block of a piece, in order.
    pub fn blocks(&self, piece: PieceIndex) -> impl DoubleEndedIterator<Item = BlockInfo> + use<> {
        let piece_len = self.piece_len(piece).as_u32();
        (0..piece_len.div_ceil(BLOCK_LEN)).map(move |index| {
            let offset = index * BLOCK_LEN;
            BlockInfo { piece, offset: BlockOffset::new(offset), len: ByteLen::from(BLOCK_LEN.min(piece_len - offset)) }
        })
    }

    /// Turns what a message claims into a block that exists: inside its piece, not empty, at most [`BLOCK_LEN`].
    pub fn check_block(&self, raw: RawBlock) -> Result<BlockInfo, PeerMisbehaved> {
        let piece = self.check_piece(raw.piece)?;
        let piece_len = self.piece_len(piece).as_u32();
        let fits = raw.offset.checked_add(raw.len).is_some_and(|end| end <= piece_len);
        if raw.len == 0 || raw.len > BLOCK_LEN || !fits {
            return Err(PeerMisbehaved::BlockOutOfPiece { piece, offset: raw.offset, len: raw.len });
        }
        Ok(BlockInfo { piece, offset: BlockOffset::new(raw.offset), len: ByteLen::from(raw.len) })
    }

    /// Turns a claimed piece number into a piece that exists.
    pub fn check_piece(&self, index: u32) -> Result<PieceIndex, PeerMisbehaved> {
        self.piece(index).ok_or(PeerMisbehaved::PieceOutOfRange { index, piece_count: self.piece_count })
    }

    /// Where the block lies in the torrent.
    pub fn block_range(&self, block: BlockInfo) -> ByteRange {
        let start = self.piece_range(block.piece).start + u64::from(block.offset.get());
        ByteRange::new(start, start + block.len.get())
    }

    /// How many files.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Where a file lies in the torrent.
    pub fn file_range(&self, file: FileIndex) -> Option<ByteRange> {
        self.files.get(file.as_usize()).copied()
    }

    /// Cuts a range of the torrent at the borders of files; files without bytes do not occur.
    pub fn file_slices(&self, range: ByteRange) -> impl Iterator<Item = FileSlice> + '_ {
        let range = range.intersect(ByteRange::new(0, self.total_len));
        let first = self.files.partition_point(|file| file.end <= range.start);
        self.files.iter().enumerate().skip(first).take_while(move |(_, file)| file.start < range.end).filter_map(
            move |(index, file)| {
                let part = file.intersect(range);
                let index = u32::try_from(index).ok()?;
                (!part.is_empty()).then(|| FileSlice {
                    file: FileIndex(index),
                    range: ByteRange::new(part.start - file.start, part.end - file.start),
                    at: part.start - range.start,
                })
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn last_piece_and_last_block_are_short() {
        let layout = TorrentLayout::new(65_536, &[100_000]).unwrap();
        assert_eq!(layout.piece_count(), 2);
        let last = layout.last_piece();
        assert_eq!(layout.piece_len(last), ByteLen::new(34_464));
        assert_eq!(layout.block_count(last), 3);
        let block = layout.block(last, BlockIndex::new(2)).unwrap();
        assert_eq!((block.offset.get(), block.len.get()), (32_768, 1_696));
        assert_eq!(layout.block(last, BlockIndex::new(3)), None);
        assert_eq!(layout.piece(2), None);
    }

    #[test]
    fn impossible_layouts_are_refused() {
        assert_eq!(TorrentLayout::new(0, &[1]), Err(LayoutError::PieceLenZero));
        assert_eq!(TorrentLayout::new(16_384, &[]), Err(LayoutError::Empty));
        assert_eq!(TorrentLayout::new(16_384, &[0, 0]), Err(LayoutError::Empty));
        assert_eq!(TorrentLayout::new(16_384, &[u64::MAX, 2]), Err(LayoutError::TooLarge));
        assert_eq!(TorrentLayout::new(1, &[1 << 30]), Err(LayoutError::TooManyPieces(1 << 30)));
    }

    #[test]
    fn claims_of_peers_are_checked() {
        let layout = TorrentLayout::new(32_768, &[40_000]).unwrap();
        let refused = [
            RawBlock { piece: 2, offset: 0, len: 1 },
            RawBlock { piece: 0, offset: 0, len: 0 },
            RawBlock { piece: 0, offset: 0, len: BLOCK_LEN + 1 },
            RawBlock { piece: 0, offset: u32::MAX, len: BLOCK_LEN },
            RawBlock { piece: 1, offset: 7_232, len: 1 },
        ];
        for raw in refused {
            assert!(layout.check_block(raw).is_err(), "{raw:?}");
        }
        assert!(layout.check_block(RawBlock { piece: 1, offset: 7_231, len: 1 }).is_ok());
    }

    proptest! {
        #[test]
        fn blocks_and_files_tile_the_torrent(
            piece_len in 1u32..100_000,
            lens in proptest::collection::vec(0u64..300_000, 1..12),
        ) {
            prop_assume!(lens.iter().sum::<u64>() > 0);
            let layout = TorrentLayout::new(piece_len, &lens).unwrap();
            let mut at = 0;
            for piece in layout.pieces() {
                prop_assert_eq!(layout.piece_range(piece).start, at);
                for block in layout.blocks(piece) {
                    let range = layout.block_range(block);
                    prop_assert_eq!(range.start, at);
                    prop_assert_eq!(layout.check_block(block.into()), Ok(block));
                    prop_assert_eq!(layout.block(piece, block.index()), Some(block));
                    prop_assert_eq!(layout.piece_at(range.start), Some(piece));
                    at = range.end;
                }
            }
            prop_assert_eq!(at, layout.total_len().get());
            prop_assert_eq!(layout.piece_at(at), None);
            let slices: Vec<_> = layout.file_slices(ByteRange::new(0, at)).collect();
            let mut covered = 0;
            for slice in slices {
                prop_assert_eq!(slice.at, covered);
                prop_assert_eq!(slice.range.start, 0);
                prop_assert_eq!(slice.range.len().get(), lens[slice.file.as_usize()]);
                covered += slice.range.len().get();
            }
            prop_assert_eq!(covered, at);
        }

        #[test]
        fn a_range_of_pieces_holds_the_range(start in 0u64..200_000, len in 0u64..200_000) {
            let layout = TorrentLayout::new(20_000, &[150_001]).unwrap();
            let range = ByteRange::new(start, start + len);
            let inside = range.intersect(ByteRange::new(0, 150_001));
            let pieces: Vec<_> = layout.pieces_of(range).collect();
            prop_assert_eq!(pieces.is_empty(), inside.is_empty());
            if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
                prop_assert!(layout.piece_range(*first).contains(inside.start));
                prop_assert!(layout.piece_range(*last).contains(inside.end - 1));
            }
        }
    }
}
