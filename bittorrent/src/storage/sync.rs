//! What of a download's files is safe on the disk, and what they look like from outside.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::PoisonError;

use bittorrent_proto::resume::Stamp;
use bittorrent_proto::units::FileIndex;

use super::{Action, Place, Storage, StorageError, below};

/// What a sync was about.
#[derive(Debug, Default)]
pub(crate) struct Synced {
    /// The files, and how they look now.
    pub(crate) stamps: Vec<(FileIndex, Option<Stamp>)>,
    /// One of them that somebody removed.
    pub(crate) gone: Option<PathBuf>,
}

impl Storage {
    /// How each file of the layout looks now; `None` for one that is not there, and for pad files.
    pub(crate) fn stamps(&self) -> Vec<Option<Stamp>> {
        let look = |place: &Place| match place {
            Place::Pad | Place::Seeded(_) => None,
            Place::Download { parts } => {
                let file = below::open(&self.root, parts).ok()?;
                stamp_of(&file.metadata().ok()?)
            }
        };
        self.places.iter().map(look).collect()
    }

    /// Waits until everything that was written, or found by hashing, before this call is durable. Blocks for as long as
    /// the disk takes; costs one open file at a time.
    ///
    /// After an error nothing may be claimed of what was written: the system forgets which bytes it could not write.
    pub(crate) fn sync(&self) -> Result<Synced, StorageError> {
        let touched = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        let mut synced = Synced { stamps: Vec::with_capacity(touched.len()), gone: None };
        for file in touched {
            let Place::Download { parts } = &self.places[file.as_usize()] else { continue };
            let failed =
                |source| StorageError::Io { path: below::joined(&self.root, parts), action: Action::Sync, source };
            // The handle that wrote may be closed by now; the system syncs the file, whoever wrote it.
            let handle = self.handles.get(file, false);
            let found = match &handle {
                Some(handle) => handle.file.sync_all().and_then(|()| handle.file.metadata()).map_err(failed)?,
                None => match below::open(&self.root, parts) {
                    Ok(file) => file.sync_all().and_then(|()| file.metadata()).map_err(failed)?,
                    // Somebody removed it. What it held is claimed in vain, which a missing file tells later.
                    Err(error) if error.is_missing() => {
                        synced.stamps.push((file, None));
                        synced.gone.get_or_insert_with(|| below::joined(&self.root, parts));
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            if found.nlink() == 0 {
                // Open still, and lost when it is closed.
                synced.stamps.push((file, None));
                synced.gone.get_or_insert_with(|| below::joined(&self.root, parts));
                continue;
            }
            self.sync_names(file, parts)?;
            synced.stamps.push((file, stamp_of(&found)));
        }
        Ok(synced)
    }

    /// The first time a file is synced, its name is, too.
    fn sync_names(&self, file: FileIndex, parts: &[String]) -> Result<(), StorageError> {
        let named = || self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named().contains(&file) {
            return Ok(());
        }
        match below::sync_names(&self.root, parts) {
            Ok(()) => {
                named().insert(file);
                Ok(())
            }
            // Its folder was moved away, and the file with it, open still.
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Bytes that a download takes of its disk; what is still a hole takes none.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        // POSIX leaves the unit of `st_blocks` open; every system here counts 512 bytes.
        let bytes = |place: &Place| match place {
            Place::Pad | Place::Seeded(_) => None,
            Place::Download { parts } => {
                Some(below::open(&self.root, parts).ok()?.metadata().ok()?.blocks().saturating_mul(512))
            }
        };
        self.places.iter().filter_map(bytes).sum()
    }

    /// Notes that the file may hold bytes that only the page cache knows. To be called after the write: a sync in between
    /// would otherwise take the note and miss the bytes.
    pub(super) fn touch(&self, file: FileIndex) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(file);
    }
}

/// `None` for a time beyond the year 2262, which is no time anybody wrote at.
fn stamp_of(metadata: &Metadata) -> Option<Stamp> {
    let modified_ns = metadata.mtime().checked_mul(1_000_000_000)?.checked_add(metadata.mtime_nsec())?;
    Some(Stamp { size: metadata.len(), modified_ns })
}

/// Files of a kind, such as those with bytes that may not be durable; at most one entry a file.
pub(super) type Touched = std::sync::Mutex<BTreeSet<FileIndex>>;
