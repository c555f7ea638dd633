//! A film opens, plays, stands, is sought in, and ends: the pixels say where it is.

mod support;

use std::time::Duration;

use media::{Command, Event, Failure};
use support::{FPS, Films, Server, Watcher};

const fn picture(second: u64, number: u64) -> Duration {
    Duration::from_millis(second * 1000 + number * 1000 / FPS)
}

#[test]
fn it_opens_and_stands_until_it_is_told_to_play() {
    let films = Films::new();
    let watcher = Watcher::new();
    let (duration, _) = watcher.load(films.usual().to_str().unwrap());
    assert!(duration.unwrap().abs_diff(Duration::from_secs(20)) < Duration::from_millis(100), "{duration:?}");
    let seen = watcher.until_shown(picture(0, 0));
    assert_eq!((seen.width, seen.height, seen.at), (64, 48, Duration::ZERO));
    assert!(!watcher.ask().moving);
    assert_eq!(watcher.ask().at, Duration::ZERO);
    watcher.play();
    watcher.until_shown(picture(1, 0));
    let sample = watcher.ask();
    assert!(sample.moving && sample.at >= picture(1, 0), "{sample:?}");
    watcher.pause();
    let stands = watcher.ask();
    assert!(!stands.moving);
    assert_eq!(watcher.ask().at, stands.at);
    assert!(!watcher.told().iter().any(|event| matches!(event, Event::Buffering(_))));
}

#[test]
fn it_opens_where_it_is_told_and_shows_nothing_before() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(films.usual().to_str().unwrap(), picture(13, 7));
    watcher.until_shown(picture(13, 7));
    assert_eq!(watcher.seen().len(), 1, "{:?}", watcher.seen());
    assert_eq!(watcher.ask().at, picture(13, 7));
}

#[test]
fn a_seek_while_it_stands_paints_the_exact_picture() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    for (second, number) in [(9, 24), (10, 0), (3, 3), (19, 24), (0, 0)] {
        assert_eq!(watcher.seek(picture(second, number)), picture(second, number));
        let seen = watcher.until_shown(picture(second, number));
        assert_eq!(seen.at, picture(second, number));
    }
    assert!(!watcher.told().iter().any(|event| matches!(event, Event::Running(_))), "it stood all the time");
}

#[test]
fn a_seek_while_it_runs_goes_on_running() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    watcher.play();
    watcher.seek(picture(12, 0));
    watcher.until("pictures after it", |seen| seen.last().filter(|seen| seen.place > picture(12, 5)).copied());
    assert!(!watcher.told().contains(&Event::Running(false)), "a seek is no pause");
}

#[test]
fn of_many_seeks_the_last_is_answered_and_shown() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    for second in 1..=15 {
        watcher.player.command(Command::Seek(picture(second, 0)));
    }
    let mut answers = 0;
    loop {
        let at = watcher.wait(|event| match event {
            Event::Sought(at) => Some(*at),
            _ => None,
        });
        answers += 1;
        if at == picture(15, 0) {
            break;
        }
    }
    assert!(answers < 15, "{answers} of 15 seeks in a row were answered one by one");
    watcher.until_shown(picture(15, 0));
    assert_eq!(watcher.ask().at, picture(15, 0));
}

#[test]
fn frames_are_stepped_one_by_one_in_both_directions() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(films.usual().to_str().unwrap(), picture(5, 0));
    for (by, second, number) in [(1, 5, 1), (1, 5, 2), (-1, 5, 1), (-1, 5, 0), (-1, 4, 24), (1, 5, 0)] {
        watcher.player.command(Command::StepFrame(by));
        watcher.wait(|event| matches!(event, Event::Sought(_)).then_some(()));
        watcher.until_shown(picture(second, number));
    }
}

#[test]
fn it_stands_at_its_end_and_can_be_sought_from_there() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load_at(films.usual().to_str().unwrap(), picture(19, 0));
    watcher.play();
    watcher.wait_for(&Event::Ended);
    watcher.wait_for(&Event::Running(false));
    watcher.until_shown(picture(19, 24));
    assert!(!watcher.ask().moving);
    watcher.player.command(Command::Play);
    watcher.wait_for(&Event::Ended);
    watcher.seek(picture(2, 0));
    watcher.until_shown(picture(2, 0));
    watcher.play();
    watcher.until("it plays again", |seen| seen.last().filter(|seen| seen.place > picture(2, 5)).copied());
    // Beyond the end is its last picture.
    watcher.pause();
    watcher.seek(Duration::from_secs(1000));
    watcher.until_shown(picture(19, 24));
}

#[test]
fn a_second_film_replaces_the_first_and_none_is_none() {
    let films = Films::new();
    let watcher = Watcher::new();
    let usual = films.usual();
    watcher.load(usual.to_str().unwrap());
    watcher.play();
    watcher.load_at(&format!("file://{}", usual.to_str().unwrap()), picture(7, 0));
    watcher.until_shown(picture(7, 0));
    assert!(!watcher.ask().moving, "it stands after it was opened");
    watcher.player.command(Command::Unload);
    watcher.player.command(Command::Load { url: "/nowhere.mp4".into(), start: Duration::ZERO, title: String::new() });
    let why = watcher.wait(|event| match event {
        Event::Failed(Failure::Unreadable { why }) => Some(why.clone()),
        _ => None,
    });
    assert!(why.starts_with("there is nothing at its address"), "{why}");
}

#[test]
fn a_film_over_http_plays_and_is_sought_in() {
    let films = Films::new();
    let server = Server::of(&films.usual());
    let watcher = Watcher::new();
    watcher.load(server.url());
    watcher.until_shown(picture(0, 0));
    watcher.seek(picture(16, 20));
    watcher.until_shown(picture(16, 20));
    watcher.play();
    watcher.until_shown(picture(17, 10));
}
