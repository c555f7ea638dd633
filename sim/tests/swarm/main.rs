//! Swarms of real torrent cores over hundreds of seeds. A failure ends with the line that replays it.

mod numbers;
mod replay;
mod scenes;

use std::time::Instant;

use sim::rng::Seed;
use sim::swarm::{Numbers, Outcome, ReplayOnPanic, Scene, SceneKind};

/// Lives through one scene; a broken rule is told with the story that led to it.
fn run(kind: SceneKind, seed: u64) -> Outcome {
    let scene = Scene::draw(kind, Seed::new(seed));
    let _replay = ReplayOnPanic(&scene);
    #[expect(clippy::disallowed_methods, reason = "a base to count from; no test depends on which")]
    let base = Instant::now();
    scene.run(base).unwrap_or_else(|violation| panic!("{kind}, seed {seed}: {violation}"))
}

/// Lives through the scenes of so many seeds; gives their numbers together.
fn run_all(kind: SceneKind, seeds: u64) -> Numbers {
    let mut all = Numbers::default();
    (0..seeds).for_each(|seed| all.add(&run(kind, seed).numbers));
    all
}
