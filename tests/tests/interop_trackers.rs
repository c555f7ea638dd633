//! Trackers of others: two engines and libtorrent that know of one another through one alone.

use serde_json::json;
use tests::engine::Engine;
use tests::film::random_file;
use tests::libtorrent::LibTorrent;
use tests::stock_tracker::StockTracker;
use tests::{SOON, scratch};

#[test]
fn two_engines_and_libtorrent_find_each_other_over_http_and_udp() {
    let folder = scratch();
    let path = folder.path().join("film.mkv");
    random_file(&path, 900_000, 1);
    let (npm, open) = (StockTracker::start(), StockTracker::start_open());
    for url in [npm.http_url(), npm.udp_url(), open.http_url(), open.udp_url()] {
        let (mut host, mut viewer) = (Engine::start(&[]), Engine::start(&[]));
        host.send(&json!({ "cmd": "seed", "filePath": path, "trackerUrl": url }));
        let seeding = host.wait_for_or_error("seeding", SOON, |_| true);
        let works = |event: &serde_json::Value| event["message"].as_str().is_some_and(|words| words.contains("works"));
        host.wait_for("info", SOON, works);
        let magnet = format!("magnet:?xt=urn:btih:{}", seeding["infoHash"].as_str().unwrap());
        viewer.add(json!({ "magnetURI": magnet, "trackerUrl": url }));
        viewer.wait_for_or_error("done", SOON, |_| true);
        let downloads = scratch();
        let mut other = LibTorrent::start();
        other.add(&format!("{magnet}&tr={url}"), downloads.path(), &[]);
        other.wait_done();
        viewer.quit();
        host.quit();
    }
}
