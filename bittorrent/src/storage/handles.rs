//! The few files that are open at once.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bittorrent_proto::units::FileIndex;

/// Open files of a torrent at most. A torrent of ten thousand files must not use up the process's descriptors, of which
/// many systems grant 1024; a film is one file, or a few with its subtitles.
pub(super) const OPEN_MAX: usize = 16;

/// An open file. Positional I/O needs no more than sharing it.
pub(super) struct Handle {
    pub(super) file: File,
    pub(super) writable: bool,
}

/// Open files by their place in the torrent, the least recently used closed first. The mutex is held for the look-up only;
/// opening and closing, which may wait for a disk, happen outside.
///
/// Invariant: at most [`OPEN_MAX`], no file twice, the most recently used last.
#[derive(Default)]
pub(super) struct Handles {
    open: Mutex<Vec<(FileIndex, Arc<Handle>)>>,
}

impl Handles {
    /// An open file, writable if asked for.
    pub(super) fn get(&self, file: FileIndex, writable: bool) -> Option<Arc<Handle>> {
        let mut open = self.lock();
        let at = open.iter().position(|(index, handle)| *index == file && (handle.writable || !writable))?;
        let entry = open.remove(at);
        let handle = entry.1.clone();
        open.push(entry);
        Some(handle)
    }

    /// Keeps what was just opened. When somebody else was quicker, both work, and the one that can write stays.
    pub(super) fn insert(&self, file: FileIndex, handle: Handle) -> Arc<Handle> {
        let handle = Arc::new(handle);
        let mut open = self.lock();
        let closed = match open.iter().position(|(index, _)| *index == file) {
            Some(at) if open[at].1.writable && !handle.writable => return open[at].1.clone(),
            Some(at) => Some(open.remove(at)),
            None if open.len() >= OPEN_MAX => Some(open.remove(0)),
            None => None,
        };
        open.push((file, handle.clone()));
        drop(open);
        drop(closed);
        handle
    }

    /// Closes all, as soon as nobody is using them.
    pub(super) fn clear(&self) {
        let closed = std::mem::take(&mut *self.lock());
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(FileIndex, Arc<Handle>)>> {
        // Nothing that could panic happens in between, so what is behind it is whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(writable: bool) -> Handle {
        Handle { file: tempfile::tempfile().unwrap(), writable }
    }

    fn index(n: usize) -> FileIndex {
        FileIndex(u32::try_from(n).unwrap())
    }

    #[test]
    fn the_least_recently_used_is_closed_first() {
        let handles = Handles::default();
        for n in 0..OPEN_MAX {
            handles.insert(index(n), handle(false));
        }
        assert!(handles.get(index(0), false).is_some(), "used again");
        handles.insert(index(OPEN_MAX), handle(false));
        assert!(handles.get(index(1), false).is_none());
        assert!(handles.get(index(0), false).is_some());
        assert_eq!(handles.lock().len(), OPEN_MAX);
    }

    #[test]
    fn one_that_can_write_takes_the_place_of_one_that_cannot() {
        let handles = Handles::default();
        handles.insert(index(0), handle(false));
        assert!(handles.get(index(0), true).is_none());
        handles.insert(index(0), handle(true));
        assert!(handles.get(index(0), false).unwrap().writable);
        assert!(handles.insert(index(0), handle(false)).writable, "the reader that came late uses it too");
        assert_eq!(handles.lock().len(), 1);
        handles.clear();
        assert!(handles.get(index(0), false).is_none());
    }
}
