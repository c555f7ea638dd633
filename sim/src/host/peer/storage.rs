//! What a peer's disk holds of the torrent, and the hashing before it.
//!
//! Written pieces are kept as they were written, so that what is read back and served is compared with the film and not
//! with itself.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::time::Instant;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::FileSlice;
use bittorrent_proto::resume::{self, Ledger, Resume, Stamp};
use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::{ByteRange, FileIndex, PieceIndex};
use sha1_smol::Sha1;

use super::release::Release;
use super::saver::Save;
use crate::disk::files::{Crash, Files};

const FILM: &str = "film.mkv";
const RESUME: &str = "film.resume";
const RESUME_UNFINISHED: &str = "film.resume.tmp";

/// File systems count time in ticks, so two writes may have the same time.
const TICK_NS: i64 = 4_000_000;

/// The files of a torrent.
#[derive(Debug)]
pub(super) struct Storage {
    release: Release,
    /// Pieces that stood there from the start; they are the film's.
    original: Bitfield,
    files: Files,
    /// Pieces that were written, or found to be right at the start.
    written: Bitfield,
    /// Where the clock of the files begins.
    epoch: Instant,
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
    pub(super) fn new(now: Instant, release: Release, original: Bitfield) -> Self {
        let written = Bitfield::new_empty(original.len());
        Self { release, original, files: Files::default(), written, epoch: now, running: BTreeMap::new() }
    }

    /// The pieces that stood there from the start.
    pub(super) const fn original(&self) -> &Bitfield {
        &self.original
    }

    /// Whether a piece is there.
    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        self.original.get(piece.get()) || self.written.get(piece.get())
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
    pub(super) fn verify(&mut self, now: Instant, piece: PieceIndex, data: &[u8]) -> Result<Verdict, String> {
        let RunningHash { mut sha1, hashed } = self.running.remove(&piece).unwrap_or_default();
        sha1.update(data.get(hashed..).unwrap_or_default());
        if sha1.digest().bytes() != *self.release.metainfo().piece_hash(piece) {
            return Ok(Verdict::Corrupt);
        }
        if self.has(piece) {
            return Err(format!("{piece:?} was fetched and written again"));
        }
        self.write(now, piece, data);
        self.written.set(piece.get());
        Ok(Verdict::Written)
    }

    /// Forgets the hash so far of a piece that will be fetched anew.
    pub(super) fn forget(&mut self, piece: PieceIndex) {
        self.running.remove(&piece);
    }

    /// A piece's room is given back.
    pub(super) fn evict(&mut self, piece: PieceIndex) {
        self.written.clear(piece.get());
    }

    /// Reads bytes of the torrent.
    ///
    /// # Errors
    /// When part of them was never written: nobody should have asked.
    pub(super) fn read(&self, range: ByteRange) -> Result<Vec<u8>, String> {
        let layout = &self.release.metainfo().layout;
        let mut bytes = Vec::with_capacity(range.len().as_usize());
        for piece in layout.pieces_of(range) {
            let part = layout.piece_range(piece).intersect(range);
            if self.original.get(piece.get()) {
                bytes.extend_from_slice(&self.release.film().bytes(part));
                continue;
            }
            let written = self.files.read(FILM, part).filter(|_| self.written.get(piece.get()));
            bytes.extend_from_slice(written.ok_or_else(|| format!("{piece:?} was read and is not on the disk"))?);
        }
        Ok(bytes)
    }

    /// One bit of every written piece turns.
    #[cfg(test)]
    pub(super) fn rot(&mut self) {
        let layout = &self.release.metainfo().layout;
        for piece in self.written.iter_ones().filter_map(|piece| layout.piece(piece)) {
            let at = usize::try_from(layout.piece_range(piece).start).unwrap();
            let byte = self.files.bytes(FILM).unwrap()[at];
            self.files.write(FILM, at, &[byte ^ 1], 0);
        }
    }

    fn write(&mut self, now: Instant, piece: PieceIndex, data: &[u8]) {
        let now_ns = self.clock_ns(now);
        let layout = &self.release.metainfo().layout;
        if !self.files.exists(FILM) {
            self.files.create(FILM, layout.total_len().as_usize(), now_ns);
        }
        let start = usize::try_from(layout.piece_range(piece).start).unwrap_or(usize::MAX);
        self.files.write(FILM, start, data, now_ns);
    }

    fn clock_ns(&self, now: Instant) -> i64 {
        let ns = i64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(i64::MAX);
        ns - ns % TICK_NS
    }
}

/// Crashes, and what is here after them.
impl Storage {
    /// The process ends in the middle of writing a piece.
    pub(super) fn tear(&mut self, now: Instant, piece: PieceIndex, data: &[u8], rng: &mut Rng) {
        if Sha1::from(data).digest().bytes() == *self.release.metainfo().piece_hash(piece) {
            let written = usize::try_from(rng.below(data.len() as u64 + 1)).unwrap_or(0);
            self.write(now, piece, &data[..written]);
        }
    }

    /// What the process knew is gone, and some of what the disk was to know.
    pub(super) fn crash(&mut self, crash: Crash, rng: &mut Rng) {
        self.files.crash(crash, rng);
        self.running.clear();
        self.written = Bitfield::new_empty(self.original.len());
    }

    /// The pieces that may be read.
    pub(super) fn pieces(&self) -> Bitfield {
        let mut pieces = self.original.clone();
        self.written.iter_ones().for_each(|piece| {
            pieces.set(piece);
        });
        pieces
    }

    /// These were found, and may be read.
    pub(super) fn found(&mut self, have: &Bitfield) {
        self.written = have.clone();
    }

    /// The pieces that lie there as the film has them, compared byte by byte.
    pub(super) fn right(&self) -> Bitfield {
        let mut right = self.original.clone();
        if self.files.exists(FILM) {
            let layout = &self.release.metainfo().layout;
            for piece in layout.pieces() {
                let bytes = self.files.read(FILM, layout.piece_range(piece));
                if bytes.is_some_and(|bytes| bytes == self.release.piece(piece)) {
                    right.set(piece.get());
                }
            }
        }
        right
    }

    /// How the one file looks.
    pub(super) fn stamps(&self) -> Vec<Option<Stamp>> {
        vec![self.files.stamp(FILM)]
    }

    /// The resume file, if there is one that can be read.
    pub(super) fn resume(&self) -> Option<Resume> {
        let metainfo = self.release.metainfo();
        resume::decode(self.files.bytes(RESUME)?, metainfo.infohash, &metainfo.layout).ok()
    }

    /// Bytes that the next save syncs.
    pub(super) fn unsynced_len(&self) -> u64 {
        self.files.unsynced_len(FILM)
    }

    /// One part of a save; gives what comes next.
    pub(super) fn save(&mut self, now: Instant, save: Save, ledger: &mut Option<Ledger>) -> Option<Save> {
        let now_ns = self.clock_ns(now);
        match save {
            Save::SyncFilm(claim) => {
                self.files.sync(FILM);
                let stamp = self.files.stamp(FILM);
                let resume = claim.synced(stamp.map(|stamp| (FileIndex(0), Some(stamp))));
                if let Some(ledger) = ledger {
                    ledger.synced(&resume);
                }
                Some(Save::Write(resume))
            }
            Save::Write(resume) => {
                let metainfo = self.release.metainfo();
                let bytes = resume::encode(metainfo.infohash, &metainfo.layout, &resume);
                self.files.create(RESUME_UNFINISHED, 0, now_ns);
                self.files.write(RESUME_UNFINISHED, 0, &bytes, now_ns);
                Some(Save::Sync(resume))
            }
            Save::Sync(resume) => {
                self.files.sync(RESUME_UNFINISHED);
                Some(Save::Rename(resume))
            }
            Save::Rename(resume) => {
                self.files.rename(RESUME_UNFINISHED, RESUME);
                Some(Save::SyncFolder(resume))
            }
            Save::SyncFolder(resume) => {
                self.files.sync_folder();
                if let Some(ledger) = ledger {
                    ledger.written(&resume);
                }
                None
            }
        }
    }

    /// Nothing may be claimed any more.
    pub(super) fn forget_resume(&mut self) {
        self.files.remove(RESUME_UNFINISHED);
        self.files.remove(RESUME);
    }
}

impl resume::Files for Storage {
    fn is_on_disk(&self, _: FileSlice) -> bool {
        true
    }

    fn matches(&mut self, piece: PieceIndex) -> bool {
        let metainfo = self.release.metainfo();
        let bytes = self.files.read(FILM, metainfo.layout.piece_range(piece));
        self.original.get(piece.get())
            || bytes.is_some_and(|bytes| Sha1::from(bytes).digest().bytes() == *metainfo.piece_hash(piece))
    }

    fn add_others(&mut self, mut believed: Bitfield) -> Bitfield {
        for piece in self.release.metainfo().clone().layout.pieces() {
            if !believed.get(piece.get()) && self.matches(piece) {
                believed.set(piece.get());
            }
        }
        believed
    }
}
