//! Rates: small steps without a gap, large ones by a seek, all as fast as they say.

mod support;

use std::time::{Duration, Instant};

use media::{Command, Event, LIVE_RATE_MAX};
use support::{Films, Watcher};

/// Seconds of film a second, between two looks, once pictures come.
fn measured(watcher: &Watcher) -> f64 {
    let before = watcher.ask().at;
    watcher.until("pictures", |seen| seen.last().filter(|seen| seen.at > before + Duration::from_millis(300)).copied());
    let from = watcher.ask();
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let to = watcher.ask();
    assert!(from.moving && to.moving);
    (to.at - from.at).as_secs_f64() / (to.taken - from.taken).as_secs_f64()
}

#[test]
fn a_film_goes_as_fast_as_it_is_told() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    watcher.play();
    for rate in [1.0 + LIVE_RATE_MAX, 1.0 - LIVE_RATE_MAX, 1.5] {
        watcher.player.command(Command::SetRate(rate));
        let real = measured(&watcher);
        assert!((real - rate).abs() < 0.012, "{real} for {rate}");
    }
    // A seek keeps it.
    watcher.seek(Duration::from_secs(2));
    let real = measured(&watcher);
    assert!((real - 1.5).abs() < 0.012, "{real}");
    for rate in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e9] {
        watcher.player.command(Command::SetRate(rate));
    }
    watcher.player.command(Command::SetRate(1.0));
    watcher.seek(Duration::from_secs(1));
    let real = measured(&watcher);
    assert!((real - 1.0).abs() < 0.012, "{real}");
}

#[test]
fn a_small_step_leaves_no_gap_and_a_rate_set_while_it_stands_holds() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    watcher.player.command(Command::SetRate(1.0 + LIVE_RATE_MAX));
    watcher.play();
    watcher.until_shown(Duration::from_secs(1));
    watcher.player.command(Command::SetRate(1.0 - LIVE_RATE_MAX));
    watcher.until_shown(Duration::from_secs(3));
    // Pictures follow one another: a seek would show one twice or leave some out.
    let seen = watcher.seen();
    let steps: Vec<Duration> = seen.windows(2).map(|two| two[1].at.saturating_sub(two[0].at)).collect();
    let is_one = |step: &&Duration| step.abs_diff(Duration::from_millis(40)) < Duration::from_millis(2);
    let odd: Vec<&Duration> = steps.iter().skip(1).filter(|step| !is_one(step)).collect();
    // Under load pictures are dropped, which is told.
    assert!(odd.is_empty() || watcher.told().iter().any(|event| matches!(event, Event::Late { .. })), "{odd:?}");
}
