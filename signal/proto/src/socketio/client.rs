//! One connection of a client's side, Engine.IO and Socket.IO together: opening, heartbeat, events, acknowledgements.
//!
//! Over a WebSocket alone and in the main namespace: that is all our programs need. It does not know how to reconnect: the
//! driver makes a new one for each connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::decode::{DecodeError, Decoder};
use super::packet::{Args, Packet};
use crate::engineio::{self, Frame, Message};
use crate::json;
use crate::limits::{
    ACKS_WAITING_MAX, CONNECT_PATIENCE, JSON_DEPTH_MAX, SERVER_MESSAGE_LEN_MAX, SERVER_PING_MAX, SERVER_PING_MIN,
};

/// What happens to a connection.
#[derive(Debug)]
pub enum Input {
    /// From the server.
    Frame(Frame),
    /// To the server. Before [`Output::Connected`] and after [`Output::Lost`] it goes nowhere.
    Emit {
        /// The event's name.
        name: String,
        /// What it carries.
        args: Args,
        /// Set if the server is to acknowledge.
        ack: Option<AckWish>,
    },
    /// Answers an event that asked for it.
    Ack {
        /// The event's own number.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// Leaves in good order.
    Leave,
}

/// An acknowledgement that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckWish {
    /// Comes back in [`Output::Acked`] or [`Output::NotAcked`]; each one once.
    pub mark: u64,
    /// How long it is waited for.
    pub patience: Duration,
}

/// What the driver does or hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// For the WebSocket.
    Send(Frame),
    /// The server granted the main namespace: events may be sent.
    Connected {
        /// The id that it gave this connection.
        sid: String,
    },
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// What it carries.
        args: Args,
        /// Set if it is to be acknowledged.
        id: Option<u64>,
    },
    /// The server acknowledged.
    Acked {
        /// Of which [`AckWish`].
        mark: u64,
        /// The answer.
        args: Args,
    },
    /// No acknowledgement will come; said for each one that is open when the connection is lost, too.
    NotAcked {
        /// Of which [`AckWish`].
        mark: u64,
        /// Why.
        why: NotAcked,
    },
    /// The connection is of no more use; nothing comes after it.
    Lost(Lost),
}

/// Why an acknowledgement does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAcked {
    /// Not in time.
    TimedOut,
    /// The connection ended first, or was not there.
    Lost,
    /// More than `ACKS_WAITING_MAX` were asked for after it.
    Superseded,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// No Socket.IO within `CONNECT_PATIENCE`.
    #[error("the server does not answer")]
    NoAnswer,
    /// The server's pings stopped: the line is dead, or the server is.
    #[error("the server went silent")]
    Silent,
    /// The server refused CONNECT.
    #[error("the server refuses: {message}")]
    Refused {
        /// The server's own words, cut to `REFUSAL_CHARS_MAX`, without control characters.
        message: String,
    },
    /// The server ended it in good order.
    #[error("the server ended the connection")]
    Ended,
    /// We left.
    #[error("left")]
    Left,
    /// What came is not Engine.IO.
    #[error("the server does not speak Engine.IO: {0}")]
    EngineIo(#[from] engineio::PacketError),
    /// What came is not Socket.IO.
    #[error("the server does not speak Socket.IO: {0}")]
    SocketIo(#[from] DecodeError),
    /// A handshake that is none, or a packet that a server never sends there.
    #[error("the server breaks the protocol: {0}")]
    Broken(&'static str),
}

/// Why a connection wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing granted yet.
    ConnectTimeout,
    /// A ping is overdue.
    Heartbeat,
    /// An acknowledgement is overdue.
    Ack,
}

/// See the module.
#[derive(Debug)]
pub struct ClientSession {
    phase: Phase,
    auth: Value,
    decoder: Decoder,
    /// When the next ping must have come, or the connection be open.
    alive_until: Instant,
    /// From one ping to the moment at which the next one is missed, by the server's handshake.
    ping_patience: Duration,
    next_ack: u64,
    /// By our number, so that the oldest is the first.
    acks: BTreeMap<u64, Waiting>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    mark: u64,
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The WebSocket is there; the server opens.
    Opening,
    /// CONNECT is sent.
    Connecting,
    Connected,
    Over,
}

impl ClientSession {
    /// A WebSocket that has just been opened. `auth` is an object that the server gets with CONNECT, or null.
    pub fn new(now: Instant, auth: Value) -> Self {
        Self {
            phase: Phase::Opening,
            auth,
            decoder: Decoder::new(SERVER_MESSAGE_LEN_MAX),
            alive_until: now + CONNECT_PATIENCE,
            ping_patience: SERVER_PING_MAX,
            next_ack: 0,
            acks: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Frame(frame) => {
                if self.phase != Phase::Over
                    && let Err(lost) = self.on_frame(now, frame)
                {
                    self.lose(lost);
                }
            }
            Input::Emit { name, args, ack } => self.emit(now, name, args, ack),
            Input::Ack { id, args } => {
                if self.phase == Phase::Connected {
                    self.say(&Packet::Ack { namespace: MAIN.to_owned(), id, args });
                }
            }
            Input::Leave => {
                if self.phase == Phase::Connected {
                    self.say(&Packet::Disconnect { namespace: MAIN.to_owned() });
                }
                if self.phase != Phase::Over {
                    self.send(engineio::Packet::Close);
                    self.lose(Lost::Left);
                }
            }
        }
    }

    /// Does what [`ClientSession::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late: Vec<u64> = self.acks.iter().filter(|(_, ack)| ack.until <= now).map(|(id, _)| *id).collect();
        for id in late {
            self.give_up(id, NotAcked::TimedOut);
        }
        if now < self.alive_until {
            return;
        }
        match self.phase {
            Phase::Opening | Phase::Connecting => self.lose(Lost::NoAnswer),
            Phase::Connected => self.lose(Lost::Silent),
            Phase::Over => {}
        }
    }

    /// What to do next. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        let life = match self.phase {
            Phase::Opening | Phase::Connecting => Some((self.alive_until, Wake::ConnectTimeout)),
            Phase::Connected => Some((self.alive_until, Wake::Heartbeat)),
            Phase::Over => None,
        };
        let ack = self.acks.values().map(|ack| (ack.until, Wake::Ack)).min_by_key(|(until, _)| *until);
        life.into_iter().chain(ack).min_by_key(|(at, _)| *at)
    }

    fn on_frame(&mut self, now: Instant, frame: Frame) -> Result<(), Lost> {
        let packet = match frame {
            Frame::Text(text) => engineio::Packet::decode_text(&text)?,
            Frame::Binary(bytes) => engineio::Packet::Message(Message::Binary(bytes)),
        };
        match packet {
            engineio::Packet::Open(handshake) if self.phase == Phase::Opening => self.on_open(&handshake),
            engineio::Packet::Open(_) => Err(Lost::Broken("it opens twice")),
            engineio::Packet::Close => Err(Lost::Ended),
            engineio::Packet::Ping(data) => {
                if data.len() > PING_LEN_MAX {
                    return Err(Lost::Broken("its ping is too long"));
                }
                if self.phase == Phase::Connected {
                    self.alive_until = now + self.ping_patience;
                }
                self.send(engineio::Packet::Pong(data));
                Ok(())
            }
            engineio::Packet::Noop => Ok(()),
            engineio::Packet::Pong(_) | engineio::Packet::Upgrade => Err(Lost::Broken("only clients say that")),
            engineio::Packet::Message(_) if self.phase == Phase::Opening => {
                Err(Lost::Broken("it speaks before it opens"))
            }
            engineio::Packet::Message(message) => match self.decoder.handle_message(message)? {
                Some(packet) => self.on_packet(now, packet),
                None => Ok(()),
            },
        }
    }

    fn on_open(&mut self, handshake: &str) -> Result<(), Lost> {
        let handshake =
            json::parse(handshake, JSON_DEPTH_MAX).map_err(|_| Lost::Broken("its handshake is not JSON"))?;
        let ms = |field: &str| handshake.get(field).and_then(Value::as_u64).map(Duration::from_millis);
        let (Some(interval), Some(timeout)) = (ms("pingInterval"), ms("pingTimeout")) else {
            return Err(Lost::Broken("its handshake names no ping"));
        };
        // A server that pings once in a century would keep a dead line alive as long.
        self.ping_patience = interval.saturating_add(timeout).clamp(SERVER_PING_MIN, SERVER_PING_MAX);
        self.phase = Phase::Connecting;
        let data = Some(self.auth.clone()).filter(Value::is_object);
        self.say(&Packet::Connect { namespace: MAIN.to_owned(), data });
        Ok(())
    }

    fn on_packet(&mut self, now: Instant, packet: Packet) -> Result<(), Lost> {
        let connected = self.phase == Phase::Connected;
        match packet {
            // A namespace that we never asked for is nobody's business here.
            Packet::Connect { namespace, .. }
            | Packet::Disconnect { namespace }
            | Packet::Event { namespace, .. }
            | Packet::Ack { namespace, .. }
            | Packet::ConnectError { namespace, .. }
                if namespace != MAIN => {}
            Packet::Connect { data, .. } => {
                if connected {
                    return Err(Lost::Broken("it connects twice"));
                }
                let sid = data.as_ref().and_then(|data| data.get("sid")).and_then(Value::as_str);
                let sid = sid.ok_or(Lost::Broken("it gives no id"))?.to_owned();
                self.phase = Phase::Connected;
                self.alive_until = now + self.ping_patience;
                self.outputs.push_back(Output::Connected { sid });
            }
            Packet::ConnectError { data, .. } => {
                if connected {
                    return Err(Lost::Broken("it refuses what it granted"));
                }
                return Err(Lost::Refused { message: refusal(&data) });
            }
            Packet::Disconnect { .. } => return Err(Lost::Ended),
            Packet::Event { .. } | Packet::Ack { .. } if !connected => {
                return Err(Lost::Broken("it speaks before it connects"));
            }
            Packet::Event { id, name, args, .. } => self.outputs.push_back(Output::Event { name, args, id }),
            Packet::Ack { id, args, .. } => {
                // One that nobody waits for any more came late: no offence.
                if let Some(waiting) = self.acks.remove(&id) {
                    self.outputs.push_back(Output::Acked { mark: waiting.mark, args });
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self, now: Instant, name: String, args: Args, ack: Option<AckWish>) {
        if self.phase != Phase::Connected {
            let lost = |wish: AckWish| Output::NotAcked { mark: wish.mark, why: NotAcked::Lost };
            self.outputs.extend(ack.map(lost));
            return;
        }
        let id = ack.map(|wish| {
            if self.acks.len() == ACKS_WAITING_MAX
                && let Some(oldest) = self.acks.keys().next().copied()
            {
                self.give_up(oldest, NotAcked::Superseded);
            }
            let id = self.next_ack;
            self.next_ack += 1;
            self.acks.insert(id, Waiting { mark: wish.mark, until: now + wish.patience });
            id
        });
        self.say(&Packet::Event { namespace: MAIN.to_owned(), id, name, args });
    }

    fn give_up(&mut self, id: u64, why: NotAcked) {
        if let Some(waiting) = self.acks.remove(&id) {
            self.outputs.push_back(Output::NotAcked { mark: waiting.mark, why });
        }
    }

    fn lose(&mut self, lost: Lost) {
        self.phase = Phase::Over;
        while let Some((_, waiting)) = self.acks.pop_first() {
            self.outputs.push_back(Output::NotAcked { mark: waiting.mark, why: NotAcked::Lost });
        }
        self.outputs.push_back(Output::Lost(lost));
    }

    fn say(&mut self, packet: &Packet) {
        for message in packet.encode() {
            self.send(engineio::Packet::Message(message));
        }
    }

    fn send(&mut self, packet: engineio::Packet) {
        self.outputs.push_back(Output::Send(packet.into_frame()));
    }
}

/// The main namespace.
const MAIN: &str = "/";

/// Bytes of what a ping carries; `probe` is the longest honest one.
const PING_LEN_MAX: usize = 64;

/// Characters of a refusal that are shown.
const REFUSAL_CHARS_MAX: usize = 200;

/// `{"message": …}`, or the text alone as older servers send it.
fn refusal(data: &Value) -> String {
    let message = data.get("message").unwrap_or(data).as_str().unwrap_or("without a reason");
    message.chars().filter(|char| !char.is_control()).take(REFUSAL_CHARS_MAX).collect()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
