//! What a process owns: its rooms, and the connections, its own and others', that are in them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::letter::{Item, Remote};
use super::{Node, NodeId};
use crate::engineio::Message;
use crate::ids::{ParticipantId, RoomKey, SocketId, SocketKey};
use crate::limits::{GHOST_GRACE, GHOST_MESSAGES_MAX, KEEP_PAUSE};
use crate::lobby;
use crate::socketio::{ack_message, event_message};

use super::{Output, StoreRequest};

/// A room of this process.
#[derive(Debug, Default)]
pub(super) struct Owned {
    claim: u64,
    /// It changed since it was kept.
    is_dirty: bool,
    /// More than chat changed: it is kept before anybody elsewhere hears of it.
    is_urgent: bool,
    saved_at: Option<Instant>,
}

/// A room that this process owned until its lease ran out.
#[derive(Debug)]
pub(super) struct Kept {
    claim: u64,
    text: String,
    at: Instant,
}

/// Whose a connection of the lobby is.
#[derive(Debug)]
pub(super) enum End {
    /// A process's, by its number there.
    Bound(NodeId, SocketKey),
    /// A member's who was here when the former owner kept the room; nobody has said yet whose it is.
    Ghost { until: Instant, waiting: VecDeque<Message> },
}

/// What changes nothing that is kept.
const QUIET: [&str; 9] = [
    "sync-check",
    "sync-report",
    "offer",
    "answer",
    "ice-candidate",
    "start-webrtc",
    "get-ice-servers",
    "call-state",
    "watch-reports",
];
/// What may be lost with its owner when that dies within [`KEEP_PAUSE`]: there may be much of it.
const SMALL: [&str; 2] = ["chat-message", "ready-state"];

/// How soon a room is kept that something was done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that is kept is another.
    Nothing,
    /// Within [`KEEP_PAUSE`].
    Small,
    /// Before anybody elsewhere hears of it.
    Great,
}

impl Node {
    /// A connection as the lobby numbers it; it is told of one that it does not know.
    pub(super) fn lobby_key(&mut self, now: Instant, node: NodeId, it: &Remote) -> SocketKey {
        if let Some(key) = self.keys.get(&(node, it.socket)) {
            return *key;
        }
        let key = self.new_key();
        self.ends.insert(key, End::Bound(node, it.socket));
        self.keys.insert((node, it.socket), key);
        let (peer_id, address) = (it.peer_id.clone(), it.from);
        self.lobby.handle_input(now, lobby::Input::Connected { socket: key, peer_id, address });
        key
    }

    fn new_key(&mut self) -> SocketKey {
        self.next_key += 1;
        SocketKey(self.next_key)
    }

    /// An event for the own lobby.
    pub(super) fn say_here(&mut self, now: Instant, socket: SocketKey, said: super::letter::Said) {
        let change = match said.name.as_str() {
            name if QUIET.contains(&name) => Change::Nothing,
            name if SMALL.contains(&name) => Change::Small,
            _ => Change::Great,
        };
        let super::letter::Said { name, payload, ack } = said;
        self.lobby.handle_input(now, lobby::Input::Event { socket, name, payload, ack });
        self.drain_lobby(now, change);
    }

    /// Does what the lobby wants done.
    pub(super) fn drain_lobby(&mut self, now: Instant, change: Change) {
        let mut vacant = Vec::new();
        while let Some(socket_here) = self.lobby.poll_moved() {
            let place = self.lobby.place(socket_here).cloned();
            if let Some(room) = place.as_ref().and_then(|(key, _)| self.rooms.get_mut(key)) {
                (room.is_dirty, room.is_urgent) = (true, true);
            }
            match self.ends.get(&socket_here) {
                Some(End::Bound(node, socket)) if *node == self.id => self.on_placed(now, self.id, *socket, place),
                Some(End::Bound(node, socket)) => {
                    let (node, its) = (*node, *socket);
                    vacant.extend(place.is_none().then_some(socket_here));
                    self.post(node, Item::Placed { socket: its, place });
                }
                Some(End::Ghost { .. }) | None => {}
            }
        }
        while let Some(output) = self.lobby.poll_encoded() {
            match output {
                lobby::Output::Emit { to, name, payload } => self.tell(&to, &event_message(name, &payload)),
                lobby::Output::Ack { to, ack, payload } => self.acknowledge(to, ack, &ack_message(ack, &payload)),
                lobby::Output::Close(socket) => match self.ends.get(&socket) {
                    Some(End::Bound(node, socket)) if *node == self.id => {
                        self.outputs.push_back(Output::Close(*socket));
                    }
                    Some(End::Bound(node, socket)) => {
                        let (node, socket) = (*node, *socket);
                        self.post(node, Item::Close { socket });
                    }
                    Some(End::Ghost { .. }) | None => {}
                },
            }
        }
        // Who is in no room here any more is known at home alone.
        for socket in vacant {
            if self.lobby.place(socket).is_none() {
                self.forget_end(socket);
                self.lobby.handle_input(now, lobby::Input::Disconnected(socket));
            }
        }
        while let Some(key) = self.lobby.poll_touched() {
            if !self.lobby.has_room(&key) {
                self.release(&key);
            } else if let Some(room) = self.rooms.get_mut(&key) {
                room.is_dirty |= change != Change::Nothing;
                room.is_urgent |= change == Change::Great;
            }
        }
    }

    fn acknowledge(&mut self, to: SocketKey, ack: u64, message: &Message) {
        match (self.ends.get(&to), message) {
            (Some(End::Bound(node, socket)), Message::Text(text)) if *node != self.id => {
                let (node, socket) = (*node, *socket);
                self.post(node, Item::Ack { socket, ack, text: text.clone() });
            }
            (Some(End::Bound(..) | End::Ghost { .. }) | None, _) => self.tell(&[to], message),
        }
    }

    /// One message for connections of the lobby: once for each process that holds some of them.
    fn tell(&mut self, to: &[SocketKey], message: &Message) {
        let mut by_node: std::collections::BTreeMap<NodeId, Vec<SocketKey>> = std::collections::BTreeMap::new();
        for socket in to {
            match self.ends.get_mut(socket) {
                Some(End::Bound(node, socket)) => by_node.entry(*node).or_default().push(*socket),
                Some(End::Ghost { waiting, .. }) if waiting.len() < GHOST_MESSAGES_MAX => {
                    waiting.push_back(message.clone());
                }
                // More than that is a room in uproar: whoever comes back late misses some of it.
                Some(End::Ghost { .. }) | None => {}
            }
        }
        for (node, to) in by_node {
            self.tell_node(node, to, message);
        }
    }

    fn tell_node(&mut self, node: NodeId, to: Vec<SocketKey>, message: &Message) {
        if node == self.id {
            self.outputs.push_back(Output::Send { to, message: message.clone() });
        } else if let Message::Text(text) = message {
            self.post(node, Item::Tell { to, text: text.clone() });
        }
    }

    /// What others write to a room's owner.
    pub(super) fn on_item_for_owner(&mut self, now: Instant, from: NodeId, item: Item) {
        match item {
            Item::Door { who, said, .. } => {
                let socket = self.lobby_key(now, from, &who);
                self.say_here(now, socket, said);
                if self.lobby.place(socket).is_none() {
                    self.lose_end(now, socket);
                }
                self.post(from, Item::Answered { socket: who.socket });
            }
            Item::Say { key, socket, said } => match self.keys.get(&(from, socket)) {
                Some(known) => self.say_here(now, *known, said),
                None => self.post(from, Item::Unseated { key, socket }),
            },
            Item::RoundTrip { socket, rtt } => {
                if let Some(known) = self.keys.get(&(from, socket)) {
                    self.lobby.handle_input(now, lobby::Input::RoundTrip(*known, rtt));
                }
            }
            Item::Gone { socket, leaves, .. } => {
                let Some(known) = self.keys.get(&(from, socket)).copied() else { return };
                if leaves {
                    self.leave_here(now, known);
                }
                self.lose_end(now, known);
            }
            Item::Attach { key, people } => {
                for (who, it) in people {
                    if !self.attach(now, &key, from, &who, &it) {
                        self.post(from, Item::Close { socket: it.socket });
                    }
                }
            }
            Item::Tell { .. }
            | Item::Ack { .. }
            | Item::Close { .. }
            | Item::Placed { .. }
            | Item::Answered { .. }
            | Item::NotHere { .. }
            | Item::Unseated { .. } => {}
        }
    }

    /// A member leaves for a room elsewhere.
    pub(super) fn leave_here(&mut self, now: Instant, socket: SocketKey) {
        let (name, payload) = ("leave-room".to_owned(), Some(serde_json::json!({})));
        if self.lobby.place(socket).is_some() {
            self.say_here(now, socket, super::letter::Said { name, payload, ack: None });
        }
    }

    /// A connection is gone.
    pub(super) fn lose_end(&mut self, now: Instant, socket: SocketKey) {
        self.forget_end(socket);
        self.lobby.handle_input(now, lobby::Input::Disconnected(socket));
        self.drain_lobby(now, Change::Great);
    }

    fn forget_end(&mut self, socket: SocketKey) {
        if let Some(End::Bound(node, its)) = self.ends.remove(&socket) {
            self.keys.remove(&(node, its));
        }
    }

    /// A member of a room that was taken over, or of one whose process was out of reach, is connected at `node`. Says whether it
    /// has its place.
    pub(super) fn attach(
        &mut self,
        now: Instant,
        key: &RoomKey,
        node: NodeId,
        who: &ParticipantId,
        it: &Remote,
    ) -> bool {
        let known = self.keys.get(&(node, it.socket)).copied();
        let holder = self.lobby.socket_of(key, who);
        if known.is_some() && known == holder {
            return true;
        }
        let Some(holder) = holder else {
            let socket = self.lobby_key(now, node, it);
            let returned = self.lobby.return_member(now, key, who, socket);
            self.drain_lobby(now, Change::Great);
            return returned;
        };
        let is_theirs = self.lobby.peer_id(holder) == Some(&it.peer_id);
        if !is_theirs || !matches!(self.ends.get(&holder), Some(End::Ghost { .. })) {
            // Somebody came with the member's token meanwhile.
            return false;
        }
        if let Some(former) = known {
            self.lose_end(now, former);
        }
        self.lobby.set_address(holder, it.from);
        self.keys.insert((node, it.socket), holder);
        if let Some(End::Ghost { waiting, .. }) = self.ends.insert(holder, End::Bound(node, it.socket)) {
            waiting.iter().for_each(|message| self.tell_node(node, vec![it.socket], message));
        }
        true
    }

    /// The store says that a room is ours: it goes on as it was kept.
    pub(super) fn take_over(&mut self, now: Instant, key: &RoomKey, claim: u64, stored: Option<(String, Duration)>) {
        if self.lobby.has_room(key) {
            return;
        }
        let own = self.kept.remove(key);
        let newest = match (own, stored) {
            // Nobody else had it in between, so nobody knows more than we did.
            (Some(own), stored) if stored.is_none() || own.claim + 1 == claim || own.claim == claim => {
                Some((own.text, now.saturating_duration_since(own.at)))
            }
            (_, stored) => stored,
        };
        self.rooms.insert(key.clone(), Owned { claim, is_dirty: true, is_urgent: true, saved_at: None });
        let Some((text, age)) = newest else { return };
        let (ends, next_key) = (&mut self.ends, &mut self.next_key);
        let restored = self.lobby.restore_room(now, &text, age, |_| {
            *next_key += 1;
            let socket = SocketKey(*next_key);
            ends.insert(socket, End::Ghost { until: now + GHOST_GRACE, waiting: VecDeque::new() });
            socket
        });
        if restored.is_ok() {
            self.drain_lobby(now, Change::Great);
        }
    }

    /// Members whose process did not say in time that it has them count as lost: they come back with their tokens.
    pub(super) fn look_at_ghosts(&mut self, now: Instant) {
        let over = |end: &End| matches!(end, End::Ghost { until, .. } if *until <= now);
        let gone: Vec<SocketKey> = self.ends.iter().filter(|(_, end)| over(end)).map(|(key, _)| *key).collect();
        gone.into_iter().for_each(|socket| self.lose_end(now, socket));
    }

    /// Drops all rooms, and keeps them for the case that nobody else has them.
    pub(super) fn give_up_rooms(&mut self, now: Instant) {
        let keys: Vec<RoomKey> = self.rooms.keys().cloned().collect();
        keys.iter().for_each(|key| self.give_up_room(now, key));
    }

    /// Drops a room: its members here look for its owner, members elsewhere find out.
    pub(super) fn give_up_room(&mut self, now: Instant, key: &RoomKey) {
        let Some(owned) = self.rooms.remove(key) else { return };
        if let Some(text) = self.lobby.keep_room(now, key) {
            self.kept.insert(key.clone(), Kept { claim: owned.claim, text, at: now });
        }
        for (socket, who) in self.lobby.drop_room(key) {
            match self.ends.get(&socket) {
                Some(End::Bound(node, its)) if *node == self.id => {
                    let its = *its;
                    self.set_adrift(now, its, key, &who);
                }
                Some(End::Bound(node, its)) => {
                    let (node, its) = (*node, *its);
                    self.post(node, Item::Unseated { key: key.clone(), socket: its });
                    self.lose_end(now, socket);
                }
                Some(End::Ghost { .. }) | None => self.lose_end(now, socket),
            }
        }
    }

    /// A room is no more.
    pub(super) fn release(&mut self, key: &RoomKey) {
        if self.rooms.remove(key).is_some() {
            self.ask(StoreRequest::Release(key.clone()));
        }
    }

    /// What was kept is of no use after so long.
    pub(super) fn forget_kept(&mut self, now: Instant, after: Duration) {
        self.kept.retain(|_, kept| now.saturating_duration_since(kept.at) < after);
    }

    pub(super) fn save_rooms(&mut self, now: Instant) {
        if !self.is_valid(now) {
            return;
        }
        let is_due = |room: &Owned| {
            let rested = room.saved_at.is_none_or(|at| at + KEEP_PAUSE <= now);
            room.is_urgent || (room.is_dirty && rested)
        };
        let due: Vec<RoomKey> =
            self.rooms.iter().filter(|(_, room)| is_due(room)).map(|(key, _)| key.clone()).collect();
        for key in due {
            if let Some(room) = self.rooms.get_mut(&key) {
                (room.is_dirty, room.is_urgent, room.saved_at) = (false, false, Some(now));
            }
            if let Some(text) = self.lobby.keep_room(now, &key) {
                self.ask(StoreRequest::Save { key, text });
            }
        }
    }

    /// A new room's code is ours.
    pub(super) fn own_new(&mut self, key: &RoomKey) {
        self.rooms.insert(key.clone(), Owned::default());
    }

    /// Keeps every room for whoever takes it over, and drops it.
    pub(super) fn hand_over(&mut self, now: Instant) {
        if self.is_valid(now) {
            self.rooms.values_mut().for_each(|room| room.is_urgent = true);
            self.save_rooms(now);
        }
        self.give_up_rooms(now);
        self.ask(StoreRequest::Resign);
    }

    /// The connection of one's own that the lobby knows.
    pub(super) fn own_key(
        &mut self,
        now: Instant,
        socket: SocketKey,
        peer_id: &SocketId,
        from: std::net::IpAddr,
    ) -> SocketKey {
        self.lobby_key(now, self.id, &Remote { socket, peer_id: peer_id.clone(), from })
    }
}
