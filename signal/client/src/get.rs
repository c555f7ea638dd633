//! One GET at a server over the same dialing: what `/health` and `/rendezvous` say, for who examines a connection.

use std::future::Future;
use std::time::Duration;

use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, future};

use crate::address::{Address, AddressError};
use crate::client::Trust;
use crate::dial::{DialError, Dialer, Stream};
use crate::limits::{ANSWER_HEADERS_MAX, ANSWER_LEN_MAX, ANSWER_PATIENCE};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200, 404, …
    pub status: u16,
    /// At most 64 KiB with the head.
    pub body: Vec<u8>,
}

/// Why nothing did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// No address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// Not reached.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// Reached, and then silent.
    #[error("the server takes the connection and says nothing")]
    Silent,
    /// The line broke.
    #[error("the line broke: {0}")]
    Line(String),
    /// It speaks something else, or says too much.
    #[error("it does not speak HTTP")]
    NotHttp,
}

/// Asks `http(s)://HOST[:PORT]` (or `ws(s)`) for a path, which begins with a slash. Redirections are not followed.
///
/// # Errors
/// By how far it came.
pub async fn get(url: &str, path: &str, trust: &Trust) -> Result<Answer, GetError> {
    let address = Address::parse(url)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address.authority());
    let mut stream = Dialer::new(address, trust.clone()).dial_stream().await?;
    within(ANSWER_PATIENCE, exchange(&mut stream, &request)).await.unwrap_or(Err(GetError::Silent))
}

async fn exchange(stream: &mut dyn Stream, request: &str) -> Result<Answer, GetError> {
    let line = |error: std::io::Error| GetError::Line(error.to_string());
    stream.write_all(request.as_bytes()).await.map_err(line)?;
    stream.flush().await.map_err(line)?;
    let mut bytes = Vec::new();
    let mut part = vec![0; 4096];
    loop {
        if let Some(answer) = read(&bytes, false)? {
            return Ok(answer);
        }
        let len = match stream.read(&mut part).await {
            Ok(len) => len,
            // Some servers close TLS without saying so.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(line(error)),
        };
        if len == 0 {
            return read(&bytes, true)?.ok_or(GetError::NotHttp);
        }
        bytes.extend_from_slice(&part[..len]);
        if bytes.len() > ANSWER_LEN_MAX {
            return Err(GetError::NotHttp);
        }
    }
}

/// What `bytes` are an answer of; `None` while more is to come, which is never when it `ended`.
fn read(bytes: &[u8], ended: bool) -> Result<Option<Answer>, GetError> {
    let mut headers = [httparse::EMPTY_HEADER; ANSWER_HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let start = match head.parse(bytes).map_err(|_| GetError::NotHttp)? {
        httparse::Status::Complete(start) => start,
        httparse::Status::Partial => return Ok(None),
    };
    let status = head.code.ok_or(GetError::NotHttp)?;
    let value = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|h| h.value);
    let rest = &bytes[start..];
    let body = if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
        unchunked(rest)?
    } else if let Some(len) = value("content-length") {
        let len = std::str::from_utf8(len).ok().and_then(|len| len.trim().parse::<usize>().ok());
        rest.get(..len.ok_or(GetError::NotHttp)?).map(<[u8]>::to_vec)
    } else {
        // RFC 9112, section 6.3: all until the end.
        ended.then(|| rest.to_vec())
    };
    Ok(body.map(|body| Answer { status, body }))
}

/// RFC 9112, section 7.1. `None` while more is to come.
fn unchunked(mut rest: &[u8]) -> Result<Option<Vec<u8>>, GetError> {
    let mut body = Vec::new();
    loop {
        let (start, len) = match httparse::parse_chunk_size(rest).map_err(|_| GetError::NotHttp)? {
            httparse::Status::Complete((start, len)) => (start, usize::try_from(len).map_err(|_| GetError::NotHttp)?),
            httparse::Status::Partial => return Ok(None),
        };
        if len == 0 {
            return Ok(Some(body));
        }
        rest = &rest[start..];
        let Some((chunk, after)) = rest.split_at_checked(len) else { return Ok(None) };
        body.extend_from_slice(chunk);
        match after.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None if after.len() < 2 => return Ok(None),
            None => return Err(GetError::NotHttp),
        }
    }
}

async fn within<T>(patience: Duration, what: impl Future<Output = T>) -> Option<T> {
    let late = async {
        smol::Timer::after(patience).await;
        None
    };
    future::or(async { Some(what.await) }, late).await
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn answer(bytes: &[u8]) -> Result<Option<(u16, String)>, GetError> {
        let answer = read(bytes, true)?;
        Ok(answer.map(|answer| (answer.status, String::from_utf8_lossy(&answer.body).into_owned())))
    }

    #[test]
    fn bodies_of_all_three_kinds() {
        let whole = Ok(Some((200, "hello".to_owned())));
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), whole);
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\n\r\nhello"), whole);
        assert_eq!(
            answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
            whole
        );
        assert_eq!(answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Ok(Some((404, String::new()))));
    }

    #[test]
    fn every_beginning_of_an_answer_waits_for_more() {
        for whole in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ] {
            for len in 0..whole.len() {
                assert_eq!(read(&whole[..len], false), Ok(None), "{len} bytes of {}", whole.len());
            }
            assert!(read(whole, false).is_ok_and(|answer| answer.is_some()));
        }
    }

    #[test]
    fn what_is_no_http() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"\x15\x03\x01\x00\x02\x02\x16",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ] {
            assert_eq!(answer(bytes), Err(GetError::NotHttp), "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(
            answer(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"),
            Ok(None),
            "and allocates nothing"
        );
    }

    #[test]
    fn an_endless_answer_is_cut_and_a_broken_line_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let len = stream.read(&mut request).unwrap();
            assert!(request[..len].starts_with(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:"));
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 4096]);
            }
            drop(stream);
            // A second one says nothing and hangs up.
            drop(listener.accept().unwrap());
        });
        let ask = || smol::block_on(get(&url, "/health", &Trust::System));
        assert_eq!(ask(), Err(GetError::NotHttp));
        assert!(matches!(ask(), Err(GetError::NotHttp | GetError::Line(_))));
        server.join().unwrap();
        assert_eq!(ask(), Err(GetError::Dial(DialError::Refused)));
        assert_eq!(smol::block_on(get("ftp://a", "/", &Trust::System)), Err(AddressError::Scheme.into()));
    }
}
