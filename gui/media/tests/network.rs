//! Servers that stall, cut and say nothing: a film waits, says so, and goes on.

mod support;

use std::time::{Duration, Instant};

use media::{Command, Event};
use support::{FPS, Films, Server, Watcher};

const fn picture(second: u64, number: u64) -> Duration {
    Duration::from_millis(second * 1000 + number * 1000 / FPS)
}

/// Large enough that GStreamer does not read all of it ahead: 20 s of 4 Mbit/s.
fn large(films: &Films) -> std::path::PathBuf {
    let padded = ["-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M", "-x264-params", "nal-hrd=cbr"];
    let options = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-movflags", "faststart"];
    films.make("large.mp4", 20, &[&options[..], &padded].concat())
}

#[test]
fn a_stall_is_told_as_buffering_and_outwaited() {
    let films = Films::new();
    let server = Server::of(&large(&films));
    assert!(server.len() > 6_000_000, "{}", server.len());
    server.stall_from(server.len() / 2);
    let watcher = Watcher::new();
    watcher.load(server.url());
    watcher.play();
    watcher.wait_for(&Event::Buffering(true));
    let stalled = watcher.ask();
    assert!(!stalled.moving, "{stalled:?}");
    // GStreamer's source gives up after 15 s of silence, unless it is told not to.
    let until = Instant::now() + Duration::from_secs(17);
    while Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert!(
        !watcher.told().iter().any(|event| !matches!(event, Event::Late { .. } | Event::Tracks(_))),
        "nothing else is told"
    );
    server.go_on();
    watcher.wait_for(&Event::Buffering(false));
    watcher.until("it goes on", |seen| seen.last().filter(|seen| seen.place > stalled.at + picture(2, 0)).copied());
    assert!(!watcher.told().contains(&Event::Running(false)));
}

#[test]
fn a_seek_to_where_there_are_bytes_ends_one_to_where_there_are_none() {
    let films = Films::new();
    let server = Server::of(&large(&films));
    server.stall_from(server.len() / 2);
    let watcher = Watcher::new();
    watcher.load(server.url());
    watcher.player.command(Command::Seek(picture(18, 0)));
    watcher.player.command(Command::AskPosition);
    assert_eq!(watcher.seek(picture(2, 0)), picture(2, 0));
    watcher.until_shown(picture(2, 0));
    let at = watcher.wait(|event| match event {
        Event::Position(sample) => Some(sample.at),
        _ => None,
    });
    assert_eq!(at, picture(2, 0));
}

#[test]
fn play_and_pause_are_answered_while_it_waits_for_bytes() {
    let films = Films::new();
    let server = Server::of(&large(&films));
    server.stall_from(server.len() / 4);
    let watcher = Watcher::new();
    watcher.load(server.url());
    watcher.play();
    watcher.wait_for(&Event::Buffering(true));
    watcher.pause();
    watcher.play();
    watcher.pause();
    server.go_on();
    watcher.wait_for(&Event::Buffering(false));
    let at = watcher.ask();
    assert!(!at.moving);
    assert_eq!(watcher.ask().at, at.at, "it was told to stand");
}

#[test]
fn nobody_waits_for_a_server_that_says_nothing() {
    let films = Films::new();
    let usual = films.usual();
    let server = Server::of(&usual);
    server.mute();
    let watcher = Watcher::new();
    let url = server.url().to_owned();
    watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
    watcher.player.command(Command::AskPosition);
    // Another film replaces it although it never opened.
    watcher.load(usual.to_str().unwrap());
    watcher.until_shown(picture(0, 0));
    let url = server.url().to_owned();
    watcher.player.command(Command::Load { url, start: Duration::ZERO, title: String::new() });
    server.go_on();
    watcher.wait(|event| matches!(event, Event::Opened { .. }).then_some(()));
}

#[test]
fn a_player_that_is_dropped_shows_and_tells_nothing_more() {
    let films = Films::new();
    let watcher = Watcher::new();
    watcher.load(films.usual().to_str().unwrap());
    watcher.play();
    let events = watcher.player.events();
    drop(watcher);
    assert!(smol::block_on(events.recv()).is_err() || events.is_closed());
}
