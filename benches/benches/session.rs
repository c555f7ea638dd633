//! A whole torrent at work: what the core costs for each byte that arrives, hashing and disk apart.
//!
//! One seed answers every request at once, in reads of 256 KiB at 100 MB/s of virtual time. Only what the core does is
//! measured, and reading its requests; not making the blocks.

use std::collections::VecDeque;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{BLOCK_LEN, criterion, film};
use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::RawBlock;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::reader::ReaderId;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::room::Access;
use bittorrent_proto::torrent::{Begin, DiskDone, DiskJob, Input, Output, ReaderChange, Torrent, TorrentConfig};
use bittorrent_proto::units::ByteRange;
use bittorrent_proto::wire::{FrameDecoder, FrameLimits, Handshake, Message, Reserved};
use bytes::BytesMut;
use criterion::{Criterion, Throughput};

/// Blocks in one read.
const BLOCKS: usize = 16;

/// From one read to the next at 100 MB/s.
const READ_EVERY: Duration = Duration::from_micros(2_621);

/// Pieces after which a download begins anew, long before the film is complete.
const PIECES_MAX: u32 = 32_768;

/// What the film is made of.
static BLOCK: [u8; BLOCK_LEN] = [0x5a; BLOCK_LEN];

const SEED: PeerKey = PeerKey(1);
const READER: ReaderId = ReaderId(1);

fn main() {
    let mut criterion = criterion();
    let film = film();
    let mut group = criterion.benchmark_group("torrent");
    group.throughput(Throughput::Bytes((BLOCKS * BLOCK_LEN) as u64));
    for (name, watched) in [("a read of 256 KiB", false), ("a read of 256 KiB, while a reader follows", true)] {
        group.bench_function(name, |b| {
            let mut download = Download::new(&film, watched);
            b.iter_custom(|iterations| {
                let mut measured = Duration::ZERO;
                for _ in 0..iterations {
                    if download.verified >= PIECES_MAX {
                        download = Download::new(&film, watched);
                    }
                    measured += download.step();
                }
                measured
            });
        });
    }
    group.finish();
    choke_and_unchoke(&mut criterion, &film);
    criterion.final_summary();
}

/// A torrent that fetches from one seed.
struct Download {
    torrent: Torrent,
    film: Arc<Metainfo>,
    now: Instant,
    watched: bool,
    /// What the seed was asked for.
    asked: VecDeque<RawBlock>,
    /// Understands what the torrent says.
    decoder: FrameDecoder,
    /// The next read.
    read: BytesMut,
    verified: u32,
}

impl Download {
    fn new(film: &Arc<Metainfo>, watched: bool) -> Self {
        let now = Instant::now();
        let config = TorrentConfig {
            peer_id: PeerId::new([b'a'; 20]),
            client_name: "bench".to_owned(),
            listen_port: 1,
            peers_max: 60,
            serves: true,
            pex: true,
            access: Access::default(),
        };
        let count = film.layout.piece_count();
        let torrent = Torrent::with_metainfo(now, film.clone(), config, Rng::new(1));
        let mut download = Self {
            torrent,
            film: film.clone(),
            now,
            watched,
            asked: VecDeque::new(),
            decoder: FrameDecoder::new(FrameLimits::for_pieces(count)),
            read: BytesMut::new(),
            verified: 0,
        };
        let begin = Begin {
            have: Bitfield::new_empty(count),
            ever: Bitfield::new_empty(count),
            wanted: Bitfield::new_full(count),
            fetch_rest: true,
            paused: false,
            hints: Vec::new(),
        };
        download.input(Input::Begin(begin));
        if watched {
            let file = ByteRange::new(0, film.layout.total_len().get());
            download.input(Input::Reader(READER, ReaderChange::Opened { file, position: 0 }));
        }
        let handshake =
            Handshake { reserved: Reserved::ours(), infohash: film.infohash, peer_id: PeerId::new([b'b'; 20]) };
        let addr = SocketAddr::from(([198, 51, 100, 1], 6881));
        download.input(Input::Connected { peer: SEED, addr, incoming: false, handshake });
        Message::HaveAll.encode(&mut download.read);
        Message::Unchoke.encode(&mut download.read);
        download.receive();
        // Past the pipeline's growth.
        (0..200).for_each(|_| {
            download.step();
        });
        assert!(download.asked.len() >= BLOCKS, "the pipeline holds {} blocks", download.asked.len());
        download
    }

    fn input(&mut self, input: Input<'_>) {
        self.torrent.handle_input(self.now, input);
        self.drain();
    }

    fn receive(&mut self) {
        let read = self.read.split();
        self.torrent.handle_input(self.now, Input::Received { peer: SEED, bytes: &read });
        self.drain();
        // Emptied and put back, so that the next read is made in the same memory.
        self.read = read;
        self.read.clear();
    }

    /// Answers what was asked, a read's worth, and says how long the torrent took over it.
    fn step(&mut self) -> Duration {
        for asked in self.asked.drain(..BLOCKS.min(self.asked.len())) {
            let data = &BLOCK[..asked.len as usize];
            Message::Piece { piece: asked.piece, offset: asked.offset, data }.encode(&mut self.read);
        }
        self.now += READ_EVERY;
        let begun = Instant::now();
        if self.torrent.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
            self.torrent.handle_timeout(self.now);
        }
        self.receive();
        if self.watched {
            // The player reads what is there.
            let position = u64::from(self.verified) * u64::from(self.film.layout.piece_len_max());
            self.input(Input::Reader(READER, ReaderChange::Moved { position, waiting: false }));
        }
        begun.elapsed()
    }

    fn drain(&mut self) {
        while let Some(output) = self.torrent.poll_output() {
            match output {
                Output::Send { peer, bytes } => {
                    let mut said: &[u8] = &bytes;
                    while let Ok(Some(message)) = self.decoder.next(&mut said) {
                        if let Message::Request(block) = message {
                            self.asked.push_back(block);
                        }
                    }
                    self.torrent.handle_input(self.now, Input::Written { peer, len: bytes.len() });
                }
                Output::Disk(DiskJob::Verify { piece, data }) => {
                    self.verified += 1;
                    self.torrent.handle_input(self.now, Input::Disk(DiskDone::Verified { piece, data }));
                }
                Output::Hash(piece) => {
                    black_box(self.torrent.contiguous(piece));
                }
                Output::Disk(DiskJob::Read { .. } | DiskJob::Evict(_))
                | Output::Forget(_)
                | Output::Dial(_)
                | Output::Named { .. }
                | Output::Close { .. }
                | Output::Event(_) => {}
            }
        }
    }
}

/// A choke drops what is in flight, an unchoke asks for it anew: the dearest pair of messages for their size.
fn choke_and_unchoke(criterion: &mut Criterion, film: &Arc<Metainfo>) {
    let mut group = criterion.benchmark_group("torrent");
    group.bench_function("a choke and an unchoke", |b| {
        let mut download = Download::new(film, false);
        b.iter(|| {
            download.asked.clear();
            Message::Choke.encode(&mut download.read);
            Message::Unchoke.encode(&mut download.read);
            download.receive();
        });
    });
    group.finish();
}
