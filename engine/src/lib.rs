//! The engine: BitTorrent below, an HTTP server beside it, commands and events above.
//!
//! [`start`] runs it on threads of its own and returns an [`Engine`], through which commands go in and events come out:
//! the same enums that the program `sharestream-engine` speaks as JSON lines. What each command leads to is decided in
//! [`engine_proto::app`]; here it is carried out.
//!
//! # Threads
//! ```text
//! engine   App, and a task a torrent that turns what happens to it into facts
//! http     the local server; reads routes and status from a shared board
//! swarm    the crate bittorrent's own
//! ```
//! Shutdown order: torrents stop, the server closes (its streams have ended with their torrents), the client ends.

mod board;
mod config;
mod convert;
mod drive;
mod metrics;
mod torrent;

pub mod logging;
pub mod signals;
pub mod stdio;
pub mod terminal;

pub use bittorrent::DiskRoom;
pub use config::{Config, VERSION, default_data_dir};
pub use engine_proto as proto;

use std::sync::Arc;
use std::thread::JoinHandle;

use bittorrent::Client;
use engine_proto::app::{Input, Setup};
use engine_proto::error::{ErrorCode, Problem};
use engine_proto::ipc::{Message, Request};
use smol::channel::{Receiver, Sender, bounded};

use board::Board;

/// Commands and facts that wait for the engine's thread. Full: whoever sends waits.
const INPUTS_MAX: usize = 256;

/// Events that wait for the front end. Full: the engine's thread waits, while torrents and server go on.
const EVENTS_MAX: usize = 1024;

/// A running engine. Dropping it quits and waits for the end.
#[derive(Debug)]
pub struct Engine {
    commands: Commands,
    events: Receiver<Message>,
    thread: Option<JoinHandle<Result<(), Crashed>>>,
}

/// The way in; clones share it.
#[derive(Clone, Debug)]
pub struct Commands(Sender<Input>);

/// The engine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has ended")]
pub struct Ended;

/// A thread of the engine, of this name, ended by itself: a bug of ours. All of the engine has ended then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine's thread {0:?} ended by itself")]
pub struct Crashed(&'static str);

/// Starts an engine: binds both ports and begins to work. Its first event is `ready`.
///
/// # Errors
/// E007 when no port or thread can be had.
pub fn start(config: Config) -> Result<Engine, Problem> {
    let client = Client::start(config.client()).map_err(|error| unstarted(error.to_string()))?;
    start_with(client, config)
}

fn unstarted(why: String) -> Problem {
    Problem::new(ErrorCode::E007, why)
}

/// The same around that client.
fn start_with(client: Client, config: Config) -> Result<Engine, Problem> {
    let board = Arc::new(Board::default());
    let server = match httprange::Server::start(config.http_port, Arc::clone(&board)) {
        Ok(server) => server,
        Err(error) => {
            smol::block_on(client.shutdown());
            return Err(unstarted(format!("no port for the local server: {error}")));
        }
    };
    let setup = Setup {
        version: VERSION.to_owned(),
        http_port: server.port(),
        http_port_asked: config.http_port,
        listen_port: client.listen_port(),
        listen_port_asked: config.listen_port,
        max_upload: config.max_upload,
        max_download: config.max_download,
        upload: config.upload,
        notes: config.notes,
    };
    let (inputs_in, inputs) = bounded(INPUTS_MAX);
    let (events_in, events) = bounded(EVENTS_MAX);
    let hands = drive::Hands::new(client, server, board, inputs_in.clone(), events_in);
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || hands.run(setup, &inputs))
        .map_err(|error| unstarted(format!("cannot start a thread: {error}")))?;
    Ok(Engine { commands: Commands(inputs_in), events, thread: Some(thread) })
}

impl Engine {
    /// The way in.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// The way out; closed once the engine has ended. It holds a thousand events: read it.
    pub fn events(&self) -> &Receiver<Message> {
        &self.events
    }

    /// Quits and waits for the end, as dropping does.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn end(mut self) -> Result<(), Crashed> {
        self.quit()
    }

    fn quit(&mut self) -> Result<(), Crashed> {
        // A full queue of events would make the engine wait for us, while we wait for it.
        self.events.close();
        self.commands.quit();
        // Once it was waited for, there is nothing more to learn.
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or(Err(Crashed("engine")))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(crashed) = self.quit() {
            log::error!("{crashed}");
        }
    }
}

impl Commands {
    /// Sends a command; waits while the engine is busy.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn send(&self, request: Request) -> Result<(), Ended> {
        self.0.send(Input::Request(request)).await.map_err(|_| Ended)
    }

    /// The same, blocking the thread.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn send_blocking(&self, request: Request) -> Result<(), Ended> {
        self.input_blocking(Input::Request(request))
    }

    /// Sends anything that happens outside, blocking the thread: a line, the end of input, a signal.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn input_blocking(&self, input: Input) -> Result<(), Ended> {
        self.0.send_blocking(input).map_err(|_| Ended)
    }

    /// Asks for the end, as a signal does. Nothing happens when it has come already.
    pub fn quit(&self) {
        // An engine that has ended needs no telling.
        let _ = self.input_blocking(Input::Signal);
    }
}

#[cfg(test)]
mod tests;
