//! One server on three processes: crashes, pauses, a store that is away or forgets, from many seeds. What must hold in every
//! moment is asserted in `world`: never two owners, what somebody says is heard in order, nobody loses name, role or place.

#[path = "cluster/store.rs"]
mod store;
#[path = "cluster/world.rs"]
mod world;

use std::time::Duration;

use serde_json::json;
use signal_proto::limits::{EVENTS_WAITING_MAX, LOOKUP_PATIENCE};
use world::{PEOPLE, World};

const SEEDS: u64 = 200;
const STEP: Duration = Duration::from_millis(250);

/// Says what went wrong with which seed.
fn for_seeds(plan: impl Fn(u64)) {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        plan(seed);
    }
}

/// Everybody is in, hears everybody, and may what they may.
fn check_whole(world: &mut World) {
    for _ in 0..8 {
        world.chat();
        world.run(STEP);
    }
    world.run(Duration::from_secs(1));
    for (person, it) in world.people.iter().enumerate() {
        assert!(it.is_in, "{} is in", PEOPLE[person]);
        for (sender, name) in PEOPLE.iter().enumerate() {
            let heard = world.heard.get(&(person, sender)).map(|(number, _)| *number);
            assert_eq!(heard, Some(world.people[sender].said), "{} hears {name}", PEOPLE[person]);
        }
    }
    for person in 0..PEOPLE.len() {
        world.say(person, "lock-room", json!({ "locked": false }), Some(1));
    }
    world.run(Duration::from_secs(1));
    for (person, it) in world.people.iter_mut().enumerate() {
        let answer = it.answers.pop().unwrap_or_else(|| panic!("{} is answered", PEOPLE[person]));
        assert_eq!(answer["code"].as_str(), (person != 0).then_some("S008"), "{answer}");
    }
}

#[test]
fn another_process_takes_over_within_five_seconds_and_everybody_keeps_the_place() {
    for_seeds(|seed| {
        let mut world = World::new(seed);
        check_whole(&mut world);
        let owner = world.owner().expect("the room has an owner");
        let pause = Duration::from_millis(world.rng.below(1000));
        world.run(pause);
        world.crash(owner);
        let crashed = world.now;
        // Those who were not connected to it.
        let stayed: Vec<usize> = (0..PEOPLE.len()).filter(|person| person % 3 != owner).collect();
        while world.now < crashed + Duration::from_secs(5) {
            world.chat();
            world.run(STEP);
        }
        for person in &stayed {
            assert!(world.people[*person].is_in, "{} stayed", PEOPLE[*person]);
            for sender in stayed.iter().filter(|sender| *sender != person) {
                let (_, at) = world.heard[&(*person, *sender)];
                assert!(at > crashed + Duration::from_millis(500), "{person} hears {sender} again");
            }
        }
        assert_eq!(world.cut, 0, "nobody is cut");
        world.run(Duration::from_secs(2));
        check_whole(&mut world);
        assert_eq!(world.cut, 0, "nobody is cut");
    });
}

#[test]
fn a_process_that_was_paused_acts_as_owner_no_more() {
    for_seeds(|seed| {
        let mut world = World::new(seed);
        let owner = world.owner().expect("the room has an owner");
        let time = Duration::from_millis(500 + world.rng.below(6000));
        world.pause(owner, time);
        let end = world.now + time + Duration::from_secs(6);
        while world.now < end {
            world.chat();
            world.run(STEP);
        }
        world.run(Duration::from_secs(4));
        check_whole(&mut world);
        assert_eq!(world.cut, 0, "nobody is cut");
    });
}

#[test]
fn rooms_outlive_a_store_that_is_away_or_forgets() {
    for_seeds(|seed| {
        let mut world = World::new(seed);
        let time = Duration::from_millis(200 + world.rng.below(6000));
        world.store_away(time);
        let end = world.now + time + Duration::from_secs(8);
        if seed % 2 == 0 {
            world.run(time);
            world.forget_store();
        }
        while world.now < end {
            world.chat();
            world.run(STEP);
        }
        world.run(Duration::from_secs(4));
        check_whole(&mut world);
    });
}

#[test]
fn whatever_fails_one_after_the_other_everybody_is_together_again() {
    for_seeds(|seed| {
        let mut world = World::new(seed);
        for _ in 0..6 {
            let index = usize::try_from(world.rng.below(3)).expect("small");
            let time = Duration::from_millis(world.rng.below(5000));
            match world.rng.below(4) {
                0 => world.crash(index),
                1 => world.pause(index, time),
                2 => world.store_away(time),
                _ => {}
            }
            for _ in 0..world.rng.below(30) {
                world.chat();
                world.run(STEP);
            }
            // One process lives at least, and no host is away for a minute.
            world.start(index);
        }
        world.run(Duration::from_secs(12));
        check_whole(&mut world);
    });
}

#[test]
fn what_waits_for_a_store_that_never_answers_is_bounded_and_refused() {
    let mut world = World::new(1);
    world.store_away(Duration::from_secs(3600));
    // A code that nobody here knows: the store is asked, and whatever is said after it waits.
    world.connect_for(1, 1, "NOSUCHROOM");
    for number in 0..EVENTS_WAITING_MAX {
        world.say(1, "chat-message", json!({ "text": number.to_string() }), None);
    }
    world.run(STEP);
    assert!(world.refusals(1).is_empty(), "all of it waits");
    world.say(1, "chat-message", json!({ "text": "one too many" }), None);
    world.run(STEP);
    assert_eq!(world.refusals(1), ["S010"]);
    world.run(LOOKUP_PATIENCE);
    assert_eq!(world.refusals(1)[..2], ["S010", "S012"], "the door is given up, what waited has its turn");
}
