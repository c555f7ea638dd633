//! A blocking HTTP/1.1 client on a plain socket, for one request a connection unless [`Connection`] is used.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::SOON;

/// A status line and its headers.
#[derive(Clone, Debug)]
pub struct Head {
    /// 200, 206, …
    pub status: u16,
    /// In the order they came; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// `Content-Length`, when there is one.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    /// The body; empty for HEAD.
    pub body: Vec<u8>,
}

/// A URL taken apart: `http://HOST:PORT/PATH`.
pub struct Url<'a> {
    /// `host:port`, as it goes into `Host`.
    pub authority: &'a str,
    /// The path with its slash, and the query.
    pub path: &'a str,
}

impl<'a> Url<'a> {
    /// Takes an `http://` URL apart.
    pub fn parse(url: &'a str) -> Self {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not an http URL: {url}"));
        let slash = rest.find('/').unwrap_or_else(|| panic!("no path in {url}"));
        Self { authority: &rest[..slash], path: &rest[slash..] }
    }
}

/// GET of the whole thing.
pub fn get(url: &str) -> Response {
    request("GET", url, &[])
}

/// GET of the bytes `first..end`; panics unless exactly they come.
pub fn get_range(url: &str, first: u64, end: u64) -> Vec<u8> {
    let response = request("GET", url, &[("Range", &format!("bytes={first}-{}", end - 1))]);
    assert_eq!(response.head.status, 206, "{:?}", response.head);
    let total = response.head.header("content-range").unwrap_or_default();
    assert!(total.starts_with(&format!("bytes {first}-{}/", end - 1)), "{:?}", response.head);
    assert_eq!(response.body.len() as u64, end - first);
    response.body
}

/// One request on a connection of its own, read to its end.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Response {
    let mut connection = Connection::open(url);
    connection.send(method, url, headers);
    connection.receive(method)
}

/// POST of `body` on a connection of its own.
pub fn post(url: &str, body: &[u8]) -> Response {
    let mut connection = Connection::open(url);
    connection.send_body("POST", url, &[], body);
    connection.receive("POST")
}

/// A GET whose body is read as it arrives.
pub fn open(url: &str, headers: &[(&str, &str)]) -> (Head, Body) {
    let mut connection = Connection::open(url);
    connection.send("GET", url, headers);
    let head = connection.receive_head();
    let left = head.content_length().expect("a body whose length is said");
    (head, Body { connection, left })
}

/// What is left of a body.
pub struct Body {
    connection: Connection,
    left: u64,
}

impl Body {
    /// How long one read may wait.
    pub fn set_timeout(&self, limit: Duration) {
        let socket = self.connection.stream.get_ref();
        socket.set_read_timeout(Some(limit)).expect("a timeout above zero is accepted");
    }

    /// Bytes not yet read.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.connection.stream.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// A connection that stays open between requests.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to the server of `url`.
    pub fn open(url: &str) -> Self {
        Self::try_open(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The same where nobody may listen.
    pub fn try_open(url: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(Url::parse(url).authority)?;
        stream.set_read_timeout(Some(SOON))?;
        // Small writes one after another would wait 40 ms for each other's acknowledgement.
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request. `Host` is the URL's unless `headers` has one.
    pub fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) {
        self.send_raw(request_head(method, url, headers).as_bytes());
    }

    /// Sends a request with a body.
    pub fn send_body(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.try_send_body(method, url, headers, body).expect("the server reads requests");
    }

    /// The same, and says how it went.
    pub fn try_send_body(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<()> {
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            all.push(("Content-Length", &length));
        }
        let mut bytes = request_head(method, url, &all).into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes)
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads requests");
    }

    /// Reads the next answer.
    pub fn receive(&mut self, method: &str) -> Response {
        self.try_receive(method).unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// The same; an error when the connection ends or [`SOON`] is over.
    pub fn try_receive(&mut self, method: &str) -> std::io::Result<Response> {
        let head = self.try_receive_head()?;
        let has_body = method != "HEAD" && head.status != 304 && head.status != 204;
        let body = if has_body { self.try_receive_body(&head)? } else { Vec::new() };
        Ok(Response { head, body })
    }

    /// Reads status line and headers of the next answer.
    pub fn receive_head(&mut self) -> Head {
        self.try_receive_head().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Reads the body that belongs to a head.
    pub fn receive_body(&mut self, head: &Head) -> Vec<u8> {
        self.try_receive_body(head).unwrap_or_else(|error| panic!("{error}: {head:?}"))
    }

    /// The socket, and what was read of it beyond the last answer.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        let beyond = self.stream.buffer().to_vec();
        (self.stream.into_inner(), beyond)
    }

    /// Another handle of the socket, to cut it by.
    pub fn socket(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a socket has as many handles as we like")
    }

    /// Whether the server ends the connection within `limit`; panics if it says something first.
    pub fn ends(&mut self, limit: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(limit)).expect("a timeout above zero is accepted");
        match self.stream.fill_buf() {
            Ok(bytes) => {
                assert!(bytes.is_empty(), "instead of an end: {}", String::from_utf8_lossy(bytes));
                true
            }
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    fn try_receive_head(&mut self) -> std::io::Result<Head> {
        let status_line = self.line()?;
        if status_line.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Ok(Head { status, headers }) };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn try_receive_body(&mut self, head: &Head) -> std::io::Result<Vec<u8>> {
        let length = head.content_length().unwrap_or_else(|| panic!("no Content-Length: {head:?}"));
        let mut body = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            let why = format!("the connection ended after {} of {length} bytes", body.len());
            return Err(std::io::Error::new(ErrorKind::UnexpectedEof, why));
        }
        Ok(body)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// A request as it is sent, without its body.
fn request_head(method: &str, url: &str, headers: &[(&str, &str)]) -> String {
    let Url { authority, path } = Url::parse(url);
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text += &format!("Host: {authority}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}
