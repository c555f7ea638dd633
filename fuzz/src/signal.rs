//! The signalling server's framings.

use std::time::Instant;

use signal_proto::engineio::packet::{decode_payload, encode_payload};
use signal_proto::engineio::{Input, Message, Output, Session, Timing, Transport};
use signal_proto::limits::{ATTACHMENTS_MAX, PAYLOAD_LEN_MAX, PAYLOAD_PACKETS_MAX};
use signal_proto::socketio::{Decoder, Packet};

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

fn read(packet: &Packet) -> Option<Packet> {
    let mut decoder = Decoder::new(usize::MAX);
    packet.encode().into_iter().fold(None, |_, message| decoder.handle_message(message).expect("what we write we read"))
}
