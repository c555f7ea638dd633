//! A model's time and bytes, handed to it.

use super::*;

struct Bench {
    model: Model,
    now: Instant,
}

impl Bench {
    /// A film of 100 s and 1,000 bytes that is open at its beginning with the first `read` bytes.
    fn new(change: impl FnOnce(&mut NullModel), read: usize) -> Self {
        let now = Instant::now();
        let duration = Some(Duration::from_secs(100));
        let seek_latency = (Duration::from_millis(100), Duration::from_millis(100));
        let mut kind = NullModel { duration, seek_latency, start_latency: Duration::ZERO, ..NullModel::default() };
        change(&mut kind);
        let mut bench = Self { model: Model::new(kind, now), now };
        bench.command(Command::Load { url: "http://x/y".into(), start: MediaTime::ZERO, title: "y".into() });
        assert_eq!(bench.model.need(), Need::From(0.0));
        bench.model.opened(0, 1_000);
        bench.model.read(read);
        assert!(matches!(bench.run(150)[..], [Event::Opened { .. }]));
        bench
    }

    fn command(&mut self, command: Command) {
        self.model.handle_command(self.now, command);
    }

    fn run(&mut self, ms: u64) -> Vec<Event> {
        let until = self.now + Duration::from_millis(ms);
        let mut events = Vec::new();
        while self.now < until {
            self.model.handle_timeout(self.now);
            events.extend(std::iter::from_fn(|| self.model.poll_event()));
            self.now = self.model.poll_timeout(self.now).max(self.now + Duration::from_millis(1)).min(until);
        }
        events
    }

    fn place(&mut self) -> Sample {
        self.command(Command::AskPosition);
        match self.model.poll_event() {
            Some(Event::Position(sample)) => sample,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn it_plays_by_its_clock_and_reads_no_further_than_a_player() {
    let mut bench = Bench::new(|kind| kind.ppm = 100, 500);
    bench.command(Command::Play);
    assert_eq!(bench.run(10_000), [Event::Running(true)]);
    let place = bench.place();
    assert!((place.at.seconds() - 10.001).abs() < 0.01 && place.moving, "{place:?}");
    assert!(!bench.model.is_hungry(bench.now), "40 s are ahead");
    bench.run(35_000);
    assert!(bench.model.is_hungry(bench.now));
    bench.command(Command::SetRate(2.0));
    let before = bench.place().at.seconds();
    bench.run(2_000);
    assert!((bench.place().at.seconds() - before - 4.0).abs() < 0.02);
    let mut deaf = Bench::new(|kind| kind.ignores_rate = true, 500);
    deaf.command(Command::SetRate(2.0));
    deaf.command(Command::Play);
    deaf.run(5_000);
    assert!((deaf.place().at.seconds() - 5.0).abs() < 0.02);
}

#[test]
fn without_bytes_it_stalls_and_goes_on_with_some() {
    let mut bench = Bench::new(|_| (), 30);
    bench.command(Command::Play);
    assert_eq!(bench.run(4_000), [Event::Running(true), Event::Buffering(true)]);
    let place = bench.place();
    assert!((place.at.seconds() - 3.0).abs() < 0.1 && !place.moving, "{place:?}");
    bench.model.read(10);
    assert_eq!(bench.run(500), [], "too little to go on");
    bench.model.read(20);
    assert_eq!(bench.run(500), [Event::Buffering(false)]);
}

#[test]
fn a_seek_takes_its_time_and_its_bytes() {
    let mut bench = Bench::new(|_| (), 500);
    bench.command(Command::Seek(MediaTime::saturating(20.0)));
    assert_eq!(bench.model.need(), Need::Nothing, "it was read");
    assert_eq!(bench.run(90), []);
    assert_eq!(bench.run(50), [Event::Sought(MediaTime::saturating(20.0))]);
    bench.command(Command::Seek(MediaTime::saturating(80.0)));
    assert_eq!(bench.model.need(), Need::From(80.0));
    bench.model.opened(800, 1_000);
    assert_eq!(bench.run(5_000), [], "nothing of it is here");
    bench.model.read(50);
    assert_eq!(bench.run(100), [Event::Sought(MediaTime::saturating(80.0))]);
    bench.model.read(150);
    assert!(bench.model.stream_ended());
    bench.command(Command::Play);
    assert_eq!(bench.run(21_000), [Event::Running(true), Event::Ended]);
}

#[test]
fn the_end_is_reached_however_the_bytes_came() {
    for part in [3, 7, 11, 13] {
        let mut bench = Bench::new(|_| (), part);
        for _ in 1..1_000 / part {
            bench.model.read(part);
        }
        bench.model.read(1_000 % part);
        assert!(bench.model.stream_ended());
        bench.command(Command::Play);
        assert_eq!(bench.run(101_000), [Event::Running(true), Event::Ended], "parts of {part}");
    }
}

#[test]
fn a_stream_that_breaks_is_read_on_and_own_stalls_come_and_go() {
    let mut bench = Bench::new(|_| (), 100);
    bench.model.stream_broke();
    assert_eq!(bench.model.need(), Need::From(10.0));
    bench.model.read(100);
    assert!(!bench.model.stream_ended(), "an end before the film's");
    bench.model.stream_broke();
    assert_eq!(bench.model.need(), Need::From(20.0));
    let mut bench = Bench::new(|kind| kind.stall_max = Duration::from_secs(5), 1_000);
    assert!(bench.model.stream_ended());
    bench.command(Command::Play);
    let events = bench.run(100_000);
    let stalls = events.iter().filter(|event| **event == Event::Buffering(true)).count();
    assert!((1..=10).contains(&stalls), "{events:?}");
}
