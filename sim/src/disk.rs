//! A disk that takes its time: a few workers, a latency a job, and failure when the plan says so.
//!
//! It knows nothing of what a job does. The host that submitted one carries it out when it comes back as done, on
//! whatever stands for its files: [`files`], where a crash counts.

pub mod files;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::{ByteLen, BytesPerSec};

use crate::limits::DISK_JOBS_MAX;
use crate::rate::time_for;
use crate::rng::jitter;

/// What a disk is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// What any job takes.
    pub latency: Duration,
    /// What chance adds, at most: with several workers jobs end in another order than they came.
    pub jitter: Duration,
    /// What the bytes of a job take on top; not zero.
    pub rate: BytesPerSec,
    /// Jobs done at once.
    pub workers: usize,
    /// Jobs held, running ones included.
    pub jobs_max: usize,
}

impl Default for DiskConfig {
    /// A solid-state disk behind four workers.
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(100),
            jitter: Duration::from_micros(400),
            rate: BytesPerSec::new(500_000_000),
            workers: 4,
            jobs_max: DISK_JOBS_MAX,
        }
    }
}

/// Why a job was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DiskFault {
    /// The plan let the disk fail: full, unplugged or worn out.
    #[error("the disk fails")]
    Failing,
}

/// A job that has had its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<J> {
    /// What was submitted.
    pub job: J,
    /// Whether it may be taken as done.
    pub result: Result<(), DiskFault>,
}

/// A job that did not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk already holds its most jobs")]
pub struct DiskFull<J>(pub J);

/// Jobs of any kind, first come, first served.
#[derive(Debug)]
pub struct Disk<J> {
    config: DiskConfig,
    rng: Rng,
    waiting: VecDeque<(J, ByteLen)>,
    /// By the instant they end, then by the order they started in.
    running: BTreeMap<(Instant, u64), J>,
    started: u64,
    failing: bool,
    done: VecDeque<Done<J>>,
}

impl<J> Disk<J> {
    /// An idle disk.
    ///
    /// # Panics
    /// Without workers: no job would ever end.
    pub fn new(config: DiskConfig, rng: Rng) -> Self {
        assert!(config.workers > 0, "a disk without workers");
        let (waiting, running, done) = (VecDeque::new(), BTreeMap::new(), VecDeque::new());
        Self { config, rng, waiting, running, started: 0, failing: false, done }
    }

    /// Takes a job that moves `len` bytes.
    ///
    /// # Errors
    /// Gives the job back when the disk holds its most.
    pub fn submit(&mut self, now: Instant, job: J, len: ByteLen) -> Result<(), DiskFull<J>> {
        if self.len() >= self.config.jobs_max {
            return Err(DiskFull(job));
        }
        self.waiting.push_back((job, len));
        self.start_waiting(now);
        Ok(())
    }

    /// From here on every job that ends has failed, or none has.
    pub const fn set_failing(&mut self, failing: bool) {
        self.failing = failing;
    }

    /// Ends what is due, each at its own instant, and starts what waited for a worker.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(running) = self.running.first_entry()
            && running.key().0 <= now
        {
            let ((at, _), job) = running.remove_entry();
            let result = if self.failing { Err(DiskFault::Failing) } else { Ok(()) };
            self.done.push_back(Done { job, result });
            self.start_waiting(at);
        }
    }

    /// A job that ended, in the order of their ends.
    pub fn poll_output(&mut self) -> Option<Done<J>> {
        self.done.pop_front()
    }

    /// When the next job ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.running.first_key_value().map(|((at, _), _)| *at)
    }

    /// The end of it: the jobs that were running, in the order they would have ended. Each may have been done in part.
    pub fn into_running(self) -> Vec<J> {
        self.running.into_values().collect()
    }

    /// Jobs that wait or run.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn start_waiting(&mut self, now: Instant) {
        while self.running.len() < self.config.workers
            && let Some((job, len)) = self.waiting.pop_front()
        {
            let takes =
                self.config.latency + jitter(&mut self.rng, self.config.jitter) + time_for(self.config.rate, len.get());
            self.running.insert((now + takes, self.started), job);
            self.started += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::base;

    const MS: Duration = Duration::from_millis(1);

    fn config() -> DiskConfig {
        let rate = BytesPerSec::new(1_000_000);
        DiskConfig { latency: 10 * MS, jitter: Duration::ZERO, rate, workers: 1, jobs_max: 4 }
    }

    fn disk(config: DiskConfig) -> Disk<u32> {
        Disk::new(config, Rng::new(1))
    }

    /// Runs it dry: when, since the start, each job ended.
    fn ends(disk: &mut Disk<u32>, start: Instant) -> Vec<(Duration, u32)> {
        let mut ends = Vec::new();
        while let Some(at) = disk.poll_timeout() {
            disk.handle_timeout(at);
            while let Some(done) = disk.poll_output() {
                ends.push((at - start, done.job));
            }
        }
        ends
    }

    #[test]
    fn one_worker_does_one_job_after_the_other() {
        let (start, mut disk) = (base(), disk(config()));
        disk.submit(start, 1, ByteLen::new(5_000)).unwrap();
        disk.submit(start, 2, ByteLen::ZERO).unwrap();
        assert_eq!(disk.len(), 2);
        assert_eq!(ends(&mut disk, start), [(15 * MS, 1), (25 * MS, 2)]);
        assert!(disk.is_empty());
    }

    #[test]
    fn two_workers_do_two_at_once() {
        let (start, mut disk) = (base(), disk(DiskConfig { workers: 2, ..config() }));
        for job in 1..=3 {
            disk.submit(start, job, ByteLen::ZERO).unwrap();
        }
        assert_eq!(ends(&mut disk, start), [(10 * MS, 1), (10 * MS, 2), (20 * MS, 3)]);
    }

    #[test]
    fn a_late_call_ends_each_job_at_its_own_instant() {
        let (start, mut disk) = (base(), disk(config()));
        disk.submit(start, 1, ByteLen::ZERO).unwrap();
        disk.submit(start, 2, ByteLen::ZERO).unwrap();
        disk.submit(start, 3, ByteLen::ZERO).unwrap();
        disk.handle_timeout(start + 25 * MS);
        assert_eq!(disk.poll_timeout(), Some(start + 30 * MS));
        assert_eq!(disk.poll_output().map(|done| done.job), Some(1));
        assert_eq!(disk.poll_output().map(|done| done.job), Some(2));
        assert_eq!(disk.poll_output(), None);
    }

    #[test]
    fn jitter_lets_jobs_overtake() {
        let config = DiskConfig { jitter: 50 * MS, workers: 8, jobs_max: 100, ..config() };
        let (start, mut disk) = (base(), disk(config));
        for job in 0..100 {
            disk.submit(start, job, ByteLen::ZERO).unwrap();
        }
        let mut order: Vec<u32> = ends(&mut disk, start).into_iter().map(|(_, job)| job).collect();
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_crash_leaves_the_running_jobs_half_done_and_the_others_undone() {
        let mut disk = disk(DiskConfig { workers: 2, ..config() });
        for job in 1..=3 {
            disk.submit(base(), job, ByteLen::ZERO).unwrap();
        }
        assert_eq!(disk.into_running(), [1, 2]);
    }

    #[test]
    fn a_full_disk_gives_the_job_back() {
        let (start, mut disk) = (base(), disk(config()));
        for job in 0..4 {
            disk.submit(start, job, ByteLen::ZERO).unwrap();
        }
        assert_eq!(disk.submit(start, 9, ByteLen::ZERO), Err(DiskFull(9)));
        assert_eq!(ends(&mut disk, start).len(), 4);
    }

    #[test]
    fn a_failing_disk_fails_what_ends_and_recovers() {
        let (start, mut disk) = (base(), disk(config()));
        disk.submit(start, 1, ByteLen::ZERO).unwrap();
        disk.submit(start, 2, ByteLen::ZERO).unwrap();
        disk.set_failing(true);
        disk.handle_timeout(start + 10 * MS);
        assert_eq!(disk.poll_output(), Some(Done { job: 1, result: Err(DiskFault::Failing) }));
        disk.set_failing(false);
        disk.handle_timeout(start + 20 * MS);
        assert_eq!(disk.poll_output(), Some(Done { job: 2, result: Ok(()) }));
    }

    #[test]
    #[should_panic(expected = "without workers")]
    fn a_disk_without_workers_is_a_mistake() {
        disk(DiskConfig { workers: 0, ..config() });
    }
}
