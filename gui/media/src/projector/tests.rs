use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use smol::channel::{Receiver, bounded};

use super::*;

/// The clip that ships with the app, and what was told of it.
struct Scene {
    projector: Projector,
    told: Receiver<Event>,
    heard: Vec<Event>,
    /// The last picture's place, in thousandths of a second.
    shown: Arc<AtomicU64>,
}

impl Scene {
    fn play() -> Self {
        let shown = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&shown);
        let options = Options {
            frames: Arc::new(move |frame| {
                let at = u64::try_from(frame.at.as_millis()).expect("a short clip");
                last.store(at, Ordering::Release);
            }),
            cues: Arc::new(|_| {}),
            sound: Sound::Silent,
            clock: Arc::new(Instant::now),
        };
        let (events, told) = bounded(1000);
        let (bell, _rung) = bounded(1);
        let mut projector = Projector::new(options, events, Bell(bell));
        let film = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/try-it.webm");
        let (url, start, title) = (film.to_owned(), Duration::ZERO, String::new());
        projector.handle_command(Command::Load { url, start, title });
        projector.handle_command(Command::Play);
        Self { projector, told, heard: Vec::new(), shown }
    }

    fn shown(&self) -> u64 {
        self.shown.load(Ordering::Acquire)
    }

    fn clock(&self) -> Option<gst::Clock> {
        self.projector.film.as_ref().expect("it plays").pipeline.clock()
    }

    /// Drives it until a picture of such a place was shown.
    fn until(&mut self, what: &str, is_so: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so(self.shown()) {
            assert!(Instant::now() < deadline, "{what} never came: {:?}", self.heard);
            self.drive();
        }
    }

    /// A few thousandths of a second of its thread.
    fn drive(&mut self) {
        std::thread::sleep(Duration::from_millis(5));
        self.projector.handle_messages();
        if self.projector.poll_timeout().is_some_and(|due| due <= Instant::now()) {
            self.projector.handle_timeout(Instant::now());
        }
        let new = std::iter::from_fn(|| self.told.try_recv().ok());
        self.heard.extend(new);
        let is_over = |event: &Event| matches!(event, Event::Failed(_) | Event::Ended);
        assert!(!self.heard.iter().any(is_over), "it does not play: {:?}", self.heard);
    }
}

#[test]
fn a_clock_that_leaps_an_hour_ahead_is_put_right() {
    let mut scene = Scene::play();
    scene.until("the first second", |at| at > 1000);
    scene.projector.film.as_ref().expect("it plays").pipeline.leap(Duration::from_secs(3600));
    let before = scene.shown();
    scene.until("more of it", |at| at > before + 1000 && at < before + 10_000);
    assert!(!scene.heard.iter().any(|event| matches!(event, Event::Running(false))), "{:?}", scene.heard);
}

#[test]
fn a_clock_that_stands_is_put_right_though_somebody_seeks() {
    let mut scene = Scene::play();
    scene.until("the first half second", |at| at > 500);
    let broken = scene.clock().expect("it runs");
    let begin = Instant::now();
    let mut to = Duration::from_secs(1);
    // Whoever keeps it in step sees that it is late, and seeks.
    while scene.clock().is_none_or(|clock| clock == broken) {
        assert!(begin.elapsed() < Duration::from_secs(30), "it stands for ever: {:?}", scene.heard);
        broken.set_calibration(broken.internal_time(), broken.time(), 0, 1);
        if begin.elapsed() > to {
            to += Duration::from_millis(1200);
            scene.projector.handle_command(Command::Seek(to));
        }
        scene.drive();
    }
    let before = scene.shown();
    scene.until("more of it", |at| at > before + 1000);
}
