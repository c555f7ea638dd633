//! What rooms cost the signalling server: coming in, being told of others, playing in step, chat, rooms that come and go.
//!
//! With everything up to the frames that a driver writes: each event is encoded, and copied for each who hears it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::criterion;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use serde_json::{Value, json};
use signal_proto::engineio::{self, Message};
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::lobby::{Input, Lobby, LobbyConfig, Output};
use signal_proto::rng::Rng;
use signal_proto::room::Setting;
use signal_proto::socketio::event_message;
use signal_proto::time::ServerClock;
use signal_proto::token::Signer;

/// More than rooms have by default: what load tests ask for.
const MEMBERS_MAX: usize = 1000;

/// Short, so that rooms come and go without much else to wake for.
const ROOM_IDLE: Duration = Duration::from_secs(1);

fn main() {
    let mut criterion = criterion();
    joins(&mut criterion);
    relays(&mut criterion);
    churn(&mut criterion);
    criterion.final_summary();
}

fn joins(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("room/join");
    group.throughput(Throughput::Elements(1));
    // The one who makes the room so large.
    for members in [10, 64, MEMBERS_MAX] {
        group.bench_function(BenchmarkId::new("as number", members), |b| {
            let mut cinema = Cinema::of(members - 1);
            b.iter_custom(|count| {
                let mut took = Duration::ZERO;
                for _ in 0..count {
                    let guest = cinema.connect();
                    let began = Instant::now();
                    cinema.join(guest);
                    took += began.elapsed();
                    cinema.leave(guest);
                }
                took
            });
        });
    }
    group.sample_size(10).throughput(Throughput::Elements(MEMBERS_MAX as u64));
    group.bench_function(format!("{MEMBERS_MAX} one after another"), |b| {
        b.iter_batched(|| (), |()| Cinema::of(MEMBERS_MAX), BatchSize::PerIteration);
    });
    group.finish();
}

fn relays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("room/relay");
    for members in [10, MEMBERS_MAX] {
        group.throughput(Throughput::Elements(members as u64));
        group.bench_function(BenchmarkId::new("play and pause", members), |b| {
            let mut cinema = Cinema::of(members);
            b.iter(|| {
                cinema.act(HOST, "sync-play", 60.0);
                cinema.act(HOST, "sync-pause", 60.0);
            });
        });
        group.bench_function(BenchmarkId::new("chat", members), |b| {
            let mut cinema = Cinema::of(members);
            let payload = json!({ "text": "Did you hear that, too? It came from the attic." });
            b.iter(|| cinema.say(HOST, "chat-message", payload.clone()));
        });
    }
    group.finish();
}

fn churn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("room");
    group.throughput(Throughput::Elements(1));
    group.bench_function("create and leave among 10,000", |b| {
        let mut cinema = Cinema::new();
        for _ in 0..10_000 {
            cinema.create();
        }
        b.iter(|| {
            let host = cinema.create();
            cinema.leave(host);
            cinema.wait_for_the_end();
        });
    });
    group.finish();
}

/// Who opened the room of [`Cinema::of`].
const HOST: SocketKey = SocketKey(0);

/// A server, and the room that was opened last.
struct Cinema {
    now: Instant,
    lobby: Lobby,
    code: Value,
    sockets: u64,
    actions: u64,
    /// Bytes written, so that no work is for nothing.
    written: usize,
}

impl Cinema {
    fn new() -> Self {
        let now = Instant::now();
        let mut setting = Setting::usual(ServerClock::new(now, 1_700_000_000_000), Signer::new(b"north"));
        setting.members_max = MEMBERS_MAX;
        setting.room_idle = ROOM_IDLE;
        let lobby = Lobby::new(LobbyConfig { setting, limited: false }, Rng::new([7; 32]));
        Self { now, lobby, code: Value::Null, sockets: 0, actions: 0, written: 0 }
    }

    /// A room of so many people. It has no film, so nobody is waited for.
    fn of(members: usize) -> Self {
        let mut cinema = Self::new();
        cinema.create();
        for _ in 1..members {
            let guest = cinema.connect();
            cinema.join(guest);
        }
        cinema
    }

    fn connect(&mut self) -> SocketKey {
        let socket = SocketKey(self.sockets);
        self.sockets += 1;
        let peer_id = SocketId::new(format!("{:020}", socket.0));
        let address = [192, 0, 2, 1].into();
        self.input(Input::Connected { socket, peer_id, address });
        socket
    }

    fn create(&mut self) -> SocketKey {
        let host = self.connect();
        self.say(host, "create-room", person(host));
        host
    }

    fn join(&mut self, guest: SocketKey) {
        let mut payload = person(guest);
        payload["code"] = self.code.clone();
        self.say(guest, "join-room", payload);
    }

    fn leave(&mut self, guest: SocketKey) {
        self.say(guest, "leave-room", json!({}));
        self.input(Input::Disconnected(guest));
    }

    /// Empty rooms go after a while.
    fn wait_for_the_end(&mut self) {
        self.now += ROOM_IDLE;
        self.lobby.handle_timeout(self.now);
        self.write();
    }

    fn act(&mut self, who: SocketKey, name: &str, time: f64) {
        self.actions += 1;
        self.say(who, name, json!({ "time": time, "actionId": self.actions.to_string() }));
    }

    fn say(&mut self, socket: SocketKey, name: &str, payload: Value) {
        self.input(Input::Event { socket, name: name.to_owned(), payload: Some(payload), ack: None });
    }

    fn input(&mut self, input: Input) {
        self.lobby.handle_input(self.now, input);
        self.write();
    }

    /// What a driver does, but for the sockets.
    fn write(&mut self) {
        while let Some(output) = self.lobby.poll_encoded() {
            let Output::Emit { to, name, payload } = output else { continue };
            if name == "room-created" {
                self.code = payload.value()["room"]["code"].clone();
            }
            let message = event_message(name, &payload);
            for _ in to {
                self.written += frame_len(message.clone());
            }
        }
        black_box(self.written);
    }
}

fn frame_len(message: Message) -> usize {
    match engineio::Packet::Message(message).into_frame() {
        engineio::Frame::Text(text) => text.len(),
        engineio::Frame::Binary(bytes) => bytes.len(),
    }
}

fn person(socket: SocketKey) -> Value {
    json!({
        "participantId": format!("flutter_{:013}", socket.0),
        "name": format!("Guest {}", socket.0),
        "capabilities": { "sync": 2, "version": 1, "nativePlayback": true, "webrtc": true },
    })
}
