//! `limit` while things run: what passes follows it, both ways, at once and without a new connection.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::SOON;
use tests::engine::Engine;
use tests::film::random_file;
use tests::{scratch, within};

/// Long enough that neither a piece nor a burst of 256 KiB makes a half of what passes.
const MEASURED: Duration = Duration::from_secs(4);

/// What is in sockets' buffers when a limit changes still arrives; then the rate is the new one.
const SETTLED: u64 = 1_500_000;

#[test]
fn limits_change_what_passes_both_ways_while_it_runs() {
    let folder = scratch();
    let film = folder.path().join("film.mkv");
    random_file(&film, 120_000_000, 1);
    let (mut host, mut viewer) = (Engine::start(&["-max-upload=1M"]), Engine::start(&[]));
    let seeding = host.seed(&film);
    viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [host.peer_address()] }));
    passes(&mut viewer, 1_000_000, "as the flag says");
    limit(&mut host, json!({ "maxUpload": 3_000_000 }), ("maxUpload", 3_000_000));
    passes(&mut viewer, 3_000_000, "more from the host");
    limit(&mut viewer, json!({ "maxDownload": 1_500_000 }), ("maxDownload", 1_500_000));
    passes(&mut viewer, 1_500_000, "less to the viewer");
    limit(&mut host, json!({ "maxUpload": 500_000 }), ("maxUpload", 500_000));
    passes(&mut viewer, 500_000, "less from the host");
    // Refused, so nothing changes.
    for bad in [json!(-1), json!("1M"), json!(1.5), json!([1]), json!(1e300)] {
        let error = host.refused(json!({ "cmd": "limit", "maxUpload": bad }), 7);
        assert_eq!(error["code"], "E010", "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("maxUpload")), "{error}");
    }
    assert_eq!(host.refused(json!({ "cmd": "limit" }), 8)["code"], "E010");
    assert_eq!(host.status()["maxUpload"], 500_000);
    // None at all: it ends.
    limit(&mut host, json!({ "maxUpload": 0 }), ("maxUpload", 0));
    limit(&mut viewer, json!({ "maxDownload": 0 }), ("maxDownload", 0));
    viewer.wait_for("done", SOON, |_| true);
    assert!(same(&film, &viewer), "what came at four speeds is the film");
}

fn limit(engine: &mut Engine, mut command: Value, (field, told): (&str, u64)) {
    (command["cmd"], command["id"]) = (json!("limit"), json!("limit"));
    engine.send(&command);
    let answer = engine.answer(&json!("limit"));
    assert_ne!(answer["event"], "error", "{answer}");
    assert_eq!(engine.status()[field], told);
}

/// Payload from the one peer so far.
fn received(viewer: &mut Engine) -> u64 {
    viewer.status()["torrents"][0]["peerList"][0]["downloadedBytes"].as_u64().unwrap_or(0)
}

/// Half to one and a half times that many bytes pass in a second.
fn passes(viewer: &mut Engine, rate: u64, when: &str) {
    let before = received(viewer);
    within(SOON, "the old rate is out of the buffers", || (received(viewer) >= before + SETTLED).then_some(()));
    let (start, first) = (Instant::now(), received(viewer));
    std::thread::sleep(MEASURED);
    let passed = received(viewer) - first;
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes are exact")]
    let of_rate = passed as f64 / start.elapsed().as_secs_f64() / rate as f64;
    assert!((0.5..1.5).contains(&of_rate), "{when}: {passed} bytes in {:?} is {of_rate:.2} of {rate}", start.elapsed());
}

fn same(film: &Path, viewer: &Engine) -> bool {
    let url = format!("http://localhost:{}/film.mkv", viewer.http_port());
    tests::http::get(&url).body == std::fs::read(film).expect("the film is there")
}
