//! What a front end asks of the client: its configuration and the two requests that start a torrent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bittorrent_proto::magnet::Magnet;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::room::{Access, Admission, Room};
use bittorrent_proto::units::{ByteLen, BytesPerSec};

/// How a [`crate::Client`] is set up.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Preferred TCP port for peers. Taken: the next free in 6881–6889, then any; 0: any at once.
    pub listen_port: u16,
    /// Downloads live under it, by infohash.
    pub data_dir: PathBuf,
    /// Connections a torrent.
    pub peers_max: usize,
    /// Bytes a second to all peers together; `None` for no limit.
    pub upload_max: Option<BytesPerSec>,
    /// Bytes a second from all peers together; `None` for no limit.
    pub download_max: Option<BytesPerSec>,
    /// Whether anything is served to peers. Without it everybody stays choked, and metadata is refused.
    pub serves: bool,
    /// Bytes of downloads that running torrents keep on disk together, each an equal share; `None` for no limit.
    pub disk_max: Option<ByteLen>,
    /// Name and version for the extension handshake (BEP 10, `v`).
    pub client_name: String,
    /// Whether peers tell one another of peers (BEP 11).
    pub pex: bool,
}

/// Whom a torrent has to do with. By default with everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The room it belongs to, and who we are there. Members are known by it, and come before others.
    pub room: Option<Room>,
    /// For the room alone: no tracker, peer or address that only a magnet, a torrent or a stranger names. With a room,
    /// nothing is served but to its members and, unless `members_only`, to peers that the user or the room's tracker
    /// named. Without one nobody can prove to be a member, so whoever finds us is served.
    pub private: bool,
    /// `private` is the user's own word, or a room's. Otherwise a torrent whose info dictionary says that it is private
    /// (BEP 27) goes by its own trackers instead.
    pub insisted: bool,
    /// A private torrent is for members alone.
    pub members_only: bool,
}

impl Terms {
    /// For the core.
    pub(crate) fn access(&self) -> Access {
        let admission = match (self.private && self.room.is_some(), self.members_only) {
            (false, _) => Admission::Anyone,
            (true, false) => Admission::MembersAndNamed,
            (true, true) => Admission::Members,
        };
        Access { room: self.room.clone(), admission }
    }

    /// The same for a torrent whose own flag is known (BEP 27).
    pub(crate) fn under_flag(self, is_flagged: bool) -> Self {
        let private = self.private && (self.insisted || !is_flagged);
        Self { private, ..self }
    }

    /// Whether peers may name peers: in a private torrent only members may, and without a room there are none.
    pub(crate) fn allow_pex(&self) -> bool {
        !self.private || self.room.is_some()
    }
}

/// A file or folder to share where it lies.
#[derive(Clone)]
pub struct SeedRequest {
    /// The file or folder.
    pub path: PathBuf,
    /// Name in the torrent; the file's own name otherwise.
    pub name: Option<String>,
    /// Trackers to be announced to, and who named each: only what the user named may be on a local network at any path.
    pub trackers: Vec<(String, NamedBy)>,
    /// Called with 0.0–1.0 while the content is hashed, from hashing threads.
    pub progress: Arc<dyn Fn(f64) + Send + Sync>,
    /// Of its connections.
    pub encryption: Encryption,
    /// Whom it has to do with.
    pub terms: Terms,
}

/// A torrent to fetch.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// What names it.
    pub source: TorrentSource,
    /// Addresses that the user or the room gave; they may be loopback or private.
    pub peers: Vec<SocketAddr>,
    /// Trackers beside those of the magnet or torrent, and who named each. A private torrent (BEP 27) is announced to its
    /// own alone.
    pub trackers: Vec<(String, NamedBy)>,
    /// Which file to play.
    pub file: FileChoice,
    /// How much to fetch.
    pub fetch: Fetch,
    /// Of its connections.
    pub encryption: Encryption,
    /// Whom it has to do with; of a torrent that runs already, this changes nothing.
    pub terms: Terms,
}

/// What names a torrent.
#[derive(Clone, Debug)]
pub enum TorrentSource {
    /// A magnet: the info dictionary comes from peers (BEP 9).
    Magnet(Magnet),
    /// A metainfo that is here already.
    Metainfo(Box<Metainfo>),
}

/// Which file of a torrent is the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChoice {
    /// The largest media file; the largest file when there is none.
    Largest,
    /// That place in the torrent's list.
    Index(u32),
    /// That path in the torrent, with `/` between its parts.
    Path(String),
    /// The largest media file plays, and all others are fetched too.
    All,
}

/// How much of the chosen file is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// All of it, what readers wait for first.
    All,
    /// Only what readers need.
    AsNeeded,
}

/// Whether a torrent's connections are encrypted (MSE). Either way both kinds are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Where the other side insists.
    #[default]
    Allowed,
    /// Where the other side can.
    Preferred,
}
