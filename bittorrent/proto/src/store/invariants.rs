//! What holds of a store at any time; for tests and fuzzing.

use super::{BlockSlot, OpenPiece, PieceState, Store};
use crate::limits::OPEN_PIECES_BYTES_HARD_MAX;
use crate::units::BlockInfo;

impl Store {
    /// Panics when the pieces' states contradict one another.
    pub(crate) fn check_invariants(&self) {
        for piece in self.open.keys() {
            assert!(!self.have.get(piece.get()), "{piece:?} is open and verified");
            assert!(!self.hashing.contains_key(piece), "{piece:?} is open and being hashed");
        }
        for piece in self.hashing.keys() {
            assert!(!self.have.get(piece.get()), "{piece:?} is hashed and verified");
        }
        for piece in &self.leaving {
            assert!(!self.have.get(piece.get()), "{piece:?} is given up and here");
            assert!(!self.open.contains_key(piece), "{piece:?} is given up and open");
            assert!(!self.hashing.contains_key(piece), "{piece:?} is given up and hashed");
        }
        let open: u64 = self.open.values().map(|open| u64::from(open.len)).sum();
        let hashing: u64 = self.hashing.keys().map(|piece| self.layout.piece_len(*piece).get()).sum();
        assert_eq!(self.open_bytes, open + hashing, "memory of open pieces");
        assert!(self.open_bytes <= OPEN_PIECES_BYTES_HARD_MAX, "{} bytes of open pieces", self.open_bytes);
        for (piece, open) in &self.open {
            assert_eq!(u64::from(open.len), self.layout.piece_len(*piece).get(), "{piece:?}");
            open.check_invariants();
        }
    }

    /// Of how many peers a block is being asked.
    pub(crate) fn asked_of(&self, block: BlockInfo) -> u8 {
        match self.state(block.piece) {
            PieceState::Partial(open) => match open.blocks[block.index().as_usize()] {
                BlockSlot::Requested(count) => count,
                BlockSlot::Missing | BlockSlot::Received(_) => 0,
            },
            PieceState::Missing | PieceState::Hashing | PieceState::Have | PieceState::Leaving => 0,
        }
    }
}

impl OpenPiece {
    fn check_invariants(&self) {
        let count = |which: fn(&BlockSlot) -> bool| self.blocks.iter().filter(|slot| which(slot)).count();
        let received = count(|slot| matches!(slot, BlockSlot::Received(_)));
        assert_eq!(self.received as usize, received, "blocks received");
        assert_eq!(self.unrequested as usize, count(|slot| *slot == BlockSlot::Missing), "blocks not asked for");
        assert_eq!(count(|slot| *slot == BlockSlot::Requested(0)), 0, "asked of nobody");
        assert!(received < self.blocks.len(), "a complete piece is hashed");
        assert!(self.data.len() == self.len as usize || (received == 0 && self.data.is_empty()));
        let prefix = self.blocks.iter().take_while(|slot| matches!(slot, BlockSlot::Received(_))).count();
        assert_eq!(self.prefix as usize, prefix, "blocks from the start");
    }
}
