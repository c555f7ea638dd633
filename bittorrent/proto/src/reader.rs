//! Who waits for bytes, where, and how soon: the picker's whole input.
//!
//! A reader is one open stream. Its position and its rate make a deadline for every piece ahead of it; what is nearest to
//! its deadline comes first, whichever reader it is for. Prose: docs/streaming.md.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::layout::TorrentLayout;
use crate::rate::RateMeter;
use crate::units::{ByteLen, ByteRange, BytesPerSec, PieceIndex};

/// What is assumed of a reader that has not read yet: 5 Mbit/s, a common film.
const RATE_ASSUMED: BytesPerSec = BytesPerSec::new(625_000);

/// No film is slower than half a Mbit/s.
const RATE_MIN: BytesPerSec = BytesPerSec::new(62_500);

/// How far ahead of a reader pieces have deadlines.
const WINDOW_TIME: Duration = Duration::from_secs(60);

/// However slow it reads, this much ahead of it has deadlines.
const WINDOW_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// However fast, no more than this much has.
const WINDOW_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A reader that has not read for this long is likely a paused player, or a connection that a player left open.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// Idle readers' deadlines are this many times as far away.
const IDLE_STRETCH: i64 = 3;

/// A reader that has not read for this long has no deadlines.
const ASLEEP_AFTER: Duration = Duration::from_secs(30);

/// Pieces of one reader's window that are listed, so that many readers stay cheap.
const WINDOW_PIECES_MAX: usize = 256;

/// Pieces at a reader's position that are urgent however far their deadline is.
const URGENT_PIECES_MIN: usize = 2;

/// What must be here within this time is urgent.
pub const URGENT_SLACK: Slack = Slack(4_000_000);

/// An open stream's number. The driver counts them up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReaderId(pub u64);

/// Time to a deadline in microseconds; below zero it has passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slack(pub i64);

/// A piece and how soon somebody needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// Time to the nearest deadline of any reader.
    pub slack: Slack,
    /// The piece.
    pub piece: PieceIndex,
    /// It is shared out block by block over the fastest peers.
    pub urgent: bool,
}

/// One open stream.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Its file, as bytes of the torrent.
    file: ByteRange,
    /// Its next byte, as a byte of the torrent.
    position: u64,
    waiting_since: Option<Instant>,
    last_read: Instant,
    consumed: RateMeter,
    /// It sought, and has not waited since.
    jumped: bool,
    opened_at: Instant,
}

/// Every open stream of a torrent, and what the player itself says.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    readers: BTreeMap<ReaderId, Reader>,
    playback_rate: Option<BytesPerSec>,
    /// Ranges worth having early though nobody has asked yet, with their standing deadline.
    hints: Vec<(ByteRange, Slack)>,
}

/// How a reader moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// It read on.
    Forward,
    /// It waits somewhere else now; what was fetched for it is of no use.
    Jump,
}

impl Readers {
    /// A stream was opened at `position` of a file; both as bytes of the torrent.
    pub fn open(&mut self, now: Instant, id: ReaderId, file: ByteRange, position: u64) {
        let reader = Reader {
            file,
            position: position.clamp(file.start, file.end),
            waiting_since: None,
            last_read: now,
            consumed: RateMeter::new(),
            jumped: false,
            opened_at: now,
        };
        self.readers.insert(id, reader);
    }

    /// A stream reads at `position` now, and waits there or not.
    pub fn moved(&mut self, now: Instant, id: ReaderId, position: u64, waiting: bool) -> Movement {
        let Some(reader) = self.readers.get_mut(&id) else { return Movement::Forward };
        let position = position.clamp(reader.file.start, reader.file.end);
        let forward = position >= reader.position && position - reader.position <= WINDOW_BYTES_MIN;
        if forward {
            reader.consumed.record(now, ByteLen::new(position - reader.position));
        }
        if position != reader.position || waiting {
            reader.last_read = now;
        }
        // A reader that moved waits anew, also when it waited before.
        reader.waiting_since = match (waiting, reader.waiting_since) {
            (true, Some(since)) if position == reader.position => Some(since),
            (true, _) => Some(now),
            (false, _) => None,
        };
        reader.position = position;
        // A seek by itself needs nothing yet; players seek, and then read.
        reader.jumped |= !forward;
        if waiting && std::mem::take(&mut reader.jumped) { Movement::Jump } else { Movement::Forward }
    }

    /// A stream was closed; its deadlines are gone at once.
    pub fn close(&mut self, id: ReaderId) -> bool {
        self.readers.remove(&id).is_some()
    }

    /// What the player says of its appetite.
    pub fn set_playback_rate(&mut self, rate: Option<BytesPerSec>) {
        self.playback_rate = rate.map(|rate| rate.max(RATE_MIN));
    }

    /// Ranges to fetch early, each with a standing deadline.
    pub fn set_hints(&mut self, hints: Vec<(ByteRange, Slack)>) {
        self.hints = hints;
    }

    /// Whether any stream is open.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Whether somebody waits for a byte right now.
    pub fn is_anyone_waiting(&self) -> bool {
        self.readers.values().any(|reader| reader.waiting_since.is_some())
    }

    /// Where the film is read: the furthest of the streams that read last, for showing and for fetching on in order.
    pub fn lead_position(&self) -> Option<u64> {
        self.readers.values().max_by_key(|reader| (reader.last_read, reader.position)).map(|reader| reader.position)
    }

    /// Where readers that need something are, those that wait first.
    pub fn positions(&self, now: Instant) -> Vec<u64> {
        let mut awake: Vec<(bool, u64)> = self
            .readers
            .values()
            .filter(|reader| {
                reader.waiting_since.is_some() || now.saturating_duration_since(reader.last_read) < ASLEEP_AFTER
            })
            .map(|reader| (reader.waiting_since.is_none(), reader.position))
            .collect();
        awake.sort_unstable();
        awake.into_iter().map(|(_, position)| position).collect()
    }

    /// Lists the pieces for which `wanting` holds and somebody has a deadline, nearest first.
    pub fn demand(
        &self,
        now: Instant,
        layout: &TorrentLayout,
        mut wanting: impl FnMut(PieceIndex) -> bool,
    ) -> Vec<Demand> {
        let mut nearest: BTreeMap<PieceIndex, (Slack, bool)> = BTreeMap::new();
        let mut note = |piece: PieceIndex, slack: Slack, urgent: bool| {
            let entry = nearest.entry(piece).or_insert((slack, urgent));
            *entry = (entry.0.min(slack), entry.1 || urgent);
        };
        for reader in self.readers.values() {
            let Some(window) = reader.window(now, self.playback_rate) else { continue };
            let pieces = layout.pieces_of(window.range).enumerate().take(WINDOW_PIECES_MAX);
            for (ahead, piece) in pieces.filter(|(_, piece)| wanting(*piece)) {
                let slack = window.slack(layout.piece_range(piece).start);
                note(piece, slack, window.awake && (ahead < URGENT_PIECES_MIN || slack <= URGENT_SLACK));
            }
        }
        for (range, slack) in &self.hints {
            for piece in layout.pieces_of(*range).filter(|piece| wanting(*piece)) {
                note(piece, *slack, false);
            }
        }
        let mut demand: Vec<Demand> =
            nearest.into_iter().map(|(piece, (slack, urgent))| Demand { slack, piece, urgent }).collect();
        demand.sort_by_key(|demand| (demand.slack, demand.piece));
        demand
    }

    /// When a reader falls idle or asleep next, so that the list changes by time alone.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        self.readers
            .values()
            .filter(|reader| reader.waiting_since.is_none())
            .flat_map(|reader| [reader.last_read + IDLE_AFTER, reader.last_read + ASLEEP_AFTER])
            .filter(|at| *at > now)
            .min()
    }
}

/// The part of the file that has deadlines for one reader.
struct Window {
    range: ByteRange,
    rate: BytesPerSec,
    /// Slack of the byte at its position.
    base: i64,
    stretch: i64,
    awake: bool,
}

impl Window {
    fn slack(&self, piece_start: u64) -> Slack {
        let ahead = ByteLen::new(piece_start.saturating_sub(self.range.start));
        let micros = i64::try_from(self.rate.time_for(ahead).as_micros()).unwrap_or(i64::MAX / IDLE_STRETCH);
        Slack((self.base + micros).saturating_mul(self.stretch))
    }
}

impl Reader {
    fn window(&self, now: Instant, playback_rate: Option<BytesPerSec>) -> Option<Window> {
        let idle = now.saturating_duration_since(self.last_read);
        if self.waiting_since.is_none() && idle >= ASLEEP_AFTER {
            return None;
        }
        let rate = playback_rate.unwrap_or_else(|| self.rate(now));
        let bytes = rate.bytes_in(WINDOW_TIME).get().clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
        let range = ByteRange::new(self.position, self.position.saturating_add(bytes)).intersect(self.file);
        // Who waits longest is served first: its deadline passed when it began to wait.
        let waited = self.waiting_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let base = -i64::try_from(waited.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        let awake = self.waiting_since.is_some() || idle < IDLE_AFTER;
        Some(Window { range, rate, base, stretch: if awake { 1 } else { IDLE_STRETCH }, awake })
    }

    fn rate(&self, now: Instant) -> BytesPerSec {
        if now.saturating_duration_since(self.opened_at) < IDLE_AFTER {
            return RATE_ASSUMED;
        }
        self.consumed.rate(now).max(RATE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = 65_536;

    fn layout() -> TorrentLayout {
        TorrentLayout::new(65_536, &[1000 * PIECE]).unwrap()
    }

    fn file() -> ByteRange {
        ByteRange::new(0, 1000 * PIECE)
    }

    fn pieces(readers: &Readers, now: Instant) -> Vec<u32> {
        readers.demand(now, &layout(), |_| true).iter().map(|demand| demand.piece.get()).collect()
    }

    #[test]
    fn pieces_come_in_the_order_of_their_deadlines() {
        let now = Instant::now();
        let mut readers = Readers::default();
        readers.open(now, ReaderId(1), file(), 10 * PIECE);
        assert_eq!(pieces(&readers, now)[..3], [10, 11, 12]);
        let demand = readers.demand(now, &layout(), |piece| piece.get() != 10);
        assert_eq!(demand[0].piece.get(), 11);
        assert!(demand[0].urgent);
        assert!(!demand.last().unwrap().urgent, "the end of the window can wait");
    }

    #[test]
    fn who_waits_longer_comes_first() {
        let now = Instant::now();
        let mut readers = Readers::default();
        for id in 0..32u64 {
            readers.open(now, ReaderId(id), file(), (31 - id) * 20 * PIECE);
            readers.moved(now + Duration::from_millis(id), ReaderId(id), (31 - id) * 20 * PIECE, true);
        }
        let first: Vec<u32> = pieces(&readers, now + Duration::from_millis(40))[..32].to_vec();
        let expected: Vec<u32> = (0..32).map(|id| (31 - id) * 20).collect();
        assert_eq!(first, expected);
    }

    #[test]
    fn a_jump_is_told_from_reading_on() {
        let now = Instant::now();
        let mut readers = Readers::default();
        readers.open(now, ReaderId(1), file(), 0);
        assert_eq!(readers.moved(now, ReaderId(1), PIECE, false), Movement::Forward);
        assert_eq!(readers.moved(now, ReaderId(1), 500 * PIECE, true), Movement::Jump);
        assert_eq!(readers.moved(now, ReaderId(1), 2 * PIECE, false), Movement::Forward);
        assert_eq!(readers.moved(now, ReaderId(1), 2 * PIECE, true), Movement::Jump, "now it waits there");
        assert_eq!(readers.moved(now, ReaderId(1), 2 * PIECE, true), Movement::Forward);
        assert_eq!(pieces(&readers, now)[0], 2);
    }

    #[test]
    fn who_sleeps_needs_nothing_and_who_waits_never_sleeps() {
        let now = Instant::now();
        let later = now + Duration::from_secs(31);
        let mut readers = Readers::default();
        readers.open(now, ReaderId(1), file(), 0);
        assert!(pieces(&readers, later).is_empty());
        readers.moved(now, ReaderId(1), 0, true);
        assert_eq!(pieces(&readers, later)[0], 0);
        assert!(readers.close(ReaderId(1)));
        assert!(pieces(&readers, later).is_empty());
    }

    #[test]
    fn an_idle_readers_pieces_come_after_an_active_ones() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let mut readers = Readers::default();
        readers.open(now, ReaderId(1), file(), 0);
        readers.open(later, ReaderId(2), file(), 500 * PIECE);
        let demand = readers.demand(later, &layout(), |_| true);
        let place = |piece| demand.iter().position(|demand| demand.piece.get() == piece).unwrap();
        assert!(place(505) < place(5));
        assert!(!demand[place(5)].urgent);
        assert_eq!(readers.next_change(now), Some(now + IDLE_AFTER));
    }

    #[test]
    fn hints_fill_in_when_nobody_reads() {
        let now = Instant::now();
        let mut readers = Readers::default();
        let tail = ByteRange::new(999 * PIECE, 1000 * PIECE);
        readers.set_hints(vec![(ByteRange::new(0, PIECE), Slack(2)), (tail, Slack(5_000_000))]);
        assert_eq!(pieces(&readers, now), [0, 999]);
    }
}
