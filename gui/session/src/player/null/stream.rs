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
}

impl Stream {
    /// Opens the film at `url` from the byte that `from` names, once its length is known.
    pub(super) async fn open(url: &str, from: impl Fn(u64) -> u64) -> io::Result<Self> {
        // The length first: where a place lies depends on it.
        let probe = Self::ask(url, 0).await?;
        let first = from(probe.length).min(probe.length.saturating_sub(1));
        if first == 0 { Ok(probe) } else { Self::ask(url, first).await }
    }

    pub(super) const fn first_byte(&self) -> u64 {
        self.first
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Reads on; how many bytes came, 0 at the end.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        if self.early > 0 {
            return Ok(std::mem::take(&mut self.early));
        }
        self.socket.read(&mut self.buffer).await
    }

    async fn ask(url: &str, first: u64) -> io::Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| io::Error::other("the film's address is not http://"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut socket = TcpStream::connect(host).await?;
        let request =
            format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={first}-\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 64 * 1024];
        let mut head = Vec::new();
        loop {
            let len = socket.read(&mut buffer).await?;
            head.extend_from_slice(buffer.get(..len).unwrap_or_default());
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(head.get(..end).unwrap_or_default()).into_owned();
                let length = length(&text)?;
                return Ok(Self { socket, buffer, early: head.len() - end - 4, first, length });
            }
            if len == 0 || head.len() > HEAD_LEN_MAX {
                return Err(io::Error::other("the film's server does not speak HTTP"));
            }
        }
    }
}

/// The film's length, by the head of an answer to a question for a part of it.
fn length(head: &str) -> io::Result<u64> {
    let status = head.split(' ').nth(1).unwrap_or_default();
    let field = |name: &str| {
        head.lines().find_map(|line| line.split_once(':').filter(|(known, _)| known.eq_ignore_ascii_case(name)))
    };
    let length = match status {
        "206" => field("content-range").and_then(|(_, value)| value.rsplit('/').next()?.trim().parse().ok()),
        "200" => field("content-length").and_then(|(_, value)| value.trim().parse().ok()),
        _ => return Err(io::Error::other(format!("the film's server answers {status}"))),
    };
    length.filter(|length| *length > 0).ok_or_else(|| io::Error::other("the film's length is not said"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_the_films_length_or_why_there_is_none() {
        assert_eq!(length("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-9/10").unwrap(), 10);
        assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 7").unwrap(), 7);
        for bad in [
            "",
            "HTTP/1.1 404 Not Found",
            "HTTP/1.1 206 X\r\ncontent-range: bytes */x",
            "HTTP/1.1 200 OK\r\nContent-Length: 0",
        ] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }
}
