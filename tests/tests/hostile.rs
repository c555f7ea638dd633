//! Peers that mean harm against the running engine. In each attack the engine lives, stays small, serves nothing that was
//! not verified, and an honest peer gets its film meanwhile.

use std::io::{Result, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::attacker::{
    Ambush, Attacker, BITFIELD, CANCEL, CHOKE, EXTENDED, HAVE, HAVE_ALL, INTERESTED, PIECE, REQUEST, UNCHOKE, answer,
    block, frame, hello, resident, tell_metadata, until_hung_up,
};
use tests::engine::Engine;
use tests::film::{assert_same, random_bytes, random_file};
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::{SOON, http, scratch, within};

const PIECE_LEN: usize = 64 * 1024;

/// Far above what the engine needs for these films, and far below what any of these attacks asks for.
const RESIDENT_MAX: u64 = 256 * 1024 * 1024;

fn film(seed: u64) -> Metafile {
    Metafile::new("film.mkv", random_bytes(20 * PIECE_LEN + 77, seed), PIECE_LEN)
}

/// Gives a viewer the attacker and, once the attack is on its way, an honest seeder; the film must come whole. With
/// `must_end` the engine is expected to hang up on the attacker.
fn a_viewer_survives(
    seed: u64,
    must_end: bool,
    attack: impl Fn(&Metafile, &mut Attacker) -> Result<()> + Send + Sync + 'static,
) {
    let (folder, metafile) = (scratch(), film(seed));
    let ambush = Ambush::set(metafile.infohash(), {
        let metafile = metafile.clone();
        move |attacker| attack(&metafile, attacker)
    });
    let honest = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let peers = [ambush.peer_address(), honest.peer_address()];
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": peers }));
    within(SOON, "the engine walks into it", || (ambush.sprung() > 0).then_some(()));
    if must_end {
        within(SOON, "the engine hangs up on the attacker", || (ambush.ended() > 0).then_some(()));
    }
    honest.open_gate();
    let url = added["serverUrl"].as_str().expect("an address to play");
    assert_same(&http::get(url).body, &metafile.content, "beside the attack");
    viewer.wait_for("done", SOON, |_| true);
    assert!(resident(viewer.id()) < RESIDENT_MAX, "{} bytes resident", resident(viewer.id()));
    viewer.quit();
}

/// Serves honestly but for what `alter` does to a `piece` before it is sent.
fn serve(metafile: &Metafile, attacker: &mut Attacker, alter: impl Fn(&mut [u8])) -> Result<()> {
    attacker.say(HAVE_ALL, &[])?;
    attacker.say(UNCHOKE, &[])?;
    loop {
        let request = attacker.hear_kind(REQUEST)?;
        let mut payload = answer(metafile, &request)?;
        alter(&mut payload);
        attacker.say(PIECE, &payload)?;
    }
}

#[test]
fn pieces_whose_last_block_alone_is_true() {
    a_viewer_survives(1, true, |metafile, attacker| {
        serve(metafile, attacker, |payload| {
            let offset = u32::from_be_bytes(payload[4..8].try_into().expect("four bytes")) as usize;
            if offset + payload.len() - 8 < PIECE_LEN {
                payload[100] ^= 1;
            }
        })
    });
}

#[test]
fn blocks_nobody_asked_for() {
    a_viewer_survives(2, true, |_, attacker| {
        let mut payload = block(3, 0, 0)[..8].to_vec();
        payload.extend(random_bytes(16_384, 9));
        for _ in 0..1000 {
            attacker.say(PIECE, &payload)?;
        }
        until_hung_up(attacker)
    });
}

#[test]
fn a_length_of_four_gibibytes() {
    a_viewer_survives(3, true, |_, attacker| {
        attacker.send(&[0xff; 1024])?;
        until_hung_up(attacker)
    });
}

#[test]
fn messages_longer_than_their_kind() {
    for (seed, id) in (40u64..).zip([HAVE, REQUEST, PIECE, BITFIELD, EXTENDED]) {
        a_viewer_survives(seed, true, move |_, attacker| {
            attacker.send(&(1u32 << 20).to_be_bytes())?;
            attacker.send(&[id])?;
            attacker.send(&vec![0; 1 << 20])?;
            until_hung_up(attacker)
        });
    }
}

#[test]
fn bitfields_that_do_not_fit() {
    let sets: [&[&[u8]]; 3] = [
        // 21 pieces are three bytes, and the last three bits are spare.
        &[&[0xff; 4]],
        &[&[0xff; 3]],
        &[&[0xff, 0xff, 0xf8], &[0xf0, 0, 0]],
    ];
    for (seed, set) in (50u64..).zip(sets) {
        a_viewer_survives(seed, true, move |_, attacker| {
            set.iter().try_for_each(|bits| attacker.say(BITFIELD, bits))?;
            until_hung_up(attacker)
        });
    }
}

#[test]
fn pieces_beyond_the_last() {
    for (seed, piece) in [(60u64, 21u32), (61, u32::MAX)] {
        a_viewer_survives(seed, true, move |_, attacker| {
            attacker.say(HAVE, &piece.to_be_bytes())?;
            until_hung_up(attacker)
        });
    }
}

#[test]
fn choking_and_unchoking_without_end() {
    a_viewer_survives(7, true, |_, attacker| {
        attacker.say(HAVE_ALL, &[])?;
        loop {
            attacker.say(UNCHOKE, &[])?;
            attacker.say(CHOKE, &[])?;
        }
    });
}

#[test]
fn taking_requests_only_to_drop_them() {
    a_viewer_survives(8, false, |_, attacker| {
        attacker.say(HAVE_ALL, &[])?;
        loop {
            attacker.say(UNCHOKE, &[])?;
            attacker.hear_kind(REQUEST)?;
            attacker.say(CHOKE, &[])?;
        }
    });
}

#[test]
fn an_owner_that_drips() {
    a_viewer_survives(9, false, |metafile, attacker| {
        attacker.say(HAVE_ALL, &[])?;
        attacker.say(UNCHOKE, &[])?;
        loop {
            let request = attacker.hear_kind(REQUEST)?;
            for part in frame(PIECE, &answer(metafile, &request)?).chunks(1024) {
                attacker.send(part)?;
                // 10 KiB a second: the attack itself, nothing waits for it.
                thread::sleep(Duration::from_millis(100));
            }
        }
    });
}

#[test]
fn bombs_in_the_extension_handshake() {
    let nested = |open: &[u8], close: &[u8], depth: usize| {
        [b"d1:m".as_slice(), &open.repeat(depth), &close.repeat(depth), b"e"].concat()
    };
    let bombs = [
        nested(b"l", b"e", 50_000),
        nested(b"l", b"e", 6_000),
        nested(b"d1:a", b"e", 3_000),
        // Many small things instead of a deep one.
        [b"d1:ml".as_slice(), &b"i1e".repeat(5_000), b"ee"].concat(),
        b"d1:v9999999999:xe".to_vec(),
    ];
    for (seed, bomb) in (100u64..).zip(bombs) {
        a_viewer_survives(seed, true, move |_, attacker| {
            attacker.say(EXTENDED, &[&[0], bomb.as_slice()].concat())?;
            until_hung_up(attacker)
        });
    }
}

#[test]
fn greetings_without_end() {
    a_viewer_survives(11, true, |_, attacker| {
        loop {
            attacker.say(EXTENDED, b"\0d1:md11:ut_metadatai2eee")?;
        }
    });
}

#[test]
fn messages_cut_in_single_bytes_are_messages_all_the_same() {
    let folder = scratch();
    let metafile = Metafile::new("film.mkv", random_bytes(PIECE_LEN + 77, 12), PIECE_LEN);
    let crumbs = Ambush::set(metafile.infohash(), {
        let metafile = metafile.clone();
        move |attacker| {
            let by_byte =
                |attacker: &mut Attacker, bytes: Vec<u8>| bytes.iter().try_for_each(|byte| attacker.send(&[*byte]));
            by_byte(attacker, frame(HAVE_ALL, &[]))?;
            by_byte(attacker, frame(UNCHOKE, &[]))?;
            loop {
                let request = attacker.hear_kind(REQUEST)?;
                by_byte(attacker, frame(PIECE, &answer(&metafile, &request)?))?;
            }
        }
    });
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": [crumbs.peer_address()] }));
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &metafile.content, "in crumbs");
    viewer.quit();
}

#[test]
fn lies_about_metadata() {
    let metafile = film(13);
    let true_len = metafile.info().len();
    let mut altered = metafile.info().to_vec();
    altered[true_len / 2] ^= 1;
    let liars: Vec<Ambush> = [true_len, true_len + 5, true_len - 1, 8 << 20, usize::MAX / 2, 0]
        .into_iter()
        .map(|size| {
            let (metafile, altered) = (metafile.clone(), altered.clone());
            Ambush::set(metafile.infohash(), move |attacker| tell_metadata(&metafile, attacker, size, &altered))
        })
        .collect();
    let honest = Ambush::set(metafile.infohash(), {
        let metafile = metafile.clone();
        move |attacker| tell_metadata(&metafile, attacker, true_len, metafile.info())
    });
    let peers: Vec<String> = liars.iter().chain([&honest]).map(Ambush::peer_address).collect();
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": metafile.magnet(""), "peers": peers }));
    assert_eq!(added["length"], metafile.content.len());
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &metafile.content, "beside the liars");
    assert!(resident(viewer.id()) < RESIDENT_MAX, "{} bytes resident", resident(viewer.id()));
    viewer.quit();
}

#[test]
fn a_liar_that_calls_is_not_let_in_again() {
    let (folder, metafile) = (scratch(), film(14));
    let torrent = metafile.write(folder.path(), None);
    let mut viewer = Engine::start(&[]);
    let honest = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let added = viewer.add(json!({ "torrentFile": torrent, "peers": [honest.peer_address()] }));
    let (address, infohash) = (viewer.peer_address(), metafile.infohash());
    let mut liar = Attacker::dial(&address, infohash, 1).unwrap();
    // It ends when the engine has had enough.
    serve(&metafile, &mut liar, |payload| payload[100] ^= 1).unwrap_err();
    let mut again = Attacker::dial(&address, infohash, 1).unwrap();
    again.hear().expect_err("a greeting for a peer that lied");
    // Others may be behind the same address.
    let mut other = Attacker::dial(&address, infohash, 2).unwrap();
    other.hear().expect("a greeting for a peer that did nothing");
    honest.open_gate();
    assert_same(&http::get(added["serverUrl"].as_str().unwrap()).body, &metafile.content, "in spite of the liar");
    viewer.quit();
}

/// A host, and what an honest viewer of it should see.
struct Hosting {
    _folder: tempfile::TempDir,
    host: Engine,
    seeding: Value,
    content: Vec<u8>,
}

impl Hosting {
    fn start(seed: u64) -> Self {
        let folder = scratch();
        let path = folder.path().join("film.mkv");
        let content = random_file(&path, 3_000_001, seed);
        let mut host = Engine::start(&[]);
        let seeding = host.seed(&path);
        Self { _folder: folder, host, seeding, content }
    }

    fn infohash(&self) -> [u8; 20] {
        let hex = self.seeding["infoHash"].as_str().expect("forty digits");
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal"))
    }

    fn attacker(&self, number: u32) -> Attacker {
        Attacker::dial(&self.host.peer_address(), self.infohash(), number).expect("the host answers a handshake")
    }

    /// The attack is on: somebody who only wants to watch comes, and gets everything.
    fn serves_an_honest_viewer(mut self) {
        let mut viewer = Engine::start(&[]);
        let peers = [self.host.peer_address()];
        let added = viewer.add(json!({ "magnetURI": self.seeding["magnetURI"], "peers": peers }));
        let url = added["serverUrl"].as_str().expect("an address to play");
        assert_same(&http::get(url).body, &self.content, "beside the attack");
        let resident = resident(self.host.id());
        assert!(resident < RESIDENT_MAX, "{resident} bytes resident");
        self.host.status();
        viewer.quit();
        self.host.quit();
    }
}

/// Sends the same again and again, and reads nothing; the engine must hang up.
fn flood(mut attacker: Attacker, bytes: &[u8]) {
    let refused = (0..10_000).any(|_| attacker.send(bytes).is_err());
    assert!(refused || attacker.is_hung_up(SOON), "the engine listens to anything");
}

#[test]
fn requests_without_reading() {
    let hosting = Hosting::start(20);
    let mut attacker = hosting.attacker(1);
    attacker.say(INTERESTED, &[]).unwrap();
    attacker.hear_kind(UNCHOKE).unwrap();
    let requests: Vec<u8> = (0..180).flat_map(|at| frame(REQUEST, &block(at / 8, at % 4 * 16_384, 16_384))).collect();
    flood(attacker, &requests);
    hosting.serves_an_honest_viewer();
}

#[test]
fn requests_taken_back_at_once() {
    let hosting = Hosting::start(21);
    let mut attacker = hosting.attacker(1);
    attacker.say(INTERESTED, &[]).unwrap();
    attacker.hear_kind(UNCHOKE).unwrap();
    let both = [frame(REQUEST, &block(0, 0, 16_384)), frame(CANCEL, &block(0, 0, 16_384))].concat();
    flood(attacker, &both.repeat(100));
    hosting.serves_an_honest_viewer();
}

#[test]
fn chatter_and_requests_for_metadata() {
    let hosting = Hosting::start(22);
    flood(hosting.attacker(1), &frame(INTERESTED, &[]).repeat(1000));
    flood(hosting.attacker(2), &[0; 4000]);
    flood(hosting.attacker(3), &frame(HAVE, &[0; 4]).repeat(1000));
    flood(hosting.attacker(4), &frame(99, &[0; 100]).repeat(100));
    let mut asker = hosting.attacker(5);
    asker.say(EXTENDED, b"\0d1:md11:ut_metadatai2eee").unwrap();
    flood(asker, &frame(EXTENDED, b"\x02d8:msg_typei0e5:piecei0ee").repeat(100));
    hosting.serves_an_honest_viewer();
}

#[test]
fn sockets_that_say_nothing_or_a_byte_a_second() {
    let hosting = Hosting::start(23);
    let address = hosting.host.peer_address();
    let hello = hello(hosting.infohash(), 1);
    let over = AtomicBool::new(false);
    let mut sockets: Vec<TcpStream> = (0..100).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            // As many again as were dropped, a byte each: the attack itself, nothing waits for it.
            let mut next = hello.iter().cycle();
            while !over.load(Ordering::SeqCst) {
                let byte = [*next.next().expect("it goes round")];
                sockets.iter_mut().skip(1).step_by(2).for_each(|socket| drop(socket.write_all(&byte)));
                thread::sleep(Duration::from_millis(200));
                sockets.truncate(50);
                sockets.extend((0..20).filter_map(|_| TcpStream::connect(&address).ok()));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hosting.serves_an_honest_viewer()));
        over.store(true, Ordering::SeqCst);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn handshakes_of_noise() {
    let hosting = Hosting::start(24);
    for seed in 0..50 {
        let mut attacker = Attacker::over(TcpStream::connect(hosting.host.peer_address()).unwrap()).unwrap();
        // It may hang up in the middle of it.
        drop(attacker.send(&random_bytes(100_000, seed)));
        assert!(attacker.is_hung_up(SOON));
    }
    hosting.serves_an_honest_viewer();
}

#[test]
fn five_hundred_connections() {
    let hosting = Hosting::start(25);
    let (address, infohash) = (hosting.host.peer_address(), hosting.infohash());
    let held: Vec<Attacker> = (0..500).filter_map(|number| Attacker::dial(&address, infohash, number).ok()).collect();
    assert!(!held.is_empty(), "nobody was let in");
    hosting.serves_an_honest_viewer();
    drop(held);
}
