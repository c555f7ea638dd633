//! A peer: the real torrent core, and around it what its driver does, on a simulated line and disk.
//!
//! The core is [`Torrent`] as it ships. What is copied from the driver here is kept to what the core can tell apart:
//! handshakes on the connection's bytes, jobs that a pool does, streams that read verified bytes. After everything that
//! happens the rules of [`Peer::check`] hold: see `docs/simulation.md`.

mod connection;
mod crash;
mod jobs;
mod network;
mod release;
mod rules;
mod saver;
mod storage;
#[cfg(test)]
mod tests;
mod viewer;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::room::Access;
use bittorrent_proto::torrent::{
    CloseReason, DiskJob, Event, Input as CoreInput, Output as CoreOutput, Torrent, TorrentConfig, Wake,
};
use bittorrent_proto::units::{ByteLen, ByteRange};

use crate::host::{ConnId, Host, HostId, Input, Output};
use crate::player::{Player, PlayerWake};
use crate::rng::{Part, Seed};

use connection::Connection;
use rules::Rules;
use saver::{Save, Saver};
use storage::Storage;
use viewer::{Viewer, Wish};

pub use crash::Remains;
pub use release::Release;
pub use viewer::ViewerConfig;

/// Connections of a torrent, as the engine allows by default.
const PEERS_MAX: usize = 60;

/// Who a peer is and what it wants.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The film.
    pub release: Release,
    /// Whether it has the info dictionary, or a magnet alone.
    pub knows_metainfo: bool,
    /// What is on its disk already.
    pub original: Original,
    /// Whether it fetches the whole film, or only what its viewer needs.
    pub fetch_rest: bool,
    /// Whom it was told of.
    pub peers: Vec<HostId>,
    /// One block in so many leaves altered; `None` for an honest peer.
    pub corrupts_one_in: Option<u64>,
    /// Who watches there.
    pub viewer: Option<ViewerConfig>,
}

/// What a peer starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Original {
    /// The whole film.
    Everything,
    /// Nothing of it.
    Nothing,
    /// One piece in so many, those whose number leaves that remainder.
    OneIn(u32, u32),
}

impl PeerConfig {
    /// Somebody who has the film.
    pub const fn seeder(release: Release) -> Self {
        Self {
            release,
            knows_metainfo: true,
            original: Original::Everything,
            fetch_rest: true,
            peers: Vec::new(),
            corrupts_one_in: None,
            viewer: None,
        }
    }

    /// Somebody who opened a magnet that names `peers`.
    pub fn leecher(release: Release, peers: Vec<HostId>) -> Self {
        Self { knows_metainfo: false, original: Original::Nothing, peers, ..Self::seeder(release) }
    }

    /// Whether all that it sends is the film's.
    pub const fn is_honest(&self) -> bool {
        self.corrupts_one_in.is_none()
    }
}

/// A participant of a swarm.
#[derive(Debug)]
pub struct Peer {
    config: PeerConfig,
    core: Torrent,
    peer_id: PeerId,
    rng: Rng,
    conns: BTreeMap<ConnId, Connection>,
    keys: BTreeMap<PeerKey, ConnId>,
    key_next: u32,
    storage: Storage,
    /// The pieces that may be read: those from the start, and those the core called verified. `None` until it began.
    here: Option<Bitfield>,
    /// What it began with.
    began: Option<Bitfield>,
    /// Pieces that must be found at the start: nothing was lost.
    kept: Option<Bitfield>,
    saver: Saver,
    viewer: Option<Viewer>,
    /// When a disk that failed is tried again.
    disk_retry_at: Option<Instant>,
    closes: Vec<(HostId, CloseReason)>,
    rules: Rules,
    outputs: VecDeque<Output<Job>>,
}

/// What a peer's disk does.
#[derive(Debug)]
pub enum Job {
    /// Looks at what is there, before anything is fetched.
    Prepare,
    /// Tries whether it works again.
    Probe,
    /// A job of the core's.
    Core(DiskJob),
    /// Reads verified bytes for the viewer.
    Read(ByteRange),
    /// Part of writing the resume file.
    Save(Save),
}

/// Why a peer wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerWake {
    /// A reason of the core's.
    Core(Wake),
    /// A reason of the player's.
    Player(PlayerWake),
    /// A handshake takes too long.
    Handshake,
    /// A disk that failed is worth a try.
    Disk,
    /// It is time to save what is new.
    Save,
    /// The player opens its stream again.
    Reopen,
}

impl Peer {
    /// Starts the engine on that host: opens the magnet, or the film it has.
    pub fn new(now: Instant, id: HostId, seed: Seed, config: PeerConfig) -> Self {
        let original = config.original.pieces(config.release.piece_count());
        let storage = Storage::new(now, config.release.clone(), original);
        Self::start(now, id, seed, config, storage, None)
    }

    fn start(
        now: Instant,
        id: HostId,
        seed: Seed,
        config: PeerConfig,
        storage: Storage,
        kept: Option<Bitfield>,
    ) -> Self {
        let mut rng = seed.stream(Part::Host(id.get()));
        let peer_id = PeerId::generate(&mut rng);
        let torrent = TorrentConfig {
            peer_id,
            client_name: format!("sim {}", id.get()),
            listen_port: id.address().port(),
            peers_max: PEERS_MAX,
            serves: true,
            pex: true,
            access: Access::default(),
        };
        let metainfo = config.release.metainfo();
        let core = if config.knows_metainfo {
            Torrent::with_metainfo(now, metainfo.clone(), torrent, rng.fork())
        } else {
            Torrent::new(now, metainfo.infohash, torrent, rng.fork())
        };
        let viewer = config.viewer.map(|viewer| Viewer::new(now, viewer, config.release.film()));
        let mut peer = Self {
            core,
            peer_id,
            rng,
            conns: BTreeMap::new(),
            keys: BTreeMap::new(),
            key_next: 0,
            storage,
            here: None,
            began: None,
            kept,
            saver: Saver::default(),
            viewer,
            disk_retry_at: None,
            closes: Vec::new(),
            rules: Rules::default(),
            outputs: VecDeque::new(),
            config,
        };
        if peer.config.knows_metainfo {
            peer.disk(Job::Prepare, ByteLen::ZERO);
        }
        let addrs: Vec<SocketAddr> = peer.config.peers.iter().map(|peer| peer.address()).collect();
        peer.core.handle_input(now, CoreInput::Addresses { addrs: &addrs, named_by: NamedBy::User });
        peer.settle(now);
        peer
    }

    /// The viewer jumps to a byte of the film. Nothing where nobody watches.
    pub fn seek(&mut self, now: Instant, to: u64) {
        if let Some(viewer) = &mut self.viewer {
            viewer.player_mut().seek(now, to);
        }
        self.settle(now);
    }

    /// The core, for looking.
    pub const fn core(&self) -> &Torrent {
        &self.core
    }

    /// Who it is.
    pub const fn config(&self) -> &PeerConfig {
        &self.config
    }

    /// The player, where somebody watches.
    pub fn player(&self) -> Option<&Player> {
        self.viewer.as_ref().map(Viewer::player)
    }

    /// Whether everything it wants is there.
    pub fn is_done(&self) -> bool {
        self.core.is_done()
    }

    /// The connections that its core ended: to whom, and why.
    pub fn closes(&self) -> &[(HostId, CloseReason)] {
        &self.closes
    }

    /// Bytes of pieces that it fetched and kept since it started.
    pub fn kept(&self) -> ByteLen {
        let here = self
            .here
            .iter()
            .flat_map(Bitfield::iter_ones)
            .filter(|piece| !self.began.as_ref().is_some_and(|began| began.get(*piece)));
        let layout = &self.config.release.metainfo().layout;
        here.filter_map(|piece| layout.piece(piece)).fold(ByteLen::ZERO, |sum, piece| sum + layout.piece_len(piece))
    }

    /// Does what the core wants until it and the viewer want nothing more.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(output) = self.core.poll_output() {
                self.carry_out(now, output);
            }
            let Some(wish) = self.poll_viewer(now) else { break };
            self.grant(now, wish);
        }
        self.save_news();
    }

    fn poll_viewer(&mut self, now: Instant) -> Option<Wish> {
        let here = self.here.as_ref()?;
        self.viewer.as_mut()?.poll(now, here, &self.config.release.metainfo().layout)
    }

    fn grant(&mut self, now: Instant, wish: Wish) {
        match wish {
            Wish::Tell(id, change) => self.core.handle_input(now, CoreInput::Reader(id, change)),
            Wish::TellRate(rate) => self.core.handle_input(now, CoreInput::PlaybackRate(rate)),
            Wish::Read(range) => self.disk(Job::Read(range), range.len()),
        }
    }

    fn carry_out(&mut self, now: Instant, output: CoreOutput) {
        match output {
            CoreOutput::Dial(addr) => match HostId::from_address(addr) {
                Some(peer) => self.outputs.push_back(Output::Dial { peer }),
                None => self.rules.broken(format!("dials {addr}, where nobody ever listened")),
            },
            CoreOutput::Send { peer, bytes } => {
                if let Some(&conn) = self.keys.get(&peer) {
                    self.outputs.push_back(Output::Send { conn, bytes });
                }
            }
            CoreOutput::Close { peer, reason } => {
                let Some(conn) = self.keys.remove(&peer) else { return };
                if let Some(closed) = self.conns.remove(&conn) {
                    self.closes.push((closed.peer, reason));
                }
                self.outputs.push_back(Output::Close { conn });
            }
            CoreOutput::Named { addrs, named_by, .. } => {
                self.core.handle_input(now, CoreInput::Addresses { addrs: &addrs, named_by });
            }
            CoreOutput::Hash(piece) => {
                if let Some(contiguous) = self.core.contiguous(piece) {
                    self.storage.hash_on(piece, contiguous);
                }
            }
            CoreOutput::Forget(piece) => self.storage.forget(piece),
            CoreOutput::Disk(job) => {
                let len = match &job {
                    DiskJob::Verify { data, .. } => ByteLen::new(data.len() as u64),
                    DiskJob::Read { run, .. } => run.len,
                    DiskJob::Evict(_) => ByteLen::ZERO,
                };
                self.disk(Job::Core(job), len);
            }
            CoreOutput::Event(event) => self.on_event(&event),
        }
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Metadata(_) => self.disk(Job::Prepare, ByteLen::ZERO),
            Event::MetadataRefused(error) => self.rules.broken(format!("the film's metadata was refused: {error}")),
            Event::Verified(piece) => {
                if !self.storage.has(*piece) {
                    self.rules.broken(format!("{piece:?} is called verified and is not on the disk"));
                }
                let new = self.here.as_mut().is_some_and(|here| here.set(piece.get()));
                if !new {
                    self.rules.broken(format!("{piece:?} is called verified twice"));
                }
            }
            Event::Done => self.rules.done_told(),
            Event::Failed { .. } | Event::MemberHere | Event::PeersChanged | Event::NoPeers | Event::NoMetadata => {}
            Event::Silence | Event::SilenceOver => {}
        }
    }

    fn disk(&mut self, job: Job, len: ByteLen) {
        self.outputs.push_back(Output::Disk { job, len });
    }
}

impl Host for Peer {
    type Job = Job;
    type Wake = PeerWake;

    fn handle_input(&mut self, now: Instant, input: Input<Job>) {
        match input {
            Input::Connected { conn, peer } => self.on_connected(now, conn, peer),
            Input::DialFailed { peer } => self.core.handle_input(now, CoreInput::DialFailed(peer.address())),
            Input::Bytes { conn, bytes } => self.on_bytes(now, conn, &bytes),
            Input::Written { conn, bytes } => self.on_written(now, conn, bytes),
            Input::Ended { conn, .. } => self.on_ended(now, conn),
            Input::Disk(done) => self.on_disk(now, done),
        }
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.core.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.core.handle_timeout(now);
        }
        if let Some(viewer) = &mut self.viewer
            && viewer.player().poll_timeout().is_some_and(|(at, _)| at <= now)
        {
            viewer.player_mut().handle_timeout(now);
        }
        self.refuse_late_handshakes(now);
        self.retry_disk(now);
        self.saver.handle_timeout(now);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output<Job>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, PeerWake)> {
        let viewer = self.viewer.as_ref();
        let core = self.core.poll_timeout().map(|(at, wake)| (at, PeerWake::Core(wake)));
        let player = viewer.and_then(|viewer| viewer.player().poll_timeout());
        let player = player.map(|(at, wake)| (at, PeerWake::Player(wake)));
        let handshake = self.handshake_until().map(|at| (at, PeerWake::Handshake));
        let disk = self.disk_retry_at.map(|at| (at, PeerWake::Disk));
        let reopen = viewer.and_then(Viewer::retry_at).map(|at| (at, PeerWake::Reopen));
        let save = self.saver.poll_timeout().map(|at| (at, PeerWake::Save));
        [core, player, handshake, disk, reopen, save].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn check(&self) -> Result<(), String> {
        self.rules.check(self)
    }
}

impl Original {
    fn pieces(self, count: u32) -> Bitfield {
        match self {
            Self::Everything => Bitfield::new_full(count),
            Self::Nothing => Bitfield::new_empty(count),
            Self::OneIn(every, remainder) => {
                let mut pieces = Bitfield::new_empty(count);
                (0..count).filter(|piece| piece % every == remainder).for_each(|piece| {
                    pieces.set(piece);
                });
                pieces
            }
        }
    }
}
