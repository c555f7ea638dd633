//! `sharestream --headless` as a child process: a participant, driven as any program would drive it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::{Kind, given_or_built};
use crate::process::Program;
use crate::screen::stage::Stage;
use crate::{SOON, scratch};

/// A running app. It and its folder go with the value.
pub struct App {
    program: Program,
    /// Lines of stdout that were read.
    read: usize,
    /// Everything it told but views, oldest first.
    pub told: Vec<Value>,
    view: Value,
    folder: TempDir,
}

impl App {
    /// Hosts a film; `more` are flags after ours.
    pub fn host(name: &str, film: &str, more: &[&str]) -> Self {
        Self::start(name, &[&["host", film], more].concat(), &[])
    }

    /// Joins by a code or link.
    pub fn join(name: &str, invite: &str, more: &[&str]) -> Self {
        Self::start(name, &[&["join", invite], more].concat(), &[])
    }

    /// Any command line, with these variables in its environment. Settings and downloads lie in a folder of its own.
    pub fn start(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_in(scratch(), name, &[arguments, &["--headless"]].concat(), variables)
    }

    /// With a window of its own on a screen, in that place of it, that shows nothing but the film. Everything else is the same.
    pub fn window(stage: &Stage, window: usize, name: &str, arguments: &[&str]) -> Self {
        Self::window_in(scratch(), stage, window, name, arguments)
    }

    /// Any command line that opens a window.
    pub fn start_in_window(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_in(scratch(), name, arguments, variables)
    }

    /// The same once more in the folder of one that ended.
    pub fn window_in(folder: TempDir, stage: &Stage, window: usize, name: &str, arguments: &[&str]) -> Self {
        let flags = stage.window_flags(window);
        let arguments: Vec<&str> = arguments.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        let variables = stage.window_variables(window);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::start_in(folder, name, &arguments, &variables)
    }

    fn start_in(folder: TempDir, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let path = |part: &str| folder.path().join(part).display().to_string();
        let mut command = Command::new(binary());
        command.args(arguments).args(["--every", "50", "--name", name, "--low-power", "off"]);
        command.args(["--settings", &path("settings"), "--data-dir", &path("films")]);
        command.args(["--listen-port", "0", "--http-port", "0"]).current_dir(folder.path());
        for name in ["SERVER_URL", "DEBUG", "LOG_LEVEL"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let program = Program::start(&mut command);
        Self { program, read: 0, told: Vec::new(), view: Value::Null, folder }
    }

    /// Sends one command.
    pub fn send(&mut self, command: &Value) {
        // One that has ended is noticed by what it does not tell.
        let _ = writeln!(self.program.stdin(), "{command}");
    }

    /// The newest view that was told.
    pub fn view(&mut self) -> &Value {
        while self.read_line(Instant::now()) {}
        &self.view
    }

    /// Waits until it shows that; panics with `what`.
    pub fn sees(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.sees_within(SOON, what, is_so)
    }

    /// The same with another patience.
    pub fn sees_within(&mut self, limit: Duration, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            if is_so(&self.view) {
                return self.view.clone();
            }
            let more = self.read_line(deadline);
            assert!(more || is_so(&self.view), "never saw {what}: {}\n{:?}\n{}", self.view, self.told, self.stderr());
        }
    }

    /// Waits for an event of that name that is so, also one that was told before.
    pub fn hears(&mut self, event: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        let mut looked = 0;
        loop {
            for told in self.told.iter().skip(looked) {
                if told["event"] == event && is_so(told) {
                    return told.clone();
                }
            }
            looked = self.told.len();
            assert!(self.read_line(deadline), "never told {event}: {:?}\n{}\n{}", self.told, self.view, self.stderr());
        }
    }

    /// The link for others, once the room is open.
    pub fn link(&mut self) -> String {
        self.hears("room", |_| true)["webLink"].as_str().expect("a room has a server").to_owned()
    }

    /// The room's code.
    pub fn code(&mut self) -> String {
        self.hears("room", |_| true)["code"].as_str().expect("a room has a code").to_owned()
    }

    /// Ends it as an accident does, and keeps its folder.
    pub fn dies(self) -> TempDir {
        let Self { program, folder, .. } = self;
        drop(program);
        folder
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// What it said on stderr.
    pub fn stderr(&self) -> String {
        self.program.stderr.text()
    }

    /// What its window wrote into its log.
    pub fn log(&self) -> String {
        let file = self.folder.path().join("settings/sharestream.log");
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.program.terminate();
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status();
        assert!(status.expect("sh is there").success(), "it is gone: {}", self.stderr());
    }

    /// Closes its stdin, the wish to leave.
    pub fn close_stdin(&mut self) {
        self.program.close_stdin();
    }

    /// How it ended.
    pub fn exit(&mut self, limit: Duration) -> ExitStatus {
        let status = self.program.wait(limit);
        status.unwrap_or_else(|| panic!("it does not end: {:?}\n{}", self.told, self.stderr()))
    }

    /// Leaves in good order.
    pub fn leaves(mut self) {
        self.send(&json!({"cmd": "leave"}));
        let status = self.exit(Duration::from_secs(5));
        assert!(status.success(), "{status}: {}", self.stderr());
    }

    fn read_line(&mut self, until: Instant) -> bool {
        let Some(line) = self.program.stdout.wait(self.read, until) else { return false };
        self.read += 1;
        let told: Value = serde_json::from_slice(&line)
            .unwrap_or_else(|error| panic!("no JSON: {error}: {:?}", String::from_utf8_lossy(&line)));
        if told["event"] == "view" {
            self.view = told;
        } else {
            self.told.push(told);
        }
        true
    }
}

/// Built with this profile, or given by `SHARESTREAM_APP`.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| given_or_built("SHARESTREAM_APP", "sharestream", Kind::Binary("sharestream")))
}
