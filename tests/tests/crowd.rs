//! Five hundred attackers at once, each doing its worst: an honest peer is served meanwhile, a reader plays, and the engine
//! never takes more memory than `docs/limits.md` adds up.

use std::io::Result;
use std::net::TcpStream;
use std::thread;

use serde_json::json;
use tests::attacker::{Attacker, EXTENDED, HAVE, INTERESTED, REQUEST, block, frame, hello, resident_peak};
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{http, scratch};

const ATTACKERS: u32 = 500;
const THREADS: u32 = 50;

/// What `docs/limits.md` adds up for a process with one torrent, 60 connections and one player.
const MEMORY_MAX: u64 = 411 * 1024 * 1024;

/// What it may really take here: the sum is of everything at its bound at once.
const RESIDENT_MAX: u64 = 128 * 1024 * 1024;

const _: () = assert!(RESIDENT_MAX < MEMORY_MAX);

/// One attack of a kind that its number chooses. The connection stays with the caller.
fn attack(address: &str, infohash: [u8; 20], number: u32) -> Result<Attacker> {
    let greeted = || Attacker::dial(address, infohash, number);
    let extended = |payload: &[u8]| frame(EXTENDED, payload);
    // Until the engine has had enough of it, and no longer than the others take.
    let flood =
        |mut attacker: Attacker, bytes: Vec<u8>| (0..50).try_for_each(|_| attacker.send(&bytes)).map(|()| attacker);
    match number % 7 {
        0 => {
            let mut attacker = Attacker::over(TcpStream::connect(address)?)?;
            attacker.send(&hello(infohash, number)[..40])?;
            Ok(attacker)
        }
        1 => {
            let mut attacker = greeted()?;
            let whole = extended(&vec![0; 65_535]);
            attacker.send(&whole[..whole.len() - 1])?;
            Ok(attacker)
        }
        2 => {
            let mut attacker = greeted()?;
            attacker.say(INTERESTED, &[])?;
            flood(attacker, (0..400).flat_map(|at| frame(REQUEST, &block(at / 4, at % 4 * 16_384, 16_384))).collect())
        }
        3 => {
            let mut attacker = greeted()?;
            attacker.send(&extended(b"\0d1:md6:ut_pexi1eee"))?;
            let named: Vec<u8> = (0..50u8).flat_map(|at| [198, 51, 100, at, 0x1a, 0xe1]).collect();
            let list = [b"\x01d5:added300:".as_slice(), &named, b"e"].concat();
            flood(attacker, extended(&list).repeat(10))
        }
        4 => flood(greeted()?, (0..200u32).flat_map(|piece| frame(HAVE, &(piece % 64).to_be_bytes())).collect()),
        5 => {
            let mut attacker = greeted()?;
            attacker.send(&extended(b"\0d1:md11:ut_metadatai2eee"))?;
            flood(attacker, extended(b"\x02d8:msg_typei0e5:piecei0ee").repeat(100))
        }
        _ => greeted(),
    }
}

#[test]
fn five_hundred_do_their_worst_at_once() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(100 * 65_536 + 77, 1), 65_536);
    let torrent = metafile.write(folder.path(), None);
    let source = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let mut engine = Engine::start(&[]);
    let added = engine.add(json!({ "torrentFile": torrent, "peers": [source.peer_address()] }));
    let (address, infohash) = (engine.peer_address(), metafile.infohash());
    let url = added["serverUrl"].as_str().expect("an address to play").to_owned();
    thread::scope(|scope| {
        let player = scope.spawn(|| http::get(&url).body);
        let crowd: Vec<_> = (0..THREADS)
            .map(|thread| {
                let address = &address;
                scope.spawn(move || {
                    let numbers = (thread..ATTACKERS).step_by(THREADS as usize);
                    numbers.filter_map(|number| attack(address, infohash, number).ok()).collect::<Vec<Attacker>>()
                })
            })
            .collect();
        source.open_gate();
        let mut viewer = Engine::start(&[]);
        let seen = viewer.add(json!({ "torrentFile": torrent, "peers": [address] }));
        assert_same(
            &http::get(seen["serverUrl"].as_str().expect("an address")).body,
            &metafile.content,
            "served in the crowd",
        );
        assert_same(&player.join().expect("it plays"), &metafile.content, "played in the crowd");
        let held: Vec<Attacker> = crowd.into_iter().flat_map(|thread| thread.join().expect("an attack ends")).collect();
        assert!(!held.is_empty(), "nobody was let in");
        viewer.quit();
    });
    let peak = resident_peak(engine.id());
    eprintln!("at most {} KiB were resident", peak / 1024);
    assert!(peak < RESIDENT_MAX, "{peak} bytes were resident");
    engine.status();
    engine.quit();
}
