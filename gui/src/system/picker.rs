//! The desktop's own choosers of files and folders.

use std::path::{Path, PathBuf};

use rfd::AsyncFileDialog;
use session::proto::in_both;
use session::proto::words::Language;

/// This desktop has no chooser: neither a portal (XDG Desktop Portal) nor zenity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PickerGone(String);

/// As films are usually called.
const FILMS: [&str; 19] = [
    "mkv", "mp4", "m4v", "webm", "avi", "mov", "mpg", "mpeg", "ts", "m2ts", "ogv", "ogm", "wmv", "flv", "vob", "3gp",
    "divx", "mts", "asf",
];
const SUBTITLES: [&str; 4] = ["srt", "vtt", "ass", "ssa"];
const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];

/// A film to share; `None`: the person thought better of it.
///
/// # Errors
/// When there is no chooser here.
pub(crate) async fn film(language: Language) -> Result<Option<PathBuf>, PickerGone> {
    let title = language.of("Choose a film", "Einen Film wählen");
    file(language, title, language.of("Films", "Filme"), &FILMS).await
}

/// Subtitles for oneself or the room.
///
/// # Errors
/// When there is no chooser here.
pub(crate) async fn subtitles(language: Language) -> Result<Option<PathBuf>, PickerGone> {
    let title = language.of("Choose subtitles", "Untertitel wählen");
    file(language, title, language.of("Subtitles", "Untertitel"), &SUBTITLES).await
}

/// A picture of an invitation.
///
/// # Errors
/// When there is no chooser here.
pub(crate) async fn picture(language: Language) -> Result<Option<PathBuf>, PickerGone> {
    let title = language.of("Choose a picture of the QR code", "Ein Bild des QR-Codes wählen");
    file(language, title, language.of("Pictures", "Bilder"), &PICTURES).await
}

/// A folder for downloads.
///
/// # Errors
/// When there is no chooser here.
pub(crate) async fn folder(language: Language) -> Result<Option<PathBuf>, PickerGone> {
    is_there(language)?;
    let title = language.of("Choose a folder", "Einen Ordner wählen");
    let chosen = AsyncFileDialog::new().set_title(title).pick_folder().await;
    Ok(chosen.map(|folder| folder.path().to_owned()))
}

async fn file(language: Language, title: &str, kind: &str, endings: &[&str]) -> Result<Option<PathBuf>, PickerGone> {
    is_there(language)?;
    let everything = language.of("All files", "Alle Dateien");
    let dialog = AsyncFileDialog::new().set_title(title).add_filter(kind, endings).add_filter(everything, &["*"]);
    Ok(dialog.pick_file().await.map(|file| file.path().to_owned()))
}

/// Elsewhere than on Linux the system has one. Here it is behind a session's D-Bus, or it is a program.
fn is_there(language: Language) -> Result<(), PickerGone> {
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    if !cfg!(target_os = "linux") || bus || in_path("zenity", std::env::var_os("PATH").as_deref()) {
        return Ok(());
    }
    Err(PickerGone(in_both!(
        language,
        "This system has no chooser of files (install xdg-desktop-portal or zenity). Drop the file on the window, or paste its path.",
        "Dieses System hat keine Dateiauswahl (installiere xdg-desktop-portal oder zenity). Zieh die Datei aufs Fenster, oder füge ihren Pfad ein."
    )))
}

fn in_path(program: &str, path: Option<&std::ffi::OsStr>) -> bool {
    path.is_some_and(|path| std::env::split_paths(path).any(|folder: PathBuf| Path::is_file(&folder.join(program))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("zenity"), "").unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        assert!(in_path("zenity", Some(&path)));
        assert!(!in_path("kdialog", Some(&path)));
        assert!(!in_path("zenity", None));
    }
}
