//! An engine that is killed in the middle of a download goes on where it was: nothing is wrong, little is fetched twice.

use std::fs;

use serde_json::json;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::{SOON, http, scratch};

const MIB: u64 = 1024 * 1024;
const FILM_LEN: u64 = 72 * MIB + 4321;

const KILLS: u64 = 4;

/// What is on its way when a process is killed: requests to one peer (4 MiB at most), and what the systems' buffers hold.
const LOST_A_KILL: u64 = 5 * MIB;

#[test]
fn a_download_survives_being_killed_again_and_again() {
    let (folder, data) = (scratch(), scratch());
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, usize::try_from(FILM_LEN).unwrap(), 21);
    let mut seeder = Engine::start(&["-max-upload=8M"]);
    let seeding = seeder.seed(&path);
    let infohash = seeding["infoHash"].as_str().unwrap();
    let command = json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] });

    let mut before = 0;
    for _ in 0..KILLS {
        let mut viewer = Engine::start_in(data.path(), &[]);
        viewer.add(command.clone());
        // The first figure of a download that goes on has what was there already.
        let found = viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(0));
        assert!(found["downloadedBytes"].as_u64() >= Some(before), "{before} bytes were here: {found}");
        let enough = |event: &serde_json::Value| event["downloadedBytes"].as_u64() >= Some(before + 2 * MIB);
        let there = if enough(&found) { found } else { viewer.wait_for("progress", SOON, enough) };
        before = there["downloadedBytes"].as_u64().unwrap();
        assert!(before < FILM_LEN, "it is killed in the middle");
        // SIGKILL: nothing of it runs any more.
        drop(viewer);
    }

    let mut viewer = Engine::start_in(data.path(), &[]);
    let added = viewer.add(command.clone());
    viewer.wait_for("done", SOON, |_| true);
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "over HTTP");
    let on_disk = data.path().join(infohash).join("film.mkv");
    assert_same(&fs::read(&on_disk).unwrap(), &content, "on the disk");
    let status = seeder.status();
    let sent = status["torrents"][0]["uploadedBytes"].as_u64().expect("the seeder counts what it sends");
    assert!(sent >= FILM_LEN, "{sent} bytes were sent of a film of {FILM_LEN}");
    let twice = sent - FILM_LEN;
    let twice_max = LOST_A_KILL * KILLS;
    assert!(twice <= twice_max, "{twice} bytes were fetched twice, over {KILLS} kills");

    // Killed after the end, it has nothing to fetch and nobody to fetch from.
    drop(viewer);
    seeder.quit();
    let mut viewer = Engine::start_in(data.path(), &[]);
    let added = viewer.add(command);
    viewer.wait_for("done", SOON, |_| true);
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, "after the last kill");
    viewer.quit();
}
