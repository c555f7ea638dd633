use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

/// RFC 5769's transaction id, which all its samples of short-term credentials share, behind the cookie.
const COOKIE_AND_ID: &str = "2112a442 b7e7a701bc34d686fa87dfae";

/// RFC 5769, section 2.1: an ICE client's request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY, FINGERPRINT.
const ICE_REQUEST: &str = "00010058 2112a442 b7e7a701bc34d686fa87dfae
    80220010 5354554e207465737420636c69656e74
    00240004 6e0001ff
    80290008 932ff9b151263b36
    00060009 6576746a3a68367659202020
    00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
    80280004 e57a3bcf";

/// RFC 5769, section 2.4: a request with long-term credentials (USERNAME, NONCE, REALM, MESSAGE-INTEGRITY).
const SIGNED_REQUEST: &str = "00010060 2112a442 78ad3433c6ad72c029da412e
    00060012 e3839ee38388e383aae38383e382afe382b9 0000
    0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341
    0014000b 6578616d706c652e6f726700
    00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";

/// Hexadecimal digits with room between them.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// A request with these attributes and an id: the header's length is that of what follows.
fn request(cookie_and_id: &str, attributes: &str) -> Vec<u8> {
    let attributes = bytes(attributes);
    let mut packet = bytes("0001");
    packet.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    packet.extend(bytes(cookie_and_id));
    packet.extend(attributes);
    packet
}

fn with_fingerprint(mut packet: Vec<u8>) -> Vec<u8> {
    let len = u16::try_from(packet.len() + 8 - HEADER_LEN).unwrap();
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    let crc = fingerprint_of(&packet);
    packet.extend(bytes("80280004"));
    packet.extend(crc.to_be_bytes());
    packet
}

fn v4() -> SocketAddr {
    "192.0.2.1:32853".parse().unwrap()
}

fn v6() -> SocketAddr {
    "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap()
}

fn answered(packet: &[u8], from: SocketAddr, expected: &str) {
    assert_eq!(answer(packet, from), Some(bytes(expected)));
}

/// What RFC 5769's sections 2.2 and 2.3 answer to that transaction; the attributes are theirs.
#[test]
fn the_addresses_of_the_samples_are_hidden_as_theirs() {
    let request = request(COOKIE_AND_ID, "");
    answered(&request, v4(), &format!("0101000c {COOKIE_AND_ID} 00200008 0001a147 e112a643"));
    let hidden = "00200014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9";
    answered(&request, v6(), &format!("01010018 {COOKIE_AND_ID} {hidden}"));
}

/// The CRC of sections 2.1, 2.2 and 2.3, each over what is before it.
#[test]
fn the_fingerprints_of_the_samples_are_theirs() {
    let v4_answer = "0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
        00200008 0001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
    let v6_answer = "01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
        00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";
    for sample in [ICE_REQUEST, v4_answer, v6_answer] {
        let sample = bytes(sample);
        let (before, attribute) = sample.split_at(sample.len() - 8);
        assert_eq!(fingerprint_of(before).to_be_bytes(), attribute[4..]);
    }
}

#[test]
fn an_ice_check_is_told_what_no_server_knows() {
    let expected = format!("01110018 {COOKIE_AND_ID} 00090004 00000414 000a0002 00240000");
    let expected = with_fingerprint(bytes(&expected));
    assert_eq!(answer(&bytes(ICE_REQUEST), v4()), Some(expected), "PRIORITY, and a FINGERPRINT as it sent one");
}

#[test]
fn credentials_are_not_asked_for_and_do_not_hurt() {
    let expected = "0101000c 2112a442 78ad3433c6ad72c029da412e 00200008 0001a147 e112a643";
    answered(&bytes(SIGNED_REQUEST), v4(), expected);
}

#[test]
fn who_sends_a_fingerprint_gets_one_and_must_have_it_right() {
    let mut sound = with_fingerprint(request(COOKIE_AND_ID, "80220004 61626364"));
    let answer_of = |packet: &[u8]| answer(packet, v4());
    let expected = with_fingerprint(bytes(&format!("0101000c {COOKIE_AND_ID} 00200008 0001a147 e112a643")));
    assert_eq!(answer_of(&sound), Some(expected));
    // All but the attribute's own type, without which it is another one.
    for wrong in (8..28).chain(30..sound.len()) {
        sound[wrong] ^= 1;
        assert_eq!(answer_of(&sound), None, "byte {wrong} is another");
        sound[wrong] ^= 1;
    }
    let mut followed = sound;
    followed.extend(bytes("80220000"));
    followed[3] += 4;
    assert_eq!(answer_of(&followed), None, "it is the last one");
    assert_eq!(answer_of(&request(COOKIE_AND_ID, "80280000")), None, "an empty one");
}

#[test]
fn old_clients_get_the_plain_address() {
    // RFC 3489 has no cookie: all 16 bytes are the id.
    let id = "00112233445566778899aabbccddeeff";
    let plain = format!("0101000c {id} 00010008 00018055 c0000201");
    answered(&request(id, ""), v4(), &plain);
    answered(&request(id, "00030004 00000000"), v4(), &plain);
    answered(&request(id, ""), v6(), &format!("01010018 {id} 00010014 00028055 20010db8123456780011223344556677"));
    // Change address and port: we have no others.
    let refused = format!("01110010 {id} 00090004 00000414 000a0004 00030003");
    answered(&request(id, "00030004 00000006"), v4(), &refused);
}

#[test]
fn what_must_be_known_and_is_not_is_listed_once() {
    let expected = format!("01110014 {COOKIE_AND_ID} 00090004 00000414 000a0006 7fff 0000 0027 0000");
    let all = "7fff0000 00000001 61000000 00270000 7fff0003 61626300 80000000 ffff0000";
    answered(&request(COOKIE_AND_ID, all), v4(), &expected);
    let signed = "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 7fff0000";
    let success = format!("0101000c {COOKIE_AND_ID} 00200008 0001a147 e112a643");
    answered(&request(COOKIE_AND_ID, signed), v4(), &success);
}

#[test]
fn an_address_behind_a_socket_for_both_families_is_told_plainly() {
    let IpAddr::V4(ip) = v4().ip() else { panic!("an IPv4 address") };
    let mapped = SocketAddr::new(ip.to_ipv6_mapped().into(), v4().port());
    let request = request(COOKIE_AND_ID, "");
    assert_eq!(answer(&request, mapped), answer(&request, v4()));
}

#[test]
fn nothing_else_is_answered() {
    let sound = bytes(ICE_REQUEST);
    for kind in ["0011", "0101", "0111", "0003", "0000", "4001", "8001", "6431"] {
        let mut other = sound.clone();
        other[..2].copy_from_slice(&bytes(kind));
        assert_eq!(answer(&other, v4()), None, "type {kind}");
    }
    for len in 0..sound.len() {
        assert_eq!(answer(&sound[..len], v4()), None, "cut at {len}");
    }
    let longer = [&sound[..], &[0]].concat();
    assert_eq!(answer(&longer, v4()), None);
    for attributes in ["80220001", "80220005 61626364", "8022ffff 61626364", "6162", "80220000 61"] {
        assert_eq!(answer(&request(COOKIE_AND_ID, attributes), v4()), None, "{attributes}");
    }
    let filled = |len: usize| request(COOKIE_AND_ID, &format!("8022{len:04x}{}", "61".repeat(len)));
    let most = STUN_LEN_MAX - HEADER_LEN - 4;
    assert!(answer(&filled(most), v4()).is_some());
    assert_eq!(answer(&filled(most + 4), v4()), None);
}

#[test]
fn the_bound_of_growth_is_reached_and_never_passed() {
    let empty = request(COOKIE_AND_ID, "");
    assert_eq!(answer(&empty, v6()).unwrap().len(), empty.len() + STUN_GROWTH_MAX);
    for cookie_and_id in [COOKIE_AND_ID, "00112233445566778899aabbccddeeff"] {
        for count in 1..300 {
            let attributes: String = (0..count).map(|kind| format!("{:04x}0000", 0x4000 + kind)).collect();
            let packet = with_fingerprint(request(cookie_and_id, &attributes));
            let answer = answer(&packet, v6()).unwrap();
            assert!(answer.len() <= packet.len() + STUN_GROWTH_MAX, "{count} attributes");
        }
    }
}

proptest! {
    #[test]
    fn any_attributes_are_answered_soundly(
        attributes in prop::collection::vec((0..u16::MAX, prop::collection::vec(any::<u8>(), 0..12)), 0..8),
        modern: bool,
        port: u16,
        ip: [u8; 16],
    ) {
        let mut packet = request(if modern { COOKIE_AND_ID } else { "00112233445566778899aabbccddeeff" }, "");
        for (kind, value) in attributes.iter().filter(|(kind, _)| *kind != FINGERPRINT) {
            packet.extend(kind.to_be_bytes().into_iter().chain(u16::try_from(value.len()).unwrap().to_be_bytes()));
            packet.extend(value);
            packet.resize(packet.len().next_multiple_of(4), 0);
        }
        let packet = with_fingerprint(packet);
        let answer = answer(&packet, SocketAddr::new(Ipv6Addr::from(ip).into(), port)).unwrap();
        prop_assert_eq!(usize::from(number(&answer, 2).unwrap()), answer.len() - HEADER_LEN);
        prop_assert_eq!(&answer[4..HEADER_LEN], &packet[4..HEADER_LEN]);
        prop_assert!(answer.len() <= packet.len() + STUN_GROWTH_MAX);
        let crc = fingerprint_of(&answer[..answer.len() - 8]).to_be_bytes();
        prop_assert_eq!(&answer[answer.len() - 4..], &crc);
    }

    #[test]
    fn any_bytes_are_taken(packet in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = answer(&packet, v4());
    }
}
