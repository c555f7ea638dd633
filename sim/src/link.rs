//! A connection between two hosts, as TCP looks from above: ordered, reliable, paced, bounded, and mortal.
//!
//! Within a connection nothing is lost or overtaken. Across connections each draws its own jitter, so what two peers
//! send at one moment reaches a third in any order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::BytesPerSec;
use bytes::Bytes;

use crate::limits::{CHUNK_LEN_MAX, SEND_BUFFER_LEN, WINDOW_LEN};
use crate::pipe::{Pipe, PipeEvent};
use crate::shaper::{ShaperId, Shapers};

/// What the way between two hosts is like, the same in both directions. A host's own line is a
/// [`crate::shaper::Shaper`] that all its links pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// One way.
    pub delay: Duration,
    /// What chance adds to the delay of a chunk, at most. A chunk never overtakes the one before it.
    pub jitter: Duration,
    /// Bytes a second in each direction; not zero.
    pub rate: BytesPerSec,
    /// Bytes the sender may hand over before the wire takes them.
    pub send_buffer_len: usize,
    /// Bytes that may be on their way, unread ones included; below rate × delay it is what bounds the throughput.
    pub window_len: usize,
    /// Bytes that arrive at once, at most; each time it is a random number of them.
    pub chunk_len_max: usize,
}

impl Default for LinkConfig {
    /// 20 ms away with 5 ms of jitter, at 100 Mbit/s.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            rate: BytesPerSec::new(12_500_000),
            send_buffer_len: SEND_BUFFER_LEN,
            window_len: WINDOW_LEN,
            chunk_len_max: CHUNK_LEN_MAX,
        }
    }
}

/// One end of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// The end that opened it.
    Dialer,
    /// The end that was called.
    Acceptor,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Dialer, Self::Acceptor];

    /// The end opposite.
    pub const fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Acceptor,
            Self::Acceptor => Self::Dialer,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Dialer => 0,
            Self::Acceptor => 1,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ending {
    /// The other end closed it; everything it sent before has arrived.
    Closed,
    /// The network dropped it; what was on its way is gone.
    Lost,
}

/// What one end of a link learns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// That end may send now.
    Opened(Side),
    /// So many bytes left that end's send buffer, which has room for as many.
    Sent(Side, usize),
    /// Bytes arrived at that end.
    Arrived(Side, Bytes),
    /// That end learned that the connection is over. Nothing follows for it.
    Ended(Side, Ending),
}

/// A connection, from the dial to the moment both ends know that it is over.
#[derive(Debug)]
pub struct Link {
    /// Indexed by the sending side.
    pipes: [Pipe; 2],
    /// When each side will learn that the connection is open; `None` once it did.
    opens_at: [Option<Instant>; 2],
    /// Whether that side still listens: neither closed nor told of the end.
    attached: [bool; 2],
    outputs: VecDeque<LinkEvent>,
}

impl Link {
    /// Dials at `now`: the acceptor learns after one delay, the dialer after two. `path` is the shared lines that both
    /// directions pass, by sending side.
    ///
    /// # Panics
    /// When a chunk does not fit the send buffer or the window, or chunks are empty: such a link would never move.
    pub fn new(now: Instant, config: LinkConfig, mut rng: Rng, path: [Vec<ShaperId>; 2]) -> Self {
        assert!(config.chunk_len_max > 0, "empty chunks");
        assert!(config.chunk_len_max <= config.window_len, "a chunk fits the window");
        assert!(config.send_buffer_len > 0, "no send buffer");
        let [out, back] = path;
        Self {
            pipes: [Pipe::new(now, config, rng.fork(), out), Pipe::new(now, config, rng.fork(), back)],
            opens_at: [Some(now + 2 * config.delay), Some(now + config.delay)],
            attached: [true; 2],
            outputs: VecDeque::new(),
        }
    }

    /// Hands over bytes at one end; says how many the send buffer took. The rest is to be tried again at
    /// [`LinkEvent::Sent`].
    ///
    /// # Panics
    /// At an end that is not open, see [`Link::is_open`].
    pub fn send(&mut self, now: Instant, side: Side, bytes: &[u8], shapers: &mut Shapers) -> usize {
        assert!(self.is_open(side), "the link is not open at the {side:?}");
        self.pipes[side.index()].send(now, bytes, shapers)
    }

    /// Bytes that [`Link::send`] would take at that end.
    pub fn send_room(&self, side: Side) -> usize {
        self.pipes[side.index()].buffer_room()
    }

    /// Whether that end has learned of the connection and not of its end.
    pub const fn is_open(&self, side: Side) -> bool {
        self.opens_at[side.index()].is_none() && self.attached[side.index()]
    }

    /// One end is done. It hears nothing more; the other end gets what was handed over, and then the end.
    pub fn close(&mut self, now: Instant, side: Side) {
        if !self.attached[side.index()] {
            return;
        }
        self.attached[side.index()] = false;
        self.outputs.retain(|event| event.side() != side);
        self.pipes[side.index()].finish(now);
    }

    /// The network drops the connection. Both ends learn at once, as from a reset; an acceptor that has not been called
    /// yet never will be.
    pub fn lose(&mut self) {
        for side in Side::ALL {
            let knows = side == Side::Dialer || self.is_open(side);
            if self.attached[side.index()] && knows {
                self.outputs.push_back(LinkEvent::Ended(side, Ending::Lost));
            }
            self.attached[side.index()] = false;
        }
    }

    /// The bytes stop until then, in both directions, and nobody is told: a cable pulled, a laptop asleep.
    pub fn stall(&mut self, until: Instant) {
        for opens_at in self.opens_at.iter_mut().flatten() {
            *opens_at = until.max(*opens_at);
        }
        for pipe in &mut self.pipes {
            pipe.stall(until);
        }
    }

    /// Whether that end takes what arrives. While it does not, the window fills and the other end has to wait.
    pub fn set_reading(&mut self, now: Instant, side: Side, reading: bool) {
        if self.attached[side.index()] {
            self.pipes[side.other().index()].set_reading(now, reading);
        }
    }

    /// Another rate in both directions for what is sent from now on.
    pub fn set_rate(&mut self, now: Instant, rate: BytesPerSec) {
        for pipe in &mut self.pipes {
            pipe.set_rate(now, rate);
        }
    }

    /// Does what is due, each at its own instant.
    pub fn handle_timeout(&mut self, now: Instant, shapers: &mut Shapers) {
        while let Some(at) = self.poll_timeout().filter(|at| *at <= now) {
            self.open_due(at);
            for side in Side::ALL {
                self.pipes[side.index()].handle_timeout(at, shapers);
                self.drain_pipe(side);
            }
        }
    }

    /// What the ends learned, in order.
    pub fn poll_output(&mut self) -> Option<LinkEvent> {
        self.outputs.pop_front()
    }

    /// When to come back; `None` when nothing moves or the link is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        let opens = self.opens_at.iter().flatten().copied();
        let moves = self.pipes.iter().filter_map(Pipe::poll_timeout);
        opens.chain(moves).min()
    }

    /// Whether both ends know that it is over. What [`Link::poll_output`] still holds says so.
    pub const fn is_over(&self) -> bool {
        !self.attached[0] && !self.attached[1]
    }

    fn open_due(&mut self, now: Instant) {
        for side in Side::ALL {
            let due = self.opens_at[side.index()].take_if(|at| *at <= now).is_some();
            if due && self.attached[side.index()] {
                self.outputs.push_back(LinkEvent::Opened(side));
            }
        }
    }

    /// Tells the ends what happened in the pipe from `side`.
    fn drain_pipe(&mut self, side: Side) {
        while let Some(event) = self.pipes[side.index()].poll_output() {
            let event = match event {
                PipeEvent::Sent(len) => LinkEvent::Sent(side, len),
                PipeEvent::Arrived(bytes) => LinkEvent::Arrived(side.other(), bytes),
                PipeEvent::Finished => LinkEvent::Ended(side.other(), Ending::Closed),
            };
            let hearer = event.side();
            if self.attached[hearer.index()] {
                self.attached[hearer.index()] = !matches!(event, LinkEvent::Ended(..));
                self.outputs.push_back(event);
            }
        }
    }
}

impl LinkEvent {
    /// The end that learns it.
    pub const fn side(&self) -> Side {
        match self {
            Self::Opened(side) | Self::Sent(side, _) | Self::Arrived(side, _) | Self::Ended(side, _) => *side,
        }
    }
}

#[cfg(test)]
mod tests;
