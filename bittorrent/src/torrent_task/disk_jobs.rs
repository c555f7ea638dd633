//! What the core wants of the disk: pieces verified and written, read, given up.

use std::rc::Rc;
use std::sync::Arc;

use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::torrent::{DiskDone, DiskJob, Input};
use bittorrent_proto::units::PieceIndex;

use crate::hash::PieceHasher;
use crate::pool::Lane;
use crate::storage::{Storage, StorageError};

use super::TorrentTask;

impl TorrentTask {
    pub(super) fn start_disk_job(self: &Rc<Self>, job: DiskJob) {
        let Some(known) = self.shared.known.get() else { return };
        let storage = known.storage.clone();
        match job {
            DiskJob::Verify { piece, data } => {
                let hasher = self.hashes.borrow_mut().take(piece);
                let metainfo = known.metainfo.clone();
                self.saver.write_begins();
                self.spawn(self.clone().verify(piece, data, hasher, metainfo, storage));
            }
            DiskJob::Evict(piece) => {
                if let Some(verified) = self.shared.verified.get() {
                    verified.clear(piece.get());
                }
                self.spawn(self.clone().evict(piece, storage));
            }
            DiskJob::Read { peer, run } => {
                let start = storage.layout().piece_range(run.piece).start + u64::from(run.offset.get());
                let range = bittorrent_proto::units::ByteRange::new(start, start + run.len.get());
                let task = self.clone();
                self.spawn(async move {
                    let shared = task.shared.clone();
                    let read = move || storage.read_if(range, || shared.is_verified(range));
                    match task.shared.pool.run(Lane::Read, read).await {
                        Ok(None) => task.input(Input::Disk(DiskDone::ReadFailed { peer, run })),
                        Ok(Some(data)) => task.input(Input::Disk(DiskDone::Read { peer, run, data: data.into() })),
                        Err(error) => {
                            log::warn!("{}: {error}", task.shared.infohash);
                            task.input(Input::Disk(DiskDone::ReadFailed { peer, run }));
                            task.on_storage_error(&error);
                        }
                    }
                });
            }
        }
    }

    /// Gives a piece's room back. Nobody can read it from the first line on, and nothing claims it from the second.
    async fn evict(self: Rc<Self>, piece: PieceIndex, storage: Arc<Storage>) {
        let range = storage.layout().piece_range(piece);
        let given_up = match self.saver.claim_nothing(&self).await {
            Ok(()) => {
                self.shared.pool.run(Lane::Write, move || storage.give_up(range)).await.map_err(|e| e.to_string())
            }
            Err(error) => Err(format!("the resume file cannot be removed: {error}")),
        };
        match given_up {
            Ok(()) => self.input(Input::Disk(DiskDone::Evicted(piece))),
            Err(error) => {
                log::warn!("{}: the disk limit cannot be kept: {error}", self.shared.infohash);
                self.input(Input::Disk(DiskDone::NotEvicted(piece)));
            }
        }
    }

    /// Hashes what is left of a piece, and writes it if it is right: one job.
    async fn verify(
        self: Rc<Self>,
        piece: PieceIndex,
        data: Vec<u8>,
        hasher: Option<PieceHasher>,
        metainfo: Arc<Metainfo>,
        storage: Arc<Storage>,
    ) {
        enum Outcome {
            Written,
            Corrupt,
            Failed(StorageError),
        }
        let job = move || {
            let mut hasher = hasher.unwrap_or_default();
            let rest = hasher.hashed();
            hasher.update(&data[rest..]);
            let outcome = if hasher.finish() != *metainfo.piece_hash(piece) {
                Outcome::Corrupt
            } else {
                match storage.write(metainfo.layout.piece_range(piece), &data) {
                    Ok(()) => Outcome::Written,
                    Err(error) => Outcome::Failed(error),
                }
            };
            (data, outcome)
        };
        let (data, outcome) = self.shared.pool.run(Lane::Write, job).await;
        match outcome {
            Outcome::Written => {
                self.input(Input::Disk(DiskDone::Verified { piece, data }));
                self.on_written();
            }
            Outcome::Corrupt => self.input(Input::Disk(DiskDone::Corrupt { piece, data })),
            Outcome::Failed(error) => self.on_write_failed(piece, data, &error),
        }
        self.saver.write_ends();
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.disk_full.get()
    }
}
