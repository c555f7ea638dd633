//! Magnet links: a torrent's infohash and where to begin looking for it (BEP 9, "magnet URI format"; BEP 53).
//!
//! Only what is needed to join is read. `xs` and `as` name documents to fetch from anywhere and are left alone on
//! purpose: following them lets a link make requests inside the viewer's own network.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::infohash::Infohash;
use crate::paths;

/// Bytes of a link; browsers and chats cut longer ones.
pub const MAGNET_LEN_MAX: usize = 8 * 1024;

/// Trackers taken from a link; each may cost a connection.
pub const MAGNET_TRACKERS_MAX: usize = 32;

/// Peers taken from a link; each is dialled at once.
pub const MAGNET_PEERS_MAX: usize = 32;

/// Web seeds taken from a link.
pub const MAGNET_WEB_SEEDS_MAX: usize = 16;

/// Ranges of files taken from a link.
pub const MAGNET_SELECTIONS_MAX: usize = 512;

/// The last file number a link may select (libtorrent's guard against a range that never ends).
const SELECTED_FILE_MAX: u32 = 10_000;

/// What a link says. [`fmt::Display`] writes the link, [`FromStr`] reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Magnet {
    /// `xt`: which torrent.
    pub infohash: Infohash,
    /// `dn`: the name to show until the metadata is here. Safe as a file name once parsed.
    pub name: Option<String>,
    /// `tr`: announce URLs, each a tier of its own, without repetitions.
    pub trackers: Vec<String>,
    /// `x.pe`: peers to dial at once.
    pub peers: Vec<PeerAddress>,
    /// `ws`: web seeds (BEP 19). Not fetched from; kept so that a link passes through unharmed.
    pub web_seeds: Vec<String>,
    /// `so`: the files that are wanted (BEP 53); empty for all.
    pub selected: Vec<RangeInclusive<u32>>,
}

/// Why a link names no torrent we can fetch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MagnetError {
    /// It does not begin with `magnet:?`.
    #[error("this is not a magnet link")]
    NotMagnet,
    /// More than [`MAGNET_LEN_MAX`] bytes.
    #[error("the magnet link is longer than {MAGNET_LEN_MAX} bytes")]
    TooLong,
    /// No `xt` of BitTorrent.
    #[error("the magnet link names no BitTorrent infohash")]
    InfohashMissing,
    /// An `xt` of BitTorrent that cannot be read.
    #[error("the magnet link's infohash is neither 40 hexadecimal digits nor 32 base32 characters")]
    InfohashMalformed,
    /// Only a hash of version 2 (BEP 52).
    #[error("the magnet link names a torrent of BitTorrent version 2 only, which is not supported")]
    V2Only,
}

impl Magnet {
    /// A link that says nothing but which torrent.
    pub const fn new(infohash: Infohash) -> Self {
        Self {
            infohash,
            name: None,
            trackers: Vec::new(),
            peers: Vec::new(),
            web_seeds: Vec::new(),
            selected: Vec::new(),
        }
    }

    /// Whether the link wants the file of that number.
    pub fn selects(&self, file: u32) -> bool {
        self.selected.is_empty() || self.selected.iter().any(|range| range.contains(&file))
    }
}

impl FromStr for Magnet {
    type Err = MagnetError;

    fn from_str(link: &str) -> Result<Self, MagnetError> {
        let link = link.trim();
        if link.len() > MAGNET_LEN_MAX {
            return Err(MagnetError::TooLong);
        }
        let (scheme, query) = link.split_once('?').ok_or(MagnetError::NotMagnet)?;
        if !scheme.eq_ignore_ascii_case("magnet:") {
            return Err(MagnetError::NotMagnet);
        }
        let mut topics = Topics::default();
        // The infohash may stand anywhere in the link and replaces this one.
        let mut magnet = Self::new(Infohash::new([0; Infohash::LEN]));
        for parameter in query.split('&') {
            if let Some((name, value)) = parameter.split_once('=') {
                magnet.take_parameter(&parameter_name(name), value, &mut topics);
            }
        }
        magnet.infohash = topics.into_infohash()?;
        Ok(magnet)
    }
}

impl Magnet {
    fn take_parameter(&mut self, name: &str, value: &str, topics: &mut Topics) {
        let decoded = decode(value);
        match name {
            "xt" => topics.take(&decoded),
            "dn" if self.name.is_none() => {
                // Forms write a space as a plus, and so do some clients; a real plus comes as %2B.
                let name: Vec<u8> = percent_decode_str(&value.replace('+', " ")).collect();
                self.name = paths::component(&name).filter(|_| !name.is_empty());
            }
            "tr" if self.trackers.len() < MAGNET_TRACKERS_MAX => push_new(&mut self.trackers, decoded),
            "ws" if self.web_seeds.len() < MAGNET_WEB_SEEDS_MAX => push_new(&mut self.web_seeds, decoded),
            "x.pe" if self.peers.len() < MAGNET_PEERS_MAX => {
                if let Some(peer) = decoded.parse().ok().filter(|peer| !self.peers.contains(peer)) {
                    self.peers.push(peer);
                }
            }
            "so" => {
                let room = MAGNET_SELECTIONS_MAX.saturating_sub(self.selected.len());
                self.selected.extend(decoded.split(',').filter_map(file_range).take(room));
            }
            _ => {}
        }
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", self.infohash)?;
        if let Some(name) = &self.name {
            write!(f, "&dn={}", utf8_percent_encode(name, ESCAPED))?;
        }
        for tracker in &self.trackers {
            write!(f, "&tr={}", utf8_percent_encode(tracker, ESCAPED))?;
        }
        for web_seed in &self.web_seeds {
            write!(f, "&ws={}", utf8_percent_encode(web_seed, ESCAPED))?;
        }
        for peer in &self.peers {
            write!(f, "&x.pe={}", utf8_percent_encode(&peer.to_string(), ESCAPED_ADDRESS))?;
        }
        for (place, range) in self.selected.iter().enumerate() {
            f.write_str(if place == 0 { "&so=" } else { "," })?;
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

/// Everything but RFC 3986's unreserved characters, so that no chat or shell cuts the link.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The colon before a port stays as it is: some clients do not unescape `x.pe`.
const ESCAPED_ADDRESS: &AsciiSet = &ESCAPED.remove(b':');

/// Where a peer is to be found: `host:port`, `1.2.3.4:port` or `[v6]:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress {
    /// The machine.
    pub host: PeerHost,
    /// The TCP and UDP port, never 0.
    pub port: u16,
}

/// A machine, by address or by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerHost {
    /// An address.
    Ip(IpAddr),
    /// A DNS name in lower case, yet to be resolved.
    Name(String),
}

/// Neither a name nor an address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer's address is written host:port, 1.2.3.4:port or [v6]:port")]
pub struct PeerAddressError;

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        let (host, port) = text.trim().rsplit_once(':').ok_or(PeerAddressError)?;
        let port_is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|&port: &u16| port != 0 && port_is_digits).ok_or(PeerAddressError)?;
        let host = if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            PeerHost::Ip(v6.parse::<Ipv6Addr>().map_err(|_| PeerAddressError)?.into())
        } else if let Ok(v4) = host.parse::<Ipv4Addr>() {
            PeerHost::Ip(v4.into())
        } else if is_dns_name(host) {
            PeerHost::Name(host.to_ascii_lowercase())
        } else {
            return Err(PeerAddressError);
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            PeerHost::Ip(IpAddr::V4(v4)) => write!(f, "{v4}:{}", self.port),
            PeerHost::Ip(IpAddr::V6(v6)) => write!(f, "[{v6}]:{}", self.port),
            PeerHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// RFC 1035's lengths. A last label of digits is refused: resolvers read `127.1` and `0x7f.1` as addresses.
fn is_dns_name(host: &str) -> bool {
    let labels_are_good = host.split('.').all(|label| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && labels_are_good && !last.starts_with(|c: char| c.is_ascii_digit())
}

/// The `xt` parameters of a link: a hybrid torrent has one of each version (BEP 52).
#[derive(Default)]
struct Topics {
    infohash: Option<Infohash>,
    malformed: bool,
    v2: bool,
}

impl Topics {
    fn take(&mut self, topic: &str) {
        if let Some(hash) = strip_prefix_ignoring_case(topic, "urn:btih:") {
            match Infohash::from_hex(hash).or_else(|| from_base32(hash)) {
                Some(infohash) => self.infohash = self.infohash.or(Some(infohash)),
                None => self.malformed = true,
            }
        } else if strip_prefix_ignoring_case(topic, "urn:btmh:").is_some() {
            self.v2 = true;
        }
    }

    fn into_infohash(self) -> Result<Infohash, MagnetError> {
        match self {
            Self { infohash: Some(infohash), .. } => Ok(infohash),
            Self { malformed: true, .. } => Err(MagnetError::InfohashMalformed),
            Self { v2: true, .. } => Err(MagnetError::V2Only),
            Self { infohash: None, malformed: false, v2: false } => Err(MagnetError::InfohashMissing),
        }
    }
}

/// In lower case, without the number some writers append (`tr.1`) and without the `amp;` of a link copied from HTML.
fn parameter_name(name: &str) -> String {
    let name = name.strip_prefix("amp;").unwrap_or(name);
    let numbered = name.rsplit_once('.').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    numbered.map_or(name, |(name, _)| name).to_ascii_lowercase()
}

fn decode(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8_lossy()
}

fn push_new(list: &mut Vec<String>, value: Cow<'_, str>) {
    if !value.is_empty() && !list.iter().any(|known| *known == value) {
        list.push(value.into_owned());
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// RFC 4648, either case, no padding: 32 characters are exactly 20 bytes.
fn from_base32(text: &str) -> Option<Infohash> {
    let characters: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; Infohash::LEN];
    for (group, output) in characters.chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
        let mut bits = 0u64;
        for character in group {
            let digit = match character.to_ascii_uppercase() {
                letter @ b'A'..=b'Z' => letter - b'A',
                number @ b'2'..=b'7' => number - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u64::from(digit);
        }
        // Eight characters of five bits are the low five bytes.
        output.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(Infohash::new(bytes))
}

/// `4` or `6-8` (BEP 53).
fn file_range(token: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = token.split_once('-').unwrap_or((token, token));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last <= SELECTED_FILE_MAX).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f10111213";
    const BASE32: &str = "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT";

    fn parse(link: &str) -> Result<Magnet, MagnetError> {
        link.parse()
    }

    fn with(parameters: &str) -> Magnet {
        parse(&format!("magnet:?xt=urn:btih:{HEX}{parameters}")).unwrap()
    }

    #[test]
    fn the_infohash_may_be_hex_or_base32_in_either_case() {
        let expected = Infohash::from_hex(HEX);
        let lower = BASE32.to_lowercase();
        let upper = HEX.to_uppercase();
        for link in [
            format!("magnet:?xt=urn:btih:{HEX}"),
            format!("MAGNET:?XT=URN:BTIH:{upper}"),
            format!("  magnet:?xt=urn:btih:{BASE32}\n"),
            format!("magnet:?dn=x&xt.1=urn:btih:{lower}"),
            format!("magnet:?xt=urn%3Abtih%3A{HEX}"),
            format!("magnet:?xt=urn:btmh:1220{}&xt=urn:btih:{HEX}", "ab".repeat(32)),
            format!("magnet:?xt=urn:btih:zz&xt=urn:btih:{HEX}"),
            format!("magnet:?xt=urn:btih:{HEX}&xt=urn:btih:{}", "f".repeat(40)),
        ] {
            assert_eq!(parse(&link).map(|magnet| magnet.infohash).ok(), expected, "{link}");
        }
    }

    #[test]
    fn a_link_without_a_torrent_says_why() {
        let cases = [
            ("", MagnetError::NotMagnet),
            ("http://example.org/?xt=urn:btih:", MagnetError::NotMagnet),
            ("magnet:", MagnetError::NotMagnet),
            ("magnet:?", MagnetError::InfohashMissing),
            ("magnet:?dn=film&xt=urn:sha1:abc", MagnetError::InfohashMissing),
            ("magnet:?xt=urn:btih:", MagnetError::InfohashMalformed),
            ("magnet:?xt=urn:btih:00112233", MagnetError::InfohashMalformed),
            ("magnet:?xt=urn:btih:AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQ1", MagnetError::InfohashMalformed),
            ("magnet:?xt=urn:btmh:1220aabb", MagnetError::V2Only),
        ];
        for (link, error) in cases {
            assert_eq!(parse(link), Err(error), "{link}");
        }
        let long = format!("magnet:?xt=urn:btih:{HEX}&dn={}", "x".repeat(MAGNET_LEN_MAX));
        assert_eq!(parse(&long), Err(MagnetError::TooLong));
    }

    #[test]
    fn every_parameter_is_read() {
        let magnet = with(
            "&dn=Ein+Film%20(2019)%2B&tr=udp%3A%2F%2Ft.example%3A80&amp;tr.1=ws://t2/a&tr=ws://t2/a&x.pe=10.0.0.1:6881\
             &X.PE.2=%5B2001:db8::1%5D:9&x.pe=Host.Example:7&ws=http://w/&so=0,2,4,6-8&xs=http://127.0.0.1/&unknown&=",
        );
        assert_eq!(magnet.name.as_deref(), Some("Ein Film (2019)+"));
        assert_eq!(magnet.trackers, ["udp://t.example:80", "ws://t2/a"]);
        let peers: Vec<String> = magnet.peers.iter().map(ToString::to_string).collect();
        assert_eq!(peers, ["10.0.0.1:6881", "[2001:db8::1]:9", "host.example:7"]);
        assert_eq!(magnet.web_seeds, ["http://w/"]);
        assert_eq!(magnet.selected, [0..=0, 2..=2, 4..=4, 6..=8]);
        assert!(magnet.selects(7) && !magnet.selects(5) && with("").selects(5));
        assert_eq!(parse(&magnet.to_string()), Ok(magnet));
    }

    #[test]
    fn names_are_made_safe() {
        assert_eq!(with("&dn=..%2F..%2Fetc%2Fpasswd").name.as_deref(), Some("....etcpasswd"));
        assert_eq!(with("&dn=a%ff%e2%80%aeb").name.as_deref(), Some("a_b"));
        assert_eq!(with("&dn=..").name, None);
        assert_eq!(with("&dn=").name, None);
    }

    #[test]
    fn lists_are_bounded() {
        let many = |name: &str, value: &str, count: usize| -> String {
            (0..count).map(|number| format!("&{name}={value}{}", number + 1)).collect()
        };
        assert_eq!(with(&many("tr", "udp://t", 40)).trackers.len(), MAGNET_TRACKERS_MAX);
        assert_eq!(with(&many("x.pe", "h:", 40)).peers.len(), MAGNET_PEERS_MAX);
        assert_eq!(with(&many("ws", "http://", 40)).web_seeds.len(), MAGNET_WEB_SEEDS_MAX);
        assert_eq!(with(&many("so", "", 600)).selected.len(), MAGNET_SELECTIONS_MAX);
        assert_eq!(with("&so=10001,0-4294967295,5-3,x,,-1").selected, []);
    }

    #[test]
    fn only_addresses_with_a_port_are_peers() {
        for wrong in [
            "",
            ":",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+5",
            ":6881",
            "::1:6881",
            "[::1]",
            "[1.2.3.4]:5",
            "[fe80::1%eth0]:5",
            "127.1:80",
            "1.2.3:80",
            "0x7f.1:80",
            "a b:5",
            "a..b:5",
            "user@host:5",
            "host/x:5",
        ] {
            assert_eq!(wrong.parse::<PeerAddress>(), Err(PeerAddressError), "{wrong}");
        }
        assert_eq!(format!("{}:5", "a".repeat(64)).parse::<PeerAddress>(), Err(PeerAddressError));
        assert_eq!(format!("{}a:5", "a.".repeat(127)).parse::<PeerAddress>(), Err(PeerAddressError));
    }

    fn peer() -> impl Strategy<Value = PeerAddress> {
        let host = prop_oneof![
            any::<IpAddr>().prop_map(PeerHost::Ip),
            "[a-z][a-z0-9-]{0,20}(\\.[a-z]{1,8}){0,3}".prop_map(PeerHost::Name),
        ];
        (host, 1..=u16::MAX).prop_map(|(host, port)| PeerAddress { host, port })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            infohash: [u8; 20],
            name in proptest::option::of("\\PC{1,40}"),
            trackers in proptest::collection::btree_set("(udp|wss|http)://\\PC{1,20}", 0..8),
            peers in proptest::collection::btree_set(peer(), 0..8),
            web_seeds in proptest::collection::btree_set("http://[a-z&=%?]{1,20}", 0..4),
            selected in proptest::collection::vec((0u32..5_000, 0u32..5_000), 0..6),
        ) {
            let magnet = Magnet {
                infohash: Infohash::new(infohash),
                name: name.and_then(|name| paths::component(name.as_bytes())),
                trackers: trackers.into_iter().collect(),
                peers: peers.into_iter().collect(),
                web_seeds: web_seeds.into_iter().collect(),
                selected: selected.into_iter().map(|(first, more)| first..=first + more).collect(),
            };
            let link = magnet.to_string();
            prop_assert!(link.is_ascii());
            prop_assert_eq!(parse(&link), Ok(magnet));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}", parameters in "(&(xt|dn|tr|x\\.pe|so|ws)=(\\PC|%[0-9a-f]{2}){0,12}){0,8}") {
            let _ = parse(&text);
            let magnet = with(&parameters);
            prop_assert_eq!(parse(&magnet.to_string()), Ok(magnet));
        }
    }
}
