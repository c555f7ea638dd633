use super::*;
use crate::clock::tests::base;

const SECOND: Duration = Duration::from_secs(1);
const RATE: u64 = 100_000;

/// A film of 60 s at 100 kB/s that starts with 2 s, goes on with 1 s and reads 10 s ahead.
fn config() -> PlayerConfig {
    PlayerConfig {
        bitrate: BytesPerSec::new(RATE),
        film_len: ByteLen::new(60 * RATE),
        prebuffer: 2 * SECOND,
        rebuffer: SECOND,
        read_ahead: 10 * SECOND,
    }
}

/// Seconds of film, as bytes.
fn film(from: u64, to: u64) -> ByteRange {
    ByteRange::new(from * RATE, to * RATE)
}

struct Bench {
    start: Instant,
    player: Player,
}

impl Bench {
    fn new() -> Self {
        let start = base();
        Self { start, player: Player::new(start, config()) }
    }

    /// The instant so many seconds in; the player's own timeouts have happened by then.
    fn at(&mut self, seconds: u64) -> Instant {
        let now = self.start + Duration::from_secs(seconds);
        while let Some((at, wake)) = self.player.poll_timeout().filter(|(at, _)| *at < now) {
            self.player.handle_timeout(at);
            if wake == PlayerWake::Reads {
                assert!(self.player.wanted(at).is_some(), "it was woken to read");
            }
        }
        now
    }

    fn give(&mut self, seconds: u64, range: ByteRange) {
        let now = self.at(seconds);
        self.player.handle_bytes(now, range);
    }
}

#[test]
fn stalls_as_computed_by_hand() {
    let mut bench = Bench::new();
    bench.give(1, film(0, 1)); // too little to start
    assert!(!bench.player.is_playing());
    bench.give(3, film(1, 2)); // starts at 3 s with 2 s of film: until 5 s
    bench.give(4, film(2, 3)); // until 6 s
    let now = bench.start + 6 * SECOND;
    bench.player.handle_timeout(now); // stall 1
    assert_eq!(bench.player.numbers().stalls, 1);
    assert_eq!(bench.player.stalled(now + SECOND), SECOND);
    bench.give(8, ByteRange::new(3 * RATE, 3 * RATE + RATE / 2)); // half a second is too little
    bench.give(10, ByteRange::new(3 * RATE + RATE / 2, 5 * RATE)); // goes on at 10 s with 2 s: until 12 s
    assert_eq!(bench.player.position(bench.start + 11 * SECOND), 4 * RATE);
    bench.give(15, film(5, 60)); // had run out at 12 s (stall 2), goes on at 15 s with the rest: until 70 s
    let end = bench.start + 70 * SECOND;
    assert_eq!(bench.player.poll_timeout(), Some((end, PlayerWake::RunsOut)));
    bench.player.handle_timeout(end);
    let expected = PlayerNumbers {
        startup: Some(3 * SECOND),
        seeks: Vec::new(),
        stalls: 2,
        stalled: (4 + 3) * SECOND,
        ended: true,
    };
    assert_eq!(*bench.player.numbers(), expected);
    assert_eq!(bench.player.position(end), 60 * RATE);
    assert_eq!(bench.player.poll_timeout(), None);
    assert_eq!(bench.player.wanted(end), None);
}

#[test]
fn bytes_at_the_very_instant_it_runs_out_are_in_time() {
    let mut bench = Bench::new();
    bench.player.handle_bytes(bench.start, film(0, 2));
    bench.player.handle_bytes(bench.start + 2 * SECOND, film(2, 4));
    bench.player.handle_bytes(bench.start + 4 * SECOND + Duration::from_nanos(1), film(4, 6));
    assert_eq!(bench.player.numbers().stalls, 1, "a nanosecond late is late");
    assert_eq!(bench.player.numbers().stalled, Duration::from_nanos(1));
}

#[test]
fn a_seek_is_timed_until_the_picture_is_there() {
    let mut bench = Bench::new();
    bench.give(0, film(0, 5));
    let now = bench.at(1);
    bench.player.seek(now, 30 * RATE);
    assert_eq!(bench.player.wanted(now).map(|range| range.start), Some(30 * RATE));
    bench.give(2, film(5, 6)); // asked for before the seek
    assert_eq!(bench.player.wanted(now).map(|range| range.start), Some(30 * RATE));
    bench.give(3, film(30, 31));
    bench.give(4, film(31, 33));
    assert_eq!(bench.player.numbers().seeks, [3 * SECOND]);
    assert_eq!(bench.player.position(bench.start + 5 * SECOND), 31 * RATE);
    assert_eq!(bench.player.numbers().stalls, 0, "a seek is no stall");
}

#[test]
fn a_seek_into_what_it_has_is_instant() {
    let mut bench = Bench::new();
    bench.give(0, film(0, 9));
    let now = bench.at(1);
    bench.player.seek(now, 5 * RATE);
    assert_eq!(bench.player.numbers().seeks, [Duration::ZERO]);
    assert_eq!(bench.player.position(now + SECOND), 6 * RATE);
    bench.player.seek(now, 0);
    assert!(!bench.player.is_playing(), "what lies behind is gone");
}

#[test]
fn a_second_seek_counts_from_itself_and_a_stall_ends_with_a_seek() {
    let mut bench = Bench::new();
    bench.give(0, film(0, 2));
    let now = bench.at(5); // stalled since 2 s
    bench.player.seek(now, 10 * RATE);
    let now = bench.at(6);
    bench.player.seek(now, 20 * RATE);
    bench.give(8, film(20, 22));
    let numbers = bench.player.numbers();
    assert_eq!((numbers.stalls, numbers.stalled), (1, 3 * SECOND));
    assert_eq!(numbers.seeks, [2 * SECOND]);
}

#[test]
fn a_seek_before_the_start_is_part_of_the_start() {
    let mut bench = Bench::new();
    let now = bench.at(1);
    bench.player.seek(now, 10 * RATE);
    bench.give(4, film(10, 12));
    assert_eq!(bench.player.numbers().startup, Some(4 * SECOND));
    assert!(bench.player.numbers().seeks.is_empty());
}

#[test]
fn the_last_seconds_play_without_a_full_buffer() {
    let mut bench = Bench::new();
    bench.give(0, film(0, 2));
    let now = bench.at(1);
    bench.player.seek(now, 59 * RATE);
    bench.give(2, film(59, 60));
    assert!(bench.player.is_playing());
    let now = bench.at(4);
    assert!(bench.player.numbers().ended);
    bench.player.seek(now, 500 * RATE);
    assert_eq!(bench.player.position(now), 60 * RATE, "past the end is the end");
    bench.player.seek(now, RATE);
    assert_eq!(bench.player.wanted(now), Some(ByteRange::new(RATE, RATE + PLAYER_READ_LEN)));
}

#[test]
fn it_reads_so_far_ahead_and_no_further() {
    let mut bench = Bench::new();
    let mut last = bench.start;
    // A network without limits: it is read from whenever the player wants, and the film plays through.
    let mut reads = 0;
    loop {
        while let Some(range) = bench.player.wanted(last) {
            assert!(range.end <= bench.player.position(last) + 10 * RATE);
            bench.player.handle_bytes(last, range);
            reads += 1;
        }
        let Some((at, _)) = bench.player.poll_timeout() else { break };
        assert!(at > last, "time moves on");
        last = at;
        bench.player.handle_timeout(at);
    }
    assert_eq!(last - bench.start, 60 * SECOND);
    assert_eq!(reads, (60 * RATE).div_ceil(PLAYER_READ_LEN));
    let numbers = bench.player.numbers();
    assert_eq!((numbers.startup, numbers.stalls, numbers.ended), (Some(Duration::ZERO), 0, true));
}

#[test]
fn room_for_a_read_is_announced_once() {
    let mut bench = Bench::new();
    bench.give(0, film(0, 10));
    let (at, wake) = bench.player.poll_timeout().unwrap();
    assert_eq!(wake, PlayerWake::Reads);
    assert_eq!(bench.player.wanted(at - Duration::from_micros(20)), None, "a byte is 10 us");
    bench.player.handle_timeout(at);
    assert!(bench.player.wanted(at).is_some());
    // The bytes are slow to come: it is not woken for the same room again.
    assert_eq!(bench.player.poll_timeout(), Some((bench.start + 10 * SECOND, PlayerWake::RunsOut)));
}

#[test]
#[should_panic(expected = "reads ahead less than it waits for")]
fn a_player_that_could_never_start_is_a_mistake() {
    Player::new(base(), PlayerConfig { read_ahead: 2 * SECOND, ..config() });
}
