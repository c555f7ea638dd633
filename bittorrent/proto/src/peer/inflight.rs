//! Our requests that a peer has not answered.

use std::collections::VecDeque;
use std::time::Instant;

use crate::limits::CANCELLED_REMEMBERED_MAX;
use crate::units::{BlockInfo, ByteLen};

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked for.
    pub block: BlockInfo,
    /// When the message was made.
    pub sent_at: Instant,
}

/// What a block that came was to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Asked for, at that time.
    Requested(Instant),
    /// Asked for and cancelled; the cancel crossed the block on the way, or the peer does not obey it.
    Cancelled,
    /// Never asked for.
    Unrequested,
}

/// The requests in flight to one peer, in the order sent. Peers answer in that order, so looking up starts at the front.
#[derive(Clone, Debug, Default)]
pub struct Inflight {
    requests: VecDeque<Request>,
    cancelled: VecDeque<BlockInfo>,
    bytes: ByteLen,
}

impl Inflight {
    /// How many requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Bytes asked for.
    pub fn bytes(&self) -> ByteLen {
        self.bytes
    }

    /// Every request, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Request> + '_ {
        self.requests.iter().copied()
    }

    /// When `block` was asked for.
    pub fn sent_at(&self, block: BlockInfo) -> Option<Instant> {
        self.requests.iter().find(|request| request.block == block).map(|request| request.sent_at)
    }

    /// Notes a request that is being sent.
    pub fn push(&mut self, block: BlockInfo, now: Instant) {
        self.bytes += block.len;
        self.requests.push_back(Request { block, sent_at: now });
    }

    /// Notes a block that came.
    pub fn arrived(&mut self, block: BlockInfo) -> Arrival {
        if let Some(request) = self.remove(block) {
            return Arrival::Requested(request.sent_at);
        }
        match self.cancelled.iter().position(|cancelled| *cancelled == block) {
            Some(at) => {
                self.cancelled.remove(at);
                Arrival::Cancelled
            }
            None => Arrival::Unrequested,
        }
    }

    /// Takes back one request. False when it was not in flight.
    pub fn cancel(&mut self, block: BlockInfo) -> bool {
        let cancelled = self.remove(block).is_some();
        if cancelled {
            self.remember_cancelled(block);
        }
        cancelled
    }

    /// Forgets all requests, and returns them: the peer choked us. Without the fast extension it dropped them silently
    /// (BEP 3), though a block may be on its way already.
    pub fn drop_all(&mut self) -> Vec<BlockInfo> {
        let dropped: Vec<BlockInfo> = self.requests.drain(..).map(|request| request.block).collect();
        for block in &dropped {
            self.remember_cancelled(*block);
        }
        self.bytes = ByteLen::ZERO;
        dropped
    }

    fn remember_cancelled(&mut self, block: BlockInfo) {
        if self.cancelled.len() == CANCELLED_REMEMBERED_MAX {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(block);
    }

    fn remove(&mut self, block: BlockInfo) -> Option<Request> {
        let at = self.requests.iter().position(|request| request.block == block)?;
        let request = self.requests.remove(at)?;
        self.bytes = self.bytes - block.len;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::TorrentLayout;
    use crate::units::BlockIndex;

    fn block(index: u32) -> BlockInfo {
        let layout = TorrentLayout::new(1 << 26, &[1 << 26]).unwrap();
        layout.block(layout.piece(0).unwrap(), BlockIndex::new(index)).unwrap()
    }

    #[test]
    fn a_block_is_welcome_once() {
        let now = Instant::now();
        let mut inflight = Inflight::default();
        inflight.push(block(0), now);
        inflight.push(block(1), now);
        assert_eq!(inflight.bytes(), ByteLen::new(32_768));
        assert_eq!(inflight.arrived(block(1)), Arrival::Requested(now));
        assert_eq!(inflight.arrived(block(1)), Arrival::Unrequested);
        assert_eq!(inflight.iter().next().unwrap().block, block(0));
    }

    #[test]
    fn a_cancelled_block_may_still_come_once() {
        let mut inflight = Inflight::default();
        inflight.push(block(0), Instant::now());
        assert!(inflight.cancel(block(0)));
        assert!(!inflight.cancel(block(0)));
        assert!(inflight.is_empty());
        assert_eq!(inflight.arrived(block(0)), Arrival::Cancelled);
        assert_eq!(inflight.arrived(block(0)), Arrival::Unrequested);
    }

    #[test]
    fn what_was_cancelled_long_ago_is_forgotten() {
        let mut inflight = Inflight::default();
        for index in 0..=u32::try_from(CANCELLED_REMEMBERED_MAX).unwrap() {
            inflight.push(block(index), Instant::now());
        }
        assert_eq!(inflight.drop_all().len(), CANCELLED_REMEMBERED_MAX + 1);
        assert_eq!(inflight.bytes(), ByteLen::ZERO);
        assert_eq!(inflight.arrived(block(0)), Arrival::Unrequested);
        assert_ne!(inflight.arrived(block(1)), Arrival::Unrequested);
    }
}
