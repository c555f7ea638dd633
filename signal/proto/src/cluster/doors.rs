//! The doors of rooms: whoever makes a room or comes into one waits until it is known whose it is.

use std::time::Instant;

use super::letter::Said;
use super::seats::Seat;
use super::{Claimed, Node, NodeId, Output, StoreRequest};
use crate::error::{Code, Problem};
use crate::event::{ClientEvent, parse_client};
use crate::ids::{RoomCode, RoomKey, SocketKey};
use crate::socketio::{ack_message, event_message};

#[derive(Debug)]
pub(super) struct Door {
    pub(super) key: RoomKey,
    pub(super) said: Said,
    pub(super) since: Instant,
    pub(super) stage: Stage,
    /// They know enough of the room to form it again, should the server have forgotten it.
    pub(super) form: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The code of a new room is claimed; one that was drawn is drawn again if it is taken. The store may have to be asked again.
    Creating { drawn: bool, asked: bool },
    /// The room's owner is looked for.
    Finding,
    /// The owner was asked.
    Asked(NodeId),
}

impl Node {
    pub(super) fn ask_at_door(&mut self, now: Instant, socket: SocketKey, mut said: Said) {
        let (key, stage, form) = match parse_client(&said.name, said.payload.as_ref()) {
            Ok(Some(ClientEvent::CreateRoom { requested_code, .. })) => {
                let drawn = requested_code.is_none();
                let code = requested_code.unwrap_or_else(|| RoomCode::draw(&mut self.rng));
                if let Some(payload) = &mut said.payload {
                    payload["requestedCode"] = code.as_str().into();
                }
                (code.key(), Stage::Creating { drawn, asked: true }, false)
            }
            Ok(Some(ClientEvent::JoinRoom { code: Some(code), session_token, snapshot, .. })) => {
                let is_known = session_token.is_some_and(|token| self.lobby.knows_token(now, &token));
                let own = self.keys.get(&(self.id, socket)).copied();
                // Guessers wait, wherever the room is they guess.
                if !is_known && own.is_some_and(|own| self.lobby.is_guessing(now, own)) {
                    return self.say_to_own_lobby(now, socket, said);
                }
                (code.key(), Stage::Finding, is_known && snapshot.is_some())
            }
            // The lobby says what is wrong.
            Ok(_) | Err(_) => return self.say_to_own_lobby(now, socket, said),
        };
        if self.rooms.contains_key(&key) {
            return self.say_to_own_lobby(now, socket, said);
        }
        let is_creating = |seat: &Seat| {
            seat.door.as_ref().is_some_and(|door| door.key == key && matches!(door.stage, Stage::Creating { .. }))
        };
        if matches!(stage, Stage::Creating { .. }) && self.seats.values().any(is_creating) {
            return self.refuse(socket, &said, &Code::S004.into());
        }
        if let Some(seat) = self.seats.get_mut(&socket) {
            seat.door = Some(Door { key: key.clone(), said, since: now, stage, form });
        }
        match stage {
            Stage::Creating { .. } => self.ask(StoreRequest::Create(key)),
            Stage::Finding => self.find(now, &key, form),
            Stage::Asked(_) => {}
        }
    }

    /// The store says whether a new room's code is ours.
    pub(super) fn on_created(&mut self, now: Instant, key: &RoomKey, claimed: Claimed) {
        let waits = |seat: &Seat| {
            seat.door.as_ref().is_some_and(|door| door.key == *key && matches!(door.stage, Stage::Creating { .. }))
        };
        let is_ours = claimed == Claimed::Ours;
        let socket = self.seats.iter().find(|(_, seat)| waits(seat)).map(|(socket, _)| *socket);
        if claimed == Claimed::NotYet {
            if let Some(door) = socket.and_then(|socket| self.seats.get_mut(&socket)?.door.as_mut())
                && let Stage::Creating { asked, .. } = &mut door.stage
            {
                *asked = false;
            }
            return;
        }
        let door = socket.and_then(|socket| Some((socket, self.seats.get_mut(&socket)?.door.take()?)));
        let Some((socket, door)) = door else {
            // Whoever wanted it is gone.
            if is_ours && !self.rooms.contains_key(key) {
                self.ask(StoreRequest::Release(key.clone()));
            }
            return;
        };
        match (is_ours && self.is_valid(now), door.stage) {
            (true, _) => {
                self.own_new(key);
                self.say_to_own_lobby(now, socket, door.said);
                if !self.lobby.has_room(key) {
                    self.release(key);
                }
            }
            (false, Stage::Creating { drawn: true, .. }) if !is_ours => {
                let mut said = door.said;
                if let Some(payload) = said.payload.as_mut().and_then(serde_json::Value::as_object_mut) {
                    payload.remove("requestedCode");
                }
                self.ask_at_door(now, socket, said);
            }
            (false, Stage::Creating { .. } | Stage::Finding | Stage::Asked(_)) => {
                if is_ours {
                    self.ask(StoreRequest::Release(key.clone()));
                }
                let code = if is_ours { Code::S012 } else { Code::S004 };
                self.refuse(socket, &door.said, &code.into());
            }
        }
        self.say_waiting(now, socket);
    }

    /// There is no such room: the own lobby says so to whoever asked. Whoever was in it goes on looking for a while.
    pub(super) fn seats_found_nothing(&mut self, now: Instant, key: &RoomKey) {
        for socket in self.finding(key) {
            if let Some(door) = self.seats.get_mut(&socket).and_then(|seat| seat.door.take()) {
                self.say_to_own_lobby(now, socket, door.said);
                self.say_waiting(now, socket);
            }
        }
    }

    /// Says why not, as a lobby does.
    pub(super) fn refuse(&mut self, socket: SocketKey, said: &Said, problem: &Problem) {
        let answering = match said.name.as_str() {
            "create-room" => Some("room-created"),
            "join-room" => Some("room-joined"),
            _ => None,
        };
        let shown = event_message("error", &problem.shown().into());
        let answer = answering.map(|name| event_message(name, &problem.answer().into()));
        let ack = said.ack.map(|ack| ack_message(ack, &problem.answer().into()));
        for message in [Some(shown), answer, ack].into_iter().flatten() {
            self.outputs.push_back(Output::Send { to: vec![socket], message });
        }
    }
}

/// The code of a door whose claim is to be asked for once more.
pub(super) fn claim_again(door: &mut Door) -> Option<RoomKey> {
    match &mut door.stage {
        Stage::Creating { asked, .. } => (!std::mem::replace(asked, true)).then(|| door.key.clone()),
        Stage::Finding | Stage::Asked(_) => None,
    }
}
