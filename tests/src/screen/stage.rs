//! A screen and a sound server, and the players that get a place in them without knowing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::display::{Display, WINDOWS};
use super::sound::Sound;
use crate::process::find;

/// Everybody's own clock: milliseconds ahead, and millionths too fast.
pub const CLOCKS: [&str; WINDOWS] = ["0,100", "3700,-100", "41,60", "86400123,-40"];

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
        // People's machines know their plugins already; looking for them takes seconds.
        let known =
            Command::new("gst-inspect-1.0").env("GST_REGISTRY", registry(folder)).stdout(Stdio::null()).status();
        if let Err(error) = known {
            println!("Players begin without knowing their plugins: {error}");
        }
        Self { display, sound: Sound::start(folder), folder: folder.to_owned() }
    }

    /// Flags of the app for a window of its own in that place, with nothing but the film in it.
    pub fn window_flags(&self, window: usize) -> Vec<String> {
        let geometry = self.display.geometry(window);
        let (size, place) = geometry.split_once('+').expect("a size and a place");
        let flags =
            ["--window", "--kiosk", "--lines", "--player", "own", "--size", size, "--place", &place.replace('+', ",")];
        flags.map(str::to_owned).to_vec()
    }

    /// The screen, the channel of the sound, and the clock, for that window.
    pub fn window_variables(&self, window: usize) -> Vec<(&'static str, String)> {
        vec![
            ("DISPLAY", self.display.name().to_owned()),
            ("PULSE_SERVER", self.sound.address().to_owned()),
            ("PULSE_SINK", Sound::name(window)),
            ("SLINT_BACKEND", "winit-software".to_owned()),
            ("GST_REGISTRY", registry(&self.folder).display().to_string()),
            ("SHARESTREAM_CLOCK", CLOCKS[window].to_owned()),
        ]
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

/// Where GStreamer notes what it has.
fn registry(folder: &Path) -> PathBuf {
    folder.join("gstreamer.bin")
}
