//! A moment of a torrent, for showing.

use std::net::SocketAddr;
use std::time::Instant;

use super::Torrent;
use crate::peer::PeerKey;
use crate::room::MemberId;
use crate::units::{ByteLen, BytesPerSec};

/// A moment of a torrent.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// From all peers, payload.
    pub download_rate: BytesPerSec,
    /// To all peers, payload.
    pub upload_rate: BytesPerSec,
    /// Payload received, wanted or not.
    pub downloaded: ByteLen,
    /// Payload sent.
    pub uploaded: ByteLen,
    /// The most that went out while somebody waited for more; zero before that happened.
    pub upload_capacity: BytesPerSec,
    /// Where the film is read, as a byte of the torrent.
    pub lead_position: Option<u64>,
    /// Proofs of membership that did not hold.
    pub proofs_refused: u32,
    /// Pieces that a bounded disk gave up.
    pub given_up: u64,
    /// Each connection.
    pub peers: Vec<PeerSnapshot>,
}

/// A moment of a connection.
#[derive(Clone, Debug)]
pub struct PeerSnapshot {
    /// Which.
    pub key: PeerKey,
    /// Its address.
    pub addr: SocketAddr,
    /// It connected to us.
    pub incoming: bool,
    /// Its program: as it says (BEP 10), or as its id says (BEP 20).
    pub client: String,
    /// From it.
    pub download_rate: BytesPerSec,
    /// To it.
    pub upload_rate: BytesPerSec,
    /// Payload from it.
    pub downloaded: ByteLen,
    /// Payload to it.
    pub uploaded: ByteLen,
    /// How many pieces it has.
    pub pieces: u32,
    /// It has everything.
    pub is_seed: bool,
    /// We refuse its requests.
    pub am_choking: bool,
    /// We want something it has.
    pub am_interested: bool,
    /// It refuses ours.
    pub peer_choking: bool,
    /// It wants something of ours.
    pub peer_interested: bool,
    /// Our requests that it has not answered.
    pub inflight: usize,
    /// Who of the room it is, once it proved that.
    pub member: Option<MemberId>,
}

impl Torrent {
    /// How things stand.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let peers = self.peers.iter().map(|(key, peer)| {
            let session = &peer.session;
            let config = session.config();
            PeerSnapshot {
                key: *key,
                addr: config.addr,
                incoming: config.incoming,
                client: session.ext.client_name.clone().unwrap_or_else(|| config.peer_id.client()),
                download_rate: session.downloaded.rate(now),
                upload_rate: session.uploaded.rate(now),
                downloaded: session.downloaded.total(),
                uploaded: session.uploaded.total(),
                pieces: session.have().map_or(0, crate::bitfield::Bitfield::count_ones),
                is_seed: session.is_seed(),
                am_choking: session.am_choking,
                am_interested: session.am_interested,
                peer_choking: session.peer_choking,
                peer_interested: session.peer_interested,
                inflight: session.inflight.len(),
                member: peer.member,
            }
        });
        Snapshot {
            download_rate: self.downloaded.rate(now),
            upload_rate: self.uploaded.rate(now),
            downloaded: self.downloaded.total(),
            uploaded: self.uploaded.total(),
            upload_capacity: self.upload_capacity,
            proofs_refused: self.proofs_refused,
            given_up: self.given_up,
            lead_position: self.readers.lead_position(),
            peers: peers.collect(),
        }
    }

    /// Connections that are through the handshake.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Memory of pieces that are being fetched, hashed or written.
    pub fn open_bytes(&self) -> ByteLen {
        ByteLen::new(self.active().map_or(0, |active| active.store.open_bytes()))
    }

    /// The most requests in flight to any one peer.
    pub fn inflight_deepest(&self) -> usize {
        self.peers.values().map(|peer| peer.session.inflight.len()).max().unwrap_or(0)
    }
}
