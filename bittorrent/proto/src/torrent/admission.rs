//! Who may come in: connections that have to show who they are before anything is said to them, and proofs of members.
//!
//! Where only members and named peers are served, a connection of somebody unknown gets an extension handshake that says
//! nothing of the torrent, and [`PROOF_PATIENCE`]. Who dials shows its proof first; who was dialed answers one that holds,
//! so that knocking alone brings nobody a proof. Prose: docs/choking.md.

use std::net::SocketAddr;
use std::time::Instant;

use super::{CloseReason, Event, Output, Peer, Torrent, Wake};
use crate::error::{PeerMisbehaved, PeerUnsupported};
use crate::ext::ExtHandshake;
use crate::limits::{PROOF_PATIENCE, UNPROVEN_MAX};
use crate::peer::{PeerEvent, PeerKey, SessionConfig};
use crate::policy::connector::NamedBy;
use crate::room::{Admission, MemberId, Pair, Proof};
use crate::units::ByteLen;
use crate::wire::{FrameDecoder, FrameLimits, Handshake};

/// What a new connection finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    Open,
    ProofFirst,
    Closed,
}

/// A connection that has to show who it is. What it says meanwhile is checked and remembered, and answered with nothing.
#[derive(Debug)]
pub(super) struct Unproven {
    peer: Peer,
    until: Instant,
}

impl Unproven {
    pub(super) fn is_incoming(&self) -> bool {
        self.peer.session.config().incoming
    }
}

impl Torrent {
    pub(super) fn on_addresses(&mut self, now: Instant, addrs: &[SocketAddr], named_by: NamedBy) {
        // Strangers do not lead to a room's members, and hear nothing of what is looked for.
        if self.config.access.is_restricted() && named_by == NamedBy::Stranger {
            return;
        }
        for addr in addrs {
            self.connector.add(now, *addr, named_by);
        }
        self.dial(now);
    }

    /// Whether a connection whose handshakes are through is a peer at once.
    pub(super) fn entrance(&self, now: Instant, addr: SocketAddr, incoming: bool, theirs: &Handshake) -> Entrance {
        let can_prove = theirs.reserved.extensions();
        let is_named = !incoming && self.connector.named_by(addr).is_some_and(NamedBy::is_trusted);
        let must_prove = match self.config.access.admission {
            // Places that are taken give way to members alone, and nobody gets a member's place by using its peer id.
            Admission::Anyone if self.config.access.room.is_some() && can_prove => {
                let of_member = |key| self.peers.get(&key).is_some_and(|peer| peer.member.is_some());
                let full = !self.has_room(incoming) && (!incoming || self.idle_guest(now).is_none());
                full || self.key_of(theirs.peer_id).is_some_and(of_member)
            }
            Admission::Anyone => false,
            Admission::MembersAndNamed => !is_named,
            Admission::Members => true,
        };
        match (must_prove, can_prove) {
            (false, _) => Entrance::Open,
            (true, true) => Entrance::ProofFirst,
            (true, false) => Entrance::Closed,
        }
    }

    /// Says who we are, if we dialed, and waits for the same.
    pub(super) fn hold(&mut self, now: Instant, key: PeerKey, mut peer: Peer) {
        while self.unproven.len() >= UNPROVEN_MAX {
            // Those we dialed were named by somebody; of the others whoever has had most time goes.
            let oldest =
                self.unproven.iter().min_by_key(|(key, unproven)| (!unproven.is_incoming(), unproven.until, **key));
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            self.turn_away_unproven(now, oldest, CloseReason::Full);
        }
        let full = self.our_ext_handshake(&peer, !peer.session.config().incoming);
        // Neither how large the torrent is nor how much of it is here, nor where else we are found.
        let bare = ExtHandshake { metadata_size: None, upload_only: false, port: None, ..full };
        peer.session.send_ext_handshake(&bare);
        self.unproven.insert(key, Unproven { peer, until: now + PROOF_PATIENCE });
        self.flush_unproven(now, key);
        self.set_proof_timer();
    }

    pub(super) fn on_proof_overdue(&mut self, now: Instant) {
        let overdue: Vec<PeerKey> =
            self.unproven.iter().filter(|(_, unproven)| unproven.until <= now).map(|(key, _)| *key).collect();
        for key in overdue {
            self.turn_away_unproven(now, key, PeerUnsupported::NotMember.into());
        }
        self.set_proof_timer();
    }

    pub(super) fn on_unproven_received(&mut self, now: Instant, key: PeerKey, mut bytes: &[u8]) {
        let Some(mut unproven) = self.unproven.remove(&key) else { return };
        let metainfo = self.metainfo().cloned();
        let layout = metainfo.as_ref().map(|metainfo| &metainfo.layout);
        let session = &mut unproven.peer.session;
        let mut decoder = std::mem::replace(&mut unproven.peer.decoder, FrameDecoder::new(FrameLimits::default()));
        let mut greeted = false;
        let mut outcome: Result<(), PeerMisbehaved> = Ok(());
        loop {
            let message = match decoder.next(&mut bytes) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(misbehaved) => {
                    outcome = Err(misbehaved);
                    break;
                }
            };
            match session.on_message(now, message, layout) {
                Ok(Some(PeerEvent::ExtHandshake)) => {
                    greeted = true;
                    // What follows is heard as what it then is.
                    break;
                }
                Ok(Some(PeerEvent::Request(block))) => outcome = session.refuse(now, block),
                Ok(Some(PeerEvent::Metadata(_))) => outcome = session.metadata_refused(now),
                Ok(Some(
                    PeerEvent::Choked { .. }
                    | PeerEvent::Unchoked
                    | PeerEvent::Interested
                    | PeerEvent::NotInterested
                    | PeerEvent::Have(_)
                    | PeerEvent::HaveSet
                    | PeerEvent::HaveSetAgain { .. }
                    | PeerEvent::DontHave(_)
                    | PeerEvent::UploadOnly
                    | PeerEvent::RequestCancelled(_)
                    | PeerEvent::Block { .. }
                    | PeerEvent::Rejected(_)
                    | PeerEvent::Pex(_),
                ))
                | Ok(None) => {}
                Err(misbehaved) => outcome = Err(misbehaved),
            }
            if outcome.is_err() {
                break;
            }
        }
        unproven.peer.decoder = decoder;
        let config = *unproven.peer.session.config();
        if let Err(misbehaved) = outcome {
            // Anybody may use anybody's peer id here, so only the address is held against it.
            self.turn_away(now, key, config.addr, config.incoming, misbehaved.into());
            return self.set_proof_timer();
        }
        if greeted {
            let member = self.member_of(&config, unproven.peer.session.ext.proof);
            if member.is_some() || self.is_named_guest(&unproven.peer) {
                self.let_in(now, key, unproven.peer, member);
                self.set_proof_timer();
                self.on_let_in(now, key);
                return self.on_received(now, key, bytes);
            }
        }
        self.unproven.insert(key, unproven);
        self.flush_unproven(now, key);
        if greeted && !bytes.is_empty() {
            self.on_unproven_received(now, key, bytes);
        }
    }

    pub(super) fn on_unproven_written(&mut self, key: PeerKey, len: usize) {
        if let Some(unproven) = self.unproven.get_mut(&key) {
            unproven.peer.send_queued = unproven.peer.send_queued - ByteLen::new(len as u64);
        }
    }

    /// False when that connection is none of those.
    pub(super) fn on_unproven_lost(&mut self, now: Instant, key: PeerKey) -> bool {
        let Some(unproven) = self.unproven.remove(&key) else { return false };
        let config = unproven.peer.session.config();
        if !config.incoming {
            self.connector.disconnected(now, config.addr, now.saturating_duration_since(unproven.peer.since));
        }
        self.set_proof_timer();
        true
    }

    /// The piece count is known now: what was said before is checked against it.
    pub(super) fn tell_unproven_piece_count(&mut self, now: Instant, piece_count: u32) {
        let mut liars = Vec::new();
        for (key, unproven) in &mut self.unproven {
            unproven.peer.decoder.set_piece_count(piece_count);
            if let Err(misbehaved) = unproven.peer.session.set_piece_count(piece_count) {
                liars.push((*key, misbehaved));
            }
        }
        for (key, misbehaved) in liars {
            self.turn_away_unproven(now, key, misbehaved.into());
        }
    }

    /// Looks at the proof of a peer that came in without one. False when it had to go, as a member that is here already.
    pub(super) fn look_at_proof(&mut self, now: Instant, key: PeerKey) -> bool {
        let Some(peer) = self.peers.get(&key).filter(|peer| peer.member.is_none()) else { return true };
        let config = *peer.session.config();
        let Some(member) = self.member_of(&config, peer.session.ext.proof) else { return true };
        if !self.settle_members(now, key, member) {
            return false;
        }
        let Some(peer) = self.peers.get(&key) else { return false };
        let answer = config.incoming.then(|| self.our_ext_handshake(peer, true));
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.member = Some(member);
            if let Some(answer) = answer {
                peer.session.send_ext_handshake(&answer);
                self.talkative.insert(key);
            }
        }
        self.rechoke(now);
        self.greet_member();
        true
    }

    /// The connection that a proof on it is for.
    pub(super) fn pair(&self, config: &SessionConfig) -> Pair {
        Pair { infohash: self.infohash, peers: [self.config.peer_id, config.peer_id] }
    }

    /// Who of the room it is, by its own word and the room's key.
    fn member_of(&mut self, config: &SessionConfig, claim: Option<Proof>) -> Option<MemberId> {
        let (room, claim) = (self.config.access.room.as_ref()?, claim?);
        let holds = room.holds(&self.pair(config), &claim);
        if !holds {
            self.proofs_refused = self.proofs_refused.saturating_add(1);
        }
        holds.then_some(claim.member)
    }

    /// Whether somebody who called listens where the user or the room's tracker said that a peer is.
    fn is_named_guest(&self, peer: &Peer) -> bool {
        let config = peer.session.config();
        let listens_at = peer.session.ext.port.map(|port| SocketAddr::new(config.addr.ip(), port));
        self.config.access.admission == Admission::MembersAndNamed
            && config.incoming
            && listens_at.and_then(|addr| self.connector.named_by(addr)).is_some_and(NamedBy::is_trusted)
    }

    /// What it said before it came in has its effect now.
    fn on_let_in(&mut self, now: Instant, key: PeerKey) {
        if self.peers.get(&key).is_some_and(|peer| peer.member.is_some()) {
            self.greet_member();
        }
        self.on_ext_handshake(now, key);
    }

    fn greet_member(&mut self) {
        if !std::mem::replace(&mut self.member_told, true) {
            self.tell(Event::MemberHere);
        }
    }

    fn turn_away_unproven(&mut self, now: Instant, key: PeerKey, reason: CloseReason) {
        if let Some(unproven) = self.unproven.remove(&key) {
            let config = *unproven.peer.session.config();
            self.turn_away(now, key, config.addr, config.incoming, reason);
        }
    }

    fn flush_unproven(&mut self, now: Instant, key: PeerKey) {
        let Some(unproven) = self.unproven.get_mut(&key) else { return };
        if let Some(bytes) = unproven.peer.session.take_outgoing(now) {
            unproven.peer.send_queued += ByteLen::new(bytes.len() as u64);
            self.outputs.push_back(Output::Send { peer: key, bytes });
        }
    }

    fn set_proof_timer(&mut self) {
        let due = self.unproven.values().map(|unproven| unproven.until).min();
        self.timers.set_or_cancel(Wake::Proof, due);
    }
}
