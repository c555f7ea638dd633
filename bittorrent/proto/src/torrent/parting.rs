//! Two peers that want nothing of each other part (BEP 21), so that others find their places free.
//!
//! Not at once: a proof of membership may still be on its way, and who was just served has a last word to say. Members of
//! a room stay, for they tell newcomers of one another.

use std::time::Instant;

use super::{CloseReason, Peer, Torrent, Wake};
use crate::limits::REDUNDANT_AFTER;
use crate::peer::PeerKey;

impl Torrent {
    /// All that is wanted is here and stays here: nothing will be asked for any more (BEP 21, `upload_only`). What a
    /// bounded disk gave up may be wanted again.
    pub(super) fn is_upload_only(&self) -> bool {
        self.is_done() && self.disk_limit.is_none()
    }

    /// Whether nothing more is fetched although not everything is here (BEP 21, "partial seed").
    pub fn is_partial_seed(&self) -> bool {
        self.is_upload_only() && self.have().is_some_and(|have| !have.is_full())
    }

    /// Something was learned of a peer, or of what we want: looks for who has nothing to do with us any more, later.
    pub(super) fn part_later(&mut self, now: Instant) {
        if self.is_upload_only() && self.peers.values().any(Peer::is_redundant) {
            self.timers.set_if_idle(Wake::Part, now + REDUNDANT_AFTER);
        }
    }

    pub(super) fn on_part(&mut self, now: Instant) {
        if !self.is_upload_only() {
            return;
        }
        let redundant: Vec<(PeerKey, Instant)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_redundant())
            .map(|(key, peer)| (*key, peer.since + REDUNDANT_AFTER))
            .collect();
        let (gone, young): (Vec<_>, Vec<_>) = redundant.into_iter().partition(|(_, due)| *due <= now);
        self.timers.set_or_cancel(Wake::Part, young.into_iter().map(|(_, due)| due).min());
        for (key, _) in gone {
            if let Some(addr) = self.peers.get(&key).and_then(Peer::dialable) {
                self.connector.leave(addr);
            }
            self.close(key, CloseReason::Redundant);
            self.forget(now, key);
        }
    }
}

impl Peer {
    /// It wants nothing, and is here for nothing but what it could get.
    fn is_redundant(&self) -> bool {
        self.member.is_none() && self.wants_nothing()
    }

    /// It has everything, or says that it wants nothing more.
    pub(super) fn wants_nothing(&self) -> bool {
        self.session.is_seed() || self.session.ext.upload_only
    }
}
