//! What `/rendezvous` tells an engine that knows only the address of a room's server: where it announces itself, and what else
//! helps it to be found.

use serde_json::{Value, json};

/// The answer of a server that is known as `public_url` (`http(s)://host[:port][/path]`, as its setting or a request's checked
/// `Host` says). `dht` and `stun` are its UDP ports for those, where it has them; they are at the same host.
pub fn rendezvous(public_url: &str, dht: Option<u16>, stun: Option<u16>) -> Value {
    let (scheme, rest) = public_url.split_once("://").unwrap_or(("http", public_url));
    let is_secure = scheme.eq_ignore_ascii_case("https");
    let rest = rest.trim_end_matches('/');
    let host = host_of(rest.split('/').next().unwrap_or_default());
    let at_port = |port: Option<u16>, prefix: &str| -> Vec<String> {
        port.iter().map(|port| format!("{prefix}{host}:{port}")).collect()
    };
    json!({
        "announce": format!("{}://{rest}/announce", if is_secure { "https" } else { "http" }),
        "websocket": format!("{}://{rest}/", if is_secure { "wss" } else { "ws" }),
        "dht": at_port(dht, ""),
        "stun": at_port(stun, "stun:"),
    })
}

/// A name or address without its port. IPv6 keeps its brackets, which hold the only other colons.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_at_the_servers_own_address() {
        let table = [
            ("http://10.0.0.5:3001", "http://10.0.0.5:3001/announce", "ws://10.0.0.5:3001/", "10.0.0.5"),
            ("https://rooms.example", "https://rooms.example/announce", "wss://rooms.example/", "rooms.example"),
            ("HTTPS://rooms.example/", "https://rooms.example/announce", "wss://rooms.example/", "rooms.example"),
            ("https://h:8443/a/b/", "https://h:8443/a/b/announce", "wss://h:8443/a/b/", "h"),
            ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80/announce", "ws://[2001:db8::1]:80/", "[2001:db8::1]"),
            ("http://[::1]", "http://[::1]/announce", "ws://[::1]/", "[::1]"),
        ];
        for (url, announce, websocket, host) in table {
            let told = rendezvous(url, Some(6881), Some(3001));
            let expected = json!({
                "announce": announce,
                "websocket": websocket,
                "dht": [format!("{host}:6881")],
                "stun": [format!("stun:{host}:3001")],
            });
            assert_eq!(told, expected, "{url}");
        }
    }

    #[test]
    fn what_a_server_lacks_is_an_empty_list() {
        let told = rendezvous("http://h:3001", None, None);
        assert_eq!((&told["dht"], &told["stun"]), (&json!([]), &json!([])));
    }
}
