//! `./run engine-demo`: a host with a narrow line, a viewer, a real player, and the proof that the film plays while it arrives.
//!
//! Nothing is simulated: two engines, a clip made on the spot, mpv in real time without a window. It ends with a report
//! and with exit code 1 when any part of the promise does not hold.

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::film::{Clip, Container};
use tests::process::{Program, find};
use tests::{SOON, http, scratch, within};

const CLIP: Clip = Clip { container: Container::Mp4IndexLast, seconds: 60, bits_per_second: 2_500_000 };

/// The host's line, in film rates: just enough to watch, far too little to have the film soon.
const LINE_TENTHS: u64 = 15;

/// How long the whole screening may take.
const PATIENCE: Duration = Duration::from_secs(150);

fn main() -> ExitCode {
    let folder = scratch();
    let path = folder.path().join("film.mp4");
    println!("Making a clip of {} s, with its index at the end, as cameras and phones write them …", CLIP.seconds);
    let film_rate = CLIP.make(&path);
    let film_len = fs::metadata(&path).expect("the clip was just made").len();
    let line_rate = film_rate * LINE_TENTHS / 10;
    println!("  {}, plays at {}; the host's line carries {}\n", size(film_len), rate(film_rate), rate(line_rate));

    let mut host = Engine::start(&[&format!("-max-upload={line_rate}")]);
    let seeding = host.seed(&path);
    println!("Host   {}", seeding["magnetURI"].as_str().unwrap_or_default());
    let mut viewer = Engine::start(&[]);
    let begin = Instant::now();
    let added = viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [host.peer_address()] }));
    let url = added["serverUrl"].as_str().expect("added carries a URL").to_owned();
    println!("Viewer {url}\n");

    let screening = Screening::watch(&mut viewer, &url, folder.path(), begin, film_len);
    let proofs = screening.proofs(&url, &path, film_rate);
    report(&screening, &proofs, line_rate, film_len);
    if proofs.iter().all(|proof| proof.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What happened, in time since the magnet was given.
#[derive(Default)]
struct Screening {
    first_picture: Option<Duration>,
    last_piece: Option<Duration>,
    player_end: Option<Duration>,
    /// How the player said that it ended: `eof` is the one to hope for.
    end_reason: String,
    /// How often it stood still for want of bytes, after it had begun.
    stalls: u32,
    position: f64,
    progress: Value,
}

/// One thing that was promised.
struct Proof {
    says: String,
    holds: bool,
}

impl Screening {
    fn watch(viewer: &mut Engine, url: &str, folder: &Path, begin: Instant, film_len: u64) -> Self {
        let socket = folder.join("mpv.sock");
        let mut command = Command::new(find("mpv"));
        command.args(["--no-config", "--no-terminal", "--vo=null", "--ao=null"]);
        let mut player = Program::start(command.arg(format!("--input-ipc-server={}", socket.display())).arg(url));
        let remote = connect(&socket);
        let mut picture = Picture::new(film_len);
        let (mut screening, mut seen) = (Self::default(), 0);
        while begin.elapsed() < PATIENCE && (screening.player_end.is_none() || screening.last_piece.is_none()) {
            while let Ok(event) = remote.try_recv() {
                screening.hear_player(&event, begin.elapsed());
            }
            for event in &viewer.history()[seen..] {
                screening.hear_engine(event, begin.elapsed());
            }
            seen = viewer.history().len();
            picture.draw(&screening, begin.elapsed());
            if screening.player_end.is_none() && player.wait(Duration::ZERO).is_some() {
                // It has left without a word.
                screening.player_end = Some(begin.elapsed());
            }
            thread::sleep(Duration::from_millis(100));
        }
        picture.draw_last(&screening, begin.elapsed());
        screening
    }

    fn hear_player(&mut self, event: &Value, now: Duration) {
        match event["event"].as_str() {
            // mpv says so once the first picture and sound after opening or a seek are out.
            Some("playback-restart") if self.first_picture.is_none() => self.first_picture = Some(now),
            Some("end-file") => {
                self.player_end = Some(now);
                self.end_reason = event["reason"].as_str().unwrap_or("no reason given").to_owned();
            }
            Some("property-change") => match (event["name"].as_str(), &event["data"]) {
                (Some("time-pos"), Value::Number(seconds)) => self.position = seconds.as_f64().unwrap_or(self.position),
                (Some("paused-for-cache"), Value::Bool(true)) if self.first_picture.is_some() => self.stalls += 1,
                _ => {}
            },
            _ => {}
        }
    }

    fn hear_engine(&mut self, event: &Value, now: Duration) {
        match event["event"].as_str() {
            Some("progress") => self.progress = event.clone(),
            Some("done") => self.last_piece = Some(now),
            Some("error") => eprintln!("\nengine: {event}"),
            _ => {}
        }
    }

    fn proofs(&self, url: &str, path: &Path, film_rate: u64) -> Vec<Proof> {
        let clip = f64::from(CLIP.seconds);
        let early = match (self.first_picture, self.last_piece) {
            (Some(first), Some(last)) => first < last / 4,
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        let ended = self.end_reason == "eof" && self.position > clip - 1.5;
        let copied = compare(url, path);
        vec![
            Proof {
                says: format!(
                    "the first picture at {}, the last piece at {}",
                    at(self.first_picture),
                    at(self.last_piece)
                ),
                holds: early,
            },
            Proof {
                says: format!("{} stalls at a film rate of {}", self.stalls, rate(film_rate)),
                holds: self.stalls == 0,
            },
            Proof {
                says: format!(
                    "the player reached {:.1} s of {clip} s and ended with {:?}",
                    self.position, self.end_reason
                ),
                holds: ended,
            },
            match copied {
                Ok(len) => Proof { says: format!("all {len} bytes over HTTP are the host's"), holds: true },
                Err(difference) => Proof { says: difference, holds: false },
            },
        ]
    }
}

/// Opens mpv's JSON IPC and asks for what the picture shows; its events come out of the channel.
fn connect(socket: &Path) -> Receiver<Value> {
    let mut stream = within(SOON, "mpv opens its socket", || UnixStream::connect(socket).ok());
    for (id, name) in (1..).zip(["time-pos", "paused-for-cache"]) {
        let observe = json!({ "command": ["observe_property", id, name] });
        writeln!(stream, "{observe}").expect("mpv reads its socket");
    }
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Some(event) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { return };
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The live picture: two lines on a terminal, a line every five seconds elsewhere.
struct Picture {
    film_len: u64,
    is_terminal: bool,
    last_line: Option<Duration>,
}

impl Picture {
    fn new(film_len: u64) -> Self {
        Self { film_len, is_terminal: std::io::stdout().is_terminal(), last_line: None }
    }

    fn draw(&mut self, screening: &Screening, now: Duration) {
        if self.is_terminal {
            let figures = Self::figures(screening, now);
            print!("\r\x1b[2K{}\n\r\x1b[2K{figures}\x1b[1A", self.bar(screening, 72));
            // A terminal that went away is no reason to stop measuring.
            drop(std::io::stdout().flush());
        } else if self.last_line.is_none_or(|last| now - last >= Duration::from_secs(5)) {
            self.last_line = Some(now);
            println!("{}  {}", self.bar(screening, 32), Self::figures(screening, now));
        }
    }

    fn draw_last(&mut self, screening: &Screening, now: Duration) {
        self.last_line = None;
        self.draw(screening, now);
        println!("{}", if self.is_terminal { "\n" } else { "" });
    }

    /// What is verified, and where the player is in it. Bytes stand for time: the clip has one rate.
    fn bar(&self, screening: &Screening, cells: u64) -> String {
        let ranges: Vec<(u64, u64)> = serde_json::from_value(screening.progress["ranges"].clone()).unwrap_or_default();
        let playhead = screening.position / f64::from(CLIP.seconds);
        let cell = |cell: u64| {
            let (start, end) = (self.film_len * cell / cells, self.film_len * (cell + 1) / cells);
            let here: u64 =
                ranges.iter().map(|&(first, last)| last.min(end).saturating_sub(first.max(start))).sum::<u64>();
            let share = start as f64 / self.film_len as f64;
            let next = end as f64 / self.film_len as f64;
            if screening.first_picture.is_some() && (share..next).contains(&playhead) {
                '▶'
            } else if here == end - start {
                '█'
            } else if here > 0 {
                '▒'
            } else {
                '·'
            }
        };
        format!("[{}]", (0..cells).map(cell).collect::<String>())
    }

    fn figures(screening: &Screening, now: Duration) -> String {
        let progress = &screening.progress;
        format!(
            "{:5.1} s  here {:3.0} %  in {:>10}  playing {:4.1} s  stalls {}",
            now.as_secs_f64(),
            progress["downloaded"].as_f64().unwrap_or(0.0) * 100.0,
            rate(progress["speed"].as_u64().unwrap_or(0)),
            screening.position,
            screening.stalls,
        )
    }
}

/// Reads the film from the viewer's engine, as any player would, and holds it against the host's file.
fn compare(url: &str, path: &Path) -> Result<u64, String> {
    let expected = fs::read(path).map_err(|error| format!("the clip cannot be read: {error}"))?;
    let (head, mut body) = http::open(url, &[]);
    if head.status != 200 {
        return Err(format!("the viewer's engine answers {}", head.status));
    }
    let mut got = Vec::new();
    body.read_to_end(&mut got).map_err(|error| format!("after {} bytes: {error}", got.len()))?;
    let same = got.iter().zip(&expected).take_while(|(left, right)| left == right).count();
    match (same == expected.len(), got.len() == expected.len()) {
        (true, true) => Ok(got.len() as u64),
        (_, false) => Err(format!("{} bytes came instead of {}", got.len(), expected.len())),
        (false, true) => Err(format!("byte {same} differs")),
    }
}

fn report(screening: &Screening, proofs: &[Proof], line_rate: u64, film_len: u64) {
    println!("What was promised, and what happened:");
    for proof in proofs {
        println!("  {} {}", if proof.holds { "✓" } else { "✗" }, proof.says);
    }
    let fastest = Duration::from_secs_f64(film_len as f64 / line_rate as f64);
    println!("\nThe line alone needs {:.1} s for the whole film;", fastest.as_secs_f64());
    println!("waiting for all of it would have cost that much before the first picture.");
    println!("The player ended {} after the magnet was given.", at(screening.player_end));
}

fn at(moment: Option<Duration>) -> String {
    moment.map_or_else(|| "never".to_owned(), |moment| format!("{:.2} s", moment.as_secs_f64()))
}

fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn rate(bytes_per_second: u64) -> String {
    format!("{:.0} kB/s", bytes_per_second as f64 / 1e3)
}
