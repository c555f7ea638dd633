//! How much of what serves nothing a peer may say: messages that ask for no data and bring none, requests that are
//! refused, greetings that repeat themselves.
//!
//! What is bounded elsewhere costs nothing here: blocks by our own requests, requests by the queue, `have`s by the piece
//! count. An honest peer never comes near; one that does is closed as [`PeerMisbehaved::Flood`].

use std::time::{Duration, Instant};

use super::session::PeerEvent;
use crate::error::PeerMisbehaved;
use crate::limits::{
    CHOKES_MAX, CHOKES_REFILL, CONTROL_BURST, CONTROL_REFILL, EXT_HANDSHAKES_MAX, EXT_HANDSHAKES_REFILL,
    PEX_MESSAGES_MAX, PEX_MESSAGES_REFILL, PEX_NAMED_MAX, PEX_NAMED_REFILL, REQUESTS_REFUSED_MAX,
    REQUESTS_REFUSED_REFILL,
};
use crate::wire::Message;

/// What one peer may still say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowances {
    control: Allowance,
    refused: Allowance,
    greetings: Allowance,
    chokes: Allowance,
    pex: Allowance,
    named: Allowance,
}

impl Allowances {
    pub(super) const fn new() -> Self {
        Self {
            control: Allowance::new(CONTROL_BURST * CANCELS_A_MESSAGE, CONTROL_REFILL),
            refused: Allowance::new(REQUESTS_REFUSED_MAX, REQUESTS_REFUSED_REFILL),
            greetings: Allowance::new(EXT_HANDSHAKES_MAX, EXT_HANDSHAKES_REFILL),
            chokes: Allowance::new(CHOKES_MAX, CHOKES_REFILL),
            pex: Allowance::new(PEX_MESSAGES_MAX, PEX_MESSAGES_REFILL),
            named: Allowance::new(PEX_NAMED_MAX, PEX_NAMED_REFILL),
        }
    }

    /// A message came, and led to `event`.
    pub(super) fn charge(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        event: Option<&PeerEvent<'_>>,
    ) -> Result<(), PeerMisbehaved> {
        if matches!(event, Some(PeerEvent::ExtHandshake)) && !self.greetings.take(now, 1) {
            return Err(PeerMisbehaved::Flood);
        }
        if matches!(event, Some(PeerEvent::Pex(_))) && !self.pex.take(now, 1) {
            return Err(PeerMisbehaved::Flood);
        }
        let price = price(message, event);
        if price == 0 || self.control.take(now, price) { Ok(()) } else { Err(PeerMisbehaved::Flood) }
    }

    /// A seed took a piece back: all it has must be counted.
    pub(super) fn charge_recount(&mut self, now: Instant) -> Result<(), PeerMisbehaved> {
        if self.control.take(now, SET_PRICE) { Ok(()) } else { Err(PeerMisbehaved::Flood) }
    }

    /// A request of its was refused.
    pub(super) fn charge_refused(&mut self, now: Instant) -> Result<(), PeerMisbehaved> {
        if self.refused.take(now, 1) { Ok(()) } else { Err(PeerMisbehaved::Flood) }
    }

    /// It names a peer. False when it has named too many; that one is passed over.
    pub(super) fn may_name(&mut self, now: Instant) -> bool {
        self.named.take(now, 1)
    }

    /// It choked us while it owed blocks. False when it does that too often.
    pub(super) fn may_choke(&mut self, now: Instant) -> bool {
        self.chokes.take(now, 1)
    }
}

/// A seek takes 256 requests back at once, and a viewer who drags the slider seeks ten times a second; a cancel costs us
/// little, so four of them count as one message.
const CANCELS_A_MESSAGE: u32 = 4;

/// A bitfield is read and compared as a whole: as much work as ten messages.
const SET_PRICE: u32 = 10 * CANCELS_A_MESSAGE;

fn price(message: &Message<'_>, event: Option<&PeerEvent<'_>>) -> u32 {
    match message {
        // Bounded by our own requests, by the queue, and by what a refused one costs.
        Message::Piece { .. } | Message::Reject(_) | Message::Request(_) => 0,
        // News comes once a piece. Before the piece count is known, the early ones are counted where they are kept.
        Message::Have(_) if matches!(event, Some(PeerEvent::Have(_))) => 0,
        Message::Cancel(_) => 1,
        // Who watches on a bounded disk gives up a piece for each that it fetches.
        Message::Extended { .. } if matches!(event, Some(PeerEvent::DontHave(_))) => 1,
        Message::Bitfield(_) | Message::HaveAll | Message::HaveNone => SET_PRICE,
        Message::KeepAlive
        | Message::Choke
        | Message::Unchoke
        | Message::Interested
        | Message::NotInterested
        | Message::Have(_)
        | Message::Port(_)
        | Message::Suggest(_)
        | Message::AllowedFast(_)
        | Message::Extended { .. }
        | Message::Unknown { .. } => CANCELS_A_MESSAGE,
    }
}

/// So many at once, and one more after each `refill`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    burst: u32,
    refill: Duration,
    /// When all of it is back.
    full_at: Option<Instant>,
}

impl Allowance {
    pub(crate) const fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, full_at: None }
    }

    pub(crate) fn take(&mut self, now: Instant, count: u32) -> bool {
        let full_at = self.full_at.unwrap_or(now).max(now) + self.refill * count;
        let fits = full_at.saturating_duration_since(now) <= self.refill * self.burst;
        if fits {
            self.full_at = Some(full_at);
        }
        fits
    }
}

const _: () =
    assert!(REQUESTS_REFUSED_MAX as usize > crate::limits::UPLOADS_QUEUED_MAX, "a choke refuses a full queue");
const _: () = assert!(CONTROL_BURST as usize > 4 * crate::limits::INFLIGHT_MAX, "seeks one after another");

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant has no other origin")]
mod tests {
    use super::*;
    use crate::layout::RawBlock;

    const CANCEL: Message<'static> = Message::Cancel(RawBlock { piece: 0, offset: 0, len: 16_384 });

    #[test]
    fn an_allowance_comes_back_one_by_one() {
        let now = Instant::now();
        let mut allowance = Allowance::new(3, Duration::from_secs(10));
        assert!((0..3).all(|_| allowance.take(now, 1)));
        assert!(!allowance.take(now, 1));
        assert!(!allowance.take(now + Duration::from_secs(9), 1));
        assert!(allowance.take(now + Duration::from_secs(10), 1));
        assert!(!allowance.take(now + Duration::from_secs(10), 1));
        let later = now + Duration::from_secs(3600);
        assert!((0..3).all(|_| allowance.take(later, 1)), "no more than the burst is saved up");
        assert!(!allowance.take(later, 1));
    }

    #[test]
    fn control_messages_are_bounded_by_burst_and_by_rate() {
        let now = Instant::now();
        let mut allowances = Allowances::new();
        for _ in 0..CONTROL_BURST {
            allowances.charge(now, &Message::KeepAlive, None).unwrap();
        }
        assert_eq!(allowances.charge(now, &Message::KeepAlive, None), Err(PeerMisbehaved::Flood));
        let later = now + Duration::from_secs(1);
        let passed = (0..1000).filter(|_| allowances.charge(later, &Message::KeepAlive, None).is_ok()).count();
        assert_eq!(passed, 400);
    }

    #[test]
    fn a_slider_that_is_dragged_for_three_seconds_is_no_flood() {
        let mut now = Instant::now();
        let mut allowances = Allowances::new();
        for seek in 0..30 {
            for _ in 0..crate::limits::INFLIGHT_MAX {
                assert!(allowances.charge(now, &CANCEL, None).is_ok(), "seek {seek}");
            }
            now += Duration::from_millis(100);
        }
    }

    #[test]
    fn news_costs_nothing_and_old_news_does() {
        let now = Instant::now();
        let layout = crate::layout::TorrentLayout::new(16_384, &[65_536 * 16_384]).unwrap();
        let mut allowances = Allowances::new();
        for piece in 0..65_536 {
            let event = PeerEvent::Have(layout.piece(piece).unwrap());
            allowances.charge(now, &Message::Have(piece), Some(&event)).unwrap();
        }
        let repeated = (0..65_536).take_while(|piece| allowances.charge(now, &Message::Have(*piece), None).is_ok());
        assert_eq!(repeated.count(), CONTROL_BURST as usize);
    }

    #[test]
    fn greetings_and_refused_requests_and_chokes_have_bounds_of_their_own() {
        let now = Instant::now();
        let mut allowances = Allowances::new();
        let greeting = Message::Extended { id: 0, payload: b"de" };
        let greeted = (0..100).take_while(|_| {
            let event = PeerEvent::ExtHandshake;
            allowances.charge(now, &greeting, Some(&event)).is_ok()
        });
        assert_eq!(greeted.count(), EXT_HANDSHAKES_MAX as usize);
        let refused = (0..10_000).take_while(|_| allowances.charge_refused(now).is_ok()).count();
        assert_eq!(refused, REQUESTS_REFUSED_MAX as usize);
        let chokes = (0..100).take_while(|_| allowances.may_choke(now)).count();
        assert_eq!(chokes, CHOKES_MAX as usize);
    }
}
