//! Somebody with a player, who remembers what was shown and told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use media::{Command, Cue, Event, Options, Player, Sample, Sound, Track};
use smol::Timer;
use smol::channel::Receiver;
use smol::future::or;

use super::place_of;

/// Nothing here takes so long, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A picture that was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// By its time.
    pub(crate) at: Duration,
    /// By its pixels.
    pub(crate) place: Duration,
}

pub(crate) struct Watcher {
    pub(crate) player: Player,
    events: Receiver<Event>,
    seen: Arc<Mutex<Vec<Seen>>>,
    cues: Arc<Mutex<Vec<Option<Cue>>>>,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        Self::with(Sound::Silent)
    }

    pub(crate) fn with(sound: Sound) -> Self {
        let (seen, cues) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (see, hear) = (Arc::clone(&seen), Arc::clone(&cues));
        let player = Player::new(Options {
            frames: Arc::new(move |frame| {
                let (width, height) = (frame.width, frame.height);
                see.lock().unwrap().push(Seen { width, height, at: frame.at, place: place_of(frame) });
            }),
            cues: Arc::new(move |cue| hear.lock().unwrap().push(cue)),
            sound,
            clock: Arc::new(Instant::now),
        });
        let events = player.events();
        Self { player, events, seen, cues }
    }

    pub(crate) fn load(&self, film: &str) -> (Option<Duration>, Vec<Track>) {
        self.load_at(film, Duration::ZERO)
    }

    pub(crate) fn load_at(&self, film: &str, start: Duration) -> (Option<Duration>, Vec<Track>) {
        self.player.command(Command::Load { url: film.to_owned(), start, title: "a test".to_owned() });
        self.wait(|event| match event {
            Event::Opened { duration, tracks } => Some((duration.to_owned(), tracks.clone())),
            _ => None,
        })
    }

    pub(crate) fn play(&self) {
        self.player.command(Command::Play);
        self.wait_for(&Event::Running(true));
    }

    pub(crate) fn pause(&self) {
        self.player.command(Command::Pause);
        self.wait_for(&Event::Running(false));
    }

    pub(crate) fn seek(&self, to: Duration) -> Duration {
        self.player.command(Command::Seek(to));
        self.wait(|event| match event {
            Event::Sought(at) => Some(*at),
            Event::SeekFailed => panic!("no seek to {to:?}"),
            _ => None,
        })
    }

    pub(crate) fn ask(&self) -> Sample {
        self.player.command(Command::AskPosition);
        self.wait(|event| match event {
            Event::Position(sample) => Some(*sample),
            _ => None,
        })
    }

    /// The next event of which something is wanted; the others are left out.
    pub(crate) fn wait<T>(&self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let mut others = Vec::new();
        loop {
            let event = self.next().unwrap_or_else(|| panic!("it did not come; these did: {others:?}"));
            if let Some(found) = wanted(&event) {
                return found;
            }
            if let Event::Failed(failure) = &event {
                panic!("{failure}");
            }
            others.push(event);
        }
    }

    pub(crate) fn wait_for(&self, wanted: &Event) {
        self.wait(|event| (event == wanted).then_some(()));
    }

    /// The next event, whatever it is.
    pub(crate) fn next(&self) -> Option<Event> {
        let late = async {
            Timer::after(PATIENCE).await;
            None
        };
        smol::block_on(or(async { self.events.recv().await.ok() }, late))
    }

    /// Events that are there already.
    pub(crate) fn told(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Waits until that is so of what was shown.
    pub(crate) fn until<T>(&self, what: &str, mut is_so: impl FnMut(&[Seen]) -> Option<T>) -> T {
        until(what, || is_so(&self.seen.lock().unwrap()))
    }

    /// Waits until the picture that is shown is that of a place in the film.
    pub(crate) fn until_shown(&self, place: Duration) -> Seen {
        let is_it = |seen: &Seen| seen.place.abs_diff(place) < Duration::from_millis(5);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(seen) = self.seen.lock().unwrap().last().filter(|seen| is_it(seen)) {
                return *seen;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("the picture of {place:?} did not come, but {:?}", self.seen.lock().unwrap().last());
    }

    /// Waits until that is so of the subtitles.
    pub(crate) fn until_cues<T>(&self, what: &str, mut is_so: impl FnMut(&[Option<Cue>]) -> Option<T>) -> T {
        until(what, || is_so(&self.cues.lock().unwrap()))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
