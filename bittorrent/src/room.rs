//! Room on the disk: looked for before a download begins and when a write finds none. Fetching pauses meanwhile; what is
//! here is served and played.

use std::rc::Rc;
use std::time::Instant;

use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::torrent::{Begin, DiskDone, Input};
use bittorrent_proto::units::PieceIndex;
use smol::Timer;

use crate::config::Fetch;
use crate::events::{Failure, TorrentEvent, Trouble};
use crate::keeper::Mark;
use crate::limits::DISK_ASKED_EVERY;
use crate::pool::Lane;
use crate::storage::StorageError;
use crate::torrent_task::TorrentTask;

/// A download of only what readers need begins, and goes on, with this much room: a minute of a large film.
const AS_NEEDED_LEN: u64 = 64 << 20;

impl TorrentTask {
    /// Begins to fetch, or pauses at once when what is to come does not fit.
    pub(crate) async fn begin_download(self: &Rc<Self>, begin: Begin) {
        // Nothing is asked for before it is known whether it fits; what is here is served already.
        for input in [Input::Begin(begin), Input::Pause(true)] {
            self.core.borrow_mut().handle_input(Instant::now(), input);
        }
        self.pump();
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

    /// `refused`: bytes that a write found no room for, whatever free space says. A quota is not seen there.
    fn pause_for_room(self: &Rc<Self>, refused: u64) {
        if !self.disk_full.replace(true) {
            self.input(Input::Pause(true));
            self.spawn(self.clone().wait_for_room(refused));
        }
    }

    async fn wait_for_room(self: Rc<Self>, refused: u64) {
        let mut told = false;
        loop {
            let (missing, made_room) = self.missing().await;
            if missing == 0 && (told || made_room) {
                break;
            }
            if !told {
                told = true;
                let missing = missing.max(refused);
                crate::report::publish(&self, Instant::now());
                self.shared.tell(&TorrentEvent::Trouble(Trouble::DiskFull { missing }));
            }
            Timer::after(DISK_ASKED_EVERY).await;
        }
        self.disk_full.set(false);
        self.input(Input::Pause(false));
        if told {
            self.shared.tell(&TorrentEvent::Trouble(Trouble::DiskHasRoom));
        }
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
