//! What each fact about a torrent leads to.

use std::time::Instant;

use super::App;
use super::boundary::{Details, Effect, Fact, Output, Snapshot, Start, TorrentKey};
use super::torrent::{Answer, Phase};
use crate::error::Problem;
use crate::infohash::Infohash;
use crate::ipc::{Done, Error, Event, Hashing, Message, State, Stopped};

impl App {
    pub(super) fn on_fact(&mut self, now: Instant, key: TorrentKey, fact: Fact) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        if torrent.is_stopping() {
            // What was said before the driver heard of the stop is old news, but for two: its end, and why it never began.
            if let Fact::Refused(problem) = &fact {
                let answers = std::mem::take(&mut torrent.answers);
                if !answers.is_empty() {
                    self.tell_waiting(&answers, problem, None);
                }
            }
            if matches!(fact, Fact::Stopped | Fact::Refused(_)) {
                self.on_stopped(key);
            }
            return;
        }
        match fact {
            Fact::Hashing(progress) => self.on_hashing(now, key, progress),
            Fact::Named(name) => torrent.named = Some(name),
            Fact::Accepted(infohash) => self.on_accepted(now, key, infohash),
            Fact::Details(details) => self.on_details(now, key, details),
            Fact::Stats(snapshot) => self.on_stats(now, key, snapshot),
            Fact::Done => self.on_done(now, key),
            Fact::Told(told) => self.on_told(key, told),
            Fact::Refused(problem) => self.on_refused(key, &problem),
            Fact::Failed(problem) => self.on_failed(now, key, &problem),
            Fact::Stopped => self.on_stopped(key),
        }
    }

    pub(super) fn on_hashing(&mut self, now: Instant, key: TorrentKey, progress: f64) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        if torrent.phase == Phase::Starting && torrent.hashing_is_due(now, progress) {
            self.say_hashing(key);
        }
    }

    pub(super) fn say_hashing(&mut self, key: TorrentKey) {
        let Some(torrent) = self.torrents.get(&key) else { return };
        let event = Event::Hashing(Hashing { name: torrent.name(), progress: torrent.hashed.unwrap_or(0.0) });
        let id = torrent.answers.first().and_then(|answer| answer.id.clone());
        self.say(id, event);
    }

    pub(super) fn on_accepted(&mut self, now: Instant, key: TorrentKey, infohash: Infohash) {
        let twin = self.torrents.iter().find(|(other, torrent)| **other != key && torrent.infohash == Some(infohash));
        match twin.map(|(twin, torrent)| (*twin, torrent.phase.clone())) {
            None => self.on_new(key, infohash),
            Some((twin, Phase::Held | Phase::Starting | Phase::Running)) => self.merge(now, key, twin),
            Some((twin, Phase::Failed(_))) => {
                // The old one is beyond help: it makes room for a fresh start.
                self.stop_one(twin, false, None);
                self.hold_again(key);
            }
            Some((_, Phase::Stopping(_) | Phase::Discarding)) => self.hold_again(key),
        }
    }

    pub(super) fn on_new(&mut self, key: TorrentKey, infohash: Infohash) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        torrent.infohash = Some(infohash);
        torrent.phase = Phase::Running;
        if matches!(torrent.start, Start::Add { .. }) && torrent.known.is_none() {
            let id = torrent.answers.first().and_then(|answer| answer.id.clone());
            self.inform(id, Some(infohash), "Fetching video details".to_owned());
        }
    }

    /// The torrent of `key` is `twin`'s: its commands are answered from there.
    pub(super) fn merge(&mut self, now: Instant, key: TorrentKey, twin: TorrentKey) {
        let Some(torrent) = self.torrents.remove(&key) else { return };
        self.effect(Effect::Forget(key));
        if let Some(twin) = self.torrents.get_mut(&twin) {
            twin.fetched |= torrent.fetched;
            twin.answers.extend(torrent.answers);
        }
        self.answer(twin);
        if self.torrents.get(&twin).is_some_and(|twin| twin.complete) {
            self.on_done(now, twin);
        }
    }

    /// Starts over under a new key, once what is stopping is gone.
    pub(super) fn hold_again(&mut self, key: TorrentKey) {
        let Some(torrent) = self.torrents.remove(&key) else { return };
        self.effect(Effect::Forget(key));
        self.begin(torrent.start, torrent.answers);
    }

    pub(super) fn on_details(&mut self, now: Instant, key: TorrentKey, details: Details) {
        let port = self.setup.http_port;
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        let Some(infohash) = torrent.infohash.filter(|_| torrent.known.is_none() && details.film < details.files.len())
        else {
            return;
        };
        let paths: Vec<&str> = details.files.iter().map(|file| file.path.as_str()).collect();
        let granted = self.routes.claim(key, infohash, &details.name, &paths, details.film);
        let indexes: Vec<u32> = details.files.iter().map(|file| file.index).collect();
        torrent.set_details(details, &granted, port);
        let index_of = |(path, place): (String, usize)| Some((path, *indexes.get(place)?));
        let own = granted.files.into_iter().enumerate().map(|(place, path)| (path, place));
        let paths = own.chain(granted.aliases).filter_map(index_of).collect();
        self.outputs.push_back(Output::Effect(Effect::Publish { torrent: key, paths }));
        self.answer(key);
        if self.torrents.get(&key).is_some_and(|torrent| torrent.complete) {
            self.on_done(now, key);
        }
    }

    /// Answers the commands that wait for a torrent whose files are known.
    pub(super) fn answer(&mut self, key: TorrentKey) {
        let Some(torrent) = self.torrents.get_mut(&key).filter(|torrent| torrent.known.is_some()) else { return };
        for Answer { kind, id } in std::mem::take(&mut torrent.answers) {
            if let Some(event) = torrent.answer(kind) {
                self.outputs.push_back(Output::Event(Message { event, id }));
            }
        }
    }

    pub(super) fn on_stats(&mut self, now: Instant, key: TorrentKey, snapshot: Snapshot) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        let was_whole = torrent.figures.downloaded >= 1.0;
        torrent.set_snapshot(snapshot);
        if torrent.figures.downloaded >= 1.0 && !was_whole {
            // The moment everybody waits for is told without delay.
            self.say_progress(now, key);
        } else {
            self.report(now, key);
        }
    }

    pub(super) fn on_done(&mut self, now: Instant, key: TorrentKey) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        torrent.complete = true;
        if torrent.known.is_none() {
            return;
        }
        torrent.settle_figures();
        if torrent.figures.state == State::Downloading {
            torrent.figures.state = State::Seeding;
        }
        let Some(infohash) = torrent.infohash else { return };
        // One's own film was never missing anything: nobody waits to hear that it is complete.
        if torrent.fetched && !torrent.done_said {
            torrent.done_said = true;
            self.say_progress(now, key);
            self.say(None, Event::Done(Done { infohash }));
        }
    }

    pub(super) fn on_told(&mut self, key: TorrentKey, told: Result<String, Problem>) {
        let infohash = self.torrents.get(&key).and_then(|torrent| torrent.infohash);
        match told {
            Ok(message) => self.inform(None, infohash, message),
            Err(problem) => self.say(None, Event::Error(Error::new(problem, infohash))),
        }
    }

    pub(super) fn on_refused(&mut self, key: TorrentKey, problem: &Problem) {
        let Some(torrent) = self.torrents.remove(&key) else { return };
        self.routes.release(key);
        self.tell_waiting(&torrent.answers, problem, torrent.infohash);
    }

    /// Every command that waits hears of the problem; when none does, everybody hears it once.
    pub(super) fn tell_waiting(&mut self, answers: &[Answer], problem: &Problem, infohash: Option<Infohash>) {
        let ids: Vec<_> = if answers.is_empty() { vec![None] } else { answers.iter().map(|a| a.id.clone()).collect() };
        for id in ids {
            self.say(id, Event::Error(Error::new(problem.clone(), infohash)));
        }
    }

    pub(super) fn on_failed(&mut self, now: Instant, key: TorrentKey, problem: &Problem) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        let answers = std::mem::take(&mut torrent.answers);
        let infohash = torrent.infohash;
        if torrent.known.is_none() {
            torrent.phase = Phase::Discarding;
            self.tell_waiting(&answers, problem, infohash);
            self.end(key, false);
            return;
        }
        if matches!(torrent.phase, Phase::Failed(_)) {
            return;
        }
        torrent.phase = Phase::Failed(problem.message.clone());
        torrent.figures.state = State::Error;
        self.effect(Effect::Withhold { torrent: key, reason: problem.message.clone() });
        self.tell_waiting(&answers, problem, infohash);
        self.say_progress(now, key);
    }

    pub(super) fn on_stopped(&mut self, key: TorrentKey) {
        let Some(torrent) = self.torrents.remove(&key) else { return };
        self.routes.release(key);
        let ids = match torrent.phase {
            Phase::Stopping(ids) => ids,
            // It went without being told to: said all the same, so that nobody waits for it.
            Phase::Held | Phase::Starting | Phase::Running | Phase::Failed(_) => vec![None],
            Phase::Discarding => Vec::new(),
        };
        for id in ids {
            self.say(id, Event::Stopped(Stopped { infohash: torrent.infohash }));
        }
        self.quit_when_empty();
        self.start_held();
    }
}
