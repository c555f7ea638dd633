//! A model of a player with a real appetite: it reads the film over HTTP as fast as it plays, and shows nothing.
//!
//! `model` says where it is and when it runs dry, without I/O; `stream` is the reading; here is the thread that joins them.

mod model;
mod stream;

use std::io;
use std::pin::Pin;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_lite::future::or;
use session_proto::player::{Command, Event, Failure, Traits};
use smol::Timer;
use smol::channel::{Receiver, Sender, TrySendError, bounded};

use super::Player;
use crate::clock::Clock;
use crate::limits::{PLAYER_COMMANDS_MAX, PLAYER_EVENTS_MAX};
use model::{Model, Need};
use stream::Stream;

/// What kind of player is modelled.
#[derive(Clone, Copy, Debug)]
pub struct NullModel {
    /// The session's clock.
    pub clock: Clock,
    /// The film's playing time; `None`: as if it needed [`BYTES_PER_SECOND`].
    pub duration: Option<Duration>,
    /// What seeks take: from, to.
    pub seek_latency: (Duration, Duration),
    /// From being told to play to moving.
    pub start_latency: Duration,
    /// Stalls of its own, at most so long; they come every half a minute or so. Zero: none.
    pub stall_max: Duration,
    /// Its own clock is so many millionths too fast.
    pub ppm: i32,
    /// It plays at 1 whatever it is told.
    pub ignores_rate: bool,
    /// Chance.
    pub seed: u64,
}

/// What a film needs that nobody measured: two megabits.
pub const BYTES_PER_SECOND: u64 = 250_000;

impl Default for NullModel {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            duration: None,
            seek_latency: (Duration::from_millis(80), Duration::from_millis(400)),
            start_latency: Duration::from_millis(20),
            stall_max: Duration::ZERO,
            ppm: 0,
            ignores_rate: false,
            seed: 1,
        }
    }
}

/// A stream that breaks is opened again so often in a row, after pauses that double from the first: 8 s in all.
const BREAKS_MAX: u32 = 6;
const BREAK_PAUSE: Duration = Duration::from_millis(125);

/// The model, running. Dropping it ends it.
#[derive(Debug)]
pub struct NullPlayer {
    start_latency: Duration,
    commands: Option<Sender<Command>>,
    events: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl NullPlayer {
    /// A player without a film.
    pub fn new(kind: NullModel) -> Self {
        let (commands, commands_out) = bounded(PLAYER_COMMANDS_MAX);
        let (events_in, events) = bounded(PLAYER_EVENTS_MAX);
        let run = move || {
            // Whoever listens has gone; so does this.
            let _ = smol::block_on(run(kind, commands_out, events_in));
        };
        let thread = std::thread::Builder::new().name("null player".to_owned()).spawn(run);
        let thread = thread.inspect_err(|error| log::error!("no thread for the player: {error}")).ok();
        Self { start_latency: kind.start_latency, commands: Some(commands), events, thread }
    }
}

impl Player for NullPlayer {
    fn traits(&self) -> Traits {
        Traits { live_rate_max: 0.05, keeps_pitch: true, start_latency: self.start_latency }
    }

    fn command(&mut self, command: Command) {
        let Some(commands) = &self.commands else { return };
        if let Err(TrySendError::Full(command)) = commands.try_send(command) {
            log::error!("the player does not take commands; lost: {command:?}");
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.events.clone()
    }
}

impl Drop for NullPlayer {
    fn drop(&mut self) {
        self.commands = None;
        self.events.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the player's thread had panicked");
        }
    }
}

/// Where its bytes come from.
enum Source {
    Nothing,
    Opening(Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>),
    Open(Stream),
}

enum Happened {
    Command(Option<Command>),
    Opened(io::Result<Stream>),
    Read(io::Result<usize>),
    Timeout,
}

/// The listener has gone.
struct Gone;

async fn run(kind: NullModel, commands: Receiver<Command>, events: Sender<Event>) -> Result<(), Gone> {
    let mut model = Model::new(kind, kind.clock.now());
    let mut source = Source::Nothing;
    let mut breaks = 0;
    loop {
        if let Need::From(place) = model.need() {
            source = Source::Opening(Box::pin(open(kind, model.url().to_owned(), model.length(), place, breaks)));
        }
        let now = kind.clock.now();
        model.handle_timeout(now);
        while let Some(event) = model.poll_event() {
            events.send(event).await.map_err(|_| Gone)?;
        }
        let command = async { Happened::Command(commands.recv().await.ok()) };
        let hungry = model.is_hungry(now);
        let bytes = async {
            match &mut source {
                Source::Opening(opening) => Happened::Opened(opening.await),
                Source::Open(stream) if hungry => Happened::Read(stream.read().await),
                Source::Open(_) | Source::Nothing => std::future::pending().await,
            }
        };
        let wait = kind.clock.until(model.poll_timeout(now));
        let timeout = async {
            Timer::after(wait).await;
            Happened::Timeout
        };
        let broken = match or(command, or(bytes, timeout)).await {
            Happened::Command(Some(command)) => {
                if matches!(command, Command::Load { .. } | Command::Unload) {
                    (source, breaks) = (Source::Nothing, 0);
                }
                model.handle_command(kind.clock.now(), command);
                continue;
            }
            Happened::Command(None) => return Ok(()),
            Happened::Timeout => continue,
            Happened::Opened(Ok(stream)) => {
                model.opened(stream.first_byte(), stream.length());
                source = Source::Open(stream);
                continue;
            }
            Happened::Read(Ok(len)) if len > 0 => {
                breaks = 0;
                model.read(len);
                continue;
            }
            Happened::Read(Ok(_)) => {
                source = Source::Nothing;
                if model.stream_ended() {
                    continue;
                }
                io::ErrorKind::UnexpectedEof.into()
            }
            Happened::Read(Err(error)) => error,
            Happened::Opened(Err(error)) => {
                // What never opened is not tried again.
                breaks = if model.is_opening() { BREAKS_MAX } else { breaks };
                error
            }
        };
        source = Source::Nothing;
        breaks += 1;
        if breaks > BREAKS_MAX {
            model.forget();
            let why = broken.to_string();
            events.send(Event::Failed(Failure::Unreadable { why })).await.map_err(|_| Gone)?;
        } else {
            log::info!("the film's stream broke: {broken}");
            model.stream_broke();
        }
    }
}

/// Opens the film at a place in seconds, after a pause that grows with the breaks before.
async fn open(kind: NullModel, url: String, length: Option<u64>, place: f64, breaks: u32) -> io::Result<Stream> {
    if breaks > 0 {
        Timer::after(BREAK_PAUSE * 2_u32.pow(breaks.min(BREAKS_MAX) - 1)).await;
    }
    let from = (place > 0.0).then_some(|length| kind.byte_of(place, length));
    Stream::open(&url, length, from).await
}
