//! Keeps web pages out: a page in a browser on this machine can reach loopback, and must get nothing from us.
//!
//! Three ways in, three checks. DNS rebinding gives a foreign name our address, so `Host` must be a loopback name. A
//! script's request says its `Origin`. A page that embeds or links says `Sec-Fetch-Site`. Players send none of the last
//! two. [`crate::plan`] adds the headers that keep a browser from using an answer.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

use crate::error::Refusal;

/// Whether a request may be answered. `own_port` is the port of this server.
pub fn check(target: &Uri, headers: &HeaderMap, own_port: u16) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::HostMissing) };
    if loopback(host.as_bytes()).is_none() {
        return Err(Refusal::HostForeign);
    }
    // A target in absolute form names a host too, and RFC 9112, section 3.2.2, says that it is the one that counts.
    if target.authority().is_some_and(|authority| loopback(authority.as_str().as_bytes()).is_none()) {
        return Err(Refusal::HostForeign);
    }
    if headers.get_all(ORIGIN).iter().any(|origin| !is_own_origin(origin.as_bytes(), own_port)) {
        return Err(Refusal::OriginForeign);
    }
    // "same-site" is another port of localhost: a page of some other program. Words of later standards are foreign.
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return Err(Refusal::SiteForeign);
    }
    Ok(())
}

/// A loopback name with its port, if it says one. A forwarded port differs from ours, and only the name can be rebound,
/// so any port is right.
struct Loopback {
    port: Option<u16>,
}

/// Reads `host[:port]` (RFC 3986, section 3.2). `None`: not loopback, or not well formed.
fn loopback(authority: &[u8]) -> Option<Loopback> {
    let authority = std::str::from_utf8(authority).ok()?;
    let (is_loopback, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            (address.parse() == Ok(Ipv6Addr::LOCALHOST), port)
        }
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let is_address = name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
            (is_address || name.eq_ignore_ascii_case("localhost"), port)
        }
    };
    let port = match port {
        "" | ":" => None,
        _ => Some(digits(port.strip_prefix(':')?)?),
    };
    is_loopback.then_some(Loopback { port })
}

/// A port; unlike `parse` alone, without a sign.
fn digits(port: &str) -> Option<u16> {
    if port.bytes().all(|byte| byte.is_ascii_digit()) { port.parse().ok() } else { None }
}

/// RFC 6454, section 6.2: `http://host[:port]`, without the port when it is 80. "null" is no origin of ours.
fn is_own_origin(origin: &[u8], own_port: u16) -> bool {
    let Some(authority) = origin.strip_prefix(b"http://") else { return false };
    loopback(authority).is_some_and(|Loopback { port }| port.unwrap_or(80) == own_port)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const PORT: u16 = 42069;

    fn verdict(lines: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        verdict_for("/film.mkv", lines)
    }

    fn verdict_for(target: &'static str, lines: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check(&Uri::from_static(target), &headers, PORT)
    }

    #[test]
    fn loopback_hosts_are_let_in() {
        for host in [
            "localhost",
            "localhost:42069",
            "LocalHost:42069",
            "localhost:8080",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:42069",
            "127.1.2.3:9",
            "127.255.255.254",
            "[::1]",
            "[::1]:42069",
            "[0:0:0:0:0:0:0:1]:42069",
        ] {
            assert_eq!(verdict(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn foreign_hosts_are_not() {
        for host in [
            "",
            "evil.example",
            "evil.example:42069",
            "localhost.evil.example",
            "localhost.",
            "evil.localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.",
            "127.1",
            "0.0.0.0:42069",
            "0177.0.0.1",
            "2130706433",
            "128.0.0.1",
            "192.168.1.2:42069",
            "::1",
            "[::1",
            "[::]:42069",
            "[::2]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1]",
            "localhost:x",
            "localhost:+1",
            "localhost:65536",
            "localhost:1:2",
            "localhost@evil.example",
            "evil.example@localhost",
            "localhost/",
            " localhost",
            "localhost,evil.example",
        ] {
            assert_eq!(verdict(&[("host", host)]), Err(Refusal::HostForeign), "{host}");
        }
        assert_eq!(verdict(&[]), Err(Refusal::HostMissing));
        assert_eq!(verdict(&[("host", "localhost"), ("host", "localhost")]), Err(Refusal::HostMissing));
    }

    #[test]
    fn a_target_in_absolute_form_is_checked_too() {
        let host = [("host", "localhost")];
        assert_eq!(verdict_for("http://localhost:42069/film.mkv", &host), Ok(()));
        assert_eq!(verdict_for("http://evil.example/film.mkv", &host), Err(Refusal::HostForeign));
        assert_eq!(verdict_for("http://localhost@evil.example/film.mkv", &host), Err(Refusal::HostForeign));
    }

    #[test]
    fn only_our_own_origin_is_let_in() {
        for origin in ["http://localhost:42069", "http://127.0.0.1:42069", "http://[::1]:42069"] {
            assert_eq!(verdict(&[("host", "localhost:42069"), ("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:42069",
            "http://evil.example",
            "http://evil.example:42069",
            "http://localhost:42069/",
            "localhost:42069",
            "file://",
            "*",
        ] {
            let lines = [("host", "localhost:42069"), ("origin", origin)];
            assert_eq!(verdict(&lines), Err(Refusal::OriginForeign), "{origin}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost:42069"), ("origin", "null")];
        assert_eq!(verdict(&two), Err(Refusal::OriginForeign));
    }

    #[test]
    fn an_origin_without_a_port_is_port_80() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        headers.insert(ORIGIN, HeaderValue::from_static("http://localhost"));
        assert_eq!(check(&Uri::from_static("/"), &headers, 80), Ok(()));
    }

    #[test]
    fn other_sites_are_not_let_in() {
        for (site, expected) in [
            ("none", Ok(())),
            ("same-origin", Ok(())),
            ("same-site", Err(Refusal::SiteForeign)),
            ("cross-site", Err(Refusal::SiteForeign)),
            ("", Err(Refusal::SiteForeign)),
            ("some-later-word", Err(Refusal::SiteForeign)),
        ] {
            assert_eq!(verdict(&[("host", "localhost"), ("sec-fetch-site", site)]), expected, "{site}");
        }
    }
}
