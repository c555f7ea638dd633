//! The engine's thread: feeds [`App`] with what happens and carries out what it decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bittorrent::{Client, Executor, Playhead};
use bittorrent_proto::units::BytesPerSec;
use engine_proto::app::{App, Effect, Input, Output, Setup, Start, TorrentKey};
use engine_proto::ipc::Message;
use futures_lite::{FutureExt as _, future};
use httprange::Server;
use smol::channel::{Receiver, Sender};
use smol::{Task, Timer};

use crate::Crashed;
use crate::board::Board;
use crate::config;
use crate::convert;
use crate::torrent::{self, Torrent};

/// How long the client may take to end once its torrents have stopped: trackers hear goodbye within 1.2 s.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(1400);

/// How old the board's figures of the disk get. They cost a system call.
const DISK_LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

/// Everything the engine can reach.
pub(crate) struct Hands {
    client: Client,
    server: Server,
    board: Arc<Board>,
    /// Where torrents' tasks tell their facts; the same queue as commands.
    facts: Sender<Input>,
    events: Sender<Message>,
}

/// The tasks of torrents.
struct Tasks<'a> {
    executor: &'a Executor,
    torrents: BTreeMap<TorrentKey, (Torrent, Task<()>)>,
    /// Forgotten ones, which end as soon as they notice.
    muted: Vec<Task<()>>,
}

impl Hands {
    pub(crate) fn new(
        client: Client,
        server: Server,
        board: Arc<Board>,
        facts: Sender<Input>,
        events: Sender<Message>,
    ) -> Self {
        Self { client, server, board, facts, events }
    }

    /// Works until the end. Called on the engine's own thread.
    pub(crate) fn run(self, setup: Setup, inputs: &Receiver<Input>) -> Result<(), Crashed> {
        let executor = Executor::new();
        let tasks = Tasks { executor: &executor, torrents: BTreeMap::new(), muted: Vec::new() };
        future::block_on(executor.run(self.drive(setup, inputs, tasks)))
    }

    async fn drive(self, setup: Setup, inputs: &Receiver<Input>, mut tasks: Tasks<'_>) -> Result<(), Crashed> {
        let mut app = App::new(setup);
        let news = tasks.executor.spawn(tell_news(self.client.clone(), self.facts.clone()));
        let disk = tasks.executor.spawn(look_at_disk(self.client.clone(), self.board.clone()));
        let mut outcome = Ok(());
        while self.carry_out(&mut app, &mut tasks).await {
            self.board.set_status(app.status());
            match next_input(&app, inputs).or(self.broken(tasks.executor)).await {
                Next::Input(input) => app.handle_input(Instant::now(), input),
                Next::Due => app.handle_timeout(Instant::now()),
                Next::Broken(crashed) => {
                    log::error!("{crashed}");
                    outcome = Err(crashed);
                    break;
                }
            }
        }
        // Nobody is listened to any more: whoever sends learns that it is over.
        inputs.close();
        let Self { client, server, events, .. } = self;
        drop((news, disk));
        drop(tasks);
        drop(server);
        let patience = async {
            Timer::after(SHUTDOWN_PATIENCE).await;
            log::warn!("the client takes too long to end; it is left behind");
        };
        client.shutdown().or(patience).await;
        events.close();
        outcome
    }

    /// Once a part of it has ended, which none does before it is told to.
    async fn broken(&self, executor: &Executor) -> Next {
        let swarm = async {
            self.client.ended().await;
            Crashed("swarm")
        };
        let ours = async {
            executor.broken().await;
            Crashed("engine")
        };
        Next::Broken(swarm.or(ours).await)
    }

    /// Does everything that `App` asks for; false when it is over.
    async fn carry_out(&self, app: &mut App, tasks: &mut Tasks<'_>) -> bool {
        while let Some(output) = app.poll_output() {
            match output {
                // A closed channel is a front end that went; it says so by the end of input.
                Output::Event(message) => drop(self.events.send(message).await),
                Output::Effect(Effect::Quit) => return false,
                Output::Effect(effect) => self.carry_out_one(effect, tasks).await,
            }
        }
        true
    }

    async fn carry_out_one(&self, effect: Effect, tasks: &mut Tasks<'_>) {
        match effect {
            Effect::Start { torrent, what } => self.start(torrent, what, tasks),
            Effect::Forget(torrent) => tasks.forget(torrent),
            Effect::Stop { torrent, delete_data } => tasks.stop(torrent, delete_data),
            Effect::Publish { torrent, paths } => {
                if let Some(handle) = tasks.handle(torrent) {
                    self.board.publish(torrent, handle, paths);
                }
            }
            Effect::Withhold { torrent, reason } => self.board.withhold(torrent, reason),
            Effect::Withdraw(torrent) => self.board.withdraw(torrent),
            Effect::SetLimits { upload, download } => {
                let (upload, download) = (config::limit(upload), config::limit(download));
                self.client.set_limits(upload, download).await;
            }
            Effect::Playhead { torrent, position, rate, playing } => {
                if let Some(handle) = tasks.handle(torrent) {
                    handle.set_playhead(Playhead { position, rate: BytesPerSec::new(rate), playing });
                }
            }
            Effect::Quit => {}
        }
    }

    fn start(&self, key: TorrentKey, what: Start, tasks: &mut Tasks<'_>) {
        tasks.sweep();
        let (torrent, teller) = torrent::pair(self.client.clone(), key, self.facts.clone());
        let task = tasks.executor.spawn(teller.run(what));
        tasks.torrents.insert(key, (torrent, task));
    }
}

/// Passes on what happens to the client beside its torrents.
async fn tell_news(client: Client, facts: Sender<Input>) {
    let news = client.news();
    while let Ok(event) = news.recv().await {
        // The engine's thread is gone only when this task is, too.
        let _ = facts.send(Input::Told(convert::news(&event))).await;
    }
}

/// Keeps the board's figures of the disk young.
async fn look_at_disk(client: Client, board: Arc<Board>) {
    loop {
        board.set_disk(client.disk_room().await);
        Timer::after(DISK_LOOKED_AT_EVERY).await;
    }
}

/// What happens next.
enum Next {
    Input(Input),
    Due,
    Broken(Crashed),
}

async fn next_input(app: &App, inputs: &Receiver<Input>) -> Next {
    let due = app.poll_timeout();
    let timeout = async {
        match due {
            Some((due, wake)) => {
                Timer::at(due).await;
                log::trace!("woken: {wake:?}");
                Next::Due
            }
            None => future::pending().await,
        }
    };
    let input = async {
        match inputs.recv().await {
            Ok(input) => Next::Input(input),
            // `Hands::facts` keeps the queue open.
            Err(_) => future::pending().await,
        }
    };
    input.or(timeout).await
}

impl Tasks<'_> {
    fn handle(&self, torrent: TorrentKey) -> Option<bittorrent::TorrentHandle> {
        let (torrent, _) = self.torrents.get(&torrent)?;
        let handle = torrent.handle.take();
        torrent.handle.set(handle.clone());
        handle
    }

    fn stop(&mut self, key: TorrentKey, delete_data: bool) {
        if let Some((torrent, _)) = self.torrents.get(&key) {
            // Full: it was told already.
            let _ = torrent.stop.try_send(delete_data);
        }
    }

    fn forget(&mut self, key: TorrentKey) {
        if let Some((torrent, task)) = self.torrents.remove(&key) {
            torrent.muted.set(true);
            self.muted.push(task);
        }
    }

    /// Lets go of tasks that have ended.
    fn sweep(&mut self) {
        self.torrents.retain(|_, (_, task)| !task.is_finished());
        self.muted.retain(|task| !task.is_finished());
    }
}
