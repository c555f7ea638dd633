//! What viewers notice and what it costs, over many seeds: the bounds are twice what was measured when they were set.

use std::time::Duration;

use sim::report::percentile;
use sim::swarm::SceneKind;

use crate::{run, run_all};

#[test]
fn a_viewer_of_a_slow_seeder_starts_seeks_and_ends() {
    let all = run_all(SceneKind::Viewer, 150);
    assert_eq!(all.startups.len(), 150, "every film starts");
    assert!(percentile(&all.startups, 99) < Some(Duration::from_secs(7)), "{:?}", all.startups);
    assert!(percentile(&all.seeks, 99) < Some(Duration::from_secs(8)), "{:?}", all.seeks);
    // The line carries half as much again as the film needs: nearly every stall is the core's fault.
    assert!(all.stalls < 25, "{} stalls", all.stalls);
    assert!(all.wasted_permille() < 10, "{} ‰ wasted", all.wasted_permille());
}

#[test]
fn asking_twice_stays_a_small_share() {
    for seed in 0..50 {
        let numbers = run(SceneKind::Seeds, seed).numbers;
        // One block in 25, and 256 KiB to begin with: docs/streaming.md. As much again for answers that crossed a cancel.
        let allowed = numbers.fetched.get() / 25 + 256 * 1024;
        let wasted = numbers.fetched.get() - numbers.kept.get();
        assert!(wasted <= allowed * 2, "seed {seed}: {wasted} bytes wasted of {:?}", numbers.fetched);
    }
}
