//! A file of a torrent as a byte stream that waits for verified bytes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bittorrent_proto::units::{ByteRange, FileIndex};
use event_listener::EventListener;
use futures_io::{AsyncRead, AsyncSeek, SeekFrom};

use crate::events::Failure;
use crate::pool::Lane;
use crate::shared::{End, ReaderCell, Shared};
use crate::storage::StorageError;

/// Bytes read from disk at once.
const CHUNK_LEN: u64 = 256 * 1024;

/// Reads a file of a torrent. A read waits until the bytes are verified, and makes them urgent; dropping the stream
/// withdraws that at once. Reads fail when the torrent stops (`ConnectionAborted`) or its source changed (`InvalidData`).
pub struct TorrentStream {
    shared: Arc<Shared>,
    cell: Arc<ReaderCell>,
    /// As a byte of the torrent.
    position: u64,
    state: State,
}

/// What a job of the disk brings: nothing when the piece was given up before the job came to it.
type Read = Result<Option<Vec<u8>>, StorageError>;

enum State {
    Idle,
    /// The bytes at the position are not verified.
    Waiting(EventListener),
    Reading(Pin<Box<dyn Future<Output = Read> + Send>>),
    /// Read from disk, given out up to `at`.
    Buffered {
        data: Vec<u8>,
        at: usize,
    },
}

impl TorrentStream {
    pub(crate) fn open(shared: Arc<Shared>, file: FileIndex) -> Option<Self> {
        let range = shared.layout()?.file_range(file)?;
        let cell = shared.open_reader(range);
        Some(Self { position: range.start, shared, cell, state: State::Idle })
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.cell.file.len().get()
    }

    /// Whether the file holds no byte.
    pub fn is_empty(&self) -> bool {
        self.cell.file.is_empty()
    }

    fn check_end(&self) -> io::Result<()> {
        match self.shared.ended() {
            None => Ok(()),
            Some(End::Stopped | End::Failed) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(End::SourceChanged(path)) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} changed", path.display())))
            }
        }
    }

    /// Tells the torrent where this stream stands, when that matters to it.
    fn report(&self, waiting: bool) {
        let before = self.cell.position.swap(self.position, Ordering::AcqRel);
        let waited = self.cell.waiting.swap(waiting, Ordering::AcqRel);
        let layout = self.shared.layout();
        let moved = layout.is_some_and(|layout| layout.piece_at(before) != layout.piece_at(self.position));
        if moved || waiting || waited {
            self.shared.attention.notify(1);
        }
    }

    /// Verified bytes from the position on, a chunk at most.
    fn available(&self) -> u64 {
        let chunk = ByteRange::new(self.position, self.position + CHUNK_LEN).intersect(self.cell.file);
        match (self.shared.verified.get(), self.shared.layout()) {
            (Some(verified), Some(layout)) => verified.ahead(layout, chunk),
            (None, _) | (_, None) => 0,
        }
    }

    fn start_reading(&self, len: u64) -> State {
        let range = ByteRange::new(self.position, self.position + len);
        let shared = self.shared.clone();
        State::Reading(Box::pin(async move {
            // A stream exists only once the metadata is known.
            let Some(known) = shared.known.get() else { return Ok(None) };
            let storage = known.storage.clone();
            let here = shared.clone();
            let read = move || storage.read_if(range, || here.is_verified(range));
            shared.pool.run(Lane::Read, read).await
        }))
    }

    fn on_read(&self, result: Read) -> io::Result<State> {
        match result {
            Ok(Some(data)) => Ok(State::Buffered { data, at: 0 }),
            // A bounded disk gave it up in between: it is waited for again.
            Ok(None) => Ok(State::Idle),
            Err(StorageError::Changed { path }) => {
                self.shared.fail(Failure::SourceChanged { path });
                self.check_end().map(|()| State::Idle)
            }
            Err(error) => {
                if error.is_lasting() {
                    let (path, reason) = (error.path().to_owned(), error.to_string());
                    self.shared.fail(Failure::Disk { path, reason });
                }
                Err(io::Error::other(error))
            }
        }
    }
}

impl AsyncRead for TorrentStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() || self.position >= self.cell.file.end {
            return Poll::Ready(Ok(0));
        }
        loop {
            self.check_end()?;
            match &mut self.state {
                State::Idle => {
                    let available = self.available();
                    if available > 0 {
                        self.report(false);
                        self.state = self.start_reading(available);
                    } else {
                        let listener = self.shared.changed.listen();
                        // It may have come between the look and the listening.
                        if self.available() == 0 && self.shared.ended().is_none() {
                            self.report(true);
                            self.state = State::Waiting(listener);
                        }
                    }
                }
                State::Waiting(listener) => {
                    ready!(Pin::new(listener).poll(cx));
                    self.state = State::Idle;
                }
                State::Reading(reading) => {
                    let result = ready!(reading.as_mut().poll(cx));
                    // Also after an error: the future is over and must not be polled again.
                    self.state = State::Idle;
                    self.state = self.on_read(result)?;
                }
                State::Buffered { data, at } => {
                    let len = (data.len() - *at).min(buf.len());
                    buf[..len].copy_from_slice(&data[*at..*at + len]);
                    *at += len;
                    let empty = *at == data.len();
                    self.position += len as u64;
                    if empty {
                        self.state = State::Idle;
                    }
                    if len > 0 {
                        return Poll::Ready(Ok(len));
                    }
                }
            }
        }
    }
}

impl AsyncSeek for TorrentStream {
    fn poll_seek(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, pos: SeekFrom) -> Poll<io::Result<u64>> {
        let file = self.cell.file;
        let (base, offset) = match pos {
            SeekFrom::Start(offset) => (0, i128::from(offset)),
            SeekFrom::End(offset) => (file.len().get(), i128::from(offset)),
            SeekFrom::Current(offset) => (self.position - file.start, i128::from(offset)),
        };
        let target = i128::from(base) + offset;
        let Ok(target) = u64::try_from(target) else { return Poll::Ready(Err(io::ErrorKind::InvalidInput.into())) };
        let position = file.start.saturating_add(target).min(file.end);
        if position != self.position {
            self.position = position;
            self.state = State::Idle;
            self.report(false);
        }
        Poll::Ready(Ok(target))
    }
}

impl Drop for TorrentStream {
    fn drop(&mut self) {
        self.shared.close_reader(self.cell.id);
    }
}
