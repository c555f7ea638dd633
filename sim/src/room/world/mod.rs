//! The queue of what happens in an evening, and the server.

mod steps;
mod truth;
mod wires;

use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use serde_json::Value;
use session_proto::view::Phase;
use signal_proto::ids::SocketKey;
use signal_proto::lobby::{self, Lobby, LobbyConfig};
use signal_proto::room::Setting;
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

use crate::clock::Clock;
use crate::events::{EventId, EventQueue};
use crate::rng::{Part, Seed};
use crate::room::clock::SkewedClock;
use crate::room::engine::Engine;
use crate::room::evening::{Evening, Guest, Profile, Step};
use crate::room::line::Line;
use crate::room::player::Player;
use crate::room::rules::{Numbers, Rules};
use crate::room::seat::{FILM, Seat};

/// Events that wait; a machine has a handful.
const EVENTS_MAX: usize = 100_000;
/// How often the truth is looked at.
const SAMPLE: Duration = Duration::from_millis(250);
/// After what disturbed somebody, they are not measured for so long: the contract's ten seconds of a nudge, and what went before.
const SETTLED_AFTER: Duration = Duration::from_secs(14);
/// A connection that is lost is made again after so long, and something.
const RECONNECT: Duration = Duration::from_millis(600);
/// What one says to nobody is noticed to be lost after so long.
const LOST_NOTICED: Duration = Duration::from_millis(300);

/// What is said all the time, and tells little of a failure.
const QUIET: [&str; 3] = ["says sync-check", "says sync-report", "says ready-state"];

enum What {
    /// A machine's timers.
    Wake(usize),
    ToServer {
        seat: usize,
        socket: u64,
        name: &'static str,
        payload: Value,
        ack: Option<u64>,
    },
    ToClient {
        seat: usize,
        socket: u64,
        heard: Heard,
    },
    /// A machine tries the server.
    Dial(usize, u64),
    /// It is noticed that the connection is gone.
    Lost(usize, u64),
    ServerWake,
    ServerUp,
    Step(Step),
    Sample,
    /// A second after a start.
    Start(Instant),
}

enum Heard {
    Event(&'static str, Value),
    Ack(u64, Value),
    Closed,
}

struct World {
    queue: EventQueue<What>,
    base: Instant,
    rng: Rng,
    seats: Vec<Seat>,
    server: Option<Lobby>,
    sockets: u64,
    /// Whose each socket is.
    owners: Vec<usize>,
    code: Option<String>,
    rules: Rules,
    calm: bool,
    /// Each machine's next turn, and the server's: one at a time.
    turns: Vec<Option<EventId>>,
    server_turn: Option<EventId>,
    /// When each seat was disturbed last.
    disturbed: Vec<Instant>,
    quiet: Instant,
    trace: u64,
    /// The last evening's lines, for a failure.
    story: Vec<String>,
}

/// An evening of that seed.
///
/// # Errors
/// The rule that was broken, and what happened before.
pub fn run(base: Instant, seed: Seed, profile: Profile, faults: bool) -> Result<Numbers, String> {
    let evening = Evening::draw(seed, profile, faults);
    let clock = Clock::new(base);
    let mut world = World {
        queue: EventQueue::new(clock, EVENTS_MAX),
        base,
        rng: seed.stream(Part::Links),
        seats: evening.guests.iter().enumerate().map(|(who, guest)| seat(base, who, guest)).collect(),
        server: None,
        sockets: 0,
        owners: Vec::new(),
        code: None,
        rules: Rules::default(),
        calm: false,
        turns: vec![None; evening.guests.len()],
        server_turn: None,
        disturbed: vec![base; evening.guests.len()],
        quiet: base + evening.quiet,
        trace: 0,
        story: Vec::new(),
    };
    world.start_server();
    for (at, step) in evening.steps {
        world.queue.push_at(base + at, What::Step(step));
    }
    world.queue.push_at(base + SAMPLE, What::Sample);
    let end = base + evening.end;
    let told = |error: String, world: &World| {
        let told = |line: &&String| !QUIET.iter().any(|quiet| line.contains(quiet));
        let mut story: Vec<String> = world.story.iter().rev().filter(told).take(60).cloned().collect();
        story.reverse();
        let story = story.join("\n");
        format!(
            "{profile:?}, seed {}: {error}\n{story}\nreplay: cargo run -p sim --bin rooms -- --seed {}",
            seed.get(),
            seed.get()
        )
    };
    while let Some(what) = world.queue.pop_until(end) {
        world.happen(what).map_err(|error| told(error, &world))?;
    }
    world.end().map_err(|error| told(error, &world))?;
    world.rules.numbers.trace = world.trace;
    Ok(world.rules.numbers)
}

fn seat(base: Instant, who: usize, guest: &Guest) -> Seat {
    let line = Line::new(guest.line, base);
    Seat {
        name: format!("p{who}"),
        hosts: who == 0,
        participant: None,
        player: Player::new(guest.player, 1.0, base),
        engine: Engine::new(FILM, 1.0, guest.begins),
        clock: SkewedClock { base, ahead: guest.clock.0, ppm: guest.clock.1 },
        line_kind: guest.line,
        up: line,
        down: line,
        socket: None,
        tickets: Vec::new(),
        token: None,
        code: None,
        asleep_until: None,
        player_kind: guest.player,
        fetch_rate: guest.fetch_rate,
        begins: guest.begins,
        wished: 0,
        moved: 0,
        lines: Vec::new(),
        runs: 0,
    }
}

impl World {
    fn now(&self) -> Instant {
        self.queue.clock().now()
    }

    fn note(&mut self, what: impl AsRef<str>) {
        let what = what.as_ref();
        let at = self.now() - self.base;
        // FNV-1a over all that happened: two runs of one seed must agree.
        for byte in what.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.story.push(format!("{:9.3} {what}", at.as_secs_f64()));
        if self.story.len() > 2_000 {
            self.story.drain(..1_000);
        }
    }

    fn start_server(&mut self) {
        let now = self.now();
        let unix = 1_700_000_000_000 + i64::try_from((now - self.base).as_millis()).unwrap_or_default();
        let setting = Setting::usual(ServerClock::new(now, unix), Signer::new(b"the evening's key"));
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.rng.next_u64().to_le_bytes());
        let config = LobbyConfig { setting, limited: false };
        self.server = Some(Lobby::new(config, signal_proto::rng::Rng::new(seed)));
    }

    fn happen(&mut self, what: What) -> Result<(), String> {
        let now = self.now();
        match what {
            What::Wake(who) => self.wake(who)?,
            What::ToServer { seat, socket, name, payload, ack } => {
                self.note(format!("{seat} says {name} {payload}"));
                let payload = Some(payload);
                let event = lobby::Input::Event { socket: SocketKey(socket), name: name.to_owned(), payload, ack };
                self.server_input(event)?;
            }
            What::ToClient { seat, socket, heard } => self.hear(seat, socket, heard)?,
            What::Dial(who, run) => self.dial(who, run)?,
            What::Lost(who, socket) => self.lose(who, socket)?,
            What::ServerWake => {
                if let Some(server) = &mut self.server {
                    server.handle_timeout(now);
                }
                self.drain_server()?;
            }
            What::ServerUp => {
                self.note("the server is there again");
                self.start_server();
            }
            What::Step(step) => self.step(step)?,
            What::Sample => self.sample(),
            What::Start(moved) => self.measure_start(moved),
        }
        Ok(())
    }

    /// A machine's timers, and everything that follows from them.
    fn wake(&mut self, who: usize) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who) else { return Ok(()) };
        if !seat.is_awake(now) {
            return Ok(());
        }
        if let Some((at, wake)) =
            seat.participant.as_ref().and_then(session_proto::participant::Participant::poll_timeout)
            && at <= seat.clock.shown(now)
        {
            self.rules.wake(now, who, wake)?;
        }
        if let Some(seat) = self.seats.get_mut(who) {
            seat.handle_timeout(now);
        }
        self.drain_seat(who)
    }

    fn drain_seat(&mut self, who: usize) -> Result<(), String> {
        let now = self.now();
        loop {
            let Some(seat) = self.seats.get_mut(who) else { return Ok(()) };
            let Some(output) = seat.poll_output(now, &mut self.rng) else { break };
            self.carry_out(who, output)?;
        }
        self.schedule(who);
        Ok(())
    }

    /// Its next turn, instead of what was planned.
    fn schedule(&mut self, who: usize) {
        let now = self.now();
        let next = self.seats.get(who).and_then(|seat| {
            let at = seat.poll_timeout(now)?;
            Some(at.max(seat.asleep_until.unwrap_or(at)))
        });
        let Some(turn) = self.turns.get_mut(who) else { return };
        if let Some(planned) = turn.take() {
            self.queue.cancel(planned);
        }
        *turn = next.map(|at| self.queue.push_at(at.max(now), What::Wake(who)));
    }

    fn disturb(&mut self, who: usize) {
        let now = self.now();
        if let Some(at) = self.disturbed.get_mut(who) {
            *at = now;
        }
    }

    fn view(&self, who: usize) -> Option<session_proto::view::View> {
        let seat = self.seats.get(who)?;
        Some(seat.participant.as_ref()?.view(seat.clock.shown(self.now())))
    }

    fn phases(&self) -> Vec<Option<(Phase, bool)>> {
        (0..self.seats.len()).map(|who| self.view(who).map(|view| (view.phase, view.server.connected))).collect()
    }
}
