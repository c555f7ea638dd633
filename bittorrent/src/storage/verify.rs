//! Which pieces are on the disk already, when a download is added again.

use std::sync::atomic::{AtomicBool, Ordering};

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::FileSlice;
use bittorrent_proto::units::{ByteRange, PieceIndex};

use super::{Place, Storage};
use crate::hash::PieceHasher;

/// Bytes of a read: small enough to be hashed while they are in the second cache.
const READ_LEN: u64 = 256 * 1024;

impl Storage {
    /// The pieces whose bytes match their hash, and those of `found`, which are believed without a look. Blocks for as long as
    /// reading takes, about a second a gigabyte from the page cache; what was never written is passed over without reading
    /// it. A piece that cannot be read is not there.
    ///
    /// `progress` is told 0.0–1.0 after each piece. When `cancelled` becomes true, the pieces found so far come back.
    pub(crate) fn verify_others(
        &self,
        mut found: Bitfield,
        hash: impl Fn(PieceIndex) -> [u8; 20],
        cancelled: &AtomicBool,
        progress: impl Fn(f64),
    ) -> Bitfield {
        let mut buf = Vec::new();
        for piece in self.layout.pieces() {
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
            let is_new = !found.get(piece.get());
            if is_new && self.may_be_written(piece) && self.matches(piece, hash(piece), &mut buf) {
                found.set(piece.get());
                // Whoever wrote it may have been killed before it was durable; what was read came from the page cache.
                self.layout.file_slices(self.layout.piece_range(piece)).for_each(|slice| self.touch(slice.file));
            }
            progress(f64::from(piece.get() + 1) / f64::from(self.layout.piece_count()));
        }
        found
    }

    /// Whether the piece's bytes on the disk have that hash. `buf` is only for its room.
    pub(crate) fn matches(&self, piece: PieceIndex, hash: [u8; 20], buf: &mut Vec<u8>) -> bool {
        let range = self.layout.piece_range(piece);
        let mut hasher = PieceHasher::new();
        let mut at = range.start;
        while at < range.end {
            let part = ByteRange::new(at, range.end.min(at + READ_LEN));
            buf.clear();
            if let Err(error) = self.read(part, buf) {
                if !error.is_missing() {
                    log::warn!("{piece:?} counts as missing: {error}");
                }
                return false;
            }
            hasher.update(buf);
            self.checked_bytes.fetch_add(part.len().get(), Ordering::Relaxed);
            at = part.end;
        }
        hasher.finish() == hash
    }

    /// Bytes that were read again so far to see whether they match their hash.
    pub(crate) fn checked_bytes(&self) -> u64 {
        self.checked_bytes.load(Ordering::Relaxed)
    }

    /// Whether the slice lies in a file, and not in BEP 47's padding.
    pub(crate) fn is_on_disk(&self, slice: FileSlice) -> bool {
        match self.place(slice) {
            Place::Pad => false,
            Place::Download { .. } | Place::Seeded(_) => true,
        }
    }

    /// Whether each file has bytes of the piece: it exists, and there is no hole in their place. A download makes its files
    /// full-length at once, so a film of which little was fetched is nearly all hole.
    fn may_be_written(&self, piece: PieceIndex) -> bool {
        self.layout.file_slices(self.layout.piece_range(piece)).all(|slice| match self.place(slice) {
            Place::Pad | Place::Seeded(_) => true,
            Place::Download { .. } => self.readable(slice).is_ok_and(|handle| has_data(&handle.file, slice)),
        })
    }
}

/// Whether the file system has stored any of these bytes. One that cannot tell says yes.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd"))]
fn has_data(file: &std::fs::File, slice: FileSlice) -> bool {
    // Moves the handle's own position too, which nobody uses: all other I/O is positional.
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(slice.range.start)) {
        Ok(data_begins) => data_begins < slice.range.end,
        Err(rustix::io::Errno::NXIO) => false,
        Err(_) => true,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd")))]
fn has_data(_file: &std::fs::File, _slice: FileSlice) -> bool {
    true
}
