//! Reading values. What cannot be read is answered with what would be right.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;
use signal_proto::room::TurnAuth;

use super::table::Turn;
use super::{ConfigError, RedisUrl};
use crate::web::Network;

/// What a flag takes, for the message.
pub(super) type Wanted = &'static str;

/// The longest time that a flag takes: a year.
const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

pub(super) fn number<T: FromStr>(text: &str, wanted: Wanted) -> Result<T, Wanted> {
    text.parse().map_err(|_| wanted)
}

pub(super) fn count(text: &str) -> Result<usize, Wanted> {
    const WANTED: Wanted = "a number from 1 to 1000000";
    number(text, WANTED).and_then(|count| if (1..=1_000_000).contains(&count) { Ok(count) } else { Err(WANTED) })
}

pub(super) fn address(text: &str) -> Result<IpAddr, Wanted> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bare = if bare == "localhost" { "127.0.0.1" } else { bare };
    number(bare, "an address of this machine, as 127.0.0.1 or ::1")
}

pub(super) fn url(text: &str) -> Result<String, Wanted> {
    const WANTED: Wanted = "http://HOST[:PORT] or https://HOST[:PORT]";
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(WANTED)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]/".contains(&b);
    if !host.is_empty() && host.bytes().all(is_plain) { Ok(url.to_owned()) } else { Err(WANTED) }
}

/// A page's address that stands in an attribute as it is.
pub(super) fn page(text: &str) -> Result<String, Wanted> {
    const WANTED: Wanted = "https://HOST/PATH, or http://";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(WANTED)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]/?=%#+,@!".contains(&b);
    if !rest.is_empty() && rest.bytes().all(is_plain) { Ok(text.to_owned()) } else { Err(WANTED) }
}

pub(super) fn redis(text: &str) -> Result<RedisUrl, Wanted> {
    let host = text.strip_prefix("redis://").or_else(|| text.strip_prefix("redis+unix://"));
    host.filter(|host| !host.is_empty()).map(|_| RedisUrl(text.to_owned())).ok_or("redis://[:PASSWORD@]HOST[:PORT]")
}

pub(super) fn networks(text: &str) -> Result<Vec<Network>, Wanted> {
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(|_| "networks with commas between, as 10.0.0.0/8,::1")).collect()
}

pub(super) fn level(text: &str) -> Result<LevelFilter, Wanted> {
    text.parse().map_err(|_| "off, error, warn, info, debug or trace")
}

pub(super) fn switch(text: &str) -> Result<bool, Wanted> {
    match text {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err("on or off"),
    }
}

/// `500ms`, `60s`, `30m`, `24h`; a bare number is seconds.
pub(super) fn time(text: &str) -> Result<Duration, Wanted> {
    const WANTED: Wanted = "a time, as 500ms, 60s, 30m or 24h";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = number(digits, WANTED)?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs).ok_or(WANTED);
    let time = match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "" | "s" => seconds(1)?,
        "m" => seconds(60)?,
        "h" => seconds(3600)?,
        _ => return Err(WANTED),
    };
    if time <= TIME_MAX { Ok(time) } else { Err("a time of a year at most") }
}

pub(super) fn ttl(text: &str) -> Result<Duration, Wanted> {
    let time = time(text)?;
    if time >= Duration::from_secs(1) { Ok(time) } else { Err("a time of a second or more") }
}

pub(super) fn urls(text: &str, schemes: &[&str]) -> Result<Vec<String>, Wanted> {
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let is_one = schemes.iter().any(|scheme| word.strip_prefix(scheme).is_some_and(|host| !host.is_empty()));
            if is_one {
                Ok(word.to_owned())
            } else {
                Err("URLs with commas between, as stun:host:3478 or turn:host:3478")
            }
        })
        .collect()
}

/// A shared secret, or one name and password, or nothing. Half of a pair is a mistake that would only show in a call.
pub(super) fn turn_auth(turn: &Turn) -> Result<TurnAuth, ConfigError> {
    let said = |name| turn.get(name).cloned();
    let auth = match (said("turn-secret"), said("turn-username"), said("turn-password")) {
        (Some(secret), _, _) => TurnAuth::Secret(secret.into_bytes()),
        (None, Some(username), Some(password)) => TurnAuth::Static { username, password },
        (None, None, None) => TurnAuth::None,
        (None, Some(_), None) => return Err(ConfigError("TURN_USERNAME needs TURN_PASSWORD beside it".to_owned())),
        (None, None, Some(_)) => return Err(ConfigError("TURN_PASSWORD needs TURN_USERNAME beside it".to_owned())),
    };
    Ok(auth)
}
