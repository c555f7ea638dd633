//! What this crate's tests share: a participant at a desk, whose server, engine, player and person are the test.

use std::time::Instant;

/// Where a test's time begins.
#[allow(clippy::disallowed_methods, reason = "a test takes its first instant from somewhere")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

use std::time::Duration;

use engine_proto::infohash::Infohash;
use engine_proto::ipc::{self, Event as EngineEvent, Figures, State};
use serde_json::{Value, json};
use signal_proto::event::parse_server;
use signal_proto::ids::{ParticipantId, RoomCode};
use signal_proto::time::MediaTime;

use crate::participant::{EngineNews, Entry, Input, Output, Participant, Setup, SignalNews};
use crate::player::{Command, Event, Sample, Traits};
use crate::settings::Offsets;
use crate::view::View;
use crate::wish::{LateJoin, Wish};
use crate::words::Language;

/// The server's clock when a test begins, Unix milliseconds.
pub(crate) const SERVER_START: i64 = 1_700_000_000_000;

/// A participant, and everything around it played by the test.
pub(crate) struct Desk {
    pub(crate) participant: Participant,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    /// What it wanted since this was looked at last.
    outputs: Vec<Output>,
    /// Probes of the clock are answered at once.
    pub(crate) answers_probes: bool,
}

pub(crate) fn setup(entry: Entry) -> Setup {
    Setup {
        language: Language::English,
        name: "Bea".into(),
        participant: ParticipantId::parse("bea").expect("an id"),
        entry,
        token: None,
        film: None,
        rendezvous: "ws://share.example:3001/".into(),
        nonce: 0xabc,
        weak: false,
        offsets: Offsets::default(),
        player: Traits { live_rate_max: 0.05, keeps_pitch: true, start_latency: Duration::ZERO },
        late_join: LateJoin::Now,
        deletes_films: false,
        spoiler_safe: false,
        spectating: false,
    }
}

pub(crate) fn join() -> Entry {
    Entry::Join { code: RoomCode::parse("ABC12345").expect("a code") }
}

pub(crate) const MAGNET: &str = "magnet:?xt=urn:btih:abababababababababababababababababababab&dn=film";
pub(crate) const INFOHASH: Infohash = Infohash([0xab; 20]);

impl Desk {
    pub(crate) fn new(setup: Setup) -> Self {
        let start = start();
        let participant = Participant::new(start, setup);
        Self { participant, start, now: start, outputs: Vec::new(), answers_probes: true }
    }

    /// A viewer in Ana's room, with an engine and the server's clock, but without a film.
    pub(crate) fn in_room(role: &str) -> Self {
        Self::entered(setup(join()), role)
    }

    pub(crate) fn entered(setup: Setup, role: &str) -> Self {
        let mut desk = Self::new(setup);
        desk.input(Input::Engine(EngineNews::Up));
        desk.input(Input::Signal(SignalNews::Connected));
        desk.enter(role);
        desk.run(1_000);
        desk
    }

    /// The server lets it in.
    pub(crate) fn enter(&mut self, role: &str) {
        let ana = if role == "host" { "viewer" } else { "host" };
        self.hear(
            "room-joined",
            json!({
                "success": true, "participantId": "bea", "sessionToken": "token", "peerId": "p2", "iceServers": [],
                "swarm": {"key": "00".repeat(16), "self": "11".repeat(20)},
                "room": {
                    "code": "ABC12345", "role": role, "host": if role == "host" { "bea" } else { "ana" },
                    "controlMode": "host", "policy": {"wait": "auto", "hostLeft": "continue"},
                    "participants": [
                        {"id": "ana", "name": "Ana", "role": ana, "peerId": "p1", "capabilities": {"sync": 2}},
                        {"id": "bea", "name": "Bea", "role": role, "peerId": "p2", "capabilities": {"sync": 2}},
                    ],
                },
            }),
        );
    }

    /// A viewer with the whole of a film of 100 s, open and standing at its beginning.
    pub(crate) fn with_film(role: &str) -> Self {
        let mut desk = Self::in_room(role);
        desk.film();
        desk
    }

    pub(crate) fn film(&mut self) {
        self.hear("torrent-magnet", json!({"magnetURI": MAGNET, "name": "film", "by": "ana", "epoch": 1}));
        self.snapshot(0.0, false, 1);
        self.added();
        self.progress(&[(0, 1_000)], State::Seeding);
        self.opened();
        self.run(1_000);
        self.take();
    }

    pub(crate) fn added(&mut self) {
        let added = ipc::Added {
            name: "film.mkv".into(),
            server_url: "http://localhost:1/film.mkv".into(),
            infohash: INFOHASH,
            length: 1_000,
            files: Vec::new(),
        };
        self.engine(EngineEvent::Added(added));
    }

    /// The engine shares the film of this machine.
    pub(crate) fn seeding(&mut self) {
        let seeding = ipc::Seeding {
            name: "film.mkv".into(),
            magnet_uri: MAGNET.into(),
            server_url: "http://localhost:1/film.mkv".into(),
            infohash: INFOHASH,
            length: 1_000,
            files: Vec::new(),
        };
        self.engine(EngineEvent::Seeding(seeding));
    }

    pub(crate) fn progress(&mut self, ranges: &[(u64, u64)], state: State) {
        let figures = Figures {
            ranges: ranges.to_vec(),
            state,
            peers: 1,
            speed: 20,
            upload_speed: 30,
            upload_capacity: 40,
            total_bytes: 1_000,
            ..Figures::default()
        };
        self.engine(EngineEvent::Progress(ipc::Progress { infohash: INFOHASH, figures }));
    }

    pub(crate) fn opened(&mut self) {
        self.player(Event::Opened { duration: MediaTime::new(100.0), tracks: Vec::new() });
        self.position(0.0, false);
    }

    /// What the server shows now.
    pub(crate) fn server_ms(&self) -> i64 {
        SERVER_START + i64::try_from((self.now - self.start).as_millis()).expect("a test is short")
    }

    pub(crate) fn hear(&mut self, name: &str, payload: impl Into<Value>) {
        let event = parse_server(name, Some(&payload.into())).expect("sound").expect("known");
        self.input(Input::Signal(SignalNews::Heard(Box::new(event))));
    }

    /// `room-state`: the film is there now, or begins there later.
    pub(crate) fn state(&mut self, state: &str, time: f64, seq: u64, starts_in_ms: Option<i64>, waiting_on: &[&str]) {
        let at = self.server_ms();
        let deadline = (state == "waiting").then_some(at + 15_000);
        let payload = json!({
            "state": state, "time": time, "at": at, "seq": seq, "epoch": 1, "rate": 1.0, "actionId": "x", "by": "ana",
            "startAt": starts_in_ms.map(|ms| at + ms), "waitingOn": waiting_on, "deadline": deadline,
        });
        self.hear("room-state", payload);
    }

    pub(crate) fn snapshot(&mut self, time: f64, playing: bool, seq: u64) {
        let kind = if playing { "play" } else { "pause" };
        let playback = json!({"time": time, "type": kind, "at": self.server_ms(), "seq": seq, "epoch": 1, "rate": 1.0,
            "waitingOn": [], "duration": 100.0});
        self.hear("playback-snapshot", json!({ "playback": playback }));
    }

    pub(crate) fn engine(&mut self, event: EngineEvent) {
        self.input(Input::Engine(EngineNews::Event(Box::new(event))));
    }

    pub(crate) fn player(&mut self, event: Event) {
        self.input(Input::Player(event));
    }

    pub(crate) fn position(&mut self, at: f64, moving: bool) {
        let at = MediaTime::new(at).expect("a place");
        self.player(Event::Position(Sample { at, taken: self.now, moving }));
    }

    pub(crate) fn wish(&mut self, wish: Wish) {
        self.input(Input::Wish(wish));
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.participant.handle_input(self.now, input);
        self.drain();
    }

    /// Time goes by, timer by timer.
    pub(crate) fn run(&mut self, ms: u64) {
        self.run_until(self.now + Duration::from_millis(ms));
    }

    pub(crate) fn run_seconds(&mut self, seconds: f64) {
        self.run_until(self.now + Duration::from_secs_f64(seconds));
    }

    fn run_until(&mut self, until: Instant) {
        for _ in 0..10_000 {
            match self.participant.poll_timeout().filter(|(at, _)| *at <= until) {
                Some((at, _)) => self.now = self.now.max(at),
                None => return self.now = until,
            }
            self.participant.handle_timeout(self.now);
            self.drain();
        }
        panic!("it wants to be woken without end: {:?}", self.participant.poll_timeout());
    }

    pub(crate) fn view(&self) -> View {
        self.participant.view(self.now)
    }

    /// What it wanted since the last look, without what is said to redraw and the questions for the player's place.
    pub(crate) fn take(&mut self) -> Vec<Output> {
        let is_news = |output: &Output| {
            !matches!(output, Output::Changed | Output::Player(Command::AskPosition))
                && !matches!(output, Output::Say(say) if say.name == "sync-check")
        };
        std::mem::take(&mut self.outputs).into_iter().filter(is_news).collect()
    }

    /// What it said to the server since the last look, by name.
    pub(crate) fn said(&mut self, name: &str) -> Vec<Value> {
        let said = |output: Output| match output {
            Output::Say(say) if say.name == name => Some(say.payload),
            _ => None,
        };
        self.take().into_iter().filter_map(said).collect()
    }

    /// What it told the player since the last look.
    pub(crate) fn told(&mut self) -> Vec<Command> {
        let told = |output: Output| match output {
            Output::Player(command) => Some(command),
            _ => None,
        };
        self.take().into_iter().filter_map(told).collect()
    }

    fn drain(&mut self) {
        while let Some(output) = self.participant.poll_output() {
            let probe = match &output {
                Output::Say(say) if say.name == "sync-check" => Some(say.payload["n"].clone()),
                _ => None,
            };
            self.outputs.push(output);
            if let Some(n) = probe.filter(|_| self.answers_probes) {
                let ms = self.server_ms();
                let answer = json!({"roomCode": "ABC12345", "n": n, "t0": 0, "t1": ms, "timestamp": ms});
                let event = parse_server("sync-check", Some(&answer)).expect("sound").expect("known");
                let heard = Input::Signal(SignalNews::Heard(Box::new(event)));
                self.participant.handle_input(self.now, heard);
            }
        }
    }
}
