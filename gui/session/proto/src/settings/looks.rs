//! How the window looks and listens, as a person set it.

/// Colours of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it, where it says so; else dark.
    #[default]
    Auto,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As far apart as colours can be.
    Contrast,
}

/// Whose keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// ShareStream's own.
    #[default]
    Default,
    /// As in mpv.
    Mpv,
}

/// How the window looks and listens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Looks {
    /// Its colours.
    pub theme: Theme,
    /// Text, and what grows with it: 1 to 2.
    pub text_size: f64,
    /// Nothing moves that need not.
    pub reduced_motion: bool,
    /// Subtitles: 0.5 to 3.
    pub subtitle_size: f64,
    /// Subtitles stand on a dark ground.
    pub subtitle_box: bool,
    /// Whose keys.
    pub keys: Keys,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            theme: Theme::Auto,
            text_size: 1.0,
            reduced_motion: false,
            subtitle_size: 1.0,
            subtitle_box: true,
            keys: Keys::Default,
        }
    }
}
