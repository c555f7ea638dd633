//! Evenings of rooms in virtual time: `rooms [--seed N] [--runs M] [--profile lan|wan] [--calm]`.

use std::process::ExitCode;
use std::time::Instant;

use sim::rng::Seed;
use sim::room::{Numbers, Profile, run};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let number = |name: &str, usual: u64| after(name).map_or(Some(usual), |text| text.parse().ok());
    let (Some(seed), Some(runs)) = (number("--seed", 1), number("--runs", 1)) else {
        eprintln!("rooms [--seed N] [--runs M] [--profile lan|wan] [--calm]");
        return ExitCode::from(2);
    };
    let profiles = match after("--profile").map(String::as_str) {
        Some("lan") => vec![Profile::Lan],
        Some("wan") => vec![Profile::Wan],
        _ => vec![Profile::Lan, Profile::Wan],
    };
    let faults = !words.iter().any(|word| word == "--calm");
    #[expect(clippy::disallowed_methods, reason = "a base to count from; nothing depends on which")]
    let base = Instant::now();
    let mut failed = 0;
    for profile in profiles {
        let mut numbers = Numbers::default();
        for seed in seed..seed + runs {
            match run(base, Seed::new(seed), profile, faults) {
                Ok(one) => numbers.add(&one),
                Err(error) => {
                    failed += 1;
                    println!("{error}\n");
                }
            }
        }
        println!("{}", numbers.line(profile));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
