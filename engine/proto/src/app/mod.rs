//! What each command and each fact leads to: the engine's decisions, as a pure state machine.
//!
//! Owns the marks to repeat, which torrents there are and how far each is, when something is said, and the paths of the
//! local server. Does not open, hash, connect or print: see [`Effect`].

mod boundary;
mod commands;
mod facts;
mod pace;
mod torrent;

#[cfg(test)]
mod tests;

pub use boundary::{DetailFile, Details, Effect, Fact, Input, Output, Setup, Snapshot, Start, Terms, TorrentKey, Wake};

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::error::{ErrorCode, Problem};
use crate::infohash::Infohash;
use crate::ipc::{Error, Event, Info, LineTooLong, Message, NatState, Ready, Refusal, RequestId, Status, parse_line};
use crate::routes::Routes;
use torrent::{Phase, Torrent};

/// The engine without its hands.
#[derive(Debug)]
pub struct App {
    setup: Setup,
    torrents: BTreeMap<TorrentKey, Torrent>,
    keys_given: u64,
    routes: Routes<TorrentKey>,
    outputs: VecDeque<Output>,
    quitting: Quitting,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quitting {
    No,
    /// Torrents are stopping; at that moment they are left behind.
    Until(Instant),
    /// [`Effect::Quit`] is out.
    Over,
}

impl App {
    /// An engine whose ports are bound; says `ready`.
    pub fn new(setup: Setup) -> Self {
        let mut app = Self {
            torrents: BTreeMap::new(),
            keys_given: 0,
            routes: Routes::default(),
            outputs: VecDeque::new(),
            quitting: Quitting::No,
            setup,
        };
        app.say_ready();
        app
    }

    /// Everything that happens comes in here.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.quitting == Quitting::Over {
            return;
        }
        match input {
            Input::Line(line) => match parse_line(&line) {
                None => {}
                Some(Ok(request)) => self.on_request(now, request),
                Some(Err(Refusal { message, id })) => self.refuse(message, id),
            },
            Input::LineTooLong => self.refuse(LineTooLong.to_string(), None),
            Input::Request(request) => self.on_request(now, request),
            Input::Fact { torrent, fact } => self.on_fact(now, torrent, fact),
            Input::Told(message) => self.inform(None, None, message),
            Input::EndOfInput | Input::Signal => self.quit(now, None),
        }
    }

    /// Says what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Quitting::Until(deadline) = self.quitting
            && deadline <= now
        {
            for key in self.keys() {
                self.on_stopped(key);
            }
        }
        let due = |torrent: &Torrent| torrent.report_due().is_some_and(|due| due <= now);
        let keys: Vec<_> = self.torrents.iter().filter(|(_, torrent)| due(torrent)).map(|(key, _)| *key).collect();
        for key in keys {
            self.report(now, key);
        }
    }

    /// The next thing to print or do; drain before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`App::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        let quit = match self.quitting {
            Quitting::Until(deadline) => Some((deadline, Wake::QuitPatience)),
            Quitting::No | Quitting::Over => None,
        };
        let report = |(key, torrent): (&TorrentKey, &Torrent)| Some((torrent.report_due()?, Wake::Report(*key)));
        self.torrents.iter().filter_map(report).chain(quit).min_by_key(|(due, _)| *due)
    }

    /// Everything at once, as in the event `status`.
    pub fn status(&self) -> Status {
        Status {
            version: self.setup.version.clone(),
            http_port: self.setup.http_port,
            listen_port: self.setup.listen_port,
            upload: self.setup.upload,
            max_upload: self.setup.max_upload,
            max_download: self.setup.max_download,
            dht_nodes: 0,
            nat: NatState::Unknown,
            torrents: self.torrents.values().filter_map(Torrent::status).collect(),
        }
    }

    fn say_ready(&mut self) {
        let Setup { version, http_port, http_port_asked, listen_port, listen_port_asked, .. } = self.setup.clone();
        self.say(None, Event::Ready(Ready { version, http_port, listen_port }));
        if ![0, http_port].contains(&http_port_asked) {
            self.inform(
                None,
                None,
                format!("Port {http_port_asked} is taken: the local server uses {http_port} instead"),
            );
        }
        if ![0, listen_port].contains(&listen_port_asked) {
            self.inform(
                None,
                None,
                format!("Port {listen_port_asked} is taken: peers are listened for on {listen_port} instead"),
            );
        }
        for note in self.setup.notes.clone() {
            self.inform(None, None, note);
        }
    }

    fn report(&mut self, now: Instant, key: TorrentKey) {
        let Some(torrent) = self.torrents.get_mut(&key) else { return };
        match torrent.phase {
            Phase::Starting => {
                if torrent.hashing_is_due(now, 0.0) {
                    self.say_hashing(key);
                }
            }
            Phase::Running | Phase::Failed(_) => {
                if let Some(event) = torrent.progress_when_due(now) {
                    self.say(None, event);
                }
            }
            Phase::Held | Phase::Stopping(_) | Phase::Discarding => {}
        }
    }

    fn say_progress(&mut self, now: Instant, key: TorrentKey) {
        if let Some(event) = self.torrents.get_mut(&key).and_then(|torrent| torrent.progress(now)) {
            self.say(None, event);
        }
    }

    fn refuse(&mut self, message: String, id: Option<RequestId>) {
        self.say(id, Event::Error(Error::new(Problem::new(ErrorCode::E010, message), None)));
    }

    fn inform(&mut self, id: Option<RequestId>, infohash: Option<Infohash>, message: String) {
        self.say(id, Event::Info(Info { message, infohash }));
    }

    fn say(&mut self, id: Option<RequestId>, event: Event) {
        self.outputs.push_back(Output::Event(Message { event, id }));
    }

    fn effect(&mut self, effect: Effect) {
        self.outputs.push_back(Output::Effect(effect));
    }

    fn keys(&self) -> Vec<TorrentKey> {
        self.torrents.keys().copied().collect()
    }
}
