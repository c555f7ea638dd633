//! A few threads for what blocks: the disk, and hashing.
//!
//! The reactor's thread never touches a file. It hands a closure to the pool and awaits the answer. The queue is bounded:
//! who finds it full waits, and so stops reading sockets. Order among jobs: see [`Lane`].

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use smol::channel::{self, Receiver};
use smol::lock::{Semaphore, SemaphoreGuardArc};

/// Threads of a pool unless said otherwise: one may wait for a slow disk while the other answers from the page cache.
pub(crate) const THREADS_DEFAULT: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// Jobs that wait, a lane. A write carries a piece, so this many pieces wait in memory at worst, beside those in flight.
pub(crate) const QUEUED_MAX: usize = 32;

/// What a job is for, which decides when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Somebody waits to see a picture. Goes first.
    Read,
    /// A piece on its way to the disk. After [`OVERTAKEN_MAX`] jobs that came before it, it goes first.
    Write,
    /// Hashing what is on the disk. As for writes; and when the pool has two threads or more, one is kept free of it, for
    /// such a job takes long.
    Bulk,
}

/// A handle to the pool; clones share it. Dropping the last one finishes what is queued and joins the threads.
#[derive(Clone)]
pub(crate) struct Pool {
    owner: Arc<Owner>,
}

/// Room in a lane for one job. Kept until the job starts; dropping it unused gives it back.
pub(crate) struct Room {
    shared: Arc<Shared>,
    lane: Lane,
    place: SemaphoreGuardArc,
}

/// A job that is queued or runs. Awaiting gives its result; dropping this does not stop it.
pub(crate) struct Running<T> {
    result: Receiver<thread::Result<T>>,
}

impl Pool {
    /// A pool of [`THREADS_DEFAULT`] threads.
    pub(crate) fn new() -> io::Result<Self> {
        Self::with(THREADS_DEFAULT, QUEUED_MAX)
    }

    /// A pool of `threads` threads, named `disk-0` and so on, with room for `queued_max` waiting jobs in each lane.
    pub(crate) fn with(threads: NonZeroUsize, queued_max: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { queues: Queues::default(), closed: false, bulk_running: 0 }),
            wake: Condvar::new(),
            bulk_running_max: (threads.get() - 1).max(1),
            room: Lane::ALL.map(|_| Arc::new(Semaphore::new(queued_max))),
        });
        // Should a thread not start, dropping `owner` joins those that did.
        let mut owner = Owner { shared: shared.clone(), threads: Vec::with_capacity(threads.get()) };
        for index in 0..threads.get() {
            let shared = shared.clone();
            owner.threads.push(thread::Builder::new().name(format!("disk-{index}")).spawn(move || shared.work())?);
        }
        Ok(Self { owner: Arc::new(owner) })
    }

    /// Waits for room, queues the job and waits for its result. A panic of the job goes on in the caller.
    ///
    /// Dropping the future while it waits for room drops the job; later, the job runs all the same.
    pub(crate) async fn run<T: Send + 'static>(&self, lane: Lane, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.room(lane).await.run(job).finished().await
    }

    /// Waits for room in a lane.
    pub(crate) async fn room(&self, lane: Lane) -> Room {
        let shared = &self.owner.shared;
        let place = shared.room[lane.as_usize()].acquire_arc().await;
        Room { shared: shared.clone(), lane, place }
    }

    /// Room in a lane, when there is some now.
    #[cfg(test)]
    pub(crate) fn try_room(&self, lane: Lane) -> Option<Room> {
        let shared = &self.owner.shared;
        let place = shared.room[lane.as_usize()].try_acquire_arc()?;
        Some(Room { shared: shared.clone(), lane, place })
    }

    /// Jobs that wait for a thread, in all lanes.
    pub(crate) fn queued(&self) -> usize {
        self.owner.shared.lock().queues.len()
    }
}

impl Room {
    /// Queues the job at once; what comes back is only for its result.
    pub(crate) fn run<T: Send + 'static>(self, job: impl FnOnce() -> T + Send + 'static) -> Running<T> {
        let (sender, result) = channel::bounded(1);
        let Self { shared, lane, place } = self;
        let job = move || {
            drop(place);
            // What a job shares with others is behind mutexes of its own; a panic in one of those is theirs to judge.
            let outcome = catch_unwind(AssertUnwindSafe(job));
            // Nobody may be waiting any more, which is no error.
            let _ = sender.try_send(outcome);
        };
        shared.lock().queues.push(lane, Box::new(job));
        shared.wake.notify_one();
        Running { result }
    }
}

impl<T> Running<T> {
    /// The job's result; its panic, if it panicked.
    pub(crate) async fn finished(self) -> T {
        let outcome = self.result.recv().await.expect("a queued job always runs: threads end only when none is left");
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.owner.threads.len()).field("queued", &self.queued()).finish()
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// What the handles own together. The threads own only [`Shared`], so this one's drop ends them.
struct Owner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A job may hold the last handle; its own thread cannot be waited for, and ends by itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                log::error!("a thread of the disk pool panicked");
            }
        }
    }
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    bulk_running_max: usize,
    room: [Arc<Semaphore>; Lane::ALL.len()],
}

struct State {
    queues: Queues,
    closed: bool,
    bulk_running: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it, and a queue is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life: take a job, run it, until the pool is closed and empty.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            let bulk_allowed = state.bulk_running < self.bulk_running_max;
            if let Some((lane, job)) = state.queues.pop(bulk_allowed) {
                state.bulk_running += usize::from(lane == Lane::Bulk);
                drop(state);
                job();
                state = self.lock();
                if lane == Lane::Bulk {
                    state.bulk_running -= 1;
                    // Another thread may have left a bulk job lying because of this one.
                    self.wake.notify_one();
                }
            } else if state.closed && state.queues.len() == 0 {
                // Others may have gone to sleep over a bulk job that was not theirs to take.
                self.wake.notify_all();
                return;
            } else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Lane {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Bulk];

    const fn as_usize(self) -> usize {
        self as usize
    }
}

/// How often a lane is passed over for an earlier one before its turn comes. At 1 ms a read, a write waits 8 ms for its
/// thread; a full queue of writes drains while reads never end.
const OVERTAKEN_MAX: u32 = 8;

/// The order of jobs, without threads. Invariant: a lane's count is of jobs taken from other lanes since one of its own
/// was, while it had one waiting.
#[derive(Default)]
struct Queues {
    lanes: [Waiting; Lane::ALL.len()],
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    overtaken: u32,
}

impl Queues {
    fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.jobs.len()).sum()
    }

    fn push(&mut self, lane: Lane, job: Job) {
        self.lanes[lane.as_usize()].jobs.push_back(job);
    }

    /// The next job: of the lane that was passed over too often, else of the first lane that has one.
    fn pop(&mut self, bulk_allowed: bool) -> Option<(Lane, Job)> {
        let waits = |lane: &Lane| !self.lanes[lane.as_usize()].jobs.is_empty() && (bulk_allowed || *lane != Lane::Bulk);
        let overdue = |lane: &Lane| self.lanes[lane.as_usize()].overtaken >= OVERTAKEN_MAX;
        let chosen = Lane::ALL
            .into_iter()
            .rev()
            .find(|lane| waits(lane) && overdue(lane))
            .or_else(|| Lane::ALL.into_iter().find(waits))?;
        for lane in Lane::ALL {
            let waiting = &mut self.lanes[lane.as_usize()];
            waiting.overtaken =
                if lane == chosen || waiting.jobs.is_empty() { 0 } else { waiting.overtaken.saturating_add(1) };
        }
        self.lanes[chosen.as_usize()].jobs.pop_front().map(|job| (chosen, job))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn one_thread(queued_max: usize) -> Pool {
        Pool::with(NonZeroUsize::MIN, queued_max).unwrap()
    }

    /// Keeps the pool's threads busy until the sender is dropped; returns once `threads` of them are held.
    fn hold(pool: &Pool, lane: Lane, threads: usize) -> (mpsc::Sender<()>, Vec<Running<()>>) {
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let (started, starts) = mpsc::channel();
        let running = (0..threads)
            .map(|_| {
                let (held, started) = (held.clone(), started.clone());
                pool.try_room(lane).unwrap().run(move || {
                    started.send(()).unwrap();
                    let _ = held.lock().unwrap().recv();
                })
            })
            .collect();
        for _ in 0..threads {
            starts.recv().unwrap();
        }
        (release, running)
    }

    #[test]
    fn results_come_back_from_threads_with_names() {
        let pool = Pool::new().unwrap();
        let name = smol::block_on(pool.run(Lane::Read, || thread::current().name().map(str::to_owned)));
        assert!(matches!(name.as_deref(), Some("disk-0" | "disk-1")), "{name:?}");
    }

    #[test]
    fn reads_go_first_and_bulk_last() {
        let pool = one_thread(8);
        let (release, _held) = hold(&pool, Lane::Read, 1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let running: Vec<_> = [Lane::Bulk, Lane::Write, Lane::Read, Lane::Write, Lane::Read]
            .into_iter()
            .map(|lane| {
                let order = order.clone();
                pool.try_room(lane).unwrap().run(move || order.lock().unwrap().push(lane))
            })
            .collect();
        assert_eq!(pool.queued(), 5);
        drop(release);
        for job in running {
            smol::block_on(job.finished());
        }
        assert_eq!(*order.lock().unwrap(), [Lane::Read, Lane::Read, Lane::Write, Lane::Write, Lane::Bulk]);
        assert_eq!(pool.queued(), 0);
    }

    #[test]
    fn no_lane_starves_while_reads_never_end() {
        let mut queues = Queues::default();
        for lane in [Lane::Bulk, Lane::Write, Lane::Write] {
            queues.push(lane, Box::new(|| ()));
        }
        let mut waited = [Vec::new(), Vec::new(), Vec::new()];
        for turn in 0..30 {
            queues.push(Lane::Read, Box::new(|| ()));
            let (lane, _) = queues.pop(true).unwrap();
            waited[lane.as_usize()].push(turn);
        }
        let [reads, writes, bulk] = waited;
        // The bulk job came to its turn together with the first write, and each is followed by eight of other lanes.
        assert_eq!((bulk, writes), (vec![8], vec![9, 18]));
        assert_eq!(reads.len(), 27);
    }

    #[test]
    fn a_lane_that_was_empty_has_not_waited() {
        let mut queues = Queues::default();
        for _ in 0..20 {
            queues.push(Lane::Read, Box::new(|| ()));
            drop(queues.pop(true).unwrap());
        }
        queues.push(Lane::Write, Box::new(|| ()));
        queues.push(Lane::Read, Box::new(|| ()));
        assert_eq!(queues.pop(true).unwrap().0, Lane::Read);
    }

    #[test]
    fn one_thread_stays_free_of_bulk() {
        let pool = Pool::with(NonZeroUsize::new(2).unwrap(), 8).unwrap();
        let (release, _held) = hold(&pool, Lane::Bulk, 1);
        let second = pool.try_room(Lane::Bulk).unwrap().run(|| ());
        // Would never come back if the second bulk job, or the first, had taken both threads.
        for lane in [Lane::Read, Lane::Write] {
            smol::block_on(pool.run(lane, || ()));
        }
        assert_eq!(pool.queued(), 1);
        drop(release);
        smol::block_on(second.finished());
    }

    #[test]
    fn a_single_thread_does_bulk_too() {
        smol::block_on(one_thread(1).run(Lane::Bulk, || ()));
    }

    #[test]
    fn a_full_lane_makes_callers_wait_and_leaves_the_others_alone() {
        let pool = one_thread(1);
        let (release, _held) = hold(&pool, Lane::Write, 1);
        let queued = pool.try_room(Lane::Write).unwrap().run(|| 1);
        assert!(pool.try_room(Lane::Write).is_none());
        let mut waiting = Box::pin(pool.run(Lane::Write, || 2));
        assert!(smol::block_on(smol::future::poll_once(&mut waiting)).is_none());
        assert_eq!(pool.queued(), 1);
        drop(pool.try_room(Lane::Read).unwrap());
        let room = pool.try_room(Lane::Read);
        assert!(room.is_some(), "an unused room was given back");
        drop(release);
        assert_eq!((smol::block_on(queued.finished()), smol::block_on(waiting)), (1, 2));
    }

    #[test]
    fn a_panic_reaches_its_caller_and_the_pool_goes_on() {
        let pool = one_thread(4);
        let panic = catch_unwind(AssertUnwindSafe(|| smol::block_on(pool.run(Lane::Read, || panic!("not today")))));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"not today"));
        assert_eq!(smol::block_on(pool.run(Lane::Read, || 7)), 7);
    }

    #[test]
    fn the_last_drop_finishes_what_is_queued() {
        let pool = one_thread(16);
        let done = Arc::new(AtomicUsize::new(0));
        let (release, held) = hold(&pool, Lane::Read, 1);
        for lane in [Lane::Bulk, Lane::Write, Lane::Read] {
            for _ in 0..5 {
                let done = done.clone();
                drop(pool.try_room(lane).unwrap().run(move || done.fetch_add(1, Ordering::Relaxed)));
            }
        }
        let other = pool.clone();
        drop(pool);
        drop((release, held));
        drop(other);
        assert_eq!(done.load(Ordering::Relaxed), 15);
    }

    #[test]
    fn threads_that_wait_for_a_bulk_job_to_end_end_too() {
        let pool = Pool::with(NonZeroUsize::new(4).unwrap(), 8).unwrap();
        let (release, held) = hold(&pool, Lane::Bulk, 3);
        let queued: Vec<_> = (0..5).map(|_| pool.try_room(Lane::Bulk).unwrap().run(|| ())).collect();
        let dropping = thread::spawn(move || drop(pool));
        drop((release, held, queued));
        dropping.join().unwrap();
    }

    #[test]
    fn a_job_may_hold_the_last_handle() {
        let pool = one_thread(1);
        let (give, take) = mpsc::channel::<Pool>();
        let running = pool.try_room(Lane::Read).unwrap().run(move || drop(take.recv().unwrap()));
        give.send(pool).unwrap();
        smol::block_on(running.finished());
    }
}
