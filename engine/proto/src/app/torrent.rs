//! What is remembered of one torrent.

use std::time::Instant;

use super::boundary::{Details, Snapshot, Start};
use super::pace::Pace;
use crate::infohash::Infohash;
use crate::ipc::{
    Added, Counts, Event, Figures, FileEntry, PeerStatus, Progress, RequestId, Seeding, State, TorrentStatus,
};
use crate::limits::{HASHING_EVERY, PROGRESS_EVERY, RANGES_MAX};
use crate::routes::{self, Granted};

/// A torrent from its command to its `stopped`.
#[derive(Debug)]
pub(super) struct Torrent {
    /// What it began with.
    pub(super) start: Start,
    /// How far it is.
    pub(super) phase: Phase,
    /// Commands that wait for `seeding` or `added`.
    pub(super) answers: Vec<Answer>,
    /// Its name in the network, once known.
    pub(super) infohash: Option<Infohash>,
    /// What its magnet calls it.
    pub(super) named: Option<String>,
    /// Its files, once known.
    pub(super) known: Option<Known>,
    /// The latest moment. Invariant: `downloaded_bytes` never falls.
    pub(super) figures: Figures,
    counts: Counts,
    /// Connections at that moment.
    pub(super) peers: Vec<PeerStatus>,
    /// 0.0–1.0 of its file that was read; never falls.
    pub(super) hashed: Option<f64>,
    /// The driver says that nothing is missing.
    pub(super) complete: bool,
    /// Somebody asked for it with `add`, and waits for `done`.
    pub(super) fetched: bool,
    /// `done` was said.
    pub(super) done_said: bool,
    said: Option<Figures>,
    progress_pace: Pace,
    hashing_pace: Pace,
}

/// How far a torrent is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Waits until others are stopped: one of them may be the same torrent.
    Held,
    /// The driver was told to start it.
    Starting,
    /// It has an infohash.
    Running,
    /// It cannot go on, for this reason; it waits to be stopped.
    Failed(String),
    /// The driver was told to stop it, by commands of these marks.
    Stopping(Vec<Option<RequestId>>),
    /// The driver was told to stop it, and nobody is to hear of it: it failed before it was ever announced.
    Discarding,
}

/// Which event a command waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) kind: AnswerKind,
    pub(super) id: Option<RequestId>,
}

/// Which event a command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerKind {
    Seeding,
    Added,
}

/// A torrent's files, with their places on the local server.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) magnet_uri: String,
    pub(super) film_name: String,
    pub(super) film_url: String,
    pub(super) film_len: u64,
    pub(super) files: Vec<FileEntry>,
}

impl Torrent {
    pub(super) fn new(start: Start, answers: Vec<Answer>, phase: Phase) -> Self {
        let state = if matches!(start, Start::Seed { .. }) { State::Hashing } else { State::Metadata };
        Self {
            fetched: matches!(start, Start::Add { .. }),
            start,
            phase,
            answers,
            infohash: None,
            named: None,
            known: None,
            figures: Figures { state, ..Figures::default() },
            counts: Counts::default(),
            peers: Vec::new(),
            hashed: None,
            complete: false,
            done_said: false,
            said: None,
            progress_pace: Pace::new(PROGRESS_EVERY),
            hashing_pace: Pace::new(HASHING_EVERY),
        }
    }

    /// Whether it is on its way out.
    pub(super) fn is_stopping(&self) -> bool {
        match self.phase {
            Phase::Held | Phase::Starting | Phase::Running | Phase::Failed(_) => false,
            Phase::Stopping(_) | Phase::Discarding => true,
        }
    }

    /// Its name for people, from what is known.
    pub(super) fn name(&self) -> String {
        match (&self.known, &self.start) {
            (Some(known), _) => known.film_name.clone(),
            (None, Start::Seed { name: Some(name), .. }) => name.clone(),
            (None, Start::Seed { path, name: None, .. }) => {
                path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
            }
            (None, Start::Add { .. }) => {
                let infohash = || self.infohash.map(|infohash| infohash.to_string());
                self.named.clone().or_else(infohash).unwrap_or_default()
            }
        }
    }

    /// Takes its files, and where the local server shows them.
    pub(super) fn set_details(&mut self, details: Details, granted: &Granted, port: u16) {
        let entry = |(index, file): (usize, super::boundary::DetailFile)| FileEntry {
            index: file.index,
            length: file.length,
            media: file.media,
            server_url: granted.files.get(index).map(|path| routes::url(port, path)).unwrap_or_default(),
            path: file.path,
        };
        let files: Vec<FileEntry> = details.files.into_iter().enumerate().map(entry).collect();
        let Some(film) = files.get(details.film) else { return };
        self.figures.total_bytes = film.length;
        self.figures.state = State::Downloading;
        if matches!(self.start, Start::Seed { .. }) {
            self.complete = true;
            self.figures.ranges = vec![(0, film.length)];
            self.figures.state = State::Seeding;
        }
        self.known = Some(Known {
            magnet_uri: details.magnet_uri,
            film_name: routes::file_name(&film.path).to_owned(),
            film_url: film.server_url.clone(),
            film_len: film.length,
            files,
        });
        self.settle_figures();
    }

    /// Takes a new moment.
    pub(super) fn set_snapshot(&mut self, snapshot: Snapshot) {
        self.counts = snapshot.counts;
        let before = std::mem::replace(&mut self.figures, snapshot.figures);
        self.figures.downloaded_bytes = self.figures.downloaded_bytes.max(before.downloaded_bytes);
        self.figures.total_bytes = self.known.as_ref().map_or(0, |known| known.film_len);
        self.figures.ranges.truncate(RANGES_MAX);
        if matches!(self.phase, Phase::Failed(_)) {
            self.figures.state = State::Error;
        }
        self.peers = snapshot.peers;
        self.settle_figures();
    }

    /// Works out what follows from other figures.
    pub(super) fn settle_figures(&mut self) {
        let figures = &mut self.figures;
        if self.complete && self.known.is_some() {
            figures.downloaded_bytes = figures.total_bytes;
        }
        figures.downloaded_bytes = match figures.total_bytes {
            0 => 0,
            total => figures.downloaded_bytes.min(total),
        };
        figures.downloaded = fraction(figures.downloaded_bytes, figures.total_bytes);
    }

    /// The `progress` to say now, if there is news and it is time.
    pub(super) fn progress_when_due(&mut self, now: Instant) -> Option<Event> {
        let news = self.said.as_ref() != Some(&self.figures);
        (news && self.progress_pace.offer(now)).then(|| self.progress(now)).flatten()
    }

    /// The `progress` to say regardless of when the last was, unless it would be the same.
    pub(super) fn progress(&mut self, now: Instant) -> Option<Event> {
        let infohash = self.infohash.filter(|_| self.said.as_ref() != Some(&self.figures))?;
        self.progress_pace.said(now);
        self.said = Some(self.figures.clone());
        Some(Event::Progress(Progress { infohash, figures: self.figures.clone() }))
    }

    /// Takes how far the file was read; true when it is time to say so.
    pub(super) fn hashing_is_due(&mut self, now: Instant, progress: f64) -> bool {
        let before = self.hashed.unwrap_or(0.0);
        self.hashed = Some(if progress > before { progress.min(1.0) } else { before });
        self.hashing_pace.offer(now)
    }

    /// When a `progress` or `hashing` is due.
    pub(super) fn report_due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Held | Phase::Stopping(_) | Phase::Discarding => None,
            Phase::Starting => self.hashing_pace.due(),
            Phase::Running | Phase::Failed(_) => self.progress_pace.due(),
        }
    }

    /// The event that answers a command, once the files are known.
    pub(super) fn answer(&self, kind: AnswerKind) -> Option<Event> {
        let (known, infohash) = (self.known.as_ref()?, self.infohash?);
        let (name, server_url) = (known.film_name.clone(), known.film_url.clone());
        let (length, files) = (known.film_len, known.files.clone());
        Some(match kind {
            AnswerKind::Seeding => {
                let magnet_uri = known.magnet_uri.clone();
                Event::Seeding(Seeding { name, magnet_uri, server_url, infohash, length, files })
            }
            AnswerKind::Added => Event::Added(Added { name, server_url, infohash, length, files }),
        })
    }

    /// Its part of `status`; none when it is on its way out.
    pub(super) fn status(&self) -> Option<TorrentStatus> {
        let error = match &self.phase {
            Phase::Held | Phase::Starting | Phase::Running => None,
            Phase::Failed(reason) => Some(reason.clone()),
            Phase::Stopping(_) | Phase::Discarding => return None,
        };
        let known = self.known.as_ref();
        Some(TorrentStatus {
            infohash: self.infohash,
            name: self.name(),
            magnet_uri: known.map(|known| known.magnet_uri.clone()),
            server_url: known.map(|known| known.film_url.clone()),
            files: known.map(|known| known.files.clone()).unwrap_or_default(),
            hashing: self.hashed.filter(|_| self.infohash.is_none()),
            error,
            figures: self.figures.clone(),
            counts: self.counts,
            peer_list: self.peers.clone(),
        })
    }
}

/// `part` of `whole`, which is 1.0 only when they are equal.
fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    if part >= whole {
        return 1.0;
    }
    // Below 2^53 bytes both are exact doubles, and a quotient of different ones is below 1. The bound covers the rest.
    #[allow(clippy::cast_precision_loss)]
    let quotient = part as f64 / whole as f64;
    quotient.min(1.0 - f64::EPSILON)
}
