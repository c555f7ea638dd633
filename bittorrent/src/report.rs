//! Makes the figures that front ends see.

use std::time::Instant;

use bittorrent_proto::bitfield::Bitfield;
use bittorrent_proto::layout::TorrentLayout;
use bittorrent_proto::torrent::PeerSnapshot;
use bittorrent_proto::units::{ByteRange, BytesPerSec};

use crate::figures::{PeerStats, TorrentState, TorrentStats};
use crate::shared::End;
use crate::torrent_task::TorrentTask;

/// Ranges told at most; a bar on a screen shows no more.
const RANGES_MAX: usize = 512;

/// Puts the figures of this moment where front ends find them. Says whether anything still moves.
pub(crate) fn publish(task: &TorrentTask, now: Instant) -> bool {
    let stats = make(task, now);
    let moving = stats.download_rate > BytesPerSec::ZERO || stats.upload_rate > BytesPerSec::ZERO;
    task.shared.set_stats(stats);
    moving
}

/// The figures of a torrent of which nothing is known yet.
pub(crate) fn nothing_yet() -> TorrentStats {
    TorrentStats {
        state: TorrentState::Metadata,
        downloaded_bytes: 0,
        total_bytes: 0,
        download_rate: BytesPerSec::ZERO,
        upload_rate: BytesPerSec::ZERO,
        uploaded_bytes: 0,
        upload_capacity: BytesPerSec::ZERO,
        peers: 0,
        seeds: 0,
        ranges: Vec::new(),
        ahead_bytes: 0,
        proofs_refused: 0,
        pieces_given_up: 0,
        peer_list: Vec::new(),
    }
}

fn make(task: &TorrentTask, now: Instant) -> TorrentStats {
    let core = task.core.borrow();
    let snapshot = core.snapshot(now);
    let film = task.shared.known.get().and_then(|known| {
        let range = known.metainfo.layout.file_range(known.film)?;
        Some((&known.metainfo.layout, range))
    });
    let piece_count = film.map_or(0, |(layout, _)| layout.piece_count());
    let (ranges, ahead) = match (film, core.have()) {
        (Some((layout, film)), Some(have)) => {
            let ranges = verified_ranges(layout, film, have);
            let at = snapshot.lead_position.filter(|at| film.contains(*at)).unwrap_or(film.start) - film.start;
            let ahead = ranges.iter().find(|range| range.contains(at)).map_or(0, |range| range.end - at);
            (fewer(ranges), ahead)
        }
        (Some(_) | None, _) => (Vec::new(), 0),
    };
    let ever = film.zip(core.ever()).map_or(0, |((layout, film), ever)| {
        verified_ranges(layout, film, ever).iter().map(|range| range.len().get()).sum()
    });
    // What was ever verified: it never goes back.
    let downloaded_bytes = task.downloaded_ever.get().max(ever);
    task.downloaded_ever.set(downloaded_bytes);
    TorrentStats {
        state: state(task, core.have().is_some(), core.is_done()),
        downloaded_bytes,
        total_bytes: film.map_or(0, |(_, film)| film.len().get()),
        download_rate: snapshot.download_rate,
        upload_rate: snapshot.upload_rate,
        uploaded_bytes: snapshot.uploaded.get(),
        upload_capacity: snapshot.upload_capacity,
        peers: u32::try_from(snapshot.peers.len()).unwrap_or(u32::MAX),
        seeds: u32::try_from(snapshot.peers.iter().filter(|peer| peer.is_seed).count()).unwrap_or(u32::MAX),
        ranges,
        ahead_bytes: ahead,
        proofs_refused: snapshot.proofs_refused,
        pieces_given_up: snapshot.given_up,
        peer_list: snapshot.peers.into_iter().map(|peer| peer_stats(task, peer, piece_count)).collect(),
    }
}

fn state(task: &TorrentTask, begun: bool, done: bool) -> TorrentState {
    match task.shared.ended() {
        Some(End::SourceChanged(_) | End::Failed) => TorrentState::Error,
        Some(End::Stopped) | None if task.is_disk_full() => TorrentState::Paused,
        Some(End::Stopped) | None if done => TorrentState::Seeding,
        Some(End::Stopped) | None if begun || task.shared.known.get().is_some() => TorrentState::Downloading,
        Some(End::Stopped) | None => TorrentState::Metadata,
    }
}

/// The verified parts of a file, counted from its start.
fn verified_ranges(layout: &TorrentLayout, file: ByteRange, have: &Bitfield) -> Vec<ByteRange> {
    let piece_len = u64::from(layout.piece_len_max());
    have.runs()
        .map(|run| ByteRange::new(u64::from(run.start) * piece_len, u64::from(run.end) * piece_len).intersect(file))
        .filter(|range| !range.is_empty())
        .map(|range| ByteRange::new(range.start - file.start, range.end - file.start))
        .collect()
}

/// At most [`RANGES_MAX`]: the shortest are left out.
fn fewer(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    if ranges.len() > RANGES_MAX {
        ranges.sort_by_key(|range| std::cmp::Reverse(range.len()));
        ranges.truncate(RANGES_MAX);
        ranges.sort_by_key(|range| range.start);
    }
    ranges
}

fn peer_stats(task: &TorrentTask, peer: PeerSnapshot, piece_count: u32) -> PeerStats {
    PeerStats {
        addr: peer.addr,
        client: peer.client,
        download_rate: peer.download_rate,
        upload_rate: peer.upload_rate,
        downloaded_bytes: peer.downloaded.get(),
        uploaded_bytes: peer.uploaded.get(),
        progress: if piece_count == 0 { 0.0 } else { f64::from(peer.pieces) / f64::from(piece_count) },
        am_choking: peer.am_choking,
        am_interested: peer.am_interested,
        peer_choking: peer.peer_choking,
        peer_interested: peer.peer_interested,
        incoming: peer.incoming,
        encrypted: task.is_encrypted(peer.key),
        inflight: u32::try_from(peer.inflight).unwrap_or(u32::MAX),
        member: peer.member,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_the_file_and_end_with_it() {
        let layout = TorrentLayout::new(100, &[250, 730]).unwrap();
        let file = ByteRange::new(250, 980);
        assert_eq!(verified_ranges(&layout, file, &Bitfield::new_full(10)), [ByteRange::new(0, 730)]);
        let mut have = Bitfield::new_empty(10);
        [0, 2, 3, 9].iter().for_each(|piece| {
            have.set(*piece);
        });
        assert_eq!(verified_ranges(&layout, file, &have), [ByteRange::new(0, 150), ByteRange::new(650, 730)]);
    }

    #[test]
    fn the_longest_ranges_are_told() {
        let ranges: Vec<ByteRange> = (0..1000u64).map(|at| ByteRange::new(at * 1000, at * 1000 + at)).collect();
        let told = fewer(ranges);
        assert_eq!(told.len(), RANGES_MAX);
        assert!(told.iter().all(|range| range.len().get() >= 488));
        assert!(told.windows(2).all(|pair| pair[0].start < pair[1].start));
    }
}
