//! What of a download's files is safe on the disk, and what they look like from outside.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::PoisonError;

use bittorrent_proto::units::FileIndex;

use super::{Action, Place, Storage, StorageError, below};

/// A file's length and time of change: the same again means that nobody wrote to it, unless they hid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Bytes of the file on the disk, holes included.
    pub(crate) size: u64,
    /// When it was last written, in nanoseconds since 1970, as the file system counts.
    pub(crate) modified_ns: i64,
}

impl Stamp {
    /// `None` for a time beyond the year 2262, which is no time anybody wrote at.
    fn of(metadata: &Metadata) -> Option<Self> {
        let modified_ns = metadata.mtime().checked_mul(1_000_000_000)?.checked_add(metadata.mtime_nsec())?;
        Some(Self { size: metadata.len(), modified_ns })
    }
}

impl Storage {
    /// How each file of the layout looks now; `None` for one that is not there, and for pad files.
    pub(crate) fn stamps(&self) -> Vec<Option<Stamp>> {
        let look = |place: &Place| match place {
            Place::Pad | Place::Seeded(_) => None,
            Place::Download { parts } => {
                let file = below::open(&self.root, parts).ok()?;
                Stamp::of(&file.metadata().ok()?)
            }
        };
        self.places.iter().map(look).collect()
    }

    /// Waits until everything that was written, or found by hashing, before this call is durable. Blocks for as long as
    /// the disk takes; costs one open file at a time. Returns the files it was about and how they look now.
    ///
    /// After an error nothing may be claimed of what was written: the system forgets which bytes it could not write.
    pub(crate) fn sync(&self) -> Result<Vec<(FileIndex, Option<Stamp>)>, StorageError> {
        let touched = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        let mut stamps = Vec::with_capacity(touched.len());
        for file in touched {
            let Place::Download { parts } = &self.places[file.as_usize()] else { continue };
            let failed =
                |source| StorageError::Io { path: below::joined(&self.root, parts), action: Action::Sync, source };
            // The handle that wrote may be closed by now; the system syncs the file, whoever wrote it.
            let handle = self.handles.get(file, false);
            let stamp = match &handle {
                Some(handle) => handle.file.sync_all().and_then(|()| handle.file.metadata()).map_err(failed)?,
                None => match below::open(&self.root, parts) {
                    Ok(file) => file.sync_all().and_then(|()| file.metadata()).map_err(failed)?,
                    // Somebody removed it. What it held is claimed in vain, which a missing file tells later.
                    Err(error) if error.is_missing() => {
                        stamps.push((file, None));
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            stamps.push((file, Stamp::of(&stamp)));
        }
        Ok(stamps)
    }

    /// Notes that the file may hold bytes that only the page cache knows. To be called after the write: a sync in between
    /// would otherwise take the note and miss the bytes.
    pub(super) fn touch(&self, file: FileIndex) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(file);
    }
}

/// Files with bytes that may not be durable; at most one entry a file.
pub(super) type Touched = std::sync::Mutex<BTreeSet<FileIndex>>;
