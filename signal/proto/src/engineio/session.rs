//! One Engine.IO connection of the server's side: open, heartbeat, upgrade, close.
//!
//! A session begins by polling or by WebSocket. A polling one may get a WebSocket beside it, which is tried (`2probe`)
//! and then takes over (`5`). The driver carries out [`Output`]s and has at most one WebSocket a session
//! ([`Session::accepts_socket`]); of one that it was told to close it says nothing more. A POST is one input, so that two at once
//! are the driver's to see: it refuses the second with 400 and closes the session, as the reference server does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use super::exchange::{CloseReason, Input, Output, Timing, Wake};
use super::packet::{Message, Packet, PacketError, decode_payload, encode_payload};
use super::query::Transport;
use crate::limits::{LEAVE_PATIENCE, POLLED_PACKETS_MAX, QUEUED_BYTES_MAX, UPGRADE_PATIENCE};

/// Called so much later than asked for, the program or its machine was asleep.
const SLEPT: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Session {
    timing: Timing,
    state: State,
    /// A GET waits for its answer.
    polled: bool,
    /// When the next ping is due, or the last was sent and not answered.
    heart: Heart,
    /// Until when a WebSocket beside the polling takes over. Invariant: `Some` in `Probing` and `Probed`, and only there.
    upgrade_by: Option<Instant>,
    /// For the next poll; empty while the WebSocket is the transport.
    queue: VecDeque<Packet>,
    queued_bytes: usize,
    outputs: VecDeque<Output>,
}

/// Invariant: `Probing` and `Probed` have a WebSocket beside the polling, `WebSocket` has no polling. `Leaving` polls, is ended by
/// us and has something in the queue that the client is to hear first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Polling,
    Probing,
    Probed,
    WebSocket,
    Leaving { until: Instant },
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum Heart {
    /// Until the next ping.
    Rests { until: Instant },
    /// For the answer to the last.
    Waits { since: Instant, until: Instant },
}

impl Session {
    /// Opens a session: the handshake is the first thing the client gets. The first ping comes one interval later.
    pub fn open(now: Instant, sid: &str, transport: Transport, timing: Timing) -> Self {
        let state = match transport {
            Transport::Polling => State::Polling,
            Transport::WebSocket => State::WebSocket,
        };
        let upgrades: &[&str] = if state == State::Polling { &["websocket"] } else { &[] };
        let handshake = json!({
            "sid": sid,
            "upgrades": upgrades,
            "pingInterval": millis(timing.ping_interval),
            "pingTimeout": millis(timing.ping_timeout),
            "maxPayload": timing.payload_max,
        });
        let mut session = Self {
            timing,
            state,
            polled: state == State::Polling,
            heart: Heart::Rests { until: now + timing.ping_interval },
            upgrade_by: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
            outputs: VecDeque::new(),
        };
        session.send(Packet::Open(handshake.to_string()));
        session.flush_poll();
        session
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match self.state {
            State::Closed => return self.refuse(&input),
            State::Leaving { .. } => return self.while_leaving(&input),
            State::Polling | State::Probing | State::Probed | State::WebSocket => {}
        }
        match input {
            Input::Poll => self.on_poll(),
            Input::PollLost => self.polled = false,
            Input::Post(body) => self.on_post(now, body),
            Input::SocketOpened => {
                if self.state == State::Polling {
                    (self.state, self.upgrade_by) = (State::Probing, Some(now + UPGRADE_PATIENCE));
                }
            }
            Input::SocketText(text) => self.on_text(now, text),
            Input::SocketBinary(bytes) => self.on_binary(now, bytes),
            Input::SocketClosed => self.on_socket_closed(),
            Input::Send(message) => self.send(Packet::Message(message)),
            Input::Close => self.leave(now),
        }
        if self.state == State::Polling || self.state == State::Probing {
            self.flush_poll();
        }
    }

    /// Pings, or gives up: a connection, or an upgrade alone.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.poll_timeout() {
            Some((at, Wake::Ping)) if at <= now => {
                // A timer that is a little late takes nothing from what the handshake promised.
                let due = if now < at + SLEPT { at } else { now };
                self.heart = Heart::Waits { since: now, until: due + self.timing.ping_timeout };
                self.send(Packet::Ping(String::new()));
                self.flush_poll();
            }
            Some((at, Wake::PingTimeout)) if now >= at + SLEPT => {
                // It was us who slept, and the answer may lie in the socket.
                if let Heart::Waits { until, .. } = &mut self.heart {
                    *until = now + SLEPT;
                }
            }
            Some((at, Wake::PingTimeout)) if at <= now => self.close(CloseReason::PingTimeout),
            Some((at, Wake::UpgradeTimeout)) if at <= now => {
                self.give_up_upgrade();
                self.flush_poll();
            }
            Some((at, Wake::LeaveTimeout)) if at <= now => self.close(CloseReason::ByServer),
            Some(_) | None => {}
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        match self.state {
            State::Closed => return None,
            State::Leaving { until } => return Some((until, Wake::LeaveTimeout)),
            State::Polling | State::Probing | State::Probed | State::WebSocket => {}
        }
        let heart = match self.heart {
            Heart::Rests { until } => (until, Wake::Ping),
            Heart::Waits { until, .. } => (until, Wake::PingTimeout),
        };
        let upgrade = self.upgrade_by.map(|at| (at, Wake::UpgradeTimeout));
        Some(upgrade.filter(|(at, _)| *at < heart.0).unwrap_or(heart))
    }

    /// Whether a WebSocket that names this session may become its transport. Otherwise the driver closes it.
    pub fn accepts_socket(&self) -> bool {
        self.state == State::Polling
    }

    /// Whether what is sent becomes a frame at once, and changes nothing here: a server may then make the frame itself, once for
    /// many sessions.
    pub fn sends_at_once(&self) -> bool {
        self.state == State::WebSocket
    }

    /// Whether GET and POST are still of this session. Otherwise they are answered with 400.
    pub fn accepts_polling(&self) -> bool {
        matches!(self.state, State::Polling | State::Probing | State::Probed | State::Leaving { .. })
    }

    fn on_poll(&mut self) {
        if self.polled {
            self.outputs.push_back(Output::PollRefused);
            return self.close(CloseReason::PollTwice);
        }
        self.polled = true;
        if self.state == State::WebSocket {
            self.refuse(&Input::Poll);
        } else if self.state == State::Probed {
            // Nothing more comes this way; the client polls until it has sent its upgrade.
            self.answer_poll(Packet::Noop);
        }
    }

    fn on_post(&mut self, now: Instant, body: &[u8]) {
        if self.state == State::WebSocket {
            return self.refuse(&Input::Post(body));
        }
        match decode_payload(body, self.timing.payload_max) {
            Ok(packets) => {
                self.outputs.push_back(Output::Post(Ok(())));
                for packet in packets {
                    self.on_packet(now, packet);
                }
            }
            Err(error) => {
                self.outputs.push_back(Output::Post(Err(error)));
                self.close(CloseReason::Malformed(error));
            }
        }
    }

    fn on_text(&mut self, now: Instant, text: &str) {
        if text.len() > self.timing.payload_max {
            return self.close(CloseReason::Malformed(PacketError::Long));
        }
        let packet = match Packet::decode_text(text) {
            Ok(packet) => packet,
            Err(error) if self.state == State::WebSocket => return self.close(CloseReason::Malformed(error)),
            Err(_) => return self.give_up_upgrade(),
        };
        match (self.state, packet) {
            (State::Probing, Packet::Ping(data)) if data == "probe" => {
                self.outputs.push_back(Output::Frame(Packet::Pong(data).into_frame()));
                self.state = State::Probed;
                // Ends the poll that waits, so that the client can say `upgrade`.
                if self.polled {
                    self.flush_poll();
                }
                if self.polled {
                    self.answer_poll(Packet::Noop);
                }
            }
            (State::Probed, Packet::Upgrade) => self.on_upgrade(),
            (State::Probing | State::Probed, _) => self.give_up_upgrade(),
            (State::Polling | State::WebSocket | State::Leaving { .. } | State::Closed, packet) => {
                self.on_packet(now, packet);
            }
        }
    }

    fn on_binary(&mut self, now: Instant, bytes: Bytes) {
        if bytes.len() > self.timing.payload_max {
            self.close(CloseReason::Malformed(PacketError::Long));
        } else if self.state == State::WebSocket {
            self.on_packet(now, Packet::Message(Message::Binary(bytes)));
        } else {
            self.give_up_upgrade();
        }
    }

    fn on_socket_closed(&mut self) {
        match self.state {
            State::WebSocket => self.close(CloseReason::TransportClosed),
            State::Probing | State::Probed => (self.state, self.upgrade_by) = (State::Polling, None),
            State::Polling | State::Leaving { .. } | State::Closed => {}
        }
    }

    fn on_upgrade(&mut self) {
        (self.state, self.upgrade_by) = (State::WebSocket, None);
        if self.polled {
            self.answer_poll(Packet::Noop);
        }
        self.outputs.push_back(Output::Upgraded);
        self.queued_bytes = 0;
        let waiting = std::mem::take(&mut self.queue);
        self.outputs.extend(waiting.into_iter().map(|packet| Output::Frame(packet.into_frame())));
    }

    fn give_up_upgrade(&mut self) {
        (self.state, self.upgrade_by) = (State::Polling, None);
        self.outputs.push_back(Output::CloseSocket);
    }

    fn on_packet(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::Message(message) if self.state != State::Closed => self.outputs.push_back(Output::Message(message)),
            Packet::Message(_) => {}
            Packet::Pong(_) => {
                if let Heart::Waits { since, .. } = self.heart {
                    self.outputs.push_back(Output::RoundTrip(now.duration_since(since)));
                    self.heart = Heart::Rests { until: now + self.timing.ping_interval };
                }
            }
            Packet::Close => self.close(CloseReason::ByClient),
            // Protocol 4: the server pings. A client that still does is answered by nobody, as the reference server does.
            Packet::Ping(_) | Packet::Noop => {}
            Packet::Open(_) | Packet::Upgrade => self.close(CloseReason::Malformed(PacketError::Type)),
        }
    }

    fn send(&mut self, packet: Packet) {
        if self.state == State::WebSocket {
            self.outputs.push_back(Output::Frame(packet.into_frame()));
            return;
        }
        self.queued_bytes += len(&packet);
        self.queue.push_back(packet);
        if self.queued_bytes > QUEUED_BYTES_MAX {
            self.close(CloseReason::SlowReader);
        }
    }

    fn flush_poll(&mut self) {
        self.flush_poll_with(POLLED_PACKETS_MAX);
    }

    fn flush_poll_with(&mut self, packets_max: usize) {
        if self.polled && !self.queue.is_empty() {
            self.polled = false;
            let packets: Vec<Packet> = self.queue.drain(..self.queue.len().min(packets_max)).collect();
            self.queued_bytes -= packets.iter().map(len).sum::<usize>();
            self.outputs.push_back(Output::Poll(Ok(encode_payload(packets))));
        }
    }

    fn answer_poll(&mut self, packet: Packet) {
        self.polled = false;
        self.outputs.push_back(Output::Poll(Ok(packet.into_text())));
    }

    /// Ends it, at once or once the client has heard what waits for its next poll.
    fn leave(&mut self, now: Instant) {
        if self.state == State::WebSocket || self.queue.is_empty() {
            return self.close(CloseReason::ByServer);
        }
        if self.state != State::Polling {
            self.give_up_upgrade();
        }
        self.state = State::Leaving { until: now + LEAVE_PATIENCE };
    }

    fn while_leaving(&mut self, input: &Input<'_>) {
        match input {
            Input::Poll => {
                self.polled = true;
                self.close(CloseReason::ByServer);
            }
            // Nobody listens to it any more, and it is no offence.
            Input::Post(_) => self.outputs.push_back(Output::Post(Ok(()))),
            Input::SocketOpened => self.outputs.push_back(Output::CloseSocket),
            Input::PollLost
            | Input::SocketText(_)
            | Input::SocketBinary(_)
            | Input::SocketClosed
            | Input::Send(_)
            | Input::Close => {}
        }
    }

    fn close(&mut self, reason: CloseReason) {
        let before = std::mem::replace(&mut self.state, State::Closed);
        if before == State::Closed {
            return;
        }
        self.upgrade_by = None;
        if self.polled {
            // The one who closed knows; the others are told with what was still to be said.
            let last = if reason == CloseReason::ByClient { Packet::Noop } else { Packet::Close };
            self.queue.push_back(last);
            // It will not ask again.
            self.flush_poll_with(usize::MAX);
        }
        self.queue.clear();
        if before == State::WebSocket && reason == CloseReason::ByServer {
            self.outputs.push_back(Output::Frame(Packet::Close.into_frame()));
        }
        if matches!(before, State::Probing | State::Probed | State::WebSocket) {
            self.outputs.push_back(Output::CloseSocket);
        }
        self.outputs.push_back(Output::Closed(reason));
    }

    /// Answers requests of a session that does not take them any more.
    fn refuse(&mut self, input: &Input<'_>) {
        match input {
            Input::Poll => {
                self.polled = false;
                self.outputs.push_back(Output::Poll(Err(PacketError::Type)));
            }
            Input::Post(_) => self.outputs.push_back(Output::Post(Err(PacketError::Type))),
            Input::SocketOpened => self.outputs.push_back(Output::CloseSocket),
            Input::PollLost
            | Input::SocketText(_)
            | Input::SocketBinary(_)
            | Input::SocketClosed
            | Input::Send(_)
            | Input::Close => {}
        }
    }
}

fn len(packet: &Packet) -> usize {
    match packet {
        Packet::Open(data) | Packet::Ping(data) | Packet::Pong(data) | Packet::Message(Message::Text(data)) => {
            data.len()
        }
        // Base64 when it is polled.
        Packet::Message(Message::Binary(bytes)) => bytes.len() / 3 * 4,
        Packet::Close | Packet::Upgrade | Packet::Noop => 0,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
