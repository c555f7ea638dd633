//! Disks that run full, old downloads that go, and files that somebody takes away while they are shared or fetched.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tests::disk::SmallDisk;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::{SOON, http, scratch, within};

const MIB: usize = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Somebody who shares a film, and what `add` needs to fetch it.
struct Host {
    engine: Engine,
    folder: tempfile::TempDir,
}

impl Host {
    fn new(more: &[&str]) -> Self {
        Self { engine: Engine::start(more), folder: scratch() }
    }

    fn share(&mut self, name: &str, len: usize, seed: u64) -> (Vec<u8>, Value) {
        let path = self.path(name);
        let content = random_file(&path, len, seed);
        let seeding = self.engine.seed(&path);
        (content, json!({ "magnetURI": seeding["magnetURI"], "peers": [self.engine.peer_address()] }))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn url(event: &Value) -> &str {
    event["serverUrl"].as_str().expect("serverUrl is text")
}

fn infohash(event: &Value) -> String {
    event["infoHash"].as_str().expect("infoHash is text").to_owned()
}

fn code(code: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["code"] == code
}

/// Makes a download look unused for that long.
fn age(data_dir: &Path, infohash: &str, unused: Duration) {
    let mark = File::options().write(true).open(data_dir.join(format!("{infohash}.used"))).expect("the mark is there");
    mark.set_modified(SystemTime::now() - unused).expect("a file's time can be set");
}

#[test]
fn what_does_not_fit_waits_for_room_and_goes_on_by_itself() {
    let Some(disk) = SmallDisk::mount(32 * MIB as u64) else { return };
    let mut host = Host::new(&[]);
    let (content, add) = host.share("film.mkv", 12 * MIB, 1);
    let (small, small_add) = host.share("small.mkv", 2 * MIB, 2);
    let filler = disk.fill("somebody's", 24 * MIB);
    let mut viewer = Engine::start_in(disk.path(), &[]);
    let added = viewer.add(add);
    let error = viewer.wait_for("error", SOON, |_| true);
    assert_eq!((&error["code"], &error["retryable"]), (&json!("E006"), &json!(true)), "{error}");
    let missing: usize = error["message"]
        .as_str()
        .and_then(|text| text.split_whitespace().find_map(|word| word.parse().ok()))
        .unwrap_or_else(|| panic!("no bytes in {error}"));
    assert!((4 * MIB..6 * MIB).contains(&missing), "12 MiB and the reserve into 8: {missing}");
    viewer.wait_for("progress", SOON, |event| event["state"] == "paused");
    // What fits is not held up by it.
    let other = viewer.add(small_add);
    assert_same(&http::get(url(&other)).body, &small, "the small one");

    fs::remove_file(filler).unwrap();
    viewer.wait_for("info", SOON, |event| event["message"].as_str().is_some_and(|text| text.contains("room")));
    assert_same(&http::get(url(&added)).body, &content, "after the pause");
    viewer.wait_for("done", SOON, |event| event["infoHash"] == added["infoHash"]);
    viewer.quit();
}

#[test]
fn a_disk_that_fills_up_meanwhile_pauses_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount(32 * MIB as u64) else { return };
    let mut host = Host::new(&["-max-upload=3M"]);
    let (content, add) = host.share("film.mkv", 20 * MIB, 3);
    let mut viewer = Engine::start_in(disk.path(), &[]);
    let added = viewer.add(add.clone());
    viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(2 << 20));
    let filler = disk.fill("somebody's", 15 * MIB);
    viewer.wait_for("error", SOON, code("E006"));
    let paused = viewer.wait_for("progress", SOON, |event| event["state"] == "paused");
    let reserve = 32 * MIB as u64 / 50;
    let free = rest_of(disk.path());
    assert!(free >= reserve, "{free} bytes are free, {reserve} are to be");
    // What is here is played on.
    let first = paused["ranges"][0][1].as_u64().unwrap();
    assert_eq!(paused["ranges"][0][0], 0, "{paused}");
    assert_same(&http::get_range(url(&added), 0, first), &content[..usize::try_from(first).unwrap()], "while paused");

    // Everything full: neither resume data nor a mark finds room, and a restart is none the worse.
    let rest = disk.fill("the rest", usize::try_from(rest_of(disk.path())).unwrap());
    assert_eq!(rest_of(disk.path()), 0);
    viewer.quit();
    let mut viewer = Engine::start_in(disk.path(), &[]);
    let added = viewer.add(add);
    viewer.wait_for("error", SOON, code("E006"));
    let again = viewer.wait_for("progress", SOON, |event| event["state"] == "paused");
    assert!(again["downloadedBytes"].as_u64() >= Some(first), "nothing written is lost: {again}");
    fs::remove_file(rest).unwrap();
    fs::remove_file(filler).unwrap();
    assert_same(&http::get(url(&added)).body, &content, "at last");
    viewer.quit();
}

#[test]
fn old_downloads_go_first_when_another_needs_their_room() {
    let Some(disk) = SmallDisk::mount(32 * MIB as u64) else { return };
    let mut host = Host::new(&[]);
    let films: Vec<_> = (0..3).map(|film| host.share(&format!("{film}.mkv"), 12 * MIB, 10 + film)).collect();
    let mut viewer = Engine::start_in(disk.path(), &[]);
    let mut hashes = Vec::new();
    for (_, add) in &films[..2] {
        hashes.push(infohash(&viewer.add(add.clone())));
        viewer.wait_for("done", SOON, |_| true);
    }
    viewer.send(&json!({ "cmd": "stop", "infoHash": hashes[0] }));
    viewer.wait_for("stopped", SOON, |_| true);
    // The one that runs is older still, and stays.
    age(disk.path(), &hashes[0], 2 * DAY);
    age(disk.path(), &hashes[1], 9 * DAY);
    let added = viewer.add(films[2].1.clone());
    let info = viewer.wait_for("info", SOON, |event| event["message"].as_str().unwrap().contains("Deleted"));
    assert!(info["message"].as_str().unwrap().contains("0.mkv"), "{info}");
    assert_same(&http::get(url(&added)).body, &films[2].0, "in the room of the other");
    assert!(!disk.path().join(&hashes[0]).exists() && disk.path().join(&hashes[1]).exists());
    assert!(viewer.history().iter().all(|event| event["event"] != "error"), "{:?}", viewer.history());
    viewer.quit();
}

#[test]
fn after_14_days_a_download_goes_at_the_next_start() {
    let data = scratch();
    let mut host = Host::new(&[]);
    let films: Vec<_> = (0..2).map(|film| host.share(&format!("{film}.mkv"), MIB, 20 + film)).collect();
    let mut viewer = Engine::start_in(data.path(), &[]);
    let mut hashes = Vec::new();
    for (_, add) in &films {
        hashes.push(infohash(&viewer.add(add.clone())));
        viewer.wait_for("done", SOON, |_| true);
    }
    viewer.quit();
    random_file(&data.path().join("holidays.mkv"), 1000, 1);
    age(data.path(), &hashes[0], 15 * DAY);
    age(data.path(), &hashes[1], 13 * DAY);
    let mut viewer = Engine::start_in(data.path(), &[]);
    let info = viewer.wait_for("info", SOON, |event| event["message"].as_str().unwrap().contains("Deleted"));
    assert!(info["message"].as_str().unwrap().contains("0.mkv"), "{info}");
    let names: Vec<String> =
        fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(&hashes[0])), "{names:?}");
    assert!(names.iter().any(|name| *name == hashes[1]) && names.contains(&"holidays.mkv".to_owned()), "{names:?}");
    viewer.quit();
}

#[test]
fn a_shared_file_that_is_taken_away_is_told_and_ends_answers() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("altered in place", |path| {
            let file = File::options().write(true).open(path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"other", 5 << 20).unwrap();
        }),
        ("truncated", |path| File::options().write(true).open(path).unwrap().set_len(4 << 20).unwrap()),
        ("replaced", |path| {
            let other = path.with_extension("new");
            random_file(&other, 24 * MIB, 99);
            fs::rename(other, path).unwrap();
        }),
        ("deleted with its folder", |path| fs::remove_dir_all(path.parent().unwrap()).unwrap()),
    ];
    for (what, change) in changes {
        let mut host = Host::new(&[]);
        let path = host.path("season/film.mkv");
        let content = random_file(&path, 24 * MIB, 30);
        random_file(&host.path("season/extra.srt"), 1000, 31);
        let seeding = host.engine.seed(path.parent().unwrap());
        let (head, mut body) = http::open(url(&seeding), &[]);
        assert_eq!(head.status, 200);
        let mut bytes = vec![0; MIB];
        body.read_exact(&mut bytes).unwrap();
        change(&path);
        // It ends early, perhaps with a reset, and not with other bytes.
        drop(body.read_to_end(&mut bytes));
        assert!(bytes.len() < content.len(), "{what}: an answer went on to its end");
        assert_same(&bytes, &content[..bytes.len()], what);
        let error = host.engine.wait_for("error", SOON, |_| true);
        assert_eq!(error["code"], "E008", "{what}: {error}");
        assert!(error["message"].as_str().unwrap().contains("film.mkv"), "{what}: {error}");
        assert_eq!(http::get(url(&seeding)).head.status, 503, "{what}");
        // Nobody gets anything of it any more.
        let mut viewer = Engine::start(&[]);
        viewer.send(&json!({ "cmd": "add", "magnetURI": seeding["magnetURI"], "peers": [host.engine.peer_address()] }));
        viewer.wait_for("info", SOON, |_| true);
        let state = host.engine.status();
        assert_eq!(state["torrents"][0]["state"], "error", "{what}: {state}");
        assert_eq!(state["torrents"][0]["peers"], 0, "{what}: {state}");
    }
}

#[test]
fn a_download_that_is_deleted_under_us_is_told_and_can_be_added_again() {
    let data = scratch();
    let mut host = Host::new(&["-max-upload=2M"]);
    let (content, add) = host.share("film.mkv", 8 * MIB, 40);
    let (other, other_add) = host.share("other.mkv", 2 * MIB, 41);
    let mut viewer = Engine::start_in(data.path(), &[]);
    let added = viewer.add(add.clone());
    viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(0));
    fs::remove_dir_all(data.path().join(infohash(&added))).unwrap();
    let error = viewer.wait_for("error", SOON, |_| true);
    assert_eq!(error["code"], "E005", "{error}");
    assert!(error["message"].as_str().unwrap().contains("film.mkv"), "{error}");
    let second = viewer.add(other_add);
    assert_same(&http::get(url(&second)).body, &other, "another torrent");
    let again = viewer.add(add);
    assert_same(&http::get(url(&again)).body, &content, "from the start");
    viewer.quit();
}

#[test]
fn upload_off_serves_nobody_and_fetches_all_the_same() {
    let mut host = Host::new(&[]);
    let (content, add) = host.share("film.mkv", MIB, 50);
    let data = scratch();
    let mut metered = Engine::start_in(data.path(), &["-upload=off"]);
    assert_eq!(metered.status()["upload"], false);
    let added = metered.add(add);
    assert_same(&http::get(url(&added)).body, &content, "fetched");
    metered.wait_for("done", SOON, |_| true);
    host.engine.quit();
    let details = data.path().join(format!("{}.torrent", infohash(&added)));
    let mut viewer = Engine::start(&[]);
    assert_eq!(viewer.status()["upload"], true);
    viewer.add(json!({ "torrentFile": details, "peers": [metered.peer_address()] }));
    let asked = |status: &Value| status["torrents"][0]["peerList"][0]["peerInterested"] == true;
    within(SOON, "the viewer wants something", || Some(metered.status()).filter(asked));
    // A limit changes nothing about it.
    metered.send(&json!({ "cmd": "limit", "maxUpload": 9_000_000, "id": 1 }));
    metered.answer(&json!(1));
    viewer.wait_for("progress", SOON, |event| event["peers"] == 1);
    let status = metered.status();
    assert_eq!(status["torrents"][0]["peerList"][0]["amChoking"], true, "{status}");
    assert_eq!(status["torrents"][0]["uploadedBytes"], 0, "{status}");
}

/// Bytes free on the disk of that folder.
fn rest_of(folder: &Path) -> u64 {
    let output = std::process::Command::new("stat").args(["-f", "-c", "%a %S"]).arg(folder).output().expect("stat");
    let text = String::from_utf8(output.stdout).expect("numbers");
    text.split_whitespace().map(|number| number.parse::<u64>().expect("a number")).product()
}
