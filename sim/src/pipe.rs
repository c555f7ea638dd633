//! One direction of a connection: a bounded send buffer, the wire, and the order of arrival.
//!
//! Bytes wait in the buffer, are put on the wire a chunk at a time at the pipe's rate, and arrive a delay later. The
//! chunks are cut at random, across whatever the sender handed over at once, because a stream has no messages.

use std::collections::VecDeque;
use std::time::Instant;

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::BytesPerSec;
use bytes::{Bytes, BytesMut};

use crate::link::LinkConfig;
use crate::rng::jitter;
use crate::shaper::{Shaper, ShaperId, Shapers};

#[derive(Debug)]
pub(crate) struct Pipe {
    config: LinkConfig,
    rng: Rng,
    rate: Shaper,
    /// The lines of both hosts, which other connections pass too.
    path: Vec<ShaperId>,
    /// What the sender handed over and the wire has not taken.
    buffer: BytesMut,
    sending: Option<Sending>,
    /// First in, first out, whatever the times say: nothing overtakes within a connection.
    in_flight: VecDeque<(Instant, Carried)>,
    in_flight_len: usize,
    stalled_until: Instant,
    reading: bool,
    /// When the receiver last took up reading: what waited arrives no earlier.
    reading_since: Instant,
    finishing: bool,
    outputs: VecDeque<PipeEvent>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PipeEvent {
    /// So many bytes left the send buffer.
    Sent(usize),
    Arrived(Bytes),
    /// The sender closed, and everything before has arrived.
    Finished,
}

/// The first `len` bytes of the buffer, on their way onto the wire.
#[derive(Debug)]
struct Sending {
    len: usize,
    done_at: Instant,
}

#[derive(Debug)]
enum Carried {
    Chunk(Bytes),
    End,
}

impl Pipe {
    pub(crate) fn new(now: Instant, config: LinkConfig, rng: Rng, path: Vec<ShaperId>) -> Self {
        Self {
            config,
            rng,
            rate: Shaper::new(now, config.rate),
            path,
            buffer: BytesMut::new(),
            sending: None,
            in_flight: VecDeque::new(),
            in_flight_len: 0,
            stalled_until: now,
            reading: true,
            reading_since: now,
            finishing: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what fits the send buffer; says how many bytes that were.
    pub(crate) fn send(&mut self, now: Instant, bytes: &[u8], shapers: &mut Shapers) -> usize {
        assert!(!self.finishing, "bytes after the close");
        let taken = bytes.len().min(self.buffer_room());
        self.buffer.extend_from_slice(&bytes[..taken]);
        self.start_sending(now, shapers);
        taken
    }

    pub(crate) fn buffer_room(&self) -> usize {
        self.config.send_buffer_len.saturating_sub(self.buffer.len())
    }

    /// No more bytes will come; what was taken is still delivered.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.finishing = true;
        self.reach_the_end(now);
    }

    /// Nothing starts and nothing arrives before `until`. What is on its way waits.
    pub(crate) fn stall(&mut self, until: Instant) {
        self.stalled_until = self.stalled_until.max(until);
    }

    pub(crate) fn set_reading(&mut self, now: Instant, reading: bool) {
        if reading && !self.reading {
            self.reading_since = now;
        }
        self.reading = reading;
    }

    pub(crate) fn set_rate(&mut self, now: Instant, rate: BytesPerSec) {
        self.rate.set_rate(now, rate);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let sent = self.sending.as_ref().map(|sending| sending.done_at);
        let arrives = self.arrives_at();
        let starts = self.has_work().then_some(self.stalled_until);
        [sent, arrives, starts].into_iter().flatten().min()
    }

    /// Does everything that is due at `now`, which is no later than what [`Pipe::poll_timeout`] said.
    pub(crate) fn handle_timeout(&mut self, now: Instant, shapers: &mut Shapers) {
        if let Some(Sending { len, .. }) = self.sending.take_if(|sending| sending.done_at <= now) {
            let chunk = self.buffer.split_to(len).freeze();
            let arrives = now + self.config.delay + jitter(&mut self.rng, self.config.jitter);
            self.in_flight_len += len;
            self.in_flight.push_back((arrives, Carried::Chunk(chunk)));
            self.outputs.push_back(PipeEvent::Sent(len));
            self.reach_the_end(now);
        }
        while self.arrives_at().is_some_and(|at| at <= now) {
            match self.in_flight.pop_front() {
                Some((_, Carried::Chunk(chunk))) => {
                    self.in_flight_len -= chunk.len();
                    self.outputs.push_back(PipeEvent::Arrived(chunk));
                }
                Some((_, Carried::End)) => self.outputs.push_back(PipeEvent::Finished),
                None => break,
            }
        }
        self.start_sending(now, shapers);
    }

    pub(crate) fn poll_output(&mut self) -> Option<PipeEvent> {
        self.outputs.pop_front()
    }

    fn arrives_at(&self) -> Option<Instant> {
        if !self.reading {
            return None;
        }
        self.in_flight.front().map(|(at, _)| (*at).max(self.stalled_until).max(self.reading_since))
    }

    /// Whether a chunk could start but for a stall. A full window waits for an arrival, not for a time.
    fn has_work(&self) -> bool {
        self.sending.is_none()
            && !self.buffer.is_empty()
            && self.in_flight_len + self.config.chunk_len_max <= self.config.window_len
    }

    fn start_sending(&mut self, now: Instant, shapers: &mut Shapers) {
        if !self.has_work() || now < self.stalled_until {
            return;
        }
        let cut = usize::try_from(self.rng.below(self.config.chunk_len_max as u64)).expect("below a usize");
        let len = (cut + 1).min(self.buffer.len());
        let done_at = self.rate.pass(now, len as u64).max(shapers.pass(&self.path, now, len as u64));
        self.sending = Some(Sending { len, done_at });
    }

    fn reach_the_end(&mut self, now: Instant) {
        if self.finishing && self.buffer.is_empty() {
            self.in_flight.push_back((now + self.config.delay, Carried::End));
        }
    }
}
