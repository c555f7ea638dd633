//! The HTTP tracker's questions and answers (BEP 3, 7, 23, 48): a query becomes an [`Announce`], an answer becomes bencode.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::limits::{INTERVAL, INTERVAL_MIN, PEERS_GIVEN, QUERY_LEN_MAX, SCRAPE_HASHES_MAX};
use super::swarm::{Announce, Counts, Event};
use super::{Infohash, PeerId};

/// Why a query is refused; its words are the answer's `failure reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Longer than any honest one.
    #[error("the query is too long")]
    TooLong,
    /// A `%` without two hexadecimal digits.
    #[error("the query is not percent-encoded")]
    Encoding,
    /// Not there, or not 20 bytes.
    #[error("info_hash must be 20 bytes")]
    Infohash,
    /// Not there, or not 20 bytes.
    #[error("peer_id must be 20 bytes")]
    PeerId,
    /// Not there, or no port.
    #[error("port must be a number from 1 to 65535")]
    Port,
    /// A scrape of everything, or of too much.
    #[error("a scrape must name 1 to 64 torrents")]
    Scrape,
}

/// Reads the query of `GET /announce?…`. `from` is where it came from, `reached` the address of ours it reached.
///
/// # Errors
/// [`QueryError`] for what is missing or wrong; what is optional and wrong counts as absent.
pub fn parse_announce(query: &str, from: IpAddr, reached: IpAddr) -> Result<Announce, QueryError> {
    let query = Query::parse(query)?;
    let number = |name: &str| query.text(name).and_then(|text| text.parse::<u64>().ok());
    let port = query.text("port").and_then(|text| text.parse::<u16>().ok()).filter(|port| *port != 0);
    Ok(Announce {
        infohash: Infohash(query.bytes20("info_hash").ok_or(QueryError::Infohash)?),
        peer_id: PeerId(query.bytes20("peer_id").ok_or(QueryError::PeerId)?),
        from,
        reached,
        port: port.ok_or(QueryError::Port)?,
        local: local_addresses(&query, port.unwrap_or(0)),
        seed: number("left") == Some(0),
        event: match query.text("event").as_deref() {
            Some("started") => Event::Started,
            Some("completed") => Event::Completed,
            Some("stopped") => Event::Stopped,
            Some(_) | None => Event::Update,
        },
        wanted: number("numwant").map_or(PEERS_GIVEN, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX)),
    })
}

/// Reads the query of `GET /scrape?info_hash=…&info_hash=…` (BEP 48).
///
/// # Errors
/// [`QueryError`]: a scrape must name its torrents, and not too many.
pub fn parse_scrape(query: &str) -> Result<Vec<Infohash>, QueryError> {
    let query = Query::parse(query)?;
    let named = query.pairs.iter().filter(|(name, _)| name == "info_hash");
    let infohashes: Option<Vec<Infohash>> =
        named.map(|(_, value)| value.as_slice().try_into().ok().map(Infohash)).collect();
    let infohashes = infohashes.ok_or(QueryError::Infohash)?;
    if (1..=SCRAPE_HASHES_MAX).contains(&infohashes.len()) { Ok(infohashes) } else { Err(QueryError::Scrape) }
}

/// The answer to an announce: compact (BEP 23), IPv4 in `peers`, IPv6 in `peers6` (BEP 7).
pub fn announce_answer(peers: &[SocketAddr], counts: Counts) -> Vec<u8> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer.ip() {
            IpAddr::V4(ip) => v4.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
            IpAddr::V6(ip) => v6.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
        }
    }
    let mut answer = Bencode::dictionary();
    answer.number("complete", counts.complete as u64);
    answer.number("incomplete", counts.incomplete as u64);
    answer.number("interval", INTERVAL.as_secs());
    answer.number("min interval", INTERVAL_MIN.as_secs());
    answer.bytes("peers", &v4);
    if !v6.is_empty() {
        answer.bytes("peers6", &v6);
    }
    answer.end()
}

/// The answer to a scrape.
pub fn scrape_answer(swarms: &[(Infohash, Counts)]) -> Vec<u8> {
    let mut files: Vec<(Infohash, Counts)> = swarms.to_vec();
    // Keys of a dictionary are in order, and once.
    files.sort_by_key(|(infohash, _)| *infohash);
    files.dedup_by_key(|(infohash, _)| *infohash);
    let mut answer = Bencode::dictionary();
    answer.key(b"files");
    answer.0.push(b'd');
    for (infohash, counts) in files {
        answer.key(&infohash.0);
        answer.0.push(b'd');
        answer.number("complete", counts.complete as u64);
        answer.number("downloaded", counts.downloaded);
        answer.number("incomplete", counts.incomplete as u64);
        answer.0.push(b'e');
    }
    answer.0.push(b'e');
    answer.end()
}

/// A refusal. Clients read it whatever the status says, so it goes out with 200.
pub fn failure(reason: &str) -> Vec<u8> {
    let mut answer = Bencode::dictionary();
    answer.bytes("failure reason", reason.as_bytes());
    answer.end()
}

/// A dictionary that is being written; its writer keeps the keys in order.
struct Bencode(Vec<u8>);

impl Bencode {
    fn dictionary() -> Self {
        Self(vec![b'd'])
    }

    fn key(&mut self, key: &[u8]) {
        self.0.extend_from_slice(key.len().to_string().as_bytes());
        self.0.push(b':');
        self.0.extend_from_slice(key);
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key.as_bytes());
        self.0.extend_from_slice(format!("i{number}e").as_bytes());
    }

    fn bytes(&mut self, key: &str, bytes: &[u8]) {
        self.key(key.as_bytes());
        self.key(bytes);
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'e');
        self.0
    }
}

/// Names and decoded values, in order.
struct Query {
    pairs: Vec<(String, Vec<u8>)>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, QueryError> {
        if query.len() > QUERY_LEN_MAX {
            return Err(QueryError::TooLong);
        }
        let mut pairs = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            pairs.push((name.to_owned(), decode(value).ok_or(QueryError::Encoding)?));
        }
        Ok(Self { pairs })
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.get(name)?.to_vec()).ok()
    }

    fn bytes20(&self, name: &str) -> Option<[u8; 20]> {
        self.get(name)?.try_into().ok()
    }
}

fn decode(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit()?, digit()?);
                16 * high + low
            }
            b'+' => b' ',
            other => other,
        });
    }
    Some(decoded)
}

/// `ipv4=` and `ipv6=` (BEP 7): an address, or an address and a port.
fn local_addresses(query: &Query, port: u16) -> Vec<SocketAddr> {
    let v4 = query.text("ipv4").and_then(|text| {
        let bare = || text.parse::<Ipv4Addr>().ok().map(|ip| SocketAddr::new(ip.into(), port));
        text.parse::<SocketAddr>().ok().or_else(bare).filter(SocketAddr::is_ipv4)
    });
    let v6 = query.text("ipv6").and_then(|text| {
        let bare = || text.parse::<Ipv6Addr>().ok().map(|ip| SocketAddr::new(ip.into(), port));
        text.parse::<SocketAddr>().ok().or_else(bare).filter(SocketAddr::is_ipv6)
    });
    v4.into_iter().chain(v6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

    fn parsed(query: &str) -> Result<Announce, QueryError> {
        parse_announce(query, FROM, HERE)
    }

    fn good() -> String {
        format!("info_hash={}&peer_id=-Sh0100-abcdefghijkl&port=6881", "%01%aB".repeat(10))
    }

    #[test]
    fn an_announce_as_clients_send_it() {
        let query = good() + "&uploaded=0&downloaded=0&left=0&compact=1&event=completed&numwant=7&key=1f";
        let announce = parsed(&query).unwrap();
        assert_eq!(announce.infohash.0[..4], [1, 0xab, 1, 0xab]);
        assert_eq!(&announce.peer_id.0, b"-Sh0100-abcdefghijkl");
        assert_eq!((announce.port, announce.seed, announce.wanted), (6881, true, 7));
        assert_eq!((announce.event, announce.from, announce.reached), (Event::Completed, FROM, HERE));
    }

    #[test]
    fn what_is_optional_has_a_usual_value() {
        let announce = parsed(&good()).unwrap();
        assert_eq!((announce.seed, announce.event, announce.wanted), (false, Event::Update, PEERS_GIVEN));
        let odd = parsed(&(good() + "&left=none&event=empty&numwant=-1")).unwrap();
        assert_eq!((odd.seed, odd.event, odd.wanted), (false, Event::Update, PEERS_GIVEN));
    }

    #[test]
    fn local_addresses_with_and_without_a_port() {
        let query = good() + "&ipv4=192.168.1.5%3A7000&ipv6=fd00%3A%3A5";
        let expected: Vec<SocketAddr> = ["192.168.1.5:7000", "[fd00::5]:6881"].map(|addr| addr.parse().unwrap()).into();
        assert_eq!(parsed(&query).unwrap().local, expected);
        assert!(parsed(&(good() + "&ipv4=%5Bfd00%3A%3A5%5D%3A1&ipv6=nonsense")).unwrap().local.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", QueryError::Infohash),
            ("info_hash=short", QueryError::Infohash),
            (&good().replace("peer_id", "peer"), QueryError::PeerId),
            (&good().replace("6881", "0"), QueryError::Port),
            (&good().replace("6881", "65536"), QueryError::Port),
            ("info_hash=%0", QueryError::Encoding),
            ("info_hash=%zz", QueryError::Encoding),
            (&"a".repeat(QUERY_LEN_MAX + 1), QueryError::TooLong),
        ];
        for (query, error) in cases {
            assert_eq!(parsed(query), Err(error), "{query:.60}");
        }
    }

    #[test]
    fn answers_are_bencode() {
        let peers = ["1.2.3.4:258".parse().unwrap(), "[2001:db8::1]:1".parse().unwrap()];
        let answer = announce_answer(&peers, Counts { complete: 1, incomplete: 2, downloaded: 3 });
        let mut expected = b"d8:completei1e10:incompletei2e8:intervali120e12:min intervali15e5:peers6:".to_vec();
        expected.extend([1, 2, 3, 4, 1, 2]);
        expected.extend(b"6:peers618:");
        expected.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        expected.extend([0, 1, b'e']);
        assert_eq!(answer, expected);
        assert_eq!(announce_answer(&[], Counts::default()).last(), Some(&b'e'));
        assert_eq!(failure("no"), b"d14:failure reason2:noe");
    }

    #[test]
    fn a_scrape_names_its_torrents() {
        let (a, b) = (Infohash([b'a'; 20]), Infohash([b'b'; 20]));
        let query = format!("info_hash={}&info_hash={}", "b".repeat(20), "a".repeat(20));
        assert_eq!(parse_scrape(&query), Ok(vec![b, a]));
        assert_eq!(parse_scrape(""), Err(QueryError::Scrape));
        assert_eq!(parse_scrape("info_hash=x"), Err(QueryError::Infohash));
        let many = format!("info_hash={}&", "a".repeat(20)).repeat(65);
        assert_eq!(parse_scrape(&many), Err(QueryError::Scrape));

        let counts = Counts { complete: 1, incomplete: 0, downloaded: 9 };
        let entry = "d8:completei1e10:downloadedi9e10:incompletei0ee";
        let expected = format!("d5:filesd20:{}{entry}20:{}{entry}ee", "a".repeat(20), "b".repeat(20));
        assert_eq!(scrape_answer(&[(b, counts), (a, counts), (b, counts)]), expected.as_bytes());
    }

    proptest! {
        #[test]
        fn no_query_panics(query in ".{0,200}") {
            let _ = parsed(&query);
            let _ = parse_scrape(&query);
            let _ = parsed(&(good() + "&" + &query));
        }
    }
}
