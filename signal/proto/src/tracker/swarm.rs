//! Swarms of peers that listen on a port: who announced, and which addresses of theirs help whom.
//!
//! An address is given only to somebody for whom it works: a peer on the server's own machine by the address through which the
//! asker reached the server, a peer's local address only to those behind the same public one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::limits::{FORGETS_AFTER, PEERS_GIVEN_MAX, SWARM_PEERS_MAX, SWARMS_MAX};
use super::{Infohash, PeerId};
use crate::rng::Rng;

/// All swarms of one tracker.
#[derive(Debug)]
pub struct Swarms {
    swarms: BTreeMap<Infohash, Swarm>,
    rng: Rng,
}

/// What a peer says of itself, and how it reached us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// Which swarm.
    pub infohash: Infohash,
    /// How it calls itself.
    pub peer_id: PeerId,
    /// Where its announce came from.
    pub from: IpAddr,
    /// Which address of ours it reached.
    pub reached: IpAddr,
    /// The port it listens on.
    pub port: u16,
    /// Its addresses behind its NAT, one a family at most.
    pub local: Vec<SocketAddr>,
    /// Nothing is left for it to fetch.
    pub seed: bool,
    /// What happened.
    pub event: Event,
    /// How many peers it wants.
    pub wanted: usize,
}

/// Why a peer announces itself (BEP 3, `event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Event {
    /// As every so often.
    #[default]
    Update,
    /// It begins.
    Started,
    /// It has everything now.
    Completed,
    /// It leaves.
    Stopped,
}

/// What a swarm holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Peers that have everything.
    pub complete: usize,
    /// Peers that do not yet.
    pub incomplete: usize,
    /// Downloads that were completed here.
    pub downloaded: u64,
}

#[derive(Debug, Default)]
struct Swarm {
    /// By id and the address it came from: nobody stops or moves somebody else's.
    peers: BTreeMap<(PeerId, IpAddr), Peer>,
    downloaded: u64,
}

#[derive(Debug)]
struct Peer {
    port: u16,
    local: Vec<SocketAddr>,
    seed: bool,
    seen: Instant,
}

impl Swarms {
    /// No swarm yet.
    pub const fn new(rng: Rng) -> Self {
        Self { swarms: BTreeMap::new(), rng }
    }

    /// Takes in an announce; gives addresses of others, without repetition, and what the swarm holds.
    pub fn announce(&mut self, now: Instant, announce: &Announce) -> (Vec<SocketAddr>, Counts) {
        let from = announce.from.to_canonical();
        if !self.swarms.contains_key(&announce.infohash) && self.swarms.len() >= SWARMS_MAX {
            self.forget_stalest();
        }
        let swarm = self.swarms.entry(announce.infohash).or_default();
        swarm.update(now, announce, from);
        if swarm.peers.is_empty() && swarm.downloaded == 0 {
            self.swarms.remove(&announce.infohash);
            return (Vec::new(), Counts::default());
        }
        let counts = swarm.counts();
        let wanted = announce.wanted.min(PEERS_GIVEN_MAX);
        if announce.event == Event::Stopped || wanted == 0 {
            return (Vec::new(), counts);
        }
        (swarm.addresses_for(announce, from, wanted, &mut self.rng), counts)
    }

    /// What a swarm holds; nothing for one that is unknown (BEP 48).
    pub fn scrape(&self, infohash: Infohash) -> Counts {
        self.swarms.get(&infohash).map(Swarm::counts).unwrap_or_default()
    }

    /// Forgets who has not announced for long; every so often is enough.
    pub fn expire(&mut self, now: Instant) {
        self.swarms.retain(|_, swarm| {
            swarm.peers.retain(|_, peer| now.saturating_duration_since(peer.seen) < FORGETS_AFTER);
            !swarm.peers.is_empty()
        });
    }

    /// How many swarms, and peers in all.
    pub fn totals(&self) -> (usize, usize) {
        (self.swarms.len(), self.swarms.values().map(|swarm| swarm.peers.len()).sum())
    }

    /// Makes place: the swarm that was silent longest goes.
    fn forget_stalest(&mut self) {
        let latest = |swarm: &Swarm| swarm.peers.values().map(|peer| peer.seen).max();
        let stalest = self.swarms.iter().min_by_key(|(_, swarm)| latest(swarm)).map(|(infohash, _)| *infohash);
        if let Some(infohash) = stalest {
            self.swarms.remove(&infohash);
        }
    }
}

impl Swarm {
    fn update(&mut self, now: Instant, announce: &Announce, from: IpAddr) {
        let key = (announce.peer_id, from);
        if announce.event == Event::Stopped {
            self.peers.remove(&key);
            return;
        }
        let was_seed = self.peers.get(&key).map(|peer| peer.seed);
        if announce.event == Event::Completed && was_seed == Some(false) {
            self.downloaded += 1;
        }
        if was_seed.is_none() && self.peers.len() >= SWARM_PEERS_MAX {
            let stalest = self.peers.iter().min_by_key(|(_, peer)| peer.seen).map(|(key, _)| *key);
            stalest.and_then(|key| self.peers.remove(&key));
        }
        let local = announce.local.iter().copied().filter(|addr| can_be_local(*addr)).collect();
        self.peers.insert(key, Peer { port: announce.port, local, seed: announce.seed, seen: now });
    }

    fn counts(&self) -> Counts {
        let complete = self.peers.values().filter(|peer| peer.seed).count();
        Counts { complete, incomplete: self.peers.len() - complete, downloaded: self.downloaded }
    }

    fn addresses_for(&self, asker: &Announce, from: IpAddr, wanted: usize, rng: &mut Rng) -> Vec<SocketAddr> {
        // A seed has no use for seeds.
        let useful = |peer: &Peer| !(asker.seed && peer.seed);
        let mut others: Vec<(IpAddr, &Peer)> = self
            .peers
            .iter()
            .filter(|((peer_id, _), peer)| *peer_id != asker.peer_id && useful(peer))
            .map(|((_, ip), peer)| (*ip, peer))
            .collect();
        let mut given = BTreeSet::new();
        let mut addresses = Vec::new();
        while addresses.len() < wanted && !others.is_empty() {
            let turn = usize::try_from(rng.below(others.len() as u64)).unwrap_or(0);
            let (ip, peer) = others.swap_remove(turn);
            let local = peer.local.iter().copied().filter(|_| ip == from);
            let public = public_address(ip, peer.port, asker.reached.to_canonical());
            let fresh = local.chain(public).filter(|addr| given.insert(*addr));
            addresses.extend(fresh);
        }
        addresses.truncate(wanted);
        addresses
    }
}

/// Where somebody who reached us at `reached` reaches a peer that came from `ip`.
fn public_address(ip: IpAddr, port: u16, reached: IpAddr) -> Option<SocketAddr> {
    // Whoever is on our machine is where we are. An asker beside it reached us by loopback, and reaches it so too.
    let ip = if ip.is_loopback() { reached } else { ip };
    (port != 0 && !ip.is_unspecified() && !ip.is_multicast()).then(|| SocketAddr::new(ip, port))
}

/// Whether an address can be one's own in a local network.
fn can_be_local(addr: SocketAddr) -> bool {
    let ip = addr.ip().to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast() || ip.octets()[0] == 0);
    addr.port() != 0 && !ip.is_loopback() && !ip.is_multicast() && !ip.is_unspecified() && !broadcast
}

#[cfg(test)]
mod tests;
