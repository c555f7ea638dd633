//! Makes a torrent of a file or folder where it lies: finds the files, looks at how long the film is, hashes it all.
//!
//! Nothing is copied and nothing is written. Serving what was made is [`Storage`]'s part.

mod hashing;
mod scan;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bittorrent_proto::create::{self, Contents, NewFile};
use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::limits::PIECE_LEN_MAX;
use bittorrent_proto::media::Probe;
use bittorrent_proto::metainfo::{Metainfo, MetainfoError};
use bittorrent_proto::units::ByteLen;
use smol::channel;

pub(crate) use hashing::hash_pieces;
pub(crate) use scan::{FILES_MAX, Source, scan};

use crate::storage::{SeededFile, Storage, StorageError};

/// A torrent that can be served: every piece is here and hashed.
pub(crate) struct Seeded {
    /// What to tell others.
    pub(crate) metainfo: Metainfo,
    /// The files, as they were when they were hashed.
    pub(crate) storage: Storage,
}

/// Why something cannot be shared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    /// A file or folder cannot be opened or read.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Not one byte to share.
    #[error("{} holds no bytes to share", path.display())]
    Empty {
        /// The file, or the folder that was asked for.
        path: PathBuf,
    },
    /// It cannot travel in a torrent.
    #[error("{} cannot be shared: {reason}", path.display())]
    Unfit {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        reason: Unfit,
    },
    /// A file is not what it was when hashing began.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// Whoever asked for it does not want it any more.
    #[error("cancelled")]
    Cancelled,
    /// No thread could be started for it.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Why a file or folder cannot travel in a torrent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// BEP 3: strings are UTF-8.
    #[error("its name is not text in UTF-8")]
    NameNotUtf8,
    /// A device, a pipe, a socket.
    #[error("it is not a plain file or a folder")]
    NotPlain,
    /// More than [`bittorrent_proto::paths::PATH_DEPTH_MAX`] names.
    #[error("its folders are nested too deeply")]
    TooDeep,
    /// More than [`bittorrent_proto::paths::PATH_LEN_MAX`] bytes.
    #[error("its path is too long")]
    PathTooLong,
    /// More than [`FILES_MAX`].
    #[error("it holds more than {FILES_MAX} files")]
    TooManyFiles,
    /// No torrent of ours may be like that.
    #[error(transparent)]
    Refused(#[from] MetainfoError),
}

/// Gets a tenth of what a busy thread of the usual niceness gets, and everything when there is none.
#[cfg(target_os = "linux")]
const HASHING_NICENESS: i32 = 10;

/// [`seed`] on threads of its own. Dropping the future stops them within a read.
pub(crate) async fn seed_async(
    path: PathBuf,
    name: Option<String>,
    progress: Arc<dyn Fn(f64) + Send + Sync>,
) -> Result<Seeded, SeedError> {
    let cancel = CancelOnDrop(Arc::new(AtomicBool::new(false)));
    let cancelled = cancel.0.clone();
    let (sender, result) = channel::bounded(1);
    let thread = thread::Builder::new().name("hash-0".to_owned()).spawn(move || {
        give_way();
        let outcome = catch_unwind(AssertUnwindSafe(|| seed(&path, name.as_deref(), &cancelled, &*progress)));
        // Nobody may be waiting any more, which is no error.
        let _ = sender.try_send(outcome);
    });
    thread.map_err(SeedError::Thread)?;
    let outcome = result.recv().await.expect("the thread sends whatever came of it, a panic included");
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Hashing takes every core there is, and a film that plays here meanwhile comes first. On Linux a thread has a niceness, which its
/// own threads inherit; elsewhere it would be the whole process's, and is left.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, HASHING_NICENESS) {
        log::debug!("hashing goes on as fast as everything else: {error}");
    }
}

/// Makes a torrent of the file or folder at `path`, called `name` or else as it is called on the disk. Blocks while
/// everything is read and hashed; `progress` and `cancelled` are as for [`hash_pieces`].
pub(crate) fn seed(
    path: &Path,
    name: Option<&str>,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Seeded, SeedError> {
    let source = scan(path)?;
    let refused = |error| SeedError::Unfit { path: path.to_owned(), reason: Unfit::Refused(error) };
    let piece_len = create::piece_len(source.total_len(), playing_time(&source)?);
    let lens: Vec<_> = source.files.iter().map(|file| file.seeded.len.get()).collect();
    let layout = TorrentLayout::new(piece_len, &lens).map_err(|error| refused(error.into()))?;
    let storage = Storage::seed(source.files.iter().map(|file| file.seeded.clone()).collect(), layout);
    let hashes = hash_pieces(&storage, hashing::threads(), cancelled, progress)?;
    let name = name.unwrap_or(&source.name);
    let metainfo = create::metainfo(name, &contents(&source), piece_len, &hashes).map_err(refused)?;
    assert_eq!(&metainfo.layout, storage.layout(), "a torrent of other files than were hashed");
    Ok(Seeded { metainfo, storage })
}

/// Files looked at for a playing time. A film is the largest file of its folder; behind it may be an archive or an image.
const PROBED_MAX: usize = 3;

/// How long everything would play at the rate of the largest film among it; `None` when no such file says.
fn playing_time(source: &Source) -> Result<Option<Duration>, SeedError> {
    let mut files: Vec<_> = source.files.iter().map(|file| &file.seeded).collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.len));
    for file in files.into_iter().take(PROBED_MAX) {
        if let Some(duration) = duration(file)? {
            return Ok(Some(scaled(duration, source.total_len(), file.len)));
        }
    }
    Ok(None)
}

/// What the file says of its own playing time.
fn duration(file: &SeededFile) -> Result<Option<Duration>, SeedError> {
    if file.len == ByteLen::ZERO {
        return Ok(None);
    }
    // Pieces play no part in looking; the longest fit the largest file.
    let alone = TorrentLayout::new(PIECE_LEN_MAX, &[file.len.get()])
        .map_err(|error| SeedError::Unfit { path: file.path.clone(), reason: Unfit::Refused(error.into()) });
    let storage = Storage::seed(vec![file.clone()], alone?);
    let mut probe = Probe::new(file.len);
    let mut bytes = Vec::new();
    while let Some(range) = probe.next_range() {
        bytes.clear();
        storage.read(range, &mut bytes)?;
        probe.handle(range, &bytes);
    }
    Ok(probe.facts().duration)
}

/// The playing time of `total` bytes, when `part` of them play for `duration`.
fn scaled(duration: Duration, total: ByteLen, part: ByteLen) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(total.get())) / u128::from(part.get().max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn contents(source: &Source) -> Contents {
    match source.files.as_slice() {
        [file] if !source.is_folder => Contents::File(file.seeded.len),
        files => Contents::Folder(
            files.iter().map(|file| NewFile { path: file.parts.clone(), len: file.seeded.len }).collect(),
        ),
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl From<StorageError> for SeedError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io { path, source, .. } => Self::Open { path, source },
            StorageError::Changed { path } | StorageError::Deleted { path } => Self::Changed { path },
            StorageError::NotPlain { path } => Self::Unfit { path, reason: Unfit::NotPlain },
            // Nothing is written while a file is hashed.
            StorageError::Reserve { path, .. } => Self::Unfit { path, reason: Unfit::NotPlain },
            StorageError::Name { name } => Self::Unfit { path: name.into(), reason: Unfit::NotPlain },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use bittorrent_proto::units::ByteRange;

    use super::*;

    fn seed_now(path: &Path, name: Option<&str>) -> Result<Seeded, SeedError> {
        seed(path, name, &AtomicBool::new(false), &|_| ())
    }

    /// The smallest start of an MP4 that says how long it plays: `ftyp`, and `moov` with `mvhd`, then nothing but bytes.
    fn mp4(seconds: u32, len: usize) -> Vec<u8> {
        let mut mvhd = vec![0; 100];
        mvhd[12..16].copy_from_slice(&1000u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&(seconds * 1000).to_be_bytes());
        let boxed = |kind: &[u8; 4], body: &[u8]| {
            let len = u32::try_from(body.len() + 8).unwrap();
            [&len.to_be_bytes(), kind.as_slice(), body].concat()
        };
        let mut film = boxed(b"ftyp", b"isom\0\0\0\x01isom");
        film.extend(boxed(b"moov", &boxed(b"mvhd", &mvhd)));
        let rest = len - film.len() - 8;
        film.extend(boxed(b"mdat", &vec![7; rest]));
        film
    }

    /// Whether every piece that can be read is the one that the torrent names.
    fn assert_serves(seeded: &Seeded, bytes: &[u8]) {
        let mut buf = Vec::new();
        let layout = &seeded.metainfo.layout;
        seeded.storage.read(ByteRange::new(0, layout.total_len().get()), &mut buf).unwrap();
        assert!(buf == bytes);
        for piece in layout.pieces() {
            assert!(seeded.storage.matches(piece, *seeded.metainfo.piece_hash(piece), &mut buf), "{piece:?}");
        }
    }

    #[test]
    fn a_film_becomes_a_torrent_with_pieces_that_play_short() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("фильм.mp4");
        // 2 MB/s: 800 kB in 400 ms, and 512 KiB is the most.
        let film = mp4(4, 8_000_000);
        fs::write(&path, &film).unwrap();
        let seeded = seed_now(&path, None).unwrap();
        assert_eq!(seeded.metainfo.name, "фильм.mp4");
        assert!(seeded.metainfo.single_file);
        assert_eq!(seeded.metainfo.layout.piece_len_max(), create::PIECE_LEN_MOST);
        assert_serves(&seeded, &film);
        let renamed = seed_now(&path, Some("Tonight.mp4")).unwrap();
        assert_eq!(renamed.metainfo.name, "Tonight.mp4");
        assert_ne!(renamed.metainfo.infohash, seeded.metainfo.infohash);
    }

    #[test]
    fn a_folder_keeps_its_files_in_order_and_plays_at_its_largest_films_rate() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("Season 1");
        fs::create_dir_all(root.join("subtitles")).unwrap();
        // Half of the bytes play for two seconds, so all of them would play for four.
        let (film, extra) = (mp4(2, 4_000_000), vec![1; 3_990_000]);
        fs::write(root.join("b.mp4"), &film).unwrap();
        fs::write(root.join("a.rar"), &extra).unwrap();
        fs::write(root.join("subtitles/en.srt"), vec![2; 10_000]).unwrap();
        fs::write(root.join("empty"), "").unwrap();
        let seeded = seed_now(&root, None).unwrap();
        assert!(!seeded.metainfo.single_file);
        let paths: Vec<_> = seeded.metainfo.files.iter().map(|file| file.path.join("/")).collect();
        assert_eq!(paths, ["a.rar", "b.mp4", "empty", "subtitles/en.srt"]);
        assert_eq!(seeded.metainfo.layout.piece_len_max(), create::PIECE_LEN_MOST);
        assert_serves(&seeded, &[extra, film, vec![2; 10_000]].concat());
    }

    #[test]
    fn a_folder_of_one_file_stays_a_folder() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("film"), "film").unwrap();
        let seeded = seed_now(home.path(), Some("folder")).unwrap();
        assert!(!seeded.metainfo.single_file);
        assert_eq!(seeded.metainfo.layout.piece_len_max(), create::PIECE_LEN_LEAST);
        assert_serves(&seeded, b"film");
    }

    #[test]
    fn names_are_made_safe_for_others_and_found_here_all_the_same() {
        let home = tempfile::tempdir().unwrap();
        for (name, bytes) in [("what?.mkv", "question"), ("what*.mkv", "star")] {
            fs::write(home.path().join(name), bytes).unwrap();
        }
        let seeded = seed_now(home.path(), Some("a/b")).unwrap();
        let paths: Vec<_> = seeded.metainfo.files.iter().map(|file| file.path.join("/")).collect();
        assert_eq!(paths, ["what_.mkv", "what_.1.mkv"]);
        assert_eq!(seeded.metainfo.name, "ab");
        assert_serves(&seeded, b"starquestion");
    }

    #[test]
    fn playing_times_scale_with_bytes() {
        let (hour, mib) = (Duration::from_secs(3600), ByteLen::new(1 << 20));
        assert_eq!(scaled(hour, ByteLen::new(3 << 20), mib), hour * 3);
        assert_eq!(scaled(hour, mib, mib), hour);
        assert_eq!(scaled(Duration::MAX, ByteLen::new(u64::MAX), ByteLen::ZERO), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn errors_say_which_file() {
        let home = tempfile::tempdir().unwrap();
        let missing = home.path().join("missing");
        let error = seed_now(&missing, None).err().unwrap();
        assert!(matches!(&error, SeedError::Open { path, source }
            if *path == missing && source.kind() == io::ErrorKind::NotFound));
        assert!(error.to_string().starts_with(&format!("cannot open {}: ", missing.display())), "{error}");
        let unfit = SeedError::Unfit { path: "film".into(), reason: Unfit::TooManyFiles };
        assert_eq!(unfit.to_string(), "film cannot be shared: it holds more than 5000 files");
    }

    #[test]
    fn on_threads_of_its_own_it_does_the_same() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("film");
        fs::write(&path, vec![5; 300_000]).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = told.clone();
        let progress = Arc::new(move |done| telling.lock().unwrap().push(done));
        let seeded = smol::block_on(seed_async(path, None, progress)).unwrap();
        assert_serves(&seeded, &vec![5; 300_000]);
        assert_eq!(told.lock().unwrap().last(), Some(&1.0));
    }

    #[test]
    fn dropping_the_future_stops_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("film");
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        // The first word of progress waits until the future is dropped; without that, a TiB would be hashed.
        let (dropped, wait) = std::sync::mpsc::channel::<()>();
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let held = Mutex::new((wait, ended));
        let progress = Arc::new(move |_| {
            let _ = held.lock().unwrap().0.recv();
        });
        let mut seeding = Box::pin(seed_async(path, None, progress));
        assert!(smol::block_on(smol::future::poll_once(&mut seeding)).is_none());
        drop(seeding);
        drop(dropped);
        // The thread drops the progress, and the sender in it, when it ends.
        assert!(end.recv().is_err());
    }

    #[test]
    fn a_panic_on_its_threads_reaches_the_caller() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("film");
        fs::write(&path, "film").unwrap();
        let seeding = seed_async(path, None, Arc::new(|_| panic!("nobody looks")));
        assert!(catch_unwind(AssertUnwindSafe(|| smol::block_on(seeding).is_ok())).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn hashing_gives_way_to_everything_else() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.mkv");
        fs::write(&film, vec![7; 1_000_000]).unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let ours = niceness();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let progress = Arc::new(move |_| told.lock().unwrap().push(niceness()));
        smol::block_on(seed_async(film, None, progress)).unwrap();
        let seen = seen.lock().unwrap();
        assert!(!seen.is_empty() && seen.iter().all(|&nice| nice == HASHING_NICENESS), "{seen:?}");
        assert_eq!(niceness(), ours, "only those threads");
    }
}
