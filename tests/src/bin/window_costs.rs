//! `./run costs`: what the app's window costs on this machine, and what it does to a film when the machine is busy.
//!
//! Everything is seen from outside: `/proc` says what processes take, and the screen says which pictures were shown. Nothing is
//! judged here; docs/performance.md says what is promised.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::app::{self, App};
use tests::process::{Program, find};
use tests::screen::film::{self, FRAME_RATE};
use tests::screen::stage::Stage;
use tests::screen::trace::Trace;
use tests::screen::watch::Watch;
use tests::{SOON, scratch, within};

/// Seconds.
const FILM: u16 = 240;

/// Behind the film, in the same file: what is hashed and downloaded while it plays.
const BALLAST: u64 = 3_000_000_000;

/// Bytes a second.
const DOWNLOAD: u32 = 50_000_000;

const TRIES: usize = 5;
const LOOKED_AT: Duration = Duration::from_secs(25);

fn main() {
    let folder = scratch();
    println!("Making films …");
    let film = folder.path().join("film.mp4");
    film::make(&film, FILM);
    let large = folder.path().join("large.mp4");
    with_ballast(&film, &large);
    let stage = Stage::new(folder.path());
    home(&stage, folder.path());
    first_picture(&stage, &film);
    playing(&stage, &film);
    playing_larger(&stage, folder.path());
    hashing(&stage, &film, &large, folder.path());
    downloading(&stage, &large);
}

/// The first screen, that nobody touches.
fn home(stage: &Stage, folder: &Path) {
    let mut times = Vec::new();
    for number in 0..TRIES {
        let mut command = Command::new(app::binary());
        command.envs(stage.window_variables(0)).env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
        command.arg("--settings").arg(folder.join(format!("settings{number}"))).env("SHARESTREAM_NO_REGISTER", "1");
        let begin = Instant::now();
        let mut program = Program::start(&mut command);
        within(SOON, "something is drawn", || stage.display.is_lit().then_some(()));
        times.push(begin.elapsed());
        if number + 1 == TRIES {
            sleep(Duration::from_secs(5));
            let before = cpu(program.id());
            sleep(Duration::from_secs(10));
            let idle = cpu(program.id()) - before;
            println!(
                "home: {:.1} MiB of memory, {:.2} % of a core",
                memory(program.id(), "VmRSS"),
                idle.as_secs_f64() * 10.0
            );
        }
        program.terminate();
        program.wait(SOON).expect("it ends");
        within(SOON, "the screen is dark again", || (!stage.display.is_lit()).then_some(()));
    }
    println!("home: drawn {} after its start", spread(&mut times));
}

/// From the command to the film's first picture: the room, the engine, the player and the server inside the app.
fn first_picture(stage: &Stage, film: &Path) {
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let begin = Instant::now();
        let host = hosts(stage, film, &[]);
        within(SOON, "a picture", || stage.display.look()[0]);
        times.push(begin.elapsed());
        host.leaves();
    }
    println!("host FILM: its first picture {} after the command", spread(&mut times));
}

/// A film that plays with nothing else going on.
fn playing(stage: &Stage, film: &Path) {
    let mut host = hosts(stage, film, &[]);
    plays(&mut host);
    let (before, begin) = (cpu(host.id()), Instant::now());
    let trace = watched(stage, LOOKED_AT).0;
    let share = (cpu(host.id()) - before).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
    println!(
        "playing 320x180, {FRAME_RATE} pictures a second: {share:.1} % of a core, {:.1} MiB at most; {}",
        memory(host.id(), "VmHWM"),
        late(&trace)
    );
    host.leaves();
}

/// What such computers are used for.
fn playing_larger(stage: &Stage, folder: &Path) {
    for (size, rate) in [("1280x720", "30"), ("1920x1080", "30")] {
        let path = folder.join(format!("{size}.mp4"));
        let mut command = Command::new(find("ffmpeg"));
        command.args(["-v", "error", "-y", "-f", "lavfi", "-i", &format!("testsrc2=s={size}:r={rate}:d=60")]);
        command.args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-pix_fmt", "yuv420p"]).arg(&path);
        assert!(command.status().expect("ffmpeg is there").success(), "ffmpeg could not make the film");
        let path = path.display().to_string();
        let flags = ["host", &path, "--window", "--kiosk", "--lines", "--player", "own", "--size", "1280x720"];
        let variables = stage.window_variables(0);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut host = App::start_in_window("Ana", &flags, &variables);
        plays(&mut host);
        sleep(Duration::from_secs(2));
        let (before, begin) = (cpu(host.id()), Instant::now());
        sleep(Duration::from_secs(20));
        let share = (cpu(host.id()) - before).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
        println!(
            "playing {size} at {rate} in a window of 1280x720: {share:.1} % of a core, {:.1} MiB at most",
            memory(host.id(), "VmHWM")
        );
        host.leaves();
    }
}

/// A film plays while this machine hashes another one.
fn hashing(stage: &Stage, film: &Path, large: &Path, folder: &Path) {
    let mut host = hosts(stage, film, &[]);
    plays(&mut host);
    let watch = Watch::start(stage.display.clone());
    let mut command = Command::new(app::binary());
    let path = large.display().to_string();
    command.args(["host", &path, "--headless", "--player", "unseen", "--settings"]).arg(folder.join("other"));
    command.arg("--data-dir").arg(folder.join("others")).args(["--listen-port", "0", "--http-port", "0"]);
    let begin = Instant::now();
    let from = watch.now();
    let program = Program::start(&mut command);
    within(Duration::from_secs(120), "it is hashed", || {
        program.stdout.text().contains(r#""stage":{"is":"complete"}"#).then_some(())
    });
    let took = begin.elapsed();
    let during = from..watch.now();
    let trace = watch.end().windows.into_iter().next().expect("a screen has windows");
    println!(
        "playing while {} MB are hashed, {:.0} MB/s: {}",
        BALLAST / 1_000_000,
        megabytes_a_second(BALLAST, took),
        late(&(trace, during))
    );
    host.leaves();
}

/// A film plays while it arrives fast.
fn downloading(stage: &Stage, large: &Path) {
    let host = App::start(
        "Ana",
        &["host", &large.display().to_string(), "--player", "unseen", "--max-upload", &DOWNLOAD.to_string()],
        &[],
    );
    let mut host = host;
    let link = host.link();
    let mut viewer = App::window(stage, 0, "Bea", &["join", &link]);
    viewer.sees("a player that stands", |view| view["playback"]["position"].is_number());
    plays(&mut host);
    viewer.sees("it plays", |view| view["playback"]["state"] == "playing");
    sleep(Duration::from_secs(3));
    let downloaded = |viewer: &mut App| viewer.view()["film"]["downloaded"].as_f64().unwrap_or_default();
    let (before, begin) = (downloaded(&mut viewer), Instant::now());
    let seen = watched(stage, LOOKED_AT);
    let size = fs::metadata(large).expect("it was just written").len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a film's bytes"
    )]
    let bytes = ((downloaded(&mut viewer) - before) * size as f64) as u64;
    println!(
        "playing while it is downloaded, {:.0} MB/s: {}",
        megabytes_a_second(bytes, begin.elapsed()),
        late(&seen.0)
    );
    viewer.leaves();
    host.leaves();
}

fn hosts(stage: &Stage, film: &Path, flags: &[&str]) -> App {
    App::window(stage, 0, "Ana", &[&["host", &film.display().to_string()], flags].concat())
}

fn plays(host: &mut App) {
    host.sees("a player that stands", |view| view["playback"]["position"].is_number());
    host.send(&json!({"cmd": "play"}));
    host.sees("it plays", |view| view["playback"]["state"] == "playing");
}

/// What the first window shows for so long.
fn watched(stage: &Stage, long: Duration) -> ((Trace, Range<Duration>), Duration) {
    let watch = Watch::start(stage.display.clone());
    let from = watch.now();
    sleep(long);
    let during = from..watch.now();
    let seen = watch.end();
    ((seen.windows.into_iter().next().expect("a screen has windows"), during), seen.gap_max)
}

fn late((trace, during): &(Trace, Range<Duration>)) -> String {
    let (shown, missing) = trace.shown_and_missing(during);
    format!("{shown} pictures shown, {missing} left out, {} in a row at most", trace.missing_in_a_row(during))
}

/// The film, and behind it so many bytes that players skip (ISO/IEC 14496-12, 8.1.2).
fn with_ballast(film: &Path, to: &Path) {
    fs::copy(film, to).expect("the disk has room");
    let mut file: File = OpenOptions::new().write(true).open(to).expect("a file of our own");
    file.seek(SeekFrom::End(0)).expect("a file of our own");
    let mut head = Vec::from(1_u32.to_be_bytes());
    head.extend(b"free");
    head.extend(BALLAST.to_be_bytes());
    file.write_all(&head).expect("the disk has room");
    let block: Vec<u8> = (0..1_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let mut left = BALLAST - 16;
    while left > 0 {
        let now = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        file.write_all(&block[..now]).expect("the disk has room");
        left -= u64::try_from(now).expect("a small number");
    }
}

/// Processor time so far.
fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // Hundredths of a second, on every Linux there is.
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// In MiB.
fn memory(process: u32, what: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(&format!("{what}:"))).expect("a process has memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number of kB") / 1024.0
}

fn megabytes_a_second(bytes: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a file's bytes")]
    let bytes = bytes as f64;
    bytes / time.as_secs_f64() / 1e6
}

/// Least, middle and most.
fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let ms = |at: usize| times.get(at).map_or(0, Duration::as_millis);
    format!("{} ms ({} to {})", ms(times.len() / 2), ms(0), ms(times.len().saturating_sub(1)))
}
