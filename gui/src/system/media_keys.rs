//! Media keys and the desktop's own controls of players (MPRIS 2).

use std::rc::Rc;
use std::time::Duration;

use mpris_server::{Metadata, PlaybackStatus, Player, Time};
use smol::LocalExecutor;
use smol::channel::{Receiver, Sender, bounded};

/// Wishes that wait to be heard, and states that wait to be told. Full: the newer ones are lost, and the next one counts.
const QUEUE_MAX: usize = 32;

/// What the desktop shows of a film.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    /// The film's name; `None`: there is no film.
    pub(crate) title: Option<String>,
    pub(crate) playing: bool,
    pub(crate) position: Duration,
    pub(crate) length: Option<Duration>,
    pub(crate) may_control: bool,
    /// 0 to 1.
    pub(crate) volume: f64,
    pub(crate) rate: f64,
}

/// What a person wants by the desktop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    PlayPause,
    Play,
    Pause,
    /// Seconds on, or back.
    SeekBy(f64),
    /// To that second.
    SeekTo(f64),
    /// 0 to 1.
    Volume(f64),
    /// The window comes to the front.
    Raise,
    /// The window closes.
    Quit,
}

/// The desktop's view of the player. It goes with the value.
pub(crate) struct MediaKeys {
    shown: Sender<Shown>,
    wanted: Receiver<Wanted>,
}

impl MediaKeys {
    /// On a thread of its own; without a desktop it does nothing.
    pub(crate) fn start() -> Self {
        let (shown, shown_out) = bounded(QUEUE_MAX);
        let (wanted_in, wanted) = bounded(QUEUE_MAX);
        let run = move || {
            if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none_or(|address| address.is_empty()) {
                return;
            }
            if let Err(error) = serve(&shown_out, &wanted_in) {
                log::info!("media keys are not heard: {error}");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("media keys".to_owned()).spawn(run) {
            log::info!("media keys are not heard: {error}");
        }
        Self { shown, wanted }
    }

    /// How the film is now.
    pub(crate) fn show(&self, shown: Shown) {
        // Full or closed: nobody looks.
        let _ = self.shown.try_send(shown);
    }

    /// What is wanted; closed where there is no desktop.
    pub(crate) fn wanted(&self) -> Receiver<Wanted> {
        self.wanted.clone()
    }
}

fn serve(shown: &Receiver<Shown>, wanted: &Sender<Wanted>) -> mpris_server::zbus::Result<()> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let name = format!("sharestream.instance{}", std::process::id());
        let player = Player::builder(&name)
            .identity("ShareStream")
            .desktop_entry("sharestream")
            .can_raise(true)
            .can_quit(true)
            .minimum_rate(0.5)
            .maximum_rate(2.0)
            .build()
            .await?;
        let player = Rc::new(player);
        connect(&player, wanted);
        let _serving = executor.spawn(player.run());
        let mut before = Shown::default();
        while let Ok(now) = shown.recv().await {
            tell(&player, &before, &now).await?;
            before = now;
        }
        Ok(())
    }))
}

fn connect(player: &Player, wanted: &Sender<Wanted>) {
    let teller = || {
        let wanted = wanted.clone();
        // Full: the window is busy with others of them.
        move |what: Wanted| {
            let _ = wanted.try_send(what);
        }
    };
    let says = |what: Wanted| {
        let tell = teller();
        move |_: &Player| tell(what)
    };
    player.connect_play_pause(says(Wanted::PlayPause));
    player.connect_play(says(Wanted::Play));
    player.connect_pause(says(Wanted::Pause));
    player.connect_stop(says(Wanted::Pause));
    player.connect_raise(says(Wanted::Raise));
    player.connect_quit(says(Wanted::Quit));
    let tell = teller();
    player.connect_seek(move |_, by| tell(Wanted::SeekBy(seconds(by))));
    let tell = teller();
    player.connect_set_position(move |_, _, at| tell(Wanted::SeekTo(seconds(at).max(0.0))));
    let tell = teller();
    player.connect_set_volume(move |_, volume| tell(Wanted::Volume(volume.clamp(0.0, 1.0))));
}

/// Only what changed: every word is heard by the whole desktop.
async fn tell(player: &Player, before: &Shown, now: &Shown) -> mpris_server::zbus::Result<()> {
    player.set_position(time(now.position));
    if before.title != now.title || before.length != now.length {
        let mut metadata = Metadata::new();
        metadata.set_title(now.title.clone());
        metadata.set_length(now.length.map(time));
        player.set_metadata(metadata).await?;
        player.set_can_play(now.title.is_some()).await?;
        player.set_can_pause(now.title.is_some()).await?;
    }
    if before.may_control != now.may_control {
        player.set_can_seek(now.may_control).await?;
    }
    if before.playing != now.playing || before.title != now.title {
        let status = match (&now.title, now.playing) {
            (None, _) => PlaybackStatus::Stopped,
            (Some(_), true) => PlaybackStatus::Playing,
            (Some(_), false) => PlaybackStatus::Paused,
        };
        player.set_playback_status(status).await?;
    }
    if (before.volume - now.volume).abs() > 0.001 {
        player.set_volume(now.volume).await?;
    }
    if (before.rate - now.rate).abs() > 0.001 && now.rate > 0.0 {
        player.set_rate(now.rate).await?;
    }
    Ok(())
}

fn time(time: Duration) -> Time {
    Time::from_micros(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
}

fn seconds(time: Time) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a film has fewer microseconds than 2^53")]
    let micros = time.as_micros() as f64;
    micros / 1_000_000.0
}
