//! Looks at what is here of a download that is added again. What is believed is decided in [`bittorrent_proto::resume`]; here
//! is the reading.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::FileSlice;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::resume::{Files, Found, recheck};
use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::PieceIndex;

use super::find;
use crate::storage::Storage;

/// Finds the pieces that are on the disk. Blocks. When `cancelled` becomes true it ends within a piece, and the result is worth
/// nothing.
pub(crate) fn look(
    storage: &Storage,
    metainfo: &Metainfo,
    data_dir: &Path,
    seed: u64,
    cancelled: &AtomicBool,
) -> Found {
    // Before the first byte is read: who changes a file meanwhile changes it after this.
    let stamps = storage.stamps();
    let resume = find(data_dir, metainfo);
    let mut files = OnDisk { storage, metainfo, cancelled, buf: Vec::new() };
    let found = recheck(&metainfo.layout, resume.as_ref(), stamps, &mut Rng::new(seed), &mut files);
    if let Some(piece) = found.wrong {
        log::warn!("{}: {piece:?} is not what it was, everything is read again", metainfo.infohash);
    }
    let (here, all) = (found.have.count_ones(), metainfo.layout.piece_count());
    log::info!("{}: {here} of {all} pieces are here, {} bytes were read", metainfo.infohash, storage.checked_bytes());
    found
}

/// The files as they lie in the download folder.
struct OnDisk<'a> {
    storage: &'a Storage,
    metainfo: &'a Metainfo,
    cancelled: &'a AtomicBool,
    /// Only for its room.
    buf: Vec<u8>,
}

impl Files for OnDisk<'_> {
    fn is_on_disk(&self, slice: FileSlice) -> bool {
        self.storage.is_on_disk(slice)
    }

    fn matches(&mut self, piece: PieceIndex) -> bool {
        self.storage.matches(piece, *self.metainfo.piece_hash(piece), &mut self.buf)
    }

    fn add_others(&mut self, believed: Bitfield) -> Bitfield {
        self.storage.verify_others(believed, |piece| *self.metainfo.piece_hash(piece), self.cancelled, |_| {})
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use bittorrent_proto::create::{Contents, NewFile, metainfo};
    use bittorrent_proto::resume::{Resume, Saved};
    use bittorrent_proto::units::{ByteLen, ByteRange};

    use super::super::{path, write};
    use super::*;
    use crate::hash::PieceHasher;

    const PIECE_LEN: usize = 65_536;

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
            let resume = Resume::new(at_rest, verified, self.storage().stamps());
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
            assert_eq!(found.ledger.saved(), Some(Saved { pieces: 100, ever: 100, at_rest }), "nothing to write");
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
            assert_eq!(found.ledger.saved(), None, "one is written at once");
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
            assert_eq!(found.ledger.saved(), None);
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
        assert_eq!(found.ledger.saved(), None, "and claimed at once");
    }
}
