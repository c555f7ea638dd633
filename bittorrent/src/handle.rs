//! What a front end holds of a running torrent.

use std::net::SocketAddr;
use std::sync::Arc;

use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::units::FileIndex;

use smol::channel::{Receiver, Sender, bounded};

use crate::events::TorrentEvent;
use crate::figures::{Playhead, TorrentStats};
use crate::shared::{Shared, lock};
use crate::stream::TorrentStream;
use crate::swarm::Command;

/// A running torrent, seen from any thread. Clones share it; dropping them all does not stop it.
#[derive(Clone)]
pub struct TorrentHandle {
    shared: Arc<Shared>,
    commands: Sender<Command>,
}

impl TorrentHandle {
    pub(crate) const fn new(shared: Arc<Shared>, commands: Sender<Command>) -> Self {
        Self { shared, commands }
    }

    pub(crate) fn subscribe(&self) -> Receiver<TorrentEvent> {
        self.shared.subscribe()
    }

    pub(crate) fn tell(&self, event: &TorrentEvent) {
        self.shared.tell(event);
    }

    /// Whether it was neither stopped nor ended by a [`Failure`].
    pub fn is_alive(&self) -> bool {
        self.shared.ended().is_none()
    }

    /// Which torrent.
    pub fn infohash(&self) -> Infohash {
        self.shared.infohash
    }

    /// The metainfo, once known.
    pub fn metainfo(&self) -> Option<Arc<Metainfo>> {
        self.shared.known.get().map(|known| known.metainfo.clone())
    }

    /// The chosen file, once known.
    pub fn film(&self) -> Option<FileIndex> {
        self.shared.known.get().map(|known| known.film)
    }

    /// Bytes of this run that were read from the disk and hashed to see what of the torrent is here already. Nearly none
    /// where resume data could be believed.
    pub fn checked_bytes(&self) -> u64 {
        self.shared.known.get().map_or(0, |known| known.storage.checked_bytes())
    }

    /// The latest moment; refreshed every second while anything moves, and at every event.
    pub fn stats(&self) -> Arc<TorrentStats> {
        self.shared.stats()
    }

    /// Waits until the figures are others than `seen`, which came from [`TorrentHandle::stats`] or from here.
    pub async fn stats_after(&self, seen: &Arc<TorrentStats>) -> Arc<TorrentStats> {
        self.shared.stats_after(seen).await
    }

    /// A stream over one file, which waits for bytes that are not here and makes them urgent. `None` before the
    /// metadata is known or for no such file.
    pub fn open(&self, file: FileIndex) -> Option<TorrentStream> {
        TorrentStream::open(self.shared.clone(), file)
    }

    /// Says where the film plays.
    pub fn set_playhead(&self, playhead: Playhead) {
        *lock(&self.shared.playhead) = Some(playhead);
        self.shared.attention.notify(1);
    }

    /// More addresses that the user or the room gave; they may be loopback or private. A torrent that ended stays ended.
    pub async fn add_peers(&self, addrs: Vec<SocketAddr>) {
        let infohash = self.shared.infohash;
        // A client that is shutting down has no use for them.
        let _ = self.commands.send(Command::Addresses { infohash, addrs, named_by: NamedBy::User }).await;
    }

    /// Ends the torrent; with `delete_data`, what was downloaded is removed (never a seeded file). Open streams end early.
    pub async fn stop(&self, delete_data: bool) {
        let (over, ended) = bounded(1);
        let stop = Command::Stop { torrent: self.shared.clone(), delete_data, over };
        // A client that is shutting down stops it anyway.
        if self.commands.send(stop).await.is_ok() {
            let _ = ended.recv().await;
        }
    }
}
