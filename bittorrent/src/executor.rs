//! An executor whose tasks do not break off unnoticed. A task that panics ends alone, and whoever relied on it waits for ever; so
//! whoever runs the executor is told, and ends it all in good order.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use smol::channel::{Receiver, Sender, bounded};
use smol::{LocalExecutor, Task};

/// For one thread.
pub struct Executor {
    inner: LocalExecutor<'static>,
    /// Closed by the first panic.
    alarm: Sender<Infallible>,
    raised: Receiver<Infallible>,
}

/// Raises the alarm when a panic drops it.
struct Guard(Sender<Infallible>);

impl Executor {
    /// Without tasks.
    pub fn new() -> Self {
        let (alarm, raised) = bounded(1);
        Self { inner: LocalExecutor::new(), alarm, raised }
    }

    /// A task of that future; dropping it cancels it.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let guard = Guard(self.alarm.clone());
        self.inner.spawn(async move {
            let _guard = guard;
            future.await
        })
    }

    /// Runs all tasks until that future is ready.
    pub async fn run<T>(&self, until: impl Future<Output = T>) -> T {
        self.inner.run(until).await
    }

    /// Waits until a task has panicked.
    pub async fn broken(&self) {
        if let Ok(never) = self.raised.recv().await {
            match never {}
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("broken", &self.raised.is_closed()).finish_non_exhaustive()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_lite::FutureExt as _;
    use smol::Timer;

    use super::*;

    /// Whether a task has broken off when that future is ready.
    fn is_broken_after<T>(executor: &Executor, until: impl Future<Output = T>) -> bool {
        let over = async {
            until.await;
            false
        };
        let broken = async {
            executor.broken().await;
            true
        };
        smol::block_on(executor.run(broken.or(over)))
    }

    #[test]
    fn a_task_that_panics_is_noticed_whoever_holds_it() {
        let executor = Executor::new();
        let held = executor.spawn(async {
            smol::future::yield_now().await;
            panic!("on purpose");
        });
        assert!(is_broken_after(&executor, Timer::after(Duration::from_secs(60))));
        drop::<Task<()>>(held);
    }

    #[test]
    fn tasks_that_end_and_tasks_that_are_dropped_are_well() {
        let executor = Executor::new();
        let forever = executor.spawn(smol::future::pending::<()>());
        let ends = executor.spawn(async { 7 });
        let both = async {
            drop(forever);
            assert_eq!(ends.await, 7);
            smol::future::yield_now().await;
        };
        assert!(!is_broken_after(&executor, both));
    }
}
