//! The signalling server's framings, its events as clients read them, and its STUN.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::engineio::packet::{decode_payload, encode_payload};
use signal_proto::engineio::{Input, Message, Output, Session, Timing, Transport};
use signal_proto::event::parse_server;
use signal_proto::limits::{ATTACHMENTS_MAX, JSON_DEPTH_MAX, PAYLOAD_LEN_MAX, PAYLOAD_PACKETS_MAX, STUN_GROWTH_MAX};
use signal_proto::socketio::{Decoder, Packet};
use signal_proto::stun;

/// A polling body: bounded, the same when it is written again; and a session survives it by both transports, ending at most once.
pub fn engineio(bytes: &[u8]) {
    if let Ok(packets) = decode_payload(bytes, PAYLOAD_LEN_MAX) {
        assert!((1..=PAYLOAD_PACKETS_MAX).contains(&packets.len()));
        let again = decode_payload(encode_payload(packets.clone()).as_bytes(), usize::MAX);
        assert_eq!(again, Ok(packets));
    }
    let now = Instant::now();
    let mut polled = Session::open(now, "s", Transport::Polling, Timing::default());
    polled.handle_input(now, Input::Post(bytes));
    polled.handle_input(now, Input::Poll);
    let mut upgraded = Session::open(now, "s", Transport::Polling, Timing::default());
    upgraded.handle_input(now, Input::SocketOpened);
    for part in bytes.split(|byte| *byte == 0x1e) {
        let text = String::from_utf8_lossy(part);
        upgraded.handle_input(now, Input::SocketText(&text));
        upgraded.handle_input(now, Input::Send(Message::Text("x".to_owned())));
    }
    for mut session in [polled, upgraded] {
        let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
        let ends = outputs.iter().filter(|output| matches!(output, Output::Closed(_))).count();
        assert!(ends <= 1, "{outputs:?}");
        assert_eq!(session.poll_timeout().is_none(), ends == 1, "who has ended waits for nothing");
    }
}

/// A text, and an attachment for each that it announces: what is read is what is written again.
pub fn socketio(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    let mut next = Message::Text(String::from_utf8_lossy(bytes).into_owned());
    for attachment in 0..=ATTACHMENTS_MAX {
        match decoder.handle_message(next) {
            Err(error) => return assert!(!error.to_string().is_empty()),
            Ok(None) => assert!(attachment < ATTACHMENTS_MAX, "attachments are bounded"),
            Ok(Some(packet)) => return assert_eq!(read(&packet), Some(packet)),
        }
        next = Message::Binary(vec![0; attachment].into());
    }
}

/// A server's event, its name and its payload a line each: what is missing and what is null are the same, more fields change
/// nothing, and a refusal is short, whatever it is about.
pub fn server_event(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, payload) = text.split_once('\n').unwrap_or((&text, ""));
    let payload = signal_proto::json::parse(payload, JSON_DEPTH_MAX).unwrap_or_default();
    let read = parse_server(name, Some(&payload));
    if let Err(problem) = &read {
        assert!(problem.message.len() < 256 && !problem.message.contains(char::is_control), "{problem:?}");
    }
    let Value::Object(mut fields) = payload else { return };
    fields.retain(|_, value| !value.is_null());
    assert_eq!(parse_server(name, Some(&Value::Object(fields.clone()))), read, "null is as good as nothing");
    fields.insert("event".to_owned(), json!(name));
    fields.insert("a newer server's".to_owned(), json!([{}]));
    assert_eq!(parse_server(name, Some(&Value::Object(fields))), read, "what is not known is passed over");
}

/// A packet from either family: its answer is no request, repeats the transaction, is as long as it says, and hardly longer than
/// the packet. As a request it is answered by nobody.
pub fn stun(bytes: &[u8]) {
    for from in ["192.0.2.1:32853", "[2001:db8::1]:32853"] {
        let from: SocketAddr = from.parse().expect("an address");
        let Some(answer) = stun::answer(bytes, from) else { continue };
        assert!(answer.len() <= bytes.len() + STUN_GROWTH_MAX && answer.len().is_multiple_of(4));
        assert_eq!(usize::from(u16::from_be_bytes([answer[2], answer[3]])), answer.len() - 20);
        assert!(matches!(answer[..2], [1, 0x01 | 0x11]) && answer[4..20] == bytes[4..20]);
        assert_eq!(stun::answer(&answer, from), None, "an answer to an answer");
    }
}

fn read(packet: &Packet) -> Option<Packet> {
    let mut decoder = Decoder::new(usize::MAX);
    packet.encode().into_iter().fold(None, |_, message| decoder.handle_message(message).expect("what we write we read"))
}
