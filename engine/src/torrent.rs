//! One task a torrent: carries it from its command to its end, and tells what happens on the way.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bittorrent::{
    AddRequest, Client, Encryption, SeedRequest, TorrentEvent, TorrentHandle, TorrentSource, TorrentStats,
};
use bittorrent_proto::limits::TORRENT_FILE_LEN_MAX;
use bittorrent_proto::magnet::Magnet;
use bittorrent_proto::metainfo::Metainfo;
use engine_proto::app::{Fact, Input, Start, Terms, TorrentKey};
use engine_proto::error::{ErrorCode, Problem};
use engine_proto::ipc::{AddSource, Fetch, FileChoice, PeerAddr};
use engine_proto::trackers;
use futures_lite::{FutureExt as _, future};
use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};

use crate::convert;

/// How long a start that is told to stop may still be refused instead.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(200);

/// How long the address of a peer's name is waited for.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(10);

/// A torrent's task, seen from the engine's thread.
pub(crate) struct Torrent {
    /// Holds one: whether to delete the data.
    pub(crate) stop: Sender<bool>,
    /// Nobody wants to hear of it any more.
    pub(crate) muted: Rc<Cell<bool>>,
    /// The handle, once there is one.
    pub(crate) handle: Rc<Cell<Option<TorrentHandle>>>,
}

/// What the task needs.
pub(crate) struct Teller {
    client: Client,
    key: TorrentKey,
    facts: Sender<Input>,
    stop: Receiver<bool>,
    muted: Rc<Cell<bool>>,
    handle: Rc<Cell<Option<TorrentHandle>>>,
    /// Told to stop, with the data or not, before it ran.
    told_to_stop: Cell<Option<bool>>,
}

/// Both ends of a torrent's task.
pub(crate) fn pair(client: Client, key: TorrentKey, facts: Sender<Input>) -> (Torrent, Teller) {
    let (stop, stopped) = bounded(1);
    let muted = Rc::new(Cell::new(false));
    let handle = Rc::new(Cell::new(None));
    let torrent = Torrent { stop, muted: Rc::clone(&muted), handle: Rc::clone(&handle) };
    let told_to_stop = Cell::new(None);
    (torrent, Teller { client, key, facts, stop: stopped, muted, handle, told_to_stop })
}

/// A torrent that runs: its handle, its events, its magnet for others.
struct Running {
    handle: TorrentHandle,
    events: Receiver<TorrentEvent>,
    magnet: Magnet,
    /// Peers given by name, to be found.
    named: Vec<PeerAddr>,
}

/// What is wanted of a torrent that is added.
struct Wanted {
    peers: Vec<PeerAddr>,
    tracker: Option<String>,
    file: FileChoice,
    fetch: Fetch,
    terms: Terms,
}

/// Members of a room speak encrypted where both can.
const fn greeting(terms: &Terms) -> Encryption {
    if terms.room.is_some() { Encryption::Preferred } else { Encryption::Allowed }
}

/// How a start ended.
enum Started {
    Running(Box<Running>),
    Refused(Problem),
    /// Told to stop before it ran.
    Stopped,
}

impl Teller {
    /// The whole life.
    pub(crate) async fn run(self, what: Start) {
        let started = match what {
            Start::Seed { path, name, tracker, terms } => self.seed(&path, name, tracker, &terms).await,
            Start::Add { source, tracker, peers, file, fetch, terms } => {
                let request = Wanted { peers, tracker, file, fetch, terms };
                self.add(source, request).await
            }
        };
        match started {
            Started::Running(running) if self.told_to_stop.get().is_some() => {
                running.handle.stop(self.told_to_stop.get().unwrap_or(false)).await;
                self.tell(Fact::Stopped).await;
            }
            Started::Running(mut running) => {
                let (handle, named) = (running.handle.clone(), std::mem::take(&mut running.named));
                let finding = async {
                    self.add_named(&handle, &named).await;
                    future::pending::<()>().await;
                };
                self.watch(*running).or(finding).await;
            }
            Started::Refused(problem) => self.tell(Fact::Refused(problem)).await,
            Started::Stopped => self.tell(Fact::Stopped).await,
        }
    }

    async fn tell(&self, fact: Fact) {
        if !self.muted.get() {
            // The engine's thread is gone only when this task is, too.
            let _ = self.facts.send(Input::Fact { torrent: self.key, fact }).await;
        }
    }

    /// Whether to delete the data, once told to stop. A task that is forgotten is never told: what it began is another's.
    async fn told_stop(&self) -> bool {
        match self.stop.recv().await {
            Ok(delete_data) => delete_data,
            Err(_) => future::pending().await,
        }
    }

    async fn seed(&self, path: &str, name: Option<String>, tracker: Option<String>, terms: &Terms) -> Started {
        let private = trackers::is_room_only(terms.private, tracker.as_deref(), &[]);
        let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
        // One place: hashing threads leave a number there when it is free, and never wait.
        let (progress_in, progress) = bounded(1);
        let request = SeedRequest {
            path,
            name,
            trackers: convert::room_tracker(tracker.clone()),
            progress: Arc::new(move |done| {
                let _ = progress_in.try_send(done);
            }),
            encryption: greeting(terms),
            terms: convert::terms(terms, private),
        };
        let seeding = async {
            match self.client.seed(request).await {
                Ok((handle, events)) => {
                    let infohash = handle.infohash();
                    self.tell(Fact::Accepted(convert::infohash(infohash))).await;
                    let mut magnet = Magnet::new(infohash);
                    magnet.name = handle.metainfo().map(|metainfo| metainfo.name.clone());
                    magnet.trackers = tracker.into_iter().collect();
                    Started::Running(Box::new(Running { handle, events, magnet, named: Vec::new() }))
                }
                Err(error) => Started::Refused(convert::refused(&error)),
            }
        };
        let telling = async {
            while let Ok(done) = progress.recv().await {
                self.tell(Fact::Hashing(done)).await;
            }
            future::pending().await
        };
        let stopped = async {
            let delete_data = self.told_stop().await;
            self.told_to_stop.set(Some(delete_data));
            // A file that cannot be opened is known at once, and whoever asked should hear it.
            Timer::after(REFUSAL_PATIENCE).await;
            Started::Stopped
        };
        seeding.or(stopped).or(telling).await
    }

    async fn add(&self, source: AddSource, wanted: Wanted) -> Started {
        let Wanted { peers, tracker, file, fetch, terms } = wanted;
        let (source, magnet) = match read_source(source).await {
            Ok(read) => read,
            Err(problem) => return Started::Refused(problem),
        };
        let private = trackers::is_room_only(terms.private, tracker.as_deref(), &magnet.trackers);
        let infohash = magnet.infohash;
        if let Some(name) = &magnet.name {
            self.tell(Fact::Named(name.clone())).await;
        }
        self.tell(Fact::Accepted(convert::infohash(infohash))).await;
        let (addresses, names) = sort_out(&peers);
        let request = AddRequest {
            source,
            peers: addresses,
            trackers: convert::room_tracker(tracker),
            file: convert::file_choice(file),
            fetch: convert::fetch(fetch),
            encryption: greeting(&terms),
            terms: convert::terms(&terms, private),
        };
        let adding = async {
            match self.client.add(request.clone()).await {
                Ok((handle, events)) => Started::Running(Box::new(Running { handle, events, magnet, named: names })),
                Err(error) => Started::Refused(convert::refused(&error)),
            }
        };
        let stopped = async {
            let delete_data = self.told_stop().await;
            // It may run already, although its handle has not come back to us yet.
            if let Some(handle) = self.client.torrent(infohash) {
                handle.stop(delete_data).await;
            }
            Started::Stopped
        };
        adding.or(stopped).await
    }

    /// Finds the peers that were given by name. The torrent runs meanwhile, and is given each address as it is found.
    async fn add_named(&self, handle: &TorrentHandle, names: &[PeerAddr]) {
        for name in names {
            let patience = async {
                Timer::after(RESOLVE_PATIENCE).await;
                Err(std::io::ErrorKind::TimedOut.into())
            };
            match smol::net::resolve((name.host.as_str(), name.port)).or(patience).await {
                Ok(found) => handle.add_peers(found).await,
                Err(error) => {
                    self.tell(Fact::Told(Ok(format!("Cannot find the address of the peer {name}: {error}")))).await;
                }
            }
        }
    }

    /// Tells what happens until it is told to stop.
    async fn watch(&self, running: Running) {
        let Running { handle, events, magnet, named: _ } = running;
        self.handle.set(Some(handle.clone()));
        let mut last: Option<Arc<TorrentStats>> = None;
        let mut details_told = self.tell_details(&handle, &magnet).await;
        let mut events_open = true;
        loop {
            let event = async {
                match events.recv().await {
                    Ok(event) => Turn::Event(event),
                    Err(_) => Turn::EventsOver,
                }
            };
            let event = async { if events_open { event.await } else { future::pending().await } };
            let look = async {
                if let Some(last) = &last {
                    handle.stats_after(last).await;
                }
                Turn::Look
            };
            let stop = async { self.stop.recv().await.map_or(Turn::Forgotten, Turn::Stop) };
            match stop.or(event).or(look).await {
                Turn::Stop(delete_data) => {
                    handle.stop(delete_data).await;
                    self.tell(Fact::Stopped).await;
                    return;
                }
                Turn::Event(event) => {
                    if !details_told {
                        details_told = self.tell_details(&handle, &magnet).await;
                    }
                    self.tell_stats(&handle, &mut last).await;
                    self.tell_event(event).await;
                }
                Turn::Forgotten => return,
                Turn::EventsOver => events_open = false,
                Turn::Look => self.tell_stats(&handle, &mut last).await,
            }
            if self.muted.get() {
                return;
            }
        }
    }

    async fn tell_details(&self, handle: &TorrentHandle, magnet: &Magnet) -> bool {
        let mut magnet = magnet.clone();
        if let Some(metainfo) = handle.metainfo() {
            magnet.name.get_or_insert_with(|| metainfo.name.clone());
        }
        let magnet_uri = convert::magnet_for_others(magnet, &self.client.advertised());
        let Some(details) = convert::details(handle, magnet_uri) else { return false };
        self.tell(Fact::Details(details)).await;
        true
    }

    async fn tell_stats(&self, handle: &TorrentHandle, last: &mut Option<Arc<TorrentStats>>) {
        let stats = handle.stats();
        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &stats)) {
            return;
        }
        self.tell(Fact::Stats(convert::snapshot(&stats))).await;
        *last = Some(stats);
    }

    async fn tell_event(&self, event: TorrentEvent) {
        let fact = match event {
            // The details were told before every event, as soon as they were there.
            TorrentEvent::Metadata => return,
            TorrentEvent::Done => Fact::Done,
            TorrentEvent::MemberHere => Fact::Told(Ok("A member of the room is here, and proved it".to_owned())),
            TorrentEvent::Tracker { url, outcome } => convert::tracker(&url, &outcome),
            TorrentEvent::Trouble(trouble) => convert::trouble(&trouble),
            TorrentEvent::Failed(failure) => Fact::Failed(convert::failed(&failure)),
        };
        self.tell(fact).await;
    }
}

enum Turn {
    Stop(bool),
    /// Another task has the torrent, which goes on.
    Forgotten,
    Event(TorrentEvent),
    EventsOver,
    Look,
}

/// Reads what names a torrent, and the magnet that names it for others.
async fn read_source(source: AddSource) -> Result<(TorrentSource, Magnet), Problem> {
    let unfit = |why: String| Problem::new(ErrorCode::E003, convert::sentence(&why));
    match source {
        AddSource::Magnet(text) => {
            let magnet: Magnet = text.trim().parse().map_err(|error| unfit(format!("{error}")))?;
            Ok((TorrentSource::Magnet(magnet.clone()), magnet))
        }
        AddSource::TorrentFile(path) => {
            let bytes = smol::unblock({
                let path = path.clone();
                move || read_bounded(Path::new(&path))
            })
            .await
            .map_err(|error| Problem::new(ErrorCode::E005, format!("Cannot open {path}: {error}")))?;
            let bytes = bytes.ok_or_else(|| unfit(format!("{path} is larger than any torrent file")))?;
            let metainfo = Metainfo::from_torrent(&bytes).map_err(|error| unfit(format!("{path}: {error}")))?;
            let mut magnet = Magnet::new(metainfo.infohash);
            magnet.name = Some(metainfo.name.clone());
            magnet.trackers = metainfo.trackers.iter().flatten().cloned().collect();
            Ok((TorrentSource::Metainfo(Box::new(metainfo)), magnet))
        }
    }
}

/// A file's bytes; `None` when there are more than a torrent file may have.
fn read_bounded(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let bound = TORRENT_FILE_LEN_MAX as u64 + 1;
    std::fs::File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= TORRENT_FILE_LEN_MAX).then_some(bytes))
}

/// Addresses, and names that have yet to be resolved.
fn sort_out(peers: &[PeerAddr]) -> (Vec<SocketAddr>, Vec<PeerAddr>) {
    let mut addresses = Vec::new();
    let mut names = Vec::new();
    for peer in peers {
        match peer.host.parse() {
            Ok(ip) => addresses.push(SocketAddr::new(ip, peer.port)),
            Err(_) => names.push(peer.clone()),
        }
    }
    (addresses, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let peers: Vec<PeerAddr> =
            ["1.2.3.4:5", "[::1]:6", "nas.local:7"].iter().map(|text| text.parse().unwrap()).collect();
        let (addresses, names) = sort_out(&peers);
        assert_eq!(addresses, ["1.2.3.4:5".parse().unwrap(), "[::1]:6".parse().unwrap()]);
        assert_eq!(names, peers[2..]);
    }

    #[test]
    fn sources_that_name_nothing() {
        let read = |source| smol::block_on(read_source(source)).map(|_| ()).unwrap_err();
        assert_eq!(read(AddSource::Magnet("http://x".into())).code, ErrorCode::E003);
        assert_eq!(read(AddSource::Magnet(String::new())).code, ErrorCode::E003);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let missing = read(AddSource::TorrentFile(path("none.torrent")));
        assert_eq!(missing.code, ErrorCode::E005);
        assert!(missing.message.contains("none.torrent"), "{missing}");
        std::fs::write(path("bad.torrent"), b"not a torrent").unwrap();
        assert_eq!(read(AddSource::TorrentFile(path("bad.torrent"))).code, ErrorCode::E003);
        std::fs::write(path("big.torrent"), vec![b'd'; TORRENT_FILE_LEN_MAX + 1]).unwrap();
        assert!(read(AddSource::TorrentFile(path("big.torrent"))).message.contains("larger"));
    }
}
