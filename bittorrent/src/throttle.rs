//! One rate for all connections of a client, shared in turns.
//!
//! Wraps the protocol core's token bucket for tasks of one thread. Who asks first is served first, a little at a time, so
//! that one greedy connection cannot empty the bucket for all.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bittorrent_proto::rate::TokenBucket;
use bittorrent_proto::units::{BLOCK_LEN, ByteLen, BytesPerSec};
use smol::Timer;

/// Bytes that may pass at once after a silence: a quarter of a MiB, one good read of a socket.
pub(crate) const BURST: ByteLen = ByteLen::new(256 * 1024);

/// Bytes of a turn while others wait: a block. Smaller turns would cost a timer each, larger ones make the others wait.
pub(crate) const TURN: ByteLen = ByteLen::new(BLOCK_LEN as u64);

/// A rate that many connections of one thread share; clones are the same one. Waiters cost one entry each and there is one
/// for each direction of a connection at most.
#[derive(Clone)]
pub(crate) struct Throttle {
    turns: Rc<RefCell<Turns>>,
}

impl Throttle {
    /// `None` lets everything pass.
    pub(crate) fn new(rate: Option<BytesPerSec>) -> Self {
        Self { turns: Rc::new(RefCell::new(Turns::new(rate))) }
    }

    /// Waits until some of `wanted` bytes may pass, and returns how many: at least one, at most `wanted`; 0 only for 0.
    /// Without a limit it is ready at once. Dropping it gives up the turn, and no bytes are lost.
    pub(crate) async fn acquire(&self, wanted: usize) -> usize {
        if wanted == 0 {
            return 0;
        }
        let wanted = ByteLen::new(u64::try_from(wanted).unwrap_or(u64::MAX));
        Acquire { throttle: self, wanted, ticket: None, timer: None }.await.as_usize()
    }

    /// Returns bytes that were acquired and did not pass after all, because a socket took fewer.
    pub(crate) fn give_back(&self, unused: usize) {
        let mut turns = self.turns();
        turns.bucket.give_back(ByteLen::new(u64::try_from(unused).unwrap_or(u64::MAX)));
        turns.wake_first();
    }

    /// Another rate, at once and for those who wait now.
    pub(crate) fn set_rate(&self, rate: Option<BytesPerSec>) {
        let mut turns = self.turns();
        turns.bucket.set_rate(Instant::now(), rate);
        turns.wake_first();
    }

    /// The rate in force.
    pub(crate) fn rate(&self) -> Option<BytesPerSec> {
        self.turns().bucket.rate()
    }

    fn turns(&self) -> RefMut<'_, Turns> {
        self.turns.borrow_mut()
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns = self.turns();
        f.debug_struct("Throttle").field("rate", &turns.bucket.rate()).field("waiting", &turns.waiting.len()).finish()
    }
}

/// The future of [`Throttle::acquire`]. It is in the queue exactly while it holds a ticket.
struct Acquire<'a> {
    throttle: &'a Throttle,
    wanted: ByteLen,
    ticket: Option<Ticket>,
    timer: Option<Timer>,
}

impl Future for Acquire<'_> {
    type Output = ByteLen;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ByteLen> {
        let this = &mut *self;
        loop {
            let mut turns = this.throttle.turns.borrow_mut();
            let ticket = *this.ticket.get_or_insert_with(|| turns.queue());
            match turns.take(ticket, Instant::now(), this.wanted) {
                Take::Granted(bytes) => {
                    this.ticket = None;
                    turns.wake_first();
                    return Poll::Ready(bytes);
                }
                Take::NotYourTurn | Take::Never => {
                    this.timer = None;
                    turns.wake_me(ticket, cx.waker());
                    return Poll::Pending;
                }
                Take::At(instant) => {
                    turns.wake_me(ticket, cx.waker());
                    drop(turns);
                    let timer = this.timer.get_or_insert_with(|| Timer::at(instant));
                    timer.set_at(instant);
                    // An instant that has come meanwhile: look again.
                    if Pin::new(timer).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut turns = self.throttle.turns();
            turns.leave(ticket);
            turns.wake_first();
        }
    }
}

/// A place in the queue; they rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(u64);

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// That many may pass; the ticket is used up.
    Granted(ByteLen),
    /// Others are before it.
    NotYourTurn,
    /// First in the queue; enough will be there at that time.
    At(Instant),
    /// First in the queue, and the rate is zero.
    Never,
}

/// The queue and the bucket, with time as an argument. Invariant: tickets in the queue rise, and only the first takes.
struct Turns {
    bucket: TokenBucket,
    waiting: VecDeque<(Ticket, Option<Waker>)>,
    next: u64,
}

impl Turns {
    fn new(rate: Option<BytesPerSec>) -> Self {
        Self { bucket: TokenBucket::new(rate, BURST), waiting: VecDeque::new(), next: 0 }
    }

    fn queue(&mut self) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, None));
        ticket
    }

    fn take(&mut self, ticket: Ticket, now: Instant, wanted: ByteLen) -> Take {
        if self.waiting.front().is_none_or(|(first, _)| *first != ticket) {
            return Take::NotYourTurn;
        }
        let limited = self.bucket.rate().is_some();
        let share = if limited && self.waiting.len() > 1 { wanted.min(TURN) } else { wanted };
        // Less than a turn is not worth a system call, so the first waits until the bucket has that much.
        match self.bucket.ready_at(now, share.min(TURN)) {
            None => Take::Never,
            Some(ready) if ready > now => Take::At(ready),
            Some(_) => match self.bucket.take_up_to(now, share) {
                // Rounding: `ready_at` counts in whole microseconds.
                ByteLen::ZERO => Take::At(now + MOMENT),
                bytes => {
                    self.waiting.pop_front();
                    Take::Granted(bytes)
                }
            },
        }
    }

    fn leave(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }

    fn wake_me(&mut self, ticket: Ticket, waker: &Waker) {
        // Tickets rise, so the place can be searched for by halves.
        if let Ok(at) = self.waiting.binary_search_by_key(&ticket, |(waiting, _)| *waiting) {
            let kept = self.waiting[at].1.get_or_insert_with(|| waker.clone());
            kept.clone_from(waker);
        }
    }

    fn wake_first(&self) {
        if let Some((_, Some(waker))) = self.waiting.front() {
            waker.wake_by_ref();
        }
    }
}

const MOMENT: std::time::Duration = std::time::Duration::from_micros(1);

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use proptest::prelude::*;
    use smol::LocalExecutor;
    use smol::future::{self, poll_once, yield_now};

    use super::*;

    const KIB: u64 = 1024;

    fn limited(rate: u64) -> Option<BytesPerSec> {
        Some(BytesPerSec::new(rate))
    }

    /// Empties the bucket, so that what follows is at the rate.
    fn drained(rate: u64, now: Instant) -> Turns {
        let mut turns = Turns::new(limited(rate));
        assert_eq!(turns.bucket.take_up_to(now, BURST), BURST);
        turns
    }

    #[test]
    fn without_a_limit_all_passes_at_once() {
        let throttle = Throttle::new(None);
        assert_eq!(future::block_on(throttle.acquire(usize::MAX)), usize::MAX);
        assert_eq!(future::block_on(throttle.acquire(0)), 0);
        assert!(throttle.turns().waiting.is_empty());
    }

    #[test]
    fn one_alone_gets_the_whole_burst() {
        let throttle = Throttle::new(limited(1));
        assert_eq!(future::block_on(throttle.acquire(1 << 20)), BURST.as_usize());
    }

    #[test]
    fn each_waits_for_its_turn_and_gets_a_turns_worth() {
        let start = Instant::now();
        let mut turns = drained(64 * KIB, start);
        let (first, second) = (turns.queue(), turns.queue());
        let wanted = ByteLen::new(100 * KIB);
        // 16 KiB at 64 KiB a second.
        let ready = start + Duration::from_millis(250);
        assert_eq!(turns.take(second, start, wanted), Take::NotYourTurn);
        assert_eq!(turns.take(first, start, wanted), Take::At(ready));
        assert_eq!(turns.take(second, ready, wanted), Take::NotYourTurn);
        assert_eq!(turns.take(first, ready, wanted), Take::Granted(TURN));
        assert_eq!(turns.take(first, ready, wanted), Take::NotYourTurn, "its ticket is used up");
        // Alone, the second takes what is there.
        let later = ready + Duration::from_secs(1);
        assert_eq!(turns.take(second, later, wanted), Take::Granted(ByteLen::new(64 * KIB)));
    }

    #[test]
    fn a_few_bytes_wait_only_for_themselves() {
        let start = Instant::now();
        let mut turns = drained(1000, start);
        let ticket = turns.queue();
        let ready = start + Duration::from_millis(10);
        assert_eq!(turns.take(ticket, start, ByteLen::new(10)), Take::At(ready));
        assert_eq!(turns.take(ticket, ready, ByteLen::new(10)), Take::Granted(ByteLen::new(10)));
    }

    #[test]
    fn a_new_rate_reaches_those_who_wait() {
        let start = Instant::now();
        let mut turns = drained(1, start);
        let ticket = turns.queue();
        let wanted = ByteLen::new(16 * KIB);
        turns.bucket.set_rate(start, Some(BytesPerSec::ZERO));
        assert_eq!(turns.take(ticket, start, wanted), Take::Never);
        turns.bucket.set_rate(start, limited(16 * KIB));
        assert_eq!(turns.take(ticket, start, wanted), Take::At(start + Duration::from_secs(1)));
        turns.bucket.set_rate(start, None);
        assert_eq!(turns.take(ticket, start, wanted), Take::Granted(wanted));
    }

    #[test]
    fn a_waiting_task_goes_on_when_the_limit_is_lifted() {
        let throttle = Throttle::new(Some(BytesPerSec::ZERO));
        let executor = LocalExecutor::new();
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let throttle = throttle.clone();
                executor.spawn(async move { throttle.acquire(40_000).await })
            })
            .collect();
        let granted = future::block_on(executor.run(async {
            while throttle.turns().waiting.len() < 5 {
                yield_now().await;
            }
            // One limit is exchanged for another first: still nobody may go.
            throttle.set_rate(Some(BytesPerSec::ZERO));
            yield_now().await;
            assert_eq!(throttle.turns().waiting.len(), 5);
            throttle.set_rate(None);
            let mut granted = 0;
            for task in tasks {
                granted += task.await;
            }
            granted
        }));
        assert_eq!(granted, 5 * 40_000);
    }

    #[test]
    fn tasks_share_alike() {
        // Fast enough to be over soon; what is counted are bytes, not time.
        const RATE: u64 = 256 * 1024 * KIB;
        const TOTAL: usize = 8 * 1024 * 1024;
        let throttle = Throttle::new(limited(RATE));
        let executor = LocalExecutor::new();
        let total = Rc::new(Cell::new(0));
        // The greedy ask for a MiB at a time, the modest for a block.
        let tasks: Vec<_> = [1 << 20, 16_384, 1 << 20, 16_384]
            .into_iter()
            .map(|wanted| {
                let (throttle, total) = (throttle.clone(), total.clone());
                executor.spawn(async move {
                    let mut mine = 0;
                    while total.get() < TOTAL {
                        let granted = throttle.acquire(wanted).await;
                        assert!((1..=wanted).contains(&granted));
                        mine += granted;
                        total.set(total.get() + granted);
                    }
                    mine
                })
            })
            .collect();
        let shares: Vec<usize> = future::block_on(executor.run(async {
            let mut shares = Vec::new();
            for task in tasks {
                shares.push(task.await);
            }
            shares
        }));
        let (least, most) = (*shares.iter().min().unwrap(), *shares.iter().max().unwrap());
        // The first to ask was alone and may have had the burst, and so may the last to leave. Nobody else ever was.
        assert!(most - least <= 2 * BURST.as_usize() + 4 * TURN.as_usize(), "{shares:?}");
    }

    #[test]
    fn who_gives_up_makes_way() {
        struct Woken(AtomicBool);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let throttle = Throttle::new(Some(BytesPerSec::ZERO));
        let mut first = Box::pin(throttle.acquire(1));
        let mut second = Box::pin(throttle.acquire(1));
        assert_eq!(future::block_on(poll_once(&mut first)), None);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(first);
        assert!(woken.0.load(Ordering::Relaxed), "the second is first now and must look at the rate");
        throttle.set_rate(None);
        assert_eq!(future::block_on(second), 1);
        assert!(throttle.turns().waiting.is_empty());
    }

    #[test]
    fn what_did_not_pass_can_be_given_back() {
        let throttle = Throttle::new(limited(1));
        assert_eq!(future::block_on(throttle.acquire(BURST.as_usize())), BURST.as_usize());
        throttle.give_back(20_000);
        assert_eq!(throttle.rate(), limited(1));
        assert_eq!(future::block_on(throttle.acquire(16_384)), 16_384);
    }

    proptest! {
        /// In virtual time, whoever asks and however often: never more than the rate, and in order of asking.
        #[test]
        fn never_more_than_the_rate(
            rate in 1u64..5_000_000,
            steps in proptest::collection::vec((0u64..400, 1u64..200_000), 1..80),
        ) {
            let start = Instant::now();
            let mut turns = Turns::new(limited(rate));
            let (mut now, mut passed, mut last) = (start, 0, None);
            let mut waiting = VecDeque::new();
            for (millis, wanted) in steps {
                now += Duration::from_millis(millis);
                waiting.push_back((turns.queue(), ByteLen::new(wanted)));
                while let Some(&(ticket, wanted)) = waiting.front() {
                    match turns.take(ticket, now, wanted) {
                        Take::Granted(bytes) => {
                            prop_assert!(bytes > ByteLen::ZERO && bytes <= wanted);
                            prop_assert!(last < Some(ticket));
                            last = Some(ticket);
                            passed += bytes.get();
                            waiting.pop_front();
                        }
                        Take::At(instant) => {
                            prop_assert!(instant > now);
                            break;
                        }
                        Take::NotYourTurn | Take::Never => prop_assert!(false, "it is first, and the rate not zero"),
                    }
                }
                let allowed = BURST + BytesPerSec::new(rate).bytes_in(now - start);
                prop_assert!(passed <= allowed.get() + 1, "{passed} of {allowed}");
            }
        }
    }
}
