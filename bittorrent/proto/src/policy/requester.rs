//! Which peer for a block, and when to ask a second one.
//!
//! An urgent piece is not left to one peer: each of its blocks goes to the peer that would deliver it first, counting what
//! it already owes. A block that is later than its peer's own habits explain is asked of another as well. Prose:
//! docs/streaming.md.

use std::time::Duration;

use crate::peer::PeerKey;
use crate::units::{BLOCK_LEN, ByteLen, BytesPerSec};

/// No peer is reckoned slower than this, so that one bad second does not exclude it for good.
const RATE_MIN: BytesPerSec = BytesPerSec::new(4 * 1024);

/// What a peer of which nothing is known is reckoned to carry.
const RATE_ASSUMED: BytesPerSec = BytesPerSec::new(256 * 1024);

/// A round trip nobody measured yet.
const RTT_ASSUMED: Duration = Duration::from_millis(100);

/// No urgent block is put behind more than this.
const URGENT_QUEUE_MAX: Duration = Duration::from_secs(1);

/// A peer that owes blocks and sent none for this long loses what is urgent, if another could send it.
pub const STALLED_AFTER: Duration = Duration::from_secs(2);

/// A slow peer is given the time of this many blocks instead, up to a bound: it is slow, not silent.
const STALLED_AFTER_BLOCKS: u64 = 2;
const STALLED_AFTER_MAX: Duration = Duration::from_secs(10);

/// How long a peer may owe blocks and send none, by the rate it last had.
pub fn stalled_after(rate: BytesPerSec) -> Duration {
    if rate == BytesPerSec::ZERO {
        return STALLED_AFTER;
    }
    let blocks = ByteLen::new(STALLED_AFTER_BLOCKS * u64::from(BLOCK_LEN));
    rate.time_for(blocks).clamp(STALLED_AFTER, STALLED_AFTER_MAX)
}

/// It is asked again after this long, twice as long each time it stalls anew.
pub const STALL_REST_MIN: Duration = Duration::from_secs(8);

/// But never later than this.
pub const STALL_REST_MAX: Duration = Duration::from_secs(120);

/// A peer that owes what nobody else has and sent none for this long is gone.
pub const DROPPED_AFTER: Duration = Duration::from_secs(60);

/// Blocks asked of two peers, as a share of all that came: one in 25, and a few to begin with.
const HEDGE_SHARE: u64 = 25;
const HEDGE_BURST: ByteLen = ByteLen::new(256 * 1024);

/// A peer that could be asked.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Which.
    pub peer: PeerKey,
    /// What it owes us.
    pub queue: ByteLen,
    /// How many more requests its pipeline takes.
    pub room: usize,
    /// What it carries; zero when it has not shown yet.
    pub rate: BytesPerSec,
    /// Its round trip.
    pub srtt: Option<Duration>,
    /// How much that varies.
    pub rttvar: Option<Duration>,
}

impl Candidate {
    fn rate_reckoned(&self) -> BytesPerSec {
        if self.rate == BytesPerSec::ZERO { RATE_ASSUMED } else { self.rate.max(RATE_MIN) }
    }

    /// It has so much to send already that an urgent block would come late, and so would anything that is put before one.
    pub fn is_buried(&self) -> bool {
        self.rate_reckoned().time_for(self.queue) > URGENT_QUEUE_MAX
    }

    /// When one more block would be here.
    pub fn eta(&self) -> Duration {
        self.rate_reckoned().time_for(self.queue + ByteLen::from(BLOCK_LEN)) + self.srtt.unwrap_or(RTT_ASSUMED)
    }

    /// How old a request may grow before it is late.
    pub fn patience(&self) -> Duration {
        let habits = self.srtt.unwrap_or(RTT_ASSUMED) * 2 + self.rttvar.unwrap_or(RTT_ASSUMED / 2) * 4;
        habits.max(self.eta() * 3 / 2)
    }
}

/// Whom of a piece's owners to ask for an urgent block: who would deliver it first, among those with room in the pipeline and
/// less than a second of other things before it. A lone owner is asked anyway: there is nobody to wait for.
pub fn choose(owners: impl Iterator<Item = Candidate>) -> Option<PeerKey> {
    let owners: Vec<Candidate> = owners.collect();
    let alone = owners.len() == 1;
    owners
        .iter()
        .filter(|owner| owner.room > 0 && (alone || !owner.is_buried()))
        .min_by_key(|owner| (owner.eta(), owner.peer))
        .map(|owner| owner.peer)
}

/// What may still be asked for twice.
#[derive(Clone, Debug, Default)]
pub struct HedgeBudget {
    received: ByteLen,
    hedged: ByteLen,
}

impl HedgeBudget {
    /// A block came.
    pub fn received(&mut self, len: ByteLen) {
        self.received += len;
    }

    /// Takes a block's worth, if there is any left.
    pub fn take(&mut self, len: ByteLen) -> bool {
        let allowed = self.received.get() / HEDGE_SHARE + HEDGE_BURST.get();
        let fits = self.hedged.get() + len.get() <= allowed;
        if fits {
            self.hedged += len;
        }
        fits
    }
}

/// Whether a block is worth asking of a second peer: its own is late, and the other would be quicker than the wait so far.
pub fn is_worth_hedging(age: Duration, first: &Candidate, second: &Candidate) -> bool {
    age > first.patience() && second.eta() < age
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(peer: u32, queue: u64, rate: u64) -> Candidate {
        Candidate {
            peer: PeerKey(peer),
            queue: ByteLen::new(queue),
            room: 8,
            rate: BytesPerSec::new(rate),
            srtt: Some(Duration::from_millis(20)),
            rttvar: Some(Duration::from_millis(5)),
        }
    }

    #[test]
    fn the_quickest_to_deliver_is_asked() {
        let quick_but_busy = candidate(1, 500_000, 1_000_000);
        let slow_but_free = candidate(2, 0, 100_000);
        assert_eq!(choose([quick_but_busy, slow_but_free].into_iter()), Some(PeerKey(2)));
        assert_eq!(choose([quick_but_busy].into_iter()), Some(PeerKey(1)));
    }

    #[test]
    fn nobody_is_asked_who_has_no_room_or_a_second_of_work() {
        let full = Candidate { room: 0, ..candidate(1, 0, 1_000_000) };
        let buried = candidate(2, 2_000_000, 1_000_000);
        assert_eq!(choose([full, buried].into_iter()), None);
        assert_eq!(choose([buried].into_iter()), Some(PeerKey(2)), "nobody else has it");
        assert_eq!(choose([full].into_iter()), None);
    }

    #[test]
    fn blocks_are_shared_out_by_rate() {
        // Four blocks a second from one, one from the other: of ten blocks the first gets eight.
        let mut peers = [candidate(1, 0, 65_536), candidate(2, 0, 16_384)];
        let mut got = [0, 0];
        for _ in 0..5 {
            let chosen = choose(peers.iter().copied()).unwrap();
            let at = peers.iter().position(|peer| peer.peer == chosen).unwrap();
            peers[at].queue += ByteLen::from(BLOCK_LEN);
            got[at] += 1;
        }
        assert_eq!(got, [4, 1]);
    }

    #[test]
    fn a_block_is_hedged_when_late_and_only_to_someone_quicker() {
        let slow = candidate(1, 16_384, 10_000);
        let quick = candidate(2, 0, 1_000_000);
        assert!(!is_worth_hedging(Duration::from_millis(100), &slow, &quick), "not late for a peer this slow");
        assert!(is_worth_hedging(Duration::from_secs(6), &slow, &quick));
        assert!(
            !is_worth_hedging(Duration::from_secs(6), &slow, &candidate(3, 100_000, 10_000)),
            "the other is no quicker"
        );
    }

    #[test]
    fn a_slow_peer_is_not_taken_for_a_silent_one() {
        assert_eq!(stalled_after(BytesPerSec::ZERO), STALLED_AFTER);
        assert_eq!(stalled_after(BytesPerSec::new(1_000_000)), STALLED_AFTER);
        assert_eq!(stalled_after(BytesPerSec::new(8_192)), Duration::from_secs(4));
        assert_eq!(stalled_after(BytesPerSec::new(100)), STALLED_AFTER_MAX);
    }

    #[test]
    fn hedging_stays_a_small_share() {
        let mut budget = HedgeBudget::default();
        let block = ByteLen::from(BLOCK_LEN);
        let first = (0..100).filter(|_| budget.take(block)).count();
        assert_eq!(first, 16);
        (0..100).for_each(|_| budget.received(block));
        assert_eq!((0..100).filter(|_| budget.take(block)).count(), 4);
    }
}
