//! A connection's halves when they are encrypted. Plaintext connections never come here.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bittorrent_proto::mse::Cipher;
use futures_io::{AsyncRead, AsyncWrite};

/// Bytes encrypted ahead of the socket, a connection.
const SEALED_LEN_MAX: usize = 64 * 1024;

/// Decrypts in place what is read.
pub(crate) struct Decrypting<R> {
    inner: R,
    cipher: Cipher,
}

/// Encrypts a copy of what is written: blocks are shared with other connections and stay as they are.
///
/// A write says exactly how much has left. What was encrypted and has not left stays here, so the next write must offer
/// the same bytes again, as a queue does that is moved on by what has left.
pub(crate) struct Encrypting<W> {
    inner: W,
    cipher: Cipher,
    sealed: Vec<u8>,
    /// How much of it has left.
    left: usize,
}

impl<R> Decrypting<R> {
    pub(crate) const fn new(inner: R, cipher: Cipher) -> Self {
        Self { inner, cipher }
    }
}

impl<W> Encrypting<W> {
    pub(crate) const fn new(inner: W, cipher: Cipher) -> Self {
        Self { inner, cipher, sealed: Vec::new(), left: 0 }
    }

    fn seal(&mut self, slices: &[IoSlice<'_>]) {
        self.sealed.clear();
        self.left = 0;
        for slice in slices {
            let room = SEALED_LEN_MAX - self.sealed.len();
            self.sealed.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        self.cipher.apply(&mut self.sealed);
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Decrypting<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.cipher.apply(&mut buf[..read]);
        Poll::Ready(Ok(read))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Encrypting<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.left == this.sealed.len() {
            this.seal(slices);
        }
        // The rate may allow less than what was encrypted before.
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let end = this.sealed.len().min(this.left + offered);
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.sealed[this.left..end]))?;
        this.left += written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;
    use futures_lite::AsyncReadExt as _;

    use super::*;
    use crate::connection::{SendQueue, write_all};
    use crate::throttle::Throttle;

    #[test]
    fn what_leaves_in_any_parts_arrives() {
        let all: Vec<u8> = (0..300_000u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let queue = SendQueue::default();
        for part in all.chunks(16_397) {
            queue.push(Bytes::copy_from_slice(part));
        }
        let (throttle, closed, total) = (Throttle::new(None), Cell::new(false), Cell::new(0));
        let mut writer = Encrypting::new(Uneven { out: Vec::new(), turn: 0 }, Cipher::new([7; 20]));
        let sent = |len| {
            total.set(total.get() + len);
            closed.set(total.get() == all.len());
        };
        smol::block_on(write_all(&mut writer, &queue, &throttle, &closed, sent)).unwrap();
        assert_ne!(writer.inner.out, all);
        let mut reader = Decrypting::new(smol::io::Cursor::new(writer.inner.out), Cipher::new([7; 20]));
        let mut got = Vec::new();
        smol::block_on(reader.read_to_end(&mut got)).unwrap();
        assert!(got == all, "the same bytes");
    }

    /// Takes a little, a lot, or nothing yet.
    struct Uneven {
        out: Vec<u8>,
        turn: usize,
    }

    impl AsyncWrite for Uneven {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.turn += 1;
            if self.turn.is_multiple_of(3) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let len = buf.len().min([1, 40_000, 7_777][self.turn % 3]);
            self.out.extend_from_slice(&buf[..len]);
            Poll::Ready(Ok(len))
        }
        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
