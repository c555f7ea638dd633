//! What is here of a torrent, piece by piece.
//!
//! A piece gathers its blocks in memory, leaves as one buffer to be hashed and written, and comes back verified or not.
//! Nothing that is not verified can be read by anybody.

#[cfg(any(test, feature = "testing"))]
mod invariants;
mod open_piece;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use open_piece::BlockSlot;
pub use open_piece::OpenPiece;

use crate::bitfield::Bitfield;
use crate::layout::TorrentLayout;
use crate::limits::{OPEN_PIECES_BYTES_HARD_MAX, OPEN_PIECES_BYTES_MAX, SPARE_BUFFERS_BYTES_MAX};
use crate::peer::PeerKey;
use crate::units::{BlockIndex, BlockInfo, ByteLen, PieceIndex};

/// Buffers of finished pieces that are kept for the next ones, so that fetching does not touch fresh memory all the time.
const SPARE_BUFFERS_MAX: usize = 8;

/// Spare buffers of a longer piece are given back at once.
const SPARE_BUFFER_LEN_MAX: usize = 4 * 1024 * 1024;

const _: () = assert!((SPARE_BUFFERS_MAX * SPARE_BUFFER_LEN_MAX) as u64 <= SPARE_BUFFERS_BYTES_MAX);

/// The pieces of a torrent.
///
/// Invariant: a piece is in exactly one of [`PieceState`]'s states.
#[derive(Debug)]
pub struct Store {
    layout: Arc<TorrentLayout>,
    have: Bitfield,
    open: BTreeMap<PieceIndex, OpenPiece>,
    /// With who sent each block.
    hashing: BTreeMap<PieceIndex, Vec<PeerKey>>,
    /// Pieces that are here no more, and whose room on the disk is not free yet.
    leaving: BTreeSet<PieceIndex>,
    /// Pieces that the disk may hold, counting those that are on their way to it; `None` for all.
    pieces_max: Option<u32>,
    open_bytes: u64,
    spare: Vec<Vec<u8>>,
}

/// Where a piece stands.
#[derive(Debug)]
pub enum PieceState<'a> {
    /// Nothing of it was asked for.
    Missing,
    /// Some blocks are asked for or here.
    Partial(&'a OpenPiece),
    /// All blocks are here; whether they are right is being found out.
    Hashing,
    /// Verified and written.
    Have,
    /// It was given up to make room, and the disk is at it.
    Leaving,
}

/// What became of a block that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It was here already, or its piece is.
    Duplicate,
    /// It is kept.
    Kept {
        /// More of the piece's beginning is here without a gap than before.
        prefix_grew: bool,
        /// It was the last one missing.
        complete: bool,
        /// Of how many peers it was being asked when it came.
        asked_of: u8,
    },
}

impl Store {
    /// A store in which `have` is verified.
    pub fn new(layout: Arc<TorrentLayout>, have: Bitfield) -> Self {
        assert_eq!(have.len(), layout.piece_count(), "one bit a piece");
        Self {
            layout,
            have,
            open: BTreeMap::new(),
            hashing: BTreeMap::new(),
            leaving: BTreeSet::new(),
            pieces_max: None,
            open_bytes: 0,
            spare: Vec::new(),
        }
    }

    /// The geometry.
    pub const fn layout(&self) -> &Arc<TorrentLayout> {
        &self.layout
    }

    /// The verified pieces.
    pub const fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Where a piece stands.
    pub fn state(&self, piece: PieceIndex) -> PieceState<'_> {
        if self.have.get(piece.get()) {
            PieceState::Have
        } else if let Some(open) = self.open.get(&piece) {
            PieceState::Partial(open)
        } else if self.hashing.contains_key(&piece) {
            PieceState::Hashing
        } else if self.leaving.contains(&piece) {
            PieceState::Leaving
        } else {
            PieceState::Missing
        }
    }

    /// Whether some block of the piece could be asked for now.
    pub fn is_wanting(&self, piece: PieceIndex) -> bool {
        match self.state(piece) {
            PieceState::Missing => true,
            PieceState::Partial(open) => open.has_unrequested(),
            PieceState::Hashing | PieceState::Have | PieceState::Leaving => false,
        }
    }

    /// Bounds the pieces that the disk may hold; `None` for no bound.
    pub const fn set_pieces_max(&mut self, pieces_max: Option<u32>) {
        self.pieces_max = pieces_max;
    }

    /// How many pieces the disk may hold.
    pub const fn pieces_max(&self) -> Option<u32> {
        self.pieces_max
    }

    /// Pieces that take room on the disk, or will: here, begun, or not gone yet.
    pub fn pieces_on_disk(&self) -> usize {
        self.have.count_ones() as usize + self.open.len() + self.hashing.len() + self.leaving.len()
    }

    /// Pieces that were given up and are not gone yet.
    pub fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Whether a further piece may be begun.
    pub fn disk_has_room(&self) -> bool {
        self.pieces_max.is_none_or(|pieces_max| self.pieces_on_disk() < pieces_max as usize)
    }

    /// Gives up a piece that is here: from now on nobody reads it. False when it is not here.
    pub fn evict(&mut self, piece: PieceIndex) -> bool {
        let was_here = self.have.clear(piece.get());
        if was_here {
            self.leaving.insert(piece);
        }
        was_here
    }

    /// The room of a piece that was given up is free.
    pub fn evicted(&mut self, piece: PieceIndex) {
        self.leaving.remove(&piece);
    }

    /// Throws away what is here of an open piece of which nothing is asked for. Says whether it did.
    pub fn abandon(&mut self, piece: PieceIndex) -> bool {
        let resting = self.open.get(&piece).is_some_and(OpenPiece::is_resting);
        if resting {
            self.close(piece);
        }
        resting
    }

    /// Pieces being fetched, in order.
    pub fn open_pieces(&self) -> impl Iterator<Item = (PieceIndex, &OpenPiece)> {
        self.open.iter().map(|(piece, open)| (*piece, open))
    }

    /// An open piece.
    pub fn open_piece(&self, piece: PieceIndex) -> Option<&OpenPiece> {
        self.open.get(&piece)
    }

    /// Memory of pieces being fetched, hashed or written.
    pub const fn open_bytes(&self) -> u64 {
        self.open_bytes
    }

    /// Whether memory is left for a further piece.
    pub fn memory_has_room(&self) -> bool {
        self.open_bytes + u64::from(self.layout.piece_len_max()) <= OPEN_PIECES_BYTES_HARD_MAX
    }

    /// The part of it for pieces of which something is on its way, be it from a peer or to the disk.
    pub fn moving_bytes(&self) -> u64 {
        let resting = self.open.values().filter(|open| open.is_resting());
        self.open_bytes - resting.map(|open| u64::from(open.len)).sum::<u64>()
    }

    /// The first block of a piece that can be asked for, from `from` on.
    pub fn next_unrequested(&self, piece: PieceIndex, from: BlockIndex) -> Option<BlockInfo> {
        match self.state(piece) {
            PieceState::Missing if self.disk_has_room() => self.layout.block(piece, from),
            PieceState::Partial(open) => open.next_unrequested(from).and_then(|index| self.layout.block(piece, index)),
            PieceState::Missing | PieceState::Hashing | PieceState::Have | PieceState::Leaving => None,
        }
    }

    /// Lets only `source` be asked for a piece, which is opened for it.
    pub fn set_sole_source(&mut self, piece: PieceIndex, source: PeerKey) {
        self.open(piece).sole_source = Some(source);
    }

    /// Pieces that only `source` might be asked for may be asked of anybody again. Returns those that are missing now.
    pub fn free_sole_source(&mut self, source: PeerKey) -> Vec<PieceIndex> {
        let mut freed = Vec::new();
        for (piece, open) in self.open.iter_mut().filter(|(_, open)| open.sole_source == Some(source)) {
            open.sole_source = None;
            if open.is_untouched() {
                freed.push(*piece);
            }
        }
        freed.iter().for_each(|piece| self.close(*piece));
        freed
    }

    /// One piece that only one peer might be asked for may be asked of anybody again.
    pub fn share(&mut self, piece: PieceIndex) {
        if let Some(open) = self.open.get_mut(&piece) {
            open.sole_source = None;
        }
    }

    /// Notes that a block is being asked for, of one more peer.
    pub fn request(&mut self, block: BlockInfo) {
        let open = self.open(block.piece);
        let slot = &mut open.blocks[block.index().as_usize()];
        match slot {
            BlockSlot::Missing => {
                *slot = BlockSlot::Requested(1);
                open.unrequested -= 1;
            }
            BlockSlot::Requested(count) => *count = count.saturating_add(1),
            BlockSlot::Received(_) => {}
        }
    }

    /// Notes that one peer will not send a block after all. A piece of which nothing is left is missing again.
    pub fn unrequest(&mut self, block: BlockInfo) {
        let Some(open) = self.open.get_mut(&block.piece) else { return };
        let slot = &mut open.blocks[block.index().as_usize()];
        match slot {
            BlockSlot::Requested(1) => {
                *slot = BlockSlot::Missing;
                open.unrequested += 1;
            }
            BlockSlot::Requested(count) => *count -= 1,
            BlockSlot::Missing | BlockSlot::Received(_) => {}
        }
        if open.is_untouched() && open.sole_source.is_none() {
            self.close(block.piece);
        }
    }

    /// Keeps a block that came. Only whole blocks of ours count; a piece nobody has open is opened if
    /// there is room, since data that arrives after a cancel is as good as any.
    pub fn receive(&mut self, block: BlockInfo, data: &[u8], from: PeerKey) -> Stored {
        if self.layout.block(block.piece, block.index()) != Some(block) || !self.is_incomplete(block.piece) {
            return Stored::Duplicate;
        }
        let buffer = self.spare_buffer_for(block.piece);
        let open = self.open(block.piece);
        let index = block.index().as_usize();
        if matches!(open.blocks[index], BlockSlot::Received(_)) {
            return Stored::Duplicate;
        }
        if let Some(buffer) = buffer {
            open.data = buffer;
        }
        let asked_of = match open.blocks[index] {
            BlockSlot::Missing => {
                open.unrequested -= 1;
                0
            }
            BlockSlot::Requested(count) => count,
            BlockSlot::Received(_) => 0,
        };
        let start = block.offset.as_usize();
        open.data[start..start + data.len()].copy_from_slice(data);
        open.blocks[index] = BlockSlot::Received(from);
        open.received += 1;
        let before = open.prefix;
        while matches!(open.blocks.get(open.prefix as usize), Some(BlockSlot::Received(_))) {
            open.prefix += 1;
        }
        Stored::Kept {
            prefix_grew: open.prefix > before,
            complete: open.received as usize == open.blocks.len(),
            asked_of,
        }
    }

    /// Takes a complete piece's bytes out, to be hashed and written.
    pub fn start_hashing(&mut self, piece: PieceIndex) -> Option<Vec<u8>> {
        let complete = self.open.get(&piece).is_some_and(|open| open.received as usize == open.blocks.len());
        if !complete {
            return None;
        }
        let open = self.open.remove(&piece)?;
        self.hashing.insert(piece, open.senders());
        Some(open.data)
    }

    /// A piece was right and is written. False when it was not being hashed.
    pub fn verified(&mut self, piece: PieceIndex, buffer: Vec<u8>) -> bool {
        let was_hashing = self.end_hashing(piece, buffer).is_some();
        if was_hashing {
            self.have.set(piece.get());
        }
        was_hashing
    }

    /// Who sent each block of a piece that is being hashed.
    pub fn senders(&self, piece: PieceIndex) -> &[PeerKey] {
        self.hashing.get(&piece).map_or(&[], Vec::as_slice)
    }

    /// A piece was wrong, or could not be written: it is missing again.
    pub fn failed(&mut self, piece: PieceIndex, buffer: Vec<u8>) {
        self.end_hashing(piece, buffer);
    }

    /// A piece was wrong, and some of its blocks are worth keeping: those that `kept` names a sender of, in order. With all
    /// or none of them it is missing again.
    pub fn failed_in_part(&mut self, piece: PieceIndex, buffer: Vec<u8>, kept: &[Option<PeerKey>]) {
        let (received, len) = (kept.iter().flatten().count(), self.layout.piece_len(piece));
        let is_part = received > 0 && received < kept.len() && buffer.len() == len.as_usize();
        if !is_part || self.hashing.remove(&piece).is_none() {
            return self.failed(piece, buffer);
        }
        let blocks = kept.iter().map(|sender| sender.map_or(BlockSlot::Missing, BlockSlot::Received)).collect();
        let count = |blocks: usize| u32::try_from(blocks).expect("a piece has at most 2^18 blocks");
        // Its memory is counted as it was while it was being hashed.
        let open = OpenPiece {
            data: buffer,
            len: len.as_u32(),
            blocks,
            received: count(received),
            unrequested: count(kept.len() - received),
            prefix: count(kept.iter().take_while(|sender| sender.is_some()).count()),
            sole_source: None,
        };
        self.open.insert(piece, open);
    }

    /// Throws away what a peer sent of open pieces. Returns these pieces, and of each whether its beginning is shorter now.
    pub fn forget_sender(&mut self, sender: PeerKey) -> Vec<(PieceIndex, bool)> {
        let mut forgotten = Vec::new();
        let mut empty = Vec::new();
        for (piece, open) in &mut self.open {
            let (any, cut) = open.forget_sender(sender);
            if any {
                forgotten.push((*piece, cut));
            }
            if any && open.is_untouched() && open.sole_source.is_none() {
                empty.push(*piece);
            }
        }
        empty.into_iter().for_each(|piece| self.close(piece));
        forgotten
    }

    fn end_hashing(&mut self, piece: PieceIndex, buffer: Vec<u8>) -> Option<()> {
        self.hashing.remove(&piece)?;
        self.open_bytes -= self.layout.piece_len(piece).get();
        if self.spare.len() < SPARE_BUFFERS_MAX && buffer.capacity() <= SPARE_BUFFER_LEN_MAX {
            self.spare.push(buffer);
        }
        Some(())
    }

    fn is_incomplete(&self, piece: PieceIndex) -> bool {
        match self.state(piece) {
            // Late data opens no piece that disk or memory have no room for.
            PieceState::Missing => {
                let memory = self.open_bytes + self.layout.piece_len(piece).get();
                self.disk_has_room() && (self.open_bytes == 0 || memory <= OPEN_PIECES_BYTES_MAX)
            }
            PieceState::Partial(_) => true,
            PieceState::Hashing | PieceState::Have | PieceState::Leaving => false,
        }
    }

    /// A buffer for a piece that has none yet.
    fn spare_buffer_for(&mut self, piece: PieceIndex) -> Option<Vec<u8>> {
        if self.open.get(&piece).is_some_and(|open| !open.data.is_empty()) {
            return None;
        }
        let len = self.layout.piece_len(piece).as_usize();
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.resize(len, 0);
        Some(buffer)
    }

    fn open(&mut self, piece: PieceIndex) -> &mut OpenPiece {
        let len = self.layout.piece_len(piece).as_u32();
        let open_bytes = &mut self.open_bytes;
        self.open.entry(piece).or_insert_with(|| {
            *open_bytes += u64::from(len);
            OpenPiece::new(len)
        })
    }

    fn close(&mut self, piece: PieceIndex) {
        if let Some(open) = self.open.remove(&piece) {
            self.open_bytes -= u64::from(open.len);
        }
    }

    /// Bytes verified.
    pub fn verified_bytes(&self) -> ByteLen {
        let count = u64::from(self.have.count_ones());
        let full = count * u64::from(self.layout.piece_len_max());
        let last = self.layout.last_piece();
        let short = u64::from(self.layout.piece_len_max()) - self.layout.piece_len(last).get();
        ByteLen::new(if self.have.get(last.get()) { full - short } else { full })
    }
}
