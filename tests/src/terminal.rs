//! `sharestream` in a terminal of some size, as a person sits in front of it.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::app::binary;
use crate::process::{Program, find};
use crate::{SOON, scratch};

/// A terminal (`script`'s) with a running app. Both go with the value.
pub struct Terminal {
    program: Program,
    /// Lines that were looked at.
    read: usize,
    _folder: TempDir,
}

impl Terminal {
    /// Any command line in a terminal of so many columns and lines. Settings and downloads lie in a folder of its own.
    pub fn start((columns, lines): (u16, u16), name: &str, arguments: &[&str]) -> Self {
        let folder = scratch();
        let path = |part: &str| folder.path().join(part).display().to_string();
        let (settings, films) = (path("settings"), path("films"));
        let own = ["--name", name, "--low-power", "off", "--settings", &settings, "--data-dir", &films];
        let ports = ["--listen-port", "0", "--http-port", "0", "--player", "null"];
        let app = binary().display().to_string();
        let words: Vec<String> =
            [&[app.as_str()], arguments, &own, &ports].concat().iter().map(|word| quoted(word)).collect();
        // What the terminal is like afterwards is told by the terminal itself.
        let line = format!("trap : INT; stty cols {columns} rows {lines}; {}; echo EXIT $?; stty -a", words.join(" "));
        let mut command = Command::new(find("script"));
        command.args(["-q", "-f", "-e", "-c", &line, "/dev/null"]).current_dir(folder.path());
        command.env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8").env("TERM", "xterm").env("SHELL", "/bin/sh");
        for name in ["SERVER_URL", "DEBUG", "LOG_LEVEL", "NO_COLOR"] {
            command.env_remove(name);
        }
        Self { program: Program::start(&mut command), read: 0, _folder: folder }
    }

    /// Presses keys.
    pub fn types(&mut self, keys: &str) {
        let stdin = self.program.stdin();
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("the terminal is there");
    }

    /// Waits for a line with that, after those that were waited for before; panics with all that was shown.
    pub fn shows(&mut self, text: &str) -> String {
        let deadline = Instant::now() + SOON;
        while let Some(line) = self.program.stdout.wait(self.read, deadline) {
            self.read += 1;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if line.contains(text) {
                return line;
            }
        }
        panic!("it never showed {text:?}:\n{}", self.program.stdout.text())
    }

    /// Waits until the app has ended, and the terminal is as it was; its exit code.
    pub fn ends(mut self) -> i32 {
        let told = self.shows("EXIT ");
        let (_, code) = told.split_once("EXIT ").expect("it was just found");
        let code = code.trim().parse().expect("a shell tells a number");
        self.program.wait(Duration::from_secs(10)).expect("nothing is left in the terminal");
        let shown = self.program.stdout.text();
        let (_, after) = shown.split_once("EXIT ").expect("it was just found");
        for mode in [" icanon", " echo "] {
            assert!(after.contains(mode), "the terminal was left without{mode}:\n{after}");
        }
        code
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
