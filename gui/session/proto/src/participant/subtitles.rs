//! Files of subtitles that somebody shares with the room: each a small torrent of its own, beside the film's.
//!
//! The engine names no path when it shares a file, so one's own are shared one at a time, and not while one's own film is read.

use std::time::Instant;

use engine_proto::error::ErrorCode;
use engine_proto::infohash::Infohash;
use engine_proto::ipc::{self, Add, AddSource, Command, Event, Fetch, FileChoice, Room, Seed, Stop};
use serde_json::json;
use signal_proto::event::Subtitle;
use signal_proto::limits::{SUBTITLES_MAX, TITLE_CHARS_MAX};

use super::Participant;
use super::film::{Source, infohash_of};
use super::io::Output;
use crate::limits::SUBTITLES_LEN_MAX;
use crate::player;
use crate::words::{Happening, Plain};

/// Those of the room's film, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Subtitles(Vec<File>);

#[derive(Debug)]
struct File {
    source: Source,
    /// As it is shown.
    name: String,
    infohash: Option<Infohash>,
    /// The running engine was told of it,
    asked: bool,
    /// and has it.
    taken: bool,
    /// Where a player finds it, once it is whole.
    whole_at: Option<String>,
    url: Option<String>,
    /// The player has it.
    in_player: bool,
    /// There is a line of it among the chat's.
    told: bool,
    /// It cannot be used.
    failed: bool,
    /// Its film is over: it is to be stopped as soon as the engine has named it.
    over: bool,
}

impl Participant {
    /// Shares a file of this machine with everybody who sees the film.
    pub(super) fn share_subtitles(&mut self, now: Instant, path: &str) {
        let name = file_name(path);
        if self.film.is_none() {
            return self.say_plainly(now, Plain::NoFilm);
        }
        if !is_subtitles(name) {
            return self.say_plainly(now, Plain::NoSubtitles);
        }
        let is_known = |file: &File| matches!(&file.source, Source::Own { path: known, .. } if known == path);
        if self.subtitles.0.iter().any(|file| is_known(file) && !file.over) {
            return;
        }
        let mut file = File::new(Source::Own { path: path.to_owned(), magnet: None }, name);
        file.whole_at = Some(path.to_owned());
        self.add_subtitles(file);
    }

    /// Somebody shared some, or it is told again.
    pub(super) fn on_subtitles_shared(&mut self, now: Instant, told: &Subtitle) {
        let infohash = infohash_of(&told.magnet);
        let Some(infohash) = infohash.filter(|_| self.film.is_some()) else {
            return log::info!("subtitles that cannot be fetched: {}", told.name);
        };
        let known = self.subtitles.0.iter_mut().find(|file| file.infohash == Some(infohash) && !file.over);
        let is_news = known.is_none_or(|file| !std::mem::replace(&mut file.told, true));
        if is_news {
            let by = told.by.as_ref().filter(|by| **by != self.door.id).map(|id| self.name_of(id));
            let is_own = told.by.as_ref() == Some(&self.door.id);
            let somebody = crate::words::somebody(self.setup.language);
            let by = if is_own { None } else { Some(by.as_deref().unwrap_or(somebody)) };
            self.happened(now, &Happening::Subtitles { by, name: &told.name });
        }
        if !self.subtitles.0.iter().any(|file| file.infohash == Some(infohash) && !file.over) {
            let mut file = File::new(Source::Room { magnet: told.magnet.clone() }, &told.name);
            (file.infohash, file.told) = (Some(infohash), true);
            self.add_subtitles(file);
        }
    }

    fn add_subtitles(&mut self, file: File) {
        if self.subtitles.0.len() >= SUBTITLES_MAX {
            // What has no name yet cannot be stopped.
            let at = self.subtitles.0.iter().position(|file| !file.is_being_read()).unwrap_or_default();
            let oldest = self.subtitles.0.remove(at);
            self.stop_subtitles(&oldest);
        }
        self.subtitles.0.push(file);
        self.show_subtitles();
        self.ask_for_subtitles();
    }

    /// The player gets what is whole and it does not have.
    fn show_subtitles(&mut self) {
        if !self.play.player.open {
            return;
        }
        let whole = self.subtitles.0.iter_mut().filter(|file| !(file.in_player || file.over || file.failed));
        let mut shown = Vec::new();
        for file in whole {
            if let Some(at) = file.whole_at.clone() {
                file.in_player = true;
                shown.push(at);
            }
        }
        for at in shown {
            self.output(Output::Player(player::Command::AddSubtitles(at)));
        }
    }

    /// A player that opened the film has none.
    pub(super) fn show_subtitles_anew(&mut self) {
        self.subtitles.0.iter_mut().for_each(|file| file.in_player = false);
        self.show_subtitles();
    }

    /// Tells the engine of those that it does not know.
    pub(super) fn ask_for_subtitles(&mut self) {
        let film_is_read = self.film.as_ref().is_some_and(|film| film.is_own() && film.url.is_none() && !film.failed);
        if !self.engine_up || !self.door.was_inside {
            return;
        }
        let room = self.door.swarm.as_ref().map(|swarm| Room { key: swarm.key, member: swarm.own });
        let (tracker_url, private) = (Some(self.setup.rendezvous.clone()), Some(true));
        let mut reads = film_is_read || self.subtitles.0.iter().any(File::is_being_read);
        let mut commands = Vec::new();
        for file in self.subtitles.0.iter_mut().filter(|file| !(file.asked || file.failed || file.over)) {
            let (tracker_url, room) = (tracker_url.clone(), room.clone());
            commands.push(match &file.source {
                Source::Own { .. } if reads => continue,
                Source::Own { path, .. } => {
                    reads = true;
                    let file_path = path.clone();
                    Command::Seed(Seed { file_path, tracker_url, name: None, private, room, allow_stock: None })
                }
                Source::Room { magnet } => Command::Add(Add {
                    source: AddSource::Magnet(magnet.clone()),
                    tracker_url,
                    peers: Vec::new(),
                    file: FileChoice::Largest,
                    private,
                    room,
                    allow_stock: None,
                    fetch: Fetch::All,
                }),
            });
            file.asked = true;
        }
        commands.into_iter().for_each(|command| self.output(Output::Engine(command)));
    }

    /// The engine knows of nothing any more.
    pub(super) fn subtitles_unknown_to_engine(&mut self) {
        self.subtitles.0.retain(|file| !file.over);
        for file in &mut self.subtitles.0 {
            (file.asked, file.taken) = (false, false);
        }
    }

    /// The room's key is another one: what runs under the old one is told anew.
    pub(super) fn restart_subtitles(&mut self) {
        for mut file in std::mem::take(&mut self.subtitles.0) {
            if file.is_being_read() {
                // It is stopped once it has a name, and shared anew after that.
                let (whole_at, in_player) = (file.whole_at.clone(), file.in_player);
                let again = File { whole_at, in_player, ..File::new(file.source.clone(), &file.name) };
                if !std::mem::replace(&mut file.over, true) {
                    self.subtitles.0.push(again);
                }
            } else if let Some(infohash) = file.infohash.filter(|_| file.asked) {
                (file.asked, file.taken) = (false, false);
                let stop = Stop { infohash: Some(infohash), delete_data: false };
                self.output(Output::Engine(Command::Stop(stop)));
            }
            self.subtitles.0.push(file);
        }
        self.ask_for_subtitles();
    }

    /// Those of this machine are told to a server that may not know them.
    pub(super) fn tell_subtitles(&mut self) {
        let own = self.subtitles.0.iter().filter(|file| !file.over);
        let payloads: Vec<_> = own.filter_map(File::payload).collect();
        payloads.into_iter().for_each(|payload| self.say("subtitle-shared", payload));
    }

    /// The film is over, and they with it.
    pub(super) fn forget_subtitles(&mut self) {
        let (being_read, rest) = std::mem::take(&mut self.subtitles.0).into_iter().partition(File::is_being_read);
        self.subtitles.0 = being_read;
        self.subtitles.0.iter_mut().for_each(|file| file.over = true);
        let rest: Vec<File> = rest;
        rest.iter().for_each(|file| self.stop_subtitles(file));
    }

    /// The engine stops one of them; what was fetched of it goes like films do.
    fn stop_subtitles(&mut self, file: &File) {
        if let Some(infohash) = file.infohash.filter(|_| file.asked) {
            let delete_data = self.setup.deletes_films && !file.is_own();
            self.output(Output::Engine(Command::Stop(Stop { infohash: Some(infohash), delete_data })));
        }
    }

    /// What the engine tells of them; false when it is about something else.
    pub(super) fn on_subtitles_event(&mut self, now: Instant, event: &Event) -> bool {
        match event {
            Event::Seeding(seeding) => self.on_subtitles_seeding(now, seeding),
            Event::Added(added) => {
                let Some(file) = self.subtitles.fetched(added.infohash) else { return false };
                file.taken = true;
                if !is_subtitles(&added.name) || added.length > SUBTITLES_LEN_MAX {
                    self.refuse_subtitles(now, added.infohash);
                } else if let Some(file) = self.subtitles.fetched(added.infohash) {
                    file.url = Some(added.server_url.clone());
                }
                true
            }
            Event::Done(done) => self.on_subtitles_whole(done.infohash),
            Event::Progress(progress) if progress.figures.state == ipc::State::Seeding => {
                self.on_subtitles_whole(progress.infohash)
            }
            Event::Progress(progress) => self.subtitles.has(progress.infohash),
            Event::Error(error) => self.on_subtitles_error(now, error),
            Event::Hashing(hashing) => self.subtitles.0.iter().any(File::is_being_read) && is_subtitles(&hashing.name),
            Event::Ready(_) | Event::Stopped(_) | Event::Info(_) | Event::Status(_) => false,
        }
    }

    fn on_subtitles_seeding(&mut self, now: Instant, seeding: &ipc::Seeding) -> bool {
        let at = self.subtitles.0.iter().position(File::is_being_read).filter(|_| is_subtitles(&seeding.name));
        let Some(file) = at.and_then(|at| self.subtitles.0.get_mut(at)) else {
            return self.subtitles.has(seeding.infohash);
        };
        (file.taken, file.infohash) = (true, Some(seeding.infohash));
        if let Source::Own { magnet, .. } = &mut file.source {
            *magnet = Some(seeding.magnet_uri.clone());
        }
        if file.over || seeding.length > SUBTITLES_LEN_MAX {
            let is_too_large = !file.over;
            if let Some(file) = at.map(|at| self.subtitles.0.remove(at)) {
                self.stop_subtitles(&file);
            }
            if is_too_large {
                self.say_plainly(now, Plain::SubtitlesUnusable { name: &seeding.name });
            }
        } else if let Some(payload) = file.payload().filter(|_| self.is_inside()) {
            self.say("subtitle-shared", payload);
        }
        self.ask_for_subtitles();
        true
    }

    fn on_subtitles_whole(&mut self, infohash: Infohash) -> bool {
        if let Some(file) = self.subtitles.fetched(infohash).filter(|file| file.url.is_some()) {
            file.whole_at = file.url.clone();
            self.show_subtitles();
        }
        self.subtitles.has(infohash)
    }

    fn on_subtitles_error(&mut self, now: Instant, error: &ipc::Error) -> bool {
        let is_of_a_file = matches!(error.code, ErrorCode::E003 | ErrorCode::E005 | ErrorCode::E008);
        if let Some(infohash) = error.infohash {
            if self.subtitles.fetched(infohash).is_some() && is_of_a_file {
                self.refuse_subtitles(now, infohash);
            }
            return self.subtitles.has(infohash);
        }
        let Some(at) = self.subtitles.0.iter().position(File::is_being_read).filter(|_| is_of_a_file) else {
            return false;
        };
        if !self.subtitles.0.remove(at).over {
            self.say_plainly(now, Plain::SubtitlesNotShared { why: &error.message });
        }
        self.ask_for_subtitles();
        true
    }

    /// What was shared as subtitles is something else, or damaged.
    fn refuse_subtitles(&mut self, now: Instant, infohash: Infohash) {
        let Some(file) = self.subtitles.fetched(infohash).filter(|file| !file.failed) else { return };
        (file.failed, file.url, file.whole_at) = (true, None, None);
        let name = file.name.clone();
        self.output(Output::Engine(Command::Stop(Stop { infohash: Some(infohash), delete_data: true })));
        self.say_plainly(now, Plain::SubtitlesUnusable { name: &name });
    }
}

impl Subtitles {
    fn has(&self, infohash: Infohash) -> bool {
        self.0.iter().any(|file| file.infohash == Some(infohash))
    }

    /// Somebody else's.
    fn fetched(&mut self, infohash: Infohash) -> Option<&mut File> {
        self.0.iter_mut().find(|file| file.infohash == Some(infohash) && !file.is_own())
    }
}

impl File {
    fn new(source: Source, name: &str) -> Self {
        Self {
            source,
            name: name.chars().take(TITLE_CHARS_MAX).collect(),
            infohash: None,
            asked: false,
            taken: false,
            whole_at: None,
            url: None,
            in_player: false,
            told: false,
            failed: false,
            over: false,
        }
    }

    const fn is_own(&self) -> bool {
        matches!(self.source, Source::Own { .. })
    }

    /// The engine reads it, and has not said what it is called.
    const fn is_being_read(&self) -> bool {
        self.is_own() && self.asked && !self.taken
    }

    /// What the room is told, once the others can fetch it from here.
    fn payload(&self) -> Option<serde_json::Value> {
        let Source::Own { magnet: Some(magnet), .. } = &self.source else { return None };
        let mut payload = json!({ "magnet": magnet, "name": self.name });
        if let Some(language) = language_of(&self.name) {
            payload["language"] = json!(language);
        }
        Some(payload)
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

/// By the endings of those formats that players read.
fn is_subtitles(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ["srt", "vtt", "ass", "ssa"].iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// `de` of `film.de.srt`.
fn language_of(name: &str) -> Option<&str> {
    let tag = name.rsplit('.').nth(1).filter(|_| name.matches('.').count() > 1)?;
    let is_tag = (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase());
    is_tag.then_some(tag)
}
