//! Whom to ask for peers, and when (BEP 12).
//!
//! Every tracker that the user or the room named is asked for itself. All others are tried in order, tier by tier, until
//! one answers; that one moves to the front of its tier. What is asked and answered: see [`super::http`].

mod io;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use io::{Failure, Input, Output, TrackerKey, Wake};

use super::TrackerUrl;
use super::http::{AnnounceEvent, INTERVAL_DEFAULT, INTERVAL_MIN};
use crate::policy::connector::NamedBy;
use crate::rng::Rng;

/// Trackers of a torrent; more are left out. Each costs a connection now and then.
pub const TRACKERS_MAX: usize = 64;

/// The rest after a first failure; it doubles with each. A room's tracker may start a moment after its viewers.
const BACK_OFF_MIN: Duration = Duration::from_secs(5);

/// The longest rest of a tracker that the user or the room named: others wait for us there.
const BACK_OFF_USER_MAX: Duration = Duration::from_secs(60);

/// The longest rest of any other.
const BACK_OFF_MAX: Duration = Duration::from_secs(30 * 60);

/// The trackers of one torrent.
#[derive(Clone, Debug)]
pub struct Tiers {
    rng: Rng,
    trackers: Vec<Tracker>,
    walks: Vec<Walk>,
    /// The walk of trackers that nobody vouches for.
    strangers: Option<usize>,
    peers_few: bool,
    is_partial_seed: bool,
    /// Those of a private torrent, which has to do with no others.
    own: Option<Vec<TrackerUrl>>,
    stopped: bool,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Debug)]
struct Tracker {
    url: TrackerUrl,
    named_by: NamedBy,
    failures: u32,
    /// Not to be tried before.
    rests_until: Option<Instant>,
    /// It counts us as a peer.
    knows_us: bool,
    owes_completed: bool,
    told_works: bool,
    told_unreachable: bool,
    told_refused: bool,
}

/// Trackers of which one is enough.
#[derive(Clone, Debug)]
struct Walk {
    tiers: Vec<Vec<usize>>,
    asking: Option<(usize, Option<AnnounceEvent>)>,
    answered: Option<Answered>,
    /// Not even the interval is waited for.
    at_once: bool,
    /// Who is being asked is told what is no longer so: an address that was ours, or that something is fetched.
    outdated: bool,
}

#[derive(Clone, Copy, Debug)]
struct Answered {
    at: Instant,
    interval: Duration,
    interval_min: Duration,
    /// How often it was asked before the interval was over.
    sooner: u32,
}

impl Tiers {
    /// No trackers yet.
    pub const fn new(rng: Rng) -> Self {
        Self {
            rng,
            trackers: Vec::new(),
            walks: Vec::new(),
            strangers: None,
            peers_few: false,
            is_partial_seed: false,
            own: None,
            stopped: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.stopped {
            return;
        }
        match input {
            Input::Trackers { tiers, named_by } => self.add(tiers, named_by),
            Input::Answered { tracker, interval, interval_min } => {
                self.on_answered(tracker, Answered { at: now, interval, interval_min, sooner: 0 });
            }
            Input::Failed { tracker, failure } => self.on_failed(now, tracker, failure),
            Input::PeersFew(few) => {
                self.peers_few = few;
                if !few {
                    self.walks.iter_mut().filter_map(|walk| walk.answered.as_mut()).for_each(|last| last.sooner = 0);
                }
            }
            Input::Completed => self.on_completed(),
            Input::BecamePartialSeed => self.on_partial_seed(),
            Input::Moved => self.on_moved(),
            Input::Silence => self.on_silence(),
            Input::OnlyItsOwn(own) => self.on_only_its_own(own),
            Input::Stop => return self.on_stop(),
        }
        self.announce_due(now);
    }

    /// Does what [`Tiers::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.stopped {
            self.announce_due(now);
        }
    }

    /// The next thing to do or to tell. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Tiers::handle_timeout`], and why. `None` while nothing is to be waited for but answers.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        if self.stopped {
            return None;
        }
        let at = self.walks.iter().filter_map(|walk| self.wakes_at(walk)).min()?;
        Some((at, Wake::Announce))
    }

    /// Where a tracker is asked, and who named it.
    ///
    /// # Panics
    /// When the key is another torrent's, which is a mistake of ours.
    pub fn tracker(&self, key: TrackerKey) -> (&TrackerUrl, NamedBy) {
        let tracker = &self.trackers[key.0];
        (&tracker.url, tracker.named_by)
    }

    /// Whether that tracker is one of them.
    pub fn knows(&self, url: &TrackerUrl) -> bool {
        self.trackers.iter().any(|tracker| tracker.url == *url)
    }

    /// Whether that tracker may be asked: of a private torrent only its own may.
    pub fn may_ask(&self, url: &TrackerUrl) -> bool {
        self.own.as_ref().is_none_or(|own| own.contains(url))
    }

    fn add(&mut self, tiers: Vec<Vec<TrackerUrl>>, named_by: NamedBy) {
        for mut tier in tiers {
            // BEP 12: "URLs within each tier will be processed in a randomly chosen order".
            self.rng.shuffle(&mut tier);
            let mut keys = Vec::new();
            for url in tier {
                if self.trackers.len() >= TRACKERS_MAX || self.knows(&url) || !self.may_ask(&url) {
                    continue;
                }
                keys.push(self.trackers.len());
                self.trackers.push(Tracker::new(url, named_by));
            }
            match (named_by, self.strangers) {
                (NamedBy::User | NamedBy::Room, _) => {
                    self.walks.extend(keys.into_iter().map(|key| Walk::new(vec![vec![key]])));
                }
                (NamedBy::Member | NamedBy::Stranger, _) if keys.is_empty() => {}
                (NamedBy::Member | NamedBy::Stranger, Some(walk)) => self.walks[walk].tiers.push(keys),
                (NamedBy::Member | NamedBy::Stranger, None) => {
                    self.strangers = Some(self.walks.len());
                    self.walks.push(Walk::new(vec![keys]));
                }
            }
        }
    }

    fn on_answered(&mut self, TrackerKey(key): TrackerKey, answered: Answered) {
        let Some((walk, event)) = take_asking(&mut self.walks, key) else { return };
        let sooner = walk.answered.map_or(0, |last| last.sooner);
        walk.answered = Some(Answered { sooner, ..answered });
        walk.move_to_front(key);
        let tracker = &mut self.trackers[key];
        tracker.failures = 0;
        tracker.rests_until = None;
        tracker.knows_us = true;
        match event {
            Some(AnnounceEvent::Completed) => tracker.owes_completed = false,
            Some(AnnounceEvent::Started | AnnounceEvent::Paused | AnnounceEvent::Stopped) | None => {}
        }
        walk.at_once = tracker.owes_completed | std::mem::take(&mut walk.outdated);
        let had_failed = std::mem::take(&mut tracker.told_unreachable) | std::mem::take(&mut tracker.told_refused);
        let had_worked = std::mem::replace(&mut tracker.told_works, true);
        if !had_worked {
            self.outputs.push_back(Output::Works(TrackerKey(key)));
        } else if had_failed {
            self.outputs.push_back(Output::WorksAgain(TrackerKey(key)));
        }
    }

    fn on_failed(&mut self, now: Instant, TrackerKey(key): TrackerKey, failure: Failure) {
        let Some((walk, _)) = take_asking(&mut self.walks, key) else { return };
        // What was due still is: the next one is tried now, or this one after its rest.
        walk.at_once = true;
        walk.outdated = false;
        let tracker = &mut self.trackers[key];
        let longest = match tracker.named_by {
            NamedBy::User | NamedBy::Room => BACK_OFF_USER_MAX,
            NamedBy::Member | NamedBy::Stranger => BACK_OFF_MAX,
        };
        let (told, shortest) = match failure {
            Failure::Unreachable(_) => (&mut tracker.told_unreachable, BACK_OFF_MIN),
            // It is there and has decided.
            Failure::Refused(_) => (&mut tracker.told_refused, INTERVAL_MIN),
        };
        let rest = shortest.saturating_mul(1 << tracker.failures.min(16)).min(longest);
        tracker.rests_until = Some(now + rest);
        tracker.failures = tracker.failures.saturating_add(1);
        tracker.owes_completed &= tracker.knows_us;
        if !std::mem::replace(told, true) {
            self.outputs.push_back(Output::Fails(TrackerKey(key), failure));
        }
    }

    fn on_completed(&mut self) {
        for walk in &mut self.walks {
            for key in walk.tiers.iter().flatten() {
                let tracker = &mut self.trackers[*key];
                // Whoever is asked right now was told that something is missing.
                let is_asked = walk.asking.is_some_and(|(asked, _)| asked == *key);
                tracker.owes_completed = tracker.knows_us || is_asked;
                walk.at_once |= tracker.owes_completed;
            }
        }
    }

    fn on_partial_seed(&mut self) {
        if std::mem::replace(&mut self.is_partial_seed, true) {
            return;
        }
        for walk in &mut self.walks {
            walk.at_once |= walk.tiers.iter().flatten().any(|key| self.trackers[*key].knows_us);
            walk.outdated |= walk.asking.is_some();
        }
    }

    /// Who could not be asked from the old network may be within reach of the new one. A refusal was meant for us.
    fn on_moved(&mut self) {
        for tracker in self.trackers.iter_mut().filter(|tracker| !tracker.told_refused) {
            tracker.failures = 0;
            tracker.rests_until = None;
        }
        for walk in &mut self.walks {
            walk.at_once = true;
            walk.outdated = walk.asking.is_some();
        }
    }

    /// Only those that the user or the room named: the world's trackers are asked at their own pace.
    fn on_silence(&mut self) {
        let is_trusted = |walk: &Walk, trackers: &[Tracker]| {
            walk.tiers.iter().flatten().all(|key| trackers[*key].named_by.is_trusted())
        };
        for walk in self.walks.iter_mut().filter(|walk| walk.asking.is_none()) {
            walk.at_once |= is_trusted(walk, &self.trackers);
        }
    }

    /// BEP 27: who was asked before this was known hears that we leave.
    fn on_only_its_own(&mut self, own: Vec<TrackerUrl>) {
        let left: Vec<usize> = (0..self.trackers.len()).filter(|key| !own.contains(&self.trackers[*key].url)).collect();
        self.own = Some(own);
        for walk in &mut self.walks {
            walk.tiers.iter_mut().for_each(|tier| tier.retain(|key| !left.contains(key)));
            let asked = walk.asking.take_if(|(key, _)| left.contains(key)).map(|(key, _)| key);
            for key in left.iter().filter(|key| asked == Some(**key)) {
                self.trackers[*key].knows_us = true;
            }
            if walk.tiers.iter().all(Vec::is_empty) {
                // Nothing is left to wait for.
                (walk.answered, walk.at_once) = (None, false);
            }
        }
        for key in left {
            if std::mem::take(&mut self.trackers[key].knows_us) {
                let event = Some(AnnounceEvent::Stopped);
                self.outputs.push_back(Output::Announce { tracker: TrackerKey(key), event });
            }
            self.outputs.push_back(Output::Left(TrackerKey(key)));
        }
    }

    fn on_stop(&mut self) {
        self.stopped = true;
        self.outputs.clear();
        let asked: Vec<usize> = self.walks.iter().filter_map(|walk| walk.asking).map(|(key, _)| key).collect();
        for (key, tracker) in self.trackers.iter().enumerate() {
            if tracker.knows_us || asked.contains(&key) {
                let event = Some(AnnounceEvent::Stopped);
                self.outputs.push_back(Output::Announce { tracker: TrackerKey(key), event });
            }
        }
    }

    fn announce_due(&mut self, now: Instant) {
        for index in 0..self.walks.len() {
            let walk = &self.walks[index];
            if walk.asking.is_some() || self.due_at(walk).is_some_and(|due| due > now) {
                continue;
            }
            let Some(key) = self.pick(walk, now) else { continue };
            let tracker = &self.trackers[key];
            let event = match (tracker.knows_us, tracker.owes_completed) {
                _ if self.is_partial_seed => Some(AnnounceEvent::Paused),
                (false, _) => Some(AnnounceEvent::Started),
                (true, true) => Some(AnnounceEvent::Completed),
                (true, false) => None,
            };
            let walk = &mut self.walks[index];
            walk.asking = Some((key, event));
            if let Some(last) = walk.answered.as_mut().filter(|last| !walk.at_once && now < last.at + last.interval) {
                last.sooner = last.sooner.saturating_add(1);
            }
            walk.at_once = false;
            self.outputs.push_back(Output::Announce { tracker: TrackerKey(key), event });
        }
    }

    /// The first that does not rest, and before it the first that is owed a `completed`.
    fn pick(&self, walk: &Walk, now: Instant) -> Option<usize> {
        let ready = |key: &usize| self.trackers[*key].rests_until.is_none_or(|until| until <= now);
        let ready = || walk.tiers.iter().flatten().copied().filter(ready);
        ready().find(|key| self.trackers[*key].owes_completed).or_else(|| ready().next())
    }

    /// When a walk that waits for no answer is to go on. A walk with a tracker to ask now was asked by [`Self::announce_due`].
    fn wakes_at(&self, walk: &Walk) -> Option<Instant> {
        if walk.asking.is_some() {
            return None;
        }
        let rested = walk.tiers.iter().flatten().map(|key| self.trackers[*key].rests_until).min().flatten();
        self.due_at(walk).max(rested)
    }

    /// When a question is due; `None` is at once.
    fn due_at(&self, walk: &Walk) -> Option<Instant> {
        walk.answered.filter(|_| !walk.at_once).map(|last| last.at + self.pause(walk, &last))
    }

    /// How long after an answer the next question comes.
    fn pause(&self, walk: &Walk, last: &Answered) -> Duration {
        if !self.peers_few {
            return last.interval;
        }
        let is_user = walk.tiers.iter().flatten().any(|key| self.trackers[*key].named_by.is_trusted());
        // A public tracker that knows nobody is asked less and less; a room's may know somebody any minute.
        let doubled = if is_user { 0 } else { last.sooner.min(16) };
        last.interval_min.max(INTERVAL_MIN).saturating_mul(1 << doubled).min(last.interval)
    }
}

/// The walk that waits for this tracker's answer, which it no longer does.
fn take_asking(walks: &mut [Walk], key: usize) -> Option<(&mut Walk, Option<AnnounceEvent>)> {
    let walk = walks.iter_mut().find(|walk| walk.asking.is_some_and(|(asked, _)| asked == key))?;
    let (_, event) = walk.asking.take()?;
    Some((walk, event))
}

impl Tracker {
    const fn new(url: TrackerUrl, named_by: NamedBy) -> Self {
        Self {
            url,
            named_by,
            failures: 0,
            rests_until: None,
            knows_us: false,
            owes_completed: false,
            told_works: false,
            told_unreachable: false,
            told_refused: false,
        }
    }
}

impl Walk {
    const fn new(tiers: Vec<Vec<usize>>) -> Self {
        Self { tiers, asking: None, answered: None, at_once: false, outdated: false }
    }

    /// BEP 12: "if a connection with a tracker is successful, it will be moved to the front of the tier".
    fn move_to_front(&mut self, key: usize) {
        for tier in &mut self.tiers {
            if let Some(at) = tier.iter().position(|other| *other == key) {
                tier[..=at].rotate_right(1);
            }
        }
    }
}

const _: () = assert!(INTERVAL_MIN.as_secs() < INTERVAL_DEFAULT.as_secs());

#[cfg(test)]
mod tests;
