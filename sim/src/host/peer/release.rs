//! A film as a torrent.

use std::sync::Arc;

use bittorrent_proto::create::{self, Contents};
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::units::{ByteRange, PieceIndex};
use sha1_smol::Sha1;

use crate::film::Film;

/// A film, and the metainfo that everybody checks their copy against.
#[derive(Clone, Debug)]
pub struct Release {
    film: Film,
    metainfo: Arc<Metainfo>,
}

impl Release {
    /// Hashes the film in pieces of `piece_len` bytes.
    ///
    /// # Panics
    /// When no torrent can be made of it: an empty film, or a piece length of zero or above the protocol's bounds.
    pub fn new(film: Film, piece_len: u32) -> Self {
        let len = film.len();
        let mut hashes = Vec::new();
        let mut start = 0;
        while start < len.get() {
            let end = (start + u64::from(piece_len)).min(len.get());
            hashes.extend_from_slice(&Sha1::from(film.bytes(ByteRange::new(start, end))).digest().bytes());
            start = end;
        }
        let metainfo = create::metainfo("film.mkv", &Contents::File(len), piece_len, &hashes);
        let metainfo = Arc::new(metainfo.expect("the caller chose a film and pieces that make a torrent"));
        Self { film, metainfo }
    }

    /// The bytes.
    pub const fn film(&self) -> Film {
        self.film
    }

    /// What the torrent says of them.
    pub const fn metainfo(&self) -> &Arc<Metainfo> {
        &self.metainfo
    }

    /// How many pieces it has.
    pub fn piece_count(&self) -> u32 {
        self.metainfo.layout.piece_count()
    }

    /// The right bytes of a piece.
    pub fn piece(&self, piece: PieceIndex) -> Vec<u8> {
        self.film.bytes(self.metainfo.layout.piece_range(piece))
    }
}
