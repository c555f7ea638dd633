//! The promise behind everything: no byte reaches a player before its piece matched its hash.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use serde_json::json;
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{SOON, http, scratch};

const PIECE_LEN: usize = 64 * 1024;
const LIE: u32 = 4;

#[test]
fn of_a_corrupt_piece_nothing_is_served() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(10 * PIECE_LEN + 77, 1), PIECE_LEN);
    let liar = Seeder::start(&metafile, Manners::corrupting(&metafile, &[LIE]));
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": [liar.peer_address()] }));
    let url = added["serverUrl"].as_str().unwrap();
    let lie_starts = LIE as usize * PIECE_LEN;

    let (head, mut body) = http::open(url, &[]);
    assert_eq!(head.status, 200);
    liar.wait_served(LIE, SOON);
    liar.wait_dropped(1, SOON);
    // Whatever came is right, and ends before the piece that is not.
    body.set_timeout(Duration::from_secs(2));
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = body.read(&mut buffer) {
        bytes.extend(&buffer[..read]);
    }
    assert!(bytes.len() <= lie_starts, "{} bytes, though the piece begins at {lie_starts}", bytes.len());
    assert_same(&bytes, &metafile.content[..bytes.len()], "what came");
    let (_, mut inside) = http::open(url, &[("Range", &format!("bytes={}-{}", lie_starts + 10, lie_starts + 20))]);
    inside.set_timeout(Duration::from_secs(1));
    assert!(!matches!(inside.read(&mut buffer), Ok(1..)), "a byte of a piece that never matched");

    viewer.status();
    for event in viewer.history() {
        let ranges = event["ranges"].as_array().map_or(&[][..], Vec::as_slice);
        let covers = |range: &serde_json::Value| {
            range[0].as_u64() <= Some(lie_starts as u64) && range[1].as_u64() > Some(lie_starts as u64)
        };
        assert!(!ranges.iter().any(covers), "the piece counts as verified: {event}");
        assert_ne!(event["event"], "done");
    }
}

#[test]
fn one_flipped_bit_is_enough_and_an_honest_peer_mends_it() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(10 * PIECE_LEN + 77, 2), PIECE_LEN);
    // One bit of one block, in the middle of the piece.
    let manners = Manners { corrupt: BTreeSet::from([(LIE, 32 * 1024)]), ..Manners::default() };
    let liar = Seeder::start(&metafile, manners);
    let honest = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let peers = [liar.peer_address(), honest.peer_address()];
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": peers }));
    let (_, mut body) = http::open(added["serverUrl"].as_str().unwrap(), &[]);
    liar.wait_served(LIE, SOON);
    liar.wait_dropped(1, SOON);
    honest.open_gate();
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).unwrap();
    assert_same(&bytes, &metafile.content, "the one answer that was open all the time");
    viewer.wait_for("done", SOON, |_| true);
}

#[test]
fn a_liar_is_not_asked_again_and_again() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(6 * PIECE_LEN, 3), PIECE_LEN);
    let liar = Seeder::start(&metafile, Manners::corrupting(&metafile, &[0, 1, 2, 3, 4, 5]));
    let honest = Seeder::start(&metafile, Manners { block_takes: Duration::from_millis(5), ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let peers = [liar.peer_address(), honest.peer_address()];
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": peers }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &metafile.content, "in spite of the liar");
    viewer.wait_for("done", SOON, |_| true);
    let lies = liar.served().len();
    assert!(lies <= 2 * 24, "{lies} blocks taken from somebody who has not told the truth once");
}

#[test]
fn of_four_that_share_each_piece_only_the_liar_is_banned() {
    const LONG_PIECE: usize = 1 << 20;
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(8 * LONG_PIECE, 4), LONG_PIECE);
    let pieces: Vec<u32> = (0..8).collect();
    let block_takes = Duration::from_millis(10);
    let manners = Manners { block_takes, ..Manners::corrupting(&metafile, &pieces) };
    let liar = Seeder::start_at([127, 0, 0, 9].into(), &metafile, manners);
    let honest: Vec<Seeder> = (2..5)
        .map(|host| {
            Seeder::start_at([127, 0, 0, host].into(), &metafile, Manners { block_takes, ..Manners::default() })
        })
        .collect();
    let peers: Vec<String> = honest.iter().chain([&liar]).map(Seeder::peer_address).collect();
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": peers }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &metafile.content, "in spite of the liar");
    viewer.wait_for("done", SOON, |_| true);
    liar.wait_dropped(1, SOON);
    // What only the liar lied about can only be proved where others sent blocks of the same pieces.
    let lied: BTreeSet<u32> = liar.served().iter().map(|served| served.piece).collect();
    let shared = honest.iter().flat_map(Seeder::served).any(|served| lied.contains(&served.piece));
    assert!(shared, "the liar had its pieces to itself: {lied:?}");
    let connections: Vec<usize> = honest.iter().map(Seeder::connections).collect();
    assert_eq!((connections, liar.connections()), (vec![1, 1, 1], 1), "nobody was dropped and dialed again");
    let status = viewer.status();
    let connected = status["torrents"][0]["peerList"].as_array().map_or(0, Vec::len);
    assert_eq!(connected, 3, "the honest stay: {status}");
}
