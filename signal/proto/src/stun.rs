//! STUN: tells whoever asks by UDP where their packet came from, which is how they learn their address outside a NAT.
//!
//! Only Binding requests are answered (RFC 8489, section 6.3.1; RFC 3489 for old clients), without authentication. Indications,
//! answers and anything else get nothing, so two servers never talk to each other. UDP lies about who sent it: an answer is at
//! most [`STUN_GROWTH_MAX`] bytes longer than its request, so nobody is flooded by way of us who could not be flooded directly.
//!
//! [`Question`] is the asking side.

mod client;

use std::net::{IpAddr, SocketAddr};

pub use client::Question;

use crate::limits::{STUN_GROWTH_MAX, STUN_LEN_MAX};

/// The answer to a packet that came from that address; `None` for everything that is no sound Binding request.
pub fn answer(packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let request = Request::parse(packet)?;
    let mut answer = Answer::new(&request);
    if request.unknown.is_empty() {
        // RFC 8489, section 14.2: exclusive-or hides the address from NATs that would rewrite it. Clients of RFC 3489 know only the
        // plain attribute.
        answer.address(&request, SocketAddr::new(from.ip().to_canonical(), from.port()));
    } else {
        answer.refuse(&request);
    }
    if request.fingerprint {
        answer.fingerprint();
    }
    debug_assert!(answer.0.len() <= packet.len() + STUN_GROWTH_MAX, "an answer is hardly longer than its request");
    Some(answer.0)
}

/// Section 5: type, length of what follows the header, then the cookie and the transaction's id.
const HEADER_LEN: usize = 20;
const COOKIE: u32 = 0x2112_A442;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const MAPPED_ADDRESS: u16 = 0x0001;
const CHANGE_REQUEST: u16 = 0x0003;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;

/// A Binding request, read.
struct Request {
    /// The 16 bytes that an answer repeats: cookie and id, or RFC 3489's longer id.
    transaction: [u8; 16],
    /// Whether it has the cookie, so comes from a client of RFC 5389 or later.
    modern: bool,
    /// Attributes that must be understood and are not, each once.
    unknown: Vec<u16>,
    /// Whether it bears a FINGERPRINT, and so whether the answer does.
    fingerprint: bool,
}

impl Request {
    fn parse(packet: &[u8]) -> Option<Self> {
        let (header, body) = packet.split_at_checked(HEADER_LEN)?;
        let sound = number(header, 0)? == BINDING_REQUEST
            && usize::from(number(header, 2)?) == body.len()
            && packet.len() <= STUN_LEN_MAX
            && body.len().is_multiple_of(4);
        if !sound {
            return None;
        }
        let transaction: [u8; 16] = header[4..].try_into().expect("16 of a header's 20 bytes");
        let modern = transaction[..4] == COOKIE.to_be_bytes();
        let mut request = Self { transaction, modern, unknown: Vec::new(), fingerprint: false };
        request.read_attributes(packet)?;
        Some(request)
    }

    fn read_attributes(&mut self, packet: &[u8]) -> Option<()> {
        let (mut at, mut signed) = (HEADER_LEN, false);
        while at < packet.len() {
            let (kind, len) = (number(packet, at)?, usize::from(number(packet, at + 2)?));
            let value = packet.get(at + 4..at + 4 + len)?;
            let end = at + 4 + len.next_multiple_of(4);
            if kind == FINGERPRINT {
                // Section 14.7: it is the last one.
                let sound = end == packet.len() && value == fingerprint_of(&packet[..at]).to_be_bytes();
                self.fingerprint = true;
                return sound.then_some(());
            }
            // Section 14.5: what follows a signature does not count.
            if !signed && must_be_known(kind) && !is_known(kind, value) && !self.unknown.contains(&kind) {
                self.unknown.push(kind);
            }
            signed |= matches!(kind, MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256);
            at = end;
        }
        (at == packet.len()).then_some(())
    }
}

/// Section 14: the lower half of the types.
const fn must_be_known(kind: u16) -> bool {
    kind < 0x8000
}

/// What sections 14 and 18.3 define is known, though an answer without authentication depends on none of it.
fn is_known(kind: u16, value: &[u8]) -> bool {
    match kind {
        // RFC 3489, section 11.2.4: from another address or port, if a bit is set. We have no other.
        CHANGE_REQUEST => value.iter().all(|byte| *byte == 0),
        // MAPPED-ADDRESS; USERNAME; MESSAGE-INTEGRITY to UNKNOWN-ATTRIBUTES; REALM, NONCE; MESSAGE-INTEGRITY-SHA256 to USERHASH;
        // XOR-MAPPED-ADDRESS.
        0x0001 | 0x0006 | 0x0008..=0x000A | 0x0014 | 0x0015 | 0x001C..=0x001E | 0x0020 => true,
        _ => false,
    }
}

/// An answer as it is written: its length is always that of what is there.
struct Answer(Vec<u8>);

impl Answer {
    fn new(request: &Request) -> Self {
        let kind = if request.unknown.is_empty() { BINDING_SUCCESS } else { BINDING_ERROR };
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(0_u16.to_be_bytes());
        bytes.extend(request.transaction);
        Self(bytes)
    }

    /// Sections 14.1 and 14.2: family, port, address.
    fn address(&mut self, request: &Request, from: SocketAddr) {
        let (family, mut bytes) = match from.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut port = from.port().to_be_bytes();
        if request.modern {
            exclusive_or(&mut port, &request.transaction);
            exclusive_or(&mut bytes, &request.transaction);
        }
        let value = [&[0, family], &port[..], &bytes].concat();
        self.attribute(if request.modern { XOR_MAPPED_ADDRESS } else { MAPPED_ADDRESS }, &value);
    }

    /// Section 6.3.1: 420, and the attributes that it is about.
    fn refuse(&mut self, request: &Request) {
        // Section 14.8: the class and the number below 100. The reason in words may be empty, and nobody would read it.
        self.attribute(ERROR_CODE, &[0, 0, 4, 20]);
        let mut unknown: Vec<u8> = request.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        // RFC 3489, section 11.2.10, has no padding: an odd list repeats one.
        if let Some(last) = request.unknown.last().filter(|_| !request.modern && request.unknown.len() % 2 == 1) {
            unknown.extend(last.to_be_bytes());
        }
        self.attribute(UNKNOWN_ATTRIBUTES, &unknown);
    }

    /// Section 14.7: over all before it, with the length as if it were there already.
    fn fingerprint(&mut self) {
        let end = self.0.len() + 8;
        self.set_length(end);
        let crc = fingerprint_of(&self.0);
        self.attribute(FINGERPRINT, &crc.to_be_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).expect("no longer than the request, which is bounded");
        self.0.extend(kind.to_be_bytes().into_iter().chain(len.to_be_bytes()));
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.set_length(self.0.len());
    }

    fn set_length(&mut self, end: usize) {
        let len = u16::try_from(end - HEADER_LEN).expect("hardly longer than the request, which is bounded");
        self.0[2..4].copy_from_slice(&len.to_be_bytes());
    }
}

/// Section 14.2: a port with the cookie's first half, an address with the cookie and what of the id it needs.
fn exclusive_or(bytes: &mut [u8], transaction: &[u8; 16]) {
    for (byte, other) in bytes.iter_mut().zip(transaction) {
        *byte ^= other;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// Section 14.7: CRC-32 of ITU V.42, and the letters "STUN" over it, so that it differs from a CRC of what is carried.
fn fingerprint_of(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ CRC_TABLE[usize::from(low ^ byte)]
    });
    !crc ^ 0x5354_554E
}

/// CRC-32 of each byte: division by the polynomial 0x04C11DB7, its bits reversed.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let (mut at, mut byte) = (0, 0_u32);
    while at < table.len() {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
