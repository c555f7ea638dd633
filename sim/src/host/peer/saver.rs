//! A peer's resume file, written as the driver writes it: one thing after the other, so that a crash may come in between.

use std::time::{Duration, Instant};

use bittorrent_proto::resume::{Claim, Ledger, Resume};
use bittorrent_proto::units::ByteLen;

use super::{Job, Peer};
use crate::disk::DiskFault;

/// Between two saves, as in the driver.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// When the next save is due.
#[derive(Debug, Default)]
pub(super) struct Saver {
    /// Nothing before the pieces on the disk are known, where nothing is downloaded, and after a sync failed.
    ledger: Option<Ledger>,
    is_saving: bool,
    /// The last save was a moment ago.
    not_before: Option<Instant>,
    done_seen: bool,
}

/// What is to be done of a save, in this order.
#[derive(Debug)]
pub enum Save {
    /// Sync the film, for what is claimed.
    SyncFilm(Claim),
    /// Write the file under another name.
    Write(Resume),
    /// Sync it.
    Sync(Resume),
    /// Give it its name, in the place of the one before.
    Rename(Resume),
    /// Sync the folder.
    SyncFolder(Resume),
}

impl Saver {
    /// What is on the disk is known: from now on it can be saved.
    pub(super) fn begin(&mut self, ledger: Ledger) {
        self.ledger = Some(ledger);
    }

    /// When to look again whether there is something to save.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.not_before
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.not_before.take_if(|at| *at <= now);
    }
}

impl Peer {
    /// Begins a save when there is something new, and none under way or a moment ago.
    pub(super) fn save_news(&mut self) {
        let (Some(ledger), Some(have), Some(ever)) = (&self.saver.ledger, self.core.have(), self.core.ever()) else {
            return;
        };
        let is_done = self.core.is_done();
        if is_done && !self.saver.done_seen {
            self.saver.done_seen = true;
            self.saver.not_before = None;
        }
        if self.saver.is_saving || self.saver.not_before.is_some() {
            return;
        }
        let Some(claim) = ledger.claim(have, ever, is_done) else { return };
        self.saver.is_saving = true;
        self.disk(Job::Save(Save::SyncFilm(claim)), ByteLen::new(self.storage.unsynced_len()));
    }

    pub(super) fn on_save(&mut self, now: Instant, save: Save, result: Result<(), DiskFault>) {
        let film_synced = !matches!(save, Save::SyncFilm(_));
        if result.is_ok()
            && let Some(next) = self.storage.save(now, save, &mut self.saver.ledger)
        {
            return self.disk(Job::Save(next), ByteLen::ZERO);
        }
        if result.is_err() && !film_synced {
            // What was written may be lost: nothing is claimed any more in this run.
            self.storage.forget_resume();
            self.saver.ledger = None;
        }
        self.saver.is_saving = false;
        self.saver.not_before = Some(now + SAVE_EVERY);
    }
}
