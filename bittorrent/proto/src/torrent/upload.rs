//! Serving: whom, what, how much at once.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{DiskJob, Output, Torrent, Wake};
use crate::error::PeerMisbehaved;
use crate::peer::{PeerKey, UploadRun};
use crate::policy::choker::{self, Upload};
use crate::units::{BlockInfo, ByteLen};
use crate::wire::piece_header;

/// What may wait for a peer's socket, by how fast it takes it: a block that becomes urgent is never behind more than this.
const SEND_QUEUE_TIME: Duration = Duration::from_millis(250);
const SEND_QUEUE_MIN: ByteLen = ByteLen::new(64 * 1024);
const SEND_QUEUE_MAX: ByteLen = ByteLen::new(1024 * 1024);

/// What is read from disk in one go.
const READ_RUN_MAX: ByteLen = ByteLen::new(256 * 1024);

impl Torrent {
    pub(super) fn on_request(&mut self, now: Instant, key: PeerKey, block: BlockInfo) -> Result<(), PeerMisbehaved> {
        let here = self.have().is_some_and(|have| have.get(block.piece.get()));
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        if peer.session.am_choking || !here || !peer.session.uploads.push(block) {
            return peer.session.refuse(now, block);
        }
        self.serve(now, key);
        Ok(())
    }

    pub(super) fn on_written(&mut self, now: Instant, key: PeerKey, len: usize) {
        let Some(peer) = self.peers.get_mut(&key) else { return self.on_unproven_written(key, len) };
        peer.send_queued = peer.send_queued - ByteLen::new(len as u64);
        self.serve(now, key);
    }

    /// Reads on for a peer, as long as little waits for its socket.
    pub(super) fn serve(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.session.uploads.is_empty() {
            return;
        }
        let rate = peer.session.uploaded.rate(now);
        let room = rate.bytes_in(SEND_QUEUE_TIME).clamp(SEND_QUEUE_MIN, SEND_QUEUE_MAX);
        // Half the room at most, so that the next run is read while this one is sent.
        let run_max = READ_RUN_MAX.min(ByteLen::new(room.get() / 2));
        while peer.send_queued + peer.session.uploads.reading_bytes() < room {
            let Some(run) = peer.session.uploads.next_run(run_max) else { break };
            self.outputs.push_back(Output::Disk(DiskJob::Read { peer: key, run }));
        }
        if peer.send_queued >= room {
            // Only a peer that has work waiting shows what the uplink carries.
            let rate = self.uploaded.rate(now);
            self.upload_capacity = self.upload_capacity.max(rate);
        }
    }

    pub(super) fn on_run_read(&mut self, now: Instant, key: PeerKey, run: &UploadRun, data: Option<&Bytes>) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let owed = peer.session.uploads.run_read(run);
        let mut at = 0;
        for (block, owed) in run.blocks.iter().zip(owed) {
            let end = at + block.len.as_usize();
            let bytes = data.filter(|data| data.len() >= end).map(|data| data.slice(at..end));
            at = end;
            match bytes {
                _ if !owed => {}
                None => {
                    peer.session.reject(*block);
                    self.talkative.insert(key);
                }
                Some(bytes) => {
                    // What the session has to say goes first, so that the order of messages is the order of events.
                    if let Some(said) = peer.session.take_outgoing(now) {
                        peer.send_queued += ByteLen::new(said.len() as u64);
                        self.outputs.push_back(Output::Send { peer: key, bytes: said });
                    }
                    let header = Bytes::copy_from_slice(&piece_header(*block));
                    peer.send_queued += ByteLen::new(header.len() as u64) + block.len;
                    peer.session.last_sent = now;
                    peer.session.uploaded.record(now, block.len);
                    self.uploaded.record(now, block.len);
                    self.outputs.push_back(Output::Send { peer: key, bytes: header });
                    self.outputs.push_back(Output::Send { peer: key, bytes });
                }
            }
        }
        self.serve(now, key);
    }

    pub(super) fn on_choke_round(&mut self, now: Instant) {
        self.choke_rounds += 1;
        self.rechoke(now);
        // In a small room nothing changes by time.
        if self.peers.len() > choker::SMALL_ROOM {
            self.timers.set(Wake::ChokeRound, now + choker::ROUND);
        }
    }

    /// Gives slots anew.
    pub(super) fn rechoke(&mut self, now: Instant) {
        let uploads: Vec<Upload> = self
            .peers
            .iter()
            .map(|(key, peer)| Upload {
                peer: *key,
                is_member: peer.member.is_some(),
                is_interested: peer.session.peer_interested,
                gives: peer.session.downloaded.rate(now),
                takes: peer.session.uploaded.rate(now),
            })
            .collect();
        let turn = self.choke_rounds / choker::ROUNDS_NEW;
        let unchoked =
            if self.config.serves { choker::pick_unchoked(&uploads, self.is_done(), turn) } else { Default::default() };
        for (key, peer) in &mut self.peers {
            let unchoke = unchoked.contains(key);
            if unchoke == peer.session.am_choking {
                if unchoke {
                    peer.session.unchoke();
                } else {
                    peer.session.choke();
                }
                self.talkative.insert(*key);
            }
        }
    }
}
