//! An engine that is killed in the middle of a download goes on where it was: nothing is wrong, little is fetched twice.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes, random_file};
use tests::{SOON, http, scratch, within};

const MIB: u64 = 1024 * 1024;
const FILM_LEN: u64 = 72 * MIB + 4321;

const KILLS: u64 = 4;

/// The long story, for the full run alone: it takes about a minute.
const LONG_FILM_LEN: u64 = 512 * MIB + 777;
const LONG_KILLS: u64 = 20;

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

#[test]
fn half_a_gibibyte_survives_twenty_kills_at_random_moments() {
    let seed = 77;
    let moments = random_bytes(usize::try_from(LONG_KILLS).unwrap(), seed);
    eprintln!("seed {seed}, MiB until each kill: {:?}", moments.iter().map(|byte| byte % 12).collect::<Vec<_>>());
    let (folder, data) = (scratch(), scratch());
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, usize::try_from(LONG_FILM_LEN).unwrap(), seed);
    let mut seeder = Engine::start(&["-max-upload=10M"]);
    seeder.send(&json!({ "cmd": "seed", "filePath": path }));
    let seeding = seeder.wait_for_or_error("seeding", LONG_WAIT, |_| true);
    let command = json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] });

    let mut before = 0;
    for moment in moments {
        let mut viewer = Engine::start_in(data.path(), &[]);
        viewer.add(command.clone());
        // Zero: in the middle of looking at what is here.
        let more = u64::from(moment % 12) * MIB;
        if more > 0 {
            let enough = |event: &Value| event["downloadedBytes"].as_u64() >= Some(before + more);
            before = viewer.wait_for("progress", LONG_WAIT, enough)["downloadedBytes"].as_u64().unwrap();
        }
        assert!(before < LONG_FILM_LEN, "it is killed in the middle");
        drop(viewer);
    }

    let mut viewer = Engine::start_in(data.path(), &[]);
    viewer.add(command);
    viewer.wait_for("done", LONG_WAIT, |_| true);
    let on_disk = data.path().join(seeding["infoHash"].as_str().unwrap()).join("film.mkv");
    assert_same(&fs::read(&on_disk).unwrap(), &content, "on the disk");
    let twice = uploaded(&mut seeder) - LONG_FILM_LEN;
    eprintln!("{} KiB a kill were fetched twice", twice / LONG_KILLS / 1024);
    // One in a hundred of this film is about the same as what is on its way.
    assert!(twice <= (LONG_FILM_LEN / 100).max(LOST_A_KILL) * LONG_KILLS, "{twice} bytes were fetched twice");
}

#[test]
fn no_damage_between_two_runs_is_believed() {
    let (folder, data) = (scratch(), scratch());
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, usize::try_from(24 * MIB + 99).unwrap(), 22);
    let mut seeder = Engine::start(&[]);
    let seeding = seeder.seed(&path);
    let command = json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] });
    let infohash = seeding["infoHash"].as_str().unwrap();
    let on_disk = data.path().join(infohash).join("film.mkv");
    let run = |why: &str| {
        let mut viewer = Engine::start_in(data.path(), &[]);
        let added = viewer.add(command.clone());
        viewer.wait_for("done", SOON, |_| true);
        assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &content, why);
        viewer.quit();
        assert_same(&fs::read(&on_disk).unwrap(), &content, why);
    };
    run("at first");
    let resume = data.path().join(format!("{infohash}.resume"));
    let whole = fs::read(&resume).expect("resume data was written at the stop");

    // A resume file that cannot be believed costs a look at the film, and not one byte from the seeder.
    let sent = within(SOON, "the seeder's figures are of now", || {
        Some(uploaded(&mut seeder)).filter(|sent| *sent >= content.len() as u64)
    });
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases = [
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("one bit flipped in the middle", flipped(whole.len() / 2)),
        ("one bit flipped at the end", flipped(whole.len() - 2)),
        ("garbage", random_bytes(whole.len(), 5)),
        ("from the future", replaced(&whole, b"7:versioni1e", b"7:versioni9e")),
        ("for another torrent", replaced(&whole, b"8:infohash20:", b"8:infohash20:another torrent's own!")),
    ];
    for (why, bytes) in cases {
        assert_ne!(bytes, whole, "{why}");
        fs::write(&resume, bytes).unwrap();
        run(why);
        assert_eq!(uploaded(&mut seeder), sent, "fetched again: {why}");
        assert_eq!(fs::read(&resume).unwrap().len(), whole.len(), "it is written anew: {why}");
    }

    // A film that somebody altered is mended, and only what was altered is fetched.
    damage(&on_disk, 5 * 1024 * 1024);
    run("a damaged piece");
    let fetched = within(SOON, "the damaged piece is in the seeder's figures", || {
        Some(uploaded(&mut seeder) - sent).filter(|fetched| *fetched > 0)
    });
    assert!((1..=4 * MIB).contains(&fetched), "{fetched} bytes were fetched for one damaged piece");
    fs::File::options().write(true).open(&on_disk).unwrap().set_len(10 * MIB).unwrap();
    run("a film cut short");
    fs::remove_file(&on_disk).unwrap();
    run("no film at all");
    seeder.quit();
}

/// Starting and checking half a gibibyte in an unoptimised build beside other tests.
const LONG_WAIT: Duration = Duration::from_secs(120);

fn uploaded(seeder: &mut Engine) -> u64 {
    seeder.status()["torrents"][0]["uploadedBytes"].as_u64().expect("the seeder counts what it sends")
}

/// Writes `after` over the first `before`, and over as much as it is longer.
fn replaced(bytes: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let at = bytes.windows(before.len()).position(|part| part == before).expect("the resume file has that key");
    let mut bytes = bytes.to_vec();
    bytes[at..at + after.len()].copy_from_slice(after);
    bytes
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("the film is there");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("the film can be written");
}
