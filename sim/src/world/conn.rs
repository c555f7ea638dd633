//! A connection as a world keeps it: the link, and what each end's driver would hold.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Buf, Bytes};

use crate::events::EventId;
use crate::host::HostId;
use crate::link::{Link, Side};
use crate::shaper::Shapers;

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) link: Link,
    dialer: HostId,
    acceptor: HostId,
    dialer_outbox: Outbox,
    acceptor_outbox: Outbox,
    /// Whether the dialer was told that somebody answered.
    pub(super) dial_answered: bool,
    /// The event at the link's next timeout.
    pub(super) scheduled: Option<EventId>,
}

/// What a host sent and the link has not taken.
#[derive(Debug, Default)]
struct Outbox {
    chunks: VecDeque<Bytes>,
    len: usize,
}

impl Conn {
    pub(super) fn new(link: Link, dialer: HostId, acceptor: HostId) -> Self {
        Self {
            link,
            dialer,
            acceptor,
            dialer_outbox: Outbox::default(),
            acceptor_outbox: Outbox::default(),
            dial_answered: false,
            scheduled: None,
        }
    }

    pub(super) const fn host(&self, side: Side) -> HostId {
        match side {
            Side::Dialer => self.dialer,
            Side::Acceptor => self.acceptor,
        }
    }

    pub(super) fn is_between(&self, one: HostId, other: HostId) -> bool {
        (self.dialer, self.acceptor) == (one, other) || (self.dialer, self.acceptor) == (other, one)
    }

    /// Puts bytes behind what waits; says how many wait now.
    pub(super) fn queue(&mut self, side: Side, bytes: Bytes) -> usize {
        let outbox = self.outbox_mut(side);
        outbox.len += bytes.len();
        if !bytes.is_empty() {
            outbox.chunks.push_back(bytes);
        }
        outbox.len
    }

    /// Hands the link what it takes; says how many bytes that were.
    pub(super) fn write(&mut self, now: Instant, side: Side, shapers: &mut Shapers) -> usize {
        let mut written = 0;
        while self.link.is_open(side)
            && self.link.send_room(side) > 0
            && let Some(mut chunk) = self.outbox_mut(side).chunks.pop_front()
        {
            let taken = self.link.send(now, side, &chunk, shapers);
            written += taken;
            chunk.advance(taken);
            if !chunk.is_empty() {
                self.outbox_mut(side).chunks.push_front(chunk);
            }
        }
        self.outbox_mut(side).len -= written;
        written
    }

    fn outbox_mut(&mut self, side: Side) -> &mut Outbox {
        match side {
            Side::Dialer => &mut self.dialer_outbox,
            Side::Acceptor => &mut self.acceptor_outbox,
        }
    }
}
