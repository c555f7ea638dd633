//! What a peer's disk holds of the torrent, and the hashing before it.
//!
//! Written pieces are kept as they were written, so that what is read back and served is compared with the film and not
//! with itself.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::units::{ByteRange, PieceIndex};
use sha1_smol::Sha1;

use super::release::Release;

/// The files of a torrent.
#[derive(Debug)]
pub(super) struct Storage {
    release: Release,
    /// Pieces that stood there from the start; they are the film's.
    original: Bitfield,
    written: BTreeMap<PieceIndex, Vec<u8>>,
    /// Hashes of pieces that are still arriving, as the driver keeps them: a byte is hashed once, when it comes. A core
    /// that changes a byte it has announced makes the piece fail.
    running: BTreeMap<PieceIndex, RunningHash>,
}

#[derive(Default)]
struct RunningHash {
    sha1: Sha1,
    hashed: usize,
}

impl Debug for RunningHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunningHash({} bytes)", self.hashed)
    }
}

/// What became of a piece that was to be checked and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Right, and written.
    Written,
    /// Wrong, and dropped.
    Corrupt,
}

impl Storage {
    /// A disk on which `original` is already.
    pub(super) const fn new(release: Release, original: Bitfield) -> Self {
        Self { release, original, written: BTreeMap::new(), running: BTreeMap::new() }
    }

    /// The pieces that stood there from the start.
    pub(super) const fn original(&self) -> &Bitfield {
        &self.original
    }

    /// Whether a piece is there.
    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        self.original.get(piece.get()) || self.written.contains_key(&piece)
    }

    /// Hashes what is new of a piece's beginning.
    pub(super) fn hash_on(&mut self, piece: PieceIndex, contiguous: &[u8]) {
        let running = self.running.entry(piece).or_default();
        if let Some(new) = contiguous.get(running.hashed..) {
            running.sha1.update(new);
            running.hashed = contiguous.len();
        }
    }

    /// Checks a piece, and writes it when it is right.
    ///
    /// # Errors
    /// When it was written before: nobody should have fetched it.
    pub(super) fn verify(&mut self, piece: PieceIndex, data: &[u8]) -> Result<Verdict, String> {
        let RunningHash { mut sha1, hashed } = self.running.remove(&piece).unwrap_or_default();
        sha1.update(data.get(hashed..).unwrap_or_default());
        if sha1.digest().bytes() != *self.release.metainfo().piece_hash(piece) {
            return Ok(Verdict::Corrupt);
        }
        if self.has(piece) {
            return Err(format!("{piece:?} was fetched and written again"));
        }
        self.written.insert(piece, data.to_vec());
        Ok(Verdict::Written)
    }

    /// Forgets the hash so far of a piece that will be fetched anew.
    pub(super) fn forget(&mut self, piece: PieceIndex) {
        self.running.remove(&piece);
    }

    /// A piece's room is given back.
    pub(super) fn evict(&mut self, piece: PieceIndex) {
        self.written.remove(&piece);
    }

    /// Reads bytes of the torrent.
    ///
    /// # Errors
    /// When part of them was never written: nobody should have asked.
    pub(super) fn read(&self, range: ByteRange) -> Result<Vec<u8>, String> {
        let layout = &self.release.metainfo().layout;
        let mut bytes = Vec::with_capacity(range.len().as_usize());
        for piece in layout.pieces_of(range) {
            let lies = layout.piece_range(piece);
            let part = lies.intersect(range);
            if self.original.get(piece.get()) {
                bytes.extend_from_slice(&self.release.film().bytes(part));
                continue;
            }
            let from = ByteRange::new(lies.start, part.start).len().as_usize();
            let written = self.written.get(&piece).and_then(|data| data.get(from..from + part.len().as_usize()));
            bytes.extend_from_slice(written.ok_or_else(|| format!("{piece:?} was read and is not on the disk"))?);
        }
        Ok(bytes)
    }

    /// One bit of every written piece turns.
    #[cfg(test)]
    pub(super) fn rot(&mut self) {
        self.written.values_mut().for_each(|data| data[0] ^= 1);
    }
}
