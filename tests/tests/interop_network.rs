//! Engines and stock clients on machines of their own, with addresses as the world has them, and nobody on loopback.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::engine::Engine;
use tests::film::{assert_same, random_file};
use tests::libtorrent::LibTorrent;
use tests::metafile::Metafile;
use tests::net::{Addresses, Host, Network};
use tests::stock::{Aria2, Transmission};
use tests::tracker::Tracker;
use tests::{SOON, http, scratch, within};

/// No multiple of a piece: 8 MiB and a bit.
const FILM_LEN: usize = (8 << 20) + 4_321;

/// A film on somebody's disk.
struct Film {
    folder: TempDir,
    content: Vec<u8>,
}

impl Film {
    fn new(seed: u64) -> Self {
        let folder = scratch();
        let content = random_file(&folder.path().join("film.mkv"), FILM_LEN, seed);
        Self { folder, content }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("film.mkv")
    }

    fn is_in(&self, folder: &Path, whose: &str) {
        // libtorrent says that it has everything before all of it is on the disk.
        within(SOON, &format!("{whose} is whole"), || {
            fs::read(folder.join("film.mkv")).is_ok_and(|copy| copy == self.content).then_some(())
        });
    }

    /// What an engine at that host serves its player.
    fn is_served(&self, host: &Host, added: &Value, whose: &str) {
        let url = added["serverUrl"].as_str().expect("`added` carries a URL");
        assert_same(&host.inside(|| http::get(url).body), &self.content, whose);
    }
}

fn engine(host: &Host) -> Engine {
    host.inside(|| Engine::start(&[]))
}

fn seed(engine: &mut Engine, path: &Path, tracker: Option<&Tracker>) -> String {
    let mut command = json!({ "cmd": "seed", "filePath": path });
    if let Some(tracker) = tracker {
        command["trackerUrl"] = json!(tracker.url());
    }
    engine.send(&command);
    let seeding = engine.wait_for_or_error("seeding", SOON, |_| true);
    seeding["magnetURI"].as_str().expect("`seeding` carries a magnet").to_owned()
}

/// The magnet without the addresses it names: only its trackers are left to find anybody.
fn without_peers(magnet: &str) -> String {
    let kept: Vec<&str> = magnet.split('&').filter(|field| !field.starts_with("x.pe=")).collect();
    kept.join("&")
}

fn peers_named(magnet: &str) -> BTreeSet<SocketAddr> {
    let fields = magnet.split('&').filter_map(|field| field.strip_prefix("x.pe="));
    fields
        .map(|peer| peer.replace("%5B", "[").replace("%5D", "]").replace("%3A", ":").parse().expect("an address"))
        .collect()
}

#[test]
fn the_magnet_names_the_hosts_addresses_and_each_of_them_leads_there() {
    let Some(mut network) = Network::new() else { return };
    let (host, elsewhere) = (network.host(Addresses::All), network.host(Addresses::All));
    let film = Film::new(1);
    let mut sharing = engine(&host);
    let magnet = seed(&mut sharing, &film.path(), None);
    let expected = [host.public(), host.private(), host.v6()].map(|ip| SocketAddr::new(ip, sharing.listen_port()));
    assert_eq!(peers_named(&magnet), BTreeSet::from(expected), "{magnet}");
    for addr in expected {
        let mut viewer = engine(&elsewhere);
        let added = viewer.add(json!({ "magnetURI": format!("{}&x.pe={addr}", without_peers(&magnet)) }));
        film.is_served(&elsewhere, &added, &format!("through {addr}"));
        viewer.quit();
    }
    // libtorrent dials what a magnet names, too.
    let copy = scratch();
    let mut leecher = elsewhere.inside(LibTorrent::start);
    leecher.add(&magnet, copy.path(), &[]);
    leecher.wait_done();
    film.is_in(copy.path(), "libtorrent's copy");
}

/// Each with a tracker, a host and a viewer of its own, all at once: most of the time they wait for their own clocks.
fn with_each_client(network: &mut Network, run: impl Fn(&str, &Tracker, &Host, &Host) + Sync) {
    let worlds = ["libtorrent", "aria2", "transmission"].map(|client| {
        let tracker = Tracker::start_at(network.address());
        (client, tracker, network.host(Addresses::All), network.host(Addresses::All))
    });
    std::thread::scope(|scope| {
        for (client, tracker, host, viewer) in &worlds {
            scope.spawn(|| run(client, tracker, host, viewer));
        }
    });
}

#[test]
fn stock_clients_find_us_by_our_tracker() {
    let Some(mut network) = Network::new() else { return };
    with_each_client(&mut network, |client, tracker, host, at| {
        let (film, copy) = (Film::new(2), scratch());
        let mut sharing = engine(host);
        let magnet = without_peers(&seed(&mut sharing, &film.path(), Some(tracker)));
        match client {
            "libtorrent" => {
                let mut leecher = at.inside(LibTorrent::start);
                leecher.add(&magnet, copy.path(), &[]);
                leecher.wait_done();
            }
            "aria2" => at.inside(|| Aria2::leech(&magnet, copy.path())).must_finish(SOON),
            _ => at.inside(|| Transmission::leech(&magnet, copy.path())).wait_done(SOON),
        }
        film.is_in(copy.path(), client);
    });
}

#[test]
fn we_find_stock_clients_by_their_tracker() {
    let Some(mut network) = Network::new() else { return };
    with_each_client(&mut network, |client, tracker, at, ours| {
        let source = Film::new(3);
        let metafile = Metafile::new("film.mkv", source.content.clone(), 64 << 10);
        let torrent = metafile.write(source.folder.path(), Some(&tracker.url()));
        let folder = source.folder.path();
        let (_libtorrent, _aria2, _transmission);
        match client {
            "libtorrent" => {
                let mut seeder = at.inside(LibTorrent::start);
                seeder.add(torrent.to_str().expect("temporary folders have plain names"), folder, &[]);
                _libtorrent = seeder;
            }
            "aria2" => _aria2 = at.inside(|| Aria2::seed(&torrent, folder)),
            _ => _transmission = at.inside(|| Transmission::seed(&torrent, folder)),
        }
        within(SOON, &format!("{client} announces that it has everything"), || {
            tracker.announces().iter().any(|announce| announce.left == Some(0)).then_some(())
        });
        let mut viewer = engine(ours);
        let added = viewer.add(json!({ "magnetURI": metafile.magnet(&format!("&tr={}", tracker.url())) }));
        source.is_served(ours, &added, client);
        viewer.wait_for("done", SOON, |_| true);
    });
}

#[test]
fn ipv6_alone_is_enough() {
    let Some(mut network) = Network::new() else { return };
    let tracker = Tracker::start_at(network.address_v6());
    let (host, elsewhere, stock) =
        (network.host(Addresses::V6), network.host(Addresses::V6), network.host(Addresses::V6));
    let film = Film::new(4);
    let mut sharing = engine(&host);
    let magnet = seed(&mut sharing, &film.path(), Some(&tracker));
    assert_eq!(peers_named(&magnet), BTreeSet::from([SocketAddr::new(host.v6(), sharing.listen_port())]));
    let by_tracker = without_peers(&magnet);
    let mut viewer = engine(&elsewhere);
    let added = viewer.add(json!({ "magnetURI": by_tracker }));
    film.is_served(&elsewhere, &added, "ours");
    let copy = scratch();
    let mut leecher = stock.inside(LibTorrent::start);
    leecher.add(&by_tracker, copy.path(), &[]);
    leecher.wait_done();
    film.is_in(copy.path(), "libtorrent's copy");
}

#[test]
fn nobody_makes_us_dial_this_machine_or_networks_that_are_not_ours() {
    let Some(mut network) = Network::new() else { return };
    let (tracker, host, ours) =
        (Tracker::start_at(network.address()), network.host(Addresses::All), network.host(Addresses::All));
    let film = Film::new(5);
    let mut sharing = engine(&host);
    let magnet = seed(&mut sharing, &film.path(), Some(&tracker));
    let (mut viewer, trap) = ours.inside(|| (Engine::start(&[]), std::net::TcpListener::bind("127.0.0.1:0").unwrap()));
    let port = trap.local_addr().unwrap().port();
    let infohash = magnet.split(['&', ':']).find(|part| part.len() == 40).expect("the magnet has an infohash");
    tracker.register(infohash, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let lies = format!("&x.pe=127.0.0.1:{port}&x.pe=10.99.0.1:{port}&x.pe=169.254.9.9:{port}");
    // The tracker comes from the magnet, as its loopback address does from the tracker: strangers all.
    let added = viewer.add(json!({ "magnetURI": format!("{}{lies}", without_peers(&magnet)) }));
    film.is_served(&ours, &added, "beside lies");
    let told = viewer.wait_for("info", SOON, |event| {
        event["message"].as_str().is_some_and(|message| message.starts_with("Not connecting to "))
    });
    let message = told["message"].as_str().unwrap();
    for refused in ["127.0.0.1", "10.99.0.1", "169.254.9.9"] {
        assert!(message.contains(refused), "{message}");
    }
    trap.set_nonblocking(true).unwrap();
    assert!(trap.accept().is_err(), "a service of this machine was dialed because strangers said so");
}

#[test]
fn three_viewers_of_a_host_with_a_slow_line_all_get_the_film() {
    let Some(mut network) = Network::new() else { return };
    let tracker = Tracker::start_at(network.address());
    let host = network.host(Addresses::All);
    let film = Film::new(6);
    let mut sharing = host.inside(|| Engine::start(&["-max-upload=2M"]));
    let magnet = without_peers(&seed(&mut sharing, &film.path(), Some(&tracker)));
    let mut viewers: Vec<(Host, Engine)> = Vec::new();
    for _ in 0..3 {
        let at = network.host(Addresses::All);
        let viewer = engine(&at);
        viewers.push((at, viewer));
    }
    for (_, viewer) in &mut viewers {
        viewer.send(&json!({ "cmd": "add", "magnetURI": magnet, "trackerUrl": tracker.url() }));
    }
    for (at, viewer) in &mut viewers {
        let added = viewer.wait_for_or_error("added", SOON, |_| true);
        film.is_served(at, &added, "a viewer's");
        viewer.wait_for("done", SOON, |_| true);
    }
    // The line of the host carries the film about once; the rest goes from viewer to viewer.
    let passed_on: u64 = viewers.iter_mut().map(|(_, viewer)| uploaded(viewer)).sum();
    assert!(passed_on > 0, "nobody but the host sent anything");
}

fn uploaded(engine: &mut Engine) -> u64 {
    engine.status()["torrents"][0]["uploadedBytes"].as_u64().expect("`status` says what was uploaded")
}

#[test]
fn a_viewer_that_moves_to_another_address_goes_on() {
    let Some(mut network) = Network::new() else { return };
    let (host, mut elsewhere) = (network.host(Addresses::All), network.host(Addresses::All));
    let film = Film::new(7);
    let mut sharing = host.inside(|| Engine::start(&["-max-upload=1M"]));
    let magnet = seed(&mut sharing, &film.path(), None);
    let mut viewer = engine(&elsewhere);
    let added = viewer.add(json!({ "magnetURI": magnet }));
    viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(1 << 20));
    // Nothing that this machine sends from its old address arrives, so its connections would be waited for in vain.
    elsewhere.move_house(200);
    film.is_served(&elsewhere, &added, "after the move");
    viewer.wait_for("done", SOON, |_| true);
}

#[test]
fn a_host_that_moves_to_another_address_is_found_there_by_who_came_before_and_after() {
    let Some(mut network) = Network::new() else { return };
    let tracker = Tracker::start_at(network.address());
    let (mut host, elsewhere, later) =
        (network.host(Addresses::All), network.host(Addresses::All), network.host(Addresses::All));
    let film = Film::new(8);
    let mut sharing = host.inside(|| Engine::start(&["-max-upload=1M"]));
    let magnet = seed(&mut sharing, &film.path(), Some(&tracker));
    let mut viewer = engine(&elsewhere);
    let added = viewer.add(json!({ "magnetURI": magnet, "trackerUrl": tracker.url() }));
    viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(1 << 20));
    let told = |sharing: &Engine| tracker.announces().iter().filter(|seen| seen.port == sharing.listen_port()).count();
    let before = told(&sharing);
    host.move_house(201);
    // Long before the minute is over after which it would announce itself anyway.
    within(Duration::from_secs(20), "it tells its new address", || (told(&sharing) > before).then_some(()));
    film.is_served(&elsewhere, &added, "before and after the move");
    viewer.wait_for("done", SOON, |_| true);
    viewer.quit();
    let mut newcomer = engine(&later);
    let added = newcomer.add(json!({ "magnetURI": without_peers(&magnet), "trackerUrl": tracker.url() }));
    film.is_served(&later, &added, "of the host at its new address");
}

#[test]
fn a_host_that_moves_calls_its_viewers_back_where_nobody_else_could_tell_them() {
    let Some(mut network) = Network::new() else { return };
    let (mut host, elsewhere) = (network.host(Addresses::All), network.host(Addresses::All));
    let film = Film::new(9);
    let mut sharing = host.inside(|| Engine::start(&["-max-upload=1M"]));
    // Every address that the magnet names is about to be left, and there is no tracker.
    let magnet = seed(&mut sharing, &film.path(), None);
    let mut viewer = engine(&elsewhere);
    let reached_at = SocketAddr::new(host.public(), sharing.listen_port());
    let added = viewer.add(json!({ "magnetURI": without_peers(&magnet), "peers": [reached_at.to_string()] }));
    viewer.wait_for("progress", SOON, |event| event["downloadedBytes"].as_u64() > Some(1 << 20));
    host.move_house(202);
    film.is_served(&elsewhere, &added, "before and after the move");
    viewer.wait_for("done", SOON, |_| true);
}
