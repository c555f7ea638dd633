//! aria2 and transmission, each as seeder and leecher, told of peers by a tracker only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::process::{Program, find};
use crate::{free_port, scratch};

/// `aria2c` on one torrent. It speaks of ports on the command line only, so it gets one that was free a moment ago.
pub struct Aria2 {
    program: Program,
    port: u16,
}

impl Aria2 {
    /// Downloads into `folder` and ends when it is complete.
    pub fn leech(source: &str, folder: &Path) -> Self {
        Self::start(source, folder, &["--seed-time=0", "--bt-save-metadata=false"])
    }

    /// Checks what lies in `folder` and seeds it until dropped.
    pub fn seed(torrent: &Path, folder: &Path) -> Self {
        let torrent = torrent.to_str().expect("temporary folders have plain names");
        Self::start(torrent, folder, &["--check-integrity=true", "--seed-ratio=0.0", "--bt-seed-unverified=false"])
    }

    /// As [`Aria2::leech`], and speaks to nobody but encrypted.
    pub fn leech_encrypted(source: &str, folder: &Path) -> Self {
        Self::start(source, folder, &["--seed-time=0", "--bt-save-metadata=false", "--bt-require-crypto=true"])
    }

    /// As [`Aria2::seed`], and speaks to nobody but encrypted, with everything in RC4.
    pub fn seed_encrypted(torrent: &Path, folder: &Path) -> Self {
        let torrent = torrent.to_str().expect("temporary folders have plain names");
        let seed = ["--check-integrity=true", "--seed-ratio=0.0", "--bt-seed-unverified=false"];
        Self::start(torrent, folder, &[&seed[..], &["--bt-force-encryption=true"]].concat())
    }

    fn start(source: &str, folder: &Path, more: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new(find("aria2c"));
        command.args(["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"]);
        command.args(["--enable-peer-exchange=false", "--file-allocation=none", "--allow-overwrite=true"]);
        command.args(["--summary-interval=0", "--console-log-level=warn", "--bt-stop-timeout=60"]);
        command.arg(format!("--listen-port={port}")).arg("--dir").arg(folder).args(more).arg(source);
        // It keeps its cookies and node tables in the home folder; not in the developer's.
        command.env("HOME", folder);
        Self { program: Program::start(&mut command), port }
    }

    /// The port peers reach it at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the end of a download.
    pub fn must_finish(self, limit: Duration) {
        self.program.must_succeed(limit);
    }
}

/// `transmission-cli` on one torrent. It goes on seeding when it is done; dropping it ends it.
pub struct Transmission {
    program: Program,
    port: u16,
    settings: TempDir,
}

impl Transmission {
    /// Downloads into `folder`.
    pub fn leech(source: &str, folder: &Path) -> Self {
        Self::start(source, folder, &[])
    }

    /// Checks what lies in `folder` and seeds it.
    pub fn seed(torrent: &Path, folder: &Path) -> Self {
        Self::start(torrent.to_str().expect("temporary folders have plain names"), folder, &["--verify"])
    }

    /// As [`Transmission::leech`], and speaks to nobody but encrypted.
    pub fn leech_encrypted(source: &str, folder: &Path) -> Self {
        Self::start(source, folder, &["--encryption-required"])
    }

    /// As [`Transmission::seed`], and speaks to nobody but encrypted.
    pub fn seed_encrypted(torrent: &Path, folder: &Path) -> Self {
        let torrent = torrent.to_str().expect("temporary folders have plain names");
        Self::start(torrent, folder, &["--verify", "--encryption-required"])
    }

    fn start(source: &str, folder: &Path, more: &[&str]) -> Self {
        let (port, settings) = (free_port(), scratch());
        let quiet = json!({
            "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
            "port-forwarding-enabled": false, "peer-port": port, "rpc-enabled": false,
            "preallocation": 0, "speed-limit-up-enabled": false, "speed-limit-down-enabled": false,
        });
        fs::write(settings.path().join("settings.json"), quiet.to_string()).expect("the test's folder takes files");
        // It runs this when a download is complete, and says so in no better way.
        let finish = settings.path().join("finish.sh");
        fs::write(&finish, format!("#!/bin/sh\ntouch '{}'\n", settings.path().join("done").display()))
            .expect("the test's folder takes files");
        make_executable(&finish);
        let mut command = Command::new(find("transmission-cli"));
        command.arg("--config-dir").arg(settings.path()).arg("--download-dir").arg(folder);
        command.arg("--port").arg(port.to_string()).arg("--finish").arg(&finish).arg("--no-portmap");
        command.args(more).arg(source).env("HOME", settings.path());
        Self { program: Program::start(&mut command), port, settings }
    }

    /// The port peers reach it at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until a download is complete.
    pub fn wait_done(&self, limit: Duration) {
        let done: PathBuf = self.settings.path().join("done");
        let start = std::time::Instant::now();
        while !done.exists() {
            let output = || format!("{}\n{}", self.program.stdout.text(), self.program.stderr.text());
            assert!(start.elapsed() < limit, "transmission is not done within {limit:?}\n{}", output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}
