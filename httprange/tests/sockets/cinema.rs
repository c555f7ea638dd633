//! A library of made-up films, and a client that speaks raw bytes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncSeek, SeekFrom};
use httprange::{FileResource, Found, Library, Limits, Server};

/// Long enough for a loaded machine; only a failing test takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const FILM_LEN: u64 = 1_000_000;

/// The byte at a place of every film.
pub(crate) fn byte_at(position: u64) -> u8 {
    position.wrapping_mul(167).wrapping_add(position >> 8).to_le_bytes()[0]
}

pub(crate) fn bytes(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(byte_at).collect()
}

/// What sources tell a test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Opened,
    /// A reader waits at this place; said once.
    Waits(u64),
    Dropped,
}

/// `film.mkv` is there; `late.mkv` waits at [`Films::release`]'s place; `short.mkv` ends at half its length; `broken.mkv`
/// fails there; `empty.mkv` has no byte; `gone.mkv` is unavailable; `-/status` is a text.
pub(crate) struct Films {
    gate: Arc<Gate>,
    notes: Sender<Note>,
}

/// Readers wait until the place is released.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<(u64, Vec<Waker>)>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Waker>)> {
        self.state.lock().unwrap()
    }

    /// Lets readers read up to `position`.
    pub(crate) fn release(&self, position: u64) {
        let wakers = {
            let mut state = self.lock();
            state.0 = position;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Library for Films {
    type Source = Film;

    fn find(&self, path: &str) -> Found<Film> {
        let (len, ends, fails, gate) = match path {
            "film.mkv" | "a b/ф.mkv" => (FILM_LEN, FILM_LEN, false, None),
            "late.mkv" => (FILM_LEN, FILM_LEN, false, Some(Arc::clone(&self.gate))),
            "short.mkv" => (FILM_LEN, FILM_LEN / 2, false, None),
            "broken.mkv" => (FILM_LEN, FILM_LEN / 2, true, None),
            "empty.mkv" => (0, 0, false, None),
            "gone.mkv" => return Found::Unavailable("the file changed".to_owned()),
            "-/status" => return Found::Text { content_type: "application/json", body: "{\"up\":1}".to_owned() },
            "panic" => panic!("a library with a mistake"),
            _ => return Found::Nothing,
        };
        let notes = self.notes.clone();
        let open = move || {
            tell(&notes, Note::Opened);
            Film { position: 0, waits_at: None, ends, fails, gate, notes }
        };
        Found::File(FileResource { len, etag: "v1".to_owned(), content_type: "video/x-matroska", open: Box::new(open) })
    }
}

pub(crate) struct Film {
    position: u64,
    waits_at: Option<u64>,
    ends: u64,
    fails: bool,
    gate: Option<Arc<Gate>>,
    notes: Sender<Note>,
}

impl AsyncRead for Film {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut until = self.ends;
        if let Some(gate) = self.gate.clone() {
            let mut state = gate.lock();
            if state.0 <= self.position {
                state.1.push(cx.waker().clone());
                drop(state);
                if self.waits_at != Some(self.position) {
                    self.waits_at = Some(self.position);
                    tell(&self.notes, Note::Waits(self.position));
                }
                return Poll::Pending;
            }
            until = until.min(state.0);
        }
        let room = (into.len() as u64).min(until.saturating_sub(self.position));
        if room == 0 && self.fails {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let given = usize::try_from(room).unwrap();
        for (byte, position) in into[..given].iter_mut().zip(self.position..) {
            *byte = byte_at(position);
        }
        self.position += room;
        Poll::Ready(Ok(given))
    }
}

impl AsyncSeek for Film {
    fn poll_seek(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let SeekFrom::Start(position) = to else { panic!("seeks are from the start") };
        self.position = position;
        Poll::Ready(Ok(position))
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        tell(&self.notes, Note::Dropped);
    }
}

/// The test may have ended and taken its end of the channel along.
fn tell(notes: &Sender<Note>, note: Note) {
    notes.send(note).ok();
}

/// A server with its films, and what the films tell.
pub(crate) struct Cinema {
    pub(crate) server: Server,
    pub(crate) gate: Arc<Gate>,
    pub(crate) notes: Receiver<Note>,
}

impl Cinema {
    pub(crate) fn open() -> Self {
        Self::open_with(Limits::default())
    }

    pub(crate) fn open_with(limits: Limits) -> Self {
        let (sender, notes) = channel();
        let gate = Arc::new(Gate::default());
        let films = Films { gate: Arc::clone(&gate), notes: sender };
        let server = Server::start_with(0, Arc::new(films), limits).unwrap();
        Self { server, gate, notes }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(SocketAddr::from(([127, 0, 0, 1], self.server.port())))
    }

    /// The next note of the films.
    pub(crate) fn note(&self) -> Note {
        self.notes.recv_timeout(PATIENCE).expect("the film does something")
    }

    /// Waits until a source was dropped.
    pub(crate) fn wait_for_drop(&self) {
        while self.note() != Note::Dropped {}
    }
}

pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// A GET with a right host and further lines, each with its end.
    pub(crate) fn get(&mut self, path: &str, lines: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"));
    }

    pub(crate) fn head(&mut self) -> Head {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            assert!(line.ends_with("\r\n"), "cut off in the head: {lines:?} {line:?}");
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        Head { lines }
    }

    pub(crate) fn body(&mut self, len: u64) -> Vec<u8> {
        let mut body = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        body
    }

    /// A head and the body that it announces.
    pub(crate) fn answer(&mut self) -> (Head, Vec<u8>) {
        let head = self.head();
        let body = self.body(head.content_length());
        (head, body)
    }

    /// The first bytes of an answer's body, which may be longer.
    pub(crate) fn answer_start(&mut self, len: u64) -> Vec<u8> {
        self.head();
        self.body(len)
    }

    /// What still comes until the server ends the connection; a reset is an end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the connection does not end: {error}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Head {
    lines: Vec<String>,
}

impl Head {
    pub(crate) fn status(&self) -> u16 {
        self.lines[0].split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.lines.iter().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':').unwrap();
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn content_length(&self) -> u64 {
        self.field("content-length").unwrap().parse().unwrap()
    }
}
