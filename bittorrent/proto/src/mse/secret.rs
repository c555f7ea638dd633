//! What follows from the shared secret: marks in the stream, and keys.

use std::fmt;

use super::Cipher;
use crate::infohash::Infohash;

/// The shared number S, 96 bytes.
#[derive(Clone, Copy)]
pub(super) struct Secret([u8; 96]);

/// The torrent that somebody asks for, as only who has it can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted([u8; 20]);

impl Secret {
    pub(super) const fn new(bytes: [u8; 96]) -> Self {
        Self(bytes)
    }

    /// What ends the first padding of who connects: H("req1" S).
    pub(super) fn mark(&self) -> [u8; 20] {
        hash(&[b"req1", &self.0])
    }

    /// What says which torrent: H("req2" SKEY) xor H("req3" S).
    pub(super) fn ask(&self, infohash: Infohash) -> [u8; 20] {
        xor(Wanted::of(infohash).0, hash(&[b"req3", &self.0]))
    }

    /// The reverse of [`Self::ask`].
    pub(super) fn asked(&self, ask: [u8; 20]) -> Wanted {
        Wanted(xor(ask, hash(&[b"req3", &self.0])))
    }

    /// The stream from who connects.
    pub(super) fn cipher_a(&self, infohash: Infohash) -> Cipher {
        Cipher::new(hash(&[b"keyA", &self.0, infohash.as_bytes()]))
    }

    /// The stream from who is connected to.
    pub(super) fn cipher_b(&self, infohash: Infohash) -> Cipher {
        Cipher::new(hash(&[b"keyB", &self.0, infohash.as_bytes()]))
    }
}

/// Nothing of it is shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Wanted {
    /// Whether it is that torrent.
    pub fn is(&self, infohash: Infohash) -> bool {
        *self == Self::of(infohash)
    }

    fn of(infohash: Infohash) -> Self {
        Self(hash(&[b"req2", infohash.as_bytes()]))
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = sha1_smol::Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.digest().bytes()
}

fn xor(mut left: [u8; 20], right: [u8; 20]) -> [u8; 20] {
    left.iter_mut().zip(right).for_each(|(left, right)| *left ^= right);
    left
}
