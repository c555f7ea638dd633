//! One server on several processes. Each room is owned by one of them, whose [`Lobby`] decides everything in it; the others forward
//! what their people say there, and what they are told back. A store that all reach says who lives, who owns what, and keeps each
//! room, so that another process goes on with it when its owner is gone.
//!
//! `seats` is a process's own connections and where their events go, `doors` how they come into rooms, `rooms` is what it owns and
//! whose connections it serves there, `store` is what the store is asked, `letter` what processes write to each other.
//!
//! # Who may act as owner
//! A process acts as owner only until [`LEASE`] less [`LEASE_MARGIN`] after it *asked* for the last renewal that was granted, by its
//! own clock. The store lets others claim its rooms only when the lease has run out, which is later. A process that was paused
//! looks at its clock before anything else ([`Node::handle_input`]), and drops its rooms if it is too late.

mod doors;
mod letter;
mod rooms;
mod seats;
mod store;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::engineio::Message;
use crate::ids::{RoomKey, SocketKey};
use crate::limits::{LEASE, LEASE_MARGIN, LEASE_RENEWED, LETTERS_WAITING_MAX, LOOK_FOR_DEAD};
use crate::lobby::{self, Lobby, Totals};
use crate::rng::Rng;
use letter::{Item, Letter};
use rooms::{Change, End, Kept, Owned};
use seats::Seat;
pub use store::{Claimed, Found, StoreAnswer, StoreRequest};

/// A process of a server, by a name that no other ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// What happens to a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// To the connections it holds itself.
    Local(lobby::Input),
    /// The store answers.
    Store(StoreAnswer),
    /// A letter of another process.
    Letter(String),
}

/// What a process wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a Socket.IO message to own connections.
    Send {
        /// To whom.
        to: Vec<SocketKey>,
        /// What.
        message: Message,
    },
    /// End a connection, once what was sent is with it.
    Close(SocketKey),
    /// Ask the store. Requests and letters are carried out in the order they came in.
    Store(StoreRequest),
    /// Write to another process.
    Post {
        /// To whom.
        to: NodeId,
        /// What.
        letter: String,
    },
}

/// One process of a server of several. See the module.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    lobby: Lobby,
    rng: Rng,
    /// Acts as owner until then.
    valid_until: Option<Instant>,
    /// When each renewal was asked for that is not answered yet.
    renewals: BTreeMap<u64, Instant>,
    renewals_asked: u64,
    renew_at: Instant,
    look_at: Instant,
    tick_at: Instant,
    /// Own connections.
    seats: BTreeMap<SocketKey, Seat>,
    /// Whose the lobby's connections are. The lobby numbers them by itself, also this process's own.
    ends: BTreeMap<SocketKey, End>,
    /// Invariant: the other way round, for bound ends.
    keys: BTreeMap<(NodeId, SocketKey), SocketKey>,
    next_key: u64,
    rooms: BTreeMap<RoomKey, Owned>,
    /// Rooms that this process had to give up and may get back.
    kept: BTreeMap<RoomKey, Kept>,
    lookups: BTreeMap<RoomKey, Lookup>,
    /// The number of the last letter from each, and to each.
    read: BTreeMap<NodeId, u64>,
    written: BTreeMap<NodeId, u64>,
    items: BTreeMap<NodeId, Vec<Item>>,
    draining: bool,
    outputs: VecDeque<Output>,
}

/// The store is asked for a room.
#[derive(Debug)]
struct Lookup {
    asked_at: Instant,
    form: bool,
    /// What others wrote about this room meanwhile.
    waiting: VecDeque<(NodeId, Item)>,
}

/// So often it is looked whether something is due; all waits here are longer.
const TICK: Duration = Duration::from_millis(200);
/// The store is asked once more when it has not answered for so long.
const ASK_AGAIN: Duration = Duration::from_millis(1500);

impl Node {
    /// A process that begins, with a lobby without rooms.
    pub fn new(now: Instant, id: NodeId, mut lobby: Lobby, rng: Rng) -> Self {
        lobby.watch();
        Self {
            id,
            lobby,
            rng,
            valid_until: None,
            renewals: BTreeMap::new(),
            renewals_asked: 0,
            renew_at: now,
            look_at: now,
            tick_at: now,
            seats: BTreeMap::new(),
            ends: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_key: 0,
            rooms: BTreeMap::new(),
            kept: BTreeMap::new(),
            lookups: BTreeMap::new(),
            read: BTreeMap::new(),
            written: BTreeMap::new(),
            items: BTreeMap::new(),
            draining: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.fence(now);
        match input {
            Input::Local(lobby::Input::Drain { retry_after }) => self.on_drain(now, retry_after),
            Input::Local(input) => self.on_local(now, input),
            Input::Store(answer) => self.on_answer(now, answer),
            // Only processes of ours write here; one of another version is not understood.
            Input::Letter(text) => {
                if let Ok(letter) = serde_json::from_str(&text) {
                    self.on_letter(now, letter);
                }
            }
        }
        self.settle(now);
    }

    /// Does what [`Node::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fence(now);
        self.lobby.handle_timeout(now);
        self.drain_lobby(now, Change::Great);
        if self.tick_at <= now {
            self.tick_at = now + TICK;
            self.tick(now);
        }
        self.settle(now);
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Node::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let fence = self.valid_until.filter(|_| !self.rooms.is_empty());
        [Some(self.tick_at), fence, self.lobby.poll_timeout()].into_iter().flatten().min()
    }

    /// Which process this is.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Rooms that it owns, members of those, and its own connections.
    pub fn totals(&self) -> Totals {
        Totals { sockets: self.seats.len(), ..self.lobby.totals() }
    }

    /// Whether this process acts as the owner of a room at `now`.
    pub fn owns(&self, now: Instant, key: &RoomKey) -> bool {
        self.is_valid(now) && self.rooms.contains_key(key) && self.lobby.has_room(key)
    }

    fn is_valid(&self, now: Instant) -> bool {
        self.valid_until.is_some_and(|until| now < until)
    }

    /// Nothing is decided in a room that may be another's by now.
    fn fence(&mut self, now: Instant) {
        if self.valid_until.is_some() && !self.is_valid(now) {
            self.valid_until = None;
            self.give_up_rooms(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.draining {
            return;
        }
        if self.renew_at <= now && self.renewals.len() < 8 {
            self.renew_at = now + LEASE_RENEWED;
            self.renewals_asked += 1;
            self.renewals.insert(self.renewals_asked, now);
            self.ask(StoreRequest::Renew { mark: self.renewals_asked });
        }
        if self.look_at <= now {
            self.look_at = now + LOOK_FOR_DEAD;
            let nodes: BTreeSet<NodeId> =
                self.owners_elsewhere().chain(self.keys.keys().map(|(node, _)| *node)).collect();
            let nodes: Vec<NodeId> = nodes.into_iter().filter(|node| *node != self.id).collect();
            if !nodes.is_empty() {
                self.ask(StoreRequest::Alive(nodes));
            }
        }
        self.look_at_ghosts(now);
        self.look_at_seats(now);
        let unanswered: Vec<(RoomKey, bool)> = self
            .lookups
            .iter_mut()
            .filter(|(_, lookup)| lookup.asked_at + ASK_AGAIN <= now)
            .map(|(key, lookup)| {
                lookup.asked_at = now;
                (key.clone(), lookup.form)
            })
            .collect();
        unanswered.into_iter().for_each(|(key, form)| self.ask(StoreRequest::Find { key, form }));
    }

    fn on_answer(&mut self, now: Instant, answer: StoreAnswer) {
        match answer {
            StoreAnswer::Renewed { mark, is_new } => {
                let Some(asked) = self.renewals.remove(&mark) else { return };
                self.renewals = self.renewals.split_off(&mark);
                if self.draining {
                    return;
                }
                if is_new {
                    self.give_up_rooms(now);
                }
                let until = asked + LEASE - LEASE_MARGIN;
                self.valid_until = Some(self.valid_until.map_or(until, |before| before.max(until)));
                self.fence(now);
            }
            StoreAnswer::Dead(nodes) => nodes.into_iter().for_each(|node| self.on_dead(now, node)),
            StoreAnswer::Created { key, claimed } => self.on_created(now, &key, claimed),
            StoreAnswer::Found { key, found } => self.on_found(now, &key, found),
            StoreAnswer::NotOurs(key) => self.give_up_room(now, &key),
        }
    }

    /// Another process does not live: its connections are lost, its rooms are looked for.
    fn on_dead(&mut self, now: Instant, node: NodeId) {
        let lost: Vec<SocketKey> =
            self.keys.range((node, SocketKey(0))..=(node, SocketKey(u64::MAX))).map(|(_, key)| *key).collect();
        lost.into_iter().for_each(|key| self.lose_end(now, key));
        self.leave_owner(now, node);
    }

    fn on_found(&mut self, now: Instant, key: &RoomKey, found: Found) {
        let waiting = match &found {
            Found::NotYet => return,
            Found::At(_) | Found::Ours { .. } | Found::Nowhere => self.lookups.remove(key).map(|it| it.waiting),
        };
        let waiting = waiting.unwrap_or_default();
        match found {
            Found::At(owner) if owner != self.id => {
                self.refuse_letters(key, waiting);
                self.seats_found(now, key, owner);
            }
            Found::Ours { claim, kept } => {
                if !self.is_valid(now) {
                    // The claim stands in the store, but whether it still does is not known here.
                    return self.refuse_letters(key, waiting);
                }
                self.take_over(now, key, claim, kept);
                self.seats_found(now, key, self.id);
                for (node, item) in waiting {
                    self.on_item(now, node, item);
                }
                if !self.lobby.has_room(key) {
                    self.release(key);
                }
            }
            Found::At(_) | Found::Nowhere => {
                self.refuse_letters(key, waiting);
                self.seats_found_nothing(now, key);
            }
            Found::NotYet => {}
        }
    }

    fn on_letter(&mut self, now: Instant, letter: Letter) {
        let last = self.read.entry(letter.from).or_default();
        if letter.number <= *last {
            return;
        }
        let is_gap = letter.number != *last + 1;
        *last = letter.number;
        if is_gap {
            // Something is lost; who is in the other's rooms tells it so anew.
            self.leave_owner(now, letter.from);
        }
        for item in letter.items {
            self.on_item(now, letter.from, item);
        }
    }

    /// An item about a room that is looked for waits; else it is done.
    fn on_item(&mut self, now: Instant, from: NodeId, item: Item) {
        let about = match &item {
            Item::Door { key, .. } | Item::Say { key, .. } | Item::Gone { key, .. } | Item::Attach { key, .. } => {
                Some(key.clone())
            }
            Item::RoundTrip { .. }
            | Item::Tell { .. }
            | Item::Ack { .. }
            | Item::Close { .. }
            | Item::Placed { .. }
            | Item::Answered { .. }
            | Item::NotHere { .. }
            | Item::Unseated { .. } => None,
        };
        if let Some(key) = about.filter(|key| !self.rooms.contains_key(key)) {
            let is_asked = self.lookups.contains_key(&key);
            // Whoever asks or belongs here by the store's word makes us look; anything else is too late.
            if !is_asked && matches!(item, Item::Door { .. } | Item::Attach { .. }) {
                self.find(now, &key, self.kept.contains_key(&key));
            }
            match self.lookups.get_mut(&key) {
                Some(lookup) if lookup.waiting.len() < LETTERS_WAITING_MAX => lookup.waiting.push_back((from, item)),
                Some(_) | None => self.refuse_letters(&key, VecDeque::from([(from, item)])),
            }
            return;
        }
        match item {
            Item::Door { .. } | Item::Say { .. } | Item::RoundTrip { .. } | Item::Gone { .. } | Item::Attach { .. } => {
                self.on_item_for_owner(now, from, item);
            }
            Item::Tell { .. }
            | Item::Ack { .. }
            | Item::Close { .. }
            | Item::Placed { .. }
            | Item::Answered { .. }
            | Item::NotHere { .. }
            | Item::Unseated { .. } => self.on_item_of_owner(now, from, item),
        }
    }

    /// What was written to us as the owner of a room, which we are not.
    fn refuse_letters(&mut self, key: &RoomKey, waiting: VecDeque<(NodeId, Item)>) {
        for (from, item) in waiting {
            let items: Vec<Item> = match item {
                Item::Door { .. } => vec![Item::NotHere { key: key.clone() }],
                Item::Say { socket, .. } => vec![Item::Unseated { key: key.clone(), socket }],
                Item::Attach { people, .. } => {
                    people.into_iter().map(|(_, it)| Item::Unseated { key: key.clone(), socket: it.socket }).collect()
                }
                Item::Gone { .. }
                | Item::RoundTrip { .. }
                | Item::Tell { .. }
                | Item::Ack { .. }
                | Item::Close { .. }
                | Item::Placed { .. }
                | Item::Answered { .. }
                | Item::NotHere { .. }
                | Item::Unseated { .. } => Vec::new(),
            };
            self.items.entry(from).or_default().extend(items);
        }
    }

    /// Asks the store for a room, unless that is under way.
    fn find(&mut self, now: Instant, key: &RoomKey, form: bool) {
        if let Some(lookup) = self.lookups.get_mut(key) {
            if lookup.form || !form {
                return;
            }
            (lookup.form, lookup.asked_at) = (true, now);
        } else {
            self.lookups.insert(key.clone(), Lookup { asked_at: now, form, waiting: VecDeque::new() });
        }
        self.ask(StoreRequest::Find { key: key.clone(), form });
    }

    fn ask(&mut self, request: StoreRequest) {
        self.outputs.push_back(Output::Store(request));
    }

    fn post(&mut self, to: NodeId, item: Item) {
        self.items.entry(to).or_default().push(item);
    }

    /// Rooms are kept before anybody elsewhere hears what changed in them.
    fn settle(&mut self, now: Instant) {
        self.save_rooms(now);
        for (to, items) in std::mem::take(&mut self.items) {
            if items.is_empty() {
                continue;
            }
            let number = self.written.entry(to).or_default();
            *number += 1;
            let letter = Letter { from: self.id, number: *number, items };
            let letter = serde_json::to_string(&letter).expect("all keys of its maps are text");
            self.outputs.push_back(Output::Post { to, letter });
        }
    }
}
