//! Hashes a whole torrent on all the threads it is given.
//!
//! SHA-1 is what it costs, 0.57 s a GiB and core, so pieces go to several threads. The disk is read by one of them at a
//! time, in order, because a turning disk loses more by seeking than a second thread can gain.

use std::num::NonZeroUsize;
use std::slice::ChunksMut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::units::{ByteRange, PieceIndex};

use super::SeedError;
use crate::hash::PieceHasher;
use crate::storage::Storage;

/// Bytes of a read, and of a thread's buffer.
const READ_LEN: u32 = 1024 * 1024;

/// Threads for hashing: as many as there are processors, four at most, for by then the disk is the slower part.
pub(crate) fn threads() -> NonZeroUsize {
    const THREADS_MAX: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(THREADS_MAX)
}

/// The SHA-1 of every piece, one after the other, 20 bytes each: the info dictionary's `pieces` (BEP 3).
///
/// Blocks until done, with `threads` threads, the caller's among them. `progress` is told 0.0–1.0, rising, from any of
/// them, after each MiB or so. Ends with [`SeedError::Cancelled`] soon after `cancelled` becomes true, and with
/// [`SeedError::Changed`] if a file is, at the end, not what it was at the start.
pub(crate) fn hash_pieces(
    storage: &Storage,
    threads: NonZeroUsize,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Vec<u8>, SeedError> {
    let layout = storage.layout();
    let pieces_a_run = (READ_LEN / layout.piece_len_max()).max(1);
    let count = usize::try_from(layout.piece_count()).expect("pieces are counted by the table they are in");
    let mut hashes = vec![0; count * HASH_LEN];
    let work = Work {
        storage,
        runs: Mutex::new(Runs { first_piece: 0, hashes: hashes.chunks_mut(pieces_a_run as usize * HASH_LEN) }),
        pieces_a_run,
        reading: Mutex::new(()),
        hashed: Mutex::new(0),
        cancelled,
        failed: AtomicBool::new(false),
        progress,
    };
    let outcome = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.get())
            .filter_map(|index| {
                // One thread fewer is slower, and nothing worse.
                thread::Builder::new().name(format!("hash-{index}")).spawn_scoped(scope, || work.run()).ok()
            })
            .collect();
        let mut outcome = work.run();
        for helper in helpers {
            let theirs = helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Who stopped because another failed says "cancelled", which is not why.
            if !matches!(outcome, Err(SeedError::Cancelled)) {
                outcome = outcome.and(theirs);
            } else if theirs.is_err() {
                outcome = theirs;
            }
        }
        outcome
    });
    outcome?;
    storage.check_unchanged()?;
    Ok(hashes)
}

const HASH_LEN: usize = 20;

/// What the threads share.
struct Work<'a> {
    storage: &'a Storage,
    runs: Mutex<Runs<'a>>,
    pieces_a_run: u32,
    /// Held while reading.
    reading: Mutex<()>,
    /// Bytes hashed. Held while telling the progress, so that it rises.
    hashed: Mutex<u64>,
    cancelled: &'a AtomicBool,
    /// One thread met an error, or panicked; the others need not go on.
    failed: AtomicBool,
    progress: &'a (dyn Fn(f64) + Sync),
}

/// Runs of pieces that nobody has taken yet, and where their hashes go.
struct Runs<'a> {
    first_piece: u32,
    hashes: ChunksMut<'a, u8>,
}

impl Work<'_> {
    /// A thread's part: takes runs until none is left.
    fn run(&self) -> Result<(), SeedError> {
        let stop = StopOthers(&self.failed);
        let mut buf = Vec::with_capacity(self.buffer_len());
        loop {
            let mut runs = lock(&self.runs);
            let first = runs.first_piece;
            let Some(hashes) = runs.hashes.next() else { break };
            runs.first_piece += self.pieces_a_run;
            drop(runs);
            self.hash_run(first, hashes, &mut buf)?;
        }
        stop.not_needed();
        Ok(())
    }

    /// Hashes pieces from `first` on into `hashes`. A run of several pieces is read at once; one long piece in parts.
    fn hash_run(&self, first: u32, hashes: &mut [u8], buf: &mut Vec<u8>) -> Result<(), SeedError> {
        let layout = self.storage.layout();
        let mut pieces = (first..).map_while(|index| layout.piece(index)).zip(hashes.chunks_exact_mut(HASH_LEN));
        let mut hasher = PieceHasher::new();
        let Some((mut piece, mut slot)) = pieces.next() else { return Ok(()) };
        let mut at = layout.piece_range(piece).start;
        let run_end = run_end(layout, piece, self.pieces_a_run);
        while at < run_end {
            let range = ByteRange::new(at, run_end.min(at + u64::from(READ_LEN)));
            self.read(range, buf)?;
            let mut rest = buf.as_slice();
            while !rest.is_empty() {
                let piece_end = layout.piece_range(piece).end;
                let (ours, others) = rest.split_at(rest.len().min(ByteRange::new(at, piece_end).len().as_usize()));
                hasher.update(ours);
                rest = others;
                at = range.end - u64::try_from(rest.len()).unwrap_or(0);
                if at == piece_end {
                    slot.copy_from_slice(&std::mem::take(&mut hasher).finish());
                    match pieces.next() {
                        Some(next) => (piece, slot) = next,
                        None => break,
                    }
                }
            }
            self.tell(range);
        }
        Ok(())
    }

    fn read(&self, range: ByteRange, buf: &mut Vec<u8>) -> Result<(), SeedError> {
        buf.clear();
        let _turn = lock(&self.reading);
        // Asked for after the wait, so that all threads stop within a read of one another.
        if self.cancelled.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
            return Err(SeedError::Cancelled);
        }
        Ok(self.storage.read(range, buf)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "a fraction of whole bytes, shown as a bar")]
    fn tell(&self, range: ByteRange) {
        let mut hashed = lock(&self.hashed);
        *hashed += range.len().get();
        (self.progress)(*hashed as f64 / self.storage.layout().total_len().get() as f64);
    }

    fn buffer_len(&self) -> usize {
        self.storage.layout().total_len().as_usize().min(READ_LEN as usize)
    }
}

/// Where a run that starts at `piece` ends.
fn run_end(layout: &TorrentLayout, piece: PieceIndex, pieces_a_run: u32) -> u64 {
    let last = layout.piece(piece.get() + (pieces_a_run - 1)).unwrap_or(layout.last_piece());
    layout.piece_range(last).end
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere ends all threads' work; what is behind the mutexes is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the other threads unless told that it is not needed: after an error, and after a panic too.
struct StopOthers<'a>(&'a AtomicBool);

impl StopOthers<'_> {
    fn not_needed(self) {
        std::mem::forget(self);
    }
}

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::path::PathBuf;

    use bittorrent_proto::layout::TorrentLayout;
    use proptest::prelude::*;

    use super::*;
    use crate::storage::SeededFile;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

    struct Films {
        _home: tempfile::TempDir,
        paths: Vec<PathBuf>,
        bytes: Vec<u8>,
        storage: Storage,
    }

    fn films(piece_len: u32, lens: &[u64]) -> Films {
        let home = tempfile::tempdir().unwrap();
        let (mut paths, mut bytes) = (Vec::new(), Vec::new());
        for (n, &len) in lens.iter().enumerate() {
            let film: Vec<u8> =
                (0..len).map(|at| u8::try_from((at * 7 + at / 251 + n as u64) % 256).unwrap()).collect();
            paths.push(home.path().join(n.to_string()));
            fs::write(&paths[n], &film).unwrap();
            bytes.extend(film);
        }
        let files = paths.iter().map(|path| SeededFile::look(path.clone()).unwrap()).collect();
        let storage = Storage::seed(files, TorrentLayout::new(piece_len, lens).unwrap());
        Films { _home: home, paths, bytes, storage }
    }

    fn naive(bytes: &[u8], piece_len: u32) -> Vec<u8> {
        bytes
            .chunks(piece_len as usize)
            .flat_map(|piece| {
                let mut hasher = PieceHasher::new();
                hasher.update(piece);
                hasher.finish()
            })
            .collect()
    }

    fn hashed(films: &Films, threads: usize) -> Result<Vec<u8>, SeedError> {
        let threads = NonZeroUsize::new(threads).unwrap();
        hash_pieces(&films.storage, threads, &AtomicBool::new(false), &|_| ())
    }

    #[test]
    fn pieces_shorter_and_longer_than_a_read() {
        let mib = u64::from(READ_LEN);
        for (piece_len, lens) in [
            (16_384, vec![5 * mib + 3]),
            (READ_LEN - 1, vec![mib, 3 * mib + 5]),
            (READ_LEN, vec![3 * mib]),
            (READ_LEN + 1, vec![2 * mib, 0, mib + 17]),
            (3 * READ_LEN + 5, vec![10 * mib + 1]),
            (16 * READ_LEN, vec![1]),
        ] {
            let films = films(piece_len, &lens);
            let expected = naive(&films.bytes, piece_len);
            for threads in 1..=3 {
                assert!(hashed(&films, threads).unwrap() == expected, "pieces of {piece_len}, {threads} threads");
            }
        }
    }

    #[test]
    fn progress_rises_to_one() {
        let films = films(READ_LEN / 2, &[7 * u64::from(READ_LEN) + 1]);
        let told = Mutex::new(Vec::new());
        hash_pieces(&films.storage, TWO, &AtomicBool::new(false), &|done| told.lock().unwrap().push(done)).unwrap();
        let told = told.into_inner().unwrap();
        assert_eq!(told.len(), 8);
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(told.last(), Some(&1.0));
    }

    #[test]
    fn it_can_be_cancelled() {
        let films = films(READ_LEN, &[16 * u64::from(READ_LEN)]);
        let cancelled = AtomicBool::new(false);
        let told = Mutex::new(0);
        let outcome = hash_pieces(&films.storage, TWO, &cancelled, &|_| {
            *told.lock().unwrap() += 1;
            cancelled.store(true, Ordering::Relaxed);
        });
        assert!(matches!(outcome, Err(SeedError::Cancelled)), "{outcome:?}");
        // Each thread may have had one more read behind it.
        assert!(told.into_inner().unwrap() <= 3);
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_an_error() {
        type Change = fn(&std::path::Path);
        let change: [(&str, Change); 4] = [
            ("longer", |path| fs::write(path, vec![1; 4 << 20]).unwrap()),
            ("shorter", |path| fs::write(path, vec![1; 1 << 20]).unwrap()),
            ("gone", |path| fs::remove_file(path).unwrap()),
            ("replaced", |path| {
                fs::rename(path, path.with_extension("old")).unwrap();
                fs::write(path, vec![1; 7]).unwrap();
            }),
        ];
        for (name, change) in change {
            // At the beginning, and when all has been read already.
            for when in [0.0, 1.0] {
                let films = films(READ_LEN, &[u64::from(READ_LEN), 3 * u64::from(READ_LEN)]);
                let changed = Mutex::new(Cell::new(false));
                let outcome = hash_pieces(&films.storage, TWO, &AtomicBool::new(false), &|done| {
                    if done >= when && !changed.lock().unwrap().replace(true) {
                        change(&films.paths[1]);
                    }
                });
                let expected = &films.paths[1];
                assert!(
                    matches!(&outcome, Err(SeedError::Changed { path }) if path == expected),
                    "{name} at {when}: {:?}",
                    outcome.map(|hashes| hashes.len())
                );
            }
        }
    }

    #[test]
    fn a_panic_of_the_progress_stops_all_threads() {
        let films = films(READ_LEN, &[8 * u64::from(READ_LEN)]);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            hash_pieces(&films.storage, TWO, &AtomicBool::new(false), &|_| panic!("nobody looks"))
        }));
        assert!(panicked.is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_same_as_one_piece_after_the_other(
            piece_len in 1u32..5_000,
            lens in proptest::collection::vec(0u64..50_000, 1..6),
            threads in 1usize..4,
        ) {
            prop_assume!(lens.iter().sum::<u64>() > 0);
            let films = films(piece_len, &lens);
            prop_assert_eq!(hashed(&films, threads).unwrap(), naive(&films.bytes, piece_len));
        }
    }
}
