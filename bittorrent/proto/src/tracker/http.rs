//! What an HTTP tracker is asked and what it answers (BEP 3, 7, 23, 24).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::TrackerUrl;
use crate::bencode::{self, BencodeError, Bounds, Value};
use crate::infohash::Infohash;
use crate::peer_id::PeerId;

/// Bytes of an answer's body.
pub const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// What an answer may cost to read: 3 MB of memory at worst. A polite one has some hundred values.
const ANSWER_BOUNDS: Bounds = Bounds { bytes: ANSWER_LEN_MAX, depth: 8, tokens: 20_000 };

/// Peers taken from one answer; the connector remembers half as many.
pub const PEERS_MAX: usize = 1_000;

/// Peers we ask for. A torrent has 60 connections.
pub const PEERS_WANTED: u32 = 50;

/// A tracker is not asked again sooner, whatever it says.
pub const INTERVAL_MIN: Duration = Duration::from_secs(60);

/// A tracker is asked again by then, whatever it says.
pub const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What an answer without an `interval` means; the usual one.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(30 * 60);

/// What we say we lack while the torrent's length is not known. Not 0, which would make us a seed.
pub const LEFT_UNKNOWN: u64 = 16 * 1024;

/// Characters of a tracker's own text that are kept.
const TEXT_CHARS_MAX: usize = 200;

/// Bytes of a `tracker id` that are kept and sent back.
const TRACKER_ID_LEN_MAX: usize = 256;

/// What happened since the last announce (BEP 3 and 21, "event").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceEvent {
    /// We begin.
    Started,
    /// The download is complete. Not said of one that was complete when it started.
    Completed,
    /// Nothing more is fetched, though not everything is here: said in every announce of a partial seed (BEP 21).
    Paused,
    /// We leave.
    Stopped,
}

/// One announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// Which torrent.
    pub infohash: Infohash,
    /// Who we are.
    pub peer_id: PeerId,
    /// Where peers reach us.
    pub port: u16,
    /// Payload sent since `started`, in bytes.
    pub uploaded: u64,
    /// Payload received since `started`, in bytes.
    pub downloaded: u64,
    /// Bytes that we lack; `None` while the torrent's length is not known.
    pub left: Option<u64>,
    /// What happened, if anything.
    pub event: Option<AnnounceEvent>,
    /// The same for a whole run, so that a tracker knows us again at another address.
    pub key: u32,
    /// What this tracker called us in an earlier answer.
    pub tracker_id: Option<Vec<u8>>,
    /// Where peers behind the same router reach us (BEP 7, `ipv4` and `ipv6`). Only a room's tracker is told.
    pub local: Vec<SocketAddr>,
}

impl Announce {
    /// Path and query of the request. A query that the address has already is kept.
    pub fn target(&self, url: &TrackerUrl) -> String {
        let mut target = url.target();
        target.push(if url.query().is_some() { '&' } else { '?' });
        target.push_str("info_hash=");
        escape(&mut target, self.infohash.as_bytes());
        target.push_str("&peer_id=");
        escape(&mut target, self.peer_id.as_bytes());
        let Self { port, uploaded, downloaded, key, .. } = self;
        let left = self.left.unwrap_or(LEFT_UNKNOWN);
        // Nobody needs an address from somebody who leaves.
        let wanted = if self.event == Some(AnnounceEvent::Stopped) { 0 } else { PEERS_WANTED };
        let written = write!(
            target,
            "&port={port}&uploaded={uploaded}&downloaded={downloaded}&left={left}&compact=1&no_peer_id=1\
             &numwant={wanted}&key={key:08x}"
        );
        written.expect("a String takes whatever is written");
        match self.event {
            Some(AnnounceEvent::Started) => target.push_str("&event=started"),
            Some(AnnounceEvent::Completed) => target.push_str("&event=completed"),
            Some(AnnounceEvent::Paused) => target.push_str("&event=paused"),
            Some(AnnounceEvent::Stopped) => target.push_str("&event=stopped"),
            None => {}
        }
        if let Some(id) = &self.tracker_id {
            target.push_str("&trackerid=");
            escape(&mut target, id);
        }
        for addr in &self.local {
            target.push_str(if addr.is_ipv4() { "&ipv4=" } else { "&ipv6=" });
            escape(&mut target, addr.to_string().as_bytes());
        }
        target
    }
}

/// Everything but the unreserved characters (RFC 3986, section 2.3) as `%XX`.
fn escape(target: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.push('%');
            target.push(char::from(HEX[usize::from(byte >> 4)]));
            target.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// An answer with peers in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// When to ask again; between [`INTERVAL_MIN`] and [`INTERVAL_MAX`].
    pub interval: Duration,
    /// Not to be asked sooner, however badly we want peers; between [`INTERVAL_MIN`] and `interval`.
    pub interval_min: Duration,
    /// At most [`PEERS_MAX`], none with port 0. Whether they may be dialed is for others to decide.
    pub addrs: Vec<SocketAddr>,
    /// A sentence for people, without control characters.
    pub warning: Option<String>,
    /// To be sent back with the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// Where the tracker saw us (BEP 24); a claim.
    pub external_ip: Option<IpAddr>,
}

/// An answer without.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// `failure reason`: its words, shortened and without control characters.
    #[error("{0}")]
    Refused(String),
    /// Something else than a tracker's dictionary.
    #[error("it does not answer like a tracker")]
    NoDictionary,
    /// A datagram that is too short for what it claims to be (BEP 15).
    #[error("its answer is cut off")]
    NoDatagram,
    /// Not bencode, or beyond our bounds.
    #[error("its answer cannot be read: {0}")]
    Bencode(#[from] BencodeError),
}

impl Peers {
    /// Reads the body of an answer. What is missing or of a wrong type is left out; bytes after it are ignored.
    pub fn read(body: &[u8]) -> Result<Self, AnswerError> {
        let (root, _) = bencode::parse_prefix(body, ANSWER_BOUNDS)?;
        if root.as_dict().is_none() {
            return Err(AnswerError::NoDictionary);
        }
        if let Some(reason) = root.get("failure reason") {
            return Err(AnswerError::Refused(text(reason.as_bytes().unwrap_or_default())));
        }
        let known = ["interval", "peers", "peers6", "complete", "incomplete", "tracker id", "warning message"];
        if !known.iter().any(|key| root.get(key).is_some()) {
            return Err(AnswerError::NoDictionary);
        }
        let seconds = |key: &str| {
            let seconds = root.get(key).and_then(Value::as_int)?;
            Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
        };
        let interval = seconds("interval").unwrap_or(INTERVAL_DEFAULT).clamp(INTERVAL_MIN, INTERVAL_MAX);
        let interval_min = seconds("min interval").unwrap_or(INTERVAL_MIN).clamp(INTERVAL_MIN, interval);
        let id = root.get("tracker id").and_then(Value::as_bytes).filter(|id| id.len() <= TRACKER_ID_LEN_MAX);
        let warning = root.get("warning message").and_then(Value::as_bytes).filter(|warning| !warning.is_empty());
        Ok(Self {
            interval,
            interval_min,
            addrs: read_peers(&root),
            warning: warning.map(text),
            tracker_id: id.map(<[u8]>::to_vec),
            external_ip: root.get("external ip").and_then(Value::as_bytes).and_then(read_ip),
        })
    }
}

/// The compact forms (BEP 23, BEP 7) and the list of BEP 3, whichever came. Names instead of addresses are left out.
fn read_peers(root: &Value<'_>) -> Vec<SocketAddr> {
    let compact = |key: &str| root.get(key).and_then(Value::as_bytes).unwrap_or_default();
    let v4 = compact("peers")
        .as_chunks::<6>()
        .0
        .iter()
        .map(|&[a, b, c, d, p, q]| SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([p, q])));
    let v6 = compact("peers6").as_chunks::<18>().0.iter().map(|bytes| {
        let ip: [u8; 16] = *bytes.first_chunk().expect("eighteen bytes begin with sixteen");
        SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), u16::from_be_bytes([bytes[16], bytes[17]]))
    });
    let lists = ["peers", "peers6"].into_iter().filter_map(|key| root.get(key)?.as_list()).flatten();
    let listed = lists.filter_map(|entry| {
        let ip: IpAddr = entry.get("ip")?.as_str()?.parse().ok()?;
        let port = u16::try_from(entry.get("port")?.as_int()?).ok()?;
        Some(SocketAddr::new(ip.to_canonical(), port))
    });
    v4.chain(v6).chain(listed).filter(|addr| addr.port() != 0).take(PEERS_MAX).collect()
}

fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(|v6| IpAddr::from(v6).to_canonical()).ok())
}

/// A stranger's words as people may see them.
pub(super) fn text(bytes: &[u8]) -> String {
    let words = String::from_utf8_lossy(bytes);
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect();
    let words = words.trim();
    if words.is_empty() { "no reason given".to_owned() } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn announce() -> Announce {
        let mut infohash = [0; 20];
        infohash[..8].copy_from_slice(b"aZ9-._~ ");
        Announce {
            infohash: Infohash::new(infohash),
            peer_id: PeerId::new(*b"-Sh0100-abcdefghijkl"),
            port: 6881,
            uploaded: 1,
            downloaded: 2,
            left: Some(3),
            event: None,
            key: 0xbeef,
            tracker_id: None,
            local: Vec::new(),
        }
    }

    #[test]
    fn addresses_for_the_same_house() {
        let url = TrackerUrl::parse("http://t/announce").unwrap();
        let local = vec!["192.168.1.20:6881".parse().unwrap(), "[fd12::5]:6881".parse().unwrap()];
        let target = Announce { local, ..announce() }.target(&url);
        assert!(target.ends_with("&ipv4=192.168.1.20%3A6881&ipv6=%5Bfd12%3A%3A5%5D%3A6881"), "{target}");
    }

    #[test]
    fn the_question() {
        let url = TrackerUrl::parse("http://t/announce").unwrap();
        let zeros = "%00".repeat(12);
        assert_eq!(
            announce().target(&url),
            format!(
                "/announce?info_hash=aZ9-._~%20{zeros}&peer_id=-Sh0100-abcdefghijkl&port=6881&uploaded=1&downloaded=2\
                 &left=3&compact=1&no_peer_id=1&numwant=50&key=0000beef"
            )
        );
        let url = TrackerUrl::parse("http://t/x?pass=1").unwrap();
        let leaving = Announce {
            event: Some(AnnounceEvent::Stopped),
            tracker_id: Some(b"a&b".to_vec()),
            left: None,
            ..announce()
        };
        let target = leaving.target(&url);
        assert!(target.starts_with("/x?pass=1&info_hash="), "{target}");
        assert!(
            target.ends_with("&left=16384&compact=1&no_peer_id=1&numwant=0&key=0000beef&event=stopped&trackerid=a%26b")
        );
    }

    #[test]
    fn every_event_has_its_word() {
        let url = TrackerUrl::parse("http://t/").unwrap();
        let words = [
            (None, "key=0000beef"),
            (Some(AnnounceEvent::Started), "event=started"),
            (Some(AnnounceEvent::Completed), "event=completed"),
            (Some(AnnounceEvent::Paused), "event=paused"),
            (Some(AnnounceEvent::Stopped), "event=stopped"),
        ];
        for (event, word) in words {
            let target = Announce { event, ..announce() }.target(&url);
            assert!(target.ends_with(&format!("&{word}")), "{target}");
        }
    }

    fn read(body: &str) -> Peers {
        Peers::read(body.as_bytes()).unwrap()
    }

    fn addrs(body: &[u8]) -> Vec<String> {
        Peers::read(body).unwrap().addrs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_forms_of_peers() {
        let compact = b"d5:peers12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x006:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50e";
        assert_eq!(addrs(compact), ["1.2.3.4:6881", "[2001:db8::1]:80"]);
        let list = "d5:peersld2:ip7:1.2.3.44:porti1eed2:ip3:::14:porti2eed2:ip4:name4:porti3ee\
                    d4:porti4eed2:ip7:1.2.3.4ed2:ipi5e4:porti5eed2:ip7:1.2.3.44:porti65536eei7eee";
        assert_eq!(addrs(list.as_bytes()), ["1.2.3.4:1", "[::1]:2"]);
        assert_eq!(addrs(b"d5:peers7:\x01\x02\x03\x04\0\x01xe"), ["1.2.3.4:1"], "a cut entry is none");
        assert!(addrs(b"d5:peersi5e6:peers6dee").is_empty());
    }

    #[test]
    fn intervals_are_kept_within_reason() {
        let intervals = |body: &str| {
            let peers = read(body);
            (peers.interval.as_secs(), peers.interval_min.as_secs())
        };
        assert_eq!(intervals("d8:intervali1800e12:min intervali300ee"), (1800, 300));
        assert_eq!(intervals("d8:intervali0ee"), (60, 60));
        assert_eq!(intervals("d8:intervali-5e12:min intervali-1ee"), (60, 60));
        assert_eq!(
            intervals("d8:intervali9223372036854775807e12:min intervali9223372036854775807ee"),
            (86_400, 86_400)
        );
        assert_eq!(intervals("d8:intervali100e12:min intervali300ee"), (100, 100));
        assert_eq!(intervals("d5:peers0:e"), (1800, 60));
    }

    #[test]
    fn what_else_it_says() {
        let peers =
            read("d11:external ip4:\u{1}\u{2}\u{3}\u{4}10:tracker id2:ab15:warning message3:a\nb8:intervali60ee");
        assert_eq!(peers.external_ip, Some([1, 2, 3, 4].into()));
        assert_eq!((peers.tracker_id.as_deref(), peers.warning.as_deref()), (Some(&b"ab"[..]), Some("a b")));
        assert_eq!(read("d11:external ip3:abc8:intervali60ee").external_ip, None);
    }

    #[test]
    fn refusals() {
        let refused = |body: &str| Peers::read(body.as_bytes()).unwrap_err();
        assert_eq!(refused("d14:failure reason7:go away5:peers0:e"), AnswerError::Refused("go away".into()));
        assert_eq!(refused("d14:failure reasoni5ee"), AnswerError::Refused("no reason given".into()));
        let long = format!("d14:failure reason1000:{}e", "x\u{1b}".repeat(500));
        assert_eq!(refused(&long), AnswerError::Refused("x ".repeat(100).trim().into()));
        assert_eq!(refused("de"), AnswerError::NoDictionary);
        assert_eq!(refused("le"), AnswerError::NoDictionary);
        assert!(matches!(refused("<html>"), AnswerError::Bencode(_)));
        assert!(matches!(refused(""), AnswerError::Bencode(_)));
    }

    #[test]
    fn too_much_of_anything() {
        let mut many = format!("d5:peers{}:", 6 * 5_000).into_bytes();
        many.extend([1, 2, 3, 4, 5, 6].repeat(5_000));
        many.push(b'e');
        assert_eq!(Peers::read(&many).unwrap().addrs.len(), PEERS_MAX);
        let mut long = format!("d5:peers{ANSWER_LEN_MAX}:").into_bytes();
        long.resize(ANSWER_LEN_MAX + 100, b'e');
        assert_eq!(Peers::read(&long), Err(BencodeError::TooLong(ANSWER_LEN_MAX).into()));
        assert!(Peers::read(format!("d5:peers{}", "l".repeat(5_000)).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_bounds(body in prop::collection::vec(any::<u8>(), 0..300), dict in any::<bool>()) {
            let mut bytes = if dict { b"d5:peers".to_vec() } else { Vec::new() };
            bytes.extend(body);
            if let Ok(peers) = Peers::read(&bytes) {
                prop_assert!(peers.addrs.iter().all(|addr| addr.port() != 0));
                prop_assert!(INTERVAL_MIN <= peers.interval_min && peers.interval_min <= peers.interval);
                prop_assert!(peers.interval <= INTERVAL_MAX);
            }
        }

        #[test]
        fn compact_peers_come_as_they_were_sent(sent in prop::collection::vec((any::<[u8; 4]>(), 1u16..), 0..50)) {
            let bytes: Vec<u8> = sent.iter().flat_map(|(ip, port)| [&ip[..], &port.to_be_bytes()].concat()).collect();
            let mut body = format!("d5:peers{}:", bytes.len()).into_bytes();
            body.extend(bytes);
            body.push(b'e');
            let expected: Vec<SocketAddr> = sent.iter().map(|(ip, port)| SocketAddr::new((*ip).into(), *port)).collect();
            prop_assert_eq!(Peers::read(&body).unwrap().addrs, expected);
        }
    }
}
