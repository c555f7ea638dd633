//! What the signalling server answers beside its rooms, its flags, and how it starts.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};
use tests::http::{self, Response};
use tests::signal::{Server, run};
use tests::websocket::WebSocket;

fn json_at(url: &str) -> Value {
    serde_json::from_slice(&http::get(url).body).expect("it is JSON")
}

#[test]
fn health_and_metrics_count() {
    let server = Server::start(&[]);
    let health = server.health();
    assert_eq!((&health["status"], &health["rooms"], &health["participants"]), (&json!("ok"), &json!(0), &json!(0)));
    assert!(health["version"].is_string() && health["uptime"].is_u64(), "{health}");
    let metrics = http::get(&server.url("/metrics"));
    assert_eq!(metrics.head.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(server.metric("connections"), 0);
    let head = http::request("HEAD", &server.url("/health"), &[]);
    assert_eq!((head.head.status, head.body.len()), (200, 0));
}

#[test]
fn the_rendezvous_names_what_engines_need() {
    let server = Server::start(&[]);
    let port = server.port();
    let offered = json_at(&server.url("/rendezvous"));
    let expected = json!({
        "announce": format!("http://127.0.0.1:{port}/announce"),
        "websocket": format!("ws://127.0.0.1:{port}/"),
        "dht": [],
        "stun": [format!("stun:127.0.0.1:{port}")],
    });
    assert_eq!(offered, expected);
    let server = Server::start(&["-public-url", "https://rooms.example/"]);
    let offered = json_at(&server.url("/rendezvous"));
    assert_eq!(offered["announce"], "https://rooms.example/announce");
    assert_eq!(offered["websocket"], "wss://rooms.example/");
}

#[test]
fn pages_of_any_origin_may_unless_told_otherwise() {
    let server = Server::start(&[]);
    let origin = |response: &Response| response.head.header("access-control-allow-origin").map(str::to_owned);
    let asked = [("Origin", "https://a.example")];
    for path in ["/health", "/rendezvous", "/socket.io/?EIO=4&transport=polling", "/nothing"] {
        let response = http::request("GET", &server.url(path), &asked);
        assert_eq!(origin(&response).as_deref(), Some("*"), "{path}");
        assert_eq!(response.head.header("access-control-allow-credentials"), None, "identity is no cookie");
    }
    let preflight = http::request(
        "OPTIONS",
        &server.url("/socket.io/?EIO=4&transport=polling"),
        &[
            ("Origin", "https://a.example"),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type, x-own"),
        ],
    );
    assert_eq!(preflight.head.status, 204);
    assert!(preflight.head.header("access-control-allow-methods").expect("methods").contains("POST"));
    assert_eq!(preflight.head.header("access-control-allow-headers"), Some("content-type, x-own"));

    let server = Server::start(&["-cors", "https://a.example,https://b.example"]);
    let polling = server.url("/socket.io/?EIO=4&transport=polling");
    assert_eq!(origin(&http::request("GET", &polling, &asked)).as_deref(), Some("https://a.example"));
    let strange = [("Origin", "https://c.example")];
    assert_eq!(origin(&http::request("GET", &polling, &strange)), None, "the browser keeps it from the page");
    for path in ["/socket.io/?EIO=4&transport=websocket", "/"] {
        let url = server.url(path);
        let refused = WebSocket::try_open(&url, &strange).err().expect("no browser checks this one");
        assert_eq!(refused.head.status, 403, "{path}");
        assert!(WebSocket::try_open(&url, &asked).is_ok(), "{path}");
        assert!(WebSocket::try_open(&url, &[]).is_ok(), "no page asks: {path}");
    }
}

#[test]
fn the_tracker_gives_addresses_that_work() {
    let server = Server::start(&["-trust-proxy", "127.0.0.0/8"]);
    let announce = |peer: char, rest: &str, from: Option<&str>| {
        let peer = peer.to_string().repeat(20);
        let url = server.url(&format!("/announce?info_hash={}&peer_id={peer}&{rest}", "%AA".repeat(20)));
        let headers: Vec<_> = from.map(|from| ("X-Forwarded-For", from)).into_iter().collect();
        String::from_utf8_lossy(&http::request("GET", &url, &headers).body).into_owned()
    };
    let loopback = announce('s', "port=5001&left=0&ipv4=192.168.1.5", None);
    assert!(loopback.contains("5:peers0:") && loopback.contains("8:completei1e"), "{loopback}");
    // From outside, through a proxy that is believed, to an address that the request names.
    let outside = announce('o', "port=5002&left=1&ipv4=192.168.7.7", Some("198.51.100.7"));
    assert!(outside.contains("5:peers6:\u{7f}\0\0\u{1}"), "the server's own address, as it was reached: {outside:?}");
    let neighbour = announce('n', "port=5003&left=1", Some("198.51.100.7"));
    assert!(neighbour.contains("5:peers12:") || neighbour.contains("5:peers18:"), "{neighbour:?}");
    assert!(announce('x', "port=5004&left=1&numwant=0", None).contains("5:peers0:"));
    for (query, why) in [
        ("port=5001", "info_hash"),
        ("info_hash=short&port=1", "info_hash"),
        (&format!("info_hash={0}&peer_id={0}&port=0", "a".repeat(20)), "port"),
        (&format!("info_hash={0}&port=1", "a".repeat(20)), "peer_id"),
    ] {
        let response = http::get(&server.url(&format!("/announce?{query}")));
        let body = String::from_utf8_lossy(&response.body).into_owned();
        assert!(
            response.head.status == 200 && body.contains("failure reason") && body.contains(why),
            "{query}: {body}"
        );
    }
    let everything = http::get(&server.url("/scrape"));
    assert!(String::from_utf8_lossy(&everything.body).contains("must name"));
}

#[test]
fn stun_tells_who_asks_by_udp_how_they_are_seen() {
    let server = Server::start(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let to = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let mut packet = [0; 100];
    // What is no request gets nothing, and the next is answered all the same.
    socket.send_to(b"hello", to).unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"].concat();
    socket.send_to(&request, to).unwrap();
    let (len, _) = socket.recv_from(&mut packet).unwrap();
    assert_eq!((&packet[..2], &packet[4..20]), (&[1, 1][..], &request[4..]));
    let port = u16::from_be_bytes([packet[26], packet[27]]) ^ 0x2112;
    assert_eq!((len >= 32, port), (true, socket.local_addr().unwrap().port()));
}

#[test]
fn invitations_are_pages_and_nothing_else_is() {
    let server = Server::start(&[]);
    let page = http::get(&server.url("/j/ABC1-2345"));
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(page.head.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        text.contains("ABC1-2345")
            && text.contains(&format!("sharestream://join/ABC1-2345?s=ws://127.0.0.1:{}", server.port()))
    );
    assert_eq!(http::get(&server.url("/")).head.status, 200);
    for path in ["/j/", "/j/a", "/j/%22%3E%3Cscript%3E", "/nothing", "/socket.io/x", "/j/ABC1-2345/x"] {
        assert_eq!(http::get(&server.url(path)).head.status, 404, "{path}");
    }
    let posted = http::request("POST", &server.url("/health"), &[("Content-Length", "0")]);
    assert_eq!((posted.head.status, posted.head.header("allow")), (405, Some("GET, HEAD")));
    let lost = http::get(&server.url("/j/%22%3E%3Cscript%3E"));
    assert_eq!(lost.head.header("content-type"), Some("text/html; charset=utf-8"));
    let text = String::from_utf8(lost.body).unwrap();
    assert!(text.contains("This is no invitation") && !text.contains("%22"));
    let evil = http::request("GET", &server.url("/j/ABC1-2345"), &[("Host", "x\"><script>")]);
    assert!(!String::from_utf8_lossy(&evil.body).contains("x\"><script>"));
}

#[test]
fn pages_speak_the_browsers_language_and_run_nothing_that_is_not_in_them() {
    let server = Server::start(&["-app-url", "https://get.example/app?of=1"]);
    for path in ["/", "/j/ABC1-2345"] {
        for (wanted, given) in [("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr", "en"), ("", "en")] {
            let page = http::request("GET", &server.url(path), &[("Accept-Language", wanted)]);
            assert_eq!(page.head.header("content-language"), Some(given), "{path} {wanted}");
            assert_eq!(page.head.header("vary"), Some("Accept-Language"));
            assert_eq!(page.head.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(page.head.header("x-content-type-options"), Some("nosniff"));
            let policy = page.head.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
            let text = String::from_utf8(page.body).unwrap();
            assert!(text.contains(&format!("lang=\"{given}\"")), "{path} {wanted}");
            assert_eq!(text.contains("<a href=\"https://get.example/app?of=1\">"), path != "/");
        }
    }
}

#[test]
fn more_clients_than_fit_are_told_so() {
    let server = Server::start(&["-max-clients", "3"]);
    let held: Vec<WebSocket> =
        (0..3).map(|_| WebSocket::open(&server.url("/socket.io/?EIO=4&transport=websocket"))).collect();
    let refused = http::get(&server.url("/health"));
    assert_eq!((refused.head.status, refused.head.header("retry-after")), (503, Some("5")));
    drop(held);
    tests::within(tests::SOON, "there is room again", || {
        (http::get(&server.url("/health")).head.status == 200).then_some(())
    });
}

#[test]
fn the_command_line_says_what_is_wrong_with_it() {
    let (status, stdout, _) = run(&["--help"], &[]);
    assert!(status.success() && stdout.contains("-host-grace") && stdout.contains("TURN_SECRET"));
    let (status, stdout, _) = run(&["-version"], &[]);
    assert!(status.success() && stdout.starts_with("sharestream-signal "));
    for (words, environment, why) in [
        (&["-port", "x"][..], &[][..], "-port x: it takes a port"),
        (&["-app-url", "javascript:alert(1)"], &[], "-app-url javascript:alert(1): it takes https://"),
        (&["-nonsense"], &[], "no flag -nonsense"),
        (&[], &[("HOST_GRACE", "soon")], "HOST_GRACE soon: it takes a time"),
        (&["-trust-proxy", "proxy"], &[], "networks"),
    ] {
        let (status, stdout, stderr) = run(words, environment);
        assert_eq!((status.code(), stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(stderr.contains(why) && stderr.contains("--help"), "{stderr}");
    }
}

#[test]
fn the_check_for_containers_says_whether_the_server_is_well() {
    let server = Server::start(&[]);
    let port = server.port().to_string();
    let (status, stdout, _) = run(&["-check"], &[("PORT", port.as_str())]);
    assert!(status.success() && stdout.contains("\"status\":\"ok\""), "{stdout}");
    drop(server);
    let (status, _, stderr) = run(&["-check", "-port", &port], &[]);
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("nobody answers"), "{stderr}");
}

#[test]
fn a_port_that_is_taken_and_a_key_that_is_none() {
    let server = Server::start(&[]);
    let port = server.port().to_string();
    let (status, _, stderr) = run(&["-port", &port], &[]);
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains(&port) && stderr.contains("choose one with -port"), "{stderr}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "notes").unwrap();
    let (status, _, stderr) = run(&["-port", "0", "-state-dir", folder.path().to_str().unwrap()], &[]);
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("no key of ours"), "{stderr}");
}
