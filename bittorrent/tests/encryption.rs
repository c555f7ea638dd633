//! Encrypted streams between two clients, and how a client greets whom it dials.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bittorrent::{
    AddRequest, Client, ClientConfig, Encryption, Fetch, FileChoice, SeedRequest, Terms, TorrentEvent, TorrentHandle,
    TorrentSource,
};
use bittorrent_proto::infohash::Infohash;
use bittorrent_proto::magnet::Magnet;
use smol::channel::Receiver;

/// Far beyond what anything here takes.
const SOON: Duration = Duration::from_secs(60);

const PLAIN: &[u8; 20] = b"\x13BitTorrent protocol";

fn client(data_dir: &Path) -> Client {
    let config = ClientConfig {
        listen_port: 0,
        data_dir: data_dir.to_owned(),
        peers_max: 60,
        upload_max: None,
        download_max: None,
        serves: true,
        disk_max: None,
        client_name: "test".into(),
        pex: true,
    };
    Client::start(config).expect("a client starts")
}

async fn add(
    client: &Client,
    infohash: Infohash,
    peer: SocketAddr,
    encryption: Encryption,
) -> (TorrentHandle, Receiver<TorrentEvent>) {
    add_and_fetch(client, infohash, peer, encryption, Fetch::All).await
}

async fn add_and_fetch(
    client: &Client,
    infohash: Infohash,
    peer: SocketAddr,
    encryption: Encryption,
    fetch: Fetch,
) -> (TorrentHandle, Receiver<TorrentEvent>) {
    let request = AddRequest {
        source: TorrentSource::Magnet(Magnet::new(infohash)),
        peers: vec![peer],
        trackers: vec![],
        file: FileChoice::Largest,
        fetch,
        encryption,
        terms: Terms::default(),
    };
    client.add(request).await.expect("the torrent is added")
}

/// A film goes from one to the other; says whether it went encrypted, as both see it.
fn film_is_encrypted(host_prefers: Encryption, viewer_prefers: Encryption) -> bool {
    let dir = tempfile::tempdir().expect("the system's temporary folder takes files");
    let path = dir.path().join("film.mp4");
    let mut film = vec![0; 3_000_000];
    bittorrent_proto::rng::Rng::new(9).fill(&mut film);
    std::fs::write(&path, &film).expect("it takes files");
    smol::block_on(async {
        let (host, viewer) = (client(&dir.path().join("host")), client(&dir.path().join("viewer")));
        let progress = Arc::new(|_| {});
        let request = SeedRequest {
            path,
            name: None,
            trackers: vec![],
            progress,
            encryption: host_prefers,
            terms: Terms::default(),
        };
        let (seeding, _) = host.seed(request).await.expect("the film is shared");
        let addr = SocketAddr::from(([127, 0, 0, 1], host.listen_port()));
        let (handle, events) = add(&viewer, seeding.infohash(), addr, viewer_prefers).await;
        while !matches!(events.recv().await.expect("the torrent still tells"), TorrentEvent::Done) {}
        let mut got = Vec::new();
        let mut stream = handle.film().and_then(|film| handle.open(film)).expect("the film is known");
        futures_lite::AsyncReadExt::read_to_end(&mut stream, &mut got).await.expect("the film is read");
        assert!(got == film, "the film is whole");
        let seen = [seen_encrypted(&seeding).await, seen_encrypted(&handle).await];
        assert_eq!(seen[0], seen[1], "both see the same");
        viewer.shutdown().await;
        host.shutdown().await;
        seen[0]
    })
}

async fn seen_encrypted(handle: &TorrentHandle) -> bool {
    let began = Instant::now();
    loop {
        if let [peer] = handle.stats().peer_list.as_slice() {
            return peer.encrypted;
        }
        assert!(began.elapsed() < SOON, "one peer is shown");
        smol::Timer::after(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_film_goes_encrypted_where_both_prefer_that() {
    assert!(!film_is_encrypted(Encryption::Allowed, Encryption::Allowed));
    assert!(film_is_encrypted(Encryption::Preferred, Encryption::Preferred));
    // Whoever is dialed answers as it is greeted, and chooses plaintext behind an encrypted handshake if it may.
    assert!(!film_is_encrypted(Encryption::Preferred, Encryption::Allowed));
    assert!(!film_is_encrypted(Encryption::Allowed, Encryption::Preferred));
}

/// Whether each of the first greetings of a client is in plaintext, to a peer that hangs up on all of them.
fn greetings(encryption: Encryption, count: usize) -> Vec<bool> {
    let dir = tempfile::tempdir().expect("the system's temporary folder takes files");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    smol::block_on(async {
        let client = client(dir.path());
        let (_handle, _events) = add(&client, Infohash::new([7; 20]), addr, encryption).await;
        let heard = smol::unblock(move || {
            let hear = |_| {
                let (mut stream, _) = listener.accept().expect("the client dials");
                stream.set_read_timeout(Some(SOON)).expect("a minute is a time");
                let mut bytes = [0; 20];
                stream.read_exact(&mut bytes).expect("the client greets");
                bytes == *PLAIN
            };
            (0..count).map(hear).collect()
        })
        .await;
        client.shutdown().await;
        heard
    })
}

#[test]
fn a_peer_that_hangs_up_is_greeted_once_the_other_way() {
    // The third is the next dial, after the wait that follows a failed one.
    assert_eq!(greetings(Encryption::Allowed, 3), [true, false, true]);
    assert_eq!(greetings(Encryption::Preferred, 3), [false, true, false]);
}

#[test]
fn a_peer_that_answers_nonsense_to_encryption_is_greeted_in_plaintext() {
    let dir = tempfile::tempdir().expect("the system's temporary folder takes files");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    smol::block_on(async {
        let client = client(dir.path());
        let (_handle, _events) = add(&client, Infohash::new([7; 20]), addr, Encryption::Preferred).await;
        let second = smol::unblock(move || {
            let (mut first, _) = listener.accept().expect("the client dials");
            // A zero for a public key; the answer may find the connection closed already.
            drop(first.write_all(&[0; 96]));
            let (mut second, _) = listener.accept().expect("the client dials");
            second.set_read_timeout(Some(SOON)).expect("a minute is a time");
            let mut bytes = [0; 20];
            second.read_exact(&mut bytes).expect("the client greets");
            bytes
        })
        .await;
        assert_eq!(&second, PLAIN);
        client.shutdown().await;
    });
}

/// Stands before a client, hangs up on plaintext, and ends each other connection once that client has introduced itself.
/// Returns whether each of the first connections greeted in plaintext.
fn picky_door(listener: &TcpListener, behind: SocketAddr, count: usize) -> Vec<bool> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let (mut outside, _) = listener.accept().expect("the client dials");
        outside.set_read_timeout(Some(SOON)).expect("a minute is a time");
        let mut first = [0; 20];
        outside.read_exact(&mut first).expect("the client greets");
        heard.push(first == *PLAIN);
        if first == *PLAIN {
            continue;
        }
        let mut inside = TcpStream::connect(behind).expect("the client behind the door listens");
        inside.write_all(&first).expect("it reads");
        let forth = std::thread::spawn({
            let (mut from, mut to) = (outside.try_clone().expect("a handle"), inside.try_clone().expect("a handle"));
            move || std::io::copy(&mut from, &mut to)
        });
        // Behind the encrypted handshake this host chooses plaintext, so what it says there can be seen: the connection stood.
        let (mut answer, mut byte) = (Vec::new(), [0; 1]);
        while !answer.ends_with(b"ut_metadata") {
            inside.read_exact(&mut byte).expect("the client behind the door answers");
            answer.extend(byte);
            outside.write_all(&byte).expect("the client that dialed reads");
        }
        let _ = (outside.shutdown(Shutdown::Both), inside.shutdown(Shutdown::Both));
        let _ = forth.join();
    }
    heard
}

#[test]
fn what_an_address_took_is_how_it_is_greeted_the_next_time() {
    let dir = tempfile::tempdir().expect("the system's temporary folder takes files");
    let path = dir.path().join("film.mp4");
    std::fs::write(&path, vec![7; 300_000]).expect("it takes files");
    let door = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = door.local_addr().expect("a bound socket has an address");
    smol::block_on(async {
        let (host, viewer) = (client(&dir.path().join("host")), client(&dir.path().join("viewer")));
        let request = SeedRequest {
            path,
            name: None,
            trackers: vec![],
            progress: Arc::new(|_| {}),
            encryption: Encryption::Allowed,
            terms: Terms::default(),
        };
        let (seeding, _) = host.seed(request).await.expect("the film is shared");
        let behind = SocketAddr::from(([127, 0, 0, 1], host.listen_port()));
        let (infohash, encryption) = (seeding.infohash(), Encryption::Allowed);
        let (_viewing, _events) = add_and_fetch(&viewer, infohash, addr, encryption, Fetch::AsNeeded).await;
        let heard = smol::unblock(move || picky_door(&door, behind, 4)).await;
        assert_eq!(heard, [true, false, false, false], "plaintext once");
        viewer.shutdown().await;
        host.shutdown().await;
    });
}
