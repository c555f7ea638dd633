//! Rooms as their clients see them: events in, events out.

use super::*;
use crate::event::{ServerEvent, parse_server};
use crate::room::TurnAuth;
use crate::testing::start;
use crate::time::ServerClock;
use crate::token::Signer;

mod again;
mod calls;
mod doors;
mod hosts;
mod playing;
mod understood;

const S: Duration = Duration::from_secs(1);

/// A server and its clients, by number.
struct Scene {
    now: Instant,
    lobby: Lobby,
    /// What each heard and has not been asked about.
    heard: BTreeMap<u64, VecDeque<(String, Value)>>,
    acks: VecDeque<(u64, u64, Value)>,
    closed: Vec<u64>,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut LobbyConfig)) -> Self {
        let now = start();
        let clock = ServerClock::new(now, 1_700_000_000_000);
        let mut config = LobbyConfig { setting: Setting::usual(clock, Signer::new(b"north")), limited: true };
        change(&mut config);
        let (heard, acks, closed) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        Self { now, lobby: Lobby::new(config, Rng::new([9; 32])), heard, acks, closed }
    }

    /// A server that forgot everything but its key.
    fn restart(&mut self) {
        let clock = ServerClock::new(self.now, 1_700_000_500_000);
        let config = LobbyConfig { setting: Setting::usual(clock, Signer::new(b"north")), limited: true };
        self.lobby = Lobby::new(config, Rng::new([10; 32]));
        self.heard.clear();
    }

    fn connect(&mut self, socket: u64) {
        self.connect_from(socket, &format!("198.51.100.{}", socket % 250));
    }

    fn connect_from(&mut self, socket: u64, address: &str) {
        let peer_id = SocketId::new(format!("peer{socket:02}"));
        let address = address.parse().unwrap();
        self.input(Input::Connected { socket: SocketKey(socket), peer_id, address });
    }

    fn input(&mut self, input: Input) {
        self.lobby.handle_input(self.now, input);
        self.take_outputs();
    }

    fn take_outputs(&mut self) {
        while let Some(output) = self.lobby.poll_output() {
            match output {
                Output::Emit { to, name, payload } => {
                    let understood = parse_server(name, Some(&payload));
                    assert!(matches!(understood, Ok(Some(_))), "a client understands {name}: {understood:?}");
                    for socket in to {
                        self.heard.entry(socket.0).or_default().push_back((name.to_owned(), payload.clone()));
                    }
                }
                Output::Ack { to, ack, payload } => self.acks.push_back((to.0, ack, payload)),
                Output::Close(socket) => self.closed.push(socket.0),
            }
        }
    }

    fn say(&mut self, socket: u64, name: &str, payload: Value) {
        let (socket, name) = (SocketKey(socket), name.to_owned());
        self.input(Input::Event { socket, name, payload: Some(payload), ack: None });
    }

    /// The answer to an event, as its acknowledgement has it.
    fn ask(&mut self, socket: u64, name: &str, payload: Value) -> Value {
        let (key, name) = (SocketKey(socket), name.to_owned());
        self.input(Input::Event { socket: key, name, payload: Some(payload), ack: Some(77) });
        let (to, ack, answer) = self.acks.pop_front().expect("acknowledged");
        assert_eq!((to, ack), (socket, 77));
        answer
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.lobby.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.lobby.handle_timeout(self.now);
            self.take_outputs();
        }
        self.now = end;
    }

    fn lose(&mut self, socket: u64) {
        self.input(Input::Disconnected(SocketKey(socket)));
    }

    /// A room of one; says its code and the host's token.
    fn create(&mut self, socket: u64, name: &str) -> (String, String) {
        self.connect(socket);
        let created = self.ask(socket, "create-room", person(name));
        assert_eq!(created["success"], true, "{created}");
        self.forget(socket);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&created["room"]["code"]), text(&created["sessionToken"]))
    }

    fn join(&mut self, socket: u64, name: &str, code: &str) -> Value {
        self.connect(socket);
        self.enter(socket, with(person(name), json!({ "code": code })))
    }

    fn enter(&mut self, socket: u64, payload: Value) -> Value {
        self.ask(socket, "join-room", payload)
    }

    /// Everything somebody heard since, and forgets it.
    fn all(&mut self, socket: u64) -> Vec<(String, Value)> {
        self.heard.remove(&socket).unwrap_or_default().into()
    }

    fn names(&mut self, socket: u64) -> Vec<String> {
        self.all(socket).into_iter().map(|(name, _)| name).collect()
    }

    fn forget(&mut self, socket: u64) {
        self.heard.remove(&socket);
    }

    fn forget_all(&mut self) {
        self.heard.clear();
        self.acks.clear();
    }

    /// The last event of a name that somebody heard.
    fn last(&self, socket: u64, name: &str) -> Option<Value> {
        let heard = self.heard.get(&socket)?;
        heard.iter().rev().find(|(known, _)| known == name).map(|(_, payload)| payload.clone())
    }

    /// The same, as its client reads it.
    fn last_read(&self, socket: u64, name: &str) -> ServerEvent {
        let told = self.last(socket, name).expect("heard");
        parse_server(name, Some(&told)).expect("sound").expect("known")
    }

    fn heard(&self, socket: u64, name: &str) -> usize {
        self.heard.get(&socket).map_or(0, |heard| heard.iter().filter(|(known, _)| known == name).count())
    }
}

/// Somebody whose client knows scheduled starts.
fn person(name: &str) -> Value {
    json!({ "participantId": name, "name": name.to_uppercase(), "capabilities": { "sync": 2 } })
}

/// Somebody whose client knows the plan alone.
fn planner(name: &str) -> Value {
    json!({ "participantId": name, "name": name, "capabilities": { "nativePlayback": true } })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write json! in place")]
fn with(mut payload: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        payload[key] = value.clone();
    }
    payload
}
