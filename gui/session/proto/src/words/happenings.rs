//! What happened in the room, as lines between those of the chat.

use signal_proto::roles::{ControlMode, Role};
use signal_proto::time::MediaTime;

use super::{Language, in_both};

/// Something that everybody in the room should see among the lines. Names are as they are known, or as [`super::somebody`] says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happening<'a> {
    /// One is in the room of that code.
    Entered { code: &'a str },
    /// The server was lost, and is back.
    ServerBack,
    /// Somebody came.
    Joined { name: &'a str },
    /// Somebody left.
    Left { name: &'a str },
    /// The host made somebody leave.
    Removed { name: &'a str },
    /// Somebody's connection is lost.
    LostConnection { name: &'a str },
    /// It is there again.
    Back { name: &'a str },
    /// The host's connection is lost; so many seconds are theirs.
    HostLost { name: &'a str, seconds: u64 },
    /// Somebody else is host.
    Host { name: &'a str },
    /// One is host oneself.
    YouHost,
    /// Somebody has another role.
    Role { name: &'a str, role: Role },
    /// The host said who controls the film.
    Control(&'a ControlMode),
    /// Nobody new comes in.
    Locked,
    /// They do again.
    Unlocked,
    /// The room ends in so many seconds.
    Ends { seconds: u64, why: &'a str },
    /// Somebody plays, pauses or seeks; `None` is oneself.
    Moved { by: Option<&'a str>, how: Moved, to: MediaTime },
    /// The room goes on without somebody who is not ready.
    Without { name: &'a str },
    /// Somebody shares a film; `None` is oneself.
    Shares { by: Option<&'a str>, film: &'a str },
    /// Somebody ended it; `None`: nobody said so.
    FilmEnded { by: Option<&'a str> },
    /// The film is complete here.
    AllHere { film: &'a str },
    /// Somebody shares a file of subtitles; `None` is oneself.
    Subtitles { by: Option<&'a str>, name: &'a str },
}

/// How a film was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It runs.
    Played,
    /// It stands.
    Paused,
    /// It is elsewhere.
    Jumped,
}

impl Happening<'_> {
    /// The line, without a full stop.
    pub(crate) fn text(&self, l: Language) -> String {
        match self {
            Self::Entered { code } => in_both!(l, "You are in room {code}", "Du bist im Raum {code}"),
            Self::ServerBack => in_both!(l, "The server is back", "Der Server ist wieder da"),
            Self::Joined { name } => in_both!(l, "{name} joined", "{name} ist dazugekommen"),
            Self::Left { name } => in_both!(l, "{name} left", "{name} ist gegangen"),
            Self::Removed { name } => in_both!(l, "{name} was removed", "{name} wurde entfernt"),
            Self::LostConnection { name } => {
                in_both!(l, "{name} lost the connection", "{name} hat die Verbindung verloren")
            }
            Self::Back { name } => in_both!(l, "{name} is back", "{name} ist wieder da"),
            Self::HostLost { name, seconds } => in_both!(
                l,
                "{name} lost the connection; somebody else is host in {seconds} s",
                "{name} hat die Verbindung verloren; in {seconds} s wird jemand anders Host"
            ),
            Self::Host { name } => in_both!(l, "{name} is the host now", "{name} ist jetzt Host"),
            Self::YouHost => in_both!(l, "You are the host now", "Du bist jetzt Host"),
            Self::Role { name, role } => match role {
                Role::Host => in_both!(l, "{name} is the host now", "{name} ist jetzt Host"),
                Role::Cohost => in_both!(l, "{name} is cohost now", "{name} ist jetzt Co-Host"),
                Role::Viewer => in_both!(l, "{name} is viewer now", "{name} schaut jetzt nur zu"),
            },
            Self::Control(ControlMode::Host) => {
                in_both!(l, "Only hosts control the film now", "Nur noch Host und Co-Hosts steuern den Film")
            }
            Self::Control(ControlMode::Everyone) => {
                in_both!(l, "Everyone controls the film now", "Jetzt dürfen alle den Film steuern")
            }
            Self::Control(ControlMode::Chosen(_)) => {
                in_both!(l, "The host chose who controls the film", "Der Host hat ausgesucht, wer den Film steuert")
            }
            Self::Locked => in_both!(l, "The room is locked", "Der Raum ist jetzt abgeschlossen"),
            Self::Unlocked => in_both!(l, "The room is open again", "Der Raum ist wieder offen"),
            Self::Ends { seconds, why } => {
                in_both!(l, "The room ends in {seconds} s: {why}", "Der Raum endet in {seconds} s: {why}")
            }
            Self::Moved { by: Some(name), how, to } => match how {
                Moved::Played => in_both!(l, "{name} played at {to}", "{name} hat bei {to} gestartet"),
                Moved::Paused => in_both!(l, "{name} paused at {to}", "{name} hat bei {to} angehalten"),
                Moved::Jumped => in_both!(l, "{name} jumped to {to}", "{name} ist zu {to} gesprungen"),
            },
            Self::Moved { by: None, how, to } => match how {
                Moved::Played => in_both!(l, "You played at {to}", "Du hast bei {to} gestartet"),
                Moved::Paused => in_both!(l, "You paused at {to}", "Du hast bei {to} angehalten"),
                Moved::Jumped => in_both!(l, "You jumped to {to}", "Du bist zu {to} gesprungen"),
            },
            Self::Without { name } => {
                in_both!(
                    l,
                    "Resuming without {name}; they will catch up",
                    "Es geht ohne {name} weiter; {name} holt auf"
                )
            }
            Self::Shares { by: Some(name), film } => in_both!(l, "{name} shares {film}", "{name} teilt {film}"),
            Self::Shares { by: None, film } => in_both!(l, "You share {film}", "Du teilst {film}"),
            Self::FilmEnded { by: Some(name) } => {
                in_both!(l, "{name} ended the film", "{name} hat den Film beendet")
            }
            Self::FilmEnded { by: None } => in_both!(l, "The room ended the film", "Der Film wurde beendet"),
            Self::AllHere { film } => in_both!(l, "All of {film} is here", "{film} ist jetzt ganz da"),
            Self::Subtitles { by: Some(by), name } => {
                in_both!(l, "{by} shared the subtitles {name}", "{by} hat die Untertitel {name} geteilt")
            }
            Self::Subtitles { by: None, name } => {
                in_both!(l, "You shared the subtitles {name}", "Du hast die Untertitel {name} geteilt")
            }
        }
    }
}

/// Why a room ends. Of what a server says, what ours say is known in every language; the rest stays as it was said.
pub(crate) fn why_it_ends(reason: Option<&str>, l: Language) -> String {
    match reason {
        None => in_both!(l, "the room is closed", "der Raum wird geschlossen"),
        Some("the host ended the room") => in_both!(l, "the host ended the room", "der Host hat den Raum beendet"),
        Some("nobody is here any more") => in_both!(l, "nobody is here any more", "es ist niemand mehr da"),
        Some("the room is older than rooms may get") => {
            in_both!(l, "the room is older than rooms may get", "der Raum ist älter, als Räume werden dürfen")
        }
        Some("you joined from elsewhere") => {
            in_both!(l, "you joined from elsewhere", "du bist von woanders beigetreten")
        }
        Some(reason) => reason.to_owned(),
    }
}
