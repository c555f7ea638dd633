//! What this machine's GStreamer can do, without a film.

use gst::ElementFactoryType as Kind;
use gst::prelude::*;

use crate::limits::WHY_CHARS_MAX;
use crate::missing::{Missing, from_caps};
use crate::words::printable;

/// What plays films here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outfit {
    /// GStreamer's own name and version: `GStreamer 1.22.0`.
    pub version: String,
    /// Decoders of the graphics chip, by GStreamer's names: `vah264dec`.
    pub hardware: Vec<String>,
    /// What is usual in films and cannot be decoded here: the codec, and the package that helps.
    pub missing: Vec<(String, String)>,
}

/// What films usually consist of, as GStreamer describes it.
const USUAL: [&str; 11] = [
    "video/x-h264",
    "video/x-h265",
    "video/x-av1",
    "video/x-vp9",
    "video/x-vp8",
    "audio/mpeg, mpegversion=(int)4",
    "audio/mpeg, mpegversion=(int)1, layer=(int)3",
    "audio/x-opus",
    "audio/x-vorbis",
    "audio/x-ac3",
    "audio/x-flac",
];

/// Asks GStreamer, which is started for it. Takes a second the first time after an installation.
///
/// # Errors
/// When it does not start: its words.
pub fn outfit() -> Result<Outfit, String> {
    gst::init().map_err(|error| printable(error.message(), WHY_CHARS_MAX))?;
    let decoders = gst::ElementFactory::factories_with_type(Kind::DECODER, gst::Rank::MARGINAL);
    let is_chip = |factory: &&gst::ElementFactory| {
        factory
            .metadata(gst::ELEMENT_METADATA_KLASS)
            .is_some_and(|klass| klass.contains("Hardware") && klass.contains("Video"))
    };
    let hardware = decoders.iter().filter(is_chip).map(|factory| factory.name().to_string()).collect();
    let lacks = |media: &&str| {
        let caps: gst::Caps = media.parse().ok()?;
        let is_there = decoders.iter().any(|factory| factory.can_sink_any_caps(&caps));
        let Missing { codec, help, .. } = from_caps(caps.structure(0)?, "");
        (!is_there).then_some((codec, help))
    };
    let missing = USUAL.iter().filter_map(lacks).collect();
    Ok(Outfit { version: gst::version_string().to_string(), hardware, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_plays_with_is_all_there_where_it_is_built() {
        let outfit = outfit().unwrap();
        assert!(outfit.version.starts_with("GStreamer "), "{outfit:?}");
        assert_eq!(outfit.missing, []);
    }

    #[test]
    fn everything_usual_has_a_name_for_people() {
        gst::init().unwrap();
        for media in USUAL {
            let caps: gst::Caps = media.parse().unwrap();
            let Missing { codec, help, .. } = from_caps(caps.structure(0).unwrap(), "");
            assert!(!codec.contains('/') && help.starts_with("gstreamer1.0-"), "{media}: {codec}, {help}");
        }
    }
}
