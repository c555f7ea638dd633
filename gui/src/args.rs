//! The command line: one table makes parser and help.

mod flags;
#[cfg(test)]
mod tests;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use engine_proto::flags::LogLevel;
use session::proto::invite::Invite;
use session::proto::server_url::ServerUrl;
use session::proto::settings::LowPower;
use session::proto::wish::LateJoin;
use signal_proto::ids::RoomCode;

pub(crate) use flags::help;
use flags::read;
use values::{bytes, number, place, size, wrong};

/// What the program is asked for.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// A room, in a terminal or as JSON lines.
    Room(Task, Box<Args>),
    /// The window, in a room or on its first screen.
    #[cfg(feature = "window")]
    Window(Option<Task>, Box<Args>),
    /// A look at this machine and its network.
    Doctor(Box<Args>),
}

/// A command line that can be followed.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) headless: bool,
    /// Between two views of `--headless`.
    pub(crate) every: Duration,
    pub(crate) server: Option<ServerUrl>,
    pub(crate) name: Option<String>,
    pub(crate) player: PlayerChoice,
    pub(crate) mpv: PathBuf,
    pub(crate) mpv_flags: Vec<String>,
    pub(crate) engine: Option<PathBuf>,
    pub(crate) data_dir: Option<String>,
    pub(crate) listen_port: Option<u16>,
    pub(crate) http_port: Option<u16>,
    pub(crate) max_upload: Option<u64>,
    pub(crate) max_download: Option<u64>,
    pub(crate) disk_limit: Option<u64>,
    pub(crate) late: Option<LateJoin>,
    pub(crate) low_power: Option<LowPower>,
    pub(crate) spectate: bool,
    /// The window fills the screen, and nobody gets out of it.
    pub(crate) kiosk: bool,
    /// Of the window, in pixels.
    pub(crate) size: Option<(u32, u32)>,
    /// Its upper left corner, in pixels.
    pub(crate) place: Option<(i32, i32)>,
    /// JSON lines beside the window.
    pub(crate) lines: bool,
    pub(crate) settings: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) log_level: Option<LogLevel>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Share a film in a new room.
    Host {
        /// The file or folder.
        film: String,
        /// The room's code.
        code: Option<RoomCode>,
    },
    /// Come into somebody's room.
    Join {
        /// As it was pasted.
        invite: Invite,
    },
}

/// What shows the film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlayerChoice {
    /// A window of mpv.
    Mpv,
    /// mpv without window and sound.
    Unseen,
    /// The app's own, in its window; without a window unseen and silent.
    #[cfg(feature = "window")]
    Own,
    /// A model that reads as a player does, and shows nothing.
    Null,
    /// Nothing: the film is only shared, and nobody waits for this participant.
    None,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// Reads the words after the program's name.
///
/// # Errors
/// When they cannot be followed; the words say what would be right.
pub(crate) fn parse(words: &[String]) -> Result<Invocation, UsageError> {
    let (rest, given) = read(words)?;
    if given.contains_key("help") || (words.is_empty() && !cfg!(feature = "window")) {
        return Ok(Invocation::Help);
    }
    if given.contains_key("version") {
        return Ok(Invocation::Version);
    }
    let last = |name: &str| given.get(name).and_then(|values| values.last()).map(String::as_str);
    let windowed = ["window", "kiosk"].into_iter().any(|flag| given.contains_key(flag));
    if windowed && !cfg!(feature = "window") {
        return Err(UsageError("this program was built without its window".to_owned()));
    }
    let headless = given.contains_key("headless");
    let commanded = rest.first().is_some_and(|first| COMMANDS.contains(first));
    if given.contains_key("lines") && (headless || (commanded && !windowed)) {
        return Err(UsageError("--lines is for the window: beside it, --headless is the same".to_owned()));
    }
    if windowed && headless {
        return Err(UsageError("--headless is without a window".to_owned()));
    }
    let task = match &rest[..] {
        ["host", film] => Some(Task::Host {
            film: (*film).to_owned(),
            code: last("code")
                .map(|code| {
                    let folded: String = code.chars().filter(|symbol| *symbol != '-').collect();
                    RoomCode::parse(&folded).ok_or_else(|| wrong("code", "4 to 32 letters, digits and hyphens"))
                })
                .transpose()?,
        }),
        ["join", invite @ ..] if !invite.is_empty() => {
            let invite = Invite::parse(&invite.join(" ")).map_err(|error| UsageError(error.to_string()))?;
            Some(Task::Join { invite })
        }
        ["doctor"] => None,
        // As a desktop starts it, by a link or with a film.
        [thing] if cfg!(feature = "window") && !headless && !COMMANDS.contains(thing) => Some(of_desktop(thing)?),
        ["host"] => return Err(UsageError("host what? Name a film: sharestream host FILE".to_owned())),
        ["host", ..] => return Err(UsageError("one film or folder at a time: sharestream host FILE".to_owned())),
        ["join"] => return Err(UsageError("join what? Paste a code or link: sharestream join ABC1-2345".to_owned())),
        [] if cfg!(feature = "window") && !headless => None,
        [] => return Err(UsageError("what to do: host a FILE, join a CODE, or ask the doctor?".to_owned())),
        [other, ..] => return Err(UsageError(format!("`{}` is nothing that can be done", other.escape_debug()))),
    };
    if last("code").is_some() && !matches!(task, Some(Task::Host { .. })) {
        return Err(UsageError("--code is for new rooms".to_owned()));
    }
    let opens_window =
        cfg!(feature = "window") && (windowed || !matches!(rest.first(), Some(&("host" | "join" | "doctor"))));
    let args = Box::new(Args {
        headless,
        every: Duration::from_millis(last("every").map(|text| number("every", text)).transpose()?.unwrap_or(250)),
        server: last("server")
            .map(|url| ServerUrl::parse(url).map_err(|error| UsageError(format!("--server: {error}"))))
            .transpose()?,
        name: last("name").map(str::to_owned).filter(|name| !name.trim().is_empty()),
        player: match last("player") {
            None => {
                if opens_window {
                    PlayerChoice::in_window()
                } else {
                    PlayerChoice::Mpv
                }
            }
            Some("mpv") => PlayerChoice::Mpv,
            #[cfg(feature = "window")]
            Some("own") => PlayerChoice::Own,
            Some("unseen") => PlayerChoice::Unseen,
            Some("null") => PlayerChoice::Null,
            Some("none") => PlayerChoice::None,
            Some(_) => return Err(wrong("player", "own, mpv, unseen, null or none")),
        },
        mpv: last("mpv").unwrap_or("mpv").into(),
        mpv_flags: given.get("mpv-flag").cloned().unwrap_or_default(),
        engine: last("engine").map(PathBuf::from),
        data_dir: last("data-dir").map(str::to_owned),
        listen_port: last("listen-port").map(|text| number("listen-port", text)).transpose()?,
        http_port: last("http-port").map(|text| number("http-port", text)).transpose()?,
        max_upload: last("max-upload").map(|text| bytes("max-upload", text)).transpose()?,
        max_download: last("max-download").map(|text| bytes("max-download", text)).transpose()?,
        disk_limit: last("disk-limit").map(|text| bytes("disk-limit", text)).transpose()?,
        late: match last("late") {
            None => None,
            Some("now") => Some(LateJoin::Now),
            Some("start") => Some(LateJoin::FromStart),
            Some("ask") => Some(LateJoin::Ask),
            Some(_) => return Err(wrong("late", "now, start or ask")),
        },
        low_power: match last("low-power") {
            None => None,
            Some("auto") => Some(LowPower::Auto),
            Some("on") => Some(LowPower::On),
            Some("off") => Some(LowPower::Off),
            Some(_) => return Err(wrong("low-power", "auto, on or off")),
        },
        spectate: given.contains_key("spectate"),
        kiosk: given.contains_key("kiosk"),
        size: last("size").map(size).transpose()?,
        place: last("place").map(place).transpose()?,
        lines: given.contains_key("lines"),
        settings: last("settings").map(PathBuf::from),
        log_file: last("log-file").map(PathBuf::from),
        log_level: last("log-level")
            .map(|name| {
                LogLevel::named(name).ok_or_else(|| wrong("log-level", "off, error, warn, info, debug or trace"))
            })
            .transpose()?,
    });
    Ok(match task {
        #[cfg(feature = "window")]
        task if opens_window => Invocation::Window(task, args),
        Some(task) => Invocation::Room(task, args),
        None => Invocation::Doctor(args),
    })
}

impl PlayerChoice {
    /// What shows the film in a window when nothing else was asked for.
    const fn in_window() -> Self {
        #[cfg(feature = "window")]
        {
            Self::Own
        }
        #[cfg(not(feature = "window"))]
        {
            Self::Mpv
        }
    }
}

/// Words that are no films and no invitations.
const COMMANDS: [&str; 3] = ["host", "join", "doctor"];

/// A film that is there, or an invitation.
fn of_desktop(thing: &str) -> Result<Task, UsageError> {
    if std::path::Path::new(thing).exists() {
        return Ok(Task::Host { film: thing.to_owned(), code: None });
    }
    // A word that looks like a code is more likely a command that was mistyped.
    if !thing.contains([':', '/']) && !thing.contains(|symbol: char| symbol.is_ascii_digit()) {
        return Err(UsageError(format!("`{}` is nothing that can be done, no film and no link", thing.escape_debug())));
    }
    match Invite::parse(thing) {
        Ok(invite) => Ok(Task::Join { invite }),
        Err(error) => {
            Err(UsageError(format!("there is no file {}, and as an invitation: {error}", thing.escape_debug())))
        }
    }
}
