//! Whom to unchoke.
//!
//! In a small room everybody, before they ask: viewers watch the same second of the film, nobody must wait for a slot, and
//! the first request need not wait for the answer to `interested`. Only beyond that
//! are slots given to who gives most (or, while we have everything, to who takes fastest), with one for somebody new each
//! round. Members of a room are unchoked always, and take no slot from others. Prose: docs/choking.md.

use std::time::Duration;

use crate::peer::PeerKey;
use crate::units::BytesPerSec;

/// Peers who are all unchoked.
pub const SMALL_ROOM: usize = 20;

/// Slots beyond that.
pub const SLOTS: usize = 20;

/// How often slots are given anew.
pub const ROUND: Duration = Duration::from_secs(10);

/// Rounds that somebody new keeps its slot.
pub const ROUNDS_NEW: u64 = 3;

/// A peer, as the choker sees it.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    /// Which.
    pub peer: PeerKey,
    /// It proved to be a member of the room.
    pub is_member: bool,
    /// It wants something of ours.
    pub is_interested: bool,
    /// From it to us.
    pub gives: BytesPerSec,
    /// From us to it.
    pub takes: BytesPerSec,
}

/// Whom to unchoke in this round. `turn` counts every [`ROUNDS_NEW`] rounds and says whose turn it is among the others.
pub fn pick_unchoked(peers: &[Upload], we_have_everything: bool, turn: u64) -> Vec<PeerKey> {
    if peers.len() <= SMALL_ROOM {
        return peers.iter().map(|peer| peer.peer).collect();
    }
    let members = peers.iter().filter(|peer| peer.is_member).map(|peer| peer.peer);
    let mut interested: Vec<&Upload> = peers.iter().filter(|peer| peer.is_interested && !peer.is_member).collect();
    if interested.len() <= SLOTS {
        return members.chain(interested.into_iter().map(|peer| peer.peer)).collect();
    }
    interested.sort_by_key(|peer| {
        let merit = if we_have_everything { peer.takes } else { peer.gives };
        (std::cmp::Reverse(merit), peer.peer)
    });
    let (best, others) = interested.split_at(SLOTS - 1);
    let lucky = usize::try_from(turn % others.len() as u64).unwrap_or(0);
    members.chain(best.iter().chain(others.get(lucky)).map(|peer| peer.peer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(count: u32) -> Vec<Upload> {
        (0..count)
            .map(|peer| Upload {
                peer: PeerKey(peer),
                is_member: false,
                is_interested: true,
                gives: BytesPerSec::new(u64::from(peer)),
                takes: BytesPerSec::new(u64::from(1000 - peer)),
            })
            .collect()
    }

    #[test]
    fn a_small_room_is_unchoked_whole() {
        let mut room = crowd(20);
        room[3].is_interested = false;
        assert_eq!(pick_unchoked(&room, false, 0).len(), 20);
        let mut crowd = crowd(30);
        crowd.iter_mut().take(15).for_each(|peer| peer.is_interested = false);
        assert_eq!(pick_unchoked(&crowd, false, 0).len(), 15, "a slot is for who wants something");
    }

    #[test]
    fn members_take_no_slot_and_need_no_merit() {
        let mut crowd = crowd(100);
        crowd.iter_mut().take(30).for_each(|peer| (peer.is_member, peer.is_interested) = (true, false));
        let unchoked = pick_unchoked(&crowd, false, 0);
        assert_eq!(unchoked.len(), 30 + SLOTS);
        assert!((0..30).all(|member| unchoked.contains(&PeerKey(member))));
    }

    #[test]
    fn a_crowd_gets_slots_by_what_it_gives() {
        let unchoked = pick_unchoked(&crowd(100), false, 0);
        assert_eq!(unchoked.len(), SLOTS);
        assert!(unchoked.contains(&PeerKey(99)) && unchoked.contains(&PeerKey(81)));
        let seeding = pick_unchoked(&crowd(100), true, 0);
        assert!(seeding.contains(&PeerKey(0)));
    }

    #[test]
    fn everybody_has_a_turn() {
        let mut seen = std::collections::BTreeSet::new();
        for turn in 0..81 {
            seen.extend(pick_unchoked(&crowd(100), false, turn));
        }
        assert_eq!(seen.len(), 100);
    }
}
