//! When the resume file is written: soon after the first piece, then at most every [`SAVE_EVERY`] while pieces arrive, when
//! the last one is here, and when the torrent ends.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bittorrent_proto::resume::Ledger;
use event_listener::Event;
use futures_lite::FutureExt as _;
use smol::Timer;
use smol::lock::Mutex;

use super::{forget, write};
use crate::events::Failure;
use crate::pool::Lane;
use crate::storage::{StorageError, Synced};
use crate::torrent_task::TorrentTask;

/// Between two saves. A save syncs what was written since the one before: 100 MB at 10 MB/s.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// A torrent's place for what concerns its resume file. A seeded torrent has one too, and never uses it.
#[derive(Default)]
pub(crate) struct Saver {
    /// Nothing before the pieces on the disk are known, and nothing after the disk failed. Locked for as long as a save
    /// takes, so that there is one at a time.
    ledger: Mutex<Option<Ledger>>,
    /// Pieces on their way to the disk.
    writes: Cell<usize>,
    /// One of them arrived.
    written: Event,
    unwanted: Cell<bool>,
    /// The resume file names no piece, and will not in this run.
    names_none: Cell<bool>,
}

impl Saver {
    /// What is on the disk is known: from now on it can be saved.
    pub(crate) async fn begin(&self, ledger: Ledger) {
        *self.ledger.lock().await = Some(ledger);
    }

    /// A piece goes to the disk. [`Saver::write_ends`] comes when it is counted as verified, or will not be.
    pub(crate) fn write_begins(&self) {
        self.writes.set(self.writes.get() + 1);
    }

    pub(crate) fn write_ends(&self) {
        self.writes.set(self.writes.get() - 1);
        self.written.notify(usize::MAX);
    }

    /// The data is about to be deleted: nothing more is saved.
    pub(crate) fn give_up(&self) {
        self.unwanted.set(true);
    }

    /// From now on the resume file names no piece as being here, only what was: pieces are about to be given up. A restart
    /// then hashes what is on the disk, which is no more than the disk's limit.
    ///
    /// # Errors
    /// When it still names them.
    pub(crate) async fn claim_nothing(&self, task: &TorrentTask) -> std::io::Result<()> {
        // No save is under way while this is held.
        let mut ledger = self.ledger.lock().await;
        if self.unwanted.get() {
            return Ok(());
        }
        let (Some(known), false) = (task.shared.known.get(), self.names_none.get()) else { return Ok(()) };
        let ever = task.core.borrow().ever().cloned();
        let (data_dir, metainfo) = (task.order.data_dir.clone(), known.metainfo.clone());
        match ledger.as_mut().zip(ever) {
            Some((ledger, ever)) => {
                ledger.give_up();
                if let Some(claim) = ledger.claim(&ever, &ever, false) {
                    let resume = claim.synced([]);
                    let written = resume.clone();
                    task.shared.pool.run(Lane::Write, move || write(&data_dir, &metainfo, &written)).await?;
                    ledger.written(&resume);
                }
            }
            // The disk failed before: what an earlier run wrote goes.
            None => {
                let infohash = metainfo.infohash;
                let gone =
                    move || forget(&data_dir, infohash).and_then(|()| std::fs::File::open(&data_dir)?.sync_all());
                task.shared.pool.run(Lane::Write, gone).await?;
            }
        }
        self.names_none.set(true);
        Ok(())
    }

    /// The last save, when nothing more arrives. Waits for pieces that are being written, and for the disk.
    pub(crate) async fn finish(&self, task: &TorrentTask) {
        while self.writes.get() > 0 {
            let written = self.written.listen();
            if self.writes.get() > 0 {
                written.await;
            }
        }
        save(task, true).await;
    }
}

/// Saves whenever there is something new, for as long as the torrent runs.
pub(crate) async fn keep_saving(task: Rc<TorrentTask>) {
    loop {
        let changed = task.shared.changed.listen();
        let was_done = task.core.borrow().is_done();
        if save(&task, was_done).await == Outcome::NothingNew {
            changed.await;
            continue;
        }
        let pause = async {
            Timer::after(SAVE_EVERY).await;
        };
        if was_done {
            pause.await;
        } else {
            pause.or(until_done(&task)).await;
        }
    }
}

async fn until_done(task: &TorrentTask) {
    loop {
        let changed = task.shared.changed.listen();
        if task.core.borrow().is_done() {
            return;
        }
        changed.await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    NothingNew,
    Tried,
}

async fn save(task: &TorrentTask, at_rest: bool) -> Outcome {
    let mut place = task.saver.ledger.lock().await;
    // Before anything is synced: pieces that come later are not claimed.
    let (have, ever) = {
        let core = task.core.borrow();
        (core.have().cloned(), core.ever().cloned())
    };
    let (Some(ledger), Some(have), Some(ever), Some(known)) = (place.as_mut(), have, ever, task.shared.known.get())
    else {
        return Outcome::NothingNew;
    };
    if task.saver.unwanted.get() {
        return Outcome::NothingNew;
    }
    let Some(claim) = ledger.claim(&have, &ever, at_rest) else { return Outcome::NothingNew };
    let (storage, metainfo, data_dir) = (known.storage.clone(), known.metainfo.clone(), task.order.data_dir.clone());
    let job = move || {
        // What names no piece needs none of them to be durable.
        let synced = if claim.names_pieces() { storage.sync() } else { Ok(Synced::default()) };
        let synced = synced.inspect_err(|_| {
            // What an earlier save claims may be among what the disk lost. If this fails too, samples are what is left.
            let _ = forget(&data_dir, metainfo.infohash);
        })?;
        let resume = claim.synced(synced.stamps);
        let written = write(&data_dir, &metainfo, &resume);
        Ok::<_, StorageError>((resume, written, synced.gone))
    };
    let infohash = task.shared.infohash;
    match task.shared.pool.run(Lane::Write, job).await {
        Ok((resume, written, gone)) => {
            ledger.synced(&resume);
            match written {
                Ok(()) => ledger.written(&resume),
                Err(error) => log::warn!("{infohash}: the resume file could not be written: {error}"),
            }
            if let Some(mark) = task.mark.borrow().as_ref() {
                mark.touch();
            }
            if let Some(path) = gone {
                let reason = format!("{} was deleted while it was fetched", path.display());
                task.fail(Failure::Disk { path, reason });
            }
        }
        Err(error) => {
            log::warn!("{infohash}: a restart will read everything again: {error}");
            // A later sync says "all is well" of bytes that are lost: nothing is claimed any more in this run.
            *place = None;
        }
    }
    Outcome::Tried
}
