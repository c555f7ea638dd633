//! What each command leads to.

use std::time::{Duration, Instant};

use super::boundary::{Effect, Output, Start, Terms, TorrentKey};
use super::torrent::{Answer, AnswerKind, Phase, Torrent};
use super::{App, Quitting};
use crate::infohash::Infohash;
use crate::ipc::{Add, Command, Event, Limit, Playhead, Request, RequestId, Seed, Stop, Stopped};
use crate::limits::{QUIT_PATIENCE, TORRENTS_MAX};
use crate::words;

impl App {
    pub(super) fn on_request(&mut self, now: Instant, Request { command, id }: Request) {
        if self.quitting != Quitting::No {
            return self.refuse("the engine is stopping".to_owned(), id);
        }
        match command {
            Command::Seed(seed) => self.seed(seed, id),
            Command::Add(add) => self.add(add, id),
            Command::Stop(stop) => self.stop(stop, id),
            Command::Quit => self.quit(now, id.as_ref()),
            Command::Status => self.say(id, Event::Status(self.status())),
            Command::Limit(limit) => self.limit(limit, id),
            Command::Playhead(playhead) => self.playhead(playhead, id),
        }
    }

    pub(super) fn seed(&mut self, seed: Seed, id: Option<RequestId>) {
        let Seed { file_path, tracker_url, name, private, room, allow_stock } = seed;
        self.replace_failed(&file_path);
        let terms = Terms { private, room, allow_stock: allow_stock.unwrap_or(true) };
        let start = Start::Seed { path: file_path, name, tracker: tracker_url, terms };
        self.begin(start, vec![Answer { kind: AnswerKind::Seeding, id }]);
    }

    /// Whoever shares a path again whose file had changed (E008) does not want the old torrent any more.
    fn replace_failed(&mut self, file_path: &str) {
        let is_old = |torrent: &Torrent| {
            let same = matches!(&torrent.start, Start::Seed { path, .. } if path == file_path);
            same && matches!(torrent.phase, Phase::Failed(_))
        };
        let old: Vec<_> = self.torrents.iter().filter(|(_, torrent)| is_old(torrent)).map(|(key, _)| *key).collect();
        for key in old {
            self.stop_one(key, false, None);
        }
    }

    pub(super) fn add(&mut self, add: Add, id: Option<RequestId>) {
        let Add { source, tracker_url, peers, file, private, room, allow_stock, fetch } = add;
        let terms = Terms { private, room, allow_stock: allow_stock.unwrap_or(true) };
        let start = Start::Add { source, tracker: tracker_url, peers, file, fetch, terms };
        self.begin(start, vec![Answer { kind: AnswerKind::Added, id }]);
    }

    pub(super) fn begin(&mut self, start: Start, answers: Vec<Answer>) {
        if self.torrents.len() >= TORRENTS_MAX {
            for answer in answers {
                self.refuse(format!("{TORRENTS_MAX} torrents run already; stop one first"), answer.id);
            }
            return;
        }
        let torrent = TorrentKey(self.keys_given);
        self.keys_given += 1;
        self.torrents.insert(torrent, Torrent::new(start, answers, Phase::Held));
        self.start_held();
    }

    /// Starts what is held, unless something is stopping: it could be the same torrent, and the stop would hit both.
    pub(super) fn start_held(&mut self) {
        if self.torrents.values().any(Torrent::is_stopping) {
            return;
        }
        for (key, torrent) in self.torrents.iter_mut().filter(|(_, torrent)| torrent.phase == Phase::Held) {
            torrent.phase = Phase::Starting;
            let what = torrent.start.clone();
            self.outputs.push_back(Output::Effect(Effect::Start { torrent: *key, what }));
        }
    }

    pub(super) fn stop(&mut self, Stop { infohash, delete_data }: Stop, id: Option<RequestId>) {
        let named = |torrent: &Torrent| infohash.is_none() || torrent.infohash == infohash;
        let there = |torrent: &Torrent| torrent.phase != Phase::Discarding && named(torrent);
        let keys: Vec<_> = self.torrents.iter().filter(|(_, torrent)| there(torrent)).map(|(key, _)| *key).collect();
        match infohash {
            Some(infohash) if keys.is_empty() => return self.refuse(unknown_infohash("stop", infohash), id),
            None if keys.is_empty() => return self.say(id, Event::Stopped(Stopped { infohash: None })),
            Some(_) | None => {}
        }
        for key in keys {
            self.stop_one(key, delete_data, id.clone());
        }
        self.start_held();
    }

    pub(super) fn stop_one(&mut self, key: TorrentKey, delete_data: bool, id: Option<RequestId>) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        match &mut torrent.phase {
            Phase::Held => {
                self.torrents.remove(&key);
                self.say(id, Event::Stopped(Stopped { infohash: None }));
            }
            Phase::Starting | Phase::Running | Phase::Failed(_) => {
                torrent.phase = Phase::Stopping(vec![id]);
                self.end(key, delete_data);
            }
            Phase::Stopping(ids) => ids.push(id),
            Phase::Discarding => {}
        }
    }

    /// Tells the driver to end a torrent, whose phase says already that it is ending.
    pub(super) fn end(&mut self, torrent: TorrentKey, delete_data: bool) {
        self.routes.release(torrent);
        self.effect(Effect::Withdraw(torrent));
        self.effect(Effect::Stop { torrent, delete_data });
    }

    pub(super) fn quit(&mut self, now: Instant, id: Option<&RequestId>) {
        if self.quitting != Quitting::No {
            return;
        }
        self.quitting = Quitting::Until(now + QUIT_PATIENCE);
        for key in self.keys() {
            let stopping = self.torrents.get(&key).is_some_and(Torrent::is_stopping);
            if !stopping {
                self.stop_one(key, false, id.cloned());
            }
        }
        self.quit_when_empty();
    }

    pub(super) fn quit_when_empty(&mut self) {
        if matches!(self.quitting, Quitting::Until(_)) && self.torrents.is_empty() {
            self.quitting = Quitting::Over;
            self.effect(Effect::Quit);
        }
    }

    pub(super) fn limit(&mut self, limit: Limit, id: Option<RequestId>) {
        self.setup.max_upload = limit.max_upload.unwrap_or(self.setup.max_upload);
        self.setup.max_download = limit.max_download.unwrap_or(self.setup.max_download);
        let (upload, download) = (self.setup.max_upload, self.setup.max_download);
        self.effect(Effect::SetLimits { upload, download });
        let words = |limit: u64| if limit == 0 { "no limit".to_owned() } else { words::rate(limit) };
        self.inform(id, None, format!("Limits: upload {}, download {}", words(upload), words(download)));
    }

    pub(super) fn playhead(&mut self, playhead: Playhead, id: Option<RequestId>) {
        let running = |torrent: &Torrent| torrent.infohash == Some(playhead.infohash) && !torrent.is_stopping();
        let Some((key, torrent)) = self.torrents.iter().find(|(_, torrent)| running(torrent)) else {
            return self.refuse(unknown_infohash("playhead", playhead.infohash), id);
        };
        let Some(known) = &torrent.known else {
            return self.refuse("playhead: the details of that torrent are not known yet".to_owned(), id);
        };
        let Some((position, rate)) = in_bytes(known.film_len, playhead.position, playhead.duration) else {
            return self.refuse("playhead: the field `duration` is out of all proportion".to_owned(), id);
        };
        self.effect(Effect::Playhead { torrent: *key, position, rate, playing: playhead.playing });
    }
}

fn unknown_infohash(command: &str, infohash: Infohash) -> String {
    format!("{command}: no torrent here has the infoHash {infohash}")
}

/// Seconds of a film as bytes of it: where it plays, and bytes a second. `None` for times no film has.
fn in_bytes(film_len: u64, position: f64, duration: f64) -> Option<(u64, u64)> {
    let duration = Duration::try_from_secs_f64(duration).ok()?.as_millis().max(1);
    let position =
        Duration::try_from_secs_f64(position).map_or(duration, |position| position.as_millis()).min(duration);
    let film_len = u128::from(film_len);
    let at = film_len.checked_mul(position)? / duration;
    let rate = film_len * 1000 / duration;
    Some((u64::try_from(at).ok()?, u64::try_from(rate).unwrap_or(u64::MAX)))
}
