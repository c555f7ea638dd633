//! Who hears of whom (BEP 11): what peers are told of one another, and what becomes of the addresses that they name.
//!
//! Peers are named by where they listen, never by the port they called from. An address of a home network is named only
//! to a peer of the same kind of network. In a room only members are told, and only of members.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::{Output, Torrent, Wake};
use crate::ext::{ExtHandshake, PexFlags, PexMessage};
use crate::limits::{PEX_EVERY, PEX_PEERS_MAX};
use crate::peer::PeerKey;
use crate::policy::connector::NamedBy;

impl Torrent {
    /// Whether peers are told of peers here. BEP 27 has none of it.
    pub(super) fn exchanges_peers(&self) -> bool {
        self.config.pex && self.metainfo().is_none_or(|metainfo| !metainfo.private)
    }

    /// Tells each peer whose turn it is who came and went since it was last told.
    pub(super) fn exchange_peers(&mut self, now: Instant) {
        if !self.exchanges_peers() {
            return self.timers.cancel(Wake::Exchange);
        }
        let restricted = self.config.access.is_restricted();
        let listed: Vec<(PeerKey, SocketAddr, PexFlags)> = self
            .peers
            .iter()
            .filter(|(_, peer)| !restricted || peer.member.is_some())
            .filter_map(|(key, peer)| {
                let addr = peer.dialable()?;
                let seed = if peer.session.is_seed() || peer.session.ext.upload_only { PexFlags::SEED } else { 0 };
                let reachable = if peer.session.config().incoming { 0 } else { PexFlags::REACHABLE };
                Some((*key, SocketAddr::new(addr.ip().to_canonical(), addr.port()), PexFlags(seed | reachable)))
            })
            .collect();
        let mut next: Option<Instant> = None;
        for (key, peer) in &mut self.peers {
            if peer.session.ext.ut_pex.is_none() || (restricted && peer.member.is_none()) {
                continue;
            }
            let (own, reach) = (peer.dialable(), Reach::of(peer.session.config().addr.ip()));
            let current: BTreeMap<SocketAddr, PexFlags> = listed
                .iter()
                .filter(|(other, addr, _)| other != key && Some(*addr) != own && Reach::of(addr.ip()).includes(reach))
                .map(|(_, addr, flags)| (*addr, *flags))
                .collect();
            let mut added: Vec<(SocketAddr, PexFlags)> = current
                .iter()
                .filter(|(addr, _)| !peer.told.contains(addr))
                .map(|(addr, flags)| (*addr, *flags))
                .collect();
            let mut dropped: Vec<SocketAddr> =
                peer.told.iter().filter(|addr| !current.contains_key(addr)).copied().collect();
            if added.is_empty() && dropped.is_empty() {
                continue;
            }
            let due = peer.told_at.map_or(now, |told_at| told_at + PEX_EVERY);
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            if added.len() > PEX_PEERS_MAX || dropped.len() > PEX_PEERS_MAX {
                next = Some(next.map_or(now + PEX_EVERY, |next| next.min(now + PEX_EVERY)));
            }
            added.truncate(PEX_PEERS_MAX);
            dropped.truncate(PEX_PEERS_MAX);
            peer.told.extend(added.iter().map(|(addr, _)| *addr));
            peer.told.retain(|addr| !dropped.contains(addr));
            peer.told_at = Some(now);
            peer.session.send_pex(&PexMessage { added, dropped });
            self.talkative.insert(*key);
        }
        self.timers.set_or_cancel(Wake::Exchange, next);
    }

    /// A peer names others. Who is gone is no candidate.
    pub(super) fn on_pex(&mut self, now: Instant, key: PeerKey, message: &PexMessage) {
        if !self.exchanges_peers() {
            return;
        }
        let restricted = self.config.access.is_restricted();
        let here: Vec<SocketAddr> = self.peers.values().filter_map(super::Peer::dialable).collect();
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let named_by = match peer.member {
            Some(_) => NamedBy::Member,
            None if restricted => return,
            None => NamedBy::Stranger,
        };
        let mut addrs = Vec::new();
        for (addr, _) in &message.added {
            if here.contains(addr) || addrs.contains(addr) {
                continue;
            }
            if !peer.session.may_name(now) || !self.intake.take(now, 1) {
                break;
            }
            addrs.push(*addr);
        }
        let by = peer.session.config().addr.ip();
        if !addrs.is_empty() {
            self.outputs.push_back(Output::Named { by, addrs, named_by });
        }
    }

    /// The info dictionary came, and says that this is a private torrent (BEP 27): nobody but its trackers and the user
    /// may name peers.
    pub(super) fn turn_private(&mut self, now: Instant) {
        self.connector.forget_strangers();
        self.timers.cancel(Wake::Exchange);
        let off = ExtHandshake { ut_pex: Some(0), ..ExtHandshake::default() };
        for (key, peer) in &mut self.peers {
            peer.session.send_ext_handshake(&off);
            self.talkative.insert(*key);
        }
        self.dial(now);
    }
}

/// From where an address leads to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Machine,
    Network,
    World,
}

impl Reach {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self::Machine,
            IpAddr::V4(ip) => match ip.octets() {
                // 100.64.0.0/10 is between a provider and its customers (RFC 6598).
                [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [169, 254, ..] => Self::Network,
                [_, ..] => Self::World,
            },
            IpAddr::V6(ip) => match ip.segments() {
                [0xfc00..=0xfdff | 0xfe80..=0xfeff, ..] => Self::Network,
                [_, ..] => Self::World,
            },
        }
    }

    /// Whether who is at `other` can use such an address.
    fn includes(self, other: Self) -> bool {
        self == Self::World || self == other
    }
}
