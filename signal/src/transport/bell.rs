//! Looks at something only when it has rung. Most wakes of a task are for something else, and to look at a socket in vain costs a
//! system call.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A waker of its own within a task.
pub(crate) struct Bell {
    rung: AtomicBool,
    task: Mutex<Waker>,
}

/// A future that is polled only when it asked for it.
pub(crate) struct Quiet<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
}

impl Bell {
    /// One that has rung: everything is looked at once.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) })
    }

    /// Whether it has rung since the last time. From now on it wakes this task.
    pub(crate) fn take(&self, cx: &Context<'_>) -> bool {
        if let Ok(mut task) = self.task.lock() {
            task.clone_from(cx.waker());
        }
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Ok(task) = self.task.lock() {
            task.wake_by_ref();
        }
    }
}

/// Wraps a future that shares its task with busier ones.
pub(crate) fn quiet<F: Future>(future: F) -> Quiet<F> {
    Quiet { future: Box::pin(future), bell: Bell::new() }
}

impl<F: Future> Future for Quiet<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.bell.take(cx) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use futures_lite::future;

    use super::*;

    #[test]
    fn what_did_not_ask_is_not_polled() {
        let (polls, waker) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None::<Waker>)));
        let mut inner = quiet({
            let (polls, waker) = (Rc::clone(&polls), Rc::clone(&waker));
            future::poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                waker.set(Some(cx.waker().clone()));
                if polls.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
            })
        });
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = || Pin::new(&mut inner).poll(&mut cx);
        for _ in 0..5 {
            assert_eq!(poll(), Poll::Pending);
        }
        assert_eq!(polls.get(), 1);
        waker.take().expect("it left one").wake();
        assert_eq!((poll(), poll(), polls.get()), (Poll::Pending, Poll::Pending, 2));
        waker.take().expect("it left another").wake();
        assert_eq!(poll(), Poll::Ready(()));
    }
}
