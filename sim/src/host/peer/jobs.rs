//! What a peer's disk does for it: pieces checked and written, blocks read, and what follows when it fails.

use std::time::{Duration, Instant};

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::torrent::{Begin, DiskDone, DiskJob, Input as CoreInput};
use bittorrent_proto::units::{ByteLen, ByteRange};

use super::storage::Verdict;
use super::{Job, Peer};
use crate::disk::{DiskFault, Done};

/// How often a disk that failed is tried again.
const DISK_TRIED_EVERY: Duration = Duration::from_secs(5);

impl Peer {
    pub(super) fn on_disk(&mut self, now: Instant, done: Done<Job>) {
        let Done { job, result } = done;
        match (job, result) {
            (Job::Prepare, Ok(())) => self.begin(now),
            (Job::Probe, Ok(())) => self.core.handle_input(now, CoreInput::Pause(false)),
            (Job::Prepare | Job::Probe, Err(_)) => self.disk_retry_at = Some(now + DISK_TRIED_EVERY),
            (Job::Read(range), result) => self.on_viewer_read(now, range, result),
            (Job::Save(save), result) => self.on_save(now, save, result),
            (Job::Core(DiskJob::Verify { piece, data }), Ok(())) => {
                let verdict = self.storage.verify(now, piece, &data);
                let done = match verdict {
                    Ok(Verdict::Written) => DiskDone::Verified { piece, data },
                    Ok(Verdict::Corrupt) => DiskDone::Corrupt { piece, data },
                    Err(rule) => return self.rules.broken(rule),
                };
                self.core.handle_input(now, CoreInput::Disk(done));
            }
            (Job::Core(DiskJob::Verify { piece, data }), Err(_)) => {
                self.storage.forget(piece);
                self.core.handle_input(now, CoreInput::Pause(true));
                self.core.handle_input(now, CoreInput::Disk(DiskDone::WriteFailed { piece, data }));
                self.disk_retry_at.get_or_insert(now + DISK_TRIED_EVERY);
            }
            (Job::Core(DiskJob::Read { peer, run }), Ok(())) => {
                let start = self.config.release.metainfo().layout.piece_range(run.piece).start;
                let start = start + u64::from(run.offset.get());
                let mut data = match self.storage.read(ByteRange::new(start, start + run.len.get())) {
                    Ok(data) => data,
                    Err(rule) => return self.rules.broken(rule),
                };
                let mut at = 0;
                for block in &run.blocks {
                    let end = at + block.len.as_usize();
                    self.corrupt(&mut data[at..end]);
                    at = end;
                }
                self.core.handle_input(now, CoreInput::Disk(DiskDone::Read { peer, run, data: data.into() }));
            }
            (Job::Core(DiskJob::Evict(piece)), Ok(())) => {
                self.storage.evict(piece);
                self.core.handle_input(now, CoreInput::Disk(DiskDone::Evicted(piece)));
            }
            (Job::Core(DiskJob::Evict(piece)), Err(_)) => {
                self.core.handle_input(now, CoreInput::Disk(DiskDone::NotEvicted(piece)));
            }
            (Job::Core(DiskJob::Read { peer, run }), Err(_)) => {
                self.core.handle_input(now, CoreInput::Disk(DiskDone::ReadFailed { peer, run }));
            }
        }
    }

    fn begin(&mut self, now: Instant) {
        let have = self.look();
        self.began = Some(have.clone());
        let wanted = Bitfield::new_full(have.len());
        self.here = Some(have.clone());
        let fetch_rest = self.config.fetch_rest;
        self.core.handle_input(
            now,
            CoreInput::Begin(Begin { ever: have.clone(), have, wanted, fetch_rest, paused: false, hints: Vec::new() }),
        );
    }

    fn on_viewer_read(&mut self, now: Instant, range: ByteRange, result: Result<(), DiskFault>) {
        let Some(viewer) = &mut self.viewer else { return };
        if result.is_err() {
            if let Some(wish) = viewer.handle_read_failed(now, range) {
                self.grant(now, wish);
            }
            return;
        }
        let read = self.storage.read(range);
        let served =
            read.and_then(|bytes| viewer.handle_read(now, range, &bytes).map_err(|violation| violation.to_string()));
        if let Err(rule) = served {
            self.rules.broken(rule);
        }
    }

    pub(super) fn retry_disk(&mut self, now: Instant) {
        if self.disk_retry_at.take_if(|at| *at <= now).is_some() {
            let job = if self.here.is_none() { Job::Prepare } else { Job::Probe };
            self.disk(job, ByteLen::ZERO);
        }
    }

    fn corrupt(&mut self, block: &mut [u8]) {
        if self.config.corrupts_one_in.is_some_and(|blocks| self.rng.chance(1, blocks)) {
            let at = self.rng.below(block.len() as u64);
            let byte = usize::try_from(at).ok().and_then(|at| block.get_mut(at));
            byte.into_iter().for_each(|byte| *byte ^= 1);
        }
    }
}
