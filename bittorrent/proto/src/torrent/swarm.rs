//! Connections: made, listened to, ended.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::admission::Entrance;
use super::{CloseReason, Event, NO_PEERS_AFTER, Output, Peer, Phase, Torrent, Wake};
use crate::bitfield::Bitfield;
use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::ext::{ExtHandshake, MetadataServe};
use crate::limits::{DIALED_SHARE, IDLE_GUEST_AFTER, KEEP_ALIVE_EVERY, PEER_SILENCE_MAX};
use crate::peer::{PeerEvent, PeerKey, PeerSession, SessionConfig};
use crate::peer_id::PeerId;
use crate::policy::choker;
use crate::policy::connector::{NamedBy, Wanted};
use crate::room::MemberId;
use crate::units::ByteLen;
use crate::wire::{FrameDecoder, FrameLimits, Handshake, Message};

/// Peers remembered for what they did, 20 bytes each.
const BANNED_IDS_MAX: usize = 1024;

impl Torrent {
    pub(super) fn dial(&mut self, now: Instant) {
        // A torrent that has everything waits to be found, but for those who cannot find it.
        let has_everything = self.have().is_some_and(Bitfield::is_full);
        let wants_nothing = has_everything || self.is_upload_only() || (self.is_done() && self.readers.is_empty());
        if matches!(self.phase, Phase::Refused | Phase::Preparing(_)) {
            self.timers.cancel(Wake::Dial);
            return;
        }
        let wanted = if wants_nothing { Wanted::CallsBack } else { Wanted::Anybody };
        let dialed_unproven = self.unproven.values().filter(|unproven| !unproven.is_incoming()).count();
        while let Some(addr) = self.connector.next_dial(now, self.peers.len() + dialed_unproven, wanted) {
            self.outputs.push_back(Output::Dial(addr));
        }
        // What is due and was not dialed waits for a place, and is looked at again when one is free.
        let next = self.connector.next_due(wanted).filter(|due| *due > now);
        self.timers.set_or_cancel(Wake::Dial, next);
    }

    pub(super) fn on_connected(
        &mut self,
        now: Instant,
        key: PeerKey,
        addr: SocketAddr,
        incoming: bool,
        handshake: &Handshake,
    ) {
        if !incoming {
            self.connector.connected(addr);
        }
        if let Err(reason) = self.first_look(handshake) {
            return self.turn_away(now, key, addr, incoming, reason);
        }
        let peer = self.new_peer(now, addr, incoming, handshake);
        match self.entrance(now, addr, incoming, handshake) {
            Entrance::Open => self.let_in(now, key, peer, None),
            Entrance::ProofFirst => self.hold(now, key, peer),
            Entrance::Closed => self.turn_away(now, key, addr, incoming, PeerUnsupported::NotMember.into()),
        }
    }

    /// A connection whose handshakes are through comes to nothing.
    pub(super) fn turn_away(
        &mut self,
        now: Instant,
        key: PeerKey,
        addr: SocketAddr,
        incoming: bool,
        reason: CloseReason,
    ) {
        self.outputs.push_back(Output::Close { peer: key, reason });
        if !incoming {
            match reason {
                CloseReason::Unsupported(PeerUnsupported::Ourselves | PeerUnsupported::Banned)
                | CloseReason::Misbehaved(_) => self.connector.ban(addr),
                // Its address waits for the end of the other connection.
                CloseReason::Unsupported(PeerUnsupported::Duplicate) => {}
                CloseReason::Unsupported(PeerUnsupported::NotMember)
                | CloseReason::Full
                | CloseReason::Redundant
                | CloseReason::Outdated => {
                    self.connector.disconnected(now, addr, Duration::ZERO);
                }
            }
            self.dial(now);
        }
    }

    fn new_peer(&self, now: Instant, addr: SocketAddr, incoming: bool, handshake: &Handshake) -> Peer {
        let config = SessionConfig { addr, incoming, peer_id: handshake.peer_id, reserved: handshake.reserved };
        let mut session = PeerSession::new(now, config);
        let layout = self.metainfo().map(|metainfo| metainfo.layout.clone());
        let limits =
            layout.as_ref().map_or_else(FrameLimits::default, |layout| FrameLimits::for_pieces(layout.piece_count()));
        if let Some(layout) = &layout {
            // Nothing was said yet, so there is nothing to check; it becomes an empty set.
            let _ = session.set_piece_count(layout.piece_count());
        }
        Peer {
            session,
            decoder: FrameDecoder::new(limits),
            stalled_at: None,
            listen_addr: None,
            since: now,
            send_queued: ByteLen::ZERO,
            counted: false,
            stalled_until: None,
            stalls: 0,
            strikes: 0,
            refused_until: None,
            metadata_allowance: MetadataServe::new(),
            member: None,
            told: BTreeSet::new(),
            told_at: None,
        }
    }

    /// A connection becomes a peer, unless there is no place for it. It may have said things already.
    pub(super) fn let_in(&mut self, now: Instant, key: PeerKey, mut peer: Peer, member: Option<MemberId>) {
        let newer = *peer.session.config();
        let SessionConfig { addr, incoming, .. } = newer;
        if let Err(reason) = self.admit(now, &newer, member) {
            return self.turn_away(now, key, addr, incoming, reason);
        }
        if !incoming {
            // Again, as an older connection to the same peer may have ended for this one.
            self.connector.connected(addr);
        }
        peer.member = member;
        // Who dials shows its proof first; who was dialed answers one that holds.
        let with_proof = !incoming || member.is_some();
        peer.session.send_ext_handshake(&self.our_ext_handshake(&peer, with_proof));
        peer.session.send_have_set(self.have());
        self.peers.insert(key, peer);
        self.talkative.insert(key);
        self.hungry.insert(key);
        self.count_availability(key);
        self.update_interest(key);
        self.timers.cancel(Wake::NoPeers);
        self.timers.set_if_idle(Wake::ChokeRound, now + choker::ROUND);
        self.rechoke(now);
        self.tell(Event::PeersChanged);
        // A dial that is over makes room for the next.
        self.dial(now);
    }

    fn first_look(&self, handshake: &Handshake) -> Result<(), CloseReason> {
        if handshake.infohash != self.infohash {
            return Err(PeerMisbehaved::WrongInfohash.into());
        }
        if handshake.peer_id == self.config.peer_id {
            return Err(PeerUnsupported::Ourselves.into());
        }
        if self.banned_ids.contains(&handshake.peer_id) {
            return Err(PeerUnsupported::Banned.into());
        }
        Ok(())
    }

    /// Whether a new connection may stay; a worse one to the same peer gives way, and a stranger's to a member.
    fn admit(&mut self, now: Instant, newer: &SessionConfig, member: Option<MemberId>) -> Result<(), CloseReason> {
        self.settle_duplicates(now, newer, member)?;
        let incoming = newer.incoming;
        if !self.has_room(incoming) {
            let idle = self.idle_guest(now).filter(|_| incoming);
            let stranger = || member.and_then(|_| self.youngest_stranger());
            let idle = idle.or_else(stranger).ok_or(CloseReason::Full)?;
            self.close(idle, CloseReason::Full);
            self.forget(now, idle);
        }
        Ok(())
    }

    /// Who calls us cannot take every place: while there is something to fetch, some are kept for those we dial.
    pub(super) fn has_room(&self, incoming: bool) -> bool {
        let places = self.connector.peers_max();
        let kept = if self.is_done() { 0 } else { places / DIALED_SHARE };
        let guests = self.peers.values().filter(|peer| peer.session.config().incoming).count();
        self.peers.len() < places && (!incoming || guests < places - kept)
    }

    /// Who called us longest ago and neither gave, took nor wants anything: it makes room for somebody who may.
    pub(super) fn idle_guest(&self, now: Instant) -> Option<PeerKey> {
        let idle = |peer: &Peer| {
            let session = &peer.session;
            let nothing_moved = session.downloaded.total() + session.uploaded.total() == ByteLen::ZERO;
            session.config().incoming
                && peer.member.is_none()
                && nothing_moved
                && !session.peer_interested
                && session.inflight.is_empty()
        };
        self.peers
            .iter()
            .filter(|(_, peer)| idle(peer) && now.saturating_duration_since(peer.since) >= IDLE_GUEST_AFTER)
            .min_by_key(|(_, peer)| peer.since)
            .map(|(key, _)| *key)
    }

    /// Who is no member and came last: it has the least to lose.
    fn youngest_stranger(&self) -> Option<PeerKey> {
        let strangers = self.peers.iter().filter(|(_, peer)| peer.member.is_none());
        strangers.max_by_key(|(key, peer)| (peer.since, **key)).map(|(key, _)| *key)
    }

    pub(super) fn key_of(&self, peer_id: PeerId) -> Option<PeerKey> {
        self.peers.iter().find(|(_, peer)| peer.session.config().peer_id == peer_id).map(|(key, _)| *key)
    }

    pub(super) fn key_of_member(&self, member: MemberId) -> Option<PeerKey> {
        self.peers.iter().find(|(_, peer)| peer.member == Some(member)).map(|(key, _)| *key)
    }

    pub(super) fn our_ext_handshake(&self, peer: &Peer, with_proof: bool) -> ExtHandshake {
        let config = peer.session.config();
        let ours = ExtHandshake::ours();
        ExtHandshake {
            ut_pex: ours.ut_pex.filter(|_| self.exchanges_peers()),
            proof: self.config.access.room.as_ref().filter(|_| with_proof).map(|room| room.prove(&self.pair(config))),
            metadata_size: self.metainfo().and_then(|metainfo| u32::try_from(metainfo.info.len()).ok()),
            port: Some(self.config.listen_port).filter(|port| *port != 0),
            client_name: Some(self.config.client_name.clone()),
            yourip: Some(config.addr.ip().to_canonical()),
            upload_only: self.is_upload_only(),
            ..ours
        }
    }

    pub(super) fn on_received(&mut self, now: Instant, key: PeerKey, mut bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&key) else { return self.on_unproven_received(now, key, bytes) };
        // The decoder is taken out, so that what it lends of the bytes does not hold the torrent.
        let mut decoder = std::mem::replace(&mut peer.decoder, FrameDecoder::new(FrameLimits::default()));
        let mut metainfo = self.metainfo().cloned();
        loop {
            let message = match decoder.next(&mut bytes) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(misbehaved) => return self.punish(now, key, misbehaved),
            };
            let Some(peer) = self.peers.get_mut(&key) else { return };
            let layout = metainfo.as_ref().map(|metainfo| &metainfo.layout);
            let event = peer.session.on_message(now, message, layout);
            let result = match event {
                Ok(Some(event)) => self.on_peer_event(now, key, event),
                Ok(None) => Ok(()),
                Err(misbehaved) => Err(misbehaved),
            };
            if let Err(misbehaved) = result {
                return self.punish(now, key, misbehaved);
            }
            if metainfo.is_none() {
                // The message may have brought the last of the info dictionary.
                metainfo = self.metainfo().cloned();
                if let Some(metainfo) = &metainfo {
                    decoder.set_piece_count(metainfo.layout.piece_count());
                }
            }
        }
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.decoder = decoder;
        }
        self.talkative.insert(key);
    }

    fn on_peer_event(&mut self, now: Instant, key: PeerKey, event: PeerEvent<'_>) -> Result<(), PeerMisbehaved> {
        match event {
            PeerEvent::Choked { lost } => self.on_peer_choked(now, key, &lost),
            PeerEvent::Unchoked => {
                self.hungry.insert(key);
            }
            PeerEvent::Interested | PeerEvent::NotInterested => self.rechoke(now),
            PeerEvent::Have(piece) => {
                self.on_peer_have(key, piece);
                self.part_later(now);
            }
            PeerEvent::HaveSet => {
                self.on_have_set(key);
                self.part_later(now);
            }
            PeerEvent::HaveSetAgain { before } => {
                self.uncount(key, &before);
                self.on_have_set(key);
                self.part_later(now);
            }
            PeerEvent::UploadOnly => self.part_later(now),
            PeerEvent::DontHave(piece) => self.on_peer_dont_have(key, piece),
            PeerEvent::Request(block) => self.on_request(now, key, block)?,
            PeerEvent::RequestCancelled(block) => {
                // BEP 6: a cancelled request is still owed an answer.
                if let Some(peer) = self.peers.get_mut(&key) {
                    peer.session.reject(block);
                }
            }
            PeerEvent::Block { block, data, requested } => self.on_block(now, key, block, data, requested),
            PeerEvent::Rejected(block) => self.on_rejected(now, key, block),
            PeerEvent::ExtHandshake => self.on_ext_handshake(now, key),
            PeerEvent::Metadata(message) => self.on_metadata(now, key, message)?,
            PeerEvent::Pex(message) => self.on_pex(now, key, &message),
        }
        Ok(())
    }

    pub(super) fn on_disconnected(&mut self, now: Instant, key: PeerKey) {
        if !self.on_unproven_lost(now, key) {
            self.forget(now, key);
        }
        self.dial(now);
    }

    /// A connection ended because we lost the address it came from. Who wants something of us does not know where we are.
    pub(super) fn on_address_lost(&mut self, now: Instant, key: PeerKey) {
        let wants = self.peers.get(&key).filter(|peer| !peer.wants_nothing());
        let lost = wants.and_then(Peer::dialable);
        self.on_disconnected(now, key);
        if let Some(addr) = lost {
            self.connector.call_back(addr);
            self.dial(now);
        }
    }

    /// A peer broke a rule: the connection ends, and it is not dialed again.
    pub(super) fn punish(&mut self, now: Instant, key: PeerKey, misbehaved: PeerMisbehaved) {
        if let Some(peer) = self.peers.get(&key) {
            // Who only fell silent may be back; who lied is not asked again, and not heard again either.
            if misbehaved != PeerMisbehaved::Silent {
                if let Some(addr) = peer.dialable() {
                    self.connector.ban(addr);
                }
                if self.banned_ids.len() < BANNED_IDS_MAX {
                    self.banned_ids.insert(peer.session.config().peer_id);
                }
                self.banned += 1;
            }
            // One that left before it was found out has no connection to end.
            self.close(key, misbehaved.into());
        }
        self.forget(now, key);
        if matches!(misbehaved, PeerMisbehaved::CorruptPiece(_) | PeerMisbehaved::CorruptBlock(_)) {
            self.forget_blocks_of(key);
        }
        self.dial(now);
    }

    pub(super) fn close(&mut self, key: PeerKey, reason: CloseReason) {
        self.outputs.push_back(Output::Close { peer: key, reason });
    }

    pub(super) fn forget(&mut self, now: Instant, key: PeerKey) {
        self.forget_for(now, key, None);
    }

    /// Forgets a connection, whose peer may be here by another one under this id.
    pub(super) fn forget_for(&mut self, now: Instant, key: PeerKey, still_here: Option<PeerId>) {
        if let Some(had) = self.peers.get(&key).and_then(|peer| peer.session.have().cloned()) {
            self.uncount(key, &had);
        }
        let Some(mut peer) = self.peers.remove(&key) else { return };
        let lost = peer.session.inflight.drop_all();
        self.release(&lost);
        self.free_sole_sources(key);
        self.forget_metadata_peer(now, key);
        self.talkative.remove(&key);
        self.hungry.remove(&key);
        match (peer.dialable(), still_here) {
            (Some(addr), Some(id)) => self.connector.duplicate(addr, id),
            (Some(addr), None) => {
                self.connector.disconnected(now, addr, now.saturating_duration_since(peer.since));
            }
            (None, _) => {}
        }
        let gone = peer.session.config().peer_id;
        if still_here != Some(gone) {
            self.connector.free_duplicates(now, gone);
        }
        if self.peers.is_empty() && !self.is_done() {
            self.timers.set(Wake::NoPeers, now + NO_PEERS_AFTER);
        }
        self.hungry.extend(self.peers.keys());
        self.rechoke(now);
        self.exchange_peers(now);
        self.tell(Event::PeersChanged);
    }

    pub(super) fn on_no_peers(&mut self, now: Instant) {
        if self.peers.is_empty() && !self.is_done() {
            self.timers.set(Wake::NoPeers, now + NO_PEERS_AFTER * 3);
            self.tell(Event::NoPeers);
        }
    }

    /// Ends silent connections and keeps the others alive.
    pub(super) fn on_silence(&mut self, now: Instant) {
        let silent: Vec<PeerKey> = self
            .peers
            .iter()
            .filter(|(_, peer)| now.saturating_duration_since(peer.session.last_received) >= PEER_SILENCE_MAX)
            .map(|(key, _)| *key)
            .collect();
        for key in silent {
            self.punish(now, key, PeerMisbehaved::Silent);
        }
        for (key, peer) in &mut self.peers {
            if now.saturating_duration_since(peer.session.last_sent) >= KEEP_ALIVE_EVERY {
                peer.session.send(Message::KeepAlive);
                peer.session.last_sent = now;
                self.talkative.insert(*key);
            }
        }
        self.update_silence_timer();
    }

    pub(super) fn update_silence_timer(&mut self) {
        let due = |peer: &Peer| {
            (peer.session.last_sent + KEEP_ALIVE_EVERY).min(peer.session.last_received + PEER_SILENCE_MAX)
        };
        // It may only be late by what was said since, so an earlier timer that fires for nothing is set anew then.
        if let Some(at) = self.peers.values().map(due).min() {
            self.timers.set_if_idle(Wake::Silence, at);
        }
    }

    /// Addresses that a peer may be dialed at again are learned from its extension handshake: its listen port.
    pub(super) fn learn_listen_port(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let config = peer.session.config();
        // The first word counts: a peer that names one port after another would fill the table.
        let (None, Some(port), true) = (peer.listen_addr, peer.session.ext.port, config.incoming) else { return };
        let addr = SocketAddr::new(config.addr.ip(), port);
        peer.listen_addr = Some(addr);
        let named_by = if peer.member.is_some() { NamedBy::Member } else { NamedBy::Stranger };
        self.connector.add(now, addr, named_by);
        self.connector.connected(addr);
        // The timer may be for the very address that called us.
        self.dial(now);
    }
}

impl Peer {
    /// Where it can be dialed: where it was, or where it says it listens.
    pub(super) fn dialable(&self) -> Option<SocketAddr> {
        let config = self.session.config();
        if config.incoming { self.listen_addr } else { Some(config.addr) }
    }
}
