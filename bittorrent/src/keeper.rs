//! How long downloads stay: while used in the last 14 days and while the disk has its reserve. Then the oldest go first, but
//! none of the last day: after a restart it may be the very film that is watched, half of it here.
//!
//! A download is used while it runs; its mark, `<infohash>.used`, has the time of the last use as its time of change, and is
//! locked while it runs. So no other process with the same folder deletes it either. What was not made here is never
//! touched: only what a kept metainfo names is deleted.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::Metainfo;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use smol::channel::Sender;

use crate::events::{ClientEvent, Removed, Why};
use crate::limits::{KEPT_AT_LEAST, KEPT_FOR, KEPT_LOOKED_AT_MAX};
use crate::pool::{Lane, Pool};
use crate::storage::{Room, Storage, StorageError};
use crate::{kept, prepare, resume};

/// The downloads of one folder.
pub(crate) struct Keeper {
    data_dir: PathBuf,
    news: Sender<ClientEvent>,
}

/// That a download is in use, for as long as the value lives.
pub(crate) struct Mark(File);

/// What has to be free when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// The reserve.
    Reserve,
    /// So many bytes beside it. Nothing goes when all that may go would not be enough.
    Room(u64),
}

/// A download that nobody uses.
struct Idle {
    last_used: SystemTime,
    metainfo: Metainfo,
    storage: Storage,
}

impl Keeper {
    pub(crate) const fn new(data_dir: PathBuf, news: Sender<ClientEvent>) -> Self {
        Self { data_dir, news }
    }

    /// Deletes what was not used for too long, and more while the disk lacks its reserve.
    pub(crate) async fn tidy(&self, pool: &Pool) {
        let data_dir = self.data_dir.clone();
        let job = move || tidy(&data_dir, SystemTime::now(), Goal::Reserve);
        self.tell(pool.run(Lane::Bulk, job).await);
    }

    /// Deletes the oldest for a download that needs that many bytes. Says whether anything went.
    pub(crate) async fn make_room(&self, pool: &Pool, needed: u64) -> bool {
        let data_dir = self.data_dir.clone();
        let job = move || tidy(&data_dir, SystemTime::now(), Goal::Room(needed));
        let removed = pool.run(Lane::Write, job).await;
        let any = !removed.is_empty();
        self.tell(removed);
        any
    }

    fn tell(&self, removed: Vec<Removed>) {
        for removed in removed {
            log::info!("{}: deleted, {:?}", removed.infohash, removed.why);
            // Full: the oldest gives way. Nobody listens: nobody is told.
            let _ = self.news.force_send(ClientEvent::Removed(removed));
        }
    }
}

impl Mark {
    /// Marks a download as used now. Waits while somebody deletes it.
    pub(crate) fn take(data_dir: &Path, infohash: Infohash) -> io::Result<Self> {
        fs::create_dir_all(data_dir)?;
        let path = path(data_dir, infohash);
        loop {
            let file = open(&path)?;
            // A file system without locks: then this process alone is expected to use the folder.
            match flock(&file, FlockOperation::LockShared) {
                Ok(()) | Err(Errno::NOTSUP | Errno::NOLCK) => {}
                Err(errno) => return Err(errno.into()),
            }
            // Whoever deleted the download deleted the mark that was waited for.
            if fs::symlink_metadata(&path).is_ok_and(|now| file.metadata().is_ok_and(|ours| ours.ino() == now.ino())) {
                let mark = Self(file);
                mark.touch();
                return Ok(mark);
            }
        }
    }

    /// Used still. Durable with the file system's next turn: a lost minute does not matter among days.
    pub(crate) fn touch(&self) {
        if let Err(error) = self.0.set_modified(SystemTime::now()) {
            log::warn!("when a download was last used is not kept: {error}");
        }
    }
}

/// Deletes a download's files, what was verified of them, and its details, in that order: cut short, it can be done again.
/// What else lies in its folder stays.
pub(crate) fn delete(data_dir: &Path, infohash: Infohash, storage: &Storage) -> Result<(), StorageError> {
    let own = data_dir.join(infohash.to_string());
    // A link in the folder's place is somebody else's, and so is all behind it.
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir());
    if is_link(&own) || is_link(storage.root()) {
        return Err(StorageError::NotPlain { path: own });
    }
    // The claims go before what they claim.
    let forgotten = resume::forget(data_dir, infohash);
    storage.delete()?;
    // Somebody else's files may be in it, or it was never made.
    let _ = fs::remove_dir(&own);
    let forgotten = forgotten.and(kept::forget(data_dir, infohash)).and(remove(&path(data_dir, infohash)));
    if let Err(error) = forgotten {
        log::warn!("{infohash}: the kept details were not removed: {error}");
    }
    Ok(())
}

fn tidy(data_dir: &Path, now: SystemTime, goal: Goal) -> Vec<Removed> {
    let mut idle = idle(data_dir);
    idle.sort_by_key(|idle| idle.last_used);
    // A time in the future is a clock that was wrong: used just now.
    let unused_for = |idle: &Idle| now.duration_since(idle.last_used).unwrap_or_default();
    idle.retain(|idle| unused_for(idle) > KEPT_AT_LEAST);
    let missing = || {
        let room = Room::of(data_dir);
        let needed = match goal {
            Goal::Reserve => 0,
            Goal::Room(needed) => needed,
        };
        room.map_or(0, |room| room.missing_for(needed))
    };
    let may_come: u64 = idle.iter().map(|idle| idle.storage.bytes_on_disk()).sum();
    let in_vain = goal != Goal::Reserve && may_come < missing();
    let mut removed = Vec::new();
    for idle in idle {
        let why = if unused_for(&idle) > KEPT_FOR {
            Why::Unused
        } else if !in_vain && missing() > 0 {
            Why::Room
        } else {
            continue;
        };
        removed.extend(remove_idle(data_dir, &idle, why));
    }
    removed
}

fn remove_idle(data_dir: &Path, idle: &Idle, why: Why) -> Option<Removed> {
    let infohash = idle.metainfo.infohash;
    let mark = open(&path(data_dir, infohash)).ok()?;
    // It runs, here or in another process; or nobody can tell.
    flock(&mark, FlockOperation::NonBlockingLockExclusive).ok()?;
    let bytes = idle.storage.bytes_on_disk();
    match delete(data_dir, infohash, &idle.storage) {
        Ok(()) => Some(Removed { infohash, name: idle.metainfo.name.clone(), bytes, why }),
        Err(error) => {
            log::warn!("{infohash}: not deleted: {error}");
            None
        }
    }
}

/// Every download that has its details, with the time of its last use. Those that run are among them.
fn idle(data_dir: &Path) -> Vec<Idle> {
    let Ok(entries) = fs::read_dir(data_dir) else { return Vec::new() };
    let look = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let infohash = Infohash::from_hex(name.strip_suffix(".torrent")?)?;
        let metainfo = kept::find(data_dir, infohash)?;
        let mark = path(data_dir, infohash);
        let details = kept::path(data_dir, infohash);
        let last_used = fs::symlink_metadata(mark).or_else(|_| fs::symlink_metadata(details)).ok()?.modified().ok()?;
        let storage = Storage::download(prepare::download_root(data_dir, &metainfo), &metainfo).ok()?;
        Some(Idle { last_used, metainfo, storage })
    };
    entries.take(KEPT_LOOKED_AT_MAX).filter_map(look).collect()
}

fn path(data_dir: &Path, infohash: Infohash) -> PathBuf {
    data_dir.join(format!("{infohash}.used"))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
