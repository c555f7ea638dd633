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

/// Whether a torrent is for the room alone. What the front end says counts; without that it is when there is a rendezvous
/// and `named`, the trackers of the magnet or torrent, hold no public one: none that the whole world can reach and that is
/// not the rendezvous itself.
pub fn is_room_only(said: Option<bool>, rendezvous: Option<&str>, named: &[String]) -> bool {
    let host_of = |url: &str| Some(host(url.split_once("://")?.1)?.to_ascii_lowercase());
    let by_default = || {
        let Some(rendezvous) = rendezvous else { return false };
        let is_public = |url: &String| is_for_world(url) && host_of(url) != host_of(rendezvous);
        !named.iter().any(is_public)
    };
    said.unwrap_or_else(by_default)
}

/// Whether others can reach that tracker from anywhere: it is for others, and on no private network.
fn is_for_world(url: &str) -> bool {
    let address = url.split_once("://").and_then(|(_, rest)| host(rest)).and_then(|host| host.parse::<IpAddr>().ok());
    let is_private = address.is_some_and(|address| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    });
    is_for_others(url) && !is_private
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
    fn what_is_for_the_room_alone() {
        let default = |rendezvous: Option<&str>, named: &[&str]| {
            is_room_only(None, rendezvous, &named.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>())
        };
        let room = Some("ws://signal.example:3001/");
        assert!(default(room, &[]));
        assert!(default(room, &["ws://Signal.example:3001/", "http://10.0.0.5/announce", "udp://100.64.1.1:1"]));
        assert!(default(room, &["udp://[fd12::5]:1", "http://localhost/announce", "nonsense"]));
        assert!(!default(room, &["udp://t.example:1337"]));
        assert!(!default(room, &["http://93.184.216.34/announce"]));
        assert!(!default(room, &["wss://[2001:db8::1]/"]));
        assert!(!default(None, &[]));
        assert!(is_room_only(Some(true), None, &["udp://t.example:1".to_owned()]));
        assert!(!is_room_only(Some(false), room, &[]));
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
