use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::limits::METADATA_PIECE_LEN;
use crate::rng::Rng;

const PIECE: usize = METADATA_PIECE_LEN as usize;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Where time begins: nothing depends on when that is.
#[expect(clippy::disallowed_methods, reason = "an instant has no other origin")]
fn epoch() -> Instant {
    Instant::now()
}

fn metadata(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(9).fill(&mut bytes);
    bytes
}

fn fetch_of(metadata: &[u8]) -> MetadataFetch<u8> {
    MetadataFetch::new(Infohash::of(metadata))
}

/// The announced size of `metadata`.
fn size_of(metadata: &[u8]) -> u32 {
    u32::try_from(metadata.len()).unwrap()
}

fn piece_of(metadata: &[u8], piece: u32) -> &[u8] {
    let range = piece_range(size_of(metadata), piece).unwrap();
    &metadata[range.start as usize..range.end as usize]
}

/// Everything that is to be asked now.
fn requests(fetch: &mut MetadataFetch<u8>, now: Instant) -> Vec<(u8, u32)> {
    std::iter::from_fn(|| fetch.poll_request(now)).collect()
}

fn answer(
    fetch: &mut MetadataFetch<u8>,
    key: u8,
    piece: u32,
    metadata: &[u8],
) -> Result<MetadataProgress, PeerMisbehaved> {
    fetch.handle_data(key, piece, size_of(metadata), piece_of(metadata, piece))
}

#[test]
fn one_peer_gives_it_all() {
    let metadata = metadata(6 * PIECE + 5);
    let mut fetch = fetch_of(&metadata);
    let now = epoch();
    assert_eq!(fetch.poll_timeout(), None);
    fetch.handle_peer(1, size_of(&metadata));
    assert_eq!(requests(&mut fetch, now), [(1, 0), (1, 1), (1, 2), (1, 3)]);
    for piece in 0..6 {
        assert_eq!(answer(&mut fetch, 1, piece, &metadata), Ok(MetadataProgress::Pending));
        assert_eq!(requests(&mut fetch, now), if piece < 3 { vec![(1, piece + 4)] } else { vec![] });
    }
    assert_eq!(fetch.buffered(), 6 * PIECE);
    assert_eq!(answer(&mut fetch, 1, 6, &metadata), Ok(MetadataProgress::Done(metadata.clone().into())));
    assert!(fetch.is_done());
    assert_eq!((fetch.buffered(), fetch.poll_timeout()), (0, None));
    // Peers that come later are not asked.
    fetch.handle_peer(2, size_of(&metadata));
    assert_eq!(fetch.poll_request(now), None);
}

#[test]
fn requests_spread_over_the_peers() {
    let metadata = metadata(5 * PIECE);
    let mut fetch = fetch_of(&metadata);
    for key in 1..=3 {
        fetch.handle_peer(key, size_of(&metadata));
        fetch.handle_peer(key, size_of(&metadata));
    }
    assert_eq!(requests(&mut fetch, epoch()), [(1, 0), (2, 1), (3, 2), (1, 3), (2, 4)]);
}

#[test]
fn a_slow_piece_is_asked_of_one_other_peer_and_a_lost_one_again() {
    let metadata = metadata(100);
    let mut fetch = fetch_of(&metadata);
    let start = epoch();
    for key in 1..=3 {
        fetch.handle_peer(key, 100);
    }
    assert_eq!(requests(&mut fetch, start), [(1, 0)]);
    assert_eq!(fetch.poll_timeout(), Some((start + secs(2), MetadataWake::Request)));
    fetch.handle_timeout(start + secs(2) - Duration::from_nanos(1));
    assert_eq!(requests(&mut fetch, start + secs(1)), []);
    fetch.handle_timeout(start + secs(2));
    assert_eq!(requests(&mut fetch, start + secs(2)), [(2, 0)]);
    // Both slow: two are enough.
    fetch.handle_timeout(start + secs(4));
    assert_eq!(requests(&mut fetch, start + secs(4)), []);
    assert_eq!(fetch.poll_timeout(), Some((start + secs(10), MetadataWake::Request)));
    fetch.handle_timeout(start + secs(10));
    assert_eq!(requests(&mut fetch, start + secs(10)), [(3, 0)]);
    // The first rests now; its late answer is as good as any.
    let late = answer(&mut fetch, 1, 0, &metadata);
    assert_eq!(late, Ok(MetadataProgress::Done(metadata.into())));
}

#[test]
fn a_lone_peer_that_lost_a_request_is_asked_again() {
    let mut fetch = fetch_of(&metadata(100));
    let start = epoch();
    fetch.handle_peer(1, 100);
    assert_eq!(requests(&mut fetch, start), [(1, 0)]);
    fetch.handle_timeout(start + secs(10));
    assert_eq!(requests(&mut fetch, start + secs(10)), []);
    assert_eq!(fetch.poll_timeout(), Some((start + secs(20), MetadataWake::Rested)));
    fetch.handle_timeout(start + secs(20));
    assert_eq!(requests(&mut fetch, start + secs(20)), [(1, 0)]);
}

#[test]
fn a_late_answer_ends_the_rest() {
    let metadata = metadata(2 * PIECE);
    let mut fetch = fetch_of(&metadata);
    let start = epoch();
    fetch.handle_peer(1, size_of(&metadata));
    assert_eq!(requests(&mut fetch, start), [(1, 0), (1, 1)]);
    fetch.handle_timeout(start + secs(10));
    assert_eq!(requests(&mut fetch, start + secs(10)), []);
    assert_eq!(answer(&mut fetch, 1, 0, &metadata), Ok(MetadataProgress::Pending));
    assert_eq!(requests(&mut fetch, start + secs(11)), [(1, 1)]);
}

#[test]
fn a_peer_that_rejects_is_left_alone_for_a_minute() {
    let metadata = metadata(100);
    let mut fetch = fetch_of(&metadata);
    let start = epoch();
    fetch.handle_peer(1, 100);
    fetch.handle_reject(start, 1, 0);
    assert_eq!(requests(&mut fetch, start), [(1, 0)], "a reject of nothing means nothing");
    fetch.handle_reject(start, 1, 0);
    assert_eq!(requests(&mut fetch, start), []);
    assert_eq!(fetch.poll_timeout(), Some((start + secs(60), MetadataWake::Rested)));
    fetch.handle_peer(2, 100);
    assert_eq!(requests(&mut fetch, start), [(2, 0)]);
    fetch.handle_gone(2);
    assert_eq!(requests(&mut fetch, start), []);
    fetch.handle_timeout(start + secs(60));
    assert_eq!(requests(&mut fetch, start + secs(60)), [(1, 0)]);
}

#[test]
fn another_size_does_not_end_a_rest() {
    let mut fetch = fetch_of(b"x");
    let start = epoch();
    fetch.handle_peer(1, 100);
    assert_eq!(requests(&mut fetch, start), [(1, 0)]);
    fetch.handle_reject(start, 1, 0);
    fetch.handle_peer(1, 200);
    assert_eq!(requests(&mut fetch, start), []);
    fetch.handle_timeout(start + secs(60));
    assert_eq!(requests(&mut fetch, start + secs(60)), [(1, 0)]);
    assert_eq!(fetch.handle_data(1, 0, 100, &[0; 100]), Err(PeerMisbehaved::MetadataMismatch));
}

#[test]
fn impossible_sizes_are_not_peers() {
    let mut fetch = fetch_of(b"x");
    fetch.handle_peer(1, 0);
    fetch.handle_peer(2, METADATA_LEN_MAX + 1);
    fetch.handle_peer(3, u32::MAX);
    assert_eq!(requests(&mut fetch, epoch()), []);
    assert_eq!(fetch.handle_data(1, 0, 0, b""), Ok(MetadataProgress::Pending));
}

#[test]
fn pieces_fit_the_announced_size_to_the_byte() {
    let metadata = metadata(PIECE + 10);
    let size = size_of(&metadata);
    let wrong = [
        (0, size + 1, &metadata[..PIECE]),
        (0, size, &metadata[..PIECE - 1]),
        (0, size, &[]),
        (1, size, &metadata[..11]),
        (1, size, &metadata[..9]),
        (1, size, &metadata[..PIECE]),
        (2, size, &metadata[..10]),
        (u32::MAX, size, &metadata[..PIECE]),
    ];
    for (piece, total_size, payload) in wrong {
        let mut fetch = fetch_of(&metadata);
        fetch.handle_peer(1, size);
        assert_eq!(requests(&mut fetch, epoch()).len(), 2);
        let refused = fetch.handle_data(1, piece, total_size, payload);
        assert_eq!(refused, Err(PeerMisbehaved::MetadataMismatch), "piece {piece}");
        assert_eq!(requests(&mut fetch, epoch()), [], "it is not asked again");
    }
}

#[test]
fn what_nobody_asked_for_is_passed_over_and_then_a_flood() {
    let metadata = metadata(3 * PIECE);
    let mut fetch = fetch_of(&metadata);
    fetch.handle_peer(1, size_of(&metadata));
    for _ in 0..METADATA_UNSOLICITED_MAX {
        assert_eq!(answer(&mut fetch, 1, 0, &metadata), Ok(MetadataProgress::Pending));
    }
    assert_eq!(fetch.buffered(), 0);
    // Another size does not start the count anew.
    fetch.handle_peer(1, 5);
    fetch.handle_peer(1, size_of(&metadata));
    assert_eq!(answer(&mut fetch, 1, 0, &metadata), Err(PeerMisbehaved::Flood));
}

#[test]
fn a_lone_liar_is_named() {
    let metadata = metadata(2 * PIECE);
    let mut lie = metadata.clone();
    lie[PIECE + 3] ^= 1;
    let mut fetch = fetch_of(&metadata);
    let now = epoch();
    fetch.handle_peer(1, size_of(&lie));
    assert_eq!(requests(&mut fetch, now).len(), 2);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 1, 1, &lie), Err(PeerMisbehaved::CorruptMetadata));
    assert_eq!(requests(&mut fetch, now), []);
    assert_eq!(fetch.buffered(), 0);
}

#[test]
fn among_several_senders_the_liar_is_found_by_asking_one_at_a_time() {
    let metadata = metadata(2 * PIECE);
    let mut lie = metadata.clone();
    lie[3] ^= 1;
    let mut fetch = fetch_of(&metadata);
    let now = epoch();
    fetch.handle_peer(1, size_of(&lie));
    fetch.handle_peer(2, size_of(&metadata));
    assert_eq!(requests(&mut fetch, now), [(1, 0), (2, 1)]);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 2, 1, &metadata), Ok(MetadataProgress::Pending), "nobody is blamed yet");
    assert_eq!(requests(&mut fetch, now), [(1, 0), (1, 1)]);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 1, 1, &lie), Err(PeerMisbehaved::CorruptMetadata));
    assert_eq!(requests(&mut fetch, now), [(2, 0), (2, 1)]);
    assert_eq!(answer(&mut fetch, 2, 1, &metadata), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 2, 0, &metadata), Ok(MetadataProgress::Done(metadata.into())));
}

#[test]
fn one_at_a_time_does_not_wait_for_a_peer_that_left_or_mix_its_pieces() {
    let metadata = metadata(2 * PIECE);
    let mut lie = metadata.clone();
    lie[3] ^= 1;
    let mut fetch = fetch_of(&metadata);
    let now = epoch();
    for key in 1..=3 {
        fetch.handle_peer(key, size_of(&metadata));
    }
    assert_eq!(requests(&mut fetch, now), [(1, 0), (2, 1)]);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 2, 1, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(requests(&mut fetch, now), [(1, 0), (1, 1)]);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    fetch.handle_gone(1);
    assert_eq!(requests(&mut fetch, now), [(2, 0), (2, 1)]);
    assert_eq!(fetch.buffered(), 0, "what the first sent is gone with it");
    fetch.handle_reject(now, 2, 0);
    assert_eq!(requests(&mut fetch, now), [(3, 0), (3, 1)]);
    assert_eq!(answer(&mut fetch, 2, 1, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(fetch.buffered(), 0, "only one at a time");
    assert_eq!(answer(&mut fetch, 3, 0, &metadata), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 3, 1, &metadata), Ok(MetadataProgress::Done(metadata.into())));
}

#[test]
fn one_at_a_time_waits_for_the_slow_and_passes_over_the_silent() {
    let metadata = metadata(2 * PIECE);
    let mut lie = metadata.clone();
    lie[3] ^= 1;
    let mut fetch = fetch_of(&metadata);
    let start = epoch();
    for key in 1..=3 {
        fetch.handle_peer(key, size_of(&metadata));
    }
    assert_eq!(requests(&mut fetch, start), [(1, 0), (2, 1)]);
    assert_eq!(answer(&mut fetch, 1, 0, &lie), Ok(MetadataProgress::Pending));
    assert_eq!(answer(&mut fetch, 2, 1, &metadata), Ok(MetadataProgress::Pending));
    assert_eq!(requests(&mut fetch, start), [(1, 0), (1, 1)]);
    fetch.handle_timeout(start + secs(10));
    assert_eq!(requests(&mut fetch, start + secs(10)), [], "it has a second chance");
    fetch.handle_timeout(start + secs(20));
    assert_eq!(requests(&mut fetch, start + secs(20)), [(1, 0), (1, 1)]);
    fetch.handle_timeout(start + secs(30));
    assert_eq!(requests(&mut fetch, start + secs(30)), [(2, 0), (2, 1)]);
    fetch.handle_timeout(start + secs(40));
    assert_eq!(requests(&mut fetch, start + secs(40)), []);
    assert_eq!(answer(&mut fetch, 2, 0, &metadata), Ok(MetadataProgress::Pending), "late, and still its turn");
    fetch.handle_timeout(start + secs(50));
    assert_eq!(requests(&mut fetch, start + secs(50)), [(2, 1)]);
    fetch.handle_timeout(start + secs(60));
    fetch.handle_timeout(start + secs(70));
    assert_eq!(requests(&mut fetch, start + secs(70)), [(2, 1)]);
    fetch.handle_timeout(start + secs(80));
    // The first had a turn already.
    assert_eq!(requests(&mut fetch, start + secs(80)), [(3, 0), (3, 1)]);
}

#[test]
fn four_sizes_side_by_side_and_the_one_that_most_speak_for_gets_in() {
    let metadata = metadata(500);
    let mut fetch = fetch_of(&metadata);
    let now = epoch();
    for key in 1..=5 {
        fetch.handle_peer(key, u32::from(key));
    }
    assert_eq!(requests(&mut fetch, now), [(1, 0), (2, 0), (3, 0), (4, 0)]);
    fetch.handle_peer(6, 500);
    assert_eq!(requests(&mut fetch, now), [], "no room");
    fetch.handle_peer(7, 500);
    assert_eq!(requests(&mut fetch, now), [(6, 0)]);
    assert_eq!(answer(&mut fetch, 6, 0, &metadata), Ok(MetadataProgress::Done(metadata.into())));
}

/// How a simulated peer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Honest,
    /// Takes a quarter of a minute for each answer.
    Slow,
    Silent,
    Rejects,
    /// The right size, and a wrong byte in that piece.
    Corrupts(u32),
    /// Another size, and nonsense.
    Invents(u32),
    /// Answers some other piece.
    Mistakes,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => Just(Kind::Honest),
        1 => Just(Kind::Slow),
        1 => Just(Kind::Silent),
        1 => Just(Kind::Rejects),
        3 => (0u32..4).prop_map(Kind::Corrupts),
        3 => (1u32..100_000).prop_map(Kind::Invents),
        1 => Just(Kind::Mistakes),
    ]
}

/// Runs until the metadata is there or an hour is over, and says who was blamed.
fn simulate(metadata: &[u8], kinds: &[Kind], rng: &mut Rng) -> (Option<Bytes>, Vec<Kind>) {
    let mut fetch = MetadataFetch::new(Infohash::of(metadata));
    let mut now = epoch();
    let end = now + secs(3600);
    for (key, kind) in kinds.iter().enumerate() {
        let size = if let Kind::Invents(size) = kind { *size } else { size_of(metadata) };
        fetch.handle_peer(key, size);
    }
    let mut blamed = Vec::new();
    let mut wire: BTreeMap<(Instant, u64), (usize, u32)> = BTreeMap::new();
    while now < end {
        while let Some((key, piece)) = fetch.poll_request(now) {
            let delay = if kinds[key] == Kind::Slow { secs(15) } else { Duration::from_millis(rng.below(400)) };
            wire.insert((now + delay, rng.next_u64()), (key, piece));
        }
        for peer in fetch.peers.values() {
            assert!(peer.live_requests() <= METADATA_INFLIGHT_MAX);
        }
        assert!(fetch.candidates.len() <= METADATA_CANDIDATES_MAX);
        let arrival = wire.keys().next().map(|(at, _)| *at);
        let timeout = fetch.poll_timeout().map(|(at, _)| at);
        let Some(next) = arrival.into_iter().chain(timeout).min() else { break };
        assert!(next >= now, "a wake that led to nothing");
        now = next;
        if arrival != Some(now) {
            fetch.handle_timeout(now);
            assert!(fetch.poll_timeout().is_none_or(|(at, _)| at > now), "a wake that led to nothing");
            continue;
        }
        let (_, (key, piece)) = wire.pop_first().unwrap();
        let progress = match kinds[key] {
            Kind::Silent => continue,
            Kind::Rejects => {
                fetch.handle_reject(now, key, piece);
                continue;
            }
            Kind::Honest | Kind::Slow => fetch.handle_data(key, piece, size_of(metadata), piece_of(metadata, piece)),
            Kind::Corrupts(at) => {
                let mut payload = piece_of(metadata, piece).to_vec();
                payload[0] ^= u8::from(piece == at % piece_count(size_of(metadata)));
                fetch.handle_data(key, piece, size_of(metadata), &payload)
            }
            Kind::Invents(size) => {
                let range = piece_range(size, piece).unwrap();
                fetch.handle_data(key, piece, size, &vec![0; range.len()])
            }
            Kind::Mistakes => fetch.handle_data(key, piece + 1, size_of(metadata), piece_of(metadata, piece)),
        };
        match progress {
            Ok(MetadataProgress::Pending) => {}
            Ok(MetadataProgress::Done(bytes)) => return (Some(bytes), blamed),
            Err(_) => blamed.push(kinds[key]),
        }
    }
    (None, blamed)
}

proptest! {
    #[test]
    fn one_honest_peer_is_enough_and_is_never_blamed(
        len in 1usize..5 * PIECE,
        mut kinds in proptest::collection::vec(kinds(), 0..12),
        honest in 0usize..12,
        seed in any::<u64>(),
    ) {
        kinds.insert(honest.min(kinds.len()), Kind::Honest);
        let metadata = metadata(len);
        let (found, blamed) = simulate(&metadata, &kinds, &mut Rng::new(seed));
        prop_assert!(found.is_some_and(|bytes| bytes == metadata), "not found");
        prop_assert!(!blamed.contains(&Kind::Honest) && !blamed.contains(&Kind::Slow), "{blamed:?}");
    }

    #[test]
    fn liars_alone_lead_nowhere(
        len in 1usize..3 * PIECE,
        liars in proptest::collection::vec(0u32..4, 1..6),
        seed in any::<u64>(),
    ) {
        let kinds: Vec<Kind> = liars.into_iter().map(Kind::Corrupts).collect();
        // Two who lie about different pieces are right together; all about the same piece are not.
        let same: Vec<Kind> = kinds.iter().map(|_| kinds[0]).collect();
        let (found, blamed) = simulate(&metadata(len), &same, &mut Rng::new(seed));
        prop_assert!(found.is_none());
        prop_assert_eq!(blamed, same);
    }

    #[test]
    fn any_operations_keep_the_bounds(
        ops in proptest::collection::vec((0u8..5, 0u8..6, 0u32..6, 0u32..4), 0..150),
    ) {
        let metadata = metadata(3 * PIECE + 7);
        let sizes = [size_of(&metadata), 40_000, 1, METADATA_LEN_MAX];
        let mut fetch = fetch_of(&metadata);
        let mut now = epoch();
        let mut sent = 0;
        for (op, key, piece, size) in ops {
            let size = sizes[size as usize];
            match op {
                0 => fetch.handle_peer(key, size),
                1 => fetch.handle_gone(key),
                2 => {
                    let len = piece_range(size, piece).map_or(3, |range| range.len());
                    sent += len;
                    let _progress = fetch.handle_data(key, piece, size, &vec![key; len]);
                }
                3 => fetch.handle_reject(now, key, piece),
                _ => {
                    now += secs(u64::from(piece));
                    fetch.handle_timeout(now);
                }
            }
            requests(&mut fetch, now);
            prop_assert!(fetch.buffered() <= sent);
            prop_assert!(fetch.candidates.len() <= METADATA_CANDIDATES_MAX);
            for (size, candidate) in &fetch.candidates {
                prop_assert!(candidate.pieces.len() < piece_count(*size) as usize, "whole and not looked at");
                if let Source::OneAtATime(sole) = candidate.source {
                    prop_assert!(candidate.pieces.values().all(|(_, sender)| Some(*sender) == sole));
                }
            }
        }
        prop_assert!(!fetch.is_done());
    }
}
