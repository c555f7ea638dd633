//! What happens on an evening, drawn from a seed: people who come and go, wishes, and everything that can go wrong. Then a quiet
//! minute, in which all that is promised must hold again.

use std::time::Duration;

use bittorrent_proto::rng::Rng;
use session_proto::wish::Wish;
use signal_proto::time::{MediaTime, Rate};

use super::line::LineKind;
use super::player::PlayerKind;
use crate::rng::{Part, Seed, duration_between, number_between};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

/// The kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// One house.
    Lan,
    /// 40 to 80 ms there and back, with loss.
    Wan,
}

/// A machine, as drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) line: LineKind,
    pub(super) player: PlayerKind,
    /// Its clock: ahead by that, and so many millionths too fast.
    pub(super) clock: (Duration, i32),
    /// Seconds of film that it fetches in a second.
    pub(super) fetch_rate: f64,
    /// Its engine's first word of the film.
    pub(super) begins: Duration,
    /// When it comes first.
    pub(super) comes: Duration,
}

/// Something that is done to the world or that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Somebody sits down.
    Come(usize),
    /// Somebody wants something; who has left does not.
    Want(usize, Wish),
    /// A process is killed.
    Kill(usize),
    /// A process is stopped for so long, as by SIGSTOP.
    Stop(usize, Duration),
    /// A player has something else to do for so long.
    Stall(usize, Duration),
    /// An engine ends and begins again.
    EngineEnds(usize),
    /// A connection is lost.
    Cut(usize),
    /// The server forgets everything but its key, and is back after so long.
    ServerRestarts(Duration),
    /// From now on nothing goes wrong; whoever is away comes back.
    Calm,
    /// The host, whoever it is now, plays.
    Play,
}

/// An evening.
#[derive(Clone, Debug)]
pub(super) struct Evening {
    pub(super) guests: Vec<Guest>,
    pub(super) steps: Vec<(Duration, Step)>,
    /// When what is measured at the end begins.
    pub(super) quiet: Duration,
    pub(super) end: Duration,
}

impl Evening {
    pub(super) fn draw(seed: Seed, profile: Profile, faults: bool) -> Self {
        let mut rng = seed.stream(Part::Plan);
        let rng = &mut rng;
        let count = number_between(rng, 2, 5);
        let guests: Vec<Guest> = (0..count).map(|who| guest(rng, profile, who)).collect();
        let mut steps = Vec::new();
        for (who, guest) in guests.iter().enumerate() {
            steps.push((guest.comes, Step::Come(who)));
        }
        steps.push((S(12), Step::Want(0, Wish::Play)));
        let mut at = S(20);
        let faults_end = S(200);
        while at < faults_end {
            let who = index(rng.below(count));
            steps.extend(happening(rng, at, who, faults));
            at += duration_between(rng, S(3), S(14));
        }
        let calm = faults_end + S(25);
        let play = calm + S(75);
        let quiet = play + S(35);
        steps.extend([(calm, Step::Calm), (play, Step::Play)]);
        steps.sort_by_key(|(at, _)| *at);
        Self { guests, steps, quiet, end: quiet + S(40) }
    }
}

fn guest(rng: &mut Rng, profile: Profile, who: u64) -> Guest {
    let line = match profile {
        Profile::Lan => LineKind { delay: duration_between(rng, MS(0), MS(5)), jitter: MS(1), loss_one_in: 0 },
        Profile::Wan => LineKind { delay: duration_between(rng, MS(20), MS(40)), jitter: MS(5), loss_one_in: 200 },
    };
    let ppm = |rng: &mut Rng| i32::try_from(rng.below(201)).unwrap_or_default() - 100;
    let slow = duration_between(rng, MS(80), MS(250));
    let player = PlayerKind {
        start_latency: duration_between(rng, MS(5), MS(80)),
        seek_latency: (slow, slow + duration_between(rng, MS(0), MS(150))),
        position_jitter: MS(10),
        ppm: ppm(rng),
        deaf: rng.below(8) == 0,
    };
    Guest {
        line,
        player,
        clock: (duration_between(rng, S(0), S(100_000)), ppm(rng)),
        fetch_rate: f64::from(u32::try_from(number_between(rng, 15, 300)).unwrap_or(15)) / 10.0,
        begins: duration_between(rng, MS(200), S(2)),
        comes: if who == 0 { Duration::ZERO } else { duration_between(rng, S(1), S(30)) },
    }
}

fn happening(rng: &mut Rng, at: Duration, who: usize, faults: bool) -> Vec<(Duration, Step)> {
    let place = |rng: &mut Rng| MediaTime::saturating(f64::from(u32::try_from(rng.below(400)).unwrap_or(0)));
    let one = |step| vec![(at, step)];
    match rng.below(if faults { 19 } else { 9 }) {
        0 | 1 => one(Step::Want(0, Wish::Pause)),
        2 | 3 => one(Step::Want(0, Wish::Play)),
        4 => one(Step::Want(0, Wish::Seek(place(rng)))),
        5 => one(Step::Want(who, Wish::Say(String::new()))),
        6 => one(Step::Want(who, Wish::Pause)),
        7 => vec![(at, Step::Want(who, Wish::Spectate(true))), (at + S(9), Step::Want(who, Wish::Spectate(false)))],
        8 => {
            let rates = [0.8, 1.0, 1.0, 1.25];
            let rate = rates.get(index(rng.below(4))).copied().and_then(Rate::new).unwrap_or(Rate::ONE);
            one(Step::Want(0, Wish::SetRate(rate)))
        }
        9 | 10 => one(Step::Stall(who, duration_between(rng, MS(200), S(5)))),
        11 => one(Step::Stop(who, S(20))),
        12 | 13 => one(Step::Cut(who)),
        14 => vec![(at, Step::Kill(who)), (at + duration_between(rng, S(1), S(90)), Step::Come(who))],
        15 => one(Step::ServerRestarts(duration_between(rng, MS(100), S(60)))),
        16 => one(Step::EngineEnds(who)),
        17 => vec![(at, Step::Want(who, Wish::Leave)), (at + duration_between(rng, S(2), S(30)), Step::Come(who))],
        _ => one(Step::Want(0, Wish::SeekBy(-10.0))),
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
