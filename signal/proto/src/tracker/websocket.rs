//! The WebTorrent tracker: peers that can only be reached by WebRTC find one another by offers and answers that it relays, and
//! engines behind NATs are told when to call each other (`punch`).
//!
//! Hashes and ids travel as 20 characters of U+0000 to U+00FF, one a byte.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::limits::{
    DESCRIPTION_LEN_MAX, INTERVAL, MESSAGE_DEPTH_MAX, MESSAGE_LEN_MAX, OFFERS_MAX, PUNCHES_MAX, SCRAPE_HASHES_MAX,
    SWARM_PEERS_MAX, SWARMS_MAX, TORRENTS_PER_SOCKET_MAX,
};
use super::{Infohash, PeerId};
use crate::ids::SocketKey;
use crate::rng::Rng;

/// A message to one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// To whom.
    pub to: SocketKey,
    /// One text frame.
    pub text: String,
}

/// The sockets, and the swarms they are in.
#[derive(Debug)]
pub struct WebTorrentTracker {
    swarms: BTreeMap<Infohash, BTreeMap<PeerId, Peer>>,
    /// What each socket announced. Invariant: it is in exactly these swarms, under these ids.
    sockets: BTreeMap<SocketKey, BTreeSet<(Infohash, PeerId)>>,
    outputs: VecDeque<Send>,
    rng: Rng,
}

#[derive(Debug)]
struct Peer {
    socket: SocketKey,
    seed: bool,
    /// Where its UDP is seen from outside, for engines that can be called there.
    udp: Option<SocketAddr>,
}

/// Why a message is refused; its words are the answer's `failure reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the message is too long")]
    TooLong,
    #[error("the message is not JSON that a tracker reads")]
    NotJson,
    #[error("invalid action")]
    Action,
    #[error("invalid info_hash")]
    Infohash,
    #[error("invalid peer_id")]
    PeerId,
    #[error("another socket has that peer_id")]
    Taken,
    #[error("invalid offer or answer")]
    Description,
    #[error("too many torrents")]
    TooMany,
}

impl WebTorrentTracker {
    /// A tracker nobody is at.
    pub const fn new(rng: Rng) -> Self {
        Self { swarms: BTreeMap::new(), sockets: BTreeMap::new(), outputs: VecDeque::new(), rng }
    }

    /// Takes in a text frame.
    pub fn handle_message(&mut self, from: SocketKey, text: &str) {
        if let Err(refusal) = self.on_message(from, text) {
            self.send(from, &json!({ "failure reason": refusal.to_string() }));
        }
    }

    /// A socket is gone, and with it what it announced.
    pub fn handle_closed(&mut self, socket: SocketKey) {
        for (infohash, peer_id) in self.sockets.remove(&socket).unwrap_or_default() {
            self.remove(infohash, peer_id);
        }
    }

    /// The next message to send. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Send> {
        self.outputs.pop_front()
    }

    /// How many swarms, and peers in all.
    pub fn totals(&self) -> (usize, usize) {
        (self.swarms.len(), self.sockets.values().map(BTreeSet::len).sum())
    }

    fn on_message(&mut self, from: SocketKey, text: &str) -> Result<(), Refusal> {
        if text.len() > MESSAGE_LEN_MAX {
            return Err(Refusal::TooLong);
        }
        let message = crate::json::parse(text, MESSAGE_DEPTH_MAX).map_err(|_| Refusal::NotJson)?;
        let message = message.as_object().ok_or(Refusal::NotJson)?;
        match message.get("action").and_then(Value::as_str) {
            Some("announce") if message.contains_key("answer") => self.on_answer(from, message),
            Some("announce") => self.on_announce(from, message),
            Some("scrape") => self.on_scrape(from, message),
            Some(_) | None => Err(Refusal::Action),
        }
    }

    fn on_announce(&mut self, from: SocketKey, message: &Map<String, Value>) -> Result<(), Refusal> {
        let infohash = Infohash(binary(message.get("info_hash")).ok_or(Refusal::Infohash)?);
        let peer_id = PeerId(binary(message.get("peer_id")).ok_or(Refusal::PeerId)?);
        let known = self.swarms.get(&infohash).and_then(|swarm| swarm.get(&peer_id));
        if known.is_some_and(|peer| peer.socket != from) {
            return Err(Refusal::Taken);
        }
        if message.get("event").and_then(Value::as_str) == Some("stopped") {
            if let Some(announced) = self.sockets.get_mut(&from) {
                announced.remove(&(infohash, peer_id));
            }
            if known.is_some() {
                self.remove(infohash, peer_id);
            }
            self.send_counts(from, infohash);
            return Ok(());
        }
        if known.is_none() {
            self.check_room(from, infohash)?;
        }
        let offers = offers(message)?;
        let udp = message.get("udp").and_then(Value::as_str).and_then(|text| text.parse().ok());
        // `null` is JavaScript's infinity: a magnet of which nothing is known.
        let seed = message.get("left").and_then(Value::as_f64) == Some(0.0);
        self.swarms.entry(infohash).or_default().insert(peer_id, Peer { socket: from, seed, udp });
        self.sockets.entry(from).or_default().insert((infohash, peer_id));
        self.send_counts(from, infohash);
        self.relay_offers(infohash, peer_id, offers);
        self.punch(infohash, peer_id);
        Ok(())
    }

    fn check_room(&self, from: SocketKey, infohash: Infohash) -> Result<(), Refusal> {
        let announced = self.sockets.get(&from).map_or(0, BTreeSet::len);
        let is_full = match self.swarms.get(&infohash) {
            Some(swarm) => swarm.len() >= SWARM_PEERS_MAX,
            None => self.swarms.len() >= SWARMS_MAX,
        };
        if announced >= TORRENTS_PER_SOCKET_MAX || is_full { Err(Refusal::TooMany) } else { Ok(()) }
    }

    /// Each offer goes to another peer of the swarm, by chance, never back.
    fn relay_offers(&mut self, infohash: Infohash, peer_id: PeerId, offers: Vec<(Value, Value)>) {
        for ((offer, offer_id), to) in offers.into_iter().zip(self.others(infohash, peer_id, |_| true)) {
            let message = json!({
                "action": "announce",
                "info_hash": text(&infohash.0),
                "peer_id": text(&peer_id.0),
                "offer": offer,
                "offer_id": offer_id,
            });
            self.send(to.1, &message);
        }
    }

    /// Two engines that say where their UDP is seen are told of each other at the same moment, so that both call at once.
    fn punch(&mut self, infohash: Infohash, peer_id: PeerId) {
        let own = self.swarms.get(&infohash).and_then(|swarm| swarm.get(&peer_id));
        let Some((own_socket, own_udp)) = own.and_then(|peer| Some((peer.socket, peer.udp?))) else { return };
        let calls = |infohash: Infohash, peer_id: PeerId, udp: SocketAddr| {
            json!({
                "action": "punch",
                "info_hash": text(&infohash.0),
                "peer_id": text(&peer_id.0),
                "udp": udp.to_string(),
            })
        };
        for (other, socket) in self.others(infohash, peer_id, |peer| peer.udp.is_some()).into_iter().take(PUNCHES_MAX) {
            let udp = self.swarms.get(&infohash).and_then(|swarm| swarm.get(&other)).and_then(|peer| peer.udp);
            if let Some(udp) = udp {
                self.send(socket, &calls(infohash, peer_id, own_udp));
                self.send(own_socket, &calls(infohash, other, udp));
            }
        }
    }

    /// An answer goes to the one who made the offer, and only from the socket that announced its `peer_id`.
    fn on_answer(&mut self, from: SocketKey, message: &Map<String, Value>) -> Result<(), Refusal> {
        let infohash = Infohash(binary(message.get("info_hash")).ok_or(Refusal::Infohash)?);
        let peer_id = PeerId(binary(message.get("peer_id")).ok_or(Refusal::PeerId)?);
        let to = PeerId(binary(message.get("to_peer_id")).ok_or(Refusal::PeerId)?);
        if !self.sockets.get(&from).is_some_and(|announced| announced.contains(&(infohash, peer_id))) {
            return Err(Refusal::PeerId);
        }
        let answer = message.get("answer").filter(|answer| is_description(answer)).ok_or(Refusal::Description)?;
        let offer_id = message.get("offer_id").filter(|id| is_offer_id(id)).ok_or(Refusal::Description)?;
        let relayed = json!({
            "action": "announce",
            "info_hash": text(&infohash.0),
            "peer_id": text(&peer_id.0),
            "answer": answer,
            "offer_id": offer_id,
        });
        // Who made the offer may have left meanwhile.
        if let Some(socket) = self.swarms.get(&infohash).and_then(|swarm| swarm.get(&to)).map(|peer| peer.socket) {
            self.send(socket, &relayed);
        }
        Ok(())
    }

    fn on_scrape(&mut self, from: SocketKey, message: &Map<String, Value>) -> Result<(), Refusal> {
        let one = |value: &Value| binary(Some(value)).map(Infohash);
        let named: Option<Vec<Infohash>> = match message.get("info_hash") {
            Some(Value::Array(many)) => many.iter().take(SCRAPE_HASHES_MAX + 1).map(one).collect(),
            Some(value) => one(value).map(|infohash| vec![infohash]),
            None => None,
        };
        let named = named.filter(|named| (1..=SCRAPE_HASHES_MAX).contains(&named.len())).ok_or(Refusal::Infohash)?;
        let mut files = Map::new();
        for infohash in named {
            let (complete, incomplete) = self.counts(infohash);
            let counts = json!({ "complete": complete, "incomplete": incomplete, "downloaded": 0 });
            files.insert(text(&infohash.0), counts);
        }
        let flags = json!({ "min_request_interval": INTERVAL.as_secs() });
        self.send(from, &json!({ "action": "scrape", "files": files, "flags": flags }));
        Ok(())
    }

    fn send_counts(&mut self, to: SocketKey, infohash: Infohash) {
        let (complete, incomplete) = self.counts(infohash);
        let message = json!({
            "action": "announce",
            "info_hash": text(&infohash.0),
            "interval": INTERVAL.as_secs(),
            "complete": complete,
            "incomplete": incomplete,
        });
        self.send(to, &message);
    }

    fn counts(&self, infohash: Infohash) -> (usize, usize) {
        let Some(swarm) = self.swarms.get(&infohash) else { return (0, 0) };
        let complete = swarm.values().filter(|peer| peer.seed).count();
        (complete, swarm.len() - complete)
    }

    /// The others of a swarm that are fit, in an order by chance, as many as offers can be.
    fn others(&mut self, infohash: Infohash, but: PeerId, fit: impl Fn(&Peer) -> bool) -> Vec<(PeerId, SocketKey)> {
        let Some(swarm) = self.swarms.get(&infohash) else { return Vec::new() };
        let own_socket = swarm.get(&but).map(|peer| peer.socket);
        let mut others: Vec<(PeerId, SocketKey)> = swarm
            .iter()
            .filter(|(peer_id, peer)| **peer_id != but && Some(peer.socket) != own_socket && fit(peer))
            .map(|(peer_id, peer)| (*peer_id, peer.socket))
            .collect();
        let mut chosen = Vec::new();
        while chosen.len() < OFFERS_MAX && !others.is_empty() {
            let turn = usize::try_from(self.rng.below(others.len() as u64)).unwrap_or(0);
            chosen.push(others.swap_remove(turn));
        }
        chosen
    }

    fn remove(&mut self, infohash: Infohash, peer_id: PeerId) {
        let Some(swarm) = self.swarms.get_mut(&infohash) else { return };
        swarm.remove(&peer_id);
        if swarm.is_empty() {
            self.swarms.remove(&infohash);
        }
    }

    fn send(&mut self, to: SocketKey, message: &Value) {
        self.outputs.push_back(Send { to, text: message.to_string() });
    }
}

/// The offers of an announce with their ids.
fn offers(message: &Map<String, Value>) -> Result<Vec<(Value, Value)>, Refusal> {
    let Some(offers) = message.get("offers").filter(|offers| !offers.is_null()) else { return Ok(Vec::new()) };
    let offers = offers.as_array().ok_or(Refusal::Description)?;
    let one = |entry: &Value| {
        let offer = entry.get("offer").filter(|offer| is_description(offer))?;
        let offer_id = entry.get("offer_id").filter(|id| is_offer_id(id))?;
        Some((offer.clone(), offer_id.clone()))
    };
    offers.iter().take(OFFERS_MAX).map(|entry| one(entry).ok_or(Refusal::Description)).collect()
}

fn is_description(value: &Value) -> bool {
    let sdp = value.get("sdp").and_then(Value::as_str);
    value.is_object() && sdp.is_some() && value.to_string().len() <= DESCRIPTION_LEN_MAX
}

fn is_offer_id(value: &Value) -> bool {
    binary(Some(value)).is_some()
}

/// 20 bytes, each as the character of its number.
fn binary(value: Option<&Value>) -> Option<[u8; 20]> {
    let text = value?.as_str()?;
    // A character is two bytes of UTF-8 at most; a longer text cannot be 20 of them.
    if text.len() > 40 {
        return None;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes?.try_into().ok()
}

fn text(bytes: &[u8; 20]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests;
