//! libtorrent, from PyPI, as seeder and leecher: `python/lt_peer.py` beside this package, driven by JSON lines.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::SOON;
use crate::process::Program;

/// A running libtorrent session.
pub struct LibTorrent {
    program: Program,
    read: usize,
    port: u16,
}

/// Which hashes a torrent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Those of BEP 3.
    One,
    /// Those of BEP 52.
    Two,
    /// Both of them, with files padded to whole pieces (BEP 47).
    Both,
}

/// What libtorrent seeds.
#[derive(Clone, Debug)]
pub struct Seeding {
    /// 40 hexadecimal digits.
    pub infohash: String,
    /// As libtorrent writes it: infohash and name.
    pub magnet: String,
    /// How many pieces.
    pub piece_count: u64,
}

/// What libtorrent insists on.
#[derive(Clone, Copy, Debug)]
pub enum Encrypt {
    /// An encrypted handshake and plaintext after it.
    Handshake,
    /// RC4 throughout.
    Everything,
}

impl LibTorrent {
    /// Starts one.
    pub fn start() -> Self {
        let script = crate::built::package_dir().join("python/lt_peer.py");
        let program = Program::start(Command::new(python()).arg("-u").arg(script));
        let mut session = Self { program, read: 0, port: 0 };
        let ready = session.wait_for("ready", SOON);
        session.port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        session
    }

    /// Where other peers on this machine reach it.
    pub fn peer_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port peers reach it at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a torrent of version 1 of a file or folder, writes its `.torrent`, and seeds it.
    pub fn seed(&mut self, path: &Path, piece_len: u32, torrent: &Path) -> Seeding {
        self.seed_as(Version::One, path, piece_len, torrent)
    }

    /// The same in another version.
    pub fn seed_as(&mut self, version: Version, path: &Path, piece_len: u32, torrent: &Path) -> Seeding {
        let version = match version {
            Version::One => "v1",
            Version::Two => "v2",
            Version::Both => "hybrid",
        };
        let order =
            json!({ "op": "seed", "version": version, "path": path, "pieceLength": piece_len, "torrent": torrent });
        self.send(&order);
        let event = self.wait_for("seeding", SOON);
        let text = |field: &str| event[field].as_str().expect("text").to_owned();
        let piece_count = event["pieces"].as_u64().expect("a number");
        Seeding { infohash: text("infoHash"), magnet: text("magnet"), piece_count }
    }

    /// Downloads into `folder`. `source` is a magnet or the path of a `.torrent`.
    pub fn add(&mut self, source: &str, folder: &Path, peers: &[String]) {
        let field = if source.starts_with("magnet:") { "magnet" } else { "torrent" };
        self.send(&json!({ "op": "add", field: source, "dir": folder, "peers": peers }));
    }

    /// From now on it speaks to nobody but in that way.
    pub fn insist(&mut self, encrypt: Encrypt) {
        let level = match encrypt {
            Encrypt::Handshake => 1,
            Encrypt::Everything => 2,
        };
        self.send(&json!({ "op": "encrypt", "level": level }));
    }

    /// Limits what it sends, in bytes a second.
    pub fn limit_upload(&mut self, bytes_per_second: u64) {
        self.send(&json!({ "op": "limit", "upload": bytes_per_second }));
    }

    /// Waits until a download is complete.
    pub fn wait_done(&mut self) {
        self.wait_for("done", SOON);
    }

    /// Its connections: `address`, `client`, and `pieces`, the share that the other side has.
    pub fn peers(&mut self) -> Vec<Value> {
        self.send(&json!({ "op": "peers" }));
        self.wait_for("peers", SOON)["peers"].as_array().expect("a list").clone()
    }

    fn send(&mut self, command: &Value) {
        writeln!(self.program.stdin(), "{command}").expect("lt_peer.py reads its commands");
    }

    fn wait_for(&mut self, name: &str, limit: Duration) -> Value {
        let until = Instant::now() + limit;
        while let Some(line) = self.program.stdout.wait(self.read, until) {
            self.read += 1;
            let event: Value = serde_json::from_slice(&line).expect("lt_peer.py prints JSON");
            assert_ne!(event["ev"], "error", "libtorrent: {event}");
            if event["ev"] == name {
                return event;
            }
        }
        panic!("libtorrent did not say `{name}` within {limit:?}\n{}", self.program.stderr.text());
    }
}

/// The interpreter that has libtorrent: `SHARESTREAM_PYTHON`, or the one in the environment that `./test` makes.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("SHARESTREAM_PYTHON") {
        return PathBuf::from(python);
    }
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    let python = cache.join("sharestream/venv/bin/python");
    assert!(python.is_file(), "{} is missing: run ./test once, it installs libtorrent there", python.display());
    python
}
