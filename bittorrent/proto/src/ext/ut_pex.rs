//! Peer exchange (BEP 11): which peers somebody is connected to, told as news since the last time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bencode::{Bounds, Value, encode_dict, parse_prefix};
use crate::error::PeerMisbehaved;
use crate::limits::PEX_PEERS_MAX;

/// What is known of a peer beside its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PexFlags(pub u8);

impl PexFlags {
    /// It wants nothing more: a seed, or upload only.
    pub const SEED: u8 = 0x02;
    /// The sender connected to it, so it can be reached.
    pub const REACHABLE: u8 = 0x10;
}

/// What one peer says of others: at most [`PEX_PEERS_MAX`] in each list, IPv4 first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PexMessage {
    /// New since the last message.
    pub added: Vec<(SocketAddr, PexFlags)>,
    /// Gone since then. They are no candidates for dialing.
    pub dropped: Vec<SocketAddr>,
}

impl PexMessage {
    /// Reads a message. What names nobody (port 0, unspecified, multicast and broadcast addresses) is left out, a list that
    /// is not a whole number of entries is as good as absent, and so are flags that do not match their list. What is
    /// beyond [`PEX_PEERS_MAX`] is passed over.
    ///
    /// # Errors
    /// [`PeerMisbehaved::ExtensionMalformed`] for anything but a dictionary within [`Bounds::EXTENSION`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PeerMisbehaved> {
        let (dict, _) = parse_prefix(bytes, Bounds::EXTENSION).map_err(|_| PeerMisbehaved::ExtensionMalformed)?;
        if dict.as_dict().is_none() {
            return Err(PeerMisbehaved::ExtensionMalformed);
        }
        let list = |key: &str| dict.get(key).and_then(Value::as_bytes).unwrap_or_default();
        let flagged = |key: &str, len: usize| {
            let flags = list(&format!("{key}.f"));
            let entries = entries(list(key), len);
            let matching = flags.len() == entries.len();
            entries.enumerate().map(move |(at, entry)| (entry, PexFlags(if matching { flags[at] } else { 0 })))
        };
        let added = flagged("added", V4_LEN)
            .chain(flagged("added6", V6_LEN))
            .take(PEX_PEERS_MAX)
            .filter_map(|(entry, flags)| Some((address(entry)?, flags)));
        // BEP 11 calls `dropped` IPv6; it is IPv4 everywhere.
        let dropped = entries(list("dropped"), V4_LEN)
            .chain(entries(list("dropped6"), V6_LEN))
            .take(PEX_PEERS_MAX)
            .filter_map(address);
        Ok(Self { added: added.collect(), dropped: dropped.collect() })
    }

    /// The bytes to send. Lists of nothing are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut lists: [Vec<u8>; 6] = Default::default();
        let [added, flags, added6, flags6, dropped, dropped6] = &mut lists;
        for (addr, of_peer) in &self.added {
            let (list, flags) = if addr.is_ipv4() { (&mut *added, &mut *flags) } else { (&mut *added6, &mut *flags6) };
            write(list, *addr);
            flags.push(of_peer.0);
        }
        for addr in &self.dropped {
            write(if addr.is_ipv4() { dropped } else { dropped6 }, *addr);
        }
        let names: [&[u8]; 6] = [b"added", b"added.f", b"added6", b"added6.f", b"dropped", b"dropped6"];
        encode_dict(|dict| {
            for (name, list) in names.into_iter().zip(&lists).filter(|(_, list)| !list.is_empty()) {
                dict.emit_pair_with(name, |encoder| encoder.emit_bytes(list))?;
            }
            Ok(())
        })
    }
}

/// Address and port of an IPv4 peer.
const V4_LEN: usize = 6;

/// Address and port of an IPv6 peer.
const V6_LEN: usize = 18;

fn entries(list: &[u8], len: usize) -> std::slice::ChunksExact<'_, u8> {
    let whole = if list.len().is_multiple_of(len) { list } else { &[] };
    whole.chunks_exact(len)
}

fn address(entry: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = entry.split_at_checked(entry.len().checked_sub(2)?)?;
    let port = u16::from_be_bytes(port.try_into().ok()?);
    let v4 = || <[u8; 4]>::try_from(ip).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    let v6 = || <[u8; 16]>::try_from(ip).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
    let ip = v4().or_else(v6)?.to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let names_somebody = port != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast;
    names_somebody.then(|| SocketAddr::new(ip, port))
}

fn write(list: &mut Vec<u8>, addr: SocketAddr) {
    match addr.ip() {
        IpAddr::V4(ip) => list.extend(ip.octets()),
        IpAddr::V6(ip) => list.extend(ip.octets()),
    }
    list.extend(addr.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_message_as_clients_write_it() {
        let bytes = b"d5:added12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x1a\xe27:added.f2:\x02\x107:dropped6:\x09\x09\x09\x09\x00\x50e";
        let message = PexMessage {
            added: vec![(addr("1.2.3.4:6881"), PexFlags(2)), (addr("5.6.7.8:6882"), PexFlags(0x10))],
            dropped: vec![addr("9.9.9.9:80")],
        };
        assert_eq!(PexMessage::decode(bytes), Ok(message.clone()));
        assert_eq!(message.encode().escape_ascii().to_string(), bytes.escape_ascii().to_string());
        assert_eq!(PexMessage::default().encode(), b"de");
    }

    #[test]
    fn what_names_nobody_and_what_does_not_fit_is_left_out() {
        let nothing: &[&[u8]] = &[
            b"de",
            b"d5:addedi5ee",
            b"d5:added5:abcdee",
            b"d5:added7:abcdefge",
            b"d5:added6:\x01\x02\x03\x04\0\0e",
            b"d5:added6:\0\0\0\0\x1a\xe1e",
            b"d5:added6:\xe0\0\0\x01\x1a\xe1e",
            b"d5:added6:\xff\xff\xff\xff\x1a\xe1e",
            b"d6:added618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1a\xe1e",
            b"d6:added618:\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1e",
        ];
        for bytes in nothing {
            assert_eq!(PexMessage::decode(bytes), Ok(PexMessage::default()), "{}", bytes.escape_ascii());
        }
        let unflagged = PexMessage::decode(b"d5:added6:\x01\x02\x03\x04\x1a\xe17:added.f2:\x02\x02e").unwrap();
        assert_eq!(unflagged.added, [(addr("1.2.3.4:6881"), PexFlags(0))]);
    }

    #[test]
    fn anything_but_a_small_dictionary_is_refused() {
        for bytes in [&b""[..], b"le", b"i1e", b"d", b"d5:added99999999:e"] {
            assert_eq!(PexMessage::decode(bytes), Err(PeerMisbehaved::ExtensionMalformed));
        }
    }

    #[test]
    fn fifty_of_a_thousand_are_read() {
        let many: Vec<u8> = (1..=1000u16).flat_map(|port| [&[1, 2, 3, 4][..], &port.to_be_bytes()].concat()).collect();
        let bytes = [format!("d5:added{}:", many.len()).as_bytes(), &many, b"7:dropped6000:", &many, b"e"].concat();
        let message = PexMessage::decode(&bytes).unwrap();
        assert_eq!((message.added.len(), message.dropped.len()), (PEX_PEERS_MAX, PEX_PEERS_MAX));
    }

    proptest! {
        #[test]
        fn what_we_say_is_understood(
            v4 in proptest::collection::vec((any::<[u8; 4]>(), 1u16.., any::<u8>()), 0..25),
            v6 in proptest::collection::vec((any::<[u8; 16]>(), 1u16.., any::<u8>()), 0..25),
        ) {
            let v4 = v4.into_iter().map(|(ip, port, flags)| (IpAddr::from(ip), port, flags));
            let v6 = v6.into_iter().map(|(ip, port, flags)| (IpAddr::from(ip), port, flags));
            let real = |ip: &IpAddr| {
                let broadcast = *ip == IpAddr::V4(Ipv4Addr::BROADCAST);
                !ip.is_unspecified() && !ip.is_multicast() && !broadcast && ip.to_canonical() == *ip
            };
            let added: Vec<_> = v4.chain(v6)
                .filter(|(ip, _, _)| real(ip))
                .map(|(ip, port, flags)| (SocketAddr::new(ip, port), PexFlags(flags)))
                .collect();
            let dropped = added.iter().rev().map(|(addr, _)| *addr).collect::<Vec<_>>();
            let read = PexMessage::decode(&PexMessage { added: added.clone(), dropped: dropped.clone() }.encode()).unwrap();
            prop_assert_eq!(read.added, added);
            let sorted = |mut list: Vec<SocketAddr>| { list.sort(); list };
            prop_assert_eq!(sorted(read.dropped), sorted(dropped));
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = PexMessage::decode(&bytes) {
                prop_assert!(message.added.iter().all(|(addr, _)| addr.port() != 0));
            }
        }
    }
}
