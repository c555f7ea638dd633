//! The queue of what happens in an evening, and the server.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use serde_json::Value;
use session_proto::participant::{Answer, End, Input, Output, SignalNews, Ticket};
use session_proto::player::Command;
use session_proto::view::{Delivery, Part as Taking, Phase, RoomState};
use session_proto::wish::Wish;
use signal_proto::event::parse_server;
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::lobby::{self, Lobby, LobbyConfig};
use signal_proto::room::Setting;
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

use super::clock::SkewedClock;
use super::engine::Engine;
use super::evening::{Evening, Guest, Profile, Step};
use super::line::Line;
use super::player::Player;
use super::rules::{Numbers, Rules};
use super::seat::{FILM, Seat};
use crate::clock::Clock;
use crate::events::{EventId, EventQueue};
use crate::rng::{Part, Seed, duration_between};

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

    fn carry_out(&mut self, who: usize, output: Output) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who) else { return Ok(()) };
        match output {
            Output::Say(say) => {
                if matches!(say.name, "sync-play" | "sync-pause" | "sync-seek" | "set-rate" | "sync-correct") {
                    seat.moved += 1;
                    let ended =
                        say.name == "sync-pause" && say.payload["time"].as_f64().is_some_and(|time| time > 899.0);
                    if seat.moved > seat.wished && !ended {
                        return Err(format!("{who} moves the film without a wish: {} {}", say.name, say.payload));
                    }
                }
                let Some(socket) = seat.socket else { return Ok(()) };
                let ack = say.ticket.map(|ticket| ticket.0);
                seat.tickets.extend(ack);
                let at = seat.up.arrival(now, &mut self.rng);
                let what = What::ToServer { seat: who, socket, name: say.name, payload: say.payload, ack };
                self.queue.push_at(at, what);
            }
            Output::Player(command) => {
                let taking = seat.participant.as_ref().map(|one| one.view(seat.clock.shown(now)).playback.part);
                let follows = matches!(command, Command::Play | Command::Pause | Command::Seek(_));
                if taking == Some(Taking::Spectating) && follows && self.wanted(who) {
                    return Err(format!("{who} only watches and is commanded {command:?}"));
                }
                if matches!(command, Command::SetRate(_)) {
                    self.rules.rate_change(now, who)?;
                }
                if !matches!(command, Command::SetRate(_)) {
                    self.disturb(who);
                }
                self.note(format!("{who} commands its player {command:?}"));
            }
            Output::LeaveServer => {
                if let Some(socket) = seat.socket.take() {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
            }
            Output::RetryServer => {
                let run = seat.runs;
                if let Some(socket) = seat.socket.take() {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
                self.queue.push_after(RECONNECT, What::Dial(who, run));
            }
            Output::Keep { code, token } => {
                seat.code = Some(code.clone());
                seat.token = Some(token);
                self.code = Some(code);
            }
            Output::Ended(end) => {
                self.note(format!("{who} is out: {end:?}"));
                if let Some(seat) = self.seats.get_mut(who) {
                    seat.vanish();
                }
                if matches!(end, End::Refused(_)) {
                    // The others may be about to form the room again; its person tries later.
                    self.queue.push_after(Duration::from_secs(5), What::Step(Step::Come(who)));
                }
            }
            Output::Noticed(notice) => self.note(format!("{who} is told: {} {:?}", notice.title, notice.code)),
            Output::Said(_) | Output::Engine(_) | Output::Changed | Output::WantPlace(_) | Output::KeepPlace(_) => {}
        }
        Ok(())
    }

    /// A spectator's own wishes reach its player; none of these plans has one.
    fn wanted(&self, who: usize) -> bool {
        self.seats.get(who).is_some_and(|seat| seat.player.moving_at(self.now()).is_some())
    }

    fn server_input(&mut self, input: lobby::Input) -> Result<(), String> {
        let now = self.now();
        if let Some(server) = &mut self.server {
            server.handle_input(now, input);
        }
        self.drain_server()
    }

    fn drain_server(&mut self) -> Result<(), String> {
        let now = self.now();
        let mut stated = false;
        while let Some(output) = self.server.as_mut().and_then(Lobby::poll_output) {
            match output {
                lobby::Output::Emit { to, name, payload } => {
                    if name == "room-state" && !std::mem::replace(&mut stated, true) {
                        self.rules.room_state(now, &payload)?;
                        if !payload["startAt"].is_null() {
                            let start = payload["startAt"].as_i64().zip(payload["at"].as_i64());
                            let wait = start.map_or(0, |(start, at)| (start - at).max(0));
                            let moved = now + Duration::from_millis(u64::try_from(wait).unwrap_or_default());
                            self.queue.push_at(moved + Duration::from_secs(1), What::Start(moved));
                        }
                    }
                    for socket in to {
                        self.send_down(socket, Heard::Event(name, payload.clone()));
                    }
                }
                lobby::Output::Ack { to, ack, payload } => self.send_down(to, Heard::Ack(ack, payload)),
                lobby::Output::Close(socket) => self.send_down(socket, Heard::Closed),
            }
        }
        if let Some(planned) = self.server_turn.take() {
            self.queue.cancel(planned);
        }
        let next = self.server.as_ref().and_then(Lobby::poll_timeout);
        self.server_turn = next.map(|at| self.queue.push_at(at, What::ServerWake));
        Ok(())
    }

    fn send_down(&mut self, socket: SocketKey, heard: Heard) {
        let now = self.now();
        let Some(seat) = usize::try_from(socket.0).ok().and_then(|at| self.owners.get(at)).copied() else { return };
        let Some(at) = self.seats.get_mut(seat).map(|owner| owner.down.arrival(now, &mut self.rng)) else { return };
        self.queue.push_at(at, What::ToClient { seat, socket: socket.0, heard });
    }

    fn hear(&mut self, who: usize, socket: u64, heard: Heard) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.socket == Some(socket)) else { return Ok(()) };
        if let Some(until) = seat.asleep_until.filter(|until| now < *until) {
            // It lies in the socket's buffer.
            self.queue.push_at(until, What::ToClient { seat: who, socket, heard });
            return Ok(());
        }
        let news = match heard {
            Heard::Event(name, payload) => match parse_server(name, Some(&payload)) {
                Ok(Some(event)) => SignalNews::Heard(Box::new(event)),
                Ok(None) => return Err(format!("the server says {name}, which no client knows")),
                Err(problem) => return Err(format!("{name} is not understood: {} {payload}", problem.message)),
            },
            Heard::Ack(ticket, payload) => {
                seat.tickets.retain(|waiting| *waiting != ticket);
                SignalNews::Answered(Ticket(ticket), Answer::Said(payload))
            }
            Heard::Closed => return self.lose(who, socket),
        };
        seat.input(now, Input::Signal(news));
        self.drain_seat(who)
    }

    fn dial(&mut self, who: usize, run: u64) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.runs == run && seat.participant.is_some()) else {
            return Ok(());
        };
        if seat.socket.is_some() {
            return Ok(());
        }
        if self.server.is_none() || seat.asleep_until.is_some_and(|until| now < until) {
            let retry_in = duration_between(&mut self.rng, Duration::from_millis(500), Duration::from_secs(3));
            seat.input(now, Input::Signal(SignalNews::Lost { why: "refused".into(), retry_in: Some(retry_in) }));
            self.queue.push_after(retry_in, What::Dial(who, run));
            return self.drain_seat(who);
        }
        let socket = self.sockets;
        self.sockets += 1;
        self.owners.push(who);
        seat.socket = Some(socket);
        (seat.up, seat.down) = (Line::new(seat.line_kind, now), Line::new(seat.line_kind, now));
        let rtt = (seat.line_kind.delay + seat.line_kind.jitter / 2) * 2;
        let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, u8::try_from(who).unwrap_or_default()));
        let peer_id = SocketId::new(format!("peer{socket}"));
        self.server_input(lobby::Input::Connected { socket: SocketKey(socket), peer_id, address })?;
        self.server_input(lobby::Input::RoundTrip(SocketKey(socket), rtt))?;
        if let Some(seat) = self.seats.get_mut(who) {
            seat.input(now, Input::Signal(SignalNews::Connected));
        }
        self.disturb(who);
        self.drain_seat(who)?;
        // The server measures again once it is in the room.
        self.server_input(lobby::Input::RoundTrip(SocketKey(socket), rtt))
    }

    /// A connection is gone, and both ends know it.
    fn lose(&mut self, who: usize, socket: u64) -> Result<(), String> {
        let now = self.now();
        self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.socket == Some(socket)) else { return Ok(()) };
        seat.socket = None;
        let run = seat.runs;
        for ticket in std::mem::take(&mut seat.tickets) {
            seat.input(now, Input::Signal(SignalNews::Answered(Ticket(ticket), Answer::Unknown)));
        }
        let retry_in = RECONNECT;
        seat.input(now, Input::Signal(SignalNews::Lost { why: "the line broke".into(), retry_in: Some(retry_in) }));
        self.queue.push_after(retry_in, What::Dial(who, run));
        self.drain_seat(who)
    }

    fn disturb(&mut self, who: usize) {
        let now = self.now();
        if let Some(at) = self.disturbed.get_mut(who) {
            *at = now;
        }
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let now = self.now();
        self.note(format!("{step:?}"));
        match step {
            Step::Come(who) => self.come(who)?,
            Step::Want(who, wish) => self.want(who, wish)?,
            Step::Kill(who) if !self.calm => {
                let socket = self.seats.get_mut(who).and_then(|seat| {
                    let socket = seat.socket;
                    seat.vanish();
                    socket
                });
                if let Some(socket) = socket {
                    self.server_input(lobby::Input::Disconnected(SocketKey(socket)))?;
                }
            }
            Step::Stop(who, span) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_some()) {
                    seat.asleep_until = Some(now + span);
                    seat.player.stall(now + span);
                    self.queue.push_after(span, What::Step(Step::Want(who, Wish::WatchReports(true))));
                }
            }
            Step::Stall(who, span) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who) {
                    seat.player.stall(now + span);
                }
                self.disturb(who);
            }
            Step::EngineEnds(who) if !self.calm => {
                if let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_some()) {
                    seat.engine.restart();
                }
                self.schedule(who);
            }
            Step::Cut(who) if !self.calm => {
                if let Some(socket) = self.seats.get(who).and_then(|seat| seat.socket) {
                    self.lose(who, socket)?;
                }
            }
            Step::ServerRestarts(span) if !self.calm && self.server.is_some() => {
                self.server = None;
                self.rules.forget();
                self.queue.push_after(span, What::ServerUp);
                let gone: Vec<(usize, u64)> =
                    self.seats.iter().enumerate().filter_map(|(who, seat)| Some((who, seat.socket?))).collect();
                for (who, socket) in gone {
                    self.queue.push_after(LOST_NOTICED, What::Lost(who, socket));
                }
            }
            Step::Calm => {
                self.calm = true;
                for who in 0..self.seats.len() {
                    self.come(who)?;
                    self.want(who, Wish::Spectate(false))?;
                }
            }
            Step::Play => {
                let host = (0..self.seats.len()).find(|who| self.view(*who).is_some_and(|view| view.may_manage));
                let Some(host) = host else { return Err(format!("nobody is host: {:?}", self.phases())) };
                self.want(host, Wish::SetRate(signal_proto::time::Rate::ONE))?;
                self.want(host, Wish::Seek(signal_proto::time::MediaTime::saturating(100.0)))?;
                self.want(host, Wish::Play)?;
            }
            Step::Kill(_)
            | Step::Stop(..)
            | Step::Stall(..)
            | Step::EngineEnds(_)
            | Step::Cut(_)
            | Step::ServerRestarts(_) => {}
        }
        Ok(())
    }

    fn come(&mut self, who: usize) -> Result<(), String> {
        let now = self.now();
        // Nobody but the host has a room to come to before there is one.
        let code = self.code.clone();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.participant.is_none()) else { return Ok(()) };
        if code.is_none() && !seat.hosts {
            self.queue.push_after(Duration::from_secs(1), What::Step(Step::Come(who)));
            return Ok(());
        }
        seat.asleep_until = None;
        seat.sit_down(now, code.as_deref());
        // What was written before is another process's.
        seat.lines.clear();
        let run = seat.runs;
        self.disturb(who);
        self.queue.push_after(Duration::from_millis(5), What::Dial(who, run));
        self.drain_seat(who)
    }

    fn want(&mut self, who: usize, wish: Wish) -> Result<(), String> {
        let now = self.now();
        let Some(seat) = self.seats.get_mut(who).filter(|seat| seat.is_awake(now)) else { return Ok(()) };
        if seat.asleep_until.take().is_some() {
            // It finds out that it slept.
            seat.input(now, Input::Woke);
        }
        let wish = match wish {
            Wish::Say(_) => {
                let text = format!("{} {} {}", seat.name, seat.runs, seat.lines.len());
                seat.lines.push(text.clone());
                Wish::Say(text)
            }
            wish => wish,
        };
        if matches!(wish, Wish::Play | Wish::Pause | Wish::Seek(_) | Wish::SeekBy(_) | Wish::SetRate(_)) {
            // One that is given without a server may be said twice: a seek, and that it plays there.
            seat.wished += 2;
        }
        seat.input(now, Input::Wish(wish));
        self.disturb(who);
        self.drain_seat(who)
    }

    fn view(&self, who: usize) -> Option<session_proto::view::View> {
        let seat = self.seats.get(who)?;
        Some(seat.participant.as_ref()?.view(seat.clock.shown(self.now())))
    }

    fn phases(&self) -> Vec<Option<(Phase, bool)>> {
        (0..self.seats.len()).map(|who| self.view(who).map(|view| (view.phase, view.server.connected))).collect()
    }

    /// Where they really are.
    fn sample(&mut self) {
        let now = self.now();
        self.queue.push_after(SAMPLE, What::Sample);
        let settled = |at: Instant| now.saturating_duration_since(at) > SETTLED_AFTER;
        if self.rules.anchored().is_none_or(|at| !settled(at)) {
            return;
        }
        let places: Vec<f64> = (0..self.seats.len())
            .filter(|who| self.disturbed.get(*who).is_some_and(|at| settled(*at)))
            .filter_map(|who| self.in_step(who))
            .collect();
        self.rules.numbers.drifts.extend(pairs(&places));
    }

    /// The place of somebody who plays with the room, deaf players apart: those can only jump.
    fn in_step(&self, who: usize) -> Option<f64> {
        let seat = self.seats.get(who)?;
        let view = self.view(who)?;
        // Who has no connection cannot know what the others do.
        let plays = view.phase == Phase::InRoom
            && view.server.connected
            && view.playback.state == RoomState::Playing
            && view.playback.part == Taking::InStep
            && !view.playback.buffering
            && seat.asleep_until.is_none()
            && !seat.player.is_deaf();
        seat.player.moving_at(self.now()).filter(|_| plays)
    }

    fn measure_start(&mut self, moved: Instant) {
        let now = self.now();
        // Who began with this start, and not later by something else.
        let places: Vec<f64> = (0..self.seats.len())
            .filter(|who| {
                let started = self.seats.get(*who).and_then(|seat| seat.player.started);
                started.is_some_and(|at| {
                    at + Duration::from_millis(400) > moved && at < moved + Duration::from_millis(400)
                })
            })
            .filter_map(|who| self.in_step(who))
            .collect();
        let is_last = self.rules.anchored().is_none_or(|at| at <= moved && now > at);
        if is_last {
            self.rules.numbers.starts.extend(pairs(&places));
        }
    }

    /// After the quiet: everybody is there, in step, and heard everything once.
    fn end(&self) -> Result<(), String> {
        let mut places = Vec::new();
        for who in 0..self.seats.len() {
            let Some(view) = self.view(who) else { return Err(format!("{who} is not there at the end")) };
            if view.phase != Phase::InRoom || !view.server.connected {
                return Err(format!("{who} is not in the room at the end: {:?}", view.notices));
            }
            if view.people.len() != self.seats.len() {
                let names: Vec<_> = view.people.iter().map(|person| (&person.id, person.state)).collect();
                return Err(format!("{who} sees {names:?}"));
            }
            if view.playback.state != RoomState::Playing {
                return Err(format!("{who} does not see the film play: {:?}", view.playback));
            }
            match self.seats.get(who).and_then(|seat| seat.player.moving_at(self.now())) {
                Some(place) => places.push((who, place)),
                None => {
                    return Err(format!(
                        "{who}'s player does not move: {:?} {:?}",
                        view.playback,
                        view.film.map(|film| film.stage)
                    ));
                }
            }
            let lines: Vec<&str> =
                view.chat.iter().filter(|item| item.from.is_some()).map(|item| item.text.as_str()).collect();
            for (at, line) in lines.iter().enumerate() {
                if lines.iter().skip(at + 1).any(|other| other == line) {
                    return Err(format!("{who} sees a line twice: {line}"));
                }
            }
            if let Some(item) = view.chat.iter().find(|item| item.delivery != Delivery::Sent) {
                return Err(format!("{who}'s line is not out at the end: {item:?}"));
            }
            self.in_order(who, &lines)?;
        }
        let deaf = |who: usize| self.seats.get(who).is_some_and(|seat| seat.player.is_deaf());
        for (at, (one, place)) in places.iter().enumerate() {
            for (other, there) in places.iter().skip(at + 1) {
                let bound = if deaf(*one) || deaf(*other) { 0.75 } else { 0.25 };
                if (place - there).abs() > bound {
                    return Err(format!("{one} and {other} are {:.3} s apart at the end", place - there));
                }
            }
        }
        debug_assert!(self.quiet < self.now() + Duration::from_secs(60), "the quiet came");
        Ok(())
    }

    /// The lines of one process arrive in the order they were written.
    fn in_order(&self, who: usize, lines: &[&str]) -> Result<(), String> {
        for seat in &self.seats {
            let begins = format!("{} {} ", seat.name, seat.runs);
            let numbers: Vec<u32> =
                lines.iter().filter_map(|line| line.strip_prefix(begins.as_str())?.parse().ok()).collect();
            if numbers.windows(2).any(|two| two[0] >= two[1]) {
                return Err(format!("{who} sees {}'s lines as {numbers:?}", seat.name));
            }
        }
        Ok(())
    }
}

fn pairs(places: &[f64]) -> Vec<f64> {
    let mut apart = Vec::new();
    for (at, one) in places.iter().enumerate() {
        apart.extend(places.iter().skip(at + 1).map(|other| (one - other).abs()));
    }
    apart
}
