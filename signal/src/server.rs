//! The server: what is joined to what, and how it ends.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_lite::future;
use signal_proto::cluster::{Node, NodeId};
use signal_proto::engineio::Timing;
use signal_proto::lobby::{Lobby, LobbyConfig};
use signal_proto::rng::Rng;
use signal_proto::time::ServerClock;
use smol::Timer;

use crate::cluster::Cluster;
use crate::config::{Config, RedisUrl};
use crate::limits::{DRAIN_PATIENCE, FINISH_PATIENCE, RETRY_AFTER};
use crate::rooms::{Backend, Rooms};
use crate::stun;
use crate::transport::Hub;
use crate::transport::bell::quiet;
use crate::web::{Services, Site, Trackers, host};

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is of no use.
    #[error("the listener cannot be used: {0}")]
    Listener(#[from] io::Error),
    /// Redis' URL is none, or there is no thread for it.
    #[error("{0}")]
    Redis(String),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Serves until it is dropped. Runs on the thread that polls it, and needs nothing else of it.
///
/// # Errors
/// When it cannot begin.
pub async fn serve(listener: TcpListener, config: Config) -> Result<Infallible, ServeError> {
    serve_until(listener, config, future::pending()).await?;
    future::pending().await
}

/// Serves until `stop` is over. Then it tells every room, lets what it said arrive, and closes: 4 s at most.
///
/// # Errors
/// When it cannot begin.
pub async fn serve_until(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    let started = Instant::now();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = ServerClock::new(started, i64::try_from(unix.as_millis()).unwrap_or(i64::MAX));
    let setting = config.setting(clock, &seed()?);
    let lobby = Lobby::new(LobbyConfig { setting, limited: config.limited }, Rng::new(seed()?));
    let (backend, cluster) = match &config.redis {
        None => (Backend::Alone(Box::new(lobby)), None),
        Some(RedisUrl(url)) => {
            let [a, b, c, d, e, f, g, h, ..] = seed()?;
            let id = NodeId(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            let cluster = Cluster::start(url, id).map_err(ServeError::Redis)?;
            let node = Node::new(started, id, lobby, Rng::new(seed()?));
            (Backend::Shared(Box::new(node), cluster.orders.clone()), Some(cluster))
        }
    };
    let hub = Hub::new(Rooms::new(backend, Rng::new(seed()?)), Timing::default(), Rng::new(seed()?));
    let trackers = Rc::new(Trackers::new(started, Rng::new(seed()?), Rng::new(seed()?)));
    let udp = stun::bind(address);
    let services = Services {
        hub: Rc::clone(&hub),
        trackers: Rc::clone(&trackers),
        // Behind a proxy on this machine, UDP reaches nobody.
        stun_port: udp
            .as_ref()
            .filter(|_| config.public_url.is_none() || !address.ip().is_loopback())
            .map(|_| address.port()),
        public_url: config.public_url,
        app_url: config.app_url,
        started,
    };
    let site = Site::new(config.origins)
        .trust(config.trusted)
        .clients_max(config.clients_max)
        .mount("/socket.io/", Rc::clone(&hub))
        .services(services);

    let (stopping, stopped) = smol::channel::bounded::<()>(1);
    let end = async {
        stop.await;
        log::info!("stopping: every room is told");
        hub.with_app(|rooms, now| rooms.drain(now, RETRY_AFTER));
        hub.close_all();
        trackers.close_all();
        // Only this side ever lets go of it.
        drop(stopping);
        Timer::after(DRAIN_PATIENCE).await;
        log::info!("some connections did not close in time");
        Ok(())
    };
    let hosted = host(listener, Rc::new(site), async {
        let _ = stopped.recv().await;
    });
    let answering = async {
        match &udp {
            Some(socket) => stun::answer(socket).await,
            None => future::pending().await,
        }
        Ok(())
    };
    let hearing = async {
        let Some(cluster) = &cluster else { return future::pending().await };
        while let Ok(input) = cluster.inputs.recv().await {
            hub.with_app(|rooms, now| rooms.hear(now, input));
        }
        future::pending().await
    };
    let hosted = async { hosted.await.map_err(ServeError::from) };
    let beside = future::or(quiet(end), future::or(quiet(answering), quiet(hearing)));
    let result = future::or(hosted, beside).await;
    drop(hub);
    if let Some(cluster) = cluster {
        // What was said at the end reaches the others: they go on with our rooms at once.
        let late = async {
            Timer::after(FINISH_PATIENCE).await;
        };
        future::or(cluster.finish(), late).await;
    }
    result
}

fn seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
