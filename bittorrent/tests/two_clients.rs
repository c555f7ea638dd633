//! Two clients on loopback: one shares, the other fetches and reads while it arrives.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bittorrent::{
    AddRequest, Client, ClientConfig, Encryption, Failure, Fetch, FileChoice, SeedRequest, Terms, TorrentEvent,
    TorrentHandle, TorrentSource,
};
use bittorrent_proto::magnet::Magnet;
use bittorrent_proto::units::{BytesPerSec, FileIndex};
use futures_lite::{AsyncReadExt, AsyncSeekExt};
use smol::channel::Receiver;
use smol::io::SeekFrom;

fn client(data_dir: &Path, upload_max: Option<BytesPerSec>) -> Client {
    let config = ClientConfig {
        listen_port: 0,
        data_dir: data_dir.to_owned(),
        peers_max: 60,
        upload_max,
        download_max: None,
        serves: true,
        disk_max: None,
        client_name: "test".into(),
        pex: true,
    };
    Client::start(config).expect("a client starts")
}

fn content(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    bittorrent_proto::rng::Rng::new(9).fill(&mut bytes);
    bytes
}

async fn seed(client: &Client, path: &Path) -> (TorrentHandle, SocketAddr) {
    let request = SeedRequest {
        path: path.to_owned(),
        name: None,
        trackers: vec![],
        progress: Arc::new(|_| {}),
        encryption: Encryption::Allowed,
        terms: Terms::default(),
    };
    let (handle, _) = client.seed(request).await.expect("the file is shared");
    (handle, SocketAddr::from(([127, 0, 0, 1], client.listen_port())))
}

async fn add(
    client: &Client,
    handle: &TorrentHandle,
    peer: SocketAddr,
    fetch: Fetch,
) -> (TorrentHandle, Receiver<TorrentEvent>) {
    let source = TorrentSource::Magnet(Magnet::new(handle.infohash()));
    let request = AddRequest {
        source,
        peers: vec![peer],
        trackers: vec![],
        file: FileChoice::Largest,
        fetch,
        encryption: Encryption::Allowed,
        terms: Terms::default(),
    };
    client.add(request).await.expect("the torrent is added")
}

async fn wait_for(events: &Receiver<TorrentEvent>, wanted: impl Fn(&TorrentEvent) -> bool) {
    loop {
        let event = events.recv().await.expect("the torrent still tells");
        if wanted(&event) {
            return;
        }
    }
}

#[test]
fn a_film_arrives_whole_and_can_be_read_while_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let film = content(20_000_000);
    std::fs::write(dir.path().join("film.mp4"), &film).unwrap();
    smol::block_on(async {
        let host = client(&dir.path().join("host"), None);
        let viewer = client(&dir.path().join("viewer"), None);
        let (seeded, addr) = seed(&host, &dir.path().join("film.mp4")).await;
        let (handle, events) = add(&viewer, &seeded, addr, Fetch::All).await;
        wait_for(&events, |event| matches!(event, TorrentEvent::Metadata)).await;
        let mut stream = handle.open(FileIndex(0)).unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        assert!(read == film);
        wait_for(&events, |event| matches!(event, TorrentEvent::Done)).await;
        let stats = handle.stats();
        assert_eq!((stats.downloaded_bytes, stats.total_bytes), (20_000_000, 20_000_000));
        host.shutdown().await;
        viewer.shutdown().await;
    });
}

#[test]
fn thirty_two_readers_wait_at_once_and_all_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let film = content(8_000_000);
    std::fs::write(dir.path().join("film.mp4"), &film).unwrap();
    smol::block_on(async {
        let host = client(&dir.path().join("host"), Some(BytesPerSec::new(4_000_000)));
        let viewer = client(&dir.path().join("viewer"), None);
        let (seeded, addr) = seed(&host, &dir.path().join("film.mp4")).await;
        let (handle, events) = add(&viewer, &seeded, addr, Fetch::AsNeeded).await;
        wait_for(&events, |event| matches!(event, TorrentEvent::Metadata)).await;
        let executor = smol::LocalExecutor::new();
        let reads: Vec<_> = (0..32u64)
            .map(|reader| {
                let mut stream = handle.open(FileIndex(0)).unwrap();
                executor.spawn(async move {
                    let at = reader * 249_000;
                    stream.seek(SeekFrom::Start(at)).await.unwrap();
                    let mut bytes = vec![0; 1000];
                    stream.read_exact(&mut bytes).await.unwrap();
                    (at, bytes)
                })
            })
            .collect();
        executor
            .run(async {
                for read in reads {
                    let (at, bytes) = read.await;
                    let at = usize::try_from(at).unwrap();
                    assert!(bytes == film[at..at + 1000]);
                }
            })
            .await;
        host.shutdown().await;
        viewer.shutdown().await;
    });
}

#[test]
fn what_was_fetched_before_is_found_again_and_can_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let film = content(3_000_000);
    std::fs::write(dir.path().join("film.mp4"), &film).unwrap();
    smol::block_on(async {
        let host = client(&dir.path().join("host"), None);
        let viewer = client(&dir.path().join("viewer"), None);
        let (seeded, addr) = seed(&host, &dir.path().join("film.mp4")).await;
        let (handle, events) = add(&viewer, &seeded, addr, Fetch::All).await;
        wait_for(&events, |event| matches!(event, TorrentEvent::Done)).await;
        handle.stop(false).await;
        assert!(!handle.is_alive());
        let metainfo = seeded.metainfo().unwrap();
        host.shutdown().await;
        // Nobody to fetch from: what is here must be enough.
        let source = TorrentSource::Metainfo(Box::new((*metainfo).clone()));
        let request = AddRequest {
            source,
            peers: vec![],
            trackers: vec![],
            file: FileChoice::Largest,
            fetch: Fetch::All,
            encryption: Encryption::Allowed,
            terms: Terms::default(),
        };
        let (handle, events) = viewer.add(request).await.unwrap();
        wait_for(&events, |event| matches!(event, TorrentEvent::Done)).await;
        handle.stop(true).await;
        let left: Vec<_> = std::fs::read_dir(dir.path().join("viewer")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        viewer.shutdown().await;
    });
}

#[test]
fn a_stopped_torrent_ends_its_streams() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("film.mp4"), content(3_000_000)).unwrap();
    smol::block_on(async {
        let host = client(&dir.path().join("host"), None);
        let (seeded, _) = seed(&host, &dir.path().join("film.mp4")).await;
        let viewer = client(&dir.path().join("viewer"), None);
        let metainfo = seeded.metainfo().unwrap();
        let source = TorrentSource::Metainfo(Box::new((*metainfo).clone()));
        let request = AddRequest {
            source,
            peers: vec![],
            trackers: vec![],
            file: FileChoice::Largest,
            fetch: Fetch::All,
            encryption: Encryption::Allowed,
            terms: Terms::default(),
        };
        let (handle, events) = viewer.add(request).await.unwrap();
        wait_for(&events, |event| matches!(event, TorrentEvent::Metadata)).await;
        let mut stream = handle.open(FileIndex(0)).unwrap();
        let executor = smol::LocalExecutor::new();
        let read = executor.spawn(async move { stream.read(&mut [0; 10]).await.map_err(|error| error.kind()) });
        let outcome = executor
            .run(async {
                handle.stop(false).await;
                read.await
            })
            .await;
        assert_eq!(outcome, Err(std::io::ErrorKind::ConnectionAborted));
        viewer.shutdown().await;
        host.shutdown().await;
    });
}

#[test]
fn a_source_that_changes_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film.mp4");
    std::fs::write(&path, content(3_000_000)).unwrap();
    smol::block_on(async {
        let host = client(&dir.path().join("host"), None);
        let request = SeedRequest {
            path: path.clone(),
            name: None,
            trackers: vec![],
            progress: Arc::new(|_| {}),
            encryption: Encryption::Allowed,
            terms: Terms::default(),
        };
        let (seeded, events) = host.seed(request).await.unwrap();
        std::fs::write(&path, content(2_000_000)).unwrap();
        let mut stream = seeded.open(FileIndex(0)).unwrap();
        let outcome = stream.read(&mut [0; 10]).await.map_err(|error| error.kind());
        assert_eq!(outcome, Err(std::io::ErrorKind::InvalidData));
        assert!(!seeded.is_alive());
        wait_for(&events, |event| matches!(event, TorrentEvent::Failed(Failure::SourceChanged { .. }))).await;
        host.shutdown().await;
    });
}
