//! Proves the instruments before anything is measured with them: plain players, started a known time apart.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::process::Program;
use tests::screen::display::WINDOWS;
use tests::screen::figures::{Distances, apart, start_spread};
use tests::screen::sound;
use tests::screen::stage::Stage;
use tests::screen::watch::Watch;
use tests::{SOON, within};

/// Where in the film the windows begin, in thousandths of a second: known distances of 0, 50, 100 and 250.
const BEGIN_MS: [u32; WINDOWS] = [10_000, 10_050, 10_100, 10_250];

/// The last window is told to go so much later than the others.
const LATER: Duration = Duration::from_millis(300);

/// What was found of four players that run freely.
pub(crate) struct Proof {
    /// For people.
    pub(crate) text: String,
    /// The instruments are good enough to measure with.
    pub(crate) holds: bool,
    /// For other programs.
    pub(crate) json: Value,
}

/// Four windows that start together at places a known time apart, and run freely for so long.
pub(crate) fn run(stage: &Stage, folder: &Path, film: &Path, runs_for: Duration) -> Proof {
    let mut players: Vec<Mpv> =
        (0..WINDOWS).map(|window| Mpv::start(stage, folder, film, window, BEGIN_MS[window])).collect();
    let watch = Watch::start(stage.display.clone());
    let recording = stage.sound.record(&folder.join("proof.pcm"));
    within(SOON, "each window shows the picture that it was told to begin with", || {
        stage.display.look().iter().all(Option::is_some).then_some(())
    });
    // Standing for a while, so that going on is a start.
    thread::sleep(Duration::from_secs(1));
    let told: Vec<Duration> = (0..WINDOWS)
        .map(|window| {
            if window + 1 == WINDOWS {
                thread::sleep(LATER);
            }
            let told = watch.now();
            players[window].ask(&json!(["set_property", "pause", false]));
            told
        })
        .collect();
    // A player's first second is not what it keeps to.
    thread::sleep(Duration::from_secs(3));
    let begin = watch.now();
    thread::sleep(runs_for);
    let during = begin..watch.now();
    let drops: Vec<u64> = players.iter_mut().map(|player| player.number("frame-drop-count")).collect();
    drop(players);
    let seen = watch.end();
    let (_, heard) = recording.end();

    let mut lines = vec![format!("{} looks, {} late, longest gap {:?}", seen.looks, seen.late, seen.gap_max)];
    let mut rows = Vec::new();
    let mut holds = true;
    for (window, drops) in drops.iter().enumerate() {
        let (shown, missing) = seen.windows[window].shown_and_missing(&during);
        lines.push(format!("window {window}: {shown} pictures shown, {missing} left out; mpv says it dropped {drops}"));
        holds &= missing * 10 < shown;
        if window == 0 {
            continue;
        }
        let waited = told[window] - told[0];
        let known = f64::from(BEGIN_MS[window] - BEGIN_MS[0]) - waited.as_secs_f64() * 1000.0;
        let on_screen = apart(&seen.windows, &[window, 0], &during);
        let in_sound: Vec<f64> =
            sound::apart(&heard[window], &heard[0]).into_iter().skip(3).map(|(_, apart)| apart).collect();
        let off = Distances::new(on_screen.iter().map(|apart| apart - median(&on_screen)).collect());
        let spread = start_spread(&seen.windows, &[0, window], &(told[0]..during.end)).unwrap_or_default();
        let between: Vec<f64> = vec![median(&on_screen), median(&in_sound)];
        lines.push(format!(
            "window {window} is ahead of window 0 by {known:.1} ms; on the screen by {:.1} ms (each sample within {:.1} ms \
             of that, p95), in the sound by {:.1} ms; {} and {} samples; it was told to go {:.1} ms later and started {:.1} ms later",
            between[0],
            off.percentile(95),
            between[1],
            on_screen.len(),
            in_sound.len(),
            waited.as_secs_f64() * 1000.0,
            spread.as_secs_f64() * 1000.0,
        ));
        let error = (between[0] - known).abs().max((between[1] - known).abs());
        holds &= error < PICTURE_MS && off.percentile(95) < PICTURE_MS;
        rows.push(json!({
            "known": known, "screen": between[0], "screenSpreadP95": off.percentile(95), "sound": between[1],
            "startKnown": waited.as_secs_f64() * 1000.0, "start": spread.as_secs_f64() * 1000.0,
        }));
    }
    let json = json!({
        "looks": seen.looks, "lateLooks": seen.late, "gapMaxMs": seen.gap_max.as_secs_f64() * 1000.0, "windows": rows,
        "drops": drops,
    });
    Proof { text: lines.join("\n"), holds, json }
}

/// A picture's time, and what a player takes to be told.
const PICTURE_MS: f64 = 20.0;

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A plain player, over its own JSON.
struct Mpv {
    _program: Program,
    remote: BufReader<UnixStream>,
}

impl Mpv {
    fn start(stage: &Stage, folder: &Path, film: &Path, window: usize, begin_ms: u32) -> Self {
        let socket = folder.join(format!("mpv{window}.sock"));
        let mut command = Command::new(stage.mpv(window).join("mpv"));
        command.args(["--no-config", "--no-terminal", "--pause", "--keep-open=yes", "--hr-seek=yes"]);
        command.arg(format!("--start={}", f64::from(begin_ms) / 1000.0));
        let program = Program::start(command.arg(format!("--input-ipc-server={}", socket.display())).arg(film));
        let remote = within(SOON, "mpv opens its socket", || UnixStream::connect(&socket).ok());
        Self { _program: program, remote: BufReader::new(remote) }
    }

    fn ask(&mut self, command: &Value) -> Value {
        let line = format!("{}\n", json!({ "command": command, "request_id": 1 }));
        self.remote.get_mut().write_all(line.as_bytes()).expect("mpv reads");
        loop {
            let mut line = String::new();
            assert!(self.remote.read_line(&mut line).expect("mpv answers") > 0, "mpv is gone");
            let answer: Value = serde_json::from_str(&line).expect("mpv speaks JSON");
            if answer["request_id"] == 1 {
                return answer;
            }
        }
    }

    fn number(&mut self, property: &str) -> u64 {
        self.ask(&json!(["get_property", property]))["data"].as_u64().unwrap_or(0)
    }
}
