//! A seeder written by hand, straight from BEP 3: it can lie about chosen blocks, hold back, and remembers what it was
//! asked for. It speaks no extension, so it needs a leecher that has the metainfo.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::metafile::Metafile;

/// What a seeder does beside seeding.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Blocks it answers with a flipped bit: piece, offset.
    pub corrupt: BTreeSet<(u32, u32)>,
    /// How long each block takes.
    pub block_takes: Duration,
    /// Has nothing at first; [`Seeder::open_gate`] makes it announce everything with `have`.
    pub gated: bool,
}

impl Manners {
    /// Lies about every block of these pieces.
    pub fn corrupting(metafile: &Metafile, pieces: &[u32]) -> Self {
        let blocks = |&piece: &u32| {
            let len = metafile.piece(piece).len();
            (0..len).step_by(BLOCK_LEN).map(move |at| (piece, u32::try_from(at).expect("a piece is below 4 GiB")))
        };
        Self { corrupt: pieces.iter().flat_map(blocks).collect(), ..Self::default() }
    }
}

/// A request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Piece number.
    pub piece: u32,
    /// Offset in the piece.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
}

/// Runs until dropped.
pub struct Seeder {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    metafile: Metafile,
    manners: Manners,
    closing: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    gate_open: bool,
    served: Vec<Served>,
    connections: usize,
    /// Connections that the other side has ended.
    dropped: usize,
}

impl Seeder {
    /// Starts one on loopback.
    pub fn start(metafile: &Metafile, manners: Manners) -> Self {
        Self::start_at(IpAddr::V4(Ipv4Addr::LOCALHOST), metafile, manners)
    }

    /// Starts one at that address, which must be this machine's: on Linux all of 127.0.0.0/8 is.
    pub fn start_at(ip: IpAddr, metafile: &Metafile, manners: Manners) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            metafile: metafile.clone(),
            manners,
            closing: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// `host:port`.
    pub fn peer_address(&self) -> String {
        self.address.to_string()
    }

    /// Announces everything.
    pub fn open_gate(&self) {
        self.shared.update(|state| state.gate_open = true);
    }

    /// Every request answered so far, in order.
    pub fn served(&self) -> Vec<Served> {
        self.shared.update(|state| state.served.clone())
    }

    /// How often somebody shook hands, whether they are still here or not.
    pub fn connections(&self) -> usize {
        self.shared.update(|state| state.connections)
    }

    /// Waits until every byte of `piece` was sent at least once.
    pub fn wait_served(&self, piece: u32, limit: Duration) {
        let len = self.shared.metafile.piece(piece).len();
        self.wait(limit, "the piece is asked for", |state| {
            let mut of_piece: Vec<_> = state.served.iter().filter(|served| served.piece == piece).collect();
            of_piece.sort_by_key(|served| served.offset);
            let covered = of_piece.iter().fold(0, |covered, served| {
                let reaches = served.offset + served.len;
                if served.offset <= covered { covered.max(reaches) } else { covered }
            });
            covered as usize == len
        });
    }

    /// Waits until the other side has hung up `times`.
    pub fn wait_dropped(&self, times: usize, limit: Duration) {
        self.wait(limit, "the other side hangs up", |state| state.dropped >= times);
    }

    fn wait(&self, limit: Duration, what: &str, mut until: impl FnMut(&State) -> bool) {
        let end = Instant::now() + limit;
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !until(&state) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {limit:?}: {what}; served so far: {:?}", state.served);
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Seeder {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes the thread from `accept`; when that fails it is awake already.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

const BLOCK_LEN: usize = 16 * 1024;

const UNCHOKE: u8 = 1;
const HAVE: u8 = 4;
const BITFIELD: u8 = 5;
const REQUEST: u8 = 6;
const PIECE: u8 = 7;

impl Shared {
    fn update<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let result = with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        result
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            if shared.closing.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            scope.spawn(move || {
                // How a leecher leaves is recorded; why is its own affair.
                drop(serve(&stream, shared));
                shared.update(|state| state.dropped += 1);
            });
        }
    });
}

fn serve(stream: &TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    // Short, so that the thread notices the seeder's end.
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    stream.set_nodelay(true)?;
    let mut reader = Patient { stream, shared };
    let mut hello = [0; 68];
    reader.read_exact(&mut hello)?;
    let mut writer = stream;
    // BEP 3: "\x13BitTorrent protocol", eight reserved bytes, infohash, peer id. No reserved bit: no extension.
    let mut answer = [b"\x13BitTorrent protocol".as_slice(), &[0; 8], &shared.metafile.infohash()].concat();
    answer.extend(format!("-XX0001-{:0>12}", stream.local_addr()?.port()).into_bytes());
    if hello[28..48] != shared.metafile.infohash() {
        return Ok(());
    }
    writer.write_all(&answer)?;
    shared.update(|state| state.connections += 1);
    let count = shared.metafile.piece_count();
    let mut announced = !shared.manners.gated;
    if announced {
        let mut bits = vec![0u8; (count as usize).div_ceil(8)];
        (0..count as usize).for_each(|piece| bits[piece / 8] |= 0x80 >> (piece % 8));
        send(writer, BITFIELD, &bits)?;
    }
    send(writer, UNCHOKE, &[])?;
    loop {
        if !announced && shared.update(|state| state.gate_open) {
            announced = true;
            (0..count).try_for_each(|piece| send(writer, HAVE, &piece.to_be_bytes()))?;
        }
        let Some((id, payload)) = reader.frame()? else { continue };
        if id == REQUEST && announced {
            answer_request(writer, shared, &payload)?;
        }
    }
}

fn answer_request(stream: &TcpStream, shared: &Shared, payload: &[u8]) -> std::io::Result<()> {
    let field = |at: usize| payload.get(at..at + 4).map(|raw| u32::from_be_bytes(raw.try_into().expect("four bytes")));
    let (Some(piece), Some(offset), Some(len)) = (field(0), field(4), field(8)) else {
        return Err(std::io::ErrorKind::InvalidData.into());
    };
    std::thread::sleep(shared.manners.block_takes);
    let range = offset as usize..(offset + len) as usize;
    let mut body = [piece.to_be_bytes(), offset.to_be_bytes()].concat();
    body.extend(shared.metafile.piece(piece).get(range).ok_or(std::io::ErrorKind::InvalidData)?);
    if shared.manners.corrupt.contains(&(piece, offset)) {
        body[8] ^= 0x01;
    }
    send(stream, PIECE, &body)?;
    shared.update(|state| state.served.push(Served { piece, offset, len }));
    Ok(())
}

fn send(mut stream: &TcpStream, id: u8, payload: &[u8]) -> std::io::Result<()> {
    let len = u32::try_from(payload.len() + 1).expect("a message is below 4 GiB");
    let mut frame = len.to_be_bytes().to_vec();
    frame.push(id);
    frame.extend(payload);
    stream.write_all(&frame)
}

/// Reads whole things from a socket whose timeouts only mean "look whether it is over".
struct Patient<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
}

impl Patient<'_> {
    /// The next message; `None` when none begins within a moment. Keep-alives are passed over.
    fn frame(&mut self) -> std::io::Result<Option<(u8, Vec<u8>)>> {
        let mut len = [0; 4];
        match self.stream.peek(&mut len) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if is_timeout(&error) => return self.go_on().map(|()| None),
            Err(error) => return Err(error),
        }
        self.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len);
        if len == 0 {
            return Ok(None);
        }
        let mut message = vec![0; len as usize];
        self.read_exact(&mut message)?;
        let payload = message.split_off(1);
        Ok(Some((message[0], payload)))
    }

    fn read_exact(&mut self, mut buffer: &mut [u8]) -> std::io::Result<()> {
        while !buffer.is_empty() {
            match self.stream.read(buffer) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => buffer = &mut buffer[read..],
                Err(error) if is_timeout(&error) => self.go_on()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn go_on(&self) -> std::io::Result<()> {
        let closing = self.shared.closing.load(Ordering::SeqCst);
        if closing { Err(std::io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
