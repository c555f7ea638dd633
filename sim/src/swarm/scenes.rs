//! The scenes: who meets whom, what goes wrong, and what must come of it.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use bittorrent_proto::rng::Rng;
use bittorrent_proto::units::BytesPerSec;

use super::draw::{line, path, release};
use super::{Check, Scene};
use crate::disk::DiskConfig;
use crate::disk::files::Crash;
use crate::host::peer::{Original, PeerConfig, Release, ViewerConfig};
use crate::host::{HostConfig, HostId};
use crate::link::LinkConfig;
use crate::plan::{Plan, Step};
use crate::player::PlayerConfig;
use crate::rng::{Part, Seed, duration_between, number_between, rate_log_uniform};

const SECOND: Duration = Duration::from_secs(1);

/// What a scene is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SceneKind {
    /// One has the film, one fetches it, and the connection between them is lost again and again.
    Pair,
    /// One fetches from several of every speed and distance, so that arrivals overtake one another.
    Seeds,
    /// One watches, and jumps about, from somebody whose line carries half as much again as the film needs.
    Viewer,
    /// One watches from several, and the line to one of them freezes.
    Frozen,
    /// One fetches from honest ones and from one that alters blocks.
    Liar,
    /// One has the film, and many fetch it from it and one another.
    Crowd,
    /// Lines are fast and the disk is slow, so that what was fetched waits in memory.
    SlowDisk,
    /// Processes are killed and machines lose power, and start again on what their disks kept.
    Crashes,
    /// Anything goes wrong for a minute. Then nothing does, and everybody must finish.
    Faults,
}

impl SceneKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pair,
        Self::Seeds,
        Self::Viewer,
        Self::Frozen,
        Self::Liar,
        Self::Crowd,
        Self::SlowDisk,
        Self::Crashes,
        Self::Faults,
    ];

    /// Its name in a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Seeds => "seeds",
            Self::Viewer => "viewer",
            Self::Frozen => "frozen",
            Self::Liar => "liar",
            Self::Crowd => "crowd",
            Self::SlowDisk => "slow-disk",
            Self::Crashes => "crashes",
            Self::Faults => "faults",
        }
    }
}

impl Display for SceneKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no scene's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no scene of that name")]
pub struct UnknownScene;

impl FromStr for SceneKind {
    type Err = UnknownScene;

    fn from_str(name: &str) -> Result<Self, UnknownScene> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownScene)
    }
}

/// Draws a scene of that kind.
pub(super) fn draw(kind: SceneKind, seed: Seed) -> Scene {
    let mut rng = seed.stream(Part::Plan);
    match kind {
        SceneKind::Pair => pair(Draft::new(kind, seed, &mut rng, (300_000, 2_000_000)), &mut rng),
        SceneKind::Seeds => seeds(Draft::new(kind, seed, &mut rng, (2_000_000, 6_000_000)), &mut rng),
        SceneKind::Viewer => viewer(Draft::new(kind, seed, &mut rng, (4_000_000, 9_000_000)), &mut rng),
        SceneKind::Frozen => frozen(Draft::new(kind, seed, &mut rng, (4_000_000, 6_000_000)), &mut rng),
        SceneKind::Liar => liar(Draft::new(kind, seed, &mut rng, (1_000_000, 3_000_000)), &mut rng),
        SceneKind::Crowd => crowd(Draft::new(kind, seed, &mut rng, (600_000, 2_000_000)), &mut rng),
        SceneKind::SlowDisk => slow_disk(Draft::new(kind, seed, &mut rng, (24_000_000, 40_000_000)), &mut rng),
        SceneKind::Crashes => crashes(Draft::new(kind, seed, &mut rng, (300_000, 1_500_000)), &mut rng),
        SceneKind::Faults => faults(Draft::new(kind, seed, &mut rng, (1_500_000, 4_000_000)), &mut rng),
    }
}

fn pair(mut draft: Draft, rng: &mut Rng) -> Scene {
    let seeder = draft.seeder(rng, 100_000, 1_000_000);
    let mut config = PeerConfig::leecher(draft.release(), vec![seeder]);
    config.knows_metainfo = rng.chance(1, 2);
    let leecher = draft.add(config, line(rng, 50_000, 1_000_000));
    draft.join(Duration::ZERO, seeder);
    draft.join(SECOND / 10, leecher);
    for _ in 0..rng.below(7) {
        draft.drop_connection(duration_between(rng, SECOND / 10, 12 * SECOND), (leecher, seeder));
    }
    draft.done(12 * SECOND, 100 * SECOND)
}

fn seeds(mut draft: Draft, rng: &mut Rng) -> Scene {
    let seeders: Vec<HostId> = (0..number_between(rng, 2, 6)).map(|_| draft.seeder(rng, 50_000, 2_000_000)).collect();
    let leecher = draft.add(PeerConfig::leecher(draft.release(), seeders.clone()), HostConfig::default());
    for &seeder in &seeders {
        draft.set_path(leecher, seeder, path(rng));
        draft.join(duration_between(rng, Duration::ZERO, SECOND), seeder);
    }
    draft.join(SECOND, leecher);
    let bound = draft.ideal(leecher, &seeders) * 2 + 20 * SECOND;
    draft.done(SECOND, bound)
}

fn viewer(mut draft: Draft, rng: &mut Rng) -> Scene {
    let bitrate = rate_log_uniform(rng, BytesPerSec::new(80_000), BytesPerSec::new(400_000));
    let uplink = bitrate.get() * 3 / 2;
    let seeder = draft.seeder(rng, uplink, uplink);
    let fetch_rest = rng.chance(1, 2);
    let viewer = draft.viewer(rng, bitrate, vec![seeder], fetch_rest);
    draft.set_path(viewer, seeder, LinkConfig { rate: BytesPerSec::new(12_500_000), ..path_of_wide_window(rng) });
    draft.join(Duration::ZERO, seeder);
    draft.join(SECOND / 2, viewer);
    draft.check(SECOND / 2, "the film starts", Check::Plays { host: viewer, within: 15 * SECOND });
    let mut at = 2 * SECOND;
    for _ in 0..number_between(rng, 1, 5) {
        at += duration_between(rng, SECOND, 8 * SECOND);
        draft.seek(rng, at, viewer);
        draft.check(at, "the picture is there after the seek", Check::Plays { host: viewer, within: 15 * SECOND });
    }
    let film = draft.film_time(bitrate);
    draft.check(at, "the film is seen to its end", Check::Ends { host: viewer, within: film + 60 * SECOND });
    draft.finish()
}

fn frozen(mut draft: Draft, rng: &mut Rng) -> Scene {
    let bitrate = BytesPerSec::new(100_000);
    let seeders: Vec<HostId> = (0..number_between(rng, 2, 4)).map(|_| draft.seeder(rng, 200_000, 1_000_000)).collect();
    let fetch_rest = rng.chance(1, 2);
    let viewer = draft.viewer(rng, bitrate, seeders.clone(), fetch_rest);
    for &seeder in &seeders {
        draft.set_path(viewer, seeder, path_of_wide_window(rng));
        draft.join(Duration::ZERO, seeder);
    }
    draft.join(SECOND / 2, viewer);
    draft.check(SECOND / 2, "the film starts", Check::Plays { host: viewer, within: 15 * SECOND });
    let mut at = duration_between(rng, SECOND, 12 * SECOND);
    let lasting = duration_between(rng, 10 * SECOND, 100 * SECOND);
    draft.stall(at, (viewer, seeders[0]), lasting);
    if rng.chance(1, 2) {
        at += duration_between(rng, Duration::ZERO, 5 * SECOND);
        draft.seek(rng, at, viewer);
        draft.check(at, "the picture is there after the seek", Check::Plays { host: viewer, within: 10 * SECOND });
    }
    let film = draft.film_time(bitrate);
    draft.check(at, "the film is seen to its end", Check::Ends { host: viewer, within: film + 30 * SECOND });
    draft.check(at, "hardly a stall", Check::Stalled { host: viewer, at_most: 5 * SECOND });
    draft.finish()
}

fn liar(mut draft: Draft, rng: &mut Rng) -> Scene {
    let mut config = PeerConfig::seeder(draft.release());
    config.corrupts_one_in = Some(number_between(rng, 1, 30));
    let liar = draft.add(config, line(rng, 100_000, 2_000_000));
    let mut known = vec![liar];
    for _ in 0..number_between(rng, 1, 3) {
        known.push(draft.seeder(rng, 100_000, 1_000_000));
    }
    let leecher = draft.add(PeerConfig::leecher(draft.release(), known.clone()), HostConfig::default());
    for &seeder in &known {
        draft.set_path(leecher, seeder, path(rng));
        draft.join(Duration::ZERO, seeder);
    }
    draft.join(SECOND, leecher);
    draft.done(SECOND, 90 * SECOND)
}

fn crowd(mut draft: Draft, rng: &mut Rng) -> Scene {
    let seeder = draft.seeder(rng, 200_000, 1_000_000);
    let mut known = vec![seeder];
    for _ in 0..number_between(rng, 3, 6) {
        let mut config = PeerConfig::leecher(draft.release(), known.clone());
        config.knows_metainfo = rng.chance(1, 2);
        let accepts = rng.chance(2, 3);
        known.push(draft.add(config, HostConfig { accepts, ..line(rng, 50_000, 1_000_000) }));
    }
    draft.everybody_knows(&known[1..], &known);
    for &host in &known {
        draft.join(duration_between(rng, Duration::ZERO, 5 * SECOND), host);
    }
    draft.done(5 * SECOND, 120 * SECOND)
}

fn slow_disk(mut draft: Draft, rng: &mut Rng) -> Scene {
    let seeders: Vec<HostId> = (0..3).map(|_| draft.seeder(rng, 10_000_000, 50_000_000)).collect();
    let bitrate = BytesPerSec::new(400_000);
    let leecher = if rng.chance(1, 2) {
        draft.viewer(rng, bitrate, seeders.clone(), true)
    } else {
        draft.add(PeerConfig::leecher(draft.release(), seeders.clone()), HostConfig::default())
    };
    draft.disk(leecher, DiskConfig { rate: BytesPerSec::new(3_000_000), workers: 1, ..DiskConfig::default() });
    for &seeder in &seeders {
        draft.set_path(leecher, seeder, path_of_wide_window(rng));
        draft.join(Duration::ZERO, seeder);
    }
    draft.join(SECOND, leecher);
    for at in [4, 6] {
        draft.seek(rng, at * SECOND, leecher);
    }
    draft.done(6 * SECOND, 30 * SECOND)
}

fn crashes(mut draft: Draft, rng: &mut Rng) -> Scene {
    let mut known = vec![draft.seeder(rng, 60_000, 400_000)];
    if rng.chance(1, 3) {
        known.push(draft.viewer(rng, BytesPerSec::new(60_000), vec![], true));
    }
    for _ in 0..number_between(rng, 1, 2) {
        let mut config = PeerConfig::leecher(draft.release(), vec![]);
        config.knows_metainfo = rng.chance(1, 2);
        known.push(draft.add(config, line(rng, 40_000, 400_000)));
    }
    draft.everybody_knows(&known[1..], &known);
    draft.join(Duration::ZERO, known[0]);
    for &host in &known[1..] {
        // A slow disk, so that crashes find it in the middle of a save.
        let latency = duration_between(rng, SECOND / 1000, SECOND);
        draft.disk(host, DiskConfig { latency, jitter: latency, ..DiskConfig::default() });
        let mut at = duration_between(rng, Duration::ZERO, SECOND);
        draft.join(at, host);
        for _ in 0..number_between(rng, 1, 4) {
            at += duration_between(rng, SECOND / 10, 12 * SECOND);
            draft.crash(rng, at, host);
            at += duration_between(rng, SECOND / 10, 2 * SECOND);
            draft.step(at, Step::Join { description: format!("{host} starts again"), host });
        }
    }
    draft.check(60 * SECOND, "everybody has the whole film", Check::Done { within: 300 * SECOND });
    draft.check(60 * SECOND, "and it is the film", Check::Whole);
    draft.finish()
}

fn faults(mut draft: Draft, rng: &mut Rng) -> Scene {
    let seeder = draft.seeder(rng, 40_000, 200_000);
    let mut known = vec![seeder];
    if rng.chance(1, 3) {
        let mut config = PeerConfig::leecher(draft.release(), vec![]);
        config.original = Original::OneIn(2, 0);
        config.knows_metainfo = true;
        config.corrupts_one_in = rng.chance(1, 2).then_some(10);
        known.push(draft.add(config, line(rng, 50_000, 500_000)));
    }
    let fetching = known.len();
    let bitrate = BytesPerSec::new(60_000);
    let viewer = rng.chance(2, 3).then(|| draft.viewer(rng, bitrate, vec![], true));
    known.extend(viewer);
    for _ in 0..number_between(rng, 1, 3) {
        let mut config = PeerConfig::leecher(draft.release(), vec![]);
        config.knows_metainfo = rng.chance(1, 2);
        let accepts = rng.chance(2, 3);
        known.push(draft.add(config, HostConfig { accepts, ..line(rng, 40_000, 400_000) }));
    }
    draft.everybody_knows(&known[1..], &known);
    for (at, &one) in known.iter().enumerate() {
        known[..at].iter().for_each(|&other| draft.set_path(one, other, path(rng)));
        draft.join(duration_between(rng, Duration::ZERO, 3 * SECOND), one);
    }
    let steadfast = fetching + usize::from(viewer.is_some());
    for _ in 0..number_between(rng, 3, 20) {
        draft.fault(rng, &known, &known[steadfast..], viewer);
    }
    draft.repair(60 * SECOND, &known);
    draft.done(60 * SECOND, 400 * SECOND)
}

/// A scene in the making.
struct Draft {
    scene: Scene,
}

impl Draft {
    fn new(kind: SceneKind, seed: Seed, rng: &mut Rng, film_len: (u64, u64)) -> Self {
        let release = release(seed, rng, film_len);
        let (path_default, paths, hosts, plan) = (path(rng), Vec::new(), BTreeMap::new(), Plan::default());
        Self { scene: Scene { seed, kind, release, path_default, paths, hosts, plan } }
    }

    fn release(&self) -> Release {
        self.scene.release.clone()
    }

    fn add(&mut self, config: PeerConfig, line: HostConfig) -> HostId {
        let id = HostId::new(u32::try_from(self.scene.hosts.len()).unwrap_or(u32::MAX));
        self.scene.hosts.insert(id, (config, line));
        id
    }

    fn seeder(&mut self, rng: &mut Rng, uplink_low: u64, uplink_high: u64) -> HostId {
        let line = line(rng, uplink_low, uplink_high);
        self.add(PeerConfig::seeder(self.release()), line)
    }

    fn viewer(&mut self, rng: &mut Rng, bitrate: BytesPerSec, peers: Vec<HostId>, fetch_rest: bool) -> HostId {
        let player = PlayerConfig {
            bitrate,
            film_len: self.scene.release.film().len(),
            prebuffer: duration_between(rng, SECOND / 2, 2 * SECOND),
            rebuffer: 2 * SECOND,
            read_ahead: duration_between(rng, 4 * SECOND, 30 * SECOND),
        };
        let viewer = ViewerConfig { player, tells_rate: rng.chance(1, 2), reopens: rng.chance(1, 2) };
        let mut config = PeerConfig::leecher(self.release(), peers);
        config.viewer = Some(viewer);
        config.fetch_rest = fetch_rest;
        self.add(config, HostConfig { uplink: Some(BytesPerSec::new(100_000)), ..HostConfig::default() })
    }

    fn disk(&mut self, host: HostId, disk: DiskConfig) {
        if let Some((_, line)) = self.scene.hosts.get_mut(&host) {
            line.disk = disk;
        }
    }

    fn everybody_knows(&mut self, who: &[HostId], whom: &[HostId]) {
        for id in who {
            if let Some((config, _)) = self.scene.hosts.get_mut(id) {
                config.peers = whom.iter().copied().filter(|other| other != id).collect();
            }
        }
    }

    fn set_path(&mut self, one: HostId, other: HostId, path: LinkConfig) {
        self.scene.paths.push((one, other, path));
    }

    /// The time that the seeders' lines need for the film at the very least.
    fn ideal(&self, leecher: HostId, seeders: &[HostId]) -> Duration {
        let rate = |seeder: &HostId| {
            let uplink = self.scene.hosts.get(seeder).and_then(|(_, line)| line.uplink).unwrap_or(BytesPerSec::ZERO);
            let path = self.scene.paths.iter().find(|(one, other, _)| *one == leecher && other == seeder);
            let path = path.map_or(self.scene.path_default, |(_, _, path)| *path);
            let round_trip = 2 * (path.delay + path.jitter);
            let window = path.window_len as u128 * 1_000_000 / round_trip.as_micros().max(1);
            uplink.get().min(path.rate.get()).min(u64::try_from(window).unwrap_or(u64::MAX))
        };
        BytesPerSec::new(seeders.iter().map(rate).sum()).time_for(self.scene.release.film().len())
    }

    fn film_time(&self, bitrate: BytesPerSec) -> Duration {
        bitrate.time_for(self.scene.release.film().len())
    }

    fn step(&mut self, at: Duration, step: Step<Check>) {
        self.scene.plan = std::mem::take(&mut self.scene.plan).at(at, step);
    }

    fn join(&mut self, at: Duration, host: HostId) {
        self.step(at, Step::Join { description: format!("{host} comes"), host });
    }

    fn crash(&mut self, rng: &mut Rng, at: Duration, host: HostId) {
        let (crash, words) =
            if rng.chance(1, 3) { (Crash::Killed, "is killed") } else { (Crash::PowerLost, "loses power") };
        self.step(at, Step::Crash { description: format!("{host} {words}"), host, crash });
    }

    fn drop_connection(&mut self, at: Duration, between: (HostId, HostId)) {
        let description = format!("the network drops what connects {} and {}", between.0, between.1);
        self.step(at, Step::DropConnection { description, between });
    }

    fn stall(&mut self, at: Duration, between: (HostId, HostId), lasting: Duration) {
        let seconds = lasting.as_secs_f64();
        let description = format!("nothing moves between {} and {} for {seconds:.1} s", between.0, between.1);
        self.step(at, Step::Stall { description, between, lasting });
    }

    fn seek(&mut self, rng: &mut Rng, at: Duration, host: HostId) {
        let film_len = self.scene.release.film().len().get();
        let to = rng.below(film_len * 9 / 10);
        let description = format!("the viewer at {host} jumps to {} % of the film", to * 100 / film_len);
        self.step(at, Step::Seek { description, host, to });
    }

    fn check(&mut self, at: Duration, description: &str, check: Check) {
        self.step(at, Step::Check { description: description.to_owned(), check });
    }

    /// Something goes wrong in the first minute. Those of `fickle` may leave, and come back with nothing.
    fn fault(&mut self, rng: &mut Rng, all: &[HostId], fickle: &[HostId], viewer: Option<HostId>) {
        let at = duration_between(rng, 3 * SECOND, 58 * SECOND);
        let host = any(rng, all);
        let others: Vec<HostId> = all.iter().copied().filter(|other| *other != host).collect();
        let other = any(rng, &others);
        match rng.below(6) {
            0 => self.drop_connection(at, (host, other)),
            1 => {
                let lasting = duration_between(rng, SECOND, 30 * SECOND);
                self.stall(at, (host, other), lasting);
            }
            2 => {
                let rate = rate_log_uniform(rng, BytesPerSec::new(5_000), BytesPerSec::new(500_000));
                let description = format!("the line of {host} carries {} kB/s out", rate.get() / 1000);
                self.step(at, Step::Uplink { description, host, rate });
            }
            3 => {
                let description = format!("the disk of {host} fails");
                self.step(at, Step::DiskFailing { description, host, failing: true });
                let until = (at + duration_between(rng, SECOND, 20 * SECOND)).min(59 * SECOND);
                let description = format!("the disk of {host} works again");
                self.step(until, Step::DiskFailing { description, host, failing: false });
            }
            4 => {
                let host = any(rng, fickle);
                let is_away = |step: &Step<Check>| matches!(step, Step::Leave { host: gone, .. } if *gone == host);
                if self.scene.plan.steps().iter().any(|(_, step)| is_away(step)) {
                    return;
                }
                self.step(at, Step::Leave { description: format!("{host} is switched off"), host });
                let back = (at + duration_between(rng, SECOND / 10, 10 * SECOND)).min(59 * SECOND);
                self.step(back, Step::Join { description: format!("{host} comes back with nothing"), host });
            }
            _ => {
                if let Some(viewer) = viewer {
                    self.seek(rng, at, viewer);
                }
            }
        }
    }

    /// From here on nothing is wrong any more: the disks work again already.
    fn repair(&mut self, at: Duration, all: &[HostId]) {
        for &host in all {
            let changed = |step: &Step<Check>| matches!(step, Step::Uplink { host: slow, .. } if *slow == host);
            let is_changed = self.scene.plan.steps().iter().any(|(_, step)| changed(step));
            let rate = self.scene.hosts.get(&host).and_then(|(_, line)| line.uplink);
            if let Some(rate) = rate.filter(|_| is_changed) {
                let description = format!("the line of {host} is as it was");
                self.step(at, Step::Uplink { description, host, rate });
            }
        }
    }

    /// The scene that ends when everybody has the film.
    fn done(mut self, at: Duration, within: Duration) -> Scene {
        self.check(at, "everybody has the whole film", Check::Done { within });
        self.finish()
    }

    fn finish(self) -> Scene {
        self.scene
    }
}

fn any(rng: &mut Rng, hosts: &[HostId]) -> HostId {
    let at = usize::try_from(rng.below(hosts.len() as u64)).unwrap_or(0);
    hosts[at]
}

/// A way whose window is not what bounds it.
fn path_of_wide_window(rng: &mut Rng) -> LinkConfig {
    LinkConfig { window_len: LinkConfig::default().window_len, ..path(rng) }
}
