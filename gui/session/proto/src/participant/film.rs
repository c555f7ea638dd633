//! The room's film as this machine has it: what the engine told of it, and what follows for playing.

use std::time::{Duration, Instant};

use engine_proto::infohash::Infohash;
use engine_proto::ipc::{Figures, State};
use signal_proto::sync::readiness::Supply;
use signal_proto::time::MediaTime;

use crate::limits::RANGES_MAX;
use crate::player::Track;
use crate::view;

/// A film, from the moment it is named.
#[derive(Clone, Debug)]
pub(super) struct Film {
    pub(super) source: Source,
    /// Cleaned.
    pub(super) name: String,
    pub(super) infohash: Option<Infohash>,
    /// Where a player on this machine finds it.
    pub(super) url: Option<String>,
    /// Bytes; 0 while unknown.
    pub(super) length: u64,
    /// By the player, or by the one who shares it.
    pub(super) duration: Option<MediaTime>,
    pub(super) tracks: Vec<Track>,
    pub(super) figures: Figures,
    /// The file's reading, and since when.
    pub(super) hashing: Option<(f64, Instant)>,
    pub(super) since: Instant,
    /// The running engine was told of it.
    pub(super) asked: bool,
    /// It cannot be had; a notice says why.
    pub(super) failed: bool,
}

/// Where a film comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// This machine.
    Own {
        path: String,
        /// What the others need, once the engine knows.
        magnet: Option<String>,
    },
    /// The room.
    Room { magnet: String },
}

impl Film {
    pub(super) fn own(now: Instant, path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path);
        Self::new(now, Source::Own { path: path.to_owned(), magnet: None }, name, None)
    }

    pub(super) fn of_room(now: Instant, magnet: &str, name: &str) -> Self {
        let infohash = infohash_of(magnet);
        let source = Source::Room { magnet: magnet.to_owned() };
        Self::new(now, source, name, infohash)
    }

    fn new(now: Instant, source: Source, name: &str, infohash: Option<Infohash>) -> Self {
        Self {
            source,
            name: name.to_owned(),
            infohash,
            url: None,
            length: 0,
            duration: None,
            tracks: Vec::new(),
            figures: Figures::default(),
            hashing: None,
            since: now,
            asked: false,
            failed: false,
        }
    }

    pub(super) const fn is_own(&self) -> bool {
        matches!(self.source, Source::Own { .. })
    }

    /// What the others need, once it is known.
    pub(super) fn magnet(&self) -> Option<&str> {
        match &self.source {
            Source::Own { magnet, .. } => magnet.as_deref(),
            Source::Room { magnet } => Some(magnet),
        }
    }

    /// All of it is here.
    pub(super) fn is_complete(&self) -> bool {
        (self.is_own() && self.url.is_some()) || self.figures.state == State::Seeding
    }

    /// Playing time that is verified without a gap from there on; [`Duration::MAX`] when that reaches the film's end.
    pub(super) fn ahead(&self, from: f64) -> Duration {
        if self.is_complete() {
            return Duration::MAX;
        }
        let Some((duration, length)) = self.measure() else { return Duration::ZERO };
        let byte = from.clamp(0.0, duration) / duration * length;
        let run = self.figures.ranges.iter().map(|&(first, last)| (float(first), float(last)));
        // A reader holds a little less than the byte that the place is said to be at, as bitrates waver.
        let Some((_, last)) = run.into_iter().find(|(first, last)| *first <= byte && byte < *last) else {
            return Duration::ZERO;
        };
        if last >= length { Duration::MAX } else { seconds((last - byte) / length * duration) }
    }

    /// What is known for a forecast from there on; `None` before the film's length is.
    pub(super) fn supply(&self, from: f64, speed: f64) -> Option<Supply> {
        let (duration, length) = self.measure()?;
        let from = from.clamp(0.0, duration);
        let ahead = self.ahead(from);
        let left = seconds(duration - from);
        let byte = from / duration * length;
        let here: f64 =
            self.figures.ranges.iter().map(|&(first, last)| (float(last) - float(first).max(byte)).max(0.0)).sum();
        let missing = if self.is_complete() { 0.0 } else { (length - byte - here).max(0.0) };
        Some(Supply {
            ahead: ahead.min(left),
            left,
            missing: whole(missing),
            bitrate: length / duration,
            rate: float(self.figures.speed),
            speed,
        })
    }

    /// What is verified here, as parts of the film.
    pub(super) fn ranges(&self) -> Vec<(f64, f64)> {
        if self.is_complete() {
            return vec![(0.0, 1.0)];
        }
        let length = float(self.length.max(1));
        let part = |byte: u64| (float(byte) / length).min(1.0);
        self.figures.ranges.iter().take(RANGES_MAX).map(|&(first, last)| (part(first), part(last))).collect()
    }

    /// What is being done for it.
    pub(super) fn stage(&self, now: Instant, is_open: bool) -> view::Stage {
        if self.failed {
            return view::Stage::Failed;
        }
        if let Some((progress, since)) = self.hashing.filter(|_| self.url.is_none()) {
            let spent = now.saturating_duration_since(since).as_secs_f64();
            let left = (progress > 0.02 && spent > 1.0).then(|| spent / progress * (1.0 - progress));
            return view::Stage::Hashing { progress, left };
        }
        if self.is_own() && self.url.is_none() {
            return view::Stage::Hashing { progress: 0.0, left: None };
        }
        if self.url.is_none() {
            let since = now.saturating_duration_since(self.since).as_secs_f64();
            return if self.figures.peers > 0 { view::Stage::Details } else { view::Stage::Looking { since } };
        }
        match self.figures.state {
            State::Paused => view::Stage::DiskFull,
            State::Error => view::Stage::Failed,
            State::Hashing | State::Metadata | State::Downloading | State::Seeding if self.is_complete() => {
                view::Stage::Complete
            }
            State::Hashing | State::Metadata | State::Downloading | State::Seeding if is_open => view::Stage::Arriving,
            State::Hashing | State::Metadata | State::Downloading | State::Seeding => view::Stage::Opening,
        }
    }

    /// Seconds and bytes, when both are known.
    fn measure(&self) -> Option<(f64, f64)> {
        let duration = self.duration.map(MediaTime::seconds).filter(|duration| *duration > 0.0)?;
        (self.length > 0).then(|| (duration, float(self.length)))
    }
}

/// Somebody who comes when the film is further than this comes late, in seconds.
pub(super) const LATE_AFTER: f64 = 5.0;

/// The torrent that a magnet names: `xt=urn:btih:` and 40 digits. Those in base32 are told by the engine later.
pub(super) fn infohash_of(magnet: &str) -> Option<Infohash> {
    let query = magnet.strip_prefix("magnet:?")?;
    let digits = query.split('&').find_map(|field| field.strip_prefix("xt=urn:btih:"))?;
    digits.parse().ok()
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "exact below 8 PiB")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a film, not negative")]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A film of 100 s and 1,000 bytes with 10 bytes a second.
    fn film(ranges: &[(u64, u64)]) -> Film {
        let mut film =
            Film::of_room(crate::testing::start(), &format!("magnet:?xt=urn:btih:{}", "ab".repeat(20)), "film");
        film.length = 1_000;
        film.duration = MediaTime::new(100.0);
        film.figures = Figures { ranges: ranges.to_vec(), state: State::Downloading, speed: 20, ..Figures::default() };
        film
    }

    #[test]
    fn ahead_is_up_to_the_first_gap() {
        let film = film(&[(0, 100), (200, 300), (900, 1_000)]);
        assert_eq!(film.ahead(0.0), Duration::from_secs(10));
        assert_eq!(film.ahead(4.0), Duration::from_secs(6));
        assert_eq!(film.ahead(10.0), Duration::ZERO, "the first byte that is missing");
        assert_eq!(film.ahead(25.0), Duration::from_secs(5));
        assert_eq!(film.ahead(95.0), Duration::MAX, "up to the end");
    }

    #[test]
    fn a_supply_counts_what_lies_ahead_alone() {
        let supply = film(&[(0, 100), (200, 300)]).supply(5.0, 1.0).unwrap();
        assert_eq!((supply.ahead, supply.left), (Duration::from_secs(5), Duration::from_secs(95)));
        assert_eq!(supply.missing, 950 - 150);
        let mut unknown = film(&[]);
        unknown.duration = None;
        assert_eq!(unknown.supply(0.0, 1.0), None);
        assert_eq!(unknown.ahead(0.0), Duration::ZERO);
    }

    #[test]
    fn a_magnet_names_its_torrent() {
        let magnet = format!("magnet:?dn=a&xt=urn:btih:{}&tr=x", "AB".repeat(20));
        assert_eq!(infohash_of(&magnet), Some(Infohash([0xab; 20])));
        for bad in ["", "magnet:?", "magnet:?xt=urn:btih:zz", "http://x?xt=urn:btih:abab"] {
            assert_eq!(infohash_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn stages_follow_what_is_known() {
        let now = crate::testing::start();
        let mut film = film(&[]);
        assert!(matches!(film.stage(now, false), view::Stage::Looking { .. }));
        film.figures.peers = 1;
        assert_eq!(film.stage(now, false), view::Stage::Details);
        film.url = Some("http://localhost/x".into());
        assert_eq!(film.stage(now, false), view::Stage::Opening);
        assert_eq!(film.stage(now, true), view::Stage::Arriving);
        film.figures.state = State::Paused;
        assert_eq!(film.stage(now, true), view::Stage::DiskFull);
        film.figures.state = State::Seeding;
        assert_eq!(film.stage(now, true), view::Stage::Complete);
        film.failed = true;
        assert_eq!(film.stage(now, true), view::Stage::Failed);
        let own = Film::own(now, "/films/My film.mkv");
        assert_eq!(own.name, "My film.mkv");
        assert_eq!(own.stage(now, false), view::Stage::Hashing { progress: 0.0, left: None });
    }
}
