//! The thread `swarm`: every torrent and connection of a client.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::mse::{Found, Wanted};
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::torrent::{Input, Torrent, TorrentConfig};
use bittorrent_proto::units::{ByteLen, BytesPerSec};
use futures_lite::FutureExt as _;
use smol::channel::{Receiver, Sender};
use smol::net::{TcpListener, TcpStream};
use smol::{Task, Timer};

use crate::addresses;
use crate::config::Encryption;
use crate::encryption::KeyExchanges;
use crate::executor::Executor;
use crate::gate::{Gate, Knock};
use crate::handshake::{self, Torrents};
use crate::keeper::{self, Keeper};
use crate::listener::Listeners;
use crate::moving;
use crate::pool::{Lane, Pool};
use crate::shared::{End, Shared};
use crate::strangers::{self, Name};
use crate::throttle::Throttle;
use crate::torrent_task::{Order, Surroundings, TorrentTask};
use crate::tracker_task::{self, NamedTier, Trackers};

/// Stopped torrents are waited for so long when a task of the swarm has broken off: goodbyes to trackers take 1.2 s.
const FAREWELLS_MAX: Duration = Duration::from_millis(1300);

/// What other threads ask of the swarm.
pub(crate) enum Command {
    Start(Box<Start>),
    /// More addresses for a torrent that runs.
    Addresses {
        infohash: Infohash,
        addrs: Vec<SocketAddr>,
        named_by: NamedBy,
    },
    /// Peers of a torrent that runs, which only a stranger names, and not by address.
    Names {
        infohash: Infohash,
        names: Vec<Name>,
    },
    /// More trackers for a torrent that runs.
    Trackers {
        infohash: Infohash,
        trackers: Vec<NamedTier>,
    },
    Stop {
        /// This one, and no successor of the same infohash.
        torrent: Arc<Shared>,
        delete_data: bool,
        over: Sender<()>,
    },
    Limits {
        upload: Option<BytesPerSec>,
        download: Option<BytesPerSec>,
    },
    Shutdown {
        over: Sender<()>,
    },
}

/// A torrent to run.
pub(crate) struct Start {
    pub(crate) shared: Arc<Shared>,
    /// Known already; otherwise it comes from peers.
    pub(crate) metainfo: Option<Arc<Metainfo>>,
    pub(crate) order: Order,
    pub(crate) addrs: Vec<(SocketAddr, NamedBy)>,
    /// In the order in which they are asked.
    pub(crate) trackers: Vec<NamedTier>,
    /// Those of the magnet or torrent itself, whether they are asked or not.
    pub(crate) own_trackers: Vec<Vec<String>>,
}

/// What the thread needs to begin.
pub(crate) struct SwarmConfig {
    pub(crate) listeners: Listeners,
    pub(crate) peers_max: usize,
    pub(crate) client_name: String,
    pub(crate) pex: bool,
    pub(crate) disk_max: Option<ByteLen>,
    pub(crate) upload: Option<BytesPerSec>,
    pub(crate) download: Option<BytesPerSec>,
    pub(crate) seed: u64,
    pub(crate) serves: bool,
    pub(crate) keeper: Keeper,
    pub(crate) pool: Pool,
}

struct Running {
    task: Rc<TorrentTask>,
    run: Task<()>,
    /// It writes to our disk; what is shared lies where it lies.
    downloads: bool,
}

struct Swarm {
    surroundings: Surroundings,
    peer_id: PeerId,
    peers_max: usize,
    client_name: String,
    serves: bool,
    pex: bool,
    disk_max: Option<ByteLen>,
    port: u16,
    rng: RefCell<Rng>,
    torrents: RefCell<BTreeMap<Infohash, Running>>,
    /// Trackers that are being told of the end of a torrent.
    farewells: RefCell<BTreeMap<Infohash, Task<()>>>,
}

/// Runs on the calling thread until [`Command::Shutdown`] or until every client handle is gone.
pub(crate) fn run(config: SwarmConfig, commands: &Receiver<Command>) {
    let executor = Rc::new(Executor::new());
    let mut rng = Rng::new(config.seed);
    let swarm = Rc::new(Swarm {
        surroundings: Surroundings {
            executor: executor.clone(),
            upload: Throttle::new(config.upload),
            download: Throttle::new(config.download),
            keeper: Rc::new(config.keeper),
            gate: Rc::new(Gate::new(config.peers_max, addresses::own_networks_or_none)),
            exchanges: Rc::new(KeyExchanges::new(config.pool.clone())),
            greetings: Rc::default(),
        },
        peer_id: PeerId::generate(&mut rng),
        peers_max: config.peers_max,
        client_name: config.client_name,
        serves: config.serves,
        pex: config.pex,
        disk_max: config.disk_max,
        port: config.listeners.port,
        rng: RefCell::new(rng),
        torrents: RefCell::default(),
        farewells: RefCell::default(),
    });
    let tidying = executor.spawn({
        let keeper = swarm.surroundings.keeper.clone();
        async move { keeper.tidy(&config.pool).await }
    });
    let accepting: Vec<Task<()>> = config
        .listeners
        .sockets
        .into_iter()
        .map(|listener| executor.spawn(accept_all(swarm.clone(), listener)))
        .collect();
    let watching = executor.spawn(moving::watch({
        let swarm = swarm.clone();
        move || swarm.torrents.borrow().values().map(|running| running.task.clone()).collect()
    }));
    smol::block_on(executor.run(async {
        let broken = async {
            executor.broken().await;
            log::error!("a task of the swarm has panicked: the swarm ends");
        };
        swarm.follow(commands).or(broken).await;
        let patience = async {
            Timer::after(FAREWELLS_MAX).await;
            log::warn!("goodbyes take too long, and are left");
        };
        swarm.stop_all().or(patience).await;
    }));
    drop((accepting, watching, tidying));
}

impl Swarm {
    /// Does what it is told to, until the end.
    async fn follow(&self, commands: &Receiver<Command>) {
        while let Ok(command) = commands.recv().await {
            match command {
                Command::Start(start) => self.start(*start),
                Command::Addresses { infohash, addrs, named_by } => {
                    if let Some(running) = self.torrents.borrow().get(&infohash) {
                        running.task.add_addresses(&addrs, named_by);
                    }
                }
                Command::Names { infohash, names } => {
                    if let Some(task) = self.torrent(infohash) {
                        strangers::find(&task, names);
                    }
                }
                Command::Trackers { infohash, trackers } => {
                    if let Some(running) = self.torrents.borrow().get(&infohash) {
                        running.task.trackers.add(trackers);
                    }
                }
                Command::Stop { torrent, delete_data, over } => {
                    let is_it = |running: &Running| Arc::ptr_eq(&running.task.shared, &torrent);
                    let runs = self.torrents.borrow().get(&torrent.infohash).is_some_and(is_it);
                    if runs {
                        self.stop(torrent.infohash, delete_data).await;
                    }
                    let _ = over.send(()).await;
                }
                Command::Limits { upload, download } => {
                    self.surroundings.upload.set_rate(upload);
                    self.surroundings.download.set_rate(download);
                }
                Command::Shutdown { over } => {
                    self.stop_all().await;
                    let _ = over.send(()).await;
                    return;
                }
            }
        }
    }

    fn start(&self, start: Start) {
        let config = TorrentConfig {
            peer_id: self.peer_id,
            client_name: self.client_name.clone(),
            listen_port: self.port,
            peers_max: self.peers_max,
            serves: self.serves,
            pex: self.pex && start.order.terms.allow_pex(),
            access: start.order.terms.access(),
        };
        let infohash = start.shared.infohash;
        log::debug!("{infohash}: started, {} addresses given", start.addrs.len());
        let rng = self.rng.borrow_mut().fork();
        let downloads = start.shared.known.get().is_none();
        let now = Instant::now();
        let core = match start.metainfo {
            Some(metainfo) => Torrent::with_metainfo(now, metainfo, config, rng),
            None => Torrent::new(now, infohash, config, rng),
        };
        let trackers = Trackers::new(self.rng.borrow_mut().fork(), self.port, start.trackers, start.own_trackers);
        let surroundings = self.surroundings.clone();
        let task = TorrentTask::new(start.shared, core, self.peer_id, start.order, trackers, surroundings);
        // Or the goodbye of its last life would come after the new greeting.
        drop(self.farewells.borrow_mut().remove(&infohash));
        let run = self.surroundings.executor.spawn(task.clone().run());
        for (addr, named_by) in start.addrs {
            task.add_addresses(&[addr], named_by);
        }
        self.torrents.borrow_mut().insert(infohash, Running { task, run, downloads });
        self.share_disk();
    }

    /// Each download may use an equal part of the disk's limit.
    fn share_disk(&self) {
        let Some(disk_max) = self.disk_max else { return };
        let torrents = self.torrents.borrow();
        let downloads: Vec<Rc<TorrentTask>> =
            torrents.values().filter(|running| running.downloads).map(|running| running.task.clone()).collect();
        drop(torrents);
        let share = ByteLen::new(disk_max.get() / (downloads.len() as u64).max(1));
        downloads.iter().for_each(|task| task.input(Input::DiskLimit(Some(share))));
    }

    async fn stop(&self, infohash: Infohash, delete_data: bool) {
        let Some(running) = self.torrents.borrow_mut().remove(&infohash) else { return };
        let shared = running.task.shared.clone();
        if delete_data {
            running.task.saver.give_up();
        }
        shared.end(End::Stopped);
        running.run.await;
        if let Some(farewell) = tracker_task::farewell(&running.task) {
            let farewell = self.surroundings.executor.spawn(farewell);
            let mut farewells = self.farewells.borrow_mut();
            farewells.retain(|_, farewell| !farewell.is_finished());
            farewells.insert(infohash, farewell);
        }
        log::debug!("{infohash}: stopped");
        let mark = running.task.mark.take();
        self.share_disk();
        if let Some(known) = shared.known.get() {
            known.storage.close();
        }
        if let Some(mark) = &mark {
            mark.touch();
        }
        if let (true, Some(known)) = (delete_data, shared.known.get()) {
            let storage = known.storage.clone();
            let data_dir = running.task.order.data_dir.clone();
            let delete = move || keeper::delete(&data_dir, infohash, &storage);
            if let Err(error) = shared.pool.run(Lane::Write, delete).await {
                log::warn!("{infohash}: {error}");
            }
        }
    }

    async fn stop_all(&self) {
        let all: Vec<Infohash> = self.torrents.borrow().keys().copied().collect();
        for infohash in all {
            self.stop(infohash, false).await;
        }
        let farewells = std::mem::take(&mut *self.farewells.borrow_mut());
        for farewell in farewells.into_values() {
            farewell.await;
        }
    }

    fn torrent(&self, infohash: Infohash) -> Option<Rc<TorrentTask>> {
        let torrents = self.torrents.borrow();
        let task = &torrents.get(&infohash)?.task;
        task.shared.ended().is_none().then(|| task.clone())
    }
}

async fn accept_all(swarm: Rc<Swarm>, listener: TcpListener) {
    let gate = swarm.surroundings.gate.clone();
    // Oldest first.
    let mut greeting: VecDeque<Task<()>> = VecDeque::new();
    loop {
        let pause = gate.pace(Instant::now());
        if !pause.is_zero() {
            smol::Timer::after(pause).await;
        }
        match listener.accept().await {
            Ok((stream, addr)) => {
                greeting.retain(|task| !task.is_finished());
                // Whoever means it is through in a round trip; who has waited longest most likely does not.
                if gate.is_crowded()
                    && let Some(oldest) = greeting.pop_front()
                {
                    oldest.cancel().await;
                }
                match gate.knock(Instant::now(), addr.ip()) {
                    Ok(knock) => {
                        let executor = &swarm.surroundings.executor;
                        greeting.push_back(executor.spawn(greet(swarm.clone(), stream, addr, knock)));
                    }
                    Err(refusal) => log::debug!("{addr} is not answered: {refusal}"),
                }
            }
            Err(error) => {
                // Usually too many open files. The connection stays in the backlog, so a moment's rest loses nothing.
                log::warn!("cannot accept a connection: {error}");
                Timer::after(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn greet(swarm: Rc<Swarm>, stream: TcpStream, addr: SocketAddr, knock: Knock) {
    let greeted = handshake::accept(stream, &*swarm, &swarm.surroundings.exchanges).await;
    drop(knock);
    match greeted {
        Ok(greeted) => {
            if let Some(task) = swarm.torrent(greeted.theirs.infohash) {
                // IPv4 over an IPv6 socket is IPv4.
                let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
                task.connected(greeted, addr, true);
            }
        }
        Err(error) => log::debug!("{addr} came to nothing: {error}"),
    }
}

impl Torrents for Swarm {
    fn known(&self, infohash: Infohash) -> Option<PeerId> {
        self.torrent(infohash).map(|_| self.peer_id)
    }

    fn find(&self, wanted: Wanted) -> Option<Found> {
        let infohash = self.torrents.borrow().keys().copied().find(|infohash| wanted.is(*infohash))?;
        let task = self.torrent(infohash)?;
        Some(Found { infohash, prefer_rc4: task.order.encryption == Encryption::Preferred })
    }
}
