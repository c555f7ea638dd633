//! A screen and a sound server, and the players that get a place in them without knowing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::display::Display;
use super::sound::Sound;
use crate::process::find;

/// The screen, the sound, and a folder for both.
pub struct Stage {
    /// What is seen.
    pub display: Arc<Display>,
    /// What is heard.
    pub sound: Sound,
    folder: PathBuf,
}

impl Stage {
    /// Sets it up in that folder.
    pub fn new(folder: &Path) -> Self {
        let display = Arc::new(Display::start(folder));
        Self { display, sound: Sound::start(folder), folder: folder.to_owned() }
    }

    /// A folder with a program `mpv` in it, for the beginning of a `PATH`: the real one, in its place of the screen, with its
    /// channel of the sound. Whoever starts it gives it whatever else it takes.
    pub fn mpv(&self, window: usize) -> PathBuf {
        let folder = self.folder.join(format!("window{window}"));
        fs::create_dir_all(&folder).expect("the folder takes folders");
        let script = format!(
            "#!/bin/sh\nexport DISPLAY={} PULSE_SERVER={}\n\
             exec {} --vo=x11 --ao=pulse --audio-device={} --geometry={} --no-border --no-osc \"$@\"\n",
            self.display.name(),
            self.sound.address(),
            find("mpv").display(),
            Sound::device(window),
            self.display.geometry(window),
        );
        let file = folder.join("mpv");
        fs::write(&file, script).expect("the folder takes files");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a file of our own");
        folder
    }
}
