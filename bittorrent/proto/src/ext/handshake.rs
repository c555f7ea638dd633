//! The extension handshake (BEP 10, "handshake message"): a dictionary in which everything is optional.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Extension;
use crate::bencode::{Bounds, Value, encode_dict, parse_prefix};
use crate::error::PeerMisbehaved;
use crate::limits::{CLIENT_NAME_CHARS_MAX, METADATA_LEN_MAX, REQQ_MAX};
use crate::room::{PROOF_VERSION, Proof};

/// What a peer says of itself, once or several times.
///
/// The numbers of extensions are those that its sender receives them under: they go before what is sent *to* it.
/// `Some(0)` occurs in one that was just decoded and says "no longer"; after [`ExtHandshake::merge`] it is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtHandshake {
    /// `m`: where it receives metadata messages (BEP 9).
    pub ut_metadata: Option<u8>,
    /// `m`: where it receives upload_only messages (BEP 21).
    pub upload_only_id: Option<u8>,
    /// `m`: where it receives "no longer have" messages (BEP 54).
    pub lt_donthave: Option<u8>,
    /// `m`: where it receives what we say of other peers (BEP 11).
    pub ut_pex: Option<u8>,
    /// Bytes of the info dictionary, for a sender that has it: 1 to [`METADATA_LEN_MAX`], other claims are not read.
    pub metadata_size: Option<u32>,
    /// `p`: the TCP port where it listens.
    pub port: Option<u16>,
    /// `v`: client and version, at most [`CLIENT_NAME_CHARS_MAX`] characters and none of them a control.
    pub client_name: Option<String>,
    /// How many of our requests it queues, 1 to [`REQQ_MAX`].
    pub reqq: Option<u32>,
    /// Where it sees us: a claim, not a fact.
    pub yourip: Option<IpAddr>,
    /// It wants nothing more (BEP 21).
    pub upload_only: bool,
    /// `ss_room`: its proof that it belongs to the room. A claim until [`crate::room::Room::holds`] says otherwise.
    pub proof: Option<Proof>,
}

impl ExtHandshake {
    /// With our own numbers for everything we speak, and nothing else said.
    pub fn ours() -> Self {
        let mut handshake = Self::default();
        for extension in Extension::ALL {
            *handshake.id_mut(extension) = Some(extension.local_id());
        }
        handshake
    }

    /// The payload of an extended message with id 0.
    pub fn encode(&self) -> Vec<u8> {
        encode_dict(|dict| {
            dict.emit_pair_with(b"m", |encoder| {
                encoder.emit_unsorted_dict(|m| {
                    for extension in Extension::ALL {
                        if let Some(id) = self.id(extension) {
                            m.emit_pair(extension.name().as_bytes(), id)?;
                        }
                    }
                    Ok(())
                })
            })?;
            if let Some(size) = self.metadata_size {
                dict.emit_pair(b"metadata_size", size)?;
            }
            if let Some(port) = self.port {
                dict.emit_pair(b"p", port)?;
            }
            if let Some(reqq) = self.reqq {
                dict.emit_pair(b"reqq", reqq)?;
            }
            if let Some(proof) = &self.proof {
                dict.emit_pair_with(b"ss_room", |encoder| {
                    encoder.emit_dict(|mut room| {
                        room.emit_pair_with(b"h", |encoder| encoder.emit_bytes(proof.code()))?;
                        room.emit_pair_with(b"s", |encoder| encoder.emit_bytes(&proof.member.0))?;
                        room.emit_pair(b"v", PROOF_VERSION)
                    })
                })?;
            }
            if self.upload_only {
                dict.emit_pair(b"upload_only", 1)?;
            }
            if let Some(name) = &self.client_name {
                dict.emit_pair(b"v", name.as_str())?;
            }
            if let Some(ip) = self.yourip {
                let octets = match ip {
                    IpAddr::V4(ip) => ip.octets().to_vec(),
                    IpAddr::V6(ip) => ip.octets().to_vec(),
                };
                dict.emit_pair_with(b"yourip", |encoder| encoder.emit_bytes(&octets))?;
            }
            Ok(())
        })
    }

    /// Reads a peer's. Entries of a wrong type or value are as good as absent, since every entry is optional; bytes
    /// after the dictionary, which some clients send, are passed over.
    ///
    /// # Errors
    /// [`PeerMisbehaved::ExtensionMalformed`] for anything but a dictionary within [`Bounds::EXTENSION_HANDSHAKE`].
    pub fn decode(payload: &[u8]) -> Result<Self, PeerMisbehaved> {
        if payload.len() > Bounds::EXTENSION_HANDSHAKE.bytes {
            return Err(PeerMisbehaved::ExtensionMalformed);
        }
        let (dict, _) =
            parse_prefix(payload, Bounds::EXTENSION_HANDSHAKE).map_err(|_| PeerMisbehaved::ExtensionMalformed)?;
        if dict.as_dict().is_none() {
            return Err(PeerMisbehaved::ExtensionMalformed);
        }
        let int = |key: &str| dict.get(key).and_then(Value::as_int);
        let mut handshake = Self {
            metadata_size: int("metadata_size")
                .and_then(|size| u32::try_from(size).ok())
                .filter(|size| (1..=METADATA_LEN_MAX).contains(size)),
            port: int("p").and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0),
            client_name: dict.get("v").and_then(Value::as_bytes).and_then(printable),
            reqq: int("reqq").and_then(|reqq| u32::try_from(reqq.clamp(1, i64::from(REQQ_MAX))).ok()),
            yourip: dict.get("yourip").and_then(Value::as_bytes).and_then(address),
            upload_only: int("upload_only").is_some_and(|value| value != 0),
            proof: dict.get("ss_room").and_then(Proof::read),
            ..Self::default()
        };
        for extension in Extension::ALL {
            *handshake.id_mut(extension) = dict
                .get("m")
                .and_then(|m| m.get(extension.name()))
                .and_then(Value::as_int)
                .and_then(|id| u8::try_from(id).ok());
        }
        Ok(handshake)
    }

    /// Takes over what a later handshake says (BEP 10: `m` is additive, number 0 turns an extension off). What it does
    /// not mention stays. "Upload only" ends by its own message alone, because its absence here means nothing.
    pub fn merge(&mut self, newer: Self) {
        for extension in Extension::ALL {
            let id = newer.id(extension).or(self.id(extension));
            *self.id_mut(extension) = id.filter(|&id| id != 0);
        }
        self.metadata_size = newer.metadata_size.or(self.metadata_size);
        self.port = newer.port.or(self.port);
        self.client_name = newer.client_name.or(self.client_name.take());
        self.reqq = newer.reqq.or(self.reqq);
        self.yourip = newer.yourip.or(self.yourip);
        self.upload_only |= newer.upload_only;
        self.proof = newer.proof.or(self.proof);
    }

    /// The number of that extension.
    pub const fn id(&self, extension: Extension) -> Option<u8> {
        match extension {
            Extension::UtMetadata => self.ut_metadata,
            Extension::UploadOnly => self.upload_only_id,
            Extension::LtDonthave => self.lt_donthave,
            Extension::UtPex => self.ut_pex,
        }
    }

    const fn id_mut(&mut self, extension: Extension) -> &mut Option<u8> {
        match extension {
            Extension::UtMetadata => &mut self.ut_metadata,
            Extension::UploadOnly => &mut self.upload_only_id,
            Extension::LtDonthave => &mut self.lt_donthave,
            Extension::UtPex => &mut self.ut_pex,
        }
    }
}

/// A name as it can be shown: no controls, nothing that turns the direction of the text around, not too long.
fn printable(bytes: &[u8]) -> Option<String> {
    let shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let name: String = String::from_utf8_lossy(bytes).chars().filter(shown).take(CLIENT_NAME_CHARS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from).map(IpAddr::V4);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from).map(IpAddr::V6);
    v4().or_else(v6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::EXT_HANDSHAKE_LEN_MAX;
    use crate::room::MemberId;
    use proptest::prelude::*;

    #[test]
    fn a_typical_handshake_is_read_though_its_keys_are_unsorted() {
        let bytes = b"d1:md11:lt_donthavei7e12:ut_holepunchi4e11:ut_metadatai2e6:ut_pexi1e11:upload_onlyi3ee\
            13:metadata_sizei31235e1:pi6881e4:reqqi250e1:v17:ShareStream 0.1.06:yourip4:\x01\x02\x03\x04e";
        let expected = ExtHandshake {
            ut_metadata: Some(2),
            upload_only_id: Some(3),
            lt_donthave: Some(7),
            ut_pex: Some(1),
            metadata_size: Some(31_235),
            port: Some(6881),
            client_name: Some("ShareStream 0.1.0".into()),
            reqq: Some(250),
            yourip: Some(IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4))),
            upload_only: false,
            proof: None,
        };
        assert_eq!(ExtHandshake::decode(bytes), Ok(expected));
    }

    #[test]
    fn ours_is_canonical() {
        let handshake = ExtHandshake {
            metadata_size: Some(31_235),
            port: Some(6881),
            client_name: Some("ShareStream 0.1.0".into()),
            reqq: Some(250),
            yourip: Some(IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4))),
            upload_only: true,
            proof: Some(Proof::claimed(MemberId([b's'; 20]), [b'h'; 32])),
            ..ExtHandshake::ours()
        };
        let expected = b"d1:md11:lt_donthavei7e11:upload_onlyi3e11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei31235e\
            1:pi6881e4:reqqi250e7:ss_roomd1:h32:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh1:s20:ssssssssssssssssssss1:vi1ee\
            11:upload_onlyi1e1:v17:ShareStream 0.1.06:yourip4:\x01\x02\x03\x04e";
        assert_eq!(handshake.encode().escape_ascii().to_string(), expected.escape_ascii().to_string());
        assert_eq!(ExtHandshake::decode(expected), Ok(handshake));
        assert_eq!(ExtHandshake::default().encode(), b"d1:mdee");
    }

    #[test]
    fn entries_of_a_wrong_type_or_value_are_absent() {
        let nothing = Ok(ExtHandshake::default());
        let harmless: &[&[u8]] = &[
            b"de",
            b"d1:mi5ee",
            b"d1:mdee",
            b"d1:md11:ut_metadata1:2ee",
            b"d1:md11:ut_metadatai256eee",
            b"d1:md11:ut_metadatai-1eee",
            b"d13:metadata_sizei0ee",
            b"d13:metadata_sizei-5ee",
            b"d13:metadata_sizei8388609ee",
            b"d13:metadata_size4:1234e",
            b"d1:pi0ee",
            b"d1:pi65536ee",
            b"d1:p2:\x1a\xe1e",
            b"d4:reqq3:250e",
            b"d11:upload_onlyi0ee",
            b"d11:upload_only1:1e",
            b"d1:vi5ee",
            b"d1:v3:\x01\x02\x7fe",
            b"d6:yourip5:\x01\x02\x03\x04\x05e",
            b"d7:ss_room3:abce",
            b"d7:ss_roomd1:h32:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh1:s20:ssssssssssssssssssss1:vi2eee",
            b"d7:ss_roomd1:h32:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh1:s20:ssssssssssssssssssssee",
            b"d7:ss_roomd1:h31:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh1:s20:ssssssssssssssssssss1:vi1eee",
            b"d7:ss_roomd1:h32:hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh1:s21:sssssssssssssssssssss1:vi1eee",
            b"d7:unknownd1:ali1eeeetrailing",
        ];
        for bytes in harmless {
            assert_eq!(ExtHandshake::decode(bytes), nothing, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn anything_but_a_small_dictionary_is_refused() {
        let deep = [vec![b'l'; 40], vec![b'e'; 40]].concat();
        let long = [b"d1:v16384:".as_slice(), &[b'a'; 16_384], b"e"].concat();
        assert!(long.len() > EXT_HANDSHAKE_LEN_MAX);
        let many = [&b"d1:ml"[..], &b"i1e".repeat(5000), b"ee"].concat();
        for bytes in [&b""[..], b"le", b"i1e", b"4:true", b"d", b"d1:m", &deep, &long, &many] {
            assert_eq!(ExtHandshake::decode(bytes), Err(PeerMisbehaved::ExtensionMalformed));
        }
    }

    #[test]
    fn claims_are_clamped_and_names_cleaned() {
        let read = |bytes: &[u8]| ExtHandshake::decode(bytes).unwrap();
        assert_eq!(read(b"d4:reqqi0ee").reqq, Some(1));
        assert_eq!(read(b"d4:reqqi-9ee").reqq, Some(1));
        assert_eq!(read(b"d4:reqqi9223372036854775807ee").reqq, Some(REQQ_MAX));
        assert_eq!(read("d1:v13:\u{202e}a\nb\u{7f}\u{e9}\u{2066}ce".as_bytes()).client_name, Some("ab\u{e9}c".into()));
        let long = [b"d1:v300:".as_slice(), &[b'x'; 300], b"e"].concat();
        assert_eq!(read(&long).client_name, Some("x".repeat(CLIENT_NAME_CHARS_MAX)));
        assert_eq!(read(b"d1:v3:a\xffbe").client_name, Some("a\u{fffd}b".into()));
        let v6 = [b"d6:yourip16:".as_slice(), &[0; 15], b"\x01e"].concat();
        assert_eq!(read(&v6).yourip, Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_later_handshake_adds_changes_and_turns_off() {
        let mut known = ExtHandshake::default();
        known.merge(
            ExtHandshake::decode(b"d1:md11:lt_donthavei9e11:ut_metadatai2ee1:pi80e1:v1:a11:upload_onlyi1ee").unwrap(),
        );
        known.merge(
            ExtHandshake::decode(b"d1:md11:lt_donthavei0e11:upload_onlyi4ee13:metadata_sizei7e4:reqqi9ee").unwrap(),
        );
        let expected = ExtHandshake {
            ut_metadata: Some(2),
            upload_only_id: Some(4),
            metadata_size: Some(7),
            port: Some(80),
            client_name: Some("a".into()),
            reqq: Some(9),
            upload_only: true,
            ..ExtHandshake::default()
        };
        assert_eq!(known, expected);
        known.merge(ExtHandshake::default());
        assert_eq!(known, expected);
    }

    proptest! {
        #[test]
        fn what_we_say_is_understood(
            ids in any::<[Option<u8>; 4]>(),
            proof in any::<Option<([u8; 20], [u8; 32])>>(),
            size in proptest::option::of(1..=METADATA_LEN_MAX),
            port in proptest::option::of(1u16..),
            client_name in proptest::option::of("[a-zA-Z0-9 ./\u{e9}]{1,64}"),
            reqq in proptest::option::of(1..=REQQ_MAX),
            yourip in any::<Option<IpAddr>>(),
            upload_only in any::<bool>(),
        ) {
            let [ut_metadata, upload_only_id, lt_donthave, ut_pex] = ids;
            let proof = proof.map(|(member, code)| Proof::claimed(MemberId(member), code));
            let handshake = ExtHandshake {
                ut_metadata, upload_only_id, lt_donthave, ut_pex, metadata_size: size, port, client_name, reqq, yourip,
                upload_only, proof,
            };
            prop_assert_eq!(ExtHandshake::decode(&handshake.encode()), Ok(handshake));
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(handshake) = ExtHandshake::decode(&bytes) {
                prop_assert!(handshake.client_name.is_none_or(|name| !name.is_empty()));
            }
        }
    }
}
