//! A range of a source as an HTTP body: seek once, then read in pooled chunks.
//!
//! A body has promised its length in the head. When its source fails or ends early it ends with an error, which cuts the
//! connection, so that the client never takes a short file for a whole one. While the source waits the body watches its
//! [`Client`], for nobody else does.

use std::cell::RefCell;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Buf;
use futures_io::{AsyncRead, AsyncSeek};
use http_body::{Body, Frame, SizeHint};

use crate::error::BodyError;
use crate::limits::{CHUNK_LEN, CHUNKS_IN_A_ROW_MAX, CHUNKS_KEPT_MAX};

/// Whom a body is for.
pub trait Client {
    /// Ready when the client is gone, which ends a body that waits. Wakes the task when that changes.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A client that never goes: for tests and measurements.
impl Client for () {
    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// The body of an answer.
pub struct RangeBody<S, C> {
    source: S,
    client: C,
    pool: ChunkPool,
    state: State,
    /// Where the next byte lies in the source.
    position: u64,
    /// One past the last byte.
    end: u64,
    /// Chunks since the last time the others had a turn.
    chunks_in_a_row: usize,
    /// Whether something was handed over, the answer's head to begin with, since hyper last had reason to send it.
    is_unsent: bool,
}

enum State {
    /// The source is not yet where the range starts.
    Seeking,
    Reading,
    /// What came before the failure is being sent; the failure is next.
    Failing(BodyError),
    Ended,
}

impl<S, C> RangeBody<S, C> {
    /// The bytes `range` of `source`.
    pub fn new(source: S, range: Range<u64>, pool: ChunkPool, client: C) -> Self {
        let (position, end) = (range.start, range.end.max(range.start));
        Self { source, client, pool, state: State::Seeking, position, end, chunks_in_a_row: 0, is_unsent: true }
    }

    fn remaining(&self) -> u64 {
        self.end - self.position
    }
}

impl<S, C> Body for RangeBody<S, C>
where
    S: AsyncRead + AsyncSeek + Unpin,
    C: Client + Unpin,
{
    type Data = Chunk;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        if this.remaining() == 0 {
            return Poll::Ready(None);
        }
        if this.chunks_in_a_row == CHUNKS_IN_A_ROW_MAX {
            // A reader as quick as the source would keep hyper in its loop to the end of the file.
            return this.poll_later(cx);
        }
        match this.poll_chunk(cx) {
            Poll::Pending => this.poll_wait(),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Ok(chunk))) => {
                this.position += chunk.remaining() as u64;
                this.chunks_in_a_row += 1;
                this.is_unsent = true;
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Poll::Ready(Some(Err(error))) if this.is_unsent => {
                // An error makes hyper drop what it holds, so it is told one turn later.
                this.state = State::Failing(error);
                this.poll_later(cx)
            }
            Poll::Ready(Some(Err(error))) => {
                this.state = State::Ended;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

impl<S, C> RangeBody<S, C>
where
    S: AsyncRead + AsyncSeek + Unpin,
    C: Client + Unpin,
{
    /// Pending until somebody wakes the task. hyper sends what it holds before it waits.
    fn poll_wait<T>(&mut self) -> Poll<T> {
        self.chunks_in_a_row = 0;
        self.is_unsent = false;
        Poll::Pending
    }

    /// Pending for a moment.
    fn poll_later<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        cx.waker().wake_by_ref();
        self.poll_wait()
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, BodyError>>> {
        match std::mem::replace(&mut self.state, State::Reading) {
            State::Reading => {}
            State::Failing(error) => return Poll::Ready(Some(Err(error))),
            State::Ended => {
                self.state = State::Ended;
                return Poll::Ready(None);
            }
            State::Seeking => match Pin::new(&mut self.source).poll_seek(cx, SeekFrom::Start(self.position)) {
                Poll::Pending => {
                    self.state = State::Seeking;
                    return self.poll_gone(cx);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(BodyError::Source(error)))),
                Poll::Ready(Ok(there)) if there == self.position => {}
                Poll::Ready(Ok(_)) => return Poll::Ready(Some(Err(BodyError::SourceBroken))),
            },
        }

        let mut chunk = self.pool.take();
        let room = usize::try_from(self.remaining()).map_or(CHUNK_LEN, |remaining| remaining.min(CHUNK_LEN));
        let stop = self.fill(cx, &mut chunk, room);
        match (stop, chunk.remaining()) {
            (Stop::Waits, 0) => self.poll_gone(cx),
            (Stop::Failed(error), 0) => Poll::Ready(Some(Err(error))),
            (Stop::Failed(error), _) => {
                self.state = State::Failing(error);
                Poll::Ready(Some(Ok(chunk)))
            }
            (Stop::Waits | Stop::Full, _) => Poll::Ready(Some(Ok(chunk))),
        }
    }

    /// Takes what the source gives without waiting: what is there goes out now, and few chunks are better than many.
    fn fill(&mut self, cx: &mut Context<'_>, chunk: &mut Chunk, room: usize) -> Stop {
        while chunk.end < room {
            match Pin::new(&mut self.source).poll_read(cx, &mut chunk.bytes[chunk.end..room]) {
                Poll::Pending => return Stop::Waits,
                Poll::Ready(Ok(0)) => {
                    let missing = self.remaining() - chunk.remaining() as u64;
                    return Stop::Failed(BodyError::EndedEarly { missing });
                }
                Poll::Ready(Ok(read)) if read <= room - chunk.end => chunk.end += read,
                Poll::Ready(Ok(_)) => return Stop::Failed(BodyError::SourceBroken),
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                    cx.waker().wake_by_ref();
                    return Stop::Waits;
                }
                Poll::Ready(Err(error)) => return Stop::Failed(BodyError::Source(error)),
            }
        }
        Stop::Full
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, BodyError>>> {
        self.client.poll_gone(cx).map(|()| Some(Err(BodyError::ClientGone)))
    }
}

/// Why no more was read into a chunk.
enum Stop {
    Full,
    Waits,
    Failed(BodyError),
}

/// Bytes on their way to a client; its memory goes back to its pool.
#[derive(Debug)]
pub struct Chunk {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    pool: Option<ChunkPool>,
}

impl Chunk {
    /// A text, in memory of its own.
    pub fn text(text: String) -> Self {
        let bytes = text.into_bytes().into_boxed_slice();
        Self { start: 0, end: bytes.len(), bytes, pool: None }
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.end - self.start
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining(), "{count} bytes taken of {}", self.remaining());
        self.start += count;
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.put_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// Memory for chunks, shared by all bodies of a thread; clones are the same pool. A body that waits holds none of it.
#[derive(Clone, Debug, Default)]
pub struct ChunkPool {
    /// Invariant: at most [`CHUNKS_KEPT_MAX`], each of [`CHUNK_LEN`] bytes.
    free: Rc<RefCell<Vec<Box<[u8]>>>>,
}

impl ChunkPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    fn take(&self) -> Chunk {
        // The one that was used last is the one the processor's caches still hold.
        let bytes = self.free.borrow_mut().pop().unwrap_or_else(|| vec![0; CHUNK_LEN].into_boxed_slice());
        Chunk { bytes, start: 0, end: 0, pool: Some(self.clone()) }
    }

    fn put_back(&self, bytes: Box<[u8]>) {
        let mut free = self.free.borrow_mut();
        if free.len() < CHUNKS_KEPT_MAX {
            free.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
