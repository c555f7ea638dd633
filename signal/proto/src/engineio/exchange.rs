//! What goes into a session and comes out of it.

use std::time::Duration;

use bytes::Bytes;

use super::packet::{Frame, Message, PacketError};
use crate::limits::{PAYLOAD_LEN_MAX, PING_INTERVAL, PING_TIMEOUT};

/// What the handshake tells the client, and we keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between pings.
    pub ping_interval: Duration,
    /// From a ping to the end, without a pong.
    pub ping_timeout: Duration,
    /// Bytes of a packet or a body that are accepted.
    pub payload_max: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self { ping_interval: PING_INTERVAL, ping_timeout: PING_TIMEOUT, payload_max: PAYLOAD_LEN_MAX }
    }
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// A GET began; it waits until [`Output::Poll`].
    Poll,
    /// The GET's client went away before its answer.
    PollLost,
    /// A POST with its whole body; answered by [`Output::Post`].
    Post(&'a [u8]),
    /// A WebSocket for this session stands.
    SocketOpened,
    /// A text message on it.
    SocketText(&'a str),
    /// A binary message on it.
    SocketBinary(Bytes),
    /// The WebSocket ended.
    SocketClosed,
    /// The layer above says something.
    Send(Message),
    /// The layer above ends the connection. What it said before still goes to the next poll.
    Close,
}

/// What the driver does, and what the layer above hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer the waiting GET: `Ok` is 200 with this body, `Err` is 400.
    Poll(Result<String, PacketError>),
    /// A second GET while one waits: 400 for the second.
    PollRefused,
    /// Answer the POST: `Ok` is 200 with the body `ok`, `Err` is 400 (413 when too long).
    Post(Result<(), PacketError>),
    /// Send this on the WebSocket.
    Frame(Frame),
    /// Close the WebSocket.
    CloseSocket,
    /// Something for the layer above.
    Message(Message),
    /// The transport is the WebSocket from now on.
    Upgraded,
    /// A ping was answered after so long.
    RoundTrip(Duration),
    /// The session ended; nothing follows but what closes its transports.
    Closed(CloseReason),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said so.
    ByClient,
    /// The layer above said so.
    ByServer,
    /// The WebSocket ended.
    TransportClosed,
    /// A ping was not answered in time.
    PingTimeout,
    /// The client broke the protocol.
    Malformed(PacketError),
    /// Two GETs at once.
    PollTwice,
    /// It left more than `QUEUED_BYTES_MAX` unread.
    SlowReader,
}

/// Why a session wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The next ping is due.
    Ping,
    /// No pong came.
    PingTimeout,
    /// The WebSocket beside the polling did not take over.
    UpgradeTimeout,
    /// No poll came for what a session that we ended had still to say.
    LeaveTimeout,
}
