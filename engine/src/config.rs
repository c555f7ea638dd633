//! How an engine is set up.

use std::path::PathBuf;

use bittorrent::ClientConfig;
use bittorrent_proto::units::{ByteLen, BytesPerSec};
use engine_proto::flags::{Feature, Flags};

/// The engine's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How an engine is set up; made from [`Flags`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Preferred port of the local server; 0: any.
    pub http_port: u16,
    /// Preferred port for peers; 0: any.
    pub listen_port: u16,
    /// Where downloads live.
    pub data_dir: PathBuf,
    /// Connections a torrent.
    pub max_peers: u16,
    /// Whether anything is sent to peers at all.
    pub upload: bool,
    /// Bytes a second to all peers together; 0 for no limit.
    pub max_upload: u64,
    /// Bytes a second from all peers together; 0 for no limit.
    pub max_download: u64,
    /// Whether peers tell one another of peers.
    pub pex: bool,
    /// Bytes of downloads kept on disk; 0 for no limit.
    pub disk_limit: u64,
    /// Sentences to tell right after `ready`.
    pub notes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self::from(&Flags::default())
    }
}

impl From<&Flags> for Config {
    fn from(flags: &Flags) -> Self {
        Self {
            http_port: flags.http_port,
            listen_port: flags.listen_port,
            data_dir: flags.data_dir.as_ref().map_or_else(default_data_dir, PathBuf::from),
            max_peers: flags.max_peers,
            upload: flags.upload,
            max_upload: flags.max_upload,
            max_download: flags.max_download,
            pex: flags.is_on(Feature::Pex),
            disk_limit: flags.disk_limit,
            notes: flags.notes(),
        }
    }
}

impl Config {
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig {
            listen_port: self.listen_port,
            data_dir: std::path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone()),
            peers_max: usize::from(self.max_peers),
            upload_max: limit(self.max_upload),
            serves: self.upload,
            download_max: limit(self.max_download),
            pex: self.pex,
            disk_max: (self.disk_limit > 0).then(|| ByteLen::new(self.disk_limit)),
            client_name: format!("ShareStream {VERSION}"),
        }
    }
}

/// The contract's 0 is no limit.
pub(crate) fn limit(bytes_per_second: u64) -> Option<BytesPerSec> {
    (bytes_per_second > 0).then(|| BytesPerSec::new(bytes_per_second))
}

/// The system's folder for what can be fetched again, and in it `sharestream`.
pub fn default_data_dir() -> PathBuf {
    cache_dir(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
        .unwrap_or_else(std::env::temp_dir)
        .join("sharestream")
}

#[cfg(target_os = "windows")]
fn cache_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("LOCALAPPDATA")
}

#[cfg(target_os = "macos")]
fn cache_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("HOME").map(|home| home.join("Library/Caches"))
}

/// The XDG base directory specification: a relative path in the variable is to be ignored.
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
fn cache_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_limit_and_off_is_off() {
        let mut config = Config { max_upload: 0, max_download: 7, ..Config::default() };
        assert_eq!(config.client().upload_max, None);
        assert_eq!(config.client().download_max, Some(BytesPerSec::new(7)));
        config.upload = false;
        // What we ask for is sent all the same.
        assert_eq!((config.client().upload_max, config.client().serves), (None, false));
    }

    #[cfg(not(any(target_os = "windows", target_os = "macos")))]
    #[test]
    fn the_cache_folder() {
        let with = |name: &'static str, value: &'static str| {
            cache_dir(move |asked| match asked {
                "HOME" => Some(PathBuf::from("/home/ana")),
                asked if asked == name => Some(PathBuf::from(value)),
                _ => None,
            })
        };
        assert_eq!(with("XDG_CACHE_HOME", "/cache"), Some(PathBuf::from("/cache")));
        assert_eq!(with("XDG_CACHE_HOME", "cache"), Some(PathBuf::from("/home/ana/.cache")));
        assert_eq!(with("", ""), Some(PathBuf::from("/home/ana/.cache")));
    }
}
