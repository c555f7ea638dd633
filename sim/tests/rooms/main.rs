//! Evenings of rooms: what must hold holds on each of them, and all together keep to what is promised (docs/sync.md).

use std::time::Instant;

use sim::rng::Seed;
use sim::room::{Numbers, Profile, run};

fn evenings(seeds: std::ops::Range<u64>, profile: Profile, faults: bool) -> Numbers {
    #[expect(clippy::disallowed_methods, reason = "a base to count from; nothing depends on which")]
    let base = Instant::now();
    let mut numbers = Numbers::default();
    for seed in seeds {
        match run(base, Seed::new(seed), profile, faults) {
            Ok(one) => numbers.add(&one),
            Err(error) => panic!("{error}"),
        }
    }
    println!("{}", numbers.line(profile));
    numbers
}

/// The contract's bounds in milliseconds: the median, 95 % and 99 % of differences, and 95 % of starts.
fn keeps(numbers: &Numbers, drift: [f64; 3], start: f64) {
    assert!(numbers.drifts.len() > 1_000 && numbers.starts.len() > 100, "too little was measured");
    for (per_mille, bound) in [500, 950, 990].into_iter().zip(drift) {
        let is = Numbers::percentile(&numbers.drifts, per_mille);
        assert!(is <= bound, "{per_mille} of a thousand are within {is} ms, and {bound} is promised");
    }
    let far = numbers.drifts.iter().filter(|drift| **drift > 0.6).count();
    assert!(far * 200 < numbers.drifts.len(), "{far} of {} are above 600 ms", numbers.drifts.len());
    let is = Numbers::percentile(&numbers.starts, 950);
    assert!(is <= start, "starts are within {is} ms, and {start} is promised");
}

#[test]
fn calm_evenings_in_one_house() {
    keeps(&evenings(1..61, Profile::Lan, false), [40.0, 100.0, 100.0], 80.0);
}

#[test]
fn calm_evenings_over_the_world() {
    keeps(&evenings(1..61, Profile::Wan, false), [100.0, 250.0, 400.0], 150.0);
}

#[test]
fn evenings_on_which_anything_happens_in_one_house() {
    keeps(&evenings(1..101, Profile::Lan, true), [40.0, 100.0, 250.0], 150.0);
}

#[test]
fn evenings_on_which_anything_happens_over_the_world() {
    keeps(&evenings(1..101, Profile::Wan, true), [100.0, 250.0, 400.0], 200.0);
}

#[test]
fn a_seed_is_an_evening() {
    for seed in [3, 58] {
        let one = evenings(seed..seed + 1, Profile::Wan, true);
        let again = evenings(seed..seed + 1, Profile::Wan, true);
        assert_eq!((one.trace, one.drifts.len()), (again.trace, again.drifts.len()), "seed {seed}");
        let other = evenings(seed + 1..seed + 2, Profile::Wan, true);
        assert_ne!(one.trace, other.trace);
    }
}
