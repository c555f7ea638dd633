//! Several processes that are one server by way of Redis.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::guest::{Guest, WAYS, Way, joining};
use tests::process::{Program, find};
use tests::signal::{Server, run};
use tests::{SOON, free_port, within};

const MAGNET: &str = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
/// Another process goes on with a dead one's rooms within this.
const TAKEOVER: Duration = Duration::from_secs(5);

struct Redis {
    program: Program,
    port: u16,
}

impl Redis {
    /// Starts one that is old enough to be believed: what acted as owner before it began is over.
    fn start() -> Self {
        let redis = Self::start_on(free_port());
        within(SOON, "Redis is old enough", || (redis.uptime() >= 4).then_some(()));
        redis
    }

    fn start_on(port: u16) -> Self {
        let number = port.to_string();
        let mut command = Command::new(find("redis-server"));
        let program =
            Program::start(command.args(["--port", &number, "--bind", "127.0.0.1", "--save", "", "--dir", "/"]));
        within(SOON, "Redis listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        Self { program, port }
    }

    fn ask(&self, words: &[&str]) -> String {
        let mut command = Command::new(find("redis-cli"));
        Program::start(command.args(["-p", &self.port.to_string()]).args(words)).must_succeed(SOON).0
    }

    fn uptime(&self) -> u64 {
        let said = self.ask(&["INFO", "server"]);
        let line = said.lines().find_map(|line| line.strip_prefix("uptime_in_seconds:"));
        line.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0)
    }

    fn process(&self) -> Server {
        let url = format!("redis://127.0.0.1:{}", self.port);
        Server::start_with(&["-limits", "off"], &[("REDIS_URL", &url), ("SECRET", "the same for all")])
    }
}

fn code_of(joined: &Value) -> &str {
    joined["room"]["code"].as_str().expect("a room has a code")
}

#[test]
fn people_at_three_processes_are_in_one_room() {
    let redis = Redis::start();
    let processes = [redis.process(), redis.process(), redis.process()];
    let mut host = Guest::connect(&processes[0], Way::WebSocket);
    let created = host.create("Ann", &json!({}));
    let code = code_of(&created);
    let mut others: Vec<Guest> = Vec::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        let mut guest = Guest::connect(&processes[number % 2 + 1], way);
        let name = ["Bea", "Cem", "Dan"][number];
        assert_eq!(guest.join(code, name, &json!({}))["room"]["role"], "viewer");
        others.push(guest);
    }
    host.emit("torrent-magnet", &json!({ "magnetURI": MAGNET }));
    for guest in &mut others {
        assert_eq!(guest.wait_for("torrent-magnet", |_| true)["magnetURI"], MAGNET);
    }
    // What one says arrives everywhere in the order it was said.
    for number in 0..200 {
        others[0].emit("chat-message", &json!({ "text": number.to_string() }));
    }
    for guest in std::iter::once(&mut host).chain(&mut others[1..]) {
        for number in 0..200 {
            assert_eq!(guest.wait_for("chat-message", |_| true)["text"], number.to_string());
        }
    }
    // A call's signalling finds its way, an answer comes back, authority is the owner's.
    let to = others[2].peer_id().to_owned();
    others[1].emit("offer", &json!({ "to": to, "offer": { "type": "offer", "sdp": "v=0" } }));
    assert_eq!(others[2].wait_for("offer", |_| true)["from"], others[1].peer_id());
    assert_eq!(others[0].ask("sync-pause", &json!({ "time": 1, "actionId": "x" }))["code"], "S008");
    let mut rival = Guest::connect(&processes[2], Way::WebSocket);
    assert_eq!(
        rival.refused("create-room", &json!({ "participantId": "r", "name": "R", "requestedCode": code })),
        "S004"
    );
    assert_eq!(
        rival.ask("join-room", &json!({ "code": "NOSUCHROOM", "participantId": "r", "name": "R" }))["code"],
        "S002"
    );
    others.remove(0).vanish();
    host.wait_for("participant-updated", |one| one["id"] == "bea" && one["away"] == true);
}

#[test]
fn when_the_owner_dies_another_goes_on_and_everybody_keeps_their_place() {
    let redis = Redis::start();
    let [owner, second, third] = [redis.process(), redis.process(), redis.process()];
    let mut host = Guest::connect(&owner, Way::WebSocket);
    let created = host.create("Ann", &json!({}));
    let code = code_of(&created).to_owned();
    let [mut bea, mut cem] = [&second, &third].map(|process| Guest::connect(process, Way::WebSocket));
    bea.join(&code, "Bea", &json!({}));
    cem.join(&code, "Cem", &json!({}));
    host.emit("torrent-magnet", &json!({ "magnetURI": MAGNET }));
    host.emit("sync-pause", &json!({ "time": 42.5, "actionId": "1" }));
    host.emit("chat-message", &json!({ "text": "before" }));
    cem.wait_for("chat-message", |_| true);
    within(SOON, "the owner has kept what was said", || {
        redis.ask(&["HGET", &format!("sharestream:room:{code}"), "text"]).contains("before").then_some(())
    });

    owner.kill();
    let killed = Instant::now();
    let mut host = Guest::connect(&second, Way::WebSocket);
    host.emit("join-room", &joining(&code, "Ann", &json!({ "sessionToken": created["sessionToken"] })));
    let back = host.wait_for("room-joined", |_| true);
    assert_eq!((&back["success"], &back["room"]["role"]), (&json!(true), &json!("host")), "{back}");
    let roles: Vec<_> =
        back["room"]["participants"].as_array().expect("a list").iter().map(|one| (&one["id"], &one["role"])).collect();
    assert_eq!(
        roles,
        [(&json!("ann"), &json!("host")), (&json!("bea"), &json!("viewer")), (&json!("cem"), &json!("viewer"))]
    );
    assert_eq!(host.wait_for("torrent-magnet", |_| true)["magnetURI"], MAGNET);
    assert_eq!(host.wait_for("playback-snapshot", |_| true)["playback"]["time"], 42.5);
    assert_eq!(host.wait_for("chat-history", |_| true)["messages"][0]["text"], "before");
    bea.emit("chat-message", &json!({ "text": "after" }));
    for guest in [&mut host, &mut cem] {
        guest.wait_for("chat-message", |chat| chat["text"] == "after");
    }
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());
    host.emit("sync-pause", &json!({ "time": 50, "actionId": "2" }));
    assert_eq!(cem.wait_for("sync-pause", |said| said["actionId"] == "2")["time"], 50.0);
}

#[test]
fn a_removal_and_a_role_hold_at_every_process_and_outlive_their_owner() {
    let redis = Redis::start();
    let [owner, second, third] = [redis.process(), redis.process(), redis.process()];
    let mut host = Guest::connect(&owner, Way::WebSocket);
    let created = host.create("Ann", &json!({}));
    let code = code_of(&created).to_owned();
    let [mut bea, mut cem] = [&second, &third].map(|process| Guest::connect(process, Way::WebSocket));
    bea.join(&code, "Bea", &json!({}));
    let token = cem.join(&code, "Cem", &json!({}))["sessionToken"].clone();
    host.ask("set-role", &json!({ "id": "bea", "role": "cohost" }));
    host.emit("kick", &json!({ "id": "cem" }));
    assert_eq!(cem.wait_for("error", |_| true)["code"], "S007");
    cem.wait_end();
    // The last thing before its end is kept all the same: it was kept before anybody elsewhere heard of it.
    host.emit("torrent-magnet", &json!({ "magnetURI": MAGNET }));
    bea.wait_for("torrent-magnet", |_| true);
    owner.kill();
    // What an owner was asked that is gone is answered: try again.
    let played = within(2 * TAKEOVER, "a cohost controls", || {
        let answer = bea.ask("sync-seek", &json!({ "time": 34, "actionId": "seek" }));
        assert!(answer.get("code").is_none_or(|code| code == "S012"), "{answer}");
        answer.get("code").is_none().then_some(answer)
    });
    assert_eq!(played["time"], 34.0);
    assert!(!bea.has_ended(), "who was elsewhere is not cut");
    let mut cem = Guest::connect(&second, Way::WebSocket);
    assert_eq!(cem.refused("join-room", &joining(&code, "Cem", &json!({ "sessionToken": token }))), "S007");
    let mut dan = Guest::connect(&third, Way::WebSocket);
    let joined = dan.join(&code, "Dan", &json!({}));
    let people = joined["room"]["participants"].as_array().expect("a list").iter();
    let roles: Vec<_> = people.map(|one| (one["id"].as_str(), one["role"].as_str())).collect();
    let is = |id, role| (Some(id), Some(role));
    assert_eq!(roles, [is("ann", "host"), is("bea", "cohost"), is("dan", "viewer")]);
    assert_eq!(dan.wait_for("torrent-magnet", |_| true)["magnetURI"], MAGNET);
    dan.wait_for("participant-updated", |one| one["id"] == "ann" && one["away"] == true);
}

#[test]
fn a_process_that_is_told_to_stop_hands_its_rooms_over() {
    let redis = Redis::start();
    let [mut owner, second] = [redis.process(), redis.process()];
    let mut host = Guest::connect(&owner, Way::WebSocket);
    let created = host.create("Ann", &json!({}));
    let mut bea = Guest::connect(&second, Way::WebSocket);
    bea.join(code_of(&created), "Bea", &json!({}));
    owner.terminate();
    host.wait_for("server-restarting", |_| true);
    assert!(owner.wait_exit(TAKEOVER).success(), "{}", owner.log());
    let mut host = Guest::connect(&second, Way::WebSocket);
    host.emit("join-room", &joining(code_of(&created), "Ann", &json!({ "sessionToken": created["sessionToken"] })));
    assert_eq!(host.wait_for("room-joined", |_| true)["room"]["role"], "host");
    bea.emit("chat-message", &json!({ "text": "still here" }));
    host.wait_for("chat-message", |_| true);
    assert!(!bea.has_ended(), "who was at the other process noticed nothing of it");
}

#[test]
fn without_redis_for_a_moment_nobody_loses_a_place() {
    let mut redis = Redis::start();
    let [first, second] = [redis.process(), redis.process()];
    let mut host = Guest::connect(&first, Way::WebSocket);
    let created = host.create("Ann", &json!({}));
    let mut bea = Guest::connect(&second, Way::WebSocket);
    bea.join(code_of(&created), "Bea", &json!({}));
    let port = redis.port;
    redis.program.terminate();
    redis.program.wait(SOON).expect("Redis ends");
    within(SOON, "it is said", || first.log().contains("Redis cannot be used").then_some(()));
    let redis = Redis::start_on(port);
    // Its memory is gone with it; the owner still knows its room, and the others find it again.
    let heard = within(3 * SOON, "the room goes on", || {
        bea.emit("chat-message", &json!({ "text": "are you there?" }));
        std::thread::sleep(Duration::from_millis(300));
        host.settle();
        host.heard("chat-message").next().map(|chat| chat["sender"].clone())
    });
    assert_eq!(heard, "Bea");
    drop(redis);
}

#[test]
fn what_cannot_be_a_cluster_is_refused_at_the_start() {
    for (environment, why) in [
        (&[("REDIS_URL", "redis://127.0.0.1:1")][..], "SECRET, the same"),
        (&[("REDIS_URL", "127.0.0.1"), ("SECRET", "s")], "redis://"),
        (&[("REDIS_URL", "redis://h:port"), ("SECRET", "s")], "redis://"),
    ] {
        let (status, _, stderr) = run(&["-port", "0"], environment);
        assert!(!status.success() && stderr.contains(why), "{environment:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}
