//! A blocking WebSocket by hand (RFC 6455): it also sends what no honest client would.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::http::{Connection, Response};

/// A frame's opcode (RFC 6455, section 5.2).
pub mod opcode {
    /// A part of a message that began before.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Bytes.
    pub const BINARY: u8 = 2;
    /// The end, with a code.
    pub const CLOSE: u8 = 8;
    /// To be answered by a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
}

/// What comes of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The other side closes, with this code.
    Close(Option<u16>),
    /// The connection ended, in good order or not.
    Ended,
    /// Nothing came in time.
    Nothing,
}

/// One side of a connection; the other is a server. Servers do not split messages, so that is not understood.
pub struct WebSocket {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The speaking half of a [`WebSocket`], for another thread.
pub struct Speaker {
    stream: TcpStream,
}

/// RFC 6455's own example, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

impl WebSocket {
    /// Opens `http://HOST:PORT/PATH`; panics when that is refused.
    pub fn open(url: &str) -> Self {
        Self::try_open(url, &[]).unwrap_or_else(|response| panic!("{url}: {:?}", response.head))
    }

    /// The same with more headers; the answer when it is no 101.
    pub fn try_open(url: &str, headers: &[(&str, &str)]) -> Result<Self, Response> {
        let mut connection = Connection::open(url);
        let mut all = vec![
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        all.extend(headers);
        connection.send("GET", url, &all);
        let head = connection.receive_head();
        if head.status != 101 {
            return Err(Response { body: connection.receive_body(&head), head });
        }
        assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT), "{head:?}");
        let (stream, buffer) = connection.into_parts();
        Ok(Self { stream, buffer })
    }

    /// Sends a text message.
    pub fn say(&mut self, text: &str) {
        self.speaker().say(text).expect("the server reads");
    }

    /// Sends a binary message.
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        self.send_raw(&frame(opcode::BINARY, true, bytes)).expect("the server reads");
    }

    /// Sends bytes as they are, and says how that went.
    pub fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next message. WebSocket's own pings are not answered, and pongs not shown.
    pub fn hear(&mut self, limit: Duration) -> Heard {
        let until = Instant::now() + limit;
        loop {
            if let Some((kind, payload)) = self.take_frame() {
                return match kind {
                    opcode::TEXT => Heard::Text(String::from_utf8(payload).expect("text is UTF-8")),
                    opcode::BINARY => Heard::Binary(payload),
                    opcode::CLOSE => Heard::Close(payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]))),
                    opcode::PING | opcode::PONG => continue,
                    kind => panic!("a server sends no frame of kind {kind}"),
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Nothing;
            }
            self.stream.set_read_timeout(Some(left)).expect("a timeout above zero is accepted");
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Heard::Ended,
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::Ended,
            }
        }
    }

    /// The next text message; panics when something else comes, or nothing within [`crate::SOON`].
    pub fn text(&mut self) -> String {
        match self.hear(crate::SOON) {
            Heard::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    /// Waits until the server closes it; its code if it said one. Messages before that are passed over.
    pub fn closed(&mut self) -> Option<u16> {
        loop {
            match self.hear(crate::SOON) {
                Heard::Text(_) | Heard::Binary(_) => {}
                Heard::Close(code) => return code,
                Heard::Ended => return None,
                Heard::Nothing => panic!("the server does not close"),
            }
        }
    }

    /// Speaks in another thread than the one that listens.
    pub fn speaker(&self) -> Speaker {
        Speaker { stream: self.stream.try_clone().expect("a socket has as many handles as we like") }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let &[first, second, ..] = self.buffer.as_slice() else { return None };
        assert_eq!(first & 0xf0, 0x80, "whole messages without extensions");
        assert_eq!(second & 0x80, 0, "a server's frames are not masked");
        let (start, len) = match second {
            126 => (4, usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?))),
            127 => {
                let len = u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?);
                (10, usize::try_from(len).expect("a length that memory has"))
            }
            short => (2, usize::from(short)),
        };
        let payload = self.buffer.get(start..start + len)?.to_vec();
        self.buffer.drain(..start + len);
        Some((first & 0x0f, payload))
    }
}

impl Speaker {
    /// Sends a text message.
    pub fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(&frame(opcode::TEXT, true, text.as_bytes()))
    }

    /// The socket, to cut it by.
    pub(crate) fn socket(self) -> TcpStream {
        self.stream
    }
}

/// A client's frame, masked as clients' are. `last`: the message ends with it.
pub fn frame(kind: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = head(kind, last, true, payload.len() as u64);
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What a frame begins with: kind and length, which nobody checks here.
pub fn head(kind: u8, last: bool, masked: bool, len: u64) -> Vec<u8> {
    let mut bytes = vec![kind | if last { 0x80 } else { 0 }];
    let mask = if masked { 0x80 } else { 0 };
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => bytes.push(short | mask),
        (_, Ok(middle)) => {
            bytes.push(126 | mask);
            bytes.extend(middle.to_be_bytes());
        }
        _ => {
            bytes.push(127 | mask);
            bytes.extend(len.to_be_bytes());
        }
    }
    bytes
}
