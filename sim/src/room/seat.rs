//! One machine: a participant, its player, its engine, its clock and its line.

use std::time::{Duration, Instant};

use bittorrent_proto::rng::Rng;
use session_proto::participant::{Entry, Input, Output, Participant, Setup};
use session_proto::player::{Command, Traits};
use session_proto::settings::Offsets;
use session_proto::wish::LateJoin;
use session_proto::words::Language;
use signal_proto::ids::{ParticipantId, RoomCode};

use super::clock::SkewedClock;
use super::engine::Engine;
use super::line::{Line, LineKind};
use super::player::{Player, PlayerKind};

/// Seconds of the film.
pub(super) const FILM: usize = 900;

/// A machine and who sits there.
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) hosts: bool,
    pub(super) participant: Option<Participant>,
    pub(super) player: Player,
    pub(super) engine: Engine,
    pub(super) clock: SkewedClock,
    pub(super) line_kind: LineKind,
    pub(super) up: Line,
    pub(super) down: Line,
    /// The connection, by the server's number for it.
    pub(super) socket: Option<u64>,
    /// Messages that wait for their answer.
    pub(super) tickets: Vec<u64>,
    /// The place of before, for who comes back as a new process.
    pub(super) token: Option<String>,
    pub(super) code: Option<String>,
    /// The process is stopped until then.
    pub(super) asleep_until: Option<Instant>,
    pub(super) player_kind: PlayerKind,
    pub(super) fetch_rate: f64,
    pub(super) begins: Duration,
    /// It has given these wishes that move the film, and said so many events that do.
    pub(super) wished: u32,
    pub(super) moved: u32,
    /// Lines of chat that its person wrote.
    pub(super) lines: Vec<String>,
    pub(super) runs: u64,
}

impl Seat {
    /// A participant sits down, as a new process.
    pub(super) fn sit_down(&mut self, now: Instant, code: Option<&str>) {
        self.runs += 1;
        self.player = Player::new(self.player_kind, float(FILM), now);
        self.engine = Engine::new(FILM, self.fetch_rate, self.begins);
        let entry = match (self.hosts && self.token.is_none(), code) {
            (false, Some(code)) => Entry::Join { code: RoomCode::parse(code).expect("the server's own") },
            _ => Entry::Create { code: None },
        };
        let film = (self.hosts).then(|| "/films/film.mkv".to_owned());
        let setup = Setup {
            name: self.name.clone(),
            participant: ParticipantId::parse(&format!("{}-{}", self.name, self.runs)).expect("letters and digits"),
            entry,
            token: self.token.clone(),
            film,
            rendezvous: "ws://server/".into(),
            nonce: self.runs * 1_000 + u64::from(self.name.as_bytes().last().copied().unwrap_or_default()),
            weak: false,
            offsets: Offsets::default(),
            player: Traits { live_rate_max: 0.05, keeps_pitch: true, start_latency: Duration::from_millis(30) },
            late_join: LateJoin::Now,
            deletes_films: false,
            spoiler_safe: false,
            spectating: false,
            language: Language::English,
        };
        self.participant = Some(Participant::new(self.clock.shown(now), setup));
    }

    /// Its process is gone, without a word.
    pub(super) fn vanish(&mut self) {
        self.participant = None;
        self.socket = None;
        self.tickets.clear();
    }

    pub(super) fn is_awake(&self, now: Instant) -> bool {
        self.participant.is_some() && self.asleep_until.is_none_or(|until| now >= until)
    }

    pub(super) fn input(&mut self, now: Instant, input: Input) {
        let shown = self.clock.shown(now);
        if let Some(participant) = &mut self.participant {
            participant.handle_input(shown, input);
        }
    }

    /// Lets time do its work, and everything the player and the engine say arrive.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(place) = self.player.wants() {
            self.engine.read_at(place);
        }
        self.engine.handle_timeout(now);
        let engine = &self.engine;
        self.player.handle_timeout(now, |from| engine.ahead(from));
        while let Some(news) = self.engine.news.pop_front() {
            self.input(now, Input::Engine(news));
        }
        while let Some(event) = self.player.events.pop_front() {
            self.input(now, Input::Player(event));
        }
        let shown = self.clock.shown(now);
        if let Some(participant) = &mut self.participant
            && participant.poll_timeout().is_some_and(|(at, _)| at <= shown)
        {
            participant.handle_timeout(shown);
        }
    }

    /// The next thing that somebody else has to do; the player and the engine are commanded on the way.
    pub(super) fn poll_output(&mut self, now: Instant, rng: &mut Rng) -> Option<Output> {
        loop {
            let output = self.participant.as_mut()?.poll_output()?;
            match &output {
                Output::Player(command) => {
                    self.player.command(now, &self.clock, command, rng);
                    if *command != Command::AskPosition {
                        return Some(output);
                    }
                }
                Output::Engine(command) => self.engine.command(now, command),
                Output::Changed => {}
                Output::Say(_)
                | Output::LeaveServer
                | Output::RetryServer
                | Output::Said(_)
                | Output::Noticed(_)
                | Output::Keep { .. }
                | Output::WantPlace(_)
                | Output::KeepPlace(_)
                | Output::Ended(_) => return Some(output),
            }
        }
    }

    /// When something here wants its turn.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let participant = self.participant.as_ref()?;
        let waits = !self.player.events.is_empty() || !self.engine.news.is_empty();
        let own = participant.poll_timeout().map(|(at, _)| self.clock.when(at));
        let soon = waits.then_some(now);
        [soon, own, self.player.poll_timeout(now), self.engine.poll_timeout()].into_iter().flatten().min()
    }
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
