//! Which trackers may stand in a magnet, and which are asked.

use std::net::IpAddr;

/// Whether others can reach that tracker: it is a URL of a tracker's scheme whose host is not this very machine.
///
/// A loopback one is of no use to anybody else, and a viewer gets the room's from its own `trackerUrl`.
pub fn is_for_others(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let known = ["udp", "http", "https", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known && host(rest).is_some_and(|host| !is_this_machine(host))
}

/// Whether that tracker is one that this engine asks: those of other schemes are not built yet.
pub fn is_built(url: &str) -> bool {
    url.trim().split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

/// The host of what follows `://` (RFC 3986, section 3.2).
fn host(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_and_port = authority.rsplit('@').next()?;
    let host = match host_and_port.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?.0,
        None => host_and_port.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// RFC 6761, section 6.3: `localhost` and everything under it is this machine.
fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = name.parse::<IpAddr>().map(|address| address.to_canonical());
    let is_own = address.is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    is_own || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_of_others() {
        for url in [
            "ws://10.0.0.5:3001/",
            "wss://signal.example/",
            "udp://t.example:1337/announce",
            "HTTP://[2001:db8::1]:80/announce",
        ] {
            assert!(is_for_others(url), "{url}");
        }
    }

    #[test]
    fn only_http_is_built() {
        assert!(is_built("http://h:3001") && is_built(" HTTP://h/announce"));
        for url in ["https://h/announce", "ws://h/", "wss://h/", "udp://h:1/announce", "h:3001", ""] {
            assert!(!is_built(url), "{url}");
        }
    }

    #[test]
    fn ones_own_and_nonsense() {
        for url in [
            "",
            "ws://",
            "ws:///x",
            "signal.example:3001",
            "file:///etc/passwd",
            "ws://localhost:3001/",
            "ws://LOCALHOST",
            "ws://a.localhost/",
            "ws://localhost.:1/",
            "http://127.0.0.1/announce",
            "http://127.9.9.9:80",
            "http://0.0.0.0/",
            "udp://[::1]:80",
            "udp://[::ffff:127.0.0.1]:80",
            "ws://user@localhost:3001/",
            "ws://[::1",
        ] {
            assert!(!is_for_others(url), "{url}");
        }
    }
}
