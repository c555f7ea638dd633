//! The units of a torrent, and the only place that converts them.
//!
//! Everything is checked where it enters ([`crate::layout::TorrentLayout`] hands out pieces and blocks that exist),
//! so the rest of the crate never meets an index out of range.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// Bytes of a block, the unit of a request. Every client of today asks for exactly this much (BEP 3, "request").
pub const BLOCK_LEN: u32 = 16 * 1024;

/// A piece that exists in its torrent. Comes from [`crate::layout::TorrentLayout::piece`] or from iterating a layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(u32);

impl PieceIndex {
    /// For the layout, which knows how many pieces there are.
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number as it travels on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as a place in a table.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for PieceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "piece {}", self.0)
    }
}

impl fmt::Display for PieceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A block's number within its piece: 0 is the first 16 KiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockIndex(u32);

impl BlockIndex {
    /// The block at `index` of some piece; [`crate::layout::TorrentLayout::block`] says whether the piece has it.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The plain number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as a place in a table.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// Bytes from the start of a piece.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockOffset(u32);

impl BlockOffset {
    /// An offset in bytes.
    pub const fn new(bytes: u32) -> Self {
        Self(bytes)
    }

    /// Bytes, as on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Bytes, as a place in a buffer.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }

    /// The block that holds this byte.
    pub const fn block(self) -> BlockIndex {
        BlockIndex(self.0 / BLOCK_LEN)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByteLen(u64);

impl ByteLen {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// A number of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as the size of a buffer; on a 32-bit machine a larger one saturates, and the allocation fails.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number as on the wire. Pieces and blocks always fit; anything larger saturates.
    pub fn as_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl Add for ByteLen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for ByteLen {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for ByteLen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<u32> for ByteLen {
    fn from(bytes: u32) -> Self {
        Self(u64::from(bytes))
    }
}

impl fmt::Display for ByteLen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes `start..end` of a file or of a torrent's concatenated files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl ByteRange {
    /// `start..end`; an `end` before `start` makes an empty range at `start`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// How many bytes.
    pub const fn len(self) -> ByteLen {
        ByteLen(self.end - self.start)
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes that are in both.
    pub fn intersect(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Whether the byte at `position` is in it.
    pub const fn contains(self, position: u64) -> bool {
        self.start <= position && position < self.end
    }
}

impl fmt::Debug for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A rate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct BytesPerSec(u64);

impl BytesPerSec {
    /// Standing still.
    pub const ZERO: Self = Self(0);

    /// Bytes in each second.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// What passed, over how long. Zero time counts as one millisecond.
    pub fn of(bytes: ByteLen, over: Duration) -> Self {
        let millis = over.as_millis().max(1);
        Self(u64::try_from(u128::from(bytes.0) * 1000 / millis).unwrap_or(u64::MAX))
    }

    /// How long `bytes` take at this rate; at zero, an hour stands for "not in sight".
    pub fn time_for(self, bytes: ByteLen) -> Duration {
        if self.0 == 0 {
            return Duration::from_secs(3600);
        }
        let micros = u128::from(bytes.0) * 1_000_000 / u128::from(self.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)).min(Duration::from_secs(3600))
    }

    /// What passes in `time` at this rate.
    pub fn bytes_in(self, time: Duration) -> ByteLen {
        let bytes = u128::from(self.0) * time.as_micros() / 1_000_000;
        ByteLen(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

/// A block that exists in its torrent: what a request names and a piece message carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockInfo {
    /// The piece it lies in.
    pub piece: PieceIndex,
    /// Where in the piece. Requests of ours are multiples of [`BLOCK_LEN`]; a peer may ask for any place.
    pub offset: BlockOffset,
    /// [`BLOCK_LEN`], less for the last block of the last piece.
    pub len: ByteLen,
}

impl BlockInfo {
    /// The block's number, for one that starts at a multiple of [`BLOCK_LEN`].
    pub const fn index(self) -> BlockIndex {
        self.offset.block()
    }
}

/// A file's place in its torrent's list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileIndex(pub u32);

impl FileIndex {
    /// The number as a place in a table.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_each_others_inverse() {
        let rate = BytesPerSec::of(ByteLen::new(3_000_000), Duration::from_secs(2));
        assert_eq!(rate, BytesPerSec::new(1_500_000));
        assert_eq!(rate.time_for(ByteLen::new(750_000)), Duration::from_millis(500));
        assert_eq!(rate.bytes_in(Duration::from_millis(500)), ByteLen::new(750_000));
        assert_eq!(BytesPerSec::ZERO.time_for(ByteLen::new(1)), Duration::from_secs(3600));
    }

    #[test]
    fn ranges_never_turn_around() {
        let range = ByteRange::new(10, 4);
        assert!(range.is_empty());
        assert_eq!(range.len(), ByteLen::ZERO);
        assert!(ByteRange::new(0, 10).intersect(ByteRange::new(20, 30)).is_empty());
        assert_eq!(ByteRange::new(0, 10).intersect(ByteRange::new(5, 30)), ByteRange::new(5, 10));
    }
}
