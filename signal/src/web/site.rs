//! What answers which path, and the loop that accepts.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use futures_lite::future;
use http::Request;
use hyper::body::Incoming;
use smol::net::{TcpListener, TcpStream};
use smol::{LocalExecutor, Task, Timer};

use super::connection;
use super::engineio;
use super::origins::Origins;
use super::peer::{Network, Peer};
use super::respond::Answer;
use super::routes::Services;
use crate::limits::{ACCEPT_PAUSE, CLIENTS_MAX, TURNED_AWAY_MAX};
use crate::transport::bell::quiet;
use crate::transport::{App, Hub};

/// One port's paths.
pub struct Site {
    pub(super) mounts: Vec<Mount>,
    pub(super) origins: Origins,
    pub(super) trusted: Vec<Network>,
    pub(super) services: Option<Services>,
    clients_max: usize,
    clients: Cell<usize>,
}

pub(super) struct Mount {
    /// With a slash at both ends.
    pub(super) path: String,
    pub(super) hub: Rc<dyn Mounted>,
}

/// A future that stays on its thread.
pub(super) type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a connection goes on as, once its request was answered with 101.
pub(super) type Upgrade = Cell<Option<Local<'static, ()>>>;

/// A hub, whatever its app is.
pub(super) trait Mounted {
    fn answer<'a>(
        self: Rc<Self>,
        site: &'a Site,
        peer: Peer,
        request: Request<Incoming>,
        upgrade: &'a Upgrade,
    ) -> Local<'a, Answer>;
    fn keep_time(self: Rc<Self>) -> Local<'static, ()>;
}

impl<A: App + 'static> Mounted for Hub<A> {
    fn answer<'a>(
        self: Rc<Self>,
        site: &'a Site,
        peer: Peer,
        request: Request<Incoming>,
        upgrade: &'a Upgrade,
    ) -> Local<'a, Answer> {
        Box::pin(engineio::answer(self, site, peer, request, upgrade))
    }

    fn keep_time(self: Rc<Self>) -> Local<'static, ()> {
        Box::pin(async move { Self::keep_time(&self).await })
    }
}

impl Site {
    /// A port that answers nothing yet.
    pub const fn new(origins: Origins) -> Self {
        Self {
            mounts: Vec::new(),
            origins,
            trusted: Vec::new(),
            services: None,
            clients_max: CLIENTS_MAX,
            clients: Cell::new(0),
        }
    }

    /// Engine.IO under a path, as `/socket.io/`.
    #[must_use]
    pub fn mount<A: App + 'static>(mut self, path: &str, hub: Rc<Hub<A>>) -> Self {
        let path = format!("/{}/", path.trim_matches('/'));
        self.mounts.push(Mount { path, hub });
        self
    }

    /// Proxies whose `X-Forwarded-For` is believed.
    #[must_use]
    pub fn trust(mut self, networks: Vec<Network>) -> Self {
        self.trusted = networks;
        self
    }

    /// Connections at once; more are answered 503.
    #[must_use]
    pub const fn clients_max(mut self, clients_max: usize) -> Self {
        self.clients_max = clients_max;
        self
    }

    #[must_use]
    pub(crate) fn services(mut self, services: Services) -> Self {
        self.services = Some(services);
        self
    }

    pub(super) fn is_full(&self) -> bool {
        self.clients.get() > self.clients_max
    }
}

/// Serves a site. When `stop` is over nobody is accepted any more, and it ends as soon as all connections did: whoever stops has
/// them closed, and drops this after as long as it wants to wait.
///
/// # Errors
/// When the listener cannot be used without blocking.
pub async fn host(listener: std::net::TcpListener, site: Rc<Site>, stop: impl Future<Output = ()>) -> io::Result<()> {
    let listener = TcpListener::try_from(listener)?;
    let executor = LocalExecutor::new();
    let _clocks: Vec<Task<()>> =
        site.mounts.iter().map(|mount| executor.spawn(Rc::clone(&mount.hub).keep_time())).collect();
    let connections = Rc::new(Connections::default());
    let accept = accept(&executor, listener, &site, &connections);
    executor
        .run(async {
            // The listener goes with `accept`, so that nobody waits at a door that nobody opens.
            future::or(quiet(accept), quiet(stop)).await;
            connections.ended().await;
        })
        .await;
    Ok(())
}

async fn accept(
    executor: &LocalExecutor<'static>,
    listener: TcpListener,
    site: &Rc<Site>,
    connections: &Rc<Connections>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                while site.clients.get() >= site.clients_max + TURNED_AWAY_MAX {
                    Timer::after(ACCEPT_PAUSE).await;
                }
                let Ok(reached) = stream.local_addr() else { continue };
                connections.spawn(executor, serve(Rc::clone(site), stream, Peer::new(from, reached)));
            }
            Err(error) => {
                log::warn!("cannot accept a connection: {error}");
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(site: Rc<Site>, stream: TcpStream, peer: Peer) {
    let _counted = Counted::new(&site);
    // Answers are written in as few pieces as can be, so waiting to join them only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("no TCP_NODELAY: {error}");
    }
    connection::serve(&site, stream, peer).await;
}

/// One connection of the site, while it lives.
struct Counted<'a>(&'a Site);

impl<'a> Counted<'a> {
    fn new(site: &'a Site) -> Self {
        site.clients.set(site.clients.get() + 1);
        Self(site)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.clients.set(self.0.clients.get() - 1);
    }
}

/// The connections' tasks: held, so that they end with the host.
#[derive(Default)]
struct Connections {
    running: std::cell::RefCell<HashMap<u64, Task<()>>>,
    finished: std::cell::RefCell<Vec<u64>>,
    next: Cell<u64>,
    waiter: Cell<Option<std::task::Waker>>,
}

impl Connections {
    fn spawn(self: &Rc<Self>, executor: &LocalExecutor<'static>, work: impl Future<Output = ()> + 'static) {
        self.forget_finished();
        let number = self.next.get();
        self.next.set(number + 1);
        let own = Rc::clone(self);
        let task = executor.spawn(async move {
            work.await;
            own.finished.borrow_mut().push(number);
            if let Some(waiter) = own.waiter.take() {
                waiter.wake();
            }
        });
        self.running.borrow_mut().insert(number, task);
    }

    fn forget_finished(&self) {
        let finished = std::mem::take(&mut *self.finished.borrow_mut());
        let mut running = self.running.borrow_mut();
        for number in finished {
            running.remove(&number);
        }
    }

    async fn ended(&self) {
        future::poll_fn(|cx| {
            self.forget_finished();
            if self.running.borrow().is_empty() {
                return std::task::Poll::Ready(());
            }
            self.waiter.set(Some(cx.waker().clone()));
            std::task::Poll::Pending
        })
        .await;
    }
}
