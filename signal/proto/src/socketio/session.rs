//! One connection of the server's side: namespaces, and acknowledgements both ways.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};

use super::decode::{DecodeError, Decoder};
use super::packet::{Args, Packet};
use crate::engineio::Message;
use crate::limits::{ACKS_WAITING_MAX, CONNECT_PATIENCE, MESSAGE_LEN_MAX, NAMESPACES_MAX};

/// What happens to a connection.
#[derive(Debug)]
pub enum Input {
    /// From the client.
    Message(Message),
    /// A namespace that [`Output::Connect`] asked for is granted.
    Accept {
        /// Which.
        namespace: String,
        /// The id that the client is told as its own there.
        sid: String,
    },
    /// A namespace that [`Output::Connect`] asked for is refused.
    Reject {
        /// Which.
        namespace: String,
        /// Why, for people.
        message: String,
    },
    /// To the client.
    Emit {
        /// Where.
        namespace: String,
        /// The event's name.
        name: String,
        /// What it carries.
        args: Args,
        /// Set if the client is to acknowledge; comes back in [`Output::Acked`].
        ack: Option<u64>,
    },
    /// Answers an event that asked for it.
    Ack {
        /// Where.
        namespace: String,
        /// The event's own number.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// Ends a namespace.
    Disconnect {
        /// Which.
        namespace: String,
    },
}

/// What the driver does or hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// For Engine.IO.
    Message(Message),
    /// The client asks for a namespace. Events wait for none of this: the client may speak once it is granted.
    Connect {
        /// Which.
        namespace: String,
        /// What it says of itself; `{}` when nothing.
        auth: Value,
    },
    /// An event.
    Event {
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// What it carries.
        args: Args,
        /// Set if it is to be acknowledged.
        id: Option<u64>,
    },
    /// The client acknowledged.
    Acked {
        /// Where.
        namespace: String,
        /// The mark that [`Input::Emit`] gave.
        ack: u64,
        /// The answer.
        args: Args,
    },
    /// The client left a namespace.
    Left {
        /// Which.
        namespace: String,
    },
    /// The connection is of no more use: close Engine.IO.
    Close(CloseReason),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No CONNECT in time.
    NoConnect,
    /// Not Socket.IO.
    Malformed(DecodeError),
    /// Spoke in a namespace it is not in, or asked for one twice.
    NotConnected,
}

/// Why a connection wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// No CONNECT came.
    ConnectTimeout,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    namespaces: BTreeMap<String, Namespace>,
    /// Until the first namespace is granted.
    connect_by: Option<Instant>,
    closed: bool,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Default)]
struct Namespace {
    granted: bool,
    next_ack: u64,
    /// Our number to the mark of who waits. Ordered, so that the oldest is the first.
    acks: BTreeMap<u64, u64>,
}

impl Session {
    /// A connection that has just been opened.
    pub fn new(now: Instant) -> Self {
        Self::with_bounds(now, MESSAGE_LEN_MAX, CONNECT_PATIENCE)
    }

    /// The same with other bounds; the protocol's own test suite needs them.
    pub fn with_bounds(now: Instant, len_max: usize, connect_patience: std::time::Duration) -> Self {
        Self {
            decoder: Decoder::new(len_max),
            namespaces: BTreeMap::new(),
            connect_by: Some(now + connect_patience),
            closed: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, _now: Instant, input: Input) {
        if self.closed {
            return;
        }
        match input {
            Input::Message(message) => match self.decoder.handle_message(message) {
                Ok(Some(packet)) => self.on_packet(packet),
                Ok(None) => {}
                Err(error) => self.close(CloseReason::Malformed(error)),
            },
            Input::Accept { namespace, sid } => {
                let Some(state) = self.namespaces.get_mut(&namespace) else { return };
                state.granted = true;
                self.connect_by = None;
                self.say(&Packet::Connect { namespace, data: Some(json!({"sid": sid})) });
            }
            Input::Reject { namespace, message } => {
                if self.namespaces.remove(&namespace).is_some() {
                    self.say(&Packet::ConnectError { namespace, data: json!({"message": message}) });
                }
            }
            Input::Emit { namespace, name, args, ack } => self.emit(namespace, name, args, ack),
            Input::Ack { namespace, id, args } => {
                if self.is_granted(&namespace) {
                    self.say(&Packet::Ack { namespace, id, args });
                }
            }
            Input::Disconnect { namespace } => {
                if self.namespaces.remove(&namespace).is_some() {
                    self.say(&Packet::Disconnect { namespace });
                }
            }
        }
    }

    /// Gives up on a client that never connects.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.close(CloseReason::NoConnect);
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.connect_by.map(|at| (at, Wake::ConnectTimeout))
    }

    fn on_packet(&mut self, packet: Packet) {
        match packet {
            Packet::Connect { namespace, data } => {
                let is_new = !self.namespaces.contains_key(&namespace);
                if !is_new || self.namespaces.len() == NAMESPACES_MAX {
                    return self.close(CloseReason::NotConnected);
                }
                self.namespaces.insert(namespace.clone(), Namespace::default());
                self.outputs.push_back(Output::Connect { namespace, auth: data.unwrap_or_else(|| json!({})) });
            }
            Packet::Disconnect { namespace } => {
                if self.namespaces.remove(&namespace).is_some() {
                    self.outputs.push_back(Output::Left { namespace });
                }
            }
            Packet::Event { namespace, id, name, args } => {
                if !self.is_granted(&namespace) {
                    return self.close(CloseReason::NotConnected);
                }
                self.outputs.push_back(Output::Event { namespace, name, args, id });
            }
            Packet::Ack { namespace, id, args } => {
                // An answer that nobody waits for any more is no offence.
                let ack = self.namespaces.get_mut(&namespace).and_then(|state| state.acks.remove(&id));
                if let Some(ack) = ack {
                    self.outputs.push_back(Output::Acked { namespace, ack, args });
                }
            }
            // Only servers refuse.
            Packet::ConnectError { .. } => self.close(CloseReason::Malformed(DecodeError::Type)),
        }
    }

    fn emit(&mut self, namespace: String, name: String, args: Args, ack: Option<u64>) {
        let Some(state) = self.namespaces.get_mut(&namespace).filter(|state| state.granted) else { return };
        let id = ack.map(|mark| {
            let id = state.next_ack;
            state.next_ack += 1;
            if state.acks.len() == ACKS_WAITING_MAX {
                state.acks.pop_first();
            }
            state.acks.insert(id, mark);
            id
        });
        self.say(&Packet::Event { namespace, id, name, args });
    }

    fn is_granted(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|state| state.granted)
    }

    fn say(&mut self, packet: &Packet) {
        self.outputs.extend(packet.encode().into_iter().map(Output::Message));
    }

    fn close(&mut self, reason: CloseReason) {
        self.closed = true;
        self.connect_by = None;
        self.namespaces.clear();
        self.outputs.push_back(Output::Close(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::start;

    fn input(session: &mut Session, now: Instant, input: Input) -> Vec<Output> {
        session.handle_input(now, input);
        std::iter::from_fn(|| session.poll_output()).collect()
    }

    fn from_client(text: &str) -> Input {
        Input::Message(Message::Text(text.to_owned()))
    }

    fn said(text: &str) -> Vec<Output> {
        vec![Output::Message(Message::Text(text.to_owned()))]
    }

    fn accept() -> Input {
        Input::Accept { namespace: "/".to_owned(), sid: "s".to_owned() }
    }

    fn connected() -> (Session, Instant) {
        let now = start();
        let mut session = Session::new(now);
        let asked = input(&mut session, now, from_client(r#"0{"token":1}"#));
        assert_eq!(asked, [Output::Connect { namespace: "/".to_owned(), auth: json!({"token": 1}) }]);
        assert_eq!(input(&mut session, now, accept()), said(r#"0{"sid":"s"}"#));
        (session, now)
    }

    #[test]
    fn events_and_acknowledgements_both_ways() {
        let (mut session, now) = connected();
        let heard = input(&mut session, now, from_client(r#"212["hi",{"a":1}]"#));
        let event = Output::Event {
            namespace: "/".to_owned(),
            name: "hi".to_owned(),
            args: Args::one(json!({"a": 1})),
            id: Some(12),
        };
        assert_eq!(heard, [event]);
        let ack = Input::Ack { namespace: "/".to_owned(), id: 12, args: Args::one(json!("ok")) };
        assert_eq!(input(&mut session, now, ack), said(r#"312["ok"]"#));
        let emit = |ack| Input::Emit { namespace: "/".to_owned(), name: "yo".to_owned(), args: Args::default(), ack };
        assert_eq!(input(&mut session, now, emit(None)), said(r#"2["yo"]"#));
        assert_eq!(input(&mut session, now, emit(Some(77))), said(r#"20["yo"]"#));
        let acked = Output::Acked { namespace: "/".to_owned(), ack: 77, args: Args::one(json!(5)) };
        assert_eq!(input(&mut session, now, from_client("30[5]")), [acked]);
        assert_eq!(input(&mut session, now, from_client("30[5]")), [], "answered once");
    }

    #[test]
    fn acknowledgements_that_never_come_are_given_up() {
        let (mut session, now) = connected();
        for mark in 0..=ACKS_WAITING_MAX as u64 {
            input(
                &mut session,
                now,
                Input::Emit {
                    namespace: "/".to_owned(),
                    name: "yo".to_owned(),
                    args: Args::default(),
                    ack: Some(mark),
                },
            );
        }
        assert_eq!(input(&mut session, now, from_client("30[]")), []);
        assert_eq!(input(&mut session, now, from_client("31[]")).len(), 1);
    }

    #[test]
    fn who_does_not_connect_or_speaks_before_is_closed() {
        let now = start();
        let mut session = Session::new(now);
        session.handle_timeout(now);
        assert_eq!(session.poll_output(), None);
        session.handle_timeout(now + CONNECT_PATIENCE);
        assert_eq!(session.poll_output(), Some(Output::Close(CloseReason::NoConnect)));
        let mut session = Session::new(now);
        assert_eq!(input(&mut session, now, from_client(r#"2["early"]"#)), [Output::Close(CloseReason::NotConnected)]);
        assert_eq!(input(&mut session, now, from_client("0")), [], "closed is closed");
        let (mut session, now) = connected();
        assert_eq!(session.poll_timeout(), None);
        assert_eq!(input(&mut session, now, from_client("0")), [Output::Close(CloseReason::NotConnected)], "twice");
        let (mut session, now) = connected();
        let malformed = Output::Close(CloseReason::Malformed(DecodeError::Type));
        assert_eq!(input(&mut session, now, from_client("abc")), std::slice::from_ref(&malformed));
        let (mut session, now) = connected();
        assert_eq!(input(&mut session, now, from_client(r#"4{"message":"x"}"#)), [malformed]);
    }

    #[test]
    fn namespaces_are_granted_refused_left_and_bounded() {
        let (mut session, now) = connected();
        let asked = input(&mut session, now, from_client("0/custom,"));
        assert_eq!(asked, [Output::Connect { namespace: "/custom".to_owned(), auth: json!({}) }]);
        let reject = Input::Reject { namespace: "/custom".to_owned(), message: "Invalid namespace".to_owned() };
        assert_eq!(input(&mut session, now, reject), said(r#"4/custom,{"message":"Invalid namespace"}"#));
        assert_eq!(input(&mut session, now, from_client("1")), [Output::Left { namespace: "/".to_owned() }]);
        let emit = Input::Emit { namespace: "/".to_owned(), name: "x".to_owned(), args: Args::default(), ack: None };
        assert_eq!(input(&mut session, now, emit), [], "nobody is there any more");
        for number in 0..NAMESPACES_MAX {
            assert!(matches!(
                input(&mut session, now, from_client(&format!("0/{number},")))[..],
                [Output::Connect { .. }]
            ));
        }
        assert_eq!(input(&mut session, now, from_client("0/more,")), [Output::Close(CloseReason::NotConnected)]);
        let (mut session, now) = connected();
        let end = Input::Disconnect { namespace: "/".to_owned() };
        assert_eq!(input(&mut session, now, end), said("1"));
    }
}
