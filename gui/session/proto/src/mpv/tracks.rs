//! mpv's list of tracks.

use engine_proto::words::printable;
use serde_json::Value;

use crate::limits::NAME_CHARS_MAX;
use crate::player::{Track, TrackKind};

/// The tracks of `track-list`; what is none is left out.
pub(super) fn tracks(list: &Value, max: usize) -> Vec<Track> {
    list.as_array().into_iter().flatten().filter_map(track).take(max).collect()
}

fn track(value: &Value) -> Option<Track> {
    let kind = match value["type"].as_str()? {
        "video" => TrackKind::Video,
        "audio" => TrackKind::Audio,
        "sub" => TrackKind::Subtitle,
        _ => return None,
    };
    let text = |name: &str| value[name].as_str().map(|text| printable(text, NAME_CHARS_MAX));
    Some(Track {
        kind,
        id: value["id"].as_u64().and_then(|id| u32::try_from(id).ok())?,
        language: text("lang"),
        title: text("title"),
        codec: text("codec"),
        selected: value["selected"].as_bool() == Some(true),
    })
}

/// A codec's name as its makers write it, where it is a common one.
pub(super) fn codec_words(name: &str) -> String {
    match name {
        "" => "its pictures",
        "h264" => "H.264",
        "hevc" => "H.265",
        "vvc" => "H.266",
        "av1" => "AV1",
        "vp8" => "VP8",
        "vp9" => "VP9",
        "mpeg2video" => "MPEG-2",
        "mpeg4" => "MPEG-4",
        "vc1" => "VC-1",
        other => other,
    }
    .to_owned()
}
