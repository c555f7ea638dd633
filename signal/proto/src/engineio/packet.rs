//! Packets, alone in a WebSocket frame or several in the body of a polling request.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;

use crate::limits::PAYLOAD_PACKETS_MAX;

/// What the layer above sends and receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes; base64 when polling.
    Binary(Bytes),
}

/// One packet (Engine.IO 4, "Protocol").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// `0`, with the handshake as JSON.
    Open(String),
    /// `1`.
    Close,
    /// `2`, with `probe` when an upgrade is tried.
    Ping(String),
    /// `3`, with what the ping had.
    Pong(String),
    /// `4`, or bare bytes.
    Message(Message),
    /// `5`: from now on the WebSocket.
    Upgrade,
    /// `6`: ends a poll that has nothing to say.
    Noop,
}

/// A WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// Bytes that are not Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A packet without a type.
    #[error("empty packet")]
    Empty,
    /// A type that protocol 4 does not have.
    #[error("unknown packet type")]
    Type,
    /// A close, upgrade or noop that carries something.
    #[error("packet carries data it must not")]
    Data,
    /// Not base64 after `b`.
    #[error("not base64")]
    Base64,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// More bytes than the handshake allows.
    #[error("longer than allowed")]
    Long,
    /// More than `PAYLOAD_PACKETS_MAX` packets in one body.
    #[error("more than {PAYLOAD_PACKETS_MAX} packets")]
    Many,
}

impl Packet {
    /// Reads a text frame.
    pub fn decode_text(text: &str) -> Result<Self, PacketError> {
        let kind = *text.as_bytes().first().ok_or(PacketError::Empty)?;
        // The kinds are ASCII, so what follows begins at a character.
        let data = text.get(1..).ok_or(PacketError::Type)?;
        let bare = |packet| if data.is_empty() { Ok(packet) } else { Err(PacketError::Data) };
        match kind {
            b'0' => Ok(Self::Open(data.to_owned())),
            b'1' => bare(Self::Close),
            b'2' => Ok(Self::Ping(data.to_owned())),
            b'3' => Ok(Self::Pong(data.to_owned())),
            b'4' => Ok(Self::Message(Message::Text(data.to_owned()))),
            b'5' => bare(Self::Upgrade),
            b'6' => bare(Self::Noop),
            _ => Err(PacketError::Type),
        }
    }

    /// As a WebSocket message.
    pub fn into_frame(self) -> Frame {
        match self {
            Self::Message(Message::Binary(bytes)) => Frame::Binary(bytes),
            text => Frame::Text(text.into_text()),
        }
    }

    /// As a part of a polling body.
    pub fn into_text(self) -> String {
        match self {
            Self::Open(data) => marked('0', &data),
            Self::Close => "1".to_owned(),
            Self::Ping(data) => marked('2', &data),
            Self::Pong(data) => marked('3', &data),
            Self::Message(Message::Text(data)) => marked('4', &data),
            Self::Message(Message::Binary(bytes)) => format!("b{}", STANDARD.encode(bytes)),
            Self::Upgrade => "5".to_owned(),
            Self::Noop => "6".to_owned(),
        }
    }
}

/// Each who hears a room's event gets one of these, so it is made without formatting, in one piece.
fn marked(kind: char, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + 1);
    text.push(kind);
    text.push_str(data);
    text
}

/// Joins packets, each as text, to a body (Engine.IO 4: the separator is U+001E).
pub fn encode_payload(packets: impl IntoIterator<Item = Packet>) -> String {
    let mut body = String::new();
    for (index, packet) in packets.into_iter().enumerate() {
        if index > 0 {
            body.push(SEPARATOR);
        }
        body.push_str(&packet.into_text());
    }
    body
}

/// Cuts a body of at most `len_max` bytes into packets.
pub fn decode_payload(body: &[u8], len_max: usize) -> Result<Vec<Packet>, PacketError> {
    if body.len() > len_max {
        return Err(PacketError::Long);
    }
    let text = std::str::from_utf8(body).map_err(|_| PacketError::Utf8)?;
    let mut packets = Vec::new();
    for part in text.split(SEPARATOR) {
        if packets.len() == PAYLOAD_PACKETS_MAX {
            return Err(PacketError::Many);
        }
        packets.push(match part.strip_prefix('b') {
            Some(encoded) => Packet::Message(Message::Binary(base64(encoded)?)),
            None => Packet::decode_text(part)?,
        });
    }
    Ok(packets)
}

const SEPARATOR: char = '\u{1e}';

/// Padded or not: browsers pad, other clients do as they like.
fn base64(encoded: &str) -> Result<Bytes, PacketError> {
    let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).map_err(|_| PacketError::Base64)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::PAYLOAD_LEN_MAX;

    fn decode(body: &[u8]) -> Result<Vec<Packet>, PacketError> {
        decode_payload(body, PAYLOAD_LEN_MAX)
    }

    fn any_packet() -> impl Strategy<Value = Packet> {
        let text = "[^\u{1e}]{0,20}";
        prop_oneof![
            text.prop_map(Packet::Open),
            Just(Packet::Close),
            text.prop_map(Packet::Ping),
            text.prop_map(Packet::Pong),
            text.prop_map(|text| Packet::Message(Message::Text(text))),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(|b| Packet::Message(Message::Binary(b.into()))),
            Just(Packet::Upgrade),
            Just(Packet::Noop),
        ]
    }

    proptest! {
        #[test]
        fn a_body_is_read_as_it_was_written(packets in proptest::collection::vec(any_packet(), 1..8)) {
            prop_assert_eq!(decode(encode_payload(packets.clone()).as_bytes()), Ok(packets));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(packets) = decode(&bytes) {
                prop_assert!(!packets.is_empty());
            }
        }
    }

    #[test]
    fn the_protocols_own_examples() {
        assert_eq!(decode(b"4hello\x1e2\x1e4world").unwrap().len(), 3);
        assert_eq!(
            decode(b"4hello\x1ebAQIDBA==").unwrap()[1],
            Packet::Message(Message::Binary(Bytes::from_static(&[1, 2, 3, 4])))
        );
        let frame = Packet::Message(Message::Binary(Bytes::from_static(&[1]))).into_frame();
        assert_eq!(frame, Frame::Binary(Bytes::from_static(&[1])));
        assert_eq!(Packet::Ping("probe".to_owned()).into_frame(), Frame::Text("2probe".to_owned()));
    }

    #[test]
    fn what_is_refused_and_why() {
        let cases: [(&[u8], PacketError); 8] = [
            (b"", PacketError::Empty),
            (b"4a\x1e", PacketError::Empty),
            (b"abc", PacketError::Type),
            ("é".as_bytes(), PacketError::Type),
            (b"1x", PacketError::Data),
            (b"b!!", PacketError::Base64),
            (b"4\xff", PacketError::Utf8),
            (&[b'4'; PAYLOAD_LEN_MAX + 1], PacketError::Long),
        ];
        for (body, error) in cases {
            assert_eq!(decode(body), Err(error), "{}", body[..body.len().min(9)].escape_ascii());
        }
        let many = |count| ["6"].repeat(count).join("\x1e");
        assert_eq!(decode(many(PAYLOAD_PACKETS_MAX).as_bytes()).unwrap().len(), PAYLOAD_PACKETS_MAX);
        assert_eq!(decode(many(PAYLOAD_PACKETS_MAX + 1).as_bytes()), Err(PacketError::Many));
    }
}
