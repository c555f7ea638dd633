//! Bytes that came and are not understood yet, and the few ways in which a handshake takes them.

use super::MseError;
use crate::limits::MSE_PAD_LEN_MAX;

/// "Verification constant": what the first encrypted bytes are.
pub(super) const CONSTANT: [u8; 8] = [0; 8];

/// Bit of the methods field: the payload is not encrypted.
pub(super) const PLAINTEXT: u32 = 1;

/// And: it is, with RC4.
pub(super) const RC4: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// Where a search goes on: nothing that is sought begins before.
    searched: usize,
}

impl Pending {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The next bytes, when they are all here.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.bytes.first_chunk()?;
        self.bytes.drain(..N);
        Some(taken)
    }

    /// The same for a length of the other side's, which was held against its bound before.
    pub(super) fn take_vec(&mut self, len: usize) -> Option<Vec<u8>> {
        (self.bytes.len() >= len).then(|| self.bytes.drain(..len).collect())
    }

    /// Everything.
    pub(super) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Drops a padding and the mark that ends it; false when the mark has not come yet.
    pub(super) fn skip_past(&mut self, mark: &[u8]) -> Result<bool, MseError> {
        let end = self.bytes.len().min(MSE_PAD_LEN_MAX + mark.len());
        let found = self.bytes[self.searched.min(end)..end].windows(mark.len()).position(|window| window == mark);
        if let Some(at) = found {
            self.bytes.drain(..self.searched + at + mark.len());
            self.searched = 0;
            return Ok(true);
        }
        if end == MSE_PAD_LEN_MAX + mark.len() {
            return Err(MseError::NotSynchronised);
        }
        self.searched = (end + 1).saturating_sub(mark.len());
        Ok(false)
    }
}

/// A padding's length, once it is known to be allowed.
pub(super) fn pad_len(field: [u8; 2]) -> Result<usize, MseError> {
    let len = u16::from_be_bytes(field);
    if usize::from(len) > MSE_PAD_LEN_MAX { Err(MseError::PadTooLong(len)) } else { Ok(usize::from(len)) }
}

/// A padding with its length before it.
pub(super) fn with_len(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("paddings and handshakes of ours are below a KiB");
    [&len.to_be_bytes()[..], bytes].concat()
}
