//! A store as processes of a server see one: each request done at once, leases that run out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signal_proto::cluster::{Claimed, Found, NodeId, StoreAnswer, StoreRequest};
use signal_proto::ids::RoomKey;
use signal_proto::limits::LEASE;

pub(crate) struct Store {
    born: Instant,
    leases: BTreeMap<NodeId, Instant>,
    owners: BTreeMap<RoomKey, NodeId>,
    claims: BTreeMap<RoomKey, u64>,
    kept: BTreeMap<RoomKey, (String, Instant)>,
}

impl Store {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            born: now,
            leases: BTreeMap::new(),
            owners: BTreeMap::new(),
            claims: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    pub(crate) fn answer(&mut self, now: Instant, from: NodeId, request: StoreRequest) -> Option<StoreAnswer> {
        match request {
            StoreRequest::Renew { mark } => {
                let is_new = !self.lives(now, from);
                self.leases.insert(from, now + LEASE);
                Some(StoreAnswer::Renewed { mark, is_new })
            }
            StoreRequest::Resign => {
                self.leases.remove(&from);
                None
            }
            StoreRequest::Alive(nodes) => {
                let dead: Vec<NodeId> = nodes.into_iter().filter(|node| !self.lives(now, *node)).collect();
                (!dead.is_empty()).then_some(StoreAnswer::Dead(dead))
            }
            StoreRequest::Create(key) => {
                let claimed = if self.other_owner(now, from, &key).is_some() || self.kept.contains_key(&key) {
                    Claimed::Taken
                } else if self.is_young(now) || !self.lives(now, from) {
                    Claimed::NotYet
                } else {
                    self.claim(from, &key);
                    Claimed::Ours
                };
                Some(StoreAnswer::Created { key, claimed })
            }
            StoreRequest::Find { key, form } => {
                let found = match self.other_owner(now, from, &key) {
                    Some(owner) => Found::At(owner),
                    None if !form && !self.kept.contains_key(&key) => Found::Nowhere,
                    None if self.is_young(now) || !self.lives(now, from) => Found::NotYet,
                    None => {
                        let kept = self.kept.get(&key).map(|(text, at)| (text.clone(), now - *at));
                        Found::Ours { claim: self.claim(from, &key), kept }
                    }
                };
                Some(StoreAnswer::Found { key, found })
            }
            StoreRequest::Save { key, text } => {
                if self.owners.get(&key) != Some(&from) || !self.lives(now, from) {
                    return Some(StoreAnswer::NotOurs(key));
                }
                self.kept.insert(key, (text, now));
                None
            }
            StoreRequest::Release(key) => {
                if self.owners.get(&key) == Some(&from) {
                    self.owners.remove(&key);
                    self.kept.remove(&key);
                }
                None
            }
        }
    }

    fn claim(&mut self, from: NodeId, key: &RoomKey) -> u64 {
        self.owners.insert(key.clone(), from);
        let claims = self.claims.entry(key.clone()).or_default();
        *claims += 1;
        *claims
    }

    fn lives(&self, now: Instant, node: NodeId) -> bool {
        self.leases.get(&node).is_some_and(|until| now < *until)
    }

    fn other_owner(&self, now: Instant, from: NodeId, key: &RoomKey) -> Option<NodeId> {
        self.owners.get(key).copied().filter(|owner| *owner != from && self.lives(now, *owner))
    }

    fn is_young(&self, now: Instant) -> bool {
        now < self.born + Duration::from_secs(3)
    }
}
