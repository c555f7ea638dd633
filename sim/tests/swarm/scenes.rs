//! Each kind of scene, many times. What must hold is in the scenes' plans and in the peers' own rules; here is how often.

use sim::swarm::SceneKind;

use crate::run_all;

#[test]
fn two_back_to_back_over_connections_that_are_lost() {
    run_all(SceneKind::Pair, 300);
}

#[test]
fn several_seeds_of_every_speed_and_distance() {
    run_all(SceneKind::Seeds, 150);
}

#[test]
fn one_frozen_peer_among_several() {
    run_all(SceneKind::Frozen, 150);
}

#[test]
fn a_liar_beside_honest_ones() {
    run_all(SceneKind::Liar, 200);
}

#[test]
fn a_crowd_around_one_seed() {
    run_all(SceneKind::Crowd, 150);
}

#[test]
fn fast_lines_and_a_slow_disk() {
    run_all(SceneKind::SlowDisk, 20);
}

#[test]
fn kills_and_power_cuts_at_any_moment() {
    run_all(SceneKind::Crashes, 200);
}

#[test]
fn faults_and_then_none() {
    run_all(SceneKind::Faults, 200);
}
