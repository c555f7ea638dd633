use super::testing::{Talker, speech};
use super::*;
use crate::clock::tests::base;
use crate::disk::DiskFault;
use crate::limits::DIAL_TIMEOUT;
use bytes::Bytes;

const SECOND: Duration = Duration::from_secs(1);

fn id(number: u32) -> HostId {
    HostId::new(number)
}

/// A tenth of a second away, no jitter, 1 MB/s.
fn path() -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(100),
        jitter: Duration::ZERO,
        rate: BytesPerSec::new(1_000_000),
        ..LinkConfig::default()
    }
}

fn world(seed: u64, hosts: Vec<Talker>) -> World<Talker> {
    world_of(seed, path(), hosts)
}

fn world_of(seed: u64, path: LinkConfig, hosts: Vec<Talker>) -> World<Talker> {
    let mut world = World::new(base(), Seed::new(seed), path);
    for (number, host) in (0..).zip(hosts) {
        world.join(id(number), host, HostConfig::default()).unwrap();
    }
    world
}

fn host(world: &World<Talker>, number: u32) -> &Talker {
    world.host(id(number)).unwrap()
}

#[test]
fn everybody_hears_everything_in_order() {
    for seed in 0..30 {
        let path = LinkConfig { jitter: Duration::from_millis(300), ..path() };
        let hosts =
            vec![Talker::new(vec![], 70_000), Talker::new(vec![id(0)], 500_000), Talker::new(vec![id(0), id(1)], 1)];
        let mut world = world_of(seed, path, hosts);
        world.run_for(60 * SECOND).unwrap();
        for (_, listener) in world.hosts() {
            assert_eq!(listener.conns.len(), 2, "seed {seed}");
            for (conn, peer) in &listener.conns {
                let said = host(&world, peer.get()).says_len;
                assert_eq!(listener.heard[conn], speech(said), "seed {seed}");
            }
            for written in listener.written.values() {
                assert_eq!(*written as u64, listener.says_len, "seed {seed}: every byte is reported written once");
            }
        }
        assert_eq!(world.connection_count(), 3);
    }
}

#[test]
fn a_transfer_takes_the_dial_the_bytes_and_the_delay() {
    let mut world = world(1, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 3_000_000)]);
    let took = world.run_until_done("the speech", 9 * SECOND, |world| host(world, 0).heard_len() == 3_000_000).unwrap();
    // 200 ms until the dialer may speak, 3 s on the wire, 100 ms to get there.
    assert_eq!(took, Duration::from_millis(3300));
}

#[test]
fn a_driver_learns_what_the_network_took() {
    let path = LinkConfig { send_buffer_len: 20_000, ..path() };
    let mut world = world_of(1, path, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 500_000)]);
    world.run_for(Duration::from_millis(200)).unwrap();
    assert_eq!(host(&world, 1).written.values().sum::<usize>(), 20_000, "as much as the send buffer holds");
    world.run_for(Duration::from_millis(100)).unwrap();
    let written = host(&world, 1).written.values().sum::<usize>();
    assert!((100_000..=120_000).contains(&written), "a tenth of a second's worth more, to within a chunk: {written}");
}

#[test]
fn an_uplink_is_shared_by_all_who_download() {
    let mut world = World::new(base(), Seed::new(1), path());
    let line = HostConfig { uplink: Some(BytesPerSec::new(100_000)), ..HostConfig::default() };
    world.join(id(0), Talker::new(vec![], 200_000), line).unwrap();
    for number in 1..=4 {
        world.join(id(number), Talker::new(vec![id(0)], 0), HostConfig::default()).unwrap();
    }
    world.run_for(4 * SECOND).unwrap();
    for number in 1..=4 {
        let heard = host(&world, number).heard_len();
        assert!((70_000..130_000).contains(&heard), "about a quarter of 400 kB each: {heard}");
    }
    let all_heard = |world: &World<Talker>| (1..=4).all(|number| host(world, number).heard_len() == 200_000);
    world.run_until_done("all of it", 60 * SECOND, all_heard).unwrap();
    // The acceptor may speak after 100 ms.
    assert_eq!(world.clock().elapsed(), 8 * SECOND + Duration::from_millis(200));
}

#[test]
fn a_downlink_is_shared_by_all_who_upload() {
    let mut world = World::new(base(), Seed::new(1), path());
    let line = HostConfig { downlink: Some(BytesPerSec::new(100_000)), ..HostConfig::default() };
    world.join(id(0), Talker::new(vec![], 0), line).unwrap();
    for number in 1..=2 {
        world.join(id(number), Talker::new(vec![id(0)], 200_000), HostConfig::default()).unwrap();
    }
    let took = world.run_until_done("both", 60 * SECOND, |world| host(world, 0).heard_len() == 400_000).unwrap();
    assert_eq!(took, 4 * SECOND + Duration::from_millis(300));
}

#[test]
fn an_uplink_set_later_counts() {
    let mut world = World::new(base(), Seed::new(1), path());
    let line = HostConfig { uplink: Some(BytesPerSec::new(1_000_000)), ..HostConfig::default() };
    world.join(id(0), Talker::new(vec![], 1_000_000), line).unwrap();
    world.set_uplink(id(0), BytesPerSec::new(100_000));
    world.join(id(1), Talker::new(vec![id(0)], 0), HostConfig::default()).unwrap();
    let took = world.run_until_done("it", 60 * SECOND, |world| host(world, 1).heard_len() == 1_000_000).unwrap();
    assert_eq!(took, 10 * SECOND + Duration::from_millis(200));
    world.set_uplink(id(7), BytesPerSec::new(1)); // nobody there: nothing happens
}

#[test]
fn a_path_of_their_own_for_two() {
    let mut world = World::new(base(), Seed::new(1), path());
    world.set_path(id(1), id(0), LinkConfig { delay: 2 * SECOND, ..path() });
    world.join(id(0), Talker::new(vec![], 0), HostConfig::default()).unwrap();
    world.join(id(1), Talker::new(vec![id(0)], 0), HostConfig::default()).unwrap();
    world.run_for(3 * SECOND).unwrap();
    assert!(host(&world, 1).conns.is_empty());
    world.run_for(SECOND).unwrap();
    assert_eq!(host(&world, 1).conns.len(), 1);
}

#[test]
fn dials_that_nobody_answers_fail_in_time() {
    let mut world = World::new(base(), Seed::new(1), path());
    let walled = HostConfig { accepts: false, ..HostConfig::default() };
    world.join(id(0), Talker::new(vec![], 0), walled).unwrap();
    world.join(id(1), Talker::new(vec![id(0), id(5)], 0), HostConfig::default()).unwrap();
    world.run_until(world.clock().at(DIAL_TIMEOUT) - Duration::from_nanos(1)).unwrap();
    assert!(host(&world, 1).unanswered.is_empty());
    world.run_for(Duration::from_nanos(1)).unwrap();
    assert_eq!(host(&world, 1).unanswered, [id(0), id(5)]);
}

#[test]
fn a_dial_of_an_earlier_stay_is_not_answered_to_a_later_one() {
    let mut world = world(1, vec![Talker::new(vec![id(5)], 0)]);
    world.run_for(SECOND).unwrap();
    assert!(world.leave(id(0)).unwrap().is_some());
    assert!(world.leave(id(0)).unwrap().is_none());
    world.join(id(0), Talker::new(vec![], 0), HostConfig::default()).unwrap();
    world.run_for(60 * SECOND).unwrap();
    assert!(host(&world, 0).unanswered.is_empty());
}

#[test]
fn a_host_may_call_itself() {
    let mut world = world(1, vec![Talker::new(vec![id(0)], 1000)]);
    world.run_for(SECOND).unwrap();
    let talker = host(&world, 0);
    assert_eq!(talker.conns.len(), 2, "it holds both ends");
    assert!(talker.heard.values().all(|heard| *heard == speech(1000)));
}

#[test]
fn lost_connections_are_learned_by_both() {
    let mut world = world(1, vec![Talker::new(vec![], 5_000_000), Talker::new(vec![id(0)], 5_000_000)]);
    world.run_for(SECOND).unwrap();
    assert_eq!(world.drop_connections(id(1), id(0)).unwrap(), 1);
    assert_eq!(world.drop_connections(id(1), id(0)).unwrap(), 0);
    for number in [0, 1] {
        let ends: Vec<_> = host(&world, number).endings.iter().map(|(_, ending)| *ending).collect();
        assert_eq!(ends, [Ending::Lost]);
    }
    let heard = host(&world, 0).heard_len();
    world.run_for(10 * SECOND).unwrap();
    assert_eq!(host(&world, 0).heard_len(), heard, "nothing follows");
    assert_eq!(world.connection_count(), 0);
}

#[test]
fn a_dial_lost_on_its_way_is_one_that_failed() {
    let mut world = world(1, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 0)]);
    world.run_for(Duration::from_millis(50)).unwrap();
    world.drop_connections(id(0), id(1)).unwrap();
    world.run_for(SECOND).unwrap();
    assert_eq!(host(&world, 1).unanswered, [id(0)]);
    assert!(host(&world, 0).endings.is_empty(), "it never heard of the call");
}

#[test]
fn leaving_loses_what_connects() {
    let mut world = world(1, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 0), Talker::new(vec![id(0)], 0)]);
    world.run_for(SECOND).unwrap();
    world.leave(id(0)).unwrap();
    for number in [1, 2] {
        assert_eq!(host(&world, number).endings.len(), 1);
    }
    assert_eq!(world.connection_count(), 0);
}

#[test]
fn hanging_up_is_learned_by_the_other_alone() {
    let rude = Talker { hangs_up: true, ..Talker::default() };
    let mut world = world(1, vec![rude, Talker::new(vec![id(0)], 1000)]);
    world.run_for(10 * SECOND).unwrap();
    let ends: Vec<_> = host(&world, 1).endings.iter().map(|(_, ending)| *ending).collect();
    assert_eq!(ends, [Ending::Closed]);
    assert!(host(&world, 0).endings.is_empty());
    assert!(host(&world, 0).heard.is_empty());
    assert_eq!(world.connection_count(), 0);
}

#[test]
fn whoever_hangs_up_hears_nothing_of_the_same_instant_either() {
    let rude = Talker { hangs_up_on_bytes: true, ..Talker::default() };
    let mut world = world(1, vec![rude, Talker::new(vec![id(0)], 1_000_000)]);
    world.run_for(Duration::from_millis(250)).unwrap();
    // What is on its way now arrives all at once.
    assert_eq!(world.stall(id(0), id(1), SECOND), 1);
    world.run_for(10 * SECOND).unwrap();
    assert!((1..=path().chunk_len_max).contains(&host(&world, 0).heard_len()), "one chunk, not those behind it");
}

#[test]
fn what_is_said_after_the_end_goes_nowhere() {
    let mut world = world(1, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 0)]);
    world.run_for(SECOND).unwrap();
    let conn = *host(&world, 1).conns.first_key_value().unwrap().0;
    world.drop_connections(id(0), id(1)).unwrap();
    world
        .with_host(id(1), |host, _| {
            host.output(Output::Send { conn, bytes: Bytes::from_static(b"hello?") });
            host.output(Output::Reading { conn, reading: false });
            host.output(Output::Close { conn });
        })
        .unwrap();
    world.run_for(SECOND).unwrap();
    assert!(host(&world, 0).heard.is_empty());
    assert_eq!(host(&world, 1).endings.len(), 1);
}

#[test]
fn whoever_does_not_read_holds_up_the_other() {
    let path = LinkConfig { window_len: 50_000, send_buffer_len: 50_000, ..path() };
    let mut world = world_of(1, path, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 0)]);
    world.run_for(SECOND).unwrap();
    let conn = *host(&world, 0).conns.first_key_value().unwrap().0;
    world.with_host(id(0), |host, _| host.output(Output::Reading { conn, reading: false })).unwrap();
    world.with_host(id(1), |host, _| host.talk(1_000_000)).unwrap();
    world.run_for(60 * SECOND).unwrap();
    assert_eq!(host(&world, 0).heard_len(), 0);
    assert!(host(&world, 1).written.values().sum::<usize>() <= 100_000);
    world.with_host(id(0), |host, _| host.output(Output::Reading { conn, reading: true })).unwrap();
    world.run_for(60 * SECOND).unwrap();
    assert_eq!(host(&world, 0).heard_len(), 1_000_000);
}

#[test]
fn jobs_come_back_from_the_disk_and_fail_with_it() {
    let mut world = world(1, vec![Talker::default()]);
    world.with_host(id(0), |host, _| (0..20).for_each(|job| host.job(job))).unwrap();
    assert!(host(&world, 0).jobs.is_empty(), "a disk takes time");
    world.run_for(SECOND).unwrap();
    assert_eq!(host(&world, 0).jobs.len(), 20);
    assert!(host(&world, 0).jobs.iter().all(|done| done.result.is_ok()));
    world.set_disk_failing(id(0), true);
    world.with_host(id(0), |host, _| host.job(99)).unwrap();
    world.run_for(SECOND).unwrap();
    let last = host(&world, 0).jobs.last().unwrap();
    assert_eq!((last.job, last.result), (99, Err(DiskFault::Failing)));
}

#[test]
fn one_seed_one_trace() {
    let run = |seed: u64| {
        let path = LinkConfig { jitter: Duration::from_millis(30), ..path() };
        let hosts = vec![Talker::new(vec![], 90_000), Talker::new(vec![id(0)], 300_000), Talker::new(vec![id(1)], 7)];
        let mut world = world_of(seed, path, hosts);
        world.with_host(id(2), |host, _| (0..20).for_each(|job| host.job(job))).unwrap();
        world.run_for(SECOND).unwrap();
        world.drop_connections(id(0), id(1)).unwrap();
        world.run_for(SECOND).unwrap();
        world.trace_hash()
    };
    let traces: Vec<String> = (0..20).map(run).collect();
    assert_eq!(traces, (0..20).map(run).collect::<Vec<_>>(), "each is run from another base, too");
    let distinct: std::collections::BTreeSet<_> = traces.iter().collect();
    assert_eq!(distinct.len(), traces.len());
}

#[test]
fn a_clock_that_ticks_may_tick() {
    let mut world = world(1, vec![]);
    let ticks = Some((world.clock().now() + SECOND, SECOND));
    world.join(id(0), Talker { ticks, ..Talker::default() }, HostConfig::default()).unwrap();
    world.run_for(10 * SECOND).unwrap();
    assert_eq!(host(&world, 0).ticked, 10);
}

#[test]
fn a_long_run_is_no_standstill() {
    let mut world = world(1, vec![]);
    let ticks = Some((world.clock().now(), WAKE_INTERVAL_MIN));
    world.join(id(0), Talker { ticks, ..Talker::default() }, HostConfig::default()).unwrap();
    world.run_for((EVENTS_PER_INSTANT_MAX + 10) * WAKE_INTERVAL_MIN).unwrap();
    assert_eq!(host(&world, 0).ticked, EVENTS_PER_INSTANT_MAX + 11);
}

#[test]
fn what_comes_in_between_two_wakes_is_progress() {
    let interval = WAKE_INTERVAL_MIN / 2;
    let path = LinkConfig { rate: BytesPerSec::new(10_000), chunk_len_max: 5, ..path() };
    let mut world = world_of(1, path, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 20_000)]);
    world.run_for(SECOND).unwrap();
    // A byte every tenth of a millisecond: at each tick something came since the last.
    world.with_host(id(0), |host, now| host.ticks = Some((now, interval))).unwrap();
    world.run_for(SECOND).unwrap();
    assert_eq!(host(&world, 0).ticked, 201);
}

#[test]
fn waking_for_nothing_again_and_again_breaks_a_rule() {
    for interval in [Duration::ZERO, WAKE_INTERVAL_MIN / 2] {
        let mut world = world(1, vec![]);
        let ticks = Some((world.clock().now(), interval));
        world.join(id(0), Talker { ticks, ..Talker::default() }, HostConfig::default()).unwrap();
        let broken = world.run_for(SECOND).unwrap_err();
        assert_eq!(broken, Violation::WakeWithoutProgress { reason: "Tick".into(), after: interval });
    }
}

#[test]
fn a_host_that_never_stops_breaks_a_rule() {
    let mut world = world(1, vec![]);
    let broken = world.join(id(0), Talker { babbles: true, ..Talker::default() }, HostConfig::default());
    let expected = Violation::TimeStands { count: EVENTS_PER_INSTANT_MAX + 1, at: Duration::ZERO };
    assert_eq!(broken, Err(expected));
}

#[test]
fn a_hosts_own_rules_are_checked_after_everything() {
    let shy = Talker { is_shy: true, ..Talker::default() };
    let mut world = world(1, vec![shy, Talker::new(vec![id(0)], 1)]);
    let broken = world.run_for(SECOND).unwrap_err();
    assert_eq!(broken, Violation::Host { host: 0, rule: "it was spoken to".into() });
    assert_eq!(world.clock().elapsed(), Duration::from_micros(300_001), "at the very byte");
}

#[test]
fn unsent_bytes_and_jobs_are_bounded() {
    let len = (OUTBOX_LEN_MAX + path().send_buffer_len + 1) as u64;
    let mut talks = world(1, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], len)]);
    let broken = talks.run_for(SECOND).unwrap_err();
    assert!(matches!(broken, Violation::OutboxFull { host: 1, .. }), "{broken}");

    // Far more than the bound, but never at once.
    let path = LinkConfig { rate: BytesPerSec::new(1 << 30), window_len: 1 << 30, ..path() };
    let mut listens = world_of(1, path, vec![Talker::new(vec![], 0), Talker::new(vec![id(0)], 0)]);
    for _ in 0..4 {
        listens.run_for(SECOND).unwrap();
        let conn = *host(&listens, 1).conns.first_key_value().unwrap().0;
        let bytes = Bytes::from(vec![0; OUTBOX_LEN_MAX / 2]);
        listens.with_host(id(1), |host, _| host.output(Output::Send { conn, bytes })).unwrap();
    }
    listens.run_for(SECOND).unwrap();
    assert_eq!(host(&listens, 0).heard_len(), 2 * OUTBOX_LEN_MAX);

    let mut works = world(1, vec![Talker::default()]);
    let broken = works.with_host(id(0), |host, _| (0..2000).for_each(|job| host.job(job)));
    assert_eq!(broken, Err(Violation::DiskFull { host: 0 }));
}

#[test]
fn what_does_not_happen_is_late() {
    let mut world = world(1, vec![Talker::default()]);
    let late = world.run_until_done("a call", SECOND, |world| !host(world, 0).conns.is_empty());
    assert_eq!(late, Err(Violation::Late { what: "a call".into(), bound: SECOND }));
}

#[test]
#[should_panic(expected = "host 0 is there already")]
fn nobody_is_there_twice() {
    let mut world = world(1, vec![Talker::default()]);
    let twice = world.join(id(0), Talker::default(), HostConfig::default());
    assert!(twice.is_ok(), "not reached");
}
