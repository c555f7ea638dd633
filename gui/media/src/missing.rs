//! What cannot be decoded here: GStreamer's messages about missing parts, in words for people.

use crate::command::TrackKind;
use crate::limits::NAME_CHARS_MAX;
use crate::words::printable;

/// Something of a film for which there is no decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) kind: TrackKind,
    pub(crate) codec: String,
    pub(crate) help: String,
}

/// Reads the element message `missing-plugin`: `type` says what kind of part it is, `detail` has the media's caps, and `name` says
/// it in words. Parts that are not for media (an address's scheme) are none of ours.
pub(crate) fn missing(message: &gst::StructureRef) -> Option<Missing> {
    if message.name() != "missing-plugin" || message.get::<&str>("type").ok()? != "decoder" {
        return None;
    }
    let caps = message.get::<gst::Caps>("detail").ok()?;
    Some(from_caps(caps.structure(0)?, message.get::<&str>("name").unwrap_or_default()))
}

pub(crate) fn from_caps(media: &gst::StructureRef, words: &str) -> Missing {
    let name = media.name().as_str();
    let kind = match name.split('/').next() {
        Some("audio") => TrackKind::Audio,
        Some("text" | "subtitle" | "subpicture") => TrackKind::Subtitle,
        _ if name.contains("ssa") || name.contains("subtitle") => TrackKind::Subtitle,
        _ => TrackKind::Video,
    };
    let what = match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "sound",
        TrackKind::Subtitle => "subtitles",
    };
    let number = |field: &str| media.get::<i32>(field).ok();
    let known = KNOWN.iter().find(|known| {
        known.media == name && known.version.is_none_or(|(field, version)| number(field) == Some(version))
    });
    let (codec, help) = match known {
        Some(known) => (known.codec.to_owned(), known.help),
        None => (printable(words.trim_end_matches(" decoder"), NAME_CHARS_MAX), LIBAV),
    };
    let codec = if codec.is_empty() { name.to_owned() } else { codec };
    Missing { kind, codec: format!("{codec} {what}"), help: help.to_owned() }
}

/// A kind of media, what people call it, and where its decoder is.
struct Known {
    media: &'static str,
    /// A field that must have that number.
    version: Option<(&'static str, i32)>,
    codec: &'static str,
    help: &'static str,
}

const LIBAV: &str = "gstreamer1.0-libav";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";

const fn known(media: &'static str, codec: &'static str, help: &'static str) -> Known {
    Known { media, version: None, codec, help }
}

const fn version(media: &'static str, number: i32, codec: &'static str, help: &'static str) -> Known {
    Known { media, version: Some(("mpegversion", number)), codec, help }
}

const KNOWN: [Known; 32] = [
    known("video/x-h264", "H.264", LIBAV),
    known("video/x-h265", "H.265", LIBAV),
    known("video/x-h266", "H.266", LIBAV),
    known("video/x-av1", "AV1", BAD),
    known("video/x-vp8", "VP8", GOOD),
    known("video/x-vp9", "VP9", GOOD),
    known("video/x-theora", "Theora", BASE),
    version("video/mpeg", 1, "MPEG-1", LIBAV),
    version("video/mpeg", 2, "MPEG-2", LIBAV),
    version("video/mpeg", 4, "MPEG-4", LIBAV),
    known("video/x-divx", "DivX", LIBAV),
    known("video/x-xvid", "Xvid", LIBAV),
    known("video/x-msmpeg", "Microsoft MPEG-4", LIBAV),
    known("video/x-wmv", "Windows Media", LIBAV),
    known("video/x-h263", "H.263", LIBAV),
    known("video/x-flash-video", "Flash", LIBAV),
    known("video/x-prores", "ProRes", LIBAV),
    known("video/x-ffv", "FFV1", LIBAV),
    known("audio/x-ac3", "AC-3", LIBAV),
    known("audio/x-eac3", "E-AC-3", LIBAV),
    known("audio/x-dts", "DTS", LIBAV),
    known("audio/x-true-hd", "TrueHD", LIBAV),
    version("audio/mpeg", 1, "MP3", LIBAV),
    version("audio/mpeg", 2, "AAC", LIBAV),
    version("audio/mpeg", 4, "AAC", LIBAV),
    known("audio/x-opus", "Opus", BASE),
    known("audio/x-vorbis", "Vorbis", BASE),
    known("audio/x-flac", "FLAC", GOOD),
    known("audio/x-alac", "ALAC", LIBAV),
    known("audio/x-wma", "Windows Media", LIBAV),
    known("subpicture/x-pgs", "Blu-ray", BAD),
    // What Matroska's reader does not know; nothing helps.
    known("application/x-subtitle-unknown", "unknown", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, caps: &str, name: &str) -> gst::Structure {
        gst::init().unwrap();
        let caps: gst::Caps = caps.parse().unwrap();
        gst::Structure::builder("missing-plugin").field("type", kind).field("detail", caps).field("name", name).build()
    }

    fn found(caps: &str, name: &str) -> (TrackKind, String, String) {
        let found = missing(&message("decoder", caps, name)).unwrap();
        (found.kind, found.codec, found.help)
    }

    #[test]
    fn codecs_have_the_names_that_people_know() {
        let video = (TrackKind::Video, "H.265 video".to_owned(), LIBAV.to_owned());
        assert_eq!(found("video/x-h265, profile=main", "H.265 (Main Profile) decoder"), video);
        assert_eq!(found("audio/x-ac3", "x").1, "AC-3 sound");
        assert_eq!(found("audio/mpeg, mpegversion=4", "x").1, "AAC sound");
        assert_eq!(found("audio/mpeg, mpegversion=1, layer=3", "x").1, "MP3 sound");
        assert_eq!(found("subpicture/x-pgs", "x").0, TrackKind::Subtitle);
        assert_eq!(found("application/x-subtitle-unknown", "x").1, "unknown subtitles");
    }

    #[test]
    fn what_nobody_knows_has_the_name_that_gstreamer_gives_it() {
        assert_eq!(found("video/x-strange", "Strange \u{202e}Codec decoder").1, "Strange Codec video");
        assert_eq!(found("audio/x-strange", "").1, "audio/x-strange sound");
        assert_eq!(found("video/mpeg, mpegversion=9", "MPEG-9 Video").1, "MPEG-9 Video video");
    }

    #[test]
    fn other_messages_are_not_about_decoders() {
        assert_eq!(missing(&message("encoder", "video/x-h265", "x")), None);
        assert_eq!(missing(&gst::Structure::new_empty("something")), None);
        assert_eq!(missing(&gst::Structure::new_empty("missing-plugin")), None);
        let element = gst::Structure::builder("missing-plugin").field("type", "decoder").field("detail", "x").build();
        assert_eq!(missing(&element), None);
    }
}
