//! A tiny HTTP tracker (BEP 3, BEP 23), through TLS if wanted, and a room's rendezvous: one thread, every announce
//! remembered, peers the test names.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Runs until dropped.
pub struct Tracker {
    secure: bool,
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    closing: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By raw infohash.
    swarms: BTreeMap<Vec<u8>, Vec<SocketAddr>>,
    announces: Vec<Announce>,
    refusal: Option<String>,
    /// What `/rendezvous` answers; 404 without.
    rendezvous: Option<String>,
    /// What any request is answered, word for word.
    script: Option<String>,
    seen_as: Option<IpAddr>,
    lists: bool,
    /// Path and query of every request.
    targets: Vec<String>,
}

/// One announce, as it came.
#[derive(Clone, Debug)]
pub struct Announce {
    /// 40 hexadecimal digits.
    pub infohash: String,
    /// The announced port.
    pub port: u16,
    /// `started`, `completed`, `stopped`, or empty.
    pub event: String,
    /// Bytes it lacks; `None` when it does not say.
    pub left: Option<u64>,
    /// Its own addresses in the same house (BEP 7), as they came.
    pub local: Vec<String>,
}

impl Tracker {
    /// Starts one on loopback.
    pub fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into())
    }

    /// Starts one at this address.
    pub fn start_at(ip: IpAddr) -> Self {
        Self::listen(ip, None)
    }

    /// Starts one on loopback that speaks TLS.
    pub fn start_secure(tls: ServerConfig) -> Self {
        Self::listen(Ipv4Addr::LOCALHOST.into(), Some(Arc::new(tls)))
    }

    fn listen(ip: IpAddr, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("an address of this machine, which has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let secure = tls.is_some();
        let shared = Arc::new(Shared { tls, ..Shared::default() });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&listener, &shared)
        });
        Self { secure, address, shared, thread: Some(thread) }
    }

    /// Where to announce.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/announce", self.address)
    }

    /// The address of its rendezvous, as a room's server gives it.
    pub fn websocket_url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}/", self.address)
    }

    /// Answers `/rendezvous` with that from now on.
    pub fn offer(&self, rendezvous: &str) {
        self.state(|state| state.rendezvous = Some(rendezvous.to_owned()));
    }

    /// Answers everything with that from now on, head and all.
    pub fn say(&self, answer: &str) {
        self.state(|state| state.script = Some(answer.to_owned()));
    }

    /// Lists a peer that does not announce itself. `infohash` in hexadecimal.
    pub fn register(&self, infohash: &str, peer: SocketAddr) {
        let raw = (0..infohash.len() / 2).map(|at| u8::from_str_radix(&infohash[2 * at..2 * at + 2], 16));
        let raw = raw.collect::<Result<Vec<u8>, _>>().expect("an infohash in hexadecimal");
        self.state(|state| state.swarms.entry(raw).or_default().push(peer));
    }

    /// Whoever announces from now on is listed at that address instead of the loopback one it came from.
    pub fn see_everyone_as(&self, address: IpAddr) {
        self.state(|state| state.seen_as = Some(address));
    }

    /// Refuses every announce from now on, with this reason.
    pub fn refuse(&self, reason: &str) {
        self.state(|state| state.refusal = Some(reason.to_owned()));
    }

    /// Takes announces again.
    pub fn relent(&self) {
        self.state(|state| state.refusal = None);
    }

    /// Answers in the form of BEP 3 from now on, compact or not.
    pub fn answer_with_lists(&self) {
        self.state(|state| state.lists = true);
    }

    /// An address of the same tracker that leads to [`Tracker::url`] by a redirect.
    pub fn redirecting_url(&self) -> String {
        format!("http://{}/moved/announce", self.address)
    }

    /// Path and query of every request so far, announces or not.
    pub fn targets(&self) -> Vec<String> {
        self.state(|state| state.targets.clone())
    }

    /// Every announce so far.
    pub fn announces(&self) -> Vec<Announce> {
        self.state(|state| state.announces.clone())
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread from `accept`; when that fails it is awake already.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(listener: &TcpListener, shared: &Shared) {
    for stream in listener.incoming() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        // A client that breaks off harms only itself.
        drop(stream.and_then(|stream| greet(stream, shared)));
    }
}

fn greet(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let from = stream.peer_addr()?.ip();
    let Some(tls) = &shared.tls else { return answer(stream, from, shared) };
    let connection = ServerConnection::new(Arc::clone(tls)).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    answer(&mut stream, from, shared)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn answer(stream: impl Read + Write, from: IpAddr, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut stream = reader.into_inner();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (script, rendezvous) = {
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.targets.push(path.to_owned());
        (state.script.clone(), state.rendezvous.clone())
    };
    if let Some(script) = script {
        return stream.write_all(script.as_bytes());
    }
    if path == "/rendezvous" {
        let (status, body) = rendezvous.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
        let len = body.len();
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}");
    }
    if let Some(target) = path.strip_prefix("/moved") {
        let moved = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation:";
        return write!(stream, "{moved} {target}\r\n\r\n");
    }
    let body = match path.split_once('?') {
        Some(("/announce", query)) => {
            announce(query, from, &mut shared.state.lock().unwrap_or_else(PoisonError::into_inner))
        }
        Some(_) | None => b"d14:failure reason13:no such placee".to_vec(),
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

fn announce(query: &str, from: IpAddr, state: &mut State) -> Vec<u8> {
    let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| field(name).and_then(|value| value.parse::<u64>().ok());
    let infohash: Vec<u8> = percent_decode_str(field("info_hash").unwrap_or_default()).collect();
    let port = number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let event = field("event").unwrap_or_default().to_owned();
    let is_local = |pair: &&str| pair.starts_with("ipv4=") || pair.starts_with("ipv6=");
    let local = query.split('&').filter(is_local).map(str::to_owned).collect();
    let announced =
        Announce { infohash: crate::hex(&infohash), port, event: event.clone(), left: number("left"), local };
    state.announces.push(announced);
    if let Some(reason) = &state.refusal {
        return format!("d14:failure reason{}:{reason}e", reason.len()).into_bytes();
    }
    let own = SocketAddr::new(state.seen_as.unwrap_or(from), port);
    let swarm = state.swarms.entry(infohash).or_default();
    let others: Vec<SocketAddr> = swarm.iter().copied().filter(|peer| *peer != own).collect();
    swarm.retain(|peer| *peer != own);
    if event != "stopped" && port != 0 {
        swarm.push(own);
    }
    if field("compact") == Some("0") || state.lists { reply_plain(&others) } else { reply_compact(&others) }
}

/// BEP 23: six bytes a peer, and BEP 7's eighteen for IPv6.
fn reply_compact(peers: &[SocketAddr]) -> Vec<u8> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer.ip() {
            IpAddr::V4(ip) => v4.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
            IpAddr::V6(ip) => v6.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
        }
    }
    let mut reply = b"d8:intervali60e5:peers".to_vec();
    for (name, list) in [("", v4), ("6:peers6", v6)] {
        reply.extend(format!("{name}{}:", list.len()).into_bytes());
        reply.extend(list);
    }
    reply.push(b'e');
    reply
}

/// BEP 3: a dictionary a peer.
fn reply_plain(peers: &[SocketAddr]) -> Vec<u8> {
    let entry = |peer: &SocketAddr| {
        let ip = peer.ip().to_string();
        format!("d2:ip{}:{ip}4:porti{}ee", ip.len(), peer.port())
    };
    let list: String = peers.iter().map(entry).collect();
    format!("d8:intervali60e5:peersl{list}ee").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn lists_the_peers_it_was_told_and_those_that_announced() {
        let tracker = Tracker::start();
        tracker.register(&"61".repeat(20), SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), 258)));
        let announce = |more: &str| http::get(&format!("{}?info_hash={}&{more}", tracker.url(), "a".repeat(20))).body;
        let listed = b"d8:intervali60e5:peers6:\x7f\0\0\x09\x01\x026:peers60:e";
        assert_eq!(announce("port=1&compact=1&left=7"), listed);
        let plain = b"d8:intervali60e5:peersld2:ip9:127.0.0.94:porti258eed2:ip9:127.0.0.14:porti1eeee";
        assert_eq!(announce("port=2&compact=0&event=stopped"), plain);
        assert_eq!(announce("port=1&compact=1"), listed, "nobody is told of itself, and who stopped is gone");
        tracker.refuse("go away");
        assert_eq!(announce("port=1"), b"d14:failure reason7:go awaye");
        let seen = tracker.announces();
        assert_eq!((seen[0].infohash.as_str(), seen[0].left), ("61".repeat(20).as_str(), Some(7)));
        assert_eq!(seen[1].event, "stopped");
    }
}
