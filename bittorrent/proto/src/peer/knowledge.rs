//! What a peer has, also before we know how many pieces there are.

use crate::bitfield::Bitfield;
use crate::error::PeerMisbehaved;
use crate::limits::PIECE_COUNT_MAX;

/// Single announcements kept while the piece count is unknown: 256 KiB a peer. A film rarely has more pieces, and some
/// clients announce each by itself.
const EARLY_HAVES_MAX: usize = 65_536;

/// What a peer said it has.
///
/// Until the metadata is here a bitfield cannot be checked, so it is kept as it came.
#[derive(Clone, Debug)]
pub(super) enum Knowledge {
    /// The piece count is unknown.
    Early { set: EarlySet, haves: Vec<u32> },
    /// Checked against the layout.
    Known(Bitfield),
}

/// The first word about pieces, before the piece count is known.
#[derive(Clone, Debug)]
pub(super) enum EarlySet {
    Nothing,
    All,
    Bits(Vec<u8>),
}

impl Knowledge {
    pub(super) const fn new() -> Self {
        Self::Early { set: EarlySet::Nothing, haves: Vec::new() }
    }

    /// The checked set, once there is one.
    pub(super) fn bits(&self) -> Option<&Bitfield> {
        match self {
            Self::Early { .. } => None,
            Self::Known(bits) => Some(bits),
        }
    }

    pub(super) fn bits_mut(&mut self) -> Option<&mut Bitfield> {
        match self {
            Self::Early { .. } => None,
            Self::Known(bits) => Some(bits),
        }
    }

    /// A first word while the piece count is unknown.
    pub(super) fn set_early(&mut self, new: EarlySet) {
        if let Self::Early { set, .. } = self {
            *set = new;
        }
    }

    /// A single announcement while the piece count is unknown.
    pub(super) fn have_early(&mut self, index: u32) -> Result<(), PeerMisbehaved> {
        let Self::Early { haves, .. } = self else { return Ok(()) };
        if index >= PIECE_COUNT_MAX {
            return Err(PeerMisbehaved::PieceOutOfRange { index, piece_count: PIECE_COUNT_MAX });
        }
        if haves.len() >= EARLY_HAVES_MAX {
            return Err(PeerMisbehaved::Flood);
        }
        haves.push(index);
        Ok(())
    }

    /// The piece count is known now: checks what was kept.
    pub(super) fn resolve(&mut self, piece_count: u32) -> Result<(), PeerMisbehaved> {
        let Self::Early { set, haves } = self else { return Ok(()) };
        let mut bits = match set {
            EarlySet::Nothing => Bitfield::new_empty(piece_count),
            EarlySet::All => Bitfield::new_full(piece_count),
            EarlySet::Bits(wire) => Bitfield::from_wire(wire, piece_count)?,
        };
        for &index in haves.iter() {
            if index >= piece_count {
                return Err(PeerMisbehaved::PieceOutOfRange { index, piece_count });
            }
            bits.set(index);
        }
        *self = Self::Known(bits);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_words_are_checked_late() {
        let mut knowledge = Knowledge::new();
        knowledge.set_early(EarlySet::Bits(vec![0b1000_0000]));
        knowledge.have_early(2).unwrap();
        knowledge.resolve(5).unwrap();
        let bits = knowledge.bits().unwrap();
        assert!(bits.get(0) && bits.get(2));
        assert_eq!(bits.count_ones(), 2);
    }

    #[test]
    fn a_lie_told_early_is_found() {
        let mut knowledge = Knowledge::new();
        knowledge.set_early(EarlySet::Bits(vec![0, 0]));
        assert!(matches!(knowledge.resolve(5), Err(PeerMisbehaved::BitfieldLength { .. })));
        let mut knowledge = Knowledge::new();
        knowledge.have_early(7).unwrap();
        assert!(knowledge.resolve(7).is_err());
        assert!(knowledge.have_early(u32::MAX).is_err());
    }

    #[test]
    fn early_haves_are_bounded() {
        let mut knowledge = Knowledge::new();
        for _ in 0..EARLY_HAVES_MAX {
            knowledge.have_early(1).unwrap();
        }
        assert_eq!(knowledge.have_early(1), Err(PeerMisbehaved::Flood));
    }
}
