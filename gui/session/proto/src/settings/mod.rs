//! What a person set, from wherever it was said: the file of settings, then the variables of `.env` and of the environment, and
//! last the flags of whatever was started.
//!
//! Here is the table of what there is and how it is read; files are opened in the crate above.

mod dotenv;
mod fields;
mod looks;
mod low_power;
mod offsets;
mod places;
mod recent;
mod stored;
mod variables;
mod wrong;

pub use dotenv::{BadLine, DotEnv};
pub use looks::{Keys, Looks, Theme};
pub use low_power::{Machine, SmallBecause};
pub use offsets::Offsets;
pub(crate) use places::WATCHED_MIN;
pub use places::{Place, Places};
pub use recent::{Recent, RecentFilm, Recents};
pub use stored::{NotSettings, Stored};
pub use variables::Variables;
pub use wrong::{BadSetting, SettingRefused, Wrong};

use std::fmt;

use crate::server_url::ServerUrl;
use crate::wish::LateJoin;
use crate::words::Language;

/// All settings, each with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The server for new rooms, and for codes without one.
    pub server: Option<ServerUrl>,
    /// One's name in rooms.
    pub name: Option<String>,
    /// A relay for calls, beside those that the server names.
    pub turn: Turn,
    /// What becomes of films that were watched.
    pub films: Films,
    /// Whether films are sent to others at all.
    pub upload: bool,
    /// How much later than the player says the sound leaves the speakers.
    pub offsets: Offsets,
    /// Where downloads live; `None`: the system's folder for what can be fetched again.
    pub download_folder: Option<String>,
    /// Bytes of downloads kept on disk; 0 for no limit.
    pub disk_limit: u64,
    /// Bytes a second to all others together; 0 for no limit.
    pub max_upload: u64,
    /// Bytes a second from all others together; 0 for no limit.
    pub max_download: u64,
    /// Port for others' engines; `None`: the usual one.
    pub listen_port: Option<u16>,
    /// Port of the local server for players; `None`: the usual one.
    pub http_port: Option<u16>,
    /// Films are the room's alone, and no stranger hears of them.
    pub private: bool,
    /// Whether to spare the machine.
    pub low_power: LowPower,
    /// How to take part in a film that runs already.
    pub late_join: LateJoin,
    /// In which everything is said; `None`: that of the environment.
    pub language: Option<Language>,
    /// What is said about a scene is shown when it was seen.
    pub spoiler_safe: bool,
    /// Much is written into the log, for whoever looks for a fault.
    pub detailed_log: bool,
    /// How the window looks and listens.
    pub looks: Looks,
}

/// A relay for calls.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// `turn:` or `turns:`, a host and perhaps a port.
    pub url: Option<String>,
    /// As the relay knows us.
    pub username: Option<String>,
    /// Secret.
    pub password: Option<String>,
}

/// What becomes of films that were watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Films {
    /// They stay for a while, see the engine's rules.
    #[default]
    Keep,
    /// They go when the room is left.
    Delete,
}

/// Whether to spare the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowPower {
    /// On a small machine.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Where a setting was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the file of settings.
    File,
    /// In the environment or `.env`.
    Variable,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: None,
            name: None,
            turn: Turn::default(),
            films: Films::Keep,
            upload: true,
            offsets: Offsets::default(),
            download_folder: None,
            disk_limit: 0,
            max_upload: 0,
            max_download: 0,
            listen_port: None,
            http_port: None,
            private: true,
            low_power: LowPower::Auto,
            late_join: LateJoin::default(),
            language: None,
            spoiler_safe: false,
            detailed_log: false,
            looks: Looks::default(),
        }
    }
}

impl Settings {
    /// The one that was chosen, else the environment's.
    pub fn language(&self, variable: impl Fn(&str) -> Option<String>) -> Language {
        self.language.unwrap_or_else(|| Language::of_environment(variable))
    }

    /// Why the machine is spared; `None` when it is not.
    pub fn spares(&self, machine: &Machine<'_>) -> Option<SmallBecause> {
        match self.low_power {
            LowPower::On => Some(SmallBecause::Chosen),
            LowPower::Off => None,
            LowPower::Auto => machine.is_small(),
        }
    }
}

/// Without the password.
impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "…");
        f.debug_struct("Turn")
            .field("url", &self.url)
            .field("username", &self.username)
            .field("password", &password)
            .finish()
    }
}
