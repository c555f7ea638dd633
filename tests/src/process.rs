//! Children of a test: their output is collected, and they die with the value that holds them.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The lines a child has printed so far on one of its outputs.
#[derive(Clone, Default)]
pub struct Lines {
    inner: Arc<(Mutex<Printed>, Condvar)>,
}

#[derive(Default)]
struct Printed {
    lines: Vec<Vec<u8>>,
    ended: bool,
}

impl Lines {
    /// Line number `index`, without its line feed; waits for it. `None` when the output ended or `until` came first.
    pub fn wait(&self, index: usize, until: Instant) -> Option<Vec<u8>> {
        let (printed, changed) = &*self.inner;
        let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = printed.lines.get(index) {
                return Some(line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if printed.ended || left.is_zero() {
                return None;
            }
            printed = changed.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything so far, as text.
    pub fn text(&self) -> String {
        let printed = self.inner.0.lock().unwrap_or_else(PoisonError::into_inner);
        printed.lines.iter().map(|line| String::from_utf8_lossy(line) + "\n").collect()
    }

    fn collect(self, output: impl Read + Send + 'static) -> JoinHandle<()> {
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let (printed, changed) = &*self.inner;
            loop {
                let mut line = Vec::new();
                let read = output.read_until(b'\n', &mut line).unwrap_or(0);
                let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
                if read == 0 {
                    printed.ended = true;
                    changed.notify_all();
                    return;
                }
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                printed.lines.push(line);
                changed.notify_all();
            }
        })
    }
}

/// A running program. Dropping it ends it: it, and no other.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    readers: Vec<JoinHandle<()>>,
    /// What it printed.
    pub stdout: Lines,
    /// What it complained about.
    pub stderr: Lines,
}

impl Program {
    /// Starts `command` with all three streams piped.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start ({error}); ./test installs what is missing"));
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![
            stdout.clone().collect(child.stdout.take().expect("stdout is piped")),
            stderr.clone().collect(child.stderr.take().expect("stderr is piped")),
        ];
        Self { name, stdin: child.stdin.take(), child, readers, stdout, stderr }
    }

    /// Its standard input, until [`Program::close_stdin`].
    pub fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("standard input was closed before")
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as `kill` and service managers do.
    pub fn terminate(&self) {
        let status = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.id())]).status();
        assert!(status.expect("sh is there").success(), "{} was gone before SIGTERM", self.name);
    }

    /// Its exit status, once it has ended and its outputs are read to the end; `None` after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child can be waited for") {
                for reader in self.readers.drain(..) {
                    // A reader cannot panic, and a grandchild that holds the pipe open is nobody's business here.
                    drop(reader.join());
                }
                return Some(status);
            }
            if start.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it ends by itself; panics with all its output when it does not, or not with 0.
    pub fn must_succeed(mut self, limit: Duration) -> (String, String) {
        let status = self.wait(limit);
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        match status {
            Some(status) if status.success() => (stdout, stderr),
            Some(status) => panic!("{} ended with {status}\n{stdout}\n{stderr}", self.name),
            None => panic!("{} still runs after {limit:?}\n{stdout}\n{stderr}", self.name),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where a program lies; panics when it is not installed.
pub fn find(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH is set");
    // Servers of Debian's are where only root's shell looks.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{tool} is not installed: run ./test once, it installs what is missing"))
}
