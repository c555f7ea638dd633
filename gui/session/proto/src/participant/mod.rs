//! One person in one room: takes in what the server, the engine, the player and the person say, and says what to do with each.
//!
//! | file | what |
//! | --- | --- |
//! | `io.rs`, `timers.rs` | what goes in and comes out; when to be woken |
//! | `door.rs` | into the room, back into it, out of it |
//! | `hear.rs` | what the server says |
//! | `wishes.rs` | what the person wants, and whether they may |
//! | `supply.rs`, `film.rs` | the engine, and what it has of the film |
//! | `play/` | the player follows the room |
//! | `resume.rs` | where the film was left |
//! | `subtitles.rs` | files of subtitles that the room shares |
//! | `readiness.rs` | what the room is told of this viewer |
//! | `people.rs`, `chat.rs`, `notices.rs` | who is there, what is said, what is wrong |
//! | `spoilers.rs` | what is said and not shown yet |
//! | `show.rs` | the view |
//!
//! **Invariant:** a `sync-*` event that moves the film is said for a wish of the person alone, or at the film's end by its host. What
//! the player does by itself is never one.

mod chat;
mod door;
mod film;
mod hear;
mod io;
mod notices;
mod people;
mod play;
mod readiness;
mod resume;
mod show;
mod spoilers;
mod subtitles;
mod supply;
mod timers;
mod wishes;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::{Value, json};
use signal_proto::ids::ParticipantId;
use signal_proto::playback::PlaybackState;
use signal_proto::roles::Role;
use signal_proto::time::{MediaTime, ServerTime};

pub use io::{Answer, End, EngineNews, Entry, Input, Output, Say, Setup, SignalNews, Ticket};
pub use timers::Wake;

use chat::Chat;
use door::Door;
use film::Film;
use notices::{Notices, Subject};
use people::People;
use play::{Doing, Play};
use resume::Resume;
use subtitles::Subtitles;
use timers::Timers;
use wishes::Offline;

use crate::player;
use crate::view::{Part, Phase};
use crate::wish::Wish;
use crate::words::{Plain, somebody};

/// A person in a room.
#[derive(Debug)]
pub struct Participant {
    setup: Setup,
    door: Door,
    /// The room was asked for, and has not answered.
    entering: bool,
    people: People,
    chat: Chat,
    film: Option<Film>,
    subtitles: Subtitles,
    engine_up: bool,
    play: Play,
    /// The last order of an anchor that the server told; `None` from one that keeps none.
    anchored: Option<(u64, u64)>,
    waiting_on: Vec<ParticipantId>,
    deadline: Option<ServerTime>,
    /// What the room was told last: of which anchor, and whether one was ready.
    said_ready: Option<(u64, u64, bool)>,
    /// The viewer would rather start than wait for the forecast.
    goes_anyway: bool,
    /// The film ran already when this person came; `None` before that is known.
    joined_late: Option<bool>,
    /// They have not said how to take part in it.
    choosing: bool,
    resume: Resume,
    /// Where the last seek went away from.
    before_seek: Option<MediaTime>,
    /// Where the user is dragging to.
    pending_seek: Option<MediaTime>,
    offline: Option<Offline>,
    closed_by_user: bool,
    notices: Notices,
    actions: u64,
    tickets: u64,
    timers: Timers,
    outputs: VecDeque<Output>,
    changed: bool,
}

impl Participant {
    /// Somebody who comes now. The engine and the player may be there or not; the server is heard of when it is.
    pub fn new(now: Instant, setup: Setup) -> Self {
        Self {
            door: Door::new(&setup),
            entering: false,
            people: People::default(),
            chat: Chat::default(),
            film: None,
            subtitles: Subtitles::default(),
            engine_up: false,
            play: Play::new(now, &setup),
            anchored: None,
            waiting_on: Vec::new(),
            deadline: None,
            said_ready: None,
            goes_anyway: false,
            joined_late: None,
            choosing: false,
            resume: Resume::default(),
            before_seek: None,
            pending_seek: None,
            offline: None,
            closed_by_user: false,
            notices: Notices::default(),
            actions: 0,
            tickets: 0,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            changed: true,
            setup,
        }
    }

    /// Takes in something that happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.door.phase == Phase::Ended {
            return;
        }
        match input {
            Input::Wish(wish) => self.on_wish(now, wish),
            Input::Signal(news) => self.on_signal(now, news),
            Input::Engine(news) => self.on_engine(now, news),
            Input::Player(event) => self.on_player(now, event),
            Input::Place(place) => self.on_place(place),
            Input::LetGo => self.let_go(now),
            Input::Woke => self.on_woke(now),
        }
        self.settle();
    }

    /// Does what [`Participant::poll_timeout`] asked to be woken for.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.door.phase == Phase::Ended {
            return;
        }
        while let Some(wake) = self.timers.take_due(now) {
            match wake {
                Wake::Start => self.run(now, true),
                Wake::Waited => self.start_without_server(now),
                Wake::Seek => self.seek_timeout(now),
                Wake::Looking => self.looking_timeout(),
                Wake::Playhead => self.tell_playhead(now),
                Wake::Ready => self.ready_timeout(now),
                Wake::Enter => self.enter_timeout(now),
                Wake::Chat => self.send_chat(),
                Wake::Goodbye => self.over(),
                Wake::Player => self.open_player(now),
                Wake::Place => self.place_timeout(now),
                Wake::Held => self.release_held(now),
                Wake::Notice => self.clear_notice(Subject::Wish),
                // These two are asked for where they are kept.
                Wake::Probe | Wake::Sample => {}
            }
            self.changed = true;
        }
        if self.is_inside()
            && let Some(probe) = self.play.clock.poll_probe(now)
        {
            let code = self.door.code.as_ref().map(|code| code.as_str().to_owned());
            self.say("sync-check", json!({"roomCode": code, "t0": probe.t0, "n": probe.n}));
        }
        if self.play.next_sample().is_some_and(|at| at <= now) {
            self.sample_timeout(now);
        }
        self.settle();
    }

    /// The next thing to do. Drain to `None` before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Participant::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        let probe = self.is_inside().then(|| (self.play.clock.poll_timeout(), Wake::Probe));
        let sample = self.play.next_sample().map(|at| (at, Wake::Sample));
        if self.door.phase == Phase::Ended {
            return None;
        }
        [self.timers.next(), probe, sample].into_iter().flatten().min()
    }

    fn on_player(&mut self, now: Instant, event: player::Event) {
        self.changed = true;
        match event {
            player::Event::Opened { duration, tracks } => {
                if let Some(film) = &mut self.film {
                    film.duration = duration.or(film.duration);
                    film.tracks = tracks;
                }
                self.clear_notice(Subject::Player);
                self.on_opened(now);
                self.show_subtitles_anew();
                self.tell_duration();
                self.tell_ready(now);
            }
            player::Event::Tracks(tracks) => {
                if let Some(film) = &mut self.film {
                    film.tracks = tracks;
                }
            }
            player::Event::Running(running) => {
                self.play.player.running = running;
                self.keep_place_while(now, running);
            }
            player::Event::Wished(wish) => self.on_wish(
                now,
                match wish {
                    player::PlayerWish::Play => Wish::Play,
                    player::PlayerWish::Pause => Wish::Pause,
                    player::PlayerWish::Seek(to) => Wish::Seek(to),
                    player::PlayerWish::SeekBy(by) => Wish::SeekBy(by),
                },
            ),
            player::Event::Buffering(buffering) => {
                // While it is sought or opened it waits for bytes anyway.
                if buffering && !self.play.player.buffering && self.play.room_runs(now) && !self.play.is_seeking() {
                    self.play.player.stalls += 1;
                }
                self.play.player.buffering = buffering;
                self.tell_ready(now);
            }
            player::Event::Position(sample) => {
                self.on_position(now, sample);
                if self.play.unreachable {
                    self.tell_ready(now);
                }
            }
            player::Event::Sought(at) => {
                self.on_sought(now, at);
                self.tell_ready(now);
            }
            player::Event::SeekFailed => {
                self.on_seek_failed(now);
                self.tell_ready(now);
            }
            player::Event::Output(output) => {
                if self.play.set_output(now, output) {
                    self.direct(now);
                }
            }
            player::Event::Ended => self.on_film_end(now),
            player::Event::Failed(failure) => {
                // What had been open can be opened again: its stream broke off.
                let was_open = self.play.player.open && matches!(failure, player::Failure::Unreadable { .. });
                self.on_player_failed(now, was_open);
                if was_open {
                    self.notice_plain(Subject::Player, Plain::StreamBroke);
                } else {
                    self.notice_plain(Subject::Player, Plain::PlayerFailed(&failure));
                }
                self.tell_ready(now);
            }
            player::Event::Closed { crashed } => {
                self.on_closed(now, crashed);
                if crashed {
                    self.notice_plain(Subject::Player, Plain::PlayerCrashed);
                } else {
                    self.notice_plain(Subject::Player, Plain::PlayerClosed);
                    self.spectate_without_player(now);
                }
            }
        }
    }

    /// The last frame was shown: the room's film stands at its end, by its host's word.
    fn on_film_end(&mut self, now: Instant) {
        self.play.player.ended = true;
        self.play.player.running = false;
        self.play.player.told_running = false;
        let end = self.film.as_ref().and_then(|film| film.duration);
        let plays = self.play.anchor.as_ref().is_some_and(|anchor| anchor.state == PlaybackState::Playing);
        let is_mine = self.door.role == Role::Host && self.play.part == Part::InStep && plays && self.is_inside();
        let Some(end) = end else { return };
        if self.play.part == Part::CatchingUp {
            self.rejoin(now);
        }
        if is_mine && self.room_place(now) >= end.seconds() - END_NEAR {
            let action = self.action();
            self.say("sync-pause", json!({"time": end.seconds(), "actionId": action}));
        }
    }

    /// Clocks stood still, or ran on without us.
    fn on_woke(&mut self, now: Instant) {
        self.play.restart_clock(now);
        self.play.player.at = None;
        if self.play.player.open && self.play.part == Part::InStep && !matches!(self.play.doing, Doing::Seeking { .. })
        {
            self.output(Output::Player(player::Command::AskPosition));
            self.direct(now);
        }
        self.changed = true;
    }

    fn say(&mut self, name: &'static str, payload: Value) {
        // Without a connection it would be of another time when there is one: what has to be said is said on entering.
        if self.door.connected {
            self.output(Output::Say(Say { name, payload, ticket: None }));
        }
    }

    /// As people know somebody.
    fn name_of(&self, id: &ParticipantId) -> String {
        self.people.name(id).unwrap_or(somebody(self.setup.language)).to_owned()
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// One word that the view is another one, for all that changed.
    fn settle(&mut self) {
        if std::mem::take(&mut self.changed) {
            self.output(Output::Changed);
        }
    }
}

/// The player says that the film ended when the room is this near to its end, in seconds; further away it ended for another reason.
const END_NEAR: f64 = 2.0;
