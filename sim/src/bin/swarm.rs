//! Draws a swarm from a seed, lives through it and prints what happened: `swarm --seed 7`, `swarm --scene viewer --runs 50`.

use std::process::ExitCode;
use std::time::Instant;

use sim::rng::Seed;
use sim::swarm::{Numbers, ReplayOnPanic, Scene, SceneKind};

const USAGE: &str =
    "usage: swarm [--seed N] [--runs K] [--scene pair|seeds|viewer|frozen|liar|crowd|slow-disk|crashes|faults]";

struct Arguments {
    seed: u64,
    runs: u64,
    scene: SceneKind,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut all = Numbers::default();
    let mut failed = 0;
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.runs) {
        let scene = Scene::draw(arguments.scene, Seed::new(seed));
        let _replay = ReplayOnPanic(&scene);
        // The prose of one run is a story; that of many is noise.
        if arguments.runs == 1 {
            print!("{scene}");
        }
        #[expect(clippy::disallowed_methods, reason = "a base to count from; nothing depends on which")]
        let base = Instant::now();
        match scene.run(base) {
            Ok(outcome) => {
                println!("{}", outcome.report);
                all.add(&outcome.numbers);
            }
            Err(violation) => {
                failed += 1;
                println!("seed {seed}: {violation}\n{}", scene.replay_line());
            }
        }
    }
    if arguments.runs > 1 {
        println!("{} runs, {failed} failed; together, from {}", arguments.runs, all.report(Seed::new(arguments.seed)));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments { seed: 0, runs: 1, scene: SceneKind::Faults };
    while let Some(flag) = words.next() {
        let value = words.next()?;
        match flag.as_str() {
            "--seed" => arguments.seed = value.parse().ok()?,
            "--runs" => arguments.runs = value.parse().ok()?,
            "--scene" => arguments.scene = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(arguments)
}
