//! The harness against the world, without the engine: when these fail, look here before blaming the engine.

use std::fs;
use std::net::SocketAddr;

use tests::film::{assert_same, random_bytes, random_file};
use tests::libtorrent::LibTorrent;
use tests::metafile::Metafile;
use tests::seeder::{Manners, Seeder};
use tests::stock::{Aria2, Transmission};
use tests::tracker::Tracker;
use tests::{SOON, own_address, scratch};

const PIECE_LEN: usize = 32 * 1024;

#[test]
fn libtorrent_takes_a_file_from_the_hand_written_seeder() {
    let folder = scratch();
    let metafile = Metafile::new("film.bin", random_bytes(300_001, 1), PIECE_LEN);
    let seeder = Seeder::start(&metafile, Manners::default());
    let torrent = metafile.write(folder.path(), None);
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), folder.path(), &[seeder.peer_address()]);
    leecher.wait_done();
    assert_same(&fs::read(folder.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
    assert_eq!(seeder.served().iter().map(|served| served.len as usize).sum::<usize>(), 300_001);
}

#[test]
fn libtorrent_hangs_up_on_a_liar_and_takes_the_rest_elsewhere() {
    let folder = scratch();
    let metafile = Metafile::new("film.bin", random_bytes(300_001, 2), PIECE_LEN);
    let liar = Seeder::start(&metafile, Manners::corrupting(&metafile, &[3]));
    let honest = Seeder::start(&metafile, Manners { gated: true, ..Manners::default() });
    let torrent = metafile.write(folder.path(), None);
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), folder.path(), &[liar.peer_address(), honest.peer_address()]);
    liar.wait_served(3, SOON);
    liar.wait_dropped(1, SOON);
    honest.open_gate();
    leecher.wait_done();
    assert_same(&fs::read(folder.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
}

#[test]
fn libtorrent_seeds_to_libtorrent_by_magnet() {
    let (source, copy) = (scratch(), scratch());
    let content = random_file(&source.path().join("film.bin"), 500_000, 3);
    let (mut seeder, mut leecher) = (LibTorrent::start(), LibTorrent::start());
    let seeding = seeder.seed(&source.path().join("film.bin"), 16_384, &source.path().join("film.torrent"));
    assert_eq!(seeding.piece_count, 31);
    leecher.add(&seeding.magnet, copy.path(), &[seeder.peer_address()]);
    leecher.wait_done();
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &content, "libtorrent's copy");
}

#[test]
fn aria2_seeds_to_aria2_through_the_tracker() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let metafile = Metafile::new("film.bin", random_file(&source.path().join("film.bin"), 200_000, 4), PIECE_LEN);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Aria2::seed(&torrent, source.path());
    tests::within(SOON, "aria2 announces itself as complete", || {
        tracker.announces().iter().find(|announce| announce.port == seeder.port() && announce.left == Some(0)).cloned()
    });
    Aria2::leech(torrent.to_str().unwrap(), copy.path()).must_finish(SOON);
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &metafile.content, "aria2's copy");
}

#[test]
fn transmission_seeds_to_libtorrent() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let metafile = Metafile::new("film.bin", random_file(&source.path().join("film.bin"), 200_000, 5), PIECE_LEN);
    let torrent = metafile.write(source.path(), Some(&tracker.url()));
    let seeder = Transmission::seed(&torrent, source.path());
    tests::within(SOON, "transmission announces itself as complete", || {
        tracker.announces().iter().find(|announce| announce.port == seeder.port() && announce.left == Some(0)).cloned()
    });
    let mut leecher = LibTorrent::start();
    leecher.add(torrent.to_str().unwrap(), copy.path(), &[format!("127.0.0.1:{}", seeder.port())]);
    leecher.wait_done();
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &metafile.content, "libtorrent's copy");
}

#[test]
fn transmission_takes_a_file_from_libtorrent_through_the_tracker() {
    let (source, copy) = (scratch(), scratch());
    let tracker = Tracker::start();
    let content = random_file(&source.path().join("film.bin"), 200_000, 6);
    let mut seeder = LibTorrent::start();
    let seeding = seeder.seed(&source.path().join("film.bin"), 32_768, &source.path().join("film.torrent"));
    tracker.register(&seeding.infohash, SocketAddr::new(own_address(), seeder.port()));
    let leecher = Transmission::leech(&format!("{}&tr={}", seeding.magnet, tracker.url()), copy.path());
    leecher.wait_done(SOON);
    assert_same(&fs::read(copy.path().join("film.bin")).unwrap(), &content, "transmission's copy");
}

#[test]
fn clips_are_of_the_size_and_shape_they_claim() {
    use tests::film::{Clip, Container};
    let folder = scratch();
    for container in [Container::Mp4IndexLast, Container::Mkv] {
        let path = folder.path().join("clip");
        let rate = Clip { container, seconds: 4, bits_per_second: 2_000_000 }.make(&path);
        assert!((200_000..400_000).contains(&rate), "{container:?}: {rate} bytes a second");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_line_takes_its_time_a_narrow_one_too_and_a_bad_one_loses_packets() {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::{Duration, Instant};

    use tests::net::{Addresses, Line, Network};

    let Some(mut network) = Network::new() else { return };
    let round_trip = Duration::from_millis(80);
    let far = network.far_host(Addresses::All, Line { round_trip, loss_percent: 0.0, rate: None });
    let near = network.host(Addresses::All);
    let listener = far.inside(|| TcpListener::bind((far.public(), 0)).unwrap());
    let address = listener.local_addr().unwrap();
    near.inside(|| {
        // The first packet also asks for the hardware's address, which is one more round trip.
        drop(TcpStream::connect(address).unwrap());
        let begin = Instant::now();
        drop(TcpStream::connect(address).unwrap());
        let took = begin.elapsed();
        assert!(took >= round_trip, "{took:?}");
    });

    let narrow = Line { round_trip: Duration::ZERO, loss_percent: 0.0, rate: Some(400_000) };
    let narrow = network.far_host(Addresses::All, narrow);
    let listener = narrow.inside(|| TcpListener::bind((narrow.public(), 0)).unwrap());
    let address = listener.local_addr().unwrap();
    let mut mouth = near.inside(|| TcpStream::connect(address).unwrap());
    let (mut ears, _) = listener.accept().unwrap();
    let begin = Instant::now();
    let speaker = std::thread::spawn(move || std::io::Write::write_all(&mut mouth, &vec![7; 200_000]).unwrap());
    std::io::Read::read_exact(&mut ears, &mut vec![0; 200_000]).unwrap();
    let took = begin.elapsed();
    speaker.join().unwrap();
    assert!(took >= Duration::from_millis(500), "{took:?}");

    let bad = network.far_host(Addresses::All, Line { round_trip: Duration::ZERO, loss_percent: 30.0, rate: None });
    let ears = bad.inside(|| UdpSocket::bind((bad.public(), 0)).unwrap());
    ears.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let hears = || ears.recv_from(&mut [0; 16]).is_ok();
    let address = ears.local_addr().unwrap();
    let mouth = near.inside(|| UdpSocket::bind((near.public(), 0)).unwrap());
    let say = || assert_eq!(mouth.send_to(b"a packet", address).unwrap(), 8);
    // The first ones wait for the hardware's address, and asking for that may take several questions.
    tests::within(tests::SOON, "a packet arrives", || {
        say();
        hears().then_some(())
    });
    while hears() {}
    (0..500).for_each(|_| say());
    let heard = std::iter::from_fn(|| hears().then_some(())).count();
    // 350 are to be expected, give or take 10.
    assert!((270..430).contains(&heard), "{heard} of 500 arrived");
}
