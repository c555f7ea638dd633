//! The table of flags: it takes a command line apart, and makes the help.

use std::collections::BTreeMap;

use super::UsageError;

/// A flag: its name, what comes after it (nothing for a switch), and what it does.
pub(super) type Flag = (&'static str, &'static str, &'static str);

pub(super) const FLAGS: [Flag; 28] = [
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
pub(super) type Read<'a> = (Vec<&'a str>, BTreeMap<&'static str, Vec<String>>);

/// Takes the command line apart.
pub(super) fn read(words: &[String]) -> Result<Read<'_>, UsageError> {
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
