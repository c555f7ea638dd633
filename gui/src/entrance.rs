//! From a command line to a session: settings, the server, the room's address, the player.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine_proto::flags::LogLevel;
use session::clock::Clock;
use session::lan::{Announcement, EmbeddedServer, Resolved, resolve};
use session::player::{MpvOptions, MpvPlayer, NoPlayer, NullModel, NullPlayer, Player};
use session::proto::invite::Invite;
use session::proto::participant::{Entry, Setup};
use session::proto::server_url::ServerUrl;
use session::proto::settings::{Films, Recent, Settings};
use session::settings::{Home, Loaded, engine_config, machine};
use session::{EngineChoice, Options, Session};
use sharestream_engine::logging;
use signal_proto::ids::{ParticipantId, RoomCode};

use crate::args::{Args, PlayerChoice, Task};

/// A session, and what belongs to it for as long as it lasts.
pub(crate) struct Entrance {
    pub(crate) session: Session,
    /// Sentences to show before anything else.
    pub(crate) notes: Vec<String>,
    /// Between two views of `--headless`.
    pub(crate) every: Duration,
    pub(crate) hosting: bool,
    name: String,
    home: Option<Home>,
    /// As others reach the server.
    server: ServerUrl,
    announcement: Option<Announcement>,
    embedded: Option<EmbeddedServer>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEntrance {
    /// The room is not on this network, and no server is known.
    #[error(
        "No room {code} on this network, and no server is known.\nPaste the whole link instead of the code, or name the server: --server URL. (S002)"
    )]
    Nowhere { code: RoomCode },
    /// It is announced here, but nothing gets through.
    #[error(
        "Room {code} is on this network, but its computer lets nobody in.\nA firewall there is the usual reason: it must allow incoming connections to ShareStream. (S001)"
    )]
    Shut { code: RoomCode },
    /// The server inside the app does not start.
    #[error("{0}")]
    Embedded(#[from] session::lan::EmbeddedError),
    /// The session does not begin.
    #[error("{0}")]
    Session(#[from] session::StartError),
    /// The clock that was asked for is none.
    #[error("SHARESTREAM_CLOCK: {0}")]
    Clock(#[from] session::clock::NotAClock),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Chance(#[from] getrandom::Error),
}

impl Entrance {
    /// Does what can be done before the room.
    pub(crate) fn prepare(task: &Task, args: &Args) -> Result<Self, NoEntrance> {
        Self::prepare_with(task, args, |clock| player(args, clock))
    }

    /// The same with a player of the caller's.
    pub(crate) fn prepare_with(
        task: &Task,
        args: &Args,
        make_player: impl FnOnce(Clock) -> Box<dyn Player>,
    ) -> Result<Self, NoEntrance> {
        let home = args.settings.as_deref().map(Home::at).or_else(Home::system);
        let loaded = home.as_ref().map(Home::load);
        let (mut settings, mut notes) =
            loaded.as_ref().map(|loaded| (loaded.settings.clone(), loaded.notes.clone())).unwrap_or_default();
        install_log(args, home.as_ref(), loaded.as_ref(), &mut notes);
        take_over(&mut settings, args);

        let hosting = matches!(task, Task::Host { .. });
        let (entry, server, embedded) = where_to(task, &settings)?;
        let clock = match std::env::var("SHARESTREAM_CLOCK") {
            Ok(text) => Clock::parse(&text)?,
            Err(_) => Clock::system(),
        };
        let own_server = embedded.as_ref().and_then(|embedded| ServerUrl::parse(&embedded.own_url()).ok());
        let dialed = own_server.as_ref().unwrap_or(&server).clone();
        let player = make_player(clock);
        let name = settings.name.clone().unwrap_or_else(user_name);
        let setup = Setup {
            token: match &entry {
                Entry::Join { code } => remembered(home.as_ref(), &server, code),
                Entry::Create { .. } => None,
            },
            name: name.clone(),
            participant: participant()?,
            entry,
            film: match task {
                Task::Host { film, .. } => Some(absolute(film)),
                Task::Join { .. } => None,
            },
            rendezvous: dialed.rendezvous(),
            nonce: getrandom::u64()?,
            weak: settings.spares(&machine()).is_some(),
            offsets: settings.offsets.clone(),
            player: player.traits(),
            late_join: settings.late_join,
            spoiler_safe: settings.spoiler_safe,
            deletes_films: settings.films == Films::Delete,
            spectating: args.spectate || args.player == PlayerChoice::None,
            language: settings.language(|name| std::env::var(name).ok()),
        };
        if let Some(why) = settings.spares(&machine()) {
            notes.push(format!("Low-power profile: {why}. --low-power off changes that."));
        }
        let engine = match &args.engine {
            None => EngineChoice::InProcess(engine_config(&settings)),
            Some(path) => EngineChoice::Program {
                path: path.clone(),
                flags: engine_flags(&settings),
                log: home.as_ref().map(|home| home.folder().join("engine.log")),
            },
        };
        let session =
            Session::start(Options { setup, server: dialed.signal(), engine, player, home: home.clone(), clock })?;
        Ok(Self { session, notes, every: args.every, hosting, name, home, server, announcement: None, embedded })
    }

    /// The room has its code: what others are sent, and the local network hears of it.
    pub(crate) fn opened(&mut self, code: &str) -> Invite {
        let folded: String = code.chars().filter(|symbol| *symbol != '-').collect();
        let code = RoomCode::parse(&folded).expect("the session tells codes");
        if let Some(embedded) = self.embedded.as_ref().filter(|_| self.announcement.is_none()) {
            match Announcement::start(&code, &self.name, embedded.port()) {
                Ok(announcement) => self.announcement = Some(announcement),
                Err(error) => log::warn!("{error}"),
            }
        }
        Invite::new(code, Some(self.server.clone()))
    }

    /// The place in the room is kept for a program that starts anew.
    pub(crate) fn keep(&self, code: &str, token: String) {
        let (Some(home), Some(code)) = (&self.home, RoomCode::parse(code)) else { return };
        // A room inside this app ends with it.
        if self.embedded.is_some() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let recent = Recent::new(&self.server, &code, &self.name, now, Some(token));
        if let Err(error) = home.change_recent(|rooms| rooms.add(recent)) {
            log::warn!("the room is not remembered: {error}");
        }
    }

    /// The server is inside this app.
    pub(crate) const fn is_lan(&self) -> bool {
        self.embedded.is_some()
    }
}

/// What is set, with the flags on top.
pub(crate) fn settings_of(args: &Args) -> Settings {
    let home = args.settings.as_deref().map(Home::at).or_else(Home::system);
    let mut settings = home.map(|home| home.load().settings).unwrap_or_default();
    take_over(&mut settings, args);
    settings
}

/// The flags come before the settings.
fn take_over(settings: &mut Settings, args: &Args) {
    settings.server = args.server.clone().or(settings.server.take());
    settings.name = args.name.clone().or(settings.name.take());
    settings.download_folder = args.data_dir.clone().or(settings.download_folder.take());
    settings.listen_port = args.listen_port.or(settings.listen_port);
    settings.http_port = args.http_port.or(settings.http_port);
    settings.max_upload = args.max_upload.unwrap_or(settings.max_upload);
    settings.max_download = args.max_download.unwrap_or(settings.max_download);
    settings.disk_limit = args.disk_limit.unwrap_or(settings.disk_limit);
    settings.late_join = args.late.unwrap_or(settings.late_join);
    settings.low_power = args.low_power.unwrap_or(settings.low_power);
}

/// How the room is entered, and at which server: that of the link, that of this network, the configured one, or one of our own.
fn where_to(task: &Task, settings: &Settings) -> Result<(Entry, ServerUrl, Option<EmbeddedServer>), NoEntrance> {
    match task {
        Task::Host { code, .. } => {
            let entry = Entry::Create { code: code.clone() };
            if let Some(server) = &settings.server {
                return Ok((entry, server.clone(), None));
            }
            let mut config = signal::Config::default();
            // Nothing of a room at home is asked of the world.
            config.ice.stun.clear();
            let embedded = EmbeddedServer::start(config)?;
            let url = embedded.urls().into_iter().next().unwrap_or_else(|| embedded.own_url());
            let server = ServerUrl::parse(&url).expect("our own address is one");
            Ok((entry, server, Some(embedded)))
        }
        Task::Join { invite } => {
            let code = invite.code.clone();
            let entry = Entry::Join { code: code.clone() };
            if let Some(server) = &invite.server {
                return Ok((entry, server.clone(), None));
            }
            let configured = settings.server.as_ref().map(ServerUrl::signal);
            let found = smol::block_on(resolve(&code, configured.as_deref()));
            let url = match found {
                Resolved::Lan { server, .. } => server,
                Resolved::Configured(server) => server,
                Resolved::Nowhere { announced: Some(_) } => return Err(NoEntrance::Shut { code }),
                Resolved::Nowhere { announced: None } => return Err(NoEntrance::Nowhere { code }),
            };
            Ok((entry, ServerUrl::parse(&url).map_err(|_| NoEntrance::Nowhere { code })?, None))
        }
    }
}

/// What the flags ask for, outside of the window.
pub(crate) fn player(args: &Args, clock: Clock) -> Box<dyn Player> {
    let mpv = MpvOptions { program: args.mpv.clone(), flags: args.mpv_flags.clone(), clock };
    match args.player {
        PlayerChoice::Mpv => Box::new(MpvPlayer::new(mpv)),
        PlayerChoice::Unseen => Box::new(MpvPlayer::new(mpv.unseen())),
        #[cfg(feature = "window")]
        PlayerChoice::Own => crate::window::unseen_player(clock),
        PlayerChoice::Null => Box::new(NullPlayer::new(NullModel { clock, ..NullModel::default() })),
        PlayerChoice::None => Box::new(NoPlayer::default()),
    }
}

/// The same as [`engine_config`], as words for the engine's program.
fn engine_flags(settings: &Settings) -> Vec<String> {
    let config = engine_config(settings);
    vec![
        format!("-http-port={}", config.http_port),
        format!("-listen-port={}", config.listen_port),
        format!("-data-dir={}", config.data_dir.display()),
        format!("-max-upload={}", config.max_upload),
        format!("-max-download={}", config.max_download),
        format!("-disk-limit={}", config.disk_limit),
        format!("-upload={}", if config.upload { "on" } else { "off" }),
    ]
}

/// The flag's level, the variables', or that of the settings.
pub(crate) fn log_level(args: &Args, loaded: Option<&Loaded>) -> LogLevel {
    let variable = |name: &str| loaded.and_then(|loaded| loaded.variables.value(name).map(str::to_owned));
    let is_detailed = loaded.is_some_and(|loaded| loaded.settings.detailed_log);
    logging::level(args.log_level, variable, if is_detailed { LogLevel::Debug } else { LogLevel::Info })
}

/// Where the log is.
pub(crate) fn log_file(args: &Args, home: Option<&Home>) -> Option<String> {
    let usual = || home.map(|home| home.folder().join("sharestream.log"));
    args.log_file.clone().or_else(usual).map(|file| file.display().to_string())
}

/// The screen belongs to the room, so the log goes to a file.
fn install_log(args: &Args, home: Option<&Home>, loaded: Option<&Loaded>, notes: &mut Vec<String>) {
    let level = log_level(args, loaded);
    let Some(file) = log_file(args, home) else { return };
    if let Some(folder) = Path::new(&file).parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        return notes.push(format!("There is no log: {}: {error}", folder.display()));
    }
    logging::install(level, Some(&file));
}

fn remembered(home: Option<&Home>, server: &ServerUrl, code: &RoomCode) -> Option<String> {
    home?.recent().0.token(server, code).map(str::to_owned)
}

/// A name that nobody else has.
fn participant() -> Result<ParticipantId, getrandom::Error> {
    Ok(ParticipantId::parse(&format!("p{:016x}", getrandom::u64()?)).expect("letters and digits are an id"))
}

fn user_name() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|name| !name.trim().is_empty());
    variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "Somebody".to_owned())
}

/// Where the caller stands, and not where the engine does.
pub(crate) fn absolute(path: &str) -> String {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path)).display().to_string()
}
