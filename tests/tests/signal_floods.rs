//! Clients that mean harm to the signalling server by how they connect and ask: requests that are none, that are too long or never
//! end, too many at once. Each is refused or cut, memory stays bounded, and a room beside them goes on as if nothing were.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::http::{self, Connection};
use tests::scene::Scene;
use tests::websocket::{WebSocket, frame, opcode};
use tests::{SOON, within};

/// Nothing lets a connection wait longer than this for what it promised, by the server's limits of 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn requests_that_are_none_get_a_4xx_or_nothing() {
    let mut scene = Scene::new(&[]);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(500));
    for garbage in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\r\n\r\nhello there\r\n\r\n",
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        long.as_bytes(),
        many.as_bytes(),
        &[0xff; 30_000],
    ] {
        let mut connection = Connection::open(&scene.server.url("/"));
        connection.send_raw(garbage);
        let shown = String::from_utf8_lossy(&garbage[..garbage.len().min(60)]).into_owned();
        match connection.try_receive("HEAD") {
            Ok(answer) => assert!((400..500).contains(&answer.head.status), "{shown}: {:?}", answer.head),
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{shown}: neither answer nor end"),
        }
        scene.goes_on();
    }
    let full = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
    let sockets = scene.url("websocket");
    for headers in [&full[..0], &full[..2], &full[..]] {
        assert_eq!(http::request("GET", &sockets, headers).head.status, 400, "{headers:?}");
    }
    for host in ["", "a b", "\"><script>alert(1)</script>", "a/../b", &"h".repeat(300)] {
        let answer = http::request("GET", &scene.server.url("/rendezvous"), &[("Host", host)]);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(host.is_empty() || !body.contains(host), "{host}: {body}");
        assert!(answer.head.status == 400 || body.contains("127.0.0.1"), "{host}: {body}");
    }
}

#[test]
fn posts_that_are_too_long_or_no_packets_end_their_session() {
    let mut scene = Scene::new(&[]);
    let fits = format!("4{}", "x".repeat(99_999));
    let two = |body: &str| format!("{body}\x1e{body}");
    let bodies = [
        (format!("{fits}x"), 413),
        ("x".repeat(2_000_000), 413),
        (String::new(), 400),
        ("x".to_owned(), 400),
        (two(""), 400),
        ("b!!!".to_owned(), 400),
        ("2\x1e".to_owned(), 400),
        (["2"; 1025].join("\x1e"), 400),
    ];
    for (body, status) in bodies {
        let polling = scene.polling();
        let mut connection = Connection::open(&polling);
        // It may have answered before it has read all of it.
        let sent = connection.try_send_body("POST", &polling, &[], body.as_bytes());
        match connection.try_receive("POST") {
            Ok(answer) => assert_eq!(answer.head.status, status, "{:.20} of {}", body, body.len()),
            Err(error) => assert!(body.len() > 1_000_000, "{error} after {sent:?}"),
        }
        within(SOON, "the session is no more", || (http::get(&polling).head.status == 400).then_some(()));
        scene.goes_on();
    }
    let polling = scene.polling();
    let chunked = "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut connection = Connection::open(&polling);
    connection.send_raw(chunked.replace("{}", http::Url::parse(&polling).path).as_bytes());
    for _ in 0..7 {
        connection.send_raw(format!("{:x}\r\n{}\r\n", 16_000, "x".repeat(16_000)).as_bytes());
    }
    assert_eq!(connection.receive("POST").head.status, 413, "no length was said");
}

#[test]
fn two_gets_of_one_session_end_it() {
    let mut scene = Scene::new(&[]);
    let polling = scene.polling();
    let mut first = Connection::open(&polling);
    first.send("GET", &polling, &[]);
    // The first waits by now, or is the one that is refused: the server sees them in some order.
    let second = http::get(&polling);
    let first = first.receive("GET");
    let mut statuses = [first.head.status, second.head.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(http::get(&polling).head.status, 400);
    assert_eq!(http::get(&format!("{polling}x")).head.status, 400, "a session that never was");
    scene.goes_on();
}

#[test]
fn what_never_comes_is_not_waited_for() {
    let mut scene = Scene::new(&[]);
    let begun = Instant::now();
    // Heads that come byte by byte, bodies that do not come, sessions that never ask for a namespace, probes that never upgrade.
    let mut slow: Vec<TcpStream> = (0..50).map(|_| scene.tcp()).collect();
    let mut bodies: Vec<(Connection, String)> = (0..20)
        .map(|_| {
            let polling = scene.polling();
            let mut connection = Connection::open(&polling);
            connection.send("POST", &polling, &[("Content-Length", "90000")]);
            (connection, polling)
        })
        .collect();
    let mut mute: Vec<WebSocket> = (0..50).map(|_| scene.socket(false)).collect();
    let polling = scene.polling();
    let mut unsure = WebSocket::open(&polling.replace("transport=polling", "transport=websocket"));
    let request = b"GET /health HTTP/1.1\r\nHost: of-the-patient\r\nX-Long: abcdefghijklmnopqrstuvwxyz";
    for byte in request {
        slow.retain_mut(|stream| stream.write_all(&[*byte]).is_ok());
        scene.goes_on();
        if slow.is_empty() || begun.elapsed() > PATIENCE {
            break;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(slow.is_empty(), "{} heads are still waited for", slow.len());
    for (connection, polling) in &mut bodies {
        assert_eq!(connection.receive("POST").head.status, 408);
        assert_eq!(http::get(polling).head.status, 400, "a POST without its body ends its session");
    }
    for socket in &mut mute {
        assert_eq!(socket.closed(), Some(1000), "no CONNECT");
    }
    unsure.closed();
    assert_eq!(http::post(&polling, b"41\x1e1").head.status, 200, "its polling went on");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    // Of the connections only the room's are left.
    within(SOON, "their sessions are over", || (scene.server.metric("connections") == 2).then_some(()));
}

#[test]
fn half_open_connections_cost_little_and_a_full_server_says_so() {
    let mut scene = Scene::new(&["-max-clients", "520"]);
    let before = scene.server.memory_peak();
    let mut idle: Vec<TcpStream> = (0..250).map(|_| scene.tcp()).collect();
    let mut held: Vec<WebSocket> = (0..250).map(|_| scene.socket(true)).collect();
    for socket in &mut held {
        // Nearly a whole message, whose end never comes.
        let message = frame(opcode::TEXT, true, &[b'x'; 60_000]);
        socket.send_raw(&message[..message.len() - 1]).expect("it reads");
    }
    scene.goes_on();
    let grown = scene.server.memory_peak() - before;
    assert!(grown < 40 << 20, "{} MiB for 500 connections that hold 15 MB", grown >> 20);
    // 500 and the room's are there; the next twenty or so fill it.
    let more: Vec<TcpStream> = (0..30).map(|_| scene.tcp()).collect();
    let refused = within(SOON, "the server is full", || {
        let answer = http::get(&scene.server.url("/health"));
        (answer.head.status == 503).then_some(answer)
    });
    assert!(refused.head.header("retry-after").is_some(), "{:?}", refused.head);
    // Each is another request of who polls.
    (0..3).for_each(|_| scene.goes_on());
    drop((more, held));
    idle.clear();
    within(SOON, "there is place again", || (http::get(&scene.server.url("/health")).head.status == 200).then_some(()));
}

#[test]
fn trackers_and_stun_bear_nonsense_too() {
    let mut scene = Scene::new(&[]);
    let mut tracker = WebSocket::open(&scene.server.url("/"));
    let deep = "[".repeat(60_000);
    let nonsense = ["", "nonsense", "[]", "{}", r#"{"action":"announce"}"#, r#"{"action":[],"info_hash":{}}"#, &deep];
    for message in nonsense {
        tracker.say(message);
        let answer = tracker.text();
        assert!(answer.contains("failure reason"), "{message:.40}: {answer}");
    }
    tracker.say_bytes(&[0xff; 1000]);
    assert!(tracker.text().contains("failure reason"));
    let answer = json!({ "action": "announce", "info_hash": "h".repeat(20), "peer_id": "p".repeat(20), "left": 0 });
    tracker.say(&answer.to_string());
    assert!(tracker.text().contains("interval"), "it is served all the same");
    let mut large = WebSocket::open(&scene.server.url("/"));
    drop(large.send_raw(&frame(opcode::TEXT, true, &[b' '; 2_000_000])));
    assert_eq!(large.closed(), Some(1009));
    for query in ["", "?", "?info_hash=1", "?info_hash=%", "?info_hash=%ff%fg", &format!("?{}", "a&".repeat(5000))] {
        let answer = http::get(&scene.server.url(&format!("/announce{query}")));
        let failed = answer.body.starts_with(b"d14:failure reason");
        assert!(failed && answer.head.status == 200, "{query:.20}: {}", String::from_utf8_lossy(&answer.body));
    }
    scene.goes_on();

    let stun = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    stun.connect(("127.0.0.1", scene.server.port())).expect("an address");
    stun.set_read_timeout(Some(SOON)).expect("a timeout above zero is accepted");
    let header = |kind: u16, len: u16| {
        [&kind.to_be_bytes()[..], &len.to_be_bytes(), &0x2112_a442_u32.to_be_bytes(), b"transaction!"].concat()
    };
    // Empty, short, of another kind (an answer, so that nobody plays two servers against each other), with attributes that lie.
    let lying = [header(0x0001, 4), vec![0x80, 0x28, 0xff, 0xff]].concat();
    for datagram in [vec![], vec![0; 3], vec![0xff; 1400], header(0x0101, 0), header(0x0001, 9), lying] {
        stun.send(&datagram).expect("it is sent");
    }
    let honest = header(0x0001, 0);
    within(SOON, "the honest question is answered", || {
        stun.send(&honest).expect("it is sent");
        let mut answer = [0; 1500];
        let len = stun.recv(&mut answer).expect("an answer");
        (answer[..2] == [0x01, 0x01] && len >= 32).then_some(())
    });
    scene.goes_on();
}
