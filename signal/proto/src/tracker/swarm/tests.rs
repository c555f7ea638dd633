use super::*;
use crate::testing::start;
use std::time::Duration;

const FILM: Infohash = Infohash([7; 20]);

fn swarms() -> Swarms {
    Swarms::new(Rng::new([3; 32]))
}

fn announce(peer: u8, from: &str) -> Announce {
    Announce {
        infohash: FILM,
        peer_id: PeerId([peer; 20]),
        from: from.parse().unwrap(),
        reached: "203.0.113.1".parse().unwrap(),
        port: 6881,
        local: Vec::new(),
        seed: false,
        event: Event::Started,
        wanted: 50,
    }
}

fn given(swarms: &mut Swarms, now: Instant, announce: &Announce) -> Vec<String> {
    let mut given: Vec<String> = swarms.announce(now, announce).0.iter().map(ToString::to_string).collect();
    given.sort();
    given
}

#[test]
fn peers_find_one_another_and_never_themselves() {
    let (mut swarms, now) = (swarms(), start());
    assert!(given(&mut swarms, now, &announce(1, "198.51.100.1")).is_empty());
    assert_eq!(given(&mut swarms, now, &announce(2, "::ffff:198.51.100.2")), ["198.51.100.1:6881"]);
    assert_eq!(given(&mut swarms, now, &announce(1, "198.51.100.1")), ["198.51.100.2:6881"]);
    assert_eq!(given(&mut swarms, now, &announce(3, "2001:db8::3")), ["198.51.100.1:6881", "198.51.100.2:6881"]);
}

#[test]
fn whoever_is_on_the_servers_machine_is_where_the_asker_found_the_server() {
    let (mut swarms, now) = (swarms(), start());
    swarms.announce(now, &announce(1, "127.0.0.1"));
    assert_eq!(given(&mut swarms, now, &announce(2, "198.51.100.2")), ["203.0.113.1:6881"]);
    let beside = Announce { reached: "127.0.0.1".parse().unwrap(), ..announce(3, "127.0.0.1") };
    assert_eq!(given(&mut swarms, now, &beside), ["127.0.0.1:6881", "198.51.100.2:6881"]);
}

#[test]
fn local_addresses_are_for_those_behind_the_same_public_one() {
    let (mut swarms, now) = (swarms(), start());
    let local = vec!["192.168.1.5:6881".parse().unwrap(), "[fd00::5]:6881".parse().unwrap()];
    swarms.announce(now, &Announce { local, ..announce(1, "198.51.100.1") });
    assert_eq!(given(&mut swarms, now, &announce(2, "198.51.100.2")), ["198.51.100.1:6881"]);
    let same = given(&mut swarms, now, &Announce { port: 7000, ..announce(3, "198.51.100.1") });
    assert_eq!(same, ["192.168.1.5:6881", "198.51.100.1:6881", "198.51.100.2:6881", "[fd00::5]:6881"]);
}

#[test]
fn traps_are_given_to_nobody() {
    let (mut swarms, now) = (swarms(), start());
    let traps = ["127.0.0.1:80", "0.0.0.0:80", "224.0.0.1:80", "255.255.255.255:80", "[::1]:80", "192.168.1.1:0"];
    let local = traps.iter().map(|addr| addr.parse().unwrap()).collect();
    swarms.announce(now, &Announce { local, port: 0, ..announce(1, "198.51.100.1") });
    swarms.announce(now, &announce(2, "224.0.0.9"));
    assert!(given(&mut swarms, now, &announce(3, "198.51.100.1")).is_empty());
}

#[test]
fn nobody_stops_somebody_elses_peer() {
    let (mut swarms, now) = (swarms(), start());
    swarms.announce(now, &announce(1, "198.51.100.1"));
    let stop = |from| Announce { event: Event::Stopped, ..announce(1, from) };
    swarms.announce(now, &stop("198.51.100.66"));
    assert_eq!(swarms.scrape(FILM).incomplete, 1);
    swarms.announce(now, &stop("198.51.100.1"));
    assert_eq!((swarms.scrape(FILM), swarms.totals()), (Counts::default(), (0, 0)));
}

#[test]
fn counts_tell_seeds_and_completed_downloads_once() {
    let (mut swarms, now) = (swarms(), start());
    swarms.announce(now, &Announce { seed: true, ..announce(1, "198.51.100.1") });
    swarms.announce(now, &announce(2, "198.51.100.2"));
    assert_eq!(swarms.scrape(FILM), Counts { complete: 1, incomplete: 1, downloaded: 0 });
    let done = Announce { seed: true, event: Event::Completed, ..announce(2, "198.51.100.2") };
    for _ in 0..3 {
        let (peers, counts) = swarms.announce(now, &done);
        assert_eq!(counts, Counts { complete: 2, incomplete: 0, downloaded: 1 });
        assert!(peers.is_empty(), "a seed has no use for a seed");
    }
}

#[test]
fn who_asks_for_none_gets_none_and_nobody_gets_all() {
    let (mut swarms, now) = (swarms(), start());
    for peer in 0..=200 {
        swarms.announce(now, &announce(peer, &format!("198.51.100.{peer}")));
    }
    assert!(given(&mut swarms, now, &Announce { wanted: 0, ..announce(250, "192.0.2.1") }).is_empty());
    let all = given(&mut swarms, now, &Announce { wanted: 5000, ..announce(250, "192.0.2.1") });
    assert_eq!(all.len(), PEERS_GIVEN_MAX);
    assert_eq!(given(&mut swarms, now, &Announce { wanted: 3, ..announce(250, "192.0.2.1") }).len(), 3);
}

#[test]
fn the_silent_are_forgotten() {
    let (mut swarms, now) = (swarms(), start());
    swarms.announce(now, &announce(1, "198.51.100.1"));
    swarms.expire(now + FORGETS_AFTER - Duration::from_secs(1));
    assert_eq!(swarms.totals(), (1, 1));
    swarms.expire(now + FORGETS_AFTER);
    assert_eq!(swarms.totals(), (0, 0));
}

#[test]
fn swarms_and_their_peers_are_bounded_and_the_silent_give_way() {
    let (mut swarms, now) = (swarms(), start());
    let mut later = now;
    for peer in 0..=SWARM_PEERS_MAX {
        later += Duration::from_millis(1);
        let mut id = [0; 20];
        id[..8].copy_from_slice(&peer.to_be_bytes());
        swarms.announce(later, &Announce { peer_id: PeerId(id), ..announce(0, "198.51.100.1") });
    }
    assert_eq!(swarms.totals(), (1, SWARM_PEERS_MAX));
    for number in 0..SWARMS_MAX {
        later += Duration::from_millis(1);
        let mut hash = [0; 20];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        swarms.announce(later, &Announce { infohash: Infohash(hash), ..announce(1, "198.51.100.1") });
    }
    assert_eq!(swarms.totals().0, SWARMS_MAX);
    assert_eq!(swarms.scrape(FILM), Counts::default(), "the one that was silent longest went");
}
