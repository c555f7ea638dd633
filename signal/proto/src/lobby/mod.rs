//! All rooms of a server, and the connections that are in them or at the door: finds the room of an event, counts what
//! connections do, wakes rooms. `door` opens rooms and lets people in.

mod door;
mod moving;
mod rates;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{Code, Problem};
use crate::event::{ClientEvent, parse_client};
use crate::ids::{ParticipantId, RoomKey, SocketId, SocketKey};
use crate::payload::Payload;
use crate::rng::Rng;
use crate::room::{self, Room, Setting};
use crate::time::ServerTime;
use door::Door;
use rates::{Bucket, Rates, counted_as};

/// What happens to a lobby.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody is connected.
    Connected {
        /// The connection.
        socket: SocketKey,
        /// Its public name.
        peer_id: SocketId,
        /// Where it comes from.
        address: IpAddr,
    },
    /// Somebody says something.
    Event {
        /// Who.
        socket: SocketKey,
        /// The event's name.
        name: String,
        /// Its first argument.
        payload: Option<Value>,
        /// Set if it is to be acknowledged; comes back in [`Output::Ack`].
        ack: Option<u64>,
    },
    /// The way there and back, by the server's own ping.
    RoundTrip(SocketKey, Duration),
    /// A connection is gone.
    Disconnected(SocketKey),
    /// The server is about to go: everybody is told, and nobody comes in any more.
    Drain {
        /// When to try again.
        retry_after: Duration,
    },
}

/// What a lobby wants done: with payloads as they are sent, or as values.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<P = Value> {
    /// Send an event. [`event_message`](crate::socketio::event_message) makes the whole text of it, once for all who hear it.
    Emit {
        /// To whom.
        to: Vec<SocketKey>,
        /// Its name.
        name: &'static str,
        /// What it carries, an object.
        payload: P,
    },
    /// Acknowledge: [`ack_message`](crate::socketio::ack_message), where the event's own number is the mark.
    Ack {
        /// To whom.
        to: SocketKey,
        /// The mark that [`Input::Event`] gave.
        ack: u64,
        /// The answer.
        payload: P,
    },
    /// End a connection, once what was sent is with it.
    Close(SocketKey),
}

/// Why a lobby wants to be woken: a room's reason.
pub use crate::room::Wake;

/// How a lobby is set up.
#[derive(Clone, Debug)]
pub struct LobbyConfig {
    /// The same for all rooms.
    pub setting: Setting,
    /// Rates and bounds of addresses are kept; load tests from one machine lift them.
    pub limited: bool,
}

/// How much there is of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Rooms, those that wait for their people too.
    pub rooms: usize,
    /// Connections in rooms.
    pub participants: usize,
    /// Connections.
    pub sockets: usize,
}

/// All rooms of a server.
#[derive(Debug)]
pub struct Lobby {
    setting: Arc<Setting>,
    limited: bool,
    rng: Rng,
    sockets: BTreeMap<SocketKey, Socket>,
    rooms: BTreeMap<RoomKey, Place>,
    /// When each room wants to be woken. Invariant: what [`Place::wake`] says.
    wakes: BTreeSet<(Instant, RoomKey)>,
    rooms_by_address: BTreeMap<IpAddr, usize>,
    failures: BTreeMap<IpAddr, Bucket>,
    participants: usize,
    draining: bool,
    watch: Option<moving::Watch>,
    outputs: VecDeque<Output<Payload>>,
}

#[derive(Debug)]
struct Socket {
    peer_id: SocketId,
    address: IpAddr,
    /// In which room, as whom.
    place: Option<(RoomKey, ParticipantId)>,
    rates: Rates,
}

#[derive(Debug)]
struct Place {
    room: Room,
    /// Who opened it.
    address: IpAddr,
    wake: Option<Instant>,
}

impl Lobby {
    /// A server without rooms.
    pub fn new(config: LobbyConfig, rng: Rng) -> Self {
        Self {
            setting: Arc::new(config.setting),
            limited: config.limited,
            rng,
            sockets: BTreeMap::new(),
            rooms: BTreeMap::new(),
            wakes: BTreeSet::new(),
            rooms_by_address: BTreeMap::new(),
            failures: BTreeMap::new(),
            participants: 0,
            draining: false,
            watch: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Connected { socket, peer_id, address } => {
                let address = counted_as(address);
                self.sockets.insert(socket, Socket { peer_id, address, place: None, rates: Rates::new(now) });
            }
            Input::Event { socket, name, payload, ack } => self.on_event(now, socket, &name, payload.as_ref(), ack),
            Input::RoundTrip(socket, rtt) => {
                if let Some((key, who)) = self.place_of(socket)
                    && let Some(place) = self.rooms.get_mut(&key)
                {
                    place.room.handle_round_trip(&who, rtt);
                }
            }
            Input::Disconnected(socket) => self.on_disconnected(now, socket),
            Input::Drain { retry_after } => {
                self.draining = true;
                let keys: Vec<RoomKey> = self.rooms.keys().cloned().collect();
                for key in keys {
                    self.with_room(&key, |room| room.handle_drain(retry_after));
                }
            }
        }
    }

    /// Does what [`Lobby::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, key)) = self.wakes.first().filter(|(at, _)| *at <= now).cloned() {
            self.with_room(&key, |room| room.handle_timeout(now));
        }
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_encoded(&mut self) -> Option<Output<Payload>> {
        self.outputs.pop_front()
    }

    /// The next thing to do, in the same order, for who looks into payloads: each is read anew.
    pub fn poll_output(&mut self) -> Option<Output> {
        Some(match self.poll_encoded()? {
            Output::Emit { to, name, payload } => Output::Emit { to, name, payload: payload.value() },
            Output::Ack { to, ack, payload } => Output::Ack { to, ack, payload: payload.value() },
            Output::Close(socket) => Output::Close(socket),
        })
    }

    /// When to call [`Lobby::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// How much there is of what.
    pub fn totals(&self) -> Totals {
        Totals { rooms: self.rooms.len(), participants: self.participants, sockets: self.sockets.len() }
    }

    /// The server's clock.
    pub fn server_time(&self, now: Instant) -> ServerTime {
        self.setting.clock.at(now)
    }

    fn on_event(&mut self, now: Instant, from: SocketKey, name: &str, payload: Option<&Value>, ack: Option<u64>) {
        let limited = self.limited;
        let Some(socket) = self.sockets.get_mut(&from) else { return };
        if limited && let Err(much) = socket.rates.count(now, name) {
            self.refuse(from, name, ack, &much.problem);
            if much.is_flood {
                self.outputs.push_back(Output::Close(from));
            }
            return;
        }
        let event = match parse_client(name, payload) {
            Ok(Some(event)) => event,
            // Newer clients may say more than we know.
            Ok(None) => return,
            Err(problem) => return self.refuse(from, name, ack, &problem),
        };
        match self.on_client_event(now, from, event) {
            Ok(answer) => {
                if let Some(ack) = ack {
                    let payload = answer.unwrap_or_else(|| json!({ "success": true }).into());
                    self.outputs.push_back(Output::Ack { to: from, ack, payload });
                }
            }
            Err(problem) => self.refuse(from, name, ack, &problem),
        }
    }

    fn on_client_event(
        &mut self,
        now: Instant,
        from: SocketKey,
        event: ClientEvent,
    ) -> Result<Option<Payload>, Problem> {
        match event {
            ClientEvent::CreateRoom { participant, name, capabilities, requested_code } => {
                let door = Door { socket: from, participant, name, capabilities };
                self.on_create(now, door, requested_code).map(Some)
            }
            ClientEvent::JoinRoom { code, participant, name, capabilities, session_token, snapshot } => {
                let door = Door { socket: from, participant, name, capabilities };
                self.on_join(now, door, code.as_ref(), session_token.as_deref(), snapshot.as_ref()).map(Some)
            }
            event => {
                let nowhere = || Problem::new(Code::S008, "you are in no room: create or join one first");
                let (key, who) = self.place_of(from).ok_or_else(nowhere)?;
                self.with_room(&key, |room| room.handle_event(now, &who, event)).unwrap_or_else(|| Err(nowhere()))
            }
        }
    }

    fn on_disconnected(&mut self, now: Instant, socket: SocketKey) {
        let Some(gone) = self.sockets.remove(&socket) else { return };
        if let Some((key, who)) = gone.place {
            self.participants -= 1;
            self.with_room(&key, |room| room.handle_lost(now, &who, socket));
        }
    }

    /// Does something with a room, then what the room wants done; forgets it if it is over.
    fn with_room<T>(&mut self, key: &RoomKey, work: impl FnOnce(&mut Room) -> T) -> Option<T> {
        let place = self.rooms.get_mut(key)?;
        let result = work(&mut place.room);
        while let Some(output) = place.room.poll_output() {
            match output {
                room::Output::Emit { to, said } => {
                    self.outputs.push_back(Output::Emit { to, name: said.name, payload: said.payload });
                }
                room::Output::Out(key_of_socket) => {
                    if let Some(socket) = self.sockets.get_mut(&key_of_socket).filter(|socket| socket.place.is_some()) {
                        socket.place = None;
                        self.participants -= 1;
                        if let Some(watch) = &mut self.watch {
                            watch.note_moved(key_of_socket);
                        }
                    }
                }
                room::Output::Close(socket) => self.outputs.push_back(Output::Close(socket)),
            }
        }
        if let Some(watch) = &mut self.watch {
            watch.note_touched(key);
        }
        let wake = place.room.poll_timeout().map(|(at, _)| at);
        let is_over = place.room.is_over();
        if let Some(before) = std::mem::replace(&mut place.wake, wake).filter(|before| Some(*before) != wake) {
            self.wakes.remove(&(before, key.clone()));
        }
        self.wakes.extend(wake.map(|at| (at, key.clone())));
        if is_over {
            self.forget_room(key);
        }
        Some(result)
    }

    fn forget_room(&mut self, key: &RoomKey) {
        let Some(place) = self.rooms.remove(key) else { return };
        if let Some(at) = place.wake {
            self.wakes.remove(&(at, key.clone()));
        }
        if let Some(count) = self.rooms_by_address.get_mut(&place.address) {
            *count -= 1;
            if *count == 0 {
                self.rooms_by_address.remove(&place.address);
            }
        }
    }

    fn place_of(&self, socket: SocketKey) -> Option<(RoomKey, ParticipantId)> {
        self.sockets.get(&socket)?.place.clone()
    }

    fn address_of(&self, socket: SocketKey) -> IpAddr {
        self.sockets.get(&socket).map_or(IpAddr::from([0, 0, 0, 0]), |socket| socket.address)
    }

    /// Says why not: as an `error`, as the answer that was waited for, and for a room's door as its own event.
    fn refuse(&mut self, to: SocketKey, name: &str, ack: Option<u64>, problem: &Problem) {
        let answering = match name {
            "create-room" => Some("room-created"),
            "join-room" => Some("room-joined"),
            _ => None,
        };
        self.outputs.push_back(Output::Emit { to: vec![to], name: "error", payload: problem.shown().into() });
        let payload = Payload::from(problem.answer());
        let answer = answering.map(|name| Output::Emit { to: vec![to], name, payload: payload.clone() });
        self.outputs.extend(answer);
        self.outputs.extend(ack.map(|ack| Output::Ack { to, ack, payload }));
    }
}
