//! The signalling server's rooms: any operations of any people, and what must hold after each.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use signal_proto::event::parse_server;
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::lobby::{Input, Lobby, LobbyConfig, Output};
use signal_proto::rng::Rng;
use signal_proto::room::Setting;
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

/// People at the door at most.
const SOCKETS: u8 = 6;

const EVENTS: [&str; 38] = [
    "create-room",
    "join-room",
    "leave-room",
    "torrent-magnet",
    "movie-loaded",
    "media-cleared",
    "sync-play",
    "sync-pause",
    "sync-seek",
    "sync-check",
    "sync-report",
    "sync-correct",
    "ready-state",
    "set-rate",
    "start-anyway",
    "watch-reports",
    "set-spectating",
    "start-webrtc",
    "offer",
    "answer",
    "ice-candidate",
    "ready-for-connection",
    "call-state",
    "leave-call",
    "get-ice-servers",
    "subtitle-shared",
    "chat-message",
    "claim-host",
    "set-control-mode",
    "set-role",
    "kick",
    "lock-room",
    "set-policy",
    "end-room",
    "join-room",
    "sync-play",
    "ready-state",
    "no-such-event",
];

/// Each operation is a byte for what, one for who, one for how; a payload may follow as JSON of its own up to a newline.
pub fn lobby(bytes: &[u8]) {
    let mut scene = Scene::new(bytes.first().is_some_and(|first| first & 1 == 1));
    let mut rest = bytes.get(1..).unwrap_or_default();
    while let [what, who, how, after @ ..] = rest {
        rest = after;
        scene.step(*what, *who % SOCKETS, *how, &mut rest);
        scene.check();
    }
}

struct Scene {
    now: Instant,
    lobby: Lobby,
    connected: [bool; SOCKETS as usize],
    /// What a client would know: its room's code and its tokens.
    code: Value,
    tokens: Vec<Value>,
}

impl Scene {
    fn new(limited: bool) -> Self {
        // Nothing depends on when it is, only on how much time goes by.
        let now = Instant::now();
        let setting = Setting::usual(ServerClock::new(now, 1_700_000_000_000), Signer::new(b"north"));
        let lobby = Lobby::new(LobbyConfig { setting, limited }, Rng::new([7; 32]));
        Self { now, lobby, connected: [false; SOCKETS as usize], code: json!("ABC12345"), tokens: Vec::new() }
    }

    fn step(&mut self, what: u8, who: u8, how: u8, rest: &mut &[u8]) {
        let socket = SocketKey(who.into());
        let input = match what {
            0xf0..=0xf7 => return self.pass(Duration::from_millis(1 << (how % 23))),
            0xf8 | 0xf9 => Input::RoundTrip(socket, Duration::from_millis(u64::from(how) * 16)),
            0xfa..=0xfc => {
                self.connected[usize::from(who)] = false;
                Input::Disconnected(socket)
            }
            0xfd => return self.forget(),
            0xfe if how == 0xfe => Input::Drain { retry_after: Duration::from_secs(5) },
            event => {
                self.connect(who);
                let name = EVENTS[usize::from(event) % EVENTS.len()].to_owned();
                let payload = Some(self.payload(how, rest));
                Input::Event { socket, name, payload, ack: (how & 1 == 1).then_some(1) }
            }
        };
        self.lobby.handle_input(self.now, input);
    }

    fn connect(&mut self, who: u8) {
        if !std::mem::replace(&mut self.connected[usize::from(who)], true) {
            let peer_id = SocketId::new(format!("peer{who}"));
            let address = [192, 0, 2, who].into();
            self.lobby.handle_input(self.now, Input::Connected { socket: SocketKey(who.into()), peer_id, address });
        }
    }

    /// All fields of all events with values that fit, and what the case itself says instead.
    fn payload(&self, how: u8, rest: &mut &[u8]) -> Value {
        let name = ["ann", "bea", "cem", "dan"][usize::from(how >> 1 & 3)];
        let number = u64::from(how >> 3);
        let pick = |words: &[&str]| words[usize::from(how >> 3) % words.len()].to_owned();
        let mut payload = json!({
            "participantId": name, "name": name, "id": name, "to": name, "peerId": format!("peer{}", how >> 1 & 3),
            "capabilities": { "sync": how >> 1 & 2 }, "code": self.code, "requestedCode": "ABC12345",
            "magnetURI": format!("magnet:?xt=urn:btih:{:x}", how >> 6), "magnet": "magnet:?xt=urn:btih:a",
            "time": number * 10, "actionId": number.to_string(), "playbackTime": number, "duration": 600,
            "playing": how & 8 == 8, "epoch": how >> 6, "seq": number, "ready": how & 8 == 8, "on": how & 8 == 8,
            "rate": 1.0 + f64::from(how >> 6) / 4.0, "initiator": true, "audio": true, "video": false, "text": "hello",
            "offer": {}, "answer": {}, "candidate": {}, "locked": how & 16 == 16, "mode": pick(&["host", "everyone"]),
            "role": pick(&["host", "cohost", "viewer"]), "wait": pick(&["auto", "wait", "flow"]),
            "hostLeft": pick(&["continue", "pause"]),
        });
        if how & 32 == 32 && !self.tokens.is_empty() {
            payload["sessionToken"] = self.tokens[usize::from(how >> 1) % self.tokens.len()].clone();
            payload["snapshot"] = json!({
                "epoch": how >> 6, "seq": number, "playing": how & 8 == 8, "position": number, "age": number * 1000,
                "magnet": "magnet:?xt=urn:btih:a", "kicked": ["dan"],
            });
        }
        if rest.first() == Some(&b'{') {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let own = serde_json::from_slice::<Map<String, Value>>(&rest[..end]).unwrap_or_default();
            *rest = rest.get(end + 1..).unwrap_or_default();
            own.into_iter().for_each(|(field, value)| payload[field] = value);
        }
        payload
    }

    /// The server starts anew, and so do all connections.
    fn forget(&mut self) {
        let (code, tokens) = (self.code.clone(), std::mem::take(&mut self.tokens));
        *self = Self { now: self.now, code, tokens, ..Self::new(true) };
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        // A playing room wakes every five seconds; a day of that is enough.
        for _ in 0..20_000 {
            let Some(at) = self.lobby.poll_timeout().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.lobby.handle_timeout(self.now);
            let next = self.lobby.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "what was due is done");
            self.check();
        }
        self.now = self.now.max(end);
        self.lobby.handle_timeout(self.now);
    }

    fn check(&mut self) {
        while let Some(output) = self.lobby.poll_output() {
            match output {
                Output::Emit { to, name, payload } => {
                    let understood = parse_server(name, Some(&payload));
                    assert!(matches!(understood, Ok(Some(_))), "a client understands {name}: {understood:?}");
                    let once: BTreeSet<SocketKey> = to.iter().copied().collect();
                    assert!(!to.is_empty() && once.len() == to.len(), "{name} goes once to each of {to:?}");
                    self.look(name, &payload);
                }
                Output::Ack { payload, .. } => assert!(payload.is_object()),
                // The driver ends it, and says so.
                Output::Close(socket) => {
                    let who = usize::try_from(socket.0).expect("one of ours");
                    self.connected[who] = false;
                    self.lobby.handle_input(self.now, Input::Disconnected(socket));
                }
            }
        }
        let totals = self.lobby.totals();
        assert!(totals.participants <= totals.sockets && totals.sockets <= usize::from(SOCKETS), "{totals:?}");
        assert!(totals.participants == 0 || totals.rooms > 0, "{totals:?}");
        assert_eq!(totals.rooms == 0, self.lobby.poll_timeout().is_none(), "rooms have an end, and nothing else wakes");
    }

    fn look(&mut self, name: &str, payload: &Value) {
        if let Some(token) = payload.get("sessionToken") {
            self.tokens.push(token.clone());
            self.tokens.truncate(16);
        }
        if let Some(room) = payload.get("room") {
            self.code = room["code"].clone();
        }
        let people = payload.get("participants").or_else(|| payload["room"].get("participants"));
        if let Some(people) = people.and_then(Value::as_array).filter(|_| name != "room-updated") {
            let hosts = people.iter().filter(|person| person["role"] == "host").count();
            assert!(hosts <= 1, "one host at most: {people:?}");
            let mut ids: Vec<&str> = people.iter().filter_map(|person| person["id"].as_str()).collect();
            ids.sort_unstable();
            assert!(ids.is_sorted_by(|a, b| a < b), "everybody once: {ids:?}");
        }
        if let Some(time) = payload.get("time").and_then(Value::as_f64) {
            assert!(time >= 0.0, "{name} is within the film");
        }
    }
}
