//! Who a peer says it is (BEP 20): our own id, and a readable name for others'.

use std::fmt;

use crate::rng::Rng;

/// Twenty bytes that a client chooses for one run. Any bytes may come from the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; Self::LEN]);

impl PeerId {
    /// Bytes of an id.
    pub const LEN: usize = 20;

    /// What our ids begin with, in the Azureus style: client, then version 0.1.0.0. BEP 20 and the tables of the common
    /// clients list nobody as `Sh` (`SS` is SwarmScope, `S~` and `SZ` are Shareaza).
    pub const PREFIX: &[u8; 8] = b"-Sh0100-";

    /// An id as it stands in a handshake.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// A fresh id: [`Self::PREFIX`] and twelve random letters and digits, which no tracker has to escape.
    pub fn generate(rng: &mut Rng) -> Self {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut id = [0; Self::LEN];
        let (prefix, random) = id.split_at_mut(Self::PREFIX.len());
        prefix.copy_from_slice(Self::PREFIX);
        for byte in random {
            *byte = ALPHABET[usize::try_from(rng.below(62)).expect("a number below 62")];
        }
        Self(id)
    }

    /// The twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The client's name and version for people, always printable. Ids can lie; nothing is decided by this.
    pub fn client(&self) -> String {
        azureus_style(&self.0).or_else(|| other_style(&self.0)).unwrap_or_else(|| "unknown client".to_owned())
    }
}

impl From<[u8; 20]> for PeerId {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

/// The bytes, escaped where they do not print.
impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// How a client writes its version into the four places of an Azureus-style id. A place counts 0–9, A–Z, a–z as 0–61.
#[derive(Clone, Copy)]
enum Version {
    /// Major, minor, patch; what follows is a release's tag.
    Three,
    /// Four numbers; a last zero is left out.
    Four,
    /// Transmission: like `Three` since 4, before that one digit and two.
    Transmission,
    /// BitComet: a zero, one digit and two.
    Comet,
    /// WebTorrent: two decimal digits and two.
    Pairs,
}

/// The clients that a swarm of today is made of.
const CLIENTS: &[(&[u8; 2], &str, Version)] = &[
    (b"AZ", "Vuze", Version::Four),
    (b"BC", "BitComet", Version::Comet),
    (b"BI", "BiglyBT", Version::Four),
    (b"BT", "BitTorrent", Version::Three),
    (b"DE", "Deluge", Version::Three),
    (b"FD", "Free Download Manager", Version::Three),
    (b"GT", "anacrolix/torrent", Version::Four),
    (b"KT", "KTorrent", Version::Three),
    (b"LT", "libtorrent", Version::Four),
    (b"MG", "MediaGet", Version::Three),
    (b"MO", "MonoTorrent", Version::Four),
    (b"PI", "PicoTorrent", Version::Three),
    (b"Sh", "ShareStream", Version::Three),
    (b"TR", "Transmission", Version::Transmission),
    (b"UM", "µTorrent Mac", Version::Three),
    (b"UT", "µTorrent", Version::Three),
    (b"UW", "µTorrent Web", Version::Three),
    (b"WD", "WebTorrent Desktop", Version::Pairs),
    (b"WW", "WebTorrent", Version::Pairs),
    (b"XL", "Xunlei", Version::Four),
    (b"lt", "rTorrent's libTorrent", Version::Four),
    (b"qB", "qBittorrent", Version::Three),
    (b"rQ", "rqbit", Version::Three),
];

/// `-XX1234-` and twelve bytes. µTorrent and some others use the last dash for another digit.
fn azureus_style(id: &[u8; PeerId::LEN]) -> Option<String> {
    let [b'-', c0, c1, v0, v1, v2, v3, ..] = *id else {
        return None;
    };
    let [v0, v1, v2, v3] = [place(v0)?, place(v1)?, place(v2)?, place(v3)?];
    let Some((_, name, version)) = CLIENTS.iter().find(|(code, _, _)| **code == [c0, c1]) else {
        let code_is_printable = c0.is_ascii_alphanumeric() && (c1.is_ascii_alphanumeric() || c1 == b'~');
        return (code_is_printable && id[7] == b'-')
            .then(|| format!("{}{} {v0}.{v1}.{v2}.{v3}", char::from(c0), char::from(c1)));
    };
    Some(match version {
        Version::Four if v3 != 0 => format!("{name} {v0}.{v1}.{v2}.{v3}"),
        Version::Transmission if v0 < 4 => format!("{name} {v0}.{v1}{v2}"),
        Version::Three | Version::Four | Version::Transmission => format!("{name} {v0}.{v1}.{v2}"),
        Version::Comet => format!("{name} {v1}.{v2}{v3}"),
        Version::Pairs => format!("{name} {}.{}", v0 * 10 + v1, v2 * 10 + v3),
    })
}

fn place(character: u8) -> Option<u32> {
    match character {
        b'0'..=b'9' => Some(u32::from(character - b'0')),
        b'A'..=b'Z' => Some(u32::from(character - b'A') + 10),
        b'a'..=b'z' => Some(u32::from(character - b'a') + 36),
        _ => None,
    }
}

/// The few that have a style of their own: `TIX0284-…`, `A2-1-36-0-…`, `M7-10-5--…`.
fn other_style(id: &[u8; PeerId::LEN]) -> Option<String> {
    if let [b'T', b'I', b'X', _, v0, v1, v2, ..] = id {
        return Some(format!("Tixati {}.{}{}", place(*v0)?, place(*v1)?, place(*v2)?));
    }
    let (name, version): (_, &[u8]) = match id {
        [b'A', b'2', b'-', version @ ..] => ("aria2", version),
        [b'M', version @ ..] => ("BitTorrent", version),
        _ => return None,
    };
    let numbers: Vec<&str> = version
        .split(|&byte| byte == b'-')
        .take(3)
        .map_while(|part| std::str::from_utf8(part).ok())
        .take_while(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    (numbers.len() == 3).then(|| format!("{name} {}", numbers.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    fn client(prefix: &[u8]) -> String {
        let mut id = [b'x'; 20];
        id[..prefix.len()].copy_from_slice(prefix);
        PeerId::new(id).client()
    }

    #[test]
    fn common_clients_have_names() {
        let cases: [(&[u8], &str); 17] = [
            (b"-LT20B0-", "libtorrent 2.0.11"),
            (b"-LT1013-", "libtorrent 1.0.1.3"),
            (b"-qB5030-", "qBittorrent 5.0.3"),
            (b"-qB4650-", "qBittorrent 4.6.5"),
            (b"-TR4060-", "Transmission 4.0.6"),
            (b"-TR3000-", "Transmission 3.00"),
            (b"-TR294Z-", "Transmission 2.94"),
            (b"-DE13F0-", "Deluge 1.3.15"),
            (b"-UT355W-", "µTorrent 3.5.5"),
            (b"-BC0202-", "BitComet 2.02"),
            (b"-WW0212-", "WebTorrent 2.12"),
            (b"-lt0D80-", "rTorrent's libTorrent 0.13.8"),
            (b"-ZZ1234-", "ZZ 1.2.3.4"),
            (b"TIX0284-", "Tixati 2.84"),
            (b"A2-1-36-0-", "aria2 1.36.0"),
            (b"M7-10-5--", "BitTorrent 7.10.5"),
            (b"Mxyz", "unknown client"),
        ];
        for (prefix, name) in cases {
            assert_eq!(client(prefix), name);
        }
    }

    #[test]
    fn our_own_id_names_this_version() {
        let mut rng = Rng::new(1);
        let (one, two) = (PeerId::generate(&mut rng), PeerId::generate(&mut rng));
        assert_eq!(one.client(), format!("ShareStream {}", env!("CARGO_PKG_VERSION")));
        assert_ne!(one, two);
        assert!(one.as_bytes()[8..].iter().all(u8::is_ascii_alphanumeric));
    }

    proptest! {
        #[test]
        fn any_id_has_a_printable_name(bytes in any::<[u8; 20]>(), code in 0..CLIENTS.len(), azureus in any::<bool>()) {
            let mut bytes = bytes;
            if azureus {
                bytes[0] = b'-';
                bytes[1..3].copy_from_slice(CLIENTS[code].0);
            }
            let name = PeerId::new(bytes).client();
            prop_assert!(!name.is_empty() && name.len() < 60 && name.chars().all(|c| !c.is_control()), "{}", name);
        }
    }
}
