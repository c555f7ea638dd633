//! Who sent the wrong blocks of a piece that failed its check.
//!
//! A piece from one sender needs no search. Of one from several, a digest of each block is kept with its sender, and when
//! the piece is right at last, whoever sent a block that differs from it is found out: proof, not suspicion. What follows
//! from it is decided in `torrent/blame.rs`. Prose: docs/choking.md.

use std::collections::BTreeMap;

use sha1_smol::Sha1;

use crate::layout::TorrentLayout;
use crate::limits::{EVIDENCE_BLOCKS_MAX, EVIDENCE_TRIES_MAX};
use crate::peer::PeerKey;
use crate::units::{BlockInfo, PieceIndex};

/// Digests of blocks from pieces that failed, until these pieces pass.
///
/// Invariant: at most [`EVIDENCE_BLOCKS_MAX`] digests, and at most [`EVIDENCE_TRIES_MAX`] failures a piece.
#[derive(Debug, Default)]
pub struct Evidence {
    failed: BTreeMap<PieceIndex, Vec<Vec<Sent>>>,
    blocks: usize,
}

/// A block that a peer sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    by: PeerKey,
    digest: [u8; 20],
}

impl Evidence {
    /// A piece that failed: its bytes, and who sent each of its blocks. What there is no room for is not kept: then the
    /// next failure of the piece may tell.
    pub fn record(&mut self, layout: &TorrentLayout, piece: PieceIndex, data: &[u8], senders: &[PeerKey]) {
        let tries = self.failed.get(&piece).map_or(0, Vec::len);
        if tries >= EVIDENCE_TRIES_MAX || self.blocks + senders.len() > EVIDENCE_BLOCKS_MAX {
            return;
        }
        let sent = layout.blocks(piece).zip(senders);
        let sent: Vec<Sent> = sent.map(|(block, by)| Sent { by: *by, digest: digest(block, data) }).collect();
        self.blocks += sent.len();
        self.failed.entry(piece).or_default().push(sent);
    }

    /// Who of those for whom `counts` holds sent each block of `data` in an earlier failure of the piece, byte for byte.
    pub fn said_before(
        &self,
        layout: &TorrentLayout,
        piece: PieceIndex,
        data: &[u8],
        counts: impl Fn(PeerKey) -> bool,
    ) -> Vec<Option<PeerKey>> {
        let tries = self.failed.get(&piece).map_or(&[][..], Vec::as_slice);
        let said = |(index, block): (usize, BlockInfo)| {
            let of_block = || tries.iter().filter_map(|sent| sent.get(index)).filter(|sent: &&Sent| counts(sent.by));
            // Nothing is hashed for nobody.
            of_block().next()?;
            let digest = digest(block, data);
            of_block().find(|sent| sent.digest == digest).map(|sent| sent.by)
        };
        layout.blocks(piece).enumerate().map(said).collect()
    }

    /// A piece passed: `data` are its bytes. Returns who sent something else, each with the first such block. What was kept
    /// of the piece is gone.
    pub fn judge(&mut self, layout: &TorrentLayout, piece: PieceIndex, data: &[u8]) -> Vec<(PeerKey, BlockInfo)> {
        let Some(tries) = self.failed.remove(&piece) else { return Vec::new() };
        self.blocks -= tries.iter().map(Vec::len).sum::<usize>();
        let right: Vec<(BlockInfo, [u8; 20])> =
            layout.blocks(piece).map(|block| (block, digest(block, data))).collect();
        let mut liars = BTreeMap::new();
        for (sent, (block, digest)) in tries.iter().flat_map(|sent| sent.iter().zip(&right)) {
            if sent.digest != *digest {
                liars.entry(sent.by).or_insert(*block);
            }
        }
        liars.into_iter().collect()
    }
}

fn digest(block: BlockInfo, data: &[u8]) -> [u8; 20] {
    let start = block.offset.as_usize();
    // A piece's buffer is as long as the piece; an empty part of a shorter one would only fail to match.
    Sha1::from(data.get(start..start + block.len.as_usize()).unwrap_or_default()).digest().bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PeerKey = PeerKey(1);
    const B: PeerKey = PeerKey(2);
    const C: PeerKey = PeerKey(3);

    fn layout() -> TorrentLayout {
        // Four blocks a piece; the last piece has one, of 100 bytes.
        TorrentLayout::new(65_536, &[2000 * 65_536 + 100]).unwrap()
    }

    /// A piece in which block `n` holds `marks[n]`.
    fn piece(marks: [u8; 4]) -> Vec<u8> {
        marks.iter().flat_map(|mark| [*mark; 16_384]).collect()
    }

    #[test]
    fn who_sent_another_block_is_found_and_nobody_else() {
        let (layout, mut evidence) = (layout(), Evidence::default());
        let at = layout.piece(3).unwrap();
        evidence.record(&layout, at, &piece([1, 2, 9, 4]), &[A, B, C, B]);
        evidence.record(&layout, at, &piece([1, 8, 3, 7]), &[B, A, B, A]);
        let found = evidence.judge(&layout, at, &piece([1, 2, 3, 4]));
        let block = |index| layout.blocks(at).nth(index).unwrap();
        assert_eq!(found, [(A, block(1)), (C, block(2))]);
        assert_eq!(evidence.judge(&layout, at, &piece([0; 4])), [], "it was judged");
    }

    #[test]
    fn who_said_the_same_before_is_known() {
        let (layout, mut evidence) = (layout(), Evidence::default());
        let at = layout.piece(3).unwrap();
        let said = |evidence: &Evidence, marks, counts: &[PeerKey]| {
            evidence.said_before(&layout, at, &piece(marks), |peer| counts.contains(&peer))
        };
        assert_eq!(said(&evidence, [1, 2, 3, 4], &[A, B, C]), [None; 4]);
        evidence.record(&layout, at, &piece([1, 2, 9, 4]), &[A, B, C, B]);
        evidence.record(&layout, at, &piece([1, 8, 3, 7]), &[B, A, B, A]);
        assert_eq!(said(&evidence, [1, 2, 3, 5], &[A, B, C]), [Some(A), Some(B), Some(B), None]);
        assert_eq!(said(&evidence, [1, 8, 9, 4], &[B]), [Some(B), None, None, Some(B)]);
    }

    #[test]
    fn pieces_are_judged_apart_and_the_short_last_block_counts() {
        let (layout, mut evidence) = (layout(), Evidence::default());
        let (first, last) = (layout.piece(0).unwrap(), layout.last_piece());
        evidence.record(&layout, last, &[1; 100], &[A]);
        evidence.record(&layout, first, &piece([1, 2, 3, 9]), &[A, A, A, B]);
        assert_eq!(evidence.judge(&layout, last, &[1; 100]), []);
        let found = evidence.judge(&layout, first, &piece([1, 2, 3, 4]));
        assert_eq!(found.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), [B]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_given_back() {
        let (layout, mut evidence) = (layout(), Evidence::default());
        let pieces: Vec<PieceIndex> = layout.pieces().take(1500).collect();
        for _ in 0..EVIDENCE_TRIES_MAX + 3 {
            evidence.record(&layout, pieces[0], &piece([0; 4]), &[A, B, A, B]);
        }
        assert_eq!(evidence.blocks, 4 * EVIDENCE_TRIES_MAX);
        for piece_at in &pieces {
            evidence.record(&layout, *piece_at, &piece([0; 4]), &[A, B, A, B]);
        }
        assert_eq!(evidence.blocks, EVIDENCE_BLOCKS_MAX);
        for piece_at in &pieces {
            evidence.judge(&layout, *piece_at, &piece([0; 4]));
        }
        assert_eq!((evidence.blocks, evidence.failed.len()), (0, 0));
    }
}
