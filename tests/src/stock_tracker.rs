//! Trackers of others, on one port over HTTP and UDP: npm's bittorrent-tracker (`node/tracker.mjs` beside this package), and one
//! that behaves like opentracker (`python/open_tracker.py`).

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::SOON;
use crate::process::Program;

/// Runs until dropped.
pub struct StockTracker {
    _program: Program,
    port: u16,
}

impl StockTracker {
    /// Starts npm's on loopback.
    pub fn start() -> Self {
        let script = crate::built::package_dir().join("node/tracker.mjs");
        let port = crate::free_port().to_string();
        Self::run(Command::new("node").arg(script).arg(installed("bittorrent-tracker")).arg(port))
    }

    /// Starts the one that behaves like opentracker.
    pub fn start_open() -> Self {
        let script = crate::built::package_dir().join("python/open_tracker.py");
        Self::run(Command::new("python3").arg("-u").arg(script))
    }

    fn run(command: &mut Command) -> Self {
        let program = Program::start(command);
        let line = program.stdout.wait(0, Instant::now() + SOON);
        let line = line.unwrap_or_else(|| panic!("the tracker says its port\n{}", program.stderr.text()));
        let ready: Value = serde_json::from_slice(&line).expect("it prints JSON");
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Self { _program: program, port }
    }

    /// Where to announce over HTTP.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}/announce", self.port)
    }

    /// Where to announce in datagrams.
    pub fn udp_url(&self) -> String {
        format!("udp://127.0.0.1:{}/announce", self.port)
    }
}

/// The folder that `./test` installs npm's packages in, where this one must be.
pub fn installed(package: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    let folder = cache.join("sharestream/node");
    let is_there = folder.join("node_modules").join(package).is_dir();
    assert!(is_there, "{} is missing: run ./test once, it installs {package} there", folder.display());
    folder
}
