//! A model of an engine: it shares at once, or fetches at a rate from the playhead on. A second of film is a thousand bytes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use engine_proto::infohash::Infohash;
use engine_proto::ipc::{Added, Command, Event, Figures, Hashing, Progress, Seeding, State};
use session_proto::participant::EngineNews;

/// Bytes of a second of film.
const SECOND: u64 = 1_000;
pub(super) const INFOHASH: Infohash = Infohash([0xab; 20]);
pub(super) const MAGNET: &str = "magnet:?xt=urn:btih:abababababababababababababababababababab&dn=film";
const EVERY: Duration = Duration::from_secs(1);

/// An engine.
#[derive(Debug)]
pub(super) struct Engine {
    /// Seconds of film it has.
    have: Vec<bool>,
    /// Seconds of film it fetches in a second.
    rate: f64,
    /// What it fetched of the next second.
    part: f64,
    playhead: usize,
    active: Option<Job>,
    next: Option<Instant>,
    /// Until its file is read, or its details are there.
    begins: Duration,
    done: bool,
    pub(super) news: VecDeque<EngineNews>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Job {
    Hashing,
    Sharing,
    Details,
    Fetching,
}

impl Engine {
    pub(super) fn new(seconds: usize, rate: f64, begins: Duration) -> Self {
        let news = VecDeque::from([EngineNews::Up]);
        Self {
            have: vec![false; seconds],
            rate,
            part: 0.0,
            playhead: 0,
            active: None,
            next: None,
            begins,
            done: false,
            news,
        }
    }

    /// It ends and begins again; what it fetched is on its disk.
    pub(super) fn restart(&mut self) {
        (self.active, self.next) = (None, None);
        let problem = engine_proto::error::Problem::new(engine_proto::error::ErrorCode::E002, "it ended by itself");
        let retry_in = Some(Duration::from_millis(500));
        self.news.extend([EngineNews::Down { problem, retry_in }, EngineNews::Up]);
    }

    pub(super) fn command(&mut self, now: Instant, command: &Command) {
        match command {
            Command::Seed(_) => {
                self.active = Some(Job::Hashing);
                self.next = Some(now + self.begins);
                self.tell(Event::Hashing(Hashing { name: "film".into(), progress: 0.0 }));
            }
            Command::Add(_) => {
                self.active = Some(Job::Details);
                self.next = Some(now + self.begins);
            }
            Command::Stop(_) => (self.active, self.next) = (None, None),
            Command::Playhead(playhead) => self.playhead = index(playhead.position),
            Command::Quit | Command::Status | Command::Limit(_) => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + EVERY);
        let length = SECOND * u64::try_from(self.have.len()).unwrap_or_default();
        let (name, server_url) = ("film".to_owned(), "http://localhost/film".to_owned());
        match self.active {
            Some(Job::Hashing) => {
                self.active = Some(Job::Sharing);
                self.have.fill(true);
                let magnet_uri = MAGNET.to_owned();
                self.tell(Event::Seeding(Seeding {
                    name,
                    magnet_uri,
                    server_url,
                    infohash: INFOHASH,
                    length,
                    files: vec![],
                }));
            }
            Some(Job::Details) => {
                self.active = Some(Job::Fetching);
                self.tell(Event::Added(Added { name, server_url, infohash: INFOHASH, length, files: vec![] }));
            }
            Some(Job::Fetching) => self.fetch(),
            Some(Job::Sharing) => {}
            None => return,
        }
        if matches!(self.active, Some(Job::Sharing | Job::Fetching)) {
            self.tell_progress(length);
        }
    }

    /// A player reads there and waits.
    pub(super) fn read_at(&mut self, place: f64) {
        self.playhead = index(place);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Seconds of film that are here without a gap from there on.
    pub(super) fn ahead(&self, from: f64) -> f64 {
        let run = self.have.iter().skip(index(from)).take_while(|here| **here).count();
        let end = index(from) + run;
        if end >= self.have.len() { f64::MAX } else { (float(end) - from).max(0.0) }
    }

    fn fetch(&mut self) {
        self.part += self.rate;
        while self.part >= 1.0 {
            self.part -= 1.0;
            let from = self.playhead.min(self.have.len());
            let (before, after) = self.have.split_at_mut(from);
            let next = after.iter_mut().chain(before).find(|here| !**here);
            match next {
                Some(second) => *second = true,
                None => return,
            }
        }
    }

    fn tell_progress(&mut self, length: u64) {
        let all = self.have.iter().all(|here| *here);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (second, _) in (0_u64..).zip(&self.have).filter(|(_, here)| **here) {
            match ranges.last_mut() {
                Some(last) if last.1 == second * SECOND => last.1 += SECOND,
                _ => ranges.push((second * SECOND, (second + 1) * SECOND)),
            }
        }
        let here: u64 = ranges.iter().map(|range| range.1 - range.0).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousand bytes a second")]
        let speed = if all { 0 } else { (self.rate * 1_000.0) as u64 };
        let figures = Figures {
            downloaded: if all { 1.0 } else { 0.5 },
            speed,
            peers: 1,
            downloaded_bytes: here,
            total_bytes: length,
            ranges,
            state: if all { State::Seeding } else { State::Downloading },
            ..Figures::default()
        };
        self.tell(Event::Progress(Progress { infohash: INFOHASH, figures }));
        if all && !self.done && self.active == Some(Job::Fetching) {
            self.done = true;
            self.tell(Event::Done(engine_proto::ipc::Done { infohash: INFOHASH }));
        }
    }

    fn tell(&mut self, event: Event) {
        self.news.push_back(EngineNews::Event(Box::new(event)));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a film of minutes")]
fn index(seconds: f64) -> usize {
    seconds.max(0.0) as usize
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
