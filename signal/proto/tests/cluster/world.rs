//! Three processes, a store between them, and people who chat: on virtual time, from a seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal_proto::cluster::{Input, Node, NodeId, Output, StoreRequest};
use signal_proto::engineio::Message;
use signal_proto::ids::{RoomCode, RoomKey, SocketId, SocketKey};
use signal_proto::lobby::{self, Lobby, LobbyConfig};
use signal_proto::rng::Rng;
use signal_proto::room::Setting;
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

use super::store::Store;

pub(crate) const PEOPLE: [&str; 6] = ["ann", "bea", "cem", "dan", "eve", "fay"];
/// People come back so long after their connection broke.
const COME_BACK: Duration = Duration::from_millis(700);
const CODE: &str = "MOVIENIGHT";

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    store: Store,
    store_down_until: Option<Instant>,
    pub(crate) processes: Vec<Process>,
    pub(crate) people: Vec<Person>,
    key: RoomKey,
    next_id: u64,
    /// What each heard of each: the number of the last message, and when it came.
    pub(crate) heard: BTreeMap<(usize, usize), (u64, Instant)>,
    /// People cut by a process that went on living.
    pub(crate) cut: u64,
}

pub(crate) struct Process {
    pub(crate) node: Option<Node>,
    id: NodeId,
    paused_until: Option<Instant>,
    /// To the store, in order.
    out: VecDeque<(Instant, Sent)>,
    /// From the store, in order.
    into: VecDeque<(Instant, Input)>,
}

enum Sent {
    Ask(StoreRequest),
    Post(NodeId, String),
}

pub(crate) struct Person {
    /// At which process, by which connection.
    pub(crate) at: Option<(usize, SocketKey)>,
    back_at: Option<Instant>,
    pub(crate) token: Value,
    pub(crate) is_in: bool,
    pub(crate) said: u64,
    pub(crate) answers: Vec<Value>,
    refusals: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant has no other origin; nodes only see what is added to it"
        )]
        let now = Instant::now();
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let people = PEOPLE.map(|_| Person {
            at: None,
            back_at: None,
            token: Value::Null,
            is_in: false,
            said: 0,
            answers: Vec::new(),
            refusals: Vec::new(),
        });
        let key = RoomCode::parse(CODE).expect("a code").key();
        let mut world = Self {
            now,
            rng: Rng::new(bytes),
            store: Store::new(now),
            store_down_until: None,
            processes: Vec::new(),
            people: people.into(),
            key,
            next_id: 0,
            heard: BTreeMap::new(),
            cut: 0,
        };
        for _ in 0..3 {
            let process = world.process();
            world.processes.push(process);
        }
        world.run(Duration::from_secs(4));
        for person in 0..PEOPLE.len() {
            world.connect(person, person % 3);
            world.run(Duration::from_millis(500));
        }
        world.run(Duration::from_secs(1));
        assert!(world.people.iter().all(|person| person.is_in), "everybody is in");
        world
    }

    fn process(&mut self) -> Process {
        self.next_id += 1;
        let id = NodeId(self.next_id);
        let skew = i64::try_from(self.rng.below(50)).expect("small");
        let setting = Setting::usual(ServerClock::new(self.now, 1_700_000_000_000 + skew), Signer::new(b"north"));
        let mut seed = [1; 32];
        seed[0] = u8::try_from(self.next_id % 250).expect("small");
        let lobby = Lobby::new(LobbyConfig { setting, limited: false }, Rng::new(seed));
        let node = Some(Node::new(self.now, id, lobby, Rng::new(seed)));
        Process { node, id, paused_until: None, out: VecDeque::new(), into: VecDeque::new() }
    }

    fn delay(&mut self) -> Duration {
        let slow = if self.rng.below(20) == 0 { 150 } else { 10 };
        Duration::from_millis(1 + self.rng.below(slow))
    }

    /// Time passes in steps of a few milliseconds; in each, who is awake does what is due.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(5);
            self.step();
        }
    }

    fn step(&mut self) {
        self.carry_to_store();
        for index in 0..self.processes.len() {
            let process = &mut self.processes[index];
            if process.paused_until.is_some_and(|until| self.now < until) {
                continue;
            }
            process.paused_until = None;
            while process.into.front().is_some_and(|(at, _)| *at <= self.now)
                && let Some((_, input)) = process.into.pop_front()
            {
                if let Some(node) = &mut process.node {
                    node.handle_input(self.now, input);
                }
            }
            if let Some(node) = &mut process.node
                && node.poll_timeout().is_some_and(|at| at <= self.now)
            {
                node.handle_timeout(self.now);
            }
            self.take_outputs(index);
        }
        for person in 0..self.people.len() {
            if self.people[person].back_at.is_some_and(|at| at <= self.now) {
                let living: Vec<usize> = (0..3).filter(|index| self.processes[*index].node.is_some()).collect();
                let chosen = usize::try_from(self.rng.below(living.len() as u64)).expect("small");
                self.connect(person, living[chosen]);
            }
        }
        let owners: Vec<NodeId> = self
            .processes
            .iter()
            .filter_map(|it| it.node.as_ref())
            .filter(|node| node.owns(self.now, &self.key))
            .map(Node::id)
            .collect();
        assert!(owners.len() <= 1, "two owners at once: {owners:?}");
    }

    fn carry_to_store(&mut self) {
        if self.store_down_until.is_some_and(|until| self.now < until) {
            return;
        }
        self.store_down_until = None;
        for index in 0..self.processes.len() {
            let from = self.processes[index].id;
            while self.processes[index].out.front().is_some_and(|(at, _)| *at <= self.now)
                && let Some((_, sent)) = self.processes[index].out.pop_front()
            {
                let (to, input) = match sent {
                    Sent::Ask(request) => match self.store.answer(self.now, from, request) {
                        Some(answer) => (from, Input::Store(answer)),
                        None => continue,
                    },
                    Sent::Post(to, letter) => (to, Input::Letter(letter)),
                };
                let delay = self.delay();
                if let Some(to) = self.processes.iter_mut().find(|process| process.id == to) {
                    // In order, like everything of one connection.
                    let at = to.into.back().map_or(self.now + delay, |(last, _)| (*last).max(self.now + delay));
                    to.into.push_back((at, input));
                }
            }
        }
    }

    fn take_outputs(&mut self, index: usize) {
        while let Some(output) = self.processes[index].node.as_mut().and_then(Node::poll_output) {
            let sent = match output {
                Output::Send { to, message } => {
                    to.into_iter().for_each(|socket| self.hear(index, socket, &message));
                    continue;
                }
                Output::Close(socket) => {
                    if let Some(person) = self.person_at(index, socket) {
                        self.cut += 1;
                        self.lose(person);
                    }
                    continue;
                }
                Output::Store(request) => Sent::Ask(request),
                Output::Post { to, letter } => Sent::Post(to, letter),
            };
            let delay = self.delay();
            let out = &mut self.processes[index].out;
            let at = out.back().map_or(self.now + delay, |(last, _)| (*last).max(self.now + delay));
            out.push_back((at, sent));
        }
    }

    fn person_at(&self, index: usize, socket: SocketKey) -> Option<usize> {
        self.people.iter().position(|person| person.at == Some((index, socket)))
    }

    fn hear(&mut self, index: usize, socket: SocketKey, message: &Message) {
        let Some(person) = self.person_at(index, socket) else { return };
        let Message::Text(text) = message else { panic!("rooms say text") };
        if let Some(answer) = text.strip_prefix("31[") {
            let answer = serde_json::from_str(answer.trim_end_matches(']')).expect("JSON");
            self.people[person].answers.push(answer);
            return;
        }
        let Some(event) = text.strip_prefix('2') else { return };
        let event: Value = serde_json::from_str(event).expect("an event");
        let payload = &event[1];
        match event[0].as_str().expect("a name") {
            "room-created" | "room-joined" => {
                if payload["success"] == true {
                    assert_eq!(payload["participantId"], PEOPLE[person], "everybody keeps the name");
                    let role = if person == 0 { "host" } else { "viewer" };
                    assert_eq!(payload["room"]["role"], role, "{} keeps the role", PEOPLE[person]);
                    self.people[person].token = payload["sessionToken"].clone();
                    self.people[person].is_in = true;
                } else {
                    assert!(matches!(payload["code"].as_str(), Some("S012" | "S010")), "{payload}");
                    self.lose(person);
                }
            }
            "error" => {
                let code = payload["code"].as_str().expect("a code").to_owned();
                self.people[person].refusals.push(code);
            }
            "participant-left" => panic!("{payload} lost its place"),
            "host-changed" => panic!("the host is another: {payload}"),
            "chat-message" => {
                let sender = PEOPLE.iter().position(|name| payload["senderId"] == *name).expect("somebody");
                let number = payload["text"].as_str().and_then(|text| text.parse().ok()).expect("a number");
                let last = self.heard.insert((person, sender), (number, self.now));
                assert!(last.is_none_or(|(last, _)| last < number), "{number} of {sender} after {last:?}");
            }
            _ => {}
        }
    }

    /// The codes of everything that was refused somebody.
    pub(crate) fn refusals(&self, person: usize) -> &[String] {
        &self.people[person].refusals
    }

    pub(crate) fn connect(&mut self, person: usize, index: usize) {
        self.connect_for(person, index, CODE);
    }

    /// Somebody comes by a new connection and asks for a room.
    pub(crate) fn connect_for(&mut self, person: usize, index: usize, code: &str) {
        self.next_id += 1;
        let socket = SocketKey(self.next_id);
        let who = &mut self.people[person];
        (who.at, who.back_at, who.is_in) = (Some((index, socket)), None, false);
        let peer_id = SocketId::new(format!("peer{}", self.next_id));
        self.input(person, lobby::Input::Connected { socket, peer_id, address: [192, 0, 2, 1].into() });
        let mut payload = json!({ "participantId": PEOPLE[person], "name": PEOPLE[person] });
        let who = &self.people[person];
        if person == 0 && who.token.is_null() {
            payload["requestedCode"] = CODE.into();
            return self.say(person, "create-room", payload, None);
        }
        payload["code"] = code.into();
        if !who.token.is_null() {
            payload["sessionToken"] = who.token.clone();
        }
        self.say(person, "join-room", payload, None);
    }

    pub(crate) fn say(&mut self, person: usize, name: &str, payload: Value, ack: Option<u64>) {
        let Some((_, socket)) = self.people[person].at else { return };
        self.input(person, lobby::Input::Event { socket, name: name.to_owned(), payload: Some(payload), ack });
    }

    /// Everybody who is in says the next number.
    pub(crate) fn chat(&mut self) {
        for person in 0..self.people.len() {
            if self.people[person].is_in {
                self.people[person].said += 1;
                let number = self.people[person].said;
                self.say(person, "chat-message", json!({ "text": number.to_string() }), None);
            }
        }
    }

    /// A process that is paused hears its people later, in order.
    fn input(&mut self, person: usize, input: lobby::Input) {
        let Some((index, _)) = self.people[person].at else { return };
        self.processes[index].local(self.now, input);
    }

    fn lose(&mut self, person: usize) {
        let Some((index, socket)) = self.people[person].at.take() else { return };
        let who = &mut self.people[person];
        (who.back_at, who.is_in) = (Some(self.now + COME_BACK), false);
        self.processes[index].local(self.now, lobby::Input::Disconnected(socket));
    }

    /// A process ends without a word, and another begins in its place.
    pub(crate) fn crash(&mut self, index: usize) {
        self.processes[index].node = None;
        for person in 0..self.people.len() {
            if self.people[person].at.is_some_and(|(at, _)| at == index) {
                self.lose(person);
            }
        }
    }

    pub(crate) fn start(&mut self, index: usize) {
        if self.processes[index].node.is_none() {
            self.processes[index] = self.process();
        }
    }

    pub(crate) fn pause(&mut self, index: usize, time: Duration) {
        self.processes[index].paused_until = Some(self.now + time);
    }

    /// The store does not answer; nothing is lost.
    pub(crate) fn store_away(&mut self, time: Duration) {
        self.store_down_until = Some(self.now + time);
    }

    /// The store begins anew and knows nothing.
    pub(crate) fn forget_store(&mut self) {
        self.store = Store::new(self.now);
    }

    pub(crate) fn owner(&self) -> Option<usize> {
        let owns = |process: &Process| process.node.as_ref().is_some_and(|node| node.owns(self.now, &self.key));
        self.processes.iter().position(owns)
    }
}

impl Process {
    fn local(&mut self, now: Instant, input: lobby::Input) {
        match &mut self.node {
            Some(node) if self.paused_until.is_none_or(|until| until <= now) => {
                node.handle_input(now, Input::Local(input));
            }
            Some(_) | None => self.into.push_back((now, Input::Local(input))),
        }
    }
}
