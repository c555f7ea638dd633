//! Rooms against a second, much simpler model of one: plain lists, and every event that each person hears.
//!
//! The model knows people, roles, heirs, films, chat and calls. All clients here know only the plan, so nothing gates; of
//! starts, which are held for such clients, only the order of anchors is looked at.

#[path = "reference/model.rs"]
mod model;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use model::{Model, Op, PEOPLE, name};
use proptest::prelude::*;
use serde_json::{Value, json};
use signal_proto::event::parse_server;
use signal_proto::ids::{ParticipantId, RoomCode, SocketId, SocketKey};
use signal_proto::lobby::{Input, Lobby, LobbyConfig, Output};
use signal_proto::rng::Rng;
use signal_proto::room::{NoRoom, Setting};
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn everybody_hears_what_a_simple_model_says(ops in proptest::collection::vec(op(), 1..30)) {
        let (mut model, mut real) = (Model::default(), Real::new());
        model.run(Op::Create);
        real.run(Op::Create);
        for op in &ops {
            let expected = model.run(*op);
            let heard = real.run(*op);
            prop_assert_eq!(heard, expected, "after {:?} of {:?}", op, &ops);
            prop_assert_eq!(real.lobby.totals().participants, model.here().count(), "after {:?} of {:?}", op, &ops);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_room_that_moves_to_another_process_after_every_step_goes_on_as_if_it_had_not(
        ops in proptest::collection::vec(op(), 1..30)
    ) {
        let (mut model, mut real) = (Model::default(), Real::new());
        model.run(Op::Create);
        real.run(Op::Create);
        for op in &ops {
            real.move_room();
            let expected = model.run(*op);
            let heard = real.run(*op);
            prop_assert_eq!(heard, expected, "after {:?} of {:?}", op, &ops);
            prop_assert_eq!(real.lobby.totals().participants, model.here().count(), "after {:?} of {:?}", op, &ops);
        }
    }
}

#[test]
fn text_that_is_no_room_of_this_version_is_refused() {
    let mut real = Real::new();
    real.run(Op::Create);
    let key = real.code.as_str().and_then(RoomCode::parse).expect("a code").key();
    let text = real.lobby.keep_room(real.now, &key).expect("it is there");
    real.lobby.drop_room(&key);
    let mut restore = |text: &str| real.lobby.restore_room(real.now, text, Duration::ZERO, |_| SocketKey(0));
    let newer = text.replace("\"version\":1,", "\"version\":2,");
    assert_ne!(newer, text);
    for bad in ["", "{}", "[1]", &newer, &text[..text.len() / 2]] {
        assert_eq!(restore(bad), Err(NoRoom), "{bad}");
    }
    assert_eq!(restore(&text), Ok(key));
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..PEOPLE;
    prop_oneof![
        4 => who().prop_map(Op::Enter),
        2 => who().prop_map(Op::Leave),
        3 => who().prop_map(Op::Lose),
        2 => who().prop_map(Op::Chat),
        2 => (who(), 0..3u8).prop_map(|(who, film)| Op::Film(who, film)),
        1 => who().prop_map(Op::Clear),
        1 => (who(), 0..100u8).prop_map(|(who, time)| Op::Play(who, time)),
        1 => (who(), 0..100u8).prop_map(|(who, time)| Op::Pause(who, time)),
        1 => (who(), 0..100u8).prop_map(|(who, time)| Op::Seek(who, time)),
        2 => (who(), who(), 0..3u8).prop_map(|(who, other, role)| Op::SetRole(who, other, role)),
        1 => (who(), who()).prop_map(|(who, other)| Op::Kick(who, other)),
        1 => who().prop_map(Op::Claim),
        2 => who().prop_map(Op::Call),
        1 => who().prop_map(Op::Hang),
        3 => prop_oneof![Just(1u8), Just(9), Just(11), Just(50), Just(61)].prop_map(Op::Wait),
    ]
}

/// The room of the server, driven by the same operations.
struct Real {
    now: Instant,
    lobby: Lobby,
    code: Value,
    /// Each person's connection, also a lost one, and token.
    sockets: [u64; PEOPLE],
    tokens: [Value; PEOPLE],
    sockets_made: u64,
    actions: u64,
    /// The last anchor that each connection heard of.
    seqs: BTreeMap<u64, u64>,
}

impl Real {
    fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant has no other origin; the rooms only see what is added to it"
        )]
        let now = Instant::now();
        let setting = Setting::usual(ServerClock::new(now, 1_700_000_000_000), Signer::new(b"north"));
        let lobby = Lobby::new(LobbyConfig { setting, limited: false }, Rng::new([3; 32]));
        let tokens = [const { Value::Null }; PEOPLE];
        let (code, sockets, seqs) = (Value::Null, [u64::MAX; PEOPLE], BTreeMap::new());
        Self { now, lobby, code, sockets, tokens, sockets_made: 0, actions: 0, seqs }
    }

    fn run(&mut self, op: Op) -> Vec<(usize, String)> {
        self.actions += 1;
        let action = format!("a{}", self.actions);
        let time = |time: u8| json!({ "time": time, "actionId": action });
        match op {
            Op::Create => {
                let person = json!({ "participantId": name(0), "name": name(0) });
                self.connect(0);
                self.say(0, "create-room", person);
            }
            Op::Enter(who) => {
                let mut person = json!({ "participantId": name(who), "name": name(who), "code": self.code });
                if !self.tokens[who].is_null() {
                    person["sessionToken"] = self.tokens[who].clone();
                }
                self.connect(who);
                self.say(who, "join-room", person);
            }
            Op::Leave(who) => self.say(who, "leave-room", json!({})),
            Op::Lose(who) => self.lobby.handle_input(self.now, Input::Disconnected(SocketKey(self.sockets[who]))),
            Op::Chat(who) => self.say(who, "chat-message", json!({ "text": "hello" })),
            Op::Film(who, film) => {
                let magnet = format!("magnet:?xt=urn:btih:{film}{film}");
                self.say(who, "torrent-magnet", json!({ "magnetURI": magnet }));
            }
            Op::Clear(who) => self.say(who, "media-cleared", json!({})),
            Op::Play(who, at) => self.say(who, "sync-play", time(at)),
            Op::Pause(who, at) => self.say(who, "sync-pause", time(at)),
            Op::Seek(who, at) => self.say(who, "sync-seek", time(at)),
            Op::SetRole(who, other, role) => {
                let role = ["host", "cohost", "viewer"][usize::from(role)];
                self.say(who, "set-role", json!({ "id": name(other), "role": role }));
            }
            Op::Kick(who, other) => self.say(who, "kick", json!({ "id": name(other) })),
            Op::Claim(who) => self.say(who, "claim-host", json!({})),
            Op::Call(who) => self.say(who, "ready-for-connection", json!({})),
            Op::Hang(who) => self.say(who, "leave-call", json!({})),
            Op::Wait(seconds) => self.pass(Duration::from_secs(seconds.into())),
        }
        self.heard()
    }

    /// The room becomes text, is forgotten, and is made of the text again; everybody keeps the connection.
    fn move_room(&mut self) {
        let Some(key) = self.code.as_str().and_then(RoomCode::parse).map(|code| code.key()) else { return };
        let Some(text) = self.lobby.keep_room(self.now, &key) else { return };
        let here = self.lobby.drop_room(&key);
        let socket_of =
            |who: &ParticipantId| here.iter().find(|(_, other)| other == who).expect("who is here has a connection").0;
        let restored = self.lobby.restore_room(self.now, &text, Duration::ZERO, socket_of);
        assert_eq!(restored, Ok(key.clone()));
        assert_eq!(self.lobby.keep_room(self.now, &key), Some(text), "the same text again");
    }

    /// A new connection; an earlier one ends only when it is replaced or lost.
    fn connect(&mut self, who: usize) {
        self.sockets[who] = self.sockets_made;
        self.sockets_made += 1;
        let peer_id = SocketId::new(format!("peer{:03}", self.sockets[who]));
        let address = [192, 0, 2, 1].into();
        self.lobby.handle_input(self.now, Input::Connected { socket: SocketKey(self.sockets[who]), peer_id, address });
    }

    fn say(&mut self, who: usize, event: &str, payload: Value) {
        let (socket, name) = (SocketKey(self.sockets[who]), event.to_owned());
        self.lobby.handle_input(self.now, Input::Event { socket, name, payload: Some(payload), ack: None });
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.lobby.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "a wake in the past");
            self.now = at;
            self.lobby.handle_timeout(at);
            assert!(self.lobby.poll_timeout().is_none_or(|next| next > at), "what was due is done");
        }
        self.now = end;
    }

    fn heard(&mut self) -> Vec<(usize, String)> {
        let mut heard = Vec::new();
        while let Some(output) = self.lobby.poll_output() {
            match output {
                Output::Emit { to, name, payload } => {
                    let understood = parse_server(name, Some(&payload));
                    assert!(matches!(understood, Ok(Some(_))), "a client understands {name}: {understood:?}");
                    for socket in to {
                        self.look(socket.0, name, &payload);
                        // What a replaced connection is told is nobody's any more.
                        let who = self.sockets.iter().position(|own| *own == socket.0);
                        heard.extend(who.zip(told(name, &payload)));
                    }
                }
                Output::Ack { .. } => panic!("nobody asked"),
                Output::Close(socket) => self.lobby.handle_input(self.now, Input::Disconnected(socket)),
            }
        }
        heard.sort_by_key(|(who, _)| *who);
        heard
    }

    fn look(&mut self, socket: u64, name: &str, payload: &Value) {
        if let Some(token) = payload.get("sessionToken")
            && let Some(who) = self.sockets.iter().position(|own| *own == socket)
        {
            self.tokens[who] = token.clone();
        }
        if name == "room-created" {
            self.code = payload["room"]["code"].clone();
        }
        if let Some(seq) = payload.get("seq").and_then(Value::as_u64) {
            let last = self.seqs.insert(socket, seq).unwrap_or(0);
            assert!(last <= seq, "{name}: anchor {seq} after {last}");
        }
    }
}

/// An event in the model's words; `None` for what it does not speak of.
fn told(name: &str, payload: &Value) -> Option<String> {
    let text = |field: &str| payload[field].as_str().unwrap_or("nobody").to_owned();
    let shown = |person: &Value| {
        let flag = |field: &str, word| if person[field] == true { word } else { "" };
        let text = |field: &str| person[field].as_str().unwrap_or("?").to_owned();
        format!("{} {}{}{}", text("id"), text("role"), flag("away", " away"), flag("inCall", " calls"))
    };
    Some(match name {
        "room-joined" if payload["success"] == true => {
            format!(
                "in as {} of {}",
                payload["room"]["role"].as_str()?,
                payload["room"]["host"].as_str().unwrap_or("nobody")
            )
        }
        "participant-list" => {
            let people: Vec<String> = payload["participants"].as_array()?.iter().map(shown).collect();
            format!("people {}", people.join(", "))
        }
        "chat-history" => format!("{} messages", payload["messages"].as_array()?.len()),
        "participant-joined" => format!("joined {}", shown(payload)),
        "participant-updated" => format!("now {}", shown(payload)),
        "participant-left" => format!("left {}", text("id")),
        "host-away" => format!("host away {}", text("id")),
        "host-changed" => format!("host {} after {}", text("id"), text("previous")),
        "chat-message" => format!("{} by {} {}", text("id"), text("senderId"), text("senderRole")),
        "torrent-magnet" => format!("film {} epoch {}", text("magnetURI"), payload["epoch"]),
        "media-cleared" => format!("no film epoch {}", payload["epoch"]),
        "sync-pause" => format!("pause {}", payload["time"]),
        "sync-seek" => format!("seek {}", payload["time"]),
        "start-webrtc" => format!("call {} {}", text("id"), payload["initiator"]),
        "peer-left" => format!("call without {}", text("id")),
        "error" => format!("error {}", text("code")),
        _ => return None,
    })
}
