//! A room: who may watch, and how two of its members know each other (key `ss_room` of the extension handshake).
//!
//! A member holds the room's key and has a name there, both from the room's server. It proves the key by a code over the
//! torrent, both ends' peer ids and its name, so that what one connection shows is of no use on another. It does not
//! prove who sits at the other end of the wire: whoever carries a whole connection between two members can read it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::bencode::Value;
use crate::infohash::Infohash;
use crate::peer_id::PeerId;

/// What the version field of a proof says.
pub const PROOF_VERSION: i64 = 1;

/// A member's name, as the room's server gave it out: 20 bytes that mean nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub [u8; Self::LEN]);

impl MemberId {
    /// Bytes of a name.
    pub const LEN: usize = 20;
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A place in a room: its key, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Room {
    key: [u8; Self::KEY_LEN],
    self_id: MemberId,
}

/// Whom a torrent has to do with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Whoever knows the infohash.
    #[default]
    Anyone,
    /// Members of the room, and those at addresses that the user or the room's tracker named.
    MembersAndNamed,
    /// Members of the room.
    Members,
}

/// Whom a torrent has to do with, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The room it belongs to; without one nobody can prove anything.
    pub room: Option<Room>,
    /// Who is served.
    pub admission: Admission,
}

impl Access {
    /// Whether those who only know the infohash get nothing.
    pub fn is_restricted(&self) -> bool {
        self.admission != Admission::Anyone
    }
}

/// What a member shows on one connection. The code is kept from logs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Who it says it is.
    pub member: MemberId,
    code: [u8; Self::CODE_LEN],
}

/// The connection that a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The torrent.
    pub infohash: Infohash,
    /// The peer ids of both ends, in any order.
    pub peers: [PeerId; 2],
}

impl Room {
    /// Bytes of a key.
    pub const KEY_LEN: usize = 16;

    /// A place in a room.
    pub const fn new(key: [u8; Self::KEY_LEN], self_id: MemberId) -> Self {
        Self { key, self_id }
    }

    /// Our name there.
    pub const fn self_id(&self) -> MemberId {
        self.self_id
    }

    /// What we show on that connection.
    pub fn prove(&self, pair: &Pair) -> Proof {
        let code = self.mac(pair, self.self_id).finalize().into_bytes().into();
        Proof { member: self.self_id, code }
    }

    /// Whether a proof from the other end of that connection holds. Our own name is refused: it is our own proof, sent back.
    /// Codes are compared in constant time.
    pub fn holds(&self, pair: &Pair, proof: &Proof) -> bool {
        proof.member != self.self_id && self.mac(pair, proof.member).verify_slice(&proof.code).is_ok()
    }

    fn mac(&self, pair: &Pair, member: MemberId) -> Hmac<Sha256> {
        let [a, b] = pair.peers;
        let (lower, higher) = if a.as_bytes() <= b.as_bytes() { (a, b) } else { (b, a) };
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.chain_update(pair.infohash.as_bytes())
            .chain_update(lower.as_bytes())
            .chain_update(higher.as_bytes())
            .chain_update(member.0)
    }
}

/// Without the key.
impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("self_id", &self.self_id).finish_non_exhaustive()
    }
}

impl Proof {
    /// Bytes of a code.
    pub const CODE_LEN: usize = 32;

    /// A proof of which nothing is known but what it says.
    pub const fn claimed(member: MemberId, code: [u8; Self::CODE_LEN]) -> Self {
        Self { member, code }
    }

    /// The code, for the wire.
    pub const fn code(&self) -> &[u8; Self::CODE_LEN] {
        &self.code
    }

    /// Reads the dictionary `ss_room`: `h` the code, `s` the member, `v` the version. `None` for any other version or shape.
    pub fn read(dict: &Value<'_>) -> Option<Self> {
        let bytes = |key: &str| dict.get(key).and_then(Value::as_bytes);
        dict.get("v").and_then(Value::as_int).filter(|version| *version == PROOF_VERSION)?;
        Some(Self { member: MemberId(bytes("s")?.try_into().ok()?), code: bytes("h")?.try_into().ok()? })
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("member", &self.member).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(infohash: u8, a: u8, b: u8) -> Pair {
        Pair { infohash: Infohash::new([infohash; 20]), peers: [PeerId::new([a; 20]), PeerId::new([b; 20])] }
    }

    fn room(key: u8, member: u8) -> Room {
        Room::new([key; 16], MemberId([member; 20]))
    }

    #[test]
    fn the_code_is_hmac_sha256_over_infohash_lower_higher_and_self() {
        // Computed with Python's hmac module: key 16 × 01, infohash 20 × 02, peer ids 20 × 03 and 20 × 04, self 20 × 05.
        let proof = room(1, 5).prove(&pair(2, 4, 3));
        let hex: String = proof.code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3fc67b99cf90fc58af16a1bea0bc827848bfe5ab57b7058a8daacef11d4fe03f");
    }

    #[test]
    fn nothing_secret_is_shown_in_logs() {
        let shown = format!("{:?} {:?}", room(0xab, 1), room(0xab, 1).prove(&pair(1, 2, 3)));
        assert!(!shown.contains("171") && shown.contains("MemberId"), "{shown}");
        assert_eq!(MemberId([0x0f; 20]).to_string(), "0f".repeat(20));
    }

    proptest! {
        #[test]
        fn a_proof_holds_for_its_room_torrent_pair_and_member_alone(
            key in any::<[u8; 16]>(),
            other_key in any::<[u8; 16]>(),
            ids in any::<[[u8; 20]; 3]>(),
            infohashes in any::<[[u8; 20]; 2]>(),
            members in any::<[[u8; 20]; 3]>(),
            flipped in 0usize..256,
        ) {
            let [us, them, somebody] = ids.map(PeerId::new);
            let [infohash, other_torrent] = infohashes.map(Infohash::new);
            prop_assume!(us != them && somebody != us && somebody != them && infohash != other_torrent);
            prop_assume!(key != other_key && members[0] != members[1] && members[2] != members[1]);
            let ours = Room::new(key, MemberId(members[0]));
            let theirs = Room::new(key, MemberId(members[1]));
            let pair = Pair { infohash, peers: [us, them] };
            let proof = theirs.prove(&pair);
            prop_assert!(ours.holds(&pair, &proof));
            prop_assert!(ours.holds(&Pair { infohash, peers: [them, us] }, &proof), "the order is no matter");
            prop_assert!(!theirs.holds(&pair, &proof), "one's own, sent back");
            prop_assert!(!ours.holds(&Pair { infohash, peers: [us, somebody] }, &proof), "another pair's");
            prop_assert!(!ours.holds(&Pair { infohash: other_torrent, peers: [us, them] }, &proof), "another torrent's");
            prop_assert!(!Room::new(other_key, ours.self_id()).holds(&pair, &proof));
            prop_assert!(!ours.holds(&pair, &Proof { member: MemberId(members[2]), ..proof }), "another member's");
            let mut code = proof.code;
            code[flipped / 8] ^= 1 << (flipped % 8);
            prop_assert!(!ours.holds(&pair, &Proof::claimed(proof.member, code)));
        }
    }
}
