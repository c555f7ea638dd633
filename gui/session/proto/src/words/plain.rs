//! Notices without a code: of the player, and of wishes that cannot be fulfilled now.

use super::{Language, Words, in_both};
use crate::player::Failure;
use crate::view::{Action, Level};

/// What is worth a notice and is no trouble of engine, server or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain<'a> {
    /// The film was open, and its stream ended early.
    StreamBroke,
    /// The player's program crashed.
    PlayerCrashed,
    /// Its user closed it.
    PlayerClosed,
    /// The film does not play here.
    PlayerFailed(&'a Failure),
    /// Staying so close to the room is too much for this device.
    KeptLessClosely,
    /// A film is to play, and there is none.
    NoFilm,
    /// There is no seek to go back from.
    NoSeekToUndo,
    /// The speed is the room's, whose server is gone.
    NoSpeedNow,
    /// A file that is no subtitles was to be shared as some.
    NoSubtitles,
    /// One's own cannot be read.
    SubtitlesNotShared { why: &'a str },
    /// They are too large, or something else.
    SubtitlesUnusable { name: &'a str },
}

impl Plain<'_> {
    /// In that language.
    pub(crate) fn words(&self, l: Language) -> Words {
        let (level, title, text, action) = match self {
            Self::StreamBroke => (
                Level::Warning,
                in_both!(l, "The film's stream broke off", "Der Film ist abgerissen"),
                in_both!(
                    l,
                    "It is opened again; the others are not disturbed.",
                    "Er wird noch einmal geöffnet; die anderen merken davon nichts."
                ),
                Action::Wait,
            ),
            Self::PlayerCrashed => (
                Level::Warning,
                in_both!(l, "The player ended unexpectedly", "Der Player ist abgestürzt"),
                in_both!(
                    l,
                    "It is opened again; the others are not disturbed.",
                    "Er wird wieder geöffnet; die anderen merken davon nichts."
                ),
                Action::Wait,
            ),
            Self::PlayerClosed => (
                Level::Info,
                in_both!(l, "You closed the player", "Du hast den Player geschlossen"),
                in_both!(
                    l,
                    "Nobody waits for you while it is closed. Open it again to be where the others are.",
                    "Solange er zu ist, wartet niemand auf dich. Öffne ihn wieder, dann bist du da, wo die anderen sind."
                ),
                Action::Retry,
            ),
            Self::PlayerFailed(Failure::NoDecoder { codec }) => (
                Level::Error,
                in_both!(l, "This computer cannot play {codec}", "Dieser Computer kann {codec} nicht abspielen"),
                in_both!(
                    l,
                    "The others go on without you seeing it. A player with that codec helps: on Debian and Ubuntu, install mpv from \
                     the system's packages.",
                    "Die anderen schauen weiter, nur du siehst den Film nicht. Ein Player mit diesem Codec hilft: Unter Debian und \
                     Ubuntu installierst du mpv aus den Paketen des Systems."
                ),
                Action::Install,
            ),
            Self::PlayerFailed(Failure::NoPlayer { why }) => (
                Level::Error,
                in_both!(l, "The player does not start", "Der Player startet nicht"),
                in_both!(
                    l,
                    "You can still chat, and the film goes on arriving. Install mpv, then try again. Details: {why}",
                    "Chatten kannst du trotzdem, und der Film kommt weiter an. Installiere mpv und versuch es dann noch einmal. \
                     Genaueres: {why}"
                ),
                Action::Install,
            ),
            Self::PlayerFailed(Failure::Unreadable { why }) => (
                Level::Error,
                in_both!(l, "The film cannot be played here", "Der Film lässt sich hier nicht abspielen"),
                in_both!(
                    l,
                    "It may be damaged or no film at all. Ask the host to check the file. Details: {why}",
                    "Vielleicht ist er beschädigt oder gar kein Film. Bitte den Host, die Datei zu prüfen. Genaueres: {why}"
                ),
                Action::AskHost,
            ),
            Self::KeptLessClosely => (
                Level::Info,
                in_both!(
                    l,
                    "This device is kept less closely in step",
                    "Dieses Gerät läuft nicht mehr ganz so genau mit"
                ),
                in_both!(
                    l,
                    "It had to jump several times within a minute, so small differences are left alone now. You may hear the others \
                     a little earlier or later.",
                    "Es musste innerhalb einer Minute mehrmals springen, deshalb bleiben kleine Abweichungen jetzt stehen. Du hörst \
                     die anderen vielleicht etwas früher oder später."
                ),
                Action::Dismiss,
            ),
            Self::NoFilm => (
                Level::Info,
                in_both!(l, "There is no film yet", "Es gibt noch keinen Film"),
                in_both!(
                    l,
                    "The host chooses one; you can chat meanwhile.",
                    "Der Host sucht einen aus; chatten kannst du schon."
                ),
                Action::Dismiss,
            ),
            Self::NoSeekToUndo => (
                Level::Info,
                in_both!(l, "There is no seek to undo", "Es gibt keinen Sprung, der rückgängig zu machen wäre"),
                in_both!(
                    l,
                    "Nobody has moved the film since you came.",
                    "Seit du da bist, ist niemand im Film gesprungen."
                ),
                Action::Dismiss,
            ),
            Self::NoSubtitles => (
                Level::Info,
                in_both!(l, "This is no file of subtitles", "Das ist keine Datei mit Untertiteln"),
                in_both!(
                    l,
                    "Those end with .srt, .vtt, .ass or .ssa. Choose one of these.",
                    "Solche enden auf .srt, .vtt, .ass oder .ssa. Such so eine aus."
                ),
                Action::Dismiss,
            ),
            Self::SubtitlesNotShared { why } => (
                Level::Info,
                in_both!(l, "The subtitles cannot be shared", "Die Untertitel lassen sich nicht teilen"),
                in_both!(
                    l,
                    "Their file cannot be read. The film is not affected. Details: {why}",
                    "Die Datei lässt sich nicht lesen. Der Film läuft weiter wie bisher. Genaueres: {why}"
                ),
                Action::Dismiss,
            ),
            Self::SubtitlesUnusable { name } => (
                Level::Info,
                in_both!(l, "The subtitles {name} cannot be used", "Die Untertitel {name} sind nicht zu gebrauchen"),
                in_both!(
                    l,
                    "They are too large, damaged, or no subtitles at all. The film is not affected.",
                    "Sie sind zu groß, beschädigt oder gar keine Untertitel. Der Film läuft weiter wie bisher."
                ),
                Action::Dismiss,
            ),
            Self::NoSpeedNow => (
                Level::Info,
                in_both!(l, "The speed cannot be changed now", "Das Tempo lässt sich gerade nicht ändern"),
                in_both!(
                    l,
                    "It is the room's, and the server is not there. Try again when it is back.",
                    "Es gilt für den ganzen Raum, und der Server ist nicht da. Versuch es, wenn er zurück ist."
                ),
                Action::Dismiss,
            ),
        };
        Words { level, title, text, action }
    }
}
