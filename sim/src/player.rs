//! A viewer's player as the network feels it: it reads ahead, waits for enough, plays at the film's rate, and stops
//! when it runs out. Counts what the viewer would have noticed.
//!
//! It does not decode: a second of film is `bitrate` bytes, everywhere.

use std::time::{Duration, Instant};

use bittorrent_proto::units::{ByteLen, ByteRange, BytesPerSec};

use crate::limits::PLAYER_READ_LEN;
use crate::rate::{bytes_in, time_for};

/// What is played, and how patiently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerConfig {
    /// Bytes of a second of film; not zero.
    pub bitrate: BytesPerSec,
    /// Bytes of the film.
    pub film_len: ByteLen,
    /// Film that must be there before it starts, and after a seek.
    pub prebuffer: Duration,
    /// Film that must be there before it goes on after a stall.
    pub rebuffer: Duration,
    /// Film it reads ahead of where it plays, at most. More than either buffer.
    pub read_ahead: Duration,
}

/// Why a player wants to be called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PlayerWake {
    /// It will have played what it has: a stall, or the end of the film.
    RunsOut,
    /// It will have room for another read.
    Reads,
}

/// What the viewer noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlayerNumbers {
    /// From opening to the first picture; `None` while there is none.
    pub startup: Option<Duration>,
    /// From each seek to the picture there. A seek that another one cut short is not counted.
    pub seeks: Vec<Duration>,
    /// How often the picture stood still for want of bytes.
    pub stalls: u32,
    /// How long all in all, stalls that have ended only.
    pub stalled: Duration,
    /// Whether the end of the film was seen.
    pub ended: bool,
}

/// A player that was opened and plays as soon as it can.
#[derive(Debug)]
pub struct Player {
    config: PlayerConfig,
    state: State,
    /// Bytes are there from the position up to here, without a gap.
    buffered_to: u64,
    /// Whether whoever drives it had occasion to ask [`Player::wanted`] since there is room for a read.
    read_announced: bool,
    numbers: PlayerNumbers,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Stands at `at` until there is enough.
    Filling {
        since: Instant,
        at: u64,
        reason: Filling,
    },
    /// Played `from` at `since` and has gone on since.
    Playing {
        since: Instant,
        from: u64,
    },
    Ended,
}

#[derive(Clone, Copy, Debug)]
enum Filling {
    Start,
    Seek,
    Stall,
}

impl Player {
    /// Opens the film at its start.
    ///
    /// # Panics
    /// When the film has no rate or the read-ahead is below what it waits for: it would never play.
    pub fn new(now: Instant, config: PlayerConfig) -> Self {
        assert!(config.bitrate > BytesPerSec::ZERO, "a film without a rate");
        let ahead = bytes_in(config.bitrate, config.read_ahead);
        let waits_for = bytes_in(config.bitrate, config.prebuffer.max(config.rebuffer));
        assert!(ahead >= waits_for + PLAYER_READ_LEN, "it reads ahead less than it waits for");
        let state = State::Filling { since: now, at: 0, reason: Filling::Start };
        let numbers = PlayerNumbers::default();
        let mut player = Self { config, state, buffered_to: 0, read_announced: true, numbers };
        player.play_when_filled(now);
        player
    }

    /// The bytes it would read next; `None` while it has enough. Ask again after every call.
    pub fn wanted(&self, now: Instant) -> Option<ByteRange> {
        let limit = self.read_limit(now);
        let room = limit.saturating_sub(self.buffered_to);
        let wanted = ByteRange::new(self.buffered_to, self.buffered_to + room.min(PLAYER_READ_LEN));
        let enough_room = room >= PLAYER_READ_LEN || limit == self.config.film_len.get();
        (enough_room && !wanted.is_empty()).then_some(wanted)
    }

    /// Bytes of the film came. Those that do not continue what it has (it seeked meanwhile) are ignored.
    pub fn handle_bytes(&mut self, now: Instant, range: ByteRange) {
        // Bytes that come at the very instant it runs out are in time.
        self.run_out(now, |runs_out| runs_out < now);
        if range.start <= self.buffered_to && range.end > self.buffered_to {
            self.buffered_to = range.end.min(self.config.film_len.get());
        }
        self.play_when_filled(now);
        self.read_announced = self.wanted(now).is_some();
    }

    /// The viewer jumps to the byte `to`. What it has from there on is kept.
    pub fn seek(&mut self, now: Instant, to: u64) {
        self.handle_timeout(now);
        let to = to.min(self.config.film_len.get());
        let here = self.position(now);
        let reason = match self.state {
            State::Filling { reason: Filling::Start, .. } => Filling::Start,
            State::Filling { since, reason: Filling::Stall, .. } => {
                self.numbers.stalled += now - since;
                Filling::Seek
            }
            State::Filling { reason: Filling::Seek, .. } | State::Playing { .. } | State::Ended => Filling::Seek,
        };
        if to < here || to > self.buffered_to {
            self.buffered_to = to;
        }
        let since = match (self.state, reason) {
            (State::Filling { since, .. }, Filling::Start) => since,
            (State::Filling { .. } | State::Playing { .. } | State::Ended, _) => now,
        };
        self.state = State::Filling { since, at: to, reason };
        self.play_when_filled(now);
        self.read_announced = self.wanted(now).is_some();
    }

    /// Call when [`Player::poll_timeout`]'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run_out(now, |runs_out| runs_out <= now);
        self.read_announced |= self.wanted(now).is_some();
    }

    /// When something changes by itself, and what.
    pub fn poll_timeout(&self) -> Option<(Instant, PlayerWake)> {
        let State::Playing { since, from } = self.state else { return None };
        let runs_out = (self.runs_out_at(since, from), PlayerWake::RunsOut);
        let reads = self.reads_at(since, from).map(|at| (at, PlayerWake::Reads));
        Some(reads.map_or(runs_out, |reads| reads.min(runs_out)))
    }

    /// The byte that is on the screen.
    pub fn position(&self, now: Instant) -> u64 {
        match self.state {
            State::Filling { at, .. } => at,
            State::Playing { since, from } => {
                let played = bytes_in(self.config.bitrate, now.saturating_duration_since(since));
                (from + played).min(self.buffered_to)
            }
            State::Ended => self.config.film_len.get(),
        }
    }

    /// Whether the picture moves.
    pub const fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing { .. })
    }

    /// What the viewer noticed so far.
    pub const fn numbers(&self) -> &PlayerNumbers {
        &self.numbers
    }

    /// How long the picture has stood still by now, the stall of this moment included.
    pub fn stalled(&self, now: Instant) -> Duration {
        match self.state {
            State::Filling { since, reason: Filling::Stall, .. } => self.numbers.stalled + (now - since),
            State::Filling { reason: Filling::Start | Filling::Seek, .. } | State::Playing { .. } | State::Ended => {
                self.numbers.stalled
            }
        }
    }

    fn play_when_filled(&mut self, now: Instant) {
        let State::Filling { since, at, reason } = self.state else { return };
        let wait_for = match reason {
            Filling::Start | Filling::Seek => self.config.prebuffer,
            Filling::Stall => self.config.rebuffer,
        };
        let enough = (at + bytes_in(self.config.bitrate, wait_for)).min(self.config.film_len.get());
        if self.buffered_to < enough || (self.buffered_to == at && at < self.config.film_len.get()) {
            return;
        }
        match reason {
            Filling::Start => self.numbers.startup = Some(now - since),
            Filling::Seek => self.numbers.seeks.push(now - since),
            Filling::Stall => self.numbers.stalled += now - since,
        }
        self.state = State::Playing { since: now, from: at };
    }

    /// Stops, as of the instant it ran out, when that instant is one that counts.
    fn run_out(&mut self, now: Instant, counts: impl Fn(Instant) -> bool) {
        let State::Playing { since, from } = self.state else { return };
        let runs_out = self.runs_out_at(since, from);
        if !counts(runs_out) {
            return;
        }
        debug_assert!(runs_out <= now, "only the past is settled");
        if self.buffered_to == self.config.film_len.get() {
            self.numbers.ended = true;
            self.state = State::Ended;
            return;
        }
        self.numbers.stalls += 1;
        self.state = State::Filling { since: runs_out, at: self.buffered_to, reason: Filling::Stall };
    }

    fn runs_out_at(&self, since: Instant, from: u64) -> Instant {
        since + time_for(self.config.bitrate, self.buffered_to - from)
    }

    /// When there will be room for a read; `None` when that was announced, or when the film is read to its end.
    fn reads_at(&self, since: Instant, from: u64) -> Option<Instant> {
        let film_len = self.config.film_len.get();
        if self.read_announced || self.buffered_to == film_len {
            return None;
        }
        let ahead = bytes_in(self.config.bitrate, self.config.read_ahead);
        let needed = (self.buffered_to + PLAYER_READ_LEN).min(film_len);
        Some(since + time_for(self.config.bitrate, needed.saturating_sub(ahead).saturating_sub(from)))
    }

    fn read_limit(&self, now: Instant) -> u64 {
        let ahead = bytes_in(self.config.bitrate, self.config.read_ahead);
        (self.position(now) + ahead).min(self.config.film_len.get())
    }
}

#[cfg(test)]
mod tests;
