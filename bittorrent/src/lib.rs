//! BitTorrent on smol: sockets, disk and timers around [`bittorrent_proto`].
//!
//! [`Client`] owns one thread, `swarm`, on which every torrent and connection lives; [`TorrentHandle`] is what other
//! threads hold of a torrent; [`TorrentStream`] reads a file of it as `AsyncRead + AsyncSeek` and waits for bytes that
//! are still on their way.
//!
//! ```no_run
//! use bittorrent::{AddRequest, Client, ClientConfig, Encryption, Fetch, FileChoice, TorrentEvent, TorrentSource};
//! use futures_lite::AsyncReadExt as _;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! smol::block_on(async {
//!     let client = Client::start(ClientConfig {
//!         listen_port: 6881,
//!         data_dir: "downloads".into(),
//!         peers_max: 60,
//!         upload_max: None,
//!         download_max: None,
//!         serves: true,
//!         pex: true,
//!         disk_max: None,
//!         client_name: "Example 1.0".into(),
//!     })?;
//!     let source = TorrentSource::Magnet("magnet:?xt=urn:btih:3530453ef100f8cd9235f76b1c06c4f711b67a19".parse()?);
//!     let peers = vec!["192.168.1.20:6881".parse()?];
//!     let request = AddRequest {
//!         source,
//!         peers,
//!         trackers: vec![],
//!         file: FileChoice::Largest,
//!         fetch: Fetch::All,
//!         encryption: Encryption::Allowed,
//!         terms: Default::default(),
//!     };
//!     let (torrent, events) = client.add(request).await?;
//!     let film = loop {
//!         if let Some(film) = torrent.film() {
//!             break film;
//!         }
//!         if let TorrentEvent::Failed(why) = events.recv().await? {
//!             return Err(why.into());
//!         }
//!     };
//!     let mut stream = torrent.open(film).ok_or("the torrent has no such file")?;
//!     let mut head = [0; 16];
//!     stream.read_exact(&mut head).await?; // waits until these bytes are verified, and makes them urgent
//!     client.shutdown().await;
//!     Ok(())
//! })
//! # }
//! ```

mod addresses;
mod cipher_stream;
mod client;
mod config;
mod connection;
mod encryption;
mod events;
mod executor;
mod figures;
mod gate;
mod greetings;
mod handle;
mod handshake;
mod hash;
mod http_get;
mod keeper;
mod kept;
mod limits;
mod listener;
mod moving;
mod negotiate;
mod pool;
mod prepare;
mod report;
mod resume;
mod room;
mod routes;
mod seed;
mod shared;
mod storage;
mod strangers;
mod stream;
mod swarm;
mod throttle;
mod tls;
mod torrent_task;
mod tracker_ask;
mod tracker_task;
mod udp_ask;

pub use client::{Client, StartError, TorrentError};
pub use config::{AddRequest, ClientConfig, Encryption, Fetch, FileChoice, SeedRequest, Terms, TorrentSource};
pub use events::{ClientEvent, Failure, Removed, TorrentEvent, TrackerOutcome, Trouble, Why};
pub use executor::Executor;
pub use figures::{DiskRoom, PeerStats, Playhead, TorrentState, TorrentStats};
pub use handle::TorrentHandle;
pub use stream::TorrentStream;
