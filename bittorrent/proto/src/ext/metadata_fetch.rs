//! Fetches an info dictionary from many peers, some of whom lie about it (BEP 9).
//!
//! Nothing but the infohash is certain. Peers that announce different sizes are fetched from side by side, and a whole
//! that does not hash to the infohash is blamed on its sender if there was one, or else fetched again from one peer at
//! a time. Connections and messages are the caller's: what [`MetadataFetch::poll_request`] names is to be sent.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::ut_metadata::{piece_count, piece_range};
use crate::error::PeerMisbehaved;
use crate::infohash::Infohash;
use crate::limits::{
    METADATA_CANDIDATES_MAX, METADATA_INFLIGHT_MAX, METADATA_LEN_MAX, METADATA_REJECT_REST, METADATA_REQUEST_TIMEOUT,
    METADATA_SLOW_AFTER, METADATA_UNSOLICITED_MAX,
};

/// The search for the metadata of one infohash. `K` names a connection.
///
/// Invariant: there are at most [`METADATA_CANDIDATES_MAX`] candidates, and a candidate whose source is one peer holds
/// pieces of that peer only.
#[derive(Debug)]
pub struct MetadataFetch<K> {
    infohash: Infohash,
    peers: BTreeMap<K, Peer>,
    /// What is there of the metadata, by the size that peers announced.
    candidates: BTreeMap<u32, Candidate<K>>,
    done: bool,
}

/// What a piece of metadata led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataProgress {
    /// There is more to do.
    Pending,
    /// The info dictionary, whole and of the right hash. Nothing more is asked for.
    Done(Bytes),
}

/// Why to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataWake {
    /// A request is slow, or lost.
    Request,
    /// A peer has rested.
    Rested,
}

impl<K: Copy + Ord> MetadataFetch<K> {
    /// A search without peers.
    pub const fn new(infohash: Infohash) -> Self {
        Self { infohash, peers: BTreeMap::new(), candidates: BTreeMap::new(), done: false }
    }

    /// A peer announced metadata of that many bytes (BEP 10, `metadata_size`). Announcing it again is harmless; an
    /// impossible size is as good as none.
    pub fn handle_peer(&mut self, key: K, metadata_size: u32) {
        if metadata_size == 0 || metadata_size > METADATA_LEN_MAX {
            return;
        }
        let peer = self.peers.entry(key).or_insert_with(|| Peer::new(metadata_size));
        if peer.size != metadata_size {
            // What was held against it stays.
            peer.size = metadata_size;
            peer.requests.clear();
        }
    }

    /// The connection is closed.
    pub fn handle_gone(&mut self, key: K) {
        self.peers.remove(&key);
    }

    /// A piece came.
    ///
    /// # Errors
    /// [`PeerMisbehaved::MetadataMismatch`] when it does not fit the size that the peer announced,
    /// [`PeerMisbehaved::CorruptMetadata`] when it completes metadata that this peer alone sent and that is wrong, and
    /// [`PeerMisbehaved::Flood`] for too much of what nobody asked for. The peer is forgotten then.
    pub fn handle_data(
        &mut self,
        key: K,
        piece: u32,
        total_size: u32,
        payload: &[u8],
    ) -> Result<MetadataProgress, PeerMisbehaved> {
        let progress = self.on_data(key, piece, total_size, payload);
        if progress.is_err() {
            self.handle_gone(key);
        }
        progress
    }

    /// The peer will not send a piece; it is left alone for a while, and others are asked.
    pub fn handle_reject(&mut self, now: Instant, key: K, piece: u32) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if peer.requests.remove(&piece).is_some() {
            peer.rests_until = Some(now + METADATA_REJECT_REST);
            peer.losses = peer.losses.max(SOLE_LOSSES_MAX);
        }
    }

    /// To be called when [`MetadataFetch::poll_timeout`]'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            if peer.rests_until.is_some_and(|until| until <= now) {
                peer.rests_until = None;
            }
            let mut lost = false;
            for request in peer.requests.values_mut() {
                while request.ages_at().is_some_and(|at| at <= now) {
                    request.age = request.age.next();
                    lost |= request.age == Age::Lost;
                }
            }
            if lost {
                peer.losses += 1;
                peer.rests_until = peer.rests_until.max(Some(now + METADATA_REQUEST_TIMEOUT));
            }
        }
    }

    /// Whom to ask for which piece now; call until `None`, after every `handle_*`.
    pub fn poll_request(&mut self, now: Instant) -> Option<(K, u32)> {
        if self.done {
            return None;
        }
        self.admit_sizes();
        // Those that answer first, or silent ones could take turns for ever; then those with the least to do, so that the
        // pieces spread; then, where one peer is asked at a time, those whose turn it never was.
        let mut idle: Vec<(u32, usize, u32, K)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.rests_until.is_none())
            .map(|(&key, peer)| (peer.losses, peer.live_requests(), peer.turns, key))
            .filter(|&(_, live, ..)| live < METADATA_INFLIGHT_MAX)
            .collect();
        idle.sort_unstable();
        let (key, piece) = idle.into_iter().find_map(|(.., key)| Some((key, self.piece_for(key)?)))?;
        let peer = self.peers.get_mut(&key).expect("it was found among the peers");
        peer.requests.insert(piece, Request { sent: now, age: Age::Fresh });
        Some((key, piece))
    }

    /// When to call [`MetadataFetch::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, MetadataWake)> {
        if self.done {
            return None;
        }
        let requests = self.peers.values().flat_map(|peer| peer.requests.values()).filter_map(Request::ages_at);
        let rests = self.peers.values().filter_map(|peer| peer.rests_until);
        let requests = requests.min().map(|at| (at, MetadataWake::Request));
        let rests = rests.min().map(|at| (at, MetadataWake::Rested));
        requests.into_iter().chain(rests).min_by_key(|(at, _)| *at)
    }

    /// Whether the metadata was found.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes of metadata held, wrong ones included.
    pub fn buffered(&self) -> usize {
        self.candidates.values().flat_map(|candidate| candidate.pieces.values()).map(|(bytes, _)| bytes.len()).sum()
    }

    fn on_data(
        &mut self,
        key: K,
        piece: u32,
        total_size: u32,
        payload: &[u8],
    ) -> Result<MetadataProgress, PeerMisbehaved> {
        // A peer that never said how much it has was never asked either.
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(MetadataProgress::Pending) };
        let expected = piece_range(peer.size, piece).filter(|_| total_size == peer.size);
        if expected.is_none_or(|range| range.len() != payload.len()) {
            return Err(PeerMisbehaved::MetadataMismatch);
        }
        let Some(request) = peer.requests.remove(&piece) else {
            peer.unsolicited += 1;
            let flood = peer.unsolicited > METADATA_UNSOLICITED_MAX;
            return if flood { Err(PeerMisbehaved::Flood) } else { Ok(MetadataProgress::Pending) };
        };
        peer.losses = 0;
        if request.age == Age::Lost {
            // Slow, but it does answer: it need not rest.
            peer.rests_until = None;
        }
        let size = peer.size;
        let Some(candidate) = self.candidates.get_mut(&size).filter(|candidate| !self.done && candidate.accepts(key))
        else {
            return Ok(MetadataProgress::Pending);
        };
        candidate.pieces.entry(piece).or_insert_with(|| (payload.into(), key));
        if candidate.pieces.len() < piece_count(size) as usize {
            return Ok(MetadataProgress::Pending);
        }
        let metadata = candidate.take_whole();
        if Infohash::of(&metadata.bytes) == self.infohash {
            self.done = true;
            self.candidates.clear();
            return Ok(MetadataProgress::Done(metadata.bytes.into()));
        }
        if metadata.sole_sender.is_some() {
            // It is this peer, who sent the last piece.
            return Err(PeerMisbehaved::CorruptMetadata);
        }
        candidate.source = Source::OneAtATime(None);
        Ok(MetadataProgress::Pending)
    }

    /// Gives every announced size a candidate while there is room, and the sizes that most peers speak for when not, so
    /// that a few liars cannot keep the true size out.
    fn admit_sizes(&mut self) {
        let mut support: BTreeMap<u32, usize> = BTreeMap::new();
        for peer in self.peers.values().filter(|peer| peer.rests_until.is_none()) {
            *support.entry(peer.size).or_default() += 1;
        }
        for (&size, &peers) in &support {
            if self.candidates.contains_key(&size) {
                continue;
            }
            if self.candidates.len() >= METADATA_CANDIDATES_MAX {
                let of = |size: &u32| support.get(size).copied().unwrap_or(0);
                let weakest = self.candidates.keys().copied().min_by_key(of);
                let Some(weakest) = weakest.filter(|weakest| of(weakest) < peers) else { continue };
                self.candidates.remove(&weakest);
            }
            self.candidates.insert(size, Candidate { pieces: BTreeMap::new(), source: Source::Anyone });
        }
    }

    /// The first piece that is worth asking this peer for, which is idle.
    fn piece_for(&mut self, key: K) -> Option<u32> {
        let size = self.peers.get(&key)?.size;
        self.pass_turn(size, key);
        let candidate = self.candidates.get(&size).filter(|candidate| candidate.accepts(key))?;
        let own = &self.peers.get(&key)?.requests;
        // The requests to others that this peer could only repeat.
        let mut asked: BTreeMap<u32, Asked> = BTreeMap::new();
        if let Source::Anyone = candidate.source {
            for peer in self.peers.values().filter(|peer| peer.size == size) {
                for (&piece, request) in &peer.requests {
                    let asked = asked.entry(piece).or_default();
                    match request.age {
                        Age::Fresh => asked.fresh += 1,
                        Age::Slow => asked.slow += 1,
                        Age::Lost => {}
                    }
                }
            }
        }
        let worth_asking = |piece: &u32| {
            let asked = asked.get(piece).copied().unwrap_or_default();
            !candidate.pieces.contains_key(piece)
                && own.get(piece).is_none_or(|request| request.age == Age::Lost)
                && asked.fresh == 0
                && asked.slow < ASKED_AT_ONCE_MAX
        };
        (0..piece_count(size)).find(worth_asking)
    }

    /// Where one peer is asked at a time, and it is nobody's turn any more, makes it that of `key`, which is idle.
    fn pass_turn(&mut self, size: u32, key: K) {
        let Some(Candidate { source: Source::OneAtATime(sole), pieces }) = self.candidates.get_mut(&size) else {
            return;
        };
        let holds =
            |sole: K| self.peers.get(&sole).is_some_and(|peer| peer.size == size && peer.is_worth_waiting_for());
        if sole.is_some_and(holds) {
            return;
        }
        if *sole != Some(key) {
            // What the last one sent must not mix with this one's.
            pieces.clear();
            *sole = Some(key);
        }
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.turns += 1;
        }
    }
}

/// A peer that announced metadata.
#[derive(Debug)]
struct Peer {
    size: u32,
    /// By piece. Lost ones stay: their answer is welcome when it comes after all.
    requests: BTreeMap<u32, Request>,
    /// Not asked while it rests.
    rests_until: Option<Instant>,
    /// How often it lost requests since it last answered one. A reject counts as [`SOLE_LOSSES_MAX`].
    losses: u32,
    /// How often it was the one peer to be asked.
    turns: u32,
    unsolicited: u32,
}

impl Peer {
    const fn new(size: u32) -> Self {
        Self { size, requests: BTreeMap::new(), rests_until: None, losses: 0, turns: 0, unsolicited: 0 }
    }

    /// Whether its turn goes on. One that is merely slow keeps it, or two slow ones would take it from each other for
    /// ever.
    const fn is_worth_waiting_for(&self) -> bool {
        self.rests_until.is_none() || self.losses < SOLE_LOSSES_MAX
    }

    fn live_requests(&self) -> usize {
        self.requests.values().filter(|request| request.age != Age::Lost).count()
    }
}

#[derive(Clone, Copy, Debug)]
struct Request {
    sent: Instant,
    age: Age,
}

impl Request {
    /// When it reaches its next age.
    fn ages_at(&self) -> Option<Instant> {
        match self.age {
            Age::Fresh => Some(self.sent + METADATA_SLOW_AFTER),
            Age::Slow => Some(self.sent + METADATA_REQUEST_TIMEOUT),
            Age::Lost => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Fresh,
    /// Somebody else may be asked as well.
    Slow,
    /// The peer does not seem to answer.
    Lost,
}

impl Age {
    const fn next(self) -> Self {
        match self {
            Self::Fresh => Self::Slow,
            Self::Slow | Self::Lost => Self::Lost,
        }
    }
}

/// How often a piece is in flight.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    fresh: usize,
    slow: usize,
}

/// Peers that are asked for the same piece at once, the first of them slow.
const ASKED_AT_ONCE_MAX: usize = 2;

/// Losses in a row after which the one peer that is asked gives way to the next.
const SOLE_LOSSES_MAX: u32 = 2;

/// Metadata of one size, as far as it came.
#[derive(Debug)]
struct Candidate<K> {
    /// Grows as bytes come, whatever size was announced.
    pieces: BTreeMap<u32, (Box<[u8]>, K)>,
    source: Source<K>,
}

/// Whose pieces a candidate is made of.
#[derive(Clone, Copy, Debug)]
enum Source<K> {
    Anyone,
    /// After a wrong hash of mixed origin: one peer, so that the next one has a culprit. `None`: yet to be chosen.
    OneAtATime(Option<K>),
}

/// A candidate that was complete.
struct Whole<K> {
    bytes: Vec<u8>,
    /// The peer that sent all of it, if there was just one.
    sole_sender: Option<K>,
}

impl<K: Copy + Ord> Candidate<K> {
    fn accepts(&self, key: K) -> bool {
        match self.source {
            Source::Anyone => true,
            Source::OneAtATime(sole) => sole == Some(key),
        }
    }

    /// Empties it.
    fn take_whole(&mut self) -> Whole<K> {
        let pieces = std::mem::take(&mut self.pieces);
        let first = pieces.values().next().map(|(_, sender)| *sender);
        let sole_sender = first.filter(|first| pieces.values().all(|(_, sender)| sender == first));
        let mut bytes = Vec::new();
        pieces.values().for_each(|(piece, _)| bytes.extend_from_slice(piece));
        Whole { bytes, sole_sender }
    }
}

#[cfg(test)]
mod tests;
