//! The first 68 bytes in each direction (BEP 3, "handshake").

use std::fmt;

use crate::error::PeerMisbehaved;
use crate::infohash::Infohash;
use crate::peer_id::PeerId;

/// What both sides say first. Whether the infohash is one we know is the caller's to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// What its sender supports.
    pub reserved: Reserved,
    /// The torrent it is about.
    pub infohash: Infohash,
    /// Who sends it.
    pub peer_id: PeerId,
}

impl Handshake {
    /// Bytes of every handshake.
    pub const LEN: usize = 68;

    /// The bytes to send.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..20].copy_from_slice(PROTOCOL);
        bytes[20..28].copy_from_slice(&self.reserved.0);
        bytes[28..48].copy_from_slice(self.infohash.as_bytes());
        bytes[48..].copy_from_slice(self.peer_id.as_bytes());
        bytes
    }

    /// Whether a connection that begins with these bytes may go on to a handshake. Who encrypts begins with a random number.
    pub fn may_begin(bytes: &[u8]) -> bool {
        let compared = bytes.len().min(PROTOCOL.len());
        bytes[..compared] == PROTOCOL[..compared]
    }

    /// Reads the peer's.
    ///
    /// # Errors
    /// [`PeerMisbehaved::NotBitTorrent`] when the first 20 bytes are not the protocol's name.
    pub fn decode(bytes: &[u8; Self::LEN]) -> Result<Self, PeerMisbehaved> {
        if bytes[..20] != PROTOCOL[..] {
            return Err(PeerMisbehaved::NotBitTorrent);
        }
        Ok(Self {
            reserved: Reserved(array_at(bytes, 20)),
            infohash: Infohash::new(array_at(bytes, 28)),
            peer_id: PeerId::new(array_at(bytes, 48)),
        })
    }
}

/// The eight bytes of feature bits. Bits nobody here knows are kept, and mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Reserved(pub [u8; 8]);

impl Reserved {
    /// What this engine supports: the extension protocol (BEP 10) and the fast extension (BEP 6).
    pub const fn ours() -> Self {
        let mut bits = [0; 8];
        bits[EXTENSIONS.0] |= EXTENSIONS.1;
        bits[FAST.0] |= FAST.1;
        Self(bits)
    }

    /// The fast extension (BEP 6); in force when both sides have it.
    pub const fn fast(self) -> bool {
        self.has(FAST)
    }

    /// The extension protocol (BEP 10).
    pub const fn extensions(self) -> bool {
        self.has(EXTENSIONS)
    }

    /// Takes part in the DHT, and accepts a port message (BEP 5).
    pub const fn dht(self) -> bool {
        self.has(DHT)
    }

    const fn has(self, (byte, bit): (usize, u8)) -> bool {
        self.0[byte] & bit != 0
    }
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The protocol's name with its length before it.
const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

// Byte of the reserved field, and the bit in it.
const EXTENSIONS: (usize, u8) = (5, 0x10);
const FAST: (usize, u8) = (7, 0x04);
const DHT: (usize, u8) = (7, 0x01);

fn array_at<const N: usize>(bytes: &[u8; Handshake::LEN], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> [u8; Handshake::LEN] {
        let mut bytes = [0; Handshake::LEN];
        bytes[..20].copy_from_slice(b"\x13BitTorrent protocol");
        bytes[20..28].copy_from_slice(&[0, 0, 0, 0, 0, 0x10, 0, 0x05]);
        for (value, byte) in (0..20).zip(&mut bytes[28..48]) {
            *byte = value;
        }
        bytes[48..].copy_from_slice(b"-SS0010-abcdefghijkl");
        bytes
    }

    #[test]
    fn the_example_is_read_and_written() {
        let handshake = Handshake::decode(&example()).unwrap();
        assert_eq!(*handshake.infohash.as_bytes(), std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(handshake.peer_id, PeerId::new(*b"-SS0010-abcdefghijkl"));
        assert!(handshake.reserved.fast() && handshake.reserved.extensions() && handshake.reserved.dht());
        assert_eq!(format!("{:?}", handshake.reserved), "0000000000100005");
        assert_eq!(handshake.encode(), example());
    }

    #[test]
    fn its_beginning_is_known_by_any_part_of_it() {
        assert!((0..=Handshake::LEN).all(|len| Handshake::may_begin(&example()[..len])));
        for at in 0..20 {
            let mut bytes = example();
            bytes[at] ^= 1;
            assert!(Handshake::may_begin(&bytes[..at]));
            assert!((at + 1..=Handshake::LEN).all(|len| !Handshake::may_begin(&bytes[..len])), "byte {at}");
        }
    }

    #[test]
    fn we_offer_what_we_have() {
        assert_eq!(Reserved::ours(), Reserved([0, 0, 0, 0, 0, 0x10, 0, 0x04]));
        assert!(Reserved::ours().fast() && Reserved::ours().extensions() && !Reserved::ours().dht());
        assert!(!Reserved::default().fast() && !Reserved::default().extensions());
    }

    #[test]
    fn another_protocol_is_refused() {
        for at in 0..20 {
            let mut bytes = example();
            bytes[at] ^= 0x20;
            assert_eq!(Handshake::decode(&bytes), Err(PeerMisbehaved::NotBitTorrent), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(rest in any::<[u8; 32]>(), tail in any::<[u8; 16]>()) {
            let mut bytes = example();
            bytes[20..52].copy_from_slice(&rest);
            bytes[52..].copy_from_slice(&tail);
            prop_assert_eq!(Handshake::decode(&bytes).unwrap().encode(), bytes);
        }
    }
}
