//! One torrent on the swarm's thread: the core, its connections, its jobs, and the loop that wakes it.
//!
//! Everything here runs on one thread, so the core is borrowed for a moment at a time and nothing locks. A connection's
//! bytes go into the core in the task that read them; this file's loop is only for timers and for what other threads say.

mod connections;
mod disk_jobs;
mod reader_watch;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bittorrent_proto::peer::PeerKey;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::torrent::{CloseReason, Event, Input, Output, Torrent};
use bittorrent_proto::units::PieceIndex;
use event_listener::Event as Wakeup;
use futures_lite::FutureExt;
use smol::{Task, Timer};

use crate::config::{Encryption, Fetch, FileChoice, Terms};
use crate::connection::Connection;
use crate::encryption::KeyExchanges;
use crate::events::{Failure, TorrentEvent, Trouble};
use crate::executor::Executor;
use crate::gate::Gate;
use crate::greetings::Greetings;
use crate::hash::RunningHashes;
use crate::keeper::{Keeper, Mark};
use crate::resume::Saver;
use crate::shared::Shared;
use crate::throttle::Throttle;
use crate::tracker_task::{self, Trackers};
use crate::{prepare, report};
use reader_watch::ReaderWatch;

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
