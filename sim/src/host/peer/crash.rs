//! What of a peer outlives a crash, and what must hold when it comes back.

use std::time::Instant;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::resume::recheck;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::torrent::DiskJob;

use super::storage::Storage;
use super::{Job, Peer, PeerConfig};
use crate::disk::files::Crash;
use crate::host::HostId;
use crate::rng::Seed;

/// What is left of a peer: its disk.
#[derive(Debug)]
pub struct Remains {
    storage: Storage,
    /// Pieces that must be found again, as nothing was lost.
    kept: Option<Bitfield>,
}

impl Peer {
    /// Ends it in the middle of everything. The jobs of `running` were done in part, or whole, or not begun.
    pub fn crash(mut self, now: Instant, crash: Crash, running: Vec<Job>, rng: &mut Rng) -> Remains {
        let kept = (crash == Crash::Killed).then(|| self.storage.pieces());
        for job in running {
            match job {
                Job::Core(DiskJob::Verify { piece, data }) => self.storage.tear(now, piece, &data, rng),
                Job::Save(save) if rng.chance(1, 2) => drop(self.storage.save(now, save, &mut None)),
                Job::Save(_) | Job::Core(DiskJob::Read { .. } | DiskJob::Evict(_)) => {}
                Job::Prepare | Job::Probe | Job::Read(_) => {}
            }
        }
        self.storage.crash(crash, rng);
        Remains { storage: self.storage, kept }
    }

    /// Starts the engine again on what a crash left.
    pub fn again(now: Instant, id: HostId, seed: Seed, config: PeerConfig, remains: Remains) -> Self {
        Self::start(now, id, seed, config, remains.storage, remains.kept)
    }

    /// Whether every piece lies on its disk as the film has it, whatever anybody says of it.
    pub fn is_whole(&self) -> bool {
        self.storage.right().is_full()
    }

    /// What is here, as the driver finds it out; and whether that is what lies there.
    pub(super) fn look(&mut self) -> Bitfield {
        let resume = self.storage.resume();
        let right = self.storage.right();
        let mut claimed = resume.iter().flat_map(|resume| resume.verified.iter_ones());
        if let Some(piece) = claimed.find(|piece| !right.get(*piece)) {
            self.rules.broken(format!("its resume file claims piece {piece}, which is not on the disk"));
        }
        let (stamps, metainfo) = (self.storage.stamps(), self.config.release.metainfo().clone());
        let found = recheck(&metainfo.layout, resume.as_ref(), stamps, &mut self.rng.fork(), &mut self.storage);
        if let Some(piece) = found.wrong {
            self.rules.broken(format!("{piece:?} was claimed and is wrong"));
        }
        if let Some(piece) = (0..right.len()).find(|piece| found.have.get(*piece) != right.get(*piece)) {
            let words = if right.get(piece) { "is overlooked" } else { "is believed, and wrong" };
            self.rules.broken(format!("after a restart piece {piece} {words}"));
        }
        if let Some(piece) = self.kept.iter().flat_map(Bitfield::iter_ones).find(|piece| !found.have.get(*piece)) {
            self.rules.broken(format!("piece {piece} was here before a kill, and is not any more"));
        }
        self.storage.found(&found.have);
        if !self.storage.original().is_full() {
            self.saver.begin(found.ledger);
        }
        found.have
    }
}
