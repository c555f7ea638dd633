//! Torrents of several files against one run of bytes in memory.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::units::PieceIndex;
use proptest::prelude::*;

use super::*;
use crate::hash::PieceHasher;

const PIECE_LEN: u32 = 1000;

/// `pad` for a pad file, anything else a path.
fn download(root: &Path, files: &[(&str, u64)]) -> Storage {
    let lens: Vec<_> = files.iter().map(|(_, len)| *len).collect();
    let places = files
        .iter()
        .map(|(path, _)| match *path {
            "pad" => Place::Pad,
            path => Place::Download { parts: path.split('/').map(str::to_owned).collect() },
        })
        .collect();
    Storage::with(TorrentLayout::new(PIECE_LEN, &lens).unwrap(), root.to_owned(), places).unwrap()
}

/// Bytes that differ from place to place, as every film's do.
fn film(len: u64) -> Vec<u8> {
    (0..len).map(|n| u8::try_from((n * 31 + n / 256) % 251).unwrap() | 1).collect()
}

fn part(bytes: &[u8], range: ByteRange) -> &[u8] {
    &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

fn hash(bytes: &[u8]) -> [u8; 20] {
    let mut hasher = PieceHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

fn read(storage: &Storage, range: ByteRange) -> Result<Vec<u8>, StorageError> {
    let mut buf = Vec::new();
    storage.read(range, &mut buf).map(|()| buf)
}

fn seeded(paths: &[PathBuf], piece_len: u32) -> Storage {
    let files: Vec<_> = paths.iter().map(|path| SeededFile::look(path.clone()).unwrap()).collect();
    let lens: Vec<_> = files.iter().map(|file| file.len.get()).collect();
    Storage::seed(files, TorrentLayout::new(piece_len, &lens).unwrap())
}

#[test]
fn nothing_is_made_before_the_first_write() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("torrent");
    let storage = download(&root, &[("a/one", 700), ("pad", 300), ("b/two", 500)]);
    assert!(read(&storage, ByteRange::new(0, 1)).unwrap_err().is_missing());
    assert!(!root.exists());
    storage.write(ByteRange::new(1100, 1102), &[7, 8]).unwrap();
    assert!(!root.join("a").exists());
    assert_eq!(fs::metadata(root.join("b/two")).unwrap().len(), 500);
    assert_eq!(read(&storage, ByteRange::new(1099, 1103)).unwrap(), [0, 7, 8, 0]);
}

#[test]
fn pad_files_are_zeros_and_never_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let storage = download(home.path(), &[("one", 700), ("pad", 300), ("two", 500)]);
    let bytes = film(1500);
    storage.write(ByteRange::new(0, 1500), &bytes).unwrap();
    let mut expected = bytes;
    expected[700..1000].fill(0);
    assert_eq!(read(&storage, ByteRange::new(0, 1500)).unwrap(), expected);
    assert_eq!(read(&storage, ByteRange::new(800, 900)).unwrap(), [0; 100]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
}

#[test]
fn a_write_at_the_end_takes_no_room_before_it() {
    let home = tempfile::tempdir().unwrap();
    let len = 64 << 20;
    let storage = Storage::with(
        TorrentLayout::new(1 << 20, &[len]).unwrap(),
        home.path().to_owned(),
        vec![Place::Download { parts: vec!["film".to_owned()] }],
    )
    .unwrap();
    storage.write(ByteRange::new(len - 10, len), &[1; 10]).unwrap();
    let metadata = fs::metadata(home.path().join("film")).unwrap();
    assert_eq!(metadata.len(), len);
    assert!(metadata.blocks() * 512 < len / 8, "{} blocks", metadata.blocks());
    assert_eq!(read(&storage, ByteRange::new(0, 10)).unwrap(), [0; 10]);
}

#[test]
fn a_file_left_longer_or_shorter_gets_its_length() {
    let home = tempfile::tempdir().unwrap();
    for before in [0, 10, 3000] {
        fs::write(home.path().join("film"), vec![5; before]).unwrap();
        let storage = download(home.path(), &[("film", 2000)]);
        storage.write(ByteRange::new(0, 1), &[9]).unwrap();
        assert_eq!(fs::metadata(home.path().join("film")).unwrap().len(), 2000);
        assert_eq!(read(&storage, ByteRange::new(0, 2)).unwrap(), [9, if before > 0 { 5 } else { 0 }]);
    }
}

#[test]
fn more_files_than_are_kept_open() {
    let home = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..handles::OPEN_MAX * 3).map(|n| format!("folder {}/file {n}", n % 5)).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let storage = download(home.path(), &files);
    let bytes = film(storage.layout().total_len().get());
    let all = ByteRange::new(0, storage.layout().total_len().get());
    storage.write(all, &bytes).unwrap();
    assert_eq!(read(&storage, all).unwrap(), bytes);
}

#[test]
fn links_and_bad_names_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let (root, outside) = (home.path().join("root"), home.path().join("outside"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("file"), "theirs").unwrap();
    symlink(&outside, root.join("folder")).unwrap();
    symlink(outside.join("file"), root.join("link")).unwrap();
    for path in ["folder/file", "link"] {
        let storage = download(&root, &[(path, 6)]);
        let error = storage.write(ByteRange::new(0, 6), b"gotcha").unwrap_err();
        assert!(matches!(error, StorageError::NotPlain { .. }), "{error}");
        assert!(matches!(read(&storage, ByteRange::new(0, 6)), Err(StorageError::NotPlain { .. })));
    }
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"theirs");
    for parts in [vec![], vec!["..".to_owned(), "outside".to_owned()], vec!["a/b".to_owned()]] {
        let layout = TorrentLayout::new(PIECE_LEN, &[1]).unwrap();
        let refused = Storage::with(layout, root.clone(), vec![Place::Download { parts }]);
        assert!(matches!(refused, Err(StorageError::Name { .. })));
    }
}

#[test]
fn errors_name_their_file_and_leave_the_buffer_alone() {
    let home = tempfile::tempdir().unwrap();
    let storage = download(home.path(), &[("one", 500), ("two", 500)]);
    storage.write(ByteRange::new(0, 500), &film(500)).unwrap();
    let mut buf = b"before".to_vec();
    let error = storage.read(ByteRange::new(400, 600), &mut buf).unwrap_err();
    assert!(error.is_missing());
    assert_eq!(error.path(), home.path().join("two"));
    assert_eq!(buf, b"before");
    // A file that somebody cut short.
    fs::write(home.path().join("two"), [1; 50]).unwrap();
    let error = storage.read(ByteRange::new(400, 600), &mut buf).unwrap_err();
    assert!(error.is_missing());
    assert_eq!(error.path(), home.path().join("two"));
    assert_eq!(buf, b"before");
}

#[test]
fn a_full_disk_is_an_error_of_its_own() {
    // Linux's device that is always full stands in for a full disk.
    let Ok(full) = fs::OpenOptions::new().read(true).write(true).open("/dev/full") else { return };
    let home = tempfile::tempdir().unwrap();
    let storage = download(home.path(), &[("film", 100)]);
    storage.handles.insert(bittorrent_proto::units::FileIndex(0), Handle { file: full, writable: true });
    let error = storage.write(ByteRange::new(0, 100), &[1; 100]).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(error.path(), home.path().join("film"));
}

#[test]
fn free_space_is_that_of_the_disk_it_will_lie_on() {
    let home = tempfile::tempdir().unwrap();
    let storage = download(&home.path().join("not/made/yet"), &[("film", 100)]);
    assert!(storage.room().unwrap().free > 0);
    assert!(!home.path().join("not").exists());
    let relative = download(Path::new("not made yet either"), &[("film", 100)]);
    assert!(relative.room().unwrap().free > 0);
}

#[test]
fn deleting_takes_ours_and_leaves_theirs() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("torrent");
    let files = [("a/b/one", 500), ("a/two", 500), ("pad", 24), ("c/three", 500), ("never/written", 500)];
    let storage = download(&root, &files);
    storage.write(ByteRange::new(0, 1100), &film(1100)).unwrap();
    fs::write(root.join("a/theirs"), "theirs").unwrap();
    storage.delete().unwrap();
    assert_eq!(fs::read(root.join("a/theirs")).unwrap(), b"theirs");
    assert!(!root.join("a/b").exists());
    assert!(!root.join("a/two").exists());
    assert!(!root.join("c").exists());
    assert!(matches!(storage.write(ByteRange::new(0, 1), &[1]), Err(StorageError::Deleted { .. })));
    assert!(read(&storage, ByteRange::new(0, 1)).unwrap_err().is_missing());
    fs::remove_file(root.join("a/theirs")).unwrap();
    storage.delete().unwrap();
    assert!(!root.exists());
    storage.delete().unwrap();
    assert!(home.path().exists());
}

#[test]
fn deleting_goes_on_after_an_error() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("torrent");
    let storage = download(&root, &[("a", 500), ("b", 500)]);
    storage.write(ByteRange::new(500, 600), &film(100)).unwrap();
    fs::create_dir(root.join("a")).unwrap();
    assert!(matches!(storage.delete(), Err(StorageError::Io { action: Action::Delete, .. })));
    assert!(!root.join("b").exists());
}

#[test]
fn seeded_files_are_read_where_they_lie_and_never_deleted() {
    let home = tempfile::tempdir().unwrap();
    let paths = [home.path().join("one"), home.path().join("two")];
    fs::write(&paths[0], &film(1500)[..700]).unwrap();
    fs::write(&paths[1], &film(1500)[700..]).unwrap();
    let storage = seeded(&paths, PIECE_LEN);
    assert_eq!(read(&storage, ByteRange::new(0, 1500)).unwrap(), film(1500));
    assert_eq!(read(&storage, ByteRange::new(650, 750)).unwrap(), &film(1500)[650..750]);
    storage.delete().unwrap();
    assert!(paths.iter().all(|path| path.is_file()));
    assert_eq!(read(&storage, ByteRange::new(650, 750)).unwrap(), &film(1500)[650..750]);
}

/// Does something to a seeded file of 700 bytes, before it is opened or while it is open, and says what a read gives.
fn after(open_before: bool, change: impl Fn(&Path)) -> Result<Vec<u8>, StorageError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("film");
    fs::write(&path, film(700)).unwrap();
    let storage = seeded(std::slice::from_ref(&path), PIECE_LEN);
    if open_before {
        read(&storage, ByteRange::new(0, 10)).unwrap();
    }
    change(&path);
    read(&storage, ByteRange::new(0, 10))
}

#[test]
fn a_seeded_file_that_changed_is_not_served() {
    let set_modified = |path: &Path, modified: SystemTime| {
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    };
    let same_length_another_time = |path: &Path| {
        fs::write(path, vec![1; 700]).unwrap();
        set_modified(path, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    };
    let same_time_shorter = |path: &Path| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        fs::write(path, vec![1; 600]).unwrap();
        set_modified(path, modified);
    };
    let same_time_longer = |path: &Path| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        fs::write(path, vec![1; 800]).unwrap();
        set_modified(path, modified);
    };
    let cut_short = |path: &Path| fs::write(path, [1; 5]).unwrap();
    for open_before in [false, true] {
        for outcome in [
            after(open_before, same_length_another_time),
            after(open_before, same_time_shorter),
            after(open_before, same_time_longer),
            after(open_before, cut_short),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(&error, StorageError::Changed { path } if path.ends_with("film")), "{error}");
        }
    }
    let gone = after(false, |path| fs::remove_file(path).unwrap());
    assert!(matches!(gone, Err(StorageError::Changed { .. })));
    let replaced = after(false, |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    assert!(matches!(replaced, Err(StorageError::Changed { .. })));
    // Open it could still be read, but the host took it away: it is told, and not when the next read opens it anew.
    let unlinked = after(true, |path| fs::remove_file(path).unwrap());
    assert!(matches!(unlinked, Err(StorageError::Changed { .. })));
}

/// Hashes of the film's pieces.
fn hashes(bytes: &[u8]) -> impl Fn(PieceIndex) -> [u8; 20] + '_ {
    let len = PIECE_LEN as usize;
    move |piece| {
        let start = piece.as_usize() * len;
        hash(&bytes[start..bytes.len().min(start + len)])
    }
}

fn nothing(storage: &Storage) -> Bitfield {
    Bitfield::new_empty(storage.layout().piece_count())
}

fn verified(storage: &Storage, bytes: &[u8]) -> Vec<u32> {
    storage.verify_others(nothing(storage), hashes(bytes), &AtomicBool::new(false), |_| ()).iter_ones().collect()
}

#[test]
fn what_is_there_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let files = [("one", 2500), ("pad", 500), ("two", 3000), ("three", 700)];
    let mut bytes = film(6700);
    bytes[2500..3000].fill(0);
    let storage = download(home.path(), &files);
    assert_eq!(verified(&storage, &bytes), [] as [u32; 0]);
    for piece in [1, 2, 4, 6] {
        let range = storage.layout().piece_range(storage.layout().piece(piece).unwrap());
        storage.write(range, part(&bytes, range)).unwrap();
    }
    assert_eq!(verified(&storage, &bytes), [1, 2, 4, 6]);
    let again = download(home.path(), &files);
    assert_eq!(verified(&again, &bytes), [1, 2, 4, 6]);
    // One bit of piece 4, and the last file gone.
    again.write(ByteRange::new(4999, 5000), &[bytes[4999] ^ 1]).unwrap();
    fs::remove_file(home.path().join("three")).unwrap();
    let again = download(home.path(), &files);
    assert_eq!(verified(&again, &bytes), [1, 2]);
    // Shorter than it was.
    fs::File::options().write(true).open(home.path().join("one")).unwrap().set_len(2100).unwrap();
    let again = download(home.path(), &files);
    assert_eq!(verified(&again, &bytes), [1]);
}

#[test]
fn checking_can_be_cancelled_and_tells_how_far_it_is() {
    let home = tempfile::tempdir().unwrap();
    let bytes = film(10_000);
    let storage = download(home.path(), &[("film", 10_000)]);
    storage.write(ByteRange::new(0, 10_000), &bytes).unwrap();
    let cancelled = AtomicBool::new(false);
    let told = std::cell::RefCell::new(Vec::new());
    let found = storage.verify_others(nothing(&storage), hashes(&bytes), &cancelled, |done| {
        told.borrow_mut().push(done);
        cancelled.store(done >= 0.3, Ordering::Relaxed);
    });
    assert_eq!(found.iter_ones().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(*told.borrow(), [0.1, 0.2, 0.3]);
}

#[test]
fn a_hole_is_passed_over_without_reading_it() {
    let home = tempfile::tempdir().unwrap();
    // A piece of zeros that was never written matches its hash and counts as missing all the same.
    let len = 64 << 20;
    let layout = TorrentLayout::new(1 << 20, &[len]).unwrap();
    let places = vec![Place::Download { parts: vec!["film".to_owned()] }];
    let storage = Storage::with(layout, home.path().to_owned(), places).unwrap();
    storage.write(ByteRange::new(len - (1 << 20), len), &vec![0; 1 << 20]).unwrap();
    let of_zeros = hash(&vec![0; 1 << 20]);
    let found = storage.verify_others(nothing(&storage), |_| of_zeros, &AtomicBool::new(false), |_| ());
    assert_eq!(found.iter_ones().collect::<Vec<_>>(), [63]);
}

#[test]
fn a_sync_is_about_what_was_written_since_the_last() {
    let home = tempfile::tempdir().unwrap();
    // More files than are open at once.
    let names: Vec<_> = (0..handles::OPEN_MAX + 4).map(|n| format!("folder/{n}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), 100)).collect();
    files.insert(3, ("pad", 100));
    let storage = download(home.path(), &files);
    assert_eq!(storage.sync().unwrap().stamps, []);
    assert!(storage.stamps().iter().all(Option::is_none));
    let total = storage.layout().total_len().get();
    storage.write(ByteRange::new(0, total), &film(total)).unwrap();
    let synced = storage.sync().unwrap().stamps;
    assert_eq!(synced.len(), names.len(), "all but the padding");
    let stamps = storage.stamps();
    assert_eq!(stamps.iter().flatten().count(), names.len());
    for (file, stamp) in synced {
        assert_eq!(stamp, stamps[file.as_usize()]);
        assert_eq!(stamp.unwrap().size, 100);
    }
    assert_eq!(storage.sync().unwrap().stamps, [], "once is enough");
    storage.write(ByteRange::new(250, 251), &[1]).unwrap();
    storage.write(ByteRange::new(150, 151), &[1]).unwrap();
    storage.handles.clear();
    fs::remove_file(home.path().join("folder/1")).unwrap();
    let synced = storage.sync().unwrap().stamps;
    let indices: Vec<_> = synced.iter().map(|(file, stamp)| (file.0, stamp.is_some())).collect();
    assert_eq!(indices, [(1, false), (2, true)], "one that is gone is no error, and not made anew");
    assert!(!home.path().join("folder/1").exists());
}

#[test]
fn what_is_found_by_hashing_is_synced_too() {
    let home = tempfile::tempdir().unwrap();
    let bytes = film(3000);
    let files = [("one", 1500), ("two", 1500)];
    download(home.path(), &files).write(ByteRange::new(0, 1000), &bytes[..1000]).unwrap();
    let again = download(home.path(), &files);
    assert_eq!(verified(&again, &bytes), [0]);
    assert_eq!(again.checked_bytes(), 1000);
    // Whoever wrote it may have been killed before it was on the disk.
    assert_eq!(again.sync().unwrap().stamps.iter().map(|(file, _)| file.0).collect::<Vec<_>>(), [0]);
    let believed = download(home.path(), &files);
    let mut found = Bitfield::new_empty(3);
    found.set(0);
    let found = believed.verify_others(found, hashes(&bytes), &AtomicBool::new(false), |_| ());
    assert_eq!(found.iter_ones().collect::<Vec<_>>(), [0]);
    assert_eq!(
        (believed.checked_bytes(), believed.sync().unwrap().stamps.len()),
        (0, 0),
        "what is believed is not read"
    );
}

#[test]
fn a_disk_that_cannot_keep_what_it_took_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let storage = download(home.path(), &[("film", 100)]);
    storage.write(ByteRange::new(0, 100), &film(100)).unwrap();
    // A pipe cannot be synced.
    let (_, writer) = std::io::pipe().unwrap();
    let file = File::from(std::os::fd::OwnedFd::from(writer));
    storage.handles.clear();
    storage.handles.insert(bittorrent_proto::units::FileIndex(0), Handle { file, writable: true });
    let error = storage.sync().unwrap_err();
    assert!(matches!(error, StorageError::Io { action: Action::Sync, .. }), "{error}");
    assert!(error.to_string().starts_with("cannot sync "), "{error}");
}

fn torrents() -> impl Strategy<Value = Vec<(bool, u64)>> {
    proptest::collection::vec((prop::bool::weighted(0.2), 0u64..5000), 1..20)
        .prop_filter("not one byte", |files| files.iter().any(|(_, len)| *len > 0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pieces written in any order, some of them, read back in any ranges with any buffer.
    #[test]
    fn what_was_written_is_read(
        files in torrents(),
        order in any::<u64>(),
        missing in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        ranges in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..20_000), 1..12),
    ) {
        let home = tempfile::tempdir().unwrap();
        let names: Vec<_> =
            (0..files.len()).map(|n| if files[n].0 { "pad".to_owned() } else { format!("{}/{n}", n % 3) }).collect();
        let files: Vec<_> = names.iter().map(String::as_str).zip(files.iter().map(|(_, len)| *len)).collect();
        let storage = download(home.path(), &files);
        let layout = storage.layout();
        let total = layout.total_len().get();
        let mut bytes = film(total);
        for (n, (name, _)) in files.iter().enumerate() {
            let range = layout.file_range(bittorrent_proto::units::FileIndex(u32::try_from(n).unwrap())).unwrap();
            if *name == "pad" {
                bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].fill(0);
            }
        }
        let mut pieces: Vec<_> = layout.pieces().collect();
        pieces.sort_by_key(|piece| hash(&(order ^ u64::from(piece.get())).to_le_bytes()));
        for &piece in &pieces {
            let range = layout.piece_range(piece);
            storage.write(range, part(&bytes, range)).unwrap();
        }
        for (a, b, capacity) in ranges {
            let (a, b) = (a.index(bytes.len() + 1), b.index(bytes.len() + 1));
            let range = ByteRange::new(u64::try_from(a.min(b)).unwrap(), u64::try_from(a.max(b)).unwrap());
            let mut buf = Vec::with_capacity(capacity);
            buf.extend_from_slice(b"before");
            storage.read(range, &mut buf).unwrap();
            prop_assert_eq!(&buf[..6], b"before");
            prop_assert_eq!(&buf[6..], part(&bytes, range));
        }
        // Damage some pieces: exactly the others are found.
        let mut expected: Vec<_> = layout.pieces().map(PieceIndex::get).collect();
        for piece in missing {
            let piece = layout.piece(u32::try_from(piece.index(pieces.len())).unwrap()).unwrap();
            let range = layout.piece_range(piece);
            let altered: Vec<_> = part(&bytes, range).iter().map(|byte| !byte).collect();
            storage.write(range, &altered).unwrap();
            // Nothing of a pad file can be damaged.
            if read(&storage, range).unwrap() != part(&bytes, range) {
                expected.retain(|index| *index != piece.get());
            }
        }
        prop_assert_eq!(verified(&storage, &bytes), expected);
    }
}
