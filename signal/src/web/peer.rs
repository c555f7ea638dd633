//! Where a request comes from, and how it reached us: directly, or through proxies that are believed (`-trust-proxy`).

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use http::header::{HOST, HeaderName};

/// A network of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network: write 10.0.0.0/8, fd00::/8 or one address")]
pub struct NetworkError(String);

/// One side of a connection, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The client's address.
    pub(crate) from: IpAddr,
    /// The address of ours by which it came.
    pub(crate) reached: IpAddr,
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address = IpAddr::from_str(address).map_err(|_| error())?.to_canonical();
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), |prefix| prefix.parse().map_err(|_| error()))?;
        if prefix > bits { Err(error()) } else { Ok(Self { address, prefix }) }
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl Peer {
    /// Of a connection.
    pub(crate) fn new(from: SocketAddr, reached: SocketAddr) -> Self {
        Self { from: from.ip().to_canonical(), reached: reached.ip().to_canonical() }
    }

    /// Of a request on it: each proxy that is believed adds the address it saw, so the last that none of them has is the client's.
    pub(crate) fn of_request(&self, headers: &HeaderMap, trusted: &[Network]) -> Self {
        const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
        if !is_trusted(self.from) {
            return *self;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let mut from = self.from;
        for word in named.into_iter().rev() {
            let Some(address) = address_of(word) else { break };
            from = address;
            if !is_trusted(address) {
                break;
            }
        }
        // Behind a proxy our own address is nobody's; the one in `Host` is how the client reached us, if it is one.
        let host = headers.get(HOST).and_then(|host| address_of(host.to_str().ok()?));
        Self { from, reached: host.unwrap_or(self.reached) }
    }
}

/// An address, with or without a port.
fn address_of(word: &str) -> Option<IpAddr> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().ok().or_else(|| word.parse::<SocketAddr>().ok().map(|addr| addr.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn peer(from: &str) -> Peer {
        Peer::new(SocketAddr::new(from.parse().unwrap(), 5), "10.0.0.1:80".parse().unwrap())
    }

    fn forwarded(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn networks_are_read_and_hold_what_they_say() {
        let network = |text: &str| text.parse::<Network>();
        assert!(network("10.0.0.0/8").unwrap().holds("10.200.1.1".parse().unwrap()));
        assert!(!network("10.0.0.0/8").unwrap().holds("11.0.0.1".parse().unwrap()));
        assert!(network("0.0.0.0/0").unwrap().holds("11.0.0.1".parse().unwrap()));
        assert!(!network("0.0.0.0/0").unwrap().holds("::1".parse().unwrap()));
        assert!(network("fd00::/8").unwrap().holds("fdab::1".parse().unwrap()));
        assert!(network("::1").unwrap().holds("::1".parse().unwrap()));
        assert!(!network("127.0.0.1").unwrap().holds("127.0.0.2".parse().unwrap()));
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(network(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let trusted = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let from = |peer: Peer, lines| peer.of_request(&forwarded(lines), &trusted).from.to_string();
        assert_eq!(from(peer("203.0.113.9"), &["1.2.3.4"]), "203.0.113.9", "anybody can write that line");
        assert_eq!(
            from(peer("127.0.0.1"), &["6.6.6.6, 1.2.3.4, 10.1.1.1"]),
            "1.2.3.4",
            "the first was the client's own word"
        );
        assert_eq!(from(peer("127.0.0.1"), &["6.6.6.6", "1.2.3.4:5555"]), "1.2.3.4");
        assert_eq!(from(peer("127.0.0.1"), &["[2001:db8::1]:5555"]), "2001:db8::1");
        assert_eq!(from(peer("127.0.0.1"), &["nonsense"]), "127.0.0.1");
        assert_eq!(from(peer("127.0.0.1"), &[]), "127.0.0.1");
        assert_eq!(from(peer("::ffff:127.0.0.1"), &["1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn behind_a_proxy_the_host_says_how_we_were_reached() {
        let trusted = ["127.0.0.1".parse().unwrap()];
        let mut headers = forwarded(&["1.2.3.4"]);
        let reached = |headers: &HeaderMap| peer("127.0.0.1").of_request(headers, &trusted).reached.to_string();
        headers.insert("host", HeaderValue::from_static("rooms.example"));
        assert_eq!(reached(&headers), "10.0.0.1");
        headers.insert("host", HeaderValue::from_static("198.51.100.7:3001"));
        assert_eq!(reached(&headers), "198.51.100.7");
    }
}
