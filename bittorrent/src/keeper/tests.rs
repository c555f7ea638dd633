//! The time is an input, so nobody waits for 14 days.

use std::time::Duration;

use bittorrent_proto::create::{Contents, NewFile, metainfo};
use bittorrent_proto::units::{ByteLen, ByteRange};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A data folder with downloads that were used some days before `now`.
struct Folder {
    dir: tempfile::TempDir,
    now: SystemTime,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), now: SystemTime::now() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A download of 70,000 bytes, in a folder of its own.
    fn download(&self, name: &str, unused: Duration) -> Metainfo {
        let file = |name: &str, len| NewFile { path: vec!["disc".into(), name.into()], len: ByteLen::new(len) };
        let files = vec![file("film.mkv", 60_000), file("film.srt", 10_000)];
        let metainfo = metainfo(name, &Contents::Folder(files), 65_536, &[7; 40]).unwrap();
        kept::keep(self.path(), &metainfo).unwrap();
        let storage = self.storage(&metainfo);
        storage.write(ByteRange::new(0, 70_000), &[1; 70_000]).unwrap();
        fs::write(self.path().join(format!("{}.resume", metainfo.infohash)), b"claims").unwrap();
        let mark = Mark::take(self.path(), metainfo.infohash).unwrap();
        mark.0.set_modified(self.now - unused).unwrap();
        metainfo
    }

    fn storage(&self, metainfo: &Metainfo) -> Storage {
        Storage::download(prepare::download_root(self.path(), metainfo), metainfo).unwrap()
    }

    fn tidy(&self, goal: Goal) -> Vec<String> {
        tidy(self.path(), self.now, goal).into_iter().map(|removed| removed.name).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_was_not_used_for_14_days_goes_with_all_that_belongs_to_it() {
    let folder = Folder::new();
    let fresh = folder.download("fresh", 13 * DAY);
    let tomorrow = folder.download("tomorrow", Duration::ZERO);
    // A clock that was wrong once.
    Mark::take(folder.path(), tomorrow.infohash).unwrap().0.set_modified(folder.now + 400 * DAY).unwrap();
    let old = folder.download("old", 15 * DAY);
    fs::write(folder.path().join("notes.txt"), b"somebody's").unwrap();
    let removed = tidy(folder.path(), folder.now, Goal::Reserve);
    assert_eq!(removed.len(), 1, "{removed:?}");
    assert_eq!((removed[0].infohash, removed[0].why), (old.infohash, Why::Unused));
    assert!(removed[0].bytes >= 70_000, "{removed:?}");
    let names = folder.names();
    assert!(names.iter().all(|name| !name.starts_with(&old.infohash.to_string())), "{names:?}");
    assert_eq!(names.len(), 4 + 4 + 1, "folder, details, claims and mark of both others, and the notes: {names:?}");
    assert!(folder.storage(&fresh).bytes_on_disk() >= 70_000);
    assert_eq!(folder.tidy(Goal::Reserve), [""; 0]);
}

#[test]
fn what_runs_stays_however_old_its_mark_is() {
    let folder = Folder::new();
    let old = folder.download("old", 100 * DAY);
    let mark = Mark::take(folder.path(), old.infohash).unwrap();
    mark.0.set_modified(folder.now - 100 * DAY).unwrap();
    assert_eq!(folder.tidy(Goal::Reserve), [""; 0]);
    drop(mark);
    assert_eq!(folder.tidy(Goal::Reserve), ["old"]);
}

#[test]
fn for_room_the_oldest_go_first_and_nothing_in_vain() {
    let folder = Folder::new();
    folder.download("newer", 2 * DAY);
    folder.download("older", 3 * DAY);
    let free = Room::of(folder.path()).unwrap().spare();
    assert_eq!(folder.tidy(Goal::Room(free.saturating_mul(2) + (1 << 40))), [""; 0], "both would not be enough");
    assert_eq!(folder.tidy(Goal::Room(0)), [""; 0], "there is room");
}

#[test]
fn a_use_makes_it_new_and_a_download_without_a_mark_is_as_old_as_its_details() {
    let folder = Folder::new();
    let used = folder.download("used", 100 * DAY);
    drop(Mark::take(folder.path(), used.infohash).unwrap());
    let unmarked = folder.download("unmarked", 100 * DAY);
    fs::remove_file(path(folder.path(), unmarked.infohash)).unwrap();
    assert_eq!(folder.tidy(Goal::Reserve), [""; 0]);
    let details = File::open(kept::path(folder.path(), unmarked.infohash)).unwrap();
    details.set_modified(folder.now - 15 * DAY).unwrap();
    assert_eq!(folder.tidy(Goal::Reserve), ["unmarked"]);
}

#[test]
fn what_nobody_knows_is_never_touched() {
    let folder = Folder::new();
    let old = folder.download("old", 100 * DAY);
    let own = folder.path().join(old.infohash.to_string());
    fs::write(own.join("old/disc/other.mkv"), b"somebody's").unwrap();
    let headless = folder.download("headless", 100 * DAY);
    fs::write(kept::path(folder.path(), headless.infohash), b"damaged").unwrap();
    let before = folder.storage(&headless).bytes_on_disk();
    assert_eq!(folder.tidy(Goal::Reserve), ["old"]);
    assert_eq!(fs::read(own.join("old/disc/other.mkv")).unwrap(), b"somebody's");
    assert!(!own.join("old/disc/film.mkv").exists());
    assert_eq!(folder.storage(&headless).bytes_on_disk(), before, "without details nobody knows what is whose");
}

#[test]
fn links_are_not_followed() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().unwrap();
    for (name, link) in [("a", ""), ("b", "b"), ("c", "c/disc")] {
        let old = folder.download(name, 100 * DAY);
        let own = folder.path().join(old.infohash.to_string());
        let link = if link.is_empty() { own.clone() } else { own.join(link) };
        let target = elsewhere.path().join(name);
        fs::rename(&link, &target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
    }
    assert_eq!(folder.tidy(Goal::Reserve), [""; 0]);
    for film in ["a/a/disc/film.mkv", "b/disc/film.mkv", "c/film.mkv"] {
        assert!(elsewhere.path().join(film).exists(), "{film} lies behind a link");
    }
    // Nor is a mark that leads elsewhere.
    let old = folder.download("d", DAY);
    let mark = path(folder.path(), old.infohash);
    fs::rename(&mark, elsewhere.path().join("mark")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("mark"), &mark).unwrap();
    assert!(Mark::take(folder.path(), old.infohash).is_err());
}
