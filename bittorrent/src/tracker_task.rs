//! The trackers of one torrent on the swarm's thread: asks them when [`Tiers`] says so, and hands on whom they name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::tracker::tiers::{Failure, Input, Output, TrackerKey};
use bittorrent_proto::tracker::{Announce, AnnounceEvent, Scheme, Tiers, TrackerUrl};
use event_listener::Event as Wakeup;
use futures_lite::FutureExt as _;
use smol::Timer;

use crate::addresses::{self, OwnNetworks};
use crate::events::{TorrentEvent, TrackerOutcome};
use crate::torrent_task::TorrentTask;
use crate::tracker_ask::{self, Found, Question};

/// With fewer peers than that a download asks before the interval is over.
const PEERS_FEW: usize = 4;

/// How long a tracker may take to hear that we leave. The process is to be gone within 3 s.
const FAREWELL_PATIENCE: Duration = Duration::from_millis(1200);

/// Trackers as somebody named them: a tier of addresses, and whose word it is.
pub(crate) type NamedTier = (Vec<String>, NamedBy);

/// What a torrent knows of its trackers.
pub(crate) struct Trackers {
    tiers: RefCell<Tiers>,
    /// Of the magnet or torrent itself, whether they are asked or not.
    own: Vec<Vec<String>>,
    /// Named, and not looked at yet.
    named: RefCell<Vec<NamedTier>>,
    /// What each tracker calls us.
    ids: RefCell<BTreeMap<TrackerKey, Vec<u8>>>,
    /// Where each tracker was announced to last, if not at its own address: a rendezvous names another.
    announced_at: RefCell<BTreeMap<TrackerKey, (TrackerUrl, NamedBy)>>,
    /// For transactions.
    rng: RefCell<Rng>,
    /// Schemes that were said to be not there yet.
    not_yet: RefCell<Vec<&'static str>>,
    key: u32,
    /// Where peers reach us.
    port: u16,
    wake: Wakeup,
}

impl Trackers {
    pub(crate) fn new(mut rng: Rng, port: u16, named: Vec<NamedTier>, own: Vec<Vec<String>>) -> Self {
        let key = u32::try_from(rng.below(1 << 32)).unwrap_or(0);
        Self {
            tiers: RefCell::new(Tiers::new(rng.fork())),
            own,
            named: RefCell::new(named),
            ids: RefCell::default(),
            announced_at: RefCell::default(),
            rng: RefCell::new(rng.fork()),
            not_yet: RefCell::default(),
            key,
            port,
            wake: Wakeup::new(),
        }
    }

    /// More of them.
    pub(crate) fn add(&self, named: Vec<NamedTier>) {
        self.named.borrow_mut().extend(named);
        self.look_again();
    }

    /// All that is wanted is here: everything, or a part.
    pub(crate) fn completed(&self, is_partial_seed: bool) {
        self.input(if is_partial_seed { Input::BecamePartialSeed } else { Input::Completed });
    }

    /// The details came, and say that this is a private torrent (BEP 27): it goes by its own trackers, if it named any.
    pub(crate) fn turn_private(&self) {
        let own: Vec<TrackerUrl> = self.own.iter().flatten().filter_map(|url| TrackerUrl::parse(url).ok()).collect();
        if !own.is_empty() {
            self.input(Input::OnlyItsOwn(own));
            self.add(self.own.iter().map(|tier| (tier.clone(), NamedBy::Stranger)).collect());
        }
    }

    /// We are reached at other addresses than before.
    pub(crate) fn moved(&self) {
        self.input(Input::Moved);
    }

    /// Nobody is there, or sends anything.
    pub(crate) fn silence(&self) {
        self.input(Input::Silence);
    }

    /// Peers came or went, or the torrent begins.
    pub(crate) fn look_again(&self) {
        self.wake.notify(1);
    }

    fn input(&self, input: Input) {
        self.tiers.borrow_mut().handle_input(Instant::now(), input);
        self.look_again();
    }
}

/// Runs until the torrent ends. Nobody is asked before it is known what is on the disk: a torrent that is complete
/// already is announced as a seed. One without details is announced at once, because they come from peers.
pub(crate) async fn run(task: Rc<TorrentTask>) {
    let trackers = &task.trackers;
    loop {
        let wake = trackers.wake.listen();
        let begun = { task.core.borrow().metainfo().is_none() || task.core.borrow().have().is_some() };
        if begun {
            take_named(&task);
            let few = { !task.core.borrow().is_done() && task.core.borrow().peer_count() < PEERS_FEW };
            let now = Instant::now();
            let mut tiers = trackers.tiers.borrow_mut();
            tiers.handle_input(now, Input::PeersFew(few));
        }
        loop {
            let output = trackers.tiers.borrow_mut().poll_output();
            let Some(output) = output else { break };
            match output {
                Output::Announce { tracker, event } => task.spawn(announce(task.clone(), tracker, event)),
                Output::Works(tracker) => tell(&task, tracker, TrackerOutcome::Works),
                Output::WorksAgain(tracker) => tell(&task, tracker, TrackerOutcome::WorksAgain),
                Output::Left(tracker) => tell(&task, tracker, TrackerOutcome::NotItsOwn),
                Output::Fails(tracker, Failure::Unreachable(why)) => tell(&task, tracker, TrackerOutcome::Fails(why)),
                Output::Fails(tracker, Failure::Refused(why)) => tell(&task, tracker, TrackerOutcome::Refuses(why)),
            }
        }
        let due = trackers.tiers.borrow().poll_timeout();
        let timer = async {
            match due {
                Some((at, _)) => {
                    Timer::at(at).await;
                }
                None => std::future::pending().await,
            }
        };
        wake.or(timer).await;
    }
}

/// Tells every tracker that counts us that we leave; bounded in time. `None` when there is none.
pub(crate) fn farewell(task: &Rc<TorrentTask>) -> Option<impl Future<Output = ()> + use<>> {
    let mut tiers = task.trackers.tiers.borrow_mut();
    tiers.handle_input(Instant::now(), Input::Stop);
    let mut asking: Vec<_> = Vec::new();
    while let Some(output) = tiers.poll_output() {
        match output {
            Output::Announce { tracker, event } => {
                let (url, named_by) = tiers.tracker(tracker);
                let known = task.trackers.announced_at.borrow().get(&tracker).cloned();
                let (url, named_by) = known.unwrap_or_else(|| (url.clone(), named_by));
                asking.push((url, named_by, announcement(task, tracker, event)));
            }
            Output::Works(_) | Output::WorksAgain(_) | Output::Left(_) | Output::Fails(..) => {}
        }
    }
    if asking.is_empty() {
        return None;
    }
    let executor = task.surroundings.executor.clone();
    let infohash = task.shared.infohash;
    let told: Vec<_> = asking
        .into_iter()
        .map(|(url, named_by, announce)| {
            let rng = task.trackers.rng.borrow_mut().fork();
            executor.spawn(async move {
                let own = addresses::own_networks_or_none();
                let question = Question { url: &url, named_by, announce: &announce, own: &own, rng };
                if let Err(failure) = tracker_ask::ask(&question).await {
                    log::debug!("{infohash}: {url} was not told that we leave: {failure:?}");
                }
            })
        })
        .collect();
    Some(async move {
        let all = async {
            for one in told {
                one.await;
            }
        };
        let patience = async {
            Timer::after(FAREWELL_PATIENCE).await;
        };
        all.or(patience).await;
    })
}

/// Reads the addresses that were named since the last look.
fn take_named(task: &Rc<TorrentTask>) {
    let trackers = &task.trackers;
    let named = std::mem::take(&mut *trackers.named.borrow_mut());
    for (tier, named_by) in named {
        let urls: Vec<TrackerUrl> = tier.iter().filter_map(|text| read(task, text, named_by)).collect();
        let input = Input::Trackers { tiers: vec![urls], named_by };
        trackers.tiers.borrow_mut().handle_input(Instant::now(), input);
    }
}

/// An address that can be asked; of others it is told why not.
fn read(task: &Rc<TorrentTask>, text: &str, named_by: NamedBy) -> Option<TrackerUrl> {
    let trackers = &task.trackers;
    let outcome = match TrackerUrl::parse(text) {
        // A magnet repeats the room's rendezvous. Any other WebSocket is a tracker for browsers.
        Ok(url) if is_websocket(&url) && !named_by.is_trusted() => {
            let (scheme, mut told) = (url.scheme().name(), trackers.not_yet.borrow_mut());
            if told.contains(&scheme) || trackers.tiers.borrow().knows(&url) {
                return None;
            }
            told.push(scheme);
            TrackerOutcome::NotYet(scheme)
        }
        Ok(url) if !trackers.tiers.borrow().may_ask(&url) => TrackerOutcome::NotItsOwn,
        Ok(url) => return Some(url),
        Err(error) => TrackerOutcome::Fails(error.to_string()),
    };
    let url = text.chars().filter(|c| !c.is_control()).take(100).collect();
    task.shared.tell(&TorrentEvent::Tracker { url, outcome });
    None
}

fn is_websocket(url: &TrackerUrl) -> bool {
    match url.scheme() {
        Scheme::Ws | Scheme::Wss => true,
        Scheme::Http | Scheme::Https | Scheme::Udp => false,
    }
}

fn tell(task: &Rc<TorrentTask>, tracker: TrackerKey, outcome: TrackerOutcome) {
    // Without the query, which may hold somebody's pass key.
    let url = {
        let tiers = task.trackers.tiers.borrow();
        let (url, _) = tiers.tracker(tracker);
        format!("{}://{}{}", url.scheme().name(), url.authority(), url.path())
    };
    task.shared.tell(&TorrentEvent::Tracker { url, outcome });
}

fn announcement(task: &Rc<TorrentTask>, tracker: TrackerKey, event: Option<AnnounceEvent>) -> Announce {
    let core = task.core.borrow();
    let snapshot = core.snapshot(Instant::now());
    let left = core.metainfo().zip(core.have()).map(|(metainfo, have)| {
        let layout = &metainfo.layout;
        let here: u64 = have
            .runs()
            .map(|run| {
                let piece_len = u64::from(layout.piece_len_max());
                (u64::from(run.end) * piece_len).min(layout.total_len().get()) - u64::from(run.start) * piece_len
            })
            .sum();
        layout.total_len().get() - here
    });
    Announce {
        infohash: task.shared.infohash,
        peer_id: task.peer_id,
        port: task.trackers.port,
        uploaded: snapshot.uploaded.get(),
        downloaded: snapshot.downloaded.get(),
        left,
        event,
        key: task.trackers.key,
        tracker_id: task.trackers.ids.borrow().get(&tracker).cloned(),
        local: Vec::new(),
    }
}

async fn announce(task: Rc<TorrentTask>, tracker: TrackerKey, event: Option<AnnounceEvent>) {
    let (url, named_by) = {
        let tiers = task.trackers.tiers.borrow();
        let (url, named_by) = tiers.tracker(tracker);
        (url.clone(), named_by)
    };
    let mut announce = announcement(&task, tracker, event);
    let own = addresses::own_networks_or_none();
    if is_websocket(&url) {
        announce.local = addresses::for_the_same_house(task.trackers.port, &own);
    }
    let rng = task.trackers.rng.borrow_mut().fork();
    let question = Question { url: &url, named_by, announce: &announce, own: &own, rng };
    let outcome = tracker_ask::ask(&question).await;
    if !task.trackers.tiers.borrow().may_ask(&url) {
        // It was left meanwhile, and whom it names is nobody's.
        return;
    }
    match outcome {
        Ok(found) => {
            let mut intervals = Vec::new();
            for Found { peers, local, announced_at } in found {
                if announced_at.0 != url {
                    task.trackers.announced_at.borrow_mut().insert(tracker, announced_at);
                }
                log::debug!("{}: {url} names {} peers", task.shared.infohash, peers.addrs.len());
                if let Some(warning) = &peers.warning {
                    log::info!("{}: {url} warns: {warning}", task.shared.infohash);
                }
                if let Some(id) = peers.tracker_id {
                    task.trackers.ids.borrow_mut().insert(tracker, id);
                }
                intervals.push((peers.interval, peers.interval_min));
                take_peers(&task, &peers.addrs, named_by, local, &own);
            }
            if let Some((interval, interval_min)) = intervals.into_iter().min() {
                task.trackers.input(Input::Answered { tracker, interval, interval_min });
            }
        }
        Err(failure) => {
            log::info!("{}: {url}: {failure:?}", task.shared.infohash);
            task.trackers.input(Input::Failed { tracker, failure });
        }
    }
}

/// What the user's tracker names is the room's. One of the user's own network knows members who may be on this very machine;
/// one out there names nobody in here that a stranger might not.
fn take_peers(task: &Rc<TorrentTask>, addrs: &[SocketAddr], asked_by: NamedBy, local: bool, own: &OwnNetworks) {
    let named_by = if asked_by.is_trusted() { NamedBy::Room } else { NamedBy::Stranger };
    let judged_as = if local { named_by } else { NamedBy::Stranger };
    let fit: Vec<SocketAddr> =
        addrs.iter().copied().filter(|addr| addresses::may_dial(*addr, judged_as, own).is_ok()).collect();
    if !fit.is_empty() {
        task.add_addresses(&fit, named_by);
    }
}
