//! A server's address, as people write it and as its clients need it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::limits::SERVER_URL_LEN_MAX;

/// Where a server is: a host and a port, with or without TLS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerUrl {
    tls: bool,
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    /// In lower case, without a dot at its end.
    Name(String),
    Ip(IpAddr),
}

/// Why text is no server's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// There is nothing.
    #[error("there is no address; it looks like share.example or http://192.168.1.20:3001")]
    Empty,
    /// Too many bytes.
    #[error("an address is not longer than {SERVER_URL_LEN_MAX} bytes")]
    TooLong,
    /// `ftp:` and the like.
    #[error("an address begins with https://, http://, wss:// or ws://, or is only a name")]
    Scheme,
    /// `user:password@`.
    #[error("an address carries no user name and no password")]
    Credentials,
    /// Neither a name nor an address of IP.
    #[error(
        "this is neither a name nor an IP address; letters, digits, hyphens and dots make a name, and IPv6 is in brackets"
    )]
    Host,
    /// No number, or one that is no port.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// A path, a query or a fragment.
    #[error("an address is a host and perhaps a port, and nothing after it")]
    More,
}

/// Of `sharestream-signal`, which is where a server at home is when its address names no port.
const OWN_PORT: u16 = 3001;

impl ServerUrl {
    /// From what a person types or a link carries. Without a scheme it is `https`, but `http` at home: `localhost`, private
    /// addresses, `.local` and names without a dot, for which nobody gets a certificate. Without a port it is the scheme's
    /// own; without both, at home, the server's own: 3001.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        if text.len() > SERVER_URL_LEN_MAX {
            return Err(ServerUrlError::TooLong);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(ServerUrlError::Empty);
        }
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(is_tls(scheme)?), rest),
            None => (None, text),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(ServerUrlError::Credentials);
        }
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(ServerUrlError::More);
        }
        let (host, port) = split_port(authority)?;
        let host: Host = host.parse()?;
        let port_usual = match tls {
            Some(true) => 443,
            Some(false) => 80,
            None if host.is_home() => OWN_PORT,
            None => 443,
        };
        Ok(Self { tls: tls.unwrap_or(!host.is_home()), port: port.unwrap_or(port_usual), host })
    }

    /// What its client connects to: `https://share.example`.
    pub fn signal(&self) -> String {
        self.with(if self.tls { "https" } else { "http" })
    }

    /// Where engines find one another, as an engine's `trackerUrl`: `wss://share.example/`.
    pub fn rendezvous(&self) -> String {
        format!("{}/", self.socket())
    }

    /// As invitations carry it: `wss://share.example`.
    pub fn socket(&self) -> String {
        self.with(if self.tls { "wss" } else { "ws" })
    }

    /// It is on this machine, and an invitation to it is of no use to anybody else.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
        }
    }

    /// It is on this machine or in a network like one's own, where addresses mean nothing elsewhere.
    pub fn is_home(&self) -> bool {
        self.host.is_home()
    }

    fn with(&self, scheme: &str) -> String {
        format!("{scheme}://{self}")
    }
}

/// As people know it, without a scheme, and without the port that is the scheme's own.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}")?,
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]")?,
        }
        let port_usual = if self.tls { 443 } else { 80 };
        if self.port == port_usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        Self::parse(text)
    }
}

impl Host {
    fn is_home(&self) -> bool {
        match self {
            Self::Name(name) => {
                // RFC 6762 section 3, RFC 6761 section 6.3, RFC 8375.
                let ends = [".local", ".localhost", ".home.arpa"];
                !name.contains('.') || ends.iter().any(|end| name.ends_with(end))
            }
            Self::Ip(ip) => match ip.to_canonical() {
                IpAddr::V4(ip) => is_home_v4(ip),
                IpAddr::V6(ip) => is_home_v6(ip),
            },
        }
    }
}

impl FromStr for Host {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(ServerUrlError::Host)?;
            return inner.parse().map(|ip: Ipv6Addr| Self::Ip(ip.into())).map_err(|_| ServerUrlError::Host);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(ServerUrlError::Host);
        }
        // What ends in a number is an IPv4 address to some resolvers ("127.1", "0x7f.1"), and must be a whole one.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
        if is_number { Err(ServerUrlError::Host) } else { Ok(Self::Name(name)) }
    }
}

fn is_tls(scheme: &str) -> Result<bool, ServerUrlError> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => Ok(true),
        "http" | "ws" => Ok(false),
        _ => Err(ServerUrlError::Scheme),
    }
}

/// RFC 1123 section 2.1: letters, digits and hyphens within; an underscore is seen in networks at home.
fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), ServerUrlError> {
    // The colons of an IPv6 address are within its brackets.
    let names_from = authority.rfind(']').map_or(0, |end| end + 1);
    let Some((host, port)) = authority[names_from..].rsplit_once(':') else { return Ok((authority, None)) };
    if host.contains(':') {
        return Err(ServerUrlError::Host);
    }
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|&port: &u16| is_number && port > 0).ok_or(ServerUrlError::Port)?;
    Ok((&authority[..names_from + host.len()], Some(number)))
}

fn is_home_v4(ip: Ipv4Addr) -> bool {
    // RFC 6598: 100.64.0.0/10, which private networks over the internet use too.
    let [first, second, ..] = ip.octets();
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
}

const fn is_home_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_said_is_filled_in() {
        for (text, signal, rendezvous) in [
            ("share.example", "https://share.example", "wss://share.example/"),
            (" Share.Example. ", "https://share.example", "wss://share.example/"),
            ("share.example:3001", "https://share.example:3001", "wss://share.example:3001/"),
            ("https://share.example:443/", "https://share.example", "wss://share.example/"),
            ("WSS://share.example", "https://share.example", "wss://share.example/"),
            ("http://share.example", "http://share.example", "ws://share.example/"),
            ("localhost", "http://localhost:3001", "ws://localhost:3001/"),
            ("localhost:8080", "http://localhost:8080", "ws://localhost:8080/"),
            ("ws://localhost", "http://localhost", "ws://localhost/"),
            ("https://localhost", "https://localhost", "wss://localhost/"),
            ("raspberrypi", "http://raspberrypi:3001", "ws://raspberrypi:3001/"),
            ("nas.local:80", "http://nas.local", "ws://nas.local/"),
            ("192.168.1.20", "http://192.168.1.20:3001", "ws://192.168.1.20:3001/"),
            ("100.100.1.2", "http://100.100.1.2:3001", "ws://100.100.1.2:3001/"),
            ("[fd00::1]:3001", "http://[fd00::1]:3001", "ws://[fd00::1]:3001/"),
            ("[2001:db8::1]", "https://[2001:db8::1]", "wss://[2001:db8::1]/"),
            ("203.0.113.7", "https://203.0.113.7", "wss://203.0.113.7/"),
            ("local.example", "https://local.example", "wss://local.example/"),
        ] {
            let url = ServerUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.signal().as_str(), url.rendezvous().as_str()), (signal, rendezvous), "{text}");
        }
    }

    #[test]
    fn loopback_and_home() {
        let url = |text: &str| ServerUrl::parse(text).unwrap();
        for text in ["localhost", "a.localhost", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(url(text).is_loopback() && url(text).is_home(), "{text}");
        }
        for text in ["10.1.2.3", "nas.local", "[fe80::1]"] {
            assert!(!url(text).is_loopback() && url(text).is_home(), "{text}");
        }
        assert!(!url("share.example").is_home() && !url("100.128.0.1").is_home());
    }

    #[test]
    fn what_is_no_address() {
        use ServerUrlError::{Credentials, Empty, Host, More, Port, Scheme, TooLong};
        for (text, error) in [
            ("", Empty),
            (" \t", Empty),
            ("ftp://host", Scheme),
            ("javascript://host", Scheme),
            ("javascript:alert(1)", Port),
            ("https://", Host),
            ("https://ana:secret@host", Credentials),
            ("ana@host", Credentials),
            ("https://host/path", More),
            ("https://host//", More),
            ("host?x", More),
            ("host#x", More),
            ("host\\x", More),
            ("host:", Port),
            ("host:0", Port),
            ("host:65536", Port),
            ("host:+80", Port),
            ("::1", Host),
            ("[::1", Host),
            ("[::1]x", Host),
            ("[fe80::1%25eth0]", Host),
            ("[nonsense]", Host),
            ("a b", Host),
            ("a..b", Host),
            ("-a.example", Host),
            ("bücher.example", Host),
            ("127.1", Host),
            ("2130706433", Host),
            ("a.0x7f", Host),
            ("a\u{0}b", Host),
            (&"a.".repeat(140), Host),
            (&"a".repeat(70), Host),
            (&"a".repeat(SERVER_URL_LEN_MAX + 1), TooLong),
        ] {
            assert_eq!(ServerUrl::parse(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_we_read(tls: bool, host in "([a-z][a-z0-9]{0,9}\\.){0,3}[a-z][a-z0-9-]{0,8}[a-z0-9]", port in 1u16..) {
            let text = format!("{}://{host}:{port}", if tls { "https" } else { "http" });
            let url = ServerUrl::parse(&text).unwrap();
            for again in [url.signal(), url.socket(), url.rendezvous()] {
                prop_assert_eq!(ServerUrl::parse(&again), Ok(url.clone()), "{}", again);
            }
        }

        #[test]
        fn addresses_too(ip: std::net::IpAddr, port in 1u16..) {
            let url = ServerUrl::parse(&std::net::SocketAddr::new(ip, port).to_string()).unwrap();
            prop_assert_eq!(ServerUrl::parse(&url.signal()), Ok(url.clone()));
        }

        #[test]
        fn nothing_panics(text in ".{0,80}") {
            if let Ok(url) = ServerUrl::parse(&text) {
                prop_assert_eq!(ServerUrl::parse(&url.signal()), Ok(url.clone()));
            }
        }
    }
}
