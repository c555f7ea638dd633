//! Subtitles that a film has within, on their way from GStreamer to the player's thread.
//!
//! All of its tracks are heard at once, before the one that `playbin` would choose, and nothing goes on from there: a track is then
//! there when it is chosen, also in the middle of a subtitle, and no sink that stands keeps subtitles from coming.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gst::{EventType, PadProbeData, PadProbeReturn, PadProbeType};
use gst_app::AppSink;

use crate::limits::{CUE_LASTS, CUE_START_MAX, CUES_HEARD_MAX, TRACKS_MAX};
use crate::pipeline::Bell;
use crate::subtitles::{Timed, marked_up};

/// What came and was not taken in yet. Shared with GStreamer's threads.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Each with the number of its track.
    cues: Mutex<Vec<(u32, Timed)>>,
    /// Those that are listened to.
    pads: Mutex<Vec<gst::Pad>>,
    bell: Bell,
}

impl Heard {
    pub(crate) const fn new(bell: Bell) -> Self {
        Self { cues: Mutex::new(Vec::new()), pads: Mutex::new(Vec::new()), bell }
    }

    /// Everything that came since the last time.
    pub(crate) fn take(&self) -> Vec<(u32, Timed)> {
        std::mem::take(&mut *self.cues.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Listens to all tracks of subtitles that `playbin` has now.
    pub(crate) fn listen(self: &Arc<Self>, playbin: &gst::Element) {
        let count = u32::try_from(playbin.property::<i32>("n-text")).unwrap_or_default().min(TRACKS_MAX);
        for index in 0..count {
            let Ok(number) = i32::try_from(index) else { return };
            let Some(pad) = playbin.emit_by_name::<Option<gst::Pad>>("get-text-pad", &[&number]) else { continue };
            let mut pads = self.pads.lock().unwrap_or_else(PoisonError::into_inner);
            if pads.contains(&pad) {
                continue;
            }
            pads.push(pad.clone());
            drop(pads);
            let heard = Arc::downgrade(self);
            let kinds = PadProbeType::BUFFER | PadProbeType::EVENT_DOWNSTREAM;
            pad.add_probe(kinds, move |pad, info| match &info.data {
                Some(PadProbeData::Buffer(buffer)) => {
                    if let (Some(heard), Some(timed)) = (heard.upgrade(), timed(pad, buffer)) {
                        heard.push(index + 1, timed);
                    }
                    PadProbeReturn::Handled
                }
                // "Nothing is said until then" would make a sink wait as well.
                Some(PadProbeData::Event(event)) if event.type_() == EventType::Gap => PadProbeReturn::Handled,
                // GStreamer's own enum.
                _ => PadProbeReturn::Ok,
            });
        }
    }

    fn push(&self, id: u32, timed: Timed) {
        let mut cues = self.cues.lock().unwrap_or_else(PoisonError::into_inner);
        if cues.len() < CUES_HEARD_MAX {
            cues.push((id, timed));
            drop(cues);
            self.bell.ring();
        }
    }
}

/// Where subtitles would end: its caps make `playbin` decode them to text.
pub(crate) fn text_sink() -> AppSink {
    let formats = gst::List::new(["pango-markup", "utf8"]);
    let caps = gst::Caps::builder("text/x-raw").field("format", formats).build();
    AppSink::builder().caps(&caps).build()
}

/// What a buffer says, and when. Its time may begin before the place that was sought, which then lies within it.
fn timed(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<Timed> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    let start = Duration::from(segment.to_stream_time_full(buffer.pts()?)?.positive()?);
    let lasts = buffer.duration().map_or(CUE_LASTS, Duration::from).min(CUE_START_MAX);
    let text = buffer.map_readable().ok()?;
    let cue = marked_up(&String::from_utf8_lossy(&text));
    let is_something = !cue.lines.is_empty() && !lasts.is_zero() && start <= CUE_START_MAX;
    is_something.then(|| Timed { start, end: start + lasts, cue })
}
