//! The asking side of STUN: a Binding request, and the address that its answer tells.

use std::net::{IpAddr, SocketAddr};

use super::{
    BINDING_REQUEST, BINDING_SUCCESS, COOKIE, HEADER_LEN, MAPPED_ADDRESS, XOR_MAPPED_ADDRESS, exclusive_or, number,
};
use crate::limits::STUN_LEN_MAX;

/// A question that no other answer fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The cookie, and 96 random bits (RFC 8489, section 5).
    transaction: [u8; 16],
}

impl Question {
    /// `random` makes it hard to answer for who has not seen it.
    pub fn new(random: [u8; 12]) -> Self {
        let mut transaction = [0; 16];
        transaction[..4].copy_from_slice(&COOKIE.to_be_bytes());
        transaction[4..].copy_from_slice(&random);
        Self { transaction }
    }

    /// The packet; sending it again is the same question (section 6.2.1).
    pub fn packet(&self) -> [u8; HEADER_LEN] {
        let mut packet = [0; HEADER_LEN];
        packet[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
        packet[4..].copy_from_slice(&self.transaction);
        packet
    }

    /// From where the server saw the question come; `None` for a packet that is no answer to it.
    pub fn answer(&self, packet: &[u8]) -> Option<SocketAddr> {
        let (header, body) = packet.split_at_checked(HEADER_LEN)?;
        let sound = number(header, 0)? == BINDING_SUCCESS
            && usize::from(number(header, 2)?) == body.len()
            && packet.len() <= STUN_LEN_MAX
            && header[4..] == self.transaction;
        if !sound {
            return None;
        }
        let (mut at, mut plain) = (0, None);
        while at < body.len() {
            let (kind, len) = (number(body, at)?, usize::from(number(body, at + 2)?));
            let value = body.get(at + 4..at + 4 + len)?;
            match kind {
                XOR_MAPPED_ADDRESS => return self.address(value, true),
                // Servers of RFC 3489; others repeat it beside the better one.
                MAPPED_ADDRESS => plain = self.address(value, false),
                _ => {}
            }
            at += 4 + len.next_multiple_of(4);
        }
        plain
    }

    /// Sections 14.1 and 14.2: a zero, the family, port, address.
    fn address(&self, value: &[u8], hidden: bool) -> Option<SocketAddr> {
        let (head, ip) = value.split_at_checked(4)?;
        let mut port = [head[2], head[3]];
        let mut ip = ip.to_vec();
        if hidden {
            exclusive_or(&mut port, &self.transaction);
            exclusive_or(&mut ip, &self.transaction);
        }
        let ip = match head[1] {
            1 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
            2 => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip.to_canonical(), u16::from_be_bytes(port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun;

    fn question(byte: u8) -> Question {
        Question::new([byte; 12])
    }

    #[test]
    fn our_own_server_answers_it() {
        for seen in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"] {
            let seen: SocketAddr = seen.parse().unwrap();
            let answer = stun::answer(&question(7).packet(), seen).unwrap();
            assert_eq!(question(7).answer(&answer), Some(seen));
            assert_eq!(question(8).answer(&answer), None, "another question's");
            for len in 0..answer.len() {
                assert_eq!(question(7).answer(&answer[..len]), None, "cut at {len}");
            }
        }
    }

    #[test]
    fn an_old_servers_plain_address_is_taken_and_nonsense_is_not() {
        let asked = question(3);
        let with = |attributes: &[u8]| {
            let mut packet = asked.packet().to_vec();
            packet[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
            packet[3] = u8::try_from(attributes.len()).unwrap();
            packet.extend_from_slice(attributes);
            asked.answer(&packet)
        };
        let plain = [0, 1, 0, 8, 0, 1, 0x1f, 0x90, 198, 51, 100, 7];
        assert_eq!(with(&plain), Some("198.51.100.7:8080".parse().unwrap()));
        assert_eq!(
            with(&[&[0x80, 0x22, 0, 1, b'x', 0, 0, 0][..], &plain].concat()),
            with(&plain),
            "after an unknown one"
        );
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[0, 1, 0, 8, 0, 3, 0, 0, 1, 2, 3, 4]), None, "no such family");
        assert_eq!(with(&[0, 1, 0, 4, 0, 1, 0, 0]), None, "no address");
        assert_eq!(with(&[0, 1, 0, 2, 0, 1, 0, 0]), None, "shorter than its head");
        assert_eq!(with(&[0, 1, 255, 255, 0, 1, 0, 0]), None, "longer than the packet");
        let mut request = asked.packet();
        assert_eq!(asked.answer(&request), None, "a request");
        request[0] = 0xff;
        assert_eq!(asked.answer(&request), None);
    }
}
