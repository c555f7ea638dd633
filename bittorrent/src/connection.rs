//! One connection's two halves: bytes in, bytes out.
//!
//! Generic over the transport. Nothing is buffered on the way in: what one read brings goes straight to the torrent, out of
//! one buffer that all connections of the thread share. On the way out whole slices queue, and one call sends many.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{Buf, Bytes};
use event_listener::Event;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future::poll_fn;
use smol::Task;

use crate::gate::Place;
use crate::throttle::Throttle;

/// Bytes of one read. With this much at once, a block costs a sixteenth of a system call.
const READ_LEN: usize = 256 * 1024;

/// Bytes of one read while the rate is limited: what arrives is paid for after, so it is little.
const READ_LEN_LIMITED: usize = 16 * 1024;

/// Slices of one write: sixteen blocks with their headers, and some.
const SLICES_MAX: usize = 48;

thread_local! {
    /// Where reads land. Handed on before the next read anywhere on the thread.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_LEN]);
}

/// What waits to be sent to one peer.
#[derive(Default)]
pub(crate) struct SendQueue {
    slices: RefCell<VecDeque<Bytes>>,
    filled: Event,
}

impl SendQueue {
    pub(crate) fn push(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.slices.borrow_mut().push_back(bytes);
            self.filled.notify(1);
        }
    }

    fn len_up_to(&self, max: usize) -> usize {
        let mut len = 0;
        for slice in self.slices.borrow().iter().take(SLICES_MAX) {
            len += slice.len();
            if len >= max {
                return max;
            }
        }
        len
    }

    async fn filled(&self) {
        loop {
            if !self.slices.borrow().is_empty() {
                return;
            }
            let listener = self.filled.listen();
            if self.slices.borrow().is_empty() {
                listener.await;
            }
        }
    }

    fn advance(&self, mut len: usize) {
        let mut slices = self.slices.borrow_mut();
        while len > 0
            && let Some(first) = slices.front_mut()
        {
            let part = len.min(first.len());
            first.advance(part);
            len -= part;
            if first.is_empty() {
                slices.pop_front();
            }
        }
    }
}

/// A connection, as its torrent's task holds it. Dropping it ends it.
pub(crate) struct Connection {
    pub(crate) queue: Rc<SendQueue>,
    /// Set before it is dropped, so that a half that is running ends at its next step.
    pub(crate) closed: Rc<Cell<bool>>,
    pub(crate) tasks: [Task<()>; 2],
    /// Our own end; `None` when the system does not say.
    pub(crate) local: Option<IpAddr>,
    /// Everything that is said, not only the handshake.
    pub(crate) encrypted: bool,
    /// What it counts for.
    pub(crate) place: Place,
}

/// Hands everything that arrives to `take`, until the connection ends or `closed` is set.
pub(crate) async fn read_all<R: AsyncRead + Unpin>(
    reader: &mut R,
    throttle: &Throttle,
    closed: &Cell<bool>,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    while !closed.get() {
        let len = if throttle.rate().is_some() { READ_LEN_LIMITED } else { READ_LEN };
        let read = poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| match Pin::new(&mut *reader).poll_read(cx, &mut scratch[..len]) {
                Poll::Ready(Ok(read)) => {
                    take(&scratch[..read]);
                    Poll::Ready(Ok(read))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            })
        })
        .await?;
        if read == 0 {
            return Ok(());
        }
        // Paid for after: what a slow limit costs is the time until the next read.
        let mut owed = read;
        while owed > 0 && throttle.rate().is_some() {
            owed -= throttle.acquire(owed).await;
        }
    }
    Ok(())
}

/// Sends what queues, and tells `sent` how much left each time.
pub(crate) async fn write_all<W: AsyncWrite + Unpin>(
    writer: &mut W,
    queue: &SendQueue,
    throttle: &Throttle,
    closed: &Cell<bool>,
    mut sent: impl FnMut(usize),
) -> io::Result<()> {
    while !closed.get() {
        queue.filled().await;
        let allowed = throttle.acquire(queue.len_up_to(READ_LEN)).await;
        let written = poll_fn(|cx| {
            let slices = queue.slices.borrow();
            let mut left = allowed;
            let mut parts = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (part, slice) in parts.iter_mut().zip(slices.iter()) {
                let len = left.min(slice.len());
                *part = IoSlice::new(&slice[..len]);
                left -= len;
                count += 1;
                if left == 0 {
                    break;
                }
            }
            Pin::new(&mut *writer).poll_write_vectored(cx, &parts[..count])
        })
        .await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        throttle.give_back(allowed - written);
        queue.advance(written);
        sent(written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_leave_in_order_however_they_are_cut() {
        let queue = SendQueue::default();
        let all: Vec<u8> = (0..200u8).collect();
        for part in all.chunks(7) {
            queue.push(Bytes::copy_from_slice(part));
        }
        queue.push(Bytes::new());
        let throttle = Throttle::new(None);
        let closed = Cell::new(false);
        let mut out = Vec::new();
        let total = Cell::new(0);
        smol::block_on(async {
            let mut writer = Short(&mut out);
            let sent = |len| {
                total.set(total.get() + len);
                closed.set(total.get() == 200);
            };
            write_all(&mut writer, &queue, &throttle, &closed, sent).await.unwrap();
        });
        assert_eq!(out, all);
    }

    /// Takes ten bytes at a time.
    struct Short<'a>(&'a mut Vec<u8>);

    impl AsyncWrite for Short<'_> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = buf.len().min(10);
            self.0.extend_from_slice(&buf[..len]);
            Poll::Ready(Ok(len))
        }
        fn poll_flush(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn everything_that_arrives_is_handed_on() {
        let bytes: Vec<u8> = (0..100_000u32).map(|at| (at % 251) as u8).collect();
        let mut got = Vec::new();
        let mut reader = smol::io::Cursor::new(bytes.clone());
        let closed = Cell::new(false);
        smol::block_on(read_all(&mut reader, &Throttle::new(None), &closed, |part| got.extend_from_slice(part)))
            .unwrap();
        assert_eq!(got, bytes);
    }
}
