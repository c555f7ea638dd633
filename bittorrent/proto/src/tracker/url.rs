//! Where a tracker is asked (BEP 3, "announce").

use std::fmt;

use crate::metainfo::TRACKER_LEN_MAX;

/// The address of a tracker, taken apart. It holds no space, control character, user name or fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrackerUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    /// Starts with `/`; empty only where a UDP tracker's address ends with the port.
    path: String,
    query: Option<String>,
}

/// How a tracker is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// In the open (BEP 3).
    Http,
    /// The same through TLS.
    Https,
    /// In datagrams (BEP 15).
    Udp,
    /// A room's rendezvous, or a tracker for browsers.
    Ws,
    /// The same through TLS.
    Wss,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Udp, Self::Ws, Self::Wss];

    /// As an address begins, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Udp => "udp",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether it goes through TLS.
    pub const fn is_secure(self) -> bool {
        match self {
            Self::Https | Self::Wss => true,
            Self::Http | Self::Udp | Self::Ws => false,
        }
    }

    /// The port of an address that names none. BEP 15 knows no such port.
    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Ws => Some(80),
            Self::Https | Self::Wss => Some(443),
            Self::Udp => None,
        }
    }

    /// The path of an address that names none.
    const fn default_path(self) -> &'static str {
        match self {
            Self::Http | Self::Https => "/announce",
            Self::Ws | Self::Wss => "/",
            Self::Udp => "",
        }
    }

    fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
    }
}

/// Why an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackerUrlError {
    /// No tracker's address at all.
    #[error("this is no tracker's address")]
    NoTracker,
    /// More than [`TRACKER_LEN_MAX`] bytes.
    #[error("the address is longer than {TRACKER_LEN_MAX} bytes")]
    TooLong,
    /// A port where something else than a tracker listens, and is sensitive to strangers' lines.
    #[error("no tracker listens on port {0}")]
    Port(u16),
    /// The query says already what only we may say.
    #[error("its query holds `{0}`, which is ours to say")]
    OursInQuery(&'static str),
    /// A redirect to something that no HTTP request fetches.
    #[error("it leads to a {0}:// address")]
    NotHttp(&'static str),
}

/// What an announce says. An address that brings one of them would put words into our mouth.
const OURS: [&str; 16] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "event",
    "compact",
    "no_peer_id",
    "numwant",
    "key",
    "trackerid",
    "ip",
    "ipv4",
    "ipv6",
    "supportcrypto",
];

/// Services that act on lines of text: SSH, Telnet, mail and name servers, X11, Redis, memcached.
const PORTS_REFUSED: [u16; 15] = [0, 20, 21, 22, 23, 25, 53, 110, 143, 465, 587, 993, 6000, 6379, 11_211];

/// Services that answer any datagram, often with more than they got: echo, chargen, TFTP, portmapper, time, NetBIOS, SNMP,
/// LDAP, SSDP, mDNS.
const UDP_PORTS_REFUSED: [u16; 10] = [7, 19, 69, 111, 123, 137, 161, 389, 1900, 5353];

impl TrackerUrl {
    /// Reads an address that somebody gave. Without a path it is asked at `/announce`.
    pub fn parse(text: &str) -> Result<Self, TrackerUrlError> {
        let url = Self::read(text)?;
        for pair in url.query.iter().flat_map(|query| query.split(['&', ';'])) {
            // Escapes would hide a name from us that the tracker reads.
            let name = percent_encoding::percent_decode_str(pair.split('=').next().unwrap_or_default());
            let name: Vec<u8> = name.collect();
            if let Some(ours) = OURS.iter().find(|ours| name.eq_ignore_ascii_case(ours.as_bytes())) {
                return Err(TrackerUrlError::OursInQuery(ours));
            }
        }
        Ok(url)
    }

    /// Where an answer of this tracker sends us (RFC 9110, section 10.2.2). It may repeat our question.
    pub fn redirected(&self, location: &str) -> Result<Self, TrackerUrlError> {
        let (location, scheme) = (location.trim(), self.scheme.name());
        let authority = self.authority();
        let next = if location.contains("://") && !location.starts_with('/') {
            Self::read(location)
        } else if location.starts_with("//") {
            Self::read(&format!("{scheme}:{location}"))
        } else if location.starts_with('/') {
            Self::read(&format!("{scheme}://{authority}{location}"))
        } else {
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            Self::read(&format!("{scheme}://{authority}{folder}/{location}"))
        }?;
        match next.scheme {
            Scheme::Http | Scheme::Https => Ok(next),
            Scheme::Udp | Scheme::Ws | Scheme::Wss => Err(TrackerUrlError::NotHttp(next.scheme.name())),
        }
    }

    /// The same machine and port over HTTP, at another path: what a rendezvous serves beside its WebSocket.
    pub fn beside(&self, path: &'static str) -> Self {
        let scheme = if self.scheme.is_secure() { Scheme::Https } else { Scheme::Http };
        Self { scheme, host: self.host.clone(), port: self.port, path: path.to_owned(), query: None }
    }

    /// How it is asked.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 80, and 443 through TLS, unless it says so.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, with its slash; empty where a UDP tracker has none.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the question mark, as it stands.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// What goes into `Host` (RFC 9110, section 7.2): the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if Some(self.port) == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Path and query, as a request line has them.
    pub fn target(&self) -> String {
        self.query.as_ref().map_or_else(|| self.path.clone(), |query| format!("{}?{query}", self.path))
    }

    fn read(text: &str) -> Result<Self, TrackerUrlError> {
        let text = text.trim();
        // An answer's redirect repeats our question, which is some hundred bytes.
        if text.len() > TRACKER_LEN_MAX + 1_024 {
            return Err(TrackerUrlError::TooLong);
        }
        // They would end the request line early and begin a header of the address's own.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TrackerUrlError::NoTracker);
        }
        let (scheme, rest) = text.split_once("://").ok_or(TrackerUrlError::NoTracker)?;
        let scheme = Scheme::read(scheme).ok_or(TrackerUrlError::NoTracker)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = read_authority(authority)?;
        let port = port.or(scheme.default_port()).ok_or(TrackerUrlError::NoTracker)?;
        if PORTS_REFUSED.contains(&port) || (scheme == Scheme::Udp && UDP_PORTS_REFUSED.contains(&port)) {
            return Err(TrackerUrlError::Port(port));
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let is_bare = path.is_empty() || (path == "/" && query.is_none());
        let path = if is_bare { scheme.default_path() } else { path };
        Ok(Self { scheme, host, port, path: path.to_owned(), query })
    }
}

/// A host and its port, if it has one. User names are refused: nobody's password is to be sent in the open.
fn read_authority(authority: &str) -> Result<(String, Option<u16>), TrackerUrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']').ok_or(TrackerUrlError::NoTracker)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| TrackerUrlError::NoTracker)?;
            (host, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(TrackerUrlError::NoTracker);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| TrackerUrlError::NoTracker)?)
        }
        None | Some(_) => return Err(TrackerUrlError::NoTracker),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// As it is asked, the question left out.
impl fmt::Display for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.target())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        TrackerUrl::parse(text).unwrap().to_string()
    }

    #[test]
    fn addresses_in_use() {
        let table = [
            ("http://t.example/announce", "http://t.example/announce"),
            (" HTTP://T.Example:6969/announce.php?passkey=7 ", "http://t.example:6969/announce.php?passkey=7"),
            ("http://10.0.0.5:3001", "http://10.0.0.5:3001/announce"),
            ("http://10.0.0.5:3001/", "http://10.0.0.5:3001/announce"),
            ("http://h?a=1", "http://h/announce?a=1"),
            ("http://[2001:db8::1]:8080/a#x", "http://[2001:db8::1]:8080/a"),
            ("https://T.example", "https://t.example/announce"),
            ("https://t.example:443/x", "https://t.example/x"),
            ("https://t.example:80/x", "https://t.example:80/x"),
            ("UDP://t.example:1337", "udp://t.example:1337"),
            ("udp://t.example:1337/", "udp://t.example:1337"),
            ("udp://t.example:1337/announce?a=b", "udp://t.example:1337/announce?a=b"),
            ("ws://10.0.0.5:3001", "ws://10.0.0.5:3001/"),
            ("wss://signal.example:443/", "wss://signal.example/"),
        ];
        for (given, expected) in table {
            assert_eq!(shown(given), expected, "{given}");
        }
    }

    #[test]
    fn traps_and_nonsense() {
        use TrackerUrlError::{NoTracker, OursInQuery, Port};
        let table = [
            ("udp://t/announce", NoTracker),
            ("udp://t:1900/announce", Port(1900)),
            ("udp://t:53", Port(53)),
            ("wss://t:22", Port(22)),
            ("https://t/announce?left=1", OursInQuery("left")),
            ("ftp://t/announce", NoTracker),
            ("t.example/announce", NoTracker),
            ("", NoTracker),
            ("http://", NoTracker),
            ("http://:80/", NoTracker),
            ("http://u:p@h/announce", NoTracker),
            ("http://h:/announce", NoTracker),
            ("http://h:+80/announce", NoTracker),
            ("http://h:65536/announce", NoTracker),
            ("http://[::1", NoTracker),
            ("http://[localhost]/announce", NoTracker),
            ("http://[::1]x/announce", NoTracker),
            ("http://h/a\r\nX: y", NoTracker),
            ("http://h/a b", NoTracker),
            ("http://h:22/announce", Port(22)),
            ("http://h:0/announce", Port(0)),
            ("http://h/announce?info_hash=x", OursInQuery("info_hash")),
            ("http://h/announce?a=1&EVENT=stopped", OursInQuery("event")),
            ("http://h/announce?a=1;%70ort=1", OursInQuery("port")),
        ];
        for (given, expected) in table {
            assert_eq!(TrackerUrl::parse(given), Err(expected), "{given}");
        }
        assert_eq!(TrackerUrl::parse(&format!("http://h/{}", "a".repeat(4_000))), Err(TrackerUrlError::TooLong));
    }

    #[test]
    fn redirects() {
        let from = TrackerUrl::parse("http://h:8080/x/announce").unwrap();
        let table = [
            ("/y?info_hash=%00", "http://h:8080/y?info_hash=%00"),
            ("announce2", "http://h:8080/x/announce2"),
            ("//other/z", "http://other/z"),
            ("http://other:81/z", "http://other:81/z"),
            ("https://h/z", "https://h/z"),
        ];
        for (location, expected) in table {
            assert_eq!(from.redirected(location).unwrap().to_string(), expected, "{location}");
        }
        for other in ["udp://h:1/", "ws://h/", "wss://h/"] {
            let scheme = other.split(':').next().unwrap();
            assert!(matches!(from.redirected(other), Err(TrackerUrlError::NotHttp(found)) if found == scheme));
        }
        let secure = TrackerUrl::parse("https://h/announce").unwrap();
        assert_eq!(secure.redirected("//other/z").unwrap().to_string(), "https://other/z");
        assert_eq!(secure.redirected("/z").unwrap().to_string(), "https://h/z");
        assert_eq!(from.redirected("file:///etc/passwd"), Err(TrackerUrlError::NoTracker));
        assert_eq!(from.redirected("http://h:25/"), Err(TrackerUrlError::Port(25)));
    }

    #[test]
    fn beside_a_rendezvous() {
        let beside = |url: &str| TrackerUrl::parse(url).unwrap().beside("/rendezvous").to_string();
        assert_eq!(beside("ws://h:3001/x?y=1"), "http://h:3001/rendezvous");
        assert_eq!(beside("wss://h"), "https://h/rendezvous");
        assert_eq!(beside("ws://[::1]:3001"), "http://[::1]:3001/rendezvous");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_fits_a_request_line(text in "((http|https|udp|ws)://)?[\\PC\r\n]{0,60}", location in "[\\PC\r\n]{0,60}") {
            if let Ok(url) = TrackerUrl::parse(&text) {
                let redirected = url.redirected(&location);
                for url in std::iter::once(url).chain(redirected.ok()) {
                    prop_assert!(url.target().starts_with('/') || url.scheme() == Scheme::Udp);
                    prop_assert!(url.target().bytes().chain(url.authority().bytes()).all(|byte| byte.is_ascii_graphic()));
                    prop_assert_eq!(TrackerUrl::read(&url.to_string()), Ok(url));
                }
            }
        }
    }
}
