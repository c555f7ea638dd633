//! Encrypted streams: with stock clients that insist on them, both ways, and with who means harm by them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use serde_json::json;
use tests::attacker::{Attacker, resident};
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::libtorrent::{Encrypt, LibTorrent};
use tests::metafile::Metafile;
use tests::stock::{Aria2, Transmission};
use tests::tracker::Tracker;
use tests::{SOON, http, own_address, scratch, within};

const FILM_LEN: usize = 600_001;

/// Slow enough that somebody who looks sees the connection.
const SLOW: u64 = 150_000;

/// Far above what the engine needs for these films.
const RESIDENT_MAX: u64 = 256 * 1024 * 1024;

#[test]
fn libtorrent_that_insists_takes_a_film_from_us() {
    for (method, encrypted) in [(Encrypt::Handshake, false), (Encrypt::Everything, true)] {
        let (source, copy) = (scratch(), scratch());
        let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 1);
        let mut engine = Engine::start(&[]);
        let seeding = engine.seed(&source.path().join("film.mkv"));
        engine.send(&json!({ "cmd": "limit", "maxUpload": SLOW, "maxDownload": 0 }));
        let mut leecher = LibTorrent::start();
        leecher.insist(method);
        let magnet = seeding["magnetURI"].as_str().unwrap();
        leecher.add(magnet, copy.path(), &[engine.peer_address()]);
        assert_eq!(seen_encrypted(&mut engine), encrypted, "{method:?}");
        leecher.wait_done();
        assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "libtorrent's copy");
    }
}

#[test]
fn we_take_a_film_from_libtorrent_that_insists() {
    for (method, encrypted) in [(Encrypt::Handshake, false), (Encrypt::Everything, true)] {
        let source = scratch();
        let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 2);
        let mut seeder = LibTorrent::start();
        seeder.insist(method);
        seeder.limit_upload(SLOW);
        let seeding = seeder.seed(&source.path().join("film.mkv"), 32 << 10, &source.path().join("film.torrent"));
        let mut viewer = Engine::start(&[]);
        let added = viewer.add(json!({ "magnetURI": seeding.magnet, "peers": [seeder.peer_address()] }));
        assert_eq!(seen_encrypted(&mut viewer), encrypted, "{method:?}");
        let url = added["serverUrl"].as_str().expect("added carries a URL");
        assert_same(&http::get(url).body, &content, "our copy");
    }
}

/// What `status` says of the one peer.
fn seen_encrypted(engine: &mut Engine) -> bool {
    within(SOON, "the engine shows its peer", || engine.status()["torrents"][0]["peerList"][0]["encrypted"].as_bool())
}

#[test]
fn aria2_that_insists_takes_a_film_from_us() {
    let (source, copy, tracker) = (scratch(), scratch(), Tracker::start());
    let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 3);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&source.path().join("film.mkv"));
    let infohash = seeding["infoHash"].as_str().unwrap();
    tracker.register(infohash, SocketAddr::from((Ipv4Addr::LOCALHOST, engine.listen_port())));
    Aria2::leech_encrypted(&magnet(infohash, &tracker), copy.path()).must_finish(SOON);
    assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "aria2's copy");
}

#[test]
fn we_take_a_film_from_aria2_that_insists() {
    let (source, tracker) = (scratch(), Tracker::start());
    let metafile = Metafile::new("film.mkv", random_file(&source.path().join("film.mkv"), FILM_LEN, 4), 32 << 10);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Aria2::seed_encrypted(&torrent, source.path());
    wait_seeding(&tracker, seeder.port());
    we_take(&metafile, seeder.port());
}

#[test]
fn transmission_that_insists_takes_a_film_from_us() {
    let (source, copy, tracker) = (scratch(), scratch(), Tracker::start());
    let content = random_file(&source.path().join("film.mkv"), FILM_LEN, 5);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&source.path().join("film.mkv"));
    let infohash = seeding["infoHash"].as_str().unwrap();
    tracker.register(infohash, SocketAddr::new(own_address(), engine.listen_port()));
    Transmission::leech_encrypted(&magnet(infohash, &tracker), copy.path()).wait_done(SOON);
    assert_same(&fs::read(copy.path().join("film.mkv")).unwrap(), &content, "transmission's copy");
}

#[test]
fn we_take_a_film_from_transmission_that_insists() {
    let (source, tracker) = (scratch(), Tracker::start());
    let metafile = Metafile::new("film.mkv", random_file(&source.path().join("film.mkv"), FILM_LEN, 6), 32 << 10);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Transmission::seed_encrypted(&torrent, source.path());
    wait_seeding(&tracker, seeder.port());
    we_take(&metafile, seeder.port());
}

fn we_take(metafile: &Metafile, port: u16) {
    let mut viewer = Engine::start(&[]);
    let added = viewer.add(json!({ "magnetURI": metafile.magnet(""), "peers": [format!("127.0.0.1:{port}")] }));
    let url = added["serverUrl"].as_str().expect("added carries a URL");
    assert_same(&http::get(url).body, &metafile.content, "our copy");
    viewer.wait_for("done", SOON, |_| true);
}

fn wait_seeding(tracker: &Tracker, port: u16) {
    within(SOON, "the stock client announces that it has everything", || {
        tracker.announces().iter().any(|announce| announce.port == port && announce.left == Some(0)).then_some(())
    });
}

fn magnet(infohash: &str, tracker: &Tracker) -> String {
    format!("magnet:?xt=urn:btih:{infohash}&dn=film.mkv&tr={}", tracker.url())
}

/// 2, which is the public key of the private key 1: the secret is then the other side's public key.
fn public_key() -> [u8; 96] {
    let mut key = [0; 96];
    key[95] = 2;
    key
}

#[test]
fn encrypted_handshakes_that_mean_harm_end_and_honest_ones_go_on() {
    let source = scratch();
    random_file(&source.path().join("film.mkv"), FILM_LEN, 7);
    let mut engine = Engine::start(&[]);
    let seeding = engine.seed(&source.path().join("film.mkv"));
    let infohash = bytes_of(seeding["infoHash"].as_str().unwrap());
    let address = engine.peer_address();

    // More than may be half open; each says a byte that is no BitTorrent, and waits.
    let slow = |_| {
        let mut attacker = Attacker::over(TcpStream::connect(&address).unwrap()).unwrap();
        attacker.send(&[0x55]).map(|()| attacker)
    };
    let crowd: Vec<Attacker> = (0..40).filter_map(|number: u32| slow(number).ok()).collect();
    assert!(crowd.len() > 32, "{} connections", crowd.len());
    Attacker::dial(&address, infohash, 1).expect("an honest peer is answered meanwhile");

    // Public keys that make no secret: 0, 1, P - 1; nothing is said to them.
    let mut p_less_one = hex_key();
    p_less_one[95] = 0x62;
    for weak in [
        [0; 96],
        {
            let mut one = [0; 96];
            one[95] = 1;
            one
        },
        p_less_one,
    ] {
        assert!(answer_to(&address, &weak).is_empty(), "a weak key is answered");
    }
    // No end of the padding.
    let endless = [&public_key()[..], &[0x33; 532]].concat();
    assert!(answer_to(&address, &endless).len() <= 96 + 512, "nothing but a key and a padding");

    // The right mark, and then a torrent that nobody has, or one of ours and garbage.
    for (skey, tail) in [([9; 20], 0), (infohash, 200)] {
        let mut stream = connect(&address);
        stream.write_all(&public_key()).unwrap();
        let mut secret = [0; 96];
        stream.read_exact(&mut secret).unwrap();
        let ask = xor(hash(b"req2", &skey), hash(b"req3", &secret));
        let sent = stream.write_all(&[&hash(b"req1", &secret)[..], &ask, &vec![0x44; tail]].concat());
        // It may have hung up in the middle of it.
        drop(sent);
        assert!(rest(&mut stream).len() <= 512, "nothing but the padding follows");
    }

    for mut attacker in crowd {
        assert!(attacker.is_hung_up(SOON), "who says no more is let go");
    }
    Attacker::dial(&address, infohash, 2).expect("an honest peer is answered after it");
    assert!(resident(engine.id()) < RESIDENT_MAX, "{} bytes resident", resident(engine.id()));
    engine.quit();
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the engine listens");
    stream.set_read_timeout(Some(SOON)).expect("a minute is a time");
    stream
}

/// Everything that comes back until the engine hangs up.
fn answer_to(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(bytes).expect("a few bytes always go out");
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it hangs up"),
    }
    answer
}

fn hash(name: &[u8], bytes: &[u8]) -> [u8; 20] {
    sha1_smol::Sha1::from([name, bytes].concat()).digest().bytes()
}

fn xor(left: [u8; 20], right: [u8; 20]) -> [u8; 20] {
    std::array::from_fn(|at| left[at] ^ right[at])
}

/// The prime.
fn hex_key() -> [u8; 96] {
    let hex = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
               ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";
    bytes_of(hex)
}

fn bytes_of<const N: usize>(hex: &str) -> [u8; N] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal"))
}
