//! What crosses the border between [`super::App`] and its driver.

use crate::error::Problem;
use crate::infohash::Infohash;
use crate::ipc::{AddSource, Counts, Fetch, Figures, FileChoice, Message, PeerAddr, PeerStatus, Request, Room};

/// A torrent, as `App` and driver name it to each other from the command on, long before its infohash is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TorrentKey(pub(super) u64);

impl TorrentKey {
    /// The plain number, for logs.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What is settled when the engine says `ready`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The engine's version.
    pub version: String,
    /// Where the local server listens.
    pub http_port: u16,
    /// The port it was asked to use; 0 for any.
    pub http_port_asked: u16,
    /// Where peers are listened for.
    pub listen_port: u16,
    /// The port that was asked for; 0 for any.
    pub listen_port_asked: u16,
    /// Bytes a second; 0 for no limit.
    pub max_upload: u64,
    /// Bytes a second; 0 for no limit.
    pub max_download: u64,
    /// Whether anything is served to peers.
    pub upload: bool,
    /// Sentences to tell right after `ready`.
    pub notes: Vec<String>,
}

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A line from the front end.
    Line(Vec<u8>),
    /// A line that was too long to keep.
    LineTooLong,
    /// A command from a front end in the same process.
    Request(Request),
    /// Something about a torrent.
    Fact {
        /// Which.
        torrent: TorrentKey,
        /// What.
        fact: Fact,
    },
    /// Something worth knowing that is about no torrent that runs.
    Told(String),
    /// The front end closed its end.
    EndOfInput,
    /// SIGTERM or Ctrl-C.
    Signal,
}

/// What the driver learns about a torrent.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Its file was read that far, 0.0–1.0.
    Hashing(f64),
    /// What its magnet calls it, for as long as nothing better is known.
    Named(String),
    /// It has a name in the network. Comes once, before [`Fact::Details`].
    Accepted(Infohash),
    /// Its files are known and the film is chosen.
    Details(Details),
    /// A new moment.
    Stats(Snapshot),
    /// Every byte that is wanted is verified.
    Done,
    /// Something to tell; it goes on. `Err` for what is an `error`, `Ok` for an `info`.
    Told(Result<String, Problem>),
    /// It never started, and is gone.
    Refused(Problem),
    /// It cannot go on, and waits to be stopped.
    Failed(Problem),
    /// It is gone, as [`Effect::Stop`] asked. Exactly one for each, unless [`Fact::Refused`] was first.
    Stopped,
}

/// The files of a torrent. `film` is a place in `files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The torrent's name: of its file, or of its folder.
    pub name: String,
    /// Its files, in its order.
    pub files: Vec<DetailFile>,
    /// The one that plays.
    pub film: usize,
    /// What another engine needs to find it.
    pub magnet_uri: String,
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailFile {
    /// Its place in the torrent; files that nobody is to see are left out, so there may be gaps.
    pub index: u32,
    /// Its path in the torrent's folder, `/` between parts; of a torrent that is one file, its name.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// Whether a player could play it.
    pub media: bool,
}

/// A moment of a torrent. `figures.downloaded` is worked out here and need not be given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// As in `progress`.
    pub figures: Figures,
    /// Each connection.
    pub peers: Vec<PeerStatus>,
    /// What is counted beside that.
    pub counts: Counts,
}

/// What is to be printed or done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell the front end.
    Event(Message),
    /// Carry this out.
    Effect(Effect),
}

/// Something to carry out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Begin a torrent; facts follow under its key.
    Start {
        /// Its name between us.
        torrent: TorrentKey,
        /// What it is.
        what: Start,
    },
    /// That key is a torrent which another key has already: no more facts under it, and nothing is to be stopped.
    Forget(TorrentKey),
    /// End it, hashing included; answered by [`Fact::Stopped`].
    Stop {
        /// Which.
        torrent: TorrentKey,
        /// Remove what was downloaded.
        delete_data: bool,
    },
    /// These paths of the local server lead to the torrent's files.
    Publish {
        /// Which.
        torrent: TorrentKey,
        /// Decoded paths with a leading slash, and the file's index in the torrent.
        paths: Vec<(String, u32)>,
    },
    /// Its paths answer 503 with this reason from now on.
    Withhold {
        /// Which.
        torrent: TorrentKey,
        /// Why.
        reason: String,
    },
    /// Its paths lead nowhere from now on.
    Withdraw(TorrentKey),
    /// New limits for all torrents together; 0 for none.
    SetLimits {
        /// To peers, bytes a second.
        upload: u64,
        /// From peers, bytes a second.
        download: u64,
    },
    /// Where the film plays.
    Playhead {
        /// Which.
        torrent: TorrentKey,
        /// In bytes of the film.
        position: u64,
        /// Bytes a second of playing.
        rate: u64,
        /// Whether time passes.
        playing: bool,
    },
    /// Leave. Nothing comes after it.
    Quit,
}

/// What a torrent begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Hash a file or folder and share it.
    Seed {
        /// As the front end wrote it.
        path: String,
        /// The torrent's name; the file's own without it.
        name: Option<String>,
        /// The room's rendezvous, announced to. It goes into the magnet when others can reach it.
        tracker: Option<String>,
        /// Whom it has to do with.
        terms: Terms,
    },
    /// Fetch it.
    Add {
        /// What names it.
        source: AddSource,
        /// The room's rendezvous, announced to.
        tracker: Option<String>,
        /// Addresses to try.
        peers: Vec<PeerAddr>,
        /// The file to play.
        file: FileChoice,
        /// How much to fetch.
        fetch: Fetch,
        /// Whom it has to do with.
        terms: Terms,
    },
}

/// Whom a torrent has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether it is for the room alone, when the front end says so; see [`crate::trackers::is_room_only`].
    pub private: Option<bool>,
    /// The room it belongs to.
    pub room: Option<Room>,
    /// Whether a private torrent is served to stock clients that the user or the room's tracker named.
    pub allow_stock: bool,
}

/// Why [`super::App::poll_timeout`] wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A `progress` or `hashing` is due.
    Report(TorrentKey),
    /// Torrents that do not stop are left behind.
    QuitPatience,
}
