//! Somebody who watches: the virtual player, and the stream between it and the torrent.
//!
//! The stream does what the driver's does: it reads only what is verified, and tells the core where it stands when it
//! enters another piece, begins to wait or no longer waits.

use std::time::{Duration, Instant};

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::reader::ReaderId;
use bittorrent_proto::torrent::ReaderChange;
use bittorrent_proto::units::{ByteRange, BytesPerSec};

use crate::check::{ServedBytes, Violation};
use crate::film::Film;
use crate::player::{Player, PlayerConfig};

/// How long a player waits before it reads again after an error.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How somebody watches.
#[derive(Clone, Copy, Debug)]
pub struct ViewerConfig {
    /// The player.
    pub player: PlayerConfig,
    /// Whether the player says how fast it plays; without, the core goes by what is read.
    pub tells_rate: bool,
    /// Whether a seek is a new stream, as players over HTTP do it, or a move of the old one.
    pub reopens: bool,
}

/// A player and its stream.
#[derive(Debug)]
pub(super) struct Viewer {
    config: ViewerConfig,
    player: Player,
    served: ServedBytes,
    stream: Option<Stream>,
    streams_opened: u64,
    told_rate: Option<BytesPerSec>,
    retry_at: Option<Instant>,
}

#[derive(Debug)]
struct Stream {
    id: ReaderId,
    position: u64,
    /// Position and waiting, as the core was last told.
    told: (u64, bool),
    /// What the disk was asked for.
    reading: Option<ByteRange>,
}

/// What a viewer wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// The core is to know of a stream.
    Tell(ReaderId, ReaderChange),
    /// The core is to know how fast the film plays.
    TellRate(Option<BytesPerSec>),
    /// These bytes, which are verified, are to be read from disk.
    Read(ByteRange),
}

impl Viewer {
    pub(super) fn new(now: Instant, config: ViewerConfig, film: Film) -> Self {
        Self {
            config,
            player: Player::new(now, config.player),
            served: ServedBytes::new(film),
            stream: None,
            streams_opened: 0,
            told_rate: None,
            retry_at: None,
        }
    }

    pub(super) const fn player(&self) -> &Player {
        &self.player
    }

    pub(super) const fn player_mut(&mut self) -> &mut Player {
        &mut self.player
    }

    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The next thing it wants; ask until there is nothing more. `here` are the verified pieces.
    pub(super) fn poll(&mut self, now: Instant, here: &Bitfield, layout: &TorrentLayout) -> Option<Wish> {
        let rate = (self.config.tells_rate && self.player.is_playing()).then_some(self.config.player.bitrate);
        if rate != self.told_rate {
            self.told_rate = rate;
            return Some(Wish::TellRate(rate));
        }
        if self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        self.retry_at = None;
        let wanted = self.player.wanted(now);
        let Some(stream) = &mut self.stream else { return wanted.map(|wanted| self.open(wanted.start)) };
        let Some(wanted) = wanted else {
            // Whoever has the film's end has read its stream to the end.
            return if stream.position == self.config.player.film_len.get() { self.close() } else { None };
        };
        if wanted.start != stream.position {
            if self.config.reopens {
                return self.close();
            }
            (stream.position, stream.reading) = (wanted.start, None);
        }
        if stream.reading.is_some() {
            return None;
        }
        let available = verified_start(wanted, here, layout);
        if let Some(tell) = stream.tell(available.is_empty(), layout) {
            return Some(tell);
        }
        if available.is_empty() {
            return None;
        }
        stream.reading = Some(available);
        Some(Wish::Read(available))
    }

    /// Bytes came from the disk.
    pub(super) fn handle_read(&mut self, now: Instant, range: ByteRange, bytes: &[u8]) -> Result<(), Violation> {
        // A stream that moved meanwhile does not care any more.
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.reading == Some(range)) else { return Ok(()) };
        stream.reading = None;
        stream.position = range.end;
        self.served.observe(range.start, bytes)?;
        self.player.handle_bytes(now, range);
        Ok(())
    }

    /// The disk failed: the player loses its stream and opens another in a while.
    pub(super) fn handle_read_failed(&mut self, now: Instant, range: ByteRange) -> Option<Wish> {
        self.stream.as_ref().filter(|stream| stream.reading == Some(range))?;
        self.retry_at = Some(now + RETRY_AFTER);
        self.close()
    }

    fn open(&mut self, position: u64) -> Wish {
        let id = ReaderId(self.streams_opened);
        self.streams_opened += 1;
        self.stream = Some(Stream { id, position, told: (position, false), reading: None });
        let file = ByteRange::new(0, self.config.player.film_len.get());
        Wish::Tell(id, ReaderChange::Opened { file, position })
    }

    fn close(&mut self) -> Option<Wish> {
        self.stream.take().map(|stream| Wish::Tell(stream.id, ReaderChange::Closed))
    }
}

impl Stream {
    fn tell(&mut self, waiting: bool, layout: &TorrentLayout) -> Option<Wish> {
        let (told_position, told_waiting) = self.told;
        let matters = waiting || told_waiting || layout.piece_at(told_position) != layout.piece_at(self.position);
        if !matters || self.told == (self.position, waiting) {
            return None;
        }
        self.told = (self.position, waiting);
        Some(Wish::Tell(self.id, ReaderChange::Moved { position: self.position, waiting }))
    }
}

/// The beginning of a range, as far as it is verified without a gap.
fn verified_start(range: ByteRange, here: &Bitfield, layout: &TorrentLayout) -> ByteRange {
    let verified = layout.pieces_of(range).take_while(|piece| here.get(piece.get()));
    let end = verified.last().map_or(range.start, |piece| layout.piece_range(piece).end.min(range.end));
    ByteRange::new(range.start, end)
}
