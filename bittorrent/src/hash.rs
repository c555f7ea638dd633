//! The one choice of SHA-1 for what passes through this machine's memory by the gigabyte.
//!
//! The crate `sha1` uses the processor's instructions where there are any: 1.9 GB/s a core against 0.9 without.

use std::collections::BTreeMap;

use bittorrent_proto::units::PieceIndex;
use sha1::{Digest as _, Sha1};

/// SHA-1 over the bytes of a piece, in order.
#[derive(Clone, Default)]
pub(crate) struct PieceHasher {
    sha1: Sha1,
    hashed: usize,
}

impl PieceHasher {
    /// Nothing hashed yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes that follow those before.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha1.update(bytes);
        self.hashed += bytes.len();
    }

    /// How many bytes were taken.
    pub(crate) const fn hashed(&self) -> usize {
        self.hashed
    }

    /// The SHA-1 of all of them.
    pub(crate) fn finish(self) -> [u8; 20] {
        self.sha1.finalize().into()
    }
}

/// Hashes of pieces that are still arriving: each byte is hashed right after it was read, while it is in the cache, and
/// never read again.
///
/// Holds about 120 bytes a piece; as many as the torrent has pieces in flight, who must `take` each.
#[derive(Default)]
pub(crate) struct RunningHashes {
    pieces: BTreeMap<PieceIndex, PieceHasher>,
}

impl RunningHashes {
    /// No pieces.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `contiguous_prefix` is what the piece has without a gap from its first byte on; what is new of it is hashed.
    /// A prefix shorter than an earlier one changes nothing: hashed bytes are final, so a piece whose bytes are fetched
    /// anew must be forgotten first.
    pub(crate) fn feed(&mut self, piece: PieceIndex, contiguous_prefix: &[u8]) {
        let hasher = self.pieces.entry(piece).or_default();
        if let Some(new) = contiguous_prefix.get(hasher.hashed()..) {
            hasher.update(new);
        }
    }

    /// Some of the piece's bytes were thrown away: its hash starts over.
    pub(crate) fn forget(&mut self, piece: PieceIndex) {
        self.pieces.remove(&piece);
    }

    /// Hands over a piece's hash so far, for whoever finishes it. `None`: not one byte was fed.
    pub(crate) fn take(&mut self, piece: PieceIndex) -> Option<PieceHasher> {
        self.pieces.remove(&piece)
    }
}

#[cfg(test)]
mod tests {
    use bittorrent_proto::layout::TorrentLayout;
    use proptest::prelude::*;

    use super::*;

    // FIPS 180-4's example, and the hash of nothing.
    const OF_ABC: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const OF_NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    fn hex(hash: [u8; 20]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn piece() -> PieceIndex {
        TorrentLayout::new(16_384, &[1]).unwrap().last_piece()
    }

    #[test]
    fn known_answers() {
        assert_eq!(hex(PieceHasher::new().finish()), OF_NOTHING);
        let mut hasher = PieceHasher::new();
        hasher.update(b"a");
        hasher.update(b"");
        hasher.update(b"bc");
        assert_eq!(hasher.hashed(), 3);
        assert_eq!(hex(hasher.finish()), OF_ABC);
    }

    #[test]
    fn a_shorter_prefix_changes_nothing_and_taking_starts_over() {
        let mut hashes = RunningHashes::new();
        assert!(hashes.take(piece()).is_none());
        hashes.feed(piece(), b"ab");
        hashes.feed(piece(), b"a");
        hashes.feed(piece(), b"abc");
        assert_eq!(hex(hashes.take(piece()).unwrap().finish()), OF_ABC);
        assert!(hashes.take(piece()).is_none());
        hashes.feed(piece(), b"xyzzy");
        hashes.forget(piece());
        hashes.feed(piece(), b"abc");
        assert_eq!(hex(hashes.take(piece()).unwrap().finish()), OF_ABC);
    }

    proptest! {
        #[test]
        fn prefixes_of_any_lengths_give_the_hash_of_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut hashes = RunningHashes::new();
            for cut in cuts {
                hashes.feed(piece(), &bytes[..cut.index(bytes.len() + 1)]);
            }
            hashes.feed(piece(), &bytes);
            let hasher = hashes.take(piece()).unwrap();
            prop_assert_eq!(hasher.hashed(), bytes.len());
            let mut whole = PieceHasher::new();
            whole.update(&bytes);
            prop_assert_eq!(hasher.finish(), whole.finish());
        }
    }
}
