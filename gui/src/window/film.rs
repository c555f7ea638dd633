//! The app's own player, and the stage on which its pictures appear.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use media::{Cue, Frame, Sound};
use session::clock::Clock;
use session::player::Player;
use session::proto::player::{Command, Event, Failure, Sample, Track, TrackKind, Traits};
use signal_proto::time::MediaTime;
use slint::{ComponentHandle as _, Image, Rgba8Pixel, SharedPixelBuffer, SharedString, Weak};
use smol::Task;
use smol::channel::{Receiver, Sender, bounded};
use ui::AppWindow;

use crate::args::{Args, PlayerChoice};

/// Events that wait for the session. Full: the player's events wait in the player.
const EVENTS_MAX: usize = 256;

/// What it takes from "play" to the first new frame, before that was measured.
const START_LATENCY: Duration = Duration::from_millis(5);

/// What the window knows of the film beside the view, and where pictures go. The window's own.
pub(super) struct Stage {
    screen: Arc<Screen>,
    /// The subtitles that were shown last, for the key that shows them again.
    pub(super) last_subtitles: Cell<Option<u32>>,
    /// Seconds.
    pub(super) subtitle_delay: Cell<f64>,
    /// Subtitles of which it is not said yet for whom they are.
    pub(super) offered: RefCell<Option<PathBuf>>,
}

impl Stage {
    pub(super) fn new(app: &AppWindow) -> Self {
        Self {
            screen: Arc::new(Screen { app: app.as_weak(), newest: Mutex::new(None), underway: AtomicBool::new(false) }),
            last_subtitles: Cell::new(None),
            subtitle_delay: Cell::new(0.0),
            offered: RefCell::new(None),
        }
    }

    /// Makes the player of a room, on whatever thread.
    pub(super) fn player_factory(&self, args: &Args) -> impl FnOnce(Clock) -> Box<dyn Player> + Send + use<> {
        let (screen, args) = (Arc::clone(&self.screen), args.clone());
        move |clock| match args.player {
            PlayerChoice::Own => {
                let said = Arc::clone(&screen);
                let cues = Arc::clone(&screen);
                Box::new(OwnPlayer::new(
                    media::Options {
                        frames: Arc::new(move |frame| screen.show(frame)),
                        cues: Arc::new(move |cue| cues.say(cue)),
                        sound: sound(),
                        clock: Arc::new(move || clock.now()),
                    },
                    move |aside| said.aside(aside),
                ))
            }
            PlayerChoice::Mpv | PlayerChoice::Unseen | PlayerChoice::Null | PlayerChoice::None => {
                crate::entrance::player(&args, clock)
            }
        }
    }
}

/// The app's player without anybody to see or hear it.
pub(crate) fn unseen_player(clock: Clock) -> Box<dyn Player> {
    let options = media::Options {
        frames: Arc::new(|_| {}),
        cues: Arc::new(|_| {}),
        sound: Sound::Silent,
        clock: Arc::new(move || clock.now()),
    };
    Box::new(OwnPlayer::new(options, |_| {}))
}

/// `SHARESTREAM_SOUND=silent` is for machines without anybody to hear.
fn sound() -> Sound {
    match std::env::var("SHARESTREAM_SOUND").as_deref() {
        Ok("silent") => Sound::Silent,
        Ok(_) | Err(_) => Sound::Auto,
    }
}

/// What is worth showing beside what a session asks of a player.
#[derive(Clone, Debug, PartialEq)]
enum Aside {
    Decoder { name: String, hardware: bool },
    Note(String),
}

/// Where pictures appear. Shared with the threads that make them.
struct Screen {
    app: Weak<AppWindow>,
    /// The picture that the window has not taken yet: a later one takes its place.
    newest: Mutex<Option<SharedPixelBuffer<Rgba8Pixel>>>,
    /// The window was told that there is one.
    underway: AtomicBool,
}

impl Screen {
    fn show(self: &Arc<Self>, frame: &Frame<'_>) {
        let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(frame.width, frame.height);
        let row = frame.width as usize * 4;
        let rows = frame.rgba.chunks(frame.stride).zip(pixels.make_mut_bytes().chunks_exact_mut(row));
        for (from, to) in rows {
            if let Some(from) = from.get(..row) {
                to.copy_from_slice(from);
            }
        }
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(pixels);
        if self.underway.swap(true, Ordering::AcqRel) {
            return;
        }
        let screen = Arc::clone(self);
        let told = self.app.upgrade_in_event_loop(move |app| {
            screen.underway.store(false, Ordering::Release);
            let newest = screen.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(pixels) = newest {
                let player = app.global::<ui::Player>();
                player.set_picture(Image::from_rgba8(pixels));
                player.set_has_picture(true);
            }
        });
        // The window has closed.
        if told.is_err() {
            self.underway.store(false, Ordering::Release);
        }
    }

    fn say(&self, cue: Option<Cue>) {
        let text = cue.map(|cue| words_of(&cue)).unwrap_or_default();
        self.on_window(move |app| app.global::<ui::Player>().set_cue(SharedString::from(text)));
    }

    fn aside(&self, aside: Aside) {
        self.on_window(move |app| match aside {
            Aside::Decoder { name, hardware } => {
                let how = if hardware { "GPU" } else { "CPU" };
                app.global::<ui::Player>().set_decoder(format!("{name} ({how})").into());
            }
            Aside::Note(words) => app.global::<ui::Room>().invoke_note(words.into()),
        });
    }

    fn on_window(&self, act: impl FnOnce(AppWindow) + Send + 'static) {
        if let Err(error) = self.app.upgrade_in_event_loop(act) {
            log::debug!("the window is gone: {error}");
        }
    }
}

fn words_of(cue: &Cue) -> String {
    let line = |line: &media::Line| line.spans.iter().map(|span| span.text.as_str()).collect::<String>();
    cue.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A player of the `media` crate in the session's words.
struct OwnPlayer {
    player: media::Player,
    events: Receiver<Event>,
    /// Ends with the player.
    _translation: Task<()>,
}

impl OwnPlayer {
    fn new(options: media::Options, aside: impl Fn(Aside) + Send + 'static) -> Self {
        let player = media::Player::new(options);
        let (events_in, events) = bounded(EVENTS_MAX);
        let translation = smol::spawn(translate(player.events(), events_in, aside));
        Self { player, events, _translation: translation }
    }
}

impl Player for OwnPlayer {
    fn traits(&self) -> Traits {
        Traits { live_rate_max: media::LIVE_RATE_MAX, keeps_pitch: false, start_latency: START_LATENCY }
    }

    fn command(&mut self, command: Command) {
        use media::Command as To;
        let command = match command {
            Command::Load { url, start, title } => To::Load { url, start: duration(start), title },
            Command::Unload => To::Unload,
            Command::Play => To::Play,
            Command::Pause => To::Pause,
            Command::Seek(to) => To::Seek(duration(to)),
            Command::SetRate(rate) => To::SetRate(rate),
            Command::AskPosition => To::AskPosition,
            Command::SetVolume(volume) => To::SetVolume(volume),
            Command::SetMuted(muted) => To::SetMuted(muted),
            Command::SelectTrack(kind, id) => To::SelectTrack(kind_out(kind), id),
            Command::AddSubtitles(path) => To::AddSubtitles(path),
            Command::SetSubtitleDelay(delay) => To::SetSubtitleDelay(delay),
            Command::StepFrame(frames) => To::StepFrame(frames),
            // The window shows words itself.
            Command::ShowText(_) => return,
        };
        self.player.command(command);
    }

    fn events(&self) -> Receiver<Event> {
        self.events.clone()
    }
}

async fn translate(from: Receiver<media::Event>, to: Sender<Event>, aside: impl Fn(Aside)) {
    use media::Event as From;
    while let Ok(event) = from.recv().await {
        let event = match event {
            From::Opened { duration, tracks } => {
                Event::Opened { duration: duration.map(media_time), tracks: tracks.into_iter().map(track).collect() }
            }
            From::Tracks(tracks) => Event::Tracks(tracks.into_iter().map(track).collect()),
            From::Running(running) => Event::Running(running),
            From::Buffering(buffering) => Event::Buffering(buffering),
            From::Position(sample) => {
                Event::Position(Sample { at: media_time(sample.at), taken: sample.taken, moving: sample.moving })
            }
            From::Sought(at) => Event::Sought(media_time(at)),
            From::SeekFailed => Event::SeekFailed,
            From::Output { name } => Event::Output(name),
            From::Ended => Event::Ended,
            From::Failed(failure) => Event::Failed(match failure {
                media::Failure::NoDecoder { codec, help } => Failure::NoDecoder { codec: with_help(codec, &help) },
                media::Failure::Unreadable { why } => Failure::Unreadable { why },
                media::Failure::NoPlayer { why } => Failure::NoPlayer { why },
            }),
            From::Missing { codec, help, .. } => {
                aside(Aside::Note(with_help(codec, &help)));
                continue;
            }
            From::Decoder { name, hardware } => {
                aside(Aside::Decoder { name, hardware });
                continue;
            }
            From::NoSubtitles { name, why } => {
                aside(Aside::Note(format!("{name}: {why}")));
                continue;
            }
            From::NoSoundDevice => {
                aside(Aside::Note(String::new()));
                continue;
            }
            From::Late { frames } => {
                log::debug!("{frames} pictures came too late");
                continue;
            }
        };
        if to.send(event).await.is_err() {
            return;
        }
    }
}

/// "H.265 video (gstreamer1.0-libav)".
fn with_help(codec: String, help: &str) -> String {
    if help.is_empty() { codec } else { format!("{codec} ({help})") }
}

fn track(track: media::Track) -> Track {
    let media::Track { kind, id, language, title, codec, selected } = track;
    let kind = match kind {
        media::TrackKind::Video => TrackKind::Video,
        media::TrackKind::Audio => TrackKind::Audio,
        media::TrackKind::Subtitle => TrackKind::Subtitle,
    };
    Track { kind, id, language, title, codec, selected }
}

const fn kind_out(kind: TrackKind) -> media::TrackKind {
    match kind {
        TrackKind::Video => media::TrackKind::Video,
        TrackKind::Audio => media::TrackKind::Audio,
        TrackKind::Subtitle => media::TrackKind::Subtitle,
    }
}

fn duration(time: MediaTime) -> Duration {
    Duration::try_from_secs_f64(time.seconds()).unwrap_or_default()
}

fn media_time(time: Duration) -> MediaTime {
    MediaTime::saturating(time.as_secs_f64())
}
