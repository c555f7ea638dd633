//! What goes into a torrent's [`Tiers`](super::Tiers) and what comes out.

use std::time::Duration;

use crate::policy::connector::NamedBy;
use crate::tracker::TrackerUrl;
use crate::tracker::http::AnnounceEvent;

/// A tracker, by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrackerKey(pub(super) usize);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// More trackers in tiers, named by one hand. Known ones stay where they are.
    Trackers {
        /// Tiers, the first first.
        tiers: Vec<Vec<TrackerUrl>>,
        /// Whose they are.
        named_by: NamedBy,
    },
    /// An announce was answered.
    Answered {
        /// By whom.
        tracker: TrackerKey,
        /// When to ask again.
        interval: Duration,
        /// Not to be asked sooner.
        interval_min: Duration,
    },
    /// An announce came to nothing.
    Failed {
        /// Where.
        tracker: TrackerKey,
        /// Why.
        failure: Failure,
    },
    /// Whether there are so few peers that more are wanted before the interval is over.
    PeersFew(bool),
    /// The download is complete.
    Completed,
    /// All that is wanted is here, and it is not everything (BEP 21).
    BecamePartialSeed,
    /// We are reached at other addresses than before: whoever counts us has the old ones.
    Moved,
    /// Nobody is there or sends anything, for longer than a moment: a host may have moved, and its tracker know where to.
    Silence,
    /// The torrent is a private one (BEP 27) and has these: all others are left, those named later, too.
    OnlyItsOwn(Vec<TrackerUrl>),
    /// The torrent ends. Every tracker that counts us is told so, and nothing comes after that.
    Stop,
}

/// Why an announce came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The tracker could not be asked, or its answer not be read.
    Unreachable(String),
    /// It refused, and said why (BEP 3, "failure reason").
    Refused(String),
}

/// What is to be done or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Announce, and answer with [`Input::Answered`] or [`Input::Failed`]; a `stopped` is not answered.
    Announce {
        /// To whom.
        tracker: TrackerKey,
        /// What to say.
        event: Option<AnnounceEvent>,
    },
    /// It answered for the first time.
    Works(TrackerKey),
    /// It answers again, after its failure was told.
    WorksAgain(TrackerKey),
    /// It is asked no more, being none of a private torrent's own.
    Left(TrackerKey),
    /// It failed in this way for the first time, or since it last worked.
    Fails(TrackerKey, Failure),
}

/// Why [`Tiers::poll_timeout`] wants a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// An announce is due.
    Announce,
}
