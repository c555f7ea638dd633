//! Runs every body over its corpus and over a few thousand mutations of it, always the same ones.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use bittorrent_proto::rng::Rng;
use fuzz::{Body, TARGETS};

const MUTATIONS: u64 = 4_000;
const SEED: u64 = 0x5ee4_2026;

/// A mutated case grows no further than this.
const LEN_MAX: usize = 32 * 1024;

/// Pieces of the formats, so that mutations reach beyond the first check.
const TOKENS: [&[u8]; 26] = [
    b"d",
    b"l",
    b"i0e",
    b"i-1e",
    b"e",
    b"0:",
    b"4:info",
    b"6:length",
    b"18446744073709551616",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x0d\x06",
    b"\0\0\x40\x09\x07",
    b"moov",
    b"\0\0\0\x01",
    b"bytes=",
    b"-",
    b",",
    b"&xt=urn:btih:",
    b"%",
    b"../",
    b"\"",
    b"{\"cmd\":",
    b"\n",
    b"\x1a\x45\xdf\xa3",
    b"\x21\x12\xa4\x42",
    b"\x80\x28\0\x04",
];

#[test]
fn bencode() {
    replay("bencode");
}

#[test]
fn extension() {
    replay("extension");
}

#[test]
fn jsonlines() {
    replay("jsonlines");
}

#[test]
fn lobby() {
    replay("lobby");
}

#[test]
fn magnet() {
    replay("magnet");
}

#[test]
fn media() {
    replay("media");
}

#[test]
fn metainfo() {
    replay("metainfo");
}

#[test]
fn mse() {
    replay("mse");
}

#[test]
fn operations() {
    replay("operations");
}

#[test]
fn range() {
    replay("range");
}

#[test]
fn engineio() {
    replay("engineio");
}

#[test]
fn server_event() {
    replay("server_event");
}

#[test]
fn socketio() {
    replay("socketio");
}

#[test]
fn stun() {
    replay("stun");
}

#[test]
fn wire() {
    replay("wire");
}

fn replay(name: &str) {
    let (_, body) = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target of that name");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has a corpus");
    corpus.iter().for_each(|case| run(name, body, case));
    let mut rng = Rng::new(SEED);
    for _ in 0..MUTATIONS {
        run(name, body, &mutated(&corpus, &mut rng));
    }
}

fn run(name: &str, body: Body, case: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(case))) {
        eprintln!("{name} fails on these {} bytes:\n{}", case.len(), case.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = package_dir().join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    // A folder's order differs from machine to machine.
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a case is a readable file")).collect()
}

fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut case = pick(corpus, rng).clone();
    for _ in 0..=rng.below(6) {
        let at = place(case.len() + 1, rng);
        let end = (at + place(64, rng)).min(case.len());
        match rng.below(8) {
            0 if at < case.len() => case[at] ^= 1 << rng.below(8),
            1 if at < case.len() => case[at] = rng.next_u64().to_le_bytes()[0],
            2 => case.splice(at..at, pick(&TOKENS, rng).iter().copied()).for_each(drop),
            3 => case.drain(at..end).for_each(drop),
            4 => case.splice(at..end, pick(&TOKENS, rng).iter().copied()).for_each(drop),
            5 => {
                let copy = case[at..end].to_vec();
                case.splice(at..at, copy).for_each(drop);
            }
            6 => {
                let other = pick(corpus, rng);
                case.truncate(at);
                case.extend(&other[place(other.len() + 1, rng)..]);
            }
            _ => case.truncate(at),
        }
        case.truncate(LEN_MAX);
    }
    case
}

fn pick<'a, T>(items: &'a [T], rng: &mut Rng) -> &'a T {
    &items[place(items.len(), rng)]
}

fn place(bound: usize, rng: &mut Rng) -> usize {
    usize::try_from(rng.below(bound as u64)).expect("below a usize")
}

/// Asked when the test runs: a target folder may serve several checkouts.
fn package_dir() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}
