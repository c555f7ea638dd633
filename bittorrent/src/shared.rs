//! What the swarm's thread and all others know of one torrent.
//!
//! Readers look at the verified pieces without a lock and tell their positions through cells of their own; the thread
//! `swarm` is woken, and never waited for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::units::{ByteRange, FileIndex, PieceIndex};
use event_listener::Event;
use smol::channel::{Receiver, Sender, bounded};

use crate::events::{Failure, TorrentEvent};
use crate::figures::{Playhead, TorrentStats};
use crate::pool::Pool;
use crate::storage::Storage;

/// Events that wait for a front end; older ones are dropped for newer ones.
const EVENTS_MAX: usize = 64;

/// One torrent, as all threads see it.
pub(crate) struct Shared {
    pub(crate) infohash: Infohash,
    pub(crate) pool: Pool,
    /// Once the metadata is known.
    pub(crate) known: OnceLock<Known>,
    /// Once what is on the disk was checked.
    pub(crate) verified: OnceLock<VerifiedPieces>,
    end: Mutex<Option<End>>,
    /// A piece was verified, or the torrent ended: readers look again.
    pub(crate) changed: Event,
    readers: Mutex<Cells>,
    pub(crate) playhead: Mutex<Option<Playhead>>,
    stats: Mutex<Arc<TorrentStats>>,
    stats_changed: Event,
    /// Something in here changed that the torrent's task should look at.
    pub(crate) attention: Event,
    subscribers: Mutex<Vec<Sender<TorrentEvent>>>,
}

/// What the metadata tells.
pub(crate) struct Known {
    pub(crate) metainfo: Arc<Metainfo>,
    pub(crate) film: FileIndex,
    pub(crate) storage: Arc<Storage>,
}

/// Why a torrent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Somebody stopped it.
    Stopped,
    /// The seeded file is not what it was.
    SourceChanged(PathBuf),
    /// Something else that it cannot go on after; it was told as an event.
    Failed,
}

#[derive(Default)]
struct Cells {
    next: u64,
    open: BTreeMap<u64, Arc<ReaderCell>>,
}

/// Where one stream stands. Written by the stream, read by the torrent's task.
pub(crate) struct ReaderCell {
    pub(crate) id: u64,
    /// Its file, as bytes of the torrent.
    pub(crate) file: ByteRange,
    /// Its next byte, as a byte of the torrent.
    pub(crate) position: AtomicU64,
    pub(crate) waiting: AtomicBool,
}

impl Shared {
    pub(crate) fn new(infohash: Infohash, pool: Pool, stats: TorrentStats) -> Self {
        Self {
            infohash,
            pool,
            known: OnceLock::new(),
            verified: OnceLock::new(),
            end: Mutex::new(None),
            changed: Event::new(),
            readers: Mutex::new(Cells::default()),
            playhead: Mutex::new(None),
            stats: Mutex::new(Arc::new(stats)),
            stats_changed: Event::new(),
            attention: Event::new(),
            subscribers: Mutex::new(Vec::new()),
        }
    }

    /// A channel of events from now on.
    pub(crate) fn subscribe(&self) -> Receiver<TorrentEvent> {
        let (sender, receiver) = bounded(EVENTS_MAX);
        lock(&self.subscribers).push(sender);
        receiver
    }

    pub(crate) fn tell(&self, event: &TorrentEvent) {
        // Full: the oldest gives way, so that a front end that sleeps costs nothing but its own news.
        lock(&self.subscribers).retain(|subscriber| subscriber.force_send(event.clone()).is_ok());
    }

    pub(crate) fn layout(&self) -> Option<&TorrentLayout> {
        self.known.get().map(|known| &known.metainfo.layout)
    }

    /// Whether all of a range of the torrent is verified.
    pub(crate) fn is_verified(&self, range: ByteRange) -> bool {
        let (Some(verified), Some(layout)) = (self.verified.get(), self.layout()) else { return false };
        verified.ahead(layout, range) == range.len().get()
    }

    pub(crate) fn ended(&self) -> Option<End> {
        lock(&self.end).clone()
    }

    /// Ends it for every reader. The first reason stays; says whether this was it.
    pub(crate) fn end(&self, end: End) -> bool {
        let first = {
            let mut place = lock(&self.end);
            let first = place.is_none();
            place.get_or_insert(end);
            first
        };
        self.changed.notify(usize::MAX);
        self.attention.notify(usize::MAX);
        first
    }

    /// Ends it because it cannot go on, and tells why, once.
    pub(crate) fn fail(&self, failure: Failure) {
        let end = match &failure {
            Failure::SourceChanged { path } => End::SourceChanged(path.clone()),
            Failure::Metainfo(_) | Failure::NoSuchFile(_) | Failure::Disk { .. } => End::Failed,
        };
        if self.end(end) {
            self.tell(&TorrentEvent::Failed(failure));
        }
    }

    pub(crate) fn open_reader(&self, file: ByteRange) -> Arc<ReaderCell> {
        let mut cells = lock(&self.readers);
        cells.next += 1;
        let cell = Arc::new(ReaderCell {
            id: cells.next,
            file,
            position: AtomicU64::new(file.start),
            waiting: AtomicBool::new(false),
        });
        cells.open.insert(cell.id, cell.clone());
        cell
    }

    pub(crate) fn close_reader(&self, id: u64) {
        lock(&self.readers).open.remove(&id);
        self.attention.notify(1);
    }

    /// Every open stream, in the order they were opened.
    pub(crate) fn readers(&self) -> Vec<Arc<ReaderCell>> {
        lock(&self.readers).open.values().cloned().collect()
    }

    pub(crate) fn stats(&self) -> Arc<TorrentStats> {
        lock(&self.stats).clone()
    }

    /// Puts new figures where everybody finds them, if they are new.
    pub(crate) fn set_stats(&self, stats: TorrentStats) {
        let mut place = lock(&self.stats);
        if **place != stats {
            *place = Arc::new(stats);
            drop(place);
            self.stats_changed.notify(usize::MAX);
        }
    }

    /// Waits until the figures are others than `seen`.
    pub(crate) async fn stats_after(&self, seen: &Arc<TorrentStats>) -> Arc<TorrentStats> {
        loop {
            let listener = self.stats_changed.listen();
            let stats = self.stats();
            if !Arc::ptr_eq(&stats, seen) {
                return stats;
            }
            listener.await;
        }
    }
}

/// A poisoned lock guards plain values that are written in one step, so what is in it is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The verified pieces, for readers on any thread. A bit is cleared before a bounded disk gives the piece up, and what is
/// read is read under [`Storage::read_if`], which looks at the bits once more.
pub(crate) struct VerifiedPieces {
    words: Vec<AtomicU64>,
}

impl VerifiedPieces {
    pub(crate) fn new(have: &Bitfield) -> Self {
        let words = (0..have.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let verified = Self { words };
        have.iter_ones().for_each(|piece| verified.set(piece));
        verified
    }

    pub(crate) fn set(&self, piece: u32) {
        // Release: who sees the bit sees the bytes that were written before it.
        self.words[piece as usize / 64].fetch_or(1 << (piece % 64), Ordering::Release);
    }

    pub(crate) fn clear(&self, piece: u32) {
        self.words[piece as usize / 64].fetch_and(!(1 << (piece % 64)), Ordering::AcqRel);
    }

    pub(crate) fn has(&self, piece: PieceIndex) -> bool {
        let word = self.words[piece.as_usize() / 64].load(Ordering::Acquire);
        word >> (piece.get() % 64) & 1 == 1
    }

    /// Bytes from the start of `range` that are verified without a gap.
    pub(crate) fn ahead(&self, layout: &TorrentLayout, range: ByteRange) -> u64 {
        let mut end = range.start;
        for piece in layout.pieces_of(range) {
            if !self.has(piece) {
                break;
            }
            end = layout.piece_range(piece).end.min(range.end);
        }
        end - range.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ahead_ends_at_the_first_gap() {
        let layout = TorrentLayout::new(100, &[100_000]).unwrap();
        let mut have = Bitfield::new_full(1000);
        have.clear(70);
        let verified = VerifiedPieces::new(&have);
        assert_eq!(verified.ahead(&layout, ByteRange::new(50, 100_000)), 6_950);
        assert_eq!(verified.ahead(&layout, ByteRange::new(50, 120)), 70);
        assert_eq!(verified.ahead(&layout, ByteRange::new(7_010, 7_020)), 0);
        verified.set(70);
        verified.clear(999);
        assert!(!verified.has(layout.last_piece()));
        verified.set(999);
        assert_eq!(verified.ahead(&layout, ByteRange::new(50, 100_000)), 99_950);
    }
}
