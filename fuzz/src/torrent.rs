//! Documents: bencode, metainfo, magnets.

use std::collections::BTreeSet;
use std::time::Instant;

use bittorrent_proto::bencode::{self, Bounds, Value};
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::magnet::{
    MAGNET_LEN_MAX, MAGNET_PEERS_MAX, MAGNET_SELECTIONS_MAX, MAGNET_TRACKERS_MAX, MAGNET_WEB_SEEDS_MAX, Magnet,
};
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::peer_id::PeerId;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::tracker::rendezvous::RENDEZVOUS_LIST_MAX;
use bittorrent_proto::tracker::{Announce, Peers, Rendezvous, TrackerUrl, UdpAnnounce, udp};
use bytes::Bytes;

/// What trackers say: answers over HTTP and UDP, and a room's rendezvous.
fn tracker(bytes: &[u8]) {
    if let Ok(peers) = Peers::read(bytes) {
        assert!(peers.addrs.iter().all(|addr| addr.port() != 0));
    }
    let url = TrackerUrl::parse("udp://h:1/announce").expect("a tracker's address");
    if let Some(found) = Rendezvous::read(bytes, &url) {
        assert!(found.dht.len() <= RENDEZVOUS_LIST_MAX && found.stun.len() <= RENDEZVOUS_LIST_MAX);
    }
    let Some((&first, rest)) = bytes.split_first() else { return };
    let announce = Announce {
        infohash: Infohash::new([1; 20]),
        peer_id: PeerId::new([2; 20]),
        port: 1,
        uploaded: 0,
        downloaded: 0,
        left: None,
        event: None,
        key: 0,
        tracker_id: None,
        local: Vec::new(),
    };
    let now = Instant::now();
    let mut exchange = UdpAnnounce::new(now, Rng::new(1), &url, announce, first & 4 != 0);
    // Whoever reads along knows our transactions.
    for _ in 0..3 {
        let Some(udp::Output::Send(asked)) = exchange.poll_output() else { return };
        let transaction = &asked[12..16];
        let datagram = [&u32::from(first & 3).to_be_bytes()[..], transaction, rest].concat();
        exchange.handle_input(now, if first & 8 == 0 { &datagram } else { rest });
        exchange.handle_input(now, &[&[0, 0, 0, 0][..], transaction, &[7; 8]].concat());
    }
}

/// Bencode and what trackers say: what is read is exactly what stands there, and within its bounds.
pub fn bencode(bytes: &[u8]) {
    tracker(bytes);
    for bounds in [Bounds::EXTENSION, Bounds::INFO, Bounds { bytes: 300, depth: 2, tokens: 10 }] {
        let Ok((value, used)) = bencode::parse_prefix(bytes, bounds) else { continue };
        assert!(used <= bytes.len());
        assert_eq!(value.raw(), &bytes[..used], "raw bytes");
        let mut written = Vec::new();
        let mut tokens = 0;
        write(&value, bounds.depth, &mut tokens, &mut written);
        assert!(tokens <= bounds.tokens, "{tokens} values within {bounds:?}");
        assert_eq!(written, value.raw(), "numbers and lengths have one spelling, so writing it again gives the same");
        if used <= bounds.bytes {
            assert_eq!(bencode::parse(&bytes[..used], bounds).as_ref(), Ok(&value));
        }
        assert!(bencode::parse(&bytes[..used - 1], bounds).is_err(), "a value without its last byte is none");
    }
}

/// Writes a value as it stands; depth is bounded by what was parsed.
fn write(value: &Value<'_>, depth_left: u8, tokens: &mut usize, out: &mut Vec<u8>) {
    *tokens += 1;
    if let Some(number) = value.as_int() {
        out.extend(format!("i{number}e").bytes());
    } else if let Some(text) = value.as_bytes() {
        write_bytes(text, out);
    } else {
        let depth_left = depth_left.checked_sub(1).expect("deeper than its bound");
        out.push(if value.as_list().is_some() { b'l' } else { b'd' });
        for item in value.as_list().unwrap_or_default() {
            write(item, depth_left, tokens, out);
        }
        for (key, item) in value.as_dict().unwrap_or_default() {
            *tokens += 1;
            write_bytes(key, out);
            write(item, depth_left, tokens, out);
        }
        out.push(b'e');
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(format!("{}:", bytes.len()).bytes());
    out.extend(bytes);
}

/// A `.torrent` file: whatever passes has safe paths, a layout that adds up, and survives being written again.
pub fn metainfo(bytes: &[u8]) {
    if let Ok(metainfo) = Metainfo::from_info(Bytes::copy_from_slice(bytes)) {
        assert_eq!(&metainfo.info[..], bytes, "an info dictionary is kept as it came");
        check_metainfo(&metainfo);
    }
    if let Ok(metainfo) = Metainfo::from_torrent(bytes) {
        check_metainfo(&metainfo);
    }
}

fn check_metainfo(metainfo: &Metainfo) {
    assert_eq!(metainfo.infohash, Infohash::of(&metainfo.info));
    assert_eq!(metainfo.files.len(), metainfo.layout.file_count());
    let total: u64 = metainfo.files.iter().map(|file| file.len.get()).sum();
    assert_eq!(total, metainfo.layout.total_len().get());
    // Every piece has its hash; asking for the last one panics otherwise.
    metainfo.layout.pieces().for_each(|piece| assert_eq!(metainfo.piece_hash(piece).len(), 20));
    assert!(is_safe(&metainfo.name), "{:?}", metainfo.name);
    let mut seen = BTreeSet::new();
    for file in metainfo.files.iter().filter(|file| !file.pad) {
        assert!(!file.path.is_empty());
        assert!(file.path.iter().all(|component| is_safe(component)), "{:?}", file.path);
        assert!(seen.insert(file.path.join("/").to_lowercase()), "{:?} twice", file.path);
    }
    let again = Metainfo::from_torrent(&metainfo.to_torrent()).expect("what we write, we read");
    assert_eq!(&again, metainfo);
}

/// Names one file in the folder it is put in, on every system.
fn is_safe(component: &str) -> bool {
    let bad = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    !component.is_empty()
        && component != "."
        && component != ".."
        && !component.chars().any(bad)
        && component.len() <= 255
}

/// Magnets: bounded, and a link that is written again says the same.
pub fn magnet(bytes: &[u8]) {
    let Ok(link) = std::str::from_utf8(bytes) else { return };
    let Ok(magnet) = link.parse::<Magnet>() else { return };
    assert!(link.trim().len() <= MAGNET_LEN_MAX);
    assert!(magnet.trackers.len() <= MAGNET_TRACKERS_MAX && magnet.peers.len() <= MAGNET_PEERS_MAX);
    assert!(magnet.web_seeds.len() <= MAGNET_WEB_SEEDS_MAX && magnet.selected.len() <= MAGNET_SELECTIONS_MAX);
    assert!(magnet.name.as_deref().is_none_or(is_safe), "{:?}", magnet.name);
    assert!(magnet.peers.iter().all(|peer| peer.port != 0));
    let written = magnet.to_string();
    assert!(written.is_ascii(), "{written}");
    // Escaping makes longer; a link that grew past the bound is refused like any other.
    if written.len() <= MAGNET_LEN_MAX {
        assert_eq!(written.parse(), Ok(magnet), "{written}");
    }
}
