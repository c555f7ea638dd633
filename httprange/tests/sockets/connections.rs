//! Who may connect, how long, and what becomes of sources when connections go.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::cinema::{Cinema, Client, FILM_LEN, Note, bytes};
use httprange::limits::{HEADER_COUNT_MAX, REQUEST_HEAD_LEN_MAX, SENT_AHEAD_LEN_MAX};
use httprange::{Found, Library, Limits, Server};

#[test]
fn many_readers_wait_at_once_and_all_are_served() {
    const READERS: u64 = 64;
    let cinema = Cinema::open();
    let mut clients: Vec<Client> = (0..READERS).map(|_| cinema.client()).collect();
    for (client, n) in clients.iter_mut().zip(0..) {
        client.get("/late.mkv", &format!("Range: bytes={}-\r\n", n * 1000));
        assert_eq!(client.head().status(), 206, "the head does not wait");
    }
    let waiting = (0..2 * READERS).filter(|_| matches!(cinema.note(), Note::Waits(_))).count();
    assert_eq!(waiting as u64, READERS);
    cinema.gate.release(FILM_LEN);
    // Together, so that none is served only because another is done.
    std::thread::scope(|scope| {
        for (client, n) in clients.iter_mut().zip(0..) {
            scope.spawn(move || {
                let range = n * 1000..FILM_LEN;
                assert_eq!(client.body(range.end - range.start), bytes(range));
            });
        }
    });
}

#[test]
fn a_closed_connection_drops_its_waiting_source() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/late.mkv", "");
    assert_eq!(client.head().status(), 200);
    assert_eq!((cinema.note(), cinema.note()), (Note::Opened, Note::Waits(0)));
    drop(client);
    assert_eq!(cinema.note(), Note::Dropped);
}

#[test]
fn a_connection_closed_in_the_middle_of_a_body_drops_its_source() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    cinema.gate.release(1000);
    client.get("/late.mkv", "");
    assert_eq!(client.answer_start(1000), bytes(0..1000));
    drop(client);
    cinema.wait_for_drop();
}

#[test]
fn a_close_before_the_head_was_read_drops_the_source() {
    // Data the client never read makes its close a reset.
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/late.mkv", "");
    assert_eq!((cinema.note(), cinema.note()), (Note::Opened, Note::Waits(0)));
    drop(client);
    assert_eq!(cinema.note(), Note::Dropped);
}

#[test]
fn a_close_behind_pipelined_requests_is_seen() {
    let cinema = Cinema::open();
    // In one segment with the first request, so that it lies in hyper's own buffer; and a second one afterwards.
    for later in ["", "GET /film.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut client = cinema.client();
        let request = "GET /late.mkv HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.send(request.repeat(2));
        assert_eq!(client.head().status(), 200);
        assert_eq!((cinema.note(), cinema.note()), (Note::Opened, Note::Waits(0)));
        client.send(later);
        drop(client);
        assert_eq!(cinema.note(), Note::Dropped);
    }
}

#[test]
fn a_client_that_floods_while_it_waits_is_cut_off() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/late.mkv", "");
    assert_eq!(client.head().status(), 200);
    assert_eq!((cinema.note(), cinema.note()), (Note::Opened, Note::Waits(0)));
    client.send(vec![b'x'; SENT_AHEAD_LEN_MAX]);
    assert_eq!(cinema.note(), Note::Dropped);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_client_that_closed_its_own_side_gets_what_is_there() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/film.mkv", "");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().1, bytes(0..FILM_LEN));
    assert_eq!(client.rest(), b"");
    // And nobody waits for it.
    cinema.wait_for_drop();
    let mut client = cinema.client();
    cinema.gate.release(10);
    client.get("/late.mkv", "");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer_start(10), bytes(0..10));
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_reader_that_stops_reading_holds_nobody_up() {
    let cinema = Cinema::open();
    let mut slow: Vec<Client> = (0..8).map(|_| cinema.client()).collect();
    for client in &mut slow {
        client.get("/film.mkv", "");
    }
    let mut quick = cinema.client();
    quick.get("/film.mkv", "");
    assert_eq!(quick.answer().1, bytes(0..FILM_LEN));
    for client in &mut slow {
        assert_eq!(client.answer().1, bytes(0..FILM_LEN));
    }
}

#[test]
fn a_full_server_lets_the_next_wait() {
    let cinema = Cinema::open_with(Limits { connections: 2, ..Limits::default() });
    let mut first = cinema.client();
    first.get("/film.mkv", "Range: bytes=0-0\r\n");
    assert_eq!(first.answer().1, bytes(0..1));
    let mut second = cinema.client();
    second.get("/late.mkv", "Range: bytes=0-0\r\n");
    assert_eq!(second.head().status(), 206);
    let mut third = cinema.client();
    third.get("/film.mkv", "Range: bytes=1-1\r\n");
    // The first is still served after the third has knocked.
    first.get("/film.mkv", "Range: bytes=2-2\r\n");
    assert_eq!(first.answer().1, bytes(2..3));
    drop(first);
    assert_eq!(third.answer().1, bytes(1..2));
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let cinema = Cinema::open_with(Limits { head_deadline: Duration::from_millis(50), ..Limits::default() });
    for said in ["", "GET /film.mkv HT", "GET /film.mkv HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut client = cinema.client();
        client.send(said);
        assert_eq!(client.rest(), b"", "{said:?}");
    }
    // A connection that idles after an answer goes too.
    let mut client = cinema.client();
    client.get("/film.mkv", "Range: bytes=0-1\r\n");
    assert_eq!(client.answer().1, bytes(0..2));
    assert_eq!(client.rest(), b"");
}

#[test]
fn the_deadline_is_the_heads_and_not_the_bodys() {
    let cinema = Cinema::open_with(Limits { head_deadline: Duration::from_millis(50), ..Limits::default() });
    let mut patient = cinema.client();
    patient.get("/late.mkv", "Range: bytes=0-9\r\n");
    assert_eq!(patient.head().status(), 206);
    // A second connection's deadline passes meanwhile.
    assert_eq!(cinema.client().rest(), b"");
    cinema.gate.release(10);
    assert_eq!(patient.body(10), bytes(0..10));
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let cinema = Cinema::open();
    let start = "GET /film.mkv HTTP/1.1\r\nHost: localhost\r\nX: ";
    let mut client = cinema.client();
    client.send(format!("{start}{}", "x".repeat(REQUEST_HEAD_LEN_MAX - start.len())));
    assert_eq!(client.head().status(), 431);
    assert_eq!(client.rest(), b"");

    let mut client = cinema.client();
    let lines = |count: usize| (0..count).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    client.get("/film.mkv", &lines(HEADER_COUNT_MAX - 1));
    assert_eq!(client.answer().0.status(), 200);
    client.get("/film.mkv", &lines(HEADER_COUNT_MAX));
    assert_eq!(client.head().status(), 431);
}

#[test]
fn what_is_not_http_is_refused() {
    let cinema = Cinema::open();
    for (said, status) in [
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", Some(400)),
        ("GET\r\n\r\n", Some(400)),
        ("GET /film.mkv HTTP/9.9\r\n\r\n", Some(400)),
        ("GET /film.mkv HTTP/1.1\r\nHost localhost\r\n\r\n", Some(400)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ] {
        let mut client = cinema.client();
        client.send(said);
        match status {
            Some(status) => assert_eq!(client.head().status(), status, "{said:?}"),
            None => assert!(!client.rest().starts_with(b"HTTP/1.1 2"), "{said:?}"),
        }
    }
    let mut client = cinema.client();
    client.get("/film.mkv", "Range: bytes=0-1\r\n");
    assert_eq!(client.answer().1, bytes(0..2), "and the server goes on");
}

#[test]
fn a_librarys_panic_costs_one_connection() {
    let cinema = Cinema::open();
    let mut client = cinema.client();
    client.get("/panic", "");
    assert_eq!(client.rest(), b"");
    let mut client = cinema.client();
    client.get("/film.mkv", "Range: bytes=0-1\r\n");
    assert_eq!(client.answer().1, bytes(0..2));
}

#[test]
fn dropping_the_server_drops_everything() {
    let cinema = Cinema::open();
    let port = cinema.server.port();
    let mut waiting = cinema.client();
    waiting.get("/late.mkv", "");
    assert_eq!(waiting.head().status(), 200);
    let mut idle = cinema.client();
    idle.get("/-/status", "");
    assert_eq!(idle.answer().0.status(), 200);
    let Cinema { server, notes, .. } = cinema;
    drop(server);
    assert!(notes.try_iter().any(|note| note == Note::Dropped), "dropped before the handle's drop returned");
    assert_eq!(waiting.rest(), b"");
    assert_eq!(idle.rest(), b"");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_preferred_port_is_used_when_it_is_free() {
    let holder = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let other = Server::start(port, Arc::new(Nothing)).unwrap();
    assert!(other.preferred_was_taken());
    assert_ne!(other.port(), port);
    drop(holder);
    let preferred = Server::start(port, Arc::new(Nothing)).unwrap();
    // Somebody else on this machine may have been quicker.
    assert_eq!(preferred.preferred_was_taken(), preferred.port() != port);
    let any = Server::start(0, Arc::new(Nothing)).unwrap();
    assert!(!any.preferred_was_taken());
    let mut stream = TcpStream::connect(("127.0.0.1", any.port())).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
}

struct Nothing;

impl Library for Nothing {
    type Source = smol::io::Cursor<Vec<u8>>;

    fn find(&self, _: &str) -> Found<Self::Source> {
        Found::Nothing
    }
}
