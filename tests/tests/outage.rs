//! The network goes away for a minute while somebody watches, and comes back.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::net::{Addresses, Network};
use tests::{SOON, http, scratch};

/// At 200 kB/s it takes 30 s, so the plug is pulled in the middle of it.
const FILM_LEN: usize = 6_000_000;
const OUTAGE: Duration = Duration::from_secs(60);
/// Connections that were given up are dialed again at growing distances.
const BACK_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn a_minute_without_network_is_told_and_the_player_goes_on_reading() {
    let Some(mut network) = Network::new() else { return };
    let (host, viewer) = (network.host(Addresses::All), network.host(Addresses::All));
    let folder = scratch();
    let film = folder.path().join("film.mkv");
    let content = random_file(&film, FILM_LEN, 11);
    let mut sharing = host.inside(|| Engine::start(&["-max-upload=200K"]));
    let seeding = sharing.seed(&film);
    let mut watching = viewer.inside(|| Engine::start(&[]));
    let added = watching.add(json!({ "magnetURI": seeding["magnetURI"] }));
    let url = added["serverUrl"].as_str().expect("`added` carries a URL");
    let (_, mut body) = viewer.inside(|| http::open(url, &[]));
    body.set_timeout(BACK_WITHIN);
    let mut read = vec![0; 1_000_000];
    body.read_exact(&mut read).expect("the beginning arrives");

    network.plug(&host, false);
    let pulled = Instant::now();
    let told = watching.wait_for("error", OUTAGE, |event| event["code"] == "E004");
    assert_eq!((&told["retryable"], &told["infoHash"]), (&json!(true), &seeding["infoHash"]), "{told}");
    // The minute is what is tested, not a wait for something.
    std::thread::sleep(OUTAGE.saturating_sub(pulled.elapsed()));
    network.plug(&host, true);

    body.read_to_end(&mut read).expect("the same connection delivers the rest");
    assert_same(&read, &content, "over the outage");
    watching.wait_for("done", SOON, |_| true);
    let gone_back = watching.history().windows(2).any(|pair| {
        let of = |event: &serde_json::Value| event["downloaded"].as_f64().filter(|_| event["event"] == "progress");
        matches!((of(&pair[0]), of(&pair[1])), (Some(before), Some(after)) if after < before)
    });
    assert!(!gone_back, "what was downloaded stays so");
}
