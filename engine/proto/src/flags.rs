//! The command line. A pure function of its words; one table makes both the parser and `--help`.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use crate::ipc::PeerAddr;
use crate::limits::QUOTED_CHARS_MAX;
use crate::words::quoted;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// JSON lines on stdin and stdout.
    Engine(Flags),
    /// `share PATH`: the terminal's face of `seed`.
    Share {
        /// File or folder.
        path: String,
        /// The rest.
        flags: Flags,
    },
    /// `watch MAGNET|FILE.torrent`: the terminal's face of `add`.
    Watch {
        /// Magnet or path of a `.torrent` file.
        source: String,
        /// `-peer`, as often as given.
        peers: Vec<PeerAddr>,
        /// The rest.
        flags: Flags,
    },
}

/// The engine's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Preferred port of the local server; 0: any.
    pub http_port: u16,
    /// Preferred port for peers; 0: any.
    pub listen_port: u16,
    /// Where downloads live; the system's cache folder without it.
    pub data_dir: Option<String>,
    /// Features that were named on the command line, and what was said of them.
    pub features: BTreeMap<Feature, bool>,
    /// Bootstrap nodes for the DHT; empty: the public ones.
    pub dht_bootstrap: Vec<PeerAddr>,
    /// Bytes a second to all peers together; 0 for no limit.
    pub max_upload: u64,
    /// Bytes a second from all peers together; 0 for no limit.
    pub max_download: u64,
    /// Connections a torrent.
    pub max_peers: u16,
    /// Bytes of downloads kept on disk; 0 for no limit.
    pub disk_limit: u64,
    /// `-upload off`: nothing is sent to peers.
    pub upload: bool,
    /// How much is logged; the environment and `info` without it.
    pub log_level: Option<LogLevel>,
    /// Where the log goes; stderr without it.
    pub log_file: Option<String>,
}

/// What can be switched on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Mainline DHT (BEP 5).
    Dht,
    /// Local service discovery (BEP 14).
    Lsd,
    /// Peer exchange (BEP 11).
    Pex,
    /// Port mapping at the router.
    Upnp,
    /// uTP (BEP 29).
    Utp,
    /// Browsers as peers.
    WebRtc,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What may fail.
    Warn,
    /// What happened.
    Info,
    /// Why.
    Debug,
    /// Everything.
    Trace,
}

/// A command line that cannot be followed: what is wrong, for stderr.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl Default for Flags {
    fn default() -> Self {
        Self {
            http_port: 42069,
            listen_port: 6881,
            data_dir: None,
            features: BTreeMap::new(),
            dht_bootstrap: Vec::new(),
            max_upload: 0,
            max_download: 0,
            max_peers: 60,
            disk_limit: 0,
            upload: true,
            log_level: None,
            log_file: None,
        }
    }
}

impl Flags {
    /// Whether a feature is to work: what is built does, unless it was switched off.
    pub fn is_on(&self, feature: Feature) -> bool {
        feature.is_built() && self.features.get(&feature).copied().unwrap_or(true)
    }

    /// One sentence for everything that was asked for explicitly and is not built yet.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .features
            .iter()
            .filter(|(feature, on)| **on && !feature.is_built())
            .map(|(feature, _)| format!("-{feature} on: {} not built yet, so it stays off", feature.words()))
            .collect();
        if !self.dht_bootstrap.is_empty() {
            notes.push("-dht-bootstrap: the DHT is not built yet, so its nodes are not asked".to_owned());
        }
        notes
    }
}

impl Feature {
    /// Every one, in the order of `--help`.
    pub const ALL: [Self; 6] = [Self::Dht, Self::Lsd, Self::Pex, Self::Upnp, Self::Utp, Self::WebRtc];

    /// The flag's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dht => "dht",
            Self::Lsd => "lsd",
            Self::Pex => "pex",
            Self::Upnp => "upnp",
            Self::Utp => "utp",
            Self::WebRtc => "webrtc",
        }
    }

    /// Whether there is such a thing yet.
    const fn is_built(self) -> bool {
        match self {
            Self::Pex => true,
            Self::Dht | Self::Lsd | Self::Upnp | Self::Utp | Self::WebRtc => false,
        }
    }

    /// What it is, with its verb.
    const fn words(self) -> &'static str {
        match self {
            Self::Dht => "the DHT is",
            Self::Lsd => "discovery on the local network is",
            Self::Pex => "peer exchange is",
            Self::Upnp => "port mapping at the router is",
            Self::Utp => "uTP is",
            Self::WebRtc => "browsers as peers are",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl LogLevel {
    /// The level of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "off" | "none" => Some(Self::Off),
            "error" => Some(Self::Error),
            "warn" | "warning" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            "trace" | "verbose" => Some(Self::Trace),
            _ => None,
        }
    }
}

/// Reads the words after the program's name.
pub fn parse(words: &[String]) -> Result<Invocation, UsageError> {
    let face = match words.first().map(String::as_str) {
        Some("share") => Face::Share,
        Some("watch") => Face::Watch,
        Some(_) | None => Face::Engine,
    };
    let words = if face == Face::Engine { words } else { &words[1..] };
    let mut reading = Reading { face, flags: Flags::default(), peers: Vec::new(), operands: Vec::new(), early: None };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match flag_of(word) {
            Some("") => reading.operands.extend(rest.by_ref().cloned()), // `--` ends the flags
            Some(flag) => reading.take_flag(flag, &mut rest)?,
            None => reading.operands.push(word.clone()),
        }
    }
    reading.finish()
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "sharestream-engine: shares a film over BitTorrent and serves it to a player while it arrives.\n\
         \n\
         Usage:\n  \
           sharestream-engine [FLAGS]                     commands on stdin, events on stdout, JSON lines\n  \
           sharestream-engine share FILE|FOLDER [FLAGS]   share something, and see who fetches it\n  \
           sharestream-engine watch MAGNET|FILE.torrent [-peer HOST:PORT]... [FLAGS]\n                                                 \
           fetch something, and get a URL for a player\n\
         \n\
         Flags (one dash or two; a value follows, or is joined with =):\n",
    );
    for row in TABLE {
        let left = format!("-{} {}", row.name, row.value);
        let default = if row.default.is_empty() { String::new() } else { format!(" [{}]", row.default) };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<28} {}{default}", left.trim_end(), row.help);
    }
    text.push_str(
        "\nRates are in bytes a second, sizes in bytes; K, M and G stand for 1024, 1024² and 1024³.\n\
         DEBUG=true and LOG_LEVEL=debug in the environment set the log level where -log-level does not.\n\
         Closing stdin, SIGTERM and Ctrl-C end the engine cleanly. The manual: sharestream-engine(1), docs/guide.md.\n",
    );
    text
}

/// Which of the three uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Engine,
    Share,
    Watch,
}

struct Row {
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
}

const fn row(name: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Row {
    Row { name, value, default, help }
}

const TABLE: &[Row] = &[
    row("http-port", "PORT", "42069", "preferred port of the local server; taken: a free one"),
    row("listen-port", "PORT", "6881", "preferred port for peers; taken: the next free up to 6889, then any"),
    row("data-dir", "FOLDER", "the cache folder", "where downloads live"),
    row("dht", "on|off", "", "find peers with the DHT"),
    row("lsd", "on|off", "", "find peers on the local network"),
    row("pex", "on|off", "on", "learn peers from peers"),
    row("upnp", "on|off", "", "ask the router to let peers in"),
    row("utp", "on|off", "", "talk uTP beside TCP"),
    row("webrtc", "on|off", "", "talk to browsers"),
    row("dht-bootstrap", "HOST:PORT,...", "", "first nodes of the DHT, instead of the public ones"),
    row("upload", "on|off", "on", "send to peers at all"),
    row("max-upload", "RATE", "0 = none", "limit of what is sent to all peers"),
    row("max-download", "RATE", "0 = none", "limit of what is fetched from all peers"),
    row("max-peers", "COUNT", "60", "connections a torrent"),
    row("disk-limit", "SIZE", "0 = none", "bound on downloaded data kept on disk"),
    row("log-level", "LEVEL", "info", "off, error, warn, info, debug or trace"),
    row("log-file", "FILE", "stderr", "append the log to a file"),
    row("peer", "HOST:PORT", "", "watch only: an address to fetch from; may be repeated"),
    row("help", "", "", "show this"),
    row("version", "", "", "show the version"),
];

/// `Some("")` for `--`, `None` for what is no flag (a single dash is a file's name by custom).
fn flag_of(word: &str) -> Option<&str> {
    let flag = word.strip_prefix('-')?;
    if flag.is_empty() { None } else { Some(flag.strip_prefix('-').unwrap_or(flag)) }
}

struct Reading {
    face: Face,
    flags: Flags,
    peers: Vec<PeerAddr>,
    operands: Vec<String>,
    early: Option<Invocation>,
}

impl Reading {
    fn take_flag(&mut self, flag: &str, rest: &mut std::slice::Iter<'_, String>) -> Result<(), UsageError> {
        let (name, joined) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        let early = match name {
            "help" | "h" => Some(Invocation::Help),
            "version" | "V" => Some(Invocation::Version),
            _ => None,
        };
        if let Some(early) = early {
            self.early.get_or_insert(early);
            return Ok(());
        }
        let known = TABLE.iter().find(|row| row.name == name).ok_or_else(|| unknown_flag(name))?;
        let value = match joined {
            Some(value) => value,
            None => rest.next().ok_or_else(|| UsageError(format!("-{name} needs a value: {}", known.value)))?,
        };
        self.set(known, value)
    }

    fn set(&mut self, row: &Row, value: &str) -> Result<(), UsageError> {
        let wrong = || UsageError(format!("-{} {}: expected {}", row.name, quoted(value, QUOTED_CHARS_MAX), row.value));
        let flags = &mut self.flags;
        if let Some(feature) = Feature::ALL.into_iter().find(|feature| feature.name() == row.name) {
            flags.features.insert(feature, on_or_off(value).ok_or_else(wrong)?);
            return Ok(());
        }
        match row.name {
            "http-port" => flags.http_port = value.parse().map_err(|_| wrong())?,
            "listen-port" => flags.listen_port = value.parse().map_err(|_| wrong())?,
            "data-dir" => flags.data_dir = Some(not_empty(value).ok_or_else(wrong)?),
            "dht-bootstrap" => flags.dht_bootstrap = addresses(value).ok_or_else(wrong)?,
            "upload" => flags.upload = on_or_off(value).ok_or_else(wrong)?,
            "max-upload" => flags.max_upload = size(value).ok_or_else(wrong)?,
            "max-download" => flags.max_download = size(value).ok_or_else(wrong)?,
            "max-peers" => flags.max_peers = value.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)?,
            "disk-limit" => flags.disk_limit = size(value).ok_or_else(wrong)?,
            "log-level" => flags.log_level = Some(LogLevel::named(value).ok_or_else(wrong)?),
            "log-file" => flags.log_file = Some(not_empty(value).ok_or_else(wrong)?),
            "peer" if self.face == Face::Watch => self.peers.push(value.parse().map_err(|_| wrong())?),
            _ => return Err(unknown_flag(row.name)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Invocation, UsageError> {
        if let Some(early) = self.early {
            return Ok(early);
        }
        let Self { face, flags, peers, operands, early: _ } = self;
        let mut operands = operands.into_iter();
        let operand = operands.next();
        if let Some(extra) = operands.next() {
            return Err(UsageError(format!("one too many: {}", quoted(&extra, QUOTED_CHARS_MAX))));
        }
        match (face, operand) {
            (Face::Engine, None) => Ok(Invocation::Engine(flags)),
            (Face::Engine, Some(word)) => Err(UsageError(format!(
                "unknown word {}; `share FILE` and `watch MAGNET` are the commands of a terminal",
                quoted(&word, QUOTED_CHARS_MAX)
            ))),
            (Face::Share, Some(path)) => Ok(Invocation::Share { path, flags }),
            (Face::Share, None) => Err(UsageError("share what? Give a file or a folder".to_owned())),
            (Face::Watch, Some(source)) => Ok(Invocation::Watch { source, peers, flags }),
            (Face::Watch, None) => {
                Err(UsageError("watch what? Give a magnet in quotes, or a .torrent file".to_owned()))
            }
        }
    }
}

fn unknown_flag(name: &str) -> UsageError {
    UsageError(format!("unknown flag {}; --help lists them", quoted(&format!("-{name}"), QUOTED_CHARS_MAX)))
}

fn on_or_off(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn not_empty(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn addresses(value: &str) -> Option<Vec<PeerAddr>> {
    value.split(',').map(|address| address.trim().parse().ok()).collect()
}

/// A number of bytes with an optional K, M or G, which stand for 1024, 1024² and 1024³.
pub fn size(value: &str) -> Option<u64> {
    let (digits, factor) = match value.char_indices().last()? {
        (at, 'k' | 'K') => (&value[..at], 1 << 10),
        (at, 'm' | 'M') => (&value[..at], 1 << 20),
        (at, 'g' | 'G') => (&value[..at], 1 << 30),
        _ => (value, 1),
    };
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_: &u64| only_digits)?.checked_mul(factor)
}

#[cfg(test)]
mod tests;
