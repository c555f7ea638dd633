use super::super::packet::Frame;
use super::*;
use crate::limits::{PING_INTERVAL, PING_TIMEOUT};
use crate::testing::start;

fn session(transport: Transport) -> (Session, Instant) {
    let now = start();
    (Session::open(now, "sid1", transport, Timing::default()), now)
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

fn frame(text: &str) -> Output {
    Output::Frame(Frame::Text(text.to_owned()))
}

fn poll(body: &str) -> Output {
    Output::Poll(Ok(body.to_owned()))
}

/// A polling session after its handshake.
fn polling() -> (Session, Instant) {
    let (mut session, now) = session(Transport::Polling);
    assert_eq!(outputs(&mut session).len(), 1);
    (session, now)
}

#[test]
fn the_handshake_comes_first_and_says_the_times() {
    let (mut polling, _) = session(Transport::Polling);
    let expected =
        r#"0{"sid":"sid1","upgrades":["websocket"],"pingInterval":15000,"pingTimeout":30000,"maxPayload":100000}"#;
    let Some(Output::Poll(Ok(body))) = polling.poll_output() else { panic!("the first poll is the handshake") };
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(&text[1..]).unwrap();
    assert_eq!(value(&body), value(expected));
    let (mut socket, _) = session(Transport::WebSocket);
    let Some(Output::Frame(Frame::Text(text))) = socket.poll_output() else { panic!("a frame") };
    assert!(text.starts_with('0') && text.contains(r#""upgrades":[]"#));
}

#[test]
fn messages_both_ways_by_polling() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Send(text("a")));
    session.handle_input(now, Input::Send(Message::Binary(Bytes::from_static(&[1, 2, 3, 4]))));
    assert_eq!(outputs(&mut session), []);
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [poll("4a\u{1e}bAQIDBA==")]);
    session.handle_input(now, Input::Poll);
    session.handle_input(now, Input::Post(b"4x\x1e4y"));
    assert_eq!(outputs(&mut session), [Output::Post(Ok(())), Output::Message(text("x")), Output::Message(text("y"))]);
    session.handle_input(now, Input::Send(text("b")));
    assert_eq!(outputs(&mut session), [poll("4b")]);
}

#[test]
fn two_polls_at_once_end_the_session() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Poll);
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [Output::PollRefused, poll("1"), Output::Closed(CloseReason::PollTwice)]);
}

#[test]
fn a_poll_that_was_lost_is_not_answered() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Poll);
    session.handle_input(now, Input::PollLost);
    session.handle_input(now, Input::Send(text("kept")));
    assert_eq!(outputs(&mut session), []);
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [poll("4kept")]);
}

#[test]
fn a_broken_or_long_body_ends_the_session() {
    for (body, error) in [(&b"abc"[..], PacketError::Type), (&[b'4'; 100_001], PacketError::Long)] {
        let (mut session, now) = polling();
        session.handle_input(now, Input::Post(body));
        assert_eq!(outputs(&mut session), [Output::Post(Err(error)), Output::Closed(CloseReason::Malformed(error))]);
        session.handle_input(now, Input::Poll);
        assert_eq!(outputs(&mut session), [Output::Poll(Err(PacketError::Type))]);
        session.handle_input(now, Input::Post(b"4a"));
        assert_eq!(outputs(&mut session), [Output::Post(Err(PacketError::Type))]);
    }
}

#[test]
fn close_by_the_client_ends_its_poll_with_a_noop() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Poll);
    session.handle_input(now, Input::Post(b"1"));
    assert_eq!(outputs(&mut session), [Output::Post(Ok(())), poll("6"), Output::Closed(CloseReason::ByClient)]);
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn the_upgrade_hands_over_what_waits() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Poll);
    assert!(session.accepts_socket());
    session.handle_input(now, Input::SocketOpened);
    assert!(!session.accepts_socket(), "one at a time");
    session.handle_input(now, Input::SocketText("2probe"));
    assert_eq!(outputs(&mut session), [frame("3probe"), poll("6")]);
    // What is said while the transports change waits for the new one, and a late poll is let go.
    session.handle_input(now, Input::Send(text("a")));
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [poll("6")]);
    session.handle_input(now, Input::SocketText("5"));
    assert_eq!(outputs(&mut session), [Output::Upgraded, frame("4a")]);
    assert!(!session.accepts_polling() && !session.accepts_socket());
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [Output::Poll(Err(PacketError::Type))]);
    session.handle_input(now, Input::SocketText("4b"));
    assert_eq!(outputs(&mut session), [Output::Message(text("b"))]);
    session.handle_input(now, Input::SocketClosed);
    assert_eq!(outputs(&mut session), [Output::CloseSocket, Output::Closed(CloseReason::TransportClosed)]);
}

#[test]
fn a_failed_upgrade_leaves_polling_as_it_was() {
    for wrong in ["4early", "2", "zzz", "5"] {
        let (mut session, now) = polling();
        session.handle_input(now, Input::SocketOpened);
        session.handle_input(now, Input::SocketText(wrong));
        assert_eq!(outputs(&mut session), [Output::CloseSocket], "{wrong}");
        session.handle_input(now, Input::Poll);
        session.handle_input(now, Input::Send(text("still")));
        assert_eq!(outputs(&mut session), [poll("4still")]);
    }
    let (mut session, now) = polling();
    session.handle_input(now, Input::SocketOpened);
    session.handle_input(now, Input::SocketText("2probe"));
    session.handle_input(now, Input::SocketClosed);
    assert!(session.accepts_socket());
}

#[test]
fn an_upgrade_that_is_not_finished_ends_alone() {
    for says in [None, Some("2probe")] {
        let (mut session, now) = polling();
        session.handle_input(now, Input::Poll);
        session.handle_input(now + Duration::from_secs(3), Input::SocketOpened);
        says.into_iter().for_each(|text| session.handle_input(now, Input::SocketText(text)));
        session.handle_input(now, Input::Send(text("waits")));
        outputs(&mut session);
        let (at, why) = session.poll_timeout().unwrap();
        assert_eq!((at, why), (now + Duration::from_secs(3) + UPGRADE_PATIENCE, Wake::UpgradeTimeout), "{says:?}");
        session.handle_timeout(at - Duration::from_millis(1));
        assert_eq!(outputs(&mut session), [], "not before its time");
        session.handle_timeout(at);
        assert_eq!(outputs(&mut session), [Output::CloseSocket], "{says:?}");
        assert_eq!(session.poll_timeout(), Some((now + PING_INTERVAL, Wake::Ping)), "the heart beats on");
        assert!(session.accepts_socket() && session.accepts_polling(), "another may be tried");
        session.handle_input(at, Input::Send(text("on")));
        session.handle_input(at, Input::Poll);
        let heard = outputs(&mut session);
        assert!(matches!(&heard[..], [Output::Poll(Ok(body))] if body.ends_with("4on")), "{says:?}: {heard:?}");
    }
}

#[test]
fn an_upgrade_has_a_deadline_only_while_it_is_tried() {
    for end in [Input::SocketText("5"), Input::SocketText("4wrong"), Input::SocketClosed, Input::Close] {
        let (mut session, now) = polling();
        session.handle_input(now, Input::SocketOpened);
        session.handle_input(now, Input::SocketText("2probe"));
        let (what, expected) = (format!("{end:?}"), (!matches!(end, Input::Close)).then_some(Wake::Ping));
        session.handle_input(now, end);
        let wake = session.poll_timeout().map(|(_, why)| why);
        assert_eq!(wake, expected, "{what}");
    }
}

#[test]
fn a_ping_that_is_due_first_is_sent_first() {
    let (mut session, now) = polling();
    let late = now + PING_INTERVAL - Duration::from_secs(1);
    session.handle_input(late, Input::SocketOpened);
    assert_eq!(session.poll_timeout(), Some((now + PING_INTERVAL, Wake::Ping)));
    session.handle_timeout(now + PING_INTERVAL);
    assert_eq!(session.poll_timeout(), Some((late + UPGRADE_PATIENCE, Wake::UpgradeTimeout)));
}

#[test]
fn a_heart_that_stops_is_noticed() {
    let (mut session, start) = session(Transport::WebSocket);
    outputs(&mut session);
    let (at, why) = session.poll_timeout().unwrap();
    assert_eq!((at, why), (start + PING_INTERVAL, Wake::Ping));
    session.handle_timeout(start);
    assert_eq!(outputs(&mut session), [], "not before its time");
    session.handle_timeout(at);
    assert_eq!(outputs(&mut session), [frame("2")]);
    let late = Duration::from_millis(40);
    session.handle_input(at + late, Input::SocketText("3"));
    assert_eq!(outputs(&mut session), [Output::RoundTrip(late)]);
    session.handle_input(at + late, Input::SocketText("3"));
    assert_eq!(outputs(&mut session), [], "a pong nobody asked for");
    let (next, _) = session.poll_timeout().unwrap();
    session.handle_timeout(next);
    let (end, why) = session.poll_timeout().unwrap();
    assert_eq!((end, why), (next + PING_TIMEOUT, Wake::PingTimeout));
    session.handle_timeout(end);
    assert_eq!(outputs(&mut session)[1..], [Output::CloseSocket, Output::Closed(CloseReason::PingTimeout)]);
    session.handle_timeout(end);
    assert_eq!(outputs(&mut session), [], "ended once");
}

#[test]
fn who_does_not_read_is_cut() {
    let (mut session, now) = polling();
    let part = "x".repeat(QUEUED_BYTES_MAX / 4);
    for _ in 0..4 {
        session.handle_input(now, Input::Send(text(&part)));
    }
    assert_eq!(outputs(&mut session), []);
    session.handle_input(now, Input::Send(text("x")));
    assert_eq!(outputs(&mut session), [Output::Closed(CloseReason::SlowReader)]);
}

#[test]
fn closing_says_goodbye_by_either_transport() {
    let (mut socket, now) = session(Transport::WebSocket);
    outputs(&mut socket);
    socket.handle_input(now, Input::Close);
    assert_eq!(outputs(&mut socket), [frame("1"), Output::CloseSocket, Output::Closed(CloseReason::ByServer)]);
    let (mut polled, now) = polling();
    polled.handle_input(now, Input::Poll);
    polled.handle_input(now, Input::Send(text("last")));
    polled.handle_input(now, Input::Poll);
    polled.handle_input(now, Input::Close);
    assert_eq!(outputs(&mut polled), [poll("4last"), poll("1"), Output::Closed(CloseReason::ByServer)]);
}

#[test]
fn late_timers_neither_lengthen_the_wait_nor_end_it_unheard() {
    let now = start();
    let timing = Timing::default();
    let mut session = Session::open(now, "s", Transport::WebSocket, timing);
    let little = Duration::from_millis(30);
    session.handle_timeout(now + timing.ping_interval + little);
    let end = now + timing.ping_interval + timing.ping_timeout;
    assert_eq!(session.poll_timeout(), Some((end, Wake::PingTimeout)));
    // The machine slept through the end: who answered meanwhile is heard first.
    let awake = end + Duration::from_secs(3600);
    session.handle_timeout(awake);
    let (again, _) = session.poll_timeout().expect("it is still waited for");
    assert!(again > awake);
    session.handle_timeout(again);
    let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    assert_eq!(outputs.last(), Some(&Output::Closed(CloseReason::PingTimeout)));
}

#[test]
fn a_poll_brings_a_few_packets_and_the_next_the_rest() {
    let (mut session, now) = session(Transport::Polling);
    outputs(&mut session);
    for number in 0..POLLED_PACKETS_MAX + 3 {
        session.handle_input(now, Input::Send(Message::Text(number.to_string())));
    }
    let mut polled = || {
        session.handle_input(now, Input::Poll);
        match &outputs(&mut session)[..] {
            [Output::Poll(Ok(body))] => body.split('\u{1e}').map(str::to_owned).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(polled().len(), POLLED_PACKETS_MAX);
    assert_eq!(polled(), ["416", "417", "418"]);
    assert_eq!(session.queued_bytes, 0);
}

#[test]
fn what_was_said_before_the_end_is_heard_by_the_next_poll() {
    let (mut session, now) = polling();
    session.handle_input(now, Input::Send(text("why")));
    session.handle_input(now, Input::Close);
    assert_eq!((outputs(&mut session), session.accepts_polling(), session.accepts_socket()), (vec![], true, false));
    session.handle_input(now, Input::Send(text("too late")));
    session.handle_input(now, Input::Post(b"4x"));
    assert_eq!(outputs(&mut session), [Output::Post(Ok(()))], "nobody listens");
    session.handle_input(now, Input::Poll);
    assert_eq!(outputs(&mut session), [poll("4why\u{1e}1"), Output::Closed(CloseReason::ByServer)]);
    assert_eq!((session.poll_timeout(), session.accepts_polling()), (None, false));

    let (mut session, now) = polling();
    session.handle_input(now, Input::SocketOpened);
    session.handle_input(now, Input::Send(text("why")));
    session.handle_input(now, Input::Close);
    assert_eq!(outputs(&mut session), [Output::CloseSocket], "it will not take over");
    session.handle_input(now, Input::SocketText("2probe"));
    session.handle_input(now, Input::SocketClosed);
    assert_eq!(outputs(&mut session), []);
    let (at, why) = session.poll_timeout().unwrap();
    assert_eq!((at, why), (now + LEAVE_PATIENCE, Wake::LeaveTimeout));
    session.handle_timeout(at);
    assert_eq!(outputs(&mut session), [Output::Closed(CloseReason::ByServer)], "nobody polls");

    let (mut session, now) = polling();
    session.handle_input(now, Input::Close);
    assert_eq!(outputs(&mut session), [Output::Closed(CloseReason::ByServer)], "nothing was to be said");
}
