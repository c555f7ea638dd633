//! What an app's own player says of itself. This crate links none.

/// A player inside the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPlayer {
    /// What it plays with: `GStreamer 1.22.0`.
    pub version: String,
    /// The graphics chip's decoders that it can use, by its own names.
    pub hardware: Vec<String>,
    /// What is usual in films and cannot be decoded: the codec, and the package that helps.
    pub missing: Vec<(String, String)>,
}
