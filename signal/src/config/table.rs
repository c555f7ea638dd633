//! Every flag, with the variable that stands in for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::values::{self, Wanted};
use super::{Config, ConfigError, Secret};
use crate::web::Origins;

/// What was said of TURN; it is put together when everything was read.
pub(super) type Turn = BTreeMap<&'static str, String>;

pub(super) struct Row {
    pub(super) name: &'static str,
    /// In the order in which they are asked.
    pub(super) variables: &'static [&'static str],
    value: &'static str,
    usual: &'static str,
    help: &'static str,
}

impl Row {
    /// A value as a message may show it.
    pub(super) fn shown(&self, value: &str) -> String {
        if self.name == "redis" || self.name.contains("secret") || self.name.contains("password") {
            return "(hidden)".to_owned();
        }
        value.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
    }

    /// Makes a setting of its value, or says what it takes.
    pub(super) fn set(&self, config: &mut Config, turn: &mut Turn, value: &str) -> Result<(), Wanted> {
        match self.name {
            "port" => config.port = values::number(value, "a port from 0 to 65535")?,
            "bind" => config.bind = Some(values::address(value)?),
            "public-url" => config.public_url = Some(values::url(value)?),
            "app-url" => config.app_url = Some(values::page(value)?),
            "cors" => config.origins = Origins::parse(value),
            "trust-proxy" => config.trusted = values::networks(value)?,
            "secret" => config.secret = Some(Secret::new(value)),
            "state-dir" => config.state_dir = Some(value.into()),
            "log-level" => config.log_level = values::level(value)?,
            "host-grace" => config.host_grace = values::time(value)?,
            "away-grace" => config.away_grace = values::time(value)?,
            "room-idle" => config.room_idle = values::time(value)?,
            "room-max-age" => config.room_max_age = values::time(value)?,
            "max-room" => config.room_max = values::count(value)?,
            "max-clients" => config.clients_max = values::count(value)?,
            "limits" => config.limited = values::switch(value)?,
            "redis" => config.redis = Some(values::redis(value)?),
            "stun" => config.ice.stun = values::urls(value, &["stun:", "stuns:"])?,
            "turn" => config.ice.turn = values::urls(value, &["turn:", "turns:"])?,
            "ice-ttl" => config.ice.ttl = values::ttl(value)?,
            // What is left is put together when everything was read.
            name => drop(turn.insert(name, value.to_owned())),
        }
        Ok(())
    }
}

const fn row(
    name: &'static str,
    variables: &'static [&'static str],
    value: &'static str,
    usual: &'static str,
    help: &'static str,
) -> Row {
    Row { name, variables, value, usual, help }
}

pub(super) const TABLE: &[Row] = &[
    row("port", &["PORT"], "N", "3001", "HTTP, WebSocket and (UDP) STUN"),
    row("bind", &["BIND"], "ADDRESS", "all", "listen at this address only"),
    row("public-url", &["PUBLIC_URL"], "URL", "each request's", "the address under which clients know this server"),
    row("app-url", &["APP_URL"], "URL", "none", "where people get the app; invitations lead there"),
    row("cors", &["CORS", "ALLOWED_ORIGINS"], "ORIGINS", "*", "web pages that may use it, with commas between"),
    row("trust-proxy", &["TRUST_PROXY"], "NETWORKS", "none", "believe X-Forwarded-For from these, as 10.0.0.0/8,::1"),
    row("secret", &["SECRET"], "TEXT", "new at each start", "key of session tokens; better as a variable"),
    row("state-dir", &["STATE_DIR"], "PATH", "none", "folder that keeps a key when no secret is given"),
    row("log-level", &["LOG_LEVEL"], "LEVEL", "info", "off, error, warn, info, debug or trace"),
    row("host-grace", &["HOST_GRACE"], "TIME", "60s", "a host that is away this long is replaced"),
    row("away-grace", &["AWAY_GRACE"], "TIME", "10s", "anybody else that is away this long has left"),
    row("room-idle", &["ROOM_IDLE"], "TIME", "30m", "an empty room waits this long for its people"),
    row("room-max-age", &["ROOM_MAX_AGE"], "TIME", "24h", "a room gets no older"),
    row("max-room", &["MAX_ROOM"], "N", "64", "members of a room"),
    row("max-clients", &["MAX_CLIENTS"], "N", "10000", "connections at once"),
    row("limits", &["LIMITS"], "on|off", "on", "off lifts rates and bounds of addresses, for load tests"),
    row("redis", &["REDIS_URL"], "URL", "none", "makes one server of all processes that name the same Redis"),
    row("stun", &["STUN_URLS", "STUN_URL"], "URLS", "public ones", "STUN servers for calls, with commas between"),
    row("turn", &["TURN_URL", "TURN_URLS"], "URLS", "none", "TURN servers for calls, with commas between"),
    row("turn-secret", &["TURN_SECRET"], "TEXT", "", "the secret shared with coturn (use-auth-secret)"),
    row("turn-username", &["TURN_USERNAME", "TURN_USER"], "TEXT", "", "one name for everybody, instead of a secret"),
    row("turn-password", &["TURN_PASSWORD", "TURN_PASS"], "TEXT", "", "and its password"),
    row("ice-ttl", &["ICE_TTL"], "TIME", "1h", "how long TURN credentials are valid"),
];

/// The flags that were given; `None` when `--help` was.
pub(super) fn read(words: &[String]) -> Result<Option<BTreeMap<&'static str, String>>, ConfigError> {
    let mut given = BTreeMap::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        let flag = bare.ok_or_else(|| ConfigError(format!("{word:?} is no flag; there are only flags")))?;
        let (name, joined) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        match name {
            "help" | "h" => return Ok(None),
            "version" | "V" => {
                given.insert("version", String::new());
                continue;
            }
            "check" => {
                given.insert("check", String::new());
                continue;
            }
            _ => {}
        }
        let unknown = || ConfigError(format!("there is no flag -{name}"));
        let row = TABLE.iter().find(|row| row.name == name).ok_or_else(unknown)?;
        let missing = || ConfigError(format!("-{name} needs a value: {}", row.value));
        given.insert(row.name, joined.or_else(|| rest.next().cloned()).ok_or_else(missing)?);
    }
    Ok(Some(given))
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "sharestream-signal: rooms in which people watch a film together, for the ShareStream app and any Socket.IO client.\n\
         \n\
         Usage: sharestream-signal [FLAGS]\n\
         \n\
         Flags (one dash or two; a value follows, or is joined with =), the variable that stands in for each, [what is usual]:\n",
    );
    for row in TABLE {
        let left = format!("-{} {}", row.name, row.value);
        let usual = if row.usual.is_empty() { String::new() } else { format!(" [{}]", row.usual) };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {left:<24} {:<16} {}{usual}", row.variables.first().unwrap_or(&""), row.help);
    }
    text.push_str(
        "\n  -check asks the server on this machine whether it is well, and ends with 0 or 1; -version, -help\n\
         \nTimes: 500ms, 60s, 30m, 24h. On the same port: /socket.io/, /health, /metrics, /rendezvous, /announce, /scrape,\n\
         WebTorrent's tracker on a WebSocket, /j/CODE. SIGTERM tells every room and ends within 5 s. The manual: docs/deploy.md.\n",
    );
    text
}
