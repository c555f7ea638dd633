//! Sound on a device that is there, and goes away: a sound server of the test's own, whom the player finds by the system's ways.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::time::{Duration, Instant};

use media::{Command, Event, Sound, TrackKind};
use support::{Films, Watcher};

/// Set for the process in which the player finds our server.
const INNER: &str = "SHARESTREAM_TEST_SOUND_FILM";

/// Between its opening and its start.
const WAITS: Duration = Duration::from_secs(4);

/// The server is found by a variable, which is of a whole process: so the film plays in another one, which says what to do.
#[test]
fn a_device_that_goes_away_does_not_stop_the_film() {
    if let Ok(film) = std::env::var(INNER) {
        return play(&film);
    }
    let films = Films::new();
    let film = films.usual();
    let socket = films.path("pulse.sock");
    let mut server = Held(sound_server(&films, &socket));
    let _ears = Held(ears(&socket));
    let me = std::env::current_exe().unwrap();
    let mut inner = Program::new(me);
    inner.args(["--exact", "a_device_that_goes_away_does_not_stop_the_film", "--nocapture"]);
    inner.env(INNER, &film).env("PULSE_SERVER", format!("unix:{}", socket.display()));
    let mut inner = Held(inner.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(inner.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with("it plays")), "the player plays on our server");
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    let mut listening = inner.0.stdin.take().unwrap();
    writeln!(listening, "it is gone").unwrap();
    drop(listening);
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert!(inner.0.wait().unwrap().success(), "{rest:?}");
}

fn play(film: &str) {
    let watcher = Watcher::with(Sound::Auto);
    watcher.player.command(Command::SetVolume(0.5));
    watcher.load(film);
    watcher.player.command(Command::SelectTrack(TrackKind::Audio, Some(1)));
    // A device whose time runs on while nothing plays would have the film stand for as long as it waited.
    let waits = Instant::now() + WAITS;
    while Instant::now() < waits {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let begin = Instant::now();
    watcher.play();
    watcher.until_shown(Duration::from_secs(1));
    let took = begin.elapsed();
    assert!(took < WAITS, "the first second took {took:?}");
    let early = watcher.told();
    assert!(!early.contains(&Event::NoSoundDevice), "it was found");
    println!("it plays");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    watcher.wait_for(&Event::NoSoundDevice);
    let at = watcher.ask().at;
    watcher
        .until("it goes on", |seen| seen.last().filter(|seen| seen.place > at + Duration::from_millis(500)).copied());
    let since = watcher.told();
    let is_silent = |event: &Event| matches!(event, Event::Opened { .. } | Event::Running(_) | Event::Failed(_));
    assert!(!since.iter().any(is_silent), "nobody notices but by the silence: {since:?}");
}

/// One that plays into nothing.
fn sound_server(films: &Films, socket: &Path) -> Child {
    let mut server = Program::new("pulseaudio");
    server.args(["--daemonize=no", "--exit-idle-time=-1", "-n"]);
    server.args(["-L", &format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display())]);
    server.args(["-L", "module-null-sink sink_name=nothing"]);
    let home = films.path("");
    server.env("HOME", &home).env("XDG_RUNTIME_DIR", &home).stdout(Stdio::null()).stderr(Stdio::null());
    let server = server.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "no sound server");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    server
}

/// Hears what is played into nothing. Nothing without ears takes two seconds to begin, and so does nothing that just got them.
fn ears(socket: &Path) -> Child {
    let mut ears = Program::new("parec");
    ears.env("PULSE_SERVER", format!("unix:{}", socket.display())).args(["-d", "nothing.monitor", "--raw"]);
    ears.args(["--rate=44100", "--channels=2", "--format=s16le", "--latency-msec=50"]);
    let mut ears = ears.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut heard = ears.stdout.take().unwrap();
    heard.read_exact(&mut vec![0; 3 * 44_100 * 4]).unwrap();
    std::thread::spawn(move || std::io::copy(&mut heard, &mut std::io::sink()));
    ears
}

/// A program that ends with its owner.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
