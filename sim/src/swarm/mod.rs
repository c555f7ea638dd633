//! Whole swarms of [`Peer`]s: a scene drawn from a seed, lived through, and judged.
//!
//! The tests of `sim/tests` and the program `swarm` run the same scenes, so a failure of either is replayed by the line
//! that it ends with.

mod draw;
mod scenes;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::{Duration, Instant};

use bittorrent_proto::error::PeerMisbehaved;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::torrent::CloseReason;
use bittorrent_proto::units::ByteLen;

use crate::check::Violation;
use crate::host::peer::{Peer, PeerConfig, Release, Remains};
use crate::host::{HostConfig, HostId};
use crate::link::LinkConfig;
use crate::plan::{Plan, Step};
use crate::player::Player;
use crate::report::{Report, replay_line};
use crate::rng::{Part, Seed};
use crate::world::World;

pub use scenes::SceneKind;

/// Who takes part, over which lines, and what happens to them.
#[derive(Clone, Debug)]
pub struct Scene {
    seed: Seed,
    kind: SceneKind,
    release: Release,
    path_default: LinkConfig,
    paths: Vec<(HostId, HostId, LinkConfig)>,
    hosts: BTreeMap<HostId, (PeerConfig, HostConfig)>,
    plan: Plan<Check>,
}

/// What a plan can check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Everybody who is there has the whole film in that time.
    Done {
        /// From the step on.
        within: Duration,
    },
    /// What lies on the disks of all who are there is the film, byte for byte.
    Whole,
    /// The picture moves at a viewer's in that time.
    Plays {
        /// Whose.
        host: HostId,
        /// From the step on.
        within: Duration,
    },
    /// A viewer sees the end of the film in that time.
    Ends {
        /// Who.
        host: HostId,
        /// From the step on.
        within: Duration,
    },
    /// Nothing stood still for a viewer so far, but for so long in all.
    Stalled {
        /// Whose picture.
        host: HostId,
        /// In all.
        at_most: Duration,
    },
}

/// Who is down.
struct Crashed {
    rng: Rng,
    /// Their disks.
    remains: BTreeMap<HostId, Remains>,
}

/// How a scene went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the viewers noticed, and what it cost.
    pub report: Report,
    /// The hash over all that happened.
    pub trace: String,
    /// What all viewers noticed together, in the order of the hosts.
    pub numbers: Numbers,
}

/// The numbers that a run is judged by.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Each viewer's wait for the first picture.
    pub startups: Vec<Duration>,
    /// Each wait for the picture after a seek.
    pub seeks: Vec<Duration>,
    /// Stalls of all viewers.
    pub stalls: u32,
    /// How long those were together.
    pub stalled: Duration,
    /// Payload that came, in all.
    pub fetched: ByteLen,
    /// How much of it was of use.
    pub kept: ByteLen,
    /// Virtual time from the start to the end of the plan.
    pub took: Duration,
}

impl Scene {
    /// Draws a scene of that kind.
    pub fn draw(kind: SceneKind, seed: Seed) -> Self {
        scenes::draw(kind, seed)
    }

    /// Its steps, as prose.
    pub const fn plan(&self) -> &Plan<Check> {
        &self.plan
    }

    /// Lives through it. `base` is where its time starts; any instant does.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn run(&self, base: Instant) -> Result<Outcome, Violation> {
        let mut world = World::new(base, self.seed, self.path_default);
        for (one, other, path) in &self.paths {
            world.set_path(*one, *other, *path);
        }
        let mut crashed = Crashed { rng: self.seed.stream(Part::Crashes), remains: BTreeMap::new() };
        self.plan.play(&mut world, |world, step| self.act(world, &mut crashed, step))?;
        for (id, peer) in world.hosts() {
            self.judge_closes(id, peer)?;
        }
        let numbers = Numbers::of(&world);
        let trace = world.trace_hash();
        Ok(Outcome { report: numbers.report(self.seed).number("trace", &trace[..8]), trace, numbers })
    }

    /// The line that runs it again.
    pub fn replay_line(&self) -> String {
        format!("{} --scene {}", replay_line("swarm", self.seed), self.kind)
    }

    fn act(&self, world: &mut World<Peer>, crashed: &mut Crashed, step: &Step<Check>) -> Result<(), Violation> {
        match step {
            Step::Join { host, .. } => {
                let (config, line) = self.hosts.get(host).expect("a scene knows whom its plan lets join");
                let (now, config) = (world.clock().now(), config.clone());
                let peer = match crashed.remains.remove(host) {
                    Some(remains) => Peer::again(now, *host, self.seed, config, remains),
                    None => Peer::new(now, *host, self.seed, config),
                };
                world.join(*host, peer, *line)
            }
            Step::Crash { host, crash, .. } => {
                let now = world.clock().now();
                if let Some(fallen) = world.crash(*host)? {
                    crashed.remains.insert(*host, fallen.host.crash(now, *crash, fallen.running, &mut crashed.rng));
                }
                Ok(())
            }
            Step::Seek { host, to, .. } => world.with_host(*host, |peer, now| peer.seek(now, *to)),
            Step::Check { description, check } => self.check(world, description, *check),
            Step::Leave { .. }
            | Step::DropConnection { .. }
            | Step::Stall { .. }
            | Step::Uplink { .. }
            | Step::DiskFailing { .. } => unreachable!("the plan does these itself"),
        }
    }

    fn check(&self, world: &mut World<Peer>, what: &str, check: Check) -> Result<(), Violation> {
        let player =
            |world: &World<Peer>, host| world.host(host).and_then(Peer::player).is_some_and(Player::is_playing);
        let ended = |world: &World<Peer>, host| {
            world.host(host).and_then(Peer::player).is_some_and(|player| player.numbers().ended)
        };
        match check {
            Check::Done { within } => {
                let done = |world: &World<Peer>| world.hosts().all(|(_, peer)| peer.is_done());
                world.run_until_done(what, within, done).map(drop)
            }
            Check::Whole => match world.hosts().find(|(_, peer)| !peer.is_whole()) {
                Some((host, _)) => {
                    Err(Violation::Host { host: host.get(), rule: "its disk does not hold the film".into() })
                }
                None => Ok(()),
            },
            Check::Plays { host, within } => world.run_until_done(what, within, |world| player(world, host)).map(drop),
            Check::Ends { host, within } => world.run_until_done(what, within, |world| ended(world, host)).map(drop),
            Check::Stalled { host, at_most } => {
                let now = world.clock().now();
                let stalled = world.host(host).and_then(Peer::player).map(|player| player.stalled(now));
                match stalled {
                    Some(stalled) if stalled > at_most => Err(Violation::Host {
                        host: host.get(),
                        rule: format!("the picture stood still for {stalled:?}"),
                    }),
                    Some(_) | None => Ok(()),
                }
            }
        }
    }

    /// Everybody runs the same code, so only a liar may be found to misbehave; falling silent is no misdeed.
    fn judge_closes(&self, id: HostId, peer: &Peer) -> Result<(), Violation> {
        let blamed = peer.closes().iter().find(|(other, reason)| {
            let is_honest = self.hosts.get(other).is_some_and(|(config, _)| config.is_honest());
            is_honest && matches!(reason, CloseReason::Misbehaved(why) if *why != PeerMisbehaved::Silent)
        });
        blamed.map_or(Ok(()), |(other, reason)| {
            Err(Violation::Host { host: id.get(), rule: format!("it blames {other}, who is honest: {reason}") })
        })
    }
}

impl Numbers {
    fn of(world: &World<Peer>) -> Self {
        let now = world.clock().now();
        let mut numbers = Self { took: world.clock().elapsed(), ..Self::default() };
        for (_, peer) in world.hosts() {
            numbers.fetched += peer.core().snapshot(now).downloaded;
            numbers.kept += peer.kept();
            let Some(player) = peer.player() else { continue };
            numbers.startups.extend(player.numbers().startup);
            numbers.seeks.extend_from_slice(&player.numbers().seeks);
            numbers.stalls += player.numbers().stalls;
            numbers.stalled += player.stalled(now);
        }
        numbers
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.startups.extend_from_slice(&other.startups);
        self.seeks.extend_from_slice(&other.seeks);
        self.stalls += other.stalls;
        self.stalled += other.stalled;
        self.fetched += other.fetched;
        self.kept += other.kept;
        self.took += other.took;
    }

    /// Payload that came twice or was thrown away, in thousandths of all that came.
    pub fn wasted_permille(&self) -> u64 {
        let wasted = self.fetched.get().saturating_sub(self.kept.get());
        (wasted * 1000).checked_div(self.fetched.get()).unwrap_or(0)
    }

    /// As one line.
    pub fn report(&self, seed: Seed) -> Report {
        let wasted = self.wasted_permille();
        Report::new(seed)
            .times(("startup p50", "p99"), &self.startups)
            .number("stalls", self.stalls)
            .time("stalled", self.stalled)
            .times(("seek p50", "p99"), &self.seeks)
            .number("wasted", format_args!("{}.{} %", wasted / 10, wasted % 10))
            .time("took", self.took)
    }
}

impl Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kibi = |len: ByteLen| len.get() / 1024;
        let layout = &self.release.metainfo().layout;
        let (len, count) = (kibi(layout.total_len()), layout.piece_count());
        writeln!(f, "scene {}: a film of {len} KiB in {count} pieces", self.kind)?;
        for (id, (config, line)) in &self.hosts {
            writeln!(f, "    {}", draw::describe(*id, config, line))?;
        }
        write!(f, "{}", self.plan)
    }
}

/// Says how to replay a scene when the run it stands beside panics: an assertion of the core's names no seed.
#[derive(Debug)]
pub struct ReplayOnPanic<'a>(pub &'a Scene);

impl Drop for ReplayOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}{}", self.0, self.0.replay_line());
        }
    }
}
