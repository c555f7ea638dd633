//! Wakes the task that waits for the earliest of many moments when an earlier one comes up.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_lite::FutureExt as _;
use smol::Timer;

#[derive(Default)]
pub(crate) struct Alarm {
    /// What the task waits for now.
    armed: Cell<Option<Instant>>,
    timer: RefCell<Option<Timer>>,
    waker: RefCell<Option<Waker>>,
}

impl Alarm {
    /// Something wants to be woken at `at`.
    pub(crate) fn call_at(&self, at: Option<Instant>) {
        let Some(at) = at else { return };
        if self.armed.get().is_none_or(|armed| at < armed)
            && let Some(waker) = self.waker.borrow_mut().take()
        {
            waker.wake();
        }
    }

    /// Ready when `next` has come. Polled anew whenever something earlier is called for.
    pub(crate) fn poll(&self, cx: &mut Context<'_>, next: Option<Instant>) -> Poll<()> {
        self.waker.replace(Some(cx.waker().clone()));
        let mut timer = self.timer.borrow_mut();
        if self.armed.get() != next {
            self.armed.set(next);
            *timer = next.map(Timer::at);
        }
        let Some(running) = timer.as_mut() else { return Poll::Pending };
        let ready = running.poll(cx).map(drop);
        if ready.is_ready() {
            self.armed.set(None);
            *timer = None;
        }
        ready
    }
}
