//! What of a resume file is believed when a download is added again.
//!
//! | a file is | its pieces |
//! | --- | --- |
//! | as it was | that are claimed are believed after a sample of them was hashed again |
//! | changed, and it can only have been us | the same with a larger sample: the process was killed before it wrote the file anew |
//! | changed otherwise, or missing | are all hashed again |
//!
//! A piece that nobody claims is hashed in each case, unless there is a hole in its place: it may have been written just
//! before the end. One sample that does not match, and everything is hashed.
//!
//! "It can only have been us" means: the resume file says that pieces were arriving, the file has its size, and its time
//! of change is at most [`OURS_WITHIN`] after the newest that was saved. In these seconds a running engine does not look at
//! its verified pieces again either, so that nothing is believed that was not believed then. A later change, and every
//! change after a stop or after the last piece, is somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::layout::{FileSlice, TorrentLayout};
use crate::rng::Rng;
use crate::units::PieceIndex;

use super::{Ledger, Resume, Stamp};

/// How long after the newest saved time of change a write may have been ours: a save is due 10 s after the one before, and
/// a slow disk may take 20 s for it.
const OURS_WITHIN: Duration = Duration::from_secs(30);

/// Random pieces hashed again beside the first and the last: a film's pieces are 2 MiB at most, so about 32 MiB.
const SAMPLES: usize = 16;

/// The same after the process was killed.
const SAMPLES_KILLED: usize = 64;

/// The files of a download, as far as the decision needs them. Whoever implements it does the reading.
pub trait Files {
    /// Whether the slice lies in a file, and not in BEP 47's padding.
    fn is_on_disk(&self, slice: FileSlice) -> bool;

    /// Whether the piece's bytes have the hash that the torrent names. A piece that cannot be read has not.
    fn matches(&mut self, piece: PieceIndex) -> bool;

    /// Adds those of the other pieces that match, and may pass over holes. What it finds may not be durable: the next sync
    /// has to cover it.
    fn add_others(&mut self, believed: Bitfield) -> Bitfield;
}

/// What is here of a download.
#[derive(Debug)]
pub struct Found {
    /// The pieces.
    pub have: Bitfield,
    /// Those and all that were here before, as the resume file says; not when nothing of them is left.
    pub ever: Bitfield,
    /// What is known of its files and its resume file, for whoever writes that next.
    pub ledger: Ledger,
    /// A sample that is not what was claimed: everything was hashed.
    pub wrong: Option<PieceIndex>,
}

/// Finds the pieces that are on the disk, by the resume file where it can be believed and by hashing otherwise. `stamps` are how
/// the files looked before the first byte was read: who changes one meanwhile changes it after that. Which pieces are samples
/// is drawn from `rng`.
///
/// # Panics
/// When the resume file or the stamps are of another torrent than the layout.
pub fn recheck(
    layout: &TorrentLayout,
    resume: Option<&Resume>,
    stamps: Vec<Option<Stamp>>,
    rng: &mut Rng,
    files: &mut impl Files,
) -> Found {
    let everything = |files: &mut _, stamps, wrong| {
        let have = Files::add_others(files, Bitfield::new_empty(layout.piece_count()));
        Found { ever: ever(resume, &have), have, ledger: Ledger::new(stamps, None), wrong }
    };
    let Some(resume) = resume else { return everything(files, stamps, None) };
    let belief = believe(layout, resume, &stamps, |slice| files.is_on_disk(slice));
    let mut samples = sample(&belief.pieces, belief.samples, rng).into_iter().filter_map(|index| layout.piece(index));
    if let Some(wrong) = samples.find(|piece| !files.matches(*piece)) {
        return everything(files, stamps, Some(wrong));
    }
    let have = files.add_others(belief.pieces);
    let is_up_to_date = belief.unchanged && have == resume.verified;
    let ledger = Ledger::new(stamps, is_up_to_date.then_some(resume));
    Found { ever: ever(Some(resume), &have), have, ledger, wrong: None }
}

fn ever(resume: Option<&Resume>, have: &Bitfield) -> Bitfield {
    let mut ever = have.clone();
    if !have.is_empty() {
        for piece in resume.into_iter().flat_map(|resume| resume.ever.iter_ones()) {
            ever.set(piece);
        }
    }
    ever
}

/// Which claims are believed, if the samples are right.
struct Belief {
    pieces: Bitfield,
    /// Random pieces to hash again.
    samples: usize,
    /// Every file is as it was.
    unchanged: bool,
}

fn believe(
    layout: &TorrentLayout,
    resume: &Resume,
    now: &[Option<Stamp>],
    is_on_disk: impl Fn(FileSlice) -> bool,
) -> Belief {
    assert_eq!(now.len(), resume.stamps.len(), "files of another torrent");
    let newest = resume.stamps.iter().flatten().map(|stamp| stamp.modified_ns).max();
    let changes: Vec<Change> =
        resume.stamps.iter().zip(now).map(|(saved, now)| change(*saved, *now, newest, resume.at_rest)).collect();
    let is_sound = |slice: FileSlice| {
        let whole = now[slice.file.as_usize()].is_some_and(|stamp| stamp.size >= slice.range.end);
        !is_on_disk(slice) || (whole && changes[slice.file.as_usize()] != Change::Foreign)
    };
    let mut pieces = Bitfield::new_empty(layout.piece_count());
    for piece in resume.verified.iter_ones().filter_map(|index| layout.piece(index)) {
        if layout.file_slices(layout.piece_range(piece)).all(is_sound) {
            pieces.set(piece.get());
        }
    }
    let samples = if changes.contains(&Change::Own) { SAMPLES_KILLED } else { SAMPLES };
    Belief { pieces, samples, unchanged: changes.iter().all(|change| *change == Change::None) }
}

/// What happened to a file since the last save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// We wrote to it and were killed.
    Own,
    /// Anything else.
    Foreign,
}

fn change(saved: Option<Stamp>, now: Option<Stamp>, newest_ns: Option<i64>, at_rest: bool) -> Change {
    if saved == now {
        return Change::None;
    }
    let (Some(saved), Some(now), Some(newest_ns)) = (saved, now, newest_ns) else { return Change::Foreign };
    let within_ns = i64::try_from(OURS_WITHIN.as_nanos()).expect("half a minute in nanoseconds is far below 2^63");
    let in_time = now.modified_ns > saved.modified_ns && now.modified_ns <= newest_ns.saturating_add(within_ns);
    if !at_rest && now.size == saved.size && in_time { Change::Own } else { Change::Foreign }
}

/// The first, the last, and so many others, each as likely as any.
fn sample(pieces: &Bitfield, count: usize, rng: &mut Rng) -> BTreeSet<u32> {
    let mut all: Vec<u32> = pieces.iter_ones().collect();
    let mut chosen: BTreeSet<u32> = all.first().into_iter().chain(all.last()).copied().collect();
    for at in 0..count.min(all.len()) {
        let left = (all.len() - at) as u64;
        let other = at + usize::try_from(rng.below(left)).expect("below the length of a vector");
        all.swap(at, other);
        chosen.insert(all[at]);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    const SECOND_NS: i64 = 1_000_000_000;

    #[test]
    fn a_change_that_cannot_have_been_ours_is_somebody_elses() {
        let stamp = |size, seconds: i64| Some(Stamp { size, modified_ns: seconds * SECOND_NS });
        let newest = Some(1000 * SECOND_NS);
        let saved = stamp(7, 1000);
        assert_eq!(change(saved, stamp(7, 1030), newest, false), Change::Own);
        assert_eq!(change(stamp(7, 900), stamp(7, 1030), newest, false), Change::Own, "another file was the newest");
        for (now, at_rest, why) in [
            (stamp(7, 1001), true, "nothing was being written"),
            (stamp(7, 1031), false, "too late"),
            (stamp(7, 999), false, "earlier"),
            (stamp(8, 1001), false, "longer"),
            (stamp(6, 1001), false, "shorter"),
            (stamp(6, 1000), false, "shorter in the same moment"),
            (None, false, "gone"),
        ] {
            assert_eq!(change(saved, now, newest, at_rest), Change::Foreign, "{why}");
        }
        assert_eq!(change(None, stamp(7, 1001), newest, false), Change::Foreign, "it is new");
        assert_eq!(change(None, None, None, false), Change::None);
        assert_eq!(change(saved, saved, newest, true), Change::None);
        let far = Some(i64::MAX - 1);
        assert_eq!(change(stamp(7, 1), Some(Stamp { size: 7, modified_ns: i64::MAX }), far, false), Change::Own);
    }

    #[test]
    fn a_claim_on_a_file_that_was_never_there_is_not_believed() {
        let layout = TorrentLayout::new(16_384, &[40_000]).unwrap();
        let resume = Resume::new(true, Bitfield::new_full(3), vec![None]);
        assert!(believe(&layout, &resume, &[None], |_| true).pieces.is_empty());
        // Shorter than what is claimed of it, though nobody changed it.
        let short = Some(Stamp { size: 39_999, modified_ns: 5 });
        let resume = Resume { stamps: vec![short], ..resume };
        assert_eq!(believe(&layout, &resume, &[short], |_| true).pieces.iter_ones().collect::<Vec<_>>(), [0, 1]);
        // Padding is on no disk.
        assert!(believe(&layout, &resume, &[short], |_| false).pieces.is_full());
    }

    proptest! {
        #[test]
        fn samples_are_claimed_pieces_with_the_first_and_the_last(bits in any::<u128>(), count in 0usize..40, seed: u64) {
            let mut pieces = Bitfield::new_empty(128);
            (0..128u32).filter(|bit| bits >> bit & 1 == 1).for_each(|bit| { pieces.set(bit); });
            let chosen = sample(&pieces, count, &mut Rng::new(seed));
            prop_assert!(chosen.iter().all(|piece| pieces.get(*piece)));
            let all: Vec<u32> = pieces.iter_ones().collect();
            prop_assert!(all.first().is_none_or(|first| chosen.contains(first)));
            prop_assert!(all.last().is_none_or(|last| chosen.contains(last)));
            let least = count.min(all.len());
            prop_assert!((least..=least + 2).contains(&chosen.len()));
        }

        /// Against the rule in one sentence: a claim is believed when each of its files is as it was.
        #[test]
        fn at_rest_only_pieces_of_unchanged_files_are_believed(
            lens in proptest::collection::vec(1u64..60_000, 1..8),
            claims: u64,
            changed in proptest::collection::vec(any::<bool>(), 8),
        ) {
            let layout = TorrentLayout::new(16_384, &lens).unwrap();
            let mut verified = Bitfield::new_empty(layout.piece_count());
            layout.pieces().filter(|piece| claims >> (piece.get() % 64) & 1 == 1).for_each(|piece| {
                verified.set(piece.get());
            });
            let saved: Vec<_> = lens.iter().map(|len| Some(Stamp { size: *len, modified_ns: 1000 })).collect();
            let now: Vec<_> = lens.iter().zip(&changed)
                .map(|(len, changed)| Some(Stamp { size: *len, modified_ns: 1000 + i64::from(*changed) })).collect();
            let resume = Resume::new(true, verified, saved);
            let belief = believe(&layout, &resume, &now, |_| true);
            for piece in layout.pieces() {
                let sound = layout.file_slices(layout.piece_range(piece)).all(|slice| !changed[slice.file.as_usize()]);
                prop_assert_eq!(belief.pieces.get(piece.get()), resume.verified.get(piece.get()) && sound);
            }
        }
    }
}
