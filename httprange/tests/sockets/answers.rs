//! What a player gets, over real sockets.

use std::net::{Ipv6Addr, SocketAddr};

use crate::cinema::{Cinema, Client, FILM_LEN, Note, bytes};

#[test]
fn a_whole_film_and_its_parts() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/film.mkv", "");
    let (head, body) = client.answer();
    assert_eq!(head.status(), 200);
    assert_eq!(head.field("accept-ranges"), Some("bytes"));
    assert_eq!(head.field("content-type"), Some("video/x-matroska"));
    assert_eq!(head.field("etag"), Some("\"v1\""));
    assert_eq!(head.field("x-content-type-options"), Some("nosniff"));
    assert!(head.field("date").is_some());
    assert_eq!(body, bytes(0..FILM_LEN));

    // The same connection serves on.
    for (range, expected, content_range) in [
        ("bytes=0-0", 0..1, "bytes 0-0/1000000"),
        ("bytes=100-199", 100..200, "bytes 100-199/1000000"),
        ("bytes=999000-", 999_000..FILM_LEN, "bytes 999000-999999/1000000"),
        ("bytes=-10", FILM_LEN - 10..FILM_LEN, "bytes 999990-999999/1000000"),
        ("bytes=500000-99999999", 500_000..FILM_LEN, "bytes 500000-999999/1000000"),
        ("bytes=2000000-,7-8,1-2", 7..9, "bytes 7-8/1000000"),
    ] {
        client.get("/film.mkv", &format!("Range: {range}\r\n"));
        let (head, body) = client.answer();
        assert_eq!(head.status(), 206, "{range}");
        assert_eq!(head.field("content-range"), Some(content_range));
        assert_eq!(body, bytes(expected), "{range}");
    }
}

#[test]
fn conditions_and_refusals() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    let mut status = |lines: &str| {
        client.get("/film.mkv", lines);
        let head = client.head();
        if head.status() != 304 {
            client.body(head.content_length());
        }
        (head.status(), head.field("content-range").map(str::to_owned))
    };
    assert_eq!(status("Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n").0, 206);
    assert_eq!(status("Range: bytes=0-1\r\nIf-Range: \"v2\"\r\n").0, 200);
    assert_eq!(status("If-None-Match: \"v1\"\r\n").0, 304);
    assert_eq!(status("If-Match: \"v2\"\r\n").0, 412);
    assert_eq!(status("Range: bytes=1000000-\r\n"), (416, Some("bytes */1000000".to_owned())));
    assert_eq!(status("Range: bytes=9-1\r\n").0, 200);
    assert_eq!(status("Origin: https://evil.example\r\n").0, 403);
    assert_eq!(status("Sec-Fetch-Site: cross-site\r\n").0, 403);
    assert_eq!(status("Sec-Fetch-Site: none\r\n").0, 200);
    assert_eq!(cinema.server.refused(), 2);

    for (request, expected) in [
        ("GET /film.mkv HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /film.mkv HTTP/1.1\r\n\r\n", 403),
        ("GET http://evil.example/film.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 403),
        ("GET http://localhost/film.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /film.mkv?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /a%20b/%D1%84.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET /gone.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 503),
        ("GET /-/status HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /empty.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /empty.mkv HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-\r\n\r\n", 416),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("POST /film.mkv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", 405),
        ("BREW /film.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ] {
        let mut client = cinema.client();
        client.send(request);
        let (head, _) = client.answer();
        assert_eq!(head.status(), expected, "{request}");
        assert_eq!(head.field("allow").is_some(), expected == 405);
        assert_eq!(head.field("access-control-allow-origin"), None);
    }
}

#[test]
fn texts_and_reasons() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/-/status", "");
    let (head, body) = client.answer();
    assert_eq!((head.field("content-type"), body.as_slice()), (Some("application/json"), &b"{\"up\":1}"[..]));
    client.get("/gone.mkv", "");
    let (head, body) = client.answer();
    assert_eq!((head.status(), body.as_slice()), (503, &b"the file changed"[..]));
}

#[test]
fn what_needs_no_bytes_opens_no_source() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.send("HEAD /film.mkv HTTP/1.1\r\nHost: localhost\r\nRange: bytes=1-2\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status(), head.content_length()), (200, FILM_LEN));
    client.send("HEAD /-/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status(), head.content_length()), (200, 8));
    client.get("/film.mkv", "Range: bytes=1000000-\r\n");
    assert_eq!(client.answer().0.status(), 416);
    client.get("/film.mkv", "If-None-Match: \"v1\"\r\n");
    assert_eq!(client.head().status(), 304);
    client.get("/film.mkv", "If-Match: \"v2\"\r\n");
    assert_eq!(client.answer().0.status(), 412);
    client.get("/empty.mkv", "");
    assert_eq!(client.answer().0.status(), 200);
    assert!(cinema.notes.try_recv().is_err(), "something was opened");
    client.get("/film.mkv", "Range: bytes=0-0\r\n");
    assert_eq!(client.answer().1, bytes(0..1));
    assert_eq!(cinema.note(), Note::Opened);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    let request = |first: u64| {
        format!("GET /film.mkv HTTP/1.1\r\nHost: localhost\r\nRange: bytes={first}-{}\r\n\r\n", first + 9999)
    };
    let all: String = (0..50).map(|n| request(n * 10_000)).collect();
    client.send(&all);
    for n in 0..50_u64 {
        let (head, body) = client.answer();
        assert_eq!(head.status(), 206);
        assert_eq!(body, bytes(n * 10_000..(n + 1) * 10_000), "answer {n}");
    }
}

#[test]
fn requests_sent_ahead_while_a_body_waits_are_answered_after_it() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/late.mkv", "Range: bytes=0-99\r\n");
    assert_eq!(client.head().status(), 206);
    assert_eq!((cinema.note(), cinema.note()), (Note::Opened, Note::Waits(0)));
    // Two segments, so that one comes while the body waits already.
    client.get("/film.mkv", "Range: bytes=5-6\r\n");
    client.send("GET /film.mkv HTTP/1.1\r\nHo");
    client.send("st: localhost\r\nRange: bytes=7-8\r\n\r\n");
    cinema.gate.release(50);
    assert_eq!(client.body(50), bytes(0..50));
    cinema.gate.release(FILM_LEN);
    assert_eq!(client.body(50), bytes(50..100));
    assert_eq!(client.answer().1, bytes(5..7));
    assert_eq!(client.answer().1, bytes(7..9));
}

#[test]
fn connections_close_when_asked_to() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/film.mkv", "Range: bytes=0-1\r\nConnection: close\r\n");
    assert_eq!(client.answer().1, bytes(0..2));
    assert_eq!(client.rest(), b"");
    let mut client = cinema.client();
    client.send("GET /film.mkv HTTP/1.0\r\nHost: localhost\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!(client.answer().1, bytes(0..2));
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_source_that_ends_or_fails_early_cuts_the_connection() {
    let cinema = Cinema::open();
    for path in ["/short.mkv", "/broken.mkv"] {
        let mut client = cinema.client();
        client.get(path, "");
        let head = client.head();
        assert_eq!((head.status(), head.content_length()), (200, FILM_LEN));
        assert_eq!(client.rest(), bytes(0..FILM_LEN / 2), "{path}");
        cinema.wait_for_drop();
    }
}

#[test]
fn both_loopback_addresses_serve() {
    let cinema = Cinema::open();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, cinema.server.port()));
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let mut client = Client::connect(v6);
    client.send("GET /film.mkv HTTP/1.1\r\nHost: [::1]\r\nRange: bytes=3-4\r\n\r\n");
    assert_eq!(client.answer().1, bytes(3..5));
}
