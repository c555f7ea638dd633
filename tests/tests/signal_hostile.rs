//! Clients that mean harm to the signalling server: each is refused or cut, the server's memory stays bounded, and a room beside
//! them goes on as if nothing were.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::guest::{Guest, Way, open_polling};
use tests::http::{self, Connection};
use tests::signal::Server;
use tests::websocket::{Heard, WebSocket, frame, head, opcode};
use tests::{SOON, within};

/// The server with a small room needs about 10 MiB; what is below may cost it so much and no more.
const MEMORY_MAX: u64 = 64 << 20;

/// Nothing lets a connection wait longer than this for what it promised, by the server's limits of 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a room in it whose people talk all the while.
struct Scene {
    server: Server,
    ann: Guest,
    bea: Guest,
    said: usize,
}

impl Scene {
    fn new(flags: &[&str]) -> Self {
        let server = Server::start(&[&["-limits", "off"], flags].concat());
        let mut ann = Guest::connect(&server, Way::WebSocket);
        let made = ann.create("Ann", &json!({}));
        let mut bea = Guest::connect(&server, Way::Polling);
        bea.join(made["room"]["code"].as_str().expect("a code"), "Bea", &json!({}));
        Self { server, ann, bea, said: 0 }
    }

    /// Somebody says something, and the other hears it.
    fn goes_on(&mut self) {
        self.said += 1;
        let text = self.said.to_string();
        self.ann.emit("chat-message", &json!({ "text": text }));
        self.bea.wait_for("chat-message", |told| told["text"] == text.as_str());
    }

    /// A WebSocket of Socket.IO; `connected`: in the main namespace.
    fn socket(&self, connected: bool) -> WebSocket {
        let mut socket = WebSocket::open(&self.url("websocket"));
        assert!(socket.text().starts_with("0{"));
        if connected {
            socket.say("40");
            assert!(socket.text().starts_with("40{"));
        }
        socket
    }

    /// A session that polls, in the main namespace: its URL.
    fn polling(&self) -> String {
        let url = self.server.url("/socket.io/");
        let (sid, _) = open_polling(&mut Connection::open(&url), &url);
        let polling = format!("{}&sid={sid}", self.url("polling"));
        assert_eq!(http::post(&polling, b"40").head.status, 200);
        assert!(http::get(&polling).body.starts_with(b"40{"));
        polling
    }

    fn url(&self, transport: &str) -> String {
        self.server.url(&format!("/socket.io/?EIO=4&transport={transport}"))
    }

    /// A bare connection.
    fn tcp(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.server.port())).expect("the server accepts")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.goes_on();
            assert_eq!(self.server.metric("cut_silent_total"), 0, "nothing ended by its ping alone");
            let peak = self.server.memory_peak();
            assert!(peak < MEMORY_MAX, "it took {} MiB", peak >> 20);
            assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
        }
    }
}

#[test]
fn what_is_no_socket_io_is_refused_with_its_reason_and_the_connection_ends() {
    let mut scene = Scene::new(&[]);
    let deep = |levels: usize| format!(r#"42["x",{}{}]"#, "[".repeat(levels), "]".repeat(levels));
    let malformed = [
        // JSON that is none, and JSON that no stack would bear.
        "42".to_owned(),
        "42{}".to_owned(),
        "42[]".to_owned(),
        "42[1]".to_owned(),
        r#"42["x""#.to_owned(),
        r#"42["x"]]"#.to_owned(),
        r#"42["x",1e999]"#.to_owned(),
        r#"42["x","\ud800"]"#.to_owned(),
        deep(17),
        deep(30_000),
        format!(r#"42["x",{}"#, r#"{"a":"#.repeat(10_000)),
        // Reserved names, unknown kinds, packets out of place.
        r#"42["connect"]"#.to_owned(),
        r#"42["disconnect"]"#.to_owned(),
        "4".to_owned(),
        "47".to_owned(),
        "4x".to_owned(),
        "40[]".to_owned(),
        "40\"auth\"".to_owned(),
        r#"44{"message":"no"}"#.to_owned(),
        "41[]".to_owned(),
        format!("40/{},", "n".repeat(65)),
        // Numbers of acknowledgements.
        "43[1]".to_owned(),
        "4399999999999999999999[1]".to_owned(),
        format!(r#"42{}["x"]"#, "9".repeat(40)),
        // Attachments: too many, uncounted, and placeholders that stand for none.
        r#"45["x"]"#.to_owned(),
        r#"45-["x"]"#.to_owned(),
        r#"451-["x"]"#.to_owned(),
        r#"4517-["x"]"#.to_owned(),
        r#"459999999999999999999-["x"]"#.to_owned(),
        r#"45-1-["x"]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":1}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":-1}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true,"num":0.5}]"#.to_owned(),
        r#"451-["x",{"_placeholder":true}]"#.to_owned(),
        r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#.to_owned(),
        r#"42["x",{"_placeholder":true,"num":0}]"#.to_owned(),
    ];
    for packet in malformed {
        let mut socket = scene.socket(true);
        socket.say(&packet);
        let told = socket.text();
        assert!(told.starts_with(r#"42["error","#) && told.contains("S013"), "{packet:.60}: {told}");
        assert_eq!(socket.closed(), Some(1000), "{packet:.60}");
        scene.goes_on();
    }
    // More than an event may have, and less than a message: that one is refused, and no more.
    let mut socket = scene.socket(true);
    socket.say(&format!(r#"42["x","{}"]"#, "x".repeat(70_000)));
    assert!(socket.text().contains("S013"));
    socket.say(r#"420["get-ice-servers"]"#);
    assert!(socket.text().contains("S008"), "it is still served");
    let polling = scene.polling();
    assert_eq!(http::post(&polling, deep(30_000).as_bytes()).head.status, 200, "it was Engine.IO");
    let last = http::get(&polling);
    assert!(last.head.status == 400 || last.body.ends_with(b"1"), "{}", String::from_utf8_lossy(&last.body));
}

#[test]
fn attachments_come_when_they_were_announced_and_are_counted_in() {
    let mut scene = Scene::new(&[]);
    let one = r#"451-["x",{"_placeholder":true,"num":0}]"#;
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say(r#"42["x"]"#);
    assert!(socket.text().contains("S013"), "text in place of an attachment");
    assert_eq!(socket.closed(), Some(1000));
    let mut socket = scene.socket(true);
    socket.say_bytes(b"nobody announced this");
    assert!(socket.text().contains("S013"));
    assert_eq!(socket.closed(), Some(1000));
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say_bytes(&[0; 66_000]);
    assert!(socket.text().contains("S013"), "longer than an event");
    assert_eq!(socket.closed(), Some(1000));
    // An honest one is an event that nobody knows, and no offence; an answer to what was never asked neither.
    let mut socket = scene.socket(true);
    socket.say(one);
    socket.say_bytes(b"bytes");
    socket.say("4399[]");
    socket.say("40/elsewhere,");
    assert_eq!(socket.text(), r#"44/elsewhere,{"message":"Invalid namespace"}"#);
    socket.say(r#"420["get-ice-servers"]"#);
    assert!(socket.text().contains("S008"), "it is still served");
    scene.goes_on();
}

#[test]
fn who_speaks_before_connect_or_no_engine_io_is_closed() {
    let mut scene = Scene::new(&[]);
    for packet in ["42[\"chat-message\",{}]", "41", "", "9", "x", "0{}", "6x5", "\u{0}", "40/nowhere,", "4\u{fffd}"] {
        let mut socket = scene.socket(false);
        socket.say(packet);
        if packet == "41" || packet.starts_with("40/") {
            // Nothing that ends a connection; but one that never connects ends by its time.
            continue;
        }
        assert!(socket.closed().is_some(), "{packet:?}");
    }
    let mut socket = scene.socket(true);
    socket.say("40");
    assert_eq!(socket.closed(), Some(1000), "connected twice");
    let mut socket = scene.socket(true);
    socket.say("5");
    assert_eq!(socket.closed(), Some(1000), "there is nothing to change to");
    scene.goes_on();
}

#[test]
fn frames_that_break_the_rules_of_websocket_end_the_connection() {
    let mut scene = Scene::new(&[]);
    let text = |first: u8| {
        let mut bytes = frame(opcode::TEXT, true, b"2");
        bytes[0] = first;
        bytes
    };
    let whole = "x".repeat(100_001);
    let part = |kind, last| frame(kind, last, &[b'x'; 60_000]);
    let broken = [
        ("more than a message may have", frame(opcode::TEXT, true, whole.as_bytes()), Some(1009)),
        ("the same in bytes", frame(opcode::BINARY, true, whole.as_bytes()), Some(1009)),
        ("a length that no memory has", [head(opcode::TEXT, true, true, 1 << 62), vec![0; 4]].concat(), Some(1009)),
        ("a length of 64 bits", [head(opcode::BINARY, true, true, u64::MAX), vec![0; 4]].concat(), Some(1009)),
        ("too much in parts", [part(opcode::TEXT, false), part(opcode::CONTINUATION, false)].concat(), Some(1009)),
        ("no mask", [head(opcode::TEXT, true, false, 2), b"40".to_vec()].concat(), Some(1002)),
        ("reserved bits", text(0xf1), Some(1002)),
        ("a kind that does not exist", text(0x83), Some(1002)),
        ("a ping in parts", text(0x09), Some(1002)),
        ("a long ping", frame(opcode::PING, true, &[0; 126]), Some(1002)),
        ("the end of nothing", text(0x80), Some(1002)),
        ("a beginning within a message", [text(0x01), text(0x01)].concat(), Some(1002)),
        ("text that is none", frame(opcode::TEXT, true, &[0xff, 0xfe]), Some(1002)),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Some(1002)),
    ];
    for (what, bytes, code) in broken {
        let mut socket = scene.socket(true);
        // It may close before it has read all of it.
        drop(socket.send_raw(&bytes));
        let closed = socket.closed();
        assert!(code.is_none() || closed == code, "{what}: {closed:?}");
        scene.goes_on();
    }
    let mut socket = scene.socket(true);
    socket.send_raw(&part(opcode::TEXT, false)[..1000]).expect("it reads");
    drop(socket);
    scene.goes_on();
}

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
    scene.goes_on();
    drop((more, held));
    idle.clear();
    within(SOON, "there is place again", || (http::get(&scene.server.url("/health")).head.status == 200).then_some(()));
}

#[test]
fn a_stranger_cannot_speak_for_another_or_outside_a_room() {
    let mut scene = Scene::new(&[]);
    let mut socket = scene.socket(true);
    // Engine.IO's session ids are secrets; what others are told is another name.
    let public = scene.ann.peer_id().to_owned();
    let asked = format!("{}&sid={public}", scene.url("polling"));
    assert_eq!(http::get(&asked).head.status, 400);
    assert_eq!(http::post(&asked, b"41").head.status, 400);
    let asked = format!("{}&sid={public}", scene.url("websocket"));
    let refused = WebSocket::try_open(&asked, &[]).map(drop);
    assert_eq!(refused.map_err(|answer| answer.head.status), Err(400));
    socket.say(&format!("42{}", json!(["offer", { "to": public, "offer": {} }])));
    assert!(socket.text().contains("S008"), "in no room");
    socket.say(&format!("42{}", json!(["end-room", {}])));
    assert!(socket.text().contains("S008"));
    assert_eq!(socket.hear(Duration::from_millis(1)), Heard::Nothing);
    scene.goes_on();
}
