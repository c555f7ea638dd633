//! Rooms that move from one process to another, for [`crate::cluster`]: kept as text, dropped, restored; and people whose
//! connection another process holds.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::{Lobby, Place, Socket, rates::Rates};
use crate::ids::{ParticipantId, RoomKey, SocketId, SocketKey};
use crate::limits::ROOMS_MAX;
use crate::room::{NoRoom, Room};

/// The addresses of people whose process is gone are not known.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What changed in a lobby since it was asked last.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Connections that came into a room or left one.
    moved: VecDeque<SocketKey>,
    /// Rooms that something was done with.
    touched: BTreeSet<RoomKey>,
}

impl Watch {
    pub(super) fn note_moved(&mut self, socket: SocketKey) {
        self.moved.push_back(socket);
    }

    pub(super) fn note_touched(&mut self, key: &RoomKey) {
        if !self.touched.contains(key) {
            self.touched.insert(key.clone());
        }
    }
}

impl Lobby {
    /// From now on [`Lobby::poll_moved`] and [`Lobby::poll_touched`] say what changed. They must be asked, then.
    pub(crate) fn watch(&mut self) {
        self.watch = Some(Watch::default());
    }

    /// A connection that came into a room or left one.
    pub(crate) fn poll_moved(&mut self) -> Option<SocketKey> {
        self.watch.as_mut()?.moved.pop_front()
    }

    /// A room that something was done with.
    pub(crate) fn poll_touched(&mut self) -> Option<RoomKey> {
        self.watch.as_mut()?.touched.pop_first()
    }

    /// Whether there is such a room here.
    pub fn has_room(&self, key: &RoomKey) -> bool {
        self.rooms.contains_key(key)
    }

    /// Everything a room knows, for [`Lobby::restore_room`] in another process.
    pub fn keep_room(&self, now: Instant, key: &RoomKey) -> Option<String> {
        self.rooms.get(key).map(|place| place.room.keep(now))
    }

    /// Forgets a room of which another process takes care from now on; nobody is told. Says who was in it by which connection.
    pub fn drop_room(&mut self, key: &RoomKey) -> Vec<(SocketKey, ParticipantId)> {
        let mut here = Vec::new();
        for (socket, it) in &mut self.sockets {
            if let Some((_, who)) = it.place.take_if(|(place, _)| place == key) {
                here.push((*socket, who));
            }
        }
        self.participants -= here.len();
        self.forget_room(key);
        here
    }

    /// Takes over a room that was kept `age` ago. `socket_of` gives a connection to everybody who was here; one that the lobby does
    /// not know yet is known from now on.
    ///
    /// # Errors
    /// [`NoRoom`] when the text is none, or there is no space for it.
    pub fn restore_room(
        &mut self,
        now: Instant,
        text: &str,
        age: Duration,
        mut socket_of: impl FnMut(&ParticipantId) -> SocketKey,
    ) -> Result<RoomKey, NoRoom> {
        if self.rooms.len() >= ROOMS_MAX {
            return Err(NoRoom);
        }
        let mut here = Vec::new();
        let room = Room::restore(now, self.setting.clone(), text, age, |who, peer_id| {
            let socket = socket_of(who);
            here.push((socket, who.clone(), peer_id.clone()));
            socket
        })?;
        let key = room.code().key();
        for (socket, who, peer_id) in here {
            let known = || Socket { peer_id, address: NOWHERE, place: None, rates: Rates::new(now) };
            let socket = self.sockets.entry(socket).or_insert_with(known);
            self.participants += usize::from(socket.place.is_none());
            socket.place = Some((key.clone(), who));
        }
        *self.rooms_by_address.entry(NOWHERE).or_default() += 1;
        self.rooms.insert(key.clone(), Place { room, address: NOWHERE, wake: None });
        self.with_room(&key, |_| ());
        Ok(key)
    }

    /// Where a connection comes from, that was restored with its room.
    pub(crate) fn set_address(&mut self, socket: SocketKey, from: IpAddr) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.address = super::counted_as(from);
        }
    }

    /// A member that counts as away is here all the while, by this connection: the process that holds it was only out of reach.
    /// Says whether that is so.
    pub(crate) fn return_member(&mut self, now: Instant, key: &RoomKey, who: &ParticipantId, by: SocketKey) -> bool {
        let Some(peer_id) = self.sockets.get(&by).filter(|it| it.place.is_none()).map(|it| it.peer_id.clone()) else {
            return false;
        };
        let returned = self.with_room(key, |room| room.handle_return(now, who, by, &peer_id)).unwrap_or(false);
        if returned && let Some(socket) = self.sockets.get_mut(&by) {
            socket.place = Some((key.clone(), who.clone()));
            self.participants += 1;
        }
        returned
    }

    /// In which room a connection is, as whom.
    pub(crate) fn place(&self, socket: SocketKey) -> Option<&(RoomKey, ParticipantId)> {
        self.sockets.get(&socket)?.place.as_ref()
    }

    /// A connection's public name.
    pub(crate) fn peer_id(&self, socket: SocketKey) -> Option<&SocketId> {
        self.sockets.get(&socket).map(|it| &it.peer_id)
    }

    /// The connection of a member that is here.
    pub(crate) fn socket_of(&self, key: &RoomKey, who: &ParticipantId) -> Option<SocketKey> {
        self.rooms.get(key)?.room.socket_of(who)
    }

    /// Whether a connection's address tried so many codes that it has to wait.
    pub(crate) fn is_guessing(&mut self, now: Instant, socket: SocketKey) -> bool {
        let address = self.address_of(socket);
        self.check_failures(now, address).is_err()
    }

    /// Whether we signed this token.
    pub(crate) fn knows_token(&self, now: Instant, token: &str) -> bool {
        self.setting.signer.verify(token, self.setting.clock.at(now)).is_ok()
    }
}
