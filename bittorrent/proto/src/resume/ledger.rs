//! What may be claimed, and after which sync: a claim is taken before the sync, and written after it.
//!
//! ```text
//! claim()   the pieces that are verified now; later ones wait for the next save
//!    │      ... everything written so far is synced ...
//! synced()  the claim names durable bytes only: the resume file may say so
//!    │      ... it is written, durably, whole or not at all ...
//! written() the next save has only news to tell
//! ```
//!
//! When the sync fails the whole ledger is worth nothing, and so is an earlier resume file: the system forgets which bytes
//! it could not write, and the next sync says that all is well.

use crate::bitfield::Bitfield;
use crate::units::FileIndex;

use super::{Resume, Stamp};

/// What is known of the files and of the resume file.
#[derive(Debug)]
pub struct Ledger {
    /// How each file looked when what it holds was last known to be durable.
    stamps: Vec<Option<Stamp>>,
    /// What the resume file on the disk says; nothing when there is none that could be believed as it is.
    saved: Option<Saved>,
    /// Pieces come and go: none is claimed any more.
    gives_up: bool,
}

/// Whether a save would change anything. Pieces are only ever added to what is claimed, so their number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// How many the resume file claims.
    pub pieces: u32,
    /// How many were ever verified, as it says.
    pub ever: u32,
    /// Whether it says that nothing more is written.
    pub at_rest: bool,
}

/// What a resume file may say once everything written so far is durable.
#[derive(Debug)]
#[must_use]
pub struct Claim {
    at_rest: bool,
    verified: Bitfield,
    ever: Bitfield,
    stamps: Vec<Option<Stamp>>,
}

impl Ledger {
    /// Files that look like that, and a resume file that says so, if there is one.
    pub fn new(stamps: Vec<Option<Stamp>>, saved: Option<&Resume>) -> Self {
        Self { stamps, saved: saved.map(Saved::of), gives_up: false }
    }

    /// What the resume file says.
    pub const fn saved(&self) -> Option<Saved> {
        self.saved
    }

    /// Pieces are about to be given up: from now on none is claimed, and a restart hashes what is there. False when that was
    /// said before.
    pub fn give_up(&mut self) -> bool {
        !std::mem::replace(&mut self.gives_up, true)
    }

    /// What to claim of the pieces that are verified and written, before the sync; `None` when the resume file says all of
    /// it. `ever`: what was ever verified. `at_rest`: nothing more will be written.
    pub fn claim(&self, have: &Bitfield, ever: &Bitfield, at_rest: bool) -> Option<Claim> {
        let pieces = if self.gives_up { 0 } else { have.count_ones() };
        let now = Saved { pieces, ever: ever.count_ones(), at_rest };
        let is_news = self.saved.map_or(now.ever > 0, |saved| saved != now);
        is_news.then(|| {
            let verified = if self.gives_up { Bitfield::new_empty(have.len()) } else { have.clone() };
            Claim { at_rest, verified, ever: ever.clone(), stamps: self.stamps.clone() }
        })
    }

    /// The sync that a claim waited for is over, and this is what will be written.
    pub fn synced(&mut self, resume: &Resume) {
        self.stamps.clone_from(&resume.stamps);
    }

    /// The resume file is on the disk.
    pub fn written(&mut self, resume: &Resume) {
        self.saved = Some(Saved::of(resume));
    }
}

impl Saved {
    fn of(resume: &Resume) -> Self {
        Self { pieces: resume.verified.count_ones(), ever: resume.ever.count_ones(), at_rest: resume.at_rest }
    }
}

impl Claim {
    /// Whether it names any piece as being here, which must be durable then.
    pub fn names_pieces(&self) -> bool {
        !self.verified.is_empty()
    }

    /// Everything that was written before the claim is durable, and those files look like that now; the others as before.
    ///
    /// # Panics
    /// When a file is none of the torrent's.
    pub fn synced(mut self, stamps: impl IntoIterator<Item = (FileIndex, Option<Stamp>)>) -> Resume {
        for (file, stamp) in stamps {
            self.stamps[file.as_usize()] = stamp;
        }
        Resume { at_rest: self.at_rest, verified: self.verified, ever: self.ever, stamps: self.stamps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified_ns: i64) -> Option<Stamp> {
        Some(Stamp { size: 7, modified_ns })
    }

    #[test]
    fn what_is_saved_is_no_news() {
        let mut ledger = Ledger::new(vec![stamp(1), None], None);
        assert!(
            ledger.claim(&Bitfield::new_empty(9), &Bitfield::new_empty(9), true).is_none(),
            "there is nothing to claim"
        );
        let resume = ledger
            .claim(&Bitfield::new_full(9), &Bitfield::new_full(9), false)
            .unwrap()
            .synced([(FileIndex(1), stamp(2))]);
        assert_eq!(resume.stamps, [stamp(1), stamp(2)]);
        ledger.synced(&resume);
        assert!(ledger.claim(&Bitfield::new_full(9), &Bitfield::new_full(9), false).is_some(), "it is not written yet");
        ledger.written(&resume);
        assert_eq!(ledger.saved(), Some(Saved { pieces: 9, ever: 9, at_rest: false }));
        assert!(ledger.claim(&Bitfield::new_full(9), &Bitfield::new_full(9), false).is_none());
        let resting = ledger.claim(&Bitfield::new_full(9), &Bitfield::new_full(9), true).unwrap().synced([]);
        assert_eq!(resting.stamps, [stamp(1), stamp(2)], "files that nobody wrote to look as before");
        assert!(resting.at_rest);
    }

    #[test]
    fn pieces_that_come_after_the_claim_are_not_in_it() {
        let ledger = Ledger::new(vec![None], None);
        let mut have = Bitfield::new_empty(9);
        have.set(3);
        let claim = ledger.claim(&have, &have, false).unwrap();
        have.set(4);
        assert_eq!(claim.synced([]).verified.iter_ones().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn who_gives_pieces_up_claims_none_and_tells_what_was_here() {
        let (mut have, full) = (Bitfield::new_full(9), Bitfield::new_full(9));
        let mut ledger = Ledger::new(vec![stamp(1)], None);
        let resume = ledger.claim(&have, &full, false).unwrap().synced([]);
        ledger.written(&resume);
        assert!(ledger.give_up() && !ledger.give_up(), "once is enough");
        have.clear(3);
        let claim = ledger.claim(&have, &full, false).unwrap();
        assert!(!claim.names_pieces());
        let resume = claim.synced([]);
        assert_eq!((resume.verified.count_ones(), resume.ever.count_ones()), (0, 9));
        ledger.written(&resume);
        have.set(3);
        assert!(ledger.claim(&have, &full, false).is_none(), "pieces that come again are no news");
    }
}
