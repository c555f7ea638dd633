//! Who stays when nothing is wanted any more (BEP 21).

use super::*;
use crate::limits::REDUNDANT_AFTER;
use crate::room::{Access, Admission, MemberId, Room};
use crate::units::ByteLen;

fn peers(swarm: &Swarm, host: usize) -> usize {
    swarm.hosts[host].torrent.peer_count()
}

#[test]
fn two_that_have_everything_part_and_who_fetches_stays() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (one, other, viewer) = (swarm.seed(&content), swarm.seed(&content), swarm.leech(false));
    swarm.connect(one, other);
    swarm.connect(viewer, one);
    swarm.run(REDUNDANT_AFTER - Duration::from_secs(1), |_| false);
    assert_eq!(peers(&swarm, one), 2, "not at once");
    swarm.run(MINUTE, |_| false);
    assert_eq!((peers(&swarm, one), peers(&swarm, other)), (1, 0));
    assert!(swarm.hosts[viewer].closed.is_empty());
    assert!([one, other].iter().all(|host| swarm.hosts[*host].dialed.is_empty()), "nobody dials who parted");
}

#[test]
fn who_finishes_parts_from_who_has_everything_with_a_reader_or_without() {
    for reads in [false, true] {
        let (content, metainfo) = film(500_000, PIECE);
        let mut swarm = Swarm::new(metainfo);
        let (seed, viewer) = (swarm.seed(&content), swarm.leech(true));
        swarm.connect(viewer, seed);
        if reads {
            swarm.open_reader(viewer, 1, 0);
        }
        assert!(swarm.run(MINUTE, is_done(viewer)));
        assert_eq!(peers(&swarm, viewer), 1);
        assert!(swarm.run(REDUNDANT_AFTER + Duration::from_secs(1), |swarm| peers(swarm, viewer) == 0));
        swarm.run(MINUTE * 2, |_| false);
        let closed = swarm.hosts.iter().flat_map(|host| &host.closed);
        assert!(closed.clone().count() > 0 && closed.clone().all(|reason| *reason == CloseReason::Redundant));
        assert!(swarm.hosts[viewer].dialed.is_empty());
    }
}

/// What becomes in half a minute of a guest of a seed that has nothing and says this.
fn after(said: &[(u8, &[u8])]) -> Vec<CloseReason> {
    let (mut swarm, seed, peer) = seed_and_guest();
    say(&mut swarm, seed, peer, Message::HaveNone);
    for (id, payload) in said {
        say(&mut swarm, seed, peer, Message::Extended { id: *id, payload });
    }
    swarm.run(MINUTE / 2, |_| false);
    std::mem::take(&mut swarm.hosts[seed].closed)
}

#[test]
fn who_says_that_it_wants_nothing_goes_in_both_forms() {
    let message = crate::ext::UPLOAD_ONLY_ID;
    assert_eq!(after(&[(0, b"d11:upload_onlyi1ee")]), [CloseReason::Redundant]);
    assert_eq!(after(&[(0, b"de"), (message, &[1])]), [CloseReason::Redundant]);
    assert_eq!(after(&[(0, b"de")]), []);
    assert_eq!(after(&[(0, b"d11:upload_onlyi0ee"), (message, &[0])]), []);
    assert_eq!(after(&[(0, b"d11:upload_onlyi1ee"), (message, &[0])]), [], "it changed its mind in time");
}

#[test]
fn on_a_bounded_disk_nobody_is_sent_away() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let (bounded, viewer) = (swarm.leech(true), swarm.leech(true));
    let seed = swarm.seed(&content);
    swarm.input(bounded, Input::DiskLimit(Some(ByteLen::new(4 * u64::from(PIECE)))));
    swarm.open_reader(bounded, 1, 0);
    swarm.connect(bounded, seed);
    swarm.connect(viewer, seed);
    assert!(swarm.run(MINUTE, is_done(viewer)));
    swarm.run(MINUTE, |_| false);
    assert_eq!((peers(&swarm, seed), peers(&swarm, viewer)), (1, 0));
    assert!(swarm.hosts[bounded].closed.is_empty());
}

#[test]
fn members_of_a_room_stay_for_those_who_come_later() {
    let (content, metainfo) = film(500_000, PIECE);
    let mut swarm = Swarm::new(metainfo);
    let access =
        |member: u8| Access { room: Some(Room::new([7; 16], MemberId([member; 20]))), admission: Admission::Anyone };
    swarm.access = access(1);
    let host = swarm.seed(&content);
    swarm.access = access(2);
    let viewer = swarm.leech(true);
    swarm.access = Access::default();
    let stranger = swarm.seed(&content);
    swarm.connect(viewer, host);
    swarm.connect(stranger, host);
    assert!(swarm.run(MINUTE, is_done(viewer)));
    swarm.run(MINUTE, |_| false);
    assert_eq!((peers(&swarm, host), peers(&swarm, viewer), peers(&swarm, stranger)), (1, 1, 0));
}
