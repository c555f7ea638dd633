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
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::{FileSlice, TorrentLayout};
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::rng::Rng;

use super::file::Resume;
use super::find;
use super::saver::{Ledger, Saved};
use crate::storage::{Stamp, Storage};

/// How long after the newest saved time of change a write may have been ours: a save is due 10 s after the one before, and
/// a slow disk may take 20 s for it.
const OURS_WITHIN: Duration = Duration::from_secs(30);

/// Random pieces hashed again beside the first and the last: a film's pieces are 2 MiB at most, so about 32 MiB.
const SAMPLES: usize = 16;

/// The same after the process was killed.
const SAMPLES_KILLED: usize = 64;

/// What is here of a download.
pub(crate) struct Found {
    /// The pieces.
    pub(crate) have: Bitfield,
    /// What is known of its files and its resume file, for whoever writes that next.
    pub(crate) ledger: Ledger,
}

/// Finds the pieces that are on the disk, by the resume file where it can be believed and by hashing otherwise. Blocks.
/// When `cancelled` becomes true it ends within a piece, and the result is worth nothing.
pub(crate) fn look(
    storage: &Storage,
    metainfo: &Metainfo,
    data_dir: &Path,
    seed: u64,
    cancelled: &AtomicBool,
) -> Found {
    let hash = |piece| *metainfo.piece_hash(piece);
    // Before the first byte is read: who changes a file meanwhile changes it after this.
    let stamps = storage.stamps();
    let is_on_disk = |slice| storage.is_on_disk(slice);
    let believed = find(data_dir, metainfo).and_then(|resume| {
        let belief = believe(&metainfo.layout, &resume, &stamps, is_on_disk);
        let samples = sample(&belief.pieces, belief.samples, &mut Rng::new(seed));
        let mut buf = Vec::new();
        let wrong = samples.into_iter().filter_map(|index| metainfo.layout.piece(index));
        if let Some(piece) = wrong.into_iter().find(|piece| !storage.matches(*piece, hash(*piece), &mut buf)) {
            log::warn!("{}: {piece:?} is not what it was, everything is read again", metainfo.infohash);
            return None;
        }
        Some((resume, belief))
    });
    let (have, saved) = match believed {
        Some((resume, belief)) => {
            let claimed = resume.verified.count_ones();
            let have = storage.verify_others(belief.pieces, hash, cancelled, |_| {});
            let is_up_to_date = belief.unchanged && have == resume.verified;
            (have, is_up_to_date.then_some(Saved { pieces: claimed, at_rest: resume.at_rest }))
        }
        None => (storage.verify_existing(hash, cancelled, |_| {}), None),
    };
    let (here, all) = (have.count_ones(), metainfo.layout.piece_count());
    log::info!("{}: {here} of {all} pieces are here, {} bytes were read", metainfo.infohash, storage.checked_bytes());
    Found { have, ledger: Ledger { stamps, saved } }
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
    use std::fs;
    use std::time::SystemTime;

    use bittorrent_proto::create::{Contents, NewFile, metainfo};
    use bittorrent_proto::rng::Rng;
    use bittorrent_proto::units::{ByteLen, ByteRange};
    use proptest::prelude::*;

    use super::super::{path, write};
    use super::*;
    use crate::hash::PieceHasher;

    const PIECE_LEN: usize = 65_536;
    const SECOND_NS: i64 = 1_000_000_000;

    /// Two files of 100 pieces together, of which piece 49 lies in both; written and claimed whole.
    struct Scene {
        dir: tempfile::TempDir,
        metainfo: Metainfo,
        bytes: Vec<u8>,
    }

    impl Scene {
        fn new(at_rest: bool) -> Self {
            let mut bytes = vec![0; 100 * PIECE_LEN];
            Rng::new(3).fill(&mut bytes);
            let first_len = 49 * PIECE_LEN as u64 + 1000;
            let file = |name: &str, len: u64| NewFile { path: vec![name.into()], len: ByteLen::new(len) };
            let contents = Contents::Folder(vec![file("a", first_len), file("b", bytes.len() as u64 - first_len)]);
            let hashes: Vec<u8> = bytes
                .chunks(PIECE_LEN)
                .flat_map(|piece| {
                    let mut hasher = PieceHasher::new();
                    hasher.update(piece);
                    hasher.finish()
                })
                .collect();
            let metainfo = metainfo("film", &contents, 65_536, &hashes).unwrap();
            let scene = Self { dir: tempfile::tempdir().unwrap(), metainfo, bytes };
            let storage = scene.storage();
            storage.write(ByteRange::new(0, scene.bytes.len() as u64), &scene.bytes).unwrap();
            storage.sync().unwrap();
            scene.claim(at_rest, Bitfield::new_full(100));
            scene
        }

        fn storage(&self) -> Storage {
            Storage::download(self.dir.path().join("data"), &self.metainfo).unwrap()
        }

        fn claim(&self, at_rest: bool, verified: Bitfield) {
            let resume = Resume { at_rest, verified, stamps: self.storage().stamps() };
            write(self.dir.path(), &self.metainfo, &resume).unwrap();
        }

        /// Alters a byte of a file, and moves its time of change by so much, or leaves that as it was.
        fn alter(&self, name: &str, at: usize, later: i64) {
            let path = self.dir.path().join("data").join(name);
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            self.set_modified(name, before, later);
        }

        fn set_modified(&self, name: &str, before: SystemTime, later: i64) {
            let by = Duration::from_secs(later.unsigned_abs());
            let time = if later < 0 { before - by } else { before + by };
            let path = self.dir.path().join("data").join(name);
            fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }

        fn touch(&self, name: &str, later: i64) {
            let before = fs::metadata(self.dir.path().join("data").join(name)).unwrap().modified().unwrap();
            self.set_modified(name, before, later);
        }

        /// The pieces that are missing, and how many were read.
        fn look(&self) -> (Vec<u32>, u64, Found) {
            let storage = self.storage();
            let found = look(&storage, &self.metainfo, self.dir.path(), 5, &AtomicBool::new(false));
            let missing = (0..100).filter(|piece| !found.have.get(*piece)).collect();
            (missing, storage.checked_bytes() / PIECE_LEN as u64, found)
        }
    }

    #[test]
    fn unchanged_files_are_believed_after_a_sample() {
        for at_rest in [true, false] {
            let (missing, read, found) = Scene::new(at_rest).look();
            assert_eq!(missing, [0_u32; 0]);
            assert!((16..=18).contains(&read), "{read} pieces");
            assert_eq!(found.ledger.saved, Some(Saved { pieces: 100, at_rest }), "nothing to write");
        }
    }

    #[test]
    fn without_a_resume_file_or_with_a_damaged_one_everything_is_read() {
        let scene = Scene::new(true);
        let path = path(scene.dir.path(), scene.metainfo.infohash);
        let whole = fs::read(&path).unwrap();
        for content in [None, Some(&b"garbage"[..]), Some(&whole[..100])] {
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let (missing, read, found) = scene.look();
            assert_eq!((missing, read), (vec![], 100));
            assert_eq!(found.ledger.saved, None, "one is written at once");
        }
    }

    #[test]
    fn of_a_changed_file_everything_is_read() {
        for later in [1, 100, -1] {
            let scene = Scene::new(true);
            scene.alter("b", 20 * PIECE_LEN, later);
            let (missing, read, found) = scene.look();
            assert_eq!(missing, [69]);
            // b's own 50 pieces and the one it shares, and samples of the others.
            assert!((51 + 14..=51 + 18).contains(&read), "{read} pieces");
            assert_eq!(found.ledger.saved, None);
        }
    }

    #[test]
    fn a_wrong_sample_means_that_everything_is_read() {
        let scene = Scene::new(true);
        // The first piece is always a sample; another one is found only because everything is read then.
        scene.alter("a", 5, 0);
        scene.alter("b", 20 * PIECE_LEN, 0);
        let (missing, read, _) = scene.look();
        assert_eq!(missing, [0, 69]);
        assert_eq!(read, 101);
    }

    #[test]
    fn a_missing_a_shorter_and_a_longer_file_are_seen() {
        let scene = Scene::new(true);
        fs::remove_file(scene.dir.path().join("data/b")).unwrap();
        let (missing, read, _) = scene.look();
        assert_eq!(missing, (49..100).collect::<Vec<_>>());
        assert!(read <= 18 + 1, "{read} pieces");
        for len in [40 * PIECE_LEN as u64, 60 * PIECE_LEN as u64] {
            let scene = Scene::new(false);
            let file = fs::File::options().write(true).open(scene.dir.path().join("data/a")).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_len(len).unwrap();
            file.set_modified(modified).unwrap();
            let (missing, read, _) = scene.look();
            assert_eq!(missing, if len < 49 * PIECE_LEN as u64 { (40..50).collect() } else { vec![] });
            assert!(read > 40, "{read} pieces");
        }
    }

    #[test]
    fn after_a_kill_what_was_claimed_is_sampled_and_the_rest_is_found() {
        let scene = Scene::new(false);
        let mut claimed = Bitfield::new_full(100);
        [3, 60, 61].iter().for_each(|piece| assert!(claimed.clear(*piece)));
        scene.claim(false, claimed);
        scene.touch("a", 3);
        scene.touch("b", 9);
        let (missing, read, found) = scene.look();
        assert_eq!(missing, [0_u32; 0], "what was written after the last save is found");
        assert!((64 + 3..=66 + 3).contains(&read), "{read} pieces");
        assert_eq!(found.ledger.saved, None, "and claimed at once");
    }

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
        let resume = Resume { at_rest: true, verified: Bitfield::new_full(3), stamps: vec![None] };
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
            let resume = Resume { at_rest: true, verified, stamps: saved };
            let belief = believe(&layout, &resume, &now, |_| true);
            for piece in layout.pieces() {
                let sound = layout.file_slices(layout.piece_range(piece)).all(|slice| !changed[slice.file.as_usize()]);
                prop_assert_eq!(belief.pieces.get(piece.get()), resume.verified.get(piece.get()) && sound);
            }
        }
    }
}
