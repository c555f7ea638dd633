//! Torrents that are wrong or mean harm, as files and as metadata from a peer: refused in words or made safe, and nothing
//! is written anywhere but below the data folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha1_smol::Sha1;
use tests::attacker::{Ambush, tell_metadata};
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes, write};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{SOON, hex, http, scratch};

const PIECE_LEN: usize = 16 * 1024;

fn info(fields: &str, piece_len: &str, hashes: usize) -> Vec<u8> {
    format!("d{fields}12:piece lengthi{piece_len}e6:pieces{hashes}:{}e", "h".repeat(hashes)).into_bytes()
}

fn of_files(files: &str) -> Vec<u8> {
    info(&format!("5:filesl{files}e4:name1:d"), "16384", 20)
}

/// Info dictionaries that no engine should take.
fn bad_infos() -> Vec<(&'static str, Vec<u8>)> {
    let of_len = |len: &str, hashes| info(&format!("6:lengthi{len}e4:name1:f"), "16384", hashes);
    let max = i64::MAX;
    vec![
        ("2^60 bytes", of_len("1152921504606846976", 20)),
        ("more bytes than a number holds", of_len("99999999999999999999", 20)),
        ("no bytes", of_len("0", 20)),
        ("fewer bytes than none", of_len("-5", 20)),
        ("two hashes for a piece", of_len("16384", 40)),
        ("one hash for two pieces", of_len("16385", 20)),
        ("half a hash", of_len("16384", 30)),
        ("no hash", of_len("16384", 0)),
        ("pieces of nothing", info("6:lengthi5e4:name1:f", "0", 20)),
        ("pieces of less than nothing", info("6:lengthi5e4:name1:f", "-16384", 20)),
        ("pieces of a gibibyte", info("6:lengthi5e4:name1:f", "1073741824", 20)),
        ("no files", of_files("")),
        ("a file that is no dictionary", of_files("i5e")),
        ("a file without a path", of_files("d6:lengthi5ee")),
        ("a path of nothing", of_files("d6:lengthi5e4:pathlee")),
        ("a negative file", of_files("d6:lengthi-5e4:pathl1:aee")),
        ("a sum past all numbers", of_files(&format!("d6:lengthi{max}e4:pathl1:aeed6:lengthi{max}e4:pathl1:bee"))),
        ("a path forty deep", of_files(&format!("d6:lengthi5e4:pathl{}ee", "1:a".repeat(40)))),
        ("a link with contents", of_files("d4:attr1:l6:lengthi5e4:pathl1:ae12:symlink pathl2:..1:xee")),
        ("a nest", [b"d1:a".as_slice(), &b"l".repeat(1000), &b"e".repeat(1001)].concat()),
        ("too many values", [b"d1:al".as_slice(), &b"i1e".repeat(600_000), b"ee"].concat()),
        ("nothing at all", b"de".to_vec()),
    ]
}

/// Files that hold no torrent.
fn bad_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("an empty file", Vec::new()),
        ("noise", random_bytes(5000, 1)),
        ("a deep nest", [b"l".repeat(1 << 20), b"e".repeat(1 << 20)].concat()),
        ("a nest without an end", b"d1:a".repeat(1 << 20)),
        ("a string longer than any memory", b"d4:info99999999999999:x".to_vec()),
        ("a string longer than its file", b"d4:infod6:pieces4294967295:x".to_vec()),
        ("a length of a thousand digits", [b"d4:info".as_slice(), &b"9".repeat(1000), b":x"].concat()),
        ("more than ten million bytes", [b"d4:info10000001:".as_slice(), &vec![0; 10_000_001], b"e"].concat()),
        ("two million values", [b"l".as_slice(), &b"0:".repeat(2_000_000), b"e"].concat()),
    ]
}

fn in_words(error: &Value, what: &str) {
    assert_eq!(error["code"], "E003", "{what}: {error}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains(' ') && message.len() < 500, "{what}: {error}");
}

/// Everything in a folder, links included and not followed.
fn everything_in(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of ours") {
            let entry = entry.expect("a folder of ours");
            if entry.file_type().expect("an entry has a type").is_dir() {
                folders.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

/// The engine still plays what is sound.
fn plays_on(mut engine: Engine) {
    let folder = scratch();
    let metafile = Metafile::new("sound.mkv", random_bytes(5 * PIECE_LEN + 3, 2), PIECE_LEN);
    let honest = Seeder::start(&metafile, Manners::default());
    let torrent = metafile.write(folder.path(), None);
    let added = engine.add(json!({ "torrentFile": torrent, "peers": [honest.peer_address()] }));
    assert_same(&http::get(added["serverUrl"].as_str().expect("an address")).body, &metafile.content, "after all that");
    engine.quit();
}

#[test]
fn bad_files_are_refused_in_words() {
    let folder = scratch();
    let mut engine = Engine::start(&[]);
    let as_torrent = |info: Vec<u8>| [b"d4:info".as_slice(), &info, b"e"].concat();
    let infos = bad_infos().into_iter().map(|(what, info)| (what, as_torrent(info)));
    for (id, (what, bytes)) in (1..).zip(bad_files().into_iter().chain(infos)) {
        let path = folder.path().join("bad.torrent");
        write(&path, &bytes);
        in_words(&engine.refused(json!({ "cmd": "add", "torrentFile": path }), id), what);
    }
    plays_on(engine);
}

#[test]
fn bad_metadata_of_a_peer_is_refused_in_words() {
    let mut engine = Engine::start(&[]);
    for (id, (what, info)) in (1..).zip(bad_infos()) {
        let infohash = Sha1::from(&info).digest().bytes();
        let unused = Metafile::new("unused", vec![0], PIECE_LEN);
        let magnet = format!("magnet:?xt=urn:btih:{}", hex(&infohash));
        let peer = Ambush::set(infohash, move |attacker| tell_metadata(&unused, attacker, info.len(), &info));
        let command = json!({ "cmd": "add", "magnetURI": magnet, "peers": [peer.peer_address()] });
        in_words(&engine.refused(command, id), what);
    }
    plays_on(engine);
}

/// A file of `len` bytes at a path of these components.
fn file(len: usize, path: &[&str]) -> String {
    let path: String = path.iter().map(|part| format!("{}:{part}", part.len())).collect();
    format!("d6:lengthi{len}e4:pathl{path}ee")
}

/// Whether Windows would take the name for a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    ["con", "nul", "com1", "com¹", "prn", "aux"].contains(&stem.as_str())
}

/// Fetches all of it into a folder, and checks that nothing else was touched and no name is dangerous anywhere.
fn comes_down_safely(metafile: &Metafile, files: usize) {
    let (outer, torrents) = (scratch(), scratch());
    let data_dir = outer.path().join("a/b/data");
    fs::create_dir_all(&data_dir).expect("a folder of ours");
    fs::write(outer.path().join("a/precious"), "untouched").expect("a folder of ours");
    let before: BTreeSet<PathBuf> = everything_in(outer.path());
    let honest = Seeder::start(metafile, Manners::default());
    let torrent = torrents.path().join("made.torrent");
    write(&torrent, &[b"d4:info", metafile.info(), b"e"].concat());
    let mut engine = Engine::start_in(&data_dir, &[]);
    let command = json!({ "torrentFile": torrent, "peers": [honest.peer_address()], "file": "*" });
    let added = engine.add(command);
    let listed = added["files"].as_array().expect("the files");
    assert_eq!(listed.len(), files, "{added}");
    engine.wait_for("done", SOON, |_| true);
    let served: usize =
        listed.iter().map(|file| http::get(file["serverUrl"].as_str().expect("an address")).body.len()).sum();
    assert_eq!(served, metafile.content.len(), "every file is served whole: {added}");
    engine.quit();
    let mut keys = BTreeSet::new();
    for path in everything_in(outer.path()).difference(&before) {
        let below = path.strip_prefix(&data_dir);
        let below = below.unwrap_or_else(|_| panic!("{} is outside the data folder", path.display()));
        assert!(!path.symlink_metadata().expect("it was listed").is_symlink(), "{} is a link", path.display());
        let below = below.to_str().expect("names are UTF-8");
        assert!(!below.contains(['\\', ':', '\0']) && !below.split('/').any(is_device), "{below:?}");
        assert!(keys.insert(below.to_lowercase()), "{below:?} is another file where case means nothing");
    }
    assert_eq!(fs::read(outer.path().join("a/precious")).expect("it is there"), b"untouched");
}

#[test]
fn names_that_lead_elsewhere_or_are_devices() {
    let names =
        ["../../precious", "/precious", "C:\\precious", "..\\..\\precious", "NUL.txt", "COM¹", "con", "a\0b.mkv", ".."];
    for (seed, name) in (10..).zip(names) {
        comes_down_safely(&Metafile::new(name, random_bytes(3 * PIECE_LEN + 5, seed), PIECE_LEN), 1);
    }
}

#[test]
fn folders_full_of_bad_paths() {
    let paths: [&[&str]; 14] = [
        &["..", "..", "precious"],
        &["/", "precious"],
        &["", "empty.mkv"],
        &["C:", "drive.mkv"],
        &["a", "..", "..", "..", "precious"],
        &["nul", "x.mkv"],
        &["Film.mkv"],
        &["film.MKV"],
        &["\u{e9}.mkv"],
        &["e\u{301}.mkv"],
        &["folder"],
        &["folder", "within.mkv"],
        &["with\0zero.mkv"],
        &["trailing. . "],
    ];
    let lens: Vec<usize> = (1..=paths.len()).map(|at| at * 1000).collect();
    let mut files: String = lens.iter().zip(paths).map(|(len, path)| file(*len, path)).collect();
    // BEP 47: a link, which is a file of no bytes.
    files += "d4:attr1:l6:lengthi0e4:pathl4:linke12:symlink pathl2:..2:..8:preciousee";
    let content = random_bytes(lens.iter().sum(), 30);
    comes_down_safely(&Metafile::of_files("..", &files, content, PIECE_LEN), paths.len());
}
