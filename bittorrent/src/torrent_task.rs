//! One torrent on the swarm's thread: the core, its connections, its jobs, and the loop that wakes it.
//!
//! Everything here runs on one thread, so the core is borrowed for a moment at a time and nothing locks. A connection's
//! bytes go into the core in the task that read them; this file's loop is only for timers and for what other threads say.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::mse::Ciphers;
use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::reader::ReaderId;
use bittorrent_proto::torrent::{CloseReason, DiskDone, DiskJob, Event, Input, Output, ReaderChange, Torrent};
use bittorrent_proto::units::PieceIndex;
use event_listener::Event as Wakeup;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::FutureExt;
use smol::{Task, Timer};

use crate::cipher_stream::{Decrypting, Encrypting};
use crate::config::{Encryption, Fetch, FileChoice, Terms};
use crate::connection::{Connection, SendQueue, read_all, write_all};
use crate::encryption::{self, KeyExchanges};
use crate::events::{Failure, TorrentEvent, Trouble};
use crate::executor::Executor;
use crate::gate::Gate;
use crate::greetings::Greetings;
use crate::handshake::Greeted;
use crate::hash::{PieceHasher, RunningHashes};
use crate::keeper::{Keeper, Mark};
use crate::pool::Lane;
use crate::resume::Saver;
use crate::shared::Shared;
use crate::storage::{Storage, StorageError};
use crate::throttle::Throttle;
use crate::tracker_task::{self, Trackers};
use crate::{addresses, prepare, report};

/// How often figures are made anew while anything moves.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Failures of one piece before the person is told.
const PIECE_FAILURES_TOLD: u32 = 3;

/// What all torrents of a client share on the swarm's thread.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) executor: Rc<Executor>,
    pub(crate) upload: Throttle,
    pub(crate) download: Throttle,
    pub(crate) gate: Rc<Gate>,
    pub(crate) exchanges: Rc<KeyExchanges>,
    pub(crate) greetings: Rc<Greetings>,
    pub(crate) keeper: Rc<Keeper>,
}

/// What was asked for.
pub(crate) struct Order {
    pub(crate) file: FileChoice,
    pub(crate) fetch: Fetch,
    pub(crate) terms: Terms,
    /// Where downloads go; a seeded torrent has its storage already.
    pub(crate) data_dir: std::path::PathBuf,
    pub(crate) encryption: Encryption,
}

/// One torrent.
pub(crate) struct TorrentTask {
    pub(crate) shared: Arc<Shared>,
    pub(crate) core: RefCell<Torrent>,
    pub(crate) order: Order,
    pub(crate) surroundings: Surroundings,
    pub(crate) peer_id: PeerId,
    pub(crate) trackers: Trackers,
    connections: RefCell<BTreeMap<PeerKey, Connection>>,
    next_peer: Cell<u32>,
    hashes: RefCell<RunningHashes>,
    /// Dials and jobs under way, held so that they end with the torrent.
    jobs: RefCell<BTreeMap<u64, Task<()>>>,
    jobs_over: RefCell<Vec<u64>>,
    next_job: Cell<u64>,
    /// When the loop will look at the core's timers next.
    armed: Cell<Option<Instant>>,
    rearm: Wakeup,
    /// Something happened since the last report.
    pub(crate) moved: Cell<bool>,
    pub(crate) disk_full: Cell<bool>,
    /// Pauses since the last write for which free space gave no reason.
    pub(crate) writes_refused: Cell<u32>,
    pub(crate) saver: Saver,
    /// That the download is in use; nothing for what is seeded.
    pub(crate) mark: RefCell<Option<Mark>>,
    pub(crate) downloaded_ever: Cell<u64>,
}

impl TorrentTask {
    pub(crate) fn new(
        shared: Arc<Shared>,
        core: Torrent,
        peer_id: PeerId,
        order: Order,
        trackers: Trackers,
        surroundings: Surroundings,
    ) -> Rc<Self> {
        Rc::new(Self {
            shared,
            core: RefCell::new(core),
            order,
            surroundings,
            peer_id,
            trackers,
            connections: RefCell::default(),
            next_peer: Cell::new(0),
            hashes: RefCell::new(RunningHashes::new()),
            jobs: RefCell::default(),
            jobs_over: RefCell::default(),
            next_job: Cell::new(0),
            armed: Cell::new(None),
            rearm: Wakeup::new(),
            moved: Cell::new(true),
            disk_full: Cell::new(false),
            writes_refused: Cell::new(0),
            saver: Saver::default(),
            mark: RefCell::default(),
            downloaded_ever: Cell::new(0),
        })
    }

    /// Runs until the torrent ends.
    pub(crate) async fn run(self: Rc<Self>) {
        if let Some(known) = self.shared.known.get() {
            prepare::begin_seeding(&self, known);
        } else if let Some(metainfo) = self.core.borrow().metainfo().cloned() {
            self.spawn(prepare::prepare(self.clone(), metainfo));
        }
        self.spawn(tracker_task::run(self.clone()));
        self.pump();
        let mut readers = ReaderWatch::default();
        let mut report_due = Instant::now();
        loop {
            let attention = self.shared.attention.listen();
            let rearm = self.rearm.listen();
            if self.shared.ended().is_some() {
                break;
            }
            readers.look(&self);
            self.look_at_playhead();
            let now = Instant::now();
            self.run_timers(now);
            self.sweep();
            if self.moved.get() && now >= report_due {
                self.moved.set(report::publish(&self, now));
                report_due = now + REPORT_EVERY;
            }
            let timer = self.core.borrow().poll_timeout().map(|(at, _)| at);
            let wake_at = timer.into_iter().chain(self.moved.get().then_some(report_due)).min();
            self.armed.set(wake_at);
            let timer = async {
                match wake_at {
                    Some(at) => {
                        Timer::at(at).await;
                    }
                    None => std::future::pending().await,
                }
            };
            attention.or(rearm).or(timer).await;
        }
        self.close_all();
        self.saver.finish(&self).await;
        self.jobs.borrow_mut().clear();
        report::publish(&self, Instant::now());
    }

    /// An input, and everything that follows from it.
    pub(crate) fn input(self: &Rc<Self>, input: Input<'_>) {
        let begins = matches!(input, Input::Begin(_));
        self.core.borrow_mut().handle_input(Instant::now(), input);
        self.pump();
        if begins {
            self.trackers.look_again();
        }
    }

    fn run_timers(self: &Rc<Self>, now: Instant) {
        let due = self.core.borrow().poll_timeout().is_some_and(|(at, _)| at <= now);
        if due {
            self.core.borrow_mut().handle_timeout(now);
            self.pump();
        }
    }

    fn look_at_playhead(self: &Rc<Self>) {
        let playhead = crate::shared::lock(&self.shared.playhead).take();
        if let Some(playhead) = playhead {
            self.input(Input::PlaybackRate(playhead.playing.then_some(playhead.rate)));
        }
    }

    /// Does what the core wants done.
    pub(crate) fn pump(self: &Rc<Self>) {
        loop {
            // Not held over the work, which may come back to the core.
            let output = self.core.borrow_mut().poll_output();
            let Some(output) = output else { break };
            match output {
                Output::Dial(addr) => self.spawn(self.clone().dial(addr)),
                Output::Send { peer, bytes } => {
                    if let Some(connection) = self.connections.borrow().get(&peer) {
                        connection.queue.push(bytes);
                    }
                }
                Output::Close { peer, reason } => {
                    log::debug!("{}: connection {} closed: {reason}", self.shared.infohash, peer.0);
                    if let CloseReason::Misbehaved(misbehaved) = reason {
                        self.punish(peer, misbehaved);
                    }
                    self.close(peer);
                }
                Output::Named { by, addrs, named_by } => self.take_named(by, &addrs, named_by),
                Output::Hash(piece) => self.hash_on(piece),
                Output::Forget(piece) => self.hashes.borrow_mut().forget(piece),
                Output::Disk(job) => self.start_disk_job(job),
                Output::Event(event) => self.on_event(event),
            }
        }
        let next = self.core.borrow().poll_timeout().map(|(at, _)| at);
        let later_than_next = |armed: Option<Instant>| next.is_some_and(|next| armed.is_none_or(|armed| next < armed));
        if later_than_next(self.armed.get()) || (!self.moved.get()) {
            self.armed.set(next);
            self.rearm.notify(1);
        }
        self.moved.set(true);
    }

    fn hash_on(&self, piece: PieceIndex) {
        if let Some(bytes) = self.core.borrow().contiguous(piece) {
            self.hashes.borrow_mut().feed(piece, bytes);
        }
    }

    fn on_event(self: &Rc<Self>, event: Event) {
        let told = match event {
            Event::Metadata(metainfo) => {
                if metainfo.private && !self.order.terms.clone().under_flag(true).private {
                    self.trackers.turn_private();
                }
                self.spawn(prepare::prepare(self.clone(), metainfo));
                return;
            }
            Event::MetadataRefused(error) => return self.fail(Failure::Metainfo(error)),
            Event::Verified(piece) => {
                if let Some(verified) = self.shared.verified.get() {
                    verified.set(piece.get());
                    self.shared.changed.notify(usize::MAX);
                }
                return;
            }
            Event::Failed { piece, times, banned } => {
                log::info!("{}: {piece:?} failed its check ({times} times)", self.shared.infohash);
                // At 3, 6, 12 and so on: a piece that never passes must not fill a screen.
                if !times.is_multiple_of(PIECE_FAILURES_TOLD) || !(times / PIECE_FAILURES_TOLD).is_power_of_two() {
                    return;
                }
                TorrentEvent::Trouble(Trouble::PieceKeepsFailing { piece, banned })
            }
            Event::Done => {
                self.trackers.completed(self.core.borrow().is_partial_seed());
                TorrentEvent::Done
            }
            Event::MemberHere => TorrentEvent::MemberHere,
            Event::PeersChanged => return self.trackers.look_again(),
            Event::NoPeers => {
                self.trackers.silence();
                TorrentEvent::Trouble(Trouble::NoPeers)
            }
            Event::Silence => {
                self.trackers.silence();
                TorrentEvent::Trouble(Trouble::Silence)
            }
            Event::SilenceOver => TorrentEvent::Trouble(Trouble::SilenceOver),
            Event::NoMetadata => TorrentEvent::Trouble(Trouble::NoMetadata),
        };
        // Whoever hears of it finds the figures that belong to it.
        report::publish(self, Instant::now());
        self.shared.tell(&told);
    }

    /// Something it cannot go on after.
    pub(crate) fn fail(&self, failure: Failure) {
        self.shared.fail(failure);
    }

    /// Keeps a peer that broke a rule from coming back.
    fn punish(&self, peer: PeerKey, misbehaved: PeerMisbehaved) {
        if let Some(connection) = self.connections.borrow().get(&peer) {
            connection.place.punish(Instant::now(), misbehaved);
        }
    }

    async fn dial(self: Rc<Self>, addr: SocketAddr) {
        if let Err(refusal) = self.surroundings.gate.may_dial(Instant::now(), addr.ip()) {
            log::debug!("{}: {addr} is not dialed: {refusal}", self.shared.infohash);
            return self.input(Input::DialFailed(addr));
        }
        let exchanges = &self.surroundings.exchanges;
        let (greetings, infohash) = (&self.surroundings.greetings, self.shared.infohash);
        let prefers = self.order.encryption;
        match encryption::dial(addr, infohash, self.peer_id, prefers, exchanges, greetings).await {
            Ok(greeted) => self.connected(greeted, addr, false),
            Err(error) => {
                log::debug!("{}: no connection to {addr}: {error}", self.shared.infohash);
                self.input(Input::DialFailed(addr));
            }
        }
    }

    /// Takes over a connection whose handshakes are through.
    pub(crate) fn connected(self: &Rc<Self>, greeted: Greeted, addr: SocketAddr, incoming: bool) {
        let Greeted { stream, theirs, ciphers, early } = greeted;
        if self.shared.ended().is_some() {
            // Nothing new begins while the last pieces go to the disk.
            return;
        }
        let place = match self.surroundings.gate.enter(Instant::now(), addr.ip(), theirs.peer_id, incoming) {
            Ok(place) => place,
            Err(refusal) => {
                log::debug!("{}: {addr} is not taken: {refusal}", self.shared.infohash);
                if !incoming {
                    self.input(Input::DialFailed(addr));
                }
                return;
            }
        };
        let peer = PeerKey(self.next_peer.get());
        log::debug!("{}: connection {} {} {addr}", self.shared.infohash, peer.0, if incoming { "from" } else { "to" });
        self.next_peer.set(peer.0 + 1);
        let (queue, closed) = (Rc::new(SendQueue::default()), Rc::new(Cell::new(false)));
        let local = stream.local_addr().ok().map(|addr| addr.ip());
        let encrypted = ciphers.is_some();
        let tasks = match ciphers {
            None => self.spawn_halves(peer, stream.clone(), stream, &queue, &closed),
            Some(Ciphers { read, write }) => {
                let (reader, writer) = (Decrypting::new(stream.clone(), read), Encrypting::new(stream, write));
                self.spawn_halves(peer, reader, writer, &queue, &closed)
            }
        };
        let connection = Connection { queue, closed, tasks, local, encrypted, place };
        self.connections.borrow_mut().insert(peer, connection);
        self.input(Input::Connected { peer, addr, incoming, handshake: theirs });
        if !early.is_empty() {
            self.input(Input::Received { peer, bytes: &early });
        }
    }

    fn spawn_halves(
        self: &Rc<Self>,
        peer: PeerKey,
        reader: impl AsyncRead + Unpin + 'static,
        writer: impl AsyncWrite + Unpin + 'static,
        queue: &Rc<SendQueue>,
        closed: &Rc<Cell<bool>>,
    ) -> [Task<()>; 2] {
        let executor = &self.surroundings.executor;
        let reads = executor.spawn(self.clone().read(peer, reader, closed.clone()));
        let writes = executor.spawn(self.clone().write(peer, writer, queue.clone(), closed.clone()));
        [reads, writes]
    }

    /// Whether what a peer and we say is encrypted.
    pub(crate) fn is_encrypted(&self, peer: PeerKey) -> bool {
        self.connections.borrow().get(&peer).is_some_and(|connection| connection.encrypted)
    }

    async fn read(self: Rc<Self>, peer: PeerKey, mut stream: impl AsyncRead + Unpin, closed: Rc<Cell<bool>>) {
        let take = |bytes: &[u8]| {
            self.core.borrow_mut().handle_input(Instant::now(), Input::Received { peer, bytes });
            self.pump();
        };
        let outcome = read_all(&mut stream, &self.surroundings.download, &closed, take).await;
        self.lost(peer, &closed, outcome);
    }

    async fn write(
        self: Rc<Self>,
        peer: PeerKey,
        mut stream: impl AsyncWrite + Unpin,
        queue: Rc<SendQueue>,
        closed: Rc<Cell<bool>>,
    ) {
        let sent = |len| self.input(Input::Written { peer, len });
        let outcome = write_all(&mut stream, &queue, &self.surroundings.upload, &closed, sent).await;
        self.lost(peer, &closed, outcome);
    }

    fn lost(self: &Rc<Self>, peer: PeerKey, closed: &Cell<bool>, outcome: std::io::Result<()>) {
        if closed.get() {
            return;
        }
        if let Err(error) = outcome {
            log::debug!("{}: connection {} lost: {error}", self.shared.infohash, peer.0);
        }
        self.close(peer);
        self.input(Input::Disconnected(peer));
    }

    /// Ends the connections whose own end is such an address.
    pub(crate) fn end_those_at(self: &Rc<Self>, is_gone: impl Fn(IpAddr) -> bool) {
        let connections = self.connections.borrow();
        let gone = connections.iter().filter(|(_, connection)| connection.local.is_some_and(&is_gone));
        let gone: Vec<PeerKey> = gone.map(|(peer, _)| *peer).collect();
        drop(connections);
        for peer in gone {
            log::debug!("{}: connection {} has lost our address", self.shared.infohash, peer.0);
            self.close(peer);
            self.input(Input::AddressLost(peer));
        }
    }

    fn close(&self, peer: PeerKey) {
        let connection = self.connections.borrow_mut().remove(&peer);
        if let Some(connection) = connection {
            connection.closed.set(true);
            drop(connection.tasks);
        }
    }

    fn close_all(&self) {
        let peers: Vec<PeerKey> = self.connections.borrow().keys().copied().collect();
        peers.into_iter().for_each(|peer| self.close(peer));
    }

    /// Addresses to dial, told by whom.
    pub(crate) fn add_addresses(self: &Rc<Self>, addrs: &[SocketAddr], named_by: NamedBy) {
        if self.shared.ended().is_some() {
            // One that failed keeps its place, but nothing begins there any more.
            return;
        }
        if named_by < NamedBy::Stranger {
            addrs.iter().for_each(|addr| self.surroundings.gate.name(addr.ip()));
        }
        self.input(Input::Addresses { addrs, named_by });
    }

    /// Takes those of the peers that a peer named which may be dialed.
    fn take_named(&self, by: IpAddr, addrs: &[SocketAddr], named_by: NamedBy) {
        let own = addresses::own_networks_or_none();
        let fit: Vec<SocketAddr> =
            addrs.iter().copied().filter(|addr| addresses::may_dial_named_by_peer(*addr, by, &own).is_ok()).collect();
        log::debug!("{}: {by} names {} peers, {} of use", self.shared.infohash, addrs.len(), fit.len());
        if named_by < NamedBy::Stranger {
            fit.iter().for_each(|addr| self.surroundings.gate.name(addr.ip()));
        }
        self.core.borrow_mut().handle_input(Instant::now(), Input::Addresses { addrs: &fit, named_by });
    }

    fn start_disk_job(self: &Rc<Self>, job: DiskJob) {
        let Some(known) = self.shared.known.get() else { return };
        let storage = known.storage.clone();
        match job {
            DiskJob::Verify { piece, data } => {
                let hasher = self.hashes.borrow_mut().take(piece);
                let metainfo = known.metainfo.clone();
                self.saver.write_begins();
                self.spawn(self.clone().verify(piece, data, hasher, metainfo, storage));
            }
            DiskJob::Evict(piece) => {
                if let Some(verified) = self.shared.verified.get() {
                    verified.clear(piece.get());
                }
                self.spawn(self.clone().evict(piece, storage));
            }
            DiskJob::Read { peer, run } => {
                let start = storage.layout().piece_range(run.piece).start + u64::from(run.offset.get());
                let range = bittorrent_proto::units::ByteRange::new(start, start + run.len.get());
                let task = self.clone();
                self.spawn(async move {
                    let shared = task.shared.clone();
                    let read = move || storage.read_if(range, || shared.is_verified(range));
                    match task.shared.pool.run(Lane::Read, read).await {
                        Ok(None) => task.input(Input::Disk(DiskDone::ReadFailed { peer, run })),
                        Ok(Some(data)) => task.input(Input::Disk(DiskDone::Read { peer, run, data: data.into() })),
                        Err(error) => {
                            log::warn!("{}: {error}", task.shared.infohash);
                            task.input(Input::Disk(DiskDone::ReadFailed { peer, run }));
                            task.on_storage_error(&error);
                        }
                    }
                });
            }
        }
    }

    /// Gives a piece's room back. Nobody can read it from the first line on, and nothing claims it from the second.
    async fn evict(self: Rc<Self>, piece: PieceIndex, storage: Arc<Storage>) {
        let range = storage.layout().piece_range(piece);
        let given_up = match self.saver.claim_nothing(&self).await {
            Ok(()) => {
                self.shared.pool.run(Lane::Write, move || storage.give_up(range)).await.map_err(|e| e.to_string())
            }
            Err(error) => Err(format!("the resume file cannot be removed: {error}")),
        };
        match given_up {
            Ok(()) => self.input(Input::Disk(DiskDone::Evicted(piece))),
            Err(error) => {
                log::warn!("{}: the disk limit cannot be kept: {error}", self.shared.infohash);
                self.input(Input::Disk(DiskDone::NotEvicted(piece)));
            }
        }
    }

    /// Hashes what is left of a piece, and writes it if it is right: one job.
    async fn verify(
        self: Rc<Self>,
        piece: PieceIndex,
        data: Vec<u8>,
        hasher: Option<PieceHasher>,
        metainfo: Arc<Metainfo>,
        storage: Arc<Storage>,
    ) {
        enum Outcome {
            Written,
            Corrupt,
            Failed(StorageError),
        }
        let job = move || {
            let mut hasher = hasher.unwrap_or_default();
            let rest = hasher.hashed();
            hasher.update(&data[rest..]);
            let outcome = if hasher.finish() != *metainfo.piece_hash(piece) {
                Outcome::Corrupt
            } else {
                match storage.write(metainfo.layout.piece_range(piece), &data) {
                    Ok(()) => Outcome::Written,
                    Err(error) => Outcome::Failed(error),
                }
            };
            (data, outcome)
        };
        let (data, outcome) = self.shared.pool.run(Lane::Write, job).await;
        match outcome {
            Outcome::Written => {
                self.input(Input::Disk(DiskDone::Verified { piece, data }));
                self.on_written();
            }
            Outcome::Corrupt => self.input(Input::Disk(DiskDone::Corrupt { piece, data })),
            Outcome::Failed(error) => self.on_write_failed(piece, data, &error),
        }
        self.saver.write_ends();
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.disk_full.get()
    }

    /// Runs something that ends with the torrent at the latest.
    pub(crate) fn spawn(self: &Rc<Self>, work: impl Future<Output = ()> + 'static) {
        let id = self.next_job.get();
        self.next_job.set(id + 1);
        let task = self.clone();
        let held = self.surroundings.executor.spawn(async move {
            work.await;
            task.jobs_over.borrow_mut().push(id);
        });
        self.sweep();
        self.jobs.borrow_mut().insert(id, held);
    }

    /// Lets go of jobs that are over.
    fn sweep(&self) {
        let over = std::mem::take(&mut *self.jobs_over.borrow_mut());
        let mut jobs = self.jobs.borrow_mut();
        let finished: Vec<Option<Task<()>>> = over.iter().map(|id| jobs.remove(id)).collect();
        drop(jobs);
        drop(finished);
    }
}

/// Where readers stood when the core was last told.
#[derive(Default)]
struct ReaderWatch {
    known: BTreeMap<u64, (u64, bool)>,
}

impl ReaderWatch {
    /// Tells the core which streams were opened, moved and closed since.
    fn look(&mut self, task: &Rc<TorrentTask>) {
        let cells = task.shared.readers();
        let gone: Vec<u64> = self.known.keys().copied().filter(|id| !cells.iter().any(|cell| cell.id == *id)).collect();
        for id in gone {
            self.known.remove(&id);
            task.input(Input::Reader(ReaderId(id), ReaderChange::Closed));
        }
        for cell in cells {
            let position = cell.position.load(Ordering::Acquire);
            let waiting = cell.waiting.load(Ordering::Acquire);
            let before = self.known.insert(cell.id, (position, waiting));
            if before.is_none() {
                let opened = ReaderChange::Opened { file: cell.file, position };
                task.input(Input::Reader(ReaderId(cell.id), opened));
            }
            if before.is_some_and(|before| before != (position, waiting)) || (before.is_none() && waiting) {
                task.input(Input::Reader(ReaderId(cell.id), ReaderChange::Moved { position, waiting }));
            }
        }
    }
}
