//! The connection doctor before real servers, and before everything that is none.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use session::doctor::{Check, Doctor, DoctorOptions, Grade, Topic, report, verdict};
use session::proto::server_url::ServerUrl;
use session::proto::words::Language;
use tests::certificates::Authority;
use tests::signal::Server;
use tests::{SOON, free_port, scratch, within};

fn server(url: &str) -> Option<ServerUrl> {
    Some(ServerUrl::parse(url).expect("a server's address"))
}

/// Everything that it says, by topic; each topic comes once.
fn examined(options: DoctorOptions) -> BTreeMap<Topic, Check> {
    let checks = Doctor::run(options).expect("a thread");
    let mut said = BTreeMap::new();
    while let Ok(check) = checks.recv_blocking() {
        let topic = check.topic;
        assert!(said.insert(topic, check).is_none(), "{topic:?} twice");
    }
    said
}

/// Of a server at that address, with a program for a player that ends at once.
fn server_check(url: &str) -> Check {
    let folder = scratch();
    let downloads = folder.path().to_owned();
    let options = DoctorOptions { server: server(url), player: "true".into(), downloads, ..DoctorOptions::default() };
    let mut said = examined(options);
    for topic in [Topic::WebSocket, Topic::RoundTrip, Topic::Rendezvous, Topic::PublicAddress] {
        assert_eq!(said[&topic].grade, Grade::Skipped, "{topic:?} without a server");
    }
    said.remove(&Topic::Server).expect("the server is examined")
}

/// Answers one connection so, and then no more.
fn answering(answer: impl FnOnce(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || answer(listener.accept().expect("somebody calls").0));
    address.to_string()
}

fn over_http(answer: &'static str) -> String {
    let address = answering(move |mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer.as_bytes());
    });
    format!("http://{address}")
}

#[test]
fn a_machine_with_a_server_of_ours_is_in_order_and_its_report_tells_no_secret() {
    let room = Server::start(&[]);
    let folder = scratch();
    let downloads = folder.path().join("films");
    let options = DoctorOptions {
        server: server(&room.url("")),
        stun: vec![format!("127.0.0.1:{}", room.port())],
        downloads: downloads.clone(),
        relay: true,
        uplink: Some(4_000_000),
        listen_port: free_port(),
        ..DoctorOptions::default()
    };
    let said = examined(options);
    let whole = [
        Topic::Player,
        Topic::Disk,
        Topic::Server,
        Topic::WebSocket,
        Topic::RoundTrip,
        Topic::Rendezvous,
        Topic::PublicAddress,
        Topic::EnginePort,
        Topic::Uplink,
        Topic::Relay,
    ];
    for topic in whole {
        // A runner's disk may be nearly full.
        let well = said[&topic].grade == Grade::Ok || (topic == Topic::Disk && said[&topic].code != Some("E005"));
        assert!(well, "{:?}", said[&topic]);
    }
    assert!(said.contains_key(&Topic::Decoding) && said.contains_key(&Topic::Ipv6));
    assert_eq!(said[&Topic::Devices].grade, Grade::Skipped);
    assert!(said[&Topic::Server].finding.contains(env!("CARGO_PKG_VERSION")), "{:?}", said[&Topic::Server]);

    let checks: Vec<Check> = said.into_values().collect();
    let text = report(Language::English, &checks);
    assert_eq!(text.lines().filter(|line| line.starts_with('[')).count(), checks.len(), "{text}");
    assert!(text.ends_with(&format!("{}\n", verdict(Language::English, &checks).words)));
    let own = tests::own_address().to_string();
    assert!(!text.contains(&own), "{own} in\n{text}");
    assert_eq!(room.metric("rooms"), 0, "and no room was made for it");
}

#[test]
fn servers_that_are_closed_strange_silent_unsafe_and_unknown_are_told_apart() {
    let bad = |url: &str, sign: &str| {
        let check = server_check(url);
        assert_eq!((check.grade, check.code), (Grade::Bad, Some("S001")), "{check:?}");
        assert!(check.finding.contains(sign) && check.help.is_some(), "{url}: {check:?}");
    };
    bad(&format!("http://127.0.0.1:{}", free_port()), "nothing listens");
    bad("http://no.such.name.invalid", "no server of that name");
    bad(&over_http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "not ShareStream's");
    bad(&over_http("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}"), "not ShareStream's");
    bad(&over_http("HTTP/1.1 301 Moved\r\nLocation: https://x\r\nContent-Length: 0\r\n\r\n"), "elsewhere");
    bad(&over_http("SSH-2.0-OpenSSH_9.2\r\n"), "Something else than a web server");
    let address = answering(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    bad(&format!("https://{address}"), "does not speak TLS");
    let config = Arc::new(Authority::new("nobody's").server("127.0.0.1", 2100));
    let address = answering(move |mut stream| {
        let mut tls = rustls::ServerConnection::new(config).expect("a sound configuration");
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
    });
    bad(&format!("https://{address}"), "signed by nobody");
    // It is in the system's queue, and nobody ever takes it out.
    let mute = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = mute.local_addr().expect("a bound socket has an address").port();
    bad(&format!("http://127.0.0.1:{port}"), "says nothing");
}

#[test]
fn a_proxy_that_passes_on_no_websocket_is_named() {
    let room = Server::start(&[]);
    let inner = room.port();
    let proxy = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let outer = proxy.local_addr().expect("a bound socket has an address").port();
    thread::spawn(move || {
        for stream in proxy.incoming() {
            let mut stream = stream.expect("somebody calls");
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..len]).into_owned();
            if request.to_ascii_lowercase().contains("upgrade: websocket") {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            let mut behind = std::net::TcpStream::connect(("127.0.0.1", inner)).expect("the server listens");
            let mut answer = Vec::new();
            let _ = behind.write_all(request.as_bytes());
            let _ = behind.read_to_end(&mut answer);
            let _ = stream.write_all(&answer);
        }
    });
    let folder = scratch();
    let url = server(&format!("http://127.0.0.1:{outer}"));
    let downloads = folder.path().to_owned();
    let said = examined(DoctorOptions { server: url, player: "true".into(), downloads, ..DoctorOptions::default() });
    assert_eq!(said[&Topic::Server].grade, Grade::Ok);
    let check = &said[&Topic::WebSocket];
    assert_eq!(check.grade, Grade::Bad);
    assert!(
        check.finding.contains("400") && check.help.as_ref().is_some_and(|help| help.contains("proxy")),
        "{check:?}"
    );
}

#[test]
fn a_machine_with_nothing_is_told_so() {
    let folder = scratch();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("the test's own folder can be written");
    let options = DoctorOptions {
        player: PathBuf::from("/nowhere/mpv"),
        downloads: file.join("films"),
        ..DoctorOptions::default()
    };
    let said = examined(options);
    assert_eq!((said[&Topic::Player].grade, said[&Topic::Disk].grade), (Grade::Bad, Grade::Bad));
    assert_eq!(said[&Topic::Server].grade, Grade::Skipped);
    let checks: Vec<Check> = said.into_values().collect();
    assert!(
        verdict(Language::English, &checks).words.ends_with("Player, Disk."),
        "{:?}",
        verdict(Language::English, &checks)
    );
}

#[cfg(unix)]
#[test]
fn an_examination_that_nobody_waits_for_ends() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = scratch();
    let (program, started) = (folder.path().join("mpv"), folder.path().join("started"));
    let script = format!("#!/bin/sh\necho $$ > {0}.new && mv {0}.new {0}\nexec sleep 1000\n", started.display());
    std::fs::write(&program, script).expect("the test's own folder can be written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let films = folder.path().join("films");
    let options = DoctorOptions { player: program, downloads: films.clone(), ..DoctorOptions::default() };
    let checks = Doctor::run(options.clone()).expect("a thread");
    let pid = within(SOON, "the player is asked", || std::fs::read_to_string(&started).ok());
    drop(checks);
    within(SOON, "the player is gone", || (!PathBuf::from(format!("/proc/{}", pid.trim())).exists()).then_some(()));
    // The disk would be looked at next, and the folder made; another whole examination gives it the time.
    let others = folder.path().join("others");
    examined(DoctorOptions { player: "true".into(), downloads: others.clone(), ..options });
    assert!(others.exists() && !films.exists());
}

/// A network that swallows what is sent: no answer, no error.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_swallows_everything_is_told_from_a_closed_one() {
    use tests::net::{Addresses, Network};

    let Some(mut network) = Network::new() else { return };
    let host = network.host(Addresses::All);
    // The way there leads over the street, which passes nothing on.
    let check = host.inside(|| server_check("http://203.0.113.9:3001"));
    assert_eq!((check.grade, check.code), (Grade::Bad, Some("S001")));
    assert!(check.finding.contains("Nothing answers"), "{check:?}");
}
