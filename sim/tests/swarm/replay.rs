//! A run is a function of its seed.

use std::collections::BTreeSet;

use sim::rng::Seed;
use sim::swarm::{Scene, SceneKind};

use crate::run;

#[test]
fn the_same_seed_gives_the_same_trace() {
    for kind in SceneKind::ALL {
        let traces: BTreeSet<String> = (0..3)
            .map(|seed| {
                let trace = run(kind, seed).trace;
                assert_eq!(run(kind, seed).trace, trace, "{kind}, seed {seed}");
                trace
            })
            .collect();
        assert_eq!(traces.len(), 3, "{kind}: every seed is another story");
    }
}

#[test]
fn a_scene_says_how_to_replay_it() {
    let scene = Scene::draw(SceneKind::Viewer, Seed::new(42));
    assert_eq!(scene.replay_line(), "replay: cargo run -p sim --bin swarm -- --seed 42 --scene viewer");
    let story = scene.to_string();
    assert!(story.contains("host 0 has the film"), "{story}");
    assert!(story.contains("the film is seen to its end"), "{story}");
}

#[test]
fn scenes_have_names() {
    for kind in SceneKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("nothing".parse::<SceneKind>().is_err());
}
