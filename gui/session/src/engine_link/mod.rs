//! The engine, wherever it runs: commands go in, news comes out, and what ends by itself is started again.
//!
//! A thread of its own, so that ending the engine, which waits for its goodbyes, keeps nobody else waiting.

mod in_process;
mod log_file;
mod program;

use std::cell::Cell;
use std::future::{Future, pending};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine_proto::error::{ErrorCode, Problem};
use engine_proto::ipc::{Command, Message};
use engine_proto::words::printable;
use futures_lite::future::or;
use session_proto::participant::EngineNews;
use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};

use crate::EngineChoice;
use crate::limits::{
    ENGINE_BACK_OFF, ENGINE_COMMANDS_MAX, ENGINE_NEWS_MAX, ENGINE_READY_PATIENCE, ENGINE_WELL_AFTER,
    LINE_QUOTED_CHARS_MAX,
};

pub use program::find;

/// An engine that is kept running. Dropping it quits the engine and waits for its end, three seconds at most; see
/// [`EngineLink::end`].
#[derive(Debug)]
pub struct EngineLink {
    commands: Sender<Command>,
    news: Receiver<EngineNews>,
    /// Closed when the thread has nothing left to do.
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread holds of it.
struct Line {
    commands: Receiver<Command>,
    news: Sender<EngineNews>,
    /// It was told that the engine is up; what is commanded before that is lost.
    up: Cell<Option<Instant>>,
}

/// How one run of the engine ended.
#[derive(Debug)]
enum Outcome {
    /// Nobody wants it any more.
    NotWanted,
    /// It did not start, or ended by itself.
    Failed {
        problem: Problem,
        /// It is worth another try without anybody doing anything.
        again: bool,
    },
}

impl EngineLink {
    /// Starts the engine and returns at once; what comes of it is news: [`EngineNews::Up`], or [`EngineNews::Down`] with E001,
    /// E002 or E007.
    pub fn start(choice: EngineChoice) -> Self {
        let (commands, commands_out) = bounded(ENGINE_COMMANDS_MAX);
        let (news_in, news) = bounded(ENGINE_NEWS_MAX);
        let (ended_in, ended) = bounded(1);
        let line = Line { commands: commands_out, news: news_in, up: Cell::new(None) };
        let run = move || {
            smol::block_on(line.keep_running(&choice));
            drop(ended_in);
        };
        let thread = std::thread::Builder::new().name("engine link".to_owned()).spawn(run);
        // Without a thread the channels are closed, and whoever listens for news hears that there will be none.
        let thread = thread.inspect_err(|error| log::error!("no thread for the engine: {error}")).ok();
        Self { commands, news, ended, thread }
    }

    /// Commands it. What is commanded while it is not up is lost: an engine that comes up knows of nothing.
    pub async fn command(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            log::debug!("a command for an engine that has ended");
        }
    }

    /// What is heard of it, in order. It holds some hundred: read it. Closed when the engine was told to quit and has ended.
    pub fn news(&self) -> Receiver<EngineNews> {
        self.news.clone()
    }

    /// Quits the engine and waits for its end, three seconds at most, without blocking the thread as dropping does.
    pub async fn end(self) {
        self.let_go();
        // Nothing is ever sent: it closes.
        let _ = self.ended.recv().await;
    }

    fn let_go(&self) {
        self.commands.close();
        self.news.close();
    }
}

impl Drop for EngineLink {
    fn drop(&mut self) {
        self.let_go();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the engine link's thread had panicked");
        }
    }
}

impl Line {
    async fn keep_running(&self, choice: &EngineChoice) {
        let (first, longest) = ENGINE_BACK_OFF;
        let mut pause = first;
        loop {
            self.up.set(None);
            let outcome = match choice {
                EngineChoice::InProcess(config) => in_process::run(config, self).await,
                EngineChoice::Program { path, flags, log } => program::run(path, flags, log.as_deref(), self).await,
            };
            let Outcome::Failed { problem, again } = outcome else { return };
            if self.up.get().is_some_and(|since| since.elapsed() >= ENGINE_WELL_AFTER) {
                pause = first;
            }
            self.up.set(None);
            log::warn!("the engine is down: {problem}");
            let retry_in = again.then_some(pause);
            if !self.tell(EngineNews::Down { problem, retry_in }).await {
                return;
            }
            if !or(after(retry_in), self.lose_commands()).await {
                return;
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// Passes commands on by `say` until nobody wants the engine any more; `say` never returns when it cannot.
    async fn pass_commands<F: Future<Output = ()>>(&self, say: impl Fn(Command) -> F) -> Outcome {
        loop {
            match self.commands.recv().await {
                Ok(Command::Quit) | Err(_) => return Outcome::NotWanted,
                Ok(command) if self.up.get().is_none() => log::debug!("lost, since no engine is up: {command:?}"),
                Ok(command) => say(command).await,
            }
        }
    }

    /// Passes on what `hear` gives, from `ready` on, until it gives no more or takes too long to be ready.
    async fn pass_news(&self, hear: &Receiver<Message>) -> Outcome {
        let not_ready = async {
            Timer::after(ENGINE_READY_PATIENCE).await;
            if self.up.get().is_some() {
                pending::<()>().await;
            }
            failed(format!("The engine was not ready after {} s", ENGINE_READY_PATIENCE.as_secs()))
        };
        let pass = async {
            while let Ok(Message { event, .. }) = hear.recv().await {
                let is_ready = matches!(event, engine_proto::ipc::Event::Ready(_));
                if self.up.get().is_none() {
                    if !is_ready {
                        log::info!("the engine said this before `ready`: {event:?}");
                        continue;
                    }
                    self.up.set(Some(Instant::now()));
                    self.tell(EngineNews::Up).await;
                }
                if !self.tell(EngineNews::Event(Box::new(event))).await {
                    return Outcome::NotWanted;
                }
            }
            failed("The engine ended by itself".to_owned())
        };
        or(pass, not_ready).await
    }

    /// False when nobody listens any more.
    async fn tell(&self, news: EngineNews) -> bool {
        self.news.send(news).await.is_ok()
    }

    /// Until nobody wants the engine any more: then false.
    async fn lose_commands(&self) -> bool {
        while let Ok(command) = self.commands.recv().await {
            if command == Command::Quit {
                break;
            }
            log::debug!("lost, since no engine is up: {command:?}");
        }
        false
    }
}

/// E002, which is worth another try.
fn failed(why: String) -> Outcome {
    Outcome::Failed { problem: Problem::new(ErrorCode::E002, why), again: true }
}

/// True after that time; never without one.
async fn after(pause: Option<Duration>) -> bool {
    match pause {
        Some(pause) => Timer::after(pause).await,
        None => pending().await,
    };
    true
}

/// A line in our log.
fn quoted(line: &[u8]) -> String {
    printable(&String::from_utf8_lossy(line), LINE_QUOTED_CHARS_MAX)
}

#[cfg(test)]
mod tests;
