//! What the engine tells.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Problem};
use crate::infohash::Infohash;

/// An event. Field names and types are the contract's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// All ports are bound, commands are read, HTTP is served.
    Ready(Ready),
    /// A file that is to be shared is being read.
    Hashing(Hashing),
    /// It is shared.
    Seeding(Seeding),
    /// The details of a torrent are known; its film can be played.
    Added(Added),
    /// How it goes.
    Progress(Progress),
    /// Everything wanted is here. Once a torrent.
    Done(Done),
    /// A torrent ended because it was told to.
    Stopped(Stopped),
    /// Something failed.
    Error(Error),
    /// Something worth knowing.
    Info(Info),
    /// Everything at once.
    Status(Status),
}

/// Fields of `ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The engine's.
    pub version: String,
    /// Of the local server.
    pub http_port: u16,
    /// For peers.
    pub listen_port: u16,
}

/// Fields of `hashing`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hashing {
    /// The torrent's name.
    pub name: String,
    /// 0.0–1.0.
    pub progress: f64,
}

/// Fields of `seeding`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeding {
    /// The film's file name.
    pub name: String,
    /// What viewers need.
    #[serde(rename = "magnetURI")]
    pub magnet_uri: String,
    /// Where a player on this machine finds it.
    pub server_url: String,
    /// The torrent.
    #[serde(rename = "infoHash")]
    pub infohash: Infohash,
    /// Bytes of the film.
    pub length: u64,
    /// Every file of the torrent.
    pub files: Vec<FileEntry>,
}

/// Fields of `added`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// The film's file name.
    pub name: String,
    /// Where a player on this machine finds it.
    pub server_url: String,
    /// The torrent.
    #[serde(rename = "infoHash")]
    pub infohash: Infohash,
    /// Bytes of the film.
    pub length: u64,
    /// Every file of the torrent.
    pub files: Vec<FileEntry>,
}

/// A file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Its place in the torrent.
    pub index: u32,
    /// Its path in the torrent, `/` between parts.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// Whether a player could play it.
    pub media: bool,
    /// Where a player on this machine finds it.
    pub server_url: String,
}

/// Fields of `progress`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The torrent.
    #[serde(rename = "infoHash")]
    pub infohash: Infohash,
    /// The rest.
    #[serde(flatten)]
    pub figures: Figures,
}

/// A moment of a torrent; of its film, where it has several files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// 0.0–1.0 of what was ever verified; never goes back, and is exactly 1.0 before `done`.
    pub downloaded: f64,
    /// From all peers, bytes a second.
    pub speed: u64,
    /// Connections.
    pub peers: u32,
    /// Bytes ever verified.
    pub downloaded_bytes: u64,
    /// Bytes of the film; 0 while unknown.
    pub total_bytes: u64,
    /// To all peers, bytes a second.
    pub upload_speed: u64,
    /// Payload sent.
    pub uploaded_bytes: u64,
    /// Connections to peers that have everything.
    pub seeds: u32,
    /// Verified bytes that are here now: `[first, lastExclusive]`, merged, ascending, at most 512.
    pub ranges: Vec<(u64, u64)>,
    /// Verified without a gap from the playhead on.
    pub ahead_bytes: u64,
    /// What the uplink was measured to carry, bytes a second; 0 before it was ever busy.
    pub upload_capacity: u64,
    /// What the torrent is doing.
    pub state: State,
}

/// What a torrent is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its file is being read.
    Hashing,
    /// Its details are asked for.
    #[default]
    Metadata,
    /// Bytes are fetched.
    Downloading,
    /// Everything wanted is here.
    Seeding,
    /// The disk is full.
    Paused,
    /// It cannot go on.
    Error,
}

/// Fields of `done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The torrent.
    #[serde(rename = "infoHash")]
    pub infohash: Infohash,
}

/// Fields of `stopped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The torrent; none when nothing ran, or before it was known.
    #[serde(rename = "infoHash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<Infohash>,
}

/// Fields of `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What and why, for people.
    pub message: String,
    /// Which kind, for programs.
    pub code: ErrorCode,
    /// Whether it may work later without a change.
    pub retryable: bool,
    /// The torrent it is about.
    #[serde(rename = "infoHash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<Infohash>,
}

impl Error {
    /// The event of a problem.
    pub fn new(problem: Problem, infohash: Option<Infohash>) -> Self {
        Self { message: problem.message, code: problem.code, retryable: problem.code.retryable(), infohash }
    }
}

/// Fields of `info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// For people.
    pub message: String,
    /// The torrent it is about.
    #[serde(rename = "infoHash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<Infohash>,
}

/// Fields of `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The engine's.
    pub version: String,
    /// Of the local server.
    pub http_port: u16,
    /// For peers.
    pub listen_port: u16,
    /// Whether anything is served to peers at all (`-upload`).
    pub upload: bool,
    /// Bytes a second to all peers; 0 for no limit.
    pub max_upload: u64,
    /// Bytes a second from all peers; 0 for no limit.
    pub max_download: u64,
    /// Nodes in the DHT's table; 0 while it is off.
    pub dht_nodes: u32,
    /// What is known of the network between this machine and the others.
    pub nat: NatState,
    /// Every torrent, oldest first.
    pub torrents: Vec<TorrentStatus>,
}

/// What is known of the network between this machine and the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NatState {
    /// Nothing yet.
    #[default]
    Unknown,
    /// Others reach us.
    Open,
    /// A router was asked to let others in, and agreed.
    Mapped,
    /// Others do not reach us; we reach them.
    Closed,
}

/// A torrent in `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TorrentStatus {
    /// The torrent; none while its file is still being read.
    #[serde(rename = "infoHash", default, skip_serializing_if = "Option::is_none")]
    pub infohash: Option<Infohash>,
    /// The film's file name, or what is known of it.
    pub name: String,
    /// What viewers need, once known.
    #[serde(rename = "magnetURI", default, skip_serializing_if = "Option::is_none")]
    pub magnet_uri: Option<String>,
    /// Where a player on this machine finds the film, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
    /// Every file, once known.
    pub files: Vec<FileEntry>,
    /// 0.0–1.0 of the file that was read, while it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashing: Option<f64>,
    /// What failed, in the state `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As in `progress`.
    #[serde(flatten)]
    pub figures: Figures,
    /// What is counted since the torrent began.
    #[serde(flatten)]
    pub counts: Counts,
    /// Each connection.
    pub peer_list: Vec<PeerStatus>,
}

/// What is counted since a torrent began; in `status` only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Proofs of membership in its room that did not hold.
    #[serde(default)]
    pub proofs_refused: u32,
    /// Pieces that the disk's limit made give up.
    #[serde(default)]
    pub pieces_given_up: u64,
}

/// A connection in `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerStatus {
    /// Its address.
    pub addr: SocketAddr,
    /// Its program, as it says; another's text.
    pub client: String,
    /// From it, bytes a second.
    pub speed: u64,
    /// To it, bytes a second.
    pub upload_speed: u64,
    /// Payload from it.
    pub downloaded_bytes: u64,
    /// Payload to it.
    pub uploaded_bytes: u64,
    /// 0.0–1.0 of the torrent that it has.
    pub progress: f64,
    /// We refuse its requests for now.
    pub am_choking: bool,
    /// We want something it has.
    pub am_interested: bool,
    /// It refuses ours.
    pub peer_choking: bool,
    /// It wants something of ours.
    pub peer_interested: bool,
    /// It connected to us.
    pub incoming: bool,
    /// Everything that is said is encrypted, not only the handshake.
    pub encrypted: bool,
    /// Requests of ours that it has not answered.
    pub inflight: u32,
    /// It proved to be a member of the room.
    #[serde(default)]
    pub member: bool,
    /// Its name in the room, in hex, once it proved that.
    #[serde(rename = "self", default, skip_serializing_if = "Option::is_none")]
    pub member_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::{Message, RequestId};
    use serde_json::{Value, json};

    const INFOHASH: Infohash = Infohash([0xab; 20]);

    fn as_json(event: Event) -> Value {
        let line = Message::from(event).to_line();
        assert!(line.ends_with('\n') && !line.trim_end().contains('\n'), "one line: {line:?}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn the_plans_events_keep_their_fields() {
        let hex = "ab".repeat(20);
        let ready = Event::Ready(Ready { version: "1.2.3".into(), http_port: 42069, listen_port: 6881 });
        assert_eq!(
            as_json(ready),
            json!({"event": "ready", "version": "1.2.3", "httpPort": 42069, "listenPort": 6881})
        );
        let file =
            FileEntry { index: 0, path: "a/v.mp4".into(), length: 9, media: true, server_url: "http://u".into() };
        let seeding = Event::Seeding(Seeding {
            name: "v.mp4".into(),
            magnet_uri: "magnet:?x".into(),
            server_url: "http://u".into(),
            infohash: INFOHASH,
            length: 9,
            files: vec![file.clone()],
        });
        assert_eq!(
            as_json(seeding),
            json!({"event": "seeding", "name": "v.mp4", "magnetURI": "magnet:?x", "serverUrl": "http://u",
                   "infoHash": hex, "length": 9,
                   "files": [{"index": 0, "path": "a/v.mp4", "length": 9, "media": true, "serverUrl": "http://u"}]})
        );
        assert_eq!(as_json(Event::Done(Done { infohash: INFOHASH })), json!({"event": "done", "infoHash": hex}));
        assert_eq!(as_json(Event::Stopped(Stopped { infohash: None })), json!({"event": "stopped"}));
        let error = Error::new(Problem::new(ErrorCode::E004, "Nobody"), Some(INFOHASH));
        assert_eq!(
            as_json(Event::Error(error)),
            json!({"event": "error", "message": "Nobody", "code": "E004", "retryable": true, "infoHash": hex})
        );
        assert_eq!(
            as_json(Event::Info(Info { message: "Hi".into(), infohash: None })),
            json!({"event": "info", "message": "Hi"})
        );
    }

    #[test]
    fn progress_is_flat_and_downloaded_is_a_float() {
        let figures = Figures { downloaded: 1.0, ranges: vec![(0, 5), (7, 9)], ..Figures::default() };
        let line = Message::from(Event::Progress(Progress { infohash: INFOHASH, figures })).to_line();
        assert!(line.contains("\"downloaded\":1.0"), "{line}");
        assert!(line.contains("\"ranges\":[[0,5],[7,9]]"), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        for field in [
            "infoHash",
            "downloaded",
            "speed",
            "peers",
            "downloadedBytes",
            "totalBytes",
            "uploadSpeed",
            "uploadedBytes",
            "seeds",
            "ranges",
            "aheadBytes",
            "uploadCapacity",
            "state",
        ] {
            assert!(value.get(field).is_some(), "{field} in {line}");
        }
    }

    #[test]
    fn a_front_end_reads_back_what_is_written() {
        let torrent = TorrentStatus {
            infohash: Some(INFOHASH),
            name: "v.mp4".into(),
            magnet_uri: None,
            server_url: Some("http://u".into()),
            files: vec![],
            hashing: None,
            error: None,
            figures: Figures { ranges: vec![(0, u64::MAX)], state: State::Paused, ..Figures::default() },
            counts: Counts { proofs_refused: 2, pieces_given_up: 3 },
            peer_list: vec![PeerStatus {
                addr: "[::1]:80".parse().unwrap(),
                client: "x".into(),
                speed: 1,
                upload_speed: 2,
                downloaded_bytes: 3,
                uploaded_bytes: 4,
                progress: 0.5,
                am_choking: true,
                am_interested: false,
                peer_choking: true,
                peer_interested: false,
                incoming: true,
                encrypted: true,
                inflight: 3,
                member: true,
                member_id: Some("0f".repeat(20)),
            }],
        };
        let status = Status { torrents: vec![torrent], ..Status::default() };
        let ids = [None, Some(RequestId::Null), Some(RequestId::Bool(false)), Some(RequestId::Number(7.into()))];
        for id in ids.into_iter().chain([Some(RequestId::Text("a\"b".into()))]) {
            let message = Message { event: Event::Status(status.clone()), id };
            assert_eq!(serde_json::from_str::<Message>(&message.to_line()).unwrap(), message);
        }
    }
}
