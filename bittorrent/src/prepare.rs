//! From metadata to the first request: which file is the film, where it lies, what of it is here already.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::reader::Slack;
use bittorrent_proto::torrent::{Begin, Input};
use bittorrent_proto::units::{ByteRange, FileIndex};

use crate::config::{Fetch, FileChoice};
use crate::events::{Failure, TorrentEvent};
use crate::kept;
use crate::pool::Lane;
use crate::resume;
use crate::shared::{Known, VerifiedPieces};
use crate::storage::Storage;
use crate::torrent_task::TorrentTask;

/// The film's beginning and end are worth having before anybody asks: players look there first.
const HEAD_LEN: u64 = 1024 * 1024;
const TAIL_LEN: u64 = 1024 * 1024;

/// Standing deadlines for both: behind what a reader needs next, before the rest.
const HEAD_SLACK: Slack = Slack(2_000_000);
const TAIL_SLACK: Slack = Slack(8_000_000);

/// Endings of files that players play.
const MEDIA: [&str; 16] =
    ["mp4", "m4v", "mkv", "webm", "avi", "mov", "ts", "m2ts", "mpg", "mpeg", "wmv", "flv", "ogv", "mp3", "m4a", "flac"];

/// Whether a file is one that players play, by its name.
pub(crate) fn is_media(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| MEDIA.iter().any(|media| ending.eq_ignore_ascii_case(media)))
}

/// The file to play.
pub(crate) fn choose(metainfo: &Metainfo, choice: &FileChoice) -> Result<FileIndex, String> {
    let shown = |index: usize| metainfo.files.get(index).is_some_and(|file| !file.pad);
    let found = match choice {
        FileChoice::Index(index) => Some(*index as usize).filter(|index| shown(*index)),
        FileChoice::Path(path) => metainfo.files.iter().position(|file| !file.pad && file.path.join("/") == *path),
        FileChoice::Largest | FileChoice::All => {
            let media = |index: &usize| metainfo.files[*index].path.last().is_some_and(|name| is_media(name));
            let largest = |indices: &mut dyn Iterator<Item = usize>| {
                // The first of several equally large ones.
                indices.min_by_key(|index| (std::cmp::Reverse(metainfo.files[*index].len), *index))
            };
            let all = || (0..metainfo.files.len()).filter(|index| shown(*index));
            largest(&mut all().filter(media)).or_else(|| largest(&mut all()))
        }
    };
    let words = || match choice {
        FileChoice::Index(index) => format!("number {index}"),
        FileChoice::Path(path) => path.clone(),
        FileChoice::Largest | FileChoice::All => "it holds no file".to_owned(),
    };
    found.and_then(|index| u32::try_from(index).ok()).map(FileIndex).ok_or_else(words)
}

/// The pieces that are fetched.
fn wanted(metainfo: &Metainfo, film: FileIndex, choice: &FileChoice) -> Bitfield {
    let layout = &metainfo.layout;
    if *choice == FileChoice::All {
        return Bitfield::new_full(layout.piece_count());
    }
    let mut wanted = Bitfield::new_empty(layout.piece_count());
    for piece in layout.file_range(film).into_iter().flat_map(|range| layout.pieces_of(range)) {
        wanted.set(piece.get());
    }
    wanted
}

fn hints(metainfo: &Metainfo, film: FileIndex) -> Vec<(ByteRange, Slack)> {
    let Some(range) = metainfo.layout.file_range(film) else { return Vec::new() };
    let head = ByteRange::new(range.start, range.start + HEAD_LEN).intersect(range);
    let tail = ByteRange::new(range.end.saturating_sub(TAIL_LEN), range.end).intersect(range);
    vec![(head, HEAD_SLACK), (tail, TAIL_SLACK)]
}

/// A seeded torrent begins with everything.
pub(crate) fn begin_seeding(task: &Rc<TorrentTask>, known: &Known) {
    let have = Bitfield::new_full(known.metainfo.layout.piece_count());
    let _ = task.shared.verified.set(VerifiedPieces::new(&have));
    // A stream may have been opened before this thread came to it.
    task.shared.changed.notify(usize::MAX);
    let begin =
        Begin { wanted: have.clone(), ever: have.clone(), have, fetch_rest: true, paused: false, hints: Vec::new() };
    task.input(Input::Begin(begin));
}

/// The metadata is here: chooses the film, makes its storage, looks at what is on the disk, begins.
pub(crate) async fn prepare(task: Rc<TorrentTask>, metainfo: Arc<Metainfo>) {
    let film = match choose(&metainfo, &task.order.file) {
        Ok(film) => film,
        Err(words) => return task.fail(Failure::NoSuchFile(words)),
    };
    let root = download_root(&task.order.data_dir, &metainfo);
    let storage = match Storage::download(root.clone(), &metainfo) {
        Ok(storage) => Arc::new(storage),
        Err(error) => return task.fail(Failure::Disk { path: root, reason: error.to_string() }),
    };
    let _ = task.shared.known.set(Known { metainfo: metainfo.clone(), film, storage: storage.clone() });
    task.moved.set(true);
    crate::report::publish(&task, std::time::Instant::now());
    task.shared.tell(&TorrentEvent::Metadata);

    task.mark_used(&metainfo).await;
    let kept = {
        let (data_dir, metainfo) = (task.order.data_dir.clone(), metainfo.clone());
        task.shared.pool.run(Lane::Write, move || kept::keep(&data_dir, &metainfo)).await
    };
    if let Err(error) = kept {
        // It only means that the details must be fetched again another time.
        log::warn!("{}: the torrent's details could not be kept: {error}", metainfo.infohash);
    }
    let found = {
        let (data_dir, metainfo) = (task.order.data_dir.clone(), metainfo.clone());
        // A stopped torrent stops looking within a piece: the flag is set when this future is dropped.
        let stop = StopOnDrop::new();
        let cancelled = stop.0.clone();
        let look = move || resume::look(&storage, &metainfo, &data_dir, sample_seed(), &cancelled);
        let found = task.shared.pool.run(Lane::Bulk, look).await;
        drop(stop);
        found
    };
    let _ = task.shared.verified.set(VerifiedPieces::new(&found.have));
    task.shared.changed.notify(usize::MAX);
    let begin = Begin {
        have: found.have,
        ever: found.ever,
        wanted: wanted(&metainfo, film, &task.order.file),
        fetch_rest: task.order.fetch == Fetch::All,
        paused: true,
        hints: hints(&metainfo, film),
    };
    task.saver.begin(found.ledger).await;
    task.begin_download(begin).await;
    task.spawn(resume::keep_saving(task.clone()));
}

/// Which pieces are samples. Not a secret: without randomness they are only the same each time.
fn sample_seed() -> u64 {
    let mut seed = [0; 8];
    let _ = getrandom::fill(&mut seed);
    u64::from_le_bytes(seed)
}

pub(crate) fn download_root(data_dir: &std::path::Path, metainfo: &Metainfo) -> PathBuf {
    let own = data_dir.join(metainfo.infohash.to_string());
    if metainfo.single_file { own } else { own.join(&metainfo.name) }
}

struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bittorrent_proto::create::{Contents, NewFile, metainfo};
    use bittorrent_proto::units::ByteLen;

    fn folder(files: &[(&str, u64)]) -> Metainfo {
        let files = files
            .iter()
            .map(|(path, len)| NewFile { path: path.split('/').map(str::to_owned).collect(), len: ByteLen::new(*len) })
            .collect::<Vec<_>>();
        let total: u64 = files.iter().map(|file| file.len.get()).sum();
        let hashes = vec![0; usize::try_from(total.div_ceil(65_536)).unwrap() * 20];
        metainfo("folder", &Contents::Folder(files), 65_536, &hashes).unwrap()
    }

    #[test]
    fn the_film_is_the_largest_media_file() {
        let torrent = folder(&[("extras/a.mkv", 10), ("b.MP4", 700_000), ("c.iso", 9_000_000), ("d.srt", 99)]);
        assert_eq!(choose(&torrent, &FileChoice::Largest), Ok(FileIndex(1)));
        assert_eq!(choose(&torrent, &FileChoice::All), Ok(FileIndex(1)));
        assert_eq!(choose(&torrent, &FileChoice::Index(2)), Ok(FileIndex(2)));
        assert_eq!(choose(&torrent, &FileChoice::Path("extras/a.mkv".into())), Ok(FileIndex(0)));
        assert!(choose(&torrent, &FileChoice::Index(4)).is_err());
        assert!(choose(&torrent, &FileChoice::Path("nothing".into())).is_err());
        assert_eq!(choose(&folder(&[("a", 5), ("b", 7)]), &FileChoice::Largest), Ok(FileIndex(1)));
    }

    #[test]
    fn only_the_films_pieces_are_wanted() {
        let torrent = folder(&[("a.mkv", 65_536), ("b.mkv", 200_000), ("c", 100_000)]);
        let pieces: Vec<u32> = wanted(&torrent, FileIndex(1), &FileChoice::Largest).iter_ones().collect();
        assert_eq!(pieces, [1, 2, 3, 4]);
        assert!(wanted(&torrent, FileIndex(1), &FileChoice::All).is_full());
    }
}
