//! The door: who opens a room, who comes into one, and who tried too often.

use std::net::IpAddr;
use std::time::Instant;

use super::rates::Bucket;
use super::{Lobby, Place};
use crate::error::{Code, Problem};
use crate::event::{Capabilities, ClientEvent, RoomSnapshot};
use crate::ids::{ParticipantId, RoomCode, RoomKey, SocketKey};
use crate::limits::{ADDRESSES_MAX, ROOMS_MAX, ROOMS_PER_ADDRESS_MAX};
use crate::payload::Payload;
use crate::roles::Role;
use crate::room::{Entrant, Room};
use crate::time::ServerTime;
use crate::token::{Claims, RoomId};

/// Somebody at the door, and what they want.
pub(super) struct Door {
    pub(super) socket: SocketKey,
    pub(super) participant: ParticipantId,
    pub(super) name: String,
    pub(super) capabilities: Capabilities,
}

impl Lobby {
    pub(super) fn on_create(
        &mut self,
        now: Instant,
        door: Door,
        requested: Option<RoomCode>,
    ) -> Result<Payload, Problem> {
        self.check_open()?;
        let address = self.address_of(door.socket);
        let count = self.rooms_by_address.get(&address).copied().unwrap_or(0);
        if self.limited && count >= ROOMS_PER_ADDRESS_MAX {
            return Err(Problem::new(Code::S005, "this address has as many rooms open as one may have"));
        }
        let code = match requested {
            Some(code) if self.rooms.contains_key(&code.key()) => return Err(Code::S004.into()),
            Some(code) => code,
            None => self.draw_code(),
        };
        let room = Room::new(now, self.setting.clone(), code, RoomId::draw(&mut self.rng));
        self.enter(now, door, room, None, None)
    }

    pub(super) fn on_join(
        &mut self,
        now: Instant,
        door: Door,
        code: Option<&RoomCode>,
        token: Option<&str>,
        snapshot: Option<&RoomSnapshot>,
    ) -> Result<Payload, Problem> {
        self.check_open()?;
        let server_now = self.setting.clock.at(now);
        let claims = token.and_then(|token| self.setting.signer.verify(token, server_now).ok());
        let claims = claims.filter(|claims| code.is_some_and(|code| code.key() == claims.room.key()));
        let address = self.address_of(door.socket);
        if !claims.as_ref().is_some_and(|claims| self.is_expected(claims, snapshot)) {
            self.check_failures(now, address)?;
        }
        let result = self.find_and_join(now, door, code, claims.as_ref(), snapshot);
        if let Err(problem) = &result
            && matches!(problem.code, Code::S002 | Code::S005 | Code::S006 | Code::S007)
        {
            self.count_failure(now, address);
        }
        result
    }

    fn find_and_join(
        &mut self,
        now: Instant,
        door: Door,
        code: Option<&RoomCode>,
        claims: Option<&Claims>,
        snapshot: Option<&RoomSnapshot>,
    ) -> Result<Payload, Problem> {
        let key = code.map(RoomCode::key).ok_or(Code::S002)?;
        if let Some(place) = self.rooms.get(&key) {
            // The same connection once more is still the same person.
            let own = self.place_of(door.socket).filter(|(own, who)| *own == key && *who == door.participant);
            let again = own.map(|(_, participant)| Claims {
                room: place.room.code().clone(),
                room_id: place.room.id(),
                participant,
                role: Role::Viewer,
                issue: 0,
                expires: ServerTime::from_unix_ms(i64::MAX),
            });
            return self.join(now, door, &key, again.as_ref().or(claims), snapshot);
        }
        // A server that forgot a room believes whoever bears its token, and what they remember.
        let (claims, snapshot) = claims.zip(snapshot).ok_or(Code::S002)?;
        let room = Room::form_again(now, self.setting.clone(), claims.room.clone(), claims.room_id, snapshot);
        self.enter(now, door, room, Some(claims), Some(snapshot))
    }

    /// Opens a room with its first member.
    fn enter(
        &mut self,
        now: Instant,
        door: Door,
        room: Room,
        claims: Option<&Claims>,
        snapshot: Option<&RoomSnapshot>,
    ) -> Result<Payload, Problem> {
        if self.rooms.len() >= ROOMS_MAX {
            return Err(Problem::new(Code::S005, "the server has as many rooms as it can hold"));
        }
        let (key, address) = (room.code().key(), self.address_of(door.socket));
        *self.rooms_by_address.entry(address).or_default() += 1;
        self.rooms.insert(key.clone(), Place { room, address, wake: None });
        let result = self.join(now, door, &key, claims, snapshot);
        if result.is_err() {
            self.forget_room(&key);
        }
        result
    }

    fn join(
        &mut self,
        now: Instant,
        door: Door,
        key: &RoomKey,
        claims: Option<&Claims>,
        snapshot: Option<&RoomSnapshot>,
    ) -> Result<Payload, Problem> {
        let Some(socket) = self.sockets.get(&door.socket) else { return Err(Code::S002.into()) };
        let before = socket.place.clone();
        let entrant = Entrant {
            id: door.participant,
            name: door.name,
            capabilities: door.capabilities,
            socket: door.socket,
            peer_id: socket.peer_id.clone(),
        };
        // The answer is sent inside; who came in must be known by then.
        let place = self.rooms.get_mut(key).ok_or(Code::S002)?;
        let (who, answer) = place.room.handle_join(now, &entrant, claims, snapshot)?;
        let after = (key.clone(), who);
        if let Some((old_key, old_who)) = before.filter(|before| *before != after) {
            self.with_room(&old_key, |room| room.handle_event(now, &old_who, ClientEvent::LeaveRoom));
        }
        if let Some(socket) = self.sockets.get_mut(&door.socket) {
            self.participants += usize::from(socket.place.is_none());
            socket.place = Some(after);
        }
        if let Some(watch) = &mut self.watch {
            watch.note_moved(door.socket);
        }
        self.with_room(key, |_| ());
        Ok(answer)
    }

    /// Whether a token's bearer is no guesser: the room has a place for them, or they remember one that the server forgot.
    fn is_expected(&self, claims: &Claims, snapshot: Option<&RoomSnapshot>) -> bool {
        match self.rooms.get(&claims.room.key()) {
            Some(place) => place.room.has_place_for(claims),
            None => snapshot.is_some(),
        }
    }

    fn check_open(&self) -> Result<(), Problem> {
        if self.draining { Err(Code::S012.into()) } else { Ok(()) }
    }

    /// Guessing codes is slow.
    pub(super) fn check_failures(&mut self, now: Instant, address: IpAddr) -> Result<(), Problem> {
        let Some(bucket) = self.failures.get_mut(&address).filter(|_| self.limited) else { return Ok(()) };
        bucket.look(now).map_err(|wait| Problem { wait: Some(wait), ..Problem::from(Code::S010) })
    }

    fn count_failure(&mut self, now: Instant, address: IpAddr) {
        if self.failures.len() >= ADDRESSES_MAX {
            self.failures.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.failures.len() < ADDRESSES_MAX || self.failures.contains_key(&address) {
            // Ten a minute.
            let bucket = self.failures.entry(address).or_insert_with(|| Bucket::new(now, 10.0 / 60.0, 10.0));
            let _ = bucket.take(now);
        }
    }

    fn draw_code(&mut self) -> RoomCode {
        loop {
            let code = RoomCode::draw(&mut self.rng);
            // A hundred thousand rooms leave 10¹² codes free.
            if !self.rooms.contains_key(&code.key()) {
                return code;
            }
        }
    }
}
