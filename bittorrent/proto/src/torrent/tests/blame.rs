//! Liars among honest peers: found by proof, and nobody else is.

use super::*;
use crate::units::BLOCK_LEN;

/// Pieces of 16 blocks, so that every piece has several senders.
const LONG_PIECE: u32 = 16 * BLOCK_LEN;

/// One liar and three honest peers. A reader makes the beginning urgent, so that its blocks are shared out.
fn mixed() -> (Swarm, usize, usize) {
    let (content, metainfo) = film(4_000_000, LONG_PIECE);
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let liar = swarm.seed(&content);
    swarm.hosts[liar].corrupts.insert(0);
    swarm.connect(leech, liar);
    for _ in 0..3 {
        let honest = swarm.seed(&content);
        swarm.connect(leech, honest);
    }
    swarm.open_reader(leech, 1, 0);
    (swarm, leech, liar)
}

fn corrupt(reason: &CloseReason) -> bool {
    use PeerMisbehaved::{CorruptBlock, CorruptPiece};
    matches!(reason, CloseReason::Misbehaved(CorruptPiece(_) | CorruptBlock(_)))
}

#[test]
fn a_liar_among_honest_peers_is_banned_and_no_other() {
    let (mut swarm, leech, _) = mixed();
    assert!(swarm.run(MINUTE, is_done(leech)));
    let (content, _) = film(4_000_000, LONG_PIECE);
    assert_eq!(swarm.hosts[leech].disk, content);
    let closed = &swarm.hosts[leech].closed;
    assert_eq!(closed.iter().filter(|reason| corrupt(reason)).count(), 1, "{closed:?}");
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!(swarm.hosts[leech].torrent.peer_count(), 3);
    let wasted = swarm.hosts[leech].received - content.len();
    // Four wrong pieces of 256 KiB at most, less what was kept of them; all anew, it would be 790,000 bytes.
    assert!(wasted < 650_000, "{wasted} bytes of {}", content.len());
}

#[test]
fn a_piece_that_passes_proves_who_lied_in_it_before() {
    let (content, metainfo) = film(200_000, LONG_PIECE);
    let mut swarm = Swarm::new(metainfo);
    let leech = swarm.leech(true);
    let seeds: Vec<usize> = (0..4).map(|_| swarm.seed(&content)).collect();
    swarm.hosts[seeds[0]].corrupts.insert(0);
    seeds.iter().for_each(|seed| swarm.connect(leech, *seed));
    // The one piece is urgent, so its blocks are shared out over all four.
    swarm.open_reader(leech, 1, 0);
    let failed = |swarm: &Swarm| swarm.hosts[leech].events.iter().any(|event| matches!(event, Event::Failed { .. }));
    assert!(swarm.run(MINUTE, failed));
    assert!(swarm.hosts[leech].closed.is_empty(), "nobody is blamed without proof");
    // From now on even the liar sends what is right, and is found out all the same.
    swarm.hosts[seeds[0]].corrupts.clear();
    assert!(swarm.run(MINUTE, is_done(leech)));
    let closed = &swarm.hosts[leech].closed;
    assert!(matches!(closed[..], [CloseReason::Misbehaved(PeerMisbehaved::CorruptBlock(_))]), "{closed:?}");
    assert_eq!(swarm.hosts[leech].disk, content);
    // What came before from the one that was asked in the end did not come again.
    let received = swarm.hosts[leech].received;
    assert!(received < 2 * content.len() - 2 * BLOCK_LEN as usize, "{received} bytes");
}
