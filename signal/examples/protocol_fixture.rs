//! What the protocols' own test suites talk to, on port 3000 (or the one that is named).
//!
//! Under `/engine.io/` every message comes back. Under `/socket.io/` the namespaces `/` and `/custom` tell what the handshake
//! carried, give back what `message` brings, and acknowledge `message-with-ack` with its own arguments.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future;
use signal::{App, Deed, Hub, Origins, Site, host, listen};
use signal_proto::engineio::{Message, Timing};
use signal_proto::ids::{SocketId, SocketKey};
use signal_proto::rng::Rng;
use signal_proto::socketio::{Args, Input, Output, Session};

const TIMING: Timing = Timing {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    payload_max: 1_000_000,
};
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse()).map_err(std::io::Error::other)?;
    let listener = listen::tcp(None, port)?;
    println!("listening on port {}", listener.local_addr()?.port());
    let seed = || {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map(|()| Rng::new(seed)).map_err(std::io::Error::other)
    };
    let namespaces = Namespaces { rng: seed()?, sessions: HashMap::new(), deeds: VecDeque::new() };
    let site = Site::new(Origins::Any)
        .mount("/engine.io/", Hub::new(Echo::default(), TIMING, seed()?))
        .mount("/socket.io/", Hub::new(namespaces, TIMING, seed()?));
    smol::block_on(host(listener, Rc::new(site), future::pending()))
}

/// Gives back every message.
#[derive(Default)]
struct Echo {
    deeds: VecDeque<Deed>,
}

impl App for Echo {
    fn on_open(&mut self, _: Instant, _: SocketKey, _: &SocketId, _: IpAddr) {}

    fn on_message(&mut self, _: Instant, socket: SocketKey, message: Message) {
        self.deeds.push_back(Deed::Send { to: vec![socket], message });
    }

    fn on_round_trip(&mut self, _: Instant, _: SocketKey, _: Duration) {}

    fn on_close(&mut self, _: Instant, _: SocketKey) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_output(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }
}

/// Socket.IO with two namespaces.
struct Namespaces {
    rng: Rng,
    sessions: HashMap<SocketKey, Session>,
    deeds: VecDeque<Deed>,
}

impl Namespaces {
    fn settle(&mut self, now: Instant, socket: SocketKey) {
        let Some(session) = self.sessions.get_mut(&socket) else { return };
        while let Some(output) = session.poll_output() {
            match output {
                Output::Message(message) => self.deeds.push_back(Deed::Send { to: vec![socket], message }),
                Output::Connect { namespace, auth } if namespace == "/" || namespace == "/custom" => {
                    let sid = SocketId::draw(&mut self.rng).as_str().to_owned();
                    session.handle_input(now, Input::Accept { namespace: namespace.clone(), sid });
                    let (name, args) = ("auth".to_owned(), Args::one(auth));
                    session.handle_input(now, Input::Emit { namespace, name, args, ack: None });
                }
                Output::Connect { namespace, .. } => {
                    let message = "Invalid namespace".to_owned();
                    session.handle_input(now, Input::Reject { namespace, message });
                }
                Output::Event { namespace, name, args, .. } if name == "message" => {
                    let name = "message-back".to_owned();
                    session.handle_input(now, Input::Emit { namespace, name, args, ack: None });
                }
                Output::Event { namespace, name, args, id: Some(id) } if name == "message-with-ack" => {
                    session.handle_input(now, Input::Ack { namespace, id, args });
                }
                Output::Event { .. } | Output::Acked { .. } | Output::Left { .. } => {}
                Output::Close(_) => self.deeds.push_back(Deed::Close(socket)),
            }
        }
    }
}

impl App for Namespaces {
    fn on_open(&mut self, now: Instant, socket: SocketKey, _: &SocketId, _: IpAddr) {
        self.sessions.insert(socket, Session::with_bounds(now, TIMING.payload_max, CONNECT_PATIENCE));
    }

    fn on_message(&mut self, now: Instant, socket: SocketKey, message: Message) {
        if let Some(session) = self.sessions.get_mut(&socket) {
            session.handle_input(now, Input::Message(message));
        }
        self.settle(now, socket);
    }

    fn on_round_trip(&mut self, _: Instant, _: SocketKey, _: Duration) {}

    fn on_close(&mut self, _: Instant, socket: SocketKey) {
        self.sessions.remove(&socket);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<SocketKey> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.poll_timeout().is_some_and(|(at, _)| at <= now))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in due {
            if let Some(session) = self.sessions.get_mut(&socket) {
                session.handle_timeout(now);
            }
            self.settle(now, socket);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.sessions.values().filter_map(Session::poll_timeout).map(|(at, _)| at).min()
    }

    fn poll_output(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }
}
