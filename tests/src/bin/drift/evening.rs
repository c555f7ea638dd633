//! An evening with four people, with everything that happens to people: what is done when, and which part of it counts.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::net::{Addresses, Host, Network};
use tests::screen::display::WINDOWS;
use tests::screen::figures::{in_step, start_spread};
use tests::screen::sound::Recording;
use tests::screen::stage::{CLOCKS, Stage};
use tests::screen::watch::{Seen, Watch};
use tests::signal::Server;
use tests::{SOON, free_port};

use crate::person::{Person, Ticket};
use crate::profile::Profile;
use crate::report::{Evening, Part, Start};

const NAMES: [&str; WINDOWS] = ["Ana", "Bea", "Cem", "Dora"];

/// Who is suspended, and who comes late. Window 0 is the host's.
const SLEEPER: usize = 2;
const LATECOMER: usize = 3;

/// How it is measured.
pub(crate) struct Plan {
    pub(crate) film: PathBuf,
    pub(crate) folder: PathBuf,
    /// How long the film plays undisturbed.
    pub(crate) soak: Duration,
    /// Without a server, the host, or a process.
    pub(crate) outage: Duration,
    /// Only starts, seeks and the soak.
    pub(crate) calm: bool,
    /// Everybody has the app's window, and not mpv's.
    pub(crate) in_windows: bool,
}

/// One evening over one network.
pub(crate) fn spend(plan: &Plan, stage: &Stage, profile: &Profile) -> Evening {
    let mut network = Network::new().expect("this needs networks of its own: unset SHARESTREAM_NO_NAMESPACES");
    let machines: Vec<Host> = (0..WINDOWS)
        .map(|_| match profile.line {
            Some(line) => network.far_host(Addresses::All, line),
            None => network.host(Addresses::All),
        })
        .collect();
    let folder = plan.folder.join(profile.name);
    std::fs::create_dir_all(&folder).expect("the folder takes folders");
    let port = free_port();
    // One secret, so that the server knows its people again after it was gone.
    let flags = ["-secret", "the secret of an evening with four people"];
    let server = Server::start_on(port, &flags, &[]);
    let watch = Watch::start(stage.display.clone());
    let begin = Instant::now() - watch.now();
    let recording = stage.sound.record(&folder.join("sound.pcm"));
    let address = format!("http://{}:{port}", network.address());
    let mut course = Course {
        plan,
        stage,
        machines: &machines,
        folder: &folder,
        address,
        begin,
        watch,
        code: String::new(),
        people: Vec::new(),
        parts: Vec::new(),
        commands: Vec::new(),
        meetings: Vec::new(),
    };
    course.gather();
    course.starts_and_seeks();
    course.soak();
    if !plan.calm {
        course.late_join();
        course.suspended();
        let mut server = Some(server);
        course.without_server(|on| {
            // Dropping it is SIGKILL.
            server = None;
            if on {
                server = Some(Server::start_on(port, &flags, &[]));
            }
        });
        course.without_host();
    }
    course.end(recording)
}

/// An evening under way.
struct Course<'a> {
    plan: &'a Plan,
    stage: &'a Stage,
    machines: &'a [Host],
    folder: &'a Path,
    address: String,
    begin: Instant,
    watch: Watch,
    code: String,
    people: Vec<Option<Person>>,
    parts: Vec<Part>,
    /// What should start everybody, and from when to when that is looked for.
    commands: Vec<(String, Range<Duration>, Vec<usize>)>,
    /// Who came or came back, and how: part, window, the moment, and until when it is looked at.
    meetings: Vec<(usize, String, usize, Duration, Duration)>,
}

impl Course<'_> {
    fn come(&self, window: usize, words: &[&str]) -> Person {
        let ticket = Ticket {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            name: NAMES[window],
            window,
            server: &self.address,
            clock: CLOCKS[window],
            folder: self.folder,
            in_window: self.plan.in_windows,
            begin: self.begin,
        };
        Person::come(&self.machines[window], self.stage, &ticket)
    }

    fn person(&mut self, window: usize) -> &mut Person {
        self.people[window].as_mut().expect("they are there")
    }

    /// Everybody comes and is ready.
    fn gather(&mut self) {
        let film = self.plan.film.to_str().expect("a plain path").to_owned();
        let host = self.come(0, &["host", &film]);
        self.code = host.sees(SOON, "the room's code", |view| Some(view["code"].as_str()?.to_owned()));
        println!("  room {}", self.code);
        self.people.push(Some(host));
        for window in 1..WINDOWS {
            let code = self.code.clone();
            self.people.push(Some(self.come(window, &["join", &code])));
        }
        // The host sees everybody's state, the others their own.
        self.person(0).sees(SOON, "all four ready", |view| {
            let people = view["people"].as_array()?;
            let ready = people.iter().filter(|person| person["state"]["is"] == "ready").count();
            (ready == WINDOWS).then_some(())
        });
    }

    fn starts_and_seeks(&mut self) {
        self.starting("start", &json!({ "cmd": "play" }), 10);
        self.pausing();
        self.starting("start after a pause", &json!({ "cmd": "play" }), 10);
        for (number, to) in [100, 30, 200, 201, 5].into_iter().enumerate() {
            self.starting(&format!("seek {}", number + 1), &json!({ "cmd": "seek", "to": to }), 12);
        }
    }

    fn soak(&mut self) {
        let windows = (0..WINDOWS).collect();
        self.part("undisturbed", windows, |course| thread::sleep(course.plan.soak));
    }

    /// One leaves, and comes again while the film runs.
    fn late_join(&mut self) {
        self.starting("seek 6", &json!({ "cmd": "seek", "to": 20 }), 5);
        self.people[LATECOMER].take().expect("they are there").leaves();
        thread::sleep(Duration::from_secs(4));
        self.part("somebody joins", vec![0, 1, SLEEPER], |course| {
            let from = course.watch.now();
            let code = course.code.clone();
            course.people[LATECOMER] = Some(course.come(LATECOMER, &["join", &code]));
            thread::sleep(Duration::from_secs(30));
            course.meeting("from coming", LATECOMER, from);
        });
    }

    /// A machine sleeps, or so it looks: the app stands while its player goes on.
    fn suspended(&mut self) {
        let others = (0..WINDOWS).filter(|&window| window != SLEEPER).collect();
        self.part("somebody suspended", others, |course| {
            course.person(SLEEPER).signal("STOP");
            thread::sleep(Duration::from_secs(20).min(course.plan.outage));
            course.person(SLEEPER).signal("CONT");
            let from = course.watch.now();
            thread::sleep(Duration::from_secs(20));
            course.meeting("from going on", SLEEPER, from);
        });
    }

    fn without_server(&mut self, mut server: impl FnMut(bool)) {
        let windows: Vec<usize> = (0..WINDOWS).collect();
        self.part("without a server", windows.clone(), |course| {
            server(false);
            thread::sleep(course.plan.outage);
            server(true);
        });
        self.part("the server back", windows, |course| {
            thread::sleep(Duration::from_secs(25));
            let back =
                course.people.iter().flatten().filter(|person| person.view()["server"]["connected"] == true).count();
            course.note(format!("{back} of {WINDOWS} are back in the room"));
        });
        self.starting("start after the outage", &json!({ "cmd": "seek", "to": 60 }), 12);
    }

    /// The host's machine fails, and they come back.
    fn without_host(&mut self) {
        let others: Vec<usize> = (1..WINDOWS).collect();
        self.part("without the host", others.clone(), |course| {
            let outlived = course.people[0].take().expect("they are there").fails();
            course.note(format!("the player {} the app", if outlived { "outlives" } else { "ends with" }));
            thread::sleep(course.plan.outage.min(Duration::from_secs(20)));
            let runs =
                course.people.iter().flatten().filter(|person| person.view()["playback"]["running"] == true).count();
            course.note(format!("{runs} of {} go on watching", WINDOWS - 1));
        });
        let windows = (0..WINDOWS).collect();
        self.part("the host back", others, |course| {
            let from = course.watch.now();
            let code = course.code.clone();
            // Their settings still hold what makes them the host again.
            course.people[0] = Some(course.come(0, &["join", &code]));
            thread::sleep(Duration::from_secs(30));
            course.meeting("from coming", 0, from);
        });
        let role = self.person(0).view()["role"].as_str().unwrap_or("nobody").to_owned();
        self.note(format!("who was the host is {role}"));
        self.starting_by(0, "start after the host's return", &json!({ "cmd": "seek", "to": 90 }), windows, 10);
    }

    /// A command of the host after which everybody starts, and some seconds that count.
    fn starting(&mut self, what: &str, command: &Value, seconds: u64) {
        self.starting_by(0, what, command, (0..WINDOWS).collect(), seconds);
    }

    fn starting_by(&mut self, who: usize, what: &str, command: &Value, windows: Vec<usize>, seconds: u64) {
        let said = self.watch.now();
        println!("  {:7.2} {what}", said.as_secs_f64());
        self.person(who).wants(command);
        self.commands.push((what.to_owned(), said..said + Duration::from_secs(seconds), windows.clone()));
        self.part("starts and seeks", windows, |_| thread::sleep(Duration::from_secs(seconds)));
    }

    fn pausing(&mut self) {
        self.person(0).wants(&json!({ "cmd": "pause" }));
        for window in 0..WINDOWS {
            self.person(window).sees(SOON, "the film stand", |view| {
                (view["playback"]["state"] == "paused" && view["playback"]["running"] == false).then_some(())
            });
        }
        thread::sleep(Duration::from_secs(2));
        let at: Vec<_> = self.stage.display.look().iter().map(|frame| frame.map(i32::from)).collect();
        println!("  paused at frames {at:?}");
    }

    fn part(&mut self, name: &'static str, windows: Vec<usize>, run: impl FnOnce(&mut Self)) {
        let from = self.watch.now();
        println!("  {:7.2} {name}", from.as_secs_f64());
        self.parts.push(Part { name, during: from..from, windows, notes: Vec::new() });
        run(self);
        let part = self.parts.last_mut().expect("it was just put there");
        part.during.end = self.watch.now();
    }

    fn note(&mut self, words: String) {
        self.parts.last_mut().expect("a part is under way").notes.push(words);
    }

    fn meeting(&mut self, how: &str, window: usize, from: Duration) {
        let part = self.parts.len() - 1;
        self.meetings.push((part, how.to_owned(), window, from, self.watch.now()));
    }

    fn end(mut self, recording: Recording) -> Evening {
        for person in self.people.drain(..).flatten().rev() {
            person.leaves();
        }
        let seen = self.watch.end();
        keep(&seen, &self.folder.join("seen.csv"));
        let (recorded, mut heard) = recording.end();
        let later = recorded.saturating_duration_since(seen.begin);
        heard.iter_mut().flatten().for_each(|heard| heard.at += later);
        let mut parts = self.parts;
        for (part, how, window, from, until) in self.meetings {
            parts[part].notes.push(meeting_text(&seen, &how, window, from, until));
        }
        let spread = |(what, window, windows): (String, Range<Duration>, Vec<usize>)| {
            let spread = start_spread(&seen.windows, &windows, &window);
            Start { what, spread }
        };
        let starts = self.commands.into_iter().map(spread).collect();
        Evening { parts, starts, seen, heard }
    }
}

/// Every change of every window: when, in seconds, which window, which frame.
fn keep(seen: &Seen, file: &Path) {
    let mut text = String::from("t,window,frame\n");
    for (window, trace) in seen.windows.iter().enumerate() {
        for step in trace.steps() {
            let frame = step.frame.map_or(String::new(), |frame| frame.to_string());
            text += &format!("{:.4},{window},{frame}\n", step.at.as_secs_f64());
        }
    }
    std::fs::write(file, text).expect("the folder takes files");
}

/// How long it took somebody to show a picture, and to be in step with somebody who was there all the time.
fn meeting_text(seen: &Seen, how: &str, window: usize, from: Duration, until: Duration) -> String {
    let (trace, other) = (&seen.windows[window], &seen.windows[1]);
    let seconds = |at: Option<Duration>| at.map_or("never".into(), |at| format!("{:.1} s", (at - from).as_secs_f64()));
    let picture = trace.steps().iter().find(|step| step.at >= from && step.frame.is_some()).map(|step| step.at);
    let met = in_step(trace, other, from, until, 100.0);
    format!("{how} to a picture {}, to being within 100 ms {}", seconds(picture), seconds(met))
}
