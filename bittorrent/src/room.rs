//! Room on the disk: looked for before a download begins and when a write finds none. Fetching pauses meanwhile; what is
//! here is served and played.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::torrent::{Begin, DiskDone, Input};
use bittorrent_proto::units::PieceIndex;
use smol::Timer;

use crate::config::Fetch;
use crate::events::{Failure, TorrentEvent, Trouble};
use crate::keeper::Mark;
use crate::limits::{DISK_ASKED_EVERY, WRITE_TRIED_AT_LEAST_EVERY};
use crate::pool::Lane;
use crate::storage::StorageError;
use crate::torrent_task::TorrentTask;

/// A download of only what readers need begins, and goes on, with this much room: a minute of a large film.
const AS_NEEDED_LEN: u64 = 64 << 20;

impl TorrentTask {
    /// Begins to fetch, or pauses at once when what is to come does not fit.
    pub(crate) async fn begin_download(self: &Rc<Self>, begin: Begin) {
        // Nothing is asked for before it is known whether it fits; what is here is served already. Requests that are taken
        // back at once would cost a viewer the first blocks twice.
        self.input(Input::Begin(begin));
        if self.missing().await.0 > 0 {
            self.pause_for_room(0);
        } else {
            self.input(Input::Pause(false));
        }
        self.trackers.look_again();
    }

    /// Nobody is to delete it from now on.
    pub(crate) async fn mark_used(&self, metainfo: &Metainfo) {
        let (data_dir, infohash) = (self.order.data_dir.clone(), metainfo.infohash);
        match self.shared.pool.run(Lane::Write, move || Mark::take(&data_dir, infohash)).await {
            Ok(mark) => *self.mark.borrow_mut() = Some(mark),
            Err(error) => log::warn!("{infohash}: when it was used is not kept: {error}"),
        }
    }

    /// A piece is right and could not be written. It is fetched again.
    pub(crate) fn on_write_failed(self: &Rc<Self>, piece: PieceIndex, data: Vec<u8>, error: &StorageError) {
        log::warn!("{}: {error}", self.shared.infohash);
        let len = data.len() as u64;
        self.core.borrow_mut().handle_input(Instant::now(), Input::Pause(true));
        self.input(Input::Disk(DiskDone::WriteFailed { piece, data }));
        if error.is_full() {
            self.pause_for_room(len);
        } else {
            self.fail(Failure::Disk { path: error.path().to_owned(), reason: error.to_string() });
        }
    }

    /// A file was taken away, or changed: nothing more can come of it.
    pub(crate) fn on_storage_error(&self, error: &StorageError) {
        match error {
            StorageError::Changed { path } => self.fail(Failure::SourceChanged { path: path.clone() }),
            StorageError::Io { path, .. }
            | StorageError::NotPlain { path }
            | StorageError::Reserve { path, .. }
            | StorageError::Deleted { path } => {
                if error.is_lasting() {
                    self.fail(Failure::Disk { path: path.clone(), reason: error.to_string() });
                }
            }
            StorageError::Name { .. } => {}
        }
    }

    /// A piece was written. If writes had found no room where free space says that there is some, this is what shows
    /// that there is room again.
    pub(crate) fn on_written(&self) {
        if !self.is_disk_full() && self.writes_refused.replace(0) > 0 {
            self.shared.tell(&TorrentEvent::Trouble(Trouble::DiskHasRoom));
        }
    }

    /// `refused`: bytes that a write found no room for, whatever free space says. A quota is not seen there, nor are
    /// names that a disk has no place for.
    fn pause_for_room(self: &Rc<Self>, refused: u64) {
        if !self.disk_full.replace(true) {
            self.input(Input::Pause(true));
            self.spawn(self.clone().wait_for_room(refused));
        }
    }

    async fn wait_for_room(self: Rc<Self>, refused: u64) {
        // Tried in vain before: it was told then, and only a write that succeeds is news.
        let mut told = self.writes_refused.get() > 0;
        let mut rest = pause_before_write(self.writes_refused.get());
        // Whether free space alone explains it, and so can end it.
        let mut is_seen = false;
        loop {
            let (missing, made_room) = self.missing().await;
            is_seen |= missing > 0;
            if missing == 0 && (made_room || refused == 0 || rest.is_zero()) {
                break;
            }
            if !told {
                told = true;
                let missing = missing.max(refused);
                crate::report::publish(&self, Instant::now());
                self.shared.tell(&TorrentEvent::Trouble(Trouble::DiskFull { missing }));
            }
            Timer::after(DISK_ASKED_EVERY).await;
            rest = rest.saturating_sub(DISK_ASKED_EVERY);
        }
        self.disk_full.set(false);
        if is_seen && told {
            self.writes_refused.set(0);
            self.shared.tell(&TorrentEvent::Trouble(Trouble::DiskHasRoom));
        } else if refused > 0 && told {
            self.writes_refused.set(self.writes_refused.get().saturating_add(1));
        }
        self.input(Input::Pause(false));
    }

    /// Bytes missing for all that is to be fetched, and whether old downloads went for it just now.
    async fn missing(&self) -> (u64, bool) {
        let Some(known) = self.shared.known.get() else { return (0, false) };
        let lacking = self.core.borrow().lacking_bytes().get();
        let needed = match self.order.fetch {
            Fetch::All => lacking,
            Fetch::AsNeeded => lacking.min(AS_NEEDED_LEN),
        };
        let measure = || {
            let storage = known.storage.clone();
            // A disk that cannot be measured can perhaps be written to: the write tells.
            let missing = move || storage.room().map_or(0, |room| room.missing_for(needed));
            self.shared.pool.run(Lane::Read, missing)
        };
        let missing = measure().await;
        if needed == 0 || missing == 0 || !self.surroundings.keeper.make_room(&self.shared.pool, needed).await {
            return (if needed == 0 { 0 } else { missing }, false);
        }
        (measure().await, true)
    }
}

/// How long a download rests before it tries to write again: each attempt costs the pieces that were on their way.
fn pause_before_write(refused_before: u32) -> Duration {
    DISK_ASKED_EVERY.saturating_mul(1 << refused_before.min(16)).min(WRITE_TRIED_AT_LEAST_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_finds_no_room_is_tried_less_and_less() {
        let seconds: Vec<u64> = (0..6).map(|refused| pause_before_write(refused).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 60, 60]);
        assert_eq!(pause_before_write(u32::MAX), WRITE_TRIED_AT_LEAST_EVERY);
    }
}
