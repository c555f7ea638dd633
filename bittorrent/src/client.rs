//! The client: one thread that owns every torrent and connection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::units::BytesPerSec;
use smol::channel::{Receiver, Sender, bounded};

use crate::addresses;
use crate::config::{AddRequest, ClientConfig, Fetch, FileChoice, SeedRequest, TorrentSource};
use crate::events::{ClientEvent, TorrentEvent, TrackerOutcome, Trouble};
use crate::figures::DiskRoom;
use crate::handle::TorrentHandle;
use crate::keeper::Keeper;
use crate::pool::{Lane, Pool};
use crate::seed::{self, SeedError};
use crate::shared::{Known, Shared, lock};
use crate::swarm::{self, Command, Start, SwarmConfig};
use crate::torrent_task::Order;
use crate::tracker_task::NamedTier;
use crate::{kept, listener, prepare, report, routes, strangers};

/// Commands that wait for the swarm's thread; who finds it full waits.
const COMMANDS_MAX: usize = 64;

/// News of the client that nobody has read; older ones are dropped for newer ones.
const NEWS_MAX: usize = 64;

/// A BitTorrent client. Clones share it; [`Client::shutdown`] ends it, and so does dropping the last one.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Sender<Command>,
    pool: Pool,
    port: u16,
    news: Receiver<ClientEvent>,
    data_dir: PathBuf,
    torrents: Mutex<BTreeMap<Infohash, TorrentHandle>>,
    /// Closed by the thread's end.
    over: Receiver<Infallible>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why no client could start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No TCP port could be bound.
    #[error("no port for peers could be opened, neither {preferred} nor any other: {source}")]
    Port {
        /// The one asked for.
        preferred: u16,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// The thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Why a torrent could not start.
#[derive(Debug, thiserror::Error)]
pub enum TorrentError {
    /// The file or folder cannot be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Nothing in it to share.
    #[error("{path} holds no bytes to share")]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A name that cannot travel in a torrent (not UTF-8), or too many files.
    #[error("{path} cannot be shared: {reason}")]
    Unfit {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It changed while it was hashed.
    #[error("{path} changed while it was read")]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// [`crate::FileChoice`] names no file of the torrent.
    #[error("the torrent has no such file: {0}")]
    NoSuchFile(String),
    /// No thread could be started for hashing.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The client is shutting down.
    #[error("the engine is stopping")]
    Stopping,
}

impl From<SeedError> for TorrentError {
    fn from(error: SeedError) -> Self {
        match error {
            SeedError::Open { path, source } => Self::Open { path, source },
            SeedError::Empty { path } => Self::Empty { path },
            SeedError::Unfit { path, reason } => Self::Unfit { path, reason: reason.to_string() },
            SeedError::Changed { path } => Self::Changed { path },
            SeedError::Cancelled => Self::Stopping,
            SeedError::Thread(source) => Self::Thread(source),
        }
    }
}

impl Client {
    /// Binds the port and starts the thread `swarm`.
    pub fn start(config: ClientConfig) -> Result<Self, StartError> {
        let preferred = config.listen_port;
        let listeners = listener::listen(preferred).map_err(|source| StartError::Port { preferred, source })?;
        let port = listeners.port;
        log::info!("peers reach us on port {port}");
        let pool = Pool::new().map_err(StartError::Thread)?;
        let (commands, received) = bounded(COMMANDS_MAX);
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| StartError::Random(error.to_string()))?;
        let (news_in, news) = bounded(NEWS_MAX);
        let keeper = Keeper::new(config.data_dir.clone(), news_in);
        let swarm = SwarmConfig {
            keeper,
            listeners,
            peers_max: config.peers_max,
            client_name: config.client_name,
            serves: config.serves,
            pex: config.pex,
            disk_max: config.disk_max,
            upload: config.upload_max,
            download: config.download_max,
            seed: u64::from_le_bytes(seed),
            pool: pool.clone(),
        };
        let (over_in, over) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("swarm".into())
            .spawn(move || {
                let _over = over_in;
                swarm::run(swarm, &received);
            })
            .map_err(StartError::Thread)?;
        let inner = Inner {
            commands,
            pool,
            port,
            news,
            data_dir: config.data_dir,
            torrents: Mutex::default(),
            over,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The port that peers reach.
    pub fn listen_port(&self) -> u16 {
        self.inner.port
    }

    /// What happens that is about no torrent that runs. Each is received once, whoever asks.
    pub fn news(&self) -> Receiver<ClientEvent> {
        self.inner.news.clone()
    }

    /// How full the disk is that downloads lie on; `None` when the system does not say.
    pub async fn disk_room(&self) -> Option<DiskRoom> {
        let data_dir = self.inner.data_dir.clone();
        self.inner.pool.run(Lane::Bulk, move || DiskRoom::of(&data_dir)).await.ok()
    }

    /// Our own addresses that others may reach, for `x.pe`; never loopback.
    pub fn advertised(&self) -> Vec<SocketAddr> {
        addresses::advertised(self.inner.port, &addresses::own_networks_or_none(), &routes::towards_the_world())
    }

    /// Hashes a file or folder and shares it. Dropping the future stops the hashing. Already shared: the same torrent
    /// again, with a channel of its own.
    pub async fn seed(&self, request: SeedRequest) -> Result<(TorrentHandle, Receiver<TorrentEvent>), TorrentError> {
        let seeded = seed::seed_async(request.path, request.name, request.progress).await?;
        let metainfo = Arc::new(seeded.metainfo);
        let trackers: Vec<NamedTier> = request.trackers.into_iter().map(|(url, by)| (vec![url], by)).collect();
        if let Some(running) = self.running(metainfo.infohash) {
            self.send(Command::Trackers { infohash: metainfo.infohash, trackers }).await?;
            return Ok(running);
        }
        let film = prepare::choose(&metainfo, &FileChoice::Largest).map_err(TorrentError::NoSuchFile)?;
        let shared = self.shared(metainfo.infohash);
        let known = Known { metainfo: metainfo.clone(), film, storage: Arc::new(seeded.storage) };
        // It was made a line above, so nothing is in it.
        let _ = shared.known.set(known);
        let (data_dir, encryption) = (self.inner.data_dir.clone(), request.encryption);
        let order = Order { file: FileChoice::Largest, fetch: Fetch::All, data_dir, encryption, terms: request.terms };
        let (metainfo, addrs, own_trackers) = (Some(metainfo), Vec::new(), Vec::new());
        self.start_torrent(Start { shared, metainfo, order, addrs, trackers, own_trackers }).await
    }

    /// Fetches a torrent. Data of an earlier run is found and checked. Already running: the same torrent again, given the
    /// new addresses.
    pub async fn add(&self, request: AddRequest) -> Result<(TorrentHandle, Receiver<TorrentEvent>), TorrentError> {
        let (infohash, metainfo, mut strangers, own_trackers) = match request.source {
            TorrentSource::Magnet(magnet) => {
                let (data_dir, infohash) = (self.inner.data_dir.clone(), magnet.infohash);
                let kept = self.inner.pool.run(Lane::Read, move || kept::find(&data_dir, infohash)).await;
                // BEP 9 has no tiers; each is one, as the order tells.
                let tiers = magnet.trackers.into_iter().map(|url| vec![url]).collect();
                (infohash, kept.map(Arc::new), magnet.peers, tiers)
            }
            TorrentSource::Metainfo(metainfo) => {
                let tiers = metainfo.trackers.clone();
                (metainfo.infohash, Some(Arc::new(*metainfo)), Vec::new(), tiers)
            }
        };
        let is_flagged = metainfo.as_ref().is_some_and(|metainfo| metainfo.private);
        let terms = request.terms.under_flag(is_flagged);
        let asked = if terms.private { Vec::new() } else { own_trackers.clone() };
        let (trackers, left) = trackers(request.trackers, asked, is_flagged && !terms.private);
        if is_flagged || terms.private {
            // BEP 27: its peers come from its trackers alone, and from whom the user names.
            strangers.clear();
        }
        if let Some(metainfo) = &metainfo {
            prepare::choose(metainfo, &request.file).map_err(TorrentError::NoSuchFile)?;
        }
        let (strangers, names) = strangers::part(strangers);
        let (strangers, refused) = strangers::vet(strangers);
        let named = |addrs: Vec<SocketAddr>, by: NamedBy| addrs.into_iter().map(move |addr| (addr, by));
        let addrs: Vec<(SocketAddr, NamedBy)> =
            named(request.peers, NamedBy::User).chain(named(strangers, NamedBy::Stranger)).collect();
        let (handle, events) = match self.running(infohash) {
            Some(running) => {
                for (addr, named_by) in addrs {
                    self.send(Command::Addresses { infohash, addrs: vec![addr], named_by }).await?;
                }
                self.send(Command::Trackers { infohash, trackers }).await?;
                running
            }
            None => {
                let (data_dir, encryption) = (self.inner.data_dir.clone(), request.encryption);
                let order = Order { file: request.file, fetch: request.fetch, data_dir, encryption, terms };
                let shared = self.shared(infohash);
                self.start_torrent(Start { shared, metainfo, order, addrs, trackers, own_trackers }).await?
            }
        };
        if !names.is_empty() {
            self.send(Command::Names { infohash, names }).await?;
        }
        for url in left {
            handle.tell(&TorrentEvent::Tracker { url, outcome: TrackerOutcome::NotItsOwn });
        }
        if !refused.is_empty() {
            handle.tell(&TorrentEvent::Trouble(Trouble::AddressesRefused(refused)));
        }
        Ok((handle, events))
    }

    /// A running torrent.
    pub fn torrent(&self, infohash: Infohash) -> Option<TorrentHandle> {
        lock(&self.inner.torrents).get(&infohash).cloned()
    }

    /// New limits for all torrents together, effective at once.
    pub async fn set_limits(&self, upload: Option<BytesPerSec>, download: Option<BytesPerSec>) {
        // Only a client that is stopping has nobody to tell, and nothing left to limit.
        let _ = self.send(Command::Limits { upload, download }).await;
    }

    /// Waits until its thread has ended: by [`Client::shutdown`], or by a bug of ours. Nothing is shared or fetched then.
    pub async fn ended(&self) {
        if let Ok(never) = self.inner.over.recv().await {
            match never {}
        }
    }

    /// Stops every torrent and ends the thread.
    pub async fn shutdown(&self) {
        let (over, ended) = bounded(1);
        if self.send(Command::Shutdown { over }).await.is_ok() {
            let _ = ended.recv().await;
        }
        self.inner.commands.close();
        lock(&self.inner.torrents).clear();
        if let Some(thread) = lock(&self.inner.thread).take() {
            // It has nothing left to do but return.
            let _ = thread.join();
        }
    }

    fn shared(&self, infohash: Infohash) -> Arc<Shared> {
        Arc::new(Shared::new(infohash, self.inner.pool.clone(), report::nothing_yet()))
    }

    fn running(&self, infohash: Infohash) -> Option<(TorrentHandle, Receiver<TorrentEvent>)> {
        let handle = self.torrent(infohash).filter(TorrentHandle::is_alive)?;
        let events = handle.subscribe();
        Some((handle, events))
    }

    async fn start_torrent(&self, start: Start) -> Result<(TorrentHandle, Receiver<TorrentEvent>), TorrentError> {
        let shared = start.shared.clone();
        let events = shared.subscribe();
        let handle = TorrentHandle::new(shared.clone(), self.inner.commands.clone());
        let replaced = lock(&self.inner.torrents).insert(shared.infohash, handle.clone());
        if let Some(ended) = replaced {
            // One that failed by itself still has its place on the thread.
            ended.stop(false).await;
        }
        self.send(Command::Start(Box::new(start))).await?;
        Ok((handle, events))
    }

    async fn send(&self, command: Command) -> Result<(), TorrentError> {
        self.inner.commands.send(command).await.map_err(|_| TorrentError::Stopping)
    }
}

/// Whom a torrent is announced to, the user's first, and whom it is not. BEP 27: a private one goes by its own trackers
/// alone, where any are known.
fn trackers(given: Vec<(String, NamedBy)>, own: Vec<Vec<String>>, private: bool) -> (Vec<NamedTier>, Vec<String>) {
    let is_own = |url: &String| own.iter().flatten().any(|other| other == url);
    let (asked, left): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(url, _)| !private || own.is_empty() || is_own(url));
    let asked = asked.into_iter().map(|(url, named_by)| (vec![url], named_by));
    let asked = asked.chain(own.into_iter().map(|tier| (tier, NamedBy::Stranger))).collect();
    (asked, left.into_iter().map(|(url, _)| url).collect())
}
