//! Everything around one torrent: its peers, its disk, its readers and its clock.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha1_smol::Sha1;

use super::wire::{OnDisk, Remote};
use super::{Dice, kind};
use crate::bitfield::Bitfield;
use crate::infohash::Infohash;
use crate::limits::PEX_PEERS_MAX;
use crate::metainfo::Metainfo;
use crate::peer::{PeerKey, UploadRun};
use crate::peer_id::PeerId;
use crate::policy::connector::NamedBy;
use crate::reader::{ReaderId, Slack};
use crate::rng::Rng;
use crate::room::Access;
use crate::torrent::{Begin, DiskDone, DiskJob, Event, Input, Output, ReaderChange, Torrent, TorrentConfig, Wake};
use crate::units::{ByteLen, ByteRange, BytesPerSec, PieceIndex};
use crate::wire::{Handshake, Reserved};

/// Three blocks a piece, and a last piece of one and a bit.
const PIECE_LEN: u32 = 48 * 1024;
const FILM_LEN: usize = 12 * PIECE_LEN as usize + 20_000;

const PEERS_MAX: usize = 12;

/// Outputs of one verb that reads a few hundred bytes: a dozen peers times what their pipelines and a seek may cost.
const OUTPUTS_MAX: usize = 20_000;

/// Timers that are due within one step: the most frequent one is due ten times a second.
const WAKES_A_SECOND: u32 = 40;

/// One torrent and its surroundings.
pub(super) struct World {
    now: Instant,
    torrent: Torrent,
    film: &'static Film,
    remotes: BTreeMap<PeerKey, Remote>,
    next_key: u32,
    dials: Vec<SocketAddr>,
    jobs: Vec<DiskJob>,
    /// What the disk found right and wrote, and what was there at the beginning.
    on_disk: OnDisk,
    /// Found right, and not yet told by the torrent.
    untold: BTreeSet<PieceIndex>,
    done_told: bool,
    metadata_told: bool,
    pub(super) kinds: BTreeSet<&'static str>,
}

struct Film {
    content: Vec<u8>,
    metainfo: Arc<Metainfo>,
}

impl World {
    pub(super) fn new(now: Instant, dice: &mut Dice<'_>) -> Self {
        let film = film();
        let config = TorrentConfig {
            peer_id: PeerId::new([b'm'; 20]),
            client_name: "test".into(),
            listen_port: 1,
            peers_max: PEERS_MAX,
            serves: true,
            pex: true,
            access: Access::default(),
        };
        let rng = Rng::new(u64::from(dice.byte()));
        let is_magnet = dice.one_in(4);
        let infohash: Infohash = film.metainfo.infohash;
        let torrent = if is_magnet {
            Torrent::new(now, infohash, config, rng)
        } else {
            Torrent::with_metainfo(now, film.metainfo.clone(), config, rng)
        };
        let mut world = Self {
            now,
            torrent,
            film,
            remotes: BTreeMap::new(),
            next_key: 0,
            dials: Vec::new(),
            jobs: Vec::new(),
            on_disk: OnDisk::new(Bitfield::new_empty(film.metainfo.layout.piece_count())),
            untold: BTreeSet::new(),
            done_told: false,
            metadata_told: !is_magnet,
            kinds: BTreeSet::new(),
        };
        if !is_magnet && !dice.one_in(4) {
            world.begin(dice);
        }
        world
    }

    /// One thing happens.
    pub(super) fn step(&mut self, dice: &mut Dice<'_>) {
        match dice.below(32) {
            0..=14 => self.receive(dice),
            15..=18 => self.answer_disk(dice),
            19 | 20 => self.connect(dice),
            21 => self.disconnect(dice),
            22 | 23 => self.write(dice),
            24..=26 => self.pass(dice.time()),
            27 => self.read(dice),
            28 => self.name(dice),
            29 => {
                let failed = self.dials.pop().unwrap_or_else(|| addr(dice));
                self.input(Input::DialFailed(failed));
            }
            30 => {
                let rate = dice.one_in(2).then(|| BytesPerSec::new(u64::from(dice.byte()) * 10_000));
                self.input(Input::PlaybackRate(rate));
            }
            _ => match dice.below(6) {
                0 => self.input(Input::Pause(true)),
                4 | 5 => {
                    // Often as much as a few pieces, so that they come and go.
                    let pieces = u64::from(dice.byte() % 12);
                    let limit = (pieces > 0).then(|| ByteLen::new(pieces * u64::from(PIECE_LEN)));
                    self.input(Input::DiskLimit(limit));
                }
                1 | 2 => self.input(Input::Pause(false)),
                _ => self.begin(dice),
            },
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.kinds.insert(kind(&input));
        self.torrent.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.torrent.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "no end of outputs");
            self.carry_out(output);
        }
        self.torrent.check_invariants();
        assert!(self.untold.is_empty(), "verified, and nobody was told: {:?}", self.untold);
        if let Some(have) = self.torrent.have() {
            assert_eq!(have, &self.on_disk.verified, "what is here is what the disk verified");
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial(addr) => self.dials.push(addr),
            Output::Send { peer, bytes } => {
                let remote = self.remotes.get_mut(&peer).expect("only who is connected is spoken to");
                assert!(!bytes.is_empty(), "nothing is sent");
                remote.unwritten += bytes.len();
                remote.on_heard(&bytes, &self.film.content, &self.film.metainfo.layout, &self.on_disk);
            }
            Output::Close { peer, reason: _ } => {
                self.remotes.remove(&peer).expect("a connection is closed once");
            }
            Output::Hash(piece) => {
                let begun = self.torrent.contiguous(piece);
                assert!(begun.is_none_or(|bytes| !bytes.is_empty()), "nothing of {piece:?} is to be hashed");
            }
            Output::Forget(_) => {}
            Output::Named { addrs, .. } => {
                assert!((1..=PEX_PEERS_MAX).contains(&addrs.len()) && addrs.iter().all(|addr| addr.port() != 0));
            }
            Output::Disk(job) => self.take_job(job),
            Output::Event(event) => self.note(&event),
        }
    }

    fn take_job(&mut self, job: DiskJob) {
        match &job {
            DiskJob::Verify { piece, data } => {
                assert_eq!(data.len(), self.film.metainfo.layout.piece_len(*piece).as_usize());
                assert!(!self.on_disk.verified.get(piece.get()), "{piece:?} is here");
                let same = |job: &DiskJob| match job {
                    DiskJob::Verify { piece: other, .. } => other == piece,
                    DiskJob::Evict(other) => other == piece,
                    DiskJob::Read { .. } => false,
                };
                assert!(!self.jobs.iter().any(same), "{piece:?} is verified twice at once, or while it goes");
            }
            DiskJob::Evict(piece) => {
                assert!(self.on_disk.verified.clear(piece.get()), "{piece:?} is given up and was not here");
                self.on_disk.going.set(piece.get());
                self.on_disk.given_up.set(piece.get());
            }
            DiskJob::Read { peer, run } => {
                assert!(self.on_disk.verified.get(run.piece.get()), "{run:?} is read and not verified");
                assert!(self.remotes.contains_key(peer), "read for nobody");
                let len: u64 = run.blocks.iter().map(|block| block.len.get()).sum();
                assert_eq!(run.len.get(), len);
            }
        }
        self.jobs.push(job);
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Metadata(metainfo) => {
                assert!(!std::mem::replace(&mut self.metadata_told, true), "the metadata comes once");
                assert_eq!(metainfo.infohash, self.film.metainfo.infohash);
                let count = metainfo.layout.piece_count();
                self.remotes.values_mut().for_each(|remote| remote.set_piece_count(count));
            }
            Event::Verified(piece) => assert!(self.untold.remove(piece), "{piece:?} was not verified now"),
            Event::Done => {
                assert!(!std::mem::replace(&mut self.done_told, true), "done is said once");
                assert!(self.torrent.is_done());
            }
            Event::MetadataRefused(refused) => panic!("the metadata is sound: {refused}"),
            Event::Failed { times, .. } => assert!(*times > 0),
            Event::MemberHere => panic!("there is no room"),
            Event::PeersChanged | Event::NoPeers | Event::NoMetadata => {}
            Event::Silence | Event::SilenceOver => {}
        }
    }

    fn begin(&mut self, dice: &mut Dice<'_>) {
        let count = self.film.metainfo.layout.piece_count();
        let mut some = |keep: usize| {
            let mut bits = Bitfield::new_empty(count);
            (0..count).filter(|_| !dice.one_in(keep)).for_each(|piece| {
                bits.set(piece);
            });
            bits
        };
        let (have, wanted) = (some(2), some(8));
        let mut ever = have.clone();
        (0..count).step_by(5).for_each(|piece| {
            ever.set(piece);
        });
        let fetch_rest = !dice.one_in(4);
        let hints = vec![(ByteRange::new(0, 100), Slack(0))];
        // A torrent takes the first one that comes when it may; the others mean nothing.
        if self.metadata_told && self.torrent.have().is_none() {
            self.on_disk.verified = have.clone();
        }
        self.input(Input::Begin(Begin { have, ever, wanted, fetch_rest, paused: false, hints }));
    }

    fn connect(&mut self, dice: &mut Dice<'_>) {
        let incoming = dice.one_in(2);
        let addr = if incoming { addr(dice) } else { self.dials.pop().unwrap_or_else(|| addr(dice)) };
        let reserved = match dice.below(8) {
            0 => Reserved([0; 8]),
            1 => Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]),
            2 => Reserved([0, 0, 0, 0, 0, 0, 0, 0x04]),
            _ => Reserved::ours(),
        };
        let mut peer_id = [b'x'; 20];
        peer_id[19] = dice.byte();
        if dice.one_in(30) {
            peer_id = [b'm'; 20];
        }
        let infohash = if dice.one_in(30) { Infohash::new([1; 20]) } else { self.film.metainfo.infohash };
        let peer = PeerKey(self.next_key);
        self.next_key += 1;
        let layout = &self.film.metainfo.layout;
        let known = self.metadata_told.then_some(layout);
        self.remotes.insert(peer, Remote::new(reserved.fast(), reserved.extensions(), known, layout));
        let handshake = Handshake { reserved, infohash, peer_id: PeerId::new(peer_id) };
        self.input(Input::Connected { peer, addr, incoming, handshake });
    }

    fn disconnect(&mut self, dice: &mut Dice<'_>) {
        let Some(peer) = self.any_peer(dice) else { return };
        self.remotes.remove(&peer);
        // By its number, so that old cases mean what they meant.
        let lost = if peer.0.is_multiple_of(2) { Input::Disconnected(peer) } else { Input::AddressLost(peer) };
        self.input(lost);
    }

    fn receive(&mut self, dice: &mut Dice<'_>) {
        let Some(peer) = self.any_peer(dice) else { return self.connect(dice) };
        let Some(remote) = self.remotes.get_mut(&peer) else { return };
        for _ in 0..=dice.below(3) {
            remote.make_up(dice, &self.film.content, &self.film.metainfo);
        }
        let mut rest = std::mem::take(&mut remote.pending);
        // Cut anywhere, and at times the end is held back.
        while !rest.is_empty() {
            let cut = if dice.one_in(4) { 1 + dice.below(64).min(rest.len() - 1) } else { rest.len() };
            let later = rest.split_off(cut);
            let Some(remote) = self.remotes.get_mut(&peer) else { return };
            remote.on_sent(&rest, self.film.metainfo.layout.piece_count());
            self.input(Input::Received { peer, bytes: &rest });
            rest = later;
            if dice.one_in(12) {
                break;
            }
        }
        if let Some(remote) = self.remotes.get_mut(&peer) {
            remote.pending = rest;
        }
    }

    fn write(&mut self, dice: &mut Dice<'_>) {
        let Some(peer) = self.any_peer(dice) else { return };
        let Some(remote) = self.remotes.get_mut(&peer) else { return };
        let len = if dice.one_in(2) { remote.unwritten } else { remote.unwritten / 2 };
        remote.unwritten -= len;
        self.input(Input::Written { peer, len });
    }

    fn answer_disk(&mut self, dice: &mut Dice<'_>) {
        if self.jobs.is_empty() {
            return;
        }
        let job = self.jobs.remove(dice.below(self.jobs.len()));
        let done = match job {
            DiskJob::Verify { piece, data } => {
                if Sha1::from(&data).digest().bytes() != *self.film.metainfo.piece_hash(piece) {
                    DiskDone::Corrupt { piece, data }
                } else if dice.one_in(8) {
                    DiskDone::WriteFailed { piece, data }
                } else {
                    self.on_disk.verified.set(piece.get());
                    self.untold.insert(piece);
                    DiskDone::Verified { piece, data }
                }
            }
            DiskJob::Evict(piece) => {
                self.on_disk.going.clear(piece.get());
                if dice.one_in(16) { DiskDone::NotEvicted(piece) } else { DiskDone::Evicted(piece) }
            }
            DiskJob::Read { peer, run } => match dice.below(8) {
                0 => DiskDone::ReadFailed { peer, run },
                // Shorter than asked for, as from a file that somebody cut.
                1 => DiskDone::Read { peer, data: self.bytes_of(&run).slice(..1), run },
                _ => DiskDone::Read { peer, data: self.bytes_of(&run), run },
            },
        };
        self.input(Input::Disk(done));
    }

    fn bytes_of(&self, run: &UploadRun) -> Bytes {
        let start = self.film.metainfo.layout.piece_range(run.piece).start + u64::from(run.offset.get());
        let start = usize::try_from(start).expect("a short film");
        Bytes::from_static(&self.film.content[start..start + run.len.as_usize()])
    }

    fn read(&mut self, dice: &mut Dice<'_>) {
        let file = ByteRange::new(0, self.film.metainfo.layout.total_len().get());
        let position = u64::from(dice.number()) % file.end;
        let change = match dice.below(5) {
            0 | 1 => ReaderChange::Opened { file, position },
            2 | 3 => ReaderChange::Moved { position, waiting: dice.one_in(2) },
            _ => ReaderChange::Closed,
        };
        self.input(Input::Reader(ReaderId(u64::from(dice.byte() % 4)), change));
    }

    fn name(&mut self, dice: &mut Dice<'_>) {
        let addrs: Vec<SocketAddr> = (0..dice.below(20)).map(|_| addr(dice)).collect();
        let named_by = if dice.one_in(2) { NamedBy::User } else { NamedBy::Stranger };
        self.input(Input::Addresses { addrs: &addrs, named_by });
    }

    /// Time goes by, and every timer is heard.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let wakes_max = 100 + WAKES_A_SECOND * u32::try_from(time.as_secs() + 1).expect("minutes");
        let mut wakes = 0;
        let mut last: Option<(Instant, Wake)> = None;
        while let Some((at, wake)) = self.torrent.poll_timeout().filter(|(at, _)| *at <= until) {
            wakes += 1;
            assert!(wakes <= wakes_max, "woken {wakes} times in {time:?}, at last for {wake:?}");
            self.now = self.now.max(at);
            assert_ne!(last, Some((self.now, wake)), "woken for the same thing in the same moment");
            last = Some((self.now, wake));
            self.torrent.handle_timeout(self.now);
            let next = self.torrent.poll_timeout();
            assert!(next.is_none_or(|(at, _)| at > self.now), "{next:?} is not in the future");
            self.drain();
        }
        self.now = until;
    }

    fn any_peer(&self, dice: &mut Dice<'_>) -> Option<PeerKey> {
        let at = dice.below(self.remotes.len());
        self.remotes.keys().nth(at).copied()
    }
}

fn addr(dice: &mut Dice<'_>) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, dice.byte() % 16], 1 + u16::from(dice.byte() % 4)))
}

fn film() -> &'static Film {
    static FILM: OnceLock<Film> = OnceLock::new();
    FILM.get_or_init(|| {
        let mut content = vec![0; FILM_LEN];
        Rng::new(42).fill(&mut content);
        let hashes: Vec<u8> =
            content.chunks(PIECE_LEN as usize).flat_map(|piece| Sha1::from(piece).digest().bytes()).collect();
        let mut info =
            format!("d6:lengthi{FILM_LEN}e4:name8:film.mp412:piece lengthi{PIECE_LEN}e6:pieces{}:", hashes.len())
                .into_bytes();
        info.extend(hashes);
        info.push(b'e');
        Film { content, metainfo: Arc::new(Metainfo::from_info(Bytes::from(info)).expect("a sound dictionary")) }
    })
}
