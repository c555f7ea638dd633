//! What the local server shows: the torrents' files, the status, the metrics.
//!
//! Written by the engine's thread, read by the server's; each lock is held for a look-up only.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bittorrent::{DiskRoom, TorrentHandle, TorrentStream};
use bittorrent_proto::units::FileIndex;
use engine_proto::app::TorrentKey;
use engine_proto::ipc::{Event, Message, Status};
use futures_io::{AsyncRead, AsyncSeek, SeekFrom};
use httprange::{FileResource, Found, Library, mime};

use crate::metrics;

/// The board.
#[derive(Default)]
pub(crate) struct Board {
    shelf: Mutex<Shelf>,
    status: Mutex<Arc<Status>>,
    disk: Mutex<Option<DiskRoom>>,
}

/// Which path leads where.
#[derive(Default)]
struct Shelf {
    /// Decoded, without a leading slash.
    paths: HashMap<String, (TorrentKey, FileIndex)>,
    torrents: BTreeMap<TorrentKey, Shown>,
}

struct Shown {
    handle: TorrentHandle,
    /// Why it is not served, when it is not.
    withheld: Option<String>,
}

impl Board {
    /// Shows a torrent's files at these paths.
    pub(crate) fn publish(&self, torrent: TorrentKey, handle: TorrentHandle, paths: Vec<(String, u32)>) {
        let mut shelf = lock(&self.shelf);
        for (path, file) in paths {
            shelf.paths.insert(path.trim_start_matches('/').to_owned(), (torrent, FileIndex(file)));
        }
        shelf.torrents.insert(torrent, Shown { handle, withheld: None });
    }

    /// Answers 503 for a torrent from now on.
    pub(crate) fn withhold(&self, torrent: TorrentKey, reason: String) {
        if let Some(shown) = lock(&self.shelf).torrents.get_mut(&torrent) {
            shown.withheld = Some(reason);
        }
    }

    /// Takes a torrent's files away.
    pub(crate) fn withdraw(&self, torrent: TorrentKey) {
        let mut shelf = lock(&self.shelf);
        shelf.paths.retain(|_, (owner, _)| *owner != torrent);
        shelf.torrents.remove(&torrent);
    }

    /// Shows a new status.
    pub(crate) fn set_status(&self, status: Status) {
        *lock(&self.status) = Arc::new(status);
    }

    /// Shows how full the disk is.
    pub(crate) fn set_disk(&self, disk: Option<DiskRoom>) {
        *lock(&self.disk) = disk;
    }

    fn status(&self) -> Arc<Status> {
        Arc::clone(&lock(&self.status))
    }

    fn file(&self, path: &str) -> Found<Source> {
        let shelf = lock(&self.shelf);
        let Some((torrent, file)) = shelf.paths.get(path).copied() else { return Found::Nothing };
        let Some(shown) = shelf.torrents.get(&torrent) else { return Found::Nothing };
        if let Some(reason) = &shown.withheld {
            return Found::Unavailable(reason.clone());
        }
        let Some(metainfo) = shown.handle.metainfo() else { return Found::Nothing };
        let Some(entry) = metainfo.files.get(file.as_usize()) else { return Found::Nothing };
        let handle = shown.handle.clone();
        Found::File(FileResource {
            len: entry.len.get(),
            etag: format!("{}-{}", metainfo.infohash, file.0),
            content_type: mime::content_type(entry.path.last().map_or("", String::as_str)),
            open: Box::new(move || Source(handle.open(file))),
        })
    }
}

impl Library for Board {
    type Source = Source;

    fn find(&self, path: &str) -> Found<Source> {
        match path {
            "-/status" => {
                let mut body = Message::from(Event::Status(Status::clone(&self.status()))).to_line();
                body.truncate(body.trim_end().len());
                Found::Text { content_type: "application/json", body }
            }
            "-/metrics" => {
                let body = metrics::prometheus(&self.status(), *lock(&self.disk));
                Found::Text { content_type: "text/plain; version=0.0.4; charset=utf-8", body }
            }
            _ => self.file(path),
        }
    }
}

/// A file of a torrent; none when the torrent went between the look-up and the first read.
pub(crate) struct Source(Option<TorrentStream>);

impl Source {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TorrentStream>> {
        self.get_mut().0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }
}

impl AsyncRead for Source {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.stream() {
            Ok(stream) => stream.poll_read(cx, buf),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncSeek for Source {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        match self.stream() {
            Ok(stream) => stream.poll_seek(cx, position),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Nothing under these locks can be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_metrics_are_there_from_the_start() {
        let board = Board::default();
        board.set_status(Status { version: "9".into(), http_port: 5, ..Status::default() });
        let Found::Text { content_type, body } = board.find("-/status") else { panic!("no status") };
        assert_eq!(content_type, "application/json");
        assert!(body.starts_with("{\"event\":\"status\"") && body.ends_with('}'), "{body}");
        assert!(body.contains("\"httpPort\":5"));
        let Found::Text { body, .. } = board.find("-/metrics") else { panic!("no metrics") };
        assert!(body.contains("sharestream_build_info{version=\"9\"} 1"), "{body}");
        assert!(matches!(board.find("film.mp4"), Found::Nothing));
        assert!(matches!(board.find(""), Found::Nothing));
    }
}
