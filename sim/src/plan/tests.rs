use super::*;
use crate::clock::tests::base;
use crate::host::HostConfig;
use crate::link::{Ending, LinkConfig};
use crate::rng::Seed;
use crate::world::testing::Talker;

const SECOND: Duration = Duration::from_secs(1);

/// What the tests' plans check: how often the first host was told of an end.
type Endings = usize;

fn id(number: u32) -> HostId {
    HostId::new(number)
}

fn join(number: u32) -> Step<Endings> {
    Step::Join { description: format!("host {number} joins"), host: id(number) }
}

fn check(description: &str, endings: usize) -> Step<Endings> {
    Step::Check { description: description.into(), check: endings }
}

fn act(world: &mut World<Talker>, step: &Step<Endings>) -> Result<(), Violation> {
    match step {
        Step::Join { host, .. } => {
            let calls = if host.get() == 0 { vec![] } else { vec![id(0)] };
            world.join(*host, Talker::new(calls, 1_000_000), HostConfig::default())
        }
        Step::Check { check, .. } => {
            let endings = world.host(id(0)).map_or(0, |host| host.endings.len());
            if endings == *check { Ok(()) } else { Err(Violation::Host { host: 0, rule: format!("{endings} ends") }) }
        }
        Step::Seek { host, to, .. } => world.with_host(*host, |host, _| host.talk(*to)),
        Step::Leave { .. }
        | Step::Crash { .. }
        | Step::DropConnection { .. }
        | Step::Stall { .. }
        | Step::Uplink { .. }
        | Step::DiskFailing { .. } => unreachable!("done by the plan"),
    }
}

fn world() -> World<Talker> {
    World::new(base(), Seed::new(1), LinkConfig::default())
}

#[test]
fn a_plan_reads_as_prose_in_order_of_time() {
    let plan = Plan::default().at(2 * SECOND, check("all is well", 0)).at(Duration::ZERO, join(0)).at(SECOND, join(1));
    assert_eq!(plan.to_string(), "   0.000 s  host 0 joins\n   1.000 s  host 1 joins\n   2.000 s  all is well\n");
    assert_eq!(plan.steps().len(), 3);
}

#[test]
fn steps_happen_at_their_time() {
    let plan = Plan::default()
        .at(Duration::ZERO, join(0))
        .at(Duration::ZERO, join(1))
        .at(Duration::ZERO, join(2))
        .at(SECOND, check("nothing has ended", 0))
        .at(
            2 * SECOND,
            Step::DropConnection { description: "the cable of host 1 is cut".into(), between: (id(0), id(1)) },
        )
        .at(2 * SECOND, check("host 0 learned of it", 1))
        .at(3 * SECOND, Step::Leave { description: "host 2 is switched off".into(), host: id(2) })
        .at(3 * SECOND, check("host 0 learned of that", 2));
    let mut world = world();
    plan.play(&mut world, act).unwrap();
    assert_eq!(world.clock().elapsed(), 3 * SECOND);
    let ends: Vec<_> = world.host(id(0)).unwrap().endings.iter().map(|(_, ending)| *ending).collect();
    assert_eq!(ends, [Ending::Lost, Ending::Lost]);
    assert!(world.host(id(2)).is_none());
}

#[test]
fn a_stall_a_slow_line_and_a_seek_change_the_world() {
    let plan = Plan::default()
        .at(Duration::ZERO, join(0))
        .at(Duration::ZERO, join(1))
        .at(
            SECOND,
            Step::Uplink {
                description: "somebody uploads photos".into(),
                host: id(1),
                rate: BytesPerSec::new(1_000_000_000),
            },
        )
        .at(
            2 * SECOND,
            Step::Stall { description: "a laptop sleeps".into(), between: (id(0), id(1)), lasting: 10 * SECOND },
        )
        .at(2 * SECOND, Step::Seek { description: "host 1 has more to say".into(), host: id(1), to: 5000 })
        .at(
            2 * SECOND,
            Step::DiskFailing { description: "host 1 runs out of disk".into(), host: id(1), failing: true },
        );
    let mut world = world();
    plan.play(&mut world, act).unwrap();
    world.run_until(world.clock().at(11 * SECOND)).unwrap();
    assert_eq!(world.host(id(0)).unwrap().heard_len(), 1_000_000);
    world.run_until(world.clock().at(13 * SECOND)).unwrap();
    assert_eq!(world.host(id(0)).unwrap().heard_len(), 1_005_000);
}

#[test]
fn a_broken_rule_names_its_step() {
    let plan = Plan::default().at(Duration::ZERO, join(0)).at(SECOND, check("host 0 was left alone", 3));
    let broken = plan.play(&mut world(), act).unwrap_err();
    assert_eq!(broken.to_string(), "host 0 was left alone: host 0: 0 ends");
}
