//! A film larger than its disk.

use super::*;
use crate::bitfield::Bitfield;
use crate::units::ByteLen;

const LEN: usize = 40 * PIECE as usize;
const ROOM: u32 = 8;

/// A viewer whose disk holds [`ROOM`] pieces of 40, and a seed.
fn small_disk() -> (Swarm, usize, Vec<u8>) {
    let (content, metainfo) = film(LEN, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (seed, leech) = (swarm.seed(&content), swarm.leech(true));
    swarm.input(leech, Input::DiskLimit(Some(ByteLen::new(u64::from(ROOM * PIECE)))));
    swarm.connect(leech, seed);
    (swarm, leech, content)
}

fn here(swarm: &Swarm, host: usize) -> Vec<u32> {
    swarm.hosts[host].torrent.have().unwrap().iter_ones().collect()
}

/// Reads on from a byte to another, piece by piece; at each moment the disk holds what it may and no more.
fn play(swarm: &mut Swarm, leech: usize, from: u32, to: u32) {
    for piece in from..to {
        let position = u64::from(piece * PIECE);
        swarm.reader(leech, 1, ReaderChange::Moved { position, waiting: true });
        let bounded = |swarm: &Swarm| {
            swarm.hosts[leech].disk.chunks(PIECE as usize).filter(|piece| piece.iter().any(|byte| *byte != 0)).count()
                <= ROOM as usize
        };
        assert!(
            swarm.run(MINUTE, |swarm| {
                assert!(bounded(swarm), "more than {ROOM} pieces are on the disk");
                has(leech, piece)(swarm)
            }),
            "piece {piece} does not come"
        );
        swarm.reader(leech, 1, ReaderChange::Moved { position, waiting: false });
    }
}

#[test]
fn a_film_larger_than_the_disk_plays_through_and_back() {
    let (mut swarm, leech, content) = small_disk();
    swarm.open_reader(leech, 1, 0);
    play(&mut swarm, leech, 0, 40);
    assert!(swarm.run(MINUTE, is_done(leech)), "all of it was here once");
    let done = |swarm: &Swarm| swarm.hosts[leech].events.iter().filter(|event| matches!(event, Event::Done)).count();
    assert_eq!(done(&swarm), 1);
    assert!(swarm.hosts[leech].torrent.ever().is_some_and(Bitfield::is_full));
    let given_up = swarm.hosts[leech].torrent.snapshot(swarm.now).given_up;
    assert_eq!(given_up, 40 - here(&swarm, leech).len() as u64);
    play(&mut swarm, leech, 3, 20);
    assert_eq!(done(&swarm), 1, "it is said once");
    for piece in here(&swarm, leech) {
        let lies = (piece * PIECE) as usize..((piece + 1) * PIECE) as usize;
        assert_eq!(swarm.hosts[leech].disk[lies.clone()], content[lies], "piece {piece}");
    }
}

#[test]
fn with_nobody_watching_it_fills_up_and_waits() {
    let (mut swarm, leech, _) = small_disk();
    swarm.run(MINUTE, |_| false);
    assert_eq!(here(&swarm, leech), (0..ROOM).collect::<Vec<_>>());
    let received = swarm.hosts[leech].received;
    swarm.run(MINUTE, |_| false);
    assert!(swarm.hosts[leech].received < received + 1000, "it fetches nothing over and over");
}

#[test]
fn peers_hear_what_is_gone_and_a_lifted_limit_fetches_the_rest() {
    let (mut swarm, leech, _) = small_disk();
    let (_, metainfo) = film(LEN, PIECE);
    let third = swarm.with(vec![0; LEN], Bitfield::new_empty(metainfo.layout.piece_count()), false);
    swarm.connect(third, leech);
    swarm.open_reader(leech, 1, 0);
    play(&mut swarm, leech, 0, 30);
    swarm.run(Duration::from_secs(1), |_| false);
    let known = swarm.hosts[third].torrent.snapshot(swarm.now).peers[0].pieces;
    assert_eq!(known as usize, here(&swarm, leech).len());
    swarm.input(leech, Input::DiskLimit(None));
    assert!(swarm.run(MINUTE, |swarm| here(swarm, leech).len() == 40));
}

#[test]
fn what_an_earlier_run_gave_up_counts_where_the_disk_is_bounded_and_is_fetched_elsewhere() {
    for bounded in [true, false] {
        let (content, metainfo) = film(LEN, PIECE);
        let count = metainfo.layout.piece_count();
        let mut swarm = Swarm::new(metainfo);
        let mut have = Bitfield::new_empty(count);
        (0..4).for_each(|piece| assert!(have.set(piece)));
        let mut disk = vec![0; LEN];
        disk[..4 * PIECE as usize].copy_from_slice(&content[..4 * PIECE as usize]);
        let mut ever = Bitfield::new_full(count);
        ever.clear(39);
        let limit = bounded.then(|| ByteLen::new(u64::from(ROOM * PIECE)));
        let (viewer, seed) = (swarm.again(disk, have, ever, limit), swarm.seed(&content));
        let before = swarm.hosts[viewer].torrent.ever().unwrap().count_ones();
        assert_eq!(before, if bounded { 39 } else { 4 });
        swarm.connect(viewer, seed);
        swarm.open_reader(viewer, 1, u64::from(39 * PIECE));
        assert!(swarm.run(MINUTE, is_done(viewer)));
        if bounded {
            assert!(swarm.hosts[viewer].received < 12 * PIECE as usize, "{} bytes", swarm.hosts[viewer].received);
        } else {
            assert_eq!(swarm.hosts[viewer].disk, content);
        }
    }
}
