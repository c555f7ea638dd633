//! The command line and the environment. One table makes the parser, the variables' names and `--help`.

mod table;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use signal_proto::room::{IceSetting, Setting, TurnAuth};
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

use crate::limits::CLIENTS_MAX;
use crate::web::{Network, Origins};
pub use table::help;

/// What the program is asked for.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// `-check`: is the server that was started so well?
    Check(Box<Config>),
    /// Serve.
    Serve(Box<Config>),
}

/// How a server is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port for everything; 0 for any that is free.
    pub port: u16,
    /// The address to listen at; every one of the machine without it.
    pub bind: Option<IpAddr>,
    /// Under which clients know the server, without a slash at the end; from each request without it.
    pub public_url: Option<String>,
    /// Where people get the app, for the pages of invitations.
    pub app_url: Option<String>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted: Vec<Network>,
    /// Signs tokens; a new one at each start without it.
    pub secret: Option<Secret>,
    /// Where a secret is kept when none is given.
    pub state_dir: Option<PathBuf>,
    /// A host that is away this long is replaced.
    pub host_grace: Duration,
    /// Anybody else that is away this long has left.
    pub away_grace: Duration,
    /// An empty room waits this long for its people.
    pub room_idle: Duration,
    /// A room gets no older.
    pub room_max_age: Duration,
    /// Members of a room.
    pub room_max: usize,
    /// Connections at once.
    pub clients_max: usize,
    /// Rates and bounds of addresses are kept.
    pub limited: bool,
    /// Pages that may use the server.
    pub origins: Origins,
    /// Joins several processes to one server: `redis://[:PASSWORD@]HOST[:PORT]`.
    pub redis: Option<RedisUrl>,
    /// STUN and TURN servers for calls.
    pub ice: IceSetting,
}

/// Bytes that stand in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Where Redis is; it may hold a password, and stands in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(pub String);

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

/// A command line or a variable that cannot be followed: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 3001,
            bind: None,
            public_url: None,
            app_url: None,
            log_level: LevelFilter::Info,
            trusted: Vec::new(),
            secret: None,
            state_dir: None,
            host_grace: Duration::from_secs(60),
            away_grace: Duration::from_secs(10),
            room_idle: Duration::from_secs(30 * 60),
            room_max_age: Duration::from_secs(24 * 3600),
            room_max: signal_proto::limits::ROOM_MEMBERS_MAX,
            clients_max: CLIENTS_MAX,
            limited: true,
            origins: Origins::Any,
            redis: None,
            ice: IceSetting {
                stun: ["stun:stun.l.google.com:19302", "stun:stun1.l.google.com:19302"].map(str::to_owned).to_vec(),
                turn: Vec::new(),
                turn_auth: TurnAuth::None,
                ttl: Duration::from_secs(3600),
            },
        }
    }
}

impl Config {
    /// Reads the words after the program's name, and what they do not say from the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the flag or variable, and what it takes.
    pub fn parse(words: &[String], variable: impl Fn(&str) -> Option<String>) -> Result<Invocation, ConfigError> {
        let Some(given) = table::read(words)? else { return Ok(Invocation::Help) };
        if given.contains_key("version") {
            return Ok(Invocation::Version);
        }
        let mut config = Self::default();
        let mut turn = BTreeMap::new();
        for row in table::TABLE {
            let from_words = given.get(row.name).map(|value| (format!("-{}", row.name), value.clone()));
            let from_environment = || {
                row.variables.iter().find_map(|name| {
                    let value = variable(name).filter(|value| !value.trim().is_empty())?;
                    Some(((*name).to_owned(), value))
                })
            };
            if let Some((name, value)) = from_words.or_else(from_environment) {
                let set = row.set(&mut config, &mut turn, value.trim());
                set.map_err(|wanted| ConfigError(format!("{name} {}: it takes {wanted}", row.shown(&value))))?;
            }
        }
        config.ice.turn_auth = values::turn_auth(&turn)?;
        if config.redis.is_some() && config.secret.is_none() && config.state_dir.is_none() {
            let why = "-redis needs SECRET, the same for every process: each believes the others' session tokens by it";
            return Err(ConfigError(why.to_owned()));
        }
        let config = Box::new(config);
        Ok(if given.contains_key("check") { Invocation::Check(config) } else { Invocation::Serve(config) })
    }

    /// One sentence for everything that was asked for and has no effect.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.ice.turn.is_empty() && self.ice.turn_auth != TurnAuth::None {
            notes.push("TURN credentials have no effect without TURN_URL, as turn:host:3478".to_owned());
        }
        if !self.ice.turn.is_empty() && self.ice.turn_auth == TurnAuth::None {
            notes.push("TURN_URL without TURN_SECRET or TURN_USERNAME: calls get no credentials for it".to_owned());
        }
        notes
    }

    /// What rooms are told of this server. `fresh` signs tokens when there is no secret.
    pub(crate) fn setting(&self, clock: ServerClock, fresh: &[u8]) -> Setting {
        let signer = Signer::new(self.secret.as_ref().map_or(fresh, |secret| &secret.0));
        Setting {
            host_grace: self.host_grace,
            away_grace: self.away_grace,
            room_idle: self.room_idle,
            room_max_age: self.room_max_age,
            members_max: self.room_max,
            ice: self.ice.clone(),
            ..Setting::usual(clock, signer)
        }
    }
}

impl Secret {
    /// Any bytes; 16 random ones or more.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests;
