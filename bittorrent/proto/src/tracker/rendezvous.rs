//! What a room's server says at `/rendezvous`: where it is announced to, and what else it offers.

use serde_json::Value;

use super::{Scheme, TrackerUrl};

/// Where it is asked, beside the WebSocket.
pub const RENDEZVOUS_PATH: &str = "/rendezvous";

/// Bytes of an answer that are read; a full one has some hundred.
pub const RENDEZVOUS_LEN_MAX: usize = 16 * 1024;

/// Entries taken of each list.
pub const RENDEZVOUS_LIST_MAX: usize = 8;

/// Bytes of an entry; longer ones are left out.
pub const RENDEZVOUS_ENTRY_LEN_MAX: usize = 256;

/// What a room's server offers. All of it is its word: whether an address may be asked is decided when it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    /// Its HTTP or UDP tracker.
    pub announce: TrackerUrl,
    /// Its tracker for browsers. Nothing asks it yet.
    pub websocket: Option<String>,
    /// Nodes of the DHT, `host:port`. Nothing asks them yet.
    pub dht: Vec<String>,
    /// Servers that tell us our address, `stun:host:port`. Nothing asks them yet.
    pub stun: Vec<String>,
}

impl Rendezvous {
    /// Reads the body of an answer; `None` when it is no such answer. What is missing or wrong within is left out. `of` is
    /// the address that the room was given, and what is announced to when nothing better is named.
    pub fn read(body: &[u8], of: &TrackerUrl) -> Option<Self> {
        if body.len() > RENDEZVOUS_LEN_MAX {
            return None;
        }
        let root: Value = serde_json::from_slice(body).ok()?;
        let root = root.as_object()?;
        let announce = root.get("announce").and_then(Value::as_str).and_then(|url| TrackerUrl::parse(url).ok());
        let announce = announce.filter(|url| is_tracker(url, of));
        let short =
            |value: &Value| value.as_str().filter(|text| text.len() <= RENDEZVOUS_ENTRY_LEN_MAX).map(str::to_owned);
        let list = |key: &str| {
            let entries = root.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            entries.iter().filter_map(short).take(RENDEZVOUS_LIST_MAX).collect()
        };
        Some(Self {
            announce: announce.unwrap_or_else(|| of.beside("/announce")),
            websocket: root.get("websocket").and_then(short),
            dht: list("dht"),
            stun: list("stun"),
        })
    }

    /// What a server without `/rendezvous` offers: the usual path.
    pub fn unknown(of: &TrackerUrl) -> Self {
        Self { announce: of.beside("/announce"), websocket: None, dht: Vec::new(), stun: Vec::new() }
    }
}

/// Whether it can be announced to. Nobody who came through TLS is led out of it: that is how a server looks that does not
/// know of the proxy in front of it.
fn is_tracker(url: &TrackerUrl, of: &TrackerUrl) -> bool {
    match url.scheme() {
        Scheme::Https => true,
        Scheme::Http | Scheme::Udp => !of.scheme().is_secure(),
        Scheme::Ws | Scheme::Wss => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> TrackerUrl {
        TrackerUrl::parse(text).unwrap()
    }

    fn announce(of: &str, body: &str) -> Option<String> {
        Rendezvous::read(body.as_bytes(), &url(of)).map(|found| found.announce.to_string())
    }

    #[test]
    fn all_of_it() {
        let body = r#"{"announce":"http://h:3001/announce","websocket":"ws://h:3001/","dht":["h:6881",7],"stun":["stun:h:3001"],"x":1}"#;
        let found = Rendezvous::read(body.as_bytes(), &url("ws://h:3001")).unwrap();
        assert_eq!(found.announce, url("http://h:3001/announce"));
        assert_eq!(found.websocket.as_deref(), Some("ws://h:3001/"));
        assert_eq!((found.dht, found.stun), (vec!["h:6881".to_owned()], vec!["stun:h:3001".to_owned()]));
    }

    #[test]
    fn what_is_announced_to() {
        let own = Some("http://h:3001/announce".to_owned());
        for body in [
            "{}",
            r#"{"announce":7}"#,
            r#"{"announce":"ws://h:3001/"}"#,
            r#"{"announce":"http://h:22/announce"}"#,
            r#"{"announce":"http://h:3001/announce?info_hash=x"}"#,
            r#"{"announce":"","dht":{},"stun":null,"websocket":[]}"#,
        ] {
            assert_eq!(announce("ws://h:3001", body), own, "{body}");
        }
        let plain = r#"{"announce":"http://other/announce"}"#;
        assert_eq!(announce("ws://h:3001", plain).as_deref(), Some("http://other/announce"));
        assert_eq!(announce("wss://h:3001", plain).as_deref(), Some("https://h:3001/announce"), "TLS is not left");
        let udp = r#"{"announce":"udp://h:3001"}"#;
        assert_eq!(announce("ws://h:3001", udp).as_deref(), Some("udp://h:3001"));
        assert_eq!(announce("wss://h:3001", r#"{"announce":"https://o/a"}"#).as_deref(), Some("https://o/a"));
        assert_eq!(Rendezvous::unknown(&url("wss://h")).announce, url("https://h/announce"));
    }

    #[test]
    fn no_rendezvous_and_too_much_of_one() {
        for body in ["", "[]", "null", "<html>", "{", &"[".repeat(1_000)] {
            assert_eq!(announce("ws://h", body), None, "{body}");
        }
        let long = format!(r#"{{"x":"{}"}}"#, "a".repeat(RENDEZVOUS_LEN_MAX));
        assert_eq!(announce("ws://h", &long), None);
        let entry = format!(r#""{}""#, "b".repeat(RENDEZVOUS_ENTRY_LEN_MAX + 1));
        let many = vec![r#""a:1""#; 20].join(",");
        let body = format!(r#"{{"dht":[{entry},{many}],"websocket":{entry}}}"#);
        let found = Rendezvous::read(body.as_bytes(), &url("ws://h")).unwrap();
        assert_eq!((found.dht.len(), found.websocket), (RENDEZVOUS_LIST_MAX, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Rendezvous::read(&body, &url("ws://h"));
        }
    }
}
