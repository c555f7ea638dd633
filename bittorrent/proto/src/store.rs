//! What is here of a torrent, piece by piece.
//!
//! A piece gathers its blocks in memory, leaves as one buffer to be hashed and written, and comes back verified or not.
//! Nothing that is not verified can be read by anybody.

#[cfg(any(test, feature = "testing"))]
mod invariants;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bitfield::Bitfield;
use crate::layout::TorrentLayout;
use crate::limits::{OPEN_PIECES_BYTES_HARD_MAX, OPEN_PIECES_BYTES_MAX, SPARE_BUFFERS_BYTES_MAX};
use crate::peer::PeerKey;
use crate::units::{BLOCK_LEN, BlockIndex, BlockInfo, ByteLen, PieceIndex};

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

/// A piece that is being fetched.
#[derive(Debug)]
pub struct OpenPiece {
    /// Empty until the first block comes.
    data: Vec<u8>,
    len: u32,
    blocks: Vec<BlockSlot>,
    received: u32,
    unrequested: u32,
    /// Blocks from the start that are all here.
    prefix: u32,
    /// The only peer it may be asked of: it failed its check before, and one sender alone can be blamed.
    pub sole_source: Option<PeerKey>,
}

/// Where a block of an open piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockSlot {
    Missing,
    /// Asked of that many peers at once.
    Requested(u8),
    Received(PeerKey),
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

impl OpenPiece {
    fn new(len: u32) -> Self {
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
    fn is_untouched(&self) -> bool {
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
    fn senders(&self) -> Vec<PeerKey> {
        let sender = |slot: &BlockSlot| match slot {
            BlockSlot::Received(peer) => Some(*peer),
            BlockSlot::Missing | BlockSlot::Requested(_) => None,
        };
        self.blocks.iter().filter_map(sender).collect()
    }

    /// Takes a sender's blocks out. Says whether there were any, and whether the beginning became shorter.
    fn forget_sender(&mut self, sender: PeerKey) -> (bool, bool) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerKey = PeerKey(1);

    fn store(len: u64) -> Store {
        let layout = Arc::new(TorrentLayout::new(65_536, &[len]).unwrap());
        let have = Bitfield::new_empty(layout.piece_count());
        Store::new(layout, have)
    }

    fn receive_all(store: &mut Store, piece: PieceIndex) {
        for block in store.layout().clone().blocks(piece) {
            store.receive(block, &vec![7; block.len.as_usize()], PEER);
        }
    }

    #[test]
    fn a_liars_blocks_are_forgotten_and_the_rest_stays() {
        let mut store = store(200_000);
        let pieces: Vec<PieceIndex> = store.layout().pieces().collect();
        let blocks: Vec<BlockInfo> = store.layout().blocks(pieces[0]).collect();
        let liar = PeerKey(2);
        for (block, from) in [(0, PEER), (1, liar), (2, PEER)] {
            store.receive(blocks[block], &[7; 16_384], from);
        }
        let other = store.layout().blocks(pieces[1]).nth(2).unwrap();
        store.receive(other, &[7; 16_384], liar);
        assert_eq!(store.forget_sender(liar), [(pieces[0], true), (pieces[1], false)]);
        assert_eq!(store.open_piece(pieces[0]).unwrap().contiguous().len(), 16_384);
        assert_eq!(store.next_unrequested(pieces[0], BlockIndex::new(0)), Some(blocks[1]));
        assert!(matches!(store.state(pieces[1]), PieceState::Missing), "nothing of it is left");
        assert_eq!(store.open_bytes(), 65_536);
        for block in [1, 3] {
            store.receive(blocks[block], &[7; 16_384], PEER);
        }
        assert!(store.start_hashing(pieces[0]).is_some(), "it is complete again");
        assert_eq!(store.senders(pieces[0]), [PEER; 4]);
    }

    #[test]
    fn a_full_disk_begins_no_piece_until_one_is_gone() {
        let mut store = store(300_000);
        let pieces: Vec<PieceIndex> = store.layout().pieces().collect();
        let blocks: Vec<BlockInfo> = pieces.iter().filter_map(|piece| store.layout().blocks(*piece).next()).collect();
        store.set_pieces_max(Some(1));
        receive_all(&mut store, pieces[0]);
        let data = store.start_hashing(pieces[0]).unwrap();
        assert!(store.verified(pieces[0], data));
        assert_eq!(store.next_unrequested(pieces[1], BlockIndex::new(0)), None);
        assert_eq!(store.receive(blocks[1], &[7; 16_384], PEER), Stored::Duplicate, "late data has no place either");
        assert!(store.evict(pieces[0]) && !store.evict(pieces[0]));
        assert!(matches!(store.state(pieces[0]), PieceState::Leaving));
        assert_eq!(store.next_unrequested(pieces[1], BlockIndex::new(0)), None, "its bytes are still on the disk");
        store.evicted(pieces[0]);
        assert!(matches!(store.state(pieces[0]), PieceState::Missing));
        store.request(store.next_unrequested(pieces[1], BlockIndex::new(0)).unwrap());
        assert!(!store.abandon(pieces[1]), "it is asked for");
        store.receive(blocks[1], &[7; 16_384], PEER);
        assert_eq!(store.pieces_on_disk(), 1);
        assert!(store.abandon(pieces[1]));
        assert_eq!((store.pieces_on_disk(), store.open_bytes()), (0, 0));
    }

    #[test]
    fn a_piece_goes_from_missing_to_have() {
        let mut store = store(100_000);
        let piece = store.layout().piece(0).unwrap();
        let blocks: Vec<_> = store.layout().blocks(piece).collect();
        assert!(matches!(store.state(piece), PieceState::Missing));
        for block in &blocks {
            assert_eq!(store.next_unrequested(piece, BlockIndex::new(0)), Some(*block));
            store.request(*block);
        }
        assert!(!store.is_wanting(piece));
        let kept = |grew, complete| Stored::Kept { prefix_grew: grew, complete, asked_of: 1 };
        assert_eq!(store.receive(blocks[1], &[1; 16_384], PEER), kept(false, false));
        assert_eq!(store.receive(blocks[0], &[0; 16_384], PEER), kept(true, false));
        assert_eq!(store.open_piece(piece).unwrap().contiguous().len(), 32_768);
        assert_eq!(store.receive(blocks[0], &[9; 16_384], PEER), Stored::Duplicate);
        assert_eq!(store.start_hashing(piece), None);
        assert_eq!(store.receive(blocks[2], &[2; 16_384], PEER), kept(true, false));
        assert_eq!(store.receive(blocks[3], &[3; 16_384], PEER), kept(true, true));
        let data = store.start_hashing(piece).unwrap();
        assert_eq!((data.len(), data[0], data[20_000], data[65_535]), (65_536, 0, 1, 3));
        assert!(matches!(store.state(piece), PieceState::Hashing));
        assert_eq!(store.receive(blocks[0], &[9; 16_384], PEER), Stored::Duplicate);
        assert!(store.verified(piece, data));
        assert!(matches!(store.state(piece), PieceState::Have));
        assert_eq!(store.open_bytes(), 0);
        assert_eq!(store.verified_bytes(), ByteLen::new(65_536));
    }

    #[test]
    fn a_failed_piece_is_missing_again_and_names_its_senders() {
        let mut store = store(100_000);
        let piece = store.layout().last_piece();
        let blocks: Vec<_> = store.layout().blocks(piece).collect();
        store.receive(blocks[0], &[0; 16_384], PeerKey(2));
        store.receive(blocks[1], &[0; 16_384], PeerKey(1));
        store.receive(blocks[2], &vec![0; blocks[2].len.as_usize()], PeerKey(2));
        let data = store.start_hashing(piece).unwrap();
        assert_eq!(store.senders(piece), [PeerKey(2), PeerKey(1), PeerKey(2)]);
        store.failed(piece, data);
        assert!(matches!(store.state(piece), PieceState::Missing));
        assert_eq!(store.open_bytes(), 0);
    }

    #[test]
    fn of_a_failed_piece_the_blocks_worth_keeping_stay() {
        let mut store = store(100_000);
        let piece = store.layout().last_piece();
        let blocks: Vec<_> = store.layout().blocks(piece).collect();
        let fill = |store: &mut Store| {
            for (block, from) in blocks.iter().zip([2, 1, 2]) {
                store.receive(*block, &vec![from; block.len.as_usize()], PeerKey(from.into()));
            }
            store.start_hashing(piece).unwrap()
        };
        let data = fill(&mut store);
        store.failed_in_part(piece, data, &[Some(PeerKey(2)), None, Some(PeerKey(2))]);
        store.check_invariants();
        let open = store.open_piece(piece).unwrap();
        assert_eq!((open.contiguous(), open.is_half_here()), (&[2; 16_384][..], true));
        assert_eq!(store.next_unrequested(piece, BlockIndex::new(0)), Some(blocks[1]));
        assert_eq!(store.open_bytes(), 100_000 - 65_536);
        store.receive(blocks[1], &[3; 16_384], PeerKey(2));
        let data = store.start_hashing(piece).unwrap();
        assert_eq!((data[0], data[16_384], data[32_768]), (2, 3, 2));
        assert_eq!(store.senders(piece), [PeerKey(2); 3]);
        for kept in [[None; 3], [Some(PeerKey(2)); 3]] {
            let data = if store.senders(piece).is_empty() { fill(&mut store) } else { data.clone() };
            store.failed_in_part(piece, data, &kept);
            assert!(matches!(store.state(piece), PieceState::Missing), "all or nothing of it is as good as nothing");
            assert_eq!(store.open_bytes(), 0);
        }
    }

    #[test]
    fn a_request_taken_back_leaves_nothing_behind() {
        let mut store = store(100_000);
        let piece = store.layout().piece(0).unwrap();
        let block = store.layout().block(piece, BlockIndex::new(2)).unwrap();
        store.request(block);
        store.request(block);
        store.unrequest(block);
        assert!(matches!(store.state(piece), PieceState::Partial(_)));
        store.unrequest(block);
        assert!(matches!(store.state(piece), PieceState::Missing));
        assert_eq!(store.open_bytes(), 0);
    }

    #[test]
    fn odd_blocks_are_not_kept() {
        let mut store = store(100_000);
        let odd = store.layout().check_block(crate::layout::RawBlock { piece: 0, offset: 5, len: 100 }).unwrap();
        assert_eq!(store.receive(odd, &[0; 100], PEER), Stored::Duplicate);
        assert!(matches!(store.state(odd.piece), PieceState::Missing));
    }

    #[test]
    fn the_last_pieces_length_counts_right() {
        let mut store = store(100_000);
        let last = store.layout().last_piece();
        receive_all(&mut store, last);
        let data = store.start_hashing(last).unwrap();
        assert_eq!(data.len(), 34_464);
        store.verified(last, data);
        assert_eq!(store.verified_bytes(), ByteLen::new(34_464));
    }

    #[test]
    fn buffers_are_used_again_at_the_right_length() {
        let mut store = store(100_000);
        let first = store.layout().piece(0).unwrap();
        let last = store.layout().last_piece();
        receive_all(&mut store, last);
        let data = store.start_hashing(last).unwrap();
        store.failed(last, data);
        receive_all(&mut store, first);
        assert_eq!(store.start_hashing(first).unwrap().len(), 65_536);
    }
}
