//! The part of a disk that downloads leave free, and how much of the rest may be written before the system is asked again.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bittorrent_proto::units::ByteLen;
use rustix::io::Errno;

use super::{Action, StorageError};

/// The reserve of a large disk: a desktop and its other programs go on working with it.
const RESERVE_MAX: u64 = 1 << 30;

/// The reserve of a small disk is this part of it, 2 %: a whole GiB would be all of a stick.
const RESERVE_PART: u64 = 50;

/// Bytes written between two questions for free space: at 100 MB/s one question a second.
const UNASKED_MAX: u64 = 64 << 20;

/// What was left of the free space at the last question, a quarter of it at most: near the end the questions come closer,
/// and several torrents on one disk do not together write beyond what each was granted.
const GRANTED_PART: u64 = 4;

/// How full a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that may still be written.
    pub(crate) free: u64,
    /// How many of them are to stay free: 2 % of the disk, 1 GiB at most.
    pub(crate) reserve: u64,
}

impl Room {
    /// The disk that the folder lies on, or will lie on when it is made.
    pub(crate) fn of(folder: &Path) -> Result<Self, StorageError> {
        let mut at = folder;
        loop {
            // An empty path is the current folder, under which a relative one would come to lie.
            let asked = if at.as_os_str().is_empty() { Path::new(".") } else { at };
            match (rustix::fs::statvfs(asked), at.parent()) {
                (Ok(disk), _) => {
                    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
                    return Ok(Self::new(bytes(disk.f_bavail), bytes(disk.f_blocks)));
                }
                // Not made yet: it will lie on the disk of the folder above.
                (Err(Errno::NOENT), Some(above)) => at = above,
                (Err(errno), _) => {
                    let (path, source) = (folder.to_owned(), errno.into());
                    return Err(StorageError::Io { path, action: Action::Measure, source });
                }
            }
        }
    }

    fn new(free: u64, total: u64) -> Self {
        Self { free, reserve: (total / RESERVE_PART).min(RESERVE_MAX) }
    }

    /// Bytes that a download may still write.
    pub(crate) fn spare(self) -> u64 {
        self.free.saturating_sub(self.reserve)
    }

    /// Bytes to be freed before that many can be written; 0: they fit.
    pub(crate) fn missing_for(self, needed: u64) -> u64 {
        needed.saturating_add(self.reserve).saturating_sub(self.free)
    }
}

/// What may be written before free space is asked for again.
#[derive(Debug, Default)]
pub(super) struct Grant(AtomicU64);

impl Grant {
    /// Takes `len` bytes of it; asks `measure` when it is used up. Fails when the reserve would be touched.
    pub(super) fn take(
        &self,
        folder: &Path,
        len: ByteLen,
        measure: impl FnOnce() -> Result<Room, StorageError>,
    ) -> Result<(), StorageError> {
        let len = len.get();
        let take = |left: u64| left.checked_sub(len);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Ok(());
        }
        // A disk that cannot be measured can perhaps be written to: the write tells.
        let Ok(room) = measure() else { return Ok(()) };
        match room.missing_for(len) {
            0 => {
                self.0.store(((room.spare() - len) / GRANTED_PART).min(UNASKED_MAX), Ordering::Relaxed);
                Ok(())
            }
            missing => Err(StorageError::Reserve { path: folder.to_owned(), missing }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_the_smaller_of_the_two() {
        assert_eq!(Room::new(10, 100 << 20).reserve, 2 << 20);
        assert_eq!(Room::new(10, 1 << 40).reserve, 1 << 30);
        let room = Room::new(5 << 20, 100 << 20);
        assert_eq!(room.spare(), 3 << 20);
        assert_eq!((room.missing_for(3 << 20), room.missing_for(4 << 20)), (0, 1 << 20));
        assert_eq!(Room::new(0, 100 << 20).spare(), 0);
        assert_eq!(Room::new(0, 0).missing_for(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_disk_is_asked_again_only_when_the_grant_is_used_up() {
        let grant = Grant::default();
        let asked = std::cell::Cell::new(0);
        let folder = Path::new("films");
        let take = |len: u64, room: Room| {
            grant.take(folder, ByteLen::new(len), || {
                asked.set(asked.get() + 1);
                Ok(room)
            })
        };
        let wide = Room { free: 1 << 40, reserve: 1 << 30 };
        for _ in 0..=64 {
            take(1 << 20, wide).unwrap();
        }
        assert_eq!(asked.get(), 1, "64 MiB beside the one it was asked for");
        take(1 << 20, Room { free: 100 << 20, reserve: 20 << 20 }).unwrap();
        assert_eq!(asked.get(), 2);
        for _ in 0..19 {
            take(1 << 20, wide).unwrap();
        }
        assert_eq!(asked.get(), 2, "a quarter of what is left");
        let full = take(5 << 20, Room { free: 23 << 20, reserve: 20 << 20 });
        assert!(matches!(&full, Err(StorageError::Reserve { missing, .. }) if *missing == 2 << 20), "{full:?}");
        assert!(full.unwrap_err().is_full());
        let unmeasured = || Err(StorageError::Deleted { path: folder.into() });
        grant.take(folder, ByteLen::new(5 << 20), unmeasured).unwrap();
    }
}
