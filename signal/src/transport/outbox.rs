//! What waits for one WebSocket: filled by the hub, emptied by the socket's task, bounded.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Waker};

use async_tungstenite::tungstenite::Utf8Bytes;
use signal_proto::engineio::Frame;

use crate::limits::OUTBOX_LEN_MAX;

/// One WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// This socket's own.
    Own(Frame),
    /// The same text for many sockets, held once.
    Shared(Utf8Bytes),
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    parcels: RefCell<VecDeque<Parcel>>,
    len: Cell<usize>,
    ending: Cell<Ending>,
    waker: RefCell<Option<Waker>>,
}

/// Whether the socket goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    None,
    /// It is closed once everything is sent.
    AfterFrames,
    /// It is cut, with what waits.
    Now,
}

impl Outbox {
    /// One more message; false when the socket has left too much unread and is cut.
    pub(crate) fn push(&self, parcel: Parcel) -> bool {
        if self.ending.get() != Ending::None {
            return true;
        }
        let len = self.len.get() + len(&parcel);
        if len > OUTBOX_LEN_MAX {
            self.end(Ending::Now);
            return false;
        }
        self.len.set(len);
        self.parcels.borrow_mut().push_back(parcel);
        self.wake();
        true
    }

    pub(crate) fn end(&self, ending: Ending) {
        if self.ending.get() != Ending::Now {
            self.ending.set(ending);
        }
        if ending == Ending::Now {
            self.parcels.borrow_mut().clear();
            self.len.set(0);
        }
        self.wake();
    }

    pub(crate) fn ending(&self) -> Ending {
        self.ending.get()
    }

    pub(crate) fn pop(&self) -> Option<Parcel> {
        let parcel = self.parcels.borrow_mut().pop_front()?;
        self.len.set(self.len.get() - len(&parcel));
        Some(parcel)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parcels.borrow().is_empty()
    }

    /// The socket's task is woken by the next change.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

fn len(parcel: &Parcel) -> usize {
    match parcel {
        Parcel::Own(Frame::Text(text)) => text.len(),
        Parcel::Own(Frame::Binary(bytes)) => bytes.len(),
        Parcel::Shared(text) => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_too_slow_is_cut_and_what_waited_is_given_back() {
        let outbox = Outbox::default();
        let frame = || Parcel::Shared("x".repeat(OUTBOX_LEN_MAX / 4).into());
        for _ in 0..4 {
            assert!(outbox.push(frame()));
        }
        assert_eq!(outbox.pop(), Some(frame()));
        assert!(outbox.push(frame()), "what was read makes room");
        assert!(!outbox.push(Parcel::Own(Frame::Binary(vec![0].into()))));
        assert_eq!(outbox.ending(), Ending::Now);
        assert!(outbox.is_empty());
        outbox.end(Ending::AfterFrames);
        assert_eq!(outbox.ending(), Ending::Now, "what is cut is not mended");
    }
}
