//! A torrent: the sessions of its peers, what is here of it, who waits for it, and the policies between them.
//!
//! This file holds the state and the four verbs. What happens to a connection is in `swarm`, who may have one in
//! `admission`, which of two to one peer stays in `duplicates`, who hears of whom in `exchange`; what is asked for in `download`, whom it is asked of again in `slow`, for
//! whom in `demand`; what comes of it in `pieces`, of wrong ones in `blame`; who has what in `availability`; serving in
//! `upload`; who parts in `parting`; a bounded disk in `small_disk`; the info dictionary in `metadata`. No arithmetic here: that is [`crate::layout`]'s.
//!
//! A life: [`Torrent::new`] with an infohash alone (a magnet) or [`Torrent::with_metainfo`]; peers connect; with the metadata
//! known, storage gets ready and [`Input::Begin`] comes; from then on pieces are asked for, checked and shared.

mod admission;
mod availability;
mod blame;
mod demand;
mod download;
mod duplicates;
mod exchange;
#[cfg(any(test, feature = "testing"))]
mod invariants;
mod io;
mod memory;
mod metadata;
#[cfg(any(test, feature = "testing"))]
pub mod operations;
mod parting;
mod pieces;
#[cfg(test)]
mod room_tests;
mod slow;
mod small_disk;
mod stats;
mod swarm;
#[cfg(test)]
mod tests;
mod timers;
mod upload;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admission::Unproven;
pub use io::{Begin, CloseReason, DiskDone, DiskJob, Event, Input, Output, ReaderChange};
pub use stats::{PeerSnapshot, Snapshot};
pub use timers::{Timers, Wake};

use crate::bitfield::Bitfield;
use crate::blame::Evidence;
use crate::error::PeerMisbehaved;
use crate::ext::MetadataFetch;
use crate::infohash::Infohash;
use crate::limits::{PEX_INTAKE_MAX, PEX_INTAKE_REFILL, SEND_QUEUED_MAX};
use crate::metainfo::Metainfo;
use crate::peer::allowance::Allowance;
use crate::peer::{PeerKey, PeerSession};
use crate::peer_id::PeerId;
use crate::policy::connector::Connector;
use crate::policy::eviction::Plan;
use crate::policy::rarity::Rarity;
use crate::policy::requester::HedgeBudget;
use crate::rate::RateMeter;
use crate::reader::{Demand, Readers};
use crate::rng::Rng;
use crate::room::{Access, MemberId};
use crate::store::Store;
use crate::units::{ByteLen, BytesPerSec, PieceIndex};
use crate::wire::FrameDecoder;

/// Nobody to fetch from for this long is worth telling.
const NO_PEERS_AFTER: Duration = Duration::from_secs(20);

/// Everybody who owes something silent for this long is worth telling.
const SILENCE_TOLD_AFTER: Duration = Duration::from_secs(20);

/// No info dictionary for this long is worth telling.
const NO_METADATA_AFTER: Duration = Duration::from_secs(60);

/// What a torrent is told of its surroundings.
#[derive(Clone, Debug)]
pub struct TorrentConfig {
    /// Our id.
    pub peer_id: PeerId,
    /// Name and version for the extension handshake.
    pub client_name: String,
    /// Where peers reach us.
    pub listen_port: u16,
    /// Connections at most.
    pub peers_max: usize,
    /// Whether anything is served. Without it everybody stays choked, and metadata is refused.
    pub serves: bool,
    /// Whether peers tell one another of peers (BEP 11). A private torrent (BEP 27) never does.
    pub pex: bool,
    /// Whom it has to do with.
    pub access: Access,
}

/// One torrent.
#[derive(Debug)]
pub struct Torrent {
    config: TorrentConfig,
    infohash: Infohash,
    rng: Rng,
    phase: Phase,
    peers: BTreeMap<PeerKey, Peer>,
    /// Connections that have to show who they are before they count as peers.
    unproven: BTreeMap<PeerKey, Unproven>,
    /// Addresses that peers may still name.
    intake: Allowance,
    proofs_refused: u32,
    /// Pieces that a bounded disk gave up.
    given_up: u64,
    member_told: bool,
    connector: Connector,
    readers: Readers,
    timers: Timers,
    outputs: VecDeque<Output>,
    /// Sessions with something to send.
    talkative: BTreeSet<PeerKey>,
    /// Peers that may have room for requests.
    hungry: BTreeSet<PeerKey>,
    downloaded: RateMeter,
    uploaded: RateMeter,
    upload_capacity: BytesPerSec,
    choke_rounds: u64,
    /// When stalls were last looked at.
    stalls_looked_at: Option<Instant>,
    /// It was told that nobody sends anything.
    silence_told: bool,
    banned: u32,
    banned_ids: BTreeSet<PeerId>,
    /// Connections that a proof ended.
    liars: BTreeSet<PeerKey>,
    disk_limit: Option<ByteLen>,
}

/// How far a torrent is.
#[derive(Debug)]
enum Phase {
    /// The info dictionary is being fetched.
    Metadata(MetadataFetch<PeerKey>),
    /// It is known; storage is getting ready.
    Preparing(Arc<Metainfo>),
    /// Pieces are fetched and shared.
    Active(Box<Active>),
    /// The info dictionary was refused.
    Refused,
}

/// What there is once pieces are fetched.
#[derive(Debug)]
struct Active {
    metainfo: Arc<Metainfo>,
    store: Store,
    rarity: Rarity,
    wanted: Bitfield,
    /// The pieces that were ever verified; those that a bounded disk gave up are here no more.
    ever: Bitfield,
    /// Where readers were, and what is kept for them, while the disk is bounded.
    plan: Option<(Vec<u32>, Plan)>,
    /// Pieces of `wanted` that were never here.
    lacking: u32,
    fetch_rest: bool,
    demand: DemandList,
    hedges: HedgeBudget,
    /// How often each piece failed its check.
    failures: BTreeMap<PieceIndex, u32>,
    evidence: Evidence,
    done_told: bool,
    paused: bool,
}

/// What readers need, as last listed.
#[derive(Debug, Default)]
struct DemandList {
    /// Shared out block by block over the fastest peers.
    urgent: Vec<Demand>,
    /// Picked like anything else, only first.
    soon: Vec<Demand>,
    /// Entries from the front that are fully asked for.
    urgent_done: usize,
    soon_done: usize,
    listed_at: Option<Instant>,
    stale: bool,
}

/// A connection.
#[derive(Debug)]
struct Peer {
    session: PeerSession,
    decoder: FrameDecoder,
    /// When the connection was taken.
    since: Instant,
    /// Bytes given out to be sent and not yet written.
    send_queued: ByteLen,
    /// Its pieces are counted in `rarity`; a seed's are not.
    counted: bool,
    /// It owed blocks and sent none; it is not asked for what others have until then.
    stalled_until: Option<Instant>,
    /// How often it stalled lately.
    stalls: u32,
    /// Failed pieces of which it sent a part, as others did.
    strikes: u32,
    /// When it last did.
    stalled_at: Option<Instant>,
    /// Where it says that it listens, for one that called us.
    listen_addr: Option<SocketAddr>,
    /// It said no to a request; it is not asked again before.
    refused_until: Option<Instant>,
    metadata_allowance: crate::ext::MetadataServe,
    /// Who of the room it is, once it proved that.
    member: Option<MemberId>,
    /// Which peers it was told of (BEP 11).
    told: BTreeSet<SocketAddr>,
    /// When it was last told of any.
    told_at: Option<Instant>,
}

impl Torrent {
    /// A torrent of which only the infohash is known.
    pub fn new(now: Instant, infohash: Infohash, config: TorrentConfig, rng: Rng) -> Self {
        let mut torrent = Self::with_phase(infohash, config, rng, Phase::Metadata(MetadataFetch::new(infohash)));
        torrent.timers.set(Wake::NoPeers, now + NO_PEERS_AFTER);
        torrent.timers.set(Wake::NoMetadata, now + NO_METADATA_AFTER);
        torrent
    }

    /// A torrent whose info dictionary is here.
    pub fn with_metainfo(now: Instant, metainfo: Arc<Metainfo>, config: TorrentConfig, rng: Rng) -> Self {
        let infohash = metainfo.infohash;
        let mut torrent = Self::with_phase(infohash, config, rng, Phase::Preparing(metainfo));
        torrent.timers.set(Wake::NoPeers, now + NO_PEERS_AFTER);
        torrent
    }

    fn with_phase(infohash: Infohash, config: TorrentConfig, rng: Rng, phase: Phase) -> Self {
        Self {
            connector: Connector::new(config.peers_max),
            config,
            infohash,
            rng,
            phase,
            peers: BTreeMap::new(),
            unproven: BTreeMap::new(),
            intake: Allowance::new(PEX_INTAKE_MAX, PEX_INTAKE_REFILL),
            proofs_refused: 0,
            given_up: 0,
            member_told: false,
            readers: Readers::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            talkative: BTreeSet::new(),
            hungry: BTreeSet::new(),
            downloaded: RateMeter::new(),
            uploaded: RateMeter::new(),
            upload_capacity: BytesPerSec::ZERO,
            choke_rounds: 0,
            stalls_looked_at: None,
            silence_told: false,
            banned: 0,
            banned_ids: BTreeSet::new(),
            liars: BTreeSet::new(),
            disk_limit: None,
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Addresses { addrs, named_by } => self.on_addresses(now, addrs, named_by),
            Input::DialFailed(addr) => {
                self.connector.failed(now, addr);
                self.dial(now);
            }
            Input::Connected { peer, addr, incoming, handshake } => {
                self.on_connected(now, peer, addr, incoming, &handshake);
            }
            Input::Received { peer, bytes } => self.on_received(now, peer, bytes),
            Input::Written { peer, len } => self.on_written(now, peer, len),
            Input::Disconnected(peer) => self.on_disconnected(now, peer),
            Input::AddressLost(peer) => self.on_address_lost(now, peer),
            Input::Disk(done) => self.on_disk(now, done),
            Input::Begin(begin) => self.on_begin(now, begin),
            Input::Reader(id, change) => self.on_reader(now, id, change),
            Input::PlaybackRate(rate) => {
                self.readers.set_playback_rate(rate);
                self.demand_changed();
            }
            Input::DiskLimit(limit) => self.on_disk_limit(limit),
            Input::Pause(paused) => self.on_pause(now, paused),
        }
        self.settle(now);
    }

    /// Does what [`Torrent::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(wake) = self.timers.take_due(now) {
            match wake {
                Wake::ChokeRound => self.on_choke_round(now),
                Wake::Silence => self.on_silence(now),
                Wake::Stall => self.on_stall(now),
                Wake::Hedge => self.on_hedge(now),
                Wake::Dial => self.dial(now),
                Wake::Metadata => self.ask_for_metadata(now),
                Wake::Demand => {
                    self.demand_changed();
                    self.timers.set_or_cancel(Wake::Demand, self.readers.next_change(now));
                }
                Wake::Retry => self.on_retry(now),
                Wake::Proof => self.on_proof_overdue(now),
                Wake::Exchange => self.exchange_peers(now),
                Wake::Part => self.on_part(now),
                Wake::NoPeers => self.on_no_peers(now),
                Wake::NoMetadata => {
                    self.timers.set(Wake::NoMetadata, now + NO_METADATA_AFTER);
                    self.tell(Event::NoMetadata);
                }
            }
        }
        self.settle(now);
    }

    /// The next thing to do or to know. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Torrent::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.timers.next()
    }

    /// Which torrent.
    pub const fn infohash(&self) -> Infohash {
        self.infohash
    }

    /// The metainfo, once known.
    pub const fn metainfo(&self) -> Option<&Arc<Metainfo>> {
        match &self.phase {
            Phase::Metadata(_) | Phase::Refused => None,
            Phase::Preparing(metainfo) => Some(metainfo),
            Phase::Active(active) => Some(&active.metainfo),
        }
    }

    /// The verified pieces, once storage is ready.
    pub fn have(&self) -> Option<&Bitfield> {
        self.active().map(|active| active.store.have())
    }

    /// The beginning of a piece that is being fetched, as far as it is here without a gap; to be hashed on.
    pub fn contiguous(&self, piece: PieceIndex) -> Option<&[u8]> {
        self.active()?.store.open_piece(piece).map(crate::store::OpenPiece::contiguous)
    }

    /// Bytes that the disk must still take: of the pieces that are wanted and not here, or as many as a bounded disk may
    /// hold beside what it holds. None before [`Input::Begin`].
    pub fn lacking_bytes(&self) -> ByteLen {
        let Some(active) = self.active() else { return ByteLen::ZERO };
        let lacking = active.wanted.iter_ones().filter(|piece| !active.store.have().get(*piece));
        let layout = &active.metainfo.layout;
        let len = |piece: u32| layout.piece(piece).map_or(0, |piece| layout.piece_range(piece).len().get());
        let lacking = ByteLen::new(lacking.map(len).sum());
        match active.store.pieces_max() {
            None => lacking,
            Some(pieces_max) => {
                let free = u64::from(pieces_max).saturating_sub(u64::from(active.store.have().count_ones()));
                lacking.min(ByteLen::new(free * u64::from(layout.piece_len_max())))
            }
        }
    }

    /// The pieces that were ever verified, once storage is ready. A bounded disk has given some of them up.
    pub fn ever(&self) -> Option<&Bitfield> {
        self.active().map(|active| &active.ever)
    }

    /// Whether everything wanted is here, or was.
    pub fn is_done(&self) -> bool {
        self.active().is_some_and(|active| active.lacking == 0)
    }

    fn active(&self) -> Option<&Active> {
        match &self.phase {
            Phase::Active(active) => Some(active),
            Phase::Metadata(_) | Phase::Preparing(_) | Phase::Refused => None,
        }
    }

    fn active_mut(&mut self) -> Option<&mut Active> {
        match &mut self.phase {
            Phase::Active(active) => Some(active),
            Phase::Metadata(_) | Phase::Preparing(_) | Phase::Refused => None,
        }
    }

    /// Asks for what can be asked for and hands out what the sessions have to say: the end of every verb.
    fn settle(&mut self, now: Instant) {
        self.fill(now);
        while let Some(key) = self.talkative.pop_first() {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            if let Some(bytes) = peer.session.take_outgoing(now) {
                peer.send_queued += ByteLen::new(bytes.len() as u64);
                self.outputs.push_back(Output::Send { peer: key, bytes });
            }
            // Blocks keep within their own bound; so much else is owed only to a peer that asks and never reads.
            if peer.send_queued > SEND_QUEUED_MAX {
                self.punish(now, key, PeerMisbehaved::Flood);
            }
        }
        if matches!(self.outputs.back(), Some(Output::Send { .. })) {
            self.update_silence_timer();
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn demand_changed(&mut self) {
        if let Some(active) = self.active_mut() {
            active.demand.stale = true;
        }
        self.hungry.extend(self.peers.keys());
    }
}
