//! Bodies over sources that do exactly what a script says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use futures_lite::io::Cursor;
use proptest::prelude::*;

use super::*;

/// What a source does next; an empty list is "nothing yet".
enum Step {
    Gives(usize),
    Waits,
    Fails(io::ErrorKind),
    Claims(usize),
}

struct Script {
    steps: VecDeque<Step>,
    seek: Poll<io::Result<u64>>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), seek: Poll::Ready(Ok(0)) }
    }
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.steps.pop_front() {
            None | Some(Step::Waits) => Poll::Pending,
            Some(Step::Fails(kind)) => Poll::Ready(Err(kind.into())),
            Some(Step::Claims(read)) => Poll::Ready(Ok(read)),
            Some(Step::Gives(count)) => {
                let given = count.min(into.len());
                into[..given].fill(b'x');
                if given < count {
                    self.steps.push_front(Step::Gives(count - given));
                }
                Poll::Ready(Ok(given))
            }
        }
    }
}

impl AsyncSeek for Script {
    fn poll_seek(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: SeekFrom) -> Poll<io::Result<u64>> {
        std::mem::replace(&mut self.seek, Poll::Pending)
    }
}

struct Gone;

impl Client for Gone {
    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One poll: a chunk's length, an error, the end, or nothing yet.
fn poll<S, C>(body: &mut RangeBody<S, C>) -> Poll<Option<Result<usize, BodyError>>>
where
    S: AsyncRead + AsyncSeek + Unpin,
    C: Client + Unpin,
{
    let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap().remaining())))
}

/// The failure that comes next, after a turn in which hyper sends what it has.
fn failure<S, C>(body: &mut RangeBody<S, C>) -> BodyError
where
    S: AsyncRead + AsyncSeek + Unpin,
    C: Client + Unpin,
{
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(Pin::new(&mut *body).poll_frame(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "it comes back by itself");
    match poll(body) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("no failure but {other:?}"),
    }
}

fn body(len: u64, steps: impl IntoIterator<Item = Step>) -> RangeBody<Script, ()> {
    RangeBody::new(Script::new(steps), 0..len, ChunkPool::new(), ())
}

/// Every byte of a body that never waits for its source.
fn collect<S: AsyncRead + AsyncSeek + Unpin>(mut body: RangeBody<S, ()>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {}
            Poll::Ready(None) => return all,
            Poll::Ready(Some(frame)) => {
                let mut data = frame.unwrap().into_data().unwrap();
                while data.has_remaining() {
                    all.push(data.get_u8());
                }
            }
        }
    }
}

#[test]
fn what_the_source_gives_at_once_is_one_chunk() {
    let mut body = body(100, [Step::Gives(10), Step::Gives(20), Step::Waits, Step::Gives(70)]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(30)))));
    assert_eq!(body.size_hint().exact(), Some(70));
    assert!(!body.is_end_stream());
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(70)))));
    assert!(body.is_end_stream());
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
}

#[test]
fn chunks_are_bounded_and_the_range_is_not_passed() {
    let mut body = body(CHUNK_LEN as u64 + 5, [Step::Gives(10 * CHUNK_LEN)]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(CHUNK_LEN)))));
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(5)))));
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
}

#[test]
fn a_source_that_ends_early_ends_the_body_with_an_error() {
    let mut body = body(100, [Step::Gives(40), Step::Claims(0)]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(40)))));
    assert!(matches!(failure(&mut body), BodyError::EndedEarly { missing: 60 }));
    assert!(!body.is_end_stream(), "hyper must not take it for complete");
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
}

#[test]
fn a_source_that_fails_ends_the_body_after_what_it_gave() {
    let mut body = body(100, [Step::Gives(40), Step::Fails(io::ErrorKind::InvalidData)]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(40)))));
    let BodyError::Source(error) = failure(&mut body) else { panic!("another error") };
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
}

#[test]
fn after_a_wait_a_failure_is_told_at_once() {
    let mut body = body(100, [Step::Waits, Step::Fails(io::ErrorKind::Other)]);
    assert!(poll(&mut body).is_pending());
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(BodyError::Source(_))))));
}

#[test]
fn an_interruption_is_no_failure() {
    let mut body = body(100, [Step::Fails(io::ErrorKind::Interrupted), Step::Gives(100)]);
    assert!(poll(&mut body).is_pending());
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(100)))));
}

#[test]
fn a_source_that_claims_too_much_is_not_believed() {
    let mut body = body(100, [Step::Claims(101)]);
    assert!(matches!(failure(&mut body), BodyError::SourceBroken));
}

#[test]
fn a_seek_may_wait_fail_or_miss() {
    let with = |seek| {
        let mut script = Script::new([Step::Gives(10)]);
        script.seek = seek;
        RangeBody::new(script, 5..15, ChunkPool::new(), ())
    };
    let mut waits = with(Poll::Pending);
    assert!(poll(&mut waits).is_pending());
    waits.source.seek = Poll::Ready(Ok(5));
    assert!(matches!(poll(&mut waits), Poll::Ready(Some(Ok(10)))));
    let mut fails = with(Poll::Ready(Err(io::ErrorKind::Other.into())));
    assert!(matches!(failure(&mut fails), BodyError::Source(_)));
    assert!(matches!(poll(&mut fails), Poll::Ready(None)));
    let mut misses = with(Poll::Ready(Ok(4)));
    assert!(matches!(failure(&mut misses), BodyError::SourceBroken));
}

#[test]
fn nobody_waits_for_a_client_that_is_gone() {
    let script = Script::new([Step::Gives(10), Step::Waits]);
    let mut body = RangeBody::new(script, 0..100, ChunkPool::new(), Gone);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(10)))), "what is there is still given");
    assert!(matches!(failure(&mut body), BodyError::ClientGone));
    let mut script = Script::new([]);
    script.seek = Poll::Pending;
    let mut body = RangeBody::new(script, 0..100, ChunkPool::new(), Gone);
    assert!(matches!(failure(&mut body), BodyError::ClientGone));
}

#[test]
fn others_have_their_turn_after_a_few_chunks() {
    let mut body = body(100 * CHUNK_LEN as u64, [Step::Gives(100 * CHUNK_LEN)]);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    for _ in 0..3 {
        for _ in 0..CHUNKS_IN_A_ROW_MAX {
            assert!(Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)).is_ready());
        }
        let before = wakes.0.load(Ordering::Relaxed);
        assert!(Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(wakes.0.load(Ordering::Relaxed), before + 1, "and it comes back by itself");
    }
}

#[test]
fn memory_is_reused_and_a_waiting_body_holds_none() {
    let pool = ChunkPool::new();
    let script = Script::new([Step::Gives(10), Step::Waits, Step::Waits, Step::Gives(10)]);
    let mut body = RangeBody::new(script, 0..20, pool.clone(), ());
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(10)))));
    assert_eq!(pool.free.borrow().len(), 1);
    assert!(poll(&mut body).is_pending());
    assert_eq!(pool.free.borrow().len(), 1);
    let held: Vec<Chunk> = (0..2 * CHUNKS_KEPT_MAX).map(|_| pool.take()).collect();
    assert_eq!(pool.free.borrow().len(), 0);
    drop(held);
    assert_eq!(pool.free.borrow().len(), CHUNKS_KEPT_MAX);
}

#[test]
fn an_empty_range_is_over_at_once() {
    let body = RangeBody::new(Cursor::new(b"abc"), 1..1, ChunkPool::new(), ());
    assert!(body.is_end_stream());
    assert_eq!(collect(body), b"");
}

proptest! {
    #[test]
    fn a_body_is_the_slice(bytes in proptest::collection::vec(any::<u8>(), 1..2000), ends: (u16, u16)) {
        let place = |end: u16| usize::from(end) % (bytes.len() + 1);
        let (start, end) = (place(ends.0).min(place(ends.1)), place(ends.0).max(place(ends.1)));
        let body = RangeBody::new(Cursor::new(bytes.clone()), start as u64..end as u64, ChunkPool::new(), ());
        prop_assert_eq!(collect(body), &bytes[start..end]);
    }
}
