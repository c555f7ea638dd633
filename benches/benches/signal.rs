//! What a signalling server pays for a message, both ways: Engine.IO's packets and bodies, Socket.IO's events, acknowledgements
//! and attachments.

use std::hint::black_box;

use benches::criterion;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use serde_json::{Value, json};
use signal_proto::engineio::packet::{decode_payload, encode_payload};
use signal_proto::engineio::{self, Message};
use signal_proto::limits::PAYLOAD_LEN_MAX;
use signal_proto::socketio::{Args, Decoder, Packet};

fn main() {
    let mut criterion = criterion();
    engineio(&mut criterion);
    socketio(&mut criterion);
    attachments(&mut criterion);
    criterion.final_summary();
}

fn engineio(criterion: &mut Criterion) {
    let frame = format!("4{}", play_text());
    let message = || engineio::Packet::Message(Message::Text(play_text()));
    let mut group = criterion.benchmark_group("engineio");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode a text frame", |b| {
        b.iter(|| engineio::Packet::decode_text(black_box(&frame)));
    });
    group.bench_function("encode a text frame", |b| {
        b.iter_batched(message, engineio::Packet::into_frame, BatchSize::SmallInput);
    });
    for count in [1, 16] {
        let body = encode_payload((0..count).map(|_| message()));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("decode a body of {count}"), |b| {
            b.iter(|| decode_payload(black_box(body.as_bytes()), PAYLOAD_LEN_MAX));
        });
        group.bench_function(format!("encode a body of {count}"), |b| {
            b.iter_batched(|| vec![message(); count], encode_payload, BatchSize::SmallInput);
        });
    }
    let binary = || engineio::Packet::Message(Message::Binary(Bytes::from(vec![0x5a; 16 * 1024])));
    let body = encode_payload([binary()]);
    group.throughput(Throughput::Bytes(16 * 1024));
    group.bench_function("decode 16 KiB of binary in a body", |b| {
        b.iter(|| decode_payload(black_box(body.as_bytes()), PAYLOAD_LEN_MAX));
    });
    group.bench_function("encode 16 KiB of binary in a body", |b| {
        b.iter_batched(|| [binary()], encode_payload, BatchSize::SmallInput);
    });
    group.finish();
}

fn socketio(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("socketio");
    // The smallest event that is often sent, a join, and a session description, the largest that is.
    for (name, payload) in [("sync-play", play()), ("join-room", join()), ("offer", offer())] {
        let event = event(name, payload);
        let messages = event.encode();
        group.throughput(Throughput::Bytes(len(&messages)));
        group.bench_function(format!("decode {name}"), |b| {
            let mut decoder = Decoder::default();
            b.iter_batched(|| messages.clone(), |messages| decode(&mut decoder, messages), BatchSize::SmallInput);
        });
        group.bench_function(format!("encode {name}"), |b| b.iter(|| black_box(&event).encode()));
    }
    let ack = Packet::Ack { namespace: "/".to_owned(), id: 12, args: Args::one(json!({ "success": true })) };
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode an acknowledgement", |b| b.iter(|| black_box(&ack).encode()));
    group.finish();
}

fn attachments(criterion: &mut Criterion) {
    let event = |count: usize| Packet::Event {
        namespace: "/".to_owned(),
        id: None,
        name: "binary".to_owned(),
        args: Args {
            values: (0..count).map(|num| json!({ "_placeholder": true, "num": num })).collect(),
            attachments: vec![Bytes::from(vec![0x5a; 1024]); count],
        },
    };
    let mut group = criterion.benchmark_group("socketio/attachments of 1 KiB");
    for count in [1, 16] {
        let event = event(count);
        let messages = event.encode();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("decode {count}"), |b| {
            let mut decoder = Decoder::default();
            b.iter_batched(|| messages.clone(), |messages| decode(&mut decoder, messages), BatchSize::SmallInput);
        });
        group.bench_function(format!("encode {count}"), |b| b.iter(|| black_box(&event).encode()));
    }
    group.finish();
}

/// The one packet that these messages are.
fn decode(decoder: &mut Decoder, messages: Vec<Message>) -> Packet {
    let packets = messages.into_iter().filter_map(|message| decoder.handle_message(message).expect("Socket.IO"));
    packets.last().expect("a whole packet")
}

fn len(messages: &[Message]) -> u64 {
    let len = |message: &Message| match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    };
    messages.iter().map(|message| len(message) as u64).sum()
}

fn event(name: &str, payload: Value) -> Packet {
    Packet::Event { namespace: "/".to_owned(), id: None, name: name.to_owned(), args: Args::one(payload) }
}

fn play_text() -> String {
    match event("sync-play", play()).encode().remove(0) {
        Message::Text(text) => text,
        Message::Binary(_) => unreachable!("an event without attachments is one text"),
    }
}

/// As everybody hears it.
fn play() -> Value {
    json!({
        "time": 125.5, "actionId": "flutter_1700000000000_7", "seq": 41, "epoch": 2, "by": "flutter_1700000000000",
        "rate": 1.0, "timestamp": 1_700_000_123_456_i64, "startAt": 1_700_000_123_906_i64,
    })
}

fn join() -> Value {
    json!({
        "code": "ABC1-2345", "participantId": "flutter_1700000000000", "name": "Bea",
        "capabilities": { "sync": 2, "version": 1, "nativePlayback": true, "webrtc": true },
        "sessionToken": "x".repeat(250),
    })
}

fn offer() -> Value {
    let line = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
    json!({ "offer": { "type": "offer", "sdp": line.repeat(100) }, "to": "AAAAAAAAAAAAAAAAAAAA" })
}
