//! Encrypted streams between two clients, and how a client greets whom it dials.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
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
    let request = AddRequest {
        source: TorrentSource::Magnet(Magnet::new(infohash)),
        peers: vec![peer],
        trackers: vec![],
        file: FileChoice::Largest,
        fetch: Fetch::All,
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
