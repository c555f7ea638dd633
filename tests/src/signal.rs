//! `sharestream-signal` as a child process, and the program that its protocols' own suites test against.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::built::{Kind, given_or_built};
use crate::http;
use crate::process::Program;
use crate::{SOON, within};

/// A running server on loopback. Dropping it ends it with SIGKILL, as [`Server::kill`] does.
pub struct Server {
    program: Program,
    port: u16,
}

impl Server {
    /// Starts one on a port of the system's choice and waits until it answers. `flags` come after ours.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    /// The same with these variables, and no others, in its environment.
    pub fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_on(0, flags, environment)
    }

    /// Starts one on this port: where another one was, for clients that come back to it.
    pub fn start_on(port: u16, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let program = spawn(&[&["-port", &port.to_string()], flags].concat(), environment);
        let port = within(SOON, "the server says where it listens", || {
            let log = program.stderr.text();
            let (_, after) = log.split_once(" listens at ")?;
            let (address, _) = after.split_once(": ")?;
            address.rsplit_once(':')?.1.parse().ok()
        });
        let server = Self { program, port };
        server.health();
        server
    }

    /// Where it listens, over TCP and UDP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What `/health` says.
    pub fn health(&self) -> Value {
        let response = http::get(&self.url("/health"));
        assert_eq!(response.head.status, 200, "{:?}", response.head);
        serde_json::from_slice(&response.body).expect("/health is JSON")
    }

    /// One of the numbers of `/metrics`, without what all their names begin with.
    pub fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(http::get(&self.url("/metrics")).body).expect("/metrics is text");
        let row = format!("sharestream_signal_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(row.as_str())?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    /// The most memory it ever had, in bytes (`VmHWM`).
    pub fn memory_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).expect("Linux says");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a process has a peak");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kib * 1024
    }

    /// Everything on its stderr so far.
    pub fn log(&self) -> String {
        self.program.stderr.text()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.program.terminate();
    }

    /// Its exit status, once it has ended; panics when it does not within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let status = self.program.wait(limit);
        status.unwrap_or_else(|| panic!("the server still runs after {limit:?}\n{}", self.log()))
    }

    /// Ends it with SIGKILL, as an accident would.
    pub fn kill(self) {}
}

/// Runs the server with exactly these words until it ends by itself: its status, its stdout and its stderr.
pub fn run(words: &[&str], environment: &[(&str, &str)]) -> (ExitStatus, String, String) {
    let mut program = spawn(words, environment);
    let status = program.wait(SOON);
    let (stdout, stderr) = (program.stdout.text(), program.stderr.text());
    let status = status.unwrap_or_else(|| panic!("the server still runs with {words:?}\n{stderr}"));
    (status, stdout, stderr)
}

/// Starts the server with exactly these words, and waits for nothing.
pub fn spawn(words: &[&str], environment: &[(&str, &str)]) -> Program {
    Program::start(Command::new(binary()).args(words).env_clear().envs(environment.iter().copied()))
}

/// The server's binary: `SHARESTREAM_SIGNAL`, or the one of the profile these tests were built with.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| given_or_built("SHARESTREAM_SIGNAL", "sharestream-signal", Kind::Binary("sharestream-signal")))
}

/// The binary of `sharestream-room`: `SHARESTREAM_ROOM`, or as above.
pub fn room_binary() -> PathBuf {
    given_or_built("SHARESTREAM_ROOM", "sharestream-signal-client", Kind::Binary("sharestream-room"))
}

/// The echo servers of `protocol_fixture`: Engine.IO under `/engine.io/`, Socket.IO under `/socket.io/`.
pub struct Fixture {
    _program: Program,
    port: u16,
}

impl Fixture {
    /// Starts it on a port of the system's choice.
    pub fn start() -> Self {
        static BINARY: OnceLock<PathBuf> = OnceLock::new();
        let kind = Kind::Example("protocol_fixture");
        let binary = BINARY.get_or_init(|| given_or_built("SHARESTREAM_SIGNAL_FIXTURE", "sharestream-signal", kind));
        let program = Program::start(Command::new(binary).arg("0"));
        let line = program.stdout.wait(0, Instant::now() + SOON).expect("the fixture says its port");
        let line = String::from_utf8_lossy(&line).into_owned();
        let port = line.rsplit(' ').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Self { _program: program, port }
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}
