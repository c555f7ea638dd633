//! One HTTP/1.1 GET, in the open or through TLS, for trackers (RFC 9112). Nothing is kept open, cached or unpacked.

use std::net::SocketAddr;

use futures_lite::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use smol::net::TcpStream;

use bittorrent_proto::tracker::TrackerUrl;
use bittorrent_proto::tracker::http::ANSWER_LEN_MAX;

use crate::tls::{self, TlsError};

/// Bytes of the status line and all headers.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// Headers of an answer.
const HEADERS_MAX: usize = 64;

/// Bytes of an answer as they come, chunk sizes included.
const RAW_LEN_MAX: usize = HEAD_LEN_MAX + 2 * ANSWER_LEN_MAX;

/// Bytes asked of the socket at once.
const READ_LEN: usize = 16 * 1024;

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("it does not speak HTTP")]
    NotHttp,
    #[error("its answer is longer than {ANSWER_LEN_MAX} bytes")]
    TooLong,
    #[error("its answer is cut off")]
    CutOff,
    #[error("its answer is packed, which nobody asked for")]
    Packed,
}

/// Asks that address for `target`; `url` names the host. The caller bounds the time.
pub(crate) async fn get(addr: SocketAddr, url: &TrackerUrl, target: &str) -> Result<Answer, GetError> {
    let stream = TcpStream::connect(addr).await?;
    if url.scheme().is_secure() {
        let stream = Box::pin(tls::connect(url.host(), stream)).await?;
        Box::pin(exchange(stream, url, target)).await
    } else {
        exchange(stream, url, target).await
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &TrackerUrl,
    target: &str,
) -> Result<Answer, GetError> {
    let host = url.authority();
    let agent = concat!("ShareStream/", env!("CARGO_PKG_VERSION"));
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept-Encoding: identity\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; READ_LEN]);
    loop {
        let read = stream.read(&mut buffer).await?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(answer) = decode(&bytes, read == 0)? {
            return Ok(answer);
        }
        if bytes.len() > RAW_LEN_MAX {
            return Err(GetError::TooLong);
        }
    }
}

/// The answer that `bytes` hold; `None` when more is to come. `ended`: nothing more comes.
fn decode(bytes: &[u8], ended: bool) -> Result<Option<Answer>, GetError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head_len = match response.parse(&bytes[..bytes.len().min(HEAD_LEN_MAX)]) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() >= HEAD_LEN_MAX => return Err(GetError::TooLong),
        Ok(httparse::Status::Partial) if ended => return Err(GetError::CutOff),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(GetError::NotHttp),
    };
    let status = response.code.ok_or(GetError::NotHttp)?;
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    if header("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(GetError::Packed);
    }
    let rest = &bytes[head_len..];
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        unchunk(rest)?
    } else if let Some(len) = header("content-length") {
        let len: usize = len.parse().map_err(|_| GetError::NotHttp)?;
        if len > ANSWER_LEN_MAX {
            return Err(GetError::TooLong);
        }
        rest.get(..len).map(<[u8]>::to_vec)
    } else if rest.len() > ANSWER_LEN_MAX {
        return Err(GetError::TooLong);
    } else {
        // RFC 9112, section 6.3: without either, the body ends with the connection.
        ended.then(|| rest.to_vec())
    };
    match body {
        Some(body) => Ok(Some(Answer { status, location: header("location").map(str::to_owned), body })),
        None if ended => Err(GetError::CutOff),
        None => Ok(None),
    }
}

/// The body of all chunks (RFC 9112, section 7.1); `None` when the last has not come yet. Trailers are not read.
fn unchunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>, GetError> {
    let mut body = Vec::new();
    loop {
        let (used, len) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(GetError::NotHttp),
        };
        if len == 0 {
            return Ok(Some(body));
        }
        let len =
            usize::try_from(len).ok().filter(|len| *len <= ANSWER_LEN_MAX - body.len()).ok_or(GetError::TooLong)?;
        let Some(chunk) = rest.get(used..used + len) else { return Ok(None) };
        body.extend_from_slice(chunk);
        match rest.get(used + len..used + len + 2) {
            Some(b"\r\n") => rest = &rest[used + len + 2..],
            Some(_) => return Err(GetError::NotHttp),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Answer {
        decode(text.as_bytes(), true).unwrap().unwrap()
    }

    #[test]
    fn three_ways_to_end_a_body() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nabc",
        ] {
            let answer = whole(text);
            assert_eq!((answer.status, answer.body.as_slice(), answer.location), (200, &b"abc"[..], None), "{text}");
        }
        let moved = whole("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n");
        assert_eq!((moved.status, moved.location.as_deref()), (302, Some("/x")));
    }

    #[test]
    fn a_cut_answer_is_waited_for_and_then_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
        ] {
            for cut in 0..text.len() {
                assert_eq!(decode(&text.as_bytes()[..cut], false).unwrap(), None, "{cut} of {text}");
                assert!(matches!(decode(&text.as_bytes()[..cut], true), Err(GetError::CutOff)), "{cut} of {text}");
            }
        }
    }

    #[test]
    fn bad_and_endless_answers() {
        let error = |text: &str| decode(text.as_bytes(), false).unwrap_err();
        assert!(matches!(error("SSH-2.0-OpenSSH\r\n"), GetError::NotHttp));
        assert!(matches!(error("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), GetError::TooLong));
        assert!(matches!(error("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), GetError::NotHttp));
        assert!(matches!(error("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), GetError::Packed));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(matches!(error(&format!("{chunked}ffffffffffffffff\r\n")), GetError::TooLong));
        assert!(matches!(error(&format!("{chunked}zz\r\n")), GetError::NotHttp));
        assert!(matches!(error(&format!("{chunked}1\r\naXX")), GetError::NotHttp));
        assert!(matches!(error(&format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(HEAD_LEN_MAX))), GetError::TooLong));
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(ANSWER_LEN_MAX + 1));
        assert!(matches!(error(&endless), GetError::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200), chunked in any::<bool>(), ended in any::<bool>()) {
            let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
            if chunked {
                answer.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            }
            answer.extend(&bytes);
            let decoded = decode(&answer, ended);
            prop_assert!(!ended || !matches!(decoded, Ok(None)), "after the end nothing is waited for");
            let _ = decode(&bytes, ended);
        }
    }
}
