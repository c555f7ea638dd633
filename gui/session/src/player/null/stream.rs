//! One read of a film over HTTP/1.1, from a byte to its end.

use std::io;

use futures_lite::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::net::TcpStream;

/// Bytes of an answer's head; the engine's has some hundred.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// An answer's body, as it comes.
pub(super) struct Stream {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// Of the body, read with the head.
    early: usize,
    first: u64,
    length: u64,
    /// Bytes of the body that have not come.
    left: u64,
}

impl Stream {
    /// Opens the film at `url` from its beginning, or from the byte that `from` names of its length, which is asked for first unless
    /// it is `known`.
    pub(super) async fn open(url: &str, known: Option<u64>, from: Option<impl Fn(u64) -> u64>) -> io::Result<Self> {
        let Some(from) = from else { return Self::ask(url, 0, None).await };
        let length = match known {
            Some(length) => length,
            None => Self::ask(url, 0, Some(0)).await?.length,
        };
        Self::ask(url, from(length).min(length - 1), None).await
    }

    pub(super) const fn first_byte(&self) -> u64 {
        self.first
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Reads on; how many bytes came, 0 at the end.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        let len = match std::mem::take(&mut self.early) {
            0 if self.left > 0 => self.socket.read(&mut self.buffer).await?,
            early => early,
        };
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or_default());
        Ok(len)
    }

    async fn ask(url: &str, first: u64, last: Option<u64>) -> io::Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| io::Error::other("the film's address is not http://"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut socket = TcpStream::connect(host).await?;
        let last = last.map(|last| last.to_string()).unwrap_or_default();
        let request =
            format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={first}-{last}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 64 * 1024];
        let mut head = Vec::new();
        loop {
            let len = socket.read(&mut buffer).await?;
            head.extend_from_slice(buffer.get(..len).unwrap_or_default());
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(head.get(..end).unwrap_or_default()).into_owned();
                let length = length(&text, first)?;
                return Ok(Self { socket, buffer, early: head.len() - end - 4, first, length, left: length - first });
            }
            if len == 0 || head.len() > HEAD_LEN_MAX {
                return Err(io::Error::other("the film's server does not speak HTTP"));
            }
        }
    }
}

/// The film's length, by the head of an answer to a question for what follows a byte; it is beyond that byte.
fn length(head: &str, first: u64) -> io::Result<u64> {
    let status = head.split(' ').nth(1).unwrap_or_default();
    let field = |name: &str| {
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let mut values = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next()
    };
    let length = match status {
        "206" => field("content-range").and_then(|value| {
            let (range, length) = value.strip_prefix("bytes ")?.split_once('/')?;
            let (from, _) = range.split_once('-')?;
            length.parse().ok().filter(|_| from.parse() == Ok(first))
        }),
        "200" if first == 0 => field("content-length").and_then(|value| value.parse().ok()),
        "200" => return Err(io::Error::other("the film's server does not seek")),
        _ => return Err(io::Error::other(format!("the film's server answers {status}"))),
    };
    length.filter(|length| *length > first).ok_or_else(|| io::Error::other("the film's length is not said"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_the_films_length_or_why_there_is_none() {
        assert_eq!(length("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-9/10", 5).unwrap(), 10);
        assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 7", 0).unwrap(), 7);
        for (bad, first) in [
            ("", 0),
            ("HTTP/1.1 404 Not Found", 0),
            ("HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */10", 10),
            ("HTTP/1.1 206 X\r\ncontent-range: bytes */x", 0),
            ("HTTP/1.1 206 X\r\ncontent-range: bytes 0-9/10", 5),
            ("HTTP/1.1 206 X\r\ncontent-range: bytes 5-9/5", 5),
            ("HTTP/1.1 200 OK\r\nContent-Length: 7", 5),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0", 0),
        ] {
            assert!(length(bad, first).is_err(), "{bad}");
        }
    }
}
