use super::*;
use crate::infohash::Infohash;
use crate::peer_id::PeerId;
use proptest::prelude::{any, prop, prop_assert, proptest};

struct Bench {
    now: Instant,
    exchange: UdpAnnounce,
}

impl Bench {
    fn new(url: &str, event: Option<AnnounceEvent>, v6: bool) -> Self {
        let now = Instant::now();
        let announce = Announce {
            infohash: Infohash::new(*b"abcdefghijklmnopqrst"),
            peer_id: PeerId::new(*b"-Sh0100-abcdefghijkl"),
            port: 6881,
            uploaded: 1,
            downloaded: 2,
            left: Some(3),
            event,
            key: 0xdead_beef,
            tracker_id: None,
            local: Vec::new(),
        };
        Self { now, exchange: UdpAnnounce::new(now, Rng::new(1), &TrackerUrl::parse(url).unwrap(), announce, v6) }
    }

    fn sent(&mut self) -> Vec<u8> {
        match self.exchange.poll_output() {
            Some(Output::Send(datagram)) => datagram,
            other => panic!("a datagram is sent, not {other:?}"),
        }
    }

    fn hears(&mut self, action: u32, transaction: &[u8], rest: &[u8]) -> Option<Output> {
        self.exchange.handle_input(self.now, &[&action.to_be_bytes(), transaction, rest].concat());
        self.exchange.poll_output()
    }

    /// Through the first question; what the second one is.
    fn connected(&mut self) -> Vec<u8> {
        let transaction = self.sent()[12..16].to_vec();
        match self.hears(0, &transaction, &[1, 2, 3, 4, 5, 6, 7, 8]) {
            Some(Output::Send(datagram)) => datagram,
            other => panic!("an announce follows, not {other:?}"),
        }
    }

    /// To the next wake; how long that is.
    fn wake(&mut self) -> u64 {
        let (at, Wake::Answer) = self.exchange.poll_timeout().expect("it waits for an answer");
        let waited = at - self.now;
        self.now = at;
        self.exchange.handle_timeout(at);
        waited.as_secs()
    }
}

#[test]
fn the_two_questions() {
    let mut bench = Bench::new("udp://t:1/dir?a=b&c=d", Some(AnnounceEvent::Started), false);
    let connect = bench.sent();
    assert_eq!(connect[..12], [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0]);
    assert_eq!((connect.len(), bench.exchange.poll_output()), (16, None));
    let mut bench = Bench::new("udp://t:1/dir?a=b&c=d", Some(AnnounceEvent::Started), false);
    let announce = bench.connected();
    let mut expected = vec![1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1];
    expected.extend(&announce[12..16]);
    expected.extend(b"abcdefghijklmnopqrst-Sh0100-abcdefghijkl");
    expected.extend([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0, 0, 0, 2, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 50, 0x1a, 0xe1, 2, 12]);
    expected.extend(b"/dir?a=b&c=d");
    assert_eq!(announce, expected);
}

#[test]
fn events_and_options() {
    for (event, number, wanted) in [
        (None, 0, 50),
        (Some(AnnounceEvent::Completed), 1, 50),
        (Some(AnnounceEvent::Started), 2, 50),
        (Some(AnnounceEvent::Stopped), 3, 0),
        (Some(AnnounceEvent::Paused), 0, 50),
    ] {
        let announce = Bench::new("udp://t:1", event, false).connected();
        assert_eq!((announce.len(), announce[83], announce[95]), (98, number, wanted), "no path, no option");
    }
    let announce = Bench::new(&format!("udp://t:1/{}", "a".repeat(299)), None, false).connected();
    assert_eq!((announce.len(), &announce[98..101], &announce[355..358]), (402, &b"\x02\xff/"[..], &b"\x02\x2da"[..]));
}

#[test]
fn answers_by_the_sockets_family() {
    let interval = [0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2];
    let v4 = [&interval[..], &[1, 2, 3, 4, 0, 80, 5, 6, 7, 8, 0, 0, 9, 9, 9]].concat();
    let mut v6 = [&interval[..], &[0x20, 1, 13, 184]].concat();
    v6.extend([0; 11]);
    v6.extend([1, 0, 81]);
    for (is_v6, body, expected) in [(false, v4, "1.2.3.4:80"), (true, v6, "[2001:db8::1]:81")] {
        let mut bench = Bench::new("udp://t:1", None, is_v6);
        let transaction = bench.connected()[12..16].to_vec();
        let Some(Output::Answered(peers)) = bench.hears(1, &transaction, &body) else { panic!("an answer") };
        assert_eq!(peers.addrs, [expected.parse().unwrap()], "a cut entry and port 0 are none");
        assert_eq!((peers.interval.as_secs(), peers.interval_min), (1800, INTERVAL_MIN));
        assert_eq!(bench.exchange.poll_timeout(), None);
        assert_eq!(bench.hears(1, &transaction, &body), None, "once");
    }
}

#[test]
fn too_many_peers_and_short_intervals() {
    let mut bench = Bench::new("udp://t:1", None, false);
    let transaction = bench.connected()[12..16].to_vec();
    let body = [&[0; 12][..], &[1, 2, 3, 4, 5, 6].repeat(PEERS_MAX + 10)].concat();
    let Some(Output::Answered(peers)) = bench.hears(1, &transaction, &body) else { panic!("an answer") };
    assert_eq!((peers.addrs.len(), peers.interval), (PEERS_MAX, INTERVAL_MIN));
}

#[test]
fn refusals_and_broken_answers() {
    let mut bench = Bench::new("udp://t:1", None, false);
    let transaction = bench.sent()[12..16].to_vec();
    let refused = bench.hears(3, &transaction, b"go\naway");
    assert_eq!(refused, Some(Output::Failed(AnswerError::Refused("go away".into()))));
    let mut bench = Bench::new("udp://t:1", None, false);
    let transaction = bench.sent()[12..16].to_vec();
    assert_eq!(bench.hears(0, &transaction, &[1; 7]), Some(Output::Failed(AnswerError::NoDatagram)));
    let mut bench = Bench::new("udp://t:1", None, false);
    let transaction = bench.connected()[12..16].to_vec();
    assert_eq!(bench.hears(1, &transaction, &[1; 11]), Some(Output::Failed(AnswerError::NoDatagram)));
}

#[test]
fn what_answers_no_question_is_ignored() {
    let mut bench = Bench::new("udp://t:1", None, false);
    let first = bench.sent()[12..16].to_vec();
    assert_eq!(bench.hears(0, &[0xff, 0, 0, 1], &[0; 8]), None, "another transaction");
    assert_eq!(bench.hears(3, &[0xff, 0, 0, 1], b"no"), None, "another transaction's error");
    assert_eq!(bench.hears(1, &first, &[0; 12]), None, "an announce is not what was asked for");
    assert_eq!(bench.hears(2, &first, &[0; 12]), None, "a scrape neither");
    let Some(Output::Send(announce)) = bench.hears(0, &first, &[7; 8]) else { panic!("an announce") };
    assert_ne!(announce[12..16], first, "each question has its own");
    assert_eq!(bench.hears(0, &first, &[8; 8]), None, "the first answer again");
    bench.exchange.handle_input(bench.now, &announce[12..15]);
    assert_eq!(bench.exchange.poll_output(), None, "too short to be anything");
}

#[test]
fn lost_questions_are_repeated_within_bounds() {
    let mut bench = Bench::new("udp://t:1", None, false);
    let first = bench.sent();
    assert_eq!(bench.wake(), 3);
    assert_eq!(bench.sent(), first, "the same transaction, so that a late answer counts");
    assert_eq!(bench.wake(), 6);
    let Some(Output::Send(announce)) = bench.hears(0, &first[12..16], &[1; 8]) else {
        panic!("the late answer counts")
    };
    assert_eq!(bench.wake(), 3, "a new question begins anew");
    assert_eq!(bench.sent(), announce);
    assert_eq!(bench.wake(), 3, "15 s in all");
    assert_eq!((bench.exchange.poll_output(), bench.exchange.poll_timeout()), (Some(Output::Silent), None));
}

proptest! {
    #[test]
    fn any_datagrams_are_taken(
        actions in prop::collection::vec((0_u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..8),
        v6 in any::<bool>(),
    ) {
        let mut bench = Bench::new("udp://t:1", None, v6);
        let mut transaction = bench.sent()[12..16].to_vec();
        for (action, ours, rest) in actions {
            let id = if ours { transaction.clone() } else { vec![1, 2, 3, 4] };
            match bench.hears(action, &id, &rest) {
                Some(Output::Send(next)) => transaction = next[12..16].to_vec(),
                Some(Output::Answered(peers)) => prop_assert!(peers.addrs.iter().all(|addr| addr.port() != 0)),
                Some(Output::Failed(_) | Output::Silent) | None => {}
            }
        }
    }
}
