use super::*;
use crate::clock::tests::base;
use crate::rng::duration_between;
use crate::shaper::Shaper;

const SECOND: Duration = Duration::from_secs(1);

/// A link by itself, driven to wherever the test wants to look.
struct Bench {
    start: Instant,
    now: Instant,
    link: Link,
    shapers: Shapers,
    /// When it happened, since the start, and what.
    seen: Vec<(Duration, LinkEvent)>,
}

impl Bench {
    fn new(config: LinkConfig, seed: u64) -> Self {
        Self::with_shapers(config, seed, |_, _| [Vec::new(), Vec::new()])
    }

    fn with_shapers(
        config: LinkConfig,
        seed: u64,
        path: impl FnOnce(&mut Shapers, Instant) -> [Vec<ShaperId>; 2],
    ) -> Self {
        let start = base();
        let mut shapers = Shapers::default();
        let path = path(&mut shapers, start);
        Self { start, now: start, link: Link::new(start, config, Rng::new(seed), path), shapers, seen: Vec::new() }
    }

    /// A link that both ends know of; time starts anew at that moment.
    fn open(config: LinkConfig, seed: u64) -> Self {
        let mut bench = Self::new(config, seed);
        bench.run();
        assert_eq!(bench.events(), [LinkEvent::Opened(Side::Acceptor), LinkEvent::Opened(Side::Dialer)]);
        bench.start = bench.now;
        bench.seen.clear();
        bench
    }

    fn run(&mut self) {
        while let Some(at) = self.link.poll_timeout() {
            self.step(at);
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.link.poll_timeout().filter(|at| *at <= end) {
            self.step(at);
        }
        self.now = end;
    }

    fn step(&mut self, at: Instant) {
        assert!(at >= self.now, "a timeout in the past");
        self.now = at;
        self.link.handle_timeout(at, &mut self.shapers);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.link.poll_output() {
            self.seen.push((self.now - self.start, event));
        }
    }

    fn send(&mut self, side: Side, bytes: &[u8]) -> usize {
        self.link.send(self.now, side, bytes, &mut self.shapers)
    }

    fn events(&self) -> Vec<LinkEvent> {
        self.seen.iter().map(|(_, event)| event.clone()).collect()
    }

    fn arrived(&self, side: Side) -> Vec<u8> {
        let arrived = self.seen.iter().filter_map(|(_, event)| match event {
            LinkEvent::Arrived(at, bytes) if *at == side => Some(bytes.as_ref()),
            LinkEvent::Arrived(..) | LinkEvent::Opened(_) | LinkEvent::Sent(..) | LinkEvent::Ended(..) => None,
        });
        arrived.collect::<Vec<_>>().concat()
    }

    fn when(&self, wanted: impl Fn(&LinkEvent) -> bool) -> Vec<Duration> {
        self.seen.iter().filter(|(_, event)| wanted(event)).map(|(at, _)| *at).collect()
    }
}

/// No jitter, a millisecond a byte, large buffers.
fn slow() -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(70),
        jitter: Duration::ZERO,
        rate: BytesPerSec::new(1000),
        chunk_len_max: 100,
        ..LinkConfig::default()
    }
}

fn random_bytes(rng: &mut Rng, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    rng.fill(&mut bytes);
    bytes
}

#[test]
fn dialing_takes_a_round_trip() {
    let mut bench = Bench::new(slow(), 1);
    bench.run();
    let expected = [
        (Duration::from_millis(70), LinkEvent::Opened(Side::Acceptor)),
        (Duration::from_millis(140), LinkEvent::Opened(Side::Dialer)),
    ];
    assert_eq!(bench.seen, expected);
}

#[test]
fn a_byte_takes_its_time_on_the_wire_and_the_delay() {
    let mut bench = Bench::open(slow(), 1);
    assert_eq!(bench.send(Side::Dialer, b"x"), 1);
    bench.run();
    let expected = [
        (Duration::from_millis(1), LinkEvent::Sent(Side::Dialer, 1)),
        (Duration::from_millis(71), LinkEvent::Arrived(Side::Acceptor, Bytes::from_static(b"x"))),
    ];
    assert_eq!(bench.seen, expected);
}

#[test]
fn throughput_is_the_rate_exactly() {
    for seed in 0..50 {
        // 7 MB/s: a chunk rarely takes whole nanoseconds, and a thousand of them must not add up to an error.
        let rate = BytesPerSec::new(7_000_000);
        let config = LinkConfig { rate, send_buffer_len: 14_000_000, ..slow() };
        let mut bench = Bench::open(LinkConfig { chunk_len_max: 16 * 1024, ..config }, seed);
        assert_eq!(bench.send(Side::Acceptor, &vec![1; 14_000_000]), 14_000_000);
        bench.run();
        let last = *bench.when(|event| matches!(event, LinkEvent::Arrived(Side::Dialer, _))).last().unwrap();
        assert_eq!(last, 2 * SECOND + Duration::from_millis(70), "seed {seed}");
    }
}

#[test]
fn the_directions_do_not_slow_each_other() {
    let mut bench = Bench::open(slow(), 1);
    bench.send(Side::Dialer, &[1; 1000]);
    bench.send(Side::Acceptor, &[2; 1000]);
    bench.run();
    for side in Side::ALL {
        let last = *bench.when(|event| matches!(event, LinkEvent::Arrived(at, _) if *at == side)).last().unwrap();
        assert_eq!(last, SECOND + Duration::from_millis(70));
    }
}

#[test]
fn a_shared_line_is_what_both_connections_get_together() {
    let mut line = None;
    let config = LinkConfig { rate: BytesPerSec::new(1_000_000), ..slow() };
    let mut one = Bench::with_shapers(config, 1, |shapers, now| {
        let id = shapers.add(Shaper::new(now, BytesPerSec::new(1000)));
        line = Some(id);
        [vec![id], Vec::new()]
    });
    one.run();
    let opened = one.now;
    let mut two = Link::new(one.start, config, Rng::new(2), [vec![line.unwrap()], Vec::new()]);
    two.handle_timeout(opened, &mut one.shapers);

    let (mut arrived_one, mut arrived_two) = (0, 0);
    assert_eq!(one.send(Side::Dialer, &[1; 1000]), 1000);
    assert_eq!(two.send(opened, Side::Dialer, &[2; 1000], &mut one.shapers), 1000);
    let mut last = opened;
    let next = |one: &Bench, two: &Link| [one.link.poll_timeout(), two.poll_timeout()].into_iter().flatten().min();
    while let Some(at) = next(&one, &two) {
        one.step(at);
        two.handle_timeout(at, &mut one.shapers);
        while let Some(event) = two.poll_output() {
            if let LinkEvent::Arrived(_, bytes) = event {
                arrived_two += bytes.len();
            }
        }
        arrived_one = one.arrived(Side::Acceptor).len();
        last = at;
        if arrived_one.min(arrived_two) > 800 {
            assert!(arrived_one.abs_diff(arrived_two) <= 200, "they take turns");
        }
    }
    assert_eq!((arrived_one, arrived_two), (1000, 1000));
    assert_eq!(last - opened, 2 * SECOND + Duration::from_millis(70));
}

#[test]
fn nothing_is_lost_or_reordered_within_a_connection() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let config = LinkConfig {
            delay: duration_between(&mut rng, Duration::ZERO, Duration::from_millis(100)),
            jitter: duration_between(&mut rng, Duration::ZERO, Duration::from_millis(300)),
            rate: BytesPerSec::new(1 + rng.below(1_000_000)),
            send_buffer_len: 1 + usize::try_from(rng.below(5000)).unwrap(),
            window_len: 2000 + usize::try_from(rng.below(5000)).unwrap(),
            chunk_len_max: 1 + usize::try_from(rng.below(2000)).unwrap(),
        };
        let mut bench = Bench::open(config, seed);
        let whole = random_bytes(&mut rng, 20_000);
        let mut rest = &whole[..];
        while !rest.is_empty() {
            let len = rest.len().min(1 + usize::try_from(rng.below(3000)).unwrap());
            let taken = bench.send(Side::Dialer, &rest[..len]);
            assert!(taken <= config.send_buffer_len);
            rest = &rest[taken..];
            match rng.below(8) {
                0 => bench.link.stall(bench.now + Duration::from_millis(rng.below(500))),
                1 => bench.link.set_reading(bench.now, Side::Acceptor, false),
                2.. => bench.link.set_reading(bench.now, Side::Acceptor, true),
            }
            bench.run_for(Duration::from_millis(rng.below(40)));
        }
        bench.link.set_reading(bench.now, Side::Acceptor, true);
        bench.link.close(bench.now, Side::Dialer);
        bench.run();
        assert_eq!(bench.arrived(Side::Acceptor), whole, "seed {seed}, {config:?}");
        assert_eq!(bench.events().last(), Some(&LinkEvent::Ended(Side::Acceptor, Ending::Closed)), "seed {seed}");
        assert!(bench.link.is_over(), "seed {seed}");
        let chunks = bench.events().into_iter().filter_map(|event| match event {
            LinkEvent::Arrived(_, bytes) => Some(bytes.len()),
            LinkEvent::Opened(_) | LinkEvent::Sent(..) | LinkEvent::Ended(..) => None,
        });
        assert!(chunks.max().unwrap() <= config.chunk_len_max, "seed {seed}");
    }
}

#[test]
fn the_stream_is_cut_at_random_and_across_what_was_sent_at_once() {
    let mut bench = Bench::open(slow(), 1);
    for _ in 0..100 {
        bench.send(Side::Dialer, &[1; 90]);
    }
    bench.run();
    let mut cuts = std::collections::BTreeSet::new();
    let mut lens = std::collections::BTreeSet::new();
    let mut at = 0;
    for event in bench.events() {
        if let LinkEvent::Arrived(_, bytes) = event {
            at += bytes.len();
            cuts.insert(at % 90);
            lens.insert(bytes.len());
        }
    }
    assert_eq!(at, 9000);
    assert!(lens.len() > 50, "about 180 chunks of 1 to 100 bytes: {lens:?}");
    assert!(cuts.len() > 50, "their ends fall anywhere: {cuts:?}");
}

#[test]
fn whoever_closes_does_not_even_hear_what_has_arrived() {
    let mut bench = Bench::open(slow(), 1);
    bench.send(Side::Dialer, &[1; 1]);
    let arrives = bench.now + Duration::from_millis(71);
    bench.link.handle_timeout(arrives, &mut bench.shapers);
    bench.link.close(arrives, Side::Acceptor);
    bench.drain();
    assert_eq!(bench.events(), [LinkEvent::Sent(Side::Dialer, 1)]);
}

#[test]
fn jitter_reorders_across_connections() {
    let mut dialer_first = [0; 2];
    for seed in 0..100 {
        let config = LinkConfig { jitter: Duration::from_millis(50), ..slow() };
        let mut firsts = [seed, seed + 1000].map(|seed| {
            let mut bench = Bench::open(config, seed);
            bench.send(Side::Dialer, b"x");
            bench.run();
            bench.when(|event| matches!(event, LinkEvent::Arrived(..)))[0]
        });
        for first in &mut firsts {
            assert!(*first >= Duration::from_millis(71) && *first <= Duration::from_millis(121), "seed {seed}");
        }
        dialer_first[usize::from(firsts[0] < firsts[1])] += 1;
    }
    assert!(dialer_first.iter().all(|&count| count > 20), "{dialer_first:?}");
}

#[test]
fn a_full_send_buffer_takes_no_more_until_the_wire_did() {
    let mut bench = Bench::open(LinkConfig { send_buffer_len: 500, ..slow() }, 1);
    assert_eq!(bench.send(Side::Dialer, &[1; 800]), 500);
    assert_eq!(bench.send(Side::Dialer, &[1; 300]), 0);
    assert_eq!(bench.link.send_room(Side::Dialer), 0);
    bench.run_for(Duration::from_millis(100));
    let sent: usize = bench.events().iter().map(sent_len).sum();
    assert!(sent > 0);
    assert_eq!(bench.link.send_room(Side::Dialer), sent);
    assert_eq!(bench.send(Side::Dialer, &[1; 300]), sent.min(300));
}

fn sent_len(event: &LinkEvent) -> usize {
    match event {
        LinkEvent::Sent(_, len) => *len,
        LinkEvent::Opened(_) | LinkEvent::Arrived(..) | LinkEvent::Ended(..) => 0,
    }
}

#[test]
fn a_reader_that_stops_holds_up_the_sender() {
    let mut bench = Bench::open(LinkConfig { window_len: 300, chunk_len_max: 100, ..slow() }, 1);
    bench.link.set_reading(bench.now, Side::Acceptor, false);
    bench.send(Side::Dialer, &[1; 2000]);
    bench.run_for(10 * SECOND);
    let sent: usize = bench.events().iter().map(sent_len).sum();
    assert!((200..=300).contains(&sent), "the window fills to within a chunk: {sent}");
    assert!(bench.arrived(Side::Acceptor).is_empty());
    assert_eq!(bench.link.poll_timeout(), None);

    bench.link.set_reading(bench.now, Side::Acceptor, true);
    bench.run();
    assert_eq!(bench.arrived(Side::Acceptor), [1; 2000]);
    let first = bench.when(|event| matches!(event, LinkEvent::Arrived(..)))[0];
    assert_eq!(first, 10 * SECOND, "what waited is read at once");
}

#[test]
fn both_ends_learn_of_a_loss_and_hear_nothing_more() {
    for seed in 0..50 {
        let mut bench = Bench::open(slow(), seed);
        bench.send(Side::Dialer, &[1; 1000]);
        bench.run_for(Duration::from_millis(500));
        let before = bench.arrived(Side::Acceptor).len();
        assert!(before > 0 && before < 1000, "in the middle");
        bench.link.lose();
        bench.link.lose();
        bench.drain();
        bench.run();
        let endings: Vec<_> = bench.events().into_iter().filter(|e| matches!(e, LinkEvent::Ended(..))).collect();
        let expected = Side::ALL.map(|side| LinkEvent::Ended(side, Ending::Lost));
        assert_eq!(endings, expected, "seed {seed}");
        assert_eq!(bench.arrived(Side::Acceptor).len(), before, "seed {seed}");
        assert!(bench.link.is_over());
        assert!(!bench.link.is_open(Side::Dialer));
    }
}

#[test]
fn a_loss_while_dialing_is_learned_too() {
    let mut bench = Bench::new(slow(), 1);
    bench.run_for(Duration::from_millis(100));
    bench.link.lose();
    bench.drain();
    bench.run();
    let expected = [
        LinkEvent::Opened(Side::Acceptor),
        LinkEvent::Ended(Side::Dialer, Ending::Lost),
        LinkEvent::Ended(Side::Acceptor, Ending::Lost),
    ];
    assert_eq!(bench.events(), expected);
}

#[test]
fn a_loss_before_the_call_arrives_is_the_dialers_alone() {
    let mut bench = Bench::new(slow(), 1);
    bench.run_for(Duration::from_millis(69));
    bench.link.lose();
    bench.drain();
    bench.run();
    assert_eq!(bench.events(), [LinkEvent::Ended(Side::Dialer, Ending::Lost)]);
    assert!(bench.link.is_over());
}

#[test]
fn a_stall_holds_up_a_dial() {
    let mut bench = Bench::new(slow(), 1);
    bench.run_for(Duration::from_millis(100));
    bench.link.stall(bench.now + SECOND);
    bench.run();
    let opened = bench.when(|event| *event == LinkEvent::Opened(Side::Dialer));
    assert_eq!(opened, [Duration::from_millis(1100)]);
}

#[test]
fn a_close_comes_after_the_bytes_and_one_delay_later() {
    let mut bench = Bench::open(slow(), 1);
    bench.send(Side::Dialer, &[1; 30]);
    bench.link.close(bench.now, Side::Dialer);
    bench.link.close(bench.now, Side::Dialer);
    // The other end does not know yet; what it says goes nowhere.
    bench.send(Side::Acceptor, &[2; 20]);
    bench.run();
    assert_eq!(bench.arrived(Side::Acceptor), [1; 30]);
    assert!(bench.arrived(Side::Dialer).is_empty());
    let closed = bench.when(|event| *event == LinkEvent::Ended(Side::Acceptor, Ending::Closed));
    assert_eq!(closed, [Duration::from_millis(100)]);
    assert!(bench.events().iter().all(|event| event.side() == Side::Acceptor), "whoever closes hears nothing");
}

#[test]
fn closing_an_idle_link_takes_one_delay() {
    let mut bench = Bench::open(slow(), 1);
    bench.link.close(bench.now, Side::Acceptor);
    bench.run();
    assert_eq!(bench.seen, [(Duration::from_millis(70), LinkEvent::Ended(Side::Dialer, Ending::Closed))]);
}

#[test]
fn when_both_close_nobody_hears_anything() {
    let mut bench = Bench::open(slow(), 1);
    bench.send(Side::Dialer, &[1; 30]);
    bench.link.close(bench.now, Side::Dialer);
    bench.link.close(bench.now, Side::Acceptor);
    assert!(bench.link.is_over());
    bench.run();
    assert!(bench.seen.is_empty());
}

#[test]
fn a_stall_is_silence_and_then_everything() {
    let mut bench = Bench::open(slow(), 1);
    bench.send(Side::Dialer, &[1; 1000]);
    bench.run_for(Duration::from_millis(500));
    let before = bench.arrived(Side::Acceptor).len();
    bench.link.stall(bench.now + 10 * SECOND);
    bench.run_for(9 * SECOND);
    assert_eq!(bench.arrived(Side::Acceptor).len(), before);
    assert!(bench.link.is_open(Side::Dialer) && bench.link.is_open(Side::Acceptor), "nobody is told");
    bench.run();
    assert_eq!(bench.arrived(Side::Acceptor), [1; 1000]);
    let arrivals = bench.when(|event| matches!(event, LinkEvent::Arrived(..)));
    assert!(arrivals.contains(&Duration::from_millis(10_500)), "what was on its way arrives as the stall ends");
    // 70 ms were on their way, and a chunk of 100 ms at most on the wire; the rest has yet to be sent.
    assert!(*arrivals.last().unwrap() >= Duration::from_millis(10_500 + 500 - 170), "nothing is sent meanwhile");
}

#[test]
fn a_new_rate_holds_for_what_is_sent_from_then_on() {
    let mut bench = Bench::open(slow(), 1);
    bench.link.set_rate(bench.now, BytesPerSec::new(10));
    bench.send(Side::Dialer, &[1; 10]);
    bench.run();
    let last = *bench.when(|event| matches!(event, LinkEvent::Arrived(..))).last().unwrap();
    assert_eq!(last, SECOND + Duration::from_millis(70));
}

#[test]
#[should_panic(expected = "not open at the Dialer")]
fn sending_before_the_link_is_open_is_a_mistake() {
    Bench::new(slow(), 1).send(Side::Dialer, b"x");
}

#[test]
#[should_panic(expected = "a chunk fits the window")]
fn a_window_below_a_chunk_is_a_mistake() {
    Bench::new(LinkConfig { window_len: 99, ..slow() }, 1);
}
