//! `-disk-limit`: a film four times as large as what may be kept plays through, back, after a restart and after a kill.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::{SOON, http, scratch};

const MIB: usize = 1024 * 1024;
const FILM_LEN: usize = 64 * MIB;
const LIMIT: u64 = 16 * MIB as u64;

/// The files' own books: the blocks of a file system that the last bytes of a piece share.
const BOOKS: u64 = 128 * 1024;

/// Bytes that a file takes on the disk, holes left out.
fn on_disk(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.blocks() * 512)
}

/// The most that a file took on the disk while `work` ran, looked at all the time.
fn most_on_disk(path: &Path, work: impl FnOnce()) -> u64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(on_disk(path));
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        work();
        over.store(true, Ordering::Relaxed);
        watcher.join().expect("it only looks")
    })
}

fn here(progress: &Value) -> u64 {
    let ranges = progress["ranges"].as_array().expect("ranges are told");
    let at = |byte: &Value| byte.as_u64().expect("a byte of the film");
    ranges.iter().map(|range| at(&range[1]) - at(&range[0])).sum()
}

#[test]
fn a_film_larger_than_the_limit_plays_through_and_back_and_after_a_kill() {
    let (folder, data) = (scratch(), scratch());
    let path = folder.path().join("film.mkv");
    let content = random_file(&path, FILM_LEN, 33);
    let mut seeder = Engine::start(&[]);
    let seeding = seeder.seed(&path);
    let command = json!({ "magnetURI": seeding["magnetURI"], "peers": [seeder.peer_address()] });
    let file = data.path().join(seeding["infoHash"].as_str().unwrap()).join("film.mkv");

    let mut viewer = Engine::start_in(data.path(), &["-disk-limit=16M"]);
    let added = viewer.add(command.clone());
    let url = added["serverUrl"].as_str().unwrap().to_owned();
    // Nobody reads yet: it fills up and waits.
    viewer.wait_for("progress", SOON, |event| here(event) >= LIMIT);
    let most = most_on_disk(&file, || {
        assert_same(&http::get(&url).body, &content, "from start to end");
        viewer.wait_for("done", SOON, |_| true);
        let back = http::get_range(&url, 5 * MIB as u64, 25 * MIB as u64);
        assert_same(&back, &content[5 * MIB..25 * MIB], "after a seek back");
        assert_same(&http::get(&url).body, &content, "once more from the start");
    });
    assert!(most <= LIMIT + BOOKS, "{most} bytes were on the disk");
    let all: Vec<&Value> = viewer.history().iter().filter(|event| event["event"] == "progress").collect();
    let downloaded: Vec<f64> = all.iter().map(|event| event["downloaded"].as_f64().unwrap()).collect();
    assert!(downloaded.windows(2).all(|pair| pair[0] <= pair[1]), "downloaded goes back: {downloaded:?}");
    assert!(all.iter().all(|event| here(event) <= LIMIT), "ranges say what is here now");
    assert_eq!(viewer.history().iter().filter(|event| event["event"] == "done").count(), 1);

    // Stopped and started again: what was ever here still counts, what is here now is less.
    viewer.quit();
    let mut viewer = Engine::start_in(data.path(), &["-disk-limit=16M"]);
    let added = viewer.add(command.clone());
    let url = added["serverUrl"].as_str().unwrap().to_owned();
    let found = viewer.wait_for("progress", SOON, |event| here(event) > 0);
    assert_eq!(found["downloaded"], 1.0, "{found}");
    assert!(here(&found) <= LIMIT);

    // Killed while pieces come and go: what is a hole is not taken for the film.
    let (_, mut body) = http::open(&url, &[]);
    let mut some = vec![0; 20 * MIB];
    std::io::Read::read_exact(&mut body, &mut some).expect("the film goes on");
    drop(viewer);
    let mut viewer = Engine::start_in(data.path(), &["-disk-limit=16M"]);
    let added = viewer.add(command.clone());
    let url = added["serverUrl"].as_str().unwrap().to_owned();
    let most = most_on_disk(&file, || assert_same(&http::get(&url).body, &content, "after a kill"));
    assert!(most <= LIMIT + BOOKS, "{most} bytes were on the disk after a kill");
    viewer.wait_for("progress", SOON, |event| event["downloaded"] == 1.0);
    viewer.quit();

    // Without the limit all of it is fetched.
    let mut viewer = Engine::start_in(data.path(), &[]);
    viewer.add(command);
    viewer.wait_for("done", SOON, |event| event["event"] == "done");
    assert_eq!(here(&viewer.wait_for("progress", SOON, |event| event["downloaded"] == 1.0)), FILM_LEN as u64);
    viewer.quit();
    seeder.quit();
}
