//! Two clients on loopback: one fetches, ends, and begins again with what lies on its disk.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bittorrent::{
    AddRequest, Client, ClientConfig, Encryption, Fetch, FileChoice, SeedRequest, Terms, TorrentEvent, TorrentHandle,
    TorrentSource,
};
use bittorrent_proto::magnet::Magnet;
use bittorrent_proto::units::BytesPerSec;
use smol::channel::Receiver;

const FILM_LEN: usize = 20_000_000;

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
    Client::start(config).unwrap()
}

/// One who has the film, and the folder of one who fetches it.
struct Scene {
    dir: tempfile::TempDir,
    film: Vec<u8>,
    host: Client,
    seeded: TorrentHandle,
}

impl Scene {
    async fn new(upload_max: Option<BytesPerSec>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut film = vec![0; FILM_LEN];
        bittorrent_proto::rng::Rng::new(9).fill(&mut film);
        let path = dir.path().join("film.mp4");
        fs::write(&path, &film).unwrap();
        let host = client(&dir.path().join("host"), upload_max);
        let request = SeedRequest {
            path,
            name: None,
            trackers: vec![],
            progress: Arc::new(|_| {}),
            encryption: Encryption::Allowed,
            terms: Terms::default(),
        };
        let (seeded, _) = host.seed(request).await.unwrap();
        Self { dir, film, host, seeded }
    }

    fn viewer(&self) -> Client {
        client(&self.dir.path().join("viewer"), None)
    }

    async fn add(&self, viewer: &Client) -> (TorrentHandle, Receiver<TorrentEvent>) {
        let source = TorrentSource::Magnet(Magnet::new(self.seeded.infohash()));
        let peers = vec![SocketAddr::from(([127, 0, 0, 1], self.host.listen_port()))];
        let (file, fetch) = (FileChoice::Largest, Fetch::All);
        viewer
            .add(AddRequest {
                source,
                peers,
                trackers: vec![],
                file,
                fetch,
                encryption: Encryption::Allowed,
                terms: Terms::default(),
            })
            .await
            .unwrap()
    }

    /// Fetches all of it and ends the client.
    async fn fetch(&self) {
        let viewer = self.viewer();
        let (_, events) = self.add(&viewer).await;
        done(&events).await;
        viewer.shutdown().await;
        assert!(fs::read(self.data()).unwrap() == self.film);
    }

    /// Adds it again and waits until it is whole; how many of its pieces were read again, rounded up.
    async fn pieces_read_again(&self) -> u64 {
        let viewer = self.viewer();
        let (handle, events) = self.add(&viewer).await;
        done(&events).await;
        let checked = handle.checked_bytes();
        viewer.shutdown().await;
        assert!(fs::read(self.data()).unwrap() == self.film, "whole, and right");
        checked.div_ceil(self.piece_len())
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("viewer").join(self.seeded.infohash().to_string()).join("film.mp4")
    }

    fn resume(&self) -> PathBuf {
        self.dir.path().join("viewer").join(format!("{}.resume", self.seeded.infohash()))
    }

    fn piece_len(&self) -> u64 {
        u64::from(self.seeded.metainfo().unwrap().layout.piece_len_max())
    }

    fn piece_count(&self) -> u64 {
        u64::from(self.seeded.metainfo().unwrap().layout.piece_count())
    }

    /// Flips a bit on the viewer's disk; the file's time of change is moved by so much.
    fn flip(&self, at: usize, later: Duration) {
        let modified = fs::metadata(self.data()).unwrap().modified().unwrap();
        let mut bytes = fs::read(self.data()).unwrap();
        bytes[at] ^= 1;
        fs::write(self.data(), bytes).unwrap();
        fs::File::options().write(true).open(self.data()).unwrap().set_modified(modified + later).unwrap();
    }
}

async fn done(events: &Receiver<TorrentEvent>) {
    while !matches!(events.recv().await.unwrap(), TorrentEvent::Done) {}
}

/// The first, the last and sixteen others.
const SAMPLES: u64 = 18;

#[test]
fn a_film_that_is_added_again_is_only_sampled() {
    smol::block_on(async {
        let scene = Scene::new(None).await;
        scene.fetch().await;
        assert!(scene.piece_count() > 5 * SAMPLES, "samples are far from all");
        // Nobody is there to fetch from.
        scene.host.shutdown().await;
        for _ in 0..2 {
            let read = scene.pieces_read_again().await;
            assert!((SAMPLES - 2..=SAMPLES).contains(&read), "{read} of {} pieces", scene.piece_count());
        }
    });
}

#[test]
fn a_download_that_was_stopped_goes_on_where_it_was() {
    smol::block_on(async {
        let scene = Scene::new(Some(BytesPerSec::new(8_000_000))).await;
        let viewer = scene.viewer();
        let (handle, _) = scene.add(&viewer).await;
        let mut stats = handle.stats();
        while stats.downloaded_bytes < 5_000_000 {
            stats = handle.stats_after(&stats).await;
        }
        handle.stop(false).await;
        let before = handle.stats().downloaded_bytes;
        assert!(before < FILM_LEN as u64, "it was stopped in the middle");
        let (again, events) = scene.add(&viewer).await;
        let mut stats = again.stats();
        while stats.downloaded_bytes == 0 {
            stats = again.stats_after(&stats).await;
        }
        assert!(stats.downloaded_bytes >= before, "{} of {before} bytes were found again", stats.downloaded_bytes);
        scene.host.set_limits(None, None).await;
        done(&events).await;
        let read = again.checked_bytes().div_ceil(scene.piece_len());
        assert!((1..=SAMPLES).contains(&read), "{read} pieces were read again");
        let fetched: u64 = again.stats().peer_list.iter().map(|peer| peer.downloaded_bytes).sum();
        assert!(fetched <= FILM_LEN as u64 - before, "{fetched} bytes were fetched, {before} were here");
        viewer.shutdown().await;
        assert!(fs::read(scene.data()).unwrap() == scene.film);
        scene.host.shutdown().await;
    });
}

#[test]
fn a_film_that_is_whole_is_saved_before_anybody_stops() {
    smol::block_on(async {
        let scene = Scene::new(None).await;
        let viewer = scene.viewer();
        let (_, events) = scene.add(&viewer).await;
        done(&events).await;
        // Nothing tells when a file is there but the file.
        let saved = loop {
            let saved = fs::read(scene.resume()).unwrap_or_default();
            if saved.windows(12).any(|window| window == b"7:restingi1e") {
                break saved;
            }
            smol::Timer::after(Duration::from_millis(10)).await;
        };
        viewer.shutdown().await;
        assert!(fs::read(scene.resume()).unwrap() == saved, "the end had nothing to add");
        assert!(scene.pieces_read_again().await <= SAMPLES, "as if it had been killed");
        scene.host.shutdown().await;
    });
}

#[test]
fn an_altered_byte_is_found_and_fetched_again() {
    smol::block_on(async {
        let scene = Scene::new(None).await;
        scene.fetch().await;
        // The file looks changed: the piece need not be a sample.
        for later in [Duration::from_millis(1), Duration::from_secs(5), Duration::from_secs(3600)] {
            scene.flip(7_654_321, later);
            assert_eq!(scene.pieces_read_again().await, scene.piece_count(), "{later:?} later");
        }
        // It looks as it was: the first and the last piece are always samples.
        for at in [10, FILM_LEN - 1] {
            scene.flip(at, Duration::ZERO);
            assert!(scene.pieces_read_again().await > scene.piece_count() - 2, "one wrong sample is enough");
        }
        assert!(scene.pieces_read_again().await <= SAMPLES, "and then all is well");
        scene.host.shutdown().await;
    });
}

#[test]
fn a_damaged_resume_file_is_ignored() {
    smol::block_on(async {
        let scene = Scene::new(None).await;
        scene.fetch().await;
        let whole = fs::read(scene.resume()).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        scene.host.shutdown().await;
        for content in [b"garbage".to_vec(), vec![], whole[..whole.len() / 2].to_vec(), altered] {
            fs::write(scene.resume(), content).unwrap();
            assert_eq!(scene.pieces_read_again().await, scene.piece_count());
            assert!(scene.pieces_read_again().await <= SAMPLES, "a new one was written");
        }
    });
}

#[test]
fn a_data_file_that_is_gone_is_fetched_again() {
    smol::block_on(async {
        let scene = Scene::new(None).await;
        scene.fetch().await;
        fs::remove_file(scene.data()).unwrap();
        assert_eq!(scene.pieces_read_again().await, 0, "there was nothing to read");
        let shorter = fs::File::options().write(true).open(scene.data()).unwrap();
        shorter.set_len(1_000_000).unwrap();
        drop(shorter);
        assert!(scene.pieces_read_again().await <= 1_000_000 / scene.piece_len() + 1);
        assert!(scene.pieces_read_again().await <= SAMPLES);
        scene.host.shutdown().await;
    });
}

#[test]
fn deleting_the_data_deletes_what_was_said_of_it() {
    smol::block_on(async {
        let scene = Scene::new(Some(BytesPerSec::new(8_000_000))).await;
        let viewer = scene.viewer();
        let (handle, _) = scene.add(&viewer).await;
        let mut stats = handle.stats();
        while stats.downloaded_bytes == 0 {
            stats = handle.stats_after(&stats).await;
        }
        // In the middle, while pieces are on their way to the disk.
        handle.stop(true).await;
        let left: Vec<_> = fs::read_dir(scene.dir.path().join("viewer")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        viewer.shutdown().await;
        scene.host.shutdown().await;
    });
}
