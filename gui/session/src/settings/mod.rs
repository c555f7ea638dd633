//! Settings and recent rooms in the system's own folder for them, with `.env` and the environment on top.
//!
//! What each means is in [`session_proto::settings`]; here are files.

mod files;
mod machine;

use std::io;
use std::path::{Path, PathBuf};

use engine_proto::infohash::Infohash;
use session_proto::limits::{DOTENV_LEN_MAX, SETTINGS_LEN_MAX};
use session_proto::settings::{DotEnv, Place, Places, Recents, SettingRefused, Settings, Stored, Variables};
use session_proto::words::{Language, in_both};
use sharestream_engine::Config;

pub use machine::machine;

/// The folder where a person's settings live, as `settings.json`, `recent.json` and `places.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
}

/// What is set, and what to say about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Each setting: of the variables, else of the file, else as usual.
    pub settings: Settings,
    /// For `DEBUG` and `LOG_LEVEL`: see `sharestream_engine::logging::level`.
    pub variables: Variables,
    /// Sentences for the person: what was left out, and why.
    pub notes: Vec<String>,
}

/// Why a setting is as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// It cannot be that.
    #[error("{0}")]
    Refused(#[from] SettingRefused),
    /// The system does not let the file be read or written.
    #[error("the settings cannot be kept: {0}")]
    File(#[from] io::Error),
}

impl NotChanged {
    /// In that language, without a full stop.
    pub fn words(&self, language: Language) -> String {
        match self {
            Self::Refused(refused) => refused.words(language),
            Self::File(error) => in_both!(
                language,
                "the settings cannot be kept: {error}",
                "die Einstellungen lassen sich nicht speichern: {error}"
            ),
        }
    }
}

const SETTINGS: &str = "settings.json";
const RECENT: &str = "recent.json";
const PLACES: &str = "places.json";

impl Home {
    /// The system's: `~/.config/sharestream` (XDG), `~/Library/Application Support/sharestream`, `%APPDATA%\sharestream`. `None`
    /// where the system names none.
    pub fn system() -> Option<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        config_dir(variable).map(|folder| Self::at(&folder.join("sharestream")))
    }

    /// Another, for tests and for apps that are carried about.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where they live; it may not be there yet.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is set: the environment's variables come before those of `.env` in the working folder, and these before the file.
    pub fn load(&self) -> Loaded {
        let variable = |name: &str| std::env::var(name).ok();
        self.load_with(Path::new("."), variable)
    }

    fn load_with(&self, working_folder: &Path, variable: impl Fn(&str) -> Option<String>) -> Loaded {
        let mut notes = Vec::new();
        let stored: Stored = self.usable(SETTINGS, Stored::parse, &mut notes);
        let (mut settings, bad) = stored.settings();
        notes.extend(bad.iter().map(ToString::to_string));
        let path = working_folder.join(".env");
        let dotenv = files::read(&path, DOTENV_LEN_MAX).unwrap_or_else(|error| {
            notes.push(format!("{} cannot be read: {error}", path.display()));
            Vec::new()
        });
        let (dotenv, bad) = DotEnv::parse(&dotenv);
        notes.extend(bad.iter().map(ToString::to_string));
        let variables = Variables::new(variable, dotenv);
        notes.extend(variables.apply(&mut settings).iter().map(ToString::to_string));
        Loaded { settings, variables, notes }
    }

    /// Changes what the file says; what variables say is not written into it, and what this version does not know stays.
    ///
    /// # Errors
    /// Of the system, when it cannot be read or written; it is as it was then.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) -> io::Result<()> {
        let mut stored = self.parsed(SETTINGS, Stored::parse, &mut Vec::new())?;
        let (mut settings, _) = stored.settings();
        change(&mut settings);
        stored.change(&settings);
        files::write(&self.folder.join(SETTINGS), stored.to_text().as_bytes())
    }

    /// Changes one setting, from text as a person typed or chose it.
    ///
    /// # Errors
    /// When it cannot be that, or the file cannot be read or written; it is as it was then.
    pub fn change_one(&self, name: &str, text: &str) -> Result<(), NotChanged> {
        let mut stored = self.parsed(SETTINGS, Stored::parse, &mut Vec::new())?;
        stored.change_one(name, text)?;
        Ok(files::write(&self.folder.join(SETTINGS), stored.to_text().as_bytes())?)
    }

    /// Changes how late an output's sound is, from text as a person typed it.
    ///
    /// # Errors
    /// When it is no such number, or the file cannot be read or written; it is as it was then.
    pub fn change_offset(&self, output: &str, text: &str) -> Result<(), NotChanged> {
        let mut stored = self.parsed(SETTINGS, Stored::parse, &mut Vec::new())?;
        stored.change_offset(output, text)?;
        Ok(files::write(&self.folder.join(SETTINGS), stored.to_text().as_bytes())?)
    }

    /// The rooms that one was in, and what to say about them.
    pub fn recent(&self) -> (Recents, Vec<String>) {
        let mut notes = Vec::new();
        let rooms = self.usable(RECENT, Recents::parse, &mut notes);
        (rooms, notes)
    }

    /// Changes them.
    ///
    /// # Errors
    /// Of the system, when they cannot be read or written; they are as they were then.
    pub fn change_recent(&self, change: impl FnOnce(&mut Recents)) -> io::Result<()> {
        let mut rooms = self.parsed(RECENT, Recents::parse, &mut Vec::new())?;
        change(&mut rooms);
        files::write(&self.folder.join(RECENT), rooms.to_text().as_bytes())
    }

    /// Where a film was left, if that is known. A file that cannot be read knows nothing, and the log says so.
    pub fn place(&self, film: Infohash) -> Option<Place> {
        let mut notes = Vec::new();
        let places: Places = self.usable(PLACES, Places::parse, &mut notes);
        notes.iter().for_each(|note| log::warn!("{note}"));
        places.of(film)
    }

    /// Keeps where a film is left.
    ///
    /// # Errors
    /// Of the system, when the places cannot be read or written; they are as they were then.
    pub fn keep_place(&self, place: Place) -> io::Result<()> {
        let mut places: Places = self.parsed(PLACES, Places::parse, &mut Vec::new())?;
        places.keep(place);
        files::write(&self.folder.join(PLACES), places.to_text().as_bytes())
    }

    /// A file's content, or as if there were none, which is said.
    fn usable<T: Default, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
        notes: &mut Vec<String>,
    ) -> T {
        self.parsed(name, parse, notes).unwrap_or_else(|error| {
            let path = self.folder.join(name);
            notes.push(format!("{} cannot be read, so the usual holds: {error}", path.display()));
            T::default()
        })
    }

    /// A file's content; if that is broken, it is moved aside, and it is as if there were none.
    fn parsed<T: Default, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
        notes: &mut Vec<String>,
    ) -> io::Result<T> {
        let path = self.folder.join(name);
        let error = match parse(&files::read(&path, SETTINGS_LEN_MAX)?) {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        let aside = files::set_aside(&path)?;
        let (path, aside) = (path.display(), aside.display());
        notes.push(format!("{path} is broken ({error}). It is kept as {aside}, and the usual holds"));
        Ok(T::default())
    }
}

/// An engine as a person set it.
pub fn engine_config(settings: &Settings) -> Config {
    let usual = Config::default();
    Config {
        http_port: settings.http_port.unwrap_or(usual.http_port),
        listen_port: settings.listen_port.unwrap_or(usual.listen_port),
        data_dir: settings.download_folder.as_ref().map_or(usual.data_dir, PathBuf::from),
        upload: settings.upload,
        max_upload: settings.max_upload,
        max_download: settings.max_download,
        disk_limit: settings.disk_limit,
        ..usual
    }
}

#[cfg(target_os = "windows")]
fn config_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("APPDATA")
}

#[cfg(target_os = "macos")]
fn config_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("HOME").map(|home| home.join("Library/Application Support"))
}

/// The XDG base directory specification: a relative path in the variable is to be ignored.
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
fn config_dir(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".config")))
}

#[cfg(test)]
mod tests;
