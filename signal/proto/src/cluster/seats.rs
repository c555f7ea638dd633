//! A process's own connections: in which room each is, whose that room is, and so where its events go. Coming
//! into rooms is in `doors`. What somebody says stays in
//! order: while it is not known where it goes, it waits.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use super::doors::{Door, Stage, claim_again};
use super::letter::{Item, Remote, Said};
use super::{Node, NodeId, Output, StoreRequest};
use crate::engineio::Message;
use crate::error::Code;
use crate::ids::{ParticipantId, RoomKey, SocketId, SocketKey};
use crate::limits::{ACKS_WAITING_MAX, ADRIFT_PATIENCE, EVENTS_WAITING_MAX, KEPT_FOR, LOOKUP_PATIENCE};
use crate::lobby;
use crate::socketio::event_message;

/// One connection of this process.
#[derive(Debug)]
pub(super) struct Seat {
    peer_id: SocketId,
    from: IpAddr,
    place: Place,
    /// What it said at a door, and was not answered yet.
    pub(super) door: Option<Door>,
    /// What it said after that.
    waiting: VecDeque<Said>,
    /// What it said to an owner elsewhere and wants answered: the event's number and name.
    asked: VecDeque<(u64, String)>,
}

/// In which room a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    In {
        key: RoomKey,
        who: ParticipantId,
        owner: NodeId,
    },
    /// Its room's owner is gone, and the next one is not known yet.
    Adrift {
        key: RoomKey,
        who: ParticipantId,
        since: Instant,
    },
}

impl Node {
    pub(super) fn on_local(&mut self, now: Instant, input: lobby::Input) {
        match input {
            lobby::Input::Connected { socket, peer_id, address } => {
                self.own_key(now, socket, &peer_id, address);
                let seat = Seat {
                    peer_id,
                    from: address,
                    place: Place::Nowhere,
                    door: None,
                    waiting: VecDeque::new(),
                    asked: VecDeque::new(),
                };
                self.seats.insert(socket, seat);
            }
            lobby::Input::Event { socket, name, payload, ack } => self.say(now, socket, Said { name, payload, ack }),
            lobby::Input::RoundTrip(socket, rtt) => match self.owner_of(socket) {
                Some((_, owner)) if owner != self.id => self.post(owner, Item::RoundTrip { socket, rtt }),
                Some(_) | None => self.on_item_for_owner(now, self.id, Item::RoundTrip { socket, rtt }),
            },
            lobby::Input::Disconnected(socket) => self.on_disconnected(now, socket),
            lobby::Input::Drain { .. } => {}
        }
    }

    /// This process ends. Its rooms go on elsewhere; its own people are told to come back.
    pub(super) fn on_drain(&mut self, now: Instant, retry_after: Duration) {
        self.hand_over(now);
        (self.draining, self.valid_until) = (true, None);
        self.lobby.handle_input(now, lobby::Input::Drain { retry_after });
        let is_seated = |seat: &Seat| seat.place != Place::Nowhere;
        let to: Vec<SocketKey> = self.seats.iter().filter(|(_, seat)| is_seated(seat)).map(|(key, _)| *key).collect();
        let told = json!({ "retryAfter": retry_after.as_secs() }).into();
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, message: event_message("server-restarting", &told) });
        }
    }

    fn on_disconnected(&mut self, now: Instant, socket: SocketKey) {
        let Some(seat) = self.seats.remove(&socket) else { return };
        if let Some(Door { key, stage: Stage::Asked(owner), .. }) = seat.door {
            self.post(owner, Item::Gone { key, socket, leaves: false });
        }
        match seat.place {
            Place::In { key, owner, .. } if owner != self.id => {
                self.post(owner, Item::Gone { key, socket, leaves: false });
            }
            Place::In { .. } | Place::Adrift { .. } | Place::Nowhere => {}
        }
        if let Some(known) = self.keys.get(&(self.id, socket)).copied() {
            self.lose_end(now, known);
        }
    }

    fn say(&mut self, now: Instant, socket: SocketKey, said: Said) {
        let Some(seat) = self.seats.get_mut(&socket) else { return };
        if seat.door.is_some() || matches!(seat.place, Place::Adrift { .. }) {
            if seat.waiting.len() < EVENTS_WAITING_MAX {
                seat.waiting.push_back(said);
            } else {
                self.refuse(socket, &said, &Code::S010.into());
            }
            return;
        }
        if !self.draining && matches!(said.name.as_str(), "create-room" | "join-room") {
            return self.ask_at_door(now, socket, said);
        }
        match self.owner_of(socket) {
            Some((key, owner)) if owner != self.id => {
                self.note_asked(socket, &said);
                self.post(owner, Item::Say { key, socket, said });
            }
            Some(_) | None => self.say_to_own_lobby(now, socket, said),
        }
    }

    fn note_asked(&mut self, socket: SocketKey, said: &Said) {
        if let Some((seat, ack)) = self.seats.get_mut(&socket).zip(said.ack) {
            if seat.asked.len() >= ACKS_WAITING_MAX {
                seat.asked.pop_front();
            }
            seat.asked.push_back((ack, said.name.clone()));
        }
    }

    /// Whether an owner that is gone did what it was asked is not known: whoever asked is told to try again.
    fn refuse_asked(&mut self, socket: SocketKey) {
        let asked = self.seats.get_mut(&socket).map(|seat| std::mem::take(&mut seat.asked)).unwrap_or_default();
        for (ack, name) in asked {
            self.refuse(socket, &Said { name, payload: None, ack: Some(ack) }, &Code::S012.into());
        }
    }

    /// Says what waited, until something has to wait again.
    pub(super) fn say_waiting(&mut self, now: Instant, socket: SocketKey) {
        while let Some(seat) = self.seats.get_mut(&socket)
            && seat.door.is_none()
            && !matches!(seat.place, Place::Adrift { .. })
            && let Some(said) = seat.waiting.pop_front()
        {
            self.say(now, socket, said);
        }
    }

    pub(super) fn say_to_own_lobby(&mut self, now: Instant, socket: SocketKey, said: Said) {
        let Some((peer_id, from)) = self.seats.get(&socket).map(|seat| (seat.peer_id.clone(), seat.from)) else {
            return;
        };
        let known = self.own_key(now, socket, &peer_id, from);
        self.say_here(now, known, said);
    }

    /// The owner of a room is known: whoever asks for it asks there, whoever is in it is there.
    pub(super) fn seats_found(&mut self, now: Instant, key: &RoomKey, owner: NodeId) {
        let mut attached = Vec::new();
        for socket in self.adrift_in(key) {
            let Some(seat) = self.seats.get_mut(&socket) else { continue };
            let Place::Adrift { who, .. } = seat.place.clone() else { continue };
            seat.place = Place::In { key: key.clone(), who: who.clone(), owner };
            attached.push((who, Remote { socket, peer_id: seat.peer_id.clone(), from: seat.from }));
        }
        let sockets: Vec<SocketKey> = attached.iter().map(|(_, it)| it.socket).collect();
        if owner == self.id {
            for (who, it) in attached {
                if !self.attach(now, key, self.id, &who, &it) {
                    self.unseat(it.socket);
                }
            }
        } else if !attached.is_empty() {
            self.post(owner, Item::Attach { key: key.clone(), people: attached });
        }
        sockets.into_iter().for_each(|socket| self.say_waiting(now, socket));
        for socket in self.finding(key) {
            let Some(seat) = self.seats.get_mut(&socket) else { continue };
            let who = Remote { socket, peer_id: seat.peer_id.clone(), from: seat.from };
            if owner == self.id {
                let Some(door) = seat.door.take() else { continue };
                self.say_to_own_lobby(now, socket, door.said);
                self.say_waiting(now, socket);
            } else if let Some(door) = &mut seat.door {
                door.stage = Stage::Asked(owner);
                let said = door.said.clone();
                self.post(owner, Item::Door { key: key.clone(), who, said });
            }
        }
    }

    /// What a room's owner writes to its people's processes.
    pub(super) fn on_item_of_owner(&mut self, now: Instant, from: NodeId, item: Item) {
        match item {
            Item::Tell { mut to, text } => {
                to.retain(|socket| self.listens_to(*socket, from));
                if !to.is_empty() {
                    self.outputs.push_back(Output::Send { to, message: Message::Text(text) });
                }
            }
            Item::Ack { socket, ack, text } => {
                if self.listens_to(socket, from)
                    && let Some(seat) = self.seats.get_mut(&socket)
                {
                    seat.asked.retain(|(other, _)| *other != ack);
                    self.outputs.push_back(Output::Send { to: vec![socket], message: Message::Text(text) });
                }
            }
            Item::Close { socket } => {
                if self.listens_to(socket, from) {
                    self.unseat(socket);
                }
            }
            Item::Placed { socket, place } => self.on_placed(now, from, socket, place),
            Item::Answered { socket } => {
                let is_it = |door: &mut Door| door.stage == Stage::Asked(from);
                if self.seats.get_mut(&socket).and_then(|seat| seat.door.take_if(is_it)).is_some() {
                    self.say_waiting(now, socket);
                }
            }
            Item::NotHere { key } => {
                for seat in self.seats.values_mut() {
                    if let Some(door) = seat.door.as_mut().filter(|it| it.key == key && it.stage == Stage::Asked(from))
                    {
                        door.stage = Stage::Finding;
                    }
                }
            }
            Item::Unseated { key, socket } => {
                let place = self.seats.get(&socket).map(|seat| seat.place.clone());
                if let Some(Place::In { key: own, who, owner }) = place
                    && own == key
                    && owner == from
                {
                    self.set_adrift(now, socket, &key, &who);
                }
            }
            Item::Door { .. } | Item::Say { .. } | Item::RoundTrip { .. } | Item::Gone { .. } | Item::Attach { .. } => {
            }
        }
    }

    /// Somebody is in a room of that owner now, or in none of its rooms any more.
    pub(super) fn on_placed(
        &mut self,
        now: Instant,
        from: NodeId,
        socket: SocketKey,
        place: Option<(RoomKey, ParticipantId)>,
    ) {
        let Some(seat) = self.seats.get_mut(&socket) else { return };
        let before = seat.place.clone();
        let Some((key, who)) = place else {
            if matches!(&before, Place::In { owner, .. } if *owner == from) {
                seat.place = Place::Nowhere;
            }
            return;
        };
        seat.place = Place::In { key, who, owner: from };
        // One connection is in one room.
        match before {
            Place::In { owner, .. } if owner == self.id && owner != from => {
                if let Some(known) = self.keys.get(&(self.id, socket)).copied() {
                    self.leave_here(now, known);
                }
            }
            Place::In { key, owner, .. } if owner != from => self.post(owner, Item::Gone { key, socket, leaves: true }),
            Place::In { .. } | Place::Adrift { .. } | Place::Nowhere => {}
        }
    }

    /// The owner of somebody's room is gone.
    pub(super) fn set_adrift(&mut self, now: Instant, socket: SocketKey, key: &RoomKey, who: &ParticipantId) {
        if let Some(seat) = self.seats.get_mut(&socket) {
            seat.place = Place::Adrift { key: key.clone(), who: who.clone(), since: now };
        }
        self.refuse_asked(socket);
    }

    /// A process is gone, or letters of it are: its rooms are looked for.
    pub(super) fn leave_owner(&mut self, now: Instant, node: NodeId) {
        let (mut keys, mut adrift) = (BTreeSet::new(), Vec::new());
        for (socket, seat) in &mut self.seats {
            if let Some(door) = seat.door.as_mut().filter(|door| door.stage == Stage::Asked(node)) {
                door.stage = Stage::Finding;
                keys.insert(door.key.clone());
            }
            if let Place::In { key, who, owner } = &seat.place
                && *owner == node
            {
                keys.insert(key.clone());
                seat.place = Place::Adrift { key: key.clone(), who: who.clone(), since: now };
                adrift.push(*socket);
            }
        }
        adrift.into_iter().for_each(|socket| self.refuse_asked(socket));
        keys.iter().for_each(|key| self.find(now, key, self.kept.contains_key(key)));
    }

    /// Processes whose rooms people here are in.
    pub(super) fn owners_elsewhere(&self) -> impl Iterator<Item = NodeId> {
        self.seats.values().flat_map(|seat| {
            let asked = seat.door.as_ref().and_then(|door| match door.stage {
                Stage::Asked(node) => Some(node),
                Stage::Creating { .. } | Stage::Finding => None,
            });
            let owner = match &seat.place {
                Place::In { owner, .. } => Some(*owner),
                Place::Adrift { .. } | Place::Nowhere => None,
            };
            asked.into_iter().chain(owner)
        })
    }

    /// Looks again for what was not found, and gives up what was not for long.
    pub(super) fn look_at_seats(&mut self, now: Instant) {
        self.forget_kept(now, KEPT_FOR);
        let again: Vec<RoomKey> =
            self.seats.values_mut().filter_map(|seat| seat.door.as_mut()).filter_map(claim_again).collect();
        again.into_iter().for_each(|key| self.ask(StoreRequest::Create(key)));
        let (mut wanted, mut late, mut lost) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (socket, seat) in &self.seats {
            if let Some(door) = &seat.door {
                if door.since + LOOKUP_PATIENCE <= now {
                    late.push(*socket);
                } else if door.stage == Stage::Finding {
                    wanted.insert((door.key.clone(), door.form));
                }
            }
            if let Place::Adrift { key, since, .. } = &seat.place {
                wanted.insert((key.clone(), false));
                if *since + ADRIFT_PATIENCE <= now {
                    lost.push(*socket);
                }
            }
        }
        for (key, form) in wanted {
            self.find(now, &key, form || self.kept.contains_key(&key));
        }
        for socket in late {
            if let Some(door) = self.seats.get_mut(&socket).and_then(|seat| seat.door.take()) {
                self.refuse(socket, &door.said, &Code::S012.into());
                self.say_waiting(now, socket);
            }
        }
        for socket in lost {
            let waiting = self.seats.get_mut(&socket).map(|seat| std::mem::take(&mut seat.waiting)).unwrap_or_default();
            waiting.iter().for_each(|said| self.refuse(socket, said, &Code::S012.into()));
            self.unseat(socket);
        }
    }

    /// Somebody's place cannot be had: the client comes back with its token.
    fn unseat(&mut self, socket: SocketKey) {
        if let Some(seat) = self.seats.get_mut(&socket) {
            seat.place = Place::Nowhere;
        }
        self.outputs.push_back(Output::Close(socket));
    }

    /// Whether what an owner says to somebody counts: it is, or was last, theirs.
    fn listens_to(&self, socket: SocketKey, node: NodeId) -> bool {
        let Some(seat) = self.seats.get(&socket) else { return false };
        let is_asked = seat.door.as_ref().is_some_and(|door| door.stage == Stage::Asked(node));
        match &seat.place {
            Place::In { owner, .. } => *owner == node || is_asked,
            Place::Nowhere | Place::Adrift { .. } => true,
        }
    }

    fn owner_of(&self, socket: SocketKey) -> Option<(RoomKey, NodeId)> {
        match &self.seats.get(&socket)?.place {
            Place::In { key, owner, .. } => Some((key.clone(), *owner)),
            Place::Adrift { .. } | Place::Nowhere => None,
        }
    }

    fn adrift_in(&self, key: &RoomKey) -> Vec<SocketKey> {
        let is_it = |seat: &Seat| matches!(&seat.place, Place::Adrift { key: own, .. } if own == key);
        self.seats.iter().filter(|(_, seat)| is_it(seat)).map(|(socket, _)| *socket).collect()
    }

    pub(super) fn finding(&self, key: &RoomKey) -> Vec<SocketKey> {
        let is_it = |door: &Door| door.key == *key && door.stage == Stage::Finding;
        let finds = |seat: &Seat| seat.door.as_ref().is_some_and(is_it);
        self.seats.iter().filter(|(_, seat)| finds(seat)).map(|(socket, _)| *socket).collect()
    }
}
