//! One person: the app without a screen of its own, on a machine of its own, its player in a window of the stage.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::app;
use tests::net::Host;
use tests::process::Program;
use tests::screen::stage::Stage;
use tests::within;

/// How a person comes.
pub(crate) struct Ticket<'a> {
    /// `host FILE` or `join CODE`.
    pub(crate) words: Vec<String>,
    pub(crate) name: &'a str,
    /// Whose place of the screen the player takes.
    pub(crate) window: usize,
    pub(crate) server: &'a str,
    /// A clock's offset and drift, for `SHARESTREAM_CLOCK`.
    pub(crate) clock: &'a str,
    /// Where its files are, and its log.
    pub(crate) folder: &'a Path,
    /// The film is in the app's own window, and not in one of mpv.
    pub(crate) in_window: bool,
    /// When the measurement began: the log counts from there.
    pub(crate) begin: Instant,
}

/// A person who is there. Dropping them ends their program as an accident would.
pub(crate) struct Person {
    program: Program,
    last: Arc<Mutex<Value>>,
    pub(crate) name: String,
}

impl Person {
    /// Starts the app on that machine.
    pub(crate) fn come(machine: &Host, stage: &Stage, ticket: &Ticket<'_>) -> Self {
        let home = ticket.folder.join(ticket.name);
        std::fs::create_dir_all(&home).expect("the folder takes folders");
        let mut paths = vec![stage.mpv(ticket.window)];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").expect("PATH is set")));
        let mut command = Command::new(app::binary());
        command.args(&ticket.words).args(["--every", "100", "--low-power", "off"]);
        if ticket.in_window {
            command.args(stage.window_flags(ticket.window)).envs(stage.window_variables(ticket.window));
        } else {
            command.args(["--headless", "--player", "mpv"]);
        }
        command.args(["--server", ticket.server, "--name", ticket.name]);
        // Every event of the room, with its time: what a cause is looked for in.
        command.arg("--settings").arg(home.join("settings")).args([
            "--log-level",
            "debug",
            "--http-port",
            "0",
            "--listen-port",
            "0",
        ]);
        command.arg("--data-dir").arg(home.join("data"));
        command.env("PATH", std::env::join_paths(paths).expect("folders without colons")).env("HOME", &home);
        command.env("XDG_CONFIG_HOME", home.join("config")).env("XDG_STATE_HOME", home.join("state"));
        command.env("XDG_CACHE_HOME", home.join("cache")).env("SHARESTREAM_CLOCK", ticket.clock);
        let program = machine.inside(|| Program::start(&mut command));
        let last = Arc::new(Mutex::new(Value::Null));
        let log = File::options().create(true).append(true).open(home.join("said.jsonl")).expect("a log");
        follow(&program, log, ticket.begin, Arc::clone(&last));
        Self { program, last, name: ticket.name.to_owned() }
    }

    /// Commands the app. One that has ended by itself is told nothing, and what is measured shows that it is gone.
    pub(crate) fn wants(&mut self, command: &Value) {
        let line = format!("{command}\n");
        if let Err(error) = self.program.stdin().write_all(line.as_bytes()) {
            println!("  {} does not listen ({error}):\n{}", self.name, self.program.stderr.text());
        }
    }

    /// The room as this person sees it; `null` before anything was said.
    pub(crate) fn view(&self) -> Value {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the view is so; panics with the last one.
    pub(crate) fn sees<T>(&self, limit: Duration, what: &str, is_so: impl Fn(&Value) -> Option<T>) -> T {
        let start = Instant::now();
        within(Duration::MAX, what, || {
            let view = self.view();
            let seen = is_so(&view);
            let why = self.program.stderr.text();
            assert!(seen.is_some() || start.elapsed() < limit, "{} does not see {what}: {view:#}\n{why}", self.name);
            seen
        })
    }

    /// Sends a signal, by its name without `SIG`, to the app alone.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.program.id().to_string()]).status();
        assert!(status.expect("kill is there").success(), "{} is gone", self.name);
    }

    /// Ends the app with SIGKILL, and then whatever it left running, as a machine's failure does: whether the player was still
    /// there five seconds later.
    pub(crate) fn fails(self) -> bool {
        let app = self.program.id();
        let children = children(app);
        drop(self);
        thread::sleep(Duration::from_secs(5));
        let left: Vec<String> =
            children.into_iter().filter(|child| Path::new(&format!("/proc/{child}")).exists()).collect();
        for child in &left {
            // It may end by itself just now.
            drop(Command::new("kill").args(["-KILL", child]).status());
        }
        !left.is_empty()
    }

    /// Leaves in good order.
    pub(crate) fn leaves(mut self) {
        self.wants(&json!({ "cmd": "leave" }));
        let status = self.program.wait(Duration::from_secs(10));
        assert!(status.is_some(), "{} is still there: {}", self.name, self.program.stderr.text());
    }
}

/// The processes that a process's threads started.
fn children(parent: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).expect("Linux lists threads");
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let all: String = threads.flatten().map(of_thread).collect();
    all.split_whitespace().map(str::to_owned).collect()
}

/// Keeps what the app says: the last view for us, all of it with its time for whoever looks for causes.
fn follow(program: &Program, mut log: File, begin: Instant, last: Arc<Mutex<Value>>) {
    let lines = program.stdout.clone();
    thread::spawn(move || {
        let far = Instant::now() + Duration::from_secs(86_400);
        for index in 0.. {
            let Some(line) = lines.wait(index, far) else { return };
            let Ok(mut said) = serde_json::from_slice::<Value>(&line) else { continue };
            said["t"] = begin.elapsed().as_secs_f64().into();
            // A log that cannot be written is missed later, by people.
            drop(writeln!(log, "{said}"));
            if said["event"] == "view" {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = said;
            }
        }
    });
}
