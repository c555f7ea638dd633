//! One bad peer beside an honest one that could play the film alone: a reader never waits longer than [`GAP_MAX`].

use std::io::{Read, Result};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::attacker::{
    Ambush, Attacker, CHOKE, HAVE_ALL, PIECE, REJECT, REQUEST, UNCHOKE, answer, frame, until_hung_up,
};
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{SOON, http, scratch, within};

/// The longest time between two bytes at the player.
const GAP_MAX: Duration = Duration::from_secs(5);

/// What the honest peer takes for a block: with 1.6 MB/s it alone would never leave a gap that anybody sees.
const BLOCK_TAKES: Duration = Duration::from_millis(10);

const PIECE_LEN: usize = 128 * 1024;
const BLOCK_LEN: usize = 16 * 1024;

/// A reader waits and the bad peer alone has what it waits for; then the honest one comes, and the film plays to its end.
fn nobody_waits_long(seed: u64, attack: impl Fn(&Metafile, &mut Attacker) -> Result<()> + Send + Sync + 'static) {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(64 * PIECE_LEN + 77, seed), PIECE_LEN);
    let bad = Ambush::set(metafile.infohash(), {
        let metafile = metafile.clone();
        move |attacker| {
            attacker.say(HAVE_ALL, &[])?;
            attacker.say(UNCHOKE, &[])?;
            attack(&metafile, attacker)
        }
    });
    let honest = Seeder::start(&metafile, Manners { gated: true, block_takes: BLOCK_TAKES, ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let peers = [bad.peer_address(), honest.peer_address()];
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": peers }));
    let (_, mut body) = http::open(added["serverUrl"].as_str().expect("an address to play"), &[]);
    within(SOON, "both are here", || (bad.sprung() > 0 && honest.connections() > 0).then_some(()));
    honest.open_gate();
    let (mut content, mut buffer) = (Vec::new(), vec![0; 65_536]);
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    while body.left() > 0 {
        let read = body.read(&mut buffer).expect("the film goes on");
        longest = longest.max(last.elapsed());
        last = Instant::now();
        assert!(read > 0, "the film ends early, {} bytes before its end", body.left());
        content.extend_from_slice(&buffer[..read]);
    }
    eprintln!("the longest gap was {longest:?}");
    assert_same(&content, &metafile.content, "beside a bad peer");
    assert!(longest <= GAP_MAX, "nothing came for {longest:?}");
    viewer.quit();
}

#[test]
fn an_owner_that_sends_one_block_and_then_nothing() {
    nobody_waits_long(1, |metafile, attacker| {
        let request = attacker.hear_kind(REQUEST)?;
        attacker.say(PIECE, &answer(metafile, &request)?)?;
        until_hung_up(attacker)
    });
}

#[test]
fn an_owner_of_one_kilobyte_a_second() {
    nobody_waits_long(2, |metafile, attacker| {
        loop {
            let request = attacker.hear_kind(REQUEST)?;
            for part in frame(PIECE, &answer(metafile, &request)?).chunks(256) {
                attacker.send(part)?;
                // The attack itself, nothing waits for it.
                thread::sleep(Duration::from_millis(250));
            }
        }
    });
}

#[test]
fn an_owner_that_chokes_whenever_it_is_asked() {
    nobody_waits_long(3, |_, attacker| {
        loop {
            attacker.hear_kind(REQUEST)?;
            attacker.say(CHOKE, &[])?;
            attacker.say(UNCHOKE, &[])?;
        }
    });
}

#[test]
fn an_owner_that_takes_requests_and_rejects_them_late() {
    nobody_waits_long(4, |_, attacker| {
        loop {
            let request = attacker.hear_kind(REQUEST)?;
            // The attack itself, nothing waits for it.
            thread::sleep(Duration::from_millis(1500));
            attacker.say(REJECT, &request)?;
        }
    });
}

#[test]
fn an_owner_whose_last_blocks_are_wrong() {
    nobody_waits_long(5, |metafile, attacker| {
        loop {
            let request = attacker.hear_kind(REQUEST)?;
            let mut payload = answer(metafile, &request)?;
            let offset = u32::from_be_bytes(payload[4..8].try_into().expect("four bytes")) as usize;
            if offset + BLOCK_LEN >= PIECE_LEN {
                payload[100] ^= 1;
            }
            attacker.say(PIECE, &payload)?;
        }
    });
}
