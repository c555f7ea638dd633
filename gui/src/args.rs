//! The command line: one table makes parser and help.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use engine_proto::flags::{self, LogLevel};
use session::proto::invite::Invite;
use session::proto::server_url::ServerUrl;
use session::proto::settings::LowPower;
use session::proto::wish::LateJoin;
use signal_proto::ids::RoomCode;

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

/// A flag: its name, what comes after it (nothing for a switch), and what it does.
type Flag = (&'static str, &'static str, &'static str);

const FLAGS: [Flag; 28] = [
    ("server", "URL", "the rooms' server; without one, hosting starts a server of its own for the local network"),
    ("name", "NAME", "what the others see; the system's user otherwise"),
    ("code", "CODE", "the new room's code, if it is free"),
    ("window", "", "in a window instead of the terminal"),
    ("kiosk", "", "in a window that fills the screen, without a desktop too"),
    ("size", "WIDTHxHEIGHT", "of the window, in pixels; with --kiosk it does not fill the screen then"),
    ("place", "LEFT,TOP", "of the window, in pixels"),
    ("lines", "", "beside the window the JSON lines of --headless, on stdin and stdout"),
    (
        "player",
        "own|mpv|unseen|null|none",
        "the window's own; a window of mpv; mpv without window and sound; a model of a player; no player",
    ),
    ("mpv", "PATH", "mpv's program"),
    ("mpv-flag", "FLAG", "a flag for mpv; may be given more than once"),
    (
        "late",
        "now|start|ask",
        "in a film that runs already: where the others are, from its start a little faster, or ask",
    ),
    ("spectate", "", "only watch: nobody waits for this participant, and the room does not move its player"),
    ("headless", "", "no screen: JSON lines on stdin and stdout, for programs"),
    ("every", "MS", "the shortest time between two views of --headless; 250"),
    ("data-dir", "PATH", "where downloads live"),
    ("listen-port", "PORT", "the port for the others' engines; 0 for any"),
    ("http-port", "PORT", "the port of the local server for players; 0 for any"),
    ("max-upload", "BYTES", "a second, to all others, with K, M or G for 1024 and its powers; 0 for no limit"),
    ("max-download", "BYTES", "a second, from all others"),
    ("disk-limit", "BYTES", "of downloads kept on disk; 0 for no limit"),
    ("engine", "PATH", "run the engine as this program instead of inside"),
    ("low-power", "auto|on|off", "spare the machine"),
    ("settings", "PATH", "the folder of settings; the system's own otherwise"),
    ("log-file", "PATH", "the log; sharestream.log in the folder of settings otherwise"),
    ("log-level", "LEVEL", "off, error, warn, info, debug or trace"),
    ("version", "", "say the version"),
    ("help", "", "this"),
];

/// The flag that may be given more than once.
const REPEATED: &str = "mpv-flag";

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

/// `1280x720`.
fn size(text: &str) -> Result<(u32, u32), UsageError> {
    let parts = text.split_once(['x', 'X']);
    let parsed = parts.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed
        .filter(|(width, height)| [width, height].iter().all(|side| (100..=16_384).contains(*side)))
        .ok_or_else(|| wrong("size", "WIDTHxHEIGHT in pixels, as 1280x720"))
}

/// `320,0`.
fn place(text: &str) -> Result<(i32, i32), UsageError> {
    let parts = text.split_once(',');
    let parsed = parts.and_then(|(left, top)| Some((left.parse().ok()?, top.parse().ok()?)));
    parsed.ok_or_else(|| wrong("place", "LEFT,TOP in pixels, as 320,0"))
}

/// What `--help` prints.
pub(crate) fn help() -> String {
    let mut text = if cfg!(feature = "window") {
        "sharestream                       opens the window\nsharestream FILE|LINK             opens it and shares that film, or comes into that room\n"
    } else {
        ""
    }
    .to_owned();
    text.push_str(
        "sharestream host FILE [flags]     shares a film or folder in a new room, and plays it
sharestream join CODE|LINK        comes into somebody's room
sharestream doctor                looks at this machine and its network: what works, what would help

",
    );
    let width = FLAGS.iter().map(|(name, takes, _)| name.len() + takes.len()).max().unwrap_or_default() + 5;
    for (name, takes, does) in FLAGS {
        let flag = format!("  --{name} {takes}");
        text.push_str(&format!("{flag:width$}  {does}\n"));
    }
    text.push_str(
        "\nIn a terminal, ? shows the keys. Settings, and the variables SERVER_URL and others: docs/settings.md.\n",
    );
    text
}

/// The words that are no flags, and each flag's values in their order.
type Read<'a> = (Vec<&'a str>, BTreeMap<&'static str, Vec<String>>);

fn read(words: &[String]) -> Result<Read<'_>, UsageError> {
    let (mut rest, mut given) = (Vec::new(), BTreeMap::<_, Vec<String>>::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        // One dash and two are the same; a dash alone is a name.
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|flag| !flag.is_empty())
        else {
            rest.push(word.as_str());
            continue;
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
        let name = if name == "h" { "help" } else { name };
        let Some((name, takes, _)) = FLAGS.iter().find(|(known, _, _)| *known == name) else {
            return Err(UsageError(format!("there is no flag --{}", name.escape_debug())));
        };
        let value = match (takes.is_empty(), value) {
            (true, None) => String::new(),
            (true, Some(_)) => return Err(UsageError(format!("--{name} takes no value"))),
            (false, Some(value)) => value,
            (false, None) => {
                words.next().cloned().ok_or_else(|| UsageError(format!("--{name} needs a value: {takes}")))?
            }
        };
        let values = given.entry(*name).or_default();
        if !values.is_empty() && *name != REPEATED && !takes.is_empty() {
            return Err(UsageError(format!("--{name} was given twice")));
        }
        values.push(value);
    }
    Ok((rest, given))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|_| wrong(name, "a number"))
}

/// As the engine's flags.
fn bytes(name: &str, text: &str) -> Result<u64, UsageError> {
    flags::size(text).ok_or_else(|| wrong(name, "a number of bytes, with K, M or G after it"))
}

fn wrong(name: &str, right: &str) -> UsageError {
    UsageError(format!("--{name} takes {right}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Invocation, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn room(line: &str) -> (Task, Args) {
        match words(line) {
            Ok(Invocation::Room(task, args)) => (task, *args),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_film_is_hosted_and_a_room_joined() {
        let (task, host) = room("host /films/a.mkv --code my-room -name=Ana --max-upload 2M --headless -player unseen");
        assert!(
            matches!(&task, Task::Host { film, code: Some(code) } if film == "/films/a.mkv" && code.as_str() == "MYROOM")
        );
        assert_eq!((host.name.as_deref(), host.max_upload, host.headless), (Some("Ana"), Some(2 << 20), true));
        assert_eq!(host.player, PlayerChoice::Unseen);
        assert!(matches!(words("doctor --headless"), Ok(Invocation::Doctor(args)) if args.headless));
        let (task, join) = room("join abc1-2345 --mpv-flag --no-border --mpv-flag=--geometry=320x180");
        assert!(matches!(&task, Task::Join { invite } if invite.code.as_str() == "ABC12345"));
        assert_eq!(join.mpv_flags, ["--no-border", "--geometry=320x180"]);
        assert!(
            matches!(room("join https://share.example/j/ABC1-2345").0, Task::Join { invite } if invite.server.is_some())
        );
    }

    #[cfg(feature = "window")]
    #[test]
    fn the_window_opens() {
        assert!(matches!(words(""), Ok(Invocation::Window(None, args)) if args.player == PlayerChoice::Own));
        assert!(
            matches!(words("--size 1280x720"), Ok(Invocation::Window(None, args)) if args.size == Some((1280, 720)))
        );
        assert!(
            matches!(words("join ABC1-2345 --kiosk"), Ok(Invocation::Window(Some(Task::Join { .. }), args)) if args.kiosk)
        );
        assert!(matches!(
            words("host a.mkv --window --player null"),
            Ok(Invocation::Window(Some(Task::Host { .. }), _))
        ));
        assert!(matches!(words("sharestream://join/ABC1-2345"), Ok(Invocation::Window(Some(Task::Join { .. }), _))));
        assert!(matches!(words("Cargo.toml"), Ok(Invocation::Window(Some(Task::Host { .. }), _))));
        assert!(matches!(words("host a.mkv"), Ok(Invocation::Room(..))));
    }

    #[test]
    fn help_and_version() {
        #[cfg(not(feature = "window"))]
        assert!(matches!(words(""), Ok(Invocation::Help)));
        assert!(matches!(words("-h"), Ok(Invocation::Help)));
        assert!(matches!(words("host x --help"), Ok(Invocation::Help)));
        assert!(matches!(words("--version"), Ok(Invocation::Version)));
        for (name, _, _) in FLAGS {
            assert!(help().contains(&format!("--{name} ")), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        for (line, about) in [
            ("host", "host what"),
            ("host a b", "one film"),
            ("join", "join what"),
            ("join !", "code"),
            ("dance", "`dance`"),
            ("host a --window --headless", "--headless"),
            ("host a --size big", "--size takes"),
            ("host a --place there", "--place takes"),
            ("host a --lines", "--lines is for the window"),
            ("host a --size 10x10", "--size takes"),
            ("https://share.example/", "no file"),
            ("host a --wings", "--wings"),
            ("host a --name", "--name needs a value"),
            ("host a --headless=yes", "takes no value"),
            ("host a --name A --name B", "twice"),
            ("host a --code ?", "--code takes"),
            ("join ABC12345 --code XYZW", "new rooms"),
            ("host a --player vlc", "--player takes"),
            ("host a --late never", "--late takes"),
            ("host a --low-power maybe", "--low-power takes"),
            ("host a --log-level loud", "--log-level takes"),
            ("host a --max-upload 2T", "--max-upload takes"),
            ("host a --max-upload 99999999999999999999", "--max-upload takes"),
            ("host a --listen-port 70000", "--listen-port takes"),
            ("host a --every soon", "--every takes"),
            ("host a --server ftp://x", "--server"),
            ("--headless", "what to do"),
        ] {
            let error = words(line).expect_err(line).to_string();
            assert!(error.contains(about), "{line}: {error}");
        }
    }
}
