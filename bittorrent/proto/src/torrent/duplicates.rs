//! Two connections to one peer, or to one member of a room: which stays, and what becomes of the other's address.

use std::time::{Duration, Instant};

use super::{CloseReason, Torrent};
use crate::error::PeerUnsupported;
use crate::peer::{PeerKey, SessionConfig};
use crate::peer_id::PeerId;
use crate::room::MemberId;

/// Silence after which a second connection of the same peer takes the place of the first.
const QUIET: Duration = Duration::from_secs(10);

/// The same for one from another address: a peer that changed networks calls again, and its old connection is dead. Two
/// that are made at once, as by a peer with two addresses, are both younger.
const QUIET_ELSEWHERE: Duration = Duration::from_secs(2);

impl Torrent {
    /// Lets a new connection stay, or the older one to the same peer or member; the other goes.
    pub(super) fn settle_duplicates(
        &mut self,
        now: Instant,
        newer: &SessionConfig,
        member: Option<MemberId>,
    ) -> Result<(), CloseReason> {
        if let Some(older) = self.key_of(newer.peer_id) {
            if self.older_stays(now, older, newer) {
                return Err(self.is_duplicate(newer, newer.peer_id));
            }
            self.replace(now, older, newer.peer_id);
        }
        if let Some(older) = member.and_then(|member| self.key_of_member(member)) {
            // One member, two ids: it started anew, or uses two machines. What still talks stays.
            if !self.is_quiet(now, older, QUIET) {
                let older_id = self.peers.get(&older).map_or(newer.peer_id, |peer| peer.session.config().peer_id);
                return Err(self.is_duplicate(newer, older_id));
            }
            self.replace(now, older, newer.peer_id);
        }
        Ok(())
    }

    /// A connection proves to be a member's that another one is of. False when it had to go.
    pub(super) fn settle_members(&mut self, now: Instant, key: PeerKey, member: MemberId) -> bool {
        let Some(older) = self.key_of_member(member) else { return true };
        let id_of = |key: PeerKey| self.peers.get(&key).map(|peer| peer.session.config().peer_id);
        let (Some(older_id), Some(newer_id)) = (id_of(older), id_of(key)) else { return true };
        let older_stays = !self.is_quiet(now, older, QUIET);
        if older_stays {
            self.replace(now, key, older_id);
        } else {
            self.replace(now, older, newer_id);
        }
        !older_stays
    }

    fn older_stays(&self, now: Instant, key: PeerKey, newer: &SessionConfig) -> bool {
        let Some(older) = self.peers.get(&key).map(|peer| *peer.session.config()) else { return false };
        if older.addr.ip().to_canonical() != newer.addr.ip().to_canonical() && self.is_quiet(now, key, QUIET_ELSEWHERE)
        {
            return false;
        }
        if older.incoming == newer.incoming {
            // From one side twice: the older stays, unless it looks dead.
            return !self.is_quiet(now, key, QUIET);
        }
        // Both ends must keep the same one of two: the one that the lower id dialed.
        let we_are_lower = self.config.peer_id.as_bytes() < newer.peer_id.as_bytes();
        newer.incoming == we_are_lower
    }

    fn is_quiet(&self, now: Instant, key: PeerKey, quiet: Duration) -> bool {
        let peer = self.peers.get(&key);
        peer.is_none_or(|peer| now.saturating_duration_since(peer.session.last_received) >= quiet)
    }

    /// A dial led to a peer that is here: its address is not dialed before that one is gone.
    fn is_duplicate(&mut self, newer: &SessionConfig, older_id: PeerId) -> CloseReason {
        if !newer.incoming {
            self.connector.duplicate(newer.addr, older_id);
        }
        PeerUnsupported::Duplicate.into()
    }

    fn replace(&mut self, now: Instant, gone: PeerKey, by: PeerId) {
        self.close(gone, PeerUnsupported::Duplicate.into());
        self.forget_for(now, gone, Some(by));
    }
}
