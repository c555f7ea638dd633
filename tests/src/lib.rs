//! The harness for everything that crosses processes: the real engine and signalling server, stock clients, players.
//!
//! A test says what happens; what it needs for that is here:
//!
//! | module | what |
//! | --- | --- |
//! | [`app`] | `sharestream` as a child process: a participant |
//! | [`terminal`] | the same in a terminal, in front of a person |
//! | [`engine`] | the engine as a child process: commands in, events out |
//! | [`signal`] | the signalling server as a child process |
//! | [`guest`] | a Socket.IO client of our own hand, for its rooms |
//! | [`scene`] | a room of it that goes on while something is done to the server |
//! | [`screen`] | a screen and ears for several players at once: how far they are apart |
//! | [`websocket`] | a WebSocket by hand, for what no honest client sends |
//! | [`disk`] | small disks, for those who may mount |
//! | [`http`] | a blocking HTTP client that shows every byte |
//! | [`stock_tracker`] | other people's tracker, over HTTP and UDP |
//! | [`certificates`] | an authority of a test's own |
//! | [`tracker`] | a tracker of one thread, with peers the test names |
//! | [`seeder`] | a hand-written seeder that can lie, wait and remember |
//! | [`attacker`] | peers that mean harm |
//! | [`metafile`] | `.torrent` files made without the engine's own code |
//! | [`film`] | files: random, sparse, and clips that players play |
//! | [`libtorrent`], [`stock`] | other people's clients |
//! | [`process`] | children that die with their test |
//!
//! A harness fails its test by panicking, so functions here return values, not results. Everything is on loopback,
//! on ports the system chose, in folders of its own; nothing is skipped when a tool is missing: `./test` installs it.

pub mod app;
pub mod attacker;
pub mod built;
pub mod certificates;
pub mod disk;
pub mod engine;
pub mod film;
pub mod guest;
pub mod http;
pub mod libtorrent;
pub mod makers;
pub mod metafile;
#[cfg(target_os = "linux")]
pub mod net;
pub mod process;
pub mod scene;
#[cfg(target_os = "linux")]
pub mod screen;
pub mod seeder;
pub mod signal;
pub mod stock;
pub mod stock_tracker;
pub mod terminal;
pub mod tracker;
pub mod websocket;

use std::net::{IpAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

/// How long anything that should simply happen may take. Far beyond what it needs: two cores run several tests at once.
pub const SOON: Duration = Duration::from_secs(60);

/// A folder that vanishes with the value.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("sharestream-test-").tempdir().expect("the system's temporary folder takes files")
}

/// Asks again and again until `ask` has an answer; panics with `what` when there is none within `limit`.
///
/// For what cannot be waited on: the state of another process, a file it writes.
pub fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that was free a moment ago, for programs that cannot be asked which one they got.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// This machine's own address beyond loopback. Transmission takes no peer at 127.0.0.0/8 from a tracker, and the engine
/// dials no loopback address that only a magnet names.
pub fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a UDP socket");
    // Connecting a UDP socket sends nothing: it asks the routing table which address of ours would be used.
    socket.connect("198.51.100.1:9").expect("these tests need a network interface besides loopback");
    socket.local_addr().expect("a connected socket has an address").ip()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
