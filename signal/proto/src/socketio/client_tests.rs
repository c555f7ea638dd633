use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::start;

const OPEN: &str = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}"#;
const SECOND: Duration = Duration::from_secs(1);

struct Client {
    session: ClientSession,
    now: Instant,
}

impl Client {
    fn new() -> Self {
        let now = start();
        Self { session: ClientSession::new(now, json!({"token": "t"})), now }
    }

    fn connected() -> Self {
        let mut client = Self::new();
        assert_eq!(client.hears(OPEN), [said(r#"40{"token":"t"}"#)]);
        assert_eq!(client.hears(r#"40{"sid":"s"}"#), [Output::Connected { sid: "s".to_owned() }]);
        client
    }

    fn does(&mut self, input: Input) -> Vec<Output> {
        self.session.handle_input(self.now, input);
        self.outputs()
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn hears(&mut self, text: &str) -> Vec<Output> {
        self.does(Input::Frame(Frame::Text(text.to_owned())))
    }

    fn emits(&mut self, name: &str, ack: Option<(u64, Duration)>) -> Vec<Output> {
        let ack = ack.map(|(mark, patience)| AckWish { mark, patience });
        self.does(Input::Emit { name: name.to_owned(), args: Args::one(json!(1)), ack })
    }

    fn waits(&mut self, time: Duration) -> Vec<Output> {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.outputs()
    }

    fn is_over(&self) -> bool {
        self.session.poll_timeout().is_none()
    }
}

fn said(text: &str) -> Output {
    Output::Send(Frame::Text(text.to_owned()))
}

#[test]
fn opens_connects_and_answers_pings() {
    let mut client = Client::connected();
    assert_eq!(client.hears("2"), [said("3")]);
    assert_eq!(client.hears("6"), []);
    let mut quiet = Client::new();
    quiet.session = ClientSession::new(quiet.now, Value::Null);
    assert_eq!(quiet.hears(OPEN), [said("40")], "nothing to say of itself");
}

#[test]
fn a_server_that_never_grants_is_given_up() {
    let mut client = Client::new();
    assert_eq!(client.session.poll_timeout(), Some((client.now + CONNECT_PATIENCE, Wake::ConnectTimeout)));
    assert_eq!(client.waits(CONNECT_PATIENCE - SECOND), []);
    client.hears(OPEN);
    assert_eq!(client.hears("2"), [said("3")], "a ping does not lengthen it");
    assert_eq!(client.waits(SECOND), [Output::Lost(Lost::NoAnswer)]);
    assert!(client.is_over());
    assert_eq!(client.hears(r#"40{"sid":"s"}"#), [], "over is over");
}

#[test]
fn a_line_without_pings_is_dead() {
    let mut client = Client::connected();
    assert_eq!(client.waits(SECOND * 44), []);
    client.hears("2");
    assert_eq!(client.session.poll_timeout(), Some((client.now + SECOND * 45, Wake::Heartbeat)));
    client.hears(r#"42["chat"]"#);
    assert_eq!(client.waits(SECOND * 45), [Output::Lost(Lost::Silent)], "events are no pings");
}

#[test]
fn the_handshakes_pings_are_bounded() {
    for (interval, patience) in [(0_u64, SERVER_PING_MIN), (u64::MAX, SERVER_PING_MAX)] {
        let mut client = Client::new();
        client.hears(&format!(r#"0{{"sid":"e","pingInterval":{interval},"pingTimeout":0}}"#));
        client.hears(r#"40{"sid":"s"}"#);
        assert_eq!(client.session.poll_timeout(), Some((client.now + patience, Wake::Heartbeat)));
    }
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let refused = |packet: &str| {
        let mut client = Client::new();
        client.hears(OPEN);
        match client.hears(packet).pop() {
            Some(Output::Lost(Lost::Refused { message })) => message,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(r#"44{"message":"too \u001b[31mold"}"#), "too [31mold");
    assert_eq!(refused(r#"44"no""#), "no");
    assert_eq!(refused(r#"44{"data":1}"#), "without a reason");
    assert_eq!(refused(&format!(r#"44"{}""#, "x".repeat(5000))).len(), REFUSAL_CHARS_MAX);
}

#[test]
fn events_acknowledgements_and_attachments_both_ways() {
    let mut client = Client::connected();
    let heard = client.hears(r#"427["hi",{"a":1}]"#);
    assert_eq!(heard, [Output::Event { name: "hi".to_owned(), args: Args::one(json!({"a": 1})), id: Some(7) }]);
    assert_eq!(client.does(Input::Ack { id: 7, args: Args::one(json!(2)) }), [said("437[2]")]);
    assert_eq!(client.emits("yo", None), [said(r#"42["yo",1]"#)]);
    assert_eq!(client.emits("yo", Some((5, SECOND))), [said(r#"420["yo",1]"#)]);
    assert_eq!(client.hears("430[3]"), [Output::Acked { mark: 5, args: Args::one(json!(3)) }]);
    assert_eq!(client.hears("430[3]"), [], "once");
    assert_eq!(client.hears(r#"451-["file",{"_placeholder":true,"num":0}]"#), []);
    let file = client.does(Input::Frame(Frame::Binary(vec![1, 2].into())));
    assert!(matches!(&file[..], [Output::Event { args, .. }] if args.attachments[0][..] == [1, 2]), "{file:?}");
    assert_eq!(client.hears(r#"42/other,["x"]"#), [], "another namespace is nobody's here");
}

#[test]
fn acknowledgements_end_in_time_by_loss_or_by_too_many() {
    let mut client = Client::connected();
    client.emits("slow", Some((1, SECOND)));
    client.emits("slower", Some((2, SECOND * 5)));
    assert_eq!(client.session.poll_timeout(), Some((client.now + SECOND, Wake::Ack)));
    assert_eq!(client.waits(SECOND), [Output::NotAcked { mark: 1, why: NotAcked::TimedOut }]);
    assert_eq!(client.hears("430[]"), [], "too late");
    let ended = client.hears("41");
    assert_eq!(ended, [Output::NotAcked { mark: 2, why: NotAcked::Lost }, Output::Lost(Lost::Ended)]);
    assert_eq!(client.emits("x", Some((3, SECOND))), [Output::NotAcked { mark: 3, why: NotAcked::Lost }]);
    let mut client = Client::connected();
    let most = u64::try_from(ACKS_WAITING_MAX).unwrap();
    for mark in 0..most {
        assert_eq!(client.emits("x", Some((mark, SECOND))).len(), 1);
    }
    let first = client.emits("x", Some((most, SECOND))).remove(0);
    assert_eq!(first, Output::NotAcked { mark: 0, why: NotAcked::Superseded });
}

#[test]
fn leaving_says_so_once() {
    let mut client = Client::connected();
    assert_eq!(client.does(Input::Leave), [said("41"), said("1"), Output::Lost(Lost::Left)]);
    assert_eq!(client.does(Input::Leave), []);
    assert_eq!(Client::new().does(Input::Leave), [said("1"), Output::Lost(Lost::Left)]);
}

#[test]
fn what_no_server_says_ends_the_connection() {
    let long_ping = format!("2{}", "x".repeat(PING_LEN_MAX + 1));
    for text in ["9", "", "3probe", "5", "4", "49", OPEN, r#"40{"sid":"s"}"#, r#"44"no""#, "42[1]", &long_ping] {
        let mut client = Client::connected();
        assert!(matches!(client.hears(text)[..], [Output::Lost(_)]), "{text}");
        assert!(client.is_over(), "{text}");
    }
    for text in [r#"42["early"]"#, "430[]", "40", r#"40{"sid":5}"#] {
        let mut client = Client::new();
        client.hears(OPEN);
        assert!(matches!(client.hears(text)[..], [Output::Lost(_)]), "{text}");
    }
    for text in [r#"40{"sid":"s"}"#, "0", "0{}", "0[", r#"0{"pingInterval":-1,"pingTimeout":1}"#] {
        assert!(matches!(Client::new().hears(text)[..], [Output::Lost(_)]), "{text}");
    }
    let mut client = Client::connected();
    let long = format!(r#"42["x","{}"]"#, "x".repeat(SERVER_MESSAGE_LEN_MAX));
    assert_eq!(client.hears(&long), [Output::Lost(Lost::SocketIo(DecodeError::Long))]);
}

proptest! {
    /// Whatever a server sends: no panic, and after the end there is nothing more.
    #[test]
    fn hostile_frames(frames in prop::collection::vec(hostile(), 0..40), connected: bool) {
        let mut client = if connected { Client::connected() } else { Client::new() };
        client.emits("x", Some((1, SECOND)));
        let mut over = false;
        for frame in frames {
            for output in client.does(Input::Frame(frame)) {
                prop_assert!(!over, "{output:?} after the end");
                over = matches!(output, Output::Lost(_));
            }
        }
        prop_assert_eq!(over, client.is_over());
    }
}

fn hostile() -> impl Strategy<Value = Frame> {
    let parts = prop::sample::select(vec![
        OPEN,
        "2",
        "4",
        "0",
        "3",
        "5",
        "1-",
        "[",
        "]",
        "\"x\"",
        ",",
        "/",
        "{",
        "}",
        ":",
        "9",
        "\"_placeholder\":true",
        "\"num\":0",
        r#"40{"sid":"s"}"#,
        r#"42["x"]"#,
        "430[]",
        r#"451-["f",{"_placeholder":true,"num":0}]"#,
    ]);
    prop_oneof![
        prop::collection::vec(parts, 0..6).prop_map(|parts| Frame::Text(parts.concat())),
        ".{0,30}".prop_map(Frame::Text),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| Frame::Binary(bytes.into())),
    ]
}
