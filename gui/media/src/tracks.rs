//! What of a film can be chosen: the lists of `playbin`, and what films say of their tracks in tags.

use gst::prelude::*;

use crate::command::TrackKind;
use crate::event::Track;
use crate::limits::{NAME_CHARS_MAX, TRACKS_MAX};
use crate::words::printable;

/// The tracks of a kind, in the film's order; for subtitles those within the film, of which none is selected here.
pub(crate) fn tracks(playbin: &gst::Element, kind: TrackKind) -> Vec<Track> {
    let Names { count, current, tags, .. } = names(kind);
    let playing = current.and_then(|current| u32::try_from(playbin.property::<i32>(current)).ok());
    let count = u32::try_from(playbin.property::<i32>(count)).unwrap_or_default().min(TRACKS_MAX);
    let of = |index: u32| {
        let said = i32::try_from(index).ok().and_then(|i| playbin.emit_by_name::<Option<gst::TagList>>(tags, &[&i]));
        track(kind, index + 1, said.as_ref(), playing == Some(index))
    };
    (0..count).map(of).collect()
}

/// Plays the track of that number, if there is one.
pub(crate) fn select(playbin: &gst::Element, kind: TrackKind, id: u32) -> bool {
    let Names { count, switch, .. } = names(kind);
    let index = id.checked_sub(1).and_then(|index| i32::try_from(index).ok());
    let index = index.filter(|&index| index < playbin.property::<i32>(count));
    if let Some(index) = index {
        playbin.set_property(switch, index);
    }
    index.is_some()
}

/// What `playbin` calls things.
struct Names {
    count: &'static str,
    /// Says which one plays.
    current: Option<&'static str>,
    switch: &'static str,
    tags: &'static str,
}

const fn names(kind: TrackKind) -> Names {
    match kind {
        TrackKind::Video => {
            Names { count: "n-video", current: Some("current-video"), switch: "current-video", tags: "get-video-tags" }
        }
        TrackKind::Audio => {
            Names { count: "n-audio", current: Some("current-audio"), switch: "current-audio", tags: "get-audio-tags" }
        }
        // All of them are read; which one is shown is known elsewhere.
        TrackKind::Subtitle => Names { count: "n-text", current: None, switch: "current-text", tags: "get-text-tags" },
    }
}

fn track(kind: TrackKind, id: u32, tags: Option<&gst::TagList>, selected: bool) -> Track {
    let text = |found: Option<&str>| {
        let text = printable(found?, NAME_CHARS_MAX);
        (!text.is_empty()).then_some(text)
    };
    let codec = match kind {
        TrackKind::Video => tags.and_then(|tags| text(Some(tags.get::<gst::tags::VideoCodec>()?.get()))),
        TrackKind::Audio => tags.and_then(|tags| text(Some(tags.get::<gst::tags::AudioCodec>()?.get()))),
        TrackKind::Subtitle => tags.and_then(|tags| text(Some(tags.get::<gst::tags::SubtitleCodec>()?.get()))),
    };
    // "H.264 (High Profile)"
    let short = |codec: String| codec.split(" (").next().unwrap_or_default().to_owned();
    Track {
        kind,
        id,
        // "und" is how containers say that they do not know (ISO 639-2).
        language: tags
            .and_then(|tags| text(Some(tags.get::<gst::tags::LanguageCode>()?.get())))
            .filter(|language| language != "und"),
        title: tags.and_then(|tags| text(Some(tags.get::<gst::tags::Title>()?.get()))),
        codec: codec.map(short),
        selected,
    }
}
