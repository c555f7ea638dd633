//! Gives the room of pieces back to the disk, and keeps everybody from reading them meanwhile.

use std::io;
use std::sync::PoisonError;

use bittorrent_proto::units::ByteRange;

use super::{Action, Handle, Place, Storage, StorageError};

impl Storage {
    /// As [`Storage::read`], if `is_here` holds. No piece is given up between that look and the end of the read, so what comes
    /// back is what was verified. `None`: it does not hold.
    pub(crate) fn read_if(
        &self,
        range: ByteRange,
        is_here: impl FnOnce() -> bool,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let _reading = self.giving_up.read().unwrap_or_else(PoisonError::into_inner);
        if !is_here() {
            return Ok(None);
        }
        let mut data = Vec::new();
        self.read(range, &mut data).map(|()| Some(data))
    }

    /// Makes a hole in the place of a range that nobody counts as verified any more. Waits for those who read.
    ///
    /// # Errors
    /// Where the file system knows no holes, or the file cannot be written; then the bytes may still be there.
    pub(crate) fn give_up(&self, range: ByteRange) -> Result<(), StorageError> {
        let _alone = self.giving_up.write().unwrap_or_else(PoisonError::into_inner);
        for slice in self.layout.file_slices(range) {
            match self.place(slice) {
                Place::Pad => {}
                Place::Download { .. } => {
                    let handle = self.writable(slice)?;
                    let made = make_hole(&handle, slice.range);
                    self.touch(slice.file);
                    made.map_err(|source| self.io_error(slice, Action::Write, source))?;
                }
                Place::Seeded(_) => unreachable!("only a download is bounded"),
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn make_hole(handle: &Handle, range: ByteRange) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(&handle.file, flags, range.start, range.len().get())?)
}

/// Other systems have ways of their own, which nobody has tried here.
#[cfg(not(target_os = "linux"))]
fn make_hole(_: &Handle, _: ByteRange) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
