//! Folders that may not be written, files that may not be read, files that are written to while they are hashed, and
//! disks that refuse what they show room for.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tests::disk::{ReadOnly, SmallDisk};
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::{SOON, http, scratch, within};

fn url(event: &Value) -> &str {
    event["serverUrl"].as_str().expect("serverUrl is text")
}

fn message(event: &Value) -> &str {
    event["message"].as_str().expect("a message is text")
}

/// A host with a film, and what `add` needs.
fn host(film: &Path, len: usize, seed: u64) -> (Engine, Vec<u8>, Value) {
    let content = random_file(film, len, seed);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(film);
    let add = json!({ "magnetURI": seeding["magnetURI"], "peers": [engine.peer_address()] });
    (engine, content, add)
}

#[test]
fn a_download_folder_that_may_not_be_written_is_told_and_works_once_it_may() {
    let (folder, data) = (scratch(), scratch());
    let (_host, content, add) = host(&folder.path().join("film.mkv"), 3_000_000, 1);
    let Some(read_only) = ReadOnly::mount(data.path()) else { return };
    let mut viewer = Engine::start_in(data.path(), &[]);
    viewer.add(add.clone());
    let error = viewer.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E005", "{error}");
    let folder = data.path().to_str().expect("temporary folders have plain names");
    assert!(message(&error).contains(folder) && message(&error).contains("Read-only"), "{error}");
    drop(read_only);
    let added = viewer.add(add);
    assert_same(&http::get(url(&added)).body, &content, "once it may be written");
    viewer.quit();
}

#[test]
fn a_folder_that_becomes_read_only_meanwhile_is_told_and_keeps_what_is_there() {
    let (folder, data) = (scratch(), scratch());
    let season = folder.path().join("season");
    fs::create_dir(&season).expect("a temporary folder takes folders");
    let films: Vec<Vec<u8>> =
        (0..2u8).map(|n| random_file(&season.join(format!("{n}.mkv")), 3_000_000, n.into())).collect();
    let mut host = Engine::start(&[]);
    let seeding = host.seed(&season);
    let add = |file: u8| json!({ "magnetURI": seeding["magnetURI"], "peers": [host.peer_address()], "file": file });
    let mut viewer = Engine::start_in(data.path(), &["-log-level=debug"]);
    viewer.add(add(0));
    viewer.wait_for("done", SOON, |_| true);
    viewer.send(&json!({ "cmd": "stop" }));
    viewer.wait_for("stopped", SOON, |_| true);
    let Some(read_only) = ReadOnly::mount(data.path()) else { return };
    viewer.add(add(1));
    let error = viewer.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E005", "{error}");
    drop(read_only);
    let added = viewer.add(add(1));
    viewer.wait_for("done", SOON, |_| true);
    for (file, film) in added["files"].as_array().expect("files are a list").iter().zip(&films) {
        assert_same(&http::get(url(file)).body, film, "what was there before, and what came after");
    }
    viewer.quit();
}

#[test]
fn a_seeded_file_that_may_no_longer_be_read_is_told_and_others_go_on() {
    // Open files stay readable whatever becomes of the permission; 16 of a torrent are kept open.
    const EPISODES: u64 = 18;
    let folder = scratch();
    let (season, other) = (folder.path().join("season"), folder.path().join("other.mkv"));
    fs::create_dir(&season).expect("a temporary folder takes folders");
    let episode = |n: u64| season.join(format!("{n:02}.mkv"));
    let contents: Vec<Vec<u8>> = (0..EPISODES).map(|n| random_file(&episode(n), 100_000, n)).collect();
    let other_content = random_file(&other, 500_000, 99);
    let mut host = Engine::start_unprivileged(&[]);
    let seedings = [host.seed(&season), host.seed(&other)];
    for (file, content) in seedings[0]["files"].as_array().expect("files are a list").iter().zip(&contents) {
        assert_same(&http::get(url(file)).body, content, "before");
    }
    let first = &seedings[0]["files"][0];
    fs::set_permissions(episode(0), fs::Permissions::from_mode(0o000)).expect("our own file");
    let (_, mut body) = http::open(url(first), &[]);
    let mut read = Vec::new();
    // It ends early, perhaps with a reset.
    drop(std::io::Read::read_to_end(&mut body, &mut read));
    assert_eq!(read.len(), 0, "nothing of it can be read");
    let error = host.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E005", "{error}");
    assert!(message(&error).contains("00.mkv") && message(&error).contains("ermission"), "{error}");
    assert_eq!(http::get(url(first)).head.status, 503);
    assert_same(&http::get(url(&seedings[1])).body, &other_content, "another torrent");
    // The same in words for who begins with it.
    let error = host.refused(json!({ "cmd": "seed", "filePath": episode(0) }), 1);
    assert_eq!(error["code"], "E005", "{error}");
    assert!(message(&error).contains("ermission"), "{error}");
    fs::set_permissions(episode(0), fs::Permissions::from_mode(0o644)).expect("our own file");
    let again = host.seed(&season);
    assert_same(&http::get(url(&again["files"][0])).body, &contents[0], "once it may be read again");
    host.quit();
}

#[test]
fn a_file_that_is_written_to_while_it_is_hashed_is_not_shared() {
    let folder = scratch();
    let film = folder.path().join("film.mkv");
    random_file(&film, 96 << 20, 5);
    let mut host = Engine::start(&[]);
    let over = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(&film).expect("our own file");
            let mut place = 0u64;
            while !over.load(Ordering::Relaxed) {
                place = (place + 7_777_777) % (96 << 20);
                file.write_all_at(&[0x5a; 16], place).expect("there is room");
                std::thread::yield_now();
            }
        });
        let error = host.refused(json!({ "cmd": "seed", "filePath": film }), 1);
        over.store(true, Ordering::Relaxed);
        error
    });
    assert_eq!(error["code"], "E008", "{error}");
    assert!(message(&error).contains("film.mkv") && message(&error).contains("changed"), "{error}");
    assert_eq!(host.status()["torrents"], json!([]), "nothing of it is left");
    // It rests now, and what is shared is what lies there.
    let seeding = host.seed(&film);
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": seeding["magnetURI"], "peers": [host.peer_address()] }));
    let content = fs::read(&film).expect("our own file");
    assert_same(&http::get(url(&added)).body, &content, "after the writing");
}

/// No name is left on the disk, which free space does not show: as a quota does not.
#[test]
fn a_disk_that_refuses_what_it_shows_room_for_is_told_once_and_tried_less_and_less() {
    const NAMES: usize = 64;
    let Some(disk) = SmallDisk::mount_with_names(64 << 20, NAMES) else { return };
    let folder = scratch();
    let (_host, content, add) = host(&folder.path().join("film.mkv"), 4_000_000, 6);
    let taken: Vec<_> = (0..)
        .map(|n| disk.path().join(format!("{n}")))
        .map_while(|path| File::create(&path).ok().map(|_| path))
        .collect();
    assert!(taken.len() < NAMES, "the disk takes names without end");
    let mut viewer = Engine::start_in(disk.path(), &[]);
    let added = viewer.add(add);
    let refusals = |viewer: &Engine| viewer.log().matches("cannot open").count();
    let error = viewer.wait_for("error", SOON, |_| true);
    assert_eq!((&error["code"], &error["retryable"]), (&json!("E006"), &json!(true)), "{error}");
    within(SOON, "it tries again and again", || (refusals(&viewer) >= 3).then_some(()));
    let told = |viewer: &mut Engine, code: &str| viewer.history().iter().filter(|event| event["code"] == code).count();
    assert_eq!(told(&mut viewer, "E006"), 1, "{:?}", viewer.history());
    let is_room = |event: &Value| event["event"] == "info" && message(event).contains("room again");
    assert!(!viewer.history().iter().any(is_room), "nothing was written yet: {:?}", viewer.history());
    taken.iter().for_each(|path| fs::remove_file(path).expect("our own file"));
    viewer.wait_for("info", 2 * SOON, is_room);
    assert_same(&http::get(url(&added)).body, &content, "once there are names");
    viewer.wait_for("done", SOON, |_| true);
    assert_eq!(told(&mut viewer, "E006"), 1);
    viewer.quit();
}
