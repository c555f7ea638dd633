//! Subtitles: what is shown when. Files are read within bounds ([`parse`]); what a film has within comes from GStreamer.

mod ass;
mod reading;
mod srt;
mod text;
mod timeline;
mod vtt;

pub(crate) use reading::{Read, name, read};
pub(crate) use text::marked_up;
pub(crate) use timeline::{Timed, Timeline};

/// What is shown at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// From top to bottom.
    pub lines: Vec<Line>,
}

/// One line of a subtitle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// From its beginning to its end.
    pub spans: Vec<Span>,
}

/// A piece of a line in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Without mark-up.
    pub text: String,
    /// Written heavily.
    pub bold: bool,
    /// Written slanted.
    pub italic: bool,
}

/// A file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    SubRip,
    WebVtt,
    SubStation,
}

impl Format {
    /// As people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SubRip => "SubRip",
            Self::WebVtt => "WebVTT",
            Self::SubStation => "SubStation Alpha",
        }
    }

    /// By what the text begins with: names of files lie.
    fn of(text: &str) -> Self {
        if text.starts_with("WEBVTT") {
            Self::WebVtt
        } else if text.lines().take(200).any(|line| {
            let line = line.trim_start();
            line.starts_with("[Script Info]")
                || line.starts_with("[V4")
                || line.starts_with("[Events]")
                || line.starts_with("Dialogue:")
        }) {
            Self::SubStation
        } else {
            Self::SubRip
        }
    }
}

/// Reads a file of subtitles in any of the formats and encodings; `None` if there is not one subtitle in it.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Format, Timeline)> {
    let text = text::decode(bytes);
    let format = Format::of(&text);
    let cues = match format {
        Format::SubRip => srt::parse(&text),
        Format::WebVtt => vtt::parse(&text),
        Format::SubStation => ass::parse(&text),
    };
    (!cues.is_empty()).then(|| (format, Timeline::new(cues)))
}

#[cfg(test)]
mod tests;
