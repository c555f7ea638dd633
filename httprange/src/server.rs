//! The server: a thread named "http" with an executor of its own, two listening sockets, bounded connections.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use futures_lite::future;
use smol::channel::{Receiver, Sender, bounded};
use smol::lock::{Semaphore, SemaphoreGuardArc};
use smol::net::{TcpListener, TcpStream};
use smol::{LocalExecutor, Task, Timer};

use crate::connection::Service;
use crate::error::StartError;
use crate::library::Library;
use crate::limits::{ACCEPT_PAUSE, Limits};
use crate::listen::listen;

/// A running server. Dropping it closes every connection, drops every source, frees the port and ends the thread.
#[derive(Debug)]
pub struct Server {
    port: u16,
    preferred_port: u16,
    refused: Arc<AtomicU64>,
    /// Dropped to stop the thread.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `library` on 127.0.0.1 and ::1, on `preferred_port` if it can be had and on another if not; 0 prefers
    /// none.
    ///
    /// # Errors
    /// When no port or no thread can be had.
    pub fn start<L: Library>(preferred_port: u16, library: Arc<L>) -> Result<Self, StartError> {
        Self::start_with(preferred_port, library, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// When no port or no thread can be had.
    pub fn start_with<L: Library>(preferred_port: u16, library: Arc<L>, limits: Limits) -> Result<Self, StartError> {
        let listeners = listen(preferred_port)?;
        let port = listeners.port;
        let v4 = TcpListener::try_from(listeners.v4).map_err(StartError::Bind)?;
        let v6 = listeners.v6.map(TcpListener::try_from).transpose().map_err(StartError::Bind)?;
        let refused = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn({
                let refused = Arc::clone(&refused);
                move || run(v4, v6, || Service::new(library, port, &limits, refused), limits.connections, &stopped)
            })
            .map_err(StartError::Thread)?;
        Ok(Self { port, preferred_port, refused, stop: Some(stop), thread: Some(thread) })
    }

    /// The port of both addresses.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the preferred port could not be had.
    pub const fn preferred_was_taken(&self) -> bool {
        self.preferred_port != 0 && self.port != self.preferred_port
    }

    /// Requests that the [`crate::guard`] has answered 403 since the start: web pages that tried, or a player that is
    /// wrongly taken for one.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        // A library may own its server, and then its last owner may be the thread itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            log::error!("the local server's thread had panicked");
        }
    }
}

fn run<L: Library>(
    v4: TcpListener,
    v6: Option<TcpListener>,
    service: impl FnOnce() -> Service<L>,
    connections_max: usize,
    stopped: &Receiver<Infallible>,
) {
    let executor = LocalExecutor::new();
    let slots = Arc::new(Semaphore::new(connections_max));
    let (accepted_sender, accepted) = bounded(1);
    // Tasks of their own, because what `run` waits for is looked at whenever any connection has something to do.
    let _acceptors: Vec<Task<()>> = [Some(v4), v6]
        .into_iter()
        .flatten()
        .map(|listener| executor.spawn(accept(listener, Arc::clone(&slots), accepted_sender.clone())))
        .collect();
    let serve = serve(&executor, Rc::new(service()), &accepted);
    let until_stopped = async {
        // Nothing is ever sent; it ends when the server's handle goes.
        if let Ok(never) = stopped.recv().await {
            match never {}
        }
    };
    smol::block_on(executor.run(future::or(until_stopped, serve)));
}

/// A connection with the leave to be served.
type Accepted = (TcpStream, SemaphoreGuardArc);

/// Accepts as long as somebody takes the connections.
async fn accept(listener: TcpListener, slots: Arc<Semaphore>, accepted: Sender<Accepted>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Full: this one waits here, those behind it in the system's queue.
                let slot = slots.acquire_arc().await;
                if accepted.send((stream, slot)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                log::warn!("the local server cannot accept: {error}");
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves what is accepted. The connections are dropped with it.
async fn serve<L: Library>(executor: &LocalExecutor<'static>, service: Rc<Service<L>>, accepted: &Receiver<Accepted>) {
    // At most the connections' bound and those that ended since the last was accepted.
    let mut connections: Vec<Task<()>> = Vec::new();
    while let Ok((stream, slot)) = accepted.recv().await {
        // Answers are written in as few pieces as can be, so waiting to join them only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("no TCP_NODELAY: {error}");
        }
        connections.retain(|connection| !connection.is_finished());
        let service = Rc::clone(&service);
        connections.push(executor.spawn(async move {
            service.serve(stream).await;
            drop(slot);
        }));
    }
}
