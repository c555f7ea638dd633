//! Peers that mean harm, written by hand from BEP 3, 6, 9 and 10: a connection that says whatever a test makes it say, and
//! a host of such connections for an engine that dials.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::SOON;
use crate::metafile::Metafile;

/// `choke`.
pub const CHOKE: u8 = 0;
/// `unchoke`.
pub const UNCHOKE: u8 = 1;
/// `interested`.
pub const INTERESTED: u8 = 2;
/// `have`.
pub const HAVE: u8 = 4;
/// `bitfield`.
pub const BITFIELD: u8 = 5;
/// `request`.
pub const REQUEST: u8 = 6;
/// `piece`.
pub const PIECE: u8 = 7;
/// `cancel`.
pub const CANCEL: u8 = 8;
/// Have all (BEP 6).
pub const HAVE_ALL: u8 = 14;
/// Reject request (BEP 6).
pub const REJECT: u8 = 16;
/// An extension message (BEP 10).
pub const EXTENDED: u8 = 20;

/// A connection to an engine.
pub struct Attacker {
    stream: TcpStream,
}

impl Attacker {
    /// Connects to an engine and shakes hands; `number` makes the peer id.
    pub fn dial(address: &str, infohash: [u8; 20], number: u32) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let mut attacker = Self::over(stream)?;
        attacker.send(&hello(infohash, number))?;
        attacker.read_hello()?;
        Ok(attacker)
    }

    /// Takes over a socket on which nothing was said yet.
    pub fn over(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a message.
    pub fn say(&mut self, id: u8, payload: &[u8]) -> std::io::Result<()> {
        self.send(&frame(id, payload))
    }

    /// Reads the other side's handshake.
    pub fn read_hello(&mut self) -> std::io::Result<()> {
        self.stream.read_exact(&mut [0; 68])
    }

    /// The next message that is no keep-alive: kind and payload.
    pub fn hear(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        loop {
            let mut len = [0; 4];
            self.stream.read_exact(&mut len)?;
            let mut message = vec![0; u32::from_be_bytes(len) as usize];
            self.stream.read_exact(&mut message)?;
            if let Some((&id, payload)) = message.split_first() {
                return Ok((id, payload.to_vec()));
            }
        }
    }

    /// Reads until a message of that kind.
    pub fn hear_kind(&mut self, wanted: u8) -> std::io::Result<Vec<u8>> {
        loop {
            let (id, payload) = self.hear()?;
            if id == wanted {
                return Ok(payload);
            }
        }
    }

    /// Reads everything until the other side hangs up. False when it has not within `limit`.
    pub fn is_hung_up(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut buffer = [0; 65_536];
        while Instant::now() < end {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => return true,
            }
        }
        false
    }
}

/// Listens, and runs `attack` for each connection whose handshakes are through. Ends with the value.
pub struct Ambush {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    sprung: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Ambush {
    /// Starts one on loopback. An attack that returns an error or ends has its connection closed.
    pub fn set(
        infohash: [u8; 20],
        attack: impl Fn(&mut Attacker) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let closing = Arc::new(AtomicBool::new(false));
        let (sprung, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let thread = std::thread::spawn({
            let (closing, sprung, ended) = (closing.clone(), sprung.clone(), ended.clone());
            let attack = Arc::new(attack);
            move || {
                for stream in listener.incoming() {
                    if closing.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(mut attacker) = stream.and_then(Attacker::over) else { continue };
                    let (sprung, ended, attack) = (sprung.clone(), ended.clone(), attack.clone());
                    // Its socket ends with the engine, and it with its socket.
                    std::thread::spawn(move || {
                        let number = u32::from(address.port());
                        let greeted = attacker.read_hello().and_then(|()| attacker.send(&hello(infohash, number)));
                        sprung.fetch_add(1, Ordering::SeqCst);
                        // How an attack ends is the engine's affair.
                        drop(greeted.and_then(|()| attack(&mut attacker)));
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self { address, closing, sprung, ended, thread: Some(thread) }
    }

    /// `host:port`.
    pub fn peer_address(&self) -> String {
        self.address.to_string()
    }

    /// How many connections came.
    pub fn sprung(&self) -> usize {
        self.sprung.load(Ordering::SeqCst)
    }

    /// How many of the attacks are over.
    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

impl Drop for Ambush {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A handshake that offers the fast extension and the extension protocol.
pub fn hello(infohash: [u8; 20], number: u32) -> Vec<u8> {
    let mut bytes = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04".to_vec();
    bytes.extend(infohash);
    bytes.extend(format!("-XX0002-{number:0>12}").into_bytes());
    bytes
}

/// A message's bytes.
pub fn frame(id: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len() + 1).expect("a message is below 4 GiB");
    [&len.to_be_bytes()[..], &[id], payload].concat()
}

/// The payload of `request` and `cancel`.
pub fn block(piece: u32, offset: u32, len: u32) -> Vec<u8> {
    [piece, offset, len].map(u32::to_be_bytes).concat()
}

/// The payload of a `piece` that answers a request's, true to the content.
pub fn answer(metafile: &Metafile, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let field = |at: usize| {
        let raw = request.get(at..at + 4).and_then(|raw| raw.try_into().ok());
        raw.map(u32::from_be_bytes).ok_or(std::io::ErrorKind::InvalidData)
    };
    let (piece, offset, len) = (field(0)?, field(4)? as usize, field(8)? as usize);
    let data = metafile.piece(piece).get(offset..offset + len).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok([&request[..8], data].concat())
}

/// Reads and throws away until the engine hangs up.
pub fn until_hung_up(attacker: &mut Attacker) -> std::io::Result<()> {
    while !attacker.is_hung_up(SOON) {}
    Ok(())
}

/// Announces metadata of `size` bytes and answers what is asked of it with `info`, altered or not; then serves the film.
pub fn tell_metadata(metafile: &Metafile, attacker: &mut Attacker, size: usize, info: &[u8]) -> std::io::Result<()> {
    attacker.say(EXTENDED, format!("\0d1:md11:ut_metadatai2ee13:metadata_sizei{size}ee").as_bytes())?;
    attacker.say(HAVE_ALL, &[])?;
    attacker.say(UNCHOKE, &[])?;
    let mut their_id = None;
    loop {
        let (id, payload) = attacker.hear()?;
        if id == REQUEST {
            attacker.say(PIECE, &answer(metafile, &payload)?)?;
        }
        if id != EXTENDED {
            continue;
        }
        let text = String::from_utf8_lossy(&payload[1..]).into_owned();
        let number = |key: &str| {
            let (_, rest) = text.split_once(key)?;
            rest.split('e').next()?.parse::<usize>().ok()
        };
        if payload[0] == 0 {
            their_id = number("11:ut_metadatai").and_then(|id| u8::try_from(id).ok());
        } else if let (Some(id), Some(piece)) = (their_id, number("5:piecei")) {
            let mut message = vec![id];
            message.extend(format!("d8:msg_typei1e5:piecei{piece}e10:total_sizei{size}ee").into_bytes());
            let start = (piece * 16_384).min(size);
            message.extend(info.iter().cycle().skip(start).take((size - start).min(16_384)));
            attacker.say(EXTENDED, &message)?;
        }
    }
}

/// Resident memory of a process, in bytes (Linux, `/proc`).
pub fn resident(process: u32) -> u64 {
    memory(process, "VmRSS:")
}

/// The most memory that was ever resident of a process, in bytes (Linux, `/proc`).
pub fn resident_peak(process: u32) -> u64 {
    memory(process, "VmHWM:")
}

fn memory(process: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("the kernel counts memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kib * 1024
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
