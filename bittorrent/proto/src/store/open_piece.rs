//! A piece that is being fetched, block by block.

use crate::peer::PeerKey;
use crate::units::{BLOCK_LEN, BlockIndex};

/// A piece that is being fetched.
#[derive(Debug)]
pub struct OpenPiece {
    /// Empty until the first block comes.
    pub(super) data: Vec<u8>,
    pub(super) len: u32,
    pub(super) blocks: Vec<BlockSlot>,
    pub(super) received: u32,
    pub(super) unrequested: u32,
    /// Blocks from the start that are all here.
    pub(super) prefix: u32,
    /// The only peer it may be asked of: it failed its check before, and one sender alone can be blamed.
    pub sole_source: Option<PeerKey>,
}

/// Where a block of an open piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockSlot {
    Missing,
    /// Asked of that many peers at once.
    Requested(u8),
    Received(PeerKey),
}

impl OpenPiece {
    pub(super) fn new(len: u32) -> Self {
        let count = len.div_ceil(BLOCK_LEN);
        Self {
            data: Vec::new(),
            len,
            blocks: vec![BlockSlot::Missing; count as usize],
            received: 0,
            unrequested: count,
            prefix: 0,
            sole_source: None,
        }
    }

    const fn block_count(&self) -> u32 {
        self.len.div_ceil(BLOCK_LEN)
    }

    /// Whether a block waits to be asked for.
    pub const fn has_unrequested(&self) -> bool {
        self.unrequested > 0
    }

    /// The first block nobody was asked for, from `from` on.
    pub fn next_unrequested(&self, from: BlockIndex) -> Option<BlockIndex> {
        let at = self.blocks.iter().skip(from.as_usize()).position(|slot| *slot == BlockSlot::Missing)?;
        u32::try_from(at).ok().map(|at| BlockIndex::new(from.get() + at))
    }

    /// Whether at least half of its blocks are here.
    pub fn is_half_here(&self) -> bool {
        self.received as usize * 2 >= self.blocks.len()
    }

    /// Whether nothing of it is here.
    pub const fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// Whether nothing of it is on its way.
    pub const fn is_resting(&self) -> bool {
        self.received + self.unrequested == self.block_count()
    }

    /// Whether nothing of it is here or asked for.
    pub(super) fn is_untouched(&self) -> bool {
        self.received == 0 && self.unrequested as usize == self.blocks.len()
    }

    /// Its beginning, as far as it is here without a gap.
    pub fn contiguous(&self) -> &[u8] {
        let end = u64::from(self.prefix) * u64::from(BLOCK_LEN);
        let end = usize::try_from(end).unwrap_or(usize::MAX).min(self.data.len());
        &self.data[..end]
    }

    /// The blocks that were asked for and have not come.
    pub fn requested(&self) -> impl Iterator<Item = (BlockIndex, u8)> + '_ {
        (0u32..).zip(&self.blocks).filter_map(|(index, slot)| match slot {
            BlockSlot::Requested(count) => Some((BlockIndex::new(index), *count)),
            BlockSlot::Missing | BlockSlot::Received(_) => None,
        })
    }

    /// Who sent each block, in order; those that are not here are passed over.
    pub(super) fn senders(&self) -> Vec<PeerKey> {
        let sender = |slot: &BlockSlot| match slot {
            BlockSlot::Received(peer) => Some(*peer),
            BlockSlot::Missing | BlockSlot::Requested(_) => None,
        };
        self.blocks.iter().filter_map(sender).collect()
    }

    /// Takes a sender's blocks out. Says whether there were any, and whether the beginning became shorter.
    pub(super) fn forget_sender(&mut self, sender: PeerKey) -> (bool, bool) {
        let (received, prefix) = (self.received, self.prefix);
        for (index, slot) in (0u32..).zip(&mut self.blocks) {
            if *slot == BlockSlot::Received(sender) {
                *slot = BlockSlot::Missing;
                self.received -= 1;
                self.unrequested += 1;
                self.prefix = self.prefix.min(index);
            }
        }
        (self.received < received, self.prefix < prefix)
    }
}
