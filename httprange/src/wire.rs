//! A connection as two see it: hyper reads requests and writes answers, and a body that waits for its source watches
//! whether the client is still there.
//!
//! hyper stops reading while an answer is under way, and does not look at all when a pipelined request lies in its
//! buffer already; a client's end would go unseen for as long as the source takes. So the waiting body reads ahead into
//! a small buffer, from which hyper is fed later.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::ReadBufCursor;

use crate::body::Client;
use crate::limits::SENT_AHEAD_LEN_MAX;

/// A handle to a connection; clones are the same connection.
pub(crate) struct Wire<T> {
    shared: Rc<RefCell<Shared<T>>>,
}

impl<T> Wire<T> {
    pub(crate) fn new(stream: T) -> Self {
        let shared = Shared { stream, ahead: Vec::new(), ahead_taken: 0, ended: false };
        Self { shared: Rc::new(RefCell::new(shared)) }
    }
}

impl<T> Clone for Wire<T> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<T: AsyncRead + Unpin> Client for Wire<T> {
    /// Ready when the client has closed its side. What it asked for and what can be sent at once it still gets; only
    /// nobody waits for it any more.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.borrow_mut().poll_gone(cx)
    }
}

impl<T: AsyncRead + Unpin> hyper::rt::Read for Wire<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let shared = &mut *self.shared.borrow_mut();
        if shared.take_ahead(&mut into) || shared.ended {
            return Poll::Ready(Ok(()));
        }
        let mut buffer = [0; READ_LEN];
        let room = into.remaining().min(READ_LEN);
        let read = ready!(Pin::new(&mut shared.stream).poll_read(cx, &mut buffer[..room]))?;
        into.put_slice(&buffer[..read]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> hyper::rt::Write for Wire<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.shared.borrow_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.shared.borrow_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.shared.borrow_mut().stream).poll_close(cx)
    }

    /// True, so that hyper queues chunks as they are; otherwise it would copy each into a buffer of its own.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.shared.borrow_mut().stream).poll_write_vectored(cx, slices)
    }
}

struct Shared<T> {
    stream: T,
    /// Read while a body waited; hyper takes it before it reads on.
    ahead: Vec<u8>,
    /// How much of `ahead` hyper has.
    ahead_taken: usize,
    /// Whether the client's end was seen. After `ahead` there is nothing more.
    ended: bool,
}

impl<T> Shared<T> {
    /// Whether anything was there to take.
    fn take_ahead(&mut self, into: &mut ReadBufCursor<'_>) -> bool {
        let waiting = &self.ahead[self.ahead_taken..];
        let taken = waiting.len().min(into.remaining());
        into.put_slice(&waiting[..taken]);
        self.ahead_taken += taken;
        if self.ahead_taken == self.ahead.len() {
            self.ahead.clear();
            self.ahead_taken = 0;
        }
        taken > 0
    }
}

impl<T: AsyncRead + Unpin> Shared<T> {
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; READ_LEN];
        while !self.ended && self.ahead.len() < SENT_AHEAD_LEN_MAX {
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(read) if read > 0 => self.ahead.extend_from_slice(&buffer[..read]),
                // The end and a failure are the same news: nothing more comes.
                Ok(_) | Err(_) => self.ended = true,
            }
        }
        Poll::Ready(())
    }
}

/// Bytes of a read. A player's request is a few hundred.
const READ_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use hyper::rt::{Read, ReadBuf};

    use super::*;

    /// What a socket does next; an empty list is "would block".
    struct Script(VecDeque<io::Result<Vec<u8>>>);

    impl AsyncRead for Script {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
            match self.0.pop_front() {
                None => Poll::Pending,
                Some(Err(error)) => Poll::Ready(Err(error)),
                Some(Ok(bytes)) => {
                    into[..bytes.len()].copy_from_slice(&bytes);
                    Poll::Ready(Ok(bytes.len()))
                }
            }
        }
    }

    fn wire(script: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> Wire<Script> {
        Wire::new(Script(script.into_iter().collect()))
    }

    fn gone(wire: &mut Wire<Script>) -> bool {
        wire.poll_gone(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// What hyper would read with that much room; `None` is "would block".
    fn read(wire: &mut Wire<Script>, room: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; room];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(wire).poll_read(&mut Context::from_waker(Waker::noop()), buffer.unfilled()) {
            Poll::Ready(result) => {
                result.unwrap();
                Some(buffer.filled().to_vec())
            }
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_was_read_ahead_is_not_lost() {
        let mut wire = wire([Ok(b"GET /a".to_vec()), Ok(b"GET /b".to_vec())]);
        assert!(!gone(&mut wire));
        assert_eq!(read(&mut wire, 4).unwrap(), b"GET ");
        assert!(!gone(&mut wire));
        assert_eq!(read(&mut wire, 100).unwrap(), b"/aGET /b");
        assert_eq!(read(&mut wire, 100), None);
    }

    #[test]
    fn the_end_is_seen_behind_what_was_sent_ahead() {
        let mut wire = wire([Ok(b"GET /b".to_vec()), Ok(vec![])]);
        assert!(gone(&mut wire));
        assert!(gone(&mut wire));
        assert_eq!(read(&mut wire, 100).unwrap(), b"GET /b");
        assert_eq!(read(&mut wire, 100).unwrap(), b"");
    }

    #[test]
    fn a_reset_is_an_end() {
        assert!(gone(&mut wire([Err(io::ErrorKind::ConnectionReset.into())])));
    }

    #[test]
    fn who_sends_too_much_ahead_is_gone() {
        let full = SENT_AHEAD_LEN_MAX / READ_LEN;
        let mut almost = wire((1..full).map(|_| Ok(vec![b'x'; READ_LEN])));
        assert!(!gone(&mut almost));
        let mut too_much = wire((0..full).map(|_| Ok(vec![b'x'; READ_LEN])));
        assert!(gone(&mut too_much));
    }
}
