//! `sharestream-engine` as a child process, spoken to as any front end would.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::{Kind, given_or_built};
use crate::process::Program;
#[cfg(target_os = "linux")]
use crate::process::find;
use crate::{SOON, scratch};

/// What keeps a test to itself: ports the system chooses, and nothing that looks for strangers.
pub const ALONE: [&str; 7] =
    ["-http-port=0", "-listen-port=0", "-dht=off", "-lsd=off", "-upnp=off", "-utp=off", "-webrtc=off"];

/// A running engine. Its data folder, when it made one, and its process go with the value.
pub struct Engine {
    program: Program,
    /// Every event so far, oldest first, as printed.
    history: Vec<Value>,
    /// Whether [`Engine::wait_for`] has handed the event of that place out.
    taken: Vec<bool>,
    data_dir: Option<TempDir>,
    http_port: u16,
    listen_port: u16,
}

impl Engine {
    /// Starts one with [`ALONE`], a data folder of its own and `more`, and waits until it is ready.
    pub fn start(more: &[&str]) -> Self {
        let data_dir = scratch();
        let mut engine = Self::start_in(data_dir.path(), more);
        engine.data_dir = Some(data_dir);
        engine
    }

    /// As [`Engine::start`], with downloads in a folder that outlives it.
    pub fn start_in(data_dir: &Path, more: &[&str]) -> Self {
        let data_dir = data_dir.to_str().expect("temporary folders have plain names");
        let mut arguments = ALONE.to_vec();
        arguments.extend(["-data-dir", data_dir]);
        arguments.extend(more);
        Self::start_plain(&arguments)
    }

    /// As [`Engine::start`], bound by permissions also where the test runs as root.
    #[cfg(target_os = "linux")]
    pub fn start_unprivileged(more: &[&str]) -> Self {
        let data_dir = scratch();
        let folder = data_dir.path().to_str().expect("temporary folders have plain names");
        let arguments = [ALONE.as_slice(), &["-data-dir", folder], more].concat();
        let mut command = Command::new(binary());
        if rustix::process::geteuid().is_root() {
            // What lets root read anything; without it even root is only the owner of its files.
            let without = "-dac_override,-dac_read_search";
            command = Command::new(find("setpriv"));
            command.args(["--bounding-set", without, "--inh-caps", without]).arg(binary());
        }
        let mut engine = Self::run(command.args(arguments));
        engine.await_ready();
        engine.data_dir = Some(data_dir);
        engine
    }

    /// Starts one with exactly these arguments and waits until it is ready.
    pub fn start_plain(arguments: &[&str]) -> Self {
        let mut engine = Self::spawn(arguments);
        engine.await_ready();
        engine
    }

    fn await_ready(&mut self) {
        let ready = self.wait_for("ready", SOON, |_| true);
        let port = |field: &str| ready[field].as_u64().and_then(|port| u16::try_from(port).ok());
        self.http_port = port("httpPort").expect("ready names the HTTP port");
        self.listen_port = port("listenPort").expect("ready names the peers' port");
    }

    /// Starts one with exactly these arguments and waits for nothing.
    pub fn spawn(arguments: &[&str]) -> Self {
        Self::spawn_with(arguments, &[])
    }

    /// As [`Engine::spawn`], with these variables in its environment.
    pub fn spawn_with(arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).envs(environment.iter().copied());
        Self::run(&mut command)
    }

    fn run(command: &mut Command) -> Self {
        for variable in ["DEBUG", "LOG_LEVEL", "RUST_LOG"] {
            // One of the test's own stays.
            if !command.get_envs().any(|(name, _)| name == variable) {
                command.env_remove(variable);
            }
        }
        Self {
            program: Program::start(command),
            history: Vec::new(),
            taken: Vec::new(),
            data_dir: None,
            http_port: 0,
            listen_port: 0,
        }
    }

    /// The port of its HTTP server, as `ready` named it.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Where other peers on this machine reach it.
    pub fn peer_address(&self) -> String {
        format!("127.0.0.1:{}", self.listen_port)
    }

    /// The port peers reach it at.
    pub fn listen_port(&self) -> u16 {
        self.listen_port
    }

    /// Sends one command.
    pub fn send(&mut self, command: &Value) {
        self.send_bytes(format!("{command}\n").as_bytes());
    }

    /// Sends these bytes as they are. The line feed is the caller's.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.program.stdin();
        let sent = stdin.write_all(bytes).and_then(|()| stdin.flush());
        if let Err(error) = sent {
            panic!("the engine reads no commands: {error}\n{}", self.report());
        }
    }

    /// Seeds a file and waits until it is shared; the `seeding` event.
    pub fn seed(&mut self, path: &Path) -> Value {
        self.send(&json!({ "cmd": "seed", "filePath": path }));
        self.wait_for_or_error("seeding", SOON, |_| true)
    }

    /// Adds a torrent with the fields of `command` beside `cmd`, and waits until its files are known; the `added` event.
    pub fn add(&mut self, mut command: Value) -> Value {
        command["cmd"] = json!("add");
        self.send(&command);
        self.wait_for_or_error("added", SOON, |_| true)
    }

    /// The first event of that name not yet handed out for which `wanted` holds. Waits `limit` for it; panics with all that
    /// was said when it does not come.
    pub fn wait_for(&mut self, name: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + limit;
        self.take_until(until, |event| event["event"] == name && wanted(event))
            .unwrap_or_else(|| panic!("no such `{name}` within {limit:?}\n{}", self.report()))
    }

    /// As [`Engine::wait_for`], and panics at once when an `error` comes instead.
    pub fn wait_for_or_error(&mut self, name: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let event = self
            .take_until(Instant::now() + limit, |event| {
                event["event"] == "error" || (event["event"] == name && wanted(event))
            })
            .unwrap_or_else(|| panic!("no such `{name}` within {limit:?}\n{}", self.report()));
        assert_eq!(event["event"], name, "instead of `{name}`: {event}\n{}", self.report());
        event
    }

    /// The first event not yet handed out that carries this `id`.
    pub fn answer(&mut self, id: &Value) -> Value {
        self.take_until(Instant::now() + SOON, |event| event.get("id") == Some(id))
            .unwrap_or_else(|| panic!("no answer to command {id}\n{}", self.report()))
    }

    /// Sends a command and returns the error that answers it.
    pub fn refused(&mut self, mut command: Value, id: u64) -> Value {
        command["id"] = json!(id);
        self.send(&command);
        let event = self.take_until(Instant::now() + SOON, |event| event["event"] == "error" && event["id"] == id);
        event.unwrap_or_else(|| panic!("{command} was not refused\n{}", self.report()))
    }

    /// The engine's own report on everything.
    pub fn status(&mut self) -> Value {
        self.send(&json!({ "cmd": "status", "id": "harness-status" }));
        self.wait_for("status", SOON, |event| event["id"] == "harness-status")
    }

    /// Every event so far, oldest first, whether it was waited for or not.
    pub fn history(&mut self) -> &[Value] {
        while self.read_event(Instant::now()) {}
        &self.history
    }

    /// Everything on its stderr so far.
    pub fn log(&self) -> String {
        self.program.stderr.text()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.program.close_stdin();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.program.terminate();
    }

    /// Its exit status, once it has ended; panics when it does not within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let status = self.program.wait(limit);
        // What it said last, and a check that it was JSON.
        while self.read_event(Instant::now()) {}
        status.unwrap_or_else(|| panic!("the engine still runs after {limit:?}\n{}", self.report()))
    }

    /// `quit`, and an exit with 0.
    pub fn quit(mut self) {
        self.send(&json!({ "cmd": "quit" }));
        let status = self.wait_exit(SOON);
        assert!(status.success(), "{status}\n{}", self.report());
    }

    fn take_until(&mut self, until: Instant, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let mut next = 0;
        loop {
            while next < self.history.len() {
                if !self.taken[next] && wanted(&self.history[next]) {
                    self.taken[next] = true;
                    return Some(self.history[next].clone());
                }
                next += 1;
            }
            if !self.read_event(until) {
                return None;
            }
        }
    }

    /// Reads one more line of stdout; false when none comes until then. Panics on a line that is no event: the contract is
    /// that nothing else is ever printed there.
    fn read_event(&mut self, until: Instant) -> bool {
        let Some(line) = self.program.stdout.wait(self.history.len(), until) else { return false };
        let event = serde_json::from_slice::<Value>(&line).ok().filter(|event| event["event"].is_string());
        let Some(event) = event else {
            panic!("stdout holds a line that is no event: {}\n{}", String::from_utf8_lossy(&line), self.report())
        };
        self.history.push(event);
        self.taken.push(false);
        true
    }

    fn report(&self) -> String {
        let skip = self.history.len().saturating_sub(30);
        let events: String = self.history.iter().skip(skip).map(|event| format!("  {event}\n")).collect();
        let log = self.program.stderr.text();
        let log_tail: Vec<&str> = log.lines().rev().take(40).collect();
        let log_tail: String = log_tail.iter().rev().map(|line| format!("  {line}\n")).collect();
        format!("events:\n{events}log:\n{log_tail}")
    }
}

/// The engine's binary: `SHARESTREAM_ENGINE`, or the one of the profile these tests were built with, built when it is
/// missing or old.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| given_or_built("SHARESTREAM_ENGINE", "sharestream-engine", Kind::Binary("sharestream-engine")))
}
