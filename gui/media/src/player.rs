//! What a face holds: a [`Player`], whose thread does what it is told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use smol::Timer;
use smol::channel::{Receiver, Sender, TrySendError, bounded};
use smol::future::or;

use crate::command::Command;
use crate::event::{Event, Failure};
use crate::frame::Frame;
use crate::limits::{COMMANDS_MAX, EVENTS_MAX};
use crate::pipeline::Bell;
use crate::projector::Projector;
use crate::sound::Sound;
use crate::subtitles::Cue;

/// What a player needs of whoever holds it. The functions are called on threads of GStreamer's or the player's: they must not wait.
#[derive(Clone)]
pub struct Options {
    /// Shows a picture, now. Also while the film stands: after opening and after each seek.
    pub frames: Arc<dyn Fn(&Frame<'_>) + Send + Sync>,
    /// Shows a subtitle, now; `None`: none.
    pub cues: Arc<dyn Fn(Option<Cue>) + Send + Sync>,
    /// Where sound goes.
    pub sound: Sound,
    /// The session's clock, by which [`Sample::taken`](crate::Sample::taken) is told.
    pub clock: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("sound", &self.sound).finish_non_exhaustive()
    }
}

/// Plays one film at a time. Dropping it ends the film at once, and its thread within seconds.
#[derive(Debug)]
pub struct Player {
    commands: Sender<Command>,
    events: Receiver<Event>,
    /// A question for the place waits already; another one would be answered with the same.
    asked: Arc<AtomicBool>,
    held: Arc<AtomicBool>,
}

impl Player {
    /// A player without a film. GStreamer is started by the first one.
    pub fn new(options: Options) -> Self {
        let (commands, commands_out) = bounded(COMMANDS_MAX);
        let (events_in, events) = bounded(EVENTS_MAX);
        let (asked, held) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let options = held_only(options, &held);
        let (failed, questions) = (events_in.clone(), Arc::clone(&asked));
        let run = move || run(options, &commands_out, events_in, &questions);
        if let Err(error) = std::thread::Builder::new().name("media".to_owned()).spawn(run) {
            // There is room: nothing else was told.
            let _ = failed.try_send(Event::Failed(Failure::NoPlayer { why: error.to_string() }));
        }
        Self { commands, events, asked, held }
    }

    /// Begins to do it and returns at once; what comes of it is an event.
    pub fn command(&self, command: Command) {
        if command == Command::AskPosition && self.asked.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(TrySendError::Full(command)) = self.commands.try_send(command) {
            log::error!("the player does not take commands; lost: {command:?}");
            if command == Command::AskPosition {
                self.asked.store(false, Ordering::Release);
            }
        }
    }

    /// What it tells, in order. Of several receivers each event goes to one.
    pub fn events(&self) -> Receiver<Event> {
        self.events.clone()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.held.store(false, Ordering::Release);
        self.events.close();
        self.commands.close();
    }
}

/// Pictures and subtitles are not shown any more when nobody holds the player.
fn held_only(options: Options, held: &Arc<AtomicBool>) -> Options {
    let Options { frames, cues, sound, clock } = options;
    let (frames_held, cues_held) = (Arc::clone(held), Arc::clone(held));
    Options {
        frames: Arc::new(move |frame| {
            if frames_held.load(Ordering::Acquire) {
                frames(frame);
            }
        }),
        cues: Arc::new(move |cue| {
            if cues_held.load(Ordering::Acquire) {
                cues(cue);
            }
        }),
        sound,
        clock,
    }
}

/// What the thread wakes up for.
enum Woken {
    Command(Option<Command>),
    Bell,
    Timeout,
}

fn run(options: Options, commands: &Receiver<Command>, events: Sender<Event>, asked: &AtomicBool) {
    let (bell, rung) = bounded(1);
    let mut projector = Projector::new(options, events, Bell(bell));
    loop {
        let command = async { Woken::Command(commands.recv().await.ok()) };
        let bell = async {
            // The projector holds a bell, so it is never closed.
            let _ = rung.recv().await;
            Woken::Bell
        };
        let due = projector.poll_timeout();
        let timeout = async {
            match due {
                Some(due) => Timer::at(due).await,
                None => std::future::pending().await,
            };
            Woken::Timeout
        };
        match smol::block_on(or(command, or(bell, timeout))) {
            Woken::Command(None) => return,
            Woken::Command(Some(command)) => {
                if command == Command::AskPosition {
                    asked.store(false, Ordering::Release);
                }
                // What GStreamer said before belongs to what it was told before.
                projector.handle_messages();
                projector.handle_command(command);
            }
            Woken::Bell => projector.handle_messages(),
            Woken::Timeout => projector.handle_timeout(Instant::now()),
        }
    }
}
