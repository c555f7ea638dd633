//! A swarm in one function call: torrents back to back over links with a delay, on virtual time.
//!
//! Only for this crate's own tests; the crate `sim` has rates, faults and seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha1_smol::Sha1;

use crate::bitfield::Bitfield;
use crate::infohash::Infohash;
use crate::metainfo::Metainfo;
use crate::peer::PeerKey;
use crate::peer_id::PeerId;
use crate::reader::ReaderId;
use crate::rng::Rng;
use crate::room::Access;
use crate::torrent::{
    Begin, CloseReason, DiskDone, DiskJob, Event, Input, Output, ReaderChange, Torrent, TorrentConfig,
};
use crate::units::{ByteLen, ByteRange, PieceIndex};
use crate::wire::{Handshake, Reserved};

/// A film of pseudo-random bytes and its metainfo.
pub(crate) fn film(len: usize, piece_len: u32) -> (Vec<u8>, Arc<Metainfo>) {
    let mut content = vec![0; len];
    Rng::new(42).fill(&mut content);
    let mut info = format!("d6:lengthi{len}e4:name8:film.mp412:piece lengthi{piece_len}e6:pieces").into_bytes();
    let hashes: Vec<u8> =
        content.chunks(piece_len as usize).flat_map(|piece| Sha1::from(piece).digest().bytes()).collect();
    info.extend_from_slice(format!("{}:", hashes.len()).as_bytes());
    info.extend_from_slice(&hashes);
    info.push(b'e');
    (content, Arc::new(Metainfo::from_info(Bytes::from(info)).unwrap()))
}

/// One participant.
pub(crate) struct Host {
    pub(crate) torrent: Torrent,
    pub(crate) disk: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: Vec<CloseReason>,
    pub(crate) dialed: Vec<SocketAddr>,
    /// Pieces whose running hashes were to start over.
    pub(crate) forgotten: BTreeSet<PieceIndex>,
    conns: BTreeMap<PeerKey, (usize, PeerKey)>,
    next_key: u32,
    /// Blocks of these pieces leave altered.
    pub(crate) corrupts: BTreeSet<u32>,
    /// Nothing leaves any more.
    pub(crate) frozen: bool,
    /// Nobody reads what leaves, so it stays in the queue.
    pub(crate) unread: bool,
    /// Payload bytes received, by count of bytes on the wire.
    pub(crate) received: usize,
}

/// Hosts, and what is on the way between them.
pub(crate) struct Swarm {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    pub(crate) delay: Duration,
    /// Whether those who come serve anybody.
    pub(crate) serves: bool,
    /// Of the hosts that come from now on.
    pub(crate) access: Access,
    film: Arc<Metainfo>,
    flying: BTreeMap<(Instant, u64), (usize, PeerKey, Bytes)>,
    sequence: u64,
}

impl Swarm {
    pub(crate) fn new(film: Arc<Metainfo>) -> Self {
        let now = Instant::now();
        Self {
            now,
            hosts: Vec::new(),
            delay: Duration::from_millis(10),
            serves: true,
            access: Access::default(),
            film,
            flying: BTreeMap::new(),
            sequence: 0,
        }
    }

    fn config(&self) -> TorrentConfig {
        let mut id = [b'x'; 20];
        id[19] = u8::try_from(self.hosts.len()).unwrap();
        TorrentConfig {
            peer_id: PeerId::new(id),
            client_name: "test".into(),
            listen_port: 1,
            peers_max: 60,
            serves: self.serves,
            pex: true,
            access: self.access.clone(),
        }
    }

    fn push(&mut self, torrent: Torrent, disk: Vec<u8>) -> usize {
        self.hosts.push(Host {
            torrent,
            disk,
            events: Vec::new(),
            closed: Vec::new(),
            dialed: Vec::new(),
            forgotten: BTreeSet::new(),
            conns: BTreeMap::new(),
            next_key: 0,
            corrupts: BTreeSet::new(),
            frozen: false,
            unread: false,
            received: 0,
        });
        self.hosts.len() - 1
    }

    /// Somebody who has it all.
    pub(crate) fn seed(&mut self, content: &[u8]) -> usize {
        let count = self.film.layout.piece_count();
        self.with(content.to_vec(), Bitfield::new_full(count), true)
    }

    /// Somebody with the metainfo who has `have`.
    pub(crate) fn with(&mut self, disk: Vec<u8>, have: Bitfield, fetch_rest: bool) -> usize {
        let torrent = Torrent::with_metainfo(self.now, self.film.clone(), self.config(), Rng::new(7));
        let host = self.push(torrent, disk);
        self.begin(host, have, fetch_rest);
        host
    }

    /// Somebody with the metainfo whose storage gets ready.
    pub(crate) fn prepared(&mut self) -> usize {
        let torrent = Torrent::with_metainfo(self.now, self.film.clone(), self.config(), Rng::new(7));
        let len = self.film.layout.total_len().as_usize();
        self.push(torrent, vec![0; len])
    }

    /// Somebody with the metainfo and a bound on the disk, or none, that has this of what an earlier run ever had.
    pub(crate) fn again(&mut self, disk: Vec<u8>, have: Bitfield, ever: Bitfield, limit: Option<ByteLen>) -> usize {
        let host = self.prepared();
        self.hosts[host].disk = disk;
        self.input(host, Input::DiskLimit(limit));
        let wanted = Bitfield::new_full(self.film.layout.piece_count());
        self.input(
            host,
            Input::Begin(Begin { have, ever, wanted, fetch_rest: true, paused: false, hints: Vec::new() }),
        );
        host
    }

    /// Somebody with nothing, who knows the metainfo.
    pub(crate) fn leech(&mut self, fetch_rest: bool) -> usize {
        let len = self.film.layout.total_len().as_usize();
        self.with(vec![0; len], Bitfield::new_empty(self.film.layout.piece_count()), fetch_rest)
    }

    /// Somebody who knows the infohash alone.
    pub(crate) fn magnet(&mut self, infohash: Infohash) -> usize {
        let torrent = Torrent::new(self.now, infohash, self.config(), Rng::new(7));
        let len = self.film.layout.total_len().as_usize();
        self.push(torrent, vec![0; len])
    }

    fn begin(&mut self, host: usize, have: Bitfield, fetch_rest: bool) {
        let wanted = Bitfield::new_full(self.film.layout.piece_count());
        self.input(
            host,
            Input::Begin(Begin { ever: have.clone(), have, wanted, fetch_rest, paused: false, hints: Vec::new() }),
        );
    }

    pub(crate) fn connect(&mut self, from: usize, to: usize) {
        let keys = [from, to].map(|host| {
            let host = &mut self.hosts[host];
            host.next_key += 1;
            PeerKey(host.next_key)
        });
        self.hosts[from].conns.insert(keys[0], (to, keys[1]));
        self.hosts[to].conns.insert(keys[1], (from, keys[0]));
        let infohash = self.film.infohash;
        for (host, key, other, incoming) in [(from, keys[0], to, false), (to, keys[1], from, true)] {
            let mut id = [b'x'; 20];
            id[19] = u8::try_from(other).unwrap();
            let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new(id) };
            let addr = SocketAddr::from(([198, 51, 100, u8::try_from(other).unwrap()], 6881));
            self.input(host, Input::Connected { peer: key, addr, incoming, handshake });
        }
    }

    pub(crate) fn reader(&mut self, host: usize, id: u64, change: ReaderChange) {
        self.input(host, Input::Reader(ReaderId(id), change));
    }

    pub(crate) fn open_reader(&mut self, host: usize, id: u64, position: u64) {
        let file = ByteRange::new(0, self.film.layout.total_len().get());
        self.reader(host, id, ReaderChange::Opened { file, position });
        self.reader(host, id, ReaderChange::Moved { position, waiting: true });
    }

    pub(crate) fn input(&mut self, host: usize, input: Input<'_>) {
        self.hosts[host].torrent.handle_input(self.now, input);
        self.drain(host);
    }

    fn drain(&mut self, host: usize) {
        while let Some(output) = self.hosts[host].torrent.poll_output() {
            match output {
                Output::Send { peer, bytes } => self.send(host, peer, &bytes),
                Output::Close { peer, reason } => {
                    self.hosts[host].closed.push(reason);
                    self.disconnect(host, peer);
                }
                Output::Disk(job) => self.disk(host, job),
                Output::Event(Event::Metadata(metainfo)) => {
                    self.hosts[host].events.push(Event::Metadata(metainfo.clone()));
                    self.begin(host, Bitfield::new_empty(metainfo.layout.piece_count()), true);
                }
                Output::Event(event) => self.hosts[host].events.push(event),
                Output::Dial(addr) => self.hosts[host].dialed.push(addr),
                Output::Named { addrs, named_by, .. } => self.input(host, Input::Addresses { addrs: &addrs, named_by }),
                Output::Hash(_) => {}
                Output::Forget(piece) => {
                    self.hosts[host].forgotten.insert(piece);
                }
            }
        }
    }

    fn send(&mut self, host: usize, peer: PeerKey, bytes: &Bytes) {
        let len = bytes.len();
        if let Some(&(to, key)) = self.hosts[host].conns.get(&peer)
            && !self.hosts[host].frozen
        {
            let mut bytes = bytes.to_vec();
            // Data goes out as a slice of its own, so a long one that is not a whole control message is a block's.
            if !self.hosts[host].corrupts.is_empty() && len >= 1024 {
                bytes[len / 2] ^= 1;
            }
            self.sequence += 1;
            self.flying.insert((self.now + self.delay, self.sequence), (to, key, Bytes::from(bytes)));
        }
        if !self.hosts[host].unread {
            self.hosts[host].torrent.handle_input(self.now, Input::Written { peer, len });
        }
    }

    pub(crate) fn disconnect(&mut self, host: usize, peer: PeerKey) {
        if let Some((to, key)) = self.hosts[host].conns.remove(&peer) {
            self.hosts[to].conns.remove(&key);
            self.input(to, Input::Disconnected(key));
        }
    }

    fn disk(&mut self, host: usize, job: DiskJob) {
        let layout = self.film.layout.clone();
        let done = match job {
            DiskJob::Verify { piece, data } => {
                if Sha1::from(&data).digest().bytes() == *self.film.piece_hash(piece) {
                    let start = usize::try_from(layout.piece_range(piece).start).unwrap();
                    self.hosts[host].disk[start..start + data.len()].copy_from_slice(&data);
                    DiskDone::Verified { piece, data }
                } else {
                    DiskDone::Corrupt { piece, data }
                }
            }
            DiskJob::Evict(piece) => {
                let lies = layout.piece_range(piece);
                let lies = usize::try_from(lies.start).unwrap()..usize::try_from(lies.end).unwrap();
                self.hosts[host].disk[lies].fill(0);
                DiskDone::Evicted(piece)
            }
            DiskJob::Read { peer, run } => {
                let start = usize::try_from(layout.piece_range(run.piece).start).unwrap() + run.offset.as_usize();
                let data = Bytes::copy_from_slice(&self.hosts[host].disk[start..start + run.len.as_usize()]);
                DiskDone::Read { peer, run, data }
            }
        };
        self.hosts[host].torrent.handle_input(self.now, Input::Disk(done));
    }

    /// One step: what arrives next, or the next timer. False when nothing is left to happen before `until`.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let timer = self
            .hosts
            .iter()
            .enumerate()
            .filter_map(|(host, state)| state.torrent.poll_timeout().map(|(at, _)| (at, host)))
            .min();
        match (arrival, timer) {
            (Some(at), timer) if at <= until && timer.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                let Some((_, (to, key, bytes))) = self.flying.pop_first() else { return false };
                self.hosts[to].received += bytes.len();
                self.input(to, Input::Received { peer: key, bytes: &bytes });
                true
            }
            (_, Some((at, host))) if at <= until => {
                self.now = self.now.max(at);
                self.hosts[host].torrent.handle_timeout(self.now);
                self.drain(host);
                true
            }
            _ => false,
        }
    }

    /// Runs until `condition` holds, at most `time`. Says whether it came to hold.
    pub(crate) fn run(&mut self, time: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let until = self.now + time;
        loop {
            if condition(self) {
                return true;
            }
            if !self.step(until) {
                self.now = until;
                return condition(self);
            }
        }
    }
}
