//! The app behind `/socket.io/`: Socket.IO connections in front of the lobby.

mod backend;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use signal_proto::cluster;
use signal_proto::engineio::Message;
use signal_proto::error::{Code, Problem};
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::limits::MESSAGE_LEN_MAX;
use signal_proto::lobby::{self, Totals};
use signal_proto::rng::Rng;
use signal_proto::socketio::session::CloseReason;
use signal_proto::socketio::{Input, Output, Session, event_message};

use crate::transport::{App, Deed};
pub(crate) use backend::Backend;

/// The namespace that rooms are in; there is no other.
const MAIN: &str = "/";

pub(crate) struct Rooms {
    backend: Backend,
    connections: HashMap<SocketKey, Connection>,
    /// Who must have asked for the namespace by when.
    connect_by: BTreeSet<(Instant, SocketKey)>,
    rng: Rng,
    deeds: VecDeque<Deed>,
}

struct Connection {
    session: Session,
    from: IpAddr,
    /// The lobby knows it: the namespace was granted, and not left.
    is_in: bool,
    connect_by: Option<Instant>,
}

impl Rooms {
    pub(crate) fn new(backend: Backend, rng: Rng) -> Self {
        Self { backend, connections: HashMap::new(), connect_by: BTreeSet::new(), rng, deeds: VecDeque::new() }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.backend.totals()
    }

    /// Tells everybody that the server goes, and lets nobody in any more.
    pub(crate) fn drain(&mut self, now: Instant, retry_after: Duration) {
        self.lobby(now, lobby::Input::Drain { retry_after });
    }

    /// Redis answers, or another process writes.
    pub(crate) fn hear(&mut self, now: Instant, input: cluster::Input) {
        self.backend.hear(now, input);
        self.settle_lobby();
    }

    fn lobby(&mut self, now: Instant, input: lobby::Input) {
        self.backend.handle_input(now, input);
        self.settle_lobby();
    }

    fn settle_lobby(&mut self) {
        while let Some(deed) = self.backend.poll_deed() {
            self.deeds.push_back(deed);
        }
    }

    fn socketio(&mut self, now: Instant, socket: SocketKey, input: Input) {
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        connection.session.handle_input(now, input);
        self.settle(now, socket);
    }

    fn settle(&mut self, now: Instant, socket: SocketKey) {
        while let Some(output) = self.connections.get_mut(&socket).and_then(|it| it.session.poll_output()) {
            match output {
                Output::Message(message) => self.deeds.push_back(Deed::Send { to: vec![socket], message }),
                Output::Connect { namespace, .. } => self.on_connect(now, socket, namespace),
                Output::Event { name, args, id, .. } => {
                    let payload = args.values.into_iter().next();
                    self.lobby(now, lobby::Input::Event { socket, name, payload, ack: id });
                }
                // The lobby asks for no acknowledgement.
                Output::Acked { .. } => {}
                Output::Left { .. } => self.leave(now, socket),
                Output::Close(reason) => self.on_broken(socket, reason),
            }
        }
        self.rearm(socket);
    }

    fn on_connect(&mut self, now: Instant, socket: SocketKey, namespace: String) {
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        if namespace != MAIN {
            let message = "Invalid namespace".to_owned();
            return connection.session.handle_input(now, Input::Reject { namespace, message });
        }
        // Not Engine.IO's id: who knows that one could poll in its place.
        let peer_id = SocketId::draw(&mut self.rng);
        connection.session.handle_input(now, Input::Accept { namespace, sid: peer_id.as_str().to_owned() });
        connection.is_in = true;
        let address = connection.from;
        self.lobby(now, lobby::Input::Connected { socket, peer_id, address });
    }

    fn leave(&mut self, now: Instant, socket: SocketKey) {
        if let Some(connection) = self.connections.get_mut(&socket).filter(|connection| connection.is_in) {
            connection.is_in = false;
            self.lobby(now, lobby::Input::Disconnected(socket));
        }
    }

    fn on_broken(&mut self, socket: SocketKey, reason: CloseReason) {
        log::debug!("connection {} broke the protocol: {reason:?}", socket.0);
        if let CloseReason::Malformed(error) = reason {
            self.refuse(socket, &error.to_string());
        }
        self.deeds.push_back(Deed::Close(socket));
    }

    /// Says that a message was not taken, to whoever is there to hear it.
    fn refuse(&mut self, socket: SocketKey, why: &str) {
        if self.connections.get(&socket).is_some_and(|connection| connection.is_in) {
            let problem = Problem::new(Code::S013, format!("the message was refused: {why}"));
            let message = event_message("error", &problem.shown().into());
            self.deeds.push_back(Deed::Send { to: vec![socket], message });
        }
    }

    fn rearm(&mut self, socket: SocketKey) {
        let Some(connection) = self.connections.get_mut(&socket) else { return };
        let wake = connection.session.poll_timeout().map(|(at, _)| at);
        if let Some(before) = std::mem::replace(&mut connection.connect_by, wake).filter(|at| Some(*at) != wake) {
            self.connect_by.remove(&(before, socket));
        }
        self.connect_by.extend(wake.map(|at| (at, socket)));
    }
}

impl App for Rooms {
    fn on_open(&mut self, now: Instant, socket: SocketKey, _sid: &SocketId, from: IpAddr) {
        let connection = Connection { session: Session::new(now), from, is_in: false, connect_by: None };
        self.connections.insert(socket, connection);
        self.rearm(socket);
    }

    fn on_message(&mut self, now: Instant, socket: SocketKey, message: Message) {
        // One message too long is no reason to lose the connection.
        if matches!(&message, Message::Text(text) if text.len() > MESSAGE_LEN_MAX) {
            return self.refuse(socket, "it is longer than 64 KiB");
        }
        self.socketio(now, socket, Input::Message(message));
    }

    fn on_round_trip(&mut self, now: Instant, socket: SocketKey, round_trip: Duration) {
        self.lobby(now, lobby::Input::RoundTrip(socket, round_trip));
    }

    fn on_close(&mut self, now: Instant, socket: SocketKey) {
        self.leave(now, socket);
        if let Some(at) = self.connections.remove(&socket).and_then(|connection| connection.connect_by) {
            self.connect_by.remove(&(at, socket));
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, socket)) = self.connect_by.first().copied().filter(|(at, _)| *at <= now) {
            if let Some(connection) = self.connections.get_mut(&socket) {
                connection.session.handle_timeout(now);
            }
            self.settle(now, socket);
        }
        self.backend.handle_timeout(now);
        self.settle_lobby();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let connect = self.connect_by.first().map(|(at, _)| *at);
        [connect, self.backend.poll_timeout()].into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }
}
