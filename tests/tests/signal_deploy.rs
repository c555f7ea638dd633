//! docs/deploy.md's own configurations, read out of that page: nginx in front of the server, coturn for its calls.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::guest::{Guest, WAYS, Way};
use tests::process::{Program, find};
use tests::signal::Server;
use tests::{SOON, free_port, http, scratch, within};

/// coturn's own client takes 2 s.
const RELAYED: Duration = Duration::from_secs(20);

/// The block of the page that is marked so.
fn block(mark: &str) -> String {
    let page = tests::built::package_dir().join("../docs/deploy.md");
    let text = fs::read_to_string(page).expect("the page is there");
    let (_, after) = text.split_once(&format!("<!-- test: {mark} -->")).expect("the page has the mark");
    let (_, body) = after.split_once('\n').and_then(|(_, rest)| rest.split_once('\n')).expect("a fence follows");
    body.split_once("\n```").expect("the fence is closed").0.to_owned()
}

fn replaced(text: &str, what: &str, by: &str) -> String {
    assert!(text.contains(what), "the page still says {what}");
    text.replace(what, by)
}

#[test]
fn behind_nginx_everything_works_and_addresses_are_peoples_own() {
    let folder = scratch();
    let server = Server::start(&["-bind", "127.0.0.1", "-trust-proxy", "127.0.0.1"]);
    let port = free_port();
    let site = replaced(&block("nginx"), "listen 80;", &format!("listen 127.0.0.1:{port};"));
    let site = replaced(&site, "http://127.0.0.1:3001", &format!("http://127.0.0.1:{}", server.port()));
    let dir = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {dir}/{kind};\n"))
        .concat();
    let config = folder.path().join("nginx.conf");
    let around = format!("pid {dir}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n");
    fs::write(&config, around).unwrap();
    let mut command = Command::new(find("nginx"));
    command
        .args(["-e", "stderr", "-g", "daemon off; master_process off;", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(&config);
    let nginx = Program::start(&mut command);
    let url = format!("http://127.0.0.1:{port}");
    let rooms = format!("{url}/socket.io/");
    within(SOON, &format!("nginx listens\n{}", nginx.stderr.text()), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
    });
    assert_eq!(http::get(&format!("{url}/health")).head.status, 200);

    for way in WAYS {
        let (mut host, mut viewer) = (Guest::connect_to(&rooms, way), Guest::connect_to(&rooms, way));
        let code = host.create("Ann", &json!({}))["room"]["code"].as_str().expect("a code").to_owned();
        viewer.join(&code, "Bea", &json!({}));
        host.emit("sync-pause", &json!({ "time": 5, "actionId": "1" }));
        assert_eq!(viewer.wait_for("sync-pause", |_| true)["time"], 5.0, "{way:?}");
    }
    // Guessing counts against whom nginx names, not against nginx.
    let guesses: Vec<Value> = (0..12)
        .map(|_| {
            let mut guest = Guest::connect_to(&rooms, Way::WebSocket);
            guest.ask("join-room", &json!({ "code": "NOSUCHROOM", "participantId": "x", "name": "X" }))["code"].clone()
        })
        .collect();
    assert_eq!(guesses.last(), Some(&json!("S010")), "{guesses:?}");
    let offered: Value = serde_json::from_slice(&http::get(&format!("{url}/rendezvous")).body).unwrap();
    assert_eq!(offered["announce"], format!("{url}/announce"));
}

#[test]
fn coturn_takes_the_credentials_that_the_server_gives_and_no_others() {
    let folder = scratch();
    let (dir, port) = (folder.path().display(), free_port());
    let config = replaced(&block("coturn"), "listening-port=3478", &format!("listening-port={port}"));
    let config = replaced(&config, "CHANGE-ME", "a secret of this test");
    // On one machine everybody is on loopback, which relays refuse otherwise.
    let own = format!(
        "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nallow-loopback-peers\nno-tls\nno-dtls\nlog-file=stdout\nsimple-log\n\
         pidfile={dir}/pid\nuserdb={dir}/db\n"
    );
    let file = folder.path().join("turnserver.conf");
    fs::write(&file, format!("{config}\n{own}")).unwrap();
    let coturn = Program::start(Command::new(find("turnserver")).arg("-c").arg(&file));
    within(SOON, "coturn listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));

    let environment =
        [("TURN_URL", format!("turn:127.0.0.1:{port}")), ("TURN_SECRET", "a secret of this test".to_owned())];
    let environment = [(environment[0].0, environment[0].1.as_str()), (environment[1].0, environment[1].1.as_str())];
    let server = Server::start_with(&["-ice-ttl", "60s"], &environment);
    let mut guest = Guest::connect(&server, Way::WebSocket);
    guest.create("Ann", &json!({}));
    let given = guest.ask("get-ice-servers", &json!({}));
    let relay = given["iceServers"].as_array().expect("a list").iter().find(|one| one["username"].is_string());
    let relay = relay.unwrap_or_else(|| panic!("a relay in {given}"));
    let (name, password) =
        (relay["username"].as_str().expect("a name"), relay["credential"].as_str().expect("a password"));

    let relays = |name: &str, password: &str| {
        let mut client = Command::new(find("turnutils_uclient"));
        client.args(["-y", "-c", "-n", "1", "-p", &port.to_string(), "-u", name, "-w", password, "127.0.0.1"]);
        let mut client = Program::start(&mut client);
        let status = client.wait(RELAYED);
        (status.is_some_and(|status| status.success()), client.stdout.text() + &client.stderr.text())
    };
    let (relayed, said) = relays(name, password);
    assert!(relayed, "{said}\n{}", coturn.stdout.text());
    let (_, who) = name.split_once(':').expect("an expiry and a name");
    for (name, password) in [(name, "wrong"), (&format!("1700000000:{who}"), password), (&format!("{name}x"), password)]
    {
        let (relayed, said) = relays(name, password);
        assert!(!relayed, "{name}: {said}");
    }
}
