//! A peer's requests that wait for us.

use std::collections::VecDeque;

use crate::limits::UPLOADS_QUEUED_MAX;
use crate::units::{BlockInfo, BlockOffset, ByteLen, PieceIndex};

/// Blocks that lie next to one another in a piece, read from disk in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRun {
    /// The piece.
    pub piece: PieceIndex,
    /// Where the run starts.
    pub offset: BlockOffset,
    /// How long it is; the sum of its blocks.
    pub len: ByteLen,
    /// What was asked for, in order and without gaps.
    pub blocks: Vec<BlockInfo>,
}

/// The queue of one peer, in the order it asked, and the runs being read for it.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    queued: VecDeque<BlockInfo>,
    reading: Vec<BlockInfo>,
    reading_bytes: ByteLen,
}

impl Uploads {
    /// Queues a request. False when the queue is full or the block waits already.
    pub fn push(&mut self, block: BlockInfo) -> bool {
        // A repeat of the last one is the only repeat a mistaken client sends; others cost it only its own turn.
        if self.queued.len() >= UPLOADS_QUEUED_MAX || self.queued.back() == Some(&block) {
            return false;
        }
        self.queued.push_back(block);
        true
    }

    /// Takes a request back. True when it will not be answered with data any more.
    pub fn cancel(&mut self, block: BlockInfo) -> bool {
        if let Some(at) = self.queued.iter().position(|queued| *queued == block) {
            self.queued.remove(at);
            return true;
        }
        match self.reading.iter().position(|reading| *reading == block) {
            Some(at) => {
                self.reading.swap_remove(at);
                true
            }
            None => false,
        }
    }

    /// Forgets everything, and returns it: we choke the peer. What is being read will not be sent.
    pub fn drop_all(&mut self) -> Vec<BlockInfo> {
        self.reading.drain(..).chain(self.queued.drain(..)).collect()
    }

    /// How many requests wait.
    #[cfg(any(test, feature = "testing"))]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// The pieces of which something is being read from disk.
    pub fn pieces_being_read(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.reading.iter().map(|block| block.piece)
    }

    /// Takes back what waits of a piece, and returns it: the piece is here no more.
    pub fn drop_piece(&mut self, piece: PieceIndex) -> Vec<BlockInfo> {
        let (dropped, kept) = self.queued.drain(..).partition(|block| block.piece == piece);
        self.queued = kept;
        Vec::from(dropped)
    }

    /// Whether a request waits.
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Bytes being read from disk.
    pub fn reading_bytes(&self) -> ByteLen {
        self.reading_bytes
    }

    /// The next run to read: from the front, as long as each block follows the one before and `len_max` is not passed.
    pub fn next_run(&mut self, len_max: ByteLen) -> Option<UploadRun> {
        let first = self.queued.pop_front()?;
        let mut run = UploadRun { piece: first.piece, offset: first.offset, len: first.len, blocks: vec![first] };
        while let Some(next) = self.queued.front() {
            let follows =
                next.piece == run.piece && u64::from(next.offset.get()) == u64::from(run.offset.get()) + run.len.get();
            if !follows || run.len + next.len > len_max {
                break;
            }
            run.len += next.len;
            run.blocks.push(*next);
            self.queued.pop_front();
        }
        self.reading.extend_from_slice(&run.blocks);
        self.reading_bytes += run.len;
        Some(run)
    }

    /// A run came from disk, or could not be read. Says block by block whether it is still owed.
    pub fn run_read(&mut self, run: &UploadRun) -> Vec<bool> {
        self.reading_bytes = self.reading_bytes - run.len;
        run.blocks
            .iter()
            .map(|block| match self.reading.iter().position(|reading| reading == block) {
                Some(at) => {
                    self.reading.swap_remove(at);
                    true
                }
                None => false,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::TorrentLayout;
    use crate::units::BlockIndex;

    fn block(piece: u32, index: u32) -> BlockInfo {
        let layout = TorrentLayout::new(1 << 20, &[1 << 24]).unwrap();
        layout.block(layout.piece(piece).unwrap(), BlockIndex::new(index)).unwrap()
    }

    #[test]
    fn neighbours_are_read_together() {
        let mut uploads = Uploads::default();
        for asked in [block(0, 0), block(0, 1), block(0, 3), block(1, 0)] {
            assert!(uploads.push(asked));
        }
        let run = uploads.next_run(ByteLen::new(1 << 20)).unwrap();
        assert_eq!(run.blocks, [block(0, 0), block(0, 1)]);
        assert_eq!(run.len, ByteLen::new(32_768));
        assert_eq!(uploads.reading_bytes(), run.len);
        assert_eq!(uploads.next_run(ByteLen::new(1 << 20)).unwrap().blocks, [block(0, 3)]);
        assert_eq!(uploads.run_read(&run), [true, true]);
    }

    #[test]
    fn a_run_keeps_to_its_bound() {
        let mut uploads = Uploads::default();
        for index in 0..10 {
            uploads.push(block(0, index));
        }
        assert_eq!(uploads.next_run(ByteLen::new(40_000)).unwrap().blocks.len(), 2);
    }

    #[test]
    fn what_was_cancelled_while_read_is_not_sent() {
        let mut uploads = Uploads::default();
        uploads.push(block(0, 0));
        uploads.push(block(0, 1));
        let run = uploads.next_run(ByteLen::new(1 << 20)).unwrap();
        assert!(uploads.cancel(block(0, 0)));
        assert!(!uploads.cancel(block(0, 0)));
        assert_eq!(uploads.run_read(&run), [false, true]);
    }

    #[test]
    fn a_piece_that_is_gone_is_not_read_any_more() {
        let mut uploads = Uploads::default();
        for asked in [block(0, 0), block(1, 0), block(0, 1), block(2, 0)] {
            assert!(uploads.push(asked));
        }
        uploads.next_run(ByteLen::new(1 << 20)).unwrap();
        assert_eq!(uploads.pieces_being_read().collect::<Vec<_>>(), [block(0, 0).piece]);
        assert_eq!(uploads.drop_piece(block(0, 0).piece), [block(0, 1)]);
        assert_eq!(uploads.next_run(ByteLen::new(1 << 20)).unwrap().blocks, [block(1, 0)]);
        assert_eq!(uploads.drop_all().len(), 3);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut uploads = Uploads::default();
        let mut accepted = 0;
        for piece in 0..16 {
            for index in 0..64 {
                accepted += usize::from(uploads.push(block(piece, index)));
            }
        }
        assert_eq!(accepted, UPLOADS_QUEUED_MAX);
        assert_eq!(uploads.drop_all().len(), UPLOADS_QUEUED_MAX);
        assert!(uploads.is_empty());
    }
}
