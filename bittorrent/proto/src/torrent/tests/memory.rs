//! Open pieces against their bound, with pieces so long that a few of them are all the memory there is.

use super::*;
use crate::limits::{OPEN_PIECES_BYTES_HARD_MAX, OPEN_PIECES_BYTES_MAX};
use crate::metainfo::Metainfo;

const LONG_PIECE: u32 = 4 * 1024 * 1024;
const COUNT: u32 = 100;
/// No two windows of these seeks meet.
const STRIDE: u32 = 3;
const GUEST: PeerKey = PeerKey(77);

/// A viewer of a film of which only the hashes are missing, and a guest who has all of it. Nobody verifies a piece here.
fn viewer_and_guest() -> (Swarm, usize) {
    let len = u64::from(COUNT) * u64::from(LONG_PIECE);
    let mut info = format!("d6:lengthi{len}e4:name8:film.mp412:piece lengthi{LONG_PIECE}e6:pieces{}:", 20 * COUNT);
    info.push_str(&"h".repeat(20 * COUNT as usize));
    info.push('e');
    let metainfo = std::sync::Arc::new(Metainfo::from_info(info.into_bytes().into()).unwrap());
    let infohash = metainfo.infohash;
    let mut swarm = Swarm::new(metainfo);
    let viewer = swarm.leech(false);
    let handshake = Handshake { reserved: Reserved::ours(), infohash, peer_id: PeerId::new([b'h'; 20]) };
    let addr = SocketAddr::from(([198, 51, 100, 99], 6881));
    swarm.input(viewer, Input::Connected { peer: GUEST, addr, incoming: true, handshake });
    say(&mut swarm, viewer, GUEST, Message::HaveAll);
    say(&mut swarm, viewer, GUEST, Message::Unchoke);
    (swarm, viewer)
}

fn send_first_block(swarm: &mut Swarm, viewer: usize, piece: u32) {
    say(swarm, viewer, GUEST, Message::Piece { piece, offset: 0, data: &[7; 16_384] });
}

/// The first blocks of all pieces that readers come by, `late`: each after the reader has gone on. Returns the most memory
/// that was open at a time.
fn seek_around(swarm: &mut Swarm, viewer: usize, late: bool) -> u64 {
    let mut most = 0;
    let mut last = None;
    swarm.open_reader(viewer, 1, 0);
    for piece in (0..COUNT).step_by(STRIDE as usize) {
        let position = u64::from(piece) * u64::from(LONG_PIECE);
        swarm.reader(viewer, 1, ReaderChange::Moved { position, waiting: true });
        let sent = if late { last.replace(piece) } else { Some(piece) };
        if let Some(sent) = sent {
            send_first_block(swarm, viewer, sent);
        }
        swarm.hosts[viewer].torrent.check_invariants();
        most = most.max(swarm.hosts[viewer].torrent.open_bytes().get());
    }
    assert!(swarm.hosts[viewer].closed.is_empty(), "the guest breaks no rule: {:?}", swarm.hosts[viewer].closed);
    most
}

fn beginning(swarm: &Swarm, viewer: usize, piece: u32) -> Option<usize> {
    let torrent = &swarm.hosts[viewer].torrent;
    let piece = torrent.metainfo().and_then(|metainfo| metainfo.layout.piece(piece))?;
    torrent.contiguous(piece).map(<[u8]>::len)
}

#[test]
fn late_blocks_of_many_pieces_open_no_more_than_there_is_room_for() {
    let (mut swarm, viewer) = viewer_and_guest();
    let most = seek_around(&mut swarm, viewer, true);
    // What two urgent pieces and the one in flight before them take comes on top.
    assert!(most <= OPEN_PIECES_BYTES_MAX + 3 * u64::from(LONG_PIECE), "{most} bytes open");
    assert_eq!(beginning(&swarm, viewer, 0), Some(16_384), "there was room for the first one");
    assert_eq!(beginning(&swarm, viewer, COUNT - 1 - STRIDE), None, "there was none for a late one");
}

#[test]
fn what_was_urgent_before_gives_way_to_what_is_urgent_now() {
    let (mut swarm, viewer) = viewer_and_guest();
    let most = seek_around(&mut swarm, viewer, false);
    assert!(most <= OPEN_PIECES_BYTES_HARD_MAX, "{most} bytes open");
    assert!(most > OPEN_PIECES_BYTES_HARD_MAX - 2 * u64::from(LONG_PIECE), "{most} bytes: nothing had to go");
    let last = (COUNT - 1) / STRIDE * STRIDE;
    assert_eq!(beginning(&swarm, viewer, last), Some(16_384), "the piece that somebody waits for is fetched");
    let forgotten = &swarm.hosts[viewer].forgotten;
    let gone = (0..COUNT).step_by(STRIDE as usize).filter(|piece| beginning(&swarm, viewer, *piece).is_none());
    let gone: Vec<u32> = gone.collect();
    assert!(!gone.is_empty());
    assert!(gone.iter().all(|gone| forgotten.iter().any(|piece| piece.get() == *gone)), "{gone:?} of {forgotten:?}");
}
