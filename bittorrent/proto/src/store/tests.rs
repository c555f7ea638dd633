use super::*;

const PEER: PeerKey = PeerKey(1);

fn store(len: u64) -> Store {
    let layout = Arc::new(TorrentLayout::new(65_536, &[len]).unwrap());
    let have = Bitfield::new_empty(layout.piece_count());
    Store::new(layout, have)
}

fn receive_all(store: &mut Store, piece: PieceIndex) {
    for block in store.layout().clone().blocks(piece) {
        store.receive(block, &vec![7; block.len.as_usize()], PEER);
    }
}

#[test]
fn a_liars_blocks_are_forgotten_and_the_rest_stays() {
    let mut store = store(200_000);
    let pieces: Vec<PieceIndex> = store.layout().pieces().collect();
    let blocks: Vec<BlockInfo> = store.layout().blocks(pieces[0]).collect();
    let liar = PeerKey(2);
    for (block, from) in [(0, PEER), (1, liar), (2, PEER)] {
        store.receive(blocks[block], &[7; 16_384], from);
    }
    let other = store.layout().blocks(pieces[1]).nth(2).unwrap();
    store.receive(other, &[7; 16_384], liar);
    assert_eq!(store.forget_sender(liar), [(pieces[0], true), (pieces[1], false)]);
    assert_eq!(store.open_piece(pieces[0]).unwrap().contiguous().len(), 16_384);
    assert_eq!(store.next_unrequested(pieces[0], BlockIndex::new(0)), Some(blocks[1]));
    assert!(matches!(store.state(pieces[1]), PieceState::Missing), "nothing of it is left");
    assert_eq!(store.open_bytes(), 65_536);
    for block in [1, 3] {
        store.receive(blocks[block], &[7; 16_384], PEER);
    }
    assert!(store.start_hashing(pieces[0]).is_some(), "it is complete again");
    assert_eq!(store.senders(pieces[0]), [PEER; 4]);
}

#[test]
fn a_full_disk_begins_no_piece_until_one_is_gone() {
    let mut store = store(300_000);
    let pieces: Vec<PieceIndex> = store.layout().pieces().collect();
    let blocks: Vec<BlockInfo> = pieces.iter().filter_map(|piece| store.layout().blocks(*piece).next()).collect();
    store.set_pieces_max(Some(1));
    receive_all(&mut store, pieces[0]);
    let data = store.start_hashing(pieces[0]).unwrap();
    assert!(store.verified(pieces[0], data));
    assert_eq!(store.next_unrequested(pieces[1], BlockIndex::new(0)), None);
    assert_eq!(store.receive(blocks[1], &[7; 16_384], PEER), Stored::Duplicate, "late data has no place either");
    assert!(store.evict(pieces[0]) && !store.evict(pieces[0]));
    assert!(matches!(store.state(pieces[0]), PieceState::Leaving));
    assert_eq!(store.next_unrequested(pieces[1], BlockIndex::new(0)), None, "its bytes are still on the disk");
    store.evicted(pieces[0]);
    assert!(matches!(store.state(pieces[0]), PieceState::Missing));
    store.request(store.next_unrequested(pieces[1], BlockIndex::new(0)).unwrap());
    assert!(!store.abandon(pieces[1]), "it is asked for");
    store.receive(blocks[1], &[7; 16_384], PEER);
    assert_eq!(store.pieces_on_disk(), 1);
    assert!(store.abandon(pieces[1]));
    assert_eq!((store.pieces_on_disk(), store.open_bytes()), (0, 0));
}

#[test]
fn a_piece_goes_from_missing_to_have() {
    let mut store = store(100_000);
    let piece = store.layout().piece(0).unwrap();
    let blocks: Vec<_> = store.layout().blocks(piece).collect();
    assert!(matches!(store.state(piece), PieceState::Missing));
    for block in &blocks {
        assert_eq!(store.next_unrequested(piece, BlockIndex::new(0)), Some(*block));
        store.request(*block);
    }
    assert!(!store.is_wanting(piece));
    let kept = |grew, complete| Stored::Kept { prefix_grew: grew, complete, asked_of: 1 };
    assert_eq!(store.receive(blocks[1], &[1; 16_384], PEER), kept(false, false));
    assert_eq!(store.receive(blocks[0], &[0; 16_384], PEER), kept(true, false));
    assert_eq!(store.open_piece(piece).unwrap().contiguous().len(), 32_768);
    assert_eq!(store.receive(blocks[0], &[9; 16_384], PEER), Stored::Duplicate);
    assert_eq!(store.start_hashing(piece), None);
    assert_eq!(store.receive(blocks[2], &[2; 16_384], PEER), kept(true, false));
    assert_eq!(store.receive(blocks[3], &[3; 16_384], PEER), kept(true, true));
    let data = store.start_hashing(piece).unwrap();
    assert_eq!((data.len(), data[0], data[20_000], data[65_535]), (65_536, 0, 1, 3));
    assert!(matches!(store.state(piece), PieceState::Hashing));
    assert_eq!(store.receive(blocks[0], &[9; 16_384], PEER), Stored::Duplicate);
    assert!(store.verified(piece, data));
    assert!(matches!(store.state(piece), PieceState::Have));
    assert_eq!(store.open_bytes(), 0);
    assert_eq!(store.verified_bytes(), ByteLen::new(65_536));
}

#[test]
fn a_failed_piece_is_missing_again_and_names_its_senders() {
    let mut store = store(100_000);
    let piece = store.layout().last_piece();
    let blocks: Vec<_> = store.layout().blocks(piece).collect();
    store.receive(blocks[0], &[0; 16_384], PeerKey(2));
    store.receive(blocks[1], &[0; 16_384], PeerKey(1));
    store.receive(blocks[2], &vec![0; blocks[2].len.as_usize()], PeerKey(2));
    let data = store.start_hashing(piece).unwrap();
    assert_eq!(store.senders(piece), [PeerKey(2), PeerKey(1), PeerKey(2)]);
    store.failed(piece, data);
    assert!(matches!(store.state(piece), PieceState::Missing));
    assert_eq!(store.open_bytes(), 0);
}

#[test]
fn of_a_failed_piece_the_blocks_worth_keeping_stay() {
    let mut store = store(100_000);
    let piece = store.layout().last_piece();
    let blocks: Vec<_> = store.layout().blocks(piece).collect();
    let fill = |store: &mut Store| {
        for (block, from) in blocks.iter().zip([2, 1, 2]) {
            store.receive(*block, &vec![from; block.len.as_usize()], PeerKey(from.into()));
        }
        store.start_hashing(piece).unwrap()
    };
    let data = fill(&mut store);
    store.failed_in_part(piece, data, &[Some(PeerKey(2)), None, Some(PeerKey(2))]);
    store.check_invariants();
    let open = store.open_piece(piece).unwrap();
    assert_eq!((open.contiguous(), open.is_half_here()), (&[2; 16_384][..], true));
    assert_eq!(store.next_unrequested(piece, BlockIndex::new(0)), Some(blocks[1]));
    assert_eq!(store.open_bytes(), 100_000 - 65_536);
    store.receive(blocks[1], &[3; 16_384], PeerKey(2));
    let data = store.start_hashing(piece).unwrap();
    assert_eq!((data[0], data[16_384], data[32_768]), (2, 3, 2));
    assert_eq!(store.senders(piece), [PeerKey(2); 3]);
    for kept in [[None; 3], [Some(PeerKey(2)); 3]] {
        let data = if store.senders(piece).is_empty() { fill(&mut store) } else { data.clone() };
        store.failed_in_part(piece, data, &kept);
        assert!(matches!(store.state(piece), PieceState::Missing), "all or nothing of it is as good as nothing");
        assert_eq!(store.open_bytes(), 0);
    }
}

#[test]
fn a_request_taken_back_leaves_nothing_behind() {
    let mut store = store(100_000);
    let piece = store.layout().piece(0).unwrap();
    let block = store.layout().block(piece, BlockIndex::new(2)).unwrap();
    store.request(block);
    store.request(block);
    store.unrequest(block);
    assert!(matches!(store.state(piece), PieceState::Partial(_)));
    store.unrequest(block);
    assert!(matches!(store.state(piece), PieceState::Missing));
    assert_eq!(store.open_bytes(), 0);
}

#[test]
fn odd_blocks_are_not_kept() {
    let mut store = store(100_000);
    let odd = store.layout().check_block(crate::layout::RawBlock { piece: 0, offset: 5, len: 100 }).unwrap();
    assert_eq!(store.receive(odd, &[0; 100], PEER), Stored::Duplicate);
    assert!(matches!(store.state(odd.piece), PieceState::Missing));
}

#[test]
fn the_last_pieces_length_counts_right() {
    let mut store = store(100_000);
    let last = store.layout().last_piece();
    receive_all(&mut store, last);
    let data = store.start_hashing(last).unwrap();
    assert_eq!(data.len(), 34_464);
    store.verified(last, data);
    assert_eq!(store.verified_bytes(), ByteLen::new(34_464));
}

#[test]
fn buffers_are_used_again_at_the_right_length() {
    let mut store = store(100_000);
    let first = store.layout().piece(0).unwrap();
    let last = store.layout().last_piece();
    receive_all(&mut store, last);
    let data = store.start_hashing(last).unwrap();
    store.failed(last, data);
    receive_all(&mut store, first);
    assert_eq!(store.start_hashing(first).unwrap().len(), 65_536);
}
