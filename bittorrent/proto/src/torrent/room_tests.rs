//! Rooms and peer exchange, whole torrents against each other.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::ext::{ExtHandshake, PexFlags, PexMessage, UT_PEX_ID};
use crate::limits::{PEX_MESSAGES_MAX, PEX_NAMED_MAX, PROOF_PATIENCE, UNPROVEN_MAX};
use crate::peer::PeerKey;
use crate::peer_id::PeerId;
use crate::policy::connector::NamedBy;
use crate::room::{Access, Admission, MemberId, Pair, Room};
use crate::testing::{Swarm, film};
use crate::torrent::{CloseReason, Event, Input, Output};
use crate::wire::{Handshake, Message, Reserved};

const MINUTE: Duration = Duration::from_secs(60);
const KEY: [u8; 16] = [7; 16];

fn member(name: u8, admission: Admission) -> Access {
    Access { room: Some(Room::new(KEY, MemberId([name; 20]))), admission }
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, u8::try_from(host).unwrap()], 6881))
}

/// A seed and a leech with these terms, the leech knowing the seed's address.
fn pair(seed: Access, leech: Access) -> (Swarm, usize, usize) {
    let (content, metainfo) = film(1_000_000, 65_536);
    let mut swarm = Swarm::new(metainfo);
    swarm.access = seed;
    let seed = swarm.seed(&content);
    swarm.access = leech;
    let leech = swarm.leech(true);
    swarm.input(leech, Input::Addresses { addrs: &[address(seed)], named_by: NamedBy::User });
    swarm.connect(leech, seed);
    (swarm, seed, leech)
}

fn not_member(reason: &CloseReason) -> bool {
    *reason == CloseReason::Unsupported(PeerUnsupported::NotMember)
}

#[test]
fn members_know_each_other_and_share() {
    for admission in [Admission::Anyone, Admission::MembersAndNamed, Admission::Members] {
        let (mut swarm, seed, leech) = pair(member(1, admission), member(2, admission));
        assert!(swarm.run(MINUTE, |swarm| swarm.hosts[leech].torrent.is_done()), "{admission:?}");
        for (host, other) in [(seed, 2), (leech, 1)] {
            let snapshot = swarm.hosts[host].torrent.snapshot(swarm.now);
            assert_eq!(snapshot.peers[0].member, Some(MemberId([other; 20])), "{admission:?}");
            assert_eq!(snapshot.proofs_refused, 0);
            let told = swarm.hosts[host].events.iter().filter(|event| matches!(event, Event::MemberHere)).count();
            assert_eq!(told, 1);
        }
    }
}

#[test]
fn a_wrong_key_and_no_key_get_nothing_of_a_private_torrent() {
    let wrong = Access { room: Some(Room::new([8; 16], MemberId([2; 20]))), admission: Admission::Anyone };
    for (stranger, refused) in [(wrong, 1), (Access::default(), 0)] {
        let (mut swarm, seed, leech) = pair(member(1, Admission::MembersAndNamed), stranger);
        let gone = |swarm: &Swarm| swarm.hosts[seed].closed.iter().any(not_member);
        assert!(swarm.run(PROOF_PATIENCE * 2, gone));
        assert_eq!(swarm.hosts[seed].torrent.peer_count(), 0);
        assert_eq!(swarm.hosts[leech].torrent.have().unwrap().count_ones(), 0);
        assert_eq!(swarm.hosts[seed].torrent.snapshot(swarm.now).proofs_refused, refused);
        // A few dozen bytes of greeting that say nothing of the torrent, and refusals.
        assert!(swarm.hosts[leech].received < 500, "{} bytes", swarm.hosts[leech].received);
    }
}

#[test]
fn a_named_stock_client_is_served_unless_members_alone_are() {
    for (admission, served) in [(Admission::MembersAndNamed, true), (Admission::Members, false)] {
        let (content, metainfo) = film(1_000_000, 65_536);
        let mut swarm = Swarm::new(metainfo);
        swarm.access = member(1, admission);
        let seed = swarm.seed(&content);
        swarm.access = Access::default();
        let leech = swarm.leech(true);
        // Where it listens, which it says itself: the port of `Swarm`'s hosts is 1.
        let listens = SocketAddr::new(address(leech).ip(), 1);
        swarm.input(seed, Input::Addresses { addrs: &[listens], named_by: NamedBy::Room });
        swarm.connect(leech, seed);
        assert_eq!(swarm.run(MINUTE, |swarm| swarm.hosts[leech].torrent.is_done()), served, "{admission:?}");
    }
}

#[test]
fn strangers_addresses_are_not_dialed_in_a_private_torrent() {
    let (_, metainfo) = film(1_000_000, 65_536);
    let mut swarm = Swarm::new(metainfo);
    swarm.access = member(1, Admission::MembersAndNamed);
    let leech = swarm.leech(true);
    swarm.input(leech, Input::Addresses { addrs: &[address(9)], named_by: NamedBy::Stranger });
    swarm.input(leech, Input::Addresses { addrs: &[address(8)], named_by: NamedBy::Member });
    swarm.run(MINUTE, |_| false);
    assert_eq!(swarm.hosts[leech].dialed, [address(8)]);
}

#[test]
fn members_are_told_of_members_only() {
    let (content, metainfo) = film(1_000_000, 65_536);
    let mut swarm = Swarm::new(metainfo);
    let hosts: Vec<usize> = (1..=3)
        .map(|name| {
            swarm.access = member(name, Admission::MembersAndNamed);
            if name == 1 { swarm.seed(&content) } else { swarm.leech(true) }
        })
        .collect();
    swarm.access = Access::default();
    let stock = swarm.leech(true);
    let listens = SocketAddr::new(address(stock).ip(), 1);
    swarm.input(hosts[0], Input::Addresses { addrs: &[listens], named_by: NamedBy::User });
    swarm.input(hosts[0], Input::Addresses { addrs: &[], named_by: NamedBy::User });
    for caller in [stock, hosts[1], hosts[2]] {
        swarm.connect(caller, hosts[0]);
    }
    swarm.run(Duration::from_secs(3), |_| false);
    let second_listens = SocketAddr::new(address(hosts[1]).ip(), 1);
    assert!(swarm.hosts[hosts[2]].dialed.contains(&second_listens), "{:?}", swarm.hosts[hosts[2]].dialed);
    assert!(!swarm.hosts[hosts[2]].dialed.contains(&listens), "a stock client is not named");
    assert_eq!(swarm.hosts[stock].dialed, [], "nor told of members");
}

/// An attacker by hand on a connection to a seed with these terms.
struct Raw {
    swarm: Swarm,
    seed: usize,
    key: PeerKey,
}

impl Raw {
    fn new(access: Access) -> Self {
        let (content, metainfo) = film(1_000_000, 65_536);
        let mut swarm = Swarm::new(metainfo);
        swarm.access = access;
        let seed = swarm.leech(true);
        drop(content);
        let mut raw = Self { swarm, seed, key: PeerKey(1000) };
        raw.connect(raw.key, [b'r'; 20]);
        raw
    }

    fn connect(&mut self, key: PeerKey, peer_id: [u8; 20]) {
        let infohash = self.swarm.hosts[self.seed].torrent.infohash();
        let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new(peer_id) };
        let incoming = Input::Connected { peer: key, addr: address(77), incoming: true, handshake };
        self.swarm.input(self.seed, incoming);
    }

    fn say(&mut self, id: u8, payload: &[u8]) {
        let mut frame = Vec::new();
        Message::Extended { id, payload }.encode(&mut frame);
        let (now, key) = (self.swarm.now, self.key);
        self.swarm.hosts[self.seed].torrent.handle_input(now, Input::Received { peer: key, bytes: &frame });
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.swarm.hosts[self.seed].torrent.poll_output()).collect()
    }

    fn named(&mut self) -> Vec<SocketAddr> {
        self.outputs()
            .into_iter()
            .filter_map(|output| if let Output::Named { addrs, .. } = output { Some(addrs) } else { None })
            .flatten()
            .collect()
    }

    fn members(&self) -> usize {
        let snapshot = self.swarm.hosts[self.seed].torrent.snapshot(self.swarm.now);
        snapshot.peers.iter().filter(|peer| peer.member.is_some()).count()
    }
}

fn naming(first: u16, count: u16) -> Vec<u8> {
    let added =
        (first..first + count).map(|port| (SocketAddr::from(([198, 51, 100, 200], port)), PexFlags(0))).collect();
    PexMessage { added, dropped: vec![SocketAddr::from(([198, 51, 100, 201], 9))] }.encode()
}

#[test]
fn a_flood_of_peer_exchange_ends_the_connection_and_fills_no_table() {
    let mut raw = Raw::new(Access::default());
    let mut named = Vec::new();
    for message in 0..u16::try_from(PEX_MESSAGES_MAX).unwrap() {
        raw.say(UT_PEX_ID, &naming(2000 + message * 50, 50));
        named.extend(raw.named());
    }
    assert!(named.len() <= PEX_NAMED_MAX as usize, "{} addresses", named.len());
    assert!(!named.is_empty() && named.iter().all(|addr| addr.port() >= 2000), "who is gone is no candidate");
    raw.say(UT_PEX_ID, &naming(9000, 1));
    let flood = |output: &Output| {
        matches!(output, Output::Close { reason: CloseReason::Misbehaved(PeerMisbehaved::Flood), .. })
    };
    assert!(raw.outputs().iter().any(flood));
}

#[test]
fn who_is_no_member_names_nobody_and_anothers_proof_is_none() {
    let mut raw = Raw::new(member(1, Admission::MembersAndNamed));
    let infohash = raw.swarm.hosts[raw.seed].torrent.infohash();
    let us = raw.swarm.hosts[raw.seed].torrent.config.peer_id;
    let theirs = Room::new(KEY, MemberId([2; 20]));
    let greet = |proof| ExtHandshake { proof: Some(proof), ..ExtHandshake::ours() }.encode();
    let replayed = theirs.prove(&Pair { infohash, peers: [us, PeerId::new([b'q'; 20])] });
    raw.say(0, &greet(replayed));
    let reflected = Room::new(KEY, MemberId([1; 20])).prove(&Pair { infohash, peers: [us, PeerId::new([b'r'; 20])] });
    raw.say(0, &greet(reflected));
    raw.say(UT_PEX_ID, &naming(2000, 5));
    assert_eq!((raw.members(), raw.named()), (0, vec![]));
    raw.say(0, &greet(theirs.prove(&Pair { infohash, peers: [us, PeerId::new([b'r'; 20])] })));
    assert_eq!(raw.members(), 1, "the right one is");
    raw.say(UT_PEX_ID, &naming(2000, 5));
    assert_eq!(raw.named().len(), 5);
}

#[test]
fn of_those_who_prove_nothing_few_are_kept_and_not_for_long() {
    let mut raw = Raw::new(member(1, Admission::Members));
    for number in 0..3 * u8::try_from(UNPROVEN_MAX).unwrap() {
        raw.connect(PeerKey(2000 + u32::from(number)), [number; 20]);
    }
    assert_eq!(raw.swarm.hosts[raw.seed].torrent.unproven.len(), UNPROVEN_MAX);
    raw.swarm.run(PROOF_PATIENCE, |_| false);
    assert_eq!(raw.swarm.hosts[raw.seed].torrent.unproven.len(), 0);
}
