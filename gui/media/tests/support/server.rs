//! An HTTP server for one file, which answers ranges and can be made to stall.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Serves until the test's process ends.
pub(crate) struct Server {
    url: String,
    state: Arc<State>,
}

struct State {
    bytes: Vec<u8>,
    gate: Mutex<Gate>,
    moved: Condvar,
}

/// What is kept back.
struct Gate {
    /// Bytes from here on are not sent.
    upto: usize,
    /// Not even heads are sent.
    mute: bool,
}

/// Sent at once.
const CHUNK: usize = 16 * 1024;

impl Server {
    pub(crate) fn of(path: &Path) -> Self {
        Self::of_bytes(std::fs::read(path).unwrap())
    }

    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/film", listener.local_addr().unwrap());
        let gate = Mutex::new(Gate { upto: usize::MAX, mute: false });
        let state = Arc::new(State { bytes, gate, moved: Condvar::new() });
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&accepting);
                // A client that goes away ends its thread.
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn len(&self) -> usize {
        self.state.bytes.len()
    }

    /// Bytes from there on come later.
    pub(crate) fn stall_from(&self, upto: usize) {
        self.state.gate.lock().unwrap().upto = upto;
    }

    /// Nothing is answered.
    pub(crate) fn mute(&self) {
        self.state.gate.lock().unwrap().mute = true;
    }

    /// Everything comes.
    pub(crate) fn go_on(&self) {
        *self.state.gate.lock().unwrap() = Gate { upto: usize::MAX, mute: false };
        self.state.moved.notify_all();
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream_out = stream.try_clone().ok()?;
        let mut lines = BufReader::new(stream).lines();
        loop {
            let request = lines.next()?.ok()?;
            let mut from = None;
            loop {
                let line = lines.next()?.ok()?.to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    from = range.split('-').next()?.parse::<usize>().ok();
                }
            }
            let all = self.bytes.len();
            let start = from.unwrap_or(0).min(all);
            let status = if from.is_some() { "206 Partial Content" } else { "200 OK" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\nContent-Length: {}\r\n\
                 Content-Range: bytes {start}-{}/{all}\r\n\r\n",
                all - start,
                all.saturating_sub(1)
            );
            drop(self.moved.wait_while(self.gate.lock().unwrap(), |gate| gate.mute).unwrap());
            stream_out.write_all(head.as_bytes()).ok()?;
            if request.starts_with("HEAD") {
                continue;
            }
            let mut at = start;
            while at < all {
                let gate = self.moved.wait_while(self.gate.lock().unwrap(), |gate| gate.upto <= at).unwrap();
                let end = (at + CHUNK).min(all).min(gate.upto);
                drop(gate);
                stream_out.write_all(&self.bytes[at..end]).ok()?;
                at = end;
            }
        }
    }
}
