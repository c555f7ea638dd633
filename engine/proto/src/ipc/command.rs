//! What a front end may ask for.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::infohash::Infohash;

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "cmd", rename_all = "lowercase")]
pub enum Command {
    /// Share a file or folder where it lies.
    Seed(Seed),
    /// Fetch a torrent.
    Add(Add),
    /// Stop one torrent, or all.
    Stop(Stop),
    /// Stop all and exit.
    Quit,
    /// Tell everything in one event.
    Status,
    /// Change limits.
    Limit(Limit),
    /// What the player knows and HTTP cannot tell.
    Playhead(Playhead),
}

/// Fields of `seed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seed {
    /// The file or folder; a relative path is taken from the engine's working folder.
    pub file_path: String,
    /// The room's rendezvous; empty is the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracker_url: Option<String>,
    /// The torrent's name; the file's own otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Room only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// The room it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Whether a private torrent is served to stock clients that were named; it is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_stock: Option<bool>,
}

/// Fields of `add`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    /// What names the torrent.
    #[serde(flatten)]
    pub source: AddSource,
    /// The room's rendezvous; empty is the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracker_url: Option<String>,
    /// Addresses to try; they may be loopback or private.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerAddr>,
    /// The file to play.
    #[serde(skip_serializing_if = "FileChoice::is_largest")]
    pub file: FileChoice,
    /// Room only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// The room it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Whether a private torrent is served to stock clients that were named; it is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_stock: Option<bool>,
    /// How much to fetch.
    #[serde(skip_serializing_if = "Fetch::is_all")]
    pub fetch: Fetch,
}

/// What names a torrent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum AddSource {
    /// `magnetURI`: the text of a magnet.
    #[serde(rename = "magnetURI")]
    Magnet(String),
    /// `torrentFile`: the path of a `.torrent` file.
    #[serde(rename = "torrentFile")]
    TorrentFile(String),
}

/// Which file of a torrent plays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileChoice {
    /// The largest media file.
    #[default]
    Largest,
    /// The file at that place.
    Index(u32),
    /// The file of that path in the torrent.
    Path(String),
    /// `"*"`: the largest media file plays, all are fetched.
    All,
}

/// How much of the chosen file is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fetch {
    /// All of it, what the player needs first.
    #[default]
    All,
    /// Only what the player needs.
    AsNeeded,
}

/// A room's proof of membership, from the signal server.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Room {
    /// The room's key; in JSON in hex.
    #[serde(serialize_with = "as_hex")]
    pub key: [u8; 16],
    /// This member; in JSON in hex.
    #[serde(rename = "self", serialize_with = "as_hex")]
    pub member: [u8; 20],
}

/// Fields of `stop`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// Which torrent; all of them without it.
    #[serde(rename = "infoHash", skip_serializing_if = "Option::is_none")]
    pub infohash: Option<Infohash>,
    /// Remove what was downloaded (never a seeded file).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delete_data: bool,
}

/// Fields of `limit`: bytes a second, 0 for none. A field that is absent leaves that limit as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// To all peers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_upload: Option<u64>,
    /// From all peers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_download: Option<u64>,
}

/// Fields of `playhead`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Playhead {
    /// Which torrent.
    #[serde(rename = "infoHash")]
    pub infohash: Infohash,
    /// Seconds from the start; finite, not negative.
    pub position: f64,
    /// Seconds of the film; finite, above zero.
    pub duration: f64,
    /// Whether time passes.
    pub playing: bool,
}

/// `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddr {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port, never 0.
    pub port: u16,
}

/// Why text is no peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerAddrError {
    /// There is no colon, or nothing after it.
    #[error("it has no port")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    BadPort,
    /// There is nothing before the port, or what is there can be no host.
    #[error("its host is neither a name nor an address")]
    BadHost,
    /// An IPv6 address needs brackets, or nobody knows where the port begins.
    #[error("an IPv6 address needs brackets, as in [::1]:6881")]
    NoBrackets,
}

/// Without the key.
impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("member", &self.member).finish_non_exhaustive()
    }
}

fn as_hex<S: Serializer, const LEN: usize>(bytes: &[u8; LEN], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl FileChoice {
    fn is_largest(&self) -> bool {
        *self == Self::Largest
    }
}

impl Fetch {
    // serde's skip_serializing_if hands out a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

impl Serialize for FileChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Largest => serializer.serialize_none(),
            Self::Index(index) => serializer.serialize_u32(*index),
            Self::Path(path) => serializer.serialize_str(path),
            Self::All => serializer.serialize_str("*"),
        }
    }
}

impl FromStr for PeerAddr {
    type Err = PeerAddrError;

    fn from_str(text: &str) -> Result<Self, PeerAddrError> {
        let (host, port) = text.rsplit_once(':').ok_or(PeerAddrError::NoPort)?;
        if port.is_empty() {
            return Err(PeerAddrError::NoPort);
        }
        let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|&port: &u16| port > 0 && digits_only).ok_or(PeerAddrError::BadPort)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(PeerAddrError::BadHost)?;
                inner.parse::<std::net::Ipv6Addr>().map_err(|_| PeerAddrError::BadHost)?;
                inner
            }
            None if host.contains(':') => return Err(PeerAddrError::NoBrackets),
            None if is_host_name(host) => host,
            None => return Err(PeerAddrError::BadHost),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

/// RFC 1123's shape, and nothing a resolver would trip over: 253 characters of letters, digits, hyphens and dots.
fn is_host_name(host: &str) -> bool {
    let fits = (1..=253).contains(&host.len()) && !host.starts_with(['.', '-']);
    fits && host.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '.' | '_'))
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for PeerAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_peers() {
        for text in ["127.0.0.1:6881", "[::1]:6881", "example.org:1", "nas_1.local:65535", "[fe80::1]:2"] {
            assert_eq!(text.parse::<PeerAddr>().unwrap().to_string(), text);
        }
        for (text, why) in [
            ("", PeerAddrError::NoPort),
            ("host", PeerAddrError::NoPort),
            ("host:", PeerAddrError::NoPort),
            ("host:0", PeerAddrError::BadPort),
            ("host:65536", PeerAddrError::BadPort),
            ("host:+80", PeerAddrError::BadPort),
            ("host:8a", PeerAddrError::BadPort),
            (":80", PeerAddrError::BadHost),
            ("a b:80", PeerAddrError::BadHost),
            ("[::1:80", PeerAddrError::BadHost),
            ("[nonsense]:80", PeerAddrError::BadHost),
            ("http://x:80", PeerAddrError::NoBrackets),
            ("::1:6881", PeerAddrError::NoBrackets),
        ] {
            assert_eq!(text.parse::<PeerAddr>(), Err(why), "{text:?}");
        }
        assert_eq!(format!("{}:80", "x".repeat(254)).parse::<PeerAddr>(), Err(PeerAddrError::BadHost));
    }
}
